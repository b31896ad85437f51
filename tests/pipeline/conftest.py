"""What tests of the pipeline need."""

import pytest

from sandbox.interface import Sandbox
from tests.conftest import available


@pytest.fixture(
    scope="session", params=["local", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow])]
)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind; `make test` leaves Docker to the sandbox's own tests and to a recording: what differs is there."""
    return available(request.param)
