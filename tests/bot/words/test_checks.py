"""The check runs of a commit: which speak for it, which against, and in whose words."""

from typing import Any

import pytest

from bot.github.pulls import CheckRun
from bot.words.checks import checks
from pipeline.proving.grades import graded
from tests.bot.conftest import report
from tests.bot.words.test_messages import hostile, renders_as_text

TESTS: dict[str, Any] = {
    "total": 2, "passed": 2, "failed": 0, "disputed": 0, "mutants": 0, "killed": 0, "untried": 0,
    "items": [{"id": "tests/test_r.py::test_scale", "requirements": ["R1"], "outcome": "passed"}],
    "survivors": [], "disputes": [], "settled": [], "untested": [],
}  # fmt: skip
RESULT: dict[str, Any] = {
    "metric": "bleu", "anchor": "S5.4", "paper": 27.3, "measured": 27.1, "mode": "full", "verdict": "verified",
    "why": "0.2 off", "earlier": False,
}  # fmt: skip


def runs(tested: bool = True, **changes: Any) -> dict[str, CheckRun]:
    """By name, of a report with these parts."""
    made = report(tests=TESTS) | changes
    for item in made["requirements"]["items"]:
        item["tested_by"] = ["tests/test_r.py::test_scale"] if tested and item["id"] == "R1" else []
    made["requirements"] = graded(made)
    return {run.name.removeprefix("paper2code: "): run for run in checks(made, {}, "papers/x")}


def test_there_is_one_for_whether_it_runs_and_one_for_each_grade() -> None:
    found = runs()
    assert list(found) == ["it runs", "tested", "read", "compared"]
    assert [run.title for run in found.values()] == [
        "Runs; 1 of 2 requirements implemented",
        "1 of 2 requirements tested; 2 of 2 tests from the paper pass",
        "2 of 2 requirements read; 1 missing or not as the paper has it",
        "0 of 2 requirements compared; no scaled or full run has given a number of the paper",
    ]
    assert [run.conclusion for run in found.values()] == ["success", "neutral", "neutral", "neutral"]


def test_their_annotations_and_tables_have_the_papers_words_at_the_codes_lines() -> None:
    found = runs(results=[RESULT])
    (test,) = found["tested"].annotations
    assert (test.path, test.start, test.level) == ("papers/x/main.py", 1, "notice")
    assert test.message == (
        "Scale the dot products by the square root of the key dimension. The paper: “We suspect that for large "
        "values of d_k, the dot products grow large in magnitude” tests/test_r.py::test_scale passes."
    )
    (read,) = found["read"].annotations
    assert read.message.startswith("Use label smoothing of 0.1.") and "never used" in read.message
    (number,) = found["compared"].annotations
    assert "bleu: 27.3 in the paper, 27.1 in a full run. 0.2 off." in number.message
    assert "| tests/test\\_r.py::test\\_scale |" in found["tested"].summary
    assert "dot products grow large in magnitude” | not shown |" in found["compared"].summary


@pytest.mark.parametrize(
    ("name", "changes", "conclusion"),
    [
        ("it runs", {"status": "fails"}, "failure"),
        ("tested", {"tests": TESTS | {"passed": 1, "failed": 1}}, "failure"),
        ("tested", {"tests": TESTS | {"earlier": True}}, "neutral"),
        ("tested", {"tests": None, "tested": False}, "neutral"),
        ("compared", {"results": [RESULT]}, "success"),
        ("compared", {"results": [RESULT | {"verdict": "falsified"}]}, "failure"),
        ("compared", {"results": [RESULT | {"verdict": "toy", "mode": "scaled"}]}, "neutral"),
        ("compared", {"results": [RESULT | {"mode": "smoke"}]}, "neutral"),
        ("compared", {"results": [RESULT | {"measured": None, "verdict": "not-run"}]}, "neutral"),
    ],
)
def test_only_what_speaks_against_the_code_fails(name: str, changes: dict[str, Any], conclusion: str) -> None:
    assert runs(**changes)[name].conclusion == conclusion


def test_who_wrote_and_read_is_not_taken_for_another_reader() -> None:
    one = report()["models"]
    one["auditor"] = one["writer"]
    found = runs(models=one)["read"]
    assert found.conclusion == "neutral" and "because one wrote and read" in found.title


def test_what_nobody_was_paid_to_look_at_is_not_said_to_be_missing() -> None:
    requirements = report()["requirements"]
    requirements |= {"items": [item | {"verdict": "unread"} for item in requirements["items"]]}
    found = runs(requirements=requirements)["read"]
    assert found.conclusion == "neutral" and found.title.endswith("; nobody was paid to look at 2")
    assert "missing" not in found.title


def test_all_read_and_right_is_a_success() -> None:
    requirements = report()["requirements"]
    requirements |= {"items": requirements["items"][:1], "total": 1, "partial": 0}
    assert runs(requirements=requirements)["read"].conclusion == "success"


def test_a_report_that_grades_nothing_loses_no_remark() -> None:
    (only,) = checks(report(), {}, "papers/x")
    assert [remark.title for remark in only.annotations] == ["R2 partial (S5.4)"]


def test_hostile_text_renders_as_text_and_nothing_else() -> None:
    made = report(tests=TESTS)
    made["requirements"] = graded(made)
    for run in checks(hostile(made) | {"tests": hostile(TESTS)}, {}, "papers/x"):
        renders_as_text(run.summary)
        assert "\n" not in run.title and not any("@octocat" in each.message for each in run.annotations)
