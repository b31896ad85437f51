"""The worker process: an engine that works until it is told to stop, and what is to be done now and then."""

import logging
import threading
from collections.abc import Callable

from bot.github.credentials import AppCredentials
from bot.github.github import GitHub
from bot.intake.configuration import Quota
from bot.jobs.engine import Engine, database_url
from bot.jobs.patience import attempt
from bot.work.proposing import Propose
from bot.work.retention import tidy
from bot.work.revising import Inquire, Revise
from bot.work.worker import Reproducer, Worker
from settings import Settings

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_CHORES = 600


def work(
    settings: Settings,
    make: Reproducer,
    stop: threading.Event,
    *chores: Callable[[], object],
    dead_after: float = 60,
    revise: Revise | None = None,
    propose: Propose | None = None,
    inquire: Inquire | None = None,
) -> None:
    """The worker process: fulfil jobs until `stop` is set. Raises ValueError without an App's credentials.

    `chores` are done at the start and every ten minutes, as is asking GitHub for the events that never
    arrived, and removing what is old; one that fails is logged and tried again then.
    """
    if settings.github_app_id is None or settings.github_app_private_key is None:
        raise ValueError("GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY (or …_PATH) are needed to work")
    key = settings.github_app_private_key.get_secret_value()
    credentials = AppCredentials(settings.github_app_id, key)
    github = GitHub(credentials, settings.github_api_url, settings.github_server_url)
    engine = Engine(database_url(settings), dead_after)
    try:
        allowed = Quota(per_day=settings.installation_per_day, concurrent=settings.installation_concurrent)
        worker = Worker(
            github,
            make,
            settings.data_dir,
            allowed,
            pages=settings.public_url,
            revise=revise,
            propose=propose,
            inquire=inquire,
        )
        with engine.working(worker, settings.jobs):
            _log.info(
                "Works on %d jobs at a time; %d requests wait for an answer", settings.jobs, engine.pending()
            )
            while True:
                attempt(lambda: credentials.redeliver(settings.github_api_url))
                attempt(lambda: tidy(settings, engine))
                for chore in chores:
                    attempt(chore)
                if stop.wait(_SECONDS_BETWEEN_CHORES):
                    break
    finally:
        engine.close()
