"""Python without what never runs and what only says something: docstrings, branches a program can decide, long data."""

import ast
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

_LONGEST_LIST = 60
"""Constants of one list: more are data."""
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_FREE = {"globals", "locals", "vars", "exec", "eval", "setattr"}
"""By these a name may get a value that no assignment shows."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def bare(tree: ast.Module, notebook: bool = False) -> ast.Module:
    """The tree itself, changed. What stands behind an exit in a notebook may be another cell and runs."""
    off, bound = _off(tree)
    for block in [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]:
        if not notebook:
            block[:] = _without_replaced(block)
    _Bare(off, bound, tree if notebook else None).visit(tree)
    return ast.fix_missing_locations(tree)


def constant(node: ast.expr) -> bool:
    """Whether an expression has the same value always, and whoever reads it sees which."""
    match node:
        case ast.Constant():
            return True
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.JoinedStr(values=parts):
            return all(map(constant, parts))
        case ast.Dict(keys=keys, values=values):
            return all(key is None or constant(key) for key in keys) and all(map(constant, values))
        case ast.UnaryOp(operand=value) | ast.FormattedValue(value=value):
            return constant(value)
    return False


class _Bare(ast.NodeTransformer):
    """Away with docstrings, other strings that do nothing, what never runs, and long lists of data."""

    def __init__(self, off: Collection[str], bound: Collection[str], cells: ast.Module | None) -> None:
        """`off` are names that are false wherever they are read, `bound` all that the file binds."""
        self._off, self._bound, self._cells = off, bound, cells

    def visit(self, node: ast.AST) -> ast.AST:
        """As the base class does, then the blocks of the node."""
        found: ast.AST = super().visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(found, name, None)
            if isinstance(block, list) and all(isinstance(each, ast.stmt) for each in block):
                reached = self._decided(block)
                kept = list(reached if found is self._cells else self._until_the_end(list(reached)))
                empty = name == "body" and not kept and not isinstance(found, ast.Module)
                setattr(found, name, [ast.copy_location(ast.Pass(), block[0])] if empty and block else kept)
        return found

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """As the base class does, then the node itself."""
        super().generic_visit(node)
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) if len(
                parts
            ) > _LONGEST_LIST and all(map(constant, parts)):
                node.elts = [*parts[:3], ast.copy_location(ast.Constant(...), node)]
            case ast.IfExp(test=test, body=body, orelse=orelse) if (known := self._known(test)) is not None:
                return body if known else orelse
            case ast.BoolOp(op=op, values=values):
                ends = isinstance(op, ast.Or)
                last = next((n for n, value in enumerate(values) if self._known(value) is ends), len(values))
                node.values = values[: last + 1]
                return node if len(node.values) > 1 else node.values[0]
        return node

    def _decided(self, block: list[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in block:
            match statement:
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.If(test=test) | ast.While(test=test) if self._known(test) is False:
                    yield from statement.orelse
                    continue
                case ast.For(iter=values) if _is_empty(values):
                    yield from statement.orelse
                    continue
                case ast.If(test=test) if self._known(test):
                    statement.orelse = []
            yield statement

    def _until_the_end(self, block: list[ast.stmt]) -> Iterator[ast.stmt]:
        for number, statement in enumerate(block):
            yield statement
            if self._ends(statement):
                rest = (node for after in block[number + 1 :] for node in ast.walk(after))
                if found := next(
                    (node for node in rest if isinstance(node, ast.Yield | ast.YieldFrom)), None
                ):
                    # It never runs, and makes a generator of the function.
                    yield ast.copy_location(ast.Expr(ast.copy_location(ast.Yield(), found)), found)
                return

    def _ends(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return True
            case ast.Assert(test=test):
                return self._known(test) is False
            case ast.Expr(value=ast.Call(func=ast.Name(id="exit" | "quit" as name))):
                return name not in self._bound
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="sys"), attr="exit"))):
                return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="_exit"))):
                return True
        return False

    def _known(self, test: ast.expr) -> bool | None:
        """What a condition is, where that can be told from it alone."""
        match test:
            case ast.Constant(value=value):
                return bool(value)
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                return False
            case ast.Name(id=name):
                return False if name in self._off else None
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                known = self._known(operand)
                return None if known is None or isinstance(operand, ast.Name) else not known
            case ast.BoolOp(op=op, values=values):
                known_values = [self._known(value) for value in values]
                ends = isinstance(op, ast.Or)
                return ends if ends in known_values else None if None in known_values else not ends
            case ast.Compare(
                left=ast.Constant(value=left), ops=[op], comparators=[ast.Constant(value=right)]
            ):
                compare = _COMPARISONS.get(type(op))
                try:
                    return bool(compare(left, right)) if compare else None
                except TypeError:
                    return None
        return False if _is_empty(test) else None


def _is_empty(node: ast.expr) -> bool:
    match node:
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) | ast.Constant(value="" | b""):
            return True
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0)], keywords=[]):
            return True
    return False


def _off(tree: ast.Module) -> tuple[set[str], Counter[str]]:
    """Names that are set once, to what is false, where nobody is meant to turn them; and how often each is bound.

    At the top of a file such a name is a switch: somebody turns it.
    """
    bound: Counter[str] = Counter()
    false: set[str] = set()
    switches = {id(statement) for statement in tree.body}
    free = False
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound[name] += 1
            case ast.Attribute(attr=name, ctx=ast.Store()):
                bound[name] += 2
            case ast.alias(name=name, asname=other):
                bound[other or name] += 1
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                bound.update(2 * names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound[name] += 1
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                bound[name] += 1
            case ast.MatchMapping(rest=str(name)):
                bound[name] += 1
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if not value:
                if id(node) not in switches:
                    false.add(name)
            case ast.Call(func=ast.Name(id=name)) if name in _FREE:
                free = True
    return (set() if free else {name for name in false if bound[name] == 1}), bound


def _without_replaced(block: list[ast.stmt]) -> list[ast.stmt]:
    """Without functions and classes that another of the same name replaces before anything may use them."""
    first: dict[str, int] = {}
    gone: set[int] = set()
    for number, statement in enumerate(block):
        own = statement.name if isinstance(statement, Definition) else ""
        for name in _names(statement) & first.keys():
            if name != own or name in _names(*_around(statement)):
                del first[name]
        if own in first:
            gone.add(first.pop(own))
        if isinstance(statement, Definition) and not statement.decorator_list:
            first[own] = number
    return [statement for number, statement in enumerate(block) if number not in gone]


def _around(statement: ast.stmt) -> list[ast.AST]:
    """What is read when something is defined, and not when it is called."""
    match statement:
        case ast.ClassDef(decorator_list=decorators, bases=bases, keywords=keywords):
            return [*decorators, *bases, *keywords]
        case (
            ast.FunctionDef(decorator_list=decorators, args=args)
            | ast.AsyncFunctionDef(decorator_list=decorators, args=args)
        ):
            return [*decorators, args]
    return []


def _names(*nodes: ast.AST) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}
