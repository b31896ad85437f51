"""Board: a job as people watch it, folded from the pipeline's Progress. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.progress import STAGES, Finding, Progress, Stage

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
    usd: float | None = 0.0
    """Spent meanwhile; None: nobody knows."""


@dataclass(frozen=True)
class Board:
    """All stages, what was spent, and how each run of the code ended so far."""

    lines: tuple[tuple[Stage, Line], ...] = tuple((stage, Line()) for stage in STAGES)
    usd: float | None = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    sandbox_seconds: float = 0.0
    """That the sandbox was in use for, by all workers that have begun it."""
    runs: tuple[str, ...] = ()
    """The latest of them."""
    findings: tuple[tuple[Finding, str], ...] = ()
    """What is known of the result by now, and what is being repaired."""
    notes: tuple[str, ...] = ()
    """What was said of the job before it began: what it may cost, what to know of its model."""

    def after(self, event: Progress, now: float) -> "Board":
        """The board once `event` has happened at `now` (seconds since the epoch)."""
        spent = None if event.usd is None or self.usd is None else max(0.0, event.usd - self.usd)
        lines = tuple(
            (stage, _after(line, event, now, spent) if stage == event.stage else line)
            for stage, line in self.lines
        )
        ran = event.stage == "run" and event.state == "advanced" and event.detail
        runs = (*self.runs, event.detail)[-_KEPT_RUNS:] if ran else self.runs
        return replace(
            self,
            lines=lines,
            usd=event.usd,
            input_tokens=event.input_tokens,
            output_tokens=event.output_tokens,
            sandbox_seconds=self.sandbox_seconds + event.sandbox_seconds,
            runs=runs,
            findings=self._known(event),
        )

    def _known(self, event: Progress) -> tuple[tuple[Finding, str], ...]:
        known = dict(self.findings)
        if event.found:
            what, said = event.found
            known[what] = said
        elif event.state in ("finished", "failed"):
            known.pop("repair", None)
        return tuple((what, said) for what, said in known.items() if said)

    @property
    def title(self) -> str:
        """Of the paper, once it is read; empty before."""
        line = dict(self.lines)["paper"]
        return line.detail if line.state == "finished" else ""

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


@dataclass(frozen=True)
class Entry:
    """A line of a job's log."""

    when: float
    """Seconds since the epoch."""
    kind: Literal["stage", "call", "run", "note"]
    text: str
    output: str = ""
    """What a command printed last, after the command."""


def entry(event: Progress, now: float) -> Entry | None:
    """What the log says of an event; None: nothing."""
    if event.state == "advanced" and not event.output:
        return None
    kind: Literal["run", "stage"] = "run" if event.output else "stage"
    text = (
        event.detail
        if event.output
        else ": ".join(filter(None, [f"{event.stage} {event.state}", event.detail]))
    )
    return Entry(now, kind, text, event.output)


def _after(line: Line, event: Progress, now: float, spent: float | None) -> Line:
    begun = line.started or now
    usd = None if line.usd is None or spent is None else line.usd + spent
    if event.state in ("started", "advanced"):
        done, total = max(line.done, event.done), event.total or line.total
        return Line("running", event.detail or line.detail, done, total, begun, usd=usd)
    state: Literal["finished", "failed", "skipped"] = event.state  # type: ignore[assignment]
    return Line(state, event.detail, event.done or line.done, event.total or line.total, begun, now, usd)
