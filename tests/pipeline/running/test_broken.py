"""Small repositories that are broken in the ways of generated code, and what the loop makes of each.

Each folder of tests/broken holds one, and in `verify.toml` the phase in which it fails, its signature, and
`remedies` if a program can mend it; where none can, tests/recordings/repairs.jsonl has what a model answered.
`seconds`, `memory_mb`, `promised` and `mode` set up the run. `beyond_repair` says why no answer makes it run.
"""

import itertools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context, render
from pipeline.model.llm import LLM
from pipeline.running.fixing import Fixer
from pipeline.running.patches import check_patch
from sandbox.execution import execute
from sandbox.interface import Sandbox
from sandbox.report import ExecutionReport, Limits
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import PLAN

BROKEN = Path(__file__).parents[2] / "broken"
RECORDED = Path(__file__).parents[2] / "recordings/repairs.jsonl"
VERIFY = "verify.toml"


@pytest.mark.parametrize("folder", sorted(BROKEN.iterdir()), ids=lambda folder: folder.name)
def test_what_is_broken_is_known_and_mended_if_a_program_can(
    folder: Path, sandbox: Sandbox, packages: Path, tmp_path: Path
) -> None:
    verify, repository = broken(folder)
    llm = ScriptedLLM(recorded(folder.name))
    fixer = fixer_of(verify, sandbox, packages, tmp_path, llm)
    mended, execution = fixer.fix(repository)
    first = fixer.attempts[0]
    assert (first.outcome.phase, first.signature) == (verify["phase"], verify["signature"])
    assert execution.ok != ("beyond_repair" in verify), execution.phases[-1]
    assert not check_patch(repository, mended)
    by_program = [change.remedy for change in fixer.changes if not change.remedy.startswith("model: ")]
    assert by_program == verify.get("remedies", [])
    assert llm.stages == list(llm.answers), "each recorded answer is needed"


def broken(folder: Path) -> tuple[dict[str, Any], Repository]:
    """What is known of it, and its files."""
    verify = tomllib.loads((folder / VERIFY).read_text("utf-8"))
    return verify, Repository.read(folder).without_file(VERIFY)


def recorded(case: str) -> dict[str, str]:
    """A model's answers by stage."""
    lines = (json.loads(line) for line in RECORDED.read_text("utf-8").splitlines())
    return {line["stage"]: line["completion"] for line in lines if line["case"] == case}


def fixer_of(verify: dict[str, Any], sandbox: Sandbox, packages: Path, folder: Path, llm: LLM) -> Fixer:
    """The loop, with what the case wants."""
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

    return Fixer(PLAN, {}, Context(render("system")), llm, run, 8, limits)
