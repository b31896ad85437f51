"""A plan between two workflow runs of the Action: an artifact of the first, found by the second."""

from pathlib import Path
from typing import Any

import pytest

from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from bot.work import action
from bot.work.proposing import Proposed
from pipeline.reproduce import Reproduction
from tests.bot.conftest import make
from tests.bot.work.test_action import BOT, settings
from tests.bot.work.test_agreeing import MADE, unticked
from tests.fakes.github.artifacts import left
from tests.fakes.github.server import FakeGitHub

NAME = "paper2code-plan-1"


class Runs:
    """Workflow runs, each on a machine of its own."""

    def __init__(self, hub: FakeGitHub, folder: Path) -> None:
        self.hub, self.folder, self.made = hub, folder, list[tuple[Job, str]]()
        self.issue, self.number = hub.open_issue("A", ""), 0

    def say(self, body: str, **upload: Any) -> Path:
        """Somebody comments; what the run has left is kept as its workflow says."""
        self.number += 1
        machine = self.folder / str(self.number)
        machine.mkdir()
        event = self.hub.comment_event(self.issue, body)
        del event["installation"]
        action.act(
            settings(self.hub, machine, event, "issue_comment"),
            self._make,
            propose=self._propose,
            waits=(0,),
            seconds_between_writes=0,
        )
        output = machine / "output"
        if output.exists() and f"plan={NAME}\n" in output.read_text():
            left(self.hub, NAME, machine / "data/plan", **upload)
        return machine

    def _propose(self, job: Job, out: Path, watch: Watch) -> Proposed:
        (out / "journal.jsonl").write_text("paid\n")
        return Proposed("Means", MADE, "Expected: much.", 0.21)

    def _make(self, job: Job, out: Path, watch: Watch) -> Reproduction:
        journal = out / "journal.jsonl"
        self.made.append((job, journal.read_text() if journal.exists() else ""))
        return make(job, out, watch)

    @property
    def last(self) -> str:
        return str(self.hub.comments_by(BOT)[-1]["body"])


@pytest.fixture
def runs(hub: FakeGitHub, tmp_path: Path) -> Runs:
    return Runs(hub, tmp_path)


def test_an_approval_finds_the_plan_its_boxes_and_what_was_paid_for(runs: Runs) -> None:
    runs.say("/paper2code plan arxiv:1706.03762")
    (comment,) = runs.hub.comments_by(BOT)
    runs.hub.edit_event(comment["id"], unticked(comment["body"]))
    runs.say("/paper2code approve")
    ((job, journal),) = runs.made
    assert (job.agreement.left_out, journal) == (("table2",), "paid\n")
    assert len(runs.hub.state.pulls) == 1
    runs.say("/paper2code approve")
    assert len(runs.made) == 1 and "approved, replaced or ended before" in runs.last


def test_a_change_is_planned_from_what_was_paid_for(runs: Runs) -> None:
    runs.say("/paper2code plan arxiv:1706.03762")
    runs.say("/paper2code change In JAX.")
    assert "version 2" in runs.last
    runs.say("/paper2code approve")
    assert [job.wanted for job, _ in runs.made] == ["In JAX."]


def test_a_plan_that_has_expired_says_so(runs: Runs) -> None:
    runs.say("/paper2code plan arxiv:1706.03762")
    runs.hub.state.artifacts[0]["expired"] = True
    runs.say("/paper2code approve")
    assert "has expired" in runs.last and not runs.made


@pytest.mark.parametrize("upload", [{"fork": True}, {"branch": "mallory-1"}])
def test_what_a_pull_request_has_left_under_that_name_is_no_plan(runs: Runs, upload: dict[str, Any]) -> None:
    runs.say("/paper2code plan arxiv:1706.03762", **upload)
    runs.say("/paper2code approve")
    assert "no plan waits" in runs.last and not runs.made


def test_what_is_no_plan_is_none(runs: Runs, tmp_path: Path) -> None:
    folder = tmp_path / "other" / "a"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text("{}")
    left(runs.hub, NAME, folder.parent)
    runs.say("/paper2code approve")
    assert "no plan waits" in runs.last
    left(runs.hub, NAME, folder.parent)["data"] = b"no zip"
    runs.say("/paper2code approve")
    assert "cannot be unpacked" in runs.last


def test_without_a_plan_nothing_is_approved(runs: Runs) -> None:
    runs.say("/paper2code approve")
    assert "no plan waits" in runs.last


def test_commands_that_the_action_refuses_are_not_offered(runs: Runs) -> None:
    runs.say("/paper2code plan arxiv:1706.03762")
    runs.say("/paper2code approve")
    runs.say("/paper2code help")
    runs.say("/paper2code rate 9")
    for comment in runs.hub.comments_by(BOT):
        for command in ("status", "cancel", "retry", "rate"):
            assert f"`/paper2code {command}" not in comment["body"], comment["body"]
