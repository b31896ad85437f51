"""The judge's review of a delivered repository, posted once.

A review is a comment and never an approval; what is delivered stands without it.
"""

from bot.github.credentials import GitHubRefused
from bot.github.github import GitHub
from bot.intake.jobs import Place
from bot.words import review
from pipeline.proving.scoring import Judgement


def post(github: GitHub, place: Place, pull: int, sha: str, judgement: Judgement, directory: str) -> str:
    """Review commit `sha`, once; returns the review's URL. Raises GitHubError."""
    mark, hosted = f"review {sha}", place.hosted
    text, remarks = review.body(judgement, hosted=hosted), review.comments(judgement, directory)
    try:
        return github.review(place, pull, mark, sha, text, remarks)
    except GitHubRefused as error:
        if error.status != 422:
            raise
        # A file that the base branch has already, unchanged, is not in the diff and takes no comment.
        return github.review(place, pull, mark, sha, review.body(judgement, False, hosted), [])
