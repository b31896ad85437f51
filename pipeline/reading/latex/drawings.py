"""Drawings: the files that figures show, and the words of those that LaTeX itself draws."""

import re
from collections.abc import Iterable

from pipeline.reading.latex.groups import group, options, settings
from pipeline.reading.latex.reader import Drawn, Reader
from pipeline.reading.paper import Anchor, Drawing, Figure, Section

_OPTIONS = r"\s*+\*?\s*+(?:\[[^\[\]]{0,500}+\]\s*+){0,2}+"
_FILES = re.compile(
    rf"\\(?:includegraphics|includesvg|plotone|epsfbox|fig|begin\s*\{{overpic\}}){_OPTIONS}\{{(?P<name>[^{{}}\n]{{1,300}})\}}"
    r"|\\plottwo\s*\{(?P<first>[^{}\n]{1,300})\}\s*\{(?P<second>[^{}\n]{1,300})\}"
    r"|\\(?:epsfig|psfig)\s*\{[^{}]{0,300}?(?:file|figure)\s*=\s*(?P<file>[^,{}\s]{1,300})"
)
_MAX_OPTIONS = 5
"""Groups of options that a node has."""
_OWN = re.compile(r"\\begin\s*\{(?:tikzpicture|picture|pgfpicture|axis|forest)\}|\\(?:tikz|put)\b")
_TEXT = r"\{((?:[^{}]|\{[^{}]{0,300}\}){1,300})\}"
_NODE = re.compile(r"(?<![\w/])node(?=\s*[\[({]|\s+at\b)")
_PLACED = re.compile(r"(?:\s|at\b|\([^()]{0,300}\))+")
"""What may stand between the options of a node and its text."""
_LABEL = re.compile(r"\s*(?:\[[^\[\]]{0,300}\]\s*)?(?:[a-z ]{1,30}:|-?\d{1,3}:)?")
"""What stands before the text of a node's label."""
_WORDS = re.compile(
    rf"\\addlegendentry\s*+(?:\[[^\[\]]{{0,300}}+\]\s*+)?{_TEXT}"
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
    words = _words(body) if own else []
    nested = body.count("\\caption") > len(anchors)
    inner = {name for drawn in reader.drawn.values() for name in drawn.files} if nested else ()
    files = list(dict.fromkeys(name for name in files if name not in inner))
    if files or own:
        texts = tuple(reader.inline.paragraph(text) for text in words)
        reader.drawn[anchors[-1]] = Drawn(tuple(files), texts)


def _words(body: str) -> list[str]:
    """The texts of nodes, their labels, legends and axes, as LaTeX and in order."""
    found = [(word.start(), next(filter(None, word.groups()))) for word in _WORDS.finditer(body)]
    for node in _NODE.finditer(body):
        found += ((node.start(), text) for text in _texts_of_node(body, node.end()))
    return [text for _, text in sorted(found, key=lambda word: word[0])]


def _texts_of_node(body: str, position: int) -> list[str]:
    """What a node shows; its options, name and place are not shown."""
    texts: list[str] = []
    for _ in range(_MAX_OPTIONS):
        given, position = options(body, position)
        labels = (settings(option).get("label", "") for option in given)
        texts += (_LABEL.sub("", label, count=1) for label in labels)
        placed = _PLACED.match(body, position)
        if not given and not placed:
            break
        position = placed.end() if placed else position
    text = group(body, position)
    return [*filter(str.strip, (text[0] if text else "", *texts))]


def figures(reader: Reader, sections: Iterable[Section]) -> tuple[Figure, ...]:
    """All figures with a number in the sections that were read, in reading order."""
    blocks = [block for top in sections for _, section in top.walk() for block in section.blocks]
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
