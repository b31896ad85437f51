"""The whole method, top to bottom: plan, analyse, write, run and fix, audit, report."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.contract import CURRENT, Contract
from pipeline.methods import Desk, Planned, way
from pipeline.model.asking import Context
from pipeline.model.llm import LLM
from pipeline.planning.corrections import shown
from pipeline.planning.documents import plan_documents
from pipeline.planning.plan import Method, Plan
from pipeline.progress import Observer
from pipeline.proving.arbiter import Arbiter
from pipeline.proving.authoring import Author, Suite
from pipeline.proving.conformance import Conformance, Conformed, conformity
from pipeline.proving.documents import report_documents
from pipeline.proving.mending import Prover
from pipeline.proving.report import execution_report
from pipeline.proving.scoring import Judgement
from pipeline.reading.paper import Paper
from pipeline.record import Commit, Record
from pipeline.running.doubts import doubts
from pipeline.running.figures import figures_of
from pipeline.running.fixing import Fixer
from pipeline.running.reconsidering import reconsidered
from pipeline.running.workbench import Workbench
from sandbox.interface import Sandbox
from sandbox.pressure import busy
from sandbox.report import Limits, Mode


@dataclass(frozen=True)
class Options:
    """How a reproduction is made."""

    packages: Path
    """Cache of wheels and environments, shared by all runs of a machine."""
    method: Method = "full"
    refine: tuple[str, ...] = ()
    max_fixes: int = 8
    max_repairs: int = 2
    judge: int = 1
    """Opinions on the whole, beside the verdicts on the requirements; 0: none."""
    max_steps: int = 60
    """Of the agent of the method `iterative`."""
    concurrency: int = 8
    mode: Mode = "smoke"
    wish: str = ""
    """What a person wants of the paper, and how, in their words; empty: all of it."""
    limits: Limits = Limits()
    tests: bool = True
    """Whether somebody writes tests from the paper: of the method `full`, by contract 2, where they can be run."""
    contract: Contract = CURRENT
    """What the model is asked for; an older one where a recording answers."""


@dataclass(frozen=True)
class Reproduction:
    """What came of it."""

    paper: Paper
    slug: str
    """Names the method: two to four lower-case words with hyphens."""
    status: Literal["runs", "fails", "not-run"]
    commits: tuple[Commit, ...]
    """In order; the last one's files are what is delivered."""
    report: dict[str, Any]
    """`execution-report.json`, valid against pipeline/proving/execution-report.schema.json."""
    context: Context = field(default_factory=lambda: Context(""))
    """What every prompt of the run began with in the end: for later questions about it."""
    judgement: Judgement | None = None
    """None: nobody was asked, or the report says why there is none."""

    @property
    def files(self) -> dict[str, str]:
        """The delivered repository."""
        return self.commits[-1].files


