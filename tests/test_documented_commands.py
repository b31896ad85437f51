"""Every command in the documentation is run as it stands there, block by block.

Programs that would change this machine, or take minutes, are stand-ins that write down how they were called. That is
then held against what really takes such a call: the Makefile's targets, the program's own parser.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
import yaml
from uv import find_uv_bin

from app import main
from bot.intake.commands import Command, parse, usage

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
STAND_INS = [
    "docker",
    "journalctl",
    "make",
    "paper2code",
    "pg_dump",
    "pg_restore",
    "pipx",
    "systemctl",
    "systemd-run",
    "useradd",
]
STAND_INS += ["uv"]
ELSEWHERE = re.compile(r"(?<![\w./])/(?=(opt|etc|var|backup)/)")
"""Where a path begins that lies outside of a checkout."""


def blocks(page: str) -> list[str]:
    """What it has people type."""
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with a checkout, the stand-ins, and what lies elsewhere on a machine where paper2code is at work."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.name not in (".venv", "deploy", ".git"):
            (checkout / path.name).symlink_to(path)
    shutil.copytree(ROOT / "deploy", checkout / "deploy", ignore=shutil.ignore_patterns("*.env", ".env"))
    places = [tmp_path / "bin" / name for name in STAND_INS]
    places += [checkout / ".venv/bin/paper2code", tmp_path / "opt/paper2code/bin/pip"]
    for path in places:
        # Two that run side by side write a line each, at once.
        program(path, f'call=$(printf "%s\\x1f" {path.name} "$@"); echo "$call" >>{tmp_path}/calls')
    program(tmp_path / "bin/python3", f'[ "$1" = -m ] || exec {shutil.which("python3")} "$@"')
    # Here is neither the user nor the group.
    others = 'printf "%q " "$@" | sed "s/-[og] paper2code//g"'
    program(tmp_path / "bin/install", f'eval exec {shutil.which("install")} "$({others})"')
    for folder in ("var/lib/paper2code", "backup", "etc/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    with closing(sqlite3.connect(tmp_path / "var/lib/paper2code/jobs.sqlite")) as jobs:
        jobs.execute("CREATE TABLE jobs (id TEXT)")
    (tmp_path / "backup/github-app.json").write_text("{}")
    return tmp_path


def called(machine: Path) -> Iterator[list[str]]:
    """How each stand-in was called."""
    if (calls := machine / "calls").exists():
        for line in calls.read_text().splitlines():
            yield line.split("\x1f")[:-1]


def targets() -> set[str]:
    return {
        name
        for names in re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for name in names.split()
    }


def understood(arguments: list[str]) -> None:
    """Raises click.UsageError where the program would refuse to begin."""
    with main.make_context("paper2code", arguments[:1] or ["--help"]) as context:
        name, command, rest = main.resolve_command(context, arguments)
        assert command
        command.make_context(name, rest, parent=context)


def composed(arguments: list[str]) -> None:
    """Fails where compose.yaml does not have what is named."""
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    named = [each for each in arguments[2:] if not each.startswith("-")]
    assert arguments[0] == "compose"
    match arguments[1]:
        case "up":
            assert not named
        case "stop" | "start":
            assert set(named) <= set(services)
        case "exec":
            assert named[0] in services
        case "cp":
            assert named[0].partition(":")[0] in services
        case "run":
            at = next(at for at, each in enumerate(arguments) if each in services)
            if "--entrypoint" not in arguments:
                understood(arguments[at + 1 :])
        case other:
            pytest.fail(other)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_what_a_page_has_people_type_is_understood(page: str, machine: Path) -> None:
    environment = {
        "PATH": f"{machine}/bin:{os.environ['PATH']}",
        "HOME": str(machine),
        "PAPER2CODE_DATABASE_URL": "postgresql://paper2code@db.example/paper2code",
    }
    for block in blocks(page):
        typed = ELSEWHERE.sub(f"{machine}/", block)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed + "\nwait\n"],
            cwd=machine / "checkout",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
    for name, *arguments in called(machine):
        match name:
            case "make":
                assert {each for each in arguments if "=" not in each} <= targets(), arguments
            case "paper2code":
                understood(arguments)
            case "docker":
                composed(arguments)
            case "systemd-run":
                (at,) = (at for at, each in enumerate(arguments) if each.endswith("/bin/paper2code"))
                understood(arguments[at + 1 :])
            case "pip" if "--requirement" in arguments:
                assert (ROOT / arguments[arguments.index("--requirement") + 1]).exists()
            case "uv":
                asked = subprocess.run([find_uv_bin(), *arguments, "--help"], capture_output=True, text=True)
                assert asked.returncode == 0, asked.stderr


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables below a heading of docs/commands.md, without those of their heads."""
    page = (ROOT / "docs/commands.md").read_text()
    below = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in below.splitlines()
        if line[:3] == "| `"
    ]


def test_each_command_of_a_comment_stands_there_with_an_example_of_it() -> None:
    understood = [parse(cells[0].strip("`")) for cells in rows("In a comment")]
    assert all(isinstance(command, Command) for command in understood), understood
    told = re.findall(r"^\| `/paper2code ([a-z]+)", usage(hosted=True), re.MULTILINE)
    assert {command.verb for command in understood if isinstance(command, Command)} == {
        "reproduce",
        *told,
    } - {"arxiv"}


def test_each_command_of_the_terminal_stands_there_with_an_example_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(main, click.Group)
    (tmp_path / "out/attention/repository").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for _, example, *_ in (cells for cells in rows("At the terminal") if len(cells) == 4):
        understood(example.strip("`").split()[1:])
    named = [re.findall("`([a-z-]+)`", cells[0]) for cells in rows("At the terminal") if len(cells) == 4]
    assert sorted(name for names in named for name in names) == sorted(main.commands)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_in_passing_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    known = set(main.commands) if isinstance(main, click.Group) else set()
    for words in re.findall(r"`(?:\.venv/bin/)?paper2code ([a-z-]+)", text):
        assert words in known, words
    for words in re.findall(r"`make ([a-z-]+)", text):
        assert words in targets(), words


def test_a_page_that_is_wrong_would_be_noticed(machine: Path) -> None:
    with pytest.raises(click.UsageError):
        understood(["run", "1706.03762", "--no-such-option"])
    assert "demo" in targets() and "no-such-target" not in targets()
