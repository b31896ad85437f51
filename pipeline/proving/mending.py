"""From a repository that runs to one that is reviewed: what the review finds is mended where a smoke run proves it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.coding.coding import Written
from pipeline.coding.edits import EditError, apply, parse
from pipeline.coding.repository import Repository
from pipeline.contract import DEVELOPMENT, TESTS
from pipeline.errors import BudgetReached
from pipeline.model.asking import Context, ask_text, block, bullets, render
from pipeline.model.division import LEFT_OUT
from pipeline.model.llm import LLM
from pipeline.model.window import within_window
from pipeline.planning.plan import Plan
from pipeline.proving.audit import Review, Reviewer, gaps, numbered
from pipeline.proving.evidence import Finding
from pipeline.proving.held import held
from pipeline.proving.reviewer import shown
from pipeline.proving.scoring import LOWEST, Critique, Judgement, flaws, placed, severest_first
from pipeline.reading.paper import Paper
from pipeline.running.fixing import Fixer
from pipeline.running.remedies import Change
from pipeline.threads import Threads


@dataclass(frozen=True)
class Audited:
    """What the review holds of the repository as it stands after the repair rounds."""

    repository: Repository
    findings: tuple[Finding, ...]
    judgement: Judgement | None
    """None: nobody was asked, or `unjudged` says why there is none."""
    unjudged: str
    repaired: tuple[str, ...] = ()
    """One line for each requirement that a repair round brought to `implemented`, and for each fault it mended."""
    changed: bool = False
    """Whether a repair was kept."""
    ran_out: str = ""
    """Where the budget did not last: after what."""


@dataclass(frozen=True)
class Prover:
    """Has a repository reviewed by whoever did not write it, and what is found mended by whoever did."""

    paper: Paper
    plan: Plan
    llm: LLM
    opinions: int
    """On the whole, beside the verdicts on the requirements."""
    max_repairs: int

    def prove(self, written: Written, repository: Repository, fixer: Fixer | None) -> Audited:
        """Review what `fixer` has run, and repair it where it runs and requirements say what it shall do.

        While the model reads the code, it is pinned to what it ran with, and runs once more where the pins install
        anything else. A repair that is refused or breaks the run is dropped; where the budget ends, what stands is what
        comes back. Raises SandboxError and what the model's client raises.
        """
        if fixer is None or not fixer.executed_as(repository).ok:
            _, review = self._look(repository, fixer)
            return self._audited(review, repository, ())
        pinned = fixer.pinned(repository)
        with Threads(1) as beside:
            beside.submit(fixer.executed_as, pinned)
            reviewer, review = self._look(pinned, fixer, repository)
            rounds = self.max_repairs if self.plan.overview.requirements else 0
            return self._mended(reviewer, review, written, fixer, rounds)

    def unread(self, repository: Repository, why: str) -> Audited:
        """What is known where nobody is paid to read it: what a program sees."""
        required = self.plan.overview.requirements
        said = [held(requirement, self.plan, repository) for requirement in required]
        findings = [
            each if isinstance(each, Finding) else Finding(requirement, "unread", (), why)
            for requirement, each in zip(required, said, strict=True)
        ]
        return Audited(repository, tuple(findings), None, why if self.opinions else "")

    def _look(
        self, repository: Repository, fixer: Fixer | None, executed: Repository | None = None
    ) -> tuple[Reviewer, Review]:
        """The first look, at as much of the paper as the reviewer's window takes."""
        execution = fixer.executed_as(executed or repository) if fixer else None

        def look(context: Context) -> tuple[Reviewer, Review]:
            seen = shown(context, self.plan, repository, execution)
            reviewer = Reviewer(self.plan, self.llm, seen, self.opinions)
            return reviewer, reviewer.look(repository)

        rules = render("reviewer", contract=self.plan.contract)
        return within_window(self.paper, lambda name, text: text, look, rules=rules)

    def _mended(
        self, reviewer: Reviewer, review: Review, written: Written, fixer: Fixer, rounds: int
    ) -> Audited:
        first, ran_out = review.repository, ""
        repaired: list[str] = []
        dropped: list[str] = []
        for number in range(1, rounds + 1):
            if not gaps(review.findings) and not review.weighty:
                break
            before = review.repository
            try:
                candidate = self._repair(review, written, f"repair.{number}", dropped)
                refused = "; ".join(fixer.objections(before, candidate))
            except EditError as error:
                refused = str(error)
            except BudgetReached as error:
                ran_out = f"{LEFT_OUT['second look']}: {error}"
                break
            if refused:
                dropped.append(f"It was refused: {refused}")
                continue
            fixer.executed_as(before)  # What runs beside has to end first.
            if failure := fixer.broken_by(_closing(review, candidate), before):
                dropped.append(f"It was taken back, since with it {failure}")
                continue
            try:
                again = reviewer.again(review, candidate, f"audit.{number}")
            except BudgetReached as error:
                ran_out = (
                    f"{LEFT_OUT['second look']}, so a repair was dropped that nobody could look at: {error}"
                )
                break
            repaired += _came_of(review, again)
            review = again
        return self._audited(review, first, tuple(repaired), ran_out)

    def _repair(self, review: Review, written: Written, stage: str, dropped: Sequence[str]) -> Repository:
        """The repository as the writer would mend it; `dropped` is what came of earlier rounds. Raises EditError."""
        task = render(
            "repair",
            requirements=bullets(
                [
                    f"{f.requirement.id} ({f.verdict}): {f.requirement.text} — {f.note}"
                    for f in gaps(review.findings)
                ]
            ),
            faults=numbered(review.weighty),
            code=changed_code(review.repository, written.repository),
            history=bullets(dropped),
            edit_format=render("edit_format"),
        )
        return apply(review.repository, parse(ask_text(self.llm, written.context, stage, task)))

    def _audited(
        self, review: Review, first: Repository, repaired: tuple[str, ...], ran_out: str = ""
    ) -> Audited:
        judgement = judgement_of(review, self.llm) if self.opinions else None
        unread = [finding for finding in review.findings if finding.verdict == "unread"]
        if unread:
            ids = ", ".join(finding.requirement.id for finding in unread)
            ran_out = "; ".join(filter(None, [f"the judge's look at {ids}: {unread[0].note}", ran_out]))
        return Audited(
            review.repository,
            tuple(_doubted(finding, judgement) for finding in review.findings),
            judgement,
            review.unjudged,
            repaired,
            review.repository != first,
            ran_out,
        )


