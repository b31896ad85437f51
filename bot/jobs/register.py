"""Register: what pages show of jobs, so that a page of thousands is one query. Knows nothing of the engine's tables.

The engine decides how a job stands; here is written down what it said last. A row that is missing or late spoils a
page and nothing else, so nothing in here stops a job.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.intake.jobs import Job, Outcome, Record
from bot.intake.progress import Board, Entry
from bot.jobs.database import inserted, now, schema
from pipeline.markdown import visible

Visible = Collection[int] | None
"""Ids of the repositories whose jobs are shown; None: all of them."""
MOST_ENTRIES = 300
"""Of a log that a page shows: the latest."""
_LARGEST = 16 * 2**20
"""Bytes of evidence; what is larger is not kept."""

_jobs = sa.Table(
    "paper2code_jobs",
    schema,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("repository_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("private", sa.Boolean, nullable=False),
    sa.Column("issue", sa.BigInteger),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("paper", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("revision", sa.Boolean, nullable=False),
    sa.Column("created", sa.Double, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("status", sa.Text),
    sa.Column("stage", sa.Text),
    sa.Column("usd", sa.Double),
    sa.Column("began", sa.Double),
    sa.Column("ended", sa.Double),
    sa.Column("pull_request", sa.Text),
    sa.Column("score", sa.Double),
)
_log = sa.Table(
    "paper2code_log",
    schema,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("job", sa.Text, nullable=False, index=True),
    sa.Column("when", sa.Double, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("output", sa.Text, nullable=False),
)
_evidence = sa.Table(
    "paper2code_evidence",
    schema,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
_workers = sa.Table(
    "paper2code_workers",
    schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("until", sa.Double, nullable=False),
)


@dataclass(frozen=True)
class Listed:
    """A job as the list shows it."""

    id: str
    repository_id: int
    repository: str
    """`owner/name`, as it was called when the job was asked for."""
    private: bool
    issue: int | None
    actor: str
    paper: str
    title: str
    """Empty until the paper is read."""
    revision: bool
    created: datetime
    state: str
    """See bot.intake.jobs.State."""
    status: str | None
    """Of the delivered repository: `runs`, `fails`, `not-run`; None: nothing is delivered."""
    stage: str | None
    """That is under way."""
    usd: float | None
    seconds: float | None
    """From the first stage's start to the last thing that is known; None before it."""
    pull_request: str | None
    score: float | None
    ended: datetime | None


@dataclass(frozen=True)
class Wanted:
    """What a person looks for in the list."""

    words: str = ""
    """All of them stand in title, paper, repository or name of who asked."""
    state: str = ""
    """A state, or a status of what was delivered; empty: any."""
    repository: str = ""
    """`owner/name`; empty: any."""
    page: int = 1


@dataclass(frozen=True)
class Page:
    """A part of the list."""

    jobs: Sequence[Listed]
    total: int
    """Of all that is wanted."""
    pages: int


@dataclass(frozen=True)
class Tally:
    """What all jobs together came to."""

    jobs: int
    queued: int
    running: int
    delivered: int
    runs: int
    """Of those delivered."""
    failed: int
    usd: float
    days: Sequence[tuple[str, float]]
    """USD of each of the last 30 days, oldest first, by the day that a job was asked for."""
    repositories: Sequence[tuple[str, int, float]]
    """Name, jobs and USD, the dearest first; at most ten."""


