"""Document classes: how each prints its numbers where that is not LaTeX's own way.

Every value is what the class itself writes into the `.aux` file; `benchmark/latex.py` compares.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

CHAPTERS = frozenset(
    ("book", "report", "memoir", "scrbook", "scrreprt", "amsbook", "svmono", "svmult", "thesis", "tufte-book")
)


@dataclass(frozen=True)
class Style:
    """Formats of counters, in the text and from the first appendix on."""

    formats: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    appendix: Mapping[str, str] = field(default_factory=dict)
    appendix_prefixes: Mapping[str, str] = field(default_factory=dict)
    appendix_within: Mapping[str, str] = field(default_factory=dict)
    appendix_resets: tuple[str, ...] = ()
    """What begins anew with the first appendix, and not with each."""
    within: Mapping[str, str] = field(default_factory=dict)
    """What begins anew with which, in the text."""
    depth: int | None = None
    one_appendix: bool = False
    """Whether `\\appendix` is a heading of its own, and the only one."""
    theorems: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """Theorems that the class declares: printed name, and counter if they have one."""
    theorems_within: str = ""
    theorems_reset: str = ""
    """With what their numbers begin anew, where it is not printed before them."""
    theorems_separator: str = "."
    """Between the number of what a theorem is counted within and its own."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Of counters where the text begins."""
    counts_on: bool = False
    """Whether sections behind `appendices` are counted on from its last, and the next begins with A again."""
    global_captions: bool = False
    """Whether `\\label` points to a caption also behind its float, and in a `deluxetable` to what is before it."""


def _sharing(*names: str) -> dict[str, tuple[str, str | None]]:
    """Theorems with one counter for all."""
    return {name: (name.capitalize(), "theorem") for name in names}


def _apart(*names: str) -> dict[str, tuple[str, str | None]]:
    """Theorems with a counter for each."""
    return {name: (name.capitalize(), name) for name in names}


_USUAL = ("theorem", "lemma", "proposition", "corollary", "conjecture", "definition", "example")
_OF_WORLD_SCIENTIFIC = (
    *_USUAL, "assertion", "assumption", "claim", "convention", "criterion", "notation", "observation", "problem",
    "prop", "question", "remark",
)  # fmt: skip
_OF_SPRINGER = (*_USUAL, "remark", "exercise", "problem", "question", "solution", "note", "property", "case")
_SPRINGER = re.compile(r"(?:llncs|svjour3?|svmult|svmono)\[(?!.*nospthms)")
_EQUATION_OF_APPENDIX = {"equation": r"\thesection\arabic{equation}"}

_REVTEX = Style(
    {
        "section": r"\Roman{section}",
        "subsection": r"\Alph{subsection}",
        "subsubsection": r"\arabic{subsubsection}",
        "paragraph": r"\alph{paragraph}",
        "table": r"\Roman{table}",
    },
    {
        "subsection": r"\thesection\,",
        "subsubsection": r"\thesection\,\thesubsection\,",
        "paragraph": r"\thesection\,\thesubsection\,\thesubsubsection\,",
    },
    {
        **_EQUATION_OF_APPENDIX,
        "subsection": r"\arabic{subsection}",
        "subsubsection": r"\alph{subsubsection}",
    },
    {"subsection": r"\thesection\,", "subsubsection": r"\thesection\,\thesubsection\,"},
    {"equation": "section"},
    depth=5,
)

_FLOATS_OF_APPENDIX = Style(
    appendix={counter: rf"\thesection.\arabic{{{counter}}}" for counter in ("equation", "figure", "table")},
    appendix_within=dict.fromkeys(("equation", "figure", "table"), "section"),
)


def _with_points(prefixes: Mapping[str, str]) -> dict[str, str]:
    """Reviews of Modern Physics: `II.A` where the other journals print `II A`."""
    return {counter: prefix.replace(r"\,", ".") for counter, prefix in prefixes.items()}


