"""The durable workflow engine: DBOS on SQLite or PostgreSQL. Nothing else knows that DBOS exists.

A job is a DBOS workflow; where it stands and the wish to stop it are the workflow's attributes. A lane of jobs
is a partition of DBOS's queue, from which all workers together run one at a time. DBOS does not take a dead
worker's jobs over by itself: whoever executes a workflow holds a lease and gives signs of life, and every worker
looks for workflows whose holder gave none for a while. DBOS itself records no result of an execution that
another one has followed; the lease ends such an execution early, and before it is seen.
"""

import logging
import os
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
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
    stored,
)
from bot.intake.progress import Board, Entry
from bot.jobs import logs
from bot.jobs.batches import Batches
from bot.jobs.database import Journals, Leases, Unreachable, alone, connect, index_jobs
from bot.jobs.holding import SOON, Holder
from bot.jobs.patience import attempt, insist
from bot.jobs.register import Register
from bot.jobs.sessions import Sessions
from settings import Settings, SettingsError

T = TypeVar("T")
_log = logging.getLogger(__name__)

_NAME = "paper2code"
_VERSION = "3"
"""Changes when the order of steps or the queues do: then what another version has recorded of a job is of no use."""
_REQUESTS, _JOBS = "requests", "jobs"
_WAITING = ["ENQUEUED", "DELAYED", "CANCELLED"]
"""Cancelled is what `_inherit` has begun with; people's wish to stop a job is an attribute."""
_ACTIVE = [*_WAITING, "PENDING"]
_MOST_FORGOTTEN = 1000
"""Workflows at a time, each time that old ones are looked for."""
_OFTEN = 0.5
"""Seconds between looks at a queue."""
_RATING = "rating "
"""Begins the attribute with a person's rating; the person's id ends it."""


def database_url(settings: Settings) -> str:
    """Where jobs are stored: the configured database, or a SQLite file in the data folder."""
    return settings.database_url or f"sqlite:///{settings.data_dir.absolute() / 'jobs.sqlite'}"


def sqlite_lacks(
    python: tuple[int, int] = sys.version_info[:2], sqlite: tuple[int, ...] = sqlite3.sqlite_version_info
) -> str:
    """Why a SQLite file cannot hold the jobs here; empty if it can."""
    # From Python 3.12 on DBOS tells the time by what SQLite has since 3.42; before, it is null without a word.
    if python < (3, 12) or sqlite >= (3, 42):
        return ""
    return (
        f"on Python {'.'.join(map(str, python))} jobs in a file need SQLite 3.42 or newer, and this Python "
        f"has {'.'.join(map(str, sqlite))}"
    )


SQLITE_MEND = (
    "Set PAPER2CODE_DATABASE_URL to a PostgreSQL (postgresql://…), or install paper2code with Python 3.11 or with "
    "a Python that brings a newer SQLite, such as Debian 13's."
)


