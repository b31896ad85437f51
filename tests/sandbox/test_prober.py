"""Whether tests notice faults: which are put, which tests they are shown to, what cannot be told by a lie."""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import prober
from sandbox.execution import _tools
from sandbox.interface import TOOLS, Command, Sandbox
from sandbox.report import Limits

CODE = """
def scaled(values, factor, axis=-1):
    \"\"\"Twice 2.\"\"\"
    if factor < 0:
        raise ValueError(f"{factor - 1} is negative")
    return [value * factor + 1 for value in values]


class Schedule:
    def __init__(self, warmup: int = 4) -> None:
        self.warmup = warmup

    def rate(self, step):
        rate = 0.5
        rate += step / self.warmup
        return min(rate, 1.0)


def unasked(x):
    return x - 1
"""
SHARP = """
from code_under_test import Schedule, scaled


def test_scaled():
    assert scaled([1, 3], 2) == [3, 7]
    assert scaled([1], 0) == [1]


def test_rate():
    assert [Schedule(8).rate(step) for step in (0, 2, 4, 9)] == [0.5, 0.75, 1.0, 1.0]
"""


def made(folder: Path, tests: Mapping[str, str], code: str = CODE) -> Path:
    directory = folder / "repository"
    (directory / "tests").mkdir(parents=True)
    (directory / "code_under_test.py").write_text(code)
    for name, text in tests.items():
        (directory / "tests" / name).write_text(text)
    return directory


def probed(
    sandbox: Sandbox, directory: Path, packages: Path, mutants: int = 60, seconds: float = 60
) -> dict[str, Any]:
    orders = {
        "tests": sorted(f"tests/{file.name}" for file in (directory / "tests").iterdir()),
        "targets": {"code_under_test.py": ["scaled", "Schedule", "unasked"]},
        "mutants": mutants,
        "seconds": seconds,
    }
    argv = ("python3", f"{TOOLS}/prober.py", json.dumps(orders))
    tools = _tools(sandbox.platform(), packages, lambda: False)
    result = sandbox.run(directory, Command(argv, Limits(seconds=300), tools=tools))
    assert result.ok, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def named(text: str) -> list[tuple[str, str]]:
    """What each fault of `f` is, and the statement that it leaves."""
    found = []
    for number in range(len(list(prober.faults(ast.parse(text).body[0])))):
        tree = ast.parse(text)
        fault = list(prober.faults(tree.body[0]))[number]
        fault.put()
        found.append((fault.what, ast.unparse(ast.fix_missing_locations(tree)).splitlines()[-1].strip()))
    return found


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("return a + b", {("operator", "return a - b"), ("dropped term", "return a")}),
        ("return -a", {("sign", "return a")}),
        ("return x[-1]", {("constant", "return x[0]")}),
        (
            "return x.sum(axis=0)",
            {
                ("function", "return x.mean(axis=0)"),
                ("axis", "return x.sum(axis=-1)"),
                ("constant", "return x.sum(axis=1)"),
            },
        ),
        ("return f(a, b)", {("swapped arguments", "return f(b, a)")}),
        ("return a @ b", {("swapped arguments", "return b @ a")}),
        ("return a < b", {("condition", "return a >= b")}),
        ("return not a", {("condition", "return a")}),
        ("return a and b", {("condition", "return a or b")}),
        ("x *= 2", {("operator", "x /= 2"), ("dropped statement", "pass"), ("constant", "x *= 3")}),
        ("raise ValueError(a + b)", set()),
        ("x: list[1] = a", set()),
    ],
)
def test_faults_of_a_line(line: str, faults: set[tuple[str, str]]) -> None:
    assert set(named(f"def f(a, b, x):\n    {line}\n")) == faults


def test_faults_are_taken_from_all_functions_in_turn_and_from_all_over_each() -> None:
    first, second = [f"a{n}" for n in range(8)], ["b0", "b1"]
    assert prober.chosen([first, second], 5) == ["a0", "b0", "a4", "b1", "a2"]
    assert sorted(prober.chosen([first, second], 60)) == sorted(first + second)


def test_sharp_tests_notice_every_fault(sandbox: Sandbox, tmp_path: Path, packages: Path) -> None:
    said = probed(sandbox, made(tmp_path, {"test_code.py": SHARP}), packages)
    assert set(said["tests"].values()) == {""}
    assert said["calls"] == {
        "code_under_test.py::scaled": ["tests/test_code.py::test_scaled"],
        "code_under_test.py::Schedule.__init__": ["tests/test_code.py::test_rate"],
        "code_under_test.py::Schedule.rate": ["tests/test_code.py::test_rate"],
        "code_under_test.py::unasked": [],
    }
    survived = {(each["symbol"], each["what"]) for each in said["mutants"] if not each["killed"]}
    # Defaults that no test relies on.
    assert survived == {
        ("code_under_test.py::scaled", "constant"),
        ("code_under_test.py::Schedule.__init__", "constant"),
    }
    assert said["untried"] == 0


