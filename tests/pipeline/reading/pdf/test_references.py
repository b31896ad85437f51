"""Lists of references as classes set them that were read wrongly once."""

import pymupdf

from tests.pipeline.reading.papers import sections
from tests.pipeline.reading.pdf.test_document import front, pages, prose, rows, text_of


def entry(page: pymupdf.Page, x: float, y: float, name: str, size: float = 8) -> float:
    """One without a number, whose second row hangs."""
    y = rows(page, x, y, f"{name}, A., 2017, a title that is as long as all of the column", size=size)
    return rows(page, x + 12, y, "and goes on in a second row of it, 3, 1", size=size)


def test_entries_without_numbers_go_on_in_the_next_column_and_page() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            y = rows(page, 72, 80, "1 Introduction", font="tibo") + 3
            y = rows(page, 72, y, *["Half of the width of a page is enough for this text"] * 15)
            y = rows(page, 72, y + 12, "References", font="tibo")
            for name in ("Abel", "Berg", "Curie"):
                y = entry(page, 72, y, name)
            rows(page, 72, y, "de Sitter, W., 2017, another", size=8)
            y = rows(page, 332, 80, "one, with a title that is as long as it may be, 7, 2", size=8)
            for name in ("Erd", "Fermi", "Gauss", "Heine"):
                y = entry(page, 320, y, name)
        else:
            entry(page, 72, entry(page, 72, 60, "Hilbert"), "Ito")

    names = [reference.split(",")[0] for reference in pages(draw, 2).references]
    assert " ".join(names) == "Abel Berg Curie de Sitter Erd Fermi Gauss Heine Hilbert Ito"


def test_references_that_stand_apart_need_no_large_or_bold_heading() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 10)
        y = rows(page, 72, y + 12, "References", size=10.5) + 6
        entry(page, 72, entry(page, 72, y, "Abel"), "Berg")

    paper = pages(draw, 1)
    assert [section.title for section in sections(paper)] == ["Introduction"]
    assert len(paper.references) == 2


def test_entries_with_labels_of_letters_need_no_heading_at_all() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 10) + 8
        for label in ("[AK13]", "[Bur17]"):
            rows(page, 72, y, label)
            y = (
                rows(page, 115, y, "A. Author and others. A title that is so", "long that it needs two rows.")
                + 6
            )

    assert [reference.split()[0] for reference in pages(draw, 1).references] == ["[AK13]", "[Bur17]"]


def test_numbered_entries_may_follow_the_notes_on_authors_at_once() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 10) + 14
        y = rows(page, 76, y, "^{*} ada@example.org", size=8, step=10)
        for n in range(1, 4):
            y = rows(
                page,
                72,
                y,
                f"[{n}] A. Author, A title that is long enough for a row of it, and",
                size=8,
                step=10,
            )
            y = rows(page, 84, y, "for another.", size=8, step=10)

    assert [reference[:3] for reference in pages(draw, 1).references] == ["[1]", "[2]", "[3]"]


def test_a_year_in_bold_at_the_top_of_a_page_goes_on_with_its_entry() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            y = rows(page, 72, prose(page, 72, front(page) + 8, 10) + 14, "References", font="tibo")
            rows(
                page,
                72,
                y,
                "1. Abel, A. A title of it. J. Wait. 2017, 1, 2.",
                "2. Berg, B. Another. J. Wait.",
                size=9,
            )
        else:
            rows(page, 84, 80, "2020", size=9, font="tibo")
            rows(page, 104, 80, ", 66, 365.", size=9)
            rows(page, 72, 92, "3. Curie, C. A third. J. Wait. 2018, 3, 4.", size=9)

    assert [reference[:2] for reference in pages(draw, 2).references] == ["1.", "2.", "3."]


def test_references_may_have_two_columns_below_a_text_of_one() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(page, 260, prose(page, 72, front(page) + 8, 12) + 12, "REFERENCES") + 4
        for x, names in ((72, ("Abel", "Berg", "Curie")), (285, ("Dirac", "Erd"))):
            below = y
            for name in names:
                below = rows(page, x, below, f"{name}, A. 2017, a title that is long enough, of", size=9)
                below = rows(page, x + 10, below, "two rows, 3, 1", size=9)

    paper = pages(draw, 1)
    assert [reference.split(",")[0] for reference in paper.references] == [
        "Abel",
        "Berg",
        "Curie",
        "Dirac",
        "Erd",
    ]
    assert "Abel" not in " ".join(text_of(paper))
