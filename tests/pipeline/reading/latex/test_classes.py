import pytest

from pipeline.reading.latex.document import numbers

BODY = rb"""\section{A}\label{s}\begin{equation}a\label{e}\end{equation}\subsection{B}\label{t}
\subsubsection{C}\label{u}\begin{table}\caption{T}\label{b}\end{table}
%s\section{D}\label{as}\begin{equation}a\label{ae}\end{equation}\subsection{E}\label{at}
\begin{figure}\caption{F}\label{af}\end{figure}\section{G}\label{bs}\begin{equation}a\label{be}\end{equation}"""


@pytest.mark.parametrize(
    ("document_class", "appendix", "expected"),
    [
        ("{article}", r"\appendix", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
        ("[prd]{revtex4-2}", r"\appendix", "I 1 I A|I A 1|I A A1|A 1|1 B B1"),
        ("[journal]{IEEEtran}", r"\appendices", "I 1 I-A I-A1 I A 2 A-A 1 B 3"),
        ("[compsoc]{IEEEtran}", r"\appendices", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
        ("{aastex631}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A.1 1 B B2"),
        ("{elsarticle}", r"\appendix", "1 1 1.1 1.1.1 1 Appendix A|A.1 Appendix A.1|A.1 Appendix B|B.1"),
        ("{mnras}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A1 A1 B B1"),
        ("{llncs}", r"\appendix", "1 1 1.1 1.1 1 A 2 A.1 1 B 3"),
        ("{acmart}", r"\appendix", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
    ],
)
def test_numbers_are_those_that_the_class_writes(document_class: str, appendix: str, expected: str) -> None:
    text = b"\\documentclass%s\\begin{document}%s\\end{document}" % (
        document_class.encode(),
        BODY % appendix.encode(),
    )
    found = numbers({"main.tex": text})
    shown = " ".join(found[label] for label in ("s", "e", "t", "u", "b", "as", "ae", "at", "af", "bs", "be"))
    assert shown == expected.replace("|", " ")


def test_one_appendix_of_ieee_has_a_heading_of_its_own() -> None:
    text = rb"\documentclass{IEEEtran}\begin{document}\section{A}\appendix[Proof]\label{p}Text.\end{document}"
    assert numbers({"main.tex": text})["p"] == "A"


def test_what_the_authors_own_class_says_of_numbers() -> None:
    style = rb"\def\thesection{\@Roman{\c@section}}"
    style += rb"\renewcommand\thetable{T\arabic{table}}\newtheorem{claim}{Claim}[section]"
    text = (
        rb"\documentclass{mine}\begin{document}\section{A}\label{s}\begin{claim}x\label{c}\end{claim}"
        rb"\begin{table}\caption{x}\label{t}\end{table}\end{document}"
    )
    found = numbers({"main.tex": text, "mine.cls": style})
    assert (found["s"], found["c"], found["t"]) == ("I", "I.1", "T1")
