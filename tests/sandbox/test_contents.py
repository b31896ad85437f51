import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import syntax
from sandbox.contents import DEEPEST, MOST_ENTRIES, Contents, contents
from sandbox.requirements import requirements


def test_regular_files_are_seen_and_links_and_environments_are_not(tmp_path: Path) -> None:
    for name in ("main.py", "folder/inner.txt", ".venv/junk.py", "folder/__pycache__/junk.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    (tmp_path / "sys").symlink_to("/sys")
    os.mkfifo(tmp_path / "fifo.py")

    held = contents(tmp_path)

    assert (held.files, held.problems) == ({"folder/inner.txt": 6, "main.py": 6}, ())
    assert (held.python, held.size) == (["main.py"], 12)


def test_a_file_that_goes_while_its_folder_is_read_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    (tmp_path / "temporary").touch()
    scandir = os.scandir

    @contextmanager
    def slow(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(folder) as found:
            entries = list(found)
        (tmp_path / "temporary").unlink()
        yield entries

    monkeypatch.setattr("os.scandir", slow)

    assert contents(tmp_path) == Contents(tmp_path, {"main.py": 6})


def test_names_that_cannot_be_written_down_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    (Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.py"))).touch()
    (tmp_path / "two\nlines.py").touch()

    held = contents(tmp_path)

    assert list(held.files) == ["main.py"]
    assert len(held.problems) == 2
    assert all(problem.isprintable() and "cannot be written down" in problem for problem in held.problems)
    assert requirements(held).problems == held.problems


def test_a_file_that_may_not_be_read_is_left_out_and_said(folder_for_all: Path) -> None:
    (folder_for_all / "main.py").write_text("x = 1\n")
    (folder_for_all / "secret.py").touch(0o000)

    with as_nobody():
        held = contents(folder_for_all)

    assert (list(held.files), held.problems) == (
        ["main.py"],
        ("'secret.py' was left out: it may not be read.",),
    )


@pytest.fixture
def folder_for_all() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_folders_inside_of_folders_without_end_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * (DEEPEST + 5))).mkdir(parents=True)

    (problem,) = contents(tmp_path).problems

    assert f"more than {DEEPEST} folders" in problem


def test_files_without_end_are_left_out_and_said(tmp_path: Path) -> None:
    for number in range(MOST_ENTRIES + 1):
        (tmp_path / f"{number}").touch()

    held = contents(tmp_path)

    assert (len(held.files), len(held.problems)) == (MOST_ENTRIES, 1)


def test_a_file_too_long_to_be_parsed_is_not_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import yaml\n" + "x = 1\n" * (syntax.LONGEST // 6))

    found = requirements(contents(tmp_path))

    assert found.wanted == () and found.notes == (
        "`main.py` cannot be parsed: what it imports was not looked for.",
    )
