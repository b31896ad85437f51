"""Holds recorded exchanges against GitHub's own OpenAPI document, which we did not write."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.fakes.github import Exchange

DOCUMENT = Path(__file__).parents[1] / "node_modules/@octokit/openapi/generated/api.github.com.json"


class Contract:
    """GitHub's description of the given operations (a subset: all of them take 16 s to load)."""

    def __init__(self, paths: Iterable[str]) -> None:
        document = json.loads(DOCUMENT.read_text())
        document["paths"] = {path: document["paths"][path] for path in paths}
        document.pop("x-webhooks", None)
        document["servers"] = [{"url": "http://localhost"}]
        self._openapi = OpenAPI.from_dict(document)

    def check(self, exchange: Exchange) -> None:
        """Raises what openapi-core raises if the request or the answer is not as GitHub describes it."""
        request = MockRequest(
            "http://localhost",
            exchange.method.lower(),
            exchange.path,
            args=_plain(exchange.query),
            data=exchange.body or None,
            content_type=exchange.content_type or "application/json",
        )
        self._openapi.validate_request(request)
        if exchange.status < 500:
            response = MockResponse(
                exchange.answer, status_code=exchange.status, content_type=exchange.answer_type
            )
            self._openapi.validate_response(request, response)


def _plain(query: dict[str, list[str]]) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in query.items()}


def used_paths(exchanges: Iterable[Exchange], patterns: Iterable[str]) -> set[str]:
    """The OpenAPI paths among `patterns` that the exchanges used."""
    used = set()
    for exchange in exchanges:
        for pattern in patterns:
            if re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(pattern)), exchange.path):
                used.add(pattern)
    return used
