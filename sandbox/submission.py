"""A submission of PaperBench's form, `reproduce.sh` at its root and no `main.py`: what comes of running it.

It ran if it ended by itself with exit status 0, no traceback came after its last step began, and files are there that
were not, or have another content.
"""

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

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
_MOST_NAMED = 20

Runs = Callable[[tuple[str, ...], tuple[str, ...], Limits], CommandResult]
"""Runs a command, given argv, outputs and limits."""


def is_submission(held: Contents) -> bool:
    """Whether a directory is one, and no repository of ours."""
    return SCRIPT in held.files and "main.py" not in held.files


def prove(run: Runs, limits: Limits) -> PhaseResult:
    """Run the script in a fresh copy. Its output is the result's, with the files that it has made at the end."""
    seconds = max(limits.seconds - _GRACE, limits.seconds / 2)
    argv = ("python3", "-I", f"{TOOLS}/submitter.py", str(seconds))
    ended = run(argv, (LOG,), replace(limits, output_bytes=REPORT_BYTES))
    told = _told(ended.stdout)
    # Where nobody was left to tell of it, the file itself.
    said = base64.b64decode(told["log"]) if told else ended.outputs.get(LOG, b"")
    steps, lines = _steps(said.decode("utf-8", errors="replace"))
    made = [f"{path}, {size:,} bytes" for path, size in told.get("made", ())]
    count = told.get("count", 0)
    shown = "\n".join(
        [
            _cut("\n".join(lines), limits.output_bytes),
            "",
            "Made by this run:",
            *(made[:_MOST_NAMED] or ["nothing"]),
        ]
    )
    if count > _MOST_NAMED:
        shown += f"\nand {count - _MOST_NAMED:,} more"
    result = replace(
        ended,
        argv=("bash", SCRIPT),
        exit_code=None if told.get("timed_out") else ended.exit_code,
        timed_out=ended.timed_out or bool(told.get("timed_out")),
        stdout=shown,
        outputs={},
    )
    problems: list[str] = []
    if result.ok:
        if failed := _failed_step(lines, steps):
            problems.append(f"The last step, `{failed}`, ended in a traceback, though the exit status is 0.")
        if not count:
            problems.append("It made no file that was not there before with the same content.")
    return PhaseResult("full", result, tuple(problems))


def _told(said: str) -> dict[str, Any]:
    """What the submitter has seen; nothing where it was ended before it could say so."""
    try:
        told: dict[str, Any] = json.loads(said)
    except ValueError:
        return {}
    return told


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


def _failed_step(lines: Sequence[str], steps: Sequence[tuple[str, int]]) -> str:
    """The last step that does any work, if a traceback follows its beginning; else nothing."""
    working = [(step, start) for step, start in steps if not _TALK.match(step)]
    step, start = working[-1] if working else (SCRIPT, 0)
    return step if any(line.startswith(TRACEBACK) for line in lines[start:]) else ""


def _cut(log: str, most: int) -> str:
    if len(log) <= most:
        return log
    return f"{log[: most // 2]}\n[… {len(log) - most:,} characters left out …]\n{log[-most // 2 :]}"
