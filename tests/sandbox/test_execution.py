import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.contents import contents
from sandbox.execution import _coverage, execute, run_command
from sandbox.interface import Command, Sandbox, SandboxCancelled
from sandbox.report import MOST_PROBLEMS, CommandResult, ExecutionReport, Limits, PhaseResult
from sandbox.steps import Step, Steps

WRITE = """
import json
def write(mode, **metrics):
    with open("results.json", "w") as file:
        json.dump({"mode": mode, "metrics": metrics}, file)
"""
MAIN = """
import sys
from results import write

def main():
    mode = "smoke" if "--smoke" in sys.argv else "full"
    write(mode, loss=0.5, accuracy=1)

def never():
    return 1

if __name__ == "__main__":
    main()
"""
REPOSITORY = {
    "main.py": MAIN,
    "results.py": WRITE,
    "empty/__init__.py": "",
    "reproduce.sh": "set -e\npython main.py\n",
}
LIMITS = Limits(seconds=30, memory_bytes=1 << 30, pids=64, disk_bytes=64 << 20)

Execute = Callable[..., ExecutionReport]


@pytest.fixture
def execution(sandbox: Sandbox, cache: Path, tmp_path: Path) -> Execute:
    """Execute REPOSITORY with some files changed; None removes one."""

    def run(changes: dict[str, str | None] | None = None, **options: object) -> ExecutionReport:
        directory = tmp_path / "repository"
        for name, text in (REPOSITORY | (changes or {})).items():
            if text is not None:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_text(text)
        before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
        report = execute(directory, sandbox, **{"cache": cache, "limits": LIMITS, **options})
        assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
        return report

    return run


def test_a_repository_that_runs_proves_it(execution: Execute, sandbox: Sandbox) -> None:
    seen: list[str] = []
    report = execution(mode="full", promised=["loss", "accuracy"], observe=seen.append)
    assert report.ok, report
    assert [phase.phase for phase in report.phases] == seen == ["install", "import", "smoke", "full"]
    assert report.metrics == {"loss": 0.5, "accuracy": 1.0}
    assert report.environment.sandbox == sandbox.name
    main = report.coverage["main.py"]
    assert main.executable - main.executed == {10}
    assert report.coverage["results.py"].executed == {2, 3, 4, 5}
    assert report.phases[-1].result.argv == ("bash", "reproduce.sh")
    assert all(phase.result.stderr == "" for phase in report.phases)


def test_what_is_measured_does_not_depend_on_the_umask(
    execution: Execute, cache: Path, tmp_path: Path
) -> None:
    """Services have one that keeps everything from everybody else, the sandbox's user too."""
    (fresh := tmp_path / "cache").mkdir()
    (cache / "uv").mkdir(exist_ok=True)
    (fresh / "uv").symlink_to(cache / "uv")
    before = os.umask(0o077)
    try:
        report = execution(cache=fresh)
    finally:
        os.umask(before)
    assert report.ok and report.coverage["main.py"].executed


def test_a_crash_of_native_code_shows_the_python_that_called_it(execution: Execute) -> None:
    main = "import ctypes\n\n\ndef crash():\n    ctypes.string_at(0)\n\n\nif __name__ == '__main__':\n    crash()\n"
    report = execution({"main.py": main})
    assert not report.ok
    assert "line 5 in crash" in report.phases[-1].result.stderr


def test_lines_in_threads_and_child_processes_count(execution: Execute) -> None:
    work = """
def in_thread():
    return 1

def in_fork(number):
    return number

def in_spawn(number):
    return number

if __name__ == "__main__":
    in_child = 1
"""
    main = """
import multiprocessing, os, subprocess, sys, threading
import work
from results import write
if __name__ == "__main__":
    thread = threading.Thread(target=work.in_thread)
    thread.start()
    thread.join()
    for method, target in (("fork", work.in_fork), ("spawn", work.in_spawn)):
        child = multiprocessing.get_context(method).Process(target=target, args=(1,))
        child.start()
        child.join()
    subprocess.run([sys.executable, "work.py"], check=True, cwd=os.getcwd())
    write("smoke", loss=1)
    os._exit(0)
"""
    report = execution({"main.py": main, "work.py": work})
    assert report.ok, report
    assert report.coverage["work.py"].executed == report.coverage["work.py"].executable
    assert report.coverage["main.py"].executed == report.coverage["main.py"].executable


