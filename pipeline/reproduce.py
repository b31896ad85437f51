"""The whole method, top to bottom: plan, analyse, write, run and fix, audit, report."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pipeline.coding.coding import Written, pinned, write
from pipeline.coding.iterating import Agent, Outcome, Tools
from pipeline.coding.repository import Repository
from pipeline.errors import Cancelled, ContextOverflow
from pipeline.model.asking import Context, render
from pipeline.model.llm import LLM
from pipeline.planning import documents
from pipeline.planning.analysis import FileAnalysis, analyze
from pipeline.planning.plan import Method, Plan, metric_pattern
from pipeline.planning.planning import Planner
from pipeline.progress import Observer
from pipeline.proving import documents as reports
from pipeline.proving.audit import audit_and_repair
from pipeline.proving.report import execution_report
from pipeline.reading.paper import Paper, Part
from pipeline.record import Commit, Record
from pipeline.running.fixing import Fixer, Run, ending, in_words, output, told
from pipeline.running.remedies import Change
from sandbox.execution import execute, run_command
from sandbox.interface import Sandbox, SandboxCancelled
from sandbox.report import ExecutionReport, Limits, Mode

T = TypeVar("T")
SHORTEST_PAPER = 12_000
"""Characters: a paper cut below this is no longer one."""
SHELL_SECONDS = 60.0
"""Wall clock of one command of an agent."""


@dataclass(frozen=True)
class Options:
    """How a reproduction is made."""

    packages: Path
    """Cache of wheels and environments, shared by all runs of a machine."""
    method: Method = "full"
    refine: tuple[str, ...] = ()
    max_fixes: int = 8
    max_repairs: int = 2
    max_steps: int = 60
    """Of the agent of the method `iterative`."""
    concurrency: int = 8
    mode: Mode = "smoke"
    limits: Limits = Limits()


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
    with ThreadPoolExecutor(options.concurrency) as executor:
        with record.stage("plan", 5):
            plan, context = _plan(paper, llm, executor, record, options)
        if planned := documents.plan_documents(plan):
            record.commit("Plan the reproduction", paper.title, Repository({}), planned)
        count = len(plan.architecture.files)
        analyses: dict[str, FileAnalysis] = {}
        if options.method == "full":
            with record.stage("analysis", len(plan.delicate())):
                analyses = analyze(plan, context, llm, options.refine, record.advanced)
        fixer = None
        if sandbox:
            metrics = [metric.name for metric in plan.logic.metrics]
            run = runner(sandbox, record, paper, metrics, options, cancelled)
            fixer = Fixer(
                plan, analyses, context, llm, run, options.max_fixes, options.limits, record.advanced
            )
        body, log = "Not run yet.", {}
        with record.stage("code", count):
            if options.method == "iterative":
                tools = (
                    _tools(sandbox, fixer, record, paper, options, cancelled) if sandbox and fixer else None
                )
                agent = Agent(llm, _contexts(paper, record), tools, options.max_steps, record.advanced)
                worked = agent.work()
                written = Written(worked.repository, context, ())
                body, log = worked.ending, {"docs/steps.md": worked.log}
            else:
                written = write(plan, analyses, context, llm, executor, options.refine, record.advanced)
    drafts = [analysis.draft for analysis in analyses.values() if analysis.draft] + list(written.drafts)
    texts = {path: analysis.text for path, analysis in analyses.items()}
    analysed = documents.analysis_documents(texts, drafts)
    record.commit("Write the code", body, written.repository, analysed | log)
    repository, execution = written.repository, None
    if fixer is None:
        record.skip("run", "no sandbox was asked for")
    else:
        with record.stage("run"):
            if options.method == "iterative":  # it has mended what it could
                execution = fixer.execute(repository)
            else:
                repository, execution = fixer.fix(repository)
        for change in fixer.changes:
            record.commit("Repair the run", change.remedy, change.repository)
    mender = fixer if execution and execution.ok else None
    with record.stage("audit"), ThreadPoolExecutor(1) as beside:
        if mender and execution:
            # Pinned to what it ran with, it runs in a fresh sandbox once more while the model reads the code.
            repository = pinned(repository, execution.environment.packages)
            beside.submit(mender.executed_as, repository)
        audited = audit_and_repair(plan, written, repository, llm, mender, options.max_repairs)
    if audited.repository != repository:
        repository = audited.repository
        record.commit("Implement what the audit found missing", "\n".join(audited.repaired), repository)
    with record.stage("report"):
        if fixer and execution:
            repository = pinned(repository, fixer.executed_as(repository).environment.packages)
            execution = fixer.executed_as(repository)
    report = execution_report(
        paper=paper,
        method=options.method,
        model=llm.model,
        plan=plan,
        mode=options.mode,
        execution=execution,
        attempts=fixer.attempts if fixer else (),
        findings=audited.findings,
        repository=repository,
        usage=llm.usage,
        seconds={**record.seconds, "total": sum(record.seconds.values())},
    )
    record.commit("Report what was run", "", repository, reports.report_documents(plan, report))
    return Reproduction(
        paper, plan.overview.slug, report["status"], tuple(record.commits), report, written.context
    )


def _plan(
    paper: Paper, llm: LLM, executor: Executor, record: Record, options: Options
) -> tuple[Plan, Context]:
    """The plan and the context that holds it."""

    def planned(context: Context) -> tuple[Plan, Context]:
        planner = Planner(paper, llm, context, executor, options.method, options.refine, record.advanced)
        return planner.plan(), planner.context

    return within_window(paper, record, planned)


def within_window(paper: Paper, record: Record, use: Callable[[Context], T]) -> T:
    """What `use` makes of the paper, which is shortened as far as the model's window demands."""
    contexts = _contexts(paper, record)
    context = next(contexts)
    while True:
        try:
            return use(context)
        except ContextOverflow:
            shorter = next(contexts, None)
            if shorter is None:
                raise
            context = shorter


