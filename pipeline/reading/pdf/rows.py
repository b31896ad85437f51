"""PDF rows: which rows are headings, paragraphs, equations, captions, tables, algorithms and footnotes. Pure.

What rows say together, and where it goes in the paper, is the business of `document.py`.
"""

import re
from collections.abc import Sequence

from pipeline.reading import outline
from pipeline.reading.paper import BlockKind
from pipeline.reading.pdf import drawings
from pipeline.reading.pdf.headings import Headings
from pipeline.reading.pdf.layout import Row
from pipeline.reading.pdf.pages import Page
from pipeline.reading.pdf.text import Text, small_capitals

_EQUATION_NUMBER = re.compile(r"\(([A-Z]?\.?\d+(?:\.\d+)*[a-z]?)\)$")
CHAPTER = re.compile(r"\W*(?:chapter|appendix)\s+(?:(?P<number>\d{1,2})|(?P<letter>[A-Z]))\W*", re.IGNORECASE)
_BULLET = re.compile(r"(?:[•▪◦‣∙·–*]|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)])\s+\S")
_STATEMENT = re.compile(
    r"\d+:|(?:require|ensure|input|output|data|result|initiali[sz]e|for|while|repeat|if|return|function|procedure)\b",
    re.I,
)
_STATEMENT_NAME = re.compile(
    r"(?:theorem|lemma|proposition|corollary|definition|assumption|remark|example|claim|proof)\b",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"\[\d+\]\s+\S")
NOTE_MARK = re.compile(r"\^\{(?P<mark>\d{1,3}|[∗*†‡§¶⇤]+)\}\s*(?=\S)")


