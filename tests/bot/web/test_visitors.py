"""Who may see which jobs, and who may steer them: operators by the token, people as GitHub lets them read."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from bot.intake.jobs import Offer, Outcome, Record
from bot.intake.progress import Board
from bot.jobs.engine import Engine, database_url
from bot.jobs.sessions import Session, Sessions
from bot.web.webhook import create_app
from settings import Settings
from tests.bot.conftest import PLACE
from tests.bot.web.gallery import TOKEN, where_people_sign_in
from tests.bot.work.test_worker import job
from tests.fakes.github.server import FakeGitHub

MINE, ELSEWHERE = "123456-1-aaaaaaaaaaaa", "777-1-bbbbbbbbbbbb"
HTML = {"Accept": "text/html"}


@pytest.fixture
def settings(tmp_path: Path, hub: FakeGitHub) -> Settings:
    return where_people_sign_in(tmp_path, hub)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """With a job in the repository that people know, and one in a private one that the App has lost."""
    engine = Engine(database_url(settings))
    engine.submit(job(id=MINE))
    engine.submit(
        job(id=ELSEWHERE, place=replace(PLACE, repository="others/secret", repository_id=777, private=True))
    )
    yield engine
    engine.close()


@pytest.fixture
def client(settings: Settings, engine: Engine) -> FlaskClient:
    return create_app(settings, engine).test_client()


def granted(client: FlaskClient, after: str = "/") -> dict[str, str]:
    """The query with which GitHub sends the browser back, once the person has allowed it."""
    begun = client.get("/login", query_string={"next": after})
    assert begun.status_code == 302
    asked = httpx.get(begun.headers["Location"])
    action = re.findall('name="([^"]+)" value="([^"]*)"', asked.text)
    answer = httpx.get(f"{begun.headers['Location'].partition('authorize')[0]}granted", params=dict(action))
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def signed_in(client: FlaskClient, after: str = "/") -> TestResponse:
    return client.get("/login/callback", query_string=granted(client, after))


def word(page: str) -> str:
    """That a page's forms carry."""
    return re.findall('name="word" value="([0-9a-f]+)"', page)[0]


def test_a_stranger_is_offered_to_sign_in_and_sees_nothing(client: FlaskClient) -> None:
    page = client.get(f"/jobs/{MINE}", headers=HTML)
    assert page.status_code == 401 and "1706.03762" not in page.text
    assert f"/login?next=/jobs/{MINE}" in page.text
    assert "WWW-Authenticate" not in page.headers  # a browser would ask for a password at once
    told = client.get("/", headers={"Accept": "application/json"})
    assert (told.status_code, list(told.json or {})) == (401, ["message"])


def test_who_signs_in_sees_what_they_can_read_at_github(client: FlaskClient, hub: FakeGitHub) -> None:
    hub.state.private = True
    answer = signed_in(client, f"/jobs/{MINE}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/jobs/{MINE}")
    page = client.get("/")
    assert MINE in page.text and ELSEWHERE not in page.text and "alice" in page.text
    assert client.get(f"/jobs/{MINE}").status_code == 200
    assert client.get(f"/jobs/{ELSEWHERE}").status_code == 404
    assert client.get("/metrics").status_code == 403
    listed = client.get("/", headers={"Accept": "application/json"}).json or {}
    assert [each["id"] for each in listed["jobs"]] == [MINE] and listed["tally"]["jobs"] == 1


def test_a_private_repository_is_not_there_for_others(client: FlaskClient, hub: FakeGitHub) -> None:
    hub.state.private, hub.state.browsing = True, "mallory"
    signed_in(client)
    assert client.get(f"/jobs/{MINE}").status_code == 404
    assert client.get(f"/jobs/{MINE}/events").status_code == 404
    assert "Nobody has asked" in client.get("/").text


