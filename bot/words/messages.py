"""Markdown that people read on GitHub. Pure.

Whatever comes from a paper, a model, a program or a stranger passes through pipeline.markdown; what is
written here stays below GitHub's 65,536 characters in every case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.github.pulls import PullRequest
from bot.intake.commands import USAGE
from bot.intake.configuration import PATH, SAFE_SLUG, filled_in
from bot.intake.jobs import Job, Outcome, Record
from bot.intake.progress import Board, Line
from bot.words.amounts import counted, duration, money
from bot.words.conformed import conformed, passing
from bot.words.figures import address, figures
from bot.words.runs import executed
from pipeline.markdown import code, line, prose
from pipeline.progress import Stage
from pipeline.proving.documents import USES, failed_phase, repairs
from pipeline.proving.scope import in_words
from pipeline.reproduce import Reproduction

LIMIT = 65_000
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
_TOKENS = ("input_tokens", "cached_tokens", "output_tokens")
_VERDICTS = {"implemented": "✅", "partial": "🟡", "deviates": "🟠", "missing": "❌"}
_ORDER = {"missing": 0, "deviates": 1, "partial": 2, "implemented": 3}


def title(reproduction: Reproduction) -> str:
    """Of the pull request."""
    return f"Implement “{line(reproduction.paper.title, 150)}”"


def pull_request(reproduction: Reproduction, directory: str, blob: str, issue: int | None) -> str:
    """The body of the pull request.

    `blob` is the address below which the commit's files can be seen, `https://…/blob/<sha>`; empty for links
    relative to the repository's root.
    """

    def body(most: int) -> str:
        report = reproduction.report
        parts = [
            scope(report),
            _heading(reproduction, directory, blob.rpartition("/blob/")[2], issue),
            _verdict(report),
            _assumptions(report, most),
            _requirements(report, f"{blob}/{directory}" if blob else directory, most),
            conformed(report, most),
            executed(report, most),
            figures(report, f"{blob}/{directory}" if blob else directory, most),
            _how_to_run(directory, report.get("contract", 1)),
            _made_with(report),
        ]
        return "\n\n".join(part for part in parts if part)

    return _fitted(body)


def progress(job: Job, board: Board, now: float, pages: str | None = None) -> str:
    """The comment that is edited while a job runs; `pages` is the address of the dashboard."""
    lines = [f"### Implementing {_paper_link(job.paper)}", ""]
    if job.scope:
        lines.append(f"You asked for: “{prose(job.scope)}”\n")
    lines += [f"{prose(note)}\n" for note in board.notes]
    for stage, entry in board.lines:
        lines.append(_stage(stage, entry, now))
        if stage == "run":
            lines += [f"  - {prose(run, 160)}" for run in board.runs[-5:]]
    lines += ["", f"{spent(board.usd)} of at most ${job.configuration.max_usd:.2f} spent."]
    page = f", and so does [its page]({pages}/jobs/{quote(job.id)})" if pages else ""
    lines += [f"`/paper2code cancel` stops it, `/paper2code status` tells more{page}."]
    return "\n".join(lines)


def done(job: Job, reproduction: Reproduction, pull: PullRequest, note: str = "") -> str:
    """What the progress comment becomes when the pull request is open; `note` says what is missing."""
    word, next_ = _ENDINGS[reproduction.status]
    parts = [
        f"### {word} {_paper_link(job.paper)}: #{pull.number}",
        scope(reproduction.report),
        _verdict(reproduction.report),
        _cost(reproduction.report),
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
    lines = [f"### {word} {_paper_link(job.paper)}", ""]
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
    else:
        lines += ["", "`/paper2code retry` continues from what is already paid for."]
    return "\n".join(lines)


def halted(job: Job, reason: str, hint: str, kept: str) -> str:
    """What the comment becomes when a job cannot go on now, nor end: how far it came cannot be recorded."""
    return "\n".join(
        [
            f"### Had to stop at {_paper_link(job.paper)}",
            "",
            f"- **What happened:** {prose(reason)}",
            f"- **Kept:** {kept}",
            f"- **What to do:** {prose(hint)}",
            "",
            "After that this goes on by itself within minutes, even without `retry`; `/paper2code cancel` ends it.",
        ]
    )


def refusal(actor: str, message: str) -> str:
    """A polite no."""
    return f"{code(actor)}, {message}"


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
        what = f"{'revision of ' if record.job.wish else ''}{_paper_link(record.job.paper)}"
        rows.append(f"| {what} | {state_cell} | {stage} | {cost} | {time} |")
    return "\n".join(rows)


def help_() -> str:
    """The answer to `help`."""
    return USAGE


def check_title(report: Mapping[str, Any]) -> str:
    """Of the check run."""
    requirements = report["requirements"]
    word = {"runs": "Runs", "fails": "Does not run", "not-run": "Was not run"}[report["status"]]
    return f"{word}; {requirements['implemented']} of {requirements['total']} requirements implemented"


def check_summary(report: Mapping[str, Any]) -> str:
    """Of the check run."""

    def body(most: int) -> str:
        return "\n\n".join(
            part
            for part in (
                scope(report),
                _verdict(report),
                executed(report, most),
                _requirements(report, "", most),
            )
            if part
        )

    return _fitted(body)


def directory(template: str, reproduction: Reproduction, paper: str) -> str:
    """Where the files go: the configuration's `directory` with its fields filled in."""
    slug = re.sub(r"[^a-z0-9-]+", "-", reproduction.slug.lower())[:60].strip("-") or SAFE_SLUG
    try:
        return filled_in(template, paper, slug)
    except ValueError:
        return filled_in(template, paper, SAFE_SLUG)


