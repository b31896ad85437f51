"""Requests carried out on what a run delivers; the repository is the small one of plans.py."""

import json
from pathlib import Path

import jsonschema
import pytest

from bot.words import replies
from bot.words.checks import checks
from pipeline.coding.repository import Repository
from pipeline.errors import AnswerInvalid
from pipeline.progress import Progress
from pipeline.proving.conformance import Conformed, conformity
from pipeline.proving.documents import EXECUTION
from pipeline.proving.results import Result, Sample, entry
from pipeline.proving.scope import KINDS
from pipeline.record import Record
from pipeline.reproduce import Options, reproduce, workbench
from pipeline.revision import Asked, Reviser, Revision
from sandbox.interface import Sandbox
from tests.conftest import available
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import PAPER, judgements, opinion, recording
from tests.pipeline.proving.test_results import number as reported
from tests.pipeline.test_conformed import PATH as TESTS_PATH
from tests.pipeline.test_conformed import TESTS
from tests.pipeline.test_reproduce import SCHEMA

ASKED = Asked("Use numpy's own mean.", "alice: Why by hand?", "estimator.py", (9, 9), "@@ -0,0 +1,9 @@")


def edit(new: str, old: str = "    return total / len(values)", path: str = "estimator.py") -> str:
    return (
        f"I changed the mean.\n\nIt is the same number.\n\n{path}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n"
        ">>>>>>> REPLACE\n"
    )


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """What a run without a sandbox delivers."""
    out = tmp_path_factory.mktemp("delivered")
    made = reproduce(
        PAPER,
        llm=ScriptedLLM(recording()),
        sandbox=None,
        out=out,
        options=Options(packages=out),
        observe=lambda event: None,
    )
    return Repository(made.files)


class Desk:
    """A reviser, and what it told and asked."""

    def __init__(self, before: Repository, out: Path, sandbox: Sandbox | None = None, **answers: str) -> None:
        self.llm, self.events = ScriptedLLM({}), list[Progress]()
        self.llm.answers |= {
            name.replace("_", ".").replace("..", "#"): text for name, text in answers.items()
        }
        record, options = Record(out, self.llm, self.events.append), Options(packages=out / "packages")
        bench = workbench(sandbox, record, PAPER, options, lambda: False)
        self.reviser = Reviser(before, PAPER, self.llm, bench, record, options)

    def revise(self, asked: Asked = ASKED) -> Revision:
        return self.reviser.prove(self.reviser.propose(asked))


@pytest.fixture
def kept(tmp_path: Path, packages: Path) -> Path:
    """A folder whose packages are shared with the other tests."""
    packages.mkdir(parents=True, exist_ok=True)
    (tmp_path / "packages").symlink_to(packages, target_is_directory=True)
    return tmp_path


def test_the_model_sees_request_thread_and_place_as_data(delivered: Repository, tmp_path: Path) -> None:
    desk = Desk(delivered, tmp_path, revise_1=edit("    return float(np.mean(values))"))
    made = desk.revise()
    (prompt,) = desk.llm.asked
    assert "Means of Things" in prompt.shared and "# Overview" in prompt.shared
    assert "return total / len(values)" in prompt.shared
    assert "docs/execution-report.json" not in prompt.shared
    assert "\nUse numpy's own mean.\n</request mark=" in prompt.task
    assert "\nalice: Why by hand?\n</conversation mark=" in prompt.task
    assert ">     return total / len(values)\n</place mark=" in prompt.task
    assert made.answer == "I changed the mean.\n\nIt is the same number."
    assert made.changed == ("estimator.py",)
    assert made.status == "not-run" and not made.worse


def test_a_place_that_has_moved_is_shown_as_the_person_saw_it(delivered: Repository, tmp_path: Path) -> None:
    desk = Desk(delivered, tmp_path, revise_1="NO CHANGE: It does.")
    desk.revise(Asked("Why?", path="estimator.py", hunk="@@ -0,0 +1,9 @@\n+ total"))
    assert "\n@@ -0,0 +1,9 @@\n+ total\n</diff mark=" in desk.llm.asked[0].task


def test_a_question_is_answered_and_changes_nothing(delivered: Repository, tmp_path: Path) -> None:
    made = Desk(delivered, tmp_path, revise_1="NO CHANGE: The sum is float64.").revise()
    assert (made.changed, made.answer) == ((), "The sum is float64.")


