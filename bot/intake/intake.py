"""From a GitHub event to jobs. Pure: what must be fetched (configuration, permission) is handed in.

`read` looks at the event alone, before GitHub is answered; `admit` decides, once the worker has fetched the
rest. Quoted text, code and bots are never listened to.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from pydantic import TypeAdapter

from bot.intake.commands import Command, Mistake, has_command, mentioned_cap, parse, tells_command, usage
from bot.intake.configuration import Configuration, ConfigurationInvalid, Permission, overridden
from bot.intake.jobs import Job, Place, Request, job_id, paper_of
from pipeline.reading.references import references

LABEL = "paper2code"
"""Putting it on an issue asks for the papers that the issue names; on a pull request, to take up all open remarks."""
MARKER = "<!-- paper2code "
"""Begins what is hidden in our comments."""
_WRITTEN = re.compile(
    rf"^{re.escape(MARKER)}(?:answer|configuration|job|refusal|review) \S+(?: \S+)? -->\s*$", re.MULTILINE
)
"""Of whole texts, copies of them too; a template's comments say nothing of the kind."""
_MADE_OF = re.compile(r"^An implementation of \*\*.*?\]\((https://arxiv\.org/abs/[^\s)]+)\)", re.MULTILINE)
"""In a pull request of ours: there is no link in a title, which is inert."""
MOST_PAPERS = 3
LONGEST_WISH = 1000
"""Characters: so much is repeated back word for word."""
_RANKS = ("none", *get_args(Permission))

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A polite no, in Markdown."""

    message: str


@dataclass(frozen=True)
class Admitted:
    """May be done; `jobs` is empty for commands about jobs. `note` says what was left out."""

    jobs: tuple[Job, ...]
    note: str = ""


@dataclass(frozen=True)
class Ending:
    """Something is over, and with it the jobs for it."""

    when: datetime | None = None
    """What was asked for later is not meant; None: GitHub does not say when it was."""
    installation: int | None = None
    repositories: tuple[int, ...] | None = None
    """None: all of the installation's."""
    branch: str | None = None
    """None: all of the repositories'."""
    issue: int | None = None
    """Of which the plans end that wait or are being made; None: it is no issue that ended."""

    def ends(self, job: Job) -> bool:
        """Whether `job` is one of them."""
        return (
            (self.when is None or job.created <= self.when)
            and self.installation in (None, job.place.installation)
            and (self.repositories is None or job.place.repository_id in self.repositories)
            and self.branch in (None, job.branch)
            and (self.issue is None or (self.issue == job.place.issue and job.proposes))
        )


ENDING: TypeAdapter[Ending] = TypeAdapter(Ending)


