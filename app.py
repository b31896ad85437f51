"""The composition root: `create_app()` for WSGI servers, `main()` for the command line.

Puts the rooms together; decides nothing about papers, models, sandboxes or GitHub.
"""

# Commands import what they need when they run: `paper2code --help` must not wait for the PDF reader, the
# model client, Docker's and GitHub's libraries, which take seconds together.
import contextlib
import dataclasses
import itertools
import json
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.boundary import Boundary, Errand, Interrupt, explain
from pipeline.errors import Cancelled
from pipeline.progress import Progress

if TYPE_CHECKING:
    from flask import Flask

    from bot.database import Journals
    from bot.jobs import Job
    from bot.terminal import Display
    from bot.tools import Toolbox
    from pipeline.arxiv import Arxiv
    from pipeline.model.session import Session
    from pipeline.paper import Paper
    from pipeline.plan import Method
    from pipeline.reproduce import Reproduction
    from sandbox.interface import Sandbox
    from sandbox.report import ExecutionReport, Limits
    from settings import Settings

METHODS = ("full", "one-shot", "plan", "plan+arch", "plan+arch+logic", "plan+arch+logic+config", "iterative")
REFINABLE = ("overview", "requirements", "architecture", "config", "logic", "analysis", "code")
FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OURS = ("journal.jsonl", "paper.md")
"""A folder that holds one of these was made by a run."""


def create_app() -> "Flask":
    """The web process, for WSGI servers: `gunicorn 'app:create_app()'`. Raises SettingsError.

    Where no GitHub App is configured it sets one up, and serves nothing else until then.
    """
    from bot import setup, webhook

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
@click.option("--sandbox", type=click.Choice(("docker", "local", "none")), help="Where the code runs.")
@click.option(
    "--max-fixes", type=click.IntRange(0), default=8, show_default=True, help="Repairs before giving up."
)
@click.option(
    "--max-steps", type=click.IntRange(1), default=60, show_default=True, help="Of the method iterative."
)
@click.option("--max-usd", type=click.FloatRange(0, min_open=True), help="Cap on the cost, in US dollars.")
@click.option("--model", help="Name of the model, as the endpoint knows it.")
@click.option("--concurrency", type=click.IntRange(1, 64), help="Model calls at the same time.")
@click.option("--resume", is_flag=True, help="Go on with what DIR holds; nothing is paid for twice.")
@click.option("--replay", type=EXISTING_FILE, help="Answers from a journal instead of a model.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    paper: str,
    out: Path | None,
    method: str,
    refine: tuple[str, ...],
    max_fixes: int,
    max_steps: int,
    resume: bool,
    replay: Path | None,
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
    ctx.obj.resumable = True
    if out and not resume:
        _refuse_foreign(out)
    reproduction = _reproduce(
        paper,
        _settings(**overrides),
        ctx.obj,
        out=out,
        resume=resume,
        replay=replay,
        method=method,
        refine=refine,
        max_fixes=max_fixes,
        max_steps=max_steps,
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
    recording = next(Path(__file__).parent.glob("examples/*/recording.jsonl"), None)
    if recording is None:
        raise click.UsageError("the example paper is not here: the demo runs from a checkout of paper2code")
    _refuse_foreign(out)
    paper = recording.with_name("paper.pdf")
    made = _reproduce(str(paper), _settings(), ctx.obj, out=out, resume=True, replay=recording)
    _open_locally(made, out)
    ctx.exit(0 if made.status == "runs" else 1)


@main.command()
@click.argument("paper")
@click.option("--json", "as_json", is_flag=True, help="Every section, block and anchor, instead of Markdown.")
def paper(paper: str, as_json: bool) -> None:
    """Print a paper as the pipeline reads it."""
    from pipeline.arxiv import read
    from pipeline.markdown import visible

    found = read(paper, _arxiv(_settings()))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=1, default=str))
    else:
        click.echo(visible(found.text()))


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

    from bot.terminal import execution
    from sandbox.execution import execute as run_directory

    settings = _settings()
    sandbox = _sandbox(settings)
    if sandbox is None:
        raise click.UsageError("PAPER2CODE_SANDBOX is none: there is nothing to run it in")
    click.echo(f"Running {directory} in the {sandbox.name} sandbox, {mode} mode.")
    report = run_directory(
        directory,
        sandbox,
        cache=_packages(settings),
        mode=mode,
        limits=_limits(settings),
        observe=lambda phase: click.echo(f"  {phase} …"),
    )
    if json_file:
        json_file.write_text(json.dumps(_report(directory, report), ensure_ascii=False, indent=1) + "\n")
    execution(Console(), report)
    ctx.exit(0 if report.ok else 1)


