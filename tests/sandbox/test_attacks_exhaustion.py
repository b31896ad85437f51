"""Using up what the machine has, and not ending. The table is docs/security.md's."""

import ctypes
import fcntl
import os
import secrets
import signal
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.interface import Command
from sandbox.report import CommandResult
from tests.conftest import available
from tests.sandbox.attacks import Attack, attempt, call, its_file_comes_out
from tests.sandbox.conftest import SMALL, Run


def process_limit(result: CommandResult) -> None:
    assert result.timed_out or not result.ok
    started = int(result.stdout.split()[0])
    assert 10 < started <= SMALL.pids


def ran_out_of_memory(result: CommandResult) -> None:
    assert result.oom and not result.ok, result


def disk_limit(result: CommandResult) -> None:
    assert result.exit_code == 0, result
    for written in map(int, result.stdout.split()):
        assert written <= SMALL.disk_bytes


def inode_limit(result: CommandResult) -> None:
    assert result.exit_code == 0, result
    for created in map(int, result.stdout.split()):
        assert created < 10_000


def output_is_bounded(result: CommandResult) -> None:
    assert result.ok, result
    assert len(result.stdout) < SMALL.output_bytes + 100
    assert "bytes left out" in result.stdout
    assert result.stdout.endswith("the end\n")


def was_stopped(result: CommandResult) -> None:
    assert result.timed_out and result.exit_code is None
    assert "escaped" not in result.stdout


def ended_by_its_signal(result: CommandResult) -> None:
    assert (result.exit_code, result.timed_out, result.stdout) == (128 + signal.SIGSTOP, False, ""), result


FILL = """
import os
for folder in ("/work", "/tmp", "/dev/shm"):
    written = number = 0
    try:
        while True:
            with open(f"{folder}/fill{number}", "wb", buffering=0) as file:
                number += 1
                while file.tell() < 8 << 20:
                    written += file.write(bytes(1 << 20))
    except OSError:
        print(written)
    for each in range(number):
        os.unlink(f"{folder}/fill{each}")
"""


INODES = """
import os
for folder in ("/work", "/tmp", "/dev/shm"):
    created = 0
    try:
        while created < 20_000:
            open(f"{folder}/inode{created}", "w").close()
            created += 1
    except OSError:
        pass
    print(created)
"""


FORK_BOMB = """
import os, time
started = 0
try:
    while True:
        if not os.fork():
            time.sleep(60)
        started += 1
except OSError:
    print(started, flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


BOMB = "held = []\nwhile True: held.append(bytearray(b'x' * (16 << 20)))"


SHARED_BOMB = """
import mmap
held = []
while True:
    held.append(mmap.mmap(-1, 16 << 20))
    held[-1].write(b"x" * (16 << 20))
"""


STARVING = """
import os, sys
def tried(change):
    try: change()
    except OSError: pass
    else: print("done to the keeper:", change.__name__, flush=True)
def scheduler(): os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
def parameter(): os.sched_setparam(1, os.sched_param(0))
def affinity(): os.sched_setaffinity(1, {0})
def priority(): os.setpriority(os.PRIO_PROCESS, 1, 19)
def of_all(): os.setpriority(os.PRIO_USER, os.getuid(), 19)
def of_group(): os.setpriority(os.PRIO_PGRP, 1, 19)
for change in (scheduler, parameter, affinity, priority, of_all, of_group): tried(change)
os.sched_setaffinity(0, os.sched_getaffinity(0))
os.nice(1)
for _ in range(200):
    try:
        if not os.fork():
            while True: pass
    except OSError: break
while True: pass
"""

PAGE_TABLES = """
import mmap, os
step = 2 << 20
while True:
    area = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)
    area.madvise(15)  # small pages
    globals().setdefault("held", []).append(area)
    for place in range(0, 64 << 30, step): area[place]
"""

SOCKETS = """
import os, socket
held = []
for _ in range(8):
    if os.fork() == 0: break
while True:
    try: pair = socket.socketpair()
    except OSError: break
    held.append(pair)
    for end in pair:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        try:
            while True: end.send(b"x" * 32768)
        except OSError: pass
import time; time.sleep(60)
"""


PIPES = """
import os
for _ in range(40):
    if os.fork() == 0: break
