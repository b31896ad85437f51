"""A rubric's leaves count by their weights, those of one subtree stand together, and what is no rubric is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.proving.rubric import CATEGORIES, OF_CODE, Node, groups, read, require_leaves, shares

REAL = sorted((Path(__file__).parents[4] / "shared/rubrics").glob("*.json"))


def node(id_: str, weight: float, *parts: dict[str, Any], kind: str | None = None) -> dict[str, Any]:
    category = None if parts else kind or "Code Development"
    return {
        "id": id_,
        "requirements": f"About {id_}.",
        "weight": weight,
        "sub_tasks": list(parts),
        "task_category": category,
        "finegrained_task_category": None,
    }


TREE = node(
    "root",
    1,
    node("method", 3, node("mean", 1), node("median", 3)),
    node("results", 2, node("ran", 1, kind="Code Execution"), node("table", 1, kind="Result Analysis")),
    node("data", 1),
)


def parsed(tree: dict[str, Any], tmp_path: Path) -> Node:
    path = tmp_path / "rubric.json"
    path.write_text(json.dumps(tree))
    return read(path)


def test_weights_of_siblings_are_normalised_up_the_tree(tmp_path: Path) -> None:
    root = parsed(TREE, tmp_path)
    expected = {"mean": 1 / 8, "median": 3 / 8, "ran": 1 / 6, "table": 1 / 6, "data": 1 / 6}
    assert shares(root, CATEGORIES) == pytest.approx(expected)
    assert shares(root, OF_CODE) == pytest.approx({"mean": 3 / 16, "median": 9 / 16, "data": 1 / 4})
    assert shares(root, ["Result Analysis"]) == {"table": 1}


def test_what_has_no_weight_decides_nothing(tmp_path: Path) -> None:
    root = parsed(node("root", 1, node("a", 0), node("b", 2), node("c", 0, node("d", 1))), tmp_path)
    assert shares(root, OF_CODE) == {"b": 1}


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ([], "root"),
        ({"id": "a"}, "requirements"),
        (node("root", 1, node("a", -1)), "sub_tasks.0.weight"),
        (node("root", 1, node("a", 1e308), node("b", 1e308)), "sub_tasks.0.weight"),
        (node("root", 1, node("a", 1), node("a", 1)), "same id"),
        (node("root", 1, node("a", 1, kind="Vibes")), "task_category"),
        (node("root", 1, node("a", 1) | {"task_category": None}), "no task_category"),
        (node("root", 1, node("a", 0), node("b", 0)), "no leaf of it has any weight"),
        (node("root", 1, node("a", 0, node("b", 1))), "no leaf of it has any weight"),
        (node("root", 1, node("a", 1, kind="Subtree")), "Subtree stands for leaves that were cut off"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused_with_the_place(
    tree: Any, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        parsed(tree, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\xff", "1" * 5000], ids=range(5))
def test_what_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rubric.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="not JSON"):
        read(path)


@pytest.mark.parametrize("path", REAL, ids=[path.stem for path in REAL])
def test_real_rubrics_are_read_and_their_shares_add_up(path: Path) -> None:
    root = read(path)
    for kinds in (CATEGORIES, OF_CODE):
        given = shares(root, kinds)
        assert sum(given.values()) == pytest.approx(1)
        assert len(given) == sum(leaf.task_category in kinds for leaf in root.leaves())


@pytest.mark.parametrize("path", REAL, ids=[path.stem for path in REAL])
def test_real_rubrics_are_asked_in_groups_of_one_subtree_each_leaf_once(path: Path) -> None:
    root = read(path)
    leaves = [leaf.id for leaf in root.leaves() if leaf.task_category in OF_CODE]
    made = groups(root, leaves, 20)
    assert [leaf.id for group in made for leaf in group] == leaves
    assert max(map(len, made)) <= 20


def test_what_belongs_together_is_asked_together(tmp_path: Path) -> None:
    parts = [node(name, 1, *(node(f"{name}{n}", 1) for n in range(3))) for name in ("a", "b")]
    root = parsed(node("root", 1, *parts), tmp_path)
    made = groups(root, [leaf.id for leaf in root.leaves()], 4)
    assert [[leaf.id for leaf in group] for group in made] == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]


def test_a_rubric_that_asks_of_runs_alone_takes_what_a_run_has_shown(tmp_path: Path) -> None:
    root = parsed(node("root", 1, node("a", 1, kind="Code Execution")), tmp_path)
    require_leaves(root, True)
    with pytest.raises(ValueError, match="none of its 1 leaves is about code alone"):
        require_leaves(root, False)
