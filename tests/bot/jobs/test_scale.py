"""What `make bench-workers` measures is what it says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.jobs.database import connect
from bot.jobs.engine import Engine
from bot.jobs.register import Wanted
from tests.bot.jobs.scale import FIRST, answers, fill, job, throughput


def test_the_jobs_that_it_stores_are_like_those_that_somebody_asked_for(postgresql: str) -> None:
    fill(postgresql, waiting=30, stored=70)
    engine = Engine(postgresql)
    later = datetime.now(UTC) + timedelta(days=1)
    waiting = engine.recent(later)
    assert {record.state for record in waiting} == {"queued"} and len(waiting) == 29
    assert engine.register.find(Wanted()).total == 100
    last, ended = (engine.record(job(FIRST + number).id) for number in (30, 31))
    assert last and last.job.id == job(FIRST + 30).id
    assert ended and not ended.active
    engine.close()
    assert min(answers(postgresql).values()) > 0


def test_no_request_makes_the_database_read_all_jobs(postgresql: str) -> None:
    engine, database = Engine(postgresql), connect(postgresql)
    asked: list[tuple[str, Any]] = []
    sa.event.listen(
        engine._client._sys_db.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4])
    )
    engine.submit(job(FIRST))
    engine.recent(datetime.now(UTC) - timedelta(days=1), 1)
    with database.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        plans = [
            "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
            for statement, values in asked
            if statement.startswith("SELECT") and "workflow_status" in statement
        ]
    engine.close()
    database.dispose()
    assert len(plans) == 3 and not [plan for plan in plans if "Seq Scan on workflow_status" in plan]
    assert sum("paper2code_" in plan for plan in plans) == 3, "\n\n".join(plans)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", 3),
        ("ALICE", 3),
        ("papers-1", 1),
        ("alice papers-1", 1),
        ("17_6", 0),
        ("%", 0),
        ("papers-11706", 0),
    ],
)
def test_all_words_are_looked_for_as_they_stand_in_any_part_of_a_job(
    engine: Engine, words: str, found: int
) -> None:
    for number in (1, 2, 3):
        engine.submit(job(number))

    page = engine.register.find(Wanted(words))

    assert (len(page.jobs), page.total, page.pages) == (found, found, 1)
    assert engine.register.find(Wanted(words, page=2)).total == found


@pytest.mark.slow
def test_a_worker_of_it_does_the_jobs(postgresql: str, tmp_path: Path) -> None:
    per_minute, share = throughput(postgresql, 1, tmp_path, latency=0.01)
    assert per_minute > 1 and 0 < share < 1
