import re
from collections.abc import Callable
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

import pymupdf
import pytest

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import document as latex
from pipeline.reading.paper import Paper
from pipeline.reading.pdf import document as pdf
from pipeline.reading.pdf import pages as pdf_pages
from pipeline.reading.pdf.glyphs import mended
from pipeline.reading.pdf.pages import Line, Page, Pages, Span
from tests.pipeline.reading.papers import anchors, blocks, real, sections

SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "


def made(draw: Callable[[pymupdf.Page], None], pages: int = 1) -> Paper:
    document = pymupdf.open()
    for _ in range(pages):
        draw(document.new_page())
    return pdf.read(pdf_pages.pages(document.tobytes()))


def rows(
    page: pymupdf.Page,
    x: float,
    y: float,
    *lines: str,
    size: float = 10,
    font: str = "tiro",
    step: float = 12,
) -> float:
    for line in lines:
        page.insert_text((x, y), line, fontsize=size, fontname=font)
        y += step
    return y


def front(page: pymupdf.Page) -> float:
    rows(page, 150, 60, "A Fine Method", size=17, font="tibo")
    rows(page, 200, 85, "Ada Lovelace")
    rows(page, 270, 110, "Abstract", size=12, font="tibo")
    rows(
        page,
        100,
        130,
        "We say in brief what the whole of this paper says at length, and no more than",
        "that.",
    )
    return rows(page, 72, 170, "1 Introduction", size=12, font="tibo")


def test_a_page_of_one_column() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        full = "This row of text reaches from the left edge of the text to the right one and is inter-"
        y = rows(
            page,
            72,
            y + 8,
            full,
            "esting because a word is parted; state-of-the-art is one that is not, as we",
        )
        y = rows(page, 72, y, "all know.")
        y = rows(page, 72, y + 14, "2.1 The first part", size=11, font="tibo")
        rows(
            page,
            72,
            y + 8,
            "More text is here about state-of-the-art things that are said in two rows, the sec-",
            "ond one.",
        )

    paper = made(draw)
    assert (paper.title, paper.authors) == ("A Fine Method", ("Ada Lovelace",))
    assert paper.abstract.endswith("and no more than that.")
    assert anchors(paper) == ["S1", "S2.1"]
    assert [section.title for section in sections(paper)] == ["Introduction", "The first part"]
    assert paper.find("is interesting because a word is parted") == "S1"
    assert paper.find("things that are said in two rows, the second one") == "S2.1"


def test_ligatures_and_accents_are_mended() -> None:
    assert mended("eﬃcient ﬁne ﬂow Poincar´e G¨odel na¨ıve") == "efficient fine flow Poincaré Gödel naïve"


def test_two_columns_are_read_one_after_the_other() -> None:
    left = [f"left row {n} has some words of its own here" for n in range(30)]
    right = [f"right row {n} has other words of its own too" for n in range(30)]

    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        rows(page, 72, y + 10, *left)
        rows(page, 320, y + 10, *right)

    text = " ".join(made(draw).text().split())
    assert " ".join(left) in text
    assert " ".join(right) in text


def test_running_heads_and_page_numbers_are_no_text() -> None:
    def draw(page: pymupdf.Page) -> None:
        rows(page, 72, 30, "Published as a conference paper", size=8)
        rows(page, 72, 100, *[SENTENCE] * 20)
        rows(page, 300, 810, str(page.number + 1))

    text = made(draw, pages=4).text()
    assert "Published" not in text
    assert not re.search(r"bank\. \d", text)


def test_a_table_under_its_caption() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE * 1] * 3)
        y = rows(page, 72, y + 12, "Table 2: What was measured.")
        for cells in (("Model", "BLEU", "Steps"), ("base", "27.3", "100K"), ("big", "28.4", "300K")):
            for x, cell in zip((90, 220, 330), cells, strict=True):
                rows(page, x, y + 8, cell)
            y += 12
        rows(page, 72, y + 30, *[SENTENCE * 1] * 3)

    table = next(block for block in blocks(made(draw)) if block.kind == "table")
    assert table.anchor == "Tab2"
    assert table.text.split("\n")[2:] == [
        "| Model | BLEU | Steps |",
        "| --- | --- | --- |",
        "| base | 27.3 | 100K |",
        "| big | 28.4 | 300K |",
    ]


