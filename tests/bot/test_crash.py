"""Whatever breaks on the way: in the end one comment, one branch, one pull request, one check run.

The matrix is made from a run in which nothing breaks: every call on GitHub, the model, arXiv and Docker times
every way to fail, and every step times a `kill -9` before and after it, a lost PostgreSQL and a locked SQLite.
A full disk is not in it: what a step did is lost there, so the job may only fail, and says so if it still can.
PAPER2CODE_TEST_CRASH=all runs all of it, else a spread.
"""

import json
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import sqlalchemy
from docker import from_env
from pydantic import SecretStr
from sqlalchemy import event as events

from bot import composition
from bot.action import Inline
from bot.engine import Engine
from bot.github import GitHub
from bot.intake import read
from bot.jobs import Job, Request, Steps
from bot.review import judging
from bot.tools import Tools
from bot.worker import Worker, reproducer
from pipeline.arxiv import Arxiv
from sandbox.docker import DockerSandbox
from sandbox.interface import Sandbox
from settings import Settings
from tests.bot.conftest import judge, make, until
from tests.bot.test_end_to_end import TEX
from tests.bot.test_revising import BRANCH, DIRECTORY, employ, log, opened
from tests.bot.test_worker import job
from tests.conftest import available
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.docker import MOMENTS, BreakingDocker, Moment, breaking_docker
from tests.fakes.github.server import FakeGitHub
from tests.fakes.model import FakeModel, Reply
from tests.pipeline.plans import recording

T = TypeVar("T")
BOT = "paper2code[bot]"
CALLS = [
    ("POST", "/access_tokens$"),
    ("GET", "/permission$"),
    ("GET", "/contents/"),
    ("POST", "/reactions$"),
    ("GET", "/app$"),
    ("GET", "/users/"),
    ("GET", "/issues/1/comments$"),
    ("POST", "/issues/1/comments$"),
    ("PATCH", "/issues/comments/"),
    ("GET", "/repos/[^/]+/[^/]+$"),
    ("GET", "/info/refs$"),
    ("POST", "/git-upload-pack$"),
    ("POST", "/git-receive-pack$"),
    ("GET", "/pulls$"),
    ("POST", "/pulls$"),
    ("POST", "/labels$"),
    ("GET", "/check-runs$"),
    ("POST", "/check-runs$"),
    ("GET", "/reviews$"),
    ("POST", "/reviews$"),
]
REVISION_CALLS = [
    ("POST", "/access_tokens$"),
    ("GET", "/permission$"),
    ("GET", "/contents/"),
    ("GET", "/app$"),
    ("GET", "/users/"),
    ("GET", "/repos/[^/]+/[^/]+$"),
    ("GET", "/pulls/1000$"),
    ("GET", "/pulls/1000/comments$"),
    ("POST", "/pulls/comments/[0-9]+/reactions$"),
    ("POST", "/pulls/1000/comments/[0-9]+/replies$"),
    ("PATCH", "/pulls/comments/"),
    ("GET", "/info/refs$"),
    ("POST", "/git-upload-pack$"),
    ("POST", "/git-receive-pack$"),
    ("GET", "/check-runs$"),
    ("POST", "/check-runs$"),
]
FAULTS = [(502, False), (502, True), (None, False), (None, True)]
TASKS = {
    "read the paper": "plan.overview",
    "list the requirements": "plan.requirements",
    "design the architecture": "plan.architecture",
    "design the logic": "plan.logic",
    "write the configuration": "plan.config",
    "think these files": "analysis",
    "write `estimator.py`": "code.estimator.py",
    "write `main.py`": "code.main.py",
    "audit the code": "audit",
    "judge the repository": "judge.1",
}
DOCKER_CALLS = {
    "GET /version": 1,
    "GET /_ping": 1,
    "GET /images/*/json": 3,
    "GET /info": 1,
    "POST /containers/create": 6,
    "GET /containers/*/json": 6,
    "POST /containers/*/attach": 6,
    "POST /containers/*/start": 6,
    "DELETE /containers/*": 6,
}
"""How often each is made: by two phases of two runs, the question for the platform, and a room never used."""
OPINION = {"critiques": [], "score": 5}
STEPS = ["answer", "announce", "reproduce", "push", "deliver", "review"]
REVISION_STEPS = ["answer", "announce", "read", "revise", "push", "reply"]


def spread(cases: list[T], every: int) -> list[T]:
    return cases if os.environ.get("PAPER2CODE_TEST_CRASH") == "all" else cases[::every]


