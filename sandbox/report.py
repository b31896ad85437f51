"""What a sandbox says about a run. Values only: who runs things is next door.

Failing generated code is data and lives here; a failing sandbox is an exception
(`sandbox.interface.SandboxError`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sandbox.streams import shown

MOST_PROBLEMS, LONGEST_PROBLEM = 50, 600

Mode = Literal["smoke", "scaled", "full"]
Use = Literal["list", "alone", "resume", "again", "report", "missing", "core", "tests"]
"""How people use a repository whose experiments can be run one by one."""
Phase = Literal["install", "import", "smoke", Use, "scaled", "full"]


@dataclass(frozen=True)
class Limits:
    """What one command may use."""

    seconds: float = 120.0
    """Wall clock; after it the command is killed, and its outputs are collected."""
    memory_bytes: int = 4 * 2**30
    """Memory and swap together."""
    cpus: float = 2.0
    pids: int = 256
    """Processes and threads at once."""
    disk_bytes: int = 1 * 2**30
    """Size of the writable working directory."""
    output_bytes: int = 64 * 2**10
    """Kept of each of stdout and stderr, half from the head and half from the tail."""
    gpus: int | None = None
    """Graphics cards, at most what the sandbox is given; -1: all of those; None: as many as it is given."""


@dataclass(frozen=True)
class CommandResult:
    """One command in the sandbox, as it ended; whoever brings what it has printed, it is shown as text."""

    argv: tuple[str, ...]
    exit_code: int | None
    """None when the command was killed by the sandbox."""
    seconds: float
    stdout: str
    stderr: str
    timed_out: bool = False
    oom: bool = False
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    """Files asked for with `Command.outputs` that exist as regular files afterwards, by relative path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stdout", shown(self.stdout))
        object.__setattr__(self, "stderr", shown(self.stderr))

    @property
    def ok(self) -> bool:
        """The command ended by itself with exit status 0."""
        return self.exit_code == 0 and not self.timed_out and not self.oom


@dataclass(frozen=True)
class PhaseResult:
    """One phase of an execution; `problems` are sentences on why it counts as failed, beyond how it ended.

    They name what the program has made: so they are cut to what can be read, and shown as text.
    """

    phase: Phase
    result: CommandResult
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kept = [shown(problem[:LONGEST_PROBLEM]) for problem in self.problems[:MOST_PROBLEMS]]
        if more := len(self.problems) - len(kept):
            kept.append(f"And {more:,} more.")
        object.__setattr__(self, "problems", tuple(kept))

    @property
    def ok(self) -> bool:
        """Whether the phase proved what it has to prove (more than exit status 0)."""
        return self.result.ok and not self.problems


@dataclass(frozen=True)
class LineCoverage:
    """Lines of one file of the repository, 1-based, as measured by coverage.py inside the sandbox."""

    executable: frozenset[int]
    executed: frozenset[int]


@dataclass(frozen=True)
class Environment:
    """Where an execution took place."""

    sandbox: str
    """`docker` or `local`."""
    image: str
    """Image reference and id, or the host's description for `local`."""
    python: str
    packages: tuple[str, ...]
    """Resolved pins, `name==version`, sorted."""
    limits: Limits
    notes: tuple[str, ...] = ()
    """Sentences a reader must know, e.g. that the paper's date could not be resolved."""
    left_out: tuple[str, ...] = ()
    """Packages that requirements.txt asks for and that were not installed; the notes say why."""


@dataclass(frozen=True)
class ExecutionReport:
    """One execution of a directory: install, import, smoke run and, where asked for, a scaled or full run."""

    mode: Mode
    environment: Environment
    phases: tuple[PhaseResult, ...]
    """In order; the last one is the first that failed, if any did."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """From the `results.json` that this execution wrote."""
    undefined: Mapping[str, str] = field(default_factory=dict)
    """Metrics without a number in it, and why."""
    unfinished: tuple[str, ...] = ()
    """Sentences on runs that the metrics leave out, since they did not end well."""
    coverage: Mapping[str, LineCoverage] = field(default_factory=dict)
    """By relative path."""
    unproven: str = ""
    """Why nothing is known of uses that should have followed the smoke run: the sandbox failed, not the code."""
    standing: tuple[Phase, ...] = ()
    """Phases that were not made again: the same code had come through them with just these packages."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of a scaled or full run by the harness: `results.json` and what lies below `results/`, small files alone."""

    @property
    def ok(self) -> bool:
        """Every phase that the mode asks for was reached and proved itself."""
        return self.mode in {phase.phase for phase in self.phases} and all(phase.ok for phase in self.phases)

    @property
    def outcome(self) -> PhaseResult:
        """The phase that failed, else the run that the mode asks for."""
        return self.failure or next(phase for phase in self.phases if phase.phase == self.mode)

    @property
    def failure(self) -> PhaseResult | None:
        """The phase that failed, or None."""
        return None if self.ok or not self.phases else self.phases[-1]

    @property
    def seconds(self) -> float:
        """Wall clock of all phases together."""
        return sum(phase.result.seconds for phase in self.phases)