def test_cells_that_a_space_parts_or_that_go_on_in_the_next_row_are_one() -> None:
    cells = (
        (("Model", 90), ("What it does", 180), ("BLEU", 400)),
        (("base", 90), ("waits until the noise is small", 180), ("27.3", 400)),
        (("and then moves on", 180),),
        (("wide", 90), ("moves", 180), ("and never waits", 230), ("28.4", 400)),
        (("deep", 90), ("waits for what comes and goes", 180), ("29.0", 400)),
    )

    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE * 1] * 3)
        y = rows(page, 72, y + 12, "Table 2: What was measured.") + 8
        for number, row in enumerate(cells):
            for cell, x in row:
                rows(page, x, y + 12 * number, cell)
        rows(page, 72, y + 100, *[SENTENCE * 1] * 3)

    table = next(block for block in blocks(made(draw)) if block.kind == "table")
    assert table.text.split("\n")[2:] == [
        "| Model | What it does | BLEU |",
        "| --- | --- | --- |",
        "| base | waits until the noise is small and then moves on | 27.3 |",
        "| wide | moves and never waits | 28.4 |",
        "| deep | waits for what comes and goes | 29.0 |",
    ]


def test_the_label_of_several_rows_stands_at_the_first_of_them() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE * 1] * 3)
        y = rows(page, 72, y + 12, "Table 2: What was varied.") + 8
        rows(page, 90, y + 6, "Set")
        for number, cells in enumerate(
            (("h", "BLEU"), ("1", "24.9"), ("2", "25.5"), ("4", "25.8"), ("8", "25.4"))
        ):
            for x, cell in zip((220, 330), cells, strict=True):
                rows(page, x, y + 12 * number, cell)
        rows(page, 90, y + 18, "(A)")
        rows(page, 90, y + 42, "(B)")
        rows(page, 72, y + 100, *[SENTENCE * 1] * 3)

    table = next(block for block in blocks(made(draw)) if block.kind == "table")
    assert table.text.split("\n")[2:] == [
        "| Set | h | BLEU |",
        "| --- | --- | --- |",
        "| (A) | 1 | 24.9 |",
        "|  | 2 | 25.5 |",
        "| (B) | 4 | 25.8 |",
        "|  | 8 | 25.4 |",
    ]


def test_a_word_that_an_ending_parts_is_one() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        full = "A parameter of this row of text, and an English one, and so that it is a parameter-"
        other = "ized row of text which is translated from English to German on to the end, so English-"
        rows(page, 72, y + 8, full, other, "to-German is one.")

    paper = made(draw)
    assert paper.find("a parameterized row") and paper.find("English-to-German is one")
    assert "parameterized" in paper.text() and "English-to-German" in paper.text()


def test_references_are_cut_from_the_body_but_kept() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE * 1] * 3)
        y = rows(page, 72, y + 14, "References", size=12, font="tibo")
        y = rows(
            page,
            72,
            y + 8,
            "[1] A. One. A title that goes on and on over the end of",
            "the row. 2017.",
            "[2] B. Two. 2018.",
        )
        y = rows(page, 72, y + 14, "A Proofs", size=12, font="tibo")
        rows(page, 72, y + 8, *[SENTENCE] * 2)

    paper = made(draw)
    assert paper.references == (
        "[1] A. One. A title that goes on and on over the end of the row. 2017.",
        "[2] B. Two. 2018.",
    )
    assert anchors(paper) == ["S1", "AppA"]
    assert paper.find("A title that goes on") is None


def test_appendices_and_tables_after_the_references_are_read() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE * 1] * 6)
        y = rows(page, 190, y + 14, "REFERENCES")
        y = rows(page, 72, y + 8, "[1] A. One. A title. 2017.", "[2] B. Two. 2018.", size=9)
        y = rows(page, 190, y + 14, "APPENDIX A", "WHAT WAS SET")
        y = rows(page, 72, y + 8, *[SENTENCE] * 4)
        y = rows(page, 190, y + 14, "APPENDIX B", "WHAT WAS NOT")
        rows(page, 72, y + 8, *[SENTENCE] * 4)

    paper = made(draw)
    assert paper.references == ("[1] A. One. A title. 2017.", "[2] B. Two. 2018.")
    assert [(s.anchor, s.title) for s in sections(paper)][1:] == [
        ("AppA", "WHAT WAS SET"),
        ("AppB", "WHAT WAS NOT"),
    ]


