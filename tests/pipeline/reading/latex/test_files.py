import pytest

from pipeline.reading.latex import document as latex
from pipeline.reading.latex.encodings import decode
from pipeline.reading.latex.files import document, strip_comments

DOCUMENT = rb"\documentclass{article}\begin{document}%s\end{document}"


def text(files: dict[str, bytes]) -> str:
    found = document(files)
    assert found is not None
    return found.text


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"supp.tex": DOCUMENT % b"supplement, longer", "main.tex": DOCUMENT % b"x"}, "main.tex"),
        ({"_old-main.tex": DOCUMENT % b"longer and older", "paper1.tex": DOCUMENT % b"x"}, "paper1.tex"),
        (
            {
                "._main.tex": DOCUMENT % b"junk",
                "__MACOSX/a.tex": DOCUMENT % b"junk",
                "z.tex": DOCUMENT % b"x",
            },
            "z.tex",
        ),
        ({"src/ms.tex": DOCUMENT % b"x", "src/a.tex": b"\\section{A}"}, "src/ms.tex"),
        ({"paper.tex.txt": DOCUMENT % b"x"}, "paper.tex.txt"),
        ({"a.tex": DOCUMENT % b"x", "b.tex": DOCUMENT % b"y", "b.bbl": b""}, "b.tex"),
        (
            {
                "a.tex": DOCUMENT % b"long long",
                "b.tex": DOCUMENT % b"x",
                "00README.XXX": b"b.tex toplevelfile\n",
            },
            "b.tex",
        ),
        (
            {
                "a.tex": DOCUMENT % b"long",
                "b.tex": DOCUMENT % b"x",
                "00README.json": b'{"sources": [{"filename": "b.tex", "usage": "toplevel"}]}',
            },
            "b.tex",
        ),
        (
            {
                "part.tex": rb"\documentclass[whole]{subfiles}\begin{document}p\end{document}",
                "whole.tex": DOCUMENT % b"x",
            },
            "whole.tex",
        ),
        ({"a.tex": rb"% \documentclass{x}", "b.tex": DOCUMENT % b"x"}, "b.tex"),
        ({"plain.tex": rb"\section{No class}"}, "plain.tex"),
    ],
)
def test_the_main_file(files: dict[str, bytes], main: str) -> None:
    found = document(files)
    assert found is not None and found.main == main


@pytest.mark.parametrize(
    "others",
    [
        {"aassymbols.tex": DOCUMENT % (b"symbol " * 500)},
        {"bare_jrnl.tex": DOCUMENT % (b"text " * 500)},
        {"fig.tex": rb"\documentclass{standalone}\begin{document}" + b"x" * 2_000 + rb"\end{document}"},
        {"reply.tex": rb"\documentclass{letter}\begin{document}" + b"x" * 2_000 + rb"\end{document}"},
        {"dwarfs_v3.tex": DOCUMENT % (rb"\begin{abstract}x\end{abstract}" + b"x" * 2_000)},
        {"notes.tex": DOCUMENT % (b"notes " * 500)},
    ],
)
def test_what_is_not_the_paper(others: dict[str, bytes]) -> None:
    found = document({"dwarfs_v4.tex": DOCUMENT % rb"\begin{abstract}We.\end{abstract}", **others})
    assert found is not None and found.main == "dwarfs_v4.tex"


def test_folders_that_the_document_names() -> None:
    found = text(
        {
            "main.tex": rb"\makeatletter\def\input@path{{parts/}{more/}}\makeatother"
            + DOCUMENT % rb'\input{one} \input two \input{"three"}',
            "parts/one.tex": b"ONE",
            "more/two.tex": b"TWO",
            "parts/three.tex": b"THREE",
        }
    )
    assert all(part in found for part in ("ONE", "TWO", "THREE"))


def test_files_that_only_macros_name() -> None:
    main = (
        rb"\newcommand{\chap}[1]{\input{#1.tex}}\newcommand{\dir}{parts}"
        + DOCUMENT
        % rb"\chap{one} \input{\dir/two} \InputIfFileExists{three}{}{no} \InputIfFileExists{four}{no}{FOUR}"
    )
    paper = latex.read({"main.tex": main, "one.tex": b"ONE", "parts/two.tex": b"TWO", "three.tex": b"THREE"})
    assert "ONE TWO THREE FOUR" in paper.text() and "no" not in paper.text() and paper.notes == ()


@pytest.mark.parametrize(
    ("declaration", "encoding", "word"),
    [
        (r"\usepackage[cp1251]{inputenc}", "cp1251", "Введение"),
        (r"\usepackage[koi8-r]{inputenc}", "koi8-r", "Введение"),
        (r"\inputencoding{latin2}", "iso8859-2", "żółw"),
        (r"\begin{CJK*}{GBK}{song}\end{CJK*}", "gbk", "引言"),
        (r"\begin{CJK}{Bg5}{bsmi}\end{CJK}", "big5", "引言"),
        (r"% -*- coding: euc-jp -*-", "euc-jp", "日本語"),
        (r"\usepackage[GBK]{ctex}", "gbk", "方法"),
    ],
)
def test_an_encoding_that_another_file_declares(declaration: str, encoding: str, word: str) -> None:
    main = f"\\documentclass{{article}}\n{declaration}\n\\begin{{document}}Text. \\input{{part}}\\end{{document}}"
    paper = latex.read({"main.tex": main.encode(), "part.tex": f"\\section{{{word}}} Yes.".encode(encoding)})
    assert paper.sections[-1].title == word
    assert paper.notes == ()


