"""After the smoke run has proven the code: what all experiments would take, and as many as there is time for.

Both are asked of the harness (`coding/harness.py`). Neither can make a delivery fail.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from pipeline.planning.plan import DataSet
from sandbox import answers
from sandbox.report import ExecutionReport, Mode
from sandbox.steps import Step, Stepped

ESTIMATE_MINUTES = 0.2
"""For how long runs are begun to measure what they take."""
ESTIMATE = Step(("python3", "main.py", "estimate", "--minutes", f"{ESTIMATE_MINUTES:g}"))
_SAID = "results/estimate.json"
_NOTHING = "nothing was measured"
_LARGEST = 400_000
"""Bytes of what a longer run has written that are delivered: the repository has to stay one."""
_MOST_LOWERED = 1_000
"""Settings that are told."""


class _Takes(BaseModel):
    """See `harness.Takes`."""

    name: str = Field(max_length=100)
    runs: int = Field(ge=0, le=10**6)
    gpu: bool
    seconds: float = Field(ge=0, le=10**10, allow_inf_nan=False)
    how: Literal["run", "begun", "smoke", "planned"]
    steps: int = Field(ge=0, le=10**15)
    memory_gib: float | None = Field(default=None, ge=0, le=10**4)


_ALL: TypeAdapter[list[_Takes]] = TypeAdapter(list[_Takes])


@dataclass(frozen=True)
class Estimate:
    """What a full run would take. Hours are None where they are not known, and `basis` says from what they are."""

    gpu_hours: float | None = None
    cpu_hours: float | None = None
    """Of this sandbox's processors, one run after the other."""
    memory_gib: float | None = None
    """The most that a run has used that was begun at full size."""
    downloads: tuple[tuple[str, str], ...] = ()
    """Name and size."""
    experiments: tuple[_Takes, ...] = ()
    basis: str = _NOTHING

    def told(self) -> dict[str, Any]:
        """`full_run_estimate` of the report."""
        return {
            "gpu_hours": self.gpu_hours,
            "cpu_hours": self.cpu_hours,
            "memory_gib": self.memory_gib,
            "downloads": [{"name": name, "size": size} for name, size in self.downloads],
            "experiments": [
                {
                    "name": takes.name,
                    "minutes": _rounded(takes.runs * takes.seconds / 60),
                    "measured": takes.how != "planned",
                    "at_least": takes.how == "smoke" or (takes.how == "begun" and not takes.steps),
                }
                for takes in self.experiments
            ],
            "basis": self.basis,
        }


def estimate_of(steps: Sequence[Stepped], data: Sequence[DataSet]) -> Estimate:
    """From what `ESTIMATE` has left behind."""
    downloads = tuple((each.name, each.size) for each in data)
    file = steps[-1].files.get(_SAID) if steps else None
    if file is None:
        why = "it did not end in time" if steps and steps[-1].result.timed_out else "it did not end well"
        return Estimate(
            downloads=downloads, basis=f"{_NOTHING}: a try with runs at full size was made, and {why}"
        )
    try:
        found = _ALL.validate_python(answers.read(file.content))
    except ValueError:
        return Estimate(downloads=downloads, basis=f"{_NOTHING} that can be read")
    hours = {gpu: [t.runs * t.seconds / 3600 for t in found if t.gpu == gpu] for gpu in (True, False)}
    sizes = [t.memory_gib for t in found if t.memory_gib is not None]
    return Estimate(
        gpu_hours=_rounded(sum(hours[True])) if hours[True] else None,
        cpu_hours=_rounded(sum(hours[False])) if hours[False] else None,
        memory_gib=max(sizes, default=None),
        downloads=downloads,
        experiments=tuple(found),
        basis="; ".join(_basis(takes) for takes in found) or _NOTHING,
    )


def _basis(takes: _Takes) -> str:
    """`table2: 29 runs of 200,000 steps, 0.2 s each (measured on …)`."""
    runs = f"{takes.name}: {takes.runs:,} {'run' if takes.runs == 1 else 'runs'}"
    if takes.steps and takes.how in ("begun", "smoke"):
        on = "a run that was begun" if takes.how == "begun" else "tiny data, so at least that"
        return f"{runs} of {takes.steps:,} steps, {takes.seconds / takes.steps:.2g} s each (measured on {on})"
    planned = "as planned: no GPU was there to measure on" if takes.gpu else "as planned, not measured"
    seen = {"run": "measured on one of them", "begun": "or more: one was begun, and had not ended by then"}
    known = seen.get(takes.how, planned)
    return (
        f"{runs}, {takes.seconds:.2g} s each ({known})"
        if takes.seconds < 100
        else (f"{runs}, {takes.seconds:,.0f} s each ({known})")
    )


