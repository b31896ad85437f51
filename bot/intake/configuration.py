"""`.github/paper2code.yml`: what a repository allows and wants. Pure; the file is fetched elsewhere.

It is read from the default branch only, so a pull request cannot change its own rules.
"""

import string
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

PATH = ".github/paper2code.yml"
Permission = Literal["read", "triage", "write", "maintain", "admin"]
Label = Annotated[str, Field(min_length=1, max_length=50)]
Model = Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
Refinable = Literal["overview", "requirements", "architecture", "config", "logic", "analysis", "code"]
_LARGEST = 64 * 2**10


class ConfigurationInvalid(Exception):
    """The file or an option cannot be used; `problems` are Markdown sentences, one for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _template(value: str) -> str:
    fields = {name for _, name, spec, conversion in string.Formatter().parse(value) if name is not None}
    if fields - {"arxiv_id", "slug"}:
        raise ValueError("only {arxiv_id} and {slug} can stand in it")
    path = PurePosixPath(value)
    if not path.parts or path.is_absolute() or "\\" in value:
        raise ValueError("must be a relative folder")
    if set(path.parts) & {"..", ".git", ".github"}:
        raise ValueError("must be a relative folder, outside of .git and .github")
    return value


class Run(BaseModel):
    """Limits of one execution in the sandbox."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: int = Field(default=600, ge=10, le=6 * 3600, description="Seconds")
    memory: str = Field(default="4g", pattern=r"^[1-9][0-9]{0,4}[mg]$")
    cpus: float = Field(default=2, gt=0, le=64)
    full: bool = False

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-1]) * (2**30 if self.memory.endswith("g") else 2**20)


class Quota(BaseModel):
    """How many papers may be started."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: int = Field(default=20, ge=0, le=10_000, description="Within any 24 hours")
    concurrent: int = Field(default=5, ge=0, le=1000, description="Waiting or being worked on")


class Configuration(BaseModel):
    """A repository's wishes; the defaults hold where it has no file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: Literal["mention", "command"] = "mention"
    permission: Permission = "write"
    model: Model | None = None
    judge_model: Model | None = None
    max_usd: float = Field(default=3, gt=0, le=1000)
    max_fixes: int = Field(default=8, ge=0, le=50)
    directory: Annotated[str, AfterValidator(_template), Field(max_length=200)] = "papers/{arxiv_id}-{slug}"
    labels: tuple[Label, ...] = Field(default=("paper2code",), max_length=10)
    refine: tuple[Refinable, ...] = ()
    judge: int = Field(default=1, ge=0, le=5, description="Opinions that the review is the mean of")
    run: Run = Run()
    quota: Quota = Quota()


def read(text: str | None) -> Configuration:
    """The configuration in the YAML `text`; the defaults for None. Raises ConfigurationInvalid."""
    if text is None:
        return Configuration()
    if len(text) > _LARGEST:
        raise ConfigurationInvalid(["the file is larger than 64 KiB"])
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationInvalid([f"the file is not valid YAML{where}"]) from error
    if data is None:
        return Configuration()
    if not isinstance(data, dict):
        raise ConfigurationInvalid(["the file must hold `key: value` lines"])
    return _validated(data)


def overridden(configuration: Configuration, options: tuple[tuple[str, str], ...]) -> Configuration:
    """`configuration` with a command's `key=value` options. Raises ConfigurationInvalid.

    A command may spend less than the repository allows, never more.
    """
    data = configuration.model_dump()
    for key, value in options:
        if key == "full":
            data["run"] = {**data["run"], "full": value}
        else:
            data[key] = value.split(",") if key == "refine" else value
    wanted = _validated(data)
    if wanted.max_usd > configuration.max_usd:
        raise ConfigurationInvalid([f"`max_usd` can be at most {configuration.max_usd:g} in this repository"])
    return wanted


def _validated(data: dict[Any, Any]) -> Configuration:
    try:
        return Configuration.model_validate(data)
    except ValidationError as error:
        raise ConfigurationInvalid([_sentence(problem) for problem in error.errors()]) from error


def _sentence(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])[:80].replace("`", "")
    if problem["type"] == "extra_forbidden":
        return f"`{key}`: there is no such key"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should").replace("`", "")
    return f"`{key}`: {message}"