class Worker(Protocol):
    """Who does what is stored; each method ends what it was handed, whatever happens in between."""

    def answer(self, request: Request, step: Steps, ledger: Ledger, /) -> object:
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
        life for `dead_after` seconds is taken for dead. Raises SettingsError where SQLite is too old.
        """
        if url.startswith("sqlite") and (lacks := sqlite_lacks()):
            raise SettingsError((f"{lacks[0].upper()}{lacks[1:]}.",), SQLITE_MEND)
        self._database = connect(url)
        DBOS.migrate(url)
        index_jobs(self._database)
        self._url = url
        self._name = f"{_named(_VERSION)}{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._holder = Holder(Leases(self._database), self._name, dead_after)
        self._dead_after = dead_after
        self._requests = Batches(self._store)
        self.register = Register(self._database)
        self.sessions = Sessions(self._database)
        self._client = DBOSClient(
            system_database_url=url, application_name=_NAME, retry_connection_errors=False
        )
        if not self.register.known():
            self.register.adopt(map(_record, self._client.list_workflows(name="fulfil")))

    def close(self) -> None:
        """Give the database back."""
        self._client.destroy()
        # A thread may still hold a connection: what is given back from now on is closed, not kept for the next.
        sa.event.listen(self._database, "checkin", lambda _, record: record.invalidate())
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
        with self._database.begin() as connection:
            self.register.submitted(connection, job)
            self._client.enqueue_in_transaction(
                connection,
                {
                    "workflow_name": "fulfil",
                    "queue_name": _JOBS,
                    "workflow_id": job.id,
                    "app_version": _VERSION,
                    "queue_partition_key": job.lane,
                    # That DBOS finds it by; it needs nobody's authority.
                    "authenticated_user": str(job.place.installation),
                },
                JOB.dump_json(job).decode(),
            )
        _log.info("Job %s is stored", job.id)

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        return [_record(status) for status in self._fulfilments(repository_id, issue)]

    def _fulfilments(self, repository_id: int, issue: int | None, **wanted: Any) -> list[WorkflowStatus]:
        prefix = jobs_prefix(repository_id, issue)
        return self._client.list_workflows(
            name="fulfil", workflow_id_prefix=prefix, sort_desc=True, limit=100, **wanted
        )

    def recent(self, since: datetime, installation: int | None = None) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        user = None if installation is None else str(installation)
        found = [
            *self._client.list_workflows(name="fulfil", start_time=since.isoformat(), user=user),
            *self._client.list_workflows(name="fulfil", status=_ACTIVE, user=user),
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
            self.register.noted(job, board)
        except Unreachable as error:
            _log.warning("Where job %s stands is not noted: %s", job, error)
        return True

    def narrow(self, job: str, left_out: tuple[str, ...]) -> None:
        """See bot.intake.jobs.Ledger."""
        self._client.update_workflow_attributes(job, {"left_out": list(left_out)}, merge=True)

    def settle(self, job: str, state: State) -> None:
        """See bot.intake.jobs.Ledger."""
        self._client.update_workflow_attributes(job, {"settled": state}, merge=True)
        attempt(partial(self.register.settled, job, state))

    def log(self, job: str, entries: Sequence[Entry]) -> None:
        """See bot.intake.jobs.Ledger."""
        if not self._holder.lost(job):
            attempt(partial(self.register.log, job, entries))

    def keep(self, job: str, evidence: bytes) -> None:
        """See bot.intake.jobs.Ledger."""
        if not self._holder.lost(job):
            attempt(partial(self.register.keep, job, evidence))

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
            with logs.about(str(DBOS.workflow_id)), self._holding() as step:
                worker.answer(REQUEST.validate_json(request), step, self)
                _log.info("The request is answered")

        @DBOS.workflow(name="end", max_recovery_attempts=1000)
        def end(ending: str) -> None:
            with logs.about(str(DBOS.workflow_id)), self._holding() as step:
                worker.end(ENDING.validate_json(ending), step, self)

        @DBOS.workflow(name="fulfil", max_recovery_attempts=1000)
        def fulfil(job: str) -> str:
            with logs.about(str(DBOS.workflow_id)), self._holding() as step:
                wanted = stored(job)
                _log.info("Begun: %s, in %s", wanted.paper, wanted.place.repository)
                attempt(partial(self.register.begun, wanted.id))
                try:
                    outcome = worker.fulfil(wanted, step, self)
                except Exception:
                    attempt(partial(self.register.ended, wanted.id, None))
                    raise
                attempt(partial(self.register.ended, wanted.id, outcome))
                _log.info("Ended: %s", _ending(outcome))
                return OUTCOME.dump_json(outcome).decode()

        DBOS.listen_queues([_REQUESTS, _JOBS])
        try:
            attempt(self._live)
            with self._holder.alive(self._chores):
                DBOS.launch()
                DBOS.register_queue(_REQUESTS, worker_concurrency=4, polling_interval_sec=_OFTEN)
                DBOS.register_queue(
                    _JOBS, worker_concurrency=jobs, partition_concurrency=1, polling_interval_sec=_OFTEN
                )
                self.take_over()
                self._inherit()
                yield
        finally:
            DBOS.destroy(destroy_registry=True)
            attempt(partial(self.register.alive, self._name, 0))

    def _holding(self) -> AbstractContextManager[Steps]:
        """Holds the workflow that this thread executes; gives what runs its steps."""
        return self._holder.holding(str(DBOS.workflow_id), _durably)

    def _chores(self) -> None:
        attempt(self._live)
        self.take_over()
        self._inherit()

    def _live(self) -> None:
        self.register.alive(self._name, self._dead_after)

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
            with logs.about(workflow):
                _log.warning("Taken over: its worker was stopped, or gave no sign of life")
        return taken

    def _inherit(self) -> None:
        """Have this version begin anew what waits for workers of another one, of which none lives."""
        versions = {each["version_name"] for each in self._client.list_application_versions()} - {_VERSION}
        living = self.register.workers()
        left = [each for each in versions if not any(name.startswith(_named(each)) for name in living)]
        if not left:
            return
        with alone(self._database):
            waiting = self._client.list_workflows(
                app_version=left, status=_WAITING, load_input=False, load_output=False
            )
            for status in waiting:
                # What is done is found again by each step, and what is paid for in the journal.
                self._client.cancel_workflow(status.workflow_id)
                self._client.rewind_workflow(
                    status.workflow_id,
                    application_version=_VERSION,
                    queue_name=status.queue_name,
                    queue_partition_key=status.queue_partition_key,
                )
                with logs.about(status.workflow_id):
                    _log.warning(
                        "Taken over from version %s, which has no worker any more", status.app_version
                    )

    def forget(self, paid_days: float, record_days: float) -> None:
        """Remove paid answers, logs and evidence after `paid_days`, and all of what ended after `record_days`."""
        Journals(self._database).forget(paid_days)
        self.register.forget(paid_days)
        last = datetime.now(UTC) - timedelta(days=record_days)
        old = self._client.list_workflows(
            completed_before=last.isoformat(),
            status=["SUCCESS", "ERROR"],
            limit=_MOST_FORGOTTEN,
            load_input=False,
            load_output=False,
        )
        if ids := [status.workflow_id for status in old]:
            self.register.drop(ids)
            self._client.delete_workflows(ids)


def _named(version: str) -> str:
    """How the names of all workers of a version begin."""
    return f"v{version}-"


def _durably(name: str, step: Callable[[], T]) -> T:
    return DBOS.run_step({"name": name}, step)


def _ending(outcome: Outcome) -> str:
    told = (
        outcome.state,
        outcome.status,
        None if outcome.usd is None else f"${outcome.usd:.2f}",
        outcome.pull_request,
        outcome.reason,
    )
    return ", ".join(filter(None, told))


_STATES: dict[str, State] = {**dict.fromkeys(_WAITING, "queued"), "PENDING": "running"}


def _record(status: WorkflowStatus) -> Record:
    attributes = status.attributes or {}
    board = BOARD.validate_python(attributes["board"]) if "board" in attributes else Board()
    outcome = OUTCOME.validate_json(status.output) if status.output else None
    state: State = outcome.state if outcome else _STATES.get(status.status, "failed")
    if state == "waiting":
        state = attributes.get("settled", state)
    ratings = [
        RATING.validate_python(value) for name, value in attributes.items() if name.startswith(_RATING)
    ]
    rated = tuple(sorted(ratings, key=lambda each: each.when))
    unticked = attributes.get("left_out")
    left_out = None if unticked is None else tuple(unticked)
    return Record(_job(status), state, board, outcome, rated, left_out, bool(attributes.get("cancel")))


def _job(status: WorkflowStatus) -> Job:
    if status.input is None:
        raise ValueError(f"{status.workflow_id} was read without its input")
    return stored(status.input["args"][0])
