"""A rubric's leaves count by their weights, and only where a program finds what the model names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.coding.repository import Repository
from pipeline.errors import AnswerInvalid
from pipeline.model.asking import Context
from pipeline.model.llm import Prompt
from pipeline.proving.rubric import CATEGORIES, OF_CODE, Node, full_run, grade, read, shares
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, MAIN

CODE = Repository({"estimator.py": ESTIMATOR, "main.py": MAIN})
CONTEXT = Context("system").extended("paper", "The mean.")
REAL = sorted((Path(__file__).parents[4] / "shared/rubrics").glob("*.json"))
THERE = {"file": "estimator.py", "symbol": "mean", "line": "return total / len(values)"}
GONE = THERE | {"line": "return median(values)"}
RAN = {"file": "execution.log", "symbol": "", "line": "metric error: 0.1"}


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


def answers(**met: dict[str, str] | None) -> str:
    judged = [
        {"leaf": leaf, "reason": "So.", "met": place is not None, "evidence": [place] if place else []}
        for leaf, place in met.items()
    ]
    return json.dumps({"leaves": judged})


def test_weights_of_siblings_are_normalised_up_the_tree(tmp_path: Path) -> None:
    root = parsed(TREE, tmp_path)
    expected = {"mean": 1 / 8, "median": 3 / 8, "ran": 1 / 6, "table": 1 / 6, "data": 1 / 6}
    assert shares(root, CATEGORIES) == pytest.approx(expected)
    assert shares(root, OF_CODE) == pytest.approx({"mean": 3 / 16, "median": 9 / 16, "data": 1 / 4})
    assert shares(root, ["Result Analysis"]) == {"table": 1}


def test_what_has_no_weight_decides_nothing(tmp_path: Path) -> None:
    root = parsed(node("root", 1, node("a", 0), node("b", 2), node("c", 0, node("d", 1))), tmp_path)
    assert shares(root, OF_CODE) == {"b": 1}
    assert shares(parsed(node("root", 1, node("a", 0)), tmp_path), OF_CODE) == {}


def test_leaves_of_code_are_judged_and_the_others_left_out_and_counted(tmp_path: Path) -> None:
    llm = ScriptedLLM({"rubric.1.1": answers(L1=THERE, L2=None, L3=THERE)})
    given = grade(parsed(TREE, tmp_path), CODE, CONTEXT, llm)
    assert given.score == pytest.approx(3 / 16 + 1 / 4)
    assert given.categories == {"Code Development": pytest.approx(7 / 16)}
    assert given.left_out == {"Code Execution": 1, "Result Analysis": 1}
    assert [(leaf.id, leaf.score) for leaf in given.leaves] == [("mean", 1), ("median", 0), ("data", 1)]
    assert [place.file for place in given.leaves[0].places] == ["estimator.py"]
    (asked,) = llm.asked
    assert "Part of: About root. › About method." in asked.task and "About table." not in asked.task
    assert "return total / len(values)" in asked.shared


def test_a_claim_whose_evidence_is_not_there_goes_back_once_and_then_counts_as_not_met(
    tmp_path: Path,
) -> None:
    script = {
        "rubric.1.1": answers(L1=GONE, L2=GONE, L3=THERE),
        "rubric.1.1.again": answers(L1=THERE, L2=GONE),
    }
    llm = ScriptedLLM(script)
    given = grade(parsed(TREE, tmp_path), CODE, CONTEXT, llm)
    assert [leaf.score for leaf in given.leaves] == [1, 0, 1]
    assert given.leaves[1].reason.startswith("Not shown: `return median(values)`")
    assert "Your last evidence was rejected" in llm.asked[1].task and "L3" not in llm.asked[1].task


def test_an_answer_that_leaves_something_out_is_asked_for_again(tmp_path: Path) -> None:
    whole = answers(L1=None, L2=None, L3=None)
    llm = ScriptedLLM({"rubric.1.1": answers(L1=THERE), "rubric.1.1#2": whole})
    assert grade(parsed(TREE, tmp_path), CODE, CONTEXT, llm).score == 0
    assert "L2 is not answered." in llm.asked[1].task
    stubborn = dict.fromkeys(("rubric.1.1", "rubric.1.1#2", "rubric.1.1#3"), answers(L1=THERE))
    with pytest.raises(AnswerInvalid):
        grade(parsed(TREE, tmp_path), CODE, CONTEXT, ScriptedLLM(stubborn))


def test_runs_and_results_are_judged_by_what_a_full_run_has_said_and_by_nothing_else(tmp_path: Path) -> None:
    first = answers(L1=THERE, L2=THERE, L3=RAN, L4=THERE, L5=THERE)
    llm = ScriptedLLM({"rubric.1.1": first, "rubric.1.1.again": answers(L4=THERE)})
    root = parsed(TREE, tmp_path)
    given = grade(root, CODE, CONTEXT, llm, execution="status: runs\nmetric error: 0.1")
    assert {leaf.id: leaf.score for leaf in given.leaves}["table"] == 0
    assert given.categories == {"Code Development": 1, "Code Execution": 1, "Result Analysis": 0}
    assert given.score == pytest.approx(5 / 6) and given.left_out == {}
    assert "metric error: 0.1" in llm.asked[0].shared


def test_samples_are_averaged_leaf_by_leaf(tmp_path: Path) -> None:
    script = {
        "rubric.1.1": answers(L1=THERE, L2=None, L3=None),
        "rubric.2.1": answers(L1=THERE, L2=THERE, L3=None),
    }
    given = grade(parsed(TREE, tmp_path), CODE, CONTEXT, ScriptedLLM(script), samples=2)
    assert [leaf.score for leaf in given.leaves] == [1, 0.5, 0]


def test_where_there_is_nothing_to_judge_the_model_is_not_asked(tmp_path: Path) -> None:
    llm = ScriptedLLM({})
    given = grade(parsed(TREE, tmp_path), Repository({"README.md": "All of it."}), CONTEXT, llm, samples=3)
    assert (given.score, given.samples, llm.asked) == (0, 0, [])


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ([], "root"),
        ({"id": "a"}, "requirements"),
        (node("root", 1, node("a", -1)), "sub_tasks.0.weight"),
        (node("root", 1, node("a", 1), node("a", 1)), "same id"),
        (node("root", 1, node("a", 1, kind="Vibes")), "task_category"),
        (node("root", 1, node("a", 1) | {"task_category": None}), "no task_category"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused_with_the_place(
    tree: Any, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        parsed(tree, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\xff"])
def test_what_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rubric.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="not JSON"):
        read(path)
    with pytest.raises(ValueError, match="no execution report"):
        full_run(path)


def test_only_a_full_run_is_evidence(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    attempt = {"stdout_tail": "epoch 1\n", "stderr_tail": ""}
    report = {"mode": "full", "status": "runs", "metrics": {"error": 0.1}, "attempts": [attempt]}
    path.write_text(json.dumps(report))
    assert full_run(path).splitlines() == ["mode: full", "status: runs", "metric error: 0.1", "epoch 1"]
    path.write_text(json.dumps(report | {"mode": "smoke"}))
    with pytest.raises(ValueError, match="a full one"):
        full_run(path)


@pytest.mark.parametrize("path", REAL, ids=[path.stem for path in REAL])
def test_real_rubrics_are_read_and_their_shares_add_up(path: Path) -> None:
    root = read(path)
    for kinds in (CATEGORIES, OF_CODE):
        given = shares(root, kinds)
        assert sum(given.values()) == pytest.approx(1)
        assert len(given) == sum(leaf.task_category in kinds for leaf in root.leaves())


@pytest.mark.parametrize("path", REAL, ids=[path.stem for path in REAL])
def test_real_rubrics_are_judged_in_batches_each_leaf_once(path: Path) -> None:
    root = read(path)
    leaves = [leaf for leaf in root.leaves() if leaf.task_category in OF_CODE]

    def every(met: bool) -> Callable[[Prompt], str]:
        def answer(prompt: Prompt) -> str:
            numbers = [line.split()[1] for line in prompt.task.splitlines() if line.startswith("- L")]
            return answers(**dict.fromkeys(numbers, THERE if met else None))

        return answer

    stages = {f"rubric.1.{number}" for number in range(1, (len(leaves) + 19) // 20 + 1)}
    for met in (True, False):
        llm = ScriptedLLM(dict.fromkeys(stages, every(met)))
        given = grade(root, CODE, CONTEXT, llm, concurrency=2)
        assert given.score == pytest.approx(float(met)) and len(given.leaves) == len(leaves)
        assert set(llm.stages) == stages
