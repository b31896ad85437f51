"""Running text: one stretch of LaTeX, already expanded, to Markdown. Mathematics passes through untouched."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.crossreferences import COMMANDS as REFERENCES
from pipeline.reading.latex.groups import argument, arguments, end_of_mathematics, group, options, skip_blanks
from pipeline.reading.latex.numbers import Target
from pipeline.reading.latex.symbols import (
    ACCENTS,
    BOLD,
    CODE,
    ITALIC,
    LETTERS,
    SETTINGS,
    SILENT,
    SYMBOLS,
)
from pipeline.reading.latex.verbatim import VERBATIM

_CITE = re.compile(
    r"(?:[Cc]ite(?:p|t|alp|alt|author|year|yearpar|num|text|s|n)?"
    r"|(?:paren|text|auto|foot|super|full|short)cites?|onlinecite|citen|newcite|citeyearp|citepalias"
    r"|(?:short|full)?cite(?:A|N|NP|author(?:NP)?|year(?:NP)?)|shortcite|refcite|citeasnoun)"
)
_TEXTUAL_CITE = {
    "citet", "Citet", "textcite", "newcite", "citeauthor", "citeA", "shortciteA", "fullciteA", "shortciteN",
    "citeasnoun",
}  # fmt: skip
_APACITE_BEFORE = re.compile(r"\s*+<([^<>{}]*+)>")
_EVENT = re.compile(
    r"\\(?P<word>[A-Za-z@]+)\*?"
    r"|\\(?P<symbol>.)"
    r"|(?P<display>\$\$)|(?P<math>\$)"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<dash>-{2,3})|(?P<quote>``|''|,,)|(?P<tick>`)"
    r"|(?P<tie>~)|(?P<space>[ \t]*\n[ \t]*|[ \t]{2,})",
    re.DOTALL,
)
_MARKS = {"---": "—", "--": "–", "``": '"', "''": '"', ",,": '"', "`": "'"}
_SWITCH = re.compile(r"\s*\\(bf|it|em|tt|bfseries|itshape|ttfamily|sl|slshape|textbf|textit)(?![A-Za-z])\s*")
_DIMENSION = re.compile(
    r"\s*+=?\s*+-?[\d.]*+\s*+\\?(?:pt|em|ex|cm|mm|in|baselineskip|textwidth|linewidth|parskip|smallskipamount|bigskipamount)\b"
    r"[^\n{}]{0,40}?(?=\s|\\|$)"
)
_LENGTHS = frozenset(
    (
        "vskip",
        "hskip",
        "kern",
        "vspace",
        "hspace",
        "parindent",
        "parskip",
        "tabcolsep",
        "baselineskip",
        "epsfxsize",
        "epsfysize",
        "hangindent",
    )
)
_STRUCTURED = re.compile(r"\\begin\s*\{(?!document)")


@dataclass
class Inline:
    """Converts running text, and collects the labels and footnotes that it meets."""

    cite: Callable[[str, list[str], str, str], str]
    """Command, keys, text before, text after → what is printed."""
    commands: Mapping[str, "InlineCommand"] = field(default_factory=dict)
    mathematics: Callable[[str], str] = str
    """A formula → the same, with what packages put into it written out."""
    labels: dict[str, Target] = field(default_factory=dict)
    here: Target = field(default_factory=lambda: Target("Front", "", ""))
    """What a `\\label` would point to now."""
    footnotes: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of footnotes that still have to be printed below."""
    footnote: int = 0
    cells: int = 0
    """How many cells of tables are open, one in another."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Commands that have no meaning here."""
    depth: int = 0
    budget: Budget = field(default_factory=Budget)

    def convert(self, text: str) -> str:
        """Markdown on one or more lines, without white space around it."""
        if self.depth > 60:
            return ""
        self.budget.spend(len(text))
        self.depth += 1
        out: list[str] = []
        position = 0
        while event := _EVENT.search(text, position):
            out.append(text[position : event.start()])
            kind = event.lastgroup or ""
            if kind == "word":
                position = self._command(event["word"], text, event.start(), event.end(), out)
                self.budget.spend(len(out[-1]))
            elif kind == "symbol":
                position = self._symbol(event["symbol"], text, event.start(), out)
            elif kind in ("math", "display"):
                position = self._formula(text, event.start(), event.group(), out)
                self.budget.spend(len(out[-1]))
            elif kind == "open":
                found = group(text, event.start())
                if found:
                    out.append(self._group(found[0]))
                position = found[1] if found else event.end()
            else:
                if kind != "close":
                    out.append(_MARKS.get(event.group(), " "))
                position = event.end()
        out.append(text[position:])
        self.depth -= 1
        return "".join(out)

    def paragraph(self, text: str) -> str:
        """`convert`, tidied: single spaces, nothing around."""
        return re.sub(r"[ \t]*\n\s*|[ \t]{2,}", " ", self.convert(text)).strip()

    def _group(self, content: str) -> str:
        switch = _SWITCH.match(content)
        if switch and not switch.group(1).startswith("text"):
            return self.styled(switch.group(1), content[switch.end() :])
        return self.convert(content)

    def styled(self, command: str, content: str) -> str:
        """Text that a command makes bold, italic or code."""
        if command in CODE:
            # Its font has no dashes.
            content = re.sub(r"-(?=-)", "-{}", content)
        text = self.convert(content)
        if command in CODE:
            text = text.replace("\\$", "$")
        mark = "**" if command in BOLD else "*" if command in ITALIC else "`"
        inner = text.strip()
        if not inner or "\n\n" in inner or mark[0] in inner[:1] + inner[-1:]:
            return text
        return text.replace(inner, f"{mark}{inner}{mark}", 1)

    def _formula(self, text: str, start: int, mark: str, out: list[str]) -> int:
        closing = {"\\(": "\\)", "\\[": "\\]"}.get(mark, mark)
        begin = start + len(mark)
        end = end_of_mathematics(text, closing, begin)
        if end < 0:
            out.append(mark.replace("$", "\\$") if mark[0] == "$" else "")
            return begin
        shown = {"\\(": "$", "\\[": "$$"}.get(mark, mark)
        lines = re.sub(r"\s++", lambda space: " " if "\n" in space[0] else space[0], text[begin:end])
        content = self.mathematics(lines.strip())
        out.append(f"{shown}{content}{shown}" if content else "")
        return end + len(closing)

    def _symbol(self, symbol: str, text: str, start: int, out: list[str]) -> int:
        if symbol in "([":
            return self._formula(text, start, f"\\{symbol}", out)
        if symbol in ACCENTS and symbol not in SYMBOLS:
            return self._accent(symbol, text, start + 2, out)
        out.append(SYMBOLS.get(symbol, ""))
        position = start + 2
        if symbol == "\\":
            position += text.startswith("*", position)
            option = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
            position = option[1] if option else position
        return position

    def _accent(self, accent: str, text: str, position: int, out: list[str]) -> int:
        found = argument(text, position)
        if found is None:
            return position
        letter = found[0].strip().removeprefix("\\")
        base = {"i": "i", "j": "j"}.get(letter, self.convert(found[0]).strip() or " ")
        out.append(unicodedata.normalize("NFC", base[0] + ACCENTS[accent]) + base[1:])
        return skip_blanks(text, found[1]) if found[0][1:].isalpha() else found[1]

    def _command(self, name: str, text: str, start: int, position: int, out: list[str]) -> int:
        verbatim = VERBATIM.match(text, start) if name in ("verb", "lstinline", "begin") else None
        if verbatim:
            content = verbatim.group()
            out.append(
                f"`{content[content.index(verbatim['bar']) + 1 : -1]}`" if verbatim["bar"] else content
            )
            return verbatim.end()
        handler = self.commands.get(name)
        if handler:
            return handler(self, name, text, position, out)
        if name in LETTERS:
            out.append(LETTERS[name])
            return skip_blanks(text, position)
        if name in ACCENTS:
            return self._accent(name, text, position, out)
        if name in BOLD or name in ITALIC or name in CODE:
            found = group(text, position)
            if found:
                out.append(self.styled(name, found[0]))
            return found[1] if found else skip_blanks(text, position)
        if _CITE.fullmatch(name):
            return self._citation(name, text, position, out)
        if name in REFERENCES:
            return self._reference(name, text, position, out)
        return self._unknown(name, text, position)

    def _unknown(self, name: str, text: str, position: int) -> int:
        """Drop a command and its settings; what it applies to stays."""
        if name in _LENGTHS and text[position : position + 1] not in ("{", "*"):
            dimension = _DIMENSION.match(text, position)
            return dimension.end() if dimension else position
        if name not in SILENT:
            self.dropped[name] += 1
        while option := (group(text, position, "[", "]") if text[position : position + 1] == "[" else None):
            position = option[1]
        read = arguments(text, position, SETTINGS.get(name, 0)) if name in SETTINGS else None
        position = read[1] if read else position
        return position if text[position : position + 1] == "{" else skip_blanks(text, position)

    def _citation(self, name: str, text: str, position: int, out: list[str]) -> int:
        lead = _APACITE_BEFORE.match(text, position)
        given, position = options(text, lead.end() if lead else position)
        notes = [self.paragraph(option) for option in given]
        found = group(text, position)
        if found is None:
            return position
        keys = [key.strip() for key in found[0].split(",") if key.strip()]
        if lead:
            notes = [self.paragraph(lead[1]), notes[0] if notes else ""]
        before, after = (notes[0], notes[1]) if len(notes) > 1 else ("", notes[0] if notes else "")
        out.append(self.cite("citet" if name in _TEXTUAL_CITE else name, keys, before, after))
        return found[1]

    def _reference(self, name: str, text: str, position: int, out: list[str]) -> int:
        found = arguments(text, position, REFERENCES[name])
        if found is None:
            return position
        out.append(f"\x02{name}|{','.join(found[0])}\x03")
        return found[1]


InlineCommand = Callable[[Inline, str, str, int, list[str]], int]
"""What a command in running text does: converter, name, the text, where its arguments start, and the output that it
adds to; gives where reading goes on.
"""
