"""Tables: the Markdown of a table to values in rows and columns that have names. Pure.

One code for every form that a paper comes in: LaTeX, PDF and Markdown all end in such grids. A grid has no
merged cells: a heading over several columns stands in the first of them, a label of several rows in the first.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.reading import cells
from pipeline.reading.cells import named, number

Path = tuple[str, ...]
"""Names from the outermost to the innermost: `("BLEU", "EN-DE")`."""

MAX_AREA = 200_000
"""Rows times columns; what is larger stays text."""
_BAR = re.compile(r"(?<!\\)\|")
_SEPARATOR = re.compile(r"[|:\s]*+-[|:\-\s]*+")
_MARK = re.compile(r"(?:[✓✔✗✘×]|\$?\\(?:checkmark|xmark|cmark|times)\$?)")
_MISSING = re.compile(r"(?:[$\s*]*[-\u2013\u2014\u2212]+[$\s*]*|n/?a\.?|none)", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """What stands in one row and one column of a table."""

    text: str
    """As printed, without bold and italics."""
    value: float | None
    """None where it is no number, or only a bound, a range or a pair of numbers."""
    spread: float | None
    """On either side of the value, in its unit: `± 0.3`, `(0.3)`, `(3)` of the last digit."""
    unit: str
    """Its own, or that of its column or row; empty if none is stated. It is not multiplied into the value."""
    row: int
    column: int


@dataclass(frozen=True)
class Table:
    """A table, or one part of a table of several, with the anchor of the whole."""

    anchor: str | None
    caption: str
    """As printed, with its number."""
    labels: tuple[str, ...]
    """Names of the columns on the left that hold the rows' labels."""
    columns: tuple[Path, ...]
    rows: tuple[Path, ...]
    """Labels, in front of them the heading of their group if there is one."""
    cells: tuple[Cell, ...]
    """Row by row; none where nothing is printed."""


def read(blocks: Sequence[tuple[str | None, str] | None]) -> tuple[Table, ...]:
    """The tables in blocks of kind `table`, each given by its anchor and text, in reading order.

    None stands for what is no table. A body that somebody else's tool set apart from its caption belongs to the
    one beside it, unless that may be either of two.
    """
    return tuple(table for anchor, text in _joined(blocks) for table in _tables(anchor, text))


def _joined(blocks: Sequence[tuple[str | None, str] | None]) -> Iterable[tuple[str | None, str]]:
    """The blocks, each caption without a body joined with the body beside it."""
    captions = {i for i, block in enumerate(blocks) if block and block[0] and not _has_grid(block[1])}
    free = {i for i, block in enumerate(blocks) if block and not block[0] and _has_grid(block[1])}
    body: dict[int, int] = {}

    def choices(caption: int) -> list[int]:
        return [i for i in (caption - 1, caption + 1) if i in free]

    # What one pair takes away decides the next, in either direction.
    for order in (1, -1, 1):
        for caption in sorted(captions, reverse=order < 0):
            near = choices(caption)
            rivals = {near[0] - 1, near[0] + 1} & captions - {caption} if len(near) == 1 else set()
            if len(near) == 1 and not any(choices(rival) == near for rival in rivals):
                body[caption] = near[0]
                captions.remove(caption)
                free.remove(near[0])
    taken = set(body.values())
    for i, block in enumerate(blocks):
        if block and i not in taken:
            yield block[0], f"{block[1]}\n\n{blocks[body[i]][1]}" if i in body else block[1]  # type: ignore[index]


def _has_grid(text: str) -> bool:
    return text.startswith("|") or "\n|" in text


def _tables(anchor: str | None, text: str) -> Iterable[Table]:
    caption: list[str] = []
    grid: list[list[str]] = []
    above = ""
    for line in [*text.split("\n"), ""]:
        if line.startswith("|"):
            if not (len(grid) == 1 and _SEPARATOR.fullmatch(line)):
                grid.append([cell.strip().replace("\\|", "|") for cell in _BAR.split(line.strip())[1:-1]])
            continue
        if grid:
            if found := _table(anchor, " ".join(caption), grid):
                yield found
            grid, caption = [], [above] if above else []
        if line.strip():
            caption.append(line.strip())
            above = above or line.strip()


def _table(anchor: str | None, caption: str, grid: list[list[str]]) -> Table | None:
    grid = _narrowed(grid)
    if len(grid) < 2 or len(grid[0]) < 2:
        return None
    head = _head(grid)
    body = grid[head:]
    stub = _labels(body)
    paths = _columns(grid[:head]) if head else [()] * len(grid[0])
    rows: list[Path] = []
    found: list[Cell] = []
    again = grid[head - 1][1:] if head else []
    repeated = any(again) and any(line[1:] == again for line in body)
    group: Path = (named(grid[head - 1][0]),) if repeated else ()
    labels = [""] * stub
    # A label that is not in the first of its rows was set by hand at the middle of their height.
    hanging = [bool(text) for text in next((line for line in body if _heading(line) is None), body[0])]
    for line in body:
        heading = _heading(line) if len(line) > 2 or not head else None
        if repeated and line[1:] == again:
            heading = line[0]
        if heading is not None:
            group, labels = (named(heading),), [""] * stub
            continue
        first = next((place for place in range(stub) if line[place]), stub)
        labels = [
            _label(line[place], paths[place])
            if line[place] or place > first or not hanging[place]
            else labels[place]
            for place in range(stub)
        ]
        found += _cells(line, len(rows), paths, stub, labels[-1])
        rows.append((*group, *filter(None, labels)))
    names = tuple(" ".join(path) for path in paths[:stub])
    return Table(anchor, caption, names, tuple(paths[stub:]), tuple(rows), tuple(found)) if rows else None


