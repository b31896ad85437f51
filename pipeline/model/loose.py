"""Values out of JSON for whose shape nobody vouches: what is missing or of another type is empty."""

import math
from typing import Any


def table(value: object) -> dict[str, Any]:
    """A JSON object."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """A JSON array."""
    return value if isinstance(value, list) else []


def words(value: object) -> str:
    """A JSON string."""
    return value if isinstance(value, str) else ""


def count(value: object) -> int:
    """A JSON number as a number of things, 0 where it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return max(0, int(value))


def mended(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of surrogate pairs joined, lone ones replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
