"""A submission of PaperBench's form, `reproduce.sh` at its root and no `main.py`: what comes of running it.

It ran if it ended by itself with exit status 0, no traceback came after its last step began, and files are there that
were not, or have another content.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.contents import Contents
from sandbox.interface import TOOLS
from sandbox.report import CommandResult, Limits, PhaseResult

SCRIPT, LOG = "reproduce.sh", "reproduce.log"
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

Runs = Callable[[tuple[str, ...], tuple[str, ...], Mapping[str, str]], CommandResult]
"""Runs a command, given argv, outputs and environment."""


def is_submission(held: Contents) -> bool:
    """Whether a directory is one, and no repository of ours."""
    return SCRIPT in held.files and "main.py" not in held.files


def prove(run: Runs, limits: Limits) -> PhaseResult:
    """Run the script in a fresh copy. Its output is the result's, with the files that it has made at the end."""
    report, secret = f".paper2code-{secrets.token_hex(8)}", secrets.token_hex(32)
    seconds = max(limits.seconds - _GRACE, limits.seconds / 2)
    argv = ("python3", "-I", f"{TOOLS}/submitter.py", report, str(seconds))
    ended = run(argv, (report, LOG), {"PAPER2CODE_SECRET": secret})
    log = ended.outputs.get(LOG, b"").decode("utf-8", errors="replace")
    told = _told(ended.outputs.get(report, b""), secret)
    made = [f"{path.removeprefix('./')}, {size:,} bytes" for path, size in told.get("made", ())]
    shown = "\n".join(
        [_cut(log, limits.output_bytes), "", "Made by this run:", *(made[:_MOST_NAMED] or ["nothing"])]
    )
    if len(made) > _MOST_NAMED:
        shown += f"\nand {len(made) - _MOST_NAMED:,} more"
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
        if failed := _failed_step(log.split("\n"), told.get("steps", ())):
            problems.append(f"The last step, `{failed}`, ended in a traceback, though the exit status is 0.")
        if not made:
            problems.append("It made no file that was not there before with the same content.")
    return PhaseResult("full", result, tuple(problems))


def _told(report: bytes, secret: str) -> dict[str, Any]:
    """What the runner inside has seen; nothing where a report is not its own."""
    try:
        said = json.loads(report or b"{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) and said.get("secret") == secret else {}


def _failed_step(lines: Sequence[str], steps: Sequence[tuple[str, int]]) -> str:
    """The last step that does any work, if a traceback follows its beginning; else nothing."""
    working = [(step, start) for step, start in steps if not _TALK.match(step)]
    step, start = working[-1] if working else (SCRIPT, 0)
    return step if any(line.startswith(TRACEBACK) for line in lines[start:]) else ""


def _cut(log: str, most: int) -> str:
    if len(log) <= most:
        return log
    return f"{log[: most // 2]}\n[… {len(log) - most:,} characters left out …]\n{log[-most // 2 :]}"
