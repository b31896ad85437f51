"""Paper: a publication as every later stage sees it. `latex/`, `pdf/` and `markdown_paper.py` make one.

Pure: no files, no network. Looking a quotation up is in `quotation.py`.
"""

import bisect
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

from pipeline.reading import inventory, quotation, tables

Anchor = str
"""Where something stands, as printed: `S3.2`, `Eq4`, `Alg1`, `Tab2`, `Fig1`, `AppA`, `AppA.1`, `Theorem2.1`,
`Fn3`, `Abstract`, `Title`."""

BlockKind = Literal[
    "paragraph", "equation", "algorithm", "table", "figure", "footnote", "theorem", "list", "code"
]

Box = tuple[float, float, float, float]

CHARACTERS_PER_TOKEN = 4

Part = Literal["acknowledgements", "checklist", "impact", "related work"]
"""What a reader who wants to implement a paper can do without."""

_PARTS: dict[Part, re.Pattern[str]] = {
    "acknowledgements": re.compile(
        r"acknowledge?ment|author contribution|contributions? of|funding|conflicts? of interest|competing interest"
        r"|disclosure",
        re.IGNORECASE,
    ),
    "checklist": re.compile(r"checklist", re.IGNORECASE),
    "impact": re.compile(
        r"broader impact|impact statement|ethic|societal|llm usage|use of (llm|large language)", re.IGNORECASE
    ),
    "related work": re.compile(r"related works?|previous work|prior work|literature", re.IGNORECASE),
}
_BETWEEN = "\n\n"
"""Between two pieces of a text."""
_NOT_SHOWN = "\n\n(Not shown: {}.)"
_PROSE = frozenset(("paragraph", "list", "footnote"))
_APPENDIX = re.compile(r"appendi(?:x|ces)|supplement", re.IGNORECASE)
_RUN_IN = re.compile(r"\*\*(?P<title>[^*]{3,80}?)[\s.:]*\*\*")
_METHOD = re.compile(
    r"algorithm|hyper-?parameter|implement|detail|training|setup|set-up|setting|architecture|pseudo|model|method"
    r"|configuration|preprocess|data|code|protocol|reproducib",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Block:
    """A piece of text that is read as one."""

    kind: BlockKind
    text: str
    """Markdown with untouched TeX mathematics."""
    anchor: Anchor | None = None
    """Its own number, if it has one; a paragraph has none and is addressed by its section."""

    def markdown(self) -> str:
        """The text, with its anchor in front."""
        if self.anchor is None:
            return self.text
        return f"[{self.anchor}]{'' if self.text.startswith(chr(10)) else ' '}{self.text}"


@dataclass(frozen=True)
class Section:
    """A numbered part, with its subsections. What stands before the first heading has no title."""

    anchor: Anchor
    number: str
    title: str
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Section"]]:
        """This section and all below it in reading order, each with its depth below this one."""
        yield depth, self
        for section in self.sections:
            yield from section.walk(depth + 1)

    def run_in(self) -> Iterator["Section"]:
        """Paragraphs with a heading in their first row, each up to the next such, as sections."""
        found: list[tuple[str, list[Block]]] = []
        for block in self.blocks:
            heading = _RUN_IN.match(block.text) if block.kind == "paragraph" else None
            if heading:
                found.append((heading["title"], [block]))
            elif found:
                found[-1][1].append(block)
        for title, blocks in found:
            yield Section(self.anchor, "", title, tuple(blocks))

    def markdown(self) -> str:
        """Headings (`##` for a section, one more for each level below) and blocks."""
        return _BETWEEN.join(text for _, text in self.pieces())

    def pieces(self, level: int = 2) -> Iterator[tuple["Section | Block", str]]:
        """This section and all below it in reading order, piece by piece: a heading of this level, or a block."""
        if self.title:
            yield self, " ".join(filter(None, ("#" * level, f"[{self.anchor}]", self.number, self.title)))
        yield from ((block, block.markdown()) for block in self.blocks)
        for section in self.sections:
            yield from section.pieces(level + 1)


class _Shown:
    """A paper without what is dropped from it. How long it is, is known after each without writing it anew."""

    def __init__(self, front: list[str], sections: Collection[Section], never: list[str]) -> None:
        """`front` stands before the sections; `never` is what is not shown in any case."""
        self._front = front
        self._pieces = [(id(part), text) for top in sections for part, text in top.pieces() if text]
        self._sizes = Counter[int]()
        for part, text in self._pieces:
            self._sizes[part] += len(text) + len(_BETWEEN)
        self._size = self._sizes.total() + sum(len(text) + len(_BETWEEN) for text in front)
        self._hidden: set[int] = set()
        self._dropped: list[str] = []
        self._never = never
        self._missing = sum(len(part) + len("; ") for part in never)

    def drop(self, section: Section) -> None:
        """Show a section no more, unless it is a part of one that was dropped before."""
        if any(id(part) in self._hidden for part in (section, *section.blocks)):
            return
        parts = {id(part) for _, below in section.walk() for part in (below, *below.blocks)} - self._hidden
        self._size -= sum(self._sizes[part] for part in parts)
        self._hidden |= parts
        self._dropped.append(f"[{section.anchor}] {section.title}")
        self._missing += len(self._dropped[-1]) + len("; ")

    def __len__(self) -> int:
        """Of `body` with `missing` and an end of line."""
        missing = self._missing and self._missing - len("; ") + len(_NOT_SHOWN.format(""))
        return max(0, self._size - len(_BETWEEN)) + missing + 1

    def body(self) -> str:
        return _BETWEEN.join(
            (*self._front, *(text for part, text in self._pieces if part not in self._hidden))
        )

    def missing(self, *others: str) -> str:
        """What is said of all that is not shown."""
        parts = (*self._dropped, *self._never, *others)
        return _NOT_SHOWN.format("; ".join(parts)) if parts else ""


@dataclass(frozen=True)
class Drawing:
    """Where a figure, or a part of one, is drawn."""

    name: str
    """Of the file, as the source writes it."""
    data: bytes = field(default=b"", repr=False)
    """The file; empty where the source lacks it."""
    page: int = 0
    box: Box | None = None
    """Left, top, right and bottom edge on the page, in points from the top left; None: all of it."""


@dataclass(frozen=True)
class Figure:
    """A figure of a paper. It is drawn as a picture only when one is asked for: see `figures.py`."""

    anchor: Anchor
    caption: str
    """As printed, with its number."""
    drawings: tuple[Drawing, ...] = ()
    """In order; none where the source draws it by commands of its own."""
    text: str = ""
    """Words inside: legends, axes, labels. They also stand in its block, where they can be quoted."""


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
    figures: tuple[Figure, ...] = ()
    """Those with a number, in reading order."""

    def text(self, budget_tokens: int | None = None, *, without: Collection[Part] = ()) -> str:
        """The paper as Markdown with anchors in brackets, `[S3.2]`; no more than `budget_tokens` (characters
        / 4), and no part that is named in `without`.

        The list of references is left out. Drops the least useful parts first (acknowledgements, checklists
        and the like, related work, appendices without method content, other appendices, then from the end)
        and says at the end what was dropped.
        """
        droppable = self._least_useful_first()
        front = [f"# {self.title}"] if self.title else []
        if self.authors:
            front.append(", ".join(self.authors))
        if self.abstract:
            front.append(f"## [Abstract] Abstract\n\n{self.abstract}")
        references = [f"the list of {len(self.references)} references"] if self.references else []
        shown = _Shown(front, self.sections, references)
        for part, section in droppable:
            if part in without:
                shown.drop(section)
        limit = sys.maxsize if budget_tokens is None else budget_tokens * CHARACTERS_PER_TOKEN
        for _, section in droppable:
            if len(shown) <= limit:
                break
            shown.drop(section)
        body = shown.body()
        text = f"{body}{shown.missing()}\n"
        if len(text) <= limit:
            return text
        rest = "the rest, which does not fit and was cut off"
        ending = shown.missing(rest)
        if len(ending) > limit // 2:
            ending = _NOT_SHOWN.format(rest)
        if limit <= len(ending):
            return text[:limit]
        cut = body.rfind(_BETWEEN, 0, limit - len(ending))
        return body[: cut if cut > 0 else limit - len(ending)] + ending

    def _least_useful_first(self) -> list[tuple[Part | None, Section]]:
        """What can be dropped, and the part that it is; None for what only a budget drops."""
        ranked: list[tuple[int, int, Part | None, Section]] = []
        everything: list[tuple[Section, bool]] = []
        for top in self.sections:
            for _, section in top.walk():
                appendix = section.anchor.startswith("App") or _APPENDIX.match(top.title) is not None
                everything.append((section, appendix))
                everything.extend((piece, False) for piece in section.run_in())
        for order, (section, appendix) in enumerate(everything):
            part = next((part for part, name in _PARTS.items() if name.search(section.title)), None)
            prose = all(block.kind in _PROSE for _, s in section.walk() for block in s.blocks)
            if part:
                # What others did may be a method that this paper builds on, and what journals want at the end of a
                # manuscript, tables and figures, stands below the last heading: the acknowledgements.
                rank = 1 if part == "related work" else 0 if prose else 3
                ranked.append((rank, -order, part if prose else None, section))
            elif appendix:
                method = any(_METHOD.search(s.title) for _, s in section.walk())
                ranked.append((3 if method else 2, -order, None, section))
        return [(part, section) for _, _, part, section in sorted(ranked, key=lambda entry: entry[:2])]

    def find(self, quote: str) -> Anchor | None:
        """Where `quote` stands, or None if it does not.

        Tolerant of white space, hyphenation, ligatures, maths spelling and case; strict about words and
        numbers. A quotation that runs over several blocks is addressed by the first.
        """
        wanted = quotation.pattern(quote)
        if wanted is None:
            return None
        reduced, starts, anchors = self._index
        match = wanted.search(reduced)
        return anchors[bisect.bisect_right(starts, match.start()) - 1] if match else None

    def places(self, quote: str) -> tuple[Anchor, ...]:
        """All places where `quote` stands, as `find` looks it up, in reading order."""
        wanted = quotation.pattern(quote)
        if wanted is None:
            return ()
        reduced, starts, anchors = self._index
        found = (anchors[bisect.bisect_right(starts, m.start()) - 1] for m in wanted.finditer(reduced))
        return tuple(dict.fromkeys(found))

    def passage(self, anchor: Anchor) -> str:
        """What stands at a place: the heading and own paragraphs of a section, a table with its caption."""
        return "\n".join(text for other, text in self._pieces() if other == anchor)

    @cached_property
    def tables(self) -> tuple[tables.Table, ...]:
        """What the tables hold, cell by cell, in reading order; a table of several parts is there part by part."""
        return tables.read([(b.anchor, b.text) if b.kind == "table" else None for b in self._blocks()])

    def inventory(self) -> inventory.Inventory:
        """What the paper contains: equations, algorithms, figures, tables, experiments, and what tables name."""
        parts = [
            inventory.Part(
                section.anchor,
                section.number,
                section.title,
                depth,
                tuple((block.kind, block.anchor, block.text) for block in section.blocks),
            )
            for top in self.sections
            for depth, section in top.walk()
        ]
        return inventory.taken(parts, self.tables)

    @cached_property
    def anchors(self) -> frozenset[Anchor]:
        """All places that can be named."""
        return frozenset(anchor for anchor, _ in self._pieces())

    @cached_property
    def _index(self) -> tuple[str, list[int], list[Anchor]]:
        """All text reduced, where each piece of it starts, and that piece's anchor."""
        reduced: list[str] = []
        starts: list[int] = []
        anchors: list[Anchor] = []
        length = 0
        for anchor, text in self._pieces():
            piece = quotation.reduce(text)
            if piece:
                starts.append(length)
                anchors.append(anchor)
                reduced.append(piece + quotation.HARD)
                length += len(piece) + 1
        return "".join(reduced), starts, anchors

    def _blocks(self) -> Iterator[Block]:
        for top in self.sections:
            for _, section in top.walk():
                yield from section.blocks

    def _pieces(self) -> Iterator[tuple[Anchor, str]]:
        yield "Title", self.title
        yield "Abstract", self.abstract
        for top in self.sections:
            for _, section in top.walk():
                yield section.anchor, f"{section.number} {section.title}"
                for block in section.blocks:
                    yield block.anchor or section.anchor, block.text
