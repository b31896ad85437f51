"""Two repositories of one paper compared by a model that does not know who wrote them, in both orders.

A judge that prefers whatever stands first is a known fault of models (arXiv 2306.05685, section 3.3): what is preferred
in one order only is undecided.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from pipeline.model.asking import Context, ask, block, render
from pipeline.model.llm import LLM
from pipeline.planning.plan import Answer
from pipeline.proving.blind.neutral import Neutral
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import sources
from pipeline.threads import Threads

Place = Literal["first", "second"]
Preferred = Literal["A", "B", "undecided"]
MOST_CHARACTERS = 400_000
"""Of one repository in a prompt, about 100,000 tokens."""
_OTHERS = (
    ".jl",
    ".r",
    ".R",
    ".m",
    ".c",
    ".cc",
    ".cpp",
    ".cu",
    ".h",
    ".hpp",
    ".rs",
    ".go",
    ".java",
    ".js",
    ".ts",
)
_ENDINGS = (
    ".md",
    ".py",
    ".ipynb",
    ".sh",
    ".yaml",
    ".yml",
    ".toml",
    ".cfg",
    ".ini",
    ".txt",
    ".json",
    *_OTHERS,
)


class Reason(Answer):
    """One difference that counts."""

    better: Place = Field(description="The repository that it speaks for")
    text: str = Field(description="What the one does and the other does not, with files")


class Choice(Answer):
    """The model's word on one order."""

    reasons: tuple[Reason, ...] = Field(description="The differences that decide, the weightiest first")
    loser_has: str = Field(
        description="What the other repository does better and should keep; empty if nothing"
    )
    preferred: Place
    confidence: int = Field(ge=50, le=100, description="Percent; 50 is a coin")


@dataclass(frozen=True)
class Vote:
    """One answer, with the places of that order turned back into A and B."""

    order: str
    """`AB` or `BA`: which stood first."""
    preferred: Preferred
    confidence: int
    """Percent."""
    reasons: tuple[tuple[Preferred, str], ...]
    """Which it speaks for, and what it is."""
    loser_has: str


@dataclass(frozen=True)
class Comparison:
    """What came of all orders and samples."""

    preferred: Preferred
    """What both orders prefer, each by most of its samples."""
    confidence: float
    """Percent that the judge gives to what is preferred, over all votes; 50 where it is undecided."""
    consistent: float | None
    """Share of the pairs of orders that prefer the same; None where nobody was asked."""
    votes: tuple[Vote, ...]
    unasked: str = ""
    """Why a program has decided, or could not."""
    model: str = ""
    usd: float | None = 0.0
    """None where the model has no known price."""
    changes: tuple[tuple[str, str], ...] = ()
    """A or B, and what of it was not shown or replaced."""


def compare(
    a: Neutral, b: Neutral, context: Context, llm: LLM, samples: int = 1, concurrency: int = 1
) -> Comparison:
    """Which one a person who needs the paper's code would rather have; `context` holds the paper.

    Nothing is asked where one of them or both hold no code that does anything. Raises AnswerInvalid and what the
    model's client raises.
    """
    sides: Mapping[str, Neutral] = {"A": a, "B": b}
    shown = {side: _shown(each) for side, each in sides.items()}
    changes = tuple((side, said) for side in sides for said in (*sides[side].changes, *shown[side][1]))
    if decided := _decided(_nothing(a), _nothing(b)):
        preferred, why = decided
        return Comparison(
            preferred, 50.0 if preferred == "undecided" else 100.0, None, (), why, changes=changes
        )
    before = llm.usage.usd

    def vote(question: tuple[str, int]) -> Vote:
        order, sample = question
        first, second = (
            block(place, shown[side][0]) for place, side in zip(("first", "second"), order, strict=True)
        )
        task = render("compare", first=first, second=second)
        return _turned(
            order, ask(llm, context, f"judge.compare.{order}.{sample}", task, Choice, _contradictions)
        )

    questions = [(order, sample) for sample in range(1, samples + 1) for order in ("AB", "BA")]
    with Threads(concurrency) as executor:
        votes = tuple(executor.map(vote, questions))
    after = llm.usage.usd
    preferred = _agreed(votes)
    pairs = list(zip(votes[::2], votes[1::2], strict=True))
    sure = [v.confidence if v.preferred == preferred else 100 - v.confidence for v in votes]
    return Comparison(
        preferred,
        50.0 if preferred == "undecided" else statistics.mean(sure),
        statistics.mean(one.preferred == other.preferred for one, other in pairs),
        votes,
        model=llm.shares["judge"].model,
        usd=None if before is None or after is None else after - before,
        changes=changes,
    )


def _turned(order: str, choice: Choice) -> Vote:
    side: dict[Place, Preferred] = (
        {"first": "A", "second": "B"} if order == "AB" else {"first": "B", "second": "A"}
    )
    reasons = tuple((side[reason.better], reason.text) for reason in choice.reasons)
    return Vote(order, side[choice.preferred], choice.confidence, reasons, choice.loser_has)


def _agreed(votes: Sequence[Vote]) -> Preferred:
    """What most samples of each order prefer, if both orders' are the same."""
    chosen = {order: _most([v for v in votes if v.order == order]) for order in ("AB", "BA")}
    return chosen["AB"] if chosen["AB"] == chosen["BA"] else "undecided"


def _most(votes: Sequence[Vote]) -> Preferred:
    for_a = sum(vote.preferred == "A" for vote in votes)
    if 2 * for_a == len(votes):
        return "undecided"
    return "A" if 2 * for_a > len(votes) else "B"


def _contradictions(choice: Choice) -> Sequence[str]:
    if not any(reason.better == choice.preferred and reason.text.strip() for reason in choice.reasons):
        return [f"The {choice.preferred} is preferred and no reason speaks for it."]
    return ()


def _nothing(each: Neutral) -> str:
    """Why there is nothing to compare; empty if there is."""
    return Reach(sources(each.files)).nothing()


def _decided(a: str, b: str) -> tuple[Preferred, str] | None:
    if a and b:
        return "undecided", f"In neither is anything to judge. A: {a} B: {b}"
    if a or b:
        return ("B", f"A: {a}") if a else ("A", f"B: {b}")
    return None


def _shown(each: Neutral) -> tuple[str, tuple[str, ...]]:
    """The files as a prompt has them, README and what stands highest first, and what did not fit."""
    readable = [path for path in each.files if path.endswith(_ENDINGS)]
    readable.sort(key=lambda path: (path != "README.md", path.startswith("tests/"), path.count("/"), path))
    parts, omitted, size = [], [], 0
    for path in readable:
        text = each.files[path]
        if size + len(text) > MOST_CHARACTERS:
            omitted.append(path)
            continue
        size += len(text)
        parts.append(block("file", text, path=path.replace('"', "'")))
    listed = "\n".join(each.files)
    said = (f"Only named in the prompt, for want of room: {len(omitted)} files.",) if omitted else ()
    return "\n\n".join([f"All files:\n{listed}", *parts]), said
