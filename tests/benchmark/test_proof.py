"""What notices faults in a delivered repository: counted on a small one, with its tests run in a sandbox."""

from pathlib import Path

import pytest

from benchmark.proof import Bench, Fault, Looks, by_hand, by_program, row, subject
from pipeline.coding.repository import Repository
from tests.conftest import available
from tests.pipeline.proving.test_conformance import CODE, PATH, SHARP

FILES = {
    "estimator.py": f"{CODE}\n\ndef spread(values):\n    return max(values) - min(values)\n",
    "main.py": "",
    "harness.py": "def main():\n    return 1 + 1\n",
    "requirements.txt": "",
    "docs/execution-report.json": "{}",
    PATH: SHARP,
}
HAND = """
[[fault]]
file = "estimator.py"
symbol = "mean"
what = "divides by one less than the count"
old = "/ len(values)"
new = "/ (len(values) - 1)"
"""


def never(repository: Repository, fault: Fault | None) -> set[str]:
    raise AssertionError("looked at twice")


def test_faults_are_counted_by_who_notices_them_and_never_looked_at_twice(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository(FILES).write(tmp_path / "run" / "repository")
    (tmp_path / "small.toml").write_text(HAND)
    monkeypatch.setattr("benchmark.proof.HAND", tmp_path)
    bench = Bench(available("local"), packages)
    small = subject("small", tmp_path / "run", bench, 2)
    assert small.tested == {"estimator.py::mean"}
    assert [fault.by for fault in small.faults] == ["program", "program", "hand"]
    by = {"tests": bench.tests, "smoke run": lambda repository, fault: {"slow"}}
    line, missed = row(small, Looks(tmp_path / "looks.jsonl"), by)
    assert line == (
        "| small | 3 | 1 | 2 of 2 (100 %) | 2 of 3 (67 %) | 0 of 3 (0 %) | 2 of 3 (67 %) | tests 0, smoke run 1 |"
    )
    assert len(missed) == 1 and "`estimator.py::spread`" in missed[0]
    with (tmp_path / "looks.jsonl").open("a") as kept:
        kept.write('{"cut o')
    assert row(small, Looks(tmp_path / "looks.jsonl"), dict.fromkeys(by, never)) == (line, missed)


def test_what_is_no_code_of_the_paper_is_left_whole_and_a_fault_differs_in_what_runs() -> None:
    found = by_program(Repository(FILES), 50)
    assert {fault.file for fault in found} == {"estimator.py"}
    assert len({fault.id for fault in found}) == len(found) > 5
    assert all(compile(fault.text, "estimator.py", "exec") for fault in found)


def test_faults_by_hand_are_of_the_code_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    assert by_hand(Repository(FILES), file) == []
    file.write_text(HAND)
    with pytest.raises(ValueError, match="does not stand once"):
        by_hand(Repository(FILES | {"estimator.py": CODE * 2}), file)
