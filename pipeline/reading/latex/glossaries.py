"""Acronyms and glossaries: what `\\gls`, `\\ac` and their kin print, the first time and later on. Pure.

Source: the manuals of glossaries, glossaries-extra, acronym and acro.
"""

import re
from dataclasses import dataclass, field

from pipeline.reading.latex.groups import argument, group, options, settings

_DEFINITION = re.compile(
    r"\\(?P<kind>newacronym|newabbreviation|newglossaryentry|longnewglossaryentry|provideglossaryentry|DeclareAcronym"
    r"|newacro|acrodef|acro|acroplural|acrodefplural|newacroplural|newterm)(?![A-Za-z])\*?"
)
_FORMS = {
    "gls": "", "glsxtrshort": "s", "glsxtrlong": "l", "glsxtrfull": "f", "acrshort": "s", "acrlong": "l",
    "acrfull": "f", "ac": "", "acs": "s", "acl": "l", "acf": "f", "aca": "s", "acfi": "f", "acu": "s", "iac": "",
    "glsfirst": "f", "glstext": "s", "glsname": "s", "glsentryshort": "s", "glsentrylong": "l", "glsentryfull": "f",
    "glsentrytext": "s", "glsentryname": "s", "glsdesc": "d", "glsentrydesc": "d", "glssymbol": "y", "acsu": "s",
    "acfu": "f", "aclu": "l", "glsentrysymbol": "y", "glsentryfirst": "f", "acsingle": "s", "glsshort": "s",
    "glslong": "l", "dgls": "", "rgls": "", "acrfullfmt": "f", "acroextra": "s",
}  # fmt: skip
"""Which form each prints: short, long, full, description, symbol; empty: full at first, short later."""
COMMANDS: dict[str, tuple[str, bool, bool]] = {}
"""Command → form, whether it is the plural, whether it begins with a capital."""
for _name, _form in _FORMS.items():
    _stem = re.match(r"gls(?:xtr|entry)?|dgls|rgls|acr(?=s|l|f)|i?ac", _name)
    _capital = ("G" if _name.startswith("g") else _name[0].upper()) + _name[1:]
    for _spelled, _upper in ((_name, False), (_capital, True)):
        COMMANDS[_spelled] = _form, False, _upper
        COMMANDS[f"{_spelled}pl"] = COMMANDS[f"{_spelled}p"] = _form, True, _upper
        COMMANDS[f"{_spelled}plural"] = _form, True, _upper
COMMANDS |= {"GLS": ("", False, True), "GLSpl": ("", True, True), "glsplural": ("s", True, False)}
_UNUSED = frozenset(("acresetall", "glsresetall", "glsunsetall", "acuseall"))
_ONE = frozenset(
    ("glsreset", "glsunset", "acreset", "acused", "acuse", "glslocalreset", "glslocalunset", "glsadd")
)
SILENT = _UNUSED | _ONE
"""What only says which entries count as used."""


@dataclass
class Entry:
    """One acronym or term."""

    short: str
    long: str = ""
    short_plural: str = ""
    long_plural: str = ""
    description: str = ""
    symbol: str = ""
    first: str = ""


@dataclass
class Glossary:
    """The entries of a document, and which have been used where reading is."""

    entries: dict[str, Entry] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def printed(self, command: str, text: str, position: int) -> tuple[str, int] | None:
        """The LaTeX that `\\command` with its key at `position` stands for, and where it ends."""
        if command in _UNUSED:
            self.used = set(self.entries) if command in ("glsunsetall", "acuseall") else set()
            return "", position
        position += text.startswith(("*", "+"), position)
        _, behind = options(text, position) if text[position : position + 1] == "[" else ([], position)
        key = argument(text, behind) if text[behind : behind + 1] == "{" else None
        if key is None:
            return None
        name, end = key[0].strip(), key[1]
        if command in _ONE:
            (self.used.discard if "reset" in command else self.used.add)(name)
            return "", end
        if command in ("glslink", "glsdisp"):
            shown = argument(text, end)
            return (shown[0], shown[1]) if shown else None
        entry = self.entries.get(name)
        if entry is None:
            return name, end
        inserted = (
            group(text, end, "[", "]")
            if command.lower().startswith("gls") and text[end : end + 1] == "["
            else None
        )
        form, plural, capital = COMMANDS[command]
        written = self._form(entry, name, form, plural=plural) + (inserted[0] if inserted else "")
        upper = capital and not re.match(r"[A-Z\\]", written)
        return (written[:1].upper() + written[1:] if upper else written), inserted[1] if inserted else end

    def _form(self, entry: Entry, name: str, form: str, *, plural: bool) -> str:
        short = (entry.short_plural or f"{entry.short}s") if plural else entry.short
        long = (entry.long_plural or (f"{entry.long}s" if entry.long else "")) if plural else entry.long
        full = f"{long} ({short})" if long else entry.first or short
        if not form:
            first = name not in self.used
            self.used.add(name)
            return full if first else short
        return {"s": short, "l": long or short, "f": full, "d": entry.description, "y": entry.symbol}[form]


def glossary(source: str) -> Glossary:
    """What a document defines, wherever it does so."""
    made = Glossary()
    for found in _DEFINITION.finditer(source):
        _define(made.entries, found["kind"], source, found.end())
    return made


def _define(entries: dict[str, Entry], kind: str, text: str, position: int) -> None:
    given, position = options(text, position)
    key = argument(text, position)
    if key is None:
        return
    name, position = key[0].strip(), key[1]
    if kind in ("newacronym", "newabbreviation"):
        short = argument(text, position)
        long = argument(text, short[1]) if short else None
        if short and long:
            chosen = settings(given[0]) if given else {}
            plurals = chosen.get("shortplural", ""), chosen.get("longplural", "")
            entries[name] = Entry(short[0].strip(), long[0].strip(), *plurals, chosen.get("description", ""))
        return
    if kind in ("acro", "newacro", "acrodef"):
        short = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
        long = argument(text, short[1] if short else position)
        if long:
            entries[name] = Entry(short[0].strip() if short else name, long[0].strip())
        return
    if kind in ("acroplural", "acrodefplural", "newacroplural"):
        short = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
        long = argument(text, short[1] if short else position)
        if long and name in entries:
            entries[name].short_plural = short[0].strip() if short else ""
            entries[name].long_plural = long[0].strip()
        return
    if kind == "newterm":
        entries[name] = Entry(name)
        return
    body = argument(text, position)
    chosen = settings(body[0]) if body else {}
    if kind == "DeclareAcronym":
        endings = chosen.get("short-plural-form", ""), chosen.get("long-plural-form", "")
        entries[name] = Entry(chosen.get("short", name), chosen.get("long", ""), *endings)
        return
    description = chosen.get("description", "")
    if kind == "longnewglossaryentry" and body and (behind := argument(text, body[1])):
        description = behind[0]
    shown = chosen.get("text") or chosen.get("name", name)
    entries[name] = Entry(
        chosen.get("short") or shown,
        chosen.get("long", ""),
        chosen.get("plural", ""),
        chosen.get("longplural", ""),
        description,
        chosen.get("symbol", ""),
        chosen.get("first", ""),
    )
