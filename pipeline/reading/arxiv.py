"""arXiv: metadata and source archives. The only module that talks to arXiv.

What an archive may hold is in `archives.py`, the manners of the requests in `polite.py`, what a text refers to in
`references.py`; this module knows arXiv's addresses, keeps what it fetched, and turns what a person names into a
Paper.
"""

import contextlib
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import ArxivUnavailable, PaperNotFound, PaperUnreadable, PaperWithdrawn
from pipeline.reading import archives, files
from pipeline.reading.metadata import Metadata, from_atom, from_oai
from pipeline.reading.paper import Paper
from pipeline.reading.polite import PoliteClient
from pipeline.reading.references import Reference, references
from sandbox.files import write_whole

DOWNLOADS = 3
"""Attempts at a source that arrives incomplete."""
_LATER = "Try again in a few minutes, or give the paper as a file."


class Arxiv:
    """A client that keeps arXiv's terms of use, with a cache on disk.

    The cache holds each source once, by the SHA-256 of its content, and for each id and version what it is.
    Both are written beside and renamed into place, so that any number of processes may use it and be killed
    at any moment.
    """

    def __init__(self, url: str, api_url: str, cache: Path, *, interval: float = 3.0) -> None:
        self._url = url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._cache = cache
        self._client = PoliteClient(cache, interval)

    def paper(self, reference: Reference) -> Paper:
        """Fetch and read. LaTeX is preferred; where it cannot be read the PDF is, and the paper's notes say
        so.

        Raises PaperNotFound, PaperWithdrawn, PaperUnreadable, ArxivUnavailable.
        """
        metadata = self.metadata(reference)
        reference = Reference(metadata.identifier, metadata.version)
        notes: list[str] = []
        try:
            source = self._source(reference, "e-print", metadata)
            if source.kind == "pdf":
                notes.append("arXiv has no LaTeX source of this paper; this is a reading of its PDF.")
            paper = files.parsed(source)
        except (PaperNotFound, PaperUnreadable) as error:
            notes = [f"The source could not be read, so this is a reading of the PDF. {error}"]
            paper = files.parsed(self._source(reference, "pdf", metadata))
        return replace(
            paper,
            title=metadata.title or paper.title,
            authors=metadata.authors or paper.authors,
            abstract=paper.abstract or metadata.abstract,
            arxiv_id=metadata.identifier,
            version=metadata.version,
            published=metadata.date,
            licence=metadata.licence,
            notes=(*notes, *paper.notes),
        )

    def metadata(self, reference: Reference) -> Metadata:
        """Title, authors, versions, dates and licence; of the newest version where `reference` names none.

        Raises PaperNotFound, PaperWithdrawn, ArxivUnavailable.
        """
        kept = self._entry(reference) if reference.version else None
        metadata = kept["metadata"] if kept else self._ask(reference)
        if metadata.withdrawn:
            earlier = f"{metadata.identifier}v{metadata.version - 1}"
            raise PaperWithdrawn(
                f"{metadata.identifier}v{metadata.version} was withdrawn.",
                f"The version before it may be there: arxiv:{earlier}." if metadata.version > 1 else "",
            )
        return metadata

    def _ask(self, reference: Reference) -> Metadata:
        response = self._client.get(f"{self._api_url}/api/query?id_list={reference}&max_results=1")
        if response.status_code not in (200, 400, 404) or (
            response.status_code == 200 and b"<feed" not in response.content[:2000]
        ):
            raise ArxivUnavailable(
                f"arXiv did not say what {reference} is (HTTP status {response.status_code}, no metadata).",
                _LATER,
            )
        metadata = from_atom(response.content)
        if metadata is None:
            raise PaperNotFound(f"arXiv has no paper {reference}.", "Check the identifier and the version.")
        # What the first interface does not tell: the licence, and the day of each version.
        record = f"{self._api_url}/oai2?verb=GetRecord&metadataPrefix=arXivRaw&identifier=oai:arXiv.org:"
        with contextlib.suppress(ArxivUnavailable):
            metadata = from_oai(self._client.get(record + metadata.identifier).content, metadata)
        return metadata

    def _source(self, reference: Reference, form: str, metadata: Metadata) -> archives.Source:
        """The `e-print` or the `pdf` of a version, from the cache or from arXiv."""
        kept = self._entry(reference) or {"metadata": metadata, "sources": {}}
        digest = kept["sources"].get(form)
        with contextlib.suppress(OSError):
            data = (self._cache / "objects" / digest).read_bytes() if digest else b""
            if digest and hashlib.sha256(data).hexdigest() == digest:
                return archives.unpack(data)
        data, source = self._download(f"{self._url}/{form}/{reference}")
        digest = hashlib.sha256(data).hexdigest()
        write_whole(self._cache / "objects" / digest, data)
        entry = {"metadata": metadata.to_json(), "sources": {**kept["sources"], form: digest}}
        write_whole(self._entry_path(reference), json.dumps(entry, indent=1).encode())
        return source

    def _download(self, url: str) -> tuple[bytes, archives.Source]:
        problem = ""
        for _ in range(DOWNLOADS):
            response = self._client.get(url)
            if response.status_code in (403, 404, 410):
                raise PaperNotFound(f"arXiv has nothing at {url}.", "Check the identifier and the version.")
            if response.status_code != 200:
                raise ArxivUnavailable(f"arXiv answered HTTP status {response.status_code} to {url}.", _LATER)
            data = response.content
            if data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
                problem = "a web page instead of the paper"
                continue
            try:
                return data, archives.unpack(data)
            except archives.Truncated as error:
                problem = f"an incomplete file: {error}"
        raise ArxivUnavailable(f"arXiv sent {problem} ({DOWNLOADS} times, {url}).", _LATER)

    def _entry_path(self, reference: Reference) -> Path:
        return self._cache / "versions" / f"{str(reference).replace('/', '_')}.json"

    def _entry(self, reference: Reference) -> dict[str, Any] | None:
        """What is kept of a version: its metadata, and the digest of each form of its source."""
        try:
            kept = json.loads(self._entry_path(reference).read_bytes())
            return {"metadata": Metadata.from_json(kept["metadata"]), "sources": dict(kept["sources"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None


def read(source: str, arxiv: Arxiv) -> Paper:
    """The paper that PAPER of the command line names: an arXiv reference, or a path to a `.pdf`, `.tex`,
    e-print archive (`.tar.gz`, `.gz`, `.zip`), `.md`, or a folder of LaTeX.

    Raises PaperError and its children, ArxivUnavailable.
    """
    meant = named(source)
    if isinstance(meant, Reference):
        return arxiv.paper(meant)
    try:
        return files.paper(meant)
    except PaperUnreadable as error:
        raise PaperUnreadable(f"{source}: {error}", error.hint) from error
    except OSError as error:
        raise PaperUnreadable(
            f"{source} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error


def named(source: str) -> Path | Reference:
    """What PAPER of the command line means, without a look into it. Raises PaperNotFound."""
    if path := _path(source):
        return path
    if found := references(source):
        return found[0]
    raise _no_paper(source)


def _path(source: str) -> Path | None:
    """The file or folder of this name, if there is one."""
    try:
        path = Path(source).expanduser()
        return path if source.strip() and path.exists() else None
    except (ValueError, OSError, RuntimeError):
        return None  # too long, a zero in it, nobody's home: no path at all


def _no_paper(source: str) -> PaperNotFound:
    """Why what a person named is no paper."""
    forms = (
        "Name a paper as arxiv:1706.03762, by its link, or by the path of a .pdf, .tex, .tar.gz or .md file."
    )
    if re.search(r"(?<!\d)\d{4}\.\d{4,5}(?!\d)", source):
        return PaperNotFound(
            f"There can be no arXiv paper {source}.",
            "An identifier is year and month, and a number: 1706.03762 (four digits before 2015: 1412.6980).",
        )
    if re.match(r"https?://", source):
        return PaperNotFound(
            f"{source} is no link to a paper on arXiv.", "Download the paper and give the path of the file."
        )
    if re.search(r"\.(?:pdf|tex|gz|tgz|tar|zip|md)$|/", source, re.IGNORECASE):
        return PaperNotFound(f"There is no file {source}.", f"Check the path. {forms}")
    return PaperNotFound(f"{source!r} is neither a file nor an arXiv reference.", forms)
