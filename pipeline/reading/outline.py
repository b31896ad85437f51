"""Outline: headings and blocks in reading order to a tree of sections, where only print tells what is what.

For sources without structure of their own (PDF, Markdown): numbers of headings, captions and equations are
read from the text, and give the anchors. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.reading.paper import Anchor, Block, BlockKind, Section

_NUMBER = re.compile(
    r"(?P<appendix>(?:Appendix|APPENDIX)\s+)?(?P<number>(?:\d{1,2}|[A-G]\d{1,2}|[A-Z])(?:\.\d{1,2})*|[IVX]{1,5}(?=\.\s))(?:[.:)]|\s*$|(?=\s))\s*(?P<title>.*)",
    re.DOTALL,
)
_PARTED = re.compile(r"^(\d{1,2})\.\s(\d{1,2})(?=\.?\s+[A-Z][a-z])")
"""A number that is printed with a space inside: `1. 2 Title`."""
_CAPTION = re.compile(
    r"(?P<name>Figure|Fig\.?|Table|Tab\.|Algorithm|Listing|Theorem|Lemma|Proposition|Corollary|Definition|Assumption"
    r"|Remark|Example|Claim)\s+(?P<number>[A-Z]?\.?\d++(?:\.\d++)*+[a-z]?|[A-Z]\.?\d+|[IVX]+)(?=[\s.:(]|$)"
    # `Table 2 shows …` is a sentence.
    r"(?!\s+(?-i:(?:[a-z]+s|and|or|in|of|to|we|can|also|below|above)\b))",
    re.IGNORECASE,
)
_PREFIX = {"figure": "Fig", "fig": "Fig", "table": "Tab", "tab": "Tab", "algorithm": "Alg", "listing": "Lst"}
_KINDS: dict[str, BlockKind] = {"Fig": "figure", "Tab": "table", "Alg": "algorithm", "Lst": "code"}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
REFERENCES = re.compile(
    r"(?:references|bibliography|literature cited|references and notes)\W*", re.IGNORECASE
)
UNNUMBERED = re.compile(
    r"(?:acknowledge?ments?|references|bibliography|appendi(?:x|ces)|abstract|introduction|conclusions?|discussion"
    r"|related work|broader impacts?|ethics statement|reproducibility statement|supplementary materials?)\W*",
    re.IGNORECASE,
)

MAX_LEVEL = 8
"""Of headings; one that says that it is deeper stands beside those of this level."""


@dataclass(frozen=True)
class Heading:
    """A heading as printed, with its level where that is known (1 is a section)."""

    text: str
    level: int | None = None


@dataclass
class _Node:
    anchor: Anchor
    number: str
    title: str
    level: int
    blocks: list[Block] = field(default_factory=list)
    children: list["_Node"] = field(default_factory=list)

    def finished(self) -> Section:
        return Section(
            self.anchor,
            self.number,
            self.title,
            tuple(self.blocks),
            tuple(c.finished() for c in self.children),
        )


@dataclass
class _Roman:
    """Numbers where sections have Roman ones (REVTeX, IEEE): subsections are letters, those below digits."""

    section: str = ""
    letter: str = ""
    named: bool = False
    """Whether the section is one that is called an appendix: letters are below it."""

    def full(self, number: str, *, appendix: bool) -> tuple[str, int]:
        """The whole number, as references print it (`II-B1`), and its level."""
        if appendix:
            if number.isdigit():
                return f"{self.section}.{number}", 2
            if self.named and re.fullmatch("[A-Z]", number):
                return f"{self.section}-{number}", 2
            self.section = number or self.section
            return number, 1
        if arabic(number) == arabic(self.section) + 1 and number.isalpha():
            self.section, self.letter = number, ""
            return number, 1
        if re.fullmatch("[A-Z]", number) and self.section:
            self.letter = number
            return f"{self.section}-{number}", 2
        if number.isdigit() and self.letter:
            return f"{self.section}-{self.letter}{number}", 3
        return number, number.count(".") + 1


def numbered(text: str) -> tuple[str, str]:
    """A heading's number and title; no number if it has none."""
    match = _NUMBER.fullmatch(_PARTED.sub(r"\1.\2", text.strip()))
    if match is None or (len(match["number"]) == 1 and match["number"] in "AI" and not _separate(text)):
        return "", text.strip()
    return match["number"], match["title"].strip()


