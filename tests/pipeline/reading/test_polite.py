"""The manners of requests, by a clock that tests turn: how long was waited does not depend on the machine."""

import email.utils
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.errors import ArxivUnavailable
from pipeline.reading import polite
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reading.polite import PoliteClient, _stay
from tests.fakes.arxiv import FakeArxiv, Submission, fake_arxiv, one_file

START = 1_700_000_000.0


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 2))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(polite, "time", clock)
    return clock


@pytest.fixture
def fake() -> Iterator[FakeArxiv]:
    with fake_arxiv(
        Submission("2101.00001", source=one_file(r"\documentclass{a}\begin{document}Text."))
    ) as server:
        yield server


def ask(fake: FakeArxiv, folder: Path, times: int = 1) -> None:
    """Each time by a client of its own, as another process has one."""
    for _ in range(times):
        assert PoliteClient(folder, 3.0).get(f"{fake.url}/e-print/2101.00001").status_code == 200


def test_three_seconds_lie_between_requests_to_one_host(
    clock: Clock, fake: FakeArxiv, tmp_path: Path
) -> None:
    ask(fake, tmp_path, 3)
    assert clock.slept == [3.0, 3.0]


def test_time_that_passed_anyway_is_not_waited_again(clock: Clock, fake: FakeArxiv, tmp_path: Path) -> None:
    ask(fake, tmp_path)
    clock.now += 2
    ask(fake, tmp_path)
    clock.now += 60
    ask(fake, tmp_path)
    assert clock.slept == [1.0]


def test_another_host_does_not_wait(clock: Clock, fake: FakeArxiv, tmp_path: Path) -> None:
    with fake_arxiv(Submission("2101.00001", source=b"x")) as other:
        ask(fake, tmp_path)
        ask(other, tmp_path)
    assert clock.slept == []


def test_without_more_words_arxiv_is_asked_every_three_seconds(
    clock: Clock, fake: FakeArxiv, tmp_path: Path
) -> None:
    read("arxiv:2101.00001", Arxiv(fake.url, fake.url, tmp_path))
    assert len(fake.requests) == 3
    assert clock.slept == [3.0, 3.0]


@pytest.mark.parametrize(
    ("troubles", "slept"),
    [
        (["503 retry 7"], [7.0]),
        ([f"503 retry {email.utils.formatdate(START + 20, usegmt=True)}"], [20.0]),
        ([f"429 retry {email.utils.formatdate(START - 20, usegmt=True)}"], []),
        (["503 retry soon"], [3.0]),
        (["503 retry Mon, 12 Jun 99999999999999999999 17:57:34 GMT"], [3.0]),
        (["503", "429", "drop"], [3.0, 6.0, 12.0]),
    ],
)
def test_a_busy_host_is_asked_again_when_it_says_or_later_and_later(
    clock: Clock, fake: FakeArxiv, tmp_path: Path, troubles: list[str], slept: list[float]
) -> None:
    fake.troubles = troubles
    ask(fake, tmp_path)
    assert clock.slept == slept


def test_who_comes_later_keeps_away_as_long_as_the_host_asked_the_first(
    clock: Clock, fake: FakeArxiv, tmp_path: Path
) -> None:
    fake.troubles = ["503 retry 600"]
    with pytest.raises(ArxivUnavailable, match="600 s") as error:
        ask(fake, tmp_path)
    assert error.value.hint
    clock.now += 590
    ask(fake, tmp_path)
    assert clock.slept == [10.0]


def test_a_clock_that_was_set_back_keeps_nobody_for_ever(
    clock: Clock, fake: FakeArxiv, tmp_path: Path
) -> None:
    ask(fake, tmp_path)
    clock.now -= 365 * 86_400
    ask(fake, tmp_path)
    assert clock.slept == []


def test_a_lock_that_says_nothing_holds_up_nobody(clock: Clock, fake: FakeArxiv, tmp_path: Path) -> None:
    ask(fake, tmp_path)
    next(tmp_path.glob("*.lock")).write_bytes(b"\xff\0")
    ask(fake, tmp_path)
    assert clock.slept == []


def test_an_answer_beyond_its_limit_is_not_kept(
    clock: Clock, fake: FakeArxiv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polite, "MAX_BYTES", 10)
    with pytest.raises(ArxivUnavailable, match="larger"):
        ask(fake, tmp_path)
    assert len(fake.requests) == 1


def test_an_answer_that_takes_too_long_is_given_up(
    clock: Clock, fake: FakeArxiv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polite, "MAX_SECONDS", -1.0)
    with pytest.raises(ArxivUnavailable, match="not complete after"):
        ask(fake, tmp_path)


def test_a_redirection_is_followed(clock: Clock, fake: FakeArxiv, tmp_path: Path) -> None:
    fake.troubles = ["redirect"]
    ask(fake, tmp_path)
    assert len(fake.requests) == 2


@pytest.mark.parametrize(
    ("first", "then", "goes"),
    [
        ("https://export.arxiv.org/e-print/1", "https://arxiv.org/src/1", True),
        ("https://arxiv.org/pdf/1", "https://www.arxiv.org/pdf/1", True),
        ("https://mirror.example/1", "https://mirror.example/2", True),
        ("http://export.arxiv.org/1", "https://export.arxiv.org/1", True),
        ("https://arxiv.org/pdf/1", "http://arxiv.org/pdf/1", False),
        ("https://arxiv.org/pdf/1", "https://evil-arxiv.org/1", False),
        ("https://arxiv.org/pdf/1", "https://arxiv.org.evil.example/1", False),
        ("https://arxiv.org/pdf/1", "http://169.254.169.254/latest", False),
        ("https://mirror.example/1", "https://arxiv.org/1", False),
        ("https://arxiv.org/pdf/1", "https://arxiv.org:443/pdf/1", True),
        ("https://arxiv.org/pdf/1", "https://arxiv.org:22/", False),
        ("https://export.arxiv.org/1", "https://arxiv.org:8443/1", False),
        ("http://127.0.0.1:8080/1", "http://127.0.0.1:8080/2", True),
        ("http://127.0.0.1:8080/1", "http://127.0.0.1/2", False),
        ("http://127.0.0.1:8080/1", "http://127.0.0.1:6379/2", False),
        ("https://export.arxiv.org:8443/1", "https://arxiv.org:8443/1", False),
    ],
)
def test_a_redirection_stays_with_whom_was_asked(first: str, then: str, goes: bool) -> None:
    request = httpx.Request("GET", then)
    if goes:
        _stay(httpx.URL(first), request)
    else:
        with pytest.raises(ArxivUnavailable, match="which is not asked"):
            _stay(httpx.URL(first), request)
