import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.docker import DockerSandbox
from sandbox.interface import Command, Sandbox
from sandbox.report import CommandResult, Limits
from tests.conftest import available

SMALL = Limits(seconds=20, memory_bytes=512 << 20, pids=64, disk_bytes=64 << 20)

Run = Callable[..., CommandResult]


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it comes to hold."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


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
