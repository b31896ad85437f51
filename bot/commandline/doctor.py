"""What is configured, reachable and missing on this machine, and how to mend it.

Looks only: nothing is configured, and no secret is shown. (Docker's base image is made if it is not there.)
"""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal
from urllib.parse import urlsplit

import httpx
import uv

from bot.commandline import composition
from bot.github.credentials import EVENTS, AppCredentials, GitHubError
from bot.jobs.engine import SQLITE_MEND, sqlite_lacks
from pipeline.errors import ModelUnavailable
from pipeline.headers import moment
from pipeline.model.offered import VARIABLES, Offer, Service, ask, reason
from pipeline.model.prices import line_for, price_of
from sandbox.interface import SandboxError
from settings import Settings, unknown_variables

SECONDS = 10.0
"""Patience with each service."""
OFF_SECONDS = 30.0
"""That a clock may be off, the way of an answer included."""
OLDEST_POSTGRESQL = 13
"""Of which all that is asked is known to be answered."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "off", "warn", "bad"]
    """`off`: not there, and not needed to run a paper on this machine; `warn`: it may not do."""
    detail: str
    mend: str = ""
    """What to do; empty where nothing is to be done."""


def examine(settings: Settings) -> list[Check]:
    """All checks, made side by side, in reading order."""
    checks: tuple[Callable[[Settings], Iterator[Check]], ...] = (
        _programs,
        _sandboxes,
        _data_dir,
        _models,
        _arxiv,
        _github_app,
        _database,
        _variables,
    )
    with ThreadPoolExecutor(len(checks)) as pool:
        return [check for found in pool.map(lambda look: list(look(settings)), checks) for check in found]


def _programs(settings: Settings) -> Iterator[Check]:
    yield Check("paper2code", "ok", version("paper2code"))
    yield Check("Python", "ok", f"{platform.python_version()}, {sys.executable}")
    if path := shutil.which("git"):
        yield Check("git", "ok", path)
    else:
        yield Check("git", "bad", "not on PATH", "Install git, for example: apt-get install git")
    try:
        yield Check("uv", "ok", uv.find_uv_bin())
    except FileNotFoundError:
        yield Check("uv", "bad", "its program is missing", "Install paper2code again: it brings uv.")


def _sandboxes(settings: Settings) -> Iterator[Check]:
    usable = []
    for name in ("docker", "local"):
        try:
            host = composition.chosen(settings, name).platform()
        except SandboxError as error:
            yield Check(f"Sandbox {name}", "bad" if settings.sandbox == name else "off", str(error))
        else:
            usable.append(name)
            yield Check(f"Sandbox {name}", "ok", f"Python {host.python}, {host.image}")
    if not usable:
        yield Check(
            "Sandbox",
            "bad",
            "neither can be used, so no repository can be run",
            "Start a Docker daemon that this user may talk to (scripts/docker-up does it on Debian).",
        )


def _data_dir(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir
    # It is made at first use: until then its nearest existing parent decides.
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        mend = "Set PAPER2CODE_DATA_DIR to a folder of yours."
        yield Check("Data folder", "bad", f"{folder} cannot be written", mend)
    else:
        free = shutil.disk_usage(existing).free / 2**30
        yield Check(
            "Data folder",
            "ok" if free >= 1 else "bad",
            f"{folder}, {free:.0f} GiB free",
            "" if free >= 1 else "Make room, or set PAPER2CODE_DATA_DIR to a larger disk.",
        )


def _models(settings: Settings) -> Iterator[Check]:
    """Each service that a model is asked at, and each model."""
    writer, judge = composition.models(settings)
    roles = {writer: "Model"} if writer == judge else {writer: "Model", judge: "Judge"}
    offers: dict[Service, Offer | None] = {}
    for model, role in roles.items():
        service = composition.service(settings, model)
        if service not in offers:
            yield from _key(service)
            try:
                offers[service] = ask(service)
            except ModelUnavailable as error:
                offers[service] = None
                yield Check("Model endpoint", "bad", str(error).rstrip("."), error.hint)
        if offer := offers[service]:
            yield _offered(role, model, offer)
        if price_of(model, settings.prices, settings.openai_base_url) is None:
            capped = settings.max_usd is not None
            detail = f"of {model} is not known, so " + (
                "the cap cannot be kept" if capped else "no cap could be kept"
            )
            mend = f"Set PAPER2CODE_PRICES to a TOML file with the line {line_for(model)}."
            yield Check("Price", "bad" if capped else "warn", detail, mend)


def _key(service: Service) -> Iterator[Check]:
    variable = VARIABLES[service.provider]
    if service.key:
        yield Check("Model key", "ok", f"{variable}_API_KEY is set")
    elif service.base_url:
        detail = f"{variable}_API_KEY is not set; servers of one's own often ask for none"
        yield Check("Model key", "off", detail)
    else:
        mend = f"Set {variable}_API_KEY, or {variable}_BASE_URL to a server that asks for none."
        yield Check("Model key", "bad", f"{variable}_API_KEY is not set", mend)


def _offered(role: str, model: str, offer: Offer) -> Check:
    variable = "PAPER2CODE_MODEL" if role == "Model" else "PAPER2CODE_JUDGE_MODEL"
    if said := offer.concern(model):
        end = offer.ends(model)
        ended = end is not None and end <= datetime.now(UTC).date()
        address = f"{VARIABLES[offer.service.provider]}_BASE_URL"
        mend = f"Set {variable} to one that it offers, or {address} to another service."
        return Check(role, "bad" if ended else "warn", said, mend)
    # Not every compatible endpoint lists its models: that it answers is what can be said.
    return Check(
        role, "ok", f"{model}, at {offer.endpoint}" + (f", which {offer.said}" if offer.said else "")
    )


def _arxiv(settings: Settings) -> Iterator[Check]:
    dates = list[str]()
    for url in (settings.arxiv_url, settings.arxiv_api_url):
        try:
            dates.append(httpx.get(f"{url}/robots.txt", timeout=SECONDS).headers.get("date", ""))
        except httpx.HTTPError as error:
            mend = "Check the network, PAPER2CODE_ARXIV_URL and PAPER2CODE_ARXIV_API_URL; files work without."
            yield Check("arXiv", "bad", f"{url}: {reason(error)}", mend)
            return
    yield Check("arXiv", "ok", f"{settings.arxiv_url}, {settings.arxiv_api_url}")
    yield from _clock(dates[0])


def _clock(date: str) -> Iterator[Check]:
    """This machine's, against the date of an answer that has just come."""
    theirs = moment(date)
    if theirs is None:
        return
    off = abs((datetime.now(UTC) - theirs).total_seconds())
    if off > OFF_SECONDS:
        mend = "Set it, for example by systemd-timesyncd: GitHub refuses an App whose clock is a minute off."
        yield Check("Clock", "bad", f"{off:.0f} s off", mend)
    else:
        yield Check("Clock", "ok", "right within half a minute")


