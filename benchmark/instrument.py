"""Whether recorded repositories can be used as people use them, and what their book-keeping costs.

python -m benchmark.instrument [PAPER RECORDING]…    without arguments, all recordings of the project

A recording of the contract before the harness shows what a model then spent on command line, result files and tables:
the tokens of `main.py` and of files whose plan speaks of reports. Tokens are characters / 4.
"""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmark.pipeline import FILE, OURS
from pipeline.model.journal import Recording
from pipeline.model.session import Terms, open_llm
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reproduce import Options, Reproduction, reproduce
from sandbox.choice import choose
from sandbox.execution import run_command
from sandbox.interface import Sandbox
from sandbox.report import Limits

PACKAGES = Path.home() / ".cache/paper2code-tests"
LIMITS = Limits(seconds=600)
_USES = ("list", "alone", "resume", "again", "report", "missing", "core")
_OWN = ("main.py", "report.py", "results.py", "reporting.py", "runner.py", "cli.py")
"""Files that did, before the harness, what it does now."""


@dataclass(frozen=True)
class First:
    """What `python main.py` alone comes to."""

    seconds: float
    metrics: int
    """Numbers in `results.json`."""


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=FILE)
def main(files: tuple[Path, ...]) -> None:
    """Print one table; papers that are not on this machine are named."""
    if len(files) % 2:
        raise click.UsageError("Give a paper and its recording, and so on.")
    sandbox = choose()
    print(f"| paper | contract | status | {' | '.join(_USES)} | first result | book-keeping | experiments |")
    print("|---|---|---|" + "---|" * (len(_USES) + 3))
    for paper, recording in zip(files[::2], files[1::2], strict=True) if files else OURS:
        name = paper.parent.name
        if not paper.exists():
            print(f"| {name}: not on this machine |")
            continue
        recorded = Recording(recording)
        with tempfile.TemporaryDirectory() as folder:
            made = _made(paper, recording, recorded, sandbox, Path(folder))
            first = _first(made, sandbox, Path(folder)) if recorded.contract > 1 else None
        print(_row(name, recorded, made, first), flush=True)


def _made(
    source: Path, recording: Path, recorded: Recording, sandbox: Sandbox | None, folder: Path
) -> Reproduction:
    paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
    options = Options(packages=PACKAGES, limits=LIMITS).answered_by(recorded)
    with open_llm(
        Terms(recorded.model),
        reasoning_effort="high",
        journal=folder / "journal.jsonl",
        resume=False,
        replay=recording,
    ) as llm:
        return reproduce(
            paper, llm=llm, sandbox=sandbox, out=folder, options=options, observe=lambda event: None
        )


def _first(made: Reproduction, sandbox: Sandbox | None, folder: Path) -> First | None:
    """The command that a reader tries first, in a fresh room; the seconds are those until it ends."""
    if sandbox is None:
        return None
    started = time.monotonic()
    shown = "python3 main.py && cat results.json"
    result = run_command(folder / "repository", sandbox, ("bash", "-c", shown), cache=PACKAGES, limits=LIMITS)
    seconds = time.monotonic() - started
    try:
        metrics = json.loads(result.stdout[result.stdout.index('{\n "mode"') :])["metrics"]
    except ValueError:
        return First(seconds, 0)
    return First(seconds, sum(value is not None for value in metrics.values()))


def _row(name: str, recorded: Recording, made: Reproduction, first: First | None) -> str:
    phases = {phase["phase"]: phase for phase in made.report["phases"]}
    uses = [f"{phases[u]['seconds']:.1f} s" if u in phases and phases[u]["ok"] else "no" for u in _USES]
    told = f"{first.metrics} numbers, {first.seconds:.0f} s" if first else "no"
    kept = sum(_tokens(recorded, f"code.{path}") for path in _OWN)
    return (
        f"| {name} | {recorded.contract} | {made.status} | {' | '.join(uses)} | {told} | {kept:,} "
        f"| {_tokens(recorded, 'code.experiments.py'):,} |"
    )


def _tokens(recorded: Recording, stage: str) -> int:
    return sum(len(answer) for answer in recorded.answers.get(stage, ())) // 4


if __name__ == "__main__":
    main()
