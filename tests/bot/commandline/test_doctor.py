"""What the doctor finds on this machine and at services on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import main
from bot.commandline import doctor
from bot.commandline.doctor import Check, examine
from settings import Settings
from tests.conftest import available
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID
from tests.fakes.serving import serving

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
UNREACHABLE = "http://127.0.0.1:9"


@contextmanager
def service(models: list[str] | None, key: str = "sk-good") -> Iterator[str]:
    """A model endpoint, which is arXiv as well; `models` None: it lists none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = 200, b""
            if self.path == "/v1/models":
                if self.headers["Authorization"] != f"Bearer {key}":
                    status = 401
                elif models is None:
                    status = 404
                else:
                    body = json.dumps({"data": [{"id": name} for name in models]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    with serving(Handler) as url:
        yield url


def look(tmp_path: Path, url: str = UNREACHABLE, **values: object) -> dict[str, Check]:
    given = {"data_dir": tmp_path, "openai_api_key": "sk-good", **values}
    given = {"openai_base_url": f"{url}/v1", "arxiv_url": url, "arxiv_api_url": url, **given}
    return {check.name: check for check in examine(Settings.model_validate(given))}


def test_a_machine_that_is_ready(tmp_path: Path) -> None:
    with service(["gpt-6.2-sol", "gpt"]) as url:
        found = look(tmp_path, url)
    for name in (
        "paper2code",
        "Python",
        "git",
        "uv",
        "Data folder",
        "Model key",
        "Model",
        "arXiv",
        "Database",
    ):
        assert found[name].state == "ok", found[name]
        assert not found[name].mend
    assert found["GitHub App"].state == "off"


def test_services_that_do_not_answer_are_named_with_what_to_do(tmp_path: Path) -> None:
    found = look(tmp_path)
    for name in ("Model endpoint", "arXiv"):
        assert found[name].state == "bad"
        assert UNREACHABLE in found[name].detail
        assert found[name].mend


def test_a_key_that_is_not_accepted(tmp_path: Path) -> None:
    with service(["gpt-6.2-sol"]) as url:
        check = look(tmp_path, url, openai_api_key="sk-bad")["Model endpoint"]
    assert check.state == "bad"
    assert "does not accept the key" in check.detail
    assert "OPENAI_API_KEY" in check.mend


@pytest.mark.parametrize(
    ("model", "state", "words"),
    [
        ("o9", "warn", "does not list o9"),
        ("o3-mini", "bad", "o3-mini has ended on 2026-10-23"),
        (None, "ok", "gpt-6.2-sol"),
    ],
)
def test_a_model_that_an_endpoint_does_not_offer(
    tmp_path: Path, model: str | None, state: str, words: str
) -> None:
    with service(["gpt", "gpt-6.2-sol"]) as url:
        check = look(tmp_path, url, model=model)["Model"]
    assert check.state == state
    assert words in check.detail
    assert state == "ok" or ("offers gpt-6.2-sol" in check.detail and "PAPER2CODE_MODEL" in check.mend)


def test_the_judge_is_looked_at_where_it_is_another_model_at_another_service(tmp_path: Path) -> None:
    with service(["gpt-6.2-sol"]) as url:
        found = look(tmp_path, url, judge_model="claude-sonnet-5-5", anthropic_base_url=UNREACHABLE)
    assert found["Model"].state == "ok"
    assert UNREACHABLE in found["Model endpoint"].detail
    assert "ANTHROPIC_BASE_URL" in found["Model endpoint"].mend


@pytest.mark.parametrize(("cap", "state"), [(1.0, "bad"), (None, "warn")])
def test_a_model_without_a_price(tmp_path: Path, cap: float | None, state: str) -> None:
    with service(["llama3"]) as url:
        check = look(tmp_path, url, model="llama3", max_usd=cap)["Price"]
    assert check.state == state
    assert 'models."llama3" = {' in check.mend


def test_an_endpoint_need_not_list_its_models(tmp_path: Path) -> None:
    with service(None) as url:
        check = look(tmp_path, url)["Model"]
    assert check.state == "ok"
    assert "answers 404 to a list of models" in check.detail


def test_no_key_is_bad_and_no_key_is_ever_shown(tmp_path: Path) -> None:
    assert look(tmp_path, openai_api_key=None)["Model key"].state == "off"
    missing = look(tmp_path, openai_api_key=None, openai_base_url=None)["Model key"]
    assert missing.state == "bad"
    assert "OPENAI_API_KEY" in missing.mend
    assert "sk-good" not in repr(look(tmp_path))


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = look(tmp_path, data_dir=tmp_path / "file/data")["Data folder"]
    assert check.state == "bad"
    assert "PAPER2CODE_DATA_DIR" in check.mend


def test_half_a_github_app_is_bad_and_a_whole_one_is_ok(tmp_path: Path) -> None:
    half = look(tmp_path, github_app_id=7)["GitHub App"]
    assert half.state == "bad"
    assert half.detail == "GITHUB_APP_PRIVATE_KEY, GITHUB_WEBHOOK_SECRET not set"
    whole = look(tmp_path, github_app_id=7, github_app_private_key=KEY, github_webhook_secret="s")
    assert whole["GitHub App"].state == "ok"


def test_a_database_that_does_not_answer_keeps_its_password_to_itself(tmp_path: Path) -> None:
    check = look(tmp_path, database_url="postgresql://me:five-word@127.0.0.1:9/jobs")["Database"]
    assert check.state == "bad"
    assert "127.0.0.1:9/jobs" in check.detail
    assert "five-word" not in repr(check)


def test_a_database_that_cannot_keep_every_text_is_bad(tmp_path: Path, of_bytes: str) -> None:
    check = look(tmp_path, database_url=of_bytes)["Database"]
    assert (check.state, "SQL_ASCII" in check.detail, "ENCODING 'UTF8'" in check.mend) == ("bad", True, True)


def test_a_misspelt_variable_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_MODLE", "o3")
    assert "PAPER2CODE_MODEL" in look(tmp_path)["Environment"].detail


def test_without_any_sandbox_nothing_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = look(tmp_path)
    assert found["Sandbox docker"].state == "off"
    assert found["git"].state == "bad"


@pytest.mark.docker
def test_the_sandbox_is_looked_at_as_it_would_be_used(tmp_path: Path) -> None:
    available("docker")
    assert look(tmp_path)["Sandbox docker"].state == "ok"
    check = look(tmp_path, sandbox="docker", sandbox_runtime="no-such-runtime")["Sandbox docker"]
    assert check.state == "bad"
    assert "no-such-runtime" in check.detail


def at(hub: FakeGitHub, folder: Path) -> dict[str, Check]:
    """What is found with the App of a GitHub."""
    return look(
        folder,
        github_app_id=APP_ID,
        github_app_private_key=hub.private_key,
        github_webhook_secret="s",
        github_api_url=hub.api_url,
    )


def test_an_app_that_github_knows_as_it_has_to_be(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.delivered("issues", {}, 202)
    found = at(hub, tmp_path)
    assert found["App at GitHub"].state == "ok" and "1 installation" in found["App at GitHub"].detail
    assert found["Webhook"] == Check("Webhook", "ok", "1 of the last 1 deliveries arrived")


def test_what_an_app_lacks_is_named(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.state.granted["checks"] = "read"
    hub.state.heard.remove("issue_comment")
    found = at(hub, tmp_path)
    assert "checks: write" in found["App permissions"].detail and found["App permissions"].state == "bad"
    assert "contents" not in found["App permissions"].detail
    assert "issue_comment" in found["App events"].detail


def test_a_webhook_that_github_does_not_reach(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.delivered("issues", {}, 0)
    found = at(hub, tmp_path)["Webhook"]
    assert found.state == "bad" and "0 of the last 1" in found.detail and "no answer" in found.detail


def test_an_app_that_is_installed_nowhere(hub: FakeGitHub, tmp_path: Path) -> None:
    hub.state.installed = False
    assert "/installations/new" in at(hub, tmp_path)["App installations"].mend


def test_a_clock_that_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service(["gpt-6.2-sol"]) as url:
        assert look(tmp_path, url)["Clock"].state == "ok"
        monkeypatch.setattr(doctor, "OFF_SECONDS", -1.0)
        assert look(tmp_path, url)["Clock"].state == "bad"


@pytest.mark.parametrize("date", ["", "soon", "Thu, 01 Jan 1970 00:00:00 +9999999999999999"])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    assert list(doctor._clock(date)) == []


def test_every_setting_is_listed_with_its_origin_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-live-hidden")
    monkeypatch.setenv("PAPER2CODE_DATABASE_URL", "postgresql://me:five-word@db/jobs")
    done = CliRunner().invoke(main, ["doctor", "--settings"])
    assert done.exit_code == 0
    said = done.output
    assert f"PAPER2CODE_DATA_DIR = {tmp_path}  (environment)" in said
    assert "OPENAI_API_KEY = (secret)  (environment)" in said
    assert "PAPER2CODE_JOBS = 2  (default)" in said and "Papers that one worker has in hand" in said
    assert "GITHUB_APP_ID is not set" in said
    assert "hidden" not in said and "five-word" not in said
