from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.coding.repository import Repository
from pipeline.errors import BudgetReached
from pipeline.model.asking import Context
from pipeline.model.llm import Prompt
from pipeline.planning.plan import Experiment, Function, Metric, Plan, PlannedClass
from pipeline.running.doubts import doubts
from pipeline.running.fixing import Fixer
from pipeline.running.reconsidering import reconsidered
from sandbox.report import CommandResult, ExecutionReport, Limits, LineCoverage, PhaseResult
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, PLAN
from tests.pipeline.running.test_fixing import report

CODE = Repository({"estimator.py": ESTIMATOR, "experiments.py": "X = 1\n", "config.yaml": "seed: 0\n"})


def planned(*methods: str, metric: str = "error_{setting}") -> Plan:
    experiment = Experiment(name="table1", shows=(), methods=methods, metrics=(metric,), minutes=1)
    metrics = (Metric(name=metric, meaning=""),)
    logic = PLAN.logic.model_copy(update={"experiments": (experiment,), "metrics": metrics})
    return PLAN.model_copy(update={"logic": logic, "contract": 2})


def measured(metrics: Mapping[str, float], executed: set[int] | None = None) -> ExecutionReport:
    lines = frozenset(range(1, len(ESTIMATOR.splitlines()) + 1))
    coverage = {"estimator.py": LineCoverage(lines, lines if executed is None else frozenset(executed))}
    return replace(report(), metrics=metrics, coverage=coverage)


@pytest.mark.parametrize(
    ("metric", "metrics", "told"),
    [
        ("error", {"table1_a_error": 0.0, "table1_b_error": 0.0}, "is 0 for every method"),
        ("error", {"table1_a_error": 0.0, "table1_b_error": 0.1}, ""),
        ("accuracy", {"table1_a_accuracy": 1.0, "table1_b_accuracy": 1.0}, "is 1, the end of its range"),
        ("accuracy", {"table1_a_accuracy": 100.0, "table1_b_accuracy": 100.0}, "is 100, the end of its range"),
        ("error", {"table1_a_error": 1.0, "table1_b_error": 1.0}, ""),
        ("error_{s}", {f"table1_{m}_error_{s}": 0.3 + n for m in "ab" for n, s in enumerate("xy")}, "same for every"),
        ("accuracy_{s}", {f"table1_{m}_accuracy_{s}": 75.0 - n for m in "ab" for n, s in enumerate("xy")}, ""),
        ("accuracy_{s}", {f"table1_{m}_accuracy_{s}": 75.3456 - n for m in "ab" for n, s in enumerate("xy")},
         "same for every"),
        ("error_{s}", {"table1_a_error_x": 0.3, "table1_b_error_x": 0.3, "table1_a_error_y": 0.4}, ""),
        ("error", {"table1_a_error": 0.5, "table1_b_error": 0.5}, ""),
        ("error", {"table1_a_error": 0.4132705, "table1_b_error": 0.4132705}, "are different methods"),
        ("error", {"table1_a_error": 0.4132705, "table1_b_error": 0.4132706}, ""),
    ],
)  # fmt: skip
def test_numbers_that_did_not_vary_are_doubted(metric: str, metrics: dict[str, float], told: str) -> None:
    found = doubts(planned("a", "b", metric=metric), CODE, measured(metrics))
    assert [told in sentence for sentence in found] == ([True] if told else [])


def test_a_function_that_a_requirement_rests_on_and_that_never_ran_is_doubted() -> None:
    begin = next(n for n, line in enumerate(ESTIMATOR.splitlines(), 1) if line.startswith("def mean"))
    (found,) = doubts(PLAN, CODE, measured({}, {1, begin}))
    assert found == "No line of `mean` in `estimator.py` ran; requirements there: R1."
    assert doubts(PLAN, CODE, measured({}, {1, begin, begin + 2})) == []


STUBS = '''"""The mean."""

from typing import Protocol


class Estimator(Protocol):
    def fit(self, values):
        """Any."""
        ...

    def state_dict(self):
        return {}

    def shape(self, values):
        return len(values)
'''


