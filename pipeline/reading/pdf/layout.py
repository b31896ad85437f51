"""PDF layout: pages of scattered lines to rows of text in reading order. Pure geometry; no meaning yet.

Places are in points, y grows downwards.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import inf
from statistics import median

from pipeline.reading.outline import REFERENCES
from pipeline.reading.pdf import margins
from pipeline.reading.pdf.glyphs import hanging, printed
from pipeline.reading.pdf.pages import Line, Page, Span
from pipeline.reading.pdf.spans import SCRIPT, dominant, in_order, is_large, text_of

_SETTLED = 400
"""Pieces of a row; no printed one has as many."""
_COLUMN_GAP = 1.0
"""Ems between two pieces of a row that belong together no more than two cells do."""


@dataclass(frozen=True)
class Row:
    """One printed row within a column."""

    page: int
    column: tuple[float, float]
    """Left and right edge of the column that it stands in."""
    spans: tuple[Span, ...]
    """From left to right."""
    baseline: float
    size: float
    """Of most of its characters."""

    @property
    def x0(self) -> float:
        """Left edge."""
        return self.spans[0].x0

    @property
    def x1(self) -> float:
        """Right edge."""
        return max(span.x1 for span in self.spans)

    @property
    def width(self) -> float:
        """As part of its column's width."""
        return (self.x1 - self.x0) / max(1.0, self.column[1] - self.column[0])

    @cached_property
    def text(self) -> str:
        """Its text, with raised and lowered parts as `^{…}` and `_{…}`."""
        return " ".join(text for _, _, text in self.cells)

    @cached_property
    def cells(self) -> list[tuple[float, float, str]]:
        """Left edge, right edge and text of the pieces that stand apart."""
        cells: list[list[Span]] = []
        right = None
        for span in self.spans:
            if right is None or span.x0 - right > _COLUMN_GAP * self.size:
                cells.append([])
            if printed(span).strip():
                right = max(right or 0.0, span.x1)
            cells[-1].append(span)
        texts = [(c[0].x0, max(s.x1 for s in c), text_of(c, self.baseline, self.size)) for c in cells]
        return [(x0, x1, text) for x0, x1, text in texts if text]

    @cached_property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(span.bold for span in self.spans if span.text.strip())

    @cached_property
    def mathematical(self) -> float:
        """How much of it is set in fonts for mathematics, from 0 to 1."""
        lengths = [(len(span.text.strip()), span.mathematical) for span in self.spans]
        return sum(n for n, m in lengths if m) / max(1, sum(n for n, _ in lengths))


def rows(pages: Sequence[Page]) -> list[Row]:
    """All rows in reading order, column by column, without running heads and page numbers."""
    counted = margins.line_numbers(pages)
    if counted:
        kept_of = (tuple(line for line in page.lines if id(line) not in counted) for page in pages)
        pages = [replace(page, lines=lines) for page, lines in zip(pages, kept_of, strict=True)]
    dropped = margins.running(pages)
    kept = [[line for line in page.lines if line.upright and id(line) not in dropped] for page in pages]
    gutters = [_gutter(lines) for lines in kept]
    known = [gutter for gutter in gutters if gutter is not None]
    usual = median(known) if len(known) > 0.5 * len(pages) else None
    found: list[Row] = []
    for number, (page, lines, own) in enumerate(zip(pages, kept, gutters, strict=True)):
        gutter = usual if own is None and usual is not None and _filled(lines, usual) else own
        for column, part in _columns(lines, page, gutter) if gutter else _one_column(lines, page):
            found.extend(_rows_of(part, number, column))
    return found


def cells_of(lines: list[Line]) -> list[str]:
    """The pieces of rows that stand apart, from top to bottom: of a drawing, which has no columns."""
    edges = (
        min((line.box[0] for line in lines), default=0.0),
        max((line.box[2] for line in lines), default=0.0),
    )
    return [text for row in _rows_of(lines, 0, edges) for _, _, text in row.cells]


def rotated(page: Page) -> str:
    """What stands on a page sideways, e.g. arXiv's stamp."""
    return " ".join("".join(s.text for s in line.spans) for line in page.lines if not line.upright)


# Columns ----------------------------------------------------------------------------------------------------


