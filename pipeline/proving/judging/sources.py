"""What a judge may read of a directory, whoever wrote it: any language, any size, without what its author says of it.

Python is written anew from its syntax tree, so that comments, docstrings, layout and branches that can never run
change nothing; other languages lose their comments. Prose is left out: it can only claim.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pipeline.proving.blind.neutral import is_trace
from sandbox import syntax
from sandbox.contents import contents

NOTEBOOK = ".ipynb"
PYTHON = (".py", NOTEBOOK)
_HASH = (".sh", ".bash", ".r", ".jl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".gin", ".rb", ".pl", ".pyx",
         ".mk", ".cmake", ".txt", ".rmd")  # fmt: skip
_SLASHES = (".c", ".h", ".cpp", ".hpp", ".cc", ".cxx", ".hxx", ".cu", ".cuh", ".java", ".js", ".ts", ".scala", ".go",
            ".rs", ".kt", ".swift", ".cs", ".stan", ".proto")  # fmt: skip
_OTHERS = {".m": "%", ".lua": "--", ".sql": "--", ".hs": "--", ".f90": "!", ".json": "", ".config": ""}
_CONFIGURATION = (".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".json", ".config", ".txt")
_PROSE = ("", ".md", ".rst", ".adoc", ".tex", ".pdf")
_NAMES = re.compile(
    r"(?i)makefile|dockerfile|snakefile|cmakelists\.txt|(?:dev-|test-)?requirements[\w.-]{0,40}\.txt"
)
_BLOCK = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
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
_LONGEST_LIST = 60
"""Constants of one list: more are data."""


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
        return [path for path in self.files if not path.lower().endswith(_CONFIGURATION)]


def sources(
    texts: Mapping[str, str], left_out: tuple[str, ...] = (), others: tuple[str, ...] = ()
) -> Sources:
    """What can be read of files, path → text."""
    read = {path: _normal(path, texts[path].replace("\0", "")) for path in sorted(texts) if _is_read(path)}
    return Sources(
        MappingProxyType({path: "\n".join(text for _, text in lines) for path, lines in read.items()}),
        MappingProxyType({path: tuple(number for number, _ in lines) for path, lines in read.items()}),
        left_out,
        others,
    )


def collect(directory: Path) -> Sources:
    """What can be read of a directory, whatever the number and size of its files, up to 32 MiB."""
    held = contents(directory, _MOST)
    texts: dict[str, str] = {}
    large, others, read, unread = list[str](), list[str](), 0, 0
    for path, size in held.files.items():
        if not _is_read(path):
            others += [] if _is_prose(path) or is_trace(path) else [path]
            continue
        data = path.lower().endswith(_CONFIGURATION)
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
    file = PurePosixPath(path)
    suffix = file.suffix.lower()
    known = (*PYTHON, *_HASH[:-2], ".rmd", *_SLASHES, *_OTHERS)
    return (bool(_NAMES.fullmatch(file.name)) or suffix in known) and not is_trace(path)


def _is_prose(path: str) -> bool:
    file = PurePosixPath(path.lower())
    return file.suffix in _PROSE or file.stem in ("readme", "license", "changelog", "notice")


def _normal(path: str, text: str) -> list[tuple[int, str]]:
    """The lines that are shown, each with its number in the file."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == NOTEBOOK:
        text = _cells(text)
    if suffix in PYTHON:
        tree = _tree(text)
        return _python(tree) if tree else _without(text, "#")
    if suffix in _SLASHES:
        return _without(_without_blocks(text), "//")
    return _without(text, _OTHERS.get(suffix, "#"))


def _tree(text: str) -> ast.Module | None:
    try:
        return syntax.tree(text)
    except SyntaxError:
        return None


def _python(tree: ast.Module) -> list[tuple[int, str]]:
    bared = ast.fix_missing_locations(_Bare().visit(tree))
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


class _Bare(ast.NodeTransformer):
    """Away with docstrings, other strings that do nothing, branches that never run, and long lists of data."""

    def visit(self, node: ast.AST) -> ast.AST:
        """As the base class does, then the blocks of the node."""
        found: ast.AST = super().visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(found, name, None)
            if isinstance(block, list) and all(isinstance(each, ast.stmt) for each in block):
                kept = list(_kept(block))
                empty = name == "body" and not kept and not isinstance(found, ast.Module)
                setattr(found, name, [ast.copy_location(ast.Pass(), block[0])] if empty and block else kept)
        return found

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """As the base class does, then the node itself."""
        super().generic_visit(node)
        if (
            isinstance(node, ast.List | ast.Tuple | ast.Set)
            and len(node.elts) > _LONGEST_LIST
            and all(map(constant, node.elts))
        ):
            node.elts = [*node.elts[:3], ast.copy_location(ast.Constant(...), node)]
        return node


def _kept(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    for number, statement in enumerate(block):
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.If(test=ast.Constant(value=value)) | ast.While(test=ast.Constant(value=value)) if (
                not value
            ):
                yield from statement.orelse
                continue
        yield statement
        if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
            rest = (node for after in block[number + 1 :] for node in ast.walk(after))
            if found := next((node for node in rest if isinstance(node, ast.Yield | ast.YieldFrom)), None):
                # It never runs, and makes a generator of the function.
                yield ast.copy_location(ast.Expr(ast.copy_location(ast.Yield(), found)), found)
            return


def constant(node: ast.expr) -> bool:
    """Whether an expression has the same value always, and whoever reads it sees which."""
    match node:
        case ast.Constant():
            return True
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.JoinedStr(values=parts):
            return all(map(constant, parts))
        case ast.Dict(keys=keys, values=values):
            return all(key is None or constant(key) for key in keys) and all(map(constant, values))
        case ast.UnaryOp(operand=value) | ast.FormattedValue(value=value):
            return constant(value)
    return False


def _cells(text: str) -> str:
    """The code of a notebook; commands to the notebook itself as it runs them."""
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return "\n".join(code for each in codes if _tree(code := _commands(each)) is not None)


def _commands(code: str) -> str:
    """Each line that begins with `!` or `%` as a call."""
    lines = []
    for line in code.split("\n"):
        bare = line.lstrip()
        if bare.startswith(("!", "%")):
            name = "system" if bare[0] == "!" else "run_line_magic"
            line = f"{line[: len(line) - len(bare)]}get_ipython().{name}({bare[1:].strip()!r})"
        lines.append(line)
    return "\n".join(lines)


def _without(text: str, mark: str) -> list[tuple[int, str]]:
    """The lines of a text without blank ones and comments; `mark` begins one, at a line's start or after a blank."""
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        if mark and line.lstrip().startswith(mark) and not line.startswith("#!"):
            continue
        if mark:
            line = line.split(f" {mark}", 1)[0]
        if line.strip():
            kept.append((number, line.rstrip()))
    return kept


def _without_blocks(text: str) -> str:
    """Without `/* … */`, line breaks kept."""
    return _BLOCK.sub(lambda said: "\n" * said[0].count("\n"), text)
