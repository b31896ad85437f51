"""Which objects are handed to code from elsewhere, which may call any of their methods. By name, so rather too many."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from pipeline.proving.judging.computing import SHOWING, last
from pipeline.proving.judging.stripping import Definition

Node = str | tuple[str, int]
"""A name, or the place of an argument of what is called so."""
_PASSING = {"list", "tuple", "dict", "sorted", "enumerate", "zip", "items", "values", "get"}
"""What gives back what it is given."""


def handed(trees: Iterable[ast.Module]) -> set[str]:
    """The names of what others are handed: as an argument, through variables, parameters, attributes and results."""
    given = _Given()
    for tree in (known := list(trees)):
        for node in ast.walk(tree):
            if isinstance(node, Definition):
                given.defined(node)
    for tree in known:
        for node in ast.walk(tree):
            given.read(node)
    return given.reached()


class _Given:
    def __init__(self) -> None:
        self._from: defaultdict[Node, set[Node]] = defaultdict(set)
        """What may be known by a name → the names that it came from."""
        self._own: set[str] = set()
        self._foreign: set[Node] = set()

    def defined(self, node: Definition) -> None:
        """What a function returns, what its parameters are called, and what a class is derived from."""
        self._own.add(node.name)
        if isinstance(node, ast.ClassDef):
            self._from[node.name].update(map(last, node.bases))
            makers = [
                each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"
            ]
        else:
            makers = [node] if isinstance(node, ast.FunctionDef) else []
        for maker in makers:
            names = [each.arg for each in (*maker.args.posonlyargs, *maker.args.args)]
            for place, name in enumerate(names[1:] if names[:1] in (["self"], ["cls"]) else names):
                self._from[name].add((node.name, place))
        if not isinstance(node, ast.ClassDef):
            for inner in _statements(node.body):
                if isinstance(inner, ast.Return | ast.Yield | ast.YieldFrom) and inner.value:
                    self._from[node.name].update(_values(inner.value))

    def read(self, node: ast.AST) -> None:
        """What a node gives to whom."""
        match node:
            case ast.Assign(targets=targets, value=value):
                self._give(targets, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._give([target], value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._give([target], value)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._give([target], value)
            case ast.Call():
                self._call(node)

    def _give(self, targets: Iterable[ast.expr], *values: ast.expr) -> None:
        # By a node between them: both may be many.
        between = ("", len(self._from))
        self._from[between].update(each for value in values for each in _values(value))
        for target in targets:
            for name in _values(target):
                self._from[name].add(between)

    def _call(self, call: ast.Call) -> None:
        name = last(call.func)
        named = {keyword.arg: set(_values(keyword.value)) for keyword in call.keywords if keyword.arg}
        if name in self._own:
            for place, value in enumerate(call.args):
                self._from[name, place].update(_values(value))
            for parameter, names in named.items():
                self._from[parameter].update(names)
        elif name in SHOWING:
            if isinstance(call.func, ast.Attribute):
                self._give([call.func.value], *call.args)
        elif name not in ("isinstance", "issubclass", "super"):
            self._foreign.update(each for value in call.args for each in _values(value))
            self._foreign.update(*named.values())

    def reached(self) -> set[str]:
        """The names that lead to code from elsewhere."""
        found, waiting = set(self._foreign), list(self._foreign)
        while waiting:
            fresh = self._from.get(waiting.pop(), set()) - found
            found |= fresh
            waiting += fresh
        return {name for name in found if isinstance(name, str)}


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Definition):
            yield node
            waiting += ast.iter_child_nodes(node)


def _values(node: ast.AST) -> Iterator[str]:
    """The names of what an expression may be; of a call, what is called."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Call(func=function, args=args):
                yield last(function)
                if last(function) in _PASSING:
                    waiting += args
            case (
                ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts)
            ):
                waiting += parts
            case ast.Dict(values=parts):
                waiting += parts
            case ast.IfExp(body=one, orelse=other):
                waiting += [one, other]
            case (
                ast.Starred(value=inner) | ast.Subscript(value=inner) | ast.Await(value=inner)
                | ast.NamedExpr(value=inner) | ast.Lambda(body=inner) | ast.ListComp(elt=inner)
                | ast.SetComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.DictComp(value=inner)
            ):  # fmt: skip
                waiting.append(inner)
