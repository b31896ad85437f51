"""What a run has shown, as a judge reads it: of a report of ours, or of PaperBench's `reproduce.log`."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.proving.judging.computing import SHOWING, last
from pipeline.proving.judging.sources import Sources
from sandbox.contents import contents

LOG = "reproduce.log"
"""What a run has said and made, named as if it were a file of the repository."""
CREATED = "reproduce.log.creation_time"
"""PaperBench's: the second in which the run began; what is newer beside it, the run has made."""
_MADE = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".tex", ".yaml", ".yml", ".html", ".xml")
_LARGEST, _MOST = 20_000, 100
"""Bytes of a made file that are shown, and files."""
_MEASURED = re.compile(r"-?\d{1,12}\.\d{1,12}")
_COUNTED = re.compile(r"(?<![\w.,])-?\d{3,12}(?![\w,]|\.\d)")
_FEWEST_DIGITS = 3
"""Of a number that tells anything, without zeros around it."""
_SMALL = 1000
"""Whole numbers below it are sizes and seeds."""
_LARGEST_WHOLE = 10**12


@dataclass(frozen=True)
class Ran:
    """What decides about execution and results; empty: nothing was run."""

    text: str = ""

    def within(self, tokens: int) -> str:
        """Its beginning and its end, where all of it is more than so many tokens."""
        if len(self.text) <= 4 * tokens:
            return self.text
        half = 2 * tokens
        return f"{self.text[:half]}\n[… {len(self.text) - 2 * half:,} characters left out …]\n{self.text[-half:]}"


NOT_RUN = Ran()


def ran(path: Path) -> Ran:
    """What a file shows: a report of `execute --json`, else a log. Raises ValueError."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if path.suffix == ".json":
        return Ran(_of_report(text))
    if not text.strip():
        raise ValueError("it is empty: a run that says nothing shows nothing")
    return Ran("\n".join([text.strip(), *_made(path)]))


def _of_report(text: str) -> str:
    try:
        report = json.loads(text)
        told: dict[str, Any] = {name: report[name] for name in ("mode", "status", "metrics", "attempts")}
        last = told.pop("attempts")[-1]
        said = [last["stdout_tail"], last["stderr_tail"]]
        lines = [f"{name}: {value}" for name, value in told.items() if name != "metrics"]
        lines += [f"metric {name}: {value}" for name, value in told["metrics"].items()]
    except (json.JSONDecodeError, RecursionError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("it is no execution report") from error
    if told["mode"] != "full":
        raise ValueError("a smoke run on synthetic data shows no results: it takes a full one")
    return "\n".join([*lines, *said]).strip()


def _made(log: Path) -> Iterator[str]:
    """What is newer than the run's beginning beside its log, if that is written down."""
    try:
        began = float((log.parent / CREATED).read_text().strip())
    except (OSError, ValueError):
        return
    made = 0
    for path, size in contents(log.parent).files.items():
        file = log.parent / path
        if made == _MOST or file == log or file.name == CREATED or file.stat().st_mtime < began:
            continue
        made += 1
        yield f"[made by the run] {path}, {size:,} bytes"
        if file.suffix in _MADE:
            yield file.read_text(encoding="utf-8", errors="replace").replace("\0", "")[:_LARGEST]


def literals(sources: Sources) -> dict[float, str]:
    """The numbers of at least three digits that the code holds as constants or in its texts, and in which file."""
    return {
        number: path
        for path, tree in sources.trees.items()
        for node in ast.walk(tree)
        for number in _held(node)
        if _digits(repr(number)) >= _FEWEST_DIGITS
    }


def _held(node: ast.AST) -> Iterator[float]:
    """The numbers of a constant; small whole ones only where they are shown as they are."""
    match node:
        case ast.Constant(value=float(number)):
            yield number
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int(number)) if _is_told(number):
            yield float(number)
        case ast.Constant(value=str(text)):
            yield from map(float, _MEASURED.findall(text))
            yield from filter(_is_told, map(float, _COUNTED.findall(text)))
        case ast.Call(args=args) if last(node.func) in SHOWING:
            for value in args:
                if isinstance(value, ast.Constant) and isinstance(value.value, int):
                    yield float(value.value) if abs(value.value) < _LARGEST_WHOLE else 0.0


def _is_told(number: float) -> bool:
    """Whether a whole number is one that nobody would choose for a size."""
    whole = int(abs(number))
    return _SMALL <= whole < _LARGEST_WHOLE and whole & (whole - 1) != 0


def written_down(line: str, known: dict[float, str]) -> str:
    """Why a line of a log shows nothing, as a sentence: all that it measures, or counts, stands in the code."""
    for pattern in (_MEASURED, _COUNTED):
        numbers = [float(text) for text in pattern.findall(line) if _digits(text) >= _FEWEST_DIGITS]
        files = [next((known[m] for m in _written_as(n) if m in known), "") for n in numbers]
        if numbers:
            return f"{numbers[0]:g} stands in {files[0]} as a constant" if all(files) else ""
    return ""


def _written_as(number: float) -> Iterator[float]:
    """A number, and the same as a percentage or a share."""
    yield number
    if abs(number) <= 1:
        yield round(number * 100, 12)
    elif abs(number) <= 100:
        yield round(number / 100, 12)


def _digits(number: str) -> int:
    return len(number.partition("e")[0].replace(".", "").strip("-").strip("0"))
