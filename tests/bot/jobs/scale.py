"""How far one PostgreSQL carries: jobs per minute by workers, and its answers with many jobs stored.

python -m tests.bot.jobs.scale [WAITING [STORED]]

A worker is a process with the engine of `paper2code work` and one job in hand at a time. A job takes its steps and
asks a model of fixed latency CALLS times, whose answers are stored as real ones are; GitHub, git and the pipeline are
left out. What it then takes longer than its model is the engine's and the database's share.
"""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.intake.configuration import Configuration
from bot.intake.intake import Ending
from bot.intake.jobs import Job, Ledger, Outcome, Place, Request, Steps
from bot.intake.progress import Board, Entry
from bot.jobs.database import Journals, connect
from bot.jobs.engine import Engine
from bot.jobs.register import Wanted
from pipeline.progress import STAGES, Progress
from tests.bot.conftest import until
from tests.fakes.postgres import postgres

CALLS, LATENCY = 15, 1.0
"""Of a job's model, in seconds."""
FIRST = 1_000_000
"""The numbers of the jobs that are stored begin here."""
JOBS_EACH = 3
WORKERS = (1, 2, 4, 8)
_PLACE = Place("octo-org/papers", 1, 1, 1)
_ANSWER = "x" * 40_000
_TIMES = 15
_SELF = [sys.executable, "-m", "tests.bot.jobs.scale"]


class Patient:
    """Does a job that costs nothing but time."""

    def __init__(self, journals: Journals, folder: Path, latency: float) -> None:
        self._journals = journals
        self._folder = folder
        self._latency = latency

    def answer(self, request: Request, step: Steps, ledger: Ledger) -> None:
        """Nobody asks."""

    def end(self, ending: Ending, step: Steps, ledger: Ledger) -> None:
        """Nothing ends."""

    def fulfil(self, job: Job, step: Steps, ledger: Ledger) -> Outcome:
        """The steps of a real one."""

        def reproduce() -> None:
            keep = self._journals.open(job.folder(self._folder) / "journal.jsonl")
            board = Board()
            for call in range(CALLS):
                time.sleep(self._latency)
                keep(f"{job.id} {call} {_ANSWER}")
                board = board.after(Progress(STAGES[call % len(STAGES)], "advanced", usd=0.02), time.time())
                ledger.note(job.id, board)
                ledger.log(job.id, [Entry(time.time(), "call", str(call))])

        for name in ("announce", "reproduce", "push", "deliver", "review"):
            step(name, reproduce if name == "reproduce" else lambda: None)
        return Outcome("done", "runs", usd=0.3)


def employ(url: str, folder: str, latency: str) -> None:
    """A worker's process, until it is killed."""
    engine = Engine(url)
    with engine.working(Patient(Journals(connect(url)), Path(folder), float(latency)), jobs=1):
        time.sleep(3600)


def job(number: int) -> Job:
    """One of as many repositories and installations as there are jobs."""
    place = replace(_PLACE, repository=f"octo-org/papers-{number}", repository_id=number, installation=number)
    return Job(f"{number}-1-{number:012x}", place, "alice", "1706.03762", Configuration(), datetime.now(UTC))


def throughput(url: str, workers: int, folder: Path, latency: float = LATENCY) -> tuple[float, float]:
    """Jobs per minute, and the part of what so many workers would do if nothing but the model took time."""
    engine = Engine(url)
    count = JOBS_EACH * workers
    with ExitStack() as stack:
        for number in range(workers):
            command = [*_SELF, "employ", url, str(folder / str(number)), str(latency)]
            process = stack.enter_context(subprocess.Popen(command))
            stack.callback(process.kill)
        until(lambda: len(engine.register.workers()) == workers, 600)
        began = time.monotonic()
        for number in range(count):
            engine.submit(job(number + 1))
        until(lambda: sum(record.state == "done" for record in engine.latest()) == count, 3600)
        seconds = time.monotonic() - began
    engine.close()
    return 60 * count / seconds, JOBS_EACH * CALLS * latency / seconds


