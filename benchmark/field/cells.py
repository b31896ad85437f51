"""One cell of the measurement: a repository made or taken, run, and judged; all that its figures rest on is kept."""

import dataclasses
import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from benchmark.asking import CACHE, paper_of
from benchmark.field.suite import Listed
from pipeline.contract import contract_of
from pipeline.model.asking import Context, render
from pipeline.model.journal import Recording
from pipeline.model.llm import LLM
from pipeline.model.pictures import pictures
from pipeline.model.prices import window_of
from pipeline.planning.plan import Method
from pipeline.proving import rubric as rubrics
from pipeline.proving.judging.grading import grade
from pipeline.proving.judging.scale import judge
from pipeline.proving.judging.sources import collect
from pipeline.proving.scoring import Judgement
from pipeline.reading.paper import Paper
from pipeline.reproduce import Options, reproduce
from sandbox.contents import contents
from sandbox.execution import execute, run_command
from sandbox.interface import Sandbox
from sandbox.report import CommandResult, Limits

METHODS: tuple[Method, ...] = get_args(Method)
_ENTRIES = (("reproduce.sh", ("bash", "reproduce.sh")), ("main.py", ("python3", "main.py")))
"""What others' repositories are run by, the first that is there."""
PARTS = ("no-tests", "no-results", "no-judge", "no-fixes")
"""Of ours, what can be left out."""
Kind = Literal["free", "based", "rubric"]


@dataclass(frozen=True)
class Variant:
    """A method with what is changed of it: `full`, `full:no-tests`, `full:refine=config`."""

    name: str
    method: Method
    refine: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def named(cls, name: str) -> "Variant":
        """Raises ValueError."""
        method, *changes = name.split(":")
        refine = tuple(change.removeprefix("refine=") for change in changes if change.startswith("refine="))
        without = tuple(change for change in changes if not change.startswith("refine="))
        if method not in METHODS:
            raise ValueError(f"{method!r} is none of the methods {', '.join(METHODS)}")
        if odd := [change for change in without if change not in PARTS]:
            raise ValueError(f"{odd[0]!r} is neither refine=STAGE nor one of {', '.join(PARTS)}")
        return cls(name, method, refine, without)


@dataclass(frozen=True)
class Cell:
    """What is measured once."""

    paper: Listed
    method: str
    """A variant's name, or that of a system that wrote the paper's folder of this name."""
    model: str
    """Who writes; empty for what others wrote."""
    sample: int

    @property
    def name(self) -> str:
        """Its folder."""
        parts = (self.paper.name, self.method, self.model or "written", str(self.sample))
        return "/".join(re.sub(r"[^\w.+=-]+", "-", part).strip(".") or "-" for part in parts)


@dataclass(frozen=True)
class Row:
    """What came of a cell."""

    paper: str
    group: str
    method: str
    model: str
    sample: int
    folder: str
    """The repository that was judged."""
    status: str
    """`runs`, `fails`, `timed-out` (what others wrote has no smoke run), `not-run`."""
    ran_first: bool | None
    """Whether its first execution passed; None: not executed."""
    lines: int | None = None
    changed_percent: float | None = None
    """Of the lines, by repairs."""
    tests_passed: int | None = None
    tests: int | None = None
    usd: float | None = None
    """Of writing, with its own judge; None: not known."""
    minutes: float | None = None
    """Wall clock; None also for a cell that was gone on with."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Judge → 1 to 5, without the authors' code."""
    spread: Mapping[str, float] = field(default_factory=dict)
    """Judge → standard deviation of its opinions."""
    based: Mapping[str, float] = field(default_factory=dict)
    """Judge → 1 to 5, with the authors' code."""
    rubric: Mapping[str, float] = field(default_factory=dict)
    """Judge → 0 to 1."""
    judging_usd: float | None = 0.0
    people: float | None = None
    """What people gave it, 1 to 5."""
    no_rubric: str = ""
    """Why nobody judged by the paper's rubric, as a clause, where it has one."""


class Opens(Protocol):
    """Opens models; `benchmark.asking.Service` does."""

    def open(
        self, model: str, journal: Path, *, max_usd: float | None = None, replay: Path | None = None
    ) -> AbstractContextManager[LLM]:
        """Goes on with `journal`; `replay` is one that answers in the model's place."""
        ...


