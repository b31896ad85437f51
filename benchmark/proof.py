"""Faults put into delivered repositories: which of them the delivered tests notice, the smoke run, and the audit.

python -m benchmark.proof [--out FOLDER] [--each N] [--judge-model M --base-url URL] [DIR]…

DIR is the folder of a run; without one, the project's recordings are played into FOLDER first. N faults of each are put
by a program (`sandbox/prober.py`), in turn into each function that a requirement rests on; those of
`benchmark/faults/NAME.toml` were thought of by hand. Every fault is looked at in a fresh sandbox. It is noticed where
something is wrong that is not wrong in the unhurt code, by the audit only in its own function. What has been looked at
stands in FOLDER/looks.jsonl: the same command goes on with the rest.
"""

import ast
import hashlib
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from pydantic import SecretStr

from benchmark.pipeline import LIMITS, OURS
from pipeline.coding.checks.tested import files_of_tests, targets
from pipeline.coding.given import GIVEN
from pipeline.coding.repository import Repository
from pipeline.contract import TESTS
from pipeline.model.asking import Context, render
from pipeline.model.journal import Recording
from pipeline.model.session import Terms, open_llm
from pipeline.proving.audit import Reviewer
from pipeline.proving.documents import EXECUTION
from pipeline.proving.rereading import plan_of
from pipeline.proving.reviewer import shown
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.paper import Paper
from pipeline.reproduce import Options, reproduce
from pipeline.running.fixing import error_signature
from pipeline.running.probing import Probed
from sandbox import prober, syntax
from sandbox.choice import choose
from sandbox.execution import execute, use_once
from sandbox.interface import TOOLS, Sandbox
from sandbox.steps import Step

HAND = Path(__file__).parent / "faults"
PACKAGES = Path.home() / ".cache/paper2code-tests"
SECONDS = 600.0
GOAL_TESTS, GOAL_TOGETHER = 80, 95
"""Per cent: of the faults in tested functions by the tests, of all by tests and audit together."""
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    file: str
    symbol: str
    """`mean` or `Model.forward`."""
    what: str
    text: str = field(repr=False)
    """Of the file with it."""
    by: str

    @property
    def id(self) -> str:
        """Tells it from every other."""
        return hashlib.sha256(f"{self.file}\0{self.text}".encode()).hexdigest()[:16]


Look = Callable[[Repository, Fault | None], set[str]]
"""What is found wrong; where there is a fault, what could be about it."""


@dataclass(frozen=True)
class Subject:
    """A delivered repository and what is put into it."""

    name: str
    repository: Repository
    faults: tuple[Fault, ...]
    tested: frozenset[str]
    """Functions that some test notices, `model.py::Model.forward`."""


def by_program(repository: Repository, most: int) -> list[Fault]:
    """At most so many, in turn from each function that a requirement rests on, the heaviest first.

    Where no report says on which they rest, from every function.
    """
    weights, found = _weights(repository), dict[tuple[str, str], list[tuple[str, str, int]]]()
    for path, source in _own(repository).items():
        tree = syntax.tree(source)
        symbols = [symbol for file, symbol in weights if file == path] if weights else _symbols(tree)
        for symbol, function in prober.functions(tree, symbols).items():
            numbers = range(len(list(prober.faults(function))))
            found[path, symbol] = [(path, symbol, number) for number in numbers]
    heaviest = sorted(found, key=lambda place: -weights.get(place, 0))
    return [_put(repository, *place) for place in prober.chosen([found[place] for place in heaviest], most)]


def _weights(repository: Repository) -> dict[tuple[str, str], int]:
    """Functions that the report's requirements rest on, with the weight of the heaviest."""
    items = json.loads(repository.files[EXECUTION]).get("requirements", {}).get("items", ())
    found = dict[tuple[str, str], int]()
    for item in items:
        for place in item["evidence"]:
            if place["symbol"]:
                key = place["file"], place["symbol"]
                found[key] = max(found.get(key, 0), item["weight"])
    return found


def _put(repository: Repository, path: str, symbol: str, number: int) -> Fault:
    tree = syntax.tree(repository.files[path])
    fault = list(prober.faults(prober.functions(tree, [symbol])[symbol]))[number]
    fault.put()
    what = f"{fault.what}, line {fault.line}"
    return Fault(path, symbol, what, ast.unparse(ast.fix_missing_locations(tree)), "program")


