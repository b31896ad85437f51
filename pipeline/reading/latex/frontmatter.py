"""Front matter: title, authors and abstract as the classes of journals ask for them. Handlers, by name."""

import re

from pipeline.reading.latex.environments import abstract
from pipeline.reading.latex.groups import argument, arguments, group, options
from pipeline.reading.latex.inline import Inline
from pipeline.reading.latex.numbers import Target, styled
from pipeline.reading.latex.reader import Command, Reader

_NESTED = r"(?:\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})"
_MARKS = re.compile(
    r"\\(?:[Tt]hanks\w*|footnotemark|footnote|footnotetext|inst|orcid\w*|email\w*|ead|textsuperscript|affil\w*|altaffil\w*"
    r"|corref|cormark|cor|fnref|fnmark|tnoteref|tnotemark|tnotetext|authorfn|IEEEauthorrefmark|IEEEmembership|IEEEcompsoc\w+"
    r"|IEEEauthorblockA|IEEEoverride\w+|samethanks|authorrefmark|authornote\w*|institute|address|addr|Email|nameref|label|mref"
    r"|comma|equalcont|dagger|protect|institution|affiliation|department|homepage|url|href|noaffiliation|aff|ORCID\w*|iD)"
    rf"(?![A-Za-z])\s*(?:\[[^\]]{{0,2000}}+\])*+{_NESTED}?"
)
_ADDRESS = re.compile(
    r"\b(?:Univ|Dep|Inst|School|Lab|Cent|Facul|Coll|Acad|Corp|Research|Member|Fellow|Student|Senior|IEEE)|@|\d{4}"
)
_TITLES = frozenset(
    ("member", "senior", "fellow", "student", "ieee", "phd", "md", "jr", "sr", "msc", "prof", "dr", "ph.d", "m.d",
     "senior member", "student member")
)  # fmt: skip
_NAME = re.compile(r"[^\W\d_]{2}|[A-Z]\W+[A-Z]")
_SPLIT = re.compile(
    r"\\(?:and|And|AND|AND\b|author|quad|qquad|hfill|hspace\s*\{[^{}]*\}|vspace\s*\{[^{}]*\})(?![A-Za-z])"
)


