"""A run on this machine: its folder, its display, and the pull request as GitHub would get it. No GitHub needed."""

import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from git import Actor, Repo
from rich.console import Console

from bot.commandline import composition
from bot.commandline.boundary import Errand, Interrupt, explain
from bot.commandline.terminal import Display, result
from bot.github.branch import publish
from bot.words import pull_request
from pipeline import paths
from pipeline.coding.repository import MAX_BYTES, MAX_FILES, Repository
from pipeline.errors import Cancelled
from pipeline.locks import holder, lock, sign
from pipeline.markdown import visible
from pipeline.model.journal import Recording
from pipeline.planning.plan import Method
from pipeline.planning.replaying import objection
from pipeline.progress import Progress
from pipeline.proving.documents import EXECUTION, estimate_sentence
from pipeline.proving.report import execution_report
from pipeline.reading.arxiv import named, read
from pipeline.reading.paper import Paper
from pipeline.reproduce import Options, Reproduction
from pipeline.reproduce import reproduce as make
from pipeline.running.fixing import Attempt, error_signature
from pipeline.running.longer import Afterwards, Estimate
from pipeline.untrusted import of_json
from sandbox.contents import contents
from sandbox.report import ExecutionReport
from settings import Settings

_LOCK = ".lock"
OURS = ("journal.jsonl", "paper.md", _LOCK)
"""A folder that holds one of these was made by a run."""


def reproduce(
    source: str,
    settings: Settings,
    errand: Errand,
    *,
    out: Path | None,
    resume: bool,
    replay: Path | None,
    then: Callable[[Reproduction, Path], None] = lambda made, out: None,
    **options: Any,
) -> Reproduction:
    """The main job with its display: read, reproduce, say what came of it; `then` while the folder is still ours."""
    named(source)  # a slip in its name is told before anybody is asked for a key
    if replay is None:
        composition.warn(settings)
    sandbox = composition.sandbox(settings)
    console = Console()
    with ExitStack() as ours, Display(console, max_usd=settings.max_usd) as display:
        display(Progress("paper", "started", source, usd=0.0))
        paper = read(source, composition.arxiv(settings))
        if replay:
            _refuse_other_recording(replay, paper, options.get("method", "full"))
        out = out or Path(_name(paper))
        ours.enter_context(_made(out, resume))
        errand.directory = out
        display(Progress("paper", "finished", paper.title, usd=0.0))
        where = f"the code runs in the {sandbox.name} sandbox" if sandbox else "the code is not run"
        display.note(f"Everything goes to {out}; {where}.")
        if replay is None and options.get("method", "full") == "full":
            display.note(f"{composition.expected(settings, paper)}.")
        if wish := options.get("wish"):
            display.note(f"You asked for: “{wish}”.")
        interrupt = Interrupt(display.note, lambda: _leave(display, errand))

        def observe(event: Progress) -> None:
            display(event)
            if interrupt.asked():
                raise Cancelled("Interrupted.")

        with (
            interrupt.watch(),
            composition.llm(settings, out, resume=resume, replay=replay, cancelled=interrupt.asked) as llm,
        ):
            asked = Options(
                packages=composition.packages(settings),
                concurrency=settings.concurrency,
                limits=composition.limits(settings),
                **options,
            )
            if replay is None and asked.method == "full":
                division = composition.divided(settings, paper, llm, asked.unwanted)
                asked = replace(asked, division=division)
                if division.told:
                    display.note(division.told)
            made = make(
                paper,
                llm=llm,
                sandbox=sandbox,
                out=out,
                options=asked.answered_by(Recording(replay)) if replay else asked,
                observe=observe,
                cancelled=interrupt.asked,
            )
        display.close()
        result(console, made.report, out, display.seconds, recorded=replay is not None)
        then(made, out)
    return made


def open_locally(made: Reproduction, out: Path) -> None:
    """The pull request as GitHub would get it: a branch of a bare repository, and its text beside it."""
    remote, branch, directory = out / "origin.git", f"paper2code/{made.slug}", f"papers/{made.slug}"
    _begin(remote)
    sha = publish(str(remote), "main", branch, made.commits, directory, "paper2code <paper2code@localhost>")
    body = pull_request.body(made, directory, "", None, files="repository")
    where = f"Links lead to `repository/` beside this file, which is `{directory}` of the branch."
    text = out / "pull-request.md"
    paths.write(text, f"# {pull_request.title(made)}\n\n{body}\n\n{where}\n")
    click.echo(visible(f"  Pull request  {text}\n  Branch        {branch} of {remote}, {sha[:10]}"))
    click.echo(visible(f"  See it with   git -C {remote} log --stat main..{branch}"))


