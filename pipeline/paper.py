"""Paper: a publication as every later stage sees it. `latex/`, `pdf/` and `markdown_paper.py` make one.

Pure: no files, no network. Looking a quotation up is in `quotation.py`.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from pipeline import quotation

Anchor = str
"""Where something stands, as printed: `S3.2`, `Eq4`, `Alg1`, `Tab2`, `Fig1`, `AppA`, `AppA.1`, `Theorem2.1`,
`Fn3`, `Abstract`, `Title`."""

BlockKind = Literal[
    "paragraph", "equation", "algorithm", "table", "figure", "footnote", "theorem", "list", "code"
]

CHARACTERS_PER_TOKEN = 4

_USELESS = re.compile(
    r"acknowledg|author contribution|contributions? of|funding|checklist|broader impact|ethic"
    r"|impact statement"
    r"|conflicts? of interest|competing interest|disclosure|societal|llm usage|use of (llm|large language)",
    re.IGNORECASE,
)
_RELATED = re.compile(r"related works?|previous work|prior work|literature", re.IGNORECASE)
_PROSE = frozenset(("paragraph", "list", "footnote"))
_INESSENTIAL = 1
"""Rank of what nobody needs who implements the paper."""
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

    def markdown(self, dropped: frozenset[Anchor] = frozenset()) -> str:
        """Headings (`##` for a section, one more for each level below) and blocks, without `dropped`
        parts.
        """
        parts: list[str] = []
        self._render(parts, 2, dropped)
        return "\n\n".join(parts)

    def _render(self, parts: list[str], level: int, dropped: frozenset[Anchor]) -> None:
        if self.anchor in dropped:
            return
        if self.title:
            parts.append(" ".join(filter(None, ("#" * level, f"[{self.anchor}]", self.number, self.title))))
        parts.extend(block.markdown() for block in self.blocks)
        for section in self.sections:
            section._render(parts, level + 1, dropped)


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

    def text(self, budget_tokens: int | None = None, *, essential: bool = False) -> str:
        """The paper as Markdown with anchors in brackets, `[S3.2]`; no more than `budget_tokens` (characters
        / 4).

        The list of references is left out; where only the essential is asked for, so are acknowledgements,
        checklists and prose on related work. For a budget the least useful parts go first (these, appendices
        without method content, other appendices, then from the end). What was dropped is said at the end.
        """
        ranked = self._least_useful_first()
        dropped = [section for rank, section in ranked if essential and rank <= _INESSENTIAL]
        text = self._render(dropped)
        if budget_tokens is None:
            return text
        limit = budget_tokens * CHARACTERS_PER_TOKEN
        for _, section in ranked:
            if len(text) <= limit:
                break
            if not any(section in (s for _, s in parent.walk()) for parent in dropped):
                dropped.append(section)
                text = self._render(dropped)
        if len(text) <= limit:
            return text
        ending = "\n\n(The rest does not fit and was cut off.)"
        if limit <= len(ending):
            return text[:limit]
        cut = text.rfind("\n\n", 0, limit - len(ending))
        return text[: cut if cut > 0 else limit - len(ending)] + ending

    def _render(self, dropped: list[Section]) -> str:
        without = frozenset(section.anchor for section in dropped)
        parts = [f"# {self.title}"]
        if self.authors:
            parts.append(", ".join(self.authors))
        if self.abstract:
            parts.append(f"## [Abstract] Abstract\n\n{self.abstract}")
        parts.extend(filter(None, (section.markdown(without) for section in self.sections)))
        missing = [f"[{section.anchor}] {section.title}" for section in dropped]
        if self.references:
            missing.append(f"the list of {len(self.references)} references")
        if missing:
            parts.append(f"(Not shown: {'; '.join(missing)}.)")
        return "\n\n".join(parts) + "\n"

    def _least_useful_first(self) -> list[tuple[int, Section]]:
        """Sections that can be done without, each with a rank."""
        ranked: list[tuple[int, int, Section]] = []
        everything = [section for top in self.sections for _, section in top.walk()]
        for order, section in enumerate(everything):
            appendix = section.anchor.startswith("App")
            if _USELESS.search(section.title):
                rank = 0
            elif _RELATED.search(section.title):
                rank = 1 if all(block.kind in _PROSE for _, s in section.walk() for block in s.blocks) else 2
            elif appendix and not any(_METHOD.search(s.title) for _, s in section.walk()):
                rank = 3
            elif appendix:
                rank = 4
            else:
                continue
            ranked.append((rank, -order, section))
        return [(rank, section) for rank, _, section in sorted(ranked, key=lambda entry: entry[:2])]

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

    def _pieces(self) -> Iterator[tuple[Anchor, str]]:
        yield "Title", self.title
        yield "Abstract", self.abstract
        for top in self.sections:
            for _, section in top.walk():
                yield section.anchor, f"{section.number} {section.title}"
                for block in section.blocks:
                    yield block.anchor or section.anchor, block.text
