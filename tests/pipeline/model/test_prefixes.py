"""Who goes ahead and who waits where calls begin with the same bytes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from pipeline.errors import Cancelled
from pipeline.model.budget import Budget
from pipeline.model.chat import Chat
from pipeline.model.endpoint import Endpoint
from pipeline.model.llm import Prompt
from pipeline.model.prefixes import LEAST, LIFETIME, READ_BY, Prefix, Prefixes
from pipeline.model.protocol import Format

PAPER = "The paper. " * LEAST
PLAN = "The plan. " * LEAST


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def waits(prefixes: Prefixes, prefix: Prefix) -> bool:
    """Whether a call would have to wait now; nobody lets it go."""
    looked = threading.Event()

    def cancelled() -> bool:
        looked.set()
        return True

    try:
        with prefixes.behind(prefix, cancelled):
            return looked.is_set()
    except Cancelled:
        return True


def test_the_first_goes_ahead_and_the_others_follow_once_it_has_been_read() -> None:
    prefixes, order, entered = Prefixes(), [], threading.Barrier(2)

    def lead() -> None:
        with prefixes.behind(Prefix("s", PAPER), bool) as read:
            entered.wait(20)
            asking.wait(20)
            order.append("read")
            read()
            followed.wait(20)  # the answer goes on while the other asks

    asking, followed = threading.Event(), threading.Event()

    def follow() -> None:
        entered.wait(20)
        with prefixes.behind(Prefix("s", PAPER + PLAN), lambda: bool(asking.set())) as read:
            order.append("followed")
            read()
            followed.set()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(lead), pool.submit(follow)]:
            done.result(60)
    assert order == ["read", "followed"]


def test_a_call_that_fails_lets_the_next_go_ahead() -> None:
    prefixes = Prefixes()
    with pytest.raises(OSError), prefixes.behind(Prefix("s", PAPER), bool):
        raise OSError
    assert not waits(prefixes, Prefix("s", PAPER))


@pytest.mark.parametrize(
    ("other", "wait"),
    [
        (Prefix("s", PAPER), True),
        (Prefix("s", PAPER + PLAN), True),
        (Prefix("another system text", PAPER), False),
        (Prefix("s", PAPER[:-1] + "?"), False),
        (Prefix("s", PAPER[:-1]), False),
    ],
)
def test_who_waits_begins_with_all_that_is_being_read(other: Prefix, wait: bool) -> None:
    prefixes = Prefixes()
    with prefixes.behind(Prefix("s", PAPER), bool):
        assert waits(prefixes, other) is wait


def test_nobody_waits_for_what_is_cached_already_or_too_short_to_be() -> None:
    prefixes = Prefixes()
    with prefixes.behind(Prefix("s", PAPER), bool) as read:
        read()
        assert not waits(prefixes, Prefix("s", PAPER))
    little = Prefix("s", PAPER + "x" * (LEAST - 1))
    with prefixes.behind(little, bool):
        assert not waits(prefixes, little)
    more = Prefix("s", PAPER + "x" * LEAST)
    with prefixes.behind(more, bool):
        assert waits(prefixes, more)


def test_what_was_read_long_ago_is_read_again_and_what_is_used_stays() -> None:
    clock = Clock()
    prefixes = Prefixes(clock)
    for _ in range(3):
        with prefixes.behind(Prefix("s", PAPER), bool) as read:
            read()
        clock.seconds += LIFETIME - 1
    with prefixes.behind(Prefix("s", PAPER), bool):
        assert not waits(prefixes, Prefix("s", PAPER))
    clock.seconds += 1
    with prefixes.behind(Prefix("s", PAPER), bool):
        assert waits(prefixes, Prefix("s", PAPER))


def test_a_server_that_thinks_in_silence_holds_nobody_for_long() -> None:
    clock = Clock()
    prefixes = Prefixes(clock)

    def hurry() -> bool:
        clock.seconds += READ_BY
        return False

    with prefixes.behind(Prefix("s", PAPER), bool), prefixes.behind(Prefix("s", PAPER), hurry):
        assert clock.seconds == READ_BY


def test_cancelling_takes_effect_while_waiting() -> None:
    prefixes = Prefixes()
    with (
        prefixes.behind(Prefix("s", PAPER), bool),
        pytest.raises(Cancelled),
        prefixes.behind(Prefix("s", PAPER), lambda: True),
    ):
        pass


def test_the_shared_text_is_cut_where_earlier_ones_ended() -> None:
    prefixes = Prefixes()
    for shared in ("ab", "abcd", "abXY", "abcdef"):
        with prefixes.behind(Prefix("s", shared), bool) as read:
            read()
    assert prefixes.pieces(Prefix("s", "abcdefgh")) == ("ab", "cd", "ef", "gh")
    assert prefixes.pieces(Prefix("s", "abcd")) == ("ab", "cd")
    assert prefixes.pieces(Prefix("t", "abcd")) == ("abcd",)
    assert prefixes.pieces(Prefix("s", "")) == ()


class Gated:
    """A server that reads the first prompt only when it is let."""

    host, secret, key_name, url_name = "gated", "", "", ""

    def __init__(self) -> None:
        self.requests = 0
        self.asked, self.let = threading.Event(), threading.Event()

    def format(self, without: frozenset[str]) -> Format:
        return Chat()

    @contextmanager
    def open(self, format_: Format, body: dict[str, Any]) -> Iterator[httpx2.Response]:
        self.requests += 1

        def answer() -> Iterator[bytes]:
            self.asked.set()
            self.let.wait(20)
            yield b'{"choices": [{"message": {"content": "done"}, "finish_reason": "stop"}]}'

        yield httpx2.Response(200, content=answer())

    def close(self) -> None:
        pass


def test_calls_that_start_together_ask_one_after_the_first() -> None:
    server, both = Gated(), threading.Event()
    waits: set[int] = set()

    def cancelled() -> bool:
        me = threading.get_ident()
        if server.asked.is_set() and me != leader:
            waits.add(me)
        if len(waits) == 2:
            both.set()
        return False

    endpoint = Endpoint(server, model="m", cancelled=cancelled)
    leader = 0

    def ask(stage: str) -> str:
        return endpoint.answer(Prompt(stage, "S", PAPER, stage), Budget(None), [].append).text

    def lead() -> str:
        nonlocal leader
        leader = threading.get_ident()
        return ask("plan.a")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(lead)
        assert server.asked.wait(20)
        others = [pool.submit(ask, stage) for stage in ("plan.b", "plan.c")]
        assert both.wait(20)
        assert server.requests == 1
        server.let.set()
        assert {call.result(60) for call in (first, *others)} == {"done"}
    assert server.requests == 3
