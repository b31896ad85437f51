import json
from pathlib import Path

import jsonschema
import pytest

from pipeline.coding.repository import Repository
from pipeline.planning.plan import Correction, ScopeItem
from pipeline.proving import report as module
from pipeline.proving.audit import Finding
from pipeline.proving.documents import report_documents
from pipeline.proving.report import execution_report
from pipeline.proving.scope import counted, in_words, recounted
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import MEAN, PAPER, PLAN, RATE

SCHEMA = json.loads((Path(module.__file__).parent / "execution-report.schema.json").read_text())


def item(kind: str, anchor: str, *requirements: str, why: str = "", label: str = "") -> ScopeItem:
    return ScopeItem(kind=kind, anchor=anchor, label=label, requirements=requirements, why=why)


SCOPE = (
    item("equations", "Eq1", "R1"),
    item("equations", "Eq2", "R1", "R2"),
    item("equations", "Eq3", why="proof only: a bound"),
    item("algorithms", "Alg1", "R1"),
    item("algorithms", "Alg2", "R1"),
    item("tables", "Tab4", why="needs people: 40 *raters*"),
    item("tables", "TabA1", "R2"),
    item("experiments", "AppB.1", why="unplaced"),
    item("baselines", "Tab4", why="unplaced", label="ridge"),
)


def test_the_line_speaks_of_the_paper() -> None:
    assert in_words(counted(SCOPE, {"R1": "implemented", "R2": "partial"})) == (
        "2 of 3 numbered equations, both algorithms, 1 of 2 tables, not the section of experiments, not the baseline "
        "of its tables; left out: Equation 3 (proof only: a bound), Table 4 (needs people: 40 *raters*), "
        "Appendix B.1 (unplaced), ridge (unplaced)"
    )


def test_the_paper_s_own_method_is_no_baseline() -> None:
    names = ("ridge", "NLMS", "IMF")
    scope = [item("baselines", "Tab2", "R1", label=name) for name in names]
    scope[2] = scope[2].model_copy(update={"own": True})
    assert in_words(counted(scope, {"R1": "implemented"})) == "both baselines of its tables"


def test_what_follows_one_another_is_named_together() -> None:
    anchors = (
        "EqS-1",
        "EqS-2",
        "EqS-9",
        "EqS-10",
        "EqS-11",
        "AppB.1",
        "AppB.2",
        "AppB.3",
        "AppC",
        "Eq12a",
        "S4",
    )
    scope = tuple(item("equations", anchor, why="proof only") for anchor in anchors)
    assert in_words(counted(scope, {})) == (
        "none of 11 numbered equations; left out: Equation S-1, Equation S-2, Equations S-9 to S-11, Appendices B.1 to "
        "B.3, Appendix C, Equation 12a, Section 4 (proof only)"
    )


@pytest.mark.parametrize(
    ("verdict", "covered"), [("implemented", 2), ("partial", 2), ("missing", 1), ("deviates", 1)]
)
def test_what_the_audit_did_not_find_is_not_covered(verdict: str, covered: int) -> None:
    scope = (item("equations", "Eq1", "R1"), item("equations", "Eq2", "R2"))
    told = counted(scope, {"R1": "implemented", "R2": verdict})["equations"]
    assert told["covered"] == covered
    if covered == 1:
        assert told["left_out"] == [{"anchor": "Eq2", "label": "", "why": f"R2 {verdict}"}]


def test_a_long_list_is_said_to_be_cut() -> None:
    scope = tuple(item("equations", f"Eq{n}", why="unplaced") for n in range(1, 61, 2))
    assert in_words(counted(scope, {})).endswith("Equation 15 and 22 more (unplaced)")
    assert in_words(counted(scope, {})).startswith("none of 30 numbered equations")
    assert in_words(None) == ""


def test_report_and_documents_say_it_before_the_verdict() -> None:
    wrong = Correction(where="logic", wrong="a", right="b", quote="a batch of 32 observations")
    plan = PLAN.model_copy(update={"scope": SCOPE, "corrections": (wrong,)})
    report = execution_report(
        paper=PAPER,
        method="full",
        shares=ScriptedLLM({}).shares,
        plan=plan,
        mode="smoke",
        execution=None,
        attempts=(),
        findings=(Finding(MEAN, "implemented", (), ""), Finding(RATE, "missing", (), "")),
        repository=Repository({}),
        seconds={"total": 1.0},
    )
    jsonschema.validate(report, SCHEMA)
    assert report["scope"]["equations"]["covered"] == 2
    assert report["scope"]["datasets"] == {"total": 0, "covered": 0, "left_out": [], "placed": []}
    same = recounted(report["scope"], {"R1": "implemented", "R2": "missing"})
    assert in_words(same) == in_words(report["scope"])
    assert recounted(same, {"R1": "missing", "R2": "missing"})["equations"]["covered"] == 0
    assert report["corrections"][0]["anchor"] == "S1"
    written = report_documents(plan, report)
    for path in ("README.md", "docs/execution-report.md"):
        text = written[path]
        assert "**Of the paper:** 2 of 3 numbered equations, both algorithms, none of 2 tables" in text
        assert "40 \\*raters\\*" in text
        assert text.index("Of the paper") < text.index("It was not run")
    assert "“a” is wrong; b [S1] “a batch of 32 observations”" in written["docs/execution-report.md"]


def test_where_nobody_was_asked_nothing_is_claimed() -> None:
    report = execution_report(
        paper=PAPER,
        method="full",
        shares=ScriptedLLM({}).shares,
        plan=PLAN.model_copy(update={"scope": None}),
        mode="smoke",
        execution=None,
        attempts=(),
        repository=Repository({}),
        seconds={"total": 1.0},
    )
    jsonschema.validate(report, SCHEMA)
    assert report["scope"] is None
    assert "Of the paper" not in report_documents(PLAN, report)["README.md"]
