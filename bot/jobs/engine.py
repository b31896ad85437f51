"""The durable workflow engine: DBOS on SQLite or PostgreSQL. Nothing else knows that DBOS exists.

A job is a DBOS workflow; where it stands and the wish to stop it are the workflow's attributes. A lane of jobs
is a partition of DBOS's queue, from which all workers together run one at a time. DBOS does not take a dead
worker's jobs over by itself: whoever executes a workflow holds a lease and gives signs of life, and every worker
looks for workflows whose holder gave none for a while. DBOS itself records no result of an execution that
another one has followed; the lease ends such an execution early, and before it is seen.
"""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, WorkflowStatus

from bot.intake.intake import ENDING, Ending
from bot.intake.jobs import (
    BOARD,
    JOB,
    OUTCOME,
    RATING,
    REQUEST,
    Job,
    Ledger,
    Outcome,
    Rating,
    Record,
    Request,
    State,
    Steps,
    jobs_prefix,
)
from bot.intake.progress import Board
from bot.jobs.batches import Batches
from bot.jobs.database import Leases, Unreachable, alone, connect
from bot.jobs.holding import SOON, Holder
from bot.jobs.patience import insist
from settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)

_NAME = "paper2code"
_VERSION = "3"
"""Jobs of another version stay pending, so it changes only when the order of steps or the queues do."""
_REQUESTS, _JOBS = "requests", "jobs"
_ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]
_OFTEN = 0.5
"""Seconds between looks at a queue."""
_RATING = "rating "
"""Begins the attribute with a person's rating; the person's id ends it."""


def database_url(settings: Settings) -> str:
    """Where jobs are stored: the configured database, or a SQLite file in the data folder."""
    return settings.database_url or f"sqlite:///{settings.data_dir.absolute() / 'jobs.sqlite'}"


class Worker(Protocol):
    """Who does what is stored; each method ends what it was handed, whatever happens in between."""

    def answer(self, request: Request, step: Steps, ledger: Ledger, /) -> None:
        """Decide on a request, say so, and submit the jobs that come of it."""
        ...

    def end(self, ending: Ending, step: Steps, ledger: Ledger, /) -> None:
        """Have the jobs stopped of what is over."""
        ...

    def fulfil(self, job: Job, step: Steps, ledger: Ledger, /) -> Outcome:
        """Do a job, and report on it."""
        ...


