import pytest

from sandbox.streams import HeadTail, readable


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n\ttext\r\n", "plain\n\ttext\n"),
        ("accents é, 漢字, emoji 🎉".encode(), "accents é, 漢字, emoji 🎉"),
        (b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b(B\x1bcreset", "red link reset"),
        (b" 10%\r 50%\r100%\ndone\r\n", "100%\ndone\n"),
        ("a\u202eb\u200bc\ufeffd\x00".encode(), "a\\u202eb\\u200bc\\ufeffd\\u0000"),
        (b"\xff\xfe bytes", "\ufffd\ufffd bytes"),
        (b"\x1b]0;never closed\nnext line", ""),
    ],
)
def test_what_a_program_prints_is_made_readable(data: bytes, text: str) -> None:
    assert readable(data) == text


def test_a_short_stream_is_kept_whole() -> None:
    kept = HeadTail(10)
    for part in (b"01", b"234", b"", b"56789"):
        kept.add(part)
    assert kept.text() == "0123456789"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_of_a_long_stream_head_and_tail_are_kept(size: int) -> None:
    data = b"head" + b"x" * 5000 + b"tail"
    kept = HeadTail(8)
    for start in range(0, len(data), size):
        kept.add(data[start : start + size])
    assert kept.text() == "head\n[… 5,000 bytes left out …]\ntail"


def test_of_an_overwritten_line_what_is_seen_last_stays() -> None:
    assert readable(b"10 %\r20 %\r100 %\r\ndone\r\r\n\rend\r") == "100 %\ndone\nend"
