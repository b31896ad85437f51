"""The web process before there is an App: GitHub makes one from a manifest, and its credentials are kept.

Open to whoever has the dashboard's token, or the one that the log shows. Once credentials are there, every request
goes to the real web process, and this one is gone.
"""

import hmac
import json
import logging
import os
import re
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import httpx
from flask import Blueprint, Flask, Response, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field, PositiveInt, ValidationError

from bot.github.credentials import EVENTS, PERMISSIONS
from bot.jobs.database import private
from bot.jobs.engine import Engine, database_url
from bot.web import webhook
from bot.web.doors import guard
from settings import APP_FILE, Settings, SettingsError, load

_SECONDS = 10.0
_LARGEST_ANSWER = 2**20
"""Bytes."""
_COOKIE = "paper2code-setup"
_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> Flask:
    """Set-up pages, and the real web process as soon as there are credentials.

    Its database is opened at once: what it lacks is found before anybody makes an App. Raises SettingsError.
    """
    app, engine = Flask("paper2code", static_folder=None), Engine(database_url(settings))
    app.register_blueprint(create_blueprint(settings, _token(settings)))
    before, real, making = app.wsgi_app, list[Flask](), threading.Lock()

    def dispatch(environ: Any, start_response: Any) -> Any:
        with making:
            if not real and (settings.data_dir / APP_FILE).exists():
                try:
                    real.append(webhook.create_app(load(), engine))
                except SettingsError as error:
                    _log.error("%s %s", error, error.hint)
                    return Response(f"{error}\n{error.hint}\n", 503)(environ, start_response)
        return (real[0] if real else before)(environ, start_response)

    app.wsgi_app = dispatch  # type: ignore[method-assign]
    return app


