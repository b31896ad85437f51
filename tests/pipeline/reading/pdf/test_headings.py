"""Headings as classes set them that were read wrongly once."""

import pymupdf
import pytest

from tests.pipeline.reading.papers import sections
from tests.pipeline.reading.pdf.test_document import (
    front,
    headed,
    pages,
    plotted,
    prose,
    rows,
    text_of,
    words_of,
)


@pytest.mark.parametrize(
    ("heads", "found"),
    [
        (
            (("1 Waiting", "tibo", 10, 72), ("Appendix A: A proof", "tiro", 10.8, 72),
             ("A1 First step", "tibo", 10, 72), ("A2 Second step", "tibo", 10, 72),
             ("Appendix B. Another proof", "tibo", 10, 72)),
            [("1", "Waiting"), ("A", "A proof"), ("A1", "First step"), ("A2", "Second step"), ("B", "Another proof")],
        ),
        (
            (("1 Waiting", "tibo", 10, 72), ("1.1 aSVC and its parts", "tibo", 10, 72),
             ("1.2 (Partial) waiting", "tibo", 10, 72), ("2 lower words are none", "tibo", 10, 72)),
            [("1", "Waiting"), ("1.1", "aSVC and its parts"), ("1.2", "(Partial) waiting")],
        ),
        (
            (("1. Waiting", "tibo", 10, 72), ("1. 2 Its steps", "tibo", 10, 72), ("2. 3D waiting", "tibo", 10, 72)),
            [("1", "Waiting"), ("1.2", "Its steps")],
        ),
        (
            (("I. WAITING FOR THEM", "tiro", 9, 0), ("II. MOVING ON", "tiro", 9, 0)),
            [("I", "WAITING FOR THEM"), ("II", "MOVING ON")],
        ),
    ],
    ids=["appendices", "beginnings", "a space in a number", "capitals in small"],
)  # fmt: skip
def test_headings(heads: tuple[tuple[str, str, float, float], ...], found: list[tuple[str, str]]) -> None:
    assert headed(*heads) == found


def test_an_appendix_has_its_parts_below_it() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 4)
        for head in ("Appendix A: Proofs", "A1 First step", "Appendix B: More"):
            y = prose(page, 72, rows(page, 72, y + 18, head, font="tibo") + 6, 4, int(y))

    first, proofs, more = pages(draw, 1).sections
    assert [child.number for child in proofs.sections] == ["A1"]
    assert (first.number, more.number) == ("1", "B")


def test_a_heading_may_stand_right_below_another() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 6)
        y = rows(page, 72, y + 12, "2. Waiting", "2.1. Its steps", font="tibo")
        prose(page, 72, y + 3, 6, 2)

    assert [section.number for section in sections(pages(draw, 1))] == ["1", "2", "2.1"]


def test_a_symbol_may_be_the_first_word_of_a_bold_heading_of_two_rows() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        x, y = 72.0, prose(page, 72, front(page) + 8, 4) + 18
        words, more = "-waiting of those who have been waiting for", "-times of a, and of b or"
        for text, font in (("2. ", "tibo"), ("f", "symb"), (words, "tibo"), (" (", "tiro"), ("f", "symb"),
                           (")", "tiro"), (more, "tibo")):  # fmt: skip
            page.insert_text((x, y), text, fontsize=10, fontname=font)
            x += pymupdf.get_text_length(text, font, 10)
        rows(page, 72, y + 11, "c to f", font="tibo")
        prose(page, 72, y + 30, 4)

    title = sections(pages(draw, 1))[-1].title
    assert title.endswith("of a, and of b or c to f")


def test_capitals_in_the_middle_may_have_two_rows() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, 60, 4)
        wide = max(pymupdf.get_text_length(line, "tiro", 10) for line in words_of(4))
        for text in ("3. RESULTS OF WAITING AND A COMPARISON WITH THE ORIGINAL", "MODEL"):
            x = 72 + (wide - pymupdf.get_text_length(text, "tiro", 10)) / 2
            y = rows(page, x, y + 14 * (text != "MODEL"), text)
        prose(page, 72, y + 6, 4)

    assert sections(pages(draw, 1))[-1].title.endswith("ORIGINAL MODEL")


def test_a_paragraph_that_reaches_behind_a_figures_frame_stays_text() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 8)
        page.draw_rect((72, y - 40, 500, y + 120), color=None, fill=(1, 1, 1), overlay=False)
        plotted(page, y + 10, "our rule of waiting")
        rows(page, 72, y + 165, "Figure 1: The error over time.")
        prose(page, 72, y + 195, 5, 3)

    paper = pages(draw, 1)
    assert paper.figures[0].text.startswith("our rule")
    assert len(text_of(paper)[0].split()) > 8 * 13


def test_a_heading_in_italics_may_run_into_its_paragraph_without_a_point() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 4)
        y = rows(page, 72, y + 12, "1.1 Steps", font="tibo") + 8
        for text, font, x in (
            ("1.1.1 Dependence on the grid ", "tiit", 72),
            ("The algorithm waits", "tiro", 195),
        ):
            rows(page, x, y, text, font=font)
        prose(page, 72, y + 12, 4)

    section = sections(pages(draw, 1))[-1]
    assert (section.number, section.title) == ("1.1.1", "Dependence on the grid")
    assert section.blocks[0].text.startswith("The algorithm waits")


def test_the_title_of_a_letter_without_headings_stands_above_it() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        rows(page, 200, 60, "A Fine Method", "of Waiting", size=12, font="tibo", step=14)
        rows(page, 230, 95, "Ada Lovelace")
        prose(page, 72, 130, 20)

    paper = pages(draw, 1)
    assert paper.title == "A Fine Method of Waiting"
    assert "Ada Lovelace" in paper.text()
