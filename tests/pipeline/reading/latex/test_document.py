import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import document as latex
from tests.pipeline.reading.papers import anchors, blocks, real, sections, written


def test_numbers_are_those_of_the_printed_paper() -> None:
    paper = written(
        r"""
\section{One}\label{s1}
\subsection{Deep}\begin{equation}a=b\label{e}\end{equation}
\section*{Aside}
\section{Two}
\begin{align}x&=1\label{x}\\ y&=2\nonumber\\ z&=3\label{z}\end{align}
\begin{equation*}q\end{equation*}
\begin{figure}\caption{F.}\label{f}\end{figure}
\begin{table}\caption{T.}\begin{tabular}{ll}a&b\\\hline c&d\end{tabular}\end{table}
See \ref{s1}, \eqref{z}, Figure~\ref{f}, \cref{e} and \autoref{a}.
\appendix
\section{More}\label{a}\subsection{Still more}
"""
    )
    assert anchors(paper) == [
        "S1",
        "S1.1",
        "Eq1",
        "Aside",
        "S2",
        "Eq2",
        "Eq3",
        "Fig1",
        "Tab1",
        "AppA",
        "AppA.1",
    ]
    assert "See 1, (3), Figure 1, eq. (1) and Appendix A." in paper.text()
    assert "## [S2] 2 Two" in paper.text()
    assert "### [AppA.1] A.1 Still more" in paper.text()
    assert "[Eq2]\n$$\n\\begin{align}\nx&=1\n\\end{align}\n$$" in paper.text()


def test_each_number_of_an_equation_with_several_is_found_by_its_rows() -> None:
    paper = written(r"\section{A}\begin{align}a&=b+c\nonumber\\&=2c\\d&=3e\\f&=4g\nonumber\end{align}")
    assert paper.find("$a = b + c$") == paper.find("$= 2c$") == "Eq1"
    assert paper.find("d=3e") == "Eq2"
    assert paper.find("f=4g") == "S1"


@pytest.mark.parametrize("columns", ["a &= b", r"\begin{cases}x&y\\z&w\end{cases}"])
def test_rows_of_an_environment_inside_of_an_equation_have_no_number(columns: str) -> None:
    assert anchors(written(rf"\begin{{align}}{columns}\\[2pt] c\end{{align}}")) == ["Eq1", "Eq2"]


BIBLATEX = r"""
% $ biblatex auxiliary file $
\begingroup
\refsection{0}
  \datalist[entry]{nty/global//global/global}
    \entry{lo}{inproceedings}{}
      \name{author}{3}{}{%
        {{hash=a}{family={Lo},familyi={L\bibinitperiod},given={Kyle\bibnamedelima A.},giveni={K\bibinitperiod}}}%
        {{hash=b}{family={Wang},given={Lucy}}}%
        {{hash=c}{family={Berg},prefix={van\bibnamedelima den},given={{\'E}va}}}%
      }
      \list{publisher}{1}{%
        {ACL}%
      }
      \strng{namehash}{abc}
      \field{labeltitle}{S2ORC}
      \field{title}{S2ORC: The Corpus}
      \field{booktitle}{Proc. of {ACL}}
      \field{pages}{4969\bibrangedash 4983}
      \field{year}{2020}
      \verb{doi}
      \verb 10.1/a_b%c
      \endverb
    \endentry
    \entry{solo}{book}{}
      \name{editor}{1}{useprefix=true}{%
        {{hash=d}{family={Solo},given={Ada}}}%
      }
      \field{title}{Alone}
      \field{year}{1999}
    \endentry
  \enddatalist
  \datalist[entry]{none/global//global/global}
    \entry{solo}{book}{}
      \field{title}{Alone}
    \endentry
  \enddatalist
\endrefsection
"""


