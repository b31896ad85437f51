"""A workflow run's summary, and the lines at its top. Pure; as messages.py."""

from bot.intake.jobs import Job, Outcome
from bot.intake.progress import Board
from bot.words import pull_request
from bot.words.amounts import duration
from bot.words.reported import paper_link, spent
from pipeline.markdown import prose
from pipeline.reproduce import Reproduction


def summary(job: Job, outcome: Outcome, board: Board, made: Reproduction | None, blob: str) -> str:
    """How a job ended, with all of its report; `blob` is the address below which its branch's files can be seen."""
    number = (outcome.pull_request or "").rpartition("/")[2]
    seconds = board.seconds()
    cells = (
        paper_link(job.paper),
        outcome.status or outcome.state,
        f"[#{number}]({outcome.pull_request})" if number else "none",
        "" if outcome.score is None else f"{outcome.score:.1f} of 5",
        spent(board.usd if outcome.usd is None else outcome.usd),
        "" if seconds is None else duration(seconds),
    )
    parts = [
        "| paper | status | pull request | judge | spent | time |\n|---|---|---|---|---|---|\n"
        f"| {' | '.join(cells)} |"
    ]
    if outcome.reason:
        parts.append(f"**What happened:** {prose(outcome.reason)}")
    if made and outcome.pull_request:
        folder = pull_request.directory(job.configuration.directory, made, job.paper)
        parts.append(pull_request.body(made, folder, blob, job.place.issue))
    return "\n\n".join(parts)


def told(level: str, text: str) -> str:
    """A workflow command that shows `text` at the top of the run's page; `level` is error, warning or notice."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} title=paper2code::{escaped}\n"