def test_a_table_may_stand_beside_the_references() -> None:
    cells = (("Rate", "0.1"), ("Batch", "64"), ("Epochs", "90"))

    def draw(page: pymupdf.Page, number: int) -> None:
        if number < 2:
            for x in (72, 320):
                rows(page, x, 80, *(" ".join(line.split()[:6]) for line in words_of(40, int(x) + number)))
            return
        y = 100
        rows(page, 160, y, "REFERENCES")
        entries = [
            f"[{n}] A. Body, a title of so many words as fill this row, {2000 + n}." for n in range(1, 9)
        ]
        rows(page, 72, y + 20, *entries, size=8)
        rows(page, 410, y, "TABLE I", size=8)
        for n, (name, value) in enumerate(cells):
            rows(page, 330, y + 22 + 10 * n, name, size=8)
            rows(page, 450, y + 22 + 10 * n, value, size=8)

    paper = pages(draw, 3)
    tables = "\n".join(block.text for block in blocks(paper) if block.kind == "table")
    assert all(f"| {name} | {value} |" in tables for name, value in cells)
    assert len(paper.references) == 8
    assert not any("Batch" in entry for entry in paper.references)


def test_a_banner_is_no_title_and_a_paragraph_in_larger_type_no_heading() -> None:
    def draw(page: pymupdf.Page) -> None:
        rows(page, 72, 40, "TECHNICAL REPORT", size=19, font="hebi")
        y = rows(page, 72, 70, "A Fine Method", size=16, font="hebo")
        y = rows(page, 72, y + 8, "Ada Lovelace", "Independent Researcher", size=11)
        y = rows(page, 72, y + 20, "ABSTRACT", size=8, font="hebo")
        y = rows(page, 72, y, *[SENTENCE] * 20, size=8)
        y = rows(page, 72, y + 20, "1 INTRODUCTION", size=10, font="hebo") + 6
        y = rows(
            page, 72, y, "The first row of it says more than a heading does and", *[SENTENCE] * 5, size=9
        )
        y = rows(page, 72, y + 12, "# cells that begin so are text.", size=8)

    paper = made(draw)
    assert (paper.title, paper.authors) == ("A Fine Method", ("Ada Lovelace",))
    assert [section.title for section in sections(paper)] == ["INTRODUCTION"]
    assert not re.search(r"^# cells", paper.text(), re.MULTILINE)


def test_characters_without_meaning_are_counted_in_the_notes() -> None:
    document = pymupdf.open()
    rows(document.new_page(), 72, 80, *[SENTENCE] * 5)
    read = pdf_pages.pages(document.tobytes())
    line = read.pages[0].lines[0]
    spoiled = replace(line, spans=(replace(line.spans[0], text="\N{REPLACEMENT CHARACTER}" * 3),))
    page = replace(read.pages[0], lines=(spoiled, *read.pages[0].lines[1:]))
    assert not any("no meaning" in note for note in pdf.read(read).notes)
    assert any(note.startswith("3 characters") for note in pdf.read(replace(read, pages=(page,))).notes)


def test_short_cells_in_small_print_stand_in_one_row() -> None:
    def draw(page: pymupdf.Page) -> None:
        y = front(page)
        y = rows(page, 72, y + 8, *[SENTENCE] * 5)
        y = rows(page, 190, y + 12, "Table 1: What was set.") + 12
        for n, (name, value) in enumerate((("Name", "Value"), ("Rate", "0.1"), ("Size", "64"))):
            rows(page, 240, y + 10 * n, value, size=8)
            rows(page, 180, y + 10 * n, name, size=8)

    table = next(block.text for block in blocks(made(draw)) if block.kind == "table")
    assert table.split("\n")[2:] == ["| Name | Value |", "| --- | --- |", "| Rate | 0.1 |", "| Size | 64 |"]


def test_only_so_many_pages_are_read_and_it_is_said() -> None:
    document = pymupdf.open()
    for _ in range(5):
        rows(document.new_page(), 72, 100, *[SENTENCE] * 10)
    paper = pdf.read(pdf_pages.pages(document.tobytes(), max_pages=2))
    assert "first 2 of 5 pages" in " ".join(paper.notes)


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory": 60_000_000}])
def test_a_pdf_that_needs_too_much_is_stopped(limits: dict[str, int]) -> None:
    document = pymupdf.open()
    rows(document.new_page(), 72, 100, SENTENCE)
    with pytest.raises(PaperUnreadable) as error:
        pdf_pages.pages(document.tobytes(), **limits)
    assert error.value.hint


