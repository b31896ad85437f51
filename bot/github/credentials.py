"""Who we are towards GitHub: tokens minted narrow, deliveries asked for again, and its refusals in words.

GitHubError                 the message holds GitHub's own words and no credentials
├── GitHubRefused           asking again will not help; `hint` says what a person can do
└── GitHubUnavailable       5xx, rate limit, no connection; `wait` is GitHub's wish in seconds
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import requests
from github import Auth, Github, GithubException, RateLimitExceededException
from github.HookDelivery import HookDeliverySummary
from github.PaginatedList import PaginatedList
from jwt.exceptions import PyJWTError

from bot.intake.jobs import Place
from pipeline.headers import number, retry_after
from pipeline.markdown import line

PERMISSIONS = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
EVENTS = ("issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment")
"""That the App listens to; those on its installation come by themselves."""
_REDELIVERABLE = timedelta(days=3)
_ACTIONS_BOT = ("github-actions[bot]", 41898282)
_HINTS = {
    "not permitted to create": "Allow it under Settings → Actions → General → Workflow permissions: “Allow "
    "GitHub Actions to create and approve pull requests”.",
    "not accessible by": "The token or the App lacks a permission: it needs contents, issues, pull requests "
    "and checks to write, metadata to read.",
    "archived": "The repository is archived and takes no changes. Unarchive it, then ask again.",
    "locked": "The conversation is locked.",
    "suspended": "Whoever installed the App has suspended it; on its settings page they can lift that.",
    "Bad credentials": "Give a token that is valid; in a workflow, leave `github-token` out or mend "
    "its secret.",
    "is deleted": "The issue is gone. Open another one and ask there.",
    "head invalid": "The branch is gone, or the default branch holds its files already. “retry” makes it again.",
}
_GONE = (
    "The App is no longer installed on this repository, or the repository is gone. Install it there again."
)


class GitHubError(Exception):
    """GitHub did not do what was asked."""


class GitHubRefused(GitHubError):
    """GitHub said no."""

    def __init__(self, message: str, status: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint or next((hint for words, hint in _HINTS.items() if words in message), "")


class GitHubUnavailable(GitHubError):
    """GitHub could not answer."""

    def __init__(self, message: str, wait: float = 0) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True)
class Identity:
    """Who writes."""

    login: str
    id: int

    @property
    def author(self) -> str:
        """As git wants it."""
        return f"{self.login} <{self.id}+{self.login}@users.noreply.github.com>"


@dataclass(frozen=True)
class _Attempt:
    """GitHub tried to deliver an event."""

    id: int
    when: datetime
    status: int
    """Of our answer; 0 without one."""


@dataclass(frozen=True)
class Standing:
    """How the App stands at GitHub."""

    slug: str
    lacking: tuple[str, ...]
    """Permissions, as `checks: write`, that the App does not ask for, or that an installation has not granted yet."""
    unheard: tuple[str, ...]
    """Events that it does not subscribe to."""
    installations: int
    delivered: int
    """Of the last deliveries; at most 100 are looked at."""
    undelivered: int
    answered: int
    """Status of our answer to the latest of them; 0: GitHub had none, or there was no delivery."""


class Credentials(Protocol):
    """Who we are towards GitHub."""

    @property
    def renews(self) -> bool:
        """Whether another token can be had for one that GitHub no longer takes."""
        ...

    def identity(self, api_url: str) -> Identity:
        """Of the account that our writes are made by."""
        ...

    def token(self, place: Place, api_url: str) -> str:
        """A new token for the place's repository."""
        ...


