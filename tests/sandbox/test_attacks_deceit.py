"""What comes out of the sandbox is not what the program would have us believe. The table is docs/security.md's."""

from sandbox.report import CommandResult
from tests.sandbox.attacks import Attack, attempt, its_file_comes_out
from tests.sandbox.conftest import Run


def only_the_regular_file_comes_out(result: CommandResult) -> None:
    assert result.exit_code == 0, result
    assert dict(result.outputs) == {"plain.txt": b"plain", "directory/inner/nested.txt": b"nested"}


def harmless_text(result: CommandResult) -> None:
    assert result.stdout == "red overwritten \\u202e \\u200b \\ufeff end\n"


def shown_as_text(result: CommandResult) -> None:
    assert result.stdout.encode().isascii() or "\ufffd" in result.stdout
    assert result.stdout.startswith("a") and result.stdout.endswith(" end\n") and "\0" not in result.stdout


def killed_itself_only(result: CommandResult) -> None:
    assert not result.ok
    assert not result.timed_out


FORGED = """
import os, struct
answer = b'{"exit_code": 0, "timed_out": false, "oom": false, "seconds": 0, "outputs": [["out.txt", 4]]}\\nfake'
for number in (1, 2):
    os.write(number, answer)
    os.write(number, struct.pack(">BxxxL", 1, len(answer)) + answer)
os._exit(3)
"""


def output_like_any_other(result: CommandResult) -> None:
    assert result.exit_code == 3 and not result.outputs
    assert result.stdout.count("fake") == result.stderr.count("fake") == 2


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


ATTACKS = {
    "kill-everything": Attack(
        "Killing every process that can be seen",
        "Only its own; the sandbox still answers",
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), signal.SIGKILL)\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
        killed_itself_only,
    ),
    "keeper": Attack(
        "Reaching process 1, which answers for the sandbox: every signal, its limits, its "
        "memory, its open files",
        "No signal arrives, the calls are refused, and it cannot be looked into",
        attempt(
            "for number in range(1, 65):\n    try: os.kill(1, number)\n    except OSError: pass\nraise OSError",
            "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))",
            "open('/proc/1/mem', 'r+b').close()",
            "os.listdir('/proc/1/fd')",
            "open('/proc/1/environ').close()",
        ),
    ),
    "forged-answer": Attack(
        "Writing to standard output and error what looks like the sandbox's own answer, frames and all",
        "It is output like any other: the answer follows a token that no program has seen",
        FORGED,
        output_like_any_other,
        outputs=("out.txt",),
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
    "closed-folder": Attack(
        "Closing the working directory to everybody, its owner too",
        "It is opened again before outputs are taken; the program's end counts",
        "import os\nopen('out.txt', 'w').write('out')\nos.chmod('/work', 0)",
        its_file_comes_out,
        outputs=("out.txt",),
    ),
    "non-blocking-output": Attack(
        "Making standard output non-blocking and small, with an output file larger than any buffer",
        "The sandbox sets it back before it answers",
        "import fcntl, os\nopen('out.txt', 'w').write('out' + ' ' * 15_000_000)\n"
        "fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK | os.O_APPEND)\n"
        "fcntl.fcntl(1, 1031, 4096)",
        its_file_comes_out,
        outputs=("out.txt",),
    ),
    "no-text": Attack(
        "Bytes that are no Unicode, and zeros, in the output",
        "Each is shown as what stands for it; the output goes on",
        "import os\nos.write(1, b'a\\xff\\xfe\\x00\\xed\\xa0\\x80 end\\n')",
        shown_as_text,
    ),
    "hidden-text": Attack(
        "Terminal escapes, overwritten lines, bidirectional and zero-width characters in the output",
        "Escapes are removed; what cannot be seen is shown as \\uXXXX",
        "print('shown\\r\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07 overwritten \\u202e \\u200b \\ufeff end')",
        harmless_text,
    ),
}


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
