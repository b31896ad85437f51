"""The judge's review: once for each commit, at lines that are there, and never in the delivery's way."""

import dataclasses
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.github.github import GitHub
from bot.intake.configuration import Configuration
from bot.intake.jobs import Job
from bot.intake.progress import Board
from bot.jobs.watch import Watch
from bot.words import review
from bot.work.action import Inline
from bot.work.judging import Judge, judging
from bot.work.tools import Tools
from bot.work.worker import Worker
from pipeline import errors
from pipeline.model.llm import Usage
from pipeline.proving.scoring import Critique, Judgement
from pipeline.reading.arxiv import Arxiv
from pipeline.reproduce import Reproduction
from tests.bot.conftest import PLACE, judge, make, reproduction
from tests.bot.work.test_worker import BOT, job, step
from tests.fakes.github.server import FakeGitHub
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, MAIN
from tests.pipeline.proving.test_scoring import opinion, remark

DIRECTORY = "papers/1706.03762-attention"


def employ(github: GitHub, folder: Path, judge: Judge = judge) -> Worker:
    return Worker(github, make, folder, waits=(0, 0), seconds_between_edits=0.01, judge=judge)


def raising(error: Exception) -> Judge:
    def judge(*_: object) -> Judgement:
        raise error

    return judge


def test_a_commit_is_reviewed_once_at_its_lines(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    worker = employ(github, tmp_path)
    first = worker.fulfil(job(), step, Inline())
    worker.fulfil(job(id="j2"), step, Inline())
    assert (first.score, first.usd) == (2.5, 0.5)
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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.BudgetReached("the next call could exceed the cap of $3.00"), "exceed the cap"),
        (errors.ModelUnavailable("the model service answered 503"), "503"),
        (errors.Cancelled("stop"), "somebody asked to stop"),
        (ZeroDivisionError("secret detail"), "ZeroDivisionError"),
    ],
)
def test_what_is_delivered_stands_without_a_judgement(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, error: Exception, words: str
) -> None:
    hub.open_issue("A", "")
    outcome = employ(github, tmp_path, raising(error)).fulfil(job(), step, Inline())
    assert (outcome.state, outcome.status, outcome.score) == ("done", "runs", None)
    (comment,) = hub.comments_by(BOT)
    assert "not judged" in comment["body"] and words in comment["body"] and "secret" not in comment["body"]
    assert "### Implemented" in comment["body"]
    assert not hub.state.reviews


@pytest.mark.parametrize("fails", [False, True])
def test_what_the_judge_costs_counts_whatever_comes_of_it(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, fails: bool
) -> None:
    def paid(asked: Job, out: Path, made: Reproduction, watch: Watch) -> Judgement:
        judgement = judge(asked, out, made, watch)
        if fails:
            raise errors.AnswerInvalid("nothing that can be read")
        return judgement

    hub.open_issue("A", "")
    ledger = Inline()
    ledger.submit(job())
    outcome = employ(github, tmp_path, paid).fulfil(job(), step, ledger)
    (record,) = ledger.records(PLACE.repository_id, 1)
    assert outcome.usd == record.board.usd == pytest.approx(0.46 + 0.04)
    assert (outcome.score is None) == fails


def test_a_review_that_github_refuses_spoils_nothing(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    hub.fail("POST", "/reviews$", 403, times=9, message="Resource not accessible by integration")
    outcome = employ(github, tmp_path).fulfil(job(), step, Inline())
    assert (outcome.state, outcome.score) == ("done", None)
    assert "not judged" in hub.comments_by(BOT)[0]["body"]


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
    asked = job(configuration=Configuration(judge=0))
    assert employ(github, tmp_path).fulfil(asked, step, Inline()).score is None
    assert not hub.state.reviews
    assert "judge" not in hub.comments_by(BOT)[0]["body"]


def test_a_hundred_critiques_are_ten_comments_and_a_list() -> None:
    many = tuple(Critique("main.py", n, n, "low", "x" * 2000) for n in range(1, 101))
    judgement = Judgement(3, many, (3,))
    assert len(review.comments(judgement, DIRECTORY)) == 10
    assert len(review.body(judgement)) < 65_000
    assert "50 more" in review.body(judgement)


def test_the_model_is_asked_about_what_was_delivered_after_what_the_run_asked(tmp_path: Path) -> None:
    files = {"main.py": MAIN, "estimator.py": ESTIMATOR, "README.md": "Great!"}
    made = reproduction()
    made = dataclasses.replace(made, commits=(dataclasses.replace(made.commits[-1], files=files),))
    llm, seen = ScriptedLLM(dict.fromkeys(("judge.1", "judge.2"), opinion(4, remark()))), []

    @contextmanager
    def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
        seen.append(out)
        yield Tools(Arxiv("http://localhost", "http://localhost", tmp_path), llm, None)

    asked = job(configuration=Configuration(judge=2))
    llm.usages["judge"] = Usage(calls=2, usd=0.25)
    watch = Watch(lambda board: None, lambda: False, 1, Board(usd=0.5))
    judgement = judging(toolbox)(asked, tmp_path, made, watch)
    assert watch.board.usd == 0.75
    assert (judgement.samples, judgement.score, seen) == (2, 4, [tmp_path])
    assert all(prompt.shared == made.context.shared for prompt in llm.asked)


def test_the_fake_knows_which_lines_a_review_can_stand_at(hub: FakeGitHub) -> None:
    hub.commit("main", {"a.py": "1\n" * 20})
    hub.commit("topic", {"a.py": "1\n" * 20 + "2\n", "b.py": "1\n2\n"})
    hub.state.pulls[1000] = {"base": "main", "head": "topic"}
    assert hub.lines_in_diff(1000, "a.py") == {18, 19, 20, 21}
    assert hub.lines_in_diff(1000, "b.py") == {1, 2}
    assert hub.lines_in_diff(1000, "c.py") == set()
    assert subprocess.run(["git", "-C", hub.git, "fsck"], check=True)
