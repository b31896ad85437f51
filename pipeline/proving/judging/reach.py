"""What of a repository's Python is reached when it is used, by name, and what of it does anything.

Errs on the side of "reached": a name that live code mentions anywhere reaches everything that is called so.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.proving.judging.modules import Modules, points
from pipeline.proving.judging.sources import NOTEBOOK, PYTHON, Sources, constant

FEWEST_COMPUTING = 2
"""Statements that compute something: with fewer there is nothing to judge."""
FEWEST_LINES = 5
"""Of code in other languages."""
_ENTRIES = ("main.py", "__main__.py", "setup.py", "app.py", "manage.py")
_NAME = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[\w./:\\-]{1,200}")
_JOINTS = "./:"
_PLAIN = {
    "staticmethod", "classmethod", "property", "cached_property", "setter", "dataclass", "abstractmethod",
    "wraps", "lru_cache", "cache", "no_grad", "jit", "partial", "njit", "inference_mode", "override",
    "contextmanager", "total_ordering",
}  # fmt: skip
"""Decorators that hand nothing to anybody who would call it."""
_NO_HOOKS = {"object", "ABC", "Protocol", "Generic", "NamedTuple", "Enum", "TypedDict", "Exception"}
"""Bases that call nothing of what is derived from them."""
_SHOWING = {
    "print", "open", "write", "writelines", "dump", "dumps", "format", "join", "info", "warning", "debug",
    "error", "append", "extend", "items", "keys", "values", "get", "mkdir", "makedirs", "Path", "exists",
    "sleep", "add_argument", "parse_args", "ArgumentParser", "getLogger", "basicConfig", "str", "repr", "round",
    "len", "range", "enumerate", "zip", "sorted", "dict", "list", "tuple", "float", "int", "exit", "close",
    "flush", "writerow", "writerows", "writeheader", "DictWriter", "writer", "to_csv", "to_markdown",
    "DataFrame", "write_text", "savefig", "plot", "bar", "figure", "subplots", "legend", "title", "xlabel",
    "ylabel", "set_title", "set_xlabel", "set_ylabel", "show", "tight_layout", "isinstance", "ljust", "rjust",
    "strip", "upper", "lower", "replace", "NotImplementedError", "echo", "time", "perf_counter",
}  # fmt: skip
"""What only shows, keeps or formats: numbers that were written down go through it and stay what they are."""
_ARITHMETIC = (ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.FloorDiv, ast.Add, ast.Mod)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass
class Unit:
    """A piece of code that is reached as a whole: a module's own statements, a function, a class, a method."""

    path: str
    name: str
    """`Class.method`; empty for a module's own statements."""
    node: ast.AST
    statements: list[ast.stmt]
    hooked: bool = False
    """Something outside of the repository may call it, once what it stands in is reached."""
    within: "Unit | None" = None
    mentions: set[str] = field(default_factory=set)
    imports: list[tuple[str, ...]] = field(default_factory=list)
    """Names of modules, as parts; those from here begin with the folder's."""

    @property
    def own(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Reach:
    """Which units of the sources are reached."""

    sources: Sources

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All of them, module by module."""
        return tuple(unit for path, tree in self.sources.trees.items() for unit in _units(path, tree))

    @cached_property
    def live(self) -> frozenset[int]:
        """Numbers of the units that are reached."""
        return frozenset(_live(self.units, self._roots(), self.sources))

    @cached_property
    def _dead(self) -> Mapping[str, tuple[Unit, ...]]:
        found: defaultdict[str, list[Unit]] = defaultdict(list)
        for number, unit in enumerate(self.units):
            if number not in self.live:
                found[unit.path].append(unit)
        return {path: tuple(units) for path, units in found.items()}

    def unused(self, path: str, line: int) -> str:
        """Why the code at a line of a text is never reached, as a sentence; empty where it may be."""
        for unit in self._dead.get(path, ()):
            if not unit.name:
                return f"nothing that can be started uses {path}"
            start, end = getattr(unit.node, "lineno", 0), getattr(unit.node, "end_lineno", 0)
            if start <= line <= end:
                return f"nothing calls {unit.name} of {path}"
        return ""

    def dead_names(self) -> list[str]:
        """`path: name` of what nothing reaches; of a file that nothing uses, the path alone."""
        found = []
        for path, units in self._dead.items():
            names = [unit.name for unit in units]
            found += [path] if "" in names else [f"{path}: {name}" for name in names]
        return found

    def empty(self, path: str, line: int) -> str:
        """Why the function at a line does nothing, as a sentence; empty where it does or there is none."""
        inner = [
            unit
            for unit in self.units
            if unit.path == path
            and isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef)
            and unit.node.lineno <= line <= (unit.node.end_lineno or 0)
        ]
        if inner and not any(acts(node) for node in _walk(inner[-1].statements)):
            return f"{inner[-1].name} of {path} does nothing but hold constants"
        if path in self._idle:
            return f"{path} computes nothing, and nothing else reads what it holds"
        for unit in self.units:
            if unit.path == path and not unit.name:
                return next((why for node in unit.statements if (why := self._unread(node, path, line))), "")
        return ""

    @cached_property
    def _idle(self) -> frozenset[str]:
        """Files that only hold and show what was written down in them."""
        defined = {unit.own for unit in self.units}
        busy = {u.path for u in self.units if any(computes(node, defined) for node in _walk(u.statements))}
        idle = set()
        for unit in self.units:
            if not unit.name and unit.path not in busy:
                names = {other.own for other in self.units if other.path == unit.path and other.name}
                for node in unit.statements:
                    names |= {target.id for target in _targets(node) if isinstance(target, ast.Name)}
                if not any(other.mentions & names for other in self.units if other.path != unit.path):
                    idle.add(unit.path)
        return frozenset(idle)

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        live = (unit.mentions for number, unit in enumerate(self.units) if number in self.live)
        return frozenset().union(*live)

    def _unread(self, node: ast.stmt, path: str, line: int) -> str:
        """Why a constant of a module is none, as a sentence: nothing reads it."""
        if not isinstance(node, ast.Assign) or not node.lineno <= line <= (node.end_lineno or 0):
            return ""
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if (
            constant(node.value)
            and len(names) == len(node.targets)
            and not self._mentioned.intersection(names)
        ):
            return f"nothing reads {names[0]} of {path}"
        return ""

    def nothing(self) -> str:
        """Why there is nothing to judge, as a sentence; empty where there is something."""
        if not self.sources.files:
            return "There is no code."
        others = [path for path in self.sources.code() if not path.endswith(PYTHON)]
        lines = sum(
            self.sources.files[path].count("\n") + 1 for path in others if not path.endswith((".sh", ".bash"))
        )
        if lines >= FEWEST_LINES:
            return ""
        broken = [path for path in self.sources.python_files() if path not in self.sources.trees]
        if broken and 2 * sum(len(self.sources.files[p]) for p in broken) > sum(
            map(len, self.sources.python_files().values())
        ):
            return f"Most of its Python does not parse ({broken[0]} for one)."
        defined = {unit.own for unit in self.units}
        computing = (
            computes(node, defined)
            for number, unit in enumerate(self.units)
            if number in self.live
            for node in _walk(unit.statements)
        )
        if sum(computing) < FEWEST_COMPUTING:
            return "There is no implementation: no code that is reached computes anything."
        return ""

    def _roots(self) -> set[str]:
        """Paths of modules that somebody starts; all where that is none: a library."""
        said = "\n".join(text for path, text in self.sources.files.items() if not path.endswith(PYTHON))
        named = {word.rpartition("/")[2] for word in _WORD.findall(said) if word.endswith(".py")}
        named |= {f"{word.rpartition('.')[2]}.py" for word in re.findall(r"-m ([\w.]{1,200})", said)}
        broken = [p for p in self.sources.python_files() if p not in self.sources.trees]
        started = {
            unit.path for unit in self.units if not unit.name and (_starts(unit) or _file(unit.path) in named)
        }
        modules = Modules.of(unit.path for unit in self.units if not unit.name)
        started |= {path for target, _ in points(said) for path in modules.meant(target)}
        if started or any(_file(path) in _ENTRIES for path in broken):
            return started
        return {unit.path for unit in self.units if not unit.name}


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _starts(unit: Unit) -> bool:
    """Whether a module does something when it is run."""
    if unit.path.endswith(NOTEBOOK) or _file(unit.path) in _ENTRIES:
        return True
    if _file(unit.path) == "__init__.py":
        return False
    return any(
        (isinstance(statement, ast.If) and _is_guard(statement))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call))
        or isinstance(statement, ast.For | ast.While | ast.With)
        for statement in unit.statements
    )


def _is_guard(statement: ast.If) -> bool:
    return any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(statement.test)
    )


def _units(path: str, tree: ast.Module) -> Iterator[Unit]:
    aliases = _aliases(tree)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    module = _filled(Unit(path, "", tree, _outside(tree.body)), aliases)
    yield module
    for definition in _definitions(tree.body):
        handed = _is_handed(definition)
        top = _filled(Unit(path, definition.name, definition, _own(definition), handed, module), aliases)
        yield top
        if isinstance(definition, ast.ClassDef):
            foreign = any(_last(base) not in _NO_HOOKS | classes for base in definition.bases)
            for method in _definitions(definition.body):
                hooked = foreign or _is_dunder(method.name) or _is_handed(method)
                name = f"{definition.name}.{method.name}"
                yield _filled(Unit(path, name, method, _own(method), hooked, top), aliases)


def _aliases(tree: ast.Module) -> Mapping[str, set[str]]:
    """What a module calls what it imports → what that is called where it is defined."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            for alias in node.names:
                if alias.asname:
                    found[alias.asname].add(alias.name.rpartition(".")[2])
    return found


def _filled(unit: Unit, aliases: Mapping[str, set[str]]) -> Unit:
    """The unit, with all that it mentions: its statements, decorators, bases and defaults."""
    node = unit.node
    around: list[ast.AST] = [*getattr(node, "decorator_list", ()), *getattr(node, "bases", ())]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        around.append(node.args)
    whole = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    said = [statement for statement in unit.statements if not _exports(statement)]
    for inner in [*_walk(said, into=whole), *_walk(around)]:
        _read(inner, unit, aliases)
    return unit


def _exports(statement: ast.stmt) -> bool:
    """Whether it says what a module offers, which nobody has to take."""
    targets = [statement.target] if isinstance(statement, ast.AugAssign) else _targets(statement)
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _own(definition: Definition) -> list[ast.stmt]:
    return _outside(definition.body) if isinstance(definition, ast.ClassDef) else definition.body


def _outside(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [statement for statement in body if not isinstance(statement, Definition)]


def _definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """Those of a block, also within its conditions: they may be defined there."""
    for statement in body:
        if isinstance(statement, Definition):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            for name in ("body", "orelse", "finalbody"):
                yield from _definitions(getattr(statement, name, ()))


def _is_handed(definition: Definition) -> bool:
    """Whether a decorator may hand it to somebody who calls it."""
    return any(_last(d) not in _PLAIN for d in definition.decorator_list)


def _last(node: ast.expr) -> str:
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _last(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _targets(node: ast.stmt) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets):
            return targets
        case ast.AnnAssign(target=target):
            return [target]
    return []


def _walk(statements: Iterable[ast.AST], into: bool = True) -> Iterator[ast.AST]:
    """All nodes; those of definitions within only where asked for."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            child for child in ast.iter_child_nodes(node) if into or not isinstance(child, Definition)
        ]


def _read(node: ast.AST, unit: Unit, aliases: Mapping[str, set[str]]) -> None:
    """What a node mentions, added to its unit."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            unit.mentions |= {name, *aliases.get(name, ())}
        case ast.Attribute(attr=name):
            unit.mentions.add(name)
        case ast.Constant(value=str(text)) if _WORD.fullmatch(text):
            unit.mentions |= set(_NAME.findall(text))
            if any(joint in text for joint in _JOINTS):
                unit.imports.append(tuple(_NAME.findall(text.removesuffix(".py").partition(":")[0])))
        case ast.Constant(value=str(text)):
            for module, name in points(text):
                unit.imports.append(module)
                unit.mentions.add(name)
        case ast.Import(names=names):
            unit.imports += [tuple(alias.name.split(".")) for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            folder = unit.path.split("/")[:-level] if level else []
            base = (*folder, *(module.split(".") if module else ()))
            unit.imports += [base, *((*base, alias.name) for alias in names)]
        case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]) if _last(function) in (
            "import_module",
            "__import__",
        ):
            unit.imports.append(tuple(text.strip(".").split(".")))


def _live(units: tuple[Unit, ...], roots: set[str], sources: Sources) -> Iterator[int]:
    """The numbers of what is reached from `roots`, until nothing more is."""
    own = {unit.path: unit for unit in units if not unit.name}
    modules = Modules.of(own)
    numbers = {id(unit): number for number, unit in enumerate(units)}
    named: defaultdict[str, list[Unit]] = defaultdict(list)
    inside: defaultdict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        named[unit.own].append(unit)
        if unit.within:
            inside[id(unit.within)].append(unit)
    everything = len(roots) == len(own)
    reached: set[int] = set()
    mentioned = {
        name
        for path, text in sources.files.items()
        if not path.endswith(PYTHON)
        for word in _WORD.findall(text)
        if any(joint in word.strip(_JOINTS) for joint in _JOINTS)
        for name in _NAME.findall(word)
    }
    waiting = [own[path] for path in roots]

    def reachable(unit: Unit) -> bool:
        if unit.within is None:
            return False
        known = unit.hooked or unit.own in mentioned or (everything and "." not in unit.name)
        return known and numbers[id(unit.within)] in reached

    while waiting:
        unit = waiting.pop()
        number = numbers[id(unit)]
        if number in reached:
            continue
        reached.add(number)
        fresh = unit.mentions - mentioned
        mentioned |= fresh
        waiting += [other for name in fresh for other in named.get(name, ()) if reachable(other)]
        waiting += [other for other in inside[id(unit)] if reachable(other)]
        for target in unit.imports:
            folder = tuple(unit.path.split("/")[:-1])
            waiting += [own[path] for path in modules.meant(target, folder)]
    yield from reached


def acts(node: ast.AST) -> bool:
    """Whether a statement may do more than hold or show what was written down."""
    match node:
        case ast.Raise() | ast.Pass() | ast.Import() | ast.ImportFrom():
            return False
        case ast.Expr(value=value) | ast.Return(value=value) if value is None or constant(value):
            return False
        case ast.Assign(value=value) | ast.AnnAssign(value=value) if value is None or constant(value):
            return False
        case ast.Expr(value=ast.Call(func=function, args=values, keywords=keywords)):
            shown = all(map(constant, values)) and all(constant(k.value) for k in keywords)
            return not (shown and _last(function) in _SHOWING)
    return isinstance(node, ast.stmt) and not isinstance(node, Definition)


def computes(node: ast.AST, defined: Iterable[str]) -> bool:
    """Whether an expression makes a value that nobody has written down. What calls only `defined` code counts there."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            text = any(isinstance(n, ast.JoinedStr) or _is_text(n) for n in (left, right))
            return not text and not (constant(left) and constant(right))
        case ast.AugAssign(op=op, value=value):
            return (
                isinstance(op, _ARITHMETIC) and not isinstance(value, ast.JoinedStr) and not _is_text(value)
            )
        case ast.Call(func=function, args=values, keywords=keywords):
            name = _last(function)
            written = all(map(constant, values)) and all(constant(k.value) for k in keywords)
            return bool(name) and name not in _SHOWING and name not in defined and not written
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
