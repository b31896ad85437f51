from dataclasses import replace
from typing import Any

import pytest

from pipeline.planning.checks import unsourced
from pipeline.planning.plan import ConfigEntry
from pipeline.planning.sources import sources
from pipeline.reading.paper import Block, Section
from tests.pipeline.plans import PAPER

CIFAR = "Table 2: Settings on CIFAR-10.\n\n| setting | value |\n|---|---|\n| epochs | 100 |\n| batch | 64 |"
IMAGENET = (
    "Table 5: Settings on ImageNet.\n\n| setting | value |\n|---|---|\n| epochs | 100 |\n| batch | 256 |"
)
SWEEP = "Table 7: Sweep.\n\n| run | learning rate |\n|---|---|\n| a | 0.1 |\n| b | 0.01 |\n| c | 0.001 |"
TWO = replace(
    PAPER,
    sections=(
        Section(
            "S1",
            "1",
            "Experiments",
            (Block("table", CIFAR, "Tab2"), Block("table", IMAGENET, "Tab5"), Block("table", SWEEP, "Tab7")),
        ),
    ),
)


def entry(key: str, value: Any, quote: str, assumed: str = "") -> ConfigEntry:
    return ConfigEntry(key=key, value=value, quote=quote, assumed=assumed)


def test_a_row_that_repeats_is_of_the_table_that_its_neighbours_are_of() -> None:
    found = sources(
        [entry("b.epochs", 100, "| epochs | 100 |"), entry("b.batch", 256, "| batch | 256 |")], TWO
    )
    assert found == {"b.epochs": "Tab5", "b.batch": "Tab5"}


@pytest.mark.parametrize(("group", "anchor"), [("imagenet", "Tab5"), ("cifar10", "Tab2"), ("cifar", "Tab2")])
def test_else_of_the_one_that_speaks_of_its_group(group: str, anchor: str) -> None:
    assert sources([entry(f"{group}.epochs", 100, "| epochs | 100 |")], TWO) == {f"{group}.epochs": anchor}


def test_where_nothing_tells_all_places_are_named() -> None:
    assert sources([entry("training.epochs", 100, "| epochs | 100 |")], TWO) == {
        "training.epochs": "Tab2, Tab5"
    }
    assert sources([entry("training.epochs", 100, "| epochs | 999 |")], TWO) == {}


def test_a_list_may_stand_down_a_column_whose_heading_is_quoted() -> None:
    rates = (0.1, 0.01, 0.001)
    assert unsourced(entry("rates", rates, "| run | learning rate |"), TWO) is None
    assert unsourced(entry("rates", (0.1, 0.5), "| run | learning rate |"), TWO)
    assert unsourced(entry("rates", rates, "Table 7: Sweep."), TWO)


def test_a_quotation_may_be_right_as_it_stands_if_it_is_said_how_the_value_follows() -> None:
    quote = "| batch | 64 |"
    assert unsourced(entry("steps", 6400, quote), TWO)
    assert unsourced(entry("steps", 6400, quote, "100 epochs of 64"), TWO) is None
    assert unsourced(entry("steps", 6400, "| batch | 65 |", "100 epochs"), TWO)
