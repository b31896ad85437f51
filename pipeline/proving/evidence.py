"""Evidence: a place in the code that a model names and a program looks up, and what is held of a requirement there."""

import ast
import io
import tokenize
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

from pydantic import Field

from pipeline.coding.checks.settings import symbols
from pipeline.planning.plan import Answer, Requirement
from sandbox import syntax

Judged = Literal["implemented", "partial", "missing", "deviates"]
Verdict = Judged | Literal["unread"]
"""`unread`: nobody was paid to look."""


class Code(Protocol):
    """Files that evidence is looked up in: a Repository, or what a judge reads of any directory."""

    @property
    def files(self) -> Mapping[str, str]:
        """Path → text."""
        ...

    def python_files(self) -> dict[str, str]:
        """Sorted by path."""
        ...


class Evidence(Answer):
    """A place in the code, as the model names it."""

    file: str
    symbol: str = Field(description="function, Class or Class.method; empty for module level or config.yaml")
    line: str = Field(description="One line of code from there, copied exactly, without indentation")


@dataclass(frozen=True)
class Place:
    """Evidence that was looked up: lines `start` to `end` of `file`, 1-based, inclusive."""

    file: str
    start: int
    end: int
    symbol: str


@dataclass(frozen=True)
class Finding:
    """What is held of one requirement."""

    requirement: Requirement
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    note: str

    def places(self, repository: Code) -> tuple[Place, ...]:
        """Where the evidence stands in `repository`; what is no longer there is left out."""
        located = dict.fromkeys(locate(evidence, repository) for evidence in self.evidence)
        return tuple(place for place in located if isinstance(place, Place))


def locate(evidence: Evidence, repository: Code) -> Place | str:
    """Where the evidence stands, or a sentence on why it does not."""
    source = repository.files.get(evidence.file)
    if source is None:
        return f"there is no file {evidence.file}"
    first, last = 1, len(source.split("\n"))
    if evidence.symbol:
        known = symbols(source) if evidence.file.endswith((".py", ".ipynb")) else {}
        if evidence.symbol not in known:
            return f"{evidence.file} defines no {evidence.symbol}"
        first, last = known[evidence.symbol]
    number = line_of(evidence, repository, first, last)
    if number is None:
        return f"`{evidence.line.strip()}` does not stand in {evidence.symbol or evidence.file}"
    if evidence.symbol:
        return Place(evidence.file, first, last, evidence.symbol)
    return Place(evidence.file, number, number, "")


def line_of(evidence: Evidence, repository: Code, first: int, last: int) -> int | None:
    """The first of these lines that is the evidence's, with its comment or without; None: there is none."""
    wanted = evidence.line.strip()
    numbers = _numbers(repository.files[evidence.file], evidence.file.endswith(".py")).get(wanted, [])
    at = bisect_left(numbers, first)
    return numbers[at] if wanted and at < len(numbers) and numbers[at] <= last else None


@lru_cache(maxsize=64)
def _numbers(source: str, python: bool) -> Mapping[str, list[int]]:
    """Each line, with its comment and without, and where it stands, in order."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    lines = source.split("\n")
    for number, (line, code) in enumerate(zip(lines, bare(source) if python else lines, strict=True), 1):
        for each in {line.strip(), line.strip().split("  #")[0].strip(), code.strip()}:
            found[each].append(number)
    return found


@lru_cache(maxsize=64)
def bare(source: str) -> tuple[str, ...]:
    """The lines of a Python file without comments and docstrings; all of them where it does not parse."""
    lines = source.split("\n")
    try:
        tree = syntax.tree(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return tuple(lines)
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _without_docstring(node, lines)
    return tuple(lines)


def _without_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]
) -> None:
    if ast.get_docstring(node, clean=False) is None:
        return
    said, *rest = node.body
    first, last = said.lineno, said.end_lineno or said.lineno
    shares_a_line = first == getattr(node, "lineno", 0) or any(other.lineno == last for other in rest[:1])
    if not shares_a_line:
        lines[first - 1 : last] = [""] * (last - first + 1)
        if not rest and not isinstance(node, ast.Module):
            lines[first - 1] = f"{' ' * said.col_offset}..."


def without_comments(source: str) -> str:
    """A Python file as whoever judges it is shown it: what its author says about it is gone, lines and all."""
    pairs = zip(bare(source), source.split("\n"), strict=True)
    return "\n".join(line for line, was in pairs if line.strip() or not was.strip())
