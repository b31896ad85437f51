"""The field's tables: papers × methods × models × samples, and repositories that others wrote, beside each other.

python -m benchmark.run PAPERS --method full --method one-shot --model M --judge-model J [--samples N] [--max-usd X]

PAPERS is a papers.toml (benchmark/field/suite.py says its form), or a checkout of Paper2Code (its `data/paper2code`
unpacked) or of PaperBench. A method is one of `paper2code run`, with `:refine=STAGE`, `:no-tests`, `:no-results`,
`:no-judge` or `:no-fixes` behind it. --written NAME=DIR adds what another system wrote:
DIR/PAPER/submission, DIR/PAPER_repo or DIR/PAPER.

Under --out each cell keeps its repository, its journals and every judgement; rows.json, rows.csv, tables.md and two
plots are made of all cells that are done. The same command goes on where it stopped and pays nothing twice; --max-usd
is for the whole, earlier calls included. Exit status: 0; 3 some cells failed; 4 budget reached; 130 interrupted.
"""

import itertools
import json
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click

from benchmark.asking import EXISTING_FOLDER, FOLDER, Service, asking
from benchmark.field import plots, tables
from benchmark.field.cells import Bench, Cell, Purse, Row, Variant, measured, paid
from benchmark.field.suite import Listed, suite
from pipeline.errors import BudgetReached, Cancelled, PipelineError
from pipeline.markdown import visible
from sandbox.choice import choose
from sandbox.interface import SandboxError
from sandbox.report import Limits


@click.command(help=__doc__)
@click.argument("papers", type=click.Path(exists=True, path_type=Path))
@click.option("--method", "methods", multiple=True, help="Repeatable; none: only what others wrote.")
@click.option("--model", "models", multiple=True, help="Who writes; repeatable.")
@click.option("--judge-model", "judges", multiple=True, required=True, help="Repeatable.")
@click.option("--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="Of each method.")
@click.option("--opinions", type=click.IntRange(1, 20), default=3, show_default=True, help="Of each judge.")
@click.option("--written", metavar="NAME=DIR", multiple=True, help="Repositories of another system.")
@click.option("--references", metavar="DIR", type=EXISTING_FOLDER, help="The authors' repositories.")
@click.option("--only", metavar="PAPER", multiple=True, help="Of the papers, these.")
@click.option(
    "--sandbox", type=click.Choice(("docker", "local", "none")), help="Default: the best of this machine."
)
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="Of one execution.")
@click.option("--max-usd", type=click.FloatRange(0, min_open=True))
@click.option("--jobs", type=click.IntRange(1, 16), default=1, show_default=True, help="Cells side by side.")
@click.option("--out", metavar="DIR", type=FOLDER, default="out/run", show_default=True)
@asking
def main(
    papers: Path,
    methods: tuple[str, ...],
    models: tuple[str, ...],
    judges: tuple[str, ...],
    samples: int,
    opinions: int,
    written: tuple[str, ...],
    references: Path | None,
    only: tuple[str, ...],
    sandbox: str | None,
    seconds: int,
    max_usd: float | None,
    jobs: int,
    out: Path,
    service: Service,
) -> None:
    """Measure, and write the tables down."""
    try:
        variants = [Variant.named(name).name for name in methods]
        listed = suite(papers, _folders(written), references, out / "papers")
    except ValueError as error:
        raise click.UsageError(visible(str(error))) from error
    if unknown := sorted(set(only) - {paper.name for paper in listed}):
        raise click.UsageError(f"{papers} has no paper {unknown[0]!r}")
    if not all((*models, *judges)):
        raise click.UsageError("the name of a model is empty")
    if methods and not models:
        raise click.UsageError("--method needs a --model that writes")
    cells = _cells([p for p in listed if not only or p.name in only], variants, models, samples)
    if not cells:
        raise click.UsageError("there is nothing to measure: give --method and --model, or --written")
    out.mkdir(parents=True, exist_ok=True)
    spent = sum(paid(journal) for journal in out.rglob("*.jsonl"))
    stop = threading.Event()
    bench = Bench(
        service,
        None if sandbox == "none" else choose(sandbox),
        out,
        judges,
        opinions,
        Purse(max_usd, spent, jobs),
        limits=Limits(seconds=seconds),
        cancelled=stop.is_set,
    )
    click.echo(f"{len(cells)} cells; ${spent:.2f} of earlier calls count against the budget.")
    sys.exit(_measure(cells, bench, jobs, stop))


def _measure(cells: Sequence[Cell], bench: Bench, jobs: int, stop: threading.Event) -> int:
    """Measure all, write down what there is after each, and say what is not there; the exit status."""
    rows: dict[str, Row] = {}
    missing: dict[str, str] = {}
    status, lock = 0, threading.Lock()

    def attempt(cell: Cell) -> None:
        nonlocal status
        if stop.is_set():
            missing[cell.name] = "not begun"
            return
        try:
            row = measured(cell, bench)
        except Cancelled:
            missing[cell.name] = "interrupted"
        except BudgetReached as error:
            stop.set()
            status, missing[cell.name] = 4, str(error)
        except (PipelineError, SandboxError, ValueError, OSError) as error:
            status, missing[cell.name] = status or 3, f"{type(error).__name__}: {error}"
        else:
            with lock:
                rows[cell.name] = row
                _write([rows[c.name] for c in cells if c.name in rows], missing, bench.out)
        click.echo(visible(f"{cell.name}: {missing.get(cell.name) or _in_words(rows[cell.name])}"))

    try:
        with ThreadPoolExecutor(jobs) as executor:
            try:
                list(executor.map(attempt, cells))
            except KeyboardInterrupt:
                stop.set()
                raise
    except KeyboardInterrupt:
        status = 130
    done = [rows[cell.name] for cell in cells if cell.name in rows]
    _write(done, missing, bench.out)
    if done:
        try:
            plots.draw(done, bench.out)
        except ImportError:
            click.echo("The plots are left out: they need matplotlib (pip install 'paper2code[plots]').")
    click.echo(f"{len(done)} of {len(cells)} cells are in {bench.out / 'tables.md'}.")
    return status


def _write(rows: Sequence[Row], missing: dict[str, str], out: Path) -> None:
    told = {"rows": [asdict(row) for row in rows], "missing": missing}
    (out / "rows.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    (out / "rows.csv").write_text(tables.comma_separated(rows))
    text = tables.markdown(rows) if rows else "# Methods compared\n\nNothing is measured yet.\n"
    if missing:
        lines = [f"- {name}: {visible(' '.join(why.split()))}" for name, why in sorted(missing.items())]
        text += "\n## Not measured\n\n" + "\n".join(lines) + "\n"
    (out / "tables.md").write_text(text)


def _cells(
    papers: Sequence[Listed], methods: Sequence[str], models: Sequence[str], samples: int
) -> list[Cell]:
    made = itertools.product(papers, dict.fromkeys(methods), dict.fromkeys(models), range(1, samples + 1))
    return [Cell(*each) for each in made] + [Cell(p, name, "", 1) for p in papers for name in p.written]


def _folders(written: Sequence[str]) -> dict[str, Path]:
    """Raises ValueError."""
    found = {}
    for each in written:
        name, equals, folder = each.partition("=")
        if not (name and equals and Path(folder).is_dir()):
            raise ValueError(f"--written takes NAME=DIR, and {each!r} is none")
        found[name] = Path(folder)
    return found


def _in_words(row: Row) -> str:
    scores = ", ".join(f"{score:.2f} of 5 ({judge})" for judge, score in row.scores.items())
    return f"{row.status}, {scores}"


if __name__ == "__main__":
    main()
