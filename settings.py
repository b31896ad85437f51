"""Settings: the only reader of the environment, and the words for what is wrong in it.

Values come from environment variables and nowhere else: no `.env` file is read, so that nobody's working
directory can configure a run.
"""

import base64
import difflib
import html
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "PAPER2CODE_"
_LONG = 8
"""Characters from which on a secret is looked for in base64 and in digits: what is shorter could be anything there."""
APP_FILE = "github-app.json"
"""In the data folder: the credentials of the App that `/setup` has made."""


_withdrawn: dict[str, str] = {}
"""Secrets by setting, once they were read: what stands in the environment, every program inherits that is started from
here, also those that libraries start."""


class SettingsError(Exception):
    """The environment does not configure paper2code; one sentence per variable in `problems`."""

    def __init__(
        self,
        problems: tuple[str, ...],
        hint: str = "Correct these environment variables, or unset them.",
    ) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.hint = hint


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


def _key(text: Any) -> Any:
    # Files of variables cannot hold line breaks everywhere; `\n` in their place is what people write.
    return text.replace("\\n", "\n") if isinstance(text, str) else text


def _datasets(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    pairs = [part.strip().partition("=") for part in given.split(",") if part.strip()]
    for name, _, folder in pairs:
        if not re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,99}", name, re.ASCII):
            raise ValueError("each is name=/folder, with a name of letters, digits and . - _")
        if not Path(folder).expanduser().is_absolute() or not Path(folder).expanduser().is_dir():
            raise ValueError(f"{name} is lent from no folder that is there: write its whole path")
    return {name: folder for name, _, folder in pairs}


