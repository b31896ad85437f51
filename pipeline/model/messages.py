"""Anthropic's Messages, as the API, Amazon Bedrock and Google Cloud speak them."""

from collections.abc import Sequence
from typing import Any

from pipeline.model import schema
from pipeline.model.asking import block
from pipeline.model.llm import Image, Usage
from pipeline.model.loose import count, rows, table, words
from pipeline.model.protocol import CONTINUE, Question, Reply, encoded, raise_error

_MOST = 32_000
"""Tokens of an answer where nobody says what the model may write: all of today take it."""
_LEAST = 8_192
"""Where that is too much for the model, or for what its window has left."""
_UNSTREAMED = 128_000 // 6
"""What is written in ten minutes, after which connections are cut that carry nothing; the SDK's own rule."""
_BREAKPOINTS = 4
_STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class Messages:
    """`POST v1/messages`. An answer without another limit may be as long as the model and its window allow."""

    efforts: Sequence[str] = ("low", "medium", "high", "xhigh", "max")
    forms: Sequence[str] = ("json_schema",)
    strict = True

    def __init__(self, most: int | None = None, window: int | None = None) -> None:
        """Tokens that the model writes into one answer, and that it reads and writes together; None: unknown."""
        self._most = most
        self._window = window

    def request(self, model: str, question: Question) -> dict[str, Any]:
        """The body. The shared pieces are blocks of their own: a cached one is found at a block's end only."""
        without = question.without
        content = [part for image in question.images for part in _shown(image)]
        pieces: list[dict[str, Any]] = [{"type": "text", "text": text} for text in question.shared]
        if "cache" not in without:
            for piece in pieces[-_BREAKPOINTS:]:
                piece["cache_control"] = {"type": "ephemeral"}
        content += [*pieces, {"type": "text", "text": question.task}]
        turns: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if question.partial:
            turns += [
                {"role": "assistant", "content": question.partial},
                {"role": "user", "content": CONTINUE},
            ]
        body: dict[str, Any] = {"model": model, "messages": turns, "max_tokens": self._room(question)}
        body["stream"] = "stream" not in without
        if question.system:
            body["system"] = question.system
        if "thinking" not in without:
            body["thinking"] = {"type": "adaptive"}
        output: dict[str, Any] = {"effort": question.effort} if question.effort else {}
        if question.answer:
            output["format"] = {"type": "json_schema", "schema": schema.named(question.answer)["schema"]}
        if output:
            body["output_config"] = output
        return body

    def _room(self, question: Question) -> int:
        """Tokens to write in."""
        if "max_tokens" in question.without:
            return _LEAST
        room = question.output_tokens or self._most or _MOST
        if self._most:
            room = min(room, self._most)
        if self._window:
            room = min(room, max(self._window - question.tokens, _LEAST))
        return min(room, _UNSTREAMED) if "stream" in question.without else room

    def features(self, body: dict[str, Any]) -> frozenset[str]:
        """What a model may reject."""
        found = {name for name in ("stream", "system", "thinking") if body.get(name)}
        output = body.get("output_config", {})
        found |= {"reasoning_effort"} if "effort" in output else set()
        found |= {"json_schema"} if "format" in output else set()
        parts = body["messages"][0]["content"]
        found |= {"images"} if any(part["type"] == "image" for part in parts) else set()
        found |= {"cache"} if any("cache_control" in part for part in parts) else set()
        return frozenset(found | ({"max_tokens"} if body["max_tokens"] > _LEAST else set()))

    def read(self, event: dict[str, Any], reply: Reply) -> None:
        """Events of a stream, or a whole message. Raises Rejection, Endless."""
        raise_error(event)
        kind = words(event.get("type"))
        if kind in ("message_start", "message"):
            message = table(event.get("message")) or event
            reply.accepted = reply.begun = True
            reply.model = words(message.get("model")) or reply.model
            for part in rows(message.get("content")):
                _hear(table(part), reply)
            _end(message, table(message.get("usage")), reply)
        elif kind == "content_block_start":
            _hear(table(event.get("content_block")), reply)
        elif kind == "content_block_delta":
            _hear(table(event.get("delta")), reply)
        elif kind == "message_delta":
            _end(table(event.get("delta")), table(event.get("usage")), reply)


def _hear(part: dict[str, Any], reply: Reply) -> None:
    """A block, or a piece of one."""
    kind = words(part.get("type"))
    if kind.startswith("text"):
        reply.say(words(part.get("text")))
    elif "thinking" in kind:
        reply.thought = True
        reply.think(words(part.get("thinking")))


def _end(told: dict[str, Any], usage: dict[str, Any], reply: Reply) -> None:
    """Why it stopped, if it did, and the figures so far."""
    if stop := words(told.get("stop_reason")):
        reply.finish = _STOPS.get(stop, stop)
        reply.closed = True
    reply.refuse(words(table(told.get("stop_details")).get("explanation")))
    if usage:
        reply.usage = _usage(usage, reply.usage)


def _usage(reported: dict[str, Any], before: Usage | None) -> Usage:
    """Figures are totals so far; those that do not change are not always repeated."""
    read, written = (count(reported.get(f"cache_{name}_input_tokens")) for name in ("read", "creation"))
    total = count(reported.get("input_tokens")) + read + written
    if before and total <= before.input_tokens:
        total, read, written = before.input_tokens, before.cached_tokens, before.written_tokens
    output = max(count(reported.get("output_tokens")), before.output_tokens if before else 0)
    return Usage(1, total, read, output, written_tokens=written)


def _shown(image: Image) -> list[dict[str, Any]]:
    source = {"type": "base64", "media_type": image.media_type, "data": encoded(image)}
    return [{"type": "text", "text": block("figure", image.label)}, {"type": "image", "source": source}]
