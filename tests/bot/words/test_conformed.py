from typing import Any

from bot.words.conformed import conformed, passing

DISPUTE = {
    "test": "tests/test_model.py::test_r3_rows",
    "outcome": "disputed",
    "by_test": "Rows sum to one.",
    "by_code": "Columns sum to one.",
    "quote": "normalised over keys",
    "wrong": "paper",
    "why": "Keys are rows in Eq. 3 and columns in Eq. 5.",
    "note": "",
}
TESTS: dict[str, Any] = {
    "total": 9,
    "passed": 8,
    "failed": 0,
    "disputed": 1,
    "mutants": 40,
    "killed": 37,
    "untried": 2,
    "items": [],
    "survivors": [],
    "disputes": [DISPUTE],
    "settled": [],
    "untested": [{"requirement": "R7", "why": "It happens inside the training loop."}],
    "partly": [{"requirement": "R8", "why": "Its seeds are those of an experiment."}],
}


def test_a_pull_request_counts_the_tests_and_shows_both_readings() -> None:
    told = conformed({"tests": TESTS}, 10)
    assert "8 of 9 tests from the paper pass, 1 disputed." in told
    assert "Of 40 faults that a program put into the functions under test, they noticed 37." in told
    assert "The test: Rows sum to one. The code: Columns sum to one." in told
    assert "Not tested: R7. Tested in part: R8; `docs/execution-report.md` says why." in told


def test_where_there_was_no_time_for_faults_that_is_said() -> None:
    told = conformed({"tests": TESTS | {"mutants": 0, "killed": 0, "untried": 176}}, 10)
    assert "Whether they notice faults was not tried: there was no time for any of 176." in told


def test_where_nobody_has_decided_no_reading_is_told() -> None:
    nobody = dict.fromkeys(("by_test", "by_code", "quote", "wrong", "why"))
    undecided = DISPUTE | nobody | {"note": "Nobody has decided: the budget is spent."}
    told = conformed({"tests": TESTS | {"disputes": [undecided]}}, 10)
    assert "Nobody has decided: the budget is spent." in told
    assert "None" not in told


def test_where_it_gets_too_long_disputes_are_counted() -> None:
    told = conformed({"tests": TESTS}, 0)
    assert "And 1 more" in told
    assert "Rows sum" not in told


def test_reports_from_before_say_nothing() -> None:
    assert conformed({}, 10) == conformed({"tests": None}, 10) == ""
    assert passing({}) == passing({"tests": None}) == passing({"tests": TESTS | {"total": 0}}) == ""
