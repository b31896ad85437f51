"""What GitHub shows to a browser when somebody signs in or makes an App, and what a person's token tells."""

import base64
import hashlib
import html
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, abort, jsonify, redirect, request

from tests.fakes.github.state import CLIENT_ID, CLIENT_SECRET, INSTALLATION, REPOSITORY_ID, Token

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub

_PAGE = """<!doctype html><html lang=en><title>GitHub</title><link rel=icon href="data:,"><h1>GitHub</h1>
<form action="{action}" method="get">{fields}<button>{button}</button></form></html>"""


def browsing(hub: "FakeGitHub") -> Blueprint:
    """Pages, and the exchange of codes."""
    site = Blueprint("site", __name__)

    @site.get("/login/oauth/authorize")
    def authorize() -> Any:
        asked = request.args
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            abort(404, "Not Found")
        return _page("/login/oauth/granted", "Authorize paper2code", **asked)

    @site.get("/login/oauth/granted")
    def granted() -> Any:
        code = secrets.token_hex(10)
        hub.state.grants[code] = dict(request.args) | {"login": hub.state.browsing}
        query = urlencode({"code": code, "state": request.args["state"]})
        return redirect(f"{request.args['redirect_uri']}?{query}")

    @site.post("/login/oauth/access_token")
    def exchange() -> Any:
        given = request.form
        grant = hub.state.grants.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client = (given["client_id"], given["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        if (
            not grant
            or not client
            or [challenge, given["redirect_uri"]]
            != [
                grant["code_challenge"],
                grant["redirect_uri"],
            ]
        ):
            return jsonify(
                error="bad_verification_code", error_description="The code is incorrect or expired."
            )
        value = f"ghu_{secrets.token_hex(18)}"
        expires = datetime.now(UTC) + timedelta(hours=8)
        hub.tokens[value] = Token(grant["login"], {"metadata": "read"}, [REPOSITORY_ID], expires, person=True)
        return jsonify(access_token=value, expires_in=28800, token_type="bearer", scope="")

    @site.post("/settings/apps/new")
    @site.post("/organizations/<organization>/settings/apps/new")
    def make(organization: str = "") -> Any:
        back = json.loads(request.form["manifest"])["redirect_url"]
        return _page(back, "Create GitHub App", code="good", state=request.args["state"])

    return site


def people(hub: "FakeGitHub", api: Blueprint) -> None:
    """Add what a person's token may ask."""

    def reader() -> Token:
        token = hub.authenticated()
        if not token.person:
            abort(403, "Resource not accessible by integration")
        return token

    @api.get("/user")
    def user() -> Any:
        return hub.shapes.public_user(reader().login)

    @api.get("/user/installations")
    def of_person() -> Any:
        found = [hub.shapes.installation()] if reader().login in hub.state.permissions else []
        return jsonify(total_count=len(found), installations=found)

    @api.get(f"/user/installations/{INSTALLATION}/repositories")
    def repositories_of_person() -> Any:
        role = hub.state.permissions.get(reader().login)
        may = {"pull": True, "push": role in ("write", "maintain", "admin"), "admin": role == "admin"}
        found = [hub.shapes.repository() | {"permissions": may}] if role else []
        return jsonify(total_count=len(found), repositories=found)


def _page(action: str, button: str, **fields: str) -> str:
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    return _PAGE.format(action=html.escape(action), fields=inputs, button=button)
