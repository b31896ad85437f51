"""Board: a job as people watch it, folded from the pipeline's Progress. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from pipeline.progress import STAGES, Progress, Stage


@dataclass(frozen=True)
class Line:
    """One stage."""

    state: Literal["waiting", "running", "finished", "failed", "skipped"] = "waiting"
    detail: str = ""
    started: float | None = None
    """Seconds since the epoch."""
    ended: float | None = None


@dataclass(frozen=True)
class Board:
    """All stages, what was spent, and the failed attempts to run the code."""

    lines: tuple[tuple[Stage, Line], ...] = tuple((stage, Line()) for stage in STAGES)
    usd: float | None = 0.0
    attempts: tuple[str, ...] = ()

    def after(self, event: Progress, now: float) -> "Board":
        """The board once `event` has happened at `now` (seconds since the epoch)."""
        lines = tuple(
            (stage, _after(line, event, now) if stage == event.stage else line) for stage, line in self.lines
        )
        failed_run = event.stage == "run" and event.state == "advanced" and event.detail
        attempts = (*self.attempts, event.detail)[-10:] if failed_run else self.attempts
        return replace(self, lines=lines, usd=event.usd, attempts=attempts)

    @property
    def stage(self) -> Stage | None:
        """The latest stage that has begun and not ended."""
        running = [stage for stage, line in self.lines if line.state == "running"]
        return running[-1] if running else None


def _after(line: Line, event: Progress, now: float) -> Line:
    detail = event.detail or line.detail
    if event.state in ("started", "advanced"):
        return Line("running", detail, line.started or now)
    state: Literal["finished", "failed", "skipped"] = event.state  # type: ignore[assignment]
    return Line(state, detail, line.started or now, now)
