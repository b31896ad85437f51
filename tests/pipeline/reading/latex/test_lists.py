import pytest

from tests.pipeline.reading.papers import written

ENUMITEM = r"\usepackage{enumitem}"


@pytest.mark.parametrize(
    ("preamble", "body", "shown"),
    [
        ("", r"\begin{enumerate}\item\label{a} x\item y\label{b}\end{enumerate}\ref{a}, \ref{b}", "1, 2"),
        (
            "",
            r"\begin{enumerate}\item x\begin{enumerate}\item\label{a} y\begin{enumerate}\item\label{b} z\end{enumerate}"
            r"\end{enumerate}\end{enumerate}\ref{a}, \ref{b}",
            "1a, 1(a)i",
        ),
        (ENUMITEM, r"\begin{enumerate}[label=(\alph*)]\item\label{a} x\end{enumerate}\ref{a}", "(a)"),
        (
            ENUMITEM,
            r"\begin{enumerate}[label=S\arabic*:,ref=S\arabic*]\item\label{a} x\end{enumerate}\ref{a}",
            "S1",
        ),
        (
            ENUMITEM,
            r"\begin{enumerate}\item x\end{enumerate}\begin{enumerate}[resume]\item\label{a} y\end{enumerate}\ref{a}",
            "2",
        ),
        (
            ENUMITEM,
            r"\begin{enumerate}[series=s]\item x\end{enumerate}\begin{enumerate}\item q\end{enumerate}"
            r"\begin{enumerate}[resume=s]\item\label{a} y\end{enumerate}\ref{a}",
            "2",
        ),
        (ENUMITEM, r"\begin{enumerate}[start=4]\item\label{a} x\end{enumerate}\ref{a}", "4"),
        (
            ENUMITEM + r"\setlist[enumerate,1]{label=\Roman*.}",
            r"\begin{enumerate}\item\label{a} x\end{enumerate}\ref{a}",
            "I.",
        ),
        (
            ENUMITEM + r"\newlist{claims}{enumerate}{1}\setlist[claims]{label=C\arabic*}",
            r"\begin{claims}\item\label{a} x\end{claims}\ref{a}",
            "C1",
        ),
        (
            ENUMITEM + r"\newtheorem{lemma}{Lemma}[section]\newlist{parts}{enumerate}{1}"
            r"\setlist[parts]{label=(\arabic{partsi}),ref=\thelemma.(\arabic{partsi})}",
            r"\section{A}\begin{lemma}\begin{parts}\item x\item\label{a} y\end{parts}\end{lemma}\ref{a}",
            "1.1.(2)",
        ),
        (
            ENUMITEM + r"\newlist{claims}{enumerate}{2}\setlist[claims,1]{label=C\arabic*}"
            r"\setlist[claims,2]{label=\theclaimsi-\roman{claimsii}}",
            r"\begin{enumerate}\item z\begin{claims}\item x\begin{claims}\item x\item\label{a} y\end{claims}"
            r"\end{claims}\end{enumerate}\ref{a}",
            "C1-ii",
        ),
        ("", r"\begin{enumerate}\addtocounter{enumi}{7}\item\label{a} y\end{enumerate}\ref{a}", "8"),
        ("", r"\begin{alphlist}[(b)]\item x\item\label{a} y\end{alphlist}\ref{a}", "b"),
        (r"\usepackage{enumerate}", r"\begin{enumerate}[(i)]\item\label{a} x\end{enumerate}\ref{a}", "i"),
        ("", r"\begin{enumerate}\item[(*)] x\item\label{a} y\end{enumerate}\ref{a}", "1"),
        (
            r"\renewcommand{\theenumi}{\Alph{enumi}}",
            r"\begin{enumerate}\item\label{a} y\end{enumerate}\ref{a}",
            "A",
        ),
    ],
)
def test_references_to_items(preamble: str, body: str, shown: str) -> None:
    assert written(body, preamble).text().strip().endswith(f"\n{shown}")


def test_items_have_the_labels_that_are_printed() -> None:
    text = written(
        r"\begin{enumerate}[label=(\roman*)]\item first\item second\end{enumerate}"
        r"\begin{description}\item[Name] said\end{description}",
        ENUMITEM,
    ).text()
    assert "- (i) first\n- (ii) second" in text
    assert "- **Name** said" in text


def test_a_list_in_the_text_stays_in_it() -> None:
    text = written(
        r"We \begin{enumerate*}[label=(\alph*)]\item read \item and write\end{enumerate*} texts.", ENUMITEM
    ).text()
    assert "We (a) read (b) and write texts." in text
