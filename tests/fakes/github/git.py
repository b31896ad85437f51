"""The fake GitHub's bare repository, and git over HTTP by git's own program."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from flask import Response, request

from tests.fakes.github.state import NAME, OWNER

_ALICE = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")


def git(directory: Path, *arguments: str) -> str:
    """What git says."""
    return subprocess.run(
        ["git", "-C", directory, *arguments], check=True, capture_output=True, text=True
    ).stdout


def first_commit(folder: Path, bare: Path) -> None:
    """A new repository at `bare`, whose main has a README."""
    bare.mkdir(parents=True)
    work = folder / "first"
    work.mkdir()
    git(bare, "init", "--bare", "--initial-branch=main")
    git(bare, "config", "http.receivepack", "true")
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(work, "init", "--initial-branch=main")
    (work / "README.md").write_text("# Papers\n")
    git(work, "add", "README.md")
    git(work, *_ALICE, "commit", "--message=First commit")
    git(work, "push", str(bare), "main")


def refs(bare: Path) -> dict[str, str]:
    """Branch → sha."""
    lines = git(bare, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return dict(line.split() for line in lines.splitlines())


def commit(bare: Path, branch: str, files: dict[str, str]) -> str:
    """Somebody pushes these files to `branch`, which grows from main if it is new; the new commit."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        git(work, "clone", "--quiet", str(bare), ".")
        git(work, "checkout", "--quiet", branch if branch in refs(bare) else f"-b{branch}")
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        git(work, "add", "--all")
        git(work, *_ALICE, "commit", "--quiet", "--message=Change by hand")
        git(work, "push", "--quiet", "origin", branch)
    return refs(bare)[branch]


def lines_in_diff(bare: Path, base: str, head: str, path: str) -> set[int]:
    """Lines of `path`, as `head` leaves it, that a comment can stand at."""
    diff = git(bare, "diff", f"{base}...{head}", "--", path)
    found: set[int] = set()
    for start, count in re.findall(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE):
        found |= set(range(int(start), int(start) + int(count or 1)))
    return found


def serve(bare: Path, path: str, login: str) -> Response:
    """The answer to the present request by `login` for `path` in the repository."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(bare.parent.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{OWNER}/{NAME}.git/{path}",
        "QUERY_STRING": request.query_string.decode(),
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.content_type or "",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": login,
        "REMOTE_ADDR": "127.0.0.1",
    }
    ended = subprocess.run(
        ["git", "http-backend"],
        input=request.get_data(),
        env=environment,
        capture_output=True,
        check=True,
    )
    head, _, body = ended.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return Response(body, int(headers.pop("Status", "200").split()[0]), headers)
