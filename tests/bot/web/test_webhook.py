import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from bot.jobs.engine import Engine
from bot.web.webhook import create_app, create_blueprint, signed
from settings import Settings
from tests.bot.conftest import SECRET
from tests.bot.intake.test_intake import payload


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(create_blueprint(SecretStr(SECRET), engine))
    return app.test_client()


def send(client: FlaskClient, event: str, body: bytes, **headers: str) -> Any:
    known = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "1",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    wanted = known | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/webhook", data=body, headers={n: v for n, v in wanted.items() if v})


ASKING = json.dumps(payload("issue_comment", "created", body="/paper2code arxiv:1706.03762")).encode()


def test_githubs_own_example_of_a_signature() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signed(SECRET.encode(), b"Hello, World!", expected)
    assert not signed(SECRET.encode(), b"Hello, World?", expected)


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=é"])
def test_what_is_not_signed_is_refused_and_not_stored(
    client: FlaskClient, engine: Engine, signature: str
) -> None:
    answer = send(client, "issue_comment", ASKING, X_Hub_Signature_256=signature)
    assert answer.status_code == 401
    assert engine.pending() == 0


def test_a_request_is_stored_once_however_often_it_is_delivered(client: FlaskClient, engine: Engine) -> None:
    answers = [send(client, "issue_comment", ASKING, X_GitHub_Delivery=str(n)) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert engine.pending() == 1


@pytest.mark.parametrize("event", ["ping", "star", "installation", "push", "pull_request", "issues"])
def test_other_events_are_taken_and_forgotten(client: FlaskClient, engine: Engine, event: str) -> None:
    answer = send(client, event, b'{"action": "created", "sender": {"type": "User"}}')
    assert (answer.status_code, answer.data) == (204, b"")
    assert engine.pending() == 0


@pytest.mark.parametrize(
    ("event", "body", "headers", "status"),
    [
        ("issue_comment", b"payload=%7B%7D", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ("issue_comment", b"not json", {}, 400),
        ("issue_comment", b"[]", {}, 400),
        ("", b"{}", {}, 400),
        ("issue_comment", b'{"action": "created", "sender": {"type": "User"}}', {}, 400),
        ("issue_comment", b'{"action": "created", "sender": 1}', {}, 400),
        ("issue_comment", b'{"action": ["created"], "sender": {}}', {}, 400),
    ],
)
def test_what_github_does_not_send(
    client: FlaskClient, event: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = send(client, event, body, **headers)
    assert answer.status_code == status
    assert answer.json["message"]


def test_a_body_larger_than_github_sends_is_not_read(client: FlaskClient) -> None:
    assert send(client, "issues", b" " * (25 * 2**20 + 1)).status_code == 413


def test_there_is_no_unsigned_mode(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no unsigned mode"):
        create_app(Settings(data_dir=tmp_path))


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ok"}


def test_a_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """`==` would tell by its time how much of a guess is right; time is nothing to measure in a test."""
    compared = []
    monkeypatch.setattr("bot.web.webhook.hmac.compare_digest", lambda *pair: compared.append(pair))
    signed(SECRET.encode(), b"Hello, World!", "sha256=guess")
    assert [pair[1] for pair in compared] == [b"sha256=guess"]


def test_what_cannot_be_stored_is_not_accepted(client: FlaskClient, engine: Engine, database: str) -> None:
    """GitHub has it as failed then, and is asked for it once more."""
    other = sqlalchemy.create_engine(sqlalchemy.make_url(database))
    if other.dialect.name != "sqlite":
        other = sqlalchemy.create_engine(other.url.set(drivername="postgresql+psycopg"))
    schema = "" if other.dialect.name == "sqlite" else "dbos."
    with other.begin() as connection:
        connection.execute(sqlalchemy.text(f"ALTER TABLE {schema}workflow_status RENAME TO away"))
    answer = send(client, "issue_comment", ASKING)
    assert (answer.status_code, bool(answer.json["message"])) == (503, True)
    with other.begin() as connection:
        connection.execute(sqlalchemy.text(f"ALTER TABLE {schema}away RENAME TO workflow_status"))
    other.dispose()
    assert send(client, "issue_comment", ASKING).status_code == 202
    assert engine.pending() == 1


def test_202_says_that_it_is_stored(client: FlaskClient, engine: Engine) -> None:
    assert send(client, "issue_comment", ASKING).status_code == 202
    assert engine.pending() == 1
