"""A submission of PaperBench's form, `reproduce.sh` at its root and no `main.py`: what comes of running it.

It ran if it ended by itself with exit status 0, its last step ended in no traceback, be it in a log that it was sent
to, and files are there that were not, or have another content. A traceback with output behind it was handled, where the
exit status is that of the last step; where it is that of an `echo` behind it, nobody knows, and any traceback counts.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox import answers
from sandbox.contents import Contents
from sandbox.interface import TOOLS
from sandbox.report import CommandResult, Limits, PhaseResult
from sandbox.steps import REPORT_BYTES
from sandbox.submitter import LOG, MARK

SCRIPT = "reproduce.sh"
TRACEBACK = "Traceback (most recent call last):"
_SAID = "What requirements.txt names was installed before, as far as it can be; nothing is fetched here."
SHIMS = {
    "bin/python": '#!/bin/sh\nexec python3 "$@"\n',
    "bin/pip": f'#!/bin/sh\necho "{_SAID}"\n',
    "bin/pip3": f'#!/bin/sh\necho "{_SAID}"\n',
    "shims/pip/__init__.py": "",
    "shims/pip/__main__.py": f'print("{_SAID}")\n',
}
"""What scripts call that a sandbox without network has not: path among the tools → text."""
_GRACE = 5.0
"""Seconds to write down what was made before the sandbox ends all."""
_TALK = re.compile(r"(?:echo|printf|true|:|exit|cd|date|set|ls|cat|test|\[|export|return|wait)(?:\s|$)|\w+=")
"""Steps that do nothing of the work."""
_MOST_NAMED, _LONGEST = 20, 2**20
_LOGS, _MOST_LOGS = (".log", ".out", ".txt"), 8
_LOSES = re.compile(r"\||&\s*$")
"""In a line whose exit status is not that of its command, or not waited for."""
_WORDS = re.compile(r"[\s'\"<>|&;()=]+")
_HIDES = re.compile(r"2>>?\s*/dev/null|&>>?\s*/dev/null|>>?\s*/dev/null\s+2>&1")

Runs = Callable[[tuple[str, ...], tuple[str, ...], Limits], CommandResult]
"""Runs a command, given argv, outputs and limits."""


def is_submission(held: Contents) -> bool:
    """Whether a directory is one, and no repository of ours."""
    return SCRIPT in held.files and "main.py" not in held.files


def hidden(held: Contents) -> tuple[str, ...]:
    """Sentences on what nobody will see of a submission's errors."""
    lines = _text(held).splitlines()
    if any(_HIDES.search(line) and re.match(r"\s*exec\b|.*\bpython", line) for line in lines):
        return (f"{SCRIPT} sends errors to /dev/null: whether a step of it has failed cannot be seen.",)
    return ()


def prove(run: Runs, limits: Limits, held: Contents) -> PhaseResult:
    """Run the script in a fresh copy. Its output is the result's, with the files that it has made at the end."""
    script = _text(held)
    seconds = max(limits.seconds - _GRACE, limits.seconds / 2)
    argv = ("python3", "-I", f"{TOOLS}/submitter.py", str(seconds))
    ended = run(argv, (LOG, *_logs(script)), replace(limits, output_bytes=REPORT_BYTES))
    told = _told(ended.stdout)
    # Where nobody was left to tell of it, the file itself.
    said = told.log or ended.outputs.get(LOG, b"")
    steps, lines = _steps(said.decode("utf-8", errors="replace"))
    made = [f"{path}, {size:,} bytes" for path, size in told.made]
    shown = "\n".join(
        [
            _cut("\n".join(lines), limits.output_bytes),
            "",
            "Made by this run:",
            *(made[:_MOST_NAMED] or ["nothing"]),
        ]
    )
    if told.count > _MOST_NAMED:
        shown += f"\nand {told.count - _MOST_NAMED:,} more"
    result = replace(
        ended,
        argv=("bash", SCRIPT),
        exit_code=None if told.timed_out else ended.exit_code,
        timed_out=ended.timed_out or told.timed_out,
        stdout=shown,
        outputs={},
    )
    problems: list[str] = []
    if result.ok:
        if failed := _failed_step(script, lines, steps):
            problems.append(f"The last step, `{failed}`, ended in a traceback, though the exit status is 0.")
        elif failed := _failed_log(script, steps, ended.outputs, told.made):
            problems.append(
                f"`{failed}`, which this run wrote, ends in a traceback, though the exit status is 0."
            )
        if not told.count:
            problems.append("It made no file that was not there before with the same content.")
    return PhaseResult("full", result, tuple(problems))


