"""The Action: an event file in, a pull request out, with the token of the workflow run."""

import dataclasses
import io
import json
import math
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from bot.github.credentials import GitHubRefused, TokenCredentials
from bot.github.github import GitHub
from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from bot.work import action
from bot.work.worker import Reproducer
from pipeline import errors
from pipeline.reproduce import Reproduction
from settings import Settings
from tests.bot.conftest import PLACE, make, reproduction, until
from tests.fakes.github.artifacts import left
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import ACTIONS_TOKEN, REPOSITORY_ID

ROOT = Path(__file__).parents[3]
BOT = "github-actions[bot]"
READS = SecretStr("ghs_that_reads")


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


def outputs(folder: Path) -> dict[str, str]:
    """As the runner reads them: the last of each name."""
    lines = (folder / "output").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


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
    said = outputs(tmp_path)
    assert (said["pull-request"], said["status"], said["kept"]) == (url, "runs", "paper2code-1")
    assert (said["score"], said["usd"]) == ("2.5", "0.4600")
    summary = (tmp_path / "summary.md").read_text()
    assert url in summary and "## What the paper asks for" in summary and "| 2.5 of 5 | $0.46 |" in summary


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


@pytest.mark.parametrize("scope", ["only Table 2, max_usd=2", "only Table 2 for $2"])
def test_a_cap_in_a_scope_is_refused(hub: FakeGitHub, tmp_path: Path, scope: str) -> None:
    event = dispatched(hub, paper="1706.03762", scope=scope)
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == 2
    assert "sets no cap" in (tmp_path / "summary.md").read_text()
    assert not hub.state.pulls


@pytest.mark.parametrize(
    "given",
    [
        {"paper": "1706.03762 max_usd=2"},
        {"paper": "1706.03762", "budget": "2"},
        {"paper": "1706.03762", "maxUsd": 2},
        {"paper": "1706.03762", "max_cost": "2"},
        {"paper": "1706.03762", "dollars": "2"},
        {"paper": "1706.03762", "max_usd": [2]},
        {"paper": "1706.03762", "max_usd": 1, "MAX-USD": 2},
        *(
            {"paper": "1706.03762", name: 1}
            for name in ("max_price", "max_eur", "price", "max", "euros", "cap_in_usd")
        ),
        {"paper": "https://arxiv.org/abs/1706.03762?max_usd=1"},
        {"paper": "1706.03762 budget of two"},
        {"paper": "1706.03762", "scope": "under 2 U.S. dollars"},
    ],
)
def test_a_cap_of_a_run_on_demand_is_set_or_refused(
    hub: FakeGitHub, tmp_path: Path, given: dict[str, Any]
) -> None:
    assert act(settings(hub, tmp_path, dispatched(hub, **given), "workflow_dispatch"), make) == 2
    assert r"max\_usd" in (tmp_path / "summary.md").read_text()
    assert not hub.state.pulls


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"options": {"max_usd": 1}}, "there is no input 'options'"),
        ({"max_minutes": 5}, "there is no input"),
        ({"scop": "only Table 2"}, "did you mean `scope`"),
        ({"jugde_model": "o3"}, "did you mean `judge_model`"),
        ({"reviewer": [1]}, "there is no input 'reviewer'"),
        ({"scope": ["Table 2"]}, "has to be text"),
        ({"mode": "full", "Mode": "smoke"}, "given twice"),
        ({"paper": "1706.03762 mode=full"}, "`paper` says"),
        ({"paper": "1706.03762", "scope": "only " * 201}, "at most 1000 characters"),
    ],
)
def test_what_a_run_on_demand_is_given_is_never_passed_over(
    hub: FakeGitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: dict[str, Any], words: str
) -> None:
    event = dispatched(hub, **{"paper": "1706.03762"} | given)
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == 2
    assert words in capsys.readouterr().out
    assert not hub.state.pulls


