"""Sessions of people who have signed in: what is known of them, sealed by a key that only their browser has.

A copy of the database opens none of them, and holds no token of GitHub's that could be read.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa
from cryptography.fernet import Fernet

from bot.jobs.database import inserted, now, schema

HOURS = 8
"""For which one lasts, as a token of GitHub's does."""

_sessions = sa.Table(
    "paper2code_sessions",
    schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)


@dataclass(frozen=True)
class Session:
    """Who has signed in."""

    login: str
    """At GitHub; empty: an operator, by the shared token."""
    person_id: int = 0
    token: str = field(default="", repr=False)
    """Of the person, for the App: what it can read is what they see. Of an operator: a digest of the shared one."""
    repositories: Mapping[int, bool] = field(default_factory=dict)
    """Ids of repositories that the person can read → whether they can push to it."""
    checked: float = 0.0
    """When GitHub said so, in seconds since the epoch."""


class Sessions:
    """The sessions in the database. All raise Unreachable."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database

    def open(self, session: Session) -> str:
        """Begin it; the key that the browser keeps."""
        key = secrets.token_urlsafe(32)
        self.put(key, session)
        return key

    def put(self, key: str, session: Session) -> None:
        """Keep it, in place of what was kept for this key."""
        sealed = _seal(key).encrypt(json.dumps(asdict(session)).encode())
        row = inserted(self._database, _sessions).values(
            name=_name(key), sealed=sealed, until=now(self._database) + HOURS * 3600
        )
        # An older one keeps its end.
        change = row.on_conflict_do_update(index_elements=["name"], set_={"sealed": row.excluded.sealed})
        with self._database.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.until < now(self._database)))
            connection.execute(change)

    def get(self, key: str) -> Session | None:
        """The session; None: there is none, or it has ended."""
        wanted = sa.select(_sessions.c.sealed).where(
            _sessions.c.name == _name(key), _sessions.c.until > now(self._database)
        )
        with self._database.connect() as connection:
            sealed = connection.scalar(wanted)
        if sealed is None:
            return None
        told = json.loads(_seal(key).decrypt(sealed))
        told["repositories"] = {int(number): may for number, may in told["repositories"].items()}
        return Session(**told)

    def close(self, key: str) -> None:
        """End it."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.name == _name(key)))


def _name(key: str) -> str:
    return hashlib.sha256(f"name {key}".encode()).hexdigest()


def _seal(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"seal {key}".encode()).digest()))
