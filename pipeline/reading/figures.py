"""Figures: from the files and places where a paper draws them to words in its text, and to pictures when a model is
to see them. The files are opened in a child process; see `pdf/confined.py`.
"""

import base64
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.reading.archives import FORMS
from pipeline.reading.paper import Anchor, Block, Drawing, Figure, Paper, Section
from pipeline.reading.pdf import drawings
from pipeline.reading.pdf.confined import answers
from pipeline.reading.pdf.glyphs import mended
from pipeline.reading.pdf.pages import pages_of

SIDE = 768
"""Pixels of a picture's longer side. At 3:2 this is 384 to 525 tokens at OpenAI and Anthropic (patches of 32 pixels;
tiles of 512; width times height / 750), and the axes of two plots side by side can still be read.
Source: both providers' guides to images, November 2026."""
MOST = 12
"""Pictures for one paper: some 6,000 tokens, a third of a paper's text at most."""
MOST_BYTES = 3_000_000
PICTURE_BYTES = 250_000
"""A picture that takes more as a PNG is a photograph, and becomes a JPEG."""
SECONDS = 30
_MAX_WORDS = 1_500
_MAX_FILES = 60
_DIAGRAM = re.compile(
    r"architectur|overview|framework|pipeline|diagram|schematic|illustrat|structure|workflow|flow ?chart|block"
    r"|our (?:model|method|approach)|the (?:proposed|model|method|network)|module|encoder|decoder"
    r"|set-?up",
    re.IGNORECASE,
)
_CURVES = re.compile(
    r"curve|loss\b|accurac|versus|\bvs\b|ablation|result|comparison|compare|histogram|distribution|heat ?map"
    r"|example|sample|qualitative|visuali[sz]ation|performance|error|over time|as a function",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Picture:
    """A figure as a model can be shown it."""

    anchor: Anchor
    label: str
    """`[Fig1] Figure 1: Validation loss over steps.`"""
    media_type: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class Shown:
    """A paper's pictures in reading order, and which figures are not among them."""

    pictures: tuple[Picture, ...]
    left_out: tuple[tuple[Anchor, str], ...] = ()
    """Each with the reason, as the end of a sentence."""


# Words ------------------------------------------------------------------------------------------------------


def inside(pieces: Iterable[str]) -> str:
    """What is written in a figure as one text: each piece once, words before the numbers of axes."""
    bare = (" ".join(mended(piece).split()) for piece in pieces)
    distinct = dict.fromkeys(piece for piece in bare if re.search(r"\w", piece))
    text = "; ".join(sorted(distinct, key=lambda piece: not re.search(r"[^\W\d_]", piece)))
    return text if len(text) <= _MAX_WORDS else text[:_MAX_WORDS].rpartition("; ")[0] + "; …"


def with_words(block: Block, written: str) -> Block:
    """The block of a figure, with what is written in it."""
    return replace(block, text=f"{block.text}\n\nWritten in the figure: {written}") if written else block


def completed(paper: Paper, pictures: Mapping[str, bytes]) -> Paper:
    """A paper from LaTeX with the files of its figures (path → content), and with the words in them."""

    def filled(drawing: Drawing) -> Drawing:
        path = located(drawing.name, pictures)
        return replace(drawing, name=path, data=pictures[path]) if path else drawing

    found = [replace(figure, drawings=tuple(map(filled, figure.drawings))) for figure in paper.figures]
    files = [drawing.data for figure in found for drawing in figure.drawings]
    pdfs = list(dict.fromkeys(data for data in files if b"%PDF-" in data[:1024]))[:_MAX_FILES]
    tasks = [("pages", {"file": number, "max_pages": 1}) for number in range(len(pdfs))]
    read = dict(zip(pdfs, answers(pdfs, tasks, seconds=SECONDS), strict=True)) if pdfs else {}
    words = {data: _written(answer) for data, answer in read.items()}
    figures = tuple(
        replace(
            figure,
            text=inside([figure.text, *(w for d in figure.drawings for w in words.get(d.data, ()))]),
        )
        for figure in found
    )
    written = {figure.anchor: figure.text for figure in figures}
    return replace(
        paper, sections=tuple(_told(section, written) for section in paper.sections), figures=figures
    )


def located(name: str, paths: Collection[str]) -> str | None:
    """Which of `paths` a source means by `name`, which may lack its ending and the folders of `\\graphicspath`."""
    wanted = re.sub(r"^(?:\.\./)+", "", posixpath.normpath(name.strip().strip('"')))
    ending = posixpath.splitext(wanted)[1].lower()
    stem = wanted[: -len(ending)] if ending in FORMS else wanted
    fits = [
        path
        for path in paths
        if (bare := posixpath.splitext(path)[0]) == stem
        or bare.endswith(f"/{stem}")
        or bare == f"{stem}-eps-converted-to"
    ]

    def unlikeliness(path: str) -> tuple[bool, int, int, str]:
        form = posixpath.splitext(path)[1].lower()
        # A file that can be drawn is better than the one that is named and cannot.
        named = path.endswith(wanted) and form not in (".eps", ".ps")
        return not named, FORMS.index(form) if form in FORMS else len(FORMS), len(path), path

    return min(fits, key=unlikeliness, default=None)


def _written(answer: Mapping[str, object]) -> list[str]:
    if "error" in answer:
        return []
    (page,) = pages_of(answer).pages[:1]
    return drawings.all_words(page) if page.lines else []


def _told(section: Section, written: Mapping[Anchor, str]) -> Section:
    return replace(
        section,
        blocks=tuple(with_words(block, written.get(block.anchor or "", "")) for block in section.blocks),
        sections=tuple(_told(below, written) for below in section.sections),
    )


# Pictures ---------------------------------------------------------------------------------------------------


def shown(paper: Paper, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> Shown:
    """The pictures of a paper's figures, the most informative ones where there are too many.

    Diagrams of the method come before curves, what the text refers to often before what it mentions once.
    """
    left_out: dict[Anchor, str] = {}
    drawable: list[Figure] = []
    for figure in paper.figures:
        if why := _undrawable(figure):
            left_out[figure.anchor] = why
        else:
            drawable.append(figure)
    ranked = _most_informative_first(paper, drawable)
    left_out |= {figure.anchor: f"only {most} are shown" for figure in ranked[most:]}
    pictures: dict[Anchor, Picture] = {}
    size = 0
    for figure, picture in zip(ranked[:most], _drawn(ranked[:most]), strict=True):
        if isinstance(picture, str):
            left_out[figure.anchor] = picture
        elif size + len(picture.data) > most_bytes:
            left_out[figure.anchor] = f"all that are shown may take {most_bytes / 1_000_000:g} MB"
        else:
            pictures[figure.anchor] = picture
            size += len(picture.data)
    anchors = [figure.anchor for figure in paper.figures]
    return Shown(
        tuple(pictures[anchor] for anchor in anchors if anchor in pictures),
        tuple((anchor, left_out[anchor]) for anchor in anchors if anchor in left_out),
    )


def told(paper: Paper) -> list[dict[str, object]]:
    """Each figure in plain values: what is written in it, and how large its picture is or why it has none."""
    made = shown(paper)
    pictures = {picture.anchor: picture for picture in made.pictures}
    why = dict(made.left_out)
    return [
        {
            "anchor": figure.anchor,
            "caption": figure.caption,
            "text": figure.text,
            "files": [drawing.name for drawing in figure.drawings],
            "picture": {
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "bytes": len(picture.data),
            }
            if (picture := pictures.get(figure.anchor))
            else None,
            "left_out": why.get(figure.anchor, ""),
        }
        for figure in paper.figures
    ]


def _undrawable(figure: Figure) -> str:
    if not figure.drawings:
        return "the source draws it by LaTeX commands"
    for drawing in figure.drawings:
        if not drawing.data:
            return f"the source does not hold {drawing.name}"
        if drawing.data.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
            return f"{drawing.name} is PostScript, which is not drawn here"
    return ""


def _most_informative_first(paper: Paper, figures: list[Figure]) -> list[Figure]:
    text = paper.text()
    appendix = text.find("\n## [App")

    def value(figure: Figure) -> float:
        number = re.escape(figure.anchor.removeprefix("Fig"))
        mentions = len(re.findall(rf"\bfig(?:ure|s|\.)?s?\.?[ ~]{number}(?![\w.]*\d)", text, re.IGNORECASE))
        place = text.find(f"[{figure.anchor}]")
        return (
            3 * bool(_DIAGRAM.search(figure.caption))
            - 2 * bool(_CURVES.search(figure.caption))
            + 0.5 * min(mentions, 6)
            - 2 * (0 <= appendix < place)
        )

    return sorted(figures, key=lambda figure: -value(figure))


def _drawn(figures: list[Figure]) -> list[Picture | str]:
    """A picture of each figure, or why there is none."""
    files = list(dict.fromkeys(drawing.data for figure in figures for drawing in figure.drawings))
    number = {data: place for place, data in enumerate(files)}
    tasks = []
    for figure in figures:
        parts = [(number[d.data], d.page, d.box) for d in figure.drawings]
        tasks.append(("picture", {"parts": parts, "side": SIDE, "limit": PICTURE_BYTES}))
    made: list[Picture | str] = []
    for figure, answer in zip(figures, answers(files, tasks, seconds=SECONDS), strict=True):
        if "error" in answer:
            made.append(_WHY.get(answer["error"]) or f"it cannot be drawn ({answer['message']})")
            continue
        label = f"[{figure.anchor}] {figure.caption}"
        data = base64.b64decode(answer["data"])
        made.append(
            Picture(figure.anchor, label, answer["media_type"], answer["width"], answer["height"], data)
        )
    return made


_WHY = {
    "slow": f"all of them together take longer than {SECONDS} s to draw",
    "crashed": "its file makes the program fail that should draw it",
}
