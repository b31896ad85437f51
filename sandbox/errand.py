"""The conversation with the keeper inside of a sandbox (`keeper.py`): an order out, an answer in."""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import seccomp
from sandbox.interface import OUTPUT_CAP, Command, SandboxError, copied
from sandbox.report import CommandResult
from sandbox.streams import HeadTail

_CHUNK = 1 << 20


@dataclass
class Errand:
    """One command on its way: what is sent, and what comes back."""

    command: Command
    stdout: HeadTail = field(init=False)
    stderr: HeadTail = field(init=False)
    answer: bytearray = field(default_factory=bytearray)
    token: str = ""
    """Where the answer comes on standard output: what stands before it, unknown to the command."""

    def __post_init__(self) -> None:
        self.stdout = HeadTail(self.command.limits.output_bytes)
        self.stderr = HeadTail(self.command.limits.output_bytes)
        self._pending = b""
        self._answered = not self.token

    @classmethod
    def answered_on_stdout(cls, command: Command) -> "Errand":
        """The command and the keeper share standard output."""
        return cls(command, token=secrets.token_hex(32))

    def order(self, directory: Path, path: str, machine: str) -> Iterator[bytes]:
        """What the keeper reads; `path` is where programs are found. Raises SandboxError."""
        listed = [
            (name, (directory / name).lstat().st_mode & 0o755 | 0o644, size)
            for name, size in copied(directory, self.command.limits).files.items()
        ]
        order = {
            "argv": self.command.argv,
            "environment": self.command.inside(path),
            "files": listed,
            "outputs": self.command.outputs,
            "output_cap": OUTPUT_CAP,
            "seconds": self.command.limits.seconds,
            "filter": (seccomp.program(machine) or b"").hex(),
            "token": self.token,
        }
        yield json.dumps(order).encode() + b"\n"
        for name, _, size in listed:
            # What was a file may be a link by now.
            with open(os.open(directory / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as content:  # noqa: PTH123
                left = size
                while left:
                    data = content.read(min(left, _CHUNK))
                    if not data:
                        raise SandboxError(f"{directory / name} became shorter while it was read")
                    left -= len(data)
                    yield data

    def hear(self, data: bytes) -> None:
        """The next bytes of a standard output that ends with the answer."""
        if self._answered:
            self.answer += data
            return
        mark = self.token.encode()
        said, found, answer = (self._pending + data).partition(mark)
        if found:
            self._answered = True
            self.answer += answer
        else:
            self._pending = said[-len(mark) + 1 :]
            said = said[: -len(mark) + 1]
        self.stdout.add(said)

    @property
    def complete(self) -> bool:
        """Whether the answer has come to its end."""
        line, ended, rest = bytes(self.answer).partition(b"\n")
        return bool(ended) and len(rest) == sum(size for _, size in json.loads(line).get("outputs", ()))

    def cut_short(self) -> CommandResult:
        """How it ended where nobody in there can say: with its time over, and what it had printed by then."""
        return CommandResult(
            argv=self.command.argv,
            exit_code=None,
            seconds=self.command.limits.seconds,
            stdout=self.stdout.text(),
            stderr=self.stderr.text(),
            timed_out=True,
        )

    def result(self) -> CommandResult:
        """How it ended, once that is known. Raises SandboxError where the answer says that the sandbox failed."""
        line, _, rest = bytes(self.answer).partition(b"\n")
        said = json.loads(line)
        if "error" in said:
            raise SandboxError(f"the sandbox failed: {said['error']}")
        outputs = {}
        for name, size in said["outputs"]:
            outputs[name], rest = rest[:size], rest[size:]
        # The status of a process that the kernel killed says nothing that `oom` does not say.
        code = None if said["oom"] and said["exit_code"] == 137 else said["exit_code"]
        return CommandResult(
            argv=self.command.argv,
            exit_code=code,
            seconds=said["seconds"],
            stdout=self.stdout.text(),
            stderr=self.stderr.text(),
            timed_out=said["timed_out"],
            oom=said["oom"],
            outputs=outputs,
        )
