"""Evidence: what a job's page shows of what was made, in a form that the database keeps.

A worker and the web process may be two machines, so the page never looks into the worker's folder.
"""

import base64
import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from bot.github.branch import Snapshot
from pipeline.record import Commit
from pipeline.reproduce import Reproduction
from pipeline.revision import Revision


@dataclass(frozen=True)
class Change:
    """A commit: what it did to each file."""

    subject: str
    body: str
    files: Mapping[str, tuple[str | None, str | None]]
    """Path → text before and after; None where there was or is no such file."""


@dataclass(frozen=True)
class Evidence:
    """The report of a job, the repository, and how it came to be."""

    report: Mapping[str, Any]
    """`execution-report.json`, by the schema of the paper2code that made it."""
    commits: Sequence[Commit]
    """In order; each holds the whole repository."""
    figures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Those that a run has drawn, relative path → PNG."""

    @classmethod
    def of(cls, made: Reproduction) -> Self:
        """Of a paper's implementation."""
        return cls(made.report, made.commits, made.commits[-1].figures)

    @classmethod
    def of_revision(cls, seen: Snapshot, made: Revision) -> Self:
        """Of what was changed in a pull request."""
        after = Commit("What was changed", made.answer, {**made.files, **made.documents})
        return cls(made.report, (Commit("What stood there", "", seen.files), after))

    @property
    def files(self) -> Mapping[str, str]:
        """The repository as it was delivered."""
        return self.commits[-1].files if self.commits else {}

    @property
    def changes(self) -> Sequence[Change]:
        """Each commit against the one before; the first against nothing."""
        return [
            Change(now.subject, now.body, _changed(before, now.files))
            for before, now in zip([{}, *(each.files for each in self.commits)], self.commits, strict=False)
        ]

    def packed(self) -> bytes:
        """As it is stored; `unpacked` is the way back."""
        told = {
            "report": self.report,
            "commits": [[each.subject, each.body, each.files] for each in self.commits],
            "figures": {path: base64.b64encode(data).decode() for path, data in self.figures.items()},
        }
        # Commits repeat what they do not change, at distances that only a large window sees.
        return lzma.compress(json.dumps(told, ensure_ascii=False).encode(), preset=1)

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """What was stored."""
        told = json.loads(lzma.decompress(data))
        return cls(
            told["report"],
            tuple(Commit(*each) for each in told["commits"]),
            {path: base64.b64decode(text) for path, text in told["figures"].items()},
        )


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    paths = sorted({*before, *after})
    return {
        path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)
    }