def test_what_cannot_be_accepted_goes_back_to_the_model(delivered: Repository, tmp_path: Path) -> None:
    answers = {
        "revise_1": edit("    x", old="    not there"),
        "revise_1__2": edit("    return total / count(values)"),
        "revise_1__3": edit("    return float(np.mean(values))"),
    }
    desk = Desk(delivered, tmp_path, **answers)
    assert desk.revise().changed == ("estimator.py",)
    assert "does not stand in estimator.py" in desk.llm.asked[1].task
    assert "`count`" in desk.llm.asked[2].task


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (edit("# Plan", old="# Overview", path="docs/plan/overview.md"), "docs/"),
        (edit("    pass", old="    main(EXPERIMENTS)", path="main.py"), "same in every repository"),
        (".github/workflows/ci.yml\n```yaml\non: push\n```\n", "hidden files"),
        ("../main.py\n```python\nprint()\n```\n", "not names"),
        (
            edit("    try:\n        return total / len(values)\n    except Exception:\n        pass"),
            "swallows",
        ),
    ],
)
def test_what_is_never_accepted(delivered: Repository, tmp_path: Path, answer: str, words: str) -> None:
    desk = Desk(delivered, tmp_path, revise_1=answer, revise_1__2=answer, revise_1__3=answer)
    with pytest.raises(AnswerInvalid, match=words):
        desk.revise()


def test_code_may_be_taken_away_where_that_is_asked_for(delivered: Repository, tmp_path: Path) -> None:
    computed = '    return {"error": abs(mean(values)) * settings["learning_rate"]}'
    answer = edit('    return {"error": float(abs(values.mean()))}', old=computed, path="experiments.py")
    answer += edit("", old="from estimator import mean", path="experiments.py")
    assert Desk(delivered, tmp_path, revise_1=answer).revise().changed == ("experiments.py",)


def test_a_change_is_run_and_reported(delivered: Repository, kept: Path, sandbox: Sandbox) -> None:
    seen = opinion(5, judged=judgements("return float(np.mean(values))", verdict="partial"))
    answers = {"revise_1": edit("\n    return float(np.mean(values))"), "audit_revised": seen}
    desk = Desk(delivered, kept, sandbox, **answers)
    made = desk.revise()
    assert made.status == "runs", made.failure
    assert made.changed == ("estimator.py", "requirements.txt")
    report = json.loads(made.documents["docs/execution-report.json"])
    jsonschema.validate(report, SCHEMA)
    assert report == made.report
    assert report["status"] == "runs" and set(report["metrics"]) == {"table1_error"}
    mean, _ = report["requirements"]["items"]
    (place,) = mean["evidence"]
    assert (place["symbol"], place["end"]) == ("mean", 10) and place["executed"]
    assert "It runs:" in made.documents["README.md"]
    assert "It was not run" not in made.documents["README.md"]
    listed = made.documents["docs/plan/requirements.md"]
    assert f"estimator.py#L{place['start']}-L10) mean |" in listed
    assert f"| {place['executed']}/{place['executable']} |" in listed
    before = json.loads(delivered.files["docs/execution-report.json"])
    assert report["usage"]["calls"] == before["usage"]["calls"] + made.calls == before["usage"]["calls"] + 2
    asked = desk.llm.asked[-1]
    assert "+    return float(np.mean(values))" in asked.task and "R1" in asked.task
    assert "You review code" in asked.system and "return total / len(values)" in asked.shared
    assert (mean["verdict"], report["requirements"]["partial"]) == (
        "partial",
        before["requirements"]["partial"] + 1,
    )
    assert report["judge"]["score"] == 5
    assert "Whoever audits has read the change" in listed


def test_what_the_paper_has_is_shown_anew_of_what_a_change_leaves(delivered: Repository, kept: Path) -> None:
    """Its tests are run again, its scope is counted again; the paper's runs are said to be older."""
    tested = Repository({**delivered.files, TESTS_PATH: TESTS})
    report = json.loads(delivered.files[EXECUTION])
    everything = {kind: {"total": 0, "covered": 0, "left_out": [], "placed": []} for kind in KINDS}
    equation = {"anchor": "Eq1", "label": "(1)", "requirements": ["R1"]}
    report |= {
        "tests": conformity(Conformed(tested, partly={"R1": "The median of none."}), tested, ()),
        "scope": everything
        | {"equations": everything["equations"] | {"total": 1, "covered": 1, "placed": [equation]}},
        "results": [
            entry(Result(reported(), Sample("full", 89.0, None, 1), "inconclusive", "off by 1"), "full")
        ],
    }
    seen = opinion(4, judged=judgements("return float(np.median(values))", verdict="missing"))
    answers = {
        "revise_1": edit("    return float(np.median(values))"),
        "audit_revised": seen,
        "audit_revised__2": seen,
    }
    desk = Desk(tested.with_file(EXECUTION, json.dumps(report)), kept, available("local"), **answers)
    made = desk.revise()
    assert made.status == "runs", made.failure
    jsonschema.validate(made.report, SCHEMA)
    assert (made.report["tests"]["failed"], "earlier" in made.report["tests"]) == (1, False)
    assert made.report["tests"]["partly"] == [{"requirement": "R1", "why": "The median of none."}]
    (left,) = made.report["scope"]["equations"]["left_out"]
    assert (left["anchor"], left["why"]) == ("Eq1", "R1 missing")
    told = {
        check.name.removeprefix("paper2code: "): check
        for check in checks(made.report, made.files, "papers/x")
    }
    assert {name: check.conclusion for name, check in told.items()} == {
        "it runs": "success",
        "tested": "failure",
        "read": "neutral",
        "compared": "neutral",
    }
    assert "the runs were of the code before its last change" in told["compared"].title
    assert "- 0 of 1 tests from the paper pass, 1 known to fail" in replies.done(made, "abc")


