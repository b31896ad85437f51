import pytest

from tests.pipeline.reading.papers import written

BODY = r"""\section{A}\label{s1}\section{B}\label{s2}\section{C}\label{s3}\subsection{D}\label{s4}
\begin{equation}a\label{e1}\end{equation}\begin{equation}b\label{e2}\end{equation}\begin{equation}c\label{e3}\end{equation}
\begin{equation}d\end{equation}\begin{equation}e\label{e5}\end{equation}
\begin{figure}\subfloat[x]{\label{fa}}\caption{F}\label{f}\end{figure}\begin{table}\caption{T}\label{t}\end{table}
\begin{thm}x\label{th}\end{thm}
"""


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\cref{s1}", "section 1"),
        (r"\cref{s1,s2,s3}", "sections 1 to 3"),
        (r"\cref{e3,e1,e2,e5}", "eqs. (1) to (3) and (5)"),
        (r"\cref{s1,f,t}", "section 1, fig. 1, and table 1"),
        (r"\Cref{e1,f}", "Equation (1) and fig. 1"),
        (r"\crefrange{e1}{e3}", "eqs. (1) to (3)"),
        (r"\labelcref{e1,e3}", "(1) and (3)"),
        (r"\cref{fa}, \subref{fa}", "fig. 1a, a"),
        (r"\nameCref{f}, \namecref{f}", "Figure, fig."),
        (r"\cref{s1,s4}", "sections 1 and 3.1"),
        (r"\cref{th}", "theorem 1"),
        (r"\cref{s4}, \Cref{s4}", "section 3.1, Section 3.1"),
        (r"\autoref{s4}, \autoref{e1}, \autoref{f}", "subsection 3.1, Equation 1, Figure 1"),
        (r"\nameref{s2}, \nameref{f}", "B, F"),
        (r"page~\pageref{s1}", "page ??"),
        (r"\ref{nowhere}", "??"),
        (r"\hyperref[s1]{that section}", "that section"),
    ],
)
def test_what_is_printed_for_labels(tex: str, shown: str) -> None:
    text = written(BODY + f"See: {tex}.", r"\newtheorem{thm}{Theorem}\usepackage{cleveref}").text()
    assert text.strip().endswith(f"See: {shown}.")


@pytest.mark.parametrize(
    ("preamble", "tex", "shown"),
    [
        (
            r"\usepackage[capitalise,noabbrev]{cleveref}",
            r"\cref{f} and \cref{e1}",
            "Figure 1 and Equation (1)",
        ),
        (r"\usepackage{cleveref}\crefname{equation}{Eqn.}{Eqns.}", r"\cref{e1,e3}", "Eqns. (1) and (3)"),
        (r"\renewcommand{\sectionautorefname}{Sect.}", r"\autoref{s1}", "Sect. 1"),
        (r"\crefname{thm}{Satz}{Sätze}", r"\cref{th}", "Satz 1"),
        (r"\Crefname{thm}{Theorem}{Theorems}", r"\cref{th} or \Cref{th}", "theorem 1 or Theorem 1"),
        (
            r"\usepackage[capitalise]{cleveref}\Crefname{thm}{Theorem}{Theorems}",
            r"\cref{th}",
            "Theorem 1",
        ),
        (r"\crefname{section}{\S\!\own}{sections}", r"\cref{s1}", "§ 1"),
    ],
)
def test_names_that_the_author_chooses(preamble: str, tex: str, shown: str) -> None:
    text = written(BODY + f"See: {tex}.", r"\newtheorem{thm}{Theorem}" + preamble).text()
    assert text.strip().endswith(f"See: {shown}.")
