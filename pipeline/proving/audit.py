"""The review: every requirement judged against the code, and faults that none of them asks about, by somebody else.

The model says which line of which function implements a requirement or is at fault; the program finds that line or
takes the claim back. What the smoke run executed of it is added later, from the execution report.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from pydantic import Field

from pipeline.coding.checks.symbols import changed_names
from pipeline.coding.repository import Repository
from pipeline.errors import BudgetReached, Cancelled, ContextOverflow, PipelineError
from pipeline.model.asking import Context, ask, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.plan import Answer, Plan, Requirement
from pipeline.proving.evidence import Evidence, Finding, Judged, Place, locate
from pipeline.proving.held import CHECKED, held
from pipeline.proving.reviewer import difference
from pipeline.proving.scoring import Opinion, Remark, Score, contradictions, flaws, looked_at, placed
from pipeline.threads import Threads

UNPROVEN = "Not shown by the code: "
REPAIRED_FROM_WEIGHT = 2
"""Requirements of less weight are reported, not repaired."""
EACH, MOST_PARTS = 15, 3
"""Requirements in one answer, and answers side by side: a long list is answered sooner in parts."""
_MENDED = ("high", "medium")


class Judgement(Answer):
    """The model's verdict on one requirement."""

    id: str
    objection: str = Field(default="", description="Weight 3: the strongest argument against `implemented`")
    verdict: Judged
    evidence: tuple[Evidence, ...] = ()
    note: str = ""


class Judgements(Answer):
    """Verdicts on some requirements."""

    judgements: tuple[Judgement, ...]


class Restated(Remark):
    """A fault that is still there, or a new one."""

    number: int = Field(default=0, description="Of the listed fault that this still is; 0: a new one")


class SecondLook(Judgements):
    """The same after a change, and the faults that the code has now."""

    critiques: tuple[Restated, ...]
    score: Score


@dataclass(frozen=True)
class Review:
    """What the reviewer holds of a repository."""

    repository: Repository
    findings: tuple[Finding, ...]
    faults: tuple[Remark, ...] = ()
    """At places that exist."""
    scores: tuple[int, ...] = ()
    """1 to 5; none where nobody was asked, or a program saw that there is nothing to judge."""
    dropped: int = 0
    """Faults whose place does not exist."""
    checked: tuple[str, ...] = ()
    """What the opinions say that they held against the paper."""
    unjudged: str = ""
    """Why there is no opinion, where there should be one."""
    mended: tuple[Remark, ...] = ()
    """Faults that a second look no longer found."""

    @property
    def weighty(self) -> tuple[Remark, ...]:
        """Faults that a repair is asked to mend."""
        return tuple(fault for fault in self.faults if fault.severity in _MENDED)


