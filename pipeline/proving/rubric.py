"""Scoring by a rubric of PaperBench's form (arXiv 2504.01848): leaves are judged, weights carry them up the tree.

The model says whether a leaf is met and where; a program finds that line or takes the claim back. Leaves about
execution and results are judged only with the report of a full run: code alone shows neither.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context, ask, block, render
from pipeline.model.llm import LLM, Usage
from pipeline.planning.plan import Answer
from pipeline.proving.evidence import Evidence, Place, locate
from pipeline.proving.scoring import flaws, with_code

Category = Literal["Code Development", "Code Execution", "Result Analysis"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
OF_CODE: tuple[Category, ...] = ("Code Development",)
LOG = "execution.log"
"""What a run has said, named as if it were a file of the repository."""
_BATCH = 20
"""Leaves in one question."""


class Node(BaseModel):
    """A requirement: a leaf is judged, any other is the weighted mean of its parts."""

    model_config = ConfigDict(frozen=True)

    id: str
    requirements: str
    weight: float = Field(ge=0, allow_inf_nan=False)
    sub_tasks: tuple["Node", ...] = ()
    task_category: Category | None = None

    def leaves(self) -> Iterator["Node"]:
        """In the tree's order."""
        for part in self.sub_tasks:
            yield from part.leaves()
        if not self.sub_tasks:
            yield self


class Judged(Answer):
    """The model's word on one leaf."""

    leaf: str = Field(description="Its number, for example L7")
    reason: str = Field(description="What decides it, in one or two sentences")
    met: bool
    evidence: tuple[Evidence, ...] = Field(default=(), description="Where; none if it is not met")


class JudgedLeaves(Answer):
    """The model's word on a batch."""

    leaves: tuple[Judged, ...]


@dataclass(frozen=True)
class Leaf:
    """What is held of one leaf."""

    id: str
    requirement: str
    category: Category
    share: float
    """Of the whole score; all shares add up to 1."""
    score: float
    """0 to 1: the share of the samples that hold it met."""
    places: tuple[Place, ...]
    """In the code, or lines of `execution.log`."""
    reason: str


@dataclass(frozen=True)
class Graded:
    """A repository's score by a rubric, 0 to 1."""

    score: float
    categories: Mapping[Category, float]
    """The score of the tree with only one category's leaves."""
    leaves: tuple[Leaf, ...]
    left_out: Mapping[Category, int]
    """Leaves that nothing here could show."""
    samples: int
    """0 where the program found nothing to judge."""
    model: str = ""
    usd: float | None = 0.0
    """What it cost; None where the model has no known price."""
    usage: Usage = field(default_factory=Usage)
    """All that the judge was asked in the run."""


