"""Whether a repository can be used as people use it: one run alone, killed and resumed, without data, reported.

What is done, in one room of the sandbox after the smoke run has passed, and what of it shows that it works. The steps
are the harness's own doors (`coding/harness.py`).
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from pipeline.coding.harness import KILL
from pipeline.coding.repository import Repository
from pipeline.planning.plan import Experiment, Logic
from pipeline.running.figures import DRAWN
from sandbox import answers
from sandbox.report import CommandResult, PhaseResult, Use
from sandbox.steps import Step, Stepped, Steps

_MAIN = ("python3", "main.py")
_ANY_SEED = "3"
_KILLED = -9
_TIMES = re.compile(r"second|time|duration|speed|throughput|latency|memory|per_s|_s$|_ms$", re.IGNORECASE)
"""Metrics that no two runs agree on."""
_MANY = 1_000_000
"""Bytes: each experiment is looked for in what is printed, and there may be many."""
_LONG_MINUTES = 10
"""What takes longer has to be able to go on."""
_KINDS = {"Tab": (".md", ".csv"), "Fig": (".png",)}
_CORE = """
import importlib, sys
sys.modules["experiments"] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


class _Ended(BaseModel):
    """What counts here of a run's file; see `harness.Result`."""

    experiment: str
    method: str
    seed: int
    metrics: dict[str, float | None]
    rows: list[Any]
    steps: int = 0


@dataclass(frozen=True)
class Instrument:
    """What the plan promises people."""

    logic: Logic
    core: tuple[str, ...]
    """Modules that have to be of use without the experiments."""

    def __call__(self, run: Steps) -> list[PhaseResult]:
        """The phases up to the first that fails. Raises SandboxError."""
        steps = dict(self._steps())
        ended = dict(zip(steps, run(list(steps.values())), strict=True))
        ended["report"] = _with_figures(ended["report"])
        phases = []
        for use, names, problems in self._judged(ended):
            results = [_as_meant(name, ended[name].result) for name in names]
            phases.append(_phase(use, results, tuple(problems)))
            if not phases[-1].ok:
                break
        return phases

    @property
    def _tried(self) -> Experiment:
        """What is run alone: the one for which it matters most."""
        return max(self.logic.experiments, key=lambda experiment: experiment.minutes)

    @property
    def _needy(self) -> list[str]:
        return [experiment.name for experiment in self.logic.experiments if experiment.needs]

    def _steps(self) -> Iterator[tuple[str, Step]]:
        tried = self._tried
        alone = (*_MAIN, "run", tried.name, "--method", tried.methods[-1], "--seed", _ANY_SEED, "--smoke")
        yield "list", Step((*_MAIN, "list"), tail=_MANY)
        yield "alone", Step(alone)
        yield "killed", Step(alone, {KILL: "1"}, aside=("results",))
        yield "resumed", Step(alone)
        yield "whole", Step((*_MAIN, "--smoke"))
        yield "again", Step((*_MAIN, "--smoke"))
        shown = tuple(f"results/smoke/{name}" for name in self._promised())
        yield "report", Step((*_MAIN, "report", "--smoke"), aside=shown)
        if self._needy:
            yield "missing", Step((*_MAIN, "run", *self._needy, "--data", ".nothing"), tail=_MANY)
        yield "core", Step(("python3", "-c", _CORE, *self.core))

    def _judged(self, ended: Mapping[str, Stepped]) -> Iterator[tuple[Use, list[str], Iterator[str]]]:
        yield "list", ["list"], self._list_problems(ended["list"])
        yield "alone", ["alone"], self._alone_problems(ended["alone"])
        resumed = self._resume_problems(*(ended[name] for name in ("alone", "killed", "resumed", "whole")))
        yield "resume", ["killed", "resumed"], resumed
        yield "again", ["whole", "again"], _again_problems(ended["whole"], ended["again"])
        yield "report", ["report"], self._report_problems(ended["report"])
        if self._needy:
            yield "missing", ["missing"], self._missing_problems(ended["missing"])
        yield "core", ["core"], iter(())

    def _promised(self) -> list[str]:
        experiments = self.logic.experiments
        shown = Counter(anchor for experiment in experiments for anchor in experiment.shows)
        return [
            (anchor if shown[anchor] == 1 else f"{anchor}-{experiment.name}") + end
            for experiment in experiments
            for anchor in experiment.shows
            for end in _KINDS.get(anchor[:3], ())
        ]

    def _list_problems(self, step: Stepped) -> Iterator[str]:
        for experiment in self.logic.experiments:
            if step.result.ok and f"| {experiment.name} |" not in step.result.stdout:
                yield f"`python main.py list` does not name the experiment `{experiment.name}` of the plan."

    def _alone_problems(self, step: Stepped) -> Iterator[str]:
        files = [path for path in _runs(step) if path.startswith(f"results/smoke/{self._tried.name}/")]
        if step.result.ok and (len(files) != 1 or not self._is_tried(files[0])):
            made = ", ".join(files) or "none"
            yield f"One run was asked for, and the files of runs that were made are: {made}."

    def _is_tried(self, path: str) -> bool:
        return path.startswith(f"results/smoke/{self._tried.name}/{self._tried.methods[-1]}/{_ANY_SEED}-")

    def _resume_problems(
        self, alone: Stepped, killed: Stepped, resumed: Stepped, whole: Stepped
    ) -> Iterator[str]:
        if killed.result.exit_code != _KILLED:
            yield (
                "It was to be killed before its result was written, and ended by itself with exit status "
                f"{killed.result.exit_code}."
            )
        # A method may only use what another one has trained.
        saves = any(run.experiment == self._tried.name and run.steps for run in _runs(whole).values())
        if self._tried.minutes > _LONG_MINUTES and not saves:
            yield (
                f"`{self._tried.name}` takes more than minutes, and saves no checkpoint: no method of it calls "
                "`run.checkpoint` before its result."
            )
        before, after = (self._result_of(step) for step in (alone, resumed))
        if not before or not after:
            return
        for name, value in before.metrics.items():
            other = after.metrics.get(name)
            if not _TIMES.search(name) and not _same(value, other):
                yield f"Killed and resumed, `{name}` is {other}; in one go it is {value}."
        if len(before.rows) != len(after.rows):
            yield f"Killed and resumed, it logs {len(after.rows)} rows; in one go {len(before.rows)}."

    def _result_of(self, step: Stepped) -> _Ended | None:
        return next((result for path, result in _runs(step).items() if self._is_tried(path)), None)

    def _report_problems(self, step: Stepped) -> Iterator[str]:
        for name in self._promised():
            file = step.files.get(f"results/smoke/{name}")
            if file is None:
                yield f"`python main.py report` has not written `{name}`, which the plan promises."
            elif name.endswith(".png") and file.content and not file.content.startswith(b"\x89PNG"):
                yield f"`{name}` is no picture."

    def _missing_problems(self, step: Stepped) -> Iterator[str]:
        for name in self._needy:
            said = rf"^{re.escape(name)}(?:, [^:\n]*)?: skipped: .*missing"
            if step.result.ok and not re.search(said, step.result.stdout, re.MULTILINE):
                yield f"Without its data, the experiment `{name}` is not skipped with a word on what to do."


