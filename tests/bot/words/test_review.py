"""The judge's review: once for each commit, at lines that are there, and never in the delivery's way."""

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

from bot.github.github import GitHub
from bot.intake.configuration import Configuration
from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from bot.words import review
from bot.work.action import Inline
from bot.work.tools import options_for
from bot.work.worker import Reproducer, Worker
from pipeline.proving.scoring import Critique, Judgement
from pipeline.reproduce import Reproduction
from settings import Settings
from tests.bot.conftest import make, reproduction
from tests.bot.work.test_worker import BOT, job, step
from tests.fakes.github.server import FakeGitHub

DIRECTORY = "papers/1706.03762-attention"


def employ(github: GitHub, folder: Path, make: Reproducer = make) -> Worker:
    return Worker(github, make, folder, waits=(0, 0), seconds_between_edits=0.01)


def judged(judgement: Judgement | None, said: dict[str, Any] | None) -> Reproducer:
    """Makes what somebody, or nobody, has judged."""

    def made(job: Job, out: Path, watch: Watch) -> Reproduction:
        made = make(job, out, watch)
        return dataclasses.replace(made, report=made.report | {"judge": said}, judgement=judgement)

    return made


def test_a_commit_is_reviewed_once_at_its_lines(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    worker = employ(github, tmp_path)
    first = worker.fulfil(job(), step, Inline())
    worker.fulfil(job(id="j2"), step, Inline())
    assert first.score == 2.5
    (posted,) = hub.state.reviews
    (pull,) = hub.state.pulls.values()
    assert (posted["state"], posted["commit_id"]) == ("COMMENTED", hub.refs()[pull["head"]])
    assert [(comment["path"], comment["line"], comment["side"]) for comment in posted["comments"]] == [
        (f"{DIRECTORY}/main.py", 1, "RIGHT"),
        (f"{DIRECTORY}/reproduce.sh", 1, "RIGHT"),
    ]
    assert "**High** (R1)" in posted["comments"][0]["body"]
    assert "2.5 of 5" in posted["body"] and "2 times (it gave 2, 3), for $0.04" in posted["body"]
    assert "not there: 1" in posted["body"]
    assert posted["html_url"] in hub.comments_by(BOT)[0]["body"]


def test_nothing_that_a_model_wrote_notifies_closes_or_breaks_out(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    employ(github, tmp_path).fulfil(job(), step, Inline())
    (posted,) = hub.state.reviews
    said = posted["body"] + "".join(comment["body"] for comment in posted["comments"])
    assert "@alice" not in said and "#1" not in said and "| `x`" not in said
    listed = review.body(
        Judgement(1, (Critique("a.py", 1, 1, "high", "a | b\n# @bob </details>"),), (1,)), False
    )
    assert "@bob" not in listed and "a \\| b" in listed and "</details>" not in listed


def test_what_could_not_be_judged_is_delivered_and_said(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    unjudged = {
        "score": None,
        "scores": [],
        "critiques": [],
        "dropped": 0,
        "why_not": "The service answered 503.",
    }
    outcome = employ(github, tmp_path, judged(None, unjudged)).fulfil(job(), step, Inline())
    assert (outcome.state, outcome.status, outcome.score) == ("done", "runs", None)
    (comment,) = hub.comments_by(BOT)
    assert "not judged: The service answered 503." in comment["body"]
    assert "### Implemented" in comment["body"]
    assert not hub.state.reviews


def test_a_review_that_github_refuses_spoils_nothing(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    hub.fail("POST", "/reviews$", 403, times=9, message="Resource not accessible by integration")
    outcome = employ(github, tmp_path).fulfil(job(), step, Inline())
    assert (outcome.state, outcome.score) == ("done", None)
    assert "could not be posted" in hub.comments_by(BOT)[0]["body"]


def test_lines_that_are_not_in_the_diff_are_listed_in_the_review(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    """The base branch has the same file already."""
    hub.open_issue("A", "")
    hub.commit("main", {f"{DIRECTORY}/{name}": text for name, text in reproduction().files.items()})
    hub.commit("main", {f"{DIRECTORY}/README.md": "# Old\n"})
    employ(github, tmp_path).fulfil(job(), step, Inline())
    (posted,) = hub.state.reviews
    assert posted["comments"] == []
    assert "`main.py:1`" in posted["body"] and "`reproduce.sh:1`" in posted["body"]


def test_no_opinion_no_review(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    assert employ(github, tmp_path, judged(None, None)).fulfil(job(), step, Inline()).score is None
    assert not hub.state.reviews
    assert "judge" not in hub.comments_by(BOT)[0]["body"]


def test_a_hundred_critiques_are_ten_comments_and_a_list() -> None:
    many = tuple(Critique("main.py", n, n, "low", "x" * 2000) for n in range(1, 101))
    judgement = Judgement(3, many, (3,), checked=("the mean's count",))
    assert "Looked for: the mean's count" in review.body(judgement)
    assert len(review.comments(judgement, DIRECTORY)) == 10
    assert len(review.body(judgement)) < 65_000
    assert "50 more" in review.body(judgement)


def test_how_many_opinions_are_wanted_is_the_repositorys_to_say() -> None:
    asked = job(configuration=Configuration(judge=2))
    assert options_for(asked, Settings()).judge == 2


def test_the_fake_knows_which_lines_a_review_can_stand_at(hub: FakeGitHub) -> None:
    hub.commit("main", {"a.py": "1\n" * 20})
    hub.commit("topic", {"a.py": "1\n" * 20 + "2\n", "b.py": "1\n2\n"})
    hub.state.pulls[1000] = {"base": "main", "head": "topic"}
    assert hub.lines_in_diff(1000, "a.py") == {18, 19, 20, 21}
    assert hub.lines_in_diff(1000, "b.py") == {1, 2}
    assert hub.lines_in_diff(1000, "c.py") == set()
    assert subprocess.run(["git", "-C", hub.git, "fsck"], check=True)
