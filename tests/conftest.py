"""What tests of several rooms need: this machine's sandboxes and browser, a bare command line, a paper as a file."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from sandbox.docker import DockerSandbox
from sandbox.interface import Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox

if TYPE_CHECKING:
    # Half a second that only tests of pages need.
    from playwright.sync_api import Browser, Page

# How fast a machine is says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=2500, suppress_health_check=list(HealthCheck))
settings.load_profile("project")


@pytest.fixture(autouse=True)
def nothing_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows the secrets of another one."""
    monkeypatch.setattr("settings._withdrawn", {})


PAPER = """# Means of Things

A. Author

## Abstract

We compute the mean of things.

## 1 Method

The estimate is the arithmetic mean of all observations.

We use a learning rate of $10^{-3}$ and a batch of 32 observations.
"""


def available(name: str) -> Sandbox:
    """A sandbox; where the machine has none, a failure if it was called for, else the agreed skip."""
    try:
        sandbox: Sandbox = DockerSandbox(job="tests") if name == "docker" else LocalSandbox()
        sandbox.platform()
    except SandboxUnavailable as error:
        if os.environ.get(f"PAPER2CODE_TEST_{name.upper()}") == "required":
            pytest.fail(f"the {name} sandbox is required: {error}")
        pytest.skip(str(error))
    return sandbox


@pytest.fixture(scope="session", params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind in turn."""
    return available(request.param)


@pytest.fixture(scope="session")
def packages() -> Path:
    """Wheels and environments; kept between test runs, since nothing in it is ever changed."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paper2code-tests"
    folder.mkdir(parents=True, exist_ok=True)  # tests link to it
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A Chromium, for as long as a module's tests last: its event loop would be in the way of others' tests.

    scripts/browser-up installs one; PAPER2CODE_TEST_BROWSER=required turns a missing one into a failure.
    """
    from playwright.sync_api import sync_playwright

    script = Path(__file__).parents[1] / "scripts/browser-up"
    found = subprocess.run([script, "--find"], capture_output=True, text=True, check=False)
    if found.returncode:
        if os.environ.get("PAPER2CODE_TEST_BROWSER") == "required":
            pytest.fail(f"a browser is required: {found.stderr}")
        pytest.skip(found.stderr.strip())
    with sync_playwright() as playwright:
        # Chromium refuses to be root in a sandbox of its own; on a busy machine it starts slowly.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=found.stdout.strip(), args=arguments, timeout=120_000
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """An empty page in a profile of its own; the test fails if a page's script or console tells of an error."""
    context = browser.new_context()
    context.set_default_timeout(60_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield context.new_page()
    context.close()
    assert not errors


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command line in an empty folder, with nothing configured but the local sandbox."""
    for name in os.environ:
        if (
            name.startswith(("PAPER2CODE_", "OPENAI_", "ANTHROPIC_", "GITHUB_"))
            and name != "PAPER2CODE_TEST_DOCKER"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PAPER2CODE_SANDBOX", "local")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """The paper of `tests.pipeline.plans`, as a file."""
    path = tmp_path / "means.md"
    path.write_text(PAPER)
    return path