def _begin(remote: Path) -> None:
    """A bare repository with one commit, in the place of an earlier demo's: a new one is a new pull request.

    Nothing of what is there stays, nor is a link followed: git runs the hooks of a repository on this machine.
    """
    with suppress(FileNotFoundError):
        if remote.is_symlink():
            remote.unlink()
        else:
            shutil.rmtree(remote)
    with Repo.init(remote, bare=True, initial_branch="main") as repository:
        maker = Actor("paper2code", "paper2code@localhost")
        repository.index.commit("Begin", author=maker, committer=maker)


def report_on(directory: Path, execution: ExecutionReport, minutes: float = 10) -> dict[str, Any]:
    """The report on a directory, in the shape of every other one: no paper, no method, no model."""
    held, allowed, size = contents(directory), dict[str, str](), 0
    for path in held.python:
        size += held.files[path]
        if not paths.refusal(path) and size <= MAX_BYTES and len(allowed) < MAX_FILES:
            allowed[path] = (directory / path).read_text(errors="replace").replace("\0", "")
    repository = Repository(allowed)
    failure = execution.failure
    attempt = Attempt(1, execution.outcome, error_signature(failure, repository) if failure else None)
    longer = execution if execution.mode != "smoke" else None
    return execution_report(
        mode=execution.mode,
        execution=execution,
        after=Afterwards(Estimate(), longer, execution.mode, minutes),
        attempts=[attempt],
        repository=repository,
        seconds={"total": execution.seconds},
    )


def known_estimate(out: Path | None) -> str:
    """What all experiments of an earlier run in `out` would take, as its report says; empty where nothing is known."""
    try:
        return estimate_sentence(of_json((out / "repository" / EXECUTION).read_text())) if out else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def refuse_foreign(out: Path) -> None:
    """Raises UsageError where `out` holds what no run has made."""
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in OURS):
        raise click.UsageError(f"{out} holds files that paper2code did not make; choose another --out")


@contextmanager
def unwritten(*directories: Path) -> Iterator[None]:
    """Within the block no run writes into these: half of one state and half of the next is nobody's repository.

    Raises UsageError where one does.
    """
    with ExitStack() as ours:
        for folder in dict.fromkeys(
            f for each in directories for f in (each.resolve(), each.resolve().parent)
        ):
            try:
                held = os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue  # no run's folder
            ours.callback(os.close, held)
            if not lock(held, folder, shared=True):
                raise click.UsageError(f"a run ({holder(held)}) is writing {folder}: wait for it, or stop it")
        yield


def _leave(display: Display, errand: Errand) -> None:
    display.close()
    explain(KeyboardInterrupt(), errand)


def _refuse_other_recording(replay: Path, paper: Paper, method: Method) -> None:
    if why := objection(Recording(replay), paper, method):
        raise click.UsageError(f"{replay} cannot answer: {why}")


@contextmanager
def _made(out: Path, resume: bool) -> Iterator[None]:
    """The run's folder, which nobody else writes within the block."""
    try:
        refuse_foreign(out)
        out.mkdir(parents=True, exist_ok=True)
        held = os.open(out / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise click.UsageError(f"{out} cannot be made: {error.strerror}") from error
    try:
        if not lock(held, out):
            read = lock(held, out, shared=True)
            who = (
                f"somebody executes or judges {out}"
                if read
                else f"another run is writing {out} ({holder(held)})"
            )
            raise click.UsageError(f"{who}: wait for it, stop it, or give another --out")
        sign(held)
        _refuse_nested(out.resolve())
        if not resume:
            _keep_earlier(out / "repository")
        yield
    finally:
        os.close(held)


def _refuse_nested(out: Path) -> None:
    """Raises UsageError where another run's folder lies around `out`, or in the way of its repository.

    Each run replaces the whole of its repository, with what another one has paid for in it. Each has locked its own
    folder before it looks, so of two that begin at once one sees the other.
    """
    for folder in out.parents:
        if _is_of_a_run(folder):
            raise click.UsageError(f"{out} lies in {folder}, the folder of another run; choose another --out")
    if _is_of_a_run(out / "repository"):
        raise click.UsageError(f"{out / 'repository'} is the folder of another run; choose another --out")


def _is_of_a_run(folder: Path) -> bool:
    """Whether a run was made in it, or has begun to be."""
    try:
        held = os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Others call a file so as well, and leave it open to all; it takes more than its name.
        return (folder / "journal.jsonl").exists() or not lock(held, folder, shared=True)
    finally:
        os.close(held)


def _keep_earlier(repository: Path) -> None:
    """A repository that an earlier run made may have been edited since: it is set aside, as its journal is."""
    if repository.exists():
        kept = next(
            path for n in itertools.count(1) if not (path := repository.with_name(f"repository.{n}")).exists()
        )
        repository.rename(kept)
        click.echo(visible(f"The repository of an earlier run is kept as {kept}."), err=True)


def _name(paper: Paper) -> str:
    """What a run's folder is called by default: the arXiv id, else the first words of the title."""
    words = re.findall(r"[a-z0-9]+", paper.title.lower())
    return (paper.arxiv_id or "-".join(words[:6]) or "paper").replace("/", "-")
