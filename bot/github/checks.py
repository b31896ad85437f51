"""Check runs at a commit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from github.Repository import Repository

from bot.github.pulls import Annotation, CheckRun

_MOST_ANNOTATIONS = 50
"""That GitHub takes in one request."""


def complete(repository: Repository, sha: str, mark: str, check: CheckRun) -> None:
    """The finished check run on `sha`, once, with all annotations."""
    output, annotations = {"title": check.title, "summary": check.summary}, check.annotations
    runs = repository.get_commit(sha).get_check_runs(check_name=check.name)
    run = next((run for run in runs if run.external_id == mark), None)
    if run is None:
        run = repository.create_check_run(
            check.name,
            sha,
            external_id=mark,
            status="completed",
            conclusion=check.conclusion,
            completed_at=datetime.now(UTC),
            output=output | _annotated(annotations[:_MOST_ANNOTATIONS]),
        )
    while more := annotations[run.output.annotations_count :][:_MOST_ANNOTATIONS]:
        run.edit(output=output | _annotated(more))


def _annotated(annotations: Sequence[Annotation]) -> dict[str, Any]:
    remarks = [
        {
            "path": remark.path,
            "start_line": remark.start,
            "end_line": remark.end,
            "annotation_level": remark.level,
            "title": remark.title[:255],
            "message": remark.message,
        }
        for remark in annotations
    ]
    return {"annotations": remarks} if remarks else {}