def _heading(reproduction: Reproduction, directory: str, sha: str, issue: int | None) -> str:
    paper = reproduction.paper
    authors = ", ".join(paper.authors[:3]) + (" and others" if len(paper.authors) > 3 else "")
    link = (
        _paper_link(paper.arxiv_id + (f"v{paper.version}" if paper.version else "")) if paper.arxiv_id else ""
    )
    source = " · ".join(filter(None, [prose(authors, 200), link]))
    refs = f"\n\nRefs #{issue}" if issue else ""
    text = f"An implementation of **{prose(paper.title)}**" + (f" ({source})" if source else "")
    return f"{text}, in {code(directory)}{f' as of {sha}' if sha else ''}.{refs}"


def scope(report: Mapping[str, Any]) -> str:
    """What of the paper is there, in the paper's terms; empty where nobody was asked what becomes of it."""
    said = in_words(report.get("scope"))
    return f"**Of the paper:** {prose(said, 4000)}." if said else ""


def _verdict(report: Mapping[str, Any]) -> str:
    lines, requirements, after = report["lines"], report["requirements"], _after(repairs(report))
    mode = "smoke run" if report["mode"] == "smoke" else "full run"
    word = {
        "runs": f"✅ **Runs** ({mode}{after})",
        "fails": f"❌ **{_failing(report, mode)}{after}",
        "not-run": "⚪ **Was not run**: there was no sandbox",
    }[report["status"]]
    figures = [f"{requirements['implemented']} of {requirements['total']} requirements implemented"]
    if said := passing(report):
        figures.append(said)
    if lines["executed_percent"] is not None:
        figures.append(f"{lines['executed_percent']:.0f} % of the lines were executed")
    return f"{word} · " + " · ".join(figures)


def _failing(report: Mapping[str, Any], mode: str) -> str:
    phase = failed_phase(report)
    if phase in USES:
        return f"Cannot be used as promised**: its smoke run passes, but not that {USES[phase]}"
    return (
        f"Does not run**: the {mode} fails in phase {phase}" if phase else f"Does not run**: the {mode} fails"
    )


def _after(number: int) -> str:
    return f", after {counted(number, 'repair')}" if number else ""


def _requirements(report: Mapping[str, Any], base: str, most: int) -> str:
    requirements = report["requirements"]
    items = _sorted(requirements["items"])
    if not items:
        return ""
    counts = [f"{requirements[verdict]} {verdict}" for verdict in _VERDICTS if requirements[verdict]]
    parts = [f"## What the paper asks for\n\n{', '.join(counts)}."]
    if requirements["refused"]:
        dropped = counted(requirements["refused"], "more requirement")
        parts.append(f"Dropped, because the quotation is not in the paper: {dropped}.")
    shown = items[:most]
    open_ = [item for item in shown if item["verdict"] != "implemented"]
    if open_:
        parts.append(_table(open_, base))
    if len(shown) > len(open_):
        table = _table(shown[len(open_) :], base)
        parts.append(f"<details><summary>What is implemented</summary>\n\n{table}\n\n</details>")
    if len(items) > most:
        parts.append(f"… and {len(items) - most} more in `docs/execution-report.md`.")
    return "\n\n".join(parts)


