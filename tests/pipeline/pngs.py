"""Small PNG files, made byte by byte, so that they can hold what no honest program writes."""

import random
import struct
import zlib

HEAD = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png(width: int = 40, height: int = 30, grey: int = 120, extra: bytes = b"", tail: bytes = b"") -> bytes:
    """One colour, `extra` chunks before the pixels and anything after the end."""
    lines = (b"\0" + bytes([grey]) * 3 * width) * height
    pixels = chunk(b"IDAT", zlib.compress(lines))
    return HEAD + header(width, height) + extra + pixels + chunk(b"IEND", b"") + tail


def noise(width: int, height: int) -> bytes:
    """As large as its pixels."""
    dice = random.Random(0)
    lines = b"".join(b"\0" + dice.randbytes(3 * width) for _ in range(height))
    return HEAD + header(width, height) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def chunks(data: bytes) -> list[bytes]:
    """The kinds of chunks up to the end of the file."""
    assert data.startswith(HEAD)
    kinds, place = [], len(HEAD)
    while place < len(data):
        kinds.append(data[place + 4 : place + 8])
        place += 12 + struct.unpack(">I", data[place : place + 4])[0]
    return kinds
