"""Numbers: LaTeX's counters and labels, so that every anchor equals the number in the printed paper."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.classes import CHAPTERS, Style, style_of

HEADINGS = {"part": 0, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4}
MAX_COUNTERS = 500
"""That begin anew with others. TeX itself had 256 registers."""
MAX_DEPTH = 5
"""Of numbers that print others."""
RUN_IN = {"paragraph": 5, "subparagraph": 6}
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
          (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
_FORMAT = re.compile(
    r"\\@?(arabic|alph|Alph|roman|Roman|fnsymbol|number|the)\s*(?:\{\s*(?:\\c@)?(\w+)\s*\}|\\c@(\w+)|\\value\s*\{(\w+)\})"
    r"|\\the([A-Za-z]+)"
)
_TEST = re.compile(r"\\ifnum\s*\\c@\w+\s*[<=>]\s*(?:\\z@|\\@ne|\d+)|\\(?:else|fi)(?![A-Za-z])")
_SWITCH = re.compile(
    r"\\if(?!num(?![A-Za-z])|case(?![A-Za-z])|x(?![A-Za-z]))[A-Za-z@]++(?:(?!\\(?:if|else|fi)).){0,300}"
    r"(?:\\else(?![A-Za-z])((?:(?!\\(?:if|fi)).){0,300}))?\\fi(?![A-Za-z])",
    re.DOTALL,
)
"""A switch of a class, which is off until somebody turns it on."""
_SPACES = re.compile(r"\\[,; ]|~|\\nobreakspace(?![A-Za-z])|\s+")
_SYMBOLS = "*†‡§¶‖"
_ITEM_PREFIXES = {"enumii": r"\theenumi", "enumiii": r"\theenumi(\theenumii)",
                  "enumiv": r"\theenumi(\theenumii)\theenumiii"}  # fmt: skip


@dataclass
class Target:
    """What a `\\label` points to."""

    anchor: str
    number: str
    name: str
    """What it is, as a title: `Figure`."""
    title: str = ""
    """What `\\nameref` prints."""
    part: str = ""
    """What `\\subref` prints."""
    kind: str = ""
    """What cleveref and hyperref call it; empty: the name in small letters."""


@dataclass
class Counters:
    """Values, what resets what, and how each is printed."""

    document_class: str = "article"
    options: str = ""
    has_chapters: bool = False
    """Whether the document has chapters, whatever its class."""
    values: dict[str, int] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    """What `\\ref` prints before the number itself."""
    changed: list[tuple[str, str | None]] = field(default_factory=list)
    """Formats that the open groups gave to counters, each with the one before: what `undo` takes back."""
    lasting: dict[str, int] = field(default_factory=dict)
    """Of how many of these changes a counter's none is taken back: it was printed otherwise everywhere since."""
    depth: int = 4
    """The deepest heading level that has a number (`secnumdepth`, counted as in HEADINGS)."""
    appendix: bool = False
    single_appendix: bool = False
    """Whether it is the only one, in a class where that has a heading of its own."""
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self.within |= {
            "subsection": "section", "subsubsection": "subsection", "paragraph": "subsubsection",
            "subparagraph": "paragraph", "subequation": "equation",
        }  # fmt: skip
        self.formats |= {
            "enumi": r"\arabic{enumi}", "enumii": r"\alph{enumii}", "enumiii": r"\roman{enumiii}",
            "enumiv": r"\Alph{enumiv}",
        }  # fmt: skip
        self.prefixes |= _ITEM_PREFIXES
        if self.chapters:
            self.within |= dict.fromkeys(("section", "equation", "figure", "table"), "chapter")
            if self.document_class == "amsbook":
                self.within["algorithm"] = self.within.pop("equation")
            self.depth = 3
        self.values |= self.style.values
        self._take(self.style.formats, self.style.prefixes, self.style.within)
        self.depth = self.style.depth or self.depth

    @property
    def style(self) -> Style:
        """How the class prints numbers."""
        return style_of(self.document_class, self.options)

    @property
    def chapters(self) -> bool:
        """Whether the class has chapters."""
        return self.document_class in CHAPTERS or self.has_chapters

    def _take(
        self, formats: Mapping[str, str], prefixes: Mapping[str, str], within: Mapping[str, str]
    ) -> None:
        self.formats |= formats
        self.prefixes |= prefixes
        self.within |= within

    def print_as(self, name: str, form: str, *, everywhere: bool = False) -> None:
        """Print a counter by `form` until its group ends, or `everywhere`."""
        if everywhere:
            self.lasting[name] = len(self.changed)
        else:
            self.lasting[name] = min(self.lasting.get(name, 0), len(self.changed))
            self.changed.append((name, self.formats.get(name)))
        self.formats[name] = form

    def undo(self, changes: int) -> None:
        """Print counters as when there were so many `changes`."""
        while len(self.changed) > changes:
            name, form = self.changed.pop()
            if len(self.changed) < self.lasting[name]:
                continue
            self.formats.pop(name, None)
            self.formats |= {name: form} if form is not None else {}

    def step(self, name: str) -> str:
        """Count `name` on, reset what it resets, and return its number as `\\ref` prints it."""
        self.values[name] = self.values.get(name, 0) + 1
        self._reset_below(name)
        return self.reference(name)

    def _reset_below(self, name: str) -> None:
        if len(self.within) > MAX_COUNTERS:
            raise PaperUnreadable(
                f"This LaTeX source has more than {MAX_COUNTERS} counters that begin anew with others.",
                "Give the PDF of the paper.",
            )
        below: dict[str, list[str]] = {}
        for other, parent in self.within.items():
            below.setdefault(parent, []).append(other)
        waiting = [name]
        while waiting:
            for other in below.pop(waiting.pop(), ()):
                self.values[other] = 0
                waiting.append(other)

    def reference(self, name: str) -> str:
        """The number as `\\ref` prints it."""
        prefix = self.prefixes.get(name)
        return (self.written(prefix) if prefix else "") + self.printed(name)

    def printed(self, name: str, depth: int = 0) -> str:
        """The number as `\\the<name>` prints it."""
        value = self.values.get(name, 0)
        if depth > MAX_DEPTH:
            return str(value)
        if name == "subequation":
            form = self.formats.get("subequation")
            whole = self.printed("equation", depth + 1)
            return self.written(form, depth) if form else whole + styled(value, "alph")
        form = self.formats.get(name)
        if form is not None:
            return self.written(form, depth)
        parent = self.within.get(name)
        if parent and parent != "part":
            before = self.printed(parent, depth + 1)
            self.budget.spend(len(before))
            # A figure before the first chapter is 1, not 0.1.
            return str(value) if before in ("0", "") and name not in HEADINGS else f"{before}.{value}"
        return str(value)

    def written(self, form: str, depth: int = 0) -> str:
        """The text of a format such as `\\thesection.\\arabic{figure}`."""

        def shown(found: re.Match[str]) -> str:
            if found[5]:
                other = self.printed("equation" if found[5] == "parentequation" else found[5], depth + 1)
                self.budget.spend(len(other))
                return other
            counter = found[2] or found[3] or found[4]
            # Inside of subequations the equation's own counter is that of the parts.
            inside = (
                counter == "equation"
                and self.values.get("in subequations")
                and form != self.formats.get("equation")
            )
            value = self.values.get("subequation" if inside else counter, 0)
            return styled(value, found[1])

        self.budget.spend(len(form))
        form = _SWITCH.sub(lambda found: found[1] or "", form.replace("\\appendixname", "Appendix"))
        text = _FORMAT.sub(shown, _TEST.sub("", form))
        return re.sub(r"\\[A-Za-z@]+|[{}$]", "", _SPACES.sub(" ", text)).strip(" ") + " " * form.endswith(
            ("~", "\\,")
        )

    def begin_appendix(self) -> None:
        """From here on sections (chapters in a book) have letters."""
        self.appendix = True
        top = "chapter" if self.chapters else "section"
        self.values[top] = 0
        self._reset_below(top)
        self.formats[top] = f"\\Alph{{{top}}}"
        for counter in ("subsection", "subsubsection", "paragraph"):
            self.formats.pop(counter, None)
            self.prefixes.pop(counter, None)
        style = self.style
        self.values |= dict.fromkeys(style.appendix_resets, 0)
        self._take(style.appendix, style.appendix_prefixes, style.appendix_within)


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
    if style == "fnsymbol" and 0 < value <= 9:
        return _SYMBOLS[(value - 1) % 6] * (1 + (value - 1) // 6)
    return str(value)
