"""Listening to a model server: events as they come, with time-outs and cancellation that take effect at once.

Knows nothing of prompts, and does not judge what it hears.
"""

import contextlib
import json
import logging
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from pipeline.errors import Cancelled

logger = logging.getLogger(__name__)

Event = ChatCompletion | ChatCompletionChunk
_POLL = 0.5


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    first_token: float = 600.0
    """From the request to the first piece of text: reasoning models think long and silently before it."""
    idle: float = 60.0
    """Between two pieces of text."""
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
    client: openai.OpenAI, body: dict[str, Any], patience: Patience, cancelled: Callable[[], bool]
) -> Generator[Event]:
    """What the server answers to the request `body`, chunk by chunk, or whole where it does not stream.

    Another thread waits for the server, so that this one can watch the clock and `cancelled`. Raises
    TimeoutError, Cancelled, and whatever the openai library raises.
    """
    heard: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
    connection = _Connection(client, body)

    def receive() -> None:
        try:
            for event in connection:
                heard.put(event)
            heard.put(None)
        except Exception as error:  # raised again where somebody listens
            heard.put(error)

    threading.Thread(target=receive, name="listening to the model", daemon=True).start()
    limit, noticed = patience.first_token, False
    last = looked = time.monotonic()
    try:
        while True:
            try:
                event = _next(heard, min(_POLL, limit, patience.idle))
                if event is None:
                    return
                last = time.monotonic()
                limit = patience.idle if _speaks(event) else limit
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

    def __init__(self, client: openai.OpenAI, body: dict[str, Any]) -> None:
        self._client = client
        self._body = body
        self._response: httpx2.Response | None = None
        self._dropped = False

    def __iter__(self) -> Iterator[Event]:
        create: Any = self._client.chat.completions.with_streaming_response.create
        with create(**self._body) as opened:
            self._response = response = opened.http_response
            try:
                if self._dropped:
                    return
                if "json" in response.headers.get("content-type", ""):  # even if asked to stream
                    yield _whole(response)
                elif "html" in response.headers.get("content-type", ""):
                    raise _not_a_completion(response)
                else:
                    yield from opened.parse()
            finally:
                self._response = None  # the connection may serve another request from here on

    def drop(self) -> None:
        """Wake the thread that still waits for the server, and tell the server that nobody listens."""
        self._dropped = True
        if response := self._response:
            with contextlib.suppress(OSError):  # closed by the other side at the same moment
                response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _whole(response: httpx2.Response) -> ChatCompletion:
    said = json.loads(response.read())
    if not isinstance(said, dict):
        raise _not_a_completion(response)
    return ChatCompletion.construct(**said)


def _not_a_completion(response: httpx2.Response) -> openai.APIError:
    kind = response.headers.get("content-type")
    return openai.APIResponseValidationError(response, None, message=f"not a chat completion but {kind}")


def _speaks(event: Event) -> bool:
    """Whether the model has begun to write, thoughts included."""
    if isinstance(event, ChatCompletion) or not event.choices:
        return True
    delta = event.choices[0].delta
    return bool(delta.content or delta.refusal or (delta.model_extra or {}).get("reasoning_content"))
