import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.reported import Better, ReportedNumber
from pipeline.proving import results
from pipeline.proving.results import Result, Run, Verdict, compared, entry, runs_of, sample, tolerance


def number(method: str = "ours", value: float = 90.0, **changes: Any) -> ReportedNumber:
    base = {"experiment": "table2", "metric": "accuracy", "anchor": "Tab2", "table": 0, "step": 0.1}
    return ReportedNumber.model_validate(base | {"method": method, "value": value} | changes)


def spread(method: str, value: float, std: float, seeds: int = 4, **changes: Any) -> ReportedNumber:
    return number(method, value, spread=std, seeds=seeds, spread_is="standard deviation", **changes)


def runs(method: str, *values: float | None, mode: str = "full", status: str = "done") -> list[Run]:
    return [
        Run.model_validate(
            {
                "mode": mode,
                "experiment": "table2",
                "method": method,
                "seed": seed,
                "status": status,
                "ended": 1.0,
            }
            | {"metrics": {"accuracy": value}}
        )
        for seed, value in enumerate(values)
    ]


def verdicts(numbers: list[ReportedNumber], made: list[Run], **how: Any) -> list[str]:
    return [result.verdict for result in compared(numbers, made, **how)]


PAPER = [spread("ours", 90.0, 0.4), spread("baseline", 86.0, 0.4)]
AGREES = [*runs("ours", 90.1, 89.8, 90.3, 89.9), *runs("baseline", 86.2, 85.9, 86.0, 86.1)]
TURNED = [*runs("ours", 84.1, 83.8, 84.3, 83.9), *runs("baseline", 86.2, 85.9, 86.0, 86.1)]


def test_two_standard_errors_of_both_together_verify() -> None:
    assert verdicts(PAPER, AGREES) == ["verified", "verified"]
    # 0.4 / √4 = 0.2 of the paper; ours scatters by 0.2 / √2. Twice the root of the sum of squares: 0.490.
    (ours,) = [sample(PAPER[0], runs("ours", 90.3, 90.5))]
    assert ours and tolerance(PAPER[0], ours, None) == pytest.approx(2 * (0.2**2 + 0.1**2) ** 0.5)
    assert verdicts(PAPER[:1], runs("ours", 90.3, 90.5)) == ["verified"]
    assert verdicts(PAPER[:1], runs("ours", 90.5, 90.7)) == ["inconclusive"]


@pytest.mark.parametrize(
    ("kind", "seeds", "error"),
    [
        ("standard deviation", 4, 0.2),
        ("standard deviation", None, 0.2),
        ("standard error", 4, 0.4),
        ("interval", 4, 0.2),
        ("unknown", None, 0.2),
    ],
)
def test_what_the_paper_calls_its_spread_counts(kind: str, seeds: int | None, error: float) -> None:
    printed = number(spread=0.4, spread_is=kind, seeds=seeds)
    ours = sample(printed, runs("ours", 90.0, 90.0))
    assert ours and tolerance(printed, ours, None) == pytest.approx(2 * error)


def test_without_spreads_a_quarter_of_the_gap_to_the_nearest_method_verifies() -> None:
    paper = [number("ours", 90.0), number("near", 88.0), number("far", 70.0)]
    assert verdicts(paper, runs("ours", 90.5))[0] == "verified"
    assert verdicts(paper, runs("ours", 90.6))[0] == "inconclusive"
    assert verdicts(paper, runs("far", 74.4))[2] == "verified"


def test_a_number_that_is_compared_with_nothing_has_to_print_the_same() -> None:
    assert verdicts([number()], runs("ours", 90.04)) == ["verified"]
    assert verdicts([number()], runs("ours", 90.06)) == ["inconclusive"]


@given(
    values=st.lists(
        st.sampled_from([1.7e308, -1.7e308]) | st.floats(allow_nan=False), min_size=1, max_size=4
    ),
    factor=st.sampled_from([1.0, 100.0]),
)
def test_runs_that_diverged_to_numbers_nobody_can_add_are_inconclusive(
    values: list[float], factor: float
) -> None:
    paper = [spread("ours", 90.0, 0.4, factor=factor), number("baseline", 86.0, factor=factor)]

    results = compared(paper, [*runs("ours", *values), *runs("baseline", -1.7e308)])

    json.dumps([entry(result, "full") for result in results], allow_nan=False)
    huge = compared(paper, runs("ours", 1.7e308, 1.7e308))[0]
    assert (huge.verdict, huge.sample and huge.sample.mean) == ("inconclusive", None) and huge.why