class AppCredentials:
    """A GitHub App: its private key signs a short-lived JWT, which gets installation tokens."""

    renews = True

    def __init__(self, app_id: int, private_key: str) -> None:
        self._auth = Auth.AppAuth(app_id, private_key)

    def identity(self, api_url: str) -> Identity:
        """The App's bot account."""
        with Github(auth=self._auth, base_url=api_url, retry=None) as app:
            _, data = app.requester.requestJsonAndCheck("GET", "/app")
        login = f"{data['slug']}[bot]"
        with Github(base_url=api_url, retry=None) as anyone:
            return Identity(login, anyone.get_user(login).id)

    def token(self, place: Place, api_url: str) -> str:
        """An installation token for one repository."""
        wanted = {"repository_ids": [place.repository_id], "permissions": PERMISSIONS}
        with Github(auth=self._auth, base_url=api_url, retry=None) as app:
            try:
                _, data = app.requester.requestJsonAndCheck(
                    "POST", f"/app/installations/{place.installation}/access_tokens", input=wanted
                )
            except GithubException as error:
                if error.status not in (404, 422):
                    raise
                raise GitHubRefused("the App has no access to this repository", error.status, _GONE) from None
        return str(data["token"])

    def standing(self, api_url: str, events: Collection[str]) -> Standing:
        """What GitHub knows of the App, against what is needed; `events` are wanted. Raises GitHubError."""
        with worded(), Github(auth=self._auth, base_url=api_url, retry=None) as app:

            def ask(path: str) -> Any:
                return app.requester.requestJsonAndCheck("GET", path)[1]

            known, everywhere = ask("/app"), ask("/app/installations?per_page=100")
            statuses = [each["status_code"] for each in ask("/app/hook/deliveries?per_page=100")]
        granted = [known["permissions"], *(each["permissions"] for each in everywhere)]
        good = sum(200 <= status < 300 for status in statuses)
        return Standing(
            known["slug"],
            tuple(
                f"{name}: {level}"
                for name, level in PERMISSIONS.items()
                if any(has.get(name) not in (level, "write") for has in granted)
            ),
            tuple(sorted(set(events) - set(known["events"]))),
            len(everywhere),
            good,
            len(statuses) - good,
            statuses[0] if statuses else 0,
        )

    def redeliver(self, api_url: str) -> int:
        """Have GitHub send again the events that never arrived; how many. Raises GitHubError.

        One that keeps failing is left alone as long again as it has been failing.
        """
        now, attempts = datetime.now(UTC), dict[str, list[_Attempt]]()
        with worded(), Github(auth=self._auth, base_url=api_url, retry=None, per_page=100) as app:
            for delivery in PaginatedList(HookDeliverySummary, app.requester, "/app/hook/deliveries", {}):
                data = delivery.raw_data
                attempt = _Attempt(
                    data["id"], datetime.fromisoformat(data["delivered_at"]), data["status_code"]
                )
                if now - attempt.when > _REDELIVERABLE:
                    break
                attempts.setdefault(data["guid"], []).append(attempt)
            due = [
                latest.id
                for latest, first, tried in ((tried[0], tried[-1], tried) for tried in attempts.values())
                if not any(200 <= each.status < 300 for each in tried)
                and now - latest.when >= latest.when - first.when
            ]
            for number in due:
                app.requester.requestJsonAndCheck("POST", f"/app/hook/deliveries/{number}/attempts")
        return len(due)


class TokenCredentials:
    """A token that somebody gave us: the Action's, or a person's."""

    renews = False

    def __init__(self, token: str) -> None:
        self._token = token

    def identity(self, api_url: str) -> Identity:
        """The token's owner; the Action's token may not ask and belongs to GitHub Actions."""
        try:
            with Github(auth=Auth.Token(self._token), base_url=api_url, retry=None) as client:
                user = client.get_user()
                return Identity(user.login, user.id)
        except GithubException as error:
            if error.status != 403:
                raise
            return Identity(*_ACTIONS_BOT)

    def token(self, place: Place, api_url: str) -> str:
        """The same for every place."""
        return self._token


@contextmanager
def worded() -> Iterator[None]:
    """Turn what PyGithub raises into a GitHubError, in words that hold no secret."""
    try:
        yield
    except RateLimitExceededException as error:
        raise GitHubUnavailable("GitHub's rate limit is reached", _wait(error)) from None
    except GithubException as error:
        data = error.data if isinstance(error.data, dict) else {}
        details = [_detail(item) for item in data.get("errors") or () if isinstance(item, dict)]
        words = line(". ".join(filter(None, [str(data.get("message", "")), *details])) or "no reason given")
        if error.status >= 500 or error.status == 429:
            raise GitHubUnavailable(f"GitHub answered {error.status}: {words}", _wait(error)) from None
        raise GitHubRefused(f"GitHub answered {error.status}: {words}", error.status) from None
    except PyJWTError:
        raise GitHubRefused("the App's private key is none") from None
    except requests.RequestException as error:
        raise GitHubUnavailable(f"GitHub cannot be reached ({type(error).__name__})") from None


def _detail(error: Mapping[str, object]) -> str:
    """What is wrong with a field, of those that a 422 names."""
    return str(error.get("message") or f"{error.get('field', '')} {error.get('code', '')}".strip())


def _wait(error: GithubException) -> float:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    wait = retry_after(headers.get("retry-after", ""), time.time())
    if wait is not None:
        return wait
    reset = number(headers.get("x-ratelimit-reset", ""))
    if reset is not None and headers.get("x-ratelimit-remaining") == "0":
        return max(0.0, reset - time.time())
    return 60.0 if error.status in (403, 429) else 0.0
