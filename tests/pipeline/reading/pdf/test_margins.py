"""What stands beside the text of a page, and is none of it."""

import re

import pymupdf
import pytest

from pipeline.reading.pdf import pages as pdf_pages
from tests.pipeline.reading.papers import sections
from tests.pipeline.reading.pdf.test_document import front, pages, prose, rows, text_of


@pytest.mark.parametrize(("step", "left"), [(1, 40), (5, 40), (1, 560)])
def test_the_numbers_of_a_manuscripts_lines_are_no_text(step: int, left: float) -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8 if number == 0 else 100, 20, number)
        y = rows(page, 72, y + 12, f"{number + 2} Waiting", font="tibo")
        prose(page, 72, y + 6, 15, number)
        for line in range(0, 35, step):
            rows(page, left, 190 + 12 * line, str(30 * number + line), size=7)

    paper = pages(draw, 4)
    assert [section.number for section in sections(paper)] == ["1", "2", "3", "4", "5"]
    assert not any(character.isdigit() for text in text_of(paper) for character in text)


def test_a_column_of_numbers_within_the_text_is_no_numbering() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8 if number == 0 else 100, 10, number)
        y = rows(page, 72, y + 12, f"Table {number + 1}: What was measured.")
        for value in range(5):
            rows(page, 90, y + 12 * value, str(value + 1))
            rows(page, 200, y + 12 * value, f"result {value + 1}")
        prose(page, 72, y + 90, 10, number)

    assert len(re.findall(r"\b4\W+result 4", pages(draw, 4).text())) == 4


def test_the_number_of_a_bold_heading_at_the_top_of_a_page_is_no_page_number() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 1:
            rows(page, 72, 40, "2", font="tibo")
            rows(page, 90, 40, "Moving on", font="tibo")
        prose(page, 72, front(page) + 8 if number == 0 else 60, 20, number)

    found = [(section.number, section.title) for section in sections(pages(draw, 2))]
    assert found == [("1", "Introduction"), ("2", "Moving on")]


def test_a_large_running_head_need_not_be_at_the_very_edge() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number > 0:
            rows(page, 72, 90, f"{number + 1} Lovelace et al.", size=13)
        prose(page, 72, front(page) + 8 if number == 0 else 130, 20, number)

    assert [section.title for section in sections(pages(draw, 6))] == ["Introduction"]


def test_small_print_beside_the_text_does_not_break_its_rows() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        rows(page, 200, 60, "A Fine Method", size=17, font="tibo")
        rows(
            page,
            200,
            110,
            "Abstract: We say in brief what the whole of this paper says at length, and",
            size=9,
        )
        rows(page, 200, 121, "no more than that.", size=9)
        y = rows(page, 200, 150, "1. Introduction", font="tibo")
        prose(page, 200, y + 3, 20, size=9.5)
        rows(page, 36, 140, "Received: in May", "Accepted: in June", "Copyright: by the", "authors.", "Licence: one",
             size=7, step=9)  # fmt: skip

    (text,) = text_of(paper := pages(draw, 1))
    assert [section.title for section in sections(paper)] == ["Introduction"]
    assert "Accepted" not in text


def test_a_row_over_both_columns_may_have_a_wide_space_in_it() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        rows(page, 150, 60, "A Fine Method", size=17, font="tibo")
        rows(
            page,
            110,
            114,
            "We say in brief what the whole of this paper says at length, and no more than we have to",
        )
        rows(page, 110, 126, "say.")
        rows(
            page,
            140,
            126,
            "Then we say what others have said, which is more than that, at the length it takes.",
        )
        y = rows(page, 72, 160, "1 Introduction", font="tibo") + 3
        for x in (72, 320):
            rows(page, x, y, *["Half of the width of a page is enough for this text"] * 30)

    assert pages(draw, 1).abstract.startswith("We say in brief")


def test_points_of_a_plot_that_are_set_as_letters_are_no_text() -> None:
    document = pymupdf.open()
    page = document.new_page()
    for point in range(1200):
        page.insert_text((100 + 8 * (point % 50), 20 + 8 * (point // 50)), "l", fontsize=4, fontname="zadb")
    rows(page, 72, 300, "time")
    (line,) = pdf_pages.pages(document.tobytes()).pages[0].lines
    assert line.spans[0].text == "time"


def test_a_long_abstract_over_both_columns_leaves_them_two_below_it() -> None:
    abstract = "We say in brief what the whole of this paper says, and it is much longer than brief"
    half = "Half of the width of a page is enough for this text"

    def draw(page: pymupdf.Page, number: int) -> None:
        if number > 0:
            for x in (72, 320):
                rows(page, x, 60, *[half] * 50)
            return
        rows(page, 150, 60, "A Fine Method", size=17, font="tibo")
        rows(page, 90, 90, "Abstract", font="tibo")
        y = rows(page, 90, 104, *[abstract] * 30) + 20
        # The second column begins beside the heading.
        rows(page, 72, y, "1 Introduction", font="tibo")
        rows(page, 72, y + 12, *[half] * 8, "The first column ends here,")
        rows(page, 320, y, "and the second one goes on with it.", *[half] * 9)

    paper = pages(draw, 4)
    assert [section.title for section in sections(paper)] == ["Introduction"]
    assert "The first column ends here, and the second one goes on with it." in text_of(paper)[0]
