"""Comments on a job and its requests, as Markdown that people read on GitHub. Pure.

Whatever comes from a paper, a model, a program or a stranger passes through pipeline.markdown.
"""

from collections.abc import Sequence
from urllib.parse import quote

from bot.github.pulls import PullRequest
from bot.intake.commands import usage
from bot.intake.configuration import PATH
from bot.intake.jobs import Job, Outcome, Record
from bot.intake.progress import Board, Line
from bot.words.amounts import duration
from bot.words.reported import cost, paper_link, scope, spent, unpaid, verdict
from pipeline.markdown import code, prose
from pipeline.progress import Finding, Stage
from pipeline.reproduce import Reproduction

_UNREADABLE = 2
"""Exit status where it is the paper that cannot be had or read."""
_NAMES: dict[Stage, str] = {
    "paper": "Read the paper",
    "plan": "Plan",
    "analysis": "Analyse each file",
    "code": "Write the code",
    "run": "Run and repair",
    "audit": "Audit against the paper",
    "report": "Report",
}
FINDINGS: dict[Finding, str] = {
    "scope": "Of the paper, planned",
    "first run": "First run",
    "tests": "Tests written from the paper",
    "repair": "Being repaired",
}
_ENDINGS = {
    "runs": ("Implemented", ""),
    "fails": (
        "Wrote code that does not run yet for",
        "The pull request is a draft. How it fails stands under “What was run” there. What to do: `/paper2code revise` "
        "in the pull request, with what is to be changed, runs and repairs it again.",
    ),
    "not-run": (
        "Wrote code that was not run for",
        "The pull request is a draft. What to do: run its `python3 main.py --smoke` where you run strangers' code, or "
        "have whoever operates this set up a sandbox (PAPER2CODE_SANDBOX), then ask again.",
    ),
}
"""By the status: the heading, and what to do next."""


def progress(job: Job, board: Board, now: float, pages: str | None = None) -> str:
    """The comment that is edited while a job runs; `pages` is the address of the dashboard."""
    read = dict(board.lines).get("paper")
    title = f"“{prose(read.detail, 200)}” " if read and read.state == "finished" and read.detail else ""
    lines = [f"### Implementing {title}{paper_link(job.paper)}", ""]
    if job.wanted:
        lines.append(f"You asked for: “{prose(job.wanted, 2000)}”\n")
    lines += [f"{prose(note)}\n" for note in board.notes]
    for stage, entry in board.lines:
        lines.append(_stage(stage, entry, now))
        if stage == "run":
            lines += [f"  - {prose(run, 160)}" for run in board.runs[-5:]]
    lines += ["", *found(board)]
    lines += [f"{spent(board.usd)} of at most ${job.configuration.max_usd:.2f} spent."]
    page = f", and so does [its page]({pages}/jobs/{quote(job.id)})" if pages else ""
    if job.place.hosted:
        lines.append(f"`/paper2code cancel` stops it, `/paper2code status` tells more{page}.")
    else:
        lines.append("Cancelling the workflow run stops it.")
    return "\n".join(lines)


def found(board: Board) -> list[str]:
    """Lines on what is known by now, and one on what is being repaired; empty: nothing yet."""
    known = dict(board.findings)
    repair = known.pop("repair", "")
    lines = [f"- {name}: {prose(known[what], 600)}" for what, name in FINDINGS.items() if what in known]
    lines = ["**Found so far**", "", *lines, ""] if lines else []
    if repair:
        lines += [f"**{FINDINGS['repair']}:** {prose(repair, 300)}", ""]
    return lines


def done(job: Job, reproduction: Reproduction, pull: PullRequest, note: str = "") -> str:
    """What the progress comment becomes when the pull request is open; `note` says what is missing."""
    word, next_ = _ENDINGS[reproduction.status]
    parts = [
        f"### {word} {paper_link(job.paper)}: #{pull.number}",
        scope(reproduction.report),
        unpaid(reproduction.report),
        verdict(reproduction.report),
        cost(reproduction.report),
    ]
    if next_:
        parts.append(next_)
    if note:
        parts.append(prose(note))
    return "\n\n".join(part for part in parts if part)


