"""A repository judged by a rubric: what a model says of each leaf, and what a program finds of it.

Leaves of one subtree are asked together behind the files that they need. The model says what it expects, what is
there, where, and whether that meets the leaf; a program looks the place up, and takes the claim back where it does
not exist, is never reached, or does nothing.
"""

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import AliasChoices, Field

from pipeline.model.asking import Context, ask, block, bullets, render
from pipeline.model.llm import LLM
from pipeline.planning.plan import Answer
from pipeline.proving.evidence import Evidence, Place, line_of, locate
from pipeline.proving.judging.choosing import Shelf, named, room, tokens
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.runs import LOG, NOT_RUN, Ran, literals, written_down
from pipeline.proving.judging.sources import Sources
from pipeline.proving.rubric import (
    CATEGORIES,
    OF_CODE,
    Graded,
    Leaf,
    Node,
    Shown,
    above,
    groups,
    score,
    shares,
)
from pipeline.threads import Threads

_SHORTEST = 3
"""Characters of a line that tells anything."""
_MOST_CHOSEN = 25
_MOST_UNUSED = 60


class Judged(Answer):
    """The model's word on one leaf."""

    leaf: str = Field(description="Its number, for example L7")
    expectation: str = Field(default="", description="What the paper and the requirement make you look for")
    reality: str = Field(
        default="",
        validation_alias=AliasChoices("reality", "reason"),
        description="What the code does there, and what is missing",
    )
    evidence: tuple[Evidence, ...] = Field(default=(), description="Where; none if nothing of it is there")
    met: bool


class JudgedLeaves(Answer):
    """The model's word on a group."""

    leaves: tuple[Judged, ...]


class FilesOf(Answer):
    """What decides about one group of leaves."""

    group: str = Field(description="Its number, for example G2")
    files: tuple[str, ...]


class ChosenFiles(Answer):
    """What is to be read for each group."""

    groups: tuple[FilesOf, ...]


@dataclass(frozen=True)
class Held:
    """What is held of one leaf by one sample."""

    places: tuple[Place, ...]
    reason: str
    expectation: str


@dataclass(frozen=True)
class _Seen:
    """What questions are about."""

    sources: Sources
    reach: Reach
    log: str
    constants: dict[float, str]


