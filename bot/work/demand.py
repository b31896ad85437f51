"""A paper that a workflow run names itself: started by hand, by a schedule, or by another program."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from bot.github.github import GitHub
from bot.intake import configuration
from bot.intake.commands import OPTIONS, Command, near, parse
from bot.intake.configuration import Configuration, ConfigurationInvalid
from bot.intake.intake import LONGEST_WISH, Refusal, with_options
from bot.intake.jobs import Job, Place
from bot.intake.money import surely_a_cap, unset_cap
from bot.work.answering import instructed
from pipeline.reading.references import besides, references
from settings import Settings

_INPUTS = ("paper", "scope", "issue", *OPTIONS)


def demanded(settings: Settings, payload: Mapping[str, Any], github: GitHub) -> Job | None:
    """The job; None where the event alone says what to do. Raises ValueError, ConfigurationInvalid, GitHubError.

    The action's own inputs come before those of `workflow_dispatch`, and these before a `repository_dispatch`'s
    `client_payload`. What else a command can have as `key=value` may be an input as well.
    """
    events = [each for name in ("client_payload", "inputs") if isinstance(each := payload.get(name), dict)]
    if not (settings.paper or any(_key(written) == "paper" for each in events for written in each)):
        return None
    given = {key: text for each in events for key, text in _given(each).items()}
    paper = settings.paper or given.get("paper")
    if not paper:
        return None
    _refuse_unknown(given)
    found = references(paper) or references(f"arxiv:{paper}")
    if not found:
        raise ValueError(f"{paper!r} is no arXiv paper; an identifier looks like 1706.03762")
    if len(found) > 1:
        raise ValueError(f"{paper!r} names {len(found)} papers; a workflow run on demand takes one")
    scope = settings.scope or given.get("scope", "")
    for name, cap in (
        ("paper", unset_cap(besides(paper)) or surely_a_cap(paper)),
        ("scope", unset_cap(scope)),
    ):
        if cap:
            raise ValueError(f"`{name}` says {cap!r}, which sets no cap; the input `max_usd` sets it")
    scope = " ".join(part for part in (_beside(paper), scope) if part)
    if len(scope) > LONGEST_WISH:
        raise ValueError(f"`scope` can have at most {LONGEST_WISH} characters")
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


def _key(written: str) -> str:
    return written.strip().lower().replace("-", "_")


def _given(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Those that are not empty, by their names. Raises ValueError where one of ours is given twice, or is no text."""
    spelt: dict[str, str] = {}
    given: dict[str, str] = {}
    for written, value in inputs.items():
        key, text = _key(written), _text(value)
        if key in _INPUTS and isinstance(value, dict | list):
            raise ValueError(f"the input {written!r} has to be text or a number")
        if text and key in _INPUTS and key in spelt:
            raise ValueError(f"{spelt[key]!r} and {written!r} are one input, given twice")
        if text:
            spelt[key], given[key] = written, text
    return given


def _refuse_unknown(given: Mapping[str, str]) -> None:
    """Raises ValueError.

    A workflow that hands over `paper` itself may have inputs of its own, by names of its own; what could be a cap is
    refused there as well.
    """
    for key, text in given.items():
        option, caps = near(key), unset_cap(f"{key} {text}")
        if key in _INPUTS or not ("paper" in given or option == "max_usd" or caps):
            continue
        close = get_close_matches(key, _INPUTS, n=1, cutoff=0.75)
        meant = option or ("max_usd" if caps else next(iter(close), ""))
        hint = f"; did you mean `{meant}`?" if meant else ""
        raise ValueError(
            f"there is no input {key!r}; there are {', '.join(f'`{each}`' for each in _INPUTS)}{hint}"
        )


def _beside(paper: str) -> str:
    """What `paper` says of the paper that it names: a wish, as behind a command. Raises ValueError."""
    wish = besides(paper)
    said = parse(f"/paper2code arxiv:0704.0001 {wish}")
    if isinstance(said, Command) and said.wish == wish:
        return wish
    raise ValueError(
        f"`paper` says {wish!r} beside the paper; `scope` says what of it is wanted, and each key is an input"
    )


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
