"""PDF tables: rows whose pieces stand apart to a Markdown table. Pure geometry.

The library's own table finder takes longer for one page than reading the whole paper does, and misses tables
without vertical rules, which is how papers set them.
"""

from collections.abc import Sequence
from itertools import takewhile

from pipeline.reading.latex.tables import pipe_table
from pipeline.reading.pdf.layout import Row


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
    return pipe_table(_with_labels(rows, lines))


def _with_labels(rows: Sequence[Row], lines: Sequence[list[str]]) -> list[list[str]]:
    """The lines, what stands between two rows put into one of them.

    The label of several rows is set at the middle of their height: as many are above it as below.
    """
    kept: list[list[str]] = []
    above = 0.0  # baseline of the last row that was kept
    labelled = 0  # so many of the rows that were kept have their label
    for index, (row, line) in enumerate(zip(rows, lines, strict=True)):
        used = [place for place, text in enumerate(line) if text]
        between = kept and 0 < row.baseline - above < 0.8 * row.size
        if not between or any(kept[-1][place] for place in used):
            kept.append(list(line))
            above = row.baseline
            continue
        first = len(kept) - 1
        if used == [0]:
            before = takewhile(lambda other: not other[0], reversed(kept[labelled:]))
            after = takewhile(lambda other: not other[0], lines[index + 1 :])
            half = max(1, min(len(list(before)), len(list(after))))
            first = len(kept) - half
            labelled = len(kept) + half
        for place in used:
            kept[first][place] = line[place]
    return kept


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
    return sorted(columns)


def _overlap(piece: tuple[float, float], column: tuple[float, float]) -> float:
    """Points in common; below zero, how far they are apart."""
    return min(piece[1], column[1]) - max(piece[0], column[0])
