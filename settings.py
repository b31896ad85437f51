"""Settings: the only reader of the environment."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be configured from outside. Secrets stay SecretStr until their adapter."""

    model_config = SettingsConfigDict(env_prefix="PAPER2CODE_", populate_by_name=True, env_ignore_empty=True)

    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="OPENAI_BASE_URL")
    model: str = "o3-mini"
    reasoning_effort: Literal["minimal", "low", "medium", "high"] = "high"
    max_usd: float | None = Field(None, gt=0)
    concurrency: int = Field(8, ge=1, le=64)
    sandbox: Literal["docker", "local", "none"] | None = None
    """None: Docker where a daemon answers, else `local` (command line only)."""
    sandbox_image: str | None = None
    data_dir: Path = Path("~/.local/share/paper2code").expanduser()
    database_url: str | None = None
    """None: a SQLite file in `data_dir`."""
    arxiv_url: str = "https://arxiv.org"
    arxiv_api_url: str = "https://export.arxiv.org"
    github_app_id: int | None = Field(None, validation_alias="GITHUB_APP_ID")
    github_app_private_key: SecretStr | None = Field(None, validation_alias="GITHUB_APP_PRIVATE_KEY")
    github_app_private_key_path: Path | None = Field(None, validation_alias="GITHUB_APP_PRIVATE_KEY_PATH")
    github_webhook_secret: SecretStr | None = Field(None, validation_alias="GITHUB_WEBHOOK_SECRET")
    github_api_url: str = Field("https://api.github.com", validation_alias="GITHUB_API_URL")
    github_server_url: str = Field("https://github.com", validation_alias="GITHUB_SERVER_URL")
    github_token: SecretStr | None = Field(None, validation_alias=AliasChoices("GITHUB_TOKEN"))
    jobs: int = Field(2, ge=1, le=64)
    """That one worker fulfils side by side."""
    dashboard_token: SecretStr | None = None
