"""The way to a repository on GitHub: who we are, and a client whose token is kept for less than its hour.

What is asked and written there is `github.py`'s. A repository is addressed by its number: its name may change,
and PyGithub follows redirects without the query and takes a refused write for done.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from github import Auth, Github, GithubException
from github.Repository import Repository

from bot.github.credentials import Credentials, GitHubUnavailable, Identity, worded
from bot.intake.jobs import Place

PAGE = 100
"""Entries of a list in one answer; GitHub gives no more."""
_TOKEN_SECONDS = 45 * 60


class Connection:
    """One client for each repository. Safe to use from several threads."""

    def __init__(self, credentials: Credentials, api_url: str, seconds_between_writes: float) -> None:
        self._credentials = credentials
        self._api_url = api_url
        self._pause = seconds_between_writes
        self._identity: Identity | None = None
        self._clients: dict[tuple[int | None, int], tuple[Github, float]] = {}
        self._lock = threading.Lock()

    @property
    def identity(self) -> Identity:
        """Who writes. Raises GitHubError."""
        if self._identity is None:
            with worded():
                self._identity = self._credentials.identity(self._api_url)
        return self._identity

    def token(self, place: Place) -> str:
        """A new token, which the client does not use. Raises GitHubError."""
        with worded():
            return self._credentials.token(place, self._api_url)

    @contextmanager
    def repository(self, place: Place) -> Iterator[Repository]:
        """The place's repository, not yet asked for; what PyGithub raises within becomes a GitHubError."""
        with worded():
            try:
                yield self._client(place).get_repo(place.repository_id)
            except GithubException as error:
                if error.status != 401 or not self._credentials.renews:
                    raise
                with self._lock:
                    self._clients.pop(_key(place), None)
                raise GitHubUnavailable("GitHub no longer takes the token") from None

    def _client(self, place: Place) -> Github:
        key = _key(place)
        with self._lock:
            client, expires = self._clients.get(key, (None, 0.0))
            if client is None or time.monotonic() > expires:
                token = self._credentials.token(place, self._api_url)
                client = Github(
                    auth=Auth.Token(token),
                    base_url=self._api_url,
                    retry=None,
                    lazy=True,
                    per_page=PAGE,
                    seconds_between_requests=self._pause / 4,
                    seconds_between_writes=self._pause,
                )
                self._clients[key] = (client, time.monotonic() + _TOKEN_SECONDS)
            return client


def _key(place: Place) -> tuple[int | None, int]:
    return (place.installation, place.repository_id)
