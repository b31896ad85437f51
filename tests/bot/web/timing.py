"""Time to the first byte of the list and of a job's page with many jobs stored (ARGS: how many, default 10000)."""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.intake.configuration import Configuration
from bot.intake.jobs import JOB, Job, Outcome, Place
from bot.intake.progress import Board
from bot.jobs.engine import Engine, database_url
from bot.web.webhook import create_app
from pipeline.progress import Progress
from settings import Settings

_TOKEN = "only-for-this-measurement"
_TIMES = 15


def _stored(engine: Engine, count: int) -> str:
    """Jobs of 40 repositories over 60 days, all but the last ended; the id of the last."""
    first = Job(
        "", Place("octo-org/papers", 1, 1, 99), "alice", "1706.03762", Configuration(), datetime.now(UTC)
    )
    board = Board().after(Progress("paper", "finished", "Attention Is All You Need", usd=0.1), time.time())
    ended = Outcome("done", "runs", "https://github.com/octo-org/papers/pull/7", usd=0.46, score=4.0)
    for number in range(count):
        place = replace(
            first.place, repository=f"octo-org/papers-{number % 40}", repository_id=number % 40, issue=number
        )
        created = first.created - timedelta(days=60 * (count - number) / count)
        job = replace(first, id=f"{number % 40}-{number}-{number:012x}", place=place, created=created)
        engine.submit(JOB.validate_json(JOB.dump_json(job)))
        if number < count - 1:
            engine.register.noted(job.id, board)
            engine.register.ended(job.id, ended)
    return job.id


def main(count: int = 10_000) -> None:
    """Print medians of milliseconds, without a network in between."""
    with tempfile.TemporaryDirectory() as folder:
        secret = SecretStr(_TOKEN)
        settings = Settings(data_dir=Path(folder), github_webhook_secret=secret, dashboard_token=secret)
        engine = Engine(database_url(settings))
        last = _stored(engine, count)
        client = create_app(settings, engine).test_client()
        print(f"{count:,} jobs, SQLite")
        for name, path in {
            "list": "/",
            "search": "/?q=papers-7",
            "page 100": "/?page=100",
            "job": f"/jobs/{last}",
        }.items():
            took = []
            for _ in range(_TIMES):
                began = time.perf_counter()
                answer = client.get(path, headers={"Authorization": f"Bearer {_TOKEN}"})
                took.append(1000 * (time.perf_counter() - began))
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
            print(f"{name:9} {statistics.median(took):7.1f} ms (worst {max(took):.1f})")
        engine.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
