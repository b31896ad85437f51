"""Commands: headings, declarations and what else LaTeX's own commands mean to the reader. Handlers, by
name.
"""

import re

from pipeline.reading.latex.environments import begin_appendix
from pipeline.reading.latex.equations import EQUATIONS
from pipeline.reading.latex.frontmatter import FRONT, STATEMENTS
from pipeline.reading.latex.groups import argument, arguments, end_of, group, options, settings
from pipeline.reading.latex.numbers import HEADINGS, RUN_IN, Target, styled
from pipeline.reading.latex.reader import Command, Reader, Theorem, camel_case

_LINK = re.compile(r"\[([^\[\]]{0,300})\]\(https?://[^()\s]*+\)")
_REFERENCE = re.compile(r"\\ref\s*+\{([^{}]*+)\}")
_BEGIN = re.compile(r"\\begin\s*\{([A-Za-z]+\*?)\}")


def _heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    _open(reader, name, found[0], starred=starred)
    return found[1]


def _open(reader: Reader, name: str, written: str, *, starred: bool) -> None:
    """A section with this title, of which it is not yet known what it says and holds."""
    reader.flush()
    level, here = HEADINGS[name], reader.inline.here
    number = ""
    single = (
        reader.counters.appendix and reader.counters.style.one_appendix and reader.counters.single_appendix
    )
    if (
        not starred
        and level <= reader.counters.depth
        and name != "part"
        and not (single and name == "section")
    ):
        number = reader.counters.step(name)
    lettered = bool(number) and reader.counters.appendix
    # A label in the title must see the number.
    kind = "appendix" if lettered and name in ("section", "chapter") else name
    target = Target("", number or here.number, "Appendix" if lettered else "Section", kind=kind)
    reader.inline.here = target
    title = target.title = _LINK.sub(r"\1", reader.inline.paragraph(written)).rstrip()
    shown = number.removeprefix("Appendix ").strip()
    anchor = f"{'App' if lettered else 'S'}{shown.replace(' ', '-')}" if shown else camel_case(title)
    # A footnote in the title is read with it and stands below it.
    notes, reader.inline.footnotes = reader.inline.footnotes, []
    target.anchor = reader.open_section(anchor, shown, title, level)
    reader.inline.footnotes = notes


def _own_heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Copernicus: `\\introduction[title]` and the like are sections."""
    option = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
    _open(reader, "section", option[0] if option else name.capitalize(), starred=starred)
    return option[1] if option else position


def _unnumbered_heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """`\\acknowledgments` as a command: a heading; what it is about follows."""
    _open(reader, "section", "Acknowledgements", starred=True)
    return position


def _back_matter(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Springer Nature: `\\bmhead{Acknowledgements}`, a heading without a number."""
    return _heading(reader, "section", text, position, True)


