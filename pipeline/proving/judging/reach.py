"""What of a repository's code is reached when it is used, by name, and what of it does anything.

Errs on the side of "reached": a name that live code mentions anywhere reaches everything that is called so, and where
names are made when the code runs, everything is that they may mean.
"""

import ast
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.proving.judging import languages
from pipeline.proving.judging.computing import (
    acts,
    computes,
    is_none,
    line_commands,
    line_computes,
    line_is_idle,
    works,
)
from pipeline.proving.judging.entries import Entries
from pipeline.proving.judging.modules import Parts
from pipeline.proving.judging.sources import Sources
from pipeline.proving.judging.stripping import constant
from pipeline.proving.judging.units import Code, Unit, targets, walk

FEWEST_COMPUTING = 2
"""Statements that compute something: with fewer there is nothing to judge."""
FEWEST_LINES = 5
"""Of another language that may do something."""
_MOST_PREFIXES = 20
"""More beginnings of names than these are any name."""


@dataclass(frozen=True)
class Reach:
    """Which units of the sources are reached."""

    sources: Sources

    @cached_property
    def _code(self) -> Code:
        return Code(self.sources.trees)

    @property
    def units(self) -> tuple[Unit, ...]:
        """All of them, module by module."""
        return self._code.units

    @cached_property
    def _entries(self) -> Entries:
        return Entries(self.sources, self._code)

    @cached_property
    def _run(self) -> "_Run":
        return _Run(self._code, self._entries)

    @cached_property
    def live(self) -> frozenset[int]:
        """Numbers of the units that are reached."""
        return frozenset(self._run.reached)

    @cached_property
    def _by_path(self) -> Mapping[str, list[Unit]]:
        found: defaultdict[str, list[Unit]] = defaultdict(list)
        for unit in self.units:
            found[unit.path].append(unit)
        return found

    @cached_property
    def _dead(self) -> Mapping[str, tuple[Unit, ...]]:
        found: defaultdict[str, list[Unit]] = defaultdict(list)
        for number, unit in enumerate(self.units):
            if number not in self.live:
                found[unit.path].append(unit)
        return {path: tuple(units) for path, units in found.items()}

    def unused(self, path: str, line: int) -> str:
        """Why the code at a line of a text is never reached, as a sentence; empty where it may be."""
        if path in self._entries.unread:
            return f"nothing reads {path}"
        for unit in self._dead.get(path, ()):
            if not unit.name:
                return f"nothing that can be started uses {path}"
            if _stands(unit, line):
                return f"nothing calls {unit.name} of {path}"
        return ""

    def dead_names(self) -> list[str]:
        """`path: name` of what nothing reaches; of a file that nothing uses, the path alone."""
        found = []
        for path, units in self._dead.items():
            names = [unit.name for unit in units]
            found += [path] if "" in names else [f"{path}: {name}" for name in names]
        return found

    def empty(self, path: str, line: int) -> str:
        """Why what stands at a line does nothing, as a sentence; empty where it does."""
        if path not in self.sources.trees:
            text = self.sources.files.get(path, "").split("\n")
            said = languages.only_says(path, text[line - 1]) if line <= len(text) else False
            return f"that line of {path} only shows words" if said else ""
        inner = [unit for unit in self._by_path[path] if _stands(unit, line)]
        if inner and self._is_empty(inner[-1]):
            return f"{inner[-1].name} of {path} does nothing but hold constants"
        module = self._by_path[path][0]
        settings = path in self._entries.named and not any(map(_shows, walk(module.statements)))
        if settings or self._run.any_name or self._run.any_module:
            return ""
        if path in self._idle:
            return f"{path} computes nothing, and nothing else reads what it holds"
        return next((why for node in module.statements if (why := self._unread_at(node, path, line))), "")

    def _is_empty(self, unit: Unit) -> bool:
        """Whether a function stands for another: it takes something and gives a constant, or does nothing at all.

        One that takes nothing, or gives a table, may be a setting; it is none where it is only printed.
        """
        node = unit.node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or any(
            map(acts, walk(unit.statements))
        ):
            return False
        returns = (each.value for each in walk(unit.statements) if isinstance(each, ast.Return))
        values = [value for value in returns if not (value is None or is_none(value))]
        if not values:
            return True
        takes = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if set(takes) - {"self", "cls"} and not any(
            isinstance(value, ast.Dict) and value.keys for value in values
        ):
            return True
        return not self._everything and unit.own in self._mentioned - self._used

    @property
    def _everything(self) -> bool:
        return self._entries.is_library

    @cached_property
    def _idle(self) -> frozenset[str]:
        """Files that only hold and show what was written down in them."""
        busy = {unit.path for unit in self.units if any(map(works, walk(unit.statements)))}
        mentioned: defaultdict[str, set[str]] = defaultdict(set)
        for unit in self.units:
            for name in unit.mentions:
                mentioned[name].add(unit.path)
        idle = set()
        for path, units in self._by_path.items():
            if path in busy or self._everything:
                continue
            names = {unit.own for unit in units[1:]}
            for node in units[0].statements:
                names |= {target.id for target in targets(node) if isinstance(target, ast.Name)}
            if not any(mentioned[name] - {path} for name in names):
                idle.add(path)
        return frozenset(idle)

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        return frozenset().union(*(self.units[number].mentions for number in self.live), self._entries.names)

    @cached_property
    def _used(self) -> frozenset[str]:
        """What live code mentions elsewhere than in what it prints."""
        return frozenset().union(*(self.units[number].used for number in self.live))

    def _unread_at(self, node: ast.stmt, path: str, line: int) -> str:
        """Why a constant of a module is none, as a sentence: nothing reads it."""
        if not isinstance(node, ast.Assign) or not node.lineno <= line <= (node.end_lineno or 0):
            return ""
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if (
            constant(node.value)
            and len(names) == len(node.targets)
            and not self._everything
            and not self._mentioned.intersection(names)
        ):
            return f"nothing reads {names[0]} of {path}"
        return ""

    def nothing(self) -> str:
        """Why there is nothing to judge, as a sentence; empty where there is something."""
        if not self.sources.files:
            return "There is no code."
        if self._others_compute():
            return ""
        python = self.sources.python_files()
        broken = sorted(self.sources.broken)
        if broken and 2 * sum(len(python[path]) for path in broken) > sum(map(len, python.values())):
            return f"Most of its Python does not parse ({broken[0]} for one)."
        defined = {unit.own for unit in self.units}
        computing = (
            computes(node, defined) for number in self.live for node in walk(self.units[number].statements)
        )
        if sum(computing) < FEWEST_COMPUTING:
            return "There is no implementation: no code that is reached computes anything."
        return ""

    def _others_compute(self) -> bool:
        """Whether other languages do, or scripts that start what others have written, where there is no Python."""
        texts = {
            path: self.sources.files[path] for path in self.sources.code() if path not in self.sources.trees
        }
        shell = {path for path in texts if languages.is_shell(path)}
        lines = [
            line
            for path, text in texts.items()
            if path not in shell and path not in self.sources.broken
            for line in text.split("\n")
        ]
        if any(map(line_computes, lines)) or sum(not line_is_idle(line) for line in lines) >= FEWEST_LINES:
            return True
        commands = (line for path in shell for line in texts[path].split("\n"))
        return not self.sources.trees and any(map(line_commands, commands))


