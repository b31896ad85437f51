"""What differs between two texts is said soon, and makes the one into the other."""

import time
from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.differences import hunks, unified

LINES = st.lists(st.sampled_from("abcdef"), max_size=12)


@given(old=LINES, new=LINES)
def test_hunks_make_the_old_text_into_the_new_one(old: list[str], new: list[str]) -> None:
    made, position = list[str](), 0
    for first, last, begin, end in hunks(old, new):
        made += old[position:first]
        assert len(made) == begin
        made += new[begin:end]
        position = last

    assert made + old[position:] == new


@given(st.lists(st.text("xyz", max_size=2), max_size=20), st.data(), st.integers(0, 3))
def test_a_line_that_was_written_anew_is_shown_as_by_diff(
    lines: list[str], data: st.DataObject, around: int
) -> None:
    old = [f"{number} {line}" for number, line in enumerate(lines)]
    new = [data.draw(st.sampled_from([line, f"{line}!"])) for line in old]

    assert list(unified(old, new, around)) == list(unified_diff(old, new, n=around, lineterm=""))[2:]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["0"] * 30_000, ["1", *["0"] * 29_000, "2"]),
        (["0", "1"] * 20_000, ["0", "2"] * 20_000),
        ([str(n % 2_000) for n in range(40_000)], [str(7 * n % 2_000) for n in range(40_000)]),
        ([str(n) for n in range(30_000)], [str(n) for n in range(30_000, 0, -1)]),
    ],
)
def test_lines_that_repeat_take_linear_time(old: list[str], new: list[str]) -> None:
    began = time.process_time()

    assert hunks(old, new)

    assert time.process_time() - began < 3
