"""A submission of PaperBench's form has run only if it ended well, its last step did, and something new is there."""

from pathlib import Path

import pytest

from sandbox.execution import execute
from sandbox.interface import Sandbox
from sandbox.report import ExecutionReport, Limits

LIMITS = Limits(seconds=30, memory_bytes=512 << 20, pids=64, disk_bytes=64 << 20)
MAKES = "echo accuracy 0.91\necho 0.91 > result.csv\n"


def ran(
    script: str, sandbox: Sandbox, directory: Path, cache: Path, limits: Limits = LIMITS
) -> ExecutionReport:
    (directory / "reproduce.sh").write_text(script)
    return execute(directory, sandbox, cache=cache, limits=limits, minutes=limits.seconds / 60)


def test_what_it_said_and_made_is_told_and_the_directory_stays(
    sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "a.py").write_text("open('a.txt', 'w').write('a')\n")
    script = f"pip install -r requirements.txt\npython -m pip install x\npython a.py\n{MAKES}"
    report = ran(script, sandbox, tmp_path, cache)
    assert report.ok and (report.mode, [p.phase for p in report.phases]) == ("full", ["install", "full"])
    said = report.phases[-1].result.stdout
    assert "accuracy 0.91" in said and "a.txt, 1 bytes" in said and "result.csv, 5 bytes" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "reproduce.sh"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"{MAKES}exit 3\n", ""),
        (f"{MAKES}python3 b.py\necho all done\n", "The last step, `python3 b.py`, ended in a traceback"),
        ("echo accuracy 0.91\ncp old.csv copy.tmp\nmv copy.tmp old.csv\n", "made no file that was not there"),
        (
            f"{MAKES}python3 b.py > ./log.txt 2>&1; echo done\n",
            "`log.txt`, which this run wrote, ends in a traceback",
        ),
        (
            f"{MAKES}exec > log.txt 2>&1\npython3 b.py\ndate\n",
            "`log.txt`, which this run wrote, ends in a traceback",
        ),
        (f"{MAKES}python3 c.py\necho all done\n", "The last step, `python3 c.py`, ended in a traceback"),
        (f"{MAKES}python3 b.py &\nwait\n", "The last step, `python3 b.py`, ended in a traceback"),
    ],
    ids=[
        "exit status",
        "traceback in the last step",
        "nothing new",
        "traceback in its log",
        "traceback in the log of all",
        "traceback before what it says of itself",
        "traceback in what ran beside",
    ],
)
def test_it_has_not_run(script: str, why: str, sandbox: Sandbox, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "b.py").write_text("raise ValueError('no')\n")
    (tmp_path / "c.py").write_text("raise ValueError('no model\\nCheck the connection.')\n")
    (tmp_path / "old.csv").write_text("0.91\n")
    report = ran(script, sandbox, tmp_path, cache)
    assert not report.ok and report.failure
    assert why in " ".join(report.failure.problems)


def test_a_traceback_that_later_steps_recover_from_is_none_of_the_last(
    sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "b.py").write_text("raise ValueError('no')\n")
    (tmp_path / "a.py").write_text("open('a.txt', 'w').write('a')\n")
    assert ran("python3 b.py > b.log 2>&1 || true\npython3 a.py\n", sandbox, tmp_path, cache).ok


@pytest.mark.parametrize("script", ["python3 a.py\n", "set -e\npython3 a.py > a.log 2>&1\necho done\n"])
def test_a_traceback_that_is_handled_is_none(
    script: str, sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "a.py").write_text(
        "import logging\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('no GPU; the CPU is used')\n"
        "print('accuracy 0.91')\nopen('a.txt', 'w').write('a')\n"
    )
    report = ran(script, sandbox, tmp_path, cache)
    assert report.ok, report.phases[-1].problems


def test_errors_that_nobody_sees_are_named(sandbox: Sandbox, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "b.py").write_text("raise ValueError('no')\n")
    hidden = ran(f"{MAKES}exec 2>/dev/null\npython3 b.py\ndate > t.txt\n", sandbox, tmp_path, cache)
    assert "reproduce.sh sends errors to /dev/null" in " ".join(hidden.environment.notes)
    asked = ran(f"{MAKES}command -v nvidia-smi > /dev/null 2>&1 || true\n", sandbox, tmp_path, cache)
    assert not asked.environment.notes


def test_what_nothing_can_run_says_what_was_looked_for(sandbox: Sandbox, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)\n")
    report = execute(tmp_path, sandbox, cache=cache, mode="full", limits=LIMITS)
    assert not report.ok and report.failure and report.mode == report.failure.phase == "full"
    assert "neither a `main.py`" in report.failure.problems[0]
    assert "nor a `reproduce.sh`" in report.failure.problems[0]
    assert "mode full cannot be run" in report.failure.problems[0]


def test_what_it_has_made_is_told_whatever_it_is_called(
    sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    script = "echo hi > $'bad\\xff.txt'\necho hi > $'\\u202e\\e[31mred.txt'\nprintf 'x\\xff\\n'\n"
    report = ran(script, sandbox, tmp_path, cache)
    assert report.ok
    said = report.phases[-1].result.stdout
    assert r"bad\udcff.txt, 3 bytes" in said and r"\u202ered.txt, 3 bytes" in said
    said.encode()


def test_at_the_time_limit_what_it_has_said_is_kept(sandbox: Sandbox, tmp_path: Path, cache: Path) -> None:
    limits = Limits(seconds=4, memory_bytes=512 << 20, pids=64, disk_bytes=64 << 20)
    report = ran("echo begun\nsleep 60\n", sandbox, tmp_path, cache, limits)
    assert report.failure and report.failure.result.timed_out
    assert "begun" in report.failure.result.stdout


DOES = {
    "closes its folder": "chmod 0 .",
    "closes what it made": "mkdir made; echo 1 > made/a.csv; chmod 0 result.csv made",
    "folders without end": 'python3 -c \'import os\nfor _ in range(3000): os.mkdir("d"); os.chdir("d")\'',
    "puts a folder in the place of the log": "rm reproduce.log; mkdir -p reproduce.log/a",
    "fills the disk": "head -c 99M /dev/zero > fill; true",
    "long names without end": 'python3 -c \'for n in range(3000): open(f"{n:0250}", "w")\'',
}


@pytest.mark.parametrize("what", DOES)
def test_what_a_script_does_to_its_folder_is_no_trouble_of_the_sandbox(
    what: str, sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    report = ran(f"{MAKES}{DOES[what]}\n", sandbox, tmp_path, cache)
    said = report.phases[-1].result
    assert report.ok, report.phases[-1]
    assert "accuracy 0.91" in said.stdout and "submitter.py" not in said.stdout + said.stderr
    assert "bytes" in said.stdout.partition("Made by this run:")[2]


@pytest.mark.parametrize(("signal", "status"), [("KILL", 137), ("INT", 130)])
def test_a_script_that_kills_what_runs_it_has_failed(
    signal: str, status: int, sandbox: Sandbox, tmp_path: Path, cache: Path
) -> None:
    report = ran(f"{MAKES}kill -{signal} $PPID\nsleep 60\n", sandbox, tmp_path, cache)
    assert report.failure and report.failure.result.exit_code == status
    said = report.failure.result.stdout + report.failure.result.stderr
    assert "accuracy 0.91" in said and "submitter.py" not in said


def test_a_folder_named_as_the_log_is_in_nobodys_way(sandbox: Sandbox, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "reproduce.log").mkdir()
    (tmp_path / "reproduce.log/a").write_text("a")
    assert ran(MAKES, sandbox, tmp_path, cache).ok
