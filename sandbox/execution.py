"""A directory in, an ExecutionReport out: install → import → smoke → scaled or full. Knows no papers and no models."""

import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from types import MappingProxyType
from typing import Any

from coverage import __version__ as coverage_version
from coverage.exceptions import CoverageException
from coverage.parser import PythonParser

from sandbox import answers, packages, submission, syntax
from sandbox.contents import Contents, contents
from sandbox.interface import DATA, TOOLS, WORK, Command, Platform, RoomClosed, Sandbox
from sandbox.report import (
    CommandResult,
    Environment,
    ExecutionReport,
    Limits,
    LineCoverage,
    Mode,
    Phase,
    PhaseResult,
)
from sandbox.requirements import Requirements, requirements
from sandbox.results import RESULTS, Results, of_harness, of_program
from sandbox.steps import REPORT_BYTES, Step, Stepped, Steps, run_steps
from sandbox.streams import shown

_COMMANDS: Mapping[Phase, tuple[str, tuple[str, ...]]] = {
    "smoke": ("main.py", ("python3", "main.py", "--smoke")),
    "full": ("reproduce.sh", ("bash", "reproduce.sh")),
}
_LONG: Mapping[Mode, tuple[str, ...]] = {
    "scaled": ("python3", "main.py", "run", "all", "--mode", "scaled"),
    "full": ("bash", "reproduce.sh"),
}
"""What the harness is asked, who stops by itself when the minutes are over."""
_STANDING: tuple[Phase, ...] = ("import", "smoke")
"""What comes out the same for the same code and packages."""
_LATE_SECONDS = 90.0
"""Until it is stopped from outside."""
_OURS = ("harness.py", "main.py")
"""Where both are there, experiments are run one by one, and a harness writes `results.json`."""
_INSIDE = ("runner.py", "stepper.py", "prober.py", "submitter.py")
_CLOSING = 60.0
"""Seconds that a room for several commands stands longer than they may take."""
_PYTEST = "pytest>=8,<10"
"""The sandbox's own: no repository has to require it."""
_NOT_OPENED = re.compile(r"(?<![\w.+-])(lib[\w.+-]{1,100}+): cannot open shared object file")
_NOT_IMPORTED = frozenset({"setup.py", "conftest.py", "__main__.py"})

_SITECUSTOMIZE = """\
import os, sys
if os.environ.get("PAPER2CODE_STACKS"):
    import faulthandler
    faulthandler.dump_traceback_later(float(os.environ["PAPER2CODE_STACKS"]))
if os.environ.get("COVERAGE_PROCESS_START"):
    sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
    import coverage
    sys.path.pop(0)
    coverage.process_startup()
"""
_COVERAGERC = f"""\
[run]
source = {WORK}
data_file = ${{PAPER2CODE_LINES}}
parallel = true
concurrency = thread, multiprocessing
patch = _exit
disable_warnings = couldnt-parse, trace-changed, module-not-python, module-not-imported, no-data-collected,
    module-not-measured, already-imported, include-ignored, dynamic-conflict, no-sysmon, no-ctracer
"""


