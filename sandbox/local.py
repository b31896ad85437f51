"""The embedded sandbox: Linux namespaces, for machines without Docker. The inner side is `jail.py`."""

import functools
import json
import os
import platform
import subprocess
import sys
import sysconfig
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sandbox.ahead import Ahead
from sandbox.errand import Errand
from sandbox.interface import (
    Command,
    Platform,
    SandboxCancelled,
    SandboxError,
    SandboxUnavailable,
)
from sandbox.report import CommandResult, Limits

_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sandbox.jail import main; main()"
_KERNEL_SETTINGS = Path("/proc/sys")
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 30.0
"""For building the namespaces and collecting outputs, beyond the command's own limit."""


@dataclass(frozen=True)
class Room:
    """What jail.py is told to build."""

    mounts: dict[str, str]
    """Read-only, path inside → path on the host."""
    hidden: tuple[str, ...]
    """Folders inside that appear empty: what the host's Python happens to have installed."""
    python: str
    limits: dict[str, float]


class LocalSandbox:
    """Network, processes and files of its own by namespaces, limits by rlimits and a watcher; needs no root.

    Weaker than Docker: the kernel's whole surface but for a filter lies open, and memory is counted 20 times
    a second instead of being capped by a cgroup.
    """

    name = "local"

    def __init__(self) -> None:
        self._ahead = Ahead(_Jail.clear)
        weakref.finalize(self, self._ahead.close)

    def platform(self) -> Platform:
        """The Python that runs this. Raises SandboxUnavailable where the kernel forbids namespaces."""
        _probe()
        return _host()

    def run(self, directory: Path, command: Command) -> CommandResult:
        """See `Sandbox.run`."""
        kind = command.limits, command.packages, command.tools, command.data
        make = functools.partial(_Jail, *kind)
        jail = self._ahead.take(kind, make)
        try:
            if command.followed:
                self._ahead.prepare(kind, make)
            return jail.carry_out(directory, command)
        finally:
            # At once, also on an interrupt: its death takes the whole process tree along.
            jail.clear()


class _Jail:
    """A running `jail.py`, which builds its namespaces and waits for an order."""

    def __init__(
        self,
        limits: Limits,
        packages: Path | None,
        tools: Path | None,
        data: tuple[tuple[str, Path], ...] = (),
    ) -> None:
        base = Path(sys.base_prefix).resolve()
        folders = Command((), packages=packages, tools=tools, data=data).folders | {str(base): base}
        room = Room(
            mounts={inside: str(path.resolve()) for inside, path in folders.items()},
            hidden=_site_packages(base),
            python=str(_interpreter(base)),
            limits=asdict(limits),
        )
        answer, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parents[1]), str(theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs,),
                env={},
            )
        except OSError as error:
            os.close(answer)
            raise SandboxError(f"the local sandbox could not be started: {error}") from error
        finally:
            os.close(theirs)
        self._answer = open(answer, "rb")  # noqa: PTH123, SIM115
        self._send(json.dumps(asdict(room)).encode() + b"\n")

    def carry_out(self, directory: Path, command: Command) -> CommandResult:
        """Run one command. Raises SandboxError."""
        errand = Errand(command)
        process, answer = self._process, errand.answer
        readers = [
            threading.Thread(target=_drain, args=(stream, hear), daemon=True)
            for stream, hear in (
                (self._answer, answer.extend),
                (process.stdout, errand.stdout.add),
                (process.stderr, errand.stderr.add),
            )
        ]
        for reader in readers:
            reader.start()
        try:
            for data in errand.order(directory, "/jail/bin:/usr/local/bin:/usr/bin:/bin", platform.machine()):
                if not self._send(data):
                    break
            in_time = _await(readers[0], command)
        finally:
            process.kill()
            for reader in readers:
                reader.join()
        if not answer and not in_time:
            return errand.cut_short()
        if not answer:
            raise SandboxError(f"the local sandbox ended without an answer: {errand.stderr.text()[-2000:]}")
        said = json.loads(answer.partition(b"\n")[0])
        if "unavailable" in said:
            raise SandboxUnavailable(
                f"the local sandbox cannot be used here: {said['unavailable']}. {_advice()}"
            )
        return errand.result()

    def clear(self) -> None:
        """End it, with everything in it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr, self._answer):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def _send(self, data: bytes) -> bool:
        """Whether it was taken: who has ended before has said why."""
        try:
            self._process.stdin.write(data)  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            return False
        return True


def _await(answer: threading.Thread, command: Command) -> bool:
    """Whether the answer came while it could. Raises SandboxCancelled."""
    deadline = time.monotonic() + command.limits.seconds + _GRACE_SECONDS
    while not command.cancelled():
        # Not for the process: Popen.wait sleeps between its looks.
        answer.join(_POLL_SECONDS)
        if not answer.is_alive():
            return True
        if time.monotonic() > deadline:
            return False
    raise SandboxCancelled


def _drain(stream: IO[bytes], hear: Callable[[bytes], object]) -> None:
    while data := os.read(stream.fileno(), 1 << 16):
        hear(data)


@functools.cache
def _host() -> Platform:
    """The host, as wheels are chosen for it."""
    libc = "unknown-linux-gnu" if platform.libc_ver()[0] == "glibc" else "unknown-linux-musl"
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    return Platform(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        machine=f"{platform.machine()}-{libc}",
        image=f"{system}, Linux {platform.release()}, Python {platform.python_version()}",
    )


@functools.cache
def _probe() -> None:
    """Try it once: nothing else tells whether the kernel and its security modules will let us."""
    if sys.platform != "linux":
        raise SandboxUnavailable("the local sandbox needs Linux: start Docker and use `--sandbox docker`.")
    here = Path(__file__).parent / "modules.toml"
    limits = Limits(seconds=20, disk_bytes=64 << 20)
    result = LocalSandbox().run(here, Command(("python3", "-I", "-c", "print('here')"), limits))
    if result.stdout != "here\n":
        raise SandboxUnavailable(
            f"Python does not start in the local sandbox (exit status {result.exit_code}): "
            f"{result.stderr.strip()[-500:]}. {_advice()}"
        )


def _advice() -> str:
    """What to do where namespaces are refused."""
    for setting, forbidding in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("user/max_user_namespaces", "0"),
    ):
        try:
            value = (_KERNEL_SETTINGS / setting).read_text().strip()
        except OSError:
            continue
        if value == forbidding:
            name = setting.replace("/", ".")
            allowing = {"0": "1", "1": "0"}[forbidding] if "max" not in setting else "16384"
            return (
                f"This system forbids user namespaces ({name} = {value}): allow them with "
                f"`sudo sysctl -w {name}={allowing}`, or use Docker (`sudo scripts/docker-up`)."
            )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "Inside of a container namespaces are usually refused: start it with `--privileged`, let it use "
            "Docker (`scripts/docker-up`), or run without a sandbox (`--sandbox none`)."
        )
    return "Use Docker instead (`sudo scripts/docker-up`), or run without a sandbox (`--sandbox none`)."


def _interpreter(base: Path) -> Path:
    return (base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}").resolve()


def _site_packages(base: Path) -> tuple[str, ...]:
    """Where packages of the base installation lie; a repository must not run by what happens to be there."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = {
        sysconfig.get_path(kind, vars={"base": str(base), "platbase": str(base)})
        for kind in ("purelib", "platlib")
    }
    found |= {f"{base}/lib/{version}/site-packages", "/usr/lib/python3/dist-packages"}
    found |= {f"/usr/local/lib/{version}/{kind}-packages" for kind in ("site", "dist")}
    return tuple(sorted(found))
