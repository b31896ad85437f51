"""LaTeX: the members of a source archive to a Paper. Pure: no files, no network.

files (encodings, verbatim) ─► expansion (macros, conditions) ─► reader, with handlers from commands, frontmatter,
environments, equations, lists, captions ─► inline, with handlers from phrases, siunitx, glossaries, crossreferences
"""

import re
from collections.abc import Mapping

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import drawings
from pipeline.reading.latex.bibliography import Bibliography
from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.captions import CAPTIONS, FLOATS
from pipeline.reading.latex.commands import COMMANDS, DECLARATIONS, NUMBERING
from pipeline.reading.latex.crossreferences import names_of, resolve
from pipeline.reading.latex.environments import ENVIRONMENTS
from pipeline.reading.latex.expansion import expand
from pipeline.reading.latex.files import Document
from pipeline.reading.latex.files import document as joined
from pipeline.reading.latex.glossaries import glossary
from pipeline.reading.latex.groups import end_of, group
from pipeline.reading.latex.inline import Inline
from pipeline.reading.latex.keywords import keywords
from pipeline.reading.latex.numbers import Counters
from pipeline.reading.latex.packages import commands
from pipeline.reading.latex.phrases import PHRASES
from pipeline.reading.latex.reader import Reader, Theorem
from pipeline.reading.latex.siunitx import quantities
from pipeline.reading.latex.verbatim import VERBATIM
from pipeline.reading.paper import Paper

_CLASS = re.compile(r"\\document(?:class|style)\s*+(?:\[([^\]]{0,2000}+)\]\s*+)?\{([^{}]*)\}")
_TOKEN = re.compile(r"\\(?P<name>[A-Za-z@]+)\*?|\\.|[{}]", re.DOTALL)
_MARK = re.compile(VERBATIM.pattern + r"|\\(?P<mark>begin|end)\s*\{document\}", re.DOTALL)
_LATER = re.compile(
    r"\\(?P<when>At(?:Begin|End)|Before(?:Begin|End)|AfterEnd)Environment\s*+\{(?P<environment>[^{}]++)\}\s*+(?=\{)"
    r"|\\AddToHook\s*+\{(?P<hook>[^{}]++)\}\s*+(?:\[[^\[\]]*+\]\s*+)?(?=\{)"
    r"|\\(?P<document>AtBeginDocument|AtEndPreamble|AfterEndPreamble)\s*+(?=\{)"
    r"|\\(?:(?:re)?newcommand\*?|def|gdef|g@addto@macro|appto|apptocmd|pretocmd)"
    r"(?:\s*+\{)?\s*+\\appendix(?![A-Za-z])(?:\s*+\})?\s*+(?:\[1\]|#1)?\s*+(?=\{)"
)
"""What is not declared where it is written: code for the document's begin, an environment or the appendix."""
_WHEN = {"AtBegin": "begin", "AtEnd": "end", "BeforeBegin": "before", "AfterEnd": "after", "BeforeEnd": "end"}
_NUMBERS = re.compile(
    r"\\(?:counterwith(?:in|out)|numberwithin|(?:set|addto)counter|@addtoreset|the[a-z]+)(?![a-z])"
)
_HOOKS = {"begindocument": "begin document", "begindocument/end": "begin document", "cmd/appendix/before": "appendix",
          "cmd/appendix/after": "appendix"}  # fmt: skip
_ENSURED = re.compile(r"\\ensuremath(?![A-Za-z])\s?")
_MAX_NAMED = 12
"""Of dropped commands, or of labels, that a note names."""


def read(files: Mapping[str, bytes], main: str | None = None) -> Paper:
    """The paper that the members of an archive (path → content) make; `main` is its main file where known.

    Raises PaperUnreadable if there is no LaTeX document among them or nothing in it.
    """
    document, reader = _read(files, main)

    def known(text: str) -> str:
        return resolve(text, reader.inline.labels, reader.names, reader.inline.budget)

    sections = reader.sections()
    if not reader.abstract and not any(s.blocks for top in sections for _, s in top.walk()):
        missing = "; ".join(note.removeprefix("Not read: ").rstrip(".") for note in document.notes)
        raise PaperUnreadable(
            f"{document.main} is a LaTeX file without any text in it{f' (not read: {missing})' if missing else ''}.",
            "Check that the file is complete; the PDF of the paper can be read as well.",
        )
    return Paper(
        title=known(reader.title),
        authors=reader.authors,
        abstract=known(reader.abstract),
        sections=sections,
        references=tuple(map(known, reader.references)),
        source="latex",
        notes=(*dict.fromkeys(document.notes), *_unresolved(reader), *_dropped(reader)),
        figures=drawings.figures(reader, sections),
    )


def numbers(files: Mapping[str, bytes], main: str | None = None) -> dict[str, str]:
    """What `\\ref` prints for each label, as LaTeX writes it into its `.aux` file."""
    return {label: target.number for label, target in _read(files, main)[1].inline.labels.items()}


