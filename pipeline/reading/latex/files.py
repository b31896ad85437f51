"""TeX files: from the members of a source archive to one document without comments. Pure.

Which file is the main one, what it includes, in which encoding it is written, what is a comment.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.reading.latex.biblatex import is_biblatex, thebibliography
from pipeline.reading.latex.classes import is_known
from pipeline.reading.latex.encodings import declared, decode, decoded
from pipeline.reading.latex.expansion import definitions
from pipeline.reading.latex.groups import group
from pipeline.reading.latex.macros import Environment, Macro
from pipeline.reading.latex.verbatim import Verbatim
from pipeline.untrusted import of_json

MAX_DOCUMENT = 10_000_000
"""Characters of a document with everything that it includes."""
ANY, TIMES = 1_000_000, 3
"""Bytes that any document may include, and how many more for each that its source has: files come once or twice."""
MAX_DEPTH = 15
MAX_FOLDERS = 20
"""Of `\\input@path`."""

_BOOKMARKS = re.compile(r"\\pdfstringdefDisableCommands\s*(?=\{)")
_TEX_NAME = re.compile(r"\.(tex|ltx|latex|tex\.txt|txt)$", re.IGNORECASE)
_DOCUMENT_CLASS = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.MULTILINE)
_STYLES = re.compile(rb"\\(?:documentclass|usepackage)\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{([^{}]*)\}")
_PARENT = re.compile(r"\\documentclass\s*\[([^\]]{1,2000}+)\]\s*\{subfiles\}")
_OTHER_DOCUMENT = re.compile(
    r"\\documentclass\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{(?:standalone|beamer|letter|newlfm|exam|minimal|scrlttr2|tikzposter|a0poster)\}"
)
_JUNK = re.compile(r"(^|/)(\._|__MACOSX/|\.)")
_UNLIKELY = re.compile(
    r"(^|[/_.-])(old|backup|bak|copy|draft|template|sample|example|rebuttal|response|cover|supp\w*|appendix|poster)"
    r"(?=[/_.\d-])",
    re.IGNORECASE,
)
_OF_THE_CLASS = re.compile(
    r"(^|/)(aassymbols|aas(tex|samp)\w*|mnras_(guide|template|sample)|els(article|doc|test)[\w-]*|cas-\w*template\w*"
    r"|bare_\w+|IEEEtran_?\w*|new_IEEEtran\w*|aps(samp|template|guide)\w*|aipsamp\w*|sample-?\w*|acmart\w*|acmguide\w*"
    r"|sn-(article|sample)\w*|llncs\w*|samplepaper|svglov\w*|frontiers|template\w*|copernicus\w*|authorsample\w*"
    r"|bioinfo_sample|wlscirep\w*|quantum-(template|example)|README)\.[^/]*$",
    re.IGNORECASE,
)
_LIKELY = re.compile(r"(^|/)(ms|main|paper|article|manuscript|arxiv\w*|root|output)\.[^/]*$", re.IGNORECASE)
_ABSTRACT = re.compile(
    r"\\(?:begin\s*\{abstract\}|abstract\s*[\[{]|maketitle|input|include|subfile)(?![A-Za-z])"
)
_VERSION = re.compile(r"[vV_-](\d{1,3})(?=\.[^/]*$)")
_USED = re.compile(
    r"\\(?:usepackage|RequirePackage|documentclass)\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{([^{}]*)\}"
)
_CLASS_OF = re.compile(r"\\documentclass\s*+(?:\[([^\]]{0,2000}+)\]\s*+)?\{([^{}]*)\}")
_INCLUDED = re.compile(
    r"\\(?:input|include|subfile|includestandalone(?:\s*\[[^\[\]]{0,300}\])?)\s*+\{?\s*+([^\s{}\\%]+)"
)

# One pass that knows what a `%` means where it stands.
_COMMENTS = (
    r"\\(?:url|path|nolinkurl|href)\s*\{{(?:[^{{}}\\]|\\.|\{{[^{{}}]*\}})*\}}"
    r"|(?P<listing>\\(?:lstinputlisting|verbatiminput|VerbatimInput|inputminted)\*?\s*+(?P<settings>\[[^\]]{{0,2000}}+\])?"
    r"\s*(?:\{{\w+\}}(?=\{{))?\{{(?P<listed>[^{{}}#\\]*)\}})"
    r"|{verbatim}"
    r"|(?P<sub>\\(?:sub)?(?:import|inputfrom|includefrom)\*?\s*\{{(?P<folder>[^{{}}]*)\}}\s*\{{(?P<imported>[^{{}}]*)\}})"
    r"|(?P<input>\\(?:input|include|subfile|subfileinclude|includestandalone(?:\s*\[[^\[\]]{{0,300}}\])?)\s*(?:\{{(?P<braced>[^{{}}#\\]*+)\}}"
    r"|(?![A-Za-z])\s+(?P<bare>[^\s{{}}\\%#]+)|(?P<quoted>\"[^\"{{}}\\#\n]*\")))"
    r"|(?P<bibliography>\\(?:bibliography|printbibliography)(?![A-Za-z])(?:\s*\[[^\]]{{0,2000}}+\])?(?:\s*\{{[^{{}}]*\}})?)"
    r"|\\endinput(?![A-Za-z])(?P<endinput>.*)"
    r"|\\."
    r"|(?P<comment>%[^\n]*(?:\n[ \t]*|\Z))"
)
_INPUT_PATH = re.compile(r"\\def\s*\\input@path\s*\{((?:\s*+\{[^{}]*+\})++\s*+)\}")
_NUMBERING = re.compile(
    r"\\(?:newtheorem|newcounter|numberwithin|counterwithin|@addtoreset|the[a-z]+|appendix)(?![a-z])"
)
_GIVEN_A_MEANING = frozenset(
    (
        "algorithm2e", "algorithm", "algorithmic", "algorithmicx", "algpseudocode", "algcompatible",
        "cleveref", "siunitx",
        "natbib", "subfig", "subfigure", "subcaption", "caption", "enumitem", "glossaries", "acronym", "hyperref",
        "amsmath", "amsthm", "mathtools", "biblatex", "booktabs", "multirow", "listings", "minted", "xparse", "cite",
        "empheq", "cases", "breqn", "longtable", "deluxetable", "threeparttable", "authblk", "xspace", "nameref",
        "graphicx", "xcolor", "color", "fancyvrb", "verbatim", "url", "tabularx", "todonotes", "xr", "import",
        "fontenc",
        "inputenc", "babel", "times", "geometry", "fancyhdr", "amssymb", "amsfonts", "bm", "microtype", "setspace",
        "wrapfig", "float", "etoolbox", "ifthen", "paralist", "mdwlist", "subfiles", "standalone", "lineno", "appendix",
    )
)  # fmt: skip
"""Public packages that an archive may bring along: what they mean is known here."""


@dataclass(frozen=True)
class Document:
    """One LaTeX document in one piece."""

    main: str
    """Which file it begins with."""
    text: str
    """Without comments, with everything included."""
    macros: Mapping[str, Macro | Environment]
    """What the author's own style files define."""
    styles: str
    """What the author's own class and style files say of numbers and theorems."""
    include: Callable[[str, str], str]
    """A command and the name of a file that only expansion tells → its text."""
    notes: list[str]
    """Files that are named but not there, or there but not part of the document; encodings that were guessed."""