def test_what_stands_beside_the_paper_of_a_run_on_demand_is_its_wish(hub: FakeGitHub, tmp_path: Path) -> None:
    made = []

    def noting(job: Job, out: Path, watch: Watch) -> Reproduction:
        made.append((job.paper, job.scope))
        return make(job, out, watch)

    event = dispatched(hub, paper="1706.03762 only Table 2", scope="in JAX")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), noting) == 0
    assert made == [("1706.03762", "only Table 2 in JAX")]


def test_a_workflow_that_names_the_paper_itself_may_have_inputs_of_its_own(
    hub: FakeGitHub, tmp_path: Path
) -> None:
    event = dispatched(hub, reason="weekly", note="for the group")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch", paper="1706.03762"), make) == 0
    event = dispatched(hub, price="2")
    assert act(settings(hub, tmp_path, event, "workflow_dispatch", paper="1706.03762"), make) == 2


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


def test_a_schedule_tells_nothing_of_its_repository(hub: FakeGitHub, tmp_path: Path) -> None:
    own = {"github_repository": "octo-org/papers", "github_repository_id": REPOSITORY_ID}
    event = {"schedule": "0 3 * * *"}
    assert act(settings(hub, tmp_path, event, "schedule", paper="1706.03762", **own), make) == 0
    assert [pull["head"] for pull in hub.state.pulls.values()] == ["paper2code/1706.03762"]
    assert act(settings(hub, tmp_path, event, "schedule", paper="1706.03762"), make) == 2
    assert "name the repository" in (tmp_path / "summary.md").read_text()


def test_another_program_asks_with_all_that_a_command_can_have(hub: FakeGitHub, tmp_path: Path) -> None:
    made = []

    def noting(job: Job, out: Path, watch: Watch) -> Reproduction:
        made.append(job)
        return make(job, out, watch)

    hub.open_issue("A", "")
    event = dispatched(hub) | {"inputs": None}
    event["client_payload"] = {"paper": "1706.03762", "issue": 1, "max-usd": 2, "full": True}
    assert act(settings(hub, tmp_path, event, "repository_dispatch"), noting) == 0
    (job,) = made
    assert (job.place.issue, job.configuration.max_usd, job.configuration.run.full) == (1, 2, True)
    event["client_payload"]["max-usd"] = 99
    assert act(settings(hub, tmp_path, event, "repository_dispatch"), noting) == 2
    assert "can be at most 3" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("issue", "number"),
    [("#1", 1), ("https://github.com/o/r/issues/1", 1), (" 1 ", 1), ("abc", None), ("0", None), ("-1", None)],
)
def test_issues_as_people_name_them(hub: FakeGitHub, tmp_path: Path, issue: str, number: int | None) -> None:
    event = dispatched(hub, paper="1706.03762", issue=issue)
    assert act(settings(hub, tmp_path, event, "workflow_dispatch"), make) == (0 if number else 2)
    assert [pull["head"] for pull in hub.state.pulls.values()] == ["paper2code/1706.03762-1"] * bool(number)
    if not number:
        assert "is no issue's number" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize("event", ["issue_comment", "workflow_dispatch"])
