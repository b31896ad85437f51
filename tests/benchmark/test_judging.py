"""What agreement means, on verdicts whose figures are known; no trick gets a claim through, and honest code all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.agreement import Pair, kappa
from benchmark.judging import macro_f1, main, precision, recall, settled, verdicts
from benchmark.tricks import FAIR, TRICKS, points


def counted(both: int, judge_alone: int, human_alone: int, neither: int) -> list[Pair]:
    pairs = [(True, True)] * both + [(False, True)] * judge_alone
    pairs += [(True, False)] * human_alone + [(False, False)] * neither
    return [Pair(str(n % 7), human, judge) for n, (human, judge) in enumerate(pairs)]


def test_the_figures_are_those_of_their_definitions() -> None:
    found = counted(20, 5, 10, 15)
    assert (precision(found), recall(found)) == (20 / 25, 20 / 30)
    assert macro_f1(found) == pytest.approx((40 / 55 + 30 / 45) / 2)
    assert kappa(found) == pytest.approx(0.4)


def test_who_always_says_met_has_the_macro_f1_that_was_published() -> None:
    assert macro_f1(counted(779, 221, 0, 0)) == pytest.approx(0.438, abs=0.001)
    assert kappa(counted(779, 221, 0, 0)) == 0


def test_leaves_of_code_are_held_against_people_and_a_third_settles() -> None:
    code = {"task_category": "Code Development", "sub_tasks": []}
    leaves = [code | {"id": "a", "score": 1.0}, code | {"id": "b", "score": 0.0}]
    leaves.append({"id": "c", "score": 1.0, "task_category": "Code Execution", "sub_tasks": []})
    expected = {"id": "root", "task_category": None, "sub_tasks": leaves}
    scores = settled([{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.0}, {"b": 1.0}])
    assert verdicts(expected, scores) == [Pair("root", True, True), Pair("root", False, True)]
    assert settled([{"b": 1.0}, {"b": 0.0}]) == {"b": 0.0}


def test_the_table_and_the_disagreements_of_three_judges(tmp_path: Path) -> None:
    def judged(name: str, **scores: float) -> Path:
        leaves = [
            {
                "id": id_,
                "score": score,
                "reason": f"{name} of {id_}",
                "places": [{"file": "a.py", "start": 3}],
            }
            for id_, score in scores.items()
        ]
        (tmp_path / name).write_text(json.dumps({"leaves": leaves}))
        return tmp_path / name

    graded = [
        {"id": id_, "score": score, "requirements": f"Does {id_}.", "explanation": f"Saw {id_}."}
        | {"task_category": "Code Development", "sub_tasks": []}
        for id_, score in (("a", 1.0), ("b", 0.0), ("c", 1.0), ("d", 0.0))
    ]
    (tmp_path / "expected").write_text(json.dumps({"id": "root", "score": 0.5, "sub_tasks": graded}))
    judges = [judged("1", a=1, b=0, c=0, d=1), judged("2", a=1, b=1, c=1, d=1), judged("3", b=1, c=1)]
    told = CliRunner().invoke(
        main, ["against", *map(str, (tmp_path / "expected", *judges)), "--disagreements", str(tmp_path / "d")]
    )
    assert told.output.splitlines()[2] == "| 4 | 2 | 4 | 0.33 | 0.50 | 1.00 | 0.00 | 0.50 |"
    differing = (tmp_path / "d").read_text()
    assert differing.count("judge: met, people: not") == 2 and "Saw b." in differing
    assert all(f"judge {n}, {s}: {n} of b ['a.py:3']" in differing for n, s in ((1, 0), (2, 1), (3, 1)))


@pytest.mark.parametrize("name", TRICKS)
def test_a_judge_that_believes_everything_gets_no_trick_through(name: str) -> None:
    trick = TRICKS[name]
    assert points(trick.files, trick.claimed, trick.lines)[0] == 0


@pytest.mark.parametrize("name", [name for name in FAIR if "noise" not in name])
def test_a_program_takes_nothing_from_honest_code(name: str) -> None:
    fair = FAIR[name]
    through, total, why = points(fair.files, fair.claimed, fair.lines)
    assert (through, why) == (total, "")
