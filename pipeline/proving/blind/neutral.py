"""A repository without what names its author: what a blinded reader, person or model, is shown of a folder."""

import fnmatch
import itertools
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.contents import contents

NAMELESS = "SYSTEM"
"""What stands for a system's name."""
LARGEST_FILE = 400_000
"""Bytes; what is larger is data."""
MOST_BYTES = 4_000_000
"""Of one repository."""
_TRACES = (
    *("docs/execution-report.*", "docs/plan/*", "docs/steps.md", "journal.jsonl", "execution-report.*"),
    *("LICENSE*", "LICENCE*", "COPYING*", "CITATION*", "AUTHORS*", "AGENTS.md", "CLAUDE.md", ".github/*"),
    *("planning_*", "task_list.json", "*_trajectories.json", "*_artifacts/*", "*_response.json"),
    *("ChatChainConfig.json", "PhaseConfig.json", "RoleConfig.json", "*.prompt", "meta.txt", "*.log"),
)
"""Files that a system leaves beside the code that it writes, by path, whichever folder they stand in."""
_NAMES = (
    *(
        "paper[ _-]?2[ _-]?code",
        "paper[ _-]?coder",
        "paper[ _-]?guru",
        "auto[ _-]?reproduce",
        "auto[ _-]?p2c",
    ),
    *(
        "chat[ _-]?dev",
        "meta[ _-]?gpt",
        "deep[ _-]?code",
        "ai[ _-]?scientist",
        "open[ _-]?hands",
        "open[ _-]?devin",
    ),
    *("claude[ _-]?code", "swe[ _-]?agent", "nerfify", "hiras", "aider", "codex[ _-]?cli"),
)
_VERDICT = re.compile(r"^## What the judge thinks$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
"""Of a README: whoever compares shall not be told how good it is."""
_SYSTEM = re.compile(f"(?<![a-z])(?:{'|'.join(_NAMES)})(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Neutral:
    """What is shown of a folder."""

    files: Mapping[str, str]
    """Path → text, sorted by path."""
    changes: tuple[str, ...]
    """What was left out or replaced, as sentences that name no system."""


def neutral(directory: Path) -> Neutral:
    """The text files of `directory`; traces of its author are left out, systems' names and its own place replaced."""
    files: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    replaced = size = judged = 0
    place = str(directory.resolve())
    for path, length in contents(directory).files.items():
        if why := _unfit(path, length, size):
            left_out[why] += 1
            continue
        data = (directory / path).read_bytes()
        if b"\0" in data:
            left_out["not text"] += 1
            continue
        text = data.decode("utf-8", errors="replace").replace(place, ".")
        if path.lower().endswith(".md"):
            text, verdicts = _VERDICT.subn("", text)
            judged += verdicts
        shown, names = _SYSTEM.subn(NAMELESS, text)
        name, renamed = _SYSTEM.subn(NAMELESS, path)
        files[_free(name, files)] = shown
        replaced += names + renamed
        size += length
    changes = [f"Not shown: {_files(number)}, {why}." for why, number in sorted(left_out.items())]
    if judged:
        changes.append("Not shown: what an earlier judge has said.")
    if replaced:
        changes.append(f"“{NAMELESS}” stands for a system's name, in {replaced} places.")
    return Neutral(dict(sorted(files.items())), tuple(changes))


def is_trace(path: str) -> bool:
    """Whether a system leaves such a file beside its code: it may say who wrote it, and how good it is."""
    return any(fnmatch.fnmatchcase(path, t) or fnmatch.fnmatchcase(path, f"*/{t}") for t in _TRACES)


def _unfit(path: str, length: int, before: int) -> str:
    """Why a file is not shown; empty if it is."""
    if is_trace(path):
        return "could name who wrote it"
    if length > LARGEST_FILE:
        return f"larger than {LARGEST_FILE:,} bytes"
    return "beyond what can be shown at once" if before + length > MOST_BYTES else ""


def _free(name: str, taken: Collection[str]) -> str:
    """`name`, or with a number where several are called so without their systems' names."""
    path = PurePosixPath(name)
    names = (str(path.with_name(f"{path.stem}.{number}{path.suffix}")) for number in itertools.count(2))
    return name if name not in taken else next(each for each in names if each not in taken)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
