"""The composition root: `create_app()` for WSGI servers, `main()` for the command line.

Puts the rooms together; decides nothing about papers, models, sandboxes or GitHub.
"""

# Commands import what they need when they run: `paper2code --help` must not wait for the PDF reader, the
# model client, Docker's and GitHub's libraries, which take seconds together.
import dataclasses
import json
import signal
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.commandline import composition
from bot.commandline.boundary import Boundary, Interrupt

if TYPE_CHECKING:
    from flask import Flask

    from settings import Settings

T = TypeVar("T")
METHODS = ("full", "one-shot", "plan", "plan+arch", "plan+arch+logic", "plan+arch+logic+config", "iterative")
REFINABLE = ("overview", "requirements", "architecture", "config", "logic", "analysis", "code")
FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def create_app() -> "Flask":
    """The web process, for WSGI servers: `gunicorn 'app:create_app()'`. Raises SettingsError.

    Where no GitHub App is configured it sets one up, and serves nothing else until then.
    """
    from bot.web import setup, webhook

    settings = _settings()
    if not any((settings.github_app_id, settings.github_app_private_key, settings.github_webhook_secret)):
        return setup.create_app(settings)
    settings.require("github_webhook_secret")
    return webhook.create_app(settings)


@click.group(cls=Boundary, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paper2code")
def main() -> None:
    """From an arXiv paper to a repository that has been run, and an honest report."""


@main.command()
@click.argument("paper")
@click.option("--out", metavar="DIR", type=FOLDER, help="Where everything goes. Default: ./ID or ./TITLE.")
@click.option(
    "--method", type=click.Choice(METHODS), default="full", show_default=True, help="How; see above."
)
@click.option(
    "--refine", type=click.Choice(REFINABLE), multiple=True, help="Verify and refine a stage; repeatable."
)
@click.option(
    "--scope", metavar="TEXT", default="", help='What, and how: "only Table 2, in JAX". Default: all.'
)
@click.option("--sandbox", type=click.Choice(("docker", "local", "none")), help="Where the code runs.")
@click.option(
    "--max-fixes", type=click.IntRange(0), default=8, show_default=True, help="Repairs before giving up."
)
@click.option(
    "--max-steps", type=click.IntRange(1), default=60, show_default=True, help="Of the method iterative."
)
@click.option("--max-usd", type=click.FloatRange(0, min_open=True), help="Cap on the cost, in US dollars.")
@click.option("--model", help="Name of the model that writes, as the endpoint knows it.")
@click.option(
    "--judge-model", help="Name of the model that audits, judges and writes tests. Default: the same."
)
@click.option(
    "--judge", type=click.IntRange(0, 5), default=1, show_default=True, help="Opinions on the whole; 0: none."
)
@click.option("--concurrency", type=click.IntRange(1, 64), help="Model calls at the same time.")
@click.option("--resume", is_flag=True, help="Go on with what DIR holds; nothing is paid for twice.")
@click.option("--replay", type=EXISTING_FILE, help="Answers from a journal instead of a model.")
@click.option(
    "--tests/--no-tests",
    default=True,
    show_default=True,
    help="Tests from the paper, by a call that sees no code.",
)
@click.option("--estimate", is_flag=True, help="Only say what it may cost; no model is asked.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    paper: str,
    out: Path | None,
    method: str,
    refine: tuple[str, ...],
    scope: str,
    max_fixes: int,
    max_steps: int,
    judge: int,
    resume: bool,
    replay: Path | None,
    tests: bool,
    estimate: bool,
    **overrides: Any,
) -> None:
    """Implement a paper on this machine, and run it.

    PAPER is an arXiv reference (1706.03762, arxiv:…, a link) or a path: .pdf, .tex, an e-print archive
    (.tar.gz, .gz, .zip) or a folder of LaTeX.

    \b
    Methods, all with the same runs, report and budget:
      full                    requirements, architecture, logic design, configuration and an analysis
                              of each file; then the files, one by one; then an audit
      one-shot                no plan: the repository is one answer
      plan                    requirements first, then one answer
      plan+arch               the same, with files, classes and calls designed
      plan+arch+logic         the same, with each file's logic; files are written one by one
      plan+arch+logic+config  the same, with every number of config.yaml sourced; no analyses
      iterative               no plan: an agent writes, runs and edits, step by step
    """
    from bot.commandline.local import refuse_foreign, reproduce
    from pipeline.reading.arxiv import read

    settings = _settings(**overrides)
    if estimate:
        if method != "full":
            raise click.UsageError(
                "there are recorded runs of the method full only, so no others are estimated"
            )
        click.echo(f"{composition.expected(settings, read(paper, composition.arxiv(settings)))}.")
        return
    ctx.obj.resumable = True
    if out and not resume:
        refuse_foreign(out)
    reproduction = reproduce(
        paper,
        settings,
        ctx.obj,
        out=out,
        resume=resume,
        replay=replay,
        tests=tests,
        method=method,
        refine=refine,
        wish=scope.strip(),
        max_fixes=max_fixes,
        max_steps=max_steps,
        judge=judge,
    )
    ctx.exit(0 if reproduction.status == "runs" else 1)


@main.command()
@click.option("--out", metavar="DIR", type=FOLDER, default="out/demo", show_default=True)
@click.pass_context
def demo(ctx: click.Context, out: Path) -> None:
    """Show it all on an example, with recorded answers.

    Implements the example paper, up to the pull request. Needs no key, no model and no GitHub: the pull
    request is a branch of a bare repository in DIR, with its text as a file beside it.
    """
    from bot.commandline.local import open_locally, refuse_foreign, reproduce

    recording = next(Path(__file__).parent.glob("examples/*/recording.jsonl"), None)
    if recording is None:
        raise click.UsageError("the example paper is not here: the demo runs from a checkout of paper2code")
    refuse_foreign(out)
    paper = recording.with_name("paper.pdf")
    made = reproduce(
        str(paper), _settings(), ctx.obj, out=out, resume=True, replay=recording, then=open_locally
    )
    ctx.exit(0 if made.status == "runs" else 1)


@main.command()
@click.argument("paper")
@click.option(
    "--json", "as_json", is_flag=True, help="Every section, block, anchor and cell, instead of Markdown."
)
def paper(paper: str, as_json: bool) -> None:
    """Print a paper as the pipeline reads it, and on the error stream what could not be read."""
    from pipeline.markdown import visible
    from pipeline.reading import figures
    from pipeline.reading.arxiv import read

    found = read(paper, composition.arxiv(_settings()))
    if as_json:
        told = dataclasses.asdict(dataclasses.replace(found, figures=())) | {
            "figures": figures.told(found),
            "tables": [dataclasses.asdict(table) for table in found.tables],
            "inventory": dataclasses.asdict(found.inventory()),
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=1, default=str))
        return
    click.echo(visible(found.text()))
    for note in found.notes:
        click.echo(visible(note), err=True)


