"""Python source as a syntax tree. Knows nothing of sandboxes, so every room may use it."""

import ast
import threading

parsing = threading.RLock()
"""Held by whoever calls what parses by itself (pyflakes, coverage).

CPython 3.11 counts the depth of all threads' syntax trees in one place, and raises SystemError when two meet.
"""


def tree(source: str | bytes) -> ast.Module:
    """The tree of a whole file. Raises SyntaxError, ValueError, RecursionError and MemoryError."""
    with parsing:
        return ast.parse(source)
