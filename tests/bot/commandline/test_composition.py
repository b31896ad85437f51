"""What settings, a repository's configuration and an endpoint make of each other."""

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commandline import composition
from bot.intake.configuration import Configuration
from bot.jobs.watch import Watch
from pipeline.errors import BudgetReached, Cancelled, ModelUnavailable
from pipeline.model.defaults import DEFAULTS
from pipeline.model.division import UNDIVIDED
from pipeline.model.llm import Prompt
from pipeline.reading.paper import Paper
from settings import Settings
from tests.bot.work.test_worker import job
from tests.fakes.model import FakeModel, Reply
from tests.fakes.serving import serving
from tests.pipeline.plans import PAPER

OPENAI, CLAUDE = DEFAULTS["openai"], DEFAULTS["anthropic"]


def unseen() -> Watch:
    """Nobody follows the job."""
    return Watch(lambda board: None, lambda: False, seconds=0.01)


class Models(BaseHTTPRequestHandler):
    """A service that lists the default."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": OPENAI}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.usefixtures("logs_restored")
def test_a_process_that_stays_keeps_its_data_folder_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    composition.begin(Settings(data_dir=folder, database_url="postgresql://somewhere/jobs"), "The worker")
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("values", "models"),
    [
        ({}, (OPENAI, OPENAI)),
        ({"anthropic_api_key": "k"}, (CLAUDE, CLAUDE)),
        ({"anthropic_api_key": "k", "openai_api_key": "k"}, (OPENAI, OPENAI)),
        ({"anthropic_api_key": "k", "openai_base_url": "http://h/v1"}, (OPENAI, OPENAI)),
        ({"provider": "anthropic"}, (CLAUDE, CLAUDE)),
        ({"model": "a"}, ("a", "a")),
        ({"model": "a", "judge_model": "b"}, ("a", "b")),
    ],
)
def test_who_writes_and_who_judges(values: dict[str, str], models: tuple[str, str]) -> None:
    settings = Settings.model_validate(values)
    assert composition.models(settings) == models
    assert composition.models(composition.judging(settings)) == (models[1], models[1])


def test_each_model_is_asked_at_its_own_service() -> None:
    settings = Settings.model_validate({"openai_base_url": "http://o/v1", "anthropic_base_url": "http://a"})
    assert composition.service(settings, "gpt-6.2-sol").base_url == "http://o/v1"
    assert composition.service(settings, CLAUDE).base_url == "http://a"
    routed = settings.model_copy(update={"provider": "openai"})
    assert composition.service(routed, CLAUDE).base_url == "http://o/v1"


@pytest.mark.parametrize(
    ("host", "repository", "models"),
    [
        ({}, {}, [OPENAI, OPENAI]),
        ({"model": "gpt-4.1"}, {"model": "gpt-4o"}, ["gpt-4o", "gpt-4o"]),
        ({"judge_model": "gpt-4.1"}, {"model": "gpt-4o"}, ["gpt-4o", "gpt-4.1"]),
        ({"judge_model": "gpt-4.1"}, {"judge_model": "gpt-4o"}, [OPENAI, "gpt-4o"]),
    ],
)
def test_a_job_is_done_by_those_whom_its_repository_names_before_those_of_the_host(
    tmp_path: Path, host: dict[str, str], repository: dict[str, str], models: list[str]
) -> None:
    asked = job(configuration=Configuration.model_validate(repository))
    with FakeModel(Reply("x")) as fake:
        settings = Settings.model_validate({"openai_base_url": fake.url, "data_dir": tmp_path, **host})
        toolbox = composition.toolbox(settings, None, None)
        with toolbox(asked, tmp_path / "job", unseen()) as tools:
            shares = tools.llm.shares
        assert [shares["writer"].model, shares["auditor"].model] == models
        assert fake.listed == 1


def test_a_job_says_what_is_to_be_known_of_its_model_and_what_it_may_cost(tmp_path: Path) -> None:
    paper = Paper("Means", ("A",), "", (), (), "markdown")
    with FakeModel(models={OPENAI: "2026-12-24"}) as fake:
        settings = Settings.model_validate({"openai_base_url": fake.url, "data_dir": tmp_path})
        with composition.toolbox(settings, None, None)(job(), tmp_path / "job", unseen()) as tools:
            [concern] = tools.concerns
            assert concern.startswith(f"{OPENAI} e") and "2026-12-24" in concern
            assert tools.expected(paper).startswith(f"Expected with {OPENAI}: ")


def test_a_job_whose_model_cannot_be_reached_ends_before_anything_else(tmp_path: Path) -> None:
    settings = Settings.model_validate({"openai_base_url": "http://127.0.0.1:9/v1", "data_dir": tmp_path})
    opened = composition.toolbox(settings, None, None)(job(), tmp_path / "job", unseen())
    with pytest.raises(ModelUnavailable, match="cannot be reached"), opened:
        pytest.fail("it was opened")
    assert list(tmp_path.iterdir()) == []


def test_a_workers_job_waits_for_a_model_service_that_is_not_there_yet_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings.model_validate(
        {"openai_base_url": f"http://127.0.0.1:{port}/v1", "data_dir": tmp_path}
    )
    with contextlib.ExitStack() as later:

        class Following(Watch):
            def say(self, note: str) -> None:
                super().say(note)
                later.enter_context(serving(Models, port))

        watch = Following(lambda board: None, lambda: False, seconds=0.01)
        with composition.toolbox(settings, None, None, waits=(0.0, 0.0))(job(), tmp_path, watch) as tools:
            assert tools.concerns == ()
        [note] = watch.board.notes
        assert f"http://127.0.0.1:{port}/v1 cannot be reached" in note and "every minute" in note


def test_a_job_that_waits_for_its_model_service_can_be_stopped(tmp_path: Path) -> None:
    settings = Settings.model_validate({"openai_base_url": "http://127.0.0.1:9/v1", "data_dir": tmp_path})
    stopping = threading.Event()

    class Stopped(Watch):
        def say(self, note: str) -> None:
            stopping.set()

        def cancelled(self) -> bool:
            return stopping.is_set()

    watch = Stopped(lambda board: None, lambda: False, seconds=0.01)
    opened = composition.toolbox(settings, None, None, waits=(0.0,) * 99)(job(), tmp_path, watch)
    with pytest.raises(Cancelled), opened:
        pytest.fail("it was opened")


def test_a_cap_is_divided_for_the_paper_and_what_is_kept_is_not_spent(tmp_path: Path) -> None:
    capped = Settings(model="gpt-6.2-sol", max_usd=0.3, openai_api_key=SecretStr("none"), data_dir=tmp_path)
    with composition.llm(capped, tmp_path, resume=False, cancelled=lambda: False) as session:
        division = composition.divided(capped, PAPER, session)
        assert not division.pays("sharper tests") and division.shares["write"] > 0
        with pytest.raises(BudgetReached, match="kept for what matters more"):
            session.complete(Prompt("tests", "system", "paper", "task"))
        free = capped.model_copy(update={"max_usd": None})
        assert composition.divided(free, PAPER, session) == UNDIVIDED
