"""Seconds from a command to the first comment, in workflow runs on this machine: `python -m tests.bot.work.timing`.

What GitHub takes to find a machine, to download the action and to hand out its caches is not in it, nor an image.
"""

import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bot.test_end_to_end import TEX
from tests.bot.work.runner import Runner
from tests.fakes.arxiv import Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.model import FakeModel, Reply

PAPER = "2401.00001"
_BOT = "github-actions[bot]"
_FOR_INSTALLERS = ("PIP_", "UV_", "SSL_", "HTTP", "NO_PROXY")


def first_comment(machine: Runner, hub: FakeGitHub, model: str) -> tuple[float, float]:
    """Seconds until it stands there, and those that processors were busy in the whole run."""
    event = hub.comment_event(hub.open_issue("A", ""), f"/paper2code arxiv:{PAPER}")
    before, said = len(hub.comments_by(_BOT)), list[float]()
    began, spent = time.monotonic(), _busy()

    def look() -> None:
        while len(hub.comments_by(_BOT)) == before:
            time.sleep(0.02)
        said.append(time.monotonic() - began)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    ran = machine.run("issue_comment", event, None, **{"openai-base-url": model, "openai-api-key": "sk-a"})
    looking.join(5)
    if not said:
        raise SystemExit(f"There is no comment: {ran.steps}\n{ran.log}")
    return said[0], _busy() - spent


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a row for a run that finds its installation in the cache, and one for a run that makes it."""
    submission = Submission(PAPER, "Means of Things", source=one_file(TEX))
    refused = Reply(status=402, error={"message": "Your account has no credit left."})
    given = {name: value for name, value in os.environ.items() if name.upper().startswith(_FOR_INSTALLERS)}
    with (
        tempfile.TemporaryDirectory() as folder,
        fake_arxiv(submission) as arxiv,
        FakeModel(refused) as model,
        FakeGitHub(Path(folder) / "github") as hub,
    ):
        told = {
            "PAPER2CODE_ARXIV_URL": arxiv.url,
            "PAPER2CODE_ARXIV_API_URL": arxiv.url,
            "PAPER2CODE_SANDBOX": "none",
        }
        for name, installed in (("warm", True), ("cold", False)):
            machine = Runner(hub, Path(folder) / name, installed=installed, **given, **told)
            seconds, busy = first_comment(machine, hub, model.url)
            sys.stdout.write(
                f"{name}: first comment after {seconds:.1f} s; processors busy for {busy:.1f} s\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
