"""Encodings: the bytes of TeX files to text, by what any file of the document declares. Pure.

Source: the tables of inputenc, CJK and ctex.
"""

import codecs
import re
from collections.abc import Iterable

from charset_normalizer import from_bytes

_ENCODINGS = {
    "utf8": "utf-8", "utf8x": "utf-8", "ascii": "utf-8", "latin1": "cp1252", "ansinew": "cp1252", "latin2": "iso8859-2",
    "latin3": "iso8859-3", "latin4": "iso8859-4", "latin5": "iso8859-9", "latin9": "iso8859-15",
    "latin10": "iso8859-16", "koi8-ru": "koi8-u", "applemac": "mac-roman", "macroman": "mac-roman",
    "macce": "mac-latin2", "maccyr": "mac-cyrillic", "next": "cp1252", "decmulti": "cp1252",
    "cp437de": "cp437", "x-iso-8859-5": "iso8859-5", "iso88595": "iso8859-5", "bg5": "big5", "bg5hk": "big5hkscs",
    "sjis": "shift_jis", "ks": "euc-kr", "hangul": "euc-kr", "jis": "iso2022_jp", "euc": "euc-jp", "cjk-gbk": "gb18030",
    "gbk": "gb18030", "gb": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "utf-8": "utf-8",
    "utf-8 unicode": "utf-8", "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "windows-1252": "cp1252",
}  # fmt: skip
_DECLARED = re.compile(
    rb"\\(?:usepackage|RequirePackage)\s*\[([^\]]{0,2000}+)\]\s*\{(?:inputenc|inputenx|selinput)\}"
    rb"|\\inputencoding\s*\{([^{}]*)\}"
    rb"|\\begin\s*\{CJK\*?\}\s*+(?:\[[^\]]{0,2000}+\]\s*+)?\{([A-Za-z0-9]+)\}"
    rb"|\\documentclass\s*\[([^\]]{0,2000}+)\]\s*\{ctex[a-z]*\}|\\usepackage\s*\[([^\]]{0,2000}+)\]\s*\{ctex(?:cap)?\}"
    rb"|^%.{0,40}?(?:encoding|coding)\s*[:=]\s*([A-Za-z0-9_-]+)",
    re.MULTILINE,
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_FOREIGN = 0.12
"""Share of bytes beyond ASCII from which a text is not Western with accents."""
_FEW = 12
"""Bytes beyond ASCII of which nothing can be told."""
_FOREIGN_WORDS = re.compile(rb"[\x80-\xff]{2,}+(?:[ ,.:;()-]{1,3}+[\x80-\xff]++)*+")
"""Accents stand one by one among other letters; what has other letters stands together."""
_NOT_WESTERN = ["koi8_r", "cp1251", "iso8859_5", "cp866", "iso8859_7", "gb18030", "big5", "euc_jp", "euc_kr"]


def declared(contents: Iterable[bytes]) -> str | None:
    """The encoding that one of these files declares for all, as Python calls it; None if none does."""
    for content in contents:
        for found in _DECLARED.finditer(content):
            written = next(group for group in found.groups() if group is not None).decode("ascii", "replace")
            for name in reversed(written.lower().split(",")):
                known = _known(name.strip())
                if known and known != "utf-8":
                    return known
    return None


def _known(name: str) -> str | None:
    if name in _ENCODINGS:
        return _ENCODINGS[name]
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):  # the second for a name with a null character in it
        return None


def decode(content: bytes, encoding: str | None = None) -> str:
    """Text in the encoding that it declares, that `encoding` says for all files, or that fits; `\\n` for line ends."""
    return decoded(content, encoding)[0]


def decoded(content: bytes, encoding: str | None = None) -> tuple[str, str | None]:
    """As `decode`, and the encoding where it was guessed."""
    for mark, known in _MARKS:
        if content.startswith(mark):
            return _lines(content.decode(known, "replace").removeprefix("\ufeff")), None
    try:
        return _lines(content.decode("utf-8")), None
    except UnicodeDecodeError as error:
        own = declared([content])
        if own or encoding:
            return _lines(content.decode(own or encoding or "utf-8", "replace")), None
        # One stray byte in a UTF-8 file does not make it Latin-1.
        if rb"{inputenc}" in content and re.search(rb"utf8x?\]\s*\{inputenc\}", content):
            return _lines(content.decode("utf-8", "replace")), None
        guess = _guessed(content[max(0, error.start - 20_000) : error.start + 40_000])
        return _lines(content.decode(guess, "replace")), guess


def _guessed(sample: bytes) -> str:
    foreign = sum(byte > 0x7F for byte in sample)
    words = b"\n".join(_FOREIGN_WORDS.findall(sample))
    if foreign >= max(_FEW, _FOREIGN * len(sample)):
        best = from_bytes(sample).best()
    elif len(words) >= max(_FEW, foreign / 2):
        best = from_bytes(words, cp_isolation=_NOT_WESTERN).best()
    else:
        best = None
    return best.encoding if best else "cp1252"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
