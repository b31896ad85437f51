"""Cross-references: what `\\ref` and its kin print, with the names that cleveref and hyperref put before numbers. Pure.

Source: the manuals of cleveref (default names, sorting, ranges) and of hyperref (`\\autoref`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.numbers import Target

PENDING = re.compile("\x02([^\x02\x03]*)\x03")
"""A reference whose number may not be known yet: `command|label`."""
COMMANDS = {
    **dict.fromkeys(("ref", "eqref", "cref", "Cref", "autoref", "Autoref", "nameref", "Nameref", "vref", "Vref"), 1),
    **dict.fromkeys(("pageref", "vpageref", "cpageref", "Cpageref", "labelcpageref", "labelcref", "subref"), 1),
    **dict.fromkeys(("thref", "fref", "Fref", "sref", "namecref", "nameCref", "lcnamecref", "namecrefs"), 1),
    **dict.fromkeys(("nameCrefs", "lcnamecrefs", "fullref", "titleref", "refeq", "noeqref", "lineref"), 1),
    **dict.fromkeys(("algref", "zcref", "sphref", "prettyref", "labelformat", "figref"), 1),
    **dict.fromkeys(("crefrange", "Crefrange", "cpagerefrange", "Cpagerefrange", "vrefrange"), 2),
}  # fmt: skip
"""How many labels each takes as arguments of its own."""

_UNKNOWN = "??"
_CLEVEREF = {
    "equation": ("eq.", "eqs."), "figure": ("fig.", "figs."), "subfigure": ("fig.", "figs."),
    "subtable": ("table", "tables"), "appendix": ("appendix", "appendices"), "item": ("item", "items"),
    "property": ("property", "properties"), "corollary": ("corollary", "corollaries"),
    "hypothesis": ("hypothesis", "hypotheses"), "subsection": ("section", "sections"),
    "subsubsection": ("section", "sections"),
}  # fmt: skip
_IN_FULL = {
    "equation": ("equation", "equations"),
    "figure": ("figure", "figures"),
    "subfigure": ("figure", "figures"),
}
_SMALL_IN_AUTOREF = frozenset(
    ("section", "subsection", "subsubsection", "chapter", "item", "footnote", "paragraph")
)
_BUILT_IN = frozenset((*_CLEVEREF, *_SMALL_IN_AUTOREF, "table", "line", "listing", "algorithm"))
_LAST_NUMBER = re.compile(r"(?<!\d)(\d{1,18}+)(\D*+)\Z")


@dataclass
class Names:
    """What stands before numbers: as the author says, or as the packages do."""

    cleveref: dict[str, tuple[str, str]] = field(default_factory=dict)
    capital: dict[str, tuple[str, str]] = field(default_factory=dict)
    """As `\\Crefname` says."""
    autoref: dict[str, str] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    """As `\\creflabelformat` says, with `#1` for the number."""
    capitalise: bool = False
    in_full: bool = False

    def of(self, kind: str, *, plural: bool, capital: bool) -> str:
        """The name of a kind of target, as `\\cref` prints it."""
        if capital and kind in self.capital:
            return self.capital[kind][plural]
        regular = _CLEVEREF | (_IN_FULL if self.in_full or (capital and kind not in self.cleveref) else {})
        name = self.cleveref.get(kind) or regular.get(kind) or (kind, f"{kind}s")
        found = name[plural]
        upper = capital or (self.capitalise and kind not in self.cleveref)
        return found[:1].upper() + found[1:] if upper else found


def resolve(text: str, labels: Mapping[str, Target], names: Names, budget: Budget) -> str:
    """`text` with the numbers of its references, now that all labels are known."""

    def printed(found: re.Match[str]) -> str:
        command, _, listed = found.group(1).partition("|")
        keys = [key.strip() for key in listed.split(",") if key.strip()] or [""]
        targets = [labels.get(key) for key in keys]
        budget.spend(sum(_size(target, names) for target in targets if target))
        return _printed(command, targets, names)

    return PENDING.sub(printed, text) if "\x02" in text else text


def _size(target: Target, names: Names) -> int:
    """No fewer characters than are printed for a target."""
    kind = _kind(target, names)
    said = (*names.cleveref.get(kind, ()), *names.capital.get(kind, ()), names.autoref.get(kind, ""))
    form = names.formats.get(kind, "")
    numbers = (1 + form.count("#1")) * len(target.number)
    return numbers + len(form) + sum(map(len, (kind, target.title, target.part, *said)))


def unresolved(texts: Iterable[str], labels: Mapping[str, Target]) -> Counter[str]:
    """Labels that references name and nothing bears, and how often: each is printed as `??`."""
    return Counter(
        key.strip()
        for text in texts
        for found in PENDING.finditer(text)
        for key in found.group(1).partition("|")[2].split(",")
        if key.strip() not in labels
    )


def _printed(command: str, targets: Sequence[Target | None], names: Names) -> str:
    first = targets[0]
    if "page" in command or (first is None and len(targets) == 1):
        return _UNKNOWN
    numbers = [target.number if target else _UNKNOWN for target in targets]
    if command in ("nameref", "Nameref", "titleref"):
        return first.title if first else _UNKNOWN
    if command in ("namecref", "nameCref", "lcnamecref", "namecrefs", "nameCrefs", "lcnamecrefs"):
        kind = _kind(first, names) if first else ""
        name = names.of(kind, plural=command.endswith("s"), capital="C" in command)
        return name.lower() if command.startswith("lc") else name
    if command == "subref":
        return first.part or first.number if first else _UNKNOWN
    if command in ("eqref", "refeq"):
        return f"({_joined(numbers)})"
    if command in ("autoref", "Autoref", "fullref"):
        return f"{_autoref_name(first, names)} {numbers[0]}".strip() if first else _UNKNOWN
    if command in ("crefrange", "Crefrange", "vrefrange") and len(targets) == 2 and first:
        return f"{names.of(_kind(first, names), plural=True, capital=command[0] == 'C')} {_range(targets, names)}"
    if command in ("cref", "Cref", "thref", "zcref", "vref", "Vref", "labelcref", "fref", "Fref", "sref"):
        return _cref(command, targets, names)
    return _joined(numbers)


def _kind(target: Target, names: Names) -> str:
    """What a target is called; a theorem by its environment's name where somebody says how that is printed."""
    told = target.kind in names.cleveref or target.kind in names.capital or target.kind in names.autoref
    known = told or target.kind in _BUILT_IN
    return target.kind if target.kind and known else target.name.lower() or "section"


