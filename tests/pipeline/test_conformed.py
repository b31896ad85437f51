"""Tests from the paper, from their author's answer to the delivered repository, in a real sandbox."""

import threading
from pathlib import Path

from pipeline.contract import DEVELOPMENT
from pipeline.model.llm import Prompt
from pipeline.progress import Progress
from pipeline.reproduce import Options, reproduce
from tests.conftest import available
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, EXPERIMENTS, PAPER, fenced, judgements, old_recording, recording
from tests.pipeline.proving.test_conformance import QUOTE, ruling
from tests.pipeline.test_reproduce import run

PATH = "tests/test_estimator.py"
TESTS = '''"""The mean [S1]."""

import numpy as np

from estimator import mean


def test_r1_is_the_sum_over_the_count():
    for seed in range(3):
        values = np.random.default_rng(seed).normal(size=5 + seed)
        total = 0.0
        for value in values:
            total += value
        # rounding of a few additions
        np.testing.assert_allclose(mean(values), total / len(values), rtol=1e-12)
'''
ANSWER = f"{PATH}\n{fenced(TESTS)}"
EDIT = (
    "It divides by one less than the count.\n\nestimator.py\n<<<<<<< SEARCH\n    return total / (len(values) - 1)\n"
    "=======\n    return total / len(values)\n>>>>>>> REPLACE\n"
)


def test_a_fault_that_runs_is_found_mended_and_told(tmp_path: Path, packages: Path) -> None:
    wrong = ESTIMATOR.replace("/ len(values)", "/ (len(values) - 1)")
    answers = recording() | {
        "code.estimator.py": fenced(wrong),
        "tests": ANSWER,
        "arbiter.1": ruling("code"),
        "fix.1": EDIT,
    }
    made, llm, events = run(tmp_path, answers, available("local"), packages)
    assert made.status == "runs", made.report["attempts"]
    found = [event.found for event in events if event.found]
    assert [said for what, said in found if what == "tests"] == ["0 of 1 pass", "1 of 1 pass"]
    assert made.files["estimator.py"] == ESTIMATOR
    assert made.files[PATH] == TESTS
    assert made.files[DEVELOPMENT] == "-r requirements.txt\npytest\n"
    tests = made.report["tests"]
    assert (tests["total"], tests["passed"], tests["disputed"], tests["failed"]) == (1, 1, 0, 0)
    assert tests["killed"] >= 0.8 * tests["mutants"] > 0
    assert made.report["phases"][-1]["phase"] == "tests"
    assert made.report["requirements"]["items"][0]["tested_by"] == [
        f"{PATH}::test_r1_is_the_sum_over_the_count"
    ]
    assert made.report["models"]["tester"]["calls"] == 1
    assert "python -m pytest" in made.files["README.md"]
    assert "1 of 1 pass" in made.files["docs/execution-report.md"]
    assert "Add tests written from the paper" in [commit.subject for commit in made.commits]
    assert QUOTE in next(prompt.task for prompt in llm.asked if prompt.stage == "fix.1")
    asked = next(prompt for prompt in llm.asked if prompt.stage == "tests")
    assert "def mean" not in asked.shared + asked.task


def test_the_code_runs_while_its_tests_are_being_written(tmp_path: Path, packages: Path) -> None:
    ran = threading.Event()

    def observe(event: Progress) -> None:
        if event.detail == "smoke run: passed":
            ran.set()

    def tests(prompt: Prompt) -> str:
        assert ran.wait(timeout=120), "the run waits for the tests"
        return ANSWER

    made = reproduce(
        PAPER,
        llm=ScriptedLLM({**recording(), "tests": tests}),
        sandbox=available("local"),
        out=tmp_path,
        options=Options(packages=packages),
        observe=observe,
    )
    assert (made.status, made.report["tests"]["passed"]) == ("runs", 1)


