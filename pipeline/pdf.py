"""PDF: pages of lines to a Paper, by how they are set. Pure: the file itself is opened in `pdf_pages.py`.

`pdf_layout.py` puts rows in reading order; this module says which rows are headings, paragraphs, equations,
captions, tables, algorithms and footnotes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from statistics import median

from pipeline import outline, pdf_tables
from pipeline.errors import PaperUnreadable
from pipeline.outline import Heading
from pipeline.paper import Block, BlockKind, Paper
from pipeline.pdf_glyphs import mended
from pipeline.pdf_layout import Row, rotated, rows
from pipeline.pdf_pages import Pages

_STAMP = re.compile(
    r"arXiv:(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})v(?P<version>\d+)"
    r".*?(?P<day>\d{1,2} \w{3} \d{4})"
)
_ABSTRACT = re.compile(r"\W*abstract\W*(?P<text>.*)", re.IGNORECASE)
_EQUATION_NUMBER = re.compile(r"\(([A-Z]?\.?\d+(?:\.\d+)*[a-z]?)\)$")
_BULLET = re.compile(r"(?:[•▪◦‣∙·–*]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+\S")
_STATEMENT = re.compile(
    r"\d+:|(?:require|ensure|input|output|data|result|initiali[sz]e|for|while|repeat|if|return|function|procedure)\b",
    re.I,
)
_STATEMENT_NAME = re.compile(
    r"(?:theorem|lemma|proposition|corollary|definition|assumption|remark|example|claim|proof)\b",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(r"\^\{(?P<mark>\d{1,3}|[∗*†‡§¶⇤]+)\}\s*(?=\S)")
_PLACE = re.compile(
    r"universit|institut|\b(?:google|brain|research|labs?|laborator|department|school|college|openai|deepmind|microsoft"
    r"|meta|facebook|inc|corp|center|centre|academy|ai)\b|@|\d|equal contribution|https?:",
    re.IGNORECASE,
)


@dataclass
class _Text:
    """Rows that are read as one, and what they are."""

    kind: BlockKind | str
    rows: list[Row] = field(default_factory=list)
    anchor: str | None = None


def read(pages: Pages) -> Paper:
    """The paper that a PDF's pages print.

    Raises PaperUnreadable if there is no text on them.
    """
    found = rows(pages.pages)
    if sum(len(row.text) for row in found) < 200:
        raise PaperUnreadable(
            "The PDF has no text: its pages are images.",
            "Give the LaTeX source or the arXiv id, or run text recognition on it first.",
        )
    return _Reader(found, pages).paper()


class _Reader:
    """One pass over the rows of a document."""

    def __init__(self, found: list[Row], pages: Pages) -> None:
        self.rows = found
        self.pages = pages
        sizes: Counter[float] = Counter()
        for row in found:
            sizes[round(row.size * 2) / 2] += len(row.text)
        self.size = sizes.most_common(1)[0][0]
        steps = [
            below.baseline - above.baseline
            for above, below in pairwise(found)
            if above.page == below.page and 0 < below.baseline - above.baseline < 3 * self.size
        ]
        self.leading = median(steps) if steps else 1.2 * self.size
        self.vocabulary = _vocabulary(found)
        self.texts: list[_Text] = []

    def paper(self) -> Paper:
        start = self._start_of_body()
        title, authors = self._title(self.rows[: start[0]])
        index, abstract_rows = start[1], self.rows[start[0] : start[1]]
        body = self.rows[index:]
        self._classify(body)
        items, references = self._items()
        stamp = _STAMP.search(rotated(self.pages.pages[0])) if self.pages.pages else None
        notes = ["Read from the PDF: mathematics is text, not TeX, and may be incomplete."]
        if self.pages.count > len(self.pages.pages):
            notes.append(f"Only the first {len(self.pages.pages)} of {self.pages.count} pages were read.")
        abstract = self._joined(abstract_rows)
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
            elif self._is_heading(index, self.rows) and not (first is None and row.size > 1.35 * self.size):
                number, title = outline.numbered(row.text)
                if first is not None or number or outline.UNNUMBERED.fullmatch(title):
                    return (first if first is not None else index, index)
        return (first or 0, first or 0)

    def _title(self, front: list[Row]) -> tuple[str, tuple[str, ...]]:
        front = [row for row in front if row.page == 0]
        if not front:
            return "", ()
        size = max(row.size for row in front)
        large = [index for index, row in enumerate(front) if row.size > 0.93 * size]
        title = " ".join(front[index].text for index in large)
        declared = mended(self.pages.title).strip()
        if declared.casefold() == title.casefold():
            # The same in small capitals: the file knows the case.
            title = declared
        names: list[str] = []
        for row in front[large[-1] + 1 :]:
            for _, _, text in row.cells:
                for name in re.split(r",|\band\b|&", re.sub(r"[\^_]\{[^}]*\}|[*†‡§∗⇤]", " ", text)):
                    name = " ".join(name.split())
                    if re.fullmatch(r"[^\W\d_][\w.'’-]*(?: [\w.'’-]+){1,3}", name) and not _PLACE.search(
                        name
                    ):
                        names.append(name)
        return title, tuple(dict.fromkeys(names))

    # What each row is -------------------------------------------------------------------------------------

    def _classify(self, found: Sequence[Row]) -> None:
        index = 0
        while index < len(found):
            row = found[index]
            caption = outline.caption(row.text) if self._stands_apart(index, found) else None
            if self._is_heading(index, found):
                index = self._heading(index, found)
            elif caption and caption[1] in ("figure", "table", "algorithm", "code"):
                index = self._float(index, found, *caption)
            elif self._is_footnote(row):
                index = self._footnote(index, found)
            elif self._is_equation(row):
                index = self._equation(index, found)
            else:
                self._text(index, found)
                index += 1

    def _gap(self, index: int, found: Sequence[Row]) -> float:
        """Distance from the row above in lines; large where there is none."""
        if index == 0:
            return 9.0
        above, row = found[index - 1], found[index]
        same = above.page == row.page and above.column == row.column
        return (row.baseline - above.baseline) / self.leading if same else 9.0

    def _stands_apart(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row may begin something new: above it is a gap, an end, or something of another kind."""
        return self._gap(index, found) > 1.15 or found[index - 1].width < 0.9 or found[index].spans[0].bold

    def _is_heading(self, index: int, found: Sequence[Row]) -> bool:
        row = found[index]
        if (
            len(row.text) > 130
            or row.mathematical > 0.5
            or (row.size < 0.95 * self.size and not _small_capitals(row))
        ):
            return False
        number, title = outline.numbered(row.text)
        letters = re.sub(r"[^A-Za-z]", "", title)
        if not letters or (number and not title[:1].isupper()):
            return False
        distinct = (
            row.bold
            or row.size > 1.1 * self.size
            or _small_capitals(row)
            or (bool(number) and letters.isupper())
        )
        if not distinct or len(row.cells) > 2 or (row.text.rstrip().endswith((".", ",")) and not number):
            return False
        if number:
            # A row of a table may begin with a number too.
            return self._gap(index, found) > 1.1 and len(number) < 9 and not re.match(r"\d{3}", number)
        if outline.UNNUMBERED.fullmatch(title):
            return True
        return (
            self._gap(index, found) > 1.3
            and row.x0 < row.column[0] + 12
            and (row.size > 1.1 * self.size or row.bold)
        )

    def _heading(self, index: int, found: Sequence[Row]) -> int:
        texts = [found[index].text]
        index += 1
        # A long heading goes on in the next row.
        while (
            index < len(found)
            and self._gap(index, found) < 1.5
            and found[index].bold
            and found[index - 1].bold
            and found[index].size == found[index - 1].size
            and found[index - 1].width > 0.7
            and not outline.numbered(found[index].text)[0]
        ):
            texts.append(found[index].text)
            index += 1
        self.texts.append(_Text("heading", [found[index - 1]], " ".join(texts)))
        return index

    def _is_footnote(self, row: Row) -> bool:
        bottom = self.pages.pages[row.page].height * 0.6
        return row.size < 0.95 * self.size and row.baseline > bottom and bool(_NOTE_MARK.match(row.text))

    def _footnote(self, index: int, found: Sequence[Row]) -> int:
        note = _Text("footnote", [found[index]])
        self.texts.append(note)
        first = found[index]
        index += 1
        while (
            index < len(found)
            and found[index].page == first.page
            and found[index].column == first.column
            and found[index].size < 0.95 * self.size
        ):
            if self._is_footnote(found[index]):
                note = _Text("footnote")
                self.texts.append(note)
            note.rows.append(found[index])
            index += 1
        return index

    def _is_equation(self, row: Row) -> bool:
        inset = row.x0 > row.column[0] + 1.2 * self.size
        number = _EQUATION_NUMBER.search(row.text)
        if number and row.x1 > row.column[1] - 1.5 * self.size and inset:
            return row.mathematical > 0.3 or len(row.cells) > 1
        return inset and row.mathematical > 0.6

    def _equation(self, index: int, found: Sequence[Row]) -> int:
        equation = _Text("equation")
        self.texts.append(equation)
        start = index
        while (
            index < len(found)
            and self._is_equation(found[index])
            and (index == start or self._gap(index, found) < 3.5)
        ):
            number = _EQUATION_NUMBER.search(found[index].text)
            if number and equation.anchor:
                equation = _Text("equation")
                self.texts.append(equation)
            equation.rows.append(found[index])
            if number:
                equation.anchor = f"Eq{number.group(1)}"
            index += 1
        return index

    # Floats -----------------------------------------------------------------------------------------------

    def _float(self, index: int, found: Sequence[Row], anchor: str, kind: BlockKind) -> int:
        """A caption, and what belongs to it below or above."""
        float_ = _Text(kind, [found[index]], anchor)
        first = found[index]
        index += 1
        limit = 60 if kind == "algorithm" else 25
        while index < len(found) and self._gap(index, found) < 1.35 and len(float_.rows) < limit:
            row = found[index]
            if kind == "algorithm" and _STATEMENT.match(row.text):
                break
            if abs(row.size - first.size) > 0.8 or len(row.cells) > 2 or self._is_heading(index, found):
                break
            if float_.rows[-1].width < 0.8 and row.x0 <= first.column[0] + 2 and kind != "algorithm":
                break
            float_.rows.append(row)
            index += 1
        self.texts.append(float_)
        if kind == "algorithm":
            return self._statements(index, found, float_)
        if kind == "table":
            return self._table(index, found, float_)
        self._lift_figure_text(float_)
        return index

    def _statements(self, index: int, found: Sequence[Row], caption: _Text) -> int:
        lines = _Text("statements", anchor=caption.anchor)
        while index < len(found) and self._gap(index, found) < 1.7:
            row = found[index]
            if self._is_heading(index, found) or (outline.caption(row.text) and row.spans[0].bold):
                break
            if row.width > 0.97 and lines.rows and not _STATEMENT.match(row.text) and row.mathematical < 0.1:
                break
            lines.rows.append(row)
            index += 1
        if lines.rows:
            self.texts.append(lines)
        return index

    def _tabular(self, row: Row) -> bool:
        widest = max(x1 - x0 for x0, x1, _ in row.cells) / max(1.0, row.column[1] - row.column[0])
        return row.width < 0.6 or (len(row.cells) > 1 and widest < 0.6)

    def _table(self, index: int, found: Sequence[Row], caption: _Text) -> int:
        """The rows of the table under its caption, or else those above it."""
        end = index
        while end < len(found) and end - index < 120:
            row = found[end]
            gap = self._gap(end, found)
            if gap > 4 or self._is_heading(end, found) or outline.caption(row.text) or not self._tabular(row):
                break
            if len(row.cells) == 1 and gap > 1.8 and end > index and row.x0 < row.column[0] + 3:
                break
            end += 1
        below = list(found[index:end])
        while below and len(below[-1].cells) == 1 and below[-1].x0 < below[-1].column[0] + 3:
            below.pop()
        if sum(len(row.cells) > 1 for row in below) >= 2:
            self.texts.append(_Text("cells", below, caption.anchor))
            return index + len(below)
        above = self._lift_tabular(caption)
        if above:
            self.texts.append(_Text("cells", above, caption.anchor))
        return index

    def _lift_tabular(self, caption: _Text) -> list[Row]:
        """Rows of a table that were taken for text before its caption was seen."""
        lifted: list[Row] = []
        place = len(self.texts) - 2
        baseline = caption.rows[0].baseline
        while place >= 0:
            text = self.texts[place]
            rows_, kind = text.rows, text.kind
            near = (
                bool(rows_)
                and rows_[0].page == caption.rows[0].page
                and rows_[0].column == caption.rows[0].column
            )
            if (
                not near
                or kind not in ("paragraph", "equation")
                or baseline - rows_[-1].baseline > 4 * self.leading
            ):
                break
            if not all(self._tabular(row) for row in rows_):
                break
            lifted[:0] = rows_
            baseline = rows_[0].baseline
            del self.texts[place]
            place -= 1
        if sum(len(row.cells) > 1 for row in lifted) < 2:
            if lifted:
                self.texts.insert(place + 1, _Text("paragraph", lifted))
            return []
        return lifted

    def _lift_figure_text(self, caption: _Text) -> None:
        """Words inside a figure, which were taken for text before its caption was seen, go away from the
        text.
        """
        place = len(self.texts) - 2
        baseline = caption.rows[0].baseline
        while place >= 0:
            text = self.texts[place]
            if not text.rows or text.kind not in ("paragraph", "equation", "list"):
                break
            last = text.rows[-1]
            if last.page != caption.rows[0].page or last.baseline > baseline:
                break
            inside = [
                row
                for row in text.rows
                if row.size < 0.9 * self.size or len(row.cells) > 1 or row.width < 0.45
            ]
            if len(inside) < len(text.rows) or (
                len(text.rows) == 1 and len(last.cells) == 1 and last.text.endswith((".", ":", "?"))
            ):
                break
            del self.texts[place]
            place -= 1

    # Running text -----------------------------------------------------------------------------------------

    def _text(self, index: int, found: Sequence[Row]) -> None:
        row = found[index]
        current = self.texts[-1] if self.texts and self.texts[-1].kind in ("paragraph", "list") else None
        bullet = bool(_BULLET.match(row.text)) and (
            row.x0 > row.column[0] + 4 or bool(current and current.kind == "list") or row.text[:1] in "•▪◦‣∙"
        )
        if bullet:
            self.texts.append(_Text("list", [row]))
        elif current is None or self._begins_paragraph(index, found, current):
            self.texts.append(_Text("paragraph", [row]))
        else:
            current.rows.append(row)

    def _begins_paragraph(self, index: int, found: Sequence[Row], current: _Text) -> bool:
        above, row = current.rows[-1], found[index]
        theorem = row.spans[0].bold and _STATEMENT_NAME.match(row.text)
        if above is not found[index - 1] or theorem:
            return True
        gap = self._gap(index, found)
        ended = above.text.rstrip().endswith((".", ":", "?", "!", ".”", '."'))
        if gap > 8:
            # A new column or page: the paragraph may go on.
            return self._tabular(row) or (
                ended and (above.width < 0.9 or row.x0 > row.column[0] + 0.6 * self.size)
            )
        if current.kind == "list" and row.x0 < current.rows[0].x0 + 2:
            return True
        if gap > 1.3:
            return ended or gap > 2.2
        if (
            row.x0 > row.column[0] + 0.6 * self.size
            and above.x0 < above.column[0] + 2
            and current.kind != "list"
        ):
            return ended and row.mathematical < 0.6
        return above.width < 0.8 and ended and row.x0 < row.column[0] + 2 and current.kind != "list"

    # Blocks -----------------------------------------------------------------------------------------------

    def _items(self) -> tuple[list[Heading | Block], list[str]]:
        items: list[Heading | Block] = []
        references: list[str] = []
        in_references = False
        for text in self._continued():
            if text.kind == "heading":
                title = text.anchor or ""
                in_references = bool(outline.REFERENCES.fullmatch(outline.numbered(title)[1]))
                if not in_references:
                    items.append(Heading(title))
            elif in_references and text.kind in ("paragraph", "list", "equation"):
                references.extend(self._references(text.rows))
            elif block := self._block(text, items):
                items.append(block)
        return items, _merged_references(references)

    def _continued(self) -> list[_Text]:
        """The texts, those that were torn by a page, a float or a note joined again."""
        joined: list[_Text] = []
        last: _Text | None = None
        for text in self.texts:
            if text.kind in ("paragraph", "list") and last is not None and text.kind == "paragraph":
                end = last.rows[-1].text.rstrip()
                begins_small = bool(re.match(r"[a-z(,;]|\[\d", text.rows[0].text))
                torn = not end.endswith((".", ":", "?", "!", '."')) or end.endswith((" al.", "e.g.", "i.e."))
                elsewhere = (
                    last.rows[-1].page != text.rows[0].page or last.rows[-1].column != text.rows[0].column
                )
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

    def _block(self, text: _Text, items: list[Heading | Block]) -> Block | None:
        if text.kind == "equation":
            lines = "\n".join(row.text for row in text.rows)
            return Block(
                "equation", f"\n```\n{lines}\n```" if text.anchor else f"```\n{lines}\n```", text.anchor
            )
        if text.kind in ("cells", "statements"):
            body = pdf_tables.table(text.rows) if text.kind == "cells" else _lines(text.rows)
            last = items[-1] if items else None
            if isinstance(last, Block) and last.anchor == text.anchor:
                items[-1] = Block(last.kind, f"{last.text}\n\n{body}", last.anchor)
                return None
            return Block("table" if text.kind == "cells" else "algorithm", body)
        joined = self._joined(text.rows)
        if not re.search(r"[^\W_]", joined):
            return None
        if text.kind == "footnote":
            mark = _NOTE_MARK.match(joined)
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
            outline.caption(joined) if text.rows[0].spans[0].bold or _small_capitals(text.rows[0]) else None
        )
        if theorem and theorem[1] == "theorem":
            return Block("theorem", joined, theorem[0])
        run_in = _run_in_heading(text.rows[0], joined)
        return Block("paragraph", f"**{run_in}**{joined[len(run_in) :]}" if run_in else joined)

    def _joined(self, found: Sequence[Row]) -> str:
        """Rows as one text, words that were parted at a line's end put together."""
        text = ""
        for row in found:
            piece = row.text
            broken = re.search(r"([A-Za-z]+)-$", text)
            following = re.match(r"[a-z]+(?:-[a-z]+)*", piece)
            if broken and following:
                parted = f"{broken.group(1)}{following.group()}".lower()
                kept = f"{broken.group(1)}-{following.group()}".lower()
                first, second = kept.split("-")[:2]
                known = first in self.vocabulary and (
                    len(first) > 6 or (len(first) > 2 and len(second) > 2 and second in self.vocabulary)
                )
                compound = parted not in self.vocabulary and (kept in self.vocabulary or known)
                text = (text if compound else text[:-1]) + piece
            elif re.search(r"[A-Za-z]-$|https?://\S*[/._-]$", text) and re.match(r"\w", piece):
                text += piece
            else:
                text = f"{text} {piece}"
        return text.strip()

    def _references(self, found: Sequence[Row]) -> list[str]:
        """Entries of the list of references: each begins with its number, or to the left of its other
        rows.
        """
        left = {row.column: min(r.x0 for r in found if r.column == row.column) for row in found}
        numbered = bool(re.match(r"\[\d+\]|\d+\.\s", found[0].text))
        entries: list[list[Row]] = []
        for row in found:
            begins = (
                bool(re.match(r"\[\w+\]|\d{1,3}\.\s", row.text))
                if numbered
                else row.x0 < left[row.column] + 2
            )
            if begins or not entries:
                entries.append([])
            entries[-1].append(row)
        return [self._joined(entry) for entry in entries]


