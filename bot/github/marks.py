"""Markers: hidden in what we write, they tell a later attempt what is there already. Pure."""

from bot.intake.intake import MARKER


def unmarked(body: str, mark: str) -> str:
    """What was written with `mark`, as far as `body` is that."""
    return body.replace("\r\n", "\n").rstrip().removesuffix(marker(mark)).rstrip()


def marker(mark: str) -> str:
    """Hidden in Markdown; together with the author it tells that a comment is ours, and which."""
    return f"{MARKER}{mark} -->"


def marked(text: str, mark: str) -> str:
    """`text`, whatever is quoted in it, with this marker and no other."""
    return f"{defused(text)}\n\n{marker(mark)}"


def defused(text: str) -> str:
    """`text` in which nobody finds a marker."""
    return text.replace(MARKER, MARKER.replace("<!", "<! "))


def bears(body: str | None, mark: str) -> bool:
    """Whether the marker stands there, on a line of its own."""
    return marker(mark) in (body or "").splitlines()
