"""The inner side of `local.py`: builds the namespaces in which the keeper (`keeper.py`) then serves a command.

Runs as a program of its own, without site packages, so it has the standard library only and one thread. What to
build is the first line of standard input, as JSON (`Room` in local.py); the order for the keeper follows. The
answer goes to a descriptor of its own: standard output and error belong to the command alone.

    launcher                sees the host; new namespaces, tmpfs and read-only mounts
    └── keeper (process 1)  sees only the new root; limits, kills, collects outputs when nobody else is alive
        └── the command     user 65534, no capabilities, no new privileges, seccomp filter
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import json
import os
import resource
import signal
import struct
import sys

from sandbox.keeper import USER, Failed, checked, keep

TYPE_CHECKING = False  # As type checkers know it: importing `typing` takes a sixth of our time.
if TYPE_CHECKING:
    from typing import Any, BinaryIO

_NEW_MOUNTS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USERS, _NEW_PIDS, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_NAMESPACES = _NEW_USERS | _NEW_MOUNTS | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK
_NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _SLAVE = 2, 4, 8, 0x1000, 0x4000, 0x80000
_DETACH = 2
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_SET_DEATH_SIGNAL, _DROP_BOUNDING = 1, 24
_TCP_BUFFERS = "4096 65536 131072"
_OF_A_FILE, _OF_AN_AREA = 8192, 256
"""Bytes of the kernel's memory, at most: behind one descriptor (that of a pipe, where a user has many) and for one
mapped area."""
_KIB = 1024
_BEHIND = {"VmPTE:": _KIB, "FDSize:": _OF_A_FILE}
"""What a process's page tables and files hold in the kernel's memory."""
_MOST_AREAS = 65_530
"""Of one process: the kernel's own limit."""
_MOST_WATCHES, _MOST_WATCHERS = 8192, 16
"""Of inotify. What a room has counts for whoever started it as well, who has 128 watchers."""

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    result = _libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), flags, data.encode() or None
    )
    checked(result, f"mount {kind or source} on {target}")


def _read_only(target: str, *, recursive: bool = True) -> None:
    """Everything mounted below as well: an ordinary remount would leave that writable."""
    attributes = struct.pack("=QQQQ", 1 | _NOSUID | _NODEV, 0, 0, 0)
    flags = 0x8000 if recursive else 0
    checked(
        _libc.syscall(_MOUNT_SETATTR, -100, target.encode(), flags, attributes, len(attributes)),
        f"make {target} read-only (needs Linux 5.12)",
    )


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, "")
    _mount(source, target, None, _BIND | _RECURSIVE)
    _read_only(target)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _tmpfs(target: str, size: int, *, flags: int = _NOSUID | _NODEV, mode: str = "755") -> None:
    os.makedirs(target, exist_ok=True)
    # About 16 KiB a file: enough for any program, too little to fill the kernel's memory with empty files.
    data = f"size={size},nr_inodes={max(1024, size >> 14)},mode={mode},uid={USER},gid={USER}"
    _mount("tmpfs", target, "tmpfs", flags, data)


def _pivot(new: str, old: str) -> None:
    checked(_libc.syscall(_PIVOT_ROOT[os.uname().machine], new.encode(), old.encode()), "pivot_root")


def _own_namespaces() -> None:
    """Leave the host's namespaces; user 65534 inside is nobody outside, or the user who started us."""
    root = os.geteuid() == 0
    if root:
        os.setgroups([])
        # A user of its own for each run, where the host has that many: limits are counted by user.
        with open("/proc/self/uid_map") as uids:
            whole = uids.read().split() == ["0", "0", "4294967295"]
        outside = 2**30 + int.from_bytes(os.urandom(3)) if whole else USER
        users = groups = f"0 0 1\n{USER} {outside} 1\n"
    else:
        users, groups = f"{USER} {os.geteuid()} 1\n", f"{USER} {os.getegid()} 1\n"
    launcher = os.getpid()
    ready, go = os.pipe()
    mapper = os.fork()
    if not mapper:  # Only somebody outside may write root's map.
        os.close(go)
        os.read(ready, 1)
        try:
            if not root:
                _write(f"/proc/{launcher}/setgroups", "deny")
            _write(f"/proc/{launcher}/gid_map", groups)
            _write(f"/proc/{launcher}/uid_map", users)
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


