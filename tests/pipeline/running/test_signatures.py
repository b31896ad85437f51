"""Outputs are printed by real programs, run in a folder of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.running.signatures import Frame, frames, missing_module, signature

FILES = {
    "main.py": "import sys\nfrom pkg.model import run\nif __name__ == '__main__':\n    run(sys.argv[1])\n",
    "pkg/model.py": """\
import json


def run(what):
    inner(what)


def inner(what):
    match what:
        case "key":
            return {}["lr"]
        case "shapes":
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (32x10 and 20x5) at 0x7f3a1b")
        case "more-shapes":
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (64x1.5 and 7x1e-5) at 0x12")
        case "library":
            json.loads("{")
        case "path":
            open("/no/such/file.txt")
        case "context":
            try:
                {}["a"]
            except KeyError:
                raise ValueError("second")
        case "cause":
            try:
                {}["a"]
            except KeyError as error:
                raise ValueError("wrapped") from error
        case "group":
            raise ExceptionGroup("several", [TypeError("one")])
        case "missing":
            import sklearn_that_is_not_there.parts
        case "lines":
            raise ValueError("first line\\nsecond line")
        case "bare":
            raise AssertionError
        case "noisy":
            try:
                {}["logged"]
            except KeyError:
                import traceback
                traceback.print_exc()
            raise TypeError("the real one")
        case "syntax":
            import pkg.broken
        case "indent":
            import pkg.indented
        case "exit":
            raise SystemExit("config.yaml lacks 3 keys")
        case "segfault":
            import os, signal
            os.kill(os.getpid(), signal.SIGSEGV)
