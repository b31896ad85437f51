"""Audit: every requirement judged against the code, with evidence that a program has looked up.

The model says which line of which function implements a requirement; the program finds that line or takes
the claim back. What the smoke run executed of it is added later, from the execution report.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from pipeline.coding.checks.settings import reading, setting, symbols
from pipeline.coding.coding import Written
from pipeline.coding.edits import EditError, apply, parse
from pipeline.coding.repository import Repository
from pipeline.model.asking import Context, ask, ask_text, block, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.plan import Answer, Plan, Requirement
from pipeline.reading.quantities import mentions
from pipeline.running.fixing import Fixer
from pipeline.running.remedies import Change

Verdict = Literal["implemented", "partial", "missing", "deviates"]
UNPROVEN = "Not shown by the code: "
CHECKED = "Checked by program: "
REPAIRED_FROM_WEIGHT = 2
"""Requirements of less weight are reported, not repaired."""


class Evidence(Answer):
    """A place in the code, as the model names it."""

    file: str
    symbol: str = Field(description="function, Class or Class.method; empty for module level or config.yaml")
    line: str = Field(description="One line of code from there, copied exactly, without indentation")


class Judgement(Answer):
    """The model's verdict on one requirement."""

    id: str
    objection: str = Field(default="", description="Weight 3: the strongest argument against `implemented`")
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    note: str = ""


class Judgements(Answer):
    """The whole audit."""

    judgements: tuple[Judgement, ...]


@dataclass(frozen=True)
class Place:
    """Evidence that was looked up: lines `start` to `end` of `file`, 1-based, inclusive."""

    file: str
    start: int
    end: int
    symbol: str


@dataclass(frozen=True)
class Finding:
    """What the audit holds of one requirement."""

    requirement: Requirement
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    note: str

    def places(self, repository: Repository) -> tuple[Place, ...]:
        """Where the evidence stands in `repository`; what is no longer there is left out."""
        located = dict.fromkeys(locate(evidence, repository) for evidence in self.evidence)
        return tuple(place for place in located if isinstance(place, Place))


@dataclass(frozen=True)
class Audited:
    """The findings on the repository as it stands after the repair rounds."""

    repository: Repository
    findings: tuple[Finding, ...]
    repaired: tuple[str, ...] = ()
    """One line for each requirement that a repair round brought to `implemented`."""
    changed: bool = False
    """Whether a repair was kept."""


def prove(
    plan: Plan, written: Written, repository: Repository, llm: LLM, fixer: Fixer | None, max_repairs: int
) -> Audited:
    """Audit what `fixer` has run, and repair it where it runs. Raises as `audit_and_repair`.

    Pinned to what it ran with, it runs in a fresh sandbox once more while the model reads the code.
    """
    if fixer is None or not fixer.executed_as(repository).ok:
        return audit_and_repair(plan, written, repository, llm, None, max_repairs)
    pinned = fixer.pinned(repository)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(fixer.executed_as, pinned)
        return audit_and_repair(plan, written, pinned, llm, fixer, max_repairs)


def audit_and_repair(
    plan: Plan, written: Written, repository: Repository, llm: LLM, fixer: Fixer | None, max_repairs: int
) -> Audited:
    """Audit the repository; close weighty gaps in at most `max_repairs` rounds, each proven by a smoke run.

    `fixer` is None where nothing can be run: then nothing is repaired either. A repair that is refused or
    breaks the run is dropped. Raises SandboxError and what the model's client raises.
    """
    context, first = written.context, repository
    findings = audit(plan, plan.overview.requirements, repository, written.repository, context, llm)
    repaired: list[str] = []
    dropped: list[str] = []
    for number in range(1, max_repairs + 1):
        open_ = gaps(findings)
        if fixer is None or not open_:
            break
        try:
            candidate = repair(
                open_, repository, written.repository, context, llm, f"repair.{number}", dropped
            )
            refused = "; ".join(fixer.objections(repository, candidate))
        except EditError as error:
            refused = str(error)
        if refused:
            dropped.append(f"It was refused: {refused}")
            continue
        closing = Change(candidate, f"audit: {', '.join(f.requirement.id for f in open_)}")
        if failure := fixer.broken_by(closing, repository):
            dropped.append(f"The smoke run no longer passed: {failure}")
            continue
        repository = candidate
        lost = {f.requirement.id for f in findings if f.evidence and not f.places(repository)}
        checked = {f.requirement.id for f in findings if f.note.startswith(CHECKED)}
        ids = lost | checked | {f.requirement.id for f in open_}
        asked = [requirement for requirement in plan.overview.requirements if requirement.id in ids]
        again = audit(plan, asked, repository, written.repository, context, llm, f"audit.{number}")
        changed = {finding.requirement.id: finding for finding in again}
        mended = {finding.requirement.id for finding in open_}
        repaired += [
            f"{f.requirement.id}: {f.requirement.text}"
            for f in again
            if f.verdict == "implemented" and f.requirement.id in mended
        ]
        findings = tuple(changed.get(f.requirement.id, f) for f in findings)
    return Audited(repository, findings, tuple(repaired), repository != first)


