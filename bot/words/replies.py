"""Markdown in answer to `revise`, in the thread where it was asked. Pure; as messages.py."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bot.intake.jobs import Job, Outcome, Record
from bot.intake.progress import Board
from bot.words.amounts import duration
from bot.words.conformed import passing
from bot.words.messages import found
from bot.words.reported import spent
from pipeline.markdown import code, prose
from pipeline.progress import Stage
from pipeline.proving.documents import stopped
from pipeline.revision import Answered, Revision

_DOING: dict[Stage, str] = {
    "paper": "reading the paper",
    "code": "changing the code",
    "run": "running and repairing",
    "audit": "reading the change",
}
_STATUS = {
    "runs": "✅ It runs",
    "fails": "❌ It does not run",
    "not-run": "⚪ It was not run: there is no sandbox",
}
_MOST_FILES = 20
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def progress(job: Job, board: Board, now: float) -> str:
    """While it is worked on."""
    stage = board.stage
    seconds = board.seconds(now)
    doing = f"{_DOING.get(stage, stage)}" if stage else "waiting for its turn"
    time = "" if seconds is None else f", {duration(seconds)}"
    lines = [f"Working on it: **{doing}**{time}. {_spent(job, board)}"]
    lines += [f"- {prose(run, 160)}" for run in board.runs[-5:]]
    lines += ["", *found(board)]
    if job.place.hosted:
        lines += ["", "`/paper2code cancel` in this pull request stops it."]
    return "\n".join(lines)


def waiting(jobs: Sequence[Job], known: Sequence[Record]) -> str:
    """Which of `jobs` wait for others, given what was `known` before they were submitted; empty: none."""
    ids = {job.id for job in jobs}
    active = [record.job for record in known if record.active and record.job.id not in ids]
    branches = {
        job.branch
        for job in jobs
        if any(other.lane == job.lane for other in active) and all(other.key != job.key for other in active)
    }
    if not branches:
        return ""
    listed = ", ".join(f"`{branch}`" for branch in sorted(branches))
    return f"I am at work on {listed} already. This waits for its turn and starts from what is there then."


def done(made: Revision, sha: str) -> str:
    """The answer; `sha` is the commit that was pushed, empty: none was."""
    parts = [_outcome(made, sha), _quoted(made.answer)]
    if made.changed:
        parts.append(_facts(made, bool(sha)))
    cost = f"{spent(made.usd)}, {made.calls} model call{'' if made.calls == 1 else 's'}."
    return "\n\n".join(part for part in [*parts, f"<sub>{cost}</sub>"] if part)


def to_remark(done: bool, words: str, sha: str, outside: bool) -> str:
    """In the thread of an open remark that was taken up with others."""
    if outside:
        return "That is outside of the folder that I made, so I change nothing there."
    where = f"Done in {sha}." if done and sha else "Nothing to change." if done else "Left open."
    return "\n\n".join(part for part in (where, _quoted(words)) if part)


def answered(said: Answered, files: Mapping[str, str], base: str, paper: str) -> str:
    """To a question; `base` is the address of the files."""
    link = f"https://arxiv.org/abs/{quote(paper)}"
    places = [f"[{prose(anchor, 20)}]({link}) of the paper" for anchor in said.anchors[:_MOST_FILES]]
    for place in said.lines[:_MOST_FILES]:
        before, _, _ = files.get(place.file, "").partition(place.text.strip())
        number = before.count("\n") + 1
        label = code(f"{place.file}:{number}", 100)
        places.append(f"[{label}]({base}/{quote(place.file)}#L{number})")
    return f"{_quoted(said.answer)}\n\n<sub>See {', '.join(places)}. Nothing was changed.</sub>"


def preface(made: Revision, sha: str) -> str:
    """What the pull request's body begins with once a revision is pushed."""
    return (
        f"> **Revised since this was written**, the last time in {sha}: {_STATUS[made.status]}. Below is what was "
        "first delivered. Each revision is described in the answer to who asked for it."
    )


def why_not(made: Revision) -> str:
    """Why nothing was pushed, in a clause."""
    if not made.changed:
        return "nothing was to be changed"
    before = "it ran before" if made.ran_before else "it does not run, but came further before"
    now = "was stopped before its run had ended" if stopped(made.report) else "does not run"
    return f"with the change the code {now}, and {before}"


def failed(job: Job, board: Board, outcome: Outcome, hint: str, kept: str) -> str:
    """The answer where it did not come to an end."""
    if outcome.state == "cancelled":
        return f"Stopped, nothing was pushed. {_spent(job, board)} `/paper2code retry` goes on with it."
    lines = [
        "I pushed nothing.",
        "",
        f"- **What happened:** {prose(outcome.reason)}",
        f"- **Spent:** {spent(board.usd)}",
        f"- **Kept:** {kept}",
    ]
    if hint:
        lines.append(f"- **What to do:** {prose(hint)}")
    if job.place.hosted:
        lines += ["", "`/paper2code retry` in this pull request tries it again."]
    return "\n".join(lines)


def unmarked(body: str) -> str:
    """A comment as people see it."""
    closed, end, rest = body.rpartition("-->")
    return (_COMMENT.sub("", closed + end) + rest).strip()


def _outcome(made: Revision, sha: str) -> str:
    if not made.changed:
        return "I changed nothing."
    if not sha:
        return f"I pushed nothing: {why_not(made)}. It fails with {code(made.failure, 300)}."
    before = f", and did not run before either: {code(made.failure, 300)}" if made.status == "fails" else ""
    return f"Done in {sha}. {_STATUS[made.status]}{before}."


def _facts(made: Revision, pushed: bool) -> str:
    listed = ", ".join(code(path, 100) for path in made.changed[:_MOST_FILES])
    more = f" and {len(made.changed) - _MOST_FILES} more" if len(made.changed) > _MOST_FILES else ""
    lines = [f"- {'Changed' if pushed else 'Would have changed'}: {listed}{more}"]
    lines += [
        f"- {'Repaired' if pushed else 'Tried'} after that: {prose(r, 200)}" for r in made.remedies[:10]
    ]
    if said := passing(made.report):
        when = " (before this change)" if made.report["tests"].get("earlier") else ""
        lines.append(f"- {said[:1].upper()}{said[1:]}{when}")
    if made.lost:
        lines.append(f"- No longer measured: {', '.join(code(name, 80) for name in made.lost[:_MOST_FILES])}")
    return "\n".join(lines)


def _quoted(answer: str) -> str:
    """The model's words, as words of its own."""
    paragraphs = [_with_code(paragraph) for paragraph in re.split(r"\n\s*\n", answer.strip())[:6]]
    return "\n>\n".join(f"> {paragraph}" for paragraph in paragraphs if paragraph)


def _with_code(paragraph: str) -> str:
    """Prose in which code spans stay what they are."""
    parts = re.split(r"`([^`\n]+)`", paragraph[:1500])
    return "".join(code(part, 200) if number % 2 else _between(part) for number, part in enumerate(parts))


def _between(part: str) -> str:
    """Prose with the spaces at its ends."""
    before, after = (" " if edge.isspace() else "" for edge in (part[:1], part[-1:]))
    return f"{before}{prose(part, 1500)}{after}" if part.strip() else before


def _spent(job: Job, board: Board) -> str:
    return f"{spent(board.usd)} of at most ${job.configuration.max_usd:.2f} spent."