def document(files: Mapping[str, bytes], main: str | None = None) -> Document | None:
    """The document that an archive's members (path → content) make; None if there is no LaTeX among them.

    It begins with `main`, or else with the file that looks most like it.
    """
    sources = [content for path, content in files.items() if _is_tex(path, content)]
    # Classes that only lie beside it say nothing of this document.
    named = b",".join(names for content in sources for names in _STYLES.findall(content)).decode("latin-1")
    used = {posixpath.basename(name.strip()) for name in named.split(",")}
    beside = (
        content
        for path, content in files.items()
        if path.endswith((".sty", ".cls")) and posixpath.basename(path)[:-4] in used
    )
    encoding = declared((*sources, *beside))
    read = {
        path: decoded(content, encoding)
        for path, content in files.items()
        if _is_tex(path, content) and not _JUNK.search(path)
    }
    texts = {path: text for path, (text, _) in read.items()}
    others: list[str] = []
    if main is None or main not in texts:
        candidates = main_files(texts, files)
        if not candidates:
            return None
        main = candidates[0]
        others = candidates[1:4]
    folder = posixpath.dirname(main)
    # Of several with one name LaTeX takes the one beside the document, which comes last here.
    nearest = sorted(
        files.items(), key=lambda file: (posixpath.dirname(file[0]) == folder, -file[0].count("/"))
    )
    styles = {
        posixpath.splitext(posixpath.basename(path))[0]: strip_comments(decode(content, encoding))
        for path, content in nearest
        if path.endswith((".sty", ".cls")) and not _JUNK.search(path)
    }
    flattening = _Flattening(texts, files, main, Verbatim([*texts.values(), *styles.values()]))
    text = _without_bookmarks(flattening.include(main, 0)[:MAX_DOCUMENT])
    loaded = [name for used in _USED.findall(text) for name in used.split(",")]
    classes = {name.strip(): chosen for chosen, name in _CLASS_OF.findall(text)}
    macros: dict[str, Macro | Environment] = {}
    numbering = ""
    for name in dict.fromkeys(name.strip() for name in loaded):
        style = styles.get(posixpath.basename(name))
        if style is None or posixpath.basename(name) in _GIVEN_A_MEANING:
            continue
        # What a class says depends on its options; of those that are known it is known.
        if _NUMBERING.search(style) and not (name in classes and is_known(name, classes[name])):
            numbering += style + "\n"
        if name not in classes:
            macros |= definitions(style)
    notes = [
        f"Not read: {other}, another document in the same source."
        for other in others
        if other not in flattening.read
    ]
    notes += [
        f"Read as {guess}, which is a guess: {path} declares no encoding that fits."
        for path, (_, guess) in read.items()
        if guess and path in flattening.read
    ]
    flattening.notes[:0] = notes
    return Document(main, text, macros, numbering, flattening.included, flattening.notes)


