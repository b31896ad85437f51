"""A fake GitHub whose every exchange is held against GitHub's own description, and jobs without a model."""

import dataclasses
import hashlib
import hmac
import http.client
import json
import logging
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from pydantic import SecretStr
from werkzeug.serving import make_server

from bot.github.branch import Snapshot
from bot.github.credentials import AppCredentials
from bot.github.github import GitHub
from bot.intake.jobs import Job, Place
from bot.jobs.engine import Engine
from bot.jobs.watch import Watch
from bot.web.webhook import create_blueprint
from bot.work.worker import Worker
from pipeline.progress import STAGES, Progress
from pipeline.proving.documents import EXECUTION
from pipeline.proving.scoring import Critique, Judgement
from pipeline.reading.paper import Paper
from pipeline.record import Commit
from pipeline.reproduce import Reproduction
from pipeline.revision import Asked, Proposal, Revision
from tests.fakes.contract import Contract
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID, INSTALLATION, NAME, OWNER, REPOSITORY_ID
from tests.fakes.postgres import postgres

SECRET = "It's a Secret to Everybody"
PLACE = Place(f"{OWNER}/{NAME}", REPOSITORY_ID, 1, INSTALLATION)
_REPOSITORY = "/repos/{owner}/{repo}"
_PATHS = [
    "/app",
    "/app-manifests/{code}/conversions",
    "/app/hook/deliveries",
    "/app/installations",
    "/app/hook/deliveries/{delivery_id}/attempts",
    "/app/installations/{installation_id}/access_tokens",
    "/user",
    "/user/installations",
    "/user/installations/{installation_id}/repositories",
    "/users/{username}",
    _REPOSITORY,
    f"{_REPOSITORY}/contents/{{path}}",
    f"{_REPOSITORY}/collaborators/{{username}}/permission",
    f"{_REPOSITORY}/issues/{{issue_number}}",
    f"{_REPOSITORY}/issues/{{issue_number}}/comments",
    f"{_REPOSITORY}/issues/comments/{{comment_id}}",
    f"{_REPOSITORY}/issues/comments/{{comment_id}}/reactions",
    f"{_REPOSITORY}/issues/{{issue_number}}/reactions",
    f"{_REPOSITORY}/issues/{{issue_number}}/labels",
    f"{_REPOSITORY}/pulls",
    f"{_REPOSITORY}/pulls/{{pull_number}}",
    f"{_REPOSITORY}/pulls/{{pull_number}}/reviews",
    f"{_REPOSITORY}/pulls/{{pull_number}}/comments",
    f"{_REPOSITORY}/pulls/{{pull_number}}/comments/{{comment_id}}/replies",
    f"{_REPOSITORY}/pulls/comments/{{comment_id}}",
    f"{_REPOSITORY}/pulls/comments/{{comment_id}}/reactions",
    f"{_REPOSITORY}/actions/artifacts",
    f"{_REPOSITORY}/actions/artifacts/{{artifact_id}}/{{archive_format}}",
    f"{_REPOSITORY}/commits/{{ref}}/check-runs",
    f"{_REPOSITORY}/check-runs",
    f"{_REPOSITORY}/check-runs/{{check_run_id}}",
]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(_PATHS)


@pytest.fixture
def hub(tmp_path: Path, contract: Contract) -> Iterator[FakeGitHub]:
    """The fake; at the end of the test every exchange must be as GitHub describes it."""
    with FakeGitHub(tmp_path / "github") as fake:
        yield fake
    for exchange in fake.exchanges:
        contract.check(exchange)


@pytest.fixture
def github(hub: FakeGitHub) -> GitHub:
    """Our adapter, as the App."""
    credentials = AppCredentials(APP_ID, hub.private_key)
    return GitHub(credentials, hub.api_url, hub.url, seconds_between_writes=0)


def make(job: Job, out: Path, watch: Watch) -> Reproduction:
    """A reproduction without a model: every stage happens, the code runs."""
    for stage in STAGES:
        watch(Progress(stage, "started", usd=0.1))
        watch(Progress(stage, "finished", usd=0.2))
    return reproduction(job.paper)


JUDGEMENT = Judgement(
    2.5,
    (
        Critique("main.py", 1, 1, "high", "The paper computes attention [Eq1]; this greets @alice.", "R1"),
        Critique("reproduce.sh", 1, 1, "low", "No seed is set; fixes #1 | `x`"),
    ),
    (2, 3),
    dropped=1,
    model="o3-mini",
    usd=0.04,
)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgres() as url:
        yield url


