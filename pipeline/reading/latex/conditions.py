"""Conditions: which branch of `\\if…`, `\\ifthenelse` and the like a document takes, as far as its text says. Pure."""

import re
from collections.abc import Callable, Mapping

from pipeline.reading.latex.groups import argument
from pipeline.reading.latex.macros import FALSE, NO_VALUE, TRUE, Macro, skip_space

BRANCH = re.compile(r"\\(?:(if(?!f\b|thenelse\b)[A-Za-z]*)|(else)|(or)|(fi))(?![A-Za-z])")

_NAME = re.compile(r"\s*\\([A-Za-z@]+|.)", re.DOTALL)
_ONE = r"\s*(\\(?:[A-Za-z@]+|.)|[^\s\\{}])"
_TWO_TOKENS = re.compile(_ONE + _ONE, re.DOTALL)
_NUMBER = r"\s*(\\value\s*\{\w+\}|\\[A-Za-z@]+|-?\d+)"
_COMPARISON = re.compile(_NUMBER + r"\s*([<=>])" + _NUMBER + r"(?:\\relax(?![A-Za-z])|[ \n])?")
_ONE_NUMBER = re.compile(_NUMBER + r"(?:\\relax(?![A-Za-z])|[ \n])?")
_BY_NAME = re.compile(r"\s*([^\s\\{}]+)\s*\\endcsname(?![A-Za-z])")
_NEGATIONS = re.compile(r"(?:\\(?:not|NOT)(?![A-Za-z])\s*+)*+")
_NEEDS_VALUES = frozenset(("ifcat", "ifdim", "ifhbox", "ifvbox", "ifvoid", "ifeof"))
# How many arguments are tested, and which of the two branches follow: both, or the one for true or false.
_WITH_ARGUMENTS = {
    **dict.fromkeys(("IfValueTF", "IfNoValueTF", "IfBooleanTF", "IfBlankTF", "ifthenelse"), (1, "TF")),
    **dict.fromkeys(("IfValueT", "IfNoValueT", "IfBooleanT", "IfBlankT"), (1, "T")),
    **dict.fromkeys(("IfValueF", "IfNoValueF", "IfBooleanF", "IfBlankF"), (1, "F")),
    **dict.fromkeys(
        ("ifbool", "iftoggle", "ifdef", "ifundef", "ifcsdef", "ifcsundef", "ifdefempty"), (1, "TF")
    ),
    **dict.fromkeys(("ifstrempty", "ifblank", "ifdefvoid", "notblank", "@ifundefined"), (1, "TF")),
    **dict.fromkeys(("ifstrequal", "ifdefstring", "ifdefstrequal"), (2, "TF")),
    **dict.fromkeys(("@ifpackageloaded", "@ifclassloaded"), (1, "TF")),
}


