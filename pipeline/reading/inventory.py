"""Inventory: what a paper contains that an implementation of it may owe. By program, without a model. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.reading.tables import Table

LABEL = 100
"""Characters of an item's label at most."""
MAX_SEARCHED = 5_000_000
"""Characters that are searched for baselines which are the paper's own, for each name anew. A paper has a tenth."""

_EXPERIMENT = re.compile(
    r"experiment|evaluat|\bresults?\b|ablat|benchmark|simulat|observation(?!al|s? of)|protocol|empiric|case stud"
    r"|validation|numerical (?:example|stud|test|illustration)|\bassay|\btrials?\b|\bsurvey|user stud|human stud"
    r"|measurement|monte carlo|sensitivity|robustness|comparison|\bperformance\b|data reduction|data analys"
    r"|\bapplications? to|\bfield (?:stud|test|work)|\btests?\b|demonstration|replication|model variations"
    r"|real[- ]world|toy (?:example|problem)|synthetic",
    re.IGNORECASE,
)
_APART = re.compile(
    r"introduction|conclusion|related work|previous work|prior work|background|discussion|limitation|future"
    r"|acknowledge?ment|checklist|impact|ethic|references|abstract|\bproofs?\b|notation|licen[cs]e|author contribution"
    r"|data availability|funding",
    re.IGNORECASE,
)
_DETAILS = re.compile(
    r"\bdetails?\b|\bset-?ups?\b|\bsettings?\b|implementation|hyper-?parameter"
    r"|\bcomput(?:e|ing|ational) (?:resources|cost|budget)|\btuning\b|\bresources\b",
    re.IGNORECASE,
)
"""How an experiment is made: one of its own only where its outcome stands in the section itself."""
_REFERENCE = re.compile(
    r"\b(?P<kind>Tab(?:le|s?\.)s?|Fig(?:ure|s?\.)s?)[\s~\u00a0]*\(?(?P<first>[A-Z]?\.?\d+(?:\.\d+)*|[IVX]+\b)"
    r"(?:[a-z]\b)?(?P<more>(?:\s*(?:,|and|&|-|\u2013|to)\s*(?:and\s+)?[A-Z]?\.?\d+(?:\.\d+)*\b){0,9})",
    re.IGNORECASE,
)
_ANCHOR = re.compile(r"\[(?P<anchor>(?:Tab|Fig)[\w.]+)\]")
_DATA = (
    re.compile(r"data ?sets?|\bdata\b|corp(?:us|ora)|benchmark|survey|catalog", re.IGNORECASE),
    re.compile(r"\btasks?\b|environment|\bgames?\b|\bsamples?\b|\bdomain\b", re.IGNORECASE),
)
"""What a column of data sets is called, the surer words first."""
_KNOWN_DATA = re.compile(
    r"\b(?:[EFKQR]?-?MNIST|Fashion-?MNIST|CIFAR-?\d+(?:-C)?|(?:Tiny-?)?ImageNet(?:-\w+)?|SVHN|STL-?10|CelebA(?:-HQ)?|LSUN"
    r"|(?:MS-?)?COCO|PASCAL VOC|Cityscapes|ADE20K|KITTI|nuScenes|WMT ?'?\d*|newstest ?\d+|IWSLT ?'?\d*|WSJ|PTB"
    r"|Penn Treebank"
    r"|WikiText-?\d*|enwik8|text8|C4|LM1B|The Pile|GLUE|SuperGLUE|SQuAD|MNLI|QNLI|SST-?[25]|MRPC|CoLA|QQP|IMDB|AG News"
    r"|DBpedia|Yelp|LibriSpeech|TIMIT|VCTK|AudioSet|MMLU|GSM8K|HumanEval|MBPP|HellaSwag|ARC-[CE]|PIQA|WinoGrande|BoolQ"
    r"|Atari|MuJoCo|HalfCheetah|Hopper|Walker2d|CartPole|D4RL|Cora|Citeseer|PubMed|ogbn-\w+|QM9|ZINC|PEMS\w*|ETT[hm]\d"
    r"|MovieLens|UCI \w+|Boston housing|SDSS|Gaia|2MASS|TCGA|MIMIC(?:-[IV]+)?)\b(?!\s*[-+=])"
)
_METHODS = re.compile(
    r"method|model|algorithm|approach|baseline|optimi[sz]er|system|parser|estimator|classifier|architecture|network"
    r"|solver|policy|agent|technique",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"(?<!\s)\s*+(?:\[[^\[\]]{1,120}\]|\([^()]{1,80}\s(?:19|20)\d\d[a-z]?\)|\$\^\{?\\?[\w*†‡§]+\}?\$)"
)
_YEAR = re.compile(r"\((?:19|20)\d\d[a-z]?\)")
_SOURCES = re.compile(r"reference|source|citation|author|paper|\byear\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"baseline|competing|competitor|(?:previous|prior|other|existing) (?:methods|work)", re.IGNORECASE
)
_DONE = re.compile(
    r"\bwe (?:\w+ly |also |first |then |next )?(?:train\b|evaluat|compar|measur|observ|simulat|test\b|tested"
    r"|benchmark|experiment)",
    re.IGNORECASE,
)
_CONDUCTED = re.compile(
    r"\b(?:conduct|perform|run\b|ran\b|carry|carried)\w*\b[^.]{0,60}\b(?:experiments?|simulations?|measurements?|trials"
    r"|observations|ablations?|(?:user|human) stud(?:y|ies))\b",
    re.IGNORECASE,
)
_SETTINGS = re.compile(r"hyper-?parameter|notation|symbols|\bsettings?\b|configuration", re.IGNORECASE)
_MEASURED = re.compile(
    r"accura|\bloss|error|score|performance|perplexity|likelihood|reward|return|precision|recall|\bF1\b|\bAUC|\bR2\b"
    r"|\bBLEU\b|runtime|running time|convergence|\btraining\b|residual|measure|observed|spectr|light ?curve|fraction of"
    r"|as a function of|versus|\bvs\b",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"\$(?:(?!\\(?:text|math[a-z]{2,})(?![A-Za-z]))[^$])*\$")
