"""`.github/paper2code.yml`: what a repository allows and wants. Pure; the file is fetched elsewhere.

It is read from the default branch only, so a pull request cannot change its own rules.
"""

import string
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.markdown import code, prose
from pipeline.paths import refusal
from pipeline.untrusted import Unreadable, of_yaml

PATH = ".github/paper2code.yml"
Permission = Literal["read", "triage", "write", "maintain", "admin"]
Label = Annotated[str, Field(min_length=1, max_length=50)]
Model = Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
Refinable = Literal["overview", "requirements", "architecture", "config", "logic", "analysis", "code"]
SAFE_SLUG = "paper"
"""With it every `directory` that is accepted can be filled in, whatever a model calls the method."""
_LARGEST = 64 * 2**10
_MOST_PROBLEMS = 20


class ConfigurationInvalid(Exception):
    """The file or an option cannot be used; `problems` are Markdown sentences, one for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _template(value: str) -> str:
    for _, name, how, conversion in string.Formatter().parse(value):
        if name not in (None, "arxiv_id", "slug") or how or conversion:
            raise ValueError("only {arxiv_id} and {slug} can stand in it")
    for paper in ("1706.03762v5", "hep-th-9901001"):
        filled_in(value, paper, SAFE_SLUG)
    return value


def filled_in(template: str, paper: str, slug: str) -> str:
    """The folder that `directory` names for a paper. Raises ValueError where no repository may have it."""
    path = template.format(arxiv_id=paper.replace("/", "-"), slug=slug).rstrip("/")
    if reason := refusal(path):
        raise ValueError(f"must be a relative folder that may be written: {reason}")
    return path


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


class Prove(BaseModel):
    """What shows that the code computes what the paper says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tests: bool = Field(default=True, description="Written from the paper by a call that never sees the code")


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
    prove: Prove = Prove()
    quota: Quota = Quota()


def read(text: str | None) -> Configuration:
    """The configuration in the YAML `text`; the defaults for None. Raises ConfigurationInvalid."""
    if text is None:
        return Configuration()
    if len(text) > _LARGEST:
        raise ConfigurationInvalid(["the file is larger than 64 KiB"])
    try:
        data = of_yaml(text)
    except Unreadable as error:
        raise ConfigurationInvalid([str(error)]) from error
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
        problems = [_sentence(problem) for problem in error.errors()[:_MOST_PROBLEMS]]
        if more := error.error_count() - len(problems):
            problems.append(f"and {more} more")
        raise ConfigurationInvalid(problems) from error


def _sentence(problem: Any) -> str:
    key = code(".".join(str(part) for part in problem["loc"]), 80)
    if problem["type"] == "extra_forbidden":
        return f"{key}: there is no such key"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"{key}: {prose(message, 300)}"
