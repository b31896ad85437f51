"""What the bot does: answer a request, fulfil a job. The one place that turns an error into words on GitHub.

Every step may run more than once (a worker can die at any point) and finds what an earlier run left behind.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bot import branch, configuration, messages, rating, replies, review, revising
from bot.annotations import annotations
from bot.branch import BranchError, BranchUnreachable
from bot.commands import Command
from bot.configuration import Configuration, ConfigurationInvalid, Quota
from bot.credentials import GitHubError, GitHubRefused, GitHubUnavailable
from bot.database import Unreachable
from bot.github import GitHub, PullRequest
from bot.intake import Admitted, Refusal, admit
from bot.jobs import Job, Ledger, Outcome, Place, Record, Request, Steps, issue_of, job_id
from bot.progress import REVISING, Board
from bot.quota import DAY, excess
from bot.review import Judge
from bot.revising import Revise, Revising
from bot.tools import Toolbox, options_for
from bot.watch import Watch
from pipeline import errors
from pipeline.arxiv import read
from pipeline.progress import Progress
from pipeline.reproduce import Reproduction, reproduce
from sandbox.interface import SandboxError
from settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)

Reproducer = Callable[[Job, Path, Watch], Reproduction]
"""Makes a job's repository; the folder is kept between attempts. Raises PipelineError and SandboxError."""


def reproducer(toolbox: Toolbox, settings: Settings) -> Reproducer:
    """The real one: the pipeline with what `toolbox` opens."""

    def make(job: Job, out: Path, watch: Watch) -> Reproduction:
        options = options_for(job, settings)
        with toolbox(job, out, watch.cancelled) as tools:
            watch(Progress("paper", "started", job.paper, usd=0.0))
            paper = read(job.paper, tools.arxiv)
            watch(Progress("paper", "finished", paper.title, usd=0.0))
            return reproduce(
                paper,
                llm=tools.llm,
                sandbox=tools.sandbox,
                out=out,
                options=options,
                observe=watch,
                cancelled=watch.cancelled,
            )

    return make


