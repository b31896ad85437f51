"""What a directory holds, seen in one walk: no link is followed; number, depth and names are bounded."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NOT_COPIED = frozenset({".git", ".venv", "venv", "__pycache__", "node_modules"})
"""Folders that are no part of a repository's code."""
MOST_ENTRIES = 20_000
"""Files and folders together."""
DEEPEST = 40
"""Folders inside of each other."""


@dataclass(frozen=True)
class Contents:
    """The regular files of a directory that can be named and copied."""

    root: Path
    files: Mapping[str, int]
    """Relative path → size in bytes, sorted."""
    problems: tuple[str, ...] = ()
    """What was left out that could have been part of the code, as sentences."""

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(self.files.values())

    @property
    def python(self) -> list[str]:
        """The Python files' paths, sorted."""
        return [path for path in self.files if path.endswith(".py")]


def contents(directory: Path, most: int = MOST_ENTRIES) -> Contents:
    """The files of `directory`, without environments, caches, links, and whatever else is no regular file.

    After `most` files and folders the rest is left out.
    """
    files: dict[str, int] = {}
    problems: list[str] = []
    for count, (path, entry) in enumerate(_entries(directory, problems)):
        if count >= most:
            problems.append(f"There are more than {most:,} files and folders: the rest was left out.")
            break
        if not path.isprintable():
            problems.append(f"{path[:100]!r} was left out: its name cannot be written down.")
            continue
        with suppress(FileNotFoundError):  # somebody is at work in there
            about = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(about.st_mode):
                continue
            if os.access(entry, os.R_OK, effective_ids=True):
                files[path] = about.st_size
            else:
                problems.append(f"{path[:100]!r} was left out: it may not be read.")
    return Contents(directory, dict(sorted(files.items())), tuple(problems))


def _entries(directory: Path, problems: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    waiting = [("", 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(directory / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            problems.append(f"{folder[:100]!r} could not be read: {error.strerror}.")
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name in NOT_COPIED:
                    continue
                if depth < DEEPEST:
                    waiting.append((path, depth + 1))
                else:
                    problems.append(f"{path[:100]!r} was left out: it is in more than {DEEPEST} folders.")
            yield path, entry
