"""The methods: each brings its own way to a written repository. What follows is the same for all."""

from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pipeline.coding.coding import Written, write
from pipeline.coding.iterating import Agent
from pipeline.coding.repository import Repository
from pipeline.contract import CURRENT, Contract
from pipeline.model.asking import Context, block, render
from pipeline.model.division import UNDIVIDED, Division
from pipeline.model.llm import LLM
from pipeline.model.window import contexts, within_window
from pipeline.planning import documents
from pipeline.planning.agreement import UNDECIDED, Agreement, agreed, in_words
from pipeline.planning.analysis import FileAnalysis, analyze
from pipeline.planning.corrections import shown
from pipeline.planning.numbers import reported
from pipeline.planning.plan import Method, Plan
from pipeline.planning.planning import STEPS, Planner, unplanned
from pipeline.planning.reported import Numbers
from pipeline.proving import scope
from pipeline.reading.paper import Paper
from pipeline.record import Record
from pipeline.running.fixing import Fixer
from pipeline.running.workbench import Workbench


@dataclass(frozen=True)
class Desk:
    """What a method works with."""

    paper: Paper
    llm: LLM
    record: Record
    executor: Executor
    bench: Workbench | None
    """None: nothing can be run."""
    wish: str = ""
    """What a person wants of the paper, and how."""
    agreement: Agreement = UNDECIDED
    division: Division = UNDIVIDED


@dataclass(frozen=True)
class Planned:
    """What is thought before any code is written."""

    plan: Plan
    context: Context
    """Holds paper and plan."""
    analyses: Mapping[str, FileAnalysis] = field(default_factory=dict)


class Way(Protocol):
    """From a paper to a repository. Raises what the model's client raises, and SandboxError."""

    def plan(self, desk: Desk) -> Planned:
        """All that the method thinks of beforehand; what of it people may read is committed."""
        ...

    def write(self, desk: Desk, planned: Planned, fixer: Fixer | None) -> Written:
        """The repository; what the method runs meanwhile is entered into the fixer's account."""
        ...

    def run(self, fixer: Fixer, repository: Repository) -> Repository:
        """Execute it, and mend what the method leaves to be mended."""
        ...


def way(
    method: Method,
    refine: tuple[str, ...],
    max_steps: int,
    contract: Contract = CURRENT,
    *,
    numbers: bool = False,
) -> Way:
    """The way of a method; `max_steps` are an agent's, `numbers` whether the paper's are listed."""
    return Iterative(max_steps) if method == "iterative" else Ladder(method, refine, contract, numbers)


@dataclass(frozen=True)
class Ladder:
    """Plan, think delicate files through, write file by file; or less of that, for the lower rungs."""

    method: Method
    refine: tuple[str, ...]
    contract: Contract = CURRENT
    numbers: bool = False
    """Whether the numbers are listed that the paper reports: by the method `full`, by contract 2."""

    def plan(self, desk: Desk) -> Planned:
        """See Way."""
        record = desk.record
        plan, context = self.proposed(desk)
        plan = agreed(plan, desk.agreement)
        if decisions := in_words(desk.agreement):
            context = context.saying(render("agreed", decisions=block("decisions", decisions)))
        if written := documents.plan_documents(plan):
            record.commit("Plan the reproduction", desk.paper.title, Repository({}), written)
        if self.method != "full":
            return Planned(plan, context)
        listed: Future[Numbers] | None = None
        if self.numbers and self.contract > 1:
            all_ = desk.division.pays("other numbers")
            listed = desk.executor.submit(reported, plan, desk.paper, desk.llm, context, all_=all_)
        with record.stage("analysis", len(plan.delicate())):
            record.found("scope", scope.in_words(scope.counted(plan.scope, {})) if plan.scope else "")
            analyses = analyze(plan, context, desk.llm, self.refine, record.advanced)
        found = [shown(c, desk.paper) for analysis in analyses.values() for c in analysis.corrections]
        if found:
            context = context.extended("corrections", documents.corrections(found))
            plan = plan.model_copy(update={"corrections": (*plan.corrections, *found)})
        if listed:
            plan = plan.model_copy(update={"numbers": listed.result()})
        return Planned(plan, context, analyses)

    def proposed(self, desk: Desk) -> tuple[Plan, Context]:
        """The plan as the paper asks for it, before people have decided on it."""
        with desk.record.stage("plan", len(STEPS)):
            return within_window(desk.paper, desk.record.keep, partial(self._planned, desk), desk.wish)

    def _planned(self, desk: Desk, context: Context) -> tuple[Plan, Context]:
        advanced = desk.record.advanced
        asked = self.method, self.refine, advanced, self.contract, desk.wish, desk.division.requirements
        planner = Planner(desk.paper, desk.llm, context, desk.executor, *asked)
        return planner.plan(), planner.context

    def write(self, desk: Desk, planned: Planned, fixer: Fixer | None) -> Written:
        """See Way. Nothing is run before all is written."""
        plan, analyses, context = planned.plan, planned.analyses, planned.context
        with desk.record.stage("code", len(plan.architecture.files)):
            advanced = desk.record.advanced
            return write(plan, analyses, context, desk.llm, desk.executor, self.refine, advanced)

    def run(self, fixer: Fixer, repository: Repository) -> Repository:
        """See Way."""
        mended, _ = fixer.fix(repository)
        return mended


@dataclass(frozen=True)
class Iterative:
    """An agent, without a plan."""

    max_steps: int

    def plan(self, desk: Desk) -> Planned:
        """See Way."""
        with desk.record.stage("plan", len(STEPS)):
            return Planned(
                unplanned(desk.paper, CURRENT), next(contexts(desk.paper, desk.record.keep, desk.wish))
            )

    def write(self, desk: Desk, planned: Planned, fixer: Fixer | None) -> Written:
        """See Way."""
        tools = desk.bench.tools(fixer) if desk.bench and fixer else None
        shown = contexts(desk.paper, desk.record.keep, desk.wish)
        with desk.record.stage("code"):
            worked = Agent(desk.llm, shown, tools, self.max_steps, desk.record.advanced).work()
        log = {"docs/steps.md": worked.log}
        return Written(worked.repository, planned.context, (), log, worked.ending)

    def run(self, fixer: Fixer, repository: Repository) -> Repository:
        """See Way. The agent has mended what it could."""
        fixer.execute(repository)
        return repository
