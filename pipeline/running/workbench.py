"""Where a repository is executed: in the sandbox, laid out where a person can look at it, within its limits."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path

from pipeline.coding.checks.tested import files_of_tests
from pipeline.coding.given import VERSION
from pipeline.coding.iterating import Outcome, Tools
from pipeline.coding.repository import Repository
from pipeline.contract import DEVELOPMENT, HARNESS
from pipeline.errors import Cancelled
from pipeline.planning.plan import DataSet, Logic, metric_pattern
from pipeline.running.fixing import Fixer, Run, ending, in_words, output, told
from pipeline.running.instrument import Instrument, core
from pipeline.running.longer import ESTIMATE, Afterwards, Estimate, estimate_of
from pipeline.running.probing import probe
from pipeline.running.remedies import REQUIREMENTS, Change
from sandbox.execution import execute, run_command, use_once
from sandbox.interface import Sandbox, SandboxCancelled, SandboxError
from sandbox.public import Public, public
from sandbox.report import ExecutionReport, Limits, Mode, Phase, PhaseResult
from sandbox.steps import Steps

_PHASES: Mapping[Phase, str] = {
    "install": "installing what the code needs",
    "import": "importing its modules",
    "smoke": "the smoke run",
    "scaled": "the scaled run",
    "full": "the full run",
}
"""What each is called while it lasts."""
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
    minutes: float = 10
    """Of a scaled or full run."""
    data: tuple[tuple[str, Path], ...] = ()
    """Lent to those; see `Command.data`."""
    begun: Callable[[str], None] = lambda what: None
    """Hears of what is under way from now on."""
    took: Callable[[float], None] = lambda seconds: None
    """Hears of how long the sandbox was in use."""

    def longer(self, repository: Repository, metrics: Sequence[str]) -> ExecutionReport | None:
        """The scaled or full run of a repository whose smoke run passes; None where none is asked for."""
        if self.mode == "smoke":
            return None
        with self._in_use():
            return execute(
                self.lay_out(repository.files),
                self.sandbox,
                cache=self.packages,
                mode=self.mode,
                minutes=self.minutes,
                data=self.data,
                proven=True,
                limits=self.limits,
                before=self.published,
                promised=[metric_pattern(name).pattern for name in metrics],
                observe=self._observe,
                cancelled=self.cancelled,
            )

    def estimate(self, repository: Repository, data: Sequence[DataSet]) -> Estimate:
        """What all experiments of a repository of contract 2 would take, measured on their beginnings."""
        with self._in_use():
            return estimate_of(self._steps(repository)([ESTIMATE]), data)

    def tests(self, repository: Repository) -> tuple[PhaseResult, ...]:
        """The phase `tests` of a repository whose smoke run passes; none where it holds no tests from the paper, or
        the sandbox fails meanwhile.
        """
        if not files_of_tests(repository.files):
            return ()
        try:
            with self._in_use():
                return (probe(repository, self._steps(repository), self.limits.seconds),)
        except SandboxError:
            return ()

    def _steps(self, repository: Repository) -> Steps:
        return partial(
            use_once,
            self.lay_out(repository.files),
            self.sandbox,
            cache=self.packages,
            seconds=self.limits.seconds,
            limits=self.limits,
            before=self.published,
            data=self.data,
            cancelled=self.cancelled,
        )

    def runner(self, metrics: Sequence[str], used: Logic | None = None) -> Run:
        """What runs a repository once that promises `metrics`, and uses it as people will where `used` says how."""
        return partial(
            self._run,
            [metric_pattern(name).pattern for name in metrics],
            Usage(used, self.limits.seconds, self.begun) if used else None,
        )

    def patient(self) -> "Workbench":
        """The same with twice the time."""
        return replace(self, limits=replace(self.limits, seconds=2 * self.limits.seconds))

    def publish(self, pins: Collection[str]) -> Public:
        """Pins as people can install them on machines of their own."""
        with self._in_use():
            return public(pins, self.sandbox.platform().python, self.packages, self.cancelled)

    def tools(self, fixer: Fixer) -> Tools:
        """What an agent can do here. Its runs are entered into the fixer's account."""
        brief = replace(self.limits, seconds=min(SHELL_SECONDS, self.limits.seconds))
        shell = replace(self, limits=brief)._shell
        return Tools(partial(_smoke, fixer), shell, in_words(self.limits), in_words(brief))

    def _run(self, promised: Sequence[str], usage: "Usage | None", repository: Repository) -> ExecutionReport:
        with self._in_use():
            report = execute(
                self.lay_out(repository.files),
                self.sandbox,
                cache=self.packages,
                limits=self.limits,
                before=self.published,
                promised=promised,
                again=True,
                use=usage.of(repository) if usage else None,
                known=partial(usage.known, repository) if usage else lambda pins: None,
                observe=self._observe,
                cancelled=self.cancelled,
            )
        if usage:
            usage.ran(repository, report)
        return report

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except SandboxCancelled as error:
            raise Cancelled(str(error)) from error
        finally:
            self.took(time.monotonic() - began)

    def _observe(self, phase: Phase) -> None:
        self.begun(_PHASES.get(phase, phase))

    def _shell(self, repository: Repository, command: str) -> Outcome:
        with self._in_use():
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


