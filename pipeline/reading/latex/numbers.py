"""Numbers: LaTeX's counters and labels, so that every anchor equals the number in the printed paper."""

import re
from dataclasses import dataclass, field

HEADINGS = {"part": 0, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4}
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
          (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
_FORMAT = re.compile(r"\\(arabic|alph|Alph|roman|Roman|fnsymbol)\s*\{(\w+)\}|\\the(\w+)")


@dataclass
class Target:
    """What a `\\label` points to."""

    anchor: str
    number: str
    name: str
    """As `\\cref` prints it: `Figure`."""


@dataclass
class Counters:
    """Values, what resets what, and how each is printed."""

    document_class: str = "article"
    values: dict[str, int] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    depth: int = 4
    """The deepest heading level that has a number (`secnumdepth`, counted as in HEADINGS)."""
    appendix: bool = False

    def __post_init__(self) -> None:
        self.within |= {"subsection": "section", "subsubsection": "subsection", "subequation": "equation"}
        if self.chapters:
            self.within |= dict.fromkeys(("section", "equation", "figure", "table"), "chapter")
        if self.document_class.startswith(("IEEEtran", "revtex", "ieeeconf")):
            self.formats |= {
                "section": r"\Roman{section}",
                "subsection": r"\thesection-\Alph{subsection}",
                "subsubsection": r"\thesubsection\arabic{subsubsection}",
            }

    @property
    def chapters(self) -> bool:
        """Whether the class has chapters."""
        return self.document_class in ("book", "report", "memoir", "scrbook", "scrreprt", "amsbook")

    def step(self, name: str) -> str:
        """Count `name` on, reset what it resets, and return its printed number."""
        self.values[name] = self.values.get(name, 0) + 1
        self._reset_below(name, set())
        return self.printed(name)

    def _reset_below(self, name: str, seen: set[str]) -> None:
        for other, parent in self.within.items():
            if parent == name and other not in seen:
                seen.add(other)
                self.values[other] = 0
                self._reset_below(other, seen)

    def printed(self, name: str, depth: int = 0) -> str:
        """The number as `\\the<name>` prints it."""
        value = self.values.get(name, 0)
        if name == "subequation":
            return self.printed("equation", depth + 1) + styled(value, "alph")
        if depth > 5:
            return str(value)
        form = self.formats.get(name)
        if form is not None:
            text = _FORMAT.sub(
                lambda m: self.printed(m[3], depth + 1) if m[3] else styled(self.values.get(m[2], 0), m[1]),
                form,
            )
            return re.sub(r"\\[A-Za-z]+|[{}$\s]", "", text)
        parent = self.within.get(name)
        if parent and parent != "part":
            before = self.printed(parent, depth + 1)
            # A figure before the first chapter is 1, not 0.1.
            return str(value) if before in ("0", "") and name not in HEADINGS else f"{before}.{value}"
        return str(value)

    def begin_appendix(self) -> None:
        """From here on sections (chapters in a book) have letters."""
        self.appendix = True
        top = "chapter" if self.chapters else "section"
        self.values[top] = 0
        self._reset_below(top, set())
        self.formats[top] = f"\\Alph{{{top}}}"
        self.formats.pop("subsection", None)
        self.formats.pop("subsubsection", None)


def styled(value: int, style: str) -> str:
    """`value` as `\\alph`, `\\Roman` and so on print it."""
    if style in ("alph", "Alph"):
        letters = ""
        while value > 0:
            value, rest = divmod(value - 1, 26)
            letters = chr(ord("a") + rest) + letters
        return letters if style == "alph" else letters.upper()
    if style in ("roman", "Roman"):
        roman = ""
        for size, letter in _ROMAN:
            count, value = divmod(value, size)
            roman += letter * min(count, 50)
        return roman if style == "Roman" else roman.lower()
    return str(value)