held = []
try:
    while True:
        held += os.pipe()
        os.set_blocking(held[-1], False)
        try:
            while True: os.write(held[-1], bytes(4096))
        except BlockingIOError: pass
except OSError: pass
import time; time.sleep(60)
"""

AREAS = """
import ctypes, mmap, os
libc = ctypes.CDLL(None)
for _ in range(23):
    if os.fork() == 0: break
area = mmap.mmap(-1, 66_000 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
place = ctypes.addressof(ctypes.c_char.from_buffer(area))
for page in range(0, 66_000, 2):
    if libc.mprotect(ctypes.c_void_p(place + 4096 * page), 4096, 0): break
import time; time.sleep(60)
"""

LOCKS = """
import fcntl
held = []
while True:
    held.append(open(f"/work/{len(held)}", "w"))
    for place in range(2000):
        fcntl.lockf(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 2 * place)
"""

LOCK_OF_NO_PROCESS = """\
import fcntl, struct
fcntl.fcntl(open("/work/a", "w"), 37, struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 0, 1, 0))"""

GIVEN_TO_A_PIPE = """\
page = ctypes.create_string_buffer(8192)
given = (ctypes.c_void_p * 2)(ctypes.addressof(page), 4096)
number = 278 if os.uname().machine == "x86_64" else 75
if libc.syscall(number, os.pipe()[1], given, 1, 0) < 0: raise OSError"""

LENT_TO_A_SOCKET = """\
lending = socket.socket()
lending.setsockopt(socket.SOL_SOCKET, 60, 1)
if not lending.getsockopt(socket.SOL_SOCKET, 60): raise OSError"""

HUGE = """\
libc.mmap.restype = ctypes.c_void_p
got = libc.mmap(None, ctypes.c_size_t(1 << 21), 3, 0x40022, -1, ctypes.c_long(0))
if got == ctypes.c_void_p(-1).value and ctypes.get_errno() == 22: raise OSError"""

OUTLIVING = """
import ctypes, os, threading, time
def fill():
    time.sleep(0.3)
    held = [b"x" * (1 << 20) for _ in range(600)]
    time.sleep(2)
    print("held")
    os._exit(0)
threading.Thread(target=fill).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""

STOPPING = """
import os, signal
if os.fork() == 0: os.kill(-1, signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
print("escaped")
"""

DEEP = """
import os
open("out.txt", "w").write("out")
for _ in range(3000):
    os.mkdir("deeper")
    os.chdir("deeper")
"""


FLOCKS = """
import fcntl, os, time
for _ in range(3):
    listening, telling = os.pipe()
    if os.fork() == 0:
        for _ in range(3500): fcntl.flock(os.open("attack.py", os.O_RDONLY), fcntl.LOCK_SH)
        os.write(telling, b"held")
        time.sleep(60)
    os.read(listening, 4)
time.sleep(0.5)
open("out.txt", "w").write("out")
"""

WATCHERS = """
import ctypes
libc, made = ctypes.CDLL(None), 0
while libc.inotify_init() >= 0: made += 1
print(made)
"""


def few_watchers(result: CommandResult) -> None:
    assert result.exit_code == 0 and int(result.stdout) <= 128, result
    watcher = ctypes.CDLL(None).inotify_init()
    assert watcher >= 0
    os.close(watcher)


def thread_limit(result: CommandResult) -> None:
    assert 10 < int(result.stdout) <= SMALL.pids, result


def stopped_in_time(result: CommandResult) -> None:
    assert result.timed_out and result.exit_code is None and not result.stdout, result
    assert result.seconds < 3 + 20


def kept_within_bounds(result: CommandResult) -> None:
    """Killed for its memory, or the kernel gave it no more."""
    assert result.oom or result.exit_code not in (0, None) or result.timed_out, result


