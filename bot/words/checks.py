"""The check runs of a commit: whether it runs, and what of the paper each grade of evidence holds for. Pure.

None fails for what was merely not looked at; one fails where something that was looked at speaks against the code.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bot.github.pulls import CheckRun
from bot.words import annotations
from bot.words.amounts import counted
from bot.words.conformed import passing
from bot.words.reported import demanded, fitted, scope, verdict
from bot.words.runs import executed
from pipeline.markdown import prose
from pipeline.proving.documents import stopped
from pipeline.proving.grades import GRADED, measured, same_reader

Conclusion = Literal["success", "failure", "neutral"]
RUNS = "paper2code: it runs"
_NO_RUN = "no scaled or full run has given a number of the paper"


def checks(report: Mapping[str, Any], files: Mapping[str, str], directory: str) -> list[CheckRun]:
    """Of a `report` on the `files` in `directory`; reports that grade nothing have the first alone."""
    graded = report["requirements"].get("graded") if report["requirements"]["total"] else None
    remarks = annotations.assumed(report, files, directory)
    if not graded:
        remarks = annotations.on("read", report, files, directory) + remarks
    conclusion: Conclusion = "success" if report["status"] == "runs" else "failure"
    found = [CheckRun(RUNS, conclusion, _runs(report), summary(report), tuple(remarks))]
    if not graded:
        return found
    for grade, judge in (("tested", _tested), ("read", _read), ("compared", _compared)):
        conclusion, said = judge(report)
        title = f"{graded[grade]} of {counted(report['requirements']['total'], 'requirement')} {grade}{said}"
        remarks = annotations.on(grade, report, files, directory)
        found.append(
            CheckRun(f"paper2code: {grade}", conclusion, title, _evidence(grade, report), tuple(remarks))
        )
    return found


def summary(report: Mapping[str, Any]) -> str:
    """What was run, and what of the paper is there."""

    def body(most: int) -> str:
        parts = (scope(report), verdict(report), executed(report, most), demanded(report, "", most))
        return "\n\n".join(part for part in parts if part)

    return fitted(body)


def _runs(report: Mapping[str, Any]) -> str:
    requirements = report["requirements"]
    failing = "Was stopped before its end" if stopped(report) else "Does not run"
    word = {"runs": "Runs", "fails": failing, "not-run": "Was not run"}[report["status"]]
    return f"{word}; {requirements['implemented']} of {requirements['total']} requirements implemented"


def _tested(report: Mapping[str, Any]) -> tuple[Conclusion, str]:
    tests = report.get("tests")
    if not tests or not tests["total"]:
        return "neutral", "; there are no tests from the paper"
    said = f"; {passing(report)}"
    if tests.get("earlier"):
        return "neutral", said
    return "failure" if tests["failed"] else _all("tested", report), said


def _read(report: Mapping[str, Any]) -> tuple[Conclusion, str]:
    verdicts = [item["verdict"] for item in report["requirements"]["items"]]
    unread = verdicts.count("unread")
    doubtful = len(verdicts) - verdicts.count("implemented") - unread
    said = f"; {doubtful} missing or not as the paper has it" if doubtful else ""
    said += f"; nobody was paid to look at {unread}" if unread else ""
    if same_reader(report):
        return "neutral", f" by another model, because one wrote and read{said}"
    return ("neutral" if doubtful + unread else _all("read", report)), said


def _compared(report: Mapping[str, Any]) -> tuple[Conclusion, str]:
    verdicts = [result["verdict"] for result in measured(report)]
    if not verdicts:
        earlier = any(result.get("earlier") for result in report.get("results") or ())
        said = "the runs were of the code before its last change" if earlier else _NO_RUN
        return "neutral", f"; {said}"
    said = f"; {verdicts.count('verified')} of {counted(len(verdicts), 'number')} verified"
    if "falsified" in verdicts:
        return "failure", f"{said}, {verdicts.count('falsified')} not as in the paper"
    return ("success" if "verified" in verdicts else "neutral"), said


def _all(grade: str, report: Mapping[str, Any]) -> Conclusion:
    requirements = report["requirements"]
    return "success" if requirements["graded"][grade] == requirements["total"] else "neutral"


def _evidence(grade: str, report: Mapping[str, Any]) -> str:
    """Which requirements have it, and on what that rests."""
    rests = {
        item["id"]: each["rests_on"]
        for item in report["requirements"]["items"]
        for each in item["grades"]
        if each["grade"] == grade
    }
    items = sorted(report["requirements"]["items"], key=lambda item: item["id"] not in rests)

    def body(most: int) -> str:
        rows = [f"**{grade}** means: {GRADED[grade]}.", "", *_table(items[:most], rests)]
        if len(items) > most:
            rows += ["", f"… and {len(items) - most} more in `docs/execution-report.md`."]
        return "\n".join(rows)

    return fitted(body)


def _table(items: Sequence[Mapping[str, Any]], rests: Mapping[str, str]) -> list[str]:
    rows = ["| requirement | paper's words | rests on |", "|---|---|---|"]
    for item in items:
        words = f"{prose(item['anchor'], 20)} “{prose(item['quote'], 160)}”"
        on = prose(rests.get(item["id"], "not shown"), 240)
        rows.append(f"| **{prose(item['id'], 10)}** {prose(item['text'], 240)} | {words} | {on} |")
    return rows if items else []
