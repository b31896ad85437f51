"""What the crash matrix stands on: a job, how it is done, and what must be there in the end."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bot.intake.intake import read
from bot.intake.jobs import Request
from bot.words.checks import RUNS
from bot.work.action import Inline
from bot.work.worker import Worker
from tests.fakes.github.server import FakeGitHub
from tests.fakes.model import Reply
from tests.pipeline.plans import recording

T = TypeVar("T")
BOT = "paper2code[bot]"
FAULTS = [(502, False), (502, True), (None, False), (None, True)]
TASKS = {
    "read the paper": "plan.overview",
    "list the requirements": "plan.requirements",
    "design the architecture": "plan.architecture",
    "design the logic": "plan.logic",
    "write the configuration": "plan.config",
    "think these files": "analysis",
    "list the numbers that the paper reports": "plan.numbers",
    "write `estimator.py`": "code.estimator.py",
    "write `experiments.py`": "code.experiments.py",
    "audit the code against requirements": "audit",
    "write tests from the paper": "tests",
    "judge the repository": "judge.1",
}
UNRUN = len(TASKS) - 1
"""How many are asked where nothing can be run: no tests are written then."""
STEPS = ["answer", "announce", "reproduce", "push", "deliver", "review"]


def spread(cases: list[T], every: int) -> list[T]:
    return cases if os.environ.get("PAPER2CODE_TEST_CRASH") == "all" else cases[::every]


def failing(calls: list[tuple[str, str]]) -> list[tuple[str, str, int | None, bool]]:
    """Each call with each fault, as far as the spread goes."""
    return spread([(*call, *fault) for call in calls for fault in FAULTS], 9)


def assert_no_other_calls(hub: FakeGitHub, calls: list[tuple[str, str]]) -> None:
    for exchange in hub.exchanges:
        assert any(m == exchange.method and re.search(p, exchange.path) for m, p in calls), exchange


def step(name: str, function: Callable[[], T]) -> T:
    return function()


def asked_in_an_issue(hub: FakeGitHub) -> Request:
    """For one paper."""
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    asked = read("issue_comment", event)
    assert asked
    return asked


def answer(body: dict[str, Any]) -> Reply:
    """What the recording has for the task, in whatever order tasks come."""
    return Reply(recording()[asked_for(body)])


def answered_but(stage: str, reply: Reply) -> Callable[[dict[str, Any]], Reply]:
    """What `answer` says, but `reply` where `stage` is first asked."""
    left = [reply]
    return lambda body: left.pop() if left and asked_for(body) == stage else answer(body)


def asked_for(body: dict[str, Any]) -> str:
    """Which of TASKS a request is for."""
    (task,) = re.findall("^# Task: (.*)$", body["messages"][-1]["content"], re.MULTILINE)
    (stage,) = (stage for words, stage in TASKS.items() if words in task)
    return stage


def do(worker: Worker, asked: Request) -> None:
    """Answer a request and fulfil the jobs that come of it."""
    ledger = Inline()
    worker.answer(asked, step, ledger)
    for each in {each.id: each for each in ledger.jobs}.values():
        worker.fulfil(each, step, ledger)


def ran(hub: FakeGitHub) -> list[dict[str, Any]]:
    """The check runs that say whether it runs; no check run of a commit is there twice."""
    told = [(check["head_sha"], check["name"]) for check in hub.state.checks]
    assert len(set(told)) == len(told)
    return [check for check in hub.state.checks if check["name"] == RUNS]


def assert_delivered_once(hub: FakeGitHub) -> None:
    (comment,) = hub.comments_by(BOT)
    (pull,) = hub.state.pulls.values()
    (check,) = ran(hub)
    assert f"#{pull['number']}" in comment["body"]
    assert sorted(hub.refs()) == ["main", pull["head"]]
    (review,) = hub.state.reviews
    assert review["commit_id"] == check["head_sha"]
    assert review["html_url"] in comment["body"]
    assert check["head_sha"] == hub.refs()[pull["head"]]
    assert hub.state.labels[pull["number"]] == ["paper2code"]


@contextmanager
def hired(hub: FakeGitHub, database: str, folder: Path, *kill: str) -> "Iterator[subprocess.Popen[bytes]]":
    key = folder / "key.pem"
    key.write_text(hub.private_key)
    root = Path(__file__).parents[2]
    module = [sys.executable, "-m", "tests.bot.mortal_worker"]
    command = [*module, folder, key, database, hub.api_url, hub.url, *kill]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(root)}, cwd=root) as process:
        try:
            yield process
        finally:
            process.kill()
