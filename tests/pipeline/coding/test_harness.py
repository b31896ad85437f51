"""The harness of delivered repositories, as people use it: in processes of its own that are killed and go on."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.coding import harness
from sandbox import packages as wheels
from tests.conftest import available

MAIN = """
from experiments import EXPERIMENTS
from harness import main

if __name__ == "__main__":
    main(EXPERIMENTS)
"""
CONFIG = "walk: {steps: 20, seeds: [0, 1, 2], rate: 0.1}\nsmoke: {walk: {steps: 4}}\n"
EXPERIMENTS = """
import os
import random
import signal
import time

from harness import Data, Diverged, Experiment, Undefined


def tiny(folder):
    (folder / "train.csv").write_text("1\\n2\\n")
    (folder / "test").mkdir()
    (folder / "test" / "a.csv").write_text("3\\n")


DIGITS = Data("digits", ("train.csv", "test/*.csv"), "1 kB", "Ask the authors.", tiny)


def walk(run):
    state = run.resume() or {"step": 0, "x": 0.0}
    step, x = state["step"], state["x"]
    while step < run.config["walk"]["steps"]:
        x += random.gauss(0, 1) * (2 if run.method == "wide" else 1)
        step += 1
        run.log(step=step, x=x)
        run.checkpoint(step=step, x=x)
    return {"end": x}


def read(run):
    return {"rows": len((run.data(DIGITS) / "train.csv").read_text().split())}


def ill(run):
    match run.method:
        case "nan":
            return {"loss": float("nan"), "steps": 3}
        case "raises":
            raise ValueError("shapes do not fit")
        case "lost":
            raise Diverged("the loss is beyond 1e9")
        case "undefined":
            return {"loss": 1.5, "share": Undefined("there are no cases")}
    return {"loss": 1.0}


EXPERIMENTS = (
    Experiment("walk", "Tab1", walk, methods=("narrow", "wide"), seeds="walk.seeds"),
    Experiment("read", "Tab2", read, needs=(DIGITS,)),
    Experiment("ill", "Tab3", ill, methods=("nan", "raises", "lost", "undefined"), minutes=99),
)
"""


class Room:
    """A folder with a repository in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = {}
        folder.mkdir(exist_ok=True)
        self.write("harness.py", Path(harness.__file__).read_text())
        self.write("main.py", MAIN)
        self.write("experiments.py", EXPERIMENTS)
        self.write("config.yaml", CONFIG)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "main.py", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __call__(self, *arguments: str, status: int = 0, **environment: str) -> str:
        with self.start(*arguments, **environment) as process:
            said, _ = process.communicate(timeout=120)
        assert process.returncode == status, said
        return said

    @property
    def results(self) -> Any:
        return json.loads((self.folder / "results.json").read_text())

    def runs(self, pattern: str = "results/*/*/*/*-*.json") -> dict[str, Any]:
        files = sorted(self.folder.glob(pattern))
        return {path.relative_to(self.folder).as_posix(): json.loads(path.read_text()) for path in files}

    def statuses(self) -> dict[tuple[str, str, int], str]:
        return {(r["experiment"], r["method"], r["seed"]): r["status"] for r in self.results["runs"]}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "repository")


@pytest.fixture(scope="session")
def libraries(packages: Path) -> Path:
    """A folder with numpy, torch and matplotlib."""
    platform = available("local").platform()
    return wheels.install(
        wheels.resolve(["matplotlib", "numpy", "torch"], platform, packages), platform, packages
    )


def test_without_a_command_it_runs_what_needs_nothing_and_shows_a_result(room: Room) -> None:
    said = room()
    assert {run["experiment"] for run in room.runs().values()} == {"walk"}
    assert re.search(r"\| narrow \| -?[\d.]+ ± [\d.]+ \|", said)
    assert (room.folder / "results/full/Tab1.csv").read_text().startswith("method,end\nnarrow,")
    assert set(room.results["metrics"]) == {"walk_narrow_end", "walk_wide_end"}
    assert room.results["mode"] == "full"


def test_a_file_system_without_locks_is_none_the_worse(room: Room) -> None:
    room.write(
        "main.py",
        "import errno, fcntl, os\n\n\n"
        "def refused(*arguments):\n"
        "    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))\n\n\n"
        f"fcntl.flock = refused\n{MAIN}",
    )
    room("run", "walk", "--method", "wide", "--seed", "0")
    assert room.statuses()["walk", "wide", 0] == "done"


