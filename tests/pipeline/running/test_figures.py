"""What a run may draw, and what of that is delivered."""

import json
import zlib

import pymupdf
import pytest

from pipeline.running.figures import MOST_BYTES, SIDE, redrawn
from tests.pipeline.pngs import HEAD, chunk, chunks, header, noise, png


def place(name: str) -> str:
    return f"results/smoke/{name}.png"


def test_a_figure_is_its_pixels_and_nothing_else() -> None:
    hidden = (
        chunk(b"tEXt", b"Comment\0a secret")
        + chunk(b"iTXt", b"Key\0\0\0\0\0a secret")
        + chunk(b"zTXt", b"Key\0\0" + zlib.compress(b"a secret"))
        + chunk(b"eXIf", b"MM\0*\0\0\0\x08 a secret")
        + chunk(b"tIME", b"\x07\xea\x0b\x1d\0\0\0")
        + chunk(b"prVt", b"a secret")
        + chunk(b"pHYs", b"\0\0\x12\x74\0\0\x12\x74\1")
    )
    drawn = png(extra=hidden, tail=b"PK\3\4 a secret")

    (figure,) = redrawn({place("Fig1"): drawn}).shown

    assert chunks(figure.data) == [b"IHDR", b"pHYs", b"IDAT", b"IEND"]
    assert b"secret" not in figure.data
    assert figure.data == redrawn({place("Fig1"): png()}).shown[0].data, "nothing of it has an effect"
    pixels = pymupdf.Pixmap(figure.data)
    assert (pixels.width, pixels.height, pixels.samples) == (40, 30, bytes([120]) * 3 * 40 * 30)
    assert (figure.path, figure.scaled) == ("docs/figures/Fig1.png", False)


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (HEAD + header(60_000, 60_000) + chunk(b"IDAT", zlib.compress(bytes(100_000))), "60 million pixels"),
        (HEAD + header(2**31 - 1, 1), "60 million pixels"),
        (HEAD + header(0, 0) + chunk(b"IEND", b""), "it cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "it is no PNG"),
        (b"GIF89a" + bytes(100), "it is no PNG"),
        (HEAD + b"garbage" * 10, "it is no PNG"),
        (b"", "its file is empty, or larger than 300 kB"),
    ],
)
def test_what_is_no_figure_is_left_out_and_spoils_no_other(drawn: bytes, why: str) -> None:
    made = redrawn({place("Fig1"): drawn, place("Fig2"): png()})
    assert [figure.name for figure in made.shown] == ["Fig2"]
    ((name, said),) = made.left_out
    assert name == "Fig1"
    assert why in said


def test_twenty_are_delivered_and_those_of_the_paper_first() -> None:
    drawn = {place(f"Fig{n}"): png(grey=n) for n in range(1, 21)} | {place("Fig21"): png(grey=21)}
    assert [figure.name for figure in redrawn(drawn).shown] == [f"Fig{n}" for n in range(1, 21)]
    assert redrawn(drawn).beyond == 1

    made = redrawn(drawn, ["Fig21"])
    assert [figure.name for figure in made.shown] == ["Fig21", *(f"Fig{n}" for n in range(1, 20))]
    assert made.beyond == 1


def test_a_large_one_is_scaled() -> None:
    large, wide = noise(1400, 1200), png(5_000, 20)
    assert len(large) > 5_000_000

    made = redrawn({place("Fig1"): large, place("Fig2"): wide})

    one, two = made.shown
    assert one.scaled and len(one.data) <= MOST_BYTES
    assert one.width / one.height == pytest.approx(1400 / 1200, rel=0.02)
    assert (two.scaled, two.width) == (True, SIDE)
    shown = pymupdf.Pixmap(one.data)
    assert (shown.width, shown.height) == (one.width, one.height)


def test_names_are_those_of_files_everywhere() -> None:
    names = [
        "Fig1",
        "fig1",
        "CON",
        "a b",
        "Fig\u202e1",
        "Fig\udcff",
        "-x",
        ".hidden",
        "x" * 100,
        "](evil.example)",
    ]
    others = {"results/smoke/deep/Fig9.png": png(), "results/other/Fig9.png": png(), "Fig9.png": png()}
    made = redrawn({place(name): png() for name in names} | others)
    assert [figure.name for figure in made.shown] == ["Fig1"]
    told = {name for name, _ in made.left_out}
    assert told == {name[:60] for name in names[1:] if name.isprintable()} | {"Fig\\u202e1", "Fig\\udcff"}
    assert json.dumps(made.left_out, ensure_ascii=False).encode()


def test_no_more_names_are_told_than_figures() -> None:
    made = redrawn({place(f"Fig {n}"): png() for n in range(100)})
    assert len(made.left_out) == 20
    assert made.beyond == 80
