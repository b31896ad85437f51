"""What a run tells whoever watches: a terminal, a comment on GitHub, a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["paper", "plan", "analysis", "code", "run", "audit", "report"]
Finding = Literal["scope", "first run", "tests", "repair"]
STAGES: tuple[Stage, ...] = ("paper", "plan", "analysis", "code", "run", "audit", "report")


@dataclass(frozen=True)
class Progress:
    """One thing that happened. Events of one stage may arrive from several threads."""

    stage: Stage
    state: Literal["started", "advanced", "finished", "failed", "skipped"]
    detail: str = ""
    """A short clause for people: `model.py (3 of 8)`, `smoke run failed: ModuleNotFoundError`."""
    done: int = 0
    total: int = 0
    """Of the stage's parts; 0 where it has none."""
    usd: float | None = None
    """Spent in the run so far; None where the model's price is unknown."""
    input_tokens: int = 0
    output_tokens: int = 0
    """Of the run so far."""
    sandbox_seconds: float = 0.0
    """That the sandbox was in use for, of which no event has told yet."""
    output: str = ""
    """Of an execution that has ended: its command, and the last lines that it printed."""
    begun: str = ""
    """What is under way from now on within the stage, in a clause, where no part of it has ended."""
    found: tuple[Finding, str] | None = None
    """What is known of the result from now on, in a clause. `repair`: what is being repaired; empty: nothing."""


Observer = Callable[[Progress], None]
"""May raise `pipeline.errors.Cancelled`: the run then stops at this point."""
