"""PDF pages: lines with their places and fonts, taken by a child process that may fail. No meaning yet."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.errors import PaperUnreadable
from pipeline.reading.paper import Box
from pipeline.reading.pdf.confined import MEMORY, SECONDS, answers

MAX_PAGES = 200
_BOLD = re.compile(r"Bold|Medi\b|-Bd|CMBX|CMSSBX|Black|Heavy|Demi")
_ITALIC = re.compile(r"Ital|Obli|Slant|-It\b|CMTI|CMSL|CMSSI|SFTI|SFSL")
_MATHEMATICAL = re.compile(
    r"CM(?:MI|SY|EX|R)\d|MSBM|MSAM|Math|Symbol|EUFM|rsfs|STIX|CMBSY|CMMIB|txsy|txmi|pxsy|pxmi|LMMath|XITS"
)

_ROMAN = re.compile(r"CMR\d|STIX(?!\w{0,20}Math)")
_WORD = re.compile(
    r"(?<![A-Za-z])(?!(?:log|exp|max|min|sup|inf|lim|sin|cos|tan|tanh|arg|det|dim|softmax|argmax|argmin)\b)"
    r"[A-Za-z]{3,}"
)


@dataclass(frozen=True)
class Span:
    """Characters of one font; sizes and places in points, from the top left."""

    text: str
    size: float
    flags: int
    font: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    roman: bool = False
    """Set in Computer Modern Roman or STIX, where that is the font of the document's text, not of its numbers only."""

    @property
    def bold(self) -> bool:
        """Whether the font is a bold one."""
        return bool(self.flags & 16) or _bold(self.font)

    @property
    def italic(self) -> bool:
        """Whether the font is a slanted one."""
        return bool(self.flags & 2) or _italic(self.font)

    @property
    def mathematical(self) -> bool:
        """Whether the font is one that mathematics is set in."""
        return _mathematical(self.font) and not (self.roman and _WORD.search(self.text))


# A paper has a dozen fonts and tens of thousands of spans.
@lru_cache(maxsize=1024)
def _bold(font: str) -> bool:
    return _BOLD.search(font) is not None


@lru_cache(maxsize=1024)
def _italic(font: str) -> bool:
    return _ITALIC.search(font) is not None


@lru_cache(maxsize=1024)
def _mathematical(font: str) -> bool:
    return _MATHEMATICAL.search(font) is not None


@dataclass(frozen=True)
class Line:
    """A line, or the part of one that stands apart, as the PDF has it."""

    box: Box
    upright: bool
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bar:
    """A thin horizontal stroke, as fractions, roots and tables have them."""

    x0: float
    x1: float
    y: float


@dataclass(frozen=True)
class Page:
    """A page's lines in the order of the file."""

    width: float
    height: float
    lines: tuple[Line, ...]
    bars: tuple[Bar, ...] = ()
    drawn: tuple[Box, ...] = ()
    """Around each image, and each path that is no bar."""
    rules: tuple[Bar, ...] = ()
    """Strokes as bars are, but as wide as the text."""


@dataclass(frozen=True)
class Pages:
    """A PDF."""

    pages: tuple[Page, ...]
    count: int
    """How many there are; `pages` may hold fewer."""
    title: str = ""
    author: str = ""


def pages(data: bytes, *, max_pages: int = MAX_PAGES, seconds: int = SECONDS, memory: int = MEMORY) -> Pages:
    """The pages of a PDF, read within limits.

    Raises PaperUnreadable if it is encrypted, broken, or beyond the limits.
    """
    hint = "Give the paper's LaTeX source or its arXiv id, or print the PDF into a new one."
    task = ("pages", {"file": 0, "max_pages": max_pages})
    (answer,) = answers([data], [task], seconds=seconds, memory=memory)
    match answer.get("error"):
        case None:
            return pages_of(answer)
        case "slow":
            raise PaperUnreadable(f"The PDF takes longer than {seconds} s to read.", hint)
        case "crashed":
            raise PaperUnreadable(
                "The PDF makes the reader fail: it is broken, or needs too much memory.", hint
            )
        case "encrypted":
            raise PaperUnreadable(
                "The PDF is encrypted: it asks for a password.", "Remove the password and try again."
            )
        case _:
            raise PaperUnreadable(
                f"The PDF is broken or incomplete ({answer['message']}).", f"Download it again. {hint}"
            )


def pages_of(answer: Mapping[str, Any]) -> Pages:
    """What the child says of a PDF, as values."""
    lengths: Counter[str] = Counter()
    for page in answer["pages"]:
        for _, _, spans in page["lines"]:
            for text, _, _, font, *_ in spans:
                lengths[font] += len(text)
    romans = {font for font in lengths if _ROMAN.search(font)}
    if sum(lengths[font] for font in romans) < 0.3 * lengths.total():
        romans = set()
    return Pages(
        tuple(
            Page(
                page["width"],
                page["height"],
                tuple(
                    Line(tuple(box), upright, tuple(Span(*(*span, span[3] in romans)) for span in spans))
                    for box, upright, spans in page["lines"]
                ),
                tuple(Bar(*bar) for bar in page["bars"]),
                tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in page["drawn"]),
                tuple(Bar(*rule) for rule in page["rules"]),
            )
            for page in answer["pages"]
        ),
        answer["count"],
        answer["title"],
        answer["author"],
    )
