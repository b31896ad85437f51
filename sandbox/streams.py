"""What a program prints, kept within bounds and made fit to be read."""

import re

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
# Controls but tab and newline, then what turns the direction of text or cannot be seen at all.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


class HeadTail:
    """The first and the last bytes of a stream of any length."""

    def __init__(self, limit: int) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._half = max(1, limit // 2)
        self._total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes; never holds more than twice the limit."""
        self._total += len(data)
        room = self._half - len(self._head)
        self._head += data[: max(0, room)]
        self._tail += data[max(0, room) :][-self._half :]
        del self._tail[: -self._half]

    def text(self) -> str:
        """What was kept, readable, with a line that says how much is missing."""
        missing = self._total - len(self._head) - len(self._tail)
        if not missing:
            return readable(bytes(self._head + self._tail))
        return (
            f"{readable(bytes(self._head))}\n[… {missing:,} bytes left out …]\n{readable(bytes(self._tail))}"
        )


def readable(data: bytes) -> str:
    """Text without terminal escapes and overwritten lines; hidden characters are shown as `\\u202e`."""
    return shown(data.decode("utf-8", errors="replace"))


def shown(text: str) -> str:
    """`readable` of what is text already, though perhaps not Unicode."""
    text = _ESCAPE.sub("", text).replace("\r\n", "\n")
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
