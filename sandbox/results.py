"""What `results.json` says after a run, and what is wrong with it. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import answers
from sandbox.report import LONGEST_PROBLEM, Mode

RESULTS = "results.json"
_CAP = 1 << 20
_NAME_CAP, _MOST_METRICS = 1000, 10_000


@dataclass(frozen=True)
class Results:
    """What a `results.json` says, and what is wrong with it."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    undefined: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Of which experiment and method how many runs did not end well, where others did: means hide them."""


def _said(content: bytes | None, phase: Mode) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A results.json that this run wrote, with metrics in it; else what is wrong with it."""
    if content is None or len(content) > _CAP:
        return {}, (f"`{RESULTS}` was not written as an ordinary file of at most {_CAP:,} bytes.",)
    try:
        said = answers.read(content)
    except ValueError:
        return {}, (f"`{RESULTS}` is not JSON.",)
    metrics = said.get("metrics") if isinstance(said, dict) else None
    if not isinstance(metrics, dict) or not metrics:
        return {}, (f'`{RESULTS}` has no `"metrics": {{name: number}}`.',)
    if len(metrics) > _MOST_METRICS:
        return {}, (f"`{RESULTS}` holds more than {_MOST_METRICS:,} metrics.",)
    named = {name: value for name, value in metrics.items() if len(name) <= _NAME_CAP}
    problems = [
        f"`{name[:100]}` in `{RESULTS}` is no name of a metric: at most {_NAME_CAP:,} characters."
        for name in metrics
        if name not in named
    ]
    if said.get("mode") != phase:
        problems.insert(0, f'`{RESULTS}` does not say `"mode": "{phase}"`.')
    return {**said, "metrics": named}, tuple(problems)


def of_program(content: bytes | None, phase: Mode, promised: Collection[str]) -> Results:
    """Of a program that writes results.json itself: every metric is a finite number."""
    said, wrong = _said(content, phase)
    if not said:
        return Results(problems=wrong)
    numbers = {
        name: number for name, value in said["metrics"].items() if (number := _number(value)) is not None
    }
    problems = [
        f"The metric `{name}` in `{RESULTS}` is not a finite number."
        for name in said["metrics"]
        if name not in numbers
    ]
    return Results(numbers, {}, (*wrong, *problems, *_broken_promises(promised, said["metrics"])))


def of_harness(content: bytes | None, phase: Mode, promised: Collection[str]) -> Results:
    """Of the harness: a metric may be undefined for a reason, and outside of the smoke run, a run be skipped."""
    said, wrong = _said(content, phase)
    if not said:
        return Results(problems=wrong)
    known, runs = said.get("undefined"), said.get("runs")
    known = known if isinstance(known, dict) else {}
    reasons = {name: str(why)[:LONGEST_PROBLEM] for name, why in known.items()}
    runs = [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []
    numbers = {
        name: number for name, value in said["metrics"].items() if (number := _number(value)) is not None
    }
    undefined = {name: reasons.get(name, "") for name in said["metrics"] if name not in numbers}
    problems = [
        f"The metric `{name}` in `{RESULTS}` is neither a finite number nor undefined for a reason."
        for name, why in undefined.items()
        if not why
    ]
    if not numbers:
        problems.append(f"No metric in `{RESULTS}` is a number.")
    if phase == "smoke":
        problems += [
            f"The run {run.get('experiment')}, {run.get('method')}, seed {run.get('seed')} is {run.get('status')}: "
            f"{run.get('reason')}."
            for run in runs
            if run.get("status") != "done"
        ]
    left_out = tuple(f"{run.get('experiment')}_" for run in runs if run.get("status") == "skipped")
    promised = [name for name in promised if not name.startswith(left_out)]
    problems += _broken_promises(promised, said["metrics"])
    return Results(numbers, undefined, (*wrong, *problems), tuple(_unfinished(runs)))


def _unfinished(runs: Collection[Mapping[str, Any]]) -> Iterator[str]:
    by_method: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for run in runs:
        by_method[str(run.get("experiment")), str(run.get("method"))].append(run)
    for (experiment, method), group in by_method.items():
        lost = [run for run in group if run.get("status") != "done"]
        if lost and len(lost) < len(group):
            seeds = ", ".join(f"seed {run.get('seed')} {run.get('status')}" for run in lost)
            told = f"{experiment}, {method}: {len(lost)} of {len(group)} runs did not end well ({seeds})."
            yield told[:LONGEST_PROBLEM]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _broken_promises(promised: Collection[str], metrics: Collection[str]) -> Iterator[str]:
    for name in promised:
        if not any(re.fullmatch(name, known) for known in metrics):
            yield f"The promised metric `{name}` is not in `{RESULTS}`."
