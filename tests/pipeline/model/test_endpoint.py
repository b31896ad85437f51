"""The adapter for OpenAI-compatible servers, against a small real one."""

import contextlib
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from pipeline.errors import Cancelled, ContextOverflow, ModelRefused, ModelUnavailable, PipelineError
from pipeline.model import servers
from pipeline.model.budget import Budget
from pipeline.model.endpoint import Answer, Endpoint
from pipeline.model.llm import Image, Pictures, Prompt, Usage
from pipeline.model.servers import OpenAIServer
from pipeline.model.stream import Patience
from tests.fakes.model import FakeModel, Reply

KEY = "sk-very-secret-0123456789"
PROMPT = Prompt("code.model.py", "You write code.", "The paper.\n", "Write model.py.")
IMPATIENT = Patience(first_token=20, idle=20, backoff=0.001, longest=0.002)


class Plan(BaseModel):
    files: list[str]


ASK_FOR_PLAN = Prompt("plan.logic", "You plan.", "The paper.\n", "Plan.", Plan)


@contextmanager
def endpoint(fake: FakeModel, *, patience: Patience = IMPATIENT, **more: Any) -> Iterator[Endpoint]:
    server = OpenAIServer(SecretStr(KEY), fake.url)
    with closing(Endpoint(server, model="o3-mini", patience=patience, **more)) as asked:
        yield asked


def ask(fake: FakeModel, prompt: Prompt = PROMPT, bills: list[Usage] | None = None, **more: Any) -> Answer:
    with endpoint(fake, **more) as asked:
        return asked.answer(prompt, Budget(None), (bills if bills is not None else []).append)


