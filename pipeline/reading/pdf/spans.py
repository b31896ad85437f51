"""PDF spans: the characters of one row, in order, as text with what is raised and lowered. Pure geometry.

Places are in points, y grows downwards.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from pipeline.reading.pdf.glyphs import MADE, hanging, mended, printed
from pipeline.reading.pdf.pages import Span

SCRIPT = 0.85
"""A span below this part of its row's size, off its baseline, is raised or lowered."""


def dominant(spans: Sequence[Span]) -> tuple[float, float]:
    """Baseline and size of the letters that are no scripts, even where scripts are many."""
    standing = [span for span in spans if not is_large(span)] or spans
    sizes: Counter[float] = Counter()
    for span in standing:
        sizes[span.size] += len(span.text.strip()) + 1
    # Where each word has its own size, as in a cloud of words, none has a fifth of them.
    enough = min(0.2 * sizes.total(), max(sizes.values()))
    size = max(size for size, weight in sizes.items() if weight >= enough)
    baselines: Counter[float] = Counter()
    for span in standing:
        if span.size == size:
            baselines[span.baseline] += len(span.text.strip()) + 1
    return baselines.most_common(1)[0][0], size


def in_order(spans: Sequence[Span]) -> list[Span]:
    """Spans of a row from left to right; limits above and below a large symbol stand behind it."""
    large = [span for span in spans if is_large(span)]

    def place(span: Span) -> tuple[float, float, float]:
        middle = (span.x0 + span.x1) / 2
        for symbol in large:
            if span.size < SCRIPT * symbol.size and symbol.x0 - 6 < middle < symbol.x1 + 6:
                upper = span.baseline < symbol.baseline
                apart = upper or span.baseline > symbol.baseline + 1.2 * symbol.size
                if apart and min(symbol.x1, span.x1) > max(symbol.x0, span.x0) - 2:
                    return symbol.x0, 1.0 + upper, span.x0
        return span.x0, 0.0, 0.0

    return sorted(spans, key=place) if large else sorted(spans, key=lambda span: span.x0)


def is_large(span: Span) -> bool:
    """Whether a span is a root, a sum or a large bracket."""
    return hanging(span) is not None and not _is_accent(span)


def _is_accent(span: Span) -> bool:
    text = printed(span).strip()
    return bool(text) and all(map(unicodedata.combining, text))


def _script(span: Span, baseline: float, size: float) -> str:
    """`^` or `_` for what is raised or lowered."""
    if span.size >= SCRIPT * size or not span.text.strip():
        return ""
    offset = span.baseline - baseline
    return "^" if offset < -0.12 * size else "_" if offset > 0.05 * size else ""


def _scripts_in_order(spans: Sequence[Span], baseline: float, size: float) -> list[Span]:
    """Spans from left to right, but of those at one letter first all that are lowered, then all that are
    raised.
    """
    ordered: list[Span] = []
    raised: list[Span] = []
    for span in spans:
        kind = _script(span, baseline, size)
        if kind == "^":
            raised.append(span)
            continue
        if kind != "_":
            ordered += raised
            raised = []
        ordered.append(span)
    return ordered + raised


def text_of(spans: Sequence[Span], baseline: float, size: float) -> str:
    """Spans from left to right as text: spaces where there is a gap, scripts marked."""
    out = shift = accent = ""
    right = None
    after_fraction = False
    for span in _scripts_in_order(spans, baseline, size):
        text = printed(span)
        if _is_accent(span):
            # A wide accent stands on the letter that it overlaps.
            if right is not None and span.x0 < right - 1:
                out += text.strip()
            else:
                accent = text.strip()
            continue
        if accent and text.strip():
            text, accent = text[0] + accent + text[1:], ""
        kind = _script(span, baseline, size)
        gap = 0.0 if right is None else span.x0 - right
        if kind != shift and (text.strip() or not kind):
            out += "}" if shift else ""
            out = out.rstrip() if kind and gap < 0.3 * size else out
            spaced = gap > 0.25 * size and not out.endswith(" ") and not text.startswith(" ")
            out += (" " if spaced else "") + (f"{kind}{{" if kind else "")
            text = text.strip() if kind else text
            shift = kind
        elif gap > 0.18 * size and not out.endswith(" ") and not text.startswith(" "):
            out += " "
        if after_fraction and re.match(r"[\w(√]", text):
            out += " "
        after_fraction = span.font == MADE and "/" in text
        out += text
        if text.strip():
            right = max(right or 0.0, span.x1)
    out = (out.rstrip() + "}") if shift else out
    return mended(" ".join(out.split()))
