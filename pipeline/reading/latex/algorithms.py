"""Algorithms: the bodies of `algorithmic` and `algorithm2e` to indented, numbered lines. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.reading.latex.groups import argument, group, options
from pipeline.reading.latex.keywords import Keywords
from pipeline.reading.latex.tables import Convert

_STATEMENT = (
    r"\\(?P<command>STATE|State|STATEX|Statex|IF|If|ELSIF|ElsIf|ElseIf|ELSEIF|ELSE|Else|ENDIF|EndIf|FORALL|ForAll|FOREACH|ForEach"
    r"|FOR|For|ENDFOR|EndFor|WHILE|While|ENDWHILE|EndWhile|REPEAT|Repeat|UNTIL|Until|LOOP|Loop|ENDLOOP|EndLoop|RETURN"
    r"|FUNCTION|Function|ENDFUNCTION|EndFunction|PROCEDURE|Procedure|ENDPROCEDURE|EndProcedure|LComment|LineComment"
    r"|REQUIRE|Require|ENSURE|Ensure|INPUT|Input|INPUTS|Inputs|OUTPUT|Output|OUTPUTS|Outputs|PRINT|Print|item|BODY|GLOBALS{own})"
    r"(?![A-Za-z])"
)
_OPENS = {
    "if": ("if {} then", True), "elsif": ("else if {} then", True), "elseif": ("else if {} then", True),
    "else": ("else", False), "forall": ("for all {} do", True), "foreach": ("for each {} do", True),
    "for": ("for {} do", True), "while": ("while {} do", True), "repeat": ("repeat", False),
    "loop": ("loop", False), "body": ("body", False),
    "function": ("function {}", True), "procedure": ("procedure {}", True),
}  # fmt: skip
_WORDS = {
    "require": "Require:", "ensure": "Ensure:", "input": "Input:", "output": "Output:", "print": "print",
    "inputs": "Inputs:", "outputs": "Outputs:", "return": "return", "globals": "Globals:",
}  # fmt: skip
_LABEL = re.compile(r"\\(?:nl)?label\s*\{([^{}]*)\}")
_LABELS_BEFORE = re.compile(r"(?:\s*+\\label\s*+\{[^{}]*+\})++")
"""Of a statement in algorithm2e, whose line begins behind them: they belong to the line before."""
_INDENT = "  "
_DEEPEST = 40
"""How deep a line is indented at most."""


@dataclass(frozen=True)
class Line:
    """One printed line."""

    text: str
    depth: int
    number: int | None = None
    labels: tuple[str, ...] = ()
    numbered: bool = False
    """Whether its number is printed."""

    def shown(self) -> str:
        """The line with its number and indentation."""
        number = f"{self.number}: " if self.numbered and self.number else ""
        return number + _INDENT * min(self.depth, _DEEPEST) + self.text


Lines = Sequence[Line]


def algorithm(body: str, convert: Convert, own: Keywords, numbered: bool) -> Lines:
    """The body of `algorithmic` (algorithmicx and its elder) as lines, numbered as printed."""
    names = f"|{own.own}" if own.own else ""
    statements = list(re.finditer(_STATEMENT.replace("{own}", names), body))
    lines: list[Line] = []
    depth = number = 0
    first = convert(_LABEL.sub("", body[: statements[0].start()] if statements else body)).strip()
    if first:
        lines.append(Line(first, 0))
    for index, statement in enumerate(statements):
        end = statements[index + 1].start() if index + 1 < len(statements) else len(body)
        read = _statement(statement["command"], body, statement.end(), end, convert, own)
        depth = max(0, depth - read.closes)
        text = f"{read.text} {convert(_LABEL.sub('', body[read.position : end])).strip()}".strip()
        if text:
            number += read.counted
            labels = tuple(_LABEL.findall(body[statement.end() : end]))
            lines.append(Line(text, depth, number if read.counted else None, labels, numbered))
        depth += read.opens
    return lines


@dataclass(frozen=True)
class _Read:
    """What a statement begins with, and where its own text starts."""

    text: str
    position: int
    counted: bool = True
    opens: bool = False
    closes: bool = False


def _statement(name: str, body: str, position: int, end: int, convert: Convert, own: Keywords) -> _Read:
    command = name.lower()
    if name in own.starts:
        taken, written = own.starts[name]
        values, position = _given(body, position, taken, end)
        return _Read(convert(_filled(written, values)).strip(), position, opens=True)
    if name in own.ends:
        text = convert(own.ends[name]).strip()
        return _Read(text, position, counted=bool(text), closes=True)
    if command in _OPENS:
        return _opening(command, body, position, end, convert)
    if command.startswith("end"):
        text = f"end {command[3:]}" if own.end_lines else ""
        return _Read(text, position, counted=own.end_lines, closes=True)
    if command == "until":
        read = argument(body, position)
        return _Read(
            f"until {convert(read[0]).strip()}" if read else "", read[1] if read else position, closes=True
        )
    if command in ("lcomment", "linecomment"):
        return _Read("▷", position, counted=False)
    option = group(body, position, "[", "]") if body[position : position + 1] == "[" else None
    text = convert(own.required[command]).strip() if command in own.required else _WORDS.get(command, "")
    text = convert(option[0]).strip() if option and command == "item" else text
    return _Read(text, option[1] if option else position, counted=command in ("state", "print", "return"))


def _opening(command: str, body: str, position: int, end: int, convert: Convert) -> _Read:
    form, takes = _OPENS[command]
    condition = ""
    if takes and (read := argument(body, _option(body, position))) and read[1] <= end:
        condition, position = convert(_LABEL.sub("", read[0])).strip(), read[1]
        if command in ("function", "procedure") and (given := group(body, position)):
            condition, position = f"{condition}({convert(given[0]).strip()})", given[1]
    return _Read(form.replace("{}", condition, 1), position, opens=True, closes=command.startswith("els"))


def _given(body: str, position: int, count: int, end: int) -> tuple[list[str], int]:
    values: list[str] = []
    for _ in range(count):
        read = argument(body, position)
        if read is None or read[1] > end:
            break
        values.append(read[0])
        position = read[1]
    return values, position


def _filled(written: str, values: list[str]) -> str:
    return re.sub(r"#(\d)", lambda m: values[int(m[1]) - 1] if 0 < int(m[1]) <= len(values) else "", written)


def _option(body: str, position: int) -> int:
    found = group(body, position, "[", "]") if body[position : position + 1] == "[" else None
    return found[1] if found else position


_KEYWORD = re.compile(r"\\(?P<command>[A-Za-z]+|;|\\)(?P<star>\*?)")
_SETTINGS = {
    "SetKwProg": 4, "SetKwFunction": 2, "SetKwInOut": 2, "SetKwInput": 2, "SetKwComment": 3, "SetKw": 2, "SetKwData": 2,
    "SetKwRepeat": 3, "SetNlSty": 3, "SetKwFor": 4, "SetKwIF": 8, "SetKwSwitch": 9, "SetKwBlock": 3, "SetKwArray": 2,
    "SetAlgoLined": 0, "DontPrintSemicolon": 0, "PrintSemicolon": 0, "LinesNumbered": 0, "LinesNotNumbered": 0,
    "SetAlgoNoLine": 0, "SetAlgoNoEnd": 0,
    "SetAlgoVlined": 0, "SetAlgoLongEnd": 0, "SetAlgoShortEnd": 0, "BlankLine": 0, "Indp": 0, "Indm": 0, "SetVline": 0,
    "SetNoline": 0, "RestyleAlgo": 1, "SetCommentSty": 1, "SetAlgoCaptionSeparator": 1, "SetKwHangingKw": 2,
    "incmargin": 1,
    "decmargin": 1, "AlFnt": 0, "SetAlFnt": 1, "SetInd": 2, "SetAlgoSkip": 1, "SetArgSty": 1, "SetKwSty": 1,
    "SetFuncSty": 1,
}  # fmt: skip
_HEADS = {"for": "for {} do", "foreach": "for each {} do", "forall": "for all {} do", "while": "while {} do",
          "if": "if {} then", "elseif": "else if {} then", "else": "else", "begin": "begin", "switch": "switch {} do",
          "case": "case {} do", "other": "otherwise do", "fn": "function {}", "function": "function {}",
          "forpar": "for {} do in parallel", "repeat": "repeat"}  # fmt: skip
_HEADLESS = frozenset(("else", "begin", "other"))
_LABELLED = {"KwIn": "Input:", "KwOut": "Output:", "KwData": "Data:", "KwResult": "Result:", "KwInput": "Input:",
             "KwOutput": "Output:", "Input": "Input:", "Output": "Output:", "Data": "Data:",
             "Result": "Result:"}  # fmt: skip


def algorithm2e(body: str, convert: Convert, own: Keywords) -> Lines:
    """The body of an `algorithm2e` environment as lines, numbered as printed."""
    reading = _Statements(convert, own)
    reading.read(body, 0)
    return reading.lines


class _Statements:
    """One pass over an algorithm2e."""

    def __init__(self, convert: Convert, own: Keywords) -> None:
        self.convert = convert
        self.own = own
        self.numbered = own.numbered
        self.lines: list[Line] = []
        self.number = 0
        self.pending = ""

    def put(self, text: str, depth: int, *, counted: bool = True) -> None:
        before = _LABELS_BEFORE.match(text) if self.lines else None
        if before:
            last, text = self.lines[-1], text[before.end() :]
            self.lines[-1] = replace(last, labels=(*last.labels, *_LABEL.findall(before.group())))
        labels = tuple(_LABEL.findall(text))
        shown = self.convert(_LABEL.sub("", text)).strip()
        if shown:
            self.number += counted
            numbered = self.numbered and counted
            self.lines.append(Line(shown, depth, self.number if numbered else None, labels, numbered))

    def flush(self, depth: int, *, counted: bool = True) -> None:
        text, self.pending = self.pending, ""
        self.put(text, depth, counted=counted)

    def read(self, body: str, depth: int) -> None:
        position = 0
        while found := _KEYWORD.search(body, position):
            self.pending += body[position : found.start()]
            position = self._command(found["command"], bool(found["star"]), body, found, depth)
        self.pending += body[position:]
        self.flush(depth)

    def _command(self, command: str, starred: bool, body: str, found: re.Match[str], depth: int) -> int:
        position = found.end()
        bare = re.sub(r"^(?:u|l|e)(?=[A-Z])", "", command).lower()
        if command in (";", "\\"):
            self.flush(depth)
            return found.end("command")
        if command in _LABELLED or command in self.own.labelled:
            self.flush(depth)
            read = group(body, position)
            label = self.own.labelled.get(command) or _LABELLED[command]
            self.put(f"\\textbf{{{label}}} {read[0] if read else ''}", depth, counted=False)
            return read[1] if read else position
        if command in ("tcp", "tcc") or command in self.own.comments:
            _, position = options(body, position)
            read = argument(body, position)
            if starred:
                self.pending += f" ▷ {read[0] if read else ''}"
                self.flush(depth)
            else:
                self.flush(depth)
                self.put(f"▷ {read[0] if read else ''}", depth, counted=False)
            return read[1] if read else position
        if command in ("nl", "lnl", "nllabel", "lnlset", "nlset", "ShowLn", "ShowLnLabel"):
            return self._line_number(command, body, position)
        if command in ("Return", "KwRet"):
            self.pending += "\\textbf{return} "
            return position
        if bare in _HEADS or command in self.own.blocks:
            return self._block(command, bare, body, position, depth)
        if command in _SETTINGS:
            for _ in range(_SETTINGS[command]):
                read = group(body, position)
                position = read[1] if read else position
            return position
        self.pending += found.group()
        return position

    def _line_number(self, command: str, body: str, position: int) -> int:
        """A number that is asked for by hand; its label is the line's."""
        self.numbered = True
        if command in ("lnl", "nllabel", "ShowLnLabel"):
            read = group(body, position)
            self.pending += f"\\nllabel{{{read[0]}}}" if read else ""
            return read[1] if read else position
        if command in ("nlset", "lnlset"):
            read = group(body, position)
            return read[1] if read else position
        return position

    def _block(self, command: str, bare: str, body: str, position: int, depth: int) -> int:
        """One statement with a body of its own; where reading goes on."""
        if depth > 20:
            return len(body)
        before, self.pending = self.pending, ""
        if _LABEL.sub("", before).strip():
            self.put(before, depth)
            before = ""
        form, closing = self.own.blocks.get(command) or (_HEADS[bare], "end")
        remark = ""
        if body[position : position + 1] == "(" and (end := body.find(")", position)) > 0:
            comment = argument(body, body.find("{", position, end)) if "{" in body[position:end] else None
            remark, position = (
                (f" ▷ {comment[0]}", body.find(")", comment[1]) + 1) if comment else ("", end + 1)
            )
        head = ""
        if not (bare in _HEADLESS or command in self.own.headless):
            read = group(body, position)
            head, position = read if read else ("", position)
        opening = form.replace("{}", _LABEL.sub("", head), 1)
        in_line = command.startswith("l") and command[1:2].isupper()
        read = group(body, position)
        labels = "".join(f"\\nllabel{{{label}}}" for label in _LABEL.findall(head))
        if in_line and read:
            self.put(f"{before}{labels}{opening} {read[0]}".replace("\\;", " "), depth)
            return read[1]
        self.put(f"{before}{labels}{opening}{remark}", depth)
        for part in range(2 if command == "eIf" else 1):
            if part:
                self.put("else", depth)
            read = group(body, position)
            if read:
                self.read(read[0], depth + 1)
                position = read[1]
        if bare == "repeat":
            self.put(f"until {head}", depth)
        elif self.own.end_lines and closing and not (command.startswith("u") and command[1:2].isupper()):
            self.put(closing, depth)
        return position
