"""Signing in by GitHub: the web flow of a GitHub App, and what its user may read.

Source: docs.github.com, "Generating a user access token for a GitHub App" and "Apps that a user access token can
access". Raises what credentials.py draws; no message holds a code, a secret or a token.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from bot.github.connection import PAGE
from bot.github.credentials import GitHubRefused, GitHubUnavailable, Identity

_SECONDS = 10.0


@dataclass(frozen=True)
class OAuth:
    """The App towards people's browsers."""

    client_id: str
    client_secret: SecretStr
    server_url: str
    api_url: str

    def address(self, state: str, verifier: str, back: str) -> str:
        """Where a browser is sent to sign in; it comes to `back` with `state` and a code. PKCE: RFC 7636, S256."""
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "client_id": self.client_id,
            "redirect_uri": back,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.server_url}/login/oauth/authorize?{urlencode(query)}"

    def token(self, code: str, verifier: str, back: str) -> str:
        """The person's token for the code."""
        wanted = {
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        url = f"{self.server_url}/login/oauth/access_token"
        answer = _sent("POST", url, {"Accept": "application/json"}, data=wanted)
        # GitHub answers 200 to a code that it does not know.
        told = _object(answer) if answer.status_code == 200 else {}
        if not isinstance(told.get("access_token"), str):
            raise GitHubRefused("GitHub did not take the code: it is good for ten minutes and for one time")
        return str(told["access_token"])

    def person(self, token: str) -> Identity:
        """Whose token it is."""
        told = _object(self._asked(token, "/user"))
        return Identity(str(told["login"]), int(told["id"]))

    def repositories(self, token: str) -> dict[int, bool]:
        """Repositories of this App's installations that the person was given: id → whether they can push."""
        found = dict[int, bool]()
        for installation in self._all(token, "/user/installations", "installations"):
            path = f"/user/installations/{int(installation['id'])}/repositories"
            for repository in self._all(token, path, "repositories"):
                found[int(repository["id"])] = bool((repository.get("permissions") or {}).get("push"))
        return found

    def reads(self, token: str, repository_id: int) -> bool:
        """Whether the person can read the repository, as everybody can read a public one."""
        try:
            self._asked(token, f"/repositories/{repository_id}")
        except GitHubRefused as error:
            if error.status not in (403, 404, 451):
                raise
            return False
        return True

    def _all(self, token: str, path: str, name: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            some = _object(self._asked(token, f"{path}?per_page={PAGE}&page={page}")).get(name, [])
            yield from some
            if len(some) < PAGE:
                return
            page += 1

    def _asked(self, token: str, path: str) -> httpx.Response:
        headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token}"}
        answer = _sent("GET", f"{self.api_url}{path}", headers)
        if answer.status_code >= 500 or answer.status_code == 429:
            raise GitHubUnavailable(f"GitHub answered {answer.status_code}")
        if answer.status_code != 200:
            raise GitHubRefused(f"GitHub answered {answer.status_code}", answer.status_code)
        return answer


def _sent(method: str, url: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    try:
        # A repository that was renamed or transferred is where GitHub's redirect leads.
        return httpx.request(
            method, url, headers=headers, timeout=_SECONDS, follow_redirects=method == "GET", **body
        )
    except httpx.HTTPError as error:
        raise GitHubUnavailable(f"GitHub cannot be reached ({type(error).__name__})") from None


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise GitHubUnavailable("GitHub answered with something else than JSON")
    return told