@dataclass(frozen=True)
class Reviewer:
    """Reads a repository against its paper, and reads again what was changed. Raises what its client raises."""

    plan: Plan
    llm: LLM
    context: Context
    """As `reviewer.shown` makes it."""
    opinions: int
    """Independent ones on the whole; 0: requirements alone are judged."""

    def look(self, repository: Repository) -> Review:
        """One finding for each requirement, in order, and the opinions on the whole; all are asked for side by side.

        Requirements that only settings have to fulfil are judged by program, where it can. Claims whose evidence is
        not in the code go back once; after that they count as missing. What the budget no longer pays for is `unread`.
        """
        required = self.plan.overview.requirements
        settled, reasons = self._held(required, repository)
        asked = [requirement for requirement in required if requirement.id not in settled]
        parts = self._parts(asked)

        def judged(number: int) -> dict[str, Finding]:
            stage = "audit" if len(parts) == 1 else f"audit.{number + 1}of{len(parts)}"
            try:
                return self._judged(stage, parts[number], repository, _first)
            except BudgetReached as error:
                return {r.id: Finding(r, "unread", (), str(error)) for r in parts[number]}

        with Threads(MOST_PARTS + max(self.opinions, 1)) as beside:
            verdicts = [beside.submit(judged, number) for number in range(len(parts))]
            opinions = self._opinions(repository, beside)
            for part in verdicts:
                settled |= part.result()
            review = opinions()
        findings = tuple(_explained(settled[requirement.id], reasons) for requirement in required)
        return replace(review, findings=findings)

    def again(self, review: Review, repository: Repository, stage: str) -> Review:
        """`review` of what `repository` has become, asked for only where the change may make it another.

        Of requirements that the change merely touches only other verdicts are asked for. Faults that were to be mended,
        or no longer stand where they stood, go back to be found again.
        """
        change = _Change.of(review, repository)
        settled, reasons = self._held(change.checked, repository)
        asked = [*change.asked, *(r for r in change.checked if r.id not in settled)]
        judged = bool(review.scores)

        def task(asked: Sequence[Requirement], rejected: Mapping[str, str]) -> str:
            return render(
                "audit_again",
                diff=difference(review.repository, repository),
                ids=_ids(asked),
                touched="" if rejected else _ids(change.touched),
                judged=judged and not rejected,
                faults=numbered(change.lost),
                others=f"\n\n{numbered(change.kept)}" if change.kept else " none.",
                rejected=_listed(rejected),
            )

        faults, scores, dropped = change.kept, review.scores, review.dropped
        mended: tuple[Remark, ...] = ()
        if judged:
            answer = ask(self.llm, self.context, stage, task(asked, {}), SecondLook, _contradictions)
            stated = _stated(answer, change.lost, repository)
            faults, scores = (*stated, *faults), (answer.score,)
            dropped += len(answer.critiques) - len(stated)
            still = {fault.number for fault in answer.critiques}
            mended = tuple(fault for number, fault in enumerate(change.lost, 1) if number not in still)
            settled |= self._judged(stage, asked, repository, task, answer, change.touched)
        elif asked or change.touched:
            settled |= self._judged(stage, asked, repository, task, None, change.touched)
        changed = changed_names(review.repository.python_files(), repository.python_files())
        kept = {finding.requirement.id: _without_stale_note(finding, changed) for finding in review.findings}
        found = kept | settled
        findings = tuple(_explained(finding, reasons) for finding in found.values())
        told = review.checked, review.unjudged, mended
        return Review(repository, findings, faults, scores, dropped, *told)

    def _held(
        self, requirements: Sequence[Requirement], repository: Repository
    ) -> tuple[dict[str, Finding], dict[str, str]]:
        """What a program could judge, and why it could not judge what settings should fulfil; by id."""
        told = {requirement.id: held(requirement, self.plan, repository) for requirement in requirements}
        settled = {id_: said for id_, said in told.items() if isinstance(said, Finding)}
        return settled, {id_: said for id_, said in told.items() if isinstance(said, str)}

    def _parts(self, asked: Sequence[Requirement]) -> list[Sequence[Requirement]]:
        """As many of one size as it takes; recordings of contract 1 hold the whole in one answer."""
        number = min(math.ceil(len(asked) / EACH), MOST_PARTS if self.plan.contract > 1 else 1)
        size = math.ceil(len(asked) / number) if number else 1
        return [asked[start : start + size] for start in range(0, len(asked), size)]

    def _opinions(self, repository: Repository, beside: Threads) -> Callable[[], Review]:
        """What is thought of the whole, begun now. What is delivered stands without it: that it failed is said."""
        broken = tuple(flaws(repository))

        def opinion(number: int) -> Opinion:
            listed = bool(self.plan.overview.requirements)
            task = render("judge", code="The code stands above.", reference="", listed=listed)
            return ask(self.llm, self.context, f"judge.{number}", task, Opinion, contradictions)

        begun = [] if broken else [beside.submit(opinion, n) for n in range(1, self.opinions + 1)]

        def ended() -> Review:
            try:
                given = [each.result() for each in begun]
            except (Cancelled, ContextOverflow):
                raise
            except PipelineError as error:
                return Review(repository, (), unjudged=str(error))
            faults = [fault for each in given for fault in each.critiques]
            stated = tuple(fault for fault in faults if placed(fault, repository))
            scores = tuple(each.score for each in given)
            return Review(repository, (), stated, scores, len(faults) - len(stated), looked_at(given))

        return ended

    def _judged(
        self,
        stage: str,
        asked: Sequence[Requirement],
        repository: Repository,
        task: Callable[[Sequence[Requirement], Mapping[str, str]], str],
        first: Judgements | None = None,
        touched: Sequence[Requirement] = (),
    ) -> dict[str, Finding]:
        """By id. `first` is the answer, where there is one; what was merely `touched` may have none."""
        answer = first or ask(self.llm, self.context, stage, task(asked, {}), Judgements)
        given = {judgement.id: judgement for judgement in answer.judgements}
        wanted = [*asked, *(requirement for requirement in touched if requirement.id in given)]
        settled = {r.id: _looked_up(r, given.get(r.id), repository) for r in wanted}
        rejected = {id_: f.note for id_, f in settled.items() if f.note.startswith(UNPROVEN)}
        if rejected:
            again = [requirement for requirement in wanted if requirement.id in rejected]
            answer = ask(self.llm, self.context, f"{stage}#2", task(again, rejected), Judgements)
            given = {judgement.id: judgement for judgement in answer.judgements}
            settled |= {r.id: _looked_up(r, given.get(r.id), repository) for r in again}
        return settled


