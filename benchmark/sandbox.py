"""What the sandboxes cost: one attempt beyond the program's own time, installations, and eight at once.

python -m benchmark.sandbox [DIR]    caches go to DIR, a new temporary folder by default, so that cold is cold
"""

import io
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from sandbox import packages
from sandbox.docker import DockerSandbox
from sandbox.execution import execute
from sandbox.interface import Command, Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox
from sandbox.report import Limits

STACK = ("matplotlib", "numpy", "pyyaml", "scikit-learn")
PROGRAM = """\
import json
if __name__ == "__main__":
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": 1}}, file)
"""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def main() -> None:
    """Measure everything that this machine can do, and print a Markdown table."""
    cache = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    print("| what | seconds |\n|---|---|")
    sandboxes: list[Sandbox] = []
    for make in (DockerSandbox, LocalSandbox):
        try:
            sandbox: Sandbox = make()
            sandbox.platform()
            sandboxes.append(sandbox)
        except SandboxUnavailable as error:
            print(f"| {make.__name__} | not here: {error} |")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "main.py").write_text(PROGRAM)
        for sandbox in sandboxes:
            measure(sandbox, directory, cache)
    installations(sandboxes[0], cache)


def measure(sandbox: Sandbox, directory: Path, cache: Path) -> None:
    """One command, one whole attempt, and eight attempts at once."""

    def command() -> float:
        started = time.monotonic()
        result = sandbox.run(directory, Command(("true",), outputs=("main.py",)))
        return time.monotonic() - started - result.seconds

    def attempt(*, again: bool = False) -> float:
        started = time.monotonic()
        report = execute(directory, sandbox, cache=cache, limits=Limits(seconds=60), again=again)
        if not report.ok:
            raise SystemExit(f"the attempt failed: {report}")
        return time.monotonic() - started - report.seconds

    attempt()
    row(f"{sandbox.name}: one command, beyond its own time (median of 10)", median(command))
    row(f"{sandbox.name}: one attempt (import + smoke) alone, beyond the programs' own time", median(attempt))
    attempt(again=True)
    row(f"{sandbox.name}: the same in a loop, its first room made ahead", median(lambda: attempt(again=True)))
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: attempt(), range(8)))
    row(f"{sandbox.name}: eight attempts at once, no failure", time.monotonic() - started)


def installations(sandbox: Sandbox, cache: Path) -> None:
    """By uv outside of the sandbox, cold and for a lock seen before; by pip in an image rebuilt each time."""
    platform = sandbox.platform()
    for name, wanted in (("numpy, pyyaml, matplotlib, scikit-learn", STACK), ("torch", ("torch",))):
        for state in ("cold", "lock seen before"):
            started = time.monotonic()
            packages.install(packages.resolve(wanted, platform, cache), platform, cache)
            row(f"install {name}: {state}", time.monotonic() - started)
    if sandbox.name == "docker":
        started = time.monotonic()
        rebuilt_with_pip()
        row("install numpy, pyyaml, matplotlib, scikit-learn: pip, image rebuilt", time.monotonic() - started)


def rebuilt_with_pip() -> None:
    """The usual way: `RUN pip install` in a Dockerfile, with the network that this needs."""
    lines = ["FROM paper2code-base:bookworm"]
    if CERTIFICATES.is_file():
        lines += ["COPY ca.crt /ca.crt", "ENV PIP_CERT=/ca.crt SSL_CERT_FILE=/ca.crt"]
    lines.append(f"RUN python3 -m venv /venv && /venv/bin/pip install -q {' '.join(STACK)}")
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in (("Dockerfile", "\n".join(lines).encode()), ("ca.crt", certificates())):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    context.seek(0)
    client = docker.from_env(timeout=600)
    image, _ = client.images.build(fileobj=context, custom_context=True, nocache=True, rm=True)
    client.images.remove(str(image.id), force=True)
    client.close()


def certificates() -> bytes:
    """The host's certificate authorities, which a mirror or a proxy may need."""
    return CERTIFICATES.read_bytes() if CERTIFICATES.is_file() else b""


def median(measured: Callable[[], float]) -> float:
    """Of ten."""
    return statistics.median(measured() for _ in range(10))


def row(what: str, seconds: float) -> None:
    """One line of the table, as soon as it is known."""
    print(f"| {what} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
