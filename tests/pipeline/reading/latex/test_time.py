"""No token, however often it stands there, costs more than its share."""

import contextlib
import time
from collections.abc import Callable

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


CLASS, BEGIN = r"\documentclass{article}", r"\begin{document}Text. "
DOCUMENTS: dict[str, Callable[[int], str]] = {
    "definitions without a body": lambda n: CLASS + BEGIN + r"\def\a " * (n // 7) + "{",
    "an environment that begins and ends without end": lambda n: (
        CLASS + r"\newenvironment{own}{" + r"\begin" * (n // 12) + "}{" + r"\endbegin" * (n // 18) + "}" + BEGIN
    ),
    "the end of an environment": lambda n: (
        CLASS + r"\newenvironment{a}{}{" + "long " * (n // 10) + "}" + BEGIN + r"\begin{a}\end{a}" * (n // 34)
    ),
    "ends of environments that another was begun before": lambda n: (
        CLASS + r"\newenvironment{a}{}{}\newenvironment{b}{}{}" + BEGIN
        + r"\begin{a}" * (n // 18) + r"\begin{b}\end{b}" * (n // 36)
    ),
    "macros that yield nothing": lambda n: (
        CLASS + r"\newcommand{\x}{\newcommand{\y}{" + "long " * (n // 10) + "}}" + BEGIN + r"\x " * (n // 6)
    ),
    "a branch that is not taken": lambda n: (
        CLASS + r"\newcommand{\x}{\iffalse " + r"\a " * (n // 6) + r"\fi}" + BEGIN + r"\x " * (n // 6)
    ),
    "macros that take more than is there": lambda n: (
        CLASS + r"\newcommand{\x}{\y}\newcommand{\y}[9]{}" + BEGIN + r"\x{" * (n // 4) + "}" * (n // 4)
    ),
    "a delimiter behind the end of the group": lambda n: (
        CLASS + r"\def\y#1\z{#1}" + BEGIN + "{" + r"\y " * (n // 3) + r"}\z"
    ),
    "counters that reset others": lambda n: (
        CLASS + "".join(rf"\newcounter{{c{i}}}[c{i // 2}]" for i in range(n // 44)) + BEGIN
        + r"\stepcounter{c0}" * (n // 32)
    ),
    "acronyms": lambda n: (
        CLASS + r"\newacronym{a}{A}{" + "long " * (n // 10) + "}" + BEGIN + r"\acl{a}" * (n // 14)
    ),
    "hooks": lambda n: (
        CLASS + r"\AtBeginEnvironment{quote}{" + r"\setcounter{x}{1}" * (n // 32) + "}" + BEGIN
        + r"\begin{quote}a\end{quote}" * (n // 48)
    ),
    "citations": lambda n: (
        CLASS + BEGIN + r"\cite{a}" * (n // 32) + r"\cite{" + "a," * (n // 8) + r"a}\begin{thebibliography}{9}"
        r"\bibitem[" + "Name " * (n // 10) + r"(2020)]{a} x\end{thebibliography}"
    ),
    "references": lambda n: (
        CLASS + r"\renewcommand{\thesection}{" + "x" * (n // 2) + "}" + BEGIN + r"\section{A}\label{a}"
        + r"\ref{a}" * (n // 28) + r"\cref{" + "a," * (n // 8) + "a}"
    ),
    "names of theorems": lambda n: (
        CLASS + r"\newtheorem{t}{" + "Long " * (n // 10) + "}" + BEGIN + r"\begin{t}a\end{t}" * (n // 38)
    ),
}  # fmt: skip
"""Documents of `n` characters of which each part is read again with many others."""
ABSURD = {
    "counters that print each other": CLASS + r"\renewcommand{\thesection}{" + r"\thesection" * 20 + "}" + BEGIN
    + r"\section{A} x",
    "labels that double": CLASS + BEGIN + r"\section{A}\label{a}\renewcommand{\thesection}{\ref{a}\ref{a}}" * 60,
    "units of units": CLASS + "".join(
        rf"\DeclareSIUnit\{unit}" + "{" + rf"\{other}" * 30 + "}" for unit, other in zip("uvwxy", "vwxyz", strict=True)
    ) + BEGIN + r"\SI{1}{\u}",
    "a thousand counters": CLASS + "".join(rf"\newcounter{{c{i}}}[c{i - 1}]" for i in range(1, 1200)) + BEGIN
    + r"\stepcounter{c0} x",
    "a thousand theorems": CLASS + "".join(rf"\newtheorem{{t{i}}}{{T}}[t{i - 1}]" for i in range(1, 1200)) + BEGIN
    + r"\begin{t1}a\end{t1} x",
}  # fmt: skip


def of(token: str, size: int) -> str:
    """A document of `size` bytes."""
    return HEAD + token * (size // len(token.encode()))


def seconds(text: str) -> float:
    """Of the processor, for a document."""
    began = time.process_time()
    with contextlib.suppress(PaperUnreadable):
        latex.read({"main.tex": text.encode()})
    return time.process_time() - began


def grows(text: Callable[[int], str], size: int) -> str:
    """How its time grows if that is with more than its text; four parts beside the whole: what takes as long is
    disturbed as much. If squared, the whole takes fourfold.
    """
    for _ in range(8):
        parts = sum(seconds(text(size // 4)) for _ in range(4))
        whole = seconds(text(size))
        if whole < max(0.4, 2 * parts):
            return ""
    return f"{parts:.2f} s for four times {size // 4} bytes, {whole:.2f} s for {size}"


@pytest.mark.parametrize("token", TOKENS)
def test_time_grows_with_the_text(token: str) -> None:
    assert not grows(lambda size: of(token, size), 100_000)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_read_again_with_others_takes_no_more(kind: str) -> None:
    assert not grows(DOCUMENTS[kind], 60_000)


@pytest.mark.parametrize("kind", ABSURD)
def test_what_asks_for_more_than_anybody_prints_is_refused_soon(kind: str) -> None:
    began = time.process_time()
    with pytest.raises(PaperUnreadable):
        latex.read({"main.tex": ABSURD[kind].encode()})
    assert time.process_time() - began < 5
