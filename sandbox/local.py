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
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sandbox import seccomp
from sandbox.interface import (
    OUTPUT_CAP,
    PACKAGES,
    TOOLS,
    Command,
    Platform,
    SandboxCancelled,
    SandboxError,
    SandboxUnavailable,
    files,
)
from sandbox.report import CommandResult, Limits
from sandbox.streams import HeadTail

_KERNEL_SETTINGS = Path("/proc/sys")
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 30.0
"""For building the namespaces and collecting outputs, beyond the command's own limit."""


@dataclass(frozen=True)
class Order:
    """What jail.py is told."""

    directory: str
    files: tuple[str, ...]
    argv: tuple[str, ...]
    environment: dict[str, str]
    mounts: dict[str, str]
    """Read-only, path on the host → path inside."""
    hidden: tuple[str, ...]
    """Folders inside that appear empty: what the host's Python happens to have installed."""
    python: str
    outputs: tuple[str, ...]
    output_cap: int
    limits: dict[str, float]
    filter: str
    """The seccomp filter in hexadecimal."""


class LocalSandbox:
    """Network, processes and files of its own by namespaces, limits by rlimits and a watcher; needs no root.

    Weaker than Docker: the kernel's whole surface but for a filter lies open, and memory is counted 20 times
    a second instead of being capped by a cgroup.
    """

    name = "local"

    def platform(self) -> Platform:
        """The Python that runs this. Raises SandboxUnavailable where the kernel forbids namespaces."""
        _probe()
        return _host()

    def run(self, directory: Path, command: Command) -> CommandResult:
        """See `Sandbox.run`."""
        base = Path(sys.base_prefix).resolve()
        mounts = {str(base): str(base)}
        if command.packages:
            mounts[str(command.packages.resolve())] = PACKAGES
        if command.tools:
            mounts[str(command.tools.resolve())] = TOOLS
        order = Order(
            directory=str(directory.resolve()),
            files=tuple(files(directory, command.limits)),
            argv=command.argv,
            environment=command.inside("/jail/bin:/usr/local/bin:/usr/bin:/bin"),
            mounts=mounts,
            hidden=_site_packages(base),
            python=str(_interpreter(base)),
            outputs=command.outputs,
            output_cap=OUTPUT_CAP,
            limits=asdict(command.limits),
            filter=(seccomp.program() or b"").hex(),
        )
        return _carry_out(order, command)


def _carry_out(order: Order, command: Command) -> CommandResult:
    started = time.monotonic()
    answer, theirs = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("jail.py")), str(theirs)],
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
    kept = HeadTail(command.limits.output_bytes), HeadTail(command.limits.output_bytes)
    said: list[bytes] = []
    with process, open(answer, "rb") as control:  # noqa: PTH123
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("all three are pipes")
        readers = [
            threading.Thread(target=_drain, args=(process.stdout, kept[0].add), daemon=True),
            threading.Thread(target=_drain, args=(process.stderr, kept[1].add), daemon=True),
            threading.Thread(target=_drain, args=(control, said.append), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            process.stdin.write(json.dumps(asdict(order)).encode())
            process.stdin.close()
            _await(process, command, started + command.limits.seconds + _GRACE_SECONDS)
        except BrokenPipeError:
            process.wait()
        finally:
            # Also on an interrupt: its death takes the whole process tree along.
            process.kill()
            for reader in readers:
                reader.join()
    return _result(command, b"".join(said), kept, time.monotonic() - started)


def _await(process: "subprocess.Popen[bytes]", command: Command, deadline: float) -> None:
    while not command.cancelled():
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return
        if time.monotonic() > deadline:
            raise SandboxError("the local sandbox did not answer in time and was killed")
    raise SandboxCancelled


def _result(
    command: Command, answer: bytes, kept: tuple[HeadTail, HeadTail], seconds: float
) -> CommandResult:
    line, _, rest = answer.partition(b"\n")
    if not line:
        raise SandboxError(f"the local sandbox ended without an answer: {kept[1].text()[-2000:]}")
    said = json.loads(line)
    if "error" in said:
        raise SandboxUnavailable(f"the local sandbox cannot be used here: {said['error']}. {_advice()}")
    outputs = {}
    for name, size in said["outputs"]:
        outputs[name], rest = rest[:size], rest[size:]
    return CommandResult(
        argv=command.argv,
        exit_code=said["exit_code"],
        seconds=said.get("seconds", seconds),
        stdout=kept[0].text(),
        stderr=kept[1].text(),
        timed_out=said["timed_out"],
        oom=said["oom"],
        outputs=outputs,
    )


def _drain(stream: IO[bytes], keep: object) -> None:
    while data := os.read(stream.fileno(), 1 << 16):
        keep(data)  # type: ignore[operator]


@functools.cache
def _host() -> Platform:
    """The host, as wheels are chosen for it."""
    machine = platform.machine()
    libc = "unknown-linux-gnu" if platform.libc_ver()[0] == "glibc" else "unknown-linux-musl"
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    return Platform(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        machine=f"{machine}-{libc}",
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
