"""All open remarks at once, and questions: what the branch and the threads hold in the end."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bot.github.branch import Snapshot
from bot.github.github import GitHub
from bot.intake import intake
from bot.intake.jobs import Job, Outcome, Request
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.worker import Worker
from pipeline.revision import Answered, Asked, Line, Proposal, Revision, verdicts
from tests.bot.conftest import make, revised
from tests.bot.work.test_revising import DIRECTORY, asked, log, opened
from tests.bot.work.test_worker import BOT, step
from tests.fakes.github.server import FakeGitHub

MAIN = f"{DIRECTORY}/main.py"


class Scripted:
    """A reviser that takes up what it is told to."""

    def __init__(self, answer: str, changes: bool = True, worse: bool = False) -> None:
        self.answer, self.changes, self.worse = answer, changes, worse
        self.asked: list[Asked] = []

    def __call__(
        self, job: Job, seen: Snapshot, wanted: Asked | Proposal, out: Path, watch: Watch
    ) -> Revision:
        assert isinstance(wanted, Asked)
        self.asked.append(wanted)
        files = dict(seen.files)
        if self.changes:
            files["main.py"] += "# taken up\n"
        return revised(
            seen, Proposal(files, self.answer), worse=self.worse, failure="E" if self.worse else ""
        )

    def question(self, job: Job, seen: Snapshot, asked: Asked, out: Path, watch: Watch) -> Answered:
        self.asked.append(asked)
        return Answered(
            answer="It says @hello, fixes #1.",
            anchors=("S3.2",),
            lines=(Line(file="main.py", text="print('hello')"),),
        )


@pytest.fixture
def pull(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> int:
    return opened(hub, github, tmp_path)


def carried_out(github: GitHub, folder: Path, made: Scripted, request: Request) -> list[Outcome]:
    worker = Worker(
        github, make, folder, waits=(0,), seconds_between_edits=0.01, revise=made, inquire=made.question
    )
    ledger = Inline()
    worker.answer(request, step, ledger)
    return [worker.fulfil(job, step, ledger) for job in ledger.jobs]


def labelled(hub: FakeGitHub, pull: int, label: str = "paper2code", user: str = "alice") -> Request | None:
    event = hub.pull_event(pull, user, label={"name": label}) | {"action": "labeled"}
    return intake.read("pull_request", event)


def answers(hub: FakeGitHub) -> dict[int, str]:
    return {r["in_reply_to_id"]: r["body"] for r in hub.remarks_by(BOT)}


ANSWER = "R1 done: Renamed it.\nR2 open: Which one do you mean?\n\nTwo remarks were taken up."


@pytest.mark.parametrize("by", ["label", "revise"])
def test_all_open_remarks_are_one_commit_with_an_answer_each(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int, by: str
) -> None:
    first = hub.remark(pull, "Rename it.", "alice", path=MAIN)["id"]
    hub.remark(pull, "And well.", "alice", answers=first)
    second = hub.remark(pull, "Another one?", "alice", path=MAIN)["id"]
    stranger = hub.remark(pull, "Delete it.", "mallory", path=MAIN)["id"]
    settled = hub.remark(pull, "Old.", "alice", path=MAIN)["id"]
    hub.state.resolved.add(settled)
    elsewhere = hub.remark(pull, "Outside.", "alice", path="README.md")["id"]
    made, commits = Scripted(ANSWER), len(log(hub))
    request = labelled(hub, pull) if by == "label" else asked(hub, pull, "/paper2code revise")
    assert request

    (outcome,) = carried_out(github, tmp_path, made, request)

    assert outcome.status == "runs"
    ((one, two),) = [each.remarks for each in made.asked]
    assert (one.request, one.path, one.lines) == ("Rename it.\n\nAnd well.", "main.py", (1, 1))
    assert two.request == "Another one?"
    assert len(log(hub)) == commits + 1 and log(hub)[0] == "Revise: 3 open remarks"
    said = answers(hub)
    assert set(said) == {first, second, elsewhere}
    assert "Done in" in said[first] and "Renamed it." in said[first]
    assert "Left open." in said[second] and "Which one" in said[second]
    assert "outside of the folder" in said[elsewhere]
    assert hub.state.resolved == {settled, first} and stranger not in said


def test_what_was_answered_is_open_again_once_somebody_answers(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    first = hub.remark(pull, "Rename it.", "alice", path=MAIN)["id"]
    unclear = Scripted("R1 open: To what?", changes=False)
    carried_out(github, tmp_path, unclear, asked(hub, pull, "/paper2code revise"))
    again = Scripted("R1 done: It is named so.")
    assert carried_out(github, tmp_path, again, asked(hub, pull, "/paper2code revise")) == []
    assert "no open remark" in hub.comments_by(BOT)[-1]["body"]
    hub.remark(pull, "To mean.", "alice", answers=first)
    carried_out(github, tmp_path, again, asked(hub, pull, "/paper2code revise"))
    ((one,),) = [each.remarks for each in again.asked]
    assert one.request == "To mean." and "alice: Rename it." in one.thread and "To what?" in one.thread
    assert hub.state.resolved == {first}


def test_what_makes_it_worse_resolves_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int
) -> None:
    hub.remark(pull, "Rename it.", "alice", path=MAIN)
    before = log(hub)
    carried_out(
        github, tmp_path, Scripted("R1 done: So.", worse=True), asked(hub, pull, "/paper2code revise")
    )
    assert log(hub) == before and not hub.state.resolved


def test_only_our_label_takes_remarks_up(hub: FakeGitHub, pull: int) -> None:
    assert labelled(hub, pull, "bug") is None
    assert labelled(hub, pull, user="paper2code[bot]") is None


def test_a_refusal_to_resolve_is_told(hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int) -> None:
    hub.remark(pull, "Rename it.", "alice", path=MAIN)
    hub.fail("POST", "/graphql$", 403, message="Resource not accessible by integration")
    hub.faults[-1].times = 0
    made = Scripted("R1 done: So.")

    def forbid(*arguments: Any) -> Revision:
        hub.faults[-1].times = 9
        return made(*arguments)

    worker = Worker(github, make, tmp_path, waits=(0,), seconds_between_edits=0.01, revise=forbid)
    ledger = Inline()
    worker.answer(asked(hub, pull, "/paper2code revise"), step, ledger)
    (job,) = ledger.jobs
    assert worker.fulfil(job, step, ledger).status == "runs"
    assert "Not all threads could be answered or resolved" in hub.comments_by(BOT)[-1]["body"]


@pytest.mark.parametrize("at_a_line", [True, False])
def test_a_question_is_answered_where_it_was_asked_and_changes_nothing(
    hub: FakeGitHub, github: GitHub, tmp_path: Path, pull: int, at_a_line: bool
) -> None:
    before, body, made = hub.refs(), "/paper2code ask What does it print?", Scripted("")
    if at_a_line:
        event = hub.remark_event(pull, body, path=MAIN)
        request = intake.read("pull_request_review_comment", event)
    else:
        request = asked(hub, pull, body)
    assert request
    (outcome,) = carried_out(github, tmp_path, made, request)
    said = hub.remarks_by(BOT)[-1]["body"] if at_a_line else hub.comments_by(BOT)[-1]["body"]
    assert (outcome.state, hub.refs()) == ("done", before)
    assert made.asked[0].request == "What does it print?"
    assert made.asked[0].path == ("main.py" if at_a_line else "")
    assert "`main.py:1`" in said and "#L1)" in said and "S3.2" in said
    assert "@hello" not in said and "#1." not in said.replace("#L1", "")


def test_a_question_elsewhere_is_refused(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    issue = hub.open_issue("A", "")
    request = dataclasses.replace(asked(hub, issue, "/paper2code ask Why?"))
    assert carried_out(github, tmp_path, Scripted(""), request) == []
    assert "`ask` works on a pull request" in hub.comments_by(BOT)[-1]["body"]


def test_answers_are_told_apart() -> None:
    said = verdicts("**R1 done:** Renamed.\nIt is `b` now.\n- R2 open: Why?\n\nAll in all R3 done: no.\n")
    assert said == {1: (True, "Renamed. It is `b` now."), 2: (False, "Why?")}
    assert verdicts("I changed it.") == {}
