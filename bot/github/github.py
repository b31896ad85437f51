"""Our calls on GitHub. Every write first looks for its own mark, so it may be repeated after any failure.

Nothing is retried in here: a request that failed may have been carried out, so the caller repeats the whole
operation. Raises what `bot.credentials` draws.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from github import GithubException, UnknownObjectException
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.PullRequest import PullRequest as _PullRequest
from github.PullRequestComment import PullRequestComment
from github.Repository import Repository

from bot.github import artifacts, checks, conversations, graphql
from bot.github.connection import Connection
from bot.github.credentials import Credentials, GitHubRefused, Identity
from bot.github.marks import bears, defused, marked, marker, unmarked
from bot.github.pulls import CheckRun, Comment, Conversation, Edits, Pull, PullRequest, Thread
from bot.intake.configuration import PATH, ConfigurationInvalid
from bot.intake.jobs import Place, Request


class GitHub:
    """GitHub as this bot uses it. Safe to call from several threads."""

    def __init__(
        self, credentials: Credentials, api_url: str, server_url: str, seconds_between_writes: float = 1
    ) -> None:
        self._connection = Connection(credentials, api_url, seconds_between_writes)
        self._repository = self._connection.repository
        self._server_url = server_url.rstrip("/")

    @property
    def identity(self) -> Identity:
        """Who writes. Raises GitHubError."""
        return self._connection.identity

    def token(self, place: Place) -> str:
        """A new token, for one push. Raises GitHubError."""
        return self._connection.token(place)

    def reaches(self, place: Place) -> bool:
        """Whether we may work on the repository."""
        try:
            self.token(place)
        except GitHubRefused as error:
            if error.status not in (403, 404, 422):
                raise
            return False
        return True

    def remote(self, place: Place) -> str:
        """The URL to clone and push, by the repository's present name."""
        with self._repository(place) as repository:
            return f"{self._server_url}/{repository.full_name}.git"

    def blob(self, place: Place, sha: str) -> str:
        """Where a person sees a commit's files."""
        with self._repository(place) as repository:
            return f"{self._server_url}/{repository.full_name}/blob/{sha}"

    def pull_url(self, place: Place) -> str:
        """Where a person sees the pull request."""
        return f"{self._server_url}/{place.repository}/pull/{place.issue}"

    def configuration(self, place: Place) -> str | None:
        """The text of `.github/paper2code.yml` on the default branch; None if there is none.

        Raises ConfigurationInvalid where it is no text.
        """
        text = self.text(place, PATH)
        if text is False:
            raise ConfigurationInvalid([f"`{PATH}` is no plain file of a bearable size"])
        return text

    def text(self, place: Place, path: str) -> str | Literal[False] | None:
        """The file on the default branch; None if there is none, False where it is no text of a bearable size."""
        with self._repository(place) as repository:
            try:
                content = repository.get_contents(path)
            except UnknownObjectException:
                return None
            # A folder, a link or a submodule; and of what is larger than a megabyte GitHub sends nothing.
            if isinstance(content, list) or content.encoding != "base64":
                return False
            return content.decoded_content.decode(errors="replace")

    def default_branch(self, place: Place) -> str:
        """Its name."""
        with self._repository(place) as repository:
            return repository.default_branch

    def permission(self, place: Place, login: str) -> str:
        """`none`, `read`, `triage`, `write`, `maintain` or `admin`."""
        with self._repository(place) as repository:
            path = f"{repository.url}/collaborators/{quote(login)}/permission"
            _, data = repository.requester.requestJsonAndCheck("GET", path)
            role = str(data.get("role_name", ""))
            return role if role in ("triage", "maintain") else str(data["permission"])

    def react(self, request: Request, content: str = "eyes") -> None:
        """Show on what was asked that it was seen."""
        with self._repository(request.place) as repository:
            if request.comment is None:
                _issue(repository, request.place).create_reaction(content)
            elif request.thread is not None:
                pull = repository.get_pull(request.place.issue or 0)
                pull.get_review_comment(request.comment).create_reaction(content)
            else:
                _issue(repository, request.place).get_comment(request.comment).create_reaction(content)

    def comment(self, place: Place, mark: str, body: str, since: datetime, thread: int | None = None) -> int:
        """Our comment with `mark`, made or brought up to date; returns its id.

        `since` is when it can have been made first; `thread` is the first comment at a line of a pull request
        that it answers to, None: it goes to the conversation.
        """
        body = marked(body, mark)
        me = self.identity

        with self._repository(place) as repository:
            issue, pull = _issue(repository, place), _pull(repository, place)

            def first() -> IssueComment | PullRequestComment | None:
                """Our oldest."""
                said: Iterable[IssueComment | PullRequestComment] = (
                    issue.get_comments(since=since)
                    if thread is None
                    else pull.get_review_comments(since=since)
                )
                ours = (c for c in said if c.user and c.user.id == me.id)
                return next((comment for comment in ours if bears(comment.body, mark)), None)

            comment = first()
            if comment is None:
                made = (
                    issue.create_comment(body)
                    if thread is None
                    else pull.create_review_comment_reply(thread, body)
                )
                # Another worker may have looked at the same moment: whose came first stays.
                comment = first() or made
                if comment.id != made.id:
                    made.delete()
            elif comment.body != body:
                comment.edit(body)
            return comment.id

    def edit(self, place: Place, comment: int, mark: str, body: str, thread: int | None = None) -> None:
        """Bring our comment up to date; `thread` as it was made with."""
        with self._repository(place) as repository:
            found = (
                _issue(repository, place).get_comment(comment)
                if thread is None
                else _pull(repository, place).get_review_comment(comment)
            )
            found.edit(marked(body, mark))

    def said(self, place: Place, comment: int, mark: str) -> str | None:
        """The text of our comment with `mark`, as it stands now; None: it was deleted.

        With other text, where people have taken our marker away.
        """
        with self._repository(place) as repository:
            try:
                body = _issue(repository, place).get_comment(comment).body or ""
            except UnknownObjectException:
                return None
        return unmarked(body, mark)

    def edits(self, place: Place, comment: int) -> Edits:
        """Who has edited our comment, apart from us."""
        with self._repository(place) as repository:
            return graphql.edits(repository, _issue(repository, place).get_comment(comment).node_id)

    def open_threads(self, place: Place) -> list[Thread]:
        """Threads at lines of the pull request that nobody has resolved."""
        with self._repository(place) as repository:
            return graphql.open_threads(repository, place.issue or 0)

    def resolve(self, place: Place, thread: str) -> None:
        """Mark a thread as resolved."""
        with self._repository(place) as repository:
            graphql.resolve(repository, thread)

    def artifact(self, place: Place, name: str) -> dict[str, bytes] | None:
        """Files of the newest artifact of that name, by path; None: there is none. Empty: it has expired."""
        with self._repository(place) as repository:
            found = artifacts.newest(repository, name)
        if found is None or found.expired:
            return None if found is None else {}
        return artifacts.files(found, self._connection.token(place))

    def is_open(self, place: Place) -> bool:
        """Whether the issue is."""
        with self._repository(place) as repository:
            return _issue(repository, place).state == "open"

    def pull(self, place: Place) -> Pull | None:
        """The pull request; None where the number is an issue's."""
        with self._repository(place) as repository:
            try:
                found = _pull(repository, place)
                head = found.head
            except UnknownObjectException:
                return None
            here = _id(head.repo) == place.repository_id
            return Pull(
                branch=head.ref,
                base=found.base.ref,
                open=found.state == "open",
                here=here,
                ours=here and _id(found.user) == self.identity.id,
            )

    def conversation(self, place: Place, thread: int | None, before: int | None) -> Conversation:
        """What was said before the comment `before`: in a thread, or in the pull request's conversation."""
        with self._repository(place) as repository:
            return conversations.read(repository, place.issue, thread, before)

    def pull_request(
        self,
        place: Place,
        mark: str,
        branch: str,
        base: str,
        title: str,
        body: str,
        draft: bool,
        labels: Sequence[str],
    ) -> PullRequest:
        """The pull request from `branch` that is open or has our `mark`, made or brought up to date."""
        body = marked(body, mark)
        me = self.identity
        with self._repository(place) as repository:
            head = f"{repository.full_name.partition('/')[0]}:{branch}"
            pulls = list(repository.get_pulls(state="all", head=head))
            # One that people have closed since this job opened it is not opened a second time.
            found = next(
                (
                    pull
                    for pull in pulls
                    if pull.state == "open" or (_id(pull.user) == me.id and bears(pull.body, mark))
                ),
                None,
            )
            if found is None:
                found = _create_pull(repository, base, branch, title, body, draft)
            elif _id(found.user) == me.id and (found.body != body or found.title != title):
                found.edit(title=title, body=body)
            present = {label.name for label in found.labels}
            missing = [label for label in labels if label not in present]
            if missing:
                # PyGithub sends a bare list, which GitHub's description of the call does not know.
                path = f"{repository.url}/issues/{found.number}/labels"
                repository.requester.requestJsonAndCheck("POST", path, input={"labels": missing})
            return PullRequest(found.number, found.html_url)

    def preface(self, place: Place, text: str) -> None:
        """Have the pull request's body begin with `text`, in place of its earlier preface; the rest stays."""
        before, after = marker("preface"), marker("preface ends")
        with self._repository(place) as repository:
            pull = _pull(repository, place)
            body = pull.body or ""
            _, ends, rest = body.partition(f"\n{after}")
            kept = rest.lstrip() if body.startswith(before) and ends else body
            wanted = f"{before}\n{defused(text)}\n{after}\n\n{kept}"
            if wanted != body:
                pull.edit(body=wanted)

    def ready(self, place: Place) -> bool:
        """Take the pull request out of draft; whether it was one.

        Needs `contents: write` beside `pull_requests: write`.
        """
        with self._repository(place) as repository:
            pull = _pull(repository, place)
            draft = pull.draft
            if draft:
                pull.mark_ready_for_review()
            return draft

    def check(self, place: Place, sha: str, mark: str, runs: Sequence[CheckRun]) -> None:
        """These check runs on `sha`, each made once, with all annotations."""
        with self._repository(place) as repository:
            for run in runs:
                checks.complete(repository, sha, mark, run)

    def review(
        self, place: Place, pull: int, mark: str, sha: str, body: str, comments: Sequence[Comment]
    ) -> str:
        """Our review with `mark` of commit `sha`, made once, which approves nothing; returns its URL.

        Raises GitHubRefused with status 422 if a comment's line is not in the pull request's diff.
        """
        me = self.identity
        with self._repository(place) as repository:
            for found in repository.get_pull(pull).get_reviews():
                if bears(found.body, mark) and _id(found.user) == me.id:
                    return found.html_url
            wanted = {
                "commit_id": sha,
                "event": "COMMENT",
                "body": marked(body, mark),
                "comments": [_at_lines(comment) for comment in comments],
            }
            path = f"{repository.url}/pulls/{pull}/reviews"
            _, made = repository.requester.requestJsonAndCheck("POST", path, input=wanted)
            return str(made["html_url"])


def _issue(repository: Repository, place: Place) -> Issue:
    if place.issue is None:
        raise GitHubRefused("there is no issue to write to")
    return repository.get_issue(place.issue)


def _at_lines(comment: Comment) -> dict[str, Any]:
    place = {"path": comment.path, "line": comment.end, "side": "RIGHT", "body": defused(comment.body)}
    if comment.start < comment.end:
        place |= {"start_line": comment.start, "start_side": "RIGHT"}
    return place


def _pull(repository: Repository, place: Place) -> _PullRequest:
    if place.issue is None:
        raise GitHubRefused("there is no pull request")
    return repository.get_pull(place.issue)


def _id(owner: Repository | NamedUser | None) -> int | None:
    """None for a fork or an account that was deleted."""
    return owner.id if owner else None


def _create_pull(repository: Repository, base: str, branch: str, title: str, body: str, draft: bool) -> Any:
    try:
        return repository.create_pull(base, branch, title=title, body=body, draft=draft)
    except GithubException as error:
        if error.status == 422 and draft and "raft pull requests are not supported" in str(error.data):
            return repository.create_pull(base, branch, title=title, body=body, draft=False)
        raise
