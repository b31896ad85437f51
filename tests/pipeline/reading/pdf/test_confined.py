import sys
from pathlib import Path

import pymupdf
import pytest

from pipeline.reading.pdf.confined import answers


def pdf(*texts: str) -> bytes:
    document = pymupdf.open()
    for text in texts:
        document.new_page().insert_text((72, 72), text)
    return document.tobytes()


def test_a_file_is_opened_without_anything_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "python"
    spy.write_text('#!/bin/sh\nprintf \'{"environment": "%s"}\\n\' "$(env | cut -d= -f1 | tr "\\n" " ")"\n')
    spy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(spy))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PAPER2CODE_DASHBOARD_TOKEN", "secret")

    (answer,) = answers([b""], [("pages", {"file": 0, "max_pages": 1})])

    # What the shell itself sets is no more than this.
    assert set(answer["environment"].split()) <= {"PWD", "SHLVL", "_", "OLDPWD", "LD_LIBRARY_PATH"}


def test_a_task_that_kills_the_child_costs_only_its_own_answer() -> None:
    files = [pdf("one"), pdf("two")]
    tasks = [("pages", {"file": file, "max_pages": 1}) for file in (0, 1)]
    deadly = ("no such task", {})

    one, none, two = answers(files, [tasks[0], deadly, tasks[1]])

    assert [page["lines"][0][2][0][0] for page in (*one["pages"], *two["pages"])] == ["one", "two"]
    assert none == {"error": "crashed", "message": ""}


def test_what_is_not_done_in_time_is_said_so() -> None:
    late = list(answers([pdf("one")], [("pages", {"file": 0, "max_pages": 1})] * 2, seconds=0))
    assert [answer["error"] for answer in late] == ["slow", "slow"]


def test_a_broken_file_is_said_to_be_broken() -> None:
    (answer,) = answers([b"%PDF-1.5 nothing"], [("pages", {"file": 0, "max_pages": 1})])
    assert answer["error"] == "broken"
