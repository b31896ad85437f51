"""What a reading says that it could not read."""

import pytest

from pipeline.reading.latex import document as latex
from tests.pipeline.reading.papers import written

MAIN = rb"\documentclass{article}\begin{document}Text. %s\end{document}"


def test_files_that_are_missing() -> None:
    paper = latex.read({"main.tex": MAIN % rb"\input{gone}\newcommand{\c}[1]{\input{#1}}\c{lost}"})
    assert paper.notes == (
        "Not read: gone, which is included but not among the texts of the source.",
        "Not read: lost, which is included but not among the texts of the source.",
    )


@pytest.mark.parametrize("command", [rb"\bibliography{refs}", rb"\printbibliography[title={Sources}]"])
def test_a_list_of_references_that_nobody_made(command: bytes) -> None:
    files = {"main.tex": MAIN % command, "refs.bib": b"@article{a}"}
    assert latex.read(files).notes == (
        "Not read: the list of references, whose .bbl file (made by BibTeX or Biber) is not in the archive.",
    )
    assert (
        latex.read(
            files | {"main.bbl": rb"\begin{thebibliography}{1}\bibitem{a} A.\end{thebibliography}"}
        ).notes
        == ()
    )


def test_an_encoding_that_was_guessed() -> None:
    paper = latex.read({"main.tex": MAIN % "Введение и методы этой работы".encode("cp1251")})
    assert "Введение и методы этой работы" in paper.text()
    assert paper.notes == ("Read as cp1251, which is a guess: main.tex declares no encoding that fits.",)


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        ("Иван Иванов (Московский государственный университет)", "koi8-r"),
        ("Иван Иванов (Московский государственный университет)", "cp1251"),
        ("本文提出了一种新的方法,用于求解优化问题。实验结果表明该方法收敛更快。", "gb18030"),
        ("감사합니다 김철수 서울대학교", "euc-kr"),
        (
            "Émile Zola, né à Paris, étudiait « l'élève » à l'École supérieure, où Håkan Sjögren naïf",
            "cp1252",
        ),
    ],
)
def test_the_encoding_of_a_few_words_among_many_is_guessed_by_these(said: str, encoding: str) -> None:
    text = f"We thank {said} for the code. {'More in plain words. ' * 60}"
    paper = latex.read({"main.tex": MAIN % text.encode(encoding)})
    assert said in paper.text()
    assert len(paper.notes) == 1 and "which is a guess" in paper.notes[0]


def test_a_class_that_only_lies_beside_the_document_says_nothing_of_its_encoding() -> None:
    said = "Введение и методы этой работы"
    files = {"main.tex": MAIN % said.encode("koi8-r"), "aa.cls": rb"\RequirePackage[ascii,latin1]{inputenc}"}
    assert said in latex.read(files).text()
    files["main.tex"] = files["main.tex"].replace(b"article", b"../aa")
    assert said not in latex.read(files).text()


def test_an_encoding_that_nobody_knows_is_none() -> None:
    for name in (b"utf8\x00", b"none", b""):
        text = b"\\usepackage[%s]{inputenc}" % name
        assert (
            "Text." in latex.read({"main.tex": MAIN.replace(b"\\begin", text + b"\\begin") % b"more"}).text()
        )


def test_commands_that_mean_nothing_here() -> None:
    paper = written(r"A \strange{word} and \strange{more} \centering \noindent and \odd.")
    assert "A word and more and ." in paper.text()
    assert paper.notes == (
        r"Commands that mean nothing here; only their arguments are kept: \strange, \odd.",
    )


def test_nothing_to_say() -> None:
    assert written(r"\section{A}\label{a} \textbf{Bold} \cite{x} \ref{a} {\small x}").notes == ()


def test_references_to_what_is_not_there() -> None:
    paper = written(
        r"\section{A}\label{a} See \ref{a}, \ref{gone}, \cref{a,lost} and \ref{}."
        r"\begin{equation}x\text{ by \eqref{gone}}\end{equation}"
    )
    assert paper.notes == (
        "References to labels that are not there, 4 in all, shown as ??: gone, lost, an empty label.",
    )
