"""`action.yml` as a runner runs it, from a checkout of another repository: the real program, for every event."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.test_end_to_end import TEX
from tests.bot.work.runner import ROOT, Runner
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.model import FakeModel, Reply
from tests.pipeline.plans import recording

BOT = "github-actions[bot]"
PAPER = "2401.00001"
BROKE = Reply(status=402, error={"message": "Your account has no credit left."})


@pytest.fixture
def machine(hub: FakeGitHub, tmp_path: Path) -> Iterator[Runner]:
    """Whose model, until it is told another one, has no credit."""
    submission = Submission(PAPER, "Means of Things", source=one_file(TEX))
    with fake_arxiv(submission) as arxiv, FakeModel(BROKE) as model:
        yield Runner(
            hub,
            tmp_path / "runner",
            OPENAI_BASE_URL=model.url,
            PAPER2CODE_ARXIV_URL=arxiv.url,
            PAPER2CODE_ARXIV_API_URL=arxiv.url,
            PAPER2CODE_SANDBOX="none",
        )


def asked(machine: Runner, url: str, key: str = "sk-a") -> dict[str, str]:
    return {"openai-base-url": url, "openai-api-key": key, "model": "gpt-6.2-sol"}


@pytest.mark.slow  # the whole program, twice
def test_a_run_that_is_killed_leaves_what_was_paid_for_to_the_next(machine: Runner, hub: FakeGitHub) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), f"/paper2code arxiv:{PAPER}")
    del event["installation"]
    answered = list[Any]()

    def reply(asked: dict[str, Any]) -> Reply:
        if asked["response_format"]["json_schema"]["name"] != "Reading":
            return Reply(hangs_after=0)
        answered.append(asked["messages"])
        return Reply(recording()["plan.overview"])

    with FakeModel(reply) as model:

        def kill(process: subprocess.Popen[str]) -> None:
            threading.Thread(target=lambda: model.hanging.wait(200) and process.kill()).start()

        killed = machine.run("issue_comment", event, kill, **asked(machine, model.url))
    assert killed.red
    assert killed.steps["Keep the report, and what was paid for"] == "success"
    (artifact,) = hub.state.artifacts
    assert artifact["name"] == "paper2code-1"
    with FakeModel(BROKE) as model:
        again = machine.run("issue_comment", event, **asked(machine, model.url))
        asked_again = [each["messages"] for each in model.requests]
    assert again.red and again.outputs["status"] == "failed"
    assert "no credit left" in again.summary and "::error title=paper2code::" in again.log
    # Without the journal, the overview would be asked for first again.
    assert len(answered) == 1 and asked_again and answered[0] not in asked_again
    assert len(hub.comments_by(BOT)) == 1
    assert "no credit left" in hub.comments_by(BOT)[0]["body"]
    assert machine.docker.read_text().splitlines()[-1].startswith("image load")


def events(hub: FakeGitHub) -> dict[str, tuple[str, dict[str, Any], dict[str, str]]]:
    """Name → event, payload and inputs of something that asks for the paper."""
    number = hub.open_issue(f"arxiv:{PAPER}", "")
    comment = hub.comment_event(number, f"/paper2code arxiv:{PAPER}")
    base = {key: comment[key] for key in ("repository", "sender")}
    issue = base | {"issue": comment["issue"]}
    return {
        "comment": ("issue_comment", base | comment, {}),
        "opened": ("issues", issue | {"action": "opened"}, {}),
        "labeled": ("issues", issue | {"action": "labeled", "label": {"name": "paper2code"}}, {}),
        "by hand": ("workflow_dispatch", base | {"inputs": {"paper": PAPER, "issue": "#1"}}, {}),
        "program": ("repository_dispatch", base | {"client_payload": {"paper": PAPER, "issue": 1}}, {}),
        "schedule": ("schedule", {"schedule": "0 3 * * *"}, {"paper": PAPER, "issue": "1"}),
    }


@pytest.mark.parametrize(
    "name",
    [
        "comment",
        "schedule",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("opened", "labeled", "by hand", "program")),
    ],
)
def test_every_event_that_asks_gets_its_answer(machine: Runner, hub: FakeGitHub, name: str) -> None:
    event, payload, inputs = events(hub)[name]
    ran = machine.run(event, payload, **asked(machine, machine.environment["OPENAI_BASE_URL"]), **inputs)
    assert ran.red and ran.steps["Answer the event"] == "failure"
    assert ran.outputs["status"] == "failed" and "no credit left" in ran.summary, ran.log
    (comment,) = hub.comments_by(BOT)
    assert "no credit left" in comment["body"]
    assert "defect" not in ran.log and "Traceback" not in ran.log


@pytest.mark.slow  # the whole program, twice
def test_of_two_jobs_the_one_with_the_key_writes_nothing_and_the_other_says_how_it_ended(
    machine: Runner, hub: FakeGitHub, tmp_path: Path
) -> None:
    event = hub.comment_event(hub.open_issue("A", ""), f"/paper2code arxiv:{PAPER}")
    key = "openai-api-key: ${{ secrets.OPENAI_API_KEY }}"
    example = (ROOT / "examples/workflows/paper2code-two-jobs.yml").read_text()
    workflow = tmp_path / "two-jobs.yml"
    with FakeModel(BROKE) as model:
        workflow.write_text(example.replace(key, f"{key}\n          openai-base-url: {model.url}"))
        ran = machine.play(workflow, "issue_comment", event, OPENAI_API_KEY="sk-a")
    assert ran["make"].red and "no credit left" in ran["make"].summary
    (comment,) = hub.comments_by(BOT)
    assert (
        ran["deliver"].red
        and "no credit left" in comment["body"]
        and "no credit left" in ran["deliver"].summary
    )
    assert not [e for e in hub.exchanges if e.status == 403 and e.method != "GET"]


def test_what_asks_for_nothing_is_green_and_starts_nothing(machine: Runner, hub: FakeGitHub) -> None:
    ran = machine.run("issue_comment", hub.comment_event(hub.open_issue("A", ""), "nice"))
    assert not ran.red and ran.outputs["status"] == "nothing"
    assert ran.steps["Keep packages and papers"] == "skipped" and not hub.state.artifacts
