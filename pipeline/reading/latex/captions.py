"""Captions: figures, tables and algorithms, their parts, and what stands in them. Handlers, by name."""

import re
from typing import get_args

from pipeline.reading.latex import algorithms, drawings
from pipeline.reading.latex.environments import ENVIRONMENTS
from pipeline.reading.latex.groups import group
from pipeline.reading.latex.numbers import Target, styled
from pipeline.reading.latex.reader import Command, Environment, Float, Reader, after_arguments, fenced
from pipeline.reading.paper import Block, BlockKind

_PREFIX = {"figure": "Fig", "table": "Tab", "algorithm": "Alg", "listing": "Lst"}
_KINDS = {
    **dict.fromkeys(("figure", "wrapfigure", "SCfigure", "teaserfigure"), "figure"),
    **dict.fromkeys(("sidewaysfigure", "floatingfigure"), "figure"),
    **dict.fromkeys(("table", "wraptable", "sidewaystable", "margintable"), "table"),
    **dict.fromkeys(("algorithm", "algorithm2e", "algo"), "algorithm"),
    "listing": "listing",
}


def _float(reader: Reader, name: str, body: str, starred: bool) -> None:
    kind = _KINDS[name]
    body = after_arguments(name, body)
    if kind == "algorithm" and "\\begin{algorithmic}" not in body:
        body = _with_statements(reader, body)
    _put(reader, kind, body)


def _put(reader: Reader, kind: str, body: str) -> None:
    reader.flush()
    for block in _read(reader, kind, body):
        reader.put(block)


def _read(reader: Reader, kind: str, body: str) -> list[Block]:
    """A float's blocks: its caption with what it stands for; floats inside of it follow."""
    outer, here = reader.float, reader.inline.here
    reader.float = Float(kind, part=outer is not None and kind == "part")
    if outer and kind == "part":
        outer.parts += 1
    blocks = reader.blocks(body)
    made, reader.float, reader.inline.here = reader.float, outer, here
    if outer and kind == "part":
        letter = styled(outer.parts, "alph")
        labels = [*made.early, *made.late]
        outer.part_labels |= dict.fromkeys(labels, letter)
        caption = " ".join(text for _, _, text in made.captions)
        content = [Block("paragraph", f"({letter}) {caption}")] if caption else []
        return [*content, *blocks]
    if kind == "figure":
        drawings.collect(reader, body, [anchor for _, anchor, _ in made.captions if anchor])
    for label in made.early:
        reader.inline.labels.setdefault(label, here)
    for label, letter in made.part_labels.items():
        reader.inline.labels.setdefault(label, Target(here.anchor, letter, kind.capitalize()))
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
        float_.captions.append(("", None, reader.inline.paragraph(found[0])))
        return found[1]
    kind = of or float_.kind
    title, anchor = kind.capitalize(), None
    if not starred:
        number = reader.counters.step(kind)
        anchor = reader.unique(f"{_PREFIX.get(kind, title)}{number}")
        reader.inline.here = Target(anchor, number, title)
        reader.inline.labels |= dict.fromkeys(float_.early, reader.inline.here)
        for label, letter in float_.part_labels.items():
            reader.inline.labels[label] = Target(anchor, number + letter, title)
        float_.early.clear()
        float_.part_labels.clear()
        title = f"{title} {number}"
    caption = reader.inline.paragraph(found[0])
    float_.captions.append((title, anchor, caption))
    if reader.float is None:
        reader.put(Block("figure" if kind == "figure" else "table", f"{title}: {caption}", anchor))
    return found[1]


def _caption(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    named = group(text, position) if name == "captionof" else None
    if name == "captionof" and named is None:
        return position
    return _captioned(
        reader, text, named[1] if named else position, starred, named[0].strip() if named else None
    )


def _label(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    # Not left to the paragraph: a heading's label must see the heading, a caption's the caption.
    found = group(text, position)
    if found is None:
        return position
    _place(reader, found[0].strip())
    return found[1]


def _place(reader: Reader, name: str) -> None:
    if reader.float and reader.float.part:
        reader.float.late.append(name)
    elif reader.float and not reader.float.captions:
        reader.float.early.append(name)
    else:
        reader.inline.labels[name] = reader.inline.here


def _part(reader: Reader, command: str, text: str, position: int, starred: bool) -> int:
    """`\\subfloat[caption]{…}` and `\\subcaptionbox{caption}{…}`."""
    if reader.float is None:
        return position
    option = group(text, position, "[", "]")
    if command == "subcaptionbox":
        option = group(text, position)
    content = group(text, option[1] if option else position)
    if content is None:
        return position
    caption = f"\\caption{{{option[0]}}}" if option else ""
    _put(reader, "part", caption + content[0])
    return content[1]


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
    body = re.sub(r"\\endfirsthead.*?\\endhead", "", body, flags=re.DOTALL)
    body = re.sub(r"\\end(?:first)?head.*?\\end(?:last)?foot", "", body, flags=re.DOTALL)
    caption = re.search(r"\\caption\*?", body)
    found = group(body, caption.end()) if caption else None
    head = ""
    if caption and found:
        head = body[caption.start() : found[1]] + "".join(re.findall(r"\\label\s*\{[^{}]*\}", body))
        body = body[: caption.start()] + body[found[1] :]
    body = re.sub(r"\\label\s*\{[^{}]*\}", "", body)
    _put(reader, "table", f"{head}\n\n\\begin{{tabular}}{{}}{body}\\end{{tabular}}")


def _with_statements(reader: Reader, body: str) -> str:
    """The body of an algorithm with its statements set as code; captions and labels stay LaTeX."""
    if not re.search(r"\\;|\\(?:Kw\w+|SetK\w+|ForEach|eIf)\b", body):
        return body
    head = ""
    for command in ("caption", "label"):
        found = re.search(rf"\\{command}\s*(?=\{{)", body)
        text = group(body, found.end()) if found else None
        if found and text:
            head += body[found.start() : text[1]]
            body = body[: found.start()] + body[text[1] :]
    lines = algorithms.algorithm2e(body, lambda text: _statement(reader, text))
    return f"{head}\\begin{{verbatim}}\n{lines}\n\\end{{verbatim}}"


def _algorithmic(reader: Reader, name: str, body: str, starred: bool) -> None:
    numbered = body[:1] == "["
    option = group(body, 0, "[", "]") if numbered else None
    for label in re.findall(r"\\label\s*\{([^{}]*)\}", body):
        reader.inline.labels.setdefault(label.strip(), reader.inline.here)
    body = re.sub(r"\\label\s*\{[^{}]*\}", "", body[option[1] :] if option else body)
    lines = algorithms.algorithm(body, lambda text: _statement(reader, text), numbered)
    reader.flush()
    reader.put(Block("algorithm", fenced(lines)))


def _statement(reader: Reader, text: str) -> str:
    """One line of an algorithm, which is shown as it is: without marks for bold and the like."""
    return re.sub(r"\*\*|`", "", reader.inline.paragraph(text))


FLOATS: dict[str, Environment] = {
    **dict.fromkeys(_KINDS, _float),
    **dict.fromkeys(("subfigure", "subtable"), _subfloat),
    **dict.fromkeys(("algorithmic", "algorithmicx"), _algorithmic),
    "minipage": _minipage,
    "longtable": _longtable,
}
CAPTIONS: dict[str, Command] = {
    **dict.fromkeys(("caption", "captionof"), _caption),
    **dict.fromkeys(("subfloat", "subfigure", "subcaptionbox", "subtable"), _part),
    "label": _label,
}
