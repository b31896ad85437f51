"""Corrections: what a later step says of an earlier one that it finds wrong. Pure.

In an answer of prose a correction is three or four lines of its own, as `prompts/correcting.md` says.
"""

import re

from pipeline.planning.plan import Correction
from pipeline.reading.paper import Paper

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