def reproduce(
    paper: Paper,
    *,
    llm: LLM,
    sandbox: Sandbox | None,
    out: Path,
    options: Options,
    observe: Observer,
    cancelled: Callable[[], bool] = lambda: False,
) -> Reproduction:
    """Plan, analyse, write, run, fix and audit; `out` afterwards holds what docs/architecture.md says.

    `cancelled` is asked while the code runs; the model's client and `observe` have their own way to know.
    Raises PipelineError (the model, the budget, cancellation) and SandboxError. What is finished stays in
    `out`; the journal makes a second call with the same `out` continue without paying again.
    """
    record = Record(out, llm, observe)
    method = way(options.method, options.refine, options.max_steps, options.contract)
    with ThreadPoolExecutor(options.concurrency) as executor:
        bench = workbench(sandbox, record, paper, options, cancelled)
        desk = Desk(paper, llm, record, executor, bench, options.wish)
        planned = method.plan(desk)
        fixer = _fixer(desk, planned, options)
        author = Author(planned.plan, llm, planned.context)
        tests = author.begin(executor) if fixer and _is_tested(planned.plan, options) else Suite
        written = method.write(desk, planned, fixer)
    record.commit("Write the code", written.ending, written.repository, written.documents)
    repository, execution, told = written.repository, None, ""
    conformed = Conformed(repository)
    if fixer:
        with record.stage("run"):
            repository, told = reconsidered(fixer, method.run(fixer, repository))
            repairs = tuple(fixer.changes)
            arbiter = Arbiter(paper, planned.plan, llm, planned.context)
            conformed = Conformance(author, arbiter, fixer, repository).settle(tests())
        for change in repairs:
            record.commit("Repair the run", change.remedy, change.repository)
        if conformed.repository != repository:
            repository = conformed.repository
            record.commit("Add tests written from the paper", "\n".join(conformed.settled), repository)
    else:
        record.skip("run", "no sandbox was asked for")
    with record.stage("audit"):
        prover = Prover(paper, planned.plan, llm, options.judge, options.max_repairs)
        audited = prover.prove(written, repository, fixer)
    repository = audited.repository
    if audited.changed:
        record.commit("Mend what the review found", "\n".join(audited.repaired), repository)
    with record.stage("report"):
        if fixer:
            repository = fixer.pinned(repository)
            execution = fixer.executed_as(repository)
        figures = figures_of(execution, [figure.anchor for figure in paper.figures])
    plan = _corrected(planned.plan, fixer, paper)
    report = execution_report(
        paper=paper,
        method=options.method,
        shares=llm.shares,
        plan=plan,
        mode=options.mode,
        execution=execution,
        attempts=fixer.attempts if fixer else (),
        findings=audited.findings,
        judgement=audited.judgement,
        unjudged=audited.unjudged,
        platforms=fixer.platforms if fixer else {},
        tests=conformity(conformed, repository, execution),
        figures=figures,
        repository=repository,
        written=None if options.method == "iterative" else written.repository,
        doubts=doubts(planned.plan, repository, execution) if execution and execution.ok else (),
        told=told,
        seconds={**record.seconds, "total": sum(record.seconds.values())},
    )
    documents = plan_documents(plan) | report_documents(plan, report)
    record.commit("Report what was run", "", repository, documents, figures.files)
    slug, commits = planned.plan.overview.slug, tuple(record.commits)
    return Reproduction(paper, slug, report["status"], commits, report, written.context, audited.judgement)


def _is_tested(plan: Plan, options: Options) -> bool:
    return options.tests and options.method == "full" and plan.contract > 1


def workbench(
    sandbox: Sandbox | None, record: Record, paper: Paper, options: Options, cancelled: Callable[[], bool]
) -> Workbench | None:
    """Where what is made of `paper` is executed; None where there is no sandbox."""
    if sandbox is None:
        return None
    packages, mode, limits = options.packages, options.mode, options.limits
    return Workbench(sandbox, record.lay_out, packages, paper.published, mode, limits, cancelled)


def _corrected(plan: Plan, fixer: Fixer | None, paper: Paper) -> Plan:
    """The plan with what was found wrong in it while the code was mended."""
    found = tuple(shown(correction, paper) for correction in (fixer.corrections if fixer else ()))
    return plan.model_copy(update={"corrections": plan.corrections + found})


def _fixer(desk: Desk, planned: Planned, options: Options) -> Fixer | None:
    """Who runs and mends what is planned; None where nothing can be run."""
    if desk.bench is None:
        return None
    plan, advanced = planned.plan, desk.record.advanced
    used = plan.logic if options.method == "full" and plan.contract > 1 else None
    promised, bench = plan.logic.results(), desk.bench
    return Fixer(
        plan,
        planned.analyses,
        planned.context,
        desk.llm,
        bench.runner(promised, used),
        options.max_fixes,
        options.limits,
        advanced,
        publish=bench.publish,
        patient=bench.patient().runner(promised, used),
        busy=busy,
    )
