import ast
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coding.repository import MAX_BYTES, MAX_FILES, RefusedPath, Repository, interface
from pipeline.paths import refusal


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../outside.py",
        "a/../../b.py",
        "a//b.py",
        "a/",
        "./a.py",
        ".git/config",
        "sub/.gitignore",
        ".gitIgnore",
        ".gitattributes",
        ".GIT/hooks/pre-commit",
        "git~1/config",
        "sub/.git",
        ".github/workflows/x.yml",
        ".gitlab-ci.yml",
        ".circleci/config.yml",
        ".travis.yml",
        "azure-pipelines.yml",
        "Jenkinsfile",
        "bitbucket-pipelines.yml",
        ".\u200bgit/config",
        "\uff0egit/config",
        "a\\b.py",
        "C:/x.py",
        "a\nb.py",
        "a\x00b.py",
        "a\u202eyp.exe",
        "zero\u200bwidth.py",
        "con.py",
        "folder/AUX",
        "nul",
        "COM1.txt",
        "com¹",
        "trailing.",
        " leading.py",
        "a?.py",
        "x" * 300,
    ],
)
def test_dangerous_paths_are_refused_with_a_reason(path: str) -> None:
    assert refusal(path)
    with pytest.raises(RefusedPath):
        Repository({path: ""})


@pytest.mark.parametrize(
    "path", ["main.py", "docs/plan/analysis/model.py.md", "config.yaml", "größe.py", "a b.md"]
)
def test_ordinary_paths_are_allowed(path: str) -> None:
    assert refusal(path) is None


@pytest.mark.parametrize(
    "paths",
    [
        ("Model.py", "model.py"),
        ("Data/a.py", "data/b.py"),
        ("stra\u00dfe.py", "strasse.py"),
        ("caf\u00e9.py", "cafe\u0301.py"),
        ("a", "a/b.py"),
    ],
)
def test_paths_that_some_file_system_takes_for_one_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(RefusedPath):
        Repository(dict.fromkeys(paths, ""))


def test_too_much_is_refused() -> None:
    Repository({f"f{number}.py": "" for number in range(MAX_FILES)})
    with pytest.raises(RefusedPath, match="files"):
        Repository({f"f{number}.py": "" for number in range(MAX_FILES + 1)})
    with pytest.raises(RefusedPath, match="bytes"):
        Repository({"a.txt": "\u00e9" * (MAX_BYTES // 2 + 1)})


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_a_file_is_refused(text: str) -> None:
    with pytest.raises(RefusedPath):
        Repository({"a.py": text})


def test_a_repository_is_a_value() -> None:
    files = {"a.py": "1"}
    repository = Repository(files)
    files["b.py"] = "2"
    assert set(repository.files) == {"a.py"}
    assert repository.with_file("a.py", "2").files["a.py"] == "2"
    assert repository.files["a.py"] == "1"
    assert repository == Repository({"a.py": "1"})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    repository = Repository({"main.py": "print()\r\n", "pkg/a/b.py": "é", "reproduce.sh": "#!/bin/sh\n"})
    repository.write(tmp_path / "new")
    assert Repository.read(tmp_path / "new") == repository
    assert (tmp_path / "new/reproduce.sh").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "new/main.py").stat().st_mode & stat.S_IXUSR


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    target = tmp_path / "target"
    target.mkdir()
    (target / "main.py").symlink_to(outside / "secret")
    os.link(outside / "secret", target / "other.py")
    Repository({"main.py": "new", "other.py": "new"}).write(target)
    assert (outside / "secret").read_text() == "secret"
    (target / "pkg").symlink_to(outside)
    with pytest.raises(RefusedPath):
        Repository({"pkg/a.py": "x"}).write(target)
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_links_and_binary_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("/etc/passwd")
    with pytest.raises(RefusedPath, match="link"):
        Repository.read(tmp_path)
    (tmp_path / "a.py").unlink()
    (tmp_path / "folder").symlink_to("/etc")
    with pytest.raises(RefusedPath, match="link"):
        Repository.read(tmp_path)
    (tmp_path / "folder").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RefusedPath, match="special"):
        Repository.read(tmp_path)
    (tmp_path / "pipe").unlink()
    (tmp_path / "weights.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RefusedPath, match="UTF-8"):
        Repository.read(tmp_path)


@given(st.text(max_size=40))
def test_a_path_that_is_allowed_stays_inside(path: str) -> None:
    if refusal(path) is None:
        inside = Path("/base", path)
        assert inside.is_relative_to("/base")
        assert ".." not in inside.parts
        assert "/".join(inside.parts[2:]) == path


SOURCE = '''"""What the file is for."""
import torch

LIMIT: int = 3
_private = 1

class Model(torch.nn.Module):
    """A model."""
    size: int = 4
    def __init__(self, width: int, *, depth: int = 2) -> None:
        super().__init__()
        self.width = width
        self.layers = [width for _ in range(depth)]
        print("made")
    @property
    def wide(self) -> bool:
        return self.width > 3
    def _hidden(self): ...

async def load(path, /, *rest, flag=False, **more):
    """Loads."""
    return path

def _helper(): return 1

if __name__ == "__main__":
    load(1)
'''


def test_the_interface_says_what_other_files_need_and_no_more() -> None:
    shown = interface(SOURCE)
    ast.parse(shown)
    for kept in (
        "What the file is for.",
        "LIMIT: int = 3",
        "class Model(torch.nn.Module):",
        "def __init__(self, width: int, *, depth: int=2) -> None:",
        "self.width = width",
        "@property",
        "async def load(path, /, *rest, flag=False, **more):",
        "Loads.",
    ):
        assert kept in shown
    for left_out in ("_private", "_hidden", "_helper", "print", "__main__", "return"):
        assert left_out not in shown


def test_the_interface_of_what_does_not_parse_is_its_text() -> None:
    assert interface("def f(:") == "def f(:"
