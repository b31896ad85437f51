import pytest

from pipeline.reading.latex import document as latex
from pipeline.reading.paper import Paper
from tests.pipeline.reading.papers import written


def paper(document_class: str, front: str) -> Paper:
    text = f"\\documentclass{document_class}\n{front}\n\\begin{{document}}\\maketitle\nText.\\end{{document}}"
    return latex.read({"main.tex": text.encode()})


@pytest.mark.parametrize(
    ("document_class", "front", "title", "authors"),
    [
        (
            "{elsarticle}",
            r"\title{A B\tnoteref{t}}\tnotetext[t]{money}"
            r"\author[a]{Jo Do\corref{c}\fnref{f}}\author[b]{Max Moe\orcidlink{0}}"
            r"\cortext[c]{Corresponding}\fntext[f]{Equal}\affiliation[a]{organization={U}}",
            "A B",
            ("Jo Do", "Max Moe"),
        ),
        (
            "[journal]{IEEEtran}",
            r"\title{T\thanks{x}}"
            r"\author{Ann~One,~\IEEEmembership{Senior Member,~IEEE,} Bo~Two, and Cy~Six\thanks{A. One is.}}",
            "T",
            ("Ann One", "Bo Two", "Cy Six"),
        ),
        (
            "[conference]{IEEEtran}",
            r"\author{\IEEEauthorblockN{Ann One\IEEEauthorrefmark{1} and Bo Two}"
            r"\IEEEauthorblockA{\textit{Dept. of X}\\ U, Town}}",
            "",
            ("Ann One", "Bo Two"),
        ),
        (
            "{revtex4-2}",
            r"\title{T}\author{Ann One}\email{a@b}\affiliation{U}\author{Bo Two}\altaffiliation{V}",
            "T",
            ("Ann One", "Bo Two"),
        ),
        (
            "{acmart}",
            r"\title[Short]{Long}\author{Ann One}\authornote{Equal.}\orcid{0}"
            r"\affiliation{\institution{U}}\author{Bo Two}",
            "Long",
            ("Ann One", "Bo Two"),
        ),
        (
            "{llncs}",
            r"\title{T}\author{Ann One\inst{1}\orcidID{0000} \and Bo Two\inst{2,3}}\institute{U \and V}",
            "T",
            ("Ann One", "Bo Two"),
        ),
        (
            "{sn-jnl}",
            r"\title[S]{T}\author*[1,2]{\fnm{Ann} \sur{One}}\email{a@b}\author[2]{\fnm{Bo} \sur{Two}}\affil[1]{U}",
            "T",
            ("Ann One", "Bo Two"),
        ),
        (
            "{copernicus}",
            r"\title{T}\Author[1]{Ann}{One}\Author[2]{Bo}{Two}\affil[1]{U}",
            "T",
            ("Ann One", "Bo Two"),
        ),
        (
            "{wlscirep}",
            r"\title{T}\author[1,*]{Ann One}\author[2]{Bo Two}\affil[1]{U}",
            "T",
            ("Ann One", "Bo Two"),
        ),
        (
            "{mnras}",
            r"\title[Short]{T}\author[A. One et al.]"
            r"{Ann One,$^{1}$\thanks{E-mail: a@b} Bo Two$^{2}$ and Cy Six\\ $^{1}$ U}",
            "T",
            ("Ann One", "Bo Two", "Cy Six"),
        ),
        (
            "{aastex631}",
            r"\title{T}\author[0000-0001]{Ann One}\affiliation{U}\author{Bo Two}\collaboration{2}{(The Two)}",
            "T",
            ("Ann One", "Bo Two"),
        ),
    ],
)
def test_titles_and_authors(document_class: str, front: str, title: str, authors: tuple[str, ...]) -> None:
    read = paper(document_class, front)
    assert (read.title, read.authors) == (title, authors)


def test_an_abstract_in_the_preamble_or_as_a_command() -> None:
    assert paper("{wlscirep}", r"\begin{abstract}Said.\end{abstract}").abstract == "Said."
    assert paper("{sn-jnl}", r"\abstract{Said.}").abstract == "Said."
    assert paper("{ws-procs9x6}", r"\abstracts{Said.}").abstract == "Said."


