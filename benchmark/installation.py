"""Whether what is delivered can be installed and used by a stranger: a fresh environment, the public index alone.

python -m benchmark.installation DIR…    delivered repositories, such as out/demo/repository after `make demo`

Packages are downloaded and installed, as requirements.txt names them, for this machine; for the others it is looked
whether the pins can be resolved. Then `python main.py list` and `python main.py` run as a reader runs them, outside of
any sandbox: give it only what you have looked at.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from pipeline.coding.given import PYTHON
from sandbox.public import PLATFORMS, public

PACKAGES = Path.home() / ".cache/paper2code-tests"
_HOSTS_OWN = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_NO_INDEX", "PYTHONPATH")
"""What makes an installation here different from one elsewhere."""
_SECONDS = 1800


@click.command(help=__doc__)
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def main(folders: tuple[Path, ...]) -> None:
    """Print one table; what failed is told in its place."""
    print(f"| repository | installed | list | first result | {' | '.join(PLATFORMS)} |")
    print("|---|---|---|---|" + "---|" * len(PLATFORMS))
    for folder in folders:
        print(f"| {folder} | {' | '.join([*_used(folder), *_elsewhere(folder)])} |", flush=True)


def _used(repository: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        here, fresh = Path(folder, "repository"), Path(folder, "venv")
        shutil.copytree(repository, here, ignore=shutil.ignore_patterns(".venv", "results", "results.json"))
        python = fresh / "bin" / "python"
        made = _run(here, sys.executable, "-m", "venv", str(fresh))
        installed = _run(here, str(python), "-m", "pip", "install", "--quiet", "-r", "requirements.txt")
        listed = _run(here, str(python), "main.py", "list")
        first = _run(here, str(python), "main.py")
        results = here / "results.json"
        metrics = json.loads(results.read_text("utf-8"))["metrics"] if results.exists() else {}
    numbers = sum(value is not None for value in metrics.values())
    return [f"{made}, {installed}", listed, f"{first}, {numbers} numbers"]


def _run(folder: Path, *command: str) -> str:
    """How long a command took, or what it said at last."""
    environment = {name: value for name, value in os.environ.items() if name not in _HOSTS_OWN}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        return f"status {done.returncode}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    return f"{time.monotonic() - started:.1f} s"


def _elsewhere(repository: Path) -> list[str]:
    pins = (repository / "requirements.txt").read_text("utf-8").split()
    why = public(pins, PYTHON, PACKAGES).platforms
    return [why[name] or "resolved" for name in PLATFORMS]


if __name__ == "__main__":
    main()