def _shows(node: ast.AST) -> bool:
    """Whether it does more than give names to values, as settings do."""
    return isinstance(node, ast.For | ast.While) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )


def _stands(unit: Unit, line: int) -> bool:
    """Whether a line stands in a function or a class."""
    start, end = getattr(unit.node, "lineno", 0), getattr(unit.node, "end_lineno", 0) or 0
    return bool(unit.name) and start <= line <= end


class _Run:
    """What is reached from what can be started, until nothing more is."""

    def __init__(self, code: Code, entries: Entries) -> None:
        self._code = code
        self._all = entries.is_library
        self.reached: set[int] = set()
        self.any_name = self.any_module = False
        """Names, and modules, are made when the code runs."""
        self._numbers = {id(unit): number for number, unit in enumerate(code.units)}
        self._own = {unit.path: unit for unit in code.units if not unit.name}
        self._named: defaultdict[str, list[Unit]] = defaultdict(list)
        self._inside: defaultdict[int, list[Unit]] = defaultdict(list)
        for unit in code.units:
            for name in {unit.own, *unit.shelves}:
                self._named[name].append(unit)
            if unit.within:
                self._inside[id(unit.within)].append(unit)
        self._mentioned = set(entries.names)
        self._held: defaultdict[str, list[set[str]]] = defaultdict(list)
        self._prefixes: set[str] = set()
        self._tried: set[Parts] = set()
        paths = self._own if self._all else entries.roots
        self._waiting = [self._own[path] for path in paths]
        while self._waiting:
            self._reach(self._waiting.pop())

    def _reach(self, unit: Unit) -> None:
        number = self._numbers[id(unit)]
        if number in self.reached:
            return
        self.reached.add(number)
        for name, mentions in unit.held.items():
            if name in self._mentioned or self._all or "" in self._prefixes:
                self._mention(mentions)
            else:
                self._held[name].append(mentions)
        self._mention(unit.mentions)
        self._waiting += filter(self._is_reachable, self._inside[id(unit)])
        found = self._code.modules.all_meant(unit.imports, unit.path, self._tried)
        self._waiting += [self._own[path] for path in found]
        if unit.imports_any and not self.any_module:
            self.any_module = True
            self._waiting += self._own.values()
        if (fresh := unit.prefixes - self._prefixes) and not self.any_name:
            self._prefixes |= fresh
            self.any_name = "" in self._prefixes or len(self._prefixes) > _MOST_PREFIXES
            if self.any_name:
                self._prefixes = {""}
                for waiting in [*self._held.values()]:
                    for mentions in waiting:
                        self._mention(mentions)
                self._held.clear()
            self._waiting += filter(self._is_reachable, self._code.units)

    def _mention(self, names: set[str]) -> None:
        waiting = [names]
        while waiting:
            fresh = waiting.pop() - self._mentioned
            self._mentioned |= fresh
            for name in fresh:
                self._waiting += filter(self._is_reachable, self._named.get(name, ()))
                waiting += self._held.pop(name, ())

    def _is_reachable(self, unit: Unit) -> bool:
        if unit.within is None or self._numbers[id(unit.within)] not in self.reached:
            return False
        named = unit.own in self._mentioned or not unit.shelves.isdisjoint(self._mentioned)
        return self._all or unit.hooked or named or self._is_made(unit)

    def _is_made(self, unit: Unit) -> bool:
        """Whether its name may be one that is made when the code runs."""
        return any(
            unit.own.startswith(prefix.lstrip(".")) and (unit.is_method or not prefix.startswith("."))
            for prefix in self._prefixes
        )