def audit(
    plan: Plan,
    requirements: Sequence[Requirement],
    repository: Repository,
    written: Repository,
    context: Context,
    llm: LLM,
    stage: str = "audit",
) -> tuple[Finding, ...]:
    """One finding for each requirement, in order.

    Those that only settings have to fulfil are judged by program, where it can. `context` holds the code as
    first `written`; files that differ are shown again. Claims whose evidence is not in the code go back
    once; after that they count as missing.
    """
    settled = {r.id: found for r in requirements if (found := _held(r, plan, repository))}
    asked = [requirement for requirement in requirements if requirement.id not in settled]
    problems: dict[str, str] = {}
    for name in (stage, f"{stage}#2"):
        if not asked:
            break
        task = render("audit", requirements=_listed(asked, problems)) + changed_code(repository, written)
        answer = ask(llm, context, name, task, Judgements)
        by_id = {judgement.id: judgement for judgement in answer.judgements}
        problems = {}
        for requirement in asked:
            finding = _looked_up(requirement, by_id.get(requirement.id), repository)
            settled[requirement.id] = finding
            if finding.verdict == "missing" and finding.note.startswith(UNPROVEN):
                problems[requirement.id] = finding.note
        asked = [requirement for requirement in asked if requirement.id in problems]
    return tuple(settled[requirement.id] for requirement in requirements)


def _held(requirement: Requirement, plan: Plan, repository: Repository) -> Finding | None:
    """A requirement that says only that settings have certain values, where a program can see that they do.

    The paper states each value where it states the requirement, `config.yaml` still holds it, and code reads
    it by its key.
    """
    keys = [key for item in plan.logic.held if item.requirement == requirement.id for key in item.keys]
    entries = {entry.key: entry for entry in plan.configuration.entries}
    evidence, checked = [], []
    for key in keys:
        entry, line = entries.get(key), setting(key, repository)
        reads = reading(key, repository)
        same_place = key in plan.anchors and plan.anchors[key] == plan.anchors.get(requirement.id)
        if (
            entry is None
            or line is None
            or reads is None
            or line.value != entry.model_dump(mode="json")["value"]
        ):
            return None
        if not mentions(requirement.quote, entry.value) and not same_place:
            return None
        evidence += [
            Evidence(file=reads.file, symbol=reads.symbol, line=reads.line),
            Evidence(file="config.yaml", symbol="", line=line.text),
        ]
        checked.append(f"`{key}` is {line.value} and read in `{reads.file}`")
    if not checked:
        return None
    return Finding(requirement, "implemented", tuple(evidence), f"{CHECKED}{'; '.join(checked)}.")


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


def locate(evidence: Evidence, repository: Repository) -> Place | str:
    """Where the evidence stands, or a sentence on why it does not."""
    source = repository.files.get(evidence.file)
    if source is None:
        return f"there is no file {evidence.file}"
    lines = [line.strip() for line in source.splitlines()]
    wanted = evidence.line.strip()
    first, last = 1, len(lines)
    if evidence.symbol:
        known = symbols(source) if evidence.file.endswith(".py") else {}
        if evidence.symbol not in known:
            return f"{evidence.file} defines no {evidence.symbol}"
        first, last = known[evidence.symbol]
    found = [number for number in range(first, last + 1) if wanted and _same(lines[number - 1], wanted)]
    if not found:
        return f"`{wanted}` does not stand in {evidence.symbol or evidence.file}"
    if evidence.symbol:
        return Place(evidence.file, first, last, evidence.symbol)
    return Place(evidence.file, found[0], found[0], "")


def _same(line: str, wanted: str) -> bool:
    """The same line; its trailing comment may be missing."""
    return line == wanted or line.split("  #")[0].rstrip() == wanted


def repair(
    findings: Collection[Finding],
    repository: Repository,
    written: Repository,
    context: Context,
    llm: LLM,
    stage: str,
    dropped: Sequence[str],
) -> Repository:
    """The repository with weighty gaps closed as the model proposes; `dropped` is what came of earlier rounds.

    Raises EditError where nothing usable came.
    """
    task = render(
        "repair",
        requirements=bullets(
            [f"{f.requirement.id} ({f.verdict}): {f.requirement.text} — {f.note}" for f in findings]
        ),
        code=changed_code(repository, written),
        history=bullets(dropped),
        edit_format=render("edit_format"),
    )
    return apply(repository, parse(ask_text(llm, context, stage, task)))


def gaps(findings: Sequence[Finding]) -> list[Finding]:
    """What a repair round is asked to mend, the heaviest first."""
    open_ = [
        f for f in findings if f.verdict != "implemented" and f.requirement.weight >= REPAIRED_FROM_WEIGHT
    ]
    return sorted(open_, key=lambda finding: -finding.requirement.weight)


def changed_code(repository: Repository, written: Repository) -> str:
    """Files that are no longer as the context shows them, in full; empty where none differ."""
    changed = {
        path: text
        for path, text in repository.files.items()
        if written.files.get(path) != text and not path.startswith("docs/") and path != "README.md"
    }
    if not changed:
        return ""
    shown = "\n\n".join(block("code", text, path=path) for path, text in sorted(changed.items()))
    return f"\n\nThese files have changed since; this is how they stand now:\n\n{shown}"


def _listed(requirements: Sequence[Requirement], problems: Mapping[str, str]) -> str:
    return bullets(
        [
            f"{r.id} ({r.kind}, weight {r.weight}): {r.text}"
            + (f" Your last evidence was rejected: {problems[r.id]}" if r.id in problems else "")
            for r in requirements
        ]
    )
