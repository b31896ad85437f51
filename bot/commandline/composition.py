"""What the settings say, made: the sandbox, the model, arXiv, and what the bot fulfils jobs with.

Decides nothing else. As in `app.py`, libraries are imported where they are used.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from bot.intake.jobs import Job
    from bot.jobs.database import Journals
    from bot.jobs.watch import Watch
    from bot.work.proposing import Propose
    from bot.work.revising import Inquire, Revise
    from bot.work.tools import Toolbox, Tools
    from bot.work.worker import Reproducer
    from pipeline.model.division import Division, Part
    from pipeline.model.offered import Service
    from pipeline.model.session import Session, Terms
    from pipeline.reading.arxiv import Arxiv
    from pipeline.reading.paper import Paper
    from sandbox.interface import Sandbox
    from sandbox.report import Limits
    from settings import Settings


@dataclass(frozen=True)
class Makers:
    """What does the work of jobs."""

    make: "Reproducer"
    revise: "Revise"
    propose: "Propose"
    inquire: "Inquire"


AN_HOUR = (5.0, 20.0, *(60.0,) * 60)
"""Seconds between attempts at a service."""


def makers(
    settings: "Settings",
    sandbox: "Sandbox | None",
    journals: "Journals | None" = None,
    waits: Sequence[float] = (),
) -> Makers:
    """The real ones; `journals` for jobs that another machine may go on with, `waits` as in `toolbox`."""
    from bot.work.proposing import proposer
    from bot.work.revising import inquirer, reviser
    from bot.work.worker import reproducer

    tools = toolbox(settings, sandbox, journals, waits)
    return Makers(
        reproducer(tools, settings),
        reviser(tools, settings),
        proposer(tools, settings),
        inquirer(tools, settings),
    )


def arxiv(settings: "Settings") -> "Arxiv":
    """The client, with its cache."""
    from pipeline.reading.arxiv import Arxiv

    return Arxiv(settings.arxiv_url, settings.arxiv_api_url, settings.data_dir / "arxiv")


def begin(settings: "Settings", who: str) -> None:
    """Start the log of a process that stays, with what somebody needs to know who reads it later.

    Its data folder, which holds what people's papers have cost, is its user's alone from then on.
    """
    import logging
    import platform
    from importlib.metadata import version

    from bot.jobs import logs
    from bot.jobs.database import private

    logs.start(settings.log, settings.log_level, settings.redact)
    writer, judge = models(settings)
    told = (
        f"paper2code {version('paper2code')}, Python {platform.python_version()}",
        f"database {database(settings)}",
        f"data in {settings.data_dir}",
        f"sandbox {settings.sandbox or 'docker'}",
        f"model {writer}" + ("" if judge == writer else f", judge {judge}"),
    )
    log = logging.getLogger("paper2code")
    log.info("%s starts: %s", who, "; ".join(told))
    try:
        private(settings.data_dir)
    except OSError as error:
        log.warning("Others may look into %s: %s", settings.data_dir, error.strerror)


def database(settings: "Settings") -> str:
    """Which one it is, without who may enter."""
    if settings.database_url is None:
        return "SQLite, in the data folder"
    address = urlsplit(settings.database_url)
    return f"{address.scheme} at {address.hostname or ''}{f':{address.port}' if address.port else ''}{address.path}"


def packages(settings: "Settings") -> Path:
    """Where what generated code needs is kept."""
    return settings.data_dir / "packages"


def sandbox(settings: "Settings") -> "Sandbox | None":
    """The one that is asked for, else the best of this machine; None for `none`. Raises SandboxError."""
    return None if settings.sandbox == "none" else chosen(settings, settings.sandbox)


def chosen(settings: "Settings", name: str | None) -> "Sandbox":
    """`docker` or `local`; None: the best of this machine. Raises SandboxError."""
    from sandbox.choice import choose

    return choose(
        name,
        image=settings.sandbox_image,
        runtime=settings.sandbox_runtime,
        gpus=settings.sandbox_gpus,
    )


def limits(settings: "Settings") -> "Limits":
    """Of a run on this machine."""
    from sandbox.report import Limits

    return Limits(settings.sandbox_timeout, settings.sandbox_memory * 2**20, settings.sandbox_cpus)


def lent(settings: "Settings", data: Path | None = None) -> "tuple[tuple[str, Path], ...]":
    """Data for a longer run on this machine: a folder that holds one for each set, and those that are lent by name."""
    return (("", data.resolve()),) if data else tuple(settings.datasets.items())


def models(settings: "Settings") -> tuple[str, str]:
    """Who writes, and who audits, judges and writes tests."""
    from pipeline.model.defaults import default_model

    only = not (settings.openai_api_key or settings.openai_base_url) and bool(settings.anthropic_api_key)
    writer = settings.model or default_model(settings.provider, only_anthropic=only)
    return writer, settings.judge_model or writer


def terms(settings: "Settings") -> "Terms":
    """On which the models are asked."""
    from pipeline.model.session import Terms

    writer, judge = models(settings)
    return Terms(
        writer,
        judge,
        settings.provider,
        settings.openai_api_key,
        settings.openai_base_url,
        settings.anthropic_api_key,
        settings.anthropic_base_url,
        settings.max_usd,
        settings.prices,
    )


def judging(settings: "Settings") -> "Settings":
    """The same, where nobody writes: the judge alone needs a key and a price."""
    return settings.model_copy(update={"model": models(settings)[1]})


def service(settings: "Settings", model: str) -> "Service":
    """Where a model is asked."""
    from pipeline.model.defaults import provider_of
    from pipeline.model.offered import Service

    if (settings.provider or provider_of(model)) == "anthropic":
        return Service("anthropic", settings.anthropic_api_key, settings.anthropic_base_url)
    return Service("openai", settings.openai_api_key, settings.openai_base_url)


def concerns(settings: "Settings") -> list[str]:
    """What a person has to know before the first question; each service is asked once for its models.

    Raises ModelUnavailable where the first question would be of no use.
    """
    from pipeline.model.offered import ask
    from pipeline.model.session import require

    asked = terms(settings)
    require(asked)
    services = {model: service(settings, model) for model in asked.models}
    offers = {service: ask(service) for service in dict.fromkeys(services.values())}
    return [said for model in asked.models if (said := offers[services[model]].concern(model))]


def warn(settings: "Settings") -> None:
    """Say at the terminal what `concerns` finds, and raise what it does."""
    for said in concerns(settings):
        click.echo(f"Warning: {said}.", err=True)


def expected(settings: "Settings", paper: "Paper") -> str:
    """What a reproduction of the paper may cost, without its full stop. Raises ContextOverflow where it cannot be."""
    from bot.words import amounts
    from pipeline.model.estimate import require_room, run
    from pipeline.model.prices import window_of

    asked = terms(settings)
    for model in dict.fromkeys((asked.model, asked.judge)):
        require_room(shown(paper), model, window_of(model, settings.prices))
    writer, judge = asked.price_of(asked.model), asked.price_of(asked.judge)
    return amounts.expected(run(shown(paper), writer, judge), (asked.model, asked.judge))


def divided(
    settings: "Settings", paper: "Paper", session: "Session", unwanted: "Collection[Part]" = ()
) -> "Division":
    """What of a reproduction the cap pays for, without what is `unwanted`; the session keeps to it from now on."""
    from pipeline.model.division import UNDIVIDED

    found = division(settings, paper, unwanted)
    if found is not UNDIVIDED:
        session.divide(found)
    return found


def division(settings: "Settings", paper: "Paper", unwanted: "Collection[Part]" = ()) -> "Division":
    """What of a reproduction the cap pays for, without what is `unwanted`."""
    from pipeline.model.division import UNDIVIDED, divided
    from pipeline.model.estimate import parts

    asked = terms(settings)
    writer, judge = asked.price_of(asked.model), asked.price_of(asked.judge)
    if asked.max_usd is None or writer is None or judge is None:
        return UNDIVIDED
    return divided(asked.max_usd, parts(shown(paper), writer, judge) | dict.fromkeys(unwanted, 0.0))


def cap_told(settings: "Settings", paper: "Paper", unwanted: "Collection[Part]" = ()) -> str:
    """What the cap on the cost leaves out, or that there is none, in a sentence."""
    from bot.words.amounts import money
    from pipeline.model.division import UNDIVIDED

    if settings.max_usd is None:
        return "No cap is set (--max-usd): nothing is left out, and no price ends the run."
    found = division(settings, paper, unwanted)
    cap = f"Cap of {money(settings.max_usd)}"
    if found is UNDIVIDED:
        return f"{cap}: it is not divided, since the price of a model is not known."
    return (
        f"{cap}: {found.told[:1].lower()}{found.told[1:]}"
        if found.told
        else f"{cap}: nothing is left out for it."
    )


def expected_of_judge(settings: "Settings", paper: "Paper", code: int, calls: int) -> str:
    """The same of a judge that is asked `calls` times about `code` tokens."""
    from bot.words import amounts
    from pipeline.model.estimate import judging

    asked = terms(settings)
    return amounts.expected(judging(shown(paper), code, calls, asked.price_of(asked.judge)), [asked.judge])


def shown(paper: "Paper") -> int:
    """Tokens of a paper as every prompt has it."""
    from pipeline.model.window import whole

    return len(whole(paper)) // 4


def llm(
    settings: "Settings",
    out: Path,
    *,
    resume: bool,
    cancelled: Callable[[], bool],
    replay: Path | None = None,
    keep: Callable[[str], None] | None = None,
) -> "Session":
    """The model of one run, with its journal in `out`; the rest as in `open_llm`, and raises what it does."""
    from pipeline.model.session import open_llm

    return open_llm(
        terms(settings),
        reasoning_effort=settings.reasoning_effort,
        journal=out / "journal.jsonl",
        resume=resume,
        replay=replay,
        cancelled=cancelled,
        keep=keep,
    )


def guarded_sandbox(settings: "Settings") -> "Sandbox | None":
    """The bot's. Strangers choose the papers: nothing weaker than Docker is a default."""
    if settings.sandbox == "local":
        click.echo("Warning: strangers choose what runs in the local sandbox; Docker is safer.", err=True)
    return sandbox(settings.model_copy(update={"sandbox": settings.sandbox or "docker"}))


