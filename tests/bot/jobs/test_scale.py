"""What `make bench-workers` measures is what it says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_a_worker_of_it_does_the_jobs(postgresql: str, tmp_path: Path) -> None:
    per_minute, share = throughput(postgresql, 1, tmp_path, latency=0.01)
    assert per_minute > 1 and 0 < share < 1
