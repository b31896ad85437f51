"""A small OpenAI-compatible model server on loopback, with scripted answers and faults.

It counts tokens as characters / 4 and has a prefix cache, as providers do. What it sends is held against the
openai library's own types by tests/fakes/test_model.py.
"""

import bisect
import contextlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_CHUNK = 8  # characters


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
    page: str = ""
    """Answers with this HTML, as something that is no model server does."""
    streams: bool = True
    """False: answers whole, even if asked to stream."""


class FakeModel:
    """Serves the replies in order, then the last one again; a function makes the reply from the request."""

    def __init__(
        self, *replies: Reply | Callable[[dict[str, Any]], Reply], rejects: dict[str, str] | None = None
    ) -> None:
        """`rejects`: parameter (or type of response_format) → the words of its HTTP 400."""
        self._replies = list(replies) or [Reply()]
        self._rejects = rejects or {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._prompts: list[str] = []
        self.requests: list[dict[str, Any]] = []
        """Every request's body, in order of arrival."""
        self.authorizations: list[str] = []
        self.hanging = threading.Event()
        """Set when the server has begun to hang."""

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with contextlib.suppress(ConnectionError):
                    fake._serve(self, body)

        self._server = _Server(("127.0.0.1", 0), Handler)
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
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def _serve(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if http.path != "/v1/chat/completions":
            return self._send(http, 404, {"error": {"message": f"Unknown path {http.path}"}})
        with self._lock:
            self.requests.append(body)
            self.authorizations.append(http.headers.get("Authorization", ""))
        if rejection := self._rejection(body):
            return self._send(http, 400, {"error": rejection})
        with self._lock:
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if not isinstance(reply, Reply):
            reply = reply(body)
        if reply.drops_after == -1:
            http.close_connection = True
            return None
        if reply.page:
            return self._send(http, 200, reply.page, {"Content-Type": "text/html"})
        if reply.status != 200:
            return self._send(http, reply.status, {"error": reply.error}, reply.headers)
        usage = self._usage(body, reply)
        if body.get("stream") and reply.streams:
            return self._stream(http, body, reply, usage)
        message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal or None}
        choice = {"index": 0, "finish_reason": reply.finish_reason, "message": message, "logprobs": None}
        whole = {**_frame(body, "chat.completion"), "choices": [choice]} | ({"usage": usage} if usage else {})
        return self._send(http, 200, whole)

    def _rejection(self, body: dict[str, Any]) -> dict[str, Any] | None:
        present = {name for name, value in body.items() if value}
        present.add(body.get("response_format", {}).get("type", ""))
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
        text = "".join(f"<{message['role']}>{message['content']}" for message in body["messages"])
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
        self, http: BaseHTTPRequestHandler, body: dict[str, Any], reply: Reply, usage: dict[str, Any] | None
    ) -> None:
        http.close_connection = True
        http.send_response(200)
        http.send_header("Content-Type", "text/event-stream")
        http.send_header("Connection", "close")
        http.end_headers()

        def event(**content: Any) -> None:
            http.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")

        def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            event(**_frame(body, "chat.completion.chunk"), choices=[choice])

        chunk({"role": "assistant", "content": ""})
        pieces = [reply.text[at : at + _CHUNK] for at in range(0, len(reply.text), _CHUNK)]
        for number in range(len(pieces) + 1):
            if number == reply.drops_after:
                return
            if number == reply.hangs_after:
                self.hanging.set()
                self._closing.wait()
                return
            if number < len(pieces):
                chunk({"content": pieces[number]})
        if reply.refusal:
            chunk({"refusal": reply.refusal})
        if reply.error:
            event(error=reply.error)
            return
        if reply.finish_reason:
            chunk({}, reply.finish_reason)
        if usage and body.get("stream_options", {}).get("include_usage"):
            event(**_frame(body, "chat.completion.chunk"), choices=[], usage=usage)
        http.wfile.write(b"data: [DONE]\n\n")

    def _send(
        self, http: BaseHTTPRequestHandler, status: int, content: Any, headers: dict[str, str] | None = None
    ) -> None:
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
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


def _frame(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "created": 1767225600, "model": body["model"], "object": kind}
