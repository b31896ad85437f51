"""What is installed: a wheel that holds all that the rooms hold, in one package, and works without the checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "pipeline", "sandbox", "examples/innovation-matched-forgetting")
DOOR = "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'paper2code'; import paper2code; "


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the built wheel in it."""
    pytest.importorskip("hatchling", reason="`make setup` brings what builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    site = folder / "site"
    zipfile.ZipFile(wheel).extractall(site)
    return site


def call(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as the wheel's script calls it, from a folder that has nothing of ours."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{DOOR}paper2code.main()", str(site), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_whoever_builds_it_takes_what_it_was_tested_with() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    locked = re.findall(r"^(hatchling==\S+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert required == locked


def test_all_that_the_rooms_hold_is_installed_in_one_package(installed: Path) -> None:
    held = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    program = installed / "paper2code/program"
    found = {file.relative_to(program).as_posix() for file in program.rglob("*") if file.is_file()}
    assert found == held | {"app.py", "settings.py"}
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"paper2code"}


def test_an_installed_checkout_is_run_where_it_stands(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="`make setup` brings what builds the wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel:editable", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert names == ["_paper2code.pth"]


def test_what_is_installed_runs_itself_and_nobody_elses_modules(installed: Path, tmp_path: Path) -> None:
    for name in ("app", "settings", "bot"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not ours')")
    program = str(installed / "paper2code/program")
    asked = (
        "paper2code._enter(); import app, settings, bot; print(app.__file__, settings.__file__, bot.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", DOOR + asked, str(installed)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.count(program) == 3, done.stderr


def test_importing_the_package_puts_nothing_on_the_path(installed: Path, tmp_path: Path) -> None:
    asked = "print([folder for folder in sys.path if folder.endswith('program')])"
    done = subprocess.run(
        [sys.executable, "-c", DOOR + asked, str(installed)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_paper_is_read_by_what_is_installed(installed: Path, tmp_path: Path) -> None:
    paper = installed / "paper2code/program/examples/innovation-matched-forgetting/paper.tex"
    done = call(installed, tmp_path, "paper", str(paper))
    assert (done.returncode, done.stderr) == (0, "") and "Innovation" in done.stdout


@pytest.mark.slow
def test_the_demo_of_what_is_installed_ends_with_a_pull_request(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "demo", "--out", "made")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made/pull-request.md").exists()
    assert done.stderr == ""


def test_a_lock_for_running_is_part_of_the_one_for_developing() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text().splitlines()
        return {line.split(" ;")[0].rstrip(" \\") for line in lines if line[:1].isalpha()}

    run, develop = pins("requirements.lock"), pins("requirements-dev.lock")
    assert run < develop and not any(pin.startswith(("pytest==", "ruff==", "mypy==")) for pin in run)


def test_a_checkout_starts_where_only_its_packages_are_installed() -> None:
    """As the Action has it: `-P` keeps the script's folder off the path, and nothing of ours is installed."""
    packages = {"PATH": os.environ["PATH"], "PYTHONPATH": sysconfig.get_path("purelib")}
    started = subprocess.run(
        [sys.executable, "-P", "-S", ROOT / "paper2code.py", "action", "--help"],
        env=packages,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (started.returncode, started.stderr) == (0, "")