def words(paper: Paper) -> list[str]:
    """Words of running text in order; what floats, mathematics and citations are left out."""
    text = [paper.abstract]
    for section in sections(paper):
        text += [section.title, *(b.text for b in section.blocks if b.kind in ("paragraph", "list"))]
    bare = re.sub(r"\$[^$]*\$|\[[^\[\]()]{0,80}\]|[\^_]\{[^}]*\}", " ", " ".join(text))
    return [word for word in re.findall(r"[a-z]+", bare.lower()) if len(word) > 1]


def test_a_paper_that_is_there_in_both_forms_reads_the_same() -> None:
    tex = latex.read({"paper.tex": real("1706.03762-transformer/paper.tex").read_bytes()})
    printed = pdf.read(pdf_pages.pages(real("1706.03762-transformer/paper.pdf").read_bytes()))

    def headings(paper: Paper) -> list[tuple[str, str]]:
        return [(section.number, section.title) for section in sections(paper) if section.number]

    assert headings(printed) == headings(tex)
    wanted = words(tex)
    same = SequenceMatcher(None, wanted, words(printed), autojunk=False).get_matching_blocks()
    assert sum(block.size for block in same) >= 0.95 * len(wanted)
    floats = {a for a in anchors(tex) if a.startswith(("Eq", "Tab", "Fig"))}
    assert floats <= set(anchors(printed))
    assert "softmax(QK^{T}/√d_{k} )V" in printed.text()
    assert len(printed.references) == 40
    assert printed.authors[0] == "Ashish Vaswani" and len(printed.authors) == 8


def test_the_pdf_whose_words_others_glue_together() -> None:
    paper = pdf.read(pdf_pages.pages(real("1412.6980-adam/paper.pdf").read_bytes()))
    assert paper.title == "Adam: A Method for Stochastic Optimization"
    assert paper.authors == ("Diederik P. Kingma", "Jimmy Lei Ba")
    assert (
        paper.find(
            "an algorithm for first-order gradient-based optimization of stochastic objective functions"
        )
        == "Abstract"
    )
    assert paper.find("based on adaptive estimates of lower-order moments") == "Abstract"
    assert (
        paper.find(r"$\beta_1, \beta_2 \in [0, 1)$: Exponential decay rates for the moment estimates")
        == "Alg1"
    )
    assert paper.find(r"$\beta_2 = 0.999$ and $\epsilon = 10^{-8}$") == "Alg1"
    assert "m̂_{t} ← m_{t}/(1 − β_{1}^{t})" in paper.text()
    assert {f"Eq{n}" for n in range(1, 13)} <= set(anchors(paper))
    assert "|∆_{t}| ≤ α · (1 − β_{1})/√(1 − β_{2})" in paper.text()
    assert "we define γ ≜ β_{1}^{2}/√β_{2}" in paper.text()
    assert "= (1 − β_{2})∑_{i=1}^{t}β_{2}^{t−i} · g_{i}^{2}" in paper.text()
    prose = re.sub(r"```.*?```", " ", paper.text(), flags=re.DOTALL)
    assert max(map(len, re.findall(r"[A-Za-z]+", prose))) < 20


WORDS = [
    "the",
    "rule",
    "waits",
    "where",
    "noise",
    "is",
    "large",
    "and",
    "moves",
    "on",
    "where",
    "it",
    "is",
    "small",
    "so",
    "that",
    "nobody",
    "has",
    "to",
    "tune",
    "it",
]


def words_of(count: int, start: int = 0) -> list[str]:
    lines = [" ".join(WORDS[(start + 7 * n + k) % len(WORDS)] for k in range(14)) for n in range(count)]
    return [*lines[:-1], f"{lines[-1]}."]


def prose(page: pymupdf.Page, x: float, y: float, count: int, start: int = 0, **how: Any) -> float:
    """Rows of a text, no two neighbours alike."""
    return rows(page, x, y, *words_of(count, start), **how)


def pages(draw: Callable[[pymupdf.Page, int], None], count: int, **fonts: bytes) -> Paper:
    document = pymupdf.open()
    for number in range(count):
        draw(document.new_page(width=612, height=792), number)
    data = document.tobytes(deflate=False, no_new_id=True)
    for old, new in fonts.items():
        name = old.replace("_", "-").encode()
        data = data.replace(b"/" + name, b"/" + new.ljust(len(name)))
    return pdf.read(pdf_pages.pages(data))


def text_of(paper: Paper) -> list[str]:
    return [block.text for block in blocks(paper) if block.kind == "paragraph"]


