"""The command line as people use it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import main

ROOT = Path(__file__).parents[1]
HEAVY = {"pydantic", "rich", "openai", "pymupdf", "docker", "github", "flask", "httpx", "dbos", "git"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("PAPER2CODE_", "OPENAI_", "GITHUB_")) and name != "PAPER2CODE_TEST_DOCKER":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_help_waits_for_no_heavy_library() -> None:
    code = "import sys, app; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


def test_the_commands_are_the_designs() -> None:
    assert sorted(main.commands) == ["action", "demo", "doctor", "execute", "paper", "run", "serve", "work"]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert main.commands[command].help


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "paper.tex", "--method", "half"],
        ["run", "paper.tex", "--refine", "everything"],
        ["run", "paper.tex", "--sandbox", "moon"],
        ["run", "paper.tex", "--max-usd", "0"],
        ["run", "paper.tex", "--max-fixes", "-1"],
        ["run", "paper.tex", "--concurrency", "0"],
        ["run", "paper.tex", "--replay", "nowhere.jsonl"],
        ["execute", "nowhere"],
        ["execute", ".", "--mode", "half"],
        ["paper"],
        ["fly"],
    ],
)
def test_bad_usage_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_a_folder_of_somebody_elses_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("mine")
    ended = CliRunner().invoke(main, ["run", "paper.tex", "--out", "thesis"])
    assert ended.exit_code == 2
    assert "thesis holds files that paper2code did not make" in ended.stderr
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_bad_environment_ends_with_2_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_CONCURRENCY", "lots")
    ended = CliRunner().invoke(main, ["run", "paper.tex"])
    assert ended.exit_code == 2
    assert "PAPER2CODE_CONCURRENCY" in ended.stderr


def test_a_misspelt_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_MAX_UDS", "3")
    ended = CliRunner().invoke(main, ["run", "nowhere.tex"])
    assert "Warning: PAPER2CODE_MAX_UDS is not a setting; did you mean PAPER2CODE_MAX_USD?" in ended.stderr
