import pytest

from tests.pipeline.reading.papers import blocks, written


def rows(tabular: str, columns: str = "ll") -> list[str]:
    """The rows of the only table, without the line below its heading."""
    paper = written(rf"\begin{{tabular}}{{{columns}}}{tabular}\end{{tabular}}")
    [table] = [block.text for block in blocks(paper) if block.kind == "table"]
    return [row for row in table.split("\n") if "---" not in row]


@pytest.mark.parametrize(
    "rule",
    [
        r"\toprule",
        r"\midrule[1pt]",
        r"\hline\hline",
        r"\cline{1-2}",
        r"\cmidrule(lr){1-1}\cmidrule[1pt](r){2-2}",
        r"\specialrule{1pt}{0pt}{0pt}",
        r"\arrayrulecolor{black}",
        r"\rowcolor[gray]{0.9}",
        r"\noalign{\vskip 2pt}",
        r"\addlinespace",
        r"\botrule",
    ],
)
@pytest.mark.parametrize("space", ["", "\n"])
def test_a_group_that_follows_a_rule_is_the_first_cell(rule: str, space: str) -> None:
    body = rf"{rule}{space}{{$n$ (samples)}} & {{rate}} \\ {rule}{space}{{\bf 6}} & 2.57 \\ {rule}"

    assert rows(body) == ["| $n$ (samples) | rate |", "| **6** | 2.57 |"]


def test_only_rules_that_have_options_take_what_stands_in_brackets() -> None:
    assert rows(r"\hline [0, 1] & b \\ \hline") == ["| [0, 1] | b |"]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (r"\begin{tabular}[c]{@{}l@{}}Top-1\\ (\%)\end{tabular}", "Top-1 (%)"),
        (r"\textbf{\begin{tabular}{l}Top-1\\ (\%)\end{tabular}}", "**Top-1 (%)**"),
        (r"\begin{tabular}{ll}\hline a & b\\\multicolumn{2}{c}{c}\end{tabular}", "a b c"),
        (r"\begin{tabular}{l}a\\\begin{tabular}{l}b\\c\end{tabular}\end{tabular}", "a b c"),
        (r"\makecell{Top-1\\ (\%)}", "Top-1 (%)"),
    ],
)
def test_a_table_in_a_cell_is_lines_of_text(cell: str, shown: str) -> None:
    assert rows(rf"Name & {cell} \\ \hline X & 76.1") == [f"| Name | {shown} |", "| X | 76.1 |"]


def test_a_caption_and_marks_of_notes_in_a_table_of_the_aas() -> None:
    paper = written(
        r"\begin{deluxetable}{cc}\caption{The cost.\label{c}}\tablehead{\colhead{N\tablenotemark{a}} & \colhead{J}}"
        r"\startdata 2.85\tablenotemark{b} & 2 \\ \enddata\tablenotetext{a}{The A.}\end{deluxetable} See \ref{c}."
    )

    assert "[Tab1] Table 1: The cost." in paper.text()
    assert "| N^{a} | J |" in paper.text()
    assert "| 2.85^{b} | 2 |" in paper.text()
    assert "a The A." in paper.text()
    assert "See 1." in paper.text()


def test_a_mark_of_a_note_in_a_table() -> None:
    assert rows(r"Loss\tnote{a} & b") == ["| Loss^{a} | b |"]
