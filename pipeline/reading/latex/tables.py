"""Tables: the body of a tabular to Markdown. Pure."""

import re
from collections.abc import Callable

from pipeline.reading.latex.groups import count_in, group

Convert = Callable[[str], str]
"""LaTeX of one cell or one line → Markdown of it on one line."""

_ROW = re.compile(r"\\\\|\\tabularnewline(?![A-Za-z])|\\begin\s*\{|\\end\s*\{|\\.|[{}&]", re.DOTALL)
_SKIP = re.compile(r"\s*+\[\s*+-?[\d.]+\s*(?:pt|e[mx]|[cm]m|in|bp|pc|sp|\\[A-Za-z]+)\s*\]")
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
_MULTI = re.compile(r"\\(multicolumn|multirow)\*?\s*+(?:\[[^\]]{0,2000}+\])?(?=\s*\{)")
MAX_COLUMNS = 100
MAX_SPECIFIED = 1000
"""Characters of the argument that says how the columns of a tabular are set."""
_COLUMN = re.compile(r"(?P<set>[@!><]\s*(?=\{))|(?P<repeated>\*\s*(?=\{))|[A-Za-z]")


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
                start += body.startswith("*", start)
                skipped = _SKIP.match(body, start)
                option = group(body, start, "[", "]") if body[start : start + 1] == "[" else None
                start = skipped.end() if skipped else option[1] if option else start
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


def table(body: str, convert: Convert, columns_as: str = "") -> str:
    """A tabular's body as a Markdown table; empty if it holds nothing.

    What the argument `columns_as` sets between two columns to make one number of them is put there: `r@{.}l`.
    """
    between = _between(columns_as)
    rows: list[list[str]] = []
    for row in cells(without_rules(body)):
        printed: list[str] = []
        for cell in row:
            content, columns = _spanning(_signed(cell))
            printed.append(convert(content).replace("|", "\\|").replace("\n", " ").strip())
            printed.extend([""] * (columns - 1))
        for place, joint in between:
            if place + 1 < len(printed) and printed[place + 1]:
                printed[place] += joint * bool(printed[place]) + printed[place + 1]
                printed[place + 1] = ""
        if any(printed):
            rows.append(printed)
    return pipe_table(rows)


def in_one_cell(body: str) -> str:
    """A tabular's body as the LaTeX of one cell: what is set in lines there is read on."""
    return " ".join(_spanning(cell)[0].strip() for row in cells(without_rules(body)) for cell in row)


def _signed(cell: str) -> str:
    """A cell in which siunitx's `S` columns take a bare `\\pm`."""
    return cell if "$" in cell else re.sub(r"\\pm(?![A-Za-z])", "±", cell)


def _between(columns_as: str) -> list[tuple[int, str]]:
    """Columns that make one number with the next, from the right, and what stands between the two."""
    columns_as = columns_as[:MAX_SPECIFIED]
    found: list[tuple[int, str]] = []
    position = column = 0
    for _ in range(MAX_SPECIFIED):
        token = _COLUMN.search(columns_as, position)
        if token is None:
            break
        given = group(columns_as, token.end())
        if token["repeated"] and given and (again := group(columns_as, given[1])):
            times = min(count_in(given[0], 1), MAX_COLUMNS)
            columns_as, position = (again[0] * times + columns_as[again[1] :])[:MAX_SPECIFIED], 0
            continue
        position = given[1] if given else token.end()
        if token["set"] and given:
            joint = re.sub(r"\\[,;:! ]|[${}~\s]", "", given[0])
            if joint in (".", r"\cdot", r"\pm", "±"):
                found.append((column - 1, "." if joint in (".", r"\cdot") else " ± "))
        elif not token["set"]:
            column += 1
    return [(place, joint) for place, joint in reversed(found) if place >= 0]


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
        if found.group(1) == "multicolumn":
            columns = min(count_in(count[0], columns), MAX_COLUMNS)
        cell = f"{cell[: found.start()]} {content[0]} {cell[content[1] :]}"
    return cell, columns


def pipe_table(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table whose first row is its heading."""
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
