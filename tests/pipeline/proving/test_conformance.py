"""Disagreements between tests and code, settled with a real prober in a real sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context
from pipeline.planning.plan import Parameter
from pipeline.proving.arbiter import Arbiter
from pipeline.proving.authoring import Author, Suite
from pipeline.proving.conformance import Conformance, Conformed, conformity
from pipeline.running.fixing import Fixer
from pipeline.running.probing import probe
from sandbox.execution import _tools
from sandbox.interface import Command, Sandbox
from sandbox.report import CommandResult, Environment, ExecutionReport, Limits, PhaseResult
from sandbox.steps import REPORT_BYTES, Step, Stepped, run_steps
from tests.conftest import available
from tests.fakes.scripted import Answer, ScriptedLLM
from tests.pipeline.plans import PAPER, PLAN

ESTIMATOR, EXPERIMENTS = PLAN.logic.files
MEAN = ESTIMATOR.functions[0].model_copy(
    update={
        "parameters": (Parameter(name="values", type="list"), Parameter(name="scale", type="float = 1.0"))
    }
)
LOGIC = PLAN.logic.model_copy(
    update={"files": (ESTIMATOR.model_copy(update={"functions": (MEAN,)}), EXPERIMENTS)}
)
SCALED = PLAN.model_copy(update={"logic": LOGIC})
PATH = "tests/test_estimator.py"
TEST = f"{PATH}::test_r1_is_the_sum_over_the_count"
CODE = '''"""The mean."""


def mean(values, scale=1.0):
    """Arithmetic mean [S1]."""
    total = 0.0
    for value in values:
        total += value
    return scale * total / len(values)
'''
WRONG_CODE = CODE.replace("/ len(values)", "/ (len(values) - 1)")
SHARP = """from estimator import mean


def test_r1_is_the_sum_over_the_count():
    for values, expected in (([1.0, 2.0, 6.0], 3.0), ([4.0, 0.0], 2.0)):
        assert mean(values) == expected


def test_r1_scales():
    assert mean([1.0, 3.0], scale=2.0) == 4.0
"""
WRONG_TEST = SHARP.replace("3.0), ([4.0, 0.0], 2.0)", "4.5), ([4.0, 0.0], 4.0)")
BLUNT = """from estimator import mean


def test_r1_is_the_sum_over_the_count():
    assert mean([0.0, 0.0]) == 0.0
"""
QUOTE = "The estimate is the arithmetic mean of all observations."
MEND_CODE = (
    "It divides by one less than the count.\n\nestimator.py\n<<<<<<< SEARCH\n"
    "    return scale * total / (len(values) - 1)\n=======\n    return scale * total / len(values)\n>>>>>>> REPLACE\n"
)


def whole(text: str) -> str:
    return f"{PATH}\n```python\n{text}```\n"


def ruling(wrong: str, quote: str = QUOTE, test: str = TEST) -> str:
    return json.dumps(
        {
            "rulings": [
                {
                    "test": test,
                    "by_test": "sum over count",
                    "by_code": "sum over count less one",
                    "quote": quote,
                    "wrong": wrong,
                    "why": "The mean divides by the count.",
                }
            ]
        }
    )


@pytest.fixture(scope="session")
def tools(packages: Path) -> Path:
    return _tools(available("local").platform(), packages, lambda: False)


class Bench:
    """Runs nothing of a repository but its tests."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self.tools = folder, tools
        self.sandbox: Sandbox = available("local")
        self.runs: list[Repository] = []

    def __call__(self, repository: Repository) -> ExecutionReport:
        self.runs.append(repository)
        directory = self.folder / f"run{len(self.runs)}"
        repository.write(directory)
        result = CommandResult(("python3", "main.py", "--smoke"), 0, 0.1, "", "")
        phases = [PhaseResult("smoke", result)]
        if "boom" in repository.files["estimator.py"]:
            phases = [PhaseResult("smoke", CommandResult(result.argv, 1, 0.1, "", "NameError: name 'boom'"))]
        elif any(path.startswith("tests/") for path in repository.files):
            phases.append(probe(repository, lambda steps: self._steps(directory, steps), 60))
        return ExecutionReport("smoke", Environment("local", "none", "3.11", (), Limits()), tuple(phases))

    def _steps(self, directory: Path, steps: "tuple[Step, ...] | list[Step]") -> list[Stepped]:
        def run(argv: tuple[str, ...]) -> CommandResult:
            limits = Limits(seconds=120, output_bytes=REPORT_BYTES)
            return self.sandbox.run(directory, Command(argv, limits, tools=self.tools))

        return run_steps(steps, 60, run)