def _build(room: dict[str, Any]) -> None:
    """The new root at /new: the system read-only, the rest empty. Afterwards the host's root is at /old."""
    _mount("none", "/", None, _SLAVE | _RECURSIVE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")  # noqa: S108
    for name in ("new", "old"):
        os.mkdir(f"/tmp/{name}")  # noqa: S108
    _pivot("/tmp", "/tmp/old")  # noqa: S108
    os.chdir("/")
    _tmpfs("/new", 4 << 20)
    _build_system(room)
    _build_devices()
    _build_writable(room)
    os.mkdir("/new/proc")


def _build_system(room: dict[str, Any]) -> None:
    """Programs, libraries and packages, read-only."""
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        source = f"/old/{name}"
        if os.path.islink(source):
            os.symlink(os.readlink(source), f"/new/{name}")
        elif os.path.isdir(source):
            _bind(source, f"/new/{name}")
    for name in ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"):
        if os.path.exists(f"/old/etc/{name}"):
            _bind(f"/old/etc/{name}", f"/new/etc/{name}")
    os.makedirs("/new/etc", exist_ok=True)
    _write("/new/etc/passwd", f"sandbox:x:{USER}:{USER}::/tmp:/bin/sh\n")
    _write("/new/etc/group", f"sandbox:x:{USER}:\n")
    _write("/new/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    for target, source in room["mounts"].items():
        if not os.path.isdir(f"/new{target}") or source != target:
            _bind(f"/old{source}", f"/new{target}")
    for target in room["hidden"]:
        if os.path.isdir(f"/new{target}"):
            _tmpfs(f"/new{target}", 4096)
            _read_only(f"/new{target}")


def _build_devices() -> None:
    os.mkdir("/new/dev")
    for name in ("null", "zero", "full", "random", "urandom"):
        _write(f"/new/dev/{name}", "")
        _mount(f"/old/dev/{name}", f"/new/dev/{name}", None, _BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"/new/dev/{name}")


def _build_writable(room: dict[str, Any]) -> None:
    """Folders in memory."""
    size = room["limits"]["disk_bytes"]
    _tmpfs("/new/dev/shm", size // 4, mode="1777")
    _tmpfs("/new/tmp", size // 4, mode="1777")
    _tmpfs("/new/work", size)
    os.makedirs("/new/jail/bin")
    for name in ("python", "python3"):
        os.symlink(room["python"], f"/new/jail/bin/{name}")


def _enter() -> None:
    """As process 1: its own /proc, the new root, a loopback interface, and nothing of the host any more."""
    _mount("proc", "/new/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    os.chdir("/new")
    _pivot(".", ".")
    checked(_libc.umount2(b".", _DETACH), "let go of the host's files")
    os.chdir("/")
    _read_only("/", recursive=False)
    checked(_libc.sethostname(b"sandbox", 7), "host name")
    for name in ("tcp_rmem", "tcp_wmem"):
        with contextlib.suppress(OSError):
            _write(f"/proc/sys/net/ipv4/{name}", _TCP_BUFFERS)
    for name, most in (("watches", _MOST_WATCHES), ("instances", _MOST_WATCHERS)):
        with contextlib.suppress(OSError):
            _write(f"/proc/sys/user/max_inotify_{name}", f"{most}")
    inet = _libc.socket(2, 1, 0)
    with contextlib.suppress(OSError):
        fcntl.ioctl(inet, 0x8914, struct.pack("16sH14x", b"lo", 1))
    os.close(inet)


def _confine(limits: dict[str, Any]) -> None:
    """Give up, in the process that will become the command, whatever is not needed to compute."""
    for kind, value in (
        # With 1 alone the kernel leaves a dump also where a program of the host would take it.
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_NPROC, limits["pids"]),
        (resource.RLIMIT_NOFILE, 4096),
        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 4096),  # timers as well
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
    if os.getuid() != USER:
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)


def _memory(socket_bytes: int) -> int:
    """Bytes in use by all processes and in files: cheap and too high; see _memory_exactly."""
    areas = len(_processes()) * _MOST_AREAS * _OF_AN_AREA
    return (
        _sum_of_all("status", {"VmRSS:": _KIB, "VmSwap:": _KIB} | _BEHIND)
        + _in_sockets(socket_bytes)
        + areas
        + _in_files()
    )


def _processes() -> list[str]:
    """In /proc, all but the keeper; each by a thread that lives, since the first may end before the others."""
    return [_living(entry) for entry in os.listdir("/proc") if entry.isdigit() and entry != "1"]


def _living(process: str) -> str:
    if not _has_memory(process):
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):
                if _has_memory(f"{process}/task/{thread}"):
                    return f"{process}/task/{thread}"
    return process


def _has_memory(thread: str) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{thread}/statm", encoding="ascii") as pages:
        return not pages.read().startswith("0 ")
    return False


def _sum_of_all(file: str, worth: dict[str, int]) -> int:
    """What a file in /proc says of all processes but the keeper: figures, each times what its name is worth."""
    total = 0
    for process in _processes():
        with contextlib.suppress(OSError), open(f"/proc/{process}/{file}", encoding="latin-1") as lines:
            total += sum(
                worth[words[0]] * int(words[1]) for words in map(str.split, lines) if words[0] in worth
            )
    return total


def _socket_bytes() -> int:
    """What one socket holds at most: seccomp.py keeps programs from asking for more. Only the host's /proc tells."""
    with open("/proc/sys/net/core/wmem_default", encoding="ascii") as file:
        return int(file.read())


def _in_sockets(socket_bytes: int) -> int:
    """What sockets could hold in the kernel's memory."""
    kinds = ("unix", "tcp", "tcp6", "udp", "udp6", "netlink")
    return max(0, sum(_lines(f"/proc/net/{kind}") - 1 for kind in kinds)) * socket_bytes


def _lines(path: str) -> int:
    """How many a file in /proc has; what a program can make long is read in large pieces."""
    with contextlib.suppress(OSError), open(path, "rb", buffering=0) as listed:
        return sum(piece.count(b"\n") for piece in iter(functools.partial(listed.read, 1 << 16), b""))
    return 0


def _in_files() -> int:
    used = 0
    for place in ("/work", "/tmp", "/dev/shm"):  # noqa: S108
        disk = os.statvfs(place)
        used += (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return used


def _memory_exactly(socket_bytes: int) -> int:
    """Bytes in use, with what processes share counted once."""
    private = _sum_of_all("smaps_rollup", {"Pss_Anon:": _KIB, "SwapPss:": _KIB})
    shared = _sum_of_all("smaps_rollup", {"Pss_Shmem:": _KIB})
    areas = sum(_lines(f"/proc/{process}/maps") for process in _processes()) * _OF_AN_AREA
    behind = _sum_of_all("status", _BEHIND) + _in_sockets(socket_bytes)
    # Files in a tmpfs that are mapped are in both figures.
    return private + max(shared, _in_files()) + behind + areas


def _serve(room: dict[str, Any], socket_bytes: int, source: BinaryIO, answer: BinaryIO) -> None:
    """What process 1 does, from its first breath to the answer."""
    limit: int = room["limits"]["memory_bytes"]
    checked(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "die with the launcher")
    _enter()
    confine = functools.partial(_confine, room["limits"])

    def exceeded() -> bool:
        return _memory(socket_bytes) > limit and _memory_exactly(socket_bytes) > limit

    keep(source, answer, confine, exceeded)


def main() -> None:
    """Build what the first line of standard input says, and carry out the order after it."""
    control = int(sys.argv[1])
    os.set_inheritable(control, False)
    parent = os.getppid()
    with open(0, "rb") as source, open(control, "wb") as answer:
        try:
            room = json.loads(source.readline())
            socket_bytes = _socket_bytes()
            _own_namespaces()
            checked(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "die with the caller")
            if os.getppid() != parent:
                return
            os.umask(0o022)
            _build(room)
            keeper = os.fork()
            if keeper:
                os.waitpid(keeper, 0)
                return
            _serve(room, socket_bytes, source, answer)
        except (Failed, OSError) as error:
            answer.write(json.dumps({"unavailable": str(error)}).encode() + b"\n")
