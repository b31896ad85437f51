"""PDF bars: what stands above, below and under a drawn bar to one piece of a row, `a/b` or `√a`. Pure geometry.

Without them a fraction is two rows that say nothing of each other, and nobody knows where a root ends.
Source of the distances: D. E. Knuth, The TeXbook, appendix G (rules 11 and 15).
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.reading.pdf.glyphs import MADE, hanging, printed
from pipeline.reading.pdf.pages import Bar, Line, Page, Span
from pipeline.reading.pdf.spans import dominant, in_order, is_large, text_of

_REACH = 60.0
"""Points above and below a bar in which its parts are looked for."""
_SLACK = 3.0
"""Points by which a part may be narrower or wider than its bar: side bearings and italic corrections."""
# What needs no brackets below a bar and above it.
_FACTOR = re.compile(r"√?(?:\d+(?:\.\d+)?|[^\W\d]|\([^()]*\))[\u0300-\u036f]*(?:[_^]\{[^{}]*\})*")
_TERM = re.compile(r"√?\([^()]*\)|(?:[^\s+−±·×=,;<>≤≥/{}-]|\{[^{}]*\})+")
# TeX's roots by the character that names them in its extension font; in others, the smallest.
_HEIGHTS = {"q": 1.8, "r": 2.4, "s": 3.0, "t": 4.0}


def in_line(page: Page) -> Page:
    """The page with its fractions and roots as pieces of the rows in which they stand."""
    if not page.bars:
        return page
    spans = _Spans(page.lines)
    # From the inside out: a bar is no narrower than what stands under it.
    for bar in sorted(page.bars, key=lambda bar: bar.x1 - bar.x0):
        _root(bar, spans) or _fraction(bar, spans)
    return replace(page, lines=spans.lines())


class _Spans:
    """The upright spans of a page by their baselines; parts of a fraction are taken out, the whole is put
    in.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._taken: set[int] = set()
        self._made: list[Span] = []
        upright = (span for line in lines if line.upright for span in line.spans)
        self._sorted = sorted((span for span in upright if span.text.strip()), key=_height)
        self._baselines = [span.baseline for span in self._sorted]

    def near(self, bar: Bar) -> list[Span]:
        """Spans that stand within reach of a bar, above or below it."""
        first = bisect_left(self._baselines, bar.y - _REACH)
        last = bisect_left(self._baselines, bar.y + _REACH)
        return [span for span in self._sorted[first:last] if id(span) not in self._taken]

    def replace(self, parts: Iterable[Span], whole: Span) -> None:
        """Put `whole` in the place of `parts`."""
        self._taken.update(map(id, parts))
        place = bisect_left(self._baselines, whole.baseline)
        self._sorted.insert(place, whole)
        self._baselines.insert(place, whole.baseline)
        self._made.append(whole)

    def lines(self) -> tuple[Line, ...]:
        """The lines of the page as they are now."""
        if not self._made:
            return tuple(self._lines)
        lines = []
        for line in self._lines:
            spans = tuple(span for span in line.spans if id(span) not in self._taken)
            if len(spans) == len(line.spans):
                lines.append(line)
            elif any(span.text.strip() for span in spans):
                lines.append(_line(spans))
        return (*lines, *(_line((span,)) for span in self._made if id(span) not in self._taken))


def _height(span: Span) -> float:
    return span.baseline


def _line(spans: tuple[Span, ...]) -> Line:
    return Line(_box(spans), True, spans)


def _box(spans: Sequence[Span]) -> tuple[float, float, float, float]:
    return (
        min(span.x0 for span in spans),
        min(span.y0 for span in spans),
        max(span.x1 for span in spans),
        max(span.y1 for span in spans),
    )


def _root(bar: Bar, spans: _Spans) -> bool:
    near = spans.near(bar)
    for root in near:
        text = printed(root).strip()
        # Of Latin Modern's roots the file says no more than that they are some character.
        if (
            text.endswith(("√", "\ufffd"))
            and abs(root.x1 - bar.x0) < 1.5
            and abs(root.baseline - bar.y) < 1.5
        ):
            break
    else:
        return False
    height = root.size * _HEIGHTS.get(root.text.strip()[-1:], 1.0)
    inside = [
        span
        for span in near
        if span is not root
        and bar.x0 - 1.2 < span.x0
        and (span.x0 + span.x1) / 2 < bar.x1 > span.x1 - 1.2
        and bar.y < _top(span) + 2
        and span.baseline < bar.y + height + 0.3 * root.size
    ]
    # What is below its row is the next row.
    standing = [span.baseline for span in inside if span.size > 0.9 * root.size and not is_large(span)]
    row = min(standing, default=bar.y + height)
    inside = [span for span in inside if span.baseline < row + (0 if is_large(span) else 0.5 * height)]
    if not inside:
        return False
    inner = _text(inside)
    before = text[:-1].strip()
    whole = f"{before} √{inner}" if _FACTOR.fullmatch(inner) else f"{before} √({inner})"
    baseline, size = _main(inside)
    spans.replace([root, *inside], _piece(whole.strip(), [root, *inside], baseline, size))
    return True


