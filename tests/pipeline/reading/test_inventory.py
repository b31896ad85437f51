"""What a paper contains, counted by program."""

import time

from pipeline.reading import inventory
from pipeline.reading.inventory import Item, Part
from tests.pipeline.reading.papers import written

BODY = r"""
\section{Introduction} As Table~\ref{t} and Table~\ref{s} show, we evaluate much.
\section{Method}\begin{equation}\label{e} y = Wx \end{equation} $z$, see Table~\ref{t}.
\begin{table}\caption{Hyperparameters of all runs.}\label{h}
\begin{tabular}{lr}Name & Value \\ rate & 0.1\end{tabular}\end{table}
\section{What it buys}
\subsection{Speed} Table~\ref{t} says how fast it is. We compare with others.
\begin{table}\caption{Accuracy on CIFAR-10. More.}\label{t}\begin{tabular}{llr}Method & Dataset & Acc \\
Adam \cite{k} & Web-5 & 91.1 \\ Ours & Web-5 & 92.2\end{tabular}\end{table}
\begin{table}\caption{Speed.}\label{s}\begin{tabular}{lr}Solver & Time (s) \\ Euler & 1.5 \\
$v_r$ & 2\end{tabular}\end{table}
\subsection{Words} Nothing.
\section{Observations} We pointed the telescope at it.
\section{Simulations}\subsection{Set-up} Words.\subsection{Runs} See Figure~\ref{f}.
\begin{figure}\caption{Error against time.}\label{f}\end{figure}
\section{Human study protocol} Words.
\section{Conclusion} Table~\ref{t} and Table~\ref{s} are ours.
"""


def test_equations_tables_and_figures_are_what_has_a_number() -> None:
    found = written(BODY).inventory()
    assert found.equations == (Item("Eq1", "y = Wx"),)
    assert found.figures == (Item("Fig1", "Figure 1: Error against time."),)
    assert [item.label for item in found.tables] == [
        "Table 1: Hyperparameters of all runs.",
        "Table 2: Accuracy on CIFAR-10",
        "Table 3: Speed.",
    ]


def test_experiments_are_told_by_their_headings_and_by_what_they_show() -> None:
    found = [item.label for item in written(BODY).inventory().experiments]
    assert found == ["3.1 Speed", "4 Observations", "5.2 Runs", "6 Human study protocol"]


def test_data_sets_and_baselines_are_named_by_tables() -> None:
    found = written(BODY).inventory()
    assert found.datasets == (Item("Tab2", "Web-5"), Item("Tab2", "CIFAR-10"))
    assert [item.label for item in found.baselines] == ["Adam", "Euler"]


def test_a_paper_without_any_has_an_empty_inventory() -> None:
    assert written("Words.").inventory() == inventory.Inventory((), (), (), (), (), (), ())


def test_taking_it_takes_linear_time() -> None:
    parts = [
        Part(f"S{i}", str(i), "Results", i % 3, (("paragraph", None, "Table 1, 2, " * 50),))
        for i in range(2000)
    ]
    start = time.perf_counter()
    inventory.taken([*parts, Part("S", "", "(" * 100_000, 0, (("paragraph", None, "we run " * 15_000),))], [])
    assert time.perf_counter() - start < 4
