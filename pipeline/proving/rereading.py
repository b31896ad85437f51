"""A delivered repository's review, taken up again where somebody has had it changed: the change alone is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.coding.repository import Repository
from pipeline.contract import contract_of
from pipeline.errors import Cancelled, PipelineError
from pipeline.model.asking import Context, render
from pipeline.model.llm import LLM
from pipeline.model.window import within_window
from pipeline.planning.plan import Plan, Requirement
from pipeline.planning.planning import unplanned
from pipeline.proving.audit import Review, Reviewer
from pipeline.proving.evidence import Evidence, Finding
from pipeline.proving.mending import judgement_of
from pipeline.proving.reviewer import shown
from pipeline.proving.scope import items_of
from pipeline.proving.scoring import Judgement, Remark
from pipeline.reading.paper import Paper


@dataclass(frozen=True)
class Reread:
    """What came of it."""

    review: Review | None
    judgement: Judgement | None = None
    why_not: str = ""
    """Why the verdicts stay those of the code before the change; empty: they do not, or there are none."""


NOT_REREAD = Reread(None)


def reread(
    report: Mapping[str, Any], paper: Paper, llm: LLM, before: Repository, after: Repository, opinions: int
) -> Reread:
    """What whoever reviewed `before`, as `report` says, holds of `after`. Raises Cancelled.

    What is paid for is one answer, two where its evidence is not in the code; where nobody can be asked, the change
    stands without it.
    """
    plan = plan_of(report, paper, before)
    if not plan.overview.requirements:
        return Reread(None)
    review = _review(report, plan, before, opinions)

    def look(context: Context) -> Review:
        seen = shown(context, plan, before, None)
        return Reviewer(plan, llm, seen, opinions).again(review, after, "audit.revised")

    try:
        rules = render("reviewer", contract=plan.contract)
        again = within_window(paper, lambda name, text: text, look, rules=rules)
        return Reread(again, judgement_of(again, llm) if again.scores else None)
    except Cancelled:
        raise
    except PipelineError as error:
        return Reread(None, why_not=str(error))


def plan_of(report: Mapping[str, Any], paper: Paper, before: Repository) -> Plan:
    """As much of it as the report says."""
    items = report["requirements"]["items"]
    required = tuple(Requirement(**{name: item[name] for name in Requirement.model_fields}) for item in items)
    plan = unplanned(paper, contract_of(before.files))
    overview = plan.overview.model_copy(update={"requirements": required})
    anchors = {item["id"]: item["anchor"] for item in items}
    return plan.model_copy(
        update={"overview": overview, "anchors": anchors, "scope": items_of(report.get("scope") or {})}
    )


def _review(report: Mapping[str, Any], plan: Plan, before: Repository, opinions: int) -> Review:
    told = zip(plan.overview.requirements, report["requirements"]["items"], strict=True)
    findings = tuple(
        Finding(r, item["verdict"], tuple(_evidence(place, before) for place in item["evidence"]), "")
        for r, item in told
    )
    judge = report.get("judge") or {"critiques": (), "scores": (), "dropped": 0}
    faults = tuple(
        Remark(
            **_evidence({**each, "file": each["path"], "symbol": ""}, before).model_dump(),
            severity=each["severity"],
            text=each["text"],
            requirement=each["requirement"],
        )
        for each in judge["critiques"]
        if each["path"]
    )
    scores = tuple(judge["scores"]) if opinions else ()
    return Review(
        before, findings, faults if scores else (), scores, judge["dropped"], tuple(judge.get("checked", ()))
    )


def _evidence(place: Mapping[str, Any], repository: Repository) -> Evidence:
    line = repository.files.get(place["file"], "").split("\n")[place["start"] - 1 : place["start"]]
    return Evidence(file=place["file"], symbol=place["symbol"], line="".join(line).strip())
