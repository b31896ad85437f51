"""The stack of deploy/compose.yaml, built, brought up and given a job: `make test-ship`.

The images come from Debian, as `scripts/docker-up` makes the sandbox's: no image registry is asked. GitHub, arXiv and
the model are the tests' fake ones, on this machine's address in Docker's own network. A signed webhook goes to the
published port; the job has ended well when the pull request's check says that the code ran, which it did in the
stack's own engine. The stack goes down with its volumes in any case; its images stay, as a cache.
"""

import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

from bot.words.checks import RUNS
from tests.bot.conftest import SECRET, deliver, until
from tests.bot.crash import BOT, answer
from tests.bot.test_end_to_end import TEX
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import APP_ID
from tests.fakes.model import FakeModel

ROOT = Path(__file__).parents[2]
IMAGES = Path(__file__).with_name("images")
SANDBOX = "paper2code-base:bookworm"
PROJECT = "paper2code-ship"
PAPER = "2401.00001"
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
MINUTES = 15.0
"""Until a container is healthy, and until the job has ended: on two busy cores all is slow."""


def main() -> None:
    """Print what each part took, in seconds; status 1 and the containers' logs where the job does not end well."""
    if not output("docker", "images", "--quiet", SANDBOX):
        raise SystemExit(f"There is no image {SANDBOX} yet: run 'sudo scripts/docker-up'.")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    subnet = output("docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    # This machine's own: older daemons do not name the gateway.
    host = str(next(ip_network(subnet).hosts()))
    paper = Submission(PAPER, "Means of Things", source=one_file(TEX))
    with (
        tempfile.TemporaryDirectory() as name,
        FakeGitHub(Path(name) / "github", host) as hub,
        fake_arxiv(paper, host=host) as arxiv,
        FakeModel(answer, host=host) as model,
    ):
        stack = Stack(Path(name) / "deploy", settings(hub, arxiv), {"OPENAI_BASE_URL": model.url})
        with timed("images"):
            stack.build()
        try:
            with timed("up"):
                stack.compose("up", "--detach", "--no-build")
                until(lambda: stack.state("web") == "healthy", 60 * MINUTES)
            with timed("job"):
                fulfilled(hub, stack)
        except BaseException:  # an interruption as well: what was going on is what one wants to see
            stack.compose("ps")
            stack.compose("logs", "--tail", "60")
            raise
        finally:
            with timed("down"):
                stack.compose("down", "--volumes", "--remove-orphans")
    left = [kind for kind in ("container", "volume", "network") if output(*listed(kind))]
    if left:
        raise SystemExit(f"After going down there is still a {' and a '.join(left)} of {PROJECT}.")


class Stack:
    """compose.yaml in a folder of its own, where nobody's `.env` lies."""

    def __init__(self, folder: Path, both: dict[str, str], worker: dict[str, str]) -> None:
        folder.mkdir()
        self._folder = folder
        written(folder / "paper2code.env", both)
        written(folder / "worker.env", worker | {"OPENAI_API_KEY": "sk-ship"})
        (folder / "compose.yaml").write_text(yaml.safe_dump(tried(ROOT / "deploy/compose.yaml")))
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self._program = ["docker", "compose"] if plugin else ["docker-compose"]
        self._environment = os.environ | {
            "POSTGRES_PASSWORD": secrets.token_hex(24),
            "POSTGRES_IMAGE": f"{PROJECT}-database",
            "ENGINE_IMAGE": f"{PROJECT}-engine",
        }

    def build(self) -> None:
        """All images, on one base that trusts whom this machine trusts."""
        context = self._folder / "images"
        shutil.copytree(IMAGES, context)
        shutil.copy(TRUSTED, context)
        for name in ("base", "database", "engine"):
            file = context / f"{name}.Dockerfile"
            run("docker", "build", "--quiet", "--file", file, "--tag", f"{PROJECT}-{name}", context)
        self.compose("build", "--build-arg", f"BASE={PROJECT}-base")

    def compose(self, *arguments: str, **options: Any) -> None:
        """Run it; raises CalledProcessError."""
        file = str(self._folder / "compose.yaml")
        run(
            *self._program,
            "--project-name",
            PROJECT,
            "--file",
            file,
            *arguments,
            env=self._environment,
            **options,
        )

    def container(self, service: str) -> str:
        """Its id."""
        return output(*listed("container"), "--filter", f"label=com.docker.compose.service={service}")

    def state(self, service: str) -> str:
        """What its health check says."""
        return output("docker", "inspect", "--format", "{{.State.Health.Status}}", self.container(service))

    def port(self) -> int:
        """Where the web process is published on this machine."""
        return int(output("docker", "port", self.container("web"), "8000/tcp").rpartition(":")[2])


def tried(file: Path) -> dict[str, Any]:
    """The stack as it is delivered, but for its names and its port, so that it disturbs none that is at work here.

    Without `name`, which Debian's docker-compose (1.29) takes for a mistake: the project is named when it is called.
    """
    stack: dict[str, Any] = yaml.safe_load(file.read_text())
    del stack["name"]
    for service in ("web", "worker"):
        stack["services"][service] |= {"image": PROJECT}
        stack["services"][service]["build"] |= {"context": str(ROOT)}
    stack["services"]["web"]["ports"] = ["127.0.0.1::8000"]
    if not has_every_capability():
        # `privileged` asks for all that the kernel knows, and runc refuses where the machine itself lacks one.
        del stack["services"]["engine"]["privileged"]
        stack["services"]["engine"] |= {
            "cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"],
            "security_opt": ["seccomp:unconfined", "apparmor:unconfined"],
        }
    return stack


