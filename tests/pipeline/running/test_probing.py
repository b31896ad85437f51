"""What is known of a repository's tests."""

import json
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
    assert Probed.read(json.dumps(SAID | {"unseen": []})).blind == ("tests/test_a.py::test_g",)


def test_no_test_is_blind_while_a_function_that_it_may_call_was_not_tried() -> None:
    assert Probed.read(json.dumps(SAID | {"unseen": ["a.py::g"]})).blind == ()


def test_memory_that_runs_out_says_nothing_of_tests_since_faults_of_ours_may_have_used_it() -> None:
    def out_of_memory(steps: Sequence[Step]) -> list[Stepped]:
        return [Stepped(CommandResult(step.argv, None, 1.0, "", "", oom=True), {}) for step in steps]

    with pytest.raises(RoomClosed, match="memory ran out"):
        probe(Repository({"tests/test_a.py": "def test_f():\n    pass\n"}), out_of_memory, 60)


def test_how_a_test_failed_is_shown_as_text() -> None:
    failed = {"tests": {"test_a.py::test\ud800": "ValueError: x\ud800\x00\u202e\x1b[31m"}, "unseen": []}
    printed = json.dumps(SAID | failed)

    phase = probe(Repository({}), lambda steps: [Stepped(CommandResult((), 0, 1.0, printed, ""), {})], 60)

    assert phase.result.stdout == "test_a.py::test\\ud800\nValueError: x\\ud800\\u0000\\u202e"
    assert phase.problems == ("The test `test_a.py::test\\ud800` fails.",)
    probed = Probed.of([phase])
    assert probed and list(probed.failures) == ["test_a.py::test\\ud800"]


@pytest.mark.parametrize("printed", ["", "[", "5", json.dumps(SAID), json.dumps(SAID | {"unseen": 5})])
def test_what_is_not_the_probers_is_no_outcome(printed: str) -> None:
    phase = probe(Repository({}), lambda steps: [Stepped(CommandResult((), 0, 1.0, printed, ""), {})], 60)

    assert (phase.ok, phase.problems) == (False, ("The tests did not come to an end.",))
    assert Probed.of([phase]) is None