def _one_column(lines: list[Line], page: Page) -> list[tuple[tuple[float, float], list[Line]]]:
    """A page of one column, in which the list of references may have two."""
    top = next(
        (line.box[3] for line in lines if REFERENCES.fullmatch("".join(s.text for s in line.spans))), None
    )
    below = [line for line in lines if top is not None and line.box[1] > top - 2]
    if below:
        middle = (min(line.box[0] for line in lines) + max(line.box[2] for line in lines)) / 2
        if _filled(below, middle):
            rest = [line for line in lines if line not in below]
            return [*_columns(rest, page, None), *_columns(below, page, middle)]
    return _columns(lines, page, None)


def _columns(
    lines: list[Line], page: Page, middle: float | None
) -> list[tuple[tuple[float, float], list[Line]]]:
    """The page's columns in reading order: each with its edges and its lines.

    What reaches over both columns ends the ones above it and begins those below it.
    """
    if not lines:
        return []
    left, right = min(l.box[0] for l in lines), max(l.box[2] for l in lines)  # noqa: E741
    if middle is None:
        notes = _notes_beside(lines)
        ids = {id(line) for line in notes}
        apart = (notes, [line for line in lines if id(line) not in ids])
        return [((min(l.box[0] for l in part), max(l.box[2] for l in part)), part) for part in apart if part]  # noqa: E741
    tables = _wide_tables(lines, page, middle)
    across = {id(line) for line in lines if line.box[0] < middle - 6 and line.box[2] > middle + 6}
    # A wide space may part a row that reaches over both columns.
    across |= {id(line) for line in lines if _goes_on(line, [one for one in lines if id(one) in across])}
    parts: list[tuple[tuple[float, float], list[Line]]] = []
    first: list[Line] = []
    second: list[Line] = []
    wide: list[Line] = []

    def finish(*, columns: bool) -> None:
        if columns:
            for edges, part in (((left, middle - 4), first), ((middle + 4, right), second)):
                if part:
                    parts.append((_edges(part, edges), list(part)))
            first.clear()
            second.clear()
        elif wide:
            parts.append(((left, right), list(wide)))
            wide.clear()

    for line in sorted(lines, key=lambda l: (l.box[1], l.box[0])):  # noqa: E741
        in_table = any(top < (line.box[1] + line.box[3]) / 2 < bottom for top, bottom in tables)
        if in_table or id(line) in across:
            finish(columns=True)
            wide.append(line)
        elif wide and line.box[1] < wide[-1].box[3] - 3:
            # Beside the last wide line, as the cells of a wide table are.
            wide.append(line)
        else:
            finish(columns=False)
            (first if line.box[2] <= middle + 6 else second).append(line)
    finish(columns=False)
    finish(columns=True)
    return parts


def _notes_beside(lines: list[Line]) -> list[Line]:
    """The small print that stands left of a page's text and is no piece of its rows: MDPI's dates and licences."""
    widest = max(line.box[2] - line.box[0] for line in lines)
    long = [line for line in lines if line.box[2] - line.box[0] > 0.6 * widest]
    left = Counter(round(line.box[0]) for line in long).most_common(1)[0][0]
    size = median(dominant(line.spans)[1] for line in long)
    beside = [
        line for line in lines if line.box[2] < left - 4 and 4 < dominant(line.spans)[1] < SCRIPT * size
    ]
    return beside if len(beside) > 4 else []


def _goes_on(line: Line, wide: Sequence[Line]) -> bool:
    """Whether a line is a piece of the row of a wide one, right beside it."""
    return any(
        abs(line.box[3] - one.box[3]) < 1.5
        and 0 <= max(line.box[0] - one.box[2], one.box[0] - line.box[2]) < 20
        for one in wide
    )


def _edges(lines: list[Line], default: tuple[float, float]) -> tuple[float, float]:
    return min(default[0], *(l.box[0] for l in lines)), max(default[1], *(l.box[2] for l in lines))  # noqa: E741


