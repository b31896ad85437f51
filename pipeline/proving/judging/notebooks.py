"""The code of a notebook as one Python file: commands to the notebook are calls of it."""

import json
import re
from collections.abc import Callable, Iterator

_PYTHON_MAGIC = re.compile(r"%%(?:time|timeit|capture|prun|memit|python3?|writefile|file)\b")
_PROSE_MAGIC = re.compile(r"%%(?:html|HTML|markdown|latex|svg|javascript|js)\b")
_ASSIGNED = re.compile(r"(\s*[A-Za-z_][\w, ]{0,200}=\s*)([!%])(.*)")
_HELP = re.compile(r"\s*(?:\?{1,2}\s*[\w.]+|[\w.]+\s*\?{1,2})\s*")
_CALLS = {"!": "system", "%": "run_line_magic"}


def code(text: str, parses: Callable[[str], bool]) -> str:
    """The cells that parse, below each other; empty for what is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    shown = (each if parses(each) else "\n".join(_lines(each)) for each in codes)
    return "\n".join(each for each in shown if parses(each))


def _lines(cell: str) -> Iterator[str]:
    """A cell's lines, those that are no Python as calls; what only asks for help is left out."""
    rows = cell.replace("\\\r\n", "\\\n").split("\n")
    first = rows[0].strip()
    if first.startswith("%%"):
        if _PROSE_MAGIC.match(first):
            return
        if not _PYTHON_MAGIC.match(first):
            yield from (f"get_ipython().system({row!r})" for row in rows if row.strip())
            return
        rows = rows[1:]
    waiting = ""
    for row in rows:
        bare = (waiting + row).lstrip()
        if bare.startswith(("!", "%")) and bare.endswith("\\"):
            waiting += row[:-1]
            continue
        row, waiting = waiting + row, ""
        if _HELP.fullmatch(row):
            continue
        if bare.startswith(("!", "%")):
            yield f"{row[: len(row) - len(bare)]}get_ipython().{_CALLS[bare[0]]}({bare[1:].strip()!r})"
        elif assigned := _ASSIGNED.fullmatch(row):
            name = "getoutput" if assigned[2] == "!" else "run_line_magic"
            yield f"{assigned[1]}get_ipython().{name}({assigned[3].strip()!r})"
        else:
            yield row
