"""Which files a judge is shown: an index of all first, then of the files those that a question needs, in words ranked.

Names and places of files decide nothing but where equal words are: renamed, they are ranked as before.
"""

import ast
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.model.asking import block
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import NOTEBOOK, Sources

MOST_CODE = 60_000
"""Tokens of code in one question: more is paid for by every answer, and read less well."""
UNKNOWN_WINDOW = 128_000
"""Tokens of a model whose window nobody knows."""
ANSWER = 24_000
"""Tokens that a question keeps free for its own words, its answer and what is thought before it."""
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMON = {
    "the", "a", "an", "of", "and", "or", "in", "to", "for", "is", "are", "be", "as", "by", "with", "on", "that",
    "this", "it", "its", "has", "have", "been", "can", "used", "use", "using", "which", "each", "from", "at",
    "not", "self", "return", "import", "def", "class", "none", "true", "false", "if", "else", "paper",
    "implemented", "code",
}  # fmt: skip
_UNUSED = 0.2
"""What a file that nothing uses counts, against one that is used."""
_MOST_COPIES = 5
"""That are named."""
_MOST_OTHERS = 60
"""Files that are named and not shown."""


def words(text: str) -> Iterator[str]:
    """The parts of names and prose, small; `maskNet_train2` has four."""
    for part in _PART.findall(text):
        word = part.lower()
        if word not in _COMMON and len(word) > 1:
            yield word


def tokens(text: str) -> int:
    """About as many as a model counts."""
    return len(text) // 4


def room(window: int | None, paper: int) -> int:
    """Tokens of code that fit into a question behind a paper of so many."""
    return max(min((window or UNKNOWN_WINDOW) - paper - ANSWER, MOST_CODE), 0)


@dataclass(frozen=True)
class Shelf:
    """The files of a repository, ready to be chosen from."""

    sources: Sources
    reach: Reach

    @cached_property
    def _by_text(self) -> Mapping[str, list[str]]:
        """Text → paths, those that are used before those that are not."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self.sources.files, key=lambda path: (self._unused(path), path)):
            if self.sources.files[path].strip():
                found[self.sources.files[path]].append(path)
        return dict(found)

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        """Paths, one for each text: copies bring nothing new."""
        return tuple(paths[0] for paths in self._by_text.values())

    def shown_as(self, path: str) -> str:
        """The path that the text of this one is shown by; empty where there is no text."""
        return next(iter(self._by_text.get(self.sources.files.get(path, ""), ())), "")

    def copies(self, path: str) -> str:
        """Where else the text of a path stands, so that nobody misses it there; empty if nowhere."""
        others = self._by_text[self.sources.files[path]][1:]
        more = f" and {len(others) - _MOST_COPIES} more" if len(others) > _MOST_COPIES else ""
        return ", ".join(others[:_MOST_COPIES]) + more

    @cached_property
    def size(self) -> int:
        """Tokens of all of them."""
        return sum(tokens(self.sources.files[path]) + 20 for path in self.distinct)

    @cached_property
    def _counts(self) -> Mapping[str, Counter[str]]:
        return {path: Counter(words(f"{path} {self.sources.files[path]}")) for path in self.distinct}

    @cached_property
    def _rarity(self) -> Mapping[str, float]:
        held: Counter[str] = Counter()
        for counts in self._counts.values():
            held.update(counts.keys())
        return {word: math.log(1 + len(self._counts) / number) for word, number in held.items()}

    def ranked(self, text: str) -> list[str]:
        """Paths, those first that have most of a text's words (BM25)."""
        asked = Counter(words(text))
        mean = sum(counts.total() for counts in self._counts.values()) / max(len(self._counts), 1) or 1.0

        def score(path: str) -> float:
            counts = self._counts[path]
            longer = 0.25 + 0.75 * counts.total() / mean
            found = sum(
                self._rarity[word] * min(number, 3) * counts[word] * 2.2 / (counts[word] + 1.2 * longer)
                for word, number in asked.items()
                if word in counts
            )
            return found * (_UNUSED if self._unused(path) else 1.0)

        scores = {path: score(path) for path in self._counts}
        return sorted(scores, key=lambda path: (-scores[path], len(self.sources.files[path]), path))

    def index(self, first: Iterable[str], most: int) -> str:
        """Paths and what they define, of as many files as `most` tokens hold, then paths, then a count."""
        parts, spent, rest = [], 0, []
        for path in first:
            copies = self.copies(path)
            name = f"{path} (the same: {copies})" if copies else path
            entry = f"{name}{_outline(self.sources, path)}"
            if spent + tokens(entry) > most * 3 // 4:
                entry = name
            if spent + tokens(entry) > most:
                rest.append(path)
                continue
            parts.append(entry)
            spent += tokens(entry) + 1
        if rest:
            parts.append(f"… and {len(rest):,} more files that have less of the words that are asked about")
        return "\n".join(parts)

    def fitting(self, paths: Iterable[str], most: int) -> dict[str, str]:
        """Of the files, in this order, those that `most` tokens hold; the first is cut if it alone is longer."""
        shown: dict[str, str] = {}
        spent = 0
        for path in dict.fromkeys(paths):
            text = self.sources.files[path]
            cost = tokens(text) + 20
            if spent + cost <= most:
                shown[path] = text
                spent += cost
            elif not shown:
                kept = text[: 4 * most].rpartition("\n")[0]
                shown[path] = kept
                spent = most
        return shown

    def _unused(self, path: str) -> bool:
        return bool(self.reach.unused(path, 1)) and path in self.sources.trees and not self._any_live(path)

    def _any_live(self, path: str) -> bool:
        return path in self._live_paths

    @cached_property
    def _live_paths(self) -> Collection[str]:
        return {self.reach.units[number].path for number in self.reach.live}


def named(sources: Sources) -> str:
    """The names of the files that code may read and that nobody is shown, as a block; empty where there are none."""
    if not sources.others:
        return ""
    more = len(sources.others) - _MOST_OTHERS
    listed = [*sources.others[:_MOST_OTHERS], *([f"… and {more:,} more"] if more > 0 else [])]
    return block("files", "\n".join(listed))


def _outline(sources: Sources, path: str) -> str:
    """What a file defines, a line each; of a notebook its code, of what is no Python how long it is."""
    tree = sources.trees.get(path)
    if path.endswith(NOTEBOOK):
        lines = sources.files[path].split("\n")
        return "".join(f"\n  {line[:120]}" for line in lines[:60])
    if tree is None:
        return f" ({len(sources.files[path].splitlines())} lines)"
    lines = []
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                lines.append(f"{node.name}({ast.unparse(node.args)[:120]})")
            case ast.ClassDef():
                bases = ", ".join(ast.unparse(base) for base in node.bases)
                methods = [n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
                lines.append(f"class {node.name}({bases[:80]}): {', '.join(methods)}")
    return "".join(f"\n  {line}" for line in lines)
