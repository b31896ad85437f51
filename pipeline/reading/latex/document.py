"""LaTeX: the members of a source archive to a Paper. Pure: no files, no network.

files ─► macros ─► reader, with handlers from environments, captions and commands
                     └─► inline, numbers, tables, algorithms, bibliography
"""

import re
from collections.abc import Mapping

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import drawings
from pipeline.reading.latex.bibliography import Bibliography
from pipeline.reading.latex.captions import CAPTIONS, FLOATS
from pipeline.reading.latex.commands import COMMANDS, DECLARATIONS
from pipeline.reading.latex.environments import ENVIRONMENTS
from pipeline.reading.latex.files import document as joined
from pipeline.reading.latex.inline import Inline, resolve
from pipeline.reading.latex.macros import expand
from pipeline.reading.latex.numbers import Counters
from pipeline.reading.latex.reader import Reader
from pipeline.reading.paper import Paper

_CLASS = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}")


def read(files: Mapping[str, bytes], main: str | None = None) -> Paper:
    """The paper that the members of an archive (path → content) make; `main` is its main file where known.

    Raises PaperUnreadable if there is no LaTeX document among them or nothing in it.
    """
    document = joined(files, main)
    if document is None:
        raise PaperUnreadable(
            "There is no LaTeX document in this source.",
            "Give the file that holds \\documentclass, or the PDF of the paper.",
        )
    source = expand(document.text, document.macros)
    declared = _CLASS.search(source)
    counters = Counters(declared.group(1).strip() if declared else "article")
    inline = Inline(Bibliography(source).cite)
    reader = Reader(counters, inline, {**ENVIRONMENTS, **FLOATS}, {**COMMANDS, **CAPTIONS})
    preamble, body = _parts(source)
    _declarations(reader, preamble)
    reader.read(body)
    reader.flush()
    if not reader.abstract and not any(s.blocks for top in reader.sections() for _, s in top.walk()):
        raise PaperUnreadable(
            f"{document.main} is a LaTeX file without any text in it.",
            "Check that the file is complete; the PDF of the paper can be read as well.",
        )
    return Paper(
        title=resolve(reader.title, inline.labels),
        authors=reader.authors,
        abstract=resolve(reader.abstract, inline.labels),
        sections=reader.sections(),
        references=tuple(resolve(text, inline.labels) for text in reader.references),
        source="latex",
        notes=document.notes,
        figures=drawings.figures(reader),
    )


def _parts(source: str) -> tuple[str, str]:
    """Preamble and body of a document; all is body where nothing says otherwise."""
    begin = re.search(r"\\begin\s*\{document\}", source)
    start = begin.end() if begin else 0
    end = re.compile(r"\\end\s*\{document\}").search(source, start)
    return source[: begin.start()] if begin else "", source[start : end.start() if end else len(source)]


def _declarations(reader: Reader, preamble: str) -> None:
    for found in re.finditer(r"\\([A-Za-z@]+)(\*?)", preamble):
        command = DECLARATIONS.get(found.group(1))
        if command:
            command(reader, found.group(1), preamble, found.end(), bool(found.group(2)))
