"""The path of docs/self-hosting.md on a bare Debian, typed as it stands there: `make test-ship`.

The machine is a container whose process 1 is systemd, with a Docker of its own; nginx stands before the program as
deploy/proxy has it. The worker is restarted while a job of its waits for the model. The job has ended well when the
pull request's check says that the code ran, and nothing but the interrupted call was asked of the model twice.
"""

import re
import ssl
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from tests.bot.conftest import deliver, until
from tests.deploy.around import (
    LIKE_PRIVILEGED,
    PREFIX,
    ROOT,
    SECONDS,
    Patient,
    build,
    has_every_capability,
    lend_sandbox,
    lines,
    output,
    run,
    timed,
    world,
)

HELD = "plan.logic"
"""What the model is asked while the worker is restarted; nothing else is under way then."""
CERTIFICATE = "/etc/letsencrypt/live/paper2code.example"
TRUSTED = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}
"""For what brings packages: these may come through a proxy that signs them anew."""


def main() -> None:
    """Print what each part took, in seconds; status 1 and the units' logs where something does not go well."""
    model = Patient(HELD)
    with world(model) as around, TemporaryDirectory() as folder:
        with timed("image"):
            build("machine")
        machine = Machine(Path(folder))
        try:
            with timed("machine"):
                machine.start()
            with timed("installation"):
                machine.type(typed("2. User, folders, program"))
                machine.write("/etc/paper2code/paper2code.env", lines(around.settings() | TRUSTED))
                machine.write("/etc/paper2code/worker.env", lines(around.keys()))
                machine.type(typed("4. Start").partition("journalctl --follow")[0])
                until(lambda: machine.answers("healthz") and machine.answers("readyz"), SECONDS)
            with timed("job, and its worker restarted"):
                model.open.clear()
                status, answer = deliver(machine.port, "issue_comment", around.asked(), tls=machine.tls)
                assert status == 202, (status, answer)
                until(model.asked.is_set, SECONDS)
                with timed("restart"):
                    machine.type("systemctl restart paper2code-worker")
                model.open.set()
                around.delivered()
                paid = around.paid()
                assert paid == Counter(dict.fromkeys(paid, 1)) + Counter([HELD]), paid
            with timed("restart of the machine"):
                machine.restart()
            with timed("stop"):
                machine.type("systemctl stop paper2code-web paper2code-worker")
            told = machine.told("systemctl show --property Result,NRestarts paper2code-web paper2code-worker")
            assert told.split() == ["Result=success", "NRestarts=0"] * 2, told
        except BaseException:  # an interruption as well: what was going on is what one wants to see
            machine.type(
                "systemctl --no-pager status 'paper2code-*' docker || true; journalctl --no-pager --lines 60"
            )
            raise
        finally:
            with timed("away"):
                machine.remove()


class Machine:
    """The container, and what is typed in it as root."""

    tls: ssl.SSLContext
    """What trusts its certificate."""
    port: int
    """Where its port 443 is published on this machine."""

    def __init__(self, folder: Path) -> None:
        """`folder` is an empty one, for the certificate."""
        self._folder = folder
        self._name = f"{PREFIX}-machine"

    def start(self) -> None:
        """With the checkout, the sandbox's image, and nginx at work."""
        allowed = ["--privileged"]
        if not has_every_capability():
            allowed = [f"--cap-add={name}" for name in LIKE_PRIVILEGED["cap_add"]]
            allowed += [f"--security-opt={name}" for name in LIKE_PRIVILEGED["security_opt"]]
        options = [
            "--cgroupns",
            "private",
            "--tmpfs",
            "/run",
            "--tmpfs",
            "/run/lock",
            "--env",
            "container=docker",
        ]
        options += ["--publish", "127.0.0.1::443"]
        run("docker", "run", "--detach", "--name", self._name, *allowed, *options, self._name)
        self._up()
        files = "git ls-files -z | tar --create --null --files-from=- | docker exec --interactive"
        run("bash", "-o", "pipefail", "-c", f"{files} {self._name} tar --extract --directory /root", cwd=ROOT)
        lend_sandbox(self._name)
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=paper2code.example"]
        made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "privkey.pem", "-out", "fullchain.pem"]
        run(*made, cwd=self._folder, stderr=subprocess.DEVNULL)
        self.tls = ssl.create_default_context(cafile=str(self._folder / "fullchain.pem"))
        for name in ("privkey.pem", "fullchain.pem"):
            self.write(f"{CERTIFICATE}/{name}", (self._folder / name).read_text())
        self.type("cp deploy/proxy/nginx.conf /etc/nginx/sites-enabled/paper2code && systemctl reload nginx")

    def restart(self) -> None:
        """All of it; returns when the program answers again."""
        run("docker", "restart", "--time", "60", self._name)
        self._up()
        until(lambda: self.answers("readyz"), SECONDS)

    def remove(self) -> None:
        """With its volumes."""
        run("docker", "rm", "--force", "--volumes", self._name, stdout=subprocess.DEVNULL)

    def type(self, text: str) -> None:
        """In the checkout; raises CalledProcessError."""
        run(*self._shell(text))

    def told(self, text: str) -> str:
        """What that prints."""
        return output(*self._shell(text))

    def write(self, path: str, text: str) -> None:
        """At the end of a file, which keeps its owner and mode."""
        run(*self._shell(f"mkdir -p $(dirname {path}) && cat >>{path}"), input=text, text=True)

    def answers(self, path: str) -> bool:
        """Whether nginx brings a page of the program's, and says that all is well."""
        with suppress(OSError), urlopen(f"https://127.0.0.1:{self.port}/{path}", context=self.tls):
            return True
        return False

    def _up(self) -> None:
        until(lambda: self._state() in ("running", "degraded"), SECONDS)
        self.port = int(output("docker", "port", self._name, "443/tcp").rpartition(":")[2])

    def _state(self) -> str:
        asked = subprocess.run(self._shell("systemctl is-system-running"), capture_output=True, text=True)
        return asked.stdout.strip()

    def _shell(self, text: str) -> list[str]:
        command = ["docker", "exec", "--interactive", "--workdir", "/root", self._name]
        return [*command, "bash", "-euo", "pipefail", "-c", text]


def typed(heading: str) -> str:
    """What docs/self-hosting.md has people type there."""
    page = (ROOT / "docs/self-hosting.md").read_text()
    (block,) = re.findall(rf"^### {heading}\n(?:(?!\n##).)*?```sh\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    return str(block)


if __name__ == "__main__":
    main()
