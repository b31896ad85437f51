"""What a judge may read of a directory, whoever wrote it: any language, any size, without what its author says of it.

Python is written anew from its syntax tree, so that comments, docstrings, layout and branches that can never run
change nothing; other languages lose their comments. Prose is left out: it can only claim.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pipeline.proving.blind.neutral import is_trace
from pipeline.proving.judging import languages, notebooks
from pipeline.proving.judging.languages import CONFIGURATION
from pipeline.proving.judging.stripping import bare
from sandbox import syntax
from sandbox.contents import contents

NOTEBOOK = ".ipynb"
PYTHON = (".py", ".pyw", NOTEBOOK)
_PROSE = ("", ".md", ".rst", ".adoc", ".tex", ".pdf")
_READ_PROSE = (".md", ".rst", ".adoc", ".txt", "")
_PYTHON_2 = re.compile(
    r"^[ \t]*(?:print[ \t]+(?![=.,)\]])\S|except[ \t]+[\w.()]+[ \t]*,[ \t]*\w+[ \t]*:|"
    r"raise[ \t]+\w+[ \t]*,|exec[ \t]+[\"'\w])",
    re.MULTILINE,
)
"""What only Python 2 has."""
_MOST_PROSE = 200_000
"""Bytes of one file: in it only commands are looked for."""
_LARGEST_DATA = 20_000
"""Bytes: what is larger is data and not configuration."""
_LARGEST = 2_000_000
"""Bytes of one file of code."""
_LARGEST_NOTEBOOK = 20_000_000
"""Bytes: most of one are pictures, and JSON takes twenty times its size to be read."""
_MOST = 1_000_000
"""Files and folders."""
_MOST_BYTES = 32 * 2**20
"""Of all that is read: the syntax trees of Python take 35 times as much."""
_MOST_OF_A_LINE = 12
"""Characters that tell a line."""


@dataclass(frozen=True)
class Sources:
    """The files of a directory as a judge is shown them."""

    files: Mapping[str, str]
    """Path → text without comments. Notebooks are their code cells."""
    origins: Mapping[str, tuple[int, ...]]
    """For each line of a text the line of the file that it stands in, 1-based; of a notebook, of all its code cells."""
    left_out: tuple[str, ...] = ()
    """Sentences."""
    others: tuple[str, ...] = ()
    """Paths of files that are there and are neither code nor prose: code may read them."""
    prose: str = field(default="", repr=False)
    """Never shown: it may say how the code is started."""

    @cached_property
    def trees(self) -> Mapping[str, ast.Module]:
        """Those of Python that parse."""
        return MappingProxyType(
            {
                path: tree
                for path, text in self.files.items()
                if path.endswith(PYTHON) and (tree := _tree(text))
            }
        )

    @cached_property
    def outdated(self) -> frozenset[str]:
        """Those of Python 2: they are read as text."""
        return frozenset(
            path
            for path, text in self.python_files().items()
            if path not in self.trees and _PYTHON_2.search(text)
        )

    @cached_property
    def broken(self) -> frozenset[str]:
        """Those of Python that no Python runs."""
        return frozenset(self.python_files().keys() - self.trees.keys() - self.outdated)

    def original(self, path: str, line: int) -> int:
        """The line of the file that a line of its text stands in."""
        lines = self.origins.get(path, ())
        return lines[min(line, len(lines)) - 1] if lines else line

    def as_shown(self, path: str, line: str) -> str:
        """A line of a file as it stands in its text, where that can be told from the line, or most of it, alone."""
        rows = [row.strip() for row in self.files.get(path, "").split("\n")]
        wanted = line.strip()
        if wanted in rows:
            return wanted
        if len(wanted) >= _MOST_OF_A_LINE and (found := next((row for row in rows if wanted in row), "")):
            return found
        if not path.endswith(PYTHON):
            return line
        block = line.strip().endswith(":")
        tree = _tree(f"{line.strip()} ..." if block else line.strip())
        return ast.unparse(tree).split("\n")[0] if tree and tree.body else line

    def python_files(self) -> dict[str, str]:
        """Sorted by path, notebooks as well."""
        return {path: self.files[path] for path in sorted(self.files) if path.endswith(PYTHON)}

    def code(self) -> list[str]:
        """Paths of what can do something, in any language."""
        return [path for path in self.files if not path.lower().endswith(CONFIGURATION)]


def sources(
    texts: Mapping[str, str], left_out: tuple[str, ...] = (), others: tuple[str, ...] = ()
) -> Sources:
    """What can be read of files, path → text."""
    read = {
        path: _normal(path, texts[path].replace("\0", ""))
        for path in sorted(texts)
        if _is_read(path) or _is_script(path, texts[path][:2])
    }
    return Sources(
        MappingProxyType({path: "\n".join(text for _, text in lines) for path, lines in read.items()}),
        MappingProxyType({path: tuple(number for number, _ in lines) for path, lines in read.items()}),
        left_out,
        others,
        "\n".join(texts[path] for path in sorted(texts.keys() - read.keys()) if _says_how(path)),
    )


def collect(directory: Path) -> Sources:
    """What can be read of a directory, whatever the number and size of its files, up to 32 MiB."""
    held = contents(directory, _MOST)
    texts: dict[str, str] = {}
    large, others, read, unread = list[str](), list[str](), 0, 0
    for path, size in held.files.items():
        if not _is_read(path):
            script = size <= _LARGEST_DATA and _is_script(path, _beginning(directory / path))
            if not script:
                others += [] if _is_prose(path) or is_trace(path) else [path]
            if not script and not (_says_how(path) and size <= _MOST_PROSE):
                continue
        data = path.lower().endswith(CONFIGURATION)
        most = _LARGEST_DATA if data else _LARGEST_NOTEBOOK if path.endswith(NOTEBOOK) else _LARGEST
        if size > most:
            large.append(path)
            others.append(path)
            continue
        if read + size > _MOST_BYTES:
            unread += 1
            continue
        read += size
        texts[path] = (directory / path).read_text(encoding="utf-8", errors="replace")
    problems = list(held.problems)
    if large:
        more = f" and {len(large) - 5} more" if len(large) > 5 else ""
        problems.append(f"Taken for data and not read: {', '.join(large[:5])}{more}.")
    if unread:
        problems.append(
            f"Beyond the {_MOST_BYTES // 2**20} MiB that are read: {unread} file{'s' * (unread != 1)}."
        )
    return sources(texts, tuple(problems), tuple(others))


def _is_read(path: str) -> bool:
    known = path.lower().endswith(PYTHON) or languages.is_known(path)
    return known and not is_trace(path)


def _is_script(path: str, begins: str) -> bool:
    """Whether a file that its name does not tell says itself what runs it."""
    return begins == "#!" and not PurePosixPath(path).suffix and not is_trace(path)


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(2).decode("ascii", errors="replace")


def _says_how(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _READ_PROSE and _is_prose(path) and not is_trace(path)


def _is_prose(path: str) -> bool:
    file = PurePosixPath(path.lower())
    return file.suffix in _PROSE or file.stem in ("readme", "license", "changelog", "notice")


def _normal(path: str, text: str) -> list[tuple[int, str]]:
    """The lines that are shown, each with its number in the file."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == NOTEBOOK:
        text = notebooks.code(text, lambda cell: _tree(cell) is not None)
    if suffix in PYTHON and (tree := _tree(text)):
        return _python(bare(tree, notebook=suffix == NOTEBOOK))
    return languages.lines(path, text)


def _tree(text: str) -> ast.Module | None:
    try:
        return syntax.tree(text)
    except SyntaxError:
        return None


def _python(bared: ast.Module) -> list[tuple[int, str]]:
    try:
        text = ast.unparse(bared)
    except (RecursionError, ValueError):
        return []
    again = _tree(text)
    starts: dict[int, int] = {}
    if again:
        for old, new in zip(_statements(bared), _statements(again), strict=False):
            starts.setdefault(new.lineno, old.lineno)
    lines, number = [], 1
    for row, line in enumerate(text.split("\n"), 1):
        number = starts.get(row, number)
        if line.strip():
            lines.append((number, line))
    return lines


def _statements(tree: ast.AST) -> Iterator[ast.stmt | ast.ExceptHandler]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.ExceptHandler))
