"""Packages with something to remember: their commands in running text, for one document. Handlers, by name."""

from pipeline.reading.latex import glossaries, siunitx
from pipeline.reading.latex.glossaries import Glossary
from pipeline.reading.latex.groups import argument, group
from pipeline.reading.latex.inline import Inline, InlineCommand
from pipeline.reading.latex.siunitx import Quantities


def commands(quantities: Quantities, glossary: Glossary) -> dict[str, InlineCommand]:
    """What siunitx, glossaries, acronym and acro put into running text."""

    def quantity(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
        shown = quantities.printed(name, text, position)
        out.append(shown[0] if shown else "")
        return shown[1] if shown else position

    def term(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
        shown = glossary.printed(name, text, position)
        out.append(inline.convert(shown[0]) if shown else "")
        return shown[1] if shown else position

    known = (*glossaries.COMMANDS, *glossaries.SILENT, "glslink", "glsdisp") if glossary.entries else ()
    return {
        **dict.fromkeys(siunitx.COUNTS, quantity),
        **dict.fromkeys(known, term),
        **dict.fromkeys(("acro", "acrodef"), _acro),
    }


def _acro(inline: Inline, name: str, text: str, position: int, out: list[str]) -> int:
    """A row of the list of acronyms."""
    key = argument(text, position)
    if key is None:
        return position
    short = group(text, key[1], "[", "]") if text[key[1] : key[1] + 1] == "[" else None
    long = argument(text, short[1] if short else key[1])
    if long and name == "acro":
        out.append(
            f"**{inline.convert(short[0] if short else key[0]).strip()}** {inline.convert(long[0]).strip()}\n\n"
        )
    return long[1] if long else key[1]
