"""The GitHub Action: the event file, the same intake, the same steps, inline."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from bot.github.credentials import TokenCredentials
from bot.github.github import GitHub
from bot.intake import configuration, intake
from bot.intake.commands import Command, Mistake
from bot.intake.configuration import ConfigurationInvalid
from bot.intake.jobs import Job, Outcome, Place, Rating, Record, Request
from bot.intake.progress import Board
from bot.work.revising import Revise
from bot.work.worker import Reproducer, Worker
from pipeline.markdown import prose
from pipeline.reading.references import references
from settings import Settings

T = TypeVar("T")
_LATER = ("status", "cancel", "retry", "rate")


class Inline:
    """The ledger of one workflow run."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._boards: dict[str, Board] = {}

    def admission(self) -> AbstractContextManager[None]:
        """Nobody else submits here."""
        return nullcontext()

    def submit(self, job: Job) -> None:
        """See bot.intake.jobs.Ledger."""
        self.jobs.append(job)

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        """See bot.intake.jobs.Ledger."""
        return [Record(job, "running", self._boards.get(job.id, Board())) for job in self.jobs]

    def recent(self, since: datetime) -> list[Record]:
        """None: other workflow runs are not known here."""
        return []

    def cancel(self, job: str) -> None:
        """Nothing: cancelling the workflow run ends it."""

    def cancelling(self, job: str) -> bool:
        """Never: cancelling the workflow run ends it."""
        return False

    def note(self, job: str, board: Board) -> bool:
        """See bot.intake.jobs.Ledger."""
        self._boards[job] = board
        return True

    def rate(self, job: str, rating: Rating) -> None:
        """Nothing: a workflow run keeps no scores."""


def act(
    settings: Settings,
    make: Reproducer,
    revise: Revise | None = None,
    waits: tuple[float, ...] = (5, 20, 60, 120),
    seconds_between_writes: float = 1,
) -> int:
    """Do what the workflow run's event asks for; the exit status of the worst job, 0 if there was none.

    Raises ValueError where this is no workflow run.
    """
    if not (settings.github_token and settings.github_event_path and settings.github_event_name):
        raise ValueError(
            "`paper2code action` runs in a GitHub workflow, with GITHUB_TOKEN in its environment"
        )
    payload = intake.payload_of(settings.github_event_path.read_bytes())
    if payload is None:
        raise ValueError(f"{settings.github_event_path} holds no event of GitHub's")
    credentials = TokenCredentials(settings.github_token.get_secret_value())
    github = GitHub(credentials, settings.github_api_url, settings.github_server_url, seconds_between_writes)
    kept = "the files of this workflow run, as far as the workflow uploads them"
    worker = Worker(github, make, settings.data_dir, kept=kept, waits=waits, revise=revise)
    ledger = Inline()
    paper = settings.paper or (payload.get("inputs") or {}).get("paper")
    if paper:
        try:
            ledger.submit(_on_demand(settings, payload, paper, github))
        except (ConfigurationInvalid, ValueError) as error:
            _summarise(settings, f"Nothing was started: {prose(str(error))}")
            return 2
    elif request := intake.read(settings.github_event_name, payload):
        worker.answer(_possible(request), _step, ledger)
    outcomes = [(job, worker.fulfil(job, _step, ledger)) for job in ledger.jobs]
    _publish(settings, outcomes)
    return max((outcome.exit_status for _, outcome in outcomes), default=0)


def _on_demand(settings: Settings, payload: dict[str, Any], paper: str, github: GitHub) -> Job:
    """The job of a run that a person with write access or a schedule has started."""
    found = references(paper) or references(f"arxiv:{paper}")
    if not found:
        raise ValueError(f"{paper!r} is no arXiv paper; an identifier looks like 1706.03762")
    asked = settings.issue or (payload.get("inputs") or {}).get("issue")
    repository = payload["repository"]
    issue = int(asked) if asked else None
    place = Place(repository["full_name"], repository["id"], issue, private=repository["private"])
    wishes = configuration.read(github.configuration(place))
    now = datetime.now(UTC)
    identity = hashlib.sha256(f"{place} {found[0]} {now}".encode()).hexdigest()[:12]
    scope = settings.scope or (payload.get("inputs") or {}).get("scope") or ""
    return Job(identity, place, payload["sender"]["login"], str(found[0]), wishes, now, scope=scope)


def _possible(request: Request) -> Request:
    """The request, unless it is about other workflow runs, of which this one knows nothing."""
    if isinstance(request.command, Command) and request.command.verb in _LATER:
        sentence = (
            f"`{request.command.verb}` needs the hosted App. Here every command is a workflow run: see, "
            "cancel and re-run it on the repository's Actions page."
        )
        return replace(request, command=Mistake(sentence))
    return request


def _step(name: str, step: Callable[[], T]) -> T:
    return step()


def _publish(settings: Settings, outcomes: list[tuple[Job, Outcome]]) -> None:
    lines = []
    for job, outcome in outcomes:
        said = outcome.pull_request or prose(outcome.reason) or outcome.state
        lines.append(f"- arXiv:{job.paper}: {outcome.status or outcome.state}, {said}")
    _summarise(settings, "\n".join(lines) or "Nothing was asked for in this event.")
    if settings.github_output and outcomes:
        _, last = outcomes[-1]
        with settings.github_output.open("a") as file:
            file.write(f"pull-request={last.pull_request or ''}\nstatus={last.status or last.state}\n")


def _summarise(settings: Settings, text: str) -> None:
    if settings.github_step_summary:
        with settings.github_step_summary.open("a") as file:
            file.write(f"### paper2code\n\n{text}\n")
