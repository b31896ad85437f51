"""Lists: items with the labels and numbers of LaTeX, enumitem, enumerate and paralist. Handlers, by name."""

import re

from pipeline.reading.latex.groups import group, options, settings
from pipeline.reading.latex.numbers import Target
from pipeline.reading.latex.reader import Environment, Reader, after_arguments
from pipeline.reading.paper import Block

_ITEM = re.compile(r"\\item(?![A-Za-z])|\\begin\s*\{|\\end\s*\{")
_LEVELS = ("i", "ii", "iii", "iv")
_LABELS = {
    "enumi": r"\theenumi.",
    "enumii": r"(\theenumii)",
    "enumiii": r"\theenumiii.",
    "enumiv": r"\theenumiv.",
}
_OF_WORLD_SCIENTIFIC = {
    "alphlist": "alph", "Alphlist": "Alph", "arabiclist": "arabic", "romanlist": "roman", "Romanlist": "Roman",
}  # fmt: skip
_ENUMERATED = frozenset(
    (
        *("enumerate", "compactenum", "inparaenum", "asparaenum", "tasks", "IEEEenumerate", "steps"),
        *_OF_WORLD_SCIENTIFIC,
    )
)
_IN_TEXT = frozenset(("inparaenum", "inparaitem"))
_STYLES = {"a": "alph", "A": "Alph", "i": "roman", "I": "Roman", "1": "arabic"}
_SHORT = re.compile(r"(?<![A-Za-z\\])([aAiI1])(?![A-Za-z])")


def _list(reader: Reader, name: str, body: str, starred: bool) -> None:
    given, _ = options(body, 0)
    body = after_arguments(name, body)
    base = reader.lists.get(name, name)
    ordered = base.rstrip("*") in _ENUMERATED
    in_text = base in _IN_TEXT or starred or base.endswith("*")
    if not in_text:
        reader.flush()
    here = reader.inline.here
    chosen = _settings(reader, name, base, given[0] if given else "") if ordered else {}
    # Lists that the author defines have counters of their own.
    family = name if name in reader.lists else "enum"
    counter = family + _LEVELS[min(reader.enumerated[family], 3)]
    formats, prefixes = dict(reader.counters.formats), dict(reader.counters.prefixes)
    reader.inline.budget.spend(len(formats) + len(prefixes) + 10 * len(reader.list_settings))
    label = _begin(reader, counter, name, chosen) if ordered else ""
    reader.enumerated[family] += ordered
    lines: list[str] = []
    notes: list[Block] = []
    items, lead = _items(body)
    if "counter" in lead:
        reader.obey(lead)
    for option, content in items:
        mark, shown = "-", reader.inline.paragraph(option) if option else ""
        if ordered and not option:
            number = reader.counters.step(counter)
            reader.inline.here = Target(here.anchor, number, "Item", kind="item")
            shown = reader.counters.written(label)
            if re.fullmatch(r"\d+\.", shown):
                mark, shown = shown, ""
        if in_text:
            reader.raw.append(f" {shown or (mark if ordered else '')} ")
            reader.read(content)
            continue
        blocks = reader.blocks(content)
        notes += [b for b in blocks if b.kind == "footnote"]
        head = f"**{shown}** " if shown and base == "description" else f"{shown} " if shown else ""
        text = "\n\n".join(b.markdown() for b in blocks if b.kind != "footnote")
        pad = "\n" + " " * (len(mark) + 1)
        lines.append(f"{mark} {head}" + text.replace("\n\n", "\n").replace("\n", pad))
    reader.enumerated[family] -= ordered
    reader.counters.formats, reader.counters.prefixes = formats, prefixes
    reader.resumed[name] = reader.resumed[chosen.get("series", name)] = reader.counters.values.get(counter, 0)
    if lines:
        reader.put(Block("list", "\n".join(lines)))
    for note in notes:
        reader.put(note)


