"""Whatever a server sends: an answer, or an error in words, soon, and what was paid is written down."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BudgetReached, ModelUnavailable, PipelineError
from pipeline.model.budget import Budget
from pipeline.model.chat import Chat
from pipeline.model.endpoint import _MOST_WRITTEN, _SLACK, Answer, Endpoint
from pipeline.model.llm import Prompt, Usage
from pipeline.model.messages import Messages
from pipeline.model.prices import price_of
from pipeline.model.protocol import Format
from pipeline.model.responses import Responses
from pipeline.model.session import Terms, open_llm
from pipeline.model.stream import Patience
from tests.fakes.model import FakeModel, Reply

PROMPT = Prompt("code", "You write.", "The paper.", "Write.")
IMPATIENT = Patience(first_token=5, idle=5, backoff=0, longest=0, tries=3, silent_tries=2, continuations=2)
FORMATS: tuple[Format, ...] = (Chat(), Responses(), Messages())


class Sender:
    """A server that answers every request with the same bytes."""

    host, secret, key_name, url_name = "sender", "", "OPENAI_API_KEY", "OPENAI_BASE_URL"

    def __init__(self, format_: Format, chunks: Iterator[bytes] | list[bytes]) -> None:
        self._format = format_
        self._chunks = chunks
        self.requests = 0

    def format(self, without: frozenset[str]) -> Format:
        return Chat() if "responses" in without else self._format

    @contextmanager
    def open(self, format_: Format, body: dict[str, Any]) -> Iterator[httpx2.Response]:
        self.requests += 1
        yield httpx2.Response(200, content=iter(self._chunks))

    def close(self) -> None:
        pass


def outcome(sender: Sender, patience: Patience = IMPATIENT) -> tuple[Answer | PipelineError, list[Usage]]:
    bills: list[Usage] = []
    endpoint = Endpoint(sender, model="m", reasoning_effort="high", patience=patience)
    try:
        return endpoint.answer(PROMPT, Budget(None), bills.append), bills
    except PipelineError as error:
        return error, bills


NAMES = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "text",
        "type",
        "role",
        "index",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "cached_tokens",
        "error",
        "code",
        "object",
        "model",
        "refusal",
        "reasoning_content",
        "response",
        "status",
        "output",
        "incomplete_details",
        "reason",
        "input_tokens",
        "output_tokens",
        "input_tokens_details",
        "cache_write_tokens",
        "content_block",
        "stop_reason",
        "stop_details",
        "explanation",
        "thinking",
        "cache_read_input_tokens",
        "detail",
    ]
)
WORDS = st.sampled_from(
    [
        "stop",
        "length",
        "content_filter",
        "error",
        "text",
        "thinking",
        "message",
        "message_start",
        "message_delta",
        "content_block_start",
        "content_block_delta",
        "text_delta",
        "thinking_delta",
        "end_turn",
        "max_tokens",
        "refusal",
        "response",
        "response.completed",
        "response.incomplete",
        "response.output_text.delta",
        "response.output_item.added",
        "completed",
        "incomplete",
        "chat.completion",
        "chat.completion.chunk",
        "output_text",
        "</think>",
        "<think>",
        "400",
        "\ud800",
        "\udcff",
    ]
)
GIANT = st.builds(lambda sign, digits: sign * 10**digits, st.sampled_from([1, -1]), st.integers(300, 4299))
"""Larger than a float can be; Python reads no longer ones."""
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | GIANT
    | st.floats()
    | WORDS
    | st.text(max_size=9)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
EVENTS = st.dictionaries(NAMES, VALUES, max_size=6)


def sane(result: Answer | PipelineError, bills: list[Usage]) -> None:
    if isinstance(result, Answer):
        result.text.encode()
        result.model.encode()
    else:
        str(result).encode()
        assert str(result).endswith((".", "…"))
        assert "defect" not in str(result)
    for bill in bills:
        assert 0 <= bill.cached_tokens + bill.written_tokens <= bill.input_tokens <= 100_000
        assert 0 <= bill.output_tokens <= 1_000_000


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: type(each).__name__)
@given(events=st.lists(EVENTS, max_size=5), done=st.booleans())
def test_any_stream_gives_an_answer_or_an_error_in_words(
    format_: Format, events: list[Any], done: bool
) -> None:
    sent = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + (
        "data: [DONE]\n\n" if done else ""
    )
    sender = Sender(format_, [sent.encode()])
    began = time.monotonic()
    sane(*outcome(sender))
    assert sender.requests <= 8
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: type(each).__name__)
@given(body=VALUES | EVENTS)
def test_any_json_gives_an_answer_or_an_error_in_words(format_: Format, body: Any) -> None:
    sane(*outcome(Sender(format_, [json.dumps(body).encode()])))


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: type(each).__name__)
@given(
    chunks=st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n", b"\n\n", b"{", b"}"]), max_size=9
    )
)
def test_any_bytes_give_an_answer_or_an_error_in_words(format_: Format, chunks: list[bytes]) -> None:
    sane(*outcome(Sender(format_, chunks)))


def repeated(chunk: bytes) -> Iterator[bytes]:
    while True:
        yield chunk


TOKEN = json.dumps(
    {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "a" * 60_000}}]}
)


@pytest.mark.parametrize(
    "chunk",
    [
        f"data: {TOKEN}\n\n".encode(),
        b"data: " + b"A" * 100_000,
        b"{" + b" " * 100_000,
        b"[" * 100_000,
    ],
)
def test_an_answer_without_end_is_left(chunk: bytes) -> None:
    sender = Sender(Chat(), repeated(chunk))
    result, _ = outcome(sender)
    assert isinstance(result, ModelUnavailable)
    assert "no end" in str(result)
    assert sender.requests == 1


def test_an_answer_that_drips_for_ever_is_left_and_paid_for() -> None:
    dripping = f"data: {TOKEN.replace('a' * 60_000, 'a')}\n\n".encode()

    def slow() -> Iterator[bytes]:
        while True:
            time.sleep(0.001)
            yield dripping

    result, bills = outcome(Sender(Chat(), slow()), Patience(whole=0.2))
    assert isinstance(result, ModelUnavailable)
    assert "no end" in str(result)
    assert bills[0].estimated


@pytest.mark.parametrize(
    "deep",
    [b"[" * 100_000 + b"]" * 100_000, b'data: {"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n"],
)
def test_what_is_nested_without_end_is_no_answer(deep: bytes) -> None:
    result, _ = outcome(Sender(Chat(), [deep]))
    assert "not JSON" in str(result)


def completion(text: str, **usage: Any) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return json.dumps(
        {"object": "chat.completion", "model": "m\ud800", "choices": [choice], "usage": usage}
    ).encode()


def test_halves_of_characters_are_mended_before_anything_is_written_down(tmp_path: Path) -> None:
    halves = Reply("a \ud800 b \ud83d\ude00")
    with (
        FakeModel(halves) as fake,
        open_llm(
            Terms("m", base_url=fake.url),
            reasoning_effort=None,
            journal=tmp_path / "journal.jsonl",
            resume=False,
        ) as llm,
    ):
        assert llm.complete(PROMPT).text == "a \ufffd b 😀"
    [line] = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert json.loads(line)["completion"] == "a \ufffd b 😀"


@pytest.mark.parametrize(
    ("usage", "estimated"),
    [
        ({"prompt_tokens": -(10**9), "completion_tokens": -5, "total_tokens": -(10**9)}, True),
        ({"prompt_tokens": 10**15, "completion_tokens": 10}, True),
        ({"prompt_tokens": 10, "completion_tokens": 10**15}, True),
        ({"prompt_tokens": "many", "completion_tokens": [1]}, True),
        ({"prompt_tokens": 1e308, "completion_tokens": 1.5, "total_tokens": float("nan")}, True),
        (
            {"prompt_tokens": 10, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 99}},
            False,
        ),
    ],
)
def test_figures_that_cannot_be_are_not_believed(usage: dict[str, Any], estimated: bool) -> None:
    result, [bill] = outcome(Sender(Chat(), [completion("x" * 28, **usage)]))
    assert isinstance(result, Answer)
    assert bill.estimated is estimated
    assert bill.output_tokens == 7
    assert bill.cached_tokens <= bill.input_tokens <= len("You write.The paper.Write.")


COUNTS = st.none() | st.dictionaries(
    st.sampled_from(
        [
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "input_tokens",
            "output_tokens",
            "input_tokens_details",
            "cached_tokens",
            "cache_write_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ]
    ),
    st.integers(-(10**19), 10**19)
    | GIANT
    | st.integers(0, 60_000)
    | st.floats()
    | st.text(max_size=5)
    | st.dictionaries(
        st.sampled_from(["cached_tokens", "cache_write_tokens"]), st.integers(-9, 10**9) | GIANT | st.floats()
    ),
)


@pytest.mark.parametrize("said", [10**400, -(10**400), 10**4299, float("inf")], ids=range(4))
@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: type(each).__name__)
def test_a_count_that_no_float_can_be_is_estimated(format_: Format, said: float) -> None:
    names = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
    for absurd in names:
        usage = dict.fromkeys(names, 1) | {absurd: said}
        result, [bill] = outcome(Sender(format_, [counting(format_, usage)]))
        assert isinstance(result, Answer) and result.text == "Yes."
        assert 0 <= bill.input_tokens < 50 and 0 <= bill.output_tokens < 50
    both = dict.fromkeys(names, said)
    _, [bill] = outcome(Sender(format_, [counting(format_, both)]))
    assert bill.estimated


def counting(format_: Format, usage: Any) -> bytes:
    """A whole answer with this usage."""
    said: dict[str, Any] = {"model": "m", "usage": usage}
    if isinstance(format_, Chat):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}
        said |= {"object": "chat.completion", "choices": [choice]}
    elif isinstance(format_, Responses):
        content = [{"type": "output_text", "text": "Yes.", "annotations": []}]
        message = {"type": "message", "role": "assistant", "content": content}
        said |= {"object": "response", "status": "completed", "output": [message]}
    else:
        said |= {"type": "message", "role": "assistant", "stop_reason": "end_turn"}
        said |= {"content": [{"type": "text", "text": "Yes."}]}
    return json.dumps(said).encode()


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: type(each).__name__)
@given(counted=st.lists(COUNTS, min_size=1, max_size=12), cap=st.floats(0.05, 3))
def test_no_count_of_any_server_raises_the_cap(format_: Format, counted: list[Any], cap: float) -> None:
    price = price_of("gpt-6.2-sol")
    assert price
    budget = Budget(price, cap)
    worst = price.most(len("You write.The paper.Write.") + _SLACK, _MOST_WRITTEN)
    bills: list[Usage] = []
    for usage in counted:
        before, asked = budget.spent, len(bills)
        sender = Sender(format_, [counting(format_, usage)])
        endpoint = Endpoint(sender, model="m", patience=IMPATIENT)
        try:
            assert endpoint.answer(PROMPT, budget, bills.append).text == "Yes."
        except BudgetReached:
            assert sender.requests == 0
        assert before <= budget.spent <= cap + worst
        assert before < cap or len(bills) == asked
    assert all(bill.usd is not None and 0 <= bill.usd <= worst for bill in bills)
    assert budget.spent == pytest.approx(sum(bill.usd or 0 for bill in bills))
