"""Several commands in one room: each is told of, by who ran them alone, whatever one of them does."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import steps as module
from sandbox.interface import Command, RoomClosed, Sandbox
from sandbox.report import CommandResult, Limits
from sandbox.steps import REPORT_BYTES, Step, Stepped, run_steps
from tests.sandbox.conftest import SMALL

FORGING = """
import os, sys
from pathlib import Path

if sys.argv[1:] == ["fail"]:
    sys.exit(3)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for place in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    stream = os.open(place, os.O_WRONLY | os.O_NONBLOCK)
                    os.write(stream, FORGED)
                    os.close(stream)
                except OSError:
                    pass
            Path("tried").touch()
while not Path("tried").exists():
    pass
"""
FORGED = b'{"exit_code": 0, "seconds": 0, "stdout": "", "stderr": "", "files": {}}\n' * 2


def stepped(
    sandbox: Sandbox,
    folder: Path,
    program: str,
    *arguments: tuple[str, ...],
    limits: Limits = SMALL,
    aside: str = "nothing",
) -> list[Stepped]:
    directory, tools = folder / "repository", folder / "tools"
    directory.mkdir()
    (directory / "program.py").write_text(program)
    tools.mkdir()
    shutil.copy(Path(module.__file__).with_name("stepper.py"), tools)
    roomy = replace(limits, output_bytes=REPORT_BYTES)

    def run(argv: tuple[str, ...]) -> CommandResult:
        return sandbox.run(directory, Command(argv, roomy, tools=tools))

    steps = [Step(("python3", "program.py", *each), aside=(aside,)) for each in arguments]
    return run_steps(steps, 10, run)


def test_what_a_step_leaves_running_cannot_answer_for_the_next(sandbox: Sandbox, tmp_path: Path) -> None:
    program = FORGING.replace("FORGED", repr(FORGED))
    told = stepped(sandbox, tmp_path, program, ("forge",), ("fail",))

    assert [each.result.exit_code for each in told] == [0, 3]
    assert [each.result.seconds > 0 for each in told] == [True, True]


def test_what_many_steps_leave_is_told_once_and_weights_not_at_all(sandbox: Sandbox, tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path

folder = Path("results/smoke")
folder.mkdir(parents=True, exist_ok=True)
for number in range(60):
    if not (folder / f"{number}.state").exists():
        (folder / f"{number}.state").write_bytes(os.urandom(250_000))
(folder / "told.json").write_text("{}") if sys.argv[1] == "first" else None
"""
    told = stepped(sandbox, tmp_path, program, *[("first",), *[("later",)] * 8])

    assert len(told) == 9, "the report is not too large to be brought back"
    assert [step.files["results/smoke/told.json"].content for step in told] == [b"{}"] * 9
    assert {step.files["results/smoke/7.state"].content for step in told} == {b""}


