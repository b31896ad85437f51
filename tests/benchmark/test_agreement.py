"""Correlation and kappa of people and judges, from files as pages, keys, judges and the dashboard write them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmark.agreement import Pair, estimate, kappa, main, pearson, spearman, squared
from pipeline.proving.blind.sheet import lay_out, sheet

JUMBLED = [(1, 2), (2, 1), (3, 4), (4, 3), (5, 5)]


def pairs(*values: tuple[float, float], paper: str = "") -> list[Pair]:
    return [Pair(paper or str(number), one, other) for number, (one, other) in enumerate(values)]


def test_figures_of_worked_examples() -> None:
    assert pearson(pairs(*JUMBLED)) == pytest.approx(0.8)
    assert spearman(pairs(*((a, b**9) for a, b in JUMBLED))) == pytest.approx(0.8)
    # Ties share their rank: 1, 2.5, 2.5, 4 beside 1, 2, 3, 4.
    assert spearman(pairs((1, 1), (2, 2), (2, 3), (3, 4))) == pytest.approx(0.9486833)
    table = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert kappa(pairs(*table)) == pytest.approx(0.4)
    assert squared(pairs(*((n, n) for n in range(1, 6)))) == pytest.approx(1)
    assert squared(pairs(*((n, 6 - n) for n in range(1, 6)))) == pytest.approx(-1)


@pytest.mark.parametrize("values", [[(1, 1), (2, 2)], [(3, 1), (3, 2), (3, 3)]])
def test_what_is_not_defined_is_not_said(values: list[tuple[float, float]]) -> None:
    assert pearson(pairs(*values)) is spearman(pairs(*values)) is None


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw = random.Random(1)
    covered = 0
    for _ in range(40):
        found = [(x := draw.gauss(0, 1), 0.6 * x + 0.8 * draw.gauss(0, 1)) for _ in range(40)]
        given = estimate(pairs(*found), pearson)
        assert given.low is not None and given.high is not None
        covered += given.low <= 0.6 <= given.high
    assert covered >= 33


def test_an_interval_needs_more_than_one_paper_and_widens_where_papers_differ() -> None:
    assert estimate(pairs(*JUMBLED, paper="one"), pearson).low is None
    alone = [Pair(str(n), *JUMBLED[n % 5]) for n in range(40)]
    together = [
        Pair(str(n // 5 % 2), *((6 - a, b) if n // 5 % 2 else (a, b)))
        for n in range(40)
        for a, b in [JUMBLED[n % 5]]
    ]
    narrow, wide = estimate(alone, pearson), estimate(together, pearson)
    assert (
        narrow.low is not None and narrow.high is not None and wide.low is not None and wide.high is not None
    )
    assert wide.high - wide.low > narrow.high - narrow.low


def told(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def rated(tmp_path: Path) -> list[Path]:
    """Two papers, three repositories each: two people answered on their pages, a judge scored, a model compared."""
    files = []
    for paper in ("p", "q"):
        folders = [tmp_path / paper / name for name in ("good", "fair", "bad")]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "main.py").write_text(folder.name)
        key = lay_out(sheet(paper, folders), tmp_path / f"{paper}.html")
        made = json.loads(key.read_text())
        files.append(key)
        for rater, scores in (
            ("ann", {"good": 5, "fair": 3, "bad": 1}),
            ("ben", {"good": 4, "fair": 4, "bad": 2}),
        ):
            answers: dict[str, Any] = {
                letter: {
                    "score": scores[Path(place).name],
                    "rank": 1 + sum(s > scores[Path(place).name] for s in scores.values()),
                }
                for letter, place in made["repositories"].items()
            }
            page = {
                "form": "paper2code rating",
                "version": 1,
                "sheet": made["sheet"],
                "rater": rater,
                "repositories": answers,
            }
            files.append(tmp_path / f"{paper}-{rater}.json")
            files[-1].write_text(json.dumps(page))
        rows = [{"folder": str(f), "scores": {"gpt-x": s}} for f, s in zip(folders, (4.5, 3, 2), strict=True)]
        files.append(tmp_path / f"{paper}-rows.json")
        files[-1].write_text(json.dumps({"rows": rows}))
        files.append(tmp_path / f"{paper}-compared.json")
        compared = {"A": str(folders[2]), "B": str(folders[0]), "preferred": "B", "model": "claude-x"}
        files[-1].write_text(json.dumps(compared))
    return files


def test_people_stand_beside_judges_and_beside_each_other(rated: list[Path], tmp_path: Path) -> None:
    ended = told(*rated, "--json", tmp_path / "agreement.json")
    assert ended.exit_code == 0, ended.output
    found = {
        (each["of"], *each["sides"]): each for each in json.loads((tmp_path / "agreement.json").read_text())
    }
    scores = found["scores", "people", "gpt-x"]
    assert scores["pairs"] == 12 and scores["pearson"]["value"] == pytest.approx(0.8853, abs=1e-4)
    assert scores["pearson"]["low"] is not None
    # Ben ties two of the three that the judge does not: of his preferences one is none.
    assert found["preferences", "people", "gpt-x"]["pairs"] == 12
    assert 0.5 < found["preferences", "people", "gpt-x"]["kappa"]["value"] < 1
    assert found["preferences", "people", "claude-x, comparing"]["kappa"]["value"] == 1
    assert found["scores", "people", "people"]["pairs"] == 6
    assert "| scores | people and gpt-x | 12 | 0.89 [" in ended.output


def test_scores_of_the_command_line_and_ratings_of_jobs_are_read(rated: list[Path], tmp_path: Path) -> None:
    scored = []
    for number, place in enumerate(("p/good", "p/fair", "p/bad")):
        file = tmp_path / f"score{number}.json"
        file.write_text(json.dumps({"score": 5 - number, "model": "o-x"}))
        scored += ["--score", f"{tmp_path / place}={file}"]
    jobs = []
    for number in range(3):
        jobs.append(tmp_path / f"job{number}.json")
        ratings = [{"person": "ann", "score": number + 1, "text": ""}]
        jobs[-1].write_text(
            json.dumps({"id": f"j{number}", "ratings": ratings, "report": {"judge": {"score": number + 2.5}}})
        )
    ended = told(*rated, *jobs, *scored)
    assert ended.exit_code == 0, ended.output
    assert "| scores | people and o-x | 6 |" in ended.output
    assert "| scores | people and judge of jobs | 3 | 1.00 [1.00, 1.00] |" in ended.output


def test_shares_of_a_rubric_are_a_judge_of_their_own_in_points_from_1_to_5(
    rated: list[Path], tmp_path: Path
) -> None:
    scored = []
    for number, place in enumerate(("p/good", "p/fair", "p/bad")):
        for name, given in (
            ("free", {"score": 5 - number, "scores": [5 - number]}),
            ("rubric", {"score": 1 - number / 4, "leaves": []}),
        ):
            file = tmp_path / f"{name}{number}.json"
            file.write_text(json.dumps(given | {"model": "o-x"}))
            scored += ["--score", f"{tmp_path / place}={file}"]
    ended = told(*rated, *scored)
    assert ended.exit_code == 0, ended.output
    free, rubric = (
        next(line for line in ended.output.splitlines() if f"| scores | people and {judge} |" in line)
        for judge in ("o-x", "o-x by rubric")
    )
    assert free.partition("o-x")[2] == rubric.partition("o-x by rubric")[2]
    (tmp_path / "free0.json").write_text(json.dumps({"score": 0.75, "model": "o-x"}))
    refused = told(*rated, *scored)
    assert refused.exit_code == 2 and "its score 0.75 is none from 1 to 5" in refused.output


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "neither answers, nor a key"),
        ("{", "cannot be used"),
        ('{"rows": [1]}', "cannot be used"),
        (f'{{"id": "j", "score": 3, "ratings": [{{"score": 1{"0" * 400}}}]}}', "401 characters"),
    ],
    ids=range(4),
)
def test_what_is_no_such_file_is_said(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    ended = told(tmp_path / "x.json")
    assert ended.exit_code == 2 and complaint in ended.output


def test_answers_without_their_key_count_for_nothing_and_it_is_said(rated: list[Path]) -> None:
    ended = told(*(file for file in rated if not file.name.endswith(".key.json")))
    assert ended.exit_code == 2 and "the key of the sheet" in ended.output
