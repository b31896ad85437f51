"""Holds recorded exchanges against GitHub's own OpenAPI document, which we did not write."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.testing import MockRequest, MockResponse

from tests.fakes.github.state import Exchange

DOCUMENT = Path(__file__).parents[1] / "node_modules/@octokit/openapi/generated/api.github.com.json"
_EVERYWHERE = (401, 403, 404, 429)
"""GitHub may refuse any call so, and says it of some only."""


class Contract:
    """GitHub's description of the given operations (a subset: all of them take 16 s to load)."""

    def __init__(self, paths: Iterable[str]) -> None:
        document = json.loads(DOCUMENT.read_text())
        document["paths"] = {path: _undiscriminated(document["paths"][path]) for path in paths}
        document["components"] = _components(document)
        document.pop("x-webhooks", None)
        document["servers"] = [{"url": "http://localhost"}]
        self._openapi = OpenAPI.from_dict(document)

    def check(self, exchange: Exchange) -> None:
        """Raises AssertionError if the request or the answer is not as GitHub describes it."""
        request = MockRequest(
            "http://localhost",
            exchange.method.lower(),
            _one_segment(exchange.path),
            args=_plain(exchange.query),
            data=exchange.body or None,
            content_type=exchange.content_type or "application/json",
        )
        try:
            self._openapi.validate_request(request)
            if exchange.status < 500:
                response = MockResponse(
                    exchange.answer, status_code=exchange.status, content_type=exchange.answer_type
                )
                self._openapi.validate_response(request, response)
        except OpenAPIError as error:
            deepest: BaseException = error
            while deepest.__cause__ is not None:
                deepest = deepest.__cause__
            if isinstance(deepest, ResponseNotFound) and exchange.status in _EVERYWHERE:
                return
            reasons = [problem.message for problem in getattr(deepest, "schema_errors", ())]
            raise AssertionError(
                f"{exchange.method} {exchange.path} → {exchange.status} is not as GitHub describes it: "
                f"{reasons or repr(deepest)}"[:1000]
            ) from None


def _one_segment(path: str) -> str:
    """GitHub's `{path}` of a file takes slashes; OpenAPI's parameters take none."""
    before, contents, after = path.partition("/contents/")
    return before + contents + after.replace("/", "%2F")


def _plain(query: dict[str, list[str]]) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in query.items()}


def _undiscriminated(value: Any) -> Any:
    """`value` without what tells alternatives apart by a property: a folder's contents are a list, which has none."""
    if isinstance(value, list):
        return [_undiscriminated(each) for each in value]
    if isinstance(value, dict):
        return {name: _undiscriminated(each) for name, each in value.items() if name != "discriminator"}
    return value


def _components(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that the paths need, and those that they need."""
    kept: dict[str, dict[str, Any]] = {}
    found = _references(document["paths"])
    while found:
        kind, name = found.pop()
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = document["components"][kind][name]
            found |= _references(kept[kind][name])
    return kept


def _references(value: Any) -> set[tuple[str, str]]:
    return set(re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(value)))
