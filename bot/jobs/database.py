"""Tables of ours beside the workflow engine's: who holds which workflow, and what jobs have paid for.

Knows neither jobs nor DBOS. Every time is the database's own: the clocks of several machines differ.
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.jobs.patience import insist
from pipeline.errors import PipelineError
from pipeline.locks import lock

T = TypeVar("T")

ENCODING_MEND = "Make one for it: CREATE DATABASE paper2code ENCODING 'UTF8' TEMPLATE template0."

Unreachable = sa.exc.DBAPIError
"""What is raised when the database does not answer."""

_LOCKS = {"tables": 7_236_001, "alone": 7_236_002}
"""Any numbers, the same in every process, and not DBOS's."""
schema = sa.MetaData()
"""Of all tables of ours; they are made where a database is connected to."""
_INDEXES = {
    "paper2code_installation": "authenticated_user, status",
    "paper2code_issue": "workflow_uuid text_pattern_ops",
}
"""Of DBOS's jobs: name → columns."""
_leases = sa.Table(
    "paper2code_leases",
    schema,
    sa.Column("workflow", sa.Text, primary_key=True),
    sa.Column("lease", sa.Text, nullable=False),
    sa.Column("sign", sa.Double, nullable=False),
)
_calls = sa.Table(
    "paper2code_calls",
    schema,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("job", sa.Text, nullable=False, index=True),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("written", sa.Double, nullable=False),
)


def full(error: Unreachable) -> bool:
    """Whether there is no room for what was to be stored."""
    return "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "53100"


def unfit(encoding: str) -> str:
    """Why a PostgreSQL database of that encoding is of no use, in a clause; empty: it is."""
    return "" if encoding == "UTF8" else f"its encoding is {encoding}, which cannot keep every text"


def connect(url: str) -> sa.Engine:
    """The database at `url`, with our tables in it. Raises Unreachable, where a text may not fit PipelineError."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        file = Path(address.database or "")
        # The folder may be one that others need; the data folder is made private where a process begins.
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Before SQLite makes it, and its journals with the same rights: what it holds is nobody else's.
        _claim(file)
        # Readers do not stop writers then. Who asks for it while another does is refused, however long it would wait.
        with _turn(file), closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        # A transaction that began as a reader could not wait for its turn to write.
        options = {"timeout": 30, "isolation_level": "IMMEDIATE"}
        engine = sa.create_engine(address, connect_args=options)
    else:
        engine = sa.create_engine(
            address.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            # Else a database's own encoding decides, and with SQL_ASCII whatever is read is bytes.
            connect_args={"client_encoding": "utf8"},
        )
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            if why := unfit(str(connection.scalar(sa.text("SHOW server_encoding")))):
                connection.invalidate()
                raise PipelineError(f"The database cannot be used: {why}", ENCODING_MEND)
            # "If not exists" alone fails if two are at it.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS["tables"])))
        for table in schema.sorted_tables:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
    return engine


def index_jobs(database: sa.Engine) -> None:
    """Let PostgreSQL find the jobs of an installation, and those of an issue, among any number of others.

    DBOS, whose tables these are, has no index for either. SQLite, which is for one machine, reads its few jobs.
    """
    if database.dialect.name != "postgresql":
        return
    with database.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS["tables"])))
        for name, columns in _INDEXES.items():
            # Asked first: "if not exists" as well waits until nobody writes, and keeps all from writing.
            if connection.scalar(sa.select(sa.func.to_regclass(f"dbos.{name}"))) is None:
                connection.exec_driver_sql(f"CREATE INDEX {name} ON dbos.workflow_status ({columns})")


def private(folder: Path) -> None:
    """Make the folder, and keep others from looking into it whoever has made it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.stat()
    if about.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "it is shared by everybody; name a folder of its own", str(folder))
    if about.st_uid == os.geteuid():
        folder.chmod(about.st_mode & 0o700)


def _claim(file: Path) -> None:
    """Make the file if it is not there; it is its owner's alone, whoever has made it. Raises OSError."""
    # One that is there is not opened: to close it again would give back every lock that SQLite holds on it in this
    # process, and the next process to leave would take the journal away that this one writes.
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    file.chmod(0o600)


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """One process at a time, for a database in that file."""
    path = file.with_name(f"{file.name}.lock")
    _claim(path)  # Whoever could open it could hold it.
    with path.open("r+") as held:
        lock(held.fileno(), path, wait=True)
        yield


@contextmanager
def alone(engine: sa.Engine) -> Iterator[None]:
    """One at a time, among all threads, processes and machines that use the database."""
    if engine.dialect.name == "sqlite":
        with _turn(Path(engine.url.database or "")):
            yield
    else:
        with engine.begin() as connection:
            # Who is frozen in here must not hold up the others for good.
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS["alone"])))
            yield