@main.command()
@click.argument("directory", metavar="DIR", type=EXISTING_FOLDER)
@click.option("--mode", type=click.Choice(("smoke", "full")), default="smoke", show_default=True)
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write the report there.")
@click.pass_context
def execute(ctx: click.Context, directory: Path, mode: Any, json_file: Path | None) -> None:
    """Run a repository in the sandbox, without a model.

    What a reviewer uses to check a pull request: DIR is a folder with main.py as the pipeline writes it.
    """
    from rich.console import Console

    from bot.commandline.local import report_on
    from bot.commandline.terminal import execution
    from sandbox.execution import execute as run_directory

    settings = _settings()
    sandbox = composition.sandbox(settings)
    if sandbox is None:
        raise click.UsageError("PAPER2CODE_SANDBOX is none: there is nothing to run it in")
    click.echo(f"Running {directory} in the {sandbox.name} sandbox, {mode} mode.")
    report = run_directory(
        directory,
        sandbox,
        cache=composition.packages(settings),
        mode=mode,
        limits=composition.limits(settings),
        observe=lambda phase: click.echo(f"  {phase} …"),
    )
    if json_file:
        json_file.write_text(json.dumps(report_on(directory, report), ensure_ascii=False, indent=1) + "\n")
    execution(Console(), report)
    ctx.exit(0 if report.ok else 1)


