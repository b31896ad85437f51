import re
from collections.abc import Callable
from difflib import SequenceMatcher

import pymupdf
import pytest

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import document as latex
from pipeline.reading.paper import Paper
from pipeline.reading.pdf import document as pdf
from pipeline.reading.pdf import pages as pdf_pages
from pipeline.reading.pdf.glyphs import mended
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