ATTACKS = {
    "starved-keeper": Attack(
        "Taking the processor away from process 1: its scheduler, priority and processors, and 200 busy processes",
        "The calls are refused for it, one's own stay; the time limit holds, within seconds",
        STARVING,
        stopped_in_time,
        replace(SMALL, seconds=3, pids=256, cpus=1),
    ),
    "page-tables": Attack(
        "Filling the kernel's memory with page tables of memory that is only looked at",
        "Counted and killed like any other",
        PAGE_TABLES,
        ran_out_of_memory,
        replace(SMALL, memory_bytes=256 << 20),
    ),
    "socket-buffers": Attack(
        "Filling the kernel's memory with what sockets hold for nobody",
        "Counted, in `local` as the most that they could hold, and killed like any other",
        SOCKETS,
        ran_out_of_memory,
        replace(SMALL, memory_bytes=256 << 20),
    ),
    "pipes": Attack(
        "Filling the kernel's memory with what pipes hold for nobody",
        "Counted, in `local` as the most that open files could hold, and killed like any other",
        PIPES,
        ran_out_of_memory,
        replace(SMALL, seconds=90),
    ),
    "kept-pages": Attack(
        "Keeping memory that no process has: pages given to a pipe or lent to a socket, huge ones of a pool",
        "The calls are refused; what a socket sends is copied",
        attempt(GIVEN_TO_A_PIPE, LENT_TO_A_SOCKET, HUGE),
    ),
    "first-thread": Attack(
        "Filling memory in a thread that outlives its process's first one",
        "Counted and killed like any other",
        OUTLIVING,
        ran_out_of_memory,
        replace(SMALL, memory_bytes=256 << 20),
    ),
    "areas": Attack(
        "Filling the kernel's memory with the list of 65,530 mapped areas in each of many processes",
        "Counted and killed like any other",
        AREAS,
        ran_out_of_memory,
        replace(SMALL, seconds=60, memory_bytes=256 << 20),
    ),
    "locks": Attack(
        "Filling the kernel's memory with locks on single bytes of files",
        "10,000 are enough for anything; with more it is killed as if for memory",
        LOCKS,
        ran_out_of_memory,
        replace(SMALL, seconds=60),
    ),
    "locks-of-whole-files": Attack(
        "Locks of whole files, which outlive their process and are told as those of whoever has its number then",
        "They are not counted, so that they end nobody's run; the open files that they need are",
        FLOCKS,
        its_file_comes_out,
        outputs=("out.txt",),
    ),
    "locks-of-no-process": Attack(
        "Locks of open files, which every sandbox sees and would count as its own",
        "The call is refused; those of others are not counted",
        attempt(LOCK_OF_NO_PROCESS, LOCK_OF_NO_PROCESS.replace("37", "38")),
    ),
    "machine-wide-count": Attack(
        "Using up what the kernel counts for the whole machine: requests of asynchronous input and output",
        "The call is refused",
        attempt(call(206, 0, "1000", "ctypes.byref(ctypes.c_ulong())")),
    ),
    "watchers": Attack(
        "Using up what the kernel counts for one user: watchers of files (inotify)",
        "16 for each run in `local`; in Docker all containers share 128, which are not the host's",
        WATCHERS,
        few_watchers,
    ),
    "threads": Attack(
        "Threads instead of processes, without end",
        "They count as processes do",
        "import os, threading, time\nstarted = 0\ntry:\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n        started += 1\n"
        "except RuntimeError:\n    print(started, flush=True)\nos._exit(0)",
        thread_limit,
    ),
    "stopping": Attack(
        "Stopping itself and everybody else, so that nobody ends",
        "Killed at once: it has failed, by that signal",
        STOPPING,
        ended_by_its_signal,
    ),
    "deep-folders": Attack(
        "Folders inside of folders, deeper than a path can be",
        "Its other outputs are taken; all of it is gone with the sandbox",
        DEEP,
        its_file_comes_out,
        outputs=("out.txt",),
    ),
    "fork-bomb": Attack(
        "A fork bomb",
        "The process limit holds and the bomb is killed at the time limit",
        FORK_BOMB,
        process_limit,
        replace(SMALL, seconds=3),
    ),
    "memory-bomb": Attack("Filling memory", "Killed, and reported as out of memory", BOMB, ran_out_of_memory),
    "memory-bomb-in-child": Attack(
        "Filling memory in a child while the parent exits with 0",
        "Killed, and reported as out of memory, not as success",
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BOMB!r}])",
        ran_out_of_memory,
    ),
    "shared-memory-bomb": Attack(
        "Filling memory by shared anonymous mappings",
        "Counted and killed like any other",
        SHARED_BOMB,
        ran_out_of_memory,
    ),
    "hidden-memory": Attack(
        "Memory that belongs to no process: memfd, System V segments and queues, POSIX queues",
        "The calls are refused",
        attempt(
            call(319, 279, "b'x'", "0"),
            call(447, 447, "0"),
            call(29, 194, "0", "1 << 20", "0o1600"),
            call(68, 186, "0", "0o1600"),
            call(240, 180, "b'x'", "0o102", "0o600", "None"),
        ),
    ),
    "disk-fill": Attack(
        "Filling the working directory, /tmp and /dev/shm", "Each ends at its size cap", FILL, disk_limit
    ),
    "inode-fill": Attack(
        "Creating empty files without end", "Each file system ends at its inode cap", INODES, inode_limit
    ),
    "output-flood": Attack(
        "64 MiB of output (1 GiB in the slow tests)",
        "All of it is drained, head and tail are kept, nothing is written to the host",
        "import sys\nfor _ in range(64): sys.stdout.write('x' * (1 << 20))\nprint('\\nthe end')",
        output_is_bounded,
    ),
    "ignored-signals": Attack(
        "Ignoring every signal and running on",
        "Killed at the time limit",
        "import signal, time\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nprint('deaf', flush=True)\ntime.sleep(60)\nprint('escaped')",
        was_stopped,
        replace(SMALL, seconds=2),
    ),
}


