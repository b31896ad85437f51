"""A stateful GitHub on loopback: the REST calls that the bot makes, and git over HTTP on a real repository.

App JWTs are verified, installation tokens are narrow and checked on every call, faults can be injected, and
every exchange is recorded; `contract.py` holds the record against GitHub's own description of itself.
"""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, Flask, Response, abort, g, jsonify, make_response, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

Json = dict[str, Any]
API = "/api/v3"
APP_ID, INSTALLATION, REPOSITORY_ID = 4711, 99, 123456
OWNER, NAME = "octo-org", "papers"
ACTIONS_TOKEN = "ghs_of_the_action"
_ALICE = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
_RANK = {None: 0, "read": 1, "write": 2}


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
    reactions: list[Json] = field(default_factory=list)
    labels: dict[int, list[str]] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    reviews: list[Json] = field(default_factory=list)
    """Each with its `comments`, as they were sent."""
    remarks: dict[int, Json] = field(default_factory=dict)
    """Comments at lines of pull requests."""
    checks: list[Json] = field(default_factory=list)
    annotations: dict[int, list[Json]] = field(default_factory=dict)
    """Of each check run."""
    files: dict[str, str] = field(default_factory=dict)
    """Files on the default branch that the contents API shows."""
    deliveries: list[Json] = field(default_factory=list)
    """Of the App's webhook, oldest first, each with its `payload`."""
    names: list[str] = field(default_factory=lambda: [f"{OWNER}/{NAME}"])
    """Of the repository, the present one last; the former ones redirect."""
    installed: bool = True
    suspended: bool = False
    archived: bool = False
    default_branch: str = "main"
    drafts: bool = True
    actions_may_open_pulls: bool = True
    may_mark_ready: bool = True


