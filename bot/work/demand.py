"""A paper that a workflow run names itself: started by hand, by a schedule, or by another program."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.github.github import GitHub
from bot.intake import configuration
from bot.intake.commands import OPTIONS, near, unset_cap
from bot.intake.configuration import Configuration, ConfigurationInvalid
from bot.intake.intake import LONGEST_WISH, Refusal, with_options
from bot.intake.jobs import Job, Place
from bot.work.answering import instructed
from pipeline.reading.references import besides, references
from settings import Settings


def demanded(settings: Settings, payload: Mapping[str, Any], github: GitHub) -> Job | None:
    """The job; None where the event alone says what to do. Raises ValueError, ConfigurationInvalid, GitHubError.

    The action's own inputs come before those of `workflow_dispatch`, and these before a `repository_dispatch`'s
    `client_payload`. What else a command can have as `key=value` may be an input as well.
    """
    given = {key: text for each in _inputs(payload) for key, value in each.items() if (text := _text(value))}
    paper = settings.paper or given.get("paper")
    if not paper:
        return None
    found = references(paper) or references(f"arxiv:{paper}")
    if not found:
        raise ValueError(f"{paper!r} is no arXiv paper; an identifier looks like 1706.03762")
    if len(found) > 1:
        raise ValueError(f"{paper!r} names {len(found)} papers; a workflow run on demand takes one")
    scope = settings.scope or given.get("scope", "")
    if len(scope) > LONGEST_WISH:
        raise ValueError(f"`scope` can have at most {LONGEST_WISH} characters")
    for name, text in (("paper", besides(paper)), ("scope", scope)):
        if cap := unset_cap(text):
            raise ValueError(f"`{name}` says {cap!r}, which sets no cap; the input `max_usd` sets it")
    if cap := next((key for key in given if key not in OPTIONS and _means_a_cap(key)), ""):
        raise ValueError(f"the input {cap!r} sets no cap; `max_usd` sets it")
    place = _place(settings, payload, settings.issue or given.get("issue", ""))
    options = tuple((key, given[key]) for key in OPTIONS if key in given)
    now = datetime.now(UTC)
    identity = f"{place} {found[0]} {settings.github_run_id or now}"
    return instructed(
        github,
        Job(
            hashlib.sha256(identity.encode()).hexdigest()[:12],
            place,
            (payload.get("sender") or {}).get("login") or settings.github_actor or "",
            str(found[0]),
            _wishes(github, place, options),
            now,
            options=options,
            scope=scope,
        ),
    )


def _means_a_cap(key: str) -> bool:
    return near(key) == "max_usd" or re.search(r"usd|dollar|budget|cost|spend", key) is not None


def _inputs(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    named = (payload.get("client_payload"), payload.get("inputs"))
    given = (each for each in named if isinstance(each, dict))
    return [{key.lower().replace("-", "_"): each[key] for key in each} for each in given]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value).strip()


def _place(settings: Settings, payload: Mapping[str, Any], issue: str) -> Place:
    match = re.fullmatch(r"(?:#|\S{1,300}/issues/)?([1-9]\d{0,17})", issue) if issue else None
    if issue and not match:
        raise ValueError(f"{issue!r} is no issue's number; one looks like 12")
    # A schedule's event need not tell of its repository.
    repository = payload.get("repository") or {}
    name = repository.get("full_name") or settings.github_repository
    number = repository.get("id") or settings.github_repository_id
    if not (name and number):
        raise ValueError(
            "neither the event nor GITHUB_REPOSITORY and GITHUB_REPOSITORY_ID name the repository"
        )
    private = bool(repository.get("private"))
    return Place(name, number, int(match[1]) if match else None, private=private)


def _wishes(github: GitHub, place: Place, options: tuple[tuple[str, str], ...]) -> Configuration:
    wishes = with_options(configuration.read(github.configuration(place)), options)
    if isinstance(wishes, Refusal):
        raise ConfigurationInvalid([wishes.message])
    return wishes
