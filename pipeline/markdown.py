"""Untrusted text made safe to put into Markdown, commit messages and titles. Pure.

Papers, models, programs and strangers write text that ends up in the bot's name on GitHub. There a mention
notifies people, `fixes #1` closes an issue, a fence can be closed early, and invisible characters deceive.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_MOST_SOURCES = 5
_BREAK = "\u200b"
_LIVE = re.compile(r"(?<=@)(?=[\w.-])|(?<=#)(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_BEGINS_A_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?: |$))|(?=[-+=]))")
"""A list item or the line below a heading; `41.8` is a number."""
_ADDRESS = re.compile(r"https?://[\w.~:/?#@!$&*+,;=%-]{1,2000}", re.ASCII)
_ADDRESSES = re.compile(r"(https?://[\w.~:/?#@!$&*+,;=%-]{1,2000}(?<![.,;:!?]))", re.ASCII)
"""Within a sentence, whose full stop is none of theirs."""
_ACTIVE = re.compile(r"(?<=\])(?=[(:\[])|(?<=<)(?=[a-z/!?])|(?<=&)(?=#|\w{1,40};)", re.ASCII | re.IGNORECASE)
"""What makes a link, an image or a definition of brackets, HTML, and a character of its code."""
_DRAWN = re.compile(r"((?:`{3}|~{3})[ \t]*)(?=(?:mermaid|geojson|topojson|stl)\b)", re.IGNORECASE)
"""Fences of which GitHub makes pictures, with links in them."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&#!{}])")


def visible(text: str) -> str:
    """`text` without terminal escapes, control, zero-width and direction characters; line breaks stay."""
    if text.isprintable():
        return text
    text = _ESCAPE_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def plain(text: str) -> str:
    """For commit messages: nobody is mentioned, nothing referenced or linked; looks unchanged."""
    return _LIVE.sub(_BREAK, visible(text))


def line(text: str, limit: int = 300) -> str:
    """`plain` on one line, for titles, at most `limit` characters."""
    text = " ".join(plain(text[: 8 * limit]).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def prose(text: str, limit: int = 1000) -> str:
    """One line of Markdown that renders as `text`, in sentences and table cells."""
    escaped = _SPECIAL.sub(r"\\\1", line(text, limit))
    return _BEGINS_A_BLOCK.sub(r"\1\\", escaped)


def inert(text: str) -> str:
    """Markdown of others in which no link, image, HTML, mention or reference works; it looks unchanged.

    Headings, lists, emphasis, code and mathematics stay, wherever they begin and end.
    """
    return _DRAWN.sub(rf"\1{_BREAK}", _ACTIVE.sub(_BREAK, plain(text)))


def with_addresses(text: str, limit: int = 1000) -> str:
    """`prose` in which web addresses can be copied: they are code, which nobody makes a link of."""
    parts = enumerate(_ADDRESSES.split(text[:limit]))
    return "".join(code(part, 2000) if number % 2 else _spaced(part) for number, part in parts).strip()


def _spaced(text: str) -> str:
    """`prose` with a blank where `text` begins or ends with one."""
    words = prose(text)
    return f"{' ' * text[:1].isspace()}{words}{' ' * text[-1:].isspace()}" if words else " " * bool(text)


def link(text: str, address: str) -> str:
    """A link that reads as `text`; what is no web address is left out."""
    return f"[{prose(text)}]({address})" if _ADDRESS.fullmatch(address) else prose(text)


def because(assumption: Mapping[str, Any], limit: int = 1000) -> str:
    """Why something was assumed, `{"why", "sources": [{"by", "link"}]}`: who has answered, linked to the words."""
    sources = assumption.get("sources", ())
    answered = ", ".join(link(source["by"], source["link"]) for source in sources[:_MOST_SOURCES])
    return f"answered by {answered}" if answered else prose(assumption["why"], limit)


def sentence(text: str) -> str:
    """`text` with the full stop that it may lack."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…:;" or text[-2:] in (".)", ".”", '."', "?)") else f"{text}."


def code(text: str, limit: int = 300) -> str:
    """A code span that renders as `text`, in sentences and table cells."""
    text = line(text, limit).replace(_BREAK, "")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * (longest + 1)
    padding = " " if text[:1] in ("", "`") or text[-1:] == "`" else ""
    return f"{ticks}{padding}{text.replace('|', chr(92) + '|')}{padding}{ticks}"


def block(text: str, language: str = "text") -> str:
    """A fenced block that `text` cannot leave."""
    text = visible(text)
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
