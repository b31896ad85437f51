"""Locks on files, for processes that share a folder: whoever dies lets go of its own."""

import fcntl
import os
from pathlib import Path

from pipeline.errors import PipelineError


def lock(descriptor: int, path: Path, *, wait: bool = False, shared: bool = False) -> bool:
    """Hold the file at `path` until it is closed; False: another process holds it.

    It is open for writing, or, to be `shared` by all who read, for reading. Raises PipelineError where the file
    system has no locks.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise PipelineError(
            f"{path} cannot be locked: {error.strerror}.",
            "Some network file systems have no locks: choose a folder on another one.",
        ) from error
    return True


def sign(descriptor: int) -> None:
    """Write into a locked file who holds it."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)


def holder(descriptor: int) -> str:
    """Who has signed."""
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
