"""What a program can mend in a repository that does not run, free of charge and before the model is asked.

Each remedy is certain of its cause: it reads the failure, changes as little as will do, and says what it did.
Whatever needs judgement is left to the model. Knows no sandbox: `fixing.py` says what happened.
"""

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pipeline.coding.checks.symbols import parse
from pipeline.coding.coding import imported
from pipeline.coding.repository import Repository
from pipeline.running.dropped import RENAMED, renamed
from pipeline.running.signatures import exception, frames, missing_module

REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True)
class Change:
    """A state of the repository and why it came to be."""

    repository: Repository
    remedy: str


@dataclass(frozen=True)
class Failure:
    """A run that failed, as far as a remedy has to know it."""

    repository: Repository
    phase: str
    output: str
    """What the program printed, or the resolver."""
    problems: tuple[str, ...]
    """Why it counts as failed, as sentences; names in them stand in backticks."""
    package_for: Callable[[str], str | None]
    """The package that provides a module, where that is known."""


def mend(failure: Failure) -> Change | None:
    """The first remedy that applies."""
    return next((change for remedy in _REMEDIES if (change := remedy(failure))), None)


def _declare_package(failure: Failure) -> Change | None:
    """A module is not installed although its package is known."""
    module = missing_module(failure.output)
    package = failure.package_for(module) if module and not _is_local(module, failure.repository) else None
    lines = _lines(failure.repository)
    if package is None or package in {_name(line) for line in lines}:
        return None
    return _with_requirements(failure.repository, [*lines, package], f"declare {package}")


def _correct_requirements(failure: Failure) -> Change | None:
    """requirements.txt names what is no package: options, addresses, the standard library, misspellings."""
    if failure.phase != "install":
        return None
    repository, kept, dropped = failure.repository, list[str](), list[str]()
    quoted = " ".join(problem for problem in failure.problems if REQUIREMENTS in problem)
    for line in _lines(repository):
        name = _name(line)
        wrong = name is None or name in sys.stdlib_module_names or f"`{name}`" in quoted
        (dropped if wrong else kept).append(line)
    if not dropped:
        return None
    modules = set().union(*(imported(text) for text in repository.python_files().values()))
    found = (failure.package_for(module) for module in sorted(modules) if not _is_local(module, repository))
    needed = [package for package in found if package and package not in map(_name, kept)]
    declared = f", declare {', '.join(needed)}" if needed else ""
    return _with_requirements(
        repository, [*kept, *needed], f"drop {_quoted(dropped)} from {REQUIREMENTS}{declared}"
    )


def _loosen_pins(failure: Failure) -> Change | None:
    """No versions fit together: those that the resolver names are left to it, else all."""
    if failure.phase != "install" or "No solution found" not in failure.output:
        return None
    lines = _lines(failure.repository)
    pinned = {line: Requirement(line) for line in lines if Requirement(line).specifier}
    named = {line for line in pinned if re.search(rf"(?<![\w-]){_name(line)}(?![\w-])", failure.output)}
    loosened = {line: pinned[line] for line in lines if line in (named or pinned)}
    if not loosened:
        return None
    for requirement in loosened.values():
        requirement.specifier = SpecifierSet()
    free = [str(loosened.get(line, line)) for line in lines]
    return _with_requirements(
        failure.repository, free, f"leave the version open of {_quoted(loosened)}, which cannot be met"
    )


def _add_init(failure: Failure) -> Change | None:
    """A folder without `__init__.py` loses against an installed package or a standard module of its name."""
    module = missing_module(failure.output)
    if module is None or "." not in module:
        return None
    parts = module.split(".")
    files = failure.repository.files
    for root in ("", "src/"):
        path = root + "/".join(parts)
        markers = [root + "/".join([*parts[:depth], "__init__.py"]) for depth in range(1, len(parts))]
        missing = [marker for marker in markers if marker not in files]
        if missing and (f"{path}.py" in files or any(file.startswith(f"{path}/") for file in files)):
            repository = failure.repository
            for marker in missing:
                repository = repository.with_file(marker, "")
            return Change(repository, f"program: add {', '.join(missing)}")
    return None


