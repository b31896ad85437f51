"""From no App to one that is served, without a restart; closed to strangers at every point."""

import html
import json
import logging
import os
import re
import stat
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from app import create_app
from bot.github.credentials import PERMISSIONS
from bot.web import setup
from settings import APP_FILE, SettingsError, load
from tests.bot.web.test_webhook import ASKING, send
from tests.fakes.github.server import FakeGitHub
from tests.fakes.serving import serving

TOKEN = "open-sesame-please"
ADMITTED = ("anybody", TOKEN)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hub: FakeGitHub) -> None:
    for name in os.environ:
        if name.startswith(("PAPER2CODE_", "OPENAI_", "ANTHROPIC_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PAPER2CODE_DASHBOARD_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_API_URL", hub.api_url)
    monkeypatch.setenv("GITHUB_SERVER_URL", hub.url)


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


def begun(client: FlaskClient, **query: str) -> tuple[str, str, dict[str, Any]]:
    """The page's form: where it goes, its state, the manifest."""
    page = client.get("/setup", query_string=query, auth=ADMITTED)
    assert page.status_code == 200
    (action,) = re.findall(r'<form action="([^"]+)" method="post">', page.text)
    (manifest,) = re.findall(r'name="manifest" value="([^"]+)"', page.text)
    address, _, state = html.unescape(action).partition("?state=")
    return address, state, json.loads(html.unescape(manifest))


def returned(client: FlaskClient, state: str, code: str = "good") -> TestResponse:
    return client.get("/setup/callback", query_string={"state": state, "code": code}, auth=ADMITTED)


def test_the_form_goes_to_github_with_what_the_app_needs(client: FlaskClient, hub: FakeGitHub) -> None:
    action, _, manifest = begun(client, address="https://bot.example.org/")
    assert action == f"{hub.url}/settings/apps/new"
    assert manifest["hook_attributes"] == {"url": "https://bot.example.org/webhook", "active": True}
    assert manifest["redirect_url"] == "https://bot.example.org/setup/callback"
    assert manifest["default_permissions"] == PERMISSIONS
    assert not manifest["public"]
    action, _, _ = begun(client, organization="octo-org")
    assert action == f"{hub.url}/organizations/octo-org/settings/apps/new"


@pytest.mark.parametrize(
    "query",
    [{"address": "javascript:alert(1)"}, {"address": 'https://x/"><script>'}, {"organization": "../evil"}],
)
def test_nothing_odd_gets_into_the_form(client: FlaskClient, query: dict[str, str]) -> None:
    page = client.get("/setup", query_string=query, auth=ADMITTED)
    assert page.status_code == 400
    assert "<script>" not in page.text and 'method="post"' not in page.text


def test_the_app_is_served_as_soon_as_github_has_made_it(
    client: FlaskClient, hub: FakeGitHub, tmp_path: Path
) -> None:
    assert client.post("/webhook").status_code == client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    done = returned(client, begun(client)[1])
    assert done.status_code == 200
    file = tmp_path / "data" / APP_FILE
    assert str(file) in done.text and "/installations/new" in done.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load()
    assert settings.github_app_id == 4711
    secret, key = settings.github_webhook_secret, settings.github_app_private_key
    assert secret and key and key.get_secret_value() == hub.private_key
    for hidden in (secret.get_secret_value(), "PRIVATE KEY"):
        assert hidden not in done.text
    assert client.get("/readyz").status_code == 200
    assert send(client, "issue_comment", ASKING).status_code == 401  # signed with another secret
    assert client.get("/setup", auth=ADMITTED).status_code == 404
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".github-app")] == []


def test_strangers_see_and_do_nothing(client: FlaskClient, tmp_path: Path) -> None:
    state = begun(client)[1]
    for path in ("/setup", f"/setup/callback?code=good&state={state}"):
        for given in (None, ("anybody", ""), ("anybody", "open-sesame")):
            assert client.get(path, auth=given).status_code == 401
    assert not (tmp_path / "data" / APP_FILE).exists()


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(client: FlaskClient, tmp_path: Path) -> None:
    assert returned(client, "").status_code == 403
    begun(client)
    assert returned(client, "another").status_code == 403
    stranger = create_app().test_client()
    assert returned(stranger, begun(client)[1]).status_code == 403
    assert not (tmp_path / "data" / APP_FILE).exists()


@pytest.mark.parametrize(("code", "status"), [("", 400), ("a/../b", 400), ("expired", 502)])
def test_a_code_that_is_none(client: FlaskClient, tmp_path: Path, code: str, status: int) -> None:
    assert returned(client, begun(client)[1], code).status_code == status
    assert not (tmp_path / "data" / APP_FILE).exists()


GOOD = {
    "id": 1,
    "pem": "-----BEGIN PRIVATE KEY-----",
    "webhook_secret": "s",
    "html_url": "https://github.com/apps/x",
}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 50_000,
        *(
            json.dumps(GOOD | wrong).encode()
            for wrong in (
                {"id": "../x"},
                {"id": -1},
                {"pem": None},
                {"pem": "no key"},
                {"webhook_secret": None},
                {"webhook_secret": ""},
                {"html_url": "javascript:alert(1)"},
                {"client_secret": {}},
            )
        ),
        b'{"id": 1, "pem": "' + b"a" * 2**21,
        None,
    ],
)
def test_an_answer_of_githubs_that_cannot_be_used_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes | None
) -> None:
    monkeypatch.setattr(setup, "_SECONDS", 1.0)

    class GitHub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(201)
            self.end_headers()
            with suppress(OSError):
                while said is None:  # without an end
                    self.wfile.write(b" ")
                self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(GitHub) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        client = create_app().test_client()
        failed = returned(client, begun(client)[1])

    assert failed.status_code == 502
    assert "GitHub's answer" in html.unescape(failed.text)
    assert not (tmp_path / "data" / APP_FILE).exists()


