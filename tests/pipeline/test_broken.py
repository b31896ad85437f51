"""Small repositories that are broken in the ways of generated code, and what the loop makes of each.

Each folder of tests/broken holds one, and in `verify.toml` the phase in which it fails, its signature, and
`remedies` if a program can mend it. `seconds`, `memory_mb`, `promised` and `mode` set up the run.
"""

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.asking import Context
from pipeline.checks.patches import check_patch
from pipeline.errors import ModelUnavailable
from pipeline.fixing import Fixer
from pipeline.repository import Repository
from sandbox.execution import execute
from sandbox.interface import Sandbox
from sandbox.report import ExecutionReport, Limits
from tests.conftest import available
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import PLAN

BROKEN = Path(__file__).parents[1] / "broken"
VERIFY = "verify.toml"


@pytest.fixture(
    scope="module", params=["local", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow])]
)
def one_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Docker only where there is time."""
    return available(request.param)


@pytest.mark.parametrize("folder", sorted(BROKEN.iterdir()), ids=lambda folder: folder.name)
def test_what_is_broken_is_known_and_mended_if_a_program_can(
    folder: Path, one_sandbox: Sandbox, packages: Path, tmp_path: Path
) -> None:
    verify = tomllib.loads((folder / VERIFY).read_text("utf-8"))
    repository = Repository.read(folder).without_file(VERIFY)
    fixer = _fixer(verify, one_sandbox, packages, tmp_path)
    remedies: list[str] = verify.get("remedies", [])
    if remedies:
        mended, execution = fixer.fix(repository)
        assert execution.ok, execution.phases[-1]
        assert not check_patch(repository, mended)
    else:
        with pytest.raises(ModelUnavailable):
            fixer.fix(repository)
    first = fixer.attempts[0]
    assert (first.outcome.phase, first.signature) == (verify["phase"], verify["signature"])
    assert [change.remedy for change in fixer.changes] == remedies


def _fixer(verify: dict[str, Any], sandbox: Sandbox, packages: Path, folder: Path) -> Fixer:
    """A loop whose model has no answer to anything."""
    limits = Limits(
        seconds=verify.get("seconds", 60),
        memory_bytes=verify.get("memory_mb", 1024) << 20,
        pids=64,
        disk_bytes=64 << 20,
    )
    numbers = itertools.count()

    def run(repository: Repository) -> ExecutionReport:
        directory = folder / str(next(numbers))
        repository.write(directory)
        return execute(
            directory,
            sandbox,
            cache=packages,
            mode=verify.get("mode", "smoke"),
            limits=limits,
            promised=verify.get("promised", ()),
        )

    return Fixer(PLAN, {}, Context("system"), ScriptedLLM({}), run, 8, limits)
