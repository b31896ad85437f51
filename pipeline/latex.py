"""LaTeX: the members of a source archive to a Paper. Pure: no files, no network.

tex_files ─► macros ─► tex_reader, with handlers from tex_environments, tex_captions and tex_commands
                          └─► tex_inline, tex_numbers, tex_tables, tex_algorithms, tex_bibliography
"""

import re
from collections.abc import Mapping

from pipeline import tex_files
from pipeline.errors import PaperUnreadable
from pipeline.macros import expand
from pipeline.paper import Paper
from pipeline.tex_bibliography import Bibliography
from pipeline.tex_captions import CAPTIONS, FLOATS
from pipeline.tex_commands import COMMANDS, DECLARATIONS
from pipeline.tex_environments import ENVIRONMENTS
from pipeline.tex_inline import Inline, resolve
from pipeline.tex_numbers import Counters
from pipeline.tex_reader import Reader

_CLASS = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}")


def read(files: Mapping[str, bytes], main: str | None = None) -> Paper:
    """The paper that the members of an archive (path → content) make; `main` is its main file where known.

    Raises PaperUnreadable if there is no LaTeX document among them or nothing in it.
    """
    document = tex_files.document(files, main)
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