"""A quantity, and no method: a formula that spells no word."""
_SETTING = re.compile(
    r"(?:the )?(?:(?:chosen|selected|tuned|best|optimal|fitted|estimated|resulting)\s+"
    r"(?:value of )?(?:\$[^$]+\$|[^\W\d_](?:[_^](?:\w|\{[^{}]*\}))?"
    r"|(?:[\w-]+ ){0,2}(?:rates?|sizes?|values?|steps?|widths?|depths?|lengths?|thresholds?|temperatures?|bandwidths?"
    r"|epochs?|coefficients?|weights?|penalt(?:y|ies)|momentum|dropout|decay|(?:hyper-?)?parameters?|settings?))"
    r"|(?:[\w-]+ )?(?:learning rates?|step sizes?|batch sizes?|weight decay|dropout(?: rate| probability)?"
    r"|hidden (?:sizes?|units|layers|dimensions?)|embedding (?:sizes?|dimensions?)|(?:warm-?up )?steps|epochs"
    r"|iterations|(?:random )?seeds?|(?:hyper-?)?parameters|params)(?:\s*(?:[,(]\s*)?(?:\$[^$]+\$|[^\W\d_])\)?)?"
    r"|(?:#|\\#|number of|no\. of|num\.)\s*\S.*)",
    re.IGNORECASE,
)
"""A row that says how a method was set, and no method."""
_OPENING = re.compile(r"abstract|introduction", re.IGNORECASE)
_PROPOSED = (
    r"\b(?:[Ww]e|(?:paper|work|article))(?: \w+ly)? (?:propose|introduce|present|describe|develop|call|name|term|dub)s?"
    r"(?: (?!(?:than|unlike|over|like|of|from|to|for|with|on|based|how|why|in|and)\b)[^\s,;:.]+"
    r"(?:,(?= (?:the|called|named)\b))?){0,8} [*_(]*"
)
"""What stands before the name of a paper's own method; nothing between that would make it another's."""
_OURS = re.compile(r"\b(?:ours?|proposed|this (?:work|paper|study))\b", re.IGNORECASE)
_END = re.compile(r"(?<=[a-z0-9)\]%])\.\s(?=[A-Z*$(\\])")