def test_importing_runs_no_main_block_and_names_what_fails(execution: Execute) -> None:
    report = execution(
        {
            "good.py": "if __name__ == '__main__':\n    raise SystemExit('main block ran')\n",
            "package/wrong.py": "import package.missing_part\n",
            "package/inner/fine.py": "from package.inner import neighbour\n",
            "package/inner/neighbour.py": "",
            "scripts/run-it.py": "import beside\n",
            "scripts/beside.py": "",
            "src/inside.py": "",
            "uses.py": "import inside\nimport src.inside\n",
            "quits.py": "import sys\nprint('text of the program')\nsys.exit(0)\n",
            "tests/test_it.py": "raise AssertionError\n",
        }
    )
    failure = report.failure
    assert failure and failure.phase == "import"
    assert failure.problems == ("`package/wrong.py` cannot be imported.", "`quits.py` cannot be imported.")
    assert "No module named 'package.missing_part'" in failure.result.stderr
    assert "runner.py" not in failure.result.stderr
    assert failure.result.stdout == "text of the program\n"


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        ("import os\nos._exit(0)", "`hard.py` was being imported when the program ended."),
        ("while True: pass", "`hard.py` was being imported when the program was stopped."),
    ],
)
def test_a_module_that_ends_the_import_is_named(execution: Execute, ending: str, problem: str) -> None:
    report = execution({"hard.py": ending}, limits=Limits(seconds=3, pids=64, disk_bytes=64 << 20))
    failure = report.failure
    assert failure and (failure.phase, failure.problems) == ("import", (problem,))


BROKEN = {
    "no results": ({"main.py": "print('all done')"}, "`results.json` was not written as an ordinary file"),
    "results of before": (
        {"main.py": "print('all done')", "results.json": '{"mode": "smoke", "metrics": {"loss": 1}}'},
        "`results.json` was not written as an ordinary file",
    ),
    "results as a link": (
        {
            "main.py": "import os\nif __name__ == '__main__': os.symlink('other.json', 'results.json')",
            "other.json": "{}",
        },
        "`results.json` was not written as an ordinary file",
    ),
    "results by a survivor": (
        {
            "main.py": "import os, time\nif __name__ == '__main__' and not os.fork():\n    os.setsid()\n"
            "    time.sleep(600)\n"
            '    open(\'results.json\', \'w\').write(\'{"mode": "smoke", "metrics": {"loss": 1}}\')'
        },
        "`results.json` was not written as an ordinary file",
    ),
    "no program": ({"main.py": None}, "There is no `main.py`"),
    "other mode": ({"main.py": MAIN.replace('"smoke" if', '"full" if')}, 'does not say `"mode": "smoke"`'),
    "promise": ({"main.py": MAIN.replace("loss=0.5, ", "")}, "The promised metric `loss` is not in"),
    "not finite": (
        {"main.py": MAIN.replace("0.5", "float('nan')")},
        "The metric `loss` in `results.json` is not a",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_that_proves_nothing_fails(name: str, execution: Execute) -> None:
    changes, problem = BROKEN[name]
    failure = execution(changes, promised=["loss"]).failure
    assert failure and failure.phase == "smoke"
    assert any(problem in each for each in failure.problems), failure


@pytest.mark.parametrize(
    ("body", "exit_code", "oom"),
    [
        ("1 / 0", 1, False),
        ("import os; os.kill(os.getppid(), 9)", 137, False),
        ("held = [bytearray(b'x' * (64 << 20)) for _ in range(64)]", None, True),
    ],
    ids=["exception", "kills the runner", "out of memory"],
)
def test_how_a_program_ended_is_said_once(
    body: str, exit_code: int | None, oom: bool, execution: Execute
) -> None:
    failure = execution({"main.py": f"if __name__ == '__main__':\n    {body}"}).failure
    assert failure and failure.phase == "smoke"
    assert (failure.result.exit_code, failure.result.oom, failure.problems) == (exit_code, oom, ())


def test_a_run_in_which_no_line_was_seen_fails(execution: Execute) -> None:
    hidden = "python -S -E -c \"import sys; sys.path.insert(0, '.'); import main; main.main()\"\n"
    report = execution({"reproduce.sh": hidden, "main.py": MAIN}, mode="full")
    assert report.failure and report.failure.phase == "full"
    assert report.failure.problems == ("No line of the repository's Python code was seen to be executed.",)


def test_requirements_that_cannot_be_met_fail_the_installation(execution: Execute) -> None:
    report = execution({"requirements.txt": "six==0.0.1", "main.py": "import six\n" + MAIN})
    failure = report.failure
    assert failure and failure.phase == "install"
    assert failure.problems == (
        "There are no versions of the required packages that fit together and this Python.",
    )
    assert "six==0.0.1" in failure.result.stderr


def test_a_library_that_the_system_lacks_is_told_apart_from_the_code(execution: Execute) -> None:
    report = execution({"loads.py": "import ctypes\nctypes.CDLL('libnobody-has.so.1')\n"})
    failure = report.failure
    assert failure and failure.phase == "import"
    assert failure.problems[0] == "`loads.py` cannot be imported."
    assert failure.problems[1].startswith("`libnobody-has.so.1` is a library of the system")


def test_an_unknown_import_fails_the_installation(execution: Execute) -> None:
    report = execution({"main.py": "import nobody_knows_this\n" + MAIN})
    assert report.failure and report.failure.phase == "install"
    assert "nobody_knows_this" in report.failure.problems[0]


def test_packages_are_there_and_the_hosts_are_not(execution: Execute) -> None:
    main = "import six\n" + MAIN.replace(
        "    main()",
        "    main()\n    import importlib.util as u\n    print([bool(u.find_spec(n)) for n in NAMES])",
    )
    names = "NAMES = 'six docker pip pytest numpy setuptools'.split()\n"
    report = execution({"requirements.txt": "six", "main.py": names + main})
    assert report.ok, report
    assert report.phases[-1].result.stdout == "[True, False, False, False, False, False]\n"
    assert [pin.partition("==")[0] for pin in report.environment.packages] == ["six"]


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(60)",
        "while True: print('x' * 1000)",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
    ],
    ids=["silent", "loud", "deaf"],
)
def test_a_command_is_killed_when_somebody_asks_to_stop(
    sandbox: Sandbox, tmp_path: Path, program: str
) -> None:
    asked = itertools.count()
    command = Command(("python3", "-c", program), LIMITS, cancelled=lambda: next(asked) >= 3)
    with pytest.raises(SandboxCancelled):
        sandbox.run(tmp_path, command)


