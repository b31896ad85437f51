"""Algorithms: the bodies of `algorithmic` and `algorithm2e` to indented lines. Pure."""

import re

from pipeline.reading.latex.groups import argument, group
from pipeline.reading.latex.tables import Convert

_STATEMENT = re.compile(
    r"\\(?P<command>STATE|State|STATEX|Statex|IF|If|ELSIF|ElsIf|ElseIf|ELSE|Else|ENDIF|EndIf|FORALL|ForAll|FOREACH|ForEach"
    r"|FOR|For|ENDFOR|EndFor|WHILE|While|ENDWHILE|EndWhile|REPEAT|Repeat|UNTIL|Until|LOOP|Loop|ENDLOOP|EndLoop"
    r"|FUNCTION|Function|ENDFUNCTION|EndFunction|PROCEDURE|Procedure|ENDPROCEDURE|EndProcedure"
    r"|REQUIRE|Require|ENSURE|Ensure|INPUT|Input|OUTPUT|Output|PRINT|Print)(?![A-Za-z])"
)
_OPENS = {
    "if": ("if {} then", True), "elsif": ("else if {} then", True), "elseif": ("else if {} then", True),
    "else": ("else", False), "forall": ("for all {} do", True), "foreach": ("for each {} do", True),
    "for": ("for {} do", True), "while": ("while {} do", True), "repeat": ("repeat", False),
    "loop": ("loop", False),
    "function": ("function {}", True), "procedure": ("procedure {}", True),
}  # fmt: skip
_WORDS = {
    "require": "Require:",
    "ensure": "Ensure:",
    "input": "Input:",
    "output": "Output:",
    "print": "print",
}
_INDENT = "  "


def algorithm(body: str, convert: Convert, numbered: bool) -> str:
    """The body of `algorithmic` (algorithmicx and its elder) as indented lines, numbered as printed."""
    body = _comments(body)
    lines: list[str] = []
    depth = number = 0
    statements = list(_STATEMENT.finditer(body))
    first = convert(body[: statements[0].start()] if statements else body)
    if first.strip():
        lines.append(first.strip())
    for index, statement in enumerate(statements):
        end = statements[index + 1].start() if index + 1 < len(statements) else len(body)
        command, position = statement["command"].lower(), statement.end()
        text, counted = "", True
        if command in _OPENS:
            form, takes = _OPENS[command]
            condition = ""
            if takes and (read := argument(body, _option(body, position))) and read[1] <= end:
                condition, position = convert(read[0]).strip(), read[1]
                if command in ("function", "procedure") and (given := group(body, position)):
                    condition, position = f"{condition}({convert(given[0]).strip()})", given[1]
            text = form.format(condition)
            if command.startswith("els"):
                depth = max(0, depth - 1)
        elif command.startswith("end"):
            depth = max(0, depth - 1)
            text = f"end {command[3:]}"
        elif command == "until":
            depth = max(0, depth - 1)
            if read := argument(body, position):
                text, position = f"until {convert(read[0]).strip()}", read[1]
        else:
            counted = command in ("state", "print")
            text = _WORDS.get(command, "")
            position = _option(body, position)
        text = f"{text} {convert(body[position:end]).strip()}".strip()
        if text:
            number += counted
            lines.append((f"{number}: " if numbered and counted else "") + _INDENT * depth + text)
        if command in _OPENS:
            depth += 1
    return "\n".join(lines)


def _option(body: str, position: int) -> int:
    found = group(body, position, "[", "]") if body[position : position + 1] == "[" else None
    return found[1] if found else position


def _comments(body: str) -> str:
    """Comments, calls and `\\Return`, which stand inside of statements, as the words that are printed."""
    body = re.sub(r"\\(?:RETURN|Return)(?![A-Za-z])", r"\\textbf{return} ", body)
    for command, form in (("COMMENT|Comment|tcp\\*?|tcc\\*?|LineComment", "▷ {}"), ("Call|CALL", "{}({})")):
        pattern = re.compile(rf"\\(?:{command})(?![A-Za-z])(?:\[[^\]]*\])?")
        position = 0
        while found := pattern.search(body, position):
            first = group(body, found.end())
            second = group(body, first[1]) if first and form.count("{}") == 2 else None
            last = second or first
            if first is None or last is None:
                position = found.end()
                continue
            text = form.format(*[part[0] for part in (first, second) if part], *[""] * 2)
            body = f"{body[: found.start()]} {text} {body[last[1] :]}"
            position = found.start()
    return body


