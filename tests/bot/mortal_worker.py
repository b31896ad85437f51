"""A worker process that kills itself with SIGKILL before or after a step, if told so."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.github.credentials import AppCredentials
from bot.github.github import GitHub
from bot.intake.jobs import Job, Steps
from bot.jobs.engine import Engine
from bot.jobs.watch import Watch
from bot.work.worker import Worker
from pipeline.reproduce import Reproduction
from tests.bot.conftest import make, revise
from tests.fakes.github.state import APP_ID


class Mortal(Engine):
    """Dies at one step."""

    kill: tuple[str, ...] = ()

    @contextmanager
    def _holding(self) -> Iterator[Steps]:
        with super()._holding() as steps:

            def mortal(name: str, step: Callable[[], Any]) -> Any:
                def dying() -> Any:
                    if self.kill == (name, "before"):
                        os.kill(os.getpid(), signal.SIGKILL)
                    result = step()
                    if self.kill == (name, "after"):
                        os.kill(os.getpid(), signal.SIGKILL)
                    return result

                return steps(name, dying)

            yield mortal


def main(folder: Path, key: Path, database: str, api_url: str, url: str, *kill: str) -> None:
    def paid(job: Job, out: Path, watch: Watch) -> Reproduction:
        with (folder / "paid").open("a") as file:
            file.write("x")
        return make(job, out, watch)

    github = GitHub(AppCredentials(APP_ID, key.read_text()), api_url, url, seconds_between_writes=0)
    engine = Mortal(database, dead_after=1)
    engine.kill = kill
    worker = Worker(
        github,
        paid,
        folder,
        waits=(0, 0, 0),
        seconds_between_edits=0.05,
        revise=revise,
    )
    with engine.working(worker):
        threading.Event().wait()


if __name__ == "__main__":
    folder, key, *rest = sys.argv[1:]
    main(Path(folder), Path(key), *rest)
