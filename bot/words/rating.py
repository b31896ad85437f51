"""What people think of what was delivered, beside what the judge thinks. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bot.intake.commands import Command
from bot.intake.jobs import Rating, Record, Request

FEWEST = 3
"""Pairs, below which a correlation says nothing."""
_LONGEST = 2000


@dataclass(frozen=True)
class Agreement:
    """How people's scores go with the judge's, over all ratings of what was judged."""

    pairs: int
    people: float | None
    """Mean of the people's scores; None without any."""
    judge: float | None
    """Mean of the judge's scores of the same."""
    correlation: float | None
    """Pearson's r; None for fewer than three pairs, and where all of one side's scores are the same."""


def agreement(records: Sequence[Record]) -> Agreement:
    """Of all ratings in `records` whose job was judged."""
    judged = [(record, record.outcome.score) for record in records if record.outcome]
    pairs = [(each.score, score) for record, score in judged if score is not None for each in record.ratings]
    if not pairs:
        return Agreement(0, None, None, None)
    people, judge = zip(*pairs, strict=True)
    correlation = None
    if len(pairs) >= FEWEST and len(set(people)) > 1 and len(set(judge)) > 1:
        correlation = statistics.correlation(people, judge)
    return Agreement(len(pairs), statistics.mean(people), statistics.mean(judge), correlation)


def rating(request: Request, command: Command) -> Rating:
    """What the person who gave `command` thinks."""
    return Rating(
        person=request.actor,
        person_id=request.actor_id,
        score=command.score or 0,
        text=command.text[:_LONGEST],
        number=request.place.issue or 0,
        when=request.received,
    )


def rated(records: Sequence[Record]) -> Record | str:
    """Which of an issue's or a pull request's jobs, newest first, a rating is of; else what to answer.

    The latest that was delivered and judged, else the latest that was delivered.
    """
    delivered = [(record, record.outcome) for record in records if record.outcome]
    delivered = [(record, outcome) for record, outcome in delivered if outcome.pull_request]
    pulls = {record.job.paper: outcome.pull_request or "" for record, outcome in reversed(delivered)}
    if not pulls:
        return "There is nothing to rate yet: no paper of this issue has a pull request."
    if len(pulls) > 1:
        named = ", ".join(f"#{pull.rpartition('/')[2]}" for pull in pulls.values())
        return f"This issue has several papers; please rate each on its own pull request: {named}."
    judged = [record for record, outcome in delivered if outcome.score is not None]
    return (judged or [record for record, _ in delivered])[0]