def test_a_bad_token_is_said_at_once_and_red(
    hub: FakeGitHub, tmp_path: Path, event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    if event == "workflow_dispatch":
        payload = dispatched(hub, paper="1706.03762")
    made = settings(hub, tmp_path, payload, event)
    made.github_token = SecretStr("ghs_expired")
    assert action.act(made, make, waits=(3600,), seconds_between_writes=0) == 3
    assert outputs(tmp_path)["status"] == "failed"
    (line,) = capsys.readouterr().out.splitlines()
    assert (
        line.startswith("::error title=paper2code::")
        and "Bad credentials" in line
        and "mend its secret" in line
    )
    assert "Bad credentials" in (tmp_path / "summary.md").read_text()


def test_a_refused_command_is_said_and_neutral(
    hub: FakeGitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code retry")
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 0
    assert outputs(tmp_path) == {"status": "refused"}
    assert "::notice title=paper2code::Refused: `retry` needs the hosted App" in capsys.readouterr().out
    assert "Refused" in (tmp_path / "summary.md").read_text()


def test_another_attempt_goes_on_from_what_the_first_has_paid_for(hub: FakeGitHub, tmp_path: Path) -> None:
    def dies(job: Job, out: Path, watch: Watch) -> Reproduction:
        (out / "journal.jsonl").write_text("paid\n")
        raise errors.ModelUnavailable("the service is away")

    found = []

    def goes_on(job: Job, out: Path, watch: Watch) -> Reproduction:
        found.append((out / "journal.jsonl").read_text())
        return make(job, out, watch)

    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    first, second = tmp_path / "1", tmp_path / "2"
    for machine in (first, second):
        machine.mkdir()
    assert act(settings(hub, first, event, "issue_comment"), dies) == 3
    left(hub, outputs(first)["kept"], first / "data/jobs")
    assert act(settings(hub, second, event, "issue_comment"), goes_on) == 0
    assert found == ["paid\n"]
    assert len(hub.comments_by(BOT)) == 1


def test_an_artifact_cannot_write_elsewhere(hub: FakeGitHub, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    for name in ("jobs", "0123456789abcdeg", "0123456789abcdef"):
        (folder / name).mkdir(parents=True)
        (folder / name / "journal.jsonl").write_text("x")
        (folder / name / "harness.py").write_text("x")
    left(hub, "paper2code-1", folder)
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert act(settings(hub, tmp_path, event, "issue_comment"), make) == 0
    found = {str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*.*")}
    assert found == {"jobs/0123456789abcdef/journal.jsonl"}


def _bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number:016x}/journal.jsonl", bytes(400_000))
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_bomb(), "larger than what a job hands over can be"),
        (_bomb()[:60] + b"\xff" * 40 + _bomb()[100:], "cannot be unpacked"),
        (b"PK", "cannot be unpacked"),
    ],
)
def test_an_artifact_made_to_break_its_reader_is_refused_in_words(
    hub: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, words: str
) -> None:
    monkeypatch.setattr("bot.github.artifacts._UNPACKED", 1_000_000)
    (tmp_path / "empty").mkdir()
    artifact = left(hub, "x", tmp_path / "empty")
    artifact["data"] = data
    github = GitHub(TokenCredentials(ACTIONS_TOKEN), hub.api_url, hub.url, 0)
    with pytest.raises(GitHubRefused, match=words):
        github.artifact(PLACE, "x")


def test_a_run_that_is_cancelled_says_so(hub: FakeGitHub, tmp_path: Path) -> None:
    def cancelled(job: Job, out: Path, watch: Watch) -> Reproduction:
        os.kill(os.getpid(), signal.SIGINT)  # as a runner does
        until(watch.cancelled)
        raise errors.Cancelled("somebody asked to stop")

    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert act(settings(hub, tmp_path, event, "issue_comment"), cancelled) == 130
    assert outputs(tmp_path)["status"] == "cancelled"
    assert "Stopped" in hub.comments_by(BOT)[0]["body"]


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


def in_parts(
    hub: FakeGitHub, folder: Path, event: dict[str, Any], change: Callable[[dict[str, Any]], object] = id
) -> list[int]:
    """The exit status of each of two jobs; `change` is done to what the first leaves."""
    ended = []
    for part, token in (("make", READS), ("deliver", SecretStr(ACTIONS_TOKEN))):
        (folder / part).mkdir()
        told = settings(hub, folder / part, event, "issue_comment", part=part, github_run_id="17")
        ended.append(act(told.model_copy(update={"github_token": token}), make))
        if (made := folder / part / "data/made").exists():
            (file,) = made.glob("*/made.json")
            left_there = json.loads(file.read_text())
            change(left_there)
            file.write_text(json.dumps(left_there))
            left(hub, outputs(folder / part)["made"], made)
    return ended