def _contexts(paper: Paper, record: Record) -> Iterator[Context]:
    """What all prompts begin with: the whole paper, and as long as more are asked for, less of it."""
    text = paper.text(without=get_args(Part))
    while True:
        yield Context(render("system")).extended("paper", record.keep("paper.md", text))
        shorter = paper.text(len(text) // 4 * 2 // 3, without=get_args(Part))
        if len(shorter) >= len(text) or len(shorter) < SHORTEST_PAPER:
            return
        text = shorter


def runner(
    sandbox: Sandbox,
    record: Record,
    paper: Paper,
    metrics: Sequence[str],
    options: Options,
    cancelled: Callable[[], bool],
) -> Run:
    """Runs a repository that promises `metrics` once, laid out where a person can look at it."""
    promised = [metric_pattern(name).pattern for name in metrics]

    def run(repository: Repository) -> ExecutionReport:
        with _cancellable():
            return execute(
                record.lay_out(repository.files),
                sandbox,
                cache=options.packages,
                mode=options.mode,
                limits=options.limits,
                before=paper.published,
                promised=promised,
                again=True,
                cancelled=cancelled,
            )

    return run


def _tools(
    sandbox: Sandbox,
    fixer: Fixer,
    record: Record,
    paper: Paper,
    options: Options,
    cancelled: Callable[[], bool],
) -> Tools:
    """What an agent can do in the sandbox. Its runs are entered into the fixer's account."""
    brief = replace(options.limits, seconds=min(SHELL_SECONDS, options.limits.seconds))

    def run(repository: Repository, why: str) -> Outcome:
        if fixer.attempts and fixer.attempts[-1].signature:
            fixer.answer(Change(repository, f"model: {why}"))
        report = fixer.execute(repository)
        metrics = f"\n\nMetrics in results.json: {dict(report.metrics)}" if report.metrics else ""
        mark = fixer.attempts[-1].signature or "passed"
        return Outcome(told(report.phases[-1]) + metrics, mark, report.ok)

    def shell(repository: Repository, command: str) -> Outcome:
        with _cancellable():
            result = run_command(
                record.lay_out(repository.files),
                sandbox,
                ("bash", "-c", command),
                cache=options.packages,
                limits=brief,
                before=paper.published,
                cancelled=cancelled,
            )
        return Outcome(f"{ending(result)}\n\n{output(result)}", f"exit status {result.exit_code}")

    return Tools(run, shell, in_words(options.limits), in_words(brief))


@contextmanager
def _cancellable() -> Iterator[None]:
    try:
        yield
    except SandboxCancelled as error:
        raise Cancelled(str(error)) from error
