"""What the tables of a paper hold, in each form that a paper comes in."""

import time
from pathlib import Path

import pytest

from pipeline.reading import cells, files, markdown, tables
from pipeline.reading.paper import Paper
from pipeline.reading.tables import Table
from tests.pipeline.reading.papers import real, written

EXAMPLE = Path(__file__).parents[3] / "examples" / "innovation-matched-forgetting"


def table(body: str, preamble: str = "") -> Table:
    """The only table of a LaTeX document."""
    source = f"\\begin{{table}}\\caption{{Results.}}{body}\\end{{table}}"
    (found,) = written(source, preamble).tables
    return found


def values(found: Table) -> list[list[float | None]]:
    """Row by row, None where nothing or no number is printed."""
    rows: list[list[float | None]] = [[None] * len(found.columns) for _ in found.rows]
    for cell in found.cells:
        rows[cell.row][cell.column] = cell.value
    return rows


@pytest.mark.parametrize(
    ("text", "value", "spread", "unit"),
    [
        ("**28.4**", 28.4, None, ""),
        ("$\\mathbf{0.12}$", 0.12, None, ""),
        ("**95.1**$\\pm$0.1", 95.1, 0.1, ""),
        ("0.12***", 0.12, None, ""),
        ("28.4^{†}", 28.4, None, ""),
        ("28.4$^{1}$", 28.4, None, ""),
        ("65^{a}", 65, None, ""),
        ("7.1*", 7.1, None, ""),
        ("↑ 7.1", 7.1, None, ""),
        ("$2.3\\cdot10^{19}$", 2.3e19, None, ""),
        ("1.0 · 10^{20}", 1e20, None, ""),
        ("$10^{-3}$", 1e-3, None, ""),
        ("9.58e-04", 9.58e-4, None, ""),
        ("$11.67 \\pm 4.67$", 11.67, 4.67, ""),
        ("$68.6_{\\pm 0.4}$", 68.6, 0.4, ""),
        ("92.3 (0.4)", 92.3, 0.4, ""),
        ("92.3 (±0.4)", 92.3, 0.4, ""),
        ("1.234(5)", 1.234, 0.005, ""),
        ("1.23(4) × 10^{-3}", 1.23e-3, 4e-5, ""),
        ("(1.23 ± 0.04) × 10^{-3}", 1.23e-3, 4e-5, ""),
        ("$1.5^{+0.1}_{-0.2}$", 1.5, 0.2, ""),
        ("(0.3)", None, 0.3, ""),
        ("95.3\\%", 95.3, None, "%"),
        ("12 ms", 12, None, "ms"),
        ("300 km s^{-1}", 300, None, "km s^-1"),
        ("1,234,567", 1234567, None, ""),
        ("10\\,000", 10000, None, ""),
        ("0,35", 0.35, None, ""),
        ("1.8M", 1.8e6, None, ""),
        ("100K", 1e5, None, ""),
        ("\u22122.3", -2.3, None, ""),
        ("74.96 (+1.70)", 74.96, None, ""),
        ("28.9M (35.6%)", 28.9e6, None, ""),
    ],
)
def test_a_number_is_read_as_printed(text: str, value: float | None, spread: float | None, unit: str) -> None:
    assert cells.number(text) == cells.Number(value, spread, unit)


@pytest.mark.parametrize(
    "text",
    [
        "-",
        "n/a",
        "<0.001",
        "5-10",
        "3/4",
        "33.1 / 22.1",
        "KD*",
        "2nd",
        "Table 3",
        "v2",
        "1.2.3",
        "1^{+1.2.3}_{-1}",
        "9" * 110 + "e99 × 10^{99}",
        "1e999",
    ],
)
def test_what_is_no_single_number_has_no_value(text: str) -> None:
    assert cells.number(text) is None


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        ("Training Cost (FLOPs)", "FLOPs"),
        ("accuracy in % $\\uparrow$", "%"),
        ("Time (ms)", "ms"),
        ("Mass / kg", "kg"),
        ("$\\times10^6$", "×10^6"),
        ("Results in English", ""),
        ("Sharpe (annual)", ""),
    ],
)
def test_a_heading_states_a_unit(head: str, unit: str) -> None:
    assert cells.unit(head) == unit


