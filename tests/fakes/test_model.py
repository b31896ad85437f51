"""What the fake model server sends is what the libraries' own types describe."""

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.fakes import speech
from tests.fakes.model import FakeModel, Reply

REPLIES = [
    Reply("One and two and three"),
    Reply("Cut", "length"),
    Reply("", refusal="I will not"),
    Reply(usage=None),
]


def post(fake: FakeModel, path: str = "chat/completions", **more: object) -> str:
    body = {"model": "o3-mini", "messages": [{"role": "user", "content": "Hello"}], **more}
    request = Request(f"{fake.url}/{path}", json.dumps(body).encode(), method="POST")
    with urlopen(request) as response:
        return response.read().decode()


@pytest.mark.parametrize("reply", REPLIES)
def test_whole_answers_are_chat_completions(reply: Reply) -> None:
    with FakeModel(reply) as fake:
        answer = ChatCompletion.model_validate_json(post(fake), strict=True)
    assert answer.choices[0].message.content == reply.text


@pytest.mark.parametrize("reply", REPLIES)
def test_streamed_answers_are_chat_completion_chunks(reply: Reply) -> None:
    with FakeModel(reply) as fake:
        lines = post(fake, stream=True, stream_options={"include_usage": True}).split("\n\n")
    *events, done, rest = lines
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [
        ChatCompletionChunk.model_validate_json(event.removeprefix("data: "), strict=True) for event in events
    ]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == reply.text
    assert choices[-1].finish_reason == reply.finish_reason
    assert bool(chunks[-1].usage) == (reply.usage is not None)


@pytest.mark.parametrize("reply", [*REPLIES, Reply("Answer", thought="Hm, let me see.")])
@pytest.mark.parametrize(
    ("speaks", "path", "whole", "events"),
    [
        (speech.responses, "responses", Response, ResponseStreamEvent),
        (speech.messages, "messages", Message, RawMessageStreamEvent),
    ],
)
def test_other_protocols_are_what_their_libraries_describe(
    reply: Reply, speaks: Any, path: str, whole: Any, events: Any
) -> None:
    with FakeModel(reply, speaks=(speaks,)) as fake:
        TypeAdapter(whole).validate_json(post(fake, path), strict=True)
        lines = post(fake, path, stream=True).split("\n\n")[:-1]
    told = [json.loads(line.partition("data: ")[2]) for line in lines]
    assert [line.partition("\n")[0] for line in lines] == [f"event: {event['type']}" for event in told]
    for event in told:
        if event["type"] != "ping":  # the library drops it
            TypeAdapter(events).validate_python(event)
    assert "".join(_text(event) for event in told) == reply.text


def _text(event: dict[str, Any]) -> str:
    if event["type"] == "response.output_text.delta":
        return str(event["delta"])
    delta = event.get("delta")
    return str(delta.get("text", "")) if isinstance(delta, dict) else ""


def test_the_list_is_one_of_models() -> None:
    offered = {"gpt-6.2-sol": None, "gpt-5": "2026-12-11"}
    with FakeModel(models=offered) as fake, urlopen(f"{fake.url}/models") as response:
        answer = json.load(response)
    listed = [Model.model_validate(entry, strict=True) for entry in answer["data"]]
    assert {model.id: model.shutdown_date for model in listed} == offered
    assert fake.listed == 1
