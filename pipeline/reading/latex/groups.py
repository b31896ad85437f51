"""Where a group, an option or an argument ends. What is in it is for others to read. Pure."""

import bisect
import functools
import re
from collections.abc import Callable
from typing import TypeVar

MAX_OPTION = 3_000
"""Characters of an optional argument."""
_COMMAND = re.compile(r"\\(?:[A-Za-z@]+|.)", re.DOTALL)
_DELIMITER = re.compile(r"\\.|[{}]", re.DOTALL)
_SHORT = re.compile(r"(?<!\\)\{([^{}\\]{0,200}+)\}")
"""A group for which nothing behind it need be searched."""
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")
_MATHEMATICS = re.compile(r"\\.|\$", re.DOTALL)


_LARGE = 10_000
"""Characters of a text from which on it is worth a place of its own."""
_Found = TypeVar("_Found")


def _remembered(find: Callable[[str], _Found]) -> Callable[[str], _Found]:
    """What `find` finds in the last few texts, so that nothing is searched twice.

    A document does not lose its place to the many paragraphs that are read meanwhile.
    """
    large = functools.lru_cache(maxsize=24)(find)
    small = functools.lru_cache(maxsize=24)(find)
    return lambda text: large(text) if len(text) > _LARGE else small(text)


def group(text: str, position: int, opening: str = "{", closing: str = "}") -> tuple[str, int] | None:
    """The content of the group (or option) that starts at `position`, behind white space, and its end.

    None if there is no such group or it is not closed.
    """
    while position < len(text) and text[position].isspace():
        position += 1
    if not text.startswith(opening, position):
        return None
    if opening == "{":
        if short := _SHORT.match(text, position):
            return short[1], short.end()
        end = _closing_braces(text).get(position)
        return (text[position + 1 : end], end + 1) if end is not None else None
    return until(text, position + len(opening), closing, position + MAX_OPTION)


def until(text: str, position: int, closing: str, limit: int | None = None) -> tuple[str, int] | None:
    """What stands from `position` up to `closing`, which is outside of braces, and the end of that.

    None if it does not come, before `limit` where one is given.
    """
    if _last(text, closing) < position:
        return None
    if limit is None:
        return _delimiters(text).until(position, closing)
    if text.find(closing, position, limit) < 0:
        return None
    closed = _closing_braces(text)
    at, marks = position, _marks(closing)
    while found := marks.search(text, at, limit):
        at = found.end()
        if found.group() == closing:
            return text[position : found.start()], at
        if found.group() == "{":
            at = closed.get(found.start(), len(text)) + 1
        elif found.group() == "}":
            break
    return None


@functools.lru_cache(maxsize=64)
def _last(text: str, closing: str) -> int:
    """Where `closing` stands for the last time, so that nobody looks for it in vain again and again."""
    return text.rfind(closing)


@functools.lru_cache(maxsize=256)
def _marks(closing: str) -> re.Pattern[str]:
    """Braces and `closing`, past what is escaped."""
    word = "(?![A-Za-z])" if closing[:1] == "\\" and closing[-1].isalpha() else ""
    return re.compile(rf"{re.escape(closing)}{word}|\\.|[{{}}]", re.DOTALL)


@_remembered
def _closing_braces(text: str) -> dict[int, int]:
    """Where each group that begins somewhere in `text` ends; found once, so that nothing is searched twice."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for found in _DELIMITER.finditer(text):
        mark = found[0]
        if mark == "{":
            opened.append(found.start())
        elif mark == "}" and opened:
            ends[opened.pop()] = found.start()
    return ends


class _Delimiters:
    """Where delimiters stand in a text, by the groups that they stand in; each is searched for once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._braces, self._groups = [-1], [0]
        self._found: dict[str, dict[int, list[int]]] = {}
        around = [0]
        for found in _DELIMITER.finditer(text):
            if found[0] == "{":
                around.append(len(self._braces))
            elif found[0] == "}" and len(around) > 1:
                around.pop()
            elif found[0] == "}":
                around = [len(self._braces)]
            else:
                continue
            self._braces.append(found.start())
            self._groups.append(around[-1])

    def until(self, position: int, closing: str) -> tuple[str, int] | None:
        if closing not in self._found:
            places: dict[int, list[int]] = {}
            for found in _marks(closing).finditer(self._text):
                if found.group() == closing:
                    places.setdefault(self._group(found.start()), []).append(found.start())
            self._found[closing] = places
        here = self._found[closing].get(self._group(position), [])
        index = bisect.bisect_left(here, position)
        return (self._text[position : here[index]], here[index] + len(closing)) if index < len(here) else None

    def _group(self, position: int) -> int:
        """The group that what begins at `position` stands in; a brace stands in the one around its own."""
        return self._groups[bisect.bisect_left(self._braces, position) - 1]