def _make_folder(failure: Failure) -> Change | None:
    """The code writes to a folder that nobody made: it is made just before, where the code writes."""
    kind, message = exception(failure.output)
    lacking = (
        kind == "FileNotFoundError"
        or "non-existent directory" in message
        or ("Parent directory " in message and " does not exist" in message)
    )
    places = frames(failure.output, failure.repository.files)
    if not lacking or not places:
        return None
    path, number = places[-1].path, places[-1].line
    source = failure.repository.files[path]
    tree = parse(source)
    if tree is None:
        return None
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and _covers(n, number)]
    statements.sort(key=lambda node: (node.lineno, node.col_offset), reverse=True)
    found = ((one, target) for one in statements for target in _written(one, number))
    statement, target = next(found, (None, None))
    if statement is None or target is None:
        return None
    lines = source.split("\n")
    indent = lines[statement.lineno - 1][: statement.col_offset]
    if indent.strip():
        return None
    added = f"{indent}Path({ast.unparse(target)}).parent.mkdir(parents=True, exist_ok=True)"
    if lines[statement.lineno - 2] == added:
        return None
    lines.insert(statement.lineno - 1, added)
    if not _imports_path(tree):
        lines.insert(_first_statement(tree) - 1, "from pathlib import Path")
    text = "\n".join(lines)
    if parse(text) is None:
        return None  # Such as before an `elif`.
    repository = failure.repository.with_file(path, text)
    return Change(repository, f"program: make the folder that {path} writes to, `{ast.unparse(target)}`")


def _mark_numbers(failure: Failure) -> Change | None:
    """`1e-4` is text for YAML 1.1, `1.0e-4` a number."""
    kind, message = exception(failure.output)
    about_text = re.search(r"\bstr\b|<U\d|sequence|invalid literal for int", message)
    if not about_text or not (kind in ("TypeError", "ValueError") or "UFunc" in kind):
        return None
    repository, told = failure.repository, list[str]()
    for path, text in failure.repository.files.items():
        if not path.endswith((".yaml", ".yml")):
            continue
        for start, end, number in reversed(list(_numbers_as_text(text))):
            told.insert(0, f"`{text[start:end]}` in {path} is text: `{number}`")
            text = text[:start] + number + text[end:]
        repository = repository.with_file(path, text)
    return Change(repository, f"program: {', '.join(told)}") if told else None


def _use_new_name(failure: Failure) -> Change | None:
    """A newer version of a library has another name for it."""
    _, message = exception(failure.output)
    found = re.search(r"module '([\w.]+)' has no attribute '(\w+)'", message) or re.search(
        r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'", message
    )
    if found:
        named = found.groupdict()
        old = f"{named['module']}.{named['name']}" if named else f"{found[1]}.{found[2]}"
    elif removed := re.match(r"`np\.(\w+)` was removed in", message):
        old = f"numpy.{removed[1]}"
    else:
        return None
    new = RENAMED.get(old)
    if new is None:
        return None
    files = {path: renamed(text, old, new) for path, text in failure.repository.python_files().items()}
    repository = Repository({**failure.repository.files, **files})
    return (
        Change(repository, f"program: `{old}` is `{new}` now") if repository != failure.repository else None
    )


_REMEDIES = (
    _declare_package,
    _correct_requirements,
    _loosen_pins,
    _add_init,
    _make_folder,
    _mark_numbers,
    _use_new_name,
)


def _quoted(lines: Collection[str]) -> str:
    first = [f"`{line[:60]}`" for line in list(lines)[:5]]
    more = len(lines) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def _lines(repository: Repository) -> list[str]:
    """requirements.txt without comments and empty lines."""
    text = repository.files.get(REQUIREMENTS, "").removeprefix("\ufeff")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _name(line: str) -> str | None:
    """The canonical name of the package that a line asks for; None if it asks for anything else."""
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError):
        return None
    return None if requirement.url else canonicalize_name(requirement.name)


