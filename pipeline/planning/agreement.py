"""What people have decided on a plan before any code is written, and the plan that follows from it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.planning.plan import (
    AnsweredQuestion,
    Experiment,
    Logic,
    OpenQuestion,
    Plan,
    ScopeItem,
    Source,
)
from pipeline.planning.scope import ASKED


@dataclass(frozen=True)
class Answered:
    """What somebody has said to an open question."""

    question: str
    """The plan's words; empty: it was said to none of them."""
    answer: str
    by: str
    link: str
    """Where it was said."""


@dataclass(frozen=True)
class Agreement:
    """Decisions on a plan."""

    left_out: tuple[str, ...] = ()
    """Names of experiments."""
    answers: tuple[Answered, ...] = ()


UNDECIDED = Agreement()


def agreed(plan: Plan, agreement: Agreement) -> Plan:
    """`plan` without what is left out, where an answer stands in place of what would have been assumed."""
    kept = tuple(each for each in plan.logic.experiments if each.name not in agreement.left_out)
    scope = _scope(plan, kept)
    demanded = _demanded(plan, scope)
    overview = plan.overview.model_copy(
        update={
            "requirements": tuple(each for each in plan.overview.requirements if each.id in demanded),
            "unclear": tuple(_settled(item, agreement) for item in plan.overview.unclear),
        }
    )
    return plan.model_copy(
        update={"overview": overview, "logic": _logic(plan.logic, kept, demanded), "scope": scope}
    )


def in_words(agreement: Agreement) -> str:
    """The decisions, for the model; empty: there are none."""
    lines = [f"Left out, everything that serves it alone as well: experiment {n}" for n in agreement.left_out]
    for each in agreement.answers:
        lines.append(f"{each.question} {each.by} says: {each.answer}".strip())
    return "\n".join(lines)


def _scope(plan: Plan, kept: Collection[Experiment]) -> tuple[ScopeItem, ...] | None:
    """What only experiments show that are left out is left out too."""
    if plan.scope is None:
        return None
    still = {anchor for each in kept for anchor in each.shows}
    gone = {anchor for each in plan.logic.experiments for anchor in each.shows} - still
    left = {"requirements": (), "why": ASKED}
    return tuple(item.model_copy(update=left) if item.anchor in gone else item for item in plan.scope)


def _demanded(plan: Plan, scope: tuple[ScopeItem, ...] | None) -> set[str]:
    """Ids of the requirements that something still needs."""
    before, after = (
        {name for item in items or () for name in item.requirements} for items in (plan.scope, scope)
    )
    return {each.id for each in plan.overview.requirements} - (before - after)


def _logic(logic: Logic, kept: tuple[Experiment, ...], demanded: Collection[str]) -> Logic:
    if len(kept) == len(logic.experiments):
        return logic
    needed = {name for each in kept for name in each.needs}
    measured = {name for each in kept for name in each.metrics}
    files = tuple(
        file.model_copy(update={"requirements": tuple(r for r in file.requirements if r in demanded)})
        for file in logic.files
    )
    return logic.model_copy(
        update={
            "files": files,
            "experiments": kept,
            "data": tuple(each for each in logic.data if each.name in needed),
            "metrics": tuple(each for each in logic.metrics if each.name in measured),
            "held": tuple(each for each in logic.held if each.requirement in demanded),
        }
    )


def _settled(item: OpenQuestion, agreement: Agreement) -> OpenQuestion:
    said = [each for each in agreement.answers if each.question == item.question]
    if not said:
        return item
    return AnsweredQuestion(
        question=item.question,
        assumption=" ".join(each.answer for each in said),
        why=f"answered by {', '.join(dict.fromkeys(each.by for each in said))}",
        sources=tuple(Source(by=each.by, link=each.link) for each in said),
    )
