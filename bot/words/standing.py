"""Where a job stands and what a person can do next, in plain sentences for its page. Pure."""

from bot.intake.jobs import Outcome, Record
from bot.words.amounts import money

_NOW = {
    "paper": "Reading the paper",
    "plan": "Planning",
    "analysis": "Analysing the files to be written",
    "code": "Writing the code",
    "run": "Running the code, and repairing it",
    "audit": "Holding the code against the paper",
    "report": "Writing the report",
}
_DELIVERED = {
    "runs": "The repository runs. Read the requirements that are not implemented as the paper says, then review the "
    "pull request: “/paper2code revise …” there changes what you do not like.",
    "fails": "The pull request is a draft: its code does not run yet. The last failure below says why. “/paper2code "
    "revise …” in the pull request, with what is to be changed, runs and repairs it again.",
    "not-run": "The pull request is a draft: nobody has run its code. Run “python3 main.py --smoke” where you run "
    "strangers' code, or have whoever operates this set up a sandbox, then retry.",
}
_UNREADABLE, _BUDGET = 2, 4
"""Exit statuses; see Outcome."""


def standing(record: Record) -> str:
    """What happens, or how it ended."""
    outcome, board = record.outcome, record.board
    if record.stopping and record.active:
        return "Somebody asked it to stop. What is under way is being ended."
    if record.state == "queued":
        return "Waits for a worker. It begins as soon as one is free."
    if record.state == "running":
        line = dict(board.lines).get(board.stage) if board.stage else None
        parts = f": {line.done} of {line.total}" if line and line.total else ""
        spent = f"{money(board.usd)} of at most {money(record.job.configuration.max_usd)} spent"
        return f"{_NOW[board.stage] if board.stage else 'A worker has it in hand'}{parts}. {spent}."
    if outcome is None:
        return "It ended by an error that nobody foresaw."
    if outcome.state == "waiting" and record.state != "waiting":
        return "The plan was decided on; what came of it is a paper of its own in the list."
    return _ended(outcome)


def following(record: Record) -> str:
    """What to do next; empty where there is nothing to say."""
    outcome = record.outcome
    if record.active:
        return ""
    if record.state == "waiting":
        return "Read the plan in the issue: “/paper2code approve” goes on, “/paper2code change …” has it made anew."
    if outcome is None:
        return "Retry it. If that fails as well, please report it with the worker's log."
    if outcome.state == "cancelled":
        return "Retry continues from what is already paid for."
    if outcome.state == "failed":
        kept = f"Kept: {outcome.kept}." if outcome.kept else ""
        # What is said where a budget is reached is said once.
        again = "" if outcome.hint and outcome.exit_status == _BUDGET else _again(outcome)
        return " ".join(part for part in (outcome.hint, again, kept) if part)
    return _DELIVERED.get(outcome.status or "", "")


def _ended(outcome: Outcome) -> str:
    if outcome.state == "waiting":
        return "The plan is made, and waits for people. Nothing is written yet."
    if outcome.state == "cancelled":
        return "Somebody asked it to stop."
    if outcome.state == "failed":
        return f"It failed: {outcome.reason}"
    if outcome.status is None:
        return outcome.reason or "Nothing was changed."
    ends = {
        "runs": "A pull request is open, and its code has been run.",
        "fails": "A pull request is open, but its code does not run yet.",
        "not-run": "A pull request is open; its code was not run.",
    }
    return " ".join(part for part in (ends[outcome.status], outcome.reason, outcome.left_out) if part)


def _again(outcome: Outcome) -> str:
    if outcome.exit_status == _UNREADABLE:
        return "Trying again helps only once the paper can be read."
    if outcome.exit_status == _BUDGET:
        return "Ask again with a higher max_usd, if the repository's configuration allows it: nothing is paid twice."
    return "Retry continues from what is already paid for."
