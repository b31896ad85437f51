"""A repository's tests in the sandbox: what came of each, what they call, and which faults they notice.

Done in a room of its own after the smoke run has passed, by the sandbox's own prober.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from pipeline.coding.checks.tested import files_of_tests, targets
from pipeline.coding.repository import Repository
from sandbox import answers
from sandbox.interface import TOOLS, RoomClosed
from sandbox.prober import EXPECTED
from sandbox.report import ExecutionReport, PhaseResult
from sandbox.steps import Step, Steps

MUTANTS, SECONDS = 60, 60.0
_SAID = "tests.json"
_ARGV = ("python3", "-m", "pytest")
_TAIL = 1_000_000


@dataclass(frozen=True)
class Mutant:
    """A fault that was put into a tested function."""

    symbol: str
    """`model.py::Model.forward`."""
    line: int
    what: str
    killed: bool
    """A test noticed."""


@dataclass(frozen=True)
class Probed:
    """What is known of a repository's tests."""

    outcomes: Mapping[str, str]
    """By test, or by the file of some that could not be begun: why it failed; empty: it passed."""
    calls: Mapping[str, tuple[str, ...]]
    """By function: passing tests that fail when it only raises."""
    mutants: tuple[Mutant, ...]
    untried: int
    """Faults that there was no time or room for."""
    unseen: tuple[str, ...] = ()
    """Functions that there was no time to let raise."""

    @property
    def failures(self) -> dict[str, str]:
        """What fails and is not marked to."""
        return {name: why for name, why in self.outcomes.items() if why and why != EXPECTED}

    @property
    def passed(self) -> tuple[str, ...]:
        """Tests that pass."""
        return tuple(name for name, why in self.outcomes.items() if not why)

    @property
    def blind(self) -> tuple[str, ...]:
        """Tests that pass whatever function of the repository does nothing but raise.

        None where there was no time for all functions: the one that was not tried may be theirs.
        """
        if self.unseen:
            return ()
        seeing = {name for names in self.calls.values() for name in names}
        return tuple(name for name in self.passed if name not in seeing)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Faults that no test noticed."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @classmethod
    def of(cls, phases: Iterable[PhaseResult]) -> "Probed | None":
        """What the phases of an execution tell; None where it has not come to the tests."""
        said = next((p.result.outputs[_SAID] for p in phases if _SAID in p.result.outputs), None)
        return cls.read(said) if said else None

    @classmethod
    def read(cls, printed: str | bytes) -> "Probed":
        """What the prober has printed, of each test with all of its parameters. Raises ValueError."""
        said = _Says.model_validate(answers.read(printed))
        outcomes: dict[str, str] = {}
        for name, why in said.tests.items():
            outcomes[_bare(name)] = outcomes.get(_bare(name)) or why
        return cls(
            outcomes,
            {symbol: tuple(dict.fromkeys(map(_bare, tests))) for symbol, tests in said.calls.items()},
            said.mutants,
            said.untried,
            said.unseen,
        )


class _Says(BaseModel):
    """See `prober.py`."""

    tests: dict[str, str]
    calls: dict[str, list[str]]
    mutants: tuple[Mutant, ...]
    untried: int
    unseen: tuple[str, ...]


def _bare(name: str) -> str:
    return name.partition("[")[0]


def probe(repository: Repository, steps: Steps, seconds: float) -> PhaseResult:
    """The phase `tests`: it fails where a test does that is not marked to. `seconds` are those of a step.

    Raises SandboxError.
    """
    orders = {
        "tests": list(files_of_tests(repository.files)),
        "targets": targets(repository.files),
        "mutants": MUTANTS,
        # As long again for the tests themselves, and a margin for what is killed late.
        "seconds": min(SECONDS, seconds / 3),
    }
    step = Step(("python3", f"{TOOLS}/prober.py", json.dumps(orders)), tail=_TAIL)
    result = replace(steps([step])[0].result, argv=_ARGV)
    if result.oom:
        raise RoomClosed("memory ran out while its tests were run, some with a fault put into the code")
    try:
        probed = Probed.read(result.stdout)
    except ValueError:
        # It was stopped, or another program has printed.
        why = "The tests did not come to an end."
        return PhaseResult("tests", replace(result, exit_code=result.exit_code or 1), (why,))
    failures = probed.failures
    told = "\n\n".join(f"{name}\n{why}" for name, why in failures.items())
    kept = replace(result, stdout=told, outputs={_SAID: result.stdout.encode()})
    return PhaseResult("tests", kept, tuple(f"The test `{name}` fails." for name in failures))


def blamed(execution: ExecutionReport, told: Mapping[str, str], problems: Sequence[str]) -> ExecutionReport:
    """An execution as one that the code alone is to be changed for: `told` are failures, test → why."""
    result = replace(
        execution.phases[-1].result,
        argv=_ARGV,
        exit_code=1,
        stdout="\n\n".join(f"{name}\n{why}" for name, why in told.items()),
        outputs={},
    )
    before = tuple(phase for phase in execution.phases if phase.phase != "tests")
    return replace(execution, phases=(*before, PhaseResult("tests", result, tuple(problems))))
