"""JSON that has come out of a sandbox: read here alone, so that whoever wrote it, what it says can be written down."""

import json
import math
from collections.abc import Callable
from typing import Any

from sandbox.streams import shown

DEEPEST = 100
"""Values inside of each other."""
_EXACT = 18
"""Digits; an integer of more is read as a float."""


def read(data: str | bytes) -> Any:
    """Its value: every text is Unicode as it is `shown`, every number finite; None where one is not.

    Of which form it is, is for whoever asks. Raises ValueError.
    """
    try:
        said = json.loads(data, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        return with_texts(said, shown)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _integer(digits: str) -> float | None:
    return int(digits) if len(digits) <= _EXACT else _finite(digits)


def _finite(number: str) -> float | None:
    return value if math.isfinite(value := float(number)) else None


def with_texts(value: Any, text: Callable[[str], str], depth: int = 0) -> Any:
    """A value of JSON, each text in it as `text` has it. Raises ValueError where it is nested too deeply."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    match value:
        case str():
            return text(value)
        case list():
            return [with_texts(each, text, depth + 1) for each in value]
        case dict():
            return {text(name): with_texts(each, text, depth + 1) for name, each in value.items()}
    return value