@pytest.mark.parametrize("font", [b"CMR10", b"STIXGeneral"])
def test_a_font_that_has_mathematics_too_is_text_where_a_document_is_set_in_it(font: bytes) -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(page, 72, 120, "1 Introduction", size=12, font="tibo")
        for paragraph in range(3):
            rows(page, 87, y + 4, "Here a paragraph begins and")
            y = prose(page, 72, y + 16, 5, paragraph)

    paper = pages(draw, 1, Times_Roman=font)
    assert {block.kind for block in blocks(paper)} == {"paragraph"}
    assert len(text_of(paper)) == 3


def test_page_numbers_that_count_on_are_no_text_wherever_they_stand() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(page, 72, 120, "1 Introduction", size=12, font="tibo") + 8 if number == 0 else 120
        lines = [
            " ".join(WORDS[(7 * n + k + number) % 20] for k in range(14)) for n in range(int((655 - y) / 12))
        ]
        y = rows(page, 72, y, *lines)
        rows(page, 303, 697, str(number + 7))

    (text,) = text_of(pages(draw, 3))
    assert not re.search(r"\d", text)


def test_a_number_that_ends_a_page_is_kept_where_it_does_not_count_on() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(page, 72, 120, f"{number + 1} Part", size=12, font="tibo")
        prose(page, 72, y + 8, 20)
        rows(page, 72, y + 8 + 20 * 12, ("17", "5", "40")[number])

    assert re.findall(r"\d+", " ".join(text_of(pages(draw, 3)))) == ["17", "5", "40"]


def test_heads_that_name_the_section_are_no_text_but_headings_at_the_top_of_a_page_are() -> None:
    def heads(page: pymupdf.Page, number: int) -> None:
        rows(page, 72, 90, f"{number + 1}. WAITING {['ONE', 'TWO', 'THREE', 'FOUR'][number]}", font="tiit")
        y = rows(page, 72, 130, f"{number + 1} Part", size=12, font="tibo")
        prose(page, 72, y + 8, 30, number)

    found = pages(heads, 4)
    assert [section.title for section in sections(found)] == ["Part"] * 4
    assert "WAITING" not in found.text()

    def headings(page: pymupdf.Page, number: int) -> None:
        heading = f"{number + 1} {WORDS[number].title()}"
        y = rows(page, 72, 100, heading, font="tibo") + 12 if number % 2 == 0 else 100
        prose(page, 72, y, 30, number)

    assert [section.number for section in sections(pages(headings, 6)) if section.number] == ["1", "3", "5"]


def test_a_running_head_that_repeats_the_title_does_not_take_it_along() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            rows(page, 150, 100, "A Fine Method", size=17, font="tibo")
            rows(page, 72, 150, "Abstract", size=12, font="tibo")
            prose(page, 72, 170, 3)
            rows(page, 72, 240, "1 Introduction", size=12, font="tibo")
        else:
            rows(page, 150, 100, "A Fine Method", size=8)
        prose(page, 72, 260 if number == 0 else 130, 20, number)

    paper = pages(draw, 3)
    assert paper.title == "A Fine Method"
    assert "Fine" not in " ".join(text_of(paper))


def test_a_table_of_contents_is_no_text_and_its_entries_no_sections() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            y = rows(page, 72, 100, "Contents", size=14, font="tibo") + 10
            entries = (
                "1 Introduction",
                "2 A way of waiting whose name is",
                "long",
                "2.1 Steps . . . . . . . . .",
                "3 End",
            )
            for entry, place in zip(entries, ("1", "", "2", "2", "11"), strict=True):
                rows(page, 72, y, entry, font="tibo" if entry[1] == " " else "tiro")
                rows(page, 540 - 5 * len(place), y, place)
                y += 14
            return
        title = ("Introduction", "A way of waiting", "End")[number - 1]
        y = rows(page, 72, 100, f"{number} {title}", size=14, font="tibo")
        prose(page, 72, y + 8, 20, number)

    paper = pages(draw, 4)
    assert anchors(paper) == ["S1", "S2", "S3"]
    assert [section.title for section in sections(paper)] == ["Introduction", "A way of waiting", "End"]
    assert "Contents" not in paper.text()
    assert "Steps" not in paper.text()


def test_the_cover_of_a_repository_is_no_part_of_the_paper() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            rows(page, 72, 100, "HAL Id: hal-01234567", "Submitted on 3 May 2020", size=9)
            rows(page, 72, 200, "The Same Method, as the Cover Names It", size=20, font="tibo")
            rows(page, 72, 260, "To cite this version:", "Ada Lovelace. The Same Method. 2020.")
        else:
            prose(page, 72, front(page) + 8, 20)

    paper = pages(draw, 2)
    assert (paper.title, paper.authors) == ("A Fine Method", ("Ada Lovelace",))
    assert "HAL" not in paper.text()


