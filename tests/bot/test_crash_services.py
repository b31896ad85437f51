"""The crash matrix for what a job needs besides GitHub: the model, arXiv, Docker, the database.

A database that is locked, full or lost for a moment changes nothing; one that is full for longer is said on GitHub,
and the job goes on where it could no longer record, once there is room.
"""

import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from docker import from_env
from pydantic import SecretStr
from sqlalchemy import event as events

from bot.commandline import composition
from bot.github.github import GitHub
from bot.intake.jobs import Job, Steps
from bot.jobs.database import Unreachable
from bot.jobs.engine import Engine
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.tools import Tools
from bot.work.worker import Worker, reproducer
from pipeline.reading.arxiv import Arxiv
from sandbox.docker import DockerSandbox
from sandbox.interface import Sandbox
from settings import Settings
from tests.bot.conftest import make, until
from tests.bot.crash import (
    BOT,
    STEPS,
    TASKS,
    UNRUN,
    T,
    answer,
    asked_in_an_issue,
    assert_delivered_once,
    spread,
    step,
)
from tests.bot.test_end_to_end import TEX
from tests.bot.work.test_worker import job
from tests.conftest import available
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.docker import MOMENTS, BreakingDocker, Moment, breaking_docker
from tests.fakes.github.server import FakeGitHub
from tests.fakes.model import FakeModel, Reply

DOCKER_CALLS = {
    "GET /version": 1,
    "GET /_ping": 1,
    "GET /images/*/json": 2,
    "GET /info": 1,
    "POST /containers/create": 7,
    "GET /containers/*/json": 7,
    "POST /containers/*/attach": 7,
    "POST /containers/*/start": 7,
    "DELETE /containers/*": 7,
}
"""How often each is made: by two phases of a run, the use of what runs, its estimate, the question for the platform,
and two rooms never used.

Where the base image is our own, one more image is asked for.
"""


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
        def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
            with composition.llm(settings, out, resume=True, cancelled=watch.cancelled) as llm:
                yield Tools(client, llm, sandbox)

        worker = Worker(
            github,
            reproducer(toolbox, settings),
            folder,
            waits=(0,),
            seconds_between_edits=0.05,
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
    spread([(call, fault) for call in range(UNRUN) for fault in range(len(DROPS))], 19),
)
def test_the_model_may_fail_at_each_call(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, call: int, fault: int
) -> None:
    with FakeModel(*[answer] * call, DROPS[fault], answer) as model:
        carried_out(hub, github, tmp_path / "data", model)
        assert len(model.requests) == UNRUN + 1


@pytest.mark.parametrize(
    ("call", "trouble"),
    spread([(call, each) for call in range(3) for each in ("503", "429", "drop", "truncated")], 5),
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
    assert docker.calls - Counter(DOCKER_CALLS) <= Counter({"GET /images/*/json": 1})
    assert docker.calls >= Counter(DOCKER_CALLS)


DOCKER_DROPS: list[tuple[str, int, Moment]] = [
    (call, number, moment)
    for call, count in DOCKER_CALLS.items()
    for number in range(count)
    for moment in MOMENTS
    if moment != "during" or call.endswith("attach")
]


@pytest.mark.docker
@pytest.mark.parametrize(("call", "number", "moment"), spread(DOCKER_DROPS, 59))
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
    hub: FakeGitHub,
    github: GitHub,
    folder: Path,
    database: str,
    name: str,
    trouble: Callable[[], None],
    meanwhile: Callable[[Troubled], None] = lambda engine: None,
) -> None:
    """A job whose database gets into trouble after the step `name`."""
    engine = Troubled(database, dead_after=3)
    engine.step, engine.trouble = name, trouble

    def ended() -> bool:
        meanwhile(engine)
        with suppress(Unreachable):  # our own question may be what the trouble meets
            return any(record.outcome for record in engine.latest())
        return False

    worker = Worker(github, make, folder, waits=(0,), seconds_between_edits=0.05)
    with closing(engine):
        engine.ask(asked_in_an_issue(hub))
        with engine.working(worker):
            until(ended, 100)
        (record,) = engine.latest()
    assert engine.happened
    assert record.state == "done"
    assert_delivered_once(hub)


@pytest.mark.parametrize("name", spread(STEPS, 3))
def test_the_database_may_drop_every_connection_at_any_step(
    hub: FakeGitHub, github: GitHub, postgresql: str, tmp_path: Path, name: str
) -> None:
    carried_out_in_trouble(hub, github, tmp_path, postgresql, name, lambda: drop_connections(postgresql))


@contextmanager
def refusing(words: str, times: int, table: str = "") -> Iterator[tuple[Callable[[], None], list[str]]]:
    """What lets SQLite refuse with `words` what is to be stored, so many times; and what it has refused.

    Without `table` in whichever.
    """
    refused = list[str]()

    def refuse(cursor: object, statement: str, *_: object) -> None:
        stores = statement.startswith(("INSERT", "UPDATE", "DELETE")) and table in statement
        if stores and len(refused) < times:
            refused.append(statement)
            raise sqlite3.OperationalError(words)

    def trouble() -> None:
        events.listen(sqlalchemy.Engine, "do_execute", refuse)

    try:
        yield trouble, refused
    finally:
        if events.contains(sqlalchemy.Engine, "do_execute", refuse):
            events.remove(sqlalchemy.Engine, "do_execute", refuse)


MOST = 1_000_000
LOCKED, FULL = "database is locked", "database or disk is full"


REFUSALS = [(LOCKED, 3, ""), (FULL, 1, ""), (FULL, 3, ""), (FULL, 1, "operation_outputs")]


@pytest.mark.parametrize(
    ("name", "words", "times", "table"), spread([(name, *each) for name in STEPS for each in REFUSALS], 5)
)
def test_a_file_as_database_may_be_locked_or_full_for_a_moment_at_any_step(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, name: str, words: str, times: int, table: str
) -> None:
    with refusing(words, times, table) as (trouble, refused):
        carried_out_in_trouble(hub, github, tmp_path, f"sqlite:///{tmp_path}/jobs.sqlite", name, trouble)
    assert len(refused) == times


@pytest.mark.parametrize("name", spread(STEPS, 3))
def test_a_file_as_database_may_be_full_for_long_at_any_step(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, name: str
) -> None:
    """People are told, unless they know already how it ended; with room the job goes on."""
    database, said = f"sqlite:///{tmp_path}/jobs.sqlite", list[str]()
    with refusing(FULL, MOST) as (trouble, refused):

        def free(engine: Troubled) -> None:
            if engine.happened and not engine._holder.held and not said:
                said.extend(comment["body"] for comment in hub.comments_by(BOT) or [{"body": ""}])
                refused.extend(["enough"] * MOST)

        carried_out_in_trouble(hub, github, tmp_path, database, name, trouble, free)
    (body,) = said
    assert ("database is full" in body) == (name in ("announce", "reproduce", "push"))
    if "full" in body:
        for words in ("**Kept:** everything that is paid for", "Free space", "retry"):
            assert words in body


def drop_connections(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