_delimiters = _remembered(_Delimiters)


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


def options(text: str, position: int) -> tuple[list[str], int]:
    """The options in brackets that start at `position`, and where they end."""
    found: list[str] = []
    while (behind := skip_blanks(text, position)) < len(text) and text[behind] == "[":
        option = group(text, behind, "[", "]")
        if option is None:
            break
        found.append(option[0])
        position = option[1]
    return found, position


def arguments(text: str, position: int, count: int) -> tuple[list[str], int] | None:
    """The next `count` mandatory arguments, options before and between them skipped, and their end."""
    found: list[str] = []
    for _ in range(count):
        _, position = options(text, position)
        read = argument(text, position)
        if read is None:
            return None
        found.append(read[0])
        position = read[1]
    return found, position


def skip_blanks(text: str, position: int) -> int:
    """Past spaces and one line end, but not past an empty line."""
    while position < len(text) and text[position] in " \t":
        position += 1
    if text.startswith("\n", position):
        after = position + 1
        while after < len(text) and text[after] in " \t":
            after += 1
        return position if text.startswith("\n", after) else after
    return position


def end_of_mathematics(text: str, closing: str, position: int) -> int:
    """Where the next `closing` (`$`, `$$`, `\\)`, `\\]`) stands, not counting escaped ones; -1 if there is none."""
    ends = _ends_of_mathematics(text)[closing]
    index = bisect.bisect_left(ends, position)
    return ends[index] if index < len(ends) else -1


@_remembered
def _ends_of_mathematics(text: str) -> dict[str, list[int]]:
    ends: dict[str, list[int]] = {"$": [], "$$": [], "\\)": [], "\\]": []}
    for found in _MATHEMATICS.finditer(text):
        mark = found.group()
        if mark in ends:
            ends[mark].append(found.start())
        if mark == "$" and text.startswith("$", found.end()):
            ends["$$"].append(found.start())
    return ends


def settings(text: str) -> dict[str, str]:
    """`key = value, key = {value}` as a mapping; a key without a value is its own."""
    found: dict[str, str] = {}
    for part in parts(text, ","):
        key, sign, value = part.partition("=")
        value = value.strip()
        whole = group(value, 0)
        found[key.strip()] = (
            (whole[0] if whole and whole[1] == len(value) else value) if sign else key.strip()
        )
    return found


def parts(text: str, separator: str) -> list[str]:
    """`text` cut at a separator of one character where it stands outside of braces."""
    found: list[str] = []
    depth = start = 0
    for mark in re.finditer(rf"\\.|[{{}}{re.escape(separator)}]", text, re.DOTALL):
        if mark.group() == "{":
            depth += 1
        elif mark.group() == "}":
            depth -= 1
        elif mark.group() == separator and depth <= 0:
            found.append(text[start : mark.start()])
            start = mark.end()
    return [*found, text[start:]]


def count_in(text: str, default: int = 0) -> int:
    """A number of an argument; `default` where it is none, or one that nobody writes."""
    bare = text.strip()
    return int(bare) if re.fullmatch(r"[0-9]{1,9}", bare) else default


def end_of(environment: str, text: str, position: int) -> tuple[int, int]:
    """Where the body of an environment, which begins at `position`, ends and where reading goes on; the end of
    `text` if it is not closed.
    """
    return _ends_of_environments(text).get((position, environment), (len(text), len(text)))


@_remembered
def _ends_of_environments(text: str) -> dict[tuple[int, str], tuple[int, int]]:
    ends: dict[tuple[int, str], tuple[int, int]] = {}
    opened: dict[str, list[int]] = {}
    for found in _ENVIRONMENT.finditer(text):
        name = found.group(2).strip()
        begun = opened.setdefault(name, [])
        if found.group(1) == "begin":
            begun.append(found.end())
        elif begun:
            ends[begun.pop(), name] = found.start(), found.end()
    return ends
