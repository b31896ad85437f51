"""The judge's review of a delivered repository: asked for, and posted once.

A review is a comment and never an approval; what is delivered stands without it.
"""

from collections.abc import Callable
from pathlib import Path

from bot.github.credentials import GitHubRefused
from bot.github.github import GitHub
from bot.intake.jobs import Job, Place
from bot.jobs.watch import Watch
from bot.words import review
from bot.work.tools import Toolbox
from pipeline.coding.repository import Repository
from pipeline.proving.scoring import Judgement, judge
from pipeline.reproduce import Reproduction

Judge = Callable[[Job, Path, Reproduction, Watch], Judgement]
"""Judges what a job has delivered, given its folder, and tells what it costs. Raises PipelineError."""


def judging(toolbox: Toolbox) -> Judge:
    """The real one: asks the job's model, within what is left of the job's budget."""

    def ask(job: Job, out: Path, made: Reproduction, watch: Watch) -> Judgement:
        with toolbox(job, out, watch) as tools:
            try:
                return judge(Repository(made.files), made.context, tools.llm, job.configuration.judge)
            finally:
                watch.paid(tools.llm.usage.usd)

    return ask


def post(github: GitHub, place: Place, pull: int, sha: str, judgement: Judgement, directory: str) -> str:
    """Review commit `sha`, once; returns the review's URL. Raises GitHubError."""
    mark = f"review {sha}"
    try:
        return github.review(
            place, pull, mark, sha, review.body(judgement), review.comments(judgement, directory)
        )
    except GitHubRefused as error:
        if error.status != 422:
            raise
        # A file that the base branch has already, unchanged, is not in the diff and takes no comment.
        return github.review(place, pull, mark, sha, review.body(judgement, at_lines=False), [])