def core(repository: Repository) -> tuple[str, ...]:
    """Modules beside the experiments and the harness; tests are left out."""
    paths = [path.removesuffix(".py") for path in repository.python_files()]
    modules = [path.replace("/", ".") for path in paths if not path.startswith(("tests/", "docs/"))]
    kept = [name.removesuffix(".__init__") for name in modules]
    return tuple(name for name in kept if name not in ("main", "experiments", "harness"))


def _as_meant(name: str, result: CommandResult) -> CommandResult:
    """The step that was to be killed has not failed by it; any other has."""
    return replace(result, exit_code=0) if name == "killed" and result.exit_code == _KILLED else result


def _phase(use: Use, results: Sequence[CommandResult], problems: tuple[str, ...]) -> PhaseResult:
    """Of several commands the first that failed, else the last."""
    told = next((result for result in results if not result.ok), results[-1])
    shown = tuple("…" if "\n" in word else word for word in told.argv)
    seconds = sum(result.seconds for result in results)
    return PhaseResult(use, replace(told, argv=shown, seconds=seconds), problems)


def _with_figures(step: Stepped) -> Stepped:
    """The figures that lie there after it are what it gives."""
    drawn = {path: file.content for path, file in step.files.items() if DRAWN.fullmatch(path)}
    return replace(step, result=replace(step.result, outputs=drawn))


def _again_problems(whole: Stepped, again: Stepped) -> Iterator[str]:
    for path, result in _runs(again).items():
        before = whole.files.get(path)
        if before is None or before.stamp != again.files[path].stamp:
            run = f"{result.experiment}, {result.method}, seed {result.seed}"
            yield f"A second `python main.py --smoke` made the run {run} again, though nothing had changed."


def _runs(step: Stepped) -> dict[str, _Ended]:
    """Files of runs, read, by path; what the harness would not have written is none."""
    found = {}
    for path, file in step.files.items():
        if re.fullmatch(r"results/smoke/[^/]+/[^/]+/\d+-[0-9a-f]+\.json", path) and file.content:
            with suppress(ValueError):
                found[path] = _Ended.model_validate(answers.read(file.content))
    return found


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