def test_asks_with_the_shared_bytes_first_and_reports_the_usage() -> None:
    bills: list[Usage] = []
    with FakeModel(
        Reply("import torch", usage={"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57})
    ) as fake:
        answer = ask(fake, bills=bills, reasoning_effort="high")
    assert answer == Answer("import torch", "o3-mini", "stop")
    assert fake.requests == [
        {
            "model": "o3-mini",
            "messages": [
                {"role": "system", "content": "You write code."},
                {"role": "user", "content": "The paper.\nWrite model.py."},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "reasoning_effort": "high",
        }
    ]
    assert fake.authorizations == [f"Bearer {KEY}"]
    assert bills == [Usage(1, 50, 0, 7, usd=None)]


def test_the_answers_schema_is_sent_beside_the_messages() -> None:
    with FakeModel(Reply('{"files": []}')) as fake:
        ask(fake, ASK_FOR_PLAN)
    [request] = fake.requests
    assert request["response_format"]["json_schema"]["strict"] is True
    assert request["messages"][1]["content"] == "The paper.\nPlan."


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_tries_again_after_errors_that_pass(status: int) -> None:
    with FakeModel(Reply(status=status, error={"message": "busy"}), Reply("done")) as fake:
        assert ask(fake).text == "done"
    assert len(fake.requests) == 2


def test_tries_again_when_the_connection_breaks_before_the_answer() -> None:
    with FakeModel(Reply(drops_after=-1), Reply("done")) as fake:
        assert ask(fake).text == "done"


@pytest.mark.parametrize(
    "broken",
    [
        Reply("It begins and then", drops_after=1),
        Reply("It begins and then", finish_reason=None, usage=None),
        Reply("It begins", error={"message": "upstream failed", "code": 502}),
        Reply("It begins", finish_reason="error"),
        Reply("  "),
    ],
)
def test_an_answer_that_breaks_off_is_asked_for_again_and_paid_for(broken: Reply) -> None:
    bills: list[Usage] = []
    with FakeModel(broken, Reply("whole")) as fake:
        assert ask(fake, bills=bills).text == "whole"
    assert len(bills) == 2
    assert all(bill.input_tokens > 0 for bill in bills)


def test_a_server_that_falls_silent_is_left() -> None:
    bills: list[Usage] = []
    patience = Patience(first_token=3600, idle=0.05, backoff=0.001)
    with FakeModel(Reply("It begins and then", hangs_after=1), Reply("whole")) as fake:
        assert ask(fake, patience=patience, bills=bills).text == "whole"
    assert bills[0].estimated
    assert bills[0].output_tokens == len("It begin") // 4


def test_a_server_that_stays_silent_is_given_up_after_few_tries(caplog: pytest.LogCaptureFixture) -> None:
    patience = Patience(first_token=0.1, idle=0.03, backoff=0.001, silent_tries=2)
    with (
        FakeModel(Reply(hangs_after=0)) as fake,
        pytest.raises(ModelUnavailable, match=r"in time \(2 tries\)") as error,
    ):
        ask(fake, patience=patience)
    assert len(fake.requests) == 2
    assert "nothing that is paid for is paid for twice" in error.value.hint
    assert "The model is silent" in caplog.text


def test_gives_up_after_a_bounded_number_of_tries() -> None:
    patience = Patience(backoff=0.001, tries=3)
    with (
        FakeModel(Reply(status=503, error={"message": "down"})) as fake,
        pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1 answered 503: down \(3 tries\)"),
    ):
        ask(fake, patience=patience)
    assert len(fake.requests) == 3


def test_an_unreachable_server_is_named() -> None:
    with FakeModel() as fake:
        url = fake.url
    with (
        closing(Endpoint(OpenAIServer(None, url), model="m")) as asked,
        pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1 failed: .*[Cc]onnect") as error,
    ):
        asked.answer(PROMPT, Budget(None), [].append)
    assert "tries" not in str(error.value)
    assert "OPENAI_BASE_URL" in error.value.hint


def test_a_server_that_takes_no_call_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_CONNECT", 0.2)
    monkeypatch.setattr(servers, "_PROBE", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, contextlib.ExitStack() as waiting:
        for _ in range(3):  # whoever comes after them waits
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(busy.getsockname())
        url = f"http://127.0.0.1:{busy.getsockname()[1]}/v1"
        with (
            closing(Endpoint(OpenAIServer(None, url), model="m", patience=IMPATIENT)) as asked,
            pytest.raises(ModelUnavailable, match="nobody took the call in time") as error,
        ):
            asked.answer(PROMPT, Budget(None), [].append)
    assert "tries" not in str(error.value)
    assert "OPENAI_BASE_URL" in error.value.hint


REJECTIONS = {
    "reasoning_effort": "Unrecognized request argument supplied: reasoning_effort",
    "stream_options": "Unknown field: stream_options",
    "stream": "Streaming is not supported for this model",
    "json_schema": "'response_format' of type 'json_schema' is not supported with this model.",
}


@pytest.mark.parametrize("feature", REJECTIONS)
def test_does_without_what_a_server_rejects_and_remembers(feature: str) -> None:
    rejects = {feature: REJECTIONS[feature]}
    with (
        FakeModel(Reply('{"files": []}'), rejects=rejects) as fake,
        endpoint(fake, reasoning_effort="low") as asked,
    ):
        for _ in range(2):
            assert asked.answer(ASK_FOR_PLAN, Budget(None), [].append).text == '{"files": []}'
    rejected, second, third = fake.requests
    assert second == third
    lost = {name for name in rejected if rejected[name] != second.get(name)}
    expected = {"stream": {"stream", "stream_options"}, "json_schema": {"response_format", "messages"}}
    assert lost == expected.get(feature, {feature})


def test_everything_may_be_rejected_and_the_schema_is_then_asked_for_in_words() -> None:
    rejects = {**REJECTIONS, "json_object": "'response_format.type' must be 'text'"}
    fenced = Reply('Here:\n```json\n{"files": ["a.py"]}\n```\n')
    with FakeModel(fenced, rejects=rejects) as fake:
        answer = ask(fake, ASK_FOR_PLAN, reasoning_effort="low")
    assert answer.text == '{"files": ["a.py"]}'
    assert fake.requests[-1].keys() == {"model", "messages", "stream"}
    question = fake.requests[-1]["messages"][1]["content"]
    assert question.startswith("The paper.\nPlan.")
    assert "```json" in question
    assert '"files"' in question


def test_json_mode_comes_before_plain_text() -> None:
    with FakeModel(Reply('{"files": []}'), rejects={"json_schema": REJECTIONS["json_schema"]}) as fake:
        ask(fake, ASK_FOR_PLAN)
    assert fake.requests[-1]["response_format"] == {"type": "json_object"}
    assert "JSON schema" in fake.requests[-1]["messages"][1]["content"]


def test_a_server_that_answers_whole_though_asked_to_stream() -> None:
    bills: list[Usage] = []
    with FakeModel(Reply("whole", streams=False)) as fake:
        assert ask(fake, bills=bills).text == "whole"
    assert len(fake.requests) == 1
    assert not bills[0].estimated


def test_a_server_that_does_not_count_is_counted_for() -> None:
    bills: list[Usage] = []
    with FakeModel(Reply("x" * 400, usage=None)) as fake:
        ask(fake, bills=bills)
    words = "You write code.The paper.\nWrite model.py."
    assert bills == [Usage(1, len(words) // 4, 0, 100, None, estimated=True)]


@pytest.mark.parametrize(
    ("figures", "usage"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 30}}, Usage(1, 50, 30, 7, None)),
        ({"prompt_tokens_details": None, "prompt_cache_hit_tokens": 20}, Usage(1, 50, 20, 7, None)),
        ({"prompt_tokens_details": None}, Usage(1, 50, 0, 7, None)),
        ({"total_tokens": 157}, Usage(1, 50, 0, 107, None)),  # 100 tokens of thoughts
    ],
)
def test_usage_in_the_words_of_several_providers(figures: dict[str, Any], usage: Usage) -> None:
    bills: list[Usage] = []
    counted = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57} | figures
    with FakeModel(Reply(usage=counted)) as fake:
        ask(fake, bills=bills)
    assert bills == [usage]


def test_a_cut_off_answer_is_continued_and_joined() -> None:
    bills: list[Usage] = []
    with FakeModel(Reply('{"files": ["a', "length"), Reply('.py", "b', "length"), Reply('.py"]}')) as fake:
        assert ask(fake, ASK_FOR_PLAN, bills).text == '{"files": ["a.py", "b.py"]}'
    first, _, third = fake.requests
    assert third["messages"][:2] == first["messages"]
    assert third["messages"][2] == {"role": "assistant", "content": '{"files": ["a.py", "b'}
    assert "where you stopped" in third["messages"][3]["content"]
    assert "response_format" not in third
    assert len(bills) == 3


ALL_THOUGHT = [
    Reply("", "length", usage={"completion_tokens": 8000}),
    Reply("<think>Hm, let me see", "length", usage={"completion_tokens": 8000}),
    Reply("<think>Hm, let me see</think>\n", "length", usage={"completion_tokens": 8000}),
]


@pytest.mark.parametrize("thought", ALL_THOUGHT)
def test_an_answer_that_was_all_thought_is_asked_for_with_more_room_and_less_effort(thought: Reply) -> None:
    with FakeModel(thought, Reply("whole")) as fake:
        assert ask(fake, reasoning_effort="high").text == "whole"
    first, second = fake.requests
    assert first["messages"] == second["messages"]
    assert "max_completion_tokens" not in first
    assert second["max_completion_tokens"] == 16000
    assert (first["reasoning_effort"], second["reasoning_effort"]) == ("high", "low")


@pytest.mark.parametrize("thought", ALL_THOUGHT)
def test_a_model_that_only_thinks_is_asked_twice_and_no_more(thought: Reply) -> None:
    bills: list[Usage] = []
    with (
        FakeModel(thought) as fake,
        pytest.raises(ModelUnavailable, match="8,000 tokens on thoughts") as error,
    ):
        ask(fake, bills=bills)
    assert "PAPER2CODE_REASONING_EFFORT" in error.value.hint
    assert len(bills) == len(fake.requests) == 2


def test_an_answer_that_was_cut_off_at_its_very_end_is_whole() -> None:
    with FakeModel(Reply("All of it.", "length"), Reply("")) as fake:
        assert ask(fake).text == "All of it."


def test_an_answer_without_end_is_not_taken_as_whole() -> None:
    patience = Patience(continuations=2)
    with (
        FakeModel(Reply("more ", "length")) as fake,
        pytest.raises(ModelUnavailable, match="2 continuations"),
    ):
        ask(fake, patience=patience)
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    "reply",
    [
        Reply("", refusal="I cannot help with that."),
        Reply("I can", "content_filter"),
        Reply(status=400, error={"message": "Triggered content management policy", "code": "content_filter"}),
    ],
)
def test_a_refusal_is_reported_as_one(reply: Reply) -> None:
    with FakeModel(reply) as fake, pytest.raises(ModelRefused) as error:
        ask(fake)
    assert reply.refusal in str(error.value)
    assert error.value.hint
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"message": "Please reduce the length of the messages.", "code": "context_length_exceeded"},
        {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"},
        {"message": "The decoder prompt (length 9000) is longer than the maximum model length of 8192."},
        {"message": "This endpoint's maximum context length is 131072 tokens."},
        {"message": "Input tokens exceed the configured limit of 272000 tokens."},
        {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"},
        {"message": "prompt is too long: 250000 tokens > 200000 maximum"},
        {"message": "The input token count (1200000) exceeds the maximum number of tokens."},
        {"message": "input length exceeds maximum context length"},
    ],
)
def test_a_prompt_too_long_for_the_model_has_an_error_of_its_own(said: dict[str, Any]) -> None:
    with FakeModel(Reply(status=400, error=said)) as fake, pytest.raises(ContextOverflow) as error:
        ask(fake)
    assert "larger context" in error.value.hint
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (401, {"message": "Incorrect API key"}, "OPENAI_API_KEY"),
        (402, {"message": "Insufficient balance"}, "credit"),
        (403, {"message": "Forbidden"}, "PAPER2CODE_MODEL"),
        (404, {"message": "The model o3-mini does not exist"}, "PAPER2CODE_MODEL"),
        (429, {"message": "You exceeded your quota", "code": "insufficient_quota"}, "credit"),
        (400, {"message": "Something else"}, "OPENAI_BASE_URL"),
    ],
)
def test_what_a_person_must_mend_is_not_tried_again(status: int, said: dict[str, Any], hint: str) -> None:
    with FakeModel(Reply(status=status, error=said)) as fake, pytest.raises(ModelUnavailable) as error:
        ask(fake)
    assert said["message"] in str(error.value)
    assert hint in error.value.hint
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "words",
    [
        "The reasoning deployment is not here",
        "No stream of that name, and no caching of it",
        "Unknown path /v1/chat/completions: see the schema for max_tokens",
        "Item with id 'rs_1' not found",
    ],
)
def test_what_is_not_there_is_final_whatever_else_is_said(words: str) -> None:
    with (
        FakeModel(Reply(status=404, error={"message": words})) as fake,
        pytest.raises(ModelUnavailable) as error,
    ):
        ask(fake, ASK_FOR_PLAN, reasoning_effort="high")
    assert words in str(error.value)
    assert "PAPER2CODE_MODEL" in error.value.hint
    assert len(fake.requests) == 1


