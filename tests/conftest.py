"""What tests of several rooms need: the sandboxes of this machine."""

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
