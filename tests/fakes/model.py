"""A small model server on loopback, with scripted answers and faults, in any of three protocols.

It counts tokens as characters / 4 and has a prefix cache, as providers do. What it sends is held against the
openai library's own types by tests/fakes/test_model.py.
"""

import bisect
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.fakes.speech import Said, Speech, chat, pieces

_NOTHING = Said("", "", "", "", None, None)


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    text: str = "All right."
    finish_reason: str | None = "stop"
    refusal: str = ""
    usage: dict[str, Any] | None = field(default_factory=dict)
    """None: the server does not count; a dict overrides single figures."""
    status: int = 200
    error: dict[str, Any] | None = None
    """The body's `error`, or, with status 200, an event within the stream."""
    headers: dict[str, str] = field(default_factory=dict)
    drops_after: int | None = None
    """Closes the connection after so many chunks of text; -1: before the status line."""
    hangs_after: int | None = None
    """Says nothing any more after so many chunks of text, until the server is closed."""
    thought: str = ""
    """Told apart from the text."""
    page: str = ""
    """Answers with this HTML, as something that is no model server does."""
    streams: bool = True
    """False: answers whole, even if asked to stream."""
    raw: bytes = b""
    """Answers with these bytes, as if they were a stream."""


class FakeModel:
    """Serves the replies in order, then the last one again; a function makes the reply from the request."""

    def __init__(
        self,
        *replies: Reply | Callable[[dict[str, Any]], Reply],
        rejects: dict[str, str] | None = None,
        speaks: tuple[Callable[[Said], Speech], ...] = (chat,),
        models: Mapping[str, str | None] | None = None,
        limits: Mapping[str, Any] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """`rejects`: parameter (or type of response_format) → the words of its HTTP 400.

        `models`: what it lists → when that shuts down; None: it lists none. `limits` stand in what it says of
        any single one, as in Anthropic's `ModelInfo`; None: it says nothing of single ones.
        """
        self._speaks = {speech(_NOTHING).path: speech for speech in speaks}
        self._replies = list(replies) or [Reply()]
        self._rejects = rejects or {}
        self._models = models
        self._limits = limits
        self._host = host
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._prompts: list[str] = []
        self.requests: list[dict[str, Any]] = []
        """Every request's body, in order of arrival."""
        self.paths: list[str] = []
        self.authorizations: list[str] = []
        self.listed = 0
        """How often it was asked for its models."""
        self.hanging = threading.Event()
        """Set when the server has begun to hang."""

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                with contextlib.suppress(ConnectionError):
                    fake._list(self)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with contextlib.suppress(ConnectionError):
                    fake._serve(self, body)

        self._server = _Server((self._host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """For OPENAI_BASE_URL."""
        return f"http://{self._host}:{self._server.server_port}/v1"

    def _serve(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        speech = self._speaks.get(urlsplit(http.path).path.removeprefix("/v1/"))
        if speech is None:
            return self._send(http, 404, {"error": {"message": f"Unknown path {http.path}"}})
        if "model" not in body:  # somebody wants to know whether there is such a path
            return self._send(http, 400, {"error": {"message": "Missing required parameter: 'model'."}})
        with self._lock:
            self.paths.append(http.path)
            self.requests.append(body)
            self.authorizations.append(http.headers.get("Authorization") or http.headers.get("X-Api-Key", ""))
        if rejection := self._rejection(body):
            return self._send(http, 400, {"error": rejection})
        with self._lock:
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if not isinstance(reply, Reply):
            reply = reply(body)
        if reply.drops_after == -1:
            http.close_connection = True
            return None
        if reply.raw:
            return self._send(http, 200, reply.raw, {"Content-Type": "text/event-stream"})
        if reply.page:
            return self._send(http, 200, reply.page, {"Content-Type": "text/html"})
        if reply.status != 200:
            return self._send(http, reply.status, {"error": reply.error}, reply.headers)
        usage = self._usage(body, reply)
        said = Said(body["model"], reply.text, reply.thought, reply.refusal, reply.finish_reason, usage)
        if body.get("stream") and reply.streams:
            return self._stream(http, body, reply, said, speech(said))
        return self._send(http, 200, speech(said).whole(said))

    def _list(self, http: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.listed += 1
        if self._limits is not None and http.path.startswith("/v1/models/"):
            name = http.path.removeprefix("/v1/models/")
            told = {"id": name, "type": "model", "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            return self._send(http, 200, told | self._limits)
        if http.path.partition("?")[0] != "/v1/models" or self._models is None:
            return self._send(http, 404, {"error": {"message": f"Unknown path {http.path}"}})
        known = {"object": "model", "created": 1767225600, "owned_by": "nobody"}
        entries = [{"id": name, "shutdown_date": end, **known} for name, end in self._models.items()]
        return self._send(http, 200, {"object": "list", "data": entries})

    def _rejection(self, body: dict[str, Any]) -> dict[str, Any] | None:
        present = {name for name, value in body.items() if value}
        present.add(body.get("response_format", {}).get("type", ""))
        present |= {message["role"] for message in body.get("messages", ())}
        for name in self._rejects.keys() & present:
            return {
                "message": self._rejects[name],
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        return None

    def _usage(self, body: dict[str, Any], reply: Reply) -> dict[str, Any] | None:
        if reply.usage is None:
            return None
        text = _prompt(body)
        with self._lock:
            common = max((_common(text, earlier) for earlier in self._prompts), default=0)
            self._prompts.append(text)
        cached = common // 4 // 128 * 128 if common >= 4096 else 0
        prompt, completion = max(1, len(text) // 4), max(1, len(reply.text) // 4)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
        } | reply.usage

    def _stream(
        self, http: BaseHTTPRequestHandler, body: dict[str, Any], reply: Reply, said: Said, speech: Speech
    ) -> None:
        http.close_connection = True
        http.send_response(200)
        http.send_header("Content-Type", "text/event-stream")
        http.send_header("Connection", "close")
        http.end_headers()
        for event in speech.begins(said):
            http.wfile.write(speech.written(event))
        written = list(pieces(reply.text))
        for number in range(len(written) + 1):
            if number == reply.drops_after:
                return
            if number == reply.hangs_after:
                self.hanging.set()
                self._closing.wait()
                return
            if number < len(written):
                http.wfile.write(speech.written(speech.pieces(written[number])))
        if reply.error:
            http.wfile.write(speech.written({"type": "error", "error": reply.error}))
            return
        asked = speech.path != "chat/completions" or body.get("stream_options", {}).get("include_usage")
        for event in speech.ends(said if asked else replace(said, usage=None)):
            http.wfile.write(speech.written(event))
        http.wfile.write(speech.done)

    def _send(
        self, http: BaseHTTPRequestHandler, status: int, content: Any, headers: dict[str, str] | None = None
    ) -> None:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        data = text if isinstance(text, bytes) else text.encode()
        http.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            http.send_header(name, value)
        http.send_header("Content-Length", str(len(data)))
        http.end_headers()
        http.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may leave when they like
            super().handle_error(request, client_address)


def _common(one: str, other: str) -> int:
    """The length of the common beginning."""
    return bisect.bisect(range(min(len(one), len(other))), 0, key=lambda at: one[: at + 1] != other[: at + 1])


def _prompt(body: dict[str, Any]) -> str:
    """All of it in one text, in the order in which a model reads it."""
    turns = body.get("messages") or body.get("input") or []
    head = f"{body.get('system') or body.get('instructions') or ''}"
    return head + "".join(f"<{turn['role']}>{_content(turn['content'])}" for turn in turns)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or json.dumps(part) for part in content)