def _wide_tables(lines: list[Line], page: Page, middle: float) -> list[tuple[float, float]]:
    """Top and bottom of what stands between two rules of one length that reach over both columns."""
    strokes = sorted((*page.bars, *page.rules), key=lambda bar: bar.y)
    across = [bar for bar in strokes if bar.x0 < middle - 6 and bar.x1 > middle + 6]
    return [
        (above.y, below.y)
        for above, below in pairwise(across)
        if abs(above.x0 - below.x0) < 2
        and abs(above.x1 - below.x1) < 2
        and not _filled([line for line in lines if above.y < line.box[1] < below.y], middle)
    ]


def _filled(lines: list[Line], middle: float) -> bool:
    """Whether running text ends or begins at the gap between two columns."""
    if not lines:
        return False
    half = max(line.box[2] for line in lines) - middle
    reaching = [line for line in lines if line.box[0] < middle - 6 and line.box[2] > middle + 6]
    long = [line for line in lines if line.box[2] - line.box[0] > 0.8 * half]
    across = len([line for line in reaching if line.box[2] - line.box[0] > 0.8 * half])
    # The last page may have a few rows in each, and the first one a long abstract above them.
    lowest = max((line.box[3] for line in reaching), default=0.0)
    under = [line for line in long if line.box[1] > lowest]
    both = len({line.box[0] > middle for line in under}) == 2
    few = both and (not reaching or len(under) > 5)
    return few or (len(long) - across > 5 and len(long) > 2 * across)


def _gutter(lines: list[Line]) -> float | None:
    """Where the gap between two columns is; None on a page of one column."""
    if not lines:
        return None
    left, right = min(l.box[0] for l in lines), max(l.box[2] for l in lines)  # noqa: E741
    middle = (left + right) / 2
    half = (right - left) / 2
    # Only lines of running text count; cells of tables and words in figures say nothing.
    long = [line for line in lines if line.box[2] - line.box[0] > half * 0.6]
    if len(long) < 10:
        return None
    crossing = sum(line.box[0] < middle - 6 and line.box[2] > middle + 6 for line in long)
    on_left = [line.box[2] for line in long if line.box[2] <= middle + 6]
    on_right = [line.box[0] for line in long if line.box[0] >= middle - 6]
    if not on_left or not on_right or crossing > 0.5 * len(long) or len(on_left) + len(on_right) < 8:
        return None
    if min(len(on_left), len(on_right)) < 0.15 * len(long):
        return None
    return (sorted(on_left)[int(len(on_left) * 0.9)] + sorted(on_right)[int(len(on_right) * 0.1)]) / 2


# Rows -------------------------------------------------------------------------------------------------------


class _Group:
    """Spans on about the same baseline."""

    def __init__(self, baseline: float, size: float, spans: Sequence[Span]) -> None:
        self.baseline = baseline
        self.size = size
        self.spans: list[Span] = []
        self.weight = 0
        """Characters."""
        self.right = -inf
        self._pieces = self._symbols = 0
        self.extend(spans)

    def extend(self, spans: Sequence[Span]) -> None:
        self.spans.extend(spans)
        for span in spans:
            length = len(span.text.strip())
            self.weight += length
            self.right = max(self.right, span.x1)
            self._pieces += length > 0
            self._symbols += length > 0 and span.mathematical

    @property
    def mathematical(self) -> bool:
        return self._symbols > 0.6 * self._pieces

    @property
    def settled(self) -> bool:
        """Whether it has so many pieces that another neither moves it nor is looked for a gap."""
        return len(self.spans) >= _SETTLED

    @property
    def extent(self) -> tuple[float, float] | None:
        """Top and bottom if it is nothing but a large symbol or two, whose baseline says little."""
        extents = [hanging(span) for span in self.spans if span.text.strip()]
        known = [extent for extent in extents if extent]
        if self.weight > 3 or len(known) < len(extents):
            return None
        return (
            (min(t for t, _ in known), max(b for _, b in known))
            if known
            else (self.spans[0].y0, self.spans[0].y1)
        )

    @property
    def middle(self) -> float:
        """Where its row would be."""
        extent = self.extent
        return sum(extent) / 2 if extent else self.baseline

    def is_level(self, other: "_Group") -> bool:
        """Whether `other` is another piece of this row, as a cell in small print is."""
        return (
            abs(self.baseline - other.baseline) < 0.1
            and self.size == other.size
            and not self.settled
            and not any(
                s.x0 < o.x1 and o.x0 < s.x1 for s in self.spans for o in other.spans if o.text.strip()
            )
        )

    def takes(self, other: "_Group", body: float) -> bool:
        """Whether `other` stands so close that it is read as a part of this row."""
        left, right = min(s.x0 for s in other.spans), max(s.x1 for s in other.spans)
        small = other.size <= SCRIPT * body
        limit = 1.4 if small and self.mathematical and other.weight < 6 else 0.75
        apart = abs(self.baseline - other.baseline)
        extent = other.extent
        if extent:
            # Roots, sums and large brackets hang from their top.
            apart = 0.0 if extent[0] - 2 < self.baseline < extent[1] + 2 else apart
        if apart > limit * body or left < self.spans[0].x0 - body or left > self.right + 2 * body:
            return False
        if (small or extent) and right - left < 6 * body:
            return True
        if self.settled:
            return False
        covered = sum(max(0.0, min(right, s.x1) - max(left, s.x0)) for s in self.spans if s.text.strip())
        beside = covered < 0.25 * (right - left)
        return beside and (apart < 0.5 * body or right - left < 4 * body) and other.weight < self.weight


