"""What a full run would take, and what is said of a longer one: from files that the harness leaves."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.planning.plan import DataSet
from pipeline.running.longer import Afterwards, Estimate, estimate_of
from sandbox.report import CommandResult, Environment, ExecutionReport, Limits, PhaseResult
from sandbox.steps import File, Stepped

TAKES = {
    "name": "table2",
    "runs": 29,
    "gpu": False,
    "steps": 200_000,
    "seconds": 40_000.0,
    "how": "smoke",
    "tiny": 2.0,
}
DIGITS = DataSet(name="digits", files=("train.csv",), size="170 MB", where="Ask.")


def stepped(content: bytes, *, timed_out: bool = False) -> list[Stepped]:
    result = CommandResult(("python3",), 0, 1.0, "", "", timed_out=timed_out)
    return [Stepped(result, {"results/estimate.json": File("1", content)} if content else {})]


def test_hours_are_those_of_all_runs_and_say_from_what_they_are_known() -> None:
    more = {
        **TAKES,
        "name": "fig1",
        "runs": 2,
        "gpu": True,
        "seconds": 7200,
        "how": "planned",
        "memory_gib": 1.5,
    }
    told = estimate_of(stepped(json.dumps([TAKES, more]).encode()), [DIGITS]).told()
    assert (told["cpu_hours"], told["gpu_hours"], told["memory_gib"]) == (320, 4, 1.5)
    assert told["downloads"] == [{"name": "digits", "size": "170 MB"}]
    assert "table2: 29 runs of 200,000 steps, 0.2 s each (measured on tiny data" in told["basis"]
    assert "as planned: no GPU was there to measure on" in told["basis"]
    assert told["experiments"] == [
        {"name": "table2", "minutes": 19_000, "measured": True, "at_least": True},
        {"name": "fig1", "minutes": 240, "measured": False, "at_least": False},
    ]


def test_a_run_that_had_not_ended_is_not_called_planned() -> None:
    begun = {**TAKES, "how": "begun", "steps": 0, "seconds": 3}
    told = estimate_of(stepped(json.dumps([begun]).encode()), []).told()
    assert told["basis"] == "table2: 29 runs, 3 s each (or more: one was begun, and had not ended by then)"


@pytest.mark.parametrize(
    "content", [b"", b"[", b'[{"name": 1}]', json.dumps([{**TAKES, "seconds": -1}]).encode()]
)
def test_what_cannot_be_read_is_not_known_for_a_reason(content: bytes) -> None:
    told = estimate_of(stepped(content, timed_out=True), []).told()
    assert told["cpu_hours"] is told["gpu_hours"] is None and "nothing was measured" in told["basis"]


def scaled(said: object, *, ok: bool = True) -> ExecutionReport:
    result = CommandResult(("python3",), 0 if ok else 1, 61.0, "", "" if ok else "ValueError: no")
    return ExecutionReport(
        "scaled",
        Environment("docker", "image", "3.11", (), Limits()),
        (PhaseResult("scaled", result),),
        {"loss": 1.0},
        files={"results.json": json.dumps(said).encode()},
    )


def test_a_longer_run_is_told_with_what_it_left_out_and_delivered_as_its_results() -> None:
    said = {
        "mode": "scaled",
        "metrics": {"loss": 1.0},
        "lowered": {"training.steps": [2000, 300]},
        "runs": [{"status": "done"}, {"status": "skipped", "reason": "the time was over"}],
    }
    after = Afterwards(longer=scaled(said), asked="scaled", minutes=1)
    (run,) = after.runs
    assert run["ok"] and not run["complete"] and after.mode == "scaled"
    assert run["runs"] == {"done": 1, "diverged": 0, "failed": 0, "skipped": 1}
    assert run["lowered"] == [{"key": "training.steps", "planned": 2000, "used": 300}]
    assert json.loads(after.documents["docs/runs/scaled.json"]) == said


@pytest.mark.parametrize(
    "written",
    [
        b'"x": ' + b"[" * 900 + b"]" * 900,
        b'"x": [' + b"0," * 190_000 + b"0]",
        b'"x": "' + b"x" * 500_000 + b'"',
    ],
)
def test_results_that_nobody_could_bear_are_not_delivered(written: bytes) -> None:
    longer = replace(scaled({}), files={"results.json": b'{"mode": "scaled", ' + written + b"}"})
    assert Afterwards(longer=longer, asked="scaled", minutes=1).documents == {}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('"runs": null', {}),
        ('"runs": 5', {}),
        ('"runs": [5, {"status": ["done"]}, {"status": "done"}]', {"runs": {"done": 1}}),
        (
            r'"lowered": {"lr\ud800": [2, 1]}',
            {"lowered": [{"key": r"lr\ud800", "planned": 2, "used": 1}]},
        ),
        ('"lowered": {"a": [NaN, 1e999], "b": ["x", 1], "c": 5, "d": [3]}', {"lowered": []}),
        ('"lowered": {"a": [1' + "0" * 5000 + ", 1]}", {"lowered": []}),
    ],
)
def test_whatever_a_program_writes_as_results_is_told_in_a_report(written: str, told: dict[str, Any]) -> None:
    files = {"results.json": f'{{"mode": "scaled", "metrics": {{"loss": 0.5}}, {written}}}'.encode()}
    after = Afterwards(longer=replace(scaled({}), files=files), asked="scaled", minutes=1)

    (run,) = after.runs

    json.dumps(run, allow_nan=False, ensure_ascii=False).encode()
    assert {name: run[name] for name in ("runs", "lowered")} == {
        "runs": dict.fromkeys(("done", "diverged", "failed", "skipped"), 0) | told.get("runs", {}),
        "lowered": told.get("lowered", []),
    }
    after.documents["docs/runs/scaled.json"].encode()


def test_a_longer_run_that_fails_leaves_the_smoke_run_as_what_is_reported() -> None:
    after = Afterwards(longer=scaled([], ok=False), asked="scaled", minutes=1)
    assert after.mode == "smoke" and after.runs[0]["problems"] == ["ValueError: no"] and not after.documents
    lost = Afterwards(Estimate(), None, "full", 5, "the daemon is gone")
    assert lost.runs[0]["problems"] == ["the daemon is gone"] and lost.mode == "smoke"
