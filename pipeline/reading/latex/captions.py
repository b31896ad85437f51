"""Captions: figures, tables and algorithms, their parts, and what stands in them. Handlers, by name."""

import re
from typing import get_args

from pipeline.reading.latex import algorithms, drawings
from pipeline.reading.latex.algorithms import Lines
from pipeline.reading.latex.environments import ENVIRONMENTS
from pipeline.reading.latex.groups import argument, arguments, group, options
from pipeline.reading.latex.numbers import Target, styled
from pipeline.reading.latex.reader import Command, Environment, Float, Reader, after_arguments, fenced
from pipeline.reading.paper import Block, BlockKind

_PREFIX = {"figure": "Fig", "table": "Tab", "algorithm": "Alg", "listing": "Lst"}
_KINDS = {
    **dict.fromkeys(
        ("figure", "wrapfigure", "SCfigure", "teaserfigure", "marginfigure", "figurehere"), "figure"
    ),
    **dict.fromkeys(("sidewaysfigure", "floatingfigure", "extfigure", "fpfigure", "rotatefigure"), "figure"),
    **dict.fromkeys(
        ("table", "wraptable", "sidewaystable", "margintable", "SCtable", "floatingtable"), "table"
    ),
    **dict.fromkeys(("tablehere", "extendedtable", "specialtable", "rotatetable"), "table"),
    **dict.fromkeys(("algorithm", "algorithm2e", "algo", "algorithmfloat"), "algorithm"),
    **dict.fromkeys(("scheme", "chart", "graph", "plate", "program", "video"), ""),
    "listing": "listing",
}
_LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")
_LABELS = re.compile(r"(?:\s*+\\label\s*+\{[^{}]*+\})++")
_LABELS_FIRST = re.compile(rf"((?:\s*+\\(?!label)[A-Za-z]+(?![A-Za-z{{]))*+)({_LABELS.pattern})")
_HEAD_TO_FOOT = re.compile(
    r"\\end(?:first)?head(?:[^\\]|\\(?!end(?:(?:first)?head|(?:last)?foot)))*+\\end(?:last)?foot"
)
_DELUXE = re.compile(r"\\(?:tablebreak|hline|colnumbers|decimals|decimalcolnumbers)(?![A-Za-z])")
_ALGORITHM2E = re.compile(
    r"\\;|\\(?:Kw[A-Z]\w*|SetK\w+|SetAlgo\w+|ForEach|eIf|uIf|lIf|DontPrintSemicolon|tcp|tcc)(?![A-Za-z])"
)


def _float(reader: Reader, name: str, body: str, starred: bool) -> None:
    kind = _KINDS[name] or name
    body = after_arguments(name, body)
    if kind == "algorithm" and "\\begin{algorithmic}" not in body and _ALGORITHM2E.search(body):
        _put(reader, kind, *_statements(reader, body))
        return
    _put(reader, kind, body)


def _wrapped(reader: Reader, name: str, body: str, starred: bool) -> None:
    """`\\begin{wrapfloat}{kind}`, and floats that the author defines."""
    kind = group(body, 0) if name == "wrapfloat" else None
    _put(reader, kind[0].strip() if kind else name, after_arguments(name, body))


def _put(reader: Reader, kind: str, body: str, lines: Lines | None = None) -> None:
    reader.flush()
    for block in _read(reader, kind, body, lines):
        reader.put(block)


def _read(reader: Reader, kind: str, body: str, lines: Lines | None) -> list[Block]:
    """A float's blocks: its caption with what it stands for; floats inside of it follow."""
    outer, group_ = reader.float, reader.begin_group()
    here = reader.inline.here
    reader.float = Float(kind, part=outer is not None and kind == "part")
    blocks = reader.blocks(body)
    if lines is not None:
        blocks += _shown(reader, lines)
        if last := next((line.number for line in reversed(lines) if line.number), None):
            # algorithm2e counts its lines for what is outside of it as well.
            reader.captioned = Target(reader.inline.here.anchor, str(last), "Line", kind="line")
    made, reader.float = reader.float, outer
    reader.end_group(group_)
    if outer and kind == "part":
        outer.parts += bool(made.captions)
        letter = styled(outer.parts, "alph") if made.captions else ""
        outer.part_labels |= dict.fromkeys(made.labels, letter)
        _label_parts(reader, outer)
        caption = " ".join(text for _, _, text in made.captions)
        content = [Block("paragraph", f"({letter}) {caption}")] if caption else []
        return [*content, *blocks]
    if kind == "figure":
        drawings.collect(reader, body, [anchor for _, anchor, _ in made.captions if anchor])
    reader.parts = made.parts
    for label, letter in made.part_labels.items():
        reader.inline.labels.setdefault(label, Target(here.anchor, letter, kind.capitalize(), part=letter))
    return _assembled(kind, made, blocks)


