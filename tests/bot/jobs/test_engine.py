"""The durable engine: joining, cancelling, taking over and fencing."""

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from bot.github.branch import Snapshot
from bot.github.github import GitHub
from bot.intake.configuration import Configuration
from bot.intake.jobs import Job
from bot.intake.progress import Board
from bot.jobs.engine import Engine, sqlite_lacks
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.worker import Worker
from pipeline.progress import Progress
from pipeline.reproduce import Reproduction
from pipeline.revision import Revision
from tests.bot.conftest import PLACE, make, revise, until
from tests.bot.work.test_revising import asked, log, opened
from tests.bot.work.test_revising import employ as employ_reviser
from tests.bot.work.test_worker import job, request, step
from tests.fakes.github.server import FakeGitHub

BOT = "paper2code[bot]"
FIRST = "123456-1-aaaaaaaaaaaa"


class Slow:
    """A reproduction that waits to be let go, or stopped."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.stopped = 0

    def __call__(self, job: Job, out: Path, watch: Watch) -> Reproduction:
        watch(Progress("code", "started", usd=0.5))
        self.begun.set()
        while not self.let_go.wait(0.02):
            if watch.cancelled():
                self.stopped += 1
                break
        return make(job, out, watch)


class Deaf(Slow):
    """Does not notice that it is to stop."""

    def __call__(self, job: Job, out: Path, watch: Watch) -> Reproduction:
        watch(Progress("code", "started", usd=0.5))
        self.begun.set()
        assert self.let_go.wait(60)
        return make(job, out, watch)


def employ(github: GitHub, folder: Path, slow: Slow) -> Worker:
    return Worker(github, slow, folder, waits=(0, 0), seconds_between_edits=0.05)


def test_a_second_request_for_the_same_paper_joins_the_first_job(engine: Engine) -> None:
    engine.submit(job(id=FIRST))
    engine.submit(job(id="123456-1-bbbbbbbbbbbb"))
    engine.submit(job(id="123456-1-cccccccccccc", paper="2504.17192"))
    assert sorted(record.job.id for record in engine.latest()) == [FIRST, "123456-1-cccccccccccc"]
    assert {record.state for record in engine.latest()} == {"queued"}
    assert [record.job.id for record in engine.records(123456, 2)] == []


def test_recent_jobs_are_those_of_the_time_and_those_that_are_active(engine: Engine) -> None:
    engine.submit(job(id=FIRST))
    elsewhere = dataclasses.replace(PLACE, repository_id=777, installation=8)
    engine.submit(job(id="777-1-cccccccccccc", place=elsewhere))
    now = datetime.now(UTC)
    for since in (now - timedelta(days=1), now + timedelta(days=1)):
        assert sorted(record.job.id for record in engine.recent(since)) == [FIRST, "777-1-cccccccccccc"]
        assert [record.job.id for record in engine.recent(since, 8)] == ["777-1-cccccccccccc"]


def end_before_it_begins(hub: FakeGitHub, github: GitHub, engine: Engine, folder: Path) -> None:
    """A job that is cancelled while it waits."""
    hub.open_issue("A", "")
    engine.submit(job(id=FIRST))
    engine.cancel(FIRST)
    with engine.working(employ(github, folder, Slow())):
        until(lambda: engine.latest()[0].outcome is not None)


def test_a_job_that_has_ended_is_recent_for_a_while(
    hub: FakeGitHub, github: GitHub, engine: Engine, tmp_path: Path
) -> None:
    end_before_it_begins(hub, github, engine, tmp_path)
    now = datetime.now(UTC)
    assert [record.job.id for record in engine.recent(now - timedelta(days=1))] == [FIRST]
    assert engine.recent(now + timedelta(days=1)) == []


def test_a_job_comes_back_as_it_went_in(engine: Engine) -> None:
    wished = job(id=FIRST, configuration=Configuration(model="o1", labels=("a", "b")))
    engine.submit(wished)
    board = Board().after(Progress("code", "advanced", "model.py", 1, 8, 0.25), 12.5)
    engine.note(FIRST, board)
    record = engine.record(FIRST)
    assert record and (record.job, record.board) == (wished, board)
    assert engine.record("unknown") is None


def test_cancel_stops_a_running_job(hub: FakeGitHub, github: GitHub, engine: Engine, tmp_path: Path) -> None:
    issue, slow = hub.open_issue("A", ""), Slow()
    engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
        engine.ask(request(hub, issue, "/paper2code cancel"))
        until(lambda: engine.latest()[0].outcome is not None)
    (record,) = engine.latest()
    assert record.state == "cancelled"
    (comment,) = hub.comments_by(BOT)
    assert "Stopped" in comment["body"]
    assert not hub.state.pulls


def test_a_job_that_waits_is_cancelled_too(
    hub: FakeGitHub, github: GitHub, engine: Engine, tmp_path: Path
) -> None:
    end_before_it_begins(hub, github, engine, tmp_path)
    assert engine.latest()[0].state == "cancelled"


def test_a_stopped_worker_gives_its_job_to_the_next_one(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    slow = Slow()
    first = Engine(database)
    first.submit(job(id=FIRST))
    with first.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
    first.close()
    second = Engine(database)
    slow.let_go.set()
    with second.working(employ(github, tmp_path, slow)):
        until(lambda: second.latest()[0].outcome is not None)
    assert second.latest()[0].state == "done"
    second.close()
    assert len(hub.comments_by(BOT)) == len(hub.state.pulls) == len(hub.state.checks) == 1


def test_a_stopped_worker_gives_back_even_what_ended_while_it_was_busy(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker does not wait as long as for a dead one."""
    hub.open_issue("A", "")
    slow, engine = Slow(), Engine(database, dead_after=1)
    busy, ended = threading.Event(), threading.Event()
    worker = employ(github, tmp_path, slow)

    def fulfil(*asked: Any) -> Any:
        try:
            return Worker.fulfil(worker, *asked)
        finally:
            ended.set()

    monkeypatch.setattr(worker, "fulfil", fulfil)
    engine.submit(job(id=FIRST))
    with engine.working(worker):
        assert slow.begun.wait(30)
        monkeypatch.setattr(engine._holder.leases, "renew", lambda *lease: busy.set() or ended.wait(30))
        assert busy.wait(30)
    engine.close()
    following = Engine(database, dead_after=600)
    assert following.take_over() == [FIRST]
    following.close()


