"""TeX files: from the members of a source archive to one document without comments. Pure.

Which file is the main one, what it includes, in which encoding it is written, what is a comment.
"""

import codecs
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.reading.latex.biblatex import is_biblatex, thebibliography
from pipeline.reading.latex.macros import VERBATIM, Macro, definitions

MAX_DOCUMENT = 10_000_000
"""Characters of a document with everything that it includes."""
MAX_DEPTH = 15

_ENCODINGS = {
    "utf8": "utf-8", "utf8x": "utf-8", "latin1": "cp1252", "ansinew": "cp1252", "cp1252": "cp1252",
    "latin2": "iso8859-2", "latin5": "iso8859-9", "latin9": "iso8859-15", "cp1250": "cp1250",
    "cp1251": "cp1251",
    "koi8-r": "koi8-r", "applemac": "mac-roman", "macroman": "mac-roman", "cp850": "cp850", "ascii": "cp1252",
}  # fmt: skip
_INPUTENC = re.compile(rb"\\usepackage\s*\[\s*([a-zA-Z0-9-]+)\s*\]\s*\{inputenc\}")
_TEX_NAME = re.compile(r"\.(tex|ltx|latex|tex\.txt|txt)$", re.IGNORECASE)
_DOCUMENT_CLASS = re.compile(r"^[^%\n]*\\document(?:class|style)\b", re.MULTILINE)
_PARENT = re.compile(r"\\documentclass\s*\[([^\]]+)\]\s*\{subfiles\}")
_JUNK = re.compile(r"(^|/)(\._|__MACOSX/|\.)")
_UNLIKELY = re.compile(
    r"(^|[/_.-])(old|backup|bak|copy|draft|template|sample|example|rebuttal|response|cover|supp\w*|appendix|poster)"
    r"(?=[/_.\d-])",
    re.IGNORECASE,
)
_LIKELY = re.compile(r"(^|/)(ms|main|paper|article|manuscript|arxiv\w*|root|output)\.[^/]*$", re.IGNORECASE)
_INCLUDED = re.compile(r"\\(?:input|include|subfile)\s*\{?\s*([^\s{}\\%]+)")

