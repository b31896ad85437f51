"""The whole method, top to bottom. Reads like docs/architecture.md's data flow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.llm import LLM
from pipeline.paper import Paper
from pipeline.progress import Observer
from sandbox.interface import Sandbox
from sandbox.report import Limits, Mode


@dataclass(frozen=True)
class Options:
    """How a reproduction is made."""

    method: str = "full"
    refine: tuple[str, ...] = ()
    max_fixes: int = 8
    concurrency: int = 8
    mode: Mode = "smoke"
    limits: Limits = Limits()


@dataclass(frozen=True)
class Commit:
    """A state of the repository worth a commit of its own: the plan, the code, each repair."""

    subject: str
    body: str
    files: dict[str, str]
    """The whole repository at that point, relative path → text; `reproduce.sh` is executable."""


@dataclass(frozen=True)
class Reproduction:
    """What came of it."""

    paper: Paper
    status: Literal["runs", "fails", "not-run"]
    commits: tuple[Commit, ...]
    """In order; the last one's files are what is delivered."""
    report: dict[str, Any]
    """`execution-report.json`, valid against pipeline/execution-report.schema.json."""

    @property
    def files(self) -> dict[str, str]:
        """The delivered repository."""
        return self.commits[-1].files


def reproduce(
    paper: Paper,
    *,
    llm: LLM,
    sandbox: Sandbox | None,
    out: Path,
    options: Options,
    observe: Observer,
) -> Reproduction:
    """Plan, analyse, write, run, fix and audit; `out` afterwards holds what the design's `DIR` holds.

    Raises PipelineError (the model, the budget, cancellation) and SandboxError. What is finished stays in
    `out`; the journal makes a second call with the same `out` continue without paying again.
    """
    raise NotImplementedError