def test_a_result_of_its_own_is_followed_by_what_to_do_next(room: Room) -> None:
    assert room().rstrip().splitlines()[-1].startswith("Next: `python main.py list` ")


def test_a_value_that_is_set_is_read_as_its_key_is(room: Room) -> None:
    room(
        "run", "walk", "--method", "wide", "--seed", "0", "--set", "walk.steps=1e1", "--set", "walk.rate=1e-4"
    )
    (run,) = room.runs().values()
    assert run["shape"]["settings"]["walk"] == {"steps": 10, "seeds": [0, 1, 2], "rate": 1e-4}


def test_null_can_be_set_where_it_stands_for_what_the_code_finds_out(room: Room) -> None:
    room("run", "walk", "--method", "wide", "--seed", "0", "--set", "walk.rate=null")
    (run,) = room.runs().values()
    assert run["shape"]["settings"]["walk"]["rate"] is None


def test_who_has_read_enough_ends_it_quietly(room: Room) -> None:
    command = f"{sys.executable} main.py list | true"
    ended = subprocess.run(
        ["bash", "-c", command], cwd=room.folder, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""


def test_the_report_of_a_seed_is_of_that_seed_alone(room: Room) -> None:
    room("run", "walk", "--method", "wide")
    room("run", "walk", "--method", "wide", "--seed", "7")
    room("report", "--seed", "7")
    alone = next(run["metrics"]["end"] for run in room.runs().values() if run["seed"] == 7)
    assert f"wide,{alone:.4g}\n" in changed(room, "Tab1.csv")
    assert changed(room, "report.md").startswith("Of seed 7 alone.\n")


def changed(room: Room, name: str) -> str:
    """What the report of other settings has written."""
    (path,) = room.folder.glob(f"results/*/changed-*/{name}")
    return path.read_text()


def paper(metric: str, value: float) -> dict[str, Any]:
    """A number of the paper, of the method wide."""
    told = {"experiment": "walk", "method": "wide", "metric": f"walk_wide_{metric}", "anchor": "Tab1"}
    return {**told, "paper": value, "factor": 1.0}


def test_a_report_of_other_settings_stands_apart_and_says_whose_they_are(room: Room) -> None:
    room.write("docs/execution-report.json", json.dumps({"results": [paper("end", 1.25)]}))
    room("run", "walk", "--method", "wide")
    room("report")
    written = [room.folder / f"results/full/{name}" for name in ("report.md", "Tab1.md", "Tab1.csv")]
    full = [path.read_text() for path in written]
    assert "| the paper's |" in full[0]
    said = room("run", "walk", "--method", "wide", "--set", "walk.steps=3")
    assert "not the settings of config.yaml: `walk.steps` is 3 in the place of 20." in said
    room("report", "--set", "walk.steps=3")
    told = changed(room, "report.md")
    assert told.startswith(
        "These are not the settings of config.yaml: `walk.steps` is 3 in the place of 20.\n"
    )
    assert "| wide |" in told and "the paper's" not in told
    assert [path.read_text() for path in written] == full


def test_another_configuration_changes_no_numbers_of_the_first(room: Room) -> None:
    room("run", "walk", "--method", "wide")
    numbers = room.results["metrics"]
    room.write("mine.yaml", CONFIG.replace("rate: 0.1", "rate: 0.7"))
    room("run", "walk", "--method", "wide", "--config", "mine.yaml")
    assert room.results["metrics"] == numbers
    room("report", "--config", "mine.yaml")
    assert "`walk.rate` is 0.7 in the place of 0.1" in changed(room, "report.md")


def test_the_paper_s_numbers_stand_beside_no_lowered_sizes(room: Room) -> None:
    room.write("docs/execution-report.json", json.dumps({"results": [paper("end", 1.25)]}))
    room("run", "walk", "--mode", "scaled")
    room("report", "--mode", "scaled")
    report = room.folder / "results/scaled/report.md"
    assert "| the paper's |" in report.read_text()
    kept = json.dumps({"lowered": {"walk.steps": [20, 9]}})
    room.write("results/scaled/sizes.json", kept)
    room("run", "walk", "--mode", "scaled")
    room("report", "--mode", "scaled")
    assert report.read_text().startswith(
        "These are not the settings of config.yaml: `walk.steps` is 9 in the place of 20."
    )
    assert "the paper's" not in report.read_text()


def test_a_first_result_leaves_the_report_of_the_rest_whole(room: Room) -> None:
    room("run", "ill", "--method", "undefined")
    room()
    assert "## Tab3\n" in (room.folder / "results/full/report.md").read_text()


def test_a_long_run_says_how_far_it_is(room: Room) -> None:
    told = EXPERIMENTS.replace("        step += 1", "        step += 1\n        run.progress(step, 20)")
    room.write("experiments.py", told)
    room.write(
        "harness.py",
        (room.folder / "harness.py").read_text().replace("TOLD_SECONDS = 5.0", "TOLD_SECONDS = 0.0"),
    )
    said = room("run", "walk", "--method", "wide", "--seed", "1")
    assert re.search(r"^walk, wide, seed 1: 10 of 20, about \d+ s left, \d+ s so far$", said, re.MULTILINE)


def test_the_list_names_what_there_is_and_what_is_missing(room: Room) -> None:
    said = room("list")
    assert "| walk | Tab1 | narrow, wide | 0 of 6 | 1 min, as planned | none |" in said
    assert "digits (missing, 1 kB)" in said
    assert f"put train.csv, test/*.csv into {room.folder}/data/digits. Ask the authors." in said
    room("run", "walk", "--method", "wide")
    room.write("data/digits/train.csv", "1\n")
    room.write("data/digits/test/b.csv", "1\n")
    said = room("list")
    assert "3 of 6" in said
    assert "digits (there)" in said


def test_one_run_alone_is_one_file_that_says_all_about_it(room: Room) -> None:
    room("run", "walk", "--method", "wide", "--seed", "2", "--set", "walk.steps=5", "--set", "walk.rate=1e-3")
    ((name, run),) = room.runs().items()
    assert re.fullmatch(r"results/full/walk/wide/2-[0-9a-f]{12}\.json", name)
    assert run["shape"]["settings"] == {"walk": {"steps": 5, "seeds": [0, 1, 2], "rate": 0.001}}
    assert [row["step"] for row in run["rows"]] == [1, 2, 3, 4, 5]
    assert run["metrics"] == {"end": run["rows"][-1]["x"]}
    assert room.results["metrics"] == {}, "it was not made with the settings of config.yaml"
    assert [run["hash"] for run in room.results["runs"] if run["status"] == "done"] == [name[-17:-5]]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["run"], "run what? walk, read, ill, or all"),
        (["run", "wlak"], "there is no experiment wlak"),
        (["run", "walk", "--method", "flat"], "walk has no method flat, only narrow, wide"),
        (["--method", "flat"], "there is no method flat, only narrow, wide, default"),
        (["run", "walk", "--set", "walk.step=3"], "there is no such key in"),
        (["run", "walk", "--set", "walk.step=3"], "there: steps, seeds, rate"),
        (["run", "walk", "--set", "walk.steps.x=3"], "there is no such key"),
        (["run", "walk", "--set", "walk.steps"], "write KEY=VALUE"),
        (["run", "walk", "--set", "walk=3"], "a section; set one of its keys: steps, seeds, rate"),
        (["run", "walk", "--set", "walk.steps=many"], "walk.steps is a whole number; now it is 20"),
        (["run", "walk", "--set", "walk.steps=2.5"], "is a whole number"),
        (["run", "walk", "--set", "walk.steps=true"], "is a whole number"),
        (["run", "walk", "--set", "walk.rate=[1]"], "walk.rate is a number; now it is 0.1"),
        (
            ["run", "walk", "--set", "walk.seeds=3"],
            "walk.seeds is a list, such as [1, 2]; now it is [0, 1, 2]",
        ),
        (["run", "walk", "--config", "none.yaml"], "--config none.yaml: there is no such file"),
        (["run", "walk", "--device", "cuda"], "PyTorch finds no graphics card here"),
    ],
)
def test_a_mistake_is_told_and_runs_nothing(room: Room, arguments: list[str], why: str) -> None:
    with room.start(*arguments) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert why in said
    assert "Traceback" not in said
    assert room.runs() == {}


