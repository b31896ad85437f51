"""A container of the Docker sandbox and the line to its keeper, which may be cut at any time.

What is in the container and what is said to the keeper is next door.
"""

import logging
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import docker
import requests
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from sandbox.interface import SandboxCancelled

POLL_SECONDS = 0.4
WAITS = (0.5, 5.0, 20.0)
"""Seconds between attempts while the connection to the daemon is lost: enough for it to be restarted."""
LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ConnectionError)
"""What is raised then."""

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class Room:
    """A container and the line to its keeper; named before it is there, so that it can always be removed."""

    container: Container
    connection: socket.socket

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self._name = new_name()
        self._stream: Any = None

    def open(self, make: Callable[..., Container]) -> None:
        """Make the container and start its keeper."""
        self.container = make(name=self._name)
        asked = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._stream = self._api.attach_socket(str(self.container.id), params=asked)
        # Over a unix socket a file is wrapped around the connection; closing it alone would not close that.
        self.connection = getattr(self._stream, "_sock", self._stream)
        self.container.start()

    def clear(self) -> None:
        """Remove it, with its working directory and whatever is alive in it."""
        if self._stream:
            # First: once its file is closed, from Python 3.13 on it complains on the error stream when it is collected.
            if response := getattr(self._stream, "_response", None):
                response.close()
            self.connection.close()
            self._stream.close()
        remove(self._api, self._name)


def new_name() -> str:
    """Of a container that is not there yet."""
    return f"paper2code-{secrets.token_hex(8)}"


def remove(api: docker.APIClient, name: str) -> None:
    """A container that may be there, with the volumes that are its own."""
    try:
        insist(lambda: api.remove_container(name, v=True, force=True), WAITS[:1])
    except NotFound:
        pass
    except (DockerException, OSError) as error:
        _LOG.warning("%s is left to the reaper: %s", name, error)


def insist(
    operation: Callable[[], T], waits: tuple[float, ...], cancelled: Callable[[], bool] = lambda: False
) -> T:
    """The result of what can be repeated, tried again while the connection to the daemon is lost."""
    for wait in waits:
        try:
            return operation()
        except Exception as error:
            # docker-py asks for the daemon's version first, and has words of its own for what goes wrong then.
            if not isinstance(error, LOST) and not isinstance(error.__cause__, LOST):
                raise
            _LOG.warning("The connection to Docker was lost (%s); trying again", error)
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if cancelled():
                raise SandboxCancelled
            time.sleep(min(wait, POLL_SECONDS))
    return operation()


class Frames:
    """Docker's multiplexed stream: 8 bytes of header (stream, length), then the bytes."""

    def __init__(self, heard: Mapping[int, Callable[[bytes], None]]) -> None:
        self._heard = heard
        self._header = b""
        self._left = 0

    def add(self, data: bytes) -> None:
        """Tell who hears the streams of the next bytes."""
        while data:
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                if hear := self._heard.get(self._header[0]):
                    hear(part)
            else:
                if len(self._header) == 8:
                    self._header = b""
                missing = 8 - len(self._header)
                self._header += data[:missing]
                data = data[missing:]
                if len(self._header) == 8:
                    self._left = int.from_bytes(self._header[4:], "big")