def test_what_ran_is_not_run_again_for_its_tests_or_its_pins(tmp_path: Path, packages: Path) -> None:
    with_pytest = ANSWER.replace("import numpy as np\n", "import numpy as np\nimport pytest\n").replace(
        "np.testing.assert_allclose(mean(values), total / len(values), rtol=1e-12)",
        "assert mean(values) == pytest.approx(total / len(values), rel=1e-12)",
    )
    assert "pytest.approx" in with_pytest
    made, _, events = run(tmp_path, recording() | {"tests": with_pytest}, available("local"), packages)
    assert [event.begun for event in events].count("the smoke run") == 1
    first, tested, pinned = made.report["attempts"]
    assert "stands" not in first["why"]
    for again in (tested, pinned):
        assert "the same code and packages as before: what came of import and smoke stands" in again["why"]
    assert "==" in made.files["requirements.txt"]
    assert made.report["tests"]["passed"] == 1
    assert made.report["metrics"] and made.report["lines"]["executed"] > 0


def test_a_setting_that_a_repair_changes_is_told_as_it_is_delivered(tmp_path: Path, packages: Path) -> None:
    checked = '    settings = run.config["training"]\n'
    picky = f"{checked}    assert settings['learning_rate'] < 0.001\n"
    edit = (
        'It is too fast.\n\nconfig.yaml\n<<<<<<< SEARCH\n  learning_rate: 0.001  # [S1] "We use a learning rate of '
        '$10^{-3}$"\n=======\n  learning_rate: 0.0005\n>>>>>>> REPLACE\n'
    )
    code = EXPERIMENTS.replace(checked, picky)
    answers = recording() | {"code.experiments.py": fenced(code), "fix.1": edit}
    entry = ("experiments.py", "estimate", 'return {"error": abs(mean(values)) * settings["learning_rate"]}')
    made, _, _ = run(tmp_path, answers | {"audit": judgements(entry=entry)}, available("local"), packages)
    assert made.status == "runs", made.report["attempts"]
    assert "`training.learning_rate` is `0.0005`" in made.files["README.md"]
    assert "0.001" not in made.files["README.md"]


def test_a_repair_runs_again(tmp_path: Path, packages: Path) -> None:
    wrong = ESTIMATOR.replace("/ len(values)", "/ (len(values) - 1)")
    answers = {
        "code.estimator.py": fenced(wrong),
        "tests": ANSWER,
        "arbiter.1": ruling("code"),
        "fix.1": EDIT,
    }
    _, _, events = run(tmp_path, recording() | answers, available("local"), packages)
    assert [event.begun for event in events].count("the smoke run") == 2


def test_a_repair_that_departs_from_the_paper_is_dropped_though_the_smoke_run_passes(
    tmp_path: Path, packages: Path
) -> None:
    breaking = (
        "estimator.py\n<<<<<<< SEARCH\n    return total / len(values)\n=======\n"
        "    return total / (len(values) - 1)\n>>>>>>> REPLACE\n"
    )
    answers = recording() | {
        "tests": ANSWER,
        "audit": judgements(verdict="deviates"),
        "repair.1": breaking,
        "repair.2": "Nothing can be done.",
    }
    made, llm, _ = run(tmp_path, answers, available("local"), packages)
    assert made.status == "runs"
    assert made.files["estimator.py"] == ESTIMATOR
    asked = next(prompt.task for prompt in llm.asked if prompt.stage == "repair.2")
    assert "_is_the_sum_over_the_count` fails" in asked, "the second round knows why the first failed"


def test_nobody_is_asked_for_tests_that_nobody_can_run(tmp_path: Path, packages: Path) -> None:
    made, llm, _ = run(tmp_path / "a", recording())
    assert made.report["tests"] is None
    old, asked, _ = run(tmp_path / "b", old_recording(), available("local"), packages, contract=1)
    assert old.report["tests"] is None
    assert "tests" not in llm.stages + asked.stages
    assert "pytest" not in made.files["README.md"] + old.files["README.md"]
