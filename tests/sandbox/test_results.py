import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.report import Mode
from sandbox.results import Results, of_harness, of_program


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[1]", 'has no `"metrics"'),
        (b'{"mode": "smoke", "metrics": {}}', 'has no `"metrics"'),
        (b'{"mode": "smoke", "metrics": [1]}', 'has no `"metrics"'),
        (b'{"metrics": {"loss": 1}}', "does not say"),
        (b'{"mode": "smoke", "metrics": {"loss": "0.5"}}', "not a finite number"),
        (b'{"mode": "smoke", "metrics": {"loss": true}}', "not a finite number"),
        (b'{"mode": "smoke", "metrics": {"loss": Infinity}}', "not a finite number"),
        (b'{"mode": "smoke", "metrics": {"loss": 1e999}}', "not a finite number"),
        (b'{"mode": "smoke", "metrics": {"loss": 1' + b"0" * 400 + b"}}", "not a finite number"),
        (b'{"mode": "smoke", "metrics": {"loss": 1' + b"0" * 5000 + b"}}", "not a finite number"),
        (b" " * (2 << 20), "ordinary file of at most"),
    ],
)
def test_results_that_are_no_results(content: bytes, problem: str) -> None:
    found = of_program(content, "smoke", ())
    assert len(found.problems) == 1 and problem in found.problems[0]
    assert all(map(math.isfinite, found.metrics.values()))


def test_good_results_are_taken() -> None:
    content = json.dumps(
        {"mode": "full", "metrics": {"loss": -1e-9, "steps": 3}, "more": "is welcome"}
    ).encode()
    assert of_program(content, "full", ["loss"]) == Results({"loss": -1e-9, "steps": 3.0})


def test_a_promise_may_be_the_pattern_of_several_metrics() -> None:
    content = json.dumps({"mode": "full", "metrics": {"loss_sgd": 1, "loss_adam": 2}}).encode()
    (problem,) = of_program(content, "full", [r"loss_\w+", r"error_\w+"]).problems
    assert "error_" in problem


def run(status: str, reason: str = "", experiment: str = "table2") -> dict[str, Any]:
    return {
        "experiment": experiment,
        "method": "a",
        "seed": 0,
        "hash": "0",
        "status": status,
        "reason": reason,
    }


def harnessed(mode: Mode = "smoke", *promised: str, **said: Any) -> Results:
    whole = {"mode": mode, "metrics": {"table2_a_loss": 1.5}, "undefined": {}, "runs": [run("done")]} | said
    return of_harness(json.dumps(whole).encode(), mode, promised)


def test_what_is_undefined_for_a_reason_is_taken_and_told() -> None:
    said = harnessed(metrics={"x": 1, "y": None}, undefined={"y": "no case"})
    assert said == Results({"x": 1.0}, {"y": "no case"})


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"metrics": {"x": 1, "y": None}}, "`y` in `results.json` is neither a finite number nor undefined"),
        ({"metrics": {"x": 1, "y": "2"}}, "`y` in `results.json` is neither a finite number nor undefined"),
        ({"metrics": {"y": None}, "undefined": {"y": "no case"}}, "No metric in `results.json` is a number"),
        ({"runs": [run("diverged", "not finite: loss")]}, "table2, a, seed 0 is diverged: not finite: loss."),
        ({"runs": [run("failed", "KeyError: 1")]}, "is failed: KeyError: 1."),
        ({"runs": [run("skipped", "no data")]}, "is skipped: no data."),
        ({"runs": 3, "undefined": [], "metrics": {"x": 1, "y": None}}, "neither a finite number"),
    ],
)
def test_a_smoke_run_of_the_harness_that_proves_too_little(said: dict[str, Any], problem: str) -> None:
    assert problem in " ".join(harnessed(**said).problems)


def test_in_full_runs_may_diverge_and_skipped_ones_promise_nothing() -> None:
    runs = [run("done"), run("diverged", "lost"), run("skipped", "no data", "table3")]
    promised = (r"table2_a_\w+", "table3_a_loss")
    lost = "table2, a: 1 of 2 runs did not end well (seed 0 diverged)."
    assert harnessed("full", *promised, runs=runs) == Results({"table2_a_loss": 1.5}, unfinished=(lost,))
    (problem,) = harnessed("full", *promised, runs=runs[:2]).problems
    assert "table3_a_loss" in problem


@pytest.mark.parametrize("read", [of_program, of_harness])
def test_a_metrics_name_that_nobody_would_read_is_a_problem(read: Callable[..., Results]) -> None:
    content = json.dumps({"mode": "smoke", "metrics": {"x" * 1001: 0.5, "kept": 1}}).encode()

    results = read(content, "smoke", ())

    assert results.metrics == {"kept": 1.0}
    assert len(results.problems) == 1 and "is no name of a metric" in results.problems[0]


@pytest.mark.parametrize("read", [of_program, of_harness])
def test_a_metrics_name_is_shown_as_text(read: Callable[..., Results]) -> None:
    content = json.dumps({"mode": "smoke", "metrics": {"loss\ud800\u202e\x1b[31m": 0.5}}).encode()

    assert read(content, "smoke", ()).metrics == {"loss\\ud800\\u202e": 0.5}


def test_runs_that_a_mean_leaves_out_are_counted() -> None:
    runs = [
        {"experiment": "table2", "method": method, "seed": seed, "status": status, "reason": "it was nan"}
        for method, seed, status in [
            ("adam", 1, "done"), ("adam", 2, "diverged"), ("adam", 3, "done"), ("sgd", 1, "done"),
            ("none", 1, "failed"),
        ]
    ]  # fmt: skip
    content = json.dumps(
        {"mode": "full", "metrics": {"table2_adam_error": 0.5}, "undefined": {}, "runs": runs}
    )
    results = of_harness(content.encode(), "full", [])
    assert results.unfinished == ("table2, adam: 1 of 3 runs did not end well (seed 2 diverged).",)
