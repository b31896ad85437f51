"""PDF tables: rows whose pieces stand apart to a Markdown table. Pure geometry.

The library's own table finder takes longer for one page than reading the whole paper does, and misses tables
without vertical rules, which is how papers set them.
"""

from collections.abc import Sequence

from pipeline.latex.tables import pipe_table
from pipeline.pdf.layout import Row


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
    return pipe_table(lines)


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
