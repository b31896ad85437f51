"""Times and prices in words, the same on a terminal, on a page and on GitHub. Pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pipeline.model.estimate import Expectation
from pipeline.model.journal import Entry

Number = TypeVar("Number", int, float)


def duration(seconds: float) -> str:
    """`9 s`, `2 min 05 s`, `1 h 02 min`; nothing less than `0 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def counted(number: int, noun: str) -> str:
    """`1 repair`, `2 repairs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def money(usd: float | None, unknown: str = "unknown cost") -> str:
    """`$0.31`, `$0.0042`; `unknown` where the model has no known price."""
    if usd is None:
        return unknown
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"


def call(line: str) -> str:
    """A call of the model by its line of the journal: `plan/overview: 12 s, 34,000 tokens in, 2,000 out, $0.02`."""
    entry = Entry.model_validate_json(line)
    asked, failed = entry.usage, "" if entry.completion is not None else f" failed ({entry.finish_reason})"
    return (
        f"{entry.stage}{failed}: {entry.model}, {duration(entry.seconds)}, {_thousands(asked.input_tokens)} tokens in, "
        f"{_thousands(asked.output_tokens)} out, {money(asked.usd)}"
    )


def expected(runs: Sequence[Expectation], models: Sequence[str]) -> str:
    """What recorded runs let expect of one with `models`: `14 to 21 calls, … , $0.31 to $0.74, …`."""
    known = [run.usage.usd for run in runs if run.usage.usd is not None]
    price = _span(known, money) if len(known) == len(runs) else "unknown cost"
    calls = _span([run.usage.calls for run in runs], str)
    minutes = _span([max(run.seconds / 60, 1) for run in runs], lambda n: f"{n:.0f}")
    return (
        f"Expected with {' and '.join(dict.fromkeys(models))}: {calls} call{'' if calls == '1' else 's'}, "
        f"{_span([r.usage.input_tokens for r in runs], _thousands)} tokens in, "
        f"{_span([r.usage.output_tokens for r in runs], _thousands)} out, {price}, {minutes} min of the model. "
        f"That is what {len(runs)} recorded runs would need with this paper; what a model thinks before it "
        "answers comes on top"
    )


def _span(values: Sequence[Number], word: Callable[[Number], str]) -> str:
    low, high = word(min(values)), word(max(values))
    return low if low == high else f"{low} to {high}"


def _thousands(tokens: int) -> str:
    return f"{round(tokens, -3):,}" if tokens >= 1000 else str(tokens)
