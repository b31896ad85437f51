"""Runs inside the sandbox: a submission's `reproduce.sh`, step by step in its own log, and what it has made.

    submitter.py SECONDS

Standard library only, from the environment, never from the submission. Prints as JSON how the script ended, the end of
its log, in which each line with a mark begins a step of its own shell, and which files are new or have another content
than before. The script does not reach this standard output, and what it does to its folder is no trouble here.
"""

import base64
import ctypes
import hashlib
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

LOG, MARK = "reproduce.log", "\x1e"
_TOOLS = Path(__file__).parent
_LOGGED = 8 * 2**20
"""Bytes of a log that are told."""
_MOST_FILES, _NAMES, _DEPTH, _LARGEST = 2_000, 200_000, 50, 64 * 2**20
"""Files that are told of, bytes of their names together, how many folders lie in each other, and bytes of a file."""
_SET_DUMPABLE, _SET_SUBREAPER = 4, 36
_FOREIGN = {".git", "venv", ".venv", "__pycache__", "node_modules"}


def main(seconds: float) -> int:
    """The script's exit status, as a shell reports it."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    # The script has the same user: without this it could look into this process, change it and write in its name.
    prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    # Who interrupts this process ends it, as by any other signal: a traceback of ours would be taken for the script's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if Path(LOG).is_dir():
        shutil.rmtree(LOG)
    with suppress(FileNotFoundError):
        Path(LOG).unlink()
    before = _files()
    # It stays open: the script may put something else in its place.
    with Path(LOG).open("w+b") as log:
        code, timed_out = _run(seconds, log)
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.wait()
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LOGGED))
        said = log.read(_LOGGED)
    Path.cwd().chmod(0o755)  # whatever the script made of it
    made = [(path, size) for path, (size, key) in _files().items() if before.get(path) != (size, key)]
    names = itertools.accumulate(len(os.fsencode(path)) for path, _ in made)
    told = {
        "exit_code": code,
        "timed_out": timed_out,
        "log": base64.b64encode(said).decode(),
        "made": [each for each, length in zip(made[:_MOST_FILES], names, strict=False) if length <= _NAMES],
        "count": len(made),
    }
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()
    return code if code >= 0 else 128 - code


def _run(seconds: float, log: IO[bytes]) -> tuple[int, bool]:
    process = subprocess.Popen(
        ["bash", "-x", "reproduce.sh"],  # noqa: S607
        env=os.environ
        | {
            "PS4": f"{MARK} ",
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


def _files() -> dict[str, tuple[int, str]]:
    """Path → size and what tells its content; of what is large, when it was written."""
    found: dict[str, tuple[int, str]] = {}
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(set(folders) - _FOREIGN) if folder.count("/") < _DEPTH else []
        for name in folders:
            _allow(Path(folder, name), stat.S_IRUSR | stat.S_IXUSR)
        for name in sorted(names):
            file = Path(folder, name)
            with suppress(OSError):
                about = file.lstat()
                if file == Path(LOG) or not stat.S_ISREG(about.st_mode):
                    continue
                _allow(file, stat.S_IRUSR)
                small = about.st_size <= _LARGEST
                key = hashlib.sha256(file.read_bytes()).hexdigest() if small else str(about.st_mtime_ns)
                found[file.as_posix()] = (about.st_size, key)
    return found


def _allow(path: Path, rights: int) -> None:
    """Give ourselves rights that the script has taken away."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & rights != rights:
            path.chmod(stat.S_IMODE(mode) | rights)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
