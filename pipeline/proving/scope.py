"""What of the paper is in the repository, in the paper's own terms: counted by program, said in a line. Pure."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from pipeline.planning.plan import ScopeItem

KINDS = {
    "equations": "equation",
    "algorithms": "algorithm",
    "tables": "table",
    "figures": "figure",
    "experiments": "experiment",
    "datasets": "data set",
    "baselines": "baseline",
}
"""Kinds of `reading.inventory.Inventory` in the order of a sentence, with the word for one."""
MOST_NAMED = 8
"""Groups of left-out items that a line names, and items of each."""

_CALLED = {
    "Eq": "Equation",
    "Alg": "Algorithm",
    "Tab": "Table",
    "Fig": "Figure",
    "S": "Section",
    "App": "Appendix",
}
_ANCHOR = re.compile(r"(Eq|Alg|Tab|Fig|S|App)(?=[\dA-Z])(.+)")


def counted(scope: Sequence[ScopeItem], verdicts: Mapping[str, str]) -> dict[str, Any]:
    """`scope` of `execution-report.json`: for each kind how many there are and are covered, and what is left out.

    An item is covered if the audit found one of its requirements at least in part; `verdicts` are by requirement.
    """
    told: dict[str, Any] = {}
    for kind in KINDS:
        items = [item for item in scope if item.kind == kind]
        reasons = [(item, why) for item in items if (why := _why(item, verdicts))]
        told[kind] = {
            "total": len(items),
            "covered": len(items) - len(reasons),
            "left_out": [{"anchor": i.anchor, "label": i.label, "why": why} for i, why in reasons],
        }
    return told


def in_words(scope: Mapping[str, Any] | None, most: int = MOST_NAMED) -> str:
    """The line: "12 of 14 equations, both algorithms; left out: Table 4 (needs people: raters)"; without a full stop.

    Plain text: labels are the paper's words, and reasons the model's. Empty where nobody was asked.
    """
    if not scope:
        return ""
    shares = [_share(scope[kind], word) for kind, word in KINDS.items() if scope[kind]["total"]]
    if not shares:
        return "The paper has nothing that is numbered"
    groups = [
        f"{_listed([_named(kind, item) for item in items])} ({why})"
        for kind in KINDS
        for why, same in groupby(sorted(scope[kind]["left_out"], key=lambda i: i["why"]), lambda i: i["why"])
        if (items := list(same))
    ]
    left = groups[:most] + ([f"and {len(groups) - most} more"] if len(groups) > most else [])
    return ", ".join(shares) + (f"; left out: {', '.join(left)}" if left else "")


def _why(item: ScopeItem, verdicts: Mapping[str, str]) -> str:
    """Why it is not covered; empty: it is."""
    if not item.requirements:
        return item.why
    found = [verdicts.get(name, "implemented") for name in item.requirements]
    if {"implemented", "partial"} & {*found}:
        return ""
    named = zip(item.requirements, found, strict=True)
    return ", ".join(f"{name} {verdict}" for name, verdict in named)


def _share(part: Mapping[str, Any], word: str) -> str:
    covered, total = part["covered"], part["total"]
    if total == 1:
        return f"the {word}" if covered else f"not the {word}"
    words = f"{word}s"
    if covered == total:
        return f"both {words}" if total == 2 else f"all {total} {words}"
    return f"{covered or 'none'} of {total} {words}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _named(kind: str, item: Mapping[str, str]) -> str:
    """An item as people call it."""
    found = _ANCHOR.fullmatch(item["anchor"])
    if kind in ("datasets", "baselines"):
        return str(item["label"])
    return f"{_CALLED[found[1]]} {found[2]}" if found else item["anchor"]
