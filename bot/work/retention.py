"""What a worker removes of what nobody needs any more: in its data folder, and in the database."""

import logging
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.jobs.engine import Engine
from bot.jobs.patience import attempt
from sandbox import uv
from settings import Settings

_log = logging.getLogger(__name__)
_CACHES = (
    "arxiv/objects",
    "arxiv/versions",
    "packages/deps",
    "packages/locks",
    "packages/tools",
)
"""Folders of things that are made or fetched again where they are missing."""


def tidy(settings: Settings, engine: Engine) -> None:
    """Remove what is older than the settings keep it, and in no job's hands. What fails is left for the next time."""
    data = settings.data_dir
    for folder in _CACHES:
        for path in _older(data / folder, settings.cache_days):
            attempt(partial(_remove, path))
    attempt(lambda: uv.forget(data / "packages", settings.cache_days))
    if old := list(_older(data / "jobs", settings.folder_days)):
        needed = {record.job.folder(data) for record in engine.recent(datetime.now(UTC)) if record.active}
        for path in old:
            if path not in needed:
                attempt(partial(_remove, path))
    engine.forget(settings.journal_days, settings.record_days)


def _older(folder: Path, days: float) -> Iterator[Path]:
    """What lies in `folder` and was changed, like all that lies directly in it, more than `days` ago."""
    last = time.time() - days * 86_400
    for path in folder.iterdir() if folder.is_dir() else ():
        files = path.iterdir() if path.is_dir() else ()
        if max(each.lstat().st_mtime for each in (path, *files)) < last:
            yield path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    _log.info("Removed %s: not used for long", path)