@dataclass(frozen=True)
class Item:
    """One thing that a paper contains."""

    anchor: str
    """Where it stands; for a name in a table, that table."""
    label: str
    """What it is called, or how it begins."""
    own: bool = False
    """Among the baselines: the paper says that it is its own, and compares the others with it."""


@dataclass(frozen=True)
class Inventory:
    """What a paper contains, each kind in reading order."""

    equations: tuple[Item, ...]
    """Those with a number."""
    algorithms: tuple[Item, ...]
    figures: tuple[Item, ...]
    tables: tuple[Item, ...]
    experiments: tuple[Item, ...]
    """Sections that describe one, whatever their field calls it: the innermost of those that do."""
    datasets: tuple[Item, ...]
    """Named by a row or a column of a table."""
    baselines: tuple[Item, ...]
    """What rows or columns of a table compare: whatever is cited there, and what a column of methods lists.

    The paper's own is among them where the table does not call it so; `own` where the paper does.
    """


@dataclass(frozen=True)
class Part:
    """A section without its subsections."""

    anchor: str
    number: str
    title: str
    depth: int
    """0 for a section, one more for each level below."""
    blocks: tuple[tuple[str, str | None, str], ...]
    """Kind, anchor and text."""


def taken(parts: Sequence[Part], tables: Sequence[Table]) -> Inventory:
    """The inventory of a paper, given its sections in reading order and what its tables hold."""
    blocks = [block for part in parts for block in part.blocks]

    def items(kind: str) -> tuple[Item, ...]:
        return tuple(Item(anchor, _begin(text, kind)) for k, anchor, text in blocks if k == kind and anchor)

    captions = [_begin(text, kind) for kind, _, text in blocks if kind == "algorithm"]
    opening = [
        text
        for part in parts
        if _OPENING.search(part.title)
        for kind, _, text in part.blocks
        if kind != "algorithm"
    ]
    asked = MAX_SEARCHED // (1 + sum(map(len, (*captions, *opening))))
    return Inventory(
        items("equation"),
        items("algorithm"),
        items("figure"),
        items("table"),
        tuple(
            Item(part.anchor, f"{part.number} {part.title}".strip()) for part in _experiments(parts, tables)
        ),
        _unique((table, name) for table in tables for name in _datasets(table)),
        tuple(
            replace(item, own=place < asked and _is_own(item.label, captions, opening))
            for place, item in enumerate(
                _unique((table, name) for table in tables for name in _baselines(table))
            )
        ),
    )


def _begin(text: str, kind: str) -> str:
    """A caption's first sentence, a formula's beginning."""
    if kind == "equation":
        first = " ".join(re.sub(r"\$\$|```|\\(?:begin|end)\{[^{}]*\}|\\tag\{[^{}]*\}", " ", text).split())
    else:
        caption = " ".join(text.split("\n\n")[0].split())
        number = re.match(r"\w+\.?\s[\w.]+[.:]\s", caption)
        end = _END.search(caption, number.end() if number else 0)
        first = caption[: end.start()] if end else caption
    return first if len(first) <= LABEL else f"{first[: LABEL - 1].rstrip()}…"


def _is_own(name: str, captions: Sequence[str], opening: Sequence[str]) -> bool:
    """Whether an algorithm of the paper is called so, or its abstract or introduction says that it is proposed here."""
    bare = re.sub(r"(?<=\w) ?\([^()]*\)$", "", name)  # of a variant: Transformer (big)
    called = re.compile(rf"(?<![\w-]){re.escape(bare)}(?![\w-])")
    proposed = re.compile(_PROPOSED + called.pattern)
    return any(map(called.search, captions)) or any(map(proposed.search, opening))


