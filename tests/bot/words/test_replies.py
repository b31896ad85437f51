"""Markdown in a thread, as people read it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.github.branch import Snapshot
from bot.intake.jobs import Outcome
from bot.intake.progress import REVISING
from bot.words import replies
from pipeline.progress import Progress
from pipeline.revision import Proposal, Revision
from tests.bot.conftest import revised
from tests.bot.work.test_worker import job

SHA = "b" * 40


def made(answer: str = "I use `Adam`.", **changes: Any) -> Revision:
    files = {"main.py": "2", "config.yaml": "x"}
    return replace(revised(Snapshot("a" * 40, "d", {"main.py": "1"}), Proposal(files, answer)), **changes)


def test_the_whole_answer() -> None:
    answer = "I use `Adam` at 1e-3 [S3.2], for @alice.\n\nThe paper\nuses SGD."
    remedies = ("The name was not imported.",)
    assert replies.done(made(answer, remedies=remedies), SHA) == (
        f"Done in {SHA}. ✅ It runs.\n\n"
        "> I use `Adam` at 1e-3 \\[S3.2\\], for @\u200balice.\n>\n> The paper uses SGD.\n\n"
        "- Changed: `config.yaml`, `main.py`\n"
        "- Repaired after that: The name was not imported.\n\n"
        "<sub>$0.03, 1 model call.</sub>"
    )


@pytest.mark.parametrize(
    ("changes", "sha", "words"),
    [
        ({"status": "not-run"}, SHA, "It was not run: there is no sandbox."),
        ({"status": "fails", "failure": "E", "ran_before": False}, SHA, "did not run before either: `E`."),
        (
            {"status": "fails", "failure": "E", "ran_before": True, "worse": True},
            "",
            "it ran before. It fails",
        ),
        ({"changed": ()}, "", "I changed nothing."),
        ({"lost": ("error",)}, SHA, "- No longer measured: `error`"),
        ({"usd": None}, SHA, "an unknown amount"),
    ],
)
def test_each_end_is_named(changes: dict[str, Any], sha: str, words: str) -> None:
    text = replies.done(made(**changes), sha)
    assert words in text
    assert ("Would have changed" in text) == (not sha and "changed" not in changes)


@pytest.mark.parametrize("answer", ["", "`", "``` @bob", "`@bob` #1", "a `b` `c`d", "<img src=x> `|`"])
def test_no_answer_breaks_out_of_its_quotation(answer: str) -> None:
    text = replies.done(made(answer), SHA)
    assert "<img" not in text.replace("\\<", "") and " @bob" not in text and "\n```" not in text
    assert len(text) < 65_000


def test_a_long_answer_is_cut() -> None:
    paths = tuple(f"{number}.py" for number in range(500))
    text = replies.done(
        made("word `code` " * 50_000 + "\n\n", changed=paths, remedies=("x" * 9999,) * 99), SHA
    )
    assert len(text) < 10_000 and "and 480 more" in text


def test_progress_tells_stage_time_and_cost() -> None:
    board = REVISING.after(Progress("paper", "finished", usd=0.0), 1000.0)
    board = board.after(Progress("run", "advanced", "smoke run: passed", usd=0.02), 1003.0)
    text = replies.progress(job(), board, 1019.0)
    assert "**running and repairing**, 19 s. $0.02 of at most $3.00" in text
    assert "- smoke run: passed" in text
    assert "waiting for its turn" in replies.progress(job(), REVISING, 0)


def test_a_stop_says_that_nothing_was_pushed() -> None:
    text = replies.failed(job(), REVISING, Outcome("cancelled"), "", "")
    assert "nothing was pushed" in text and "/paper2code retry" in text
