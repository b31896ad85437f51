"""Who looks at the pages: an operator, by the shared token, or a person who has signed in by GitHub.

A person sees the jobs of the repositories that they can read at GitHub, asked for with their own token every few
minutes. Forms carry a word that another site cannot know; scripts with the bearer token need none.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import SecretStr
from werkzeug.exceptions import HTTPException

from bot.github.credentials import GitHubError, GitHubRefused
from bot.github.oauth import OAuth
from bot.jobs.register import Register, Visible
from bot.jobs.sessions import HOURS, Session, Sessions

_log = logging.getLogger(__name__)
_FRESH, _STALE = 300.0, 3600.0
"""Seconds for which GitHub's word on what a person can read is good, and for how long where GitHub is away."""
_PUBLIC = 50
"""Public repositories that are asked for one by one: those with the latest jobs."""
_OPEN = ("static", "login", "signed", "enter")
"""What strangers may ask for."""
_MINUTES = 10
"""For which a sign-in may take."""


@dataclass(frozen=True)
class Visitor:
    """Who asks for a page."""

    name: str
    """Login at GitHub; empty: an operator."""
    person_id: int
    repositories: Mapping[int, bool] = field(default_factory=dict)
    """Of a person: what they can read → whether they can push there."""
    word: str = field(default="", repr=False)
    """That forms of this visitor carry."""
    bearer: bool = False
    """No browser, which would send its credentials by itself."""
    signed_in: bool = False
    """By a cookie, so that signing out makes sense."""

    @property
    def operator(self) -> bool:
        """Sees all there is."""
        return not self.name

    @property
    def visible(self) -> Visible:
        """What may be shown to them."""
        return None if self.operator else self.repositories.keys()

    def sees(self, repository_id: int) -> bool:
        """Whether they may see its jobs."""
        return self.operator or repository_id in self.repositories

    def steers(self, repository_id: int) -> bool:
        """Whether buttons are offered; what comes of one is decided where requests are answered."""
        return self.operator or self.repositories.get(repository_id, False)


