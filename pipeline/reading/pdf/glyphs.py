"""PDF glyphs: characters as a PDF names them to what is printed. Pure.

Some PDF writers lose the encoding of TeX's symbol fonts, so that `∈` comes out as `2` and `α` as `↵`. Those
fonts hold no such characters, so the font's name and the character together say what it is.
Source: D. E. Knuth, The TeXbook, appendix F (tables 4 to 6: cmmi, cmsy, cmex).
"""

import re
import unicodedata
from functools import lru_cache

from pipeline.reading.pdf.pages import Span

MADE = "LMMath"
"""Font of pieces that were put together here: one for mathematics whose characters print what they say."""
_LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st",
        "\u00a0": " ", "\u200b": "", "\u00ad": "-",
    }
)  # fmt: skip
_ACCENTS = dict(zip("´`¨ˆ˜ˇ¸˚", "\u0301\u0300\u0308\u0302\u0303\u030c\u0327\u030a", strict=True))
_SPACING_ACCENT = re.compile(r"([´`¨ˆ˜ˇ¸˚]) ?([^\W\d_])")

_ITALIC = str.maketrans({"↵": "α", "✓": "θ", "✏": "ϵ", "⇣": "ζ", "◆": "ι", "⌘": "η"})
_SYMBOLS = str.maketrans(
    {
        "0": "′", "1": "∞", "2": "∈", "3": "∋", "8": "∀", "9": "∃", "!": "→", "r": "∇", "k": "‖", "p": "√",
        "j": "|",
        "h": "⟨", "i": "⟩", "b": "⌊", "c": "⌋", "d": "⌈", "e": "⌉", "f": "{", "g": "}", "n": "\\", "q": "∐",
        "s": "∫",
        "t": "⊔", "u": "⊓", "^": "∧", "_": "∨", "[": "∪", "\\": "∩", "]": "⊎", "/": "∝", ";": "∅", "(": "⇐",
        ")": "⇒",
        "$": "↔", "\u0014": "≤", "\u0015": "≥", "\u0012": "⊆", "\u0000": "−", "⇤": "∗", "⇥": "×", "⇡": "≈",
        "⇠": "∼",
        "⌘": "≡", "✓": "⊆", "\uf8ff": "≤",
    }
)  # fmt: skip
_EXTENSIBLE = str.maketrans(
    {
        "X": "∑", "P": "∑", "Y": "∏", "Q": "∏", "Z": "∫", "R": "∫", "p": "√", "q": "√", "r": "√", "s": "√",
        "t": "√",
        "S": "⋃", "T": "⋂", "b": "\u0302", "c": "\u0302", "d": "\u0302", "e": "\u0303", "f": "\u0303",
        "g": "\u0303",
        '"': "[", "#": "]", "h": "[", "i": "]", "n": "{", "o": "}",
        "⇣": "(", "⌘": ")", "✓": "(", "◆": ")", "!": ")",
    }
)  # fmt: skip
# amssymb's first font.
_RELATIONS = str.maketrans(
    {
        ",": "≜", "/": "⪅", ".": "≲", "&": "≳", "'": "⪆", "6": "⩽", ">": "⩾", "\u0003": "□", "\u0004": "■",
        "X": "✓",
    }
)  # fmt: skip
_WIDE_SPACES = {id(_SYMBOLS): "←", id(_EXTENSIBLE): "("}
_FONTS = (
    (re.compile(r"MSAM\d"), _RELATIONS),
    (re.compile(r"CMEX\d|LMMathExtension\d"), _EXTENSIBLE),
    (re.compile(r"CMB?SY\d"), _SYMBOLS),
    (re.compile(r"CMMIB?\d"), _ITALIC),
)


def printed(span: Span) -> str:
    """What a span prints. Wide accents come out as combining ones."""
    table = _table(span.font)
    if table is None:
        return span.text
    text = span.text.translate(table)
    if span.text[:1] == " " and (wide := _WIDE_SPACES.get(id(table))):
        # The glyph in the place of the space; only the width that it leaves tells it from a space.
        # Before a relation it is a space that justification has stretched.
        rest = text.strip()
        needed = 1.7 if rest else 0.85 if wide == "←" else 0.6
        if len(rest) < 2 and rest not in ("≤", "≥", "∈", "≈", "∼") and span.x1 - span.x0 > needed * span.size:
            return f" {wide} {rest}"
    return text


def hanging(span: Span) -> tuple[float, float] | None:
    """Top and bottom of a large symbol or a root, most of which hang from their baseline instead of standing
    on it.
    """
    table = _table(span.font)
    if table is _SYMBOLS and span.text.strip() in ("p", "√"):
        return span.baseline, span.baseline + span.size
    if table is not _EXTENSIBLE:
        return None
    if all(map(unicodedata.combining, printed(span).strip())):
        return span.baseline - 0.75 * span.size, span.baseline
    return span.baseline, span.baseline + 1.4 * span.size


@lru_cache(maxsize=1024)
def _table(font: str) -> dict[int, str] | None:
    """What the characters of a font print, if they are not what they say."""
    return next((table for name, table in _FONTS if name.search(font)), None)


def mended(text: str) -> str:
    """Ligatures taken apart, accents put on their letters."""
    text = _SPACING_ACCENT.sub(
        lambda m: unicodedata.normalize("NFC", m[2].replace("ı", "i").replace("ȷ", "j") + _ACCENTS[m[1]]),
        text.translate(_LIGATURES),
    )
    return unicodedata.normalize("NFC", text)
