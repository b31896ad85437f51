import pytest

from tests.pipeline.reading.papers import anchors, written


def equations(body: str, preamble: str = "") -> list[str]:
    return [anchor for anchor in anchors(written(rf"Text.{body}", preamble)) if anchor.startswith("Eq")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\begin{flalign}a\\b\end{flalign}", ["Eq1", "Eq2"]),
        (r"\begin{alignat}{2}a&=b&c&=d\\e&=f\end{alignat}", ["Eq1", "Eq2"]),
        (r"\begin{gather*}a\\b\end{gather*}", []),
        (r"\begin{multline}a\\b\end{multline}", ["Eq1"]),
        (r"\begin{IEEEeqnarray}{rCl}a&=&b\\c&=&d\IEEEnonumber\\e&=&f\end{IEEEeqnarray}", ["Eq1", "Eq2"]),
        (r"\begin{IEEEeqnarray*}{l}a\IEEEyesnumber\\b\end{IEEEeqnarray*}", ["Eq1"]),
        (
            r"\begin{IEEEeqnarray}{l}a\IEEEyessubnumber\\b\IEEEyessubnumber\end{IEEEeqnarray}",
            ["Eq1a", "Eq1b"],
        ),
        (r"\begin{empheq}[box=\fbox]{align}a&=b\\c&=d\end{empheq}", ["Eq1", "Eq2"]),
        (r"\begin{empheq}{equation*}a\end{empheq}", []),
        (r"\begin{numcases}{f=}1 & a\\2 & b\end{numcases}", ["Eq1", "Eq2"]),
        (r"\begin{subnumcases}{f=}1 & a\\2 & b\end{subnumcases}", ["Eq1a", "Eq1b"]),
        (r"\begin{dmath}a=b\end{dmath}\begin{dmath*}c\end{dmath*}", ["Eq1"]),
        (r"\begin{dgroup}\begin{dmath}a\end{dmath}\begin{dmath}b\end{dmath}\end{dgroup}", ["Eq1", "Eq2"]),
        (r"$$a\eqno(7)$$", ["Eq7"]),
        (r"\[a\tag{A.1}\]", ["EqA.1"]),
        (r"\begin{align*}a\addtocounter{equation}{1}\tag{\theequation}\\b\end{align*}", ["Eq1"]),
        (r"\begin{equation}\begin{split}a\\b\end{split}\end{equation}", ["Eq1"]),
        (r"\begin{equation}a\nonumber\end{equation}\begin{equation}b\end{equation}", ["Eq1"]),
        # A row break at the end makes an empty row, which is counted unless it says otherwise.
        (r"\begin{align}a\\ \end{align}\begin{equation}b\end{equation}", ["Eq1", "Eq3"]),
        (r"\begin{eqnarray}a&=&b\\ \nonumber\end{eqnarray}\begin{equation}b\end{equation}", ["Eq1", "Eq2"]),
    ],
)
def test_each_environment_numbers_as_it_prints(body: str, expected: list[str]) -> None:
    assert equations(body) == expected


def test_only_equations_that_are_referred_to_have_a_number_where_the_document_says_so() -> None:
    body = r"\begin{equation}a\label{x}\end{equation}\begin{align}b\label{y}\\c\label{z}\end{align} \eqref{z}"
    assert equations(body, r"\mathtoolsset{showonlyrefs}") == ["Eq1"]
    assert equations(r"\[a\label{x}\]\[b\label{y}\] \cref{y}", r"\usepackage{autonum}") == ["Eq1"]
    # It knows nothing of `$$`, whose label stands for what is around.
    assert equations(r"$$a\label{x}$$\[b\label{y}\] \cref{x,y}", r"\usepackage{autonum}") == ["Eq1"]


def test_labels_of_equations_by_their_own_package_and_of_a_group() -> None:
    paper = written(
        r"\begin{dmath}[label={d}]a\end{dmath}\begin{subequations}\label{g}\begin{align}b\label{h}\end{align}"
        r"\end{subequations} See \ref{d}, \ref{g}, \eqref{h}."
    )
    assert "See 1, 2, (2a)." in paper.text()


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (r"\begin{eqnarray*}a&=&b\label{x}\end{eqnarray*}", "2"),
        (r"\begin{align*}a&=b\label{x}\end{align*}", "2"),
        (r"\begin{eqnarray}a&=&b\nonumber\label{x}\end{eqnarray}", "2"),
        (r"\begin{align}a&=b\\ \label{x}\end{align}", "3"),
        (r"\[a\label{x}\]", "7"),
        (r"\begin{equation*}a\label{x}\end{equation*}", "7"),
    ],
)
def test_a_label_without_a_number_of_its_own_has_the_one_that_latex_had_counted(
    body: str, number: str
) -> None:
    text = written(
        rf"\setcounter{{section}}{{6}}\section{{A}}\begin{{equation}}a\end{{equation}}{body} See \ref{{x}}."
    ).text()
    assert f"See {number}." in text


def test_an_equation_in_a_footnote_is_counted_where_the_note_stands() -> None:
    text = written(
        r"\begin{equation}a\end{equation}Text\footnote{Since \begin{equation}b=c\label{n}\end{equation} holds.} "
        r"goes on."
        r"\begin{equation}d\label{e}\end{equation} See \ref{n} and \ref{e}."
    ).text()
    assert "See 2 and 3." in text and "Text[^1] goes on." in text
    assert "Footnote 1: Since $$b=c$$ holds." in text


def test_what_follows_an_equation_points_to_its_section_again() -> None:
    assert "See 1." in written(r"\section{A}\begin{equation}a\end{equation}\label{x} See \ref{x}.").text()


def test_the_relation_of_an_eqnarray_has_no_column_of_its_own() -> None:
    text = written(r"\begin{eqnarray}a &\sim& b\\ c &=& d\\ &\le&x\end{eqnarray}").text()

    assert r"a &\sim b" in text.replace("  ", " ")
    assert "c &= d" in text
    assert r"&\le x" in text


def test_what_ensures_mathematics_is_no_part_of_it() -> None:
    text = written(
        r"Of $\ensuremath{\Gamma}_{\ensuremath{\ensuremath{x}}}$ and \ensuremath{a\ensuremath{b}}."
    ).text()

    assert r"Of ${\Gamma}_{{{x}}}$ and $a{b}$." in text
