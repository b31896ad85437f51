"""What a run may cost: recorded runs with another paper in their papers' place."""

from collections import defaultdict
from pathlib import Path

import pytest

from pipeline.errors import ContextOverflow
from pipeline.model import estimate
from pipeline.model.estimate import RECORDED, Recorded
from pipeline.model.journal import Recording
from pipeline.model.llm import Role, Usage, role_of
from pipeline.model.prices import Entry, price_of
from pipeline.model.window import whole
from pipeline.reading.arxiv import Arxiv, read

ROOT = Path(__file__).parents[3]
EXAMPLE = next(ROOT.glob("examples/*/recording.jsonl")).parent
FILES = {EXAMPLE.name: EXAMPLE / "recording.jsonl"} | {
    path.stem: path for path in ROOT.glob("tests/recordings/*.jsonl") if path.stem != "repairs"
}
SOL = price_of("gpt-6.2-sol")
READS = Entry(input=1, cached_input=0, cache_write=1, output=0).price()


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_a_recorded_paper_costs_what_it_has_cost(number: int) -> None:
    recorded = RECORDED[number]
    expected = estimate.run(recorded.paper, SOL, SOL)[number]
    known = sum(recorded.shares.values(), Usage())
    assert (expected.usage.calls, expected.usage.input_tokens) == (known.calls, known.input_tokens)
    assert expected.usage.cached_tokens == known.cached_tokens
    assert expected.usage.usd == pytest.approx(sum(SOL.of(u) for u in recorded.shares.values()) if SOL else 0)
    assert expected.seconds == recorded.seconds


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_what_is_reckoned_with_is_what_the_recordings_hold(recorded: Recorded) -> None:
    answers = Recording(FILES[recorded.name]).answers
    held: defaultdict[Role, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for stage, texts in answers.items():
        calls, tokens = held[role_of(stage)]
        held[role_of(stage)] = calls + len(texts), tokens + sum(len(text) // 4 for text in texts)
    assert held == {role: (usage.calls, usage.output_tokens) for role, usage in recorded.shares.items()}


def test_every_recorded_run_is_reckoned_with() -> None:
    assert {recorded.name for recorded in RECORDED} == FILES.keys()


def test_the_examples_paper_is_as_long_as_is_reckoned_with(tmp_path: Path) -> None:
    paper = read(str(EXAMPLE / "paper.pdf"), Arxiv("", "", tmp_path))
    [known] = [recorded.paper for recorded in RECORDED if recorded.name == EXAMPLE.name]
    assert len(whole(paper)) // 4 == known


def test_a_longer_paper_is_sent_with_every_call_and_brought_to_the_cache_by_writer_and_reviewer() -> None:
    short, long = (estimate.run(paper, READS, READS)[0] for paper in (10_000, 30_000))
    assert long.usage.input_tokens - short.usage.input_tokens == 20_000 * short.usage.calls
    assert (long.usage.usd or 0) - (short.usage.usd or 0) == pytest.approx(0.04)


def test_without_a_price_the_cost_is_unknown() -> None:
    assert {each.usage.usd for each in estimate.run(10_000, SOL, None)} == {None}
    assert {each.usage.usd for each in estimate.judging(10_000, 5_000, 3, None)} == {None}


def test_a_judge_reads_paper_and_code_each_time_and_pays_for_bringing_them_once() -> None:
    once, thrice = (estimate.judging(10_000, 5_000, calls, READS)[0].usage for calls in (1, 3))
    assert thrice.input_tokens == 3 * once.input_tokens > 45_000
    assert thrice.written_tokens == once.written_tokens == 15_000
    assert thrice.cached_tokens == 30_000


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_a_window_of_32k_ends_in_words_unless_a_paper_as_short_has_been_done_in_it(number: int) -> None:
    recorded = RECORDED[number]
    estimate.require_room(recorded.paper, "wide", recorded.longest)
    estimate.require_room(recorded.paper, "unknown", None)
    if recorded.longest > 32_768:
        with pytest.raises(
            ContextOverflow, match=r"llama takes 32,768 tokens at once.*Nothing was asked"
        ) as error:
            estimate.require_room(recorded.paper, "llama", 32_768)
        assert f"{round(recorded.longest, -3):,} tokens or more" in error.value.hint
    else:
        estimate.require_room(recorded.paper, "llama", 32_768)


def test_a_long_paper_that_can_be_read_by_half_is_begun() -> None:
    estimate.require_room(100_000, "wide", 128_000)
    with pytest.raises(ContextOverflow):
        estimate.require_room(100_000, "narrow", 64_000)
