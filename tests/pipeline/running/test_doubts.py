from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context
from pipeline.planning.plan import Experiment, Metric, Plan
from pipeline.running.doubts import doubts
from pipeline.running.fixing import Fixer
from pipeline.running.reconsidering import reconsidered
from sandbox.report import ExecutionReport, Limits, LineCoverage
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
        ("error_{s}", {"table1_a_error_x": 0.3, "table1_b_error_x": 0.3, "table1_a_error_y": 0.4}, ""),
        ("error", {"table1_a_error": 0.5, "table1_b_error": 0.5}, ""),
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


def test_what_breaks_is_taken_back() -> None:
    fixer, _ = asked(planned("a", "b"), EDIT, ALIKE, report(stderr="ValueError: no\n"))
    repository, told = reconsidered(fixer, CODE)
    assert (repository, fixer.changes) == (CODE, [])
    assert told.startswith("What was proposed was taken back: ")


def test_a_reason_why_all_is_as_it_should_be_is_told() -> None:
    fixer, _ = asked(planned("a", "b"), "NO CHANGE: the two are equal by Proposition 1.", ALIKE)
    assert reconsidered(fixer, CODE) == (CODE, "the two are equal by Proposition 1.")