_KEYWORD = re.compile(
    r"\\(?P<command>KwIn|KwOut|KwData|KwResult|KwInput|KwOutput|Input|Output|Return|KwRet|KwTo|KwSty|For|ForEach|ForAll"
    r"|While|If|uIf|lIf|eIf|ElseIf|uElseIf|Else|uElse|lElse|Repeat|lFor|lForEach|lWhile|Begin|Fn|Function|SetKwProg"
    r"|SetKwFunction|SetKwInOut|SetKwInput|SetKwComment|SetKwRepeat|SetKw|SetAlgoLined|DontPrintSemicolon|LinesNumbered"
    r"|SetAlgoNoLine|SetAlgoNoEnd|SetNlSty|;|\\)(?![A-Za-z])"
)
_SETTING = {"SetKwProg": 4, "SetKwFunction": 2, "SetKwInOut": 2, "SetKwInput": 2, "SetKwComment": 3,
            "SetKw": 2,
            "SetKwRepeat": 3, "SetNlSty": 3}  # fmt: skip
_HEADS = {"for": "for {} do", "foreach": "for each {} do", "forall": "for all {} do", "while": "while {} do",
          "if": "if {} then", "elseif": "else if {} then", "else": "else", "begin": "begin",
          "fn": "function {}",
          "function": "function {}"}  # fmt: skip
_LABELLED = {"KwIn": "Input:", "KwOut": "Output:", "KwData": "Data:", "KwResult": "Result:",
             "KwInput": "Input:",
             "KwOutput": "Output:", "Input": "Input:", "Output": "Output:"}  # fmt: skip


def algorithm2e(body: str, convert: Convert, depth: int = 0) -> str:
    """The body of an `algorithm2e` environment as indented lines."""
    body = _comments(body) if depth == 0 else body
    lines: list[str] = []
    pending = ""
    position = 0

    def flush() -> None:
        nonlocal pending
        text = convert(pending).strip()
        if text:
            lines.append(_INDENT * depth + text)
        pending = ""

    while found := _KEYWORD.search(body, position):
        pending += body[position : found.start()]
        command, position = found["command"], found.end()
        bare = command.removeprefix("u").removeprefix("l").removeprefix("e").lower()
        if command in (";", "\\"):
            flush()
        elif command in _LABELLED:
            flush()
            read = group(body, position)
            pending = f"\\textbf{{{_LABELLED[command]}}} {read[0] if read else ''}"
            position = read[1] if read else position
            flush()
        elif command in ("Return", "KwRet"):
            pending += "\\textbf{return} "
        elif command == "KwTo":
            pending += " to "
        elif bare == "repeat" or bare in _HEADS or command == "eIf":
            flush()
            position = _compound(command, bare, body, position, convert, depth, lines)
        else:
            for _ in range(_SETTING.get(command, 0)):
                read = group(body, position)
                position = read[1] if read else position
    pending += body[position:]
    flush()
    return "\n".join(lines)


def _compound(
    command: str, bare: str, body: str, position: int, convert: Convert, depth: int, lines: list[str]
) -> int:
    """One statement with a body of its own; where reading goes on."""
    if depth > 20:
        return len(body)
    head = ""
    if bare not in ("else", "begin"):
        read = group(body, position)
        head, position = (convert(read[0]).strip(), read[1]) if read else ("", position)
    pad = _INDENT * depth
    lines.append(pad + ("repeat" if bare == "repeat" else _HEADS[bare].format(head)))
    for part in range(2 if command == "eIf" else 1):
        if part:
            lines.append(f"{pad}else")
        read = group(body, position)
        if read:
            inner = algorithm2e(read[0], convert, depth + 1)
            if inner:
                lines.append(inner)
            position = read[1]
    if bare == "repeat":
        lines.append(f"{pad}until {head}")
    return position