def _run_in_heading(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    option = group(text, position, "[", "]")
    found = group(text, option[1] if option else position)
    if found is None:
        return position
    reader.flush()
    here = reader.inline.here
    if not starred and RUN_IN[name] <= reader.counters.depth:
        number = reader.counters.step(name)
        reader.inline.here = Target(here.anchor, number, "Section", found[0], kind=name)
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
    settings = f"[{option[0]}]" if option else ""
    reader.raw.append(f"\\{name}{settings}{{{_with_equations(reader, found[0])}}}")
    return found[1]


def _with_equations(reader: Reader, note: str) -> str:
    """A note whose displayed equations are counted where it stands, and shown in it."""
    raw, reader.raw = reader.raw, []
    read, position = [], 0
    for found in _BEGIN.finditer(note):
        bare = found[1].rstrip("*")
        if found.start() < position or bare not in EQUATIONS:
            continue
        _, end = end_of(found[1], note, found.end())
        read.append(note[position : found.start()])
        read += (block.text for block in reader.blocks(note[found.start() : end]))
        position = end
    reader.raw = raw
    return "".join((*read, note[position:]))


def _string(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """`\\string\\foo` shows a command and does not give it."""
    if text[position : position + 1] != "\\":
        return position
    reader.raw.append("\\textbackslash{}")
    return position + 1


def _appendix(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    title = group(text, position) if "#1" in reader.hooks.get("appendix", "") else None
    if title:
        # World Scientific: each is a heading of its own.
        if reader.counters.appendix:
            reader.declare("appendix")
        else:
            begin_appendix(reader)
        _open(reader, "section", title[0].strip() or "Appendix", starred=False)
        return title[1]
    option = group(text, position, "[", "]") if text[position : position + 1] == "[" else None
    begin_appendix(reader)
    if starred:
        # REVTeX: one appendix without a letter, whose equations have one all the same.
        reader.counters.formats |= {"section": "", "equation": r"A\arabic{equation}"}
    if reader.counters.style.one_appendix and name == "appendix":
        _open(reader, "section", option[0] if option else "Appendix", starred=False)
        reader.counters.single_appendix = True
    return option[1] if option else position


def _floats_of_appendix(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """Copernicus: `\\appendixfigures` and `\\appendixtables`, behind which floats are A1, A2, …; the next time B1."""
    counters, kind = reader.counters, name.removeprefix("appendix").removesuffix("s")
    times = counters.values[name] = counters.values.get(name, 0) + 1
    counters.values[kind] = 0
    counters.within.pop(kind, None)
    counters.formats[kind] = rf"{styled(times, 'Alph')}\arabic{{{kind}}}"
    return position


def _part_of_appendix(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """World Scientific: `\\subappendix{title}`."""
    return _heading(reader, name.replace("appendix", "section"), text, position, starred)


# Declarations -----------------------------------------------------------------------------------------------


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
    counter, parent = found[0], found[1].strip()
    reader.counters.within[counter] = parent
    if name == "@addtoreset" or starred:
        # Only where it begins anew; how it is printed stays.
        reader.counters.formats.setdefault(counter, f"\\arabic{{{counter}}}")
    else:
        reader.counters.formats.pop(counter, None)
    return found[2]


def _without(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = _two(text, position)
    if found is None:
        return position
    reader.counters.within.pop(found[0], None)
    if not starred:
        reader.counters.formats.pop(found[0], None)
    return found[2]


def _set_counter(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = _two(text, position)
    if found is None:
        return position
    counter, value, end = found
    values = reader.counters.values
    value = re.sub(r"\\value\s*\{(\w+)\}", lambda m: str(values.get(m[1], 0)), value)
    if not re.fullmatch(r"\s*-?\d{1,6}\s*", value):
        return end
    number = int(value)
    if counter == "secnumdepth":
        # LaTeX counts from the section, which is 1; here the part is 0.
        reader.counters.depth = number + 1
    elif counter == "footnote":
        reader.inline.footnote = number + (reader.inline.footnote if name == "addtocounter" else 0)
    elif counter in ("subfigure", "subtable") and reader.float:
        reader.float.parts = number + (reader.float.parts if name == "addtocounter" else 0)
    else:
        values[counter] = number + (values.get(counter, 0) if name == "addtocounter" else 0)
    return end


def _new_counter(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = group(text, position)
    if found is None:
        return position
    reader.counters.values.setdefault(found[0].strip(), 0)
    parent = group(text, found[1], "[", "]")
    if parent:
        reader.counters.within[found[0].strip()] = parent[0].strip()
        reader.counters.formats.setdefault(found[0].strip(), f"\\arabic{{{found[0].strip()}}}")
    return parent[1] if parent else found[1]


def _step(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = group(text, position)
    if found is None:
        return position
    number = reader.counters.step(found[0].strip())
    if name == "refstepcounter":
        here = reader.inline.here
        reader.inline.here = Target(here.anchor, number, found[0].strip().capitalize(), here.title)
    return found[1]


def _count(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """`\\arabic{counter}` in the text."""
    found = group(text, position)
    if found is None or found[0].strip() not in reader.counters.values:
        reader.raw.append(f"\\{name} ")
        return position
    reader.raw.append(f"{reader.counters.written(chr(92) + name + '{' + found[0].strip() + '}')}{{}}")
    return found[1]


def _printed_number(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """`\\renewcommand{\\thetable}{…}`; other definitions have been expanded before."""
    defined = argument(text, position)
    written = argument(text, defined[1]) if defined else None
    if defined is None or written is None:
        return position
    bare = defined[0].strip()
    if bare.startswith("\\the"):
        parts = bare == "\\theequation" and reader.counters.values.get("in subequations")
        labels = reader.inline.labels

        def number(found: re.Match[str]) -> str:
            target = labels.get(found[1])
            reader.inline.budget.spend(len(target.number) if target else 0)
            return target.number if target else found[0]

        form = _REFERENCE.sub(number, written[0])
        reader.counters.print_as(
            "subequation" if parts else bare[4:], form, everywhere=name in ("gdef", "xdef")
        )
    elif bare.startswith("\\labelenum"):
        reader.counters.formats[f"own {bare[1:]}"] = written[0]
    elif bare.startswith("\\p@"):
        reader.counters.prefixes[bare[3:]] = written[0]
    return written[1]


def _new_list(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = arguments(text, position, 3)
    if found is None:
        return position
    reader.lists[found[0][0].strip()] = found[0][1].strip()
    return found[1]


def _set_list(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    given, position = options(text, position)
    found = argument(text, position)
    if found is None:
        return position
    which = [part.strip() for part in given[0].split(",")] if given else []
    reader.list_settings.append((which, settings(found[0])))
    return found[1]


def _new_float(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """float's `\\newfloat{kind}{place}{file}[within]`, newfloat's `\\DeclareFloatingEnvironment[name=…]{kind}`."""
    given, position = options(text, position)
    found = arguments(text, position, 3 if name == "newfloat" else 1)
    if found is None:
        return position
    kind, end = found[0][0].strip(), found[1]
    chosen = settings(given[0]) if given else {}
    reader.floats[kind] = chosen.get("name", kind.capitalize())
    within, end = options(text, end) if name == "newfloat" and text[end : end + 1] == "[" else ([], end)
    if parent := (within[0] if within else chosen.get("within", "none").replace("none", "")):
        reader.counters.within[kind] = parent.strip()
    return end


def _float_name(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    found = arguments(text, position, 2)
    if found is None:
        return position
    reader.floats[found[0][0].strip()] = reader.inline.paragraph(found[0][1])
    return found[1]


def _new_theorem(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    _, position = options(text, position)
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
    end = within[1] if within else title[1]
    if name == "spnewtheorem":
        # Its fonts follow.
        fonts = arguments(text, end, 2)
        end = fonts[1] if fonts else end
    return end


def _new_box_theorem(reader: Reader, name: str, text: str, position: int, starred: bool) -> int:
    """tcolorbox: `\\newtcbtheorem[init]{kind}{Title}{options}{prefix}`; title and label are arguments of its use."""
    given, position = options(text, position)
    found = arguments(text, position, 4)
    if found is None:
        return position
    kind, title, _, prefix = (part.strip() for part in found[0])
    chosen = settings(given[0]) if given else {}
    shared = chosen.get("use counter from") or chosen.get("use counter")
    _declare(reader, kind, kind, reader.inline.paragraph(title), shared, chosen.get("number within"))
    reader.theorems[kind].prefix = prefix
    return found[1]


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
        reader.counters.formats.pop(counter, None)
        if not reader.counters.style.theorems_separator:
            reader.counters.formats[counter] = rf"\the{within}\arabic{{{counter}}}"
    elif counter and not shared:
        # An author's own takes the place of the class's.
        reader.counters.within.pop(counter, None)
        reader.counters.formats.pop(counter, None)


DECLARATIONS: dict[str, Command] = {
    **FRONT,
    **dict.fromkeys(("newtheorem", "spnewtheorem"), _new_theorem),
    "declaretheorem": _declare_theorem,
    **dict.fromkeys(("newtcbtheorem", "NewTcbTheorem"), _new_box_theorem),
    **dict.fromkeys(("numberwithin", "counterwithin", "@addtoreset"), _within),
    **dict.fromkeys(("counterwithout", "@removefromreset"), _without),
    **dict.fromkeys(("setcounter", "addtocounter"), _set_counter),
    "newcounter": _new_counter,
    **dict.fromkeys(
        ("renewcommand", "newcommand", "providecommand", "def", "gdef", "edef", "xdef"), _printed_number
    ),
    **dict.fromkeys(("newlist", "renewlist"), _new_list),
    "setlist": _set_list,
    **dict.fromkeys(("newfloat", "DeclareFloatingEnvironment"), _new_float),
    "floatname": _float_name,
}
"""What may stand in a preamble as well."""
NUMBERING = frozenset(DECLARATIONS) - frozenset(FRONT)
"""What a style file may say as well."""
COMMANDS: dict[str, Command] = {
    **DECLARATIONS,
    **STATEMENTS,
    **dict.fromkeys(HEADINGS, _heading),
    **dict.fromkeys(("introduction", "conclusions"), _own_heading),
    "bmhead": _back_matter,
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "ack"), _unnumbered_heading),
    **dict.fromkeys(RUN_IN, _run_in_heading),
    **dict.fromkeys(("footnote", "footnotetext", "thanks"), _footnote),
    **dict.fromkeys(("stepcounter", "refstepcounter"), _step),
    **dict.fromkeys(("arabic", "alph", "Alph", "roman", "Roman", "fnsymbol"), _count),
    "par": _paragraph_end,
    "string": _string,
    **dict.fromkeys(("appendix", "appendices"), _appendix),
    **dict.fromkeys(("appendixfigures", "appendixtables"), _floats_of_appendix),
    **dict.fromkeys(("subappendix", "subsubappendix"), _part_of_appendix),
}
