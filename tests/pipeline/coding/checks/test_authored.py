"""Files of tests that may not be tried, each with what must be said, and honest ones of which nothing may be said."""

import pytest

from pipeline.coding.checks.authored import refused_tests
from pipeline.coding.checks.tested import cases, expected_to_fail, misfits, targets, without
from pipeline.planning.plan import Function, Parameter, PlannedClass
from tests.pipeline.plans import ARCHITECTURE, ESTIMATOR, PLAN

PATH = "tests/test_estimator.py"
HONEST = '''"""The mean, from the paper."""

import numpy as np
import pytest

from estimator import mean

SEEDS = (1, 2, 3)


def reference(values):
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


@pytest.mark.parametrize("size", [1, 7])
def test_r1_is_the_sum_over_the_count(size):
    for seed in SEEDS:
        values = np.random.default_rng(seed).normal(size=size)
        # rounding of some ten additions in double precision
        assert mean(values) == pytest.approx(reference(values), rel=1e-12)


def test_r1_moves_with_its_values():
    values = np.array([1.0, 2.0, 4.0])
    assert abs(mean(values + 3) - mean(values) - 3) < 1e-12
'''
ADAM = PlannedClass(
    name="Adam",
    file="estimator.py",
    purpose="",
    methods=(
        Function(
            name="__init__",
            parameters=(
                Parameter(name="lr", type="float"),
                Parameter(name="betas", type="tuple = (0.9, 0.999)"),
            ),
            returns="None",
        ),
        Function(name="step", parameters=(Parameter(name="gradient", type="float"),), returns="float"),
    ),
)
WITH_ADAM = PLAN.model_copy(update={"architecture": ARCHITECTURE.model_copy(update={"classes": (ADAM,)})})


def test_honest_tests_are_tried() -> None:
    assert refused_tests(PATH, HONEST, PLAN, {"R1"}) == []


def test_a_tolerance_can_be_justified_where_it_is_named() -> None:
    named = HONEST.replace("SEEDS =", "CLOSE = 1e-12  # rounding in double precision\nSEEDS =")
    named = named.replace("        # rounding of some ten additions in double precision\n", "")
    assert refused_tests(PATH, named.replace("rel=1e-12", "rel=CLOSE"), PLAN, {"R1"}) == []
    assert "no comment above or beside it says why" in " ".join(refused_tests(PATH, named, PLAN, {"R1"}))


def test_no_tolerance_at_all_needs_no_reason_and_a_folder_may_be_written_into() -> None:
    exact = HONEST.replace("rel=1e-12", "rel=0, abs=0.0").replace(
        "        # rounding of some ten additions in double precision\n", ""
    )
    assert "rel=0" in exact and refused_tests(PATH, exact, PLAN, {"R1"}) == []
    written = body("(tmp_path / 'a').write_text('1')\n    assert mean([1]) == 1").replace(
        "_mean()", "_mean(tmp_path)"
    )
    assert refused_tests(PATH, written, PLAN, {"R1"}) == []


def test_one_test_may_show_several_requirements() -> None:
    both = HONEST.replace("test_r1_is", "test_r1_r2_is")
    assert refused_tests(PATH, both, PLAN, {"R1", "R2"}) == []
    assert cases({PATH: both})[0].requirements == ("R1", "R2")


