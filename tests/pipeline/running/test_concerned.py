"""Of what the harness says of an experiment, the files that a repair has to see whole."""

import pytest

from pipeline.coding.repository import Repository
from pipeline.planning.plan import Experiment
from pipeline.running.concerned import concerned
from sandbox.report import CommandResult, PhaseResult
from tests.pipeline.plans import LOGIC

FILES = {
    "experiments.py": """
import functools

import drawing
from harness import Experiment
from studies.tables import run_table2, write_table2
from walking import run_walk


def report_walk(report):
    drawing.draw(report, "Fig1")


EXPERIMENTS = (
    Experiment("table2", "Tab2", functools.partial(run_table2, wide=True), report=write_table2),
    Experiment(name="walk", shows="Fig1", run=run_walk, report=report_walk),
)
""",
    "studies/tables.py": "def run_table2(run, wide):\n    return {}\n\n\ndef write_table2(report):\n    ...\n",
    "walking.py": "def run_walk(run):\n    return {}\n",
    "drawing.py": "def draw(report, name):\n    ...\n",
    "method.py": "def method(x):\n    return x\n",
}


def planned(name: str, *shows: str) -> Experiment:
    return Experiment(name=name, shows=shows, methods=("default",), metrics=("error",), minutes=1)


DESIGN = LOGIC.model_copy(update={"experiments": (planned("table2", "Tab2"), planned("walk", "Fig1"))})
TABLE, WALK = {"experiments.py", "studies/tables.py"}, {"experiments.py", "walking.py", "drawing.py"}


@pytest.mark.parametrize(
    ("stdout", "problems", "argv", "expected"),
    [
        ("table2: its report has not written Tab2, which it shows", (), (), TABLE),
        ("walk: its report failed: KeyError: 'loss'", (), (), WALK),
        ("walk, default, seed 0: failed in 0.1 s: KeyError: 'loss'", (), (), WALK),
        ("", ("`python main.py report` has not written `Fig1.png`, which the plan promises.",), (), WALK),
        ("", ("`python main.py report` has not written `Tab2-table2.csv`, …",), (), TABLE),
        ("", ("The metric `table2_error` in `results.json` is not a finite number.",), (), TABLE),
        ("", ("Killed and resumed, `error` is 2; in one go it is 1.",), ("main.py", "run", "walk"), WALK),
        ("walk, default, seed 0: done in 0.1 s", (), ("main.py", "report"), set()),
        ("", ("`table20_error` is missing, and so is `Fig10.png`.",), (), set()),
    ],
)
def test_whoever_mends_sees_where_the_experiment_is_written(
    stdout: str, problems: tuple[str, ...], argv: tuple[str, ...], expected: set[str]
) -> None:
    outcome = PhaseResult("report", CommandResult(argv, 1, 0.1, stdout, ""), problems)
    assert concerned(outcome, DESIGN, Repository(FILES).files) == expected


def test_functions_that_call_each_other_end() -> None:
    files = FILES | {
        "drawing.py": "def draw(report):\n    again(report)\n\n\ndef again(report):\n    draw(report)\n"
    }
    outcome = PhaseResult("report", CommandResult((), 1, 0.1, "walk: its report failed: no", ""))
    assert concerned(outcome, DESIGN, files) == WALK


def test_what_does_not_parse_names_no_more_than_it_can() -> None:
    outcome = PhaseResult("report", CommandResult((), 1, 0.1, "walk: its report failed: no", ""))
    assert concerned(outcome, DESIGN, {"experiments.py": "def ("}) == set()
