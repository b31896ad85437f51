import pytest

from pipeline.reading.latex.document import numbers, read

BODY = rb"""\section{A}\label{s}\begin{equation}a\label{e}\end{equation}\subsection{B}\label{t}
\subsubsection{C}\label{u}\begin{table}\caption{T}\label{b}\end{table}
%s\section{D}\label{as}\begin{equation}a\label{ae}\end{equation}\subsection{E}\label{at}
\begin{figure}\caption{F}\label{af}\end{figure}\section{G}\label{bs}\begin{equation}a\label{be}\end{equation}"""


@pytest.mark.parametrize(
    ("document_class", "appendix", "expected"),
    [
        ("{article}", r"\appendix", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
        ("[prd]{revtex4-2}", r"\appendix", "I 1 I A|I A 1|I A A1|A 1|1 B B1"),
        ("[aps,\nrmp]{revtex4-2}", r"\appendix", "I 1 I.A|I.A.1|I A A1|A.1|1|B B1"),
        ("[journal]{IEEEtran}", r"\appendices", "I 1 I-A I-A1 I A 2 A-A 1 B 3"),
        ("[compsoc]{IEEEtran}", r"\appendices", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
        ("{aastex631}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A.1 1 B B2"),
        ("{emulateapj}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A.1 1 B B1"),
        ("{elsarticle}", r"\appendix", "1 1 1.1 1.1.1 1 Appendix A|A.1 Appendix A.1|A.1 Appendix B|B.1"),
        ("{mnras}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A1 A1 B B1"),
        ("{llncs}", r"\appendix", "1 1 1.1 1.1 1 A 2 A.1 1 B 3"),
        ("[compsocconf]{IEEEtran}", r"\appendices", "I 1 I-A I-A1 I A 2 A-A 1 B 3"),
        ("[epjc3]{svjour3}", r"\appendix", "1 1 1.1 1.1.1 1 Appendix A|2 Appendix A.1|1 Appendix B|3"),
        ("{sn-jnl}", r"\appendix", "1 1 1.1 1.1.1 1 A A1 A.1 A1 B B2"),
        ("{aa}", r"\appendix", "1 1 1.1 1.1.1 1 A A.1 A.1 A.1 B B.1"),
        ("{acmart}", r"\appendix", "1 1 1.1 1.1.1 1 A 2 A.1 1 B 3"),
    ],
)
def test_numbers_are_those_that_the_class_writes(document_class: str, appendix: str, expected: str) -> None:
    text = b"\\documentclass%s\\begin{document}%s\\end{document}" % (
        document_class.encode(),
        BODY % appendix.encode(),
    )
    found = numbers({"main.tex": text})
    shown = " ".join(found[label] for label in ("s", "e", "t", "u", "b", "as", "ae", "at", "af", "bs", "be"))
    assert shown == expected.replace("|", " ")


def test_one_appendix_of_ieee_has_a_heading_of_its_own() -> None:
    text = rb"\documentclass{IEEEtran}\begin{document}\section{A}\appendix[Proof]\label{p}Text.\end{document}"
    assert numbers({"main.tex": text})["p"] == "A"


def test_what_the_authors_own_class_says_of_numbers() -> None:
    style = rb"\def\thesection{\@Roman{\c@section}}"
    style += rb"\renewcommand\thetable{T\arabic{table}}\newtheorem{claim}{Claim}[section]"
    text = (
        rb"\documentclass{mine}\begin{document}\section{A}\label{s}\begin{claim}x\label{c}\end{claim}"
        rb"\begin{table}\caption{x}\label{t}\end{table}\end{document}"
    )
    found = numbers({"main.tex": text, "mine.cls": style})
    assert (found["s"], found["c"], found["t"]) == ("I", "I.1", "T1")


def test_a_known_class_is_not_asked_about_options_that_are_not_chosen() -> None:
    style = rb"\if@conference\def\thesection{\Roman{section}}\fi\setcounter{secnumdepth}{0}"
    text = rb"\documentclass[compsoc]{IEEEtran}\begin{document}\section{A}\label{s}\end{document}"
    assert numbers({"main.tex": text, "IEEEtran.cls": style})["s"] == "1"


@pytest.mark.parametrize(
    "added",
    [
        rb"\renewcommand\appendix{\setcounter{figure}{0}\renewcommand\thefigure{A\arabic{figure}}}",
        rb"\appto{\appendix}{\setcounter{figure}{0}\def\thefigure{A\arabic{figure}}}",
        rb"\makeatletter\g@addto@macro\appendix{\setcounter{figure}{0}\renewcommand{\thefigure}{A\arabic{figure}}}",
    ],
)
@pytest.mark.parametrize("where", ["main.tex", "mine.cls"])
def test_what_an_appendix_changes_is_changed_where_it_begins(added: bytes, where: str) -> None:
    figure = rb"\begin{figure}\caption{x}\label{%s}\end{figure}"
    body = rb"\begin{document}%s\appendix\section{B}%s\end{document}" % (figure % b"f", figure % b"g")
    text = b"\\documentclass{mine}" + added * (where == "main.tex") + body
    files = {"main.tex": text, "mine.cls": added * (where == "mine.cls")}
    found = numbers(files)
    assert (found["f"], found["g"]) == ("1", "A1")


def test_an_appendix_whose_title_is_an_argument_is_a_section() -> None:
    style = rb"""\newcounter{appendixc}\newcommand{\appendix}[1]{\refstepcounter{appendixc}\setcounter{equation}{0}
\renewcommand{\theequation}{\Alph{appendixc}.\arabic{equation}}\noindent{\appendixname~\theappendixc~#1}}"""
    text = rb"""\documentclass{ws-x}\begin{document}\section{A}\begin{equation}a\end{equation}
\appendix{Proofs}\label{a}\begin{equation}a\label{ae}\end{equation}\subappendix{More}\label{s}
\appendix{}\label{b}\begin{equation}b\label{be}\end{equation}\end{document}"""
    files = {"main.tex": text, "ws-x.cls": style}
    assert numbers(files) == {"a": "A", "ae": "A.1", "s": "A.1", "b": "B", "be": "B.1"}
    assert [(s.number, s.title) for s in read(files).sections if s.number] == [
        ("1", "A"), ("A", "Proofs"), ("B", "Appendix"),
    ]  # fmt: skip


def test_appendices_of_a_review_have_their_title_as_an_option() -> None:
    text = rb"""\documentclass{ws-rv9x6}\begin{document}\section{A}\begin{equation}a\end{equation}
\begin{appendix}[Proofs]\label{a}\begin{equation}a\label{ae}\end{equation}\end{appendix}
\begin{appendix}[More]\label{b}\begin{equation}b\label{be}\end{equation}\end{appendix}\end{document}"""
    assert numbers({"main.tex": text}) == {"a": "A", "ae": "A.1", "b": "B", "be": "B.1"}


def test_sections_behind_appendices_go_on_and_so_do_letters() -> None:
    text = rb"""\documentclass{article}\begin{document}\section{A}\begin{appendices}\section{B}\end{appendices}
    \section{C}\label{c}\subsection{D}\label{d}\begin{appendices}\section{E}\label{e}\end{appendices}\end{document}"""
    found = numbers({"main.tex": text})
    assert (found["c"], found["d"], found["e"]) == ("2", "2.1", "B")
    found = numbers(
        {"main.tex": text.replace(rb"\section{B}", rb"\section{B}" * 4).replace(b"article", b"sn-jnl")}
    )
    assert (found["c"], found["d"], found["e"]) == ("5", "5.1", "A")


@pytest.mark.parametrize(
    ("name", "above", "below"), [("book", "chapter", "section"), ("article", "section", "subsection")]
)
def test_appendices_of_a_chapter_or_section_have_letters_behind_its_number(
    name: str, above: str, below: str
) -> None:
    text = (
        rf"\documentclass{{{name}}}\begin{{document}}\{above}{{A}}\{below}{{B}}\begin{{subappendices}}"
        rf"\{below}{{C}}\{below}{{D}}\label{{d}}\end{{subappendices}}\{below}{{E}}\label{{e}}\end{{document}}"
    )
    assert numbers({"main.tex": text.encode()}) == {"d": "1.B", "e": "1.3"}


def test_what_an_environment_declares_is_not_declared_for_the_document() -> None:
    hooks = (
        rb"\numberwithin{figure}{section}\AtBeginEnvironment{notes}{\counterwithin{figure}{subsection}}"
        rb"\AtEndEnvironment{notes}{\counterwithout{figure}{section}}"
    )
    body = rb"\begin{document}\section{A}\begin{figure}\caption{x}\label{f}\end{figure}\end{document}"
    assert numbers({"main.tex": rb"\documentclass{article}" + hooks + body}) == {"f": "1.1"}


def test_a_switch_in_a_format_is_off() -> None:
    style = rb"\newif\ifbysec\def\theequation{\ifbysec\arabic{section}.\arabic{equation}\else\arabic{equation}\fi}"
    text = rb"\documentclass{mine}\begin{document}\section{A}\begin{equation}a\label{e}\end{equation}\end{document}"
    assert numbers({"main.tex": text, "mine.cls": style})["e"] == "1"


def test_institutes_and_affiliations_are_counted() -> None:
    text = rb"\documentclass{aa}\institute{One\label{a} \and Two\label{b}}\begin{document}\maketitle\end{document}"
    assert numbers({"main.tex": text}) == {"a": "1", "b": "2"}
    text = (
        rb"\documentclass{elsarticle}\begin{document}\begin{frontmatter}\affiliation[x]{One}\affiliation[y]{Two}"
        rb"\end{frontmatter}\section*{A}\label{s}\end{document}"
    )
    assert numbers({"main.tex": text})["s"] == "b"


def test_an_authors_own_theorem_takes_the_place_of_the_class_s() -> None:
    text = (
        rb"\documentclass{acmart}\newtheorem{theorem}{Theorem}\begin{document}\section{A}\section{B}"
        rb"\begin{theorem}x\label{t}\end{theorem}\begin{lemma}x\label{l}\end{lemma}\end{document}"
    )
    found = numbers({"main.tex": text})
    assert (found["t"], found["l"]) == ("1", "2")


def test_a_theorem_within_sections_is_printed_so_whatever_the_class_says_of_its_counter() -> None:
    style = rb"\newcounter{theorem}\def\thetheorem{\arabic{theorem}}"
    text = (
        rb"\documentclass{mine}\newtheorem{theorem}{Theorem}[section]\begin{document}\section{A}"
        rb"\begin{theorem}x\label{t}\end{theorem}\end{document}"
    )
    assert numbers({"main.tex": text, "mine.cls": style})["t"] == "1.1"


def test_a_book_of_the_ams_prints_no_chapter_before_its_numbers() -> None:
    text = rb"""\documentclass{amsbook}\begin{document}\chapter{A}\begin{equation}x\end{equation}\chapter{B}
    \section{C}\label{s}\begin{equation}x\label{e}\end{equation}\begin{figure}\caption{x}\label{f}\end{figure}\end{document}"""
    found = numbers({"main.tex": text})
    assert (found["s"], found["e"], found["f"]) == ("1", "2", "1")


SPRINGER = rb"""\spnewtheorem{own}{Own}[section]{\bfseries}{\rmfamily}
\spnewtheorem{like}[theorem]{Like}{\bfseries}{\rmfamily}
\begin{document}\section{A}\begin{theorem}x\label{t}\end{theorem}\begin{lemma}x\label{l}\end{lemma}\section{B}
\begin{claim}x\end{claim}\begin{theorem}x\label{u}\end{theorem}\begin{lemma}x\label{m}\end{lemma}\begin{own}x\label{o}\end{own}
\begin{like}x\label{k}\end{like}\begin{equation}x\label{e}\end{equation}\end{document}"""


@pytest.mark.parametrize(
    ("document_class", "expected"),
    [
        ("{llncs}", "1 1 2 2 21 3 1"),
        ("[runningheads,envcountsame]{llncs}", "1 2 3 4 21 5 1"),
        ("[envcountsect, runningheads]{llncs}", "1.1 1.1 2.1 2.1 2.1 2.2 1"),
        ("[envcountsame,envcountsect]{llncs}", "1.1 1.2 2.1 2.2 2.1 2.3 1"),
        ("[envcountreset]{llncs}", "1 1 1 1 21 2 1"),
        ("[envcountsame,envcountreset]{llncs}", "1 2 1 2 21 3 1"),
        ("[smallextended,envcountsect]{svjour3}", "1.1 1.1 2.1 2.1 2.1 2.2 1"),
        ("[smallextended,numbook]{svjour3}", "1.1 1.1 2.1 2.1 2.1 2.2 2.1"),
        ("[envcountchap]{svmult}", "1.1 1.1 1.2 1.2 1.2.1 1.3 1.1"),
        ("[envcountsect,envcountsame]{svmult}", "1.1.1 1.1.2 1.2.1 1.2.2 1.2.1 1.2.3 1.1"),
        ("[envcountresetsect]{svmult}", "1 1 1 1 1.2.1 2 1.1"),
    ],
)
def test_options_of_springer_s_classes_say_how_theorems_are_counted(
    document_class: str, expected: str
) -> None:
    found = numbers({"main.tex": b"\\documentclass" + document_class.encode() + SPRINGER})
    assert " ".join(found[label] for label in ("t", "l", "u", "m", "o", "k", "e")) == expected


FIGURE = r"\begin{figure}\caption{x}\label{%s}\end{figure}"


@pytest.mark.parametrize(
    "hooks",
    [
        r"\AtBeginEnvironment{subappendices}{\counterwithin{figure}{section}}"
        r"\AtEndEnvironment{subappendices}{\counterwithin{figure}{chapter}}",
        r"\AddToHook{env/subappendices/begin}{\counterwithin{figure}{section}}"
        r"\AddToHook{env/subappendices/after}{\counterwithin{figure}{chapter}}",
    ],
)
def test_numbers_change_where_the_hook_of_an_environment_says_so(hooks: str) -> None:
    chapter = rf"\chapter{{A}}\section{{x}}{FIGURE}\begin{{subappendices}}\section{{B}}{FIGURE}\end{{subappendices}}"
    body = chapter % ("a", "b") + chapter % ("c", "d")
    text = rf"\documentclass{{report}}{hooks}\begin{{document}}{body}\end{{document}}"
    assert numbers({"main.tex": text.encode()}) == {"a": "1.1", "b": "1.A.1", "c": "2.1", "d": "2.A.1"}


@pytest.mark.parametrize("where", ["main.tex", "mine.cls"])
def test_what_is_left_to_the_documents_begin_has_the_last_word(where: str) -> None:
    hook = r"\AtBeginDocument{\renewcommand\thefigure{S\arabic{figure}}\setcounter{figure}{4}}"
    own = r"\renewcommand\thefigure{Q\arabic{figure}}"
    text = r"\documentclass{mine}" + hook * (where == "main.tex") + own + r"\begin{document}" + FIGURE % "f"
    files = {"main.tex": text + r"\end{document}", "mine.cls": hook * (where == "mine.cls")}
    assert numbers({name: content.encode() for name, content in files.items()}) == {"f": "S5"}


def test_how_numbers_are_printed_changes_for_a_group_only() -> None:
    theorem = r"\begin{thm}x\label{%s}\end{thm}"
    body = (
        rf"{{\renewcommand\thethm{{\Alph{{thm}}}}{theorem % 'a'}}}{theorem % 'b'}\begingroup"
        rf"\renewcommand\thethm{{\ref{{a}}'}}\addtocounter{{thm}}{{-1}}{theorem % 'c'}\endgroup{theorem % 'd'}"
        r"\begin{subequations}\renewcommand{\theequation}{\theparentequation.\arabic{equation}}"
        r"\begin{align}x\label{e}\end{align}\end{subequations}\begin{equation}x\label{f}\end{equation}"
        r"\begin{figure}\renewcommand\thefigure{X}\caption{x}\label{g}\end{figure}" + FIGURE % "h"
    )
    text = rf"\documentclass{{article}}\newtheorem{{thm}}{{Theorem}}\begin{{document}}{body}\end{{document}}"
    assert " ".join(numbers({"main.tex": text.encode()}).values()) == "A 2 A' 3 1.1 2 X 2"


def test_what_a_class_leaves_out_of_an_anonymous_paper_is_read() -> None:
    style = rb"\if@ACM@anonymous\excludecomment{acks}\else\includecomment{acks}\fi\excludecomment{CCSXML}"
    text = (
        rb"\documentclass{acmart}\begin{document}\begin{CCSXML}concept\end{CCSXML}\section{A}Text."
        rb"\begin{acks}Thanks.\end{acks}\end{document}"
    )
    said = read({"main.tex": text, "acmart.cls": style}).text()
    assert "Thanks." in said
    assert "concept" not in said


@pytest.mark.parametrize(
    ("head", "third", "expected"),
    [
        (r"\documentclass{ws-ijfcs}\usepackage[onethmnum]{ws-ijfcs-thm}", "definition", "1 2 3"),
        (r"\documentclass{ws-ijfcs}\usepackage{ws-ijfcs-thm}", "definition", "1 1 1"),
        (r"\documentclass[a4paper]{lipics-v2021}", "exercise", "1 2 3"),
    ],
)
def test_theorems_are_counted_together_where_the_publisher_does(head: str, third: str, expected: str) -> None:
    body = "".join(rf"\begin{{{kind}}}x\label{{{kind}}}\end{{{kind}}}" for kind in ("lemma", "remark", third))
    found = numbers({"main.tex": rf"{head}\begin{{document}}{body}\end{{document}}".encode()})
    assert " ".join(found.values()) == expected


@pytest.mark.parametrize(("journal", "expected"), [("essd", "2 3"), ("gmd", "1 2")])
def test_where_data_are_is_a_section_in_a_journal_of_data(journal: str, expected: str) -> None:
    text = (
        rf"\documentclass[{journal}, manuscript]{{copernicus}}\begin{{document}}\section{{A}}"
        r"\codedataavailability{At home.}\label{d}\conclusions\label{c}\end{document}"
    )
    found = numbers({"main.tex": text.encode()})
    assert f"{found['d']} {found['c']}" == expected
    assert "Code and data availability" in read({"main.tex": text.encode()}).text()


def test_floats_behind_the_text_may_be_those_of_appendices() -> None:
    body = rf"\section{{A}}{FIGURE % 'a'}\appendix\section{{B}}\noappendix\appendixfigures{FIGURE % 'b'}{FIGURE % 'c'}"
    text = rf"\documentclass[gmd]{{copernicus}}\begin{{document}}{body}\appendixfigures{FIGURE % 'd'}\end{{document}}"
    assert " ".join(numbers({"main.tex": text.encode()}).values()) == "1 A1 A2 B1"
