"""Papers and models of a measurement, as its command line names them: other than the product it has no settings."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import SecretStr

from pipeline.errors import PipelineError
from pipeline.markdown import visible
from pipeline.model.session import Session, Terms, open_llm
from pipeline.paths import unwritable
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Paper


class NewFile(click.Path):
    """A file to be written at the end: refused before anything is done, or paid, where it could not be."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click.ParamType."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if why := unwritable(path):
            self.fail(f"{visible(str(path))} cannot be written: {why}", param, ctx)
        return path


T = TypeVar("T")
FILE = NewFile()
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
CACHE = Path.home() / ".cache/paper2code-tests"
"""Papers, wheels and environments, shared with the tests."""


def paper_of(source: str) -> Paper:
    """The paper that PAPER names, as for `paper2code run`. Raises PaperError, ArxivUnavailable."""
    return read(source, Arxiv("https://arxiv.org", "https://export.arxiv.org", CACHE / "arxiv"))


@dataclass(frozen=True)
class Service:
    """Where models are asked, and with what keys."""

    base_url: str | None = None
    api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    effort: str = "high"
    replay: Path | None = None
    """A journal that answers in every model's place."""

    def open(
        self, model: str, journal: Path, *, max_usd: float | None = None, replay: Path | None = None
    ) -> Session:
        """Goes on with `journal`: nothing is paid for twice. Raises PipelineError."""
        terms = Terms(
            model,
            api_key=self.api_key,
            base_url=self.base_url,
            anthropic_api_key=self.anthropic_api_key,
            max_usd=max_usd,
        )
        journal.parent.mkdir(parents=True, exist_ok=True)
        return open_llm(
            terms, reasoning_effort=self.effort, journal=journal, resume=True, replay=replay or self.replay
        )


_OPTIONS = (
    click.option("--base-url", envvar="OPENAI_BASE_URL", help="Of a compatible endpoint."),
    click.option("--api-key", envvar="OPENAI_API_KEY", help="Better in the environment variable."),
    click.option("--anthropic-api-key", envvar="ANTHROPIC_API_KEY", help="Likewise."),
    click.option("--effort", default="high", show_default=True, help="Of reasoning."),
    click.option("--replay", type=EXISTING_FILE, help="A journal that answers in place of models."),
)


def asking(command: Callable[..., T]) -> Callable[..., T]:
    """Options that say where models are asked, handed to `command` as its argument `service`.

    What the pipeline raises ends the command in words.
    """

    @functools.wraps(command)
    def asked(
        *args: Any, base_url: str | None, api_key: str | None, anthropic_api_key: str | None, **options: Any
    ) -> T:
        effort, replay = options.pop("effort"), options.pop("replay")
        openai, anthropic = (SecretStr(key) if key else None for key in (api_key, anthropic_api_key))
        try:
            return command(*args, service=Service(base_url, openai, anthropic, effort, replay), **options)
        except PipelineError as error:
            raise click.ClickException(" ".join(filter(None, (str(error), error.hint)))) from error

    for option in reversed(_OPTIONS):
        asked = option(asked)
    return asked
