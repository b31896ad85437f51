"""What differs, and what is alike, soon whatever the texts hold: `difflib` takes the cube of lines that repeat.

Of two texts, lines that stand once in both are matched first, then in the same way what is left between them
(patience diff).
"""

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice

_ROUNDS = 8
"""Each takes linear time, and matches what the one before has made unique."""
_COMPARED, _LONGEST_NAME = 1000, 100
"""Names among which the nearest one is looked for, and characters of each."""

Hunk = tuple[int, int, int, int]
"""Lines a to b of the old text became lines c to d of the new one."""


def hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    """What differs, in order."""
    found, waiting = list[Hunk](), [(0, len(old), 0, len(new), _ROUNDS)]
    while waiting:
        a, b, c, d, rounds = waiting.pop()
        while a < b and c < d and old[a] == new[c]:
            a, c = a + 1, c + 1
        while a < b and c < d and old[b - 1] == new[d - 1]:
            b, d = b - 1, d - 1
        matched = _unique(old, new, (a, b, c, d)) if rounds else []
        for i, j in matched:
            waiting.append((a, i, c, j, rounds - 1))
            a, c = i + 1, j + 1
        if matched:
            waiting.append((a, b, c, d, rounds - 1))
        elif a < b or c < d:
            found.append((a, b, c, d))
    return sorted(found)


def unified(old: Sequence[str], new: Sequence[str], around: int = 3) -> Iterator[str]:
    """As `diff -u` shows it, without the two lines that name the files; `around` is how many equal ones are shown."""
    together: list[list[Hunk]] = []
    for hunk in hunks(old, new):
        if together and hunk[0] - together[-1][-1][1] <= 2 * around:
            together[-1].append(hunk)
        else:
            together.append([hunk])
    for group in together:
        (first, _, third, _), (_, second, _, fourth) = group[0], group[-1]
        before, after = min(around, first), min(around, len(old) - second)
        yield (f"@@ -{_range(first - before, second + after)} +{_range(third - before, fourth + after)} @@")
        position = first - before
        for a, b, c, d in group:
            yield from (f" {line}" for line in old[position:a])
            yield from (f"-{line}" for line in old[a:b])
            yield from (f"+{line}" for line in new[c:d])
            position = b
        yield from (f" {line}" for line in old[position : second + after])


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Which of the `known` names was perhaps meant; of many, the first thousand are looked at."""
    short = (each for each in known if len(each) <= _LONGEST_NAME)
    close = get_close_matches(name, islice(short, _COMPARED), n=1) if len(name) <= _LONGEST_NAME else ()
    return close[0] if close else None


def _range(start: int, end: int) -> str:
    if end - start == 1:
        return f"{start + 1}"
    return f"{start + (end > start)},{end - start}"


def _unique(old: Sequence[str], new: Sequence[str], within: Hunk) -> list[tuple[int, int]]:
    """The longest run, in order, of lines that stand once in both parts."""
    a, b, c, d = within
    here, there = Counter(old[a:b]), Counter(new[c:d])
    places = {new[j]: j for j in range(c, d) if there[new[j]] == 1}
    pairs = [(i, places[old[i]]) for i in range(a, b) if old[i] in places and here[old[i]] == 1]
    ends, last, before = list[int](), list[int](), list[int]()
    for number, (_, j) in enumerate(pairs):
        at = bisect.bisect(ends, j)
        ends[at : at + 1], last[at : at + 1] = [j], [number]
        before.append(last[at - 1] if at else -1)
    run, number = list[tuple[int, int]](), last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]
