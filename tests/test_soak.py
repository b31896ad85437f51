"""What the soak finds, shown what must not be; an hour of it is `make soak`."""

import fcntl
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.fakes.moody import BROKEN, SELDOM, WHOLE, Answered, MoodyModel, Odds
from tests.soak import IN_HAND, TELLING, Sample, grown, paid_twice, still_locked

ONE = Answered("7", "# Task: write", "Bearer a", 100.0)
ENTRIES = [("folder", json.dumps({"key": "k1", "completion": "x"}))]


def test_an_answer_for_each_question_is_in_order() -> None:
    assert not list(paid_twice([ONE], ENTRIES, {}))


@pytest.mark.parametrize(
    ("killed", "twice"),
    [
        ({}, True),
        ({"Bearer b": 101.0}, True),
        ({"Bearer a": 99.0}, True),
        ({"Bearer a": 101.0 + IN_HAND}, True),
        ({"Bearer a": 101.0}, False),
    ],
)
def test_an_answer_is_asked_for_again_only_where_who_had_it_in_hand_was_killed(
    killed: dict[str, float], twice: bool
) -> None:
    again = ONE._replace(asker="Bearer b", when=130.0)
    assert bool(list(paid_twice([again, ONE], ENTRIES, killed))) is twice


def test_an_answer_in_no_journal_is_told() -> None:
    other = ONE._replace(question="# Task: plan")
    assert list(paid_twice([ONE, other], ENTRIES, {})) == [
        "2 questions have whole answers, and the journals hold 1"
    ]


def test_what_grows_is_told() -> None:
    flat, steep = [Sample(100, 30, 10)] * 40, [Sample(100 + n, 30, 10) for n in range(80)]
    assert list(grown({"web": flat, "worker": steep}, TELLING)) == ["worker: megabytes grew from 130 to 170"]


def test_what_is_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with (tmp_path / "job/journal.jsonl").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(still_locked(tmp_path)) == ["job/journal.jsonl"]
    assert not list(still_locked(tmp_path))


def test_the_model_has_all_its_moods_and_counts_what_was_whole() -> None:
    odds = Odds(whole=0.2, broken=0.2, cut=0.1, wrong=0.1, seldom=0.1)
    body = {
        "model": "m",
        "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "7\n# Task: t"}],
    }
    silent = SELDOM | {"falls silent": BROKEN["is down"]}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tests.fakes.moody.SELDOM", silent)
        patched.setattr("tests.fakes.moody.BROKEN", dict.fromkeys(BROKEN, BROKEN["is down"]))
        with MoodyModel(lambda task: f"{task}!", "([0-9])", odds, 1) as model:
            for _ in range(200):
                try:
                    httpx.post(
                        f"{model.url}/chat/completions", json=body, headers={"Authorization": "Bearer a"}
                    )
                except httpx.HTTPError:
                    continue
    expected = {"answers", "is cut off", "misunderstands", *WHOLE, *BROKEN, *SELDOM}
    assert model.moods.keys() == expected
    whole = Counter(
        {name: count for name, count in model.moods.items() if name in {"answers", "misunderstands", *WHOLE}}
    )
    assert len(model.answered) == whole.total()
    assert {(each.subject, each.asker) for each in model.answered} == {("7", "Bearer a")}
