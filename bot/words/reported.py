"""What a report says, in the words that pull request, comments and check runs share. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.words.amounts import counted, duration, money
from bot.words.conformed import passing
from bot.words.figures import address
from pipeline.markdown import code, prose
from pipeline.proving.documents import USES, failed_phase, repairs, stopped, unpaid_sentence
from pipeline.proving.grades import in_grades
from pipeline.proving.scope import in_words

LIMIT = 65_000
_VERDICTS = {"implemented": "✅", "partial": "🟡", "deviates": "🟠", "missing": "❌", "unread": "⚪"}
_ORDER = {"missing": 0, "deviates": 1, "partial": 2, "unread": 3, "implemented": 4}


def fitted(body: Callable[[int], str]) -> str:
    """The longest body(most rows of each table) that GitHub takes."""
    return next(text for most in (200, 100, 50, 20, 0) if len(text := body(most)) <= LIMIT)


def spent(usd: float | None) -> str:
    """A price in a sentence."""
    return money(usd, unknown="an unknown amount")


def paper_link(reference: str) -> str:
    """To its page at arXiv."""
    return f"[arXiv:{reference}](https://arxiv.org/abs/{quote(reference)})"


def scope(report: Mapping[str, Any]) -> str:
    """What of the paper is there, in the paper's terms; empty where nobody was asked what becomes of it."""
    said = in_words(report.get("scope"))
    return f"**Of the paper:** {prose(said, 4000)}." if said else ""


def unpaid(report: Mapping[str, Any]) -> str:
    """What the budget would not pay for, in a paragraph; empty: nothing was left out for it."""
    said = unpaid_sentence(report)
    return f"**Left out for the budget:** {prose(said, 2000)}." if said else ""


def verdict(report: Mapping[str, Any]) -> str:
    """Whether it runs, and how much of the paper is there, in a line."""
    lines, requirements, after = report["lines"], report["requirements"], _after(repairs(report))
    mode = f"{report['mode']} run"
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
    phase, seconds = failed_phase(report), stopped(report)
    if phase in USES:
        how = "it was not seen" if seconds else "not"
        return f"Cannot be used as promised**: its smoke run passes, but {how} that {USES[phase]}"
    if seconds:
        return f"Was not seen to end**: the {mode} was stopped in phase {phase} after {seconds:.0f} s"
    return (
        f"Does not run**: the {mode} fails in phase {phase}" if phase else f"Does not run**: the {mode} fails"
    )


def _after(number: int) -> str:
    return f", after {counted(number, 'repair')}" if number else ""


def cost(report: Mapping[str, Any]) -> str:
    """What it took, in a sentence."""
    usage = report["usage"]
    return (
        f"{spent(usage['usd'])}, {usage['calls']} model calls, {usage['input_tokens']:,} tokens in "
        f"({usage['cached_tokens']:,} of them cached), {usage['output_tokens']:,} out, "
        f"{duration(report['seconds']['total'])}."
    )


def worst_first(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What needs a person's eyes first."""
    return sorted(items, key=lambda item: (_ORDER[item["verdict"]], -item["weight"]))


def demanded(report: Mapping[str, Any], base: str, most: int) -> str:
    """What the paper asks for, beside the code; links lie below `base`, none where it is empty."""
    requirements = report["requirements"]
    items = worst_first(requirements["items"])
    if not items:
        return ""
    counts = [f"{requirements[word]} {word}" for word in _VERDICTS if requirements.get(word)]
    said = f" Evidence, none of it rounded up: {grades}." if (grades := in_grades(requirements)) else ""
    parts = [f"## What the paper asks for\n\n{', '.join(counts)}.{said}"]
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
    rows = ["| | requirement | paper's words | code | lines that ran | test |", "|---|---|---|---|---|---|"]
    for item in items:
        where = ", ".join(_evidence(evidence, base) for evidence in item["evidence"][:3]) or "none"
        ran = sum(evidence["executed"] for evidence in item["evidence"])
        of = sum(evidence["executable"] for evidence in item["evidence"])
        text = f"**{prose(item['id'], 10)}** {prose(item['text'], 240)}"
        if shown := ", ".join(each["grade"] for each in item.get("grades", ())):
            text += f"<br>_{shown}_"
        if item["note"]:
            text += f"<br>{prose(item['note'], 200)}"
        source = f"{prose(item['anchor'], 20)} “{prose(item['quote'], 160)}”"
        word = f"{_VERDICTS[item['verdict']]} {item['verdict']}"
        lines = f"{ran} of {of}" if of else ""
        tests = ", ".join(code(test.rpartition("::")[2], 80) for test in item.get("tested_by", ())[:2])
        rows.append(f"| {word} | {text} | {source} | {where} | {lines} | {tests} |")
    return "\n".join(rows)


def _evidence(evidence: Mapping[str, Any], base: str) -> str:
    label = code(f"{evidence['file']}:{evidence['start']}", 80)
    if not base:
        return label
    return f"[{label}]({address(base, evidence['file'])}#L{evidence['start']}-L{evidence['end']})"
