"""Paper: a publication as every later stage sees it. `latex.py` and `pdf.py` make one from a Source."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Anchor = str
"""Where something stands, as printed: `S3.2`, `Eq4`, `Alg1`, `Tab2`, `Fig1`, `AppA`, `AppA.1`, `Abstract`."""

BlockKind = Literal[
    "paragraph", "equation", "algorithm", "table", "figure", "footnote", "theorem", "list", "code"
]


@dataclass(frozen=True)
class Block:
    """A piece of text that is read as one."""

    kind: BlockKind
    text: str
    """Markdown with untouched TeX mathematics."""
    anchor: Anchor | None = None
    """Its own number, if it has one; a paragraph has none and is addressed by its section."""


@dataclass(frozen=True)
class Section:
    """A numbered part, with its subsections."""

    anchor: Anchor
    number: str
    title: str
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()


@dataclass(frozen=True)
class Paper:
    """What a publication says, with every number as printed."""

    title: str
    authors: tuple[str, ...]
    abstract: str
    sections: tuple[Section, ...]
    references: tuple[str, ...]
    source: Literal["latex", "pdf", "markdown"]
    arxiv_id: str | None = None
    """Without version: `1706.03762`."""
    version: int | None = None
    published: date | None = None
    """Of this version where known; dependencies are resolved as of this day."""
    licence: str | None = None
    notes: tuple[str, ...] = ()
    """What a reader must know of the reading itself, e.g. that LaTeX was not available."""

    def text(self, budget_tokens: int | None = None) -> str:
        """The paper as Markdown with anchors in brackets, `[S3.2]`; no more than `budget_tokens` (characters / 4).

        Drops the least useful parts first and says at the end what was dropped.
        """
        raise NotImplementedError

    def find(self, quote: str) -> Anchor | None:
        """Where `quote` stands, or None if it does not.

        Tolerant of white space, hyphenation, ligatures, maths spelling and case; strict about words and
        numbers.
        """
        raise NotImplementedError
