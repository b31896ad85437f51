"""What Python files define, read from their syntax: modules, classes, signatures, and who imports what.

Answers only what is certain without running anything; everything else is unknown, and said to be.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pipeline.differences import nearest
from sandbox import syntax

_KEEP_SIGNATURE = {
    "abstractmethod", "cache", "classmethod", "enable_grad", "inference_mode", "lru_cache", "no_grad",
    "override", "staticmethod", "typechecked",
}  # fmt: skip
TRANSPARENT_BASES = {"object", "ABC", "abc.ABC", "Generic", "Protocol", "typing.Protocol", "typing.Generic"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Signature:
    """What a function can be called with; a method's is without `self`."""

    positional: tuple[str, ...]
    required: frozenset[str]
    positional_only: frozenset[str] = frozenset()
    keyword_only: tuple[str, ...] = ()
    any_positional: bool = False
    any_keyword: bool = False

    def names(self) -> list[str]:
        """All named parameters."""
        return [*self.positional, *self.keyword_only]

    def problem(self, call: ast.Call) -> str | None:
        """Why `call` does not fit, if it certainly does not."""
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return None
        given = len(call.args)
        if given > len(self.positional) and not self.any_positional:
            return f"takes at most {len(self.positional)} positional arguments, {given} are given"
        filled = set(self.positional[:given])
        spread = False
        for keyword in call.keywords:
            if keyword.arg is None:
                spread = True
            elif keyword.arg in filled:
                return f"gets two values for `{keyword.arg}`"
            elif keyword.arg in self.names() and keyword.arg not in self.positional_only:
                filled.add(keyword.arg)
            elif not self.any_keyword:
                return f"has no parameter `{keyword.arg}`"
        missing = [name for name in self.names() if name in self.required - filled]
        if missing and not spread:
            return "is called without " + ", ".join(f"`{name}`" for name in missing)
        return None

    def __str__(self) -> str:
        shown = [name if name in self.required else f"{name}=…" for name in self.positional]
        if self.any_positional or self.keyword_only:
            shown.append("*args" if self.any_positional else "*")
        shown += [name if name in self.required else f"{name}=…" for name in self.keyword_only]
        if self.any_keyword:
            shown.append("**kwargs")
        return f"({', '.join(shown)})"


Unknown = None
Absent = Literal["absent"]


@dataclass(frozen=True)
class Class:
    """A class: its methods' signatures (None: unknown), its other attributes, and whether there is more."""

    path: str
    name: str
    bases: tuple[str, ...]
    methods: Mapping[str, Signature | None]
    attributes: frozenset[str]
    callable_unbound: frozenset[str]
    """Class and static methods."""
    dynamic: bool
    """Decorated, with a metaclass or `__getattr__`: members cannot be known."""
    fields: Signature | None = None
    """Constructor of a dataclass or named tuple."""


@dataclass(frozen=True)
class Module:
    """The top level of a file."""

    path: str
    names: frozenset[str]
    functions: Mapping[str, Signature | None]
    classes: Mapping[str, Class]
    imports: Mapping[str, tuple[str, str | None]]
    """Local name → module and, for `from … import`, the name in it."""
    complete: bool
    """Every name it has is in `names`: no star import, no `__getattr__`."""
    loads: tuple[tuple[str, str], ...]
    """Module and name of each `from … import` that runs first of all when the file is loaded."""
    bases: frozenset[str]
    """Last part of the name of every class that something in the file inherits from."""