TAKEN_AWAY = {
    "its folder": "os.chmod('.', 0)",
    "the results": "os.chmod('results', 0)",
    "a folder of the results": "os.chmod('results/a', 0o400)",
    "a file": "os.chmod('results/a/b.json', 0)",
    "results.json": "open('results.json', 'w').write('{}'); os.chmod('results.json', 0)",
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_what_a_step_takes_away_from_everybody_is_there_for_the_next(
    what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    program = f"""
import os, sys

if sys.argv[1] == "first":
    os.makedirs("results/a")
    open("results/a/b.json", "w").write("{{}}")
    {TAKEN_AWAY[what]}
else:
    sys.exit(not os.path.exists("results"))
"""
    told = stepped(sandbox, tmp_path, program, ("first",), ("later",))

    assert [(each.result.exit_code, each.result.stderr) for each in told] == [(0, "")] * 2
    assert [each.files["results/a/b.json"].content for each in told] == [b"{}"] * 2


SPOILT = {
    "folders without end": "os.chdir('results')\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')",
    "long names without end": "for n in range(3000): open(f'results/{n:0250}.json', 'w')",
    "a full disk": """
for place in ("/work", "/tmp"):
    try:
        with open(place + "/fill", "wb", 0) as file:
            while True: file.write(bytes(1 << 16))
    except OSError: pass""",
    "no more files": """
for place in ("/work", "/tmp"):
    try:
        for n in range(20_000): open(f"{place}/{n}", "w").close()
    except OSError: pass""",
    "what is moved away": "os.chmod('results', 0o500); open('.aside', 'w')",
    "output without end": "for _ in range(200): os.write(1, bytes(1 << 20))",
    "a link to itself": "os.rmdir('results'); os.symlink('results', 'results')",
    "a name that is no text": "open(b'results/\\xff.json', 'w')",
    "a pipe": "os.mkfifo('results/a.json')",
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_a_step_does_to_its_folder_is_no_trouble_of_the_sandbox(
    what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    program = f"""
import os, sys

if sys.argv[1] == "later":
    sys.exit(3 if os.path.lexists("results") else 4)
os.mkdir("results")
{SPOILT[what]}
"""
    told = stepped(sandbox, tmp_path, program, ("first",), ("later",), aside="results")

    assert [each.result.exit_code for each in told] == [0, 4]
    assert "stepper" not in "".join(each.result.stderr for each in told)


def test_what_cannot_be_moved_away_is_said_of_the_step(sandbox: Sandbox, tmp_path: Path) -> None:
    program = "import os\nos.mkdir('/tmp/r')\nopen('/tmp/r/a.md', 'w')\nos.symlink('/tmp/r', 'results')"
    told = stepped(sandbox, tmp_path, program, (), (), aside="results/a.md")

    assert [each.result.exit_code for each in told] == [0, 1]
    assert told[1].result.stderr.startswith("`results/a.md` could not be moved away before this command: ")


KILLS = {
    "its parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "its parent, politely": "os.kill(os.getppid(), signal.SIGTERM)",
    "everybody": "os.kill(-1, signal.SIGKILL)",
    "its parent, from behind": "os.fork() or os.kill(PARENT, signal.SIGKILL)",
    "its parent, who is only stopped": "os.kill(os.getppid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("whom", KILLS)
def test_who_ends_what_runs_it_has_failed(whom: str, sandbox: Sandbox, tmp_path: Path) -> None:
    program = f"""
import os, signal, sys, time

PARENT = os.getppid()
os.makedirs("results", exist_ok=True)
open("results/a.json", "w").write("[]")
if sys.argv[1] == "kill":
    {KILLS[whom]}
    time.sleep(60)
"""
    told = stepped(sandbox, tmp_path, program, ("first",), ("kill",), ("later",))

    signalled = 128 + getattr(signal, KILLS[whom].split("signal.")[1].rstrip(")"))
    assert [each.result.exit_code for each in told] == [0, signalled, None]
    assert [each.result.ok for each in told] == [True, False, False]
    assert f"(exit status {signalled})" in told[1].result.stderr
    assert told[2].result.stderr == "It was not run, since `python3 program.py kill` ended everything."
    assert [each.files["results/a.json"].content for each in told] == [b"[]"] * 3


def test_a_step_in_which_the_memory_of_all_runs_out_has_failed(sandbox: Sandbox, tmp_path: Path) -> None:
    program = "import sys\nif sys.argv[1] == 'use up':\n    held = [bytearray(b'x' * (16 << 20)) for _ in range(99)]"
    limits = replace(SMALL, seconds=60)
    told = stepped(sandbox, tmp_path, program, ("first",), ("use up",), ("later",), limits=limits)

    assert [each.result.ok for each in told] == [True, False, False]
    assert told[1].result.oom


@pytest.mark.parametrize("said", ["", "[… 9 bytes left out …]\n"])
def test_a_room_that_ends_by_itself_has_said_nothing_of_what_ran_in_it(said: str) -> None:
    def run(argv: tuple[str, ...]) -> CommandResult:
        return CommandResult(argv, 1, 0.0, said, "")

    with pytest.raises(RoomClosed, match="closed with exit status 1"):
        run_steps([Step(("python3", "program.py"))], 10, run)