@main.command()
@click.argument("directory", metavar="DIR", type=EXISTING_FOLDER)
@click.option("--paper", required=True, help="What it implements: an arXiv reference or a path.")
@click.option("--reference", metavar="DIR", type=EXISTING_FOLDER, help="The authors' code, to compare with.")
@click.option(
    "--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="Opinions to average."
)
@click.option("--json", "json_file", metavar="FILE", type=FILE, help="Write the judgement there.")
@click.pass_context
def score(
    ctx: click.Context,
    directory: Path,
    paper: str,
    reference: Path | None,
    samples: int,
    json_file: Path | None,
) -> None:
    """Judge how faithfully a repository implements a paper.

    From 1 to 5, whoever wrote DIR. A program looks first and drops critiques of code that is not there. The
    same question is not paid for twice.
    """
    from rich.console import Console

    from bot.terminal import judgement
    from pipeline.arxiv import read
    from pipeline.asking import Context, render
    from pipeline.repository import RefusedPath
    from pipeline.scoring import collect, judge, with_code

    settings = _settings()
    try:
        repository, theirs = collect(directory), collect(reference) if reference else None
    except RefusedPath as error:
        raise click.UsageError(f"too much to judge at once: {error}") from error
    found = read(paper, _arxiv(settings))
    context = with_code(Context(render("system")).extended("paper", found.text()), repository)
    ctx.obj.directory = kept = (
        settings.data_dir / "scores" / sha256(f"{directory.resolve()}".encode()).hexdigest()[:16]
    )
    interrupt = Interrupt(click.echo, lambda: None)
    with interrupt.watch(), _llm(settings, kept, resume=True, cancelled=interrupt.asked) as llm:
        given = judge(repository, context, llm, samples, theirs)
    if json_file:
        told = dataclasses.asdict(given) | {"paper": found.title, "arxiv_id": found.arxiv_id}
        json_file.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    judgement(Console(), given)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(host: str, port: int) -> None:
    """Take GitHub's webhooks, for development.

    In production: gunicorn 'app:create_app()'.
    """
    create_app().run(host, port)


@main.command()
def work() -> None:
    """Fulfil the jobs that webhooks have stored."""
    from bot.database import Journals, connect
    from bot.engine import database_url
    from bot.engine import work as fulfil_jobs
    from bot.review import judging
    from bot.revising import reviser
    from bot.worker import reproducer
    from sandbox.docker import DockerSandbox

    # How service managers stop a process; what runs is stopped and given back as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    settings = _settings()
    settings.require("github_app_id", "github_app_private_key")
    sandbox = _guarded_sandbox(settings)
    journals = Journals(connect(database_url(settings)))
    chores: list[Callable[[], object]] = [lambda: journals.forget(settings.journal_days)]
    if isinstance(sandbox, DockerSandbox):
        chores.append(sandbox.reap)
    toolbox = _toolbox(settings, sandbox, journals)
    make, judge, revise = reproducer(toolbox, settings), judging(toolbox), reviser(toolbox, settings)
    fulfil_jobs(settings, make, threading.Event(), *chores, judge=judge, revise=revise)


@main.command()
@click.pass_context
def action(ctx: click.Context) -> None:
    """Answer the event of a GitHub workflow run."""
    from bot.action import act
    from bot.review import judging
    from bot.revising import reviser
    from bot.worker import reproducer

    settings = _settings()
    settings.require("github_token")
    toolbox = _toolbox(settings, _guarded_sandbox(settings))
    make, judge, revise = reproducer(toolbox, settings), judging(toolbox), reviser(toolbox, settings)
    ctx.exit(act(settings, make, judge, revise))


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what is configured, reachable or missing."""
    from rich.console import Console

    from bot.doctor import examine
    from bot.terminal import examination

    found = examine(_settings())
    examination(Console(), found)
    ctx.exit(1 if any(check.state == "bad" for check in found) else 0)


def _settings(**overrides: Any) -> "Settings":
    """The environment's settings, with those of the command line in their place."""
    from settings import load, unknown_variables

    for sentence in unknown_variables():
        click.echo(f"Warning: {sentence}", err=True)
    return load().model_copy(update={name: value for name, value in overrides.items() if value is not None})


