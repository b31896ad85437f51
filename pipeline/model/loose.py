"""Values out of JSON for whose shape nobody vouches: what is missing or of another type is empty."""

from typing import Any

MOST = 10**18
"""Of anything that is counted: more than there is, and no more digits than can be added up and printed."""


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
    """A JSON number as a number of things, MOST where it is larger; 0 where it cannot be one."""
    # NaN is not above 0 either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, MOST))


def mended(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of surrogate pairs joined, lone ones replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