def test_a_run_says_its_numbers_also_for_a_seed_that_tables_leave_out(room: Room) -> None:
    said = room("run", "walk", "--method", "narrow", "--seed", "9")
    assert re.search(
        r"seed 9: done in [\d.]+ s: end -?[\d.]+ \(tables leave it out: seeds are 0, 1, 2\)", said
    )
    assert "tables leave" not in room("run", "walk", "--method", "narrow", "--seed", "1")


def test_a_method_alone_runs_the_experiments_that_have_it(room: Room) -> None:
    room("run", "all", "--method", "wide")
    assert {(run["experiment"], run["method"]) for run in room.runs().values()} == {("walk", "wide")}


def test_the_smoke_run_takes_every_path_on_tiny_data_and_ends_with_the_report(room: Room) -> None:
    said = room("--smoke", status=1)
    assert room.statuses() == {
        ("walk", "narrow", 0): "done",
        ("walk", "wide", 0): "done",
        ("read", "default", 0): "done",
        ("ill", "nan", 0): "diverged",
        ("ill", "raises", 0): "failed",
        ("ill", "lost", 0): "diverged",
        ("ill", "undefined", 0): "done",
    }
    assert room.results["metrics"]["read_rows"] == 2
    assert {path.name for path in room.folder.glob("results/smoke/Tab*")} == {
        f"Tab{n}.{end}" for n in (1, 2, 3) for end in ("md", "csv")
    }
    assert 'experiments.py", line' in said
    assert 'harness.py", line' not in said, "what failed is not ours"


