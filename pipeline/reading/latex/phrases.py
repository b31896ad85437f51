"""Phrases: commands of running text that are more than a sign, a style or a setting. Handlers, by name."""

import re

from pipeline.reading.latex.groups import argument, arguments, count_in, group, options, skip_blanks
from pipeline.reading.latex.inline import Inline, InlineCommand
from pipeline.reading.latex.numbers import Target
from pipeline.reading.latex.reader import after_arguments
from pipeline.reading.latex.symbols import DINGBATS

_WORDS = ("KwTo", "TO", "AND", "OR", "NOT", "XOR", "TRUE", "FALSE", "RETURN", "Return", "KwRet")
_MARK = re.compile(r"[-+−±]?\d[\d.,]*|[-+−]")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|ère|ème|TM|SM|®|™)")


def _label(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    _, position = options(text, position)
    found = group(text, position)
    if found:
        inline.labels[found[0].strip()] = inline.here
    return found[1] if found else position


def _footnote(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    option = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
    position = option[1] if option else position
    if name != "footnotetext" and not option:
        inline.footnote += 1
    number = count_in(option[0], inline.footnote) if option else inline.footnote
    if name != "footnotetext":
        out.append(f"{' ' * _ends_in_digit(out)}[^{number}]")
    if name == "footnotemark":
        return position
    found = group(text, position)
    if found is None:
        return position
    here, inline.here = inline.here, Target(f"Fn{number}", str(number), "Footnote")
    inline.footnotes.append((number, inline.paragraph(found[0])))
    inline.here = here
    return found[1]


def _address(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    found = group(text, position)
    out.append(found[0].replace("\\", "").strip() if found else "")
    return found[1] if found else position


def _link(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    target = group(text, position)
    shown = group(text, target[1]) if target else None
    if target and shown:
        address, caption = target[0].replace("\\", "").strip(), inline.convert(shown[0]).strip()
        out.append(address if caption == address else f"[{caption}]({address})")
    return shown[1] if shown else position


def _hyperref(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """`\\hyperref[label]{text}`: the text."""
    _, position = options(text, position)
    return position


def _formula(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    found = argument(text, position)
    out.append(f"${inline.mathematics(found[0])}$" if found else "")
    return found[1] if found else position


def _first(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """Of two forms of a text, the printed one stands first."""
    found = arguments(text, position, 2)
    out.append(inline.convert(found[0][0]) if found else "")
    return found[1] if found else position


def _second(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """What a setting applies to: without its setting."""
    found = arguments(text, position, 2)
    out.append(inline.convert(found[0][1]) if found else "")
    return found[1] if found else position


def _hidden(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    _, position = options(text, position)
    found = argument(text, position)
    return found[1] if found else position


def _raised(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """An exponent or index stays one, an ordinal is written on."""
    if name == "raisebox":
        height = argument(text, position)
        _, behind = options(text, height[1]) if height else ([], position)
        found = argument(text, behind)
        low = bool(height and height[0].strip().startswith("-"))
    else:
        found, low = argument(text, position), "sub" in name or name == "ce_"
    if found is None:
        return position
    shown = inline.convert(found[0]).strip()
    after_digit = _ends_in_digit(out)
    number = _MARK.fullmatch(shown)
    if (
        not shown
        or "\x02" in shown
        or shown.startswith(("[", "("))
        or (name == "raisebox" and not (number and after_digit))
    ):
        out.append(shown)
    elif low or number or (after_digit and not _ORDINAL.fullmatch(shown)):
        out.append(f"{'_' if low else '^'}{{{shown}}}")
    else:
        out.append(shown)
    return found[1]


def _ends_in_digit(out: list[str]) -> bool:
    last = next((piece for piece in reversed(out) if piece), "")
    return last[-1:].isdigit()


def _xspace(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    if re.match(r"[\w(\\$\[]", text[position : position + 1]):
        out.append(" ")
    return position


def _quoted(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """csquotes."""
    _, position = options(text, position)
    found = argument(text, position)
    out.append(f'"{inline.convert(found[0]).strip()}"' if found else "")
    return found[1] if found else position


def _capitals(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """`\\IEEEPARstart{T}{his}` and `\\lettrine{T}{his}` begin a word."""
    _, position = options(text, position)
    found = arguments(text, position, 2)
    out.append("".join(inline.convert(part).strip() for part in found[0]) if found else "")
    return found[1] if found else position


def _replaced(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """The `changes` package: the new text stands first."""
    _, position = options(text, position)
    return _first(inline, name, text, position, out)


def _framed(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """A box with options behind its size: `\\parbox[t][2cm]{3cm}{…}`."""
    _, position = options(text, position)
    found = arguments(text, position, 2)
    out.append(inline.convert(found[0][1]) if found else "")
    return found[1] if found else position


def _chemistry(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """mhchem: a formula as it is typed is how chemists read it."""
    found = argument(text, position)
    if found:
        shown = re.sub(r"->(?:\[[^\]]*\])*", "→", found[0])
        shown = re.sub(r"(?<=[A-Za-z)\]])(\d+)", r"_{\1}", shown)
        out.append(shown.replace("$", "").replace("^{}", ""))
    return found[1] if found else position


def _knowledge(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """The package knowledge: `\\kl[notion](scope){text}`, of which the text is printed."""
    read = _SCOPES.match(text, position)
    return read.end() if read else position


def _reference_in_list(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """mnras.bst: `\\mn@doi [journal and page] {doi}`; without the option the DOI is all that is printed."""
    shown, position = options(text, position)
    found = group(text, position)
    out.append(inline.convert(shown[0] if shown else found[0]) if found else "")
    return found[1] if found else position


def _eprint(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """mnras.bst: `\\mn@eprint {arXiv} {1706.03762}`."""
    found = arguments(text, position, 2)
    out.append(":".join(inline.convert(part).strip() for part in found[0]) if found else "")
    return found[1] if found else position


def _figure(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """AASTeX: `\\fig{file}{width}{caption}`."""
    found = arguments(text, position, 3)
    out.append(inline.convert(found[0][2]) if found else "")
    return found[1] if found else position


_SCOPES = re.compile(r"(?:\[[^\[\]]*+\]|\([^()]*+\))*+(?=\{)")
_CHARACTER = re.compile(r"\s*+(?:(\d{1,3})\s?|\"([0-9A-F]{2})\s?|`\\?(.))")


def _character(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    read = _CHARACTER.match(text, position)
    if read:
        out.append(read[3] or chr(int(read[1]) if read[1] else int(read[2] or "20", 16)))
    return read.end() if read else position


def _remark(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """A comment in an algorithm."""
    _, position = options(text, position)
    found = argument(text, position)
    out.append(f" ▷ {inline.convert(found[0]).strip()} " if found else "")
    return found[1] if found else position


def _called(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """`\\Call{Name}{arguments}`."""
    found = arguments(text, position, 2)
    if found:
        out.append("{}({})".format(*(inline.convert(part).strip() for part in found[0])))
    return found[1] if found else position


def _begin(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """An environment inside of one stretch of text: without what is not its text."""
    found = group(text, position)
    if found is None:
        return position
    if name == "end":
        return found[1]
    rest = after_arguments(found[0].strip(), text[found[1] : found[1] + 400])
    return found[1] + min(len(text) - found[1], 400) - len(rest)


def _paired(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """Cells of a heading in one cell: `\\makecell{a\\\\b}`."""
    _, position = options(text, position)
    found = argument(text, position)
    out.append(inline.convert(found[0].replace("&", " ")) if found else "")
    return found[1] if found else position


def _string(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """`\\string\\foo` shows a command and does not give it."""
    shown = text[position : position + 1] == "\\"
    out.append("\\\\" if shown else "")
    return position + shown


def _note_mark(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """What points to a note below a table: a figure in brackets, so that it is no exponent; nothing at a number
    outside of tables, where no note is.
    """
    found = argument(text, position)
    if not inline.cells and _ends_in_digit(out):
        return found[1] if found else position
    mark = inline.convert(found[0]).strip() if found else ""
    shown = f"({mark})" if mark.isdecimal() else mark
    out.append(f"^{{{shown}}}" if mark else "")
    return found[1] if found else position


def _ordinal(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """The package nth."""
    found = argument(text, position)
    if found is None:
        return position
    shown = inline.convert(found[0]).strip()
    teen = shown[-2:-1] == "1"
    out.append(shown + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(shown[-1:], "th")))
    return found[1]


def _dingbat(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    found = argument(text, position)
    code = found[0].strip() if found else ""
    if not (code.isdecimal() and len(code) <= 3 and int(code) in DINGBATS):
        inline.dropped[name] += 1
        return position
    out.append(DINGBATS[int(code)])
    return found[1] if found else position


def _said(words: str) -> InlineCommand:
    def say(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
        out.append(words)
        return skip_blanks(text, position)

    return say


PHRASES: dict[str, InlineCommand] = {
    "label": _label,
    **dict.fromkeys(("footnote", "footnotetext", "footnotemark", "tablefootnote", "sidenote"), _footnote),
    **dict.fromkeys(("url", "path", "nolinkurl", "doi"), _address),
    "href": _link,
    "hyperref": _hyperref,
    "ensuremath": _formula,
    "texorpdfstring": _first,
    "added": _hyperref,
    "replaced": _replaced,
    **dict.fromkeys(
        ("textcolor", "colorbox", "foreignlanguage", "rotatebox", "scalebox", "hyperlink", "hypertarget"),
        _second,
    ),
    **dict.fromkeys(("pdftooltip", "tooltip"), _first),
    **dict.fromkeys(
        ("deleted", "todo", "phantom", "hphantom", "vphantom", "missingfigure", "index", "glsadd"), _hidden
    ),
    **dict.fromkeys(("textsuperscript", "textsubscript", "raisebox", "textsuper", "textsub", "up"), _raised),
    "xspace": _xspace,
    **dict.fromkeys(("enquote", "textquote", "blockquote"), _quoted),
    **dict.fromkeys(
        ("IEEEPARstart", "PARstart", "lettrine", "IEEEraisesectionheading", "dropcap"), _capitals
    ),
    "parbox": _framed,
    **dict.fromkeys(("makebox", "framebox"), _hyperref),
    "ce": _chemistry,
    **dict.fromkeys(("kl", "intro", "reintro", "phantomintro"), _knowledge),
    "mn@doi": _reference_in_list,
    "mn@eprint": _eprint,
    **dict.fromkeys(("fig", "leftfig", "rightfig", "boxedfig", "rotatefig"), _figure),
    "char": _character,
    "symbol": _character,
    "ding": _dingbat,
    "nth": _ordinal,
    **dict.fromkeys(("tablenotemark", "tnote"), _note_mark),
    **dict.fromkeys(("Comment", "COMMENT", "tcp", "tcc"), _remark),
    **dict.fromkeys(("Call", "CALL"), _called),
    **dict.fromkeys(("begin", "end"), _begin),
    **dict.fromkeys(("makecell", "thead", "shortstack", "Centerstack", "stackanchor"), _paired),
    **{name: _said(f" {name.removeprefix('Kw').lower()} ") for name in _WORDS},
    "string": _string,
    "today": _said(""),
    "IEEEQED": _said(""),
    "acknowledgmentsname": _said("Acknowledgments"),
    "abstractname": _said("Abstract"),
    "figurename": _said("Figure"),
    "tablename": _said("Table"),
    "appendixname": _said("Appendix"),
    "refname": _said("References"),
    "algorithmname": _said("Algorithm"),
}
"""`commands.py` and the modules of packages add theirs."""
