import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.jobs.batches import Batches


def test_what_comes_while_something_is_stored_is_stored_together() -> None:
    begun, go_on, stored = threading.Event(), threading.Event(), list[list[int]]()

    def store(items: list[int]) -> None:
        stored.append(items)
        begun.set()
        assert go_on.wait(30)

    batches = Batches(store)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batches.add, 0)
        assert begun.wait(30)
        others = [pool.submit(batches.add, number) for number in range(1, 9)]
        while len(batches._waiting) < 8:
            pass
        assert not first.done()
        go_on.set()
        for future in (first, *others):
            future.result(30)
    assert [sorted(batch) for batch in stored] == [[0], list(range(1, 9))]


def test_whoever_was_not_stored_is_told() -> None:
    def store(items: list[int]) -> None:
        raise OSError("no space")

    batches = Batches(store)
    for number in range(2):
        with pytest.raises(OSError, match="no space"):
            batches.add(number)