def payload_of(data: bytes) -> dict[str, Any] | None:
    """The payload that GitHub sent, in Unicode whatever is escaped in it; None where it is none."""
    try:
        said = json.loads(data)
        if b"\\ud" in data.lower():  # half a pair can be escaped, and nobody could store it
            said = json.loads(json.dumps(said, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def read(event: str, payload: Payload) -> Request | None:
    """What `event` asks for, or None. Raises KeyError and TypeError on what is not a GitHub payload."""
    reader = _READERS.get((event, payload.get("action")))
    if reader is None or payload["sender"]["type"] != "User":
        return None
    return reader(payload)


def ended(event: str, payload: Payload) -> Ending | None:
    """What `event` makes an end of, or None. Raises as `read` does."""
    reader = _ENDINGS.get((event, payload.get("action")))
    return reader(payload) if reader else None


def admit(request: Request, configuration: Configuration, permission: str) -> Admitted | Refusal | None:
    """What to do about `request` by somebody with `permission`; None: nothing, in silence."""
    mention = request.mention or request.command is None
    if mention and configuration.trigger == "command":
        return None
    if not may(permission, configuration):
        if mention and not request.place.private:
            return None
        return Refusal(
            f"only people with `{configuration.permission}` permission on this repository can ask me, "
            "because every run costs its owner money. Somebody who has it can repeat the command."
        )
    if isinstance(request.command, Mistake):
        return Refusal(f"{request.command.message}\n\n{usage(request.place.hosted)}")
    if request.command is not None and not request.command.is_for_papers:
        return Admitted(())
    return _jobs(request, configuration)


def may(permission: str, configuration: Configuration) -> bool:
    """Whether somebody with `permission` may ask."""
    return _RANKS.index(permission) >= _RANKS.index(configuration.permission)


def _jobs(request: Request, configuration: Configuration) -> Admitted | Refusal:
    if not request.references:
        return Refusal(
            "I found no arXiv paper here. Name one in the command, like `/paper2code arxiv:1706.03762`, or "
            "put its arXiv link into the issue."
        )
    command = request.command if isinstance(request.command, Command) else Command("reproduce")
    options = command.options
    wanted = with_options(configuration, options)
    if isinstance(wanted, Refusal):
        return wanted
    papers, left = request.references[:MOST_PAPERS], request.references[MOST_PAPERS:]
    note = f"I take at most {MOST_PAPERS} papers at once. Left out: {', '.join(left)}." if left else ""
    jobs = (
        Job(
            job_id(request, paper),
            request.place,
            request.actor,
            paper,
            wanted,
            request.received,
            options=options,
            scope=command.wish,
        )
        for paper in papers
    )
    return Admitted(tuple(jobs), note)


def with_options(
    configuration: Configuration, options: tuple[tuple[str, str], ...]
) -> Configuration | Refusal:
    """The configuration of a job that was asked for with `options`."""
    try:
        return overridden(configuration, options)
    except ConfigurationInvalid as error:
        return Refusal("that cannot be done:\n\n" + "\n".join(f"- {problem}" for problem in error.problems))


def _opened(payload: Payload) -> Request | None:
    issue = payload["issue"]
    # Whoever moves an issue here, or makes one of a discussion, has not written it.
    author = issue["user"]
    if author is None or author["type"] != "User":
        return None
    payload = {**payload, "sender": author}
    command, references = _issued(issue), _references(_text(issue))
    if command is None and not references:
        return None
    # Of an issue that was moved here it is the moment of that: who has written it may have done so years ago.
    when = max(issue["created_at"], issue["updated_at"])
    return _of_issue(payload, f"issue-{issue['id']}", when, command, references)


def _edited(payload: Payload) -> Request | None:
    issue, changes = payload["issue"], payload.get("changes", {})
    before = {part: changes.get(part, {}).get("from", issue[part]) for part in ("title", "body")}
    command, references = _issued(issue), _references(_text(issue))
    identity = f"issue-{issue['id']}-{issue['updated_at']}"
    asked = _of_issue(payload, identity, issue["updated_at"], command, references)
    if command not in (None, _issued(before)):
        return asked
    known = _references(_whole(before))
    if added := tuple(reference for reference in references if reference not in known):
        # A paper that is added below a command is asked for with it.
        command = command if _starts(command) else None
        return _of_issue(payload, identity, issue["updated_at"], command, added)
    return _capped_later(asked, _mentioned(before)) if command is None and references else None


def _capped_later(asked: Request, before: Command | Mistake | None) -> Request | None:
    """A mention of papers that were mentioned before; what it says of a cap may be new."""
    if asked.command in (None, before):
        return None
    if isinstance(asked.command, Mistake) or isinstance(before, Mistake):  # which nothing was asked for with
        return asked
    later = (
        "a cap that is written into an issue later does not change what was asked for. `/paper2code cancel` ends "
        "that; a comment `/paper2code arxiv:ID max_usd=2` asks again."
    )
    return replace(asked, command=Mistake(later))


def _labeled(payload: Payload) -> Request | None:
    """What the issue itself asks for, where it asks."""
    issue = payload["issue"]
    if payload["label"]["name"] != LABEL:
        return None
    command = _issued(issue)
    if not _starts(command):
        command = _mentioned(issue) or Command("reproduce")
    identity = f"label-{issue['id']}-{issue['updated_at']}"
    return _request(payload, identity, issue["updated_at"], command, _references(_text(issue)))


def _pull_labeled(payload: Payload) -> Request | None:
    """The same as `revise` alone."""
    pull = payload["pull_request"]
    if payload["label"]["name"] != LABEL:
        return None
    identity = f"label-{pull['id']}-{pull['updated_at']}"
    return _request(payload, identity, pull["updated_at"], Command("revise"), (), "pull_request")


def _commented(payload: Payload) -> Request | None:
    comment = payload["comment"]
    identity = f"comment-{comment['id']}"
    return _said(payload, identity, comment["created_at"], comment["body"], "issue", comment["id"])


def _comment_edited(payload: Payload) -> Request | None:
    """Somebody edits a comment of ours: boxes of a plan, perhaps."""
    comment = payload["comment"]
    author = comment["user"]
    body = comment["body"] or ""
    if author is None or author["type"] != "Bot" or MARKER not in body:
        return None
    digest = hashlib.sha256(body.encode()).hexdigest()[:12]
    identity = f"edit-{comment['id']}-{comment['updated_at']}-{digest}"
    return _request(
        payload, identity, comment["updated_at"], Command("tick", body), (), "issue", comment["id"]
    )


def _reviewed(payload: Payload) -> Request | None:
    review = payload["review"]
    return _said(payload, f"review-{review['id']}", review["submitted_at"], review["body"], "pull_request")


def _review_commented(payload: Payload) -> Request | None:
    comment = payload["comment"]
    identity = f"review-comment-{comment['id']}"
    thread = comment.get("in_reply_to_id") or comment["id"]
    return _said(
        payload,
        identity,
        comment["created_at"],
        comment["body"],
        "pull_request",
        comment["id"],
        thread,
    )


def _said(
    payload: Payload,
    identity: str,
    when: str,
    body: str | None,
    subject: str,
    comment: int | None = None,
    thread: int | None = None,
) -> Request | None:
    """What somebody says below an issue or pull request (`subject`)."""
    command, about = _understood(body), payload[subject]
    if command is None:
        return None
    references: tuple[str, ...] = ()
    if isinstance(command, Command) and command.is_for_papers:
        references = _references(command.text) or _references(_own(body or ""))
        if not references:
            references = _references(_text(about))
            command = _capped(command, _text(about))
    return _request(payload, identity, when, command, references, subject, comment, thread)


def _understood(body: str | None) -> Command | Mistake | None:
    """The command in it; a wish names its paper, so that no misspelt command spends anything."""
    command = parse(body or "")
    if not isinstance(command, Command) or not command.text:
        return command
    if command.verb == "change" and len(command.text) > LONGEST_WISH:
        return Mistake(f"what you want changed has to be said in at most {LONGEST_WISH} characters.")
    if command.verb == "reproduce" and not _references(command.text):
        return Mistake(
            "what stands after `/paper2code` is neither a command nor an arXiv paper. To have a part of a paper only, "
            "name it as well: `/paper2code arxiv:ID only Table 2`."
        )
    if len(command.wish) > LONGEST_WISH:
        return Mistake(f"what you want of the paper has to be said in at most {LONGEST_WISH} characters.")
    return command


def _issued(issue: Payload) -> Command | Mistake | None:
    """The same of an issue, whose mention of a paper suffices: what was meant as a command is never passed over."""
    title, text = issue["title"], issue["body"] or ""
    if _is_command(title, text):
        return _understood(_whole(issue))
    command = _understood(text)
    if command is None and has_command(text):
        return Mistake("a command has to be in the first line.")
    cap = mentioned_cap(title) if _starts(command) else None
    return Mistake("the cap has to be in the line of the command.") if cap else command


def _is_command(title: str, text: str) -> bool:
    """Whether a title gives a command, rather than tells of one: it starts something, or would not be heard."""
    command = _understood(title)
    if isinstance(command, Command):
        return command.is_for_papers or not command.text
    return command is not None and bool(_references(f"{title}\n\n{text}"))


def _starts(command: Command | Mistake | None) -> bool:
    """Whether it is a command that starts something, or may have been meant as one."""
    return command.is_for_papers if isinstance(command, Command) else command is not None


def _mentioned(issue: Payload) -> Command | Mistake | None:
    """What an issue says of a cap that starts nothing by a command; one that is not understood is not guessed."""
    text = _whole(issue)
    if _issued(issue) is None and tells_command(text):
        return Mistake(
            "there is a command in this issue that I cannot take from where it stands, so I have started nothing. A "
            "command begins the first line, as in `/paper2code plan arxiv:ID`; write it in a comment."
        )
    return mentioned_cap(text)


def _capped(command: Command, text: str) -> Command | Mistake:
    """`command` under the cap that the issue says whose paper it takes, unless it has its own."""
    cap = None if "max_usd" in dict(command.options) else mentioned_cap(text)
    if isinstance(cap, Command):
        return replace(command, options=command.options + cap.options)
    return cap or command


def _text(subject: Payload) -> str:
    """All that somebody says in an issue or pull request itself."""
    return _own(_whole(subject))


def _whole(subject: Payload) -> str:
    return f"{subject['title']}\n\n{subject['body'] or ''}"


def _own(text: str) -> str:
    """`text`; of one that we have written only the paper that it delivers, as others are named in it for no wish."""
    if not _WRITTEN.search(text):
        return text
    made_of = _MADE_OF.search(text)
    return made_of[1] if made_of else ""


def _closed(payload: Payload) -> Ending | None:
    pull, repository = payload["pull_request"], payload["repository"]["id"]
    head = pull["head"]
    if paper_of(head["ref"]) is None or (head["repo"] or {}).get("id") != repository:
        return None
    return Ending(datetime.fromisoformat(pull["closed_at"]), None, (repository,), head["ref"])


def _issue_ended(payload: Payload) -> Ending:
    """It was closed, deleted, or moved away."""
    issue = payload["issue"]
    closed = payload["action"] == "closed" and issue["closed_at"]
    return Ending(
        datetime.fromisoformat(closed) if closed else None,
        None,
        (payload["repository"]["id"],),
        issue=issue["number"],
    )


def _uninstalled(payload: Payload) -> Ending:
    installation = payload["installation"]
    suspended = installation.get("suspended_at")
    return Ending(datetime.fromisoformat(suspended) if suspended else None, installation["id"])


def _removed(payload: Payload) -> Ending:
    ids = tuple(repository["id"] for repository in payload["repositories_removed"])
    return Ending(None, payload["installation"]["id"], ids)


def _of_issue(
    payload: Payload, identity: str, when: str, command: Command | Mistake | None, references: tuple[str, ...]
) -> Request:
    """What an issue itself asks for."""
    if command is not None:
        return _request(payload, identity, when, command, references)
    return replace(_request(payload, identity, when, _mentioned(payload["issue"]), references), mention=True)


def _request(
    payload: Payload,
    identity: str,
    when: str,
    command: Command | Mistake | None,
    references: tuple[str, ...],
    subject: str = "issue",
    comment: int | None = None,
    thread: int | None = None,
) -> Request:
    repository, sender = payload["repository"], payload["sender"]
    place = Place(
        repository=repository["full_name"],
        repository_id=repository["id"],
        issue=payload[subject]["number"],
        installation=(payload.get("installation") or {}).get("id"),
        private=repository["private"],
    )
    return Request(
        id=f"{repository['id']}-{identity}",
        place=place,
        actor=sender["login"],
        actor_id=sender["id"],
        received=datetime.fromisoformat(when),
        command=command,
        references=references,
        comment=comment,
        thread=thread,
    )


def _references(text: str) -> tuple[str, ...]:
    return tuple(str(reference) for reference in references(text))


_READERS: dict[tuple[str, Any], Callable[[Payload], Request | None]] = {
    ("issues", "opened"): _opened,
    ("issues", "edited"): _edited,
    ("issues", "labeled"): _labeled,
    ("issue_comment", "created"): _commented,
    ("issue_comment", "edited"): _comment_edited,
    ("pull_request", "labeled"): _pull_labeled,
    ("pull_request_review", "submitted"): _reviewed,
    ("pull_request_review_comment", "created"): _review_commented,
}

_ENDINGS: dict[tuple[str, Any], Callable[[Payload], Ending | None]] = {
    ("pull_request", "closed"): _closed,
    ("issues", "closed"): _issue_ended,
    ("issues", "deleted"): _issue_ended,
    ("issues", "transferred"): _issue_ended,
    ("installation", "deleted"): _uninstalled,
    ("installation", "suspend"): _uninstalled,
    ("installation_repositories", "removed"): _removed,
}