def test_a_run_cannot_take_all_watchers_of_who_started_it(tmp_path: Path) -> None:
    (tmp_path / "attack.py").write_text(WATCHERS)
    result = available("local").run(tmp_path, Command(("python3", "attack.py"), SMALL))
    assert int(result.stdout) == 16, result


def test_locks_that_others_hold_end_no_program(run: Run, tmp_path: Path) -> None:
    with ExitStack() as held:
        for number in range(6):
            file = held.enter_context((tmp_path / f"{number}").open("w"))
            for place in range(2000):
                lock = struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 2 * place, 1, 0)
                fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
        result = run("import time\ntime.sleep(0.5)\nprint('alive')")
    assert (result.stdout, result.exit_code, result.oom) == ("alive\n", 0, False)


def test_what_a_program_leaves_behind_is_gone(run: Run) -> None:
    token = secrets.token_hex()
    program = f"""
import os, subprocess, sys
if not os.fork():
    os.setsid()
    if not os.fork():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(60)", {token!r}])
    os._exit(0)
os.wait()
print("parent ends", flush=True)
"""
    result = run(program)
    assert (result.stdout, result.exit_code) == ("parent ends\n", 0)
    assert result.seconds < 10
    assert not _on_the_host(token)


def test_a_time_out_keeps_output_and_files_until_then(run: Run) -> None:
    token = secrets.token_hex()
    program = f"""
import subprocess, sys, time
open("results.json", "w").write("half")
print("so far", flush=True)
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)", {token!r}])
"""
    result = run(program, replace(SMALL, seconds=2), outputs=("results.json",))
    assert result.timed_out and result.exit_code is None
    assert result.stdout == "so far\n"
    assert dict(result.outputs) == {"results.json": b"half"}
    assert not _on_the_host(token)


def test_a_reader_that_stalls_holds_up_nobody_but_the_program(run: Run) -> None:
    """Who asks whether to stop reads the output as well, in Docker; a program that writes has to wait for it."""
    stalled = threading.Event()

    def stall() -> bool:
        if not stalled.is_set():
            stalled.wait(1)
            stalled.set()
        return False

    program = "import sys\nfor _ in range(32): sys.stdout.write('x' * (1 << 20))\nprint('\\nthe end')"
    output_is_bounded(run(program, cancelled=stall))


@pytest.mark.slow
def test_a_gigabyte_of_output(run: Run) -> None:
    program = "import sys\nfor _ in range(1024): sys.stdout.write('x' * (1 << 20))\nprint('\\nthe end')"
    output_is_bounded(run(program, replace(SMALL, seconds=120)))


def _on_the_host(token: str) -> bool:
    """Whether a process with `token` in its command line is alive; the kernel may be a moment behind."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(token.encode() in _command_line(entry) for entry in Path("/proc").iterdir()):
            return False
    return True


def _command_line(process: Path) -> bytes:
    if not process.name.isdigit() or process.name == str(os.getpid()):
        return b""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
