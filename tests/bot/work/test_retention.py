"""Retention: what is old goes, and what a job needs stays."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from uv import find_uv_bin

from bot.intake.progress import Entry
from bot.jobs.database import Journals, connect
from bot.jobs.engine import Engine
from bot.work.retention import tidy
from bot.work.worker import Worker
from sandbox.packages import made_once
from settings import Settings
from tests.bot.conftest import until
from tests.bot.work.test_worker import job
from tests.fakes.github.server import FakeGitHub

DAY = 86_400.0
FIRST, SECOND = "123456-1-aaaaaaaaaaaa", "123456-1-bbbbbbbbbbbb"


def aged(path: Path, days: float) -> Path:
    """`path`, with all in it, as if nobody had touched it for so long."""
    then = time.time() - days * DAY
    for each in (*path.rglob("*"), path):
        os.utime(each, (then, then), follow_symlinks=False)
    return path


def kept(path: Path, days: float = 0) -> Path:
    """A file, of so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return aged(path, days)


def test_a_data_folder_loses_what_nobody_used_for_long_and_nothing_else(
    engine: Engine, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "data", folder_days=30, cache_days=7)
    data = settings.data_dir
    waits = job(id=FIRST)
    engine.submit(waits)
    old = [
        kept(data / "arxiv/objects/0a", 8),
        kept(data / "arxiv/versions/1706.03762v7.json", 8),
        kept(data / "packages/locks/0a.json", 8),
        kept(data / "jobs/0123456789abcdef/journal.jsonl", 31).parent,
    ]
    aged(old[-1], 31)
    for name in ("deps/idle", "deps/used", "tools/used"):
        kept(data / "packages" / name / "six.py")
        aged(data / "packages" / name, 8)
    with made_once(data / "packages/deps/used") as missing:
        assert missing is None
    aged(kept(waits.folder(data) / "journal.jsonl").parent, 31)
    fresh = [
        kept(data / "arxiv/objects/0b", 6),
        kept(data / "jobs/fedcba9876543210/journal.jsonl", 29),
        kept(data / "github-app.json", 999),
        kept(data / "scores/0a/journal.jsonl", 999),
        waits.folder(data) / "journal.jsonl",
        data / "packages/deps/used/six.py",
    ]
    aged(data / "jobs/fedcba9876543210", 29)
    tidy(settings, engine)
    assert [path for path in fresh if not path.exists()] == []
    assert [path for path in (*old, data / "packages/deps/idle") if path.exists()] == []


def test_uvs_cache_is_emptied_once_it_is_old(engine: Engine, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cache_days=7)
    cache = tmp_path / "packages/uv"
    wheel = kept(cache / "archive-v0/0a/six.py", 8)
    kept(cache / "CACHEDIR.TAG", 6)
    tidy(settings, engine)
    assert wheel.exists() and Path(find_uv_bin()).exists()
    aged(cache, 8)
    tidy(settings, engine)
    assert not wheel.exists()


def test_rows_are_kept_for_as_long_as_the_settings_say(
    hub: FakeGitHub, worker: Worker, engine: Engine, database: str, tmp_path: Path
) -> None:
    """First go the answers, logs and evidence, then that there was a job; what waits stays whatever its age."""
    hub.open_issue("A", "")
    storage = connect(database)
    journals = Journals(storage)
    engine.submit(job(id=FIRST, created=datetime.now(UTC)))
    engine.log(FIRST, [Entry(time.time(), "note", "begun")])
    journals.open(tmp_path / "key" / "journal.jsonl")("an answer")
    with engine.working(worker):
        until(lambda: engine.latest()[0].outcome is not None)
    engine.submit(job(id=SECOND, paper="2504.17192"))

    def forgotten(paid: float, record: float) -> tuple[bool, ...]:
        engine.forget(paid, record)
        journal = tmp_path / f"{paid} {record}" / "key/journal.jsonl"
        journals.open(journal)
        return (
            bool(journal.read_text()),
            bool(engine.register.entries(FIRST)),
            engine.register.evidence(FIRST) is not None,
            engine.record(FIRST) is not None,
            engine.register.listed(FIRST) is not None,
        )

    assert forgotten(1, 1) == (True, True, True, True, True)
    assert forgotten(-1, 1) == (False, False, False, True, True)
    assert forgotten(-1, -1) == (False, False, False, False, False)
    assert [record.job.id for record in engine.recent(datetime.now(UTC) + timedelta(days=1))] == [SECOND]
    assert engine.register.listed(SECOND)
    storage.dispose()