def test_headings_of_several_rows_and_columns() -> None:
    found = table(
        r"""\begin{tabular}{lcccc}\toprule
        \multirow{2}{*}{Model} & \multicolumn{2}{c}{BLEU} & & Cost (FLOPs) \\ \cmidrule{2-3}
        & EN-DE & EN-FR & & EN-DE \\ \midrule
        Old [1] & 26.36 & \textbf{41.29} & & $7.7\cdot10^{19}$ \\
        New\textsuperscript{a} & 28.4 & -- & & \\ \bottomrule\end{tabular}"""
    )
    assert found.anchor == "Tab1"
    assert found.caption == "Table 1: Results."
    assert found.labels == ("Model",)
    assert found.columns == (("BLEU", "EN-DE"), ("BLEU", "EN-FR"), ("Cost (FLOPs)", "EN-DE"))
    assert values(found) == [[26.36, 41.29, 7.7e19], [28.4, None, None]]
    assert [(c.text, c.value) for c in found.cells if c.row == 1] == [("28.4", 28.4), ("–", None)]
    assert [c.unit for c in found.cells] == ["", "", "FLOPs", "", ""]


def test_labels_of_several_rows_and_columns() -> None:
    found = table(
        r"""\begin{tabular}{llrr}
        Dataset & Method & 10 & 20 \\ \hline
        \multirow{2}{*}{MNIST} & Xavier & 31.1 & 35.0 \\ & Proposed & 37.3 & 46.8 \\ \hline
        \multirow{2}{*}{CIFAR} & Xavier & 10.9 & 18.5 \\ & Proposed & 15.2 & 23.1 \\\end{tabular}"""
    )
    assert found.labels == ("Dataset", "Method")
    assert found.rows == (
        ("MNIST", "Xavier"),
        ("MNIST", "Proposed"),
        ("CIFAR", "Xavier"),
        ("CIFAR", "Proposed"),
    )
    assert found.columns == (("10",), ("20",))
    assert values(found)[3] == [15.2, 23.1]


def test_rows_in_groups_with_headings_of_their_own() -> None:
    found = table(
        r"""\begin{tabular}{lcc}Model & Top-1 & Top-5 \\ \hline
        \multicolumn{3}{c}{\textit{supervised}} \\ A & 70.1 & 90.1 \\
        \multicolumn{3}{l}{self-supervised} \\ A & 60.1 & 80.1 \\\end{tabular}"""
    )
    assert found.rows == (("supervised", "A"), ("self-supervised", "A"))
    assert values(found) == [[70.1, 90.1], [60.1, 80.1]]


def test_a_heading_that_is_repeated_begins_a_group() -> None:
    found = table(
        r"""\begin{tabular}{lcc} \textbf{Burgers} & 5 & 10 \\ \hline ours & 1e-3 & 2e-3 \\ \hline
        \textbf{Poisson} & 5 & 10 \\ \hline ours & 3e-3 & 4e-3 \\\end{tabular}"""
    )
    assert found.rows == (("Burgers", "ours"), ("Poisson", "ours"))
    assert values(found) == [[1e-3, 2e-3], [3e-3, 4e-3]]


def test_a_spread_in_a_column_of_its_own_joins_its_value() -> None:
    found = table(
        r"""\begin{tabular}{lr@{}lr@{}l} & \multicolumn{2}{c}{abrupt} & \multicolumn{2}{c}{drift (\%)} \\ \hline
        ridge & $11.67$ & ${\scriptstyle\,\pm\,4.67}$ & 15.70 & (4.69) \\\end{tabular}"""
    )
    assert found.columns == (("abrupt",), ("drift (%)",))
    assert [(c.value, c.spread, c.unit) for c in found.cells] == [(11.67, 4.67, ""), (15.70, 4.69, "%")]


def test_standard_errors_below_their_values_join_them() -> None:
    found = table(
        r"""\begin{tabular}{lcc} & (1) & (2) \\ \hline Education & 0.12*** & 0.10** \\ & (0.03) & (0.04) \\
        $N$ & 1{,}024 & 2{,}048 \\\end{tabular}"""
    )
    assert found.rows == (("Education",), ("$N$",))
    assert [(c.value, c.spread) for c in found.cells] == [
        (0.12, 0.03),
        (0.1, 0.04),
        (1024, None),
        (2048, None),
    ]