def fill(url: str, waiting: int, stored: int) -> None:
    """Store jobs of 500 installations as if each had been submitted; the stored ones have ended, in the last year."""
    engine = Engine(url)
    engine.submit(job(FIRST + 1))
    engine.submit(job(FIRST + 2))
    engine.register.ended(job(FIRST + 2).id, Outcome("done", "runs", "https://example.org/pull/1", usd=0.3))
    engine.close()
    day = 86_400
    # DBOS packs inputs, with the lengths of what is in them: all ids are equally long.
    packed = (
        "encode(decode(replace(encode(decode(s.inputs, 'base64'), 'hex'), {old}, {new}), 'hex'), 'base64')"
    )
    packed = packed.format(old="encode('{old}', 'hex')", new="encode(({new})::bytea, 'hex')")
    copies = {
        "dbos.workflow_status": (
            "workflow_uuid",
            "'queue_partition_key', n || '-1', 'authenticated_user', mod(n, 500)::text",
        ),
        "dbos.workflow_input": ("workflow_uuid", f"'inputs', {packed}"),
        "paper2code_jobs": ("id", "'repository_id', n, 'repository', 'octo-org/papers-' || mod(n, 400)"),
    }
    database = connect(url)
    with database.begin() as connection:
        for table, (key, changed) in copies.items():
            for template, first, last in ((1, 3, waiting), (2, waiting + 1, waiting + stored)):
                first, last = FIRST + first, FIRST + last
                old = job(FIRST + template).id
                new = "n || '-1-' || lpad(to_hex(n), 12, '0')"
                connection.exec_driver_sql(
                    f"INSERT INTO {table} SELECT (jsonb_populate_record(s, jsonb_build_object('{key}', {new}, "
                    f"{changed.format(old=old, new=new)}))).* FROM {table} s, generate_series({first}, {last}) n "
                    f"WHERE s.{key} = '{old}'"
                )
        ended = f"split_part({{}}, '-', 1)::bigint > {FIRST + waiting} OR {{}} = '{job(FIRST + 2).id}'"
        age = f"(random() * {365 * day})"
        key = "workflow_uuid"
        connection.exec_driver_sql(
            "UPDATE dbos.workflow_status SET status = 'SUCCESS', completed_at = created_at, "
            f"created_at = created_at - {age}::bigint * 1000 WHERE name = 'fulfil' AND ({ended.format(key, key)})"
        )
        connection.exec_driver_sql(
            f"UPDATE paper2code_jobs SET created = created - {age} WHERE {ended.format('id', 'id')}"
        )
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    database.dispose()


def answers(url: str) -> dict[str, float]:
    """Median milliseconds of what people and webhooks wait for."""
    engine = Engine(url)
    register = engine.register
    newcomer = job(10**9)
    numbers = itertools.count()

    def intake() -> None:
        engine.ask(Request(f"r{next(numbers)}", newcomer.place, "alice", 7, datetime.now(UTC), None))

    asked: dict[str, Callable[[], object]] = {
        "list, first page": lambda: register.find(Wanted()),
        "list, page 100": lambda: register.find(Wanted(page=100)),
        "list, by words": lambda: register.find(Wanted(words="papers-7")),
        "list, of 40 repositories": lambda: register.find(Wanted(), range(FIRST, FIRST + 40)),
        "one job": lambda: engine.record(job(FIRST + 1).id),
        "quota": lambda: engine.recent(datetime.now(UTC) - timedelta(days=1), 1),
        "a job is submitted": lambda: engine.submit(
            replace(newcomer, id=f"1000000000-1-{next(numbers):012x}", paper=f"2401.{next(numbers):05}")
        ),
        "a request is stored": intake,
    }
    took = {}
    for name, ask in asked.items():
        times = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            ask()
            times.append(1000 * (time.perf_counter() - began))
        took[name] = statistics.median(times)
    engine.close()
    return took


def main(waiting: int = 10_000, stored: int = 100_000) -> None:
    """Print two Markdown tables."""
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        url = _database(server, "many")
        fill(url, waiting, stored)
        print(f"| {waiting:,} waiting, {stored:,} stored | ms |\n|---|---|", flush=True)
        for name, milliseconds in answers(url).items():
            print(f"| {name} | {milliseconds:.1f} |", flush=True)
        print(
            "\n| workers | jobs per minute | of the model's own pace | load |\n|---|---|---|---|", flush=True
        )
        for workers in WORKERS:
            url = _database(server, f"workers_{workers}")
            per_minute, share = throughput(url, workers, Path(folder))
            print(f"| {workers} | {per_minute:.1f} | {share:.2f} | {os.getloadavg()[0]:.0f} |", flush=True)


def _database(server: str, name: str) -> str:
    with sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


if __name__ == "__main__":
    if sys.argv[1:2] == ["employ"]:
        employ(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