class Engine:
    """Stores requests and jobs; the ledger of all jobs."""

    def __init__(self, url: str, dead_after: float = 60) -> None:
        """Prepares the database.

        `url` is SQLAlchemy's: `sqlite:////path/to/file` or `postgresql://…`. A worker that gave no sign of
        life for `dead_after` seconds is taken for dead.
        """
        self._database = connect(url)
        DBOS.migrate(url)
        self._url = url
        self._name = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._holder = Holder(Leases(self._database), self._name, dead_after)
        self._requests = Batches(self._store)
        self._client = DBOSClient(
            system_database_url=url, application_name=_NAME, retry_connection_errors=False
        )

    def close(self) -> None:
        """Give the database back."""
        self._client.destroy()
        self._database.dispose()

    def check(self) -> None:
        """Raises if the database does not answer."""
        self._client.check_connection()

    def ask(self, request: Request) -> None:
        """Store a request; one that was stored before changes nothing."""
        # A database takes some hundred commits a second, and SQLite one at a time.
        self._requests.add(request)

    def _store(self, requests: list[Request]) -> None:
        with self._database.begin() as connection:
            for request in requests:
                self._client.enqueue_in_transaction(
                    connection,
                    {
                        "workflow_name": "answer",
                        "queue_name": _REQUESTS,
                        "workflow_id": f"request-{request.id}",
                        "app_version": _VERSION,
                    },
                    REQUEST.dump_json(request).decode(),
                )

    def pending(self) -> int:
        """Requests that wait for an answer."""
        waiting = self._client.list_workflows(
            name="answer", status=_ACTIVE, load_input=False, load_output=False
        )
        return len(waiting)

    def admission(self) -> AbstractContextManager[None]:
        """See bot.intake.jobs.Ledger."""
        return alone(self._database)

    def submit(self, job: Job) -> None:
        """See bot.intake.jobs.Ledger."""
        others = self._fulfilments(job.place.repository_id, job.place.issue, status=_ACTIVE)
        if any(_job(other).key == job.key for other in others):
            return
        self._client.enqueue(
            {
                "workflow_name": "fulfil",
                "queue_name": _JOBS,
                "workflow_id": job.id,
                "app_version": _VERSION,
                "queue_partition_key": job.lane,
            },
            JOB.dump_json(job).decode(),
        )

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        return [_record(status) for status in self._fulfilments(repository_id, issue)]

    def _fulfilments(self, repository_id: int, issue: int | None, **wanted: Any) -> list[WorkflowStatus]:
        prefix = jobs_prefix(repository_id, issue)
        return self._client.list_workflows(
            name="fulfil", workflow_id_prefix=prefix, sort_desc=True, limit=100, **wanted
        )

    def recent(self, since: datetime) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        found = [
            *self._client.list_workflows(name="fulfil", start_time=since.isoformat()),
            *self._client.list_workflows(name="fulfil", status=_ACTIVE),
        ]
        return [_record(status) for status in {status.workflow_id: status for status in found}.values()]

    def latest(self, limit: int = 100) -> list[Record]:
        """The jobs of all repositories, newest first."""
        return [
            _record(status)
            for status in self._client.list_workflows(name="fulfil", sort_desc=True, limit=limit)
        ]

    def record(self, job: str) -> Record | None:
        """One job; None if there is none with this id."""
        found = self._client.list_workflows(name="fulfil", workflow_ids=[job])
        return _record(found[0]) if found else None

    def cancel(self, job: str) -> None:
        """See bot.intake.jobs.Ledger."""
        self._client.update_workflow_attributes(job, {"cancel": True}, merge=True)

    def end(self, identity: str, ending: Ending) -> None:
        """Store that something is over; what has the `identity` of an earlier one changes nothing."""
        self._client.enqueue(
            {
                "workflow_name": "end",
                "queue_name": _REQUESTS,
                "workflow_id": f"ending-{identity}",
                "app_version": _VERSION,
            },
            ENDING.dump_json(ending).decode(),
        )

    def cancelling(self, job: str) -> bool:
        """See bot.intake.jobs.Ledger."""
        if job not in self._holder.held or self._holder.lost(job):
            return True
        try:
            return bool(self._attributes(job).get("cancel"))
        except Unreachable:
            return False

    def note(self, job: str, board: Board) -> bool:
        """See bot.intake.jobs.Ledger."""
        if self._holder.lost(job):
            return False
        noted = {"board": BOARD.dump_python(board, mode="json")}
        try:
            self._client.update_workflow_attributes(job, noted, merge=True)
        except Unreachable as error:
            _log.warning("Where job %s stands is not noted: %s", job, error)
        return True

    def rate(self, job: str, rating: Rating) -> None:
        """See bot.intake.jobs.Ledger."""
        mine = f"{_RATING}{rating.person_id}"
        known = self._attributes(job).get(mine)
        if known is None or RATING.validate_python(known).when <= rating.when:
            told = {"rated": True, mine: RATING.dump_python(rating, mode="json")}
            self._client.update_workflow_attributes(job, told, merge=True)

    def rated(self) -> list[Record]:
        """The jobs that somebody has rated, newest first."""
        # DBOS refuses to filter by attributes on SQLite.
        told = None if self._database.dialect.name == "sqlite" else {"rated": True}
        all_ = self._client.list_workflows(
            name="fulfil", attributes=told, load_input=False, load_output=False
        )
        ids = [status.workflow_id for status in all_ if (status.attributes or {}).get("rated")]
        found = self._client.list_workflows(workflow_ids=ids, sort_desc=True) if ids else []
        return [_record(status) for status in found]

    def _attributes(self, workflow: str) -> dict[str, Any]:
        found = self._client.list_workflows(workflow_ids=[workflow], load_input=False, load_output=False)
        return (found[0].attributes if found else None) or {}

    @contextmanager
    def working(self, worker: Worker, jobs: int = 2) -> Iterator[None]:
        """Run what is stored, `jobs` of them side by side, in threads. Once at a time in a process."""
        config: DBOSConfig = {
            "name": _NAME,
            "system_database_url": self._url,
            "application_version": _VERSION,
            "executor_id": self._name,
            "log_level": "WARNING",
        }
        DBOS(config=config)

        @DBOS.workflow(name="answer", max_recovery_attempts=1000)
        def answer(request: str) -> None:
            with self._holding() as step:
                worker.answer(REQUEST.validate_json(request), step, self)

        @DBOS.workflow(name="end", max_recovery_attempts=1000)
        def end(ending: str) -> None:
            with self._holding() as step:
                worker.end(ENDING.validate_json(ending), step, self)

        @DBOS.workflow(name="fulfil", max_recovery_attempts=1000)
        def fulfil(job: str) -> str:
            with self._holding() as step:
                return OUTCOME.dump_json(worker.fulfil(JOB.validate_json(job), step, self)).decode()

        DBOS.listen_queues([_REQUESTS, _JOBS])
        try:
            with self._holder.alive(self.take_over):
                DBOS.launch()
                DBOS.register_queue(_REQUESTS, worker_concurrency=4, polling_interval_sec=_OFTEN)
                DBOS.register_queue(
                    _JOBS, worker_concurrency=jobs, partition_concurrency=1, polling_interval_sec=_OFTEN
                )
                self.take_over()
                yield
        finally:
            DBOS.destroy(destroy_registry=True)

    def _holding(self) -> AbstractContextManager[Steps]:
        """Holds the workflow that this thread executes; gives what runs its steps."""
        return self._holder.holding(str(DBOS.workflow_id), _durably)

    def take_over(self) -> list[str]:
        """Queue again the work of dead workers; returns the ids."""
        pending = {
            status.workflow_id: status
            for status in self._client.list_workflows(status="PENDING", load_input=False, load_output=False)
        }
        begun = {
            workflow: (status.dequeued_at or status.updated_at or 0) / 1000
            for workflow, status in pending.items()
        }
        taken = []
        for workflow in self._holder.claimed(begun):
            queue = _JOBS if pending[workflow].name == "fulfil" else _REQUESTS
            insist(partial(self._client.resume_workflow, workflow, queue_name=queue), SOON, Unreachable)
            taken.append(workflow)
        return taken


def _durably(name: str, step: Callable[[], T]) -> T:
    return DBOS.run_step({"name": name}, step)


_STATES: dict[str, State] = {"ENQUEUED": "queued", "DELAYED": "queued", "PENDING": "running"}


def _record(status: WorkflowStatus) -> Record:
    attributes = status.attributes or {}
    board = BOARD.validate_python(attributes["board"]) if "board" in attributes else Board()
    outcome = OUTCOME.validate_json(status.output) if status.output else None
    state = outcome.state if outcome else _STATES.get(status.status, "failed")
    ratings = [
        RATING.validate_python(value) for name, value in attributes.items() if name.startswith(_RATING)
    ]
    return Record(_job(status), state, board, outcome, tuple(sorted(ratings, key=lambda each: each.when)))


def _job(status: WorkflowStatus) -> Job:
    if status.input is None:
        raise ValueError(f"{status.workflow_id} was read without its input")
    return JOB.validate_json(status.input["args"][0])