def body(line: str) -> str:
    return f"from estimator import mean\n\n\ndef test_r1_mean():\n    {line}\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def test_r1_mean(:\n", "does not parse"),
        ("from estimator import mean\n", "holds no test"),
        (body("assert mean([1]) == 1") + "\n\nclass TestMean:\n    pass\n", "tests are functions"),
        (body("assert True"), "holds whatever the code does"),
        (body("assert 1 + 1 == 2"), "holds whatever the code does"),
        (body("assert mean([1]) == mean([1])"), "holds whatever the code does"),
        (body("assert mean([1]) == 1 or True"), "holds whatever the code does"),
        (body("mean([1])"), "compares nothing"),
        (body("return\n    assert mean([1]) == 1"), "returns before its end"),
        (
            body("try:\n        assert mean([1]) == 1\n    except Exception:\n        pass"),
            "catches the failure",
        ),
        (body("assert mean([1]) == 1").replace("test_r1_mean", "test_mean"), "does not name its requirement"),
        (body("assert mean([1]) == 1").replace("test_r1_mean", "test_r9_mean"), "names R9"),
        (
            body("assert mean([1]) == 1").replace("_mean()", "_mean(monkeypatch)"),
            "of fixtures only `tmp_path` is used",
        ),
        (body("assert mean([1], 2) == 1"), "takes at most 1 positional"),
        (body("assert mean(data=[1]) == 1"), "has no parameter `data`"),
        (body("mean = len\n    assert mean([1]) == 1"), "may not be replaced"),
        (body("assert mean([open('config.yaml')]) == 1"), "`open` is not used"),
        (
            "import pytest\n" + body("pytest.skip('later')\n    assert mean([1]) == 1"),
            "a test passes or fails",
        ),
        ("from pytest import skip\n" + body("skip()\n    assert mean([1]) == 1"), "a test passes or fails"),
        (
            "import pytest\nfrom estimator import mean\n\n\n@pytest.mark.xfail\ndef test_r1_mean():\n"
            "    assert mean([1]) == 1\n",
            "a test passes or fails",
        ),
        (
            "import pytest\n" + body("with pytest.raises(Exception):\n        mean([])"),
            "names the error",
        ),
        ("from estimator import median\n" + body("assert mean([1]) == 1"), "promises no `median`"),
        ("import estimator\n" + body("assert mean([1]) == 1"), "import the names"),
        ("from harness import Run\n" + body("assert mean([1]) == 1"), "test the method"),
        ("from experiments import estimate\n" + body("assert mean([1]) == 1"), "test the method"),
        ("import torch\n" + body("assert mean([1]) == 1"), "`torch` may not be imported"),
        ("import os\n" + body("assert mean([1]) == 1"), "`os` may not be imported"),
        (
            "import numpy as np\n" + body("assert mean(np.random.normal(size=3)) == 1"),
            "has no seed of its own",
        ),
        (
            "import numpy as np\n" + body("assert mean(np.random.default_rng().normal(size=3)) == 1"),
            "needs a seed",
        ),
        (
            "import math\n" + body("assert math.isclose(mean([1]), 1, rel_tol=0.5)"),
            "no comment above or beside it says why",
        ),
    ],
)
def test_what_cannot_fail_or_tests_something_else_is_refused(text: str, complaint: str) -> None:
    assert complaint in " ".join(refused_tests(PATH, text, PLAN, {"R1"}))


def test_methods_are_called_as_they_are_planned() -> None:
    text = "from estimator import Adam\n\n\ndef test_r1_step():\n    adam = Adam(0.1)\n    assert adam.step({}) == 1\n"
    assert refused_tests(PATH, text.replace("{}", "2.0"), WITH_ADAM, {"R1"}) == []
    wrong = refused_tests(PATH, text.replace("{}", "1.0, 2.0"), WITH_ADAM, {"R1"})
    assert "takes at most 1 positional" in " ".join(wrong)
    unknown = refused_tests(PATH, text.replace("adam.step({})", "adam.update()"), WITH_ADAM, {"R1"})
    assert "has no method `update`" in " ".join(unknown)


def test_what_a_repository_tests_is_read_from_its_files() -> None:
    files = {PATH: HONEST, "estimator.py": ESTIMATOR}
    assert [(case.id, case.requirements) for case in cases(files)] == [
        (f"{PATH}::test_r1_is_the_sum_over_the_count", ("R1",)),
        (f"{PATH}::test_r1_moves_with_its_values", ("R1",)),
    ]
    assert targets(files) == {"estimator.py": ["mean"]}
    assert misfits(files) == {}


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("def mean(values: np.ndarray)", "def average(values: np.ndarray)", "`estimator.py` has no `mean`"),
        ("def mean(values: np.ndarray)", "def mean(values, weights)", "is called without `weights`"),
    ],
)
def test_code_that_is_not_as_planned_is_found_without_running_it(
    before: str, after: str, complaint: str
) -> None:
    found = misfits({PATH: HONEST, "estimator.py": ESTIMATOR.replace(before, after)})
    assert complaint in " ".join(found[PATH])


def test_a_test_that_is_known_to_fail_is_marked_and_says_why() -> None:
    marked = expected_to_fail(HONEST, "test_r1_moves_with_its_values", 'disputed: it\'s "open"')
    first, second = cases({PATH: marked})
    assert (first.expected, second.expected) == ("", 'disputed: it\'s "open"')
    plain = body("assert mean([1]) == 1")
    assert "import pytest" in expected_to_fail(plain, "test_r1_mean", "failed: so")


def test_tests_are_taken_away_whole() -> None:
    left = without(HONEST, ["test_r1_is_the_sum_over_the_count"])
    assert [case.id for case in cases({PATH: left})] == [f"{PATH}::test_r1_moves_with_its_values"]
    assert "parametrize" not in left
    assert without(left, ["test_r1_moves_with_its_values"]) == ""