Url = Annotated[str, AfterValidator(_http)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class Settings(BaseSettings):
    """Everything that can be configured from outside. Secrets stay SecretStr until their adapter."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        populate_by_name=True,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    """Key of the model service. Only recordings and the sandbox work without."""
    openai_base_url: Url | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    """Any endpoint that speaks OpenAI's protocol: Azure, vLLM, Ollama, OpenRouter… Default: OpenAI itself."""
    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    """Key of Anthropic's service, for Claude."""
    anthropic_base_url: Url | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    """Another endpoint that speaks Anthropic's protocol. Default: Anthropic itself."""
    provider: Literal["openai", "anthropic"] | None = None
    """Whose protocol is spoken. Default: as the model's name says; Claude's is Anthropic's."""
    model: str | None = None
    """Name of the model that writes, as the endpoint knows it. Default: see docs/self-hosting.md."""
    judge_model: str | None = None
    """Name of the model that audits, judges and writes tests. Default: the one that writes."""
    reasoning_effort: Literal["minimal", "low", "medium", "high"] = "high"
    """How long a reasoning model may think; sent only to models that take it."""
    max_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Cap on the cost of one run, in US dollars; the run stops before the call that could break it."""
    prices: Path | None = None
    """A TOML file of prices and windows that extends and overrides the known ones."""
    concurrency: int = Field(default=8, ge=1, le=64)
    """Model calls of one run at the same time."""
    jobs: int = Field(default=2, ge=1, le=64)
    """Papers that one worker has in hand at the same time."""
    installation_per_day: int = Field(default=100, ge=0, le=10_000)
    """Papers that the repositories of one installation may start within 24 hours."""
    installation_concurrent: int = Field(default=20, ge=0, le=1000)
    """Papers of one installation that may wait or be worked on at the same time."""
    sandbox: Literal["docker", "local", "none"] | None = None
    """Where generated code runs. Default: Docker; on the command line `local` where no daemon answers."""
    sandbox_image: str | None = None
    """Base image of the Docker sandbox, with Python 3 in it."""
    sandbox_runtime: str | None = None
    """Runtime of its containers that the daemon knows: `runsc` is gVisor. Default: the daemon's."""
    sandbox_gpus: int = Field(default=0, ge=-1)
    """Graphics cards that a container gets; -1: all."""
    sandbox_timeout: float = Field(default=120, gt=0)
    """Seconds that one command may take, on the command line; repositories have `run: {timeout: …}`."""
    sandbox_memory: int = Field(default=4096, ge=64)
    """MiB that it may use, likewise."""
    sandbox_cpus: float = Field(default=2, gt=0)
    """Processors that it may use, likewise."""
    max_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Cap on the minutes of a scaled or full run. Default: none on the command line, 60 for repositories."""
    max_memory: int = Field(default=16384, ge=64)
    """MiB that a repository may ask for (`run: {memory: …}`)."""
    max_cpus: float = Field(default=8, gt=0)
    """Processors that it may ask for (`run: {cpus: …}`)."""
    datasets: Annotated[dict[str, Folder], NoDecode, BeforeValidator(_datasets)] = Field(default_factory=dict)
    """Data that are lent to runs, `name=/folder,…`, read-only; repositories ask by name (`run: {data: …}`)."""
    data_dir: Folder = Field(default_factory=lambda: Path("~/.local/share/paper2code").expanduser())
    """Where caches, jobs and their files live."""
    public_url: Url | None = None
    """Where people reach the web process: progress comments then link to the job's page there."""
    database_url: str | None = Field(default=None, repr=False)
    """Where jobs are stored; `postgresql://…` for several machines. Default: SQLite, in the data folder."""
    journal_days: int = Field(default=90, ge=1)
    """Days for which the database keeps the model calls of a paper, from the last of them on, logs and evidence."""
    record_days: int = Field(default=365, ge=7)
    """Days for which it keeps that there was a request or a job, and how it ended."""
    folder_days: int = Field(default=30, ge=1)
    """Days for which a worker keeps the working files of a paper that nothing was done for."""
    cache_days: int = Field(default=30, ge=7)
    """Days for which it keeps downloads, and packages that no run has used."""
    arxiv_url: Url = "https://arxiv.org"
    """Where source archives come from."""
    arxiv_api_url: Url = "https://export.arxiv.org"
    """Where metadata come from."""
    github_app_id: PositiveInt | None = Field(default=None, validation_alias="GITHUB_APP_ID")
    """The GitHub App's number, from its settings page."""
    github_app_private_key: Annotated[SecretStr | None, BeforeValidator(_key)] = Field(
        default=None, validation_alias="GITHUB_APP_PRIVATE_KEY"
    )
    """The GitHub App's private key, in PEM; that of `GITHUB_APP_PRIVATE_KEY_PATH` if a file is named."""
    github_app_private_key_path: Folder | None = Field(
        default=None, validation_alias="GITHUB_APP_PRIVATE_KEY_PATH"
    )
    """A file with the GitHub App's private key."""
    github_webhook_secret: SecretStr | None = Field(default=None, validation_alias="GITHUB_WEBHOOK_SECRET")
    """What GitHub signs events with. Mandatory to serve: there is no unsigned mode."""
    github_app_client_id: str | None = Field(default=None, validation_alias="GITHUB_APP_CLIENT_ID")
    """The GitHub App's client ID, from its settings page: with the secret, people sign in by GitHub."""
    github_app_client_secret: SecretStr | None = Field(
        default=None, validation_alias="GITHUB_APP_CLIENT_SECRET"
    )
    """A client secret of the GitHub App."""
    github_api_url: Url = Field(default="https://api.github.com", validation_alias="GITHUB_API_URL")
    """Another one for GitHub Enterprise Server."""
    github_server_url: Url = Field(default="https://github.com", validation_alias="GITHUB_SERVER_URL")
    """Another one for GitHub Enterprise Server."""
    github_token: SecretStr | None = Field(default=None, validation_alias="GITHUB_TOKEN")
    """The token of a workflow run; only the GitHub Action uses it."""
    github_event_name: str | None = Field(default=None, validation_alias="GITHUB_EVENT_NAME")
    """What started the workflow run; GitHub sets it."""
    github_event_path: Path | None = Field(default=None, validation_alias="GITHUB_EVENT_PATH")
    """The file with the event; GitHub sets it."""
    github_repository: str | None = Field(default=None, validation_alias="GITHUB_REPOSITORY")
    """`owner/name` of the workflow run's repository; GitHub sets it."""
    github_repository_id: PositiveInt | None = Field(default=None, validation_alias="GITHUB_REPOSITORY_ID")
    """Its number; GitHub sets it."""
    github_actor: str | None = Field(default=None, validation_alias="GITHUB_ACTOR")
    """Who started the workflow run; GitHub sets it."""
    github_run_id: str | None = Field(default=None, validation_alias="GITHUB_RUN_ID")
    """The workflow run's number, the same when it is run again; GitHub sets it."""
    github_step_summary: Path | None = Field(default=None, validation_alias="GITHUB_STEP_SUMMARY")
    """Where a workflow run's summary goes; GitHub sets it."""
    github_output: Path | None = Field(default=None, validation_alias="GITHUB_OUTPUT")
    """Where a workflow step's outputs go; GitHub sets it."""
    paper: str | None = None
    """An arXiv paper to implement now, whatever the event; only the GitHub Action uses it."""
    scope: str | None = None
    """What of `PAPER2CODE_PAPER` is wanted, and how, in plain words. Default: all of it."""
    issue: str | None = None
    """Number of the issue that `PAPER2CODE_PAPER` is for."""
    part: Literal["", "make", "deliver"] = ""
    """Of two jobs of a workflow: `make` writes nothing on GitHub, `deliver` asks no model. Default: one for both."""
    log: Literal["text", "json"] = "text"
    """How `serve` and `work` write their log: lines for people, or an object of JSON in each line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which severity on."""
    dashboard_token: SecretStr | None = None
    """What opens all of the dashboard to operators. Default: people sign in by GitHub, or it stays closed."""

    @model_validator(mode="after")
    def _kept_app(self) -> Self:
        """The App that /setup has made, unless the environment names one, or a part of one."""
        named = (self.github_app_id, self.github_app_private_key, self.github_app_private_key_path)
        file = self.data_dir / APP_FILE
        if any((*named, self.github_webhook_secret)) or not file.exists():
            return self
        try:
            kept = json.loads(file.read_text())
            self.github_app_id = int(kept["id"])
            self.github_app_private_key = SecretStr(kept["pem"])
            self.github_webhook_secret = SecretStr(kept["webhook_secret"])
            if not (self.github_app_client_id or self.github_app_client_secret) and "client_secret" in kept:
                self.github_app_client_id = str(kept["client_id"])
                self.github_app_client_secret = SecretStr(kept["client_secret"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                (f"{file}, which /setup has made, cannot be read ({type(error).__name__})",),
                "Put its backup back, or move it away and let /setup make another App.",
            ) from None
        return self

    @model_validator(mode="after")
    def _private_key(self) -> Self:
        if path := self.github_app_private_key_path:
            if self.github_app_private_key:
                raise ValueError(
                    "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_PRIVATE_KEY_PATH are both set; keep one"
                )
            try:
                self.github_app_private_key = SecretStr(path.read_text())
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not a text file"
                raise ValueError(f"GITHUB_APP_PRIVATE_KEY_PATH: {path} cannot be read ({reason})") from None
        if (key := self.github_app_private_key) and "PRIVATE KEY-----" not in key.get_secret_value():
            raise ValueError(
                "GITHUB_APP_PRIVATE_KEY is no key in PEM, which begins with -----BEGIN RSA PRIVATE KEY-----"
            )
        return self

    def require(self, *names: str) -> None:
        """Raises SettingsError with a sentence on each of the settings `names` that is not set."""
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            variables = (_variable(name, type(self).model_fields[name]) for name in missing)
            raise SettingsError(
                tuple(f"{variable} is not set" for variable in variables),
                "Set them; docs/self-hosting.md and action.yml say to what.",
            )

    def redact(self, text: str) -> str:
        """`text` with every configured secret replaced by `***`, also where it was encoded on its way there."""
        secrets = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        address = self.database_url or ""
        secrets += [urlsplit(address).password or "", unquote(urlsplit(address).password or "")]
        pieces = {piece for secret in secrets for piece in _pieces(secret)}
        for piece in sorted(pieces, key=len, reverse=True):
            text = _disguises(piece).sub("***", text)
        return text


def _pieces(secret: str) -> list[str]:
    """What must not be seen of it: of a key in PEM, each line."""
    lines = secret.splitlines() if secret.startswith("-----BEGIN") else ()
    return [line for line in lines if len(line) >= _LONG and line[0] != "-"] or ([secret] if secret else [])


@cache
def _disguises(secret: str) -> re.Pattern[str]:
    """A secret as it stands in URLs, JSON, reprs, HTML, hexadecimal digits and base64, also one in another."""
    octets = secret.encode(errors="replace")
    forms = ["".join(map(_spelt, secret))]
    # Inside of something longer it starts at any of three places; the first and last characters mix with others.
    if len(secret) >= _LONG:
        forms.append(f"(?i:{'[ :-]?'.join(f'{octet:02x}' for octet in octets)})")
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + octets).decode().rstrip("=")
            core = ({"+": "[+-]", "/": "[/_]"}.get(each, each) for each in encoded[(0, 2, 3)[shift] : -1])
            forms.append(r"\s{0,2}".join(core))
    return re.compile("|".join(forms))


def _spelt(character: str) -> str:
    """A pattern for a character, however it is escaped."""
    octets, number = character.encode(errors="replace"), ord(character)
    names = f"#0{{0,5}}{number}|#x0{{0,5}}{number:x}|{re.escape(html.escape(character).strip('&;'))}"
    forms = [
        re.escape(character),
        rf"\\{{1,8}}(?i:u{number:04x})",
        "(?i:" + "".join(f"%(?:25){{0,3}}{octet:02x}" for octet in octets) + ")",
        "(?i:" + "".join(rf"\\{{1,8}}x{octet:02x}" for octet in octets) + ")",
        f"&(?:amp;){{0,3}}(?i:{names});",
    ]
    if not (character.isascii() and character.isalnum()):
        escaped = re.escape(character.encode("unicode_escape").decode().lstrip("\\"))
        forms += [rf"\\{{1,8}}(?:{re.escape(character)}|(?i:{escaped}))"]
    return f"(?:{'|'.join(forms + ['[+]'] * (character == ' '))})"


def load() -> Settings:
    """The settings from the environment, which holds no secret from then on.

    Raises SettingsError, whose sentences hold no value.
    """
    secret = {
        _variable(name, field): name
        for name, field in Settings.model_fields.items()
        if SecretStr in get_args(field.annotation) or not field.repr
    }
    for variable in [each for each in os.environ if each.upper() in secret]:
        if value := os.environ.pop(variable):
            _withdrawn[secret[variable.upper()]] = value
    try:
        return Settings(**_withdrawn)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(tuple(_sentence(detail) for detail in error.errors())) from None


@dataclass(frozen=True)
class Told:
    """A setting, for people."""

    variable: str
    value: str
    """`(secret)` in place of a secret's; empty where there is none."""
    origin: Literal["environment", "default", "github-app.json", "another setting"]
    meaning: str


def told(settings: Settings) -> list[Told]:
    """Every setting with where its value comes from. No secret is in it."""
    named = {name.upper() for name, value in os.environ.items() if value}
    named |= {_variable(name, Settings.model_fields[name]) for name in _withdrawn}
    rows = []
    for name, field in Settings.model_fields.items():
        variable, value = _variable(name, field), getattr(settings, name)
        shown = (
            "" if value is None or value == {} else "(secret)" if isinstance(value, SecretStr) else str(value)
        )
        origin: Literal["environment", "default", "github-app.json", "another setting"] = "default"
        if variable in named:
            origin = "environment"
        elif name.startswith("github_") and value is not None and value != field.get_default():
            origin = "another setting" if settings.github_app_private_key_path else "github-app.json"
        rows.append(Told(variable, settings.redact(shown), origin, field.description or ""))
    return rows


def unknown_variables() -> tuple[str, ...]:
    """A sentence on each `PAPER2CODE_…` variable that no setting reads: a misspelt cap is no cap."""
    known = [_variable(name, field) for name, field in Settings.model_fields.items()]
    sentences = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_"):
            near = difflib.get_close_matches(name, known, n=1)
            sentences.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return tuple(sentences)


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def _sentence(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    field = Settings.model_fields.get(name)
    message = message.replace("Input should", "should").replace("Input is", "is")
    return f"{_variable(name, field) if field else name}: {message}"
