"""Which passage of the paper a quotation is of, where the same words stand in several. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.planning.plan import ConfigEntry, Configuration, Overview
from pipeline.reading import quotation
from pipeline.reading.paper import Anchor, Paper

_NAMED = 3
"""Places that are named where nothing tells which one is meant."""
_NEAR = 2
"""Entries before and after one that count as its neighbours."""


@dataclass(frozen=True)
class _Quoted:
    name: str
    group: str
    """What it belongs to, as its key says; empty: nothing."""
    quote: str


def anchors(overview: Overview, configuration: Configuration, paper: Paper) -> dict[str, str]:
    """Requirement id or configuration key → where its quotation stands; absent if it is not in the paper.

    Of several places it is the one of which most of its neighbours are, then the one that speaks of its group; where
    neither tells, all of them are named: `Tab2, Tab5`.
    """
    demanded = [_Quoted(item.id, "", item.quote) for item in overview.requirements]
    return _settled(demanded, paper) | sources(configuration.entries, paper)


def sources(entries: Sequence[ConfigEntry], paper: Paper) -> dict[str, str]:
    """Configuration key → where its quotation stands, as in `anchors`."""
    quoted = [_Quoted(e.key, e.key.rpartition(".")[0], e.quote) for e in entries if e.quote]
    return _settled(quoted, paper)


def _settled(items: Sequence[_Quoted], paper: Paper) -> dict[str, str]:
    places = {item.name: paper.places(item.quote) for item in items}
    return {
        item.name: ", ".join(_best(number, items, places, paper))
        for number, item in enumerate(items)
        if places[item.name]
    }


def _best(
    number: int, items: Sequence[_Quoted], places: Mapping[str, Sequence[Anchor]], paper: Paper
) -> list[Anchor]:
    """The place of one of `items`, or several where they are equally likely."""
    item = items[number]
    found = places[item.name]
    if len(found) == 1:
        return list(found)
    near = items[max(0, number - _NEAR) : number + _NEAR + 1]
    beside = [other for other in items if other.group == item.group] if item.group else near
    certain = Counter(places[other.name][0] for other in beside if len(places[other.name]) == 1)
    words = [w for part in item.group.split(".") for w in part.split("_") if len(w) > 1]

    def likely(anchor: Anchor) -> tuple[int, int]:
        told = quotation.reduce(paper.passage(anchor)).replace(quotation.SOFT, quotation.HARD).split()
        return certain[anchor], sum(word in told or word in "".join(told) for word in words)

    most = max(map(likely, found))
    return [anchor for anchor in found if likely(anchor) == most][:_NAMED]
