"""Decisions on a plan that waits, without a database: what becomes of it, and what GitHub shows then."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.github.github import GitHub
from bot.intake import intake
from bot.intake.configuration import Configuration
from bot.intake.intake import Ending
from bot.intake.jobs import Job, Outcome, Record, Request
from bot.intake.progress import Board
from bot.jobs.watch import Watch
from bot.work.action import Inline
from bot.work.proposing import Proposed
from bot.work.worker import Worker
from pipeline.planning.agreement import Agreement
from pipeline.planning.plan import OpenQuestion
from tests.bot.conftest import make
from tests.bot.work.test_worker import job, request, step
from tests.fakes.github.server import FakeGitHub
from tests.pipeline.plans import LOGIC, OVERVIEW, PLAN

BOT = "paper2code[bot]"
REVIEW = Configuration(plan="review")
SEED = OpenQuestion(question="Which seed is used?", assumption="seed 7", why="The paper is silent.")
EXPERIMENTS = tuple(
    LOGIC.experiments[0].model_copy(update={"name": name, "shows": (shows,)})
    for name, shows in (("table1", "Tab1"), ("table2", "Tab2"))
)
MADE = PLAN.model_copy(
    update={
        "logic": LOGIC.model_copy(update={"experiments": EXPERIMENTS}),
        "overview": OVERVIEW.model_copy(update={"unclear": (SEED,)}),
    }
)


class Kept(Inline):
    """A ledger in which plans wait."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Record] = {}

    def records(self, repository_id: int, issue: int | None) -> list[Record]:
        return [*reversed(self.kept.values())]

    def recent(self, since: datetime, installation: int | None = None) -> list[Record]:
        return [record for record in self.kept.values() if record.active]

    def narrow(self, job: str, left_out: tuple[str, ...]) -> None:
        self.kept[job] = dataclasses.replace(self.kept[job], left_out=left_out)

    def settle(self, job: str, state: Any) -> None:
        self.kept[job] = dataclasses.replace(self.kept[job], state=state)

    def cancel(self, job: str) -> None:
        self.kept[job] = dataclasses.replace(self.kept[job], state="cancelled")


class Desk:
    """The bot, in an issue of alice's where a plan waits."""

    def __init__(self, hub: FakeGitHub, github: GitHub, folder: Path) -> None:
        self.hub, self.ledger = hub, Kept()
        self.worker = Worker(
            github, make, folder, waits=(0,), seconds_between_edits=0.01, propose=self._propose
        )
        self.issue = hub.open_issue("A", "")
        self.plan(job(configuration=REVIEW, created=datetime.now(UTC) - timedelta(minutes=1)))

    @staticmethod
    def _propose(job: Job, out: Path, watch: Watch) -> Proposed:
        return Proposed("Means @all of Things", MADE, "Expected: much.", 0.21)

    def plan(self, job: Job) -> None:
        outcome = self.worker.fulfil(job, step, self.ledger)
        assert outcome.state == "waiting", outcome
        self.ledger.kept[job.id] = Record(job, "waiting", Board(), outcome)

    def say(self, body: str, user: str = "alice", **changes: Any) -> list[Job]:
        """The jobs that come of it."""
        return self.answer(dataclasses.replace(request(self.hub, self.issue, body, user), **changes))

    def edit(self, body: str, user: str = "alice") -> None:
        found = intake.read("issue_comment", self.hub.edit_event(self.comment["id"], body, user))
        assert found
        self.answer(found)

    def answer(self, asked: Request) -> list[Job]:
        before = len(self.ledger.jobs)
        self.worker.answer(asked, step, self.ledger)
        return self.ledger.jobs[before:]

    @property
    def comment(self) -> dict[str, Any]:
        return self.hub.comments_by(BOT)[0]

    @property
    def last(self) -> str:
        return str(self.hub.comments_by(BOT)[-1]["body"])

    @property
    def state(self) -> str:
        return self.ledger.kept["j1"].state


@pytest.fixture
def desk(hub: FakeGitHub, github: GitHub, tmp_path: Path) -> Desk:
    return Desk(hub, github, tmp_path)


def unticked(body: str) -> str:
    return body.replace("- [x] **`table2`**", "- [ ] **`table2`**")


def test_an_approved_plan_goes_on_in_its_folder_as_a_job_of_its_own(desk: Desk, tmp_path: Path) -> None:
    (again,) = desk.say("/paper2code approve")
    first = desk.ledger.kept["j1"].job
    assert again.approved and not again.proposes and again.id != first.id
    assert again.folder(tmp_path) == first.folder(tmp_path) and again.agreement == Agreement()
    assert (desk.state, desk.ledger.kept["j1"].active) == ("done", False)
    assert desk.comment["body"].startswith("> **Approved** by `alice`")