def _experiments(parts: Sequence[Part], tables: Sequence[Table]) -> list[Part]:
    evidence = {
        table.anchor
        for table in tables
        if table.anchor
        and any(cell.value is not None for cell in table.cells)
        and not _SETTINGS.search(table.caption)
    }
    evidence |= {
        anchor
        for part in parts
        for kind, anchor, text in part.blocks
        if kind == "figure" and anchor and _MEASURED.search(text)
    }
    told = [_referred(part) for part in parts]
    spoken_of = set[str]().union(*told)
    found: list[int] = []
    shows: dict[int, set[str]] = {}
    above: list[
        tuple[int, bool, bool]
    ] = []  # depth; whether it or one above is called an experiment; set apart
    for index, part in enumerate(parts):
        while above and above[-1][0] >= part.depth:
            above.pop()
        _, called, apart = above[-1] if above else (0, False, False)
        named = bool(_EXPERIMENT.search(part.title))
        apart = apart or (bool(_APART.search(part.title)) and not named)
        above.append((part.depth, called or named, apart))
        # A float stands where there was room: what another section speaks of is that one's.
        held = {anchor for _, anchor, _ in part.blocks if anchor} & evidence
        shown = told[index] & evidence | held - spoken_of
        held &= shown
        # What a method says of one table in passing is no experiment yet.
        certain = called or held or any(_DONE.search(text) for _, _, text in part.blocks)
        reports = len(shown) > (0 if certain else 1)
        conducted = any(_CONDUCTED.search(text) for _, _, text in part.blocks)
        outcome = held or not _DETAILS.search(part.title)
        if part.title and not apart and outcome and (named or reports or conducted):
            found.append(index)
            shows[index] = shown
    inner = set(found)
    return [parts[i] for i in found if not (_below(parts, i) & inner) or shows[i]]


def _below(parts: Sequence[Part], index: int) -> set[int]:
    """Places of the sections below one."""
    below: set[int] = set()
    for place in range(index + 1, len(parts)):
        if parts[place].depth <= parts[index].depth:
            break
        below.add(place)
    return below


def _referred(part: Part) -> set[str]:
    """Tables and figures that a section refers to."""
    found: set[str] = set()
    for kind, _, text in part.blocks:
        if kind in ("table", "figure"):  # a caption names itself
            continue
        found |= {match["anchor"] for match in _ANCHOR.finditer(text)}
        for match in _REFERENCE.finditer(text):
            prefix = "Tab" if match["kind"].lower().startswith("tab") else "Fig"
            found |= {prefix + n for n in (match["first"], *re.findall(r"[A-Z]?\.?\d[\d.]*", match["more"]))}
    return found


def _datasets(table: Table) -> Iterable[str]:
    place = _data_column(table)
    if place is not None:
        yield from _labels(table, place)
    for name in _names(table):
        if found := _KNOWN_DATA.search(name):
            yield found[0]
    yield from (found[0] for found in _KNOWN_DATA.finditer(table.caption))


def _baselines(table: Table) -> Iterable[str]:
    apart = {_data_column(table), *(i for i, name in enumerate(table.labels) if _SOURCES.search(name))}
    beside = {label for place in apart if place is not None for label in _labels(table, place)}
    for name in _names(table):
        if name not in beside and (_CITATION.search(name) or _YEAR.search(name)):
            yield name
    if _SETTINGS.search(table.caption) or all(cell.value is None for cell in table.cells):
        return
    for place, name in enumerate(table.labels):
        if place not in apart and (_METHODS.search(name) or (not name and _COMPARED.search(table.caption))):
            yield from (
                label
                for label in _labels(table, place)
                if not (_SYMBOL.fullmatch(label) or _SETTING.fullmatch(label))
            )


def _data_column(table: Table) -> int | None:
    columns = range(len(table.labels))
    return next((i for name in _DATA for i in columns if name.search(table.labels[i])), None)


def _labels(table: Table, place: int) -> list[str]:
    """What a column of labels says; a row that lacks some lacks the outer ones."""
    behind = place - len(table.labels)
    return [path[behind] for path in table.rows if len(path) >= -behind]


def _names(table: Table) -> Iterable[str]:
    return dict.fromkeys(name for path in (*table.rows, *table.columns) for name in path)


def _unique(named: Iterable[tuple[Table, str]]) -> tuple[Item, ...]:
    """Each name where it stands first, without its citation."""
    found: dict[str, Item] = {}
    for table, name in named:
        bare = _CITATION.sub("", name).strip(" *,;:")
        if table.anchor and re.search(r"[^\W\d_]", bare) and not _OURS.search(bare):
            found.setdefault(bare.casefold(), Item(table.anchor, bare[:LABEL]))
    return tuple(found.values())
