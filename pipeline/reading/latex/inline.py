"""Running text: one stretch of LaTeX, already expanded, to Markdown. Mathematics passes through untouched."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.reading.latex.groups import argument, group
from pipeline.reading.latex.macros import VERBATIM
from pipeline.reading.latex.numbers import Target

_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331",
}  # fmt: skip
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å",
    "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "S": "§", "P": "¶", "dag": "†",
    "ddag": "‡", "copyright": "©", "textcopyright": "©", "pounds": "£", "euro": "€", "texteuro": "€",
    "ldots": "...", "dots": "...", "textellipsis": "...", "textbackslash": "\\\\", "textasciitilde": "~",
    "textasciicircum": "^", "textbar": "|", "textless": "<", "textgreater": ">", "textquotedblleft": '"',
    "textquotedblright": '"', "textquoteleft": "'", "textquoteright": "'", "textendash": "–",
    "textemdash": "—",
    "textregistered": "®", "texttrademark": "™", "textdegree": "°", "degree": "°", "textmu": "µ",
    "textasteriskcentered": "*", "textbullet": "•", "textpm": "±", "texttimes": "×", "LaTeX": "LaTeX",
    "TeX": "TeX", "BibTeX": "BibTeX", "quad": " ", "qquad": " ", "space": " ", "newline": " ",
    "linebreak": " ",
    "nobreakspace": " ", "textunderscore": "_", "lq": "'", "rq": "'", "slash": "/", "textapprox": "~",
    "texttildelow": "~", "nobreakdash": "", "textdollar": "\\$", "textpercent": "%", "hfill": " ",
    "par": "\n\n",
    "eg": "e.g.", "ie": "i.e.", "etal": "et al.", "qed": "", "enspace": " ", "thinspace": " ", "and": ",",
}  # fmt: skip
_SYMBOLS = {
    "%": "%", "&": "&", "#": "#", "_": "_", "{": "{", "}": "}", "$": "\\$", " ": " ", "\n": " ", ",": " ",
    ";": " ",
    ":": " ", "!": "", "/": "", "-": "", "@": "", "*": "", "\\": " ",
}  # fmt: skip
_BOLD = {"textbf", "bf", "bfseries", "strong", "mathbf"}
_ITALIC = {"textit", "emph", "it", "em", "itshape", "textsl", "sl", "slshape"}
_CODE = {"texttt", "tt", "ttfamily", "code", "lstinline"}
# How many arguments are settings and not text; what follows them is text again.
_SETTINGS = {
    **dict.fromkeys(
        (
            "vspace", "hspace", "vskip", "hskip", "pagestyle", "thispagestyle", "bibliographystyle",
            "bibliography", "usepackage", "color", "includegraphics", "documentclass", "captionsetup",
            "cline", "hypersetup", "textcolor", "scalebox", "raisebox", "phantom", "vphantom", "hphantom",
            "includepdf", "input", "include", "graphicspath", "pagenumbering", "addtocontents", "colorbox",
            "rowcolor", "cellcolor", "columncolor", "arraybackslash", "markboth", "markright", "thanks",
            "printbibliography", "hyphenation", "lstset", "sisetup", "theoremstyle", "acmConference",
            "acmYear", "acmISBN", "acmDOI", "acmPrice", "setcopyright", "ccsdesc", "received",
            "allowdisplaybreaks", "foreignlanguage", "begin", "end", "label", "counterwithout", "rotatebox",
            "enlargethispage", "index", "todo", "addbibresource", "tikzset", "usetikzlibrary",
            "captionof", "crefformat", "icmlkeywords", "email", "institute", "newcounter", "stepcounter",
            "refstepcounter", "usecounter", "setlist", "newlist", "urlstyle", "restylefloat", "floatname",
            "newfloat", "floatstyle", "algnewcommand", "bibinfo", "bibfield", "vadjust", "ensurespace",
            "setstretch", "linespread", "cmidrule",
        ),
        1,
    ),
    **dict.fromkeys(
        (
            "setlength", "addtolength", "setcounter", "addtocounter", "fontsize", "resizebox", "rule",
            "numberwithin", "counterwithin", "colorlet",
            "DeclareUnicodeCharacter", "newcommand", "renewcommand", "providecommand", "def", "let",
            "setkeys", "fcolorbox", "crefname", "Crefname", "SetKwInOut", "newlength",
            "icmlauthor", "icmlaffiliation", "icmlcorrespondingauthor", "settowidth", "bibcommenthead",
        ),
        2,
    ),
    "definecolor": 3,
    "addcontentsline": 3,
    "parbox": 1,
    "multicolumn": 2,
    "multirow": 2,
    "newenvironment": 3,
    "renewenvironment": 3,
    "DeclareMathOperator": 2,
}  # fmt: skip
_CITE = re.compile(
    r"(?:[Cc]ite(?:p|t|alp|alt|author|year|yearpar|num|text|s|n)?"
    r"|(?:paren|text|auto|foot|super|full|short)cites?|onlinecite|citen|shortcite\w?|newcite|citeyearp|citepalias)"
)
_TEXTUAL_CITE = {"citet", "Citet", "citealt", "textcite", "newcite", "citeauthor", "shortciteN"}
_REF = {"ref", "eqref", "cref", "Cref", "autoref", "nameref", "vref", "pageref", "labelcref", "subref",
        "Autoref",
        "crefrange", "thref", "fref", "sref", "hyperref"}  # fmt: skip
_EVENT = re.compile(
    r"\\(?P<word>[A-Za-z@]+)\*?"
    r"|\\(?P<symbol>.)"
    r"|(?P<display>\$\$)|(?P<math>\$)"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<dash>-{2,3})|(?P<quote>``|''|,,)|(?P<tick>`)"
    r"|(?P<tie>~)|(?P<space>[ \t]*\n[ \t]*|[ \t]{2,})",
    re.DOTALL,
)
_INLINE_END = re.compile(r"\\.|\$", re.DOTALL)
_SWITCH = re.compile(r"\s*\\(bf|it|em|tt|bfseries|itshape|ttfamily|sl|slshape|textbf|textit)(?![A-Za-z])\s*")
_DIMENSION = re.compile(
    r"\s*=?\s*-?[\d.]*\s*\\?(?:pt|em|ex|cm|mm|in|baselineskip|textwidth|linewidth)\b[^\n{}]{0,40}?(?=\s|\\|$)"
)
PENDING = re.compile("\x02([^\x02\x03]*)\x03")
"""A reference whose number may not be known yet: `command|label`."""


@dataclass
class Inline:
    """Converts running text, and collects the labels and footnotes that it meets."""

    cite: Callable[[str, list[str], str, str], str]
    """Command, keys, text before, text after → what is printed."""
    labels: dict[str, Target] = field(default_factory=dict)
    here: Target = field(default_factory=lambda: Target("Front", "", ""))
    """What a `\\label` would point to now."""
    footnotes: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of footnotes that still have to be printed below."""
    footnote: int = 0
    depth: int = 0

    def convert(self, text: str) -> str:
        """Markdown on one or more lines, without white space around it."""
        if self.depth > 60:
            return ""
        self.depth += 1
        out: list[str] = []
        position = 0
        while event := _EVENT.search(text, position):
            out.append(text[position : event.start()])
            kind = event.lastgroup or ""
            if kind == "word":
                position = self._command(event["word"], text, event.start(), event.end(), out)
            elif kind == "symbol":
                position = self._symbol(event["symbol"], text, event.start(), out)
            elif kind in ("math", "display"):
                position = _mathematics(text, event.start(), event.group(), event.group(), out)
            elif kind == "open":
                found = group(text, event.start())
                if found:
                    out.append(self._group(found[0]))
                position = found[1] if found else event.end()
            else:
                if kind != "close":
                    out.append(
                        {"---": "—", "--": "–", "``": '"', "''": '"', ",,": '"', "`": "'"}.get(
                            event.group(), " "
                        )
                    )
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
            return self._styled(switch.group(1), content[switch.end() :])
        return self.convert(content)

    def _styled(self, command: str, content: str) -> str:
        text = self.convert(content)
        mark = "**" if command in _BOLD else "*" if command in _ITALIC else "`"
        inner = text.strip()
        if not inner or "\n\n" in inner or mark[0] in inner[:1] + inner[-1:]:
            return text
        return text.replace(inner, f"{mark}{inner}{mark}", 1)

    def _symbol(self, symbol: str, text: str, start: int, out: list[str]) -> int:
        if symbol in "([":
            closing = "\\)" if symbol == "(" else "\\]"
            mark = "$" if symbol == "(" else "$$"
            end = text.find(closing, start + 2)
            if end < 0:
                return start + 2
            out.append(f"{mark}{text[start + 2 : end].strip()}{mark}")
            return end + 2
        if symbol in _ACCENTS and symbol not in _SYMBOLS:
            return self._accent(symbol, text, start + 2, out)
        out.append(_SYMBOLS.get(symbol, ""))
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
        out.append(unicodedata.normalize("NFC", base[0] + _ACCENTS[accent]) + base[1:])
        return _skip_space(text, found[1]) if found[0][1:].isalpha() else found[1]

    def _command(self, name: str, text: str, start: int, position: int, out: list[str]) -> int:
        verbatim = VERBATIM.match(text, start) if name in ("verb", "lstinline", "begin") else None
        if verbatim:
            content = verbatim.group()
            out.append(
                f"`{content[content.index(verbatim['bar']) + 1 : -1]}`" if verbatim["bar"] else content
            )
            return verbatim.end()
        if name in _LETTERS:
            out.append(_LETTERS[name])
            return _skip_space(text, position)
        if name in _ACCENTS:
            return self._accent(name, text, position, out)
        if name == "xspace":
            if re.match(r"[\w(\\$\[]", text[position : position + 1]):
                out.append(" ")
            return position
        if name in _BOLD | _ITALIC | _CODE:
            found = group(text, position)
            if found:
                out.append(self._styled(name, found[0]))
            return found[1] if found else _skip_space(text, position)
        if _CITE.fullmatch(name):
            return self._citation(name, text, position, out)
        if name in _REF:
            return self._reference(name, text, position, out)
        return self._other(name, text, position, out)

    def _other(self, name: str, text: str, position: int, out: list[str]) -> int:
        if name == "label":
            found = group(text, position)
            if found:
                self.labels[found[0].strip()] = self.here
            return found[1] if found else position
        if name in ("footnote", "footnotetext", "footnotemark"):
            return self._footnote(name, text, position, out)
        if name in ("url", "path", "nolinkurl"):
            found = group(text, position)
            out.append(found[0].replace("\\", "").strip() if found else "")
            return found[1] if found else position
        if name == "href":
            target = group(text, position)
            shown = group(text, target[1]) if target else None
            if target and shown:
                address, caption = target[0].replace("\\", "").strip(), self.convert(shown[0]).strip()
                out.append(address if caption == address else f"[{caption}]({address})")
            return shown[1] if shown else position
        if name == "ensuremath":
            found = group(text, position)
            out.append(f"${found[0]}$" if found else "")
            return found[1] if found else position
        if name == "texorpdfstring":
            found = group(text, position)
            shown = group(text, found[1]) if found else None
            out.append(self.convert(found[0]) if found else "")
            return shown[1] if shown else position
        if (
            name in ("vskip", "hskip", "kern", "vspace", "hspace")
            and text[position : position + 1] not in "{*"
        ):
            dimension = _DIMENSION.match(text, position)
            return dimension.end() if dimension else position
        return self._unknown(name, text, position)

    def _unknown(self, name: str, text: str, position: int) -> int:
        """Drop a command and its settings; what it applies to stays."""
        while option := (group(text, position, "[", "]") if text[position : position + 1] == "[" else None):
            position = option[1]
        for _ in range(_SETTINGS.get(name, 0)):
            while option := (
                group(text, position, "[", "]") if text[position : position + 1] == "[" else None
            ):
                position = option[1]
            found = group(text, position)
            if found is None:
                break
            position = found[1]
        return position if text[position : position + 1] == "{" else _skip_space(text, position)

    def _footnote(self, name: str, text: str, position: int, out: list[str]) -> int:
        option = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
        position = option[1] if option else position
        if name != "footnotetext" and not option:
            self.footnote += 1
        number = int(option[0]) if option and option[0].isdigit() else self.footnote
        if name != "footnotetext":
            out.append(f"[^{number}]")
        if name == "footnotemark":
            return position
        found = group(text, position)
        if found is None:
            return position
        here, self.here = self.here, Target(f"Fn{number}", str(number), "Footnote")
        self.footnotes.append((number, self.paragraph(found[0])))
        self.here = here
        return found[1]

    def _citation(self, name: str, text: str, position: int, out: list[str]) -> int:
        notes: list[str] = []
        while option := group(text, position, "[", "]"):
            notes.append(self.paragraph(option[0]))
            position = option[1]
        found = group(text, position)
        if found is None:
            return position
        keys = [key.strip() for key in found[0].split(",") if key.strip()]
        before, after = (notes[0], notes[1]) if len(notes) > 1 else ("", notes[0] if notes else "")
        out.append(self.cite("citet" if name in _TEXTUAL_CITE else name, keys, before, after))
        return found[1]

    def _reference(self, name: str, text: str, position: int, out: list[str]) -> int:
        option = group(text, position, "[", "]") if name == "hyperref" else None
        if option:
            return option[1]
        found = group(text, position)
        if found is None:
            return position
        out.append(f"\x02{name}|{found[0].strip()}\x03")
        return found[1]


