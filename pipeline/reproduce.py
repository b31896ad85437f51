"""The whole method, top to bottom: plan, analyse, write, run and fix, audit, report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.coding.checks.claimed import claims
from pipeline.coding.repository import Repository
from pipeline.contract import CURRENT, Contract
from pipeline.methods import Desk, Ladder, Planned, way
from pipeline.model.asking import Context
from pipeline.model.division import LEFT_OUT, UNDIVIDED, Division, Part
from pipeline.model.journal import Recording
from pipeline.model.llm import LLM
from pipeline.planning.agreement import UNDECIDED, Agreement
from pipeline.planning.corrections import as_it_stands, shown
from pipeline.planning.documents import plan_documents
from pipeline.planning.plan import Method, Plan
from pipeline.progress import Observer
from pipeline.proving.arbiter import Arbiter
from pipeline.proving.authoring import FROM_WEIGHT, HEAVIEST, Author, Suite
from pipeline.proving.behind import doubting
from pipeline.proving.comparison import RESULTS, results_document
from pipeline.proving.conformance import Conformance, Conformed, conformity
from pipeline.proving.documents import report_documents
from pipeline.proving.mending import Prover
from pipeline.proving.report import execution_report
from pipeline.proving.results import compared, entry, runs_of
from pipeline.proving.scoring import Judgement
from pipeline.reading.paper import Paper
from pipeline.record import Commit, Record
from pipeline.running.doubts import doubts
from pipeline.running.figures import figures_of
from pipeline.running.fixing import Fixer
from pipeline.running.longer import Afterwards
from pipeline.running.reconsidering import reconsidered
from pipeline.running.workbench import Workbench, afterwards
from pipeline.threads import Threads
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
    minutes: float = 10
    """For a scaled or full run, which follows the smoke run."""
    data: tuple[tuple[str, Path], ...] = ()
    """Folders that are lent to it; see `Command.data`."""
    wish: str = ""
    """What a person wants of the paper, and how, in their words; empty: all of it."""
    agreement: Agreement = UNDECIDED
    """What people have decided on the plan."""
    limits: Limits = Limits()
    tests: bool = True
    """Whether somebody writes tests from the paper: of the method `full`, by contract 2, where they can be run."""
    sharpens: bool = True
    """Whether tests that notice too little go back to their author once."""
    results: bool = True
    """Whether the numbers that the paper reports are listed, and put beside those of runs: where tests are written."""
    division: Division = UNDIVIDED
    """What of all that the budget pays for."""
    contract: Contract = CURRENT
    """What the model is asked for; an older one where a recording answers."""

    @property
    def unwanted(self) -> frozenset[Part]:
        """What nobody is to be paid for."""
        tests: tuple[Part, ...] = () if self.tests else ("tests", "lighter tests", "sharper tests")
        numbers: tuple[Part, ...] = () if self.results else ("numbers", "other numbers")
        repairs: tuple[Part, ...] = () if self.max_repairs else ("second look",)
        return frozenset((*tests, *numbers, *repairs))

    def answered_by(self, recording: Recording) -> "Options":
        """As far as its answers go: by its contract, tests and results only where somebody was asked for them.

        Whether tests notice enough depends on how many faults there is time for, so on the machine.
        """
        return replace(
            self,
            contract=recording.contract,
            tests=self.tests and recording.tested,
            sharpens=self.sharpens and recording.sharpened,
            results=self.results and recording.numbered,
        )


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
    began, record, division = time.monotonic(), Record(out, llm, observe), options.division
    numbers = options.results and division.pays("numbers")
    method = way(options.method, options.refine, options.max_steps, options.contract, numbers=numbers)
    with Threads(options.concurrency) as executor:
        bench = workbench(sandbox, record, paper, options, cancelled)
        desk = Desk(paper, llm, record, executor, bench, options.wish, options.agreement, division)
        planned = method.plan(desk)
        fixer = _fixer(desk, planned, options)
        from_weight = FROM_WEIGHT if division.pays("lighter tests") else HEAVIEST
        author = Author(planned.plan, llm, planned.context, from_weight)
        tests = author.begin(executor) if fixer and _is_tested(planned.plan, options) else Suite
        written = method.write(desk, planned, fixer)
        record.commit("Write the code", written.ending, written.repository, written.documents)
        conformed, told = Conformed(written.repository), ""
        if fixer:
            with record.stage("run"):
                ran, told = reconsidered(fixer, method.run(fixer, written.repository))
                repairs = tuple(fixer.changes)
                arbiter = Arbiter(paper, planned.plan, llm, planned.context)
                sharpens = options.sharpens and division.pays("sharper tests")
                conformed = Conformance(author, arbiter, fixer, ran, sharpens).settle(tests())
            for change in repairs:
                record.commit("Repair the run", change.remedy, change.repository)
            if conformed.repository != ran:
                settled = "\n".join(conformed.settled)
                record.commit("Add tests written from the paper", settled, conformed.repository)
        else:
            record.skip("run", "no sandbox was asked for")
    repository, execution = conformed.repository, None
    with record.stage("audit"):
        rounds = options.max_repairs if division.pays("second look") else 0
        prover = Prover(paper, planned.plan, llm, options.judge, rounds)
        if division.pays("judge"):
            audited = prover.prove(written, repository, fixer)
        else:
            audited = prover.unread(repository, "The budget would not pay for a judge.")
    repository = audited.repository
    if audited.changed:
        record.commit("Mend what the review found", "\n".join(audited.repaired), repository)
    with record.stage("report"):
        if fixer:
            repository = fixer.pinned(repository)
            execution = fixer.executed_as(repository)
        after = afterwards(bench, repository, planned.plan.logic, execution, record.advanced)
        figures = figures_of(execution, [figure.anchor for figure in paper.figures], after.longer)
    plan = _corrected(planned.plan, fixer, paper, repository)
    conforming = conformity(conformed, repository, execution.phases if execution else ())
    report = execution_report(
        paper=paper,
        method=options.method,
        shares=llm.shares,
        plan=plan,
        execution=execution,
        after=after,
        attempts=fixer.attempts if fixer else (),
        findings=audited.findings,
        judgement=audited.judgement,
        unjudged=audited.unjudged,
        platforms=fixer.platforms if fixer else {},
        tests=conforming,
        results=_compared(plan, repository, after, conforming),
        figures=figures,
        repository=repository,
        written=None if options.method == "iterative" else written.repository,
        doubts=doubts(planned.plan, repository, execution) if execution and execution.ok else (),
        told=told,
        unpaid=_unpaid(plan, options, audited.ran_out),
        seconds={**record.seconds, "total": time.monotonic() - began},
    )
    documents = plan_documents(plan) | report_documents(plan, report) | after.documents
    if plan.numbers and (plan.numbers.found or plan.numbers.dropped):
        documents[RESULTS] = results_document(plan, paper, report["results"])
    record.commit("Report what was run", "", repository, documents, figures.files)
    slug, commits = planned.plan.overview.slug, tuple(record.commits)
    return Reproduction(paper, slug, report["status"], commits, report, written.context, audited.judgement)


def propose(paper: Paper, *, llm: LLM, out: Path, options: Options, observe: Observer) -> Plan:
    """The plan alone, for people to decide on; a `reproduce` with the same `out` goes on from it without paying again.

    Raises PipelineError.
    """
    record = Record(out, llm, observe)
    with Threads(options.concurrency) as executor:
        desk = Desk(paper, llm, record, executor, None, options.wish, division=options.division)
        plan, _ = Ladder(options.method, options.refine, options.contract).proposed(desk)
    return plan


def _is_tested(plan: Plan, options: Options) -> bool:
    wanted = options.tests and options.division.pays("tests")
    return wanted and options.method == "full" and plan.contract > 1


def _unpaid(plan: Plan, options: Options, ran_out: str) -> list[str]:
    """What was left out for the budget, before the first call and after it."""
    left = [LEFT_OUT[part] for part in options.division.left_out]
    beyond = [f"{r.id} (weight {r.weight}), {r.text.rstrip('.')}" for r in plan.beyond]
    return [*left, *beyond, *([ran_out] if ran_out else [])]


def _compared(
    plan: Plan,
    repository: Repository,
    after: Afterwards,
    tests: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """`results` of the report: what files of full and scaled runs say beside the paper's numbers."""
    files = after.longer.files if after.longer else {}
    numbers = plan.numbers.found if plan.numbers else ()
    doubt = doubting(plan, repository, tests)
    found = compared(numbers, runs_of(files), doubt=doubt, claims=claims(repository, plan))
    return [entry(result, after.mode) for result in found]


def workbench(
    sandbox: Sandbox | None, record: Record, paper: Paper, options: Options, cancelled: Callable[[], bool]
) -> Workbench | None:
    """Where what is made of `paper` is executed; None where there is no sandbox."""
    if sandbox is None:
        return None
    asked = options.packages, paper.published, options.mode, options.limits, cancelled
    return Workbench(
        sandbox, record.lay_out, *asked, options.minutes, options.data, begun=record.begun, took=record.took
    )


def _corrected(plan: Plan, fixer: Fixer | None, paper: Paper, repository: Repository) -> Plan:
    """The plan with what was found wrong in it while the code was mended, and the settings that are delivered."""
    found = tuple(shown(correction, paper) for correction in (fixer.corrections if fixer else ()))
    if plan.is_configured:
        plan = as_it_stands(plan, repository.files.get("config.yaml", ""))
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
        desk.record.found,
        publish=bench.publish,
        patient=bench.patient().runner(promised, used),
        busy=busy,
    )
