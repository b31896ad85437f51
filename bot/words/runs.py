"""What was run and measured, in the description of a pull request. Pure; as messages.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.words.amounts import counted, duration
from pipeline.markdown import code, prose
from pipeline.proving.documents import estimate_sentence, run_sentence, small_data

_METRICS, _NOTES, _ATTEMPTS = 40, 5, 20
"""So many are shown; all are in the report."""


def executed(report: Mapping[str, Any], most: int) -> str:
    """What was run, where, and how each attempt ended, at most `most` of it; empty: nothing was run."""
    environment = report["environment"]
    if environment is None:
        return ""
    if report["mode"] == "smoke" or report.get("runs"):
        shown = " This shows that the code runs; it" if report["status"] == "runs" else " It"
        what = (
            f"`main.py --smoke`: every experiment's path for a few steps, on {small_data(report)}.{shown} does not "
            "reproduce the paper's results."
        )
        what = "\n\n".join([what, *map(_longer, report.get("runs", ()))])
    else:
        what = "`reproduce.sh`: the full experiment, as far as the limits below allow."
    limits = environment["limits"]
    where = (
        f"Sandbox {code(environment['sandbox'], 40)}, Python {code(environment['python'], 20)}, "
        f"{counted(len(environment['packages']), 'package')}, no network; at most "
        f"{duration(limits['seconds'])}, {limits['memory_bytes'] / 2**30:.3g} GiB, {limits['cpus']:g} CPUs. "
        "The program's own processes counted which lines ran: no proof against a program that deceives."
    )
    if lacking := report.get("unproven"):
        where += f" What follows the smoke run was not all proven: {prose(lacking)}."
    takes = (
        f"**All of it:** {prose(estimate_sentence(report), 1200)}" if report.get("full_run_estimate") else ""
    )
    parts = ["## What was run", what, where, takes, _listed(environment["notes"], _NOTES)]
    if most:
        parts += [_measured(report), _doubtful(report), _attempts(report["attempts"], min(most, _ATTEMPTS))]
    return "\n\n".join(part for part in parts if part)


def _longer(run: Mapping[str, Any]) -> str:
    argv = {"scaled": "main.py run all --mode scaled", "full": "reproduce.sh"}[run["mode"]]
    before = ", by the code before the revision" if run.get("earlier") else ""
    return f"`{argv} --minutes {run['minutes']:g}`{before}. {prose(run_sentence(run), 1200)}"


def _measured(report: Mapping[str, Any]) -> str:
    parts = []
    if figures := [f"| {code(name, 60)} | {value:.6g} |" for name, value in report["metrics"].items()]:
        small = report["mode"] == "smoke"
        on = "on tiny data (no results of the paper's)" if small else f"by the {report['mode']} run"
        left = _more(len(figures) - _METRICS, "…")
        parts += [
            "<details><summary>What was measured</summary>",
            f"{counted(len(figures), 'metric')} {on}:",
            "\n".join(["| metric | value |", "|---|---|", *figures[:_METRICS]]),
            *([f"{left}."] if left else []),
            "</details>",
        ]
    if names := [code(name, 60) for name in report.get("undefined", {})]:
        left = _more(len(names) - _METRICS, " and")
        parts.append(
            f"Without a number in this run: {', '.join(names[:_METRICS])}{left}; the report says why."
        )
    if unfinished := report.get("unfinished"):
        parts += ["Means are over the runs that ended well:", _listed(unfinished, _NOTES)]
    return "\n\n".join(parts)


def _doubtful(report: Mapping[str, Any]) -> str:
    doubts = report.get("doubts", {"remaining": [], "told": ""})
    if not doubts["remaining"]:
        return ""
    told = f"\n\nIts writer, asked about such: {prose(doubts['told'], 400)}" if doubts["told"] else ""
    return f"The run passed, and leaves in doubt:\n\n{_listed(doubts['remaining'], _METRICS)}{told}"


def _attempts(attempts: Sequence[Mapping[str, Any]], most: int) -> str:
    told = [attempt for attempt in attempts if attempt["signature"] or attempt["remedy"]]
    if not told:
        return ""
    rows = ["| attempt | ended | what was changed then |", "|---|---|---|"]
    for attempt in told[:most]:
        remedy = prose(attempt["remedy"], 200) if attempt["remedy"] else "nothing"
        ended = code(attempt["signature"], 160) if attempt["signature"] else "well"
        rows.append(f"| {attempt['number']} ({attempt['phase']}) | {ended} | {remedy} |")
    left = _more(len(told) - most, "…")
    return "\n".join([*rows, *(["", f"{left}."] if left else [])])


def _listed(sentences: Sequence[str], most: int) -> str:
    rows = [f"- {prose(sentence)}" for sentence in sentences[:most]]
    left = _more(len(sentences) - most, "- …")
    return "\n".join([*rows, *([f"{left}."] if left else [])])


def _more(number: int, before: str) -> str:
    """How many are not shown; empty: none."""
    return f"{before} {number} more in `docs/execution-report.md`" if number > 0 else ""
