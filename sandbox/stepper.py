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

_CONTENT, _CONTENTS = 300_000, 10_000_000
"""Bytes of a file that is brought back, and of all of them."""
_READ = (".json", ".md", ".csv", ".png")
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
    told: list[dict[str, Any]] = []
    for step in steps:
        told.append(_run(step) | {"files": _files(told)})
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
    return {"exit_code": code, "seconds": seconds, "stdout": said[0], "stderr": said[1]}


def _tail(stream: IO[bytes], length: int) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - length))
    return stream.read().decode(errors="replace")


def _files(told: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Path → what makes it the same file, and its content where it is read, small, and not told by an earlier step."""
    before = {(path, about["stamp"]) for step in told for path, about in step["files"].items()}
    left = _CONTENTS - sum(len(about["content"]) for step in told for about in step["files"].values())
    found = {}
    for path in [Path("results.json"), *sorted(_RESULTS.rglob("*"))][:_FILES]:
        if path.is_symlink() or not path.is_file():
            continue
        about = path.stat()
        stamp = f"{about.st_ino} {about.st_mtime_ns} {about.st_size}"
        wanted = path.suffix in _READ and about.st_size <= _CONTENT and (path.as_posix(), stamp) not in before
        content = (
            base64.b64encode(path.read_bytes()).decode() if wanted and about.st_size * 4 // 3 < left else ""
        )
        left -= len(content)
        found[path.as_posix()] = {"stamp": stamp, "content": content}
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
