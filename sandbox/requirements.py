"""What a directory needs: its imports and its requirements.txt, as requirements fit to be installed.

Nothing of the directory is run and no index is asked here; `packages.py` does that. The rule against
typo-squatting: an import name is never asked at the index. A package is installed if the curated list
(`modules.toml`) knows it, or if the code imports it *and* requirements.txt declares it under the same name
and it does not look like a misspelling of a known one; such a package must have been published for
`COOLDOWN`, and the report names it.
"""

import ast
import codecs
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sandbox import syntax
from sandbox.contents import Contents

_TABLES = tomllib.loads((Path(__file__).parent / "modules.toml").read_text("utf-8"))
_PACKAGES: dict[str, str] = {name: canonicalize_name(name) for name in _TABLES["same"]["names"]} | _TABLES[
    "renamed"
]
_ALTERNATIVES: dict[str, list[str]] = _TABLES["alternatives"]
_INSTEAD: dict[str, str] = _TABLES["instead"]
_LARGEST, _LONGEST_LINE, _MOST = 256 * 2**10, 500, 1000
# The longer ones first: one begins with another.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_KNOWN = frozenset(_PACKAGES.values()).union(*_ALTERNATIVES.values())
_BY_MODULE = {canonicalize_name(module): package for module, package in reversed(_PACKAGES.items())}


@dataclass(frozen=True)
class Import:
    """One third-party import."""

    module: str
    """Dotted, as written: `sklearn.metrics`."""
    file: str
    line: int
    conditional: bool
    """Under `if` or in a `try` that handles a failing import: the code can do without."""


@dataclass(frozen=True)
class Requirements:
    """What to install for a directory, and what a reader must know about it."""

    wanted: tuple[str, ...]
    """PEP 508 requirements, sorted."""
    unknown: tuple[str, ...] = ()
    """Names among `wanted` that the curated list does not know."""
    undeclared: tuple[str, ...] = ()
    """Packages that the code imports and requirements.txt does not declare; they are in `wanted`."""
    left_out: tuple[str, ...] = ()
    """Packages that requirements.txt declares and that are not in `wanted`, though nothing imports them."""
    problems: tuple[str, ...] = ()
    """Faults of the repository, as sentences."""
    notes: tuple[str, ...] = ()


def package_for(module: str) -> str | None:
    """The package that provides a module (`sklearn.metrics` → `scikit-learn`); None where it is not known."""
    parts = module.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_PACKAGES[prefix] for prefix in prefixes if prefix in _PACKAGES), None)


def imports(held: Contents) -> tuple[list[Import], list[str]]:
    """Third-party imports in all scopes, and sentences on the files that do not parse and so are not known."""
    found: list[Import] = []
    unread: list[str] = []
    local = _local_modules(held)
    for path in held.python:
        folder = path.rpartition("/")[0]
        near = local[""] | local["src"] | local[folder] | local[f"{folder}/src".lstrip("/")]
        try:
            imported = list(_imported(syntax.tree(_source(held, path)), conditional=False))
        except (OSError, SyntaxError, RecursionError):
            unread.append(f"`{path}` cannot be parsed: what it imports was not looked for.")
            continue
        for module, line, conditional in imported:
            top = module.partition(".")[0]
            if top not in near and top not in sys.stdlib_module_names:
                found.append(Import(module, path, line, conditional))
    return found, unread


def _source(held: Contents, path: str) -> bytes:
    if held.files[path] > syntax.LONGEST:
        raise SyntaxError(f"{held.files[path]:,} bytes are more than the {syntax.LONGEST:,} that are read")
    return (held.root / path).read_bytes()