@pytest.mark.slow
def test_a_run_that_takes_too_long_says_where_it_was(execution: Execute) -> None:
    main = "import time\ndef hang():\n    time.sleep(600)\nif __name__ == '__main__':\n    hang()\n"
    failure = execution({"main.py": main}).failure
    assert failure
    assert failure.result.timed_out
    assert "(most recent call first)" in failure.result.stderr
    assert "line 3 in hang" in failure.result.stderr


@pytest.mark.slow
def test_the_packages_around_torch_fit_it(execution: Execute, packages: Path) -> None:
    main = """
import torch, torchaudio, torchvision
from torchvision import models, transforms
from results import write
if __name__ == "__main__":
    image = transforms.CenterCrop(24)(torch.rand(1, 3, 32, 32))
    classes = models.resnet18(num_classes=10).eval()(image)
    spectrum = torchaudio.transforms.Spectrogram()(torch.rand(1, 16000))
    write("smoke", classes=classes.shape[1], frequencies=spectrum.shape[1])
"""
    report = execution(
        {"requirements.txt": "torch\ntorchaudio\ntorchvision\n", "main.py": main},
        cache=packages,
        limits=Limits(seconds=240, memory_bytes=2 << 30),
    )
    assert report.ok, report
    assert report.metrics == {"classes": 10, "frequencies": 201}


def test_every_phase_can_be_cancelled(execution: Execute, sandbox: Sandbox) -> None:
    execution()  # Our own tools are there afterwards: it is the repository's packages that are given up.
    new = {"docker": "six==1.15.0\n", "local": "six==1.14.0\n"}[sandbox.name]
    for last in ("install", "import", "smoke", "full"):
        begun: list[str] = []
        with pytest.raises(SandboxCancelled):
            execution(
                {"requirements.txt": new, "main.py": "import six\n" + MAIN},
                mode="full",
                observe=begun.append,
                cancelled=lambda last=last, begun=begun: last in begun,
            )
        assert begun[-1] == last


