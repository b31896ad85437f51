"""What a budget does not pay for is left out and named; a repository that stands is delivered all the same."""

import io
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from bot.commandline.terminal import result
from bot.words.pull_request import body
from pipeline.errors import BudgetReached
from pipeline.model.division import PARTS, Division
from pipeline.model.llm import Prompt
from pipeline.planning.plan import Placement
from pipeline.reproduce import Reproduction
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.planning.test_scope import EQUATIONS, covering
from tests.pipeline.planning.test_scope import plan as planned
from tests.pipeline.plans import LOGIC, judgements, recording
from tests.pipeline.test_reproduce import SCHEMA
from tests.pipeline.test_reviewed import MENDING, run


def reached(prompt: Prompt) -> str:
    raise BudgetReached(f"The call {prompt.stage} could cost $0.10, and of the cap of $1.00 $0.02 are left.")


def told(made: Reproduction) -> list[str]:
    """The report for people, the pull request, and the terminal's last words."""
    jsonschema.validate(made.report, SCHEMA)
    console = Console(width=2000, file=io.StringIO(), record=True)
    result(console, made.report, Path("out"), 1.0)
    return [made.files["docs/execution-report.md"], body(made, "papers/x", "", None), console.export_text()]


@pytest.mark.parametrize("number", [3, 5])
def test_what_the_division_leaves_out_is_not_asked_and_is_named(tmp_path: Path, number: int) -> None:
    made, llm = run(tmp_path, {}, division=Division(left_out=PARTS[number:]))
    families = {stage.partition(".")[0] for stage in llm.stages}
    assert ("audit" in families) == (number > 3)
    assert "plan.numbers" not in llm.stages
    verdicts = {item["verdict"] for item in made.report["requirements"]["items"]}
    assert verdicts == ({"unread"} if number == 3 else {"implemented"})
    for text in told(made):
        assert "the list of the paper" in text and "sharpening of tests that notice too little" in text
        assert ("the judge, so nobody else has read the code" in text) == (number == 3)


def test_a_judge_whose_budget_ends_leaves_a_delivery_that_says_so(tmp_path: Path) -> None:
    made, _ = run(tmp_path, {"audit": reached, "judge.1": reached})
    assert made.files["estimator.py"] and made.report["requirements"]["unread"] == 2
    assert made.report["judge"]["why_not"].startswith("The call ")
    assert all("audit could cost" in text for text in told(made))


def test_what_was_read_before_the_budget_ended_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.proving.audit.EACH", 1)
    made, _ = run(tmp_path, {"audit.1of2": judgements(), "audit.2of2": reached})
    assert {item["id"]: item["verdict"] for item in made.report["requirements"]["items"]} == {
        "R1": "implemented",
        "R2": "unread",
    }
    assert all("look at R2: The call audit.2of2 could cost" in text for text in told(made))


def test_a_repair_that_nobody_is_paid_to_look_at_is_dropped(tmp_path: Path, packages: Path) -> None:
    answers = {"audit": judgements(verdict="deviates"), "repair.1": MENDING, "audit.1": reached}
    made, llm = run(tmp_path, answers, packages)
    assert "audit.1" in llm.stages and made.status == "runs"
    assert "values.size" not in made.files["estimator.py"]
    (said,) = made.report["unpaid"]
    assert "a repair was dropped that nobody could look at" in said


def test_the_heaviest_requirements_alone_are_planned_and_the_rest_is_named(tmp_path: Path) -> None:
    places = (
        Placement(items=("Eq1",), requirements=("R1",)),
        Placement(items=("Eq2",), requirements=("R2",)),
    )
    estimator, experiments = LOGIC.files
    logic = LOGIC.model_copy(
        update={"files": (estimator, experiments.model_copy(update={"requirements": ()}))}
    )
    answers = {"plan.requirements": covering(*places), "plan.logic": logic.model_dump_json()}
    llm = ScriptedLLM(recording() | answers)
    plan = planned(llm, EQUATIONS, most=1)
    assert [r.id for r in plan.overview.requirements] == ["R1"] and [r.id for r in plan.beyond] == ["R2"]
    assert plan.scope and {item.anchor: item.why for item in plan.scope} == {
        "Eq1": "",
        "Eq2": "beyond the budget",
    }
    architecture = next(prompt for prompt in llm.asked if prompt.stage == "plan.architecture")
    assert "The estimate is the sum divided by the count" in architecture.shared
    assert "The learning rate is 1e-3" not in architecture.shared
    del answers["plan.requirements"]  # this paper has no equations to place
    made, _ = run(tmp_path, answers, division=Division(requirements=1))
    assert all("R2 (weight 1), The learning rate is 1e-3" in text for text in told(made))
