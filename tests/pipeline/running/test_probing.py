"""What is known of a repository's tests."""

from pipeline.running.probing import Probed

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
