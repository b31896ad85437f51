"""What GitHub can do to a job, at each moment: the outcome, what people read, what is kept, what was spent.

The table in docs/self-hosting.md says the same in words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.github.credentials import PERMISSIONS
from bot.github.github import GitHub
from bot.intake.jobs import Job, Outcome
from bot.work.action import Inline
from bot.work.worker import Watch, Worker
from pipeline.reproduce import Reproduction
from tests.bot.conftest import make
from tests.bot.work.test_worker import job, request
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import REPOSITORY_ID

T = TypeVar("T")
BOT = "paper2code[bot]"
BRANCH = "paper2code/1706.03762-1"
Harm = Callable[[FakeGitHub], object]


@dataclass(frozen=True)
class Case:
    """Something happens before a step."""

    name: str
    before: str
    """`answer`, or the name of a step of the job; `making` is in the midst of `reproduce`."""
    harm: Harm
    state: str = "done"
    reason: str = ""
    """Part of the outcome's."""
    said: str = ""
    """Part of the progress comment in the end; empty: there is none that could say it."""
    pulls: int = 1
    branch: bool = True
    paid: bool = True


def change(**values: Any) -> Harm:
    """Set fields of the hub's state."""
    return lambda hub: [setattr(hub.state, name, value) for name, value in values.items()]


