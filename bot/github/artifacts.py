"""What earlier workflow runs of a repository have left: found by name, downloaded and unpacked in memory.

A pull request from elsewhere can have a run leave an artifact of any name, so those of the default branch alone count.
"""

import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import httpx
from github.Repository import Repository

from bot.github.credentials import GitHubRefused, GitHubUnavailable

_SECONDS = 120.0
_LARGEST = 64 * 2**20
"""Bytes of an artifact."""
_UNPACKED = 4 * _LARGEST
"""Bytes of all its files."""
_MOST = 50
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(NotImplementedError, RuntimeError, EOFError, OSError, ValueError),
)
"""What Python raises of an archive that is none."""


@dataclass(frozen=True)
class Artifact:
    """The newest of its name."""

    expired: bool
    url: str


def newest(repository: Repository, name: str) -> Artifact | None:
    """Of those that runs of the default branch have left; None: there is none."""
    _, data = repository.requester.requestJsonAndCheck(
        "GET", f"{repository.url}/actions/artifacts", parameters={"name": name, "per_page": 100}
    )
    default = repository.default_branch
    ours = [each for each in data["artifacts"] if _is_ours(each.get("workflow_run") or {}, default)]
    if not ours:
        return None
    last = max(ours, key=lambda each: (each["created_at"] or "", each["id"]))
    return Artifact(last["expired"], last["archive_download_url"])


def files(artifact: Artifact, token: str) -> dict[str, bytes]:
    """Path → content. Raises GitHubError."""
    headers = {"Authorization": f"Bearer {token}"}  # which httpx keeps from where GitHub sends us to
    try:
        with httpx.stream(
            "GET", artifact.url, headers=headers, follow_redirects=True, timeout=_SECONDS
        ) as answer:
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise GitHubUnavailable("GitHub does not hand out the artifact")
            if answer.is_error:
                raise GitHubRefused(f"GitHub does not hand out the artifact ({answer.status_code})")
            return _unpacked(_read(answer))
    except httpx.HTTPError as error:
        raise GitHubUnavailable(f"GitHub does not hand out the artifact: {error}") from None


def _is_ours(run: dict[str, Any], default: str) -> bool:
    same = run.get("head_repository_id") == run.get("repository_id")
    return same and run.get("head_branch") == default


def _read(answer: httpx.Response) -> bytes:
    data = bytearray()
    for part in answer.iter_bytes():
        data += part
        if len(data) > _LARGEST:
            raise GitHubRefused("the artifact is larger than what a job hands over can be")
    return bytes(data)


def _unpacked(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found, room = dict[str, bytes](), _UNPACKED
            for entry in archive.infolist()[:_MOST]:
                with archive.open(entry) as file:
                    found[entry.filename] = file.read(room + 1)
                room -= len(found[entry.filename])
                if room < 0:
                    raise GitHubRefused("the artifact is larger than what a job hands over can be")
            return found
    except _BROKEN:
        raise GitHubRefused("the artifact cannot be unpacked") from None
