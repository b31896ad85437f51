"""Publishing to a bare repository on this machine; the tokens are tried over HTTP in test_github.py."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

from bot.github.branch import BranchRefused, Snapshot, advance, publish, read
from pipeline.coding.repository import MAX_FILES
from pipeline.record import Commit
from pipeline.running.figures import redrawn
from tests.fakes.github.git import commit
from tests.pipeline.pngs import chunk, png

AUTHOR = "paper2code[bot] <1+paper2code[bot]@users.noreply.github.com>"
BRANCH = "paper2code/x-1"
PLAN = Commit("Plan", "", {"docs/plan.md": "# Plan\n"})
REPORT = '{"paper": {"arxiv_id": "1706.03762"}}\n'
REPORTED = {"docs/execution-report.json": REPORT}
CODE = Commit(
    "Write the code",
    "Fixes #1, says @octocat.",
    {"main.py": "print(1)\n", "reproduce.sh": "#!/bin/sh\n"} | REPORTED,
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
    (work / "papers" / "x" / "docs").mkdir()
    (work / "papers" / "x" / "docs" / "execution-report.json").write_text(REPORT.replace("{", "{ ", 1))
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
        "M\tpapers/x/docs/execution-report.json",
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


def test_a_branch_grows_on_where_nobody_has_changed_it(remote: Path) -> None:
    first = publish(
        str(remote), "main", BRANCH, [replace(PLAN, files=PLAN.files | REPORTED)], "papers/x", AUTHOR
    )
    second = publish(str(remote), "main", BRANCH, [CODE], "papers/x", AUTHOR)
    assert git(remote, "merge-base", first, second) == first
    assert git(remote, "ls-tree", "-r", "--name-only", second, "papers/x/").split("\n") == [
        "papers/x/docs/execution-report.json",
        "papers/x/main.py",
        "papers/x/reproduce.sh",
    ]


@pytest.fixture
def person(remote: Path, tmp_path: Path) -> Callable[[dict[str, str | None]], str]:
    """Commits and pushes files, below papers/x, as somebody else; returns the sha."""
    work = tmp_path / "person"

    def commit(files: dict[str, str | None]) -> str:
        if not work.exists():
            git(tmp_path, "clone", str(remote), str(work))
        git(work, "fetch", "origin")
        git(work, "checkout", "-B", "mine", f"origin/{BRANCH}")
        for name, text in files.items():
            path = work / "papers" / "x" / name
            if text is None:
                path.unlink()
            else:
                path.write_bytes(text.encode(errors="surrogateescape"))
        git(work, "add", "--all")
        git(work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--message=By hand")
        git(work, "push", "origin", f"mine:{BRANCH}")
        return git(work, "rev-parse", "HEAD")

    return commit


Person = Callable[[dict[str, str | None]], str]
LONG = "".join(f"print({number})\n" for number in range(20))
BINARY = "\udcff\udcfe"


def long(first: str = "print(0)", last: str = "print(19)") -> Commit:
    text = LONG.replace("print(0)\n", f"{first}\n").replace("print(19)", last)
    return Commit("Write the code", "", {"main.py": text, "config.yaml": "seed: 0\n"} | REPORTED)


def test_a_job_that_is_run_again_leaves_what_people_committed(remote: Path, person: Person) -> None:
    publish(str(remote), "main", BRANCH, [PLAN, long()], "papers/x", AUTHOR)
    theirs = person({"main.py": long(last="print('by hand')").files["main.py"], "notes.txt": "Mine\n"})
    assert publish(str(remote), "main", BRANCH, [PLAN, long()], "papers/x", AUTHOR) == theirs
    sha = publish(str(remote), "main", BRANCH, [PLAN, long(first="print('again')")], "papers/x", AUTHOR)
    assert git(remote, "rev-parse", f"{sha}^") == theirs
    text = git(remote, "show", f"{sha}:papers/x/main.py").split("\n")
    assert (text[0], text[-1]) == ("print('again')", "print('by hand')")
    assert git(remote, "show", f"{sha}:papers/x/notes.txt") == "Mine"


def test_a_job_that_is_run_again_says_where_people_changed_the_same(remote: Path, person: Person) -> None:
    publish(str(remote), "main", BRANCH, [long()], "papers/x", AUTHOR)
    theirs = person({"main.py": long(first="print('by hand')").files["main.py"], "config.yaml": None})
    files = {"main.py": "print('again')\n", "config.yaml": "seed: 1\n"} | REPORTED
    again = Commit("Write the code", "", files)
    with pytest.raises(BranchRefused, match=r"people have changed `config.yaml`, `main.py`"):
        publish(str(remote), "main", BRANCH, [again], "papers/x", AUTHOR)
    assert git(remote, "rev-parse", BRANCH) == theirs


def test_a_job_that_is_run_again_does_not_undo_a_revision(remote: Path) -> None:
    publish(str(remote), "main", BRANCH, [long()], "papers/x", AUTHOR)
    sha = advance(
        str(remote), BRANCH, read(str(remote), "main", BRANCH), long("print('asked')"), "r1", AUTHOR
    )
    assert publish(str(remote), "main", BRANCH, [long()], "papers/x", AUTHOR) == sha


def test_what_is_read_is_the_text_in_our_directory(remote: Path, person: Person) -> None:
    publish(str(remote), "main", BRANCH, [CODE], "papers/x", AUTHOR)
    head = person({"data.bin": BINARY, ".hidden": "secret\n"})
    assert read(str(remote), "main", BRANCH) == Snapshot(head, "papers/x", dict(CODE.files))


def test_a_revision_changes_what_it_changes_and_is_made_once(remote: Path, person: Person) -> None:
    publish(str(remote), "main", BRANCH, [CODE], "papers/x", AUTHOR)
    head = person({"data.bin": BINARY, "run.sh": "true\n"})
    seen = read(str(remote), "main", BRANCH)
    files = {"main.py": "print(2)\n", "new.py": "", "reproduce.sh": "#!/bin/sh\n"} | REPORTED
    change = Commit("Use Adam", "", files)
    sha = advance(str(remote), BRANCH, seen, change, "r1", AUTHOR)
    assert sha and git(remote, "rev-parse", f"{sha}^") == head
    assert git(remote, "diff", "--name-status", head, sha).split("\n") == [
        "M\tpapers/x/main.py",
        "A\tpapers/x/new.py",
        "D\tpapers/x/run.sh",
    ]
    assert git(remote, "ls-tree", sha, "papers/x/reproduce.sh").startswith("100755")
    assert git(remote, "show", "--no-patch", "--format=%(trailers)", sha) == "Paper2code-Revision: r1"
    person({"main.py": "print(3)\n"})
    assert advance(str(remote), BRANCH, seen, change, "r1", AUTHOR) == sha


def test_a_revision_of_something_else_than_stands_there_is_not_pushed(remote: Path, person: Person) -> None:
    publish(str(remote), "main", BRANCH, [CODE], "papers/x", AUTHOR)
    seen = read(str(remote), "main", BRANCH)
    head = person({"new.py": "print(3)\n"})
    assert advance(str(remote), BRANCH, seen, CODE, "r1", AUTHOR) is None
    assert git(remote, "rev-parse", BRANCH) == head


def test_a_branch_without_a_directory_of_ours_is_refused_in_words(remote: Path) -> None:
    git(remote, "branch", BRANCH, "main")
    with pytest.raises(BranchRefused, match=r"one folder with a `main.py` .* found none"):
        read(str(remote), "main", BRANCH)
    with pytest.raises(BranchRefused, match="no longer there"):
        read(str(remote), "main", "paper2code/gone")


def blob(remote: Path, sha: str, path: str) -> bytes:
    shown = ["git", "-C", remote, "cat-file", "blob", f"{sha}:papers/x/{path}"]
    return subprocess.run(shown, check=True, capture_output=True).stdout


def drawn(*greys: int) -> Commit:
    """Code, and a figure of each grey as it comes out of a run."""
    text = chunk(b"tEXt", b"Comment\0a secret")
    files = {f"results/smoke/Fig{grey}.png": png(grey=grey, extra=text, tail=b"payload") for grey in greys}
    return Commit("Report", "", dict(CODE.files), redrawn(files).files)


def pictures(remote: Path, sha: str) -> list[str]:
    return git(remote, "ls-tree", "--name-only", f"{sha}:papers/x/docs/figures").split()


def test_a_figure_is_a_blob_of_what_was_written_anew(remote: Path) -> None:
    made = drawn(1)
    sha = publish(str(remote), "main", BRANCH, [PLAN, CODE, made], "papers/x", AUTHOR)
    data = blob(remote, sha, "docs/figures/Fig1.png")
    assert data == made.figures["docs/figures/Fig1.png"]
    assert pymupdf.Pixmap(data).width == 40
    assert b"secret" not in data and b"payload" not in data
    assert git(remote, "ls-tree", sha, "papers/x/docs/figures/Fig1.png").startswith("100644 blob")
    assert "docs/figures" not in git(remote, "ls-tree", "-r", "--name-only", f"{sha}^")
    assert publish(str(remote), "main", BRANCH, [PLAN, CODE, made], "papers/x", AUTHOR) == sha


def test_a_job_that_is_run_again_renews_the_figures_that_people_left_alone(
    remote: Path, person: Person
) -> None:
    publish(str(remote), "main", BRANCH, [drawn(1, 2, 3)], "papers/x", AUTHOR)
    person({"notes.txt": "Mine\n", "docs/figures/Fig3.png": BINARY, "docs/figures/mine.png": BINARY})
    again = drawn(1, 3, 4)
    again.figures["docs/figures/Fig1.png"] = drawn(9).figures["docs/figures/Fig9.png"]
    sha = publish(str(remote), "main", BRANCH, [again], "papers/x", AUTHOR)
    assert pictures(remote, sha) == ["Fig1.png", "Fig3.png", "Fig4.png", "mine.png"]
    for name in ("Fig1", "Fig4"):
        assert blob(remote, sha, f"docs/figures/{name}.png") == again.figures[f"docs/figures/{name}.png"]
    assert blob(remote, sha, "docs/figures/Fig3.png") == BINARY.encode(errors="surrogateescape")
    # Where nobody has touched the branch, the delivery is all there is.
    other = publish(str(remote), "main", "paper2code/x-2", [drawn(1, 2)], "papers/x", AUTHOR)
    other = publish(str(remote), "main", "paper2code/x-2", [drawn(2)], "papers/x", AUTHOR)
    assert pictures(remote, other) == ["Fig2.png"]


def test_figures_are_not_counted_among_the_files_of_a_repository(remote: Path) -> None:
    files = CODE.files | {f"part{n}.py": "" for n in range(MAX_FILES - len(CODE.files))}
    publish(
        str(remote), "main", BRANCH, [Commit("Report", "", files, drawn(1, 2).figures)], "papers/x", AUTHOR
    )
    assert read(str(remote), "main", BRANCH).files == files


def test_a_revision_keeps_the_figures(remote: Path) -> None:
    made = drawn(1, 2)
    publish(str(remote), "main", BRANCH, [made], "papers/x", AUTHOR)
    seen = read(str(remote), "main", BRANCH)
    assert seen.files == CODE.files, "no figure is text for a model"
    sha = advance(str(remote), BRANCH, seen, Commit("Use Adam", "", {"main.py": ""}), "r1", AUTHOR)
    assert sha
    assert {f"docs/figures/{name}" for name in pictures(remote, sha)} == made.figures.keys()
    for path, data in made.figures.items():
        assert blob(remote, sha, path) == data


@pytest.mark.parametrize("path", ["../main.py", "/etc/passwd", ".git/config", "a/.GIT/config", "a\u202eb.py"])
def test_paths_that_leave_the_directory_are_refused(remote: Path, path: str) -> None:
    with pytest.raises(BranchRefused, match="is not a path"):
        publish(
            str(remote),
            "main",
            "paper2code/x-1",
            [Commit("Bad", "", {path: ""} | REPORTED)],
            "papers/x",
            AUTHOR,
        )


def test_a_link_in_the_way_is_not_followed(remote: Path) -> None:
    with pytest.raises(BranchRefused, match="`link` is a file"):
        publish(str(remote), "main", "paper2code/x-1", [CODE], "link/x", AUTHOR)


def test_a_repository_without_commits_is_refused_in_words(tmp_path: Path) -> None:
    git(tmp_path, "init", "--bare", "--initial-branch=main", "empty.git")
    with pytest.raises(BranchRefused, match="first commit"):
        publish(str(tmp_path / "empty.git"), "main", "paper2code/x-1", [CODE], "papers/x", AUTHOR)


def test_git_gets_no_secret_of_this_process(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, told = shutil.which("git"), tmp_path / "environment"
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nenv >> {told}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    for name in ("OPENAI_API_KEY", "GITHUB_APP_PRIVATE_KEY", "PAPER2CODE_DATABASE_URL", "WHATEVER"):
        monkeypatch.setenv(name, "secret-of-ours")

    publish(str(remote), "main", "paper2code/x-1", [CODE], "papers/x", AUTHOR)

    calls = told.read_text().split("GIT_TERMINAL_PROMPT=0")
    assert len(calls) > 3
    assert "secret-of-ours" not in "".join(calls[1:])


@pytest.mark.parametrize("place", ["src", "src/deep", "README.md", "link"])
@pytest.mark.parametrize(
    "report", [None, REPORT.replace("1706.03762", "1810.04805"), "[" * 100_000, "[]", "{}"]
)
def test_what_was_not_made_for_this_paper_is_not_replaced(
    remote: Path, place: str, report: str | None
) -> None:
    files = {"src/main.py": "print('theirs')", "src/deep/keep.py": "keep = True"}
    if report and place.startswith("src"):
        files[f"{place}/docs/execution-report.json"] = report
    commit(remote, "main", files)

    with pytest.raises(BranchRefused, match=f"`{place}` is there already") as refused:
        publish(str(remote), "main", BRANCH, [PLAN, CODE], place, AUTHOR)

    assert "`directory`" in refused.value.hint and "nothing is paid for again" in refused.value.hint
    assert BRANCH not in git(remote, "branch", "--list", BRANCH)


def test_what_people_have_put_onto_the_branch_is_not_replaced_either(remote: Path) -> None:
    git(remote, "branch", BRANCH, "main")
    commit(remote, BRANCH, {"src/main.py": "print('theirs')"})
    before = git(remote, "rev-parse", BRANCH)
    with pytest.raises(BranchRefused, match="`src` is there already"):
        publish(str(remote), "main", BRANCH, [PLAN, CODE], "src", AUTHOR)
    assert git(remote, "rev-parse", BRANCH) == before


def test_another_papers_folder_is_not_replaced_on_a_branch_that_was_made_of_it(remote: Path) -> None:
    first = publish(str(remote), "main", BRANCH, [PLAN, CODE], "src", AUTHOR)
    git(remote, "branch", "paper2code/y-2", first)
    files = {"docs/execution-report.json": REPORT.replace("1706.03762", "1810.04805")}
    with pytest.raises(BranchRefused, match="`src` is there already"):
        publish(str(remote), "main", "paper2code/y-2", [replace(CODE, files=files)], "src", AUTHOR)


def test_what_was_merged_of_this_paper_is_made_anew(remote: Path) -> None:
    merged = publish(str(remote), "main", BRANCH, [PLAN, CODE], "src", AUTHOR)
    git(remote, "update-ref", "refs/heads/main", merged)
    changed = replace(CODE, files={"main.py": "print(2)\n"} | REPORTED)
    sha = publish(str(remote), "main", "paper2code/x-2", [changed], "src", AUTHOR)
    assert git(remote, "diff", "--name-status", merged, sha).split("\n") == [
        "M\tsrc/main.py",
        "D\tsrc/reproduce.sh",
    ]
