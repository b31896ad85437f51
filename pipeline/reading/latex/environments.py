"""Environments: what LaTeX's own mean to the reader, except for those with a caption. Handlers, by name."""

import re

from pipeline.reading.latex import tables
from pipeline.reading.latex.bibliography import label_and_key
from pipeline.reading.latex.equations import EQUATIONS
from pipeline.reading.latex.groups import arguments, group, settings
from pipeline.reading.latex.lists import LISTS
from pipeline.reading.latex.numbers import HEADINGS, Target
from pipeline.reading.latex.reader import Environment, Reader, Theorem, after_arguments, camel_case, fenced
from pipeline.reading.paper import Block

_HEADING = re.compile(
    r"\\(?:chapter|section|subsection|subsubsection|paragraph|parttitle|absection|ahead)\*?\s*+(?:\[[^\]]{0,2000}+\]\s*+)?"
    r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
)
_THEOREMS = {
    "theorem": "Theorem", "lemma": "Lemma", "proposition": "Proposition", "corollary": "Corollary",
    "definition": "Definition", "assumption": "Assumption", "remark": "Remark", "example": "Example",
    "claim": "Claim", "conjecture": "Conjecture", "fact": "Fact", "observation": "Observation",
}  # fmt: skip


def _theorem(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    option = group(body, 0, "[", "]") if body.lstrip()[:1] == "[" else None
    body = body[option[1] :] if option else body
    label = None
    boxed = reader.theorems.get(name)
    if boxed and boxed.prefix is not None and (given := arguments(body, 0, 2)):
        option, body = (given[0][0], 0), body[given[1] :]
        label = f"{boxed.prefix}:{given[0][1]}", 0
    if name == "restatable":
        kind = group(body, 0)
        label = group(body, kind[1]) if kind else None
        if kind and label:
            name, body = kind[0].strip(), body[label[1] :]
    theorem = reader.theorems.get(name) or Theorem(_THEOREMS.get(name, name.capitalize()), name)
    number = reader.counters.step(theorem.counter) if theorem.counter and not starred else ""
    said = reader.inline.paragraph(option[0]) if option and "=" not in option[0] else ""
    if option and (
        named := re.search(r"(?:name|note|title)\s*=\s*(\{(?:[^{}]|\{[^{}]*\})*\}|[^,]*)", option[0])
    ):
        said = reader.inline.paragraph(named.group(1).strip("{}"))
    if option and (labelled := re.search(r"label\s*=\s*\{?([^,{}]+)", option[0])) and "=" in option[0]:
        label = labelled.group(1), 0
    anchor = reader.unique(camel_case(theorem.name) + number) if number else None
    here = reader.inline.here
    if anchor:
        reader.inline.here = Target(anchor, number, theorem.name, said, kind=name)
        if label:
            reader.inline.labels[label[0].strip()] = reader.inline.here
    title = f"**{theorem.name}{f' {number}' if number else ''}**" + (f" ({said})" if said else "")
    blocks = reader.blocks(body)
    reader.inline.here = here
    first = blocks[0].text if blocks and blocks[0].kind == "paragraph" else ""
    reader.put(Block("theorem", f"{title}. {first}".strip(), anchor))
    for block in blocks[bool(first) :]:
        reader.put(Block("theorem", block.text) if block.kind == "paragraph" else block)


def _code(reader: Reader, environment: str, text: str, starred: bool) -> None:
    if environment.startswith("filecontents"):
        return
    content = re.sub(r"\\begin\s*\{[^{}]*\}", "", text.rpartition("\\end")[0] or text, count=1)
    if environment == "minted":
        content = re.sub(r"^\s*+(?:\[[^\]]*+\]\s*+)?\{[^{}]*+\}", "", content)
    option = group(content, 0, "[", "]") if content[:1] == "[" else None
    content = content[option[1] :] if option else content
    chosen = settings(option[0]) if option else {}
    title = chosen.get("caption") or chosen.get("title", "")
    block = Block("code", fenced(content.strip("\n")))
    reader.flush()
    if "caption" in chosen:
        number = reader.counters.step("listing")
        anchor = reader.unique(f"Lst{number}")
        shown = reader.inline.paragraph(title.removeprefix("[]"))
        if label := chosen.get("label"):
            reader.inline.labels[label.strip()] = Target(anchor, number, "Listing", shown)
        block = Block("code", f"Listing {number}: {shown}\n\n{block.text}", anchor)
    elif title:
        block = Block("code", f"{reader.inline.paragraph(title)}\n\n{block.text}")
    reader.put(block)


def _tabular(reader: Reader, name: str, body: str, starred: bool) -> None:
    content = after_arguments("tabular*" if name == "tabular" and starred else name, body)
    if reader.inline.cells:
        reader.read(tables.in_one_cell(content))
        return
    reader.flush()
    given = _last_group(body[: len(body) - len(content)])
    if printed := tables.table(content, reader.cell, given):
        reader.put(Block("table", printed))


def _last_group(arguments_: str) -> str:
    last, position = "", arguments_.find("{")
    while position >= 0 and (found := group(arguments_, position)):
        last, position = found[0], arguments_.find("{", found[1])
    return last


def abstract(reader: Reader, name: str, body: str, starred: bool) -> None:
    """What the paper says of itself; headings in it are no sections."""
    body = _HEADING.sub(
        lambda found: f"\\par\\textbf{{{found.group(1).strip()}}} ", after_arguments("abstract", body)
    )
    said = "\n\n".join(block.text for block in reader.blocks(body))
    reader.abstract = "\n\n".join(filter(None, (reader.abstract, said)))


def _proof(reader: Reader, name: str, body: str, starred: bool) -> None:
    option = group(body, 0, "[", "]") if body[:1] == "[" else None
    reader.flush()
    reader.raw.append(f"\\emph{{{option[0] if option else 'Proof'}.}} ")
    reader.read(body[option[1] :] if option else body)
    reader.flush()


def _bibliography(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    for entry in re.split(r"\\bibitem(?![A-Za-z])", body)[1:]:
        found = label_and_key(entry, 0)
        text = reader.inline.paragraph(entry[found[2] :] if found else entry)
        reader.references.append(f"[{len(reader.references) + 1}] {text}")
    reader.inline.footnotes.clear()


def begin_appendix(reader: Reader) -> None:
    """From here on sections have letters."""
    reader.flush()
    reader.counters.begin_appendix()
    reader.declare("appendix")
    # What stands before its first heading must not go to the section before.
    reader.open_section("Appendix", "", "Appendix", HEADINGS["section"])


def _appendices(reader: Reader, name: str, body: str, starred: bool) -> None:
    counters = reader.counters
    top = "chapter" if counters.chapters else "section"
    if name == "subappendices":
        below = "section" if counters.chapters else "subsection"
        form = counters.formats.get(below)
        counters.values[below] = 0
        counters.formats[below] = rf"\the{top}.\Alph{{{below}}}"
        reader.read(body)
        reader.flush()
        # Its count goes on behind them, in numbers again.
        counters.formats.pop(below)
        counters.formats |= {below: form} if form else {}
        return
    if name == "appendix" and body[:1] == "[" and (title := group(body, 0, "[", "]")):
        # World Scientific's reviews: each is a heading of its own.
        body = f"\\section{{{title[0]}}}{body[title[1] :]}"
    before, formats, prefixes = counters.values.get(top, 0), dict(counters.formats), dict(counters.prefixes)
    begin_appendix(reader)
    counters.values[top] = counters.values.get("appendices", 0)
    reader.read(body)
    reader.flush()
    # Sections behind it go on where those before it ended, as letters do in the next; what the class says of
    # floats stays.
    counters.appendix = False
    if not counters.style.counts_on:
        counters.values |= {"appendices": counters.values.get(top, 0), top: before}
    for kept, of in ((counters.formats, formats), (counters.prefixes, prefixes)):
        for counter in HEADINGS:
            kept.pop(counter, None)
        kept |= {counter: form for counter, form in of.items() if counter in HEADINGS}


def _acknowledgements(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.open_section("Acknowledgements", "", "Acknowledgements", HEADINGS["section"])
    reader.read(body)
    reader.flush()


def _apart(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    reader.read(after_arguments(name, body))
    reader.flush()


def _keywords(reader: Reader, name: str, body: str, starred: bool) -> None:
    reader.flush()
    reader.raw.append("\\textbf{Keywords:} ")
    reader.read(after_arguments(name, body))
    reader.flush()


def _skipped(reader: Reader, name: str, body: str, starred: bool) -> None:
    """Drawings, and data for others than the reader."""


ENVIRONMENTS: dict[str, Environment] = {
    **EQUATIONS,
    **LISTS,
    **dict.fromkeys(("tabular", "tabularx", "tabulary", "tabu", "tblr", "NiceTabular", "array"), _tabular),
    **dict.fromkeys(
        ("supertabular", "mpsupertabular", "xltabular", "NiceTabularX", "longtabu", "talltblr"), _tabular
    ),
    **dict.fromkeys((*_THEOREMS, "restatable"), _theorem),
    **dict.fromkeys(("quote", "quotation", "center", "minipage", "flushleft", "verse", "tcolorbox"), _apart),
    **dict.fromkeys(
        (
            "flushright",
            "mdframed",
            "framed",
            "shaded",
            "displayquote",
            "abstract*",
            "titlepage",
            "IEEEbiography",
            "IEEEbiographynophoto",
        ),
        _apart,
    ),
    **dict.fromkeys(("appendices", "subappendices", "appendix"), _appendices),
    **dict.fromkeys(
        ("acks", "ack", "acknowledgments", "acknowledgements", "acknowledgment"), _acknowledgements
    ),
    **dict.fromkeys(("keyword", "keywords", "IEEEkeywords", "keyword*"), _keywords),
    **dict.fromkeys(
        (
            "tikzpicture",
            "pgfpicture",
            "picture",
            "axis",
            "forest",
            "overpic",
            "psfrags",
            "tikzcd",
            "pspicture",
        ),
        _skipped,
    ),
    **dict.fromkeys(("CCSXML", "comment", "filecontents", "algorithmdisplay", "asy", "fmffile"), _skipped),
    "verbatim": _code,
    "abstract": abstract,
    **dict.fromkeys(("onecolabstract", "abstracts"), abstract),
    **dict.fromkeys(("proof", "IEEEproof", "pf", "Proof"), _proof),
    "thebibliography": _bibliography,
}
"""Handlers by the environment's name without its star; `verbatim` stands for all that is taken as it is."""
