"""The language model: one question, one answer, its price."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel


@dataclass(frozen=True)
class Usage:
    """What calls consumed. Adding two of them adds their figures; an unknown price stays unknown."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that the provider served from its prefix cache."""
    output_tokens: int = 0
    """Reasoning tokens included."""
    usd: float | None = 0.0
    """None when the model has no known price."""
    estimated: bool = False
    """Some of the figures are characters / 4, because the server did not count."""
    written_tokens: int = 0
    """Of the input tokens, those that the provider put into its prefix cache, where that has a price of its own."""

    def __add__(self, other: "Usage") -> "Usage":
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            written_tokens=self.written_tokens + other.written_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            usd=usd,
            estimated=self.estimated or other.estimated,
        )


Role = Literal["planner", "writer", "tester", "auditor", "judge"]
ROLES: tuple[Role, ...] = ("planner", "writer", "tester", "auditor", "judge")
JUDGING: tuple[Role, ...] = ("tester", "auditor", "judge")
"""Those that look at what the others have written, or write tests of it without having seen it."""
_ROLES: Mapping[str, Role] = {
    "plan": "planner",
    "analysis": "planner",
    "tests": "tester",
    "audit": "auditor",
    "arbiter": "judge",
    "judge": "judge",
    "rubric": "judge",
}


def role_of(stage: str) -> Role:
    """Who is asked at a stage: `code.model.py`, `fix.2` and `repair.1` are the writer's."""
    return _ROLES.get(stage.partition(".")[0].partition("#")[0], "writer")


@dataclass(frozen=True)
class Share:
    """What one role has been asked, and who plays it."""

    model: str
    usage: Usage = Usage()


@dataclass(frozen=True)
class Image:
    """A picture that a prompt shows."""

    label: str
    """Stands before it, as data: its anchor and caption, `[Fig1] Validation loss over steps`."""
    media_type: str
    """`image/png` or `image/jpeg`."""
    data: bytes


@dataclass(frozen=True)
class Pictures:
    """What prompts show beside their text. Drawn when it is sent: many a prompt is answered from a journal, or asked
    of a model that takes none.
    """

    name: str = ""
    """Tells them from others, drawn or not; empty: there are none."""
    drawn: Callable[[], tuple[Image, ...]] = field(default=tuple, compare=False)


NO_PICTURES = Pictures()


@dataclass(frozen=True)
class Prompt:
    """One question to the model."""

    stage: str
    """Names the call, unique in a run: `plan.overview`, `code.model.py`, `fix.2`. Recordings match by it."""
    system: str
    shared: str
    """The run's growing context: byte for byte the beginning of every later prompt's, for prefix caches."""
    task: str
    """What differs; comes last."""
    answer: type[BaseModel] | None = None
    """The answer's JSON schema; None for free text."""
    identity: str | None = None
    """What makes this question the same as one asked before, where `task` holds timings and the like."""
    pictures: Pictures = NO_PICTURES
    """Between `system` and `shared`: part of the prefix, the same in every prompt of a run."""


@dataclass(frozen=True)
class Completion:
    """One answer, complete (never a truncated one)."""

    stage: str
    text: str
    model: str
    usage: Usage
    seconds: float
    replayed: bool = False
    """Came from the journal or a recording: nothing was paid now."""
    key: str = ""
    """What was asked, as the journal names it."""


class LLM(Protocol):
    """Answers prompts. Safe to call from several threads."""

    @property
    def model(self) -> str:
        """Who writes, for the report; for a recording, who answered then."""
        ...

    def complete(self, prompt: Prompt) -> Completion:
        """Raises ModelUnavailable, ModelRefused, BudgetReached, Cancelled."""
        ...

    @property
    def usage(self) -> Usage:
        """Of all calls so far, replayed ones included at what they cost when they were made."""
        ...

    @property
    def shares(self) -> Mapping[Role, Share]:
        """The same by role; each of them is there."""
        ...
