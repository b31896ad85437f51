"""The crash matrix for a revision."""

import signal
from pathlib import Path

import pytest

from bot.github.github import GitHub
from bot.intake.intake import read
from bot.intake.jobs import Request
from bot.jobs.engine import Engine
from tests.bot.conftest import until
from tests.bot.crash import BOT, assert_no_other_calls, do, failing, hired, spread
from tests.bot.work.test_revising import BRANCH, DIRECTORY, employ, log, opened
from tests.fakes.github.server import FakeGitHub

REVISION_CALLS = [
    ("POST", "/access_tokens$"),
    ("GET", "/permission$"),
    ("GET", "/contents/"),
    ("GET", "/app$"),
    ("GET", "/users/"),
    ("GET", "/repos/[^/]+/[^/]+$"),
    ("GET", "/pulls/1000$"),
    ("PATCH", "/pulls/1000$"),
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
REVISION_STEPS = ["answer", "announce", "read", "revise", "push", "reply"]


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
    do(employ(github, tmp_path), asked_at_a_line(hub, github, tmp_path))
    assert_no_other_calls(hub, REVISION_CALLS)


@pytest.mark.parametrize(("method", "path", "status", "carried_out"), failing(REVISION_CALLS))
def test_each_call_of_a_revision_may_fail(
    hub: FakeGitHub,
    github: GitHub,
    tmp_path: Path,
    method: str,
    path: str,
    status: int | None,
    carried_out: bool,
) -> None:
    asked, worker = asked_at_a_line(hub, github, tmp_path), employ(github, tmp_path)
    hub.fail(method, path, status, times=2, carried_out=carried_out)
    do(worker, asked)
    assert_revised_once(hub)


def assert_revised_once(hub: FakeGitHub) -> None:
    (reply,) = hub.remarks_by(BOT)
    sha = hub.refs()[BRANCH]
    assert f"Done in {sha}" in reply["body"]
    assert log(hub).count("Revise: Say so.") == 1
    assert [check["head_sha"] for check in hub.state.checks].count(sha) == 1
    assert len(hub.state.checks) == 2
    (pull,) = hub.state.pulls.values()
    assert pull["body"].count("<!-- paper2code preface -->") == pull["body"].count(sha) == 1


@pytest.mark.parametrize(
    ("name", "moment"),
    spread([(name, moment) for name in REVISION_STEPS for moment in ("before", "after")], 11),
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
