"""PDF: pages of lines to a Paper, by how they are set. Pure: the file itself is opened in `pages.py`.

`layout.py` puts rows in reading order, `rows.py` says what they are; this module makes a paper of it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from pipeline.errors import PaperUnreadable
from pipeline.reading import outline
from pipeline.reading.figures import inside, with_words
from pipeline.reading.outline import Heading
from pipeline.reading.paper import Block, Drawing, Figure, Paper
from pipeline.reading.pdf import bars, contents, drawings, tables
from pipeline.reading.pdf import text as prose
from pipeline.reading.pdf.glyphs import mended
from pipeline.reading.pdf.layout import Row, rotated, rows
from pipeline.reading.pdf.pages import Pages
from pipeline.reading.pdf.rows import CHAPTER, NOTE_MARK, Rows
from pipeline.reading.pdf.text import Text

_STAMP = re.compile(
    r"arXiv:(?P<id>\d{4}\.\d{4,5}|[a-z-]{1,20}+(?:\.[A-Z]{2})?/\d{7})v(?P<version>\d{1,3}+)"
    r".{0,100}?(?P<day>\d{1,2} \w{3} \d{4})"
)
_LABELLED = re.compile(
    r"(?:ccs concepts|(?:additional )?key ?words|acm reference format|index terms|general terms|categories and subject"
    r"|pacs|msc|(?:20[12]0 )?mathematics subject)\b",
    re.IGNORECASE,
)
_LONGEST = 80
"""Rows of an abstract."""
_ALPHA = re.compile(r"\[[A-Z][A-Za-z+]{0,5}\d{2}[a-z]?\]\s+\S")
"""An entry of a list of references whose labels are of letters and a year."""
_NOTE = re.compile(r"notes?(?: added|:|\.)|added note|correspondence|competing interests", re.IGNORECASE)
_ABSTRACT = re.compile(r"\W*abstract\W*(?P<text>.*)", re.IGNORECASE)


def read(pages: Pages, file: bytes = b"") -> Paper:
    """The paper that a PDF's pages print; `file` is that PDF, for pictures of its figures.

    Raises PaperUnreadable if there is no text on them.
    """
    pages = replace(pages, pages=tuple(map(bars.in_line, pages.pages)))
    found = rows(pages.pages)
    if sum(len(row.text) for row in found) < 200:
        raise PaperUnreadable(
            "The PDF has no text: its pages are images.",
            "Give the LaTeX source or the arXiv id, or run text recognition on it first.",
        )
    return _Reader(found, pages, file).paper()


class _Reader:
    """One pass over the rows of a document."""

    def __init__(self, found: list[Row], pages: Pages, file: bytes) -> None:
        self.rows = found = contents.without(found)
        self.file = file
        self.pages = pages
        self.kinds = Rows(found, pages.pages)
        self.vocabulary = prose.vocabulary(found)
        self.figures: list[Figure] = []

    def paper(self) -> Paper:
        start = self._start_of_body()
        title, authors = prose.title_and_authors(self.rows[: start[0]], self.pages.title)
        end = self._end_of_abstract(*start)
        items, references = self._items(self.kinds.texts(self.rows[end:]))
        stamp = _STAMP.search(rotated(self.pages.pages[0])) if self.pages.pages else None
        notes = ["Read from the PDF: mathematics is text, not TeX, and may be incomplete."]
        if self.pages.count > len(self.pages.pages):
            notes.append(f"Only the first {len(self.pages.pages)} of {self.pages.count} pages were read.")
        unknown = sum(row.text.count("\N{REPLACEMENT CHARACTER}") for row in self.rows)
        if unknown:
            notes.append(
                f"{unknown} characters have no meaning in the PDF's fonts: they read as \N{REPLACEMENT CHARACTER}."
            )
        abstract = prose.joined(self.rows[start[0] : end], self.vocabulary)
        return Paper(
            title=title or mended(self.pages.title).strip() or "Untitled",
            authors=authors,
            abstract=(found["text"] if (found := _ABSTRACT.fullmatch(abstract)) else abstract).strip(),
            sections=outline.sections(items),
            references=tuple(references),
            source="pdf",
            arxiv_id=stamp["id"] if stamp else None,
            version=int(stamp["version"]) if stamp else None,
            published=_day(stamp["day"]) if stamp else None,
            notes=tuple(notes),
            figures=tuple(self.figures),
        )

    # The first page ---------------------------------------------------------------------------------------

    def _start_of_body(self) -> tuple[int, int]:
        """Where the abstract begins and where what follows it begins."""
        first = None
        for index, row in enumerate(self.rows[:200]):
            if (
                first is None
                and _ABSTRACT.match(row.text)
                and (len(row.text) < 15 or row.spans[0].bold or "—" in row.text)
            ):
                first = index
            elif self.kinds.headings.is_heading(index, self.rows):
                number, title = outline.numbered(row.text)
                # A title may begin with what looks like a number: `A Rule`, `3 Ways`.
                small = number[:1].isdigit() and row.size < 1.35 * self.kinds.size
                first_number = small or number in ("0", "1", "I")
                begins = first_number or outline.UNNUMBERED.fullmatch(title) or CHAPTER.fullmatch(row.text)
                if first is None and begins:
                    first = self._unnamed_abstract(index)
                if first is not None:
                    return first, index
        if first is None:
            # A letter: its title is all that is set apart.
            large = next(
                n
                for n, row in enumerate([*self.rows, None])
                if row is None or row.size < 1.1 * self.kinds.size
            )
            return (large, large) if large < 6 else (0, 0)
        # A letter has no headings: what stands on another page than its abstract, or smaller below it, follows it.
        limit = min(first + _LONGEST, len(self.rows))
        end = self._end_of_abstract(first, limit)
        return first, end if end < limit else first

    def _unnamed_abstract(self, body: int) -> int:
        """Where the text above the first heading begins; `body` itself if there is none."""

        def is_text(row: Row) -> bool:
            return row.width > 0.55 and len(row.cells) == 1 and len(row.text.split()) > 6

        gap = self.kinds.headings.gap
        start = body
        while start > 0 and self.rows[start - 1].page == self.rows[body - 1].page:
            row = self.rows[start - 1]
            # A paragraph may end with a short row.
            ends = start > 1 and gap(start - 1, self.rows) < 1.3 and is_text(self.rows[start - 2])
            above = start == body or gap(start, self.rows) < 1.3
            told = is_text(row) or above or ends or _LABELLED.match(row.text)
            if row.size > 1.1 * self.kinds.size or not told:
                break
            start -= 1
        rows = self.rows[start:body]
        while rows and len(rows[0].text.split()) < 7:
            rows = rows[1:]
        return body - len(rows) if len(rows) > 1 else body

    def _end_of_abstract(self, start: int, body: int) -> int:
        """Where the abstract ends: notes on the authors may stand between it and the first heading."""
        first = min(start + 1, body - 1)
        for index in range(start + 2, body):
            smaller = self.rows[index].size < self.rows[first].size - 0.6
            if self.kinds.headings.gap(index, self.rows) > 1.7 and (
                smaller or self.rows[index].page > self.rows[start].page
            ):
                return index
        return body

    # Blocks -----------------------------------------------------------------------------------------------

    def _items(self, texts: list[Text]) -> tuple[list[Heading | Block], list[str]]:
        items: list[Heading | Block] = []
        entries: list[Row] = []
        in_references = False
        entry: Row | None = None  # the last row of one
        for text in _continued(texts):
            if text.kind == "heading":
                title = text.anchor or ""
                in_references = bool(outline.REFERENCES.fullmatch(outline.numbered(title)[1]))
                entry = None
                if not in_references:
                    items.append(Heading(title))
                continue
            if in_references and self._ends_references(text, entries):
                in_references = False
            listed = in_references and text.kind in ("paragraph", "list", "equation")
            if listed and entry and self._is_a_note(text, entry):
                listed = False
            if listed or self._is_reference(text):
                entries += text.rows
                entry = text.rows[-1]
            elif text.kind == "drawing":
                if isinstance(caption := items[-1], Block):
                    items[-1] = self._drawing(text, caption)
            elif block := self._block(text, items):
                items.append(block)
        return items, prose.references(entries, self.vocabulary)

    @staticmethod
    def _ends_references(text: Text, entries: Sequence[Row]) -> bool:
        """Whether this is what follows a numbered list of references: capitals alone, as over an appendix."""
        words = " ".join(row.text for row in text.rows)
        return (
            text.kind == "paragraph"
            and bool(entries)
            and entries[0].text.startswith("[1]")
            and not words.startswith("[")
            and words.isupper()
            and len(words) < 80
        )

    def _is_a_note(self, text: Text, entry: Row) -> bool:
        """Whether this stands behind the references without being one: a note, what is said of the authors.

        It is larger than the entries, begins in bold type, says that it is a note, or stands apart from a numbered
        list. `entry` is the last row of the entry before it.
        """
        row = text.rows[0]
        if prose.ENTRY.match(row.text):
            return False
        below = row.baseline - entry.baseline if (row.page, row.column) == (entry.page, entry.column) else 0
        return (
            row.size > entry.size + 0.6
            # A year in bold type goes on with its entry.
            or (row.spans[0].bold and not entry.spans[0].bold and not row.text[:1].isdigit())
            or bool(_NOTE.match(row.text))
            or (below > 2.2 * row.size and row.x0 > entry.x0 + 2 and entry.text.endswith("."))
        )

    def _is_reference(self, text: Text) -> bool:
        """Whether this is an entry of a list of references without a heading: in small print, as REVTeX sets it, or
        hanging from a label of letters.
        """
        if text.kind not in ("paragraph", "list"):
            return False
        first = text.rows[0]
        if _ALPHA.match(first.text):
            return len(text.rows) > 1 and all(
                row.x0 > first.x0 + 5 or _ALPHA.match(row.text) for row in text.rows
            )
        small = all(row.size < 0.95 * self.kinds.size for row in text.rows)
        return small and bool(re.match(r"\[\d+\]\s+\S", first.text))

    def _block(self, text: Text, items: list[Heading | Block]) -> Block | None:
        if text.kind == "equation":
            lines = "\n".join(row.text for row in text.rows)
            return Block(
                "equation", f"\n```\n{lines}\n```" if text.anchor else f"```\n{lines}\n```", text.anchor
            )
        if text.kind in ("cells", "statements"):
            body = tables.table(text.rows) if text.kind == "cells" else prose.lines(text.rows)
            last = items[-1] if items else None
            if isinstance(last, Block) and last.anchor == text.anchor:
                items[-1] = Block(last.kind, f"{last.text}\n\n{body}", last.anchor)
                return None
            return Block("table" if text.kind == "cells" else "algorithm", body)
        joined = prose.joined(text.rows, self.vocabulary)
        if not re.search(r"[^\W_]", joined):
            return None
        if text.kind == "footnote":
            mark = NOTE_MARK.match(joined)
            number = mark["mark"] if mark else ""
            note = joined[mark.end() :] if mark else joined
            numbered = number.isdigit()
            return Block(
                "footnote",
                f"Footnote {number}: {note}" if numbered else note,
                f"Fn{number}" if numbered else None,
            )
        if text.kind == "list":
            return Block("list", re.sub(r"^[•▪◦‣∙·–*]\s*", "- ", joined))
        if text.anchor:
            return Block(text.kind, joined, text.anchor)  # type: ignore[arg-type]
        theorem = (
            outline.caption(joined)
            if text.rows[0].spans[0].bold or prose.small_capitals(text.rows[0])
            else None
        )
        if theorem and theorem[1] == "theorem":
            return Block("theorem", joined, theorem[0])
        run_in = prose.run_in_heading(text.rows[0], joined)
        if joined.startswith("#"):
            joined = f"\\{joined}"  # Markdown's mark of a heading
        return Block("paragraph", f"**{run_in}**{joined[len(run_in) :]}" if run_in else joined)

    def _drawing(self, text: Text, caption: Block) -> Block:
        """The block of a figure with what is written in its drawing."""
        written = inside(drawings.words(text, self.pages.pages[text.page]))
        place = Drawing("paper.pdf", self.file, text.page, text.box)
        self.figures.append(Figure(text.anchor or "", caption.text, (place,), written))
        return with_words(caption, written)


def _continued(texts: list[Text]) -> list[Text]:
    """The texts, those that were torn by a page, a float or a note joined again."""
    joined: list[Text] = []
    last: Text | None = None
    for text in texts:
        if text.kind in ("paragraph", "list") and last is not None and text.kind == "paragraph":
            end = last.rows[-1].text.rstrip()
            # `[1] Name` is an entry of the references.
            begins_small = bool(re.match(r"[a-z(,;]|\[\d(?!\d*\]\s+[A-Z])", text.rows[0].text))
            alike = abs(last.rows[-1].size - text.rows[0].size) < 0.6
            torn = (alike and not end.endswith((".", ":", "?", "!", '."'))) or end.endswith(
                (" al.", "e.g.", "i.e.")
            )
            elsewhere = last.rows[-1].page != text.rows[0].page or last.rows[-1].column != text.rows[0].column
            if (
                torn
                and (begins_small or (elsewhere and last.rows[-1].width > 0.9))
                and not (text.rows[0].mathematical > 0.9 or len(text.rows[0].cells) > 1)
            ):
                last.rows.extend(text.rows)
                continue
        joined.append(text)
        if text.kind in ("paragraph", "list"):
            last = text
        elif text.kind in ("heading", "equation"):
            last = None
    return joined


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d %b %Y").date()
    except ValueError:
        return None
