"""Macros: what an author's definitions say, and what a call yields. Text in, text out.

`expansion.py` walks through a document with them.
"""

import re
from dataclasses import dataclass
from typing import Literal

from pipeline.reading.latex.groups import argument, count_in, group, settings, until

NO_VALUE = "-NoValue-"
"""What an optional argument of xparse is where it is left out and has no default."""
MAX_PARAMETERS = 1_000
"""Characters between the name and the body of a `\\def`."""
TRUE, FALSE = "\\BooleanTrue", "\\BooleanFalse"

_PARAMETER = re.compile(r"##|#([1-9])")
_PARAMETER_TEXT = re.compile(r"#([1-9])?|\\[A-Za-z@]+\s*|[^#]", re.DOTALL)
_SPACE = re.compile(r"\s+")
_TAIL = re.compile(r"\\([A-Za-z@]+)\s*\Z")
_FOLLOWED_BY = {"O": 1, "d": 2, "D": 3, "r": 2, "R": 3, "G": 1, "e": 1, "E": 2, ">": 1, "t": 1, "u": 1}
"""How many arguments stand behind a letter in a specification."""


@dataclass(frozen=True)
class Argument:
    """One argument as it was declared."""

    kind: Literal["mandatory", "optional", "required", "star", "until", "embellishment", "body"] = "mandatory"
    default: str = ""
    opening: str = "["
    closing: str = "]"
    """Of an argument in brackets; what an `until` argument ends at, or a `star`'s token."""


MANDATORY = Argument()


@dataclass(frozen=True)
class Macro:
    """What a command stands for: `body`, with `#1`… for its arguments."""

    body: str
    arguments: tuple[Argument, ...] = ()
    prefix: str = ""
    """What has to stand before the first argument."""

    def call(self, text: str, position: int) -> tuple[list[str], int] | None:
        """The arguments of a call that start at `position`, and their end; None if they are not there."""
        if self.prefix:
            start = _past_blanks(text, position) if not text.startswith(self.prefix, position) else position
            if not text.startswith(self.prefix, start):
                return None
            position = start + len(self.prefix)
        elif self.arguments:
            position = skip_space(text, position)
        values: list[str] = []
        for index, declared in enumerate(self.arguments):
            if declared.kind == "embellishment":
                found, position = self._embellishments(index, text, position)
                return [*values, *found], position
            read = _read(declared, text, position)
            if read is None:
                return None
            values.append(read[0])
            position = read[1]
        return values, position

    def _embellishments(self, index: int, text: str, position: int) -> tuple[list[str], int]:
        """What stands behind the marks of the last arguments, which come in any order."""
        found = {declared.opening: NO_VALUE for declared in self.arguments[index:]}
        while (mark := text[position : position + 1]) in found and found[mark] == NO_VALUE:
            read = argument(text, position + 1)
            if read is None:
                break
            found[mark], position = read
        return list(found.values()), position

    def size(self, values: list[str]) -> int:
        """No fewer characters than the body with its arguments has."""
        return len(self.body) + self.body.count("#") * max(map(len, values), default=0)

    def filled(self, values: list[str]) -> str:
        """The body with its arguments."""

        def substitute(found: re.Match[str]) -> str:
            if found.group() == "##":
                return "#"
            number = int(found.group(1))
            value = values[number - 1] if number <= len(values) else ""
            return value + space_between(value, self.body, found.end())

        return _PARAMETER.sub(substitute, self.body) if "#" in self.body else self.body


@dataclass(frozen=True)
class Environment:
    """What an author's environment stands for."""

    begin: Macro
    end: str
    """May name the arguments of the beginning."""


