"""Three-way merge of files: what two sides made of the same texts, in one. Lines are merged by git."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from git import Git, GitCommandError

Texts = Mapping[str, str]
"""Path → text."""


class MergeConflict(Exception):
    """Both sides changed the same places of `paths`."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(f"both sides changed {', '.join(paths)}")
        self.paths = tuple(paths)


def merged(base: Texts, ours: Texts, theirs: Texts) -> dict[str, str]:
    """What both sides have made of `base`. Raises MergeConflict."""
    files, conflicts = dict[str, str](), list[str]()
    for path in sorted({*base, *ours, *theirs}):
        before, mine, other = base.get(path), ours.get(path), theirs.get(path)
        if mine in (before, other):
            text = other
        elif other == before:
            text = mine
        elif mine is None or other is None:
            text = None
            conflicts.append(path)
        else:
            text = _lines(before or "", mine, other)
            conflicts += [path] if text is None else []
        if text is not None:
            files[path] = text
    if conflicts:
        raise MergeConflict(conflicts)
    return files


def _lines(base: str, ours: str, theirs: str) -> str | None:
    """The merged text; None where both changed the same lines."""
    with tempfile.TemporaryDirectory(prefix="paper2code-") as folder:
        names = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(names, (ours, base, theirs), strict=True):
            path.write_bytes(text.encode())
        try:
            Git(folder).merge_file(*map(str, names))
        except GitCommandError as error:
            if isinstance(error.status, int) and 0 < error.status < 128:  # so many conflicts
                return None
            raise
        return names[0].read_bytes().decode()