def headed(*heads: tuple[str, str, float, float], size: float = 10) -> list[tuple[str, str]]:
    """Numbers and titles of sections that are set so: text, font, size, left edge (0: in the middle)."""

    def draw(page: pymupdf.Page, number: int) -> None:
        y = 60.0
        for text, font, of, x in heads:
            wide = max(pymupdf.get_text_length(line, "tiro", size) for line in words_of(20))
            middle = 72 + (wide - pymupdf.get_text_length(text, font, of)) / 2
            y = rows(page, x or middle, y + 18, text, font=font, size=of)
            y = prose(page, 72, y + 8, 5, int(y), size=size)

    return [(section.number, section.title) for section in sections(pages(draw, 1)) if section.title]


@pytest.mark.parametrize(
    ("heads", "found"),
    [
        (
            (("I. WAITING", "tibo", 9, 0), ("A. Steps of it", "tibo", 9, 0), ("1. In small", "tiit", 9, 0),
             ("II. END", "tibo", 9, 0), ("A. Of it", "tibo", 9, 0), ("Appendix A: Proof", "tibo", 9, 0)),
            [("I", "WAITING"), ("I-A", "Steps of it"), ("I-A1", "In small"), ("II", "END"), ("II-A", "Of it"),
             ("A", "Proof")],
        ),
        (
            (("1. Waiting", "tibo", 10, 72), ("1.1. Steps of it", "tiit", 10, 72), ("2. End", "tibo", 10, 72)),
            [("1", "Waiting"), ("1.1", "Steps of it"), ("2", "End")],
        ),
        (
            (("1. Waiting", "tiro", 10, 72), ("1.1. Steps of it", "tiro", 10, 72), ("2. More", "tiro", 10, 72),
             ("3. End", "tiro", 10, 72)),
            [("1", "Waiting"), ("1.1", "Steps of it"), ("2", "More"), ("3", "End")],
        ),
        (
            (("INTRODUCTION", "tibo", 9, 0), ("Steps of waiting", "tibo", 9, 0)),
            [("", "INTRODUCTION"), ("", "Steps of waiting")],
        ),
        (
            (("1 Waiting", "tibo", 10, 72), ("1.1 Steps of it", "tiro", 10, 72), ("2 More", "tibo", 10, 72),
             ("2.1 End", "tiro", 10, 72), ("3 Last", "tibo", 10, 72), ("4 A row of something", "tiro", 10, 72)),
            [("1", "Waiting"), ("1.1", "Steps of it"), ("2", "More"), ("2.1", "End"), ("3", "Last")],
        ),
    ],
    ids=["revtex", "elsevier", "as the text", "letters", "as the text below bold ones"],
)  # fmt: skip
def test_headings_of_many_classes(
    heads: tuple[tuple[str, str, float, float], ...], found: list[tuple[str, str]]
) -> None:
    assert headed(*heads) == found


@pytest.mark.parametrize(
    ("size", "font", "last"),
    [
        (14.0, "tibo", "3 A comparison of what we wait for with"),
        (8.0, "tiro", f"3 A comparison {'of waiting ' * 5}with"),
    ],
    ids=["large", "as the text"],
)
def test_a_long_heading_is_one_in_two_rows(size: float, font: str, last: str) -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(
            page, 72, 90, ("1 Waiting", "2 Moving on", last)[number], font=font, size=size, step=1.2 * size
        )
        if number == 2:
            y = rows(page, 72, y, "what we find", font=font, size=size)
        prose(page, 72, y + 14, 20, number, size=8, step=9.6)

    wide = max(pymupdf.get_text_length(line, "tiro", 8) for line in words_of(20))
    assert pymupdf.get_text_length(last, font, size) > 0.75 * wide
    assert [section.title for section in sections(pages(draw, 3))] == [
        "Waiting",
        "Moving on",
        f"{last[2:]} what we find",
    ]


def test_code_and_mathematics_in_a_bold_heading_are_not_bold() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        x, y = 72.0, prose(page, 72, front(page) + 8, 4) + 16
        for text, font in (("1.1 Using the ", "tibo"), ("Wait", "cour"), (" class", "tibo")):
            page.insert_text((x, y), text, fontsize=10, fontname=font)
            x += pymupdf.get_text_length(text, font, 10)
        prose(page, 72, y + 18, 4)

    assert [section.title for section in sections(pages(draw, 1))] == ["Introduction", "Using the Wait class"]