def _past_blanks(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _read(declared: Argument, text: str, position: int) -> tuple[str, int] | None:
    if declared.kind == "mandatory":
        return argument(text, position)
    if declared.kind == "until":
        found = until(text, position, declared.closing)
        if found is None:
            return None
        return _whole(found[0]), skip_space(text, found[1]) if declared.closing.startswith("\\") else found[1]
    start = _past_blanks(text, position)
    if declared.kind == "star":
        there = text.startswith(declared.closing, start)
        return (TRUE, start + len(declared.closing)) if there else (FALSE, position)
    if not text.startswith(declared.opening, start):
        return None if declared.kind == "required" else (declared.default, position)
    found = group(text, start, declared.opening, declared.closing)
    return found or (None if declared.kind == "required" else (declared.default, position))


def _whole(value: str) -> str:
    """A delimited argument without the one group that is all of it."""
    found = group(value, 0) if value.startswith("{") else None
    return found[0] if found and found[1] == len(value) else value


def skip_space(text: str, position: int) -> int:
    """TeX skips the space after a command word, but not an empty line."""
    space = _SPACE.match(text, position)
    skipped = text[position - 1 : position].isalpha() and space and space.group().count("\n") < 2
    return space.end() if space and skipped else position


def space_between(left: str, text: str, position: int) -> str:
    """A space where a command word would otherwise run into the letter that follows it."""
    return (
        " " if _TAIL.search(left, max(0, len(left) - 60)) and text[position : position + 1].isalpha() else ""
    )


# Declarations -----------------------------------------------------------------------------------------------


def declared(command: str, text: str, position: int) -> tuple[Macro | None, int] | None:
    """What a definition declares before its body, as a Macro without one, and where the body starts.

    No Macro if that is more than we understand, None if the definition is not complete.
    """
    if command in ("def", "gdef", "edef", "xdef"):
        body = text.find("{", position, position + MAX_PARAMETERS)
        if body < 0 or group(text, body) is None:
            return None
        return _parameter_text(text[position:body]), body
    if command.endswith(("DocumentCommand", "DocumentEnvironment")):
        written = argument(text, position)
        return (_document_arguments(written[0]), written[1]) if written else None
    count = group(text, position, "[", "]")
    if count is None:
        return Macro(""), position
    number = min(count_in(count[0]), 9)
    default = group(text, count[1], "[", "]")
    if default is None:
        return Macro("", (MANDATORY,) * number), count[1]
    if command == "newcommandx":
        given = settings(default[0])
        names = [str(index + 1) for index in range(number)]
        return (
            Macro("", tuple(Argument("optional", given[n]) if n in given else MANDATORY for n in names)),
            default[1],
        )
    if number == 0:
        return Macro(""), default[1]
    return Macro("", (Argument("optional", default[0]), *(MANDATORY,) * (number - 1))), default[1]


def _parameter_text(written: str) -> Macro | None:
    """`#1`, `(#1,#2)`, `#1\\end` and the like, as plain TeX declares them."""
    prefix, delimiters = "", list[str]()
    for found in _PARAMETER_TEXT.finditer(written.strip()):
        if found.group().startswith("#"):
            if found.group(1) is None:
                return None
            delimiters.append("")
        elif delimiters:
            delimiters[-1] += found.group().strip() or " "
        else:
            prefix += found.group().strip() or " "
    return Macro("", tuple(Argument("until", closing=d) if d else MANDATORY for d in delimiters), prefix)


def _document_arguments(specification: str) -> Macro | None:
    """xparse's argument types; no Macro for one that is none of them.

    Source: the manual of ltcmd, section 1.1.
    """
    found: list[Argument] = []
    position = 0
    while position < len(specification):
        letter = specification[position]
        position += 1
        if letter in "+!=" or letter.isspace():
            continue
        taken: list[str] = []
        for _ in range(_FOLLOWED_BY.get(letter, 0)):
            read = argument(specification, position)
            position = read[1] if read else len(specification)
            taken.append(read[0] if read else "")
        made = _document_argument(letter, taken)
        if made is None:
            return None
        found += made
    return Macro("", tuple(found))


def _document_argument(letter: str, taken: list[str]) -> list[Argument] | None:
    """The arguments that one letter of a specification, with what follows it, declares."""
    if letter in "oOdDrRgG":
        opening, closing = {"o": ("[", "]"), "g": ("{", "}")}.get(letter.lower(), tuple(taken[:2]))
        default = taken[-1] if letter in "ODRG" else NO_VALUE
        return [Argument("required" if letter in "rR" else "optional", default, opening, closing)]
    if letter in "eE":
        return [Argument("embellishment", NO_VALUE, mark) for mark in taken[0]]
    return {
        ">": [],
        "m": [MANDATORY],
        "v": [MANDATORY],
        "b": [Argument("body")],
        "s": [Argument("star", closing="*")],
        "t": [Argument("star", closing=taken[0] if taken else "")],
        "l": [Argument("until", closing="{")],
        "u": [Argument("until", closing=taken[0] if taken else "")],
    }.get(letter)