def test_a_command_has_the_packages_and_a_copy_of_the_directory(
    sandbox: Sandbox, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("PyYAML\n")
    ended = run_command(
        tmp_path,
        sandbox,
        ("bash", "-c", "touch new; ls; python3 -c 'import yaml; print(yaml.__name__)'; exit 3"),
        cache=cache,
        limits=LIMITS,
    )
    assert (ended.exit_code, ended.stdout) == (3, "new\nrequirements.txt\nyaml\n")
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_a_command_is_not_run_without_its_packages(sandbox: Sandbox, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("PyYAML>99\n")
    ended = run_command(tmp_path, sandbox, ("echo", "never"), cache=cache, limits=LIMITS)
    assert not ended.ok
    assert not ended.stdout
    assert "no versions of the required packages that fit together" in ended.stderr


def test_a_command_runs_beside_an_import_that_leads_nowhere_and_that_is_said(
    sandbox: Sandbox, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("import experiments_to_come\n")
    ended = run_command(tmp_path, sandbox, ("echo", "tried"), cache=cache, limits=LIMITS)
    assert (ended.exit_code, ended.stdout) == (0, "tried\n")
    assert "experiments_to_come" in ended.stderr


def test_problems_without_end_are_cut_and_shown_as_text() -> None:
    result = CommandResult((), 0, 0.0, "", "")

    phase = PhaseResult("import", result, ("\ud800" + "x" * 12_000_000, *["y"] * 60_000))

    assert phase.problems[0].startswith("\\ud800xxx")
    assert sum(map(len, phase.problems)) < 2000
    assert phase.problems[-1] == f"And {60_001 - MOST_PROBLEMS:,} more."


@pytest.mark.parametrize(
    "said",
    ["5", "[1]", '{"lines": {"/work/main.py": [1]}}', '{"secret": "guessed", "lines": 5}', "[" * 9999]
    + [f'{{"secret": "secret", "lines": {lines}}}' for lines in ("5", "null", '{"/work/main.py": 5}')]
    + ['{"secret": "secret"}', '{"secret": "secret", "lines": {"/work/main.py": [[1], NaN, "1", {}]}}'],
)
def test_a_coverage_report_that_is_not_the_runners_says_nothing(tmp_path: Path, said: str) -> None:
    (tmp_path / "main.py").write_text("a = 1\nb = 2\n")

    found = _coverage(contents(tmp_path), said.encode(), "secret")

    assert (found["main.py"].executable, found["main.py"].executed) == ({1, 2}, frozenset())


FORGING = """
import json, os
from results import write

def main():
    write("smoke", loss=0.5)
    words = open(f"/proc/{os.getppid()}/cmdline").read().split("\\0")
    report = next(word for word in words if word.startswith(".paper2code-"))
    lines = {f"/work/{name}": list(range(1, 100)) for name in ("main.py", "never.py")}
    json.dump({"secret": "", "lines": lines} | lines, open(report, "w"))
    os.chmod("/work", 0o555)

if __name__ == "__main__":
    main()
"""


def test_a_program_that_writes_the_runners_report_claims_no_lines(execution: Execute) -> None:
    report = execution({"main.py": FORGING, "never.py": "def never():\n    return 1\n"})

    assert report.ok
    assert report.coverage["never.py"].executed <= {1}
    assert report.coverage["main.py"].executed


def test_a_program_does_not_see_the_secret(execution: Execute) -> None:
    spying = MAIN.replace(
        "def main():",
        "def main():\n    import os\n    assert 'PAPER2CODE_SECRET' not in os.environ\n"
        "    try:\n        open(f'/proc/{os.getppid()}/environ').read()\n"
        "    except PermissionError:\n        pass\n    else:\n        raise AssertionError",
    )

    assert execution({"main.py": spying}).ok


BURYING = FORGING.replace(
    '    json.dump({"secret": "", "lines": lines} | lines, open(report, "w"))\n    os.chmod("/work", 0o555)\n',
    "    os.mkdir(report)\n    os.chdir(report)\n"
    "    for _ in range(3000):\n        os.mkdir('d')\n        os.chdir('d')\n",
)


def test_folders_without_end_in_the_reports_place_claim_no_lines(execution: Execute) -> None:
    report = execution({"main.py": BURYING})

    assert report.phases[-1].result.stderr == ""
    assert report.phases[-1].result.exit_code == 0
    assert not any(lines.executed for lines in report.coverage.values())


SHADOWS = (
    "json",
    "ctypes",
    "tempfile",
    "subprocess",
    "coverage",
    "sitecustomize",
    "usercustomize",
    "sqlite3",
)


def test_modules_named_as_those_of_the_runner_do_not_take_their_place(execution: Execute) -> None:
    shadow = "raise RuntimeError('the wrong one')\n"
    main = (
        "import sys\nif __name__ == '__main__':\n"
        '    open(\'results.json\', \'w\').write(\'{"mode": "smoke", "metrics": {"loss": 1}}\')\n'
    )

    report = execution(
        {f"docs/{name}.py": shadow for name in SHADOWS} | {"main.py": main, "results.py": None}
    )
    assert report.ok, report.phases
    report = execution({f"{name}.py": shadow for name in SHADOWS} | {"main.py": main, "results.py": None})
    assert "`coverage.py` cannot be imported." in report.phases[1].problems


class Closing:
    """A sandbox of whose rooms for several commands nothing is heard."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name, self.platform, self._sandbox = sandbox.name, sandbox.platform, sandbox
        self.closed = 0

    def run(self, directory: Path, command: Command) -> CommandResult:
        if not command.argv[2].endswith("stepper.py"):
            return self._sandbox.run(directory, command)
        self.closed += 1
        return CommandResult(command.argv, 1, 0.0, "", "Traceback")


def uses(steps: Steps) -> Iterator[PhaseResult]:
    listed, alone = steps([Step(("python3", "main.py", "list")), Step(("python3", "main.py", "alone"))])
    yield PhaseResult("list", listed.result)
    yield PhaseResult("alone", alone.result)


def test_a_room_that_was_closed_proves_nothing_and_is_tried_once_more(
    sandbox: Sandbox, cache: Path, tmp_path: Path
) -> None:
    for name, text in (("main.py", MAIN), ("results.py", WRITE)):
        (tmp_path / name).write_text(text)
    closing = Closing(sandbox)
    report = execute(tmp_path, closing, cache=cache, limits=LIMITS, use=uses)

    assert report.ok and closing.closed == 2
    assert [phase.phase for phase in report.phases] == ["install", "import", "smoke"]
    assert report.unproven.startswith("the sandbox was closed with exit status 1")


@pytest.mark.parametrize(
    ("does", "ends"),
    [
        ("os.kill(os.getppid(), 9)", {"list": 137, "alone": None}),
        ("os.kill(os.getpid(), 9)", {"list": -9, "alone": 0}),
        ("os.chmod('.', 0); sys.exit()", {"list": 0, "alone": 0}),
    ],
    ids=["kills who runs it", "kills itself", "closes its folder"],
)
def test_no_program_switches_off_what_follows_its_smoke_run(
    does: str, ends: dict[str, int | None], execution: Execute
) -> None:
    main = MAIN.replace("def main():", f"def main():\n    import os\n    if 'list' in sys.argv: {does}")
    report = execution({"main.py": main}, use=uses)

    assert {phase.phase: phase.result.exit_code for phase in report.phases[3:]} == ends
    assert report.ok == (ends["list"] == 0)
    assert not report.unproven


LONG = """
import os, signal, sys
from results import write

if __name__ == "__main__":
    if "run" in sys.argv:
        os.mkdir("results")
        open("results/a.csv", "w").write("1")
        write("scaled", loss=0.25)
        {ending}
    elif "report" in sys.argv:
        {report}
    else:
        write("smoke", loss=0.5)
"""


@pytest.mark.parametrize(
    ("ending", "report", "problems"),
    [
        ("os.chmod('results', 0), os.chmod('.', 0)", "open('results/a.csv').close()", ()),
        ("pass", "os.kill(os.getppid(), signal.SIGKILL)", ("Its report failed.",)),
    ],
    ids=["closes its folder", "its report kills who runs it"],
)
def test_what_a_long_run_has_found_is_not_lost_by_what_it_does_at_its_end(
    ending: str, report: str, problems: tuple[str, ...], execution: Execute
) -> None:
    main = LONG.format(ending=ending, report=report)
    ran = execution({"main.py": main, "harness.py": ""}, mode="scaled", minutes=0.5)

    assert (ran.phases[-1].phase, ran.phases[-1].problems) == ("scaled", problems), ran
    assert ran.metrics == {"loss": 0.25}
    assert ran.files["results/a.csv"] == b"1"


IMPORTING = {
    "closes the folder": "import os\nos.chmod('.', 0)\n",
    "leaves the folder": "import os\nos.chdir('/tmp')\n",
    "takes the journal's place": "import glob, os\nfor journal in glob.glob('.paper2code-*'):\n"
    "    os.unlink(journal)\n    os.mkdir(journal)\n",
    "closes what is not its own": "import os\nos.closerange(3, 99)\n",
}


@pytest.mark.parametrize("what", IMPORTING)
def test_what_a_module_does_when_it_is_imported_is_no_trouble_of_the_sandbox(
    what: str, execution: Execute
) -> None:
    report = execution({"a.py": IMPORTING[what], "b.py": "import package.part\n", "package/part.py": ""})

    imported = report.phases[1]
    assert imported.phase == "import" and imported.result.stderr == ""
    assert report.ok == ("folder" in what)
    assert all("imported" in problem for problem in imported.problems)


def test_a_module_that_is_gone_or_shut_away_is_named_without_a_word_of_ours(execution: Execute) -> None:
    taking = "import os\nos.unlink('b.py')\nos.chmod('package', 0)\n"
    failure = execution({"a.py": taking, "b.py": "", "package/part.py": "", "c.py": "a = (\n"}).failure

    assert failure and failure.problems == tuple(
        f"`{name}` cannot be imported." for name in ("b.py", "c.py", "package/part.py")
    )
    assert "/tools/" not in failure.result.stderr
    assert "SyntaxError" in failure.result.stderr


def test_data_that_are_lent_are_read_and_never_written(sandbox: Sandbox, tmp_path: Path) -> None:
    lent, directory = tmp_path / "lent", tmp_path / "directory"
    lent.mkdir()
    directory.mkdir()
    (lent / "train.csv").write_text("1\n2\n")
    command = Command(
        ("bash", "-c", "cat /data/digits/train.csv; echo 3 > /data/digits/new"),
        LIMITS,
        data=(("digits", lent),),
    )
    ended = sandbox.run(directory, command)
    assert ended.stdout == "1\n2\n" and "Read-only file system" in ended.stderr and ended.exit_code == 1
    assert [path.name for path in lent.iterdir()] == ["train.csv"]
    without = sandbox.run(directory, replace(command, argv=("ls", "/data"), data=()))
    assert not without.ok


def test_links_in_data_that_are_lent_lead_nowhere_outside_of_them(sandbox: Sandbox, tmp_path: Path) -> None:
    lent, directory = tmp_path / "version-2", tmp_path / "directory"
    for folder in (lent, directory, tmp_path / "other"):
        folder.mkdir()
    for secret in (tmp_path / "secret.txt", tmp_path / "other/secret.txt"):
        secret.write_text("hidden")
    (lent / "train.csv").write_text("1\n")
    (lent / "latest.csv").symlink_to("train.csv")
    (lent / "absolute").symlink_to(tmp_path / "secret.txt")
    (lent / "relative").symlink_to("../secret.txt")
    (lent / "folder").symlink_to(tmp_path / "other")
    (lent / "system").symlink_to("/etc/passwd")
    (tmp_path / "current").symlink_to(lent)
    names = "latest.csv", "absolute", "relative", "folder/secret.txt", "system"
    program = f"""
for name in {names}:
    try:
        print(name, open("/data/digits/" + name).read())
    except OSError as error:
        print(name, type(error).__name__)
"""
    ended = sandbox.run(
        directory, Command(("python3", "-c", program), LIMITS, data=(("digits", tmp_path / "current"),))
    )
    assert ended.ok, ended
    assert ended.stdout.startswith("latest.csv 1\n"), ended
    assert "hidden" not in ended.stdout and ended.stdout.count("FileNotFoundError") == 3
    assert Path("/etc/passwd").read_text().splitlines()[-1] not in ended.stdout
