"""siunitx, versions 2 and 3: numbers, quantities, ranges, lists, products, angles and units as they are printed. Pure.

Source: the manual of siunitx, its tables of units and prefixes, and its default settings.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.reading.latex.budget import Budget
from pipeline.reading.latex.groups import arguments, group, options, settings

_PREFIXES = {
    "quecto": "q", "ronto": "r", "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n",
    "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "deca": "da", "deka": "da", "hecto": "h", "kilo": "k",
    "mega": "M", "giga": "G", "tera": "T", "peta": "P", "exa": "E", "zetta": "Z", "yotta": "Y", "kibi": "Ki",
    "mebi": "Mi", "gibi": "Gi", "tebi": "Ti",
}  # fmt: skip
_UNITS = {
    "ampere": "A", "candela": "cd", "kelvin": "K", "kilogram": "kg", "gram": "g", "metre": "m", "meter": "m",
    "mole": "mol", "second": "s", "becquerel": "Bq", "degreeCelsius": "°C", "celsius": "°C", "coulomb": "C",
    "farad": "F", "gray": "Gy", "hertz": "Hz", "henry": "H", "joule": "J", "katal": "kat", "lumen": "lm", "lux": "lx",
    "newton": "N", "ohm": "Ω", "pascal": "Pa", "radian": "rad", "siemens": "S", "sievert": "Sv", "steradian": "sr",
    "tesla": "T", "volt": "V", "watt": "W", "weber": "Wb", "astronomicalunit": "au", "bel": "B", "decibel": "dB",
    "dalton": "Da", "day": "d", "electronvolt": "eV", "hectare": "ha", "hour": "h", "litre": "L", "liter": "L",
    "minute": "min", "neper": "Np", "tonne": "t", "arcminute": "′", "arcmin": "′", "arcsecond": "″", "arcsec": "″",
    "degree": "°", "percent": "%", "angstrom": "Å", "bar": "bar", "barn": "b", "knot": "kn", "mmHg": "mmHg",
    "nauticalmile": "M", "bit": "bit", "byte": "B", "clight": "c_{0}", "hbar": "ħ", "electronmass": "m_{e}",
    "bohr": "a_{0}", "elementarycharge": "e", "atomicmassunit": "u", "parsec": "pc", "lightyear": "ly", "year": "yr",
    "amu": "u", "eV": "eV", "K": "K", "mol": "mol", "m": "m", "s": "s", "g": "g", "A": "A", "V": "V", "W": "W",
    "N": "N", "J": "J", "Pa": "Pa", "Hz": "Hz", "C": "C", "F": "F", "H": "H", "T": "T", "h": "h", "L": "L",
    "l": "L", "dB": "dB", "kWh": "kWh", "textmu": "µ", "mu": "µ", "Omega": "Ω", "circ": "°", "textdegree": "°",
    "textpercent": "%", "AA": "Å",
}  # fmt: skip
_SHORT = [
    "g",
    "m",
    "s",
    "mol",
    "A",
    "l",
    "L",
    "Hz",
    "N",
    "Pa",
    "V",
    "W",
    "J",
    "eV",
    "C",
    "F",
    "H",
    "T",
    "K",
    "B",
    "bit",
    "Wb",
    "Sv",
    "Gy",
    "Bq",
    "S",
]
_UNITS |= {
    {"µ": "u"}.get(symbol, symbol) + unit: symbol + unit
    for symbol in ("f", "p", "n", "µ", "m", "c", "d", "k", "M", "G", "T", "a")
    for unit in _SHORT
    if {"µ": "u"}.get(symbol, symbol) + unit not in _UNITS
}
_UNITS |= {"kohm": "kΩ", "Mohm": "MΩ", "mohm": "mΩ", "hl": "hL", "um": "µm", "us": "µs", "ug": "µg"}
_MODIFIERS = {
    "square": "2", "cubic": "3", "squared": "2", "cubed": "3", "tothe": "", "raiseto": "", "of": "", "text": "",
    "mathrm": "", "mathup": "", "ensuremath": "", "textrm": "", "cancel": "", "highlight": "",
}  # fmt: skip
"""What each does to a power; empty: its argument says so, or is a unit."""
MAX_DEPTH = 5
"""Of units that are declared by others."""
MAX_GROUPS = 20
"""Of groups in a unit; what stands deeper is left out."""
_UNIT_TOKEN = re.compile(
    r"\\(?P<word>[A-Za-z]+)|(?P<sign>\^|_)|(?P<gap>[.~*]|\\[,:; ]|\s+|\{\})|(?P<slash>/)"
    r"|(?P<text>[^\\^_.~*\s/{}]+)|(?P<group>\{)"
)
_DECIMAL = r"(?:\d++(?:[.,]\d++)?|[.,]\d++)"
_NUMBER = re.compile(
    r"(?P<bound>[<>]=?|\\(?:le|ge|leq|geq|sim|approx|ll|gg)(?![A-Za-z])|~)?\s*+(?P<sign>[-+]|\\pm|\+-)?\s*+(?P<mantissa>\d*+[.,]?\d*+)"
    rf"(?P<uncertainty>(?:\({_DECIMAL}\))?)(?:\s*+(?:\+-|\\pm|±)\s*+(?P<error>{_DECIMAL}))?"
    r"(?:\s*+[eEdD]\s*+(?P<exponent>[-+]?\d++))?"
)
_IN_TEX = {"%": "\\%", "µ": "\\mu{}", "Ω": "\\Omega{}", "°": "^{\\circ}"}
_RANGES = frozenset(("SIrange", "qtyrange", "numrange"))
_LISTS = frozenset(("SIlist", "qtylist", "numlist"))
Join = Callable[[list[str]], str]
_PRODUCTS = frozenset(("numproduct", "qtyproduct"))
COUNTS = {
    "SI": 2, "si": 1, "num": 1, "qty": 2, "unit": 1, "ang": 1, "SIrange": 3, "qtyrange": 3, "numrange": 2, "SIlist": 2,
    "qtylist": 2, "numlist": 1, "numproduct": 1, "qtyproduct": 2, "complexnum": 1, "complexqty": 2, "tablenum": 1,
}  # fmt: skip
_OPTION = r"(?:\[[^\]]{0,2000}+\]\s*+)"
_IN_MATHEMATICS = re.compile(
    rf"\\({'|'.join(sorted(COUNTS, key=len, reverse=True))})(?![A-Za-z])(?=\s*[\[{{])"
)


@dataclass
class Quantities:
    """What a document sets and declares for its quantities."""

    budget: Budget = field(default_factory=Budget)
    own: dict[str, str] = field(default_factory=dict)
    """Units of `\\DeclareSIUnit`, as TeX."""
    set: dict[str, str] = field(default_factory=dict)

    def printed(self, name: str, text: str, position: int) -> tuple[str, int] | None:
        """What the command `\\name` with arguments at `position` prints, and where they end."""
        given, _ = options(text, position)
        self.budget.spend(len(self.set))
        chosen = self.set | (settings(given[0]) if given else {})
        if name in ("SI", "qty", "complexqty"):
            read = arguments(text, position, 1)
            before, behind = options(text, read[1]) if read else ([], position)
            unit = arguments(text, behind, 1) if read else None
            if read is None or unit is None:
                return None
            currency = self.unit(before[0], chosen) if before else ""
            return currency + self._with_unit(_number(read[0][0]), unit[0][0], chosen), unit[1]
        found = arguments(text, position, COUNTS[name])
        if found is None:
            return None
        values, end = found
        return self._composed(name, values, chosen), end

    def _composed(self, name: str, values: list[str], chosen: dict[str, str]) -> str:
        if name in ("si", "unit"):
            return self.unit(values[0], chosen)
        if name == "ang":
            marks = zip(values[0].split(";"), "°′″", strict=False)
            return "".join(f"{_number(part)}{mark}" for part, mark in marks if part.strip())
        if name in _RANGES:
            written = chosen.get("range-phrase", " to ")
            self.budget.spend(len(written))
            phrase = _phrase(written)
            numbers = [_number(value) for value in values[:2]]
            if name == "numrange":
                return phrase.join(numbers)
            return self._several(numbers, values[2], phrase.join, chosen, "range-units")
        if name in _LISTS:
            numbers = [_number(part) for part in values[0].split(";") if part.strip()]
            if name == "numlist":
                return _listed(numbers)
            return self._several(numbers, values[1], _listed, chosen, "list-units")
        if name in _PRODUCTS:
            numbers = [_number(part) for part in re.split(r"x|;|\\times", values[0]) if part.strip()]
            if name == "numproduct":
                return " × ".join(numbers)
            return self._several(numbers, values[1], " × ".join, chosen, "product-units")
        return _number(values[0])

    def _several(self, numbers: list[str], unit: str, join: Join, chosen: dict[str, str], key: str) -> str:
        # A range is easier to read, and to look up, with its unit once.
        if chosen.get(key, "single" if key == "range-units" else "repeat") == "repeat":
            return join([self._with_unit(number, unit, chosen) for number in numbers])
        whole, how = join(numbers), chosen.get(key, "single")
        return self._with_unit(
            f"({whole})" if how.startswith(("bracket", "brackets")) else whole, unit, chosen
        )

    def _with_unit(self, number: str, unit: str, chosen: dict[str, str]) -> str:
        shown = self.unit(unit, chosen)
        return f"{number}{'' if shown[:1] in ('°', '′', '″') and shown[:2] != '°C' else ' '}{shown}".strip()

    def unit(self, text: str, chosen: dict[str, str] | None = None, depth: int = 0) -> str:
        """A unit as it is printed: `m s^{-2}`."""
        if depth > MAX_GROUPS:
            return ""
        self.budget.spend(len(text))
        symbolic = (chosen or self.set).get("per-mode", "power") not in _POWERS
        return _Unit(self, chosen, symbolic, depth).read(text)

    def mathematics(self, text: str) -> str:
        """A formula with its quantities as plain TeX."""
        if not _IN_MATHEMATICS.search(text):
            return text
        out: list[str] = []
        position = 0
        while found := _IN_MATHEMATICS.search(text, position):
            out.append(text[position : found.start()])
            shown = self.printed(found.group(1), text, found.end())
            if shown is None:
                out.append(found.group())
                position = found.end()
                continue
            out.append(_as_mathematics(shown[0]))
            position = shown[1]
        return "".join([*out, text[position:]])


_POWERS = frozenset(("power", "reciprocal", "power-positive-first"))


class _Unit:
    """One pass over a unit: prefixes and powers wait for the unit that they belong to."""

    def __init__(
        self, quantities: Quantities, chosen: dict[str, str] | None, symbolic: bool, depth: int
    ) -> None:
        self.quantities = quantities
        self.chosen = chosen
        self.symbolic = symbolic
        self.depth = depth
        self.pieces: list[str] = []
        self.prefix = self.power = ""
        self.below = False

    def read(self, text: str) -> str:
        position = 0
        while position < len(text):
            token = _UNIT_TOKEN.match(text, position)
            position = self._token(token, text) if token else position + 1
        return re.sub(r"(?:(?<!\s)\s++)?/\s*+", "/", " ".join(piece for piece in self.pieces if piece))

    def _token(self, token: re.Match[str], text: str) -> int:
        position, word = token.end(), token["word"]
        if token["group"]:
            inside = group(text, token.start())
            if inside and inside[0]:
                self._put(self.quantities.unit(inside[0], self.chosen, self.depth + 1))
            return inside[1] if inside else position
        if token["sign"]:
            value = arguments(text, position, 1)
            if value and self.pieces:
                raised = f"{token['sign']}{{{value[0][0].strip()}}}"
                self.pieces[-1] += "°" if raised in ("^{circ}", r"^{\circ}") else raised
            return value[1] if value else position
        if token["slash"] or word == "per":
            self.below = True
            if token["slash"] or (self.symbolic and "/" not in self.pieces):
                self.pieces.append("/")
            return position
        if word in _PREFIXES:
            self.prefix += _PREFIXES[word]
            return position
        if word in _MODIFIERS:
            return self._modified(word, text, position)
        if token["text"]:
            self._put(token["text"])
        elif word is not None:
            own = self.quantities.own.get(word) if self.depth < MAX_DEPTH else None
            shown = self.quantities.unit(own, self.chosen, self.depth + 1) if own else _UNITS.get(word, "")
            self._put(shown)
        return position

    def _put(self, shown: str) -> None:
        if not shown:
            return
        negative = self.below and not self.symbolic and "/" not in self.pieces
        power = f"-{self.power or 1}" if negative else self.power
        self.pieces.append(f"{self.prefix}{shown}^{{{power}}}" if power else self.prefix + shown)
        self.prefix, self.power, self.below = "", "", False

    def _modified(self, word: str, text: str, position: int) -> int:
        """Powers, before or behind their unit, and qualifiers."""
        exponent = _MODIFIERS[word]
        if not exponent:
            value = arguments(text, position, 1)
            if value is None:
                return position
            exponent, position = value[0][0].strip(), value[1]
        if word in ("square", "cubic", "raiseto"):
            self.power = exponent
        elif word in ("text", "mathrm", "mathup", "ensuremath", "textrm"):
            self._put(self.quantities.unit(exponent, self.chosen, self.depth + 1))
        elif self.pieces and word == "of":
            self.pieces[-1] += f"_{{{exponent}}}"
        elif self.pieces and word in ("squared", "cubed", "tothe"):
            base, below, _ = self.pieces[-1].partition("^{-1}")
            self.pieces[-1] = f"{base}^{{-{exponent}}}" if below else f"{base}^{{{exponent}}}"
        return position


def _number(text: str) -> str:
    """A number as it is printed: `1.5 × 10^{-3}`."""
    text = text.strip()
    found = _NUMBER.fullmatch(re.sub(r"(?<=\d)[ ~](?=\d)|\\,|\\ ", "", text))
    if found is None or not text:
        return re.sub(r"(?:(?<!\s)\s++)?\\times\s*+", " × ", text.replace("\\pm", "±").replace("+-", "±"))
    bound = {"<": "<", ">": ">", "<=": "≤", ">=": "≥", "\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥", "~": "~",
             "\\sim": "~", "\\approx": "≈", "\\ll": "≪", "\\gg": "≫"}.get(found["bound"] or "", "")  # fmt: skip
    sign = {"+": "+", "-": "-", "\\pm": "±", "+-": "±"}.get(found["sign"] or "", "")
    mantissa = found["mantissa"]
    error = f" ± {found['error']}" if found["error"] else ""
    shown = f"{sign}{'0' * mantissa.startswith('.')}{mantissa}{found['uncertainty']}{error}"
    exponent = found["exponent"]
    if exponent is None:
        return bound + shown
    power = f"10^{{{exponent.removeprefix('+')}}}"
    if not mantissa:
        return f"{bound}{sign}{power}"
    return f"{bound}{f'({shown})' if error else shown} × {power}"


def _phrase(text: str) -> str:
    shown = re.sub(r"\\text\{([^{}]*)\}", r"\1", text)
    shown = (
        re.sub(r"\\(?:ensuremath|,|;|:|!|space)|~|[{}$]|\\ ", " ", shown)
        .replace("--", "–")
        .replace("\\textendash", "–")
    )
    return shown if shown.strip() in ("–", "-") and " " not in text else f" {shown.strip()} "


def _listed(numbers: list[str]) -> str:
    if len(numbers) < 3:
        return " and ".join(numbers)
    return f"{', '.join(numbers[:-1])} and {numbers[-1]}"


def _as_mathematics(shown: str) -> str:
    """What is printed in the text, for the inside of a formula."""
    written = ""
    for word in shown.split(" "):
        if word in ("to", "and", "–"):
            written += f"\\text{{ {word} }}"
        elif word in ("×", "±"):
            written += {"×": " \\times ", "±": " \\pm "}[word]
        elif re.search(r"\d", word) and not re.match(r"[^\W\d]", word):
            written += word.replace("°", "^{\\circ}")
        else:
            unit = "".join(_IN_TEX.get(letter, letter) for letter in word)
            written += f"{chr(92) + ',' if written[-1:].strip() else ''}\\mathrm{{{unit}}}"
    return written


def quantities(source: str, budget: Budget) -> Quantities:
    """The settings and units that a document declares."""
    made = Quantities(budget)
    for found in re.finditer(r"\\sisetup\s*(?=\{)", source):
        given = group(source, found.end())
        made.set |= settings(given[0]) if given else {}
    for found in re.finditer(
        rf"\\DeclareSIUnit\s*+{_OPTION}?\{{?\s*+\\([A-Za-z]++)\s*+\}}?\s*+{_OPTION}?(?=\{{)", source
    ):
        given = group(source, found.end())
        if given:
            made.own[found.group(1)] = given[0]
    return made
