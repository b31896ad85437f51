"""Python source as a syntax tree. Knows nothing of sandboxes, so every room may use it."""

import ast
import threading

LONGEST = 256 * 2**10
"""Of a source: its tree takes up to a kilobyte of memory for each byte."""

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
            return ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from error
