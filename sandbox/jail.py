"""The inner side of `local.py`: builds the namespaces, runs one command in them, and answers.

Runs as a program of its own (`python -I -S jail.py FD`), so it has the standard library only and one thread.
The order is on standard input as JSON (`Order` in local.py), the answer goes to FD: a line of JSON, then the
outputs' bytes. Standard output and error belong to the command alone.

    launcher                sees the host; new namespaces, tmpfs and read-only mounts
    └── keeper (process 1)  sees only the new root; limits, kills, collects outputs when nobody else is alive
        └── the command     user 65534, no capabilities, no new privileges, seccomp filter
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import stat
import struct
import sys
import time
from pathlib import Path
from typing import Any

_NEW_MOUNTS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USERS, _NEW_PIDS, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_NAMESPACES = _NEW_USERS | _NEW_MOUNTS | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK
_NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _SLAVE = 2, 4, 8, 0x1000, 0x4000, 0x80000
_DETACH = 2
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUNDING, _SET_SECCOMP, _NO_NEW_PRIVILEGES = 1, 4, 24, 22, 38
_USER = 65534
_CHECK_SECONDS = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The jail could not be built; the message says at which step."""


def _checked(result: int, step: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise Failed(f"{step}: {os.strerror(number)} ({errno.errorcode.get(number, number)})")


def _prctl(option: int, argument: int | bytes, step: str) -> None:
    _checked(_libc.prctl(option, argument, 0, 0, 0), step)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    result = _libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), flags, data.encode() or None
    )
    _checked(result, f"mount {kind or source} on {target}")


def _read_only(target: str, *, recursive: bool = True) -> None:
    """Everything mounted below as well: an ordinary remount would leave that writable."""
    attributes = struct.pack("=QQQQ", 1 | _NOSUID | _NODEV, 0, 0, 0)
    flags = 0x8000 if recursive else 0
    _checked(
        _libc.syscall(_MOUNT_SETATTR, -100, target.encode(), flags, attributes, len(attributes)),
        f"make {target} read-only (needs Linux 5.12)",
    )


def _bind(source: str, target: str) -> None:
    place = Path(target)
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(source, target, None, _BIND | _RECURSIVE)
    _read_only(target)


def _tmpfs(target: str, size: int, *, flags: int = _NOSUID | _NODEV, mode: str = "755") -> None:
    Path(target).mkdir(parents=True, exist_ok=True)
    # About 16 KiB a file: enough for any program, too little to fill the kernel's memory with empty files.
    data = f"size={size},nr_inodes={max(1024, size >> 14)},mode={mode},uid={_USER},gid={_USER}"
    _mount("tmpfs", target, "tmpfs", flags, data)


def _pivot(new: str, old: str) -> None:
    _checked(_libc.syscall(_PIVOT_ROOT[os.uname().machine], new.encode(), old.encode()), "pivot_root")


def _own_namespaces() -> None:
    """Leave the host's namespaces; user 65534 inside is nobody outside, or the user who started us."""
    root = os.geteuid() == 0
    if root:
        os.setgroups([])
        # A user of its own for each run, where the host has that many: limits are counted by user.
        whole = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
        outside = 2**30 + int.from_bytes(os.urandom(3)) if whole else _USER
        users = groups = f"0 0 1\n{_USER} {outside} 1\n"
    else:
        users, groups = f"{_USER} {os.geteuid()} 1\n", f"{_USER} {os.getegid()} 1\n"
    launcher = os.getpid()
    ready, go = os.pipe()
    mapper = os.fork()
    if not mapper:  # Only somebody outside may write root's map.
        os.close(go)
        os.read(ready, 1)
        try:
            if not root:
                Path(f"/proc/{launcher}/setgroups").write_text("deny")
            Path(f"/proc/{launcher}/gid_map").write_text(groups)
            Path(f"/proc/{launcher}/uid_map").write_text(users)
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    os.close(ready)
    unshared = _libc.unshare(_NAMESPACES)
    number = ctypes.get_errno()
    os.close(go)
    status = os.waitstatus_to_exitcode(os.waitpid(mapper, 0)[1])
    if unshared < 0:
        raise Failed(f"new namespaces: {os.strerror(number)} ({errno.errorcode.get(number, number)})")
    if status:
        raise Failed(f"map users: {os.strerror(status)} ({errno.errorcode.get(status, status)})")