def _separate(text: str) -> bool:
    """Whether the first letter is a number and not the word `A` or `I`."""
    return bool(re.match(r"(?:(?:Appendix|APPENDIX)\s+)?[A-Z](?:[.:)]|\s{2,}|\s+(?=[A-Z]))", text.strip()))


def caption(text: str) -> tuple[Anchor, BlockKind] | None:
    """Anchor and kind of a block that begins like the caption of a float or like a theorem."""
    match = _CAPTION.match(text.lstrip("*_ "))
    if match is None:
        return None
    name = match["name"].rstrip(".").lower()
    prefix = _PREFIX.get(name, name.capitalize())
    return f"{prefix}{match['number']}", _KINDS.get(prefix, "theorem")


def sections(items: Iterable[Heading | Block]) -> tuple[Section, ...]:
    """The tree that headings and blocks in reading order make."""
    front = _Node("Front", "", "", 0)
    roots, stack = [front], [front]
    anchors: set[str] = set()
    counts: dict[str, int] = {}
    appendix = False
    items = list(items)
    scheme = _Roman()
    roman = {"I", "II"} <= {numbered(item.text)[0] for item in items if isinstance(item, Heading)}
    for item in items:
        if isinstance(item, Block):
            if item.anchor and item.anchor in anchors:
                item = Block(item.kind, item.text)
            elif item.anchor:
                anchors.add(item.anchor)
            stack[-1].blocks.append(item)
            continue
        number, title = numbered(item.text)
        named = item.text.lower().startswith("appendi")
        if roman and not named:
            number, level = scheme.full(number, appendix=appendix)
        else:
            appendix = appendix or named or number == "A"
            scheme.section = number or scheme.section
            scheme.named = named and bool(number)
            # Copernicus and MNRAS count `A1` below `A`.
            below = number.count(".") + bool(re.match(r"[A-Z]\d", number))
            level = below + 1 if number else item.level or 1
        lettered = appendix and number[:1].isalpha()
        anchor = f"{'App' if lettered else 'S'}{number}" if number else slug(title)
        level = min(level, MAX_LEVEL)
        anchor = _unique(anchor, anchors, counts)
        node = _Node(anchor, number, title, level)
        while len(stack) > 1 and stack[-1].level >= level:
            stack.pop()
        (stack[-1].children if len(stack) > 1 else roots).append(node)
        stack.append(node)
    return tuple(node.finished() for node in roots if node.title or node.blocks or node.children)


def _unique(anchor: Anchor, anchors: set[Anchor], counts: dict[Anchor, int]) -> Anchor:
    """The anchor, with a number behind it where it is taken; `counts` says from which on to try."""
    unique, count = anchor, counts.get(anchor, 1)
    while unique in anchors:
        count += 1
        unique = f"{anchor}-{count}"
    anchors.add(unique)
    counts[anchor] = count
    return unique


def arabic(number: str) -> int:
    """The value of a number in digits or Roman numerals; 0 if it is neither."""
    if number.isdigit():
        return int(number)
    values = [_ROMAN.get(letter, 0) for letter in number.upper()]
    if not values or not all(values):
        return 0
    return sum(
        -value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True)
    )


def slug(title: str) -> Anchor:
    """The anchor of a part without a number: its first words in one."""
    words = re.findall(r"[A-Za-z0-9]+", title)
    return "".join(word[:1].upper() + word[1:] for word in words[:6]) or "Section"