def grade(
    root: Node,
    sources: Sources,
    context: Context,
    llm: LLM,
    *,
    samples: int = 1,
    ran: Ran = NOT_RUN,
    concurrency: int = 1,
    window: int | None = None,
    only: Collection[str] | None = None,
    observe: Callable[[int, int], None] = lambda done, total: None,
) -> Graded:
    """`sources` by the rubric; `context` holds the paper, `window` is the model's, in tokens.

    `only` are the ids of leaves to judge; None: all. Each sample after the first has the leaves in another order.
    `observe` hears how many questions of how many are answered. Nothing is asked where there is nothing to judge.
    Raises AnswerInvalid and what the model's client raises.
    """
    kinds = CATEGORIES if ran.text else OF_CODE
    share = shares(root, kinds)
    asked = [id_ for id_ in share if only is None or id_ in only]
    leaves = [leaf for leaf in root.leaves() if leaf.id in asked]
    reach = Reach(sources)
    nothing = reach.nothing()
    before, shelf = llm.usage, Shelf(sources, reach)
    grouped = [] if nothing else groups(root, asked)
    space = room(window, tokens(context.shared))
    log = ran.within(space // 4)
    seen = _Seen(sources, reach, log, literals(sources) if log else {})
    parents = dict(above(root))
    chosen = _chosen(grouped, parents, shelf, context, llm, space - tokens(log))
    questions = list(itertools.product(range(1, samples + 1), range(len(grouped))))
    found: dict[str, list[Held]] = {leaf.id: [] for leaf in leaves}

    def judge(question: tuple[int, int]) -> dict[str, Held]:
        sample, number = question
        behind = context
        for path, text in chosen[number].items():
            copies = shelf.copies(path)
            behind = behind.extended("code", text, path=path, **({"same": copies} if copies else {}))
        if log:
            behind = behind.extended("execution", log, path=LOG)
        listed = _shuffled(grouped[number], parents, sample)
        unused = [name for name in reach.dead_names() if name.partition(":")[0] in chosen[number]]
        return _judged(
            listed, parents, unused[:_MOST_UNUSED], seen, behind, llm, f"rubric.{sample}.{number + 1}"
        )

    with Threads(concurrency) as executor:
        for done, answers in enumerate(executor.map(judge, questions), 1):
            observe(done, len(questions))
            for id_, held in answers.items():
                found[id_].append(held)
    graded = tuple(_leaf(leaf, share[leaf.id], found[leaf.id], nothing, sources) for leaf in leaves)
    after, judge_share = llm.usage, llm.shares["judge"]
    scores = dict.fromkeys(share, 0.0) | {leaf.id: leaf.score for leaf in graded}
    left_out = {
        kind: sum(leaf.task_category == kind for leaf in root.leaves())
        for kind in CATEGORIES
        if kind not in kinds
    }
    return Graded(
        score=score(root, kinds, scores),
        categories={kind: score(root, [kind], scores) for kind in kinds if shares(root, [kind])},
        leaves=graded,
        left_out={kind: number for kind, number in left_out.items() if number},
        samples=0 if nothing else samples,
        model=judge_share.model,
        usd=None if before.usd is None or after.usd is None else after.usd - before.usd,
        usage=judge_share.usage,
        shown=tuple(
            Shown(tuple(leaf.id for leaf in group), tuple(files))
            for group, files in zip(grouped, chosen, strict=True)
        ),
        files=len(shelf.distinct),
        unread=sources.left_out,
        unused=tuple(reach.dead_names()),
        nothing=nothing,
    )


def questions(
    root: Node, sources: Sources, ran: Ran, samples: int, window: int | None, paper: int
) -> tuple[int, int]:
    """How many questions a judge is asked, and tokens of code in one; `paper` are the tokens of it."""
    shelf = Shelf(sources, Reach(sources))
    space = room(window, paper)
    number = len(groups(root, shares(root, CATEGORIES if ran.text else OF_CODE)))
    return samples * number + (shelf.size > space), min(shelf.size, space)


def settled(judges: Sequence[Callable[[Collection[str] | None], Graded]], root: Node) -> Graded:
    """What one, two or three judges hold: the third is asked only about leaves on which the first two disagree.

    Without one, such a leaf counts half.
    """
    opinions = [judge(None) for judge in judges[:2]]
    first, *others = opinions
    if not others or not first.samples:
        return first
    second = {leaf.id: leaf for leaf in others[0].leaves}
    disputed = [leaf.id for leaf in first.leaves if (leaf.score > 0.5) != (second[leaf.id].score > 0.5)]
    third = judges[2](disputed) if disputed and len(judges) > 2 else None
    if third:
        opinions.append(third)
    by_judge = [(opinion.model, {leaf.id: leaf for leaf in opinion.leaves}) for opinion in opinions]
    leaves = []
    for leaf in first.leaves:
        votes = {
            f"{n}. {model}": known[leaf.id].score
            for n, (model, known) in enumerate(by_judge, 1)
            if leaf.id in known
        }
        decided = by_judge[2][1][leaf.id] if third and leaf.id in disputed else None
        ours = decided or max(leaf, second[leaf.id], key=lambda each: bool(each.places))
        value = decided.score if decided else (leaf.score + second[leaf.id].score) / 2
        leaves.append(replace(ours, score=value, votes=votes))
    scores = {leaf.id: leaf.score for leaf in leaves}
    usds = [opinion.usd for opinion in opinions]
    return replace(
        first,
        score=score(root, list(first.categories), scores),
        categories={kind: score(root, [kind], scores) for kind in first.categories},
        leaves=tuple(leaves),
        model=" and ".join(dict.fromkeys(opinion.model for opinion in opinions)),
        usd=None if None in usds else sum(usd for usd in usds if usd is not None),
        usage=sum((opinion.usage for opinion in opinions[1:]), first.usage),
        disputed=len(disputed),
        settled=len(disputed) if third else 0,
    )


def _chosen(
    grouped: Sequence[Sequence[Node]],
    parents: Mapping[str, tuple[str, ...]],
    shelf: Shelf,
    context: Context,
    llm: LLM,
    space: int,
) -> list[dict[str, str]]:
    """For each group the files that it is shown: all where they fit, else those that the model names, then by words."""
    if not grouped:
        return []
    asked = [
        " ".join(f"{' '.join(parents[leaf.id][1:])} {leaf.requirements}" for leaf in group)
        for group in grouped
    ]
    first = shelf.ranked(" ".join(asked))
    if shelf.size <= space:
        return [shelf.fitting(first, space)] * len(grouped)
    listed = [
        block(
            "rubric", f"G{number}\n{_listed({leaf.id: leaf for leaf in group}, parents, {}, numbers=False)}"
        )
        for number, group in enumerate(grouped, 1)
    ]
    task = render(
        "rubric_files", index=block("index", shelf.index(first, space // 2)), groups="\n\n".join(listed)
    )
    alone = Context(context.system)
    answer = ask(llm, alone, "rubric.files", task, ChosenFiles)
    named = {each.group: each.files[:_MOST_CHOSEN] for each in answer.groups}
    return [
        shelf.fitting(
            [
                *filter(None, map(shelf.shown_as, named.get(f"G{number}", ()))),
                *shelf.ranked(text)[:_MOST_CHOSEN],
            ],
            space,
        )
        for number, text in enumerate(asked, 1)
    ]


def _shuffled(
    group: Sequence[Node], parents: Mapping[str, tuple[str, ...]], sample: int
) -> Mapping[str, Node]:
    """By their numbers, in the tree's order the first time, then in another: those of one parent stay together."""
    numbered = {f"L{number}": leaf for number, leaf in enumerate(group, 1)}
    if sample == 1:
        return numbered

    def order(text: str) -> str:
        return hashlib.sha256(f"{sample} {text}".encode()).hexdigest()

    by_order = sorted(
        numbered.items(), key=lambda each: (order(" ".join(parents[each[1].id])), order(each[1].id))
    )
    return dict(by_order)


def _judged(
    numbered: Mapping[str, Node],
    parents: Mapping[str, tuple[str, ...]],
    unused: Sequence[str],
    seen: _Seen,
    context: Context,
    llm: LLM,
    stage: str,
) -> dict[str, Held]:
    """What is held of each leaf. Claims whose evidence does not hold go back once; after that they are not met."""
    held: dict[str, Held] = {}
    problems: dict[str, str] = {}
    for name in (stage, f"{stage}.again"):
        asked = {number: leaf for number, leaf in numbered.items() if not held or number in problems}
        if not asked:
            break

        def unanswered(answer: JudgedLeaves, asked: Mapping[str, Node] = asked) -> Sequence[str]:
            missing = asked.keys() - {each.leaf for each in answer.leaves}
            return [f"{number} is not answered." for number in sorted(missing)]

        task = render(
            "rubric",
            leaves=block("rubric", _listed(asked, parents, problems)),
            unused=block("unused", bullets(unused)) if unused else "",
            others=named(seen.sources),
            log=LOG if seen.log else "",
        )
        by_number = {
            each.leaf: each for each in ask(llm, context, name, task, JudgedLeaves, unanswered).leaves
        }
        problems = {}
        for number, leaf in asked.items():
            said = by_number[number]
            places, why_not = _looked_up(said, leaf, seen) if said.met else ((), "")
            if said.met and not places:
                problems[number] = why_not
            reason = f"Not shown: {why_not}" if number in problems else said.reality
            held[leaf.id] = Held(places, reason, said.expectation)
    return held


def _looked_up(said: Judged, leaf: Node, seen: _Seen) -> tuple[tuple[Place, ...], str]:
    """Where a claim holds, or nowhere and why."""
    found = [_place(evidence, seen) for evidence in said.evidence]
    places = tuple(place for place in found if isinstance(place, Place))
    if leaf.task_category not in OF_CODE and not any(place.file == LOG for place in places):
        whys = [place for place in found if isinstance(place, str)]
        return (), "; ".join(whys) or f"no line of {LOG} was named that is there"
    return places, "; ".join(place for place in found if isinstance(place, str)) or "no evidence was named"


def _place(evidence: Evidence, seen: _Seen) -> Place | str:
    """Where evidence stands in the files as they are, or a sentence on why it shows nothing."""
    wanted = evidence.line.strip()
    if len(wanted) < _SHORTEST:
        return f"`{wanted}` is too short to tell anything"
    if evidence.file == LOG and seen.log:
        rows = [number for number, line in enumerate(seen.log.split("\n"), 1) if wanted in line]
        if not rows:
            return f"`{wanted}` does not stand in {LOG}"
        return written_down(wanted, seen.constants) or Place(LOG, rows[0], rows[0], "")
    sources = seen.sources
    evidence = evidence.model_copy(update={"line": sources.as_shown(evidence.file, wanted)})
    place = locate(evidence, sources)
    if isinstance(place, str) and evidence.symbol:
        place = locate(evidence.model_copy(update={"symbol": ""}), sources)
    if isinstance(place, str):
        return place
    line = line_of(evidence, sources, place.start, place.end) or place.start
    if evidence.file in sources.broken:
        return f"{evidence.file} does not parse, so it cannot run"
    if why := seen.reach.unused(evidence.file, line) or seen.reach.empty(evidence.file, line):
        return why
    start, end = (sources.original(place.file, number) for number in (place.start, place.end))
    return Place(place.file, start, max(start, end), place.symbol)


def _leaf(leaf: Node, share: float, found: Sequence[Held], nothing: str, sources: Sources) -> Leaf:
    category = leaf.task_category
    assert category is not None  # noqa: S101 - `read` refuses leaves without one
    if not found:
        return Leaf(leaf.id, leaf.requirements, category, share, 0.0, (), nothing)
    value = sum(bool(held.places) for held in found) / len(found)
    told = next((held for held in found if bool(held.places) == (value > 0.5)), found[0])
    return Leaf(
        leaf.id, leaf.requirements, category, share, value, told.places, told.reason, told.expectation
    )


def _listed(
    asked: Mapping[str, Node],
    parents: Mapping[str, tuple[str, ...]],
    problems: Mapping[str, str],
    numbers: bool = True,
) -> str:
    """The leaves, indented below what they are parts of."""

    def lines() -> Iterator[str]:
        above: tuple[str, ...] = ()
        for number, leaf in asked.items():
            chain = parents[leaf.id]
            same = sum(
                1
                for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(above, chain, strict=False))
            )
            for depth, part in enumerate(chain[same:], same):
                yield f"{'  ' * depth}{part}"
            above = chain
            again = f" Your last evidence was rejected: {problems[number]}" if number in problems else ""
            named = f"{number} ({leaf.task_category}): " if numbers else ""
            yield f"{'  ' * len(chain)}- {named}{leaf.requirements}{again}"

    return "\n".join(lines())
