"""What of the paper is in the repository, in the paper's own terms: counted by program, said in a line. Pure."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from pipeline.planning.plan import ScopeItem

KINDS = {
    "equations": ("numbered equation", "numbered equations"),
    "algorithms": ("algorithm", "algorithms"),
    "tables": ("table", "tables"),
    "figures": ("figure", "figures"),
    "experiments": ("section of experiments", "sections of experiments"),
    "datasets": ("data set of its tables", "data sets of its tables"),
    "baselines": ("baseline of its tables", "baselines of its tables"),
}
"""Kinds of `reading.inventory.Inventory` in the order of a sentence, with the words for one and for several.

They say what a program has counted: a section may describe two experiments, and a text compare with what no table has.
"""
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
_SEVERAL = {"Appendix": "Appendices"}
_UNNUMBERED = ("datasets", "baselines")
_PAIR = 2
_ANCHOR = re.compile(r"(Eq|Alg|Tab|Fig|S|App)(?=[\dA-Z])(.+)")
_COUNTED = re.compile(r"(.*?)(\d{1,6})")


def counted(scope: Sequence[ScopeItem], verdicts: Mapping[str, str]) -> dict[str, Any]:
    """`scope` of `execution-report.json`: for each kind how many there are and are covered, and what is left out.

    An item is covered if the audit found one of its requirements at least in part; `verdicts` are by requirement. The
    paper's own method is no baseline.
    """
    told: dict[str, Any] = {}
    for kind in KINDS:
        items = [item for item in scope if item.kind == kind and not item.own]
        reasons = [(item, why) for item in items if (why := _why(item, verdicts))]
        told[kind] = {
            "total": len(items),
            "covered": len(items) - len(reasons),
            "left_out": [{"anchor": i.anchor, "label": i.label, "why": why} for i, why in reasons],
            "placed": [
                {"anchor": i.anchor, "label": i.label, "requirements": list(i.requirements)}
                for i in items
                if i.requirements
            ],
        }
    return told


def items_of(told: Mapping[str, Any]) -> tuple[ScopeItem, ...]:
    """What `counted` has counted, of each kind what requirements were to implement first."""
    found = list[ScopeItem]()
    for kind, part in told.items():
        placed = [ScopeItem(kind=kind, **item) for item in part.get("placed", ())]
        names = {(item.anchor, item.label) for item in placed}
        left = [ScopeItem(kind=kind, **item) for item in part["left_out"]]
        found += [*placed, *(item for item in left if (item.anchor, item.label) not in names)]
    return tuple(found)


def recounted(told: Mapping[str, Any] | None, verdicts: Mapping[str, str]) -> Mapping[str, Any] | None:
    """`told` with other verdicts; as it is where it does not say which requirements implement what."""
    if not told or any("placed" not in part for part in told.values()):
        return told
    return counted(items_of(told), verdicts)


def in_words(scope: Mapping[str, Any] | None, most: int = MOST_NAMED) -> str:
    """The line: "2 of 4 numbered equations, both algorithms; left out: Table 4 (needs people)"; without a full stop.

    Plain text: labels are the paper's words, and reasons the model's. Empty where nobody was asked.
    """
    if not scope:
        return ""
    shares = [_share(scope[kind], *words) for kind, words in KINDS.items() if scope[kind]["total"]]
    if not shares:
        return "The paper has nothing that is numbered"
    groups = [
        f"{_listed(kind, items)} ({why})"
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


def _share(part: Mapping[str, Any], word: str, words: str) -> str:
    covered, total = part["covered"], part["total"]
    if total == 1:
        return f"the {word}" if covered else f"not the {word}"
    if covered == total:
        return f"both {words}" if total == 2 else f"all {total} {words}"
    return f"{covered or 'none'} of {total} {words}"


def _listed(kind: str, items: Sequence[Mapping[str, str]]) -> str:
    """Items as people call them: `Equation 3, Equations 5 to 9`; what is one after the other stands together."""
    rows: list[list[Mapping[str, str]]] = []
    for item in items:
        if rows and kind not in _UNNUMBERED and _follows(rows[-1][-1]["anchor"], item["anchor"]):
            rows[-1].append(item)
        else:
            rows.append([item])
    named = []
    for row in rows[:MOST_NAMED]:
        if len(row) > _PAIR:
            word, first = _called(row[0]["anchor"])
            named.append(f"{_SEVERAL.get(word, f'{word}s')} {first} to {_called(row[-1]['anchor'])[1]}")
        else:
            named += [
                item["label"] if kind in _UNNUMBERED else " ".join(_called(item["anchor"])).strip()
                for item in row
            ]
    more = sum(map(len, rows[MOST_NAMED:]))
    return ", ".join(named) + (f" and {more} more" if more else "")


def _follows(before: str, after: str) -> bool:
    first, second = _COUNTED.fullmatch(before), _COUNTED.fullmatch(after)
    return bool(first and second and first[1] == second[1] and int(second[2]) == int(first[2]) + 1)


def _called(anchor: str) -> tuple[str, str]:
    """The word for what an anchor names, and its number."""
    found = _ANCHOR.fullmatch(anchor)
    return (_CALLED[found[1]], found[2]) if found else (anchor, "")
