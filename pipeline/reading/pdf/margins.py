"""PDF margins: which lines are page numbers and running heads, wherever a class sets them. Pure geometry.

What they have in common: they are the outermost of their page and stand apart from its text, and other pages have
the same at the same height, or the number that follows.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.reading.outline import arabic
from pipeline.reading.pdf.pages import Line, Page

_DEPTH = 3
"""Rows of a head or foot."""
_OUTER = 0.1
"""Part of a page's height in which nothing but heads, feet and notes is set, and no gap is needed."""
_WITHIN = 0.25
_NUMBER = re.compile(
    r"[-–—\s\[(]*(?:page\s*)?(?P<number>\d{1,4}|[ivxlc]+)(?:\s*(?:of|/)\s*\d+)?[-–—\s\])]*", re.IGNORECASE
)


@dataclass(frozen=True)
class _Edge:
    """A row at the top or bottom of a page."""

    page: int
    top: bool
    depth: int
    """0 for the outermost."""
    lines: tuple[Line, ...]
    outer: bool
    apart: float
    """Distance to the next row inward, in lines of the text."""
    large: bool
    """Whether it is set as a heading is."""

    @property
    def height(self) -> int:
        """Where it stands, on pages of one size."""
        return round(self.lines[0].box[1])


def running(pages: Sequence[Page]) -> set[int]:
    """The ids of all lines that are page numbers or running heads."""
    sizes: Counter[float] = Counter()
    for span in (span for page in pages for line in page.lines for span in line.spans):
        sizes[span.size] += len(span.text)
    # What is set larger than the text is a heading.
    most = 1.15 * sizes.most_common(1)[0][0] if sizes else 0.0
    leading = _leading(pages)
    headings = {
        _letters(line)
        for page in pages
        for line in page.lines
        if line.spans[0].size > most and len(_letters(line)) > 4
    }
    edges = [edge for number, page in enumerate(pages) for edge in _edges(number, page, most, leading)]
    found: set[int] = set()
    found |= _large(edges, len(pages))
    edges = [edge for edge in edges if not edge.large]
    here = [edge for edge in edges if edge.depth == 0]
    for depth in range(_DEPTH):
        found |= _repeated(here, len(pages)) | _numbers(here)
        found |= _at_the_same_height(here, len(pages)) | _of_headings(here, headings)
        # A second row is looked at where the first one has gone.
        gone = {(e.page, e.top) for e in here if {id(line) for line in e.lines} <= found}
        here = [edge for edge in edges if edge.depth == depth + 1 and (edge.page, edge.top) in gone]
    return found


