"""The JSON forms of the list and of a job; docs/openapi.yaml describes them. Pure."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from bot.commandline.terminal import TITLES
from bot.intake.jobs import Record
from bot.intake.progress import Entry
from bot.jobs.evidence import Evidence
from bot.jobs.register import Listed, Page, Tally


def listed(job: Listed, root: str) -> dict[str, Any]:
    """A job in the list; `root` is the address of the pages, with its last slash."""
    told = dataclasses.asdict(job)
    for name in ("repository_id", "private", "ended"):
        del told[name]
    return told | {"created": job.created.isoformat(), "url": f"{root}jobs/{job.id}"}


def jobs(page: Page, number: int, tally: Tally, workers: int, root: str) -> dict[str, Any]:
    """A page of the list."""
    return {
        "jobs": [listed(job, root) for job in page.jobs],
        "total": page.total,
        "page": number,
        "pages": page.pages,
        "tally": {
            "jobs": tally.jobs,
            "queued": tally.queued,
            "running": tally.running,
            "delivered": tally.delivered,
            "runs": tally.runs,
            "failed": tally.failed,
            "usd": tally.usd,
            "workers": workers,
            "days": [{"day": day, "usd": usd} for day, usd in tally.days],
            "repositories": [
                {"repository": name, "jobs": number, "usd": usd} for name, number, usd in tally.repositories
            ],
        },
    }


def job(
    record: Record,
    row: Listed,
    entries: Sequence[Entry],
    evidence: Evidence | None,
    following: str,
    root: str,
) -> dict[str, Any]:
    """All that is known of one; `following` says what to do next."""
    asked, outcome = record.job, record.outcome
    return listed(row, root) | {
        "max_usd": asked.configuration.max_usd,
        "scope": asked.scope or (asked.wish.text if asked.wish else ""),
        "reason": outcome.reason if outcome else "",
        "next": following,
        "stopping": record.stopping,
        "stages": [
            {
                "stage": stage,
                "title": TITLES[stage],
                "state": line.state,
                "detail": line.detail,
                "done": line.done,
                "total": line.total,
                "started": line.started,
                "ended": line.ended,
                "usd": line.usd,
            }
            for stage, line in record.board.lines
        ],
        "log": [
            {"when": each.when, "kind": each.kind, "text": each.text, "output": each.output}
            for each in entries
        ],
        "ratings": [
            {"person": each.person, "score": each.score, "text": each.text, "when": each.when.isoformat()}
            for each in record.ratings
        ],
        "report": evidence.report if evidence else None,
        "files": sorted(evidence.files) if evidence else [],
    }
