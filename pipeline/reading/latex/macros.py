"""Macros: LaTeX with its author's own macros expanded and its conditionals decided. Text in, text out.

Only what an author defines by name is expanded; what needs TeX itself (`\\csname`, `\\@ifnextchar`) is left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.reading.latex.groups import argument, group

MAX_PRODUCED = 8_000_000
"""Characters that expansions may yield in all; a document that wants more is left as it is from there on."""
MAX_EXPANSIONS = 100_000
MAX_DEPTH = 40
MAX_UNCLOSED = 50
"""Conditions without an end; then no more are decided."""

VERBATIM = re.compile(
    r"\\begin\s*\{(?P<environment>verbatim\*?|Verbatim|lstlisting|minted|filecontents\*?)\}"
    r".*?(?:\\end\s*\{(?P=environment)\}|\Z)"
    r"|\\(?:verb\*?|lstinline)(?P<bar>[^\sA-Za-z*{\[])[^\n]*?(?P=bar)",
    re.DOTALL,
)

# What the reader of the document gives a meaning to; a style's own version of it would only be in the way.
_KEPT = frozenset(
    (
        "part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph", "appendix",
        "caption", "label", "ref", "cref", "Cref", "autoref", "nameref", "pageref", "cite", "citep", "citet",
        "citealt", "citealp", "citeauthor", "citeyear", "begin", "end", "item", "footnote", "footnotetext",
        "footnotemark", "thanks", "title", "author", "date", "maketitle", "abstract", "includegraphics",
        "url", "href", "textbf", "textit", "emph", "texttt", "textsc", "text", "mathrm", "mathbf", "frac",
        "input", "include", "bibitem", "bibliography", "newblock", "thebibliography", "par", "left", "right",
        "State", "If", "For", "While", "Return", "Comment", "tableofcontents", "multicolumn", "multirow",
        "tabular", "tag", "nonumber", "notag", "twocolumn",
    )
)  # fmt: skip
_NEEDS_TEX = re.compile(
    r"@|\\(?:csname|expandafter|catcode|if[A-Za-z]*|futurelet|afterassignment|write|openout|read)(?![A-Za-z])"
)
_DEFINES = frozenset(
    (
        "newcommand", "renewcommand", "providecommand", "DeclareRobustCommand", "DeclareMathOperator", "def",
        "gdef", "edef", "xdef", "let", "NewDocumentCommand", "RenewDocumentCommand", "ProvideDocumentCommand",
        "DeclareDocumentCommand", "newif", "newcommandx",
    )
)  # fmt: skip
_EVENT = re.compile(r"\\(?:[A-Za-z]+|@[A-Za-z@]+|.)", re.DOTALL)
_NAME = re.compile(r"\s*\\([A-Za-z@]+|.)", re.DOTALL)
_BRANCH = re.compile(r"\\(?:(if(?!f\b|thenelse\b)[A-Za-z]*)|(else)|(fi))(?![A-Za-z])")
_ONE = r"\s*(\\(?:[A-Za-z@]+|.)|[^\s\\{}])"
_TWO_TOKENS = re.compile(_ONE + _ONE, re.DOTALL)
_COMPARISON = re.compile(
    r"\s*(\\[A-Za-z@]+|-?\d+)\s*([<=>])\s*(\\[A-Za-z@]+|-?\d+)(?:\\relax(?![A-Za-z])|[ \n])?"
)
_BY_NAME = re.compile(r"\s*([^\s\\{}]+)\s*\\endcsname(?![A-Za-z])")
_NEEDS_VALUES = frozenset(("if", "ifcase", "ifcat", "ifdim", "ifodd", "ifhbox", "ifvbox", "ifvoid", "ifeof"))
_PARAMETER = re.compile(r"##|#([1-9])")
_PARAMETERS = re.compile(r"(?:#[1-9])*")
_SPACE = re.compile(r"\s+")
_TAIL = re.compile(r"\\([A-Za-z@]+)\s*\Z")


@dataclass(frozen=True)
class Macro:
    """What a command stands for: `body`, with `#1`… for its arguments."""

    body: str
    arguments: tuple[str | None, ...] = ()
    """For each argument None if it is mandatory, else what it is where it is left out."""


def expand(text: str, macros: Mapping[str, Macro] | None = None) -> str:
    """`text` without its definitions, with what they define written out."""
    return _Expansion(dict(macros or {})).run(text)


def definitions(text: str) -> dict[str, Macro]:
    """The simple macros that `text`, e.g. an author's `.sty` file, defines."""
    expansion = _Expansion({})
    expansion.run(text)
    return expansion.macros


