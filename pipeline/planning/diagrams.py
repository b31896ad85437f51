"""Mermaid diagrams of a plan. Rendered from its data, so that they are valid whatever names it holds.

Every name becomes a label of an identifier of ours, with all but plain characters as entity codes.
"""

import re
import textwrap
from collections.abc import Iterable

from pipeline.planning.checks import participants
from pipeline.planning.plan import Function, Plan

_MAX_LABEL, _MAX_MESSAGE, _ROW = 80, 400, 60
_SYNTAX = re.compile(r"[^\w .,]|^_|_(?=_)|(?<=directio)n", re.ASCII)
"""Entity codes for these; mermaid takes `direction TB` for a statement even within a label."""


def classes(plan: Plan) -> str:
    """`classDiagram`: the planned classes with their bases, and the functions of each file."""
    lines = ["classDiagram", "  direction TB"]
    names: dict[str, str] = {}

    def node(key: str, label: str) -> str:
        if key not in names:
            names[key] = f"c{len(names)}"
            lines.append(f'  class {names[key]}["{_label(label)}"]')
        return names[key]

    for item in plan.architecture.classes:
        identifier = node(item.name, item.name)
        lines += [f"  {identifier} : +{_label(a.name)} {_label(a.type)}" for a in item.attributes]
        lines += [f"  {identifier} : +{_call(method)}" for method in item.methods]
    for item in plan.architecture.classes:
        lines += [
            f"  {node(base, base)} <|-- {node(item.name, item.name)}" for base in dict.fromkeys(item.bases)
        ]
    for file in plan.logic.files:
        if file.functions:
            identifier = node(f"file {file.path}", file.path)
            lines.append(f"  <<module>> {identifier}")
            lines += [f"  {identifier} : +{_call(function)}" for function in file.functions]
    return "\n".join(lines)


def sequence(plan: Plan) -> str:
    """`sequenceDiagram`: the planned call flow, methods drawn at their class."""
    known = participants(plan.architecture)
    calls = [
        (known.get(call.caller, call.caller), known.get(call.callee, call.callee), call.message)
        for call in plan.architecture.calls
    ]
    names = _identifiers("p", (name for call in calls for name in call[:2]))
    return "\n".join(
        [
            "sequenceDiagram",
            *(f"  participant {identifier} as {_label(name)}" for name, identifier in names.items()),
            *(f"  {names[a]}->>{names[b]}: {_message(message)}" for a, b, message in calls),
        ]
    )


def dependencies(plan: Plan) -> str:
    """`flowchart`: which file imports which."""
    files = plan.logic.files
    names = _identifiers(
        "f", [*(file.path for file in files), *(d for file in files for d in file.depends_on)]
    )
    return "\n".join(
        [
            "flowchart TD",
            *(f'  {identifier}["{_label(path)}"]' for path, identifier in names.items()),
            *(f"  {names[file.path]} --> {names[other]}" for file in files for other in file.depends_on),
        ]
    )


def _identifiers(prefix: str, names: Iterable[str]) -> dict[str, str]:
    return {name: f"{prefix}{number}" for number, name in enumerate(dict.fromkeys(names))}


def _call(function: Function) -> str:
    parameters = ", ".join(_label(parameter.name) for parameter in function.parameters)
    return f"{_label(function.name)}({parameters}) {_label(function.returns)}"


def _message(text: str) -> str:
    """A label in rows: what is said at an arrow is a sentence."""
    rows = textwrap.wrap(_shortened(text, _MAX_MESSAGE), _ROW, break_long_words=False, break_on_hyphens=False)
    return "<br/>".join(map(_escaped, rows)) or "?"


def _label(text: str) -> str:
    """One line of at most 80 characters without any that Mermaid, HTML or Markdown could take for syntax."""
    return _escaped(_shortened(text, _MAX_LABEL)) or "?"


def _shortened(text: str, limit: int) -> str:
    """One line that ends with a word, or with an ellipsis where words are left out."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut} …"


def _escaped(text: str) -> str:
    return _SYNTAX.sub(lambda match: f"#{ord(match[0])};", text)
