"""A plan as people are asked about it, and what is read from the comment once they have edited it. Pure."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from bot.intake.jobs import Job, Offer
from bot.words.amounts import counted, duration
from bot.words.reported import LIMIT, fitted, paper_link, spent
from pipeline.markdown import code, link, prose
from pipeline.planning.agreement import Answered
from pipeline.planning.plan import Experiment, Plan
from pipeline.proving.scope import counted as scope_of
from pipeline.proving.scope import in_words

_BOX = re.compile(r"- \[([ xX])\] ")
_QUESTION = re.compile(r"Q(\d{1,3})\b")
_COMMANDS = """\
| say | and |
|---|---|
| `/paper2code approve` | the code is written, run and delivered, from this plan and what it has cost already |
| `/paper2code change TEXT` | it is planned again, with that changed |
| `Q1: TEXT`, in a comment | your answer holds instead of my assumption, and the pull request names you as its source |
| `/paper2code cancel` | it is over |

Nothing is written and nothing spent until then, for weeks if need be; closing the issue ends it."""


def offer(job: Job, title: str, plan: Plan, expected: str, usd: float | None) -> str:
    """The comment; experiments that were left out of an earlier version are unticked."""

    def body(most: int) -> str:
        version = f", version {job.version}" if job.version > 1 else ""
        wanted = [f"You asked for: “{prose(job.wanted, 2000)}”"] if job.wanted else []
        parts = [
            f"### The plan for “{prose(title, 200)}” ({paper_link(job.paper)}){version}",
            *wanted,
            prose(plan.overview.summary, 800),
            _scope(plan, most),
            _experiments(job, plan, most),
            _questions(plan, most),
            _cost(job, expected, usd),
            f"#### What to do\n\n{_commands(job)}",
        ]
        return "\n\n".join(part for part in parts if part)

    return fitted(body)


def approved(text: str, by: str, answers: Sequence[Answered] = ()) -> str:
    """The comment once somebody has agreed, with what people have answered instead of the assumptions."""
    said = f"> **Approved** by {code(by)}: it goes on below."
    for each in answers:
        given = f"{prose(each.question, 240)} **{prose(each.answer, 240)}**".strip()
        row = f"\n> - {given} ({link(each.by, each.link)})"
        if len(said) + len(row) + len(text) > LIMIT:
            break
        said += row
    return f"{said}\n\n{text}"


def replaced(text: str, version: int) -> str:
    """The comment once there is to be another version."""
    return f"> **Replaced** by version {version}.\n\n{text}"


def over(text: str, why: str) -> str:
    """The comment once nobody can approve it any more."""
    return f"> **Over**: {why}\n\n{text}"


def is_over(body: str) -> bool:
    """Whether the comment says that nobody can approve it any more."""
    return body.startswith(("> **Approved** ", "> **Replaced** ", "> **Over**: "))


def with_boxes(text: str, left_out: Sequence[str], experiments: Sequence[str]) -> str:
    """The comment with the boxes of these experiments unticked and the others ticked."""
    names = iter(experiments)

    def line(written: str) -> str:
        if not _BOX.match(written):
            return written
        box = "- [ ] " if next(names, "") in left_out else "- [x] "
        return _BOX.sub(box, written, count=1)

    return "\n".join(line(written) for written in text.split("\n"))


def left_out(offered: Offer, body: str) -> tuple[str, ...] | None:
    """Experiments whose boxes are unticked in `body`; None: more than boxes differs from what was offered."""
    wanted, there = (text.replace("\r\n", "\n").rstrip().split("\n") for text in (offered.text, body))
    states = []
    for ours, now in zip_longest(wanted, there):
        if ours is None or now is None or _BOX.sub("", ours, count=1) != _BOX.sub("", now, count=1):
            return None
        mine, theirs = _BOX.match(ours), _BOX.match(now)
        if bool(mine) != bool(theirs):
            return None
        if theirs:
            states.append(theirs[1] != " ")
    boxed = zip(offered.experiments, states, strict=False)
    return tuple(name for name, ticked in boxed if not ticked)


def answers(questions: Sequence[str], said: str) -> dict[str, str]:
    """Question → answer, of a remark that names questions: `Q2: …`, or a quotation that begins so and words below.

    What names none is the answer to the only question, where there is one; else it is kept under an empty one.
    """
    found: dict[str, list[str]] = {}
    subject = questions[0] if len(questions) == 1 else ""
    for line in said.replace("\r\n", "\n").split("\n"):
        bare = line.lstrip(" \t>-*")
        named = _QUESTION.match(bare)
        if named and 0 < int(named[1]) <= len(questions):
            subject = questions[int(named[1]) - 1]
            bare = bare[named.end() :].lstrip(" \t*.:)-\u2013\u2014")
        if bare.strip() and not line.lstrip().startswith(">"):
            found.setdefault(subject, []).append(bare.strip())
    return {question: " ".join(lines) for question, lines in found.items()}


def _commands(job: Job) -> str:
    lines = _COMMANDS.split("\n")
    return "\n".join(line for line in lines if job.place.hosted or "/paper2code cancel" not in line)


def _cost(job: Job, expected: str, usd: float | None) -> str:
    cap = f"${job.configuration.max_usd:.2f}"
    return f"#### What it costs\n\n{spent(usd)} of at most {cap} spent on this plan. {prose(expected)}"


def _scope(plan: Plan, most: int) -> str:
    if plan.scope is None:
        return ""
    return f"**Of the paper:** {prose(in_words(scope_of(plan.scope, {})), 200 + 40 * most)}."


def _experiments(job: Job, plan: Plan, most: int) -> str:
    experiments = plan.logic.experiments
    if not experiments:
        return ""
    rows = [
        "#### Experiments",
        "",
        "Untick what is not wanted; everything else in this comment stays as it is.",
        "",
    ]
    for each in experiments:
        box = " " if each.name in job.agreement.left_out else "x"
        rows.append(f"- [{box}] {_experiment(each, plan) if most else code(each.name, 60)}")
    return "\n".join(rows)


def _experiment(each: Experiment, plan: Plan) -> str:
    sizes = {data.name: data.size for data in plan.logic.data}
    shown = f" ({prose(', '.join(each.shows), 80)})" if each.shows else ""
    compared = [name for name in each.methods if name != "default"]
    needs = [f"{code(name, 60)} ({prose(sizes.get(name, 'unknown size'), 40)})" for name in each.needs]
    parts = [
        counted(len(compared), "method") if compared else "",
        f"needs {', '.join(needs)}" if needs else "needs no data",
        "a graphics card" if each.gpu else "",
        f"in full about {duration(60 * each.minutes)}",
    ]
    return f"**{code(each.name, 60)}**{shown}: {', '.join(part for part in parts if part)}"


def _questions(plan: Plan, most: int) -> str:
    unclear = plan.overview.unclear
    if not unclear:
        return ""
    rows = ["#### Open questions", "", "The paper does not say; unless you do, I assume:", ""]
    for number, item in enumerate(unclear[: max(most, 5)], 1):
        why = f" ({prose(item.why, 200)})" if item.why else ""
        rows.append(
            f"- **Q{number}** {prose(item.question, 240)} **Assumed:** {prose(item.assumption, 240)}{why}"
        )
    if (more := len(unclear) - max(most, 5)) > 0:
        rows.append(f"- … and {more} more, which the pull request will list.")
    return "\n".join(rows)
