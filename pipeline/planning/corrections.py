"""Corrections: what a later step says of an earlier one that it finds wrong. Pure.

In an answer of prose a correction is three or four lines of its own, as `prompts/correcting.md` says.
"""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from pipeline.planning.plan import ConfigEntry, Configuration, Correction, Plan
from pipeline.reading.paper import Paper
from pipeline.untrusted import Unreadable, of_yaml

_PARTS = ("overview", "architecture", "logic")
"""Of a plan, what is written for people."""
_CORRECTION = re.compile(
    r"^CORRECTION of (?P<where>.+)\n+WRONG: (?P<wrong>.+)\n+RIGHT: (?P<right>.+)(?:\n+PAPER:(?P<quote>.*))?\n?",
    re.MULTILINE,
)


_LEAF = re.compile(r"`?(?:[\w.]*\.)?(?P<name>\w+): (?P<value>[^`\n]+)`?")
"""Of `config.yaml`, as a correction names it."""


def separated(text: str) -> tuple[str, tuple[Correction, ...]]:
    """What an answer says besides its corrections, and these."""
    found = tuple(
        Correction(**{name: (said or "").strip() for name, said in match.groupdict().items()})
        for match in _CORRECTION.finditer(text)
    )
    return _CORRECTION.sub("", text).strip(), found


def shown(correction: Correction, paper: Paper) -> Correction:
    """The correction with its quotation, if that is in the paper."""
    held = not correction.quote or paper.find(correction.quote)
    return correction if held else correction.model_copy(update={"quote": ""})


def applied(plan: Plan) -> tuple[Plan, list[Correction]]:
    """The plan as it reads with its corrections, and those of which it is not plain which words are meant.

    Plain is what stands once in the prose of the part that a correction names, or of all parts; of `config.yaml` a
    leaf, `name: value`, that stands once.
    """
    left = list[Correction]()
    for correction in plan.corrections:
        if configuration := _configured(plan.configuration, correction):
            plan = plan.model_copy(update={"configuration": configuration})
            continue
        named = [part for part in _PARTS if part in correction.where.lower()]
        for parts in (named, _PARTS):
            told = {part: getattr(plan, part) for part in parts}
            said = {part: value.model_dump() for part, value in told.items()}
            places = [text for value in said.values() for text in _prose(value) if correction.wrong in text]
            if len(places) == 1 and places[0].count(correction.wrong) == 1:
                right = places[0].replace(correction.wrong, correction.right)
                mended = {p: type(told[p]).model_validate(_with(said[p], places[0], right)) for p in parts}
                plan = plan.model_copy(update=mended)
                break
        else:
            left.append(correction)
    return plan, left


def _configured(configuration: Configuration, correction: Correction) -> Configuration | None:
    """With another value at the one leaf that the correction names; None: it names none."""
    wrong, right = (_LEAF.fullmatch(said.strip()) for said in (correction.wrong, correction.right))
    if "config" not in correction.where.lower() or not wrong or not right or wrong["name"] != right["name"]:
        return None
    try:
        old, new = _frozen(of_yaml(wrong["value"])), _frozen(of_yaml(right["value"]))
    except Unreadable:
        return None
    named = [e for e in configuration.entries if e.key.rpartition(".")[2] == wrong["name"] and e.value == old]
    if len(named) != 1:
        return None
    told = _with_value(named[0], new, correction.quote)
    if told is None:
        return None
    return Configuration(entries=tuple(told if e is named[0] else e for e in configuration.entries))


def as_it_stands(plan: Plan, config: str) -> Plan:
    """The plan with the values that the text of `config.yaml` has by now: whoever mends the code may change them."""
    try:
        leaves = of_yaml(config)
    except Unreadable:
        return plan
    entries = tuple(_as_in(leaves, entry) for entry in plan.configuration.entries)
    return plan.model_copy(update={"configuration": Configuration(entries=entries)})


def _as_in(leaves: Any, entry: ConfigEntry) -> ConfigEntry:
    for name in entry.key.split("."):
        if not isinstance(leaves, dict) or name not in leaves:
            return entry
        leaves = leaves[name]
    return entry if (value := _frozen(leaves)) == entry.value else _with_value(entry, value) or entry


def _with_value(entry: ConfigEntry, value: Any, quote: str = "") -> ConfigEntry | None:
    """An entry with another value, which its old quotation does not give; None: no leaf can have it."""
    source = {"quote": quote, "assumed": "" if quote else "a later step corrected it"}
    try:
        return ConfigEntry.model_validate(
            entry.model_dump() | {"value": value} | (source if entry.quote else {})
        )
    except ValidationError:
        return None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _prose(value: Any) -> Iterator[str]:
    """Sentences, and no names of files and functions, by which other parts know them."""
    if isinstance(value, str) and " " in value:
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _prose(each)


def _with(value: Any, old: str, new: str) -> Any:
    """`value` with another sentence in the place of one."""
    if isinstance(value, dict):
        return {name: _with(each, old, new) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with(each, old, new) for each in value]
    return new if value == old else value
