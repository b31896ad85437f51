"""Tables: the body of a tabular to Markdown. Pure."""

import re
from collections.abc import Callable

from pipeline.reading.latex.groups import group

Convert = Callable[[str], str]
"""LaTeX of one cell or one line → Markdown of it on one line."""

_ROW = re.compile(r"\\\\|\\tabularnewline(?![A-Za-z])|\\begin\s*\{|\\end\s*\{|\\.|[{}&]", re.DOTALL)
_RULES = {
    **dict.fromkeys(
        (
            "hline", "thickhline", "heavyrule", "botrule", "morecmidrules",
            "endhead", "endfirsthead", "endfoot", "endlastfoot",
        ),
        "",
    ),
    **dict.fromkeys(("toprule", "midrule", "bottomrule", "addlinespace", "hdashline"), "["),
    **dict.fromkeys(("noalign", "Xhline", "cline", "cdashline", "hhline"), "{"),
    **dict.fromkeys(("arrayrulecolor", "tabucline"), "[{"),
    "cmidrule": "[({", "specialrule": "{{{", "rowcolor": "[{[[", "rowcolors": "[{{{",
}  # fmt: skip
"""What each takes, by how it opens. What follows that is the first cell, which may well begin with a brace."""
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_RULE = re.compile(rf"\\({'|'.join(sorted(_RULES, key=len, reverse=True))})(?![A-Za-z])\*?")
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


def without_rules(body: str) -> str:
    """A tabular's body without its lines, the space around them and the colours of rows."""
    out: list[str] = []
    position = 0
    while rule := _RULE.search(body, position):
        out += body[position : rule.start()], " "
        position = rule.end()
        for opening in _RULES[rule.group(1)]:
            taken = group(body, position, opening, _CLOSING[opening])
            position = taken[1] if taken else position
    return "".join([*out, body[position:]])


def table(body: str, convert: Convert) -> str:
    """A tabular's body as a Markdown table; empty if it holds nothing."""
    rows: list[list[str]] = []
    for row in cells(without_rules(body)):
        printed: list[str] = []
        for cell in row:
            content, columns = _spanning(cell)
            printed.append(convert(content).replace("|", "\\|").replace("\n", " ").strip())
            printed.extend([""] * (columns - 1))
        if any(printed):
            rows.append(printed)
    return pipe_table(rows)


def in_one_cell(body: str) -> str:
    """A tabular's body as the LaTeX of one cell: what is set in lines there is read on."""
    return " ".join(_spanning(cell)[0].strip() for row in cells(without_rules(body)) for cell in row)


def _spanning(cell: str) -> tuple[str, int]:
    """What stands in a cell and how many columns it takes, without `\\multicolumn` and `\\multirow`."""
    columns = 1
    for _ in range(4):
        # A table inside of the cell has columns of its own.
        found = _MULTI.search(cell.partition("\\begin")[0])
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
