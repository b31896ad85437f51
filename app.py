"""The composition root: `create_app()` for WSGI servers, `main()` for the command line.

Puts the rooms together; decides nothing about papers, models, sandboxes or GitHub.
"""

# Commands import what they need when they run: `paper2code --help` must not wait for the PDF reader, the
# model client, Docker's and GitHub's libraries, which take seconds together. Their settings come first: libraries
# start programs when they are imported, and these would inherit the secrets.
import dataclasses
import json
import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.commandline import composition
from bot.commandline.boundary import Boundary, NewFile, named

if TYPE_CHECKING:
    from flask import Flask

    from settings import Settings

METHODS = ("full", "one-shot", "plan", "plan+arch", "plan+arch+logic", "plan+arch+logic+config", "iterative")
REFINABLE = ("overview", "requirements", "architecture", "config", "logic", "analysis", "code")
FOLDER = click.Path(file_okay=False, path_type=Path)
MODES = ("smoke", "scaled", "full")
CAP = "Cap on the cost, in US dollars. Default: PAPER2CODE_MAX_USD; without either there is none."
MINUTES = "Of a scaled or full run, at most."
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = NewFile()
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def create_app() -> "Flask":
    """The web process, for WSGI servers: `gunicorn 'app:create_app()'`. Raises SettingsError.

    Where no GitHub App is configured it sets one up, and serves nothing else until then.
    """
    settings = _settings()
    from bot.web import setup, webhook

    composition.begin(settings, "The web process")
    if _has_no_app(settings):
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
@click.option("--max-usd", type=click.FloatRange(0, min_open=True), help=CAP)
@click.option("--model", callback=named, help="Name of the model that writes, as the endpoint knows it.")
@click.option(
    "--judge-model",
    callback=named,
    help="Name of the model that audits, judges and writes tests. Default: the same.",
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
@click.option(
    "--results/--no-results",
    default=True,
    show_default=True,
    help="The paper's numbers, beside those of full and scaled runs.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="smoke",
    show_default=True,
    help="What is run once it runs on tiny data: no more, as much as fits, or all.",
)
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help=MINUTES
)
@click.option(
    "--data", metavar="DIR", type=EXISTING_FOLDER, help="With a folder for each data set; read-only."
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
    results: bool,
    mode: Any,
    minutes: float,
    data: Path | None,
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
    settings = _settings(**overrides)
    from bot.commandline.local import known_estimate, refuse_foreign, reproduce
    from pipeline.reading.arxiv import read
    from pipeline.reproduce import Options

    if estimate:
        if method != "full":
            raise click.UsageError(
                "there are recorded runs of the method full only, so no others are estimated"
            )
        found = read(paper, composition.arxiv(settings))
        click.echo(f"{composition.expected(settings, found)}.")
        wanted = Options(composition.packages(settings), tests=tests, results=results)
        click.echo(composition.cap_told(settings, found, wanted.unwanted))
        if known := known_estimate(out):
            click.echo(f"All experiments of {out}: {known}")
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
        results=results,
        method=method,
        refine=refine,
        wish=scope.strip(),
        max_fixes=max_fixes,
        max_steps=max_steps,
        judge=judge,
        mode=mode,
        minutes=_minutes(minutes, mode, settings),
        data=composition.lent(settings, data),
    )
    ctx.exit(0 if reproduction.status == "runs" else 1)


@main.command()
@click.option("--out", metavar="DIR", type=FOLDER, default="out/demo", show_default=True)
@click.option("--mode", type=click.Choice(MODES), default="smoke", show_default=True, help="As of run.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help=MINUTES
)
@click.pass_context
def demo(ctx: click.Context, out: Path, mode: Any, minutes: float) -> None:
    """Show it all on an example, with recorded answers.

    Implements the example paper, up to the pull request. Needs no key, no model and no GitHub: the pull
    request is a branch of a bare repository in DIR, with its text as a file beside it.
    """
    settings = _settings()
    from bot.commandline.local import open_locally, refuse_foreign, reproduce

    recording = next(Path(__file__).parent.glob("examples/*/recording.jsonl"), None)
    if recording is None:
        raise click.UsageError("the example paper is not here: install paper2code again, or from its wheel")
    refuse_foreign(out)
    paper = recording.with_name("paper.pdf")
    made = reproduce(
        str(paper),
        settings,
        ctx.obj,
        out=out,
        resume=True,
        replay=recording,
        then=open_locally,
        mode=mode,
        minutes=_minutes(minutes, mode, settings),
    )
    ctx.exit(0 if made.status == "runs" else 1)