def test_a_number_over_two_columns_is_one() -> None:
    found = table(
        r"""\begin{tabular}{l*{1}{r@{.}l}r@{${}\pm{}$}l} & \multicolumn{2}{c}{a} & \multicolumn{2}{c}{b} \\ \hline
        x & 12 & 5 & 3.4 & 0.2 \\ y & 7 & 25 & 1.0 & 0.1\\\end{tabular}"""
    )
    assert found.columns == (("a",), ("b",))
    assert [(c.value, c.spread) for c in found.cells] == [(12.5, None), (3.4, 0.2), (7.25, None), (1.0, 0.1)]


def test_columns_of_siunitx_colours_rules_and_nested_tabulars() -> None:
    found = table(
        r"""\begin{tabular}{l S[table-format=2.1(1)] S} \toprule \rowcolor{gray!10}
        {Star} & {\begin{tabular}{@{}c@{}}Mass\\(kg)\end{tabular}} & {Period} \\ \midrule
        \rowcolor{gray!10} A & 12.5(3) & \num{1.5e4} \\[2pt] \cellcolor{blue!5}B & 1.0 \pm 0.1 & {---} \\
        \bottomrule\end{tabular}""",
        r"\usepackage{siunitx,booktabs,colortbl}",
    )
    assert found.rows == (("A",), ("B",))
    assert found.columns == (("Mass (kg)",), ("Period",))
    assert [(c.value, c.spread, c.unit) for c in found.cells] == [
        (12.5, 0.3, "kg"),
        (15000, None, ""),
        (1.0, 0.1, "kg"),
        (None, None, ""),
    ]


def test_space_between_rows_is_no_text() -> None:
    found = table("\\begin{tabular}{lc}a & b \\\\\n [-0.5mm] x & 1 \\\\ [2pt] y & 2\\end{tabular}")
    assert found.rows == (("x",), ("y",))


def test_a_mark_as_label_carries_the_name_of_its_column() -> None:
    found = table(r"\begin{tabular}{lcc}Model & Aux & Acc \\ A & ✓ & 1.5 \\ A & & 1.2 \\\end{tabular}")
    assert found.rows == (("A", "Aux ✓"), ("A",))


def test_a_table_of_two_columns_without_heading() -> None:
    found = table(r"\begin{tabular}{lr}Papers & 81.1M \\ with PDF & 28.9M \\\end{tabular}")
    assert found.columns == ((),)
    assert found.rows == (("Papers",), ("with PDF",))


def test_a_label_set_by_hand_at_the_middle_is_not_carried_to_what_it_does_not_name() -> None:
    found = table(
        r"\begin{tabular}{llr}Field & Set & F1 \\ & A & 1.1 \\ Bio & B & 1.2 \\ & C & 1.3 \\\end{tabular}"
    )
    assert found.rows == (("A",), ("Bio", "B"), ("C",))


def test_parts_of_a_table_have_the_anchor_of_the_whole() -> None:
    found = written(
        r"""\begin{table}\caption{Both.}\begin{tabular}{lr}a & b \\ x & 1\end{tabular}

        \begin{tabular}{lr}a & c \\ x & 2\end{tabular}\end{table}"""
    ).tables
    assert [(t.anchor, t.caption, values(t)) for t in found] == [
        ("Tab1", "Table 1: Both.", [[1.0]]),
        ("Tab1", "Table 1: Both.", [[2.0]]),
    ]


def markdown_paper(body: str) -> Paper:
    return markdown.read(f"# A paper\n\n## 1 Results\n\n{body}\n")


