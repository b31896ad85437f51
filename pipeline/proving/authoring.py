"""Tests by somebody who has read the paper and the plan, and never the code.

Asked for while the code is written. A program sends back what cannot be tried, could not fail, or would notice less
than it did.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
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

FROM_WEIGHT, HEAVIEST = 2, 3
"""What weighs less is not tested; and where the budget pays for no more."""
EACH, MOST_PARTS, MOST = 8, 3, 24
"""Requirements in one answer, answers side by side, and requirements in all: the heaviest are."""
GIVES_UP = AnswerInvalid, ModelRefused, BudgetReached, ContextOverflow
"""What ends an attempt to show more of a repository that stands."""
_NOT_COMPUTED = {
    "hyperparameter": "It is listed as values that are set: no test was asked for.",
    "result": "It states what whole experiments give, and tests run none of them.",
}
"""Kinds of requirements that no test is written for."""
_UNTESTED = re.compile(r"^UNTESTED (R\d+): *(.+)$", re.MULTILINE)
_PARTLY = re.compile(r"^PARTLY (R\d+): *(.+)$", re.MULTILINE)
_DISPUTED = re.compile(r"^DISPUTED `?([\w./:]+)`?: *(.+)$", re.MULTILINE)


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
    partly: Mapping[str, str] = field(default_factory=dict)
    """Requirement of which only a part is tested → which is not, and why."""

    def __add__(self, other: "Suite") -> "Suite":
        return Suite(
            {**self.files, **other.files},
            {**self.untested, **other.untested},
            {**self.partly, **other.partly},
        )


@dataclass(frozen=True)
class Author:
    """Writes tests, and corrects them. Raises what the model's client raises."""

    plan: Plan
    llm: LLM
    context: Context
    """Paper and plan, no code."""
    from_weight: int = FROM_WEIGHT

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
        draft = _Draft(self, part)
        try:
            return ask_until(
                self.llm,
                self.context,
                part.stage,
                task,
                draft.read,
                again=lambda _, found: draft.again(found),
            )
        except GIVES_UP as error:
            return Suite(
                {}, {requirement.id: f"No tests came of it: {error}" for requirement in part.requirements}
            )

    def corrected(
        self, files: Mapping[str, str], faults: Mapping[str, str], judged: Collection[str], stage: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The tests with these faults mended, test or file → what is wrong; and what their author objects to instead,
        test → why. Only what somebody has `judged` can be objected to. Raises AnswerInvalid.
        """
        paths = {name.partition("::")[0] for name in faults}
        return self._changed(
            {path: files[path] for path in sorted(paths)},
            stage,
            judged,
            wrong=bullets(_by_fault(faults)),
            survivors="",
        )

    def sharpened(self, files: Mapping[str, str], survivors: Sequence[str], stage: str) -> dict[str, str]:
        """The tests as they notice more: `survivors` are faults that they did not. Raises AnswerInvalid."""
        told = bullets(list(dict.fromkeys(survivors)))
        return self._changed(files, stage, (), wrong="", survivors=told)[0]

    def _changed(
        self, files: Mapping[str, str], stage: str, judged: Collection[str], **values: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        task = render("tests_again", tests=_shown(files), edit_format=render("edit_format"), **values)

        def read(answer: str) -> tuple[dict[str, str], dict[str, str]]:
            said = {_whole(name, judged): why for name, why in _DISPUTED.findall(answer)}
            rest = _DISPUTED.sub("", answer)
            after = _edited(files, rest, demanded=not said)
            found = self.refused(after, files) + weakened(files, after)
            found += [f"No judge has read `{name}`: correct it." for name in said if name not in judged]
            if found:
                raise Unfit(found)
            return dict(after), said

        return ask_until(self.llm, self.context, stage, task, read)

    def _modules(self) -> tuple[dict[str, list[Requirement]], dict[str, str]]:
        """Files of the plan with the requirements that are tested there; and all that is not tested, and why."""
        modules, untested = dict[str, list[Requirement]](), dict[str, str]()
        for requirement in sorted(self.plan.overview.requirements, key=lambda each: -each.weight):
            module = self._module(requirement)
            if why := self._untested(requirement):
                untested[requirement.id] = why
            elif module is None:
                untested[requirement.id] = "The plan has no function for it that could be called by itself."
            elif sum(map(len, modules.values())) >= MOST:
                untested[requirement.id] = f"Tests are asked for at most {MOST}, the heaviest first."
            else:
                modules.setdefault(module, []).append(requirement)
        return modules, untested

    def _untested(self, requirement: Requirement) -> str:
        """Why it is none of those that are tested, whatever the plan has for it; empty: it is one."""
        if why := _NOT_COMPUTED.get(requirement.kind):
            return why
        if any(item.requirement == requirement.id for item in self.plan.logic.held):
            return "By the plan it is fulfilled by values of `config.yaml` alone."
        if requirement.weight < self.from_weight:
            return f"Only what weighs {self.from_weight} or more is tested."
        return ""

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

    def refused(self, files: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
        """What a program finds against tests that stand in `places`, path → text that needs no second look."""
        ids = {requirement.id for requirement in self.plan.overview.requirements}
        found = [
            f"{path}: tests stand in {', '.join(places)}." for path in sorted(files.keys() - places.keys())
        ]
        for path, text in files_of_tests(files).items():
            if text != places.get(path):
                found += refused_tests(path, text, self.plan, ids)
        return found


@dataclass
class _Draft:
    """Tests as they come: whole, and then by edits."""

    author: Author
    part: Part
    files: Mapping[str, str] = field(default_factory=dict)

    def read(self, answer: str) -> Suite:
        """Raises Unfit; the files that could be read are kept."""
        untested, partly = dict(_UNTESTED.findall(answer)), dict(_PARTLY.findall(answer))
        files = _edited(self.files, answer, demanded=not (untested or partly))
        places = {place_of_tests(module): "" for module in self.part.modules}
        found = self.author.refused(files, places)
        # No edit takes a file away.
        self.files = {path: files[path] for path in sorted(files.keys() & places.keys())}
        tested = {id_ for case in cases(files) for id_ in case.requirements}
        asked = {requirement.id for requirement in self.part.requirements}
        found += [
            f"{id_} is neither tested nor UNTESTED." for id_ in sorted(asked - tested - untested.keys())
        ]
        if found:
            raise Unfit(found)
        return Suite(
            self.files,
            {id_: why for id_, why in untested.items() if id_ in asked - tested},
            {id_: why for id_, why in partly.items() if id_ in asked & tested},
        )

    def again(self, findings: Sequence[str]) -> str:
        """A question for what the findings need."""
        return render(
            "tests_unfit",
            tests=_shown(self.files) or "(none yet)",
            findings=bullets(findings),
            edit_format=render("edit_format"),
        )


def _shown(files: Mapping[str, str]) -> str:
    return "\n\n".join(block("tests", text, path=path) for path, text in files.items())


def _edited(files: Mapping[str, str], answer: str, *, demanded: bool) -> Mapping[str, str]:
    """The files with the edits of an answer, of which there may be none unless they are demanded. Raises Unfit."""
    if not demanded and "```" not in answer and "<<<<" not in answer:
        return files
    try:
        return apply(Repository(files), parse(answer)).files
    except EditError as error:
        raise Unfit([str(error)]) from error


def _by_fault(faults: Mapping[str, str]) -> list[str]:
    """A line for each fault, with all tests that have it."""
    return [
        f"{', '.join(f'`{name}`' for name in faults if faults[name] == why)}: {why}"
        for why in dict.fromkeys(faults.values())
    ]


def _whole(name: str, known: Collection[str]) -> str:
    """A test as it is known, where it is named without its file."""
    return next((each for each in known if each.endswith(f"::{name}")), name)
