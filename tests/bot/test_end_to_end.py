"""A signed webhook in, a pull request out: real HTTP, real git, a real database."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from bot.github.credentials import GitHubRefused
from bot.github.github import GitHub
from bot.intake.jobs import Job
from bot.jobs.engine import Engine
from bot.jobs.watch import Watch
from bot.work.daemon import work
from bot.work.revising import reviser
from bot.work.tools import Tools
from bot.work.worker import Worker, reproducer
from pipeline.model.llm import Prompt
from pipeline.reading.arxiv import Arxiv
from sandbox.interface import Sandbox
from settings import Settings
from tests.bot.conftest import PLACE, deliver, make, report, until
from tests.bot.jobs.test_engine import Slow
from tests.bot.work.test_worker import job, request
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID, INSTALLATION, REPOSITORY_ID
from tests.fakes.model import FakeModel
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import SLEEPING, fenced, recording

BOT = "paper2code[bot]"
BOTH_KINDS = pytest.mark.parametrize(
    ("sandbox", "database"),
    [pytest.param("docker", "postgresql", marks=pytest.mark.docker), ("local", "sqlite")],
    indirect=True,
)
"""Of sandboxes and of databases: neither knows of the other."""


def test_the_report_used_here_is_one() -> None:
    schema = json.loads(Path("pipeline/proving/execution-report.schema.json").read_text())
    Draft202012Validator(schema).validate(report())


def test_a_comment_becomes_a_pull_request(hub: FakeGitHub, engine: Engine, port: int, worker: Worker) -> None:
    issue = hub.open_issue("Implement attention", "Please.")
    event = hub.comment_event(issue, "/paper2code arxiv:1706.03762 max_usd=2")
    assert deliver(port, "issue_comment", event)[0] == 202
    assert deliver(port, "issue_comment", event)[0] == 202  # GitHub may deliver twice
    with engine.working(worker):
        until(lambda: any(record.outcome for record in engine.latest()))
    (record,) = engine.latest()
    assert record.state == "done", record
    assert [reaction["content"] for reaction in hub.state.reactions] == ["eyes"]
    (comment,) = hub.comments_by(BOT)
    (pull,) = hub.state.pulls.values()
    assert f"#{pull['number']}" in comment["body"]
    assert pull["head"] == "paper2code/1706.03762-1"
    assert not pull["draft"]
    assert "Refs #1" in pull["body"]
    sha = hub.refs()["paper2code/1706.03762-1"]
    shown = subprocess.run(
        ["git", "-C", hub.git, "show", f"{sha}:papers/1706.03762-attention/main.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout == "print('hello')\n"
    (check,) = hub.state.checks
    assert (check["head_sha"], check["conclusion"]) == (sha, "success")
    assert hub.state.labels[pull["number"]] == ["paper2code"]
    assert {token.permissions.get("contents") for token in hub.tokens.values()} == {"write"}


@BOTH_KINDS
def test_cancel_reaches_code_that_is_being_run(
    hub: FakeGitHub, github: GitHub, engine: Engine, sandbox: Sandbox, packages: Path, tmp_path: Path
) -> None:
    issue, paper = hub.open_issue("A", ""), Submission("2401.00001", "Means of Things", source=one_file(TEX))
    (tmp_path / "packages").symlink_to(packages, target_is_directory=True)
    with fake_arxiv(paper) as arxiv:

        @contextmanager
        def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
            client = Arxiv(arxiv.url, arxiv.url, tmp_path / "arxiv", interval=0)
            answers = recording() | {"code.experiments.py": fenced(SLEEPING)}
            yield Tools(client, ScriptedLLM(answers), sandbox)

        made = reproducer(toolbox, Settings(data_dir=tmp_path, model="scripted"))
        engine.ask(request(hub, issue, "/paper2code arxiv:2401.00001"))
        with engine.working(Worker(github, made, tmp_path, waits=(0,), seconds_between_edits=0.05)):
            until(lambda: [record.board.stage for record in engine.latest()] == ["run"], 200)
            engine.ask(request(hub, issue, "/paper2code cancel"))
            until(lambda: engine.latest()[0].outcome is not None, 200)
    assert engine.latest()[0].state == "cancelled"
    assert "Stopped" in hub.comments_by(BOT)[0]["body"]


TEX = r"""\documentclass{article}
\title{Means of Things}
\author{A. Author}
\begin{document}
\maketitle
\begin{abstract}We compute the mean of things.\end{abstract}
\section{Method}
The estimate is the arithmetic mean of all observations.