def settled(
    tmp_path: Path, tools: Path, code: str, tests: str, answers: Mapping[str, Answer]
) -> tuple[Conformed, ScriptedLLM, dict[str, object]]:
    llm, context = ScriptedLLM(answers), Context("system")
    bench = Bench(tmp_path, tools)
    fixer = Fixer(SCALED, {}, context, llm, bench, 8, Limits())
    repository = Repository(
        {
            "estimator.py": code,
            "experiments.py": "",
            "config.yaml": "",
            "requirements.txt": "",
            "harness.py": "",
        }
    )
    conformance = Conformance(
        Author(SCALED, llm, context), Arbiter(PAPER, SCALED, llm, context), fixer, repository
    )
    made = conformance.settle(Suite({PATH: tests}))
    report = conformity(made, made.repository, fixer.executed_as(made.repository).phases)
    assert report is not None
    return made, llm, report


def test_tests_that_agree_are_delivered_with_what_runs_them(tmp_path: Path, tools: Path) -> None:
    made, llm, report = settled(tmp_path, tools, CODE, SHARP, {})
    assert llm.stages == []
    assert made.repository.files[PATH] == SHARP
    assert made.repository.files["requirements-dev.txt"] == "-r requirements.txt\npytest\n"
    assert (report["total"], report["passed"], report["failed"], report["disputed"]) == (2, 2, 0, 0)
    assert report["killed"] == report["mutants"] > 5


def test_code_that_departs_from_the_paper_is_mended(tmp_path: Path, tools: Path) -> None:
    tests = SHARP.partition("\n\n\ndef test_r1_scales")[0] + "\n"
    tests += "    assert mean([2.0, 4.0], scale=3.0) == 9.0\n"
    answers = {"arbiter.1": ruling("code"), "fix.1": MEND_CODE}
    made, llm, report = settled(tmp_path, tools, WRONG_CODE, tests, answers)
    assert llm.stages == ["arbiter.1", "fix.1"]
    asked = llm.asked[0].task
    assert "len(values) - 1" in asked, "the arbiter sees the code"
    assert QUOTE in asked
    assert "4.5 == 3.0" in asked, "and the numbers on both sides"
    assert "The mean divides by the count." in llm.asked[1].task
    assert f"`{PATH}` tests `estimator.py`" in llm.asked[1].task
    assert "/ (len(values) - 1)" in llm.asked[1].task, "whoever mends sees what is tested"
    assert made.repository.files["estimator.py"] == CODE
    assert made.repository.files[PATH] == tests
    assert (report["passed"], report["disputed"]) == (1, 0)
    assert "code: The mean divides by the count." in made.settled[0]


def test_a_test_that_departs_from_the_paper_is_corrected_by_its_author(tmp_path: Path, tools: Path) -> None:
    answers = {"arbiter.1": ruling("test"), "tests.again.1": whole(SHARP)}
    made, llm, report = settled(tmp_path, tools, CODE, WRONG_TEST, answers)
    assert llm.stages == ["arbiter.1", "tests.again.1"]
    assert "total += value" not in llm.asked[1].task, "its author never sees the code"
    assert made.repository.files["estimator.py"] == CODE
    assert (report["passed"], report["disputed"]) == (2, 0)


def test_a_ruling_quotes_the_paper(tmp_path: Path, tools: Path) -> None:
    answers = {
        "arbiter.1": ruling("test", "The estimate is the median of all observations."),
        "arbiter.1#2": ruling("test"),
        "tests.again.1": whole(SHARP),
    }
    _, llm, _ = settled(tmp_path, tools, CODE, WRONG_TEST, answers)
    assert "is not in the paper" in llm.asked[1].task


def test_a_correction_that_weakens_a_test_is_refused(tmp_path: Path, tools: Path) -> None:
    weak = WRONG_TEST.replace("assert mean(values) == expected", "assert abs(mean(values) - expected) < 5")
    answers = {"arbiter.1": ruling("test"), "tests.again.1": whole(weak), "tests.again.1#2": whole(SHARP)}
    made, llm, _ = settled(tmp_path, tools, CODE, WRONG_TEST, answers)
    assert "looser absolute tolerance: 5 for 0" in llm.asked[2].task
    assert made.repository.files[PATH] == SHARP


def test_the_same_disagreement_twice_is_disputed_and_both_readings_are_told(
    tmp_path: Path, tools: Path
) -> None:
    stubborn = WRONG_TEST.replace("def test_r1_is", "# The estimate is what it is.\ndef test_r1_is")
    answers = {"arbiter.1": ruling("test"), "tests.again.1": whole(stubborn), "arbiter.2": ruling("test")}
    made, _, report = settled(tmp_path, tools, CODE, WRONG_TEST, answers)
    assert (report["total"], report["passed"], report["disputed"]) == (2, 1, 1)
    (dispute,) = made.disputes
    assert (dispute.test, dispute.ruling.by_test) == (TEST, "sum over count")
    assert "xfail(reason='disputed: " in made.repository.files[PATH]
    assert made.repository.files["estimator.py"] == CODE


