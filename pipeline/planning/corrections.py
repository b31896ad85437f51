"""Corrections: what a later step says of an earlier one that it finds wrong. Pure.

In an answer of prose a correction is three or four lines of its own, as `prompts/correcting.md` says.
"""

import re
from collections.abc import Iterator
from typing import Any

from pipeline.planning.plan import Correction, Plan
from pipeline.reading.paper import Paper

_PARTS = ("overview", "architecture", "logic")
"""Of a plan, what is written for people."""
_CORRECTION = re.compile(
    r"^CORRECTION of (?P<where>.+)\n+WRONG: (?P<wrong>.+)\n+RIGHT: (?P<right>.+)(?:\n+PAPER:(?P<quote>.*))?\n?",
    re.MULTILINE,
)


def separated(text: str) -> tuple[str, tuple[Correction, ...]]:
    """What an answer says besides its corrections, and these."""
    found = tuple(
        Correction(**{name: (said or "").strip() for name, said in match.groupdict().items()})
        for match in _CORRECTION.finditer(text)
    )
    return _CORRECTION.sub("", text).strip(), found


def shown(correction: Correction, paper: Paper) -> Correction:
    """The correction with its quotation, if that is in the paper."""
    held = not correction.quote or paper.find(correction.quote)
    return correction if held else correction.model_copy(update={"quote": ""})


def applied(plan: Plan) -> tuple[Plan, list[Correction]]:
    """The plan as it reads with its corrections, and those of which it is not plain which words are meant.

    Plain is what stands once in the prose of the part that a correction names, or of all parts.
    """
    left = list[Correction]()
    for correction in plan.corrections:
        named = [part for part in _PARTS if part in correction.where.lower()]
        for parts in (named, _PARTS):
            told = {part: getattr(plan, part) for part in parts}
            said = {part: value.model_dump() for part, value in told.items()}
            places = [text for value in said.values() for text in _prose(value) if correction.wrong in text]
            if len(places) == 1 and places[0].count(correction.wrong) == 1:
                right = places[0].replace(correction.wrong, correction.right)
                mended = {p: type(told[p]).model_validate(_with(said[p], places[0], right)) for p in parts}
                plan = plan.model_copy(update=mended)
                break
        else:
            left.append(correction)
    return plan, left


def _prose(value: Any) -> Iterator[str]:
    """Sentences, and no names of files and functions, by which other parts know them."""
    if isinstance(value, str) and " " in value:
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _prose(each)


def _with(value: Any, old: str, new: str) -> Any:
    """`value` with another sentence in the place of one."""
    if isinstance(value, dict):
        return {name: _with(each, old, new) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with(each, old, new) for each in value]
    return new if value == old else value
