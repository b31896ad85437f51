"""biblatex: its `.bbl` file, which is data, to a `thebibliography` as BibTeX would have written it. Pure.

Source: the biblatex manual, section 4.2.3, and what biber writes.
"""

import re

from pipeline.reading.latex.groups import group

_ENTRY = re.compile(
    r"\\entry\s*\{([^{}]*)\}\s*\{([^{}]*)\}(?:[^\\]|\\(?!endentry|entry(?![A-Za-z])))*+\\endentry"
)
_FIELD = re.compile(r"\\(field|list|name)\s*\{(\w+)\}")
_VERB = re.compile(r"\\verb\{(\w+)\}\s*\\verb\s((?:[^\\]|\\(?!endverb|verb(?![A-Za-z])))*+)\\endverb")
_PART = re.compile(r"(?<![A-Za-z])(family|given|prefix|suffix)\s*=\s*(?=\{)")
_END_OF_LIST = re.compile(r"\\end(?:sorted|data)?list(?![A-Za-z])")
_PRINTED = (
    "booktitle",
    "journaltitle",
    "publisher",
    "institution",
    "volume",
    "pages",
    "eprint",
    "doi",
    "url",
)


def is_biblatex(bbl: str) -> bool:
    """Whether a `.bbl` file was written for biblatex."""
    return "\\endentry" in bbl


def thebibliography(bbl: str) -> str:
    """The entries in the order in which they are printed: authors, title, where it appeared, year."""
    # One file may hold the same entries sorted in several ways; the first is the one that is printed.
    # A `%` is a comment at the end of a line only: it may be part of an address.
    first = _END_OF_LIST.split(re.sub(r"%[ \t]*$", "", bbl, flags=re.MULTILINE), maxsplit=1)[0]
    items = [_item(found.group(1), found.group()) for found in _ENTRY.finditer(first)]
    return "\\begin{thebibliography}{99}\n" + "\n".join(items) + "\n\\end{thebibliography}\n"


def _item(key: str, entry: str) -> str:
    fields, names = _fields(entry)
    people = names.get("author") or names.get("editor") or []
    year = (fields.get("year") or fields.get("date") or "n.d.")[:4] + fields.get("extradate", "")
    families = [family for family, _ in people]
    short = " and ".join(families) if len(families) < 3 else f"{families[0]} et~al."
    label = f"[{{{short}({year})}}]" if short else ""
    authors = ", ".join(f"{given} {family}".strip() for family, given in people)
    title = ": ".join(filter(None, (fields.get("title"), fields.get("subtitle"))))
    where = ", ".join(fields[name] for name in _PRINTED if fields.get(name))
    printed = " \\newblock ".join(f"{part}." for part in (authors, title, where, year) if part)
    return f"\\bibitem{label}{{{key}}} {printed}"


def _fields(entry: str) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """What an entry says, and its people as family name and given names."""
    fields: dict[str, str] = {}
    names: dict[str, list[tuple[str, str]]] = {}
    for found in _FIELD.finditer(entry):
        kind, name = found.groups()
        # How many there are and options may stand before the value.
        value, position = "", found.end()
        while read := group(entry, position):
            value, position = read
        if kind == "name":
            names[name] = _people(value)
        elif kind == "list":
            fields[name] = " ".join(value.split()).replace("} {", ", ").strip("{}")
        else:
            fields[name] = re.sub(r"\\bibrangedash\s*", "--", re.sub(r"\\bibrangessep\s*", ", ", value))
    fields |= {found.group(1): f"\\url{{{found.group(2).rstrip()}}}" for found in _VERB.finditer(entry)}
    return fields, names


def _people(text: str) -> list[tuple[str, str]]:
    people = []
    position = 0
    while person := group(text, position):
        parts = {found.group(1): group(person[0], found.end()) for found in _PART.finditer(person[0])}
        said = {part: _without_marks(value[0]) for part, value in parts.items() if value}
        family = " ".join(filter(None, (said.get("prefix"), said.get("family"), said.get("suffix"))))
        people.append((family, said.get("given", "")))
        position = person[1]
    return people


def _without_marks(name: str) -> str:
    """A name without biber's marks for where it may be broken."""
    return (
        re.sub(r"\\bibnamedelim[a-z]\s*|\\bibinitperiod\s*|\\bibinitdelim\s*", " ", name)
        .replace("  ", " ")
        .strip()
    )