def line_numbers(pages: Sequence[Page]) -> set[int]:
    """The ids of the numbers that a manuscript's lines have in a margin.

    They are all that stands there, begin or end at one place from page to page and count on by the same step.
    """
    columns: list[dict[tuple[int, int], list[Line]]] = []
    for page in pages:
        by_edge: dict[tuple[int, int], list[Line]] = defaultdict(list)
        for line in page.lines:
            if line.upright and re.fullmatch(r"\d{1,4}", _text(line)):
                for side in (0, 2):
                    by_edge[side, round(line.box[side])].append(line)
        columns.append({edge: lines for edge, lines in by_edge.items() if _in_margin(lines, page)})
    counting = [{edge for edge, lines in found.items() if _count_on(lines)} for found in columns]
    numbered = Counter(edge for edges in counting for edge in edges)
    # The margins of left and right pages may have different widths.
    usual = {edge for edge, count in numbered.items() if count >= max(2, len(pages) // 4)}
    if not usual:
        return set()
    # Pages of two columns, as those of references, have other ones.
    return {
        id(line)
        for found, edges in zip(columns, counting, strict=True)
        for edge in (usual | edges) & found.keys()
        for line in found[edge]
    }


def _in_margin(lines: Sequence[Line], page: Page) -> bool:
    """Whether nearly no row of a page reaches to where these lines stand."""
    x0, x1 = min(line.box[0] for line in lines), max(line.box[2] for line in lines)
    others = [line for line in page.lines if line.upright and line.box[2] - line.box[0] > page.width / 5]
    return sum(line.box[0] < x1 and x0 < line.box[2] for line in others) < 0.1 * len(others)


def _count_on(lines: Sequence[Line]) -> bool:
    """Whether numbers from top to bottom grow by one step."""
    values = [int(_text(line)) for line in sorted(lines, key=lambda line: line.box[1])]
    steps = Counter(below - above for above, below in pairwise(values))
    step, count = steps.most_common(1)[0] if steps else (0, 0)
    return len(values) > 3 and step > 0 and count > 0.8 * steps.total()


def _edges(number: int, page: Page, most: float, leading: float) -> list[_Edge]:
    edges: list[_Edge] = []
    upright = [line for line in page.lines if line.upright]
    for top in (True, False):
        rows: list[list[Line]] = []
        for line in sorted(upright, key=lambda line: line.box[3], reverse=not top):
            if rows and abs(line.box[3] - rows[-1][0].box[3]) < 4:
                rows[-1].append(line)
            elif len(rows) > _DEPTH:
                break
            else:
                rows.append([line])
        for depth, row in enumerate(rows[:_DEPTH]):
            y0, y1 = min(line.box[1] for line in row), max(line.box[3] for line in row)
            within = y1 < _WITHIN * page.height if top else y0 > (1 - _WITHIN) * page.height
            large = any(span.size > most for line in row for span in line.spans if span.text.strip())
            if not within or (large and depth > 0):
                break
            outer = y1 < _OUTER * page.height if top else y0 > (1 - _OUTER) * page.height
            after = rows[depth + 1][0] if depth + 1 < len(rows) else None
            apart = abs(after.box[3] - row[0].box[3]) / leading if after else 99.0
            edges.append(_Edge(number, top, depth, tuple(row), outer, apart, large))
            if large:
                break
    return edges


def _leading(pages: Sequence[Page]) -> float:
    """From one row of the text to the next, usually."""
    steps = [
        below.box[3] - above.box[3]
        for page in pages
        for above, below in pairwise(page.lines)
        if abs(above.box[0] - below.box[0]) < 30 and 4 < below.box[3] - above.box[3] < 40
    ]
    return median(steps) if steps else 12.0


def _text(line: Line) -> str:
    return "".join(span.text for span in line.spans).strip()


def _letters(line: Line) -> str:
    return re.sub(r"[^a-z]", "", _text(line).lower())


def _large(edges: list[_Edge], pages: int) -> set[int]:
    """Heads in the size of a heading: the same words again and again, and no more than a page's own number."""
    same: dict[tuple[str, float], list[_Edge]] = defaultdict(list)
    for edge in edges:
        if edge.large and (edge.outer or edge.apart > 1.3):
            number = rf"\b{edge.page + 1}\b"
            words = " ".join(_text(line) for line in edge.lines)
            same[" ".join(re.sub(number, " ", words).split()), edge.lines[0].spans[0].size].append(edge)
    enough = max(3, pages // 5)
    return {
        id(line) for alike in same.values() if len(alike) >= enough for edge in alike for line in edge.lines
    }


def _repeated(edges: list[_Edge], pages: int) -> set[int]:
    """Lines that say the same on other pages, apart from numbers."""
    same: dict[tuple[str, float, bool], list[int]] = defaultdict(list)
    for edge in edges:
        if edge.outer or edge.apart > 1.2:
            for line in edge.lines:
                # A running head repeats the title, but not in its size.
                same[re.sub(r"\d+", "0", _text(line)), line.spans[0].size, edge.top].append(id(line))
    enough = max(2, pages // 4)
    return {line for lines in same.values() if len(lines) >= enough for line in lines}


def _numbers(edges: list[_Edge]) -> set[int]:
    """Page numbers: in the outer margin any, elsewhere those that go on from page to page."""
    found: set[int] = set()
    offsets: Counter[int] = Counter()
    candidates: list[tuple[int, int, bool]] = []
    for edge in edges:
        # The last row of a page may be an equation with its number.
        formula = any(span.mathematical for line in edge.lines for span in line.spans)
        for line in edge.lines:
            match = _NUMBER.fullmatch(_text(line))
            if _is_of_heading(line, edge.lines):
                continue
            if match and edge.outer and not formula:
                found.add(id(line))
            if match and (value := arabic(match["number"])):
                alone = len(edge.lines) == 1 and edge.apart > 1.5 and value == edge.page + 1
                offsets[value - edge.page] += 1
                candidates.append((id(line), value - edge.page, alone))
    return found | {line for line, offset, alone in candidates if offsets[offset] > 1 or alone}


def _is_of_heading(number: Line, row: Sequence[Line]) -> bool:
    """Whether a bold number is the number of the bold words right behind it."""
    near = (line for line in row if 0 < line.box[0] - number.box[2] < 3 * number.spans[0].size)
    return number.spans[0].bold and any(line.spans[0].bold for line in near)


def _of_headings(edges: list[_Edge], headings: Collection[str]) -> set[int]:
    """Heads that say again, in small, what a heading says."""
    found: set[int] = set()
    for edge in edges:
        text = "".join(map(_letters, edge.lines))
        if edge.top and edge.apart > 1.3 and any(text.endswith(heading) for heading in headings):
            found.update(map(id, edge.lines))
    return found


def _at_the_same_height(edges: list[_Edge], pages: int) -> set[int]:
    """Heads that name a section differ from page to page; they stand apart from the text at one height."""
    heights: Counter[tuple[bool, int]] = Counter()
    apart: Counter[tuple[bool, int]] = Counter()
    for edge in edges:
        places = [(edge.top, edge.height + shift) for shift in (-1, 0, 1)]
        heights.update(places)
        apart.update(places if edge.apart > 1.3 else ())
    enough = max(3, 0.4 * pages)
    # Where a page begins with its text, a heading may be the first of another one.
    heads = {place for place, count in apart.items() if count >= max(enough, 0.9 * heights[place])}
    return {id(line) for edge in edges if (edge.top, edge.height) in heads for line in edge.lines}