class Purse:
    """What may be spent by cells side by side, and is never exceeded: each session has a share of what is left."""

    def __init__(self, cap: float | None, spent: float, jobs: int) -> None:
        """USD; `spent` by earlier calls of the same measurement."""
        self.cap, self.spent = cap, spent
        self._free, self._reserved, self._lock = jobs, 0.0, threading.Lock()

    @contextmanager
    def share(self, journal: Path) -> Iterator[float | None]:
        """The cap of a session that writes `journal`, which counts what stands there already."""
        if self.cap is None:
            yield None
            return
        before = paid(journal)
        with self._lock:
            share = max(self.cap - self.spent - self._reserved, 0.0) / self._free
            self._free, self._reserved = self._free - 1, self._reserved + share
        try:
            yield before + share
        finally:
            with self._lock:
                self._free, self._reserved = self._free + 1, self._reserved - share
                self.spent += paid(journal) - before


def paid(journal: Path) -> float:
    """USD that the calls in a journal cost when they were made; 0 without one."""
    if not journal.exists():
        return 0.0
    entries = [json.loads(line) for line in journal.read_bytes().splitlines() if line.endswith(b"}")]
    return sum((entry["usage"].get("usd") or 0.0) for entry in entries if not entry.get("replayed"))


@dataclass(frozen=True)
class Bench:
    """What cells are measured with."""

    service: Opens
    sandbox: Sandbox | None
    out: Path
    judges: tuple[str, ...]
    samples: int
    """Opinions of each judge."""
    purse: Purse
    max_fixes: int = 8
    concurrency: int = 4
    limits: Limits = Limits()
    cancelled: Callable[[], bool] = lambda: False


def measured(cell: Cell, bench: Bench) -> Row:
    """The row of a cell; what was measured before under the same terms is read, what was paid for is not paid again.

    Raises PipelineError and SandboxError; what is finished stays in the cell's folder.
    """
    folder = bench.out / cell.name
    kept, terms = folder / "row.json", _terms(cell, bench)
    if kept.exists() and (told := json.loads(kept.read_text())).pop("terms", None) == terms:
        return Row(**told)
    paper = paper_of(cell.paper.source)
    row = _made(cell, paper, bench, folder) if cell.model else _taken(cell, bench, folder)
    row = _judged(row, cell.paper, paper, bench, folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(asdict(row) | {"terms": terms}, ensure_ascii=False, indent=1) + "\n")
    return row


def _terms(cell: Cell, bench: Bench) -> str:
    """What shapes a row, beside the code of this project."""
    listed = asdict(cell.paper) | {"written": cell.paper.written.get(cell.method)}
    if cell.paper.rubric:
        listed["rubric"] = sha256(cell.paper.rubric.read_bytes()).hexdigest()
    with_what = [bench.judges, bench.samples, bench.max_fixes, bench.sandbox.name if bench.sandbox else None]
    shape = json.dumps([listed, cell.method, cell.model, cell.sample, with_what], default=str)
    return sha256(shape.encode()).hexdigest()[:16]


def _made(cell: Cell, paper: Paper, bench: Bench, folder: Path) -> Row:
    """Written by this project."""
    variant, recorded = Variant.named(cell.method), cell.paper.recordings.get(cell.method)
    options = Options(
        packages=CACHE,
        method=variant.method,
        refine=variant.refine,
        max_fixes=0 if "no-fixes" in variant.without else bench.max_fixes,
        max_repairs=0 if "no-fixes" in variant.without else Options.max_repairs,
        judge=0 if "no-judge" in variant.without else 1,
        concurrency=bench.concurrency,
        limits=bench.limits,
        tests="no-tests" not in variant.without,
        results="no-results" not in variant.without,
    )
    if recorded:
        options = options.answered_by(Recording(recorded))
    journal, started = folder / "journal.jsonl", time.monotonic()
    resumed = journal.exists()
    with (
        bench.purse.share(journal) as cap,
        bench.service.open(cell.model, journal, max_usd=cap, replay=recorded) as llm,
    ):
        made = reproduce(
            paper,
            llm=llm,
            sandbox=bench.sandbox,
            out=folder,
            options=options,
            observe=lambda event: None,
            cancelled=bench.cancelled,
        )
    report = made.report
    tests = report.get("tests") or {}
    return Row(
        **_names(cell),
        folder=str(folder / "repository"),
        status=made.status,
        ran_first=_first(report["attempts"]),
        lines=report["lines"]["generated"],
        changed_percent=report["lines"]["changed_percent"],
        tests_passed=tests.get("passed"),
        tests=tests.get("total"),
        usd=report["usage"]["usd"],
        minutes=None if resumed else (time.monotonic() - started) / 60,
    )