def _with_requirements(repository: Repository, lines: list[str], what: str) -> Change:
    text = "".join(f"{line}\n" for line in sorted(set(lines), key=str.lower))
    return Change(repository.with_file(REQUIREMENTS, text), f"program: {what}")


def _is_local(module: str, repository: Repository) -> bool:
    top = module.partition(".")[0]
    return any(
        path.removeprefix("src/").split("/")[0] in (top, f"{top}.py") for path in repository.python_files()
    )


def _covers(node: ast.stmt | ast.expr, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


_PATH_FIRST = {
    "imsave", "imwrite", "makedirs", "mkdir", "save", "save_npz", "savefig", "savetxt", "savez",
    "savez_compressed", "to_csv", "to_json", "to_parquet", "to_pickle", "write_image",
}  # fmt: skip
_PATH_SECOND = {"torch.save", "joblib.dump", "nx.write_gml"}
_OF_PATHS = {"mkdir", "touch", "write_bytes", "write_text"}
_MAKES_PATHS = {"Path", "format", "join", "joinpath", "str", "with_name", "with_suffix"}


def _written(statement: ast.stmt, line: int) -> Iterator[ast.expr]:
    """Paths that calls in this line of a statement write to, if they can be named before it and do no harm."""
    bound = {
        node.arg if isinstance(node, ast.arg) else node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    for node in ast.walk(statement):
        path = _target(node) if isinstance(node, ast.Call) and _covers(node, line) else None
        parts = list(ast.walk(path)) if path else []
        calls = [part for part in parts if isinstance(part, ast.Call)]
        harmless = all(_callee(call).rsplit(".", 1)[-1] in _MAKES_PATHS for call in calls)
        if path and harmless and not any(isinstance(part, ast.Name) and part.id in bound for part in parts):
            yield path


def _target(call: ast.Call) -> ast.expr | None:
    name = _callee(call)
    last = name.rsplit(".", 1)[-1]
    modes = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    writing = [isinstance(m, ast.Constant) and re.fullmatch(r"[wax][bt+]*", str(m.value)) for m in modes]
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    if last == "open":
        if not any(writing):
            return None
        return receiver if receiver and (writing[0] or not call.args) else call.args[0]
    if name in _PATH_SECOND:
        return call.args[1] if len(call.args) > 1 else None
    if receiver and last in _OF_PATHS and name != "os.mkdir":
        return receiver
    return call.args[0] if last in _PATH_FIRST and call.args else None


def _callee(call: ast.Call) -> str:
    """Dotted, as far as it is names: `np.save`, `save`; of anything else its last part."""
    if isinstance(call.func, ast.Name | ast.Attribute):
        return ast.unparse(call.func)
    return ""


def _imports_path(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "pathlib"
        and any(alias.name == "Path" and not alias.asname for alias in node.names)
        for node in tree.body
    )


def _first_statement(tree: ast.Module) -> int:
    """The line of the first statement that imports may stand before."""
    return next(
        int(min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))]))
        for node in tree.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    )


_EXPONENT = re.compile(r"([-+]?\d+)(\.\d*)?[eE]([-+]?)(\d+)")


def _numbers_as_text(text: str) -> Iterator[tuple[int, int, str]]:
    """Where in a YAML document a number is written so that it is read as text, and how it is read as one."""
    try:
        for token in yaml.scan(text, yaml.SafeLoader):
            if not isinstance(token, yaml.ScalarToken) or not token.plain:
                continue
            found = _EXPONENT.fullmatch(token.value)
            if found and isinstance(yaml.safe_load(token.value), str):
                whole, fraction, sign, power = found.groups()
                number = f"{whole}{fraction if fraction and len(fraction) > 1 else '.0'}e{sign or '+'}{power}"
                yield token.start_mark.index, token.end_mark.index, number
    except yaml.YAMLError:
        return
