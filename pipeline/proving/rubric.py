"""A rubric of PaperBench's form (arXiv 2504.01848): a tree whose leaves are judged, and whose weights carry them up.

Leaves about execution and results are judged only with what a run has shown: code alone shows neither.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.model.llm import Usage
from pipeline.proving.evidence import Place
from pipeline.untrusted import Unreadable, of_json

Category = Literal["Code Development", "Code Execution", "Result Analysis"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
OF_CODE: tuple[Category, ...] = ("Code Development",)
_BATCH = 20
"""Leaves in one question, at most."""


class Node(BaseModel):
    """A requirement: a leaf is judged, any other is the weighted mean of its parts."""

    model_config = ConfigDict(frozen=True)

    id: str
    requirements: str
    weight: float = Field(ge=0, le=10**9)
    """Bounded, so that a sum of them is finite."""
    sub_tasks: tuple["Node", ...] = ()
    task_category: Category | None = None

    @field_validator("task_category", mode="before")
    @classmethod
    def _is_whole(cls, given: object) -> object:
        if given == "Subtree":
            raise ValueError(
                "the category Subtree stands for leaves that were cut off, with a share between 0 and 1: give the "
                "rubric with all of its leaves"
            )
        return given

    def leaves(self) -> Iterator["Node"]:
        """In the tree's order."""
        for part in self.sub_tasks:
            yield from part.leaves()
        if not self.sub_tasks:
            yield self


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
    """In the code, or lines of what a run has said."""
    reason: str
    """What the code does, or why a claim does not count."""
    expectation: str = ""
    """What was looked for."""
    votes: Mapping[str, float] = field(default_factory=dict)
    """Model → its score, where several have judged."""


@dataclass(frozen=True)
class Shown:
    """What one question showed of the repository."""

    leaves: tuple[str, ...]
    """Ids."""
    files: tuple[str, ...]


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
    """All that was asked, answers from the journal included."""
    shown: tuple[Shown, ...] = ()
    """What was chosen to be read, question by question."""
    files: int = 0
    """That could be read, copies counted once."""
    unread: tuple[str, ...] = ()
    """Sentences on what was left out as no code."""
    unused: tuple[str, ...] = ()
    """What a program finds to be reached by nothing: files, or `file: name`."""
    nothing: str = ""
    """Why there was nothing to judge, as a sentence."""
    disputed: int = 0
    """Leaves on which two judges disagreed."""
    settled: int = 0
    """Of them, those that a third has judged."""


def read(path: Path) -> Node:
    """The rubric in a JSON file. Raises ValueError with what is wrong with it."""
    try:
        root = Node.model_validate(of_json(path.read_text("utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the root"
        raise ValueError(f"at {where}: {first['msg']}") from error
    except (UnicodeDecodeError, Unreadable) as error:
        raise ValueError(f"it is not JSON that can be read: {error}") from error
    leaves = list(root.leaves())
    if len({leaf.id for leaf in leaves}) < len(leaves):
        raise ValueError("two leaves have the same id")
    if nameless := [leaf.id for leaf in leaves if leaf.task_category is None]:
        raise ValueError(f"the leaf {nameless[0]} has no task_category")
    if not shares(root, CATEGORIES):
        raise ValueError("no leaf of it has any weight, so nothing of it could be judged")
    return root


def require_leaves(root: Node, ran: bool) -> None:
    """That something of the rubric can be judged; `ran`: with what a run has shown. Raises ValueError."""
    if not ran and not shares(root, OF_CODE):
        number = sum(1 for _ in root.leaves())
        raise ValueError(
            f"none of its {number} leaves is about code alone: what it asks of runs and their results takes "
            "--execution, a report of `execute --mode full` or a reproduce.log"
        )


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


def groups(root: Node, asked: Collection[str], most: int = _BATCH) -> list[list[Node]]:
    """The leaves of these ids, those of one subtree together, at most `most` in a group."""

    def split(node: Node) -> Iterator[list[Node]]:
        mine = [leaf for leaf in node.leaves() if leaf.id in asked]
        if len(mine) <= most:
            if mine:
                yield mine
            return
        waiting: list[Node] = []
        for part in node.sub_tasks:
            for group in split(part):
                if len(waiting) + len(group) > most:
                    yield waiting
                    waiting = []
                waiting = [*waiting, *group]
        if waiting:
            yield waiting

    return [group for group in split(root) if group]


def score(root: Node, kinds: Collection[Category], scores: Mapping[str, float]) -> float:
    """What leaves' scores, by id, come to up the tree, of these categories' leaves alone."""
    return sum(share * scores[id_] for id_, share in shares(root, kinds).items())


def above(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each leaf's id, and the requirements that it is a part of."""
    for part in node.sub_tasks:
        yield from above(part, (*path, node.requirements))
    if not node.sub_tasks:
        yield node.id, path
