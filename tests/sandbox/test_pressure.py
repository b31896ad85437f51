import os
from pathlib import Path

import pytest

from sandbox.interface import Command
from sandbox.pressure import busy
from sandbox.report import Limits

CALM = "some avg10=1.00 avg60=2.00 avg300=0.50 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
STALLED = CALM.replace("avg60=2.00", "avg60=78.10")


@pytest.mark.parametrize(
    ("pressure", "load", "told"),
    [
        (CALM, "99.0 99.0 99.0 1/2 3", ""),
        (STALLED, "0.1 0.1 0.1 1/2 3", "processes waited for a processor in 78 % of the last minute"),
        ("", "15.3 9.0 9.0 1/2 3", "15 processes wanted 2 processors"),
        ("", "1.5 9.0 9.0 1/2 3", ""),
        (None, "15.3 9.0 9.0 1/2 3", "15 processes wanted 2 processors"),
        (None, None, ""),
        ("some avg10=x", "?", ""),
    ],
    ids=["calm", "stalled", "unmeasured", "little load", "no pressure file", "nothing known", "nonsense"],
)
def test_the_kernel_says_how_busy_the_machine_is(
    tmp_path: Path, pressure: str | None, load: str | None, told: str
) -> None:
    for name, text in (("cpu", pressure), ("loadavg", load)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert busy([tmp_path / "none", tmp_path / "cpu"], tmp_path / "loadavg", 2) == told


@pytest.mark.parametrize(("allowed", "threads"), [(1.0, 1), (0.5, 1), (10_000.0, os.cpu_count())])
def test_libraries_start_as_many_threads_as_there_are_processors_to_use(allowed: float, threads: int) -> None:
    environment = Command(("true",), Limits(cpus=allowed)).inside("/bin")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    assert {environment[name] for name in names} == {str(threads)}
