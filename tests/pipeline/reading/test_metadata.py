from dataclasses import replace
from datetime import date
from itertools import repeat

import pytest

from pipeline.reading.metadata import Metadata, from_atom, from_oai

ENTRY = '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/{}</id><title>{}</title></entry></feed>'
RECORD = (
    '<r xmlns="http://arxiv.org/OAI/arXivRaw/"><arXivRaw><license>L</license>'
    '<version version="{}"><date>{}</date></version></arXivRaw></r>'
)
KNOWN = Metadata("1706.03762", 1, "T", (), "")
DAY = "Mon, 12 Jun 2017 17:57:34 GMT"


@pytest.mark.parametrize(
    "named",
    ["..v1", "../../x/0000001v1", "1706.03762v" + "1" * 5000, "1706.03762", "", "1706.0376\u0662v1"],
    ids=repeat("named"),
)
def test_an_entry_that_names_no_paper_is_none(named: str) -> None:
    assert from_atom(ENTRY.format(named, "T").encode()) is None


def test_what_is_missing_in_an_entry_is_empty() -> None:
    bare = from_atom(ENTRY.format("math.GT/0309136v2", "").encode())
    assert bare == Metadata("math.GT/0309136", 2, "", (), "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_entity_is_expanded_whatever_hides_it(encoding: str) -> None:
    entities = f'<!DOCTYPE feed [<!ENTITY a "{"A" * 1000}">]>'
    feed = ENTRY.format("1706.03762v1", "&a;" * 50)
    assert from_atom(f'<?xml version="1.0" encoding="{encoding}"?>{entities}{feed}'.encode(encoding)) is None


def test_a_feed_without_end_is_not_parsed() -> None:
    assert from_atom(ENTRY.format("1706.03762v1", "A" * 5_000_000).encode()) is None


@pytest.mark.parametrize(
    ("version", "day"),
    [
        ("v" + "1" * 5000, DAY),
        ("v1", "Mon, 12 Jun 99999999999999999999 17:57:34 GMT"),
        ("v1", "Mon, 12 Jun 2017 99999999999999999999:00:00 GMT"),
        ("v1", "Mon, 12 Jun 2017 17:57:34 +99999999999999999"),
        ("v1", ""),
    ],
    ids=repeat("day"),
)
def test_a_version_or_a_day_that_is_none_is_left_out(version: str, day: str) -> None:
    assert from_oai(RECORD.format("v1", DAY).encode(), KNOWN).versions == ((1, date(2017, 6, 12)),)
    assert from_oai(RECORD.format(version, day).encode(), KNOWN) == replace(KNOWN, licence="L")
