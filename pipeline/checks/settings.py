"""Settings between `config.yaml` and the code: where a key stands, and where it is read. Pure."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.checks.symbols import parse
from pipeline.repository import Repository


@dataclass(frozen=True)
class Setting:
    """A leaf of `config.yaml` as it stands there."""

    value: Any
    text: str
    """Its line, without indentation."""


@dataclass(frozen=True)
class Read:
    """A line of code that reads a setting."""

    file: str
    symbol: str
    """The innermost function or method around it; empty at module level."""
    line: str


def setting(key: str, repository: Repository) -> Setting | None:
    """The leaf of `config.yaml` that the dotted `key` leads to; None if there is none."""
    text = repository.files.get("config.yaml", "")
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    start = None
    for part in key.split("."):
        if not isinstance(node, yaml.MappingNode):
            return None
        found = [(name, child) for name, child in node.value if name.value == part]
        if not found:
            return None
        start, node = found[-1]
        value = value[part]
    return Setting(value, text.splitlines()[start.start_mark.line].strip()) if start else None


def reading(key: str, repository: Repository) -> Read | None:
    """The first line that reads the setting by its name: `x["name"]` or `x.get("name")`.

    Its section has to be named as well, somewhere in the code.
    """
    *sections, name = key.split(".")
    places = {part: list(_reads(part, repository)) for part in [*sections[-1:], name]}
    return places[name][0] if all(places.values()) else None


def _reads(name: str, repository: Repository) -> Iterator[Read]:
    for path, source in sorted(repository.python_files().items()):
        tree = parse(source)
        for node in ast.walk(tree) if tree else ():
            match node:
                case ast.Subscript(slice=ast.Constant(value=said), ctx=ast.Load()) if said == name:
                    yield _read(path, source, node)
                case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=said), *_]) if (
                    said == name
                ):
                    yield _read(path, source, node)


def _read(path: str, source: str, node: ast.expr) -> Read:
    around = [name for name, (first, last) in symbols(source).items() if first <= node.lineno <= last]
    return Read(path, around[-1] if around else "", source.splitlines()[node.lineno - 1].strip())


def symbols(source: str) -> dict[str, tuple[int, int]]:
    """Functions, classes and `Class.method` with their first and last line; none in what does not parse."""
    found: dict[str, tuple[int, int]] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[prefix + child.name] = (child.lineno, child.end_lineno or child.lineno)
                visit(child, f"{prefix}{child.name}.")

    if tree := parse(source):
        visit(tree, "")
    return found