@dataclass(frozen=True)
class _Change:
    """What a change may make of a review."""

    asked: list[Requirement]
    """To be judged anew: not met, or their evidence is gone."""
    touched: list[Requirement]
    """Met by code that is another now."""
    checked: list[Requirement]
    """Judged by a program."""
    lost: tuple[Remark, ...]
    """Faults that were to be mended, or are not where they were."""
    kept: tuple[Remark, ...]

    @classmethod
    def of(cls, review: Review, repository: Repository) -> "_Change":
        asked, touched, checked = [], [], []
        for finding in review.findings:
            was, now = finding.places(review.repository), finding.places(repository)
            if finding.note.startswith(CHECKED):
                checked.append(finding.requirement)
            elif finding in gaps(review.findings) or (was and not now):
                asked.append(finding.requirement)
            elif _texts(was, review.repository) != _texts(now, repository):
                touched.append(finding.requirement)
        lost = [fault for fault in review.faults if fault in review.weighty or not placed(fault, repository)]
        kept = tuple(fault for fault in review.faults if fault not in lost)
        return cls(asked, touched, checked, tuple(lost), kept)


def gaps(findings: Sequence[Finding]) -> list[Finding]:
    """What a repair is asked to close, the heaviest first."""
    open_ = [
        f
        for f in findings
        if f.verdict not in ("implemented", "unread") and f.requirement.weight >= REPAIRED_FROM_WEIGHT
    ]
    return sorted(open_, key=lambda finding: -finding.requirement.weight)


def numbered(faults: Sequence[Remark]) -> str:
    """Faults as a model is told of them, from 1."""
    return "\n".join(
        f"{number}. {fault.severity}, {fault.file}{f', {fault.symbol}' if fault.symbol else ''}, "
        f"`{fault.line.strip()}`: {fault.text}"
        for number, fault in enumerate(faults, 1)
    )


def _first(asked: Sequence[Requirement], rejected: Mapping[str, str]) -> str:
    return render("audit", ids=_ids(asked), rejected=_listed(rejected))


def _ids(requirements: Sequence[Requirement]) -> str:
    return ", ".join(requirement.id for requirement in requirements)


def _listed(rejected: Mapping[str, str]) -> str:
    return bullets([f"{id_}: {why}" for id_, why in rejected.items()])


def _texts(places: Sequence[Place], repository: Repository) -> list[list[str]]:
    return [repository.files[p.file].split("\n")[p.start - 1 : p.end] for p in places]


def _stated(answer: SecondLook, listed: Sequence[Remark], repository: Repository) -> list[Remark]:
    """Faults at places that exist: where it is said to be now, else where it was."""
    earlier = dict(enumerate(listed, 1))
    pairs = [(fault, earlier.get(fault.number, fault)) for fault in answer.critiques]
    return [
        place for pair in pairs for place in [next((p for p in pair if placed(p, repository)), None)] if place
    ]


def _contradictions(answer: SecondLook) -> Sequence[str]:
    """Few of the faults that speak against a low score need to be among those that were asked for."""
    return contradictions(Opinion(critiques=answer.critiques, score=answer.score)) if answer.critiques else ()


def _without_stale_note(finding: Finding, changed: Set[str]) -> Finding:
    """Without words on what has changed since: nobody has looked whether they still hold."""
    return replace(finding, note="") if changed & set(re.findall(r"\w+", finding.note)) else finding


def _explained(finding: Finding, reasons: Mapping[str, str]) -> Finding:
    """With the reason for which a program could not judge what it should have."""
    why = reasons.get(finding.requirement.id)
    return replace(finding, note=f"{why} {finding.note}".strip()) if why else finding


def _looked_up(requirement: Requirement, judgement: Judgement | None, repository: Repository) -> Finding:
    if judgement is None:
        return Finding(requirement, "missing", (), f"{UNPROVEN}the audit did not answer.")
    if judgement.verdict == "missing":
        return Finding(requirement, "missing", (), judgement.note)
    found, problems = [], []
    for evidence in judgement.evidence:
        place = locate(evidence, repository)
        if isinstance(place, Place):
            found.append(evidence)
        else:
            problems.append(place)
    if not found:
        return Finding(
            requirement, "missing", (), UNPROVEN + ("; ".join(problems) or "no evidence was named.")
        )
    return Finding(requirement, judgement.verdict, tuple(found), judgement.note)