def limit(method: str, path: str, status: int, message: str, **headers: str) -> Harm:
    """Two refusals that pass by themselves."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda hub: hub.fail(method, path, status, times=2, headers=named, message=message)


def lock(hub: FakeGitHub) -> None:
    hub.state.issues[1]["locked"] = True


def expire(hub: FakeGitHub) -> None:
    for token in hub.tokens.values():
        token.expires = datetime.now(UTC)


def close(hub: FakeGitHub) -> None:
    (pull,) = hub.state.pulls.values()
    pull["state"] = "closed"


def remove_progress(hub: FakeGitHub) -> None:
    for comment in hub.comments_by(BOT):
        del hub.state.comments[comment["id"]]


def rename_base(hub: FakeGitHub) -> None:
    sha = hub.refs()["main"]
    (hub.git / "refs/heads/trunk").write_text(f"{sha}\n")
    hub.state.default_branch = "trunk"
    hub.delete_branch("main")


PRIMARY = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1"}
PUBLISHED = "**Runs** (smoke run"
NO_ACCESS = "the App has no access to this repository"
RULE = "remote: error: GH013: Repository rule violations found for refs/heads/paper2code"

CASES = [
    Case(
        "primary rate limit",
        "answer",
        limit("GET", "/permission$", 403, "API rate limit exceeded for installation ID 99.", **PRIMARY),
        said=PUBLISHED,
    ),
    Case(
        "secondary rate limit",
        "deliver",
        limit("POST", "/pulls$", 403, "You have exceeded a secondary rate limit.", retry_after="0"),
        said=PUBLISHED,
    ),
    Case(
        "too many", "announce", limit("POST", "/comments$", 429, "Slow down", retry_after="0"), said=PUBLISHED
    ),
    Case("5xx", "push", limit("POST", "/access_tokens$", 503, "Unicorn"), said=PUBLISHED),
    Case(
        "5xx for hours at the start",
        "announce",
        lambda hub: hub.fail("GET", "/issues/1/comments$", 502, times=3),
        "failed",
        "GitHub answered 502",
        "**What happened:** GitHub answered 502",
        pulls=0,
        branch=False,
        paid=False,
    ),
    Case(
        "5xx for hours at the end",
        "deliver",
        lambda hub: hub.fail("POST", "/pulls$", 502, times=99),
        "failed",
        "GitHub answered 502",
        f"**Kept:** the finished repository, on branch `{BRANCH}`",
        pulls=0,
    ),
    Case("renamed before", "answer", lambda hub: hub.rename("octo-org/renamed"), said=PUBLISHED),
    Case("transferred", "making", lambda hub: hub.rename("other-org/papers"), said=PUBLISHED),
    Case("renamed at the push", "push", lambda hub: hub.rename("octo-org/renamed"), said=PUBLISHED),
    Case("renamed in the end", "deliver", lambda hub: hub.rename("octo-org/renamed"), said=PUBLISHED),
    Case(
        "suspended before",
        "announce",
        change(suspended=True),
        "failed",
        "This installation has been suspended",
        pulls=0,
        branch=False,
        paid=False,
    ),
    Case(
        "removed before",
        "announce",
        change(installed=False),
        "failed",
        NO_ACCESS,
        pulls=0,
        branch=False,
        paid=False,
    ),
    Case("removed meanwhile", "push", change(installed=False), "failed", NO_ACCESS, pulls=0, branch=False),
    Case(
        "archived before",
        "announce",
        change(archived=True),
        "failed",
        "Repository was archived",
        pulls=0,
        branch=False,
        paid=False,
    ),
    Case("archived meanwhile", "push", change(archived=True), "failed", "archived", pulls=0, branch=False),
    Case(
        "a rule forbids the branch",
        "push",
        lambda hub: hub.forbid(RULE),
        "failed",
        "Repository rule violations",
        "**What to do:** A rule of this repository forbids the branch. Exempt",
        pulls=0,
        branch=False,
    ),
    Case(
        "issue deleted before",
        "announce",
        lambda hub: hub.delete_issue(1),
        "failed",
        "This issue was deleted",
        pulls=0,
        branch=False,
        paid=False,
    ),
    Case("issue deleted meanwhile", "push", lambda hub: hub.delete_issue(1)),
    Case("conversation locked before", "announce", lock),
    Case("conversation locked meanwhile", "push", lock, said=PUBLISHED),
    Case("progress comment deleted", "making", remove_progress, said=PUBLISHED),
    Case(
        "branch deleted meanwhile",
        "deliver",
        lambda hub: hub.delete_branch(BRANCH),
        "failed",
        "head invalid",
        "**Kept:** the finished repository, and everything that is paid for",
        pulls=0,
        branch=False,
    ),
    Case("default branch renamed", "deliver", rename_base, said=PUBLISHED),
    Case("pull request closed meanwhile", "delivered", close, said=PUBLISHED),
    Case("token expired in a job of hours", "making", expire, said=PUBLISHED),
    Case(
        "no permission for checks",
        "deliver",
        lambda hub: hub.fail("POST", "/check-runs$", 403, message="Resource not accessible by integration"),
        said="No check run: GitHub answered 403: Resource not accessible by integration",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_github_can_do_to_a_job(hub: FakeGitHub, github: GitHub, tmp_path: Path, case: Case) -> None:
    asked, ledger, paid = request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762"), Inline(), []

    def happens(moment: str) -> None:
        if case.before == moment:
            case.harm(hub)

    def reproduce(job: Job, out: Path, watch: Watch) -> Reproduction:
        paid.append(job)
        happens("making")
        return make(job, out, watch)

    def step(name: str, function: Callable[[], T]) -> T:
        happens(name)
        result = function()
        if name == case.before.removesuffix("ed"):
            happens(f"{name}ed")
            result = function() if case.before == f"{name}ed" else result
        return result

    worker = Worker(github, reproduce, tmp_path / "data", waits=(0, 0), seconds_between_edits=0.01)
    worker.answer(asked, step, ledger)
    (submitted,) = ledger.jobs
    outcome = worker.fulfil(submitted, step, ledger)
    assert (outcome.state, len(paid)) == (case.state, int(case.paid))
    assert case.reason in outcome.reason
    assert bool(outcome.reason) == (case.state == "failed")
    assert len(hub.state.pulls) == case.pulls
    assert (BRANCH in hub.refs()) == case.branch
    comments = [comment["body"] for comment in hub.comments_by(BOT)]
    assert len(comments) <= 1
    if case.said:
        assert case.said in comments[0]
    assert outcome.pull_request is None or hub.state.names[-1] in outcome.pull_request


@pytest.mark.parametrize(
    ("harm", "mend", "paid"),
    [
        (change(installed=False), change(installed=True), False),
        (change(archived=True), change(archived=False), False),
        (lambda hub: hub.forbid(RULE), lambda hub: (hub.git / "hooks" / "pre-receive").unlink(), True),
    ],
    ids=["installation", "archive", "rule"],
)
def test_what_failed_for_such_a_reason_can_be_retried(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, harm: Harm, mend: Harm, paid: bool
) -> None:
    hub.open_issue("A", "")
    worker = Worker(github, make, tmp_path, waits=(0,), seconds_between_edits=0.01)

    def step(name: str, function: Callable[[], T]) -> T:
        return function()

    harm(hub)
    first = worker.fulfil(job(), step, Inline())
    mend(hub)
    second = worker.fulfil(job(id="j2"), step, Inline())
    assert (first.state, second.state) == ("failed", "done")
    assert len(hub.state.pulls) == 1


def test_tokens_are_for_this_repository_and_nothing_else(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    hub.open_issue("A", "")
    before = set(hub.tokens)

    def step(name: str, function: Callable[[], T]) -> T:
        for value in before ^ set(hub.tokens):
            hub.tokens[value].expires = datetime.now(UTC)
        return function()

    outcome: Outcome = Worker(github, make, tmp_path, waits=(0,)).fulfil(job(), step, Inline())
    minted = [hub.tokens[value] for value in set(hub.tokens) - before]
    assert outcome.state == "done"
    assert len(minted) >= 3, "one for each step, since each finds the last one expired"
    for token in minted:
        assert (token.repositories, token.permissions) == ([REPOSITORY_ID], PERMISSIONS)


def test_somebody_elses_pull_request_is_never_taken_for_ours(
    hub: FakeGitHub, github: GitHub, tmp_path: Path
) -> None:
    """A client that follows the redirect of a renamed repository without its query would get all of them."""
    hub.open_issue("A", "")
    hub.state.pulls[7] = {
        **{"number": 7, "state": "open", "user": "alice", "created_at": "2026-01-01T00:00:00Z"},
        **{"title": "Mine", "body": "Mine", "head": "main", "base": "main", "draft": False},
    }

    def step(name: str, function: Callable[[], T]) -> T:
        if name == "deliver":
            hub.rename("octo-org/renamed")
        return function()

    outcome = Worker(github, make, tmp_path, waits=(0, 0)).fulfil(job(), step, Inline())
    assert outcome.state == "done"
    assert len(hub.state.pulls) == 2
    assert (hub.state.pulls[7]["title"], hub.state.labels.get(7)) == ("Mine", None)
