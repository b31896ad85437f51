"""Whether a changed test notices less than it did: fewer comparisons or inputs, a looser tolerance.

Read from its text; whether the change is right is for others to say.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.coding.checks.symbols import dotted, parse
from pipeline.coding.checks.tested import files_of_tests, tests_of

_ASSERTS = re.compile(r"assert_\w+|raises")
_TOLERANCES: Mapping[str, tuple[float, float]] = {
    "assert_allclose": (1e-7, 0),
    "allclose": (1e-5, 1e-8),
    "isclose": (1e-5, 1e-8),
    "approx": (1e-6, 1e-12),
    "assert_close": (1.3e-6, 1e-5),
}
"""What each takes where nobody says: relative, absolute."""
RELATIVE, ABSOLUTE = ("rtol", "rel", "rel_tol"), ("atol", "abs", "abs_tol", "delta")
"""What tolerances are called."""
_EXACT = 1e-9
"""What rounding may take from numbers that were to be equal."""


def weakened(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Why changed tests would notice less than they did; sentences."""
    return [
        problem
        for path, text in files_of_tests(before).items()
        for problem in _weaker(path, text, after.get(path))
    ]


def _weaker(path: str, before: str, after: str | None) -> Iterator[str]:
    old, new = parse(before), parse(after or "")
    now = {node.name: node for node in tests_of(new)}
    for node in tests_of(old):
        where = f"`{path}::{node.name}`"
        if node.name not in now:
            yield f"{where} is gone: correct it instead."
            continue
        was_, is_ = Strength.of(node, old), Strength.of(now[node.name], new)
        if is_.comparisons < was_.comparisons:
            yield f"{where} compares less than it did: {is_.comparisons} for {was_.comparisons} comparisons."
        if is_.inputs < was_.inputs:
            yield f"{where} tries fewer inputs: {is_.inputs:g} for {was_.inputs:g}."
        for kind, loose, tight in zip(("relative", "absolute"), is_.tolerance, was_.tolerance, strict=True):
            if loose > max(tight, _EXACT):
                yield f"{where} has a looser {kind} tolerance: {loose:g} for {tight:g}."


@dataclass(frozen=True)
class Strength:
    """How much a test notices, as far as its text tells."""

    comparisons: int
    inputs: float
    """Rounds of its loops and its parameters, added."""
    tolerance: tuple[float, float]
    """The loosest, relative and absolute; endless where it cannot be read."""

    @classmethod
    def of(cls, node: ast.FunctionDef, tree: ast.Module | None) -> "Strength":
        """Of a test in its file; functions of that file that compare for it are part of it."""
        known = _constants(tree)
        reached = [node, *_helpers(node, tree)]
        inner = [child for function in reached for child in ast.walk(function)]
        tolerances = [found for child in inner if (found := _tolerance(child, known))]
        loosest = tuple(max((each[side] for each in tolerances), default=0.0) for side in (0, 1))
        return cls(
            sum(_comparisons(function) for function in reached),
            sum(_rounds(child, known) for child in inner),
            (loosest[0], loosest[1]),
        )


def _helpers(node: ast.FunctionDef, tree: ast.Module | None) -> list[ast.FunctionDef]:
    """Functions of the same file that compare for a test."""
    called = {dotted(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
    body = tree.body if tree else []
    return [f for f in body if isinstance(f, ast.FunctionDef) and f.name in called and _comparisons(f)]


def _constants(tree: ast.Module | None) -> dict[str, ast.expr]:
    return {
        dotted(node.targets[0]): node.value
        for node in (tree.body if tree else ())
        if isinstance(node, ast.Assign) and len(node.targets) == 1
    }


def _comparisons(node: ast.AST) -> int:
    return sum(
        isinstance(inner, ast.Assert)
        or (isinstance(inner, ast.Call) and bool(_ASSERTS.fullmatch(dotted(inner.func).rsplit(".", 1)[-1])))
        for inner in ast.walk(node)
    )


def _number(node: ast.expr | None, known: Mapping[str, ast.expr]) -> float:
    node = known.get(node.id, node) if isinstance(node, ast.Name) else node
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        # A whole number may be larger than a float can be.
        return float(node.value) if node.value <= sys.float_info.max else float("inf")
    return float("inf")


def _tolerance(node: ast.AST, known: Mapping[str, ast.expr]) -> tuple[float, float] | None:
    """What a comparison forgives, relative and absolute; None where it is none, or one to the last digit."""
    if isinstance(node, ast.Call) and (usual := _TOLERANCES.get(dotted(node.func).rsplit(".", 1)[-1])):
        if dotted(node.func) == "math.isclose":
            usual = (1e-9, 0)
        said = {keyword.arg: _number(keyword.value, known) for keyword in node.keywords}
        relative = [said[name] for name in RELATIVE if name in said]
        absolute = [said[name] for name in ABSOLUTE if name in said]
        return (relative or [usual[0]])[0], (absolute or [usual[1]])[0]
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE):
        bound = _number(node.comparators[0], known)
        return (0.0, bound) if "abs(" in ast.unparse(node.left) or "norm(" in ast.unparse(node.left) else None
    return None


def _rounds(node: ast.AST, known: Mapping[str, ast.expr]) -> float:
    """How often a loop goes round, or how many sets of parameters there are; 0 where that cannot be read."""
    source: ast.expr | None = None
    if isinstance(node, ast.For | ast.comprehension):
        source = node.iter
    elif isinstance(node, ast.Call) and dotted(node.func).endswith("parametrize") and len(node.args) > 1:
        source = node.args[1]
    source = known.get(source.id, source) if isinstance(source, ast.Name) else source
    if isinstance(source, ast.Call) and dotted(source.func) == "range" and source.args:
        ends = [_number(argument, known) for argument in source.args[:2]]
        length = ends[-1] - (ends[0] if len(ends) > 1 else 0)
        return length if length < float("inf") else 0
    return len(source.elts) if isinstance(source, ast.Tuple | ast.List) else 0