def _without_bookmarks(text: str) -> str:
    """`text` without what is defined for the bookmarks of the PDF alone, such as `\\def\\gamma{gamma}`."""
    kept: list[str] = []
    position = 0
    for found in _BOOKMARKS.finditer(text):
        if found.start() >= position and (said := group(text, found.end())):
            kept.append(text[position : found.start()])
            position = said[1]
    return "".join([*kept, text[position:]])


def main_files(texts: Mapping[str, str], files: Mapping[str, bytes]) -> list[str]:
    """The documents among `texts`, the likeliest first: what arXiv's own README says, then what looks like
    it.
    """
    declared = [path for path in _declared(files) if path in texts]
    if declared:
        return declared
    documents = [path for path, text in texts.items() if _DOCUMENT_CLASS.search(text)]
    documents = [path for path in documents if not _PARENT.search(texts[path])] or documents
    if not documents:
        documents = [
            path
            for path, text in texts.items()
            if re.search(r"\\(section|begin\s*\{document\}|bye|title)\b", text)
        ]
    included = {
        posixpath.splitext(posixpath.basename(name))[0]
        for text in texts.values()
        for name in _INCLUDED.findall(text)
    }

    def unlikeliness(path: str) -> tuple[object, ...]:
        text = texts[path]
        stem = posixpath.basename(path).split(".")[0]
        return (
            "\\begin{document}" not in text.replace(" ", ""),
            bool(_OTHER_DOCUMENT.search(text)),
            bool(_UNLIKELY.search(path)) or bool(_OF_THE_CLASS.search(path)),
            stem in included,
            path.count("/"),
            not _LIKELY.search(path),
            f"{posixpath.splitext(path)[0]}.bbl" not in files,
            not _ABSTRACT.search(text),
            -int(found.group(1)) if (found := _VERSION.search(path)) else 0,
            -len(text),
            path,
        )

    return sorted(documents, key=unlikeliness)


def _declared(files: Mapping[str, bytes]) -> list[str]:
    """Top-level files that arXiv's `00README` names."""
    for path, content in files.items():
        name = posixpath.basename(path).lower()
        if not name.startswith("00readme"):
            continue
        text = content.decode("utf-8", "replace")
        if name.endswith(".json"):
            try:
                sources = of_json(text).get("sources", [])
                return [str(s["filename"]) for s in sources if s.get("usage") == "toplevel"]
            except (ValueError, AttributeError, KeyError, TypeError):
                return []
        return re.findall(r"^(\S+)\s+toplevelfile\s*$", text, re.MULTILINE)
    return []


def _is_tex(path: str, content: bytes) -> bool:
    if posixpath.basename(path).lower().startswith("00readme"):
        return False
    if _TEX_NAME.search(path):
        return True
    return "." not in posixpath.basename(path) and b"\\document" in content[:50_000]


def strip_comments(text: str) -> str:
    """`text` without what TeX does not read; nothing is included."""
    return _Flattening({}, {}, "", Verbatim([text])).clean(text, 0, ".")