def _github_app(settings: Settings) -> Iterator[Check]:
    present = {
        "GITHUB_APP_ID": settings.github_app_id,
        "GITHUB_APP_PRIVATE_KEY": settings.github_app_private_key,
        "GITHUB_WEBHOOK_SECRET": settings.github_webhook_secret,
    }
    missing = [name for name, value in present.items() if value is None]
    if not missing:
        yield Check("GitHub App", "ok", f"number {settings.github_app_id}, {settings.github_server_url}")
        yield from _at_github(settings)
    elif len(missing) == len(present):
        yield Check(
            "GitHub App", "off", "not configured; serve makes one on /setup, see docs/self-hosting.md"
        )
    else:
        yield Check("GitHub App", "bad", f"{', '.join(missing)} not set", "See docs/self-hosting.md.")


def _at_github(settings: Settings) -> Iterator[Check]:
    """What GitHub itself knows of the App."""
    key = settings.github_app_private_key
    if settings.github_app_id is None or key is None:
        return
    app = AppCredentials(settings.github_app_id, key.get_secret_value())
    try:
        standing = app.standing(settings.github_api_url, EVENTS)
    except GitHubError as error:
        detail = f"{settings.github_api_url}: {settings.redact(str(error))}"
        yield Check("App at GitHub", "warn", detail, "Check GITHUB_APP_ID, the private key and the network.")
        return
    if standing.lacking:
        mend = "Add them on the App's page under Permissions; each installation is then asked to accept them."
        yield Check("App permissions", "bad", f"lacking: {', '.join(standing.lacking)}", mend)
    if standing.unheard:
        mend = "Subscribe to them on the App's page under Permissions & events."
        yield Check("App events", "bad", f"not heard of: {', '.join(standing.unheard)}", mend)
    if not standing.installations:
        mend = f"Install it: {settings.github_server_url}/apps/{standing.slug}/installations/new"
        yield Check("App installations", "warn", f"{standing.slug} is installed nowhere", mend)
    elif not standing.lacking and not standing.unheard:
        places = f"{standing.installations} installation{'' if standing.installations == 1 else 's'}"
        yield Check("App at GitHub", "ok", f"{standing.slug}, all permissions and events, {places}")
    told = f"{standing.delivered} of the last {standing.delivered + standing.undelivered} deliveries arrived"
    if standing.delivered + standing.undelivered == 0:
        yield Check("Webhook", "off", "GitHub has delivered nothing yet")
    elif 200 <= standing.answered < 300:
        yield Check("Webhook", "ok", told)
    else:
        reason = (
            f"the latest was answered {standing.answered}"
            if standing.answered
            else "the latest got no answer"
        )
        mend = "See the App's page under Advanced → Recent deliveries; 401 is a different webhook secret."
        yield Check("Webhook", "bad", f"{told}; {reason}", mend)


def _database(settings: Settings) -> Iterator[Check]:
    url = settings.database_url
    where = composition.database(settings)
    if url is None or not urlsplit(url).scheme.startswith("postgres"):
        lacks = sqlite_lacks()
        # Commands that store no jobs do not need it.
        yield Check("Database", "warn" if lacks else "ok", lacks or f"{where}, {sqlite3.sqlite_version}")
        if lacks:
            yield Check("", "off", "serve and work will not start", SQLITE_MEND)
        return
    import psycopg

    from bot.jobs.database import ENCODING_MEND, unfit

    try:
        with psycopg.connect(url, connect_timeout=int(SECONDS)) as connection:
            version = connection.info.server_version // 10000
            encoding = connection.info.parameter_status("server_encoding") or ""
    except psycopg.Error as error:
        detail = f"{where}: {settings.redact(str(error))}"
        yield Check("Database", "bad", detail, "Check PAPER2CODE_DATABASE_URL.")
        return
    if why := unfit(encoding):
        yield Check("Database", "bad", f"{where}, PostgreSQL {version}: {why}", ENCODING_MEND)
        return
    old = version < OLDEST_POSTGRESQL
    mend = f"It is tested with PostgreSQL {OLDEST_POSTGRESQL} and newer." if old else ""
    yield Check("Database", "warn" if old else "ok", f"{where}, PostgreSQL {version}", mend)


def _variables(settings: Settings) -> Iterator[Check]:
    for sentence in unknown_variables():
        yield Check("Environment", "bad", sentence, "Correct its name, or unset it.")