class FakeGitHub:
    """Use as a context manager; `url` is the web address, `url + "/api/v3"` the API's."""

    def __init__(self, folder: Path) -> None:
        self.state = State()
        self.exchanges: list[Exchange] = []
        self.tokens: dict[str, Token] = {}
        self.faults: list[Fault] = []
        self.hook: Callable[[str, Json, str], int] = lambda event, payload, guid: 0
        """The App's webhook: event, payload and delivery in, status out."""
        self.private_key, self._public_key = key_pair()
        self._lock = threading.RLock()
        self._ids = iter(range(1000, 10**9))
        self.git = folder / "git" / OWNER / f"{NAME}.git"
        _first_commit(folder, self.git)
        self.tokens[ACTIONS_TOKEN] = Token(
            "github-actions[bot]",
            dict.fromkeys(("contents", "issues", "pull_requests", "checks"), "write") | {"metadata": "read"},
            [REPOSITORY_ID],
            datetime.now(UTC) + timedelta(days=1),
        )
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.api_url = self.url + API

    def __enter__(self) -> "FakeGitHub":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # What tests say and ask

    def open_issue(self, title: str, body: str, user: str = "alice") -> int:
        """Number of a new issue."""
        with self._lock:
            number = len(self.state.issues) + 1
            self.state.issues[number] = self._issue(number, title, body, user)
            return number

    def write_comment(self, issue: int, body: str, user: str) -> Json:
        """A comment, as the API shows it."""
        with self._lock:
            number = next(self._ids)
            address = f"{self._repository_url}/issues"
            self.state.comments[number] = {
                "id": number,
                "node_id": f"IC_{number}",
                "url": f"{address}/comments/{number}",
                "html_url": f"{self._page_url}/issues/{issue}#issuecomment-{number}",
                "issue_url": f"{address}/{issue}",
                "body": body,
                "user": self._user(user),
                "created_at": _now(),
                "updated_at": _now(),
                "author_association": "NONE",
            }
            return self.state.comments[number]

    def comment_event(self, issue: int, body: str, user: str = "alice") -> Json:
        """Somebody comments: the payload of `issue_comment`, action `created`."""
        comment = self.write_comment(issue, body, user)
        return {
            "action": "created",
            "issue": self.state.issues.get(issue) or self._pulls_issue(issue),
            "comment": comment,
            "repository": self._repository(),
            "sender": self._user(user),
            "installation": {"id": INSTALLATION},
        }

    def _pulls_issue(self, number: int) -> Json:
        """A pull request, as events about its comments show it."""
        pull, address = self.state.pulls[number], f"{self._repository_url}/pulls/{number}"
        return self._issue(number, pull["title"], pull["body"], pull["user"]) | {
            "pull_request": {"url": address}
        }

    def remark(
        self,
        pull: int,
        body: str,
        user: str,
        path: str = "",
        lines: tuple[int, int] = (1, 1),
        answers: int | None = None,
    ) -> Json:
        """A comment at lines of a pull request, or one that `answers` another's thread; as the API shows it."""
        with self._lock:
            number, address = next(self._ids), f"{self._repository_url}/pulls"
            head = self.refs()[self.state.pulls[pull]["head"]]
            place = {
                "path": path,
                "commit_id": head,
                "original_commit_id": head,
                "diff_hunk": "@@ -0,0 +1,9 @@\n+the line",
                "line": lines[1],
                "original_line": lines[1],
                "start_line": lines[0] if lines[0] < lines[1] else None,
                "original_start_line": lines[0] if lines[0] < lines[1] else None,
                "side": "RIGHT",
                "start_side": "RIGHT",
                "subject_type": "line",
            }
            if answers:
                place = {name: self.state.remarks[answers][name] for name in place}
                place["in_reply_to_id"] = answers
            page = f"{self.url}/{OWNER}/{NAME}/pull/{pull}#discussion_r{number}"
            links = {
                "self": f"{address}/comments/{number}",
                "html": page,
                "pull_request": f"{address}/{pull}",
            }
            self.state.remarks[number] = place | {
                "id": number,
                "node_id": f"PRRC_{number}",
                "url": links["self"],
                "html_url": page,
                "pull_request_url": links["pull_request"],
                "pull_request_review_id": 1,
                "_links": {name: {"href": link} for name, link in links.items()},
                "body": body,
                "user": self._user(user),
                "created_at": _now(),
                "updated_at": _now(),
                "author_association": "NONE",
            }
            return self.state.remarks[number]

    def pull_event(self, pull: int, user: str = "alice", **more: Json) -> Json:
        """The payload of what happens to a pull request."""
        return {
            "pull_request": self.pull(pull),
            "repository": self._repository(),
            "sender": self._user(user),
            "installation": {"id": INSTALLATION},
            **more,
        }

    def remark_event(self, pull: int, body: str, user: str = "alice", **place: Any) -> Json:
        """Somebody comments at a line: `pull_request_review_comment`, action `created`."""
        return self.pull_event(pull, user, comment=self.remark(pull, body, user, **place)) | {
            "action": "created"
        }

    def remarks_by(self, login: str) -> list[Json]:
        """Comments at lines, in the order in which they were made."""
        return [remark for remark in self.state.remarks.values() if remark["user"]["login"] == login]

    def delivered(self, event: str, payload: Json, status: int, ago: timedelta = timedelta(0)) -> Json:
        """An event was sent to the App's webhook, which answered with `status`; 0: not at all."""
        return self._delivered(str(uuid.uuid4()), event, payload, status, datetime.now(UTC) - ago, False)

    def _delivered(
        self, guid: str, event: str, payload: Json, status: int, when: datetime, redelivery: bool
    ) -> Json:
        delivery = {
            "id": next(self._ids),
            "guid": guid,
            "delivered_at": _text(when),
            "redelivery": redelivery,
            "duration": 0.1,
            "status": "OK" if 200 <= status < 300 else "failed to connect",
            "status_code": status,
            "event": event,
            "action": payload.get("action"),
            "installation_id": INSTALLATION,
            "repository_id": REPOSITORY_ID,
            "payload": payload,
        }
        self.state.deliveries.append(delivery)
        return delivery

    def redelivered(self, number: int) -> None:
        """Send an event once more."""
        known = next((each for each in self.state.deliveries if each["id"] == number), None)
        if known is None:
            abort(404, "Not Found")
        event, payload, guid = known["event"], known["payload"], known["guid"]
        self._delivered(guid, event, payload, self.hook(event, payload, guid), datetime.now(UTC), True)

    def comments_by(self, login: str) -> list[Json]:
        """In the order in which they were made."""
        return [comment for comment in self.state.comments.values() if comment["user"]["login"] == login]

    def fail(
        self,
        method: str,
        path: str,
        status: int | None = 500,
        times: int = 1,
        carried_out: bool = False,
        headers: dict[str, str] | None = None,
        message: str = "Server Error",
    ) -> None:
        """Let the next `times` requests whose path matches the regular expression go wrong."""
        self.faults.append(
            Fault(method, re.compile(path), times, status, carried_out, headers or {}, message)
        )

    def rename(self, name: str) -> None:
        """The repository gets another name, and perhaps another owner."""
        with self._lock:
            self.state.users.setdefault(name.partition("/")[0], next(self._ids))
            for known in (*self.state.issues.values(), *self.state.comments.values()):
                for key, value in known.items():
                    if key.endswith("url"):
                        known[key] = value.replace(self.state.names[-1], name)
            self.state.names.append(name)

    def delete_issue(self, number: int) -> None:
        """With its comments."""
        with self._lock:
            del self.state.issues[number]
            mine = [n for n, c in self.state.comments.items() if c["issue_url"].endswith(f"/{number}")]
            for comment in mine:
                del self.state.comments[comment]

    def delete_branch(self, name: str) -> None:
        """As people do when they tidy up."""
        _git(self.git, "update-ref", "-d", f"refs/heads/{name}")

    def forbid(self, words: str) -> None:
        """No branch is taken any more, and `words` say why."""
        hook = self.git / "hooks" / "pre-receive"
        hook.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
        hook.chmod(0o755)

    def refs(self) -> dict[str, str]:
        """Branch → sha, as the repository really holds them."""
        lines = _git(self.git, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(line.split() for line in lines.splitlines())

    def commit(self, branch: str, files: dict[str, str]) -> str:
        """Somebody pushes these files to `branch`, which grows from main if it is new; the new commit."""
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            _git(work, "clone", "--quiet", str(self.git), ".")
            _git(work, "checkout", "--quiet", branch if branch in self.refs() else f"-b{branch}")
            for path, text in files.items():
                (work / path).parent.mkdir(parents=True, exist_ok=True)
                (work / path).write_text(text)
            _git(work, "add", "--all")
            _git(work, *_ALICE, "commit", "--quiet", "--message=Change by hand")
            _git(work, "push", "--quiet", "origin", branch)
        return self.refs()[branch]

    def lines_in_diff(self, pull: int, path: str) -> set[int]:
        """Lines of `path`, as the pull request leaves it, that a comment can stand at."""
        ends = (self.state.pulls[pull]["base"], self.state.pulls[pull]["head"])
        diff = _git(self.git, "diff", "...".join(ends), "--", path)
        found: set[int] = set()
        for start, count in re.findall(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE):
            found |= set(range(int(start), int(start) + int(count or 1)))
        return found

    # The server

    def _app(self) -> Flask:
        app = Flask(__name__)
        app.wsgi_app = self._by_id(app.wsgi_app)  # type: ignore[method-assign]
        api = Blueprint("api", __name__, url_prefix=API)
        _routes(self, api)
        app.register_blueprint(api)
        app.add_url_rule("/api/graphql", view_func=self._mark_ready, methods=["POST"])
        app.add_url_rule(
            "/<owner>/<name>.git/<path:path>", view_func=self._serve_git, methods=["GET", "POST"]
        )

        @app.before_request
        def faults() -> Any:
            fault = self._fault()
            g.fault = fault
            return _faulty(fault) if fault and not fault.carried_out else self._moved()

        @app.after_request
        def record(response: Response) -> Response:
            response.direct_passthrough = False
            if g.get("fault") and g.fault.carried_out:
                return _faulty(g.fault)
            if request.path.startswith(API):
                self.exchanges.append(
                    Exchange(
                        request.method,
                        request.path.removeprefix(API),
                        request.args.to_dict(flat=False),
                        request.get_data(),
                        request.mimetype,
                        response.status_code,
                        response.get_data(),
                        response.mimetype or "",
                    )
                )
            return response

        @app.errorhandler(HTTPException)
        def error(error: HTTPException) -> Any:
            if error.response is not None:
                return error.get_response()
            message = error.description or error.name
            return jsonify(message=message, documentation_url="https://docs.github.com/rest"), error.code

        return app

    def _by_id(self, application: Any) -> Any:
        """Routes by the repository's number are those by its present name."""

        def routed(environ: Json, start_response: Any) -> Any:
            number = f"{API}/repositories/{REPOSITORY_ID}"
            path = environ["PATH_INFO"]
            if path == number or path.startswith(f"{number}/"):
                environ["PATH_INFO"] = f"{API}/repos/{self.state.names[-1]}{path.removeprefix(number)}"
            return application(environ, start_response)

        return routed

    def _moved(self) -> Response | None:
        """The redirect from a former name: reads for ever, writes for once."""
        for name in self.state.names[:-1]:
            if request.path.startswith(f"/{name}.git/"):
                query = request.query_string.decode()
                path = request.path.replace(name, self.state.names[-1], 1)
                return Response(status=301, headers={"Location": f"{self.url}{path}?{query}"})
            former = f"{API}/repos/{name}"
            if request.path == former or request.path.startswith(f"{former}/"):
                path = request.full_path.removeprefix(former).rstrip("?")
                there = f"{self.api_url}/repositories/{REPOSITORY_ID}{path}"
                body = jsonify(message="Moved Permanently", url=there, documentation_url=self.url)
                body.status_code = 301 if request.method == "GET" else 307
                body.headers["Location"] = there
                return body
        return None

    def _fault(self) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.method == request.method and fault.path.search(request.path):
                    fault.times -= 1
                    return fault
        return None

    def _mark_ready(self) -> Any:
        """The one GraphQL mutation; GraphQL refuses with status 200."""
        token, wanted = self.authenticated(), request.get_json()
        assert "markPullRequestReadyForReview(input: $input)" in wanted["query"]
        node = wanted["variables"]["input"]["pullRequestId"]
        pull = next((pull for number, pull in self.state.pulls.items() if node == f"PR_{number}"), None)
        rights = {token.permissions.get(name) for name in ("contents", "pull_requests")}
        if pull is None or rights != {"write"} or not self.state.may_mark_ready:
            kind, message = ("FORBIDDEN", "Resource not accessible by integration")
            if pull is None:
                kind, message = "NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'"
            return jsonify(
                data={"markPullRequestReadyForReview": None}, errors=[{"type": kind, "message": message}]
            )
        pull["draft"] = False
        answer = {"clientMutationId": None, "pullRequest": {"isDraft": False}}
        return jsonify(data={"markPullRequestReadyForReview": answer})

    def _serve_git(self, owner: str, name: str, path: str) -> Any:
        token = self._basic_token()
        pushing = "receive-pack" in f"{path}{request.query_string.decode()}"
        if token is None or f"{owner}/{name}" != self.state.names[-1]:
            return Response(status=401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})
        if pushing and self.state.archived:
            words = "This repository was archived so it is read-only."
            return Response(words, 403, content_type="text/plain")
        if pushing and token.permissions.get("contents") != "write":
            abort(403, "Permission to this repository denied.")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git.parent.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{OWNER}/{NAME}.git/{path}",
            "QUERY_STRING": request.query_string.decode(),
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.content_type or "",
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": token.login,
            "REMOTE_ADDR": "127.0.0.1",
        }
        ended = subprocess.run(
            ["git", "http-backend"],
            input=request.get_data(),
            env=environment,
            capture_output=True,
            check=True,
        )
        head, _, body = ended.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Response(body, int(headers.pop("Status", "200").split()[0]), headers)

    def _basic_token(self) -> Token | None:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        return self._known(base64.b64decode(value).decode().removeprefix("x-access-token:"))

    def _known(self, value: str) -> Token | None:
        token = self.tokens.get(value)
        valid = token and not token.revoked and token.expires > datetime.now(UTC) and self.state.installed
        return token if valid else None

    def authenticated(self) -> Token:
        """The token of the current request, or 401."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self._known(value) if kind.lower() in ("token", "bearer") else None
        if token and self.state.suspended:
            abort(403, "This installation has been suspended")
        return token or abort(401, "Bad credentials")

    def verify_app(self) -> None:
        """The request carries a JWT of the App, or 401."""
        value = request.headers.get("Authorization", "").partition(" ")[2]
        try:
            claims = jwt.decode(value, self._public_key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            abort(401, "A JSON web token could not be decoded")
        if str(claims["iss"]) != str(APP_ID) or claims["exp"] - time.time() > 600:
            abort(401, "'Issuer' or 'Expiration time' claim is wrong")

    @property
    def _repository_url(self) -> str:
        return f"{self.api_url}/repos/{self.state.names[-1]}"

    @property
    def _page_url(self) -> str:
        """Of the repository, for people."""
        return f"{self.url}/{self.state.names[-1]}"

    # Shapes of GitHub's objects

    def _user(self, login: str) -> Json:
        address = f"{self.api_url}/users/{login}"
        names = "followers following gists starred subscriptions organizations repos events received_events"
        return {
            "login": login,
            "id": self.state.users[login],
            "node_id": f"U_{self.state.users[login]}",
            "avatar_url": f"{self.url}/avatars/{login}",
            "gravatar_id": "",
            "url": address,
            "html_url": f"{self.url}/{login}",
            **{f"{name}_url": f"{address}/{name}" for name in names.split()},
            "type": "Bot" if login.endswith("[bot]") else "User",
            "site_admin": False,
        }

    def public_user(self, login: str) -> Json:
        """With the counts that only `GET /users/…` has."""
        texts = dict.fromkeys(("bio", "blog", "company", "email", "location", "name"))
        counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
        dates = {"created_at": _now(), "updated_at": _now()}
        known = {"user_view_type": "public", "hireable": None}
        return self._user(login) | texts | counts | dates | known | {"blog": ""}

    def _repository(self) -> Json:
        address = self._repository_url
        names = """archive assignees blobs branches collaborators comments commits compare contents
            contributors
            deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events
            issues keys labels languages merges milestones notifications pulls releases stargazers statuses
            subscribers subscription tags teams trees git svn ssh mirror"""
        counts = """forks forks_count open_issues open_issues_count stargazers_count watchers watchers_count
            size network_count subscribers_count"""
        flags = """has_downloads has_issues has_projects has_wiki has_pages has_discussions archived disabled
            fork private"""
        return {
            **{f"{name}_url": f"{address}/{name}" for name in names.split()},
            **dict.fromkeys(counts.split(), 0),
            **dict.fromkeys(flags.split(), False),
            "id": REPOSITORY_ID,
            "node_id": f"R_{REPOSITORY_ID}",
            "name": self.state.names[-1].partition("/")[2],
            "full_name": self.state.names[-1],
            "owner": self._user(self.state.names[-1].partition("/")[0]),
            "html_url": self._page_url,
            "url": address,
            "clone_url": f"{self._page_url}.git",
            "description": None,
            "homepage": None,
            "language": None,
            "license": None,
            "default_branch": self.state.default_branch,
            "created_at": _now(),
            "updated_at": _now(),
            "pushed_at": _now(),
        }

    def _issue(self, number: int, title: str, body: str, user: str) -> Json:
        address = f"{self._repository_url}/issues/{number}"
        return {
            "id": 5000 + number,
            "node_id": f"I_{number}",
            "number": number,
            "url": address,
            "repository_url": self._repository_url,
            **{f"{name}_url": f"{address}/{name}" for name in ("labels", "comments", "events")},
            "html_url": f"{self._page_url}/issues/{number}",
            "title": title,
            "body": body,
            "user": self._user(user),
            "labels": [],
            "state": "open",
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "comments": 0,
            "created_at": _now(),
            "updated_at": _now(),
            "closed_at": None,
            "author_association": "NONE",
        }

    def label(self, name: str) -> Json:
        """As the API shows it."""
        address = f"{self._repository_url}/labels/{name}"
        return {
            "id": 1,
            "node_id": "L_1",
            "url": address,
            "name": name,
            "description": "",
            "color": "ededed",
            "default": False,
        }

    def pull(self, number: int) -> Json:
        """As the API shows it."""
        stored = self.state.pulls[number]
        address = f"{self._repository_url}/pulls/{number}"
        refs = self.refs()
        links = ("html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses")
        urls = {f"{name}_url": f"{address}/{name}" for name in (*links[1:], "diff", "patch")}

        def end(branch: str) -> Json:
            return {
                "label": f"{OWNER}:{branch}",
                "ref": branch,
                "sha": refs.get(branch, "0" * 40),
                "user": self._user(OWNER),
                "repo": self._repository(),
            }

        return {
            **urls,
            **{name: stored[name] for name in ("title", "body", "draft", "state", "number", "created_at")},
            **dict.fromkeys(("assignee", "closed_at", "merge_commit_sha", "merged_at", "milestone")),
            **dict.fromkeys(("additions", "changed_files", "comments", "commits", "deletions"), 0),
            **dict.fromkeys(("auto_merge", "merged_by", "mergeable"), None),
            "review_comments": 0,
            "mergeable_state": "unknown",
            "merged": False,
            "maintainer_can_modify": True,
            "locked": False,
            "id": 7000 + number,
            "node_id": f"PR_{number}",
            "url": address,
            "html_url": f"{self._page_url}/pull/{number}",
            "user": self._user(stored["user"]),
            "labels": [self.label(name) for name in self.state.labels.get(number, [])],
            "head": end(stored["head"])
            | ({"repo": self._repository() | {"id": 7}} if stored.get("fork") else {}),
            "base": end(stored["base"]),
            "_links": {name: {"href": address} for name in (*links, "self")},
            "author_association": "NONE",
            "updated_at": stored["created_at"],
        }

    def app(self) -> Json:
        """As `GET /app` shows it."""
        return {
            "id": APP_ID,
            "slug": "paper2code",
            "node_id": "A_1",
            "owner": self._user(OWNER),
            "name": "paper2code",
            "description": None,
            "external_url": self.url,
            "html_url": f"{self.url}/apps/paper2code",
            "created_at": _now(),
            "updated_at": _now(),
            "permissions": {"metadata": "read"},
            "events": [],
        }


def _routes(hub: FakeGitHub, api: Blueprint) -> None:  # noqa: C901, a list of routes
    state = hub.state

    def repository(kind: str, level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def checked(owner: str, repo: str, **arguments: Any) -> Any:
                token = hub.authenticated()
                if f"{owner}/{repo}" != state.names[-1] or REPOSITORY_ID not in token.repositories:
                    abort(404, "Not Found")
                if _RANK[token.permissions.get(kind)] < _RANK[level]:
                    abort(403, "Resource not accessible by integration")
                if level == "write" and state.archived:
                    abort(403, "Repository was archived so is read-only.")
                with hub._lock:
                    return view(token, **arguments)

            return checked

        return decorate

    root = "/repos/<owner>/<repo>"

    @api.get("/app")
    def app() -> Any:
        hub.verify_app()
        return hub.app()

    @api.post("/app-manifests/<code>/conversions")
    def convert(code: str) -> Any:
        if code != "good":
            abort(404, "Not Found")
        secret = {"webhook_secret": secrets.token_hex(20), "pem": hub.private_key}
        return hub.app() | secret | {"client_id": "Iv1.8a61f9b3a7aba766", "client_secret": "unused"}, 201

    @api.get("/app/hook/deliveries")
    def deliveries() -> Any:
        hub.verify_app()
        size, cursor = int(request.args.get("per_page", 30)), int(request.args.get("cursor", 0))
        newest = sorted(state.deliveries, key=lambda each: (each["delivered_at"], each["id"]), reverse=True)
        shown = [{name: each[name] for name in each if name != "payload"} for each in newest]
        answer = jsonify(shown[cursor : cursor + size])
        if len(shown) > cursor + size:
            following = f"{hub.api_url}/app/hook/deliveries?per_page={size}&cursor={cursor + size}"
            answer.headers["Link"] = f'<{following}>; rel="next"'
        return answer

    @api.post("/app/hook/deliveries/<int:number>/attempts")
    def redeliver(number: int) -> Any:
        hub.verify_app()
        hub.redelivered(number)
        return {}, 202

    @api.get("/user")
    def user() -> Any:
        hub.authenticated()
        abort(403, "Resource not accessible by integration")

    @api.get("/users/<login>")
    def users(login: str) -> Any:
        return hub.public_user(login) if login in state.users else abort(404, "Not Found")

    @api.post("/app/installations/<int:number>/access_tokens")
    def access_tokens(number: int) -> Any:
        hub.verify_app()
        if number != INSTALLATION or not state.installed:
            abort(404, "Not Found")
        if state.suspended:
            abort(403, "This installation has been suspended")
        wanted = request.get_json()
        if wanted["repository_ids"] != [REPOSITORY_ID]:
            abort(422, "There is at least one repository that does not exist or is not accessible.")
        value = f"ghs_{APP_ID}_{secrets.token_urlsafe(60)}"
        expires = datetime.now(UTC) + timedelta(hours=1)
        hub.tokens[value] = Token("paper2code[bot]", wanted["permissions"], wanted["repository_ids"], expires)
        return {
            "token": value,
            "expires_at": _text(expires),
            "permissions": wanted["permissions"],
            "repository_selection": "selected",
            "repositories": [hub._repository()],
        }, 201

    @api.get(root)
    @repository("metadata", "read")
    def get_repository(token: Token) -> Any:
        return hub._repository()

    @api.get(f"{root}/contents/<path:path>")
    @repository("contents", "read")
    def contents(token: Token, path: str) -> Any:
        if path not in state.files:
            abort(404, "Not Found")
        address = f"{hub._repository_url}/contents/{path}"
        data = state.files[path].encode()
        return {
            "type": "file",
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": "0" * 40,
            "size": len(data),
            "encoding": "base64",
            "content": base64.b64encode(data).decode(),
            "url": address,
            "git_url": address,
            "html_url": address,
            "download_url": address,
            "_links": {"self": address, "git": address, "html": address},
        }

    @api.get(f"{root}/collaborators/<login>/permission")
    @repository("metadata", "read")
    def permission(token: Token, login: str) -> Any:
        role = state.permissions.get(login, "read")
        coarse = {"maintain": "write", "triage": "read"}.get(role, role)
        return {"permission": coarse, "role_name": role, "user": None}

    def existing(number: int) -> None:
        if number not in state.issues and number not in state.pulls:
            abort(410, "This issue was deleted")

    @api.get(f"{root}/issues/<int:number>/comments")
    @repository("issues", "read")
    def list_comments(token: Token, number: int) -> Any:
        existing(number)
        since = request.args.get("since", "")
        found = [
            comment
            for comment in state.comments.values()
            if comment["issue_url"].endswith(f"/{number}") and comment["updated_at"] >= since
        ]
        return jsonify(_page(found))

    @api.post(f"{root}/issues/<int:number>/comments")
    @repository("issues", "write")
    def create_comment(token: Token, number: int) -> Any:
        existing(number)
        if state.issues.get(number, {}).get("locked"):
            abort(403, "Unable to create comment because issue is locked.")
        return hub.write_comment(number, _body(), token.login), 201

    @api.patch(f"{root}/issues/comments/<int:number>")
    @repository("issues", "write")
    def edit_comment(token: Token, number: int) -> Any:
        if number not in state.comments:
            abort(404, "Not Found")
        state.comments[number] |= {"body": _body(), "updated_at": _now()}
        return state.comments[number]

    @api.delete(f"{root}/issues/comments/<int:number>")
    @repository("issues", "write")
    def delete_comment(token: Token, number: int) -> Any:
        if state.comments.pop(number, None) is None:
            abort(404, "Not Found")
        return "", 204

    def react(token: Token, subject: str) -> Any:
        content = request.get_json()["content"]
        known = [r for r in state.reactions if (r["subject"], r["content"]) == (subject, content)]
        reaction = known[0] if known else {"id": next(hub._ids), "subject": subject, "content": content}
        if not known:
            state.reactions.append(reaction)
        shown = {"node_id": "R_1", "user": hub._user(token.login), "created_at": _now()}
        return {"id": reaction["id"], "content": content, **shown}, 200 if known else 201

    @api.post(f"{root}/issues/comments/<int:number>/reactions")
    @repository("issues", "write")
    def react_to_comment(token: Token, number: int) -> Any:
        return react(token, f"comment {number}") if number in state.comments else abort(404, "Not Found")

    @api.post(f"{root}/issues/<int:number>/reactions")
    @repository("issues", "write")
    def react_to_issue(token: Token, number: int) -> Any:
        return react(token, f"issue {number}")

    @api.post(f"{root}/issues/<int:number>/labels")
    @repository("issues", "write")
    def add_labels(token: Token, number: int) -> Any:
        names = state.labels.setdefault(number, [])
        names += [name for name in request.get_json()["labels"] if name not in names]
        return jsonify([hub.label(name) for name in names])

    @api.get(f"{root}/pulls")
    @repository("pull_requests", "read")
    def list_pulls(token: Token) -> Any:
        owner, _, head = request.args.get("head", "").partition(":")
        wanted = request.args.get("state", "open")
        if head and owner != state.names[-1].partition("/")[0]:
            return jsonify([])
        found = [
            number
            for number, pull in state.pulls.items()
            if head in ("", pull["head"]) and wanted in ("all", pull["state"])
        ]
        return jsonify([hub.pull(number) for number in reversed(found)])

    @api.post(f"{root}/pulls")
    @repository("pull_requests", "write")
    def create_pull(token: Token) -> Any:
        asked = request.get_json()
        if token.login == "github-actions[bot]" and not state.actions_may_open_pulls:
            abort(403, "GitHub Actions is not permitted to create or approve pull requests.")
        if asked.get("draft") and not state.drafts:
            abort(422, "Draft pull requests are not supported in this repository.")
        for end in ("head", "base"):
            if asked[end] not in hub.refs():
                problem = {
                    "message": "Validation Failed",
                    "errors": [{"resource": "PullRequest", "field": end, "code": "invalid"}],
                    "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request",
                }
                abort(make_response(jsonify(problem), 422))
        if any(p["head"] == asked["head"] and p["state"] == "open" for p in state.pulls.values()):
            abort(422, f"A pull request already exists for {OWNER}:{asked['head']}.")
        if len(asked["body"]) > 65536:
            abort(422, "body is too long (maximum is 65536 characters)")
        number = 1000 + len(state.pulls)
        state.pulls[number] = {
            "number": number,
            "state": "open",
            "user": token.login,
            "created_at": _now(),
            "draft": asked.get("draft", False),
            **{name: asked[name] for name in ("title", "body", "head", "base")},
        }
        return hub.pull(number), 201

    @api.patch(f"{root}/pulls/<int:number>")
    @repository("pull_requests", "write")
    def edit_pull(token: Token, number: int) -> Any:
        state.pulls[number] |= request.get_json()
        return hub.pull(number)

    @api.get(f"{root}/pulls/<int:number>")
    @repository("pull_requests", "read")
    def get_pull(token: Token, number: int) -> Any:
        return hub.pull(number) if number in state.pulls else abort(404, "Not Found")

    def show_review(review: Json) -> Json:
        return {name: review[name] for name in review if name not in ("comments", "pull")}

    @api.get(f"{root}/pulls/<int:number>/reviews")
    @repository("pull_requests", "read")
    def list_reviews(token: Token, number: int) -> Any:
        found = [show_review(review) for review in state.reviews if review["pull"] == number]
        return jsonify(_page(found))

    @api.post(f"{root}/pulls/<int:number>/reviews")
    @repository("pull_requests", "write")
    def create_review(token: Token, number: int) -> Any:
        asked, pull = request.get_json(), state.pulls.get(number) or abort(404, "Not Found")
        _body()
        if asked["event"] != "COMMENT" and token.login == pull["user"]:
            abort(422, "Can not approve or request changes on your own pull request")
        for comment in asked.get("comments", ()):
            lines = hub.lines_in_diff(number, comment["path"])
            if not {comment["line"], comment.get("start_line", comment["line"])} <= lines:
                abort(422, "Pull request review thread line must be part of the diff")
        known = next(hub._ids)
        address, page = f"{hub._repository_url}/pulls/{number}", f"{hub.url}/{OWNER}/{NAME}/pull/{number}"
        review = {
            "id": known,
            "node_id": f"PRR_{known}",
            "user": hub._user(token.login),
            "body": asked["body"],
            "state": "COMMENTED",
            "html_url": f"{page}#pullrequestreview-{known}",
            "pull_request_url": address,
            "_links": {"html": {"href": page}, "pull_request": {"href": address}},
            "submitted_at": _now(),
            "commit_id": asked["commit_id"],
            "author_association": "NONE",
            "comments": asked.get("comments", []),
            "pull": number,
        }
        state.reviews.append(review)
        return show_review(review)

    @api.get(f"{root}/pulls/<int:number>/comments")
    @repository("pull_requests", "read")
    def list_remarks(token: Token, number: int) -> Any:
        since = request.args.get("since", "")
        found = [
            remark
            for remark in state.remarks.values()
            if remark["pull_request_url"].endswith(f"/{number}") and remark["updated_at"] >= since
        ]
        return jsonify(_page(found))

    @api.post(f"{root}/pulls/<int:number>/comments/<int:remark>/replies")
    @repository("pull_requests", "write")
    def reply(token: Token, number: int, remark: int) -> Any:
        if remark not in state.remarks:
            abort(404, "Not Found")
        if "in_reply_to_id" in state.remarks[remark]:
            abort(422, "Replies to replies are not supported")
        return hub.remark(number, _body(), token.login, answers=remark), 201

    @api.patch(f"{root}/pulls/comments/<int:number>")
    @repository("pull_requests", "write")
    def edit_remark(token: Token, number: int) -> Any:
        if number not in state.remarks:
            abort(404, "Not Found")
        state.remarks[number] |= {"body": _body(), "updated_at": _now()}
        return state.remarks[number]

    @api.post(f"{root}/pulls/comments/<int:number>/reactions")
    @repository("pull_requests", "write")
    def react_to_remark(token: Token, number: int) -> Any:
        return react(token, f"remark {number}") if number in state.remarks else abort(404, "Not Found")

    @api.get(f"{root}/commits/<ref>/check-runs")
    @repository("checks", "read")
    def list_checks(token: Token, ref: str) -> Any:
        found = [check for check in state.checks if check["head_sha"] == ref]
        return {"total_count": len(found), "check_runs": found}

    @api.post(f"{root}/check-runs")
    @repository("checks", "write")
    def create_check(token: Token) -> Any:
        asked = request.get_json()
        number = next(hub._ids)
        address = f"{hub._repository_url}/check-runs/{number}"
        check = {
            **{name: asked[name] for name in ("name", "head_sha", "external_id", "status", "conclusion")},
            "id": number,
            "node_id": f"CR_{number}",
            "url": address,
            "html_url": address,
            "details_url": address,
            "started_at": _now(),
            "completed_at": asked["completed_at"],
            "check_suite": {"id": 1},
            "app": hub.app(),
            "pull_requests": [],
        }
        state.checks.append(check)
        state.annotations[number] = []
        return show_output(check, asked["output"]), 201

    @api.patch(f"{root}/check-runs/<int:number>")
    @repository("checks", "write")
    def edit_check(token: Token, number: int) -> Any:
        check = next(check for check in state.checks if check["id"] == number)
        return show_output(check, request.get_json()["output"])

    def show_output(check: Json, output: Json) -> Json:
        """The check run with `output`, whose annotations are added to those that it has."""
        remarks = output.get("annotations", [])
        if len(remarks) > 50 or len(output["summary"]) > 65535:
            abort(422, "Invalid request")
        kept = state.annotations[check["id"]]
        kept += remarks
        counted = {"annotations_count": len(kept), "annotations_url": f"{check['url']}/annotations"}
        check["output"] = {"title": output["title"], "summary": output["summary"], "text": None} | counted
        return check


def _faulty(fault: Fault) -> Response:
    if fault.status is None:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        return Response(status=500)
    response = jsonify(message=fault.message)
    response.status_code = fault.status
    response.headers.update(fault.headers)
    return response


def _body() -> str:
    body = request.get_json()["body"]
    if len(body) > 65536:
        abort(422, "Body is too long (maximum is 65536 characters)")
    return str(body)


def _page(items: list[Json]) -> list[Json]:
    size, page = int(request.args.get("per_page", 30)), int(request.args.get("page", 1))
    return items[(page - 1) * size : page * size]


def _now() -> str:
    return _text(datetime.now(UTC))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", directory, *arguments], check=True, capture_output=True, text=True
    ).stdout


def _first_commit(folder: Path, bare: Path) -> None:
    bare.mkdir(parents=True)
    work = folder / "first"
    work.mkdir()
    _git(bare, "init", "--bare", "--initial-branch=main")
    _git(bare, "config", "http.receivepack", "true")
    _git(bare, "config", "uploadpack.allowFilter", "true")
    _git(work, "init", "--initial-branch=main")
    (work / "README.md").write_text("# Papers\n")
    _git(work, "add", "README.md")
    _git(work, *_ALICE, "commit", "--message=First commit")
    _git(work, "push", str(bare), "main")


@contextmanager
def running(folder: Path) -> Iterator[FakeGitHub]:
    """A fake GitHub for a `with` statement."""
    with FakeGitHub(folder) as hub:
        yield hub


def dumps(payload: Json) -> bytes:
    """A payload as it is signed and sent."""
    return json.dumps(payload).encode()
