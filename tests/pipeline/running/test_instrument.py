"""Repositories that break one promise each, and the phase of their use that finds it. All in a real sandbox."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.coding.given import given
from pipeline.coding.repository import Repository
from pipeline.planning.plan import DataSet, Experiment, Logic, Metric
from pipeline.running.figures import NO_FIGURES, figures_of, redrawn
from pipeline.running.fixing import error_signature
from pipeline.running.instrument import Instrument, core
from pipeline.running.workbench import Workbench
from sandbox.interface import Sandbox
from sandbox.report import CommandResult, ExecutionReport, Limits
from sandbox.steps import File, Stepped
from tests.conftest import available
from tests.pipeline.plans import LOGIC
from tests.pipeline.pngs import png

EXPERIMENTS = """
import pathlib
import random

from harness import Data, Experiment
from walking import walk


def write_tiny(folder):
    (folder / "steps.csv").write_text("1\\n2\\n")


STEPS = Data("steps", files=("steps.csv",), size="1 kB", where="Ask.", tiny=write_tiny)


def run_walk(run):
    state = run.resume() or {"step": 0, "place": 0.0}
    place = state["place"]
    for step in range(state["step"], run.config["steps"]):
        place = walk(place, random.random())
        run.log(step=step, place=place)
        run.checkpoint(step=step + 1, place=place)
    return {"place": place}


def run_read(run):
    return {"rows": len((run.data(STEPS) / "steps.csv").read_text().split())}


def report_walk(report):
    report.table("Tab1", ["method", "place"], [[m, report.summary(m, "place")] for m in report.methods])


EXPERIMENTS = (
    Experiment("walk", shows="Tab1", run=run_walk, methods=("left", "right"), minutes=20, report=report_walk),
    Experiment("read", shows="S1", run=run_read, needs=(STEPS,)),
)
"""
WALKING = """
def walk(place, step):
    return place + step