# One pass that knows what a `%` means where it stands.
_COMMENTS = re.compile(
    VERBATIM.pattern + r"|\\begin\s*\{comment\}.*?(?:\\end\s*\{comment\}|\Z)"
    r"|\\(?:url|path|nolinkurl|href)\s*\{(?:[^{}\\]|\\.|\{[^{}]*\})*\}"
    r"|(?P<sub>\\(?:sub)?(?:import|inputfrom|includefrom)\*?\s*\{(?P<folder>[^{}]*)\}\s*\{(?P<imported>[^{}]*)\})"
    r"|(?P<input>\\(?:input|include|subfile|subfileinclude)\s*(?:\{\s*(?P<braced>[^{}]*?)\s*\}"
    r"|(?![A-Za-z])\s+(?P<bare>[^\s{}\\%]+)))"
    r"|(?P<bibliography>\\(?:bibliography|printbibliography)(?![A-Za-z])(?:\s*\[[^\]]*\])?(?:\s*\{[^{}]*\})?)"
    r"|\\endinput(?![A-Za-z])(?P<endinput>.*)"
    r"|\\."
    r"|(?P<comment>%[^\n]*(?:\n[ \t]*|\Z))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Document:
    """One LaTeX document in one piece."""

    main: str
    """Which file it begins with."""
    text: str
    """Without comments, with everything included."""
    macros: Mapping[str, Macro]
    """What the author's own style files define."""
    notes: tuple[str, ...] = ()
    """Files that are named but not there, or there but not part of the document."""


def document(files: Mapping[str, bytes], main: str | None = None) -> Document | None:
    """The document that an archive's members (path → content) make; None if there is no LaTeX among them.

    It begins with `main`, or else with the file that looks most like it.
    """
    texts = {
        path: decode(content)
        for path, content in files.items()
        if _is_tex(path, content) and not _JUNK.search(path)
    }
    notes: list[str] = []
    if main is None or main not in texts:
        candidates = main_files(texts, files)
        if not candidates:
            return None
        main = candidates[0]
        notes = [f"Not read: {other}, another document in the same source." for other in candidates[1:4]]
    flattening = _Flattening(texts, files, main)
    text = flattening.include(main, 0)
    macros: dict[str, Macro] = {}
    for package in re.findall(r"\\(?:usepackage|RequirePackage)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}", text):
        for name in package.split(","):
            style = flattening.beside(f"{name.strip()}.sty")
            if style in files:
                macros |= definitions(strip_comments(decode(files[style])))
    return Document(main, text[:MAX_DOCUMENT], macros, tuple(notes + flattening.notes))


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
            bool(_UNLIKELY.search(path)),
            stem in included,
            path.count("/"),
            not _LIKELY.search(path),
            f"{posixpath.splitext(path)[0]}.bbl" not in files,
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
                sources = json.loads(text).get("sources", [])
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


def decode(content: bytes) -> str:
    """Text in the encoding that it declares or that fits, with `\\n` for line ends."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return _lines(content.decode(encoding, "replace").removeprefix("\ufeff"))
    try:
        return _lines(content.decode("utf-8"))
    except UnicodeDecodeError:
        declared = _INPUTENC.search(content)
        encoding = _ENCODINGS.get(declared.group(1).decode().lower() if declared else "", "cp1252")
        # One stray byte in a UTF-8 file does not make it Latin-1.
        if encoding == "utf-8":
            return _lines(content.decode("utf-8", "replace"))
        return _lines(content.decode(encoding, "replace"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def strip_comments(text: str) -> str:
    """`text` without what TeX does not read; nothing is included."""
    return _Flattening({}, {}, "").clean(text, 0, ".")


class _Flattening:
    """Includes files and strips comments in one pass, so that neither happens inside the other's
    territory.
    """

    def __init__(self, texts: Mapping[str, str], files: Mapping[str, bytes], main: str) -> None:
        self.texts = texts
        self.files = files
        self.main = main
        self.open: list[str] = []
        self.listed: set[str] = set()
        self.size = 0
        self.notes: list[str] = []

    def beside(self, name: str) -> str:
        """`name` as seen from the main file's folder."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.main), name))

    def include(self, path: str, depth: int) -> str:
        text = self.texts.get(path) or decode(self.files[path])
        self.size += len(text)
        if path in self.open or depth > MAX_DEPTH or self.size > MAX_DOCUMENT:
            self.notes.append(f"Not read: {path}, included in itself or beyond the limit.")
            return ""
        self.open.append(path)
        if depth and _DOCUMENT_CLASS.search(text):
            # A subfile: only its body belongs to the document.
            body = re.search(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", text, re.DOTALL)
            text = body.group(1) if body else ""
        text = self.clean(text, depth, posixpath.dirname(path))
        self.open.pop()
        return text

    def clean(self, text: str, depth: int, folder: str) -> str:
        def replace(found: re.Match[str]) -> str:
            kind = found.lastgroup
            if found["comment"] is not None:
                # The line end goes with the comment, unless an empty line follows.
                return "\n" if text.startswith("\n", found.end()) else ""
            if found["sub"]:
                return self._find(posixpath.join(found["folder"], found["imported"]), folder, depth)
            if found["input"]:
                return self._find(found["braced"] or found["bare"] or "", folder, depth)
            if found["bibliography"]:
                return self._bibliography(found.group())
            if found["endinput"] is not None or found.group().startswith(
                ("\\begin{comment}", "\\begin {comment}")
            ):
                return ""
            del kind
            return found.group()

        return _COMMENTS.sub(replace, text)

    def _find(self, name: str, folder: str, depth: int) -> str:
        name = name.strip().strip('"')
        for base in (posixpath.dirname(self.main), folder):
            for extension in ("", ".tex", ".ltx", ".tex.txt"):
                path = posixpath.normpath(posixpath.join(base, name + extension))
                if path in self.texts or (extension == "" and path in self.files and _includable(path)):
                    return self.include(path, depth + 1)
        if name and self.files:
            self.notes.append(f"Not read: {name}, which is included but not in the archive.")
        return ""

    def _bibliography(self, command: str) -> str:
        """The `.bbl` file that stands for `\\bibliography`."""
        own = f"{posixpath.splitext(self.main)[0]}.bbl"
        others = sorted(path for path in self.files if path.endswith(".bbl") and not _JUNK.search(path))
        for path in [own, *others]:
            if path in self.files and path not in self.open:
                if path in self.listed:
                    return ""
                self.listed.add(path)
                text = decode(self.files[path])
                return "\n" + (thebibliography(text) if is_biblatex(text) else strip_comments(text)) + "\n"
        return command


def _includable(path: str) -> bool:
    return path.lower().endswith((".tex", ".bbl", ".txt", ".ltx", ".tikz", ".def", ".sty")) or "." not in path
