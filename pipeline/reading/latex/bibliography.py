"""Citations: what `\\cite` prints, by the list of references where it is there. Pure."""

import re
from dataclasses import dataclass

from pipeline.reading.latex.groups import group
from pipeline.reading.latex.inline import Inline

_NUMBERS = re.compile(
    r"\\usepackage\s*\[(?>[^\]]{0,2000}?\bnumbers\b)[^\]]{0,2000}+\]\s*\{natbib\}|\\setcitestyle\{[^}]{0,2000}?numbers"
    r"|\\bibpunct(\{[^}]{0,200}+\}){3}\{n\}"
    r"|\\usepackage\s*(?:\[(?![^\]]{0,2000}style\s*=\s*(?:author|apa|chicago-author|mla))[^\]]{0,2000}+\]\s*)?\{biblatex\}"
)


@dataclass(frozen=True)
class _Entry:
    index: int
    authors: str
    year: str


class Bibliography:
    """The entries of a document's `thebibliography` by their keys."""

    def __init__(self, source: str) -> None:
        self._numeric = _NUMBERS.search(source) is not None
        self._entries: dict[str, _Entry] = {}
        for index, found in enumerate(re.finditer(r"\\bibitem(?![A-Za-z])", source), 1):
            option = group(source, found.end(), "[", "]")
            key = group(source, option[1] if option else found.end())
            if key:
                label = option[0] if option else ""
                self._entries[key[0].strip()] = _Entry(index, *_authors_and_year(label))

    def cite(self, command: str, keys: list[str], before: str, after: str) -> str:
        """A citation as printed; by its keys where the list of references is not there."""
        before, after = f"{before} " if before else "", f", {after}" if after else ""
        known = [self._entries.get(key) for key in keys]
        if self._numeric or not all(entry and entry.authors for entry in known):
            labels = [str(entry.index) if entry else key for key, entry in zip(keys, known, strict=True)]
            return f"[{before}{', '.join(labels)}{after}]"
        dated = [entry for entry in known if entry]
        if command == "citet":
            return ", ".join(f"{entry.authors} ({entry.year}{after})" for entry in dated)
        return f"({before}{'; '.join(f'{entry.authors}, {entry.year}' for entry in dated)}{after})"


def _authors_and_year(label: str) -> tuple[str, str]:
    """What natbib's label says, e.g. `{Lo et~al.(2020)Lo, Wang}`."""
    bare = re.sub(r"^\s*\{|\\protect|\\citeauthoryear|\\natexlab", "", label)
    dated = re.search(r"[(,{]\s*\{?(\d{4}\w?|n\.d\.)", bare)
    if dated is None:
        return "", ""
    return Inline(lambda command, keys, before, after: "").paragraph(
        bare[: dated.start()].rstrip()
    ), dated.group(1)
