"""Runs inside the sandbox, beside the repository's code: starts a command, and says which lines it executed.

    runner.py REPORT SECONDS COMMAND…  run COMMAND; afterwards REPORT holds what was executed, line by line, and
                                       the secret from the environment, which COMMAND has not seen
    runner.py --import JOURNAL FILE…   import files one by one, noting in JOURNAL how each went

Standard library and coverage.py only, from the environment, never from the repository. Every Python process
below is measured: `start/sitecustomize.py` beside this file starts coverage.py in it. When most of the
SECONDS that it may take are over, it says where it is.
"""

import ctypes
import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_TOOLS = Path(__file__).parent
_SET_DUMPABLE, _SET_SUBREAPER = 4, 36
_RESULTS = "results.json"


def run(report: Path, seconds: float, command: list[str]) -> int:
    """Run a command to its end and its children's; its exit status as a shell reports it."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    # The program has the same user: without this it could look into this process and change it.
    prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    # Who interrupts this process ends it, as by any other signal: a traceback of ours would be taken for the program's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    secret = os.environ.pop("PAPER2CODE_SECRET")
    for place in (report, Path(_RESULTS)):
        _clear(place)
    data = Path(tempfile.mkdtemp(prefix="lines-"))
    environment = os.environ | {
        "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{_TOOLS / 'start'}".lstrip(":"),
        "COVERAGE_PROCESS_START": str(_TOOLS / "start" / "coveragerc"),
        "PAPER2CODE_LINES": str(data / "lines"),
        "PAPER2CODE_STACKS": str(0.8 * seconds),
    }
    try:
        code = subprocess.Popen(command, env=environment).wait()  # noqa: S603
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    # Nobody else may write from here on: not the report, not results.json.
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    # The program may have filled the disk, closed the folder or put there what is too deep to be removed; how it
    # ended is what counts then.
    with suppress(OSError, RecursionError):
        Path.cwd().chmod(0o755)
        _clear(report)
        with report.open("x") as stream:
            json.dump({"secret": secret, "lines": _lines(data)}, stream)
    return code if code >= 0 else 128 - code


def _lines(data: Path) -> dict[str, list[int]]:
    """Executed lines by path, from all processes."""
    sys.path.insert(0, str(_TOOLS))
    from coverage import Coverage, CoverageException

    measured = Coverage(data_file=str(data / "all"), config_file=False, messages=False)
    # A process that was killed leaves an empty file; that is no news to whoever reads the program's output.
    warnings.simplefilter("ignore")
    with suppress(CoverageException):
        measured.combine([str(path) for path in data.glob("lines*")])
    found = measured.get_data()
    return {file: sorted(found.lines(file) or ()) for file in found.measured_files()}


def _clear(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def import_all(journal: Path, files: list[str]) -> int:
    """Import every file as the module that it is; 1 if any of them fails."""
    failed = False
    here = Path.cwd()
    sys.path[0] = str(here)
    if (here / "src").is_dir() and not (here / "src" / "__init__.py").exists():
        sys.path.insert(1, str(here / "src"))
    # Open all the time: a module may close the folder, leave it, or put something in the journal's place.
    notes = journal.open("a")
    for file in files:
        sys.argv = [file]
        _note(notes, "begin", file)
        before = list(sys.path)
        try:
            if not (here / file).with_name("__init__.py").exists():
                sys.path.append(str((here / file).parent))
            _import(file)
        except BaseException as error:
            failed = True
            _print_traceback(error)
            _note(notes, "failed", file)
            if isinstance(error, KeyboardInterrupt):
                break
        else:
            _note(notes, "done", file)
        sys.path[:] = before
        with suppress(OSError):
            here.chmod(0o755)
            os.chdir(here)
    sys.stdout.flush()
    return int(failed)


def _import(file: str) -> None:
    parts = file.removesuffix(".py").split("/")
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    if all(part.isidentifier() for part in parts):
        if parts[0] == "src" and not Path("src/__init__.py").exists() and len(parts) > 1:
            parts.pop(0)
        importlib.import_module(".".join(parts))
        return
    specification = importlib.util.spec_from_file_location("_".join(parts), file)
    if specification and specification.loader:
        specification.loader.exec_module(importlib.util.module_from_spec(specification))


def _print_traceback(error: BaseException) -> None:
    """Without our own frames and the import system's."""
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename in (__file__, importlib.__file__):
        frame = frame.tb_next
    while frame and frame.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.tb_next
    traceback.print_exception(type(error), error, frame)


def _note(notes: TextIO, what: str, file: str) -> None:
    # A module may have closed what is not its own; what is missing here is told as its failure.
    with suppress(OSError, ValueError):
        notes.write(f"{what} {file}\n")
        notes.flush()


if __name__ == "__main__":
    if sys.argv[1] == "--import":
        sys.exit(import_all(Path(sys.argv[2]), sys.argv[3:]))
    sys.exit(run(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