UNKNOWN_MODELS: list[tuple[int, dict[str, Any]]] = [
    (404, {"message": "The model `o9` does not exist or you do not have access to it."}),
    (404, {"message": "The model `o3-mini` has been deprecated, learn more", "code": "model_not_found"}),
    (404, {"message": "model: claude-reasoning-stream", "type": "not_found_error"}),
    (404, {"message": "The API deployment for this resource does not exist.", "code": "DeploymentNotFound"}),
    (404, {"message": 'model "o9" not found, try pulling it first', "type": "api_error"}),
    (404, {"message": "models/o9 is not found for API version v1, or is not supported for streaming"}),
    (404, {"message": "Publisher Model `projects/p/models/o9` was not found"}),
    (404, {"message": "No endpoints found for reasoning/o9."}),
    (410, {"message": "The deployment has been retired"}),
    (400, {"message": "reasoning/o9 is not a valid model ID"}),
    (400, {"message": "Invalid model: o9-stream"}),
    (400, {"message": "Invalid model name passed in model=o9. Call `/v1/models` to view those there are."}),
    (400, {"message": "Model Not Exist"}),
    (400, {"message": "The provided model identifier is invalid."}),
    (400, {"message": "The model `o9` has been decommissioned and is no longer supported."}),
    (400, {"message": "The requested model 'o9' is not supported", "code": "model_not_supported"}),
    (422, {"message": "Unknown model o9; reasoning models are: a, b"}),
    (500, {"message": "model o9 not found"}),
    (503, {"message": "no such model o9 in any group", "code": "model_not_found"}),
]


