"""Resolves requirements and unpacks wheels with uv, outside, so that no sandbox needs a network.

Only wheels: no code of a package runs when it is resolved, fetched or unpacked. What to ask for is decided in
`requirements.py`, what concerns builds of torch in `cpu_builds.py`.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from sandbox import cpu_builds
from sandbox.files import write_whole
from sandbox.interface import InstallationFailed, Platform
from sandbox.uv import run, run_uv

COOLDOWN = timedelta(days=90)
"""How long a package that nobody has vetted must have been public: squatters are mostly found sooner."""

_FOR_SERVERS = {
    "opencv-contrib-python": "opencv-contrib-python-headless",
    "opencv-python": "opencv-python-headless",
}


@dataclass(frozen=True)
class Lock:
    """Resolved requirements."""

    text: str
    """As uv writes it: pins with hashes."""
    notes: tuple[str, ...] = ()

    @property
    def pins(self) -> tuple[str, ...]:
        """`name==version`, sorted."""
        return tuple(sorted(re.findall(r"^([^\s#]+==[^\s;\\]+)", self.text, re.M)))


class Unmeetable(Exception):
    """The requirements contradict each other or the platform; the message is uv's explanation."""

    @property
    def source_only(self) -> tuple[str, ...]:
        """Packages that would have to be built, which would run their code: no wheel of them fits."""
        return tuple(sorted(set(re.findall(r"^hint: Wheels are required for `([^`]+)`", str(self), re.M))))


def resolve(
    requirements: Collection[str],
    platform: Platform,
    cache: Path,
    *,
    before: date | None = None,
    unknown: Collection[str] = (),
    torch: str = "cpu",
    cancelled: Callable[[], bool] = lambda: False,
) -> Lock:
    """Pin `requirements` for `platform` as of the day `before`, or the nearest later one that resolves.

    `unknown` names packages that must have been public for COOLDOWN. The same question is answered from
    `cache` for the rest of the day. Raises Unmeetable, InstallationFailed and, soon after `cancelled`,
    SandboxCancelled.
    """
    if not requirements:
        return Lock("")
    today = datetime.now(UTC).date()
    local_torch = cpu_builds.in_wheel_folders(platform) if torch == "cpu" else ()
    question = [
        sorted(requirements),
        sorted(unknown),
        platform.python,
        platform.machine,
        str(before),
        torch,
        local_torch,
        str(today),
    ]
    answer = cache / "locks" / f"{digest(json.dumps(question))}.json"
    if answer.is_file():
        stored = json.loads(answer.read_text("utf-8"))
        return Lock(stored["text"], tuple(stored["notes"]))

    lock = None
    for constraint in local_torch or ("",):
        ask = partial(_compile, requirements, platform, cache, unknown, torch, constraint, cancelled)
        try:
            lock = _headless(ask, before, today)
            break
        except Unmeetable as error:
            failed = error
    if lock is None:
        raise _with_torch(failed, local_torch)
    if torch == "cpu" and (cuda := [pin for pin in lock.pins if pin.startswith(("nvidia-", "cuda-"))]):
        raise Unmeetable(
            f"the only build of torch that was found needs {len(cuda)} packages for graphics cards (several GB), "
            "and the sandbox has none: offer a CPU build in pip's find-links, or leave the torch backend at its "
            "default."
        )
    lock = replace(
        lock, notes=lock.notes + tuple(map(cpu_builds.note, cpu_builds.for_cuda(lock.pins, platform)))
    )
    write_whole(answer, json.dumps(asdict(lock)))
    return lock


def _with_torch(error: Unmeetable, local_torch: tuple[str, ...]) -> Unmeetable:
    """The explanation, and which builds of torch there are if it is about torch."""
    if not local_torch or "torch" not in str(error):
        return error
    builds = ", ".join(each.removeprefix("torch==") for each in local_torch)
    return Unmeetable(
        f"{error}\nCPU builds here: {builds} (from the wheel folders in pip's or uv's settings)."
    )


