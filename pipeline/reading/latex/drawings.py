"""Drawings: the files that figures show, and the words of those that LaTeX itself draws."""

import re

from pipeline.reading.latex.reader import Drawn, Reader
from pipeline.reading.paper import Anchor, Drawing, Figure

_OPTIONS = r"\s*+\*?\s*+(?:\[[^\[\]]{0,500}+\]\s*+){0,2}+"
_FILES = re.compile(
    rf"\\(?:includegraphics|includesvg|plotone|epsfbox|fig|begin\s*\{{overpic\}}){_OPTIONS}\{{(?P<name>[^{{}}\n]{{1,300}})\}}"
    r"|\\plottwo\s*\{(?P<first>[^{}\n]{1,300})\}\s*\{(?P<second>[^{}\n]{1,300})\}"
    r"|\\(?:epsfig|psfig)\s*\{[^{}]{0,300}?(?:file|figure)\s*=\s*(?P<file>[^,{}\s]{1,300})"
)
_OWN = re.compile(r"\\begin\s*\{(?:tikzpicture|picture|pgfpicture|axis|forest)\}|\\(?:tikz|put)\b")
_TEXT = r"\{((?:[^{}]|\{[^{}]{0,300}\}){1,300})\}"
_WORDS = re.compile(
    rf"\bnode\b[^{{}};]{{0,300}}{_TEXT}|\\addlegendentry\s*+(?:\[[^\[\]]{{0,300}}+\]\s*+)?{_TEXT}"
    rf"|\b(?:[xyz]label|title)\s*=\s*{_TEXT}|\\put\s*\([^()]{{0,40}}\)\s*{_TEXT}"
)


def collect(reader: Reader, body: str, anchors: list[Anchor]) -> None:
    """Note what is drawn in the body of a figure; what a figure inside of it has is not its own.

    Where one environment has several captions, the last stands under what no other has.
    """
    if not anchors:
        return
    files = [
        name.strip()
        for found in _FILES.finditer(body)
        for name in found.group("name", "first", "second", "file")
        if name
    ]
    own = _OWN.search(body)
    words = [next(filter(None, found.groups())) for found in _WORDS.finditer(body)] if own else []
    nested = body.count("\\caption") > len(anchors)
    inner = {name for drawn in reader.drawn.values() for name in drawn.files} if nested else ()
    files = list(dict.fromkeys(name for name in files if name not in inner))
    if files or own:
        texts = tuple(reader.inline.paragraph(text) for text in words)
        reader.drawn[anchors[-1]] = Drawn(tuple(files), texts)


def figures(reader: Reader) -> tuple[Figure, ...]:
    """All figures with a number, in reading order."""
    blocks = [block for top in reader.sections() for _, section in top.walk() for block in section.blocks]
    return tuple(
        Figure(
            block.anchor,
            block.text.partition("\n\n")[0],
            tuple(map(Drawing, drawn.files)),
            "; ".join(drawn.words),
        )
        for block in blocks
        if block.anchor and (drawn := reader.drawn.get(block.anchor))
    )
