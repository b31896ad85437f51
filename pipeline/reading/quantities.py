"""Whether a quotation states a value: numbers however they are spelt, choices by their words. Pure text."""

import math
import re
import sys
from collections.abc import Iterator, Sequence

Value = str | int | float | bool | Sequence[str | int | float | bool] | None

_SMALL = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen"
)
_TENFOLD = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UNITS = {word: number for number, word in enumerate(_SMALL.split("|"))}
_TENS = {word: 10 * number for number, word in enumerate(_TENFOLD.split("|"), start=2)}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "k": 1e3, "m": 1e6, "b": 1e9}
_WORDS = re.compile(
    rf"\b(?:(?P<tens>{_TENFOLD})(?:[- ](?P<rest>{_SMALL}))?|(?P<unit>{_SMALL}|a))\b"
    r"(?:[- ](?P<scale>hundred|thousand|million|billion))?\b"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_NUMBER = r"(?:\d++(?:\.\d++)?|\.\d++)"
_POWER = re.compile(
    rf"(?:(?<!\d)({_NUMBER})\s*x\s*)?(?<![\w.])(\d+)(?:\s?\^\s?([-+]?\d{{1,2}})|(?<=\b10)\s?(-\d{{1,2}}))(?![\d.])"
)
_BLANKS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
_BINARY = {"k": 2**10, "m": 2**20}
_COMMA = r"(?<=\d)(?:\\[,;: ]|[,\u00a0\u2009\u202f])"
_NEGATION = re.compile(
    r"\b(?:no|not|non|never|without|none|neither|nor|omit\w*|remov\w*|disabl\w*|drop|instead of|"
    r"rather than|unlike|free of)\b|n['\u2019]t\b"
)


def mentions(quote: str, value: Value) -> bool:
    """Whether `quote` states `value`.

    A number is stated in any usual spelling: `1e-4`, `10^{-4}`, `0.0001`, `1 \\times 10^{-4}`, `1{,}000`, `1 000`, `4k`
    (4000 or 4096),
    `95\\%` for 95 and 0.95, `1/2`, `80/20` for 0.8, `three`, and in a subscript (`I_{10}`); short indices
    (`\\beta_1`) and digits glued to a word (`P100`) are no values. A list is stated if each of its elements is.
    A word or name is stated by its words, a prefix of at least four letters being enough, or its initials
    (`sgd`). True needs a quotation that negates nothing; False, null and an empty list need one that does: more
    only a reader can tell.
    """
    if isinstance(value, bool):
        return value is not bool(_NEGATION.search(quote.lower()))
    if value is None or (not isinstance(value, str | int | float) and not value):
        return bool(_NEGATION.search(quote.lower()))
    if isinstance(value, int | float):
        return _states_number(quote, value)
    if isinstance(value, str):
        return _states_words(quote, value)
    return all(mentions(quote, element) for element in value) or _states_range(quote, value)


def _states_range(quote: str, value: Sequence[str | int | float | bool]) -> bool:
    """Consecutive whole numbers of which the first and the last are printed: `seeds 0-19`, `from 1 to 5`."""
    first, last = value[0], value[-1]
    if not (isinstance(first, int) and isinstance(last, int) and last - first + 1 == len(value)):
        return False
    if list(value) != list(range(first, last + 1)):
        return False
    return bool(
        re.search(rf"(?<!\d){first}\s*(?:-+|to|\\(?:dots|ldots)|\.\.+|…)\s*{last}(?!\d)", _plain(quote))
    )


def as_number(text: str) -> float | None:
    """The number that `text` spells in Python's way, if it does."""
    try:
        return float(text)
    except ValueError:
        return None


def _states_number(quote: str, value: float) -> bool:
    if abs(value) > sys.float_info.max:  # a whole number may be
        return False
    if value == 0 and _NEGATION.search(quote.lower()):
        return True
    return any(math.isclose(number, value, rel_tol=1e-9) for number in _numbers(quote))


def _numbers(quote: str) -> Iterator[float]:
    text = _plain(quote)
    yield from _spelt(text)
    certain = re.sub(_COMMA + r"(?=0\d\d(?!\d))", "", text)
    yield from _written(re.sub(_COMMA + r"(?=\d{3}(?!\d))", "", certain))
    yield from _written(re.sub(_COMMA, " ", certain))
    yield from (float(match[0].replace(" ", "")) for match in _BLANKS.finditer(text))


def _plain(quote: str) -> str:
    """Lower case, one kind of minus, TeX reduced to `a^b`, `a/b` and numbers; indices removed."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda match: "^" + match[0].translate(_SUPERSCRIPTS), quote)
    text = re.sub("[\u2212\u2013\u2010\u2011]", "-", text).lower()
    text = re.sub(r"\\(?:text|math)[a-z]*\s*|\\(?:num|ensuremath|left|right|displaystyle|rm|bf)\b", "", text)
    text = text.replace("{,}", ",")
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r" \1/\2 ", text)
    text = re.sub(r"\\[,;:! ](?!\d)|(?<!\d)\\[,;:! ]", " ", text)
    text = re.sub(r"\\(?:times|cdot|ast)(?![a-z])|[\u00d7\u00b7\u2217*]", " x ", text)
    text = text.replace(r"\%", "%").replace("½", "1/2")
    text = re.sub(r"_\s*(?:\{\s*(\d\d+)\s*\}|\{[^{}]*\}|\w)", lambda index: f" ; {index[1] or ''} ; ", text)
    text = re.sub(r"\^\s*\{([^{}]*+)\}", lambda match: "^" + re.sub(r"[{}\s]", "", match[1]), text)
    text = re.sub(r"(?<=\d)\{?e\s*+\}?\s*+\^?\{?\s*+-\s*+\}?\s*+\{?(?=\d)", "e-", text)
    text = re.sub(r"\\[a-z]+", " ", text)
    return re.sub(r"[{}$~]", " ", text)


def _written(text: str) -> Iterator[float]:
    """Numbers in digits: powers first, for their parts are no values of their own."""
    text = re.sub(r"(?<=\d)\s*x\s*(?=\d)(?!10\s?\^?[-+]?\d)", " ; ", text)
    for match in _POWER.finditer(text):
        factor, base, exponent, lost = match.groups()
        value = _power(float(factor or 1), float(base), int(exponent or lost))
        if value is not None:
            yield value
            yield -value
    text = re.sub(r"(?:(?<![\w.])\d+\s?)?\^\s?[-+]?\w+", " ", text)
    for match in re.finditer(rf"(?<!\d)({_NUMBER})\s?/\s?({_NUMBER})", text):
        numerator, denominator = float(match[1]), float(match[2])
        if denominator:
            yield numerator / denominator
        if numerator + denominator == 100:
            yield numerator / 100
            yield denominator / 100
    for match in re.finditer(
        rf"(?<![a-z\d.])(?<!\d)({_NUMBER}(?:e[-+]?\d+)?)(?!\d)\s?(%|percent\b|(?:k|m|b)\b|"
        r"hundred\b|thousand\b|million\b|billion\b)?",
        text,
    ):
        yield from _signed(text, match)


def _power(factor: float, base: float, exponent: int) -> float | None:
    """None where it is no number, as 0^{-1}, or larger than a float."""
    try:
        return factor * base**exponent if abs(exponent) <= 64 else None
    except ArithmeticError:
        return None


def _signed(text: str, match: re.Match[str]) -> Iterator[float]:
    number, unit = float(match[1]), match[2]
    if re.search(r"(?<![\w)\]}%.])-\s?$", text[max(0, match.start() - 4) : match.start()]):
        number = -number
    if unit in ("%", "percent"):
        yield number / 100
    elif unit:
        yield number * SCALES[unit]
        if unit in _BINARY:
            yield number * _BINARY[unit]
    if unit is None or unit in ("%", "percent") or len(unit) == 1:
        yield number


def _spelt(text: str) -> Iterator[float]:
    for match in _WORDS.finditer(text):
        if match["unit"] == "a" and not match["scale"]:
            continue
        small = _TENS.get(match["tens"] or "", 0) + _UNITS.get(match["rest"] or match["unit"] or "", 0)
        number = (1 if match["unit"] == "a" else small) * SCALES.get(match["scale"] or "", 1)
        yield number
        if re.match(r"\s?(?:%|per ?cent\b)", text[match.end() :]):
            yield number / 100
    if re.search(r"\bhalf\b", text):
        yield 0.5
    if re.search(r"\bsingle\b", text):
        yield 1


def _words(text: str) -> list[str]:
    text = re.sub(r"\\[a-zA-Z]+", " ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return re.findall(r"[^\W\d_]+|\d+", text.lower())


def _states_words(quote: str, value: str) -> bool:
    number = as_number(value)
    if number is not None:
        return _states_number(quote, number)
    if value.lower() in ("none", "null"):
        return bool(_NEGATION.search(quote.lower()))
    said, wanted = _words(quote), _words(value)
    if not wanted:
        return False
    squeezed = "".join(wanted)
    if squeezed in said or (len(squeezed) > 3 and squeezed in "".join(said)):
        return True
    initials = "".join(word[0] for word in said)
    if 3 <= len(squeezed) <= 5 and squeezed in initials:
        return True
    return all(any(_same_word(word, other) for other in said) for word in wanted)


def _same_word(word: str, other: str) -> bool:
    return word == other or (
        min(len(word), len(other)) >= 4 and (word.startswith(other) or other.startswith(word))
    )
