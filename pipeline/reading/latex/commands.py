"""Commands: headings, declarations and what else LaTeX's own commands mean to the reader. Handlers, by
name.
"""

import re

from pipeline.reading.latex.environments import abstract, begin_appendix
from pipeline.reading.latex.groups import group
from pipeline.reading.latex.inline import Inline
from pipeline.reading.latex.numbers import HEADINGS, Target
from pipeline.reading.latex.reader import Command, Reader, Theorem, camel_case

_MARKS = re.compile(
    r"\\(?:[Tt]hanks|footnotemark|footnote|inst|orcidlink|orcidID|email|textsuperscript|affil\w*|IEEEauthorrefmark)(?![A-Za-z])"
    r"\s*(?:\[[^\]]*\])?(?:\{(?:[^{}]|\{[^{}]*\})*\})?"
)


def _heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.flush()
    level = HEADINGS[name]
    title = reader.inline.paragraph(found[0])
    number = ""
    if not starred and level <= reader.counters.depth and name != "part":
        number = reader.counters.step(name)
    lettered = bool(number) and reader.counters.appendix
    anchor = f"{'App' if lettered else 'S'}{number}" if number else camel_case(title)
    # A footnote in the title is read with it and stands below it.
    notes, reader.inline.footnotes = reader.inline.footnotes, []
    anchor = reader.open_section(anchor, number, title, level)
    reader.inline.footnotes = notes
    printed = "Appendix" if lettered else name.replace("sub", "").capitalize()
    reader.inline.here = Target(anchor, number or title, printed)
    return found[1]


def _run_in_heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    reader.flush()
    found = group(text, position)
    if found is None:
        return position
    reader.raw.append(f"\\textbf{{{found[0].strip()}}} ")
    return found[1]


def _paragraph_end(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    reader.flush()
    return position


def _footnote(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    # Kept whole for the paragraph that it belongs to: there may be empty lines in it.
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.raw.append(f"\\{name}{text[position : found[1]]}")
    return found[1]


def _appendix(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    begin_appendix(reader)
    return position


# Declarations -----------------------------------------------------------------------------------------------


def _title(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.title = reader.inline.paragraph(_MARKS.sub("", found[0]))
    return found[1]


def _author(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.authors += names(found[0], reader.inline)
    return found[1]


def names(text: str, inline: Inline) -> tuple[str, ...]:
    """The names in `\\author`, without marks, addresses and affiliations."""
    found: list[str] = []
    for part in re.split(r"\\(?:and|And|AND)(?![A-Za-z])|\\q?quad", _MARKS.sub("", text)):
        line = re.sub(r"\\IEEEauthorblockN\s*", "", part).strip().split("\\\\")[0]
        line = re.sub(r"\$[^$]*\$|\\(?:dag|ddag|ast)\b", "", line)
        for name in re.split(r",|\band\b|;|\n\s*\n", inline.paragraph(line)):
            name = re.sub(r"[*†‡§¶\d\\^_]+|\[[^\]]*\]", "", name).strip(" .&")
            if name and len(name) < 60 and "@" not in name and re.search(r"[^\W\d_]{2}", name):
                found.append(name)
    inline.footnotes.clear()
    return tuple(dict.fromkeys(found))


def _abstract(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = group(text, position)
    if found is None:
        return position
    abstract(reader, name, found[0], starred)
    return found[1]


def _two(text: str, position: int) -> tuple[str, str, int] | None:
    """Two mandatory arguments, options skipped, and their end."""
    option = group(text, position, "[", "]")
    first = group(text, option[1] if option else position)
    option = group(text, first[1], "[", "]") if first else None
    second = group(text, option[1] if option else first[1]) if first else None
    return (first[0].strip(), second[0], second[1]) if first and second else None


def _within(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = _two(text, position)
    if found is None:
        return position
    if not starred:
        reader.counters.within[found[0]] = found[1].strip()
    return found[2]


def _set_counter(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = _two(text, position)
    if found is None:
        return position
    counter, value, end = found
    if not re.fullmatch(r"\s*-?\d{1,6}\s*", value):
        return end
    values, number = reader.counters.values, int(value)
    if counter == "secnumdepth":
        # LaTeX counts from the section, which is 1; here the part is 0.
        reader.counters.depth = number + 1
    elif counter == "footnote":
        reader.inline.footnote = number + (reader.inline.footnote if name == "addtocounter" else 0)
    else:
        values[counter] = number + (values.get(counter, 0) if name == "addtocounter" else 0)
    return end


def _printed_number(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """`\\renewcommand{\\thetable}{…}`; other definitions have been expanded before."""
    found = _two(text, position)
    if found is None:
        return position
    if found[0].startswith("\\the"):
        reader.counters.formats[found[0][4:]] = found[1]
    return found[2]


def _new_theorem(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    kind = group(text, position)
    if kind is None:
        return position
    shared = group(text, kind[1], "[", "]")
    title = group(text, shared[1] if shared else kind[1])
    if title is None:
        return kind[1]
    within = group(text, title[1], "[", "]")
    _declare(
        reader,
        kind[0].strip(),
        None if starred else kind[0].strip(),
        reader.inline.paragraph(title[0]),
        shared[0].strip() if shared else None,
        within[0].strip() if within else None,
    )
    return within[1] if within else title[1]


def _declare_theorem(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """thmtools: `\\declaretheorem[name=…, sibling=…, numberwithin=…]{kind}`."""
    before = group(text, position, "[", "]")
    kind = group(text, before[1] if before else position)
    if kind is None:
        return position
    after = group(text, kind[1], "[", "]")
    written = ",".join(option[0] for option in (before, after) if option)
    settings = {
        key.strip(): value.strip(" {}") for key, _, value in (p.partition("=") for p in written.split(","))
    }
    numbered = settings.get("numbered", "yes") != "no"
    _declare(
        reader,
        kind[0].strip(),
        kind[0].strip() if numbered else None,
        settings.get("name") or settings.get("title") or kind[0].strip().capitalize(),
        settings.get("sibling") or settings.get("numberlike") or settings.get("sharenumber"),
        settings.get("numberwithin") or settings.get("within") or settings.get("parent"),
    )
    return after[1] if after else kind[1]


def _declare(
    reader: Reader, kind: str, counter: str | None, title: str, shared: str | None, within: str | None
) -> None:
    if shared:
        other = reader.theorems.get(shared)
        counter = (other.counter if other else None) or shared
    reader.theorems[kind] = Theorem(title, counter)
    if counter and within:
        reader.counters.within[counter] = within


DECLARATIONS: dict[str, Command] = {
    "title": _title,
    "author": _author,
    "abstract": _abstract,
    "newtheorem": _new_theorem,
    "spnewtheorem": _new_theorem,
    "declaretheorem": _declare_theorem,
    **dict.fromkeys(("numberwithin", "counterwithin", "@addtoreset"), _within),
    **dict.fromkeys(("setcounter", "addtocounter"), _set_counter),
    "renewcommand": _printed_number,
}
"""What may stand in a preamble as well."""
COMMANDS: dict[str, Command] = {
    **DECLARATIONS,
    **dict.fromkeys(HEADINGS, _heading),
    **dict.fromkeys(("paragraph", "subparagraph"), _run_in_heading),
    **dict.fromkeys(("footnote", "footnotetext", "thanks"), _footnote),
    "par": _paragraph_end,
    "appendix": _appendix,
}
