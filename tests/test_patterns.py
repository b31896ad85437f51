"""No regular expression takes more than linear time over text that others write."""

import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from pipeline.planning.plan import metric_pattern
from tests.patterns import ANCHORED, SEARCHING, Found, hostile, searching, takes_zero, walked

SIZES = 20_000, 40_000
MOST_GROWTH = 2.5
QUICK_SECONDS = 0.0005
"""Processor time in which no square of 5 kB can be searched: nothing longer is tried then."""
FLOOR_SECONDS = 0.012
"""The same for 40 kB, however it grew."""
NEVER_SECONDS = 1.0
"""Of the process; what takes as long for 40 kB is not looked at again."""

HANDED = {
    "pipeline.model.faults:_levels",
    "pipeline.model.thoughts:",
    "pipeline.planning.analysis:sections",
    "pipeline.planning.plan:metric_pattern",
    "pipeline.proving.judging.languages:_pattern",
    "pipeline.running.concerned:_named",
    "pipeline.running.instrument:_missing_problems",
    "pipeline.running.remedies:_loosen_pins",
    "sandbox.public:_settled",
    "sandbox.results:_broken_promises",
    "settings:_disguises",
}
"""What makes a pattern of something that it is handed.

Each is tried below, is held by its module, or says literally what it looks for.
"""


class Never(Exception):
    pass


@contextmanager
def bounded() -> Iterator[None]:
    """`re` looks for signals while it searches."""

    def late(number: int, frame: FrameType | None) -> None:
        raise Never

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, NEVER_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seconds(found: Found, text: str, best_of: int = 1) -> float:
    """Of the processor, for all searches that the project makes with it."""
    data = text if isinstance(found.pattern.pattern, str) else text.encode("latin-1", "replace")
    taken = []
    for _ in range(best_of):
        started = time.thread_time()
        try:
            with bounded():
                if found.methods & SEARCHING:
                    for _ in found.pattern.finditer(data):
                        pass
                for method in found.methods & ANCHORED:
                    getattr(found.pattern, method)(data)
        except Never:
            return NEVER_SECONDS
        taken.append(time.thread_time() - started)
    return min(taken)


def grows(found: Found, before: str, token: str) -> str:
    """How, where it is more than in proportion to the text; empty: it does not."""
    # The end keeps what is repeated from being a match.
    how = grows_to("\0", found, before, token)
    if how or not takes_zero(found.pattern):
        return how
    # What grows only where the text ends is a thousand times slower there, and what is linear about as quick.
    elsewhere = seconds(found, before + token * (5000 // len(token)) + "\0")
    return grows_to("", found, before, token, quick=3 * elsewhere)


def grows_to(end: str, found: Found, before: str, token: str, quick: float = 0) -> str:
    def text(size: int) -> str:
        return before + token * (size // len(token)) + end

    if seconds(found, text(300)) >= NEVER_SECONDS:
        return f"{before!r}, then {token!r}, then {end!r}: never ends at 300 bytes"
    if seconds(found, text(5000)) < max(QUICK_SECONDS, quick):
        return ""
    # A busy processor makes seconds longer, one search and not the next: what grows does so whenever it is looked at.
    for best_of in (1, 5, 5, 5, 5):
        small, large = (seconds(found, text(size), best_of) for size in SIZES)
        if large >= NEVER_SECONDS:
            break
        if large <= FLOOR_SECONDS or large <= MOST_GROWTH * small:
            return ""
    what = f"{before!r}, then {token!r}, then {end!r}"
    return f"{what}: {small:.3f} s for {SIZES[0]:,} bytes, {large:.3f} s for {SIZES[1]:,}"


def by_module() -> dict[str, list[Found]]:
    found = defaultdict(list)
    for each in walked()[0]:
        module = each.place.partition(":")[0] if ":" in each.place else each.place.rpartition(".")[0]
        found[module].append(each)
    return found


@pytest.mark.parametrize("module", searching())
def test_no_pattern_takes_more_than_linear_time(module: str) -> None:
    for each in by_module().get(module, ()):
        for before, token in hostile(each.pattern):
            assert not (how := grows(each, before, token)), f"{each.place} {each.pattern.pattern!r}: {how}"


def test_no_module_that_holds_patterns_is_passed_over() -> None:
    assert by_module().keys() <= set(searching())


def test_a_pattern_that_takes_a_square_is_found() -> None:
    square = Found("here", re.compile(r"\b(lib[\w.+-]*\.so[\w.]*): cannot open"), frozenset({"findall"}))

    assert any(grows(square, before, token) for before, token in hostile(square.pattern))


def test_a_pattern_that_takes_a_square_where_the_text_ends_is_found() -> None:
    square = Found("here", re.compile(r"\s*=?\s*(\\.|\S)"), frozenset({"match"}))

    assert any(grows(square, before, token) for before, token in hostile(square.pattern))


def test_no_pattern_is_made_of_anything_handed_but_where_that_is_known() -> None:
    assert {place for place in walked()[1] if not place.startswith("pipeline.reading.")} == HANDED


@pytest.mark.parametrize(
    "name", ["{a}{b}{c}{d}{e}", "x_{a}_{b}_{c}_{d}", "{a}1{b}1{c}1{d}", "{a}a{b}a{c}.{d}"]
)
def test_metric_patterns_take_linear_time(name: str) -> None:
    found = Found(name, metric_pattern(name), frozenset({"fullmatch"}))

    assert not [how for token in ("x", "_", "1", "a", "x_", "a.") if (how := grows(found, "", token))]


@pytest.mark.parametrize(
    ("name", "metric", "matches"),
    [
        ("loss", "loss", True),
        ("loss", "losses", False),
        ("accuracy_{set}", "accuracy_cifar10", True),
        ("accuracy_{set}", "accuracy_", False),
        ("{a}_{b}", "one_two_three", True),
        ("{a}_b_{c}", "x_b_b_y", True),
        ("{a}{b}", "x", False),
        ("{a}{b}", "xy", True),
        ("{a}-{b}.mean", "mlp-mnist.mean", True),
        ("{a}-{b}.mean", "mlp-mnist.mean.mean", False),
        ("{a}.{b}", "one.two.three", False),
        ("{a}_x", "a_x_x", True),
    ],
)
def test_metric_patterns_find_what_they_name(name: str, metric: str, matches: bool) -> None:
    assert bool(metric_pattern(name).fullmatch(metric)) is matches
