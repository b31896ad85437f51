"""Several commands in one room of a sandbox, and what each leaves behind: `stepper.py` runs them inside."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox import answers
from sandbox.interface import TOOLS, RoomClosed
from sandbox.report import CommandResult
from sandbox.streams import readable


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


Runs = Callable[[tuple[str, ...]], CommandResult]
"""Runs a command, of whose standard output REPORT_BYTES are kept."""

REPORT_BYTES = 64 * 2**20
"""More than the stepper prints, whatever the programs in it do."""
_SIGNALLED = 128
"""An exit status above it is that of a program that a signal has ended."""


def run_steps(steps: Sequence[Step], seconds: float, run: Runs) -> list[Stepped]:
    """What `run` makes of steps that may take `seconds` each.

    A step that takes the whole room down has failed; those after it were not run. Raises RoomClosed where nobody in
    there has done so, and what `run` raises.
    """
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
    result = run(("python3", "-I", f"{TOOLS}/stepper.py", json.dumps(orders)))
    contents: dict[tuple[str, str], bytes] = {}
    lines = result.stdout.split("\n")[:-1]  # a last one without its end was not finished
    try:
        ended = [
            _stepped(step, answers.read(line), contents) for step, line in zip(steps, lines, strict=False)
        ]
    except ValueError as error:
        raise RoomClosed(_closed(result)) from error
    if len(ended) < len(steps):
        if not (result.oom or result.timed_out or (result.exit_code or 0) > _SIGNALLED):
            raise RoomClosed(_closed(result))
        ended += _taken_down(steps[len(ended) :], ended, result)
    return ended


def _closed(result: CommandResult) -> str:
    return (
        f"the sandbox was closed with exit status {result.exit_code}, before it could say how the programs in it "
        "had ended"
    )


def _taken_down(steps: Sequence[Step], before: Sequence[Stepped], result: CommandResult) -> Iterator[Stepped]:
    """The step in which the room ended, and those after it. The files are those that lay there before."""
    files = before[-1].files if before else {}
    seconds = max(0.0, result.seconds - sum(step.result.seconds for step in before))
    why = ""
    if result.exit_code is not None:
        why = (
            f"A signal ended the process that had started it (exit status {result.exit_code}), which nobody but a "
            "program in the sandbox can have sent: a program may end the processes that it has started, and no others."
        )
    told = replace(result, argv=steps[0].argv, seconds=seconds, stdout="", stderr=why)
    yield Stepped(told, files)
    for step in steps[1:]:
        why = f"It was not run, since `{' '.join(steps[0].argv)}` ended everything."
        yield Stepped(CommandResult(step.argv, None, 0.0, "", why), files)


def _stepped(step: Step, told: dict[str, Any], contents: dict[tuple[str, str], bytes]) -> Stepped:
    """`contents` are those that earlier steps have told, by path and stamp; this one's are added."""
    result = CommandResult(
        argv=step.argv,
        exit_code=told["exit_code"],
        seconds=told["seconds"],
        stdout=readable(base64.b64decode(told["stdout"])),
        stderr=readable(base64.b64decode(told["stderr"])),
        timed_out=told["exit_code"] is None,
    )
    files = {}
    for path, about in told["files"].items():
        name = path, about["stamp"]
        contents[name] = base64.b64decode(about["content"]) or contents.get(name, b"")
        files[path] = File(about["stamp"], contents[name])
    return Stepped(result, files)
