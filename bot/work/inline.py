"""What is known of jobs within one workflow run, which does them at once."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from types import FrameType

from bot.intake.jobs import Job, Rating, Record, State
from bot.intake.progress import Board, Entry


class Inline:
    """The ledger of one workflow run."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.waiting: list[Record] = []
        """Plans that earlier workflow runs have left."""
        self._boards: dict[str, Board] = {}
        self._stopping = False

    def admission(self) -> AbstractContextManager[None]:
        """Nobody else submits here."""
        return nullcontext()

    def submit(self, job: Job) -> None:
        """See bot.intake.jobs.Ledger."""
        self.jobs.append(job)

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        mine = [Record(job, "running", self.board(job)) for job in self.jobs]
        return [*mine, *self.waiting]

    def recent(self, since: datetime, installation: int | None = None) -> list[Record]:
        """None: other workflow runs are not known here."""
        return []

    def cancel(self, job: str) -> None:
        """Nothing: cancelling the workflow run ends it."""

    def cancelling(self, job: str) -> bool:
        """Whether the workflow run is being cancelled."""
        return self._stopping

    def board(self, job: Job) -> Board:
        """Where it stands."""
        return self._boards.get(job.id, Board())

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Within it, a runner that cancels the workflow run has the jobs stop and say so; it kills us soon after."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def note(self, job: str, board: Board) -> bool:
        """See bot.intake.jobs.Ledger."""
        self._boards[job] = board
        return True

    def narrow(self, job: str, left_out: tuple[str, ...]) -> None:
        """Nothing: the boxes are read when the plan is approved."""

    def settle(self, job: str, state: State) -> None:
        """Nothing: a later workflow run finds the plan approved or not."""

    def log(self, job: str, entries: Sequence[Entry]) -> None:
        """Nothing: a workflow run has a log of its own."""

    def keep(self, job: str, evidence: bytes) -> None:
        """Nothing: there are no pages to show it."""

    def rate(self, job: str, rating: Rating) -> None:
        """Nothing: a workflow run keeps no scores."""