def create_blueprint(settings: Settings, token: str) -> Blueprint:
    """`GET /setup` (where `/` leads), `GET /setup/callback`, `GET /healthz`, and 503 for what comes too early."""
    blueprint = Blueprint("setup", __name__)
    pages = Blueprint(
        "pages",
        __name__,
        template_folder="templates",
        static_folder="static",
        # Where the real process has them too: the last page is shown when that one is there.
        static_url_path="/static",
    )
    guard(pages, token, forms=f"'self' {settings.github_server_url}")

    @pages.get("/setup")
    def setup() -> ResponseReturnValue:
        here = _here(settings)
        address = request.args.get("address", here).strip().rstrip("/")
        organization = request.args.get("organization", "").strip()
        problem = _problem(address, organization)
        state = secrets.token_urlsafe(32)
        page = render_template(
            "setup.html",
            address=address,
            organization=organization,
            problem=problem,
            foreign=address != here,
            known=f"that PAPER2CODE_PUBLIC_URL names ({here})"
            if settings.public_url
            else f"at which you opened this page ({here})",
            here=here,
            elsewhere="" if request.host == urlsplit(here).netloc.lower() else request.host,
            action=_action(settings.github_server_url, organization, state),
            manifest=json.dumps(manifest(address)),
            permissions=PERMISSIONS,
            events=EVENTS,
        )
        response = Response(page, 400 if problem else 200)
        # Lax: it comes back with the browser that GitHub sends to the callback, and with no other site's form.
        response.set_cookie(
            _COOKIE,
            state,
            max_age=3600,
            path="/setup",
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
        return response

    @pages.get("/setup/callback")
    def callback() -> ResponseReturnValue:
        state, code = request.args.get("state", ""), request.args.get("code", "")
        expected = request.cookies.get(_COOKIE, "")
        if not expected or not hmac.compare_digest(state.encode(), expected.encode()):
            return _failed("This answer belongs to no set-up that this browser began within the hour.", 403)
        if not re.fullmatch(r"[\w-]{1,200}", code):
            return _failed("GitHub sent no code.", 400)
        try:
            made = _exchanged(settings.github_api_url, code)
            keep(settings.data_dir, made)
        except _Failed as error:
            return _failed(str(error), 502)
        except OSError as error:
            return _failed(
                f"The credentials could not be written to {settings.data_dir} ({error.strerror}).", 500
            )
        _log.warning(
            "GitHub App %s is set up; its credentials are in %s", made["id"], settings.data_dir / APP_FILE
        )
        page = render_template(
            "setup_done.html",
            app=made,
            file=settings.data_dir / APP_FILE,
            address=_here(settings),
        )
        response = Response(page)
        response.delete_cookie(_COOKIE, path="/setup")
        return response

    @blueprint.get("/")
    def begin() -> ResponseReturnValue:
        return redirect("/setup")

    @blueprint.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return jsonify(status="ok")

    @blueprint.post("/webhook")
    @blueprint.get("/readyz")
    def early() -> ResponseReturnValue:
        return jsonify(message="There is no GitHub App yet; open /setup."), 503

    blueprint.register_blueprint(pages)
    return blueprint


def manifest(address: str) -> dict[str, Any]:
    """What the App is to be. Source: docs.github.com, "Registering a GitHub App from a manifest"."""
    return {
        "name": "paper2code",
        "url": address,
        "description": "From an arXiv paper named in an issue to a pull request that implements it.",
        "hook_attributes": {"url": f"{address}/webhook", "active": True},
        "redirect_url": f"{address}/setup/callback",
        "callback_urls": [f"{address}/login/callback"],
        "public": False,
        "default_permissions": PERMISSIONS,
        "default_events": list(EVENTS),
    }


def keep(folder: Path, made: dict[str, Any]) -> None:
    """Write the credentials for their owner's eyes only; never over others. Raises OSError."""
    private(folder)
    wanted = {name: made[name] for name in ("id", "pem", "webhook_secret", "html_url")}
    wanted |= {name: made[name] for name in ("client_id", "client_secret") if name in made}
    # mkstemp's files are their owner's only, and a link appears whole or not at all.
    handle, name = tempfile.mkstemp(dir=folder, prefix=".github-app-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(wanted, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, folder / APP_FILE)
    finally:
        Path(name).unlink()


def _here(settings: Settings) -> str:
    """The address of this server: what a request says of it counts only where nothing is configured."""
    return (settings.public_url or request.url_root).rstrip("/")


class _Failed(Exception):
    """GitHub did not give credentials; the message says why."""


class _Made(BaseModel):
    """What GitHub tells of a new App: kept only where it can be used, since it is never written over."""

    id: PositiveInt
    pem: Annotated[str, Field(pattern="PRIVATE KEY-----")]
    webhook_secret: Annotated[str, Field(min_length=1)]
    html_url: Annotated[str, Field(pattern="^https?://")]
    client_id: str | None = None
    client_secret: str | None = None


def _exchanged(api_url: str, code: str) -> dict[str, Any]:
    said, until = bytearray(), time.monotonic() + _SECONDS
    headers = {"Accept": "application/vnd.github+json"}
    try:
        with httpx.stream(
            "POST", f"{api_url}/app-manifests/{code}/conversions", headers=headers, timeout=_SECONDS
        ) as answer:
            for piece in answer.iter_bytes():
                said += piece
                if len(said) > _LARGEST_ANSWER or time.monotonic() > until:
                    raise _Failed("GitHub's answer has no end.")
    except httpx.HTTPError as error:
        raise _Failed(f"GitHub's API cannot be reached ({type(error).__name__}).") from None
    if answer.status_code != 201:
        raise _Failed("GitHub does not know the code: it is good for one hour and for one time.")
    try:
        return _Made.model_validate_json(said).model_dump(exclude_none=True)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors()}))
        raise _Failed(
            f"GitHub's answer cannot be used ({wrong[:200]}). It may have made the App: delete that in its settings, "
            "and begin again."
        ) from None


def _action(server_url: str, organization: str, state: str) -> str:
    whose = f"organizations/{quote(organization)}/" if organization else ""
    return f"{server_url}/{whose}settings/apps/new?state={state}"


def _problem(address: str, organization: str) -> str:
    if not re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[\w./-]*)?", address):
        return "The address is no http(s) address."
    if organization and not re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}", organization):
        return "That is no name of an organisation."
    return ""


def _failed(message: str, status: int) -> ResponseReturnValue:
    return render_template("setup_failed.html", message=message), status


def _token(settings: Settings) -> str:
    if settings.dashboard_token:
        return settings.dashboard_token.get_secret_value()
    token = secrets.token_urlsafe(24)
    _log.warning("There is no GitHub App yet. Open /setup; any user, password %s", token)
    return token
