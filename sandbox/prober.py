"""Runs inside the sandbox: a repository's tests, and whether they notice when the code under them is wrong.

    prober.py ORDERS    ORDERS is JSON: {tests, targets: {file: symbols}, mutants, seconds}

Standard library and pytest only, from the environment, never from the repository. First every test as it stands, and
what each enters; then, for each target, which of those that enter it notice when it raises instead; then these once
more for each fault that is put into it. Each in a process of its own, forked after the packages were imported, with
the faulty module in memory only. What came of it is the one thing on the standard output: no test reaches that. A
test that ends its process or takes five times as long has noticed the fault.
"""

import ast
import copy
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import takewhile, zip_longest
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

_SET_DUMPABLE = 4
_SHORTEST = 5.0
"""Seconds that any run of tests may take."""
_MOST = 50_000_000
"""Bytes that are read of what came of tests."""
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
    """What pytest says of each test: empty where it passed, else why not; and what each enters of `watched` files."""

    def __init__(self, finders: Sequence[MetaPathFinder], watched: Sequence[str] = ()) -> None:
        self.told: dict[str, str] = {}
        self.entered: dict[str, set[str]] = {"": set()}
        """Test → functions; of no test: while tests are collected."""
        self._finders = finders
        self._watched = {str(Path(file).resolve()): file for file in watched}
        self._test = ""

    def pytest_sessionstart(self) -> None:
        # Before pytest's own, which reads every `*_test.py` itself.
        sys.meta_path[:0] = self._finders
        if self._watched:
            sys.setprofile(self._enters)

    def _enters(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (file := self._watched.get(frame.f_code.co_filename)):
            self.entered[self._test].add(f"{file}::{frame.f_code.co_qualname}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid
        self.entered.setdefault(nodeid, set())

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


@dataclass(frozen=True)
class Told:
    """What came of tests."""

    why: dict[str, str]
    """Test → why it failed; empty: it passed."""
    entered: dict[str, set[str]]
    """Test → functions of the watched files; of no test: while they were collected."""


@dataclass(frozen=True)
class Run:
    """Tests in a process of their own."""

    tests: Sequence[str]
    seconds: float
    """It may take."""
    wrong: Wrong | None = None
    every: bool = True
    """Whether tests go on after one that fails."""
    watched: Sequence[str] = ()
    """Files of which it is noted who enters what."""


@dataclass(frozen=True)
class _Running:
    child: int
    read: int
    deadline: float

    def told(self) -> Told | None:
        """Wait for it; None where the tests did not end, or not by themselves."""
        said = b""
        while len(said) < _MOST:
            left = max(0.0, self.deadline - time.monotonic())
            if not select.select([self.read], [], [], left)[0] or not (more := os.read(self.read, 65536)):
                break
            said += more
        os.close(self.read)
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                end(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        Path.cwd().chmod(0o755)  # whatever the tests made of it
        try:
            told, entered = json.loads(said)
            return Told(
                {str(name): str(why) for name, why in told.items()},
                {str(name): set(map(str, symbols)) for name, symbols in entered.items()},
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


def several(runs: Iterable[Run], processes: int) -> Iterator[Told | None]:
    """What came of each, in their order, so many at the same time; None where one did not end by itself."""
    running = deque[_Running]()
    for run in runs:
        running.append(_begun(run))
        if len(running) == processes:
            yield running.popleft().told()
    yield from (each.told() for each in running)


def _begun(run: Run) -> _Running:
    read, write = os.pipe()
    if not (child := os.fork()):
        os.close(read)
        _tests(run, write)
    os.close(write)
    return _Running(child, read, time.monotonic() + run.seconds)


def _tests(run: Run, write: int) -> None:
    """What the process of some tests does; it never returns."""
    import pytest

    try:
        os.setsid()
        if run.wrong:
            run.wrong.fault.put()
        outcomes = _Outcomes([_Finder(run.wrong.file, run.wrong.tree)] if run.wrong else [], run.watched)
        pytest.main(
            [
                "-q",
                # Of a fault it is asked whether it is noticed, not how: nothing has to be written anew for that.
                *(["--tb=native", "--assert=plain"] if run.wrong else ["--tb=short"]),
                "-p",
                "no:cacheprovider",
                # It would collect all garbage four times for each fault.
                "-p",
                "no:unraisableexception",
                "--rootdir=.",
                "--import-mode=importlib",
                *run.tests,
                *([] if run.every else ["-x"]),
            ],
            plugins=[outcomes],
        )
        sys.setprofile(None)
        entered = {name: sorted(symbols) for name, symbols in outcomes.entered.items()}
        os.write(write, json.dumps([outcomes.told, entered]).encode())
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
    processes: int = 1
    """At the same time, of those with a fault."""

    def said(self) -> dict[str, Any]:
        """What is printed.

        `tests`: test → why it failed; `calls`: function → the passing tests that fail when it only raises; `mutants`:
        what was tried and whether those tests noticed; `untried`: how many faults were not. None is tried while a
        test fails that nobody expects to. `unseen`: functions that there was no time to let raise.
        """
        # First: a test may write to the files, or close them.
        functions = {symbol: (file, tree, function) for file, symbol, function, tree in self._functions()}
        outcomes, took, entered = self._as_they_stand()
        passing = [name for name, why in outcomes.items() if not why]
        deadline = time.monotonic() + self.seconds
        # Who never enters it cannot notice; one that was seen to enter nothing may do so in another process.
        reaching = {
            symbol: names
            for symbol in functions
            if (names := [name for name in passing if symbol in entered[name] or not entered[name]])
        }
        raising = (
            Run(names, _patience(names, took), Wrong(file, tree, _raising(function)))
            for symbol, names in reaching.items()
            for file, tree, function in [functions[symbol]]
        )
        told = self._told(raising, deadline)
        noticed = {
            symbol: [name for name in names if each is None or each.why.get(name)]
            for (symbol, names), each in zip(reaching.items(), told, strict=False)
        }
        unseen = [*reaching][len(told) :]
        calls = {symbol: noticed.get(symbol, []) for symbol in functions if symbol not in unseen}
        ready = [
            [
                (symbol, fault, Run(names, _patience(names, took), Wrong(file, tree, fault), every=False))
                for fault in faults(function)
            ]
            for symbol, names in noticed.items()
            for file, tree, function in [functions[symbol]]
            if names and set(outcomes.values()) <= {"", EXPECTED}
        ]
        mutants = chosen(ready, self.mutants)
        told = self._told((run for _, _, run in mutants), deadline)
        tried = [
            {
                "symbol": symbol,
                "line": fault.line,
                "what": fault.what,
                "killed": each is None or any(each.why.values()),
            }
            for (symbol, fault, _), each in zip(mutants, told, strict=False)
        ]
        untried = sum(map(len, ready)) - len(tried)
        return {"tests": outcomes, "calls": calls, "mutants": tried, "untried": untried, "unseen": unseen}

    def _told(self, runs: Iterable[Run], deadline: float) -> list[Told | None]:
        """What came of those that there was time to begin."""
        return list(several(takewhile(lambda _: time.monotonic() <= deadline, runs), self.processes))

    def _as_they_stand(self) -> tuple[dict[str, str], dict[str, float], dict[str, set[str]]]:
        """What came of each test, the seconds of each file, and what each test enters, or its file when collected."""
        outcomes: dict[str, str] = {}
        took: dict[str, float] = {}
        entered = defaultdict[str, set[str]](set)
        for file in self.tests:
            began = time.monotonic()
            (told,) = several([Run([file], self.seconds, watched=list(self.targets))], 1)
            took[file] = time.monotonic() - began
            if told is None:
                outcomes[file] = "Its tests did not end, or not by themselves."
                continue
            outcomes |= told.why
            for name in told.why:
                entered[name] = told.entered.get(name, set()) | told.entered.get("", set())
        return outcomes, took, entered

    def _functions(self) -> Iterator[tuple[Path, str, ast.FunctionDef | ast.AsyncFunctionDef, ast.Module]]:
        for file, symbols in self.targets.items():
            tree = ast.parse(Path(file).read_text("utf-8"))
            for symbol, function in functions(tree, symbols).items():
                yield Path(file).resolve(), f"{file}::{symbol}", function, tree


def _raising(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Fault:
    raising = ast.Raise(ast.Call(ast.Name("RuntimeError", ast.Load()), [ast.Constant("replaced")], []))
    return Fault(function, "body", None, [raising], function.lineno, "raises")


def _patience(tests: Iterable[str], took: Mapping[str, float]) -> float:
    """Seconds: five times what the files of these tests took as they stand, each counted once."""
    return max(_SHORTEST, 5 * sum(took[file] for file in {name.partition("::")[0] for name in tests}))


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
    # What packages bring for pytest is nothing to these tests, and each child would load it anew: a second or more.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    importlib.import_module("pytest")
    _imported([*orders["targets"], *orders["tests"]])
    gc.freeze()  # what is there by now is no garbage: no child has to look through it
    with os.fdopen(said, "w") as stream:
        json.dump(Probe(**orders, processes=int(os.environ.get("OMP_NUM_THREADS", "1"))).said(), stream)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
