"""The paper's numbers beside those of runs, each with a verdict. Pure.

A run that is off is said to disagree only where it had as many seeds as the paper, the comparison that the paper makes
has turned, and no test of the requirements behind the number speaks against the code. Smoke runs are of tiny data, and
are never read here.
"""

import math
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel

from pipeline.planning.plan import result_name
from pipeline.planning.reported import ReportedNumber
from sandbox import answers

Verdict = Literal["verified", "toy", "falsified", "inconclusive", "not-run"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WORDS: Mapping[Verdict, str] = {
    "verified": "verified",
    "toy": "a smaller run points the same way",
    "falsified": "our run disagrees",
    "inconclusive": "inconclusive",
    "not-run": "not run",
}
"""What each is called to people."""
_FILE = re.compile(
    r"results/(?P<mode>scaled|full)/(?P<experiment>[^/]+)/(?P<method>[^/]+)/(?P<seed>-?\d+)-[^/]+\.json"
)
"""What the harness writes of a run; `coding/harness.py`."""


class Run(BaseModel):
    """What counts here of a run's file."""

    mode: Literal["scaled", "full"]
    experiment: str
    method: str
    seed: int
    status: Literal["done", "diverged", "failed"]
    metrics: dict[str, float | None]
    ended: float


def runs_of(files: Mapping[str, bytes]) -> tuple[Run, ...]:
    """The runs of a repository, by path; for each mode, method and seed the last one, one that ended if there is.

    What is no such file, or does not say what its path says, is left out: generated code may write there as well.
    """
    newest: dict[tuple[str, str, str, int], Run] = {}
    for path, content in sorted(files.items()):
        if run := _run(path, content):
            name = run.mode, run.experiment, run.method, run.seed
            if name not in newest or _rank(newest[name]) < _rank(run):
                newest[name] = run
    return tuple(newest.values())


def _run(path: str, content: bytes) -> Run | None:
    found = _FILE.fullmatch(path)
    try:
        said = answers.read(content) if found else None
        run = (
            Run.model_validate({**said, "mode": found["mode"]}) if found and isinstance(said, dict) else None
        )
    except ValueError:
        return None
    if found is None or run is None:
        return None
    same = (run.experiment, run.method, run.seed) == (
        found["experiment"],
        found["method"],
        int(found["seed"]),
    )
    return run if same else None


def _rank(run: Run) -> tuple[bool, float]:
    return run.status != "failed", run.ended


@dataclass(frozen=True)
class Sample:
    """A metric over the seeds of a method, in the paper's unit."""

    mode: Literal["scaled", "full"]
    mean: float | None
    std: float | None
    """Of the sample; None for less than two."""
    seeds: int
    why: str = ""
    """Why there is no mean."""


def sample(number: ReportedNumber, runs: Iterable[Run]) -> Sample | None:
    """What stands for `number`: of the full run, else of a scaled one; None where neither was made.

    No mean where a seed diverged or leaves the metric undefined: what is left would flatter.
    """
    own = [run for run in runs if (run.experiment, run.method) == (number.experiment, number.method)]
    for mode in ("full", "scaled"):
        made = [run for run in own if run.mode == mode]
        ended = [run for run in made if run.status != "failed"]
        if not made:
            continue
        said = [run.metrics.get(number.metric) for run in ended]
        values = [v * number.factor for v in said if v is not None and math.isfinite(v * number.factor)]
        if not values or len(values) < len(ended):
            lost = len(made) - len(values)
            return Sample(mode, None, None, len(values), f"{lost} of {len(made)} runs have no value for it")
        try:
            std = statistics.stdev(values) if len(values) > 1 else None
            return Sample(mode, statistics.fmean(values), std, len(values))
        except OverflowError:
            return Sample(
                mode, None, None, len(values), "its values are too large to have a mean and a spread"
            )
    return None


@dataclass(frozen=True)
class Result:
    """A number of the paper, what was measured, and what that says."""

    number: ReportedNumber
    sample: Sample | None
    verdict: Verdict
    why: str
    """A clause; empty where nothing was run."""


def compared(
    numbers: Sequence[ReportedNumber],
    runs: Sequence[Run],
    *,
    doubt: Callable[[ReportedNumber], str] = lambda number: "",
    claims: Sequence[str] = (),
) -> list[Result]:
    """A verdict for each number of the paper.

    `doubt` names a test of the requirements behind a number that fails, or is disputed; empty: none. `claims` are the
    places where the code hands a number of the paper on as its own, in words: then no number is taken from it.
    """
    if claims and runs:
        why = f"refused: {claims[0]}"
        return [Result(number, None, "not-run", why) for number in numbers]
    samples = [sample(number, runs) for number in numbers]
    measured = [(n, s) for n, s in zip(numbers, samples, strict=True) if s and s.mean is not None]
    return [
        _result(number, found, _rivals(number, measured), _gap(number, numbers), doubt)
        for number, found in zip(numbers, samples, strict=True)
    ]


_Measured = tuple[ReportedNumber, Sample]


def _is_rival(number: ReportedNumber, other: ReportedNumber) -> bool:
    """Whether the paper compares the two: methods by one metric in one table."""
    of = ("anchor", "experiment", "metric")
    return number.method != other.method and all(getattr(number, name) == getattr(other, name) for name in of)


def _rivals(number: ReportedNumber, measured: Sequence[_Measured]) -> list[_Measured]:
    return [(other, found) for other, found in measured if _is_rival(number, other)]


def _gap(number: ReportedNumber, numbers: Iterable[ReportedNumber]) -> float | None:
    """From the number to the nearest of another method, as printed; None: it is compared with none."""
    gaps = (abs(number.value - other.value) for other in numbers if _is_rival(number, other))
    return min((gap for gap in gaps if gap), default=None)


def _result(
    number: ReportedNumber,
    found: Sample | None,
    rivals: Sequence[_Measured],
    gap: float | None,
    doubt: Callable[[ReportedNumber], str],
) -> Result:
    if found is None:
        return Result(number, None, "not-run", "")
    if found.mean is None:
        return Result(number, found, "inconclusive", found.why)
    compared_ = [
        pair
        for other, theirs in rivals
        if theirs.mode == found.mode and (pair := _pair(number, found, other, theirs)).resolved
    ]
    if found.mode == "scaled":
        if not compared_:
            return Result(number, found, "inconclusive", "a smaller run, and no other method to compare with")
        if all(pair.ours * pair.paper > 0 for pair in compared_):
            return Result(number, found, "toy", f"the same order as {_names(compared_)}")
        turned = [pair for pair in compared_ if pair.ours * pair.paper <= 0]
        return Result(number, found, "inconclusive", f"a smaller run, in another order than {_names(turned)}")
    off, allowed = abs(found.mean - number.value), tolerance(number, found, gap)
    if within(off, allowed, number.step):
        return Result(number, found, "verified", _by(off, allowed, gap, number))
    why, lacking = _by(off, allowed, gap, number), []
    turned = [pair for pair in compared_ if pair.turned]
    if not turned:
        lacking.append("what the paper compares has not turned")
    if found.seeds < (number.seeds or 1):
        lacking.append(f"{found.seeds} seeds, the paper has {number.seeds}")
    if test := doubt(number):
        lacking.append(f"a test of what is behind it fails or is disputed: {test}")
    if lacking:
        return Result(number, found, "inconclusive", f"{why}; {'; '.join(lacking)}")
    return Result(number, found, "falsified", f"{why}; {turned[0].told}")


def error_of_paper(number: ReportedNumber) -> float | None:
    """The standard error of the paper's number; None where it prints no spread.

    What is no standard deviation over a stated number of runs, and no standard error, is taken as an interval of two.
    """
    if number.spread is None:
        return None
    if number.spread_is == "standard deviation" and number.seeds:
        return number.spread / math.sqrt(number.seeds)
    return number.spread if number.spread_is == "standard error" else number.spread / 2


def error_of_ours(number: ReportedNumber, found: Sample) -> float:
    """The standard error of what was measured; a single run scatters as the paper says that runs do, if it does."""
    if found.std is not None:
        return found.std / math.sqrt(found.seeds)
    deviates = number.spread is not None and number.spread_is == "standard deviation"
    return number.spread if deviates and number.spread else 0.0


def tolerance(number: ReportedNumber, found: Sample, gap: float | None) -> float | None:
    """How far what was measured may be from what is printed, in the paper's unit; None: nothing says.

    Two standard errors of both together; where the paper prints no spread, a quarter of the `gap`.
    """
    theirs = error_of_paper(number)
    if theirs is not None:
        return 2 * math.hypot(theirs, error_of_ours(number, found))
    return gap / 4 if gap else None


def within(off: float, allowed: float | None, step: float) -> bool:
    """Whether a distance is allowed, or would print the same: the last digit counts `step`."""
    return off <= max(allowed or 0.0, step / 2) * (1 + 1e-9)


@dataclass(frozen=True)
class _Pair:
    """A number and that of another method, in the paper and in our run."""

    name: str
    paper: float
    """The difference that the paper prints."""
    resolved: bool
    """The paper's spreads do not cover it."""
    ours: float
    noise: float
    """Two standard errors of ours."""

    @property
    def reversed(self) -> bool:
        return self.ours * self.paper < 0 and abs(self.ours) > self.noise

    @property
    def gone(self) -> bool:
        """A quarter of it at most is left, in a run that would have shown it."""
        return abs(self.ours) <= abs(self.paper) / 4 and self.noise < abs(self.paper)

    @property
    def turned(self) -> bool:
        return self.reversed or self.gone

    @property
    def told(self) -> str:
        return (
            f"the order with {self.name} is reversed" if self.reversed else f"the gap to {self.name} is gone"
        )


def _pair(number: ReportedNumber, found: Sample, other: ReportedNumber, theirs: Sample) -> _Pair:
    paper = number.value - other.value
    spread = 2 * math.hypot(error_of_paper(number) or 0, error_of_paper(other) or 0)
    noise = 2 * math.hypot(error_of_ours(number, found), error_of_ours(other, theirs))
    ours = (found.mean or 0.0) - (theirs.mean or 0.0)
    return _Pair(other.method, paper, abs(paper) > spread, ours, noise)


def _names(pairs: Iterable[_Pair]) -> str:
    names = [pair.name for pair in pairs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _by(off: float, allowed: float | None, gap: float | None, number: ReportedNumber) -> str:
    if off <= number.step / 2 * (1 + 1e-9):
        return "prints the same"
    if allowed is None:
        return f"off by {off:.3g}, and nothing in the paper says how much that is"
    basis = "two standard errors" if number.spread is not None else f"a quarter of the gap of {gap or 0:.3g}"
    return f"off by {off:.3g}, where {allowed:.3g} is {basis}"


def entry(result: Result, mode: str) -> dict[str, Any]:
    """One of `results` in the report; `mode` is of the run that is reported, where nothing else was measured."""
    number, found = result.number, result.sample
    return {
        "metric": result_name(number.experiment, number.method, number.metric),
        "experiment": number.experiment,
        "method": number.method,
        "anchor": number.anchor,
        "row": number.row_name,
        "column": number.column_name,
        "quote": number.quote,
        "better": number.better,
        "unit": number.unit,
        "step": number.step,
        "factor": number.factor,
        "paper": number.value,
        "paper_spread": number.spread,
        "paper_seeds": number.seeds,
        "measured": found.mean if found else None,
        "measured_spread": found.std if found else None,
        "seeds": found.seeds if found else 0,
        "mode": found.mode if found else mode,
        "verdict": result.verdict,
        "why": result.why,
        "earlier": False,
    }
