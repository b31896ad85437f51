"""Pages for whoever has the token, and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from bot.intake.jobs import Outcome, Record
from bot.intake.progress import Board
from bot.jobs.engine import Engine, database_url
from bot.jobs.evidence import Evidence
from bot.web.dashboard import create_blueprint
from bot.web.visitors import Doors
from bot.web.webhook import create_app
from pipeline.progress import STAGES, Progress
from settings import Settings
from tests.bot.conftest import SECRET, reproduction
from tests.bot.words.test_rating import done, thought
from tests.bot.work.test_worker import job

TOKEN = "open-sesame-please"
FIRST = "123456-1-aaaaaaaaaaaa"
PAGES = [
    "/",
    "/events",
    f"/jobs/{FIRST}",
    f"/jobs/{FIRST}/events",
    "/ratings",
    "/metrics",
    f"/jobs/{FIRST}/figures/docs/figures/Fig1.png",
]
ADMITTED = ("anybody", TOKEN)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, github_webhook_secret=SecretStr(SECRET), dashboard_token=SecretStr(TOKEN)
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """With a job that has written half of its code, and drawn a figure before."""
    engine = Engine(database_url(settings))
    engine.submit(job(id=FIRST))
    made = Evidence.of(reproduction())
    engine.keep(FIRST, replace(made, figures={"docs/figures/Fig1.png": b"PNG"}).packed())
    board = Board().after(Progress("plan", "finished", usd=0.2), 1000.0)
    board = board.after(Progress("code", "advanced", "<script>model.py</script>", 3, 8, 0.25), 1012.0)
    engine.note(FIRST, board)
    yield engine
    engine.close()


@pytest.fixture
def client(settings: Settings, engine: Engine) -> FlaskClient:
    return create_app(settings).test_client()


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_shown_without_the_token(client: FlaskClient, page: str) -> None:
    for given in (None, ("anybody", ""), ("anybody", "open-sesame")):
        answer = client.get(page, auth=given)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert b"1706.03762" not in answer.data
    admitted = client.get(page, auth=ADMITTED)
    admitted.close()
    assert admitted.status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_where_no_token_is_set_there_are_no_pages(settings: Settings, page: str) -> None:
    closed = create_app(settings.model_copy(update={"dashboard_token": None})).test_client()
    assert closed.get(page, auth=("anybody", "")).status_code == 404
    assert closed.get("/healthz").status_code == 200


def test_the_pages_tell_where_a_job_stands(client: FlaskClient) -> None:
    for page in ("/", f"/jobs/{FIRST}"):
        text = client.get(page, auth=ADMITTED).text
        assert "1706.03762" in text and "queued" in text and "$0.25" in text and "Write code" in text
    assert "3 of 8" in text


def test_nothing_that_a_model_wrote_becomes_markup(client: FlaskClient) -> None:
    for page in (f"/jobs/{FIRST}", f"/jobs/{FIRST}/events"):
        answer = client.get(page, auth=ADMITTED)
        assert "<script>model.py" not in answer.text
        assert "&lt;script&gt;model.py" in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_an_open_page_is_sent_what_has_changed(client: FlaskClient, engine: Engine) -> None:
    engine.note(FIRST, Board())
    first = client.get(f"/jobs/{FIRST}/events", auth=ADMITTED)
    assert first.mimetype == "text/event-stream"
    fields = [line.partition(": ") for line in first.text.splitlines()]
    (seen,) = [value for name, _, value in fields if name == "id"]
    assert any("1706.03762" in value for name, _, value in fields if name == "data")
    assert first.text.endswith("\n\n")

    def again() -> str:
        return client.get(f"/jobs/{FIRST}/events", auth=ADMITTED, headers={"Last-Event-ID": seen}).text

    assert "data:" not in again()
    engine.note(FIRST, Board(usd=0.5))
    assert "$0.50" in again()


def test_a_job_that_is_not_there(client: FlaskClient) -> None:
    assert client.get("/jobs/none", auth=ADMITTED).status_code == 404


def test_the_figures_of_the_day(client: FlaskClient, engine: Engine) -> None:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    figures = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert float(figures.pop("paper2code_queue_age_seconds")) > 0
    stages = {name: figures.pop(name) for name in list(figures) if "_stage_" in name}
    assert set(stages) == {
        f'paper2code_stage_{what}{{stage="{stage}"}}' for what in ("seconds", "usd") for stage in STAGES
    }
    assert figures == {
        'paper2code_jobs{state="queued"}': "1",
        'paper2code_jobs{state="running"}': "0",
        'paper2code_jobs{state="waiting"}': "0",
        'paper2code_jobs{state="done"}': "0",
        'paper2code_jobs{state="failed"}': "0",
        'paper2code_jobs{state="cancelled"}': "0",
        "paper2code_jobs_usd": "0.2500",
        'paper2code_jobs_tokens{kind="input"}': "0",
        'paper2code_jobs_tokens{kind="output"}': "0",
        "paper2code_jobs_sandbox_seconds": "0.0",
        "paper2code_workers": "0",
        "paper2code_requests_waiting": "0",
        "paper2code_judged": "0",
        "paper2code_ratings": "0",
    }


class Ended(Engine):
    """Whose jobs have ended."""

    def __init__(self, url: str, *records: Record) -> None:
        super().__init__(url)
        self.ended = list(records)
        self.register.adopt(records)

    def record(self, job: str) -> Record | None:
        return self.ended[0]

    def rated(self) -> list[Record]:
        return self.ended


@contextmanager
def pages(settings: Settings, *records: Record) -> Iterator[FlaskClient]:
    own = settings.model_copy(update={"data_dir": settings.data_dir / "ended"})
    engine = Ended(database_url(own), *records)
    app = Flask("test", static_folder=None)
    doors = Doors(SecretStr(TOKEN), None, engine.sessions, engine.register, None, b"key")
    app.register_blueprint(create_blueprint(doors, engine, "https://github.com"))
    yield app.test_client()
    engine.close()


@pytest.fixture
def ended(settings: Settings) -> Iterator[FlaskClient]:
    """Pages on a job that died in its first stage, was delivered all the same, judged, and rated by three."""
    board = Board().after(Progress("paper", "started", usd=0.1), 1000.0)
    outcome = Outcome("done", "fails", "https://github.com/o/r/pull/7", score=2.5)
    ratings = tuple(thought(score, person_id=score, text="<b>Good</b>") for score in (1, 2, 4))
    with pages(settings, Record(job(id=FIRST), "done", board, outcome, ratings)) as client:
        yield client


def test_a_page_stops_asking_when_its_job_has_ended(client: FlaskClient, ended: FlaskClient) -> None:
    assert 'data-events="/jobs/' in client.get(f"/jobs/{FIRST}", auth=ADMITTED).text
    assert 'data-events=""' in ended.get(f"/jobs/{FIRST}", auth=ADMITTED).text
    address = f"/jobs/{FIRST}/events"
    last = ended.get(address, auth=ADMITTED, headers={"Last-Event-ID": "of-when-it-ran"})
    assert "does not run" in last.text
    (seen,) = [line.removeprefix("id: ") for line in last.text.splitlines() if line.startswith("id: ")]
    over = ended.get(address, auth=ADMITTED, headers={"Last-Event-ID": seen})
    assert (over.status_code, over.text) == (204, "")


def test_a_list_in_which_nothing_happens_is_asked_for_seldom(client: FlaskClient, ended: FlaskClient) -> None:
    assert "retry: 2000\n" in client.get("/events", auth=ADMITTED).text
    assert "retry: 15000\n" in ended.get("/events", auth=ADMITTED).text


def test_scores_of_people_and_of_the_judge_stand_side_by_side(ended: FlaskClient) -> None:
    for page in ("/ratings", f"/jobs/{FIRST}"):
        text = ended.get(page, auth=ADMITTED).text
        assert "2.5" in text and "&lt;b&gt;Good&lt;/b&gt;" in text and "<b>Good" not in text
    assert "needs three ratings that differ" in ended.get("/ratings", auth=ADMITTED).text


def test_the_correlation_is_shown_from_three_pairs_on(client: FlaskClient, settings: Settings) -> None:
    assert "Nobody has rated" in client.get("/ratings", auth=ADMITTED).text
    assert "correlation" not in client.get("/metrics", auth=ADMITTED).text
    with pages(settings, done(2.0, 1), done(3.0, 3), done(5.0, 5)) as rated:
        assert "0.98" in rated.get("/ratings", auth=ADMITTED).text
        figures = rated.get("/metrics", auth=ADMITTED).text
    assert "paper2code_ratings 3\n" in figures and "paper2code_ratings_correlation 0.98" in figures
    assert 'paper2code_score_mean{by="people"} 3.0000' in figures