@pytest.mark.parametrize(
    ("options", "cited"),
    [("[style=authoryear]", "see (Lo et al., 2020) and Solo (1999)"), ("", "see [1] and [2]")],
)
def test_references_of_biblatex(options: str, cited: str) -> None:
    paper = written(
        r"\section{A} see \parencite{lo} and \textcite{solo}. \printbibliography \printbibliography[type=book]",
        rf"\usepackage{options}{{biblatex}}\addbibresource{{a.bib}}",
        main__bbl=BIBLATEX,
    )
    assert paper.references == (
        "[1] Kyle A. Lo, Lucy Wang, Éva van den Berg. S2ORC: The Corpus. "
        "Proc. of ACL, ACL, 4969–4983, 10.1/a_b%c. 2020.",
        "[2] Ada Solo. Alone. 1999.",
    )
    assert cited in paper.text()


@pytest.mark.parametrize(
    ("preamble", "body", "expected"),
    [
        (
            r"\usepackage{amsmath}\numberwithin{equation}{section}",
            r"\begin{equation}a\end{equation}",
            "Eq1.1",
        ),
        (r"\renewcommand{\thetable}{S\arabic{table}}", r"\begin{table}\caption{x}\end{table}", "TabS1"),
        (r"\newtheorem{thm}{Theorem}[section]", r"\begin{thm}a\end{thm}", "Theorem1.1"),
        (r"\newtheorem{l}{Lemma}\newtheorem{p}[l]{Claim}", r"\begin{l}a\end{l}\begin{p}b\end{p}", "Claim2"),
        ("", r"\setcounter{equation}{6}\begin{equation}a\end{equation}", "Eq7"),
        ("", r"\begin{equation}a\tag{$\ast$}\end{equation}", r"Eq\ast"),
        ("", r"\begin{subequations}\begin{align}a\\b\end{align}\end{subequations}", "Eq1a"),
        (
            "",
            r"\begin{algorithm}\caption{x}\begin{algorithmic}\State a\end{algorithmic}\end{algorithm}",
            "Alg1",
        ),
    ],
)
def test_counters(preamble: str, body: str, expected: str) -> None:
    assert expected in anchors(written(rf"\section{{A}}{body}", preamble))


def test_classes_with_other_numbers() -> None:
    text = rb"\documentclass[conference]{IEEEtran}\begin{document}\section{A}\subsection{B}x\end{document}"
    assert anchors(latex.read({"a.tex": text})) == ["SI", "SI-A"]
    text = rb"\documentclass{book}\begin{document}\chapter{A}\section{B}\begin{equation}x\end{equation}\end{document}"
    assert anchors(latex.read({"a.tex": text})) == ["S1", "S1.1", "Eq1.1"]


def test_mathematics_is_untouched_but_for_the_authors_macros() -> None:
    paper = written(
        r"\section{A} With $\vx \in \R^{d}$ and \[ \E_{x \sim p} [f(x)] \% \] done.",
        r"\newcommand{\vx}{\mathbf{x}}\def\R{\mathbb{R}}\DeclareMathOperator{\E}{E}",
    )
    assert r"With $\mathbf{x}\in \mathbb{R}^{d}$ and" in paper.text()
    assert "$$\n\\operatorname{E}_{x \\sim p} [f(x)] \\%\n$$" in paper.text()


def test_running_text() -> None:
    paper = written(
        r"""\section{A}
Erd\H{o}s, \'{E}mile, na\"\i ve, Stra\ss e~--- ``so'' it is\footnote{A note with $x$.}, 5\% of \textbf{bold}
and \emph{fine} \texttt{code\_x}, \url{https://a.b/c%d_e} {\it old} % a comment \section{No}
\href{https://x.y/}{there}, see~\cite{k1,k2}.

\paragraph{Run-in.} Text.\\[2pt] More \verb|a%b\c|.
\iffalse hidden \fi
\begin{comment}
hidden too
\end{comment}
"""
    )
    text = paper.text()
    assert (
        'Erdős, Émile, naïve, Straße — "so" it is[^1], 5% of **bold** and *fine* `code_x`, https://a.b/c%d_e *old* '
        "[there](https://x.y/), see [k1, k2]." in text
    )
    assert "[Fn1] Footnote 1: A note with $x$." in text
    assert "**Run-in.** Text. More `a%b\\c`." in text
    assert "hidden" not in text and "comment" not in text


