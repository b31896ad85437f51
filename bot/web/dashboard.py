"""Web pages on jobs, and figures for Prometheus, for those who may see them. Their buttons ask as a comment does.

Live by server-sent events that close at once and are reconnected: an open page holds none of the threads that
webhooks need. They end with the job.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, Literal

from flask import Blueprint, Response, abort, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from bot.commandline.terminal import TITLES
from bot.intake.commands import Command
from bot.intake.jobs import Record, Request
from bot.jobs.engine import Engine
from bot.jobs.evidence import Evidence
from bot.jobs.quota import DAY
from bot.jobs.register import Wanted
from bot.web import answers, proof
from bot.web.metrics import metrics
from bot.web.visitors import Doors, Visitor, failed, wants_json
from bot.words.amounts import counted, duration, money
from bot.words.messages import FINDINGS
from bot.words.rating import agreement
from bot.words.standing import following, standing

_REFRESH_MILLISECONDS = 2000
_IDLE_MILLISECONDS = 15_000
Steering = Literal["approve", "cancel", "retry"]
_TOO_LATE: dict[Steering, str] = {
    "approve": "No plan waits here.",
    "cancel": "It has ended by now.",
    "retry": "It is still being worked on, or waits for people.",
}
_DRAWING = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
"""What a page with diagrams may do: mermaid puts a style into each drawing."""


def create_blueprint(doors: Doors, engine: Engine, server_url: str) -> Blueprint:
    """`GET /`, `/jobs/<id>` and what belongs to them, `/ratings`, `/metrics`, and signing in and out."""
    blueprint = Blueprint("dashboard", __name__, template_folder="templates", static_folder="static")
    for each in (duration, money, score, clock, counted):
        blueprint.add_app_template_filter(each)
    doors.guard(blueprint)
    blueprint.register_error_handler(HTTPException, failed)
    blueprint.app_errorhandler(404)(failed)
    pages = _Pages(engine, server_url)
    blueprint.get("/")(pages.jobs)
    blueprint.get("/events")(pages.jobs_live)
    blueprint.get("/jobs/<job>")(pages.job)
    blueprint.get("/jobs/<job>/events")(pages.job_live)
    blueprint.get("/jobs/<job>/figures/<path:path>")(pages.figure)
    blueprint.post("/jobs/<job>/<any(approve, cancel, retry):verb>")(pages.steer)
    blueprint.get("/ratings")(pages.ratings)
    blueprint.get("/metrics")(pages.metrics)
    return blueprint


@dataclass(frozen=True)
class _Pages:
    engine: Engine
    server_url: str

    def jobs(self) -> ResponseReturnValue:
        found = self._listing()
        if wants_json():
            number = found["wanted"].page
            return jsonify(
                answers.jobs(found["page"], number, found["tally"], found["workers"], request.url_root)
            )
        return self._show("jobs.html", **found)

    def jobs_live(self) -> ResponseReturnValue:
        found = self._listing()
        busy = bool(found["tally"].queued or found["tally"].running)
        return _event(
            self._show("_jobs.html", **found), _REFRESH_MILLISECONDS if busy else _IDLE_MILLISECONDS
        )

    def job(self, job: str) -> ResponseReturnValue:
        record = self._one(job)
        shown = self._told(record)
        if wants_json():
            row = self.engine.register.listed(job) or abort(404)
            given = (record, row, shown["entries"], shown["evidence"], shown["following"], request.url_root)
            return jsonify(answers.job(*given))
        page = self._show("job.html", **shown, asked=request.args.get("asked", ""))
        # What comes by events may bring the diagrams.
        return Response(page, headers={"Content-Security-Policy": _DRAWING})

    def job_live(self, job: str) -> ResponseReturnValue:
        record = self._one(job)
        return _event(
            self._show("_job.html", **self._told(record)), _REFRESH_MILLISECONDS, ended=not record.active
        )

    def figure(self, job: str, path: str) -> ResponseReturnValue:
        packed = self.engine.register.evidence(self._one(job).job.id)
        image = Evidence.unpacked(packed).figures.get(path) if packed else None
        return Response(image if image is not None else abort(404), content_type="image/png")

    def steer(self, job: str, verb: Steering) -> ResponseReturnValue:
        record, visitor = self._one(job), _visitor()
        if not visitor.steers(record.job.place.repository_id):
            abort(403, "Only who can push to the repository may do that.")
        if verb not in _possible(record):
            abort(409, _TOO_LATE[verb])
        if record.state == "waiting" and visitor.operator:
            abort(403, "Sign in by GitHub to decide on a plan: that is entered under your name.")
        _steer(self.engine, record, visitor, verb)
        return redirect(url_for(".job", job=job, asked=verb), 303)

    def ratings(self) -> ResponseReturnValue:
        rated = self.engine.rated()
        records = [each for each in rated if _visitor().sees(each.job.place.repository_id)]
        return self._show("ratings.html", records=records, agreed=agreement(records))

    def metrics(self) -> ResponseReturnValue:
        if not _visitor().operator:
            abort(403, "The figures of all repositories are for operators.")
        engine = self.engine
        now = datetime.now(UTC)
        records, agreed = engine.recent(now - DAY), agreement(engine.rated())
        text = metrics(records, engine.pending(), agreed, len(engine.register.workers()), now)
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    def _one(self, job: str) -> Record:
        """The job, for those who may see it; for others it is not there."""
        record = self.engine.record(job)
        if record is None or not _visitor().sees(record.job.place.repository_id):
            abort(404)
        return record

    def _show(self, template: str, **values: Any) -> str:
        return render_template(
            template,
            titles=TITLES,
            findings=FINDINGS,
            seconds=_seconds,
            until=_until,
            server_url=self.server_url,
            visitor=_visitor(),
            **values,
        )

    def _listing(self) -> dict[str, Any]:
        """What the list shows."""
        visible, wanted, register = _visitor().visible, _wanted(), self.engine.register
        return {
            "page": register.find(wanted, visible),
            "wanted": wanted,
            "tally": register.tally(visible),
            "workers": len(register.workers()),
            "query": partial(_query, wanted),
        }

    def _told(self, record: Record) -> dict[str, Any]:
        """What the page of a job shows."""
        job, register = record.job, self.engine.register
        packed = None if record.active else register.evidence(job.id)
        evidence = Evidence.unpacked(packed) if packed else None
        shown = {
            "record": record,
            "standing": standing(record),
            "following": following(record),
            "entries": register.entries(job.id),
            "evidence": evidence,
            "steers": _visitor().steers(job.place.repository_id),
        }
        if evidence:
            shown |= {
                "requirements": proof.requirements(evidence),
                "failures": proof.failures(evidence),
                "commits": proof.commits(evidence),
                "diagrams": proof.diagrams(evidence),
                "documents": proof.documents(evidence),
            }
        return shown


def _visitor() -> Visitor:
    visitor: Visitor = g.visitor
    return visitor


def _possible(record: Record) -> tuple[Steering, ...]:
    """What people can have done with it as it stands."""
    if record.active:
        return ("cancel",)
    return ("approve", "cancel") if record.state == "waiting" else ("retry",)


def _steer(engine: Engine, record: Record, visitor: Visitor, verb: Steering) -> None:
    """Have it done."""
    asked = Request(
        f"page-{uuid.uuid4().hex}",
        record.job.place,
        visitor.name,
        visitor.person_id,
        datetime.now(UTC),
        Command(verb),
        job=record.job.id,
    )
    if visitor.operator and verb == "cancel":
        engine.cancel(record.job.id)  # at once, also where GitHub is away
    else:
        engine.ask(asked)


def _wanted() -> Wanted:
    given = request.args
    page = given.get("page", "1")
    return Wanted(
        given.get("q", "")[:200],
        given.get("state", "")[:20],
        given.get("repository", "")[:200],
        int(page) if page.isdecimal() and len(page) < 7 and int(page) else 1,
    )


def _query(wanted: Wanted, **changes: Any) -> Mapping[str, Any]:
    """The list's query with some of it changed; without what says nothing."""
    told = asdict(wanted) | changes
    told["q"] = told.pop("words")
    return {name: value for name, value in told.items() if value and (name, value) != ("page", 1)}


def _until(record: Record) -> float:
    """Up to when its stages last: now, or the last thing that is known to have happened."""
    return time.time() if record.active else record.board.last or 0


def _seconds(record: Record) -> float:
    """From the first stage's start to the last one's end; while one is under way, to now."""
    return record.board.seconds(time.time() if record.active and record.board.stage else None) or 0


def score(value: float) -> str:
    """With one decimal where it has one."""
    return f"{round(value, 1):g}"


def clock(when: float) -> str:
    """Time of the day, UTC."""
    return datetime.fromtimestamp(when, UTC).strftime("%H:%M:%S")


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
