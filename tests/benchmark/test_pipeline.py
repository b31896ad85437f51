"""The measurement of the pipeline, without the waiting."""

import json
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from benchmark import pipeline as module
from benchmark.paced import PacedLLM, Stopwatch
from benchmark.pipeline import main
from pipeline.errors import ModelUnavailable
from pipeline.model.journal import Recording
from pipeline.model.llm import Completion, Prompt, Role, Share, Usage
from tests.conftest import available
from tests.pipeline.plans import old_recording

PAPER = """# Means of Things

## 1 Method

The estimate is the arithmetic mean of all observations.

We use a learning rate of $10^{-3}$ and a batch of 32 observations.
"""
SYSTEM, SHARED = "s" * 4_000, "p" * 4_000


def played(path: Path, *answers: tuple[str, str]) -> Recording:
    lines = [
        json.dumps({"stage": stage, "completion": text, "usage": {}, "model": "m"}) for stage, text in answers
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return Recording(path)


def test_tokens_are_counted_as_a_provider_with_a_prefix_cache_would(tmp_path: Path) -> None:
    llm = PacedLLM(played(tmp_path / "r", ("a", "x" * 40), ("a", "y" * 80)), 0.0, math.inf)
    assert llm.complete(Prompt("a", SYSTEM, SHARED, "task")).text == "x" * 40
    assert llm.usage == Usage(1, 2001, 0, 10, 0.0, estimated=True, written_tokens=1920)
    assert llm.complete(Prompt("a", SYSTEM, SHARED, "other")).text == "y" * 80
    assert llm.usage == Usage(2, 4002, 1920, 30, 0.0, estimated=True, written_tokens=1920)
    assert llm.answered["a", 1] == (Prompt("a", SYSTEM, SHARED, "other"), "y" * 80)
    with pytest.raises(ModelUnavailable):
        llm.complete(Prompt("a", SYSTEM, SHARED, "third"))


class Meeting:
    """Answers when three questions are open."""

    model, usage = "m", Usage()
    shares: ClassVar[dict[Role, Share]] = {}

    def __init__(self) -> None:
        self.all_there = threading.Barrier(3, timeout=30)
        self.asked: list[Prompt] = []

    def complete(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        self.all_there.wait()
        return Completion(prompt.stage, "", "m", Usage(), 0.0)


def test_open_questions_are_counted_and_asked_as_they_were_before(tmp_path: Path) -> None:
    before = PacedLLM(played(tmp_path / "r", *[("a", "x")] * 3), 0.0, math.inf)
    for number in range(3):
        before.complete(Prompt("a", "", "", f"first {number}"))
    meeting = Meeting()
    watch = Stopwatch(meeting, before)
    with ThreadPoolExecutor(3) as executor:
        list(executor.map(watch.complete, [Prompt("a", "", "", f"second {number}") for number in range(3)]))
    assert watch.most_in_flight == 3
    assert watch.seconds > 0
    assert {prompt.task for prompt in meeting.asked} == {"first 0", "first 1", "first 2"}


def test_a_recording_and_its_paper_are_all_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    available("local")
    monkeypatch.setattr(module, "FIRST_TOKEN", 0.0)
    monkeypatch.setattr(module, "TOKENS_PER_SECOND", math.inf)
    folder = tmp_path / "transformer"
    folder.mkdir()
    (folder / "means.md").write_text(PAPER)
    played(folder / "recording.jsonl", *old_recording().items())
    shown = CliRunner().invoke(main, [os.fspath(folder / "means.md"), os.fspath(folder / "recording.jsonl")])
    assert shown.exit_code == 0, shown.exception
    lines = shown.output.strip().splitlines()
    goals = [line for line in lines if line.startswith("- ")]
    assert len({line.count("|") for line in lines if line and line not in goals}) == 1
    assert len(goals) == len(module.MODELS) + 1 and "the goal of 0.45 is " in goals[-1]
    _, _, ours, rival, ratio = lines[:5]
    assert ours.startswith(f"| transformer | {len(old_recording())} |")
    assert ours.endswith("| runs |")
    assert rival.startswith("| transformer, PaperCoder | 26 | 996,674 |")
    assert ratio.startswith(f"| ratio | {len(old_recording()) / 26:.2f} |")


def test_a_recording_that_runs_out_is_said_and_the_others_are_still_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    available("local")
    monkeypatch.setattr(module, "FIRST_TOKEN", 0.0)
    monkeypatch.setattr(module, "TOKENS_PER_SECOND", math.inf)
    paper, short, whole = tmp_path / "means.md", tmp_path / "short.jsonl", tmp_path / "whole.jsonl"
    paper.write_text(PAPER)
    answers = list(old_recording().items())
    played(short, *answers[:-1])
    played(whole, *answers)
    shown = CliRunner().invoke(main, [os.fspath(path) for path in (paper, short, paper, whole)])
    assert shown.exit_code == 1, shown.exception
    _, _, lost, kept = shown.output.strip().splitlines()[:4]
    assert "short.jsonl has no answer to call 1 of " in lost
    assert kept.endswith("| runs |")


def test_files_come_in_pairs(tmp_path: Path) -> None:
    (tmp_path / "alone").touch()
    assert CliRunner().invoke(main, [os.fspath(tmp_path / "alone")]).exit_code == 2
