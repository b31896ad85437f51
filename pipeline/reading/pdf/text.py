"""PDF text: rows that belong together to what they say. Pure.

Words that a row's end parts are put together again by what words the document has elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.reading.paper import Anchor, Box
from pipeline.reading.pdf.glyphs import mended
from pipeline.reading.pdf.layout import Row
from pipeline.reading.pdf.pages import Span

_PLACE = re.compile(
    r"universit|institut|\b(?:google|brain|research|labs?|laborator|department|school|college|openai|deepmind|microsoft"
    r"|meta|facebook|inc|corp|center|centre|academy|ai|researcher|fellow|hub|hospital|clinic"
    r"|division|llc|ltd|gmbh)\b|@|\d|equal contribution|https?:",
    re.IGNORECASE,
)


_BANNER = re.compile(
    r"technical (?:report|note)|(?:original|research|review|regular|full|short|invited) (?:articles?|papers?|reports?)"
    r"|reviews?|letters?|articles?|(?:brief|short) (?:report|communication)|applications? notes?|survey|tutorial",
    re.IGNORECASE,
)


@dataclass
class Text:
    """Rows that are read as one."""

    kind: str
    """A kind of block, or `heading`, `cells` (of a table), `statements` (of an algorithm), `drawing`."""
    rows: list[Row] = field(default_factory=list)
    anchor: Anchor | None = None
    """Of a float, an equation or what belongs to them; for a heading its words."""
    box: Box | None = None
    """Where on its page a drawing is."""
    page: int = 0


# What is no word of its own, so that the word before it goes on.
_ENDING = re.compile(r"i[sz]\w*|ations?|ings?|e[dr]s?|al(?:ly)?|it(?:y|ies)|ments?|able|ly|ous|ness|s")


NUMERAL = re.compile(r"[A-Z]?[\d.)]+|[A-Z]\.?")
_CAPITALS = re.compile(r"CSC\d|SmallCap|RomanCaps|-SC\b")
ENTRY = re.compile(r"\[\w{1,12}\]|\d{1,3}\.\s")
"""What an entry of a numbered list of references begins with."""


def vocabulary(found: Sequence[Row]) -> frozenset[str]:
    """All words that stand within a row; what a row's end parts is none."""
    words: set[str] = set()
    broken = False
    for row in found:
        here = re.findall(r"[a-z]+(?:-[a-z]+)*-?", row.text.lower())
        words.update(word for word in here[int(broken) :] if not word.endswith("-"))
        broken = row.text.endswith("-")
    return frozenset(words | {half for word in words for half in word.split("-")})


def joined(found: Sequence[Row], vocabulary: frozenset[str]) -> str:
    """Rows as one text, words that were parted at a line's end put together."""
    pieces = [""]
    for row in found:
        text, piece = pieces[-1], row.text
        broken = re.search(r"(?<![A-Za-z])([A-Za-z]++)-$", text)
        following = re.match(r"[a-z]+(?:-[a-z]+)*", piece)
        if broken and following:
            parted = f"{broken.group(1)}{following.group()}".lower()
            kept = f"{broken.group(1)}-{following.group()}".lower()
            first, second = kept.split("-")[:2]
            known = first in vocabulary and (
                (len(first) > 6 and not _ENDING.fullmatch(second))
                or (len(first) > 2 and len(second) > 2 and second in vocabulary)
            )
            compound = parted not in vocabulary and (kept in vocabulary or known)
            pieces[-1] = (text if compound else text[:-1]) + piece
        elif re.search(r"[A-Za-z]-$|(?<!\S)(?=\S*?https?://\S)\S++(?<=[/._-])$", text) and re.match(
            r"\w", piece
        ):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return " ".join(pieces).strip()


def references(found: Sequence[Row], vocabulary: frozenset[str]) -> list[str]:
    """Entries of the list of references: each begins with its number, or to the left of its other
    rows.
    """
    if not found:
        return []
    left: dict[tuple[int, tuple[float, float]], float] = {}
    for row in found:
        place = row.page, row.column
        left[place] = min(left.get(place, row.x0), row.x0)
    numbered = bool(ENTRY.match(found[0].text))
    entries: list[list[Row]] = []
    for row in found:
        begins = bool(ENTRY.match(row.text)) if numbered else row.x0 < left[row.page, row.column] + 2
        if begins or not entries:
            entries.append([])
        entries[-1].append(row)
    return [joined(entry, vocabulary) for entry in entries]


def title_and_authors(front: Sequence[Row], declared: str) -> tuple[str, tuple[str, ...]]:
    """What stands above the abstract; `declared` is the title that the file itself names."""
    # The first page may be a cover, which is none of the paper's.
    front = [row for row in front if row.page == front[0].page]
    if not front:
        return "", ()
    # Journals print above the title, and larger, what kind of article it is.
    front = [row for row in front if not _BANNER.fullmatch(row.text)] or front
    size = max(row.size for row in front)
    large = [index for index, row in enumerate(front) if row.size > 0.93 * size]
    title = " ".join(front[index].text for index in large)
    declared = mended(declared).strip()
    if declared.casefold() == title.casefold():
        # The same in small capitals: the file knows the case.
        title = declared
    names: list[str] = []
    for row in front[large[-1] + 1 :]:
        for _, _, text in row.cells:
            for name in re.split(r",|\band\b|&", re.sub(r"[\^_]\{[^}]{0,200}+\}|[*†‡§∗⇤]", " ", text)):
                name = " ".join(name.split())
                if re.fullmatch(r"[^\W\d_][\w.'’-]*(?: [\w.'’-]+){1,3}", name) and not _PLACE.search(name):
                    names.append(name)
    return title, tuple(dict.fromkeys(names))


def behind_number(row: Row) -> list[Span]:
    """The spans of a heading behind its number, without white space."""
    return [span for span in row.spans if span.text.strip() and not NUMERAL.fullmatch(span.text.strip())]


def small_capitals(row: Row) -> bool:
    """Whether a row is set in capitals of two sizes, or in a font of small capitals; its number may not be."""
    words = behind_number(row)
    if words and all(_CAPITALS.search(span.font) for span in words):
        return True
    letters = "".join(span.text for span in row.spans if span.text.strip())
    sizes = {round(span.size) for span in row.spans if re.search(r"[A-Z]", span.text)}
    return len(sizes) > 1 and re.sub(r"[^A-Za-z]", "", letters).isupper()


def run_in_heading(row: Row, text: str) -> str:
    """The bold words that a paragraph begins with."""
    words = ""
    for span in row.spans:
        if span.text.strip() and not span.bold:
            break
        words += span.text
    words = " ".join(mended(words).split())
    return words if 2 < len(words) < 100 and text.startswith(words) and len(words) < len(text) else ""


def lines(found: Sequence[Row]) -> str:
    """Rows as they stand, with their indentation."""
    left = min(row.x0 for row in found)
    return "```\n" + "\n".join(" " * round((row.x0 - left) / 5) + row.text for row in found) + "\n```"
