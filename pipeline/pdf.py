"""PDF: pages of lines to a Paper, by how they are set. Pure: the file itself is opened in `pdf_pages.py`."""

import re
import unicodedata
from collections import Counter

from pipeline import outline
from pipeline.errors import PaperUnreadable
from pipeline.outline import Heading
from pipeline.paper import Block, Paper
from pipeline.pdf_pages import Line, Page, Pages


def read(pages: Pages) -> Paper:
    """The paper that a PDF's pages print.

    Raises PaperUnreadable if there is no text on them.
    """
    lines = [line for page in pages.pages for line in page.lines]
    if sum(len(s.text.strip()) for line in lines for s in line.spans) < 200:
        raise PaperUnreadable(
            "The PDF has no text: its pages are images.",
            "Give the LaTeX source or the arXiv id, or run OCR on it first.",
        )
    body_size = Counter(line.size for line in lines for _ in line.spans).most_common(1)[0][0]
    items: list[Heading | Block] = []
    references: list[str] = []
    abstract: list[str] = []
    place = "front"
    title = pages.title
    for page in pages.pages:
        for paragraph in _paragraphs(page):
            text = _joined(paragraph)
            name = outline.numbered(text)[1]
            if re.fullmatch(r"\W*abstract\W*", text, re.IGNORECASE):
                place = "abstract"
            elif _is_heading(paragraph, text, body_size):
                if outline.REFERENCES.fullmatch(name):
                    place = "references"
                elif place != "front" or name.lower().startswith("introduction"):
                    place = "body"
                    items.append(Heading(text))
            elif place == "references":
                references.append(text)
            elif place == "abstract":
                abstract.append(text)
            elif place == "body" and not re.fullmatch(r"\d+", text):
                found = outline.caption(text)
                items.append(Block(found[1], text, found[0]) if found else Block("paragraph", text))
    return Paper(
        title=title or "Untitled",
        authors=(),
        abstract="\n\n".join(abstract),
        sections=outline.sections(items),
        references=tuple(references),
        source="pdf",
    )


def _paragraphs(page: Page) -> list[list[Line]]:
    blocks: dict[int, list[Line]] = {}
    for line in page.lines:
        blocks.setdefault(line.block, []).append(line)
    return list(blocks.values())


def _joined(lines: list[Line]) -> str:
    text = ""
    for line in lines:
        piece = unicodedata.normalize("NFKC", "".join(span.text for span in line.spans)).strip()
        text = text[:-1] + piece if text.endswith("-") and piece[:1].islower() else f"{text} {piece}"
    return " ".join(text.split())


def _is_heading(lines: list[Line], text: str, body_size: float) -> bool:
    number, title = outline.numbered(text)
    distinct = (
        all(span.bold for line in lines for span in line.spans if span.text.strip())
        or lines[0].size > body_size
    )
    return (
        len(text) < 120
        and distinct
        and bool((number and title[:1].isupper()) or outline.UNNUMBERED.fullmatch(title))
    )
