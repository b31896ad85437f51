"""Repository: what was generated, as relative path → text, and which paths are refused.

A value that cannot hold a path that would be dangerous to write or to commit. What the text means is
the business of the checks.
"""

import ast
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipeline import paths
from sandbox import syntax

MAX_FILES = 200
MAX_BYTES = 2_000_000
_IGNORED = {".git", "__pycache__"}


class RefusedPath(ValueError):
    """A path that no generated repository may have, or too much of it; the message says why."""


@dataclass(frozen=True)
class Repository:
    """Relative path → text. Raises RefusedPath when made of anything that may not be written."""

    files: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))
        if len(self.files) > MAX_FILES:
            raise RefusedPath(f"{len(self.files)} files are more than the allowed {MAX_FILES}")
        spellings: dict[str, str] = {}
        for path in self.files:
            if reason := paths.refusal(path):
                raise RefusedPath(reason)
            parts = path.split("/")
            for depth in range(1, len(parts) + 1):
                prefix = "/".join(parts[:depth])
                if (other := spellings.setdefault(paths.fold(prefix), prefix)) != prefix:
                    raise RefusedPath(f"{prefix!r} and {other!r} differ only in case or spelling")
                if depth < len(parts) and prefix in self.files:
                    raise RefusedPath(f"{prefix!r} is a file and a folder")
        self._refuse_text()

    def _refuse_text(self) -> None:
        size = 0
        for path, text in self.files.items():
            try:
                size += len(text.encode())
            except UnicodeEncodeError as error:
                raise RefusedPath(f"{path!r} holds text that is not valid Unicode") from error
            if "\0" in text:
                raise RefusedPath(f"{path!r} holds a NUL character")
        if size > MAX_BYTES:
            raise RefusedPath(f"{size} bytes are more than the allowed {MAX_BYTES}")

    def with_file(self, path: str, text: str) -> "Repository":
        """A repository with one file added or replaced."""
        return Repository({**self.files, path: text})

    def without_file(self, path: str) -> "Repository":
        """A repository without one of its files."""
        return Repository({other: text for other, text in self.files.items() if other != path})

    def python_files(self) -> dict[str, str]:
        """The Python files, sorted by path."""
        return {path: self.files[path] for path in sorted(self.files) if path.endswith(".py")}

    def write(self, directory: Path) -> None:
        """Write all files into `directory`, which is made if missing; `reproduce.sh` becomes executable.

        A link in the place of a file is replaced, one in the place of a folder raises RefusedPath: nothing
        is ever written through a link. Other files that are there stay.
        """
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in self.files.items():
            _write(directory, path, text, 0o755 if path == "reproduce.sh" else 0o644)

    @classmethod
    def read(cls, directory: Path) -> "Repository":
        """What `write` wrote; `.git` and `__pycache__` are passed over.

        Raises RefusedPath for links, devices, files that are not UTF-8, and whatever Repository refuses.
        """
        files: dict[str, str] = {}
        size = 0
        for folder, folders, names in os.walk(directory):
            folders[:] = sorted(set(folders) - _IGNORED)
            for name in sorted([*names, *folders]):
                file = Path(folder, name)
                path = file.relative_to(directory).as_posix()
                status = file.lstat()
                if stat.S_ISDIR(status.st_mode):
                    continue
                if not stat.S_ISREG(status.st_mode):
                    raise RefusedPath(f"{path!r} is a link or a special file")
                size += status.st_size
                if size > MAX_BYTES or len(files) >= MAX_FILES:
                    raise RefusedPath(f"{directory} holds more than {MAX_FILES} files or {MAX_BYTES} bytes")
                files[path] = _read(file, path)
        return cls(files)


def _write(directory: Path, path: str, text: str, mode: int) -> None:
    *folders, name = path.split("/")
    handle = os.open(directory, os.O_DIRECTORY | os.O_RDONLY)
    try:
        for folder in folders:
            with suppress(FileExistsError):
                os.mkdir(folder, dir_fd=handle)
            try:
                inner = os.open(folder, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_RDONLY, dir_fd=handle)
            except OSError as error:
                raise RefusedPath(f"{path!r}: {folder!r} is a link or a file in {directory}") from error
            os.close(handle)
            handle = inner
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=handle)
        new = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY
        with open(os.open(name, new, mode, dir_fd=handle), "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            os.fchmod(file.fileno(), mode)
            file.write(text)
    finally:
        os.close(handle)


def _read(file: Path, path: str) -> str:
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:  # noqa: PTH123
        try:
            return stream.read().decode()
        except UnicodeDecodeError as error:
            raise RefusedPath(f"{path!r} is not UTF-8 text") from error


def interface(source: str) -> str:
    """What other files need to know of a Python file: signatures, attributes and docstrings, bodies as `...`.

    Private names are left out, except special methods; `self.x = …` in `__init__` stays. Text that does not
    parse is returned as it is.
    """
    try:
        module = syntax.tree(source)
    except (SyntaxError, ValueError):
        return source
    kept = [*_docstring(module), *_interfaces(module.body)]
    return "\n".join(ast.unparse(ast.Module([statement], [])) for statement in kept) + "\n"


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return node.body[:1] if ast.get_docstring(node) is not None else []


def _public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _interfaces(body: list[ast.stmt]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _public(node.name):
                attributes = [_shortened(inner) for inner in node.body if _sets_self(inner)]
                node.body = [
                    *_docstring(node),
                    *(attributes if node.name == "__init__" else []),
                    ast.Expr(ast.Constant(...)),
                ]
                kept.append(node)
            case ast.ClassDef() if _public(node.name):
                node.body = [*_docstring(node), *_interfaces(node.body)] or [ast.Expr(ast.Constant(...))]
                kept.append(node)
            case ast.Assign() | ast.AnnAssign() if any(_public(name) for name in _targets(node)):
                kept.append(_shortened(node))
    return kept


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _sets_self(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(
        isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
        for target in targets
    )


def _shortened(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and len(ast.unparse(node.value)) > 80:
        node.value = ast.Constant(...)
    return node
