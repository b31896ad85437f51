import pytest

from tests.pipeline.reading.papers import blocks, written


@pytest.mark.parametrize(
    ("preamble", "tex", "shown"),
    [
        ("", r"\lstinline|a_%b|", "a_%b"),
        ("", r"\lstinline[language=C]{a_{b}%}", "a_{b}%"),
        ("", r"\lstinline!x|y!", "x|y"),
        ("", r"\mintinline{python}{a[1]}", "a[1]"),
        ("", r"\mintinline{python}|a % b|", "a % b"),
        (r"\newmintinline{python}{}", r"\pythoninline|x|", "x"),
        (r"\newcommand{\py}{\lstinline[language=Python]}", r"\py|a%b|", "a%b"),
        (r"\MakeShortVerb{\|}", r"|\x%y|", r"\x%y"),
        (r"\lstMakeShortInline[basicstyle=\ttfamily]!", r"!a$b!", "a$b"),
        ("", r"\Verb+$x+", "$x"),
        ("", r"\path|C:\a%b|", "C:a%b"),
    ],
)
def test_code_in_a_line(preamble: str, tex: str, shown: str) -> None:
    text = written(f"So {tex} here.\n", preamble).text()
    assert text.strip() in (f"So `{shown}` here.", f"So {shown} here.")


@pytest.mark.parametrize(
    ("preamble", "name"),
    [
        (r"\lstnewenvironment{code}[1][]{\lstset{#1}}{}", "code"),
        (r"\DefineVerbatimEnvironment{code}{Verbatim}{fontsize=\small}", "code"),
        (r"\newminted{python}{}", "pythoncode"),
        (r"\newenvironment{code}{\verbatim}{\endverbatim}", "code"),
        (r"\newenvironment{code}{\VerbatimEnvironment\begin{Verbatim}}{\end{Verbatim}}", "code"),
        (r"\newtcblisting{code}{listing only}", "code"),
        ("", "BVerbatim"),
    ],
)
def test_environments_that_the_author_defines(preamble: str, name: str) -> None:
    paper = written(f"Text.\n\\begin{{{name}}}\n% \\section{{no}} $x_1\n\\end{{{name}}}\nMore.", preamble)
    code = [block.text for block in blocks(paper) if block.kind == "code"]
    assert code == ["```\n% \\section{no} $x_1\n```"]
    assert "More." in paper.text()


def test_a_listing_from_a_file_with_its_number() -> None:
    paper = written(
        r"\lstinputlisting[caption={Sorting},label=l]{sort.txt} See \ref{l}. \lstinputlisting{gone.py}",
        sort__txt="a % b\n\\x",
    )
    assert "[Lst1] Listing 1: Sorting\n\n```\na % b\n\\x\n```" in paper.text()
    assert "See 1." in paper.text()
    assert any("gone.py" in note for note in paper.notes)


def test_what_is_excluded_is_not_read() -> None:
    text = written(r"Text.\begin{hidden}secret\end{hidden}", r"\excludecomment{hidden}").text()
    assert "secret" not in text
