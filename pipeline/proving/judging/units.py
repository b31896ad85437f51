"""The pieces of Python code that are reached as wholes, and by which names each mentions others."""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.proving.judging.computing import SHOWING, last
from pipeline.proving.judging.handing import handed
from pipeline.proving.judging.modules import Modules, Parts, points
from pipeline.proving.judging.sources import NOTEBOOK
from pipeline.proving.judging.stripping import Definition, constant

NAME = re.compile(r"[A-Za-z_]\w*")
WORD = re.compile(r"[\w./:\\-]{1,200}")
JOINTS = "./:"
SCRIPT = re.compile(r"([\w-]{1,200})\.pyw?\b")
"""A file of Python that a text names."""
MODULE = re.compile(r"-m[ \t'\",]{1,9}([\w.]{1,200})")
ANY_SCRIPT = re.compile(r"(?:\}|\*|%s|\$\w{1,50}|\$\(\w{1,50}\))\.py\b")
"""One that a text names by a pattern."""
_PLAIN = {
    "staticmethod", "classmethod", "property", "cached_property", "setter", "dataclass", "abstractmethod",
    "wraps", "lru_cache", "cache", "no_grad", "jit", "partial", "njit", "inference_mode", "override",
    "contextmanager", "total_ordering",
}  # fmt: skip
"""Decorators that hand nothing to anybody who would call it."""
_ANYTHING = {
    "globals", "locals", "getmembers", "getmembers_static", "__subclasses__", "Fire", "CLI", "__dict__",
    "__getattribute__", "resolve_name", "testmod",
}  # fmt: skip
"""Who asks for one of these may get at whatever is defined."""
_LOOKING_UP = {"getattr", "attrgetter", "methodcaller", "eval", "exec", "get_method", "get_class", "locate"}
"""By a name that need not be written down."""
_IMPORTING = {
    "import_module", "__import__", "exec", "run_path", "run_module", "spec_from_file_location", "iter_modules",
    "walk_packages", "fromfile", "SourceFileLoader", "load_module", "import_string", "locate", "resolve_name",
}  # fmt: skip
"""The same of modules."""
_SETTINGS = re.compile(r"(?i)self|.*(?:arg|opt|conf|cfg|param|flag|namespace|setting).*")
"""What is called so holds values and no code."""
_CODE = {"import_module", "__import__", "type"}
_MOST_SHELVES = 20
"""What is put into more may be anywhere."""
_LONGEST_NAME = 200
_QUIET = re.compile(r"(?i)_*log(?:ger|ging)?")


@dataclass
class Unit:
    """A piece of code that is reached as a whole: a module's own statements, a function, a class, a method."""

    path: str
    name: str
    """`Class.method`, to be shown; empty for a module's own statements."""
    node: ast.AST
    statements: list[ast.stmt]
    hooked: bool = False
    """Something outside of the repository may call it, once what it stands in is reached."""
    shelves: set[str] = field(default_factory=set)
    """Where a decorator puts it, for whoever looks there."""
    within: "Unit | None" = None
    mentions: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    """What it mentions elsewhere than in what is printed."""
    imports: list[Parts] = field(default_factory=list)
    """Names of modules, as parts; those from here begin with the folder's."""
    held: dict[str, set[str]] = field(default_factory=dict)
    """A name that it gives to others → what is mentioned where somebody reads that name."""
    prefixes: set[str] = field(default_factory=set)
    """How names begin that it makes when it runs; behind a dot, those of methods."""
    imports_any: bool = False
    """It imports what it is told when it runs."""

    @property
    def own(self) -> str:
        """The last part of its name, as it is mentioned."""
        return self.node.name if isinstance(self.node, Definition) else ""

    @property
    def is_method(self) -> bool:
        """Whether it stands in a class."""
        return self.within is not None and isinstance(self.within.node, ast.ClassDef)


class Code:
    """The units of a repository's modules."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self.modules = Modules.of(trees)
        bases = _Bases(trees.values())
        self._readers = {path: _Reader(path, tree, self.modules, bases) for path, tree in trees.items()}
        self.units = tuple(unit for reader in self._readers.values() for unit in reader.units())
        """Those of all modules, in order; what a definition holds follows it."""

    @cached_property
    def programs(self) -> frozenset[str]:
        """Paths of the modules that are there to be started, for certain."""
        imported = self.modules.meant_by_others((unit.path, unit.imports) for unit in self.units)
        return frozenset(
            path for path, reader in self._readers.items() if reader.is_program(path in imported)
        )


def walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes but those of definitions: these are units of their own."""
    waiting = [node for node in nodes if not isinstance(node, Definition)]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, Definition)]


def targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement gives values to."""
    match node:
        case ast.Assign(targets=found):
            return found
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return [target]
    return []


class _Bases:
    """Which classes somebody outside calls into, by name, through bases that stand in the repository."""

    _INERT = frozenset(
        {"object", "ABC", "Protocol", "Generic", "NamedTuple", "Enum", "IntEnum", "TypedDict", "Exception"}
    )
    """Bases that call nothing of what is derived from them."""

    def __init__(self, trees: Collection[ast.Module]) -> None:
        derived: defaultdict[str, list[str]] = defaultdict(list)
        classes: set[str] = set()
        listing: set[str] = set()
        self.functions: set[str] = set()
        self.shelves: defaultdict[str, set[str]] = defaultdict(set)
        """What functions called so put things into, if that is all that they do."""
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    classes.add(node.name)
                    for base in node.bases:
                        derived[last(base)].append(node.name)
                    made = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                    if "__init_subclass__" in made or any(map(_makes, node.keywords)):
                        listing.add(node.name)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions.add(node.name)
        for tree in trees:
            for node in tree.body:
                if isinstance(node, ast.FunctionDef):
                    self.shelves[node.name] |= _shelves(node)
        self.called = _below(derived.keys() - classes - self._INERT, derived) | handed(trees)
        """Classes derived from one that stands elsewhere, or handed to it: it may call their methods."""
        self.listed = listing | _below(listing, derived)
        """Those of which a base, or a class of classes, keeps a list."""


def _shelves(function: ast.FunctionDef) -> set[str]:
    """The names that a function puts something into; one without a name where it may do more."""
    found: set[str] = set()
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
        ):
            found.add(node.value.id)
        if isinstance(node, ast.Call):
            return {""}
    return found or {""}


def _below(names: Iterable[str], derived: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        fresh = set(derived.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def _makes(keyword: ast.keyword) -> bool:
    return keyword.arg == "metaclass" and last(keyword.value) != "ABCMeta"


class _Reader:
    """The units of one module."""

    def __init__(self, path: str, tree: ast.Module, modules: Modules, bases: _Bases) -> None:
        self._path, self._tree, self._bases = path, tree, bases
        self._aliases: defaultdict[str, set[str]] = defaultdict(set)
        self._foreign: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
                near = isinstance(node, ast.ImportFrom) and node.level > 0
                for alias in node.names:
                    whole = tuple(filter(None, [*module.split("."), *alias.name.split(".")]))
                    if alias.asname:
                        self._aliases[alias.asname].add(whole[-1])
                    if not near and not modules.is_here(whole):
                        self._foreign.add(alias.asname or alias.name.partition(".")[0])

    def units(self) -> Iterator[Unit]:
        """The module, then its definitions, each before what it holds."""
        body = self._tree.body
        module = self._filled(Unit(self._path, "", self._tree, _outside(body)))
        yield module
        yield from self._defined(body, module)

    def _defined(self, body: list[ast.stmt], within: Unit) -> Iterator[Unit]:
        waiting = [(node, within) for node in reversed(list(_definitions(body)))]
        while waiting:
            node, outer = waiting.pop()
            name = f"{outer.name}.{node.name}" if outer.name else node.name
            unit = Unit(self._path, name[:_LONGEST_NAME], node, _outside(node.body), within=outer)
            self._hook(unit, node)
            yield self._filled(unit)
            waiting += [(inner, unit) for inner in reversed(list(_definitions(node.body)))]

    def _hook(self, unit: Unit, node: Definition) -> None:
        """Say whether somebody else may call what is defined, and where that one would look for it."""
        handed = [each for each in node.decorator_list if last(each) not in _PLAIN]
        places = set().union(*map(self._put_by, handed))
        if isinstance(node, ast.ClassDef):
            unit.hooked = node.name in self._bases.listed
        elif unit.is_method and unit.within:
            dunder = node.name.startswith("__") and node.name.endswith("__")
            unit.hooked = dunder or unit.within.own in self._bases.called
        else:
            unit.hooked = node.name in ("__getattr__", "__dir__")  # of a module, PEP 562
        unit.hooked |= "" in places
        unit.shelves = places - {""}

    def _put_by(self, decorator: ast.expr) -> set[str]:
        """Where a decorator puts what it is given; a place without a name where it may do anything."""
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        own = isinstance(named, ast.Name) and named.id not in self._foreign
        places = self._bases.shelves.get(last(decorator), {""}) if own else {""}
        return places if len(places) <= _MOST_SHELVES else {""}

    def _filled(self, unit: Unit) -> Unit:
        """The unit, with all that it mentions: its statements, decorators, bases and defaults."""
        node = unit.node
        around: list[ast.AST] = []
        if isinstance(node, Definition):
            around += node.decorator_list
        if isinstance(node, ast.ClassDef):
            around += [*node.bases, *node.keywords]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            around += [node.args, *([node.returns] if node.returns else [])]
        in_class = isinstance(node, ast.ClassDef)
        waiting = [(each, False) for each in (*unit.statements, *around)]
        while waiting:
            inner, shown = waiting.pop()
            if isinstance(inner, Definition) or _is_nothing(inner) or _exports(inner):
                continue
            if not in_class and (names := _gives(inner)):
                kept = Unit(unit.path, "", inner, [])
                for each in ast.walk(inner.value):  # type: ignore[attr-defined]
                    self._read(each, unit if _is_path(each) else kept, shown=False)
                unit.imports += kept.imports
                unit.prefixes |= kept.prefixes
                unit.imports_any |= kept.imports_any
                # Behind a name of its own, that none can have: many names may be given many things at once.
                shared = f"{inner.lineno}:{inner.col_offset} {unit.path}"  # type: ignore[attr-defined]
                unit.held[shared] = kept.mentions
                for name in names:
                    unit.held.setdefault(name, set()).add(shared)
                continue
            self._read(inner, unit, shown)
            waiting += _parts(inner, shown)
        return unit

    def _read(self, node: ast.AST, unit: Unit, shown: bool) -> None:
        """What a node mentions, added to its unit."""
        names: set[str] = set()
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                names = {name, *self._aliases.get(name, ())}
            case ast.Attribute(attr=name):
                names = {name}
                if name == "__dict__" and not _holds_values(node.value):
                    unit.prefixes.add("")
            case ast.Constant(value=str(text)):
                names = set(self._told(text, unit))
            case ast.Import(names=imported):
                unit.imports += [tuple(alias.name.split(".")) for alias in imported]
            case ast.ImportFrom(module=module, names=imported, level=level):
                folder = unit.path.split("/")[:-level] if level else []
                base = (*folder, *(module.split(".") if module else ()))
                unit.imports += [base, *((*base, alias.name) for alias in imported)]
            case ast.Call():
                self._called(node, unit)
        unit.mentions |= names
        if not shown:
            unit.used |= names

    def _told(self, text: str, unit: Unit) -> Iterator[str]:
        """The names that a string mentions."""
        if WORD.fullmatch(text):
            yield from NAME.findall(text)
            if any(joint in text for joint in JOINTS):
                unit.imports.append(tuple(NAME.findall(text.removesuffix(".py").partition(":")[0])))
        else:
            for module, name in points(text):
                unit.imports.append(module)
                yield name
            unit.imports += [(name,) for name in SCRIPT.findall(text)]
            unit.imports += [tuple(name.split(".")) for name in MODULE.findall(text)]
        if ANY_SCRIPT.search(text) or text.startswith(".py"):
            unit.imports_any = True

    def _called(self, call: ast.Call, unit: Unit) -> None:
        """What a call may get at that nobody has written down."""
        if isinstance(call.func, ast.Call):
            return
        name, args = last(call.func), call.args
        if name in _IMPORTING and not (args and isinstance(args[0], ast.Constant)):
            unit.imports_any = True
        if name in _IMPORTING and args and isinstance(args[0], ast.Constant):
            unit.imports.append(tuple(str(args[0].value).strip(".").split(".")))
        plain = isinstance(call.func, ast.Name)
        runner = name == "main" and isinstance(call.func, ast.Attribute) and self._is_foreign(call.func)
        if (
            runner
            or name in _ANYTHING
            or (name in ("vars", "dir") and plain and args and not _holds_values(args[0]))
        ):
            unit.prefixes.add("")
        elif name in _LOOKING_UP and (plain or name not in ("eval", "exec")):
            asked = args[1:2] if name == "getattr" else args[:1]
            of = args[0] if name == "getattr" and args else None
            if any(isinstance(each, ast.Constant) for each in asked) or (of and self._is_foreign(of)):
                return
            own = isinstance(of, ast.Name) and of.id in ("self", "cls")
            if own or of is None or not _holds_values(of):
                unit.prefixes.add(("." if own else "") + "".join(map(_begins, asked)))

    def _is_foreign(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._foreign

    def is_program(self, imported: bool) -> bool:
        """Whether the module is there to be started, for certain, and uses or shows something then."""
        if self._path.endswith(NOTEBOOK):
            return any(isinstance(node, ast.Call) for node in walk(self._tree.body))
        if any(is_guard(statement) for statement in self._tree.body):
            return True
        return not imported and any(self._runs(node) for node in walk(self._tree.body))

    def _runs(self, node: ast.AST) -> bool:
        match node:
            case ast.Expr(value=ast.Call(func=function)):
                while not isinstance(function, ast.Name):
                    inner = getattr(function, "value", None) or getattr(function, "func", None)
                    if not isinstance(inner, ast.expr):
                        return True
                    function = inner
                return function.id not in self._foreign and not _QUIET.fullmatch(function.id)
            case ast.Assign(value=ast.Call(func=function, args=args, keywords=keywords)):
                given = [*args, *(keyword.value for keyword in keywords)]
                told = any(
                    not constant(each) and last(each) not in ("__name__", "__file__") for each in given
                )
                return last(function) in self._bases.functions and told and not self._is_foreign(function)
        return False


def is_guard(statement: ast.stmt) -> bool:
    """Whether it is what a module does when it is started and not when it is imported."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Constant) and node.value == "__main__" for node in ast.walk(statement.test)
    )