@pytest.mark.parametrize("user", ["alice", "mallory"])
def test_the_button_on_its_page_is_answered_as_a_comment_is(desk: Desk, user: str) -> None:
    asked = dataclasses.replace(
        request(desk.hub, desk.issue, "/paper2code approve", user), id="page-1", comment=None, job="j1"
    )
    again = desk.answer(asked)
    assert [(each.approved, each.actor) for each in again] == ([(True, "alice")] if user == "alice" else [])
    assert desk.state == ("done" if user == "alice" else "waiting")
    assert user == "alice" or "`write` permission" in desk.last


def test_the_same_approval_again_starts_nothing_more(desk: Desk) -> None:
    asked = request(desk.hub, desk.issue, "/paper2code approve")
    (again,) = desk.answer(asked)
    desk.ledger.kept[again.id] = Record(again, "queued", Board())
    assert desk.answer(asked) == []
    assert desk.comment["body"].startswith("> **Approved**")


@pytest.mark.parametrize(
    ("said", "shown"), [("approve", "**Approved** by `alice`"), ("change In JAX.", "**Replaced**")]
)
def test_an_answer_that_came_to_no_end_is_brought_to_it(said: str, shown: str, desk: Desk) -> None:
    whole, waiting = desk.comment["body"], desk.ledger.kept["j1"]
    asked = request(desk.hub, desk.issue, f"/paper2code {said}")
    (again,) = desk.answer(asked)
    desk.ledger.kept |= {again.id: Record(again, "queued", Board()), "j1": waiting}
    desk.comment["body"] = whole
    assert desk.answer(asked) == []
    assert desk.state == "done" and shown in desk.comment["body"]


def test_who_may_not_ask_may_not_approve(desk: Desk) -> None:
    assert desk.say("/paper2code approve", "mallory") == []
    assert "`write` permission" in desk.last and desk.state == "waiting"


def test_boxes_that_somebody_unticks_are_left_out_until_they_are_ticked_again(desk: Desk) -> None:
    whole = desk.comment["body"]
    desk.edit(unticked(whole))
    assert desk.ledger.kept["j1"].left_out == ("table2",)
    desk.edit(whole)
    desk.edit(unticked(whole))
    (again,) = desk.say("/paper2code approve")
    assert again.agreement.left_out == ("table2",)


def test_an_edit_of_more_than_boxes_is_taken_back(desk: Desk) -> None:
    desk.edit(unticked(desk.comment["body"]))
    narrowed = desk.comment["body"]
    for other in (
        narrowed.replace("seed 7", "seed 8"),
        narrowed + "\n- [x] more",
        narrowed.replace("- [ ]", "-"),
    ):
        desk.edit(other)
        assert desk.comment["body"] == narrowed
    assert "only its boxes" in desk.last
    assert desk.ledger.kept["j1"].left_out == ("table2",)


def test_boxes_count_only_from_those_who_may_ask(desk: Desk) -> None:
    whole = desk.comment["body"]
    desk.edit(unticked(whole), "mallory")
    assert (desk.comment["body"], desk.ledger.kept["j1"].left_out) == (whole, None)
    assert "permission" in desk.last


@pytest.mark.parametrize(("user", "counts"), [("alice", True), ("mallory", False)])
def test_boxes_are_looked_at_again_when_no_event_came(desk: Desk, user: str, counts: bool) -> None:
    whole = desk.comment["body"]
    desk.hub.edit_event(desk.comment["id"], unticked(whole), user)
    jobs = desk.say("/paper2code approve")
    assert [job.agreement.left_out for job in jobs] == ([("table2",)] if counts else [])
    if not counts:
        assert desk.comment["body"] == whole and desk.state == "waiting"
        assert "I have restored it" in desk.last


@pytest.mark.parametrize(
    "over", ["> **Over**: no.", "> **Approved** by `alice`.", "> **Replaced** by version 2."]
)
def test_nobody_ends_a_plan_who_may_not_ask(over: str, desk: Desk) -> None:
    whole = desk.comment["body"]
    desk.hub.edit_event(desk.comment["id"], f"{over}\n\n{whole}", "mallory")  # and no event came
    assert desk.say("/paper2code approve") == []
    assert desk.comment["body"] == whole and "I have restored it" in desk.last
    assert len(desk.say("/paper2code approve")) == 1


def test_a_plan_is_approved_once_where_its_comment_alone_can_tell(desk: Desk) -> None:
    whole, first = desk.comment["body"], desk.ledger.kept["j1"]
    desk.edit(unticked(whole), "mallory")  # which is taken back
    assert len(desk.say("/paper2code approve")) == 1
    desk.ledger.kept["j1"] = first  # as the next workflow run finds it
    assert desk.say("/paper2code approve") == []
    assert "was approved" in desk.last and desk.comment["body"].startswith("> **Approved**")


def test_with_every_box_unticked_nothing_goes_on(desk: Desk) -> None:
    desk.edit(desk.comment["body"].replace("- [x]", "- [ ]"))
    assert desk.say("/paper2code approve") == []
    assert "nothing is left" in desk.last and desk.state == "waiting"


