"""Markdown: a paper that somebody else's tool has already read, to a Paper. Pure."""

import re

from pipeline.errors import PaperUnreadable
from pipeline.reading import outline
from pipeline.reading.latex.tables import pipe_table
from pipeline.reading.outline import Heading
from pipeline.reading.paper import Block, Paper

MAX_SPAN = 100
"""Rows or columns that a cell of HTML takes at most."""
_HEADING = re.compile(r"(?P<marks>#{1,6})\s++(?P<text>.*)")
_PRINTED_ANCHOR = re.compile(r"^\[(?:S|App)?[\w.-]+\]\s+(?=\S)")
_CELL = re.compile(
    r"<t[dh]\b([^<>]*+)>(.*?)(?=<t[dh]\b|</t[dh]>|</tr>|<tr\b|</table>|\Z)", re.DOTALL | re.IGNORECASE
)


def read(text: str) -> Paper:
    """The paper that a Markdown text is.

    Raises PaperUnreadable if there is nothing in it.
    """
    pieces = _pieces(text.replace("\r\n", "\n"))
    if not pieces:
        raise PaperUnreadable("The file is empty.", "Give a Markdown file with the text of a paper.")
    title, abstract, authors = "", [], ""
    items: list[Heading | Block] = []
    references: list[str] = []
    place = "front"
    for piece in pieces:
        heading = _HEADING.fullmatch(piece)
        name = _PRINTED_ANCHOR.sub("", heading["text"].rstrip().rstrip("#").rstrip()) if heading else piece
        if heading and not title:
            title = name
        elif re.fullmatch(r"\W*abstract\W*", name, re.IGNORECASE):
            place = "abstract"
        elif heading and outline.REFERENCES.fullmatch(outline.numbered(name)[1]):
            place = "references"
        elif heading:
            place = "body"
            items.append(Heading(name, max(1, len(heading["marks"]) - 1)))
        elif place == "references":
            references += [line.strip() for line in piece.split("\n") if line.strip()]
        elif place == "abstract":
            abstract.append(piece)
        elif place == "front" and title and not authors and not items:
            authors = piece
        else:
            items.append(_block(piece))
    if not items and not abstract:
        items = [_block(authors)] if authors else []
    return Paper(
        title=title or "Untitled",
        authors=(" ".join(authors.split()),) if authors else (),
        abstract="\n\n".join(abstract),
        sections=outline.sections(items),
        references=tuple(references),
        source="markdown",
    )


def _pieces(text: str) -> list[str]:
    """Paragraphs, headings, fenced code and display mathematics, each as one."""
    pieces: list[str] = []
    lines: list[str] = []
    closing = ""

    def flush() -> None:
        piece = "\n".join(lines).strip()
        if piece and not re.fullmatch(r"!\[[^\]]*\]\([^)]*\)", piece):
            pieces.append(piece)
        lines.clear()

    for line in text.split("\n"):
        bare = line.strip()
        if closing:
            lines.append(line)
            if bare == closing or (closing == "$$" and bare.endswith("$$")):
                closing = ""
                flush()
        elif bare.startswith(("```", "~~~")):
            flush()
            lines.append(line)
            closing = bare[:3]
        elif bare.startswith("$$") and not bare.endswith("$$", 2):
            flush()
            lines.append(line)
            closing = "$$"
        elif not bare or re.fullmatch(r"!\[[^\]]*\]\([^)]*\)", bare):
            flush()
        elif _HEADING.fullmatch(bare) and re.match(r"#+\s+\S", bare):
            flush()
            lines.append(bare)
            flush()
        else:
            if lines and outline.caption(bare):
                flush()
            lines.append(line.rstrip())
    flush()
    return pieces


def _block(piece: str) -> Block:
    if piece.startswith("$$"):
        tag = re.search(r"\\tag\s*\{([^{}]*+)\}", piece)
        return Block("equation", piece, f"Eq{tag.group(1).strip().replace(' ', '')}" if tag else None)
    if piece.startswith(("```", "~~~")):
        return Block("code", piece)
    found = outline.caption(piece)
    if found:
        return Block(found[1], piece, found[0])
    if "<table" in piece:
        return Block("table", _html_table(piece))
    if re.match(r"(?:[-*+]|\d+[.)])\s", piece):
        return Block("list", piece)
    return Block("table" if piece.startswith("|") else "paragraph", piece)


def _html_table(piece: str) -> str:
    """The table as Markdown; what takes several columns or rows stands in the first of them."""
    rows: list[list[str]] = []
    below: dict[int, int] = {}  # in so many more rows this column is taken
    for row in re.split(r"<tr\b[^<>]*+>", piece, flags=re.IGNORECASE)[1:]:
        line: list[str] = []
        taken, below = below, {place: left - 1 for place, left in below.items() if left > 1}
        for cell in _CELL.finditer(row):
            while len(line) in taken:
                line.append("")
            text = " ".join(re.sub(r"<[^<>]*+>", " ", cell[2]).split()).replace("|", "\\|")
            columns, height = (
                min(int(found[1]), MAX_SPAN)
                if (found := re.search(rf"\b{way}span\W+(\d{{1,4}})", cell[1]))
                else 1
                for way in ("col", "row")
            )
            if height > 1:
                below |= dict.fromkeys(range(len(line), len(line) + columns), height - 1)
            line += [text, *[""] * (columns - 1)]
        if line:
            rows.append(line)
    return pipe_table(rows)
