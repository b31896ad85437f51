"""Trying again what a service did not do, for a while. What was tried must be idempotent."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


def attempt(chore: Callable[[], object]) -> None:
    """Do what is done again later anyway: if it fails, that is logged."""
    try:
        chore()
    except Exception as error:
        _log.warning("A chore of the worker failed and is left for the next time: %s", error)


def insist(operation: Callable[[], T], waits: Sequence[float], *away: type[Exception]) -> T:
    """The result of `operation`, tried again after each of `waits` seconds while it raises one of `away`.

    An error that has a `wait` of its own is given that long, if it is longer. The last one is raised.
    """
    for wait in waits:
        try:
            return operation()
        except away as error:
            _log.warning("%s; trying again", error)
            time.sleep(max(wait, getattr(error, "wait", 0)))
    return operation()