def test_what_was_not_tried_is_counted(sandbox: Sandbox, tmp_path: Path, packages: Path) -> None:
    directory = made(tmp_path, {"test_code.py": SHARP})
    few = probed(sandbox, directory, packages, mutants=3)
    assert len(few["mutants"]) == 3
    assert few["untried"] == len(probed(sandbox, directory, packages)["mutants"]) - 3


def test_a_test_that_catches_everything_tests_nothing(
    sandbox: Sandbox, tmp_path: Path, packages: Path
) -> None:
    caught = (
        SHARP
        + "\n\ndef test_caught():\n    try:\n        scaled([1], 2)\n    except Exception:\n        pass\n"
    )
    said = probed(sandbox, made(tmp_path, {"test_code.py": caught}), packages, mutants=0)
    assert said["tests"]["tests/test_code.py::test_caught"] == ""
    assert said["calls"]["code_under_test.py::scaled"] == ["tests/test_code.py::test_scaled"]


def test_failures_say_why_and_stop_nothing(sandbox: Sandbox, tmp_path: Path, packages: Path) -> None:
    tests = {
        "test_code.py": SHARP + "\n\ndef test_wrong():\n    assert scaled([1], 2) == [4]\n",
        "test_ends.py": "import os\n\ndef test_ends():\n    os._exit(0)\n",
        "test_broken.py": "from code_under_test import nothing_of_that_name\n",
        "test_skipped.py": "import pytest\n\ndef test_skipped():\n    pytest.skip('later')\n",
    }
    said = probed(sandbox, made(tmp_path, tests), packages, mutants=1)["tests"]
    assert "[3] == [4]" in said["tests/test_code.py::test_wrong"]
    assert said["tests/test_code.py::test_rate"] == ""
    assert said["tests/test_ends.py"] == "Its tests did not end, or not by themselves."
    assert "nothing_of_that_name" in said["tests/test_broken.py"]
    assert said["tests/test_skipped.py::test_skipped"] == "It was skipped."


def test_a_test_that_is_marked_to_fail_fails_nothing_and_faults_are_put_beside_it(
    sandbox: Sandbox, tmp_path: Path, packages: Path
) -> None:
    wrong = "\n\n{mark}def test_wrong():\n    assert scaled([1], 2) == [4]\n"
    mark = "import pytest\n\n@pytest.mark.xfail(reason='disputed: so')\n"
    marked = made(tmp_path / "a", {"test_code.py": SHARP + wrong.format(mark=mark)})
    said = probed(sandbox, marked, packages, mutants=2)
    assert said["tests"]["tests/test_code.py::test_wrong"] == prober.EXPECTED
    assert len(said["mutants"]) == 2
    plain = made(tmp_path / "b", {"test_code.py": SHARP + wrong.format(mark="")})
    said = probed(sandbox, plain, packages, mutants=2)
    assert (said["mutants"], said["untried"]) == ([], 0)


def test_a_fault_that_never_ends_is_noticed(sandbox: Sandbox, tmp_path: Path, packages: Path) -> None:
    code = "def scaled(n):\n    while n:\n        n -= 1\n    return n\n"
    test = "from code_under_test import scaled\n\ndef test_scaled():\n    assert scaled(3) == 0\n"
    said = probed(sandbox, made(tmp_path, {"test_code.py": test}, code), packages, mutants=1)
    symbol = "code_under_test.py::scaled"
    assert said["mutants"] == [{"symbol": symbol, "line": 3, "what": "operator", "killed": True}]


def test_no_test_reaches_what_is_said(sandbox: Sandbox, tmp_path: Path, packages: Path) -> None:
    loud = """
import os, sys

def test_loud():
    print("forged", flush=True)
    for place in ("/proc/self/fd/1", f"/proc/{os.getppid()}/fd/1", f"/proc/{os.getppid()}/fd/3"):
        try:
            with open(place, "w") as stream:
                stream.write('{"tests": {}}')
        except OSError:
            pass
    for number in range(3, 64):
        try:
            os.write(number, b"forged")
        except OSError:
            pass
"""
    said = probed(sandbox, made(tmp_path, {"test_code.py": SHARP, "test_loud.py": loud}), packages, mutants=0)
    assert said["tests"]["tests/test_code.py::test_rate"] == ""


def test_a_test_that_closes_the_folder_fails_and_no_other(
    sandbox: Sandbox, tmp_path: Path, packages: Path
) -> None:
    tests = {"test_closes.py": "import os\nos.chmod('.', 0)\n\ndef test_it():\n    open('a', 'w')\n"}
    said = probed(sandbox, made(tmp_path, tests | {"test_code.py": SHARP}), packages, mutants=4)
    closing = {why for name, why in said["tests"].items() if name.startswith("tests/test_closes.py")}
    assert closing and all(closing)
    assert said["tests"]["tests/test_code.py::test_rate"] == ""
    assert said["calls"]["code_under_test.py::scaled"] == ["tests/test_code.py::test_scaled"]
