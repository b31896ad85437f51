"""Environments: what LaTeX's own mean to the reader, except for those with a caption. Handlers, by name."""

import re

from pipeline.reading.latex import tables
from pipeline.reading.latex.groups import group
from pipeline.reading.latex.numbers import HEADINGS, Target
from pipeline.reading.latex.reader import Environment, Reader, Theorem, after_arguments, camel_case, fenced
from pipeline.reading.paper import Block

_ROWS = frozenset(
    (
        "align",
        "gather",
        "eqnarray",
        "alignat",
        "flalign",
        "xalignat",
        "IEEEeqnarray",
    )
)
_THEOREMS = {
    "theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary",
    "definition": "Definition", "assumption": "Assumption", "remark": "Remark", "example": "Example",
    "claim": "Claim", "conjecture": "Conjecture", "fact": "Fact", "observation": "Observation",
}  # fmt: skip
_LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")
_ITEM = re.compile(r"\\item(?![A-Za-z])|\\begin\s*\{|\\end\s*\{")


def _equation(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    here = reader.inline.here
    for label in _LABEL.findall(body):
        reader.inline.labels.setdefault(label.strip(), here)
    waiting: list[str] = []
    body = after_arguments(name, body)
    for row in _equation_rows(body) if name in _ROWS else [body]:
        number = "" if not row.strip() else _equation_number(reader, row, starred or name == "displaymath")
        waiting.append(row)
        if number:
            _put_equation(reader, name, waiting, number)
            waiting = []
    if waiting:
        _put_equation(reader, name, waiting, "")


def _equation_number(reader: Reader, row: str, starred: bool) -> str:
    if tag := re.search(r"\\tag\*?\s*\{([^{}]*)\}", row):
        return tag.group(1).replace("$", "").strip()
    if starred or re.search(r"\\(?:nonumber|notag)(?![A-Za-z])", row):
        return ""
    return reader.counters.step(
        "subequation" if reader.counters.values.get("in subequations") else "equation"
    )


def _put_equation(reader: Reader, name: str, rows: list[str], number: str) -> None:
    """Rows that share a number; those before it that have none are its beginning."""
    text = "\\\\".join(rows)
    anchor = reader.unique(f"Eq{number.replace(' ', '')}") if number else None
    if anchor:
        for label in _LABEL.findall(text):
            reader.inline.labels[label.strip()] = Target(anchor, number, "Equation")
    text = re.sub(r"\s*\\label\s*\{[^{}]*\}", "", text).strip()
    text = re.sub(r"\\(eq)?ref\s*\{([^{}]*)\}", lambda m: f"\x02{m[1] or ''}ref|{m[2]}\x03", text)
    if not text:
        return
    if name in _ROWS or name == "multline":
        shown = {"eqnarray": "align", "IEEEeqnarray": "align"}.get(name, name) + "*" * (not number)
        text = text.replace("&=&", "&=") if name == "eqnarray" else text
        text = f"\\begin{{{shown}}}\n{text}\n\\end{{{shown}}}"
    reader.put(Block("equation", f"\n$$\n{text}\n$$" if anchor else f"$$\n{text}\n$$", anchor))


def _subequations(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    number = reader.counters.step("equation")
    reader.inline.here = Target(f"Eq{number}", number, "Equation")
    reader.counters.values |= {"in subequations": 1, "subequation": 0}
    reader.read(body)
    reader.counters.values["in subequations"] = 0


def _list(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    ordered = "enum" in name
    # The option of the list is not text; the option of an item is.
    body = after_arguments(name, body)
    items = _items(body)
    lines: list[str] = []
    notes: list[Block] = []
    for number, (option, content) in enumerate(items, 1):
        blocks = reader.blocks(content)
        notes += [b for b in blocks if b.kind == "footnote"]
        label = reader.inline.paragraph(option) if option else ""
        mark = f"{number}." if ordered and not label else "-"
        head = f"**{label}** " if label and name == "description" else f"{label} " if label else ""
        text = "\n\n".join(b.markdown() for b in blocks if b.kind != "footnote")
        pad = "\n" + " " * (len(mark) + 1)
        lines.append(f"{mark} {head}" + text.replace("\n\n", "\n").replace("\n", pad))
    if lines:
        reader.put(Block("list", "\n".join(lines)))
    for note in notes:
        reader.put(note)


def _theorem(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    option = group(body, 0, "[", "]") if body.lstrip()[:1] == "[" else None
    body = body[option[1] :] if option else body
    label = None
    if name == "restatable":
        kind = group(body, 0)
        label = group(body, kind[1]) if kind else None
        if kind and label:
            name, body = kind[0].strip(), body[label[1] :]
    theorem = reader.theorems.get(name) or Theorem(_THEOREMS.get(name, name.capitalize()), name)
    number = reader.counters.step(theorem.counter) if theorem.counter and not starred else ""
    anchor = reader.unique(camel_case(theorem.name) + number) if number else None
    here = reader.inline.here
    if anchor:
        reader.inline.here = Target(anchor, number, theorem.name)
        if label:
            reader.inline.labels[label[0].strip()] = reader.inline.here
    title = f"**{theorem.name}{f' {number}' if number else ''}**" + (
        f" ({reader.inline.paragraph(option[0])})" if option else ""
    )
    blocks = reader.blocks(body)
    reader.inline.here = here
    first = blocks[0].text if blocks and blocks[0].kind == "paragraph" else ""
    reader.put(Block("theorem", f"{title}. {first}".strip(), anchor))
    for block in blocks[bool(first) :]:
        reader.put(Block("theorem", block.text) if block.kind == "paragraph" else block)


def _code(reader: Reader, environment: str, text: str, starred: bool) -> None:
    if environment.startswith("filecontents"):
        return
    content = re.sub(r"\\begin\s*\{[^{}]*\}", "", text.rpartition("\\end")[0], count=1)
    if environment == "minted":
        content = re.sub(r"^\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}", "", content)
    option = group(content, 0, "[", "]") if content[:1] == "[" else None
    caption = None
    if option:
        content = content[option[1] :]
        caption = re.search(r"caption\s*=\s*(\{(?:[^{}]|\{[^{}]*\})*\}|[^,\]]+)", option[0])
    block = Block("code", fenced(content.strip("\n")))
    if caption and option:
        number = reader.counters.step("listing")
        label = re.search(r"label\s*=\s*\{?([^,{}\]]+)", option[0])
        anchor = reader.unique(f"Lst{number}")
        if label:
            reader.inline.labels[label.group(1).strip()] = Target(anchor, number, "Listing")
        title = reader.inline.paragraph(caption.group(1))
        block = Block("code", f"Listing {number}: {title}\n\n{block.text}", anchor)
    reader.flush()
    reader.put(block)


def _tabular(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    body = after_arguments("tabular*" if name == "tabular" and starred else name, body)
    if printed := tables.table(body, reader.cell):
        reader.put(Block("table", printed))


def abstract(reader: Reader, name: str, body: str, starred: bool) -> None:
    """What the paper says of itself."""
    reader.abstract = "\n\n".join(block.text for block in reader.blocks(body))


def _proof(reader: Reader, name: str, body: str, starred: bool) -> None:
    option = group(body, 0, "[", "]") if body[:1] == "[" else None
    reader.flush()
    reader.raw.append(f"\\emph{{{option[0] if option else 'Proof'}.}} ")
    reader.read(body[option[1] :] if option else body)
    reader.flush()


def _bibliography(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    for entry in re.split(r"\\bibitem(?![A-Za-z])", body)[1:]:
        option = group(entry, 0, "[", "]")
        key = group(entry, option[1] if option else 0)
        text = reader.inline.paragraph(entry[key[1] :] if key else entry)
        reader.references.append(f"[{len(reader.references) + 1}] {text}")
    reader.inline.footnotes.clear()


def begin_appendix(reader: Reader) -> None:
    """From here on sections have letters."""
    reader.flush()
    reader.counters.begin_appendix()
    # What stands before its first heading must not go to the section before.
    reader.open_section("Appendix", "", "Appendix", HEADINGS["section"])


def _appendices(reader: Reader, name: str, body: str, starred: bool) -> None:
    begin_appendix(reader)
    reader.read(body)


def _acknowledgements(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.open_section("Acknowledgements", "", "Acknowledgements", HEADINGS["section"])
    reader.read(body)
    reader.flush()


def _apart(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    reader.read(after_arguments(name, body))
    reader.flush()


def _skipped(reader: Reader, name: str, body: str, starred: bool) -> None:
    """Drawings, and data for others than the reader."""


def _equation_rows(body: str) -> list[str]:
    """The rows of an aligned equation, each of which has a number of its own."""
    rows = ["&".join(row) for row in tables.cells(body)]
    if rows and not re.sub(r"\\(label|nonumber|notag)\s*(\{[^{}]*\})?", "", rows[-1]).strip():
        # A last `\\` makes no row of its own; a label behind it belongs to the row before.
        last = rows.pop()
        if rows:
            rows[-1] += last
    return rows


def _items(body: str) -> list[tuple[str, str]]:
    """Option and content of each `\\item` of this list; items of lists inside of it are content."""
    starts: list[tuple[int, int]] = []
    depth = 0
    for found in _ITEM.finditer(body):
        if found.group().startswith("\\begin"):
            depth += 1
        elif found.group().startswith("\\end"):
            depth -= 1
        elif depth == 0:
            starts.append((found.start(), found.end()))
    items = []
    for index, (_, start) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(body)
        option = group(body, start, "[", "]") if body[start:end].lstrip()[:1] == "[" else None
        items.append((option[0] if option else "", body[option[1] if option else start : end]))
    return items


ENVIRONMENTS: dict[str, Environment] = {
    **dict.fromkeys(("equation", "multline", "displaymath", "dmath", *_ROWS), _equation),
    **dict.fromkeys(("itemize", "enumerate", "description", "compactitem", "compactenum", "tasks"), _list),
    **dict.fromkeys(("inparaenum", "asparaenum", "asparaitem"), _list),
    **dict.fromkeys(("tabular", "tabularx", "tabulary", "tabu", "tblr", "NiceTabular", "array"), _tabular),
    **dict.fromkeys(("supertabular", "xltabular"), _tabular),
    **dict.fromkeys((*_THEOREMS, "restatable"), _theorem),
    **dict.fromkeys(("quote", "quotation", "center", "minipage", "flushleft", "verse", "tcolorbox"), _apart),
    **dict.fromkeys(("appendices", "subappendices", "appendix"), _appendices),
    **dict.fromkeys(("acks", "ack", "acknowledgments", "acknowledgements"), _acknowledgements),
    **dict.fromkeys(
        ("tikzpicture", "pgfpicture", "picture", "axis", "forest", "overpic", "psfrags"), _skipped
    ),
    **dict.fromkeys(("CCSXML", "comment", "filecontents"), _skipped),
    "subequations": _subequations,
    "verbatim": _code,
    "abstract": abstract,
    "proof": _proof,
    "thebibliography": _bibliography,
}
"""Handlers by the environment's name without its star; `verbatim` stands for all that is taken as it is."""