def read(path: Path) -> Node:
    """The rubric in a JSON file. Raises ValueError with what is wrong with it."""
    try:
        root = Node.model_validate(json.loads(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the root"
        raise ValueError(f"at {where}: {first['msg']}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON that can be read: {error}") from error
    leaves = list(root.leaves())
    if len({leaf.id for leaf in leaves}) < len(leaves):
        raise ValueError("two leaves have the same id")
    if nameless := [leaf.id for leaf in leaves if leaf.task_category is None]:
        raise ValueError(f"the leaf {nameless[0]} has no task_category")
    return root


def full_run(path: Path) -> str:
    """What the report of a full run (`paper2code execute --mode full --json`) shows. Raises ValueError."""
    try:
        report = json.loads(path.read_text())
        told: dict[str, Any] = {name: report[name] for name in ("mode", "status", "metrics", "attempts")}
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, TypeError, KeyError) as error:
        raise ValueError("it is no execution report") from error
    if told["mode"] != "full":
        raise ValueError("a smoke run on synthetic data shows no results: it takes a full one")
    last = told.pop("attempts")[-1]
    lines = [f"{name}: {value}" for name, value in told.items() if name != "metrics"]
    lines += [f"metric {name}: {value}" for name, value in told["metrics"].items()]
    return "\n".join([*lines, last["stdout_tail"], last["stderr_tail"]]).strip()


def shares(root: Node, categories: Collection[Category]) -> dict[str, float]:
    """The share of each leaf of these categories in the score, by id.

    As in PaperBench's Code-Dev variant, the other leaves are cut off, and what then has no leaves; the weights
    of siblings that remain are normalised.
    """

    def remains(node: Node) -> bool:
        if node.weight == 0 and node is not root:
            return False
        return any(map(remains, node.sub_tasks)) if node.sub_tasks else node.task_category in categories

    def descend(node: Node, share: float) -> Iterator[tuple[str, float]]:
        parts = [part for part in node.sub_tasks if remains(part)]
        weight = sum(part.weight for part in parts)
        for part in parts:
            yield from descend(part, share * part.weight / weight)
        if not node.sub_tasks:
            yield node.id, share

    return dict(descend(root, 1.0)) if remains(root) else {}


def batches(root: Node, execution: str = "") -> int:
    """How many questions one sample takes."""
    return -(-len(shares(root, CATEGORIES if execution else OF_CODE)) // _BATCH)


def grade(
    root: Node,
    repository: Repository,
    context: Context,
    llm: LLM,
    samples: int = 1,
    execution: str = "",
    concurrency: int = 1,
) -> Graded:
    """`repository` by the rubric; `context` holds the paper, `execution` what a full run has said.

    Nothing is asked where there is nothing to judge. Raises AnswerInvalid and what the model's client raises.
    """
    judged_kinds = CATEGORIES if execution else OF_CODE
    share = shares(root, judged_kinds)
    leaves = [leaf for leaf in root.leaves() if leaf.id in share]
    if any(flaws(repository)):
        samples = 0
    before = llm.usage.usd
    seen = repository.with_file(LOG, execution) if execution else repository
    context = with_code(context, repository)
    if execution:
        context = context.extended("execution", execution, path=LOG)
    above = dict(_above(root))
    batches = [leaves[start : start + _BATCH] for start in range(0, len(leaves), _BATCH)]

    def judge(asked: tuple[int, int]) -> dict[str, tuple[tuple[Place, ...], str]]:
        sample, number = asked
        return _judged(batches[number], above, seen, context, llm, f"rubric.{sample}.{number + 1}")

    found: dict[str, list[tuple[tuple[Place, ...], str]]] = {leaf.id: [] for leaf in leaves}
    questions = [(sample, number) for sample in range(1, samples + 1) for number in range(len(batches))]
    with ThreadPoolExecutor(concurrency) as executor:
        for answers in executor.map(judge, questions):
            for id_, answer in answers.items():
                found[id_].append(answer)
    graded = tuple(_leaf(leaf, share[leaf.id], found[leaf.id]) for leaf in leaves)
    after = llm.usage.usd
    scores = {leaf.id: leaf.score for leaf in graded}
    kinds = {kind: kept for kind in judged_kinds if (kept := shares(root, [kind]))}
    left_out = {
        kind: sum(leaf.task_category == kind for leaf in root.leaves())
        for kind in CATEGORIES
        if kind not in judged_kinds
    }
    return Graded(
        score=_sum(share, scores),
        categories={kind: _sum(kept, scores) for kind, kept in kinds.items()},
        leaves=graded,
        left_out={kind: number for kind, number in left_out.items() if number},
        samples=samples,
        model=llm.shares["judge"].model,
        usd=None if before is None or after is None else after - before,
        usage=llm.shares["judge"].usage,
    )


def _sum(share: Mapping[str, float], scores: Mapping[str, float]) -> float:
    return sum(share[id_] * scores[id_] for id_ in share)


def _above(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each leaf's id, and the requirements that it is a part of."""
    for part in node.sub_tasks:
        yield from _above(part, (*path, node.requirements))
    if not node.sub_tasks:
        yield node.id, path


def _leaf(leaf: Node, share: float, found: Sequence[tuple[tuple[Place, ...], str]]) -> Leaf:
    category = leaf.task_category
    assert category is not None  # noqa: S101 - `read` refuses leaves without one
    score = sum(bool(places) for places, _ in found) / len(found) if found else 0.0
    places, reason = found[0] if found else ((), "There is no implementation to judge.")
    return Leaf(leaf.id, leaf.requirements, category, share, score, places, reason)


def _judged(
    leaves: Sequence[Node],
    above: Mapping[str, tuple[str, ...]],
    repository: Repository,
    context: Context,
    llm: LLM,
    stage: str,
) -> dict[str, tuple[tuple[Place, ...], str]]:
    """For each leaf where it is met, and why; nowhere: it is not met.

    Claims whose evidence is not there go back once; after that they count as not met.
    """
    numbered = {f"L{number}": leaf for number, leaf in enumerate(leaves, 1)}
    settled: dict[str, tuple[tuple[Place, ...], str]] = {}
    problems: dict[str, str] = {}
    for name in (stage, f"{stage}.again"):
        asked = {number: leaf for number, leaf in numbered.items() if not settled or number in problems}
        if not asked:
            break

        def unanswered(answer: JudgedLeaves, asked: Mapping[str, Node] = asked) -> Sequence[str]:
            missing = asked.keys() - {each.leaf for each in answer.leaves}
            return [f"{number} is not answered." for number in sorted(missing)]

        task = render(
            "rubric", leaves=_listed(asked, above, problems), log=LOG if LOG in repository.files else ""
        )
        answer = ask(llm, context, name, task, JudgedLeaves, unanswered)
        by_number = {each.leaf: each for each in answer.leaves}
        problems = {}
        for number, leaf in asked.items():
            judged = by_number[number]
            places, why_not = _looked_up(judged, leaf, repository)
            if judged.met and not places:
                problems[number] = why_not
            settled[leaf.id] = places, f"Not shown: {why_not}" if number in problems else judged.reason
    return settled


def _looked_up(judged: Judged, leaf: Node, repository: Repository) -> tuple[tuple[Place, ...], str]:
    """Where a leaf is met, or nothing and why."""
    if not judged.met:
        return (), ""
    found = [locate(evidence, repository) for evidence in judged.evidence]
    places = tuple(place for place in found if isinstance(place, Place))
    if leaf.task_category not in OF_CODE and not any(place.file == LOG for place in places):
        return (), f"no line of {LOG} was named that is there."
    missing = "; ".join(place for place in found if isinstance(place, str))
    return places, missing or "no evidence was named."


def _listed(
    asked: Mapping[str, Node], above: Mapping[str, tuple[str, ...]], problems: Mapping[str, str]
) -> str:
    """The leaves, below what they are parts of."""
    lines: list[str] = []
    heading: tuple[str, ...] = ()
    for number, leaf in asked.items():
        if above[leaf.id] != heading:
            heading = above[leaf.id]
            lines.append(f"\nPart of: {' › '.join(heading)}\n")
        again = f" Your last evidence was rejected: {problems[number]}" if number in problems else ""
        lines.append(f"- {number} ({leaf.task_category}): {leaf.requirements}{again}")
    return block("rubric", "\n".join(lines).strip())
