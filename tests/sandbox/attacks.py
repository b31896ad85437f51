"""What an attack is: a program, and what has to hold against it in each sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.report import CommandResult, Limits
from tests.sandbox.conftest import SMALL, Run

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def nothing_got_through(result: CommandResult) -> None:
    """The program prints whatever it was able to do, and `done` at its end."""
    assert (result.stdout, result.exit_code) == ("done\n", 0), result


def its_file_comes_out(result: CommandResult) -> None:
    assert result.exit_code == 0, result
    assert result.outputs["out.txt"].strip() == b"out"


@dataclass(frozen=True)
class Attack:
    tried: str
    held: str
    program: str
    holds: Callable[[CommandResult], None] = nothing_got_through
    limits: Limits = SMALL
    outputs: tuple[str, ...] = ()

    def is_held(self, run: Run) -> None:
        self.holds(run(self.program, self.limits, self.outputs))

    @property
    def row(self) -> str:
        """In the document's table."""
        return f"| {self.tried} | {self.held} |"


def attempt(*attempts: str) -> str:
    """A program that makes each attempt in turn and prints those that nothing stopped."""
    lines = ["import ctypes, os, socket, stat, struct, sys", "libc = ctypes.CDLL(None, use_errno=True)"]
    for each in attempts:
        lines += ["try:", *(f"    {line}" for line in each.splitlines())]
        lines += [f"    print({each!r})", "except OSError:", "    pass"]
    return "\n".join([*lines, "print('done')"])


def call(x86: int, arm: int, *arguments: str) -> str:
    """A system call that must fail."""
    return (
        f"number = {x86} if os.uname().machine == 'x86_64' else {arm}\n"
        f"if libc.syscall(number{''.join(', ' + each for each in arguments)}) < 0: raise OSError"
    )
