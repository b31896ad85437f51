"""The loop that runs a repository and mends it until it runs: program first, model second.

An edit is kept only if the checks find nothing new and it hides nothing. The same error twice widens what
the model sees, three times has the file written anew, then the loop stops; the best state is delivered.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from packaging.utils import canonicalize_name

from pipeline.coding import edits
from pipeline.coding.checks.code import check_source
from pipeline.coding.given import GIVEN, VERSION
from pipeline.coding.repository import Repository, interface
from pipeline.contract import TESTS, contract_of
from pipeline.model.asking import Context, block, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.analysis import FileAnalysis
from pipeline.planning.checks import ENTRY
from pipeline.planning.corrections import separated
from pipeline.planning.plan import Correction, Plan
from pipeline.progress import Finding
from pipeline.running.concerned import concerned
from pipeline.running.durations import durations
from pipeline.running.patches import check_patch, check_repair
from pipeline.running.remedies import REQUIREMENTS, Change, Failure, mend
from pipeline.running.signatures import frames, signature
from sandbox.public import Public, without_builds
from sandbox.report import CommandResult, ExecutionReport, Limits, Phase, PhaseResult, Use
from sandbox.requirements import package_for

PHASES = ("install", "import", "smoke", *get_args(Use), "full")
REPEATS = 3
"""So often the same signature may come before its file is written anew; once more, and the loop stops."""

REMEMBERED = 600
"""Characters kept of what the model said the cause was."""

AS_WRITTEN, AS_DELIVERED = "the code as it was written", "with the versions that are delivered"
PATIENTLY = "the same with twice the time"

_BESIDE = ("config.yaml", "requirements.txt", "reproduce.sh")
"""Shown with the code: faults are mended there as well."""

Run = Callable[[Repository], ExecutionReport]


@dataclass(frozen=True)
class Attempt:
    """One execution, and what was changed because of it."""

    number: int
    outcome: PhaseResult
    """The phase that failed, or the last one."""
    signature: str | None = None
    """None: it succeeded."""
    remedy: str | None = None
    lines_changed: int = 0
    """Of those that stayed changed."""
    why: str = ""
    """What was executed, and what that was to show."""


@dataclass
class Fixer:
    """Runs, mends, and keeps account of both."""

    plan: Plan
    analyses: Mapping[str, FileAnalysis]
    context: Context
    """Paper and plan; code is shown as it stands."""
    llm: LLM
    run: Run
    max_fixes: int
    limits: Limits
    advanced: Callable[[str, str], None] = lambda detail, output: None
    found: Callable[[Finding, str], None] = lambda what, said: None
    attempts: list[Attempt] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    """Of the plan, as the model found it wrong."""
    publish: Callable[[Collection[str]], Public] = without_builds
    """Pins as they can be installed elsewhere."""
    platforms: Mapping[str, str] = field(default_factory=dict)
    """For which it was looked whether what was pinned last can be installed, and why not."""
    asked: int = 0
    executed: Repository | None = None
    """What ran last."""
    patient: Run | None = None
    """As `run`, with twice the time: for what was stopped while the machine was `busy`."""
    busy: Callable[[], str] = lambda: ""
    """How busy the machine is, in a clause; empty: not too much."""
    _reports: dict[str, ExecutionReport] = field(default_factory=dict, init=False)
    _running: threading.Lock = field(default_factory=threading.Lock, init=False)

    def execute(self, repository: Repository, why: str = AS_WRITTEN) -> ExecutionReport:
        """Run it once, after what is running, and enter that into the account. Raises SandboxError."""
        with self._running:
            return self._execute(repository, why)

    def executed_as(self, repository: Repository, why: str = AS_DELIVERED) -> ExecutionReport:
        """The last execution of exactly these files, which is made if there was none. Raises SandboxError."""
        with self._running:
            return self._reports.get(state_of(repository)) or self._execute(repository, why)

    def _execute(self, repository: Repository, why: str) -> ExecutionReport:
        report = self._entered(repository, self.run(repository), why)
        timed_out = bool(report.failure and report.failure.result.timed_out)
        if timed_out and self.patient and (how := self.busy()):
            again = f"run again with twice the time, since the machine was busy: {how}"
            self.attempts[-1] = replace(self.attempts[-1], remedy=again)
            report = self._entered(repository, self.patient(repository), PATIENTLY)
        return report

    def _entered(self, repository: Repository, report: ExecutionReport, why: str) -> ExecutionReport:
        self._reports[state_of(repository)] = report
        self.executed = repository
        outcome = report.failure
        mark = error_signature(outcome, repository) if outcome else None
        if report.standing:
            why += f" (the same code and packages as before: what came of {' and '.join(report.standing)} stands)"
        self.attempts.append(Attempt(len(self.attempts) + 1, report.outcome, mark, why=why))
        ended = f"{report.outcome.phase} run: {mark or 'passed'}"
        self.advanced(ended, _printed(report.outcome.result))
        if len(self.attempts) == 1:
            self.found("first run", ended)
        self.found("repair", mark or "")
        return report

    def broken_by(self, change: Change, before: Repository, despite: Phase | None = None) -> str:
        """What fails with a change of `before`, which was executed last, in a clause; empty: nothing does.

        What fails in the phase `despite` is kept all the same. Raises SandboxError.
        """
        self.answer(change, before)
        number = len(self.attempts) - 1
        failure = self.execute(change.repository, "with that change").failure
        if failure is None or failure.phase == despite:
            return ""
        seen = seen_of(failure, change.repository)
        struck = f"{change.remedy} (taken back: with that, {seen})"
        self.attempts[number] = replace(self.attempts[number], remedy=struck, lines_changed=0)
        return seen

    def pinned(self, repository: Repository) -> Repository:
        """With the packages and the Python that it ran with, as everybody can have them; run, if it never was."""
        if REQUIREMENTS not in repository.files:
            return repository
        environment = self.executed_as(repository).environment
        installed = environment.packages
        versions = {canonicalize_name(pin.split("==")[0]): pin for pin in installed}
        declared = repository.files[REQUIREMENTS].splitlines()
        pins = [
            versions.get(canonicalize_name(re.split(r"[\s<>=!~;\[]", line)[0]), line) for line in declared
        ]
        found = self.publish(pins)
        self.platforms = found.platforms
        pinned = repository.with_file(REQUIREMENTS, "".join(f"{pin}\n" for pin in found.pins))
        return pinned.with_file(VERSION, f"{environment.python}\n")

    def answer(self, change: Change, before: Repository | None = None) -> None:
        """Enter into the account what was changed after the last execution, in what that executed or in `before`."""
        before = before or self.executed
        if before is not None:
            lines = edits.lines_changed(before, change.repository)
            self.attempts[-1] = replace(self.attempts[-1], remedy=change.remedy, lines_changed=lines)
            mark = self.attempts[-1].signature
            self.found("repair", f"{mark}: {change.remedy}" if mark else change.remedy)

    def fix(self, repository: Repository) -> tuple[Repository, ExecutionReport]:
        """The best state that was reached, with its execution.

        Raises SandboxError and what the model's client raises.
        """
        report = self.execute(repository)
        best, seen = (repository, report), {state_of(repository)}
        while not report.ok:
            change = _by_program(repository, report.phases[-1]) or self.proposed(repository, report)
            if change is None or state_of(change.repository) in seen:
                return best
            seen.add(state_of(change.repository))
            self.changes.append(change)
            self.answer(change)
            repository = change.repository
            report = self.execute(repository, "with that change")
            if reached(report) >= reached(best[1]):
                best = repository, report
        return best

    def objections(
        self, before: Repository, after: Repository, check: Callable[..., list[str]] = check_repair
    ) -> list[str]:
        """Why a repair is not acceptable: it hides a failure, or the checks find something new."""
        metrics = [metric.name for metric in self.plan.logic.metrics]
        return check(before, after, metrics) + new_findings(before, after, self.plan)

    def proposed(self, repository: Repository, report: ExecutionReport) -> Change | None:
        """What the model would change because of `report`, which was entered last; None: nothing that is accepted.

        Raises what its client raises.
        """
        outcome, mark = report.phases[-1], self.attempts[-1].signature
        repeats = sum(a.signature == mark and a.why != PATIENTLY for a in self.attempts)
        if repeats > REPEATS:
            return None
        shown, given = frames(output(outcome.result), repository.files), _given(repository)
        named = [frame.path for frame in shown if frame.path not in given]
        rewrite = named[-1] if named and repeats == REPEATS else ""
        history = [f"`{a.signature}` → {a.remedy}" for a in self.attempts if a.remedy]
        history += [_misled(correction) for correction in self.corrections]
        while self.asked < self.max_fixes:
            self.asked += 1
            task = self._task(repository, report, named, repeats, rewrite, history)
            identity = f"{state_of(repository)} {mark} {history}"
            prompt = self.context.prompt(f"fix.{self.asked}", task, identity=identity)
            answer, wrong = separated(self.llm.complete(prompt).text)
            self.corrections += wrong
            history += [_misled(correction) for correction in wrong]
            if answer.strip().startswith(("NO CHANGE:", "NOT THE CODE:")):
                self.attempts[-1] = replace(self.attempts[-1], remedy=f"model: {first_sentence(answer)}")
                return None
            try:
                changed = edits.apply(repository, edits.parse(answer))
            except edits.EditError as error:
                history.append(f"The last answer could not be applied: {error}")
                continue
            refused = self.objections(repository, changed, check_patch)
            if not refused:
                return Change(changed, f"model: {first_sentence(answer)}")
            history.append(f"The last edits were refused: {'; '.join(refused)}")
        return None

    def _task(
        self,
        repository: Repository,
        report: ExecutionReport,
        named: list[str],
        repeats: int,
        rewrite: str,
        history: list[str],
    ) -> str:
        outcome, given = report.phases[-1], _given(repository)
        twice = outcome.result.timed_out and self.attempts[-1].why == PATIENTLY
        before = f" Before, it was {self.attempts[-2].remedy}." if twice else ""
        sources = {path: text for path, text in repository.python_files().items() if path not in given}
        blamed = {path for path in sources if any(f"`{path}`" in problem for problem in outcome.problems)}
        blamed |= concerned(outcome, self.plan.logic, sources)
        full = set(sources) if repeats > 1 else {*named, *blamed, *ENTRY.values()}
        shown = code_shown(repository, full)
        if rewrite in self.analyses:
            shown.append(block("analysis", self.analyses[rewrite].text, path=rewrite))
        return render(
            "fix",
            contract=contract_of(repository.files),
            planned=bool(self.plan.overview.requirements),
            limits=in_words(self.limits),
            phase=outcome.phase,
            command=" ".join(outcome.result.argv),
            outcome=_verdict(outcome) + before,
            output=block("output", output(outcome.result)),
            durations=durations(outcome.result.stdout) if outcome.result.timed_out else "",
            packages=", ".join(report.environment.packages),
            code="\n\n".join(shown),
            history=bullets(history),
            rewrite=rewrite,
            stacks=outcome.result.timed_out and bool(named),
            edit_format=render("edit_format"),
        )


def code_shown(repository: Repository, full: Collection[str]) -> list[str]:
    """Blocks of the code for a model: files of `full` whole, of others what may be called, then what lies beside."""
    given = _given(repository)
    sources = {path: text for path, text in repository.python_files().items() if path not in given}
    shown = [block("code", sources[path], path=path) for path in sorted(set(sources).intersection(full))]
    shown += [
        block("interface", interface(sources[path]), path=path)
        for path in sorted(set(sources).difference(full))
        if not path.startswith(TESTS)
    ]
    return shown + [
        block("code", repository.files[path], path=path) for path in _BESIDE if path in repository.files
    ]


def new_findings(before: Repository, after: Repository, plan: Plan) -> list[str]:
    """What the checks find in `after` and did not find in `before`, a sentence for each."""
    laid_out = plan if plan.is_laid_out else None

    def found(repository: Repository, path: str) -> set[str]:
        text = repository.files.get(path, "")
        return {f"{f.rule}: {f.message}" for f in check_source(path, text, laid_out, repository)}

    changed = [path for path, text in after.python_files().items() if before.files.get(path) != text]
    return [
        f"{path}: {what}" for path in changed for what in sorted(found(after, path) - found(before, path))
    ]


def _given(repository: Repository) -> Collection[str]:
    """Paths that a program has written, and that the model knows by its rules."""
    return GIVEN if contract_of(repository.files) > 1 else ()


def _by_program(repository: Repository, outcome: PhaseResult) -> Change | None:
    change = mend(Failure(repository, outcome.phase, output(outcome.result), outcome.problems, package_for))
    given = _given(repository)
    if change and any(change.repository.files.get(path) != repository.files.get(path) for path in given):
        return None  # The cause lies with who calls what is the same everywhere.
    return change


def error_signature(outcome: PhaseResult, repository: Repository) -> str:
    """What makes two failures the same: see `signatures.py`."""
    result = outcome.result
    return signature(
        output(outcome.result),
        repository.files,
        # What is installed, and how the resolver ended, is no program of the repository's.
        exit_code=None if outcome.phase == "install" else result.exit_code,
        timed_out=result.timed_out,
        oom=result.oom,
        problems=outcome.problems,
    )


def in_words(limits: Limits) -> str:
    """What a run may use, for a model."""
    return f"{limits.memory_bytes // 2**20} MB of memory, {limits.seconds:.0f} seconds"


def told(outcome: PhaseResult) -> str:
    """What happened in a phase, for a model."""
    command = " ".join(outcome.result.argv)
    return f"Phase {outcome.phase}, `{command}`: {_verdict(outcome)}\n\n{output(outcome.result)}".strip()


def output(result: CommandResult) -> str:
    """All that a command has printed."""
    return f"{result.stdout}\n{result.stderr}".strip()


def _printed(result: CommandResult) -> str:
    """A command with the last of what it has printed, for people who follow the run."""
    return "\n".join([f"$ {' '.join(result.argv)}", *output(result)[-4000:].splitlines()[-30:]])


def ending(result: CommandResult) -> str:
    """How a command ended, in a sentence."""
    if result.timed_out:
        return f"It was stopped after {result.seconds:.0f} seconds."
    if result.oom:
        return "It was killed because it ran out of memory."
    return f"It ended with exit status {result.exit_code}."


def _verdict(outcome: PhaseResult) -> str:
    return " ".join([ending(outcome.result), *outcome.problems])


def seen_of(failure: PhaseResult, repository: Repository) -> str:
    """What was seen of a phase that failed, in a clause."""
    phase, result = failure.phase, failure.result
    if result.timed_out:
        return f"{phase} had not ended after {result.seconds:.0f} seconds"
    return f"{phase} failed: {error_signature(failure, repository)}"


def reached(report: ExecutionReport) -> tuple[bool, int, bool]:
    """How far a run came; of two, the greater one came further."""
    last = report.phases[-1]
    return report.ok, PHASES.index(last.phase), last.ok


def state_of(repository: Repository) -> str:
    """The same for the same files."""
    digest = hashlib.sha256()
    for path, text in sorted(repository.files.items()):
        digest.update(f"{path}\0{text}\0".encode())
    return digest.hexdigest()


def _misled(correction: Correction) -> str:
    """What of the plan was found wrong, for a model."""
    return f"The plan was found wrong: {correction.where}, “{correction.wrong}”: {correction.right}"


def first_sentence(answer: str) -> str:
    """What the model says the cause is: its first paragraph, cut to one line."""
    paragraph = " ".join(answer.strip().split("\n\n")[0].split())
    return "edits without an explanation" if "<<<<<<<" in paragraph else paragraph[:REMEMBERED]