def _autoref_name(target: Target, names: Names) -> str:
    kind = _kind(target, names)
    if kind in names.autoref:
        return names.autoref[kind]
    base = {"subfigure": "figure", "subtable": "table"}.get(kind, kind)
    return base if base in _SMALL_IN_AUTOREF else base[:1].upper() + base[1:]


def _cref(command: str, targets: Sequence[Target | None], names: Names) -> str:
    """Groups of one kind, each sorted and with ranges of three and more written as such."""
    groups: dict[str, list[Target | None]] = {}
    for target in targets:
        kind = _grouped(_kind(target, names)) if target else ""
        groups.setdefault(kind, []).append(target)
    written = []
    for index, (kind, members) in enumerate(groups.items()):
        listed, several = _listed(members, names)
        if command == "labelcref" or not kind:
            written.append(listed)
            continue
        capital = command[0] in "CFV" and index == 0
        exact = _kind(next(member for member in members if member), names)
        written.append(f"{names.of(exact, plural=several, capital=capital)} {listed}")
    return _joined(written, last=", and " if len(written) > 2 else " and ")


def _grouped(kind: str) -> str:
    return {"subsection": "section", "subsubsection": "section", "subfigure": "figure"}.get(kind, kind)


def _listed(members: Sequence[Target | None], names: Names) -> tuple[str, bool]:
    """The numbers of one kind, and whether they are several."""
    ordered = sorted((m for m in members if m), key=lambda member: _order(member.number))
    runs: list[list[Target]] = []
    for member in ordered:
        if runs and _follows(runs[-1][-1].number, member.number):
            runs[-1].append(member)
        elif not runs or runs[-1][-1].number != member.number:
            runs.append([member])
    pieces = [_UNKNOWN] * sum(member is None for member in members)
    for run in runs:
        pieces += [_range(run, names)] if len(run) > 2 else [_one(member, names) for member in run]
    return _joined(pieces), len(ordered) > 1