def test_divergence_failure_and_what_is_undefined_are_told_apart(room: Room) -> None:
    room("run", "ill", status=1)
    metrics, undefined = room.results["metrics"], room.results["undefined"]
    assert metrics == {
        "ill_nan_loss": None,
        "ill_nan_steps": None,
        "ill_lost_loss": None,
        "ill_lost_steps": None,
        "ill_lost_share": None,
        "ill_nan_share": None,
        "ill_undefined_loss": 1.5,
        "ill_undefined_share": None,
        "ill_raises_loss": None,
        "ill_raises_steps": None,
        "ill_raises_share": None,
    }
    assert undefined["ill_nan_loss"] == "1 of 1 seeds diverged"
    assert undefined["ill_undefined_share"] == "there are no cases"
    reasons = {run["method"]: run["reason"] for run in room.results["runs"]}
    assert reasons["nan"] == "not finite: loss"
    assert reasons["lost"] == "the loss is beyond 1e9"
    assert reasons["raises"] == "ValueError: shapes do not fit"
    assert json.loads((room.folder / "results.json").read_text(), parse_constant=pytest.fail)


def test_metrics_that_nobody_can_add_have_no_mean(room: Room) -> None:
    room.write("experiments.py", EXPERIMENTS.replace('{"end": x}', '{"end": 1.7e308}'))
    room("run", "walk", "--method", "narrow")
    assert room.results["metrics"]["walk_narrow_end"] is None
    assert "too large for a mean" in room.results["undefined"]["walk_narrow_end"]
    room("report")
    assert "too large for a mean" in (room.folder / "results/full/report.md").read_text()


def test_what_failed_is_tried_again_and_what_ended_is_not(room: Room) -> None:
    room("run", "ill", status=1)
    first = room.runs()
    said = room("run", "ill", status=1)
    assert "ill, raises, seed 0: failed in" in said
    assert "ill, lost, seed 0: diverged before" in said
    changed = [name for name, run in room.runs().items() if first.get(name) != run]
    assert all("/raises/" in name for name in changed)
    assert first.keys() <= room.runs().keys()


def test_missing_data_skip_their_experiment_and_stop_nothing(room: Room) -> None:
    said = room("run", "read", "walk", "--data", "elsewhere")
    assert said.count("read: skipped: digits (1 kB) is missing") == 1
    assert "elsewhere/digits" in said
    assert room.statuses()["read", "default", 0] == "skipped"
    assert list(room.statuses().values()).count("done") == 6


