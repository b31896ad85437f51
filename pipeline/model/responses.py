"""OpenAI's Responses: reasoning told apart from the answer, and prefixes that are cached where we say."""

from collections.abc import Sequence
from typing import Any

from pipeline.model import schema
from pipeline.model.asking import block
from pipeline.model.llm import Image, Usage
from pipeline.model.loose import count, rows, table, words
from pipeline.model.protocol import CONTINUE, EFFORTS, Question, Reply, encoded, raise_error

_BREAKPOINTS = 4
"""A request may write so many."""
_CLOSING = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class Responses:
    """`POST responses`. Nothing is stored at the provider."""

    efforts: Sequence[str] = EFFORTS
    forms: Sequence[str] = ("json_schema", "json_object")
    strict = False

    def request(self, model: str, question: Question) -> dict[str, Any]:
        """The body. The shared pieces are parts of their own, marked where a later request will begin anew."""
        without = question.without
        content = [part for image in question.images for part in _shown(image)]
        pieces: list[dict[str, Any]] = [{"type": "input_text", "text": text} for text in question.shared]
        body: dict[str, Any] = {"model": model, "stream": "stream" not in without, "store": False}
        if "cache" not in without:
            body["prompt_cache_key"] = question.cache_key
        if "cache_breakpoints" not in without and "cache" not in without:
            body["prompt_cache_options"] = {"mode": "explicit"}
            for piece in pieces[-_BREAKPOINTS:]:
                piece |= {"prompt_cache_breakpoint": {"mode": "explicit"}}
        content += [*pieces, {"type": "input_text", "text": question.task}]
        turns: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if question.partial:
            turns += [
                {"role": "assistant", "content": question.partial},
                {"role": "user", "content": CONTINUE},
            ]
        body["input"] = turns
        if question.system:
            body["instructions"] = question.system
        if question.effort:
            body["reasoning"] = {"effort": question.effort}
        if question.answer:
            body["text"] = {"format": {"type": "json_schema", **schema.named(question.answer)}}
        elif question.json:
            body["text"] = {"format": {"type": "json_object"}}
        if question.output_tokens and "max_output_tokens" not in without:
            body["max_output_tokens"] = question.output_tokens
        return body

    def features(self, body: dict[str, Any]) -> frozenset[str]:
        """What a server may reject; the protocol itself is one of them."""
        names = {
            "stream": "stream",
            "instructions": "system",
            "reasoning": "reasoning_effort",
            "prompt_cache_key": "cache",
            "prompt_cache_options": "cache_breakpoints",
            "max_output_tokens": "max_output_tokens",
        }
        found = {"responses"} | {feature for name, feature in names.items() if body.get(name)}
        found |= {body["text"]["format"]["type"]} if "text" in body else set()
        found |= (
            {"images"}
            if any(part["type"] == "input_image" for part in body["input"][0]["content"])
            else set()
        )
        return frozenset(found)

    def read(self, event: dict[str, Any], reply: Reply) -> None:
        """Events of a stream, or a whole response. Raises Rejection, Endless."""
        raise_error(event)
        kind = words(event.get("type"))
        delta = words(event.get("delta"))
        reply.accepted |= kind.startswith("response.")
        reply.begun |= kind == "response.output_item.added"
        if kind == "response.output_text.delta":
            reply.say(delta)
        elif kind == "response.refusal.delta":
            reply.refuse(delta)
        elif kind in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
            reply.think(delta)
        elif kind in _CLOSING or event.get("object") == "response":
            _close(table(event.get("response")) or event, reply)


def _close(response: dict[str, Any], reply: Reply) -> None:
    """The response as it is in the end; its text, where no events have brought it."""
    raise_error(response)
    reply.accepted = True
    reply.model = words(response.get("model")) or reply.model
    items = [table(item) for item in rows(response.get("output"))]
    reply.thought |= any(item.get("type") == "reasoning" for item in items)
    if not reply.text and not reply.refusal:
        for part in (table(part) for item in items for part in rows(item.get("content"))):
            if part.get("type") == "output_text":
                reply.say(words(part.get("text")))
            reply.refuse(words(part.get("refusal")))
    if usage := table(response.get("usage")):
        reply.usage, reply.closed = _usage(usage), True
    reason = words(table(response.get("incomplete_details")).get("reason"))
    ends = {
        "completed": "stop",
        "incomplete": "content_filter" if reason == "content_filter" else "length",
    }
    reply.finish = ends.get(words(response.get("status")), "error")


def _shown(image: Image) -> list[dict[str, Any]]:
    url = f"data:{image.media_type};base64,{encoded(image)}"
    return [
        {"type": "input_text", "text": block("figure", image.label)},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]


def _usage(reported: dict[str, Any]) -> Usage:
    details = table(reported.get("input_tokens_details"))
    return Usage(
        calls=1,
        input_tokens=count(reported.get("input_tokens")),
        cached_tokens=count(details.get("cached_tokens")),
        output_tokens=count(reported.get("output_tokens")),
        written_tokens=count(details.get("cache_write_tokens")),
    )
