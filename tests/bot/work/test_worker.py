"""Answering and fulfilling without a database: what GitHub has in the end."""

import dataclasses
import errno
import json
import pickle
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from psycopg.errors import DiskFull
from sqlalchemy.exc import OperationalError

from bot.github.github import GitHub
from bot.intake import intake
from bot.intake.configuration import Configuration
from bot.intake.jobs import Job, Outcome, Record, Request
from bot.intake.progress import Board
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.worker import Reproducer, Worker
from pipeline import errors
from pipeline.progress import Progress
from pipeline.reproduce import Reproduction
from pipeline.running.figures import redrawn
from sandbox.interface import SandboxUnavailable
from tests.bot.conftest import PLACE, figures, make, reproduction
from tests.fakes.github.server import FakeGitHub
from tests.pipeline.pngs import png

T = TypeVar("T")
BOT = "paper2code[bot]"


def step(name: str, function: Callable[[], T]) -> T:
    return function()


def employ(github: GitHub, folder: Path, reproduce: Reproducer = make) -> Worker:
    return Worker(github, reproduce, folder, waits=(0, 0), seconds_between_edits=0.01)


def request(hub: FakeGitHub, issue: int, body: str, user: str = "alice") -> Request:
    found = intake.read("issue_comment", hub.comment_event(issue, body, user))
    assert found
    return found


def job(**changes: Any) -> Job:
    base = Job("j1", PLACE, "alice", "1706.03762", Configuration(), datetime(2026, 1, 1, tzinfo=UTC))
    return dataclasses.replace(base, **changes)


def failing(error: Exception) -> Reproducer:
    def reproduce(job: Job, out: Path, watch: Watch) -> Reproduction:
        watch(Progress("plan", "started", usd=0.25))
        raise error

    return reproduce


# Answers


