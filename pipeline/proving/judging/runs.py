"""What a run has shown, as a judge reads it: of a report of ours, or of PaperBench's `reproduce.log`."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """The numbers of at least three digits that the code holds as constants, and in which file."""
    return {
        node.value: path
        for path, tree in sources.trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and _digits(repr(node.value)) >= 3
    }


def written_down(line: str, known: dict[float, str]) -> str:
    """Why a line of a log shows nothing, as a sentence: all that it measures stands in the code."""
    numbers = [float(text) for text in _MEASURED.findall(line) if _digits(text) >= 3]
    files = [known.get(n) or known.get(round(n / 100, 12)) or known.get(round(n * 100, 12)) for n in numbers]
    if files and all(files):
        return f"{numbers[0]:g} stands in {files[0]} as a constant"
    return ""


def _digits(number: str) -> int:
    return len(number.partition("e")[0].replace(".", "").strip("-").strip("0"))