@dataclass(frozen=True)
class Doors:
    """How visitors come in."""

    token: SecretStr | None
    """Of operators; None: there are none."""
    oauth: OAuth | None
    """None: nobody signs in by GitHub."""
    sessions: Sessions
    register: Register
    public_url: str | None
    key: bytes = field(repr=False)
    """That nobody else has: what a browser keeps during a sign-in is signed with it."""

    def __post_init__(self) -> None:
        if self.token is not None and not self.token.get_secret_value():
            raise ValueError("an empty token opens the pages to everybody")

    def visitor(self) -> Visitor | None:
        """Of the present request; None: a stranger. Raises GitHubError where nobody knows what they may see."""
        given = request.authorization
        secret = (given.password or given.token or "") if given else ""
        if secret and self.token and _same(secret, self.token.get_secret_value()):
            bearer = given is not None and given.type == "bearer"
            return Visitor("", 0, word=_word(self.token.get_secret_value()), bearer=bearer)
        key = request.cookies.get(self._cookie, "")
        session = self.sessions.get(key) if key else None
        if session is None or not (session.login or self._still_opens(session)):
            return None
        if session.login and time.time() - session.checked > _FRESH:
            session = self._checked(key, session)
            if session is None:
                return None
        return Visitor(session.login, session.person_id, session.repositories, _word(key), signed_in=True)

    def _still_opens(self, session: Session) -> bool:
        """Whether the token of an operator's session is the one that opens the pages today."""
        return self.token is not None and _same(session.token, _word(self.token.get_secret_value()))

    def _checked(self, key: str, session: Session) -> Session | None:
        if self.oauth is None:
            return None
        try:
            checked = replace(session, repositories=self._readable(session.token), checked=time.time())
        except GitHubRefused as error:
            _log.info("A session ends: %s", error)
            self.sessions.close(key)
            return None
        except GitHubError:
            if time.time() - session.checked > _STALE:
                raise
            return session
        self.sessions.put(key, checked)
        return checked

    def _readable(self, token: str) -> dict[int, bool]:
        """What the token's owner can read, of the repositories that have jobs and of the App's others."""
        oauth = self.oauth or abort(404)
        known = oauth.repositories(token)
        # Public ones are in nobody's list, and may have been made private since.
        others = [number for number, _, private in self.register.repositories() if not private]
        asked = [number for number in others if number not in known][:_PUBLIC]
        with ThreadPoolExecutor(8) as executor:
            reads = executor.map(lambda number: oauth.reads(token, number), asked)
            return known | {number: False for number, may in zip(asked, reads, strict=True) if may}

    def guard(self, pages: Blueprint) -> None:
        """Close the pages of a blueprint to strangers, and its forms to other sites."""

        @pages.before_request
        def closed() -> ResponseReturnValue | None:
            if (request.endpoint or "").removeprefix(f"{pages.name}.") in _OPEN:
                return None
            try:
                g.visitor = self.visitor()
            except GitHubError as error:
                return _told(
                    503, "GitHub cannot be asked what you may see", f"{error}. Try again in a minute."
                )
            if g.visitor is None:
                return self._strangers()
            forged = not g.visitor.bearer and not _same(request.form.get("word", ""), g.visitor.word)
            if request.method == "POST" and forged:
                return _told(403, "This form is too old", "Go back, load the page anew and try again.")
            return None

        @pages.after_request
        def told(response: Response) -> Response:
            response.headers.setdefault(
                "Content-Security-Policy",
                "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
            )
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Content-Type-Options"] = "nosniff"
            if request.endpoint != f"{pages.name}.static":
                response.headers["Cache-Control"] = "no-store"
                response.headers["Vary"] = "Accept, Cookie"
            return response

        pages.add_url_rule("/login", "login", self._login)
        pages.add_url_rule("/login", "enter", self._enter, methods=["POST"])
        pages.add_url_rule("/login/callback", "signed", self._signed)
        pages.add_url_rule("/logout", "logout", self._logout, methods=["POST"])

    def _strangers(self) -> ResponseReturnValue:
        browser = "text/html" in request.headers.get("Accept", "")
        challenge = {} if browser and self.oauth else {"WWW-Authenticate": 'Basic realm="paper2code"'}
        if wants_json():
            return jsonify(message="Send the token as Authorization: Bearer, or sign in."), 401, challenge
        here = request.full_path.rstrip("?") if request.method == "GET" else "/"
        page = render_template("signin.html", oauth=self.oauth, token=self.token, next=here, visitor=None)
        return page, 401, challenge

    def _login(self) -> ResponseReturnValue:
        """To GitHub; where that is not set up, the form for the token."""
        after = _inside(request.args.get("next", "/"))
        if self.oauth is None:
            return render_template("signin.html", oauth=None, token=self.token, next=after, visitor=None)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        response = redirect(self.oauth.address(state, verifier, self._back()))
        kept = self._signer().dumps([state, verifier, after])
        self._set(response, f"{self._cookie}-login", str(kept), _MINUTES * 60)
        return response

    def _signed(self) -> ResponseReturnValue:
        """Back from GitHub."""
        if self.oauth is None:
            abort(404)
        name = f"{self._cookie}-login"
        try:
            state, verifier, after = self._signer().loads(request.cookies.get(name, ""), _MINUTES * 60)
        except (BadData, ValueError, TypeError):
            state = verifier = after = ""
        if not state or not _same(request.args.get("state", ""), state):
            return _told(
                403, "You are not signed in", f"This sign-in was not begun here within {_MINUTES} minutes."
            )
        code = request.args.get("code", "")
        if not re.fullmatch(r"[\w-]{1,200}", code):
            denied = "access_denied" in request.args.get("error", "")
            why = "You did not allow it at GitHub." if denied else "GitHub sent no code."
            return _told(403 if denied else 400, "You are not signed in", why)
        try:
            token = self.oauth.token(code, verifier, self._back())
            person = self.oauth.person(token)
            readable = self._readable(token)
        except GitHubError as error:
            status = 403 if isinstance(error, GitHubRefused) else 502
            return _told(status, "You are not signed in", f"{error}.")
        session = Session(person.login, person.id, token, readable, time.time())
        response = redirect(after)
        response.delete_cookie(name)
        return self._entered(response, session)

    def _enter(self) -> ResponseReturnValue:
        """An operator, by the form."""
        given = request.form.get("token", "")
        after = _inside(request.form.get("next", "/"))
        if self.token is None or not _same(given, self.token.get_secret_value()):
            page = render_template(
                "signin.html", oauth=self.oauth, token=self.token, next=after, wrong=True, visitor=None
            )
            return page, 403
        return self._entered(redirect(after), Session("", token=_word(given)))

    def _entered(self, response: Any, session: Session) -> ResponseReturnValue:
        # A session of its own, whatever the browser had before.
        if key := request.cookies.get(self._cookie):
            self.sessions.close(key)
        self._set(response, self._cookie, self.sessions.open(session), HOURS * 3600)
        response.status_code = 303
        return response  # type: ignore[no-any-return]  # werkzeug's redirect is typed as its own Response

    def _logout(self) -> ResponseReturnValue:
        if key := request.cookies.get(self._cookie):
            self.sessions.close(key)
        response = redirect(url_for("dashboard.jobs"), 303)
        response.delete_cookie(self._cookie)
        return response

    def _set(self, response: Any, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", secure=self._https)

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.key, salt="sign-in")

    @property
    def _https(self) -> bool:
        return request.is_secure or (self.public_url or "").startswith("https://")

    @property
    def _cookie(self) -> str:
        # The prefix keeps other hosts of the domain from setting it.
        return "__Host-paper2code" if self._https else "paper2code"

    def _back(self) -> str:
        return f"{(self.public_url or request.url_root).rstrip('/')}/login/callback"


def wants_json() -> bool:
    """Whether the answer shall be JSON."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def failed(error: HTTPException) -> ResponseReturnValue:
    """The page for an error that has a status."""
    code = error.code or 500
    words = {404: ("There is no such page", "It may be gone, or you may not see it with this sign-in.")}
    title, why = words.get(code, (error.name, error.description or ""))
    return _told(code, title, why)


def _told(status: int, title: str, why: str) -> ResponseReturnValue:
    if wants_json():
        return jsonify(message=f"{title}. {why}".strip()), status
    return render_template("problem.html", title=title, why=why, visitor=g.get("visitor")), status


def _inside(path: str) -> str:
    """`path`, if it leads to a page of ours, else the list."""
    return path if re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", path) else "/"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _word(secret: str) -> str:
    return hmac.new(secret.encode(), b"forms", hashlib.sha256).hexdigest()