def step(name: str, function: Callable[[], T]) -> T:
    return function()


def answer(body: dict[str, Any]) -> Reply:
    """What the recording has for the task, in whatever order tasks come."""
    (task,) = re.findall("^# Task: (.*)$", body["messages"][-1]["content"], re.MULTILINE)
    (stage,) = (stage for words, stage in TASKS.items() if words in task)
    return Reply((recording() | {"judge.1": json.dumps(OPINION)})[stage])


def test_the_calls_below_are_those_that_a_job_makes(hub: FakeGitHub, worker: Worker) -> None:
    asked = read("issue_comment", hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762"))
    assert asked
    ledger = Inline()
    worker.answer(asked, step, ledger)
    worker.fulfil(ledger.jobs[0], step, ledger)
    for exchange in hub.exchanges:
        assert any(m == exchange.method and re.search(p, exchange.path) for m, p in CALLS), exchange


@pytest.mark.parametrize(
    ("method", "path", "status", "carried_out"),
    spread([(*call, *fault) for call in CALLS for fault in FAULTS], 5),
)
def test_each_call_may_fail(
    hub: FakeGitHub,
    github: GitHub,
    tmp_path: Path,
    method: str,
    path: str,
    status: int | None,
    carried_out: bool,
) -> None:
    worker = Worker(github, make, tmp_path, waits=(0, 0, 0), seconds_between_edits=0.01, judge=judge)
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    asked = read("issue_comment", event)
    assert asked
    hub.fail(method, path, status, times=2, carried_out=carried_out)
    ledger = Inline()
    worker.answer(asked, step, ledger)
    for each in {each.id: each for each in ledger.jobs}.values():
        worker.fulfil(each, step, ledger)
    assert_delivered_once(hub)


def carried_out(
    hub: FakeGitHub,
    github: GitHub,
    folder: Path,
    model: FakeModel,
    *troubles: str,
    sandbox: Sandbox | None = None,
) -> None:
    """A job of the real pipeline."""
    folder.mkdir(exist_ok=True)
    settings = Settings(
        data_dir=folder, openai_api_key=SecretStr("sk-test"), openai_base_url=model.url, concurrency=1
    )
    paper = Submission("2401.00001", "Means of Things", source=one_file(TEX))
    asked = job(paper="2401.00001")
    hub.open_issue("A", "")
    with fake_arxiv(paper) as arxiv:
        arxiv.troubles = list(troubles)
        client = Arxiv(arxiv.url, arxiv.url, folder / "arxiv", interval=0)

        @contextmanager
        def toolbox(job: Job, out: Path, cancelled: Callable[[], bool]) -> Iterator[Tools]:
            with composition.llm(settings, out, resume=True, cancelled=cancelled) as llm:
                yield Tools(client, llm, sandbox)

        worker = Worker(
            github,
            reproducer(toolbox, settings),
            folder,
            waits=(0,),
            seconds_between_edits=0.05,
            judge=judging(toolbox),
        )
        ledger = Inline()
        ledger.submit(asked)
        worker.fulfil(asked, step, ledger)
    assert_delivered_once(hub)


DROPS = [
    Reply(drops_after=-1),
    Reply(drops_after=2),
    Reply(status=503, error={"message": "overloaded"}),
    Reply(error={"message": "The server had an error"}),
]


@pytest.mark.parametrize(
    ("call", "fault"),
    spread([(call, fault) for call in range(len(TASKS)) for fault in range(len(DROPS))], 7),
)
def test_the_model_may_fail_at_each_call(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, call: int, fault: int
) -> None:
    with FakeModel(*[answer] * call, DROPS[fault], answer) as model:
        carried_out(hub, github, tmp_path / "data", model)
        assert len(model.requests) == len(TASKS) + 1


@pytest.mark.parametrize(
    ("call", "trouble"),
    spread([(call, each) for call in range(3) for each in ("503", "429", "drop", "truncated")], 4),
)
def test_arxiv_may_fail_at_each_call(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, call: int, trouble: str
) -> None:
    with FakeModel(answer) as model:
        carried_out(hub, github, tmp_path / "data", model, *[""] * call, trouble)


def carried_out_in_docker(
    hub: FakeGitHub,
    github: GitHub,
    packages: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    docker: BreakingDocker,
) -> None:
    """A job of the real pipeline whose code runs; every model call is paid once, and no container is left."""
    available("docker")
    data, name = folder / "data", secrets.token_hex()
    data.mkdir()
    (data / "packages").symlink_to(packages, target_is_directory=True)
    client = from_env()
    monkeypatch.setenv("DOCKER_HOST", docker.address)
    sandbox = DockerSandbox(job=name)
    try:
        with FakeModel(answer) as model:
            carried_out(hub, github, data, model, sandbox=sandbox)
            assert len(model.requests) == len(TASKS)
    finally:
        sandbox.close()
    ours = {"label": f"paper2code.job={name}"}
    assert not client.containers.list(all=True, filters=ours)
    assert not client.volumes.list(filters=ours)
    client.close()


@pytest.mark.docker
def test_the_calls_on_docker_are_those_that_a_job_makes(
    hub: FakeGitHub, github: GitHub, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with breaking_docker(tmp_path) as docker:
        carried_out_in_docker(hub, github, packages, tmp_path, monkeypatch, docker)
    assert dict(docker.calls) == DOCKER_CALLS


DOCKER_DROPS: list[tuple[str, int, Moment]] = [
    (call, number, moment)
    for call, count in DOCKER_CALLS.items()
    for number in range(count)
    for moment in MOMENTS
    if moment != "during" or call.endswith("attach")
]


@pytest.mark.docker
@pytest.mark.parametrize(("call", "number", "moment"), spread(DOCKER_DROPS, 13))
def test_docker_may_fail_at_each_call(
    hub: FakeGitHub,
    github: GitHub,
    packages: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    moment: Moment,
) -> None:
    with breaking_docker(tmp_path) as docker:
        docker.cut(call, number, moment)
        carried_out_in_docker(hub, github, packages, tmp_path, monkeypatch, docker)
    assert docker.cuts == 1


class Troubled(Engine):
    """Whose database gets into trouble after a step, once."""

    step: str
    trouble: Callable[[], None]
    happened = False

    @contextmanager
    def _holding(self) -> Iterator[Steps]:
        with super()._holding() as steps:

            def troubled(name: str, step: Callable[[], T]) -> T:
                def stepping() -> T:
                    result = step()
                    if name == self.step and not self.happened:
                        self.happened = True
                        self.trouble()
                    return result

                return steps(name, stepping)

            yield troubled  # type: ignore[misc]


def carried_out_in_trouble(
    hub: FakeGitHub, github: GitHub, folder: Path, database: str, name: str, trouble: Callable[[], None]
) -> None:
    """A job whose database gets into trouble after the step `name`."""
    engine = Troubled(database, dead_after=3)
    engine.step, engine.trouble = name, trouble
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    asked = read("issue_comment", event)
    assert asked
    engine.ask(asked)
    worker = Worker(github, make, folder, waits=(0,), seconds_between_edits=0.05, judge=judge)
    with engine.working(worker):
        until(lambda: any(record.outcome for record in engine.latest()), 100)
    (record,) = engine.latest()
    engine.close()
    assert engine.happened
    assert record.state == "done"
    assert_delivered_once(hub)


@pytest.mark.parametrize("name", spread(STEPS, 2))
def test_the_database_may_drop_every_connection_at_any_step(
    hub: FakeGitHub, github: GitHub, postgresql: str, tmp_path: Path, name: str
) -> None:
    carried_out_in_trouble(hub, github, tmp_path, postgresql, name, lambda: drop_connections(postgresql))


@pytest.mark.parametrize("name", spread(STEPS, 3))
def test_a_file_as_database_may_be_locked_at_any_step(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, name: str
) -> None:
    refused = list[str]()

    def refuse(cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")) and len(refused) < 3:
            refused.append(statement)
            raise sqlite3.OperationalError("database is locked")

    def trouble() -> None:
        events.listen(sqlalchemy.Engine, "do_execute", refuse)

    try:
        carried_out_in_trouble(hub, github, tmp_path, f"sqlite:///{tmp_path}/jobs.sqlite", name, trouble)
    finally:
        events.remove(sqlalchemy.Engine, "do_execute", refuse)
    assert len(refused) == 3


def drop_connections(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def assert_delivered_once(hub: FakeGitHub) -> None:
    (comment,) = hub.comments_by(BOT)
    (pull,) = hub.state.pulls.values()
    (check,) = hub.state.checks
    assert f"#{pull['number']}" in comment["body"]
    assert sorted(hub.refs()) == ["main", pull["head"]]
    (review,) = hub.state.reviews
    assert review["commit_id"] == check["head_sha"]
    assert review["html_url"] in comment["body"]
    assert check["head_sha"] == hub.refs()[pull["head"]]
    assert hub.state.labels[pull["number"]] == ["paper2code"]


@pytest.mark.parametrize(
    ("name", "moment"), spread([(name, moment) for name in STEPS for moment in ("before", "after")], 4)
)
def test_a_worker_may_be_killed_at_any_step(
    hub: FakeGitHub, database: str, tmp_path: Path, name: str, moment: str
) -> None:
    engine = Engine(database)
    try:
        event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
        asked = read("issue_comment", event)
        assert asked
        engine.ask(asked)
        with hired(hub, database, tmp_path, name, moment) as first:
            assert first.wait(200) == -signal.SIGKILL
        with hired(hub, database, tmp_path):
            until(lambda: any(record.outcome for record in engine.latest()), 200)
        (record,) = engine.latest()
        assert record.outcome and record.outcome.state == "done"
        assert_delivered_once(hub)
        if (name, moment) == ("reproduce", "before") or name in ("answer", "announce"):
            assert (tmp_path / "paid").read_text() == "x"
    finally:
        engine.close()


def asked_at_a_line(hub: FakeGitHub, github: GitHub, folder: Path) -> Request:
    """A request in a pull request that we have delivered; the calls of the delivery are forgotten."""
    pull = opened(hub, github, folder)
    hub.exchanges.clear()
    event = hub.remark_event(pull, "/paper2code revise Say so.", path=f"{DIRECTORY}/main.py")
    asked = read("pull_request_review_comment", event)
    assert asked
    return asked


def test_the_calls_of_a_revision_are_those_that_it_makes(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    asked, ledger, worker = asked_at_a_line(hub, github, tmp_path), Inline(), employ(github, tmp_path)
    worker.answer(asked, step, ledger)
    worker.fulfil(ledger.jobs[0], step, ledger)
    for exchange in hub.exchanges:
        assert any(m == exchange.method and re.search(p, exchange.path) for m, p in REVISION_CALLS), exchange


@pytest.mark.parametrize(
    ("method", "path", "status", "carried_out"),
    spread([(*call, *fault) for call in REVISION_CALLS for fault in FAULTS], 5),
)
def test_each_call_of_a_revision_may_fail(
    hub: FakeGitHub,
    github: GitHub,
    tmp_path: Path,
    method: str,
    path: str,
    status: int | None,
    carried_out: bool,
) -> None:
    asked, ledger, worker = asked_at_a_line(hub, github, tmp_path), Inline(), employ(github, tmp_path)
    hub.fail(method, path, status, times=2, carried_out=carried_out)
    worker.answer(asked, step, ledger)
    for each in {each.id: each for each in ledger.jobs}.values():
        worker.fulfil(each, step, ledger)
    assert_revised_once(hub)


def assert_revised_once(hub: FakeGitHub) -> None:
    (reply,) = hub.remarks_by(BOT)
    sha = hub.refs()[BRANCH]
    assert f"Done in {sha}" in reply["body"]
    assert log(hub).count("Revise: Say so.") == 1
    assert [check["head_sha"] for check in hub.state.checks].count(sha) == 1
    assert len(hub.state.checks) == 2


@pytest.mark.parametrize(
    ("name", "moment"),
    spread([(name, moment) for name in REVISION_STEPS for moment in ("before", "after")], 4),
)
def test_a_worker_may_be_killed_at_any_step_of_a_revision(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path, name: str, moment: str
) -> None:
    engine = Engine(database)
    try:
        engine.ask(asked_at_a_line(hub, github, tmp_path))
        with hired(hub, database, tmp_path, name, moment) as first:
            assert first.wait(200) == -signal.SIGKILL
        with hired(hub, database, tmp_path):
            until(lambda: any(record.outcome for record in engine.latest()), 200)
        (record,) = engine.latest()
        assert record.outcome and record.outcome.state == "done"
        assert_revised_once(hub)
    finally:
        engine.close()


@contextmanager
def hired(hub: FakeGitHub, database: str, folder: Path, *kill: str) -> "Iterator[subprocess.Popen[bytes]]":
    key = folder / "key.pem"
    key.write_text(hub.private_key)
    root = Path(__file__).parents[2]
    program = Path(__file__).with_name("mortal_worker.py")
    command = [sys.executable, program, folder, key, database, hub.api_url, hub.url, *kill]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(root)}, cwd=root) as process:
        try:
            yield process
        finally:
            process.kill()