def _fraction(bar: Bar, spans: _Spans) -> bool:
    near = spans.near(bar)
    within = [span for span in near if span.x0 > bar.x0 - _SLACK and span.x1 < bar.x1 + _SLACK]
    above = _stacked([span for span in within if _bottom(span) < bar.y + 2], bar.y, upwards=True)
    below = _stacked([span for span in within if _top(span) > bar.y - 2], bar.y, upwards=False)
    parts = [*above, *below]
    if not above or not below or not any(span.mathematical for span in parts):
        return False
    left, right = min(span.x0 for span in parts), max(span.x1 for span in parts)
    if max(abs(left - bar.x0), abs(right - bar.x1)) > _SLACK:
        return False
    # The rules of a table have cells above and below them, which stand apart or at one side.
    if not (_one_piece(above, bar) and _one_piece(below, bar)):
        return False
    numerator, denominator = _text(above), _text(below)
    if not _TERM.fullmatch(numerator):
        numerator = f"({numerator})"
    if not _FACTOR.fullmatch(denominator):
        denominator = f"({denominator})"
    size = max(span.size for span in parts)
    beside = [
        span
        for span in near
        if 0.14 * span.size < span.baseline - bar.y < 0.4 * span.size
        and span.size >= 0.95 * size
        and min(abs(span.x1 - bar.x0), abs(span.x0 - bar.x1)) < 2 * span.size
    ]
    if beside:
        next_ = min(beside, key=lambda span: min(abs(span.x1 - bar.x0), abs(span.x0 - bar.x1)))
        baseline, size = next_.baseline, next_.size
    else:
        baseline = bar.y + 0.25 * size
    spans.replace(parts, _piece(f"{numerator}/{denominator}", parts, baseline, size))
    return True


def _top(span: Span) -> float:
    hangs = hanging(span)
    return span.y0 if span.font == MADE else hangs[0] if hangs else span.baseline - 0.72 * span.size


def _bottom(span: Span) -> float:
    hangs = hanging(span)
    return span.y1 if span.font == MADE else hangs[1] if hangs else span.baseline + 0.22 * span.size


def _stacked(candidates: list[Span], y: float, *, upwards: bool) -> list[Span]:
    """Those that stand on a bar (or hang under it), and what overlaps them in height."""
    found: list[Span] = []
    edge = y
    reach = 0.0
    for span in sorted(candidates, key=_bottom, reverse=True) if upwards else sorted(candidates, key=_top):
        first, last = (y - _bottom(span), y - _top(span)) if upwards else (_top(span) - y, _bottom(span) - y)
        limit = 0.55 * span.size if not found else reach - 0.25 * span.size
        if first > limit or last > edge + _REACH:
            break
        found.append(span)
        reach = max(reach, last)
    return found


def _one_piece(part: list[Span], bar: Bar) -> bool:
    """Whether a part is centred on its bar and has no gap such as stands between cells."""
    left, right = min(span.x0 for span in part), max(span.x1 for span in part)
    if abs((left + right) - (bar.x0 + bar.x1)) > 2 * _SLACK:
        return False
    end = left
    for span in sorted(part, key=lambda span: span.x0):
        if span.x0 - end > 1.1 * span.size:
            return False
        end = max(end, span.x1)
    return True


def _main(spans: Sequence[Span]) -> tuple[float, float]:
    """Baseline and size of the largest letters."""
    letters = [span for span in spans if not is_large(span)] or spans
    size = max(span.size for span in letters)
    return dominant([span for span in letters if span.size > 0.9 * size])


def _text(spans: Sequence[Span]) -> str:
    baseline, size = _main(spans)
    return text_of(in_order(spans), baseline, size)


def _piece(text: str, parts: Sequence[Span], baseline: float, size: float) -> Span:
    x0, _, x1, _ = _box(parts)
    return Span(text, size, 0, MADE, x0, min(map(_top, parts)), x1, max(map(_bottom, parts)), baseline)
