"""Whether a patch mends a failure or hides it: the syntax before and after, compared.

Each refusal is a sentence that goes to the model. Whether the code is right is not decided here.
"""

import ast
import heapq
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline.coding.checks.conventions import is_trivial, network_uses
from pipeline.coding.checks.symbols import FunctionNode, dotted, parse
from pipeline.coding.checks.tested import files_of_tests
from pipeline.coding.given import GIVEN
from pipeline.coding.repository import Repository
from pipeline.contract import contract_of
from pipeline.planning.plan import metric_pattern

Constructs = Iterator[tuple[ast.AST, str]]

_BROAD = {"Exception", "BaseException"}
_HARMLESS = {
    "ImportError", "ModuleNotFoundError", "FileNotFoundError", "FileExistsError", "KeyboardInterrupt",
    "StopIteration", "queue.Empty",
}  # fmt: skip
_ALIKE, _COMPARED, _COMPARED_CHARACTERS = 0.6, 10, 2000
"""Of a function that was moved: how alike, among how many, in how much of them."""
_EXITS = {"sys.exit", "exit", "quit", "os._exit", "SystemExit"}
_RUNNER_FILES = {"sitecustomize.py", "usercustomize.py", "coverage.py", "conftest.py", "setup.cfg", "tox.ini"}
_RUNNER = re.compile(
    r"#\s*pragma:\s*no\s*cover|\bsys\.(?:settrace|setprofile|monitoring)\b|\bthreading\.settrace\b|"
    r"\b(?:import|from)\s+coverage\b|COVERAGE_PROCESS_START"
)
_SHELL_HIDES = re.compile(r"\|\|\s*(?:true|:|exit 0)|\bset \+e\b|\bexit 0\b|results\.json")
_SHELL_NETWORK = re.compile(r"\b(?:curl|wget|pip3? install|git clone|git fetch|scp|rsync)\b")


def check_patch(before: Repository, after: Repository, metrics: Collection[str] = ()) -> list[str]:
    """Reasons to refuse a patch for a run that failed, none if it may be tried.

    `metrics` are names or patterns of them. Nothing that fails in a sandbox is mended by a network.
    """
    network = _new(_Code(before), _Code(after), _network)
    return list(dict.fromkeys([*check_repair(before, after, metrics), *network]))


def check_repair(before: Repository, after: Repository, metrics: Collection[str] = ()) -> list[str]:
    """Reasons to refuse a change that closes gaps: what was there has to stay.

    It may fetch data for the full run, which contract 1 allows: the smoke run, which has to pass without a network,
    shows that it does not need any. By contract 2 nothing downloads, which the checks of code say of any file.
    """
    old, new = _Code(before), _Code(after)
    lost = [*_gutted(old, new), *_unreached(old, new), *_assertions(old, new), *_tests(before, after)]
    return list(dict.fromkeys([*check_change(before, after, metrics), *lost]))


def check_change(before: Repository, after: Repository, metrics: Collection[str] = ()) -> list[str]:
    """Reasons to refuse a change that somebody asked for: it may take code away as well."""
    old, new = _Code(before), _Code(after)
    return list(
        dict.fromkeys(
            [
                *_touched(before, after),
                *_shell(before, after),
                *_new(old, new, _swallowed),
                *_new(old, new, _exits),
                *_new(old, new, lambda tree: _constant_results(tree, metrics)),
            ]
        )
    )


@dataclass(frozen=True)
class _Function:
    path: str
    name: str
    """With the class: `Model.fit`."""
    node: FunctionNode

    def statements(self) -> int:
        return sum(isinstance(node, ast.stmt) for node in ast.walk(self.node)) - 1

    def body(self) -> str:
        return "\n".join(ast.unparse(statement) for statement in self.node.body)


class _Code:
    """The Python files of a repository that parse."""

    def __init__(self, repository: Repository) -> None:
        self.sources = repository.python_files()
        parsed = {path: parse(source) for path, source in self.sources.items()}
        self.trees = {path: tree for path, tree in parsed.items() if tree}
        self.broken = [self.sources[path] for path, tree in parsed.items() if not tree]
        self.functions = {
            (function.path, function.name): function
            for path, tree in self.trees.items()
            for function in _functions(path, tree, "")
        }
        self.names = {name.rsplit(".", 1)[-1] for _, name in self.functions} | {
            node.name
            for tree in self.trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        }


