"""Definitions: the commands and environments that an author defines, with every package's way of doing so. Pure.

`expansion.py` writes them out where they are used.
"""

import re
from collections.abc import Mapping

from pipeline.reading.latex.groups import argument, arguments, count_in, group, options, settings
from pipeline.reading.latex.macros import (
    MANDATORY,
    NO_VALUE,
    Argument,
    Environment,
    Macro,
    declared,
)

# What the reader of the document gives a meaning to; a style's own version of it would only be in the way.
_KEPT = frozenset(
    (
        "part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph", "appendix",
        "caption", "label", "ref", "cref", "Cref", "autoref", "nameref", "pageref", "cite", "citep", "citet",
        "citealt", "citealp", "citeauthor", "citeyear", "begin", "end", "item", "footnote", "footnotetext",
        "footnotemark", "thanks", "title", "author", "date", "maketitle", "abstract", "includegraphics",
        "url", "href", "textbf", "textit", "emph", "texttt", "textsc", "text", "mathrm", "mathbf", "frac",
        "input", "include", "bibitem", "bibliography", "newblock", "thebibliography", "par", "left", "right",
        "State", "If", "For", "While", "Return", "Comment", "tableofcontents", "multicolumn", "multirow",
        "tabular", "tag", "nonumber", "notag", "twocolumn", "eqref", "appendices", "ContinuedFloat",
        "arabic", "alph", "Alph", "roman", "Roman", "qed", "and", "affiliation", "address", "email",
        "newcommand", "renewcommand", "newenvironment", "newtheorem", "documentclass", "usepackage",
    )
)  # fmt: skip
_OWN_WINS = frozenset(
    ("ref", "eqref", "cref", "Cref", "autoref", "nameref", "pageref", "footnote", "footnotetext")
)
"""Of these, an author's own version in the paper itself says what is to be printed."""
_KEPT_ENVIRONMENTS = frozenset(
    (
        "document", "abstract", "figure", "table", "equation", "align", "gather", "multline", "eqnarray", "itemize",
        "enumerate", "description", "tabular", "array", "thebibliography", "proof", "algorithm", "algorithmic",
        "appendices", "titlepage", "frontmatter", "deluxetable", "longtable", "verbatim", "lstlisting",
        "subfigure", "minipage", "center", "quote", "keyword", "keywords", "list", "trivlist",
    )
)  # fmt: skip
_NEEDS_TEX = re.compile(r"@|\\(?:catcode|futurelet|afterassignment|write|openout|read)(?![A-Za-z])")
_DEFINES = frozenset(
    (
        "newcommand", "renewcommand", "providecommand", "DeclareRobustCommand", "DeclareMathOperator", "def",
        "gdef", "edef", "xdef", "let", "newcommandx", "renewcommandx", "DeclarePairedDelimiter",
        "DeclarePairedDelimiterX", "DeclarePairedDelimiterXPP", "newrobustcmd", "renewrobustcmd",
        "DeclareDocumentCommand",
        "NewDocumentCommand", "RenewDocumentCommand", "ProvideDocumentCommand", "NewExpandableDocumentCommand",
        "DeclareExpandableDocumentCommand", "RenewExpandableDocumentCommand", "algnewcommand", "algrenewcommand",
    )
)  # fmt: skip
_DEFINES_ENVIRONMENTS = frozenset(
    (
        "newenvironment", "renewenvironment", "provideenvironment", "newenvironmentx", "NewDocumentEnvironment",
        "RenewDocumentEnvironment", "DeclareDocumentEnvironment", "ProvideDocumentEnvironment", "NewEnviron",
        "RenewEnviron", "newtcolorbox", "renewtcolorbox", "newmdenv", "NewTColorBox", "DeclareTColorBox",
    )
)  # fmt: skip
_KEYWORDS = {
    "SetKw": ("textbf", ""), "SetKwData": ("textsf", ""), "SetKwFunction": ("texttt", r"\IfNoValueF{#1}{(#1)}"),
    "SetKwArray": ("textsf", r"\IfNoValueF{#1}{[#1]}"),
}  # fmt: skip
_NAME = re.compile(r"\s*(?:\\expandafter\s*)?\\([A-Za-z@]+|.)", re.DOTALL)
_NAMED = re.compile(r"\s*\\csname\s*+([^\\{}\s](?:[^\\{}]{0,58}[^\\{}\s])?)\s*+\\endcsname(?![A-Za-z])")
_BEGUN = re.compile(r"\\(?:csname\s*+)?([A-Za-z]+)")
_ENDED = re.compile(r"\\end([A-Za-z]+)")
_MEANING = re.compile(r"\s*+=?\s*+(\\(?:[A-Za-z@]+|.)|\S)", re.DOTALL)