def _assembled(kind: str, made: Float, blocks: list[Block]) -> list[Block]:
    content = [b for b in blocks if b.anchor is None]
    separate = [b for b in blocks if b.anchor is not None]
    block_kind: BlockKind = kind if kind in get_args(BlockKind) else "code"  # type: ignore[assignment]
    inside = "\n\n".join(block.text for block in content)
    if not made.captions:
        return [*([Block(block_kind, inside)] if inside else []), *separate]
    result = []
    for index, (title, anchor, caption) in enumerate(made.captions):
        text = f"{title}: {caption}" if anchor else caption
        last = index == len(made.captions) - 1
        result.append(Block(block_kind, f"{text}\n\n{inside}".strip() if last and inside else text, anchor))
    return result + separate


def _captioned(reader: Reader, text: str, position: int, starred: bool, of: str | None) -> int:
    float_ = reader.float or Float(of or "figure")
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.flush()
    if float_.part:
        float_.captions.append(("", None, reader.inline.paragraph(_LABEL.sub("", found[0]))))
        float_.labels += _LABEL.findall(found[0])
        return found[1]
    kind = of or float_.kind
    title, anchor = reader.floats.get(kind, kind.capitalize()), None
    target = reader.inline.here
    if not starred:
        number = reader.counters.reference(kind) if float_.continued else reader.counters.step(kind)
        anchor = reader.unique(f"{_PREFIX.get(kind, title)}{number}")
        target = reader.inline.here = Target(anchor, number, title, kind=kind)
        float_.target = target
        if reader.counters.style.global_captions:
            reader.captioned = target
        _label_parts(reader, float_)
        title = f"{title} {number}"
    caption = target.title = reader.inline.paragraph(found[0])
    float_.captions.append((title, anchor, caption))
    if reader.float is None:
        reader.put(Block("figure" if kind == "figure" else "table", f"{title}: {caption}", anchor))
    return found[1]


def _label_parts(reader: Reader, float_: Float) -> None:
    """What refers to a part of a float whose number is known by now."""
    if float_.target is None:
        return
    whole, form = float_.target, reader.counters.formats.get("subfigure", "")
    for label, letter in float_.part_labels.items():
        reader.inline.budget.spend(len(whole.number))
        part = reader.counters.written(form.replace(r"\alph{subfigure}", letter))
        shown = part or (f"({letter})" if reader.parts_in_brackets else letter)
        kind = f"sub{whole.kind}"
        reader.inline.labels[label] = Target(whole.anchor, whole.number + shown, whole.name, "", shown, kind)
    float_.part_labels.clear()