@main.command()
@click.argument("directory", metavar="DIR", type=EXISTING_FOLDER)
@click.option("--paper", required=True, help="What it implements: an arXiv reference or a path.")
@click.option("--reference", metavar="DIR", type=EXISTING_FOLDER, help="The authors' code, to compare with.")
@click.option("--rubric", metavar="FILE", type=EXISTING_FILE, help="A tree of requirements, as PaperBench's.")
@click.option(
    "--execution",
    metavar="FILE",
    type=EXISTING_FILE,
    help="What `execute DIR --mode full --json FILE` wrote, for what a rubric asks of results.",
)
@click.option(
    "--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="Opinions to average."
)
@click.option(
    "--judge-model", help="Name of the model that judges. Default: as set, else the one that writes."
)
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write the judgement there.")
@click.option("--estimate", is_flag=True, help="Only say what it may cost; no model is asked.")
@click.pass_context
def score(
    ctx: click.Context,
    directory: Path,
    paper: str,
    reference: Path | None,
    rubric: Path | None,
    execution: Path | None,
    samples: int,
    judge_model: str | None,
    json_file: Path | None,
    estimate: bool,
) -> None:
    """Judge how faithfully a repository implements a paper.

    From 1 to 5, whoever wrote DIR. A program looks first and drops critiques of code that is not there. The
    same question is not paid for twice.

    With --rubric, the share of the rubric that is met, in percent. What it asks of runs and their results
    counts only with --execution; else it is left out.
    """
    from rich.console import Console

    from bot.commandline.terminal import grades, judgement
    from pipeline.coding.repository import RefusedPath
    from pipeline.model.asking import Context, render
    from pipeline.model.pictures import pictures
    from pipeline.proving import rubric as rubrics
    from pipeline.proving.scoring import collect, judge, with_code
    from pipeline.reading.arxiv import read

    if rubric and reference:
        raise click.UsageError("--rubric and --reference are two ways to judge: choose one")
    if execution and not rubric:
        raise click.UsageError("--execution is for what a --rubric asks of results")
    settings = composition.judging(_settings(judge_model=judge_model))
    try:
        repository, theirs = collect(directory), collect(reference) if reference else None
    except RefusedPath as error:
        raise click.UsageError(f"too much to judge at once: {error}") from error
    tree = _parsed(rubrics.read, rubric) if rubric else None
    shown = _parsed(rubrics.full_run, execution) if execution else ""
    if estimate:
        code = sum(len(text) for each in (repository, theirs) if each for text in each.files.values()) // 4
        calls = samples * (rubrics.batches(tree, shown) if tree else 1)
        found = read(paper, composition.arxiv(settings))
        click.echo(f"{composition.expected_of_judge(settings, found, code, calls)}.")
        return
    composition.warn(settings)
    found = read(paper, composition.arxiv(settings))
    context = Context(render("system"), pictures=pictures(found)).extended("paper", found.text())
    ctx.obj.directory = kept = (
        settings.data_dir / "scores" / sha256(f"{directory.resolve()}".encode()).hexdigest()[:16]
    )
    interrupt = Interrupt(click.echo, lambda: None)
    with interrupt.watch(), composition.llm(settings, kept, resume=True, cancelled=interrupt.asked) as llm:
        given = (
            rubrics.grade(tree, repository, context, llm, samples, shown, settings.concurrency)
            if tree
            else judge(repository, with_code(context, repository), llm, samples, theirs)
        )
    if json_file:
        told = dataclasses.asdict(given) | {"paper": found.title, "arxiv_id": found.arxiv_id}
        json_file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    if isinstance(given, rubrics.Graded):
        grades(Console(), given)
    else:
        judgement(Console(), given)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(host: str, port: int) -> None:
    """Take GitHub's webhooks, for development.

    In production: gunicorn --config python:bot.web.serving 'app:create_app()'.
    """
    create_app().run(host, port)


@main.command()
def work() -> None:
    """Fulfil the jobs that webhooks have stored."""
    from bot.jobs.database import Journals, connect
    from bot.jobs.engine import database_url
    from bot.work.daemon import work as fulfil_jobs
    from pipeline.errors import ModelUnreachable
    from sandbox.docker import DockerSandbox

    # How service managers stop a process; what runs is stopped and given back as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = _settings()
    settings.require("github_app_id", "github_app_private_key")
    try:
        composition.warn(settings)
    except ModelUnreachable as error:
        click.echo(
            f"Warning: {error} {error.hint} Jobs are taken, and wait for it for an hour each.", err=True
        )
    sandbox = composition.guarded_sandbox(settings)
    journals = Journals(connect(database_url(settings)))
    chores: list[Callable[[], object]] = [lambda: journals.forget(settings.journal_days)]
    if isinstance(sandbox, DockerSandbox):
        chores.append(sandbox.reap)
    makers = composition.makers(settings, sandbox, journals, composition.AN_HOUR)
    fulfil_jobs(settings, makers.make, threading.Event(), *chores, revise=makers.revise)


@main.command()
@click.pass_context
def action(ctx: click.Context) -> None:
    """Answer the event of a GitHub workflow run."""
    from bot.work.action import act

    settings = _settings()
    settings.require("github_token")
    makers = composition.makers(settings, composition.guarded_sandbox(settings))
    ctx.exit(act(settings, makers.make, makers.revise))


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what is configured, reachable or missing."""
    from rich.console import Console

    from bot.commandline.doctor import examine
    from bot.commandline.terminal import examination

    found = examine(_settings())
    examination(Console(), found)
    ctx.exit(1 if any(check.state == "bad" for check in found) else 0)


def _settings(**overrides: Any) -> "Settings":
    """The environment's settings, with those of the command line in their place."""
    from settings import load, unknown_variables

    for sentence in unknown_variables():
        click.echo(f"Warning: {sentence}", err=True)
    return load().model_copy(update={name: value for name, value in overrides.items() if value is not None})


def _parsed(parse: Callable[[Path], T], file: Path) -> T:
    try:
        return parse(file)
    except ValueError as error:
        raise click.UsageError(f"{file} cannot be used: {error}") from error
