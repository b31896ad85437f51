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
from bot.github.pulls import Remark
from bot.intake.commands import Command, parse
from bot.intake.configuration import Configuration
from bot.intake.intake import Refusal, may
from bot.intake.jobs import Job, OpenRemark, Outcome, Place, Request, Steps, Wish, job_id, paper_of
from bot.jobs.evidence import Evidence
from bot.jobs.watch import Watch
from bot.words import replies
from bot.words.amounts import counted
from bot.work.tools import Toolbox, opened, options_for, read_paper
from bot.work.writer import Writer
from pipeline.coding.repository import Repository
from pipeline.errors import PipelineError
from pipeline.markdown import line, prose
from pipeline.record import Commit, Record
from pipeline.reproduce import workbench
from pipeline.revision import Answered, Asked, Proposal, Reviser, Revision, verdicts
from settings import Settings

T = TypeVar("T")
_ROUNDS = 3
"""So often a change is merged and run before the branch is left to those who push to it."""
_MOST_THREADS = 50
_REMARKS, _CHARACTERS = 20, 20_000
"""At most so much of a conversation is shown to the model: the latest."""

Revise = Callable[[Job, Snapshot, Asked | Proposal, Path, Watch], Revision]
"""Changes and runs what stands on a branch; a Proposal is only run. Raises PipelineError and SandboxError."""


Inquire = Callable[[Job, Snapshot, Asked, Path, Watch], Answered]
"""Answers a question about what stands on a branch, and its paper. Raises PipelineError."""


def reviser(toolbox: Toolbox, settings: Settings) -> Revise:
    """The real one: the pipeline with what `toolbox` opens."""

    def revise(job: Job, seen: Snapshot, wanted: Asked | Proposal, out: Path, watch: Watch) -> Revision:
        options = options_for(job, settings)
        with opened(toolbox, job, out, watch) as tools:
            paper = read_paper(job, tools, watch)
            record = Record(out, tools.llm, watch)
            bench = workbench(tools.sandbox, record, paper, options, watch.cancelled)
            desk = Reviser(Repository(seen.files), paper, tools.llm, bench, record, options)
            return desk.prove(desk.propose(wanted) if isinstance(wanted, Asked) else wanted)

    return revise


def inquirer(toolbox: Toolbox, settings: Settings) -> Inquire:
    """The real one: the pipeline with what `toolbox` opens."""

    def inquire(job: Job, seen: Snapshot, asked: Asked, out: Path, watch: Watch) -> Answered:
        with opened(toolbox, job, out, watch) as tools:
            paper = read_paper(job, tools, watch)
            record = Record(out, tools.llm, watch)
            options = options_for(job, settings)
            return Reviser(Repository(seen.files), paper, tools.llm, None, record, options).answer(asked)

    return inquire


def job(github: GitHub, request: Request, command: Command, configuration: Configuration) -> Job | Refusal:
    """The job of a `revise` or an `ask`. Raises GitHubError."""
    pull, asks = github.pull(request.place), command.verb == "ask"
    if pull is None:
        return Refusal(f"`{command.verb}` works on a pull request that I opened, and this is an issue.")
    paper = paper_of(pull.branch)
    if not pull.ours or paper is None:
        return Refusal("I change only pull requests that I opened, and this one is somebody else's.")
    if not pull.open:
        return Refusal("this pull request is closed. Open it again, or ask for the paper in an issue.")
    remarks = () if command.text else open_remarks(github, request.place, configuration)
    if not command.text and not remarks:
        return Refusal(
            "there is no open remark at a line of this pull request by somebody who may ask me. `/paper2code revise "
            "TEXT` says what to change."
        )
    wish = Wish(
        request.id, command.text, pull.branch, pull.base, request.comment, request.thread, remarks, asks
    )
    return Job(
        job_id(request, paper), request.place, request.actor, paper, configuration, request.received, wish
    )


def open_remarks(github: GitHub, place: Place, configuration: Configuration) -> tuple[OpenRemark, ...]:
    """What people who may ask have said at lines since we last answered there. Raises GitHubError."""
    found, known = list[OpenRemark](), dict[str, bool]()
    for thread in github.open_threads(place)[:_MOST_THREADS]:
        said = list(thread.remarks)
        ours = max((at for at, each in enumerate(said) if each.by_bot), default=-1)
        for each in said[ours + 1 :]:
            if each.author not in known:
                known[each.author] = may(github.permission(place, each.author), configuration)
        heard = [each for each in said[ours + 1 :] if known[each.author] and parse(each.body) is None]
        if not heard:
            continue
        text = "\n\n".join(each.body for each in heard)[-_CHARACTERS:]
        before = "\n\n".join(_quoted(each) for each in said if each not in heard)[-_CHARACTERS:]
        where = thread.path, thread.lines, thread.commit, thread.hunk
        found.append(OpenRemark(thread.first, thread.node, heard[-1].author, text, before, *where))
    return tuple(found)


def _quoted(remark: Remark) -> str:
    return f"{remark.author}: {replies.unmarked(remark.body)}"


