"""Quotations: text reduced to what has to agree, so that a quotation can be looked up. No I/O, no Paper."""

import re
import unicodedata

# A reduced text holds letters and digits, and one mark for each gap between them.
SOFT = "\x01"  # a hyphen, markup or mathematics: may or may not be a gap in another spelling
HARD = " "  # white space or punctuation: a gap in every spelling

_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu",
    "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
_GREEK_LETTERS = {
    **{chr(0x3B1 + i + (i > 16)): f"{SOFT}{name}{SOFT}" for i, name in enumerate(_GREEK)},
    "ς": f"{SOFT}sigma{SOFT}",
}
_GAPS = re.compile(f"[{SOFT}{HARD}]+")
_PRINTED = {
    *_GREEK, "ell", "max", "min", "sup", "inf", "lim", "log", "ln", "exp", "sin", "cos", "tan",
    "tanh", "sinh", "cosh", "cot", "arg", "det", "dim", "ker", "deg", "gcd", "Pr", "argmax", "argmin",
    "softmax",
}  # fmt: skip
_SPELLING = {
    "varepsilon": "epsilon",
    "varphi": "phi",
    "vartheta": "theta",
    "varrho": "rho",
    "varsigma": "sigma",
}
_TOKEN = re.compile(
    r"(?P<command>\\[A-Za-z]+\*?)"
    r"|(?P<math>\$+|\\[()\[\]])"
    r"|(?P<thousands>(?<=\d)\{?,\}?(?=\d{3}(?!\d)))"
    r"|(?P<point>(?<=\d)\.(?=\d))"
    r"|(?P<minus>\u2212\s*(?=[\d.])|(?:(?<=[\s{(\[^,=$~])|^)-(?=[\d.]))"
    r"|(?P<hyphen>(?<=\w)[-\u2010\u2011\u00ad]\s*(?=\w))"
    r"|(?P<markup>[*_`{}^\\~\u2061-\u2064]|&nbsp;)"
    r"|(?P<word>[^\W_]+)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)


def reduce(text: str) -> str:
    """`text` in lower case, without markup and punctuation."""
    out: list[str] = []
    mathematics = False
    for match in _TOKEN.finditer(text):
        kind, value = match.lastgroup, match.group()
        printed = ""
        if kind == "word":
            printed = value.lower() if value.isascii() else _fold(value)
        elif kind == "command":
            name = value[1:].rstrip("*")
            name = _SPELLING.get(name, name)
            printed = f"{SOFT}{name.lower()}{SOFT}" if name in _PRINTED or name.lower() in _GREEK else SOFT
        elif kind in ("point", "minus"):
            printed = value[0].replace("\u2212", "-")
        elif kind == "thousands":
            continue
        elif kind in ("markup", "hyphen", "math") or mathematics:
            printed = SOFT
        else:
            printed = HARD
        if kind == "math":
            mathematics = value in ("\\(", "\\[") or (value[0] == "$" and not mathematics)
        out.append(printed)
    return _GAPS.sub(lambda gap: HARD if HARD in gap.group() else SOFT, "".join(out)).strip(SOFT + HARD)


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word).casefold()
    return "".join(
        _GREEK_LETTERS.get(c, c if c.isalnum() else "") for c in decomposed if not unicodedata.combining(c)
    )


def pattern(quote: str) -> re.Pattern[str] | None:
    """What finds `quote` in a reduced text; None if there is nothing in it to look for."""
    reduced = reduce(quote)
    if not reduced:
        return None
    parts = [re.escape(reduced[0])]
    for before, mark, after in _gaps(reduced):
        number = before.isdigit() and after.isdigit()
        if mark == HARD:
            parts.append(f"[{SOFT}{HARD}]")
        elif mark == SOFT:
            parts.append(f"[{SOFT}{HARD}]" if number else f"[{SOFT}{HARD}]?")
        elif not number:
            parts.append(f"{SOFT}?")
        parts.append(re.escape(after))
    return re.compile(rf"(?<![^{SOFT}{HARD}])(?:{''.join(parts)})(?![^{SOFT}{HARD}])")


def _gaps(reduced: str) -> list[tuple[str, str, str]]:
    """Each pair of neighbouring characters with the mark that stands between them."""
    pairs = []
    before, mark = reduced[0], ""
    for character in reduced[1:]:
        if character in (SOFT, HARD):
            mark = character
        else:
            pairs.append((before, mark, character))
            before, mark = character, ""
    return pairs
