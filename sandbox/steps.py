"""Several commands in one room of a sandbox, and what each leaves behind: `stepper.py` runs them inside."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.interface import TOOLS, RoomClosed
from sandbox.report import CommandResult


@dataclass(frozen=True)
class Step:
    """A command, run in what the steps before it have left."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside the sandbox's own."""
    aside: tuple[str, ...] = ()
    """Patterns of paths that are moved away before it."""
    tail: int = 16_000
    """Bytes kept of each output stream, from its end."""


@dataclass(frozen=True)
class File:
    """A file below `results/`, or `results.json`."""

    stamp: str
    """Equal for one that nobody has written meanwhile."""
    content: bytes
    """Empty where it is larger than 300 kB, is nothing that is read, or comes after 10 MB of others."""


@dataclass(frozen=True)
class Stepped:
    """How a step ended. The exit status of a program that a signal has killed is negative."""

    result: CommandResult
    files: Mapping[str, File]


Steps = Callable[[Sequence[Step]], Sequence[Stepped]]
"""Runs steps in one fresh room, and has a result for each. Raises SandboxError."""


Runs = Callable[[tuple[str, ...], tuple[str, ...], Mapping[str, str]], CommandResult]
"""Runs a command, given argv, outputs and environment."""


def run_steps(steps: Sequence[Step], seconds: float, run: Runs) -> list[Stepped]:
    """What `run` makes of steps that may take `seconds` each. Raises RoomClosed, and what `run` raises."""
    report, secret = f".paper2code-{secrets.token_hex(8)}", secrets.token_hex(32)
    orders = [
        {
            "argv": s.argv,
            "environment": dict(s.environment),
            "seconds": seconds,
            "aside": s.aside,
            "tail": s.tail,
        }
        for s in steps
    ]
    argv = ("python3", "-I", f"{TOOLS}/stepper.py", report, json.dumps(orders))
    result = run(argv, (report,), {"PAPER2CODE_SECRET": secret})
    try:
        said: dict[str, Any] = json.loads(result.outputs.get(report, b""))
        if said["secret"] != secret:
            raise ValueError("a report that the stepper has not written")
        contents: dict[tuple[str, str], bytes] = {}
        return [_stepped(step, told, contents) for step, told in zip(steps, said["steps"], strict=True)]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        # None was written, or a program has written another in its place.
        raise RoomClosed(_closed(result)) from error


def _closed(result: CommandResult) -> str:
    how = f"with exit status {result.exit_code}"
    if result.timed_out or result.oom:
        how = f"after {result.seconds:.0f} seconds" if result.timed_out else "since memory ran out"
    return f"the sandbox was closed {how}, before it could say how the programs in it had ended"


def _stepped(step: Step, told: dict[str, Any], contents: dict[tuple[str, str], bytes]) -> Stepped:
    """`contents` are those that earlier steps have told, by path and stamp; this one's are added."""
    result = CommandResult(
        argv=step.argv,
        exit_code=told["exit_code"],
        seconds=told["seconds"],
        stdout=told["stdout"],
        stderr=told["stderr"],
        timed_out=told["exit_code"] is None,
    )
    files = {}
    for path, about in told["files"].items():
        name = path, about["stamp"]
        contents[name] = base64.b64decode(about["content"]) or contents.get(name, b"")
        files[path] = File(about["stamp"], contents[name])
    return Stepped(result, files)