def _arxiv(settings: "Settings") -> "Arxiv":
    from pipeline.arxiv import Arxiv

    return Arxiv(settings.arxiv_url, settings.arxiv_api_url, settings.data_dir / "arxiv")


def _packages(settings: "Settings") -> Path:
    return settings.data_dir / "packages"


def _sandbox(settings: "Settings") -> "Sandbox | None":
    from sandbox.choice import choose

    if settings.sandbox == "none":
        return None
    return choose(
        settings.sandbox,
        image=settings.sandbox_image,
        runtime=settings.sandbox_runtime,
        gpus=settings.sandbox_gpus,
    )


def _limits(settings: "Settings") -> "Limits":
    from sandbox.report import Limits

    return Limits(settings.sandbox_timeout, settings.sandbox_memory * 2**20, settings.sandbox_cpus)


def _llm(
    settings: "Settings",
    out: Path,
    *,
    resume: bool,
    cancelled: Callable[[], bool],
    replay: Path | None = None,
    keep: Callable[[str], None] | None = None,
) -> "Session":
    from pipeline.model.session import open_llm

    return open_llm(
        model=settings.model,
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        reasoning_effort=settings.reasoning_effort,
        max_usd=settings.max_usd,
        journal=out / "journal.jsonl",
        resume=resume,
        replay=replay,
        prices=settings.prices,
        cancelled=cancelled,
        keep=keep,
    )


def _guarded_sandbox(settings: "Settings") -> "Sandbox | None":
    """The bot's. Strangers choose the papers: nothing weaker than Docker is a default."""
    if settings.sandbox == "local":
        click.echo("Warning: strangers choose what runs in the local sandbox; Docker is safer.", err=True)
    return _sandbox(settings.model_copy(update={"sandbox": settings.sandbox or "docker"}))


def _toolbox(
    settings: "Settings", sandbox: "Sandbox | None", journals: "Journals | None" = None
) -> "Toolbox":
    """What the bot makes jobs with; `journals` for jobs that another machine may go on with."""
    from bot.tools import Tools

    @contextlib.contextmanager
    def open_tools(job: "Job", out: Path, cancelled: Callable[[], bool]) -> "Iterator[Tools]":
        wish = job.configuration
        cap = min(wish.max_usd, settings.max_usd or wish.max_usd)
        own = settings.model_copy(update={"model": wish.model or settings.model, "max_usd": cap})
        keep = journals.open(out / "journal.jsonl") if journals else None
        with _llm(own, out, resume=True, cancelled=cancelled, keep=keep) as llm:
            yield Tools(_arxiv(settings), llm, sandbox)

    return open_tools


def _report(directory: Path, execution: "ExecutionReport") -> dict[str, Any]:
    """The report on a directory, in the shape of every other one: no paper, no method, no model."""
    from pipeline.fixing import Attempt, error_signature
    from pipeline.report import execution_report
    from pipeline.repository import Repository, refusal

    paths = [(path, path.relative_to(directory).as_posix()) for path in sorted(directory.rglob("*.py"))]
    allowed = {name: path.read_text(errors="replace") for path, name in paths if not refusal(name)}
    repository = Repository(allowed)
    failure = execution.failure
    last = failure or execution.phases[-1]
    attempt = Attempt(1, last, error_signature(failure, repository) if failure else None)
    return execution_report(
        mode=execution.mode,
        execution=execution,
        attempts=[attempt],
        repository=repository,
        seconds={"total": execution.seconds},
    )


