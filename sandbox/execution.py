"""A directory in, an ExecutionReport out: install → import → smoke → full. Knows no papers and no models."""

from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

from sandbox.interface import Sandbox
from sandbox.report import ExecutionReport, Limits, Mode, Phase


def execute(
    directory: Path,
    sandbox: Sandbox,
    *,
    cache: Path,
    mode: Mode = "smoke",
    limits: Limits = Limits(),
    before: date | None = None,
    promised: Collection[str] = (),
    torch: str = "cpu",
    observe: Callable[[Phase], None] = lambda phase: None,
) -> ExecutionReport:
    """Install what `directory` needs, import its modules, run `main.py --smoke` and, in mode `full`, `reproduce.sh`.

    `before` is the paper's date: packages are resolved as of that day where that works. `promised` names the
    metrics that `results.json` must hold. `cache` keeps wheels and unpacked environments between runs; `torch` is
    uv's `--torch-backend`, used where the host's own configuration offers no CPU build. `observe` hears of each
    phase as it begins. `directory` is never changed. Raises SandboxError when the sandbox or the package index
    fails; whatever is wrong with the repository is in the report.
    """
    raise NotImplementedError
