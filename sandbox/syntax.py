"""Python source as a syntax tree. Knows nothing of sandboxes, so every room may use it."""

import ast
import sys
import threading

LONGEST = 256 * 2**10
"""Of a source: its tree takes up to a kilobyte of memory for each byte."""

DEEPEST = 150
"""Nodes inside of one another: whoever walks or writes a tree takes up to five calls for each, and Python has 1,000."""

_LONGEST_NUMBER = 10**sys.int_info.default_max_str_digits
"""Python neither reads nor writes more decimal digits; hexadecimal ones it reads, and whoever writes the tree fails."""

parsing = threading.RLock()
"""Held by whoever calls what parses by itself (pyflakes, coverage).

CPython 3.11 counts the depth of all threads' syntax trees in one place, and raises SystemError when two meet.
"""


def tree(source: str | bytes) -> ast.Module:
    """The tree of a whole file. Raises SyntaxError, also for what is too long, too deep, or no text at all.

    Bytes are UTF-8, as whoever executes files reads them: in other codings what is not ASCII may be lost.
    """
    if len(source) > LONGEST:
        raise SyntaxError(f"{len(source):,} characters are more than the {LONGEST:,} that are read")
    try:
        # Not as the file itself says: `punycode`, for one, takes the square of its length to be read.
        text = source if isinstance(source, str) else source.decode("utf-8-sig", errors="replace")
        with parsing:
            parsed = ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from error
    level: list[ast.AST] = [parsed]
    for _ in range(DEEPEST):
        if any(isinstance(node, ast.Constant) and _is_too_long(node.value) for node in level):
            raise SyntaxError("it holds a number that is too long to be written down")
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise SyntaxError("it is nested too deeply")
    return parsed


def _is_too_long(value: object) -> bool:
    return isinstance(value, int) and value >= _LONGEST_NUMBER
