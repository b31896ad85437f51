"""Proof: the evidence of a job as its page lays it out, each claim beside what it rests on. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.jobs.evidence import Change, Evidence
from pipeline import differences

_CONTEXT, _EXCERPT, _TEST, _DIFF = 2, 24, 30, 1500
"""Lines: around what is cited, of a citation, of a test, of a file's diff."""


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file."""

    path: str
    lines: Sequence[tuple[int, str, bool]]
    """Number, text, and whether it is cited itself."""
    symbol: str = ""
    left_out: int = 0
    """Cited lines that are not shown."""


@dataclass(frozen=True)
class Requirement:
    """What the paper asks for, and what it rests on that it is there."""

    item: Mapping[str, Any]
    """As in the report."""
    code: Sequence[Excerpt]
    tests: Sequence[tuple[str, Excerpt | None]]
    """Each by its id, with its text where it was found."""


@dataclass(frozen=True)
class FileDiff:
    """What a commit did to a file."""

    path: str
    word: str
    """`added`, `removed` or `changed`."""
    added: int
    removed: int
    lines: Sequence[tuple[str, str]]
    """Kind (`add`, `del`, `at`, `same`) and text; empty for whole files."""


@dataclass(frozen=True)
class Failure:
    """A run that failed, and what was changed because of it."""

    attempt: Mapping[str, Any]
    """As in the report."""
    traceback: str
    diffs: Sequence[FileDiff]


@dataclass(frozen=True)
class Diagram:
    """A part of the plan that can be drawn."""

    title: str
    source: str
    """Mermaid."""


def requirements(evidence: Evidence) -> list[Requirement]:
    """What is doubtful first, as a reviewer reads."""
    order = {"missing": 0, "deviates": 1, "partial": 2, "unread": 3, "implemented": 4}
    items = evidence.report.get("requirements", {}).get("items", [])
    files = evidence.files
    return [
        Requirement(
            item,
            [each for each in (_cited(files, where) for where in item.get("evidence", [])) if each],
            [(test, _test(files, test)) for test in item.get("tested_by", [])],
        )
        for item in sorted(items, key=lambda item: order.get(item["verdict"], 9))
    ]


def failures(evidence: Evidence) -> list[Failure]:
    """In the order in which they happened."""
    failed = [each for each in evidence.report.get("attempts", []) if each.get("signature")]
    return [
        Failure(
            each,
            str(each.get("stderr_tail") or each.get("stdout_tail") or ""),
            _repair(evidence.changes, each.get("remedy")),
        )
        for each in failed
    ]


def commits(evidence: Evidence) -> list[tuple[Change, list[FileDiff]]]:
    """How the repository came to be."""
    return [(change, diffs(change)) for change in evidence.changes]


def diffs(change: Change) -> list[FileDiff]:
    """Of each file that a commit touches."""
    return [_diff(path, before, after) for path, (before, after) in change.files.items()]


def diagrams(evidence: Evidence) -> list[Diagram]:
    """Those of the plan's documents, under the heading that stands before each."""
    found = list[Diagram]()
    for path, text in evidence.files.items():
        if path.startswith("docs/plan/") and path.endswith(".md"):
            found += _drawn(text)
    return found


def documents(evidence: Evidence) -> dict[str, str]:
    """The plan as it is written."""
    return {path: text for path, text in evidence.files.items() if path.startswith("docs/plan/")}


def _drawn(text: str) -> Iterator[Diagram]:
    title, source = "", list[str]()
    inside = False
    for line in text.splitlines():
        if inside and line.strip() == "```":
            yield Diagram(title, "\n".join(source))
            inside, source = False, []
        elif inside:
            source.append(line)
        elif line.strip() == "```mermaid":
            inside = True
        elif line.startswith("#"):
            title = line.lstrip("#").strip()


def _cited(files: Mapping[str, str], where: Mapping[str, Any]) -> Excerpt | None:
    text = files.get(where["file"])
    if text is None:
        return None
    start, end = int(where["start"]), int(where["end"])
    return _excerpt(where["file"], text.splitlines(), start, end, _EXCERPT, str(where.get("symbol", "")))


def _excerpt(path: str, lines: Sequence[str], start: int, end: int, most: int, symbol: str = "") -> Excerpt:
    last = min(end, start + most - 1)
    first, beyond = max(1, start - _CONTEXT), min(len(lines), last + _CONTEXT)
    shown = [(n, lines[n - 1], start <= n <= last) for n in range(first, beyond + 1)]
    return Excerpt(path, shown, symbol, max(0, min(end, len(lines)) - last))


def _test(files: Mapping[str, str], test: str) -> Excerpt | None:
    """The text of `tests/test_x.py::test_name`, up to the next thing that begins at its margin."""
    path, _, name = test.partition("::")
    lines = files.get(path, "").splitlines()
    words = f"def {name.rpartition('::')[2].partition('[')[0]}("
    start = next((n for n, line in enumerate(lines, 1) if line.lstrip().startswith(words)), None)
    if not name or start is None:
        return None
    margin = len(lines[start - 1]) - len(lines[start - 1].lstrip())
    end = start
    for n in range(start + 1, len(lines) + 1):
        line = lines[n - 1]
        if line.strip() and len(line) - len(line.lstrip()) <= margin and not line.lstrip().startswith(")"):
            break
        end = n if line.strip() else end
    return _excerpt(path, lines, start, end, _TEST)


def _repair(changes: Sequence[Change], remedy: str | None) -> list[FileDiff]:
    if not remedy:
        return []
    return next((diffs(each) for each in changes if each.body and each.body.strip() == remedy.strip()), [])


def _diff(path: str, before: str | None, after: str | None) -> FileDiff:
    if before is None or after is None:
        whole = len((before or after or "").splitlines())
        word, added, removed = ("added", whole, 0) if before is None else ("removed", 0, whole)
        return FileDiff(path, word, added, removed, [])
    lines = list(map(_told, differences.unified(before.splitlines(), after.splitlines())))
    kinds = [kind for kind, _ in lines]
    return FileDiff(path, "changed", kinds.count("add"), kinds.count("del"), lines[:_DIFF])


def _told(line: str) -> tuple[str, str]:
    kind = {"+": "add", "-": "del", "@": "at"}.get(line[:1], "same")
    return kind, line