def _read(files: Mapping[str, bytes], main: str | None) -> tuple[Document, Reader]:
    document = joined(files, main)
    if document is None:
        raise PaperUnreadable(
            "There is no LaTeX document in this source.",
            "Give the file that holds \\documentclass, or the PDF of the paper.",
        )
    source = expand(document.text, document.macros, document.include)
    declared = _CLASS.search(source)
    chosen = (declared[1] or "") if declared else ""
    # World Scientific's package of theorems has the option that other publishers' classes have.
    if re.search(r"\\usepackage\s*\[[^\]]{0,200}\bonethmnum\b", source):
        chosen += ",onethmnum"
    budget = Budget(len(source))
    counters = Counters(declared[2].strip() if declared else "article", chosen, budget=budget)
    measures, terms = quantities(source, budget), glossary(source)
    # The AAS's own `\\replaced{old}{new}`; that of the package `changes` is the other way round.
    ours = counters.document_class.startswith("aastex")
    own = {"replaced": PHRASES["foreignlanguage"]} if ours else {}
    inline = Inline(
        Bibliography(source, budget).cite,
        {**PHRASES, **own, **commands(measures, terms)},
        lambda formula: measures.mathematics(_ENSURED.sub("", formula)),
        budget=budget,
    )
    reader = Reader(counters, inline, {**ENVIRONMENTS, **FLOATS}, {**COMMANDS, **CAPTIONS})
    reader.names = names_of(document.text)
    reader.keywords = keywords(document.text)
    reader.enumitem = "enumitem" in document.text
    reader.parts_in_brackets = (
        re.search(r"\\usepackage[^{}]{0,2000}+\{[^{}]{0,2000}?\bsubfigure\b", document.text) is not None
    )
    if re.search(r"showonlyrefs(?!\s*=\s*false)|\{autonum\}", document.text):
        referred = re.findall(r"\\(?:eqref|ref|cref|Cref|refeq|autoref)\*?\s*\{([^{}]*)\}", source)
        reader.only_numbered = frozenset(label.strip() for labels in referred for label in labels.split(","))
    style = counters.style
    reader.theorems |= {name: Theorem(*known) for name, known in style.theorems.items()}
    for counter in {counter for _, counter in style.theorems.values() if counter}:
        if parent := style.theorems_within or style.theorems_reset:
            counters.within[counter] = parent
        if style.theorems_reset:
            counters.formats[counter] = f"\\arabic{{{counter}}}"
    preamble, body = _parts(source)
    styles, of_class = _at_once(document.styles)
    preamble, expanded = _at_once(preamble)
    # What redefines a command of LaTeX is gone once that is expanded.
    of_paper = _at_once(_parts(document.text)[0])[1] | expanded
    reader.hooks = {hook: of_class.get(hook, "") + of_paper.get(hook, "") for hook in (*of_class, *of_paper)}
    _declarations(reader, styles, only=NUMBERING)
    _declarations(reader, preamble)
    _declarations(reader, reader.hooks.get("begin document", ""))
    reader.read(body)
    reader.flush()
    return document, reader


def _unresolved(reader: Reader) -> list[str]:
    """A note on references to what is not in the document."""
    labels = reader.unresolved()
    if not labels:
        return []
    named = [label or "an empty label" for label in labels]
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    return [
        f"References to labels that are not there, {labels.total()} in all, shown as ??: "
        f"{', '.join(named[:_MAX_NAMED])}{more}."
    ]


def _dropped(reader: Reader) -> list[str]:
    """A note on the commands that had no meaning here."""
    dropped = [f"\\{name}" for name, _ in reader.inline.dropped.most_common() if len(name) > 1]
    if not dropped:
        return []
    more = f" and {len(dropped) - _MAX_NAMED} more" if len(dropped) > _MAX_NAMED else ""
    return [
        f"Commands that mean nothing here; only their arguments are kept: {', '.join(dropped[:_MAX_NAMED])}{more}."
    ]


def _parts(source: str) -> tuple[str, str]:
    """Preamble and body of a document; all is body where nothing says otherwise."""
    begin, start = 0, 0
    for found in _MARK.finditer(source):
        if found["mark"] == "begin" and not start:
            begin, start = found.start(), found.end()
        elif found["mark"] == "end":
            return source[:begin], source[start : found.start()]
    return source[:begin], source[start:]


def _at_once(text: str) -> tuple[str, dict[str, str]]:
    """What a text declares where it stands, and what it leaves to hooks of the document, environments, the appendix."""
    kept, hooks, position = [], dict[str, str](), 0
    while found := _LATER.search(text, position):
        kept.append(text[position : found.start()])
        position = found.end()
        if body := group(text, position):
            position = body[1]
            hook = _hook(found)
            if hook == "appendix" or _NUMBERS.search(body[0]):
                hooks[hook] = f"{hooks.get(hook, '')}{body[0]}\n"
    return "".join((*kept, text[position:])), hooks


def _hook(found: re.Match[str]) -> str:
    """What `Reader.hooks` calls it."""
    if found["environment"]:
        return f"{_WHEN[found['when']]} {found['environment'].strip()}"
    if found["hook"]:
        kind, _, rest = found["hook"].strip().partition("/")
        name, _, when = rest.rpartition("/")
        return f"{when} {name}" if kind == "env" else _HOOKS.get(found["hook"].strip(), "")
    return "begin document" if found["document"] else "appendix"


def _declarations(reader: Reader, preamble: str, only: frozenset[str] | None = None) -> None:
    """What a preamble declares; of a style file `only` some, and nothing that stands in one of its definitions."""
    depth = 0
    for found in _TOKEN.finditer(preamble):
        depth += (found.group() == "{") - (found.group() == "}")
        name = found["name"]
        if name is None or (only is not None and (depth > 0 or name not in only)):
            continue
        if command := DECLARATIONS.get(name):
            command(reader, name, preamble, found.end(), found.group().endswith("*"))
        elif name == "begin" and preamble.startswith("{abstract}", found.end()):
            start = found.end() + len("{abstract}")
            ENVIRONMENTS["abstract"](
                reader, "abstract", preamble[start : end_of("abstract", preamble, start)[0]], False
            )
