"""Listening to a model server: events as they come, with time-outs, limits and cancellation that take effect at once.

Knows nothing of prompts and protocols, and does not judge what it hears.
"""

import contextlib
import contextvars
import json
import logging
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx2

from pipeline.errors import Cancelled
from pipeline.model.protocol import Endless, NoAnswer

logger = logging.getLogger(__name__)

Event = dict[str, Any]
"""A JSON object: one event of a stream, or a whole answer."""
_POLL = 0.5
_LONGEST_LINE = 32_000_000
"""Bytes of one event, or of an answer that comes whole."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    first_token: float = 600.0
    """From the request to the first piece of text: reasoning models think long and silently before it."""
    idle: float = 60.0
    """Between two pieces of text."""
    whole: float = 3600.0
    """For one answer from beginning to end."""
    tries: int = 8
    """Of one request that meets rate limits, server errors and dropped connections."""
    silent_tries: int = 3
    """Of one request that is not answered within the time-outs, or with nothing."""
    backoff: float = 1.0
    """Before the second try; doubles with each."""
    longest: float = 60.0
    """Between two tries, whatever the server asks for."""
    continuations: int = 8
    """Of one answer that is longer than the server's limit."""

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds before the next try: what the server asks for, else exponential back-off; with jitter."""
        jitter: float = random.random()  # noqa: S311 (spreads load, guards nothing)
        if retry_after is not None:
            return min(retry_after + jitter * self.backoff, self.longest)
        return min(self.backoff * 2.0 ** (failures - 1), self.longest) * (0.5 + jitter / 2)


def pause(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Sleep; raises Cancelled within half a second of being told so."""
    end = time.monotonic() + seconds
    while True:
        if cancelled():
            raise Cancelled("Stopped while waiting for the model service.")
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _POLL))


def listen(
    connect: Callable[[], AbstractContextManager[httpx2.Response]],
    speaking: Callable[[], bool],
    patience: Patience,
    cancelled: Callable[[], bool],
) -> Generator[Event]:
    """What the server answers, event by event, or whole where it does not stream.

    `speaking` says whether what came so far holds the beginning of an answer. Another thread waits for the
    server, so that this one can watch the clock and `cancelled`. Raises TimeoutError, Endless, NoAnswer,
    Cancelled, httpx2.HTTPError, and whatever `connect` raises.
    """
    heard: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
    connection = _Connection(connect)

    def receive() -> None:
        try:
            for event in connection:
                heard.put(event)
            heard.put(None)
        except Exception as error:  # raised again where somebody listens
            heard.put(error)

    within = contextvars.copy_context().run
    threading.Thread(target=within, args=(receive,), name="listening to the model", daemon=True).start()
    noticed = False
    started = last = looked = time.monotonic()
    try:
        while True:
            limit = patience.idle if speaking() else patience.first_token
            try:
                event = _next(heard, min(_POLL, limit, patience.idle))
                if event is None:
                    return
                last = time.monotonic()
                yield event
            except queue.Empty:
                silence = time.monotonic() - last
                if silence > limit:
                    raise TimeoutError(f"{silence:.0f} s of silence") from None
                if silence > patience.idle and not noticed:
                    noticed = True
                    logger.warning(
                        "The model is silent for %.0f s now; waiting up to %.0f s.", silence, limit
                    )
            if time.monotonic() - looked > _POLL:
                looked = time.monotonic()
                if cancelled():
                    raise Cancelled("Stopped while the model was answering.")
                if looked - started > patience.whole:
                    raise Endless(f"it goes on for {patience.whole:.0f} s")
    finally:
        connection.drop()


def _next(heard: queue.SimpleQueue[Event | Exception | None], timeout: float) -> Event | None:
    """Raises queue.Empty, and what the other thread met."""
    event = heard.get(timeout=timeout)
    if isinstance(event, Exception):
        raise event
    return event


class _Connection:
    """One request, iterated by one thread, dropped by another."""

    def __init__(self, connect: Callable[[], AbstractContextManager[httpx2.Response]]) -> None:
        self._connect = connect
        self._response: httpx2.Response | None = None
        self._dropped = False

    def __iter__(self) -> Iterator[Event]:
        with self._connect() as response:
            self._response = response
            try:
                for event in _events(response):
                    if self._dropped:
                        return
                    yield event
            finally:
                self._response = None  # the connection may serve another request from here on

    def drop(self) -> None:
        """Wake the thread that still waits for the server, and tell the server that nobody listens."""
        self._dropped = True
        response = self._response
        if response and (stream := response.extensions.get("network_stream")):
            with contextlib.suppress(OSError):  # closed by the other side at the same moment
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _events(response: httpx2.Response) -> Iterator[Event]:
    """Server-sent events, or one JSON object, whatever the headers promise."""
    lines = _lines(response.iter_bytes())
    first = next((line for line in lines if line.strip()), b"")
    if first.lstrip().startswith((b"{", b"[", b'"')):
        yield _object(b"\n".join(_whole(first, lines)))
        return
    if first.lstrip().startswith(b"<"):
        kind = response.headers.get("content-type", "")
        raise NoAnswer(f"not an answer of a model but {kind or 'a page'}")
    data: list[bytes] = []
    for line in _chain(first, lines):
        if line.startswith(b"data:"):
            if data and _complete(data):  # some servers leave the empty line out
                yield _object(b"\n".join(data))
                data = []
            data.append(line.removeprefix(b"data:").removeprefix(b" "))
        elif not line and data:
            if data[0].startswith(b"[DONE]"):
                return
            yield _object(b"\n".join(data))
            data = []
    if data and not data[0].startswith(b"[DONE]"):
        yield _object(b"\n".join(data))


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _whole(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for line in _chain(first, rest):
        size += len(line)
        if size > _LONGEST_LINE:
            raise Endless(f"it has more than {_LONGEST_LINE:,} bytes")
        yield line


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Without their ends. Raises Endless."""
    pending: list[bytes] = []
    length = 0
    for chunk in chunks:
        head, *others = chunk.split(b"\n")
        pending.append(head)
        length += len(head)
        if length > _LONGEST_LINE:
            raise Endless(f"a line of it has more than {_LONGEST_LINE:,} bytes")
        for other in others:
            yield b"".join(pending).removesuffix(b"\r")
            pending, length = [other], len(other)
    if any(pending):
        yield b"".join(pending)


def _complete(data: list[bytes]) -> bool:
    try:
        return isinstance(json.loads(b"\n".join(data)), dict)
    except (ValueError, RecursionError):
        return False


def _object(data: bytes) -> Event:
    try:
        said = json.loads(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        raise NoAnswer(f"not JSON: {data[:200].decode(errors='replace')}") from None
    if not isinstance(said, dict):
        raise NoAnswer(f"JSON that is no answer of a model: {data[:200].decode(errors='replace')}")
    return said
