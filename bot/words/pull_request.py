"""The pull request: its title, its body, and where its files go. Pure.

Whatever comes from a paper, a model, a program or a stranger passes through pipeline.markdown; what is
written here stays below GitHub's 65,536 characters in every case.
"""

import re
from collections.abc import Mapping
from typing import Any

from bot.intake.configuration import SAFE_SLUG, filled_in
from bot.words.amounts import counted, money
from bot.words.conformed import conformed
from bot.words.figures import figures
from bot.words.numbers import numbers
from bot.words.reported import cost, demanded, fitted, paper_link, scope, unpaid, verdict, worst_first
from bot.words.runs import executed
from pipeline.markdown import because, code, line, prose
from pipeline.reproduce import Reproduction

_LOOK_FIRST = 3
_TOKENS = ("input_tokens", "cached_tokens", "output_tokens")


def title(reproduction: Reproduction) -> str:
    """Of the pull request."""
    return f"Implement “{line(reproduction.paper.title, 150)}”"


def body(
    reproduction: Reproduction, directory: str, blob: str, issue: int | None, files: str | None = None
) -> str:
    """The body of the pull request.

    `blob` is the address below which the commit's files can be seen, `https://…/blob/<sha>`; empty for links
    relative to the repository's root. `files` is where those of `directory` lie, if not there.
    """
    if files is None:
        files = f"{blob}/{directory}" if blob else directory

    def filled(most: int) -> str:
        report = reproduction.report
        parts = [
            verdict(report),
            scope(report),
            unpaid(report),
            _heading(reproduction, directory, blob.rpartition("/blob/")[2], issue),
            _look_first(report),
            figures(report, files, most),
            numbers(report, most),
            _assumptions(report, most),
            demanded(report, files, most),
            conformed(report, most),
            executed(report, most),
            _how_to_run(directory, report.get("contract", 1)),
            _made_with(report),
        ]
        return "\n\n".join(part for part in parts if part)

    return fitted(filled)


def directory(template: str, reproduction: Reproduction, paper: str) -> str:
    """Where the files go: the configuration's `directory` with its fields filled in."""
    slug = re.sub(r"[^a-z0-9-]+", "-", reproduction.slug.lower())[:60].strip("-") or SAFE_SLUG
    try:
        return filled_in(template, paper, slug)
    except ValueError:
        return filled_in(template, paper, SAFE_SLUG)


def _look_first(report: Mapping[str, Any]) -> str:
    """What a reader should not miss, the worst first; empty: nothing stands out."""
    doubtful = [
        item for item in worst_first(report["requirements"]["items"]) if item["verdict"] != "implemented"
    ]
    severe = [each for each in (report.get("judge") or {}).get("critiques", ()) if each["severity"] == "high"]
    rows = [f"{item['verdict']}: {prose(item['text'], 160)}" for item in doubtful[:_LOOK_FIRST]]
    rows += [f"the judge: {prose(each['text'], 160)}" for each in severe[: _LOOK_FIRST - len(rows)]]
    if questions := sum(item["kind"] == "open question" for item in report["assumptions"]):
        rows.append(f"{counted(questions, 'open question')} of the paper, answered by an assumption below")
    return "\n".join(["**Look first at:**", "", *(f"- {row}" for row in rows)]) if rows else ""


def _heading(reproduction: Reproduction, directory: str, sha: str, issue: int | None) -> str:
    paper = reproduction.paper
    authors = ", ".join(paper.authors[:3]) + (" and others" if len(paper.authors) > 3 else "")
    link = (
        paper_link(paper.arxiv_id + (f"v{paper.version}" if paper.version else "")) if paper.arxiv_id else ""
    )
    source = " · ".join(filter(None, [prose(authors, 200), link]))
    refs = f"\n\nRefs #{issue}" if issue else ""
    text = f"An implementation of **{prose(paper.title)}**" + (f" ({source})" if source else "")
    return f"{text}, in {code(directory)}{f' as of {sha}' if sha else ''}.{refs}"


def _assumptions(report: Mapping[str, Any], most: int) -> str:
    questions = [item for item in report["assumptions"] if item["kind"] == "open question"]
    values = [item for item in report["assumptions"] if item["kind"] == "configuration"]
    if not report["assumptions"]:
        return ""
    rows = ["## Assumptions to review first", "", "The paper does not say these; they were chosen.", ""]
    for item in questions[:most]:
        why = f" ({because(item, 240)})" if item["why"] else ""
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
        first += ".venv/bin/python main.py run NAME   # one of these\n"
    return (
        "## How to run it\n\n```sh\n"
        f"cd {directory}\n"
        "python3 -m venv .venv && .venv/bin/pip install --requirement requirements.txt\n"
        f"{first}"
        ".venv/bin/python main.py --smoke    # every experiment on tiny data: whether it runs\n"
        "PATH=$PWD/.venv/bin:$PATH bash reproduce.sh    # the full experiment\n```\n\n"
        "A model wrote the code from the paper: read it before you run it outside of a sandbox."
    )


def _made_with(report: Mapping[str, Any]) -> str:
    model = f"with {code(report['model'], 100)} " if report["model"] else ""
    said = f"---\nMade {model}by paper2code. {cost(report)}"
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
