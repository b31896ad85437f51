"""Where a repository is executed: in the sandbox, laid out where a person can look at it, within its limits."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path

from pipeline.coding.checks.tested import files_of_tests
from pipeline.coding.iterating import Outcome, Tools
from pipeline.coding.repository import Repository
from pipeline.errors import Cancelled
from pipeline.planning.plan import Logic, metric_pattern
from pipeline.running.fixing import Fixer, Run, ending, in_words, output, told
from pipeline.running.instrument import Instrument, core
from pipeline.running.probing import probe
from pipeline.running.remedies import Change
from sandbox.execution import execute, run_command
from sandbox.interface import Sandbox, SandboxCancelled
from sandbox.public import Public, public
from sandbox.report import ExecutionReport, Limits, Mode, PhaseResult
from sandbox.steps import Steps

SHELL_SECONDS = 60.0
"""Wall clock of one command of an agent."""


@dataclass(frozen=True)
class Workbench:
    """A sandbox, and how what is made is executed in it. All raise Cancelled and SandboxError."""

    sandbox: Sandbox
    lay_out: Callable[[Mapping[str, str]], Path]
    """A folder with exactly these files, relative path → text."""
    packages: Path
    published: date | None
    """Packages are those of that day, where they can be had."""
    mode: Mode
    limits: Limits
    cancelled: Callable[[], bool]

    def runner(self, metrics: Sequence[str], used: Logic | None = None) -> Run:
        """What runs a repository once that promises `metrics`, and uses it as people will where `used` says how."""
        return partial(
            self._run,
            [metric_pattern(name).pattern for name in metrics],
            Usage(used, self.limits.seconds) if used else None,
        )

    def patient(self) -> "Workbench":
        """The same with twice the time."""
        return replace(self, limits=replace(self.limits, seconds=2 * self.limits.seconds))

    def publish(self, pins: Collection[str]) -> Public:
        """Pins as people can install them on machines of their own."""
        with _cancellable():
            return public(pins, self.sandbox.platform().python, self.packages, self.cancelled)

    def tools(self, fixer: Fixer) -> Tools:
        """What an agent can do here. Its runs are entered into the fixer's account."""
        brief = replace(self.limits, seconds=min(SHELL_SECONDS, self.limits.seconds))
        shell = replace(self, limits=brief)._shell
        return Tools(partial(_smoke, fixer), shell, in_words(self.limits), in_words(brief))

    def _run(self, promised: Sequence[str], usage: "Usage | None", repository: Repository) -> ExecutionReport:
        with _cancellable():
            return execute(
                self.lay_out(repository.files),
                self.sandbox,
                cache=self.packages,
                mode=self.mode,
                limits=self.limits,
                before=self.published,
                promised=promised,
                again=True,
                use=usage.of(repository) if usage else None,
                cancelled=self.cancelled,
            )

    def _shell(self, repository: Repository, command: str) -> Outcome:
        with _cancellable():
            result = run_command(
                self.lay_out(repository.files),
                self.sandbox,
                ("bash", "-c", command),
                cache=self.packages,
                limits=self.limits,
                before=self.published,
                cancelled=self.cancelled,
            )
        return Outcome(f"{ending(result)}\n\n{output(result)}", f"exit status {result.exit_code}")


@dataclass
class Usage:
    """Uses a repository as the plan promises, once for each state of its code and configuration."""

    logic: Logic
    seconds: float
    """Wall clock of one command."""
    _proven: dict[str, list[PhaseResult]] = field(default_factory=dict)

    def of(self, repository: Repository) -> Callable[[Steps], list[PhaseResult]]:
        """What proves it after the smoke run; a repair of anything else leaves it proven."""
        shaping = {**repository.python_files(), "config.yaml": repository.files.get("config.yaml", "")}
        state = sha256(json.dumps(sorted(shaping.items())).encode()).hexdigest()

        def prove(steps: Steps) -> list[PhaseResult]:
            if state not in self._proven:
                phases = Instrument(self.logic, core(repository))(steps)
                if files_of_tests(repository.files) and all(phase.ok for phase in phases):
                    phases.append(probe(repository, steps, self.seconds))
                self._proven[state] = phases
            return self._proven[state]

        return prove


def _smoke(fixer: Fixer, repository: Repository, why: str) -> Outcome:
    if fixer.attempts and fixer.attempts[-1].signature:
        fixer.answer(Change(repository, f"model: {why}"))
    report = fixer.execute(repository, "the code as it was by then")
    metrics = f"\n\nMetrics in results.json: {dict(report.metrics)}" if report.metrics else ""
    mark = fixer.attempts[-1].signature or "passed"
    return Outcome(told(report.outcome) + metrics, mark, report.ok)


@contextmanager
def _cancellable() -> Iterator[None]:
    try:
        yield
    except SandboxCancelled as error:
        raise Cancelled(str(error)) from error
