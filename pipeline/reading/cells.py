"""Cells: what a table prints in one place, as a number with its spread and its unit. Pure text."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from pipeline.reading.quantities import SCALES

MAX_NUMBER = 120
"""Characters; what is longer is text, and states no unit."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SIGNS = {
    "pm": "±", "times": "×", "cdot": "×", "ast": "*", "star": "*", "dagger": "†", "ddagger": "‡", "dag": "†",
    "ddag": "‡", "uparrow": "↑", "downarrow": "↓", "circ": "°", "mu": "µ", "sim": "~", "approx": "≈",
    "textpm": "±", "textsuperscript": "^", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "lt": "<", "gt": ">",
    "checkmark": "✓",
}  # fmt: skip
_EMPHASIS = re.compile(r"(\*{1,3}|(?<!\w)_{1,2}|~~)(?=\S)([^*_~]{1,200}?)\1(?!\w)")
_MARKS = r"[*†‡§¶‖∗⋆★#↑↓✓△▲▼⇑⇓]"
_DIGITS = r"(?:\d{1,3}(?:[, \u00a0\u2009\u202f]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d{1,2})?"
_SIDE = r"\d+(?:\.\d+)?|\.\d+"
_SYMBOLS = (
    r"(?:[kMGTPmµμnp]?(?:s|m|g|Hz|eV|W|J|V|A|B|b|Pa|K|mol|L|Ω|bits?|FLOPS?|FLOPs|FLOP/s|pc|yr|bp|iB)|sec|secs|min|hr|hrs|h"
    r"|d|dB|px|pp|mag|Å|°|°C|GPU|fps|nats?|cm|km|Da|kDa|[KMGT]iB)(?:(?:\^-?\d)?[ /·](?:k?m|s|sec|h|min|g|K|mol|pc|yr|J"
    r"|[KMG]?B|cm))*(?:\^-?\d)?"
)
_UNIT = rf"(?:[%‰]|×|x|{_SYMBOLS})"
_WORDS = r"(?:seconds?|minutes?|hours?|days?|years?|percent|bytes?|tokens?|epochs?|steps?|FLOPs)"
_POWER = r"[×x]\s*10\^[-+]?\d{1,2}"
_NUMBER = re.compile(
    rf"[~≈]?\s*(?P<open>\()?(?P<sign>[-+]?)\s?(?:(?P<digits>{_DIGITS})"
    rf"(?:\((?P<last>\d+(?:\.\d+)?)\)|\s*[_^]?\(?±\s*(?P<spread>{_DIGITS})\)?|\s+\((?P<loose>\d*\.\d+)\)"
    rf"|\^\+(?P<up>{_SIDE})\s*_-(?P<down>{_SIDE})|_-(?P<below>{_SIDE})\s*\^\+(?P<above>{_SIDE}))?"
    r"(?(open)\))(?:\s*+[×x]\s*10\^(?P<exponent>[-+]?\d{1,2}))?|(?P<base>10|2)\^(?P<raised>[-+]?\d{1,2}))"
    rf"(?P<scale>[kKMB](?![A-Za-z]))?(?:\s*+(?P<unit>{_UNIT}|(?<=\s)[a-z]{{2,}}(?:[ /][a-z]+)?))?"
    # A rank, a share, or the difference to another number.
    r"(?:\s++\((?:[-+↑↓]\s?[\d.]+\s?%?|\d+|[\d.]+\s?%)\))?"
)
_SPREAD = re.compile(rf"±\s*+({_DIGITS})(?:\s*+({_UNIT}))?|\(\s*+(?:±\s*+)?({_DIGITS})\s*+\)")
_IN_HEAD = re.compile(
    rf"[(\[]\s*+(?:in\s++)?({_UNIT}|{_POWER}|{_WORDS})\s*+[)\]]|(?:\bin|\s/)\s++({_UNIT}|{_WORDS})(?!\w)"
)


@dataclass(frozen=True)
class Number:
    """A number as printed; its unit is not multiplied into it, a letter for thousands or millions is."""

    value: float | None
    """None where only a spread is printed."""
    spread: float | None = None
    """On either side, in the number's unit; the larger one of two."""
    unit: str = ""


