"""The GitHub Action: the event file, the same intake, the same steps, inline."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from bot.github.credentials import GitHubError, GitHubRefused, TokenCredentials
from bot.github.github import GitHub
from bot.intake import intake
from bot.intake.commands import Command, Mistake
from bot.intake.configuration import ConfigurationInvalid
from bot.intake.intake import Refusal
from bot.intake.jobs import Job, Outcome, Request
from bot.jobs.watch import Watch
from bot.words import summaries
from bot.work import handing, keeping
from bot.work.demand import demanded
from bot.work.inline import Inline
from bot.work.proposing import Propose
from bot.work.revising import Inquire, Revise
from bot.work.worker import Reproducer, Worker
from pipeline.markdown import prose
from pipeline.reproduce import Reproduction
from settings import Settings

T = TypeVar("T")
_LATER = ("status", "cancel", "retry", "rate")
_DECIDING = ("approve", "change")
_KEPT = "what was paid for, in the artifact of this workflow run: the next attempt goes on from it"


@dataclass(frozen=True)
class _Page:
    """What a workflow run says of itself: its summary, its outputs, and lines at the top of its page."""

    settings: Settings

    def summarise(self, text: str) -> None:
        """One more paragraph of the summary."""
        _append(self.settings.github_step_summary, f"### paper2code\n\n{text}\n\n")

    def output(self, **outputs: str) -> None:
        """What later steps see; GitHub reads it also where this step is killed."""
        lines = (f"{name.replace('_', '-')}={' '.join(value.split())}\n" for name, value in outputs.items())
        _append(self.settings.github_output, "".join(lines))

    def tell(self, level: str, text: str) -> None:
        """A line at the top of the page; `level` is error, warning or notice."""
        sys.stdout.write(summaries.told(level, self.settings.redact(text)))
        sys.stdout.flush()

    def end(self, status: str, text: str, exit_status: int = 0) -> int:
        """Nothing was made, and why; the exit status."""
        self.summarise(prose(text) if exit_status else text)
        self.tell("error" if exit_status else "notice", text.partition("\n")[0])
        self.output(status=status)
        return exit_status


def act(
    settings: Settings,
    make: Reproducer,
    revise: Revise | None = None,
    propose: Propose | None = None,
    inquire: Inquire | None = None,
    waits: tuple[float, ...] = (5, 20, 60, 120),
    seconds_between_writes: float = 1,
) -> int:
    """Do what the workflow run's event asks for; the exit status of the worst job, 0 if there was none.

    Raises ValueError where this is no workflow run.
    """
    payload = _payload(settings)
    credentials = TokenCredentials(settings.github_token.get_secret_value() if settings.github_token else "")
    github = GitHub(credentials, settings.github_api_url, settings.github_server_url, seconds_between_writes)
    if settings.part == "deliver":
        make, revise, propose, inquire = handing.taker(github, settings.github_run_id), None, None, None
    page, ledger, reproductions = _Page(settings), Inline(), dict[str, Reproduction]()

    def noting(job: Job, out: Path, watch: Watch) -> Reproduction:
        made = reproductions[job.id] = make(job, out, watch)
        return made

    worker = Worker(
        github,
        noting,
        settings.data_dir,
        kept=_KEPT,
        waits=waits,
        revise=revise,
        propose=propose,
        inquire=inquire,
    )
    ended = _submit(worker, github, ledger, page, payload)
    if ended is not None:
        return ended
    if settings.part == "make":
        return _leave(make, github, ledger, page)
    return _fulfil(worker, github, ledger, page, reproductions)


def _submit(
    worker: Worker, github: GitHub, ledger: Inline, page: _Page, payload: Mapping[str, Any]
) -> int | None:
    """Have the ledger hold what the event asks for; the exit status where that is nothing."""
    settings = page.settings
    try:
        job = demanded(settings, payload, github)
        request = None if job else intake.read(settings.github_event_name or "", payload)
        if request and settings.part == "make":
            ledger.jobs.extend(handing.wanted(request, github))
    except (ConfigurationInvalid, ValueError) as error:
        return page.end("failed", f"Nothing was started: {error}", 2)
    except GitHubError as error:
        return page.end("failed", f"Nothing was started: {_hinted(error)}", 3)
    if job:
        ledger.submit(job)
    elif request is None or _is_tick(request):
        return page.end("nothing", "Nothing was asked for in this event.")
    elif settings.part != "make":
        said = worker.answer(_possible(request, github, ledger, settings), _step, ledger)
        if isinstance(said, Outcome):
            return page.end("failed", f"The request could not be answered: {said.reason}", said.exit_status)
        if isinstance(said, Refusal):
            return page.end("refused", f"Refused: {said.message}")
    if not ledger.jobs:
        return page.end("answered", "No job came of this; what there is to say stands where it was asked.")
    return None


def _payload(settings: Settings) -> dict[str, Any]:
    if not (settings.github_token and settings.github_event_path and settings.github_event_name):
        raise ValueError(
            "`paper2code action` runs in a GitHub workflow, with GITHUB_TOKEN in its environment"
        )
    payload = intake.payload_of(settings.github_event_path.read_bytes())
    if payload is None:
        raise ValueError(f"{settings.github_event_path} holds no event of GitHub's")
    return payload


def _fulfil(
    worker: Worker,
    github: GitHub,
    ledger: Inline,
    page: _Page,
    reproductions: Mapping[str, Reproduction],
) -> int:
    """Do the ledger's jobs from what earlier runs have paid for, and say how they ended; the worst exit status."""
    settings = page.settings
    if settings.part != "deliver":
        _bring_back(github, ledger, page)
    with ledger.heeding():
        outcomes = [(job, worker.fulfil(job, _step, ledger)) for job in ledger.jobs]
    for job, outcome in outcomes:
        blob = f"{settings.github_server_url}/{job.place.repository}/blob/{job.branch}"
        board, made = ledger.board(job), reproductions.get(job.id)
        page.summarise(summaries.summary(job, outcome, board, made, blob))
        if outcome.reason:
            page.tell("error" if outcome.exit_status else "notice", f"arXiv:{job.paper}: {outcome.reason}")
    job, worst = max(outcomes, key=lambda each: each[1].exit_status)
    usd = ledger.board(job).usd if worst.usd is None else worst.usd
    page.output(
        status=worst.status or worst.state,
        pull_request=worst.pull_request or "",
        score="" if worst.score is None else f"{worst.score:g}",
        usd="" if usd is None else f"{usd:.4f}",
        report=_report(job, settings),
        plan=keeping.keep(outcomes, settings.data_dir),
    )
    return worst.exit_status


