"""Ways out: to networks, to the host, to more rights. The table is docs/security.md's."""

import secrets
import socket
from pathlib import Path

import pytest

from tests.sandbox.attacks import Attack, attempt, call, nothing_got_through
from tests.sandbox.conftest import Run

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


OTHER_ENTRIES = """
import ctypes, mmap, os, struct
def called(code):
    child = os.fork()
    if not child:
        area = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        area.write(code)
        entry = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
        os._exit(42 if entry() >= 0 else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
def number(value): return struct.pack("<BI", 0xb8, value)
if os.uname().machine == "x86_64":
    user = struct.pack("<BI", 0xbb, 0x10000000)
    if called(number(20) + bytes.fromhex("cd80c3")): print("the 32-bit entry")
    if called(user + number(310) + bytes.fromhex("cd80c3")): print("a namespace by the 32-bit entry")
    if called(number(0x40000000 | 39) + bytes.fromhex("0f05c3")): print("the x32 entry")
print("done")
"""


KERNEL_SECRETS = """
import os
def read(path):
    try:
        with open(path, "rb") as file: return file.read(1 << 16)
    except OSError:
        return b""
if any(line.split()[0].strip(b"0") for line in read("/proc/kallsyms").splitlines()): print("addresses")
if any(part.strip(b"0-") for line in read("/proc/iomem").splitlines() for part in line.split()[:1]): print("memory")
for path in (
    "/proc/kcore", "/proc/kmsg", "/proc/kpageflags", "/proc/kpagecount", "/proc/slabinfo", "/proc/vmallocinfo",
    "/proc/timer_list", "/proc/sched_debug", "/proc/1/stack", "/proc/1/syscall", "/sys/kernel/debug/x",
):
    if read(path): print(path)
with open("/proc/self/pagemap", "rb") as file:
    file.seek(id(file) // 4096 * 8)
    if int.from_bytes(file.read(8), "little") & (1 << 55) - 1: print("where it lies in memory")
print("done")
"""


NETWORK = """
import fcntl, socket, struct
def tried(name, change):
    try: change()
    except OSError: return
    print(name)
inet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tried("raw 6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58))
tried("interface", lambda: fcntl.ioctl(inet, 0x8914, struct.pack("16sh14x", b"lo", 0)))
tried("address", lambda: fcntl.ioctl(inet, 0x8916, struct.pack("16sHH4s8x", b"lo", 2, 0, bytes([10, 0, 0, 1]))))
tried("filter", lambda: inet.getsockopt(0, 64, 84))
tried("mark", lambda: inet.setsockopt(1, 36, 1))
tried("tunnel", lambda: open("/dev/net/tun", "r+b"))
link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
link.send(struct.pack("=IHHIIBxHiII", 32, 16, 0x605, 1, 0, 0, 0, 0, 0, 0))
if struct.unpack("=i", link.recv(4096)[16:20])[0] >= 0: print("link")
print("done")
"""


LIMITS = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if resource.getrlimit(resource.RLIMIT_CORE) != (1, 1): print("dumps", resource.getrlimit(resource.RLIMIT_CORE))
for kind in range(16):
    soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY and kind != resource.RLIMIT_CORE:
        try: resource.setrlimit(kind, (soft, hard + 1))
        except (OSError, ValueError): continue
        print("raised", kind)
print("done")
"""


ATTACKS = {
    "other-entries": Attack(
        "The kernel's other entries, whose calls have other numbers: 32-bit (`int 0x80`) and x32",
        "The process is killed; x32 does not exist",
        OTHER_ENTRIES,
    ),
    "kernel-secrets": Attack(
        "What the kernel tells of itself and of memory: addresses, kcore, kmsg, physical pages, timers, stacks",
        "Nothing, or zeros",
        KERNEL_SECRETS,
    ),
    "network-settings": Attack(
        "Changing the network: raw sockets, interfaces, addresses, packet filters, marks, tunnels",
        "Refused",
        NETWORK,
    ),
    "limits": Attack(
        "Raising its own limits; crashing where a program of the host takes core dumps",
        "Refused; no dump is made, and a program cannot change that",
        LIMITS,
    ),
    "helpers": Attack(
        "Naming a program that the kernel would start as root: modprobe, binfmt_misc, cgroups' release_agent, "
        "hotplug, poweroff",
        "Not there, or not writable",
        attempt(
            "open('/proc/sys/kernel/modprobe', 'w').close()",
            "open('/proc/sys/kernel/poweroff_cmd', 'w').close()",
            "open('/proc/sys/kernel/hotplug', 'w').close()",
            "open('/proc/sys/fs/binfmt_misc/register', 'w').close()",
            "for folder, _, names in os.walk('/sys/fs/cgroup'):\n    for name in names:\n"
            "        if name in ('release_agent', 'notify_on_release', 'cgroup.procs', 'tasks', 'memory.max',\n"
            "                    'memory.limit_in_bytes', 'devices.allow'):\n"
            "            try: open(os.path.join(folder, name), 'w').close(); print(folder, name)\n"
            "            except OSError: pass\nraise OSError",
        ),
    ),
    "terminal": Attack(
        "Typing into the terminal of whoever started it, or taking it for its own",
        "There is none",
        attempt(
            "open('/dev/tty').close()",
            "import fcntl, termios\nfor number in range(3): fcntl.ioctl(number, termios.TIOCSTI, b'x')",
            "import fcntl, termios\nfor number in range(3): fcntl.ioctl(number, termios.TIOCSCTTY, 1)",
            "os.tcgetpgrp(1)",
        ),
    ),
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
}


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


def test_a_repository_cannot_bring_links_to_files_of_the_host(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "link.txt").symlink_to(tmp_path / "secret.txt")
    (directory / "folder").symlink_to(tmp_path)
    nothing_got_through(run(attempt("open('link.txt').close()", "open('folder/secret.txt').close()")))