def _rounded(hours: float) -> float:
    return float(f"{hours:.2g}")


def run_told(execution: ExecutionReport, minutes: float) -> dict[str, Any]:
    """An entry of the report's `runs`."""
    outcome = next((p for p in execution.phases if p.phase == execution.mode), execution.phases[-1])
    said = _results(execution.files)
    runs = said.get("runs")
    ended = [run.get("status") for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []
    counts = {status: ended.count(status) for status in ("done", "diverged", "failed", "skipped")}
    return {
        "mode": execution.mode,
        "minutes": minutes,
        "seconds": round(outcome.result.seconds, 1),
        "ok": outcome.ok,
        "complete": outcome.ok and execution.mode == "full" and not counts["failed"] + counts["skipped"],
        "timed_out": outcome.result.timed_out,
        "problems": [*outcome.problems, *_ending(outcome.result.stderr, outcome.ok)],
        "runs": counts,
        "lowered": _lowered(said.get("lowered")),
        "metrics": dict(execution.metrics),
        "undefined": dict(execution.undefined),
        "unfinished": list(execution.unfinished),
    }


@dataclass(frozen=True)
class Afterwards:
    """What was done with a repository that runs."""

    estimate: Estimate = Estimate()
    longer: ExecutionReport | None = None
    asked: Mode = "smoke"
    minutes: float = 0
    why_not: str = ""
    """Where the sandbox failed meanwhile."""
    unmeasured: str = ""

    @property
    def mode(self) -> Mode:
        """Of the largest run that has proven itself."""
        return self.longer.mode if self.longer and self.longer.ok else "smoke"

    @property
    def runs(self) -> list[dict[str, Any]]:
        """`runs` of the report."""
        if self.longer:
            return [run_told(self.longer, self.minutes)]
        return (
            [not_made(self.asked, self.minutes, self.why_not)]
            if self.asked != "smoke" and self.why_not
            else []
        )

    @property
    def full_run_estimate(self) -> dict[str, Any]:
        """That of the report."""
        return (Estimate(basis=self.unmeasured) if self.unmeasured else self.estimate).told()

    @property
    def documents(self) -> dict[str, str]:
        """What is delivered of the longer run: `docs/runs/<mode>.json`, its `results.json` if that is bearable."""
        if not self.longer or len(self.longer.files.get("results.json", b"")) > _LARGEST:
            return {}
        said = _results(self.longer.files)
        if said.get("mode") != self.longer.mode:
            return {}
        text = json.dumps(said, indent=1, allow_nan=False) + "\n"
        return {f"docs/runs/{self.longer.mode}.json": text} if len(text) <= _LARGEST else {}


NOTHING_AFTER = Afterwards(unmeasured="nothing was measured")


def not_made(mode: str, minutes: float, why: str) -> dict[str, Any]:
    """An entry of the report's `runs` on one that was asked for and could not be made."""
    nothing: dict[str, Any] = {"metrics": {}, "undefined": {}, "unfinished": [], "lowered": []}
    return nothing | {
        "mode": mode,
        "minutes": minutes,
        "seconds": 0.0,
        "ok": False,
        "complete": False,
        "timed_out": False,
        "problems": [why],
        "runs": dict.fromkeys(("done", "diverged", "failed", "skipped"), 0),
    }


def _lowered(said: object) -> list[dict[str, Any]]:
    """The harness lowers numbers alone."""
    told = []
    for key, change in list(said.items())[:_MOST_LOWERED] if isinstance(said, dict) else ():
        match change:
            case [int() | float() as planned, int() | float() as used]:
                told.append({"key": key[:200], "planned": planned, "used": used})
    return told


def _ending(stderr: str, ok: bool) -> list[str]:
    """The last thing that a failed run has said."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return [] if ok or not lines else [lines[-1][:300]]


def _results(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        said = answers.read(files["results.json"])
    except (KeyError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