class Conditions:
    """What is defined and set where reading is."""

    def __init__(self, macros: Mapping[str, Macro], defined: dict[str, bool]) -> None:
        self.switches = {"iftrue": True, "iffalse": False, "ifpdf": True, "ifPDFTeX": True}
        self.switches |= dict.fromkeys(("ifxetex", "ifluatex", "ifXeTeX", "ifLuaTeX", "ifdraft"), False)
        self._macros = macros
        self._defined = defined

    def declare(self, name: str, text: str, position: int) -> int | None:
        """`\\newif\\ifname`, `\\newboolean{name}` and the like, and what sets them; where they end, or None."""
        if name == "newif":
            found = _NAME.match(text, position)
            if found is None or not found.group(1).startswith("if"):
                return None
            self.switches.setdefault(found.group(1), False)
            return found.end()
        if name in ("newboolean", "provideboolean", "newtoggle", "providetoggle", "newbool", "providebool"):
            read = argument(text, position)
            if read:
                self.switches.setdefault(f"if{read[0].strip()}", False)
            return read[1] if read else None
        if name in ("toggletrue", "booltrue", "togglefalse", "boolfalse"):
            read = argument(text, position)
            if read:
                self.switches[f"if{read[0].strip()}"] = name.endswith("true")
            return read[1] if read else None
        if name in ("setboolean", "setbool", "settoggle"):
            read = argument(text, position)
            value = argument(text, read[1]) if read else None
            if read and value:
                self.switches[f"if{read[0].strip()}"] = "true" in value[0]
            return value[1] if value else None
        switch = re.fullmatch(r"(.+?)(true|false)", name)
        if switch and f"if{switch.group(1)}" in self.switches:
            self.switches[f"if{switch.group(1)}"] = switch.group(2) == "true"
            return skip_space(text, position)
        return None

    def tested(self, name: str, text: str, position: int) -> tuple[bool | int | None, int] | None:
        """What the condition `\\name` says (None: unknown; a number: which branch of `\\ifcase`) and where its
        branches start; None if it is none.
        """
        if name in ("ifx", "if") and (two := _TWO_TOKENS.match(text, position)):
            holds = self._same(two.group(1), two.group(2)) if name == "ifx" else self._alike(*two.groups())
            return holds, skip_space(text, two.end())
        if name == "ifdefined" and (one := _NAME.match(text, position)):
            return self._defined.get(one.group(1), False), skip_space(text, one.end())
        if name == "ifcsname" and (called := _BY_NAME.match(text, position)):
            return self._defined.get(called.group(1), False), skip_space(text, called.end())
        if name == "ifnum" and (compared := _COMPARISON.match(text, position)):
            left, right = (self._number(compared.group(side)) for side in (1, 3))
            sign = compared.group(2)
            if left is None or right is None:
                return None, compared.end()
            return (
                left < right if sign == "<" else left > right if sign == ">" else left == right
            ), compared.end()
        if name in ("ifodd", "ifcase") and (one := _ONE_NUMBER.match(text, position)):
            value = self._number(one.group(1))
            if name == "ifcase":
                return value, one.end()
            return (None if value is None else value % 2 == 1), one.end()
        if name in self.switches:
            return self.switches[name], skip_space(text, position)
        # \iff is a symbol, and etoolbox's conditions take their branches as arguments.
        if name in _NEEDS_VALUES or name in ("if", "iff", "ifnum", "ifodd", "ifcase"):
            return None
        return None if text[position : position + 1] == "{" else (None, skip_space(text, position))

    def chosen(
        self, name: str, text: str, position: int, expanded: Callable[[str], str]
    ) -> tuple[str, int] | None:
        """The branch that a condition takes whose branches are arguments, and where it ends; None if it is none."""
        if name not in _WITH_ARGUMENTS:
            return None
        count, branches = _WITH_ARGUMENTS[name]
        tested: list[str] = []
        for _ in range(count):
            read = argument(text, position)
            if read is None:
                return None
            tested.append(read[0])
            position = read[1]
        holds = self._holds(name.rstrip("TF") if name.startswith("If") else name, tested, expanded)
        found = ""
        for branch in branches:
            read = argument(text, position)
            if read is None:
                return None
            position = read[1]
            # What cannot be known is false, but nothing is lost where there is no choice.
            if (branch == "T") == bool(holds) or (holds is None and len(branches) == 1):
                found = read[0]
        return found, position

    def _holds(self, name: str, tested: list[str], expanded: Callable[[str], str]) -> bool | None:
        first = tested[0].strip()
        bare = first.removeprefix("\\")
        if name in ("IfValue", "IfNoValue"):
            return (first != NO_VALUE) == (name == "IfValue")
        if name == "IfBoolean":
            return {TRUE: True, FALSE: False}.get(first)
        if name in ("ifbool", "iftoggle"):
            return self.switches.get(f"if{bare}")
        if name in ("ifdef", "ifcsdef"):
            return self._defined.get(bare, False)
        if name in ("ifundef", "ifcsundef", "@ifundefined"):
            return not self._defined.get(bare, False)
        if name in ("@ifpackageloaded", "@ifclassloaded"):
            return None
        if name in ("IfBlank", "ifblank", "ifstrempty", "notblank"):
            return bool(expanded(first).strip()) == (name == "notblank")
        if name in ("ifdefempty", "ifdefvoid"):
            return not expanded(first).strip()
        if name == "ifstrequal":
            return first == tested[1].strip()
        if name in ("ifdefstring", "ifdefstrequal"):
            return expanded(first).strip() == expanded(tested[1]).strip()
        return self._thenelse(first, expanded)

    def _thenelse(self, test: str, expanded: Callable[[str], str]) -> bool | None:
        """What stands in the test of `\\ifthenelse`, where it is one of the simple ones."""
        negations = _NEGATIONS.match(test)
        if negations and negations.group():
            inner = self._thenelse(test[negations.end() :], expanded)
            negated = negations.group().lower().count("not") % 2 == 1
            return None if inner is None else inner != negated
        if called := re.match(r"\\(boolean|isundefined|equal)\s*", test):
            first = argument(test, called.end())
            second = argument(test, first[1]) if first else None
            if first and called.group(1) == "boolean":
                return self.switches.get(f"if{first[0].strip()}")
            if first and called.group(1) == "isundefined":
                return not self._defined.get(first[0].strip().removeprefix("\\"), False)
            if first and second:
                return expanded(first[0]).strip() == expanded(second[0]).strip()
        compared = self.tested("ifnum", test + " ", 0)
        return bool(compared[0]) if compared and isinstance(compared[0], bool) else None

    def _same(self, left: str, right: str) -> bool | None:
        """Whether two tokens mean the same, as `\\ifx` asks."""
        if left == right:
            return True
        meanings = []
        for token in (left, right):
            name = token.removeprefix("\\")
            known = self._macros.get(name) or (Macro("") if name in ("empty", "@empty") else None)
            meanings.append(known if known else self._defined.get(name, False) if name != token else token)
        return None if meanings == [True, True] else meanings[0] == meanings[1]

    def _alike(self, left: str, right: str) -> bool | None:
        """Whether two tokens are the same character, as `\\if` asks."""
        shown = []
        for token in (left, right):
            known = self._macros.get(token.removeprefix("\\")) if token.startswith("\\") else None
            shown.append(known.body[:1] if known else token)
        return None if any(token.startswith("\\") for token in shown) else shown[0] == shown[1]

    def _number(self, token: str) -> int | None:
        macro = self._macros.get(token.removeprefix("\\"))
        value = macro.body if macro else token
        return int(value) if re.fullmatch(r"-?\d{1,9}", value) else None