class _Flattening:
    """Includes files and strips comments in one pass, so that neither happens inside the other's
    territory.
    """

    def __init__(
        self, texts: Mapping[str, str], files: Mapping[str, bytes], main: str, verbatim: Verbatim
    ) -> None:
        self.texts = texts
        self.files = files
        self.main = main
        self.read: set[str] = set()
        self.notes: list[str] = []
        self._verbatim = verbatim
        self._pattern = re.compile(_COMMENTS.format(verbatim=verbatim.pattern), re.DOTALL)
        self._decoded = dict(texts)
        self._open: list[str] = []
        self._listed: set[str] = set()
        self._left = min(MAX_DOCUMENT, ANY + TIMES * sum(map(len, files.values())))
        given = [found.group(1) for text in texts.values() for found in _INPUT_PATH.finditer(text)]
        self._by_small_letters = {path.lower(): path for path in texts}
        folders = [folder.strip() for group in given for folder in re.findall(r"\{([^{}]*)\}", group)]
        self._folders = folders[:MAX_FOLDERS]
        bibliographies = sorted(path for path in files if path.endswith(".bbl") and not _JUNK.search(path))
        self._bibliographies = [f"{posixpath.splitext(main)[0]}.bbl", *bibliographies]

    def include(self, path: str, depth: int) -> str:
        text = self._taken(path)
        if text is None or path in self._open or depth > MAX_DEPTH:
            self.notes.append(f"Not read: {path}, included in itself or beyond the limit.")
            return ""
        self._open.append(path)
        self.read.add(path)
        if depth and _DOCUMENT_CLASS.search(text):
            # A subfile: only its body belongs to the document.
            body = re.search(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", text, re.DOTALL)
            text = body.group(1) if body else ""
        text = self.clean(text, depth, posixpath.dirname(path))
        self._open.pop()
        return text

    def _taken(self, path: str) -> str | None:
        """The text of a file, which counts as often as it is taken; None if that is beyond the limit."""
        self._left -= len(self.files[path])
        if self._left < 0:
            return None
        if path not in self._decoded:
            self._decoded[path] = decode(self.files[path])
        return self._decoded[path]

    def included(self, command: str, name: str) -> str:
        """The file that a command names which expansion has written out; no command: whether it is there."""
        if not command:
            return "there" if self._path(name, "") else ""
        if command in ("input", "include", "subfile", "InputIfFileExists"):
            return self._find(name, "", 1, said=command != "InputIfFileExists")
        return self._listing(name, "")

    def clean(self, text: str, depth: int, folder: str) -> str:
        """`text` without comments, with what it includes by name and its verbatim parts as LaTeX writes them."""
        out: list[str] = []
        position = 0
        while found := self._pattern.search(text, position):
            out.append(text[position : found.start()])
            position = found.end()
            if found["comment"] is not None:
                # The line end goes with the comment, unless an empty line follows.
                out.append("\n" if text.startswith("\n", position) else "")
            elif found["sub"]:
                out.append(self._find(posixpath.join(found["folder"], found["imported"]), folder, depth))
            elif found["input"]:
                out.append(
                    self._find(
                        (found["braced"] or found["bare"] or found["quoted"] or "").strip(), folder, depth
                    )
                )
            elif found["listing"]:
                listing = self._listing(found["listed"], folder)
                out.append(f"\\begin{{lstlisting}}{found['settings'] or ''}\n{listing}\n\\end{{lstlisting}}")
            elif found["bibliography"]:
                out.append(self._bibliography())
            elif found["endinput"] is None:
                written = self._verbatim.written_out(found)
                out.append(written[0] if written else found.group())
                position = written[1] if written else position
        out.append(text[position:])
        return "".join(out)

    def _path(self, name: str, folder: str) -> str | None:
        name = name.strip().strip('"')
        for base in (posixpath.dirname(self.main), folder, *self._folders):
            for extension in ("", ".tex", ".ltx", ".tex.txt"):
                path = posixpath.normpath(posixpath.join(base, name + extension))
                if path in self.texts or (extension == "" and path in self.files and _includable(path)):
                    return path
                # TeX Live looks once more without regard to capitals.
                if alike := self._by_small_letters.get(path.lower()):
                    return alike
        return None

    def _find(self, name: str, folder: str, depth: int, *, said: bool = True) -> str:
        path = self._path(name, folder)
        if path:
            return self.include(path, depth + 1)
        if name.strip() and self.files and said:
            self.notes.append(
                f"Not read: {name.strip()}, which is included but not among the texts of the source."
            )
        return ""

    def _listing(self, name: str, folder: str) -> str:
        """A file that is shown as it is."""
        for base in (posixpath.dirname(self.main), folder, *self._folders):
            path = posixpath.normpath(posixpath.join(base, name.strip()))
            if path in self.files:
                text = self._taken(path)
                if text is None:
                    self.notes.append(f"Not read: {path}, a listing beyond the limit.")
                return (text or "").strip("\n")
        if self.files:
            self.notes.append(f"Not read: {name.strip()}, a listing that is not in the archive.")
        return ""

    def _bibliography(self) -> str:
        """The `.bbl` file that stands for `\\bibliography`."""
        for path in self._bibliographies:
            if path in self.files and path not in self._open:
                if path in self._listed:
                    return ""
                self._listed.add(path)
                text = decode(self.files[path])
                return "\n" + (thebibliography(text) if is_biblatex(text) else strip_comments(text)) + "\n"
        if self.files and not self._listed:
            self.notes.append(
                "Not read: the list of references, whose .bbl file (made by BibTeX or Biber) is not in the archive."
            )
        return ""


def _includable(path: str) -> bool:
    return path.lower().endswith((".tex", ".bbl", ".txt", ".ltx", ".tikz", ".def", ".sty")) or "." not in path