class Leases:
    """Who holds a workflow, and when that one last gave a sign of life."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def take(self, workflow: str, lease: str) -> None:
        """Hold it from now on, whoever held it before."""
        row = inserted(self._engine, _leases).values(workflow=workflow, lease=lease, sign=now(self._engine))
        new = {"lease": row.excluded.lease, "sign": row.excluded.sign}
        with self._engine.begin() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=["workflow"], set_=new))

    def holds(self, workflow: str, lease: str) -> bool:
        """Whether nobody else has taken it."""
        wanted = sa.select(_leases.c.lease).where(_leases.c.workflow == workflow)
        with self._engine.connect() as connection:
            return connection.scalar(wanted) == lease

    def renew(self, workflow: str, lease: str) -> bool:
        """Give a sign of life; False if the workflow is another's by now, which stays so."""
        return self._change(workflow, _leases.c.lease == lease, sign=now(self._engine))

    def release(self, workflow: str, lease: str) -> None:
        """Give it back, for anybody to claim at once."""
        self._change(workflow, _leases.c.lease == lease, lease="")

    def claim(self, workflow: str, lease: str, begun: float, dead_after: float) -> bool:
        """Hold what was released, or whose holder gave no sign of life for `dead_after` seconds.

        `begun` is when the execution began (seconds since the epoch), for a holder that gave no sign yet. Of
        all that claim a workflow at the same time, one gets it.
        """
        silent = now(self._engine) - dead_after
        first = inserted(self._engine, _leases).values(workflow=workflow, lease="nobody yet", sign=begun)
        with self._engine.begin() as connection:
            connection.execute(first.on_conflict_do_nothing())
        claimable = (_leases.c.lease == "") | ((_leases.c.sign < silent) & (sa.literal(begun) < silent))
        return self._change(workflow, claimable, lease=lease, sign=now(self._engine))

    def silent(self, begun: Mapping[str, float], dead_after: float) -> list[str]:
        """Those of the executions that `claim` would give."""
        wanted = sa.select(_leases).where(_leases.c.workflow.in_(begun))
        with self._engine.connect() as connection:
            last = connection.scalars(sa.select(now(self._engine))).one() - dead_after
            rows = {row.workflow: row for row in connection.execute(wanted)}
        return [
            workflow
            for workflow, since in begun.items()
            if ((row := rows.get(workflow)) and not row.lease) or max(since, row.sign if row else 0) < last
        ]

    def _change(self, workflow: str, condition: sa.ColumnElement[bool], **values: Any) -> bool:
        change = sa.update(_leases).where(_leases.c.workflow == workflow, condition).values(**values)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1


class Journals:
    """The journals of jobs, for whichever machine goes on with them."""

    def __init__(self, engine: sa.Engine, waits: tuple[float, ...] = (1, 4, 15, 40)) -> None:
        """`waits` are the seconds between attempts at the database."""
        self._engine = engine
        self._waits = waits

    def open(self, path: Path) -> Callable[[str], None]:
        """Bring the job's journal at `path` up to date; returns what stores each line that is added to it.

        The job is named by the folder of `path`, which is the same on every machine. Lines that were written
        when the database was away are stored now. Raises Unreachable and OSError, the store PipelineError.
        """
        job = path.parent.name
        lines = self._insist(lambda: self._lines(job))
        if path.exists():
            whole = path.read_bytes().decode(errors="replace").split("\n")[:-1]
            for line in sorted(set(whole).difference(lines), key=whole.index):
                self._insist(partial(self._insert, job, line))
                lines.append(line)
        # A new file: whoever was taken for dead may still hold the old one.
        fresh = path.with_suffix(".new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes("".join(f"{line}\n" for line in lines).encode())
        fresh.replace(path)
        return lambda line: self._store(job, line)

    def _store(self, job: str, line: str) -> None:
        try:
            self._insist(lambda: self._insert(job, line))
        except Unreachable:
            raise PipelineError(
                "The database does not take what the model has answered.",
                "The worker that asked has it on its disk; `/paper2code retry` goes on there.",
            ) from None

    def _insist(self, operation: Callable[[], T]) -> T:
        return insist(operation, self._waits, Unreachable)

    def _lines(self, job: str) -> list[str]:
        wanted = sa.select(_calls.c.line).where(_calls.c.job == job).order_by(_calls.c.number)
        with self._engine.connect() as connection:
            return list(connection.scalars(wanted))

    def _insert(self, job: str, line: str) -> None:
        row = sa.insert(_calls).values(job=job, line=line, written=now(self._engine))
        with self._engine.begin() as connection:
            connection.execute(row)

    def forget(self, days: float) -> int:
        """Remove the journals, and the traces of workflows, that nothing was added to for `days`."""
        last = now(self._engine) - days * 86_400
        old = sa.select(_calls.c.job).group_by(_calls.c.job).having(sa.func.max(_calls.c.written) < last)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_leases).where(_leases.c.sign < last))
            return connection.execute(sa.delete(_calls).where(_calls.c.job.in_(old))).rowcount


def now(engine: sa.Engine) -> sa.ColumnElement[float]:
    """The database's own clock, in seconds since the epoch."""
    if engine.dialect.name == "sqlite":
        return (sa.func.julianday("now") - 2_440_587.5) * 86_400.0
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)


def inserted(engine: sa.Engine, table: sa.Table) -> Any:
    """An insert that can say what becomes of a row that is there already."""
    return (sqlite if engine.dialect.name == "sqlite" else postgresql).insert(table)