def test_html_with_cells_over_rows_and_columns() -> None:
    (found,) = markdown_paper(
        'Table 8. Accuracy.\n\n<table><tr><td rowspan=2></td><td colspan="2">R-101</td><td colspan=2>MV2</td></tr>'
        "<tr><td>AP</td><td>AP50</td><td>AP</td><td>AP50</td></tr>"
        "<tr><td>KD [12]</td><td>33.97</td><td>54.66</td><td>30.13</td><td>50.28</td></tr></table>"
    ).tables
    assert found.anchor == "Tab8"
    assert found.columns == (("R-101", "AP"), ("R-101", "AP50"), ("MV2", "AP"), ("MV2", "AP50"))
    assert found.rows == (("KD [12]",),)
    assert values(found) == [[33.97, 54.66, 30.13, 50.28]]


def test_a_body_beside_two_captions_belongs_to_neither() -> None:
    grid = "| a | b |\n| --- | --- |\n| x | 1 |"
    between = markdown_paper(f"Table 1. One.\n\n{grid}\n\nTable 2. Two.").tables
    assert [t.anchor for t in between] == [None]
    after = markdown_paper(f"Table 1. One.\n\n{grid}\n\nTable 2. Two.\n\n{grid}").tables
    assert [t.anchor for t in after] == ["Tab1", "Tab2"]
    before = markdown_paper(f"{grid}\n\nTable 1. One.\n\n{grid}\n\nTable 2. Two.").tables
    assert [t.anchor for t in before] == ["Tab1", "Tab2"]


def test_a_row_of_words_below_the_heading_is_a_row() -> None:
    found = table(
        r"\begin{tabular}{lcc} & Cost & Depth \\ recurrent & linear & deep \\ local & small & 3\end{tabular}"
    )
    assert found.columns == (("Depth",),)
    assert found.rows == (("recurrent", "linear"), ("local", "small"))


def test_both_forms_of_the_example_hold_the_same_numbers() -> None:
    latex, pdf = (files.paper(EXAMPLE / name).tables for name in ("paper.tex", "paper.pdf"))
    for ours, theirs in zip(latex, pdf, strict=True):
        printed = [{(c.row, c.column, c.value, c.spread, c.unit) for c in t.cells} for t in (ours, theirs)]
        assert printed[0] == printed[1]
    assert pdf[1].columns == tuple(
        (over, name)
        for over, names in (
            ("Synthetic: mean squared error ↓", ("stationary", "abrupt", "drift")),
            ("Digits: accuracy in % ↑", ("unchanged", "permuted")),
        )
        for name in names
    )
    assert [c.spread for c in pdf[1].cells][:5] == [0.0003, 4.67, 4.69, 0.3, 1.6]


@pytest.mark.parametrize("form", ["paper.tex", "paper.pdf"])
def test_the_headline_tables_of_a_real_paper(form: str) -> None:
    found = {t.anchor: t for t in files.paper(real("1706.03762-transformer") / form).tables}
    bleu = found["Tab2"]
    assert bleu.columns == (
        ("BLEU", "EN-DE"),
        ("BLEU", "EN-FR"),
        ("Training Cost (FLOPs)", "EN-DE"),
        ("Training Cost (FLOPs)", "EN-FR"),
    )
    assert values(bleu)[7] == [26.36, 41.29, 7.7e19, 1.2e21]
    assert values(bleu)[9][:2] == [28.4, 41.8]
    variations = found["Tab3"]
    assert list(variations.rows) == [("base",)] + [("(A)",)] * 4 + [("(B)",)] * 2 + [("(C)",)] * 7 + [
        ("(D)",)
    ] * 4 + [("(E)",), ("big",)]
    assert values(variations)[-1] == [6, 1024, 4096, 16, None, None, 0.3, None, 3e5, 4.33, 26.4, 213]


@pytest.mark.parametrize(
    "text",
    [
        "|" * 100_000,
        "| a " * 25_000 + "|",
        "| **" * 25_000 + "|",
        "\n".join(f"| {i} | {i} ± 2 |" for i in range(5_000)),
        "| a |\n" * 10_000 + "| b " * 10_000,
        "| " + "9" * 100_000 + " | " + "1," * 50_000 + " |",
        "| " + "*_" * 50_000 + " | " + "(" * 50_000 + " |\n| a | 1 |",
        "| " + "^" * 100_000 + " |",
    ],
)
def test_reading_takes_linear_time(text: str) -> None:
    start = time.process_time()
    tables.read([("Tab1", text)] * 2)
    assert time.process_time() - start < 4
