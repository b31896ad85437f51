"""PDF headings: which rows are set as headings, in any class: larger, bold, in capitals, in italics behind a number,
run into their paragraph, or told by nothing but the space around them and numbers that count on. Pure.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from pipeline.reading import outline
from pipeline.reading.pdf import text as prose
from pipeline.reading.pdf.layout import Row
from pipeline.reading.pdf.text import Text

_RUN_IN_NUMBER = re.compile(r"(?:(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){1,3}\.?|\d{1,2}\))\s+")
_OF_NAMES = re.compile(r"TT\d|SS\d|Mono|Courier|Sans|Helvetica", re.IGNORECASE)
_CAPITAL = re.compile(r"\(?[^\W\d_a-z]|[a-z]{1,2}[A-Z]|[^\W\d_]?\W?-(?=\w)")
"""How a title begins: with a capital, a name such as `aSVC`, or a symbol and a hyphen."""
_DECIMAL = re.compile(r"\d{1,2}(?:\.\d{1,2})*")
_APPENDIX = re.compile(r"appendix [A-Z]", re.IGNORECASE)
_NAMED_APPENDIX = re.compile(r"(?:Appendix|APPENDIX) [A-Z](?:\.\d{1,2})*[.:]? \(?[A-Z][^.;]{2,90}")


class Headings:
    """The headings of a document, by what is usual in it."""

    def __init__(self, found: Sequence[Row]) -> None:
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
        self._plain: set[int] = set()
        self._second: set[int] = set()
        self._find_plain(found)

    def gap(self, index: int, found: Sequence[Row]) -> float:
        """Distance from the row above in lines; large where there is none, or no row."""
        if not 0 < index < len(found):
            return 9.0
        above, row = found[index - 1], found[index]
        same = above.page == row.page and above.column == row.column
        return (row.baseline - above.baseline) / self.leading if same else 9.0

    def is_heading(self, index: int, found: Sequence[Row]) -> bool:
        """Whether the row at `index` is set as a heading is."""
        row = found[index]
        if id(row) in self._plain:
            return True
        if self._is_named(index, found):
            return True
        # The number alone may be set as mathematics is.
        if len(row.text) > 130 or (row.mathematical > 0.5 and not _is_italic(row)):
            return False
        number, title = outline.numbered(row.text)
        letters = re.sub(r"[^A-Za-z]", "", title)
        if not letters or (number and not _CAPITAL.match(title)):
            return False
        bold = _is_bold(row) if number else row.bold
        capitals = prose.small_capitals(row)
        known = bool(number) or outline.UNNUMBERED.fullmatch(title) is not None
        centred = row.bold and row.width < 0.8 and _is_centred(row)
        in_capitals = bool(number) and letters.isupper() and _is_centred(row) and self.gap(index, found) > 1.3
        marked = (known and (bold or _is_italic(row))) or centred or in_capitals
        if row.size < (0.85 if marked else 0.95) * self.size and not capitals:
            return False
        distinct = (
            bold
            or row.size > 1.1 * self.size
            or capitals
            or (known and letters.isupper())
            or (bool(number) and _is_italic(row))
        )
        goes_on = not number and title[:1].islower()
        if not bold and not capitals and (goes_on or self._runs_on(index, found)):
            return False
        if goes_on and row.width > 0.9:
            return False
        if not distinct or len(row.cells) > 2 or (row.text.rstrip().endswith((".", ",")) and not number):
            return False
        if number:
            # A row of a table may begin with a number too.
            stands_apart = self.gap(index, found) > 1.1 or (index > 0 and self.is_heading(index - 1, found))
            return stands_apart and len(number) < 9 and not re.match(r"\d{3}", number)
        if known:
            return bold or capitals or row.size > 1.1 * self.size or self.gap(index, found) > 1.2
        if centred and not outline.caption(row.text):
            return (
                self.gap(index, found) > 1.6 and index + 1 < len(found) and self.gap(index + 1, found) > 1.3
            )
        return (
            self.gap(index, found) > 1.3
            and row.x0 < row.column[0] + 12
            and (row.size > 1.1 * self.size or row.bold)
        )

    def _is_named(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row stands apart and says that an appendix or the references follow, however it is set."""
        text, above, below = found[index].text, self.gap(index, found), self.gap(index + 1, found)
        if (
            above > 1.3
            and below > 1.1
            and (_NAMED_APPENDIX.fullmatch(text) or outline.REFERENCES.fullmatch(text))
        ):
            return True
        return above > 1.1 and _APPENDIX.fullmatch(text) is not None

    @staticmethod
    def _runs_on(index: int, found: Sequence[Row]) -> bool:
        """Whether the rows below go on as this one is set: it is the first of a paragraph, not above one."""
        rows = found[index : index + 3]
        return len(rows) == 3 and all(
            (row.size, row.column, row.spans[0].font) == (rows[0].size, rows[0].column, rows[0].spans[0].font)
            and not row.bold
            and 0 < row.baseline - above.baseline < 1.5 * row.size
            for above, row in pairwise(rows)
        )

    def run_in(self, row: Row) -> list[Text]:
        """A numbered heading and the text that goes on in its row, if the row begins with such a heading."""
        match = _RUN_IN_NUMBER.match(row.text)
        if match is None:
            return []
        shown = [span for span in row.spans if span.text.strip()]
        number = next(
            (n for n in range(1, len(shown)) if not prose.NUMERAL.fullmatch(shown[n].text.strip())), 0
        )
        first = shown[number] if prose.NUMERAL.fullmatch(shown[0].text.strip()) else shown[0]
        end = row.spans.index(first)
        while end < len(row.spans) and (
            not row.spans[end].text.strip()
            or (row.spans[end].bold, row.spans[end].italic) == (first.bold, first.italic)
        ):
            end += 1
        title = replace(row, spans=row.spans[:end]).text
        words = title[match.end() :].strip()
        if (
            not (first.bold or first.italic)
            or end == len(row.spans)
            # Where the number is in italics as well (SAGE), the end of them is the heading's.
            or not re.match(r"[A-Z][^.]{2,90}[.:]" + ("?$" if shown[0].italic else "$"), words)
        ):
            return []
        rest = replace(row, spans=row.spans[end:])
        return [Text("heading", [row], title.rstrip(".: ")), Text("paragraph", [rest])]

    def _find_plain(self, found: Sequence[Row]) -> None:
        """Numbered headings that are set like the text: those that stand apart and count on from 1."""
        numbers = [outline.numbered(row.text)[0] for row in found]
        numbered = [index for index, number in enumerate(numbers[:-1]) if _DECIMAL.fullmatch(number)]
        # Those of other levels may be bold.
        distinct = {index for index in numbered if self.is_heading(index, found)}
        levels = {numbers[index].count(".") for index in distinct}
        accepted: set[int] = set()
        second: set[int] = set()
        seen: set[str] = set()
        for index in numbered:
            number, title = outline.numbered(found[index].text)
            if index in distinct:
                seen.add(number)
            elif (
                number.count(".") not in levels
                and title[:1].isupper()
                and len(title) < 80
                and not re.search(r"[.,:;?!)]$", title)
                and re.match(r"[\d.]+\s", found[index].text)
                and 0.95 * self.size < found[index].size
                and self.gap(index, found) > 1.35
                and self._counts_on(number, seen)
                and (rows := self._apart(index, found))
            ):
                accepted.add(id(found[index]))
                second.update(id(found[index + more]) for more in range(1, rows))
                seen.add(number)
        if {"1", "2", "3"} <= seen:
            self._plain, self._second = accepted, second

    def _apart(self, index: int, found: Sequence[Row]) -> int:
        """How many rows, one or two, a heading has that begins at `index` and ends above a gap; 0 if it is none."""
        if self.gap(index + 1, found) > (1.15 if found[index].width < 0.75 else 1.6):
            return 1
        after = index + 2
        two = after < len(found) and found[index].width > 0.75 > found[index + 1].width
        return 2 if two and self.gap(index + 1, found) < 1.15 and self.gap(after, found) > 1.35 else 0

    def goes_on(self, index: int, found: Sequence[Row]) -> bool:
        """Whether a row is the second of a long heading that begins above it."""
        above, row = found[index - 1], found[index]
        alike = all(map(_is_bold, (above, row))) or all(
            one.text.isupper() and _is_centred(one) for one in (above, row)
        )
        return id(row) in self._second or (
            alike
            and self.gap(index, found) < 1.5 * max(1.0, row.size / self.size)
            and (abs(row.size - above.size) < 0.1 or prose.small_capitals(above))
            and above.width > 0.7
            and not outline.numbered(row.text)[0]
        )

    @staticmethod
    def _counts_on(number: str, numbers: set[str]) -> bool:
        above, _, last = number.rpartition(".")
        before = f"{above}.{int(last) - 1}" if above else str(int(last) - 1)
        return number not in numbers and (
            before in numbers or (last == "1" and (not above or above in numbers))
        )


