"""What people think, kept beside what the judge thinks."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.github.github import GitHub
from bot.intake.jobs import JOB, Outcome, Rating, Record, issue_of
from bot.intake.progress import Board
from bot.jobs.engine import Engine
from bot.words.rating import agreement, rated
from bot.work.worker import Worker
from tests.bot.conftest import PLACE, until
from tests.bot.work.test_worker import BOT, job, request
from tests.fakes.github.server import FakeGitHub

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = Engine(database)
    yield engine
    engine.close()


def thought(score: int, **changes: Any) -> Rating:
    return dataclasses.replace(Rating("alice", 2, score, "Good.", 1, NOW), **changes)


def done(score: float | None, *ratings: int, **changes: Any) -> Record:
    url = f"https://github.com/o/r/pull/{changes.pop('number', 7)}"
    people = tuple(thought(each, person_id=n) for n, each in enumerate(ratings))
    return Record(job(**changes), "done", Board(), Outcome("done", "runs", url, score=score), people)


def test_the_correlation_needs_three_pairs_that_differ() -> None:
    three = [done(2.0, 1), done(3.0, 3), done(5.0, 5)]
    assert agreement(three).correlation == pytest.approx(0.98, abs=0.005)
    assert agreement([done(1.0, 5), done(3.0, 3, 3), done(5.0, 1)]).correlation == pytest.approx(-1)
    assert agreement(three[:2]).correlation is None
    assert agreement([done(3.0, 1, 2, 3)]).correlation is None
    assert agreement([done(2.0, 4), done(3.0, 4), done(4.0, 4)]).correlation is None


def test_only_what_was_judged_and_rated_is_compared() -> None:
    found = agreement([done(None, 5, 5), done(4.0), done(2.0, 1, 2)])
    assert (found.pairs, found.people, found.judge) == (2, 1.5, 2.0)
    assert agreement([]).people is None


def test_a_rating_is_of_the_latest_delivery_of_the_only_paper() -> None:
    failed = Record(job(), "failed", Board(), Outcome("failed", reason="no"))
    assert rated([failed, done(4, id="new"), done(4, id="old")]).job.id == "new"  # type: ignore[union-attr]
    assert rated([done(None, id="new"), done(4, id="judged")]).job.id == "judged"  # type: ignore[union-attr]
    assert "nothing to rate" in str(rated([failed]))
    both = rated([done(4, number=8, paper="2401.00002"), done(4)])
    assert isinstance(both, str) and "#7, #8" in both


def test_which_issue_a_branch_is_of() -> None:
    assert issue_of(job().branch) == 1
    assert issue_of(job(paper="hep-th/9901001").branch) == 1
    assert [issue_of(name) for name in ("main", "paper2code/1706.03762", "fix-1", "x/paper2code/a-1")] == [
        None
    ] * 4


@pytest.mark.parametrize("on_the_pull_request", [False, True])
def test_people_rate_on_the_issue_and_on_the_pull_request(
    hub: FakeGitHub, engine: Engine, worker: Worker, on_the_pull_request: bool
) -> None:
    issue = hub.open_issue("A", "arxiv:1706.03762")
    engine.ask(request(hub, issue, "/paper2code"))
    with engine.working(worker):
        until(lambda: any(record.outcome for record in engine.latest()), 60)
        (pull,) = hub.state.pulls
        number = pull if on_the_pull_request else issue
        for user, words in [
            ("alice", "2 The loss is wrong."),
            ("octo-org", "5"),
            ("alice", "4 I was wrong."),
        ]:
            engine.ask(asked := request(hub, number, f"/paper2code rate {words}", user))
            liked = f"comment {asked.comment}"
            until(lambda liked=liked: ("heart", liked) in reactions(hub), 60)
    (record,) = engine.rated()
    said = {(each.person, each.score, each.text, each.number) for each in record.ratings}
    assert said == {("alice", 4, "I was wrong.", number), ("octo-org", 5, "", number)}
    assert record.outcome and record.outcome.score == 2.5
    assert len(hub.comments_by(BOT)) == 1


def reactions(hub: FakeGitHub) -> set[tuple[str, str]]:
    return {(reaction["content"], reaction["subject"]) for reaction in hub.state.reactions}


def test_an_earlier_word_that_arrives_later_changes_nothing(engine: Engine) -> None:
    engine.submit(job(id="123456-1-aaaa"))
    engine.rate("123456-1-aaaa", thought(4, when=NOW))
    engine.rate("123456-1-aaaa", thought(1, when=NOW - timedelta(hours=1)))
    engine.note("123456-1-aaaa", Board())
    assert [each.score for each in engine.rated()[0].ratings] == [4]


def test_a_forks_branch_of_the_same_name_is_no_job_of_ours(hub: FakeGitHub, github: GitHub) -> None:
    hub.commit("paper2code/1706.03762-1", {"a.py": "1"})
    hub.state.pulls[1000] = {"number": 1000, "state": "open", "user": "mallory", "draft": False} | {
        "title": "",
        "body": "",
        "base": "main",
        "head": "paper2code/1706.03762-1",
        "created_at": "2026-01-01T00:00:00Z",
    }
    place = dataclasses.replace(PLACE, issue=1000)
    pull = github.pull(place)
    assert pull is not None and (pull.branch, pull.here) == ("paper2code/1706.03762-1", True)
    hub.state.pulls[1000]["fork"] = True
    forked = github.pull(place)
    assert forked is not None and not forked.here
    assert github.pull(dataclasses.replace(PLACE, issue=hub.open_issue("A", ""))) is None


def test_without_a_delivery_there_is_nothing_to_rate(hub: FakeGitHub, engine: Engine, worker: Worker) -> None:
    asked = request(hub, hub.open_issue("A", ""), "/paper2code rate 3")
    worker.answer(asked, lambda name, function: function(), engine)
    assert "nothing to rate" in hub.comments_by(BOT)[0]["body"]
    assert ("heart", f"comment {asked.comment}") not in reactions(hub)


def test_no_rating_is_too_old_to_count(engine: Engine) -> None:
    engine.submit(job(id="123456-1-aaaa"))
    engine.rate("123456-1-aaaa", thought(4))
    with engine._database.begin() as connection:
        for number in range(1000):
            wanted = job(id=f"123456-2-{number}")
            engine._client.enqueue_in_transaction(
                connection,
                {"workflow_name": "fulfil", "queue_name": "jobs", "workflow_id": wanted.id},
                JOB.dump_json(wanted).decode(),
            )
    assert [record.job.id for record in engine.rated()] == ["123456-1-aaaa"]
