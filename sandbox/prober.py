"""Runs inside the sandbox: a repository's tests, and whether they notice when the code under them is wrong.

    prober.py ORDERS    ORDERS is JSON: {tests, targets: {file: symbols}, mutants, seconds}

Standard library and pytest only, from the environment, never from the repository. First every test as it stands; then,
for each target, which tests call it (it raises instead); then those tests once more for each fault that is put into
it. Each in a process of its own, forked after the packages were imported, with the faulty module in memory only. What
came of it is the one thing on the standard output: no test reaches that. A test that ends its process or takes five
times as long has noticed the fault.
"""

import ast
import copy
import ctypes
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import zip_longest
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_SET_DUMPABLE = 4
_SHORTEST = 5.0
"""Seconds that any run of tests may take."""
_WHY = 1_500
"""Characters kept of how a test failed."""
EXPECTED = "It fails, as it is marked to."
_OPERATORS: dict[type[ast.AST], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
_COMPARISONS: dict[type[ast.AST], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ALIKE = [
    ("min", "max"),
    ("argmin", "argmax"),
    ("sum", "mean"),
    ("sin", "cos"),
    ("floor", "ceil"),
    ("all", "any"),
]
_NAMES = {name: other for pair in _ALIKE for name, other in (pair, pair[::-1])}
_AXES = ("axis", "dim")


@dataclass(frozen=True)
class Fault:
    """One change of a tree that is made by putting `node` into `parent.field`, at `index` where that is a list."""

    parent: ast.AST
    field: str
    index: int | None
    node: Any
    line: int
    what: str

    def put(self) -> None:
        """Make it."""
        if self.index is None:
            setattr(self.parent, self.field, self.node)
        else:
            getattr(self.parent, self.field)[self.index] = self.node


def functions(tree: ast.Module, symbols: Sequence[str]) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """`f` and `Class.method` by name; a class stands for all of its methods."""
    found = {}
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inner:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                name = prefix + each.name
                if name in symbols or prefix[:-1] in symbols:
                    found[name] = each
    return found


def faults(function: ast.AST) -> Iterator[Fault]:
    """What can be put wrong in its body; annotations, messages of errors and docstrings are left as they are."""
    for field, value in ast.iter_fields(function):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        several = isinstance(value, list)
        for index, node in enumerate(value if several else [value]):
            if not isinstance(node, ast.AST) or isinstance(node, ast.Raise | ast.JoinedStr | ast.arg):
                continue
            for what, wrong in _wrong(node):
                line = getattr(node, "lineno", getattr(function, "lineno", 0))
                yield Fault(function, field, index if several else None, wrong, line, what)
            if not isinstance(node, ast.UnaryOp) or not isinstance(node.operand, ast.Constant):
                yield from faults(node)


def _wrong(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for kind in (_arithmetic, _condition, _value, _call):
        yield from kind(node)


def _arithmetic(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.BinOp(left, operator, right):
            for other in _OPERATORS.get(type(operator), ()):
                yield "operator", _with(node, op=other())
            if isinstance(operator, ast.Add | ast.Sub | ast.Mult | ast.Div):
                yield "dropped term", left
            if isinstance(operator, ast.MatMult):
                yield "swapped arguments", _with(node, left=right, right=left)
        case ast.AugAssign(op=operator):
            for other in _OPERATORS.get(type(operator), ()):
                yield "operator", _with(node, op=other())
            yield "dropped statement", ast.Pass()


def _condition(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.UnaryOp(ast.Not(), operand):
            yield "condition", operand
        case ast.Compare(ops=[operator, *rest]) if type(operator) in _COMPARISONS:
            yield "condition", _with(node, ops=[_COMPARISONS[type(operator)](), *rest])
        case ast.BoolOp(op=operator):
            yield "condition", _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())


def _value(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
            # Were only its sign another, it would be the same axis where there are two.
            yield "constant", ast.Constant(1 - value)
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", operand
        case ast.Constant(bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(int(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Constant(float(value)):
            yield "constant", ast.Constant(2 * value if value else 1.0)
        case ast.keyword(arg=name, value=value) if name in _AXES:
            first = isinstance(value, ast.Constant) and value.value == 0
            yield "axis", _with(node, value=ast.Constant(-1 if first else 0))


def _call(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in _NAMES:
            yield "function", _with(node, func=_with(node.func, attr=_NAMES[name]))
        case ast.Call(func=ast.Name(id=name)) if name in _NAMES:
            yield "function", _with(node, func=_with(node.func, id=_NAMES[name]))
        case ast.Call(args=[first, second, *rest]) if ast.dump(first) != ast.dump(second):
            if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                yield "swapped arguments", _with(node, args=[second, first, *rest])


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def chosen(by_function: Sequence[Sequence[Any]], most: int) -> list[Any]:
    """At most `most` of all, in turn from each function, and within one spread over its length."""
    share = [[each[index] for index in _spread(len(each))] for each in by_function]
    in_turn = [fault for row in zip_longest(*share) for fault in row if fault is not None]
    return in_turn[:most]


def _spread(length: int) -> list[int]:
    """All indices, those first that lie far apart: the middle, the quarters, …"""
    width = max(1, (length - 1).bit_length())
    reversed_ = (int(f"{index:0{width}b}"[::-1], 2) for index in range(2**width))
    return [index for index in reversed_ if index < length]


class _Finder(MetaPathFinder):
    """Lets the module of `file` be what `tree` says."""

    def __init__(self, file: Path, tree: ast.Module) -> None:
        self._file, self._code = str(file), compile(ast.fix_missing_locations(tree), str(file), "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin != self._file:
            return None
        code = self._code

        class Loader(SourceFileLoader):
            def get_code(self, fullname: str) -> CodeType:
                return code

        spec.loader = Loader(fullname, self._file)
        return spec


class _Outcomes:
    """What pytest says of each test: empty where it passed, else why not."""

    def __init__(self, finders: Sequence[MetaPathFinder]) -> None:
        self.told: dict[str, str] = {}
        self._finders = finders

    def pytest_sessionstart(self) -> None:
        # Before pytest's own, which reads every `*_test.py` itself.
        sys.meta_path[:0] = self._finders

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.told[report.nodeid] = str(report.longrepr)[-_WHY:]
        elif report.skipped:
            self.told[report.nodeid] = EXPECTED if hasattr(report, "wasxfail") else "It was skipped."
        elif report.when == "call":
            self.told.setdefault(report.nodeid, "")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.told[report.nodeid] = str(report.longrepr)[-_WHY:]


@dataclass(frozen=True)
class Wrong:
    """A module with a fault in it; the fault is put there by the process that runs it."""

    file: Path
    tree: ast.Module
    fault: Fault


def run(
    tests: Sequence[str], seconds: float, wrong: Wrong | None = None, *, first: bool = False
) -> dict[str, str] | None:
    """What came of each test, in a process of its own; None where they did not end, or not by themselves.

    `first`: the first one that fails is the last.
    """
    read, write = os.pipe()
    if not (child := os.fork()):
        os.close(read)
        _tests([*tests, *(["-x"] if first else [])], write, wrong)
    os.close(write)
    said, deadline = b"", time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        if not (more := os.read(read, 65536)):
            break
        said += more
    os.close(read)
    for end in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            end(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return {str(name): str(why) for name, why in told.items()} if isinstance(told, dict) else None


def _tests(arguments: Sequence[str], write: int, wrong: Wrong | None) -> None:
    """What the process of some tests does; it never returns."""
    import pytest

    try:
        os.setsid()
        if wrong:
            wrong.fault.put()
        outcomes = _Outcomes([_Finder(wrong.file, wrong.tree)] if wrong else [])
        pytest.main(
            [
                "-q",
                "--tb=short",
                "-p",
                "no:cacheprovider",
                "--rootdir=.",
                "--import-mode=importlib",
                *arguments,
            ],
            plugins=[outcomes],
        )
        os.write(write, json.dumps(outcomes.told).encode())
    finally:
        os._exit(0)


@dataclass
class Probe:
    """Runs the tests of a repository, and lets each see what it should notice."""

    tests: Sequence[str]
    """Paths."""
    targets: dict[str, list[str]]
    """Path → what of it is tested: `f`, `Class.method`, or a class for all of its methods."""
    mutants: int
    """How many faults are tried at most."""
    seconds: float
    """After the tests themselves."""

    def said(self) -> dict[str, Any]:
        """What is printed.

        `tests`: test → why it failed; `calls`: function → the passing tests that fail when it only raises; `mutants`:
        what was tried and whether those tests noticed; `untried`: how many faults were not. None is tried while a
        test fails that nobody expects to.
        """
        outcomes, took = self._as_they_stand()
        passing = [name for name, why in outcomes.items() if not why]
        settled = set(outcomes.values()) <= {"", EXPECTED}
        deadline = time.monotonic() + self.seconds
        calls: dict[str, list[str]] = {}
        ready: list[list[tuple[str, Wrong, list[str]]]] = []
        for file, symbol, function, tree in self._functions():
            noticed = []
            raising = Wrong(file, tree, _raising(function))
            if passing and time.monotonic() < deadline:
                told = run(passing, _patience(took.values()), raising)
                noticed = passing if told is None else [name for name in passing if told.get(name)]
            calls[symbol] = noticed
            if noticed and settled:
                ready.append([(symbol, Wrong(file, tree, fault), noticed) for fault in faults(function)])
        tried = []
        for symbol, wrong, noticed in chosen(ready, self.mutants):
            if time.monotonic() > deadline:
                break
            told = run(
                noticed, _patience(took[name.partition("::")[0]] for name in noticed), wrong, first=True
            )
            killed = not told or any(told.values())
            fault = wrong.fault
            tried.append({"symbol": symbol, "line": fault.line, "what": fault.what, "killed": killed})
        untried = sum(map(len, ready)) - len(tried)
        return {"tests": outcomes, "calls": calls, "mutants": tried, "untried": untried}

    def _as_they_stand(self) -> tuple[dict[str, str], dict[str, float]]:
        """What came of each test, and the seconds of each file."""
        outcomes: dict[str, str] = {}
        took: dict[str, float] = {}
        for file in self.tests:
            began = time.monotonic()
            told = run([file], self.seconds)
            took[file] = time.monotonic() - began
            outcomes |= {file: "Its tests did not end, or not by themselves."} if told is None else told
        return outcomes, took

    def _functions(self) -> Iterator[tuple[Path, str, ast.FunctionDef | ast.AsyncFunctionDef, ast.Module]]:
        for file, symbols in self.targets.items():
            tree = ast.parse(Path(file).read_text("utf-8"))
            for symbol, function in functions(tree, symbols).items():
                yield Path(file).resolve(), f"{file}::{symbol}", function, tree


def _raising(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Fault:
    raising = ast.Raise(ast.Call(ast.Name("RuntimeError", ast.Load()), [ast.Constant("replaced")], []))
    return Fault(function, "body", None, [raising], function.lineno, "raises")


def _patience(seconds: Iterable[float]) -> float:
    return max(_SHORTEST, 5 * sum(seconds))


def _imported(files: Sequence[str]) -> None:
    """Import what the files import of others' packages, so that each child begins with it."""
    for file in files:
        with suppress(OSError, ValueError, SyntaxError):
            for node in ast.walk(ast.parse(Path(file).read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    names = [node.module]
                for name in names:
                    top = name.partition(".")[0]
                    if not Path(top).exists() and not Path(f"{top}.py").exists():
                        with suppress(Exception):
                            importlib.import_module(name)


def main(orders: dict[str, Any]) -> None:
    """Probe, and print what came of it; whatever else is printed goes nowhere."""
    # The tests have the same user: without this they could look into this process and change it.
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    said = os.dup(1)
    os.register_at_fork(after_in_child=lambda: os.close(said))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(Path.cwd()))
    importlib.import_module("pytest")
    _imported([*orders["targets"], *orders["tests"]])
    with os.fdopen(said, "w") as stream:
        json.dump(Probe(**orders).said(), stream)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
