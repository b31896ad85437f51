import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.model.asking import Context
from pipeline.planning.numbers import reported, step
from pipeline.planning.plan import Experiment, Plan
from pipeline.planning.reported import Numbers
from pipeline.reading.paper import Block, Paper, Section
from tests.fakes.scripted import Answer, ScriptedLLM
from tests.pipeline.plans import LOGIC, PAPER, PLAN

TABLE = r"""Table 1: Error of means, mean $\pm$ standard deviation over 5 seeds.

| | small | large |
| --- | --- | --- |
| ours | **0.12** $\pm$ 0.01 | 0.34 |
| median, as in [1] | 0.20 $\pm$ 0.02 | 0.51 |
| trimmed | 0.18 | 0.47 |"""
TEXT = "On small data our mean has an error of 0.12, and in all 93.5 % of the runs end well."
SAYS = r"mean $\pm$ standard deviation over 5 seeds"


def paper(table: str = TABLE) -> Paper:
    blocks = (Block("table", table, "Tab1"), Block("paragraph", TEXT))
    return replace(PAPER, sections=(*PAPER.sections, Section("S2", "2", "Results", blocks)))


def plan() -> Plan:
    experiment = Experiment(
        name="means",
        shows=("Tab1",),
        methods=("ours", "median"),
        metrics=("error_{size}", "ended"),
        minutes=1,
    )
    return PLAN.model_copy(update={"logic": LOGIC.model_copy(update={"experiments": (experiment,)})})


def printed(method: str, label: str, value: float) -> dict[str, Any]:
    return {"method": method, "label": label, "value": value}


def comparison(*numbers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {
        "experiment": "means",
        "metric": "error_small",
        "anchor": "Tab1",
        "heading": "small",
        "better": "lower",
    }
    return base | {"numbers": numbers} | changes


SMALL = comparison(printed("ours", "ours", 0.12), printed("median", "median", 0.2))
LARGE = comparison(
    printed("ours", "ours", 0.34), printed("median", "median", 0.51), metric="error_large", heading="large"
)


def said(*comparisons: dict[str, Any]) -> str:
    return json.dumps({"comparisons": comparisons})


def asked(first: str, again: Answer | None = None) -> tuple[Numbers, list[str]]:
    llm = ScriptedLLM({"plan.numbers": first} | ({"plan.numbers.again": again} if again else {}))
    return reported(plan(), paper(), llm, Context("", "")), [prompt.task for prompt in llm.asked]


def test_numbers_are_read_from_the_table_with_spread_and_place() -> None:
    protocol = {"seeds": 5, "spread": "standard deviation", "protocol": SAYS}
    numbers, tasks = asked(said(SMALL | protocol, LARGE))
    ours, large, median, _ = numbers.found
    assert (ours.value, ours.spread, ours.step, ours.seeds, ours.spread_is) == (
        0.12,
        0.01,
        0.01,
        5,
        "standard deviation",
    )
    assert (ours.row_name, ours.column_name, ours.table, ours.row, ours.column) == ("ours", "small", 0, 0, 0)
    assert (median.method, median.row_name) == ("median", "median, as in [1]")
    assert (large.spread, large.seeds, large.spread_is) == (None, None, "unknown")
    assert numbers.dropped == () and len(tasks) == 1


def test_columns_and_rows_may_change_places() -> None:
    turned = comparison(printed("ours", "small", 0.12), heading="ours")
    numbers, _ = asked(said(turned), said())
    assert [(n.method, n.row_name, n.column_name) for n in numbers.found] == [("ours", "ours", "small")]


def test_a_group_of_rows_may_be_named_with_the_column() -> None:
    grouped = """Table 1: Errors.

| | small | large |
| --- | --- | --- |
| Gauss | | |
| ours | 0.12 | 0.34 |
| median | 0.20 | 0.51 |
| Cauchy | | |
| ours | 0.12 | 0.36 |
| median | 0.21 | 0.52 |"""
    numbers = [printed("ours", "ours", 0.12), printed("median", "median", 0.21)]
    llm = ScriptedLLM({"plan.numbers": said(comparison(*numbers, heading="Cauchy small"))})
    read = paper(grouped)
    assert read.tables[0].rows[2] == ("Cauchy", "ours")
    found = reported(plan(), read, llm, Context("", ""), all_=False).found
    assert [(n.row, n.row_name, n.value) for n in found] == [
        (2, "Cauchy / ours", 0.12),
        (3, "Cauchy / median", 0.21),
    ]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (comparison(printed("ours", "ours", 0.11)), "there the paper prints 0.12"),
        (
            comparison(printed("ours", "theirs", 0.12)),
            "Rows: ours; median, as in [1]; trimmed. Columns: small; large.",
        ),
        (comparison(printed("trimmed", "trimmed", 0.18)), "has the methods ours, median"),
        (comparison(printed("ours", "ours", 0.12), metric="loss"), "its runs give error_{size}, ended"),
        (comparison(printed("ours", "ours", 0.12), anchor="Tab2"), "no such anchor. Did you mean 'Tab1'?"),
        (comparison(printed("ours", "ours", 0.12), experiment="mean"), "Did you mean 'means'?"),
        (comparison(printed("ours", "ours", 0.12), factor=3), "no power of ten"),
        (comparison(printed("ours", "ours", 0.12), seeds=7, protocol=SAYS), "does not say 7 runs"),
        (comparison(printed("ours", "ours", 0.12), seeds=5), "`protocol` is not in the paper"),
        (
            comparison({"method": "ours", "quote": "an error of 0.13", "value": 0.13}, anchor="S2"),
            "does not stand in S2",
        ),
        (
            comparison({"method": "ours", "quote": "On small data our mean", "value": 0.12}, anchor="S2"),
            "does not state it",
        ),
        (said(), "Tab1, which `means` shows: none of its numbers is listed"),
        (comparison(printed("ours", "ours", 0.12)), None),
    ],
)
def test_what_is_not_printed_goes_back_once(wrong: dict[str, Any] | str, why: str | None) -> None:
    _, tasks = asked(wrong if isinstance(wrong, str) else said(wrong), said(SMALL, LARGE))
    assert [why in task for task in tasks if why] == ([False, True] if why else [])
    assert len(tasks) == (2 if why else 1)


