"""Tests by somebody who has read the paper and the plan, and never the code.

Asked for while the code is written. A program sends back what cannot be tried, could not fail, or would notice less
than it did.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from pipeline.coding.checks.authored import refused_tests
from pipeline.coding.checks.tested import cases, files_of_tests, place_of_tests
from pipeline.coding.checks.weakening import weakened
from pipeline.coding.edits import EditError, apply, parse
from pipeline.coding.repository import Repository
from pipeline.errors import AnswerInvalid, BudgetReached, ContextOverflow, ModelRefused
from pipeline.model.asking import Context, Unfit, ask_until, block, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.checks import ENTRY
from pipeline.planning.plan import Plan, Requirement

FROM_WEIGHT = 2
"""What weighs less is not tested."""
EACH, MOST_PARTS, MOST = 8, 3, 24
"""Requirements in one answer, answers side by side, and requirements in all: the heaviest are."""
GIVES_UP = AnswerInvalid, ModelRefused, BudgetReached, ContextOverflow
"""What ends an attempt to show more of a repository that stands."""
_NOT_COMPUTED = ("hyperparameter", "result")
_UNTESTED = re.compile(r"^UNTESTED (R\d+): *(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """What one answer is to test."""

    stage: str
    modules: tuple[str, ...]
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True)
class Suite:
    """Tests, and what is not tested."""

    files: Mapping[str, str] = field(default_factory=dict)
    untested: Mapping[str, str] = field(default_factory=dict)
    """Requirement → why, in a sentence."""

    def __add__(self, other: "Suite") -> "Suite":
        return Suite({**self.files, **other.files}, {**self.untested, **other.untested})


@dataclass(frozen=True)
class Author:
    """Writes tests, and corrects them. Raises what the model's client raises."""

    plan: Plan
    llm: LLM
    context: Context
    """Paper and plan, no code."""

    def parts(self) -> tuple[list[Part], Suite]:
        """What is to be asked, files of tests apart, and what the plan leaves nothing to test of."""
        modules, untested = self._modules()
        number = min(math.ceil(sum(map(len, modules.values())) / EACH), MOST_PARTS, len(modules))
        bins: list[list[str]] = [[] for _ in range(number)]
        for module in sorted(modules, key=lambda module: -len(modules[module])):
            min(bins, key=lambda held: sum(len(modules[each]) for each in held)).append(module)
        parts = [
            Part(
                "tests" if number == 1 else f"tests.{n}of{number}",
                tuple(held),
                tuple(requirement for module in held for requirement in modules[module]),
            )
            for n, held in enumerate(bins, 1)
        ]
        return parts, Suite({}, untested)

    def begin(self, executor: Executor) -> Callable[[], Suite]:
        """Have all tests written from now on; what comes back waits for them."""
        parts, untested = self.parts()
        begun = [executor.submit(self.write, part) for part in parts]
        return lambda: sum((each.result() for each in begun), untested)

    def write(self, part: Part) -> Suite:
        """The tests of a part. Where nothing usable comes, its requirements are untested, and why is said."""
        task = render(
            "tests",
            requirements=bullets([self._stated(requirement) for requirement in part.requirements]),
            files=bullets([f"`{place_of_tests(module)}` tests `{module}`" for module in part.modules]),
        )
        try:
            return ask_until(
                self.llm, self.context, part.stage, task, lambda answer: self._read(answer, part)
            )
        except GIVES_UP as error:
            return Suite(
                {}, {requirement.id: f"No tests came of it: {error}" for requirement in part.requirements}
            )

    def corrected(self, files: Mapping[str, str], faults: Mapping[str, str], stage: str) -> dict[str, str]:
        """The tests with these faults mended, test or file → what is wrong. Raises AnswerInvalid."""
        named = [f"`{name}`: {why}" for name, why in faults.items()]
        paths = {name.partition("::")[0] for name in faults}
        return self._changed(
            {path: files[path] for path in sorted(paths)}, stage, wrong=bullets(named), survivors=""
        )

    def sharpened(self, files: Mapping[str, str], survivors: Sequence[str], stage: str) -> dict[str, str]:
        """The tests as they notice more: `survivors` are faults that they did not. Raises AnswerInvalid."""
        return self._changed(files, stage, wrong="", survivors=bullets(survivors))

    def _changed(self, files: Mapping[str, str], stage: str, **values: str) -> dict[str, str]:
        before = Repository(files)
        shown = "\n\n".join(block("tests", text, path=path) for path, text in files.items())
        task = render("tests_again", tests=shown, edit_format=render("edit_format"), **values)

        def read(answer: str) -> dict[str, str]:
            try:
                after = apply(before, parse(answer)).files
            except EditError as error:
                raise Unfit([str(error)]) from error
            found = self._refused(after, files) + weakened(files, after)
            if found:
                raise Unfit(found)
            return dict(after)

        return ask_until(self.llm, self.context, stage, task, read)

    def _modules(self) -> tuple[dict[str, list[Requirement]], dict[str, str]]:
        """Files of the plan with the requirements that are tested there; and what is not tested, and why."""
        held = {item.requirement for item in self.plan.logic.held}
        computed = [
            requirement
            for requirement in self.plan.overview.requirements
            if requirement.weight >= FROM_WEIGHT
            and requirement.kind not in _NOT_COMPUTED
            and requirement.id not in held
        ]
        modules, untested = dict[str, list[Requirement]](), dict[str, str]()
        for number, requirement in enumerate(sorted(computed, key=lambda requirement: -requirement.weight)):
            module = self._module(requirement)
            if module is None:
                untested[requirement.id] = "The plan has no function for it that could be called by itself."
            elif number >= MOST:
                untested[requirement.id] = f"The {MOST} heaviest are tested."
            else:
                modules.setdefault(module, []).append(requirement)
        return modules, untested

    def _module(self, requirement: Requirement) -> str | None:
        return next(
            (
                file.path
                for file in self.plan.logic.files
                if requirement.id in file.requirements
                and file.path not in ENTRY.values()
                and any(self.plan.promised(file.path))
            ),
            None,
        )

    def _stated(self, r: Requirement) -> str:
        anchor = self.plan.anchors.get(r.id, "")
        return f"{r.id} (weight {r.weight}, `{self._module(r)}`): {r.text} The paper [{anchor}]: “{r.quote}”"

    def _read(self, answer: str, part: Part) -> Suite:
        untested = dict(_UNTESTED.findall(answer))
        try:
            files = (
                dict(apply(Repository({}), parse(answer)).files) if "```" in answer or not untested else {}
            )
        except EditError as error:
            raise Unfit([str(error)]) from error
        found = self._refused(files, {place_of_tests(module): "" for module in part.modules})
        tested = {id_ for case in cases(files) for id_ in case.requirements}
        asked = {requirement.id for requirement in part.requirements}
        found += [
            f"{id_} is neither tested nor UNTESTED." for id_ in sorted(asked - tested - untested.keys())
        ]
        if found:
            raise Unfit(found)
        return Suite(files, {id_: why for id_, why in untested.items() if id_ in asked - tested})

    def _refused(self, files: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
        ids = {requirement.id for requirement in self.plan.overview.requirements}
        found = [
            f"{path}: tests stand in {', '.join(places)}." for path in sorted(files.keys() - places.keys())
        ]
        for path, text in files_of_tests(files).items():
            if text != places.get(path):
                found += refused_tests(path, text, self.plan, ids)
        return found
