"""Publishing to a bare repository on this machine; the tokens are tried over HTTP in test_github.py."""

import subprocess
from pathlib import Path

import pytest

from bot.branch import BranchRefused, publish
from pipeline.record import Commit

AUTHOR = "paper2code[bot] <1+paper2code[bot]@users.noreply.github.com>"
PLAN = Commit("Plan", "", {"docs/plan.md": "# Plan\n"})
CODE = Commit(
    "Write the code",
    "Fixes #1, says @octocat.",
    {"main.py": "print(1)\n", "reproduce.sh": "#!/bin/sh\n"},
)


def git(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", directory, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    bare, work = tmp_path / "remote.git", tmp_path / "work"
    git(tmp_path, "init", "--bare", "--initial-branch=main", str(bare))
    git(tmp_path, "init", "--initial-branch=main", str(work))
    (work / "papers").mkdir()
    (work / "papers" / "x").mkdir()
    (work / "papers" / "x" / "old.py").write_text("old\n")
    (work / "README.md").write_text("# A project\n")
    (work / "link").symlink_to("/etc")
    git(work, "add", "--all")
    git(work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--message=First")
    git(work, "push", str(bare), "main")
    return bare


def test_each_commit_holds_the_whole_directory_and_nothing_else_changes(remote: Path) -> None:
    sha = publish(str(remote), "main", "paper2code/x-1", [PLAN, CODE], "papers/x", AUTHOR)
    assert git(remote, "rev-parse", "paper2code/x-1") == sha
    assert git(remote, "log", "--format=%s", "main..paper2code/x-1").split("\n") == ["Write the code", "Plan"]
    assert git(remote, "diff", "--name-status", "main", sha).split("\n") == [
        "A\tpapers/x/main.py",
        "D\tpapers/x/old.py",
        "A\tpapers/x/reproduce.sh",
    ]
    assert git(remote, "ls-tree", sha, "papers/x/reproduce.sh").startswith("100755")
    assert git(remote, "show", f"{sha}:papers/x/main.py") == "print(1)"
    assert git(remote, "show", "--no-patch", "--format=%an <%ae>", sha) == AUTHOR


def test_commit_messages_close_no_issue_and_mention_nobody(remote: Path) -> None:
    sha = publish(str(remote), "main", "paper2code/x-1", [CODE], "papers/x", AUTHOR)
    message = git(remote, "show", "--no-patch", "--format=%b", sha)
    assert "#1" not in message
    assert "@octocat" not in message


def test_publishing_again_changes_nothing(remote: Path) -> None:
    first = publish(str(remote), "main", "paper2code/x-1", [PLAN, CODE], "papers/x", AUTHOR)
    assert publish(str(remote), "main", "paper2code/x-1", [PLAN, CODE], "papers/x", AUTHOR) == first


def test_what_others_committed_on_the_branch_is_kept(remote: Path, tmp_path: Path) -> None:
    first = publish(str(remote), "main", "paper2code/x-1", [PLAN], "papers/x", AUTHOR)
    second = publish(str(remote), "main", "paper2code/x-1", [CODE], "papers/x", AUTHOR)
    assert git(remote, "merge-base", first, second) == first


@pytest.mark.parametrize("path", ["../main.py", "/etc/passwd", ".git/config", "a/.GIT/config", "a\u202eb.py"])
def test_paths_that_leave_the_directory_are_refused(remote: Path, path: str) -> None:
    with pytest.raises(BranchRefused, match="is not a path"):
        publish(str(remote), "main", "paper2code/x-1", [Commit("Bad", "", {path: ""})], "papers/x", AUTHOR)


def test_a_link_in_the_way_is_not_followed(remote: Path) -> None:
    with pytest.raises(BranchRefused, match="`link` is a file"):
        publish(str(remote), "main", "paper2code/x-1", [CODE], "link/x", AUTHOR)


def test_a_repository_without_commits_is_refused_in_words(tmp_path: Path) -> None:
    git(tmp_path, "init", "--bare", "--initial-branch=main", "empty.git")
    with pytest.raises(BranchRefused, match="first commit"):
        publish(str(tmp_path / "empty.git"), "main", "paper2code/x-1", [CODE], "papers/x", AUTHOR)
