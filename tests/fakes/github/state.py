"""What the fake GitHub knows, and what can go wrong with it; nothing here talks to anybody."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
API = "/api/v3"
APP_ID, INSTALLATION, REPOSITORY_ID = 4711, 99, 123456
OWNER, NAME = "octo-org", "papers"
ACTIONS_TOKEN = "ghs_of_the_action"
CLIENT_ID, CLIENT_SECRET = "Iv1.8a61f9b3a7aba766", "the-secret-of-the-client"


ASKED = dict.fromkeys(("checks", "contents", "issues", "pull_requests"), "write") | {"metadata": "read"}
HEARD = ("issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    """Without `/api/v3`."""
    query: dict[str, list[str]]
    body: bytes
    content_type: str
    status: int
    answer: bytes
    answer_type: str


@dataclass
class Fault:
    """Something that goes wrong the next `times` times."""

    method: str
    path: re.Pattern[str]
    times: int
    status: int | None
    """None: the connection is dropped."""
    carried_out: bool
    """The request has its effect all the same."""
    headers: dict[str, str]
    message: str


@dataclass
class Token:
    """What a token may do, and as whom."""

    login: str
    permissions: dict[str, str]
    repositories: list[int]
    expires: datetime
    revoked: bool = False
    person: bool = False
    """A person's, for the App."""


@dataclass
class State:
    """What GitHub knows; tests read and write it."""

    users: dict[str, int] = field(
        default_factory=lambda: {
            OWNER: 1,
            "alice": 2,
            "mallory": 3,
            "paper2code[bot]": 1001,
            "github-actions[bot]": 41898282,
        }
    )
    permissions: dict[str, str] = field(default_factory=lambda: {OWNER: "admin", "alice": "write"})
    issues: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, Json] = field(default_factory=dict)
    editors: dict[int, list[str]] = field(default_factory=dict)
    """Who has edited a comment, apart from its author."""
    reactions: list[Json] = field(default_factory=list)
    labels: dict[int, list[str]] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    reviews: list[Json] = field(default_factory=list)
    """Each with its `comments`, as they were sent."""
    remarks: dict[int, Json] = field(default_factory=dict)
    """Comments at lines of pull requests."""
    resolved: set[int] = field(default_factory=set)
    """Threads at lines, by their first comment."""
    checks: list[Json] = field(default_factory=list)
    annotations: dict[int, list[Json]] = field(default_factory=dict)
    """Of each check run."""
    files: dict[str, str] = field(default_factory=dict)
    """Files on the default branch that the contents API shows."""
    artifacts: list[Json] = field(default_factory=list)
    """Of workflow runs, oldest first, each with its `data`."""
    deliveries: list[Json] = field(default_factory=list)
    """Of the App's webhook, oldest first, each with its `payload`."""
    names: list[str] = field(default_factory=lambda: [f"{OWNER}/{NAME}"])
    """Of the repository, the present one last; the former ones redirect."""
    installed: bool = True
    asked: Json = field(default_factory=lambda: dict(ASKED))
    """Permissions that the App asks for."""
    granted: Json = field(default_factory=lambda: dict(ASKED))
    """Those that its installation was given."""
    heard: list[str] = field(default_factory=lambda: list(HEARD))
    """Events that the App subscribes to."""
    suspended: bool = False
    archived: bool = False
    default_branch: str = "main"
    drafts: bool = True
    actions_may_open_pulls: bool = True
    may_mark_ready: bool = True
    private: bool = False
    """The repository."""
    browsing: str = "alice"
    """Who sits at the browser, signed in at GitHub."""
    grants: dict[str, Json] = field(default_factory=dict)
    """Code → what was asked for when it was given."""

    def role(self, login: str) -> str:
        """Of a person in the repository."""
        return self.permissions.get(login, "none" if self.private else "read")


def now() -> str:
    """As GitHub writes it."""
    return text(datetime.now(UTC))


def text(moment: datetime) -> str:
    """As GitHub writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
