"""PDF pages: lines with their places and fonts, taken by a child process that may fail. No meaning yet."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import PaperUnreadable

MAX_PAGES = 200
MEMORY = 2_000_000_000
SECONDS = 60
_BOLD = re.compile(r"Bold|Medi\b|-Bd|CMBX|CMSSBX|Black|Heavy|Demi")
_MATHEMATICAL = re.compile(
    r"CM(?:MI|SY|EX|R)\d|MSBM|MSAM|Math|Symbol|EUFM|rsfs|STIX|CMBSY|CMMIB|txsy|txmi|pxsy|pxmi|LMMath|XITS"
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

    @property
    def bold(self) -> bool:
        """Whether the font is a bold one."""
        return bool(self.flags & 16) or _bold(self.font)

    @property
    def mathematical(self) -> bool:
        """Whether the font is one that mathematics is set in."""
        return _mathematical(self.font)


# A paper has a dozen fonts and tens of thousands of spans.
@lru_cache(maxsize=1024)
def _bold(font: str) -> bool:
    return _BOLD.search(font) is not None


@lru_cache(maxsize=1024)
def _mathematical(font: str) -> bool:
    return _MATHEMATICAL.search(font) is not None


@dataclass(frozen=True)
class Line:
    """A line, or the part of one that stands apart, as the PDF has it."""

    box: tuple[float, float, float, float]
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
    # Isolated: neither this project nor what the environment names may be imported there.
    command = [sys.executable, "-I", str(Path(__file__).with_name("child.py"))]
    limits = [str(max_pages), str(memory), str(seconds)]
    hint = "Give the paper's LaTeX source or its arXiv id, or print the PDF into a new one."
    try:
        child = subprocess.run(  # noqa: S603
            [*command, *limits], input=data, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PaperUnreadable(f"The PDF takes longer than {seconds} s to read.", hint) from error
    try:
        answer = json.loads(child.stdout)
    except ValueError as error:
        # Whatever the library did: no answer means that it crashed or was stopped at a limit.
        raise PaperUnreadable(
            "The PDF makes the reader fail: it is broken, or needs too much memory.", hint
        ) from error
    if answer.get("error") == "encrypted":
        raise PaperUnreadable(
            "The PDF is encrypted: it asks for a password.", "Remove the password and try again."
        )
    if "error" in answer:
        raise PaperUnreadable(
            f"The PDF is broken or incomplete ({answer['message']}).", f"Download it again. {hint}"
        )
    return Pages(
        tuple(
            Page(
                page["width"],
                page["height"],
                tuple(
                    Line(tuple(box), upright, tuple(Span(*span) for span in spans))
                    for box, upright, spans in page["lines"]
                ),
                tuple(Bar(*bar) for bar in page["bars"]),
            )
            for page in answer["pages"]
        ),
        answer["count"],
        answer["title"],
        answer["author"],
    )
