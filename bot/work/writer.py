"""What a job leaves on GitHub: tried again while a service is away, and the last word said in every case."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.github.branch import BranchUnreachable
from bot.github.credentials import GitHubError, GitHubUnavailable
from bot.github.github import GitHub
from bot.intake.jobs import Job
from bot.jobs.database import Unreachable
from bot.jobs.patience import insist
from bot.words.checks import checks

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writer:
    """Writes for jobs, whatever they are."""

    github: GitHub
    waits: tuple[float, ...]
    """Seconds between attempts at a service."""

    def insist(self, operation: Callable[[], T]) -> T:
        """The result of an idempotent operation, tried again while a service is away."""
        return insist(operation, self.waits, GitHubUnavailable, BranchUnreachable, Unreachable)

    def beside(self, operation: Callable[[], object]) -> str:
        """Do what a job does not fail for; GitHub's words if it refused, else nothing."""
        try:
            self.insist(operation)
        except GitHubError as error:
            _log.warning("Left out: %s", error)
            return str(error)
        return ""

    def check(
        self, job: Job, sha: str, report: Mapping[str, Any], files: Mapping[str, str], directory: str
    ) -> str:
        """Check runs that tell `report` of the `files` in `directory`; GitHub's words if it refused one."""
        found = checks(report, files, directory)
        return self.beside(lambda: self.github.check(job.place, sha, job.id, found))

    def conclude(self, job: Job, text: str) -> None:
        """The last word, in the progress comment, or in a new one if somebody has deleted that.

        Where GitHub does not take it, the ledger and the dashboard have it alone.
        """
        if job.place.issue is None:
            return
        since, thread = job.created, job.thread
        try:
            self.insist(lambda: self.github.comment(job.place, job.mark, text, since=since, thread=thread))
        except GitHubError as error:
            _log.warning("Job %s has ended and could not say so: %s", job.id, error)
