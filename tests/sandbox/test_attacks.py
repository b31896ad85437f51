"""What untrusted code may try, in each sandbox, and what has to hold. The table is docs/security.md's."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.report import CommandResult, Limits
from tests.sandbox.conftest import SMALL, Run

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def nothing_got_through(result: CommandResult) -> None:
    """The program prints whatever it was able to do, and `done` at its end."""
    assert (result.stdout, result.exit_code) == ("done\n", 0), result


@dataclass(frozen=True)
class Attack:
    tried: str
    held: str
    program: str
    holds: Callable[[CommandResult], None] = nothing_got_through
    limits: Limits = SMALL
    outputs: tuple[str, ...] = ()


def attempt(*attempts: str) -> str:
    """A program that makes each attempt in turn and prints those that nothing stopped."""
    lines = ["import ctypes, os, socket, stat, struct, sys", "libc = ctypes.CDLL(None, use_errno=True)"]
    for each in attempts:
        lines += ["try:", *(f"    {line}" for line in each.splitlines())]
        lines += [f"    print({each!r})", "except OSError:", "    pass"]
    return "\n".join([*lines, "print('done')"])


def call(x86: int, arm: int, *arguments: str) -> str:
    """A system call that must fail."""
    return (
        f"number = {x86} if os.uname().machine == 'x86_64' else {arm}\n"
        f"if libc.syscall(number{''.join(', ' + each for each in arguments)}) < 0: raise OSError"
    )


def was_stopped(result: CommandResult) -> None:
    assert result.timed_out and result.exit_code is None
    assert "escaped" not in result.stdout


def ran_out_of_memory(result: CommandResult) -> None:
    assert result.oom and not result.ok, result


def process_limit(result: CommandResult) -> None:
    assert result.timed_out or not result.ok
    started = int(result.stdout.split()[0])
    assert 10 < started <= SMALL.pids


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


def only_the_regular_file_comes_out(result: CommandResult) -> None:
    assert result.exit_code == 0, result
    assert dict(result.outputs) == {"plain.txt": b"plain", "directory/inner/nested.txt": b"nested"}


def harmless_text(result: CommandResult) -> None:
    assert result.stdout == "red overwritten \\u202e \\u200b \\ufeff end\n"


def killed_itself_only(result: CommandResult) -> None:
    assert not result.ok
    assert not result.timed_out


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
FAMILIES = """
import socket
for family in range(1, 64):
    for kind in range(1, 7):
        try:
            socket.socket(family, kind).close()
        except OSError:
            continue
        if family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
            print("family", family, kind)
print("done")
"""
ADDRESSES = """
import socket
# Connecting a datagram socket looks the route up and sends nothing.
for family, address in (
    (socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "10.0.0.1"), (socket.AF_INET, "172.17.0.1"),
    (socket.AF_INET, "192.168.0.1"), (socket.AF_INET, "169.254.169.254"), (socket.AF_INET, "224.0.0.1"),
    (socket.AF_INET6, "2001:db8::1"), (socket.AF_INET6, "fe80::1"), (socket.AF_INET6, "fd00:ec2::254"),
    (socket.AF_INET6, "ff02::1"),
):
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, 9))
        except OSError:
            continue
        print("a way to", address)
print("done")
"""
WRITABLE = """
import os
for folder, folders, _ in os.walk("/"):
    if folder == "/":
        folders.remove("proc")
    if folder in ("/work", "/tmp", "/dev/shm"):
        folders.clear()
        continue
    try:
        open(os.path.join(folder, "escaped"), "w").close()
    except OSError:
        continue
    print("written to", folder)
print("done")
"""
SPECIAL_OUTPUTS = """
import os, socket
open("plain.txt", "w").write("plain")
os.symlink("/etc/passwd", "link")
os.symlink("/etc", "folder")
os.mkfifo("fifo")
os.makedirs("directory/inner")
open("directory/inner/nested.txt", "w").write("nested")
socket.socket(socket.AF_UNIX).bind("socket")
with open("sparse", "wb") as file:
    file.truncate(32 << 20)
for target in ("/etc/passwd", "/proc/self/environ"):
    try:
        os.link(target, "hard")
    except OSError:
        pass
try:
    os.mknod("device", 0o600 | 0o020000, os.makedev(1, 3))
