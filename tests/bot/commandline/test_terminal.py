"""What people see at a terminal: nothing lost, nothing that steers it."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.commandline.doctor import Check
from bot.commandline.terminal import Display, examination, execution, result
from bot.words.amounts import duration, money
from pipeline.progress import STAGES, Progress
from sandbox.report import CommandResult, Environment, ExecutionReport, Limits, PhaseResult

ENVIRONMENT = Environment(
    "docker", "debian@sha256:1", "3.11", ("numpy==2.0.0",), Limits(), ("Not as of 2017.",)
)
REPORT: dict[str, Any] = {
    "status": "runs",
    "mode": "smoke",
    "environment": {"sandbox": "docker"},
    "attempts": [{"remedy": "adds tqdm", "lines_changed": 3}, {"remedy": None, "lines_changed": 0}],
    "lines": {"generated": 1812, "changed_percent": 0.165, "executed_percent": 91.24},
    "requirements": {"implemented": 21, "partial": 1, "missing": 0, "deviates": 1, "total": 23},
    "assumptions": [{}, {}],
    "usage": {"usd": 0.31, "calls": 26},
    "models": {
        role: {"model": f"{role}s", "calls": n, "input_tokens": 1000, "output_tokens": 20, "usd": None}
        for n, role in enumerate(("judge", "planner"))
    },
}


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def plain(width: int = 80) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width), file


def terminal(width: int = 80) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, height=24, force_terminal=True, color_system=None), file


def test_elsewhere_than_on_a_terminal_every_event_is_one_line_with_its_time() -> None:
    console, file = plain(width=20)
    clock = Clock()
    with Display(console, clock=clock) as display:
        display(Progress("plan", "started"))
        clock.now += 75
        display(Progress("plan", "advanced", "architecture", 2, 4))
        display(Progress("code", "advanced", "", 3, 8))
        display(Progress("run", "failed", "smoke run failed: No module named 'tqdm'"))
        display.note("Stopping.")
    assert file.getvalue().splitlines() == [
        "  0:00  plan started",
        "  1:15  plan: architecture (2 of 4)",
        "  1:15  code: (3 of 8)",
        "  1:15  run failed: smoke run failed: No module named 'tqdm'",
        "  1:15  Stopping.",
    ]


def test_while_the_code_runs_it_is_said_what_runs_and_how_long_by_now() -> None:
    console, file = plain()
    clock = Clock()
    display = Display(console, clock=clock)
    display(Progress("run", "started"))
    display(Progress("run", "advanced", begun="the smoke run"))
    clock.now += 20
    display.still()
    display(Progress("run", "advanced", found=("tests", "3 of 3 pass")))
    clock.now += 70
    display.still()
    display(Progress("run", "advanced", "smoke run: passed"))
    clock.now += 40
    display.still()
    display(Progress("run", "finished"))
    clock.now += 40
    display.still()
    assert file.getvalue().splitlines() == [
        "  0:00  run started",
        "  0:00  run: the smoke run",
        "  1:30  run: the smoke run, 1 min 30 s by now",
        "  1:30  run: smoke run: passed",
        "  2:10  run, 40 s by now",
        "  2:10  run finished",
    ]


def test_on_a_terminal_the_checklist_shows_what_is_under_way() -> None:
    console, file = terminal()
    with Display(console) as display:
        display(Progress("run", "started"))
        display(Progress("run", "advanced", begun="the smoke run"))
    assert "the smoke run" in file.getvalue()[file.getvalue().rindex("Run and repair") :]


def test_what_papers_and_programs_wrote_cannot_steer_the_terminal() -> None:
    for console, file in (plain(), terminal()):
        with Display(console) as display:
            display(
                Progress("run", "advanced", "died: \x1b]0;title\x07\x1b[31m[bold]red\nnext \u202eline\x9b2J")
            )
        shown = file.getvalue()
        assert "died: [bold]red next line" in shown
        assert "\x1b]" not in shown
        assert "\x1b[31m" not in shown
        assert "\u202e" not in shown


def test_on_a_terminal_attempts_failures_and_notes_stay_and_the_checklist_ends_complete() -> None:
    console, file = terminal()
    clock = Clock()
    with Display(console, max_usd=3, clock=clock) as display:
        for stage in STAGES:
            display(Progress(stage, "started", usd=0.1))
            clock.now += 65
            for attempt in range(30) if stage == "run" else ():
                display(Progress("run", "advanced", f"attempt number {attempt}", usd=0.1))
            display(Progress(stage, "finished", f"{stage} is done", usd=0.31))
        display.note("A note.")
    shown = file.getvalue()
    last = shown[shown.rindex("Read the paper") :]
    for attempt in range(30):
        assert f"attempt number {attempt}" in shown
    assert "A note." in shown
    for stage in STAGES:
        assert f"{stage} is done" in last
    assert last.count("1 min 05 s") == len(STAGES)
    assert "$0.31 of $3.00 · 7 min 35 s" in last


def test_a_run_that_breaks_off_shows_where() -> None:
    console, file = terminal()
    with pytest.raises(ZeroDivisionError), Display(console) as display:
        display(Progress("code", "advanced", "model.py"))
        raise ZeroDivisionError
    assert "■  Write code      model.py" in file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_checklist_keeps_its_height_whatever_the_width(width: int) -> None:
    console, file = terminal(width)
    with Display(console) as display:
        display(Progress("code", "advanced", "a/very/long/path/" * 20))
    shown = file.getvalue().removesuffix("\x1b[?25h")
    last = shown[shown.rindex("Read the paper") :].splitlines()
    assert len(last) == len(STAGES) + 1
    assert all(len(line) <= width for line in last)


def test_the_result_says_what_was_executed_and_met_and_spent() -> None:
    console, file = plain()
    result(
        console, REPORT, Path("/a/folder/with/a/name/that/is/longer/than/eighty/characters/in/one/line"), 93
    )
    shown = file.getvalue()
    assert "The repository runs." in shown
    assert "/in/one/line/repository/docs/execution-report.md\n" in shown
    assert "smoke run (tiny data), docker sandbox, 1 repair\n" in shown
    assert "1,812 written, 91.2 % executed, 0.165 % changed\n" in shown
    assert "21 of 23 implemented, 1 partial, 1 deviates\n" in shown
    assert "$0.31 for 26 model calls\n" in shown
    assert "1 min 33 s\n" in shown


def test_a_repository_that_was_not_run_is_not_called_running() -> None:
    console, file = plain()
    result(console, {**REPORT, "status": "not-run", "environment": None, "attempts": []}, Path("out"), 1)
    assert "has not been run" in file.getvalue()
    assert "Executed" not in file.getvalue()


@pytest.mark.parametrize(
    ("ended", "problems", "words"),
    [
        ({"exit_code": 1}, (), "exit status 1"),
        ({"exit_code": None, "timed_out": True}, (), "stopped at the time limit"),
        ({"exit_code": None, "oom": True}, (), "ran out of memory"),
        ({"exit_code": 0}, ("results.json is missing",), "results.json is missing\n"),
        ({"exit_code": 1}, ("It had no network.",), "exit status 1; It had no network.\n"),
    ],
)
def test_an_execution_that_failed_says_why_with_the_programs_last_words(
    ended: dict[str, Any], problems: tuple[str, ...], words: str
) -> None:
    command = CommandResult(
        argv=("python",), seconds=2.0, stdout="", stderr="Traceback\n  last \x1b]0;t\x07words", **ended
    )
    console, file = plain()
    execution(console, ExecutionReport("smoke", ENVIRONMENT, (PhaseResult("smoke", command, problems),)))
    shown = file.getvalue()
    verdict = "was not seen to run to its end" if ended.get("timed_out") else "does not run"
    assert verdict in shown
    assert f"2 s, {words}" in shown
    assert "Traceback\n  last words\n" in shown
    assert "Not as of 2017." in shown


def test_an_execution_that_proved_itself_shows_its_metrics() -> None:
    command = CommandResult(argv=("python",), exit_code=0, seconds=2.0, stdout="", stderr="")
    console, file = plain()
    phases = (PhaseResult("install", command), PhaseResult("smoke", command))
    execution(console, ExecutionReport("smoke", ENVIRONMENT, phases, {"accuracy": 0.5}))
    assert "The repository runs." in file.getvalue()
    assert "Metrics       accuracy 0.5 (on tiny data)" in file.getvalue()


def test_an_execution_without_all_that_was_asked_for_does_not_just_say_that_it_runs() -> None:
    console, file = plain()
    environment = replace(ENVIRONMENT, left_out=("flibber",))
    smoke = PhaseResult("smoke", CommandResult(("python3", "main.py"), 0, 9.0, "", ""))
    execution(console, ExecutionReport("smoke", environment, (smoke,), {"loss": 1.0}))
    said = " ".join(file.getvalue().split())
    assert "runs, but not all of its requirements.txt was installed: flibber." in said


def test_a_full_run_that_skipped_experiments_does_not_just_say_that_it_runs() -> None:
    console, file = plain()
    full = PhaseResult("full", CommandResult(("bash", "reproduce.sh"), 0, 9.0, "", ""))
    ended = json.dumps({"runs": [{"status": "done"}, {"status": "skipped"}, {"status": "skipped"}]}).encode()
    execution(console, ExecutionReport("full", ENVIRONMENT, (full,), files={"results.json": ended}))
    assert "runs, but 2 of 3 runs were skipped" in " ".join(file.getvalue().split())


def test_the_doctors_findings_come_with_what_to_do() -> None:
    console, file = plain()
    examination(console, [Check("git", "bad", "not on PATH", "Install git."), Check("uv", "ok", "/bin/uv")])
    assert [line.split() for line in file.getvalue().splitlines()] == [
        ["bad", "git", "not", "on", "PATH"],
        ["Install", "git."],
        ["ok", "uv", "/bin/uv"],
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("usd", "words"), [(0, "$0.00"), (0.0042, "$0.0042"), (0.31, "$0.31"), (None, "unknown cost")]
)
def test_money(usd: float | None, words: str) -> None:
    assert money(usd) == words
