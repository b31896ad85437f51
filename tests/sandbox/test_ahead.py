import itertools
import threading

import pytest

from sandbox import ahead
from sandbox.ahead import Ahead


@pytest.fixture
def cleared() -> list[int]:
    return []


@pytest.fixture
def rooms(cleared: list[int]) -> "Ahead[int]":
    return Ahead(cleared.append)


def test_what_was_prepared_is_given_out_once(rooms: "Ahead[int]") -> None:
    numbers = itertools.count()
    rooms.prepare("kind", lambda: next(numbers))
    rooms.prepare("kind", lambda: next(numbers))
    assert rooms.take("kind", lambda: -1) == 0
    assert rooms.take("kind", lambda: -1) == -1
    assert next(numbers) == 1


def test_another_kind_is_not_given_out(rooms: "Ahead[int]") -> None:
    rooms.prepare("one", lambda: 1)
    assert rooms.take("other", lambda: 2) == 2


def test_a_failure_to_prepare_is_told_to_whoever_takes(rooms: "Ahead[int]") -> None:
    def fail() -> int:
        raise OSError("no room")

    rooms.prepare("kind", fail)
    with pytest.raises(OSError, match="no room"):
        rooms.take("kind", lambda: 1)
    rooms.prepare("kind", fail)
    rooms.close()


def test_what_nobody_took_is_cleared_away(rooms: "Ahead[int]", cleared: list[int]) -> None:
    for number in range(6):
        rooms.prepare(number, lambda number=number: number)
    rooms.close()
    assert sorted(cleared) == [0, 1, 2, 3, 4, 5]


def test_what_is_old_is_not_given_out(
    rooms: "Ahead[int]", cleared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.prepare("kind", lambda: 1)
    monkeypatch.setattr(ahead, "FRESH_SECONDS", -1)
    assert rooms.take("kind", lambda: 2) == 2
    rooms.close()
    assert cleared == [1]


def test_clearing_is_not_waited_for_but_done_before_the_end(cleared: list[int]) -> None:
    go = threading.Event()

    def clear(room: int) -> None:
        go.wait()
        cleared.append(room)

    rooms = Ahead(clear)
    rooms.clear(1)
    assert not cleared
    go.set()
    rooms.close()
    rooms.clear(2)
    assert cleared == [1, 2]


def test_one_of_its_own_threads_may_be_who_closes_it(cleared: list[int]) -> None:
    closed = threading.Event()

    def clear(room: int) -> None:
        rooms.close()
        closed.set()

    rooms = Ahead(clear)
    rooms.clear(1)
    assert closed.wait(10)