def test_own_data_are_read_from_the_folder_that_is_named(room: Room, tmp_path: Path) -> None:
    for name in ("train.csv", "test/a.csv"):
        (tmp_path / "own/digits" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own/digits" / name).write_text("1\n2\n3\n")
    room("run", "read", "--data", str(tmp_path / "own"))
    assert room.results["metrics"] == {"read_rows": 3}


def test_a_table_is_of_one_data_set(room: Room, tmp_path: Path) -> None:
    reading = EXPERIMENTS.replace('"Tab2", read,', '"Tab2", read, methods=("a", "b"),')
    room.write("experiments.py", reading)
    for name, rows in (("first", "1\n2\n"), ("second", "1\n")):
        folder = tmp_path / name / "digits"
        (folder / "test").mkdir(parents=True)
        (folder / "train.csv").write_text(rows)
        (folder / "test" / "a.csv").write_text("3\n")
    room("run", "read", "--data", str(tmp_path / "first"))
    room("run", "read", "--method", "a", "--data", str(tmp_path / "second"))
    room("report", "--data", str(tmp_path / "first"), status=0)
    assert "| a | 2 |\n| b | 2 |" in (room.folder / "results/full/Tab2.md").read_text()
    room("report", status=0)
    told = (room.folder / "results/full/Tab2.md").read_text()
    assert "| a | 1 |\n| b | not run |" in told, "none is there: those of the newest run"


def test_a_failure_takes_the_place_of_no_result(room: Room) -> None:
    room("run", "walk", "--method", "wide", "--seed", "0")
    good = room.results["metrics"]["walk_wide_end"]
    room.write(
        "experiments.py",
        EXPERIMENTS.replace("    step, x = state", "    raise ValueError\n    step, x = state"),
    )
    room("run", "walk", "--method", "wide", "--seed", "0", status=1)
    assert room.results["metrics"]["walk_wide_end"] == good


def test_numbers_of_a_smoke_run_do_not_take_the_place_of_others(room: Room) -> None:
    room("run", "walk", "--seed", "0")
    full = room.results
    room("--smoke", status=1)  # ill diverges
    assert room.results["mode"] == "smoke"
    assert json.loads((room.folder / "results/full/results.json").read_text()) == full


def test_a_run_is_used_again_only_if_all_that_shapes_it_is_the_same(room: Room, tmp_path: Path) -> None:
    def run() -> int:
        return room("run", "read", "--data", "data").count("done in")

    for name in ("train.csv", "test/a.csv"):
        room.write(f"data/digits/{name}", "1\n")
    room.write("requirements.txt", "pyyaml\n")
    assert run() == 1
    assert run() == 0
    room.write("data/digits/train.csv", "1\n2\n")
    assert run() == 1, "other data"
    room.write("config.yaml", CONFIG.replace("0.1", "0.2"))
    assert run() == 1, "other settings"
    room.write("experiments.py", EXPERIMENTS.replace("split())}", "split()) + 1}"))
    assert run() == 1, "other code"
    room.write("docs/notes.py", "")
    room.write("README.md", "")
    with_words = '"""Experiments."""\n# More words.\n' + EXPERIMENTS.replace("split())}", "split()) + 1}")
    room.write("experiments.py", with_words)
    assert run() == 0, "words beside the code"
    room.write("requirements.txt", "pyyaml\npytest\n")
    assert run() == 1, "other packages"
    assert len(room.runs()) == 5, "none is ever deleted"
    assert room("run", "read", "--device", "cpu:1").count("done in") == 0


def test_a_whole_number_that_a_mode_has_as_a_fraction_may_be_set_to_one(room: Room) -> None:
    room.write("config.yaml", CONFIG.replace("smoke: {", "pause: 10\nsmoke: {pause: 0.5, "))
    assert "done in" in room("run", "walk", "--seed", "0", "--set", "pause=0.333")


def test_only_settings_that_an_experiment_names_shape_its_runs(room: Room) -> None:
    room.write("config.yaml", CONFIG + "other: {x: 1}\n")
    room.write(
        "experiments.py", EXPERIMENTS.replace('seeds="walk.seeds"', 'seeds="walk.seeds", settings=("walk",)')
    )
    room("run", "walk")
    room.write("config.yaml", CONFIG + "other: {x: 2}\n")
    assert "done in" not in room("run", "walk")


def test_asked_to_it_runs_again_and_keeps_what_was(room: Room) -> None:
    room("run", "walk", "--method", "wide", "--seed", "0")
    (before,) = room.runs().values()
    room("run", "walk", "--method", "wide", "--seed", "0", "--again")
    kept, new = sorted(room.runs().values(), key=lambda run: run["ended"])
    assert kept == before
    assert new["metrics"] == before["metrics"]
    assert new["ended"] > before["ended"]


@pytest.mark.parametrize("method", ["narrow", "wide"])
def test_killed_after_a_checkpoint_it_goes_on_to_the_same_numbers(
    room: Room, tmp_path: Path, method: str
) -> None:
    whole = Room(tmp_path / "whole")
    arguments = ("run", "walk", "--method", method, "--seed", "1")
    whole(*arguments)
    said = room(*arguments, status=-signal.SIGKILL, HARNESS_KILL="1")
    assert said == ""
    assert room.runs() == {}
    assert len(list(room.folder.glob("results/full/walk/*/1-*.state"))) == 1
    room.write("experiments.py", EXPERIMENTS)  # not changed by being written again
    room(*arguments)
    (resumed,), (uninterrupted,) = room.runs().values(), whole.runs().values()
    assert resumed["metrics"] == uninterrupted["metrics"]
    assert resumed["rows"] == uninterrupted["rows"]
    assert not list(room.folder.glob("results/**/*.state"))


def test_a_run_without_checkpoints_is_killed_before_its_result_and_made_from_its_beginning(
    room: Room,
) -> None:
    room("run", "ill", "--method", "undefined", status=-signal.SIGKILL, HARNESS_KILL="1")
    assert room.runs() == {}
    room("run", "ill", "--method", "undefined")
    assert len(room.runs()) == 1


def test_a_run_is_killed_only_when_those_that_it_depends_on_are_made(room: Room) -> None:
    depending = EXPERIMENTS.replace(
        "    state = run.resume()", "    run.result('ill', 'undefined')\n    state = run.resume()"
    ).replace(
        "EXPERIMENTS = (\n", 'EXPERIMENTS = (\n    Experiment("ill", "Tab3", ill, methods=("undefined",)),\n'
    )
    room.write("experiments.py", depending.partition('    Experiment("read"')[0] + ")\n")
    arguments = ("run", "walk", "--method", "narrow", "--seed", "1")
    room(*arguments, status=-signal.SIGKILL, HARNESS_KILL="1")
    assert [run["experiment"] for run in room.runs().values()] == ["ill"]
    assert len(list(room.folder.glob("results/full/walk/*/1-*.state"))) == 1
    room(*arguments)
    assert [run["experiment"] for run in room.runs().values()] == ["ill", "walk"]


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(room: Room) -> None:
    room("run", "walk", status=-signal.SIGKILL, HARNESS_KILL="1")
    room("run", "walk", "--method", "narrow", "--seed", "0", "--set", "walk.steps=3")
    (run,) = room.runs().values()
    assert [row["step"] for row in run["rows"]] == [1, 2, 3]


def test_state_of_numpy_and_torch_goes_on_as_well(room: Room, libraries: Path) -> None:
    room.environment = {"PYTHONPATH": str(libraries)}
    room.write(
        "experiments.py",
        "import numpy as np\nimport torch\nfrom harness import Experiment\n\n"
        "def fit(run):\n"
        "    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))\n"
        "    optimiser = torch.optim.Adam(model.parameters())\n"
        "    own, start = np.random.default_rng(run.seed), 0\n"
        "    if state := run.resume():\n"
        "        model.load_state_dict(state['model'])\n"
        "        optimiser.load_state_dict(state['optimiser'])\n"
        "        own, start = state['own'], state['step']\n"
        "    for step in range(start, 6):\n"
        "        x = torch.tensor(own.normal(size=(2, 3)) + np.random.rand()).float()\n"
        "        loss = model(x).square().mean()\n"
        "        optimiser.zero_grad(); loss.backward(); optimiser.step()\n"
        "        run.log(step=step, loss=loss)\n"
        "        run.checkpoint(model=model.state_dict(), optimiser=optimiser.state_dict(), own=own, step=step + 1)\n"
        "    return {'loss': loss, 'draw': np.float64(np.random.rand())}\n\n"
        "EXPERIMENTS = (Experiment('fit', 'Tab1', fit),)\n",
    )
    room("run", "fit", "--seed", "7")
    (whole,) = room.runs().values()
    for path in room.folder.glob("results/full/fit/*/*"):
        path.unlink()
    room("run", "fit", "--seed", "7", status=-signal.SIGKILL, HARNESS_KILL="1")
    room("run", "fit", "--seed", "7")
    (resumed,) = room.runs().values()
    assert resumed["metrics"] == whole["metrics"]
    assert resumed["rows"] == whole["rows"]


def test_processes_at_the_same_time_share_the_work(room: Room) -> None:
    room.write(
        "experiments.py",
        EXPERIMENTS.replace('    return {"end": x}', '    time.sleep(0.3)\n    return {"end": x}'),
    )
    processes = [room.start("run", "walk") for _ in range(3)]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert sum(text.count("done in") for text in said) == 6, said
    assert len(room.runs()) == 6
    assert list(room.statuses().values()).count("done") == 6
    assert set(room.results["metrics"]) == {"walk_narrow_end", "walk_wide_end"}


def test_results_are_whole_whenever_it_is_killed(room: Room) -> None:
    room.write("experiments.py", EXPERIMENTS.replace('seeds="walk.seeds"', "seeds=tuple(range(300))"))
    process = room.start("run", "walk")
    deadline = time.monotonic() + 60
    while not (room.folder / "results.json").exists() and time.monotonic() < deadline:
        pass
    read = 0
    while read < 200 and process.poll() is None:
        assert room.results["runs"]
        read += 1
    process.kill()
    process.communicate()
    assert read > 10
    assert all(run["status"] == "done" for run in room.runs().values())


def test_when_the_time_is_over_it_stops_at_a_checkpoint_and_goes_on_later(room: Room, tmp_path: Path) -> None:
    slow = EXPERIMENTS.replace("        step += 1", "        step += 1\n        time.sleep(0.1)")
    room.write("experiments.py", slow)
    said = room("run", "walk", "--minutes", "0.02")
    assert (
        "walk, narrow, seed 0: skipped: the time is over: run it again to go on from its checkpoint" in said
    )
    assert "walk, wide, seed 2: skipped: the time is over: run it again" in said
    assert room.runs() == {}
    room("run", "walk", "--method", "narrow", "--seed", "0")
    whole = Room(tmp_path / "whole")
    whole("run", "walk", "--method", "narrow", "--seed", "0")
    assert [run["rows"] for run in room.runs().values()] == [run["rows"] for run in whole.runs().values()]


def test_an_experiment_builds_on_the_result_of_another(room: Room) -> None:
    room.write(
        "experiments.py",
        "from harness import Experiment\n\n"
        "def tune(run):\n    (run.folder / 'weights').touch()\n"
        "    run.log(rate=0.1, error=2.0)\n    run.log(rate=0.2, error=1.0)\n"
        "    return {'best': 0.2}\n\n"
        "def use(run):\n    tuned = run.result('tune', 'default', 0)\n"
        "    return {'points': len(tuned.rows), 'rate': tuned.metrics['best'],\n"
        "            'kept': (tuned.folder / 'weights').exists()}\n\n"
        "EXPERIMENTS = (Experiment('use', 'Tab1', use, methods=('a', 'b')), Experiment('tune', 'S4', tune))\n",
    )
    said = room("run", "use")
    assert "tune, default, seed 0: made first, because use uses it" in said
    assert room.results["metrics"] == {
        "use_a_points": 2, "use_a_rate": 0.2, "use_b_points": 2, "use_b_rate": 0.2, "tune_best": 0.2,
        "use_a_kept": 1, "use_b_kept": 1,
    }  # fmt: skip
    assert len(room.runs()) == 3


def test_the_report_puts_the_paper_s_numbers_beside_ours_in_its_unit(room: Room) -> None:
    room("run", "ill", "--method", "undefined")
    number = {"experiment": "ill", "method": "undefined", "metric": "ill_undefined_loss", "anchor": "Tab3"}
    number |= {"paper": 149.0, "factor": 100.0}
    none = {**number, "metric": "ill_undefined_share", "factor": 1.0}
    room.write("docs/execution-report.json", json.dumps({"results": [number, none]}))
    room("report")
    told = (room.folder / "results/full/report.md").read_text()
    assert "| Tab3 | undefined | loss | 149 | 150 | 1 |" in told
    assert "| Tab3 | undefined | share | 149 | there are no cases |  |" in told
    room("--smoke", status=1)
    assert "149" not in (room.folder / "results/smoke/report.md").read_text()


def test_a_report_of_its_own_writes_tables_and_figures_under_their_anchors(
    room: Room, libraries: Path
) -> None:
    room.environment = {"PYTHONPATH": str(libraries)}
    report = (
        "def show(report):\n"
        "    report.table('Tab1', ['method', 'end'], [[m, report.summary(m, 'end')] for m in report.methods])\n"
        "    with report.figure('Fig2') as figure:\n"
        "        axes = figure.subplots()\n"
        "        for m in report.methods:\n"
        "            axes.plot([row['x'] for row in report.of(m)[0].rows], label=m)\n\n\n"
    )
    room.write(
        "experiments.py",
        EXPERIMENTS.replace("EXPERIMENTS = (", report + "EXPERIMENTS = (").replace(
            '"Tab1", walk,', '"Tab1, Fig2", walk, report=show,'
        ),
    )
    room("run", "walk", "--seed", "0")
    room("report", status=0)
    assert (room.folder / "results/full/Fig2.png").read_bytes().startswith(b"\x89PNG")
    assert "(1 of 3 seeds)" in (room.folder / "results/full/Tab1.md").read_text()
    told = (room.folder / "results/full/report.md").read_text()
    assert "![Fig2](Fig2.png)" in told
    room.write("experiments.py", (room.folder / "experiments.py").read_text().replace("'Fig2'", "'Fig3'"))
    (room.folder / "results/full/Fig2.png").unlink()
    said = room("report", status=1)
    assert "its report has not written Fig2, which it shows" in said
    assert "made by earlier code" in (room.folder / "results/full/report.md").read_text()


def test_anchors_of_supplements_and_appendices_are_whole(room: Room) -> None:
    shown = "def show(report):\n    for name in ('TabS-3', 'TabB.1'):\n        report.table(name, ['a'], [[1]])\n\n\n"
    room.write(
        "experiments.py",
        EXPERIMENTS.replace("EXPERIMENTS = (", shown + "EXPERIMENTS = (").replace(
            '"Tab1", walk,', '"TabS-3, TabB.1", walk, report=show,'
        ),
    )
    room("run", "walk", "--seed", "0")
    room("report", status=0)
    assert (room.folder / "results/full/TabS-3.md").exists()


def test_two_experiments_that_show_one_table_each_write_their_part(room: Room) -> None:
    room.write("experiments.py", EXPERIMENTS.replace('"read", "Tab2"', '"read", "Tab1"'))
    room("--smoke", status=1)  # ill diverges
    folder = room.folder / "results/smoke"
    assert "| narrow |" in (folder / "Tab1-walk.md").read_text()
    assert "rows" in (folder / "Tab1-read.md").read_text()
    assert not (folder / "Tab1.md").exists()


def test_of_processes_that_make_a_run_together_one_writes(room: Room) -> None:
    with room.start("run", "walk", RANK="1") as process:
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert room.runs() == {}


TOGETHER = """
import torch
from harness import Experiment


def fit(run):
    rank, state = torch.distributed.get_rank(), run.resume() or {"step": 0, "x": torch.zeros(2)}
    x = state["x"]
    for step in range(state["step"], 5):
        part = torch.rand(2) * (rank + 1)
        torch.distributed.all_reduce(part)
        x = x + part
        run.log(step=step, x=x.sum())
        run.checkpoint(step=step + 1, x=x)
    if run.method == "broken" and rank == 1:
        raise ValueError("the second process fails")
    torch.distributed.barrier()
    return {"x": x.sum(), "processes": torch.distributed.get_world_size()}


def after(run):
    return {"x": 2 * run.result("fit", "sum").metrics["x"]}


EXPERIMENTS = (
    Experiment("after", "Tab2", after, minutes=0.1),
    Experiment("fit", "Tab1", fit, methods=("sum", "broken")),
)
"""


@pytest.mark.slow
def test_two_processes_make_a_run_together_are_killed_and_go_on(room: Room, libraries: Path) -> None:
    room.environment = {"PYTHONPATH": str(libraries), "OMP_NUM_THREADS": "1"}
    room.write("experiments.py", TOGETHER)
    start = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "main.py",
    ]

    def together(*arguments: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [*start, *arguments, "--device", "cpu"],
            cwd=room.folder,
            env={**os.environ, **room.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    status, said = together("run", "after", "--minutes", "9")
    assert status == 0, said
    assert said.count("done in") == 1, said
    whole = {path: run for path, run in room.runs().items() if "/fit/" in path}
    ((path, run),) = whole.items()
    assert run["metrics"]["processes"] == 2
    assert run["shape"]["processes"] == 2
    assert room.results["metrics"]["fit_sum_x"] == run["metrics"]["x"]

    (room.folder / path).unlink()
    status, said = together("run", "fit", "--method", "sum", HARNESS_KILL="1")
    assert status != 0 and path not in room.runs(), said
    status, said = together("run", "fit", "--method", "sum")
    assert (status, room.runs()[path]["metrics"]) == (0, run["metrics"]), said
    assert room.runs()[path]["rows"] == run["rows"]
    assert "nothing that shapes it has changed" in together("run", "fit", "--method", "sum")[1]

    status, said = together("run", "fit", "--method", "broken")
    assert status != 0 and "the second process fails" in said


def test_it_needs_no_newer_python_than_3_9_and_nothing_but_yaml() -> None:
    source = Path(harness.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 9))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules - set(sys.stdlib_module_names) == {
        "yaml",
        "matplotlib",
        "torch",
    }  # the latter two where they are used
    assert source.startswith("# SPDX-License-Identifier: 0BSD")


def test_a_result_is_read_from_its_file_once_and_again_when_it_has_changed(room: Room) -> None:
    room("run", "walk", "--method", "wide", "--seed", "0")
    (path,) = (room.folder / name for name in room.runs())
    first = harness._read(path)
    assert first is not None and harness._read(path) is first
    path.write_text(path.read_text().replace('"done"', '"diverged"'))
    os.utime(path, (1, 1))
    second = harness._read(path)
    assert second is not None and second.status == "diverged"
