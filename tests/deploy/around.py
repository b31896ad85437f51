"""What stands around a deployment that is tried: GitHub, arXiv and a model on this machine, and images from Debian.

No image registry is asked: images are made as `scripts/docker-up` makes the sandbox's. The servers are the tests' fake
ones, on this machine's address in Docker's own network.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bot.words.checks import RUNS
from tests.bot.conftest import SECRET, until
from tests.bot.crash import BOT, answer, asked_for
from tests.bot.test_end_to_end import TEX
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID
from tests.fakes.model import FakeModel, Reply

ROOT = Path(__file__).parents[2]
SANDBOX = "paper2code-base:bookworm"
PREFIX = "paper2code-ship"
"""Of all images and containers that are made here."""
SECONDS = 900.0
"""Until something is up, and until a job has ended: on two busy cores all is slow."""
LIKE_PRIVILEGED = {
    "cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"],
    "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
}
"""What an engine in a container needs, as compose names it, where `privileged` cannot be had."""
_IMAGES = Path(__file__).with_name("images")
_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
_PAPER = "2401.00001"


class Patient:
    """A model that answers from the recording, and holds back the answer of `held` for as long as it is closed."""

    def __init__(self, held: str) -> None:
        self._held = held
        self.asked, self.open = threading.Event(), threading.Event()
        self.open.set()

    def __call__(self, body: dict[str, Any]) -> Reply:
        """The answer to a request."""
        if asked_for(body) == self._held:
            self.asked.set()
            self.open.wait()
        return answer(body)


class World:
    """The servers, and what a deployment is told of them."""

    def __init__(self, hub: FakeGitHub, arxiv: FakeArxiv, model: FakeModel) -> None:
        self.hub, self._arxiv, self._model = hub, arxiv, model

    def settings(self) -> dict[str, str]:
        """For both processes."""
        return {
            "GITHUB_APP_ID": str(APP_ID),
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": self.hub.url,
            "PAPER2CODE_ARXIV_URL": self._arxiv.url,
            "PAPER2CODE_ARXIV_API_URL": self._arxiv.url,
            "PAPER2CODE_SANDBOX": "docker",
        }

    def keys(self) -> dict[str, str]:
        """For the worker alone."""
        return {
            "GITHUB_APP_PRIVATE_KEY": self.hub.private_key,
            "OPENAI_BASE_URL": self._model.url,
            "OPENAI_API_KEY": "sk-ship",
        }

    def asked(self) -> dict[str, Any]:
        """Somebody asks for the paper in a new issue: the event that GitHub sends."""
        return self.hub.comment_event(self.hub.open_issue("Means", ""), f"/paper2code arxiv:{_PAPER}")

    def paid(self) -> Counter[str]:
        """How often the model was asked for what."""
        return Counter(asked_for(body) for body in self._model.requests)

    def delivered(self, jobs: int = 1) -> None:
        """Wait for the last word on so many pull requests. Raises AssertionError."""
        try:
            until(lambda: len(self._ran()) == jobs, SECONDS)
        except AssertionError:
            sys.stdout.write("".join(comment["body"] for comment in self.hub.comments_by(BOT)))
            raise
        assert len(self.hub.state.pulls) == jobs and set(self._ran()) == {"success"}, self.hub.state.checks

    def _ran(self) -> list[str]:
        return [check["conclusion"] for check in self.hub.state.checks if check["name"] == RUNS]


@contextmanager
def world(model: Callable[[dict[str, Any]], Reply] = answer) -> Iterator[World]:
    """The servers, at work. Exits where there is no image to begin with."""
    if not output("docker", "images", "--quiet", SANDBOX):
        raise SystemExit(f"There is no image {SANDBOX} yet: run 'sudo scripts/docker-up'.")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    subnet = output("docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    # This machine's own: older daemons do not name the gateway.
    host = str(next(ip_network(subnet).hosts()))
    paper = Submission(_PAPER, "Means of Things", source=one_file(TEX))
    with (
        tempfile.TemporaryDirectory() as name,
        FakeGitHub(Path(name) / "github", host) as hub,
        fake_arxiv(paper, host=host) as arxiv,
        FakeModel(model, host=host) as asked,
    ):
        yield World(hub, arxiv, asked)


def build(*names: str) -> None:
    """Images of ours, on one base that trusts whom this machine trusts."""
    with tempfile.TemporaryDirectory() as folder:
        context = shutil.copytree(_IMAGES, Path(folder, "images"))
        shutil.copy(_TRUSTED, context)
        base = ["--build-arg", f"BASE={PREFIX}-base"]
        for name, options in {"base": [], **dict.fromkeys(names, base)}.items():
            file = context / f"{name}.Dockerfile"
            run("docker", "build", "--quiet", "--file", file, "--tag", f"{PREFIX}-{name}", *options, context)


def lend_sandbox(container: str) -> None:
    """Give its Docker the image for sandboxes, which it would ask a registry for."""
    saved = subprocess.Popen(["docker", "save", SANDBOX], stdout=subprocess.PIPE)
    run("docker", "exec", "--interactive", container, "docker", "load", stdin=saved.stdout)
    assert saved.wait() == 0


def has_every_capability() -> bool:
    """Whether this machine may hand out all that its kernel knows; a virtual machine may lack some.

    `privileged` asks for all of them, and runc refuses where the machine itself lacks one.
    """
    (bounds,) = re.findall(r"^CapBnd:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    return int(bounds, 16) == (1 << last + 1) - 1


def lines(values: dict[str, str]) -> str:
    """As files of variables hold them."""
    return "".join(f'{name}="{value}"'.replace("\n", "\\n") + "\n" for name, value in values.items())


def output(*command: str | Path) -> str:
    """What it prints; raises CalledProcessError."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run(*command: str | Path, **options: Any) -> None:
    """Let it print for itself; raises CalledProcessError."""
    subprocess.run(command, check=True, **options)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print for how long."""
    began = time.monotonic()
    yield
    load = os.getloadavg()[0]
    sys.stdout.write(f"ship: {what}: {time.monotonic() - began:.0f} s, at load {load:.0f}\n")
    sys.stdout.flush()
