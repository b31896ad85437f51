from typing import Any

import pytest

from pipeline.planning.experiments import check_experiments
from pipeline.planning.plan import NO_CONFIGURATION, DataSet, Experiment, Logic, Metric, metric_pattern
from tests.pipeline.plans import CONFIGURATION, LOGIC

ANCHORS = {"S1", "Tab1", "Fig2"}
DIGITS = DataSet(name="digits", files=("train.csv", "test/*.csv"), size="1 MB", where="Ask.")


def experiment(**changes: Any) -> Experiment:
    return LOGIC.experiments[0].model_copy(update=changes)


def logic(*experiments: Experiment, **changes: Any) -> Logic:
    return LOGIC.model_copy(update={"experiments": experiments, **changes})


def test_good_experiments_have_no_findings() -> None:
    needy = experiment(name="table2", shows=("Tab1", "Fig2"), needs=("digits",), gpu=True, minutes=9000)
    design = logic(experiment(), needy, data=(DIGITS,))
    assert check_experiments(design, CONFIGURATION, ANCHORS) == []


@pytest.mark.parametrize(
    ("design", "finding"),
    [
        (logic(), "no experiments"),
        (logic(experiment(), experiment()), "'table1' occurs 2 times"),
        (logic(experiment(name="table 1")), "has to be an identifier"),
        (logic(experiment(name="all")), "not `all`"),
        (logic(experiment(methods=())), "at least one method"),
        (logic(experiment(metrics=())), "one metric"),
        (logic(experiment(methods=("a", "a"))), "'a' occurs 2 times"),
        (logic(experiment(methods=("λ/2",))), "becomes a folder"),
        (logic(experiment(methods=("../x",))), "becomes a folder"),
        (logic(experiment(shows=())), "shows nothing"),
        (
            logic(experiment(shows=("Tab9",))),
            "'Tab9', which is not an anchor in the paper. Did you mean 'Tab1'",
        ),
        (logic(experiment(metrics=("eror",))), "'eror', which is not in `metrics`. Did you mean 'error'"),
        (logic(experiment(needs=("digit",)), data=(DIGITS,)), "Did you mean 'digits'"),
        (logic(experiment(), data=(DIGITS,)), "'digits' is needed by no experiment"),
        (logic(experiment(), metrics=(*LOGIC.metrics, Metric(name="x", meaning=""))), "'x' is given by no"),
        (logic(experiment(seeds="training.batch")), "'training.batch' is not a list in config.yaml"),
        (logic(experiment(seeds="training.bach")), "Did you mean 'training.batch'"),
        (logic(experiment(minutes=11)), "add one"),
        (logic(experiment(gpu=True)), "add one"),
        (logic(experiment(needs=("digits",)), data=(DIGITS,)), "add one"),
        (logic(experiment(), data=(DIGITS.model_copy(update={"name": "../digits"}),)), "becomes a folder"),
        (logic(experiment(), data=(DIGITS.model_copy(update={"files": ()}),)), "name its files"),
        (logic(experiment(), data=(DIGITS.model_copy(update={"files": ("/etc/x",)}),)), "below its folder"),
        (
            logic(experiment(), data=(DIGITS.model_copy(update={"files": ("a/../../x",)}),)),
            "below its folder",
        ),
    ],
)
def test_findings_on_experiments(design: Logic, finding: str) -> None:
    assert [text for text in check_experiments(design, CONFIGURATION, ANCHORS) if finding in text]


def test_a_smoke_run_of_more_trainings_than_it_has_time_for_is_refused() -> None:
    many = experiment(methods=tuple(f"rate{number}" for number in range(101)))
    (found,) = [
        text for text in check_experiments(logic(many), CONFIGURATION, ANCHORS) if "smoke run" in text
    ]
    assert "101 in all" in found and "table1 has 101 methods" in found


def test_without_a_configuration_nothing_is_said_about_seeds() -> None:
    assert check_experiments(logic(experiment(seeds="any.key")), NO_CONFIGURATION, ANCHORS) == []


def test_results_are_named_as_the_harness_names_them() -> None:
    design = logic(
        experiment(methods=("sgd", "adam+", "default"), metrics=("error", "loss_{split}")),
        metrics=(Metric(name="error", meaning=""), Metric(name="loss_{split}", meaning="")),
    )
    names = design.results()
    assert names[:4] == [
        "table1_sgd_error",
        "table1_sgd_loss_{split}",
        "table1_adam__error",
        "table1_adam__loss_{split}",
    ]
    assert names[4:] == ["table1_error", "table1_loss_{split}"]
    assert metric_pattern(names[1]).fullmatch("table1_sgd_loss_test")
