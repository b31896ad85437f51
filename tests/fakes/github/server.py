"""A stateful GitHub on loopback: the REST calls that the bot makes, and git over HTTP on a real repository.

App JWTs are verified, installation tokens are narrow and checked on every call, faults can be injected, and
every exchange is recorded; `contract.py` holds the record against GitHub's own description of itself.
"""

import base64
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, abort, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

from tests.fakes.github import git
from tests.fakes.github.artifacts import storage
from tests.fakes.github.graphql import graphql
from tests.fakes.github.routes import routes
from tests.fakes.github.shapes import Shapes
from tests.fakes.github.signing import browsing
from tests.fakes.github.state import (
    ACTIONS_TOKEN,
    API,
    APP_ID,
    INSTALLATION,
    NAME,
    OWNER,
    REPOSITORY_ID,
    Exchange,
    Fault,
    Json,
    State,
    Token,
    now,
    text,
)


class FakeGitHub:
    """Use as a context manager; `url` is the web address, `url + "/api/v3"` the API's."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.state = State()
        self.exchanges: list[Exchange] = []
        self.tokens: dict[str, Token] = {}
        self.faults: list[Fault] = []
        self.hook: Callable[[str, Json, str], int] = lambda event, payload, guid: 0
        """The App's webhook: event, payload and delivery in, status out."""
        self.private_key, self._public_key = key_pair()
        self.lock = threading.RLock()
        self.ids = iter(range(1000, 10**9))
        self.git = folder / "git" / OWNER / f"{NAME}.git"
        git.first_commit(folder, self.git)
        self.tokens[ACTIONS_TOKEN] = Token(
            "github-actions[bot]",
            dict.fromkeys(("contents", "issues", "pull_requests", "checks"), "write")
            | {"metadata": "read", "actions": "read"},
            [REPOSITORY_ID],
            datetime.now(UTC) + timedelta(days=1),
        )
        self._server = make_server(host, 0, self._app(), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://{host}:{self._server.port}"
        self.api_url = self.url + API
        self.shapes = Shapes(self.state, self.git, self.url, self.api_url)

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
        with self.lock:
            number = len(self.state.issues) + 1
            self.state.issues[number] = self.shapes.issue(number, title, body, user)
            return number

    def write_comment(self, issue: int, body: str, user: str) -> Json:
        """A comment, as the API shows it."""
        with self.lock:
            number = next(self.ids)
            self.state.comments[number] = self.shapes.comment(number, issue, body, user)
            return self.state.comments[number]

    def comment_event(self, issue: int, body: str, user: str = "alice") -> Json:
        """Somebody comments: the payload of `issue_comment`, action `created`."""
        return self._event(issue, self.write_comment(issue, body, user), user)

    def _event(self, issue: int | str, comment: Json, user: str) -> Json:
        number = int(issue)
        return {
            "action": "created",
            "issue": self.state.issues.get(number) or self.shapes.issue_of_pull(number),
            "comment": comment,
            "repository": self.shapes.repository(),
            "sender": self.shapes.user(user),
            "installation": {"id": INSTALLATION},
        }

    def edit_event(self, comment: int, body: str, user: str = "alice") -> Json:
        """Somebody edits a comment: the payload of `issue_comment`, action `edited`."""
        with self.lock:
            stored = self.state.comments[comment]
            before = stored["body"]
            stored |= {"body": body, "updated_at": now()}
            self.state.editors.setdefault(comment, []).append(user)
        event = self._event(stored["issue_url"].rpartition("/")[2], stored, user)
        return event | {"action": "edited", "changes": {"body": {"from": before}}}

    def closed_event(self, issue: int, user: str = "alice") -> Json:
        """Somebody closes an issue: the payload of `issues`, action `closed`."""
        self.state.issues[issue] |= {"state": "closed", "closed_at": now()}
        event = self._event(issue, {}, user)
        del event["comment"]
        return event | {"action": "closed"}

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
        with self.lock:
            number = next(self.ids)
            self.state.remarks[number] = self.shapes.remark(number, pull, body, user, path, lines, answers)
            return self.state.remarks[number]

    def pull_event(self, pull: int, user: str = "alice", **more: Json) -> Json:
        """The payload of what happens to a pull request."""
        return {
            "pull_request": self.shapes.pull(pull),
            "repository": self.shapes.repository(),
            "sender": self.shapes.user(user),
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
            "id": next(self.ids),
            "guid": guid,
            "delivered_at": text(when),
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
        with self.lock:
            self.state.users.setdefault(name.partition("/")[0], next(self.ids))
            for known in (*self.state.issues.values(), *self.state.comments.values()):
                for key, value in known.items():
                    if key.endswith("url"):
                        known[key] = value.replace(self.state.names[-1], name)
            self.state.names.append(name)

    def delete_issue(self, number: int) -> None:
        """With its comments."""
        with self.lock:
            del self.state.issues[number]
            mine = [n for n, c in self.state.comments.items() if c["issue_url"].endswith(f"/{number}")]
            for comment in mine:
                del self.state.comments[comment]

    def delete_branch(self, name: str) -> None:
        """As people do when they tidy up."""
        git.git(self.git, "update-ref", "-d", f"refs/heads/{name}")

    def forbid(self, words: str) -> None:
        """No branch is taken any more, and `words` say why."""
        hook = self.git / "hooks" / "pre-receive"
        hook.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
        hook.chmod(0o755)

    def refs(self) -> dict[str, str]:
        """Branch → sha, as the repository really holds them."""
        return git.refs(self.git)

    def commit(self, branch: str, files: dict[str, str]) -> str:
        """Somebody pushes these files to `branch`, which grows from main if it is new; the new commit."""
        return git.commit(self.git, branch, files)

    def lines_in_diff(self, pull: int, path: str) -> set[int]:
        """Lines of `path`, as the pull request leaves it, that a comment can stand at."""
        stored = self.state.pulls[pull]
        return git.lines_in_diff(self.git, stored["base"], stored["head"], path)

    # The server

    def _app(self) -> Flask:
        app = Flask(__name__)
        app.wsgi_app = self._by_id(app.wsgi_app)  # type: ignore[method-assign]
        app.register_blueprint(routes(self))
        app.register_blueprint(browsing(self))
        app.add_url_rule(
            "/api/graphql", view_func=partial(graphql, self), methods=["POST"], endpoint="graphql"
        )
        app.add_url_rule("/storage/<int:number>", view_func=partial(storage, self), endpoint="storage")
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
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method == request.method and fault.path.search(request.path):
                    fault.times -= 1
                    return fault
        return None

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
        return git.serve(self.git, path, token.login)

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


def _faulty(fault: Fault) -> Response:
    if fault.status is None:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        return Response(status=500)
    response = jsonify(message=fault.message)
    response.status_code = fault.status
    response.headers.update(fault.headers)
    return response


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