class _Groups:
    """Groups by their baselines, in the order in which they came."""

    def __init__(self) -> None:
        self._order: dict[int, int] = {}
        self._all: list[_Group] = []
        self._sorted: list[tuple[float, int]] = []

    @property
    def groups(self) -> list[_Group]:
        return self._all

    def add(self, group: _Group) -> None:
        order = self._order.setdefault(id(group), len(self._all))
        if order == len(self._all):
            self._all.append(group)
        insort(self._sorted, (group.baseline, order))

    def remove(self, group: _Group) -> None:
        """Before its baseline changes; it is added again behind that."""
        del self._sorted[bisect_left(self._sorted, (group.baseline, self._order[id(group)]))]

    def nearest(self, baseline: float) -> _Group | None:
        """The group whose baseline is nearest; of several the first."""
        index = bisect_left(self._sorted, (baseline, -1))
        near = self._sorted[index : index + 1]
        if index:
            near.append(self._sorted[bisect_left(self._sorted, (self._sorted[index - 1][0], -1))])
        _, order = min(((abs(b - baseline), order) for b, order in near), default=(0.0, -1))
        return self._all[order] if order >= 0 else None


def _rows_of(lines: list[Line], page: int, column: tuple[float, float]) -> list[Row]:
    """Lines of one column, those on the same baseline joined, from top to bottom."""
    sizes: Counter[float] = Counter()
    for span in (span for line in lines for span in line.spans):
        sizes[span.size] += len(span.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    known = _Groups()
    for line in lines:
        large = [span for span in line.spans if is_large(span)]
        for span in large:
            known.add(_Group(span.baseline, span.size, [span]))
        spans = [span for span in line.spans if span not in large] if large else list(line.spans)
        if not any(span.text.strip() for span in spans):
            continue
        baseline, size = dominant(spans)
        near = known.nearest(baseline)
        apart = size <= SCRIPT * body and line.box[2] - line.box[0] < 3 * body
        if near is not None and not apart and abs(near.baseline - baseline) < 0.25 * max(near.size, size):
            known.remove(near)
            near.extend(spans)
            if not near.settled:
                # The first of them may have been a line's number in small print.
                near.baseline, near.size = dominant(near.spans)
            known.add(near)
        else:
            known.add(_Group(baseline, size, spans))
    made = []
    for group in _with_scripts(known.groups, body):
        made.append(Row(page, column, tuple(in_order(group.spans)), group.baseline, group.size))
    return sorted(made, key=lambda row: row.baseline)


def _with_scripts(groups: list[_Group], body: float) -> list[_Group]:
    """Groups that stand beside or between the letters of a row (an index, a numerator) become a part of
    it.
    """
    kept = _Groups()
    for group in sorted(
        groups, key=lambda group: (group.extent is not None, group.size <= SCRIPT * body, -group.weight)
    ):
        near = kept.nearest(group.middle)
        if near is not None and (near.takes(group, body) or near.is_level(group)):
            near.extend(group.spans)
        else:
            kept.add(group)
    return kept.groups
