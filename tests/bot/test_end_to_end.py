"""A signed webhook in, a pull request out: real HTTP, real git, a real database."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from werkzeug.serving import make_server

from bot.engine import Engine
from bot.webhook import create_blueprint
from bot.worker import Worker
from tests.bot.conftest import SECRET, deliver, report, until
from tests.fakes.github import FakeGitHub

BOT = "paper2code[bot]"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(f"sqlite:///{tmp_path}/jobs.sqlite")
    yield engine
    engine.close()


@pytest.fixture
def port(engine: Engine) -> Iterator[int]:
    app = Flask(__name__)
    app.register_blueprint(create_blueprint(SecretStr(SECRET), engine))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_report_used_here_is_one() -> None:
    schema = json.loads(Path("pipeline/execution-report.schema.json").read_text())
    Draft202012Validator(schema).validate(report())


def test_a_comment_becomes_a_pull_request(hub: FakeGitHub, engine: Engine, port: int, worker: Worker) -> None:
    issue = hub.open_issue("Implement attention", "Please.")
    event = hub.comment_event(issue, "/paper2code arxiv:1706.03762 max_usd=2")
    assert deliver(port, "issue_comment", event)[0] == 202
    assert deliver(port, "issue_comment", event)[0] == 202  # GitHub may deliver twice
    with engine.working(worker):
        until(lambda: any(record.outcome for record in engine.latest()))
    (record,) = engine.latest()
    assert record.state == "done", record
    assert [reaction["content"] for reaction in hub.state.reactions] == ["eyes"]
    (comment,) = hub.comments_by(BOT)
    (pull,) = hub.state.pulls.values()
    assert f"#{pull['number']}" in comment["body"]
    assert pull["head"] == "paper2code/1706.03762-1"
    assert not pull["draft"]
    assert "Refs #1" in pull["body"]
    sha = hub.refs()["paper2code/1706.03762-1"]
    shown = subprocess.run(
        ["git", "-C", hub.git, "show", f"{sha}:papers/1706.03762-attention/main.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout == "print('hello')\n"
    (check,) = hub.state.checks
    assert (check["head_sha"], check["conclusion"]) == (sha, "success")
    assert hub.state.labels[pull["number"]] == ["paper2code"]
    assert {token.permissions.get("contents") for token in hub.tokens.values()} == {"write"}
