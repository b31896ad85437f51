"""The words of the judge's review of a delivered repository, whole and at lines of the pull request. Pure."""

from collections import Counter
from collections.abc import Sequence

from bot.github.pulls import Comment
from pipeline.markdown import code, prose
from pipeline.proving.scoring import SEVERITIES, Critique, Judgement

MOST_COMMENTS = 10
_MOST_LISTED = 40
_SCALE = (
    "5: everything that the paper describes is there and right. 1: it does not implement the paper's method."
)


def comments(judgement: Judgement, directory: str) -> list[Comment]:
    """At lines of the pull request: the most severe critiques."""
    return [
        Comment(
            f"{directory}/{critique.path}",
            critique.start,
            critique.end,
            f"{_head(critique)}: {_text(critique)}",
        )
        for critique in _at_lines(judgement)
    ]


def body(judgement: Judgement, at_lines: bool = True, hosted: bool = True) -> str:
    """The review itself; `at_lines`: its `comments` stand at their lines, else they are listed here.

    `hosted`: people can rate it, which needs the App.
    """
    shown = _at_lines(judgement) if at_lines else []
    rest = [critique for critique in judgement.critiques if critique not in shown]
    parts = [f"### The judge gives {score(judgement)} of 5", _SCALE, _how(judgement)]
    parts += [f"Looked for: {prose(each, 400)}" for each in judgement.checked]
    if judgement.critiques:
        counts = Counter(critique.severity for critique in judgement.critiques)
        listed = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
        where = " The most severe stand at their lines." if shown else ""
        parts.append(f"Its critiques, by severity: {listed}.{where}")
    elif judgement.samples:
        parts.append("It criticises nothing.")
    if rest:
        table = _table(rest)
        parts.append(f"<details><summary>The others</summary>\n\n{table}\n\n</details>" if shown else table)
    if judgement.dropped:
        parts.append(f"Dropped, because the code that they name is not there: {judgement.dropped}.")
    if hosted:
        parts.append("`/paper2code rate 1-5`, with a word why, puts your own score beside it.")
    return "\n\n".join(parts)


def said(judgement: Judgement, url: str) -> str:
    """For the progress comment."""
    return f"The judge gives it {score(judgement)} of 5: [its review]({url})."


def unsaid(why: str) -> str:
    """For the progress comment, where there is no judgement."""
    return f"It was not judged: {prose(why)}"


def unposted(why: str) -> str:
    """For the progress comment, where the review could not be posted."""
    return f"The judge's review could not be posted: {prose(why)}. What it says stands in the README."


def score(judgement: Judgement) -> str:
    """With one decimal where it has one."""
    return f"{round(judgement.score, 1):g}"


def _at_lines(judgement: Judgement) -> Sequence[Critique]:
    return [critique for critique in judgement.critiques if critique.path][:MOST_COMMENTS]


def _how(judgement: Judgement) -> str:
    if not judgement.samples:
        return "A program found that there is nothing to judge, so no model was asked."
    times = "once" if judgement.samples == 1 else f"{judgement.samples} times"
    each = f" (it gave {', '.join(map(str, judgement.scores))})" if judgement.samples > 1 else ""
    usage = judgement.usage
    tokens = f", with {usage.input_tokens:,} tokens in and {usage.output_tokens:,} out" if usage.calls else ""
    cost = "" if judgement.usd is None else f", for ${judgement.usd:.2f}"
    return (
        f"{code(judgement.model, 100)} compared the code with the paper {times}{each}{tokens}{cost}, and ran "
        "nothing. It is a model and may be wrong; what was run and looked up by a program stands in the description."
    )


def _table(critiques: Sequence[Critique]) -> str:
    rows = ["| severity | where | what |", "|---|---|---|"]
    for critique in critiques[:_MOST_LISTED]:
        where = code(f"{critique.path}:{critique.start}", 80) if critique.path else "the whole repository"
        rows.append(f"| {critique.severity} | {where} | {_text(critique, 400)} |")
    if len(critiques) > _MOST_LISTED:
        rows += ["", f"… and {len(critiques) - _MOST_LISTED} more."]
    return "\n".join(rows)


def _head(critique: Critique) -> str:
    concerned = f" ({prose(critique.requirement, 10)})" if critique.requirement else ""
    return f"**{critique.severity.capitalize()}**{concerned}"


def _text(critique: Critique, limit: int = 1500) -> str:
    return prose(critique.text, limit)
