"""Two machines: worker processes that share nothing but a database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bot.github.github import GitHub
from bot.jobs.engine import Engine
from tests.bot.conftest import deliver, until
from tests.bot.crash import BOT, UNRUN, answered_but, assert_delivered_once, hired, ran
from tests.bot.test_end_to_end import TEX
from tests.bot.work.test_revising import asked, log, opened
from tests.bot.work.test_worker import request
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID
from tests.fakes.model import FakeModel, Reply

FIRST_FILE = "code.estimator.py"
"""Asked when the plan is made, and nothing beside it: whatever was answered by then is kept."""
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def arxiv() -> Iterator[FakeArxiv]:
    with fake_arxiv(
        *(Submission(f"2401.0000{n}", "Means of Things", source=one_file(TEX)) for n in (1, 2))
    ) as fake:
        yield fake


class Machine:
    """A worker process with a data folder of its own."""

    def __init__(
        self, data: Path, database: str, hub: FakeGitHub, arxiv: FakeArxiv, model: FakeModel
    ) -> None:
        self.data = data
        root = Path(__file__).parents[2]
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
            "PAPER2CODE_DATA_DIR": str(data),
            "PAPER2CODE_DATABASE_URL": database,
            "PAPER2CODE_ARXIV_URL": arxiv.url,
            "PAPER2CODE_ARXIV_API_URL": arxiv.url,
            "PAPER2CODE_CONCURRENCY": "1",
            "PAPER2CODE_JOBS": "1",
            "GITHUB_APP_ID": str(APP_ID),
            "GITHUB_APP_PRIVATE_KEY": hub.private_key,
            "GITHUB_API_URL": hub.api_url,
            "GITHUB_SERVER_URL": hub.url,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": model.url,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bot.machine"], env=environment, cwd=root
        )

    @property
    def working(self) -> bool:
        """Whether it has begun a job."""
        return any(self.data.glob("jobs/*/journal.jsonl"))


@contextmanager
def machines(folder: Path, *parts: object) -> Iterator[tuple[Machine, Machine]]:
    with ExitStack() as stack:
        started = [Machine(folder / name, *parts) for name in ("one", "two")]  # type: ignore[arg-type]
        for machine in started:
            stack.enter_context(machine.process)
            stack.callback(machine.process.kill)
        yield started[0], started[1]


def test_the_other_machine_finishes_and_pays_for_nothing_again(
    hub: FakeGitHub, engine: Engine, port: int, database: str, arxiv: FakeArxiv, tmp_path: Path
) -> None:
    """A signed webhook in, a pull request out, and between them the machine that made the plan dies."""
    with (
        FakeModel(answered_but(FIRST_FILE, Reply(hangs_after=0))) as model,
        machines(tmp_path, database, hub, arxiv, model) as both,
    ):
        event = hub.comment_event(hub.open_issue("A", ""), "/paper2code arxiv:2401.00001")
        assert deliver(port, "issue_comment", event)[0] == 202
        assert model.hanging.wait(120)
        (busy,) = [machine for machine in both if machine.working]
        busy.process.send_signal(signal.SIGKILL)
        until(lambda: any(record.outcome for record in engine.latest()), 120)
        asked = len(model.requests)
    (record,) = engine.latest()
    assert record.outcome and (record.outcome.state, record.outcome.status) == ("done", "not-run")
    assert asked == UNRUN + 1
    first, second = (machine.data for machine in both)
    assert (first / "arxiv").exists() and (second / "arxiv").exists()
    assert_delivered_once(hub)


@ON_POSTGRESQL
def test_a_machine_that_comes_back_to_life_finds_its_job_gone(
    hub: FakeGitHub, engine: Engine, database: str, arxiv: FakeArxiv, tmp_path: Path
) -> None:
    """Frozen, not dead: it still has its connections, its threads and its opinion."""
    with (
        FakeModel(answered_but(FIRST_FILE, Reply(hangs_after=0))) as model,
        machines(tmp_path, database, hub, arxiv, model) as both,
    ):
        engine.ask(request(hub, hub.open_issue("A", ""), "/paper2code arxiv:2401.00001"))
        assert model.hanging.wait(120)
        frozen, other = sorted(both, key=lambda machine: not machine.working)
        frozen.process.send_signal(signal.SIGSTOP)
        until(lambda: any(record.outcome for record in engine.latest()), 120)
        assert_delivered_once(hub)
        told = [comment["body"] for comment in hub.comments_by(BOT)]
        other.process.kill()
        frozen.process.send_signal(signal.SIGCONT)
        engine.ask(request(hub, hub.open_issue("B", ""), "/paper2code arxiv:2401.00002"))
        until(lambda: [record.state for record in engine.latest()] == ["done", "done"], 120)
        assert len(model.requests) == 2 * UNRUN + 1
    assert [comment["body"] for comment in hub.comments_by(BOT)][:1] == told
    assert len(hub.state.pulls) == len(ran(hub)) == len(hub.comments_by(BOT)) == 2


@ON_POSTGRESQL
def test_a_retry_on_another_machine_goes_on_with_what_is_paid_for(
    hub: FakeGitHub, engine: Engine, database: str, arxiv: FakeArxiv, tmp_path: Path
) -> None:
    refused = Reply(status=401, error={"message": "Incorrect API key provided"})
    issue = hub.open_issue("A", "")
    with FakeModel(answered_but(FIRST_FILE, refused)) as model:
        parts = (database, hub, arxiv, model)
        engine.ask(request(hub, issue, "/paper2code arxiv:2401.00001"))
        first = Machine(tmp_path / "first", *parts)
        with first.process:
            until(lambda: any(record.outcome for record in engine.latest()), 120)
            first.process.kill()
        assert engine.latest()[0].state == "failed"
        engine.ask(request(hub, issue, "/paper2code retry"))
        second = Machine(tmp_path / "second", *parts)
        with second.process:
            until(lambda: [record.state for record in engine.latest()] == ["done", "failed"], 120)
            second.process.kill()
        assert len(model.requests) == UNRUN + 1
    assert len(hub.state.pulls) == 1


@ON_POSTGRESQL
def test_two_machines_share_the_work_and_cancel_reaches_both(
    hub: FakeGitHub, engine: Engine, database: str, arxiv: FakeArxiv, tmp_path: Path
) -> None:
    issue = hub.open_issue("A", "")
    with (
        FakeModel(Reply(hangs_after=0)) as model,
        machines(tmp_path, database, hub, arxiv, model) as both,
    ):
        engine.ask(request(hub, issue, "/paper2code arxiv:2401.00001"))
        engine.ask(request(hub, issue, "/paper2code arxiv:2401.00002"))
        until(lambda: all(machine.working for machine in both) and len(model.requests) == 2, 120)
        engine.ask(request(hub, issue, "/paper2code cancel"))
        until(lambda: [record.state for record in engine.latest()] == ["cancelled"] * 2, 60)
    assert len(hub.comments_by(BOT)) == 2


def test_what_is_allowed_holds_for_all_workers_together(
    hub: FakeGitHub, engine: Engine, database: str, tmp_path: Path
) -> None:
    hub.state.files[".github/paper2code.yml"] = "quota: {per_day: 3}"
    issue = hub.open_issue("A", "")
    for number in range(1, 9):
        engine.ask(request(hub, issue, f"/paper2code arxiv:2401.0000{number}"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with hired(hub, database, tmp_path / "one"), hired(hub, database, tmp_path / "two"):
        until(lambda: engine.pending() == 0, 120)
    assert len(engine.latest()) == 3


def test_revisions_of_one_pull_request_are_made_in_turn_by_all_workers_together(
    hub: FakeGitHub, github: GitHub, engine: Engine, database: str, tmp_path: Path
) -> None:
    """Each changes the same line: two at the same time would be a conflict."""
    hub.state.files[".github/paper2code.yml"] = "quota: {concurrent: 9, per_day: 9}"
    pull, texts = opened(hub, github, tmp_path), [f"Number {number}." for number in range(4)]
    for text in texts:
        engine.ask(asked(hub, pull, f"/paper2code revise {text}"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with hired(hub, database, tmp_path / "one"), hired(hub, database, tmp_path / "two"):
        until(lambda: len(engine.latest()) == 4 and all(record.outcome for record in engine.latest()), 120)
    assert [record.state for record in engine.latest()] == ["done"] * 4
    assert sorted(log(hub)[:-2]) == [f"Revise: {text}" for text in texts]