def _functions(path: str, node: ast.AST, prefix: str) -> Iterator[_Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield _Function(path, prefix + child.name, child)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(path, child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.If | ast.Try):
            yield from _functions(path, child, prefix)


def _new(old: _Code, new: _Code, find: Callable[[ast.Module], Constructs]) -> Iterator[str]:
    """Reasons for constructs that were not there before; moving one is not adding it.

    Before may not have parsed: there, a construct is old if its first line is in the text.
    """
    known = Counter(ast.unparse(node) for tree in old.trees.values() for node, _ in find(tree))
    for path, tree in new.trees.items():
        for node, reason in find(tree):
            text = ast.unparse(node)
            if known[text]:
                known[text] -= 1
            elif not any(text.splitlines()[0] in source.replace("'", '"') for source in old.broken):
                yield f"{path}:{getattr(node, 'lineno', 1)}: {reason}"


def _touched(before: Repository, after: Repository) -> Iterator[str]:
    for path in sorted({*before.files, *after.files}):
        if before.files.get(path) == after.files.get(path):
            continue
        if path.startswith("docs/"):
            yield f"{path}: files below docs/ are not part of a patch."
        if path in GIVEN and contract_of(before.files) > 1:
            yield f"{path} is the same in every repository and may not be changed."
        if path == "results.json":
            yield "results.json is written by the run, never by a patch."
        if path.rsplit("/", 1)[-1] in _RUNNER_FILES and path in after.files:
            yield f"{path}: files that change how code is run or measured are not allowed."
        if (
            path in before.files
            and path not in after.files
            and path in ("main.py", "experiments.py", "reproduce.sh", "config.yaml")
        ):
            yield f"{path} may not be removed."
        added = Counter(_RUNNER.findall(after.files.get(path, ""))) - Counter(
            _RUNNER.findall(before.files.get(path, ""))
        )
        for found in added:
            yield f"{path}: `{found}` interferes with how the run is measured."


def _tests(before: Repository, after: Repository) -> Iterator[str]:
    was, now = files_of_tests(before.files), files_of_tests(after.files)
    for path in sorted(path for path in {*was, *now} if was.get(path) != now.get(path)):
        yield f"{path}: tests are written from the paper by somebody else: mend the code."


def _shell(before: Repository, after: Repository) -> Iterator[str]:
    for path, text in after.files.items():
        if not path.endswith(".sh"):
            continue
        for line in (
            Counter(text.splitlines()) - Counter(before.files.get(path, "").splitlines())
        ).elements():
            if _SHELL_HIDES.search(line):
                yield f"{path}: `{line.strip()}` hides a failure."
            if _SHELL_NETWORK.search(line):
                yield f"{path}: `{line.strip()}` uses the network."


def _swallowed(tree: ast.Module) -> Constructs:
    """Handlers that end an error quietly: broad ones, empty ones, and any around the start of the program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in ("suppress", "contextlib.suppress"):
            if not {dotted(argument) for argument in node.args} <= _HARMLESS:
                yield node, "`suppress` swallows the error: mend its cause."
        elif isinstance(node, ast.Try | ast.TryStar):
            parts = [inner for part in node.body for inner in ast.walk(part)]
            around_main = any(isinstance(part, ast.Call) and dotted(part.func) == "main" for part in parts)
            for handler in node.handlers:
                kinds = _kinds(handler.type)
                quiet = around_main or all(_says_nothing(statement) for statement in handler.body)
                if (quiet or kinds & _BROAD) and not kinds <= _HARMLESS and not _goes_on(handler):
                    yield handler, "the `except` swallows the error: mend its cause, or raise it again."


def _kinds(node: ast.expr | None) -> set[str]:
    """Names of the exceptions that a handler catches."""
    if node is None:
        return {"BaseException"}
    return {dotted(item) for item in (node.elts if isinstance(node, ast.Tuple) else [node])}


def _goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the error, or another one, leaves the handler, or ends the program with a failure."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise) and not _ends_well(node.exc):
            return True
        if isinstance(node, ast.Call) and dotted(node.func) in _EXITS and not _ends_well(node):
            return True
    return False


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass | ast.Continue):
        return True
    if isinstance(statement, ast.Return):
        return statement.value is None or isinstance(statement.value, ast.Constant)
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and dotted(call.func) == "print")


def _ends_well(node: ast.expr | None) -> bool:
    """Whether `node` is `sys.exit()`, `SystemExit(0)` and the like."""
    if isinstance(node, ast.Call) and dotted(node.func) in _EXITS:
        status = node.args[0] if node.args else ast.Constant(0)
        return isinstance(status, ast.Constant) and status.value in (0, None, False)
    return dotted(node) == "SystemExit"


def _exits(tree: ast.Module) -> Constructs:
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and _ends_well(node)) or (
            isinstance(node, ast.Raise) and _ends_well(node.exc)
        ):
            yield node, "ending the program with status 0 hides the failure."
        elif isinstance(node, ast.Call) and dotted(node.func) in ("os._exit", "os.abort", "os.kill"):
            yield node, f"`{dotted(node.func)}` ends the program without proof that it worked."


def _network(tree: ast.Module) -> Constructs:
    for node in network_uses(tree):
        yield (
            node,
            "network access is not allowed: the sandbox has none, and the smoke run must not need any.",
        )


def _constant_results(tree: ast.Module, metrics: Collection[str]) -> Constructs:
    """Numbers written down where they have to be computed."""
    patterns = [metric_pattern(metric) for metric in metrics]
    for node in ast.walk(tree):
        named: list[tuple[str, ast.expr]] = []
        if isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            named = [(str(key), value) for key, value in zip(keys, node.values, strict=True)]
        elif isinstance(node, ast.Assign):
            named = [(_target(target), node.value) for target in node.targets]
        for name, value in named:
            if (any(p.fullmatch(name) for p in patterns) and _is_result(value)) or (
                name in ("metrics", "results") and _all_results(value)
            ):
                yield node, "a result is written into the code: it has to be computed."


def _target(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return dotted(node).rsplit(".", 1)[-1]


def _is_result(node: ast.expr) -> bool:
    """A number that can be taken for a result; 0 and 1 begin sums and products."""
    if isinstance(node, ast.UnaryOp):
        return _is_result(node.operand)
    if isinstance(node, ast.Call) and dotted(node.func) in ("float", "int", "round") and node.args:
        return _is_result(node.args[0])
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value not in (0, 1)


def _all_results(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Dict) and bool(node.values) and all(_is_result(value) for value in node.values)
    )


def _gutted(old: _Code, new: _Code) -> Iterator[str]:
    """Functions that are gone without having been renamed, or of which too little is left."""
    added = [function.body() for key, function in new.functions.items() if key not in old.functions]
    for key, function in old.functions.items():
        where, size, now = (
            f"{function.path}: `{function.name}`",
            function.statements(),
            new.functions.get(key),
        )
        if now is not None and _hollow(now.node) and not _hollow(function.node):
            yield f"{where} no longer computes anything: mend it instead of emptying it."
        elif now is not None and size >= 8 and now.statements() * 4 < size:
            yield f"{where} lost most of its body: mend it instead of deleting it."
        elif now is None and size >= 3 and not _moved(function, added) and not _broken(function.path, new):
            yield f"{where} was deleted: mend it instead."


def _broken(path: str, code: _Code) -> bool:
    return path in code.sources and path not in code.trees


def _moved(function: _Function, added: Collection[str]) -> bool:
    body = function.body()
    near = heapq.nsmallest(_COMPARED, added, key=lambda other: abs(len(other) - len(body)))
    return any(_alike(body[:_COMPARED_CHARACTERS], other[:_COMPARED_CHARACTERS]) for other in near)


def _alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE


def _hollow(node: FunctionNode) -> bool:
    """Whether it computes nothing but checks, or returns nothing but numbers that are written down in it."""
    inner = [child for statement in node.body if not _is_check(statement) for child in ast.walk(statement)]
    returned = [child.value for child in inner if isinstance(child, ast.Return) and child.value]
    written = bool(returned) and all(_is_result(value) or _all_results(value) for value in returned)
    working = ast.Call | ast.BinOp | ast.Attribute | ast.Yield | ast.YieldFrom | ast.Subscript | ast.Compare
    return written or is_trivial(node.body) or not any(isinstance(child, working) for child in inner)


def _is_check(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If) and not statement.orelse:
        return all(isinstance(inner, ast.Raise) for inner in statement.body)
    return isinstance(statement, ast.Assert)


def _unreached(old: _Code, new: _Code) -> Iterator[str]:
    """Functions and classes of the repository that the smoke run came past and comes past no more."""
    if new.broken:
        return
    before = {name for tree in old.trees.values() for name in _reached(tree.body)} & old.names
    after = {name for tree in new.trees.values() for name in _reached(tree.body)}
    added = [function.body() for key, function in new.functions.items() if key not in old.functions]
    for name in sorted(before - after):
        definitions = [f for (_, full), f in old.functions.items() if full.rsplit(".", 1)[-1] == name]
        renamed = name not in new.names and definitions and all(_moved(f, added) for f in definitions)
        if not renamed:
            yield f"`{name}` is no longer reached in the smoke run: keep the call and mend what fails in it."


def _reached(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements use when the smoke run comes past them."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _used(statement.test)
            smoke = _smoke(statement.test)
            if smoke is not False:
                yield from _reached(statement.body)
            if smoke is not True:
                yield from _reached(statement.orelse)
            if smoke is True and statement.body and isinstance(statement.body[-1], ast.Return | ast.Raise):
                return
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _reached(getattr(statement, field, []))
        for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
            yield from _reached(part.body)
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr | ast.withitem | ast.arguments | ast.keyword):
                yield from _used(child)
        if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _smoke(test: ast.expr) -> bool | None:
    """Whether a condition holds in a smoke run; None if that does not depend on it."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _smoke(test.operand)
        return None if inner is None else not inner
    if dotted(test).rsplit(".", 1)[-1] in ("smoke", "is_smoke", "smoke_run", "smoke_test"):
        return True
    if isinstance(test, ast.Compare) and [ast.unparse(part) for part in test.comparators] == ["'smoke'"]:
        return {ast.Eq: True, ast.NotEq: False}.get(type(test.ops[0]))
    return None


def _used(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Attribute):
            yield child.attr
        elif isinstance(child, ast.Name):
            yield child.id


def _assertions(old: _Code, new: _Code) -> Iterator[str]:
    for key, function in old.functions.items():
        now = new.functions.get(key)
        if now and _count(now.node) < _count(function.node):
            yield f"{function.path}: `{function.name}` lost an `assert` or `raise`: correct it instead."


def _count(node: ast.AST) -> int:
    return sum(isinstance(child, ast.Assert | ast.Raise) for child in ast.walk(node))
