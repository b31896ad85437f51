"""Deliveries as GitHub may make them: twice, late, out of order, at the same time. One job for each request.

Against the real engine on SQLite, through the webhook, with a worker whose papers are done at once.
"""

import itertools
import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule
from hypothesis.strategies import integers, lists, sampled_from
from pydantic import SecretStr

from bot.github.credentials import AppCredentials
from bot.github.github import GitHub
from bot.intake.intake import read
from bot.intake.jobs import Job, Record, job_id
from bot.jobs.engine import Engine
from bot.web.webhook import create_blueprint
from bot.work.worker import Watch, Worker
from pipeline.reproduce import Reproduction
from tests.bot.conftest import PLACE, SECRET, make, until
from tests.bot.web.test_webhook import send
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID, Json

PAPERS = ("1706.03762", "2401.00001")


class Deliveries(RuleBasedStateMachine):
    """People comment; GitHub delivers what they wrote in whatever way."""

    written = Bundle("written")

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="paper2code-deliveries-")))
        self.hub = self._stack.enter_context(FakeGitHub(folder / "github"))
        self.engine = Engine(f"sqlite:///{folder}/jobs.sqlite")
        self._stack.callback(self.engine.close)
        app = Flask(__name__)
        app.register_blueprint(create_blueprint(SecretStr(SECRET), self.engine))
        self.client = app.test_client
        credentials = AppCredentials(APP_ID, self.hub.private_key)
        github = GitHub(credentials, self.hub.api_url, self.hub.url, seconds_between_writes=0)
        self.go_on = threading.Event()
        self.worker = Worker(github, self._make, folder / "data", waits=(0, 0), seconds_between_edits=0.01)
        self.issues = [self.hub.open_issue("A", ""), self.hub.open_issue("B", "")]
        self.delivered: dict[str, tuple[str, str]] = {}
        """The key and the id of the job that each delivered request is for, by its own id."""
        self.numbers = itertools.count()

    def teardown(self) -> None:
        with self._stack:
            self.work()

    @rule(target=written, issue=integers(0, 1), paper=sampled_from(PAPERS))
    def ask(self, issue: int, paper: str) -> Json:
        return self.comment(issue, paper)

    def comment(self, issue: int, paper: str) -> Json:
        return self.hub.comment_event(self.issues[issue], f"/paper2code arxiv:{paper}")

    @rule(target=written, issue=integers(0, 1))
    def cancel(self, issue: int) -> Json:
        return self.hub.comment_event(self.issues[issue], "/paper2code cancel")

    @rule(target=written, issue=integers(0, 1), user=sampled_from(["mallory", "paper2code[bot]"]))
    def comment_by_somebody_who_may_not(self, issue: int, user: str) -> Json:
        return self.hub.comment_event(self.issues[issue], f"/paper2code arxiv:{PAPERS[0]}", user)

    @rule(event=written, times=integers(1, 3))
    def deliver(self, event: Json, times: int) -> None:
        for _ in range(times):
            self._deliver(event)

    @rule(events=lists(written, min_size=2, max_size=6))
    def deliver_many(self, events: list[Json]) -> None:
        self.deliver_at_once(events)

    def deliver_at_once(self, events: list[Json]) -> None:
        with ThreadPoolExecutor(len(events)) as pool:
            list(pool.map(self._deliver, events))

    @rule(issue=integers(0, 1), people=integers(2, 4))
    def ask_for_the_same_at_once(self, issue: int, people: int) -> None:
        """Each is a request of its own, and all join one job."""
        self.deliver_at_once([self.comment(issue, PAPERS[0]) for _ in range(people)])

    @rule(event=written)
    def edit(self, event: Json) -> None:
        """Edited comments are heard of, and ask for nothing a second time."""
        assert self._send("issue_comment", event | {"action": "edited", "changes": {}}).status_code == 204

    @rule()
    def work(self) -> None:
        """All requests are answered before the first job can end, so that those for the same paper must join."""
        self.go_on.clear()
        with self.engine.working(self.worker):
            until(lambda: not self.engine.pending(), 120)
            active = [record.job.key for record in self._active()]
            assert len(active) == len(set(active)), "two jobs at the same time for the same"
            self.go_on.set()
            until(lambda: not self._active(), 120)
        self._each_request_has_its_job()

    def _make(self, job: Job, out: Path, watch: Watch) -> Reproduction:
        assert self.go_on.wait(120)
        return make(job, out, watch)

    def _each_request_has_its_job(self) -> None:
        jobs = {record.job.id: record for record in self.engine.latest()}
        allowed = {identity for _, identity in self.delivered.values()}
        assert set(jobs) <= allowed, "a job that nobody asked for"
        assert {record.job.key for record in jobs.values()} == {key for key, _ in self.delivered.values()}
        for record in jobs.values():
            assert record.outcome and record.outcome.state in ("done", "cancelled")
        done = {record.job.branch for record in jobs.values() if record.state == "done"}
        assert sorted(pull["head"] for pull in self.hub.state.pulls.values()) == sorted(done)
        marks = [c["body"].rpartition("paper2code job")[2] for c in self.hub.comments_by("paper2code[bot]")]
        of_jobs = [mark for mark in marks if mark.startswith(tuple(f" {identity}" for identity in jobs))]
        assert len(of_jobs) == len(jobs), "one progress comment for each job"

    def _active(self) -> list[Record]:
        return [record for record in self.engine.latest() if record.state in ("queued", "running")]

    def _deliver(self, event: Json) -> None:
        answer = self._send("issue_comment", event)
        request = read("issue_comment", event)
        assert answer.status_code == (202 if request else 204)
        if request and request.references and request.actor == "alice":
            (paper,) = request.references
            key = f"{PLACE.repository_id}#{request.place.issue}:{paper}"
            self.delivered[request.id] = (key, job_id(request, paper))

    def _send(self, name: str, event: Json) -> Any:
        return send(
            self.client(), name, json.dumps(event).encode(), X_GitHub_Delivery=str(next(self.numbers))
        )


@pytest.mark.timeout(600)
class TestDeliveries(Deliveries.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(
        max_examples=8, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
    )
