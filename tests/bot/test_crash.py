"""Whatever breaks on the way: in the end one comment, one branch, one pull request, one check run.

The matrix is made from a run in which nothing breaks: every call on GitHub times every way to fail, and every
step times a `kill -9` before and after it. PAPER2CODE_TEST_CRASH=all runs all of it, else a spread.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from bot.action import Inline
from bot.engine import Engine
from bot.github import GitHub
from bot.intake import read
from bot.worker import Worker
from tests.bot.conftest import judge, make, until
from tests.fakes.github import FakeGitHub

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
FAULTS = [(502, False), (502, True), (None, False), (None, True)]
STEPS = ["answer", "announce", "reproduce", "push", "deliver", "review"]


def spread(cases: list[T], every: int) -> list[T]:
    return cases if os.environ.get("PAPER2CODE_TEST_CRASH") == "all" else cases[::every]


def step(name: str, function: Callable[[], T]) -> T:
    return function()


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
    for job in {job.id: job for job in ledger.jobs}.values():
        worker.fulfil(job, step, ledger)
    assert_delivered_once(hub)


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