def test_a_slow_worker_that_was_taken_for_dead_leaves_no_trace(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    slow, engine, rival = Slow(), Engine(database, dead_after=3), Engine(database, dead_after=-1)
    engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
        rival._holder.leases.take(FIRST, "another worker's")
        until(lambda: slow.stopped == 1)
        until(lambda: not engine._holder.held)
        edits = [exchange.body for exchange in hub.exchanges if exchange.method == "PATCH"]
        assert engine.latest()[0].state == "running"
        rival.take_over()
        slow.let_go.set()
        until(lambda: engine.latest()[0].outcome is not None)
    assert engine.latest()[0].state == "done"
    rival.close()
    engine.close()
    assert not [edit for edit in edits if b"Stopped" in edit]
    assert len(hub.comments_by(BOT)) == len(hub.state.pulls) == len(hub.state.checks) == 1


def test_who_lost_its_job_neither_notes_nor_shows_where_it_stands(
    hub: FakeGitHub, github: GitHub, engine: Engine, database: str, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    slow, rival = Deaf(), Engine(database)
    engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
        until(lambda: engine.latest()[0].board.usd == 0.5)
        rival._holder.leases.take(FIRST, "another worker's")
        assert not engine.note(FIRST, Board(usd=2.0))
        assert engine.cancelling(FIRST)
        slow.let_go.set()
        until(lambda: not engine._holder.held)
    record = rival.record(FIRST)
    assert record and record.board.usd == 0.5
    rival.close()


def test_of_many_workers_that_find_a_dead_one_each_job_is_taken_by_one(
    hub: FakeGitHub, github: GitHub, database: str, tmp_path: Path
) -> None:
    """The taker's own sign of life counts until the job is at work again."""
    hub.open_issue("A", "")
    slow, engine = Slow(), Engine(database)
    engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
    with ThreadPoolExecutor(8) as pool:
        rivals = [Engine(database) for _ in range(8)]
        together = Barrier(8)

        def take_over(rival: Engine) -> list[str]:
            together.wait()
            return rival.take_over()

        assert sorted(chain(*pool.map(take_over, rivals))) == [FIRST]
    for each in (engine, *rivals):
        each.close()


def test_a_worker_whose_clock_is_wrong_takes_nothing_from_a_living_one(
    hub: FakeGitHub,
    github: GitHub,
    engine: Engine,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.open_issue("A", "")
    slow, rival, clock = Slow(), Engine(database), time.time
    engine.submit(job(id=FIRST))
    with engine.working(employ(github, tmp_path, slow)):
        assert slow.begun.wait(30)
        for hours in (-5, 5):
            monkeypatch.setattr(time, "time", lambda hours=hours: clock() + hours * 3600)
            assert rival.take_over() == []
        monkeypatch.undo()
    rival.close()


class Sequential:
    """Revisions that say which are at work together, and on what."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running, self.most = 0, 0
        self.began, self.let_go = threading.Event(), threading.Event()
        self.saw: list[str] = []

    def __call__(self, job: Job, seen: Snapshot, *rest: Any) -> Revision:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.saw.append(seen.files["main.py"])
        self.began.set()
        assert self.let_go.wait(60)
        with self.lock:
            self.running -= 1
        return revise(job, seen, *rest)


def test_revisions_of_one_pull_request_are_made_one_after_the_other(
    hub: FakeGitHub, github: GitHub, engine: Engine, tmp_path: Path
) -> None:
    """The second begins with the first one's commit, though there would be room for both."""
    pull, slow = opened(hub, github, tmp_path), Sequential()
    for text in ("One.", "Two."):
        engine.ask(asked(hub, pull, f"/paper2code revise {text}"))
    with engine.working(employ_reviser(github, tmp_path, slow), jobs=4):
        until(lambda: not engine.pending() and slow.began.is_set())
        assert sorted(record.state for record in engine.latest()) == ["queued", "running"]
        said = [comment["body"] for comment in hub.comments_by(BOT)]
        assert len([body for body in said if "waits for its turn" in body]) == 1
        slow.let_go.set()
        until(lambda: [record.state for record in engine.latest()] == ["done", "done"])
    assert slow.most == 1
    first, second = slow.saw
    assert first == "print('hello')\n" and second in (f"{first}# One.\n", f"{first}# Two.\n")
    assert [log(hub).count(f"Revise: {text}") for text in ("One.", "Two.")] == [1, 1]


def test_revisions_of_two_pull_requests_are_made_at_the_same_time(
    hub: FakeGitHub, github: GitHub, engine: Engine, tmp_path: Path
) -> None:
    slow = Sequential()
    for issue in (1, 2):
        hub.open_issue("A", "")
        place = dataclasses.replace(PLACE, issue=issue)
        employ_reviser(github, tmp_path, slow).fulfil(job(id=f"j{issue}", place=place), step, Inline())
    for pull in sorted(hub.state.pulls):
        engine.ask(asked(hub, pull, "/paper2code revise One."))
    with engine.working(employ_reviser(github, tmp_path, slow), jobs=4):
        until(lambda: slow.running == 2)
        slow.let_go.set()
        until(lambda: [record.state for record in engine.latest()] == ["done", "done"])
    assert not [each for each in hub.comments_by(BOT) if "waits for its turn" in each["body"]]


@pytest.mark.parametrize(
    ("python", "sqlite", "lacks"),
    [((3, 11), (3, 40, 1), False), ((3, 12), (3, 42, 0), False), ((3, 13), (3, 40, 1), True)],
)
def test_a_sqlite_whose_clock_newer_pythons_cannot_read_is_refused(
    python: tuple[int, int], sqlite: tuple[int, ...], lacks: bool
) -> None:
    said = sqlite_lacks(python, sqlite)
    assert bool(said) == lacks and (not lacks or ("3.40.1" in said and "3.42" in said))
