from pathlib import Path

import pytest
from git import Repo

from bot.commandline.local import _begin
from bot.github.branch import publish
from pipeline.record import Commit


@pytest.mark.parametrize("linked", [False, True])
def test_hooks_in_the_folder_of_somebodys_demo_are_not_run(tmp_path: Path, linked: bool) -> None:
    theirs = tmp_path / ("theirs.git" if linked else "origin.git")
    Repo.init(theirs, bare=True).close()
    for hook in ("pre-receive", "update", "post-receive", "reference-transaction"):
        (theirs / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (theirs / "hooks" / hook).chmod(0o755)
    if linked:
        (tmp_path / "origin.git").symlink_to(theirs)

    _begin(tmp_path / "origin.git")
    publish(str(tmp_path / "origin.git"), "main", "b", [Commit("s", "", {"a.py": ""})], "papers/a", "p <p@q>")

    assert not (tmp_path / "ran").exists()
    assert not linked or not any((theirs / "objects").glob("??"))
