"""Whatever breaks on the way: in the end one comment, one branch, one pull request, one check run.

The matrix is made from a run in which nothing breaks: every call on GitHub, the model, arXiv and Docker times
every way to fail, and every step times a `kill -9` before and after it, a lost PostgreSQL, and a SQLite that is
locked or full.
The services but GitHub, and revisions, are next door. PAPER2CODE_TEST_CRASH=all runs all of it, else a spread.
"""

import signal
from pathlib import Path

import pytest

from bot.github.github import GitHub
from bot.jobs.engine import Engine
from bot.work.worker import Worker
from tests.bot.conftest import make, until
from tests.bot.crash import (
    STEPS,
    asked_in_an_issue,
    assert_delivered_once,
    assert_no_other_calls,
    do,
    failing,
    hired,
    spread,
)
from tests.fakes.github.server import FakeGitHub

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


def test_the_calls_below_are_those_that_a_job_makes(hub: FakeGitHub, worker: Worker) -> None:
    do(worker, asked_in_an_issue(hub))
    assert_no_other_calls(hub, CALLS)


@pytest.mark.parametrize(("method", "path", "status", "carried_out"), failing(CALLS))
def test_each_call_may_fail(
    hub: FakeGitHub,
    github: GitHub,
    tmp_path: Path,
    method: str,
    path: str,
    status: int | None,
    carried_out: bool,
) -> None:
    worker = Worker(github, make, tmp_path, waits=(0, 0, 0), seconds_between_edits=0.01)
    asked = asked_in_an_issue(hub)
    hub.fail(method, path, status, times=2, carried_out=carried_out)
    do(worker, asked)
    assert_delivered_once(hub)


@pytest.mark.parametrize(
    ("name", "moment"), spread([(name, moment) for name in STEPS for moment in ("before", "after")], 5)
)
def test_a_worker_may_be_killed_at_any_step(
    hub: FakeGitHub, database: str, tmp_path: Path, name: str, moment: str
) -> None:
    engine = Engine(database)
    try:
        engine.ask(asked_in_an_issue(hub))
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