def test_a_plan_whose_comment_was_deleted_can_still_be_approved(desk: Desk) -> None:
    del desk.hub.state.comments[desk.comment["id"]]
    assert len(desk.say("/paper2code approve")) == 1


def test_a_change_is_another_version_that_keeps_boxes_and_answers(desk: Desk) -> None:
    desk.edit(unticked(desk.comment["body"]))
    desk.hub.write_comment(desk.issue, "Q1: seed 0", "alice")
    (second,) = desk.say("/paper2code change Use JAX.")
    assert second.proposes and second.version == 2
    assert second.wanted == "Which seed is used? seed 0\n\nUse JAX."
    assert desk.comment["body"].startswith("> **Replaced** by version 2")
    desk.plan(second)
    assert "version 2" in desk.last and "Use JAX." in desk.last
    assert "- [x] **`table1`**" in desk.last and "- [ ] **`table2`**" in desk.last
    (third,) = desk.say("/paper2code approve")
    assert third.approved and third.agreement.left_out == ("table2",) and third.wanted == second.wanted


def test_a_stale_approval_is_refused_with_the_version_that_it_meant(desk: Desk) -> None:
    early = request(desk.hub, desk.issue, "/paper2code approve")
    early = dataclasses.replace(early, received=datetime.now(UTC) - timedelta(seconds=30))
    (second,) = desk.say("/paper2code change Use JAX.")
    desk.plan(second)
    assert desk.answer(early) == []
    assert "approved version 1 of the plan" in desk.last and "version 2" in desk.last
    assert desk.say("/paper2code approve 1") == []
    assert len(desk.say("/paper2code approve v2")) == 1


def test_what_is_being_made_is_not_approved(desk: Desk) -> None:
    (second,) = desk.say("/paper2code change Use JAX.")
    desk.ledger.kept[second.id] = Record(second, "running", Board())
    assert desk.say("/paper2code approve") == []
    assert "version 2 of the plan is being made" in desk.last


def test_a_closed_issue_ends_its_plan(desk: Desk) -> None:
    ending = intake.ended("issues", desk.hub.closed_event(desk.issue))
    assert isinstance(ending, Ending)
    desk.worker.end(ending, step, desk.ledger)
    assert desk.state == "cancelled"
    assert desk.comment["body"].startswith("> **Over**: the issue was closed.")
    desk.hub.state.issues[desk.issue]["state"] = "open"
    assert desk.say("/paper2code approve") == []
    assert "no plan waits" in desk.last


@pytest.mark.parametrize("action", ["deleted", "transferred"])
def test_an_issue_that_is_gone_ends_its_plan(desk: Desk, action: str) -> None:
    ending = intake.ended("issues", desk.hub.closed_event(desk.issue) | {"action": action})
    assert isinstance(ending, Ending)
    del desk.hub.state.comments[desk.comment["id"]]
    desk.worker.end(ending, step, desk.ledger)
    assert desk.state == "cancelled"


def test_a_closed_issue_ends_its_plan_though_no_event_came(desk: Desk) -> None:
    desk.hub.closed_event(desk.issue)
    assert desk.say("/paper2code approve") == []
    assert desk.state == "cancelled" and "closed" in desk.last


def test_closing_an_issue_leaves_what_was_approved_alone(desk: Desk) -> None:
    (again,) = desk.say("/paper2code approve")
    desk.ledger.kept[again.id] = Record(again, "running", Board())
    ending = intake.ended("issues", desk.hub.closed_event(desk.issue))
    assert ending
    desk.worker.end(ending, step, desk.ledger)
    assert desk.ledger.kept[again.id].state == "running"


def test_cancel_ends_it(desk: Desk) -> None:
    desk.say("/paper2code cancel")
    assert desk.state == "cancelled" and "cancelled by `alice`" in desk.comment["body"]


def test_what_people_write_on_a_plan_is_shown_and_harmless(desk: Desk) -> None:
    assert "@all" not in desk.comment["body"] and len(desk.comment["body"]) < 65_536
    assert "spent on this plan" in desk.comment["body"]


def test_status_tells_that_it_waits(desk: Desk) -> None:
    desk.say("/paper2code status")
    assert "waiting" in desk.last


def test_a_run_without_an_issue_has_nobody_to_ask() -> None:
    alone = job(configuration=REVIEW)
    assert alone.proposes
    assert not dataclasses.replace(alone, place=dataclasses.replace(alone.place, issue=None)).proposes


def test_a_plan_that_waits_takes_no_place_and_counts_once(desk: Desk) -> None:
    desk.hub.state.files[".github/paper2code.yml"] = "quota: {concurrent: 1, per_day: 1}"
    assert isinstance(desk.ledger.kept["j1"].outcome, Outcome)
    assert len(desk.say("/paper2code approve")) == 1