def _taken(cell: Cell, bench: Bench, folder: Path) -> Row:
    """Written by another system; only executed here: by our contract if it keeps that, else by its own command."""
    place = cell.paper.written[cell.method]
    python = contents(place).python
    lines = sum(len((place / path).read_bytes().splitlines()) for path in python)
    row = Row(**_names(cell), folder=str(place), status="not-run", ran_first=None, lines=lines)
    if bench.sandbox is None:
        return row
    limits, cancelled = bench.limits, bench.cancelled
    folder.mkdir(parents=True, exist_ok=True)
    if contract_of(python) > 1:
        report = execute(place, bench.sandbox, cache=CACHE, limits=limits, cancelled=cancelled)
        results = [phase.result for phase in report.phases]
        status = "runs" if report.ok else "fails"
    elif command := next((argv for entry, argv in _ENTRIES if (place / entry).is_file()), None):
        results = [
            run_command(place, bench.sandbox, command, cache=CACHE, limits=limits, cancelled=cancelled)
        ]
        status = "runs" if results[0].ok else "timed-out" if results[0].timed_out else "fails"
    else:
        return row
    (folder / "execution.json").write_text(json.dumps([_shown(each) for each in results], indent=1) + "\n")
    return dataclasses.replace(
        row, status=status, ran_first=None if status == "timed-out" else status == "runs"
    )


def _shown(result: CommandResult) -> dict[str, Any]:
    told = asdict(result)
    return {
        name: value[-8000:] if isinstance(value, str) else value
        for name, value in told.items()
        if name != "outputs"
    }


def _judged(row: Row, listed: Listed, paper: Paper, bench: Bench, folder: Path) -> Row:
    """The row with each judge's scores; every judgement is kept whole."""
    kinds: list[Kind] = ["free"]
    kinds += ["based"] if listed.reference else []
    tree, no_rubric = _rubric(listed.rubric)
    kinds += ["rubric"] if tree else []
    found: dict[Kind, dict[str, float]] = {"free": {}, "based": {}, "rubric": {}}
    spread: dict[str, float] = {}
    usd: float | None = 0.0
    for model in bench.judges:
        name = re.sub(r"[^\w.-]+", "-", model)
        for kind in kinds:
            journal = folder / f"judge-{name}-{kind}.jsonl"
            with bench.purse.share(journal) as cap, bench.service.open(model, journal, max_usd=cap) as llm:
                given = _opinion(
                    tree if kind == "rubric" else None,
                    listed.reference if kind == "based" else None,
                    Path(row.folder),
                    paper,
                    model,
                    llm,
                    bench,
                )
            journal.with_suffix(".json").write_text(
                json.dumps(asdict(given), ensure_ascii=False, indent=1) + "\n"
            )
            found[kind][model] = given.score
            if kind == "free" and len(opinions := getattr(given, "scores", ())) > 1:
                spread[model] = statistics.stdev(opinions)
            usd = None if usd is None or given.usd is None else usd + given.usd
    return dataclasses.replace(
        row,
        scores=found["free"],
        spread=spread,
        based=found["based"],
        rubric=found["rubric"],
        judging_usd=usd,
        people=listed.people.get(row.method),
        no_rubric=no_rubric,
    )


def _rubric(file: Path | None) -> tuple[rubrics.Node | None, str]:
    """It, where one is listed that can be used; else why it cannot.

    Its leaves about runs and results are left out for all: ours run on tiny data, which shows no results.
    """
    if file is None:
        return None, ""
    try:
        tree = rubrics.read(file)
    except ValueError as error:
        return None, f"{file.name} cannot be used: {error}"
    if not rubrics.shares(tree, rubrics.OF_CODE):
        return None, f"no leaf of {file.name} is about code alone"
    return tree, ""


def _opinion(
    tree: rubrics.Node | None,
    authors: Path | None,
    folder: Path,
    paper: Paper,
    model: str,
    llm: LLM,
    bench: Bench,
) -> Judgement | rubrics.Graded:
    context = Context(render("judging"), pictures=pictures(paper)).extended("paper", paper.text())
    sources, window = collect(folder), window_of(model)
    if tree:
        return grade(
            tree, sources, context, llm, samples=bench.samples, concurrency=bench.concurrency, window=window
        )
    return judge(sources, context, llm, bench.samples, collect(authors) if authors else None, window)


def _names(cell: Cell) -> dict[str, Any]:
    return {
        "paper": cell.paper.name,
        "group": cell.paper.group,
        "method": cell.method,
        "model": cell.model,
        "sample": cell.sample,
    }


def _first(attempts: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether the first execution passed: one that failed has a signature."""
    return attempts[0]["signature"] is None if attempts else None
