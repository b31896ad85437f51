"""A seccomp filter: what a program in either sandbox may ask of the kernel.

The namespaces hide and cap; the filter takes away what they do not cover: kernel interfaces that no program
for machine learning needs and that kernel exploits come through, new namespaces, and memory that cannot be
measured.
"""

import errno
import platform
import struct

# Number on x86_64 and on aarch64; None: that machine does not have the call.
_REFUSED: dict[str, tuple[int | None, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "ioprio_set": (251, 30),
    "init_module": (175, 105),
    "io_setup": (206, 0),  # counted for the whole machine
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (
        278,
        75,
    ),  # a pipe keeps what is given to it, in pages of 2 MB, when it is no process's any more
}
_CLONE = (56, 220)
_CLONE3 = 435
_THREAD, _SAME_FILES = 0x10000, 0x400  # CLONE_THREAD, CLONE_FILES
_SOCKET = (41, 198)
_PRLIMIT = (302, 261)  # With a process id it changes the limits of any process of the same user.
_SETRLIMIT = (160, 164)
_CORE = 4  # With 0 instead of our 1, a program of the host that takes dumps would be given some.
_OF_A_PROCESS = ((144, 119), (142, 118), (314, 274), (203, 122))
"""sched_setscheduler, sched_setparam, sched_setattr, sched_setaffinity: whom they change is the first argument."""
_SETPRIORITY = (141, 140)
_KEEPER = 1
_FCNTL = (72, 25)
_OPEN_FILE_LOCKS = 37, 38
"""F_OFD_SETLK, F_OFD_SETLKW: of no process, so that all sandboxes see and count them."""
_SETSOCKOPT = (54, 208)
_SOL_SOCKET = 1
_KEPT = (
    7,
    8,
    32,
    33,
    60,
)  # SO_SNDBUF, SO_RCVBUF and their FORCE; SO_ZEROCOPY, which keeps what vmsplice would
_MMAP = (9, 222)
_HUGE_PAGES = 0x40000  # MAP_HUGETLB: from a pool of the machine's, which no limit on memory counts
_NEW_NAMESPACE = 0x7E020080  # CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}
_FAMILIES = (
    1,
    2,
    10,
    16,
)  # unix, inet, inet6, netlink: a network namespace holds them. It does not hold vsock.
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 24, 32
_FOURTH_ARGUMENT = 40


def program(machine: str = platform.machine()) -> bytes | None:
    """The filter as classic BPF instructions (`struct sock_filter[]`); None on other machines.

    Source: Linux, Documentation/userspace-api/seccomp_filter.rst and the system call tables.
    """
    if machine not in _ARCHITECTURES:
        return None
    column, architecture = _ARCHITECTURES[machine]

    def refuse(error: int) -> int:
        return 0x00050000 | error

    # (code, jump if true, jump if false, operand); jumps count the instructions skipped.
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        # The x32 calls have other numbers for the same things.
        code += [(_GREATER_EQUAL, 0, 1, 0x40000000), (_RETURN, 0, 0, refuse(errno.ENOSYS))]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, refuse(errno.EPERM))]
    # Its flags are in memory that a filter cannot read; the C library falls back to clone.
    code += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, refuse(errno.ENOSYS))]
    code += [
        (_EQUAL, 0, 4, _SETRLIMIT[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, _CORE),
        (_RETURN, 0, 0, refuse(0)),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 11, _PRLIMIT[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, refuse(errno.EPERM)),
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        (_EQUAL, 0, 4, _CORE),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _THIRD_ARGUMENT + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),  # only asks
        (_RETURN, 0, 0, refuse(0)),
    ]
    # A program of the same user could take its processor away from the keeper, and with it the time limit.
    for one in _OF_A_PROCESS:
        code += [
            (_EQUAL, 0, 4, one[column]),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_EQUAL, 0, 1, _KEEPER),
            (_RETURN, 0, 0, refuse(errno.EPERM)),
            (_RETURN, 0, 0, _ALLOW),
        ]
    code += [
        (_EQUAL, 0, 4, _MMAP[column]),
        (_LOAD, 0, 0, _FOURTH_ARGUMENT),
        (_ANY_BIT, 0, 1, _HUGE_PAGES),
        (_RETURN, 0, 0, refuse(errno.EINVAL)),  # as where there are none
        (_RETURN, 0, 0, _ALLOW),
    ]
    code += [
        (_EQUAL, 0, 5, _FCNTL[column]),
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        *((_EQUAL, 1 - index, index, command) for index, command in enumerate(_OPEN_FILE_LOCKS)),
        (_RETURN, 0, 0, refuse(errno.EINVAL)),  # as of a kernel that does not know them
        (_RETURN, 0, 0, _ALLOW),
    ]
    # What a socket holds is nobody's memory: it keeps its default size, whatever a program is told.
    code += [
        (_EQUAL, 0, len(_KEPT) + 6, _SETSOCKOPT[column]),
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        (_EQUAL, 1, 0, _SOL_SOCKET),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        *((_EQUAL, len(_KEPT) - index, 0, option) for index, option in enumerate(_KEPT)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, refuse(0)),
        (_EQUAL, 0, 6, _SETPRIORITY[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 2, 0),  # one process, not a group's or a user's
        (_LOAD, 0, 0, _SECOND_ARGUMENT),
        (_EQUAL, 0, 1, _KEEPER),
        (_RETURN, 0, 0, refuse(errno.EPERM)),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 6, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 2, 0, _NEW_NAMESPACE),
        (_ANY_BIT, 0, 2, _THREAD),
        (_ANY_BIT, 1, 0, _SAME_FILES),  # a thread's own would be in no process's count
        (_RETURN, 0, 0, refuse(errno.EPERM)),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, len(_FAMILIES) + 2, _SOCKET[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
    ]
    code += [(_EQUAL, len(_FAMILIES) - index, 0, family) for index, family in enumerate(_FAMILIES)]
    code += [(_RETURN, 0, 0, refuse(errno.EAFNOSUPPORT)), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


LAUNCHER = """\
import ctypes, os, signal, struct, sys
code = bytes.fromhex(sys.argv[1])
buffer = ctypes.create_string_buffer(code, len(code))
prctl = ctypes.CDLL(None).prctl
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
if prctl(38, 1, 0, 0, 0) or prctl(22, 2, program, 0, 0):
    sys.exit("the seccomp filter was refused")
for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(ignored, signal.SIG_DFL)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.stderr.write(sys.argv[2] + ": " + error.strerror + "\\n")
    sys.exit(127)
"""
"""Python that becomes the command in its arguments, under the filter (hexadecimal) in the first of them."""
