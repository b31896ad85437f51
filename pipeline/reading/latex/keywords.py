"""Keywords of algorithms: what a document declares for algorithmicx and algorithm2e, and how they number lines. Pure.

Source: the manuals of algorithmicx (section 4) and algorithm2e (section 10).
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.reading.latex.groups import argument, arguments, count_in, group, options

_SETTING = re.compile(
    r"\\(?P<name>SetKw(?:InOut|Input|Comment|Prog|For|IF|Repeat|Switch|Block|Hanging\w*)|alg(?:def|blockdefx?|block|loopdefx?|loop|notext)"
    r"|SetAlgoNoEnd|SetAlgoVlined|SetAlgoNoLine|LinesNumbered|LinesNotNumbered|AlgoDisplayBlockMarkers)(?![A-Za-z])\*?"
)
_PACKAGE = re.compile(r"\\(?:usepackage|RequirePackage|documentclass)\s*\[([^\]]{0,2000}+)\]\s*\{([^{}]*)\}")
_ALGORITHMIC = re.compile(
    r"\\(?:(?:re|provide)?newcommand|algrenewcommand|algnewcommand|def)\*?\s*\{?\\algorithmic(require|ensure|input|output)\}?\s*(?=\{)"
)

MAX_OWN = 200
"""Of an author's own beginnings and ends of blocks: each is looked for in every algorithm."""


@dataclass
class Keywords:
    """What begins a block, a labelled line or a comment, and what is printed there."""

    blocks: dict[str, tuple[str, str]] = field(default_factory=dict)
    """algorithm2e's commands with a head and a body: how the head is printed (`{}` stands for it), and the end."""
    headless: set[str] = field(default_factory=set)
    labelled: dict[str, str] = field(default_factory=dict)
    """Commands that print a label before their text: `\\Input` → `Input:`."""
    comments: set[str] = field(default_factory=set)
    starts: dict[str, tuple[int, str]] = field(default_factory=dict)
    """algorithmicx's own beginnings of blocks: how many arguments, and what is printed."""
    ends: dict[str, str] = field(default_factory=dict)
    numbered: bool = False
    """Whether algorithm2e numbers lines."""
    end_lines: bool = True
    """Whether the end of a block is a line of its own."""
    required: dict[str, str] = field(default_factory=dict)
    """What is printed for `\\Require` and its kin."""

    @cached_property
    def own(self) -> str:
        """algorithmicx's own beginnings and ends, as alternatives of an expression."""
        names = [*self.starts, *self.ends][:MAX_OWN]
        return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def keywords(source: str) -> Keywords:
    """What a document (with its macros as they were written) declares."""
    made = Keywords()
    for given, packages in _PACKAGE.findall(source):
        chosen = [option.strip().lower() for option in given.split(",")]
        if re.search(r"algorithm2e|algorithmic|algpseudocode|algcompatible|article", packages):
            made.numbered |= any(option in ("linesnumbered", "linesnumberedhidden") for option in chosen)
            made.end_lines &= not any(option in ("noend", "vlined", "shortend=false") for option in chosen)
    for found in _ALGORITHMIC.finditer(source):
        if said := argument(source, found.end()):
            made.required[found.group(1)] = said[0]
    for found in _SETTING.finditer(source):
        _declare(made, found["name"], source, found.end())
    return made


def _declare(made: Keywords, name: str, text: str, position: int) -> None:
    if name in ("LinesNumbered", "LinesNotNumbered"):
        made.numbered = name == "LinesNumbered"
    elif name in ("SetAlgoNoEnd", "SetAlgoVlined"):
        made.end_lines = False
    elif name.startswith("alg"):
        _declare_block(made, name, text, position)
    else:
        count = {
            "InOut": 2,
            "Input": 2,
            "Comment": 3,
            "Prog": 4,
            "For": 4,
            "Repeat": 3,
            "Block": 3,
            "IF": 8,
            "Switch": 8,
        }
        read = arguments(text, position, next((n for end, n in count.items() if name.endswith(end)), 2))
        if read is None:
            return
        given = [part.strip() for part in read[0]]
        if name.endswith(("InOut", "Input")):
            made.labelled[given[0]] = f"{given[1].rstrip(':')}:"
        elif name.endswith("Comment"):
            made.comments.add(given[0])
        elif name.endswith(("Prog", "For")):
            made.blocks[given[0]] = (
                f"{given[1]} {{}}{'' if given[2] in (':', '') else ' '}{given[2]}",
                given[3],
            )
        elif name.endswith("Block"):
            made.blocks[given[0]] = given[1], given[2]
            made.headless.add(given[0])
        elif name.endswith("IF"):
            first, other, last, if_, then, else_if, else_, end = given
            made.blocks |= {
                first: (f"{if_} {{}} {then}", end),
                other: (f"{else_if} {{}} {then}", end),
                last: (else_, end),
            }
            made.headless.add(last)


def _declare_block(made: Keywords, name: str, text: str, position: int) -> None:
    """`\\algblock{Start}{End}`, `\\algblockdefx[KIND]{Start}{End}[n]{…}{…}`, `\\algdef{SE}[KIND]{Start}{End}…`."""
    if name == "algnotext":
        read = argument(text, position)
        if read:
            made.ends[read[0].strip()] = ""
        return
    if name == "algdef":
        kind = argument(text, position)
        position = kind[1] if kind else position
        if kind is None or not {"S", "E"} & set(kind[0].upper()):
            return
    _, position = options(text, position)
    named = arguments(text, position, 1 if name.startswith("algloop") else 2)
    if named is None:
        return
    start, end = named[0][0].strip(), named[0][-1].strip()
    if name in ("algblock", "algloop"):
        made.starts[start] = (0, f"\\textbf{{{start.lower()}}}")
        made.ends[end] = f"\\textbf{{{end.lower()}}}"
        return
    position = named[1]
    counts = []
    bodies = []
    for _ in range(2):
        count = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
        _, position = options(text, position)
        body = argument(text, position)
        if body is None:
            return
        counts.append(count_in(count[0]) if count else 0)
        bodies.append(body[0])
        position = body[1]
        if name.startswith("algloop"):
            break
    made.starts[start] = counts[0], bodies[0]
    if len(bodies) > 1:
        made.ends[end] = bodies[1]
