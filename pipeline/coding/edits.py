"""Edits in a model's answer: SEARCH/REPLACE blocks and whole files, read strictly, applied tolerantly.

    path/of/file.py
    <<<<<<< SEARCH
    lines that stand in the file
    =======
    lines that take their place
    >>>>>>> REPLACE

The path stands on the last line above the block; a further block without one means the same file. An empty
SEARCH part makes a new file. A path followed by a fenced block is the whole file. Anything else is prose.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline import differences
from pipeline.coding.repository import RefusedPath, Repository

_SEARCH = re.compile(r"\s*<{6,8} ?SEARCH\s*$")
_DIVIDER = re.compile(r"\s*={6,8}\s*$")
_REPLACE = re.compile(r"\s*>{6,8} ?REPLACE\s*$")
_FENCE = re.compile(r"\s*+(`{3,}|~{3,})\s*+([^`]*)$")
_MOST_EDITS, _MOST_DIVIDERS, _MOST_UNCLOSED = 500, 20, 20
"""Of an answer, a block, an answer: what repeats without end would take the square of its length."""
_MOST_SEARCHED, _CHARACTERS = 3_000_000, 50
"""Lines that an answer has searched, once for each reading of a block, and how many characters count as one."""
_COMPARED_LINES, _COMPARED_CHARACTERS, _COMPARED_PLACES = 20, 200, 5000
"""To find the nearest lines."""
_LISTED, _QUOTED = 10, 20_000
"""Places and characters that the model is told of."""
_PATH = re.compile(r"[\w.\-/ ]*(?<=[\w\-])\.\w+|[\w.\-/]*(?:Makefile|Dockerfile|LICENSE)")


class EditError(ValueError):
    """The answer holds no edits that can be applied; the message tells the model what was wrong."""


@dataclass(frozen=True)
class Edit:
    """One change to one file: each reading of a block is a searched text and what takes its place.

    There are several readings, the longest search first, only where a block holds several dividers. A search
    of None is the whole file.
    """

    path: str
    readings: tuple[tuple[str | None, str], ...]


def parse(answer: str) -> list[Edit]:
    """The edits in `answer`, in order. Raises EditError when there are none or one is malformed."""
    lines = answer.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    edits: list[Edit] = []
    position, unclosed = 0, 0
    while position < len(lines):
        line = lines[position]
        if len(edits) > _MOST_EDITS or unclosed > _MOST_UNCLOSED:
            what = f"{_MOST_UNCLOSED} fences that nothing closes" if unclosed else f"{_MOST_EDITS} edits"
            raise EditError(f"The answer holds more than {what}: write whole files instead.")
        if _SEARCH.match(line):
            path = _path_above(lines, position) or (edits[-1].path if edits else None)
            if path is None:
                raise EditError(f"The block in line {position + 1} has no path above SEARCH.")
            edit, position = _block(lines, position, path)
            edits.append(edit)
        elif (fence := _FENCE.match(line)) and not _holds_block(lines, position, fence[1]):
            whole = _path_above(lines, position)
            end = _fence_end(lines, position, fence[1])
            if whole and end is None:
                raise EditError(f"The fenced block of {whole} is not closed: was the answer cut off?")
            if whole and end is not None:
                edits.append(Edit(whole, ((None, "\n".join([*lines[position + 1 : end], ""])),)))
            unclosed += end is None
            position = (end or position) + 1
        elif _REPLACE.match(line):
            raise EditError(f"Line {position + 1} is a REPLACE marker without `<<<<<<< SEARCH` above.")
        else:
            position += 1
    if not edits:
        raise EditError(
            "The answer holds no edits: give the path on a line of its own, then a block of "
            "`<<<<<<< SEARCH`, `=======` and `>>>>>>> REPLACE`, or the whole file in a fenced block."
        )
    return edits


def apply(repository: Repository, edits: Sequence[Edit]) -> Repository:
    """The repository after all edits, one after the other.

    A searched text has to stand in the file exactly once: as it is, or else but for white space, with the
    replacement's indentation moved accordingly. Raises EditError, quoting the nearest lines; then nothing
    is applied.
    """
    searched = 0
    for edit in edits:
        searched += _lines_searched(repository, edit)
        if searched > _MOST_SEARCHED:
            raise EditError(
                f"The answer has {len(edits)} edits, and to look for all their lines in files so long would take "
                f"too much time (more than {_MOST_SEARCHED:,} lines to compare): write whole files instead."
            )
        text = _edited(repository, edit)
        try:
            repository = repository.with_file(edit.path, text)
        except RefusedPath as error:
            raise EditError(f"{edit.path} cannot be written: {error}.") from error
    return repository


def changed(before: Repository, after: Repository) -> tuple[str, ...]:
    """Paths that were added, removed or written anew, sorted."""
    paths = {*before.files, *after.files}
    return tuple(sorted(path for path in paths if before.files.get(path) != after.files.get(path)))


def lines_changed(before: Repository, after: Repository) -> int:
    """Lines that a reviewer has to look at: added, removed, or replaced, a replaced line counting once."""
    count = 0
    for path in changed(before, after):
        old, new = (repository.files.get(path, "").splitlines() for repository in (before, after))
        count += sum(max(b - a, d - c) for a, b, c, d in differences.hunks(old, new))
    return count


def _block(lines: list[str], start: int, path: str) -> tuple[Edit, int]:
    """The block whose SEARCH line is at `start`, and the position after it; blocks inside are its text."""
    depth, dividers = 1, list[int]()
    for position in range(start + 1, len(lines)):
        if _SEARCH.match(lines[position]):
            depth += 1
        elif _DIVIDER.match(lines[position]) and depth == 1:
            dividers.append(position)
        elif _REPLACE.match(lines[position]):
            depth -= 1
            if depth == 0:
                break
    else:
        raise EditError(f"The block for {path} in line {start + 1} is not closed by `>>>>>>> REPLACE`.")
    if not dividers:
        raise EditError(f"The block for {path} in line {start + 1} has no line `=======`.")
    if len(dividers) > _MOST_DIVIDERS:
        raise EditError(
            f"The block for {path} in line {start + 1} has {len(dividers)} lines `=======`: write the whole file."
        )

    def part(first: int, last: int) -> str:
        return "".join(f"{line}\n" for line in lines[first:last])

    readings = tuple((part(start + 1, middle), part(middle + 1, position)) for middle in reversed(dividers))
    return Edit(path, readings), position + 1


def _path_above(lines: list[str], position: int) -> str | None:
    fence = _FENCE.match(lines[position])
    named = fence[2].split()[-1:] if fence else []
    above = [line for line in lines[max(0, position - 3) : position] if line.strip()]
    if above and (opening := _FENCE.match(above[-1])) and not fence:
        named = opening[2].split()[-1:]
        above.pop()
    for candidate in [*reversed(above[-1:]), *named]:
        text = re.sub(
            r"^(?:#+|[-*]|\d+\.)?\s*(?i:(?:file|path|filename)\s*:)?|[`*]|:\s*$", "", candidate.strip()
        )
        if _PATH.fullmatch(text.strip().strip("`*: ")) and " " not in text.strip():
            return text.strip().strip("`*: ").removeprefix("./")
    return None


def _holds_block(lines: list[str], position: int, fence: str) -> bool:
    """Whether a fence is only wrapped around a SEARCH/REPLACE block."""
    following = [line for line in lines[position + 1 : position + 4] if line.strip()]
    return any(_SEARCH.match(line) for line in following[:2])


def _fence_end(lines: list[str], start: int, fence: str) -> int | None:
    """Where a fence closes; fences inside open with a language and close again."""
    depth = 1
    for position in range(start + 1, len(lines)):
        found = _FENCE.match(lines[position])
        if found and found[1][0] == fence[0] and len(found[1]) >= len(fence):
            depth += 1 if found[2].strip() else -1
            if depth == 0:
                return position
    return None


def _lines_searched(repository: Repository, edit: Edit) -> int:
    """What an edit costs, at most."""
    if edit.readings[0][0] is None:
        return 0
    current = repository.files.get(edit.path, "")
    return len(edit.readings) * (current.count("\n") + len(current) // _CHARACTERS)


def _edited(repository: Repository, edit: Edit) -> str:
    search, replacement = edit.readings[0]
    if search is None:
        return replacement
    current = repository.files.get(edit.path)
    if current is None:
        if not search.strip():
            return replacement
        near = differences.nearest(edit.path, repository.files)
        hint = f" Did you mean {near}?" if near else ""
        raise EditError(f"There is no file {edit.path} to search in.{hint} To add it, leave SEARCH empty.")
    if not search.strip():
        if not current.strip():
            return replacement
        raise EditError(f"{edit.path} exists already: an empty SEARCH part is only for new files.")
    newline = "\r\n" if "\r\n" in current else "\n"
    lines = current.replace("\r\n", "\n").split("\n")
    for searched, replacement in edit.readings:
        assert searched is not None  # noqa: S101 - only whole files have none, and they have one reading
        if (result := _replaced(lines, searched, replacement, edit.path)) is not None:
            if result == lines:
                raise EditError(f"A block for {edit.path} changes nothing: SEARCH and REPLACE say the same.")
            return newline.join(result)
    raise EditError(
        f"The SEARCH part of a block does not stand in {edit.path}:\n{_quoted(search)}\n"
        f"The nearest lines there are:\n{_nearest(lines, search)}\nCopy the lines exactly as they stand."
    )


def _replaced(lines: list[str], search: str, replacement: str, path: str) -> list[str] | None:
    """`lines` with the one place of `search` replaced; None without one. Raises EditError for several."""
    wanted, new = search.split("\n")[:-1], replacement.split("\n")[:-1]
    ways: tuple[tuple[bool, Callable[[str], str]], ...] = (
        (False, str),
        (False, str.rstrip),
        (True, _without_space),
    )
    for trimmed, compared in ways:
        if trimmed:
            wanted, new = _without_blank_ends(wanted), _without_blank_ends(new)
        places = list(_places(list(map(compared, lines)), list(map(compared, wanted))))
        if len(places) > 1:
            more = ", …" if len(places) > _LISTED else ""
            listed = ", ".join(str(place + 1) for place in places[:_LISTED]) + more
            raise EditError(
                f"The SEARCH part of a block stands in {path} {len(places)} times (lines {listed}): "
                f"add lines around it until it is unique.\n{_quoted(search)}"
            )
        if places:
            found = lines[places[0] : places[0] + len(wanted)]
            moved = list(_moved(new, wanted, found)) if trimmed else new
            return [*lines[: places[0]], *moved, *lines[places[0] + len(wanted) :]]
    return None


def _places(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
    """Where `wanted` begins in `lines`, in linear time (Knuth, Morris and Pratt)."""
    back = [-1]
    """How much of `wanted` still stands there where the line after so many is another one."""
    for line in wanted:
        known = back[-1]
        while known >= 0 and wanted[known] != line:
            known = back[known]
        back.append(known + 1)
    known = 0
    for position, line in enumerate(lines):
        while known >= 0 and (known == len(wanted) or wanted[known] != line):
            known = back[known]
        known += 1
        if known == len(wanted):
            yield position + 1 - known


def _without_space(line: str) -> str:
    return "".join(line.split())


def _without_blank_ends(lines: list[str]) -> list[str]:
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _moved(new: list[str], wanted: list[str], found: list[str]) -> Iterator[str]:
    """New lines with the indentation of the place; a line that was searched, too, moves as it did."""
    moves = {_indent(line): _indent(old) for line, old in zip(wanted, found, strict=True) if line.strip()}
    first = next(iter(moves.items()))
    for line in new:
        indent = _indent(line)
        if not line.strip():
            yield ""
        elif indent in moves:
            yield moves[indent] + line.lstrip()
        elif indent.startswith(first[0]):
            yield first[1] + indent[len(first[0]) :] + line.lstrip()
        else:
            yield first[1][: max(0, len(first[1]) - len(first[0]) + len(indent))] + line.lstrip()


def _nearest(lines: list[str], search: str) -> str:
    wanted = search.rstrip("\n").split("\n")
    size = len(wanted)
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(_compared(wanted))

    def likeness(start: int) -> float:
        matcher.set_seq1(_compared(lines[start : start + min(size, _COMPARED_LINES)]))
        return matcher.quick_ratio()

    best = max(range(min(max(1, len(lines) - size + 1), _COMPARED_PLACES)), key=likeness)
    return _quoted("\n".join(lines[max(0, best - 1) : best + size + 1]))


def _quoted(text: str) -> str:
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]} …"


def _compared(lines: Sequence[str]) -> str:
    return "\n".join(line[:_COMPARED_CHARACTERS] for line in lines[:_COMPARED_LINES])
