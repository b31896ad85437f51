import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[2] / "scripts/browser-up"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine whose browsers all are Ubuntu's: a script that asks for a snap."""
    for name in (*NAMES, "apt-get"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/called\necho 'Install the snap'\nexit 1\n")
        program.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_what_only_bears_the_name_is_no_browser_and_looking_installs_nothing(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    ended = subprocess.run([SCRIPT, "--find"], env=machine, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "scripts/browser-up installs one" in ended.stderr
    assert (tmp_path / "called").read_text().split() == list(NAMES)


def test_a_browser_that_is_there_is_left_alone(tmp_path: Path, machine: dict[str, str]) -> None:
    there = tmp_path / "google-chrome"
    there.write_text("#!/bin/sh\necho Google Chrome 156.0.8078.108\n")
    ended = subprocess.run([SCRIPT], env=machine, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == str(there)
    assert "apt-get" not in (tmp_path / "called").read_text()


def test_the_browser_shows_pages(page: "Page", tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<title>x</title><p>before<script>document.title = 'run'</script>")
    page.goto(file.as_uri())
    assert page.title() == "run"