def test_tables_are_tables() -> None:
    paper = written(
        r"""\section{A}\begin{table}[t]\centering\resizebox{\textwidth}{!}{
\begin{tabular}{@{}l|c@{\hspace{2pt}}c@{}}\toprule
\multirow{2}{*}{Model} & \multicolumn{2}{c}{BLEU} \\ \cmidrule(lr){2-3}
 & EN & DE \\ \midrule
ours \citep{me} & $1\&2$ & \textbf{3|4} \\[1ex] \bottomrule
\end{tabular}}\caption{Results on \emph{two}.}\end{table}"""
    )
    table = next(block for block in blocks(paper) if block.kind == "table")
    assert table.anchor == "Tab1"
    assert table.text.split("\n") == [
        "Table 1: Results on *two*.",
        "",
        "| Model | BLEU |  |",
        "| --- | --- | --- |",
        "|  | EN | DE |",
        r"| ours [me] | $1\&2$ | **3\|4** |",
    ]


def test_algorithms_keep_their_steps() -> None:
    paper = written(
        r"""\begin{algorithm}\caption{Adam}\label{a}\begin{algorithmic}[1]
\Require $\alpha$
\While{not converged} \Comment{slowly}
\State $t \gets t+1$
\If{$t > 1$} \State \textbf{stop} \Else \State \Return $x$ \EndIf
\EndWhile
\end{algorithmic}\end{algorithm}
\begin{algorithm}\caption{Second}\KwIn{data $D$}\For{$i\in D$}{step $i$\;\If{ok}{\Return
$i$\;}}\end{algorithm}"""
    )
    first, second = (block for block in blocks(paper) if block.kind == "algorithm")
    assert first.text.split("\n")[2:-1] == [
        "```",
        r"Require: $\alpha$",
        "1: while not converged do ▷ slowly",
        r"2:   $t \gets t+1$",
        "3:   if $t > 1$ then",
        "4:     stop",
        "5:   else",
        "6:     return $x$",
        "7:   end if",
        "8: end while",
    ]
    assert second.text.split("\n")[3:-1] == [
        "Input: data $D$",
        r"for $i\in D$ do",
        "  step $i$",
        "  if ok then",
        "    return $i$",
        "  end",
        "end",
    ]


def test_parts_of_figures() -> None:
    paper = written(
        r"""\begin{figure}\begin{subfigure}{.5\textwidth}\includegraphics{a}\caption{left}\label{l}\end{subfigure}
\subfloat[right]{\includegraphics{b}\label{r}}\caption{Both.}\label{w}\end{figure} See \ref{l}, \ref{r},
\ref{w}."""
    )
    assert "See 1a, 1b, 1." in paper.text()
    assert "[Fig1] Figure 1: Both.\n\n(a) left\n\n(b) right" in paper.text()


def test_lists_nest() -> None:
    paper = written(
        r"\begin{enumerate}\item one \begin{itemize}\item inner\end{itemize}\item[(x)] two\end{enumerate}"
    )
    assert "1. one\n   - inner\n- (x) two" in paper.text()


def test_the_list_of_references_is_kept_apart_and_cited_as_printed() -> None:
    bbl = (
        r"\begin{thebibliography}{2}\bibitem[{Lo et~al.(2020)}]{lo} K. Lo. \newblock S2ORC."
        r"\bibitem[Vaswani(2017)]{v} A. Vaswani.\end{thebibliography}"
    )
    paper = written(r"\section{A}\citet{lo} and \citep[e.g.][p.~3]{v}.\bibliography{x}", main__bbl=bbl)
    assert "Lo et al. (2020) and (e.g. Vaswani, 2017, p. 3)." in paper.text()
    assert paper.references == ("[1] K. Lo. S2ORC.", "[2] A. Vaswani.")
    plain = r"\begin{thebibliography}{2}\bibitem{a}One\bibitem{b}Two\end{thebibliography}"
    assert "see [2, 1]" in written(rf"\section{{A}}see \cite{{b,a}}.{plain}").text()


