import json
from pathlib import Path

import pytest

from pipeline.model.journal import Recording
from pipeline.planning.plan import Method
from pipeline.planning.replaying import objection
from tests.pipeline.plans import PAPER, recording


def recorded(path: Path, answers: dict[str, str]) -> Recording:
    lines = [json.dumps({"stage": stage, "completion": text, "usage": {}}) for stage, text in answers.items()]
    path.write_text("".join(f"{line}\n" for line in lines))
    return Recording(path)


def test_one_true_quotation_is_enough(tmp_path: Path) -> None:
    answers = recording()
    assert not objection(recorded(tmp_path / "r", answers), PAPER, "full")
    wrong = {stage: text.replace("arithmetic mean", "median") for stage, text in answers.items()}
    assert wrong != answers
    assert not objection(recorded(tmp_path / "r", wrong), PAPER, "full")


def test_without_a_true_quotation_it_is_of_another_paper(tmp_path: Path) -> None:
    answers = {"plan.overview": json.dumps({"quote": 'It says "median"\nof all.'}, indent=1), "code": "x"}
    assert objection(recorded(tmp_path / "r", answers), PAPER, "full") == (
        "it is of another paper: none of the 1 passages that it quotes is in “Means of Things”"
    )


def test_an_answer_that_was_not_json_proves_nothing(tmp_path: Path) -> None:
    answers = {"plan.overview": '{"quote": "\\sigma"}', "code": "x"}
    assert not objection(recorded(tmp_path / "r", answers), PAPER, "full")


@pytest.mark.parametrize(
    ("stages", "method", "lacking"),
    [
        (["iterate.1"], "full", "no code and no plan, only iterate"),
        (["code"], "plan", "no plan, only code"),
        (["plan.overview", "code.main.py"], "iterative", "no iterate, only code, plan"),
        (["code"], "one-shot", ""),
        (["iterate.1", "iterate.2"], "iterative", ""),
    ],
)
def test_another_method_is_noticed_by_its_stages(
    tmp_path: Path, stages: list[str], method: Method, lacking: str
) -> None:
    why = objection(recorded(tmp_path / "r", dict.fromkeys(stages, "x")), PAPER, method)
    assert why.endswith(lacking)
    assert bool(why) == bool(lacking)
