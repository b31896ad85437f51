"""How glyphs and rows of mathematics are put together, on pages given as values."""

import time

import pytest

from pipeline.reading.pdf import document
from pipeline.reading.pdf.glyphs import printed
from pipeline.reading.pdf.layout import Row, rows
from pipeline.reading.pdf.pages import Line, Page, Pages, Span
from pipeline.reading.pdf.text import joined

SENTENCE = "This row of text reaches from the left edge of the page to the right one and goes on"


def span(
    text: str, x: float, baseline: float, font: str = "Times", size: float = 10, width: float | None = None
) -> Span:
    right = x + (0.45 * size * len(text) if width is None else width)
    return Span(text, size, 0, font, x, baseline - 0.8 * size, right, baseline + 0.2 * size, baseline)


def line(*spans: Span) -> Line:
    box = (spans[0].x0, min(s.y0 for s in spans), max(s.x1 for s in spans), max(s.y1 for s in spans))
    return Line(box, True, spans)


def page(*lines: Line) -> Page:
    return Page(612, 792, lines)


@pytest.mark.parametrize(
    ("text", "font", "width", "expected"),
    [
        (" ", "CMSY10", 10.0, "←"),
        (" ", "CMSY10", 3.0, ""),
        (" r", "CMSY10", 20.4, "← ∇"),
        (" r", "CMSY10", 10.8, "∇"),
        (" ≥", "CMSY10", 20.4, "≥"),
        ("2", "CMSY10", 6.7, "∈"),
        (" ", "CMEX10", 7.4, "("),
        ("#", "CMEX10", 5.0, "]"),
        (",", "MSAM10", 7.0, "≜"),
        ("/", "MSAM10", 7.0, "⪅"),
        ("2,", "Times", 7.0, "2,"),
    ],
)
def test_symbols_of_tex_fonts_whose_names_were_lost(
    text: str, font: str, width: float, expected: str
) -> None:
    assert printed(span(text, 100, 100, font, width=width)).strip() == expected


def test_a_root_belongs_to_the_row_into_which_it_hangs() -> None:
    found = rows(
        [
            page(
                line(span(SENTENCE, 72, 200)),
                line(span("p", 116, 203.5, "CMSY10", width=8)),
                line(
                    span("decays by 1/", 72, 212, width=44),
                    span("t", 124, 212, "CMMI10"),
                    span(" later", 128, 212),
                ),
                line(span(SENTENCE, 72, 224)),
            )
        ]
    )
    assert [row.text for row in found] == [SENTENCE, "decays by 1/√t later", SENTENCE]


def display(middle: float) -> list[Line]:
    """A displayed equation in three rows; its bar stands at the left edge of the column."""
    return [
        line(span("a + b", 150, middle - 7, "CMMI10"), span("c + d", 250, middle - 7, "CMMI10")),
        line(
            span("R", 74, middle, "CMMI10"), span("≤", 90, middle, "CMSY10"), span("x", 400, middle, "CMMI10")
        ),
        line(span("2y", 155, middle + 7, "CMMI10"), span("3z", 255, middle + 7, "CMMI10")),
    ]


def test_the_rows_of_a_displayed_fraction_stay_together() -> None:
    text = [line(span(SENTENCE, 72, 300 + 12 * n)) for n in range(8)]
    after = [line(span(SENTENCE, 72, 440 + 12 * n)) for n in range(8)]
    paper = document.read(Pages((page(*text, *display(410), *after),), 1))
    blocks = [block for section in paper.sections for block in section.blocks]
    assert [block.kind for block in blocks] == ["paragraph", "equation", "paragraph"]
    assert "R ≤" in blocks[1].text and "2y" in blocks[1].text


def test_a_paragraph_that_a_figure_parts_is_one() -> None:
    first = [line(span(SENTENCE, 72, 600 + 12 * n)) for n in range(4)]
    caption = line(span("Figure 1: What is seen.", 200, 72))
    second = [
        line(span("and ends after the figure" if n == 0 else SENTENCE, 72, 120 + 12 * n)) for n in range(4)
    ]
    paper = document.read(Pages((page(*first), page(caption, *second)), 2))
    blocks = [block for section in paper.sections for block in section.blocks]
    assert [block.kind for block in blocks] == ["paragraph", "figure"]
    assert "goes on and ends after the figure" in blocks[0].text


def test_a_footnote_is_no_part_of_the_text_above_it() -> None:
    text = [line(span(SENTENCE, 72, 600 + 12 * n)) for n in range(4)]
    note = line(span("2", 72, 697, size=5), span("A note in small print.", 76, 700, size=8))
    paper = document.read(Pages((page(*text, note),), 1))
    blocks = [block for section in paper.sections for block in section.blocks]
    assert [(block.kind, block.anchor) for block in blocks] == [("paragraph", None), ("footnote", "Fn2")]
    assert blocks[1].text == "Footnote 2: A note in small print."


def test_a_paragraph_of_any_length_is_joined_in_time_that_grows_with_it() -> None:
    texts = [span(f"row {n} of a long text", 72, 12.0) for n in range(20_000)]
    found = [Row(0, (72, 200), (text,), 12.0, 10.0) for text in texts]
    began = time.process_time()
    assert joined(found, frozenset()).count("row") == 20_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "pieces",
    [
        [line(span("word here", 100, 50 + n * 0.035)) for n in range(20_000)],
        [line(span("w", 10 + n * 0.025, 400)) for n in range(20_000)],
        [line(span("word", 10 + n * 0.05, 400)) for n in range(10_000)]
        + [line(span("x", 10 + n * 0.05, 396, size=6)) for n in range(10_000)],
    ],
    ids=["below each other", "in one row", "with as many scripts"],
)
def test_a_page_of_any_number_of_pieces_takes_time_that_grows_with_them(pieces: list[Line]) -> None:
    began = time.process_time()
    assert rows([page(*pieces)])
    assert time.process_time() - began < 8


def test_a_row_may_have_as_many_sizes_as_words() -> None:
    cloud = [span(word, 72 + 80 * index, 100, size=8 + 2 * index) for index, word in enumerate(["many"] * 6)]
    (found,) = rows([page(*(line(one) for one in cloud))])
    assert found.text.split() == ["many"] * 6
