"""What becomes of `revise`: read the branch and the conversation, change, run, push on top of what is there.

What people push meanwhile is merged and run again before anything is pushed. The worker has the comment that
tells of it, and the one error boundary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.github import branch
from bot.github.branch import BranchRefused, Snapshot
from bot.github.github import GitHub
from bot.github.merge import MergeConflict, merged
from bot.intake.configuration import Configuration
from bot.intake.intake import Refusal
from bot.intake.jobs import Job, Outcome, Place, Request, Steps, Wish, job_id, paper_of
from bot.jobs.watch import Watch
from bot.words import replies
from bot.work.tools import Toolbox, options_for, read_paper
from bot.work.writer import Writer
from pipeline.coding.repository import Repository
from pipeline.markdown import line, prose
from pipeline.record import Commit, Record
from pipeline.reproduce import workbench
from pipeline.revision import Asked, Proposal, Reviser, Revision
from settings import Settings

T = TypeVar("T")
_ROUNDS = 3
"""So often a change is merged and run before the branch is left to those who push to it."""
_REMARKS, _CHARACTERS = 20, 20_000
"""At most so much of a conversation is shown to the model: the latest."""

Revise = Callable[[Job, Snapshot, Asked | Proposal, Path, Watch], Revision]
"""Changes and runs what stands on a branch; a Proposal is only run. Raises PipelineError and SandboxError."""


def reviser(toolbox: Toolbox, settings: Settings) -> Revise:
    """The real one: the pipeline with what `toolbox` opens."""

    def revise(job: Job, seen: Snapshot, wanted: Asked | Proposal, out: Path, watch: Watch) -> Revision:
        options = options_for(job, settings)
        with toolbox(job, out, watch) as tools:
            paper = read_paper(job, tools, watch)
            record = Record(out, tools.llm, watch)
            bench = workbench(tools.sandbox, record, paper, options, watch.cancelled)
            run = bench.runner if bench else None
            desk = Reviser(Repository(seen.files), paper, tools.llm, run, record, options)
            return desk.prove(desk.propose(wanted) if isinstance(wanted, Asked) else wanted)

    return revise


def job(github: GitHub, request: Request, text: str, configuration: Configuration) -> Job | Refusal:
    """The job of a `revise`. Raises GitHubError."""
    pull = github.pull(request.place)
    if pull is None:
        return Refusal("`revise` works on a pull request that I opened, and this is an issue.")
    paper = paper_of(pull.branch)
    if not pull.ours or paper is None:
        return Refusal("I change only pull requests that I opened, and this one is somebody else's.")
    if not pull.open:
        return Refusal("this pull request is closed. Open it again, or ask for the paper in an issue.")
    wish = Wish(request.id, text, pull.branch, pull.base, request.comment, request.thread)
    return Job(
        job_id(request, paper), request.place, request.actor, paper, configuration, request.received, wish
    )


@dataclass(frozen=True)
class Revising:
    """Fulfils jobs that have a wish.

    A pull request that runs afterwards is no draft any more. One that fails is never made a draft again: its
    people have taken it out, or the answer, the check run and the report that say so are enough for them.
    """

    writer: Writer
    revise: Revise
    data: Path

    def fulfil(self, job: Job, step: Steps, watch: Callable[[], Watch]) -> Outcome:
        """The steps, up to the answer. Raises what they raise; nothing is pushed then."""
        seen, wanted = step("read", lambda: self._read(job))
        made = step("revise", partial(self._revise, job, seen, wanted, watch))
        for _ in range(_ROUNDS):
            if made.worse or not made.changed:
                return step("reply", partial(self._reply, job, made))
            sha = step("push", partial(self._push, job, seen, made))
            if sha:
                return step("reply", partial(self._reply, job, made, seen.directory, sha))
            now, _ = step("read", lambda: self._read(job))
            made = step("revise", partial(self._merge, job, seen, made, now, watch))
            seen = now
        raise BranchRefused(
            f"each of {_ROUNDS} times when I was done with running, somebody had pushed to the branch again; "
            "nothing was pushed by me"
        )

    def _read(self, job: Job) -> tuple[Snapshot, Asked]:
        github, place, wish = self.writer.github, job.place, _wish(job)
        seen = self.writer.insist(
            lambda: branch.read(github.remote(place), wish.base, wish.branch, github.token(place))
        )
        said = self.writer.insist(lambda: github.conversation(place, wish.thread, wish.comment))
        inside = f"{seen.directory}/"
        if said.path and not said.path.startswith(inside):
            raise BranchRefused(
                f"`{said.path}` is not in `{seen.directory}`, and I change nothing outside of that folder"
            )
        remarks = [f"{each.author}: {replies.unmarked(each.body)}" for each in said.remarks[-_REMARKS:]]
        return seen, Asked(
            request=wish.text,
            thread="\n\n".join(remarks)[-_CHARACTERS:],
            path=said.path.removeprefix(inside),
            lines=said.lines if said.commit == seen.sha else None,
            hunk=said.hunk,
        )

    def _revise(
        self, job: Job, seen: Snapshot, wanted: Asked | Proposal, watch: Callable[[], Watch]
    ) -> Revision:
        out = job.folder(self.data)
        out.mkdir(parents=True, exist_ok=True)
        with watch() as observe:
            return self.revise(job, seen, wanted, out, observe)

    def _merge(
        self, job: Job, seen: Snapshot, made: Revision, now: Snapshot, watch: Callable[[], Watch]
    ) -> Revision:
        """What was made of `seen`, carried over to what stands there `now`."""
        try:
            files = merged(seen.files, made.files, now.files)
        except MergeConflict as error:
            listed = ", ".join(f"`{path}`" for path in error.paths)
            raise BranchRefused(
                f"while I worked, {listed} changed on the branch in the same places as I would change; what "
                "stands there is left as it is"
            ) from None
        return self._revise(job, now, Proposal(files, made.answer), watch)

    def _push(self, job: Job, seen: Snapshot, made: Revision) -> str | None:
        github, place, wish = self.writer.github, job.place, _wish(job)
        change = Commit(
            f"Revise: {line(wish.text, 60)}",
            f"{made.answer}\n\nAsked for by {job.actor}.",
            made.files | made.documents,
        )
        return self.writer.insist(
            lambda: branch.advance(
                github.remote(place),
                wish.branch,
                seen,
                change,
                wish.id,
                github.identity.author,
                github.token(place),
            )
        )

    def _reply(self, job: Job, made: Revision, directory: str = "", sha: str = "") -> Outcome:
        github, place, notes = self.writer.github, job.place, list[str]()
        if sha and (
            refused := self.writer.check(job, sha, made.report, made.files | made.documents, directory)
        ):
            notes.append(f"No check run: {prose(refused)}")
        if sha and (refused := self.writer.beside(lambda: github.preface(place, replies.preface(made, sha)))):
            notes.append(f"The description of this pull request does not say so: {prose(refused)}")
        if sha and made.status == "runs":
            notes += self._ready(place)
        self.writer.conclude(job, "\n\n".join([replies.done(made, sha), *notes]))
        return Outcome(
            "done",
            made.status if sha else None,
            github.pull_url(place) if sha else None,
            reason="" if sha else replies.why_not(made),
            usd=made.usd,
            exit_status=1 if made.worse or (sha and made.status == "fails") else 0,
        )

    def _ready(self, place: Place) -> list[str]:
        """What to say of the pull request's draft, if it was one."""
        taken = list[str]()

        def ready() -> None:
            if self.writer.github.ready(place):
                taken.append("This pull request is no draft any more: it is ready for review.")

        if refused := self.writer.beside(ready):
            return [f"If this pull request is a draft, it stays one: {prose(refused)}"]
        return taken


def _wish(job: Job) -> Wish:
    if job.wish is None:
        raise ValueError(f"job {job.id} has no wish")
    return job.wish
