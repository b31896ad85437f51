"""`revise`: what the branch and the thread hold in the end."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.github.branch import Snapshot
from bot.github.github import GitHub
from bot.intake import intake
from bot.intake.jobs import Job, Outcome, Request, Wish
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.revising import Revise
from bot.work.worker import Worker
from pipeline import errors
from pipeline.reproduce import Reproduction
from pipeline.revision import Asked, Proposal, Revision
from tests.bot.conftest import PLACE, make, revise, revised
from tests.bot.work.test_worker import BOT, job, step
from tests.fakes.github.server import FakeGitHub

T = TypeVar("T")
BRANCH = "paper2code/1706.03762-1"
DIRECTORY = "papers/1706.03762-attention"


def employ(github: GitHub, folder: Path, revise: Revise = revise) -> Worker:
    return Worker(github, make, folder, waits=(0, 0, 0), seconds_between_edits=0.01, revise=revise)


def opened(hub: FakeGitHub, github: GitHub, folder: Path) -> int:
    """Number of a pull request that we have delivered."""
    hub.open_issue("A", "")
    employ(github, folder).fulfil(job(), step, Inline())
    (number,) = hub.state.pulls
    return number


@pytest.fixture
def pull(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> int:
    return opened(hub, github, tmp_path)


def at_line(hub: FakeGitHub, pull: int, text: str = "Say so.", **place: Any) -> Request:
    event = hub.remark_event(pull, f"/paper2code revise {text}", **{"path": f"{DIRECTORY}/main.py"} | place)
    found = intake.read("pull_request_review_comment", event)
    assert found
    return found


def asked(hub: FakeGitHub, number: int, body: str, user: str = "alice") -> Request:
    found = intake.read("issue_comment", hub.comment_event(number, body, user))
    assert found
    return found


def carried_out(worker: Worker, request: Request) -> Outcome:
    ledger = Inline()
    worker.answer(request, step, ledger)
    (wanted,) = ledger.jobs
    return worker.fulfil(wanted, step, ledger)


def log(hub: FakeGitHub) -> list[str]:
    shown = subprocess.run(
        ["git", "-C", hub.git, "log", "--format=%s", f"main..{BRANCH}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return shown.stdout.splitlines()


def shown(hub: FakeGitHub, path: str) -> str:
    command = ["git", "-C", str(hub.git), "show", f"{BRANCH}:{DIRECTORY}/{path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def meanwhile(hub: FakeGitHub, *files: dict[str, str]) -> Revise:
    """While the first runs go on, somebody pushes."""
    waiting = [{f"{DIRECTORY}/{path}": text for path, text in each.items()} for each in files]

    def slow(job: Job, seen: Snapshot, wanted: Asked | Proposal, out: Path, watch: Watch) -> Revision:
        made = revise(job, seen, wanted, out, watch)
        if waiting:
            hub.commit(BRANCH, waiting.pop(0))
        return made

    return slow


def watching() -> tuple[Revise, list[Asked | Proposal]]:
    """A revision, and what was wanted of it so far."""
    seen = list[Asked | Proposal]()

    def watched(job: Job, snapshot: Snapshot, wanted: Asked | Proposal, *rest: Any) -> Revision:
        seen.append(wanted)
        return revise(job, snapshot, wanted, *rest)

    return watched, seen


def test_a_comment_at_a_line_becomes_a_commit_and_a_reply(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    outcome = carried_out(employ(github, tmp_path), at_line(hub, pull))
    sha = hub.refs()[BRANCH]
    assert outcome == Outcome("done", "runs", f"{hub.url}/octo-org/papers/pull/{pull}", usd=0.03)
    assert shown(hub, "main.py") == "print('hello')\n# Say so.\n"
    assert log(hub) == ["Revise: Say so.", "Write the code", "Plan"]
    (first, reply) = hub.state.remarks.values()
    assert (reply["user"]["login"], reply["in_reply_to_id"]) == (BOT, first["id"])
    assert f"Done in {sha}. ✅ It runs." in reply["body"]
    assert "> I wrote it down.\n>\n> At main.py." in reply["body"]
    assert "Changed: `main.py`" in reply["body"] and "$0.03" in reply["body"]
    assert hub.state.reactions[-1]["subject"] == f"remark {first['id']}"
    assert (hub.state.checks[-1]["head_sha"], hub.state.checks[-1]["conclusion"]) == (sha, "success")


def test_a_reply_in_a_thread_is_answered_in_that_thread_and_the_thread_is_known(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    watched, seen = watching()
    first = hub.remark(pull, "Why hello? <!-- hidden -->", "mallory", f"{DIRECTORY}/main.py", (1, 1))
    hub.remark(pull, "Elsewhere", "mallory", f"{DIRECTORY}/README.md")
    request = at_line(hub, pull, answers=first["id"])
    hub.remark(pull, "Later", "mallory", answers=first["id"])
    carried_out(employ(github, tmp_path, watched), request)
    assert hub.remarks_by(BOT)[0]["in_reply_to_id"] == first["id"]
    assert seen == [Asked("Say so.", "mallory: Why hello?", "main.py", (1, 1), first["diff_hunk"])]


def test_a_place_that_has_moved_is_known_by_its_diff_only(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    watched, seen = watching()
    request = at_line(hub, pull)
    hub.commit(BRANCH, {f"{DIRECTORY}/main.py": "import sys\nprint('hello')\n"})
    carried_out(employ(github, tmp_path, watched), request)
    (wanted,) = seen
    assert isinstance(wanted, Asked) and wanted.lines is None and wanted.hunk


def test_a_comment_in_the_conversation_and_a_review_are_answered_there(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    carried_out(employ(github, tmp_path), asked(hub, pull, "/paper2code revise Once."))
    review = {"id": 5, "body": "/paper2code revise Twice.", "submitted_at": "2026-01-01T00:00:00Z"}
    event = hub.pull_event(pull, review=review) | {"action": "submitted"}
    request = intake.read("pull_request_review", event)
    assert request
    carried_out(employ(github, tmp_path), request)
    assert shown(hub, "main.py") == "print('hello')\n# Once.\n# Twice.\n"
    _, first, second = hub.comments_by(BOT)
    assert "Done in" in first["body"] and "Done in" in second["body"]
    assert not hub.state.remarks


def test_what_people_push_meanwhile_stays_and_is_run_with_the_change(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    ran = list[dict[str, str]]()
    slow = meanwhile(hub, {"notes.txt": "Mine\n"})

    def watched(job: Job, seen: Snapshot, wanted: Asked | Proposal, *rest: Any) -> Revision:
        made = slow(job, seen, wanted, *rest)
        ran.append(made.files)
        return made

    outcome = carried_out(employ(github, tmp_path, watched), at_line(hub, pull))
    assert outcome.status == "runs"
    assert log(hub) == ["Revise: Say so.", "Change by hand", "Write the code", "Plan"]
    assert shown(hub, "notes.txt") == "Mine\n"
    assert ran[-1]["notes.txt"] == "Mine\n" and "# Say so." in ran[-1]["main.py"]


def test_a_push_elsewhere_in_the_repository_costs_no_second_run(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    request = at_line(hub, pull)

    def slow(job: Job, seen: Snapshot, wanted: Asked | Proposal, *rest: Any) -> Revision:
        assert isinstance(wanted, Asked)
        hub.commit(BRANCH, {"README.md": "# Elsewhere\n"})
        return revise(job, seen, wanted, *rest)

    assert carried_out(employ(github, tmp_path, slow), request).status == "runs"
    assert log(hub)[:2] == ["Revise: Say so.", "Change by hand"]


def test_a_conflict_is_said_and_changes_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    slow = meanwhile(hub, {"main.py": "print('hello')\n# By hand.\n"})
    outcome = carried_out(employ(github, tmp_path, slow), at_line(hub, pull))
    assert outcome.state == "failed"
    (reply,) = hub.remarks_by(BOT)
    assert "I pushed nothing." in reply["body"] and "main.py" in reply["body"]
    assert "in the same places" in reply["body"]
    assert shown(hub, "main.py") == "print('hello')\n# By hand.\n"


def test_a_branch_that_never_rests_is_left_to_those_who_push(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    slow = meanwhile(hub, *({"notes.txt": f"{number}\n"} for number in range(9)))
    assert carried_out(employ(github, tmp_path, slow), at_line(hub, pull)).state == "failed"
    assert "somebody had pushed" in hub.remarks_by(BOT)[0]["body"]
    assert "Revise: Say so." not in log(hub)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "fails", "failure": "NameError: x", "ran_before": True, "worse": True}, "it ran before"),
        (
            {"status": "fails", "failure": "NameError: x", "ran_before": False, "worse": True},
            "came further before",
        ),
        ({"changed": ()}, "I changed nothing."),
    ],
)
def test_what_is_not_to_be_pushed_is_not(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int, changes: dict[str, Any], words: str
) -> None:
    before = hub.refs()[BRANCH]

    def broken(*arguments: Any) -> Revision:
        return replace(revise(*arguments), **changes)

    outcome = carried_out(employ(github, tmp_path, broken), at_line(hub, pull))
    assert (outcome.state, outcome.status, hub.refs()[BRANCH]) == ("done", None, before)
    (reply,) = hub.remarks_by(BOT)
    assert words in reply["body"] and "I wrote it down." in reply["body"]
    assert len(hub.state.checks) == 1


def test_what_did_not_run_before_is_pushed_and_said(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    def still(*arguments: Any) -> Revision:
        return replace(revise(*arguments), status="fails", failure="NameError: x", ran_before=False)

    outcome = carried_out(employ(github, tmp_path, still), at_line(hub, pull))
    assert (outcome.status, outcome.exit_status) == ("fails", 1)
    assert "did not run before either: `NameError: x`" in hub.remarks_by(BOT)[0]["body"]


def test_a_worker_that_does_not_revise_says_so_and_reproduces_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    def never(*_: object) -> Reproduction:
        raise AssertionError("it was reproduced")

    before = hub.refs()
    worker = Worker(github, never, tmp_path, waits=(0,), seconds_between_edits=0.01)
    place = replace(PLACE, issue=pull)
    wanted = replace(wished("a"), place=place)
    assert worker.fulfil(wanted, step, Inline()).state == "failed"
    assert "does not revise" in hub.comments_by(BOT)[-1]["body"] and hub.refs() == before


def test_the_description_says_of_which_commit_it_speaks_and_that_there_are_revisions(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    """What people have written into it stays, and there is one such line however many revisions there are."""
    delivered, found = hub.refs()[BRANCH], hub.state.pulls[pull]
    assert f"as of {delivered}." in found["body"]
    edited = found["body"] = f"Mind the units!\r\n\r\n{found['body']}"
    for text in ("Say so.", "Say more."):
        carried_out(employ(github, tmp_path), at_line(hub, pull, text))
        begin, _, rest = found["body"].partition("<!-- paper2code preface ends -->\n\n")
        assert begin.startswith("<!-- paper2code preface -->\n> **Revised since this was written**")
        assert f"in {hub.refs()[BRANCH]}: ✅ It runs." in begin
        assert rest == edited
    before = len([each for each in hub.exchanges if each.method == "PATCH"])
    github.preface(replace(PLACE, issue=pull), begin.splitlines()[1])
    assert len([each for each in hub.exchanges if each.method == "PATCH"]) == before


def test_a_draft_that_runs_now_is_ready_for_review(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    hub.state.pulls[pull]["draft"] = True
    carried_out(employ(github, tmp_path), at_line(hub, pull))
    assert not hub.state.pulls[pull]["draft"]
    carried_out(employ(github, tmp_path), at_line(hub, pull, "Say more."))
    first, second = hub.remarks_by(BOT)
    assert "ready for review" in first["body"] and "ready for review" not in second["body"]


def test_a_draft_that_still_fails_stays_one(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    def still(*arguments: Any) -> Revision:
        return replace(revise(*arguments), status="fails", failure="NameError: x", ran_before=False)

    hub.state.pulls[pull]["draft"] = True
    carried_out(employ(github, tmp_path, still), at_line(hub, pull))
    assert hub.state.pulls[pull]["draft"]


@pytest.mark.parametrize("status", [200, 403])
def test_what_github_says_against_it_is_in_the_answer_and_spoils_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int, status: int
) -> None:
    hub.state.pulls[pull]["draft"] = True
    hub.state.may_mark_ready = False
    if status == 403:
        hub.fail("POST", "/graphql$", 403, message="Resource not accessible by integration")
    outcome = carried_out(employ(github, tmp_path), at_line(hub, pull))
    assert (outcome.state, outcome.status, hub.state.pulls[pull]["draft"]) == ("done", "runs", True)
    (reply,) = hub.remarks_by(BOT)
    assert "Done in" in reply["body"] and "Resource not accessible by integration" in reply["body"]


def test_words_of_the_model_and_of_strangers_do_nothing_in_our_name(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    def rude(job: Job, seen: Snapshot, wanted: Asked | Proposal, *rest: Any) -> Revision:
        proposal = Proposal(seen.files | {"a.py": ""}, "Fixes #1, @alice.\n\n<!-- x -->\n> ![](http://x)")
        return revised(seen, proposal, remedies=("@bob",))

    carried_out(employ(github, tmp_path, rude), at_line(hub, pull, "Fixes #1 @alice"))
    (reply,) = hub.remarks_by(BOT)
    for text in (reply["body"], log(hub)[0]):
        assert "@alice" not in text and "@bob" not in text and "#1" not in text and "![]" not in text


@pytest.mark.parametrize(
    ("number", "state", "words"),
    [
        (1, {}, "this is an issue"),
        (1000, {"user": "mallory"}, "somebody else's"),
        (1000, {"head": "main"}, "somebody else's"),
        (1000, {"state": "closed"}, "is closed"),
    ],
)
def test_where_nothing_can_be_revised(
    hub: FakeGitHub,
    github: GitHub,
    tmp_path: Path,
    pull: int,
    number: int,
    state: dict[str, str],
    words: str,
) -> None:
    hub.state.pulls[pull] |= state
    ledger = Inline()
    employ(github, tmp_path).answer(asked(hub, number, "/paper2code revise X"), step, ledger)
    assert not ledger.jobs
    assert words in hub.comments_by(BOT)[-1]["body"]


def test_somebody_without_permission_is_told_so_in_the_thread(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    ledger, request = Inline(), at_line(hub, pull, user="mallory")
    for _ in range(2):
        employ(github, tmp_path).answer(request, step, ledger)
    (reply,) = hub.remarks_by(BOT)
    assert "`write` permission" in reply["body"] and not ledger.jobs


def test_a_place_outside_of_our_folder_is_left_alone(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    outcome = carried_out(employ(github, tmp_path), at_line(hub, pull, path="README.md"))
    assert outcome.state == "failed"
    assert "nothing outside of that folder" in hub.remarks_by(BOT)[0]["body"]


def test_a_failure_says_what_happened_and_what_next(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    def fails(*_: object) -> Revision:
        raise errors.BudgetReached("the cap is reached", "Raise `max_usd`.")

    outcome = carried_out(employ(github, tmp_path, fails), at_line(hub, pull))
    assert (outcome.state, outcome.exit_status) == ("failed", 4)
    body = hub.remarks_by(BOT)[0]["body"]
    assert "the cap is reached" in body and "the branch as it was" in body and "/paper2code retry" in body


def test_another_attempt_at_what_was_done_makes_no_second_commit(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    ledger, worker = Inline(), employ(github, tmp_path)
    worker.answer(at_line(hub, pull), step, ledger)
    (first,) = ledger.jobs
    worker.fulfil(first, step, ledger)
    worker.fulfil(replace(first, id="123456-1000-again"), step, ledger)
    assert log(hub).count("Revise: Say so.") == 1


def test_a_revision_is_a_job_of_its_own_for_each_request() -> None:
    one = job(wish=None)
    assert {one.key, *(wished(number).key for number in "ab")} == {
        one.key,
        "123456#1:1706.03762:a",
        "123456#1:1706.03762:b",
    }
    assert wished("a").branch == BRANCH


def wished(identity: str) -> Job:
    return job(wish=Wish(identity, "Use Adam.", BRANCH, "main"), place=PLACE)
