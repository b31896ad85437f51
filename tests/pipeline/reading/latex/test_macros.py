import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.latex.expansion import definitions, expand
from tests.pipeline.reading.papers import written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\newcommand{\R}{\mathbb{R}}$x \in \R^n$", r"$x \in \mathbb{R}^n$"),
        (r"\newcommand\vec[1]{\mathbf{#1}}$\vec{x}\vec y$", r"$\mathbf{x}\mathbf{y}$"),
        (r"\newcommand{\f}[2][d]{(#1,#2)}\f{a} \f[b]{c}", "(d,a) (b,c)"),
        (r"\def\norm#1{\|#1\|}$\norm{x}$", r"$\|x\|$"),
        (r"\DeclareMathOperator*{\argmax}{arg\,max}$\argmax_x$", r"$\operatorname*{arg\,max}_x$"),
        (r"\DeclareMathOperator{\tr}{tr}$\tr A$", r"$\operatorname{tr}A$"),
        (r"\let\eps\varepsilon$\eps x$", r"$\varepsilon x$"),
        (r"\NewDocumentCommand{\g}{O{1} m}{#1-#2}\g{a}\g[2]{b}", "1-a2-b"),
        (r"\providecommand{\a}{x}\providecommand{\a}{y}\a", "x"),
        (r"\newcommand{\a}{\b}\newcommand{\b}[1]{<#1>}\a{z}", "<z>"),
        (r"\newcommand{\a}[1]{#1x}\a{\alpha}", r"\alpha x"),
        (r"\renewcommand{\section}[1]{mine}\section{A}", r"\section{A}"),
        (r"\newcommand{\x}{\@ifnextchar[{\y}{\z}}\x", r"\x"),
        (r"\newif\ifdraft\ifdraft no\else yes\fi\drafttrue\ifdraft !\fi", "yes!"),
        (r"a\iffalse b \iftrue c \fi d \else e\fi f", "aef"),
        (r"\ifx\mode\undefined a\else b\fi", "a"),
        (r"\def\mode{1}\ifx\mode\undefined a\else b\fi", "b"),
        (r"\def\mode{}\ifx\mode\empty a\else b\fi", "a"),
        (r"\def\x{1}\def\y{1}\def\z{2}\ifx\x\y a\fi\ifx\x\z b\fi", "a"),
        (r"\def\x{1}\ifdefined\x a\else b\fi\ifdefined\y c\else d\fi", "ad"),
        (r"\def\x{1}\ifcsname x\endcsname a\else b\fi", "a"),
        (r"\def\version{2}\ifnum\version=2 a\else b\fi\ifnum 3<2 c\else d\fi", "ad"),
        (r"\ifnum\pages>4 a\else b\fi \ifpreprint c\else d\fi", "bd"),
        (r"\ifpreprint kept, for there is no other\fi", "kept, for there is no other"),
        (r"\ifpreprint\ifx\a\b a\else b\fi c\else \ifdraft d\else e\fi\fi", "e"),
        (r"$a \iff b$ \ifdef{\x}{a}{b}", r"$a \iff b$ b"),
        (r"\def\pair(#1,#2){<#1;#2>}\pair(a,b)", "<a;b>"),
        (r"\def\bea#1\eea{<#1>}\bea a{\eea}b\eea c", r"<a{\eea}b>c"),
        (r"\def\Sec#1[#2]#3{#3-#2}\Sec1[l]{T}", "T-l"),
        (r"\newcommand{\f}[1]{<#1>}\f{\f{a}}", "<<a>>"),
        (r"\newcommand{\n}{\m{A}}\newcommand{\m}[2]{#1:#2}\n{b}", "A:b"),
        (r"\NewDocumentCommand{\p}{s m}{\IfBooleanTF{#1}{*}{}#2}\p{a}\p*{b}", "a*b"),
        (r"\NewDocumentCommand{\p}{o m}{\IfValueT{#1}{(#1)}#2}\p{a}\p[x]{b}", "a(x)b"),
        (r"\NewDocumentCommand{\p}{D(){d} r<> t+ O{e} +m}{#1#2#4#5}\p(a)<b>[c]{d}\p<b>+{d}", "abcddbed"),
        (
            r"\NewDocumentCommand{\p}{m e{^_}}{#1\IfValueT{#2}{up#2}\IfValueT{#3}{down#3}}\p{a}_b^c",
            "aupcdownb",
        ),
        (r"\newcommandx{\p}[2][1=x]{#1#2}\p{a}\p[y]{b}", "xayb"),
        (r"\DeclarePairedDelimiter{\abs}{|}{|}\abs{x}\abs*{y}", r"| x |\left| y \right|"),
        (r"\newenvironment{e}[1]{<#1:}{>}\begin{e}{a}b\end{e}", "<a:b>"),
        (r"\newenvironment{e}{\align}{\endalign}\begin{e}b\end{e}", r"\begin{align}b\end{align}"),
        (r"\NewDocumentEnvironment{e}{O{x} m}{<#1#2:}{:#2>}\begin{e}{a}b\end{e}", "<xa:b:a>"),
        (r"\NewEnviron{e}{<\BODY>}\begin{e}b\end{e}", "<b>"),
        (r"\newtcolorbox{e}[1]{title=About #1}\begin{e}{a}b\end{e}", r"\par\textbf{About a} b\par "),
        (r"\if0 hidden \fi\if11shown\fi", "shown"),
        (r"\newcount\x\ifcase 1 a\or b\else c\fi", r"\newcount\x b"),
        (r"\ifodd 3 a\else b\fi", "a"),
        (r"\newtoggle{t}\toggletrue{t}\iftoggle{t}{a}{b}", "a"),
        (
            r"\newboolean{t}\setboolean{t}{true}\ifthenelse{\boolean{t}}{a}{b}\ifthenelse{\equal{a}{b}}{c}{d}",
            "ad",
        ),
        (r"\newcommand{\x}{\ifdraft a\else b\fi}\newif\ifdraft\x", "b"),
        (r"\expandafter\newcommand\csname x\endcsname{y}\csname x\endcsname", r"\expandafter y"),
        (
            r"\newcommand{\a}{x}\verb|\a| \begin{verbatim}\a\end{verbatim}\a",
            r"\verb|\a| \begin{verbatim}\a\end{verbatim}x",
        ),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text).replace("  ", " ").replace(" }", "}") == expected