def install(
    lock: Lock, platform: Platform, cache: Path, cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """A folder with the packages of `lock`, unpacked and byte-compiled for `platform`; made once.

    Safe to call from several processes and to kill: the folder appears whole, by renaming. Raises
    InstallationFailed and, soon after `cancelled`, SandboxCancelled.
    """
    for_cuda = cpu_builds.for_cuda(lock.pins, platform)
    key = [lock.text, platform.python, platform.machine, *for_cuda]
    target = cache / "deps" / digest(json.dumps(key))
    with made_once(target) as folder:
        if folder and lock.pins:
            done = run_uv(
                cache,
                [
                    *("pip", "install", "--target", folder, "--requirements", "-", "--require-hashes"),
                    *("--no-deps", "--only-binary", ":all:", "--python", sys.executable),
                    *("--python-version", platform.python, "--python-platform", platform.machine),
                ],
                lock.text,
                cancelled,
            )
            if done.returncode:
                raise InstallationFailed(f"uv could not install the packages: {explanation(done)}")
            for name in for_cuda:
                cpu_builds.without_operators(folder / name)
            _compile_bytecode(folder, platform, cancelled)
    return target


def _compile_bytecode(folder: Path, platform: Platform, cancelled: Callable[[], bool]) -> None:
    """Compile once what every run would otherwise compile, since it cannot write there.

    Not the packages' own tests, which nobody imports: they are a third of the files, and compiling is most
    of the time of an installation. So uv's --compile-bytecode will not do.
    """
    # Byte code of another minor version would only be in the way.
    if platform.python == f"{sys.version_info.major}.{sys.version_info.minor}":
        compiler = [
            sys.executable,
            "-I",
            "-m",
            "compileall",
            "-qq",
            "-j",
            "0",
            "-x",
            r"/tests?/",
            str(folder),
        ]
        # A file that cannot be compiled is the business of whoever imports it.
        run(compiler, {}, "", cancelled)


@contextmanager
def made_once(target: Path) -> Iterator[Path | None]:
    """A folder to fill that becomes `target` when the block ends well; None if `target` is there already.

    Nobody ever sees it half full: not after a kill, not from another process. Raises InstallationFailed.
    """
    if target.is_dir():
        with suppress(OSError):
            os.utime(target)  # whoever removes what is not used goes by that
        yield None
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target: a rename is atomic only within one file system.
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        folder = temporary / "folder"
        folder.mkdir()
        folder.chmod(0o755)
        try:
            yield folder
            try:
                folder.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise InstallationFailed(f"{target} could not be written: {error}") from error


def _headless(
    compiled: Callable[[date | None, Mapping[str, str]], str], before: date | None, today: date
) -> Lock:
    """The lock, with the build for servers wherever a dependency asks for a package that needs a display."""
    lock = _dated(lambda day: compiled(day, {}), before, today)
    names = {pin.partition("==")[0] for pin in lock.pins}
    instead = {name: server for name, server in _FOR_SERVERS.items() if name in names}
    if not instead:
        return lock
    lock = _dated(lambda day: compiled(day, instead), before, today)
    return replace(
        lock,
        notes=lock.notes
        + tuple(
            f"`{server}` was installed where a dependency asks for `{name}`: the sandbox has no display and "
            "not its libraries (libGL)."
            for name, server in instead.items()
        ),
    )


def _dated(compiled: Callable[[date | None], str], before: date | None, today: date) -> Lock:
    """The lock of the first day from `before` on that resolves, to about a month, or of today."""
    if before is None or before >= today:
        return Lock(compiled(None))
    try:
        return Lock(compiled(before))
    except Unmeetable:
        newest = compiled(None)
    failing, working, text = before, today, None
    while working - failing > timedelta(days=30):
        middle = failing + (working - failing) / 2
        try:
            text, working = compiled(middle), middle
        except Unmeetable:
            failing = middle
    if text is None:
        return Lock(
            newest, (f"Packages do not resolve as of {before}, the date asked for: today's were taken.",)
        )
    return Lock(
        text, (f"Packages do not resolve as of {before}, the date asked for: those of {working} were taken.",)
    )


def _compile(
    requirements: Collection[str],
    platform: Platform,
    cache: Path,
    unknown: Collection[str],
    torch: str,
    constraint: str,
    cancelled: Callable[[], bool],
    day: date | None,
    instead: Mapping[str, str],
) -> str:
    """The text of a lock, with other packages `instead` of some. Raises Unmeetable and InstallationFailed."""
    arguments: list[str | Path] = ["pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
    arguments += ["--generate-hashes", "--only-binary", ":all:", "--python", sys.executable]
    arguments += ["--python-version", platform.python, "--python-platform", platform.machine]
    if day:
        # The day itself is meant to count; uv reads a date as the end of it.
        arguments += ["--exclude-newer", day.isoformat()]
    cooled = datetime.now(UTC).date() - COOLDOWN
    for name in unknown:
        arguments += ["--exclude-newer-package", f"{name}={min(day or cooled, cooled)}"]
    with tempfile.TemporaryDirectory() as folder:
        if constraint:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text(constraint, "utf-8")
            arguments += ["--constraints", constraints]
        else:
            arguments += ["--torch-backend", torch]
        if instead:
            overrides = Path(folder) / "overrides.txt"
            overrides.write_text("".join(f"{name}; python_version < '3'\n" for name in instead), "utf-8")
            arguments += ["--overrides", overrides]
        done = run_uv(cache, arguments, "\n".join(sorted({*requirements, *instead.values()})), cancelled)
    if not done.returncode:
        return done.stdout
    if "No solution found" in done.stderr or "parse requirement" in done.stderr:
        raise Unmeetable(explanation(done))
    raise InstallationFailed(f"uv could not resolve the packages: {explanation(done)}")


def explanation(done: subprocess.CompletedProcess[str]) -> str:
    """What uv said, without its warnings and without passwords in addresses."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning:")]
    return re.sub(r"://[^/\s@]+@", "://***@", "\n".join(lines)).strip().removeprefix("error: ")


def digest(text: str) -> str:
    """What names a question in the cache."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
