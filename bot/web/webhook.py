"""HTTP for GitHub: verify the signature, store the request, answer. No call on GitHub before the answer."""

import hashlib
import hmac
import logging
import uuid

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import SecretStr
from werkzeug.exceptions import RequestEntityTooLarge

from bot.github.oauth import OAuth
from bot.intake import intake
from bot.jobs.engine import Engine, database_url
from bot.web import LARGEST, dashboard
from bot.web.visitors import Doors
from settings import Settings

_log = logging.getLogger(__name__)


def create_app(settings: Settings, engine: Engine | None = None) -> Flask:
    """The web process; `engine`, if it is not to be opened. Raises ValueError without a webhook secret."""
    if settings.github_webhook_secret is None:
        raise ValueError("GITHUB_WEBHOOK_SECRET is not set, and there is no unsigned mode")
    # Pages and styles are the dashboard's own.
    app, engine = Flask("paper2code", static_folder=None), engine or Engine(database_url(settings))
    _log.info("Takes webhooks; %d requests wait for an answer", engine.pending())
    app.register_blueprint(create_blueprint(settings.github_webhook_secret, engine))
    oauth = _oauth(settings)
    if settings.dashboard_token or oauth:
        key = hashlib.sha256(b"pages " + settings.github_webhook_secret.get_secret_value().encode()).digest()
        doors = Doors(
            settings.dashboard_token, oauth, engine.sessions, engine.register, settings.public_url, key
        )
        app.register_blueprint(dashboard.create_blueprint(doors, engine, settings.github_server_url))
    return app


def _oauth(settings: Settings) -> OAuth | None:
    """How people sign in; None where the App's client is not known."""
    client, secret = settings.github_app_client_id, settings.github_app_client_secret
    if not client or secret is None:
        return None
    return OAuth(client, secret, settings.github_server_url, settings.github_api_url)


def create_blueprint(secret: SecretStr, engine: Engine) -> Blueprint:
    """`POST /webhook`, `GET /healthz` and `GET /readyz`. `secret` signs every delivery."""
    if not secret.get_secret_value():
        raise ValueError("there is no unsigned mode: the webhook secret must not be empty")
    blueprint = Blueprint("webhook", __name__)
    key = secret.get_secret_value().encode()

    @blueprint.post("/webhook")
    def webhook() -> ResponseReturnValue:
        request.max_content_length = LARGEST
        try:
            body = request.get_data()
        except RequestEntityTooLarge:
            return _problem(413, "The payload is larger than GitHub sends.")
        if not signed(key, body, request.headers.get("X-Hub-Signature-256", "")):
            return _problem(401, "The signature is missing or wrong.")
        if request.mimetype != "application/json":
            return _problem(415, "Set the webhook's content type to application/json.")
        return _taken(engine)

    @blueprint.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> ResponseReturnValue:
        try:
            engine.check()
        except Exception:
            _log.exception("The database does not answer")
            return _problem(503, "The database does not answer.")
        return jsonify(status="ok")

    return blueprint


def _taken(engine: Engine) -> ResponseReturnValue:
    """The answer to what GitHub has signed."""
    payload = intake.payload_of(request.get_data())
    event = request.headers.get("X-GitHub-Event", "")
    if payload is None or not event:
        return _problem(400, "This is no event of GitHub's.")
    try:
        asked, ended = intake.read(event, payload), intake.ended(event, payload)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return _problem(400, f"The payload of `{event}` is not GitHub's ({type(error).__name__}).")
    if asked is None and ended is None:
        return Response(status=204)
    try:
        if ended:
            # Another delivery of the same words may be another event.
            identity = request.headers.get("X-GitHub-Delivery") or uuid.uuid4().hex
            engine.end(identity, ended)
            return jsonify(request=identity), 202
        if asked:
            engine.ask(asked)
    except Exception:
        _log.exception("An event `%s` could not be stored", event)
        return _problem(503, "The request could not be stored; GitHub can deliver it again.")
    if asked is None:
        return Response(status=204)
    _log.info("Stored request %s", asked.id)
    return jsonify(request=asked.id), 202


def signed(key: bytes, body: bytes, signature: str) -> bool:
    """Whether `signature` is `sha256=` and the HMAC of `body`; compared in constant time."""
    expected = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def _problem(status: int, message: str) -> ResponseReturnValue:
    return jsonify(message=message), status
