"""What a model server is asked and what it answers, in whatever protocol.

A `Format` is one protocol: it writes requests and reads events, and knows no network. A `Server` is one service
with its key: it opens connections, and knows which formats the service understands.
"""

import base64
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2
from pydantic import BaseModel

from pipeline.model.llm import Image, Usage

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How long a reasoning model may think, ascending; no model takes all of them."""
CONTINUE = (
    "Your answer was cut off by the length limit. Continue exactly where you stopped: begin with the very "
    "next character, repeat nothing, add no introduction and no new code fence."
)
_LONGEST = 8_000_000
"""Characters of one answer. The longest that models give, 128,000 tokens, has a tenth of it."""
_IMAGE = 6_000
"""A picture counts as so many bytes of text, where tokens are estimated from bytes."""


class Rejection(Exception):
    """The server answered with an error, by its status or within its answer."""

    def __init__(
        self, message: str, *, status: int | None, body: object = None, retry_after: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        """As the server sent it."""
        self.retry_after = retry_after


class Unreachable(Exception):
    """Nobody listens at the server's address."""


class NoAnswer(Exception):
    """Something came that is not an answer of a model."""


class Endless(Exception):
    """The answer goes on beyond all bounds."""


@dataclass(frozen=True)
class Question:
    """One request in the terms of all protocols."""

    system: str
    images: tuple[Image, ...]
    shared: tuple[str, ...]
    """The prompt's growing context, in pieces: each ends where an earlier prompt's ended, the last one now."""
    task: str
    partial: str = ""
    """What an answer that was cut off has brought so far."""
    answer: type[BaseModel] | None = None
    """The JSON schema to be sent."""
    json: bool = False
    """Ask for any JSON object."""
    effort: str | None = None
    output_tokens: int | None = None
    """At most so many may be written."""
    cache_key: str = ""
    """The same for all prompts that begin with the same bytes."""
    without: frozenset[str] = frozenset()
    """What the server does not take."""

    @property
    def size(self) -> int:
        """Bytes of text, pictures included as if they were some."""
        texts = (self.system, *self.shared, self.task, self.partial)
        return sum(len(text.encode(errors="replace")) for text in texts) + _IMAGE * len(self.images)

    @property
    def tokens(self) -> int:
        """At most so many: a token of papers and code is longer than three bytes, whatever the tokenizer."""
        return self.size // 3


@dataclass
class Reply:
    """What one request has brought so far."""

    refusal: str = ""
    model: str = ""
    finish: str | None = None
    """`stop`, `length`, `content_filter`, `error`, or a server's own word; None: not yet."""
    usage: Usage | None = None
    closed: bool = False
    """The closing figures came."""
    accepted: bool = False
    """The server took the request, so it is paid for even if the answer breaks off."""
    begun: bool = False
    """It has read the prompt."""
    thought: bool = False
    """The model has written thoughts."""
    _said: list[str] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        """The answer, without thoughts that the server tells apart."""
        return "".join(self._said)

    @property
    def speaking(self) -> bool:
        """The model has begun to write, thoughts included."""
        return bool(self._said or self.refusal or self.thought)

    def say(self, text: str) -> None:
        """More of the answer. Raises Endless."""
        if text:
            self.begun = True
            self._said.append(text)
            self._grown(text)

    def think(self, text: str) -> None:
        """More of the thoughts, which are not kept. Raises Endless."""
        if text:
            self.begun = self.thought = True
            self._grown(text)

    def refuse(self, text: str) -> None:
        """More of the model's words for why it declines. Raises Endless."""
        self.refusal += text
        self._grown(text)

    def _grown(self, text: str) -> None:
        self._length += len(text)
        if self._length > _LONGEST:
            raise Endless(f"it has more than {_LONGEST:,} characters")


class Format(Protocol):
    """A protocol of model servers."""

    efforts: Sequence[str]
    """Of `EFFORTS`, those that any model behind this protocol takes."""
    forms: Sequence[str]
    """How the form of an answer can be asked for, the best first: `json_schema`, `json_object`."""
    strict: bool
    """Takes only schemas that strict mode can express."""

    def request(self, model: str, question: Question) -> dict[str, Any]:
        """The request's body; what `question.without` names is left out."""
        ...

    def features(self, body: dict[str, Any]) -> frozenset[str]:
        """What a request contains that some server may reject; names as in `faults`."""
        ...

    def read(self, event: dict[str, Any], reply: Reply) -> None:
        """Add one event of a stream, or a whole answer, to the reply. Raises Rejection, Endless."""
        ...


class Server(Protocol):
    """A service that models are asked at. Safe to use from several threads."""

    host: str
    secret: str
    """Its key, for blanking it out."""
    key_name: str
    """The setting that holds the key."""
    url_name: str
    """The setting that holds the address."""

    def format(self, without: frozenset[str]) -> Format:
        """The protocol to ask in. The first time, the server may be asked which it understands."""
        ...

    def open(self, format_: Format, body: dict[str, Any]) -> AbstractContextManager[httpx2.Response]:
        """Send a request. Raises Rejection, Unreachable, TimeoutError, ConnectionError."""
        ...

    def close(self) -> None:
        """Release the connections."""
        ...


def encoded(image: Image) -> str:
    """The picture's bytes in base64."""
    return base64.b64encode(image.data).decode()


def raise_error(event: dict[str, Any]) -> None:
    """Raise Rejection if the event is an error that came as an answer does."""
    inner = event.get("error") or (
        event if event.get("object") == "error" or event.get("type") == "error" else None
    )
    if inner is None and event.keys() == {"detail"}:
        inner = event["detail"]
    if not inner:
        return
    told = inner if isinstance(inner, dict) else {}
    code = str(told.get("code") or told.get("status") or event.get("code") or "")
    status = int(code) if len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "45" else None
    message = told.get("message") or told.get("type") or inner
    raise Rejection(str(message), status=status, body=inner)