def _is_italic(row: Row) -> bool:
    """Whether what follows a heading's number is in italics, but for what is stressed and names in their own font."""
    after = prose.behind_number(row)
    words = [span for span in after if re.search(r"\w", span.text) and not _OF_NAMES.search(span.font)]
    italic = sum(len(span.text) for span in words if span.italic)
    stressed = len(words) > 2 and words[-1].italic and italic > 0.5 * sum(len(span.text) for span in words)
    return bool(words) and words[0].italic and (stressed or all(span.italic for span in words))


def _is_centred(row: Row) -> bool:
    return abs(row.x0 + row.x1 - sum(row.column)) < 12


def _is_bold(row: Row) -> bool:
    return row.bold or _is_bold_apart_from_symbols(row)


def _is_bold_apart_from_symbols(row: Row) -> bool:
    """Whether a heading's words are bold, though mathematics, code and names in a font of their own are not."""
    shown = prose.behind_number(row)
    bold = sum(len(span.text) for span in shown if span.bold)
    return (
        bool(shown)
        and (shown[0].bold or (shown[0].mathematical and row.spans[0].bold))
        and bold > 0.5 * sum(len(span.text) for span in shown)
        and all(
            span.bold
            or span.mathematical
            or not re.search(r"\w", span.text)
            or span.italic
            or span.size < 0.85 * row.size
            or _OF_NAMES.search(span.font)
            for span in shown
        )
    )