def by_hand(repository: Repository, file: Path) -> list[Fault]:
    """Those of a TOML file: `[[fault]]` with `file`, `symbol`, `what`, and `old`, which stands there once, `new`.

    Raises ValueError where the repository has become another.
    """
    found = []
    for each in tomllib.loads(file.read_text())["fault"] if file.exists() else ():
        source = repository.files.get(each["file"], "")
        if source.count(each["old"]) != 1:
            raise ValueError(f"{file.name}: {each['old']!r} does not stand once in {each['file']}")
        text = source.replace(each["old"], each["new"])
        found.append(Fault(each["file"], each["symbol"], each["what"], text, "hand"))
    return found


def _own(repository: Repository) -> dict[str, str]:
    """The code of this paper."""
    return {
        path: source
        for path, source in repository.python_files().items()
        if path not in GIVEN and not path.startswith((TESTS, "docs/"))
    }


def _symbols(tree: ast.Module) -> list[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [node.name for node in tree.body if isinstance(node, kinds)]


@dataclass(frozen=True)
class Bench:
    """Looks at repositories in a sandbox."""

    sandbox: Sandbox
    packages: Path

    def probed(self, repository: Repository, looked_into: Mapping[str, list[str]]) -> Probed | None:
        """What the tests say, and which of these functions they notice; None: they did not come to an end."""
        orders = {
            "tests": [*files_of_tests(repository.files)],
            "targets": looked_into,
            "mutants": 0,
            "seconds": SECONDS / 3,
        }
        step = Step(("python3", f"{TOOLS}/prober.py", json.dumps(orders)), tail=1_000_000)
        with tempfile.TemporaryDirectory() as name:
            repository.write(Path(name))
            ended = use_once(
                Path(name), self.sandbox, [step], cache=self.packages, seconds=SECONDS, limits=LIMITS
            )
        try:
            return Probed.read(ended[0].result.stdout)
        except (ValueError, IndexError):
            return None

    def tests(self, repository: Repository, fault: Fault | None) -> set[str]:
        """Tests that fail and are not marked to."""
        if not files_of_tests(repository.files):
            return set()
        probed = self.probed(repository, {})
        return {"the tests do not end"} if probed is None else {*probed.failures}

    def smoke(self, repository: Repository, fault: Fault | None) -> set[str]:
        """How the smoke run fails."""
        report = json.loads(repository.files[EXECUTION])
        with tempfile.TemporaryDirectory() as name:
            repository.write(Path(name))
            ended = execute(
                Path(name), self.sandbox, cache=self.packages, limits=LIMITS, promised=[*report["metrics"]]
            )
        return {error_signature(ended.failure, repository)} if ended.failure else set()


@dataclass(frozen=True)
class Audit:
    """Has a model read the code."""

    terms: Terms
    paper: str
    """As Markdown."""
    out: Path

    def __call__(self, repository: Repository, fault: Fault | None) -> set[str]:
        """Places of what is not as the paper has it; where there is a fault, those in its function."""
        report = json.loads(repository.files[EXECUTION])
        paper = Paper(report["paper"]["title"], (), "", (), (), "markdown")
        plan = plan_of(report, paper, repository)
        context = Context(render("reviewer", contract=plan.contract)).extended("paper", self.paper)
        journal = self.out / f"audit-{fault.id if fault else 'unhurt'}.jsonl"
        with open_llm(self.terms, reasoning_effort="high", journal=journal, resume=True) as llm:
            seen = shown(context, plan, repository, None)
            review = Reviewer(plan, llm, seen, 1).look(repository)
        open_ = [finding for finding in review.findings if finding.verdict != "implemented"]
        places = {f"{p.file}::{p.symbol}" for finding in open_ for p in finding.places(repository)}
        places |= {f"{remark.file}::{remark.symbol}" for remark in review.weighty}
        return places & {f"{fault.file}::{fault.symbol}"} if fault else places


@dataclass
class Looks:
    """What has been looked at, kept in a file."""

    file: Path
    known: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what an earlier session has kept; a line that was cut off is looked at again."""
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            try:
                self.known |= json.loads(line)
            except ValueError:
                continue

    def once(self, name: str, subject: Subject, fault: Fault | None, look: Look) -> set[str]:
        """What a look finds, made once."""
        state = json.dumps(sorted(subject.repository.files.items()))
        key = f"{name} {hashlib.sha256(state.encode()).hexdigest()[:16]} {fault.id if fault else 'unhurt'}"
        if key not in self.known:
            hurt = subject.repository.with_file(fault.file, fault.text) if fault else subject.repository
            self.known[key] = sorted(look(hurt, fault))
            with self.file.open("a") as kept:
                kept.write(json.dumps({key: self.known[key]}) + "\n")
        return {*self.known[key]}


def row(subject: Subject, looks: Looks, by: Mapping[str, Look]) -> tuple[str, list[str]]:
    """A line of the table; and a line for each fault that nobody noticed."""
    unhurt = {name: looks.once(name, subject, None, look) for name, look in by.items()}
    noticed = {
        fault: {name for name, look in by.items() if looks.once(name, subject, fault, look) - unhurt[name]}
        for fault in subject.faults
    }
    tested = [fault for fault in subject.faults if f"{fault.file}::{fault.symbol}" in subject.tested]
    cells = [subject.name, f"{len(subject.faults)}", f"{sum(f.by == 'hand' for f in subject.faults)}"]
    cells += [_share("tests" in noticed[fault] for fault in tested)]
    cells += [_share(name in found for found in noticed.values()) for name in by]
    cells += [_share(bool(found) for found in noticed.values())]
    cells += [", ".join(f"{name} {len(unhurt[name])}" for name in by)]
    missed = [f"- {subject.name}, `{f.file}::{f.symbol}`, {f.what}" for f in subject.faults if not noticed[f]]
    return f"| {' | '.join(cells)} |", missed


def _share(noticed: Iterator[bool]) -> str:
    found = list(noticed)
    return f"{sum(found)} of {len(found)} ({100 * sum(found) / len(found):.0f} %)" if found else "none"


def delivered(out: Path) -> Iterator[tuple[str, Path]]:
    """The folders of the project's recordings that hold tests, played once."""
    for source, recording in OURS:
        name, recorded = source.parent.name, Recording(recording)
        folder = out / name
        if not source.exists() or not recorded.tested:
            print(f"{name}: {'holds no tests' if source.exists() else 'not on this machine'}")
            continue
        if not (folder / "repository" / EXECUTION).exists():
            paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", folder / "arxiv"))
            options = Options(packages=PACKAGES, limits=LIMITS).answered_by(recorded)
            with open_llm(
                Terms(recorded.model),
                reasoning_effort=None,
                journal=folder / "journal.jsonl",
                resume=True,
                replay=recording,
            ) as llm:
                reproduce(
                    paper, llm=llm, sandbox=choose(), out=folder, options=options, observe=lambda event: None
                )
        yield name, folder


def subject(name: str, folder: Path, bench: Bench, each: int) -> Subject:
    """A run's repository with its faults."""
    repository = Repository(_texts(folder / "repository"))
    probed = bench.probed(repository, targets(repository.files))
    tested = frozenset(symbol for symbol, tests in probed.calls.items() if tests) if probed else frozenset()
    faults = by_program(repository, each) + by_hand(repository, HAND / f"{name}.toml")
    return Subject(name, repository, tuple(faults), tested)


def _texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".png"
    }


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/bench-proof"))
@click.option("--each", default=20)
@click.option("--judge-model")
@click.option("--base-url")
@click.argument("folders", nargs=-1, type=FOLDER)
def main(
    out: Path, each: int, judge_model: str | None, base_url: str | None, folders: Sequence[Path]
) -> None:
    """Print one table, and what nobody noticed."""
    out.mkdir(parents=True, exist_ok=True)
    bench, missed = Bench(choose(), PACKAGES), list[str]()
    names = ["tests", "smoke run", *(["audit"] if judge_model else [])]
    heads = ["repository", "faults", "by hand", "tests, in tested functions", *names, "together", "unhurt"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|", flush=True)
    for name, folder in [(f.name, f) for f in folders] or delivered(out):
        by: dict[str, Look] = {"tests": bench.tests, "smoke run": bench.smoke}
        if judge_model:
            terms = Terms(judge_model, base_url=base_url, api_key=SecretStr("none") if base_url else None)
            by["audit"] = Audit(terms, (folder / "paper.md").read_text(), out / name)
        line, left = row(subject(name, folder, bench, each), Looks(out / "looks.jsonl"), by)
        print(line, flush=True)
        missed += left
    print(f"\nGoals: {GOAL_TESTS} % of tested functions' by tests, {GOAL_TOGETHER} % by tests and audit.")
    print("\n".join(["Noticed by nobody:", *missed] if missed else ["All were noticed."]))


if __name__ == "__main__":
    main()