def _one(target: Target, names: Names) -> str:
    kind = _kind(target, names)
    if kind in names.formats:
        return names.formats[kind].replace("#1", target.number)
    return f"({target.number})" if kind == "equation" else target.number


def _range(run: Sequence[Target | None], names: Names) -> str:
    ends = [_one(target, names) if target else _UNKNOWN for target in (run[0], run[-1])]
    return f"{ends[0]} to {ends[1]}"


def _order(number: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.findall(r"\d{1,18}|\D+", number)]


def _follows(left: str, right: str) -> bool:
    """Whether the second number is the one after the first."""
    one, two = _LAST_NUMBER.search(left), _LAST_NUMBER.search(right)
    alike = one and two and left[: one.start()] == right[: two.start()] and one[2] == two[2]
    counted = one and two and alike and int(two[1]) == int(one[1]) + 1
    letters = left[:-1] == right[:-1] and left[-1:].isalpha() and ord(right[-1]) == ord(left[-1]) + 1
    return bool(counted or letters)


def _joined(parts: Sequence[str], last: str = " and ") -> str:
    return last.join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def names_of(source: str) -> Names:
    """What a document says about the names of its references."""
    names = Names()
    loaded = re.search(r"\\usepackage\s*\[([^\]]{0,2000}+)\]\s*\{cleveref\}", source)
    given = loaded.group(1) if loaded else ""
    names.capitalise = re.search(r"capitali[sz]e", given) is not None
    names.in_full = "noabbrev" in given
    for found in re.finditer(r"\\([cC])refname\s*\{([^{}]*)\}\s*\{([^{}]*)\}\s*\{([^{}]*)\}", source):
        kind = _plain_kind(found[2].strip())
        table = names.capital if found[1] == "C" else names.cleveref
        table[kind] = _plain(found[3]), _plain(found[4])
    for kind, forms in names.capital.items():
        # What is said of one form holds for the other.
        one, several = forms if names.capitalise else (form[:1].lower() + form[1:] for form in forms)
        names.cleveref.setdefault(kind, (one, several))
    for found in re.finditer(r"\\creflabelformat\s*\{([^{}]*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}", source):
        names.formats[_plain_kind(found[1].strip())] = _plain(re.sub(r"#[23]", "", found[2]))
    for found in re.finditer(
        r"\\(?:def\s*|(?:re)?newcommand\*?\s*\{?|providecommand\*?\s*\{?)\\([a-z]+?)autorefname\s*+\}?\s*+\{([^{}]*)\}",
        source,
    ):
        names.autoref[_plain_kind(found[1])] = _plain(found[2])
    for kind, printed in re.findall(
        r"\\def\s*\\(equation|figure|table|section)autorefname~#1\\null\s*\{([^{}]*)", source
    ):
        names.autoref[kind] = _plain(printed.split("#")[0].rstrip("(~ "))
    return names


def _plain_kind(name: str) -> str:
    return {"enumi": "item", "enumii": "item", "subsec": "subsection"}.get(name, name)


def _plain(text: str) -> str:
    text = re.sub(r"~|\\[ ,~]", " ", re.sub(r"\\S(?![A-Za-z])", "§", text))
    return re.sub(r"\\(?:[A-Za-z]+|.)|[{}]", "", text).strip()
