"""The journal's file, and playing it back."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline.errors import ModelUnavailable, PipelineError
from pipeline.model.journal import Entry, Journal, Recording, key_of
from pipeline.model.llm import Prompt, Usage


class Plan(BaseModel):
    files: list[str]


class OtherPlan(BaseModel):
    paths: list[str]


PROMPT = Prompt("plan.logic", "You plan.", "The paper.", "Plan.", Plan)


def entry(stage: str = "plan.logic", completion: str | None = "ü\n{}", key: str = "k") -> Entry:
    return Entry(stage=stage, key=key, completion=completion, usage=Usage(1, 10, 5, 3, 0.25), model="o3-mini")


def write(path: Path, *entries: Entry) -> None:
    journal = Journal(path, resume=True)
    for each in entries:
        journal.append(each)
    journal.close()


def reopened(path: Path) -> tuple[Entry, ...]:
    journal = Journal(path, resume=True)
    journal.close()
    return journal.entries


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    write(path, entry(), entry("code.a", None))
    assert reopened(path) == (entry(), entry("code.a", None))
    line = json.loads(path.read_text().splitlines()[0])
    assert {
        "stage",
        "key",
        "model",
        "completion",
        "usage",
        "seconds",
        "finish_reason",
        "created",
    } <= line.keys()
    assert line["usage"]["usd"] == 0.25


def test_lines_of_many_threads_do_not_mix(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", resume=False)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.append, [entry(f"code.{n}", "x" * 5000) for n in range(64)]))
    journal.close()
    assert {each.stage for each in reopened(journal.path)} == {f"code.{n}" for n in range(64)}


@pytest.mark.parametrize("torn", [1, 20, 150])
def test_a_torn_last_line_is_said_and_does_not_spoil_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, torn: int
) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, entry("plan.a"), entry("plan.b"))
    path.write_bytes(path.read_bytes()[:-torn])
    write(path, entry("plan.c"))
    assert "Line 2" in caplog.text
    caplog.clear()
    assert [each.stage for each in reopened(path)] == ["plan.a", "plan.c"]
    assert caplog.text == ""


def test_a_line_that_is_no_entry_is_said_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, entry("plan.a"))
    path.write_bytes(b'{"stage": 1}\n\xff\n' + path.read_bytes())
    assert [each.stage for each in reopened(path)] == ["plan.a"]
    assert "Line 1" in caplog.text
    assert "Line 2" in caplog.text


def test_a_journal_that_is_not_resumed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for stage in ("plan.a", "plan.b", "plan.c"):
        journal = Journal(path, resume=False)
        assert journal.entries == ()
        journal.append(entry(stage))
        journal.close()
    kept = {name: reopened(tmp_path / name)[0].stage for name in ("journal.jsonl.1", "journal.jsonl.2")}
    assert kept == {"journal.jsonl.1": "plan.a", "journal.jsonl.2": "plan.b"}
    assert reopened(path)[0].stage == "plan.c"


def test_an_empty_journal_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, resume=False).close()
    Journal(path, resume=False).close()
    assert [each.name for each in tmp_path.iterdir()] == ["journal.jsonl"]


def test_two_runs_do_not_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, resume=False)
    journal.append(entry())
    with pytest.raises(PipelineError, match="Another run") as error:
        Journal(path, resume=False)
    assert error.value.hint
    journal.close()
    assert reopened(path) == (entry(),)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_ends_whose_journal_is_elsewhere_by_now(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "out/journal.jsonl"
    journal = Journal(path, resume=False)
    path.parent.rename(tmp_path / "moved")
    if replaced:
        path.parent.mkdir()
        path.touch()

    with pytest.raises(PipelineError, match="was moved, removed or replaced"):
        journal.append(entry())

    journal.close()
    assert reopened(tmp_path / "moved/journal.jsonl") == (entry(),)
    assert not replaced or not path.read_bytes()


def test_a_full_disk_is_said_and_leaves_no_half_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "journal.jsonl", resume=False)
    journal.append(entry("plan.a"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 10, hard))
    try:
        with pytest.raises(PipelineError, match=r"cannot be written") as error:
            journal.append(entry("plan.b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.close()
    assert "Make room" in error.value.hint
    assert [each.stage for each in reopened(journal.path)] == ["plan.a"]
    assert caplog.text == ""


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PipelineError, match=r"Not a directory|File exists"):
        Journal(tmp_path / "file" / "journal.jsonl", resume=True)


def test_the_same_question_asked_twice_has_two_answers(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, entry(completion="first"), entry(completion=None), entry(completion="second"))
    journal = Journal(path, resume=True)
    answers = [journal.earlier("k") for _ in range(3)]
    assert [answer and answer.completion for answer in answers] == ["first", "second", None]
    journal.append(entry(completion="third"))
    assert journal.earlier("k") is None
    journal.close()


def test_the_key_names_the_whole_question() -> None:
    key = key_of(PROMPT, "o3-mini", "high")
    assert key == key_of(Prompt("another.stage", "You plan.", "The paper.", "Plan.", Plan), "o3-mini", "high")
    others = [
        key_of(PROMPT, "o1", "high"),
        key_of(PROMPT, "o3-mini", None),
        key_of(Prompt("plan.logic", "You  plan.", "The paper.", "Plan.", Plan), "o3-mini", "high"),
        key_of(Prompt("plan.logic", "You plan.", "The paper.P", "lan.", Plan), "o3-mini", "high"),
        key_of(Prompt("plan.logic", "You plan.", "The paper.", "Plan.", OtherPlan), "o3-mini", "high"),
        key_of(Prompt("plan.logic", "You plan.", "The paper.", "Plan."), "o3-mini", "high"),
    ]
    assert len({key, *others}) == 1 + len(others)


def test_a_recording_answers_by_stage_in_order(tmp_path: Path) -> None:
    write(tmp_path / "r", entry("a", "1"), entry("b", "2"), entry("a", None), entry("a", "3"))
    recording = Recording(tmp_path / "r")
    assert [recording.get("a", n).completion for n in range(2)] == ["1", "3"]
    with pytest.raises(ModelUnavailable, match=r"no answer to call 3 of a; it holds 2 answers"):
        recording.get("a", 2)
    with pytest.raises(ModelUnavailable, match=r"call 1 of c; it holds answers to a, b"):
        recording.get("c", 0)


def test_a_recording_says_whether_somebody_was_asked_for_tests(tmp_path: Path) -> None:
    write(tmp_path / "before", entry("code.tests.py", "1"), entry("audit", "2"))
    write(tmp_path / "since", entry("code.tests.py", "1"), entry("tests.1of2", "2"))
    assert not Recording(tmp_path / "before").tested
    assert Recording(tmp_path / "since").tested
    assert not Recording(tmp_path / "since").sharpened
    write(tmp_path / "sharp", entry("tests", "1"), entry("tests.sharper.1", "2"))
    assert Recording(tmp_path / "sharp").sharpened


@pytest.mark.parametrize("content", [None, b"", b"no journal\n"])
def test_a_recording_without_answers_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "recording.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"recording\.jsonl") as error:
        Recording(path)
    assert "--replay" in error.value.hint


def test_a_link_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    (tmp_path / "journal.jsonl").symlink_to(mine)
    for resume in (True, False):
        with pytest.raises(PipelineError, match="symbolic link"):
            Journal(tmp_path / "journal.jsonl", resume=resume)
    assert mine.read_text() == "mine\n"
