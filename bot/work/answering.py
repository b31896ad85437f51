"""What the bot answers to a request: whether it may be, what becomes of it, and what to say.

Submits jobs and influences them, and does none of their work. May run more than once for a request.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from bot.github.branch import reported_paper
from bot.github.github import GitHub
from bot.intake import configuration
from bot.intake.commands import Command
from bot.intake.configuration import SAFE_SLUG, Configuration, ConfigurationInvalid, Quota, filled_in
from bot.intake.intake import Admitted, Ending, Refusal, admit, may, with_options
from bot.intake.jobs import Job, Ledger, Record, Request, issue_of, job_id
from bot.jobs.quota import DAY, excess
from bot.words import messages, rating, replies
from bot.work import revising
from bot.work.agreeing import Agreeing
from pipeline.markdown import code, visible
from pipeline.model.instructed import shortened
from pipeline.proving.documents import EXECUTION
from pipeline.reading.references import references

AGENTS = "AGENTS.md"
"""What a repository tells everybody who writes code in it by machine."""
_WITHOUT_FILE = ("status", "cancel", "help")
"""What costs nothing and can stop what does is done also where the repository's file cannot be used."""


@dataclass(frozen=True)
class Desk:
    """Where requests are answered."""

    github: GitHub
    allowed: Quota
    """Each installation's."""
    revises: bool
    """Whether `revise` is done here."""
    plans: bool = False
    """Whether plans are made here for people to decide on."""

    def answer(self, request: Request, ledger: Ledger) -> Refusal | None:
        """Decide on it, carry it out or refuse it, and say so; the refusal if it is one. Raises GitHubError."""
        place = request.place
        permission = self.github.permission(place, request.actor) if request.actor else "admin"
        try:
            wishes = configuration.read(self.github.configuration(place))
        except ConfigurationInvalid as error:
            if not (isinstance(request.command, Command) and request.command.verb in _WITHOUT_FILE):
                return self._unusable(request, permission, error)
            wishes = Configuration()
        if isinstance(request.command, Command) and request.command.verb == "tick":
            records = ledger.records(place.repository_id, place.issue)
            agreeing = Agreeing(self.github, ledger, wishes)
            decision: Admitted | Refusal | None = agreeing.tick(
                request, request.command.text, permission, records
            )
        else:
            decision = admit(request, wishes, permission)
        if isinstance(decision, Admitted):
            if not request.job:
                self.github.react(request)
            decision = self._do(request, decision, wishes, ledger)
        if isinstance(decision, Refusal):
            text = messages.refusal(request.actor, decision.message)
            if may(permission, wishes):
                mark, since = f"refusal {request.id}", request.received
            else:  # once a day, so that nobody floods an issue by us
                mark, since = f"refusal {request.actor_id} {request.received:%Y-%m-%d}", _day(request)
            self.github.comment(place, mark, text, since=since, thread=request.thread)
            return decision
        return None

    def _unusable(self, request: Request, permission: str, error: ConfigurationInvalid) -> Refusal | None:
        """Say what is wrong with the repository's file: to who may ask each time, to others once a day."""
        decision = admit(request, Configuration(), permission)
        if decision is None:
            return None
        text = messages.configuration_invalid(error.problems)
        mark = f"configuration {hashlib.sha256(text.encode()).hexdigest()[:12]}"
        since = request.received if may(permission, Configuration()) else _day(request)
        self.github.comment(request.place, mark, text, since=since, thread=request.thread)
        return Refusal(text)

    def end(self, ending: Ending, ledger: Ledger) -> None:
        """Have the jobs stopped that it ends. Raises GitHubError.

        GitHub's events come late, and in any order: where the App reaches a repository, it was not taken away,
        or is back.
        """
        if ending.issue is not None:
            for number in ending.repositories or ():
                records = [r for r in ledger.records(number, ending.issue) if ending.ends(r.job)]
                Agreeing(self.github, ledger, Configuration()).drop(records, "the issue was closed.")
        records = ledger.recent(datetime.now(UTC))
        active = [record.job for record in records if record.active and ending.ends(record.job)]
        reached = dict[int, bool]()
        for job in active:
            number = job.place.repository_id
            if ending.branch is None and ending.issue is None and number not in reached:
                reached[number] = self.github.reaches(job.place)
            if not reached.get(number):
                ledger.cancel(job.id)

    def _do(
        self, request: Request, decision: Admitted, wishes: Configuration, ledger: Ledger
    ) -> Refusal | None:
        """Carry it out; a Refusal if that would exceed a quota."""
        if isinstance(request.command, Command) and not request.command.is_for_papers:
            said = self._about_jobs(request, request.command, wishes, ledger)
        else:
            said = self._submit(decision.jobs, wishes, ledger)
            if not isinstance(said, Refusal):
                keys = {job.key for job in decision.jobs}
                waiting = ledger.records(request.place.repository_id, request.place.issue)
                asked_again = [record for record in waiting if record.job.key in keys]
                Agreeing(self.github, ledger, wishes).drop(asked_again, "it was asked for again.")
                said = "\n\n".join(part for part in (said, decision.note) if part)
        if isinstance(said, Refusal):
            return said
        if said:
            mark = f"answer {request.id}"
            self.github.comment(request.place, mark, said, since=request.received, thread=request.thread)
        return None

    def _submit(self, jobs: Sequence[Job], wishes: Configuration, ledger: Ledger) -> Refusal | str:
        """Have all of them done, or none; what to say of it, if anything."""
        if not self.plans and any(job.proposes for job in jobs):
            return Refusal("`plan` is not available in this version.")
        try:
            jobs = [job if job.approved else instructed(self.github, job) for job in jobs]
        except ConfigurationInvalid as error:
            return Refusal(
                "that cannot be done:\n\n" + "\n".join(f"- {problem}" for problem in error.problems)
            )
        now = datetime.now(UTC)
        with ledger.admission():
            known = ledger.recent(now - DAY, jobs[0].place.installation)
            refused = excess(jobs, known, wishes.quota, self.allowed, now)
            for job in () if refused else jobs:
                ledger.submit(job)
        return refused or replies.waiting(jobs, known)

    def _about_jobs(
        self, request: Request, command: Command, wishes: Configuration, ledger: Ledger
    ) -> str | Refusal:
        """What to say about a command on this issue's jobs, which is carried out."""
        records = self._records(request, ledger)
        active = [record for record in records if record.active]
        if command.verb == "status":
            return messages.status(records, time.time())
        agreeing = Agreeing(self.github, ledger, wishes)
        if command.verb == "cancel":
            for record in active:
                ledger.cancel(record.job.id)
            dropped = agreeing.drop(records, f"cancelled by {code(request.actor)}.")
            return "" if active or dropped else "Nothing is running for this issue."
        if decide := {"approve": agreeing.approve, "change": agreeing.change}.get(command.verb):
            return decide(request, command, records, lambda jobs: self._submit(jobs, wishes, ledger))
        if command.verb == "retry":
            again = self._again(request, records, wishes)
            return self._submit([again], wishes, ledger) if isinstance(again, Job) else again
        if command.verb == "help":
            return messages.help_(request.place.hosted)
        if command.verb == "rate":
            found = rating.rated(records)
            if isinstance(found, str):
                return found
            ledger.rate(found.job.id, rating.rating(request, command))
            self.github.react(request, "heart")
            return ""
        if command.verb in ("revise", "ask") and self.revises:
            wanted = revising.job(self.github, request, command, wishes)
            return wanted if isinstance(wanted, Refusal) else self._submit([wanted], wishes, ledger)
        return f"`{command.verb}` is not available in this version."

    def _again(
        self, request: Request, records: Sequence[Record], wishes: Configuration
    ) -> Job | str | Refusal:
        """The last job once more; what to say where that cannot be."""
        if any(record.active for record in records):
            return "The job is still running; `/paper2code cancel` stops it."
        if not records:
            return "There is nothing to retry: this issue has no job yet."
        if records[0].state == "waiting":
            return "A plan waits here: `/paper2code approve` goes on with it."
        last = records[0].job
        again = job_id(replace(request, place=last.place), last.paper)
        today = with_options(wishes, last.options)
        if isinstance(today, Refusal):
            return today
        actor = request.actor or last.actor
        return replace(last, id=again, actor=actor, created=request.received, configuration=today)

    def _records(self, request: Request, ledger: Ledger) -> list[Record]:
        """The jobs of an issue; of a pull request, the ones that it came of as well. Or the one that is named."""
        place = request.place
        records = ledger.records(place.repository_id, place.issue)
        if request.job:
            return [record for record in records if record.job.id == request.job]
        pull = self.github.pull(place)
        head = pull.branch if pull and pull.here else None
        issue = issue_of(head) if head else None
        if issue in (None, place.issue):
            return records
        before = ledger.records(place.repository_id, issue)
        return [*records, *(record for record in before if record.job.branch == head)]