def parse(source: str) -> ast.Module | None:
    """The syntax tree, or None where there is none."""
    try:
        return syntax.tree(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Of functions, methods and classes whose text is another in other sources, path → text, or that are gone."""
    return {
        name
        for path, text in before.items()
        if after.get(path) != text
        for name, _ in _defined(text) - _defined(after.get(path, ""))
    }


def _defined(source: str) -> set[tuple[str, str]]:
    tree = parse(source)
    nodes = ast.walk(tree) if tree else ()
    return {(node.name, ast.dump(node)) for node in nodes if isinstance(node, FunctionNode | ast.ClassDef)}


def suggestion(name: str, known: object) -> str:
    """`; did you mean …?`, where one of the `known` names is close."""
    names = (
        sorted(name for name in known if isinstance(name, str)) if isinstance(known, set | frozenset) else []
    )
    near = nearest(name, names)
    return f"; did you mean `{near}`?" if near else ""


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` for a chain of names, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def signature(node: FunctionNode, *, method: bool = False) -> Signature | None:
    """Of a definition; None when a decorator may have changed it."""
    decorators = {_decorator(decorator) for decorator in node.decorator_list}
    if decorators - _KEEP_SIGNATURE:
        return Unknown
    arguments = node.args
    named = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
    optional = set(named[len(named) - len(arguments.defaults) :])
    only = frozenset(argument.arg for argument in arguments.posonlyargs)
    if method and "staticmethod" not in decorators:
        named = named[1:]
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    optional |= {name for name, value in zip(keyword_only, arguments.kw_defaults, strict=True) if value}
    return Signature(
        positional=tuple(named),
        required=frozenset({*named, *keyword_only} - optional),
        positional_only=only,
        keyword_only=tuple(keyword_only),
        any_positional=arguments.vararg is not None,
        any_keyword=arguments.kwarg is not None,
    )


def _decorator(node: ast.expr) -> str:
    return dotted(node.func if isinstance(node, ast.Call) else node).rsplit(".", 1)[-1]


def read_class(path: str, node: ast.ClassDef) -> Class:
    """A class by its definition."""
    bases = tuple(dotted(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases)
    decorators = {_decorator(decorator) for decorator in node.decorator_list}
    methods: dict[str, Signature | None] = {}
    unbound: set[str] = set()
    for item in node.body:
        if isinstance(item, FunctionNode):
            kinds = {_decorator(decorator) for decorator in item.decorator_list}
            methods[item.name] = None if item.name in methods else signature(item, method=True)
            if kinds & {"classmethod", "staticmethod"}:
                unbound.add(item.name)
    attributes = {name for name, _ in bindings(node, nested=False)} - set(methods)
    attributes |= {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and dotted(inner.value) == "self"
    }
    named_tuple = bases == ("NamedTuple",)
    generated = "dataclass" in decorators or "NamedTuple" in bases
    fields = _fields(node) if generated and (named_tuple or not bases) else Unknown
    return Class(
        path=path,
        name=node.name,
        bases=() if named_tuple else bases,
        methods=methods,
        attributes=frozenset(attributes),
        callable_unbound=frozenset(unbound),
        dynamic=bool(decorators - {"dataclass", "final", "total_ordering"} or node.keywords)
        or (generated and fields is None)
        or any(name in methods for name in ("__getattr__", "__getattribute__", "__new__"))
        or any(isinstance(inner, ast.Call) and dotted(inner.func) == "setattr" for inner in ast.walk(node))
        or node.name.endswith("Mixin"),
        fields=fields,
    )


def _fields(node: ast.ClassDef) -> Signature | None:
    """The constructor that `@dataclass` or `NamedTuple` makes, if it is an ordinary one."""
    options = {keyword.arg for item in node.decorator_list for keyword in getattr(item, "keywords", [])}
    if options & {"kw_only", "init"}:
        return Unknown
    names: list[str] = []
    required: set[str] = set()
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        annotation = ast.unparse(item.annotation)
        if "KW_ONLY" in annotation:
            return Unknown
        options = (
            {keyword.arg for keyword in item.value.keywords} if isinstance(item.value, ast.Call) else set()
        )
        if "ClassVar" in annotation or "init" in options:
            continue
        names.append(item.target.id)
        is_field = isinstance(item.value, ast.Call) and dotted(item.value.func).endswith("field")
        if item.value is None or (is_field and not options & {"default", "default_factory"}):
            required.add(item.target.id)
    return Signature(tuple(names), frozenset(required))


def bindings(node: ast.AST, *, nested: bool = True) -> Iterator[tuple[str, ast.AST]]:
    """Names that code under `node` binds, one pair for each binding; `nested`: in inner scopes, too."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield child.name, child
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, child
            case ast.arg(arg=name):
                yield name, child
            case ast.alias():
                yield child.asname or child.name.split(".")[0], child
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name, child
            case ast.MatchMapping(rest=str(name)):
                yield name, child
        if nested or not isinstance(child, FunctionNode | ast.ClassDef | ast.Lambda):
            yield from bindings(child, nested=nested)


@lru_cache(maxsize=1024)
def read_source(path: str, source: str) -> "Module | None":
    """`read_module` of a text; None if it does not parse."""
    tree = parse(source)
    return read_module(path, tree) if tree else None


def read_module(path: str, tree: ast.Module) -> Module:
    """The top level of a parsed file; names bound under `if`, `try`, `with` and loops count."""
    bound = list(bindings(tree, nested=False))
    names = {name for name, _ in bound}
    names |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    once = {name for name in names if sum(name == other for other, _ in bound) == 1}
    functions: dict[str, Signature | None] = {}
    classes: dict[str, Class] = {}
    for name, node in bound:
        if isinstance(node, FunctionNode):
            functions[name] = signature(node) if name in once else Unknown
        elif isinstance(node, ast.ClassDef) and name in once:
            classes[name] = read_class(path, node)
    star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree))
    return Module(
        path=path,
        names=frozenset(names),
        functions=functions,
        classes=classes,
        imports={name: target for name, target in imports(path, tree).items() if name in once},
        complete=not star and "__getattr__" not in names,
        loads=tuple(
            (module, alias.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (module := absolute(path, node))
            for alias in node.names
        ),
        bases=frozenset(
            dotted(base.value if isinstance(base, ast.Subscript) else base).rsplit(".", 1)[-1]
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        ),
    )


def imports(path: str, tree: ast.AST) -> dict[str, tuple[str, str | None]]:
    """Names that stand for one import and nothing else anywhere in the file → module and name in it."""
    targets: dict[str, set[tuple[str, str | None]]] = {}
    counted: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                targets.setdefault(name, set()).add((alias.name if alias.asname else name, None))
                counted[name] = counted.get(name, 0) + 1
        elif isinstance(node, ast.ImportFrom) and (module := absolute(path, node)) is not None:
            for alias in node.names:
                name = alias.asname or alias.name
                targets.setdefault(name, set()).add((module, alias.name))
                counted[name] = counted.get(name, 0) + 1
    total: dict[str, int] = {}
    for name, _ in bindings(tree):
        total[name] = total.get(name, 0) + 1
    return {
        name: next(iter(found))
        for name, found in targets.items()
        if len(found) == 1 and total.get(name) == counted[name]
    }


def absolute(path: str, node: ast.ImportFrom) -> str | None:
    """The module that `from … import` names; None when a relative one leaves the repository."""
    if not node.level:
        return node.module or ""
    package = path.split("/")[:-1]
    if node.level > len(package):
        return None
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])
