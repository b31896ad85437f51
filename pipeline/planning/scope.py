"""Scope: what becomes of everything that the paper contains. Pure; findings are sentences for the model.

The denominator is the paper's: a program counts what is there (`reading/inventory.py`), the model says of each item
which requirements implement it or why it is left out, and what it does not place counts as left out too.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from pipeline.planning.plan import OpenQuestion, Placement, ScopeItem
from pipeline.reading.inventory import Inventory

UNPLACED = "unplaced"
ASKED = "asked for by the person"
BEYOND = "beyond the budget"
_SHORT = 70
"""Characters of a label as the model sees it."""
_CODED = {"datasets": "Data", "baselines": "Base"}
"""What has no number of its own gets one."""

_RANGE = re.compile(r"[-\u2013:]|\.\.|\bto\b")
_NUMBERED = re.compile(r"(?:(?:Algorithm|Figure|Table|Listing)\s+[\w.]++:?|[\d.]++)\s+")
_PARTS = re.compile(
    r"experiment|\btab(?:le)?s?\b|\bfig(?:ure)?s?\b|\[?\b(?:Tab|Fig|App)[A-Z]?\d|baseline|data ?sets?\b|benchmark"
    r"|ablation|evaluation|comparison|\bstud(?:y|ies)\b|\bjudge|appendi",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"\bleft out|\bleav\w+ (?:\w+ ){0,4}?out\b|\bomit|\bskip(?:ped|s)?\b|\bout of scope|\bexclud|\bdropped\b"
    r"|\bnot (?:be )?(?:implement|reproduc|includ|cover|attempt|re-?run|run\b|part of)|\b(?:is|are) no part of",
    re.IGNORECASE,
)
_OF_THE_PAPER = re.compile(
    r"\b(?:papers?|authors?|text|caption|sections?|tables?|figures?|equations?|algorithms?|they"
    r"|(?:S|App|Tab|Fig|Eq|Alg)[A-Z]?\d[\w.]*+)\]?(?: (?!is\b|are\b|was\b|were\b|be\b)\w+){0,2}? "
    r"(?:omit|leave|skip|exclude|drop|does not|do not|did not)(?:s|d|ted|ped)?\b",
    re.IGNORECASE,
)
"""The paper itself leaves something out: a reason for a question, and nothing that we leave out."""
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")
_FEW = 6
"""Words of a sentence that does not name what it is about."""


def inventoried(inventory: Inventory) -> tuple[ScopeItem, ...]:
    """All that the paper contains, each item left out as yet."""
    return tuple(
        ScopeItem(kind=kind, anchor=item.anchor, label=item.label, why=UNPLACED, own=item.own)
        for kind, items in vars(inventory).items()
        for item in items
    )


def listed(items: Sequence[ScopeItem]) -> str:
    """The items by the names that placements use, a line for each kind; equations by their numbers alone."""
    names, lines = _names(items), []
    for kind, group in groupby(range(len(items)), key=lambda place: items[place].kind):
        places = list(group)
        if kind == "equations":
            told = [names[place] for place in places]
        else:
            labels = (_short(items[place].label) for place in places)
            told = [f"{names[place]} {label}" for place, label in zip(places, labels, strict=True)]
        lines.append(f"{kind}: {'; '.join(told)}")
    return "\n".join(lines)


def placed(
    items: Sequence[ScopeItem], places: Sequence[Placement], requirements: Collection[str], wished: bool
) -> tuple[ScopeItem, ...]:
    """`items` as they are placed: the `requirements` that there are implement them, or a reason is given."""
    settled = list(items)
    for place in places:
        ids = tuple(name for name in place.requirements if name in requirements)
        if not ids and _unreasoned(place, wished):
            continue
        for index in (index for name in place.items for index in _meant(name, items)):
            # What something implements is not left out, whatever another placement says.
            known = tuple(dict.fromkeys((*settled[index].requirements, *ids)))
            told = {"requirements": known, "why": "" if known else _why(place)}
            settled[index] = items[index].model_copy(update=told)
    return tuple(settled)


def within(items: Sequence[ScopeItem], requirements: Collection[str]) -> tuple[ScopeItem, ...]:
    """`items` where only these requirements are implemented: what needed others is beyond the budget."""
    told = []
    for item in items:
        left = tuple(name for name in item.requirements if name in requirements)
        why = item.why if left or not item.requirements else BEYOND
        told.append(item.model_copy(update={"requirements": left, "why": why}))
    return tuple(told)


def check(
    items: Sequence[ScopeItem], places: Sequence[Placement], requirements: Collection[str], wished: bool
) -> list[str]:
    """Every item has a place, and every name that a placement uses means something."""
    return [
        *(finding for place in places for finding in _placement_findings(place, items, requirements, wished)),
        *_unplaced_findings(placed(items, places, requirements, wished)),
    ]


def drops(question: OpenQuestion) -> bool:
    """Whether an open question says that a part of the paper is left out, which is no question."""
    for sentence in _SENTENCE.split(f"{question.assumption}. {question.why}"):
        told = sentence if len(sentence.split()) > _FEW else f"{question.question} {sentence}"
        if _leaves_out(sentence) and _PARTS.search(told):
            return True
    return bool(_leaves_out(question.question) and _PARTS.search(question.question))


def _leaves_out(sentence: str) -> bool:
    return bool(_LEFT_OUT.search(_OF_THE_PAPER.sub("", sentence)))


def _short(label: str) -> str:
    """Without the number that the name has already."""
    numbered = _NUMBERED.match(label)
    return (label[numbered.end() :] if numbered else label)[:_SHORT]


def _names(items: Sequence[ScopeItem]) -> list[str]:
    counted = dict.fromkeys(_CODED, 0)
    names = []
    for item in items:
        if item.kind in _CODED:
            counted[item.kind] += 1
            names.append(f"{_CODED[item.kind]}{counted[item.kind]}")
        else:
            names.append(item.anchor)
    return names


def _meant(name: str, items: Sequence[ScopeItem]) -> list[int]:
    """Places of the items that a name or a range means; none where it means nothing."""
    names, wanted = [known.casefold() for known in _names(items)], name.strip().strip("[]`").casefold()
    labels = [item.label.casefold() for item in items]
    if found := [i for i, known in enumerate(names) if known == wanted or labels[i] == wanted]:
        return found
    for cut in _RANGE.finditer(wanted):
        first, last = wanted[: cut.start()].strip(" []"), wanted[cut.end() :].strip(" [].")
        if first in names and last in names:
            start, end = names.index(first), len(names) - 1 - names[::-1].index(last)
            within = range(start, end + 1)
            return list(within) if len({items[i].kind for i in within}) == 1 else []
    return []


def _unreasoned(place: Placement, wished: bool) -> bool:
    """Whether it gives no reason that can be given."""
    return place.reason is None or (place.reason == ASKED and not wished)


def _why(place: Placement) -> str:
    said = place.why.strip().rstrip(".")
    return f"{place.reason}: {said}" if said and place.reason != ASKED else str(place.reason)


def _placement_findings(
    place: Placement, items: Sequence[ScopeItem], requirements: Collection[str], wished: bool
) -> Iterator[str]:
    named = ", ".join(place.items)
    for name in place.items:
        if not _meant(name, items):
            yield f"{name!r} is not in the inventory: use its names, and ranges of one kind only."
    for name in place.requirements:
        if name not in requirements:
            yield f"{named}: {name!r} is not a requirement whose quotation holds."
    if place.requirements and place.reason:
        yield f"{named}: either requirements implement it or there is a reason why it is left out, not both."
    if not place.requirements and place.reason == ASKED and not wished:
        yield f"{named}: nobody asked to leave anything out."
    elif not place.requirements and (
        place.reason is None or not (place.why.strip() or place.reason == ASKED)
    ):
        yield f"{named}: name the requirements that implement it, or a reason and what it is that needs it."


def _unplaced_findings(settled: Sequence[ScopeItem]) -> Iterator[str]:
    names = _names(settled)
    for kind, group in groupby(range(len(settled)), key=lambda place: settled[place].kind):
        if open_ := [names[place] for place in group if settled[place].why == UNPLACED]:
            yield f"These {kind} have no place: {', '.join(dict.fromkeys(open_))}."