class _Expansion:
    """One pass over a document. What a macro yields is read again, as TeX does, but never inside itself."""

    def __init__(self, macros: dict[str, Macro]) -> None:
        self.macros = macros
        self.defined = {
            "undefined": False,
            "empty": True,
            "@empty": True,
            "pdfoutput": True,
            **dict.fromkeys(_KEPT, True),
        }
        self.conditions = {
            "iftrue": True,
            "iffalse": False,
            "ifpdf": True,
            "ifxetex": False,
            "ifluatex": False,
        }
        self.expansions = self.produced = self.unclosed = 0

    def run(self, text: str, active: tuple[str, ...] = ()) -> str:
        out: list[str] = []
        position = 0
        while event := _EVENT.search(text, position):
            out.append(text[position : event.start()])
            name, end = event.group()[1:], event.end()
            macro = self.macros.get(name)
            called = (
                _call(macro, text, end) if macro and name not in active and self._may_go_on(active) else None
            )
            if called:
                replacement, position = called
                self.expansions += 1
                replacement = self.run(replacement, (*active, name))
                self.produced += len(replacement)
                tail = _TAIL.search(replacement)
                if (
                    tail
                    and self.macros.get(tail.group(1), Macro("")).arguments
                    and tail.group(1) not in active
                ):
                    # Its last macro takes arguments from what follows.
                    text, position = replacement[tail.start() :] + text[position:], 0
                    replacement = replacement[: tail.start()]
                out.append(replacement + _space_between(replacement, text, position))
                continue
            position = self._definition(name, text, end) or self._condition(name, text, end, out, active) or 0
            if not position:
                verbatim = VERBATIM.match(text, event.start())
                position = verbatim.end() if verbatim else end
                out.append(text[event.start() : position])
        out.append(text[position:])
        return "".join(out)

    def _may_go_on(self, active: tuple[str, ...]) -> bool:
        return len(active) < MAX_DEPTH and self.expansions < MAX_EXPANSIONS and self.produced < MAX_PRODUCED

    def _definition(self, name: str, text: str, position: int) -> int | None:
        """Take note of the definition that `\\name` begins; its end, or None if it is not a complete one."""
        if name not in _DEFINES:
            return None
        if name == "newif":
            return self._new_condition(text, position)
        starred = text.startswith("*", position)
        position += starred
        if name in ("def", "gdef", "edef", "xdef", "let"):
            found = _NAME.match(text, position)
            defined, position = (found.group(1), found.end()) if found else ("", position)
        else:
            written = argument(text, position)
            if written is None:
                return None
            defined, position = written[0].strip().removeprefix("\\"), written[1]
        if not defined or defined.startswith("the"):
            # How a number is printed is for whoever counts.
            return None
        if name == "let":
            return self._let(defined, text, position)
        read = _signature(name, text, position)
        if read is None:
            return None
        arguments, position = read
        body = argument(text, position)
        if body is None:
            return None
        meaning, position = body
        if name == "DeclareMathOperator":
            meaning = f"\\operatorname{'*' * starred}{{{meaning}}}"
        if arguments is not None and not (name == "providecommand" and defined in self.macros):
            self._keep(defined, Macro(meaning, arguments))
        return position

    def _keep(self, name: str, macro: Macro) -> None:
        self.defined[name] = True
        if name in _KEPT or not name[:1].isalnum() or "@" in name:
            return
        if _NEEDS_TEX.search(macro.body):
            self.macros.pop(name, None)
        else:
            self.macros[name] = macro

    def _let(self, defined: str, text: str, position: int) -> int | None:
        meaning = re.compile(r"\s*=?\s*(\\(?:[A-Za-z@]+|.)|\S)", re.DOTALL).match(text, position)
        if meaning is None:
            return None
        written = meaning.group(1)
        self._keep(defined, self.macros.get(written.removeprefix("\\"), Macro(written)))
        return meaning.end()

    def _new_condition(self, text: str, position: int) -> int | None:
        found = _NAME.match(text, position)
        if found is None or not found.group(1).startswith("if"):
            return None
        self.conditions[found.group(1)] = False
        return found.end()

    def _condition(
        self, name: str, text: str, position: int, out: list[str], active: tuple[str, ...]
    ) -> int | None:
        """Decide a condition that is known, or set one; where reading goes on, or None."""
        switch = re.fullmatch(r"(.+?)(true|false)", name)
        if switch and f"if{switch.group(1)}" in self.conditions:
            self.conditions[f"if{switch.group(1)}"] = switch.group(2) == "true"
            return _skip_space(text, position)
        if not name.startswith("if") or len(active) >= MAX_DEPTH or self.unclosed > MAX_UNCLOSED:
            return None
        tested = self._tested(name, text, position)
        if tested is None:
            return None
        holds, position = tested
        depth, otherwise = 1, None
        for branch in _BRANCH.finditer(text, position):
            depth += (branch.group(1) is not None) - (branch.group(3) is not None)
            if depth == 1 and branch.group(2) and otherwise is None:
                otherwise = branch
            if depth == 0:
                first = text[position : otherwise.start() if otherwise else branch.start()]
                second = text[_skip_space(text, otherwise.end()) : branch.start()] if otherwise else ""
                # What cannot be known is as \newif leaves it, but nothing is lost where there is no choice.
                chosen = first if holds or (holds is None and otherwise is None) else second
                out.append(self.run(chosen, (*active, f"{name} at {position}")))
                return _skip_space(text, branch.end())
        self.unclosed += 1
        return None

    def _tested(self, name: str, text: str, position: int) -> tuple[bool | None, int] | None:
        """Whether the condition `\\name` holds (None: unknown) and where its branch starts; None if it is none."""
        if name == "ifx" and (two := _TWO_TOKENS.match(text, position)):
            return self._same(two.group(1), two.group(2)), _skip_space(text, two.end())
        if name == "ifdefined" and (one := _NAME.match(text, position)):
            return self.defined.get(one.group(1), False), _skip_space(text, one.end())
        if name == "ifcsname" and (called := _BY_NAME.match(text, position)):
            return self.defined.get(called.group(1), False), _skip_space(text, called.end())
        if name == "ifnum" and (compared := _COMPARISON.match(text, position)):
            left, right = (self._number(compared.group(side)) for side in (1, 3))
            sign = compared.group(2)
            holds = None
            if left is not None and right is not None:
                holds = left < right if sign == "<" else left > right if sign == ">" else left == right
            return holds, _skip_space(text, compared.end())
        if name in self.conditions:
            return self.conditions[name], _skip_space(text, position)
        # \iff is a symbol, and etoolbox's conditions take their branches as arguments.
        if name in _NEEDS_VALUES or name in ("iff", "ifnum") or text[position : position + 1] == "{":
            return None
        return None, _skip_space(text, position)

    def _same(self, left: str, right: str) -> bool | None:
        """Whether two tokens mean the same, as `\\ifx` asks."""
        if left == right:
            return True
        meanings = []
        for token in (left, right):
            name = token.removeprefix("\\")
            known = self.macros.get(name) or (Macro("") if name in ("empty", "@empty") else None)
            meanings.append(known if known else self.defined.get(name, False) if name != token else token)
        return None if meanings == [True, True] else meanings[0] == meanings[1]

    def _number(self, token: str) -> int | None:
        macro = self.macros.get(token.removeprefix("\\"))
        value = macro.body if macro else token
        return int(value) if re.fullmatch(r"-?\d{1,9}", value) else None