def requirements(held: Contents) -> Requirements:
    """What to install for the code in a directory and its requirements.txt."""
    needed, unread = imports(held)
    imported = {canonicalize_name(top) for top in {item.module.partition(".")[0] for item in needed}}
    declared, problems, notes = _declared(held)
    problems = [*held.problems, *problems]
    notes += unread
    unknown: list[str] = []
    left_out: list[str] = []
    wanted: dict[str, Requirement] = {}
    for name, requirement in declared.items():
        if name in _KNOWN:
            wanted[name] = requirement
        elif close := _looks_like(name):
            problems.append(
                f"requirements.txt asks for `{name}`, which is not a known package but is spelt almost like "
                f"`{close}`: it was not installed."
            )
        elif name in imported:
            wanted[name] = requirement
            unknown.append(name)
            notes.append(
                f"`{name}` is not among the packages that paper2code knows: see that it is what you think."
            )
        else:
            left_out.append(name)
            # First, since a reader may be shown some notes only.
            notes.insert(
                0,
                f"`{name}` in requirements.txt was not installed: it is not among the packages that "
                "paper2code knows, and the code does not import it by that name.",
            )
    undeclared = []
    for item in needed:
        package = package_for(item.module)
        top = item.module.partition(".")[0]
        if package is None:
            if canonicalize_name(top) not in wanted and not item.conditional:
                problems.append(
                    f"{item.file}, line {item.line}, imports `{item.module}`: that is neither in this "
                    "repository, nor "
                    "in the standard library, nor a known package, and requirements.txt does not declare it "
                    "by that name."
                )
        elif not item.conditional and not {package, *_ALTERNATIVES.get(top, ())} & wanted.keys():
            wanted[package] = Requirement(package)
            undeclared.append(package)
    if not problems:  # else nothing is installed
        # What only its tests import is in requirements-dev.txt, which we write.
        used = {package_for(item.module) for item in needed if not item.file.startswith("tests/")}
        notes += [
            f"`{package}` is imported but not in requirements.txt: it was installed all the same."
            for package in undeclared
            if package in used
        ]
    return Requirements(
        wanted=tuple(sorted(map(str, wanted.values()))),
        unknown=tuple(sorted(unknown)),
        undeclared=tuple(sorted(undeclared)),
        left_out=tuple(sorted(left_out)),
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _looks_like(name: str) -> str | None:
    """A known package that `name` could be a misspelling of: one edit away, or in a long name two."""
    if close := get_close_matches(name, _KNOWN, n=1, cutoff=0.9):
        return close[0]
    return next((known for known in sorted(_KNOWN) if _one_edit_apart(name, known)), None)


def _one_edit_apart(one: str, other: str) -> bool:
    """One letter changed, added, or dropped, or two neighbours swapped."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])


def _declared(held: Contents) -> tuple[dict[str, Requirement], list[str], list[str]]:
    """requirements.txt as canonical name → requirement, with problems and notes."""
    declared: dict[str, Requirement] = {}
    problems: list[str] = []
    notes: list[str] = []
    if "requirements.txt" not in held.files:
        return declared, problems, notes
    if held.files["requirements.txt"] > _LARGEST:
        return declared, [f"requirements.txt is larger than {_LARGEST:,} bytes."], notes
    for number, raw in enumerate(_text((held.root / "requirements.txt").read_bytes()).splitlines(), start=1):
        line = uncommented(raw)
        if not line:
            continue
        try:
            requirement, note = _sandboxed(parsed(line))
        except ValueError as error:
            problems.append(f"requirements.txt, line {number}, {error}.")
            continue
        if note:
            notes.append(note)
        declared[canonicalize_name(requirement.name)] = requirement
        if len(declared) > _MOST:
            return declared, [f"requirements.txt asks for more than {_MOST:,} packages."], notes
    return declared, problems, notes


def _text(data: bytes) -> str:
    """As pip reads it: a byte-order mark tells the encoding, else it is UTF-8."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding, errors="replace")
    return data.decode("utf-8", errors="replace")


def uncommented(line: str) -> str:
    """A line of requirements.txt without its comment."""
    return re.sub(r"(^|\s)#.*", "", line).strip()


def parsed(line: str) -> Requirement:
    """What a line asks for. Raises ValueError with what is wrong, a clause that follows the line's number."""
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"is longer than {_LONGEST_LINE} characters")
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError) as error:
        raise ValueError(
            "is not a package with a version: options, addresses and files are not accepted"
        ) from error
    if requirement.url:
        raise ValueError(f"asks for `{requirement.name}` from an address, which is not accepted")
    if any(specifier.operator == "===" for specifier in requirement.specifier):
        raise ValueError(f"asks for `{requirement}`: `===` compares text, and no version is looked for by it")
    return requirement


def _sandboxed(requirement: Requirement) -> tuple[Requirement, str]:
    """The requirement as a machine without graphics card can meet it, and a note if it changed."""
    name = canonicalize_name(requirement.name)
    instead = _INSTEAD.get(name)
    if instead is None and name not in _KNOWN:
        instead = _BY_MODULE.get(name)
    # A local version, which names a build, is all that stands behind the plus.
    public = SpecifierSet(",".join(str(each).partition("+")[0] for each in requirement.specifier))
    if not instead and public == requirement.specifier:
        return requirement, ""
    changed = copy(requirement)
    changed.name = instead or requirement.name
    changed.specifier = public
    return changed, f"`{requirement}` in requirements.txt was taken as `{changed}`."


def _local_modules(held: Contents) -> Mapping[str, set[str]]:
    """Modules and packages that can be imported from each folder."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for path in held.python:
        *folders, name = path.split("/")
        names["/".join(folders)].add(name.removesuffix(".py"))
        for depth, folder in enumerate(folders):
            if folder.isidentifier():
                names["/".join(folders[:depth])].add(folder)
    return names


_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _imported(node: ast.AST, *, conditional: bool) -> Iterator[tuple[str, int, bool]]:
    """Absolute imports below `node`: module, line, conditional."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno, conditional) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.module and not child.level:
                # `from google import protobuf` names the package only with what it takes from it.
                names = (
                    [f"{child.module}.{alias.name}" for alias in child.names]
                    if "." not in child.module
                    else []
                )
                known = [name for name in names if name in _PACKAGES]
                yield from ((name, child.lineno, conditional) for name in known or [child.module])
        elif isinstance(child, ast.Try):
            forgiven = any(map(_forgives, child.handlers))
            tried = ast.Module(child.body, [])
            otherwise = ast.Module(
                [*(part for each in child.handlers for part in each.body), *child.orelse], []
            )
            yield from _imported(tried, conditional=conditional or forgiven)
            yield from _imported(otherwise, conditional=True)
            yield from _imported(ast.Module(child.finalbody, []), conditional=conditional)
        else:
            guarded = isinstance(child, ast.If) and "__name__" not in ast.dump(child.test)
            yield from _imported(child, conditional=conditional or guarded)


def _forgives(handler: ast.ExceptHandler) -> bool:
    """Whether the handler catches a failing import."""
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in _IMPORT_ERRORS for name in caught)
