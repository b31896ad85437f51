"""What the fake model server sends is what the openai library's types describe."""

import json
from urllib.request import Request, urlopen

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.fakes.model import FakeModel, Reply

REPLIES = [
    Reply("One and two and three"),
    Reply("Cut", "length"),
    Reply("", refusal="I will not"),
    Reply(usage=None),
]


def post(fake: FakeModel, **more: object) -> str:
    body = {"model": "o3-mini", "messages": [{"role": "user", "content": "Hello"}], **more}
    request = Request(f"{fake.url}/chat/completions", json.dumps(body).encode(), method="POST")
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
