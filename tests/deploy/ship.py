"""The stack of deploy/compose.yaml, built, brought up and given a job: `make test-ship`.

A signed webhook goes to the published port; the job has ended well when the pull request's check says that the code
ran, which it did in the stack's own engine. The stack goes down with its volumes in any case; its images stay, as a
cache.
"""

import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.bot.conftest import deliver, until
from tests.deploy.around import (
    LIKE_PRIVILEGED,
    PREFIX,
    ROOT,
    SECONDS,
    World,
    build,
    has_every_capability,
    lend_sandbox,
    lines,
    output,
    run,
    timed,
    world,
)


def main() -> None:
    """Print what each part took, in seconds; status 1 and the containers' logs where the job does not end well."""
    with world() as around, tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), around)
        with timed("images"):
            build("database", "engine")
            stack.compose("build")
        try:
            with timed("up"):
                stack.compose("up", "--detach", "--no-build")
                until(lambda: stack.state("web") == "healthy", SECONDS)
            with timed("job"):
                lend_sandbox(stack.container("engine"))
                status, answer = deliver(stack.port(), "issue_comment", around.asked())
                assert status == 202, (status, answer)
                around.delivered()
        except BaseException:  # an interruption as well: what was going on is what one wants to see
            stack.compose("ps")
            stack.compose("logs", "--tail", "60")
            raise
        finally:
            with timed("down"):
                stack.compose("down", "--volumes", "--remove-orphans")
    left = [kind for kind in ("container", "volume", "network") if output(*listed(kind))]
    if left:
        raise SystemExit(f"After going down there is still a {' and a '.join(left)} of {PREFIX}.")


class Stack:
    """compose.yaml in a folder of its own, where nobody's `.env` lies."""

    def __init__(self, folder: Path, around: World) -> None:
        self._folder = folder
        (folder / "paper2code.env").write_text(lines(around.settings()))
        (folder / "worker.env").write_text(lines(around.keys()))
        (folder / "compose.yaml").write_text(yaml.safe_dump(tried(ROOT / "deploy/compose.yaml")))
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self._program = ["docker", "compose"] if plugin else ["docker-compose"]
        self._environment = os.environ | {
            "POSTGRES_PASSWORD": secrets.token_hex(24),
            "POSTGRES_IMAGE": f"{PREFIX}-database",
            "ENGINE_IMAGE": f"{PREFIX}-engine",
            "BASE": f"{PREFIX}-base",
        }

    def compose(self, *arguments: str, **options: Any) -> None:
        """Run it; raises CalledProcessError."""
        file = str(self._folder / "compose.yaml")
        named = ["--project-name", PREFIX, "--file", file]
        run(*self._program, *named, *arguments, env=self._environment, **options)

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
        stack["services"][service] |= {"image": PREFIX}
        stack["services"][service]["build"] |= {"context": str(ROOT)}
    stack["services"]["web"]["ports"] = ["127.0.0.1::8000"]
    if not has_every_capability():
        del stack["services"]["engine"]["privileged"]
        stack["services"]["engine"] |= LIKE_PRIVILEGED
    return stack


def listed(kind: str) -> list[str]:
    everything = ["--all"] if kind == "container" else []
    label = f"label=com.docker.compose.project={PREFIX}"
    return ["docker", kind, "ls", "--quiet", *everything, "--filter", label]


if __name__ == "__main__":
    main()