def _settings(reader: Reader, name: str, base: str, option: str) -> dict[str, str]:
    """What `\\setlist` and the list's own option say."""
    level = str(reader.enumerated[name if name in reader.lists else "enum"] + 1)
    chosen: dict[str, str] = {}
    for names, said in reader.list_settings:
        if not names or (
            set(names) <= {name, base, level} and (name in names or base in names or names == [level])
        ):
            chosen |= said
    if form := _OF_WORLD_SCIENTIFIC.get(name):
        # Their option is the widest label.
        return {"label": rf"(\{form}*)", "ref": rf"\{form}*"}
    if not option:
        return chosen
    own = settings(option)
    first = option.split(",")[0].strip()
    if (
        "label" not in own
        and "=" not in first
        and first not in ("resume", "resume*", "noitemsep", "nosep", "wide")
    ):
        short = _SHORT.sub(lambda m: f"\\{_STYLES[m[1]]}*", re.sub(r"\{([^{}]*)\}", r"\1", first), count=1)
        if short != first:
            own["label"] = short
            bare = re.search(r"\\[A-Za-z]+\*", short)
            if not reader.enumitem and bare:
                own["ref"] = bare.group()
    return chosen | own


def _begin(reader: Reader, counter: str, name: str, chosen: dict[str, str]) -> str:
    """Set the counter and its formats for a list; what is printed before its items."""
    values = reader.counters.values
    resumed = chosen.get("resume") or chosen.get("resume*")
    start = chosen.get("start", "")
    if resumed:
        key = resumed if resumed not in ("resume", "resume*") else name
        values[counter] = reader.resumed.get(key, reader.resumed.get(name, 0))
    else:
        values[counter] = int(start) - 1 if re.fullmatch(r"-?\d{1,5}", start) else 0
    formats, prefixes = reader.counters.formats, reader.counters.prefixes
    label = chosen.get("label") or chosen.get("label*")
    if label:
        label = re.sub(r"\\(arabic|alph|Alph|roman|Roman|fnsymbol)\s*\*", rf"\\\1{{{counter}}}", label)
        if "label*" in chosen and "label" not in chosen:
            label = formats.get(f"label{counter[:-1]}{'ii' * counter.endswith('v')}", "") + label
        formats[counter] = label
        prefixes.pop(counter, None)
    if reference := chosen.get("ref"):
        formats[counter] = re.sub(
            r"\\(arabic|alph|Alph|roman|Roman|fnsymbol)\s*\*", rf"\\\1{{{counter}}}", reference
        )
        prefixes.pop(counter, None)
    printed = label or formats.get(f"own label{counter}") or _LABELS.get(counter, rf"\the{counter}.")
    formats[f"label{counter}"] = printed
    return printed


def _items(body: str) -> tuple[list[tuple[str, str]], str]:
    """Option and content of each `\\item` of this list, and what stands before the first; items of lists inside of it
    are content.
    """
    starts: list[tuple[int, int]] = []
    depth = 0
    for found in _ITEM.finditer(body):
        if found.group().startswith("\\begin"):
            depth += 1
        elif found.group().startswith("\\end"):
            depth -= 1
        elif depth == 0:
            starts.append((found.start(), found.end()))
    items = []
    for index, (_, start) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(body)
        option = group(body, start, "[", "]") if body[start:end].lstrip()[:1] == "[" else None
        items.append((option[0] if option else "", body[option[1] if option else start : end]))
    return items, body[: starts[0][0]] if starts else ""


LISTS: dict[str, Environment] = {
    **dict.fromkeys(
        (*_ENUMERATED, *_IN_TEXT, "itemize", "description", "compactitem", "asparaitem", "list"), _list
    ),
    **dict.fromkeys(
        ("compactdesc", "labeling", "IEEEitemize", "IEEEdescription", "trivlist", "tablenotes"), _list
    ),
    **dict.fromkeys(("highlights", "keypoints", "enumerate", "symbols"), _list),
}
