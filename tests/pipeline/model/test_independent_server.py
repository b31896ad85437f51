"""The model client against a server that is not ours, in three protocols: the npm package @copilotkit/aimock.

`npm ci` in tests/ installs it.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from pipeline.errors import ContextOverflow, ModelUnavailable
from pipeline.model.llm import Prompt, Usage
from pipeline.model.servers import OpenAIServer
from pipeline.model.session import Session, Terms, open_llm
from pipeline.model.stream import Patience

AIMOCK = Path(__file__).parents[2] / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
KEY = "a-key-for-tests-only"
MODELS = {"chat": "o3-mini", "responses": "o3-mini", "messages": "claude-sonnet-4"}
OVERFLOW = {
    "message": "This model's maximum context length is 8192 tokens.",
    "code": "context_length_exceeded",
}


def fixture(match: dict[str, Any], response: dict[str, Any], **faults: Any) -> dict[str, Any]:
    return {"match": match, "response": response, **faults}


FIXTURES = [
    fixture({"userMessage": "plain"}, {"content": "Plain text, streamed in pieces."}),
    fixture(
        {"userMessage": "counted"},
        {"content": "x", "usage": {"prompt_tokens": 1200, "completion_tokens": 40, "total_tokens": 1240}},
    ),
    fixture({"userMessage": "thoughtful"}, {"content": "The answer.", "reasoning": "Hm, let me see."}),
    fixture({"userMessage": "busy", "sequenceIndex": 0}, {"error": {"message": "Slow down"}, "status": 429}),
    fixture({"userMessage": "busy", "sequenceIndex": 1}, {"error": {"message": "Down"}, "status": 503}),
    fixture({"userMessage": "busy"}, {"content": "done"}),
    fixture(
        {"userMessage": "torn", "sequenceIndex": 0}, {"content": "x" * 400}, truncateAfterChunks=3, latency=9
    ),
    fixture({"userMessage": "torn"}, {"content": "whole"}),
    fixture(
        {"userMessage": "Plan", "turnIndex": 0},
        {"content": '{"files": ["a.py", ', "finishReason": "length"},
    ),
    fixture({"userMessage": "where you stopped", "turnIndex": 1}, {"content": '"b.py"]}'}),
    fixture({"userMessage": "long"}, {"error": OVERFLOW, "status": 400}),
]


class Plan(BaseModel):
    files: list[str]


@pytest.fixture(scope="module", params=["chat", "responses", "messages"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(protocol: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert AIMOCK.exists(), "run `npm ci` in tests/"
    fixtures = tmp_path_factory.mktemp("aimock") / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
    command = ["node", AIMOCK, "--port", "0", "--fixtures", fixtures, "--strict", "--validate-on-load"]
    environment = {"PATH": os.environ["PATH"], "AIMOCK_API_KEYS": KEY}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as server:
        assert server.stdout
        line = next(line for line in server.stdout if "listening on " in line)
        yield line.split("listening on ")[1].strip() + "/v1"
        # What is installed as `node` starts the real one, and would not take it along.
        os.killpg(server.pid, signal.SIGTERM)


@pytest.fixture
def llm(url: str, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    # It fails at an empty request, so it does not show by itself that it has Responses.
    monkeypatch.setattr(OpenAIServer, "_has_responses", protocol == "responses")
    with opened(url, tmp_path, KEY, MODELS[protocol]) as session:
        yield session


def opened(url: str, folder: Path, key: str, model: str) -> Session:
    return open_llm(
        Terms(
            model,
            api_key=SecretStr(key),
            base_url=url,
            anthropic_api_key=SecretStr(key),
            anthropic_base_url=url.removesuffix("/v1"),
            max_usd=1.0,
        ),
        reasoning_effort="high",
        journal=folder / "journal.jsonl",
        resume=False,
        patience=Patience(backoff=0.001, longest=0.01),
    )


def prompt(task: str, answer: type[BaseModel] | None = None) -> Prompt:
    return Prompt("plan.a", "You plan.", "", task, answer)


def test_streams_text(llm: Session) -> None:
    completion = llm.complete(prompt("plain"))
    assert (completion.text, completion.model) == ("Plain text, streamed in pieces.", llm.model)


def test_counts_as_the_server_does(llm: Session) -> None:
    usage = llm.complete(prompt("counted")).usage
    assert replace(usage, usd=None) == Usage(1, 1200, 0, 40, usd=None)
    assert usage.usd


def test_thoughts_are_not_in_the_answer(llm: Session) -> None:
    assert llm.complete(prompt("thoughtful")).text == "The answer."


def test_outlasts_rate_limits_and_outages(llm: Session) -> None:
    assert llm.complete(prompt("busy")).text == "done"


def test_does_not_take_a_torn_answer_as_whole(llm: Session) -> None:
    completion = llm.complete(prompt("torn"))
    assert completion.text == "whole"
    assert completion.usage.calls == 2


def test_joins_a_structured_answer_that_was_cut_off(llm: Session) -> None:
    text = llm.complete(prompt("Plan it.", Plan)).text
    assert Plan.model_validate_json(text) == Plan(files=["a.py", "b.py"])


def test_tells_a_prompt_that_is_too_long(llm: Session) -> None:
    with pytest.raises(ContextOverflow, match="8192"):
        llm.complete(prompt("long"))


def test_a_wrong_key(url: str, protocol: str, tmp_path: Path) -> None:
    with (
        opened(url, tmp_path, "wrong-key", MODELS[protocol]) as llm,
        pytest.raises(ModelUnavailable, match="401") as error,
    ):
        llm.complete(prompt("plain"))
    assert ("ANTHROPIC_API_KEY" if protocol == "messages" else "OPENAI_API_KEY") in error.value.hint