def _caption(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    if name == "subcaption" and reader.float and not reader.float.part:
        found = group(text, position)
        _put(reader, "part", f"\\caption{text[position : found[1]]}" if found else "")
        return found[1] if found else position
    if name in ("figcaption", "tabcaption"):
        return _captioned(reader, text, position, starred, "figure" if name[0] == "f" else "table")
    named = group(text, position) if name == "captionof" else None
    if name == "captionof" and named is None:
        return position
    return _captioned(
        reader, text, named[1] if named else position, starred, named[0].strip() if named else None
    )


def _label(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    # Not left to the paragraph: a heading's label must see the heading, a caption's the caption.
    _, position = options(text, position)
    found = group(text, position)
    if found is None:
        return position
    _place(reader, found[0].strip())
    return found[1]


def _place(reader: Reader, name: str) -> None:
    if reader.float and reader.float.part:
        reader.float.labels.append(name)
    else:
        reader.inline.labels[name] = reader.inline.here


def _continued(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    if reader.float:
        reader.float.continued = True
        reader.float.parts = reader.parts
    return position


def _part(reader: Reader, command: str, text: str, position: int, starred: bool) -> int:
    """`\\subfloat[caption]{…}` and `\\subcaptionbox{caption}{…}`."""
    if reader.float is None:
        return position
    given, behind = options(text, position)
    caption = given[-1] if given else ""
    if command == "subcaptionbox":
        read = group(text, behind)
        caption, behind = read if read else ("", behind)
        _, behind = options(text, behind)
    content = group(text, behind)
    if content is None:
        return position
    # Each is counted, also without a caption.
    _put(reader, "part", f"\\caption{{{caption}}}{content[0]}")
    return content[1]


def _boxed(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """floatrow's `\\ffigbox{caption}{content}`, caption's `\\captionbox`, tables of OUP and World Scientific."""
    _, behind = options(text, position)
    found = arguments(text, behind, 3 if name in ("processtable", "floatconts") else 2)
    if found is None or reader.float is None:
        return position
    caption, content, *notes = found[0]
    if name == "floatconts":
        # jmlr: label, caption and content.
        caption, content, notes = f"{content}\\label{{{caption}}}", notes[0], []
    if "\\caption" not in caption:
        if "\\caption" in content:
            caption, content = content, caption
        else:
            caption = f"\\caption{{{caption}}}"
    reader.read("\n\n".join((caption, content, *notes)))
    reader.flush()
    return found[1]


def _subfloat(reader: Reader, name: str, body: str, starred: bool) -> None:
    if reader.float:
        _put(reader, "part", after_arguments(name, body))
    else:
        reader.read(after_arguments(name, body))


def _minipage(reader: Reader, name: str, body: str, starred: bool) -> None:
    if reader.float and "\\caption" in body and not reader.float.part:
        _put(reader, reader.float.kind, after_arguments(name, body))
    else:
        ENVIRONMENTS["minipage"](reader, name, body, starred)


def _longtable(reader: Reader, name: str, body: str, starred: bool) -> None:
    """A table over several pages: its caption is a row, its heading is there once for each kind of page."""
    body = after_arguments("longtable", body)
    body = re.sub(r"\\endfirsthead(?:[^\\]|\\(?!end(?:first)?head))*+\\endhead", "", body)
    body = _HEAD_TO_FOOT.sub("", body)
    caption = re.search(r"\\(?:caption|topcaption|tablecaption)\*?", body)
    option = group(body, caption.end(), "[", "]") if caption else None
    found = group(body, option[1] if option else caption.end()) if caption else None
    head = ""
    if caption and found:
        labels = "".join(f"\\label{{{label}}}" for label in _LABEL.findall(body.replace(found[0], "")))
        head = f"\\caption{'*' * caption.group().endswith('*')}{{{found[0]}}}{labels}"
        body = body[: caption.start()] + body[found[1] :]
    if not starred and (not caption or caption.group().endswith("*")):
        # Counted all the same.
        number = reader.counters.step("table")
        reader.inline.here = Target(reader.inline.here.anchor, number, "Table", kind="table")
    body = _LABEL.sub("", body)
    _put(reader, "table", f"{head}\n\n\\begin{{tabular}}{{}}{body}\\end{{tabular}}")


def _deluxetable(reader: Reader, name: str, body: str, starred: bool) -> None:
    """The tables of the AAS: heading, data and notes by commands of their own."""
    body = after_arguments("deluxetable", body)
    said = {
        command: _said(body, command)
        for command in ("tablecaption", "tablehead", "tablecomments", "tablerefs")
    }
    said["tablecaption"] = said["tablecaption"] or _said(body, "caption")
    notes = [
        f"{found.group(1)} {note[0]}"
        for found in re.finditer(r"\\tablenotetext\s*\{([^{}]*)\}", body)
        if (note := argument(body, found.end()))
    ]
    data = re.search(r"\\startdata(.*?)(?:\\enddata|\Z)", body, re.DOTALL)
    rows = _DELUXE.sub(" ", data.group(1) if data else "")
    rows = re.sub(r"\\(?:cutinhead|sidehead)\s*\{([^{}]*)\}", r"\\\\ \1 \\\\", rows)
    head = re.sub(r"\\twocolhead(?![A-Za-z])", r"\\multicolumn{2}{c}", _DELUXE.sub(" ", said["tablehead"]))
    head = re.sub(r"\\(?:multi)?colhead(?![A-Za-z])|\\nocolhead\s*\{[^{}]*\}", "", head)
    outside = body[: data.start()] + body[data.end() :] if data else body
    apart = _LABEL.findall(outside.replace(said["tablecaption"], ""))
    if reader.counters.style.global_captions:
        # The caption comes with the data, and what stands before it belongs to what was before.
        for label in apart:
            _place(reader, label)
        apart = []
    labels = "".join(f"\\label{{{label}}}" for label in apart)
    caption = f"\\caption{{{said['tablecaption']}}}{labels}"
    below = "\n\n".join(filter(None, (*notes, said["tablecomments"], said["tablerefs"])))
    _put(reader, "table", f"{caption}\n\n\\begin{{tabular}}{{}}{head}\\\\{rows}\\end{{tabular}}\n\n{below}")


def _said(body: str, command: str) -> str:
    found = re.search(rf"\\{command}(?![A-Za-z])", body)
    given = argument(body, found.end()) if found else None
    return given[0] if given else ""


def _statements(reader: Reader, body: str) -> tuple[str, Lines]:
    """The body of an algorithm2e: its captions and labels as LaTeX, and its statements."""
    caption = re.search(r"\\caption\s*(?=\{)", body)
    text = group(body, caption.end()) if caption else None
    head, before, behind = "", body, ""
    if caption and text:
        head, before, behind = body[caption.start() : text[1]], body[: caption.start()], body[text[1] :]
    # Labels behind the caption, and before the first statement, are the algorithm's; others are those of lines.
    if found := _LABELS.match(behind):
        head, behind = head + found.group(), behind[found.end() :]
    if found := _LABELS_FIRST.match(before):
        head, before = head + found[2], f"{found[1]} {before[found.end() :]}"
    body = before + behind
    return head, algorithms.algorithm2e(body, lambda text: _statement(reader, text), reader.keywords)


def _algorithmic(reader: Reader, name: str, body: str, starred: bool) -> None:
    option = group(body, 0, "[", "]") if body[:1] == "[" else None
    body = body[option[1] :] if option else body
    lines = algorithms.algorithm(body, lambda text: _statement(reader, text), reader.keywords, bool(option))
    reader.flush()
    for block in _shown(reader, lines):
        reader.put(block)


def _shown(reader: Reader, lines: Lines) -> list[Block]:
    """The lines of an algorithm as a block; what refers to one of them gets its number."""
    here = reader.inline.here
    for line in lines:
        for label in line.labels:
            target = Target(here.anchor, str(line.number), "Line", kind="line") if line.number else here
            reader.inline.labels[label] = target
    shown = "\n".join(line.shown() for line in lines)
    return [Block("algorithm", fenced(shown))] if shown.strip() else []


def _statement(reader: Reader, text: str) -> str:
    """One line of an algorithm, which is shown as it is: without marks for bold and the like."""
    return re.sub(r"\*\*|`", "", reader.inline.paragraph(text))


FLOATS: dict[str, Environment] = {
    **dict.fromkeys(_KINDS, _float),
    **dict.fromkeys(("wrapfloat", "float"), _wrapped),
    **dict.fromkeys(("subfigure", "subtable", "subfigures", "subfloat"), _subfloat),
    **dict.fromkeys(("algorithmic", "algorithmicx", "algpseudocode", "pseudo"), _algorithmic),
    "minipage": _minipage,
    "longtable": _longtable,
    **dict.fromkeys(("deluxetable", "longdeluxetable", "splitdeluxetable"), _deluxetable),
}
CAPTIONS: dict[str, Command] = {
    **dict.fromkeys(("caption", "captionof", "figcaption", "tabcaption", "subcaption"), _caption),
    **dict.fromkeys(("subfloat", "subfigure", "subcaptionbox", "subtable"), _part),
    **dict.fromkeys(
        ("ffigbox", "ttabbox", "captionbox", "tbl", "processtable", "fcapside", "floatconts"), _boxed
    ),
    "ContinuedFloat": _continued,
    "label": _label,
}
