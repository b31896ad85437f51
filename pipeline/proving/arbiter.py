"""Who is wrong where a test and the code disagree, by the paper: decided by whoever judges, quoting it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pydantic import Field

from pipeline.coding.checks.tested import Case, targets
from pipeline.coding.repository import Repository
from pipeline.model.asking import Context, ask, block, render
from pipeline.model.llm import LLM
from pipeline.planning.plan import Answer, Plan
from pipeline.reading.paper import Paper


class Ruling(Answer):
    """What is decided of one test."""

    test: str
    by_test: str = Field(description="How the test reads the paper")
    by_code: str = Field(description="How the code reads it")
    quote: str = Field(description="Word for word from the paper, the passage that decides")
    wrong: Literal["code", "test", "paper"]
    why: str


class Rulings(Answer):
    """All of them."""

    rulings: tuple[Ruling, ...]


@dataclass(frozen=True)
class Arbiter:
    """Reads the paper for both sides. Raises AnswerInvalid and what the model's client raises."""

    paper: Paper
    plan: Plan
    llm: LLM
    context: Context
    """Paper and plan."""

    def rule(
        self,
        failures: Mapping[Case, str],
        earlier: Mapping[str, Ruling],
        objections: Mapping[str, str],
        repository: Repository,
        stage: str,
    ) -> dict[str, Ruling]:
        """A ruling on each test that fails, test → why; `earlier` are those on the same tests, and
        `objections` what a test's author says against its own."""
        disagreements = [
            {
                "test": case.id,
                "passages": self._passages(case.requirements),
                "source": block("test", case.text),
                "failure": block("output", why),
                "earlier": earlier[case.id].why if case.id in earlier else "",
                "objection": objections.get(case.id, ""),
            }
            for case, why in failures.items()
        ]
        tested = {path for case in failures for path in targets(_alone(case, repository))}
        code = "\n\n".join(block("code", repository.files[path], path=path) for path in sorted(tested))
        task = render("arbiter", disagreements=disagreements, code=code)
        check = partial(self._findings, {case.id for case in failures})
        answer = ask(self.llm, self.context, stage, task, Rulings, check)
        return {ruling.test: ruling for ruling in answer.rulings}

    def _passages(self, ids: Sequence[str]) -> list[str]:
        return [
            f"{r.id}: {r.text} The paper [{self.plan.anchors.get(r.id, '')}]: “{r.quote}”"
            for r in self.plan.overview.requirements
            if r.id in ids
        ]

    def _findings(self, tests: set[str], answer: Rulings) -> list[str]:
        ruled = {ruling.test for ruling in answer.rulings}
        return [
            *(f"There is no ruling on `{test}`." for test in sorted(tests - ruled)),
            *(f"`{test}` is not among the tests." for test in sorted(ruled - tests)),
            *(
                f"`{ruling.test}`: “{ruling.quote}” is not in the paper."
                for ruling in answer.rulings
                if not self.paper.find(ruling.quote)
            ),
        ]


def _alone(case: Case, repository: Repository) -> dict[str, str]:
    """The code with the file of one test alone."""
    path = case.id.partition("::")[0]
    others = {name: text for name, text in repository.python_files().items() if not name.startswith("tests/")}
    return {**others, path: repository.files[path]}
