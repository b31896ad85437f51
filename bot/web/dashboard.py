"""Web pages on jobs, and figures for Prometheus, behind a token. Reads the ledger, changes nothing.

Live by server-sent events that close at once and are reconnected: an open page holds none of the threads that
webhooks need. They end with the job.
"""

import time
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, get_args

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import SecretStr

from bot.commandline.terminal import TITLES
from bot.intake.jobs import Record, State
from bot.jobs.engine import Engine
from bot.jobs.quota import DAY
from bot.web.doors import guard
from bot.words.amounts import duration, money
from bot.words.rating import Agreement, agreement

_REFRESH_MILLISECONDS = 2000
_IDLE_MILLISECONDS = 15_000


def create_blueprint(token: SecretStr, engine: Engine, server_url: str) -> Blueprint:
    """`GET /`, `/jobs/<id>` and `/metrics`; `token` is the password (HTTP Basic, any user) or bearer token."""
    blueprint = Blueprint("dashboard", __name__, template_folder="templates", static_folder="static")
    blueprint.add_app_template_filter(duration)
    blueprint.add_app_template_filter(money)
    blueprint.add_app_template_filter(score)

    guard(blueprint, token.get_secret_value())

    def one(job: str) -> Record:
        return engine.record(job) or abort(404)

    def show(template: str, **values: Any) -> str:
        return render_template(
            template, titles=TITLES, seconds=_seconds, until=_until, server_url=server_url, **values
        )

    @blueprint.get("/")
    def jobs() -> ResponseReturnValue:
        return show("jobs.html", records=engine.latest())

    @blueprint.get("/events")
    def jobs_live() -> ResponseReturnValue:
        records = engine.latest()
        busy = any(record.active for record in records)
        return _event(
            show("_jobs.html", records=records), _REFRESH_MILLISECONDS if busy else _IDLE_MILLISECONDS
        )

    @blueprint.get("/jobs/<job>")
    def job(job: str) -> ResponseReturnValue:
        return show("job.html", record=one(job))

    @blueprint.get("/jobs/<job>/events")
    def job_live(job: str) -> ResponseReturnValue:
        record = one(job)
        return _event(show("_job.html", record=record), _REFRESH_MILLISECONDS, ended=not record.active)

    @blueprint.get("/ratings")
    def ratings() -> ResponseReturnValue:
        records = engine.rated()
        return show("ratings.html", records=records, agreed=agreement(records))

    @blueprint.get("/metrics")
    def metrics() -> ResponseReturnValue:
        text = _metrics(engine.recent(datetime.now(UTC) - DAY), engine.pending(), agreement(engine.rated()))
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    return blueprint


def _until(record: Record) -> float:
    """Up to when its stages last: now, or the last thing that is known to have happened."""
    return time.time() if record.active else record.board.last or 0


def _seconds(record: Record) -> float:
    """From the first stage's start to the last one's end; while one is under way, to now."""
    return record.board.seconds(time.time() if record.active and record.board.stage else None) or 0


def score(value: float) -> str:
    """With one decimal where it has one."""
    return f"{round(value, 1):g}"


def _event(html: str, milliseconds: int, ended: bool = False) -> Response:
    """A server-sent event with `html`, unless the page has just that; then the end, if nothing more comes."""
    mark = sha256(html.encode()).hexdigest()[:16]
    seen = request.headers.get("Last-Event-ID") == mark
    if seen and ended:
        return Response(status=204)
    lines = [f"retry: {milliseconds}"]
    if not seen:
        lines += [f"id: {mark}", *(f"data: {line}" for line in html.splitlines())]
    return Response("\n".join([*lines, "", ""]), content_type="text/event-stream")


def _metrics(records: list[Record], waiting: int, agreed: Agreement) -> str:
    states = Counter[str](record.state for record in records)
    usd = sum(record.board.usd or 0 for record in records)
    lines = [
        "# HELP paper2code_jobs Jobs that are active or were asked for within a day.",
        "# TYPE paper2code_jobs gauge",
        *(f'paper2code_jobs{{state="{state}"}} {states[state]}' for state in get_args(State)),
        "# HELP paper2code_jobs_usd What these jobs have cost, in US dollars.",
        "# TYPE paper2code_jobs_usd gauge",
        f"paper2code_jobs_usd {usd:.4f}",
        "# HELP paper2code_requests_waiting Requests that no worker has answered yet.",
        "# TYPE paper2code_requests_waiting gauge",
        f"paper2code_requests_waiting {waiting}",
        "# HELP paper2code_ratings People's ratings of pull requests that were judged too.",
        "# TYPE paper2code_ratings gauge",
        f"paper2code_ratings {agreed.pairs}",
    ]
    means = {"people": agreed.people, "judge": agreed.judge}
    if agreed.pairs:
        lines += [
            "# HELP paper2code_score_mean Mean score of these pull requests, 1 to 5.",
            "# TYPE paper2code_score_mean gauge",
            *(f'paper2code_score_mean{{by="{who}"}} {mean:.4f}' for who, mean in means.items()),
        ]
    if agreed.correlation is not None:
        lines += [
            "# HELP paper2code_ratings_correlation Pearson's r of people's and the judge's scores.",
            "# TYPE paper2code_ratings_correlation gauge",
            f"paper2code_ratings_correlation {agreed.correlation:.4f}",
        ]
    return "\n".join(lines) + "\n"
