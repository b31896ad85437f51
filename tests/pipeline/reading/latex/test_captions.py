import pytest

from pipeline.reading.latex.document import numbers
from tests.pipeline.reading.papers import blocks, written


def labels(body: str, preamble: str = "") -> dict[str, str]:
    text = (
        f"\\documentclass{{article}}{preamble}\\begin{{document}}\\section{{A}}Text.{body}\\end{{document}}"
    )
    return numbers({"main.tex": text.encode()})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\begin{sidewaystable}\caption{x}\label{a}\end{sidewaystable}", "1"),
        (r"\begin{wrapfigure}{r}{3cm}\caption{x}\label{a}\end{wrapfigure}", "1"),
        (
            r"\begin{longtable}{l}b\end{longtable}\begin{longtable}{l}\caption{x}\label{a}\\b\end{longtable}",
            "2",
        ),
        (r"\begin{deluxetable}{l}\tablecaption{x\label{a}}\startdata 1\\ 2\enddata\end{deluxetable}", "1"),
        (r"\begin{figure}\end{figure}\begin{figure}\caption{x}\caption{y}\label{a}\end{figure}", "2"),
        (r"\begin{figure}\captionof{table}{x}\label{a}\end{figure}", "1"),
        (r"\begin{figure}\caption*{x}\end{figure}\begin{figure}\caption{y\label{a}}\end{figure}", "1"),
        (
            r"\begin{figure}\begin{subfigure}{1cm}\caption{x}\label{a}\end{subfigure}\caption{y}\end{figure}",
            "1a",
        ),
        (
            r"\begin{figure}\caption{y}\subcaptionbox{x\label{b}}{z}\subcaptionbox{x\label{a}}{z}\end{figure}",
            "1b",
        ),
        (
            r"\begin{figure}\subfloat[p]{q}\caption{x}\end{figure}"
            r"\begin{figure}\ContinuedFloat\subfloat[r]{s\label{a}}\caption{y}\end{figure}",
            "1b",
        ),
        (r"\begin{table}\floatconts{a}{\caption{x}}{content}\end{table}", "1"),
        (r"\begin{table}\processtable{x\label{a}}{\begin{tabular}{l}b\end{tabular}}{note}\end{table}", "1"),
        (r"\begin{figure}\setcounter{subfigure}{2}\subfigure[]{z\label{a}}\caption{x}\end{figure}", "1c"),
    ],
)
def test_labels_of_floats(body: str, expected: str) -> None:
    assert labels(body)["a"] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\begin{figure}\label{a}\caption{x}\end{figure}", "51"),
        (r"\begin{figure}\caption{x}\end{figure}\label{a}", "51"),
        (r"\begin{table}{\small b\caption{x}}\label{a}\end{table}", "51"),
        (r"\begin{table}\begingroup\caption{x}\endgroup\label{a}\end{table}", "51"),
        (r"\begin{table}{\caption{x}\label{a}}\end{table}", "1"),
        (r"\begin{table}\begin{center}\caption{x}\end{center}\label{a}\end{table}", "51"),
        (r"\begin{table}\centerline{\caption{x}}\label{a}\end{table}", "51"),
        (r"\begin{table}\caption{x}\begin{tabular}{l}b\label{a}\end{tabular}\end{table}", "1"),
        (r"\begin{longtable}{l}b\label{a}\\\caption{x}\end{longtable}", "1"),
        (r"{\subsection{B}}\label{a}", "51"),
        (r"\begin{deluxetable}{l}\tablecaption{x}\label{a}\startdata 1\enddata\end{deluxetable}", "1"),
    ],
)
def test_a_label_outside_of_the_group_of_its_caption_has_the_number_of_what_is_around(
    body: str, expected: str
) -> None:
    assert labels(rf"\setcounter{{section}}{{50}}\section{{S}}{body}")["a"] == expected


def test_the_aas_took_captions_late_and_for_all_that_follows_until_its_class_6_3() -> None:
    body = (
        r"\setcounter{section}{50}\section{S}"
        r"\begin{deluxetable}{l}\tablecaption{x}\label{a}\startdata 1\enddata\end{deluxetable}"
        r"\begin{deluxetable}{l}\tablecaption{y\label{b}}\startdata 1\enddata\end{deluxetable}\label{c}"
        r"\section{T}\label{d}"
    )
    assert labels(body) == {"a": "1", "b": "2", "c": "51", "d": "52"}
    found = numbers(
        {"main.tex": rf"\documentclass{{aastex62}}\begin{{document}}{body}\end{{document}}".encode()}
    )
    assert found == {"a": "51", "b": "2", "c": "2", "d": "52"}


def test_floats_that_the_author_defines() -> None:
    paper = written(
        r"\begin{program}\caption{Sort}\label{p}x\end{program} See \ref{p}.",
        r"\newfloat{program}{tbp}{lop}\floatname{program}{Program}",
    )
    assert "Program 1: Sort" in paper.text() and "See 1." in paper.text()


def test_a_table_of_the_aas() -> None:
    paper = written(
        r"""\begin{deluxetable*}{lc}\tablewidth{0pt}\tablecaption{Priors}
\tablehead{\colhead{Name} & \twocolhead{Range}}
\startdata $a$ & 1 & \nodata\\ $b$ & 4\tablenotemark{a} & 5 \enddata
\tablenotetext{a}{Wide.}\tablecomments{Uniform.}\end{deluxetable*}"""
    )
    table = next(block for block in blocks(paper) if block.kind == "table")
    assert table.text.split("\n") == [
        "Table 1: Priors", "", "| Name | Range |  |", "| --- | --- | --- |", "| $a$ | 1 | … |", "| $b$ | 4^{a} | 5 |",
        "", "a Wide.", "", "Uniform.",
    ]  # fmt: skip


def test_colours_and_rules_are_no_text_of_a_table() -> None:
    text = written(
        r"""\begin{table}\rowcolors{2}{gray!10}{white}\arrayrulecolor{red}\begin{tabular}{l>{\columncolor{red}}r}\toprule
\rowcolor{gray!10}\cellcolor[HTML]{AAAAAA} a & 0.95\tnote{1}\\\cmidrule(lr){1-2}\specialrule{1pt}{1pt}{1pt}
\rowcolor[gray]{.9} b & 0.9\textsuperscript{a} \\ \arrayrulecolor{blue}\hline c & 7\footnotemark[2]\end{tabular}
\end{table}"""
    ).text()
    assert text.split("\n") == [
        "| a | 0.95^{(1)} |", "| --- | --- |", "| b | 0.9^{a} |", "| c | 7 [^2] |", "",
    ]  # fmt: skip
    assert written(r"An accuracy of 0.95\tnote{1} is kept.").text().strip() == "An accuracy of 0.95 is kept."