def test_headings_in_an_abstract_are_no_sections() -> None:
    text = (
        rb"\documentclass{bioinfo}\begin{document}\begin{abstract}\section{Motivation:} Long.\section{Results:} Fast."
        rb"\end{abstract}\section{Introduction}Text.\end{document}"
    )
    read = latex.read({"main.tex": text})
    assert read.abstract == "**Motivation:** Long.\n\n**Results:** Fast."
    assert [section.number for section in read.sections] == ["1"]


def test_what_only_the_press_needs_is_no_text() -> None:
    read = paper(
        "{acmart}", r"\acmConference[C '25]{Conference}{May}{Town}\acmDOI{10.1/x}\setcopyright{none}\title{T}"
    )
    assert read.text().strip() == "# T\n\nText."


def test_what_the_press_fills_in_is_no_text_and_nothing_is_said_of_it() -> None:
    read = written(r"\catchline{1}{2}{2026}{7}{9}\pubyear{2026}\mailto{a@b.org}\revised{May} Words.\bsp")

    assert read.text().strip() == "Words."
    assert read.notes == ()


def test_a_heading_of_the_back_matter() -> None:
    read = written(r"\section{A} Text.\bmhead{Acknowledgements} Thanks.")

    assert [(section.number, section.title) for section in read.sections] == [
        ("1", "A"),
        ("", "Acknowledgements"),
    ]


def test_what_the_head_of_a_page_says_is_no_paragraph() -> None:
    text = written(r"\markboth{Submitted to X}{Running head}\altaffiltext{1}{Center for X} Words.").text()

    assert "Running" not in text
    assert "Center" not in text


def test_a_biography_begins_with_its_name() -> None:
    text = written(
        r"Words.\begin{IEEEbiography}[{\includegraphics{a}}]{Ann Example} is a fellow.\end{IEEEbiography}"
        r"\begin{IEEEbiographynophoto}{Bo Example} is another.\end{IEEEbiographynophoto}"
    ).text()

    assert "\n\nAnn Example is a fellow.\n\nBo Example is another." in text


def test_an_author_with_no_more_than_initials() -> None:
    assert paper("{article}", r"\author{A. B. \and C D \and $^1$E, F}\maketitle").authors == ("A. B", "C D")


def test_an_author_with_a_number_in_the_name() -> None:
    paper = written("Words.", r"\author{Tool 1.0 Contributors, Ann Example1, Bo Example$^{2}$}")

    assert paper.authors == ("Tool 1.0 Contributors", "Ann Example", "Bo Example")


def test_no_heading_without_a_title() -> None:
    assert written("Words.").text() == "Words.\n"


@pytest.mark.parametrize(
    ("written_as", "names"),
    [
        (r"Ann Example,\\ Bo Example and\\ Cy Example\\ Some Place", ("Ann", "Bo", "Cy")),
        (r"Ann Example$^1$, \\ Bo Example$^2$", ("Ann", "Bo")),
        (r"Ann Example,\\ University of Somewhere", ("Ann",)),
        (r"Ann Example\\ Some Place", ("Ann",)),
    ],
)
def test_authors_go_on_in_the_next_line_where_the_list_is_open(
    written_as: str, names: tuple[str, ...]
) -> None:
    paper = written("Words.", rf"\author{{{written_as}}}")

    assert paper.authors == tuple(f"{name} Example" for name in names)


def test_the_title_of_a_supplement_in_the_same_file_is_text() -> None:
    supplement = r"\clearpage\title{Supplement for “T”}\maketitle More words."
    paper = written(rf"\title{{T}}\maketitle Words. {supplement}")

    assert paper.title == "T"
    assert "**Supplement for “T”**" in paper.text()


def test_notes_of_llncs_go_on_counting_behind_institutes_and_titles_show_no_address() -> None:
    text = (
        rb"\documentclass{llncs}\begin{document}\institute{One \and Two}\maketitle"
        rb"\section{The \href{https://a.org/b}{waiter} \href{https://a.org/b}{}}"
        rb" Text\footnote{Said.}.\end{document}"
    )
    (section,) = latex.read({"main.tex": text}).sections
    assert section.title == "The waiter"
    assert [block.anchor for block in section.blocks if block.kind == "footnote"] == ["Fn3"]