def test_somebody_without_permission_is_told_once_a_day(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    issue, ledger = hub.open_issue("A", ""), Inline()
    for _ in range(3):
        asked = request(hub, issue, "/paper2code arxiv:1706.03762", "mallory")
        employ(github, tmp_path).answer(asked, step, ledger)
    (comment,) = hub.comments_by(BOT)
    assert "`mallory`" in comment["body"]
    assert "`write` permission" in comment["body"]
    assert not ledger.jobs
    assert not hub.state.reactions


def test_each_mistake_of_somebody_who_may_ask_has_an_answer_of_its_own(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    issue, worker = hub.open_issue("A", ""), employ(github, tmp_path)
    said = ["/paper2code stauts", "/paper2code rate 9", "/paper2code rate 9"]
    requests = [request(hub, issue, text) for text in said]
    for each in (*requests, requests[-1]):  # GitHub delivers twice
        worker.answer(each, step, Inline())
    first, second, third = hub.comments_by(BOT)
    assert "neither a command" in first["body"]
    assert "1 to 5" in second["body"] and "1 to 5" in third["body"]


def test_each_mistake_is_answered_where_the_configuration_is_bad(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "colour: red"
    issue = hub.open_issue("A", "")
    for minutes in range(2):
        asked = request(hub, issue, "/paper2code rate 9")
        later = dataclasses.replace(asked, received=asked.received + timedelta(minutes=minutes))
        employ(github, tmp_path).answer(later, step, Inline())
    assert len(hub.comments_by(BOT)) == 2


def test_a_command_without_a_paper_is_told_so(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    asked = request(hub, hub.open_issue("A", "no paper"), "/paper2code")
    employ(github, tmp_path).answer(asked, step, Inline())
    (comment,) = hub.comments_by(BOT)
    assert "no arXiv paper" in comment["body"]


def test_a_bad_configuration_gets_one_comment_and_starts_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "max_usd: lots\ncolour: red"
    issue, ledger = hub.open_issue("A", ""), Inline()
    asked = request(hub, issue, "/paper2code arxiv:1706.03762")
    for each in (asked, asked, request(hub, issue, "/paper2code arxiv:1706.03762", "mallory")):
        employ(github, tmp_path).answer(each, step, ledger)
    comments = [comment["body"] for comment in hub.comments_by(BOT)]
    assert len([body for body in comments if "`colour`" in body and "`max_usd`" in body]) == 1
    assert not ledger.jobs


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("/paper2code arxiv:1706.03762", "mallory"),
        ("/paper2code arxiv:1706.03762 modle=x", "alice"),
        ("/paper2code retry", "alice"),
    ],
)
def test_a_bad_configuration_is_said_whoever_asks_for_whatever(
    text: str, user: str, hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "permission: [triage"
    issue = hub.open_issue("A", "")
    employ(github, tmp_path).answer(request(hub, issue, text, user), step, Inline())
    (comment,) = hub.comments_by(BOT)
    assert "not valid YAML" in comment["body"] and "`write` permission" not in comment["body"]


def test_a_bad_configuration_keeps_nobody_from_stopping_what_runs(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "<<: *a"
    issue, ledger = hub.open_issue("A", ""), Kept(Record(job(), "running", Board()))
    for user in ("mallory", "alice"):
        employ(github, tmp_path).answer(request(hub, issue, "/paper2code cancel", user), step, ledger)
    assert ledger.stopped == ["j1"]
    (refused,) = hub.comments_by(BOT)
    assert "`mallory`" in refused["body"]


@pytest.mark.parametrize("directory", ["papers/{arxiv_id}", "code/papers/{slug}", "papers/x"])
def test_a_file_where_a_folder_is_to_be_is_said_before_anything_is_spent(
    directory: str, hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files |= {
        ".github/paper2code.yml": f"directory: '{directory}'",
        "papers": "a",
        "code/papers": "b",
    }
    asked, ledger = request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762"), Inline()
    employ(github, tmp_path).answer(asked, step, ledger)
    (comment,) = hub.comments_by(BOT)
    assert "papers` is a file in this repository" in comment["body"] and not ledger.jobs


def report_of(paper: str) -> str:
    return json.dumps({"paper": {"arxiv_id": paper}})


@pytest.mark.parametrize(
    ("directory", "there", "refused"),
    [
        ("src", "src/keep.py", True),
        ("src/{arxiv_id}", "src/1706.03762v5/keep.py", True),
        ("src/", "src/docs/execution-report.json", True),  # of another paper
        ("src/{arxiv_id}", "src/keep.py", False),
        ("src/{slug}", "src/keep.py", False),
        ("ours", "src/keep.py", False),
    ],
)
def test_a_folder_that_is_not_ours_is_said_before_anything_is_spent(
    directory: str, there: str, refused: bool, hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files |= {
        ".github/paper2code.yml": f"directory: '{directory}'",
        there: report_of("1810.04805"),
        "ours/docs/execution-report.json": report_of("1706.03762"),
    }
    asked, ledger = request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762v5"), Inline()
    employ(github, tmp_path).answer(asked, step, ledger)
    said = "".join(comment["body"] for comment in hub.comments_by(BOT))
    assert ("is there already, and I have not made it for this paper" in said) is refused
    assert bool(ledger.jobs) is not refused


def test_a_folder_that_is_not_ours_is_left_alone_at_delivery_and_the_work_kept(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    theirs = hub.commit("main", {"papers/1706.03762-attention/main.py": "theirs"})
    asked = dataclasses.replace(job(), place=dataclasses.replace(PLACE, issue=hub.open_issue("A", "")))
    outcome = employ(github, tmp_path).fulfil(asked, step, Inline())
    (comment,) = hub.comments_by(BOT)
    assert outcome.state == "failed" and hub.refs() == {"main": theirs}
    for words in (
        "papers/1706.03762-attention",
        "is there already",
        "**Kept:** the finished repository",
        "Set \\`directory",
    ):
        assert words in comment["body"], comment["body"]


def test_the_configuration_is_heeded(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.state.files[".github/paper2code.yml"] = "permission: admin"
    asked = request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    ledger = Inline()
    employ(github, tmp_path).answer(asked, step, ledger)
    assert not ledger.jobs
    assert "`admin` permission" in hub.comments_by(BOT)[0]["body"]


def test_a_repository_that_has_used_its_quota_is_told_so_and_nothing_starts(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "quota: {concurrent: 1}"
    issue, ledger = hub.open_issue("A", ""), Kept(Record(job(), "running", Board()))
    for _ in range(2):
        asked = request(hub, issue, "/paper2code arxiv:2401.00001")
        employ(github, tmp_path).answer(asked, step, ledger)
    comments = [comment["body"] for comment in hub.comments_by(BOT)]
    assert len(comments) == 2
    assert all("1 paper at a time" in body and "`.github/paper2code.yml`" in body for body in comments)
    assert not ledger.jobs


def test_a_retry_counts_too(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.state.files[".github/paper2code.yml"] = "quota: {per_day: 0}"
    ledger = Kept(Record(job(), "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")
    employ(github, tmp_path).answer(asked, step, ledger)
    assert "0 papers within 24 hours" in hub.comments_by(BOT)[0]["body"]
    assert not ledger.jobs


def test_help(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    employ(github, tmp_path).answer(request(hub, hub.open_issue("A", ""), "/paper2code help"), step, Inline())
    assert "/paper2code cancel" in hub.comments_by(BOT)[0]["body"]


class Kept(Inline):
    """A ledger that knows a job."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record
        self.stopped: list[str] = []

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        return [self.record]

    def recent(self, since: datetime, installation: int | None = None) -> list[Record]:
        return [self.record]

    def cancel(self, job: str) -> None:
        self.stopped.append(job)


def test_cancel_reaches_what_runs(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    ledger = Kept(Record(job(), "running", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code cancel")
    employ(github, tmp_path).answer(asked, step, ledger)
    assert ledger.stopped == ["j1"]
    assert hub.comments_by(BOT) == []


def test_cancel_says_when_nothing_runs(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    ledger = Kept(Record(job(), "done", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code cancel")
    employ(github, tmp_path).answer(asked, step, ledger)
    assert not ledger.stopped
    assert "Nothing is running" in hub.comments_by(BOT)[0]["body"]


def test_retry_goes_on_in_the_same_folder_as_a_job_of_its_own(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    ledger = Kept(Record(job(), "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")
    employ(github, tmp_path).answer(asked, step, ledger)
    (again,) = ledger.jobs
    assert again.id != "j1"
    assert again.folder(tmp_path) == job().folder(tmp_path)


def test_retry_takes_todays_configuration_and_what_was_asked_for_then(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "max_usd: 9\nmax_fixes: 3\n"
    ledger = Kept(Record(dataclasses.replace(job(), options=(("max_fixes", "1"),)), "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")

    employ(github, tmp_path).answer(asked, step, ledger)

    (again,) = ledger.jobs
    assert (again.configuration.max_usd, again.configuration.max_fixes) == (9, 1)


def test_an_operators_retry_takes_todays_configuration_as_well(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    ledger = Kept(Record(dataclasses.replace(job(), options=(("max_usd", "2"),)), "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")
    asked = dataclasses.replace(asked, id="page-1", actor="", actor_id=0, comment=None, job="j1")
    for cap in (9, 1):
        hub.state.files[".github/paper2code.yml"] = f"max_usd: {cap}"
        employ(github, tmp_path).answer(asked, step, ledger)
    (again,) = ledger.jobs
    assert (again.configuration.max_usd, again.actor, again.id != "j1") == (2, "alice", True)
    assert "at most 1 in this repository" in hub.comments_by(BOT)[0]["body"]


def test_retry_keeps_what_the_person_wanted_of_the_paper(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    narrowed = dataclasses.replace(job(), scope="only Table 2")
    ledger = Kept(Record(narrowed, "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")

    employ(github, tmp_path).answer(asked, step, ledger)

    (again,) = ledger.jobs
    assert (again.scope, again.folder(tmp_path)) == ("only Table 2", narrowed.folder(tmp_path))


def test_what_a_repository_wishes_of_all_code_goes_with_its_jobs(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "instructions: Use JAX."
    hub.state.files["AGENTS.md"] = "Tabs.\n" + "x" * 10_000
    ledger = Inline()
    asked = request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    employ(github, tmp_path).answer(asked, step, ledger)
    (wanted,) = ledger.jobs
    assert wanted.instructions.startswith("Use JAX.\n\nTabs.\nx") and len(wanted.instructions) == 8192


def test_retry_above_todays_cap_is_refused(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.state.files[".github/paper2code.yml"] = "max_usd: 1\n"
    ledger = Kept(Record(dataclasses.replace(job(), options=(("max_usd", "2"),)), "failed", Board()))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code retry")

    employ(github, tmp_path).answer(asked, step, ledger)

    assert not ledger.jobs
    assert "at most 1" in hub.comments_by(BOT)[0]["body"]


def test_status_tells_stage_time_and_cost(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    board = Board().after(Progress("code", "started", usd=0.31), now=1000.0)
    ledger = Kept(Record(job(), "running", board))
    asked = request(hub, hub.open_issue("A", ""), "/paper2code status")
    employ(github, tmp_path).answer(asked, step, ledger)
    body = hub.comments_by(BOT)[0]["body"]
    assert "1706.03762" in body and "Write the code" in body and "$0.31" in body and "running" in body


# Jobs


def test_a_job_is_delivered(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.open_issue("A", "")
    outcome = employ(github, tmp_path).fulfil(job(), step, Inline())
    (pull,) = hub.state.pulls.values()
    assert outcome == Outcome(
        "done", "runs", f"{hub.url}/octo-org/papers/pull/{pull['number']}", usd=0.46, score=2.5
    )
    (comment,) = hub.comments_by(BOT)
    assert f"#{pull['number']}" in comment["body"]


def test_figures_of_the_run_can_be_seen_at_the_commit(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    def draw(job: Job, out: Path, watch: Watch) -> Reproduction:
        drawn = redrawn({"results/smoke/Fig1.png": png(tail=b"payload")})
        made = reproduction(job.paper, figures=figures(1))
        report = dataclasses.replace(made.commits[-1], subject="Report", figures=drawn.files)
        # As it is kept between steps.
        return pickle.loads(pickle.dumps(dataclasses.replace(made, commits=(*made.commits, report))))

    hub.open_issue("A", "")
    assert employ(github, tmp_path, draw).fulfil(job(), step, Inline()).state == "done"
    (pull,) = hub.state.pulls.values()
    sha, path = re.findall(
        rf"!\[Fig1\.png\]\({hub.url}/octo-org/papers/blob/(\w+)/(\S+)\?raw=true\)", pull["body"]
    )[0]
    blob = subprocess.check_output(["git", "-C", str(hub.git), "cat-file", "blob", f"{sha}:{path}"])
    assert blob == redrawn({"results/smoke/Fig1.png": png()}).shown[0].data


def test_code_that_does_not_run_is_a_draft_with_a_failed_check(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    worker = employ(github, tmp_path, lambda *_: reproduction(status="fails"))
    outcome = worker.fulfil(job(), step, Inline())
    assert outcome.exit_status == 1
    (pull,) = hub.state.pulls.values()
    assert pull["draft"]
    assert hub.state.checks[0]["conclusion"] == "failure"
    assert "draft" in hub.comments_by(BOT)[0]["body"]


def test_a_repository_without_drafts_gets_an_ordinary_pull_request(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    hub.state.drafts = False
    employ(github, tmp_path, lambda *_: reproduction(status="fails")).fulfil(job(), step, Inline())
    (pull,) = hub.state.pulls.values()
    assert not pull["draft"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (errors.PaperWithdrawn("the paper was withdrawn", "Choose another version."), 2, "another version"),
        (errors.ModelUnavailable("no answer from the model"), 3, "no answer from the model"),
        (errors.BudgetReached("$3.00 is reached"), 4, "$3.00".replace("$", "\\$")),
        (SandboxUnavailable("no Docker daemon"), 3, "no Docker daemon"),
        (OSError(errno.ENOSPC, "secret detail"), 3, "Free space on that disk"),
        (OperationalError("secret detail", (), Exception("database or disk is full")), 3, "Free space"),
        (OperationalError("secret detail", (), DiskFull("secret detail")), 3, "Free space"),
        (OperationalError("secret detail", (), Exception("secret detail")), 3, "Mend the database"),
        (RuntimeError("secret detail"), 3, "an error in paper2code itself (RuntimeError)"),
    ],
)
def test_a_failure_says_what_where_and_what_next(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, error: Exception, status: int, words: str
) -> None:
    hub.open_issue("A", "")
    ledger = Inline()
    ledger.submit(job())
    outcome = employ(github, tmp_path, failing(error)).fulfil(job(), step, ledger)
    assert (outcome.state, outcome.exit_status, outcome.usd) == ("failed", status, 0.25)
    (comment,) = hub.comments_by(BOT)
    assert words in comment["body"]
    assert "**Where:** Plan" in comment["body"]
    assert "$0.25" in comment["body"]
    again = "Trying again helps only once the paper can be read" if status == 2 else "/paper2code retry"
    assert again in comment["body"]
    assert "secret detail" not in comment["body"]
    assert not hub.state.pulls


def test_a_cancelled_job_stops_and_says_so(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    class Cancelled(Inline):
        def cancelling(self, job: str) -> bool:
            return True

    hub.open_issue("A", "")
    outcome = employ(github, tmp_path).fulfil(job(), step, Cancelled())
    assert (outcome.state, outcome.exit_status) == ("cancelled", 130)
    assert "Stopped" in hub.comments_by(BOT)[0]["body"]


def test_a_job_is_cancelled_while_something_long_runs(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    class Later(Inline):
        asked = 0

        def cancelling(self, job: str) -> bool:
            self.asked += 1
            return self.asked > 2

    def endless(job: Job, out: Path, watch: Watch) -> Reproduction:
        while not watch.cancelled():
            pass
        watch(Progress("code", "advanced"))
        raise AssertionError("it went on")

    hub.open_issue("A", "")
    outcome = employ(github, tmp_path, endless).fulfil(job(), step, Later())
    assert outcome.state == "cancelled"


def test_what_was_finished_is_not_lost_when_no_pull_request_may_be_opened(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    hub.fail(
        "POST", "/pulls$", 403, times=9, message="GitHub Actions is not permitted to create pull requests"
    )
    outcome = employ(github, tmp_path).fulfil(job(), step, Inline())
    assert outcome.state == "failed"
    body = hub.comments_by(BOT)[0]["body"]
    assert "branch `paper2code/1706.03762-1`" in body
    assert "Workflow permissions" in body


def test_a_locked_conversation_does_not_stop_the_job(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    hub.state.issues[hub.open_issue("A", "")]["locked"] = True
    assert employ(github, tmp_path).fulfil(job(), step, Inline()).state == "done"
    assert hub.comments_by(BOT) == []


def test_a_strangers_comment_with_our_mark_is_left_alone(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    issue = hub.open_issue("A", "")
    forged = hub.write_comment(issue, "mine <!-- paper2code job j1 -->", "mallory")
    employ(github, tmp_path).fulfil(job(), step, Inline())
    assert forged["body"] == "mine <!-- paper2code job j1 -->"
    assert len(hub.comments_by(BOT)) == 1


def test_tokens_are_for_one_repository_and_no_more_than_needed(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    employ(github, tmp_path).fulfil(job(), step, Inline())
    minted = [token for token in hub.tokens.values() if token.login == BOT]
    assert minted
    for token in minted:
        assert len(token.repositories) == 1
        assert "workflows" not in token.permissions and "administration" not in token.permissions


def test_a_job_pushes_with_a_fresh_token(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    def slow(job: Job, out: Path, watch: Watch) -> Reproduction:
        for token in hub.tokens.values():
            token.revoked = True
        return make(job, out, watch)

    hub.open_issue("A", "")
    assert employ(github, tmp_path, slow).fulfil(job(), step, Inline()).state == "done"
