"""Board: a job as people watch it, folded from the pipeline's Progress. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.progress import STAGES, Progress, Stage

_KEPT_RUNS = 10


@dataclass(frozen=True)
class Line:
    """One stage."""

    state: Literal["waiting", "running", "finished", "failed", "skipped"] = "waiting"
    detail: str = ""
    done: int = 0
    total: int = 0
    started: float | None = None
    """Seconds since the epoch."""
    ended: float | None = None


@dataclass(frozen=True)
class Board:
    """All stages, what was spent, and how each run of the code ended so far."""

    lines: tuple[tuple[Stage, Line], ...] = tuple((stage, Line()) for stage in STAGES)
    usd: float | None = 0.0
    runs: tuple[str, ...] = ()
    """The latest of them."""
    notes: tuple[str, ...] = ()
    """What was said of the job before it began: what it may cost, what to know of its model."""

    def after(self, event: Progress, now: float) -> "Board":
        """The board once `event` has happened at `now` (seconds since the epoch)."""
        lines = tuple(
            (stage, _after(line, event, now) if stage == event.stage else line) for stage, line in self.lines
        )
        ran = event.stage == "run" and event.state == "advanced" and event.detail
        runs = (*self.runs, event.detail)[-_KEPT_RUNS:] if ran else self.runs
        return replace(self, lines=lines, usd=event.usd, runs=runs)

    @property
    def stage(self) -> Stage | None:
        """The latest stage that has begun and not ended."""
        running = [stage for stage, line in self.lines if line.state == "running"]
        return running[-1] if running else None

    @property
    def last(self) -> float | None:
        """When the last thing that is known has happened; None before any has."""
        return max(self._moments(), default=None)

    def seconds(self, now: float | None = None) -> float | None:
        """From the first stage's start to `now`, or to the last thing that is known; None before it."""
        first, last = min(self._moments(), default=None), self.last
        return None if first is None or last is None else (now or last) - first

    def _moments(self) -> Iterator[float]:
        for _, line in self.lines:
            yield from (moment for moment in (line.started, line.ended) if moment is not None)


REVISING = Board(tuple((stage, Line()) for stage in ("paper", "code", "run")))
"""Of a revision, before anything has happened."""


def _after(line: Line, event: Progress, now: float) -> Line:
    begun = line.started or now
    if event.state in ("started", "advanced"):
        done, total = max(line.done, event.done), event.total or line.total
        return Line("running", event.detail or line.detail, done, total, begun)
    state: Literal["finished", "failed", "skipped"] = event.state  # type: ignore[assignment]
    return Line(state, event.detail, event.done or line.done, event.total or line.total, begun, now)