def test_one_job_makes_and_another_delivers(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.tokens[READS.get_secret_value()] = dataclasses.replace(
        hub.tokens[ACTIONS_TOKEN],
        permissions=dict.fromkeys(("contents", "issues", "metadata", "actions"), "read"),
    )
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert in_parts(hub, tmp_path, event) == [0, 0]
    (pull,) = hub.state.pulls.values()
    assert "An implementation of **Attention Is All You Need** (Ashish Vaswani" in pull["body"], pull["body"]
    assert len(hub.state.reviews) == 1 and f"#{pull['number']}" in hub.comments_by(BOT)[0]["body"]
    assert not [e for e in hub.exchanges if e.status == 403 and e.method != "GET"]
    made, delivered = outputs(tmp_path / "make"), outputs(tmp_path / "deliver")
    assert delivered["pull-request"].endswith(f"/pull/{pull['number']}") and "kept" not in delivered
    assert (made["kept"], made["status"], made["usd"]) == ("paper2code-1", "runs", "0.4600")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda left: left["made"]["commits"][-1][2].update({".github/workflows/x.yml": "on: push"}),
            "hidden files",
        ),
        (lambda left: left["made"]["commits"][0][2].update({"../x": ""}), "not names"),
        (lambda left: left["made"]["report"]["paper"].update(arxiv_id="2401.00001"), "another request"),
        (lambda left: left["made"]["report"].update(status="perfect"), "'perfect'"),
        (lambda left: left["made"]["report"]["usage"].update(usd=math.nan), "Out of range"),
        (lambda left: left["made"]["report"]["usage"].update(usd=10**400), "Out of range"),
        (lambda left: left["made"]["report"]["seconds"].update(total=math.inf), "Out of range"),
        (lambda left: left["made"]["commits"][-1].__setitem__(2, {}), "without files"),
        (
            lambda left: left.update(made=None, reason="The credit is spent.", exit_status=4),
            "The credit is spent.",
        ),
    ],
)
def test_what_was_left_is_delivered_only_as_what_it_must_be(
    hub: FakeGitHub, tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    hub.tokens[READS.get_secret_value()] = hub.tokens[ACTIONS_TOKEN]
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762")
    assert in_parts(hub, tmp_path, event, change)[1] in (3, 4)
    assert words in hub.comments_by(BOT)[0]["body"]
    assert not hub.state.pulls and list(hub.refs()) == ["main"]


def test_both_jobs_refuse_whoever_may_not(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.tokens[READS.get_secret_value()] = hub.tokens[ACTIONS_TOKEN]
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:1706.03762", "mallory")
    assert in_parts(hub, tmp_path, event) == [0, 0]
    assert outputs(tmp_path / "make")["status"] == "answered"
    assert "permission" in hub.comments_by(BOT)[0]["body"] and not hub.state.pulls


def test_no_input_is_ever_part_of_a_script() -> None:
    written = yaml.safe_load((ROOT / "action.yml").read_text())
    for step in written["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_the_example_workflows_hand_over_only_inputs_that_exist(path: Path) -> None:
    written = yaml.safe_load((ROOT / "action.yml").read_text())
    workflow = yaml.safe_load(path.read_text())
    for job in workflow["jobs"].values():
        assert set(job["steps"][0]["with"]) <= set(written["inputs"])
    assert "concurrency" not in workflow and "concurrency" in next(iter(workflow["jobs"].values()))
    assert workflow["permissions"] == {}


def test_the_example_in_two_jobs_is_the_one_that_is_documented() -> None:
    text = (ROOT / "examples/workflows/paper2code-two-jobs.yml").read_text()
    one, two = (
        yaml.safe_load((ROOT / f"examples/workflows/paper2code{name}.yml").read_text())
        for name in ("", "-two-jobs")
    )
    assert text[text.index("jobs:\n") :] in (ROOT / "docs/self-hosting.md").read_text()
    assert one[True] == two[True]  # YAML 1.1 reads `on` as a boolean
    make, deliver = two["jobs"]["make"], two["jobs"]["deliver"]
    assert set(make["permissions"].values()) == {"read"} and "secrets" not in json.dumps(deliver)
    assert all(make[key] == one["jobs"]["paper2code"][key] for key in ("if", "concurrency"))
