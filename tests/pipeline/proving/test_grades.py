"""Which grades of evidence a report gives a requirement, in the files that are delivered."""

import json
from typing import Any

import jsonschema

from pipeline.proving.documents import report_documents
from pipeline.proving.grades import graded, in_grades
from tests.bot.conftest import report as example_report
from tests.pipeline.plans import PLAN
from tests.pipeline.proving.test_report import SCHEMA, played

TEST = "tests/test_estimator.py::test_r1_is_the_mean"


def found(**changes: Any) -> dict[str, Any]:
    """A report on one requirement, found at lines of which some ran."""
    place = {"file": "main.py", "start": 3, "end": 9, "symbol": "mean", "executed": 4, "executable": 6}
    made = played(writer="a", auditor="b") | {"paper": example_report()["paper"]}
    item = example_report()["requirements"]["items"][0]
    item |= {"verdict": "implemented", "note": "", "evidence": [place], "anchor": "Tab2"} | changes
    made["requirements"] |= {"items": [item], "total": 1}
    return made


def grades(report: dict[str, Any], *unread: str) -> dict[str, str]:
    return {each["grade"]: each["rests_on"] for each in graded(report, unread)["items"][0]["grades"]}


def test_each_grade_says_what_it_rests_on() -> None:
    made = found(tested_by=[TEST])
    number = {"metric": "error", "anchor": "Tab2", "mode": "scaled", "measured": 0.2, "verdict": "toy"}
    assert grades(made | {"results": [number]}) == {
        "tested": TEST,
        "read": "b, at main.py:3-9",
        "ran": "4 of 6 lines",
        "compared": "error (a smaller run points the same way)",
    }


def test_none_is_rounded_up() -> None:
    partly = {"partly": [{"requirement": found()["requirements"]["items"][0]["id"], "why": "not the loop."}]}
    assert grades(found(tested_by=[TEST]) | {"tests": partly})["tested"] == f"{TEST}; in part: not the loop."
    assert "read" not in grades(found() | {"models": played(writer="a", auditor="a")["models"]})
    assert "read" not in grades(found(), found()["requirements"]["items"][0]["id"])
    assert grades(found(verdict="deviates")) == {}
    assert grades(found(note="Checked by program: `n` is 3.") | {"models": None})["read"].startswith(
        "a program"
    )
    assert "tested" not in grades(found(tested_by=[TEST]) | {"tests": {"earlier": True}})
    smoke = {"metric": "error", "anchor": "Tab2", "mode": "smoke", "measured": 0.2, "verdict": "toy"}
    assert "compared" not in grades(
        found() | {"results": [smoke, smoke | {"mode": "full", "measured": None}]}
    )


def test_the_delivered_files_tell_grades_and_what_they_mean() -> None:
    made = found(tested_by=[TEST])
    made["requirements"] = graded(made)
    jsonschema.validate(made, json.loads(SCHEMA.read_text()))
    assert in_grades(made["requirements"]) == "1 tested, 1 read, 1 ran, 0 compared"
    documents = report_documents(PLAN, made)
    assert "Evidence: 1 tested, 1 read, 1 ran, 0 compared." in documents["docs/execution-report.md"]
    told = documents["docs/plan/requirements.md"]
    assert "read: b, at main.py:3-9" in told
    assert "**ran**, those lines were executed by the reported run" in told
    assert "One model has written and audited" not in told
