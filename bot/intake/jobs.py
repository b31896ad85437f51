"""What is asked (Request), what is done (Job) and what came of it (Outcome). Values only; see engine.py."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from pydantic import TypeAdapter

from bot.intake.commands import Command, Mistake
from bot.intake.configuration import Configuration
from bot.intake.progress import Board, Entry
from pipeline.planning.agreement import UNDECIDED, Agreement

T = TypeVar("T")
State = Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
"""`waiting`: its plan is made, and people decide on it. No worker has it, and it counts in no quota."""


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

    @property
    def hosted(self) -> bool:
        """Asked of the App, whose jobs are stored, rather than of a workflow run."""
        return self.installation is not None


@dataclass(frozen=True)
class Request:
    """Somebody asked for something; nothing is said yet of whether they may."""

    id: str
    """Made of what GitHub signed, not of the delivery: a redelivery or a replay is the same request."""
    place: Place
    actor: str
    """Empty: an operator of this host, who asked on a page."""
    actor_id: int
    received: datetime
    """When GitHub says that it happened."""
    command: Command | Mistake | None
    """None: a mere mention of a paper that says nothing of a cap."""
    references: tuple[str, ...] = ()
    comment: int | None = None
    """Id of the comment that asked; None: the issue itself."""
    thread: int | None = None
    """Where the comment stands at a line of a pull request: id of the first comment there."""
    job: str = ""
    """The one that it is about, where somebody asked on its page; empty: all of the issue's."""
    mention: bool = False
    """Nobody gave a command: `command` is what the mention of a paper says of a cap."""


@dataclass(frozen=True)
class OpenRemark:
    """What people who may ask have said at lines of a pull request, and nobody has resolved."""

    thread: int
    """Id of the first comment there."""
    node: str
    """Of the thread, as GraphQL names it."""
    author: str
    """Of the latest of it."""
    text: str
    """Of the latest that they have said."""
    said: str
    """What was said there before, by whoever takes part."""
    path: str
    lines: tuple[int, int] | None
    commit: str
    """In which the place is at `lines`."""
    hunk: str


@dataclass(frozen=True)
class Wish:
    """What somebody wants changed in a pull request of ours, or to know about it."""

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
    remarks: tuple[OpenRemark, ...] = ()
    """Where there is no text: what is to be taken up."""
    asks: bool = False
    """It is a question: nothing is to be changed."""


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
    instructions: str = ""
    """What its repository wishes of all code; the same for a plan and what is made from it."""
    changes: tuple[str, ...] = ()
    """What people wanted to be different in earlier versions of its plan."""
    approved: bool = False
    """Whether people have agreed to its plan."""
    agreement: Agreement = UNDECIDED
    """What they have decided on it."""

    @property
    def version(self) -> int:
        """Of its plan, from 1."""
        return len(self.changes) + 1

    @property
    def wanted(self) -> str:
        """Scope and changes in one."""
        return "\n\n".join(part for part in (self.scope, *self.changes) if part)

    @property
    def proposes(self) -> bool:
        """Whether it stops after the plan and asks."""
        asks = self.configuration.plan == "review" and self.wish is None and self.place.issue is not None
        return asks and not self.approved

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
class Offer:
    """A plan as people were asked about it."""

    comment: int
    """Id of the comment."""
    text: str
    """Of the comment."""
    experiments: tuple[str, ...]
    """Names, in the order of its boxes."""
    questions: tuple[str, ...]
    """That are open, Q1 first."""
    made: datetime
    """Approvals from before are of an earlier version."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: Literal["waiting", "done", "failed", "cancelled"]
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
    offer: Offer | None = None
    """Of a plan that waits."""
    hint: str = ""
    """Where it failed: what a person can do."""
    kept: str = ""
    """Where it failed: what is there all the same."""


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
    left_out: tuple[str, ...] | None = None
    """Experiments whose boxes are unticked in a plan that waits; None: nobody has touched them."""
    stopping: bool = False
    """Somebody asked it to stop."""

    @property
    def active(self) -> bool:
        """Whether it waits or is being worked on."""
        return self.state in ("queued", "running")


REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
JOB: TypeAdapter[Job] = TypeAdapter(Job)
OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
BOARD: TypeAdapter[Board] = TypeAdapter(Board)
RATING: TypeAdapter[Rating] = TypeAdapter(Rating)


def stored(job: str | bytes) -> Job:
    """A job as any version has stored it: what this one does not know of it is left out. Raises ValidationError."""
    return JOB.validate_json(job, extra="ignore")


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

    def recent(self, since: datetime, installation: int | None = None) -> list[Record]:
        """All jobs that are active or were submitted after `since`; of one installation, if it is named."""
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

    def narrow(self, job: str, left_out: tuple[str, ...]) -> None:
        """Keep which experiments are not wanted of a plan that waits."""
        ...

    def settle(self, job: str, state: Literal["done", "cancelled"]) -> None:
        """Make an end of a plan that waits."""
        ...

    def log(self, job: str, entries: Sequence[Entry]) -> None:
        """Add to the job's log, as far as that is possible."""
        ...

    def keep(self, job: str, evidence: bytes) -> None:
        """Keep what the job's page shows of what was made, in place of what was kept before, if that is possible."""
        ...

    def rate(self, job: str, rating: Rating) -> None:
        """Keep what a person thinks, in place of what the same person said before."""
        ...
