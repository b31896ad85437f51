"""What one job is made with, as the worker is handed it. What is done with it is decided elsewhere."""

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.intake.configuration import Run
from bot.intake.jobs import Job
from bot.jobs.watch import Watch
from pipeline.model.division import UNDIVIDED, Division, Part
from pipeline.model.instructed import instructed
from pipeline.model.llm import LLM
from pipeline.planning.agreement import UNDECIDED
from pipeline.progress import Observer, Progress
from pipeline.reading.arxiv import Arxiv
from pipeline.reading.paper import Paper
from pipeline.reading.references import references
from pipeline.reproduce import Options
from sandbox.interface import Sandbox
from sandbox.report import Limits
from settings import Settings

MOST_MINUTES = 60
"""That a repository may ask for, where the host says nothing else."""


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
    divided: Callable[[Paper, Collection[Part]], Division] = lambda paper, unwanted: UNDIVIDED
    """The job's cap, divided for a paper without what is unwanted; the model keeps to it from then on."""


Toolbox = Callable[[Job, Path, Watch], AbstractContextManager[Tools]]
"""Opens the tools for one attempt at a job, given its folder and who follows it. Raises PipelineError."""


@contextmanager
def opened(toolbox: Toolbox, job: Job, out: Path, watch: Watch) -> Iterator[Tools]:
    """The tools for one attempt at a job, whose model knows what its repository wishes."""
    with toolbox(job, out, watch) as tools:
        yield replace(tools, llm=instructed(tools.llm, job.instructions))


def options_for(job: Job, settings: Settings) -> Options:
    """How a job's repository is made and run."""
    wanted = job.configuration
    run, _ = granted(wanted.run, settings)
    return Options(
        packages=settings.data_dir / "packages",
        refine=wanted.refine,
        max_fixes=wanted.max_fixes,
        judge=wanted.judge,
        tests=wanted.prove.tests,
        results=wanted.prove.results,
        concurrency=settings.concurrency,
        mode=run.mode,
        minutes=run.minutes,
        data=tuple((name, settings.datasets[name]) for name in run.data),
        wish=job.wanted,
        agreement=job.agreement if job.approved else UNDECIDED,
        limits=Limits(run.timeout, run.memory_bytes, run.cpus, gpus=run.gpus),
    )


def granted(run: Run, settings: Settings) -> tuple[Run, tuple[str, ...]]:
    """What a repository gets of what it asks for, and a sentence on each thing that it does not."""
    cards = settings.sandbox_gpus
    most: dict[str, tuple[float, float, str]] = {
        "minutes": (run.minutes, settings.max_minutes or MOST_MINUTES, "minutes"),
        "memory": (run.memory_bytes / 2**20, settings.max_memory, "MiB of memory"),
        "cpus": (run.cpus, settings.max_cpus, "CPUs"),
        "gpus": (run.gpus or 0, math.inf if cards == -1 else cards, "GPUs"),
    }
    changed: dict[str, Any] = {name: limit for name, (asked, limit, _) in most.items() if asked > limit}
    said = [
        f"{'This repository asks for' if name in run.model_fields_set else 'By default a run has'} "
        f"{asked:g} {unit}; this host gives at most {limit:g}."
        for name, (asked, limit, unit) in most.items()
        if asked > limit
    ]
    if "memory" in changed:
        changed["memory"] = f"{changed['memory']}m"
    if unknown := [name for name in run.data if name not in settings.datasets]:
        changed["data"] = tuple(name for name in run.data if name in settings.datasets)
        said.append(f"This host lends no data named {', '.join(unknown)}: what needs them is skipped.")
    return run.model_copy(update=changed), tuple(said)


def read_paper(job: Job, tools: Tools, watch: Observer) -> Paper:
    """The job's paper, told to `watch` as a stage. Raises PaperError."""
    watch(Progress("paper", "started", job.paper, usd=0.0))
    # Never a path: a name that strangers choose is looked up at arXiv alone.
    paper = tools.arxiv.paper(*references(job.paper))
    watch(Progress("paper", "finished", paper.title, usd=0.0))
    return paper