def afterwards(
    bench: Workbench | None,
    repository: Repository,
    logic: Logic,
    execution: ExecutionReport | None,
    advanced: Callable[[str], None],
) -> Afterwards:
    """What all experiments would take, and the longer run that is asked for; a failure of either is said, no more.

    Raises Cancelled.
    """
    if bench is None or execution is None or not execution.ok:
        return Afterwards(unmeasured="nothing was measured: the code has not passed its smoke run")
    estimate, longer, why = Estimate(), None, ""
    if HARNESS in repository.files:
        advanced("what a full run would take")
        try:
            estimate = bench.estimate(repository, logic.data)
        except SandboxError as error:
            estimate = Estimate(basis=f"nothing was measured: the sandbox failed ({error})")
    try:
        if bench.mode != "smoke":
            advanced(f"{bench.mode} run, {bench.minutes:g} minutes at most")
            longer = bench.longer(repository, logic.results())
    except SandboxError as error:
        why = str(error)
    return Afterwards(estimate, longer, bench.mode, bench.minutes, why)


@dataclass
class Usage:
    """Uses a repository as the plan promises, until it is proven for a state of its code and configuration."""

    logic: Logic
    seconds: float
    """Wall clock of one command."""
    begun: Callable[[str], None] = lambda what: None
    """Hears of what is under way from now on."""
    _proven: dict[str, list[PhaseResult]] = field(default_factory=dict)
    _ran: dict[str, ExecutionReport] = field(default_factory=dict)
    """The last execution whose smoke run passed, by what its program may have read."""

    def known(self, repository: Repository, pins: Collection[str]) -> ExecutionReport | None:
        """The execution of the same code with the same packages, if its smoke run passed; tests may bring more."""
        report = self._ran.get(_shaping(repository))
        return report if report and set(report.environment.packages) <= set(pins) else None

    def ran(self, repository: Repository, report: ExecutionReport) -> None:
        """Remember an execution."""
        if any(phase.phase == "smoke" and phase.ok for phase in report.phases):
            self._ran[_shaping(repository)] = report

    def of(self, repository: Repository) -> Callable[[Steps], Iterator[PhaseResult]]:
        """What proves it after the smoke run; a repair of anything else leaves it proven, one of a test the uses of
        the code.
        """
        tests = set(files_of_tests(repository.files))
        files = {**repository.python_files(), "config.yaml": repository.files.get("config.yaml", "")}
        code = {path: text for path, text in files.items() if path not in tests}

        def used(steps: Steps) -> list[PhaseResult]:
            self.begun("using it as people will: one run alone, killed and resumed, reported")
            return Instrument(self.logic, core(repository))(steps)

        def tested(steps: Steps) -> list[PhaseResult]:
            self.begun("the tests from the paper, and with faults in the code")
            return [probe(repository, steps, self.seconds)]

        def prove(steps: Steps) -> Iterator[PhaseResult]:
            phases = self._once(code, used, steps)
            yield from phases
            if tests and all(phase.ok for phase in phases):
                yield from self._once(files, tested, steps)

        return prove

    def _once(
        self, files: Mapping[str, str], proof: Callable[[Steps], list[PhaseResult]], steps: Steps
    ) -> list[PhaseResult]:
        state = sha256(json.dumps([proof.__name__, sorted(files.items())]).encode()).hexdigest()
        if state not in self._proven:
            phases = proof(steps)
            if phases[-1].result.timed_out:  # which another time may not be
                return phases
            self._proven[state] = phases
        return self._proven[state]


def _shaping(repository: Repository) -> str:
    """The same for the same program: neither tests from the paper nor how packages are asked for belong to it."""
    aside = {*files_of_tests(repository.files), DEVELOPMENT, REQUIREMENTS, VERSION}
    files = {path: text for path, text in repository.files.items() if path not in aside}
    return sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def _smoke(fixer: Fixer, repository: Repository, why: str) -> Outcome:
    if fixer.attempts and fixer.attempts[-1].signature:
        fixer.answer(Change(repository, f"model: {why}"))
    report = fixer.execute(repository, "the code as it was by then")
    metrics = f"\n\nMetrics in results.json: {dict(report.metrics)}" if report.metrics else ""
    mark = fixer.attempts[-1].signature or "passed"
    return Outcome(told(report.outcome) + metrics, mark, report.ok)