def test_what_a_field_asks_for_or_has_no_body_is_not_doubted() -> None:
    methods = tuple(
        Function(name=name, parameters=(), returns="object") for name in ("fit", "state_dict", "shape")
    )
    planned = PlannedClass(name="Estimator", file="estimator.py", purpose="", methods=methods)
    architecture = PLAN.architecture.model_copy(update={"classes": (planned,)})
    plan, code = PLAN.model_copy(update={"architecture": architecture}), CODE.with_file("estimator.py", STUBS)
    lines = LineCoverage(frozenset(range(1, len(STUBS.splitlines()) + 1)), frozenset({1}))
    (found,) = doubts(plan, code, replace(report(), coverage={"estimator.py": lines}))
    assert "`Estimator.shape`" in found


def asked(plan: Plan, answer: str | None, *runs: ExecutionReport) -> tuple[Fixer, ScriptedLLM]:
    llm, left = ScriptedLLM({"doubts.1": answer} if answer else {}), list(runs)
    return Fixer(plan, {}, Context("system"), llm, lambda repository: left.pop(0), 8, Limits()), llm


ALIKE = measured({"table1_a_error_x": 0.0, "table1_b_error_x": 0.0})
FINE = measured({"table1_a_error_x": 0.1, "table1_b_error_x": 0.2})
EDIT = """The sizes are too small.

config.yaml
<<<<<<< SEARCH
seed: 0
=======
seed: 1
>>>>>>> REPLACE
"""


def test_where_nothing_is_in_doubt_nobody_is_asked() -> None:
    fixer, llm = asked(planned("a", "b"), None, FINE)
    assert (reconsidered(fixer, CODE), llm.asked) == ((CODE, ""), [])


def test_by_the_contract_before_nobody_is_asked() -> None:
    fixer, llm = asked(planned("a", "b").model_copy(update={"contract": 1}), None, ALIKE)
    assert (reconsidered(fixer, CODE), llm.asked) == ((CODE, ""), [])


def test_doubts_go_back_once_and_what_is_mended_is_run_and_told() -> None:
    fixer, llm = asked(planned("a", "b"), EDIT, ALIKE, FINE)
    repository, told = reconsidered(fixer, CODE)
    assert repository.files["config.yaml"] == "seed: 1\n"
    assert told == "The sizes are too small."
    assert "`error_{setting}` of the experiment `table1` is 0" in llm.asked[0].task
    assert [change.remedy for change in fixer.changes] == ["doubts: The sizes are too small."]
    assert fixer.attempts[0].remedy == "doubts: The sizes are too small."


def test_where_nobody_can_be_paid_what_runs_stands() -> None:
    def reached(prompt: Prompt) -> str:
        raise BudgetReached("The call doubts.1 could cost $0.10.")

    fixer, llm = asked(planned("a", "b"), None, ALIKE)
    llm.answers["doubts.1"] = reached
    assert reconsidered(fixer, CODE) == (CODE, "Nobody was asked: The call doubts.1 could cost $0.10.")


def test_what_breaks_is_taken_back() -> None:
    fixer, _ = asked(planned("a", "b"), EDIT, ALIKE, report(stderr="ValueError: no\n"))
    repository, told = reconsidered(fixer, CODE)
    assert (repository, fixer.changes) == (CODE, [])
    assert told.startswith("What was proposed was taken back, since with it smoke failed: ")


def test_what_no_longer_ends_is_taken_back_and_that_is_what_is_said() -> None:
    slow = CommandResult(("python3", "main.py", "--smoke"), None, 120.0, "", "", timed_out=True)
    fixer, _ = asked(planned("a", "b"), EDIT, ALIKE, replace(report(), phases=(PhaseResult("smoke", slow),)))
    seen = "smoke had not ended after 120 seconds"
    assert reconsidered(fixer, CODE) == (CODE, f"What was proposed was taken back, since with it {seen}")
    assert fixer.attempts[0].remedy == f"doubts: The sizes are too small. (taken back: with that, {seen})"
    assert (fixer.attempts[0].lines_changed, fixer.executed_as(CODE).ok) == (0, True)


def test_a_reason_why_all_is_as_it_should_be_is_told() -> None:
    fixer, _ = asked(planned("a", "b"), "NO CHANGE: the two are equal by Proposition 1.", ALIKE)
    assert reconsidered(fixer, CODE) == (CODE, "the two are equal by Proposition 1.")