@dataclass(frozen=True)
class _Told:
    """See `submitter.py`."""

    timed_out: bool = False
    log: bytes = b""
    made: tuple[tuple[str, int], ...] = ()
    count: int = 0


def _told(said: str) -> _Told:
    """What the submitter has seen; nothing where it was ended before it could say so."""
    try:
        told = answers.read(said)
        made = tuple((str(path), int(size)) for path, size in told["made"])
        return _Told(bool(told["timed_out"]), base64.b64decode(told["log"]), made, int(told["count"]))
    except (ValueError, KeyError, TypeError):
        return _Told()


def _steps(log: str) -> tuple[list[tuple[str, int]], list[str]]:
    """The steps, each with the number of the line of output that follows it; and the lines that are output."""
    steps: list[tuple[str, int]] = []
    lines: list[str] = []
    for line in log.split("\n"):
        if line.startswith(MARK):
            steps.append((line.strip(f"{MARK} ")[:300], len(lines)))
        else:
            lines.append(line)
    return steps, lines


def _failed_step(script: str, lines: Sequence[str], steps: Sequence[tuple[str, int]]) -> str:
    """The last step that does any work, if it ended in a traceback; else nothing."""
    step, start, after = _last(steps)
    raised = [n for n in range(start, len(lines)) if lines[n].startswith(TRACEBACK)]
    if not raised:
        return ""
    strict = any(re.match(r"set -\w*e|set -o errexit", each) for each, _ in steps)
    lost = (after and not strict) or any(_LOSES.search(line) for line in _lines_of(step, script))
    error = next((n for n in range(raised[-1] + 1, len(lines)) if lines[n][:1].strip()), len(lines))
    return step if lost or not any(map(str.strip, lines[error + 1 :])) else ""


def _last(steps: Sequence[tuple[str, int]]) -> tuple[str, int, Sequence[tuple[str, int]]]:
    """The last step that does any work, where what it says begins, and the steps behind it."""
    for number, (step, start) in reversed(list(enumerate(steps))):
        if not _TALK.match(step):
            return step, start, steps[number + 1 :]
    return SCRIPT, 0, ()


def _lines_of(step: str, script: str) -> list[str]:
    return [line for line in script.splitlines() if step in line]


def _failed_log(
    script: str,
    steps: Sequence[tuple[str, int]],
    outputs: Mapping[str, bytes],
    made: Sequence[tuple[str, int]],
) -> str:
    """Of the logs that the run wrote, one of its last step that ends in a traceback.

    Those stand in the step's own line, or all is sent there by `exec`; where that line is not found, any may be.
    """
    own = _lines_of(_last(steps)[0], script)
    for name in {path for path, _ in made}.intersection(_logs(script)):
        if own and not any(name in line for line in own):
            continue
        said, begun = list[str](), list[tuple[str, int]]()
        for line in outputs.get(name, b"").decode("utf-8", errors="replace").split("\n"):
            if line.startswith(MARK):
                begun.append((line.strip(f"{MARK} "), len(said)))
            else:
                said.append(line)
        if _failed_step(script, said, begun or [(step, 0) for step, _ in steps]):
            return name
    return ""


def _text(held: Contents) -> str:
    with (held.root / SCRIPT).open(encoding="utf-8", errors="replace") as stream:
        return stream.read(_LONGEST)


def _logs(script: str) -> list[str]:
    """Files that the script names as if what is said were sent to them."""
    names = dict.fromkeys(word.removeprefix("./") for word in _WORDS.split(script) if word.endswith(_LOGS))
    return [name for name in names if name != LOG and not {"", ".."}.intersection(name.split("/"))][
        -_MOST_LOGS:
    ]


def _cut(log: str, most: int) -> str:
    if len(log) <= most:
        return log
    return f"{log[: most // 2]}\n[… {len(log) - most:,} characters left out …]\n{log[-most // 2 :]}"