def _build(order: dict[str, Any]) -> None:
    """The new root at /new: the system read-only, the rest empty. Afterwards the host's root is at /old."""
    _mount("none", "/", None, _SLAVE | _RECURSIVE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")  # noqa: S108
    for name in ("new", "old"):
        (Path("/tmp") / name).mkdir()  # noqa: S108
    _pivot("/tmp", "/tmp/old")  # noqa: S108
    os.chdir("/")
    _tmpfs("/new", 4 << 20)
    _build_system(order)
    _build_devices()
    _build_writable(order)
    Path("/new/proc").mkdir()


def _build_system(order: dict[str, Any]) -> None:
    """Programs, libraries and packages, read-only."""
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        source = Path("/old") / name
        if source.is_symlink():
            (Path("/new") / name).symlink_to(source.readlink())
        elif source.is_dir():
            _bind(str(source), f"/new/{name}")
    for name in ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"):
        if Path(f"/old/etc/{name}").exists():
            _bind(f"/old/etc/{name}", f"/new/etc/{name}")
    Path("/new/etc").mkdir(exist_ok=True)
    Path("/new/etc/passwd").write_text(f"sandbox:x:{_USER}:{_USER}::/tmp:/bin/sh\n")
    Path("/new/etc/group").write_text(f"sandbox:x:{_USER}:\n")
    Path("/new/etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    for source, target in order["mounts"].items():
        if not Path(f"/new{target}").is_dir() or source != target:
            _bind(f"/old{source}", f"/new{target}")
    for target in order["hidden"]:
        if Path(f"/new{target}").is_dir():
            _tmpfs(f"/new{target}", 4096)
            _read_only(f"/new{target}")


def _build_devices() -> None:
    Path("/new/dev").mkdir()
    for name in ("null", "zero", "full", "random", "urandom"):
        Path(f"/new/dev/{name}").touch()
        _mount(f"/old/dev/{name}", f"/new/dev/{name}", None, _BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        Path(f"/new/dev/{name}").symlink_to(f"/proc/self/{target}")


def _build_writable(order: dict[str, Any]) -> None:
    """Folders in memory, and in one of them the copy of the directory."""
    size = order["limits"]["disk_bytes"]
    _tmpfs("/new/dev/shm", size // 4, mode="1777")
    _tmpfs("/new/tmp", size // 4, mode="1777")
    _tmpfs("/new/work", size)
    Path("/new/jail/bin").mkdir(parents=True)
    for name in ("python", "python3"):
        Path(f"/new/jail/bin/{name}").symlink_to(order["python"])
    for relative in order["files"]:
        source, target = Path("/old" + order["directory"]) / relative, Path("/new/work") / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for folder, _, files in os.walk("/new/work"):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118
            os.chown(path, _USER, _USER)


def _enter() -> None:
    """As process 1: its own /proc, the new root, a loopback interface, and nothing of the host any more."""
    _mount("proc", "/new/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    os.chdir("/new")
    _pivot(".", ".")
    _checked(_libc.umount2(b".", _DETACH), "let go of the host's files")
    os.chdir("/")
    _read_only("/", recursive=False)
    socket.sethostname("sandbox")
    with socket.socket() as inet, contextlib.suppress(OSError):
        fcntl.ioctl(inet, 0x8914, struct.pack("16sH14x", b"lo", 1))


def _confine(order: dict[str, Any]) -> None:
    """Give up, in the process that will become the command, whatever is not needed to compute."""
    limits = order["limits"]
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, limits["pids"]),
        (resource.RLIMIT_NOFILE, 4096),
        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 1 << 20),
        # The keeper counts what is really used; this stops what grows faster than it looks.
        (resource.RLIMIT_DATA, 4 * limits["memory_bytes"]),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    cpus = sorted(os.sched_getaffinity(0))
    wanted = max(1, round(limits["cpus"]))
    start = int.from_bytes(os.urandom(2)) % len(cpus)
    os.sched_setaffinity(0, (cpus + cpus)[start : start + min(wanted, len(cpus))])
    for capability in range(64):
        _libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    if os.getuid() != _USER:
        os.setresgid(_USER, _USER, _USER)
        os.setresuid(_USER, _USER, _USER)
    _prctl(_NO_NEW_PRIVILEGES, 1, "no new privileges")
    if order["filter"]:
        code = bytes.fromhex(order["filter"])
        buffer = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
        _checked(_libc.prctl(_SET_SECCOMP, 2, header, 0, 0), "seccomp filter")


def _start(order: dict[str, Any]) -> int:
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
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored, signal.SIG_DFL)
            os.chdir("/work")
            _confine(order)
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


def _become(argv: list[str], environment: dict[str, str]) -> None:
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606
    except OSError as error:
        # The program's affair, said as a shell would say it.
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _memory() -> int:
    """Bytes in use by all processes and in files: cheap and too high; see _memory_exactly."""
    pages = 0
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdigit() and entry != "1":
            with contextlib.suppress(OSError), open(f"/proc/{entry}/statm", "rb") as statm:  # noqa: PTH123
                pages += int(statm.read().split()[1])
    return pages * resource.getpagesize() + _in_files()


def _in_files() -> int:
    used = 0
    for place in ("/work", "/tmp", "/dev/shm"):  # noqa: S108
        disk = os.statvfs(place)
        used += (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return used


def _memory_exactly() -> int:
    """Bytes in use, with what processes share counted once."""
    private = shared = 0
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdigit() and entry != "1":
            with (
                contextlib.suppress(OSError),
                Path(f"/proc/{entry}/smaps_rollup").open(encoding="ascii") as rollup,
            ):
                for line in rollup:
                    if line.startswith("Pss_Anon:"):
                        private += int(line.split()[1]) << 10
                    elif line.startswith("Pss_Shmem:"):
                        shared += int(line.split()[1]) << 10
    # Files in a tmpfs that are mapped are in both figures.
    return private + max(shared, _in_files())


def _watch(command: int, order: dict[str, Any]) -> dict[str, Any]:
    """Wait until the command ends or breaks a limit; afterwards process 1 is alone."""
    limits = order["limits"]
    started = time.monotonic()
    answer: dict[str, Any] = {"exit_code": None, "timed_out": False, "oom": False}
    while answer["exit_code"] is None:
        signal.sigtimedwait(
            {signal.SIGCHLD}, min(_CHECK_SECONDS, max(0.0, started + limits["seconds"] - time.monotonic()))
        )
        code = _reap(command)
        if code is not None:
            answer["exit_code"] = code
        elif _memory() > limits["memory_bytes"] and _memory_exactly() > limits["memory_bytes"]:
            answer["oom"] = True
            break
        elif time.monotonic() - started >= limits["seconds"]:
            answer["timed_out"] = True
            break
    answer["seconds"] = time.monotonic() - started
    while True:
        # -1 is everybody but process 1; again, because a fork may have been under way.
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return answer


def _reap(command: int) -> int | None:
    """Collect the dead, orphans too; the command's exit status as a shell reports it, if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == command:
                code = os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else 128 - code
    return found


def _collect(order: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The outputs that are regular files of a bearable size; symbolic links are followed nowhere."""
    found = []
    for relative in order["outputs"]:
        folder = os.open("/work", os.O_RDONLY | os.O_DIRECTORY)
        try:
            *parents, name = relative.split("/")
            for parent in parents:
                inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with open(file, "rb") as stream:  # noqa: PTH123
                about = os.fstat(file)
                if stat.S_ISREG(about.st_mode) and about.st_size <= order["output_cap"]:
                    found.append((relative, stream.read(order["output_cap"])))
        except OSError:
            continue
        finally:
            os.close(folder)
    return found


def _keep(order: dict[str, Any], control: int) -> None:
    """What process 1 does, from its first breath to the answer."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, "die with the launcher")
    _prctl(_SET_DUMPABLE, 0, "not be looked into")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    _enter()
    answer = _watch(_start(order), order)
    outputs = _collect(order)
    answer["outputs"] = [(name, len(content)) for name, content in outputs]
    with open(control, "wb") as stream:
        stream.write(json.dumps(answer).encode() + b"\n")
        for _, content in outputs:
            stream.write(content)


def main() -> None:
    """Carry out the order on standard input."""
    control = int(sys.argv[1])
    os.set_inheritable(control, False)
    parent = os.getppid()
    try:
        order = json.load(sys.stdin)
        _own_namespaces()
        _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, "die with the caller")
        if os.getppid() != parent:
            return
        os.umask(0o022)
        _build(order)
        keeper = os.fork()
        if keeper:
            os.waitpid(keeper, 0)
            return
        _keep(order, control)
    except (Failed, OSError) as error:
        os.write(control, json.dumps({"error": str(error)}).encode() + b"\n")


if __name__ == "__main__":
    main()