def _vocabulary(found: Sequence[Row]) -> frozenset[str]:
    """All words that stand within a row; what a row's end parts is none."""
    words: set[str] = set()
    broken = False
    for row in found:
        here = re.findall(r"[a-z]+(?:-[a-z]+)*-?", row.text.lower())
        words.update(word for word in here[int(broken) :] if not word.endswith("-"))
        broken = row.text.endswith("-")
    return frozenset(words | {half for word in words for half in word.split("-")})


def _merged_references(entries: list[str]) -> list[str]:
    """Entries that a page break tore in two are one."""
    merged: list[str] = []
    numbered = bool(entries) and re.match(r"\[\d+\]", entries[0])
    for entry in entries:
        if merged and not re.match(r"\[\d+\]" if numbered else r"[^a-z(]", entry):
            merged[-1] = f"{merged[-1]} {entry}"
        else:
            merged.append(entry)
    return merged


def _small_capitals(row: Row) -> bool:
    """Whether a row is set in capitals of two sizes."""
    letters = "".join(span.text for span in row.spans if span.text.strip())
    sizes = {round(span.size) for span in row.spans if re.search(r"[A-Z]", span.text)}
    return len(sizes) > 1 and re.sub(r"[^A-Za-z]", "", letters).isupper()


def _run_in_heading(row: Row, text: str) -> str:
    """The bold words that a paragraph begins with."""
    words = ""
    for span in row.spans:
        if span.text.strip() and not span.bold:
            break
        words += span.text
    words = " ".join(mended(words).split())
    return words if 2 < len(words) < 100 and text.startswith(words) and len(words) < len(text) else ""


def _lines(found: Sequence[Row]) -> str:
    """Rows as they stand, with their indentation."""
    left = min(row.x0 for row in found)
    return "```\n" + "\n".join(" " * round((row.x0 - left) / 5) + row.text for row in found) + "\n```"


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d %b %Y").date()
    except ValueError:
        return None
