"""Every way in which a command can end: words, exit status, what was kept, and how to go on."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bot.commandline.boundary import Boundary, Errand
from pipeline import errors
from sandbox.interface import InstallationFailed, SandboxUnavailable

ROOT = Path(__file__).parents[3]


def end_with(error: BaseException, *arguments: str, directory: Path | None = None) -> Result:
    """The command line's answer to a command that dies of `error`."""

    @click.group(cls=Boundary)
    def main() -> None: ...

    @main.command()
    @click.option("--resume", is_flag=True)
    @click.pass_obj
    def run(errand: Errand, resume: bool) -> None:
        errand.directory = directory
        errand.resumable = True
        raise error

    return CliRunner().invoke(main, ["run", *arguments], prog_name="paper2code")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.PaperNotFound("There is no such paper.", "Check the number."), 2),
        (errors.PaperUnreadable("There is no such paper.", "Check the number."), 2),
        (errors.ArxivUnavailable("There is no such paper.", "Check the number."), 3),
        (errors.ModelRefused("There is no such paper.", "Check the number."), 3),
        (errors.AnswerInvalid("There is no such paper.", "Check the number."), 3),
        (errors.PipelineError("There is no such paper.", "Check the number."), 3),
        (errors.BudgetReached("There is no such paper.", "Check the number."), 4),
    ],
)
def test_an_error_says_what_failed_and_what_to_do(error: Exception, status: int) -> None:
    ended = end_with(error)
    assert ended.exit_code == status
    assert ended.stderr == "Error: There is no such paper.\nWhat to do: Check the number.\n"
    assert ended.stdout == ""


@pytest.mark.parametrize("error", [SandboxUnavailable("No daemon."), InstallationFailed("No index.")])
def test_a_failing_sandbox_is_a_failing_service(error: Exception) -> None:
    ended = end_with(error)
    assert (ended.exit_code, ended.stderr) == (3, f"Error: {error}\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), errors.Cancelled("Stopped before the call plan.")])
def test_an_interruption_is_no_error(error: BaseException) -> None:
    ended = end_with(error)
    assert (ended.exit_code, ended.stderr) == (130, "Interrupted.\n")


def test_a_full_disk_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "paper.md").write_text("# Means")
    ended = end_with(OSError(errno.ENOSPC, "No space left on device", "/x/journal.jsonl"), directory=tmp_path)
    assert ended.exit_code == 3
    assert "the disk is full (/x/journal.jsonl)" in ended.stderr
    assert "--resume" in ended.stderr


def test_what_was_kept_is_named_with_the_command_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{}\n")
    ended = end_with(errors.BudgetReached("Enough."), directory=tmp_path)
    assert f"Kept: {tmp_path}, with the model's answers: none is paid for again\n" in ended.stderr
    assert ended.stderr.endswith("Go on with: paper2code run --resume\n")


def test_where_nothing_was_kept_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert end_with(errors.ModelUnavailable("No key."), directory=tmp_path).stderr == "Error: No key.\n"


def test_what_is_resumed_can_be_resumed_again(tmp_path: Path) -> None:
    (tmp_path / "paper.md").write_text("# Means")
    ended = end_with(errors.BudgetReached("Enough."), "--resume", directory=tmp_path)
    assert ended.stderr.endswith("Go on with: paper2code run --resume\n")
    assert "answers" not in ended.stderr


def test_an_unexpected_error_is_one_sentence_and_its_traceback_a_file_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    ended = end_with(RuntimeError("refused: Bearer sk-very-secret"), directory=tmp_path)
    assert ended.exit_code == 3
    assert "paper2code itself failed (RuntimeError)" in ended.stderr
    assert "Traceback" not in ended.stderr
    details = (tmp_path / "error.txt").read_text()
    assert "Traceback" in details
    assert "refused: Bearer ***" in details
    assert "sk-very-secret" not in details + ended.stderr


def test_an_unexpected_error_is_shown_where_it_cannot_be_written(tmp_path: Path) -> None:
    ended = end_with(RuntimeError("odd"), directory=tmp_path / "missing")
    assert ended.exit_code == 3
    assert "RuntimeError: odd" in ended.stderr


def test_a_service_shows_an_unexpected_error_in_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit's temporary files go with it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    ended = end_with(RuntimeError("refused: Bearer sk-very-secret"))
    assert "Traceback" in ended.stderr and "the details are above" in ended.stderr
    assert "sk-very-secret" not in ended.stderr


def test_an_error_message_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in end_with(errors.PaperError("bad \x1b]0;title\x07 title")).stderr


CHILD = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import click
from bot.commandline.boundary import Boundary, Interrupt, explain

def say(text):
    print(text, flush=True)

@click.group(cls=Boundary)
def main():
    pass

@main.command()
@click.argument("how")
@click.pass_obj
def run(errand, how):
    errand.directory, errand.resumable = Path("."), True
    interrupt = Interrupt(say, lambda: explain(KeyboardInterrupt(), errand))
    with interrupt.watch(), ThreadPoolExecutor() as pool:
        say("ready")
        if how == "obeys":
            while not interrupt.asked():
                threading.Event().wait(0.01)
            raise RuntimeError("what a stopped run may well die of")
        if how == "stuck":
            pool.submit(threading.Event().wait, 100)
        threading.Event().wait(100)

main(prog_name="paper2code")
"""


def child(how: str, folder: Path) -> "subprocess.Popen[str]":
    (folder / "paper.md").write_text("# Means")
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, "run", how],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_the_first_ctrl_c_asks_the_run_to_stop(tmp_path: Path) -> None:
    with child("obeys", tmp_path) as process:
        process.send_signal(signal.SIGINT)
        said, explained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Ctrl-C again ends at once" in said
    assert explained == "Interrupted.\nKept: .\nGo on with: paper2code run obeys --resume\n"


@pytest.mark.parametrize("how", ["waits", "stuck"])
def test_the_second_ctrl_c_ends_whatever_hangs(tmp_path: Path, how: str) -> None:
    with child(how, tmp_path) as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C again ends at once" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, explained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert explained == f"Interrupted.\nKept: .\nGo on with: paper2code run {how} --resume\n"