@main.command()
@click.argument("paper")
@click.option(
    "--json", "as_json", is_flag=True, help="Every section, block, anchor and cell, instead of Markdown."
)
def paper(paper: str, as_json: bool) -> None:
    """Print a paper as the pipeline reads it.

    What could not be read stands on the error stream.
    """
    settings = _settings()
    from pipeline.markdown import visible
    from pipeline.reading import figures
    from pipeline.reading.arxiv import read

    found = read(paper, composition.arxiv(settings))
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
@click.option("--mode", type=click.Choice(MODES), default="smoke", show_default=True)
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help=MINUTES
)
@click.option(
    "--data", metavar="DIR", type=EXISTING_FOLDER, help="With a folder for each data set; read-only."
)
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write the report there.")
@click.pass_context
def execute(
    ctx: click.Context, directory: Path, mode: Any, minutes: float, data: Path | None, json_file: Path | None
) -> None:
    """Run a repository in the sandbox, without a model.

    What a reviewer uses to check a pull request: DIR is a folder with main.py as the pipeline writes it, or a
    submission of PaperBench's form, with reproduce.sh and no main.py: that is run as a whole, in mode full.
    """
    settings = _settings()
    from rich.console import Console

    from bot.commandline.local import report_on, unwritten
    from bot.commandline.terminal import execution
    from pipeline.markdown import visible
    from sandbox.contents import contents
    from sandbox.execution import execute as run_directory
    from sandbox.files import write_whole
    from sandbox.submission import is_submission

    sandbox = composition.sandbox(settings)
    if sandbox is None:
        raise click.UsageError("PAPER2CODE_SANDBOX is none: there is nothing to run it in")
    with unwritten(directory):
        mode = "full" if is_submission(contents(directory)) else mode
        minutes = _minutes(minutes, mode, settings)
        click.echo(visible(f"Running {directory} in the {sandbox.name} sandbox, {mode} mode."))
        report = run_directory(
            directory,
            sandbox,
            cache=composition.packages(settings),
            mode=mode,
            minutes=minutes,
            data=composition.lent(settings, data),
            limits=composition.limits(settings),
            observe=lambda phase: click.echo(f"  {phase} …"),
        )
        if json_file:
            told = json.dumps(report_on(directory, report, minutes), ensure_ascii=False, indent=1)
            write_whole(json_file, f"{told}\n", 0o666)
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
    help="For what a rubric asks of results: the report of `execute --mode full --json`, or a reproduce.log.",
)
@click.option(
    "--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="Opinions to average."
)
@click.option(
    "--judge-model",
    "judges",
    callback=named,
    multiple=True,
    help="Name of the model that judges; twice: two judge; a third settles what they disagree on.",
)
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write the judgement there.")
@click.option("--estimate", is_flag=True, help="Only say what it may cost; no model is asked.")
@click.pass_context
def score(ctx: click.Context, /, directory: Path, paper: str, **options: Any) -> None:
    """Judge how faithfully a repository implements a paper.

    From 1 to 5, whoever wrote DIR, in whatever language, of whatever size. A program looks first and drops
    critiques of code that is not there. The same question is not paid for twice.

    With --rubric, the share of the rubric that is met, in percent; what is claimed of code that is not there,
    that nothing calls or that does nothing does not count. What it asks of runs and their results counts only with
    --execution; else it is left out.
    """
    settings = _settings()
    from bot.commandline.scoring import score as judge

    judge(directory, paper, settings, ctx.obj, **options)


