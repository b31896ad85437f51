"""Planning: overview with requirements → architecture → logic → configuration, each checked by a program.

Source: Paper2Code (arXiv 2504.17192), section 3.2; quotations that a program looks up are ours.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, get_args

from pydantic import Field

from pipeline import documents
from pipeline.asking import Context, ask, bullets, refined, render
from pipeline.checks import plans
from pipeline.llm import LLM
from pipeline.paper import Paper
from pipeline.plan import (
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
    Overview,
    Plan,
    Requirement,
)

Step = TypeVar("Step", bound=Answer)
METHODS: tuple[Method, ...] = get_args(Method)
"""Each has all that the one before it has."""


class Requirements(Answer):
    """Requirements alone: the answer when only quotations are asked for again."""

    requirements: tuple[Requirement, ...] = Field(description="Only those that were rejected")


@dataclass
class Planner:
    """Asks for one step after the other; the context grows with each."""

    paper: Paper
    llm: LLM
    context: Context
    method: Method
    refine: Collection[str]
    advanced: Callable[[str], None]
    drafts: list[Draft] = field(default_factory=list)

    def plan(self) -> Plan:
        """As much of the plan as the method has. Raises AnswerInvalid, and what the model's client raises."""
        overview, refused = self._overview() if self._has("plan") else (_no_overview(self.paper), ())
        architecture, logic, configuration = NO_ARCHITECTURE, NO_LOGIC, NO_CONFIGURATION
        if self._has("plan+arch"):
            architecture = self._step(
                "architecture", Architecture, documents.architecture, plans.check_architecture
            )
            self.context = self.context.extended("architecture", documents.architecture(architecture))
        if self._has("plan+arch+logic"):
            logic = self._step(
                "logic",
                Logic,
                documents.logic,
                lambda logic: plans.check_logic(logic, architecture, overview),
            )
            self.context = self.context.extended("logic", documents.logic(logic))
        if self._has("plan+arch+logic+config"):
            configuration = self._step(
                "config", Configuration, documents.config_yaml, plans.check_configuration
            )
            configuration = self._with_true_sources(configuration)
        anchors = plans.anchors(overview, configuration, self.paper)
        if configuration.entries:
            text = documents.config_yaml(configuration, anchors)
            self.context = self.context.extended("config.yaml", text)
        return Plan(
            overview=overview,
            architecture=architecture,
            logic=logic,
            configuration=configuration,
            anchors=anchors,
            refused=refused,
            drafts=tuple(self.drafts),
        )

    def _has(self, step: Method) -> bool:
        return METHODS.index(step) <= METHODS.index(self.method)

    def _overview(self) -> tuple[Overview, tuple[Requirement, ...]]:
        overview = self._step("overview", Overview, documents.overview, plans.check_overview)
        overview, refused = self._with_true_quotes(overview)
        self.context = self.context.extended("overview", documents.overview(overview))
        return overview, refused

    def _step(
        self,
        stage: str,
        answer: type[Step],
        show: Callable[[Step], str],
        check: Callable[[Step], Sequence[str]],
    ) -> Step:
        self.advanced(stage)
        name, task = f"plan.{stage}", render(stage)

        def again(name: str, task: str) -> Step:
            return ask(self.llm, self.context, name, task, answer, check)

        value = again(name, task)
        if stage in self.refine:
            first = value
            better, critique = refined(self.llm, self.context, name, task, value.model_dump_json(), again)
            value = better or first
            self.drafts.append(Draft(stage=stage, text=show(first), critique=critique))
        return value

    def _with_true_quotes(self, overview: Overview) -> tuple[Overview, tuple[Requirement, ...]]:
        """Requirements whose quotation is in the paper, and those that were refused."""
        wrong = self._unproven(overview.requirements)
        if not wrong:
            return overview, ()
        findings = [f"{r.model_dump_json()}: {wrong[r.id]}" for r in overview.requirements if r.id in wrong]
        again = ask(
            self.llm,
            self.context,
            "plan.overview.quotes",
            render("quotes", findings=bullets(findings), configuration=False),
            Requirements,
        )
        still_wrong = self._unproven(again.requirements)
        mended = {r.id: r for r in again.requirements if r.id in wrong and r.id not in still_wrong}
        settled = [mended.get(r.id, r) for r in overview.requirements]
        kept = tuple(r for r in settled if r.id not in wrong or r.id in mended)
        refused = tuple(r for r in settled if r.id in wrong and r.id not in mended)
        return overview.model_copy(update={"requirements": kept}), refused

    def _unproven(self, requirements: Sequence[Requirement]) -> dict[str, str]:
        return {r.id: why for r in requirements if (why := plans.unproven(r, self.paper))}

    def _with_true_sources(self, configuration: Configuration) -> Configuration:
        """Every quoted value is in its quotation and every quotation in the paper; the rest is assumed."""
        wrong = {e.key: why for e in configuration.entries if (why := plans.unsourced(e, self.paper))}
        if not wrong:
            return configuration
        findings = [f"{e.model_dump_json()}: {wrong[e.key]}" for e in configuration.entries if e.key in wrong]
        again = ask(
            self.llm,
            self.context,
            "plan.config.quotes",
            render("quotes", findings=bullets(findings), configuration=True),
            Configuration,
        )
        mended = {e.key: e for e in again.entries if e.key in wrong and not plans.unsourced(e, self.paper)}

        def settled(entry: ConfigEntry) -> ConfigEntry:
            if entry.key not in wrong:
                return entry
            return mended.get(
                entry.key,
                entry.model_copy(
                    update={"quote": "", "assumed": "no passage of the paper could be shown for it"}
                ),
            )

        return Configuration(entries=tuple(settled(entry) for entry in configuration.entries))


def _no_overview(paper: Paper) -> Overview:
    """What is known of a paper that nobody has read yet: no requirement, so nothing to audit."""
    words = re.findall(r"[a-z0-9]+", paper.title.lower())[:4]
    return Overview(
        slug="-".join(words) or "paper",
        summary=paper.abstract,
        components=(),
        objectives=(),
        data=(),
        evaluation=(),
        unclear=(),
        requirements=(),
    )