def test_a_change_that_nobody_could_read_again_is_delivered_and_that_is_said(
    delivered: Repository, kept: Path, sandbox: Sandbox
) -> None:
    made = Desk(delivered, kept, sandbox, revise_1=edit("    return float(np.mean(values))")).revise()
    assert made.status == "runs" and made.changed
    mean, _ = made.report["requirements"]["items"]
    assert mean["verdict"] == "implemented"
    assert "read" not in [each["grade"] for each in mean["grades"]]
    listed = made.documents["docs/plan/requirements.md"]
    assert "The change was not audited (the script has no answer for audit" in listed


def test_what_breaks_is_mended(delivered: Repository, kept: Path, sandbox: Sandbox) -> None:
    broken = edit("    return float(values.average())")
    mended = edit("    return float(np.mean(values))", old="    return float(values.average())")
    made = Desk(delivered, kept, sandbox, revise_1=broken, fix_1=mended).revise()
    assert made.status == "runs", made.failure
    assert made.remedies == ("I changed the mean.",)


def test_what_stays_broken_is_worse_than_what_ran(
    delivered: Repository, kept: Path, sandbox: Sandbox
) -> None:
    broken = edit("    return float(values.average())")
    made = Desk(delivered, kept, sandbox, revise_1=broken, fix_1="NO CHANGE: I cannot.").revise()
    assert (made.status, made.ran_before, made.worse) == ("fails", True, True)
    assert "has no attribute 'average'" in made.failure


def test_what_did_not_run_before_is_not_worse(delivered: Repository, kept: Path, sandbox: Sandbox) -> None:
    experiments = delivered.files["experiments.py"].replace('config["training"]', "config[1]")
    before = delivered.with_file("experiments.py", experiments)
    asked = edit("    return float(np.mean(values))")
    made = Desk(before, kept, sandbox, revise_1=asked, fix_1="NO CHANGE: I cannot.").revise()
    assert (made.status, made.ran_before, made.worse) == ("fails", False, False)


def test_the_requirements_tell_of_the_code_as_it_is_now(delivered: Repository, tmp_path: Path) -> None:
    """Twice, so that what only the plan knew is not lost the second time."""
    listed, dropped = "docs/plan/requirements.md", "## Dropped\n\nNo passage:\n\n- Warm up\n"
    before = delivered.with_file(listed, f"{delivered.files[listed].rstrip()}\n\n{dropped}")
    assert "-L9) mean" in before.files[listed] and "as it stands" not in before.files[listed]
    for end in (10, 11):
        answer = edit("\n    return total / len(values)")
        made = Desk(before, tmp_path / str(end), revise_1=answer).revise()
        now = made.documents[listed]
        assert f"-L{end}) mean" in now and "-L9) mean" not in now
        assert now.count("code as it stands") == 1 and now.endswith(dropped)
        before = Repository(made.files | made.documents)


@pytest.mark.parametrize("what", ["form", "number"])
def test_a_report_that_people_have_changed_is_left_alone(
    delivered: Repository, tmp_path: Path, what: str
) -> None:
    report = json.loads(delivered.files[EXECUTION])
    report["full_run_estimate"] |= {"gpu_hours": 10**400}
    changed = {"form": '{"status": "great"}', "number": json.dumps(report)}[what]
    before = delivered.with_file("docs/execution-report.json", changed)
    made = Desk(before, tmp_path, revise_1=edit("    return float(np.mean(values))")).revise()
    assert made.documents == {}
    jsonschema.validate(made.report, SCHEMA)
