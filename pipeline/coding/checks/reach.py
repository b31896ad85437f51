"""Where names of a repository lead to: from a function, an experiment or a test to all that it may use.

More than what runs: whatever is named counts, a class with all that it has.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.coding.checks.program import Program
from pipeline.coding.checks.symbols import bindings, dotted, imports, parse

Symbol = tuple[str, str]
"""A file, and a name at its top level."""


class Written(NamedTuple):
    """An `Experiment(…)` as it stands in a file."""

    name: str
    path: str
    call: ast.Call
    given: Mapping[str, ast.expr]
    """What it is made of, by the names of its first fields or of keywords."""


_FIRST = ("name", "shows", "run", "methods", "seeds")
"""Of the harness's `Experiment`, the fields that people give by their place."""


def experiments(program: Program) -> Iterator[Written]:
    """Each `Experiment(…)` that is named by a literal."""
    for path in program.files:
        tree = parse(program.files[path]) if path.endswith(".py") else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Experiment":
                given = dict(zip(_FIRST, node.args, strict=False))
                given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
                name = given.get("name")
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield Written(name.value, path, node, given)


def reached(
    start: Iterable[Symbol], program: Program, through: Callable[[str], bool] = lambda path: True
) -> set[Symbol]:
    """What `start` leads to, itself included; what stands in files that are not to be gone `through` leads nowhere."""
    found, open_ = set[Symbol](), list(start)
    while open_:
        symbol = open_.pop()
        if symbol not in found:
            found.add(symbol)
            if through(symbol[0]):
                for node in _definitions(symbol, program):
                    open_ += used(node, symbol[0], program)
    return found


def used(node: ast.AST, path: str, program: Program) -> set[Symbol]:
    """What the names under a node of a file stand for, as far as the repository defines it."""
    tree = parse(program.files[path])
    imported, own = imports(path, tree) if tree else {}, _own(path, program)
    found = set[Symbol]()
    for module, name in imports(path, node).values():
        found |= _home([*module.split("."), *([name] if name else [])], program)
    for chain in _chains(node):
        first, *rest = chain.split(".")
        if first in imported:
            module, inner = imported[first]
            found |= _home([*module.split("."), *([inner] if inner else []), *rest], program)
        else:
            found |= {(path, first)} & own
    return found


def _chains(node: ast.AST) -> Iterator[str]:
    """Each name with all its attributes: `a.b.c`, and neither `a.b` nor `a` of it."""
    if name := dotted(node):
        yield name
    else:
        for child in ast.iter_child_nodes(node):
            yield from _chains(child)


def _home(parts: Sequence[str], program: Program) -> set[Symbol]:
    """What a dotted path of modules and names stands for: of a module alone, all that it has."""
    for cut in range(len(parts), 0, -1):
        path = program.path_of(".".join(parts[:cut]))
        if path and path in program.files:
            return {(path, parts[cut])} if cut < len(parts) else _own(path, program)
    return set()


def _own(path: str, program: Program) -> set[Symbol]:
    tree = parse(program.files[path])
    return {(path, name) for name, _ in bindings(tree, nested=False)} if tree else set()


def _definitions(symbol: Symbol, program: Program) -> Iterator[ast.stmt]:
    """The statements at the top level that bind it, an import that brings it from elsewhere included."""
    path, name = symbol
    tree = parse(program.files[path])
    for node in tree.body if tree else ():
        whole = ast.Module([node], [])
        if any(bound == name for bound, _ in bindings(whole, nested=False)):
            yield node