except OSError:
    pass
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
CALLS = (
    call(165, 40, "b'none'", "b'/tmp'", "b'tmpfs'", "0", "None"),
    call(166, 39, "b'/tmp'", "2"),
    call(428, 428, "-100", "b'/'", "1"),
    call(430, 430, "b'tmpfs'", "0"),
    call(155, 41, "b'.'", "b'.'"),
    call(161, 51, "b'/tmp'"),
    *(call(272, 97, hex(flag)) for flag in (0x20000, 0x10000000, 0x20000000, 0x40000000)),
    call(56, 220, "0x10000011", "0", "0", "0", "0"),
    call(308, 268, "os.open('/proc/self/ns/net', 0)", "0"),
    call(101, 117, "16", "1", "0", "0"),
    call(310, 270, "1", "None", "0", "None", "0", "0"),
    call(438, 438, "0", "0", "0"),
    call(304, 265, "0", "None", "0"),
    call(321, 280, "5", "None", "0"),
    call(298, 241, "None", "0", "-1", "-1", "0"),
    call(425, 425, "8", "ctypes.create_string_buffer(256)"),
    call(323, 282, "0"),
    call(250, 219, "0", "-3", "0"),
    call(170, 161, "b'x'", "1"),
    call(227, 112, "0", "struct.pack('qq', 0, 0)"),
    call(103, 116, "3", "ctypes.create_string_buffer(16)", "16"),
    call(175, 105, "b''", "0", "b''"),
    call(246, 104, "0", "0", "None", "0"),
    call(167, 224, "b'/work/swap'", "0"),
)