@dataclass(frozen=True)
class Revising:
    """Fulfils jobs that have a wish.

    A pull request that runs afterwards is no draft any more. One that fails is never made a draft again: its
    people have taken it out, or the answer, the check run and the report that say so are enough for them.
    """

    writer: Writer
    revise: Revise
    data: Path
    inquire: Inquire | None = None
    """None: questions are not answered."""

    def fulfil(
        self, job: Job, step: Steps, watch: Callable[[], Watch], keep: Callable[[bytes], None]
    ) -> Outcome:
        """The steps, up to the answer; `keep` gets the Evidence. Raises what they raise; nothing is pushed then."""
        seen, wanted = step("read", lambda: self._read(job))
        if _wish(job).asks:
            answered = step("ask", partial(self._inquire, job, seen, wanted, watch))
            return step("reply", partial(self._tell, job, seen, answered))
        made = step("revise", partial(self._revise, job, seen, wanted, watch))
        for _ in range(_ROUNDS):
            keep(Evidence.of_revision(seen, made).packed())
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
        if wish.remarks:
            return seen, Asked("", remarks=tuple(_asked(each, seen) for each in _inside(wish, seen)))
        if said.path and not said.path.startswith(inside):
            raise BranchRefused(
                f"`{said.path}` is not in `{seen.directory}`, and I change nothing outside of that folder"
            )
        remarks = [_quoted(each) for each in said.remarks[-_REMARKS:]]
        return seen, Asked(
            request=wish.text,
            thread="\n\n".join(remarks)[-_CHARACTERS:],
            path=said.path.removeprefix(inside),
            lines=said.lines if said.commit == seen.sha else None,
            hunk=said.hunk,
        )

    def _inquire(self, job: Job, seen: Snapshot, asked: Asked, watch: Callable[[], Watch]) -> Answered:
        out = job.folder(self.data)
        out.mkdir(parents=True, exist_ok=True)
        if self.inquire is None:
            raise PipelineError("this worker answers no questions")
        with watch() as observe:
            return self.inquire(job, seen, asked, out, observe)

    def _tell(self, job: Job, seen: Snapshot, answered: Answered) -> Outcome:
        blob = self.writer.insist(lambda: self.writer.github.blob(job.place, seen.sha))
        text = replies.answered(answered, seen.files, f"{blob}/{seen.directory}", job.paper)
        self.writer.conclude(job, text)
        return Outcome("done", reason="a question was answered")

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
            f"Revise: {line(wish.text, 60) or counted(len(wish.remarks), 'open remark')}",
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
        notes += self._answer_threads(job, made, directory, sha)
        self.writer.conclude(job, "\n\n".join([replies.done(made, sha), *notes]))
        return Outcome(
            "done",
            made.status if sha else None,
            github.pull_url(place) if sha else None,
            reason="" if sha else replies.why_not(made),
            usd=made.usd,
            exit_status=1 if made.worse or (sha and made.status == "fails") else 0,
        )

    def _answer_threads(self, job: Job, made: Revision, directory: str, sha: str) -> list[str]:
        """An answer in each thread, which is resolved where its remark is done; what GitHub refused of it."""
        github, wish, refused = self.writer.github, _wish(job), list[str]()
        said, number = verdicts(made.answer), 0
        for remark in wish.remarks:
            outside = bool(directory) and not remark.path.startswith(f"{directory}/")
            number += not outside
            done, words = (False, "") if outside else said.get(number, (False, ""))
            done = done and not made.worse
            text = replies.to_remark(done, words, sha, outside)
            mark = f"{job.mark} {remark.thread}"
            since, thread = job.created, remark.thread
            operations: list[Callable[[], object]] = [
                partial(github.comment, job.place, mark, text, since=since, thread=thread)
            ]
            if done:
                operations.append(partial(github.resolve, job.place, remark.node))
            refused += [words for operation in operations if (words := self.writer.beside(operation))]
        return [f"Not all threads could be answered or resolved: {prose(refused[0])}"] if refused else []

    def _ready(self, place: Place) -> list[str]:
        """What to say of the pull request's draft, if it was one."""
        taken = list[str]()

        def ready() -> None:
            if self.writer.github.ready(place):
                taken.append("This pull request is no draft any more: it is ready for review.")

        if refused := self.writer.beside(ready):
            return [f"If this pull request is a draft, it stays one: {prose(refused)}"]
        return taken


def _inside(wish: Wish, seen: Snapshot) -> list[OpenRemark]:
    """The remarks on what is ours. Raises BranchRefused where there are none."""
    found = [each for each in wish.remarks if each.path.startswith(f"{seen.directory}/")]
    if not found:
        raise BranchRefused(
            f"no open remark is in `{seen.directory}`, and I change nothing outside of that folder"
        )
    return found


def _asked(remark: OpenRemark, seen: Snapshot) -> Asked:
    return Asked(
        remark.text,
        remark.said,
        remark.path.removeprefix(f"{seen.directory}/"),
        remark.lines if remark.commit == seen.sha else None,
        remark.hunk,
    )


def _wish(job: Job) -> Wish:
    if job.wish is None:
        raise ValueError(f"job {job.id} has no wish")
    return job.wish