def _day(request: Request) -> datetime:
    """When the day of the request began."""
    return request.received.replace(hour=0, minute=0, second=0, microsecond=0)


def instructed(github: GitHub, job: Job) -> Job:
    """`job` with what its repository wishes of all code today.

    Raises GitHubError, and ConfigurationInvalid where something stands in the way of its folder.
    """
    if job.wish is None and (why := _in_the_way(github, job)):
        raise ConfigurationInvalid([f"`directory`: {why}"])
    agents = github.text(job.place, AGENTS) or ""
    wishes = "\n\n".join(part for part in (job.configuration.instructions, agents) if part)
    return replace(job, instructions=shortened(visible(wishes)))


def _in_the_way(github: GitHub, job: Job) -> str:
    """Why the default branch has no place for what `directory` names; empty: nothing is known against it.

    What stands there once a model has named the method cannot be known before.
    """
    template = job.configuration.directory
    fixed, field, _ = template.partition("{slug}")
    named = filled_in(template, job.paper, SAFE_SLUG)
    names = named.split("/")[: fixed.count("/") if field else None]
    found: str | Literal[False] | None = None
    for number in range(len(names)):
        path = "/".join(names[: number + 1])
        found = github.text(job.place, path)
        if found is None:
            return ""
        if found is not False:
            return f"{code(path)} is a file in this repository, so no folder can be"
    if field or found is None:
        return ""
    report = github.text(job.place, f"{named}/{EXECUTION}")
    # One of more than a megabyte is looked at where it can be read: before anything is pushed.
    if report is False or reported_paper(report) == references(job.paper)[0].identifier:
        return ""
    return (
        f"{code(named)} is there already, and I have not made it for this paper, so I would not replace it. A folder "
        "for each paper, like `papers/{arxiv_id}-{slug}`, is in nobody's way"
    )
