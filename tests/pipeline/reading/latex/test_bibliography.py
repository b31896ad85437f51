import pytest

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
    ],
)
def test_citations_by_the_labels_of_natbib(label: str, cited: str, shown: str) -> None:
    paper = written(
        rf"Known {cited}.\begin{{thebibliography}}{{}}\bibitem[{label}]{{a}} The \emph{{entry}}.\end{{thebibliography}}"
    )

    assert f"Known {shown}." in paper.text()
    assert paper.references == ("[1] The *entry*.",)
