"""No token, however often it stands there, costs more than its share."""

import contextlib
import time

import pytest

from pipeline.errors import PaperUnreadable
from pipeline.reading.latex import document as latex

TOKENS = [
    r"\(", r"\[", "$", "$$", "{", "}", "%", "[", "&", r"\\", "~", "\n\n", r"\begin{a}", r"\end{a}",
    r"\section{A}", "\\subsection{A} x\n\n", r"\paragraph{a}", r"\item a ", r"\begin{enumerate}",
    r"\begin{align}", r"\begin{tabular}{ll}", r"\begin{figure}", r"\caption{a}", r"\begin{longtable}{l}",
    r"\begin{deluxetable}{l}", r"\begin{verbatim}", r"\verb|", r"\lstinline|", r"\begin{lstlisting}",
    r"\if0 ", r"\ifx\a\b ", r"\iffalse x\fi ", r"\IfValueTF{", r"\ifthenelse{", r"\a ", r"\a{", r"\a{x}",
    r"\bea ", r"\begin{own}", r"\newcommand{\x}[1]{#1}\x{", r"\def\y#1\z{#1}\y ", r"\input{x}", r"\url{",
    r"\footnote{a}", r"\label{a}", r"\cref{a,b}", r"\gls{a}", r"\SI{1}{\m}", r"\cite{a}", r"\bibitem{a} x",
    r"\textbf{", r"\emph{a} ", r"\csname a", r"\begin{algorithmic}\State ", r"\If{", r"\begin{comment}",
    r"\appendix", r"\appendix{", r"\pdfstringdefDisableCommands{",
    r"\title{", r"\author{a}", r"\begin{abstract}", "``", r"\'", "é", r"\newtheorem{t}{T}",
    r"\begin{proof}", r"\left(",
]  # fmt: skip
HEAD = (
    r"\documentclass{article}\newcommand{\a}[2][x]{#1#2}\def\bea#1\eea{\begin{eqnarray}#1\end{eqnarray}}"
    r"\newenvironment{own}{\begin{quote}}{\end{quote}}\begin{document}Text. "
)


def seconds(token: str, size: int) -> float:
    """Of the processor, for a document of `size` bytes."""
    text = (HEAD + token * (size // len(token.encode()))).encode()
    began = time.process_time()
    with contextlib.suppress(PaperUnreadable):
        latex.read({"main.tex": text})
    return time.process_time() - began


@pytest.mark.parametrize("token", TOKENS)
def test_time_grows_with_the_text(token: str) -> None:
    """Four parts beside the whole: what takes as long is disturbed as much. If squared, the whole takes fourfold."""
    for _ in range(8):
        parts = sum(seconds(token, 25_000) for _ in range(4))
        whole = seconds(token, 100_000)
        if whole < max(0.4, 2 * parts):
            return
    pytest.fail(f"{parts:.2f} s for four times 25 kB, {whole:.2f} s for 100 kB")