STYLES: tuple[tuple[str, Style], ...] = (
    (
        r"revtex[\w-]*\[[^\]]*\brmp\b",
        replace(
            _REVTEX,
            prefixes=_with_points(_REVTEX.prefixes),
            appendix_prefixes=_with_points(_REVTEX.appendix_prefixes),
        ),
    ),
    (r"revtex", _REVTEX),
    (r"IEEEtran\[.*compsoc(?!conf)", Style(depth=5)),
    (
        r"(?:IEEEtran|ieeetran|ieeeconf|IEEEconf)",
        Style(
            {
                "section": r"\Roman{section}",
                "subsection": r"\thesection-\Alph{subsection}",
                "subsubsection": r"\thesubsection\arabic{subsubsection}",
                "paragraph": r"\thesubsubsection\alph{paragraph}",
                "table": r"\Roman{table}",
            },
            appendix={
                "subsection": r"\thesection-\Alph{subsection}",
                "subsubsection": r"\thesubsection\arabic{subsubsection}",
                "paragraph": r"\thesubsubsection\alph{paragraph}",
            },
            depth=5,
            one_appendix=True,
        ),
    ),
    (
        r"aastex6[12]?\[",
        Style(appendix=_EQUATION_OF_APPENDIX, appendix_resets=("equation",), global_captions=True),
    ),
    (
        r"emulateapj",
        Style(appendix=_EQUATION_OF_APPENDIX, appendix_within={"equation": "section"}),
    ),
    (r"aastex", Style(appendix=_EQUATION_OF_APPENDIX, appendix_resets=("equation",))),
    (
        r"elsarticle",
        Style(
            appendix={
                "section": r"Appendix~\Alph{section}",
                "equation": r"\Alph{section}.\arabic{equation}",
                "figure": r"\Alph{section}.\arabic{figure}",
                "table": r"\Alph{section}.\arabic{table}",
            },
            appendix_within={"equation": "section"},
        ),
    ),
    (
        r"mnras",
        Style(
            {"enumi": r"(\roman{enumi})", "enumii": r"(\alph{enumii})", "enumiii": r"(\arabic{enumiii})"},
            appendix={
                **_EQUATION_OF_APPENDIX,
                "figure": r"\thesection\arabic{figure}",
                "table": r"\thesection\arabic{table}",
                "subsection": r"\thesection\arabic{subsection}",
            },
            appendix_within=dict.fromkeys(("equation", "figure", "table"), "section"),
            depth=5,
        ),
    ),
    (
        r"sn-jnl",
        Style(
            appendix={
                counter: rf"\Alph{{section}}\arabic{{{counter}}}"
                for counter in ("equation", "figure", "table")
            },
            appendix_resets=("equation", "figure", "table"),
            counts_on=True,
        ),
    ),
    (
        r"svjour3?\[.*numbook",
        Style(
            {counter: rf"\thesection.\arabic{{{counter}}}" for counter in ("equation", "figure", "table")},
            within=dict.fromkeys(("equation", "figure", "table"), "section"),
        ),
    ),
    (r"svjour3?\[.*epjc3", Style(appendix={"section": r"Appendix~\Alph{section}"})),
    (r"llncs", Style(depth=3)),
    (r"ws-[^\[]*\[.*onethmnum", replace(_FLOATS_OF_APPENDIX, theorems=_sharing(*_OF_WORLD_SCIENTIFIC))),
    (r"ws-rv|(?:pre)?aa\[", _FLOATS_OF_APPENDIX),
    (r"svmult", Style(values={"chapter": 1})),
    (r"acmart", Style(theorems=_sharing(*_USUAL), theorems_within="section")),
    (r"jmlr", Style(theorems=_sharing(*_USUAL[:-1], "remark", "axiom"))),
    (r"lipics", Style(theorems=_sharing(*_USUAL, "observation", "claim", "remark", "exercise", "note"))),
    (r"memoir", Style(depth=2)),
    (r"amsbook", Style({counter: rf"\arabic{{{counter}}}" for counter in ("section", "figure", "table")})),
)
"""A class's name and options, and its style; the first that matches."""


@functools.lru_cache(maxsize=64)
def style_of(document_class: str, options: str) -> Style:
    """How a class prints numbers, given its options; a class that is not known prints them as LaTeX does."""
    named = f"{document_class}[{options}]"
    style = next((style for pattern, style in STYLES if re.match(pattern, named)), Style())
    return _with_springer_s_theorems(style, document_class, options) if _SPRINGER.match(named) else style


def _with_springer_s_theorems(style: Style, document_class: str, options: str) -> Style:
    """The options that these classes have in common say which counters their theorems have, and within what."""
    chosen = {option.strip() for option in options.split(",")}
    whole_book = document_class in CHAPTERS
    within = (
        "chapter" if "envcountchap" in chosen else "section" if {"envcountsect", "numbook"} & chosen else ""
    )
    by_section = ("envcountresetsect" if whole_book else "envcountreset") in chosen
    return replace(
        style,
        theorems={
            **(_sharing if "envcountsame" in chosen else _apart)(*_OF_SPRINGER),
            "claim": ("Claim", None),
        },
        theorems_within=within,
        theorems_reset="" if within else "section" if by_section else "chapter" if whole_book else "",
        theorems_separator="." if within or whole_book else "",
    )


def is_known(document_class: str, options: str) -> bool:
    """Whether it is said here how a class prints its numbers, so that its file need not say it."""
    return any(re.match(pattern, f"{document_class}[{options}]") for pattern, _ in STYLES)
