"""PDF drawings: where the figure above (or below) a caption is, and which rows are words inside it. Pure
geometry.
"""

from collections.abc import Iterable, Sequence

from pipeline.reading.paper import Box
from pipeline.reading.pdf.layout import Row, cells_of
from pipeline.reading.pdf.pages import Page
from pipeline.reading.pdf.text import Text

_MARGIN = 1.6
"""Ems around what is drawn in which its ticks, titles and axes are written."""
_FLOATS = frozenset(("figure", "table", "algorithm", "code", "cells", "statements", "footnote", "drawing"))


def above(texts: list[Text], caption: Text, page: Page, size: float) -> Text | None:
    """The drawing over a caption, the last of `texts`, with its words, which are taken out of those before it;
    None if nothing is drawn there.
    """
    first = caption.rows[0]
    before = []
    for text in reversed(texts[:-1]):
        if any(row.page != first.page for row in text.rows):
            break
        before.append(text)
    under = first.baseline - 0.7 * first.size
    over = {
        id(text): [row for row in text.rows if _beside(row, first) and row.baseline < under]
        for text in before
    }
    stop = max(
        (
            row.baseline
            for text in before
            if _is_running(text, page, size)
            for row in over[id(text)]
            # What a figure draws and its frame hides may lie behind a paragraph that begins above it.
            if not _covered(row, page) or _is_wide(row, size)
        ),
        default=0.0,
    )
    hull = _hull(box for box in _drawn(page, first) if box[1] > stop - 2 and box[3] < under + 3)
    taken = {
        id(row) for rows in over.values() for row in rows if row.baseline > stop and _inside(row, hull, size)
    }
    lifted = [row for text in reversed(before) for row in text.rows if id(row) in taken]
    if not hull and not lifted:
        return None
    for text in before:
        text.rows = [row for row in text.rows if id(row) not in taken]
    texts[:] = [text for text in texts if text.rows or text.kind == "drawing"]
    return _drawing(lifted, caption, hull)


def below(rows: Sequence[Row], caption: Text, page: Page, size: float) -> Text | None:
    """The drawing under a caption, with those of the `rows` after it that are words inside."""
    last = caption.rows[-1]
    over = last.baseline + 0.2 * last.size
    following = [row for row in rows if row.page == last.page and _beside(row, last)]
    stop = min(
        (
            row.baseline - row.size
            for row in following
            if row.baseline > over and _is_wide(row, size) and not _covered(row, page)
        ),
        default=page.height,
    )
    hull = _hull(box for box in _drawn(page, last) if box[1] > over - 2 and box[3] < stop + 2)
    if hull is None or hull[1] > over + 4 * size:
        return None
    lifted: list[Row] = []
    for row in rows:
        if row.page != last.page or row.baseline > stop or not _inside(row, hull, size):
            break
        lifted.append(row)
    return _drawing(lifted, caption, hull)


def words(drawing: Text, page: Page) -> list[str]:
    """What is written in a drawing, piece by piece; what stands on its side comes last."""
    pieces = [text for row in drawing.rows for _, _, text in row.cells]
    box = drawing.box or (0.0, 0.0, 0.0, 0.0)
    sideways = [line for line in page.lines if not line.upright and _meets(line.box, box, 0)]
    return [*pieces, *("".join(span.text for span in line.spans) for line in sideways)]


def all_words(page: Page) -> list[str]:
    """What is written on a page that is one drawing."""
    upright = [line for line in page.lines if line.upright]
    sideways = [line for line in page.lines if not line.upright]
    return [*cells_of(upright), *("".join(span.text for span in line.spans) for line in sideways)]


def _drawing(rows: list[Row], caption: Text, hull: Box | None) -> Text:
    boxes = [_box(row) for row in rows]
    x0, y0, x1, y1 = _around([*boxes, hull] if hull else boxes)
    # Words on their side stand left and right of what is drawn.
    margin = 1.5 * caption.rows[0].size
    column = caption.rows[0].column
    first = caption.rows[0]
    lower = y1 + 4 if y0 > first.baseline else min(y1 + 4, first.baseline - 0.75 * first.size)
    box = (max(x0 - margin, min(x0, column[0] - 2)), y0 - 4, min(x1 + margin, max(x1, column[1] + 2)), lower)
    return Text("drawing", rows, caption.anchor, box, first.page)


def _is_running(text: Text, page: Page, size: float) -> bool:
    """Whether a text is no part of a drawing: it has a row of the text's own width, or is a float."""
    if text.kind in _FLOATS:
        return True
    return any(_is_wide(row, size) and not _covered(row, page) for row in text.rows)


def _is_wide(row: Row, size: float) -> bool:
    return row.width > 0.6 and row.size > 0.9 * size and len(row.cells) == 1


def _drawn(page: Page, row: Row) -> list[Box]:
    """What is drawn in the column of a row; a background or a frame of the page is none."""
    left, right = row.column
    return [
        box
        for box in page.drawn
        if min(right, box[2]) - max(left, box[0]) > 0.5 * (box[2] - box[0])
        and box[3] - box[1] < 0.9 * page.height
    ]


def _covered(row: Row, page: Page) -> bool:
    x, y = (row.x0 + row.x1) / 2, row.baseline - 0.3 * row.size
    return any(x0 - 2 < x < x1 + 2 and y0 - 2 < y < y1 + 2 for x0, y0, x1, y1 in page.drawn)


def _inside(row: Row, hull: Box | None, size: float) -> bool:
    """Whether a row is written in or at what is drawn; where nothing is, it must look like words of a figure."""
    if hull:
        return _meets(_box(row), hull, _MARGIN * size)
    small = row.size < 0.9 * size or len(row.cells) > 1 or row.width < 0.45
    return small and not row.text.endswith((".", ":", "?"))


def _beside(row: Row, caption: Row) -> bool:
    """Whether a row stands in the caption's column, or in a part of it."""
    left, right = caption.column
    return min(right, row.x1) - max(left, row.x0) > 0.5 * (row.x1 - row.x0)


def _box(row: Row) -> Box:
    return row.x0, row.baseline - 0.75 * row.size, row.x1, row.baseline + 0.25 * row.size


def _meets(box: Box, other: Box, margin: float) -> bool:
    return (
        box[0] < other[2] + margin
        and other[0] - margin < box[2]
        and box[1] < other[3] + margin
        and other[1] - margin < box[3]
    )


def _hull(boxes: Iterable[Box]) -> Box | None:
    """What holds all boxes; None if there are none."""
    found = list(boxes)
    return _around(found) if found else None


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