@pytest.mark.parametrize(("status", "said"), UNKNOWN_MODELS)
def test_a_model_that_is_not_there_is_final_in_every_providers_words(
    status: int, said: dict[str, Any]
) -> None:
    with (
        FakeModel(Reply(status=status, error=said)) as fake,
        pytest.raises(ModelUnavailable) as error,
    ):
        ask(fake, ASK_FOR_PLAN, reasoning_effort="high")
    assert said["message"] in str(error.value)
    assert "is that model offered?" in error.value.hint
    assert len(fake.requests) == 1


def test_a_model_that_is_only_busy_is_asked_again() -> None:
    busy = Reply(status=503, error={"message": "The model o3-mini is temporarily unavailable"})
    with FakeModel(busy, Reply("done")) as fake:
        assert ask(fake).text == "done"


def test_a_router_without_a_server_for_pictures_is_asked_without_them() -> None:
    def blind(request: dict[str, Any]) -> Reply:
        said = {"message": "No endpoints found that support image input", "code": 404}
        return Reply(status=404, error=said) if "image_url" in str(request) else Reply("read")

    seen = Prompt(
        "plan.a",
        "",
        "The paper.",
        "Plan.",
        pictures=Pictures("one", lambda: (Image("[Fig1]", "image/png", b"png"),)),
    )
    with FakeModel(blind) as fake:
        assert ask(fake, seen).text == "read"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"message": "Incorrect API key provided", "code": "invalid_api_key"}, "OPENAI_API_KEY"),
        ({"message": "The model o3-mini does not exist", "code": "model_not_found"}, "PAPER2CODE_MODEL"),
        ({"message": "top_q: unknown", "type": "invalid_request_error"}, "OPENAI_BASE_URL"),
        ({"message": "Your prompt was flagged by our usage policy", "code": "invalid_prompt"}, "filter"),
    ],
)
def test_an_error_that_comes_as_an_answer_means_the_same(said: dict[str, Any], hint: str) -> None:
    with FakeModel(Reply("", error=said)) as fake, pytest.raises(PipelineError) as error:
        ask(fake)
    assert said["message"] in str(error.value)
    assert hint in error.value.hint
    assert len(fake.requests) == 1