def named(text: str) -> str:
    """A cell's text as a name: without bold and italics."""
    return re.sub(r"\s+", " ", _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))).strip()


@lru_cache(maxsize=4096)
def number(text: str) -> Number | None:
    """The number that a cell is, if it is one and no bound, range or pair; marks of footnotes are no part of it."""
    if len(text) > MAX_NUMBER or not re.search(r"\d", text):
        return None
    shown = _plain(text)
    if alone := _SPREAD.fullmatch(shown):
        return Number(None, _float(alone[1] or alone[3]), alone[2] or "")
    found = _NUMBER.fullmatch(shown)
    if found is None:
        return None
    value = float(found["base"]) ** int(found["raised"]) if found["base"] else _float(found["digits"])
    spread = _spread(found)
    factor = 10.0 ** int(found["exponent"] or 0) * SCALES.get((found["scale"] or "").lower(), 1.0)
    sign = -1 if found["sign"] == "-" else 1
    if not math.isfinite(value * factor):
        return None
    signed = _rounded(sign * value * factor) if value else 0.0
    return Number(signed, None if spread is None else _rounded(spread * factor), found["unit"] or "")


def unit(head: str) -> str:
    """The unit that the name of a column or a row states: `Time (ms)`, `accuracy in %`, `params ×10^6`."""
    shown = _plain(head) if len(head) <= MAX_NUMBER else ""
    if "%" in shown:
        return "%"
    if re.fullmatch(_POWER, shown):
        return shown
    found = _IN_HEAD.search(shown)
    return (found[1] or found[2]).strip() if found else ""


def _plain(text: str) -> str:
    """What is seen of a cell: no emphasis, no dress of mathematics, powers as `^n`, no raised marks."""
    shown = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), named(text))
    shown = shown.replace("{,}", ",").replace("\\%", "%").replace("+/-", "±")
    shown = re.sub("[\u2212\u2013\u2010\u2011]", "-", shown).replace("·", "×").replace("∗", "*")
    shown = re.sub(r"\\([A-Za-z]+)\s*", lambda found: _SIGNS.get(found[1], ""), shown)
    shown = re.sub(r"\\[,;:! ]|~(?=\d{3})", " ", shown)
    shown = re.sub(r"\\[()]|[$]", "", shown)
    shown = re.sub(
        r"([\^_])\s*\{\s*([^{}]*?)\s*\}", lambda found: found[1] + found[2].replace(" ", ""), shown
    )
    shown = re.sub(r"[{}]", "", shown).replace("^°", "°")
    shown = re.sub(r"(?:(?<![\d.])(10|2))?\^([-+]?\d+(?![\d.]))", _raised, shown)
    shown = re.sub(r"\^[^\s\d+±-][^\s^_]*", "", shown)
    shown = re.sub(rf"^(?:{_MARKS}|_|\s)+|(?:{_MARKS}|_|\s)+$", "", shown)
    shown = re.sub(rf"(?<=[\d%]){_MARKS}+(?=\s*[(±])", "", shown)
    return re.sub(r"\s+", " ", shown)


def _raised(found: re.Match[str]) -> str:
    """A power of ten or two, or of a unit; any other number has a footnote."""
    before = found.string[max(0, found.start() - 1) : found.start()]
    return found[0] if found[1] or before.isalpha() else ""


def _spread(found: re.Match[str]) -> float | None:
    if found["last"]:
        # In brackets right behind a number are the last digits of it.
        digits = found["digits"].partition(".")[2]
        return float(found["last"]) / (1.0 if "." in found["last"] else 10.0 ** len(digits))
    sides = [
        _float(found[name]) for name in ("up", "down", "below", "above", "loose", "spread") if found[name]
    ]
    return max(sides, default=None)


def _rounded(product: float) -> float:
    """Without the error in the last place that multiplying leaves: 0.0003 and not 0.00030000000000000003."""
    return float(f"{product:.15g}")


def _float(printed: str) -> float:
    """What digits say: a comma before three digits parts thousands, any other is a decimal one."""
    bare = re.sub(r"(?<=\d)[, \u00a0\u2009\u202f](?=\d{3}(?!\d))", "", printed)
    return float(bare.replace(",", "."))
