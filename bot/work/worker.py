"""What the bot does: answer a request, fulfil a job. The one place that turns an error into words on GitHub.

Every step may run more than once (a worker can die at any point) and finds what an earlier run left behind.
"""

import errno
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.github import branch
from bot.github.branch import BranchError
from bot.github.credentials import GitHubError, GitHubRefused
from bot.github.github import GitHub
from bot.github.pulls import PullRequest
from bot.intake.configuration import Quota
from bot.intake.intake import Ending, Refusal
from bot.intake.jobs import Job, Ledger, Outcome, Request, Steps, Unrecorded
from bot.intake.progress import REVISING, Board
from bot.jobs.database import Unreachable, full
from bot.jobs.evidence import Evidence
from bot.jobs.watch import Watch
from bot.words import messages, pull_request, replies, review
from bot.work import judging
from bot.work.answering import Desk
from bot.work.proposing import Propose, Proposing
from bot.work.revising import Inquire, Revise, Revising
from bot.work.tools import Toolbox, opened, options_for, read_paper
from bot.work.writer import Writer
from pipeline import errors
from pipeline.reproduce import Reproduction, reproduce
from sandbox.interface import SandboxError
from settings import Settings

_log = logging.getLogger(__name__)
_CONCLUDING = ("deliver", "review", "reply", "offer", "report")
"""Steps that have said how it ended, whether or not that is recorded."""
_ROOM = "Free space on that disk, then “retry”."
_MEND = "Mend the database, of which the worker's log says more, then “retry”."

Reproducer = Callable[[Job, Path, Watch], Reproduction]
"""Makes a job's repository; the folder is kept between attempts. Raises PipelineError and SandboxError."""