def _table(items: Sequence[Mapping[str, Any]], base: str) -> str:
    rows = ["| | requirement | paper | code | lines that ran |", "|---|---|---|---|---|"]
    for item in items:
        where = ", ".join(_evidence(evidence, base) for evidence in item["evidence"][:3]) or "none"
        ran = sum(evidence["executed"] for evidence in item["evidence"])
        of = sum(evidence["executable"] for evidence in item["evidence"])
        text = f"**{prose(item['id'], 10)}** {prose(item['text'], 240)}"
        if item["note"]:
            text += f"<br>{prose(item['note'], 200)}"
        source = f"{prose(item['anchor'], 20)} “{prose(item['quote'], 160)}”"
        verdict = f"{_VERDICTS[item['verdict']]} {item['verdict']}"
        lines = f"{ran} of {of}" if of else ""
        rows.append(f"| {verdict} | {text} | {source} | {where} | {lines} |")
    return "\n".join(rows)


def _evidence(evidence: Mapping[str, Any], base: str) -> str:
    label = code(f"{evidence['file']}:{evidence['start']}", 80)
    if not base:
        return label
    return f"[{label}]({address(base, evidence['file'])}#L{evidence['start']}-L{evidence['end']})"


def _assumptions(report: Mapping[str, Any], most: int) -> str:
    questions = [item for item in report["assumptions"] if item["kind"] == "open question"]
    values = [item for item in report["assumptions"] if item["kind"] == "configuration"]
    if not report["assumptions"]:
        return ""
    rows = ["## Assumptions to review first", "", "The paper does not say these; they were chosen.", ""]
    for item in questions[:most]:
        why = f" ({prose(item['why'], 240)})" if item["why"] else ""
        rows.append(f"- **{prose(item['subject'], 160)}** {prose(item['assumption'], 240)}{why}")
    if values and most:
        count = counted(len(values), "value")
        rows += [
            "",
            f"<details><summary>{count} of <code>config.yaml</code> that the paper does not give</summary>",
        ]
        rows += ["", "| key | value | why |", "|---|---|---|"]
        for item in values[:most]:
            cells = code(item["subject"], 80), code(item["assumption"], 80), prose(item["why"], 160)
            rows.append(f"| {' | '.join(cells)} |")
        rows += ["", "</details>"]
    left = max(len(questions) - most, 0) + max(len(values) - most, 0)
    if left:
        rows += ["", f"… and {left} more in `docs/execution-report.md`."]
    return "\n".join(rows)


def _how_to_run(directory: str, contract: int) -> str:
    first = ".venv/bin/python main.py            # a first result, within minutes\n" if contract > 1 else ""
    if contract > 1:
        first += ".venv/bin/python main.py list       # what can be run one by one, and what it takes\n"
    return (
        "## How to run it\n\n```sh\n"
        f"cd {directory}\n"
        "python3 -m venv .venv && .venv/bin/pip install --requirement requirements.txt\n"
        f"{first}"
        ".venv/bin/python main.py --smoke    # every experiment on tiny data: whether it runs\n"
        "PATH=$PWD/.venv/bin:$PATH bash reproduce.sh    # the full experiment\n```\n\n"
        "A model wrote the code from the paper alone: read it before you run it outside of a sandbox."
    )


def _made_with(report: Mapping[str, Any]) -> str:
    model = f"with {code(report['model'], 100)} " if report["model"] else ""
    said = f"---\nMade {model}by paper2code. {_cost(report)}"
    if not report.get("models"):
        return said
    rows = [said, "", "| role | model | calls | tokens in | of them cached | out | cost |"]
    rows.append(f"{'|---' * 7}|")
    for role, share in report["models"].items():
        cells = [role, code(share["model"], 100)]
        if share["calls"]:
            cells += [f"{share[kind]:,}" for kind in ("calls", *_TOKENS)] + [money(share["usd"])]
        else:
            cells += ["none", *[""] * 4]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _cost(report: Mapping[str, Any]) -> str:
    usage = report["usage"]
    return (
        f"{spent(usage['usd'])}, {usage['calls']} model calls, {usage['input_tokens']:,} tokens in "
        f"({usage['cached_tokens']:,} of them cached), {usage['output_tokens']:,} out, "
        f"{duration(report['seconds']['total'])}."
    )


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


def _sorted(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What needs a person's eyes first."""
    return sorted(items, key=lambda item: (_ORDER[item["verdict"]], -item["weight"]))


def _paper_link(reference: str) -> str:
    return f"[arXiv:{reference}](https://arxiv.org/abs/{quote(reference)})"


def spent(usd: float | None) -> str:
    """A price in a sentence."""
    return money(usd, unknown="an unknown amount")


def _fitted(body: Callable[[int], str]) -> str:
    """The longest body(most rows of each table) that GitHub takes."""
    return next(text for most in (200, 100, 50, 20, 0) if len(text := body(most)) <= LIMIT)
