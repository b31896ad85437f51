"""What may be started, and what is said when it may not."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.intake.configuration import Quota
from bot.intake.jobs import Job, Place, Record, State
from bot.intake.progress import Board
from bot.jobs.engine import Engine
from bot.jobs.quota import excess
from tests.bot.conftest import PLACE
from tests.bot.work.test_worker import job

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLENTY = Quota(per_day=100, concurrent=100)
NEXT_DOOR = dataclasses.replace(PLACE, repository="octo-org/other", repository_id=9)
ELSEWHERE = dataclasses.replace(NEXT_DOOR, installation=7)


def known(count: int, state: State, hours: float = 1, **changes: Any) -> list[Record]:
    """Jobs that were asked for some hours ago, each for a paper of its own."""
    return [
        Record(
            job(
                id=f"{state}{number}",
                paper=f"2401.0000{number}",
                created=NOW - timedelta(hours=hours),
                **changes,
            ),
            state,
            Board(),
        )
        for number in range(count)
    ]


def wanted(count: int) -> list[Job]:
    return [job(id=f"new{number}", paper=f"2501.0000{number}", created=NOW) for number in range(count)]


@pytest.mark.parametrize(
    ("records", "own", "hosts", "words"),
    [
        ([], PLENTY, PLENTY, None),
        (
            known(3, "running"),
            Quota(concurrent=3),
            PLENTY,
            "3 papers at a time is the limit of this repository",
        ),
        (known(2, "running"), Quota(concurrent=3), PLENTY, None),
        (known(1, "queued"), Quota(concurrent=1), PLENTY, "1 is under way"),
        (known(3, "done"), Quota(concurrent=1), PLENTY, None),
        (known(3, "failed"), Quota(per_day=3), PLENTY, "after 2026-05-05 11:00 UTC"),
        (known(3, "done", hours=25), Quota(per_day=1), PLENTY, None),
        (known(1, "running", hours=25), Quota(concurrent=1), PLENTY, "1 paper at a time"),
        ([], Quota(per_day=0), PLENTY, "0 papers within 24 hours"),
        (known(3, "running", place=NEXT_DOOR), Quota(concurrent=1, per_day=1), PLENTY, None),
        (known(3, "running", place=NEXT_DOOR), PLENTY, Quota(concurrent=3), "limit of one installation"),
        (known(3, "done", place=NEXT_DOOR), PLENTY, Quota(per_day=3), "limit of one installation"),
        (known(3, "running", place=ELSEWHERE), PLENTY, Quota(concurrent=1, per_day=1), None),
    ],
)
def test_one_more_paper(records: list[Record], own: Quota, hosts: Quota, words: str | None) -> None:
    refused = excess(wanted(1), records, own, hosts, NOW)
    assert (words is None and refused is None) or (refused and words and words in refused.message)


def test_a_long_row_of_one_installation_keeps_no_other_one_out(engine: Engine) -> None:
    """As stored: what others have waiting is not even read."""
    now = datetime.now(UTC)
    for number in range(3):
        engine.submit(job(id=f"123456-1-{number:012x}", paper=f"2401.0000{number}", created=now))

    def refused(place: Place) -> bool:
        recent = engine.recent(now - timedelta(days=1), place.installation)
        return excess([job(id="new", place=place)], recent, PLENTY, Quota(concurrent=3), now) is not None

    assert refused(NEXT_DOOR)
    assert not refused(ELSEWHERE)


def test_several_papers_count_each() -> None:
    assert excess(wanted(3), [], Quota(concurrent=3), PLENTY, NOW) is None
    assert excess(wanted(3), [], Quota(concurrent=2), PLENTY, NOW)
    assert excess(wanted(3), known(1, "done"), Quota(per_day=3), PLENTY, NOW)


def test_what_joins_a_job_or_is_one_costs_nothing() -> None:
    full = Quota(per_day=1, concurrent=1)
    (record,) = known(1, "running")
    joining = dataclasses.replace(record.job, id="another")
    assert excess([joining], [record], full, full, NOW) is None
    done = dataclasses.replace(record, state="done")
    assert excess([record.job], [done], full, full, NOW) is None
    assert excess([joining], [done], full, full, NOW)
