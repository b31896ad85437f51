"""Settings between `config.yaml` and the code: where a key stands, and where it is read. Pure."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import yaml

from pipeline.coding.checks.symbols import bindings, dotted, parse, suggestion
from pipeline.coding.repository import Repository
from pipeline.contract import HARNESS
from pipeline.planning.plan import Configuration
from pipeline.untrusted import Unreadable, of_yaml


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
        value, node = _composed(text)
    except Unreadable:
        return None
    start = None
    for part in key.split("."):
        if not isinstance(node, yaml.MappingNode):
            return None
        found = [(name, child) for name, child in node.value if name.value == part]
        if not found or not isinstance(value, dict) or part not in value:  # `1:` is no text
            return None
        start, node = found[-1]
        value = value[part]
    return Setting(value, text.splitlines()[start.start_mark.line].strip()) if start else None


@lru_cache(maxsize=8)
def _composed(text: str) -> tuple[Any, yaml.Node | None]:
    """The value and where each part of it stands; asked for every key of one file. Raises Unreadable."""
    return of_yaml(text), yaml.compose(text, yaml.SafeLoader)


def reading(key: str, repository: Repository) -> Read | None:
    """The first line that reads the setting by its name: `x["name"]` or `x.get("name")`.

    Its section has to be named as well, somewhere in the code.
    """
    *sections, name = key.split(".")
    places = {part: list(_reads(part, repository)) for part in [*sections[-1:], name]}
    return places[name][0] if all(places.values()) else None


def naming(key: str, repository: Repository) -> str | None:
    """The first file that has the setting's name in another way: in a loop over names, as an attribute or parameter."""
    name = key.rpartition(".")[2]
    for path, _, node in _nodes(repository):
        match node:
            case (
                ast.Constant(value=said)
                | ast.Attribute(attr=said)
                | ast.arg(arg=said)
                | ast.keyword(arg=said)
                | ast.Name(id=said)
            ) if said in (name, key):
                return path
    return None


def _reads(name: str, repository: Repository) -> Iterator[Read]:
    for path, source, node in _nodes(repository):
        match node:
            case ast.Subscript(slice=ast.Constant(value=said), ctx=ast.Load()) if said == name:
                yield _read(path, source, node)
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=said), *_]) if (
                said == name
            ):
                yield _read(path, source, node)


def _nodes(repository: Repository) -> Iterator[tuple[str, str, ast.AST]]:
    """What was written for the paper, with its file and that file's text; the harness reads no setting by its name."""
    for path, source in sorted(repository.python_files().items()):
        tree = parse(source) if path != HARNESS else None
        yield from ((path, source, node) for node in (ast.walk(tree) if tree else ()))


def _read(path: str, source: str, node: ast.expr) -> Read:
    around = [name for name, (first, last) in symbols(source).items() if first <= node.lineno <= last]
    return Read(path, around[-1] if around else "", source.splitlines()[node.lineno - 1].strip())


@lru_cache(maxsize=64)
def symbols(source: str) -> Mapping[str, tuple[int, int]]:
    """Functions, classes and `Class.method` with their first and last line; none in what does not parse."""
    found: dict[str, tuple[int, int]] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[prefix + child.name] = (child.lineno, child.end_lineno or child.lineno)
                visit(child, f"{prefix}{child.name}.")

    if tree := parse(source):
        visit(tree, "")
    return MappingProxyType(found)


_CONFIG_NAMES = {"config", "cfg", "self.config", "self.cfg", "run.config", "report.config"}


def setting_problems(
    tree: ast.Module, files: Mapping[str, str], planned: Configuration
) -> Iterator[tuple[int, str]]:
    """Keys read from the configuration that lead nowhere in it, wherever the chain of keys begins."""
    keys = [entry.key.split(".") for entry in planned.entries]
    keys += written_keys(files.get("config.yaml", ""))
    known = {
        tuple(key[start:end])
        for key in keys
        for start in range(len(key))
        for end in range(start, len(key) + 1)
    }
    stored = {
        key for source in files.values() for key in re.findall(r"""\[["'](\w+)["']\]\s*=(?!=)""", source)
    }
    aliases = _config_aliases(tree)
    outermost: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in outermost or not (chain := _config_chain(node, aliases)):
            continue
        outermost.update(ast.walk(node))
        if chain[0] == "smoke":
            chain = chain[1:]
        if tuple(chain) not in known and not stored & set(chain):
            leaves = {key[-1] for key in keys}
            yield (
                getattr(node, "lineno", 1),
                f"config.yaml has no `{'.'.join(chain)}`{suggestion(chain[-1], leaves)}",
            )


def written_keys(text: str) -> list[list[str]]:
    """Paths to the leaves of `config.yaml` as it stands: a repair may have added some to the plan's."""
    try:
        tree = of_yaml(text)
    except Unreadable:
        return []

    def leaves(node: object) -> Iterator[list[str]]:
        if isinstance(node, dict):
            for key, child in node.items():
                yield from ([str(key), *rest] for rest in leaves(child))
        else:
            yield []

    return [path for path in leaves(tree) if path]


def _config_aliases(tree: ast.Module) -> Mapping[str, list[str]]:
    """Names that certainly hold the configuration or a part of it → the keys that lead there."""
    bound = Counter(name for name, _ in bindings(tree))
    literal = {
        dotted(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.DictComp)
        for target in node.targets
    }
    aliases: dict[str, list[str]] = {name: [] for name in _CONFIG_NAMES - literal}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            name = dotted(node.targets[0])
            if bound[name] == 1 and name not in aliases and (chain := _config_chain(node.value, aliases)):
                aliases[name] = chain
    return aliases


def _config_chain(node: ast.AST, aliases: Mapping[str, list[str]]) -> list[str]:
    """The keys of `config["a"]["b"]` or `config["a"].get("b")`; empty if it is nothing of the kind."""
    keys: list[str] = []
    while True:
        match node:
            case ast.Subscript(value=inner, slice=ast.Constant(value=str(key)), ctx=ast.Load()):
                keys.insert(0, key)
            case ast.Call(
                func=ast.Attribute(value=inner, attr="get"), args=[ast.Constant(value=str(key)), *_]
            ):
                keys.insert(0, key)
            case _:
                break
        node = inner
    name = dotted(node)
    return [*aliases[name], *keys] if keys and name in aliases else []
