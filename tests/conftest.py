"""What tests of several rooms need: the sandboxes of this machine, a bare command line, a paper as a file."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sandbox.docker import DockerSandbox
from sandbox.interface import Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox

# How fast a machine is says nothing about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=2500, suppress_health_check=list(HealthCheck))
settings.load_profile("project")


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
