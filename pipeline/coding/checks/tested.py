"""Tests that are written from the paper: which a repository holds, what they test, and which are known to fail."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pipeline.coding.checks.calls import call_problems
from pipeline.coding.checks.program import Program
from pipeline.coding.checks.symbols import dotted, imports, parse
from pipeline.contract import TESTS

_NAME = re.compile(r"test((?:_r\d+)+)_\w+")
_MARK = "@pytest.mark.xfail(reason="


@dataclass(frozen=True)
class Case:
    """One test."""

    id: str
    """As pytest names it, without parameters: `tests/test_model.py::test_r3_rows_sum_to_one`."""
    requirements: tuple[str, ...]
    text: str
    expected: str
    """Why it is known to fail; empty: it has to pass."""


def files_of_tests(files: Mapping[str, str]) -> dict[str, str]:
    """Those of a repository, path → text."""
    return {path: files[path] for path in sorted(files) if re.fullmatch(rf"{TESTS}test_\w+\.py", path)}


def place_of_tests(module: str) -> str:
    """Where the tests of a file of the repository stand."""
    return f"{TESTS}test_{module.removesuffix('.py').replace('/', '_')}.py"


def cases(files: Mapping[str, str]) -> tuple[Case, ...]:
    """All tests of a repository, in order."""
    found = []
    for path, text in files_of_tests(files).items():
        for node in tests_of(parse(text)):
            found.append(
                Case(f"{path}::{node.name}", required(node.name), ast.unparse(node), _expected(node))
            )
    return tuple(found)


def required(name: str) -> tuple[str, ...]:
    """Ids of the requirements that a test names; none where it names none."""
    named = _NAME.fullmatch(name)
    return tuple(named[1].strip("_").upper().split("_")) if named else ()


def targets(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Files that the tests of a repository import something from, each with its functions and classes.

    All of them, because what is imported stands on what is not.
    """
    program, found = Program(files), dict[str, list[str]]()
    for path, text in files_of_tests(files).items():
        tree = parse(text)
        for module, name in imports(path, tree).values() if tree else ():
            file = program.path_of(module)
            if name and file and (defined := program.module(file)):
                found[file] = [*defined.functions, *defined.classes]
    return found


def misfits(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Where tests cannot use the code as the plan says it can be used: path of the tests → sentences."""
    found, program = dict[str, list[str]](), Program(files)
    for path, text in files_of_tests(files).items():
        tree = parse(text)
        if tree is None:
            continue
        problems = [
            f"`{path}`, line {line}: {problem}." for line, problem in call_problems(path, tree, program)
        ]
        for module, name in imports(path, tree).values():
            file = program.path_of(module)
            known = program.module(file) if file else None
            if known and name and known.complete and name not in known.names:
                problems.append(f"`{file}` has no `{name}`, which the plan promises and `{path}` uses.")
        if problems:
            found[path] = problems
    return found


def expected_to_fail(text: str, name: str, why: str) -> str:
    """A file of tests with one of them marked: `why` is shown to whoever runs them."""
    node = next(node for node in tests_of(parse(text)) if node.name == name)
    lines = text.split("\n")
    lines.insert(_first(node) - 1, f"{_MARK}{why!r})")
    needs = not any(
        "pytest" in (alias.name for alias in n.names) for n in _nodes(text) if isinstance(n, ast.Import)
    )
    return _with_import("\n".join(lines)) if needs else "\n".join(lines)


def without(text: str, names: Collection[str]) -> str:
    """A file of tests without some of them; empty where none is left."""
    tree = parse(text)
    tests = list(tests_of(tree))
    if all(node.name in names for node in tests):
        return ""
    lines = text.split("\n")
    for node in reversed(tests):
        if node.name in names:
            del lines[_first(node) - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).rstrip("\n") + "\n"


def tests_of(tree: ast.Module | None) -> Iterator[ast.FunctionDef]:
    """The tests in a file."""
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node


def _nodes(text: str) -> Iterator[ast.AST]:
    tree = parse(text)
    return ast.walk(tree) if tree else iter(())


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _expected(node: ast.FunctionDef) -> str:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and dotted(decorator.func).endswith("mark.xfail"):
            return next(
                (str(k.value.value) for k in decorator.keywords if isinstance(k.value, ast.Constant)), ""
            )
    return ""


def _with_import(text: str) -> str:
    """With pytest imported, below the docstring and what has to come first."""
    tree = parse(text)
    last = 0
    for node in tree.body if tree else ():
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not documents and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        last = node.end_lineno or last
    lines = text.split("\n")
    return "\n".join([*lines[:last], *([""] if last else []), "import pytest", *lines[last:]])
