"""What arXiv says about a paper: its two XML formats to Metadata. Pure: no network.

Source: https://info.arxiv.org/help/api/user-manual.html (Atom) and https://info.arxiv.org/help/oa/
(arXivRaw).
"""

import datetime
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.headers import moment

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_RAW = "{http://arxiv.org/OAI/arXivRaw/}"
_ID = re.compile(
    r"arxiv\.org/abs/(?P<identifier>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})v(?P<version>\d{1,4})$",
    re.ASCII,
)
_WITHDRAWN = re.compile(
    r"(?:paper|article|manuscript|submission|work|preprint|it|this version)\s+(?:has been|was|is)\s+"
    r"(?:being\s+)?withdrawn"
    r"|^\s*withdrawn\b|withdrawn by (?:the )?(?:author|arxiv)",
    re.IGNORECASE,
)
MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class Metadata:
    """A version of a paper, as arXiv describes it."""

    identifier: str
    version: int
    title: str
    authors: tuple[str, ...]
    abstract: str
    categories: tuple[str, ...] = ()
    versions: tuple[tuple[int, datetime.date], ...] = ()
    """Every version and its day, where known."""
    published: datetime.date | None = None
    """Of the first version."""
    date: datetime.date | None = None
    """Of this version."""
    licence: str | None = None
    doi: str | None = None
    withdrawn: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it."""
        value = asdict(self)
        value["versions"] = [(number, day.isoformat()) for number, day in self.versions]
        for key in ("published", "date"):
            value[key] = value[key].isoformat() if value[key] else None
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Metadata":
        """Raises KeyError, TypeError or ValueError for anything but what `to_json` gives."""
        days = {
            key: datetime.date.fromisoformat(value[key]) if value[key] else None
            for key in ("published", "date")
        }
        lists = {key: tuple(value[key]) for key in ("authors", "categories")}
        versions = tuple((int(number), datetime.date.fromisoformat(day)) for number, day in value["versions"])
        return cls(**{**value, **days, **lists, "versions": versions})


def from_atom(content: bytes) -> Metadata | None:
    """The one entry of an answer to `api/query`; None if there is none, or an error stands in its place."""
    root = _parse(content)
    entry = root.find(f"{_ATOM}entry") if root is not None else None
    if entry is None:
        return None
    found = _ID.search(_text(entry, f"{_ATOM}id"))
    if found is None:
        return None
    comment = _text(entry, f"{_ARXIV}comment")
    abstract = _text(entry, f"{_ATOM}summary")
    return Metadata(
        identifier=found["identifier"],
        version=int(found["version"]),
        title=_text(entry, f"{_ATOM}title"),
        authors=tuple(_text(author, f"{_ATOM}name") for author in entry.iter(f"{_ATOM}author")),
        abstract=abstract,
        categories=tuple(term for c in entry.iter(f"{_ATOM}category") if (term := c.get("term"))),
        published=_iso_day(_text(entry, f"{_ATOM}published")),
        date=_iso_day(_text(entry, f"{_ATOM}updated")),
        doi=_text(entry, f"{_ARXIV}doi") or None,
        withdrawn=bool(_WITHDRAWN.search(comment) or _WITHDRAWN.search(abstract[:300])),
    )


def from_oai(content: bytes, metadata: Metadata) -> Metadata:
    """`metadata` with licence and versions from an answer to `verb=GetRecord&metadataPrefix=arXivRaw`."""
    root = _parse(content)
    raw = root.find(f".//{_RAW}arXivRaw") if root is not None else None
    if raw is None:
        return metadata
    versions: dict[int, datetime.date] = {}
    withdrawn = metadata.withdrawn
    for version in raw.iter(f"{_RAW}version"):
        number = re.fullmatch(r"v(\d{1,4})", version.get("version", ""))
        day = _mail_day(_text(version, f"{_RAW}date"))
        if number and day:
            versions[int(number.group(1))] = day
        # `I`: there is nothing but a note of withdrawal.
        if (
            number
            and int(number.group(1)) == metadata.version
            and _text(version, f"{_RAW}source_type") == "I"
        ):
            withdrawn = True
    return replace(
        metadata,
        versions=tuple(sorted(versions.items())),
        date=versions.get(metadata.version, metadata.date),
        licence=_text(raw, f"{_RAW}license") or None,
        doi=metadata.doi or _text(raw, f"{_RAW}doi") or None,
        withdrawn=withdrawn,
    )


def _parse(content: bytes) -> ElementTree.Element | None:
    # No document type: neither format has one, and entities are the way to make XML explode. A zero: UTF-16 hides them.
    if len(content) > MAX_BYTES or any(mark in content for mark in (b"<!DOCTYPE", b"<!ENTITY", b"\0")):
        return None
    try:
        return ElementTree.fromstring(content)  # noqa: S314
    except ElementTree.ParseError:
        return None


def _text(element: ElementTree.Element, tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _iso_day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _mail_day(text: str) -> datetime.date | None:
    day = moment(text)
    return day.date() if day else None
