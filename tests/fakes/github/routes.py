"""The REST calls that the bot makes, each as GitHub documents it: the App, its repository and issues."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, jsonify, request

from tests.fakes.github.artifacts import artifacts
from tests.fakes.github.gate import ROOT, body, permitted, since
from tests.fakes.github.pulls import checks, pulls, remarks, reviews
from tests.fakes.github.signing import people
from tests.fakes.github.state import (
    API,
    APP_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    INSTALLATION,
    REPOSITORY_ID,
    Token,
    now,
    text,
)

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub


def routes(hub: "FakeGitHub") -> Blueprint:
    """All that the bot calls."""
    api = Blueprint("api", __name__, url_prefix=API)
    ours = (_installations, _deliveries, _repository, _issues, _comments, _reactions)
    for add in (*ours, people, pulls, reviews, remarks, checks, artifacts):
        add(hub, api)
    return api


def _installations(hub: "FakeGitHub", api: Blueprint) -> None:
    state = hub.state

    @api.get("/app")
    def app() -> Any:
        hub.verify_app()
        return hub.shapes.app()

    @api.get("/app/installations")
    def installations() -> Any:
        hub.verify_app()
        return [hub.shapes.installation()] if state.installed else []

    @api.post("/app-manifests/<code>/conversions")
    def convert(code: str) -> Any:
        if code != "good":
            abort(404, "Not Found")
        secret = {"webhook_secret": secrets.token_hex(20), "pem": hub.private_key}
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return hub.shapes.app() | secret | client, 201

    @api.get("/users/<login>")
    def users(login: str) -> Any:
        return hub.shapes.public_user(login) if login in state.users else abort(404, "Not Found")

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
            "expires_at": text(expires),
            "permissions": wanted["permissions"],
            "repository_selection": "selected",
            "repositories": [hub.shapes.repository()],
        }, 201


def _deliveries(hub: "FakeGitHub", api: Blueprint) -> None:
    @api.get("/app/hook/deliveries")
    def deliveries() -> Any:
        hub.verify_app()
        size, cursor = int(request.args.get("per_page", 30)), int(request.args.get("cursor", 0))
        newest = sorted(hub.state.deliveries, key=itemgetter("delivered_at", "id"), reverse=True)
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


def _repository(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(ROOT)
    @repository("metadata", "read")
    def get_repository(token: Token) -> Any:
        return hub.shapes.repository()

    @api.get(f"{ROOT}/contents/<path:path>")
    @repository("contents", "read")
    def contents(token: Token, path: str) -> Any:
        if path in state.files:
            data = state.files[path].encode()
            return entry(path) | {"encoding": "base64", "content": base64.b64encode(data).decode()}
        inside = [each for each in state.files if each.startswith(f"{path}/")]
        return [entry(each) for each in inside] or abort(404, "Not Found")

    def entry(path: str) -> dict[str, Any]:
        address = f"{hub.shapes.repository_url}/contents/{path}"
        return {
            "type": "file",
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": "0" * 40,
            "size": len(state.files[path].encode()),
            "url": address,
            "git_url": address,
            "html_url": address,
            "download_url": address,
            "_links": {"self": address, "git": address, "html": address},
        }

    @api.get(f"{ROOT}/collaborators/<login>/permission")
    @repository("metadata", "read")
    def permission(token: Token, login: str) -> Any:
        role = hub.state.role(login)
        coarse = {"maintain": "write", "triage": "read"}.get(role, role)
        return {"permission": coarse, "role_name": role, "user": None}


def _issues(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    @api.get(f"{ROOT}/issues/<int:number>")
    @repository("issues", "read")
    def get_issue(token: Token, number: int) -> Any:
        if number not in state.issues and number not in state.pulls:
            abort(410, "This issue was deleted")
        return state.issues.get(number) or hub.shapes.issue_of_pull(number)

    @api.post(f"{ROOT}/issues/<int:number>/labels")
    @repository("issues", "write")
    def add_labels(token: Token, number: int) -> Any:
        names = state.labels.setdefault(number, [])
        names += [name for name in request.get_json()["labels"] if name not in names]
        return jsonify([hub.shapes.label(name) for name in names])


def _comments(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    def existing(number: int) -> None:
        if number not in state.issues and number not in state.pulls:
            abort(410, "This issue was deleted")

    @api.get(f"{ROOT}/issues/comments/<int:number>")
    @repository("issues", "read")
    def get_comment(token: Token, number: int) -> Any:
        return state.comments.get(number) or abort(404, "Not Found")

    @api.get(f"{ROOT}/issues/<int:number>/comments")
    @repository("issues", "read")
    def list_comments(token: Token, number: int) -> Any:
        existing(number)
        return jsonify(since(state.comments.values(), "issue_url", number))

    @api.post(f"{ROOT}/issues/<int:number>/comments")
    @repository("issues", "write")
    def create_comment(token: Token, number: int) -> Any:
        existing(number)
        if state.issues.get(number, {}).get("locked"):
            abort(403, "Unable to create comment because issue is locked.")
        return hub.write_comment(number, body(), token.login), 201

    @api.patch(f"{ROOT}/issues/comments/<int:number>")
    @repository("issues", "write")
    def edit_comment(token: Token, number: int) -> Any:
        if number not in state.comments:
            abort(404, "Not Found")
        state.comments[number] |= {"body": body(), "updated_at": now()}
        state.editors.setdefault(number, []).append(token.login)
        return state.comments[number]

    @api.delete(f"{ROOT}/issues/comments/<int:number>")
    @repository("issues", "write")
    def delete_comment(token: Token, number: int) -> Any:
        if state.comments.pop(number, None) is None:
            abort(404, "Not Found")
        return "", 204


def _reactions(hub: "FakeGitHub", api: Blueprint) -> None:
    state, repository = hub.state, partial(permitted, hub)

    def react(token: Token, subject: str) -> Any:
        content = request.get_json()["content"]
        known = [r for r in state.reactions if (r["subject"], r["content"]) == (subject, content)]
        reaction = known[0] if known else {"id": next(hub.ids), "subject": subject, "content": content}
        if not known:
            state.reactions.append(reaction)
        shown = {"node_id": "R_1", "user": hub.shapes.user(token.login), "created_at": now()}
        return {"id": reaction["id"], "content": content, **shown}, 200 if known else 201

    @api.post(f"{ROOT}/issues/comments/<int:number>/reactions")
    @repository("issues", "write")
    def react_to_comment(token: Token, number: int) -> Any:
        return react(token, f"comment {number}") if number in state.comments else abort(404, "Not Found")

    @api.post(f"{ROOT}/issues/<int:number>/reactions")
    @repository("issues", "write")
    def react_to_issue(token: Token, number: int) -> Any:
        return react(token, f"issue {number}")

    @api.post(f"{ROOT}/pulls/comments/<int:number>/reactions")
    @repository("pull_requests", "write")
    def react_to_remark(token: Token, number: int) -> Any:
        return react(token, f"remark {number}") if number in state.remarks else abort(404, "Not Found")