class Worker:
    """Answers requests and fulfils jobs."""

    def __init__(
        self,
        github: GitHub,
        make: Reproducer,
        data: Path,
        allowed: Quota = Quota(),
        kept: str = "everything that is paid for",
        waits: tuple[float, ...] = (5, 20, 60, 300, 900, 1800),
        seconds_between_edits: float = 5,
        judge: Judge | None = None,
        pages: str | None = None,
        revise: Revise | None = None,
    ) -> None:
        """`allowed` is each installation's quota; `kept` says where a failed job's files are; `waits` are
        seconds between attempts at a service. Without `judge` nothing is reviewed, without `revise` nothing
        revised. `pages` is the address of the dashboard.
        """
        self._github = github
        self._make = make
        self._data = data
        self._allowed = allowed
        self._kept = kept
        self._waits = waits
        self._seconds_between_edits = seconds_between_edits
        self._judge = judge
        self._pages = pages
        self._revising = (
            Revising(github, revise, data, self._insist, self._beside, self._conclude) if revise else None
        )

    def answer(self, request: Request, step: Steps, ledger: Ledger) -> None:
        """Decide on a request, say so, and submit the jobs that come of it."""
        try:
            step("answer", lambda: self._insist(lambda: self._answer(request, ledger)))
        except GitHubError as error:
            _log.warning("Request %s could not be answered: %s", request.id, error)
        except Exception:
            _log.exception("Request %s could not be answered", request.id)

    def fulfil(self, job: Job, step: Steps, ledger: Ledger) -> Outcome:
        """Announce, reproduce, deliver, and in every case report."""
        reproduction = sha = None
        try:
            comment = step("announce", lambda: self._announce(job, ledger))
            if job.wish and self._revising:
                return self._revising.fulfil(job, step, lambda: self._watch(job, comment, ledger))
            reproduction = step("reproduce", lambda: self._reproduce(job, comment, ledger))
            made = reproduction
            sha = step("push", lambda: self._push(job, made))
            pushed = sha
            delivered = step("deliver", lambda: self._deliver(job, made, pushed))
        except Exception as error:
            outcome, hint = _explained(error)
            kept = self._kept
            if job.wish:
                kept = f"the branch as it was, and {self._kept}"
            elif sha and "head invalid" not in str(error):
                kept = f"the finished repository, on branch `{job.branch}`"
            elif reproduction:
                kept = f"the finished repository, and {self._kept}"
            _log.warning("Job %s: %s: %s", job.id, type(error).__name__, outcome.reason)
            return step("report", lambda: self._report(job, ledger, outcome, hint, kept))
        return step("review", lambda: self._review(job, ledger, made, pushed, delivered))

    # Requests

    def _answer(self, request: Request, ledger: Ledger) -> None:
        place = request.place
        permission = self._github.permission(place, request.actor)
        try:
            wishes = configuration.read(self._github.configuration(place))
        except ConfigurationInvalid as error:
            if not isinstance(admit(request, Configuration(), permission), Refusal | None):
                text = messages.configuration_invalid(error.problems)
                mark = f"configuration {hashlib.sha256(text.encode()).hexdigest()[:12]}"
                self._github.comment(place, mark, text, since=request.received, thread=request.thread)
            return
        decision = admit(request, wishes, permission)
        if isinstance(decision, Admitted):
            self._github.react(request)
            decision = self._do(request, decision, wishes, ledger)
        if isinstance(decision, Refusal):
            mark = f"refusal {request.actor_id} {request.received:%Y-%m-%d}"
            day = request.received.replace(hour=0, minute=0, second=0, microsecond=0)
            self._github.comment(
                place,
                mark,
                messages.refusal(request.actor, decision.message),
                since=day,
                thread=request.thread,
            )

    def _do(
        self, request: Request, decision: Admitted, wishes: Configuration, ledger: Ledger
    ) -> Refusal | None:
        """Carry it out; a Refusal if that would exceed a quota."""
        if isinstance(request.command, Command) and request.command.verb != "reproduce":
            said = self._about_jobs(request, request.command, wishes, ledger)
        else:
            said = self._submit(decision.jobs, wishes, ledger)
            if not isinstance(said, Refusal):
                said = "\n\n".join(part for part in (said, decision.note) if part)
        if isinstance(said, Refusal):
            return said
        if said:
            mark = f"answer {request.id}"
            self._github.comment(request.place, mark, said, since=request.received, thread=request.thread)
        return None

    def _submit(self, jobs: Sequence[Job], wishes: Configuration, ledger: Ledger) -> Refusal | str:
        """Have all of them done, or none; what to say of it, if anything."""
        now = datetime.now(UTC)
        with ledger.admission():
            known = ledger.recent(now - DAY)
            refused = excess(jobs, known, wishes.quota, self._allowed, now)
            for job in () if refused else jobs:
                ledger.submit(job)
        return refused or replies.waiting(jobs, known)

    def _about_jobs(
        self, request: Request, command: Command, wishes: Configuration, ledger: Ledger
    ) -> str | Refusal:
        """What to say about a command on this issue's jobs, which is carried out."""
        records = self._records(request.place, ledger)
        active = [record for record in records if record.active]
        if command.verb == "status":
            return messages.status(records, time.time())
        if command.verb == "cancel":
            for record in active:
                ledger.cancel(record.job.id)
            return "" if active else "Nothing is running for this issue."
        if command.verb == "retry":
            if active:
                return "The job is still running; `/paper2code cancel` stops it."
            if not records:
                return "There is nothing to retry: this issue has no job yet."
            last = records[0].job
            again = job_id(replace(request, place=last.place), last.paper)
            job = replace(last, id=again, actor=request.actor, created=request.received)
            return self._submit([job], wishes, ledger)
        if command.verb == "help":
            return messages.help_()
        if command.verb == "rate":
            found = rating.rated(records)
            if isinstance(found, str):
                return found
            ledger.rate(found.job.id, rating.rating(request, command))
            self._github.react(request, "heart")
            return ""
        if command.verb == "revise" and self._revising:
            wanted = revising.job(self._github, request, command.text, wishes)
            return wanted if isinstance(wanted, Refusal) else self._submit([wanted], wishes, ledger)
        return f"`{command.verb}` is not available in this version."

    def _records(self, place: Place, ledger: Ledger) -> list[Record]:
        """The jobs of an issue; of a pull request, the ones that it came of as well."""
        records = ledger.records(place.repository_id, place.issue)
        pull = self._github.pull(place)
        head = pull.branch if pull and pull.here else None
        issue = issue_of(head) if head else None
        if issue in (None, place.issue):
            return records
        before = ledger.records(place.repository_id, issue)
        return [*records, *(record for record in before if record.job.branch == head)]

    # Jobs

    def _announce(self, job: Job, ledger: Ledger) -> int | None:
        """Id of the progress comment; None in a locked conversation.

        Where GitHub refuses it for another reason it would refuse the result too: nothing is spent then.
        Raises Cancelled: a job that was stopped while it waited may have nobody left to tell.
        """
        if ledger.cancelling(job.id):
            raise errors.Cancelled("somebody asked to stop")
        if job.place.issue is None:
            return None
        text, since, thread = self._progress(job, Board()), job.created, job.thread
        try:
            return self._insist(
                lambda: self._github.comment(job.place, job.mark, text, since=since, thread=thread)
            )
        except GitHubRefused as error:
            if "locked" not in str(error):
                raise
            _log.warning("Job %s has no progress comment: %s", job.id, error)
            return None

    def _reproduce(self, job: Job, comment: int | None, ledger: Ledger) -> Reproduction:
        out = job.folder(self._data)
        out.mkdir(parents=True, exist_ok=True)
        with self._watch(job, comment, ledger) as watch:
            return self._make(job, out, watch)

    def _progress(self, job: Job, board: Board) -> str:
        if job.wish:
            return replies.progress(job, board, time.time())
        return messages.progress(job, board, time.time(), self._pages)

    def _watch(self, job: Job, comment: int | None, ledger: Ledger) -> Watch:
        """Keeps the ledger and the progress comment up to date."""

        def show(board: Board) -> None:
            if ledger.note(job.id, board) and comment is not None:
                text = self._progress(job, board)
                self._github.edit(job.place, comment, job.mark, text, thread=job.thread)

        board = REVISING if job.wish else Board()
        return Watch(show, lambda: ledger.cancelling(job.id), self._seconds_between_edits, board)

    def _push(self, job: Job, reproduction: Reproduction) -> str:
        github, place = self._github, job.place
        directory = messages.directory(job.configuration.directory, reproduction, job.paper)
        return self._insist(
            lambda: branch.publish(
                github.remote(place),
                github.default_branch(place),
                job.branch,
                reproduction.commits,
                directory,
                github.identity.author,
                github.token(place),
            )
        )

    def _deliver(self, job: Job, reproduction: Reproduction, sha: str) -> Outcome:
        github, place, report = self._github, job.place, reproduction.report
        directory = messages.directory(job.configuration.directory, reproduction, job.paper)
        blob = self._insist(lambda: github.blob(place, sha))
        body = messages.pull_request(reproduction, directory, blob, place.issue)
        title, draft = messages.title(reproduction), reproduction.status != "runs"
        pull = self._insist(
            lambda: github.pull_request(
                place,
                job.mark,
                job.branch,
                github.default_branch(place),
                title,
                body,
                draft,
                job.configuration.labels,
            )
        )
        refused = self._beside(
            lambda: github.check(
                place,
                sha,
                job.id,
                "success" if reproduction.status == "runs" else "failure",
                messages.check_title(report),
                messages.check_summary(report),
                annotations(report, reproduction.files, directory),
            )
        )
        left_out = refused and f"No check run: {refused}"
        self._conclude(job, messages.done(job, reproduction, pull, left_out))
        return Outcome(
            "done",
            reproduction.status,
            pull.url,
            usd=report["usage"]["usd"],
            exit_status=0 if reproduction.status == "runs" else 1,
            left_out=left_out,
        )

    def _review(self, job: Job, ledger: Ledger, made: Reproduction, sha: str, outcome: Outcome) -> Outcome:
        """`outcome` with the judge's score, once the review is posted; whatever fails here spoils nothing."""
        if self._judge is None or job.configuration.judge == 0 or outcome.pull_request is None:
            return outcome
        pull = PullRequest(int(outcome.pull_request.rpartition("/")[2]), outcome.pull_request)
        try:
            with Watch(lambda board: None, lambda: ledger.cancelling(job.id), 1) as watch:
                judgement = self._judge(job, job.folder(self._data), made, watch.cancelled)
            directory = messages.directory(job.configuration.directory, made, job.paper)
            url = self._insist(
                lambda: review.post(self._github, job.place, pull.number, sha, judgement, directory)
            )
            said = review.said(judgement, url)
            usd = None if outcome.usd is None or judgement.usd is None else outcome.usd + judgement.usd
            outcome = replace(outcome, score=judgement.score, usd=usd)
        except Exception as error:
            ended, _ = _explained(error)
            _log.warning("Job %s was not judged: %s", job.id, ended.reason)
            said = review.unsaid(ended.reason)
        self._conclude(job, f"{messages.done(job, made, pull, outcome.left_out)}\n\n{said}")
        return outcome

    def _report(self, job: Job, ledger: Ledger, outcome: Outcome, hint: str, kept: str) -> Outcome:
        records = self._insist(lambda: ledger.records(job.place.repository_id, job.place.issue))
        board = next((record.board for record in records if record.job.id == job.id), Board())
        text = (replies.failed if job.wish else messages.failed)(job, board, outcome, hint, kept)
        self._conclude(job, text)
        return replace(outcome, usd=board.usd)

    def _conclude(self, job: Job, text: str) -> None:
        """The last word, in the progress comment, or in a new one if somebody has deleted that.

        Where GitHub does not take it, the ledger and the dashboard have it alone.
        """
        if job.place.issue is None:
            return
        try:
            self._insist(
                lambda: self._github.comment(job.place, job.mark, text, since=job.created, thread=job.thread)
            )
        except GitHubError as error:
            _log.warning("Job %s has ended and could not say so: %s", job.id, error)

    def _beside(self, operation: Callable[[], object]) -> str:
        """Do what a job does not fail for; GitHub's words if it refused, else nothing."""
        try:
            self._insist(operation)
        except GitHubError as error:
            _log.warning("Left out: %s", error)
            return str(error)
        return ""

    def _insist(self, operation: Callable[[], T]) -> T:
        """The result of an idempotent operation, tried again while a service is away."""
        for wait in self._waits:
            try:
                return operation()
            except (GitHubUnavailable, BranchUnreachable, Unreachable) as error:
                _log.warning("%s; trying again", error)
                time.sleep(max(wait, getattr(error, "wait", 0)))
        return operation()


def _explained(error: Exception) -> tuple[Outcome, str]:
    """How a job ended with `error`, and what a person can do."""
    status = 3
    if isinstance(error, errors.Cancelled):
        return Outcome("cancelled", reason="somebody asked to stop", exit_status=130), ""
    if isinstance(error, errors.PaperError):
        status = 2
    elif isinstance(error, errors.BudgetReached):
        status = 4
    if isinstance(error, (errors.PipelineError, SandboxError, GitHubError, BranchError)):
        return Outcome("failed", reason=str(error), exit_status=status), getattr(error, "hint", "")
    _log.error("An error that nobody foresaw", exc_info=error)
    hint = "Please report it with the worker's log, where the details are."
    return Outcome(
        "failed", reason=f"an error in paper2code itself ({type(error).__name__})", exit_status=3
    ), hint