class Definitions:
    """What is defined where reading is."""

    def __init__(self, known: Mapping[str, Macro | Environment], *, style: bool = False) -> None:
        self._kept = _KEPT if style else _KEPT - _OWN_WINS
        self.macros = {name: made for name, made in known.items() if isinstance(made, Macro)}
        self.environments = {
            name.strip("{}"): made for name, made in known.items() if isinstance(made, Environment)
        }
        self.defined = {
            "undefined": False, "empty": True, "@empty": True, "pdfoutput": True, **dict.fromkeys(_KEPT, True)
        }  # fmt: skip

    def take(self, name: str, text: str, position: int) -> int | None:
        """Take note of the definition that `\\name` begins; its end, or None if it is not a complete one."""
        if name in ("@namedef", "csdef", "csgdef"):
            return self._named(text, position)
        if name in _KEYWORDS:
            return self._keyword(name, text, position)
        if name in _DEFINES_ENVIRONMENTS:
            return self._environment(name, text, position)
        return self._command(name, text, position) if name in _DEFINES else None

    def _named(self, text: str, position: int) -> int | None:
        read = arguments(text, position, 2)
        if read is None:
            return None
        self._keep(read[0][0].strip(), Macro(read[0][1]))
        return read[1]

    def _command(self, name: str, text: str, position: int) -> int | None:
        starred = text.startswith("*", position)
        read = _name(text, position + starred)
        if read is None or not read[0] or self._counts(read[0]):
            # How a number is printed is for whoever counts.
            return None
        defined, position = read
        if name == "let":
            return self._let(defined, text, position)
        if name.startswith("DeclarePaired"):
            return self._paired(name, defined, text, position)
        if name == "DeclareMathOperator":
            body = argument(text, position)
            if body:
                self._keep(defined, Macro(f"\\operatorname{'*' * starred}{{{body[0]}}}"))
            return body[1] if body else None
        said = declared(name, text, position)
        body = argument(text, said[1]) if said else None
        if said is None or body is None:
            return None
        if said[0] and not (
            name.startswith(("provide", "Provide")) and (defined in _KEPT or defined in self.macros)
        ):
            self._keep(defined, Macro(body[0], said[0].arguments, said[0].prefix))
        return body[1]

    def _keyword(self, name: str, text: str, position: int) -> int | None:
        """algorithm2e: `\\SetKwFunction{FGrad}{Grad}` makes `\\FGrad{x}` print `Grad(x)`."""
        read = arguments(text, position, 2)
        if read is None:
            return None
        style, after = _KEYWORDS[name]
        given = (Argument("optional", NO_VALUE, "{", "}"),) if after else ()
        self._keep(read[0][0].strip(), Macro(f"\\{style}{{{read[0][1]}}}{after}", given))
        return read[1]

    def _counts(self, name: str) -> bool:
        """Whether `\\the…` is how a counter is printed, or `\\labelenumi` an item."""
        return name.startswith(("the", "labelenum")) and name not in ("theta", *self.macros)

    def _keep(self, name: str, macro: Macro) -> None:
        self.defined[name] = True
        if name in self._kept or not name[:1].isalnum() or "@" in name:
            return
        if _NEEDS_TEX.search(macro.body):
            self.macros.pop(name, None)
        else:
            self.macros[name] = macro

    def _let(self, defined: str, text: str, position: int) -> int | None:
        meaning = _MEANING.match(text, position)
        if meaning is None:
            return None
        written = meaning.group(1)
        self._keep(defined, self.macros.get(written.removeprefix("\\"), Macro(written)))
        return meaning.end()

    def _paired(self, name: str, defined: str, text: str, position: int) -> int | None:
        """mathtools: `\\DeclarePairedDelimiter{\\abs}{\\lvert}{\\rvert}`, of which X and XPP take a body as well."""
        count = group(text, position, "[", "]")
        given, end = [], count[1] if count else position
        for _ in range({"DeclarePairedDelimiter": 2, "DeclarePairedDelimiterX": 3}.get(name, 5)):
            read = argument(text, end)
            if read is None:
                return None
            given.append(read[0])
            end = read[1]
        number = min(count_in(count[0], 1), 9) if count else 1
        before, left, right, after = (
            ("", *given[:2], "") if len(given) < 5 else (given[0], given[1], given[2], given[3])
        )
        body = re.sub(r"#(\d)", lambda m: f"#{int(m[1]) + 2}", given[-1]) if len(given) > 2 else "#3"
        body = re.sub(r"\\delimsize(?![A-Za-z])", "", body)
        sized = (
            f"{before}\\IfBooleanTF{{#1}}{{\\left{left} {body} \\right{right}}}"
            f"{{\\IfNoValueTF{{#2}}{{{left} {body} {right}}}{{#2{left} {body} #2{right}}}}}{after}"
        )
        arguments = (Argument("star", closing="*"), Argument("optional", NO_VALUE), *(MANDATORY,) * number)
        self._keep(defined, Macro(sized, arguments))
        return end

    def _environment(self, name: str, text: str, position: int) -> int | None:
        position += text.startswith("*", position)
        boxed = name in ("newtcolorbox", "renewtcolorbox", "newmdenv", "NewTColorBox", "DeclareTColorBox")
        before, position = options(text, position) if boxed else ([], position)
        named = argument(text, position)
        if named is None:
            return None
        defined, position = named[0].strip(), named[1]
        if name == "newmdenv":
            self._keep_environment(defined, self._titled(Macro(""), before[0] if before else ""))
            return position
        form = {"NewTColorBox": "NewDocumentEnvironment", "DeclareTColorBox": "NewDocumentEnvironment"}.get(
            name, name
        )
        read = declared("newcommandx" if name == "newenvironmentx" else form, text, position)
        begin = argument(text, read[1]) if read else None
        if read is None or begin is None:
            return None
        macro, end = read[0] or Macro(""), ("", begin[1])
        if boxed:
            self._keep_environment(defined, self._titled(macro, begin[0]))
            return begin[1]
        if name.endswith("Environ"):
            whole = re.sub(r"\\BODY(?![A-Za-z])", f"#{len(macro.arguments) + 1}", begin[0])
            macro = Macro(whole, (*macro.arguments, Argument("body")))
            behind = group(text, begin[1], "[", "]")
            self._keep_environment(defined, Environment(macro, ""))
            return behind[1] if behind else begin[1]
        end = argument(text, begin[1]) or end
        first, last = _written_out(begin[0], end[0])
        self._keep_environment(defined, Environment(Macro(first, macro.arguments), last))
        return end[1]

    def _titled(self, macro: Macro, settings_: str) -> Environment:
        """A box of tcolorbox or mdframed: its settings are not text, but its title is."""
        title = settings(settings_).get("title", "") if "title" in settings_ else ""
        return Environment(
            Macro(f"\\par\\textbf{{{title}}} " if title else "\\par ", macro.arguments), "\\par "
        )

    def _keep_environment(self, name: str, made: Environment) -> None:
        if name.rstrip("*") in _KEPT_ENVIRONMENTS:
            return
        if _NEEDS_TEX.search(made.begin.body + made.end):
            made = Environment(Macro(_bare(made.begin.body), made.begin.arguments), _bare(made.end))
        self.environments[name] = made


def _name(text: str, position: int) -> tuple[str, int] | None:
    """The command that is defined: `\\name`, `{\\name}` or `\\csname name\\endcsname`; and its end."""
    written = _NAMED.match(text, position)
    if written is None and text[position : position + 1] != "{":
        written = _NAME.match(text, position)
    if written:
        return written.group(1), written.end()
    read = argument(text, position)
    return (read[0].strip().removeprefix("\\"), read[1]) if read else None


def _written_out(begin: str, end: str) -> tuple[str, str]:
    """`\\align … \\endalign` as `\\begin{align} … \\end{align}`, and without what only says how to read on."""
    ended = set(_ENDED.findall(end))
    begin = _BEGUN.sub(lambda found: f"\\begin{{{found[1]}}}" if found[1] in ended else found[0], begin)
    return begin, _ENDED.sub(r"\\end{\1}", end)


def _bare(code: str) -> str:
    """Only the environments that TeX code begins and ends."""
    return "".join(re.findall(r"\\(?:begin|end)\s*\{[A-Za-z]+\*?\}", code))