def failed(job: Job, board: Board, outcome: Outcome, hint: str, kept: str) -> str:
    """What the progress comment becomes when nothing, or not everything, could be delivered."""
    stage = next(
        (_NAMES[stage] for stage, entry in board.lines if entry.state in ("running", "failed")), None
    )
    word = "Stopped" if outcome.state == "cancelled" else "Could not implement"
    lines = [f"### {word} {paper_link(job.paper)}", ""]
    if outcome.state == "failed":
        lines.append(f"- **What happened:** {prose(outcome.reason)}")
    if stage:
        lines.append(f"- **Where:** {stage}")
    lines.append(f"- **Spent:** {spent(board.usd)}")
    lines.append(f"- **Kept:** {kept}")
    if hint:
        lines.append(f"- **What to do:** {prose(hint)}")
    if outcome.exit_status == _UNREADABLE:
        lines += ["", "Trying again helps only once the paper can be read."]
    elif job.place.hosted:
        lines += ["", "`/paper2code retry` continues from what is already paid for."]
    else:
        lines += ["", "To try again, run the workflow run's failed job again, or ask again."]
    return "\n".join(lines)


def halted(job: Job, reason: str, hint: str, kept: str) -> str:
    """What the comment becomes when a job cannot go on now, nor end: how far it came cannot be recorded."""
    return "\n".join(
        [
            f"### Had to stop at {paper_link(job.paper)}",
            "",
            f"- **What happened:** {prose(reason)}",
            f"- **Kept:** {kept}",
            f"- **What to do:** {prose(hint)}",
            "",
            "After that this goes on by itself within minutes, even without `retry`; `/paper2code cancel` ends it.",
        ]
    )


def refusal(actor: str, message: str) -> str:
    """A polite no; `actor` is empty for an operator."""
    return f"{code(actor) if actor else 'On the page of the job'}, {message}"


def configuration_invalid(problems: Sequence[str]) -> str:
    """The repository's configuration cannot be used."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return (
        f"I started nothing, because `{PATH}` on the default branch cannot be used:\n\n{listed}\n\n"
        "Ask again once it is mended."
    )


def status(records: Sequence[Record], now: float) -> str:
    """The answer to `status`."""
    if not records:
        return "There are no jobs for this issue. `/paper2code arxiv:ID` starts one."
    rows = ["| paper | state | stage | spent | time |", "|---|---|---|---|---|"]
    for record in records[:20]:
        stage = _NAMES[record.board.stage] if record.board.stage else ""
        seconds = record.board.seconds(now if record.state == "running" else None)
        time = "" if seconds is None else duration(seconds)
        cost = spent(record.board.usd)
        state = record.state
        if record.outcome and record.outcome.pull_request:
            state_cell = f"[{state}]({record.outcome.pull_request})"
        else:
            state_cell = state
        what = f"{'revision of ' if record.job.wish else ''}{paper_link(record.job.paper)}"
        rows.append(f"| {what} | {state_cell} | {stage} | {cost} | {time} |")
    return "\n".join(rows)


def help_(hosted: bool) -> str:
    """The answer to `help`."""
    return usage(hosted)


def _stage(stage: Stage, entry: Line, now: float) -> str:
    box = "x" if entry.state in ("finished", "skipped") else " "
    name = f"**{_NAMES[stage]}**" if entry.state == "running" else _NAMES[stage]
    parts = [f"- [{box}] {name}"]
    if entry.state == "failed":
        parts.append("failed")
    if entry.state == "skipped":
        parts.append("skipped")
    if entry.detail and stage != "run":
        parts.append(prose(entry.detail, 160))
    if entry.total and entry.state != "skipped":
        parts.append(f"{entry.done} of {entry.total}")
    if entry.started is not None and entry.state != "skipped":
        parts.append(duration((entry.ended or now) - entry.started))
    return " · ".join(parts)
