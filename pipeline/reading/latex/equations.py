"""Displayed mathematics: rows, numbers, tags and labels, in the environments of LaTeX, amsmath, mathtools,
IEEEtrantools, breqn, cases and empheq. Handlers, by name.
"""

import re
from itertools import pairwise

from pipeline.reading.latex import tables
from pipeline.reading.latex.crossreferences import COMMANDS as REFERENCES
from pipeline.reading.latex.crossreferences import resolve
from pipeline.reading.latex.groups import argument, group, options
from pipeline.reading.latex.macros import space_between
from pipeline.reading.latex.numbers import Target
from pipeline.reading.latex.reader import Environment, Reader, after_arguments
from pipeline.reading.paper import Block

_ROWS = frozenset(
    (
        "align", "gather", "eqnarray", "alignat", "flalign", "xalignat", "xxalignat", "IEEEeqnarray", "subeqnarray",
        "numcases", "subnumcases", "darray", "aligneq", "fleqnarray",
    )
)  # fmt: skip
_ONE = frozenset(("equation", "multline", "displaymath", "dmath", "dseries", "math", "eqn", "seqn"))
_COUNTED_BACK = _ROWS | {"equation"}
"""Where a row without a number was counted all the same."""
_COUNTED_STARRED = frozenset(("eqnarray", "align", "alignat", "flalign", "IEEEeqnarray"))
_SHOWN_AS = {"eqnarray": "align", "IEEEeqnarray": "align", "subeqnarray": "align", "xxalignat": "align",
             "xalignat": "align", "flalign": "align", "alignat": "align", "darray": "align", "fleqnarray": "align",
             "numcases": "align", "subnumcases": "align"}  # fmt: skip
_LABEL = re.compile(r"\\label\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{([^{}]*)\}")
_TAG = re.compile(r"\\tag(\*?)\s*(?=\{)")
_EQNO = re.compile(r"\\l?eqno(?![A-Za-z])\s*(.*)", re.DOTALL)
_UNNUMBERED = re.compile(r"\\(?:nonumber|notag|IEEEnonumber|IEEEnosubnumber)(?![A-Za-z])\*?")
_NUMBERED = re.compile(r"\\(?:IEEEyesnumber|IEEEyessubnumber)(?![A-Za-z])\*?")
_COUNTED = re.compile(
    r"\\(?:(?P<step>stepcounter|refstepcounter)\s*\{(?P<stepped>\w+)\}"
    r"|(?P<set>setcounter|addtocounter)\s*\{(?P<counter>\w+)\}\s*\{\s*(?P<value>-?\d+)\s*\})"
)
_SETTINGS_OF_ROWS = re.compile(
    r"\\(?:IEEEeqnarraynumspace|IEEEeqnarraymulticol\{\d+\}\{[a-z]\}|IEEEstrut|displaybreak(?:\[\d\])?|allowdisplaybreaks"
    r"|numberthis|IEEEyesnumber\*?|IEEEyessubnumber\*?|IEEEnonumber\*?)(?![A-Za-z])"
)
_REFERENCE = re.compile(rf"\\({'|'.join(sorted(REFERENCES, key=len, reverse=True))})\*?\s*\{{([^{{}}]*)\}}")


def equation(reader: Reader, name: str, body: str, starred: bool) -> None:
    """One environment of displayed mathematics."""
    reader.flush()
    given, _ = options(body, 0) if body.lstrip(" ").startswith("[") else ([], 0)
    body = after_arguments(name, body)
    declared = re.search(r"label\s*=\s*\{?([^,{}\]]+)", given[0]) if given and name.startswith("d") else None
    if declared:
        body = f"\\label{{{declared.group(1).strip()}}}{body}"
    # autonum gives what is referred to a number, also where `\[` begins it (here `displaymath*`), but not `$$`.
    automatic = name == "displaymath" and starred and reader.only_numbered is not None
    unnumbered = not automatic and (starred or name in ("displaymath", "math", "xxalignat"))
    waiting: list[str] = []
    rows = _rows(body, name) if name in _ROWS else [body]
    if name in ("subnumcases", "subeqnarray"):
        _begin_parts(reader)
    for row in rows:
        number, row = _number(reader, name, row, unnumbered=unnumbered)
        waiting.append(row)
        if number:
            _put(reader, name, waiting, number, starred=starred)
            waiting = []
    if waiting:
        _put(reader, name, waiting, "", starred=starred)
    if name in ("subnumcases", "subeqnarray"):
        reader.counters.values["in subequations"] = 0


