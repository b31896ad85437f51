"""Our HTTP surface is what docs/openapi.yaml says, whatever is sent."""

import hashlib
import hmac
import io
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis.strategies import DataObject, sampled_from
from hypothesis.strategies import data as strategy
from pydantic import SecretStr
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from bot.web import setup, webhook
from settings import Settings
from tests.bot.conftest import SECRET

TOKEN = "open-sesame-please"
DOCUMENT = yaml.safe_load((Path(__file__).parents[3] / "docs/openapi.yaml").read_text())
SIGNED = {"X-Signed": "yes"}
OPEN = ("/healthz", "/readyz", "/login", "/login/callback")


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The web process; what carries SIGNED is given GitHub's signature."""
    app = webhook.create_app(
        Settings(
            data_dir=tmp_path_factory.mktemp("data"),
            github_webhook_secret=SecretStr(SECRET),
            dashboard_token=SecretStr(TOKEN),
        )
    )
    inner = app.wsgi_app

    def signing(environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("HTTP_X_SIGNED"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            environ["HTTP_X_HUB_SIGNATURE_256"] = f"sha256={signature}"
        return inner(environ, start_response)

    app.wsgi_app = signing  # type: ignore[method-assign]
    return app


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The web process before there is an App; GitHub is away."""
    return setup.create_app(
        Settings(
            data_dir=tmp_path_factory.mktemp("new"),
            github_api_url="http://127.0.0.1:9",
            dashboard_token=SecretStr(TOKEN),
        )
    )


OPERATIONS = [(path, method) for path, described in DOCUMENT["paths"].items() for method in described]
briefly = bounded(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def attempted(app: Flask, path: str, method: str, data: DataObject, **headers: str) -> schemathesis.Response:
    """The answer to something like what the document describes, or unlike it; AssertionError if it is not its."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = app
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    case = data.draw(schema[path][method].as_strategy(generation_mode=data.draw(sampled_from(modes))))
    # Signed events that we do not know are taken and forgotten: GitHub may send new ones at any time.
    excluded = [negative_data_rejection, positive_data_acceptance] if path == "/webhook" else []
    return case.call_and_validate(headers=headers, excluded_checks=excluded)


@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if "/setup" not in each[0]])
@briefly
@given(data=strategy())
def test_the_web_process_is_as_described(configured: Flask, path: str, method: str, data: DataObject) -> None:
    attempted(configured, path, method, data, Authorization=f"Bearer {TOKEN}", **SIGNED)


@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if "/setup" in each[0]])
@briefly
@given(data=strategy())
def test_setting_up_is_as_described(new: Flask, path: str, method: str, data: DataObject) -> None:
    attempted(new, path, method, data, Authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_strangers_get_nothing(configured: Flask, new: Flask, path: str, method: str) -> None:
    app = new if "/setup" in path else configured
    answer = app.test_client().open(
        path.replace("{job}", "1-1-" + "a" * 12).replace("{verb}", "cancel"), method=method, data=b"{}"
    )
    assert (answer.status_code == 401) == (path not in OPEN)


def test_every_route_is_described(configured: Flask, new: Flask) -> None:
    routes = {rule.rule for app in (configured, new) for rule in app.url_map.iter_rules()}
    pages = {re.sub(r"<(?:[^<>]+:)?(\w+)>", r"{\1}", route) for route in routes if "static" not in route}
    assert pages == set(DOCUMENT["paths"])