def test_what_an_author_disputes_goes_to_the_arbiter_once_more(tmp_path: Path, tools: Path) -> None:
    disputed = f"DISPUTED {TEST.partition('::')[2]}: by Eq. 1 it is the count less one."
    answers = {
        "arbiter.1": ruling("test"),
        "tests.again.1": disputed,
        "arbiter.2": ruling("code"),
        "fix.1": MEND_CODE,
    }
    tests = SHARP.partition("\n\n\ndef test_r1_scales")[0] + "\n"
    made, llm, report = settled(tmp_path, tools, WRONG_CODE, tests, answers)
    assert llm.stages == ["arbiter.1", "tests.again.1", "arbiter.2", "fix.1"]
    assert "The test's author holds against that: by Eq. 1 it is the count less one." in llm.asked[2].task
    assert (made.repository.files["estimator.py"], made.repository.files[PATH]) == (CODE, tests)
    assert (report["passed"], report["disputed"]) == (1, 0)


def test_what_the_paper_leaves_open_is_disputed_at_once(tmp_path: Path, tools: Path) -> None:
    _, llm, report = settled(tmp_path, tools, CODE, WRONG_TEST, {"arbiter.1": ruling("paper")})
    assert (report["disputed"], llm.stages) == (1, ["arbiter.1"])


def test_where_nobody_decides_both_stay_and_that_is_said(tmp_path: Path, tools: Path) -> None:
    answers = dict.fromkeys(("arbiter.1", "arbiter.1#2", "arbiter.1#3"), "Both are right.")
    made, _, report = settled(tmp_path, tools, CODE, WRONG_TEST, answers)
    assert (report["passed"], report["disputed"]) == (1, 1)
    assert made.disputes[0].ruling is None
    assert made.disputes[0].note.startswith("Nobody has decided: ")


def test_code_that_cannot_be_mended_has_failed_its_test(tmp_path: Path, tools: Path) -> None:
    answers = {"arbiter.1": ruling("code"), "fix.1": "NO CHANGE: it is right."}
    tests = SHARP.partition("\n\n\ndef test_r1_scales")[0] + "\n"
    made, _, report = settled(tmp_path, tools, WRONG_CODE, tests, answers)
    assert (report["passed"], report["failed"]) == (0, 1)
    assert made.disputes[0].outcome == "failed"


def test_a_repair_that_touches_the_tests_or_breaks_the_run_is_taken_back(tmp_path: Path, tools: Path) -> None:
    tests = SHARP.partition("\n\n\ndef test_r1_scales")[0] + "\n"
    edits = MEND_CODE + f"\n{whole(WRONG_TEST)}"
    breaking = MEND_CODE.replace("total / len(values)\n", "total / len(values)  # boom\n")
    answers = {"arbiter.1": ruling("code"), "fix.1": edits, "fix.2": breaking}
    made, llm, report = settled(tmp_path, tools, WRONG_CODE, tests, answers)
    assert "tests are written from the paper by somebody else" in llm.asked[2].task
    assert made.repository.files["estimator.py"] == WRONG_CODE
    assert report["failed"] == 1


def test_a_test_that_no_code_can_fail_goes_back_and_then_goes_away(tmp_path: Path, tools: Path) -> None:
    blind = SHARP + "\n\ndef test_r1_of_nothing():\n    values = [mean]\n    assert values == list(values)\n"
    answers = {"tests.again.1": whole(blind + "\n# It is right.\n")}
    made, llm, report = settled(tmp_path, tools, CODE, blind, answers)
    assert "does nothing but raise" in llm.asked[0].task
    assert "test_r1_of_nothing" not in made.repository.files[PATH]
    assert report["total"] == 2


def test_tests_that_notice_too_little_are_sharpened_once(tmp_path: Path, tools: Path) -> None:
    sharper = BLUNT + SHARP.partition("import mean\n")[2].replace("test_r1_is_the_sum", "test_r1_sum")
    answers = {"tests.sharper.1": whole(sharper)}
    made, llm, report = settled(tmp_path, tools, CODE, BLUNT, answers)
    assert llm.stages == ["tests.sharper.1"]
    assert (
        "`mean` of `estimator.py`, dropped term at `return scale * total / len(values)`" in llm.asked[0].task
    )
    assert report["killed"] == report["mutants"]
    assert made.repository.files[PATH] == sharper


def test_code_that_is_not_as_planned_is_mended_before_anybody_judges(tmp_path: Path, tools: Path) -> None:
    renamed = CODE.replace("def mean(", "def average(")
    edit = (
        "The plan calls it mean.\n\nestimator.py\n<<<<<<< SEARCH\ndef average(values, scale=1.0):\n=======\n"
        "def mean(values, scale=1.0):\n>>>>>>> REPLACE\n"
    )
    _, llm, report = settled(tmp_path, tools, renamed, SHARP, {"fix.1": edit})
    assert llm.stages == ["fix.1"]
    assert "`estimator.py` has no `mean`" in llm.asked[0].task
    assert report["passed"] == 2
    gone, _, untold = settled(tmp_path / "again", tools, renamed, SHARP, {"fix.1": "NO CHANGE: no."})
    assert PATH not in gone.repository.files
    assert "requirements-dev.txt" not in gone.repository.files
    assert "has no `mean`" in str(untold["untested"])
