"""Citations: what `\\cite` prints, by the list of references where it is there. Pure."""

import re
from dataclasses import dataclass

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.groups import arguments, group, skip_blanks, until
from pipeline.reading.latex.inline import Inline

_NUMBERS = re.compile(
    r"\\usepackage\s*\[(?>[^\]]{0,2000}?\bnumbers\b)[^\]]{0,2000}+\]\s*\{natbib\}|\\setcitestyle\{[^}]{0,2000}?numbers"
    r"|\\bibpunct(\{[^}]{0,200}+\}){3}\{n\}"
    r"|\\documentclass\s*(?:\[(?![^\]]{0,2000}?\b(?:rmp|author-year)\b)[^\]]{0,2000}+\])?\s*\{(?:revtex[\w-]*|(?:\w+/)?mdpi)\}"
    r"|\\usepackage\s*(?:\[(?![^\]]{0,2000}style\s*=\s*(?:author|apa|chicago-author|mla))[^\]]{0,2000}+\]\s*)?\{biblatex\}"
)


@dataclass(frozen=True)
class _Entry:
    index: int
    authors: str
    year: str


class Bibliography:
    """The entries of a document's `thebibliography` by their keys."""

    def __init__(self, source: str, budget: Budget) -> None:
        self._budget = budget
        self._numeric = _NUMBERS.search(source) is not None
        self._entries: dict[str, _Entry] = {}
        for index, found in enumerate(re.finditer(r"\\bibitem(?![A-Za-z])", source), 1):
            entry = label_and_key(source, found.end())
            if entry:
                self._entries[entry[1]] = _Entry(index, *_authors_and_year(entry[0]))

    def cite(self, command: str, keys: list[str], before: str, after: str) -> str:
        """A citation as printed; by its keys where the list of references is not there."""
        before, after = f"{before} " if before else "", f", {after}" if after else ""
        known = [self._entries.get(key) for key in keys]
        if self._numeric or not all(entry and entry.authors for entry in known):
            labels = [str(entry.index) if entry else key for key, entry in zip(keys, known, strict=True)]
            return f"[{before}{', '.join(labels)}{after}]"
        dated = [entry for entry in known if entry]
        self._budget.spend(sum(len(entry.authors) + len(entry.year) for entry in dated))
        if command == "citet":
            return ", ".join(f"{entry.authors} ({entry.year}{after})" for entry in dated)
        if command in ("citealp", "Citealp", "citealt", "Citealt"):
            between = ", " if command.endswith("p") else " "
            return f"{before}{'; '.join(f'{entry.authors}{between}{entry.year}' for entry in dated)}{after}"
        return f"({before}{'; '.join(f'{entry.authors}, {entry.year}' for entry in dated)}{after})"


def label_and_key(text: str, position: int) -> tuple[str, str, int] | None:
    """What stands behind a `\\bibitem`: its label (empty: none), its key, and where its text begins."""
    start = skip_blanks(text, position)
    label = None
    if text.startswith("[", start):
        # With all authors it can be longer than other options; it ends before the next entry.
        following = text.find("\\bibitem", start)
        label = until(text, start + 1, "]", following if following >= 0 else None)
    key = group(text, label[1] if label else position)
    return (label[0] if label else "", key[0].strip(), key[1]) if key else None


def _authors_and_year(label: str) -> tuple[str, str]:
    """What natbib's label says, e.g. `{Lo et~al.(2020)Lo, Wang}`."""
    plain = Inline(lambda command, keys, before, after: "").paragraph
    whole = group(label, 0)
    written = whole[0] if whole and whole[1] == len(label) else label
    if (authors := until(written, 0, "(")) and (year := until(written, authors[1], ")")):
        return plain(authors[0]), plain(re.sub(r"\\natexlab(?![A-Za-z])", "", year[0]))
    if (said := re.search(r"\\citeauthoryear(?![A-Za-z])", label)) and (
        full := arguments(label, said.end(), 3)
    ):
        # All authors, those that are printed, and the year.
        return plain(full[0][1]), plain(full[0][2])
    bare = re.sub(r"^\s*\{|\\protect|\\citeauthoryear|\\natexlab", "", label)
    dated = re.search(r"[(,{]\s*\{?(\d{4}\w?|n\.d\.)", bare)
    if dated is None:
        return "", ""
    return plain(bare[: dated.start()].rstrip()), dated.group(1)
