"""Runs inside the sandbox: several commands one after the other in one room, and what each leaves behind.

    stepper.py STEPS    STEPS is JSON: [{argv, environment, seconds, aside, tail}]

Standard library only, from the environment, never from the repository. After each command everything that it started
is killed, and a line of JSON is printed: how it ended, what it printed and which files lie below `results/`. No command
reaches this standard output, and what one does to its folder is no trouble here. One that ends this process leaves the
lines of those before it.
"""

import base64
import ctypes
import glob
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

_CONTENT, _CONTENTS = 300_000, 10_000_000
"""Bytes of a file that is brought back, and of all of them."""
_READ = (".json", ".md", ".csv", ".png")
_FILES, _NAMES, _DEPTH = 2_000, 200_000, 20
"""Files that are told of, bytes of their names together, and how many folders lie in each other."""
_SET_DUMPABLE, _SET_SUBREAPER = 4, 36
_RESULTS = Path("results")


def main(steps: list[dict[str, Any]]) -> None:
    """Run all steps."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    # The commands have the same user: without this they could look into this process, change it and write in its name.
    prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    told: list[dict[str, Any]] = []
    for step in steps:
        told.append(_run(step) | {"files": _files(told)})
        sys.stdout.write(json.dumps(told[-1]) + "\n")
        sys.stdout.flush()


def _run(step: dict[str, Any]) -> dict[str, Any]:
    try:
        _move_away(step["aside"])
    except OSError as error:
        why = f"`{error.filename}` could not be moved away before this command: {error.strerror}.\n"
        return _told(1, 0.0, b"", why.encode(errors="replace"))
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603
        step["argv"],
        env=os.environ | step["environment"],
        stdin=subprocess.DEVNULL,
        # Not into files: an earlier command may have filled the disk.
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    said = bytearray(), bytearray()
    readers = [
        Thread(target=_keep, args=(stream, step["tail"], kept))
        for stream, kept in zip((process.stdout, process.stderr), said, strict=True)
    ]
    for reader in readers:
        reader.start()
    try:
        code = process.wait(step["seconds"])
    except subprocess.TimeoutExpired:
        code = None
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    process.wait()
    with suppress(ChildProcessError):
        while True:
            os.wait()
    for reader in readers:
        reader.join()
    Path.cwd().chmod(0o755)  # whatever the command made of it
    return _told(code, time.monotonic() - started, *said)


def _move_away(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in map(Path, sorted(glob.glob(pattern))):  # noqa: PTH207 (finds a link that leads nowhere, too)
            _allow(path.parent, stat.S_IRWXU)
            path.rename(f".aside-{time.monotonic_ns()}")


def _keep(stream: IO[bytes], length: int, kept: bytearray) -> None:
    """The end of what comes."""
    with stream:
        while data := os.read(stream.fileno(), 1 << 16):
            kept += data
            del kept[: max(0, len(kept) - length)]


def _told(code: int | None, seconds: float, *said: bytes | bytearray) -> dict[str, Any]:
    stdout, stderr = (base64.b64encode(each).decode() for each in said)
    return {"exit_code": code, "seconds": seconds, "stdout": stdout, "stderr": stderr}


def _files(told: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Path → what makes it the same file, and its content where it is read, small, and not told by an earlier step."""
    before = {(path, about["stamp"]) for step in told for path, about in step["files"].items()}
    left = _CONTENTS - sum(len(about["content"]) for step in told for about in step["files"].values())
    names = _NAMES
    found: dict[str, dict[str, str]] = {}
    for path in _found():
        with suppress(OSError):
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                continue
            names -= len(os.fsencode(path))
            if names < 0 or len(found) == _FILES:
                break
            stamp = f"{about.st_ino} {about.st_mtime_ns} {about.st_size}"
            content = ""
            small = about.st_size <= _CONTENT and about.st_size * 4 // 3 < left
            if path.suffix in _READ and small and (path.as_posix(), stamp) not in before:
                _allow(path, stat.S_IRUSR)
                content = base64.b64encode(path.read_bytes()).decode()
            left -= len(content)
            found[path.as_posix()] = {"stamp": stamp, "content": content}
    return found


def _found() -> Iterator[Path]:
    """What may be a file, folder by folder; the folders may be looked into afterwards."""
    yield Path("results.json")
    _allow(_RESULTS, stat.S_IRUSR | stat.S_IXUSR)
    for folder, folders, names in os.walk(_RESULTS):
        folders[:] = sorted(folders) if folder.count("/") < _DEPTH else []
        for name in folders:
            _allow(Path(folder, name), stat.S_IRUSR | stat.S_IXUSR)
        yield from (Path(folder, name) for name in sorted(names))


def _allow(path: Path, rights: int) -> None:
    """Give ourselves rights that a command has taken away."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & rights != rights:
            path.chmod(stat.S_IMODE(mode) | rights)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
