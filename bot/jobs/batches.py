"""Things that are stored together because they came at the same time: one commit to disk serves all that wait."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Entry(Generic[T]):
    item: T
    ended: bool = False
    error: Exception | None = None


class Batches(Generic[T]):
    """Calls `store` with all that came while it was busy; safe to call from several threads."""

    def __init__(self, store: Callable[[list[T]], None]) -> None:
        """`store` takes all of a list or, raising, nothing of it."""
        self._store = store
        self._storing = threading.Lock()
        self._waiting: list[_Entry[T]] = []

    def add(self, item: T) -> None:
        """Returns once `item` is stored; raises what `store` raised."""
        entry = _Entry(item)
        self._waiting.append(entry)
        with self._storing:
            if not entry.ended:
                self._store_waiting()
        if entry.error:
            raise entry.error

    def _store_waiting(self) -> None:
        batch = [self._waiting.pop() for _ in range(len(self._waiting))]
        try:
            self._store([entry.item for entry in batch])
        except Exception as error:
            for entry in batch:
                entry.error = error
        finally:
            for entry in batch:
                entry.ended = True