class Rows:
    """The rows of a document, and what is usual in it."""

    def __init__(self, found: Sequence[Row], pages: Sequence[Page]) -> None:
        self._pages = pages
        self.headings = Headings(found)
        self.size = self.headings.size
        self.leading = self.headings.leading
        self._texts: list[Text] = []

    def texts(self, found: Sequence[Row]) -> list[Text]:
        """What `found` is made of, in reading order."""
        self._texts = []
        index = 0
        while index < len(found):
            row = found[index]
            caption = outline.caption(row.text) if self._stands_apart(index, found) else None
            if self.headings.is_heading(index, found):
                index = self._heading(index, found)
            elif caption and caption[1] in ("figure", "table", "algorithm", "code"):
                index = self._float(index, found, *caption)
            elif self._begins(index, found) and (run_in := self.headings.run_in(row)):
                self._texts += run_in
                index += 1
            elif self._is_footnote(row):
                index = self._footnote(index, found)
            elif self._is_equation(row):
                index = self._equation(index, found)
            else:
                self._text(index, found)
                index += 1
        return self._texts

    def _stands_apart(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row may begin something new: above it is a gap, an end, or something of another kind."""
        return (
            self.headings.gap(index, found) > 1.15
            or found[index - 1].width < 0.9
            or found[index].spans[0].bold
        )

    def _begins(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row may be the first of a paragraph."""
        row = found[index]
        return self._stands_apart(index, found) or row.x0 > row.column[0] + 0.6 * self.size

    def _heading(self, index: int, found: Sequence[Row]) -> int:
        texts = [found[index].text]
        index += 1
        chapter = CHAPTER.fullmatch(texts[0])
        if chapter and index < len(found) and self._is_title(index, found):
            texts = [
                f"Appendix {chapter['letter']}" if chapter["letter"] else chapter["number"],
                found[index].text,
            ]
            index += 1
        while index < len(found) and self.headings.goes_on(index, found):
            texts.append(found[index].text)
            index += 1
        self._texts.append(Text("heading", [found[index - 1]], " ".join(texts)))
        return index

    def _is_title(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row is the title of the chapter or appendix whose number stands above it."""
        row = found[index]
        return self.headings.is_heading(index, found) or (
            row.text.isupper() and row.width < 0.9 and self.headings.gap(index, found) < 1.5
        )

    def _is_footnote(self, row: Row) -> bool:
        bottom = self._pages[row.page].height * 0.6
        return row.size < 0.95 * self.size and row.baseline > bottom and bool(NOTE_MARK.match(row.text))

    def _footnote(self, index: int, found: Sequence[Row]) -> int:
        note = Text("footnote", [found[index]])
        self._texts.append(note)
        first = found[index]
        index += 1
        while (
            index < len(found)
            and found[index].page == first.page
            and found[index].column == first.column
            and found[index].size < 0.95 * self.size
        ):
            if self._is_footnote(found[index]):
                note = Text("footnote")
                self._texts.append(note)
            note.rows.append(found[index])
            index += 1
        return index

    def _is_equation(self, row: Row) -> bool:
        inset = row.x0 > row.column[0] + 1.2 * self.size
        number = _EQUATION_NUMBER.search(row.text)
        if number and row.x1 > row.column[1] - 1.5 * self.size:
            if number.group() == row.text or (inset and len(row.cells) > 1):
                return inset
            return row.mathematical > (0.3 if inset else 0.7)
        # In a narrow column a long one begins at its edge.
        return row.mathematical > (0.6 if inset else 0.95) and (inset or row.width > 0.5)

    def _equation(self, index: int, found: Sequence[Row]) -> int:
        equation = Text("equation")
        self._texts.append(equation)
        start = index
        while (
            index < len(found)
            and (self._is_equation(found[index]) or self._between_fractions(index, found))
            and (index == start or self.headings.gap(index, found) < 3.5)
        ):
            number = _EQUATION_NUMBER.search(found[index].text)
            if number and equation.anchor:
                equation = Text("equation")
                self._texts.append(equation)
            equation.rows.append(found[index])
            if number:
                equation.anchor = f"Eq{number.group(1)}"
            index += 1
        return index

    def _between_fractions(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row of mathematics has numerators right above and denominators right below it."""
        return (
            0 < index < len(found) - 1
            and found[index].mathematical > 0.4
            and max(self.headings.gap(index, found), self.headings.gap(index + 1, found)) < 0.9
            and self._is_equation(found[index + 1])
        )

    # Floats -----------------------------------------------------------------------------------------------

    def _float(self, index: int, found: Sequence[Row], anchor: str, kind: BlockKind) -> int:
        """A caption, and what belongs to it below or above."""
        float_ = Text(kind, [found[index]], anchor)
        first = found[index]
        index += 1
        limit = 60 if kind == "algorithm" else 25
        while index < len(found) and self.headings.gap(index, found) < 1.35 and len(float_.rows) < limit:
            row = found[index]
            if kind == "algorithm" and _STATEMENT.match(row.text):
                break
            if (
                (abs(row.size - first.size) > 0.8 and not small_capitals(row))
                or len(row.cells) > 2
                or self.headings.is_heading(index, found)
            ):
                break
            if float_.rows[-1].width < 0.8 and row.x0 <= first.column[0] + 2 and kind != "algorithm":
                break
            float_.rows.append(row)
            index += 1
        self._texts.append(float_)
        if kind == "algorithm":
            return self._statements(index, found, float_)
        if kind == "table":
            return self._table(index, found, float_)
        if kind != "figure":
            return index
        page = self._pages[float_.rows[0].page]
        drawing = drawings.above(self._texts, float_, page, self.size)
        if drawing is None:
            drawing = drawings.below(found[index:], float_, page, self.size)
            index += len(drawing.rows) if drawing else 0
        if drawing:
            self._texts.append(drawing)
        return index

    def _statements(self, index: int, found: Sequence[Row], caption: Text) -> int:
        lines = Text("statements", anchor=caption.anchor)
        while index < len(found) and self.headings.gap(index, found) < 1.7:
            row = found[index]
            if self.headings.is_heading(index, found) or (outline.caption(row.text) and row.spans[0].bold):
                break
            if row.width > 0.97 and lines.rows and not _STATEMENT.match(row.text) and row.mathematical < 0.1:
                break
            lines.rows.append(row)
            index += 1
        if lines.rows:
            self._texts.append(lines)
        return index

    def _tabular(self, row: Row) -> bool:
        widest = max(x1 - x0 for x0, x1, _ in row.cells) / max(1.0, row.column[1] - row.column[0])
        return row.width < 0.6 or (len(row.cells) > 1 and widest < 0.6)

    def _table(self, index: int, found: Sequence[Row], caption: Text) -> int:
        """The rows of the table under its caption, or else those above it."""
        end = index
        while end < len(found) and end - index < 120:
            row = found[end]
            gap = self.headings.gap(end, found)
            if (
                gap > 4
                or self.headings.is_heading(end, found)
                or outline.caption(row.text)
                or not self._tabular(row)
            ):
                break
            if len(row.cells) == 1 and gap > 1.8 and end > index and row.x0 < row.column[0] + 3:
                break
            end += 1
        below = list(found[index:end])
        while below and len(below[-1].cells) == 1 and below[-1].x0 < below[-1].column[0] + 3:
            below.pop()
        if sum(len(row.cells) > 1 for row in below) >= 2:
            self._texts.append(Text("cells", below, caption.anchor))
            return index + len(below)
        above = self._lift_tabular(caption)
        if above:
            self._texts.append(Text("cells", above, caption.anchor))
        return index

    def _lift_tabular(self, caption: Text) -> list[Row]:
        """Rows of a table that were taken for text before its caption was seen."""
        lifted: list[Row] = []
        place = len(self._texts) - 2
        baseline = caption.rows[0].baseline
        while place >= 0:
            text = self._texts[place]
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
            del self._texts[place]
            place -= 1
        if sum(len(row.cells) > 1 for row in lifted) < 2:
            if lifted:
                self._texts.insert(place + 1, Text("paragraph", lifted))
            return []
        return lifted

    # Running text -----------------------------------------------------------------------------------------

    def _text(self, index: int, found: Sequence[Row]) -> None:
        row = found[index]
        current = self._texts[-1] if self._texts and self._texts[-1].kind in ("paragraph", "list") else None
        bullet = bool(_BULLET.match(row.text)) and (
            row.x0 > row.column[0] + 4 or bool(current and current.kind == "list") or row.text[:1] in "•▪◦‣∙"
        )
        if bullet:
            self._texts.append(Text("list", [row]))
        elif current is None or self._begins_paragraph(index, found, current):
            self._texts.append(Text("paragraph", [row]))
        else:
            current.rows.append(row)

    def _begins_paragraph(self, index: int, found: Sequence[Row], current: Text) -> bool:
        above, row = current.rows[-1], found[index]
        theorem = row.spans[0].bold and _STATEMENT_NAME.match(row.text)
        entry = row.size < 0.95 * self.size and _ENTRY.match(row.text) and row.x0 < above.x0 + 2
        if above is not found[index - 1] or theorem or entry:
            return True
        gap = self.headings.gap(index, found)
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