ATTACKS = {
    "address-families": Attack(
        "Sockets of every address family: vsock to a virtual machine's host, packet, alg, CAN, Bluetooth…",
        "Only unix, inet, inet6 and netlink can be made; the network namespace is empty for those",
        FAMILIES,
    ),
    "addresses": Attack(
        "Routes to public, private, multicast and link-local addresses (cloud metadata), IPv4 and IPv6",
        "No route but loopback's own",
        ADDRESSES,
    ),
    "dns": Attack(
        "Resolving a name",
        "No resolver is configured or reachable",
        attempt("socket.getaddrinfo('name.invalid', 80)"),
    ),
    "sockets-in-files": Attack(
        "The Docker socket, or any other unix socket in the file system",
        "There is none",
        "import os, stat\nfor folder, folders, names in os.walk('/'):\n"
        "    if folder == '/': folders.remove('proc')\n"
        "    for name in names:\n        path = os.path.join(folder, name)\n        try:\n"
        "            if stat.S_ISSOCK(os.lstat(path).st_mode): print(path)\n        except OSError: pass\n"
        "print('done')",
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
    "kill-everything": Attack(
        "Killing every process that can be seen",
        "Only its own; the sandbox still answers",
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), signal.SIGKILL)\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
        killed_itself_only,
    ),
    "privileges": Attack(
        "Becoming root: setuid, setgid, setgroups, capabilities, a setuid program",
        "User 65534 without capabilities and with no-new-privileges; no setuid program is honoured",
        attempt("os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.chown('/work', 0, 0)", "os.nice(-5)")
        + """
status = dict(line.split(":\\t") for line in open("/proc/self/status"))
assert [status[name].strip("0\\n") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [""] * 5
assert status["NoNewPrivs"] == "1\\n" and status["Seccomp"] == "2\\n" and os.getuid() == os.geteuid() == 65534
""",
    ),
    "system-calls": Attack(
        "mount, umount, pivot_root, chroot, unshare, clone and setns with new namespaces, ptrace, "
        "process_vm_readv, bpf, perf, io_uring, userfaultfd, keyring, module, kexec, swap, clock, host name, "
        "kernel log",
        "Refused by the kernel, one by one",
        attempt(*CALLS),
    ),
    "kernel-files": Attack(
        "sysrq, /proc/sys, /sys, raw memory and disks, device nodes",
        "Not there, or not writable",
        attempt(
            "open('/proc/sysrq-trigger', 'w').close()",
            "open('/proc/sys/kernel/core_pattern', 'w').close()",
            "open('/proc/sys/kernel/hostname', 'w').close()",
            "open('/sys/kernel/uevent_helper', 'w').close()",
            "open('/dev/mem').close()",
            "open('/dev/kmsg').close()",
            "open('/dev/vsock').close()",
            "open('/dev/fuse').close()",
            "os.mknod('/work/disk', 0o600 | stat.S_IFBLK, os.makedev(8, 0))",
            "os.mknod('/work/null', 0o600 | stat.S_IFCHR, os.makedev(1, 1))",
        ),
    ),
    "writing-elsewhere": Attack(
        "Writing to every folder of the file system",
        "Only the working directory, /tmp and /dev/shm take it; packages and runner are read-only",
        WRITABLE,
    ),
    "special-outputs": Attack(
        "A symbolic link, a hard link, a fifo, a socket, a device, a folder or a huge sparse file in place "
        "of an output; a link as an output's folder",
        "Only regular files of a bearable size come out; no link is followed, nothing is waited for",
        SPECIAL_OUTPUTS,
        only_the_regular_file_comes_out,
        outputs=(
            "plain.txt",
            "link",
            "folder/passwd",
            "fifo",
            "directory",
            "directory/inner/nested.txt",
            "socket",
            "sparse",
            "device",
        ),
    ),
    "hidden-text": Attack(
        "Terminal escapes, overwritten lines, bidirectional and zero-width characters in the output",
        "Escapes are removed; what cannot be seen is shown as \\uXXXX",
        "print('shown\\r\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07 overwritten \\u202e \\u200b \\ufeff end')",
        harmless_text,
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_holds(name: str, run: Run) -> None:
    attack = ATTACKS[name]
    attack.holds(run(attack.program, attack.limits, attack.outputs))


def test_a_service_of_the_host_is_out_of_reach(run: Run) -> None:
    with socket.create_server(("0.0.0.0", 0)) as inet, socket.socket(socket.AF_UNIX) as unix:
        name = f"paper2code-{secrets.token_hex(4)}"
        unix.bind(f"\0{name}")
        unix.listen()
        port = inet.getsockname()[1]
        program = attempt(
            f"socket.create_connection(('127.0.0.1', {port}), 1)",
            f"socket.create_connection(('localhost', {port}), 1)",
            f"socket.socket(socket.AF_UNIX).connect('\\0{name}')",
        )
        nothing_got_through(run(program))


def test_secrets_and_files_of_the_host_are_not_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets.token_hex()
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    (tmp_path / "secret.txt").write_text(secret)
    program = f"""
import os
for entry in os.listdir("/proc"):
    if entry.isdigit():
        for name in ("environ", "cmdline", "cwd", "root", "maps"):
            path = f"/proc/{{entry}}/{{name}}"
            try:
                link = name in ("cwd", "root")
                found = os.readlink(path) if link else open(path, "rb").read().decode(errors="replace")
            except OSError:
                continue
            if {secret[:32]!r} + {secret[32:]!r} in found: print("secret in", path)
            if int(entry) != os.getpid() and name == "maps": print("looked into", entry)
if len([entry for entry in os.listdir("/proc") if entry.isdigit()]) > 4: print("processes of others")
for path in (
    {str(tmp_path)!r}, {str(Path.home())!r} + "/.ssh", {str(Path.cwd())!r}, "/root/.bashrc", "/home",
    "/etc/shadow"
):
    try:
        if os.path.isdir(path) and os.listdir(path) or open(path): print("sees", path)
    except OSError:
        pass
print("done")
"""
    nothing_got_through(run(program))


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


def test_an_exit_status_of_137_is_the_programs_own(run: Run) -> None:
    result = run("import sys; sys.exit(137)")
    assert (result.exit_code, result.oom, result.timed_out) == (137, False, False)


def test_a_program_that_closes_its_output_is_waited_for(run: Run) -> None:
    program = (
        "import os, time\nfor number in range(3): os.close(number)\ntime.sleep(1.5)\n"
        "open('late.txt', 'w').write('late')"
    )
    result = run(program, outputs=("late.txt",))
    assert (result.exit_code, dict(result.outputs)) == (0, {"late.txt": b"late"})


def test_a_repository_cannot_bring_links_to_files_of_the_host(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "link.txt").symlink_to(tmp_path / "secret.txt")
    (directory / "folder").symlink_to(tmp_path)
    nothing_got_through(run(attempt("open('link.txt').close()", "open('folder/secret.txt').close()")))


@pytest.mark.slow
def test_a_gigabyte_of_output(run: Run) -> None:
    program = "import sys\nfor _ in range(1024): sys.stdout.write('x' * (1 << 20))\nprint('\\nthe end')"
    output_is_bounded(run(program, replace(SMALL, seconds=120)))


@pytest.mark.parametrize("name", ATTACKS)
def test_the_document_tells_of_every_attack(name: str) -> None:
    attack = ATTACKS[name]
    assert f"| {attack.tried} | {attack.held} |" in DOCUMENT.read_text("utf-8")


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
