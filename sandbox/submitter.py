"""Runs inside the sandbox: a submission's `reproduce.sh`, step by step in its own log, and what it has made.

    submitter.py REPORT SECONDS

Standard library only, from the environment, never from the submission. REPORT holds the secret from the environment,
how the script ended, the steps of its own shell, where in its output each began, and which files are new or have
another content than before.
"""

import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LOG = "reproduce.log"
_TOOLS = Path(__file__).parent
_MARK = "\x1e"
_MOST_FILES, _MOST_STEPS, _LARGEST = 2_000, 500, 64 * 2**20
_SET_DUMPABLE, _SET_SUBREAPER = 4, 36
_FOREIGN = {".git", "venv", ".venv", "__pycache__", "node_modules"}


def main(report: Path, seconds: float) -> int:
    """The script's exit status; the report is written once, at the end."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    # The script has the same user: without this it could look into this process and change it.
    prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    secret = os.environ.pop("PAPER2CODE_SECRET")
    with suppress(FileNotFoundError):
        Path(LOG).unlink()
    before = _files()
    code, timed_out = _run(seconds)
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    steps, lines = _told()
    Path(LOG).unlink(missing_ok=True)
    Path(LOG).write_text("\n".join(lines), "utf-8")
    made = [[path, about[0]] for path, about in _files().items() if before.get(path) != about and path != LOG]
    told = {
        "secret": secret,
        "exit_code": code,
        "timed_out": timed_out,
        "steps": steps,
        "made": made[:_MOST_FILES],
    }
    report.unlink(missing_ok=True)
    with report.open("x") as stream:
        json.dump(told, stream)
    return code


def _run(seconds: float) -> tuple[int, bool]:
    with Path(LOG).open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-x", "reproduce.sh"],  # noqa: S607
            env=os.environ
            | {
                "PS4": f"{_MARK} ",
                "PATH": f"{_TOOLS / 'bin'}:{os.environ['PATH']}",
                "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{_TOOLS / 'shims'}".lstrip(":"),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            return process.wait(seconds), False
        except subprocess.TimeoutExpired:
            return 124, True


def _told() -> tuple[list[list[Any]], list[str]]:
    """The steps, each with the number of the line of output that follows it; and the lines that are output."""
    steps: list[list[Any]] = []
    lines: list[str] = []
    with Path(LOG).open(encoding="utf-8", errors="replace", newline="") as stream:
        for line in stream.read().split("\n"):
            if line.startswith(_MARK):
                steps.append([line.strip(f"{_MARK} ")[:300], len(lines)])
            else:
                lines.append(line)
    return steps[-_MOST_STEPS:], lines


def _files() -> dict[str, tuple[int, str]]:
    """Path → size and what tells its content; of what is large, when it was written."""
    found: dict[str, tuple[int, str]] = {}
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(set(folders) - _FOREIGN)
        for name in sorted(names):
            file = Path(folder, name)
            with suppress(OSError):
                if file.is_symlink() or not file.is_file():
                    continue
                about = file.stat()
                small = about.st_size <= _LARGEST
                key = hashlib.sha256(file.read_bytes()).hexdigest() if small else str(about.st_mtime_ns)
                found[file.as_posix()] = (about.st_size, key)
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
