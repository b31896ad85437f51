"""Settings come from the environment, and what is wrong with it is said in words."""

import base64
import hashlib
import html
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from settings import Settings, SettingsError, load, told, unknown_variables

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("PAPER2CODE_", "OPENAI_", "ANTHROPIC_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load()
    assert (settings.model, settings.reasoning_effort, settings.max_usd) == (None, "high", None)
    assert settings.data_dir == tmp_path / ".local/share/paper2code"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented(field: str) -> None:
    assert Settings.model_fields[field].description


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PAPER2CODE_CONCURRENCY", "100", "less than or equal to 64"),
        ("PAPER2CODE_CONCURRENCY", "many", "integer"),
        ("PAPER2CODE_INSTALLATION_CONCURRENT", "1001", "less than or equal to 1000"),
        ("PAPER2CODE_INSTALLATION_PER_DAY", "10001", "less than or equal to 10000"),
        ("PAPER2CODE_MAX_USD", "0", "greater than 0"),
        ("PAPER2CODE_MAX_USD", "nan", "finite"),
        ("PAPER2CODE_SANDBOX", "dokcer", "'docker', 'local' or 'none'"),
        ("PAPER2CODE_REASONING_EFFORT", "extreme", "'minimal', 'low', 'medium' or 'high'"),
        ("PAPER2CODE_ARXIV_URL", "arxiv.org", "http:// or https://"),
        ("OPENAI_BASE_URL", "localhost:11434", "http:// or https://"),
        ("GITHUB_APP_ID", "Iv1.abc", "integer"),
        ("GITHUB_APP_PRIVATE_KEY", "sekrit", "PEM"),
        ("GITHUB_APP_PRIVATE_KEY_PATH", "/nowhere/key.pem", "No such file"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    (problem,) = caught.value.problems
    assert problem.startswith(name)
    assert allowed in problem


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_CONCURRENCY", "0")
    monkeypatch.setenv("PAPER2CODE_SANDBOX", "moon")
    with pytest.raises(SettingsError, match=r"PAPER2CODE_CONCURRENCY: .*\nPAPER2CODE_SANDBOX: "):
        load()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_MAX_USD", "")
    assert load().max_usd is None


def test_no_dotenv_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAPER2CODE_MODEL=elsewhere\n")
    monkeypatch.chdir(tmp_path)
    assert load().model is None


def test_folders_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", "~/data")
    assert load().data_dir == tmp_path / "data"


@pytest.mark.parametrize("text", [KEY, KEY.replace("\n", "\\n")])
def test_the_private_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", text)
    key = load().github_app_private_key
    assert key is not None
    assert key.get_secret_value() == KEY


def test_the_private_key_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(KEY)
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY_PATH", "~/key.pem")
    key = load().github_app_private_key
    assert key is not None
    assert key.get_secret_value() == KEY


def test_two_private_keys_are_one_too_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(KEY)
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY_PATH", "~/key.pem")
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", KEY)
    with pytest.raises(SettingsError, match="both set"):
        load()


def test_secrets_are_neither_shown_nor_left_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "OPENAI_API_KEY": "sk-one",
        "GITHUB_WEBHOOK_SECRET": "two-secret",
        "GITHUB_TOKEN": "ghs_three",
        "PAPER2CODE_DASHBOARD_TOKEN": "four-token",
        "PAPER2CODE_DATABASE_URL": "postgresql://me:five-word@db/jobs",
        "GITHUB_APP_PRIVATE_KEY": KEY,
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    settings = load()
    hidden = ("sk-one", "two-secret", "ghs_three", "four-token", "five-word", KEY)
    redacted = settings.redact(" ".join(secrets.values()))
    for secret in hidden:
        assert secret not in repr(settings)
        assert secret not in redacted
    assert "postgresql://me:***@db/jobs" in redacted


SECRET = "sk-proj/A+b\"c=\\d&\u00e9 01234567<z>'\n9"


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("sk-proj%2fa", "sk-proj%2fA"),
        quote(quote(SECRET, safe="")),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps(SECRET)),
        json.dumps(SECRET).replace("/", r"\/"),
        repr(SECRET),
        ascii(SECRET),
        repr(SECRET.encode()),
        html.escape(SECRET),
        html.escape(html.escape(SECRET, quote=False)),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        *(base64.b64encode(b"x" * before + SECRET.encode()).decode() for before in range(3)),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        "\r\n".join(textwrap.wrap(base64.b64encode(SECRET.encode()).decode(), 20)),
        SECRET.encode().hex(":"),
        SECRET.encode().hex(" ").upper(),
        "".join(f"%{octet:02x}" for octet in SECRET.encode()),
        "".join(f"\\x{octet:02x}" for octet in SECRET.encode()),
        "".join(f"&#{ord(each)};" for each in SECRET),
        "".join(f"\\u{ord(each):04x}" for each in SECRET),
    ],
)
def test_a_secret_is_found_however_it_is_spelt(monkeypatch: pytest.MonkeyPatch, spelt: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    left = load().redact(f"before {spelt} after")
    assert left.startswith("before ") and left.endswith(" after")
    assert "***" in left and len(left) < 30


@pytest.mark.parametrize("between", ["\n", " ", "\\n", "\\r\\n", ", "])
def test_no_line_of_a_private_key_is_seen(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    lines = [hashlib.sha512(bytes([number])).hexdigest()[:64] for number in range(25)]
    key = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *lines, "-----END RSA PRIVATE KEY-----"])
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", key)
    left = load().redact(key.replace("\n", between))
    assert not [line for line in lines if line[:12] in left]
    assert load().redact(f"in line 3: {lines[3]!r}") == "in line 3: '***'"


