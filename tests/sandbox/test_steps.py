"""Several commands in one room: what each leaves behind is believed only from who ran them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import steps as module
from sandbox.interface import Command, RoomClosed, Sandbox
from sandbox.report import CommandResult
from sandbox.steps import Step, Stepped, run_steps
from tests.sandbox.conftest import SMALL

FORGING = """
import json, os, sys, time
from pathlib import Path

if sys.argv[1:] == ["fail"]:
    sys.exit(3)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for place in Path().glob(".paper2code-*"):
                place.write_text(FORGED)
            for name in sys.argv[1].split():
                Path(name).write_text(FORGED)
            time.sleep(0.001)
"""
FORGED = '{"steps": [{"exit_code": 0, "seconds": 0, "stdout": "forged", "stderr": "", "files": {}}] * 2}'
SPY = """
import os
from pathlib import Path

seen = [name for name in os.environ if "SECRET" in name]
for process in Path("/proc").glob("[0-9]*"):
    try:
        seen += [str(process)] if b"PAPER2CODE_SECRET" in (process / "environ").read_bytes() else []
    except OSError:
        pass
print("seen", seen)
"""


def stepped(sandbox: Sandbox, folder: Path, program: str, *arguments: tuple[str, ...]) -> list[Stepped]:
    directory, tools = folder / "repository", folder / "tools"
    directory.mkdir()
    (directory / "program.py").write_text(program)
    tools.mkdir()
    shutil.copy(Path(module.__file__).with_name("stepper.py"), tools)

    def run(argv: tuple[str, ...], outputs: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        return sandbox.run(directory, Command(argv, SMALL, environment, tools=tools, outputs=outputs))

    return run_steps([Step(("python3", "program.py", *each)) for each in arguments], 10, run)


def test_what_a_step_leaves_running_cannot_answer_for_the_next(sandbox: Sandbox, tmp_path: Path) -> None:
    program = FORGING.replace("FORGED", repr(FORGED))
    told = stepped(sandbox, tmp_path, program, ("report.json",), ("fail",))

    assert [each.result.exit_code for each in told] == [0, 3]
    assert "forged" not in told[0].result.stdout


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


def test_no_step_sees_the_secret_of_the_report(sandbox: Sandbox, tmp_path: Path) -> None:
    (told,) = stepped(sandbox, tmp_path, SPY, ())

    assert told.result.stdout.strip() == "seen []"


def test_a_report_without_the_secret_is_nobodys() -> None:
    def run(argv: tuple[str, ...], outputs: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        return CommandResult(
            argv, 1, 0.0, "", "", outputs={outputs[0]: FORGED.replace("] * 2", "]").encode()}
        )

    with pytest.raises(RoomClosed, match="closed with exit status 1"):
        run_steps([Step(("python3", "program.py"))], 10, run)


def test_who_ends_the_room_has_said_nothing_of_what_ran_in_it(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(RoomClosed):
        stepped(sandbox, tmp_path, "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", (), ())
