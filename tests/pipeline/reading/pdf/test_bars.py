"""What a drawn bar makes of the pieces around it, on pages given as values."""

import pytest

from pipeline.reading.pdf.bars import in_line
from pipeline.reading.pdf.layout import rows
from pipeline.reading.pdf.pages import Bar, Page, Span
from tests.pipeline.reading.pdf.test_layout import line, span


def maths(text: str, x: float, baseline: float, size: float = 10) -> Span:
    return span(text, x, baseline, "CMMI10", size, width=0.5 * size * len(text))


def root(x: float, top: float) -> Span:
    return span("p", x, top, "CMSY10", width=8)


def texts(*spans: Span, bars: list[Bar]) -> list[str]:
    """The rows of a page of which each span is a line of its own."""
    page = Page(612, 792, tuple(line(one) for one in spans), tuple(bars))
    return [row.text for row in rows([in_line(page)])]


def test_a_fraction_stands_in_the_row_of_its_bar() -> None:
    found = texts(
        maths("y=", 100, 200), maths("ab", 115, 193), maths("c", 117.5, 207), maths("x", 129, 200),
        bars=[Bar(115, 125, 197.5)],
    )  # fmt: skip
    assert found == ["y= ab/c x"]


def test_what_would_be_misread_without_brackets_has_them() -> None:
    found = texts(
        maths("z=", 88, 200), maths("a+b", 100, 193), maths("cd", 102.5, 207), bars=[Bar(100, 115, 197.5)]
    )
    assert found == ["z= (a+b)/(cd)"]


def test_a_root_reaches_as_far_as_its_bar() -> None:
    found = texts(
        maths("a", 90, 200), root(97, 192), maths("1-b", 105, 200), maths("c", 122, 200),
        bars=[Bar(105, 120, 191.8)],
    )  # fmt: skip
    assert found == ["a √(1-b) c"]
    found = texts(root(97, 192), maths("t", 105, 200), maths("c", 110.5, 200), bars=[Bar(105, 110, 191.8)])
    assert found == ["√tc"]


def test_a_root_below_a_fraction_is_read_first() -> None:
    found = texts(
        maths("y=", 80, 200), maths("1", 105, 193), root(100, 199.5), maths("t", 108, 207.5),
        bars=[Bar(100, 113, 197.5), Bar(108, 113, 199.3)],
    )  # fmt: skip
    assert found == ["y= 1/√t"]


def test_a_fraction_below_a_root_is_read_first() -> None:
    found = texts(
        span("r", 92, 180, "CMEX10", width=8), maths("abc", 101, 190), maths("d", 106, 204),
        bars=[Bar(100, 117, 179.8), Bar(101, 116, 194.5)],
    )  # fmt: skip
    assert found == ["√(abc/d)"]


def test_a_root_without_a_name_is_known_by_its_bar() -> None:
    found = texts(
        maths("y=", 80, 200), span("\ufffd", 99, 191.8, "LMMathExtension10", width=10), maths("2/D", 109, 200),
        bars=[Bar(109, 124, 191.5)],
    )  # fmt: skip
    assert found == ["y= √(2/D)"]


def test_a_small_fraction_in_a_row_is_no_script() -> None:
    found = texts(
        maths("y=", 100, 200), maths("ab", 112, 196, 7), maths("c", 114, 206, 7), maths("x", 120.5, 200),
        bars=[Bar(112, 119, 197.5)],
    )  # fmt: skip
    assert found == ["y= ab/c x"]


def test_scripts_stay_at_their_letters() -> None:
    found = texts(
        maths("y=", 80, 200), maths("a", 100, 193), maths("2", 105, 189, 7), maths("i", 105, 194.5, 7),
        maths("b", 102, 207),
        bars=[Bar(100, 109, 197.5)],
    )  # fmt: skip
    assert found == ["y= a_{i}^{2}/b"]


@pytest.mark.parametrize(
    ("above", "below", "bar"),
    [
        ([("BLEU", 100)], [("DE", 80), ("FR", 120)], Bar(80, 130, 197.5)),
        ([("x", 100)], [("y", 100), ("z", 140)], Bar(100, 145, 197.5)),
        ([("x", 100)], [("y", 100)], Bar(60, 300, 197.5)),
        ([("x", 100)], [("y", 100)], Bar(82, 123, 197.5)),
        ([("x", 100)], [("y", 130)], Bar(100, 135, 197.5)),
        ([("x", 100)], [], Bar(100, 105, 197.5)),
    ],
    ids=[
        "rule between cells",
        "cells that stand apart",
        "rule of a table",
        "wide",
        "at its ends",
        "underlined",
    ],
)
def test_other_bars_are_no_fractions(
    above: list[tuple[str, float]], below: list[tuple[str, float]], bar: Bar
) -> None:
    spans = [maths(text, x, 193) for text, x in above] + [maths(text, x, 207) for text, x in below]
    assert texts(*spans, bars=[bar]) == texts(*spans, bars=[])


def test_words_above_and_below_a_rule_are_no_fraction() -> None:
    spans = [span("Total", 100, 193, width=20), span("Value", 100, 207, width=20)]
    assert texts(*spans, bars=[Bar(100, 120, 197.5)]) == ["Total", "Value"]


def test_scripts_are_known_behind_a_number_in_small_print() -> None:
    spans = [
        span("12:", 80, 200, size=6, width=9), maths("W", 100, 200), span("⊤", 105, 196, "CMSY10", 7, width=5),
    ]  # fmt: skip
    assert texts(*spans, bars=[]) == ["12: W^{⊤}"]


def test_limits_stand_behind_their_sum() -> None:
    spans = [
        maths("y=", 80, 200), span("X", 100, 192.5, "CMEX10", width=14), maths("i=1", 98, 213, 7),
        maths("n", 105, 189, 7), maths("x", 116, 200),
    ]  # fmt: skip
    assert texts(*spans, bars=[]) == ["y= ∑_{i=1}^{n}x"]
