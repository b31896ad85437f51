"""Who may see our web pages: whoever has the token. And what a browser may do with them."""

import hmac

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue


def guard(pages: Blueprint, token: str, forms: str = "'none'") -> None:
    """Ask for `token` as password (HTTP Basic, any user) or as bearer token; `forms` is where forms may go."""
    if not token:
        raise ValueError("an empty token opens the pages to everybody")

    @pages.before_request
    def closed() -> ResponseReturnValue | None:
        given = request.authorization
        secret = (given.password or given.token or "") if given else ""
        if hmac.compare_digest(secret.encode(), token.encode()):
            return None
        return Response("The token is needed as password.\n", 401, {"WWW-Authenticate": "Basic"})

    @pages.after_request
    def told(response: Response) -> Response:
        policy = f"default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {forms}"
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response
