"""The Action: an event file in, a pull request out, with the token of the workflow run."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from bot.work import action
from bot.work.worker import Reproducer
from pipeline import errors
from pipeline.reproduce import Reproduction
from settings import Settings
from tests.bot.conftest import make, reproduction
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import ACTIONS_TOKEN

ROOT = Path(__file__).parents[3]
BOT = "github-actions[bot]"


def act(settings: Settings, make: Reproducer) -> int:
    return action.act(settings, make, waits=(0, 0), seconds_between_writes=0)


def settings(hub: FakeGitHub, folder: Path, event: dict[str, Any], name: str, **more: Any) -> Settings:
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    return Settings(
        github_token=SecretStr(ACTIONS_TOKEN),
        github_event_name=name,
        github_event_path=file,
        github_step_summary=folder / "summary.md",
        github_output=folder / "output",
        github_api_url=hub.api_url,
        github_server_url=hub.url,
        data_dir=folder / "data",
        **more,
    )


def dispatched(hub: FakeGitHub, **inputs: str) -> dict[str, Any]:
    event = hub.comment_event(hub.open_issue("A", ""), "x")
    return {"inputs": inputs, "repository": event["repository"], "sender": event["sender"]}


def test_a_comment_becomes_a_pull_request(hub: FakeGitHub, tmp_path: Path) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    del event["installation"]
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 0
    (pull,) = hub.state.pulls.values()
    (comment,) = hub.comments_by(BOT)
    assert f"#{pull['number']}" in comment["body"]
    url = f"{hub.url}/octo-org/papers/pull/{pull['number']}"
    assert (tmp_path / "output").read_text() == f"pull-request={url}\nstatus=runs\n"
    assert url in (tmp_path / "summary.md").read_text()


def test_the_same_event_again_is_the_same_comment_and_pull_request(hub: FakeGitHub, tmp_path: Path) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    for _ in range(2):
        act(settings(hub, tmp_path, event, "issue_comment"), make)
    assert len(hub.state.pulls) == len(hub.comments_by(BOT)) == len(hub.state.checks) == 1


def test_a_run_on_demand_has_the_wish_that_came_with_it(hub: FakeGitHub, tmp_path: Path) -> None:
    made = []

    def noting(job: Job, out: Path, watch: Watch) -> Reproduction:
        made.append(job.scope)
        return make(job, out, watch)

    event = dispatched(hub, paper="1706.03762", scope="only Table 2")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), noting) == 0
    assert act(settings(hub, tmp_path, event, "workflow_dispatch", scope="only Table 3"), noting) == 0
    assert made == ["only Table 2", "only Table 3"]


def test_a_run_on_demand_for_an_issue(hub: FakeGitHub, tmp_path: Path) -> None:
    event = dispatched(hub, paper="1706.03762", issue="1")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == 0
    (pull,) = hub.state.pulls.values()
    assert "Refs #1" in pull["body"]
    assert hub.comments_by(BOT)


def test_a_run_on_demand_without_an_issue(hub: FakeGitHub, tmp_path: Path) -> None:
    event = dispatched(hub, paper="https://arxiv.org/abs/1706.03762", issue="")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == 0
    (pull,) = hub.state.pulls.values()
    assert "Refs" not in pull["body"]
    assert pull["head"] == "paper2code/1706.03762"
    assert not hub.comments_by(BOT)


def test_a_paper_that_is_none(hub: FakeGitHub, tmp_path: Path) -> None:
    event = dispatched(hub, paper="attention")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == 2
    assert "no arXiv paper" in (tmp_path / "summary.md").read_text()


def test_an_event_that_asks_for_nothing(hub: FakeGitHub, tmp_path: Path) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "nice")
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 0
    assert not hub.exchanges


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [("fails", 1), ("not-run", 1)],
)
def test_what_does_not_run_makes_the_run_fail(
    hub: FakeGitHub, tmp_path: Path, status: str, exit_status: int
) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    made = settings(hub, tmp_path, event, "issue_comment")
    assert act(made, lambda *_: reproduction(status=status)) == exit_status
    assert len(hub.state.pulls) == 1


def test_a_failure_is_told_in_the_issue_and_in_the_summary(hub: FakeGitHub, tmp_path: Path) -> None:
    def broke(job: Job, out: Path, watch: Watch) -> Reproduction:
        raise errors.BudgetReached("the cap of 3 dollars is reached")

    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert act(settings(hub, tmp_path, event, "issue_comment"), broke) == 4
    assert "the cap" in hub.comments_by(BOT)[0]["body"]
    assert "the cap" in (tmp_path / "summary.md").read_text()


def test_actions_that_may_not_open_pull_requests_say_how_to_allow_it(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.state.actions_may_open_pulls = False
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 3
    body = hub.comments_by(BOT)[0]["body"]
    assert "Workflow permissions" in body and "branch `paper2code/1706.03762-1`" in body


def test_commands_about_other_runs_point_to_the_actions_page(hub: FakeGitHub, tmp_path: Path) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code cancel")
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 0
    assert "Actions page" in hub.comments_by(BOT)[0]["body"]


def test_outside_of_a_workflow_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="GitHub workflow"):
        act(Settings(data_dir=tmp_path), make)


def test_no_input_is_ever_part_of_a_script() -> None:
    written = yaml.safe_load((ROOT / "action.yml").read_text())
    for step in written["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_example_workflow_hands_over_only_inputs_that_exist() -> None:
    written = yaml.safe_load((ROOT / "action.yml").read_text())
    workflow = yaml.safe_load((ROOT / "examples/workflows/paper2code.yml").read_text())
    job = workflow["jobs"]["paper2code"]
    assert set(job["steps"][0]["with"]) <= set(written["inputs"])
    assert "concurrency" not in workflow and "concurrency" in job
    assert workflow["permissions"] == {}
