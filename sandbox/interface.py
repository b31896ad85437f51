"""The seam between the pipeline and whatever runs code.

SandboxError                  the sandbox itself failed; never shown to a model as program output
├── SandboxUnavailable        no daemon, no namespaces: what to do is in the message
├── SandboxCancelled          somebody asked to stop; the command was killed
├── RoomClosed                a room was closed before the programs in it had ended: nothing is known of them
└── InstallationFailed        the package index or the disk failed (not: a requirement that cannot be met)
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.contents import Contents, contents
from sandbox.report import CommandResult, Limits

WORK, PACKAGES, TOOLS, DATA = "/work", "/packages", "/tools", "/data"
"""Where a command finds the copy of its directory, its packages, our runner, and data that are lent to it."""

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip
"""Where libraries look for how many threads they may start."""

OUTPUT_CAP = 16 * 2**20
"""Bytes of one file to bring back; a larger one is left where it is."""


class SandboxError(Exception):
    """The sandbox failed, not the program in it."""


class SandboxUnavailable(SandboxError):
    """This sandbox cannot be used on this machine."""


class SandboxCancelled(SandboxError):
    """Somebody asked to stop."""

    def __init__(self) -> None:
        super().__init__("Stopped before the code had run to its end.")


class RoomClosed(SandboxError):
    """Programs were run in a room that was closed before all had ended, by whomever."""


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
    """Unpacked wheels, from `packages.install`, visible read-only on `PYTHONPATH`."""
    tools: Path | None = None
    """Our runner and coverage.py, visible read-only as `/tools`, apart from what the repository asked for."""
    data: tuple[tuple[str, Path], ...] = ()
    """Name and folder of this machine, visible read-only as `/data/<name>`; of the empty name as `/data` itself."""
    outputs: tuple[str, ...] = ()
    """Relative paths of files to bring back."""
    followed: bool = False
    """Another one with the same limits, packages and tools comes next: it may be prepared for meanwhile."""
    cancelled: Callable[[], bool] = lambda: False
    """Asked at least twice a second while it runs: whether to kill it."""

    @property
    def folders(self) -> dict[str, Path]:
        """What it sees read-only, by where it lies inside."""
        given = {PACKAGES: self.packages, TOOLS: self.tools}
        lent = {f"{DATA}/{name}".rstrip("/"): path for name, path in self.data}
        return {inside: path for inside, path in given.items() if path} | lent

    def inside(self, path: str) -> dict[str, str]:
        """The whole environment of the command; `path` is where programs are found. Nothing of the host's."""
        threads = str(max(1, min(round(self.limits.cpus), os.cpu_count() or 1)))
        return {
            "PATH": path,
            "HOME": "/tmp",  # noqa: S108
            "TMPDIR": "/tmp",  # noqa: S108
            "LANG": "C.UTF-8",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108
            "PYTHONPATH": PACKAGES,
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",  # where it was when native code brought it down
            # Threads count as processes, and more of them than processors only slow each other down.
            **dict.fromkeys(_THREADS, threads),
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            **self.environment,
        }


class Sandbox(Protocol):
    """Runs commands without network, privileges, or a way to the host's files."""

    name: str

    def platform(self) -> Platform:
        """What commands will run on. Raises SandboxUnavailable."""
        ...

    def run(self, directory: Path, command: Command) -> CommandResult:
        """Run `command` in a fresh copy of `directory`; the directory itself is never changed.

        Raises SandboxError when the sandbox fails or the command is cancelled; a failing program is a
        CommandResult.
        """
        ...


def copied(directory: Path, limits: Limits) -> Contents:
    """What a command gets a copy of. Raises SandboxError when it is more than the working directory takes."""
    held = contents(directory)
    if held.size > limits.disk_bytes // 2:
        raise SandboxError(
            f"{directory} holds {held.size:,} bytes; the sandbox's working directory of {limits.disk_bytes:,} "
            "bytes takes half of its size at most."
        )
    return held
