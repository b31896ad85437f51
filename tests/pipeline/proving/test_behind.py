"""Which failing tests leave open whether the paper's number is wrong."""

import pytest

from pipeline.coding.repository import Repository
from pipeline.planning.plan import ScopeItem
from pipeline.proving.behind import doubting
from tests.pipeline.plans import PLAN
from tests.pipeline.proving.test_results import number

FILES = {
    "experiments.py": """
import walking
from harness import Experiment
from studies import run_table2

EXPERIMENTS = (
    Experiment("table2", shows="Tab2", run=run_table2),
    Experiment(name="walk", shows="Fig1", run=walking.run_walk),
)
""",
    "studies/__init__.py": "from studies.tables import run_table2\n",
    "studies/tables.py": "import method as m\nALL = {'ours': m.Ours}\n\n\ndef run_table2(run):\n    return ALL[run]\n",
    "walking.py": "from method import scale\n\n\ndef run_walk(run):\n    return scale(1)\n\n\ndef unused():\n    ...\n",
    "method.py": """
class Ours:
    def step(self):
        return loss(1)


def loss(x):
    return x


def scale(x):
    return x
""",
    "tests/test_method.py": """
import method
from walking import unused


def reference(x):
    return method.loss(x)


def test_r1_loss():
    assert reference(1) == 1


def test_r2_scale():
    assert method.scale(1) == 1


def test_r3_unused():
    assert unused() is None
""",
}


def doubts(*names: str, outcome: str = "failed", files: dict[str, str] = FILES) -> list[str]:
    """Of the numbers of table2 and walk."""
    items = [
        {"id": f"tests/test_method.py::test_{name}", "requirements": [name[:2].upper()], "outcome": outcome}
        for name in names
    ]
    plan = PLAN.model_copy(
        update={"scope": (ScopeItem(kind="tables", anchor="Tab2", label="Tab2", requirements=("R9",)),)}
    )
    doubt = doubting(plan, Repository(files), {"items": items})
    return [doubt(number()), doubt(number(experiment="walk", anchor="Fig1"))]


@pytest.mark.parametrize("outcome", ["failed", "disputed"])
def test_a_test_of_what_the_experiment_runs_on_is_behind_its_numbers(outcome: str) -> None:
    assert doubts("r1_loss", outcome=outcome) == ["tests/test_method.py::test_r1_loss", ""]
    assert doubts("r2_scale", outcome=outcome) == ["", "tests/test_method.py::test_r2_scale"]


def test_a_test_of_anything_else_is_not() -> None:
    assert doubts("r3_unused") == ["", ""]
    assert doubts("r1_loss", "r2_scale", outcome="passed") == ["", ""]
    assert doubting(PLAN, Repository(FILES), None)(number()) == ""


def test_a_test_of_a_requirement_that_implements_its_table_is() -> None:
    assert doubts("r9_gone") == ["tests/test_method.py::test_r9_gone", ""]


def test_where_nobody_can_say_what_an_experiment_runs_on_every_test_is() -> None:
    unclear = FILES | {"experiments.py": FILES["experiments.py"].replace('"table2"', "NAME")}
    assert doubts("r3_unused", files=unclear) == ["tests/test_method.py::test_r3_unused", ""]