def test_running_heads_in_the_size_of_a_heading_are_none() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number > 0:
            rows(page, 72, 50, f"{number + 1} Lovelace et al.", size=13)
        prose(page, 72, front(page) + 8 if number == 0 else 90, 20, number)

    paper = pages(draw, 6)
    assert [section.title for section in sections(paper)] == ["Introduction"]
    assert "Lovelace et al." not in paper.text()


def test_a_sentence_that_begins_with_the_number_of_a_table_is_no_caption() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 4)
        prose(page, 72, rows(page, 84, y, "Table 3.1 and Figures 5 to 7 all make several points that are"), 4)

    assert {block.kind for block in blocks(pages(draw, 1))} == {"paragraph"}


def test_items_of_a_list_are_no_headings() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 4)
        y = rows(page, 84, y + 6, "1. Wait for the noise to fall", "2. Move on", "3. Stop")
        prose(page, 72, y + 6, 4)

    assert [section.number for section in sections(pages(draw, 1))] == ["1"]


def test_headings_in_small_capitals_or_with_a_name_in_them_are_headings_though_their_number_is_plain() -> (
    None
):
    """As the AMS and the AAS set them; small capitals and code have fonts of their own."""
    heads = (
        ("1. ", "Times", "Introduction", "LMRomanCaps10-Regular"),
        ("1.1. ", "CMR10", "LISA", "CMTI10"),
        ("1.2. ", "CMR10", "Strains of", "CMTI10"),
        ("2. ", "Times", "References", "LMRomanCaps10-Regular"),
    )
    lines: list[Line] = []
    y = 100.0
    for number, plain, title, font in heads:
        title = Span(title, 10, 0, font, 90, y - 8, 170, y + 2, y)
        code = [Span("run", 10, 0, "CMTT10", 175, y - 8, 195, y + 2, y)] if title.text.endswith("of") else []
        lines.append(
            Line(
                (72, y - 8, 195, y + 2),
                True,
                (Span(number, 10, 0, plain, 72, y - 8, 86, y + 2, y), title, *code),
            )
        )
        for _ in range(5):
            y += 12
            text = f"{y:.0f} {' '.join(WORDS[:14])}"
            lines.append(
                Line((72, y - 8, 400, y + 2), True, (Span(text, 10, 0, "Times", 72, y - 8, 400, y + 2, y),))
            )
        y += 20
    paper = pdf.read(Pages((Page(612, 792, tuple(lines)),), 1))
    assert [(s.number, s.title) for s in sections(paper)] == [
        ("1", "Introduction"),
        ("1.1", "LISA"),
        ("1.2", "Strains of run"),
    ]
    assert paper.references


def test_a_numbered_heading_may_run_into_its_paragraph() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 4)
        rows(page, 72, y + 14, "1.1.1 Rounding: it goes down.", font="tiit")
        rows(page, 210, y + 14, "Here the text goes on at once and")
        y = prose(page, 72, y + 26, 4)
        rows(page, 72, y + 14, "A.1.1 Of the machine.", font="tibo")
        rows(page, 180, y + 14, "This too goes on at once and")
        prose(page, 72, y + 26, 4)

    paper = pages(draw, 1)
    assert [(s.number, s.title) for s in sections(paper)] == [
        ("1", "Introduction"),
        ("1.1.1", "Rounding: it goes down"),
        ("A.1.1", "Of the machine"),
    ]
    assert [text.split(" and")[0] for text in text_of(paper)[1:]] == [
        "Here the text goes on at once",
        "This too goes on at once",
    ]


def test_a_chapter_is_one_heading_in_two_rows() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = rows(page, 72, 150, f"Chapter {number + 1}", size=20, font="tibo")
        y = rows(page, 72, y + 30, ("Waiting", "Moving on")[number], size=24, font="tibo")
        prose(page, 72, y + 20, 20, number)

    found = [(section.anchor, section.number, section.title) for section in sections(pages(draw, 2))]
    assert found == [("S1", "1", "Waiting"), ("S2", "2", "Moving on")]


