"""What one job is made with, as the worker is handed it. What is done with it is decided elsewhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from pipeline.model.llm import LLM
from pipeline.progress import Observer, Progress
from pipeline.reading.arxiv import Arxiv
from pipeline.reading.paper import Paper
from pipeline.reading.references import references
from pipeline.reproduce import Options
from sandbox.interface import Sandbox
from sandbox.report import Limits
from settings import Settings


@dataclass(frozen=True)
class Tools:
    """What one job is made with."""

    arxiv: Arxiv
    llm: LLM
    sandbox: Sandbox | None
    concerns: tuple[str, ...] = ()
    """What people have to know of the models, in sentences."""
    expected: Callable[[Paper], str] = lambda paper: ""
    """What a paper may cost, in a sentence. Raises ContextOverflow where a model's window is too small for it."""


Toolbox = Callable[[Job, Path, Watch], AbstractContextManager[Tools]]
"""Opens the tools for one attempt at a job, given its folder and who follows it. Raises PipelineError."""


def options_for(job: Job, settings: Settings) -> Options:
    """How a job's repository is made and run."""
    wanted = job.configuration
    return Options(
        packages=settings.data_dir / "packages",
        refine=wanted.refine,
        max_fixes=wanted.max_fixes,
        judge=wanted.judge,
        tests=wanted.prove.tests,
        concurrency=settings.concurrency,
        mode="full" if wanted.run.full else "smoke",
        wish=job.scope,
        limits=Limits(wanted.run.timeout, wanted.run.memory_bytes, wanted.run.cpus),
    )


def read_paper(job: Job, tools: Tools, watch: Observer) -> Paper:
    """The job's paper, told to `watch` as a stage. Raises PaperError."""
    watch(Progress("paper", "started", job.paper, usd=0.0))
    # Never a path: a name that strangers choose is looked up at arXiv alone.
    paper = tools.arxiv.paper(*references(job.paper))
    watch(Progress("paper", "finished", paper.title, usd=0.0))
    return paper
