"""Rooms made before they are asked for, and cleared away after they were used, while programs run."""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, current_thread
from typing import Generic, TypeVar

Room = TypeVar("Room")

FRESH_SECONDS = 300
"""An older room is not used any more."""
_MOST = 4
"""Rooms that wait at once."""


class Ahead(Generic[Room]):
    """What waits is given out once: no two commands see the same room."""

    def __init__(self, clear: Callable[[Room], None]) -> None:
        """`clear` removes a room; it reports its own failures."""
        self._clear = clear
        self._threads = f"sandbox {id(self)}"
        self._pool = ThreadPoolExecutor(_MOST, self._threads)
        self._waiting: dict[Hashable, tuple[float, Future[Room]]] = {}
        self._lock = Lock()

    def prepare(self, kind: Hashable, make: Callable[[], Room]) -> None:
        """Make a room of this kind in the background, unless one waits."""
        with self._lock:
            self._drop_old()
            if kind not in self._waiting:
                if len(self._waiting) == _MOST:
                    self._drop(next(iter(self._waiting)))
                self._waiting[kind] = time.monotonic(), self._pool.submit(make)

    def take(self, kind: Hashable, make: Callable[[], Room]) -> Room:
        """The room of this kind that waits, else a new one. Raises what `make` raises."""
        with self._lock:
            self._drop_old()
            _, waiting = self._waiting.pop(kind, (0.0, None))
        return waiting.result() if waiting else make()

    def clear(self, room: Room) -> None:
        """Remove a room that was used, in the background."""
        try:
            self._pool.submit(self._clear, room)
        except RuntimeError:  # The interpreter is about to end.
            self._clear(room)

    def close(self) -> None:
        """Remove what waits; ends when nothing is left."""
        with self._lock:
            waiting = [room for _, room in self._waiting.values()]
            self._waiting.clear()
        for each in waiting:
            self._clear_made(each)
        # Whoever collects garbage closes, and that may be one of our own threads: it cannot wait for itself.
        self._pool.shutdown(wait=not current_thread().name.startswith(self._threads))

    def _drop_old(self) -> None:
        for kind, (made, _) in list(self._waiting.items()):
            if time.monotonic() - made > FRESH_SECONDS:
                self._drop(kind)

    def _drop(self, kind: Hashable) -> None:
        _, waiting = self._waiting.pop(kind)
        self._pool.submit(self._clear_made, waiting)

    def _clear_made(self, waiting: Future[Room]) -> None:
        if not waiting.exception():
            self._clear(waiting.result())