def _call(macro: Macro, text: str, position: int) -> tuple[str, int] | None:
    """What `macro` yields where its arguments start at `position`, and their end."""
    values: list[str] = []
    for default in macro.arguments:
        read = argument(text, position) if default is None else group(text, position, "[", "]")
        if read is None and default is None:
            return None
        value, position = read or (default or "", position)
        values.append(value)
    if not macro.arguments:
        return macro.body, _skip_space(text, position)

    def substitute(found: re.Match[str]) -> str:
        if found.group() == "##":
            return "#"
        number = int(found.group(1))
        value = values[number - 1] if number <= len(values) else ""
        return value + _space_between(value, macro.body, found.end())

    return _PARAMETER.sub(substitute, macro.body), position


def _skip_space(text: str, position: int) -> int:
    """TeX skips the space after a command word, but not an empty line."""
    space = _SPACE.match(text, position)
    skipped = text[position - 1 : position].isalpha() and space and space.group().count("\n") < 2
    return space.end() if space and skipped else position


def _space_between(left: str, text: str, position: int) -> str:
    """A space where a command word would otherwise run into the letter that follows it."""
    return " " if _TAIL.search(left) and text[position : position + 1].isalpha() else ""


def _signature(name: str, text: str, position: int) -> tuple[tuple[str | None, ...] | None, int] | None:
    """The arguments that a definition declares (None: more than we understand), and where its body starts."""
    if name in ("def", "gdef", "edef", "xdef"):
        body = text.find("{", position)
        if body < 0:
            return None
        declared = text[position:body].strip()
        simple = _PARAMETERS.fullmatch(declared)
        return ((None,) * (len(declared) // 2) if simple else None), body
    if name.endswith("DocumentCommand"):
        written = argument(text, position)
        return (_document_command(written[0]), written[1]) if written else None
    if name == "DeclareMathOperator":
        return (), position
    count = group(text, position, "[", "]")
    if count is None:
        return (), position
    default = group(text, count[1], "[", "]")
    number = int(count[0]) if count[0].strip().isdigit() else 0
    if default and number:
        return (default[0], *(None,) * (number - 1)), default[1]
    return (None,) * number, count[1]


def _document_command(specification: str) -> tuple[str | None, ...] | None:
    """Arguments of `\\NewDocumentCommand`: `m`, `o` and `O{default}`; None for anything else."""
    arguments: list[str | None] = []
    position = 0
    while position < len(specification):
        letter = specification[position]
        position += 1
        if letter == "m":
            arguments.append(None)
        elif letter == "o":
            arguments.append("")
        elif letter == "O" and (default := group(specification, position)):
            arguments.append(default[0])
            position = default[1]
        elif not letter.isspace():
            return None
    return tuple(arguments)
