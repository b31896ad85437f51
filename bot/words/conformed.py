"""What a pull request says of the tests that were written from the paper. Pure."""

from collections.abc import Mapping
from typing import Any

from pipeline.markdown import code, prose
from pipeline.proving.grades import author_saw


def conformed(report: Mapping[str, Any], most: int) -> str:
    """A part of its body, with at most `most` disputes; empty where there are neither tests nor words on their lack."""
    tests = report.get("tests")
    if not tests:
        return ""
    rows = ["## Tests written from the paper", "", _counted(report)]
    for dispute in tests["disputes"][:most]:
        word = "Disputed" if dispute["outcome"] == "disputed" else "Fails"
        rows += ["", f"**{word}:** {code(dispute['test'], 160)}. {_readings(dispute)}"]
    if more := len(tests["disputes"]) - most:
        rows += ["", f"And {more} more in docs/execution-report.md."] if more > 0 else []
    told = [
        f"{words}: {prose(ids, 300)}"
        for words, kind in (("Not tested", "untested"), ("Tested in part", "partly"))
        if (ids := ", ".join(each["requirement"] for each in tests.get(kind, ())))
    ]
    if told and most:
        rows += ["", f"{'. '.join(told)}; `docs/execution-report.md` says why."]
    return "\n".join(rows)


def passing(report: Mapping[str, Any]) -> str:
    """How the tests came out, in a clause; empty where there are none."""
    tests = report.get("tests")
    if not tests or not tests["total"]:
        return ""
    said = f"{tests['passed']} of {tests['total']} tests from the paper pass"
    for name, word in (("failed", "known to fail"), ("disputed", "disputed")):
        said += f", {tests[name]} {word}" if tests[name] else ""
    return said


def _counted(report: Mapping[str, Any]) -> str:
    tests = report["tests"]
    if not tests["total"]:
        return "There are none."
    said = f"{passing(report)}. Their author has seen {author_saw(report['tests'])}."
    if tests["mutants"]:
        said += (
            f" Of {tests['mutants']} faults that a program put into the functions under test, they noticed "
            f"{tests['killed']}."
        )
    elif tests.get("untried"):
        said += f" Whether they notice faults was not tried: there was no time for any of {tests['untried']}."
    return said


def _readings(dispute: Mapping[str, Any]) -> str:
    if not dispute["wrong"]:
        return prose(dispute["note"], 300)
    return (
        f"The test: {prose(dispute['by_test'], 300)} The code: {prose(dispute['by_code'], 300)} "
        f"The paper: “{prose(dispute['quote'], 300)}” {prose(dispute['why'], 300)}"
    )