def _skip_space(text: str, position: int) -> int:
    """TeX skips one stretch of white space after a command word, but not an empty line."""
    found = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?").match(text, position)
    return found.end() if found else position


def _mathematics(text: str, start: int, opening: str, closing: str, out: list[str]) -> int:
    position = start + len(opening)
    for found in _INLINE_END.finditer(text, position):
        if found.group() == "$" and text.startswith(closing, found.start()):
            content = re.sub(r"\s*\n\s*", " ", text[position : found.start()]).strip()
            out.append(f"{opening}{content}{closing}" if content else "")
            return found.start() + len(closing)
    out.append(text[start:position].replace("$", "\\$"))
    return position


def resolve(text: str, labels: Mapping[str, Target]) -> str:
    """`text` with the numbers of its references, now that all labels are known."""

    def printed(found: re.Match[str]) -> str:
        command, _, names = found.group(1).partition("|")
        targets = [labels.get(name.strip()) for name in names.split(",")]
        numbers = [
            t.number if t else f"[{name.strip()}]" for t, name in zip(targets, names.split(","), strict=True)
        ]
        listed = " and ".join(filter(None, (", ".join(numbers[:-1]), numbers[-1])))
        if command == "eqref":
            return f"({listed})"
        if command in ("cref", "Cref", "autoref", "Autoref", "vref", "thref", "fref", "sref") and targets[0]:
            name = targets[0].name or "Section"
            name = name if command[0] == "C" or name == "Appendix" else name.lower()
            equation = name.lower() == "equation"
            listed = f"({listed})" if equation and command != "autoref" else listed
            return f"{name}{'s' if len(numbers) > 1 else ''} {listed}"
        return listed

    return PENDING.sub(printed, text)