@pytest.mark.parametrize(
    "bomb",
    [
        r"\def\a{\a\a}\a",
        r"\def\a{\b\b}\def\b{\a\a}\a",
        "".join(rf"\def\{chr(97 + i)}x{{\{chr(98 + i)}x\{chr(98 + i)}x}}" for i in range(24)) + r"\ax",
        r"\newcommand{\a}[1]{#1#1#1#1#1#1#1#1#1#1}" + r"\a{" * 30 + "x" + "}" * 30,
        r"\iffalse" * 5000,
        "{" * 100_000,
        r"\newcommand{\a}[9]{" + "#1" * 1000 + r"}\a" * 50,
    ],
)
def test_no_macro_makes_the_text_explode(bomb: str) -> None:
    assert len(expand(bomb)) < 20_000_000


@given(
    st.lists(
        st.sampled_from([*"{}[]\\#%1a$ \n", r"\def", r"\newcommand", r"\a", r"\b", "#1", r"\fi", r"\iffalse"])
    )
)
def test_any_text_can_be_expanded(parts: list[str]) -> None:
    expand("".join(parts))


@given(st.text(alphabet="abc xyz{}$^_", max_size=60))
def test_text_without_commands_stays_as_it_is(text: str) -> None:
    assert expand(text) == text


@given(st.text(alphabet="abcxyz ", min_size=1), st.text(alphabet="abcxyz ", min_size=1))
def test_an_argument_arrives_where_its_number_stands(first: str, second: str) -> None:
    assert expand(rf"\newcommand{{\q}}[2]{{[#2|#1]}}\q{{{first}}}{{{second}}}") == f"[{second}|{first}]"


def test_a_style_file_gives_its_simple_macros_only() -> None:
    found = definitions(r"\newcommand{\R}{\mathbb R}\def\@x{1}\newcommand{\y}{\@x}")
    assert set(found) == {"R"}


@pytest.mark.parametrize(
    "opening", ["\\a{", "\\a[", "\\newcommand{\\b}{", "\\ifa ", "{\\a", "\\begin{verbatim}", "\\verb|"]
)
def test_what_is_never_closed_costs_no_more(opening: str) -> None:
    expand("\\newcommand{\\a}[2][x]{#1#2}\\newif\\ifa" + opening * 20_000)


@pytest.mark.parametrize(
    ("definition", "use", "shown"),
    [
        (r"\renewcommand{\eqref}[1]{\ref{eq:#1}}", r"\eqref{one}", "1"),
        (r"\def\eqref#1{equation~\ref{#1}}", r"\eqref{eq:one}", "equation 1"),
        (r"\renewcommand{\autoref}[1]{Sec.~\ref{sec:#1}}", r"\autoref{a}", "Sec. 2"),
        (r"\newcommand{\cref}[1]{Part~\ref{sec:#1}}", r"\cref{a}", "Part 2"),
        (r"\let\plain\ref\renewcommand{\ref}[1]{no. \plain{#1}}", r"\ref{sec:a}", "no. 2"),
        (r"\renewcommand{\footnote}[1]{ (note: #1)}", r"\footnote{so}", "(note: so)"),
        (r"\providecommand{\eqref}[1]{nothing}", r"\eqref{eq:one}", "(1)"),
        (r"\makeatletter\def\ref{\@ifstar\@one\@two}\makeatother", r"\ref{sec:a}", "2"),
    ],
)
def test_an_author_says_what_a_reference_prints(definition: str, use: str, shown: str) -> None:
    body = (
        r"\begin{equation}\label{eq:one}x=1\end{equation}\section{B}\section{A}\label{sec:a} See " + use + "."
    )

    assert f"See {shown}." in written(body, definition).text()


def test_a_style_does_not_say_what_a_reference_prints() -> None:
    paper = written(
        r"\section{A}\label{a} See \ref{a}.", r"\usepackage{own}", own__sty=r"\renewcommand{\ref}[1]{lost}"
    )

    assert "See 1." in paper.text()


def test_what_is_defined_for_bookmarks_alone_does_not_change_the_text() -> None:
    preamble = r"\pdfstringdefDisableCommands{\def\gamma{gamma}\def\sqrt#1{sqrt(#1)}}"
    assert r"$\sqrt{\gamma}$" in written(r"It is $\sqrt{\gamma}$.", preamble).text()