def test_methods_of_another_metric_or_table_are_not_compared() -> None:
    others = [
        number("near", 90.2, metric="f1"),
        number("near", 90.2, anchor="Tab3"),
        number("near", 90.2, experiment="x"),
    ]
    assert verdicts([number("ours", 90.0), number("far", 80.0), *others], runs("ours", 92.0))[0] == "verified"


def test_our_run_disagrees_where_the_order_has_turned() -> None:
    assert verdicts(PAPER, TURNED) == ["falsified", "verified"]
    assert "the order with baseline is reversed" in compared(PAPER, TURNED)[0].why


def test_our_run_disagrees_where_the_gap_is_gone() -> None:
    made = [*runs("ours", 86.5, 86.7, 86.6, 86.6), *TURNED[4:]]
    assert verdicts(PAPER, made) == ["falsified", "verified"]


def test_it_takes_as_many_seeds_as_the_paper_to_disagree() -> None:
    fewer = [run for run in TURNED if run.seed < 3]
    assert verdicts(PAPER, fewer)[0] == "inconclusive"
    assert "3 seeds, the paper has 4" in compared(PAPER, fewer)[0].why


def test_a_failing_or_disputed_test_of_what_is_behind_it_leaves_it_open() -> None:
    assert verdicts(PAPER, TURNED, doubt=lambda number: "tests/test_a.py::test_r1") == [
        "inconclusive",
        "verified",
    ]
    (ours, _) = compared(PAPER, TURNED, doubt=lambda number: "tests/test_a.py::test_r1")
    assert "tests/test_a.py::test_r1" in ours.why


def test_far_off_with_the_paper_s_order_is_inconclusive() -> None:
    made = [*runs("ours", 96.1, 95.8, 96.3, 95.9), *AGREES[4:]]
    assert verdicts(PAPER, made)[0] == "inconclusive"
    assert "has not turned" in compared(PAPER, made)[0].why


def test_a_gap_that_noise_could_hide_is_not_gone() -> None:
    made = [*runs("ours", 70.0, 100.0, 98.0, 78.4), *AGREES[4:]]
    assert verdicts([number("ours", 90.0), number("baseline", 86.0)], made)[0] == "inconclusive"


def test_a_smaller_run_shows_the_order_and_no_more() -> None:
    assert (
        verdicts(PAPER, [*runs("ours", 60.0, mode="scaled"), *runs("baseline", 50.0, mode="scaled")])
        == ["toy"] * 2
    )
    turned = [*runs("ours", 50.0, mode="scaled"), *runs("baseline", 60.0, mode="scaled")]
    assert verdicts(PAPER, turned) == ["inconclusive"] * 2
    assert verdicts(PAPER, runs("ours", 90.0, mode="scaled")) == ["inconclusive", "not-run"]


def test_a_full_run_goes_before_a_smaller_one() -> None:
    (result, _) = compared(PAPER, [*AGREES, *runs("ours", 1.0, mode="scaled")])
    assert result.sample and result.sample.mode == "full"


def test_a_seed_that_diverged_leaves_no_mean() -> None:
    (result, *_) = compared(PAPER, [*runs("ours", 90.0, None, 90.1, 90.0), *AGREES[4:]])
    assert (result.verdict, result.sample and result.sample.mean) == ("inconclusive", None)
    assert result.why == "1 of 4 runs have no value for it"


def test_runs_are_put_into_the_paper_s_unit() -> None:
    (result,) = compared([number(factor=100)], runs("ours", 0.9, 0.9))
    assert result.sample and result.sample.mean == pytest.approx(90) and result.verdict == "verified"


def test_code_that_hands_on_the_paper_s_numbers_gets_none() -> None:
    results = compared(PAPER, AGREES, claims=["experiments.py:3: it returns 90"])
    assert [(r.verdict, r.sample, r.why) for r in results] == [
        ("not-run", None, "refused: experiments.py:3: it returns 90")
    ] * 2


def file(path: str, **changes: Any) -> dict[str, bytes]:
    base = {
        "experiment": "table2",
        "method": "ours",
        "seed": 0,
        "status": "done",
        "metrics": {"accuracy": 1.0},
    }
    return {path: json.dumps(base | {"ended": 5.0, "hash": "ab", "rows": []} | changes).encode()}


