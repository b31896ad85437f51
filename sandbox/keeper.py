"""Process 1 inside a sandbox: takes a repository's files, runs one command, answers when nobody else is alive.

Docker is given this text for `python3 -I -S -c`; `jail.py` imports it. Standard library only, and little of
it: every command waits for it. The other side of the conversation is `errand.py`.

    standard input    a line of JSON, the order; then the files' bytes; its end before ours means: give up
    the answer        a line of JSON; then the outputs' bytes
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import stat
import struct
import time

TYPE_CHECKING = False  # As type checkers know it: importing `typing` takes a sixth of our time.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

USER = 65534
WORK = "/work"
CHECK_SECONDS = 0.05
_SET_DUMPABLE, _SET_SECCOMP, _NO_NEW_PRIVILEGES = 4, 22, 38
_MOST_LOCKS = 10_000
"""Of processes, on parts of files: the kernel's memory for them is in nobody's count."""
_OOM_COUNTERS = "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"

_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The sandbox could not be built; the message says at which step."""


def checked(result: int, step: str) -> None:
    """Raise Failed for a system call's -1."""
    if result < 0:
        number = ctypes.get_errno()
        raise Failed(f"{step}: {os.strerror(number)} ({errno.errorcode.get(number, number)})")


def keep(
    source: BinaryIO,
    answer: BinaryIO,
    confine: Callable[[], object] = lambda: None,
    exceeded: Callable[[], bool] | None = None,
) -> None:
    """Carry out one order.

    `confine` is called in the process that becomes the command; `exceeded` tells 20 times a second whether
    too much memory is in use (default: whether the kernel had to kill for it).
    """
    # The command may be the same user: it must neither look into this process nor reach it by a signal.
    checked(_libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0), "not be looked into")
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    line = source.readline()
    if not line:
        return
    order = json.loads(line)
    try:
        _unpack(order["files"], source)
        killed = _oom_kills()
        command = _start(order, confine)
        said = _watch(command, order["seconds"], exceeded or (lambda: _oom_kills() > killed))
        outputs = _collect(order)
        said["outputs"] = [(name, len(content)) for name, content in outputs]
    except (Failed, OSError) as error:
        said, outputs = {"error": str(error)}, []
    # The command may have shared this description, and have made it non-blocking.
    fcntl.fcntl(answer.fileno(), fcntl.F_SETFL, 0)
    answer.write(order["token"].encode() + json.dumps(said).encode() + b"\n")
    for _, content in outputs:
        answer.write(content)
    answer.flush()


def _unpack(files: list[tuple[str, int, int]], source: BinaryIO) -> None:
    """Write the repository's files, (path, mode, size) each, into the working directory."""
    made = {""}
    for path, mode, size in files:
        folder = path.rpartition("/")[0]
        if folder not in made:
            made.add(folder)
            os.makedirs(f"{WORK}/{folder}", exist_ok=True)
        with open(f"{WORK}/{path}", "wb") as target:
            left = size
            while left:
                data = source.read(min(left, 1 << 20))
                if not data:
                    raise Failed("the files ended too early")
                target.write(data)
                left -= len(data)
            os.fchmod(target.fileno(), mode)
    if os.geteuid() != USER:
        for folder, _, names in os.walk(WORK):
            for path in (folder, *(f"{folder}/{name}" for name in names)):
                os.chown(path, USER, USER)


def _start(order: dict[str, Any], confine: Callable[[], object]) -> int:
    """The command's process id; returns when it has been started or could not be."""
    said, say = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            null = os.open("/dev/null", os.O_RDONLY)
            os.dup2(null, 0)
            os.closerange(3, say)
            os.closerange(say + 1, 4096)
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.chdir(WORK)
            confine()
            _filter(bytes.fromhex(order["filter"]))
            _become(order["argv"], order["environment"])
        except BaseException as error:
            os.write(say, (str(error) or repr(error)).encode())
        os._exit(126)
    os.close(say)
    trouble = os.read(said, 4096)
    os.close(said)
    if trouble:
        raise Failed(trouble.decode(errors="replace"))
    # Nobody but the command holds its output open, so that the host sees its end.
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    return child


def _filter(code: bytes) -> None:
    """Put this process under a seccomp filter (`seccomp.py`), if this machine has one."""
    checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    if code:
        buffer = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
        checked(_libc.prctl(_SET_SECCOMP, 2, header, 0, 0), "seccomp filter")


def _become(argv: list[str], environment: dict[str, str]) -> None:
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606
    except OSError as error:
        # The program's affair, said as a shell would say it.
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _oom_kills() -> int:
    """How often the kernel has killed in this sandbox because its memory limit was reached."""
    for path in _OOM_COUNTERS:
        try:
            with open(path) as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
        except OSError:
            continue
    return 0


def _watch(command: int, seconds: float, exceeded: Callable[[], bool]) -> dict[str, Any]:
    """Wait until the command ends or breaks a limit; afterwards process 1 is alone."""
    started = time.monotonic()
    answer: dict[str, Any] = {"exit_code": None, "timed_out": False, "oom": False}
    while answer["exit_code"] is None:
        left = started + seconds - time.monotonic()
        signal.sigtimedwait({signal.SIGCHLD}, max(0.0, min(CHECK_SECONDS, left)))
        answer["exit_code"] = _reap(command)
        answer["oom"] = exceeded() or _too_many_locks()
        if answer["exit_code"] is None:
            answer["timed_out"] = not answer["oom"] and time.monotonic() - started >= seconds
            if answer["oom"] or answer["timed_out"]:
                break
            if select.select([0], [], [], 0)[0]:
                os._exit(1)  # Nobody waits for the answer any more.
    answer["seconds"] = time.monotonic() - started
    while True:
        # -1 is everybody but process 1; again, because a fork may have been under way.
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return answer


def _too_many_locks() -> bool:
    with contextlib.suppress(OSError), open("/proc/locks", "rb") as listed:
        # Others than these outlive their process, or have none: they are seen from elsewhere, and may be anybody's.
        ours = (lock for lock in listed if b" POSIX " in lock)
        # Not all are read: the list may grow faster than that.
        return any(number >= _MOST_LOCKS for number, _ in enumerate(ours))
    return False


def _reap(command: int) -> int | None:
    """Collect the dead, orphans too; the command's exit status as a shell reports it, if it has ended."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if not pid:
                break
            if pid == command:
                # Nobody lets a stopped one go on: that signal has ended it.
                stopped = os.WIFSTOPPED(status)
                code = -os.WSTOPSIG(status) if stopped else os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else 128 - code
    return found


def _collect(order: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The outputs that are regular files of a bearable size; symbolic links are followed nowhere."""
    found = []
    with contextlib.suppress(OSError):
        os.chmod(WORK, 0o755)  # noqa: S103 (whatever the command made of it)
    for relative in order["outputs"]:
        folder = -1
        try:
            folder = os.open(WORK, os.O_RDONLY | os.O_DIRECTORY)
            *parents, name = relative.split("/")
            for parent in parents:
                inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with open(file, "rb") as stream:
                about = os.fstat(file)
                if stat.S_ISREG(about.st_mode) and about.st_size <= order["output_cap"]:
                    found.append((relative, stream.read(order["output_cap"])))
        except OSError:
            continue
        finally:
            if folder >= 0:
                os.close(folder)
    return found


def main() -> None:
    """As a container's process 1: the answer follows the command's own output, on standard output."""
    with open(0, "rb") as source, open(os.dup(1), "wb") as answer:
        keep(source, answer)


if __name__ == "__main__":
    main()