def _leave(make: Reproducer, github: GitHub, ledger: Inline, page: _Page) -> int:
    """Make what the ledger's jobs ask for, and leave it for the job that delivers; the worst exit status."""
    settings = page.settings
    page.output(made=handing.name(settings.github_run_id))
    _bring_back(github, ledger, page)
    with ledger.heeding():
        outcomes = handing.leave(ledger.jobs, make, ledger, settings.data_dir)
    for job, outcome in outcomes:
        page.summarise(summaries.summary(job, outcome, ledger.board(job), None, ""))
    job, worst = max(outcomes, key=lambda each: each[1].exit_status)
    page.output(
        status=worst.status or worst.state,
        usd="" if worst.usd is None else f"{worst.usd:.4f}",
        report=_report(job, settings),
    )
    return worst.exit_status


def _bring_back(github: GitHub, ledger: Inline, page: _Page) -> None:
    """Have the jobs go on from what earlier runs have paid for, and keep what this one pays for."""
    kept = keeping.paid(ledger.jobs)
    page.output(kept=kept)
    try:
        found = github.artifact(ledger.jobs[0].place, kept) or {}
        keeping.bring_back(found, page.settings.data_dir)
    except GitHubError as error:
        page.tell(
            "warning",
            f"What an earlier run may have paid for cannot be fetched, so it is paid for again: {error}. "
            "The workflow needs `actions: read`.",
        )


def _report(job: Job, settings: Settings) -> str:
    """Where its report lies; empty: there is none."""
    report = job.folder(settings.data_dir) / "repository/docs/execution-report.json"
    return str(report) if report.exists() else ""


def _is_tick(request: Request) -> bool:
    """Boxes are read when the plan is approved: nobody is here to keep them until then."""
    return isinstance(request.command, Command) and request.command.verb == "tick"


def _possible(request: Request, github: GitHub, ledger: Inline, settings: Settings) -> Request:
    """The request, unless it is about other workflow runs; those that left a plan can be gone on with."""
    if isinstance(request.command, Command) and request.command.verb in _LATER:
        sentence = (
            f"`{request.command.verb}` needs the hosted App. Here every command is a workflow run: see, "
            "cancel and re-run it on the repository's Actions page."
        )
        return replace(request, command=Mistake(sentence))
    if isinstance(request.command, Command) and request.command.verb in _DECIDING:
        try:
            found = github.artifact(request.place, keeping.name(request.place))
        except GitHubRefused as error:
            sentence = f"the plan cannot be fetched: {error}. The workflow needs `actions: read`."
            return replace(request, command=Mistake(sentence))
        if found is not None and not found:
            sentence = (
                "the plan has expired: GitHub keeps what a workflow run leaves for some time only. "
                "`/paper2code plan` makes it anew."
            )
            return replace(request, command=Mistake(sentence))
        ledger.waiting = keeping.restore(found or {}, request.place, settings.data_dir)
    return request


def _step(name: str, step: Callable[[], T]) -> T:
    return step()


def _hinted(error: GitHubError) -> str:
    hint = getattr(error, "hint", "")
    return f"{error}. {hint}" if hint else str(error)


def _append(file: Path | None, text: str) -> None:
    if file:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)
