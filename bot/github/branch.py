"""Commits on a branch of a remote repository, by git. Nothing of the remote is ever checked out.

Only the index is worked on, so a link, filter or hook in a stranger's repository has no effect here.

    BranchError                 the message holds git's own words and no credentials
    ├── BranchRefused           the remote does not take it, now or later
    └── BranchUnreachable       the remote did not answer; trying again may help

What people commit on our branches stays: nothing is ever forced, and texts are merged (merge.py).
"""

import base64
import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from git import Actor, GitCommandError, IndexFile, Repo
from git import Commit as GitCommit
from git.index.typ import BaseIndexEntry, IndexEntry
from gitdb import IStream  # type: ignore[import-untyped]

from bot.github.merge import MergeConflict, merged
from pipeline.coding.repository import MAX_BYTES, MAX_FILES, RefusedPath, Repository
from pipeline.markdown import plain, visible
from pipeline.paths import refusal
from pipeline.proving.documents import EXECUTION
from pipeline.record import Commit
from pipeline.running.figures import is_figure
from pipeline.untrusted import Unreadable, of_json

_SECONDS = 600
_DEPTH = 200
"""Commits of a branch among which ours are looked for."""
_NEEDED = re.compile(
    r"GIT_|SSL_CERT_|LC_|(?i:https?|all|no)_proxy$|(?:HOME|PATH|TMPDIR|LANG|XDG_CONFIG_HOME)$"
)
_TRAILER = "Paper2code-Revision"
_REFUSED = re.compile(
    r"\[remote rejected\]|GH0\d\d|protected branch|Authentication failed|could not read Username|not found"
    r"|returned error: 40[134]"
    r"|Permission|not allowed|archived|does not appear to be a git repository|does not exist",
    re.IGNORECASE,
)
_RULE = "A rule of this repository forbids the branch. Exempt `paper2code/*` or the App from it, then retry."
_TAKEN = (
    "Set `directory` in `.github/paper2code.yml` to a folder that is not there yet, like `papers/{arxiv_id}-{slug}`, "
    "then retry: nothing is paid for again."
)
_HINTS = {
    "is there already": _TAKEN,
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


@dataclass(frozen=True)
class Snapshot:
    """What stands on a branch, in the directory that was made by us."""

    sha: str
    directory: str
    files: dict[str, str]
    """Path within the directory → text. Left out, and never touched: links, figures of runs, files that are no text,
    and what no generated repository may have.
    """


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

    A new branch grows from `base`, an existing one grows on: what is there is never rewritten, and what people
    have changed since our last commit stays as they have it. Where nothing is new, nothing is done. `remote` is
    a URL or the path of a bare repository, `author` is `Name <address>`. Raises BranchError, also where people
    and `commits` have changed the same places, and where something stands at `directory` that is not of ours.
    """
    with _cloned(remote, token) as repository:
        existed = _fetch(repository, branch, base, _DEPTH)
        parent = repository.head.commit
        last = _our_last(repository, directory, author) if existed else None
        if _tree(parent, directory) and not _ours(repository, directory, commits[-1], last, existed):
            raise BranchRefused(
                f"`{directory}` is there already, and I have not made it for this paper: what I have not made I "
                "do not replace"
            )
        trees = (
            list(_trees(repository, commits, directory))
            if not existed or _tree(last, directory) == _tree(parent, directory)
            else [_grown(repository, directory, last, commits[-1])]
        )
        if trees[-1] == parent.tree.hexsha:
            return parent.hexsha
        for tree, commit in zip(trees, commits[-len(trees) :], strict=True):
            if tree != parent.tree.hexsha:
                parent = _commit(repository, tree, commit, parent, author)
        _push(repository, parent, branch)
        return parent.hexsha


def read(remote: str, base: str, branch: str, token: str | None = None) -> Snapshot:
    """What stands on `branch` in the one directory with a `main.py` that is not as it is on `base`.

    Raises BranchError, also where there is no such directory, or more than one.
    """
    with _cloned(remote, token) as repository:
        if not _fetch(repository, branch, base, 1):
            raise BranchRefused(f"the branch `{branch}` is no longer there")
        head = repository.head.commit
        repository.git.fetch("origin", f"refs/heads/{base}", depth=1, kill_after_timeout=_SECONDS)
        theirs = repository.commit("FETCH_HEAD")
        programs = {
            PurePosixPath(path) for path in _listed(repository, head, "") if path.endswith("/main.py")
        }
        candidates = {str(path.parent) for path in programs}
        changed = sorted(d for d in candidates if _tree(head, d) != _tree(theirs, d))
        outermost = [d for d in changed if not any(d.startswith(f"{other}/") for other in changed)]
        if len(outermost) != 1:
            found = ", ".join(f"`{directory}`" for directory in outermost[:5]) or "none"
            raise BranchRefused(
                f"on `{branch}` I look for one folder with a `main.py` that is not on `{base}`, and found {found}"
            )
        files = _texts(repository, head, outermost[0])
        try:
            Repository(files)
        except RefusedPath as error:
            raise BranchRefused(f"`{outermost[0]}` holds what I cannot work on: {error}") from error
        return Snapshot(head.hexsha, outermost[0], files)


def advance(
    remote: str,
    branch: str,
    seen: Snapshot,
    change: Commit,
    identity: str,
    author: str,
    token: str | None = None,
) -> str | None:
    """Commit `change`, made of what was `seen`, on top of `branch`; returns the commit's sha.

    None: the files in the directory are not those that were seen, so what was tried out is not what would
    come of it. A commit with the same `identity` is made once. Raises BranchError.
    """
    with _cloned(remote, token) as repository:
        if not _fetch(repository, branch, branch, _DEPTH):
            raise BranchRefused(f"the branch `{branch}` is no longer there")
        parent = repository.head.commit
        trailer = f"{_TRAILER}: {identity}"
        for commit in repository.iter_commits(max_count=_DEPTH):
            if trailer in str(commit.message).splitlines() and _by(commit, author):
                return commit.hexsha
        if _texts(repository, parent, seen.directory) != seen.files:
            return None
        tree = _tree_beside(repository, seen.directory, seen.files, change.files, change.figures)
        made = _commit(repository, tree, change, parent, author, trailer)
        _push(repository, made, branch)
        return made.hexsha


@contextmanager
def _cloned(remote: str, token: str | None) -> Iterator[Repo]:
    """An empty bare repository that knows `remote`; errors of git in words without the token."""
    url = remote if urlsplit(remote).scheme else Path(remote).absolute().as_uri()
    with tempfile.TemporaryDirectory(prefix="paper2code-") as folder, _worded(token):
        repository = Repo.init(folder, bare=True)
        try:
            repository.git.update_environment(**_environment(url, token))
            repository.git.remote("add", "origin", url)
            yield repository
        finally:
            repository.close()


def _fetch(repository: Repo, branch: str, base: str, depth: int) -> bool:
    """Have HEAD be `branch`, without files, or `base` where there is no such branch; whether there is."""
    heads = str(repository.git.ls_remote("origin", "refs/heads/*"))
    existing = {line.split()[1] for line in heads.splitlines()}
    existed = f"refs/heads/{branch}" in existing
    start = branch if existed else base
    if f"refs/heads/{start}" not in existing:
        raise BranchRefused(f"the repository has no branch `{base}`; it needs a first commit")
    repository.git.fetch(
        "origin",
        f"refs/heads/{start}",
        depth=depth if existed else 1,
        filter="blob:none",
        kill_after_timeout=_SECONDS,
    )
    repository.git.update_ref("--no-deref", "HEAD", "FETCH_HEAD")
    return existed


def _push(repository: Repo, commit: GitCommit, branch: str) -> None:
    repository.git.push("origin", f"{commit.hexsha}:refs/heads/{branch}", kill_after_timeout=_SECONDS)


def _by(commit: GitCommit, author: str) -> bool:
    """Whether we made it; what a person has amended or rebased has them as committer."""
    return {f"{actor.name} <{actor.email}>" for actor in (commit.author, commit.committer)} == {author}


def _our_last(repository: Repo, directory: str, author: str) -> GitCommit | None:
    """The latest commit of a delivery of ours; a revision counts as the person's who asked for it."""
    commits = repository.iter_commits(max_count=_DEPTH, paths=directory)
    return next((c for c in commits if _by(c, author) and f"\n{_TRAILER}: " not in str(c.message)), None)


def _ours(repository: Repo, directory: str, commit: Commit, last: GitCommit | None, existed: bool) -> bool:
    """Whether what stands at `directory` was made for the paper of `commit`: by its report, or by us on its branch."""
    paper = reported_paper(commit.files.get(EXECUTION))
    if existed and last:
        return _reported_paper(repository, last, directory) in (None, paper)
    return paper is not None and _reported_paper(repository, repository.head.commit, directory) == paper


def _reported_paper(repository: Repo, commit: GitCommit, directory: str) -> str | None:
    try:
        found = commit.tree.join(f"{directory}/{EXECUTION}")
    except KeyError:
        return None
    return reported_paper(_read(repository, {EXECUTION: found.hexsha}).get(EXECUTION))


def reported_paper(report: str | None) -> str | None:
    """The arXiv paper whose execution report this is, without its version; None where it is none of ours."""
    try:
        paper = of_json(report or "")["paper"]["arxiv_id"]
    except (Unreadable, TypeError, KeyError):
        return None
    return paper if isinstance(paper, str) else None


def _tree(commit: GitCommit | None, directory: str) -> str | None:
    """The sha of the directory's tree."""
    try:
        return commit.tree.join(directory).hexsha if commit else None
    except KeyError:
        return None


def _listed(repository: Repo, commit: GitCommit, directory: str) -> dict[str, str]:
    """Ordinary files below `directory`, as path within it → sha."""
    place = f"{commit.hexsha}:{directory}" if directory else commit.hexsha
    lines = str(repository.git.ls_tree("-r", "-z", place)).split("\0")
    parts = [line.partition("\t") for line in lines if line.startswith("100")]
    return {path: head.split()[2] for head, _, path in parts}


def _texts(repository: Repo, commit: GitCommit | None, directory: str) -> dict[str, str]:
    """What Snapshot says of `files`."""
    if commit is None or _tree(commit, directory) is None:
        return {}
    listed = _listed(repository, commit, directory).items()
    allowed = {path: sha for path, sha in listed if not refusal(path) and not is_figure(path)}
    if len(allowed) > MAX_FILES:
        raise BranchRefused(f"`{directory}` holds more than {MAX_FILES} files")
    return _read(repository, allowed)


def _read(repository: Repo, files: Mapping[str, str]) -> dict[str, str]:
    """Path → text, of path → sha; without those that are no text, or too large."""
    # All at once; git itself would fetch what is missing one by one.
    fetch = ["git", "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--no-tags", "--no-write-fetch-head"]
    wanted = sorted(set(files.values()))
    repository.git.execute([*fetch, "--filter=blob:none", "origin", *wanted], kill_after_timeout=_SECONDS)
    texts = dict[str, str]()
    for path, sha in files.items():
        stream = repository.odb.stream(bytes.fromhex(sha))
        text = _text(stream.read()) if stream.size <= MAX_BYTES else None
        if text is not None:
            texts[path] = text
    return texts


def _text(data: bytes) -> str | None:
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _grown(repository: Repo, directory: str, last: GitCommit | None, ours: Commit) -> str:
    """The whole tree of HEAD with `ours` instead of `last`, where people have left what that brought."""
    before, now = (_figures(repository, commit, directory) for commit in (last, repository.head.commit))
    kept = {path for path in {*before, *now, *ours.figures} if before.get(path) == now.get(path)}
    figures = {path: ours.figures.get(path) for path in kept if path in now or path in ours.figures}
    return _tree_beside(repository, directory, _texts(repository, last, directory), ours.files, figures)


def _figures(repository: Repo, commit: GitCommit | None, directory: str) -> dict[str, str]:
    """Figures of runs, as path → sha."""
    if commit is None or _tree(commit, directory) is None:
        return {}
    return {path: sha for path, sha in _listed(repository, commit, directory).items() if is_figure(path)}


def _tree_beside(
    repository: Repo,
    directory: str,
    base: Mapping[str, str],
    ours: Mapping[str, str],
    figures: Mapping[str, bytes | None],
) -> str:
    """The whole tree of HEAD with what we have made of `base` merged into what stands there, and these figures."""
    theirs = _texts(repository, repository.head.commit, directory)
    try:
        files = merged(base, ours, theirs)
    except MergeConflict as error:
        raise BranchRefused(
            f"people have changed {', '.join(f'`{path}`' for path in error.paths)} on this branch in the same "
            "places as I would; their version is left as it is"
        ) from None
    index = IndexFile.from_tree(repository, "HEAD")
    changed = [path for path in {*files, *theirs} if files.get(path) != theirs.get(path)]
    _put(repository, index, directory, {**{path: files.get(path) for path in changed}, **figures})
    return index.write_tree().hexsha


def _trees(repository: Repo, commits: Sequence[Commit], directory: str) -> Iterator[str]:
    """The sha of the whole repository's tree for each commit."""
    index = IndexFile.from_tree(repository, "HEAD")
    prefix = _safe(directory).parts
    kept = {
        key: entry
        for key, entry in index.entries.items()
        if PurePosixPath(str(key[0])).parts[: len(prefix)] != prefix
    }
    for commit in commits:
        index.entries = dict(kept)
        _put(repository, index, directory, {**commit.files, **commit.figures})
        yield index.write_tree().hexsha


def _put(repository: Repo, index: IndexFile, directory: str, files: Mapping[str, str | bytes | None]) -> None:
    """Enter files into `index`, and take out those that are None."""
    paths = {name: _safe(directory) / _safe(name) for name in files}
    for name in [name for name, content in files.items() if content is None]:
        del index.entries[str(paths[name]), 0]
    others = {str(path): entry for (path, _), entry in index.entries.items()}
    for name, content in files.items():
        if content is None:
            continue
        path = str(paths[name])
        above = [str(parent) for parent in paths[name].parents]
        way = [other for other in others if other in above or other.startswith(f"{path}/")]
        if way:
            raise BranchRefused(f"`{way[0]}` is a file in this repository, so `{path}` cannot be one")
        data = content.encode() if isinstance(content, str) else content
        sha = repository.odb.store(IStream("blob", len(data), io.BytesIO(data))).binsha
        mode = others[path].mode if path in others else 0o100755 if name == "reproduce.sh" else 0o100644
        index.entries[path, 0] = IndexEntry.from_base(BaseIndexEntry((mode, sha, 0, path)))


def _commit(
    repository: Repo, tree: str, commit: Commit, parent: GitCommit, author: str, trailer: str = ""
) -> GitCommit:
    words = plain(f"{commit.subject}\n\n{commit.body}").strip().replace(f"{_TRAILER}:", f"{_TRAILER} :")
    message = f"{words}\n\n{trailer}".strip() + "\n"
    actor = Actor._from_string(author)
    return GitCommit.create_from_tree(repository, tree, message, [parent], author=actor, committer=actor)


def _safe(path: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    names = {part.lower() for part in pure.parts}
    if not pure.parts or pure.is_absolute() or names & {"..", ".git"} or visible(path) != path:
        raise BranchRefused(f"{path!r} is not a path that can be committed")
    return pure


def _environment(url: str, token: str | None) -> dict[str, str]:
    """Git asks nobody, and knows the token only for this server and only in its environment.

    GitPython hands on this process's own: what git does not need in it, secrets above all, is emptied.
    """
    configuration = {"credential.helper": "", "core.hooksPath": "/dev/null", "gc.auto": "0"}
    if token:
        parts = urlsplit(url)
        configuration[f"http.{parts.scheme}://{parts.netloc}/.extraheader"] = (
            f"Authorization: Basic {_basic(token)}"
        )
    variables = {name: "" for name in os.environ if not _NEEDED.match(name)}
    variables |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(configuration))}
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