def judgement_of(review: Review, llm: LLM) -> Judgement | None:
    """What is thought of the whole; None where `unjudged` says why."""
    if broken := tuple(flaws(review.repository)):
        return Judgement(LOWEST, broken, ())
    if not review.scores:
        return None
    share = llm.shares["judge"]
    critiques = [critique for fault in review.faults if (critique := placed(fault, review.repository))]
    return Judgement(
        score=statistics.mean(review.scores),
        critiques=severest_first(critiques),
        scores=review.scores,
        dropped=review.dropped,
        checked=review.checked,
        model=share.model,
        usd=share.usage.usd,
        usage=share.usage,
    )


def _closing(review: Review, candidate: Repository) -> Change:
    """What is tried to close what a review found open."""
    open_ = [f"{finding.requirement.id} ({finding.verdict})" for finding in gaps(review.findings)]
    faults = [f"a fault in {fault.file}" for fault in review.weighty]
    return Change(candidate, f"what the review found: {', '.join(dict.fromkeys([*open_, *faults]))}")


def _came_of(before: Review, after: Review) -> list[str]:
    """What a repair has mended, a line for each."""
    open_ = {finding.requirement.id for finding in gaps(before.findings)}
    met = [f.requirement for f in after.findings if f.verdict == "implemented" and f.requirement.id in open_]
    return [
        *(f"{requirement.id}: {requirement.text}" for requirement in met),
        *(f"{fault.file}: {fault.text}" for fault in after.mended),
    ]


def _doubted(finding: Finding, judgement: Judgement | None) -> Finding:
    """With what the judge objects to a requirement that was found to be met."""
    critiques: Sequence[Critique] = judgement.critiques if judgement else ()
    said = [
        f"Doubted by the judge ({c.severity}, {c.path}:{c.start}): {c.text}"
        for c in critiques
        if c.requirement == finding.requirement.id and finding.verdict == "implemented"
    ]
    return replace(finding, note=" ".join([finding.note, *said]).strip()) if said else finding


def changed_code(repository: Repository, written: Repository) -> str:
    """Files that are no longer as the context shows them, in full; empty where none differ."""
    changed = {
        path: text
        for path, text in repository.files.items()
        if written.files.get(path) != text
        and not path.startswith(("docs/", TESTS))
        and path not in ("README.md", DEVELOPMENT)
    }
    if not changed:
        return ""
    shown_ = "\n\n".join(block("code", text, path=path) for path, text in sorted(changed.items()))
    return f"These files have changed since; this is how they stand now:\n\n{shown_}"
