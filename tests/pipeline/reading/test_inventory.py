"""What a paper contains, counted by program."""

import time

import pytest

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


def test_rows_that_say_how_a_method_was_set_are_no_baselines() -> None:
    settings = [
        r"chosen $\rho$",
        r"best step size",
        r"tuned $\mu_0$",
        r"learning rate $\eta$",
        r"\# parameters",
    ]
    rows = "".join(rf"{label} & 1.5 \\" for label in ("Ridge", *settings, "Fixed rate", "Best linear model"))
    tabular = rf"\begin{{tabular}}{{lr}}Method & MSE \\ {rows}\end{{tabular}}"
    found = written(rf"\begin{{table}}\caption{{Error.}}{tabular}\end{{table}}").inventory().baselines
    assert [item.label for item in found] == ["Ridge", "Fixed rate", "Best linear model"]


COMPARED = r"""
\begin{table}\caption{Error.}\begin{tabular}{lr}Method & MSE \\ %s & 1.5 \end{tabular}\end{table}
"""


@pytest.mark.parametrize(
    ("said", "own"),
    [
        (r"This paper describes \emph{matched forgetting} (MF), which follows.", True),
        (r"In this work we propose a new network, the MF, built on averages.", True),
        ("We call the rule MF.", True),
        ("We introduce a variant of MF.", False),
        ("We propose rules, unlike MF.", False),
        ("We compare with MF, and present how MF fails.", False),
    ],
)
def test_the_paper_s_own_method_is_told_from_those_it_is_compared_with(said: str, own: bool) -> None:
    for name in ("MF", "MF (big)"):
        found = written(rf"\section{{Introduction}} {said} {COMPARED % name}").inventory()
        assert found.baselines == (Item("Tab1", name, own),)
    elsewhere = written(rf"\section{{Related work}} {said} {COMPARED % 'MF'}").inventory()
    assert elsewhere.baselines == (Item("Tab1", "MF"),)


def test_a_method_that_an_algorithm_of_the_paper_is_called_is_its_own() -> None:
    algorithm = r"\begin{algorithm}\caption{Matched forgetting (MF)}\label{a} Do.\end{algorithm}"
    found = written(f"{algorithm} {COMPARED % 'MF'} {COMPARED % 'MFA'}").inventory().baselines
    assert [(item.label, item.own) for item in found] == [("MF", True), ("MFA", False)]


def test_a_paper_without_any_has_an_empty_inventory() -> None:
    assert written("Words.").inventory() == inventory.Inventory((), (), (), (), (), (), ())


def test_taking_it_takes_linear_time() -> None:
    parts = [
        Part(f"S{i}", str(i), "Results", i % 3, (("paragraph", None, "Table 1, 2, " * 50),))
        for i in range(2000)
    ]
    start = time.process_time()
    inventory.taken([*parts, Part("S", "", "(" * 100_000, 0, (("paragraph", None, "we run " * 15_000),))], [])
    assert time.process_time() - start < 4


def test_what_a_float_shows_belongs_to_the_section_that_speaks_of_it() -> None:
    body = r"""
\section{Regularization} We train with dropout.
\begin{table}\caption{Accuracy.}\label{t}\begin{tabular}{lr}Method & Acc \\ Ours & 92.2\end{tabular}\end{table}
\section{Translation} We compare systems in Table~\ref{t}.
"""
    assert [item.label for item in written(body).inventory().experiments] == ["2 Translation"]


def test_how_an_experiment_is_made_is_none_of_its_own_unless_its_outcome_stands_there() -> None:
    body = r"""
\section{Digits} We train on digits and see Table~\ref{t}.
\begin{table}\caption{Accuracy.}\label{t}\begin{tabular}{lr}Method & Acc \\ Ours & 92.2\end{tabular}\end{table}
\section{Experimental details} We ran many experiments for Table~\ref{t}.
\section{Set-up and error} Figure~\ref{f} is measured.\begin{figure}\caption{Error against time.}\label{f}\end{figure}
\section{Compute resources} We conducted all experiments on one GPU.
"""
    found = [item.label for item in written(body).inventory().experiments]
    assert found == ["1 Digits", "3 Set-up and error"]
