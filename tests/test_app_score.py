"""`paper2code score`: any repository judged, by a scale or by a rubric; the model is a server on loopback."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.model import FakeModel, Reply
from tests.pipeline.plans import MAIN
from tests.test_app import run

pytestmark = pytest.mark.usefixtures("bare")


def rubric(leaves: int, category: str = "Code Development") -> dict[str, Any]:
    leaf = {"weight": 1, "task_category": category, "sub_tasks": []}
    parts = [leaf | {"id": f"l{n}", "requirements": f"Requirement {n}."} for n in range(leaves)]
    return {"id": "r", "requirements": "All.", "weight": 1, "sub_tasks": parts, "task_category": None}


def test_a_repository_is_judged_whoever_wrote_it(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "main.py").write_text(MAIN)
    line = 'config["training"] |= config["smoke"]["training"]'
    critique = {"file": "main.py", "symbol": "main", "line": line, "severity": "high", "text": "No mean."}
    gone = critique | {"line": "mean = 0"}
    answer = {"critiques": [c | {"requirement": ""} for c in (critique, gone)], "score": 2}
    with FakeModel(Reply(json.dumps(answer))) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        for _ in range(2):
            judged = run("score", "theirs", "--paper", paper, "--json", "score.json")
            assert judged.exit_code == 0, judged.output
    assert "2 of 5" in judged.output and "main.py:21 No mean." in judged.output
    told = json.loads((tmp_path / "score.json").read_text())
    assert (told["score"], told["dropped"], told["scores"]) == (2, 1, [2])
    assert len(model.requests) == 1, "the same question was paid for twice"


def test_names_and_answers_that_are_no_unicode_are_judged_and_written_down(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Path(os.fsdecode(b"theirs\xff"))
    theirs.mkdir()
    (theirs / "main.py").write_text(MAIN)
    critique = {"file": "main.py", "symbol": "main", "line": "", "severity": "high", "requirement": ""}
    answer = {"critiques": [critique | {"text": "No \ud800 mean."}], "score": 2}
    with FakeModel(Reply(json.dumps(answer))) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        judged = run("score", theirs, "--paper", paper, "--json", "score.json")
    assert judged.exit_code == 0, judged.output
    assert json.loads((tmp_path / "score.json").read_text())["score"] == 2


def test_an_empty_repository_is_judged_without_asking_a_model(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        judged = run("score", "empty", "--paper", paper)
    assert judged.exit_code == 0 and "1 of 5" in judged.output, judged.output
    assert model.requests == []


def test_a_repository_is_judged_by_a_rubric(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "main.py").write_text(MAIN)
    code = {"weight": 3, "task_category": "Code Development", "sub_tasks": []}
    leaves = [
        code | {"id": "a", "requirements": "Smoke settings are merged."},
        code | {"id": "b", "requirements": "The median is taken.", "weight": 1},
        code | {"id": "c", "requirements": "It was run.", "task_category": "Code Execution"},
    ]
    rubric = {"id": "r", "requirements": "All.", "weight": 1, "sub_tasks": leaves, "task_category": None}
    (tmp_path / "rubric.json").write_text(json.dumps(rubric))
    place = {"file": "main.py", "symbol": "main", "line": 'config["training"] |= config["smoke"]["training"]'}
    answer = [
        {"leaf": "L1", "reason": "It is.", "met": True, "evidence": [place]},
        {"leaf": "L2", "reason": "The mean is.", "met": False, "evidence": []},
    ]
    asked = ("score", "theirs", "--paper", paper, "--rubric", "rubric.json", "--json", "score.json")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel(Reply(json.dumps({"leaves": answer}))) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("PAPER2CODE_MAX_USD", "0.0001")
        assert run(*asked).exit_code == 4
        assert model.requests == []
        monkeypatch.delenv("PAPER2CODE_MAX_USD")
        judged = run(*asked)
    assert judged.exit_code == 0, judged.output
    assert "75 % of the rubric" in judged.output and "1 of 2 leaves met" in judged.output
    assert "1 leaf left out" in judged.output and "25 %: The median is taken. (The mean is.)" in judged.output
    told = json.loads((tmp_path / "score.json").read_text())
    assert (told["score"], told["left_out"]) == (0.75, {"Code Execution": 1})
    assert told["leaves"][0]["places"][0]["file"] == "main.py"


def test_after_answers_that_could_not_be_used_the_same_command_asks_anew(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "main.py").write_text(MAIN)
    (tmp_path / "rubric.json").write_text(json.dumps(rubric(45)))
    broken = True

    def reply(body: dict[str, Any]) -> Reply:
        asked = re.findall(r"- (L\d+) \(", json.dumps(body))
        leaves = [{"leaf": number, "reality": "No.", "met": False, "evidence": []} for number in asked]
        return Reply("{}" if broken else json.dumps({"leaves": leaves}))

    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel(reply) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        asked = ("score", "theirs", "--paper", paper, "--rubric", "rubric.json")
        failed = run(*asked)
        assert failed.exit_code == 3 and "failed its checks 3 times" in failed.stderr
        advice = failed.stderr.partition("What to do:")[2]
        assert "--resume" not in advice and "--model" not in advice
        broken, before = False, len(model.requests)
        judged = run(*asked)
        assert judged.exit_code == 0, judged.output
        assert len(model.requests) == before + 3, (
            "one for each group of leaves, all of which had been refused"
        )
        assert run(*asked).exit_code == 0 and len(model.requests) == before + 3
    [journal] = tmp_path.rglob("journal.jsonl")
    assert (
        sum(json.loads(line)["usage"]["calls"] for line in journal.read_text().splitlines()) == before + 3
    ), "all is counted"


def test_an_estimate_of_what_asks_no_model_says_so(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = run("score", "empty", "--paper", paper, "--estimate").stdout
    assert said == "No model would be asked. There is no code.\n"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "main.py").write_text(MAIN)
    assert ": 1 call, " in run("score", "theirs", "--paper", paper, "--estimate").stdout


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--json", "nowhere/score.json"],
            "nowhere/score.json cannot be written: there is no folder nowhere",
        ),
        (["--judge-model", "m", "--judge-model", ""], "it is empty: name a model"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_paid(
    options: list[str], complaint: str, paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel(Reply('{"critiques": [], "score": 5}')) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run("score", ".", "--paper", paper, *options)
    assert ended.exit_code == 2 and complaint in ended.stderr, ended.stderr
    assert not model.requests


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    ended = run("execute", tmp_path, "--json", "nowhere/report.json")
    assert ended.exit_code == 2 and "nowhere/report.json cannot be written" in ended.stderr


def test_an_empty_name_is_no_wish_for_the_default_model(paper: Path) -> None:
    ended = run("run", paper, "--judge-model", "", "--estimate")
    assert ended.exit_code == 2 and "it is empty" in ended.stderr


def test_a_rubric_of_one_leaf_with_a_byte_order_mark_is_read(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "rubric.json").write_text(json.dumps(rubric(1)), encoding="utf-8-sig")
    answer = {"leaf": "L1", "reality": "No.", "met": False, "evidence": []}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel(Reply(json.dumps({"leaves": [answer]}))) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        judged = run("score", ".", "--paper", paper, "--rubric", "rubric.json")
    assert judged.exit_code == 0 and "100 %: Requirement 0." in judged.output, judged.output


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--rubric", "broken.json"], "broken.json cannot be used: it is not JSON"),
        (["--rubric", "broken.json", "--reference", "."], "choose one"),
        (["--execution", "broken.json"], "is for what a --rubric asks"),
    ],
)
def test_a_rubric_that_cannot_be_used_ends_with_2(
    options: list[str], complaint: str, paper: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    ended = run("score", ".", "--paper", paper, *options)
    assert ended.exit_code == 2 and complaint in ended.stderr