"""
READ = Experiment(
    name="read", shows=("S1",), methods=("default",), metrics=("rows",), needs=("steps",), minutes=1
)
DESIGN = LOGIC.model_copy(
    update={
        "metrics": (Metric(name="place", meaning=""), Metric(name="rows", meaning="")),
        "data": (DataSet(name="steps", files=("steps.csv",), size="1 kB", where="Ask."),),
        "experiments": (
            Experiment(
                name="walk", shows=("Tab1",), methods=("left", "right"), metrics=("place",), minutes=20
            ),
            Experiment(
                name="read",
                shows=("S1",),
                methods=("default",),
                metrics=("rows",),
                needs=("steps",),
                minutes=1,
            ),
        ),
    }
)
GOOD = Repository(
    {
        **given(DESIGN),
        "experiments.py": EXPERIMENTS,
        "walking.py": WALKING,
        "config.yaml": "steps: 9\nsmoke: {steps: 4}\n",
        "requirements.txt": "PyYAML\n",
    }
)

Execute = Callable[..., ExecutionReport]


@pytest.fixture
def execute(tmp_path: Path, packages: Path) -> Execute:
    def run(
        repository: Repository, design: Logic = DESIGN, sandbox: Sandbox | None = None
    ) -> ExecutionReport:
        def lay_out(files: object) -> Path:
            repository.write(tmp_path)
            return tmp_path

        room = sandbox or available("local")
        bench = Workbench(room, lay_out, packages, None, "smoke", Limits(seconds=60), lambda: False)
        return bench.runner(design.results(), design)(repository)

    return run


def test_a_good_one_can_be_used_in_every_way(execute: Execute, sandbox: Sandbox) -> None:
    report = execute(GOOD, sandbox=sandbox)
    assert report.ok, report.phases[-1]
    assert [phase.phase for phase in report.phases] == [
        "install", "import", "smoke", "list", "alone", "resume", "again", "report", "missing", "core",
    ]  # fmt: skip
    assert report.outcome.phase == "smoke"
    assert set(report.metrics) == {"walk_left_place", "walk_right_place", "read_rows"}


def test_a_method_that_trains_nothing_itself_needs_no_checkpoint(execute: Execute) -> None:
    text = GOOD.files["experiments.py"]
    quick = 'def run_walk(run):\n    if run.method == "right":\n        return {"place": 1.0}\n'
    report = execute(GOOD.with_file("experiments.py", text.replace("def run_walk(run):\n", quick)))
    assert report.ok, report.phases[-1].problems


@pytest.mark.parametrize(
    ("old", "new", "phase", "why"),
    [
        ('Experiment("read"', 'Experiment("read2"', "smoke", "The promised metric `read_rows`"),
        ("        run.checkpoint(step=step + 1, place=place)\n", "", "resume", "saves no checkpoint"),
        ("place=place)\n    return", "place=0.0)\n    return", "resume", "Killed and resumed, `place` is"),
        (
            '    state = run.resume() or {"step": 0, "place": 0.0}',
            '    seen = pathlib.Path("seen")\n    state = {"step": int(seen.exists()), "place": 0.0}\n    seen.touch()',
            "resume",
            "Killed and resumed",
        ),
        (
            "    return {\"place\"",
            "    code = pathlib.Path('walking.py')\n    code.write_text(code.read_text() + 'MORE = 1\\n')\n"
            '    return {"place"',
            "again",
            "made the run walk, left, seed 0 again",
        ),
        ('report.table("Tab1"', 'report.table("Table1"', "smoke", ""),
        (
            "def report_walk(report):",
            "def report_walk(report):\n    write_walk(report)\n    from pathlib import Path\n"
            "    if list(Path().glob('.aside-*')):\n        Path('results/smoke/Tab1.csv').unlink()\n\n\n"
            "def write_walk(report):",
            "report",
            "has not written `Tab1.csv`",
        ),
        ("needs=(STEPS,)", "needs=()", "smoke", ""),
        (
            "def run_walk(run):",
            "import os, sys\nif 'list' in sys.argv:\n    os.kill(os.getpid(), 9)\n\n\ndef run_walk(run):",
            "list",
            "",
        ),
        (
            "def run_walk(run):",
            "import os, sys\nif 'list' in sys.argv:\n    os.kill(os.getppid(), 9)\n\n\ndef run_walk(run):",
            "list",
            "",
        ),
    ],
)  # fmt: skip
def test_a_broken_promise_is_found_where_it_matters(
    execute: Execute, old: str, new: str, phase: str, why: str
) -> None:
    assert old in EXPERIMENTS
    broken = GOOD.with_file("experiments.py", EXPERIMENTS.replace(old, new))
    report = execute(broken)
    assert not report.ok
    assert report.failure
    assert report.failure.phase == phase, report.failure
    assert why in " ".join(report.failure.problems)
    assert error_signature(report.failure, broken)


def test_many_experiments_may_lack_their_data(execute: Execute) -> None:
    names = [f"read{number}" for number in range(30)]
    many = EXPERIMENTS.replace('where="Ask."', 'where="Ask the authors. " * 50').replace(
        '    Experiment("read", shows="S1", run=run_read, needs=(STEPS,)),\n',
        f'    *(Experiment(name, shows="S1", run=run_read, needs=(STEPS,)) for name in {names}),\n',
    )
    reads = [READ.model_copy(update={"name": name}) for name in names]
    report = execute(
        GOOD.with_file("experiments.py", many),
        DESIGN.model_copy(update={"experiments": (DESIGN.experiments[0], *reads)}),
    )
    assert report.ok, report.failure
    assert "missing" in [phase.phase for phase in report.phases]


def test_data_that_the_code_does_not_wait_for_are_missed(execute: Execute) -> None:
    careless = EXPERIMENTS.replace('files=("steps.csv",)', 'files=("*",)').replace(
        "needs=(STEPS,)),",
        "needs=(STEPS,)),\n    Experiment('more', shows='S1', run=lambda run: {'rows': 1}),",
    )
    design = DESIGN.model_copy(
        update={
            "experiments": (
                *DESIGN.experiments,
                READ.model_copy(update={"name": "more"}),
            )
        }
    )
    report = execute(GOOD.with_file("experiments.py", careless), design)
    assert report.failure and report.failure.phase == "missing"
    assert "the experiment `more` is not skipped" in " ".join(report.failure.problems)


def test_a_method_that_needs_the_experiments_is_no_part_of_its_own(execute: Execute) -> None:
    walking = "def walk(place, step):\n    return place + step\n\n\nclass Walker:\n    from experiments import STEPS\n"
    broken = GOOD.with_file("walking.py", walking).with_file(
        "experiments.py",
        EXPERIMENTS.replace("from walking import walk\n", "").replace(
            "    state = run", "    from walking import walk\n    state = run"
        ),
    )
    report = execute(broken)
    assert report.failure and report.failure.phase == "core", report.failure
    assert "experiments" in report.failure.result.stderr


def test_figures_are_what_the_report_draws_and_no_text_of_the_run(execute: Execute) -> None:
    drawing = EXPERIMENTS.replace(
        "def report_walk(report):",
        "def report_walk(report):\n    shown = pathlib.Path('results/smoke')\n"
        f"    (shown / 'Fig1.png').write_bytes(bytes.fromhex('{png(tail=b'payload').hex()}'))\n"
        "    (shown / 'Fig2.png').write_bytes(bytes(5_000_000))\n"
        "    (shown / 'Fig3.png').unlink(missing_ok=True)\n"
        "    (shown / 'Fig3.png').symlink_to('/etc/hostname')",
    )
    report = execute(GOOD.with_file("experiments.py", drawing))
    assert report.ok, report.failure
    made = figures_of(report, [])
    assert made == redrawn({"results/smoke/Fig1.png": png(), "results/smoke/Fig2.png": b""})
    assert made.left_out == (("Fig2", "its file is empty, or larger than 300 kB"),)
    assert figures_of(None, []) == NO_FIGURES


def test_what_was_proven_is_not_proven_again_until_code_or_settings_change(
    tmp_path: Path, packages: Path
) -> None:
    def lay_out(files: object) -> Path:
        now.write(tmp_path)
        return tmp_path

    bench = Workbench(available("local"), lay_out, packages, None, "smoke", Limits(seconds=60), lambda: False)
    run = bench.runner(DESIGN.results(), DESIGN)
    now = GOOD
    first = run(now).phases[3:]
    now = GOOD.with_file("requirements.txt", "pyyaml\n").with_file("README.md", "Read me.")
    assert [a is b for a, b in zip(first, run(now).phases[3:], strict=True)] == [True] * 7
    now = GOOD.with_file("tests/test_walking.py", "def test_r1_nothing():\n    pass\n")
    *uses, tests = run(now).phases[3:]
    assert [a is b for a, b in zip(first, uses, strict=True)] == [True] * 7
    assert (tests.phase, tests.ok) == ("tests", True)
    assert run(now).phases[-1] is tests
    now = GOOD.with_file("config.yaml", "steps: 9\nsmoke: {steps: 3}\n")
    assert not any(a is b for a, b in zip(first, run(now).phases[3:], strict=True))


def test_the_core_is_what_is_not_ours_nor_the_experiments() -> None:
    files = (
        "model/__init__.py",
        "model/layers.py",
        "tests/test_model.py",
        "experiments.py",
        "harness.py",
        "main.py",
    )
    assert core(Repository(dict.fromkeys(files, ""))) == ("model", "model.layers")


@pytest.mark.parametrize(
    "content", [b"{", b"[" * 9999, b"[1]", b"{}", b'{"metrics": {"a": "b"}, "rows": 5}', b"\xff"]
)
def test_a_runs_file_that_the_harness_would_not_have_written_is_none(content: bytes) -> None:
    listed = CommandResult((), 0, 0.0, "| table1 |", "")
    made = Stepped(listed, {"results/smoke/table1/default/3-ab.json": File("1", content)})

    phases = Instrument(LOGIC, ())(lambda steps: [made] * len(steps))

    assert phases[-1].problems == ("One run was asked for, and the files of runs that were made are: none.",)
