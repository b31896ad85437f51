"""What an endpoint says of its models, and what a person is told of it before anything is paid for."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import SecretStr

from pipeline.errors import ModelUnavailable
from pipeline.model import offered
from pipeline.model.offered import Offer, Service, ask
from tests.fakes.model import FakeModel
from tests.fakes.serving import serving

TODAY = date(2026, 11, 29)
GOOD = {"gpt-6.2-sol": None, "gpt-6.1-sol": None, "text-embedding-9": None, "gpt-5": "2026-12-11"}


def service(url: str, provider: offered.Provider = "openai") -> Service:
    return Service(provider, SecretStr("sk-secret"), url)


@contextmanager
def answering(status: int, body: bytes, seen: dict[str, str] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (seen if seen is not None else {}).update({"path": self.path, **self.headers})
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    with serving(Handler) as url:
        yield url


def said(models: dict[str, str | None], model: str) -> str:
    with FakeModel(models=models) as fake:
        return ask(service(fake.url)).concern(model, TODAY).replace(fake.url, "URL")


def test_a_model_that_is_there_and_stays_is_nothing_to_speak_of() -> None:
    assert said(GOOD, "gpt-6.2-sol") == ""
    assert said({"gpt-6.2-sol-2026-11-20": None}, "gpt-6.2-sol") == ""
    assert said({"llama3:latest": None}, "llama3") == ""
    assert said({"gpt-5": "2027-01-29"}, "gpt-5") == ""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt-5", "gpt-5 ends on 2026-12-11, 12 days from now; URL offers gpt-6.2-sol, gpt-6.1-sol"),
        ("o3-mini", "o3-mini has ended on 2026-10-23; URL offers gpt-6.2-sol, gpt-6.1-sol"),
        ("o3-mini-2025-01-31", "o3-mini-2025-01-31 has ended on 2026-10-23; URL offers gpt-6.2-sol"),
        ("gpt-6.2-sole", "URL does not list gpt-6.2-sole; it offers gpt-6.2-sol, gpt-6.1-sol"),
    ],
)
def test_what_is_not_there_or_ends_is_said_with_its_date_and_what_there_is(model: str, words: str) -> None:
    assert said(GOOD, model).startswith(words)


def test_an_endpoint_whose_models_have_all_ended_offers_none() -> None:
    only = {"o3-mini": "2026-10-23"}
    assert said(only, "o3-mini") == "o3-mini has ended on 2026-10-23; URL offers nothing that stays"
    assert said(only, "gpt-6.2-sol") == "URL does not list gpt-6.2-sol; it offers nothing that stays"


def test_a_server_of_ones_own_knows_best_what_it_serves() -> None:
    assert said({"gpt-4o": None}, "gpt-4o") == ""
    assert Offer(service("http://own/v1"), {}).concern("gpt-4o", TODAY) == ""


@pytest.mark.parametrize("listed", [{}, {"gpt-4o": None, "gpt-6.2-sol": None}])
def test_a_provider_is_held_to_what_it_has_announced(listed: dict[str, date | None]) -> None:
    told = Offer(Service("openai", None, None), listed).concern("gpt-4o", TODAY)
    assert told.startswith(
        "gpt-4o ends on 2027-01-14, 46 days from now; https://api.openai.com/v1 offers gpt-6.2-sol"
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"data": 3}', b'{"data": [{"name": "x"}]}', b'{"data": [3]}', b"[" * 10**5],
)
def test_what_is_no_list_is_none(body: bytes) -> None:
    with answering(200, body) as url:
        offer = ask(service(url))
    assert (offer.models, offer.concern("anything", TODAY)) == ({}, "")
    assert "200" in offer.said


@pytest.mark.parametrize("status", [403, 404, 405, 500, 301])
def test_an_endpoint_need_not_list_its_models(status: int) -> None:
    with answering(status, b"{}") as url:
        assert ask(service(url)).said == f"answers {status} to a list of models"


def test_a_list_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offered, "_LARGEST", 1000)
    with answering(200, b'{"data": []}'.ljust(5000)) as url:
        assert ask(service(url)).models == {}


def test_a_key_that_is_not_accepted_is_final_and_not_shown() -> None:
    with (
        answering(401, b"{}") as url,
        pytest.raises(ModelUnavailable, match="does not accept the key") as error,
    ):
        ask(service(url))
    assert "OPENAI_API_KEY" in error.value.hint
    assert "sk-secret" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize(("provider", "variable"), [("openai", "OPENAI_"), ("anthropic", "ANTHROPIC_")])
def test_an_endpoint_that_cannot_be_reached_is_final_within_seconds(
    provider: offered.Provider, variable: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(ModelUnavailable, match=rf"127\.0\.0\.1:{port}/v1 cannot be reached") as error:
        ask(service(f"http://127.0.0.1:{port}/v1?api-key=hidden", provider))
    assert time.monotonic() - began < 5
    assert f"{variable}BASE_URL" in error.value.hint
    assert "hidden" not in str(error.value)


def test_a_server_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offered, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert ask(service(f"http://127.0.0.1:{port}/v1")).said == "gives no list of models in time"


@pytest.mark.parametrize(
    ("provider", "base", "path"),
    [
        ("openai", "/v1", "/v1/models"),
        ("openai", "/openai/v1/?api-version=preview", "/openai/v1/models?api-version=preview"),
        ("anthropic", "", "/v1/models"),
        ("anthropic", "/v1", "/v1/models"),
        ("anthropic", "/claude/", "/claude/v1/models"),
    ],
)
def test_each_protocol_is_asked_in_its_way(provider: offered.Provider, base: str, path: str) -> None:
    seen: dict[str, str] = {}
    with answering(200, b'{"data": [{"type": "model", "id": "claude-sonnet-5-5"}]}', seen) as url:
        offer = ask(service(f"{url}{base}", provider))
    assert offer.models == {"claude-sonnet-5-5": None}
    assert seen["path"] == path
    key = seen["Authorization"].removeprefix("Bearer ") if provider == "openai" else seen["x-api-key"]
    assert key == "sk-secret"
    assert "?" not in offer.endpoint