def _reproduce(
    source: str,
    settings: "Settings",
    errand: Errand,
    *,
    out: Path | None,
    resume: bool,
    replay: Path | None,
    **options: Any,
) -> "Reproduction":
    """The main job with its display: read, reproduce, say what came of it."""
    from rich.console import Console

    from bot.terminal import Display, result
    from pipeline.arxiv import read
    from pipeline.model.session import require
    from pipeline.reproduce import Options, reproduce

    if replay is None:
        require(
            model=settings.model,
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            max_usd=settings.max_usd,
            prices=settings.prices,
        )
    sandbox = _sandbox(settings)
    console = Console()
    with Display(console, max_usd=settings.max_usd) as display:
        display(Progress("paper", "started", source, usd=0.0))
        paper = read(source, _arxiv(settings))
        if replay:
            _refuse_other_recording(replay, paper, options.get("method", "full"))
        errand.directory = out = _made(out or Path(_name(paper)), resume)
        display(Progress("paper", "finished", paper.title, usd=0.0))
        where = f"the code runs in the {sandbox.name} sandbox" if sandbox else "the code is not run"
        display.note(f"Everything goes to {out}; {where}.")
        interrupt = Interrupt(display.note, lambda: _leave(display, errand))

        def observe(event: Progress) -> None:
            display(event)
            if interrupt.asked():
                raise Cancelled("Interrupted.")

        with (
            interrupt.watch(),
            _llm(settings, out, resume=resume, replay=replay, cancelled=interrupt.asked) as llm,
        ):
            made = reproduce(
                paper,
                llm=llm,
                sandbox=sandbox,
                out=out,
                options=Options(
                    packages=_packages(settings),
                    concurrency=settings.concurrency,
                    limits=_limits(settings),
                    **options,
                ),
                observe=observe,
                cancelled=interrupt.asked,
            )
    result(console, made.report, out, display.seconds, recorded=replay is not None)
    return made


def _open_locally(made: "Reproduction", out: Path) -> None:
    """The pull request as GitHub would get it: a branch of a bare repository, and its text beside it."""
    from git import Actor, Repo

    from bot import messages
    from bot.branch import publish

    remote, branch, directory = out / "origin.git", f"paper2code/{made.slug}", f"papers/{made.slug}"
    shutil.rmtree(remote, ignore_errors=True)  # of an earlier demo: a new one is a new pull request
    with Repo.init(remote, bare=True, initial_branch="main") as repository:
        maker = Actor("paper2code", "paper2code@localhost")
        repository.index.commit("Begin", author=maker, committer=maker)
    sha = publish(str(remote), "main", branch, made.commits, directory, "paper2code <paper2code@localhost>")
    body = messages.pull_request(made, directory, "", None)
    text = out / "pull-request.md"
    text.write_text(f"# {messages.title(made)}\n\n{body}\n")
    click.echo(f"  Pull request  {text}\n  Branch        {branch} of {remote}, {sha[:10]}")
    click.echo(f"  See it with   git -C {remote} log --stat main..{branch}")


def _leave(display: "Display", errand: Errand) -> None:
    display.close()
    explain(KeyboardInterrupt(), errand)


def _refuse_foreign(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in OURS):
        raise click.UsageError(f"{out} holds files that paper2code did not make; choose another --out")


def _refuse_other_recording(replay: Path, paper: "Paper", method: "Method") -> None:
    from pipeline.model.journal import Recording
    from pipeline.replaying import objection

    if why := objection(Recording(replay), paper, method):
        raise click.UsageError(f"{replay} cannot answer: {why}")


def _made(out: Path, resume: bool) -> Path:
    try:
        if not resume:
            _refuse_foreign(out)
            _keep_earlier(out / "repository")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{out} cannot be made: {error.strerror}") from error
    return out


def _keep_earlier(repository: Path) -> None:
    """A repository that an earlier run made may have been edited since: it is set aside, as its journal is."""
    if repository.exists():
        kept = next(
            path for n in itertools.count(1) if not (path := repository.with_name(f"repository.{n}")).exists()
        )
        repository.rename(kept)
        click.echo(f"The repository of an earlier run is kept as {kept}.", err=True)


def _name(paper: "Paper") -> str:
    """What a run's folder is called by default: the arXiv id, else the first words of the title."""
    words = re.findall(r"[a-z0-9]+", paper.title.lower())
    return (paper.arxiv_id or "-".join(words[:6]) or "paper").replace("/", "-")
