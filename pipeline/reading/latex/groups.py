"""Where a group, an option or an argument ends. What is in it is for others to read. Pure."""

import functools
import re

MAX_OPTION = 3_000
"""Characters of an optional argument."""
_COMMAND = re.compile(r"\\(?:[A-Za-z@]+|.)", re.DOTALL)
_DELIMITER = re.compile(r"\\.|[{}\[\]]", re.DOTALL)


def group(text: str, position: int, opening: str = "{", closing: str = "}") -> tuple[str, int] | None:
    """The content of the group (or option) that starts at `position`, behind white space, and its end.

    None if there is no such group or it is not closed.
    """
    while position < len(text) and text[position].isspace():
        position += 1
    if not text.startswith(opening, position):
        return None
    if opening == "{":
        end = _closing_braces(text).get(position)
        return (text[position + 1 : end], end + 1) if end is not None else None
    if text.find(closing, position, position + MAX_OPTION) < 0:
        return None
    closed = _closing_braces(text)
    at = position + 1
    while found := _DELIMITER.search(text, at, position + MAX_OPTION):
        at = found.end()
        if found.group() == closing:
            return text[position + 1 : found.start()], at
        if found.group() == "{":
            at = closed.get(found.start(), len(text)) + 1
        elif found.group() == "}":
            break
    return None


@functools.lru_cache(maxsize=16)
def _closing_braces(text: str) -> dict[int, int]:
    """Where each group that begins somewhere in `text` ends; found once, so that nothing is searched twice."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for found in _DELIMITER.finditer(text):
        if found.group() == "{":
            opened.append(found.start())
        elif found.group() == "}" and opened:
            ends[opened.pop()] = found.start()
    return ends


def argument(text: str, position: int) -> tuple[str, int] | None:
    """The next mandatory argument as TeX takes it: a group, a command, or one character; and its end."""
    found = group(text, position)
    if found:
        return found
    while position < len(text) and text[position].isspace():
        position += 1
    if position >= len(text) or text[position] in "{}":
        return None
    command = _COMMAND.match(text, position)
    end = command.end() if command else position + 1
    return text[position:end], end
