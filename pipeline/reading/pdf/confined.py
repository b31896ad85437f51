"""Confined: files that nobody vouches for are opened by `child.py`, in a process that may hang, crash or be
taken over without harm: limits on memory and time, and nothing of our environment.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MEMORY = 2_000_000_000
SECONDS = 60

Task = tuple[str, Mapping[str, Any]]
"""A task's name in `child.py`, and its arguments."""
Answer = dict[str, Any]


def answers(
    files: Sequence[bytes], tasks: Sequence[Task], *, seconds: int = SECONDS, memory: int = MEMORY
) -> Iterator[Answer]:
    """One answer to each task, in order; `{"error": kind, "message": words}` where there is none.

    The kind is `crashed` for a task at which the child died (those after it are asked of another one), `slow` for
    all that are not done after `seconds`, else what the child says.
    """
    until = time.monotonic() + seconds
    done = 0
    while done < len(tasks):
        left = until - time.monotonic()
        lines, late = _run(files, tasks[done:], max(0.0, left), memory) if left > 0 else ([], True)
        yield from map(json.loads, lines)
        done += len(lines)
        if done < len(tasks):
            kind = "slow" if late else "crashed"
            stopped = len(tasks) - done if late else 1
            yield from ({"error": kind, "message": ""} for _ in range(stopped))
            done += stopped


def _run(
    files: Sequence[bytes], tasks: Sequence[Task], seconds: float, memory: int
) -> tuple[list[bytes], bool]:
    """The lines that a child wrote in full, and whether it took too long."""
    # Isolated: neither this project nor what the environment names may be imported there.
    command = [sys.executable, "-I", str(Path(__file__).with_name("child.py"))]
    asked = json.dumps({"sizes": list(map(len, files)), "tasks": tasks}).encode()
    # What an interpreter may need to find its own library; all else could be a secret.
    environment = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    try:
        child = subprocess.run(  # noqa: S603
            [*command, str(memory), str(int(seconds) + 1)],
            input=b"\n".join((asked, b"".join(files))),
            capture_output=True,
            timeout=seconds,
            check=False,
            env=environment,
        )
        written, late = child.stdout, False
    except subprocess.TimeoutExpired as error:
        written, late = error.stdout or b"", True
    return written.split(b"\n")[:-1], late