def test_runs_are_the_harness_s_files_and_the_last_of_a_seed() -> None:
    files = (
        file("results/full/table2/ours/0-ab.json")
        | file("results/full/table2/ours/0-cd.json", ended=9.0, metrics={"accuracy": 2.0})
        | file("results/full/table2/ours/0-cd.7.json", ended=10.0, status="failed", metrics={})
        | file("results/scaled/table2/ours/0-ab.json")
    )
    assert [(run.mode, run.metrics) for run in runs_of(files)] == [
        ("full", {"accuracy": 2.0}),
        ("scaled", {"accuracy": 1.0}),
    ]


@pytest.mark.parametrize(
    "files",
    [
        file("results/smoke/table2/ours/0-ab.json"),
        file("results/full/table2/other/0-ab.json"),
        file("results/full/table2/ours/1-ab.json"),
        file("results/full/table2/ours/0-ab.json", metrics={"accuracy": "high"}),
        file("results.json"),
        {"results/full/table2/ours/0-ab.json": b"[" * 100_000},
        {"results/full/table2/ours/0-ab.json": b"\xff"},
    ],
)
def test_a_smoke_run_and_what_is_no_run_are_not_read(files: dict[str, bytes]) -> None:
    assert runs_of(files) == ()


def test_a_metric_that_is_not_finite_has_no_value() -> None:
    made = runs_of(file("results/full/table2/ours/0-ab.json", metrics={"accuracy": float("nan")}))
    assert [result.verdict for result in compared([number()], made)] == ["inconclusive"]


def test_the_report_says_what_was_measured_and_with_which_mode() -> None:
    told = [entry(result, "smoke") for result in compared(PAPER, AGREES[:4])]
    assert [(e["metric"], e["paper"], e["measured"], e["mode"], e["verdict"]) for e in told] == [
        ("table2_ours_accuracy", 90.0, pytest.approx(90.025), "full", "verified"),
        ("table2_baseline_accuracy", 86.0, None, "smoke", "not-run"),
    ]


VALUES = st.floats(-1e6, 1e6)
SAMPLES = st.lists(VALUES, min_size=1, max_size=6)


def judged(value: float, std: float | None, rival: float, ours: list[float], theirs: list[float]) -> Result:
    kind = {"spread": std, "spread_is": "standard deviation", "seeds": 3} if std is not None else {}
    paper = [number("ours", value, step=0, **kind), number("baseline", rival, step=0, **kind)]
    return compared(paper, [*runs("ours", *ours), *runs("baseline", *theirs)])[0]


@given(VALUES, st.none() | st.floats(0, 1e3), VALUES, SAMPLES, SAMPLES)
def test_what_holds_of_every_full_run(
    value: float, std: float | None, rival: float, ours: list[float], theirs: list[float]
) -> None:
    result = judged(value, std, rival, ours, theirs)
    assert result.verdict in ("verified", "falsified", "inconclusive")
    if result.verdict == "falsified":
        assert len(ours) >= (3 if std is not None else 1)
    # The paper's own number, measured, is never anything else than verified.
    assert judged(value, std, rival, [value], theirs).verdict == "verified"


@given(VALUES, st.floats(0, 1e3), VALUES, SAMPLES, SAMPLES, st.sampled_from([0.001, 0.1, 10.0, 1000.0]))
def test_a_verdict_does_not_depend_on_the_unit(
    value: float, std: float, rival: float, ours: list[float], theirs: list[float], unit: float
) -> None:
    said = judged(value, std, rival, ours, theirs)
    assert said.sample
    off = abs((said.sample.mean or 0) - value)
    allowed = tolerance(said.number, said.sample, abs(value - rival)) or 0
    if abs(off - allowed) > 1e-6 * max(off, allowed, 1e-3) and abs(value - rival) > 1e-3:
        again = judged(
            value * unit, std * unit, rival * unit, [v * unit for v in ours], [v * unit for v in theirs]
        )
        assert (said.verdict == "verified") == (again.verdict == "verified")


def test_a_report_may_say_of_a_number_what_a_plan_may_say() -> None:
    schema = json.loads((Path(results.__file__).parent / "execution-report.schema.json").read_text())
    entry = schema["properties"]["results"]["items"]["properties"]
    assert tuple(entry["better"]["enum"]) == get_args(Better)
    assert tuple(entry["verdict"]["enum"]) == get_args(Verdict)
