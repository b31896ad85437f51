"""Runs inside the sandbox: several commands one after the other in one room, and what each leaves behind.

    stepper.py REPORT STEPS    STEPS is JSON: [{argv, environment, seconds, aside, tail}]

Standard library only, from the environment, never from the repository. After each command everything that it started
is killed. REPORT holds, for each, how it ended, what it printed and which files lie below `results/`; and the secret
from the environment, which no command has seen.
"""

import base64
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_CONTENT = 300_000
_FILES = 2_000
_SET_DUMPABLE, _SET_SUBREAPER = 4, 36
_RESULTS, _ASIDE = Path("results"), Path(".aside")


def main(report: Path, steps: list[dict[str, Any]]) -> None:
    """Run all steps; the report is written once, at the end."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    # The commands have the same user: without this they could look into this process and change it.
    prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    secret = os.environ.pop("PAPER2CODE_SECRET")
    told = [_run(step) for step in steps]
    report.unlink(missing_ok=True)
    with report.open("x") as stream:
        json.dump({"secret": secret, "steps": told}, stream)


def _run(step: dict[str, Any]) -> dict[str, Any]:
    for pattern in step["aside"]:
        for path in sorted(Path().glob(pattern)):
            target = _ASIDE / str(time.monotonic_ns()) / path.name
            target.parent.mkdir(parents=True)
            path.rename(target)
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # noqa: S603
            step["argv"],
            env=os.environ | step["environment"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
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
        seconds = time.monotonic() - started
        said = [_tail(stream, step["tail"]) for stream in (out, err)]
    return {"exit_code": code, "seconds": seconds, "stdout": said[0], "stderr": said[1], "files": _files()}


def _tail(stream: IO[bytes], length: int) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - length))
    return stream.read().decode(errors="replace")


def _files() -> dict[str, dict[str, str]]:
    """Path → what makes it the same file, and its content where it is small."""
    found = {}
    for path in [Path("results.json"), *sorted(_RESULTS.rglob("*"))][:_FILES]:
        if path.is_symlink() or not path.is_file():
            continue
        about = path.stat()
        content = path.read_bytes() if about.st_size <= _CONTENT else b""
        found[path.as_posix()] = {
            "stamp": f"{about.st_ino} {about.st_mtime_ns} {about.st_size}",
            "content": base64.b64encode(content).decode(),
        }
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