def test_a_file_that_is_named_in_other_capitals() -> None:
    files = {"main.tex": DOCUMENT % rb"\input{Parts/One.tex}", "parts/one.tex": b"Here it is."}
    assert "Here it is." in text(files)


def test_another_document_is_named() -> None:
    found = document({"main.tex": DOCUMENT % b"x", "supp.tex": DOCUMENT % b"y"})
    assert found is not None and any("supp.tex" in note for note in found.notes)


def test_everything_that_is_included() -> None:
    files = {
        "main.tex": DOCUMENT
        % rb"\input{sec/a} \include{b} \subfile{c.tex} \import{sec/}{d} \input e %\input{no}"
        + b"\nafter",
        "sec/a.tex": rb"A\input{sec/deep}",
        "sec/deep.tex": b"DEEP",
        "b.tex": rb"B\endinput not",
        "c.tex": rb"\documentclass[main]{subfiles}\newcommand{\x}{}\begin{document}C\end{document}",
        "sec/d.tex": b"D",
        "e.tex": b"E",
    }
    found = text(files)
    assert all(part in found for part in ("ADEEP", "B", "C", "D", "E"))
    assert "not" not in found and "newcommand" not in found


def test_a_file_that_includes_itself_and_one_that_is_missing() -> None:
    found = document({"main.tex": DOCUMENT % rb"a \input{main} \input{gone} b"})
    assert found is not None
    assert "a" in found.text and "b" in found.text
    assert any("main.tex" in note for note in found.notes) and any("gone" in note for note in found.notes)


@pytest.mark.parametrize(
    "taken",
    [
        rb"\lstinputlisting{a.txt}",
        rb"\verbatiminput{a.txt}",
        rb"\input{a.txt}",
        rb"\include{a}",
        rb"\subfile{a}",
    ],
)
def test_a_file_that_is_taken_without_end(taken: bytes) -> None:
    source = {
        "main.tex": DOCUMENT % (taken * 4_000),
        "a.txt": b"word word\n" * 20_000,
        "a.tex": b"word " * 40_000,
    }
    found = document(source)
    assert found is not None
    assert len(found.text) < 5_000_000
    assert any("beyond the limit" in note for note in found.notes)


def test_the_authors_style_file_is_read_for_its_macros() -> None:
    found = document(
        {"main.tex": rb"\usepackage{mine}" + DOCUMENT % b"x", "mine.sty": rb"\newcommand{\R}{\mathbb R}"}
    )
    assert found is not None and set(found.macros) == {"R"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a % b\nc", "a c"),
        ("a % b\n\nc", "a \n\nc"),
        ("a%\n  b", "ab"),
        (r"5\% of % x", r"5\% of "),
        (r"\\% x", r"\\"),
        (r"\url{a%b} % c", r"\url{a%b} "),
        (r"\href{a%20b}{t%", r"\href{a%20b}{t"),
        (r"\verb|%| %c", r"\verb|%| "),
        ("\\begin{verbatim}\n% kept\n\\end{verbatim}%", "\\begin{verbatim}\n% kept\n\\end{verbatim}"),
        ("\\begin{lstlisting}\na % b\n\\end{lstlisting}", "\\begin{lstlisting}\na % b\n\\end{lstlisting}"),
        ("a\\begin{comment}\nb\\end{comment}c", "ac"),
    ],
)
def test_comments(written: str, read: str) -> None:
    assert strip_comments(written) == read


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("naïve ≤".encode(), "naïve ≤"),
        (b"\xef\xbb\xbfx", "x"),
        ("naïve".encode("latin-1"), "naïve"),
        (rb"\usepackage[latin2]{inputenc}" + "ż".encode("iso8859-2"), r"\usepackage[latin2]{inputenc}ż"),
        (rb"\usepackage[applemac]{inputenc}" + "é".encode("mac-roman"), r"\usepackage[applemac]{inputenc}é"),
        ("ж".encode("utf-16"), "ж"),
        (b"a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_encodings(content: bytes, expected: str) -> None:
    assert decode(content) == expected


def test_of_several_styles_with_one_name_the_one_beside_the_document_counts() -> None:
    text = rb"\documentclass{article}\usepackage{own}\begin{document}We use \tool.\end{document}"
    files = {
        "paper/main.tex": text,
        "paper/own.sty": rb"\newcommand{\tool}{Waiter}",
        "paper/talk/own.sty": rb"\newcommand{\other}{no}",
        "own.sty": rb"\newcommand{\other}{no}",
    }
    assert "We use Waiter." in latex.read(files).text()