def revise(job: Job, seen: Snapshot, wanted: Asked | Proposal, out: Path, watch: Watch) -> Revision:
    """A revision without a model: the request becomes the program's last line."""
    watch(Progress("run", "advanced", "smoke run: passed", usd=0.03))
    if isinstance(wanted, Asked):
        text = f"{seen.files['main.py']}# {wanted.request}\n"
        wanted = Proposal(
            seen.files | {"main.py": text}, f"I wrote it down.\n\nAt {wanted.path or 'the end'}."
        )
    return revised(seen, wanted)


def revised(seen: Snapshot, proposal: Proposal, **changes: Any) -> Revision:
    """What came of a proposal that runs."""
    made = Revision(
        files=proposal.files,
        documents={},
        answer=proposal.answer,
        remedies=(),
        failure="",
        status="runs",
        ran_before=None,
        worse=False,
        report=report(),
        changed=tuple(sorted(path for path, text in proposal.files.items() if seen.files.get(path) != text)),
        lost=(),
        calls=1,
        usd=0.03,
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture
def postgresql(server: str) -> Iterator[str]:
    """A fresh database of it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def of_bytes(server: str) -> Iterator[str]:
    """A fresh database that knows no characters, as `initdb` makes one where no language is set."""
    name = f"test_{uuid.uuid4().hex}"
    ascii_only = "CREATE DATABASE {} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(ascii_only).format(sql.Identifier(name)))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh one of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.sqlite"
    return str(request.getfixturevalue("postgresql"))


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = Engine(database)
    yield engine
    engine.close()


@pytest.fixture
def port(engine: Engine) -> Iterator[int]:
    """Where webhooks are taken."""
    app = Flask(__name__)
    app.register_blueprint(create_blueprint(SecretStr(SECRET), engine))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def logs_restored() -> Iterator[None]:
    """Whatever a test starts, the log is what it was afterwards."""
    root, dbos = logging.getLogger(), logging.getLogger("dbos")
    before = root.handlers[:], root.level, dbos.handlers[:], dbos.propagate
    yield
    root.handlers[:], root.level, dbos.handlers[:], dbos.propagate = before
    for name in ("bot", "pipeline", "sandbox", "paper2code"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def worker(github: GitHub, tmp_path: Path) -> Worker:
    return Worker(github, make, tmp_path / "data", waits=(0, 0, 0), seconds_between_edits=0.05)


def reproduction(paper: str = "1706.03762", status: Any = "runs", **changes: Any) -> Reproduction:
    """Small, and valid against the schema."""
    files = {"README.md": "# Attention\n", "main.py": "print('hello')\n", "reproduce.sh": "python3 main.py\n"}
    files[EXECUTION] = json.dumps({"paper": {"arxiv_id": paper.partition("v")[0]}})
    plan = Commit("Plan", "The plan.", {"README.md": files["README.md"]})
    code = Commit("Write the code", "From the plan.", files)
    return Reproduction(
        paper=Paper(
            title="Attention Is All You Need",
            authors=("Ashish Vaswani", "Noam Shazeer", "Niki Parmar", "Jakob Uszkoreit"),
            abstract="",
            sections=(),
            references=(),
            source="latex",
            arxiv_id=paper.partition("v")[0],
            version=None,
            published=date(2017, 6, 12),
        ),
        status=status,
        commits=(plan, code),
        report=report(status=status, **changes),
        slug="attention",
        judgement=JUDGEMENT,
    )


def figures(count: int, left_out: int = 0, caption: str = "Figure 1: Loss.") -> dict[str, Any]:
    """Part of a report."""
    return {
        "mode": "smoke",
        "earlier": False,
        "shown": [
            {"file": f"docs/figures/Fig{n}.png", "anchor": f"Fig{n}" if n == 1 else "", "caption": caption,
             "width": 40, "height": 30, "bytes": 99, "scaled": n == 2}
            for n in range(1, count + 1)
        ],
        "left_out": [{"name": caption[:60], "why": "it is no PNG"}] * left_out,
        "beyond": 3,
    }  # fmt: skip


SHARE = {
    "model": "gpt-6.2-sol",
    "calls": 5,
    "input_tokens": 120_000,
    "cached_tokens": 80_000,
    "written_tokens": 9_000,
    "output_tokens": 20_000,
    "usd": 0.18,
    "estimated": False,
}


def report(status: str = "runs", **changes: Any) -> dict[str, Any]:
    """An execution report."""
    item = {
        "id": "R1",
        "kind": "model",
        "text": "Scale the dot products by the square root of the key dimension",
        "quote": "We suspect that for large values of d_k, the dot products grow large in magnitude",
        "anchor": "S3.2.1",
        "weight": 3,
        "verdict": "implemented",
        "evidence": [
            {"file": "main.py", "start": 1, "end": 1, "symbol": "attention", "executed": 1, "executable": 1}
        ],
        "note": "",
    }
    partial = item | {"id": "R2", "text": "Use label smoothing of 0.1", "anchor": "S5.4", "weight": 1}
    partial |= {
        "verdict": "partial",
        "note": "The value is read, but never used.",
        "evidence": item["evidence"],
    }
    limits = {"seconds": 120, "memory_bytes": 4 * 2**30, "cpus": 2, "pids": 256, "disk_bytes": 2**30}
    attempt = {
        "number": 1,
        "phase": "smoke",
        "command": ["python3", "main.py", "--smoke"],
        "exit_code": 1,
        "seconds": 2.5,
        "timed_out": False,
        "oom": False,
        "signature": "ModuleNotFoundError: No module named 'tqdm'",
        "remedy": "added tqdm to requirements.txt (program)",
        "lines_changed": 1,
        "stdout_tail": "",
        "stderr_tail": "Traceback (most recent call last): …",
    }
    succeeded = attempt | {"number": 2, "exit_code": 0, "signature": None, "remedy": None, "lines_changed": 0}
    return {
        "paper": {"arxiv_id": "1706.03762", "version": None, "title": "Attention Is All You Need"},
        "method": "full",
        "model": "gpt-6.2-sol",
        "models": {
            "planner": SHARE,
            "writer": SHARE | {"calls": 14},
            "auditor": SHARE | {"model": "claude-sonnet-5-5", "calls": 2, "usd": 0.1},
            "judge": SHARE | {"model": "claude-sonnet-5-5", "calls": 0, "usd": 0.0},
        },
        "status": status,
        "mode": "smoke",
        "environment": {
            "sandbox": "docker",
            "image": "paper2code-base",
            "python": "3.11",
            "packages": ["numpy==1.26.4"],
            "limits": limits | {"output_bytes": 65536},
            "notes": [],
        },
        "attempts": [attempt, succeeded],
        "metrics": {"bleu": 0.25},
        "lines": {
            "generated": 240,
            "changed": 1,
            "changed_percent": 0.4,
            "executed": 200,
            "executed_percent": 83.3,
        },
        "requirements": {
            "implemented": 1,
            "partial": 1,
            "missing": 0,
            "deviates": 0,
            "total": 2,
            "refused": 1,
            "items": [item, partial],
        },
        "judge": {
            "score": JUDGEMENT.score,
            "scores": list(JUDGEMENT.scores),
            "critiques": [dataclasses.asdict(critique) for critique in JUDGEMENT.critiques],
            "dropped": JUDGEMENT.dropped,
            "why_not": "",
        },
        "assumptions": [
            {
                "kind": "open question",
                "subject": "training.batch_size",
                "assumption": "64 sentences",
                "why": "The paper gives tokens per batch only.",
            }
        ],
        "usage": {
            "calls": 21,
            "input_tokens": 410_000,
            "cached_tokens": 330_000,
            "output_tokens": 52_000,
            "usd": 0.46,
            "estimated": False,
        },
        "seconds": {"plan": 60.0, "total": 312.0},
        "versions": {"paper2code": "0.1.0"},
    } | changes


def deliver(
    port: int,
    event: str,
    payload: dict[str, Any],
    secret: str = SECRET,
    delivery: str = "d-1",
    tls: ssl.SSLContext | None = None,
) -> tuple[int, Any]:
    """Send a signed webhook as GitHub does; status and JSON of the answer."""
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=tls)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    )
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    try:
        connection.request("POST", "/webhook", body, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if text else None


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for `condition`, which something else brings about."""
    deadline, tick = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        tick.wait(0.05)
