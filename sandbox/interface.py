"""The seam between the pipeline and whatever runs code.

    SandboxError                  the sandbox itself failed; never shown to a model as program output
    ├── SandboxUnavailable        no daemon, no namespaces: what to do is in the message
    └── InstallationFailed        the package index or the disk failed (not: a requirement that cannot be met)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.report import CommandResult, Limits


class SandboxError(Exception):
    """The sandbox failed, not the program in it."""


class SandboxUnavailable(SandboxError):
    """This sandbox cannot be used on this machine."""


class InstallationFailed(SandboxError):
    """Packages could not be fetched for a reason outside of the repository."""


@dataclass(frozen=True)
class Platform:
    """What the code will run on; decides which wheels fit."""

    python: str
    """Major and minor version, `3.11`."""
    machine: str
    """uv's `--python-platform`, e.g. `x86_64-unknown-linux-gnu`."""
    image: str
    """Image reference with its id, or a description of the host."""


@dataclass(frozen=True)
class Command:
    """One command, run in a fresh copy of a directory."""

    argv: tuple[str, ...]
    limits: Limits = Limits()
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: Path | None = None
    """Unpacked wheels of `requirements.install`, visible read-only on `PYTHONPATH`."""
    tools: Path | None = None
    """Our runner and coverage.py, visible read-only as `/tools`, apart from what the repository asked for."""
    outputs: tuple[str, ...] = ()
    """Relative paths of files to bring back."""


class Sandbox(Protocol):
    """Runs commands without network, privileges, or a way to the host's files."""

    name: str

    def platform(self) -> Platform:
        """What commands will run on. Raises SandboxUnavailable."""
        ...

    def run(self, directory: Path, command: Command) -> CommandResult:
        """Run `command` in a fresh copy of `directory`; the directory itself is never changed.

        Raises SandboxError when the sandbox fails; a failing program is a CommandResult.
        """
        ...