def _parts(node: ast.AST, shown: bool) -> list[tuple[ast.AST, bool]]:
    """What of a node is read, and whether that is only shown."""
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
    ):
        return [(node.slice, shown)]
    if not isinstance(node, ast.Call):
        return [(child, shown) for child in ast.iter_child_nodes(node)]
    name = last(node.func)
    inside = name in SHOWING
    args = node.args[:1] if name in ("isinstance", "issubclass") else node.args
    return [(node.func, shown), *((each, inside) for each in (*args, *node.keywords))]


def _is_nothing(node: ast.AST) -> bool:
    """Whether it names something and does nothing with it."""
    match node:
        case ast.Expr(value=ast.Name()):
            return True
        case ast.Delete(targets=gone):
            return all(isinstance(target, ast.Name | ast.Attribute) for target in gone)
    return False


def _exports(node: ast.AST) -> bool:
    """Whether it says what a module offers, which nobody has to take."""
    return isinstance(node, ast.stmt) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in targets(node)
    )


def _gives(node: ast.AST) -> list[str]:
    """The names that an assignment gives to what it does not call; none if it does more."""
    if not isinstance(node, ast.Assign) or not all(isinstance(target, ast.Name) for target in node.targets):
        return []
    if not _is_given(node.value):
        return []
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _is_path(node: ast.AST) -> bool:
    """Whether it is a text that may lead to a module: frameworks know names by which they look for such."""
    text = node.value if isinstance(node, ast.Constant) else ""
    return isinstance(text, str) and any(joint in text for joint in JOINTS)


def _is_given(node: ast.expr) -> bool:
    match node:
        case ast.Name() | ast.Lambda() | ast.Constant():
            return True
        case ast.Attribute(value=value):
            return isinstance(value, ast.Name | ast.Attribute) and _is_given(value)
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(map(_is_given, parts))
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and _is_given(key) for key in keys) and all(map(_is_given, values))
    return False


def _holds_values(node: ast.expr) -> bool:
    """Whether an object has, as far as can be told, settings and no code."""
    match node:
        case ast.Call(func=function):
            return last(function) not in _CODE
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return bool(_SETTINGS.fullmatch(name))
    return False


def _begins(node: ast.expr) -> str:
    """How a text that is made begins, as far as it is written down."""
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text
        case (
            ast.BinOp(left=ast.Constant(value=str(text)))
            | ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"))
        ):
            return re.split(r"[%{]", text, maxsplit=1)[0]
    return ""


def _outside(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [statement for statement in body if not isinstance(statement, Definition)]


def _definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """Those of a block in order, also within its conditions and loops: they may be defined there."""
    for statement in body:
        if isinstance(statement, Definition):
            yield statement
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _definitions(getattr(statement, name, ()))
        for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _definitions(inner.body)
