"""What a model server sends for one reply, in each of three protocols."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

CHUNK = 8  # characters
_ID = "1"
_CREATED = 1767225600


@dataclass(frozen=True)
class Said:
    """One answer, in no protocol's terms."""

    model: str
    text: str
    thought: str
    refusal: str
    finish_reason: str | None
    usage: dict[str, Any] | None
    """As Chat Completions counts; None: not."""


@dataclass(frozen=True)
class Speech:
    """One protocol."""

    path: str
    begins: Callable[[Said], list[dict[str, Any]]]
    """Events before the first piece of text."""
    pieces: Callable[[str], dict[str, Any]]
    """The event of one piece."""
    ends: Callable[[Said], list[dict[str, Any]]]
    whole: Callable[[Said], dict[str, Any]]
    done: bytes = b""

    def written(self, event: dict[str, Any]) -> bytes:
        """The event on the wire."""
        name = f"event: {event['type']}\n".encode() if "type" in event else b""
        return name + b"data: " + json.dumps(event).encode() + b"\n\n"


def pieces(text: str) -> Iterator[str]:
    """The text as it is streamed."""
    for at in range(0, len(text), CHUNK):
        yield text[at : at + CHUNK]


def _chunk(
    said: Said, delta: dict[str, Any], finish_reason: str | None = None, **more: Any
) -> dict[str, Any]:
    frame = {"id": _ID, "created": _CREATED, "model": said.model, "object": "chat.completion.chunk"}
    return frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]} | more


def _chat_ends(said: Said) -> list[dict[str, Any]]:
    events = [_chunk(said, {"refusal": said.refusal})] if said.refusal else []
    events += [_chunk(said, {}, said.finish_reason)] if said.finish_reason else []
    return events + ([_chunk(said, {}, choices=[], usage=said.usage)] if said.usage else [])


def _completion(said: Said) -> dict[str, Any]:
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal or None}
    choice = {"index": 0, "finish_reason": said.finish_reason, "message": message, "logprobs": None}
    frame = {
        "id": _ID,
        "created": _CREATED,
        "model": said.model,
        "object": "chat.completion",
        "choices": [choice],
    }
    return frame | ({"usage": said.usage} if said.usage else {})


def chat(said: Said) -> Speech:
    """Chat Completions."""
    thoughts = [_chunk(said, {"reasoning_content": said.thought})] if said.thought else []
    return Speech(
        "chat/completions",
        lambda said: [_chunk(said, {"role": "assistant", "content": ""}), *thoughts],
        lambda piece: _chunk(said, {"content": piece}),
        _chat_ends,
        _completion,
        b"data: [DONE]\n\n",
    )


def _response(said: Said, *, done: bool) -> dict[str, Any]:
    parts: list[dict[str, Any]] = (
        [{"type": "output_text", "text": said.text, "annotations": []}] if said.text else []
    )
    parts += [{"type": "refusal", "refusal": said.refusal}] if said.refusal else []
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": parts}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(said.finish_reason or "")
    usage = said.usage or {}
    details = usage.get("prompt_tokens_details") or {}
    counted = {
        "input_tokens": usage.get("prompt_tokens", 0),
        "input_tokens_details": {
            "cached_tokens": details.get("cached_tokens", 0),
            "cache_write_tokens": details.get("cache_write_tokens", 0),
        },
        "output_tokens": usage.get("completion_tokens", 0),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.get("total_tokens", 0),
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": _CREATED,
        "model": said.model,
        "status": "in_progress" if not done else "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": cut} if done and cut else None,
        "instructions": None,
        "metadata": {},
        "output": [reasoning, message] if done else [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": counted if done and said.usage else None,
    }


def responses(said: Said) -> Speech:
    """OpenAI's Responses."""
    number = iter(range(10_000))
    place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}

    def event(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": f"response.{kind}", "sequence_number": next(number), **more}

    def begins(said: Said) -> list[dict[str, Any]]:
        reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
        thoughts = [
            event("reasoning_text.delta", item_id="rs_1", output_index=0, content_index=0, delta=piece)
            for piece in pieces(said.thought)
        ]
        return [
            event("created", response=_response(said, done=False)),
            event("in_progress", response=_response(said, done=False)),
            event("output_item.added", output_index=0, item=reasoning),
            *thoughts,
            event("output_item.done", output_index=0, item=reasoning),
            event("output_item.added", output_index=1, item=message),
        ]

    def ends(said: Said) -> list[dict[str, Any]]:
        refusals = [event("refusal.delta", **place, delta=piece) for piece in pieces(said.refusal)]
        if not said.finish_reason:
            return refusals
        response = _response(said, done=True)
        return [*refusals, event(response["status"], response=response)]

    return Speech(
        "responses",
        begins,
        lambda piece: event("output_text.delta", **place, delta=piece, logprobs=[]),
        ends,
        lambda said: _response(said, done=True),
    )


def _message(said: Said, *, done: bool) -> dict[str, Any]:
    usage = said.usage or {}
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": [{"type": "text", "text": said.text}] if done and said.text else [],
        **(_stop(said) if done else {"stop_reason": None, "stop_sequence": None}),
        "usage": {
            "input_tokens": usage.get("prompt_tokens", 0) - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens": usage.get("completion_tokens", 0) if done else 1,
        },
    }


def _stop(said: Said) -> dict[str, Any]:
    reason = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}.get(
        said.finish_reason or ""
    )
    reason = "refusal" if said.refusal else reason
    details = {"type": "refusal", "explanation": said.refusal, "category": None} if said.refusal else None
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": details}


def messages(said: Said) -> Speech:
    """Anthropic's Messages."""

    def begins(said: Said) -> list[dict[str, Any]]:
        thinking = {"type": "thinking", "thinking": "", "signature": ""}
        thought = {"type": "thinking_delta", "thinking": said.thought}
        signed = {"type": "signature_delta", "signature": "c2lnbmVk"}
        return [
            {"type": "message_start", "message": _message(said, done=False)},
            {"type": "content_block_start", "index": 0, "content_block": thinking},
            {"type": "ping"},
            *([{"type": "content_block_delta", "index": 0, "delta": thought}] if said.thought else []),
            {"type": "content_block_delta", "index": 0, "delta": signed},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        ]

    def ends(said: Said) -> list[dict[str, Any]]:
        if not said.finish_reason:
            return []
        usage = {"output_tokens": (said.usage or {}).get("completion_tokens", 0)}
        return [
            {"type": "content_block_stop", "index": 1},
            {"type": "message_delta", "delta": _stop(said), "usage": usage},
            {"type": "message_stop"},
        ]

    return Speech(
        "messages",
        begins,
        lambda piece: {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "text_delta", "text": piece},
        },
        ends,
        lambda said: _message(said, done=True),
    )
