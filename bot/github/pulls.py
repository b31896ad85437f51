"""What is said to GitHub of a pull request, and what is heard of it: values, no calls."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PullRequest:
    """An open pull request."""

    number: int
    url: str


@dataclass(frozen=True)
class Annotation:
    """A remark at lines of a file."""

    path: str
    start: int
    end: int
    level: Literal["notice", "warning", "failure"]
    title: str
    message: str


@dataclass(frozen=True)
class CheckRun:
    """A check that has ended."""

    name: str
    conclusion: Literal["success", "failure", "neutral"]
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Comment:
    """At lines of a file of a pull request, as the pull request leaves them."""

    path: str
    start: int
    end: int
    body: str


@dataclass(frozen=True)
class Pull:
    """A pull request, as far as it matters who may change it."""

    branch: str
    base: str
    open: bool
    here: bool
    """The branch is of the same repository, no fork's."""
    ours: bool
    """We opened it, from a branch that is `here`."""


@dataclass(frozen=True)
class Remark:
    """A comment that somebody wrote."""

    author: str
    body: str
    id: int = 0
    url: str = ""
    by_bot: bool = False


@dataclass(frozen=True)
class Edits:
    """Who has edited a comment."""

    people: tuple[str, ...]
    """All but bots."""
    last: str | None
    """Whose edit made the present text; None: a bot's, or nobody's."""


@dataclass(frozen=True)
class Thread:
    """What was said at lines of a pull request, and nobody has resolved."""

    node: str
    """As GraphQL names it."""
    first: int
    """Id of its first comment."""
    remarks: tuple[Remark, ...]
    path: str
    lines: tuple[int, int] | None
    commit: str
    hunk: str


@dataclass(frozen=True)
class Conversation:
    """What was said, and at which place of a pull request; without `path` it has none."""

    remarks: tuple[Remark, ...]
    path: str = ""
    commit: str = ""
    """The commit in which the place is at `lines`."""
    lines: tuple[int, int] | None = None
    """First and last; None where they have gone, or were never there."""
    hunk: str = ""
    """The place as it was commented on, in a diff."""