def test_a_note_behind_the_references_is_no_reference_and_a_torn_entry_is_one() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        if number == 0:
            y = prose(page, 72, front(page) + 8, 20)
            y = rows(page, 72, y + 14, "References", size=12, font="tibo")
            rows(page, 72, y, "1. A. One, A fine paper of many words, Journal 1, pages", size=8)
            return
        y = rows(page, 84, 80, "365-394 (2019)", "2. B. Two, Another (2020).", size=8)
        y = rows(page, 72, y + 12, "Note added. After this was written we waited once more, and saw that the")
        prose(page, 72, y, 3)

    paper = pages(draw, 2)
    assert paper.references == (
        "1. A. One, A fine paper of many words, Journal 1, pages 365-394 (2019)",
        "2. B. Two, Another (2020).",
    )
    assert text_of(paper)[-1].startswith("Note added. After this was written we waited once more")


def test_the_number_of_an_equation_at_the_end_of_a_page_is_no_page_number() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        prose(page, 72, front(page) + 8 if number == 0 else 90, 20, number)
        if number == 1:
            page.insert_text((200, 740), "abgd", fontsize=10, fontname="symb")
            rows(page, 410, 740, "(7)")

    paper = pages(draw, 3)
    assert [block.anchor for block in blocks(paper) if block.kind == "equation"] == ["Eq7"]


def test_a_first_page_without_the_word_abstract_loses_nothing() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        rows(page, 72, 60, "A Fine Method", size=17, font="tibo")
        rows(page, 72, 85, "ADA LOVELACE, Somewhere")
        y = prose(page, 72, 110, 6, 1)
        y = rows(page, 72, y, "and so it ends.")
        y = rows(page, 72, y + 8, "CCS Concepts: Waiting.", size=9)
        y = rows(page, 72, y + 8, "ACM Reference Format:", size=8)
        y = rows(
            page,
            72,
            y,
            "Ada Lovelace. 2026. A Fine Method. In a journal of so many words that it is wide.",
            size=8,
        )
        y = rows(page, 72, y + 14, "1 Introduction", size=11, font="tibo")
        prose(page, 72, y + 4, 12, 5)

    paper = pages(draw, 1)
    assert "and so it ends." in paper.abstract


def test_references_without_a_heading_are_cut_from_the_body_but_kept() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 20)
        rows(
            page,
            72,
            y + 30,
            "[1] A. One, A fine paper, Journal 1 (2019).",
            "[2] B. Two, Another (2020).",
            size=8,
        )

    paper = pages(draw, 1)
    assert paper.references == ("[1] A. One, A fine paper, Journal 1 (2019).", "[2] B. Two, Another (2020).")
    assert "[1]" not in " ".join(text_of(paper))


def plotted(page: pymupdf.Page, y: float, legend: str) -> None:
    """Axes, two curves, a legend in the text's own size, ticks, and an axis that is written upwards."""
    page.draw_rect((150, y, 450, y + 120))
    page.draw_line((150, y + 120), (450, y + 10), color=(1, 0, 0))
    rows(page, 170, y + 20, legend)
    rows(page, 148, y + 131, "0.5", size=7)
    page.insert_text((138, y + 90), "test error", fontsize=8, fontname="tiro", rotate=90)


def test_what_is_written_in_a_figure_stands_in_its_block_and_not_in_the_text() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 5)
        plotted(page, y + 10, "our rule of waiting")
        rows(page, 72, y + 165, "Figure 1: The error over time.")
        prose(page, 72, y + 195, 5, 3)

    paper = pages(draw, 1)
    (figure,) = paper.figures
    assert figure.text == "our rule of waiting; test error; 0.5"
    assert paper.find("our rule of waiting") == "Fig1"
    assert len(text_of(paper)) == 2
    (drawing,) = figure.drawings
    assert drawing.box is not None
    x0, y0, x1, y1 = drawing.box
    assert x0 < 138
    assert x1 >= 450
    assert 120 < y1 - y0 < 160


def test_a_figure_may_stand_under_its_caption() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 5)
        rows(page, 72, y + 20, "Figure 1: The error over time.")
        plotted(page, y + 35, "our rule of waiting")
        prose(page, 72, y + 205, 5, 3)

    paper = pages(draw, 1)
    assert paper.figures[0].text.startswith("our rule of waiting")
    assert len(text_of(paper)) == 2


def test_a_sentence_that_begins_with_a_tables_number_is_no_caption() -> None:
    def draw(page: pymupdf.Page, number: int) -> None:
        y = prose(page, 72, front(page) + 8, 3)
        y = rows(page, 72, y + 12, "Table 2 summarizes what we found, and Figure 1 shows it.")
        prose(page, 72, y, 3)

    paper = pages(draw, 1)
    assert paper.find("Table 2 summarizes what we found") == "S1"
    assert {block.kind for block in blocks(paper)} == {"paragraph"}