class Register:
    """What is shown of jobs. All raise database.Unreachable."""

    def __init__(self, database: sa.Engine, page: int = 50) -> None:
        """`page` is how many jobs stand on one."""
        self._database = database
        self._size = page

    # What is written down

    def submitted(self, connection: sa.Connection, job: Job) -> None:
        """Note a new job, within the transaction that submits it."""
        connection.execute(
            inserted(self._database, _jobs).values(_row(job)).on_conflict_do_nothing(index_elements=["id"])
        )

    def known(self) -> bool:
        """Whether any job is noted."""
        with self._database.connect() as connection:
            return connection.execute(sa.select(_jobs.c.id).limit(1)).first() is not None

    def adopt(self, records: Iterable[Record]) -> None:
        """Note jobs of before there was a register."""
        for record in records:
            with self._database.begin() as connection:
                self.submitted(connection, record.job)
                values = _stands(record.board) | {"state": record.state} | _came(record.outcome)
                if not record.active:
                    values["ended"] = record.board.last or record.job.created.timestamp()
                connection.execute(sa.update(_jobs).where(_jobs.c.id == record.job.id).values(values))

    def begun(self, job: str) -> None:
        """A worker has it in hand."""
        self._change(job, {"state": "running", "ended": None})

    def noted(self, job: str, board: Board) -> None:
        """It stands so."""
        self._change(job, _stands(board), _jobs.c.ended.is_(None))

    def ended(self, job: str, outcome: Outcome | None) -> None:
        """It ended; None: by an error that nobody foresaw."""
        self._change(
            job, _came(outcome) if outcome else {"state": "failed", "stage": None, "ended": time.time()}
        )

    def settled(self, job: str, state: str) -> None:
        """A plan that waited waits no more."""
        self._change(job, {"state": state})

    def log(self, job: str, entries: Sequence[Entry]) -> None:
        """Add to its log."""
        rows = [
            {
                "job": job,
                "when": each.when,
                "kind": each.kind,
                "text": visible(each.text[:2000]),
                "output": visible(each.output[:8000]),
            }
            for each in entries
        ]
        with self._database.begin() as connection:
            connection.execute(sa.insert(_log), rows)

    def keep(self, job: str, packed: bytes) -> None:
        """Keep its evidence, in place of what was kept before."""
        if len(packed) > _LARGEST:
            return
        row = inserted(self._database, _evidence).values(job=job, packed=packed)
        with self._database.begin() as connection:
            connection.execute(
                row.on_conflict_do_update(index_elements=["job"], set_={"packed": row.excluded.packed})
            )

    def alive(self, worker: str, seconds: float) -> None:
        """A worker gave a sign of life that is good for so long; 0: it is gone."""
        row = inserted(self._database, _workers).values(name=worker, until=now(self._database) + seconds)
        with self._database.begin() as connection:
            connection.execute(
                row.on_conflict_do_update(index_elements=["name"], set_={"until": row.excluded.until})
            )
            connection.execute(sa.delete(_workers).where(_workers.c.until <= now(self._database)))

    def forget(self, days: float) -> int:
        """Remove the logs and the evidence of jobs that were asked for more than `days` ago; how many lines."""
        old = sa.select(_jobs.c.id).where(_jobs.c.created < now(self._database) - days * 86_400)
        with self._database.begin() as connection:
            connection.execute(sa.delete(_evidence).where(_evidence.c.job.in_(old)))
            return connection.execute(sa.delete(_log).where(_log.c.job.in_(old))).rowcount

    def drop(self, jobs: Sequence[str]) -> None:
        """Remove all that is noted of `jobs`."""
        with self._database.begin() as connection:
            for column in (_evidence.c.job, _log.c.job, _jobs.c.id):
                connection.execute(sa.delete(column.table).where(column.in_(jobs)))

    def _change(self, job: str, values: dict[str, Any], *conditions: sa.ColumnElement[bool]) -> None:
        with self._database.begin() as connection:
            connection.execute(sa.update(_jobs).where(_jobs.c.id == job, *conditions).values(values))

    # What is shown

    def find(self, wanted: Wanted, visible: Visible = None) -> Page:
        """A page of what is wanted of what may be shown, newest first."""
        where = [*_shown(visible), *_looked_for(wanted)]
        rows = sa.select(_jobs).where(*where).order_by(_jobs.c.created.desc(), _jobs.c.id)
        count = sa.select(sa.func.count()).select_from(_jobs).where(*where)
        if wanted.words:  # no index knows them: all jobs are read, but once
            rows = rows.add_columns(sa.func.count().over().label("total"))
        with self._database.connect() as connection:
            found = connection.execute(rows.limit(self._size).offset((wanted.page - 1) * self._size)).all()
            total = found[0].total if found and wanted.words else connection.scalar(count) or 0
        return Page([_listed(row) for row in found], total, max(1, -(-total // self._size)))

    def tally(self, visible: Visible = None) -> Tally:
        """The sums over what may be shown."""
        where = _shown(visible)
        today = datetime.now(UTC).date()
        days = [today - timedelta(29 - n) for n in range(30)]
        since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC).timestamp()
        day = sa.cast(_jobs.c.created - since, sa.BigInteger) // 86_400
        usd, count = sa.func.coalesce(sa.func.sum(_jobs.c.usd), 0.0), sa.func.count()
        with self._database.connect() as connection:
            states = connection.execute(
                sa.select(_jobs.c.state, _jobs.c.status, count, usd)
                .where(*where)
                .group_by(_jobs.c.state, _jobs.c.status)
            ).all()
            by_day = sa.select(day, usd).where(*where, _jobs.c.created >= since).group_by(day)
            spent = {int(row[0]): float(row[1]) for row in connection.execute(by_day)}
            repositories = connection.execute(
                sa.select(_jobs.c.repository, count, usd)
                .where(*where)
                .group_by(_jobs.c.repository)
                .order_by(usd.desc(), count.desc())
                .limit(10)
            ).all()

        def counted(fits: Callable[[str, str | None], bool]) -> int:
            return sum(number for state, status, number, _ in states if fits(state, status))

        return Tally(
            jobs=counted(lambda state, status: True),
            queued=counted(lambda state, status: state == "queued"),
            running=counted(lambda state, status: state == "running"),
            delivered=counted(lambda state, status: status is not None),
            runs=counted(lambda state, status: status == "runs"),
            failed=counted(lambda state, status: state == "failed"),
            usd=sum(row[3] for row in states),
            days=[(each.isoformat(), spent.get(n, 0.0)) for n, each in enumerate(days)],
            repositories=[(name, number, float(cost)) for name, number, cost in repositories],
        )

    def repositories(self) -> Sequence[tuple[int, str, bool]]:
        """Those that have jobs, with id, name and whether they were private, the latest used first."""
        last = sa.func.max(_jobs.c.created)
        wanted = (
            sa.select(
                _jobs.c.repository_id,
                sa.func.max(_jobs.c.repository),
                sa.func.max(sa.cast(_jobs.c.private, sa.Integer)),
            )
            .group_by(_jobs.c.repository_id)
            .order_by(last.desc())
        )
        with self._database.connect() as connection:
            return [(number, name, bool(private)) for number, name, private in connection.execute(wanted)]

    def listed(self, job: str) -> Listed | None:
        """One job; None if there is none with this id."""
        with self._database.connect() as connection:
            row = connection.execute(sa.select(_jobs).where(_jobs.c.id == job)).first()
        return _listed(row) if row else None

    def entries(self, job: str) -> Sequence[Entry]:
        """The end of its log, oldest first."""
        wanted = sa.select(_log).where(_log.c.job == job).order_by(_log.c.number.desc()).limit(MOST_ENTRIES)
        with self._database.connect() as connection:
            rows = connection.execute(wanted).all()
        return [Entry(row.when, row.kind, row.text, row.output) for row in reversed(rows)]

    def evidence(self, job: str) -> bytes | None:
        """What was kept last; None: nothing."""
        with self._database.connect() as connection:
            return connection.scalar(sa.select(_evidence.c.packed).where(_evidence.c.job == job))

    def workers(self) -> Sequence[str]:
        """The names of those that live."""
        wanted = sa.select(_workers.c.name).where(_workers.c.until > now(self._database))
        with self._database.connect() as connection:
            return connection.scalars(wanted).all()


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "repository_id": job.place.repository_id,
        "repository": job.place.repository,
        "private": job.place.private,
        "issue": job.place.issue,
        "actor": job.actor,
        "paper": job.paper,
        "title": "",
        "revision": job.wish is not None,
        "created": job.created.timestamp(),
        "state": "queued",
        "usd": 0.0,
    }


def _stands(board: Board) -> dict[str, Any]:
    last = board.last
    return {
        "title": board.title,
        "stage": board.stage,
        "usd": board.usd,
        "began": None if last is None else last - (board.seconds() or 0),
    }


def _came(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    return {
        "state": outcome.state,
        "status": outcome.status,
        "stage": None,
        "ended": time.time(),
        "pull_request": outcome.pull_request,
        "score": outcome.score,
        **({} if outcome.usd is None else {"usd": outcome.usd}),
    }


def _listed(row: sa.Row[Any]) -> Listed:
    values = {column.name: row._mapping[column] for column in _jobs.c}
    began, ended = values.pop("began"), values["ended"]
    until = ended or (time.time() if values["state"] == "running" else began)
    return Listed(
        **values
        | {
            "created": datetime.fromtimestamp(values["created"], UTC),
            "ended": datetime.fromtimestamp(ended, UTC) if ended else None,
            "seconds": max(0.0, until - began) if began and until else None,
        }
    )


def _shown(visible: Visible) -> list[sa.ColumnElement[bool]]:
    return [] if visible is None else [_jobs.c.repository_id.in_(list(visible))]


def _looked_for(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    where = list[sa.ColumnElement[bool]]()
    # One text is searched faster than four; no word holds what stands between them.
    text = _jobs.c.title + "\n" + _jobs.c.paper + "\n" + _jobs.c.repository + "\n" + _jobs.c.actor
    where += [text.icontains(word, autoescape=True) for word in wanted.words.split()[:10]]
    if wanted.state:
        where.append(sa.func.coalesce(_jobs.c.status, _jobs.c.state) == wanted.state)
    if wanted.repository:
        where.append(_jobs.c.repository == wanted.repository)
    return where
