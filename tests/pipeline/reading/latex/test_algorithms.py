from pipeline.reading.latex.document import numbers
from tests.pipeline.reading.papers import blocks, written


def lines(body: str, preamble: str = "") -> list[str]:
    block = next(block for block in blocks(written(body, preamble)) if block.kind == "algorithm")
    return block.text.split("```")[1].strip("\n").split("\n")


def test_algorithmicx_with_words_of_its_own() -> None:
    shown = lines(
        r"""\begin{algorithm}\caption{x}\begin{algorithmic}[1]
\Require $x$
\INPUT $y$
\Init{zero}
\ParFor{$i$} \State $a$ \EndParFor
\Statex note
\State \Call{Sort}{$x$, $y$} \Comment{slow}
\Until{done}
\RETURN $z$
\end{algorithmic}\end{algorithm}""",
        r"\renewcommand{\algorithmicrequire}{\textbf{Given:}}\newcommand{\INPUT}{\item[\textbf{Input:}]}"
        r"\algnewcommand{\Init}[1]{\State \textbf{initialise} #1}"
        r"\algblockdefx[PF]{ParFor}{EndParFor}[1]{\textbf{in parallel for} #1}{\textbf{end parallel}}",
    )
    assert shown == [
        "Given: $x$",
        "Input: $y$",
        "1: initialise zero",
        "2: in parallel for $i$",
        "3:   $a$",
        "4: end parallel",
        "note",
        "5: Sort($x$, $y$) ▷ slow",
        "6: until done",
        "7: return $z$",
    ]


def test_the_ends_of_blocks_are_no_lines_where_they_are_not_printed() -> None:
    body = (
        r"\begin{algorithm}\begin{algorithmic}[1]\If{a}\State b\EndIf\State c\label{l}\end{algorithmic}\end{algorithm}"
        r"\ref{l}"
    )
    assert lines(body, r"\usepackage[noend]{algpseudocode}") == ["1: if a then", "2:   b", "3: c"]
    assert written(body, r"\usepackage[noend]{algpseudocode}").text().strip().endswith("3")


def test_algorithm2e_with_words_of_its_own() -> None:
    body = r"""\begin{algorithm}\caption{x}
\Inputs{data $D$}
\tcc{prepare}
$a\gets\Init(D)$\label{l}\tcp*[r]{once}
\For(\tcp*[h]{many}){$i$ \KwTo $n$}{\lIf{$a$}{\Stop} b\;}
\Fn{\Init{$D$}}{\KwRet{$0$}\;}
\Remark{the end}
\end{algorithm} Line \ref{l}."""
    preamble = (
        r"\usepackage[linesnumbered,noend]{algorithm2e}\SetKwInOut{Inputs}{inputs}\SetKwFunction{Init}{init}"
        r"\SetKw{Stop}{stop}\SetKwProg{Fn}{def}{:}{}\SetKwComment{Remark}{/* }{ */}"
    )
    assert lines(body, preamble) == [
        "inputs: data $D$",
        "▷ prepare",
        r"1: $a\gets\texttt{init}(D)$ ▷ once",
        "2: for $i$ to $n$ do ▷ many",
        "3:   if $a$ then stop",
        "4:   b",
        "5: def init($D$):",
        "6:   return $0$",
        "▷ the end",
    ]
    assert "Line 1." in written(body, preamble).text()


def test_labels_of_algorithm2e_stand_for_the_line_before_them_or_for_the_whole() -> None:
    body = (
        r"\begin{algorithm}\DontPrintSemicolon\label{whole}a\label{one}\;\label{also one}b\;"
        r"\If{c}{\label{three}d\;}\caption{x}\label{whole too}\end{algorithm}\label{behind}"
    )
    others = 6 * r"\begin{algorithm}\caption{x}e\;\end{algorithm}"
    text = (
        rf"\documentclass{{article}}\usepackage[linesnumbered]{{algorithm2e}}\begin{{document}}{others}{body}"
    )
    assert numbers({"main.tex": f"{text}\\end{{document}}".encode()}) == {
        "whole": "7", "whole too": "7", "one": "1", "also one": "1", "three": "3", "behind": "5",
    }  # fmt: skip


def test_loops_without_end_are_not_indented_without_end() -> None:
    paper = written(r"\begin{algorithmic}" + r"\For{a}" * 2_000 + r"\end{algorithmic}")
    assert len(paper.text()) < 500_000
