"""Names that newer versions of libraries dropped, and source with the new ones in their place.

Only names that are called in the same way as before; how else an interface changed is the model's business.
"""

import ast
from collections.abc import Iterator

from pipeline.coding.checks.symbols import parse

RENAMED = {
    "collections.Callable": "collections.abc.Callable",
    "collections.Iterable": "collections.abc.Iterable",
    "collections.Iterator": "collections.abc.Iterator",
    "collections.Mapping": "collections.abc.Mapping",
    "collections.MutableMapping": "collections.abc.MutableMapping",
    "collections.Sequence": "collections.abc.Sequence",
    "numpy.Inf": "numpy.inf",
    "numpy.NaN": "numpy.nan",
    "numpy.alltrue": "numpy.all",
    "numpy.bool": "bool",
    "numpy.complex": "complex",
    "numpy.complex_": "numpy.complex128",
    "numpy.cumproduct": "numpy.cumprod",
    "numpy.float": "float",
    "numpy.float_": "numpy.float64",
    "numpy.in1d": "numpy.isin",
    "numpy.infty": "numpy.inf",
    "numpy.int": "int",
    "numpy.object": "object",
    "numpy.product": "numpy.prod",
    "numpy.row_stack": "numpy.vstack",
    "numpy.sometrue": "numpy.any",
    "numpy.str": "str",
    "numpy.trapz": "numpy.trapezoid",
    "scipy.integrate.cumtrapz": "scipy.integrate.cumulative_trapezoid",
    "scipy.integrate.simps": "scipy.integrate.simpson",
    "scipy.integrate.trapz": "scipy.integrate.trapezoid",
    "time.clock": "time.perf_counter",
}
"""Dotted name → what the library's own notes say to use; without a dot, a builtin."""


def renamed(source: str, old: str, new: str) -> str:
    """`source` with each use of `old` (dotted, from the module on) replaced by `new`, imports included."""
    tree = parse(source)
    if tree is None:
        return source
    module, _, name = old.rpartition(".")
    new_module, _, new_name = new.rpartition(".")
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    edits: list[tuple[ast.expr | ast.stmt, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == name:
            said = ast.unparse(node.value)
            if known.get(said) == module:
                kept = new_module.replace(module, said, 1) if new_module else ""
                edits.append((node, f"{kept}.{new_name}" if kept else new_name))
        elif isinstance(node, ast.ImportFrom) and node.module == module and not node.level and new_module:
            edits += _import_edit(node, name, new_module, new_name)
    lines = source.encode().split(b"\n")
    for place, text in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        first, last = place.lineno - 1, (place.end_lineno or place.lineno) - 1
        joined = lines[first][: place.col_offset] + text.encode() + lines[last][place.end_col_offset :]
        lines[first : last + 1] = [joined]
    return b"\n".join(lines).decode()


def _import_edit(
    node: ast.ImportFrom, name: str, new_module: str, new_name: str
) -> Iterator[tuple[ast.stmt, str]]:
    """The statement without `name`, and one that brings the new name under the old."""
    moved = [alias for alias in node.names if alias.name == name]
    if not moved:
        return
    others = [alias for alias in node.names if alias.name != name]
    bound = moved[0].asname or name
    brought = [ast.alias(new_name, None if bound == new_name else bound)]
    statements = [ast.ImportFrom(new_module, brought, 0)]
    if others:
        statements.insert(0, ast.ImportFrom(node.module, others, 0))
    indent = " " * node.col_offset
    yield node, f"\n{indent}".join(ast.unparse(statement) for statement in statements)
