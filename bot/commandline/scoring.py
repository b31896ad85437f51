"""`score`: any repository judged, by one model or by several, on the scale from 1 to 5 or by a rubric."""

import dataclasses
import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from bot.commandline import composition
from bot.commandline.boundary import Errand, Interrupt
from bot.commandline.local import unwritten
from bot.commandline.terminal import grades, judgement
from pipeline.markdown import visible
from pipeline.model.asking import Context, render
from pipeline.model.pictures import pictures
from pipeline.model.prices import window_of
from pipeline.model.session import Session
from pipeline.proving.judging import grading, runs, scale
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import Sources, collect
from pipeline.proving.rubric import Graded, Node, read, require_leaves
from pipeline.proving.scoring import Judgement
from pipeline.reading import arxiv
from pipeline.reading.paper import Paper
from sandbox.files import write_whole
from settings import Settings

T = TypeVar("T")
MOST_JUDGES = 3
"""Two, and one who settles what they disagree on."""


@dataclass(frozen=True)
class Question:
    """What is to be judged, and by what."""

    sources: Sources
    paper: Paper
    samples: int
    reference: Sources | None
    rubric: Node | None
    ran: runs.Ran


def score(
    directory: Path,
    paper: str,
    settings: Settings,
    errand: Errand,
    *,
    judges: Sequence[str],
    samples: int,
    reference: Path | None,
    rubric: Path | None,
    execution: Path | None,
    json_file: Path | None,
    estimate: bool,
) -> None:
    """Say, and write down, how good the repository in `directory` is. Raises UsageError and what judges raise."""
    if rubric and reference:
        raise click.UsageError("--rubric and --reference are two ways to judge: choose one")
    if execution and not rubric:
        raise click.UsageError("--execution is for what a --rubric asks of results")
    if len(judges) > MOST_JUDGES:
        raise click.UsageError("more than three judges: two judge, and a third settles what they disagree on")
    tree = _parsed(read, rubric) if rubric else None
    ran = _parsed(runs.ran, execution) if execution else runs.NOT_RUN
    if tree:
        try:
            require_leaves(tree, bool(ran.text))
        except ValueError as error:
            raise click.UsageError(f"{rubric} cannot be used: {error}") from error
    benches = [_bench(settings, model) for model in judges or (None,)]
    for bench in (
        () if estimate else benches
    ):  # a service that does not answer ends it before anything is fetched
        composition.warn(bench)
    with unwritten(directory, *([reference] if reference else [])):
        theirs, authors = collect(directory), collect(reference) if reference else None
    found = arxiv.read(paper, composition.arxiv(settings))
    question = Question(theirs, found, samples, authors, tree, ran)
    if estimate:
        click.echo("\n".join(dict.fromkeys(f"{_expected(question, bench)}." for bench in benches)))
        return
    if rubric and not execution and (directory / runs.LOG).is_file():
        log = visible(f"{directory / runs.LOG}")
        click.echo(
            f"Not read: {log}, which whoever wrote the code may have written; see --execution.", err=True
        )
    key = sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    errand.directory = settings.data_dir / "scores" / key
    given = _judged(question, benches, errand.directory)
    if json_file:
        told = dataclasses.asdict(given) | {
            "paper": question.paper.title,
            "arxiv_id": question.paper.arxiv_id,
        }
        write_whole(json_file, json.dumps(told, ensure_ascii=False, indent=1) + "\n", 0o666)
    if isinstance(given, Graded):
        grades(Console(), given)
    else:
        judgement(Console(), given)


def _bench(settings: Settings, model: str | None) -> Settings:
    """The settings of one judge."""
    return composition.judging(settings.model_copy(update={"judge_model": model}) if model else settings)


def _judged(question: Question, benches: Sequence[Settings], kept: Path) -> Judgement | Graded:
    """What the judges hold; each has a journal of its own, and what the others have left of the cap."""
    interrupt = Interrupt(click.echo, lambda: None)
    paper = question.paper
    context = Context(render("judging"), pictures=pictures(paper)).extended("paper", paper.text())
    with interrupt.watch():
        sessions: list[Session] = []

        def session(number: int) -> Session:
            bench = benches[number]
            if bench.max_usd is not None:
                left = max(bench.max_usd - sum(each.spent for each in sessions), 0.0)
                bench = bench.model_copy(update={"max_usd": left})
            folder = kept / f"judge-{number + 1}" if number else kept
            sessions.append(composition.llm(bench, folder, resume=True, cancelled=interrupt.asked))
            return sessions[-1]

        def window(number: int) -> int | None:
            return window_of(composition.models(benches[number])[1], benches[number].prices)

        def graded(number: int, root: Node) -> Callable[[Collection[str] | None], Graded]:
            def asked(only: Collection[str] | None) -> Graded:
                with session(number) as llm:
                    return grading.grade(
                        root,
                        question.sources,
                        context,
                        llm,
                        samples=question.samples,
                        ran=question.ran,
                        concurrency=benches[number].concurrency,
                        window=window(number),
                        only=only,
                        observe=lambda done, total: _say(number, len(benches), done, total),
                    )

            return asked

        def judged(number: int) -> Callable[[], Judgement]:
            def asked() -> Judgement:
                with session(number) as llm:
                    return scale.judge(
                        question.sources, context, llm, question.samples, question.reference, window(number)
                    )

            return asked

        numbers = range(len(benches))
        if root := question.rubric:
            return grading.settled([graded(number, root) for number in numbers], root)
        return scale.settled([judged(number) for number in numbers])


def _say(judge: int, judges: int, done: int, total: int) -> None:
    who = f"Judge {judge + 1}: " if judges > 1 else ""
    click.echo(f"{who}{done} of {total} questions answered", err=True)


def _expected(question: Question, bench: Settings) -> str:
    """What one judge may cost, the one who settles as if everything were in dispute."""
    if nothing := Reach(question.sources).nothing():
        return f"No model would be asked. {nothing.removesuffix('.')}"
    model = composition.models(bench)[1]
    window, paper = window_of(model, bench.prices), composition.shown(question.paper)
    if question.rubric:
        calls, code = grading.questions(
            question.rubric, question.sources, question.ran, question.samples, window, paper
        )
    else:
        code = scale.code(question.sources, question.reference, window, paper)
        calls = question.samples
    return composition.expected_of_judge(bench, question.paper, code, calls)


def _parsed(parse: Callable[[Path], T], file: Path) -> T:
    try:
        return parse(file)
    except ValueError as error:
        raise click.UsageError(f"{file} cannot be used: {error}") from error