""",
    "pkg/broken.py": "def f(:\n    pass\n",
    "pkg/indented.py": "def f():\nreturn 1\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("work")
    for path, text in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return root


def failed(folder: Path, *arguments: str) -> tuple[str, int]:
    result = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    return f"{result.stdout}\n{result.stderr}", result.returncode


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("key", "KeyError: 'lr' at pkg/model.py:inner"),
        (
            "shapes",
            "RuntimeError: mat<n> and mat<n> shapes cannot be multiplied (<n>x<n> and <n>x<n>) "
            "at <address> at pkg/model.py:inner",
        ),
        ("path", "FileNotFoundError: [Errno <n>] No such file or directory: '<path>' at pkg/model.py:inner"),
        ("context", "ValueError: second at pkg/model.py:inner"),
        ("cause", "ValueError: wrapped at pkg/model.py:inner"),
        ("lines", "ValueError: first line at pkg/model.py:inner"),
        ("bare", "AssertionError at pkg/model.py:inner"),
        ("noisy", "TypeError: the real one at pkg/model.py:inner"),
        (
            "missing",
            "ModuleNotFoundError: No module named 'sklearn_that_is_not_there' at pkg/model.py:inner",
        ),
        ("exit", "exit status 1: config.yaml lacks <n> keys"),
        ("segfault", "ended by signal: segmentation fault"),
    ],
)
def test_signatures_of_real_failures(folder: Path, what: str, expected: str) -> None:
    output, code = failed(folder, "main.py", what)
    assert signature(output, FILES, exit_code=code) == expected


def test_the_innermost_frame_in_the_repository_counts_not_the_library(folder: Path) -> None:
    output, code = failed(folder, "main.py", "library")
    assert signature(output, FILES, exit_code=code).endswith("at pkg/model.py:inner")
    assert [(frame.path, frame.function) for frame in frames(output, FILES)] == [
        ("main.py", "<module>"),
        ("pkg/model.py", "run"),
        ("pkg/model.py", "inner"),
    ]


def test_numbers_and_addresses_make_no_difference(folder: Path) -> None:
    one, two = (signature(failed(folder, "main.py", what)[0], FILES) for what in ("shapes", "more-shapes"))
    assert one == two


@pytest.mark.parametrize(
    ("what", "path", "line"), [("syntax", "pkg/broken.py", 1), ("indent", "pkg/indented.py", 2)]
)
def test_errors_of_syntax_name_the_file_that_is_wrong(folder: Path, what: str, path: str, line: int) -> None:
    output, _ = failed(folder, "main.py", what)
    assert frames(output, FILES)[-1] == Frame(path, line, "")
    assert signature(output, FILES).split(":")[0] in ("SyntaxError", "IndentationError")
    assert signature(output, FILES).endswith(f"at {path}")
    direct, _ = failed(folder, path)
    assert frames(direct, FILES) == [Frame(path, line, "")]


def test_a_group_of_exceptions_is_read(folder: Path) -> None:
    output, code = failed(folder, "main.py", "group")
    found = signature(output, FILES, exit_code=code)
    assert found.startswith(("ExceptionGroup", "TypeError"))
    assert frames(output, FILES)[-1].path == "pkg/model.py"


def test_files_of_packages_with_the_same_name_are_not_ours() -> None:
    output = (
        "Traceback (most recent call last):\n"
        '  File "/work/main.py", line 3, in <module>\n    fit()\n'
        '  File "/deps/abc/torch/utils.py", line 9, in fit\n    x\n'
        '  File "/usr/lib/python3.11/site-packages/x/main.py", line 9, in fit\n    x\n'
        "ValueError: no\n"
    )
    assert frames(output, ["main.py", "utils.py"]) == [Frame("main.py", 3, "<module>")]
    library = output.replace("/work/main.py", "/usr/lib/python3.11/runpy.py").replace(
        "/deps/abc", "/x/site-packages"
    )
    assert frames(library, ["main.py", "utils.py"]) == []


def test_a_line_that_no_file_has_is_no_frame() -> None:
    output = (
        'Traceback (most recent call last):\n  File "/work/main.py", line 3, in <module>\n    fit()\n'
        f'  File "/work/main.py", line {"9" * 5000}, in fit\n    x\nValueError: no\n'
    )
    assert frames(output, ["main.py"]) == [Frame("main.py", 3, "<module>")]


def test_missing_modules(folder: Path) -> None:
    assert missing_module(failed(folder, "main.py", "missing")[0]) == "sklearn_that_is_not_there"
    assert missing_module(failed(folder, "-c", "import json.nothing")[0]) == "json.nothing"
    assert missing_module(failed(folder, "main.py", "key")[0]) is None
    assert missing_module("No module named 'x'") is None


def test_what_ended_without_a_traceback(folder: Path) -> None:
    program = "import argparse; p = argparse.ArgumentParser(prog='main.py'); p.parse_args(['--smoke'])"
    output, code = failed(folder, "-c", program)
    assert signature(output, FILES, exit_code=code) == "usage error: unrecognized arguments: --smoke"
    assert signature("epoch 3\n", FILES, oom=True) == "out of memory"
    assert signature("epoch 3\n", FILES, exit_code=None, timed_out=True) == "time-out"
    assert signature("", FILES, exit_code=137) == "ended by signal: kill"
    assert signature("", FILES, exit_code=3) == "exit status 3"
    assert signature("", FILES) == "not started"
    assert signature("No solution", FILES, problems=("No versions fit",)) == "not started: No versions fit"


def test_a_run_without_proof_is_told_apart_by_what_it_lacks() -> None:
    one = signature("fine\n", FILES, exit_code=0, problems=("results.json lacks the metric 'error'",))
    assert one == "no proof: results.json lacks the metric 'error'"
    assert one != signature("fine\n", FILES, exit_code=0, problems=("results.json was not written",))


def test_a_time_out_says_where_the_program_was() -> None:
    output = (
        'Traceback (most recent call last):\n  File "/w/main.py", line 2, in <module>\n    spin()\n'
        '  File "/w/pkg/model.py", line 5, in run\n    pass\nKeyboardInterrupt\n'
    )
    assert signature(output, FILES, timed_out=True) == "time-out at pkg/model.py:run"


def test_stacks_that_were_dumped_before_a_time_out_say_it_as_well(folder: Path) -> None:
    (folder / "pkg/model.py").write_text("import faulthandler\ndef run(): faulthandler.dump_traceback()\n")
    (folder / "main.py").write_text("from pkg import model\nmodel.run()\nraise SystemExit(1)\n")
    output, _ = failed(folder, "main.py")
    assert [frame.path for frame in frames(output, FILES)] == ["main.py", "pkg/model.py"]
    assert signature(output, FILES, timed_out=True) == "time-out at pkg/model.py:run"


def test_native_code_that_brings_the_program_down_says_where_it_was_called(folder: Path) -> None:
    (folder / "pkg/model.py").write_text("import ctypes\ndef run(): ctypes.string_at(0)\n")
    waiting = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    (folder / "main.py").write_text(
        f"import faulthandler, threading\nfrom pkg import model\nfaulthandler.enable()\n{waiting}\nmodel.run()\n"
    )
    output, _ = failed(folder, "main.py")
    assert (
        signature(output, FILES, exit_code=139) == "ended by signal: segmentation fault at pkg/model.py:run"
    )
