"""arXiv: references in text, metadata, and source archives. The only module that talks to arXiv.

What an archive may hold is in `archives.py`, the manners of the requests in `polite.py`; this module knows
arXiv's identifiers and addresses, keeps what it fetched, and turns what a person names into a Paper.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import ArxivUnavailable, PaperNotFound, PaperUnreadable, PaperWithdrawn
from pipeline.reading import archives, files
from pipeline.reading.metadata import Metadata, from_atom, from_oai
from pipeline.reading.paper import Paper
from pipeline.reading.polite import PoliteClient

DOWNLOADS = 3
"""Attempts at a source that arrives incomplete."""
_LATER = "Try again in a few minutes, or give the paper as a file."


@dataclass(frozen=True)
class Reference:
    """An arXiv identifier; `str` gives `1706.03762v5`."""

    identifier: str
    version: int | None = None

    def __str__(self) -> str:
        return self.identifier if self.version is None else f"{self.identifier}v{self.version}"


_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga"
    "|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph"
    "|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_REFERENCE = re.compile(
    rf"""
    (?P<prefix>
        (?<![\w.-]) (?:https?://)? (?:[\w-]+\.)*
        (?: arxiv\.org/(?:abs|pdf|html|e-print|format|src|ps|tb)/
          | ar5iv\.org/(?:abs|html|pdf)/
          | alphaxiv\.org/(?:\w\w/)?(?:abs|pdf|html|overview|audio|resources)/
          | huggingface\.co/papers/
          | hf\.co/papers/
          | doi\.org/10\.48550/arxiv\. )
      | (?<![\w.-]) (?:doi:\s*)? 10\.48550/arxiv\.
      | (?<![\w.-]) arxiv (?:\s*:\s*|\s+)
      | (?<![\w./=%&+@\#:\\-])
    )
    (?: (?P<new>(?P<year>\d\d)(?P<month>\d\d)\.(?P<number>\d{{4,5}}))
      | (?P<archive>{_ARCHIVES})(?:\.(?P<subject>[a-z]{{2}}))?
        /(?P<old>(?P<old_year>\d\d)(?P<old_month>\d\d)\d{{3}}) )
    (?:v(?P<version>[1-9]\d{{0,2}}))?
    (?! \w | \.\d | -\d | /\d )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{4}\.\d|/\d{7}")
"""Every reference holds one, on one line with what makes it one; found ten times as fast."""
# What is said by somebody else, shown, or not seen at all.
_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.M | re.S
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_HTML_CODE = re.compile(r"<(pre|code|blockquote)\b[^>]*>.*?(?:</\1\s*>|\Z)", re.S | re.I)
_INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)\1(?!`)", re.S)
_QUOTATION = re.compile(r"^[ \t]{0,3}>.*(?:\n(?![ \t]*(?:\n|\Z|[-*+>#]|\d+[.)])).+)*", re.M)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?:(?: {4}|\t)[^\n]*(?:\n|\Z))+")


def references(text: str) -> list[Reference]:
    """All references in `text`, in order, each once; none from code, quotations or HTML comments.

    A paper that is named both with and without a version is the one with it.
    """
    if not _NUMBER.search(text):
        return []
    text = text.replace("\r\n", "\n")
    for hidden in (_FENCE, _COMMENT, _HTML_CODE, _INLINE_CODE, _QUOTATION, _INDENTED):
        text = hidden.sub(lambda found: "\n" * found.group().count("\n") or " ", text)
    found: list[Reference] = []
    lines = [line for line in text.split("\n") if _NUMBER.search(line)]
    for match in (match for line in lines for match in _REFERENCE.finditer(line)):
        identifier = _identifier(match)
        if identifier is None:
            continue
        reference = Reference(identifier, int(match["version"]) if match["version"] else None)
        same = [other for other in found if other.identifier == identifier]
        if reference.version is not None and Reference(identifier) in found:
            found[found.index(Reference(identifier))] = reference
        elif not same or (reference.version is not None and reference not in same):
            found.append(reference)
    return found


def _identifier(match: re.Match[str]) -> str | None:
    """The identifier as arXiv writes it; None if there can be no such paper.

    Source: https://info.arxiv.org/help/arxiv_identifier.html
    """
    if match["new"]:
        issued = int(match["year"]) * 100 + int(match["month"])
        digits = 5 if issued >= 1501 else 4
        valid = 1 <= int(match["month"]) <= 12 and issued >= 704 and len(match["number"]) == digits
        return match["new"] if valid and int(match["number"]) > 0 else None
    year, month = int(match["old_year"]), int(match["old_month"])
    issued = (year + (1900 if year > 90 else 2000)) * 100 + month
    if not (1 <= month <= 12 and 199107 <= issued <= 200703):
        return None
    subject = f".{match['subject'].upper()}" if match["subject"] else ""
    return f"{match['archive'].lower()}{subject}/{match['old']}"


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
        _write(self._cache / "objects" / digest, data)
        entry = {"metadata": metadata.to_json(), "sources": {**kept["sources"], form: digest}}
        _write(self._entry_path(reference), json.dumps(entry, indent=1).encode())
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


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(source: str, arxiv: Arxiv) -> Paper:
    """The paper that PAPER of the command line names: an arXiv reference, or a path to a `.pdf`, `.tex`,
    e-print archive (`.tar.gz`, `.gz`, `.zip`), `.md`, or a folder of LaTeX.

    Raises PaperError and its children, ArxivUnavailable.
    """
    path = _path(source)
    try:
        if path:
            return files.paper(path)
    except PaperUnreadable as error:
        raise PaperUnreadable(f"{source}: {error}", error.hint) from error
    except OSError as error:
        raise PaperUnreadable(
            f"{source} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error
    found = references(source)
    if not found:
        raise _no_paper(source)
    return arxiv.paper(found[0])


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
