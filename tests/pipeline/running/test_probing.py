"""What is known of a repository's tests."""

from collections.abc import Sequence

import pytest

from pipeline.coding.repository import Repository
from pipeline.running.probing import Probed, probe
from sandbox.interface import RoomClosed
from sandbox.report import CommandResult
from sandbox.steps import Step, Stepped

SAID = {
    "tests": {"tests/test_a.py::test_f": "", "tests/test_a.py::test_g": ""},
    "calls": {"a.py::f": ["tests/test_a.py::test_f"]},
    "mutants": [],
    "untried": 0,
}


def test_a_test_that_no_raising_function_fails_is_blind() -> None:
    assert Probed.read(SAID | {"unseen": []}).blind == ("tests/test_a.py::test_g",)


def test_no_test_is_blind_while_a_function_that_it_may_call_was_not_tried() -> None:
    assert Probed.read(SAID | {"unseen": ["a.py::g"]}).blind == ()


def test_memory_that_runs_out_says_nothing_of_tests_since_faults_of_ours_may_have_used_it() -> None:
    def out_of_memory(steps: Sequence[Step]) -> list[Stepped]:
        return [Stepped(CommandResult(step.argv, None, 1.0, "", "", oom=True), {}) for step in steps]

    with pytest.raises(RoomClosed, match="memory ran out"):
        probe(Repository({"tests/test_a.py": "def test_f():\n    pass\n"}), out_of_memory, 60)
