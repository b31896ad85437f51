"""Pages for whoever has the token, and nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from bot.engine import Engine, database_url
from bot.progress import Board
from bot.webhook import create_app
from pipeline.progress import Progress
from settings import Settings
from tests.bot.conftest import SECRET
from tests.bot.test_worker import job

TOKEN = "open-sesame-please"
FIRST = "123456-1-aaaaaaaaaaaa"
PAGES = ["/", "/events", f"/jobs/{FIRST}", f"/jobs/{FIRST}/events", "/metrics", "/static/style.css"]
ADMITTED = ("anybody", TOKEN)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, github_webhook_secret=SecretStr(SECRET), dashboard_token=SecretStr(TOKEN)
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """With a job that has written half of its code."""
    engine = Engine(database_url(settings))
    engine.submit(job(id=FIRST))
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
    assert figures == {
        'paper2code_jobs{state="queued"}': "1",
        'paper2code_jobs{state="running"}': "0",
        'paper2code_jobs{state="done"}': "0",
        'paper2code_jobs{state="failed"}': "0",
        'paper2code_jobs{state="cancelled"}': "0",
        "paper2code_jobs_usd": "0.2500",
        "paper2code_requests_waiting": "0",
    }