def execute(
    directory: Path,
    sandbox: Sandbox,
    *,
    cache: Path,
    mode: Mode = "smoke",
    minutes: float = 10,
    data: tuple[tuple[str, Path], ...] = (),
    proven: bool = False,
    limits: Limits = Limits(),
    before: date | None = None,
    promised: Collection[str] = (),
    torch: str = "cpu",
    again: bool = False,
    use: Callable[[Steps], Iterable[PhaseResult]] | None = None,
    known: Callable[[Collection[str]], ExecutionReport | None] = lambda pins: None,
    observe: Callable[[Phase], None] = lambda phase: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ExecutionReport:
    """Install what `directory` needs, import its modules, run `main.py --smoke` and maybe what `mode` asks for.

    That is `reproduce.sh`, or as much of it as fits; it gets `minutes`, and the folders of `data` (`Command.data`).
    Where it is `proven` that the smoke run passes, it is not made again.
    Of a submission of PaperBench's form `reproduce.sh` alone is run, in mode full (see `sandbox.submission`).

    `before` is the paper's date: packages are resolved as of that day where that works. `promised` are the
    metrics that `results.json` must hold, as regular expressions of their names. `cache` keeps wheels and
    unpacked environments between runs; `torch` is uv's `--torch-backend`, used where the host's own
    configuration offers no CPU build. `again` says that another execution may follow soon, which the sandbox
    prepares for. `use` proves what else has to hold, phase by phase, once the smoke run has passed. `known` may
    tell of an earlier execution of the same code with these packages or fewer, whose smoke run passed: what came of its
    imports and its smoke run stands. `observe` hears of each phase as it begins. `directory` is never changed.
    Raises SandboxError when the sandbox or the package index fails, SandboxCancelled within a second of
    `cancelled`; whatever is wrong with the repository is in the report.
    """
    platform = sandbox.platform()
    tools = _tools(platform, cache, cancelled)
    observe("install")
    held = contents(directory)
    hidden: tuple[str, ...] = ()
    if not promised and submission.is_submission(held):  # what was planned has a main.py, or has failed
        mode, hidden = "full", submission.hidden(held)
    needed = requirements(held)
    if held.size > limits.disk_bytes // 2:
        too_large = (
            f"The repository holds {held.size:,} bytes; at most {limits.disk_bytes // 2:,} can be run."
        )
        needed = replace(needed, problems=(too_large, *needed.problems))
    installation, lock = _install(needed, platform, cache, before, torch, cancelled)
    installed = packages.install(lock, platform, cache, cancelled)
    run = _Run(held, sandbox, limits, installed, tools, again, cancelled, data)
    phases = [installation]
    results = Results()
    coverage: Mapping[str, LineCoverage] = {}
    unproven = ""
    files = dict[str, bytes]()
    earlier = known(lock.pins) if installation.ok else None
    standing = {each.phase: each for each in earlier.phases if each.phase in _STANDING} if earlier else {}
    if earlier:
        results, coverage = (
            Results(earlier.metrics, earlier.undefined, (), earlier.unfinished),
            earlier.coverage,
        )
    for phase, prove in _after_installation(run, mode, minutes, promised, files):
        if not phases[-1].ok:
            break
        if proven and phase != mode:
            continue
        if phase in standing:
            result = standing[phase]
        else:
            observe(phase)
            result, results, measured = prove()
            coverage = measured or coverage
        phases.append(result)
        if phase == "smoke" and result.ok and use:
            try:
                for used in use(run.steps):
                    phases.append(used)
            except RoomClosed as error:
                unproven = str(error)
    return ExecutionReport(
        mode=mode,
        environment=Environment(
            sandbox=sandbox.name,
            image=platform.image,
            python=platform.python,
            packages=lock.pins,
            limits=limits,
            notes=needed.notes + lock.notes + hidden,
            left_out=needed.left_out,
        ),
        phases=tuple(phases),
        metrics=results.metrics,
        undefined=results.undefined,
        unfinished=results.unfinished,
        coverage=coverage,
        unproven=unproven,
        standing=tuple(standing),
        files=files,
    )


def use_once(
    directory: Path,
    sandbox: Sandbox,
    steps: Sequence[Step],
    *,
    cache: Path,
    seconds: float,
    limits: Limits = Limits(),
    before: date | None = None,
    torch: str = "cpu",
    data: tuple[tuple[str, Path], ...] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Sequence[Stepped]:
    """What steps of at most `seconds` each do in one copy of `directory`; none where its packages are not to be had.

    The rest is as in `execute`.
    """
    platform, held = sandbox.platform(), contents(directory)
    installation, lock = _install(requirements(held), platform, cache, before, torch, cancelled)
    if not installation.ok:
        return []
    installed = packages.install(lock, platform, cache, cancelled)
    tools = _tools(platform, cache, cancelled)
    return _Run(held, sandbox, limits, installed, tools, False, cancelled, data).once(steps, seconds)


def run_command(
    directory: Path,
    sandbox: Sandbox,
    argv: tuple[str, ...],
    *,
    cache: Path,
    limits: Limits = Limits(),
    before: date | None = None,
    torch: str = "cpu",
    cancelled: Callable[[], bool] = lambda: False,
) -> CommandResult:
    """Run one command in a copy of `directory` with its packages installed; the rest is as in `execute`.

    Where they cannot be installed, the result is the installation's. What else is wrong with the requirements stands
    before the command's own errors: it may well need none of it.
    """
    platform, needed = sandbox.platform(), requirements(contents(directory))
    installation, lock = _install(replace(needed, problems=()), platform, cache, before, torch, cancelled)
    if not installation.ok:
        said = "\n".join([*installation.problems, installation.result.stderr])
        return replace(installation.result, stderr=said)
    installed = packages.install(lock, platform, cache, cancelled)
    result = sandbox.run(directory, Command(argv, limits, packages=installed, cancelled=cancelled))
    return replace(result, stderr="\n".join([*needed.problems, result.stderr]))


_Proof = tuple[PhaseResult, Results, Mapping[str, LineCoverage]]


@dataclass(frozen=True)
class _Run:
    """What all phases after the installation share."""

    held: Contents
    sandbox: Sandbox
    limits: Limits
    packages: Path
    tools: Path
    again: bool
    cancelled: Callable[[], bool]
    data: tuple[tuple[str, Path], ...] = ()

    def once(self, steps: Sequence[Step], seconds: float) -> list[Stepped]:
        """In a room of its own, with the data; each step may take so many seconds."""
        patient = self._patient(seconds * len(steps) + _LATE_SECONDS)
        return run_steps(steps, seconds, lambda argv: patient(argv, (), last=True, data=self.data))

    def __call__(
        self,
        argv: tuple[str, ...],
        outputs: tuple[str, ...],
        *,
        last: bool,
        environment: Mapping[str, str] = MappingProxyType({}),
        data: tuple[tuple[str, Path], ...] = (),
    ) -> CommandResult:
        command = Command(
            argv,
            self.limits,
            environment,
            packages=self.packages,
            tools=self.tools,
            data=data,
            outputs=outputs,
            followed=self.again or not last,
            cancelled=self.cancelled,
        )
        return self.sandbox.run(self.held.root, command)

    def steps(self, steps: Sequence[Step]) -> list[Stepped]:
        """See `sandbox.steps.Steps`. What a closed room leaves unsaid is tried once more."""
        patient = self._patient(self.limits.seconds * len(steps) + _CLOSING)

        def room(argv: tuple[str, ...]) -> CommandResult:
            return patient(argv, (), last=False)

        try:
            return run_steps(steps, self.limits.seconds, room)
        except RoomClosed:
            return run_steps(steps, self.limits.seconds, room)

    def _patient(self, seconds: float) -> "_Run":
        """For several commands in one room."""
        return replace(self, limits=replace(self.limits, seconds=seconds, output_bytes=REPORT_BYTES))


def _after_installation(
    run: _Run, mode: Mode, minutes: float, promised: Collection[str], files: dict[str, bytes]
) -> Iterator[tuple[Phase, Callable[[], _Proof]]]:
    """What a long run by the harness leaves goes into `files`."""
    if not promised and submission.is_submission(run.held):
        yield "full", lambda: (_submitted(run, minutes), Results(), {})
        return
    if mode != "smoke" and not {"main.py", submission.SCRIPT} & run.held.files.keys():
        yield mode, lambda: (_nothing_to_run(mode), Results(), {})
        return
    yield "import", lambda: (_import(run), Results(), {})
    yield "smoke", lambda: _prove(run, "smoke", promised, last=mode == "smoke")
    if mode != "smoke":
        yield mode, lambda: _prove_long(run, mode, minutes, promised, files)


def _install(
    needed: Requirements,
    platform: Platform,
    cache: Path,
    before: date | None,
    torch: str,
    cancelled: Callable[[], bool],
) -> tuple[PhaseResult, packages.Lock]:
    """The phase `install`, and the lock of what can be installed; with problems, nothing further is tried."""
    argv = ("uv", "pip", "install", *needed.wanted)
    started = time.monotonic()
    lock, problems, stderr = packages.Lock(""), list(needed.problems), ""
    if not problems:
        try:
            lock = packages.resolve(
                needed.wanted,
                platform,
                cache,
                before=before,
                unknown=needed.unknown,
                torch=torch,
                cancelled=cancelled,
            )
            packages.install(lock, platform, cache, cancelled)
        except packages.Unmeetable as error:
            stderr = str(error)
            problems = [
                f"`{name}` comes as source only and is not built, since that runs its code: another version or "
                "package is needed."
                for name in error.source_only
            ] or ["There are no versions of the required packages that fit together and this Python."]
    result = CommandResult(argv, int(bool(problems)), time.monotonic() - started, "", stderr)
    return PhaseResult("install", result, tuple(problems)), lock


def _nothing_to_run(mode: Mode) -> PhaseResult:
    why = (
        "There is neither a `main.py`, as repositories of the pipeline have it, nor a `reproduce.sh`, as submissions "
        f"of PaperBench do: the mode {mode} cannot be run."
    )
    return PhaseResult(mode, CommandResult(_LONG[mode], 127, 0.0, "", ""), (why,))


def _submitted(run: _Run, minutes: float) -> PhaseResult:
    return submission.prove(
        lambda argv, outputs, limits: replace(run, limits=limits)(argv, outputs, last=True, data=run.data),
        replace(run.limits, seconds=60 * minutes),
        run.held,
    )


def _import(run: _Run) -> PhaseResult:
    """Import every module but tests; `if __name__ == "__main__"` stays asleep."""
    files = [file for file in run.held.python if not _is_test(file)]
    journal = f".paper2code-{secrets.token_hex(8)}"
    result = run(("python3", f"{TOOLS}/runner.py", "--import", journal, *files), (journal,), last=False)
    notes = [
        line.partition(" ") for line in result.outputs.get(journal, b"").decode(errors="replace").splitlines()
    ]
    # The program may have written there as well: nothing but the files' own names is taken from it.
    failed = {file for what, _, file in notes if what == "failed"}
    problems = [f"`{file}` cannot be imported." for file in files if file in failed]
    if notes and notes[-1][0] == "begin" and notes[-1][2] in files:
        end = "was stopped" if result.exit_code is None else "ended"
        problems.append(f"`{notes[-1][2]}` was being imported when the program {end}.")
    ended = {file for what, _, file in notes if what in ("done", "failed")}
    if not problems and result.ok and not ended.issuperset(files):
        problems.append("Not every module was imported before the program ended.")
    if problems:
        problems += _missing_libraries(result)
    told = replace(result, argv=("runner.py", "--import", *files), outputs={})
    return PhaseResult("import", told, tuple(problems))


def _prove(run: _Run, phase: Mode, promised: Collection[str], *, last: bool) -> _Proof:
    """Run the phase's command; it must leave believable results and have executed the repository's code."""
    file, argv = _COMMANDS[phase]
    if file not in run.held.files:
        missing = CommandResult(argv, 127, 0.0, "", "")
        return PhaseResult(phase, missing, (f"There is no `{file}` in the repository.",)), Results(), {}
    report = f".paper2code-{secrets.token_hex(8)}"
    runner = ("python3", "-I", f"{TOOLS}/runner.py", report, str(run.limits.seconds))
    secret = secrets.token_hex(32)
    result = run((*runner, *argv), (report, RESULTS), last=last, environment={"PAPER2CODE_SECRET": secret})
    coverage = _coverage(run.held, result.outputs.get(report, b""), secret)
    harnessed = all(name in run.held.files for name in _OURS)
    results = (of_harness if harnessed else of_program)(result.outputs.get(RESULTS), phase, promised)
    problems = list(results.problems)
    if not result.ok:
        problems = _missing_libraries(result)
    elif not any(lines.executed for lines in coverage.values()):
        problems.append("No line of the repository's Python code was seen to be executed.")
    told = replace(result, argv=argv, outputs={})
    return PhaseResult(phase, told, tuple(problems)), results, coverage


def _prove_long(
    run: _Run, mode: Mode, minutes: float, promised: Collection[str], files: dict[str, bytes]
) -> _Proof:
    """A scaled or full run. By the harness it stops by itself, and what is finished by then counts."""
    argv = _LONG[mode]
    if not all(name in run.held.files for name in _OURS):
        if mode == "full":
            patient = replace(run, limits=replace(run.limits, seconds=60 * minutes))
            return _prove(patient, mode, promised, last=True)
        why = "It has no `harness.py`, which alone knows how to run a part of its experiments."
        return PhaseResult(mode, CommandResult(argv, 2, 0.0, "", ""), (why,)), Results(), {}
    argv = (*argv, "--minutes", f"{minutes:g}", *(("--data", DATA) if run.data else ()))
    report = Step(("python3", "main.py", "report", "--mode", mode))
    try:
        stepped = run.once([Step(argv), report], 60 * minutes + _LATE_SECONDS)
    except RoomClosed as error:
        closed = CommandResult(argv, None, 0.0, "", "")
        return PhaseResult(mode, closed, (f"Nothing is known of what it has done: {error}",)), Results(), {}
    files |= {path: file.content for path, file in stepped[-1].files.items() if file.content}
    result, problems = stepped[0].result, list[str]()
    results = of_harness(files.get(RESULTS), mode, promised)
    if result.ok:
        problems = [*results.problems, *(["Its report failed."] if not stepped[-1].result.ok else [])]
    return PhaseResult(mode, replace(result, argv=argv), tuple(problems)), results, {}


def _missing_libraries(result: CommandResult) -> list[str]:
    """Sentences on what a package expects of the system; no version of the code can bring it."""
    found = [name for name in _NOT_OPENED.findall(result.stderr) if ".so" in name]
    return [
        f"`{name}` is a library of the system that the sandbox does not have: a package that does without it "
        "is needed, or an image with it (PAPER2CODE_SANDBOX_IMAGE)."
        for name in dict.fromkeys(found)
    ]


def _is_test(file: str) -> bool:
    *folders, name = file.split("/")
    return (
        name in _NOT_IMPORTED
        or name.startswith("test_")
        or bool({"tests", "test", "docs"}.intersection(folders))
    )


def _coverage(held: Contents, report: bytes, secret: str) -> dict[str, LineCoverage]:
    """What the runner saw, held against the repository's own text: nothing else can appear in it."""
    seen, found = _seen(report, secret), {}
    for path in held.python:
        if held.files[path] > syntax.LONGEST:
            continue
        try:
            text = (held.root / path).read_text("utf-8")
            syntax.tree(text)
            # An empty text would be taken for none at all.
            parser = PythonParser(text=text or "\n")
            with syntax.parsing:
                parser.parse_source()
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError, CoverageException):
            continue
        executable = frozenset(parser.statements)
        lines = seen.get(shown(f"{WORK}/{path}"), frozenset())
        found[path] = LineCoverage(executable, frozenset(line for line in executable if line in lines))
    return found


def _seen(report: bytes, secret: str) -> dict[str, frozenset[Any]]:
    """By file what the runner says that it saw; a report without the `secret` is not the runner's."""
    try:
        said = answers.read(report)
        return (
            {path: frozenset(lines) for path, lines in said["lines"].items()}
            if said["secret"] == secret
            else {}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _tools(platform: Platform, cache: Path, cancelled: Callable[[], bool]) -> Path:
    """What runs inside, with coverage.py and pytest for `platform`, apart from what any repository asks for."""
    files = {
        **{name: Path(__file__).with_name(name).read_text("utf-8") for name in _INSIDE},
        **submission.SHIMS,
        "start/sitecustomize.py": _SITECUSTOMIZE,
        "start/coveragerc": _COVERAGERC,
    }
    wanted = [f"coverage=={coverage_version}", _PYTEST]
    key = sha256(json.dumps([files, wanted, platform.python, platform.machine]).encode()).hexdigest()[:24]
    target = cache / "tools" / key
    with packages.made_once(target) as folder:
        if folder:
            lock = packages.resolve(wanted, platform, cache, cancelled=cancelled)
            copytree(packages.install(lock, platform, cache, cancelled), folder, dirs_exist_ok=True)
            for name, text in files.items():
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, "utf-8")
                # The sandbox's user reads it, whatever the umask of this process is.
                place.chmod(0o755 if name.startswith("bin/") else 0o644)
                for parent in Path(name).parents:
                    (folder / parent).chmod(0o755)
    return target