def test_what_stays_wrong_is_dropped_and_named() -> None:
    invented = comparison(printed("ours", "ours", 0.12), printed("median", "median", 0.25))
    numbers, _ = asked(said(invented), said(invented))
    assert [number.value for number in numbers.found] == [0.12]
    (why,) = numbers.dropped
    assert why.startswith(
        "Tab1, `error_small` of `means` of `median`, 0.25 at 'small' and 'median': there the paper prints 0.20"
    )


def test_what_is_refused_for_one_reason_is_told_once() -> None:
    wrong = [c | {"heading": f"{c['heading']} ones"} for c in (SMALL, LARGE)]
    numbers, (_, again) = asked(said(*wrong), said(*wrong))
    for told in (again, *numbers.dropped[:1]):
        assert told.count("Rows: ours; median, as in [1]; trimmed. Columns: small; large.") == 1
        assert told.count("at 'small ones' and ") == told.count("at 'large ones' and ") == 2


def test_what_comes_right_the_second_time_is_taken() -> None:
    numbers, _ = asked(said(comparison(printed("ours", "ours", 12))), said(SMALL))
    assert [number.value for number in numbers.found] == [0.12, 0.2] and not numbers.dropped


def test_numbers_beside_those_that_were_listed_go_back() -> None:
    partly = comparison(printed("median", "median", 0.51), metric="error_large", heading="large")
    _, tasks = asked(said(SMALL, partly), said(LARGE))
    assert "Tab1 prints as well: 0.34 at ours, large." in tasks[1]


def test_seeds_that_the_paper_does_not_state_are_not_known() -> None:
    claimed = SMALL | {"seeds": 50, "spread": "standard error", "protocol": SAYS}
    numbers, _ = asked(said(claimed), said(claimed))
    assert [(n.seeds, n.spread_is) for n in numbers.found] == [(None, "unknown")] * 2


def test_a_number_in_the_text_is_quoted_and_may_be_in_another_unit() -> None:
    quote = "in all 93.5 % of the runs end well"
    text = comparison(
        {"method": "ours", "quote": quote, "value": 93.5}, metric="ended", anchor="S2", heading="", factor=100
    )
    numbers, _ = asked(said(SMALL, text))
    (found,) = [number for number in numbers.found if number.table is None]
    assert (found.value, found.step, found.quote, found.factor) == (93.5, 0.1, quote, 100)


def test_a_model_that_brings_nothing_costs_no_plan() -> None:
    stages = ("plan.numbers", "plan.numbers#2", "plan.numbers#3")
    llm = ScriptedLLM(dict.fromkeys(stages, "I would rather not."))
    numbers = reported(plan(), paper(), llm, Context("", ""))
    assert numbers.found == () and "Nothing more was listed" in numbers.dropped[-1]


@pytest.mark.parametrize(
    ("text", "value", "counts"),
    [
        ("95.70 ± 0.3", 95.7, 0.01),
        ("1,024", 1024, 1),
        ("3.5k", 3500, 100),
        (r"$4.1 \times 10^{-3}$", 0.0041, 0.0001),
        ("12", 12, 1),
        ("-0.5", -0.5, 0.1),
        ("0.00", 0, 0.01),
        ("no number", 7, 0),
        ("0,5", 0.5, 0.1),
        ("0." + "0" * 300 + "1", 1e300, 0),
        ("9" * 400, 1.0, 0),
    ],
)
def test_the_last_digit_says_how_finely_a_number_is_printed(text: str, value: float, counts: float) -> None:
    assert step(text, value) == pytest.approx(counts)
