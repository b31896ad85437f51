"""People decide on a plan that waits: approve it, change it, untick experiments, answer its questions.

Nothing is spent here. What was decided becomes part of the job that goes on, which finds what is paid for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.github.credentials import GitHubRefused
from bot.github.github import GitHub
from bot.github.marks import unmarked
from bot.github.pulls import Remark
from bot.intake.commands import Command, parse
from bot.intake.configuration import Configuration
from bot.intake.intake import Refusal, may, with_options
from bot.intake.jobs import Job, Ledger, Offer, Record, Request, job_id
from bot.words import plans
from pipeline.planning.agreement import Agreement, Answered

_GONE = (404, 410)


@dataclass(frozen=True)
class Waiting:
    """A plan that people decide on."""

    record: Record
    offer: Offer

    @property
    def job(self) -> Job:
        """That has made it."""
        return self.record.job

    @property
    def left_out(self) -> tuple[str, ...]:
        """Experiments that are unticked, as far as it is known."""
        known = self.record.left_out
        return self.job.agreement.left_out if known is None else known


Submit = Callable[[Sequence[Job]], Refusal | str]
"""Has all of the jobs done, or none; what to say of it, if anything."""


@dataclass(frozen=True)
class Agreeing:
    """Where people's decisions are taken."""

    github: GitHub
    ledger: Ledger
    wishes: Configuration
    """The repository's, of today."""

    def approve(
        self, request: Request, command: Command, records: Sequence[Record], submit: Submit
    ) -> Refusal | str:
        """Have what waits go on as it was agreed to. Raises GitHubError."""
        if self._resumed(request, records):
            return ""
        waiting = self._waiting(request, command, records)
        if isinstance(waiting, Refusal):
            return waiting
        agreed = [self._agreed(each, request) for each in waiting]
        refused = next((each for each in agreed if isinstance(each, Refusal)), None)
        jobs = [each for each in agreed if isinstance(each, Job)]
        said = refused or submit(jobs)
        if not isinstance(said, Refusal):
            for each, job in zip(waiting, jobs, strict=True):
                self._go_on(each, job)
        return said

    def change(
        self, request: Request, command: Command, records: Sequence[Record], submit: Submit
    ) -> Refusal | str:
        """Have it planned again, with what is said; answers that were given so far are part of that."""
        if self._resumed(request, records):
            return ""
        waiting = self._waiting(request, command, records)
        if isinstance(waiting, Refusal):
            return waiting
        if len(waiting) > 1:
            return Refusal(
                "several plans wait here, and I cannot tell which one is meant. Ask for each in an issue of its own."
            )
        agreed = self._agreed(waiting[0], request)
        if isinstance(agreed, Refusal):
            return agreed
        before = [f"{each.question} {each.answer}".strip() for each in agreed.agreement.answers]
        job = replace(
            agreed,
            approved=False,
            changes=(*agreed.changes, "\n\n".join([*before, command.text])),
            agreement=Agreement(agreed.agreement.left_out),
        )
        said = submit([job])
        if not isinstance(said, Refusal):
            self._go_on(waiting[0], job)
        return said

    def tick(self, request: Request, body: str, permission: str, records: Sequence[Record]) -> Refusal | None:
        """Keep which boxes of a plan are unticked; an edit of anything else, or by others, is taken back."""
        each = next((each for each in _waiting(records) if each.offer.comment == request.comment), None)
        if each is None:
            return None
        unticked = plans.left_out(each.offer, unmarked(body, each.job.mark))
        if not may(permission, self.wishes):
            said = Refusal(
                f"only people with `{self.wishes.permission}` permission can change a plan. I have restored it."
            )
        elif unticked is None:
            said = Refusal(
                "I have restored the plan: only its boxes can be edited. `/paper2code change TEXT` changes the rest."
            )
        else:
            self.ledger.narrow(each.job.id, unticked)
            return None
        self._write(each.record, self._text(each))
        return said

    def _resumed(self, request: Request, records: Sequence[Record]) -> bool:
        """Whether an earlier attempt to answer the request has submitted what it asks for; what it left is done."""
        done = [record.job for record in records if record.job.id == job_id(request, record.job.paper)]
        for each in _waiting(records):
            for job in done:
                if each.job.key == job.key and each.offer.made <= job.created:
                    self._go_on(each, job)
        return bool(done)

    def _go_on(self, each: Waiting, job: Job) -> None:
        """Make an end of a plan that `job` goes on from."""
        text = self._text(each)
        if job.approved:
            text = plans.approved(text, job.actor, job.agreement.answers)
        else:
            text = plans.replaced(text, job.version)
        self.close(each.record, "done", text)

    def close(self, record: Record, state: Literal["done", "cancelled"], text: str) -> None:
        """Make an end of a plan that waits; its comment stays, as `text`."""
        self._write(record, text)
        self.ledger.settle(record.job.id, state)

    def drop(self, records: Sequence[Record], why: str) -> bool:
        """Make an end of all that wait; whether there were any."""
        waiting = _waiting(records)
        for each in waiting:
            self.close(each.record, "cancelled", plans.over(self._text(each), why))
        return bool(waiting)

    def _waiting(
        self, request: Request, command: Command, records: Sequence[Record]
    ) -> Refusal | list[Waiting]:
        """The plans that are meant."""
        version = command.version
        making = [record.job for record in records if record.active and record.job.proposes]
        if making:
            now = max(job.version for job in making)
            return Refusal(
                f"version {now} of the plan is being made; look at it first, and approve that."
                if now > 1
                else "the plan is still being made; look at it first."
            )
        waiting = _waiting(records)
        if not waiting:
            return Refusal("no plan waits here. `/paper2code plan arxiv:ID` makes one.")
        if not self.github.is_open(request.place):
            self.drop(records, "the issue was closed.")
            return Refusal("this issue is closed, and with it the plan is over. Ask again in an open one.")
        for each in waiting:
            meant = version or (
                each.job.version if request.received >= each.offer.made else each.job.version - 1
            )
            if meant < 1:
                return Refusal("you said so before the plan was there. Look at it, then say it again.")
            if meant != each.job.version and command.verb == "approve":
                return Refusal(
                    f"you have approved version {meant} of the plan, and by now there is version "
                    f"{each.job.version}. Look at that, then say `/paper2code approve` again."
                )
        return waiting

    def _agreed(self, each: Waiting, request: Request) -> Job | Refusal:
        """The job that goes on."""
        left_out = self._left_out(each)
        if isinstance(left_out, Refusal):
            return left_out
        if each.offer.experiments and set(each.offer.experiments) <= set(left_out):
            return Refusal(
                "with every box unticked nothing is left to implement. Tick one, or close the issue."
            )
        configuration = with_options(self.wishes, each.job.options)
        if isinstance(configuration, Refusal):
            return configuration
        return replace(
            each.job,
            id=job_id(request, each.job.paper),
            actor=request.actor,
            created=request.received,
            configuration=configuration.model_copy(update={"plan": each.job.configuration.plan}),
            approved=True,
            agreement=Agreement(left_out, tuple(self._answers(each, request))),
        )

    def _left_out(self, each: Waiting) -> tuple[str, ...] | Refusal:
        """What is unticked, by people who may."""
        known = each.left_out
        body = self.github.said(each.job.place, each.offer.comment, each.job.mark)
        if body is None:
            return known
        unticked = plans.left_out(each.offer, body)
        if unticked == known:
            return known
        edits = self.github.edits(each.job.place, each.offer.comment)
        if plans.is_over(body) and (edits.last is None or self._may(each.job, edits.last)):
            return Refusal(
                "this plan was approved, replaced or ended before. `/paper2code plan` makes another."
            )
        if unticked is not None and all(self._may(each.job, login) for login in edits.people):
            return unticked
        self._write(each.record, self._text(each))
        return Refusal(
            "the plan was edited by somebody who may not, or in more than its boxes. I have restored it: look at "
            "it, then say it again."
        )

    def _answers(self, each: Waiting, request: Request) -> list[Answered]:
        """What people who may have said to the questions since they were asked."""
        said = self.github.conversation(each.job.place, None, request.comment).remarks
        heard = [
            remark
            for remark in said
            if remark.id > each.offer.comment and not remark.by_bot and parse(remark.body) is None
        ]
        allowed = {login: self._may(each.job, login) for login in {remark.author for remark in heard}}
        return [
            Answered(question, answer, remark.author, remark.url)
            for remark in heard
            if allowed[remark.author]
            for question, answer in self._understood(each.offer, remark)
        ]

    def _understood(self, offer: Offer, remark: Remark) -> list[tuple[str, str]]:
        return list(plans.answers(offer.questions, remark.body[:4000]).items())

    def _may(self, job: Job, login: str) -> bool:
        return may(self.github.permission(job.place, login), self.wishes)

    def _text(self, each: Waiting) -> str:
        """The comment as it was offered, with the boxes as they are known."""
        return plans.with_boxes(each.offer.text, each.left_out, each.offer.experiments)

    def _write(self, record: Record, text: str) -> None:
        offer, job = record.outcome.offer if record.outcome else None, record.job
        if offer is None:
            return
        try:
            self.github.edit(job.place, offer.comment, job.mark, text)
        except GitHubRefused as error:
            if error.status not in _GONE:
                raise


def _waiting(records: Sequence[Record]) -> list[Waiting]:
    return [
        Waiting(record, record.outcome.offer)
        for record in records
        if record.state == "waiting" and record.outcome and record.outcome.offer
    ]
