"""What is asked (Request), what is done (Job) and what came of it (Outcome). Values only; see engine.py."""

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from pydantic import TypeAdapter

from bot.intake.commands import Command, Mistake
from bot.intake.configuration import Configuration
from bot.intake.progress import Board

T = TypeVar("T")
State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Place:
    """Where on GitHub something was asked, and where it is answered."""

    repository: str
    """`owner/name`."""
    repository_id: int
    issue: int | None
    """Number of the issue or pull request; None for a run that was started without one."""
    installation: int | None = None
    """Of the App; None in the Action."""
    private: bool = False


@dataclass(frozen=True)
class Request:
    """Somebody asked for something; nothing is said yet of whether they may."""

    id: str
    """Made of what GitHub signed, not of the delivery: a redelivery or a replay is the same request."""
    place: Place
    actor: str
    actor_id: int
    received: datetime
    """When GitHub says that it happened."""
    command: Command | Mistake | None
    """None: a mere mention of a paper."""
    references: tuple[str, ...] = ()
    comment: int | None = None
    """Id of the comment that asked; None: the issue itself."""
    thread: int | None = None
    """Where the comment stands at a line of a pull request: id of the first comment there."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants changed in a pull request of ours."""

    id: str
    """Of the request: the same when it is tried again."""
    text: str
    branch: str
    base: str
    """The branch that the pull request is to be merged into."""
    comment: int | None = None
    """Id of the comment that asked; None: the text of a review."""
    thread: int | None = None
    """See Request."""


@dataclass(frozen=True)
class Job:
    """One paper to reproduce for one issue, or a wish to fulfil in its pull request."""

    id: str
    place: Place
    actor: str
    paper: str
    """arXiv reference, `1706.03762v5`."""
    configuration: Configuration
    created: datetime
    wish: Wish | None = None
    options: tuple[tuple[str, str], ...] = ()
    """Of the command that asked for it; they are in `configuration`, and in that of another attempt."""
    scope: str = ""
    """What somebody wants of the paper, and how, word for word; empty: all of it."""

    @property
    def key(self) -> str:
        """What no two jobs may work on at the same time."""
        key = f"{self.place.repository_id}#{self.place.issue}:{self.paper}"
        if self.scope:
            key = f"{key}:{hashlib.sha256(self.scope.encode()).hexdigest()[:16]}"
        return f"{key}:{self.wish.id}" if self.wish else key

    @property
    def lane(self) -> str:
        """The branch that it pushes to: jobs in one lane are done one after the other."""
        return f"{self.place.repository_id}:{self.branch}"

    @property
    def mark(self) -> str:
        """Tells its comment."""
        return f"job {self.id}"

    @property
    def thread(self) -> int | None:
        """The thread that its comment goes to; None: the conversation."""
        return self.wish.thread if self.wish else None

    @property
    def branch(self) -> str:
        """Head branch of its pull request."""
        if self.wish:
            return self.wish.branch
        name = f"paper2code/{self.paper.replace('/', '-')}"
        return f"{name}-{self.place.issue}" if self.place.issue else name

    def folder(self, data: Path) -> Path:
        """Its working files; the same for every job with its key, so that a later one continues."""
        return data / "jobs" / hashlib.sha256(self.key.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: Literal["done", "failed", "cancelled"]
    status: Literal["runs", "fails", "not-run"] | None = None
    """Of the delivered repository; None: nothing was delivered."""
    pull_request: str | None = None
    """Its URL."""
    reason: str = ""
    usd: float | None = None
    exit_status: int = 0
    """As the command line would end: 0 runs, 1 does not, 2 the paper, 3 a service, 4 the budget, 130."""
    score: float | None = None
    """The judge's, 1 to 5; None: it was not judged."""
    left_out: str = ""
    """What GitHub refused beside the pull request; empty: nothing."""


@dataclass(frozen=True)
class Rating:
    """What a person thinks of what a job has delivered."""

    person: str
    person_id: int
    score: int
    """1 to 5."""
    text: str
    number: int
    """Of the issue or pull request where it was said."""
    when: datetime


@dataclass(frozen=True)
class Record:
    """A job as it stands."""

    job: Job
    state: State
    board: Board
    outcome: Outcome | None = None
    ratings: tuple[Rating, ...] = ()
    """Each person's latest."""

    @property
    def active(self) -> bool:
        """Whether it waits or is being worked on."""
        return self.state in ("queued", "running")


REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
JOB: TypeAdapter[Job] = TypeAdapter(Job)
OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
BOARD: TypeAdapter[Board] = TypeAdapter(Board)
RATING: TypeAdapter[Rating] = TypeAdapter(Rating)


_BRANCH = re.compile(
    r"paper2code/(?:(?P<new>\d{4}\.\d{4,5}(?:v\d+)?)|(?P<field>[a-z-]+(?:\.[A-Z]{2})?)-(?P<old>\d{7}(?:v\d+)?))(?:-\d+)?"
)


def paper_of(branch: str) -> str | None:
    """The paper of a job by its `branch`; None where it is no job's."""
    found = _BRANCH.fullmatch(branch)
    return (found["new"] or f"{found['field']}/{found['old']}") if found else None


def job_id(request: Request, paper: str) -> str:
    """The same for every attempt at the same request; begins with the issue's `jobs_prefix`."""
    digest = hashlib.sha256(f"{request.id} {paper}".encode()).hexdigest()[:12]
    return jobs_prefix(request.place.repository_id, request.place.issue) + digest


def jobs_prefix(repository_id: int, issue: int | None) -> str:
    """What the ids of an issue's jobs begin with."""
    return f"{repository_id}-{issue}-"


def issue_of(branch: str) -> int | None:
    """The issue whose job has pushed `branch`; None for branches that no job makes."""
    match = re.fullmatch(r"paper2code/.+-(\d{1,18})", branch)
    return int(match[1]) if match else None


class Unrecorded(BaseException):
    """What came of a step cannot be stored, for so long that people should know.

    Not an Exception: the workflow must end without a result, and is taken up at this step again once its
    database takes results.
    """

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(f"{step}: {cause}")
        self.step = step
        self.cause = cause


class Steps(Protocol):
    """Runs the steps of a workflow: a durable one keeps each result and never repeats a finished step."""

    def __call__(self, name: str, step: Callable[[], T]) -> T:
        """The result of `step`, which may run more than once and must be idempotent. Raises Unrecorded."""
        ...


class Ledger(Protocol):
    """What is known of all jobs, and the way to influence them."""

    def admission(self) -> AbstractContextManager[None]:
        """One worker at a time, of all: between what is counted and what is submitted nothing else is."""
        ...

    def submit(self, job: Job) -> None:
        """Have it done, after what is already in its lane. A job whose key is being worked on joins that one.

        Of two that are submitted at the same time only `admission` lets one join the other.
        """
        ...

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        """The issue's jobs, newest first."""
        ...

    def recent(self, since: datetime) -> list[Record]:
        """All jobs, of whatever repository, that are active or were submitted after `since`."""
        ...

    def cancel(self, job: str) -> None:
        """Ask the job to stop."""
        ...

    def cancelling(self, job: str) -> bool:
        """Whether somebody asked the job to stop."""
        ...

    def note(self, job: str, board: Board) -> bool:
        """Keep where the job stands; False if another worker has it by now, so that nobody is to be told."""
        ...

    def rate(self, job: str, rating: Rating) -> None:
        """Keep what a person thinks, in place of what the same person said before."""
        ...