def _heading(line: Sequence[str]) -> str | None:
    """What stands alone in its row and is no value: the heading of the rows below."""
    filled = [text for text in line if text]
    alone = len(filled) == 1 and number(filled[0]) is None and not _MISSING.fullmatch(filled[0])
    return filled[0] if alone else None


def _narrowed(grid: list[list[str]]) -> list[list[str]]:
    """The grid in full width, without empty rows and columns; spreads set apart join their values."""
    width = max(map(len, grid))
    if width * len(grid) > MAX_AREA:
        return []
    lines: list[list[str]] = []
    for line in ([*line, *[""] * (width - len(line))] for line in grid if any(line)):
        if lines and not line[0] and all(_is_spread(text) and "." in text for text in line if text):
            lines[-1] = _beside(lines[-1], line)
        else:
            lines.append(line)
    columns = [list(column) for column in zip(*lines, strict=True) if any(column)]
    kept: list[list[str]] = []
    for column in columns:
        if kept and not column[0] and all(map(_is_spread, filter(None, column))):
            kept[-1] = _beside(kept[-1], column)
        else:
            kept.append(column)
    return [list(line) for line in zip(*kept, strict=True)]


def _is_spread(text: str) -> bool:
    read = number(text)
    return read is not None and read.value is None


def _beside(values: Sequence[str], spreads: Sequence[str]) -> list[str]:
    return [f"{value} {spread}".strip() for value, spread in zip(values, spreads, strict=True)]


def _head(grid: Sequence[Sequence[str]]) -> int:
    """How many rows are headings: the first, and those below it that complete it; none where it is a value."""
    if len(grid[0]) == 2 and number(grid[0][1]):
        return 0
    head = 1
    if grid[0][0] and _heading(grid[0]):
        first = next((i for i, line in enumerate(grid) if any(map(number, line[1:]))), 1)
        if first < 2 or _heading(grid[1]):
            return 0
        head = 2
    while head < min(len(grid) - 1, 5):
        above, line, below = grid[head - 1], grid[head], grid[head + 1]
        inner = [place for place in range(1, len(line)) if line[place]]
        completes = any(not above[place] for place in inner)
        numbers = any(number(line[place]) for place in inner)
        if not inner or (numbers and (line[0] or not completes or not below[0] or head > 1)):
            break
        if line[0] and not (completes and not any(row[0] for row in grid[:head])):
            break
        head += 1
    return head


def _labels(body: Sequence[Sequence[str]]) -> int:
    """How many columns on the left hold labels: those before the first one with a number."""
    for place in range(1, len(body[0])):
        if any(number(line[place]) for line in body):
            return place
    return 1


def _columns(head: Sequence[Sequence[str]]) -> list[Path]:
    """The names of each column; what stands above several with names of their own belongs to all of them."""
    width = len(head[0])
    named_ = [[named(text) for text in line] for line in head]
    for depth, line in enumerate(named_):
        over = ""
        for place in range(width):
            below = any(lower[place] for lower in named_[depth + 1 :])
            if line[place]:
                over = line[place] if below or (depth == len(head) - 1 and place) else ""
            elif over and (below or not any(row[place] for row in named_)):
                line[place] = over
    paths = []
    for place in range(width):
        names = [line[place] for line in named_ if line[place]]
        paths.append(tuple(name for i, name in enumerate(names) if i == 0 or name != names[i - 1]))
    return paths


def _label(text: str, path: Path) -> str:
    """A label by itself; a mark says nothing without its column's name."""
    return " ".join((*path, named(text))) if _MARK.fullmatch(text) else named(text)


def _cells(line: Sequence[str], row: int, paths: Sequence[Path], stub: int, label: str) -> Iterable[Cell]:
    for place in range(stub, len(line)):
        if not line[place]:
            continue
        read = number(line[place])
        stated = _unit(paths[place], label) if read else ""
        yield Cell(
            named(line[place]),
            read.value if read else None,
            read.spread if read else None,
            (read.unit if read else "") or stated,
            row,
            place - stub,
        )


def _unit(path: Path, label: str) -> str:
    """What the innermost heading with a unit states, or the label; `(A)` by itself is no unit of a row."""
    heads = (*reversed(path), "" if label.startswith(("(", "[")) else label)
    return next(filter(None, map(cells.unit, heads)), "")