@pytest.mark.parametrize("umask", [0, 0o077])
def test_only_their_owner_reads_the_credentials_whatever_the_umask(
    client: FlaskClient, tmp_path: Path, umask: int
) -> None:
    (tmp_path / "data").mkdir(exist_ok=True, mode=0o777)
    before = os.umask(umask)
    try:
        assert returned(client, begun(client)[1]).status_code == 200
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data" / APP_FILE).stat().st_mode) == 0o600


def test_of_two_set_ups_the_later_one_of_a_browser_counts(client: FlaskClient, tmp_path: Path) -> None:
    first, second = begun(client)[1], begun(client)[1]
    assert returned(client, first).status_code == 403
    assert returned(client, second).status_code == 200
    assert returned(client, second).status_code == 404


def test_credentials_are_never_written_over(client: FlaskClient, tmp_path: Path) -> None:
    made = {"id": 1, "pem": "k", "webhook_secret": "s", "html_url": "u"}
    setup.keep(tmp_path / "data", made)
    with pytest.raises(FileExistsError):
        setup.keep(tmp_path / "data", made | {"id": 2})
    assert json.loads((tmp_path / "data" / APP_FILE).read_text())["id"] == 1
    assert [path.name for path in (tmp_path / "data").glob("*github-app*")] == [APP_FILE]


def test_without_a_dashboard_the_log_has_the_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PAPER2CODE_DASHBOARD_TOKEN")
    with caplog.at_level(logging.WARNING):
        client = create_app().test_client()
    (token,) = re.findall(r"password (\S+)$", caplog.text, re.MULTILINE)
    assert client.get("/setup", auth=("anybody", "")).status_code == 401
    assert client.get("/setup", auth=("anybody", token)).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_APP_ID", "4711"),
        ("GITHUB_WEBHOOK_SECRET", "secret"),
        ("GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_where_something_is_configured_nothing_is_set_up(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    try:
        client = create_app().test_client()
    except SettingsError as error:
        assert "GITHUB_WEBHOOK_SECRET is not set" in str(error)
    else:
        assert client.get("/setup", auth=ADMITTED).status_code == 404


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setup.keep(
        tmp_path / "data", {"id": 1, "pem": "PRIVATE KEY-----", "webhook_secret": "s", "html_url": "u"}
    )
    assert load().github_app_id == 1
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "mine")
    settings = load()
    assert (settings.github_app_id, settings.github_webhook_secret) == (None, SecretStr("mine"))


def test_a_file_that_is_not_ours_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / APP_FILE).write_text("{}")
    with pytest.raises(SettingsError, match=APP_FILE) as refused:
        load()
    assert "backup" in refused.value.hint


def test_credentials_that_cannot_be_used_are_told_of_and_not_a_traceback(
    client: FlaskClient, tmp_path: Path
) -> None:
    (tmp_path / "data" / APP_FILE).write_text("{}")
    for _ in range(2):
        answer = client.get("/healthz")
        assert answer.status_code == 503 and APP_FILE in answer.text and "backup" in answer.text


def test_what_the_database_lacks_is_found_before_an_app_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.jobs.engine.sqlite_lacks", lambda: "jobs in a file need another SQLite")
    with pytest.raises(SettingsError, match="need another SQLite"):
        create_app()


@pytest.mark.parametrize(
    ("address", "foreign"),
    [("http://localhost", False), ("http://localhost/", False), ("https://evil.example", True)],
)
def test_an_address_that_is_not_the_requests_is_shown_as_such(
    client: FlaskClient, address: str, foreign: bool
) -> None:
    page = client.get("/setup", query_string={"address": address}, auth=ADMITTED)

    assert ("not the address at which you opened this page" in page.text) is foreign


@pytest.mark.parametrize(
    ("host", "query", "foreign", "elsewhere"),
    [
        ("https://bot.example.org", {}, False, False),
        (
            "http://bot.example.org",
            {},
            False,
            False,
        ),  # as it comes from a web server with TLS before this one
        ("https://evil.example", {}, False, True),
        ("https://bot.example.org", {"address": "https://evil.example"}, True, False),
        ("https://evil.example", {"address": "https://evil.example"}, True, True),
    ],
)
def test_the_configured_address_goes_before_what_a_request_says(
    monkeypatch: pytest.MonkeyPatch, host: str, query: dict[str, str], foreign: bool, elsewhere: bool
) -> None:
    monkeypatch.setenv("PAPER2CODE_PUBLIC_URL", "https://bot.example.org/")
    client = create_app().test_client()

    page = client.get("/setup", query_string=query, base_url=host, auth=ADMITTED)

    (manifest,) = re.findall(r'name="manifest" value="([^"]+)"', page.text)
    told = json.loads(html.unescape(manifest))
    assert told["hook_attributes"]["url"] == f"{query.get('address', 'https://bot.example.org')}/webhook"
    assert (
        "not the address that PAPER2CODE_PUBLIC_URL names (https://bot.example.org)" in page.text
    ) is foreign
    assert ("You opened this page at evil.example" in page.text) is elsewhere