@main.command("rate-sheet")
@click.argument("directories", metavar="DIR…", nargs=-1, required=True, type=EXISTING_FOLDER)
@click.option("--paper", help="What they implement: an arXiv reference or a path. Shown beside the code.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default="rate-sheet.html",
    show_default=True,
)
def rate_sheet(directories: tuple[Path, ...], paper: str | None, out: Path) -> None:
    """Make a page to rank blinded repositories of one paper.

    One HTML file, for any browser, that sends nothing anywhere and saves the answers as JSON. What could name
    who wrote a repository is left out. Which letter is which stands in FILE's .key.json: keep that from whoever
    rates. `python -m benchmark.agreement` reads both.
    """
    settings = _settings()
    from bot.commandline.local import unwritten
    from pipeline.markdown import visible
    from pipeline.proving.blind.sheet import lay_out, sheet
    from pipeline.reading.arxiv import read

    found = read(paper, composition.arxiv(settings)) if paper else None
    try:
        with unwritten(*directories):
            made = sheet(found.title if found else "", directories, found.text() if found else "")
        key = lay_out(made, out)
    except ValueError as error:
        raise click.UsageError(visible(str(error))) from error
    except FileExistsError as error:
        raise click.UsageError(
            f"{error.filename} is there, the key of another page: move both away, or choose another --out"
        ) from error
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written: {error.strerror}") from error
    click.echo(visible(f"{out} is for those who rate; {key} says which is which, and is not."))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--processes",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="By gunicorn, in so many processes, as in production; 0: Flask's own server, for development.",
)
def serve(host: str, port: int, processes: int) -> None:
    """Take GitHub's webhooks."""
    if processes:
        from bot.jobs import logs
        from bot.web.serving import Server

        settings = _settings()
        logs.start(settings.log, settings.log_level, settings.redact)
        Server(create_app, host, port, processes).run()
    else:
        create_app().run(host, port)


@main.command()
def work() -> None:
    """Fulfil the jobs that webhooks have stored."""
    settings = _settings()
    from bot.jobs.database import Journals, connect
    from bot.jobs.engine import database_url
    from bot.work.daemon import work as fulfil_jobs
    from pipeline.errors import ModelUnreachable
    from sandbox.docker import DockerSandbox
    from settings import SettingsError

    # How service managers stop a process; what runs is stopped and given back as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if _has_no_app(settings):
        raise SettingsError(
            ("There is no GitHub App yet.",),
            "Open /setup of `paper2code serve`, which makes one, or set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY.",
        )
    settings.require("github_app_id", "github_app_private_key")
    composition.begin(settings, "The worker")
    log = logging.getLogger("paper2code")
    try:
        for said in composition.concerns(settings):
            log.warning("%s.", said)
    except ModelUnreachable as error:
        log.warning("%s %s Jobs are taken, and wait for it for an hour each.", error, error.hint)
    sandbox = composition.guarded_sandbox(settings)
    journals = Journals(connect(database_url(settings)))
    chores = [sandbox.reap] if isinstance(sandbox, DockerSandbox) else []
    makers = composition.makers(settings, sandbox, journals, composition.AN_HOUR)
    fulfil_jobs(
        settings,
        makers.make,
        threading.Event(),
        *chores,
        revise=makers.revise,
        propose=makers.propose,
        inquire=makers.inquire,
    )


@main.command()
@click.pass_context
def action(ctx: click.Context) -> None:
    """Answer the event of a GitHub workflow run."""
    settings = _settings()
    from bot.work.action import act

    settings.require("github_token")
    sandbox = None if settings.part == "deliver" else composition.guarded_sandbox(settings)
    makers = composition.makers(settings, sandbox)
    ctx.exit(act(settings, makers.make, makers.revise, makers.propose, makers.inquire))


@main.command()
@click.option("--settings", "listed", is_flag=True, help="Only list every setting, its value and its origin.")
@click.pass_context
def doctor(ctx: click.Context, listed: bool) -> None:
    """Say what is configured, reachable or missing."""
    settings = _settings()
    from rich.console import Console

    from bot.commandline.terminal import examination, listing

    if listed:
        from settings import told

        listing(Console(), told(settings))
        return
    from bot.commandline.doctor import examine

    found = examine(settings)
    examination(Console(), found)
    ctx.exit(1 if any(check.state == "bad" for check in found) else 0)


def _settings(**overrides: Any) -> "Settings":
    """The environment's settings, with those of the command line in their place."""
    from settings import load, unknown_variables

    for sentence in unknown_variables():
        click.echo(f"Warning: {sentence}", err=True)
    return load().model_copy(update={name: value for name, value in overrides.items() if value is not None})


def _has_no_app(settings: "Settings") -> bool:
    """Whether no part of a GitHub App is configured: then /setup makes one."""
    return not any((settings.github_app_id, settings.github_app_private_key, settings.github_webhook_secret))


def _minutes(minutes: float, mode: str, settings: "Settings") -> float:
    """At most what this machine's owner allows, which is said."""
    most = settings.max_minutes
    if mode == "smoke" or most is None or minutes <= most:
        return minutes
    click.echo(f"PAPER2CODE_MAX_MINUTES allows {most:g} minutes: the {mode} run gets no more.", err=True)
    return most
