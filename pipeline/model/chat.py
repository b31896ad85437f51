"""OpenAI's Chat Completions: what most servers speak, each in its own dialect."""

from collections.abc import Sequence
from typing import Any

from pipeline.model import schema
from pipeline.model.asking import block
from pipeline.model.llm import Image, Usage
from pipeline.model.loose import count, rows, table, words
from pipeline.model.protocol import CONTINUE, EFFORTS, Question, Reply, encoded, raise_error

_LIMITS = ("max_completion_tokens", "max_tokens")
"""The limit's name today, and the one that older servers know."""


class Chat:
    """`POST chat/completions`."""

    efforts: Sequence[str] = EFFORTS
    forms: Sequence[str] = ("json_schema", "json_object")
    strict = False

    def request(self, model: str, question: Question) -> dict[str, Any]:
        """The body; a server that takes no system text gets it at the head of the user's."""
        text = "".join(question.shared) + question.task
        content: str | list[dict[str, Any]] = text
        if question.images:
            content = [part for image in question.images for part in _shown(image)]
            content.append({"type": "text", "text": text})
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if question.system:
            messages.insert(0, {"role": "system", "content": question.system})
        if question.partial:
            messages += [
                {"role": "assistant", "content": question.partial},
                {"role": "user", "content": CONTINUE},
            ]
        without = question.without
        body: dict[str, Any] = {"model": model, "messages": messages, "stream": "stream" not in without}
        if body["stream"] and "stream_options" not in without:
            body["stream_options"] = {"include_usage": True}
        if question.effort:
            body["reasoning_effort"] = question.effort
        if question.answer:
            body["response_format"] = {"type": "json_schema", "json_schema": schema.named(question.answer)}
        elif question.json:
            body["response_format"] = {"type": "json_object"}
        if limit := next((name for name in _LIMITS if name not in without), None):
            body |= {limit: question.output_tokens} if question.output_tokens else {}
        return body

    def features(self, body: dict[str, Any]) -> frozenset[str]:
        """What a server may reject."""
        found = {
            name for name in (*_LIMITS, "stream", "stream_options", "reasoning_effort") if body.get(name)
        }
        found |= {body["response_format"]["type"]} if "response_format" in body else set()
        found |= {"system"} if body["messages"][0]["role"] == "system" else set()
        found |= (
            {"images"} if any(isinstance(message["content"], list) for message in body["messages"]) else set()
        )
        return frozenset(found)

    def read(self, event: dict[str, Any], reply: Reply) -> None:
        """Chunks, whole completions, and what servers make of either. Raises Rejection, Endless."""
        raise_error(event)
        choices = [table(choice) for choice in rows(event.get("choices"))]
        usage = table(event.get("usage"))
        known = words(event.get("object")).startswith("chat.completion")
        reply.accepted |= known or bool(choices or usage)
        reply.begun |= bool(choices)
        reply.model = words(event.get("model")) or reply.model
        if usage:
            reply.usage, reply.closed = _usage(usage), True
        for choice in choices:
            said = table(choice.get("delta")) or table(choice.get("message"))
            _hear(said.get("content"), reply)
            for name in ("reasoning_content", "reasoning", "thinking"):
                reply.think(words(said.get(name)))
            reply.refuse(words(said.get("refusal")))
            reply.finish = words(choice.get("finish_reason")) or reply.finish


def _hear(content: object, reply: Reply) -> None:
    """Text, or a list of parts of which some are thoughts."""
    reply.say(words(content))
    for part in rows(content):
        kind = words(table(part).get("type"))
        if "think" in kind or "reason" in kind:
            reply.think("".join(_texts(part)))
        elif kind == "refusal":
            reply.refuse(words(table(part).get("refusal")))
        else:
            reply.say("".join(_texts(part)))


def _texts(part: object, depth: int = 3) -> list[str]:
    """The texts in a part, however it wraps them."""
    if isinstance(part, str):
        return [part]
    inner = (
        part if isinstance(part, list) else [table(part).get(name) for name in ("text", "thinking", "value")]
    )
    return [text for piece in inner for text in _texts(piece, depth - 1)] if depth else []


def _shown(image: Image) -> list[dict[str, Any]]:
    url = f"data:{image.media_type};base64,{encoded(image)}"
    return [
        {"type": "text", "text": block("figure", image.label)},
        {"type": "image_url", "image_url": {"url": url}},
    ]


def _usage(reported: dict[str, Any]) -> Usage:
    """Tokens in the terms of any server: some count reasoning only in the total."""
    details = table(reported.get("prompt_tokens_details"))
    prompt = count(reported.get("prompt_tokens"))
    cached = count(details.get("cached_tokens")) or count(reported.get("prompt_cache_hit_tokens"))
    return Usage(
        calls=1,
        input_tokens=prompt,
        cached_tokens=cached,
        output_tokens=max(
            count(reported.get("completion_tokens")), count(reported.get("total_tokens")) - prompt
        ),
        written_tokens=count(details.get("cache_write_tokens")),
    )