def reproducer(toolbox: Toolbox, settings: Settings) -> Reproducer:
    """The real one: the pipeline with what `toolbox` opens."""

    def make(job: Job, out: Path, watch: Watch) -> Reproduction:
        options = options_for(job, settings)
        with opened(toolbox, job, out, watch) as tools:
            for said in tools.concerns:
                watch.say(said)
            paper = read_paper(job, tools, watch)
            watch.say(tools.expected(paper))
            options = replace(options, division=tools.divided(paper, options.unwanted))
            if left_out := options.division.told:
                watch.say(left_out)
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
        pages: str | None = None,
        revise: Revise | None = None,
        propose: Propose | None = None,
        inquire: Inquire | None = None,
    ) -> None:
        """`allowed` is each installation's quota; `kept` says where a failed job's files are; `waits` are
        seconds between attempts at a service. Without `revise` nothing is revised, without `propose` nobody is asked
        about a plan. `pages` is the address of
        the dashboard.
        """
        self._github = github
        self._writer = Writer(github, waits)
        self._desk = Desk(github, allowed, revises=revise is not None, plans=propose is not None)
        self._make = make
        self._data = data
        self._kept = kept
        self._seconds_between_edits = seconds_between_edits
        self._pages = pages
        self._revising = Revising(self._writer, revise, data, inquire) if revise else None
        self._proposing = Proposing(self._writer, propose, data) if propose else None

    def answer(self, request: Request, step: Steps, ledger: Ledger) -> Refusal | Outcome | None:
        """Decide on a request, say so, and submit the jobs that come of it; what was said if that is no.

        An Outcome tells why it could not be answered.
        """
        try:
            return step("answer", lambda: self._writer.insist(lambda: self._desk.answer(request, ledger)))
        except Exception as error:
            outcome, hint = explained(error)
            _log.warning("Request %s could not be answered: %s", request.id, outcome.reason)
            return replace(outcome, reason=f"{outcome.reason}. {hint}" if hint else outcome.reason)

    def end(self, ending: Ending, step: Steps, ledger: Ledger) -> None:
        """Have the jobs stopped of what is over."""
        try:
            step("end", lambda: self._writer.insist(lambda: self._desk.end(ending, ledger)))
        except Exception as error:
            _log.warning("Nothing is stopped by %s: %s", ending, error)

    def fulfil(self, job: Job, step: Steps, ledger: Ledger) -> Outcome:
        """Announce, reproduce, deliver, and in every case report."""
        reproduction = sha = None
        try:
            comment = step("announce", lambda: self._announce(job, ledger))
            if job.wish:
                if self._revising is None:
                    raise errors.PipelineError("this worker does not revise pull requests")
                return self._revising.fulfil(
                    job, step, lambda: self._watch(job, comment, ledger), partial(ledger.keep, job.id)
                )
            if job.proposes:
                if self._proposing is None:
                    raise errors.PipelineError("this worker does not ask about plans")
                return self._proposing.fulfil(job, step, lambda: self._watch(job, comment, ledger))
            reproduction = step("reproduce", lambda: self._reproduce(job, comment, ledger))
            made = reproduction
            sha = step("push", lambda: self._push(job, made))
            pushed = sha
            delivered = step("deliver", lambda: self._deliver(job, made, pushed))
        except Unrecorded as error:
            outcome, hint = explained(error.cause)
            _log.warning("Job %s rests after “%s”: %s", job.id, error.step, outcome.reason)
            if error.step not in _CONCLUDING:
                self._writer.conclude(job, messages.halted(job, outcome.reason, hint, self._kept))
            raise
        except Exception as error:
            outcome, hint = explained(error)
            kept = self._kept
            if job.wish:
                kept = f"the branch as it was, and {self._kept}"
            elif sha and "head invalid" not in str(error):
                kept = f"the finished repository, on branch `{job.branch}`"
            elif reproduction:
                kept = f"the finished repository, and {self._kept}"
            _log.warning("Job %s: %s: %s", job.id, type(error).__name__, outcome.reason)
            return step("report", lambda: self._report(job, ledger, outcome, hint, kept))
        return step("review", lambda: self._review(job, made, pushed, delivered))

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
            return self._writer.insist(
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
            made = self._make(job, out, watch)
        ledger.keep(job.id, Evidence.of(made).packed())
        return made

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
        return Watch(
            show,
            lambda: ledger.cancelling(job.id),
            self._seconds_between_edits,
            board,
            lambda entries: ledger.log(job.id, entries),
        )

    def _push(self, job: Job, reproduction: Reproduction) -> str:
        github, place = self._github, job.place
        directory = pull_request.directory(job.configuration.directory, reproduction, job.paper)
        return self._writer.insist(
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
        directory = pull_request.directory(job.configuration.directory, reproduction, job.paper)
        blob = self._writer.insist(lambda: github.blob(place, sha))
        body = pull_request.body(reproduction, directory, blob, place.issue)
        title, draft = pull_request.title(reproduction), reproduction.status != "runs"
        pull = self._writer.insist(
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
        refused = self._writer.check(job, sha, report, reproduction.files, directory)
        left_out = refused and f"No check run: {refused}"
        self._writer.conclude(job, messages.done(job, reproduction, pull, left_out))
        return Outcome(
            "done",
            reproduction.status,
            pull.url,
            usd=report["usage"]["usd"],
            exit_status=0 if reproduction.status == "runs" else 1,
            left_out=left_out,
        )

    def _review(self, job: Job, made: Reproduction, sha: str, outcome: Outcome) -> Outcome:
        """`outcome` with the judge's score, once its review is posted; whatever fails here spoils nothing."""
        judged, judgement = made.report.get("judge"), made.judgement
        if judged is None or outcome.pull_request is None:
            return outcome
        pull = PullRequest(int(outcome.pull_request.rpartition("/")[2]), outcome.pull_request)
        try:
            if judgement is None:
                said = review.unsaid(judged["why_not"])
            else:
                directory = pull_request.directory(job.configuration.directory, made, job.paper)
                given = judgement
                url = self._writer.insist(
                    lambda: judging.post(self._github, job.place, pull.number, sha, given, directory)
                )
                said = review.said(judgement, url)
                outcome = replace(outcome, score=judgement.score)
        except Exception as error:
            ended, _ = explained(error)
            _log.warning("Job %s has no review: %s", job.id, ended.reason)
            said = review.unposted(ended.reason)
        self._writer.conclude(job, f"{messages.done(job, made, pull, outcome.left_out)}\n\n{said}")
        return outcome

    def _board(self, job: Job, ledger: Ledger) -> Board:
        """Where it stands, as far as it was noted."""
        records = self._writer.insist(lambda: ledger.records(job.place.repository_id, job.place.issue))
        return next((record.board for record in records if record.job.id == job.id), Board())

    def _report(self, job: Job, ledger: Ledger, outcome: Outcome, hint: str, kept: str) -> Outcome:
        board = self._board(job, ledger)
        text = (replies.failed if job.wish else messages.failed)(job, board, outcome, hint, kept)
        self._writer.conclude(job, text)
        return replace(outcome, usd=board.usd, hint=hint, kept=kept)


def explained(error: Exception) -> tuple[Outcome, str]:
    """How a job ended with `error`, and what a person can do."""
    status = 3
    if isinstance(error, errors.Cancelled):
        return Outcome("cancelled", reason="somebody asked to stop", exit_status=130), ""
    if isinstance(error, errors.PaperError):
        status = 2
    elif isinstance(error, errors.BudgetReached):
        status = 4
    if isinstance(error, Unreachable):
        said = "is full: its disk has no room" if full(error) else "does not take what is to be stored"
        return Outcome("failed", reason=f"the worker's database {said}", exit_status=status), (
            _ROOM if full(error) else _MEND
        )
    if isinstance(error, (errors.PipelineError, SandboxError, GitHubError, BranchError)):
        return Outcome("failed", reason=str(error), exit_status=status), getattr(error, "hint", "")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Outcome("failed", reason="the worker's disk is full", exit_status=status), _ROOM
    _log.error("An error that nobody foresaw", exc_info=error)
    hint = "Please report it with the worker's log, where the details are."
    return Outcome(
        "failed", reason=f"an error in paper2code itself ({type(error).__name__})", exit_status=3
    ), hint
