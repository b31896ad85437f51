"""PDF tables: rows whose pieces stand apart to a Markdown table. Pure geometry.

The library's own table finder takes longer for one page than reading the whole paper does, and misses tables
without vertical rules, which is how papers set them.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from pipeline.reading.latex.tables import pipe_table
from pipeline.reading.pdf.layout import Row

MAX_HEAD = 3
"""Rows of headings that stand above others."""
MAX_COLUMNS = 40
_WORDS = re.compile(r"[^\W\d_]{2}|[(/&]|[^\W\d_]$")
"""What a cell goes on with in its next row."""
TOLERANCE = 3.0
"""Points by which what is centred or aligned may be off."""


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table; a piece stands in the column that it overlaps most."""
    columns = _columns(rows)
    lines: list[list[str]] = []
    for row in rows:
        line = [""] * len(columns)
        for x0, x1, text in row.cells:
            place = max(range(len(columns)), key=lambda i: _overlap((x0, x1), columns[i]))
            line[place] = f"{line[place]} {text}".strip().replace("|", "\\|")
        lines.append(line)
    for row, line, below in zip(rows[:MAX_HEAD], lines, lines[1:], strict=False):
        _set_over(row, line, below, columns)
    return pipe_table(_with_labels(*_unwrapped(rows, lines, columns)))


def _set_over(row: Row, line: list[str], below: list[str], columns: Sequence[tuple[float, float]]) -> None:
    """Move each heading that is centred above several columns into the first of them."""
    if len(columns) > MAX_COLUMNS or sum(map(bool, below)) <= len(row.cells):
        return
    places = [
        max(range(len(columns)), key=lambda i: _overlap((x0, x1), columns[i])) for x0, x1, _ in row.cells
    ]
    if len(set(places)) < len(places):
        return
    free = 0
    for (x0, x1, _), place, end in zip(row.cells, places, [*places[1:], len(columns)], strict=True):

        def off(span: tuple[int, int], middle: float = x0 + x1) -> float:
            return abs(columns[span[0]][0] + columns[span[1]][1] - middle) / 2

        left, right = columns[place]
        aligned = min(abs(left - x0), abs(right - x1), off((place, place))) < TOLERANCE
        spans = [
            (first, last)
            for first in range(free, place + 1)
            for last in range(place, end)
            if all(below[first : last + 1])
        ]
        best = min(spans, key=off, default=(place, place))
        if not aligned and off(best) < 2 * TOLERANCE:
            line[best[0]], line[place] = line[place], line[place] if best[0] == place else ""
            free = best[1] + 1
        else:
            free = place + 1


def _unwrapped(
    rows: Sequence[Row], lines: Sequence[list[str]], columns: Sequence[tuple[float, float]]
) -> tuple[list[Row], list[list[str]]]:
    """Rows and lines, those put together whose cells were too long for their column and go on in the next row.

    What goes on is words, in fewer cells than the row above has, and each of those nearly fills its column.
    """
    kept_rows: list[Row] = []
    kept: list[list[str]] = []
    last: Row | None = None
    for row, line in zip(rows, lines, strict=True):
        used = [place for place, text in enumerate(line) if text]
        near = last is not None and 0.8 * row.size < row.baseline - last.baseline < 1.6 * row.size
        fuller = (
            bool(kept) and all(kept[-1][place] for place in used) and len(used) < sum(map(bool, kept[-1]))
        )
        if (
            last is not None
            and near
            and fuller
            and all(_WORDS.match(line[place]) for place in used)
            and all(_fills(last, columns[place]) for place in used)
            # A label alone may head the rows below it.
            and (used != [0] or re.match(r"[a-z(]", line[0]))
        ):
            for place in used:
                kept[-1][place] += f" {line[place]}"
        else:
            kept_rows.append(row)
            kept.append(list(line))
        last = row
    return kept_rows, kept


def _fills(row: Row, column: tuple[float, float]) -> bool:
    """Whether a piece of the row reaches from edge to edge of a column."""
    return any(
        min(x1, column[1]) - max(x0, column[0]) > 0.7 * (column[1] - column[0]) for x0, x1, _ in row.cells
    )


def _with_labels(rows: Sequence[Row], lines: Sequence[list[str]]) -> list[list[str]]:
    """The lines, what stands between two rows put into one of them.

    The label of several rows is set at the middle of their height: as many are above it as below.
    """
    kept: list[list[str]] = []
    centred = any(
        line[0] and not any(line[1:]) and 0 < row.baseline - last.baseline < 0.8 * row.size
        for last, row, line in zip(rows, rows[1:], lines[1:], strict=False)
    )
    above = 0.0  # baseline of the last row that was kept
    labelled = 0  # so many of the rows that were kept have their label
    for index, (row, line) in enumerate(zip(rows, lines, strict=True)):
        used = [place for place, text in enumerate(line) if text]
        between = kept and 0 < row.baseline - above < 0.8 * row.size
        if not between or any(kept[-1][place] for place in used):
            kept.append(list(line))
            above = row.baseline
            if centred and line[0] and labelled:
                # The label of an odd number of rows is on the middle one.
                half = min(_unlabelled(reversed(kept[labelled:-1])), _unlabelled(lines[index + 1 :]))
                kept[-1][0], kept[-1 - half][0] = "", line[0]
                labelled = len(kept) + half
            continue
        first = len(kept) - 1
        if used == [0]:
            half = max(1, min(_unlabelled(reversed(kept[labelled:])), _unlabelled(lines[index + 1 :])))
            first = len(kept) - half
            labelled = len(kept) + half
        for place in used:
            kept[first][place] = line[place]
    return kept


def _unlabelled(lines: Iterable[Sequence[str]]) -> int:
    """How many of the next lines have no label."""
    return sum(1 for _ in takewhile(lambda line: not line[0], lines))


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Left and right edge of each column; the rows with most pieces say where they are."""
    columns: list[tuple[float, float]] = []
    most = max(len(row.cells) for row in rows)
    for row in sorted(rows, key=lambda row: -len(row.cells)):
        for x0, x1, _ in row.cells:
            touched = [i for i, (left, right) in enumerate(columns) if x0 < right + 1 and left < x1 + 1]
            if not touched:
                columns.append((x0, x1))
            elif len(touched) == 1 and len(row.cells) > 0.6 * most:
                left, right = columns[touched[0]]
                columns[touched[0]] = (min(left, x0), max(right, x1))
    return _unsplit(rows, sorted(columns))


def _unsplit(rows: Sequence[Row], columns: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The columns, two put together where more rows have one piece that reaches over both than have a piece in each.

    A wide space within a cell parts it in the rows that have it.
    """
    merged = columns[:1]
    for column in columns[1:]:
        pair = (merged[-1], column)
        touching = [
            [{i for i, side in enumerate(pair) if _overlap((x0, x1), side) > 0} for x0, x1, _ in row.cells]
            for row in rows
        ]
        bridged = sum({0, 1} in pieces for pieces in touching)
        parted = sum({0} in pieces and {1} in pieces for pieces in touching)
        if bridged > parted:
            merged[-1] = (pair[0][0], column[1])
        else:
            merged.append(column)
    return merged


def _overlap(piece: tuple[float, float], column: tuple[float, float]) -> float:
    """Points in common; below zero, how far they are apart."""
    return min(piece[1], column[1]) - max(piece[0], column[0])
