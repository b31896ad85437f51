"""Expansion: a document with its author's own macros and environments written out and its conditions decided.

Only what an author defines by name is expanded; what needs TeX itself (`\\@ifnextchar`, `\\catcode`) is left.
"""

import re
from collections.abc import Callable, Mapping

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.conditions import BRANCH, Conditions
from pipeline.reading.latex.definitions import Definitions
from pipeline.reading.latex.groups import argument, end_of, group, options
from pipeline.reading.latex.macros import NO_VALUE, Argument, Environment, Macro, skip_space, space_between
from pipeline.reading.latex.verbatim import VERBATIM

MAX_PRODUCED = 8_000_000
"""Characters that expansions may yield in all; a document that wants more is left as it is from there on."""
MAX_EXPANSIONS = 100_000
MAX_DEPTH = 40
MAX_UNCLOSED = 50
"""Conditions without an end; then no more are decided."""

Include = Callable[[str, str], str]
"""A command that includes a file, and the name it gives → what stands there, without comments."""

_INCLUDES = frozenset(("input", "include", "subfile", "InputIfFileExists", "IfFileExists", "lstinputlisting",
                       "verbatiminput", "VerbatimInput", "inputminted"))  # fmt: skip
_EVENT = re.compile(r"\\(?:[A-Za-z]+|@[A-Za-z@]+|.)", re.DOTALL)
_NAMED = re.compile(r"\s*\\csname\s*+([^\\{}\s](?:[^\\{}]{0,58}[^\\{}\s])?)\s*+\\endcsname(?![A-Za-z])")
_INCOMPLETE = re.compile(r"\\([A-Za-z]+)(?:\s*\{[^{}]*\})*\s*\Z")
_BARE_NAME = re.compile(r"\s*([^\s\\{}\[\]%]+)")


def expand(
    text: str,
    macros: Mapping[str, Macro | Environment] | None = None,
    include: Include = lambda command, name: "",
) -> str:
    """`text` without its definitions, with what they define written out."""
    return _Expansion(macros or {}, include, len(text)).run(text).replace(NO_VALUE, "")


def definitions(text: str) -> dict[str, Macro | Environment]:
    """The simple macros that the author's style `text` defines; environments by `{name}`."""
    expansion = _Expansion({}, lambda command, name: "", len(text), style=True)
    expansion.run(text)
    environments = {f"{{{name}}}": made for name, made in expansion.environments.items()}
    return {**expansion.macros, **environments}