We use a learning rate of $10^{-3}$ and a batch of 32 observations.
\end{document}
"""


@BOTH_KINDS
def test_the_real_pipeline_delivers_what_the_sandbox_ran(
    hub: FakeGitHub,
    github: GitHub,
    engine: Engine,
    port: int,
    sandbox: Sandbox,
    packages: Path,
    tmp_path: Path,
) -> None:
    """Everything but the model, which is a script: arXiv, LaTeX, plan, code, sandbox, report, git, GitHub."""
    paper = Submission("2401.00001", "Means of Things", source=one_file(TEX))
    settings = Settings(data_dir=tmp_path / "data", model="scripted")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "packages").symlink_to(packages, target_is_directory=True)
    packages.mkdir(parents=True, exist_ok=True)
    with fake_arxiv(paper) as arxiv:

        @contextmanager
        def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
            client = Arxiv(arxiv.url, arxiv.url, tmp_path / "arxiv", interval=0)
            yield Tools(client, ScriptedLLM(recording()), sandbox)

        made = reproducer(toolbox, settings)
        worker = Worker(github, made, settings.data_dir, waits=(0,), seconds_between_edits=0.05)
        event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:2401.00001")
        assert deliver(port, "issue_comment", event)[0] == 202
        with engine.working(worker):
            until(lambda: any(record.outcome for record in engine.latest()), 200)
    (record,) = engine.latest()
    assert record.outcome and record.outcome.status == "runs", record
    (pull,) = hub.state.pulls.values()
    assert "**Runs** (smoke run)" in pull["body"]
    assert "2 of 2 requirements implemented" in pull["body"]
    log = subprocess.run(
        ["git", "-C", hub.git, "log", "--format=%s", f"main..{pull['head']}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert log.stdout.split("\n")[:-1][-2:] == ["Write the code", "Plan the reproduction"]
    (comment,) = hub.comments_by(BOT)
    assert f"#{pull['number']}" in comment["body"]


@BOTH_KINDS
def test_a_comment_at_a_line_changes_what_was_delivered(
    hub: FakeGitHub,
    github: GitHub,
    engine: Engine,
    port: int,
    sandbox: Sandbox,
    packages: Path,
    tmp_path: Path,
) -> None:
    """As above, and then a reviewer asks for a change while somebody else pushes to the branch."""
    data = tmp_path / "data"
    data.mkdir()
    packages.mkdir(parents=True, exist_ok=True)
    (data / "packages").symlink_to(packages, target_is_directory=True)
    settings, branch = Settings(data_dir=data, model="scripted"), "paper2code/2401.00001-1"
    directory = "papers/2401.00001-mean-of-things"

    def edit(prompt: Prompt) -> str:
        hub.commit(branch, {f"{directory}/notes.txt": "Mine"})
        return (
            "I use numpy's own mean.\n\nestimator.py\n<<<<<<< SEARCH\n    return total / len(values)\n=======\n"
            "    return float(np.mean(values))\n>>>>>>> REPLACE\n"
        )

    with fake_arxiv(Submission("2401.00001", "Means of Things", source=one_file(TEX))) as arxiv:

        @contextmanager
        def toolbox(job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
            client = Arxiv(arxiv.url, arxiv.url, tmp_path / "arxiv", interval=0)
            yield Tools(client, ScriptedLLM({**recording(), "revise.1": edit}), sandbox)

        made, revise = reproducer(toolbox, settings), reviser(toolbox, settings)
        worker = Worker(github, made, data, waits=(0,), seconds_between_edits=0.05, revise=revise)
        with engine.working(worker):
            event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:2401.00001")
            assert deliver(port, "issue_comment", event)[0] == 202
            until(lambda: any(record.outcome for record in engine.latest()), 200)
            shutil.rmtree(data / "jobs")  # another worker need not have it
            (pull,) = hub.state.pulls
            body, place = "/paper2code revise Use numpy's own mean.", f"{directory}/estimator.py"
            event = hub.remark_event(pull, body, path=place, lines=(9, 9))
            assert deliver(port, "pull_request_review_comment", event)[0] == 202
            assert deliver(port, "pull_request_review_comment", event)[0] == 202
            until(lambda: len([r for r in engine.latest() if r.outcome]) == 2, 200)
    record = next(record for record in engine.latest() if record.job.wish)
    assert record.outcome and record.outcome.status == "runs", record
    (reply,) = hub.remarks_by(BOT)
    assert f"Done in {hub.refs()[branch]}" in reply["body"] and "✅ It runs" in reply["body"]
    log = subprocess.run(
        ["git", "-C", hub.git, "log", "--format=%s", f"main..{branch}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert log.stdout.split("\n")[:2] == ["Revise: Use numpy's own mean.", "Change by hand"]
    told = {check["name"]: check for check in hub.state.checks if check["head_sha"] == hub.refs()[branch]}
    assert list(told) == [f"paper2code: {name}" for name in ("it runs", "tested", "read", "compared")]
    assert told["paper2code: it runs"]["conclusion"] == "success"
    assert "2 of 2 requirements" in told["paper2code: it runs"]["output"]["title"]


def test_a_pull_request_that_is_closed_stops_its_jobs(
    hub: FakeGitHub, github: GitHub, engine: Engine, port: int, worker: Worker, tmp_path: Path
) -> None:
    engine.ask(request(hub, hub.open_issue("A", ""), "/paper2code arxiv:1706.03762"))
    with engine.working(worker):
        until(lambda: any(record.outcome for record in engine.latest()))
    (pull,), slow = hub.state.pulls, Slow()
    engine.submit(job(id=f"{REPOSITORY_ID}-1-again"))
    event = hub.pull_event(pull) | {"action": "closed"}
    event["pull_request"]["closed_at"] = "2026-01-02T00:00:00Z"
    with engine.working(Worker(github, slow, tmp_path, waits=(0,), seconds_between_edits=0.05)):
        assert slow.begun.wait(30)
        assert deliver(port, "pull_request", event) == (202, {"request": "d-1"})
        until(lambda: all(record.outcome for record in engine.latest()))
    assert [record.state for record in engine.latest()] == ["cancelled", "done"]
    assert slow.stopped == 1


GONE = [
    ("installation", {"action": "deleted"}),
    ("installation", {"action": "suspend"}),
    ("installation_repositories", {"action": "removed", "repositories_removed": [{"id": REPOSITORY_ID}]}),
]


@pytest.mark.parametrize(("name", "event"), GONE)
def test_a_repository_that_we_lose_stops_its_jobs_unless_it_is_back(
    hub: FakeGitHub,
    github: GitHub,
    engine: Engine,
    port: int,
    tmp_path: Path,
    name: str,
    event: dict[str, object],
) -> None:
    """The event is one and the same: what GitHub says when it is asked decides."""
    hub.open_issue("A", "")
    slow, event = Slow(), {**event, "installation": {"id": INSTALLATION}, "sender": {"type": "User"}}
    engine.submit(job(id=f"{REPOSITORY_ID}-1-a"))

    def handled() -> list[str]:
        return [status.status for status in engine._client.list_workflows(name="end")]

    with engine.working(Worker(github, slow, tmp_path, waits=(0,), seconds_between_edits=0.05)):
        assert slow.begun.wait(30)
        assert deliver(port, name, event, delivery="late")[0] == 202
        until(lambda: handled() == ["SUCCESS"])
        assert not engine._attributes(f"{REPOSITORY_ID}-1-a").get("cancel")
        hub.state.installed = False
        for delivery in ("late", "new"):
            assert deliver(port, name, event, delivery=delivery)[0] == 202
        until(lambda: slow.stopped == 1)
        until(lambda: all(record.outcome for record in engine.latest()))
    assert [record.state for record in engine.latest()] == ["cancelled"]
    assert len(handled()) == 2


@pytest.mark.parametrize("lost", [False, True])
def test_whether_a_repository_is_lost_is_not_guessed(hub: FakeGitHub, github: GitHub, lost: bool) -> None:
    hub.state.installed = not lost
    assert github.reaches(PLACE) != lost
    hub.fail("POST", "/access_tokens$", 401, message="A JSON web token could not be decoded")
    with pytest.raises(GitHubRefused):
        github.reaches(PLACE)


def test_a_worker_does_its_chores_at_the_start_whatever_becomes_of_them(
    hub: FakeGitHub, tmp_path: Path
) -> None:
    stop, done = threading.Event(), []

    def fails() -> None:
        raise RuntimeError("no daemon")

    def works() -> None:
        done.append("works")
        stop.set()

    key = SecretStr(hub.private_key)
    settings = Settings(
        data_dir=tmp_path,
        github_app_id=APP_ID,
        github_app_private_key=key,
        github_api_url=hub.api_url,
        github_server_url=hub.url,
    )
    work(settings, make, stop, fails, works)
    assert done == ["works"]


def test_an_event_that_nobody_took_is_answered_after_the_start(
    hub: FakeGitHub, port: int, engine: Engine, tmp_path: Path
) -> None:
    """The web process was down when GitHub sent it."""
    stop = threading.Event()
    event = hub.comment_event(hub.open_issue("A", ""), "/paper2code help")
    hub.delivered("issue_comment", event, 0)
    hub.hook = lambda name, payload, guid: deliver(port, name, payload, delivery=guid)[0]
    key = SecretStr(hub.private_key)
    settings = Settings(
        data_dir=tmp_path / "worker",
        github_app_id=APP_ID,
        github_app_private_key=key,
        github_api_url=hub.api_url,
        github_server_url=hub.url,
    )
    work(settings, make, stop, stop.set)
    assert engine.pending() == 1


def test_a_worker_ends_at_sigterm_as_at_ctrl_c(hub: FakeGitHub, tmp_path: Path) -> None:
    data = tmp_path / "data"
    engine = Engine(f"sqlite:///{data}/jobs.sqlite")
    engine.ask(request(hub, hub.open_issue("A", ""), "/paper2code help"))
    engine.close()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PAPER2CODE_DATA_DIR": str(data),
        "PAPER2CODE_SANDBOX": "none",
        "GITHUB_APP_ID": str(APP_ID),
        "GITHUB_APP_PRIVATE_KEY": hub.private_key,
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_SERVER_URL": hub.url,
    }
    with (
        FakeModel() as model,
        subprocess.Popen(
            [sys.executable, "-c", "from app import main; main()", "work"],
            cwd=tmp_path,
            env={**environment, "OPENAI_BASE_URL": model.url},
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            until(lambda: bool(hub.comments_by(BOT)), 120)
            process.send_signal(signal.SIGTERM)
            _, explained = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert explained.endswith("Interrupted.\n")
