"""What one workflow run leaves for another, as artifacts: plans that wait, and what was paid for."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from bot.intake.jobs import JOB, OUTCOME, Job, Outcome, Place, Record, stored
from bot.intake.progress import Board

_FILES = ("journal.jsonl", "paper.md")
_JOB, _OUTCOME = "job.json", "outcome.json"


def name(place: Place) -> str:
    """Of the artifact with an issue's plans."""
    return f"paper2code-plan-{place.issue}"


def paid(jobs: Sequence[Job]) -> str:
    """Of the artifact with the answers that `jobs`, all of one place, have paid for: each in its folder's name."""
    first = jobs[0]
    return f"paper2code-{first.place.issue or re.sub(r'[^A-Za-z0-9.-]', '-', first.paper)}"


def keep(ended: Sequence[tuple[Job, Outcome]], data: Path) -> str:
    """Put the plans that wait below `data/plan`; the name of the artifact that it is to be, empty: none waits."""
    waiting = [(job, outcome) for job, outcome in ended if outcome.state == "waiting"]
    for job, outcome in waiting:
        made = job.folder(data)
        folder = data / "plan" / made.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _JOB).write_bytes(JOB.dump_json(job))
        (folder / _OUTCOME).write_bytes(OUTCOME.dump_json(outcome))
        for file in _FILES:
            if (made / file).exists():
                (folder / file).write_bytes((made / file).read_bytes())
    return name(waiting[0][0].place) if waiting else ""


def bring_back(files: dict[str, bytes], data: Path) -> None:
    """Put what an artifact's `files` hold where jobs look for it; what is there already stays.

    Also what no job of this run asks for: the artifact that this run leaves takes the place of that one.
    """
    for folder in {path.rpartition("/")[0] for path in files}:
        made = data / "jobs" / folder
        if re.fullmatch(r"[0-9a-f]{16}", folder) and not (made / _FILES[0]).exists():
            _put(files, folder, made)


def restore(files: dict[str, bytes], place: Place, data: Path) -> list[Record]:
    """The plans of the issue in an artifact's `files`; what a run goes on from is put where it looks for it."""
    records = []
    for path in sorted(files):
        folder, _, file = path.rpartition("/")
        if file != _JOB:
            continue
        try:
            job = stored(files[path])
            outcome = OUTCOME.validate_json(files.get(f"{folder}/{_OUTCOME}", b""))
        except ValidationError:
            continue
        if (job.place.repository_id, job.place.issue) != (place.repository_id, place.issue):
            continue
        _put(files, folder, job.folder(data))
        records.append(Record(job, "waiting", Board(), outcome))
    return records


def _put(files: dict[str, bytes], folder: str, made: Path) -> None:
    made.mkdir(parents=True, exist_ok=True)
    for known in _FILES:
        if (content := files.get(f"{folder}/{known}")) is not None:
            (made / known).write_bytes(content)
