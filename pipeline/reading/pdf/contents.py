"""PDF contents: rows that only say where things are, and pages that are about the paper and no part of it. Pure."""

import re
from collections.abc import Sequence

from pipeline.reading.pdf.layout import Row

_TITLE = re.compile(
    r"\W*(?:(?:table of |brief )?contents|lists? of (?:figures|tables|algorithms|abbreviations|symbols)|inhalt\w*"
    r"|table des matières|índice)\W*",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?:^|[\s.])(?:\d{1,4}|[ivxlc]{1,7})$")
_LEADERS = re.compile(r"(?:\.\s?){4}\.\s*+(?:\d{1,4}|[ivxlc]{1,7})$")
_COVER = re.compile(
    r"to cite this (?:version|article)|\bHAL Id\b|see discussions, stats, and author profiles"
    r"|this is a repository copy of|citation for (?:the original )?published (?:version|paper)|accepted manuscript"
    r"|link to publication|downloaded from|document version|general rights|terms of use|user may download"
    r"|follow this and additional works|recommended citation|published in:|posted at the",
    re.IGNORECASE,
)
_OF_A_PAPER = re.compile(r"\W*(?:abstract|(?:1|I)\.?\s+introduction|introduction)\b", re.IGNORECASE)


def without(found: Sequence[Row]) -> list[Row]:
    """The rows without cover page and tables of contents."""
    rows = _without_cover(found)
    kept: list[Row] = []
    index = 0
    while index < len(rows):
        end = _end_of_list(index, rows) if _TITLE.fullmatch(rows[index].text) else index
        if end > index:
            index = end
        else:
            if not _LEADERS.search(rows[index].text):
                kept.append(rows[index])
            index += 1
    return kept


def _without_cover(found: Sequence[Row]) -> list[Row]:
    """A repository's cover says what the paper is; the paper says so itself on the next page."""
    first = [row for row in found if row.page == 0]
    marks = {mark.lower() for row in first for mark in _COVER.findall(row.text)}
    rest = [row for row in found if row.page > 0]
    own = any(_OF_A_PAPER.match(row.text) and len(row.text) < 40 for row in first)
    return rest if rest and (len(marks) > 1 or (marks and not own and len(first) < 40)) else list(found)


def _end_of_list(start: int, rows: Sequence[Row]) -> int:
    """Where the list ends whose title stands at `start`; `start` itself if none follows."""
    index = start + 1
    end = start
    right = 0.0
    while index < len(rows):
        row = rows[index]
        begun = end > start or row.page == rows[start].page
        if begun and _ENDING.search(row.text) and (not right or abs(row.x1 - right) < 4):
            right = right or row.x1
            end = index + 1
        elif not _goes_on(row, rows[index + 1 : index + 2], right):
            break
        index += 1
    # An empty list, as of a paper without figures, is its title alone.
    following = rows[start + 1] if start + 1 < len(rows) else None
    alone = following is None or following.page > rows[start].page
    return end if end > start else start + 1 if alone else start


def _goes_on(row: Row, after: Sequence[Row], right: float) -> bool:
    """Whether a row without a page number is the first half of an entry."""
    return bool(
        after
        and after[0].page == row.page
        and _ENDING.search(after[0].text)
        and (not right or abs(after[0].x1 - right) < 4)
        and not re.match(r"\d", after[0].text)
    )