def test_what_a_command_needs_is_asked_for_by_the_variables_name() -> None:
    settings = Settings(github_app_id=1)
    settings.require("github_app_id", "concurrency")
    with pytest.raises(
        SettingsError, match=r"^GITHUB_WEBHOOK_SECRET is not set\nPAPER2CODE_PRICES is not set$"
    ):
        settings.require("github_app_id", "github_webhook_secret", "prices")


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_MAX_UDS", "3")
    monkeypatch.setenv("PAPER2CODE_MAX_USD", "3")
    monkeypatch.setenv("PAPER2CODE_TEST_DOCKER", "required")
    (sentence,) = unknown_variables()
    assert sentence == "PAPER2CODE_MAX_UDS is not a setting; did you mean PAPER2CODE_MAX_USD?"


CHILDREN = """
import sys
def told(event, arguments):
    if event == "subprocess.Popen":
        environment = arguments[3]
        print("child", arguments[1], dict(os.environ if environment is None else environment))
sys.addaudithook(told)
import base64
import html
import json
import os
from app import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", [["run", "nowhere.pdf"], ["work"], ["action"]])
def test_no_program_that_is_started_inherits_a_secret(command: list[str], tmp_path: Path) -> None:
    secrets = {
        "OPENAI_API_KEY": "sk-hidden",
        "github_token": "ghs-hidden",
        "PAPER2CODE_DASHBOARD_TOKEN": "hidden",
        "PAPER2CODE_DATABASE_URL": "postgresql://u:hidden@nowhere.invalid/jobs",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")} | {
        "PAPER2CODE_DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", CHILDREN, *command],
        env=environment | secrets,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "hidden" not in ended.stdout, ended.stdout
    assert "child" in ended.stdout, ended


def test_what_was_read_once_is_known_and_no_longer_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first")
    monkeypatch.setenv("PAPER2CODE_DATABASE_URL", "postgresql://u:p@h/jobs")
    first = load()
    assert not {"OPENAI_API_KEY", "PAPER2CODE_DATABASE_URL"} & os.environ.keys()
    assert load() == first and first.database_url == "postgresql://u:p@h/jobs"
    assert {each.origin for each in told(first) if each.value == "(secret)"} == {"environment"}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-second")
    again = load().openai_api_key
    assert again and again.get_secret_value() == "sk-second"
