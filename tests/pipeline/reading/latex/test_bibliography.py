import pytest

from pipeline.reading.latex import document as latex
from tests.pipeline.reading.papers import written

LONG = ", ".join(["{Example}, {A.}"] * 400)


@pytest.mark.parametrize(
    ("label", "cited", "shown"),
    [
        (r"{{Lang} \& {Berg}(in prep.)}", r"\citep{a}", "(Lang & Berg, in prep.)"),
        (r"{{Big Group} {et~al.}(2016){Big Group}, {Example}}", r"\citet{a}", "Big Group et al. (2016)"),
        (rf"Big Group et~al.(2016){LONG}", r"\citet{a}", "Big Group et al. (2016)"),
        (r"Lang(2013{\natexlab{b}})", r"\citep{a}", "(Lang, 2013b)"),
        (r"Lang(2013)", r"(v1; \citealp{a})", "(v1; Lang, 2013)"),
        (r"Lang(2013)", r"(as \citealt[p.~3]{a})", "(as Lang 2013, p. 3)"),
        (r"Lang(2013)", r"\citeA{a}", "Lang (2013)"),
        (r"Lang(2013)", r"\cite<e.g.,>[p.~3]{a}", "(e.g., Lang, 2013, p. 3)"),
    ],
)
def test_citations_by_the_labels_of_natbib(label: str, cited: str, shown: str) -> None:
    paper = written(
        rf"Known {cited}.\begin{{thebibliography}}{{}}\bibitem[{label}]{{a}} The \emph{{entry}}.\end{{thebibliography}}"
    )

    assert f"Known {shown}." in paper.text()
    assert paper.references == ("[1] The *entry*.",)


def test_citations_of_world_scientific_are_numbers_on_the_line() -> None:
    paper = written(r"In Ref.~\refcite{a}.\begin{thebibliography}{}\bibitem{a} A.\end{thebibliography}")

    assert "In Ref. [1]." in paper.text()


def test_what_a_style_of_bibtex_says_of_links_is_what_it_prints() -> None:
    entry = r"\mn@doi [MNRAS, 4, 2] {10.1/x}; \mn@doi {10.1/y}, \mn@eprint {arXiv} {1706.03762}"
    paper = written(rf"Text.\begin{{thebibliography}}{{}}\bibitem{{a}} {entry}.\end{{thebibliography}}")

    assert paper.references == ("[1] MNRAS, 4, 2; 10.1/y, arXiv:1706.03762.",)
    assert paper.notes == ()


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (r"\documentclass{mnras}", "(Lo et al., 2020a)"),
        (r"\documentclass[aps,prd]{revtex4-2}", "[1]"),
        (r"\documentclass[aps,rmp]{revtex4-2}", "(Lo et al., 2020a)"),
        (r"\documentclass[entropy,article]{Definitions/mdpi}", "[1]"),
    ],
)
def test_a_class_may_cite_by_number_and_a_label_may_name_all_authors(head: str, shown: str) -> None:
    label = r"\protect\citeauthoryear{Lo, Wang \& {Le Brun}}{Lo et~al.}{2020a}"
    entry = rf"\begin{{thebibliography}}{{1}}\bibitem[{label}]{{lo}} Lo\end{{thebibliography}}"
    text = rf"{head}\begin{{document}}Said \citep{{lo}}. {entry}\end{{document}}"
    assert f"Said {shown}." in latex.read({"main.tex": text.encode()}).text()