def _title(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    _, position = options(text, position)
    found = group(text, position)
    if found is None:
        return position
    if reader.titled:
        # Of what follows in the same file: a supplement.
        reader.flush()
        reader.raw.append(f"\\textbf{{{found[0]}}}")
        reader.flush()
        return found[1]
    reader.title = reader.inline.paragraph(_MARKS.sub("", found[0]))
    reader.inline.footnotes.clear()
    return found[1]


def _made(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    reader.titled = bool(reader.title)
    return position


def _author(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    _, position = options(text, position)
    found = group(text, position)
    if found is None:
        return position
    reader.authors = tuple(dict.fromkeys((*reader.authors, *names(found[0], reader.inline))))
    return found[1]


def _two_names(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Copernicus: `\\Author[1]{Given}{Family}`."""
    found = arguments(text, position, 2)
    if found is None:
        return position
    given, family = found[0]
    reader.authors = tuple(dict.fromkeys((*reader.authors, *names(f"{given} {family}", reader.inline))))
    return found[1]


def names(text: str, inline: Inline) -> tuple[str, ...]:
    """The names in `\\author`, without marks, addresses and affiliations."""
    found: list[str] = []
    text = re.sub(
        r"\\(?:fnm|sur|spfx|pfx|sfx|Name|name|firstname|lastname|givenname)(?![A-Za-z])\s*", "", text
    )
    for part in _SPLIT.split(_MARKS.sub("", text)):
        line, *below = re.sub(r"\\IEEEauthorblockN\s*", "", part).strip().split("\\\\")
        # A list of names may go on below; an address does not follow a comma.
        while below and re.search(r"(?:,|\band)[\s~{}]*\Z", line[-40:]) and not _ADDRESS.search(below[0]):
            line += f" {below.pop(0)}"
        line = re.sub(r"\$[^$]*\$|\\(?:dag|ddag|ast)\b", "", line)
        for name in re.split(r",|\band\b|;|&|\n\s*\n", inline.paragraph(line)):
            name = re.sub(r"[*†‡§¶\\^_]+|(?<![\s\d.])\d+|\[[^\]]*\]|\x02[^\x03]*\x03|\{\}", "", name).strip(
                " .&0123456789"
            )
            title = name.lower().strip(". ") in _TITLES
            if name and not title and len(name) < 60 and "@" not in name and re.search(_NAME, name):
                found.append(name)
    inline.footnotes.clear()
    return tuple(dict.fromkeys(found))


def _abstract(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    _, position = options(text, position)
    found = group(text, position)
    if found is None:
        return position
    abstract(reader, name, found[0], starred)
    return found[1]


def _keywords(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = argument(text, position) if text[position : position + 1] == "{" else None
    if found is None:
        return position
    reader.flush()
    reader.raw.append(f"\\textbf{{Keywords:}} {found[0]}")
    reader.flush()
    return found[1]


def _said(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """A statement that the class prints under a heading of its own: `\\software{…}`, `\\dataavailability{…}`."""
    found = argument(text, position) if text[position : position + 1] == "{" else None
    if found is None:
        return position
    title = re.sub(r"(?<=[a-z])(?=interests|contribution|availability)", " ", name).capitalize()
    title = title.replace("Codedata", "Code and data")
    reader.flush()
    counters = reader.counters
    # Earth System Science Data gives these sections a number.
    if (
        name.endswith("availability")
        and counters.document_class == "copernicus"
        and "essd" in counters.options
    ):
        reader.read(f"\\section{{{title}}}{found[0]}")
    else:
        reader.raw.append(f"\\textbf{{{title}:}} {found[0]}")
    reader.flush()
    return found[1]


def _institutes(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Astronomy & Astrophysics: `\\institute{…\\label{a} \\and …}`, to which authors refer by number.

    Notes of llncs go on counting behind several institutes.
    """
    found = group(text, position)
    if found is None:
        return position
    institutes = re.split(r"\\and(?![A-Za-z])", found[0])
    if reader.counters.document_class == "llncs" and len(institutes) > 1:
        reader.inline.footnote = len(institutes)
    if reader.counters.document_class == "aa":
        for number, institute in enumerate(institutes, 1):
            target = Target(reader.inline.here.anchor, str(number), "Institute")
            reader.inline.labels |= dict.fromkeys(re.findall(r"\\label\s*\{([^{}]*)\}", institute), target)
    return found[1]


def _affiliation(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Elsevier: `\\affiliation[key]{…}` is counted by letters; a label of nothing else has the last."""
    given, position = options(text, position)
    found = group(text, position)
    if given and reader.counters.document_class == "elsarticle":
        count = reader.counters.values["affiliation"] = reader.counters.values.get("affiliation", 0) + 1
        reader.inline.here = Target(reader.inline.here.anchor, styled(count, "alph"), "Affiliation")
    return found[1] if found else position


FRONT: dict[str, Command] = {
    **dict.fromkeys(("address", "affiliation"), _affiliation),
    "institute": _institutes,
    "title": _title,
    "maketitle": _made,
    **dict.fromkeys(("author", "authors"), _author),
    "Author": _two_names,
    **dict.fromkeys(("abstract", "Abstract", "abst", "abstracts"), _abstract),
    **dict.fromkeys(("keywords", "keyword", "kword"), _keywords),
}
"""What may stand in a preamble as well."""
STATEMENTS: dict[str, Command] = dict.fromkeys(
    (
        "software", "facilities", "facility", "dataavailability", "codeavailability", "codedataavailability",
        "authorcontribution", "competinginterests", "sampleavailability", "videosupplement", "datacitation",
        "disclaimer",
    ),
    _said,
)  # fmt: skip
