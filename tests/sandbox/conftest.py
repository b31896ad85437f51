import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.docker import DockerSandbox
from sandbox.interface import Command, Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox
from sandbox.report import CommandResult, Limits

SMALL = Limits(seconds=20, memory_bytes=512 << 20, pids=64, disk_bytes=64 << 20)

Run = Callable[..., CommandResult]


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
    return available(request.param)


@pytest.fixture(scope="session")
def docker() -> DockerSandbox:
    found = available("docker")
    assert isinstance(found, DockerSandbox)
    return found


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path) -> Run:
    """Run a Python program as `attack.py` in the sandbox."""

    def run(
        program: str, limits: Limits = SMALL, outputs: tuple[str, ...] = (), **others: object
    ) -> CommandResult:
        directory = tmp_path / "directory"
        directory.mkdir(exist_ok=True)
        (directory / "attack.py").write_text(program)
        return sandbox.run(directory, Command(("python3", "attack.py"), limits, outputs=outputs, **others))

    return run


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")