def _number(reader: Reader, name: str, row: str, *, unnumbered: bool) -> tuple[str, str]:
    """The number of a row (empty: none), and the row without what says so."""
    tag = _TAG.search(row)
    written = group(row, tag.end()) if tag else None
    for counted in _COUNTED.finditer(row):
        _count(reader, counted)
    row = _COUNTED.sub("", row)
    if written:
        shown = reader.inline.paragraph(
            reader.counters.written(written[0]) if "\\the" in written[0] else written[0]
        )
        shown = shown.replace("$", "")
        return resolve(shown, reader.inline.labels, reader.names, reader.inline.budget), row
    if by_hand := _EQNO.search(row):
        return re.sub(r"[(){}$\s]|\\(?:rm|hbox|text)(?![A-Za-z])", "", by_hand.group(1)), row
    labels = _LABEL.findall(row)
    shown_only = reader.only_numbered is not None and not any(
        label.strip() in reader.only_numbered for label in labels
    )
    if _UNNUMBERED.search(row) or shown_only or (unnumbered and not _NUMBERED.search(row)):
        return "", row
    if "\\IEEEyessubnumber" in row:
        if not reader.counters.values.get("in subequations"):
            _begin_parts(reader)
        number = reader.counters.step("subequation")
        return number, row
    if "\\IEEEyesnumber" in row:
        reader.counters.values["in subequations"] = 0
    return reader.counters.step(
        "subequation" if reader.counters.values.get("in subequations") else "equation"
    ), row


def _count(reader: Reader, found: re.Match[str]) -> None:
    values = reader.counters.values
    if found["step"]:
        reader.counters.step(found["stepped"])
    else:
        before = values.get(found["counter"], 0) if found["set"] == "addtocounter" else 0
        values[found["counter"]] = before + int(found["value"][:7])


def _begin_parts(reader: Reader) -> str:
    number = reader.counters.step("equation")
    reader.counters.values |= {"in subequations": 1, "subequation": 0}
    return number


def _target(reader: Reader, name: str, *, starred: bool) -> Target:
    """What a label points to whose rows have no number."""
    counter = "subequation" if reader.counters.values.get("in subequations") else "equation"
    here = reader.inline.here
    if name not in (_COUNTED_STARRED if starred else _COUNTED_BACK):
        return here
    # It was counted and is taken back: the label has the number of the next.
    number = reader.counters.step(counter)
    reader.counters.values[counter] -= 1
    return Target(here.anchor, number, "Equation")


def _put(reader: Reader, name: str, rows: list[str], number: str, *, starred: bool) -> None:
    """Rows that share a number; those before it that have none are its beginning."""
    text = "\\\\".join(rows)
    labels = _LABEL.findall(text)
    empty = not _LABEL.sub("", text).strip()
    anchor = reader.unique(f"Eq{number.replace(' ', '')}") if number and not empty else None
    if number:
        target = Target(anchor or reader.inline.here.anchor, number, "Equation")
    else:
        target = _target(reader, name, starred=starred) if labels else reader.inline.here
    for label in labels:
        reader.inline.labels[label.strip()] = target
    text = _SETTINGS_OF_ROWS.sub("", re.sub(rf"(?:(?<!\s)\s++)?{_LABEL.pattern}", "", text)).strip()
    text = _REFERENCE.sub(lambda m: f"\x02{m[1]}|{m[2]}\x03", reader.inline.mathematics(text))
    if not text:
        return
    if name == "math":
        reader.raw.append(f"${text}$")
        return
    if name in _ROWS or name == "multline":
        shown = _SHOWN_AS.get(name, name) + "*" * (not number)
        text = f"\\begin{{{shown}}}\n{text}\n\\end{{{shown}}}"
    reader.put(Block("equation", f"\n$$\n{text}\n$$" if anchor else f"$$\n{text}\n$$", anchor))


def _rows(body: str, name: str) -> list[str]:
    """The rows of an aligned equation, each of which has a number of its own."""
    cells = tables.cells(body)
    if name in ("eqnarray", "subeqnarray", "fleqnarray"):
        # The relation has a column of its own there, and none in what it is shown as.
        cells = [[row[0], *([_side_by_side(row[1:])] if row[1:] else [])] for row in cells]
    rows = ["&".join(row) for row in cells]
    # Behind a last `\\` stands an empty row, which has a number unless it says otherwise.
    if len(rows) > 1 and _UNNUMBERED.search(rows[-1]) and not _UNNUMBERED.sub("", rows[-1]).strip():
        rows.pop()
    return rows


def _side_by_side(cells: list[str]) -> str:
    return "".join(cell + space_between(cell, following, 0) for cell, following in pairwise([*cells, ""]))


def _subequations(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    number = _begin_parts(reader)
    reader.inline.here = Target(f"Eq{number}", number, "Equation")
    reader.read(body)
    reader.counters.values["in subequations"] = 0


def _empheq(reader: Reader, name: str, body: str, starred: bool) -> None:
    """`\\begin{empheq}[box=…]{align}`: as the environment inside."""
    _, position = options(body, 0)
    kind = argument(body, position)
    if kind is None:
        return
    inner = kind[0].strip().partition("=")[0]
    bare = inner.rstrip("*")
    if bare in _ROWS or bare in _ONE:
        equation(reader, bare, body[kind[1] :], inner != bare)
    else:
        reader.read(body[kind[1] :])


EQUATIONS: dict[str, Environment] = {
    **dict.fromkeys((*_ROWS, *_ONE), equation),
    **dict.fromkeys(("empheq", "AmSalign", "AmSequation"), _empheq),
    "subequations": _subequations,
}
