"""Commits on a branch of a remote repository, by git. Nothing of the remote is ever checked out.

Only the index is worked on, so a link, filter or hook in a stranger's repository has no effect here.

    BranchError                 the message holds git's own words and no credentials
    ├── BranchRefused           the remote does not take it, now or later
    └── BranchUnreachable       the remote did not answer; trying again may help
"""

import base64
import io
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from git import Actor, GitCommandError, IndexFile, Repo
from git import Commit as GitCommit
from git.index.typ import BaseIndexEntry, IndexEntry
from gitdb import IStream  # type: ignore[import-untyped]

from pipeline.markdown import plain, visible
from pipeline.record import Commit

_SECONDS = 600
_REFUSED = re.compile(
    r"\[remote rejected\]|GH0\d\d|protected branch|Authentication failed|could not read Username|not found"
    r"|returned error: 40[134]"
    r"|Permission|not allowed|archived|does not appear to be a git repository|does not exist",
    re.IGNORECASE,
)
_RULE = "A rule of this repository forbids the branch. Exempt `paper2code/*` or the App from it, then retry."
_HINTS = {
    "rule violations": _RULE,
    "protected branch": _RULE,
    "archived": "The repository is archived and takes no changes. Unarchive it, then retry.",
    "needs a first commit": "Make a first commit on the default branch, then retry.",
}


class BranchError(Exception):
    """The branch could not be made."""


class BranchRefused(BranchError):
    """The remote does not take it; `hint` says what a person can do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.hint = next((hint for words, hint in _HINTS.items() if words in message.lower()), "")


class BranchUnreachable(BranchError):
    """The remote did not answer."""


def publish(
    remote: str,
    base: str,
    branch: str,
    commits: Sequence[Commit],
    directory: str,
    author: str,
    token: str | None = None,
) -> str:
    """Put `commits` below `directory` on `branch` of `remote`; returns the sha of the branch.

    A new branch grows from `base`, an existing one grows on: what is there is never rewritten. If it already
    holds the last commit's files, nothing is done. `remote` is a URL or the path of a bare repository,
    `author` is `Name <address>`. Raises BranchError.
    """
    url = remote if urlsplit(remote).scheme else Path(remote).absolute().as_uri()
    environment = _environment(url, token)
    with tempfile.TemporaryDirectory(prefix="paper2code-") as folder, _worded(token):
        repository = _clone(url, Path(folder), base, branch, environment)
        try:
            parent = repository.head.commit
            trees = list(_trees(repository, commits, directory))
            if trees[-1] == parent.tree.hexsha:
                return parent.hexsha
            for tree, commit in zip(trees, commits, strict=True):
                if tree != parent.tree.hexsha:
                    parent = _commit(repository, tree, commit, parent, author)
            repository.git.push("origin", f"{parent.hexsha}:refs/heads/{branch}", kill_after_timeout=_SECONDS)
            return parent.hexsha
        finally:
            repository.close()


def _clone(url: str, folder: Path, base: str, branch: str, environment: dict[str, str]) -> Repo:
    """A bare clone without files, whose HEAD is `branch` if it exists, else `base`."""
    repository = Repo.init(folder, bare=True)
    repository.git.update_environment(**environment)
    repository.git.remote("add", "origin", url)
    heads = str(repository.git.ls_remote("origin", "refs/heads/*"))
    existing = {line.split()[1] for line in heads.splitlines()}
    start = branch if f"refs/heads/{branch}" in existing else base
    if f"refs/heads/{start}" not in existing:
        raise BranchRefused(f"the repository has no branch `{base}`; it needs a first commit")
    repository.git.fetch(
        "origin", f"refs/heads/{start}", depth=1, filter="blob:none", kill_after_timeout=_SECONDS
    )
    repository.git.update_ref("--no-deref", "HEAD", "FETCH_HEAD")
    return repository


def _trees(repository: Repo, commits: Sequence[Commit], directory: str) -> Iterator[str]:
    """The sha of the whole repository's tree for each commit."""
    index = IndexFile.from_tree(repository, "HEAD")
    prefix = _safe(directory).parts
    for (path, _stage), entry in index.entries.items():
        parts = PurePosixPath(str(path)).parts
        if parts == prefix[: len(parts)]:
            raise BranchRefused(f"`{entry.path}` is a file in this repository, so `{directory}` is no folder")
    kept = {
        key: entry
        for key, entry in index.entries.items()
        if PurePosixPath(str(key[0])).parts[: len(prefix)] != prefix
    }
    for commit in commits:
        index.entries = dict(kept)
        for name, text in commit.files.items():
            path = str(_safe(directory) / _safe(name))
            data = text.encode()
            sha = repository.odb.store(IStream("blob", len(data), io.BytesIO(data))).binsha
            mode = 0o100755 if name == "reproduce.sh" else 0o100644
            index.entries[path, 0] = IndexEntry.from_base(BaseIndexEntry((mode, sha, 0, path)))
        yield index.write_tree().hexsha


def _commit(repository: Repo, tree: str, commit: Commit, parent: GitCommit, author: str) -> GitCommit:
    message = plain(f"{commit.subject}\n\n{commit.body}").strip() + "\n"
    actor = Actor._from_string(author)
    return GitCommit.create_from_tree(repository, tree, message, [parent], author=actor, committer=actor)


def _safe(path: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    names = {part.lower() for part in pure.parts}
    if not pure.parts or pure.is_absolute() or names & {"..", ".git"} or visible(path) != path:
        raise BranchRefused(f"{path!r} is not a path that can be committed")
    return pure


def _environment(url: str, token: str | None) -> dict[str, str]:
    """Git asks nobody, and knows the token only for this server and only in its environment."""
    configuration = {"credential.helper": "", "core.hooksPath": "/dev/null", "gc.auto": "0"}
    if token:
        parts = urlsplit(url)
        configuration[f"http.{parts.scheme}://{parts.netloc}/.extraheader"] = (
            f"Authorization: Basic {_basic(token)}"
        )
    variables = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(configuration))}
    for number, (key, value) in enumerate(configuration.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _basic(token: str | None) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


@contextmanager
def _worded(token: str | None) -> Iterator[None]:
    try:
        yield
    except GitCommandError as error:
        words = (
            visible(str(error.stderr)).strip().removeprefix("stderr:").strip(" '\n") or f"exit {error.status}"
        )
        for secret in filter(None, (token, _basic(token))):
            words = words.replace(secret, "***")
        kind = BranchRefused if _REFUSED.search(words) else BranchUnreachable
        raise kind(words[:1000]) from None
