"""Watch: what stands between a run and the people who follow it, who may also stop it."""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType

from bot.github.credentials import GitHubError
from bot.intake.progress import Board, Entry, entry
from pipeline import errors
from pipeline.progress import Progress

_log = logging.getLogger(__name__)
_BLANK = Board()


class Watch:
    """An Observer that shows a Board now and then, and stops the run when somebody asked for it."""

    def __init__(
        self,
        show: Callable[[Board], None],
        cancelling: Callable[[], bool],
        seconds: float,
        board: Board = _BLANK,
        log: Callable[[Sequence[Entry]], None] = lambda entries: None,
    ) -> None:
        """`log` keeps what happened, within a second or so; it may refuse nothing."""
        self._show = show
        self._cancelling = cancelling
        self._seconds = seconds
        self._board = board
        self._shown: Board | None = None
        self._log = log
        self._said = list[Entry]()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._run,), name="progress", daemon=True
        )

    def __call__(self, event: Progress) -> None:
        """Take `event` in. Raises Cancelled."""
        if event.state != "advanced":
            _log.info("Stage %s %s%s", event.stage, event.state, f": {event.detail}" if event.detail else "")
        with self._lock:
            now = time.time()
            self._board = self._board.after(event, now)
            if said := entry(event, now):
                self._said.append(said)
        if self._stop.is_set():
            raise errors.Cancelled("somebody asked to stop")

    def paid(self, usd: float | None) -> None:
        """Add what was spent without an event of the run; None: nobody knows how much."""
        with self._lock:
            known = self._board.usd
            self._board = replace(self._board, usd=None if known is None or usd is None else known + usd)

    def say(self, note: str) -> None:
        """Put a sentence over the checklist, the latest first."""
        with self._lock:
            if note not in self._board.notes:
                self._board = replace(self._board, notes=(note, *self._board.notes))
                self._said.append(Entry(time.time(), "note", note))

    def called(self, text: str) -> None:
        """Log a call of the model."""
        with self._lock:
            self._said.append(Entry(time.time(), "call", text))

    @property
    def board(self) -> Board:
        """As it stands."""
        with self._lock:
            return self._board

    def cancelled(self) -> bool:
        """Whether the run shall stop; for whoever waits for something long."""
        return self._stop.is_set()

    def __enter__(self) -> "Watch":
        if self._cancelling():
            raise errors.Cancelled("somebody asked to stop")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._keep()
        self._refresh()

    def _run(self) -> None:
        due = 0.0
        while not self._ended.wait(min(1.0, self._seconds)):
            if self._cancelling():
                self._stop.set()
            self._keep()
            if time.monotonic() >= due:
                self._refresh()
                due = time.monotonic() + self._seconds

    def _keep(self) -> None:
        with self._lock:
            said, self._said = self._said, []
        if said:
            self._log(said)

    def _refresh(self) -> None:
        with self._lock:
            board = self._board
        if board != self._shown:
            self._shown = board
            try:
                self._show(board)
            except GitHubError as error:
                _log.warning("The progress comment stays as it is: %s", error)
