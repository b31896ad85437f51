"""What is not running text: tables and algorithms, from the body of their environment to Markdown. Pure."""

import re
from collections.abc import Callable

from pipeline.macros import argument, group

Convert = Callable[[str], str]
"""LaTeX of one cell or one line → Markdown of it on one line."""

_ROW = re.compile(r"\\\\|\\tabularnewline(?![A-Za-z])|\\begin\s*\{|\\end\s*\{|\\.|[{}&]", re.DOTALL)
_RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot|noalign|hdashline"
    r"|thickhline|Xhline|heavyrule|addlinespace|specialrule|cmidrule|cline|rowcolor|rowcolors|arrayrulecolor"
    r"|cdashline|tabucline|morecmidrules)(?![A-Za-z])(?:\s*(?:\([^)]*\)|\[[^\]]*\]|\{[^{}]*\}))*"
)
_MULTI = re.compile(r"\\(multicolumn|multirow)\*?\s*(?:\[[^\]]*\])?(?=\s*\{)")


def cells(body: str) -> list[list[str]]:
    """Rows and cells of a tabular's body, as LaTeX; what is nested in braces or environments is one cell."""
    rows: list[list[str]] = [[]]
    depth = nested = start = 0
    for found in _ROW.finditer(body):
        mark = found.group()
        if mark.startswith("\\begin"):
            nested += 1
            depth += 1
        elif mark.startswith("\\end") and mark.endswith("{"):
            nested = max(0, nested - 1)
            depth += 1
        elif mark == "{":
            depth += 1
        elif mark == "}":
            depth = max(0, depth - 1)
        elif depth == 0 and nested == 0 and mark in ("&", "\\\\", "\\tabularnewline"):
            rows[-1].append(body[start : found.start()])
            start = found.end()
            if mark != "&":
                option = group(body, start, "[", "]") if body[start : start + 1] == "[" else None
                start = option[1] if option else start + body.startswith("*", start)
                rows.append([])
    rows[-1].append(body[start:])
    return rows


def table(body: str, convert: Convert) -> str:
    """A tabular's body as a Markdown table; empty if it holds nothing."""
    rows: list[list[str]] = []
    for row in cells(_RULES.sub(" ", body)):
        printed: list[str] = []
        for cell in row:
            content, columns = _spanning(cell)
            printed.append(convert(content).replace("|", "\\|").replace("\n", " ").strip())
            printed.extend([""] * (columns - 1))
        if any(printed):
            rows.append(printed)
    return pipe_table(rows)


def _spanning(cell: str) -> tuple[str, int]:
    """What stands in a cell and how many columns it takes, without `\\multicolumn` and `\\multirow`."""
    columns = 1
    for _ in range(4):
        found = _MULTI.search(cell)
        if found is None:
            break
        count = group(cell, found.end())
        option = group(cell, count[1], "[", "]") if count else None
        width = group(cell, option[1] if option else count[1]) if count else None
        offset = group(cell, width[1], "[", "]") if width else None
        content = group(cell, offset[1] if offset else width[1]) if width else None
        if count is None or content is None:
            break
        if found.group(1) == "multicolumn" and count[0].strip().isdigit():
            columns = min(int(count[0]), 100)
        cell = f"{cell[: found.start()]} {content[0]} {cell[content[1] :]}"
    return cell, columns


def pipe_table(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table whose first row is its heading."""
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


_STATEMENT = re.compile(
    r"\\(?P<command>STATE|State|STATEX|Statex|IF|If|ELSIF|ElsIf|ElseIf|ELSE|Else|ENDIF|EndIf|FORALL|ForAll|FOREACH|ForEach"
    r"|FOR|For|ENDFOR|EndFor|WHILE|While|ENDWHILE|EndWhile|REPEAT|Repeat|UNTIL|Until|LOOP|Loop|ENDLOOP|EndLoop"
    r"|FUNCTION|Function|ENDFUNCTION|EndFunction|PROCEDURE|Procedure|ENDPROCEDURE|EndProcedure"
    r"|REQUIRE|Require|ENSURE|Ensure|INPUT|Input|OUTPUT|Output|PRINT|Print)(?![A-Za-z])"
)
_OPENS = {
    "if": ("if {} then", True), "elsif": ("else if {} then", True), "elseif": ("else if {} then", True),
    "else": ("else", False), "forall": ("for all {} do", True), "foreach": ("for each {} do", True),
    "for": ("for {} do", True), "while": ("while {} do", True), "repeat": ("repeat", False), "loop": ("loop", False),
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
_SETTING = {"SetKwProg": 4, "SetKwFunction": 2, "SetKwInOut": 2, "SetKwInput": 2, "SetKwComment": 3, "SetKw": 2,
            "SetKwRepeat": 3, "SetNlSty": 3}  # fmt: skip
_HEADS = {"for": "for {} do", "foreach": "for each {} do", "forall": "for all {} do", "while": "while {} do",
          "if": "if {} then", "elseif": "else if {} then", "else": "else", "begin": "begin", "fn": "function {}",
          "function": "function {}"}  # fmt: skip
_LABELLED = {"KwIn": "Input:", "KwOut": "Output:", "KwData": "Data:", "KwResult": "Result:", "KwInput": "Input:",
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
