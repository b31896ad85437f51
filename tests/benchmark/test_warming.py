"""The provider that the benchmark asks caches as real ones say they do."""

from dataclasses import replace

import pytest

from benchmark.warming import ORDERS, Call, Order, asked
from pipeline.model.llm import Prompt

PAPER = "The paper. " * 1000
TOKENS = len(PAPER) // 4


def calls() -> list[Call]:
    """One, then two at once behind what the first has read and as much again."""
    first = Call(Prompt("a", "", PAPER, "one"), "x", 0.0, 1.0)
    return [first, *(Call(Prompt(task, "", PAPER * 2, task), "x", 2.0, 3.0) for task in ("two", "three"))]


@pytest.mark.parametrize(
    ("order", "read", "written"),
    [
        (ORDERS[0], 0, 5 * TOKENS),  # the end of a message, which nobody shares, is all that is cached
        (ORDERS[2], 3 * TOKENS, 2 * TOKENS),
        (ORDERS[3], 0, 0),
        (ORDERS[5], 3 * TOKENS, 2 * TOKENS),
        (ORDERS[7], 3 * TOKENS, 0),
        (replace(ORDERS[5], lifetime=0.0), 0, 5 * TOKENS),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_is_read_and_written(order: Order, read: int, written: int) -> None:
    usage, seconds = asked(calls(), order)
    assert usage.calls == 3
    assert usage.cached_tokens == pytest.approx(read, abs=260)  # steps of 128
    assert usage.written_tokens == pytest.approx(written, abs=9)
    assert seconds > 2.0