def toolbox(
    settings: "Settings",
    sandbox: "Sandbox | None",
    journals: "Journals | None",
    waits: Sequence[float] = (),
) -> "Toolbox":
    """What the bot makes jobs with, each within its own cap.

    A model service at whose address nobody answers is asked again after each of `waits` seconds.
    """
    from bot.jobs.patience import insist
    from bot.words.amounts import call as in_words
    from bot.work.tools import Tools, granted
    from pipeline.errors import Cancelled, ModelUnreachable

    def known(own: "Settings", watch: "Watch") -> list[str]:
        if watch.cancelled():
            raise Cancelled("somebody asked to stop")
        try:
            return concerns(own)
        except ModelUnreachable as error:
            if waits:
                watch.say(f"{error} It is asked again every minute, for an hour at most.")
            raise

    @contextlib.contextmanager
    def open_tools(job: "Job", out: Path, watch: "Watch") -> "Iterator[Tools]":
        wish = job.configuration
        cap = min(wish.max_usd, settings.max_usd or wish.max_usd)
        own = settings.model_copy(
            update={
                "model": wish.model or settings.model,
                "judge_model": wish.judge_model or settings.judge_model,
                "max_usd": cap,
            }
        )
        keep = journals.open(out / "journal.jsonl") if journals else None
        told = tuple(f"{said}." for said in insist(lambda: known(own, watch), waits, ModelUnreachable))
        told += granted(wish.run, settings)[1]

        def called(line: str) -> None:
            if keep:
                keep(line)
            watch.called(in_words(line))

        with llm(own, out, resume=True, cancelled=watch.cancelled, keep=called) as session:
            yield Tools(
                arxiv(settings),
                session,
                sandbox,
                told,
                lambda paper: f"{expected(own, paper)}.",
                lambda paper, unwanted: divided(own, paper, session, unwanted),
            )

    return open_tools
