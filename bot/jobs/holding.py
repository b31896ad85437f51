"""Who executes a workflow holds it by a lease and gives signs of life. Knows neither DBOS nor what a job is.

A worker that lives may be taken for dead: an execution begins nothing, and nothing of it is recorded, once the
lease is another one's. A worker that stops gives back what it held, so that nobody has to wait for its silence.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from bot.intake.jobs import Steps, Unrecorded
from bot.jobs.database import Leases, Unreachable
from bot.jobs.patience import attempt, insist

T = TypeVar("T")
SOON = (0.1, 0.5, 2.0)
"""Seconds between attempts at what else would wait as long as it takes to be taken for dead."""


class LeaseLost(BaseException):
    """Another worker has the job, or will. Not an Exception: the step must end without a recorded result."""


@dataclass
class Lease:
    """What an execution holds its workflow by."""

    name: str
    signed: float = field(default_factory=time.monotonic)
    """When the last sign of life was given, by this machine's clock that nobody sets."""


class Holder:
    """The workflows that a worker executes, each by a lease of its own."""

    def __init__(self, leases: Leases, worker: str, dead_after: float) -> None:
        """A `worker` that gave no sign of life for `dead_after` seconds is taken for dead."""
        self.leases = leases
        self._worker = worker
        self._dead_after = dead_after
        self.held: dict[str, Lease] = {}
        self._stopped = threading.Event()

    @contextmanager
    def holding(self, workflow: str, durable: Steps) -> Iterator[Steps]:
        """Holds the workflow that this thread executes; gives what runs its steps, `durable` inside of a fence."""
        lease = Lease(f"{self._worker}-{uuid.uuid4().hex[:8]}")
        try:
            insist(partial(self.leases.take, workflow, lease.name), SOON, Unreachable)
        except Unreachable as error:
            raise LeaseLost(workflow) from error
        self.held[workflow] = lease
        try:
            # Within that time the workflow is nobody else's, and people may be told.
            waits = [self._dead_after / 6] * 3
            lost, sign = partial(self._lost, workflow, lease), partial(self._sign, workflow, lease)
            yield _Fenced(durable, lost, sign, waits)
        finally:
            # Who is stopped leaves that to the thread that gives all back, which may be busy just now.
            if self.held.get(workflow) is lease and not self._stopped.is_set():
                del self.held[workflow]

    def lost(self, workflow: str) -> bool:
        """Whether the workflow is executed here and, by now, another execution's."""
        lease = self.held.get(workflow)
        return lease is not None and self._lost(workflow, lease)

    def claimed(self, begun: Mapping[str, float]) -> Iterator[str]:
        """Executions that nobody is alive for, and that are this worker's now to be queued again; none once it stops.

        `begun` says when each began, in seconds since the epoch. Raises Unreachable.
        """
        if self._stopped.is_set():
            return
        others = {workflow: since for workflow, since in begun.items() if workflow not in self.held}
        for workflow in self.leases.silent(others, self._dead_after):
            if self.leases.claim(workflow, f"{self._worker} claims", others[workflow], self._dead_after):
                yield workflow

    @contextmanager
    def alive(self, chore: Callable[[], object]) -> Iterator[None]:
        """Give signs of life, in a thread, and do the chore after each; in the end all is given back."""
        self._stopped.clear()
        signs = threading.Thread(target=self._give_signs, args=(chore,), name="signs of life", daemon=True)
        signs.start()
        try:
            yield
        finally:
            self._stopped.set()
            signs.join()

    def _give_signs(self, chore: Callable[[], object]) -> None:
        while not self._stopped.wait(self._dead_after / 6):
            for workflow, lease in list(self.held.items()):
                attempt(partial(self._sign, workflow, lease))
            attempt(chore)
        while self.held:
            workflow, lease = self.held.popitem()
            release = partial(self.leases.release, workflow, lease.name)
            attempt(partial(insist, release, SOON, Unreachable))

    def _lost(self, workflow: str, lease: Lease) -> bool:
        """Whether the workflow is, by now, another execution's."""
        if self._stopped.is_set():
            return True
        try:
            return not self.leases.holds(workflow, lease.name)
        except Unreachable:
            return time.monotonic() - lease.signed > self._dead_after

    def _sign(self, workflow: str, lease: Lease) -> None:
        now = time.monotonic()
        if self.leases.renew(workflow, lease.name):
            lease.signed = now


@dataclass(frozen=True)
class _Fenced:
    """Durable steps; none is begun, and nothing recorded of one, once the workflow is lost.

    Where its database takes nothing, DBOS gives up at once or waits without end, depending on the database. So
    a sign of life is given before a result is recorded: it is tried again for a while.
    """

    durable: Steps
    lost: Callable[[], bool]
    sign: Callable[[], None]
    waits: Sequence[float]

    def __call__(self, name: str, step: Callable[[], T]) -> T:
        def fenced() -> T:
            self._check(name)
            try:
                with self._recording(name):
                    return step()
            finally:
                self._check(name)
                with self._recording(name):
                    insist(self.sign, self.waits, OperationalError)

        with self._recording(name):
            return self.durable(name, fenced)

    def _check(self, name: str) -> None:
        if self.lost():
            raise LeaseLost(name)

    @contextmanager
    def _recording(self, name: str) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            self._check(name)
            raise Unrecorded(name, error) from error
