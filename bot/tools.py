"""What one job is made with, as the worker is handed it. What is done with it is decided elsewhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bot.jobs import Job
from pipeline.arxiv import Arxiv
from pipeline.llm import LLM
from sandbox.interface import Sandbox


@dataclass(frozen=True)
class Tools:
    """What one job is made with."""

    arxiv: Arxiv
    llm: LLM
    sandbox: Sandbox | None


Toolbox = Callable[[Job, Path, Callable[[], bool]], AbstractContextManager[Tools]]
"""Opens the tools for one attempt at a job, given its folder and whether it shall stop."""
