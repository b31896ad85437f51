"""A small arXiv on loopback: metadata, licences, sources and PDFs of the papers it is given.

Answers as arXiv does, and on demand slowly, busily, incompletely or with a web page. Every request is kept
with the time at which it came, so that a test can see how it was treated.
"""

import gzip
import io
import math
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape


@dataclass
class Submission:
    """One paper as the fake keeps it."""

    identifier: str
    title: str = "A Paper"
    authors: tuple[str, ...] = ("Ada Example",)
    abstract: str = "We say something."
    source: bytes | None = None
    """What `e-print` answers; None: 404."""
    pdf: bytes | None = None
    version: int = 1
    withdrawn: bool = False
    licence: str = "http://creativecommons.org/licenses/by/4.0/"
    comment: str = ""


@dataclass
class Request:
    """One request that came in."""

    path: str
    agent: str
    began: float
    ended: float = math.inf


@dataclass
class FakeArxiv:
    """What the server holds and what happened to it."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """How to answer the next requests instead: `503`, `503 retry SECONDS`, `429`, `html`, `truncated`,
    `drop`, `slow`, `redirect` (to the same place).
    """
    url: str = ""

    def add(self, submission: Submission) -> None:
        """Hold a paper."""
        self.submissions[submission.identifier] = submission

    def most_at_once(self) -> int:
        """The largest number of requests that were in flight together."""
        events = sorted([(r.began, 1) for r in self.requests] + [(r.ended, -1) for r in self.requests])
        most = now = 0
        for _, step in events:
            now += step
            most = max(most, now)
        return most


def tar_gz(files: dict[str, bytes]) -> bytes:
    """An archive as `e-print` sends it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def fake_arxiv(*submissions: Submission, host: str = "127.0.0.1") -> Iterator[FakeArxiv]:
    """The server, running on a free port of `host`."""
    fake = FakeArxiv()
    for submission in submissions:
        fake.add(submission)
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer((host, 0), handler)
    fake.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeArxiv

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        request = Request(self.path, self.headers.get("User-Agent", ""), time.monotonic())
        # At once: who gives an answer up goes on before it has ended.
        self.fake.requests.append(request)
        try:
            trouble = self.fake.troubles.pop(0) if self.fake.troubles else ""
            if not self._trouble(trouble):
                self._answer(truncated=trouble == "truncated")
        finally:
            request.ended = time.monotonic()

    def _trouble(self, trouble: str) -> bool:
        kind, _, rest = trouble.partition(" retry ")
        if kind in ("503", "429"):
            self._send(int(kind), b"busy", "text/plain", {"Retry-After": rest} if rest else {})
        elif kind == "html":
            self._send(200, b"<!DOCTYPE html><html><body>Sorry</body></html>", "text/html")
        elif kind == "redirect":
            self._send(301, b"", "text/plain", {"Location": self.path})
        elif kind == "drop":
            self.close_connection = True
            self.connection.close()
        elif kind == "slow":
            time.sleep(0.2)
            return False
        else:
            return False
        return True

    def _answer(self, *, truncated: bool) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/api/query":
            self._send(200, _atom(self._find(query["id_list"][0])), "application/atom+xml")
        elif url.path == "/oai2":
            found = self._find(query["identifier"][0].removeprefix("oai:arXiv.org:"))
            self._send(200, _oai(found), "text/xml")
        else:
            _, form, name = url.path.split("/", 2)
            found = self._find(name)
            content = {"e-print": found and found.source, "pdf": found and found.pdf}.get(form)
            if content is None:
                self._send(404, b"<html>not found</html>", "text/html")
            else:
                self._send(200, content, "application/gzip", {}, len(content) // 2 if truncated else None)

    def _find(self, name: str) -> Submission | None:
        identifier, _, version = name.partition("v")
        found = self.fake.submissions.get(identifier)
        return found if found and (not version or int(version) <= found.version) else None

    def _send(
        self,
        status: int,
        content: bytes,
        kind: str,
        headers: dict[str, str] | None = None,
        only: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if only is None else content[:only])


def _atom(found: Submission | None) -> bytes:
    entry = ""
    if found:
        authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in found.authors)
        entry = f"""<entry>
          <id>http://arxiv.org/abs/{found.identifier}v{found.version}</id>
          <title>{escape(found.title)}</title><summary>{escape(found.abstract)}</summary>
          <published>2017-06-12T17:57:34Z</published><updated>2017-12-06T03:30:32Z</updated>
          {authors}<category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>
          <arxiv:comment>{escape(found.comment)}</arxiv:comment></entry>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
        <feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">{entry}</feed>""".encode()


def _oai(found: Submission | None) -> bytes:
    if found is None:
        return (
            b"<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><error code='idDoesNotExist'/></OAI-PMH>"
        )
    versions = "".join(
        f"""<version version="v{n}"><date>Mon, {11 + n} Jun 2017 17:57:34 GMT</date><size>1kb</size>
        <source_type>{"I" if found.withdrawn and n == found.version else "D"}</source_type></version>"""
        for n in range(1, found.version + 1)
    )
    return f"""<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><GetRecord><record><metadata>
        <arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{found.identifier}</id>{versions}
        <title>{escape(found.title)}</title><license>{found.licence}</license>
        </arXivRaw></metadata></record></GetRecord></OAI-PMH>""".encode()


def one_file(tex: str) -> bytes:
    """A single TeX file as `e-print` sends it."""
    return gzip.compress(tex.encode())
