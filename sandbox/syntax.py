"""Python source as a syntax tree. Knows nothing of sandboxes, so every room may use it."""

import ast
import threading

LONGEST = 256 * 2**10
"""Of a source: its tree takes up to a kilobyte of memory for each byte."""

DEEPEST = 150
"""Nodes inside of one another: whoever walks or writes a tree takes up to five calls for each, and Python has 1,000."""

parsing = threading.RLock()
"""Held by whoever calls what parses by itself (pyflakes, coverage).

CPython 3.11 counts the depth of all threads' syntax trees in one place, and raises SystemError when two meet.
"""


def tree(source: str | bytes) -> ast.Module:
    """The tree of a whole file. Raises SyntaxError, also for what is too long, too deep, or no text at all."""
    if len(source) > LONGEST:
        raise SyntaxError(f"{len(source):,} characters are more than the {LONGEST:,} that are read")
    try:
        with parsing:
            parsed = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from error
    level: list[ast.AST] = [parsed]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise SyntaxError("it is nested too deeply")
    return parsed
