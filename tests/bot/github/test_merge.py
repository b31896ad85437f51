"""Three-way merges, held against what must hold of any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.github.merge import MergeConflict, merged

TEXTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1\n", "1\n2\n", "2"]), max_size=3)
BASE = "".join(f"{number}\n" for number in range(9))


def test_changes_at_different_places_are_both_taken() -> None:
    ours, theirs = BASE.replace("0\n", "ours\n"), BASE.replace("8\n", "theirs\n")
    assert merged({"a": BASE}, {"a": ours}, {"a": theirs}) == {"a": ours.replace("8\n", "theirs\n")}


def test_line_ends_and_letters_come_through_as_they_are() -> None:
    base = BASE.replace("\n", "\r\n")
    ours, theirs = base.replace("0", "ü"), base.removesuffix("\r\n")
    assert merged({"a": base}, {"a": ours}, {"a": theirs}) == {"a": ours.removesuffix("\r\n")}


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [("0\n", "1\n", "2\n"), (None, "1\n", "2\n"), ("0\n", None, "2\n"), ("0\n", "1\n", None)],
)
def test_the_same_place_changed_twice_is_a_conflict(
    base: str | None, ours: str | None, theirs: str | None
) -> None:
    sides = [{"a": text, "b": "b"} if text is not None else {"b": "b"} for text in (base, ours, theirs)]
    with pytest.raises(MergeConflict) as conflict:
        merged(*sides)
    assert conflict.value.paths == ("a",)


@given(TEXTS, TEXTS)
def test_one_side_that_changed_nothing_gives_the_other(base: dict[str, str], side: dict[str, str]) -> None:
    assert merged(base, side, base) == merged(base, base, side) == merged(base, side, side) == side
