"""What makes two failures the same: exception, innermost frame in the repository, generalised message.

Reads what a program printed; text in it is data of an untrusted program and decides nothing else.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

_HEADER = "Traceback (most recent call last):"
_FRAME = re.compile(r'\s*File "(?P<path>[^"\n]+)", line (?P<line>\d{1,9})(?:,? in (?P<function>.+))?\s*$')
_STACK = re.compile(r"(?:Current thread|Thread) 0x[0-9a-f]++.* \(most recent call first\):$")
_EXCEPTION = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_CAUSED = "the direct cause of the following exception"
_GROUP_MARGIN = re.compile(r"^\s*[|+]\s?(?:-*\s?\d*\s?-*)?")
_USAGE = re.compile(r"^[\w./-]+: error: (.+)$", re.MULTILINE)
_FOREIGN = re.compile(r"site-packages|dist-packages|/lib/python\d|<frozen|^<")
_SIGNALS = {
    4: "illegal instruction",
    6: "abort",
    7: "bus error",
    8: "arithmetic error",
    9: "kill",
    11: "segmentation fault",
    15: "termination",
}
_MAX_MESSAGE = 160


@dataclass(frozen=True)
class Frame:
    """A line of a traceback that is in the repository."""

    path: str
    """As in the repository."""
    line: int
    function: str
    """Empty where the line itself is at fault (SyntaxError)."""


def frames(output: str, repository_files: Collection[str]) -> list[Frame]:
    """Frames of the last traceback that lie in the repository, outermost first."""
    return _located(_last_traceback(output), repository_files)


def missing_module(output: str) -> str | None:
    """The module that the program died of not finding: `sklearn`, or `sklearn.x` where only that lacks."""
    kind, message = exception(output)
    if kind == "ModuleNotFoundError":
        found = re.match(r"No module named '([\w.]+)'", message)
    else:
        # So pandas says it.
        found = (
            re.match(r"Missing optional dependency '([\w.]+)'", message) if kind == "ImportError" else None
        )
    return found[1] if found else None


def exception(output: str) -> tuple[str, str]:
    """Type (without module) and first line of the message of what the program died of; empty if of nothing."""
    return _exception(_last_traceback(output))


def signature(
    output: str,
    repository_files: Collection[str],
    *,
    exit_code: int | None = None,
    timed_out: bool = False,
    oom: bool = False,
    problems: Sequence[str] = (),
) -> str:
    """`KeyError: 'lr' at model.py:build`, or in words what ended the program if no exception did.

    `problems` are sentences on why a run that ended by itself counts as failed. Of chained exceptions the
    last one counts.
    """
    if oom:
        return "out of memory"
    lines = _last_traceback(output)
    kind, message = _exception(lines)
    where = _place(_located(lines, repository_files))
    if timed_out:
        return f"time-out{where}"
    if problems and exit_code == 0:
        return f"no proof: {_generalised(problems[0])}"
    usage = _USAGE.findall(output) if kind in ("", "SystemExit") else []
    if kind and not usage:
        return f"{kind}{': ' if message else ''}{_generalised(message)}{where}"
    if usage:
        return f"usage error: {_generalised(usage[-1])}"
    if exit_code is not None and (signal := _signal(exit_code)):
        return f"ended by signal: {signal}{where}"
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    if problems and not exit_code:
        last = problems[0]
    status = "not started" if exit_code is None else f"exit status {exit_code}"
    return f"{status}: {_generalised(last)}" if last else status


def _last_traceback(output: str) -> list[str]:
    """Lines from the last traceback or stack on; one of a SyntaxError in the program itself has no header."""
    lines = [
        _GROUP_MARGIN.sub("", line) if re.match(r"\s*[|+]", line) else line for line in output.splitlines()
    ]
    headers = [number for number, line in enumerate(lines) if line.strip().endswith(_HEADER)]
    stacks = [number for number, line in enumerate(lines) if _STACK.match(line.strip())]
    if stacks and stacks[-1] > (headers or [-1])[-1]:
        # Dumped by faulthandler, which turns the order round: the thread that crashed, else the main one, the last.
        crashed = [number for number in stacks if lines[number].startswith("Current")]
        return list(reversed(list(takewhile(_FRAME.match, lines[(crashed or stacks)[-1] + 1 :]))))
    if headers:
        last = lines[headers[-1] :]
        cause = lines[headers[-2] : headers[-1]] if len(headers) > 1 else []
        # A worker process tells in a traceback of its own where it failed, and its parent repeats the error.
        repeated = any(_CAUSED in line for line in cause) and _exception(cause) == _exception(last)
        return [*last, *cause] if repeated else last
    located = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    return lines[located[-1] :] if located else []


def _exception(lines: list[str]) -> tuple[str, str]:
    """Type (without module) and first line of the message of the exception that ends a traceback."""
    inside = False
    for line in lines:
        if _FRAME.match(line):
            inside = True
        elif inside and line and not line[0].isspace() and (found := _EXCEPTION.match(line.rstrip())):
            return found["type"].rsplit(".", 1)[-1], (found["message"] or "").strip()
    return "", ""


def _located(lines: list[str], repository_files: Collection[str]) -> list[Frame]:
    matches = [match for line in lines if (match := _FRAME.match(line))]
    candidates = [(match, _candidates(match["path"], repository_files)) for match in matches]
    root = _root(candidates)
    found = []
    for match, paths in candidates:
        for start, path in paths.items():
            if start in ("", root):
                found.append(Frame(path, int(match["line"]), (match["function"] or "").strip()))
                break
    return found


def _candidates(path: str, repository_files: Collection[str]) -> dict[str, str]:
    """Folder that the repository would have to be in → path in it, for each file that `path` may be."""
    if _FOREIGN.search(path):
        return {}
    path = path.removeprefix("./")
    return {
        path[: len(path) - len(file)]: file
        for file in repository_files
        if path == file or path.endswith(f"/{file}")
    }


def _root(candidates: Sequence[tuple[re.Match[str], dict[str, str]]]) -> str | None:
    """The folder that explains most files; among equals the one that comes first in the traceback."""
    explained = Counter(start for _, paths in candidates for start in {*paths} - {""})
    return explained.most_common(1)[0][0] if explained else None


def _place(found: list[Frame]) -> str:
    if not found:
        return ""
    innermost = found[-1]
    return f" at {innermost.path}" + (f":{innermost.function}" if innermost.function else "")


def _generalised(message: str) -> str:
    # Which call was the one too many is chance.
    message = re.sub(r"^(maximum recursion depth exceeded).*", r"\1", message)
    message = re.sub(r"\b0x[0-9a-fA-F]+", "<address>", message)
    message = re.sub(r"(?<![\w.])(?:[A-Za-z]:\\|~?/)[\w.\-/\\]+", "<path>", message)
    message = re.sub(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", "<n>", message)
    return " ".join(message.split())[:_MAX_MESSAGE]


def _signal(exit_code: int) -> str | None:
    number = -exit_code if exit_code < 0 else exit_code - 128
    return _SIGNALS.get(number, f"{number}") if exit_code < 0 or number in _SIGNALS else None