def test_title_authors_abstract_acknowledgements() -> None:
    paper = written(
        r"\maketitle\begin{abstract}We do.\end{abstract}\section{A}x\begin{acks}Thanks.\end{acks}",
        r"\title{A \emph{fine}\\ paper\thanks{money}}\author{Ada B.\thanks{x} \and C\'edric D.$^1$ \\ MIT \And E. Fé}",
    )
    assert paper.title == "A *fine* paper"
    assert paper.authors == ("Ada B", "Cédric D", "E. Fé")
    assert paper.abstract == "We do."
    assert anchors(paper)[-1] == "Acknowledgements"


def test_what_stands_before_the_first_appendix_does_not_go_with_the_acknowledgements() -> None:
    paper = written(r"\section*{Acknowledgements}Thanks.\appendix Text.\section{A}")
    assert [section.anchor for section in sections(paper)] == ["Acknowledgements", "Appendix", "AppA"]


@pytest.mark.parametrize(
    "text", [b"\\documentclass{article}\\begin{document}\\end{document}", b"no latex", b"\\"]
)
def test_nothing_to_read_is_said(text: bytes) -> None:
    with pytest.raises(PaperUnreadable) as error:
        latex.read({"a.tex": text})
    assert error.value.hint


PIECES = [
    *"{}[]$&%\\~^_#", "\n\n", "word ", "\\\\", "\\begin{", "\\end{", "\\begin{equation}", "\\end{equation}", "\\item",
    "\\begin{table}", "\\caption{", "\\begin{tabular}{ll}", "\\end{tabular}", "\\section{", "\\footnote{",
    "\\cite{",
    "\\label{a}", "\\ref{a}", "\\begin{itemize}", "\\end{itemize}", "\\[", "\\]", "\\appendix",
    "\\bibitem{x}",
    "\\begin{algorithmic}", "\\If{", "\\begin{thm}", "\\newtheorem{thm}{T}", "\\verb|", "$$", "\\def\\a{",
    "\\a",
    "\\begin{figure}", "\\end{figure}", "\\begin{subfigure}{1cm}", "\\input{main}", "\\multicolumn{2}{c}{",
    "\\begin{verbatim}", "\\end{verbatim}", "\\title[", "\\author{",
    "\\renewcommand{\\thesection}{\\thesection}",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_text_makes_the_reader_fail(pieces: list[str]) -> None:
    paper = written("Text. \\section{A} Something. " + "".join(pieces))
    assert "Text." in paper.text()


@pytest.mark.parametrize("opening", [p for p in PIECES if p.strip()])
def test_no_repetition_makes_the_reader_hang(opening: str) -> None:
    written("Text. \\section{A} x" + opening * 4_000)


def test_a_real_paper_with_algorithms_and_appendices() -> None:
    paper = latex.read({"paper.tex": real("hyla/paper.tex").read_bytes()})
    found = anchors(paper)
    assert [a for a in found if a[0] == "S" and "." not in a] == [f"S{n}" for n in range(1, 8)]
    assert [a for a in found if a.startswith("App") and "." not in a] == [
        "Appendix",  # an algorithm stands before the first heading
        "AppA",
        "AppB",
        "AppC",
        "AppD",
    ]
    assert "Eq2 Eq3 Eq4 Eq5" in " ".join(found)
    assert {"Eq2", "Eq10", "Alg1", "Alg2", "TabA1", "FigA1"} <= set(found)
    assert paper.authors[0] == "Simon Schug"


def test_a_real_paper_with_hundreds_of_macros() -> None:
    paper = latex.read({"paper.tex": real("tanh-init/paper.tex").read_bytes()})
    assert "Equation (1) follows the form" in paper.text()
    assert "subfigure" not in paper.text()
    assert {"Lemma1", "Proposition3", "Corollary4"} <= set(anchors(paper))