@pytest.mark.parametrize("rejects", [{}, {"stream": REJECTIONS["stream"]}])
def test_a_web_page_instead_of_a_model_is_told(rejects: dict[str, str]) -> None:
    page = Reply(page="<html>Welcome to the router</html>")
    with (
        FakeModel(page, rejects=rejects) as fake,
        pytest.raises(ModelUnavailable, match="text/html") as error,
    ):
        ask(fake)
    assert "OPENAI_BASE_URL" in error.value.hint


def test_a_server_that_reads_only_a_part_of_the_prompt_is_told(caplog: pytest.LogCaptureFixture) -> None:
    long = Prompt("plan.a", "", "word " * 10_000, "Plan.")
    with FakeModel(Reply(usage={"prompt_tokens": 2048}), Reply()) as fake:
        ask(fake, long)
        assert "counted 2048 tokens in a prompt of about 12501" in caplog.text
        caplog.clear()
        ask(fake, long)
        assert caplog.text == ""


def test_a_server_of_ones_own_needs_no_key() -> None:
    with FakeModel(Reply("hello")) as fake:
        asked = Endpoint(OpenAIServer(None, fake.url), model="llama3")
        assert asked.answer(PROMPT, Budget(None), [].append).text == "hello"
        asked.close()


@pytest.mark.parametrize("url", ["not a url", "http://[::1", "ftp:/x"])
def test_a_base_url_that_is_none(url: str) -> None:
    with pytest.raises(ModelUnavailable):
        Endpoint(OpenAIServer(None, url), model="m").answer(PROMPT, Budget(None), [].append)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, error={"message": f"Incorrect API key provided: {KEY}"}),
        Reply(status=503, error={"message": f"upstream says no to {KEY}"}),
        Reply("It begins", error={"message": f"no {KEY}"}),
        Reply("", refusal=f"I do not like {KEY}"),
        Reply(drops_after=-1),
    ],
)
def test_the_key_is_in_no_error_and_no_log(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pipeline")
    with FakeModel(reply) as fake, endpoint(fake) as asked:
        with pytest.raises(PipelineError) as error:
            asked.answer(PROMPT, Budget(None), [].append)
        assert KEY not in "".join(traceback.format_exception(error.value))
        assert KEY not in repr(error.value) + error.value.hint + repr(asked) + repr(
            vars(asked).get("_client")
        )
        assert error.value.__context__ is None
    assert KEY not in caplog.text


def test_cancelling_takes_effect_while_the_server_is_silent() -> None:
    with FakeModel(Reply("It begins and then", hangs_after=1)) as fake, pytest.raises(Cancelled):
        ask(fake, cancelled=fake.hanging.is_set)


@pytest.mark.parametrize("retry_after", ["3600", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_cancelling_takes_effect_while_waiting_as_long_as_the_server_asks(
    retry_after: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused = threading.Event()

    def refuse(_: dict[str, Any]) -> Reply:
        refused.set()
        return Reply(status=429, error={"message": "slow down"}, headers={"Retry-After": retry_after})

    with FakeModel(refuse) as fake, pytest.raises(Cancelled):
        ask(fake, cancelled=refused.is_set, patience=Patience())
    assert len(fake.requests) == 1
    assert "Next try in 60 s" in caplog.text


def test_a_time_to_wait_that_no_calendar_has_is_as_if_it_were_not_there() -> None:
    busy = Reply(
        status=429,
        error={"message": "slow down"},
        headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 +9999999999999999"},
    )
    with FakeModel(busy, Reply("Yes.")) as fake:
        assert ask(fake).text == "Yes."


def test_a_cancelled_request_lets_go_of_the_server() -> None:
    with FakeModel(Reply("It begins and then", hangs_after=1)) as fake:
        with pytest.raises(Cancelled):
            ask(fake, cancelled=fake.hanging.is_set, patience=Patience())
        for listener in [thread for thread in threading.enumerate() if "listening" in thread.name]:
            listener.join(20)
            assert not listener.is_alive()


@pytest.mark.parametrize(
    ("failures", "retry_after", "least", "most"),
    [
        (1, None, 0.5, 1),
        (3, None, 2, 4),
        (30, None, 30, 60),
        (1, 7.0, 7, 8),
        (1, 3600.0, 60, 60),
        (5, 0.0, 0, 1),
    ],
)
def test_the_delay_doubles_with_jitter_and_obeys_the_server_within_bounds(
    failures: int, retry_after: float | None, least: float, most: float
) -> None:
    delays = [Patience().delay(failures, retry_after) for _ in range(200)]
    assert least <= min(delays) <= max(delays) <= most
    assert len(set(delays)) > 1 or least == most
