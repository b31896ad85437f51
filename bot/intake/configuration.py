"""`.github/paper2code.yml`: what a repository allows and wants. Pure; the file is fetched elsewhere.

It is read from the default branch only, so a pull request cannot change its own rules.
"""

import re
import string
import unicodedata
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.markdown import code, prose
from pipeline.paths import refusal
from pipeline.untrusted import Unreadable, of_yaml

PATH = ".github/paper2code.yml"
Permission = Literal["read", "triage", "write", "maintain", "admin"]
Mode = Literal["smoke", "scaled", "full"]


def _name_of_data(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,99}", value, re.ASCII):
        raise ValueError("data are asked for by the name under which the host lends them, never by a path")
    return value


def _label(value: str) -> str:
    if not value.strip() or any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in value):
        raise ValueError("a label is one line of visible text")
    return value


Label = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_label)]
DataName = Annotated[str, AfterValidator(_name_of_data)]
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


class _Wishes(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _no_number(cls, value: object, told: ValidationInfo) -> object:
        """`true` is one to Pydantic."""
        if isinstance(value, bool) and cls.model_fields[str(told.field_name)].annotation is not bool:
            raise ValueError("should not be true or false")
        return value


class Run(_Wishes):
    """Limits of one execution in the sandbox."""

    mode: Mode = Field(default="smoke", description="On tiny data; as much as fits into `minutes`; all")
    minutes: float = Field(default=10, ge=0.01, le=7 * 24 * 60, description="Of a scaled or full run")
    timeout: int = Field(default=600, ge=10, le=6 * 3600, description="Seconds of another command")
    memory: str = Field(
        default="4g", pattern=r"^[1-9][0-9]{0,4}[mg]$", description="MiB (`512m`) or GiB (`4g`)"
    )
    cpus: float = Field(default=2, ge=0.01, le=64, description="Processors")
    gpus: int | None = Field(default=None, ge=0, le=64, description="Default: what the host gives")
    data: tuple[DataName, ...] = Field(default=(), max_length=20, description="Names of what the host lends")
    full: bool = Field(default=False, description="The same as `mode: full`")

    @model_validator(mode="after")
    def _full(self) -> Self:
        if self.full and self.mode == "scaled":
            raise ValueError("`full: true` and `mode: scaled` contradict each other")
        return self.model_copy(update={"mode": "full"}) if self.full and self.mode != "full" else self

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory[:-1]) * (2**30 if self.memory.endswith("g") else 2**20)


class Prove(_Wishes):
    """What shows that the code computes what the paper says."""

    tests: bool = Field(default=True, description="Written from the paper by a call that never sees the code")
    results: bool = Field(
        default=True, description="The paper's numbers, beside those of full and scaled runs"
    )


class Quota(_Wishes):
    """How many papers may be started."""

    per_day: int = Field(default=20, ge=0, le=10_000, description="Within any 24 hours")
    concurrent: int = Field(default=5, ge=0, le=1000, description="Waiting or being worked on")


class Configuration(_Wishes):
    """A repository's wishes; the defaults hold where it has no file."""

    trigger: Literal["mention", "command"] = Field(
        default="mention", description="mention: a new issue with an arXiv link suffices"
    )
    permission: Permission = Field(default="write", description="The least that who asks needs to have")
    model: Model | None = Field(default=None, description="Who writes. Default: the host's")
    judge_model: Model | None = Field(
        default=None, description="Who audits, judges and writes tests. Default: the host's, or who writes"
    )
    plan: Literal["write", "review"] = Field(default="write", description="review: stop after it, and ask")
    instructions: str = Field(
        default="", max_length=8192, description="For all code: style, frameworks, names"
    )
    max_usd: float = Field(
        default=3, ge=0.01, le=1000, description="For each paper, in US dollars; a command can lower it"
    )
    max_fixes: int = Field(default=8, ge=0, le=50, description="Repairs before it is delivered as a draft")
    directory: Annotated[str, AfterValidator(_template)] = Field(
        default="papers/{arxiv_id}-{slug}",
        max_length=200,
        description="Where it goes; {arxiv_id} and {slug} are filled in",
    )
    labels: tuple[Label, ...] = Field(
        default=("paper2code",), max_length=10, description="Of the pull request"
    )
    refine: tuple[Refinable, ...] = Field(
        default=(), max_length=len(get_args(Refinable)), description="Stages to verify and refine"
    )
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
        data = of_yaml(text, plain=True)
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
        if key in ("mode", "full"):
            # A command says one of them; what the file says of either gives way.
            data["run"] = {**data["run"], "mode": "smoke", "full": False, key: value}
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
