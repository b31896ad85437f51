"""Polite: HTTP as arXiv's terms of use ask for it, across all processes of a machine that share a folder.

At most one request in an interval and one connection at a time for each host, an identifying user agent,
`Retry-After` obeyed, answers limited in bytes and time. Knows nothing of papers.
Source: https://info.arxiv.org/help/api/tou.html
"""

import contextlib
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.errors import ArxivUnavailable
from pipeline.headers import retry_after
from pipeline.locks import lock

if TYPE_CHECKING:
    import httpx

USER_AGENT = "paper2code/0.1 (fetches the one paper that a person named)"
MAX_BYTES = 150_000_000
MAX_SECONDS = 300.0
MAX_WAIT = 120.0
"""Longest `Retry-After` that is sat out; beyond it the caller is told."""
ATTEMPTS = 4
_HINT = "Try again in a few minutes, or give the paper as a file."


class PoliteClient:
    """Fetches one URL at a time; `folder` holds the locks that all processes share."""

    def __init__(self, folder: Path, interval: float) -> None:
        self._folder = folder
        self._interval = interval

    def get(self, url: str) -> "httpx.Response":
        """The whole answer, whatever its status below 500 except 429.

        Raises ArxivUnavailable where there is none after retries.
        """
        # Imported here: a paper that is given as a file needs no network, and this is most of the start.
        import httpx

        host = urlsplit(url).netloc
        problem = ""
        for attempt in range(ATTEMPTS):
            with self._turn(host) as turn:
                try:
                    response = _fetch(url)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                    turn.wait(self._interval * 2**attempt)
                    continue
                if response.status_code != 429 and response.status_code < 500:
                    return response
                wait = retry_after(response.headers.get("Retry-After", ""), time.time())
                problem = f"HTTP status {response.status_code}"
                turn.wait(self._interval * 2**attempt if wait is None else wait)
                if wait is not None and wait > MAX_WAIT:
                    raise ArxivUnavailable(f"{host} asks to wait {wait:.0f} s ({problem}).", _HINT)
        raise ArxivUnavailable(f"{host} did not answer after {ATTEMPTS} attempts ({problem}).", _HINT)

    @contextlib.contextmanager
    def _turn(self, host: str) -> Iterator["_Turn"]:
        """Hold the host's lock, and do not begin before its time has come."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() else "-" for c in host)
        path = self._folder / f"{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            lock(descriptor, path, wait=True)
            turn = _Turn(descriptor, self._interval)
            turn.begin()
            yield turn
        finally:
            os.close(descriptor)


class _Turn:
    """The time before which nobody may ask the host again; it is written into the lock file."""

    def __init__(self, descriptor: int, interval: float) -> None:
        self._descriptor = descriptor
        self._interval = interval

    def begin(self) -> None:
        text = os.pread(self._descriptor, 64, 0).decode("ascii", "replace").strip()
        try:
            wait = float(text) - time.time()
        except ValueError:
            wait = 0.0
        # A clock that was set back must not keep us for ever.
        if 0 < wait <= MAX_WAIT + self._interval:
            time.sleep(wait)
        self.wait(self._interval)

    def wait(self, seconds: float) -> None:
        """Nobody asks for `seconds` from now."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{time.time() + seconds:.3f}".encode(), 0)


def _fetch(url: str) -> "httpx.Response":
    import httpx

    until = time.monotonic() + MAX_SECONDS
    with (
        httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(30.0),
            follow_redirects=True,
            max_redirects=5,
            event_hooks={"request": [partial(_stay, httpx.URL(url))]},
        ) as client,
        client.stream("GET", url) as response,
    ):
        parts, size = [], 0
        for block in response.iter_raw(1 << 16):
            size += len(block)
            if size > MAX_BYTES:
                raise ArxivUnavailable(f"The answer is larger than {MAX_BYTES // 1_000_000} MB.", _HINT)
            if time.monotonic() > until:
                raise httpx.ReadTimeout(f"not complete after {MAX_SECONDS:.0f} s")
            parts.append(block)
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-encoding"}
        return httpx.Response(
            response.status_code, headers=headers, content=b"".join(parts), request=response.request
        )


def _stay(first: "httpx.URL", request: "httpx.Request") -> None:
    """Raises ArxivUnavailable where a redirect leads to somebody else, to another port, or out of TLS."""
    asked = {first.host, *(["arxiv.org"] if f".{first.host}".endswith(".arxiv.org") else [])}
    url = request.url
    known = url.host in asked or any(host == "arxiv.org" and url.host.endswith(f".{host}") for host in asked)
    # A server of one's own may have another port than that of its scheme, and keeps it; nobody else has one.
    port = first.port if url.host == first.host else None
    if not known or url.port != port or (first.scheme == "https" != url.scheme):
        where = f"{url.scheme}://{url.netloc.decode(errors='replace')}"
        raise ArxivUnavailable(f"{first.host} sends us on to {where}, which is not asked.", _HINT)
