"""What the bot answers to a request: whether it may be, what becomes of it, and what to say.

Submits jobs and influences them, and does none of their work. May run more than once for a request.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.github.github import GitHub
from bot.intake import configuration
from bot.intake.commands import Command
from bot.intake.configuration import Configuration, ConfigurationInvalid, Quota
from bot.intake.intake import Admitted, Ending, Refusal, admit, with_options
from bot.intake.jobs import Job, Ledger, Place, Record, Request, issue_of, job_id
from bot.jobs.quota import DAY, excess
from bot.words import messages, rating, replies
from bot.work import revising


@dataclass(frozen=True)
class Desk:
    """Where requests are answered."""

    github: GitHub
    allowed: Quota
    """Each installation's."""
    revises: bool
    """Whether `revise` is done here."""

    def answer(self, request: Request, ledger: Ledger) -> None:
        """Decide on it, carry it out or refuse it, and say so. Raises GitHubError."""
        place = request.place
        permission = self.github.permission(place, request.actor)
        try:
            wishes = configuration.read(self.github.configuration(place))
        except ConfigurationInvalid as error:
            if not isinstance(admit(request, Configuration(), permission), Refusal | None):
                text = messages.configuration_invalid(error.problems)
                mark = f"configuration {hashlib.sha256(text.encode()).hexdigest()[:12]}"
                self.github.comment(place, mark, text, since=request.received, thread=request.thread)
            return
        decision = admit(request, wishes, permission)
        if isinstance(decision, Admitted):
            self.github.react(request)
            decision = self._do(request, decision, wishes, ledger)
        if isinstance(decision, Refusal):
            mark = f"refusal {request.actor_id} {request.received:%Y-%m-%d}"
            day = request.received.replace(hour=0, minute=0, second=0, microsecond=0)
            self.github.comment(
                place,
                mark,
                messages.refusal(request.actor, decision.message),
                since=day,
                thread=request.thread,
            )

    def end(self, ending: Ending, ledger: Ledger) -> None:
        """Have the jobs stopped that it ends. Raises GitHubError.

        GitHub's events come late, and in any order: where the App reaches a repository, it was not taken away,
        or is back.
        """
        records = ledger.recent(datetime.now(UTC))
        active = [record.job for record in records if record.active and ending.ends(record.job)]
        reached = dict[int, bool]()
        for job in active:
            number = job.place.repository_id
            if ending.branch is None and number not in reached:
                reached[number] = self.github.reaches(job.place)
            if not reached.get(number):
                ledger.cancel(job.id)

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
            self.github.comment(request.place, mark, said, since=request.received, thread=request.thread)
        return None

    def _submit(self, jobs: Sequence[Job], wishes: Configuration, ledger: Ledger) -> Refusal | str:
        """Have all of them done, or none; what to say of it, if anything."""
        now = datetime.now(UTC)
        with ledger.admission():
            known = ledger.recent(now - DAY)
            refused = excess(jobs, known, wishes.quota, self.allowed, now)
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
            today = with_options(wishes, last.options)
            if isinstance(today, Refusal):
                return today
            job = replace(last, id=again, actor=request.actor, created=request.received, configuration=today)
            return self._submit([job], wishes, ledger)
        if command.verb == "help":
            return messages.help_()
        if command.verb == "rate":
            found = rating.rated(records)
            if isinstance(found, str):
                return found
            ledger.rate(found.job.id, rating.rating(request, command))
            self.github.react(request, "heart")
            return ""
        if command.verb == "revise" and self.revises:
            wanted = revising.job(self.github, request, command.text, wishes)
            return wanted if isinstance(wanted, Refusal) else self._submit([wanted], wishes, ledger)
        return f"`{command.verb}` is not available in this version."

    def _records(self, place: Place, ledger: Ledger) -> list[Record]:
        """The jobs of an issue; of a pull request, the ones that it came of as well."""
        records = ledger.records(place.repository_id, place.issue)
        pull = self.github.pull(place)
        head = pull.branch if pull and pull.here else None
        issue = issue_of(head) if head else None
        if issue in (None, place.issue):
            return records
        before = ledger.records(place.repository_id, issue)
        return [*records, *(record for record in before if record.job.branch == head)]
