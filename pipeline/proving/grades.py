"""Grades of evidence: what was shown of a requirement, and what that rests on. Pure.

None is rounded up: where one model has written and audited, nothing is `read` but what a program saw.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pipeline.proving.held import CHECKED
from pipeline.proving.results import WORDS

GRADED = {
    "tested": "a test that was written from the paper without seeing the code passes",
    "read": "a model that did not write the code, or a program, found it at lines that a program has looked up",
    "ran": "those lines were executed by the reported run",
    "compared": "a number of a scaled or full run stands beside the paper's",
}
"""What each grade means, for people."""
_FOUND = ("implemented", "partial")


def graded(report: Mapping[str, Any], unread: Collection[str] = ()) -> dict[str, Any]:
    """`requirements` of a report with the grades of each: `{grade, rests_on}`, and how many have which.

    `unread` are requirements whose code has changed since somebody read it.
    """
    items = [
        item
        | {
            "grades": [
                {"grade": grade, "rests_on": on}
                for grade, on in _grades(item, report)
                if grade != "read" or item["id"] not in unread
            ]
        }
        for item in report["requirements"]["items"]
    ]
    given = [each["grade"] for item in items for each in item["grades"]]
    counts = {grade: given.count(grade) for grade in GRADED}
    return {**report["requirements"], "items": items, "graded": counts}


def in_grades(requirements: Mapping[str, Any]) -> str:
    """How many requirements have which grade, in a clause; empty for reports that do not say."""
    counts = requirements.get("graded", {})
    return (
        ", ".join(f"{counts[grade]} {grade}" for grade in GRADED) if counts and requirements["total"] else ""
    )


def measured(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The results that scaled and full runs of this code gave."""
    return [
        result
        for result in report.get("results") or ()
        if result["measured"] is not None and result["mode"] != "smoke" and not result.get("earlier")
    ]


def same_reader(report: Mapping[str, Any]) -> bool:
    """Whether the model that wrote the code is the one that audited it."""
    models = report.get("models") or {}
    return not models or models["auditor"]["model"] == models["writer"]["model"]


def author_saw(tests: Mapping[str, Any]) -> str:
    """What the author of a report's `tests` had before them, in a clause."""
    lines = "of the code only the lines of faults that no test had noticed at first"
    return f"the paper and the plan, {f'and {lines}' if tests.get('sharpened') else 'never the code'}"


def _grades(item: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tests = report.get("tests") or {}
    if item.get("tested_by") and not tests.get("earlier"):
        lacking = {each["requirement"]: each["why"] for each in tests.get("partly", ())}.get(item["id"])
        yield "tested", ", ".join(item["tested_by"]) + (f"; in part: {lacking}" if lacking else "")
    places = [f"{e['file']}:{e['start']}-{e['end']}" for e in item["evidence"]]
    if places and item["verdict"] in _FOUND:
        by_program = item["note"].startswith(CHECKED)
        if by_program or not same_reader(report):
            reader = "a program" if by_program else report["models"]["auditor"]["model"]
            yield "read", f"{reader}, at {', '.join(places)}"
        executed = sum(e["executed"] for e in item["evidence"])
        if executed:
            yield "ran", f"{executed} of {sum(e['executable'] for e in item['evidence'])} lines"
    compared = [result for result in measured(report) if result["anchor"] == item["anchor"]]
    if compared:
        yield "compared", ", ".join(f"{r['metric']} ({WORDS[r['verdict']]})" for r in compared)