def has_every_capability() -> bool:
    """Whether this machine may hand out all that its kernel knows; a virtual machine may lack some."""
    (bounds,) = re.findall(r"^CapBnd:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    return int(bounds, 16) == (1 << last + 1) - 1


def settings(hub: FakeGitHub, arxiv: FakeArxiv) -> dict[str, str]:
    """What both processes are told of the world."""
    return {
        "GITHUB_APP_ID": str(APP_ID),
        "GITHUB_APP_PRIVATE_KEY": hub.private_key,
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_SERVER_URL": hub.url,
        "PAPER2CODE_ARXIV_URL": arxiv.url,
        "PAPER2CODE_ARXIV_API_URL": arxiv.url,
        "PAPER2CODE_SANDBOX": "docker",
    }


def fulfilled(hub: FakeGitHub, stack: Stack) -> None:
    """Ask as GitHub does, and wait for the pull request's last word. Raises AssertionError."""
    saved = subprocess.Popen(["docker", "save", SANDBOX], stdout=subprocess.PIPE)
    # The engine asks a registry for the sandbox's image, where there is one.
    run("docker", "exec", "--interactive", stack.container("engine"), "docker", "load", stdin=saved.stdout)
    assert saved.wait() == 0
    event = hub.comment_event(hub.open_issue("Means", ""), f"/paper2code arxiv:{PAPER}")
    status, answer = deliver(stack.port(), "issue_comment", event)
    assert status == 202, (status, answer)
    try:
        until(lambda: RUNS in conclusions(hub), 60 * MINUTES)
    except AssertionError:
        sys.stdout.write("".join(comment["body"] for comment in hub.comments_by(BOT)))
        raise
    assert hub.state.pulls and conclusions(hub)[RUNS] == "success", conclusions(hub)


def conclusions(hub: FakeGitHub) -> dict[str, str]:
    """Of each check run."""
    return {check["name"]: check["conclusion"] for check in hub.state.checks}


def written(file: Path, values: dict[str, str]) -> None:
    lines = (f'{name}="{value}"'.replace("\n", "\\n") + "\n" for name, value in values.items())
    file.write_text("".join(lines))
    file.chmod(0o600)


def listed(kind: str) -> list[str]:
    everything = ["--all"] if kind == "container" else []
    return [
        "docker",
        kind,
        "ls",
        "--quiet",
        *everything,
        "--filter",
        f"label=com.docker.compose.project={PROJECT}",
    ]


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run(*command: str | Path, **options: Any) -> None:
    subprocess.run(command, check=True, **options)


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    load = os.getloadavg()[0]
    sys.stdout.write(f"ship: {what}: {time.monotonic() - began:.0f} s, at load {load:.0f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