def test_everybody_who_signs_in_may_look_at_a_public_one_but_not_steer(
    client: FlaskClient, hub: FakeGitHub, engine: Engine
) -> None:
    hub.state.browsing = "mallory"
    signed_in(client)
    page = client.get(f"/jobs/{MINE}")
    assert page.status_code == 200 and "Cancel" not in page.text
    refused = client.post(f"/jobs/{MINE}/cancel", data={"word": word(page.text)})
    assert refused.status_code == 403 and engine.pending() == 0


def test_a_button_asks_as_a_comment_does(client: FlaskClient, engine: Engine) -> None:
    signed_in(client)
    page = client.get(f"/jobs/{MINE}")
    asked = client.post(f"/jobs/{MINE}/cancel", data={"word": word(page.text)})
    assert asked.status_code == 303 and asked.headers["Location"].startswith(f"/jobs/{MINE}")
    assert engine.pending() == 1
    assert client.post(f"/jobs/{MINE}/retry", data={"word": word(page.text)}).status_code == 409


def test_a_plan_is_approved_on_its_page_by_people_alone(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = Offer(1000, "### The plan", (), (), datetime.now(UTC))
    waiting = Record(job(id=MINE), "waiting", Board(), Outcome("waiting", usd=0.2, offer=offer))
    monkeypatch.setattr(engine, "record", lambda _: waiting)
    told = client.post(f"/jobs/{MINE}/approve", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.status_code == 403 and "under your name" in told.text and engine.pending() == 0
    signed_in(client)
    page = client.get(f"/jobs/{MINE}")
    assert "/issues/1#issuecomment-1000" in page.text and "Approve the plan" in page.text
    given = {"word": word(page.text)}
    assert client.post(f"/jobs/{MINE}/retry", data=given).status_code == 409
    assert client.post(f"/jobs/{MINE}/approve", data=given).status_code == 303
    assert engine.pending() == 1
    monkeypatch.setattr(engine, "record", lambda _: replace(waiting, state="running"))
    assert client.post(f"/jobs/{MINE}/approve", data=given).status_code == 409


@pytest.mark.parametrize("given", ["", "0" * 64])
def test_a_form_of_another_site_does_nothing(client: FlaskClient, engine: Engine, given: str) -> None:
    signed_in(client)
    assert client.post(f"/jobs/{MINE}/cancel", data={"word": given}).status_code == 403
    assert client.post("/logout", data={"word": given}).status_code == 403
    basic = client.post(f"/jobs/{MINE}/cancel", auth=("anybody", TOKEN), data={"word": given})
    assert basic.status_code == 403 and engine.pending() == 0
    assert client.get("/").status_code == 200


def test_an_operator_stops_a_job_at_once(client: FlaskClient, engine: Engine) -> None:
    entered = client.post("/login", data={"token": TOKEN, "next": f"/jobs/{ELSEWHERE}"})
    assert entered.headers["Location"] == f"/jobs/{ELSEWHERE}"
    page = client.get(f"/jobs/{ELSEWHERE}")
    client.post(f"/jobs/{ELSEWHERE}/cancel", data={"word": word(page.text)})
    record = engine.record(ELSEWHERE)
    assert record and record.stopping
    assert "asked it to stop" in client.get(f"/jobs/{ELSEWHERE}").text


def test_an_operators_retry_is_answered_by_who_knows_todays_configuration(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Record(job(id=ELSEWHERE), "failed", Board(), Outcome("failed"))
    monkeypatch.setattr(engine, "record", lambda _: failed)
    told = client.post(f"/jobs/{ELSEWHERE}/retry", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.status_code == 303 and engine.pending() == 1


@pytest.mark.parametrize("token", [SecretStr("another-one"), None])
def test_an_operators_session_ends_with_the_token_that_opened_it(
    client: FlaskClient, engine: Engine, settings: Settings, token: SecretStr | None
) -> None:
    client.post("/login", data={"token": TOKEN})
    cookie = client.get_cookie("paper2code")
    assert cookie and client.get("/").status_code == 200
    later = create_app(settings.model_copy(update={"dashboard_token": token}), engine).test_client()
    later.set_cookie("paper2code", cookie.value)
    assert later.get("/", headers=HTML).status_code == 401


def test_a_script_needs_no_word_of_a_form(client: FlaskClient, engine: Engine) -> None:
    asked = client.post(f"/jobs/{MINE}/cancel", headers={"Authorization": f"Bearer {TOKEN}"})
    record = engine.record(MINE)
    assert asked.status_code == 303 and record and record.stopping


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(client: FlaskClient) -> None:
    signed_in(client)
    cookie = client.get_cookie("paper2code")
    assert cookie and cookie.http_only and cookie.same_site == "Lax" and not cookie.secure
    client.post("/logout", data={"word": word(client.get("/").text)})
    client.set_cookie("paper2code", cookie.value)
    assert client.get("/", headers=HTML).status_code == 401


def test_cookies_stay_on_https_where_there_is_https(client: FlaskClient) -> None:
    begun = client.get("/login", base_url="https://bot.example.org")
    (kept,) = begun.headers.getlist("Set-Cookie")
    assert kept.startswith("__Host-paper2code-login=") and "; Secure" in kept and "; HttpOnly" in kept


def test_a_sign_in_that_was_not_begun_here_is_refused(client: FlaskClient) -> None:
    query = granted(client)
    for forged in ({"state": "another"}, {"state": ""}):
        assert client.get("/login/callback", query_string=query | forged).status_code == 403
    client.delete_cookie("paper2code-login")
    assert client.get("/login/callback", query_string=query).status_code == 403
    assert client.get("/", headers=HTML).status_code == 401


def test_a_code_is_good_for_one_time(client: FlaskClient) -> None:
    query = granted(client)
    kept = client.get_cookie("paper2code-login")
    assert client.get("/login/callback", query_string=query).status_code == 303
    assert kept
    client.set_cookie("paper2code-login", kept.value)
    again = client.get("/login/callback", query_string=query)
    assert again.status_code == 403 and "did not take the code" in again.text


def test_who_refuses_at_github_is_told(client: FlaskClient) -> None:
    query = {"state": granted(client)["state"], "error": "access_denied"}
    assert "did not allow it" in client.get("/login/callback", query_string=query).text


@pytest.mark.parametrize(
    "after", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:1", ""]
)
def test_after_signing_in_nobody_is_sent_elsewhere(client: FlaskClient, after: str) -> None:
    assert signed_in(client, after).headers["Location"] == "/"


def test_what_was_taken_from_somebody_is_gone_once_github_is_asked_again(
    client: FlaskClient, hub: FakeGitHub, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    hub.state.private = True
    del hub.state.permissions["alice"]
    monkeypatch.setattr("bot.web.visitors._FRESH", -1.0)
    assert client.get(f"/jobs/{MINE}").status_code == 404
    for token in hub.tokens.values():
        token.revoked = True
    assert client.get("/", headers=HTML).status_code == 401


def test_where_github_is_away_what_it_said_last_holds_for_a_while(
    client: FlaskClient, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    monkeypatch.setattr("bot.web.visitors._FRESH", -1.0)
    hub.fail("GET", "/user/installations", 502, times=2)
    assert client.get(f"/jobs/{MINE}").status_code == 200
    monkeypatch.setattr("bot.web.visitors._STALE", -1.0)
    assert client.get(f"/jobs/{MINE}").status_code == 503


def test_the_database_alone_opens_no_session(engine: Engine, settings: Settings) -> None:
    key = Sessions(engine._database).open(Session("alice", 2, "ghu_very-secret", {1: True}, 5.0))
    assert Sessions(engine._database).get(key) == Session("alice", 2, "ghu_very-secret", {1: True}, 5.0)
    kept = b"".join(file.read_bytes() for file in settings.data_dir.glob("jobs.sqlite*"))
    assert b"ghu_very-secret" not in kept and key.encode() not in kept
    assert Sessions(engine._database).get("another") is None
