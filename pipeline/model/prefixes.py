"""Which beginnings of prompts a server has read of late, and so serves from its cache.

Calls that start together behind a beginning that nobody has read would all pay for it. So the first goes ahead
until the server has read it, and the others follow.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.errors import Cancelled

LEAST = 4_096
"""Bytes: providers cache from 1,024 tokens on, and for less nobody needs to wait."""
LIFETIME = 300.0
"""Seconds since it was last read for which a beginning stays cached, at the provider that forgets the soonest."""
READ_BY = 30.0
"""Seconds after which even the longest prompt has been read, though the answer has not begun."""


@dataclass(frozen=True)
class Prefix:
    """How a prompt begins."""

    stem: str
    """Names what stands before the shared text: system text and pictures."""
    shared: str

    def within(self, other: "Prefix") -> bool:
        """Whether the other begins with this one."""
        return self.stem == other.stem and other.shared.startswith(self.shared)


class Prefixes:
    """The beginnings that one server has read. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._read: dict[Prefix, float] = {}
        self._reading: set[Prefix] = set()

    def pieces(self, prefix: Prefix) -> tuple[str, ...]:
        """The shared text, cut where earlier prompts ended: there a cache may hold it, and the end, where it will."""
        with self._changed:
            ends = sorted({len(other.shared) for other in self._read if other.within(prefix)} - {0})
        ends += [len(prefix.shared)] if prefix.shared and len(prefix.shared) not in ends else []
        return tuple(prefix.shared[start:end] for start, end in zip([0, *ends], ends, strict=False))

    @contextmanager
    def behind(self, prefix: Prefix, cancelled: Callable[[], bool]) -> Iterator[Callable[[], None]]:
        """Wait while somebody else has the beginning read; yields what to call once this request's has been.

        Raises Cancelled.
        """
        leads = self._follow_or_lead(prefix, cancelled)

        def read() -> None:
            with self._changed:
                now = self._clock()
                self._read |= {prefix: now} | {known: now for known in self._read if known.within(prefix)}
                self._settle(prefix if leads else None)

        try:
            yield read
        finally:
            with self._changed:
                self._settle(prefix if leads else None)

    def _follow_or_lead(self, prefix: Prefix, cancelled: Callable[[], bool]) -> bool:
        started = self._clock()
        with self._changed:
            while any(other.within(prefix) for other in self._reading) and self._clock() < started + READ_BY:
                if cancelled():
                    raise Cancelled("Stopped while another call had the prompt's beginning read.")
                self._changed.wait(0.5)
            now = self._clock()
            warm = [len(p.shared) for p, at in self._read.items() if p.within(prefix) and now - at < LIFETIME]
            leads = len(prefix.shared) - max(warm, default=0) >= LEAST and prefix not in self._reading
            self._reading |= {prefix} if leads else set()
            return leads

    def _settle(self, led: Prefix | None) -> None:
        if led in self._reading:
            self._reading.remove(led)
            self._changed.notify_all()
