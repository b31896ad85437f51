"""Planning: overview → requirements, architecture and configuration → logic; a program checks each.

Source: Paper2Code (arXiv 2504.17192), section 3.2; requirements and quotations that a program looks up are ours.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, get_args

from pipeline.contract import CURRENT, Contract
from pipeline.model.asking import Context, ask, block, bullets, refined, render
from pipeline.model.llm import LLM
from pipeline.planning import checks as plans
from pipeline.planning import documents, scope, sources
from pipeline.planning.corrections import shown
from pipeline.planning.experiments import check_experiments
from pipeline.planning.plan import (
    NO_ARCHITECTURE,
    NO_CONFIGURATION,
    NO_LOGIC,
    Answer,
    Architecture,
    ConfigEntry,
    Configuration,
    Draft,
    Logic,
    Method,
    OpenQuestions,
    Overview,
    Placements,
    Plan,
    Reading,
    Requirement,
    Requirements,
    ScopeItem,
    inherited,
)
from pipeline.reading.paper import Paper

Step = TypeVar("Step", bound=Answer)
Item = TypeVar("Item", bound=Answer)
METHODS: tuple[Method, ...] = get_args(Method)
"""Each has all that the one before it has."""
STEPS = ("overview", "requirements", "architecture", "config", "logic")


@dataclass
class Planner:
    """Asks for one step after the other; the context grows with each."""

    paper: Paper
    llm: LLM
    context: Context
    executor: Executor
    method: Method
    refine: Collection[str]
    advanced: Callable[[str], None]
    contract: Contract = CURRENT
    wish: str = ""
    """What a person wants of the paper; the context holds it."""
    most: int | None = None
    """So many requirements, the heaviest, are what the budget pays for; None: all."""
    drafts: list[Draft] = field(default_factory=list)

    def plan(self) -> Plan:
        """As much of the plan as the method has. Raises AnswerInvalid, and what the model's client raises."""
        if not self._has("plan"):
            return unplanned(self.paper, self.contract)
        reading = self._open(self._step("overview", Reading, documents.overview, plans.check_overview))
        self._extend("overview", documents.overview(reading))
        requirements = self.executor.submit(self._requirements, reading)
        architecture = None if self.most else self.executor.submit(self._architecture)
        configuration = self.executor.submit(self._configuration)
        asked: list[Future[Any] | None] = [requirements, architecture, configuration]
        wait([each for each in asked if each])
        required, refused, placed, beyond = requirements.result()
        anchors = plans.settled(required, reading, self.paper)
        self._extend("requirements", documents.requirements(required, reading, anchors, placed))
        # What the budget leaves out is not laid out either, so then it has to be known first.
        laid_out = architecture.result() if architecture else self._architecture()
        configured = configuration.result()
        overview = _overview(reading, required, anchors)
        if laid_out.files:
            self._extend("architecture", documents.architecture(laid_out))
        if configured.entries:
            self._extend("config.yaml", self._config_yaml(configured))
        logic = self._logic(laid_out, configured, overview)
        if logic.files:
            self._extend("logic", documents.logic(logic))
        corrections = tuple(shown(correction, self.paper) for correction in logic.corrections)
        if corrections:
            self._extend("corrections", documents.corrections(corrections))
        if logic.lacking and configured.entries:
            more = self._with_true_sources("logic", inherited(logic.lacking))
            configured = Configuration(entries=configured.entries + more.entries)
            self._extend("config.yaml", self._config_yaml(more), part="what the logic design added")
        return Plan(
            overview=overview,
            architecture=laid_out,
            logic=logic,
            configuration=configured,
            anchors=sources.anchors(overview, configured, self.paper),
            refused=refused,
            drafts=tuple(sorted(self.drafts, key=lambda draft: STEPS.index(draft.stage))),
            contract=self.contract,
            scope=placed,
            beyond=beyond,
            corrections=corrections,
        )

    def _extend(self, tag: str, text: str, **attributes: str) -> None:
        self.context = self.context.extended(tag, text, **attributes)

    def _config_yaml(self, configuration: Configuration) -> str:
        return documents.config_yaml(configuration, sources.sources(configuration.entries, self.paper))

    def _has(self, step: Method) -> bool:
        return METHODS.index(step) <= METHODS.index(self.method)

    def _open(self, reading: Reading) -> Reading:
        """With those questions alone that are open; what leaves out part of the paper goes back once."""
        dropping = [item for item in reading.unclear if scope.drops(item)]
        if not dropping or self.contract == 1:
            return reading
        task = render("unclear", items=bullets([item.model_dump_json() for item in dropping]))
        again = ask(self.llm, self.context, "plan.overview.unclear", task, OpenQuestions)
        kept = [item for item in (*reading.unclear, *again.unclear) if not scope.drops(item)]
        return reading.model_copy(update={"unclear": tuple(kept)})

    def _requirements(
        self, reading: Reading
    ) -> tuple[Requirements, tuple[Requirement, ...], tuple[ScopeItem, ...] | None, tuple[Requirement, ...]]:
        """Requirements whose quotations hold, those that were refused, what becomes of all that the paper has, and
        what is beyond the budget.
        """
        items = scope.inventoried(self.paper.inventory()) if self.contract > 1 else ()
        asked = self._step(
            "requirements",
            Requirements,
            lambda answer: documents.requirements(answer, reading, {}),
            plans.check_requirements,
            inventory=block("inventory", scope.listed(items)) if items else "",
            wish=bool(self.wish),
        )
        named = {r.id: r for r in asked.requirements}
        named |= self._mended("requirements", named, self._unproven, Requirements, _by_id)
        invented = {r.id for r in named.values() if self._unproven(r)}
        refused = tuple(r for r in named.values() if r.id in invented)
        kept = tuple(r for r in named.values() if r.id not in invented)
        placed = self._placed(asked.model_copy(update={"requirements": kept}), items)
        heaviest = {r.id for r in sorted(kept, key=lambda r: -r.weight)[: self.most]}
        beyond = tuple(r for r in kept if r.id not in heaviest)
        kept = tuple(r for r in kept if r.id in heaviest)
        placed = placed and scope.within(placed, {r.id for r in kept})
        return asked.model_copy(update={"requirements": kept}), refused, placed, beyond

    def _placed(self, answer: Requirements, items: tuple[ScopeItem, ...]) -> tuple[ScopeItem, ...] | None:
        """`items`, each with what becomes of it; what the answer does not place goes back once."""
        if self.contract == 1:
            return None
        ids, wished = {requirement.id for requirement in answer.requirements}, bool(self.wish)
        findings, places = scope.check(items, answer.places, ids, wished), answer.places
        if findings:
            task = render(
                "places",
                findings=bullets(findings),
                inventory=block("inventory", scope.listed(items)),
                requirements=block(
                    "requirements", bullets([f"{r.id} {r.text}" for r in answer.requirements])
                ),
                wish=wished,
            )
            places += ask(self.llm, self.context, "plan.requirements.places", task, Placements).places
        return scope.placed(items, places, ids, wished)

    def _architecture(self) -> Architecture:
        if not self._has("plan+arch"):
            return NO_ARCHITECTURE
        check = partial(plans.check_architecture, contract=self.contract)
        return self._step("architecture", Architecture, documents.architecture, check)

    def _configuration(self) -> Configuration:
        if not self._has("plan+arch+logic+config"):
            return NO_CONFIGURATION
        asked = self._step("config", Configuration, documents.config_yaml, plans.check_configuration)
        return self._with_true_sources("config", inherited(asked.entries))

    def _logic(self, architecture: Architecture, configuration: Configuration, overview: Overview) -> Logic:
        if not self._has("plan+arch+logic"):
            return NO_LOGIC

        def check(logic: Logic) -> list[str]:
            found = plans.check_logic(logic, architecture, configuration, overview, self.contract)
            if self.contract == 1:
                return found
            return found + check_experiments(logic, configuration, self.paper.anchors)

        configured = bool(configuration.entries)
        return self._step("logic", Logic, documents.logic, check, configured=configured)

    def _step(
        self,
        stage: str,
        answer: type[Step],
        show: Callable[[Step], str],
        check: Callable[[Step], Sequence[str]],
        **values: object,
    ) -> Step:
        self.advanced(stage)
        name, task = f"plan.{stage}", render(stage, **values)

        def again(name: str, task: str) -> Step:
            return ask(self.llm, self.context, name, task, answer, check)

        value = again(name, task)
        if stage in self.refine:
            first = value
            better, critique = refined(self.llm, self.context, name, task, value.model_dump_json(), again)
            value = better or first
            self.drafts.append(Draft(stage=stage, text=show(first), critique=critique))
        return value

    def _unproven(self, requirement: Requirement) -> str | None:
        return plans.unproven(requirement, self.paper)

    def _unsourced(self, entry: ConfigEntry) -> str | None:
        return plans.unsourced(entry, self.paper)

    def _with_true_sources(self, stage: str, entries: tuple[ConfigEntry, ...]) -> Configuration:
        """Every quoted value is in its quotation and every quotation in the paper; the rest is assumed."""
        named = {entry.key: entry for entry in entries}
        named |= self._mended(stage, named, self._unsourced, Configuration, _by_key)
        unknown = {"quote": "", "assumed": "no passage of the paper could be shown for it"}
        settled = [e.model_copy(update=unknown) if self._unsourced(e) else e for e in named.values()]
        return Configuration(entries=tuple(settled))

    def _mended(
        self,
        stage: str,
        items: Mapping[str, Item],
        problem: Callable[[Item], str | None],
        answer: type[Step],
        named: Callable[[Step], Mapping[str, Item]],
    ) -> dict[str, Item]:
        """Of the items that have a problem, those that came back without one; asked for once."""
        wrong = {name: why for name, item in items.items() if (why := problem(item))}
        if not wrong:
            return {}
        findings = [f"{items[name].model_dump_json()}: {why}" for name, why in wrong.items()]
        task = render("quotes", findings=bullets(findings), configuration=answer is Configuration)
        again = ask(self.llm, self.context, f"plan.{stage}.quotes", task, answer)
        return {name: item for name, item in named(again).items() if name in wrong and not problem(item)}


def _by_id(answer: Requirements) -> dict[str, Requirement]:
    return {requirement.id: requirement for requirement in answer.requirements}


def _by_key(answer: Configuration) -> dict[str, ConfigEntry]:
    return {entry.key: entry for entry in answer.entries}


def _overview(reading: Reading, required: Requirements, settled: Collection[int]) -> Overview:
    """The overview without the questions that the paper answers after all."""
    open_ = tuple(item for number, item in enumerate(reading.unclear, 1) if number not in settled)
    parts = reading.model_dump() | {"unclear": open_, "requirements": required.requirements}
    return Overview.model_validate(parts)


def unplanned(paper: Paper, contract: Contract) -> Plan:
    """What is known of a paper that nobody has read yet: no requirement, so nothing to audit."""
    words = re.findall(r"[a-z0-9]+", paper.title.lower())[:4]
    return Plan(
        overview=Overview(
            slug="-".join(words) or "paper",
            summary=paper.abstract,
            components=(),
            objectives=(),
            data=(),
            evaluation=(),
            unclear=(),
            requirements=(),
        ),
        architecture=NO_ARCHITECTURE,
        logic=NO_LOGIC,
        configuration=NO_CONFIGURATION,
        anchors={},
        refused=(),
        contract=contract,
    )
