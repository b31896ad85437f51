"""What every route of a repository asks first, and how requests are read."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import abort, request

from tests.fakes.github.state import REPOSITORY_ID, Json

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub

ROOT = "/repos/<owner>/<repo>"
_RANK = {None: 0, "read": 1, "write": 2}


def permitted(hub: "FakeGitHub", kind: str, level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Only for tokens that may do so, one call at a time."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(owner: str, repo: str, **arguments: Any) -> Any:
            token = hub.authenticated()
            if f"{owner}/{repo}" != hub.state.names[-1] or REPOSITORY_ID not in token.repositories:
                abort(404, "Not Found")
            if token.person and hub.state.role(token.login) == "none":
                abort(404, "Not Found")
            if _RANK[token.permissions.get(kind)] < _RANK[level]:
                abort(403, "Resource not accessible by integration")
            if level == "write" and hub.state.archived:
                abort(403, "Repository was archived so is read-only.")
            with hub.lock:
                return view(token, **arguments)

        return checked

    return decorate


def body() -> str:
    """Of what is written."""
    text = request.get_json()["body"]
    if len(text) > 65536:
        abort(422, "Body is too long (maximum is 65536 characters)")
    return str(text)


def page(items: list[Json]) -> list[Json]:
    """The part of a list that is asked for."""
    size, page = int(request.args.get("per_page", 30)), int(request.args.get("page", 1))
    return items[(page - 1) * size : page * size]


def since(remarks: Iterable[Json], of: str, number: int) -> list[Json]:
    """The asked for part of those remarks on `number`, named by the URL in `of`, that are recent enough."""
    earliest = request.args.get("since", "")
    return page(
        [each for each in remarks if each[of].endswith(f"/{number}") and each["updated_at"] >= earliest]
    )
