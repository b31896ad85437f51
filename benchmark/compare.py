"""Two repositories of one paper, compared by somebody who does not know who wrote them.

python -m benchmark.compare A B --paper PAPER --judge-model M [--samples N] [--json FILE]
python -m benchmark.compare A B --paper PAPER --sheet FILE

A model is asked in both orders and gives reasons; what it prefers in one order only is undecided. With --sheet nobody
is asked: FILE is a page for a person, the same as that of `paper2code rate-sheet`. Either way what could name an author
is left out or replaced, and that is said. Answers are kept beside, in --keep: the same question is not paid for twice.
"""

import dataclasses
import json
from pathlib import Path

import click

from benchmark.asking import EXISTING_FOLDER, FILE, FOLDER, Service, asking, paper_of
from pipeline.markdown import visible
from pipeline.model.asking import render
from pipeline.model.window import within_window
from pipeline.proving.blind.comparing import Comparison, compare
from pipeline.proving.blind.neutral import neutral
from pipeline.proving.blind.sheet import lay_out, sheet
from pipeline.reading.paper import Paper


@click.command(help=__doc__)
@click.argument("a", type=EXISTING_FOLDER)
@click.argument("b", type=EXISTING_FOLDER)
@click.option("--paper", required=True, help="What both implement: an arXiv reference or a path.")
@click.option("--judge-model", help="Who compares.")
@click.option("--sheet", "page", metavar="FILE", type=FILE, help="A page for a person, in place of a model.")
@click.option("--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="In each order.")
@click.option("--max-usd", type=click.FloatRange(0, min_open=True))
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write all of it there.")
@click.option("--keep", metavar="DIR", type=FOLDER, default="out/compare", show_default=True)
@asking
def main(
    a: Path,
    b: Path,
    paper: str,
    judge_model: str | None,
    page: Path | None,
    samples: int,
    max_usd: float | None,
    json_file: Path | None,
    keep: Path,
    service: Service,
) -> None:
    """Compare, and say what came of it."""
    if bool(page) == bool(judge_model):
        raise click.UsageError("choose one: --judge-model M asks a model, --sheet FILE is for a person")
    read = paper_of(paper)
    if page:
        key = lay_out(sheet(read.title, [a, b]), page)
        click.echo(f"{page} is for whoever compares; {key} says which is which, and is not.")
        return
    with service.open(judge_model or "", keep / "journal.jsonl", max_usd=max_usd) as llm:
        given = within_window(
            read,
            lambda name, text: text,
            lambda context: compare(neutral(a), neutral(b), context, llm, samples),
            rules=render("comparing"),
        )
    if json_file:
        json_file.write_text(json.dumps(_told(given, a, b, read), ensure_ascii=False, indent=1) + "\n")
    click.echo(visible(_in_words(given, a, b)))


def _told(given: Comparison, a: Path, b: Path, paper: Paper) -> dict[str, object]:
    return dataclasses.asdict(given) | {"A": str(a.resolve()), "B": str(b.resolve()), "paper": paper.title}


def _in_words(given: Comparison, a: Path, b: Path) -> str:
    named = {"A": f"A ({a})", "B": f"B ({b})", "undecided": "neither"}
    lines = [f"Preferred: {named[given.preferred]}"]
    if given.unasked:
        lines.append(f"Nobody was asked. {given.unasked}")
    else:
        lines[0] += f", {given.confidence:.0f} % sure"
        price = "unknown cost" if given.usd is None else f"${given.usd:.2f}"
        lines.append(
            f"{given.model}, {len(given.votes)} answers, {price}; "
            f"both orders agree in {100 * (given.consistent or 0):.0f} % of the pairs"
        )
    for vote in given.votes:
        lines.append(f"\n{vote.order[0]} first: {vote.preferred}, {vote.confidence} %")
        lines += [f"  for {side}: {text}" for side, text in vote.reasons]
        if vote.loser_has:
            lines.append(f"  the other should keep: {vote.loser_has}")
    lines += ["", *(f"{side}: {said}" for side, said in given.changes)]
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    main()
