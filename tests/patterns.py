"""Every regular expression of the project, found by walking its modules, and hostile text for each of them."""

import ast
import functools
import importlib
import inspect
import re
import re._constants as names
import re._parser as parser
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
HOUSES = ("app.py", "settings.py", "bot", "pipeline", "sandbox")
ANCHORED = frozenset({"match", "fullmatch"})
SEARCHING = frozenset({"search", "split", "findall", "finditer", "sub", "subn"})
_FLAGS_AT = {"compile": 1, "split": 3, "sub": 4, "subn": 4}
_COMMON = (*"\t\n\r aA0_.,:;-+*#`~<>[](){}|\\/\"'=@!&$^%", "<!--", "-->", "\n\n", "a ", "1.", "```\n", "\r\n")
_LONGEST_SAMPLE = 30
_SAMPLES = 2


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, and the methods that it is used by."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def searching() -> list[str]:
    """Names of the modules whose text has to do with patterns: the only ones that can hold any, and quickly known."""
    return [_name(path) for path in _files() if re.search(r"\bre\b", path.read_text())]


@functools.cache
def walked() -> tuple[list[Found], set[str]]:
    """All patterns; and the places that make one of what they are handed, which only they themselves can test."""
    modules = {module: ast.parse(inspect.getsource(module)) for module in _modules()}
    found: dict[tuple[str, int], Found] = {}
    handed = set()
    everywhere = _used(modules.values())
    for module, tree in modules.items():
        here = _used([tree])
        for name, pattern in _held(module):
            # A private name is used where it stands.
            used = here if name.startswith("_") else everywhere
            methods = used.get(name, set()) or ANCHORED | SEARCHING
            found.setdefault(
                (pattern.pattern, pattern.flags),
                Found(f"{module.__name__}.{name}", pattern, frozenset(methods)),
            )
    for module, tree in modules.items():
        for place, method, made in _written(module, tree):
            if made is None:
                handed.add(place)
            elif method != "compile":
                # The same words may be compiled elsewhere, for another use.
                found[f"{place} {method}", 0] = Found(place, made, frozenset({method}))
            else:
                found.setdefault((made.pattern, made.flags), Found(place, made, ANCHORED | SEARCHING))
    return list(found.values()), handed


def _files() -> Iterator[Path]:
    for house in HOUSES:
        place = ROOT / house
        yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _modules() -> Iterator[ModuleType]:
    yield from map(importlib.import_module, map(_name, _files()))


def _used(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """By a pattern's name the methods that are called on it, anywhere."""
    found: dict[str, set[str]] = {}
    for node in chain.from_iterable(map(ast.walk, trees)):
        match node:
            case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=method) if (
                method in ANCHORED | SEARCHING and name != "re"
            ):
                found.setdefault(name, set()).add(method)
    return found


def _held(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """In a module's and its classes' attributes, also inside of what they hold."""
    own = [
        each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__
    ]
    for owner in (module, *own):
        for name, value in list(vars(owner).items()):
            for pattern in _inside(value, depth=3):
                yield name, pattern


def _inside(value: object, depth: int) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        yield from chain.from_iterable(_inside(each, depth - 1) for each in (*value.keys(), *value.values()))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        yield from chain.from_iterable(_inside(each, depth - 1) for each in value)


def _written(module: ModuleType, tree: ast.Module) -> Iterator[tuple[str, str, re.Pattern[Any] | None]]:
    """In calls on `re`, wherever they stand; None for one whose pattern the module alone does not tell."""
    functions = {
        call: function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match call.func:
            case ast.Attribute(value=ast.Name(id="re"), attr=method) if method in ANCHORED | SEARCHING | {
                "compile"
            }:
                flags = [given.value for given in call.keywords if given.arg == "flags"]
                at = _FLAGS_AT.get(method, 2)
                place = f"{module.__name__}:{functions.get(call, '')}"
                try:
                    said, *how = (
                        eval(compile(ast.Expression(each), "", "eval"), vars(module).copy())
                        for each in (call.args[0], *flags, *call.args[at : at + 1])
                    )
                except NameError:
                    yield place, method, None
                else:
                    yield place, method, re.compile(said, *how)


def takes_zero(pattern: re.Pattern[Any]) -> bool:
    """Whether a zero could be a part of what it matches."""
    return _takes_zero(_tree(pattern))


def _takes_zero(node: Any) -> bool:
    if isinstance(node, parser.SubPattern | list):
        return any(map(_takes_zero, node))
    if not isinstance(node, tuple):
        return False
    match node:
        case (names.NOT_LITERAL | names.ANY | names.NEGATE, _):
            return True
        case (names.CATEGORY, kind):
            return "NOT" in str(kind)
        case (names.LITERAL, character) | (names.RANGE, (character, _)):
            return character == 0
    return any(map(_takes_zero, node))


def _tree(pattern: re.Pattern[Any]) -> parser.SubPattern:
    said = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return parser.parse(said, pattern.flags & ~re.UNICODE)


def hostile(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """A beginning, and what is repeated after it: common marks, and all that the pattern could begin to match."""
    tree = _tree(pattern)
    tokens = {("", token) for token in _COMMON}
    for choice in range(_SAMPLES):
        sample = _sample(tree, choice)[:_LONGEST_SAMPLE]
        for end in range(1, len(sample) + 1):
            tokens |= {("", sample[:end]), (sample[:end], sample[end - 1])}
    yield from sorted(tokens)


def _sample(tree: Iterable[tuple[Any, Any]], choice: int) -> str:
    """Text that the pattern roughly matches, taking another branch for each `choice`."""
    return "".join(_part(operation, argument, choice) for operation, argument in tree)


def _part(operation: Any, argument: Any, choice: int) -> str:
    match operation:
        case names.LITERAL:
            return chr(argument)
        case names.NOT_LITERAL:
            return "b" if argument == ord("a") else "a"
        case names.ANY:
            return " a"[choice % 2]
        case names.IN:
            return _member(argument, choice)
        case names.BRANCH:
            return _sample(argument[1][choice % len(argument[1])], choice)
        case names.SUBPATTERN:
            return _sample(argument[-1], choice)
        case names.ATOMIC_GROUP:
            return _sample(argument, choice)
        case names.MAX_REPEAT | names.MIN_REPEAT | names.POSSESSIVE_REPEAT:
            low, high, inner = argument
            return _sample(inner, choice) * max(low, min(int(high), 1 + choice % 2))
        case _:
            return ""


def _member(members: list[tuple[Any, Any]], choice: int) -> str:
    kinds = {
        names.CATEGORY_DIGIT: "0",
        names.CATEGORY_SPACE: " ",
        names.CATEGORY_WORD: "a",
        names.CATEGORY_NOT_DIGIT: "a",
        names.CATEGORY_NOT_SPACE: "a",
        names.CATEGORY_NOT_WORD: ".",
    }
    if members[0][0] is names.NEGATE:
        refused = {chr(argument) for operation, argument in members if operation is names.LITERAL}
        return next(each for each in "a 0." if each not in refused)
    operation, argument = members[choice % len(members)]
    if operation is names.CATEGORY:
        return kinds[argument]
    return chr(argument if operation is names.LITERAL else argument[0])