class _Expansion:
    """One pass over a document. What a macro yields is read again, as TeX does, but never inside itself."""

    def __init__(
        self, known: Mapping[str, Macro | Environment], include: Include, size: int, *, style: bool = False
    ) -> None:
        self.definitions = Definitions(known, style=style)
        self.macros, self.environments = self.definitions.macros, self.definitions.environments
        self.conditions = Conditions(self.macros, self.definitions.defined)
        self.include = include
        self.begun: dict[str, list[list[str]]] = {}
        # What macros yield is read again; a document that has that done without end is left as it is from there on.
        self.to_read = Budget(size).left
        self.expansions = self.produced = self.unclosed = self.depth = 0

    def run(self, text: str, active: tuple[str, ...] = ()) -> str:
        self.depth += 1
        self.to_read -= len(text)
        out: list[str] = []
        position = 0
        while event := _EVENT.search(text, position):
            out.append(text[position : event.start()])
            name, end = event.group()[1:], event.end()
            if name == "string" and (shown := _EVENT.match(text, end)):
                out.append(text[event.start() : shown.end()])
                position = shown.end()
                continue
            called = self._call(name, text, end, active)
            if called is None and name in ("begin", "end"):
                called = self._environment(name, text, end, active)
            if called is None:
                called = self._inclusion(name, text, end, active)
            if called:
                replacement, position = called
                _put(out, replacement)
                out.append(space_between(replacement, text, position))
                continue
            position = (
                self.definitions.take(name, text, end)
                or self.conditions.declare(name, text, end)
                or self._condition(name, text, end, out, active)
                or 0
            )
            if not position:
                verbatim = VERBATIM.match(text, event.start())
                position = verbatim.end() if verbatim else end
                out.append(text[event.start() : position])
        out.append(text[position:])
        self.depth -= 1
        return "".join(out)

    def _may_go_on(self, active: tuple[str, ...]) -> bool:
        few = len(active) < MAX_DEPTH and self.depth < MAX_DEPTH
        return few and self.to_read > 0 and self.expansions < MAX_EXPANSIONS and self.produced < MAX_PRODUCED

    def _call(self, name: str, text: str, position: int, active: tuple[str, ...]) -> tuple[str, int] | None:
        if name == "csname" and (named := _NAMED.match(text, position - 7)):
            name, position = named.group(1), named.end()
        macro = self.macros.get(name)
        if macro is None or name in active or not self._may_go_on(active):
            return None
        called = macro.call(text, position)
        if called is None or self.produced + macro.size(called[0]) > MAX_PRODUCED:
            return None
        values, position = called
        if not macro.arguments and not macro.prefix:
            position = skip_space(text, position)
        return self._rest(self._yielded(macro, values, (*active, name)), text, position, (*active, name))

    def _yielded(self, macro: Macro, values: list[str], active: tuple[str, ...]) -> str:
        self.expansions += 1
        # An argument may call the macro that it is an argument of.
        values = [self.run(value, active[:-1]) if "\\" in value else value for value in values]
        if self.produced + macro.size(values) > MAX_PRODUCED:
            self.produced = MAX_PRODUCED
            return " ".join(values)
        replacement = self.run(macro.filled(values), active)
        self.produced += len(replacement)
        return replacement

    def _rest(self, replacement: str, text: str, position: int, active: tuple[str, ...]) -> tuple[str, int]:
        """`replacement`, and with it what its last macro takes from the text that follows."""
        last = _INCOMPLETE.search(replacement, max(0, len(replacement) - 300))
        macro = self.macros.get(last.group(1)) if last else None
        if last is None or macro is None or not macro.arguments or last.group(1) in active:
            return replacement, position
        taken = replacement[last.start() :]
        given, end = "", position
        for _ in macro.arguments:
            _, behind = options(text, end)
            read = argument(text, behind)
            if read is None:
                break
            end = read[1]
            given = text[position:end]
            self.to_read -= len(given)
            called = macro.call(taken + given, last.end(1) - last.start())
            if called and called[1] >= len(taken):
                whole = self._yielded(macro, called[0], (*active, last.group(1)))
                return replacement[: last.start()] + whole, position + called[1] - len(taken)
        return replacement, position

    def _environment(
        self, command: str, text: str, position: int, active: tuple[str, ...]
    ) -> tuple[str, int] | None:
        found = group(text, position)
        name = found[0].strip() if found else ""
        made = self.environments.get(name)
        mark = f"{{{name}}}"
        if found is None or made is None or mark in active or not self._may_go_on(active):
            return None
        if command == "end":
            begun = self.begun.get(name)
            return self._yielded(Macro(made.end), begun.pop() if begun else [], (*active, mark)), found[1]
        with_body = made.begin.arguments[-1:] == (Argument("body"),)
        given = Macro("", made.begin.arguments[: -1 if with_body else None]).call(text, found[1])
        if given is None:
            return None
        values, position = given
        if with_body:
            content, end = end_of(name, text, found[1])
            values, position = [*values, text[position:content]], end
        else:
            self.begun.setdefault(name, []).append(values)
        return self._yielded(made.begin, values, (*active, mark)), position

    def _inclusion(
        self, name: str, text: str, position: int, active: tuple[str, ...]
    ) -> tuple[str, int] | None:
        """A file whose name only expansion tells."""
        if name not in _INCLUDES or not self._may_go_on(active):
            return None
        given, behind = options(text, position)
        read = argument(text, behind) if text[behind : behind + 1] == "{" else None
        if read is None and name == "input" and (bare := _BARE_NAME.match(text, behind)):
            read = bare.group(1), bare.end()
        if read and name == "inputminted":
            read = argument(text, read[1])
        if read is None:
            return None
        file, end = self.run(read[0], active).strip(), read[1]
        there = self.include("" if name == "IfFileExists" else name, file)
        if name in ("InputIfFileExists", "IfFileExists"):
            branches = [branch for branch in (argument(text, end),) if branch]
            branches += [branch for branch in (argument(text, branches[0][1]),) if branch] if branches else []
            if len(branches) < 2:
                return None
            taken = branches[0][0] if there else branches[1][0]
            there = f"{'' if name == 'IfFileExists' else there} {taken}"
            end = branches[1][1]
        elif name not in ("input", "include", "subfile"):
            option = f"[{given[0]}]" if given and name == "lstinputlisting" else ""
            there = f"\\begin{{lstlisting}}{option}\n{there}\n\\end{{lstlisting}}" if there or option else ""
            return there, end
        self.expansions += 1
        return self.run(there, (*active, f"file {file}")) if f"file {file}" not in active else "", end

    # Definitions ----------------------------------------------------------------------------------------

    # Conditions -----------------------------------------------------------------------------------------

    def _condition(
        self, name: str, text: str, position: int, out: list[str], active: tuple[str, ...]
    ) -> int | None:
        """Decide a condition; where reading goes on, or None."""
        if not name.startswith(("if", "If", "@if", "notblank")) or not self._may_go_on(active):
            return None
        taken = self.conditions.chosen(name, text, position, lambda part: self.run(part, active))
        if taken:
            _put(out, self.run(taken[0], (*active, f"{name} at {position}")))
            return taken[1]
        tested = self.conditions.tested(name, text, position) if self.unclosed <= MAX_UNCLOSED else None
        if tested is None or not name.startswith("if"):
            return None
        holds, start = tested
        depth, parts, mark = 1, list[str](), start
        for branch in BRANCH.finditer(text, start):
            depth += (branch.group(1) is not None) - (branch.group(4) is not None)
            if depth == 1 and (branch.group(2) or (branch.group(3) and name == "ifcase")):
                parts.append(text[mark : branch.start()])
                mark = skip_space(text, branch.end())
            if depth == 0:
                parts.append(text[mark : branch.start()])
                _put(out, self.run(_taken(holds, parts), (*active, f"{name} at {position}")))
                return skip_space(text, branch.end())
        self.unclosed += 1
        return None


def _taken(holds: bool | int | None, parts: list[str]) -> str:
    """The branch of a condition; what cannot be known is as `\\newif` leaves it, but nothing is lost where there is
    no choice.
    """
    if holds is None:
        return parts[-1]
    if isinstance(holds, bool):
        return parts[0] if holds else "".join(parts[1:])
    return parts[holds] if 0 <= holds < len(parts) else ""


def _put(out: list[str], piece: str) -> None:
    """Add what was yielded, so that it does not become part of the command before it."""
    while out and not out[-1]:
        out.pop()
    out += [space_between(out[-1] if out else "", piece, 0), piece]
