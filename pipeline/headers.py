"""What the headers of an HTTP answer say of time; what says none, or none that anybody lives to see, says nothing."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_SECONDS = 9_000_000_000.0
"""Some 285 years: Python cannot sleep for longer."""


def moment(value: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7): in whatever zone it is, and in UTC where it names none."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def number(value: str) -> float | None:
    """Seconds in digits."""
    found = float(value) if re.fullmatch(r"[0-9]{1,10}(?:\.[0-9]{1,9})?", value.strip()) else None
    return None if found is None or found > _MOST_SECONDS else found


def retry_after(value: str, now: float) -> float | None:
    """Seconds from `now`, in Unix time, until one may ask again, from either form (RFC 9110, 10.2.3)."""
    date = moment(value)
    if date is None:
        return number(value)
    seconds = (date - datetime.fromtimestamp(now, UTC)).total_seconds()
    return max(0.0, seconds) if seconds <= _MOST_SECONDS else None
