import json
from pathlib import Path

import click
import pytest
from git import Repo

from bot.commandline.local import _begin, _made, known_estimate
from bot.github.branch import publish
from pipeline.proving.documents import EXECUTION
from pipeline.record import Commit, Record
from tests.fakes.scripted import ScriptedLLM


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


@pytest.mark.parametrize("inside", ["repository", "repository/deeper", "other"])
@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("resume", [True, False])
def test_a_run_inside_of_another_ones_folder_is_refused(
    tmp_path: Path, inside: str, goes_on: bool, resume: bool
) -> None:
    out = tmp_path / "out"
    with _made(out, False):
        Record(out, ScriptedLLM({}), lambda progress: None).keep("paper.md", "")
        if goes_on:
            with (
                pytest.raises(click.UsageError, match="the folder of another run"),
                _made(out / inside, resume),
            ):
                pass
    (out / "journal.jsonl").write_text("{}\n")
    with pytest.raises(click.UsageError, match="the folder of another run"), _made(out / inside, resume):
        pass


@pytest.mark.parametrize("inside", ["repository", "repository/deeper"])
@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("resume", [True, False])
def test_a_run_around_another_ones_folder_is_refused_and_takes_nothing_of_it(
    tmp_path: Path, inside: str, goes_on: bool, resume: bool
) -> None:
    out, paid = tmp_path / "out", tmp_path / "out" / inside / "journal.jsonl"
    with _made(out / inside, False):
        paid.write_text("paid\n")
        if goes_on:
            with pytest.raises(click.UsageError, match="choose another --out"), _made(out, resume):
                pass
    with pytest.raises(click.UsageError, match="choose another --out"), _made(out, resume):
        pass
    assert paid.read_text() == "paid\n"


def test_beside_another_run_and_below_a_lock_of_somebody_elses_there_is_room(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    with _made(tmp_path / "one", False), _made(tmp_path / "two", False):
        pass
    with _made(tmp_path / "one", True), _made(tmp_path / "two", False):
        pass


def test_an_estimate_of_an_earlier_run_that_no_float_can_be_is_unknown(tmp_path: Path) -> None:
    told = dict.fromkeys(("gpu_hours", "cpu_hours", "memory_gib")) | {"downloads": [], "basis": "a run"}
    report = tmp_path / "repository" / EXECUTION
    report.parent.mkdir(parents=True)
    for hours, said in ((2, "About 2 GPU hours (a run)."), (10**400, "")):
        report.write_text(json.dumps({"full_run_estimate": told | {"gpu_hours": hours}}))
        assert known_estimate(tmp_path) == said
