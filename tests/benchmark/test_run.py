"""`python -m benchmark.run`: the tables that come of it, what is kept beside them, and how it goes on."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmark.field.cells import Row, Variant
from benchmark.field.tables import comma_separated, markdown
from benchmark.run import main
from tests.conftest import available
from tests.fakes.model import FakeModel, Reply

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/innovation-matched-forgetting"
pytestmark = pytest.mark.usefixtures("bare")

CODE = """import json, sys
values = [float(n) for n in range(9)]
mean = sum(values) / len(values)
spread = sum((v - mean) ** 2 for v in values)
with open("results.json", "w") as file:
    json.dump({"metrics": {"mean": mean, "spread": spread}}, file)
"""


def verdict(request: dict[str, Any]) -> Reply:
    """The judge's: 4, and 5 for code with the authors' beside it."""
    asked = json.dumps(request)
    if "judge the repository by a rubric" in asked:
        place = {"file": "main.py", "symbol": "", "line": "mean = sum(values) / len(values)"}
        met = {"leaf": "L1", "expectation": "A mean.", "reality": "It is.", "met": True, "evidence": [place]}
        return Reply(json.dumps({"leaves": [met]}))
    return Reply(json.dumps({"critiques": [], "score": 5 if "<reference path" in asked else 4}))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Any:
    with FakeModel(verdict) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield model


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """The example, which a recording answers for, with what somebody else wrote."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/main.py").write_text(CODE)
    shutil.copytree(tmp_path / "theirs", tmp_path / "authors")
    rest = f'[[paper]]\nname = "example"\nsource = "{EXAMPLE / "paper.pdf"}"\nreference = "authors"\n'
    rest += f'[paper.written]\nthem = "theirs"\n[paper.recordings]\nfull = "{EXAMPLE / "recording.jsonl"}"\n'
    rest += "[paper.people]\nthem = 2.5\n"
    (tmp_path / "papers.toml").write_text(rest)
    return tmp_path / "papers.toml"


def ran(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_recorded_run_and_anothers_folder_stand_in_one_table(
    papers: Path, tmp_path: Path, judged: FakeModel
) -> None:
    ours = ("--method", "full", "--model", "recorded", "--sandbox", "none")
    asked = (papers, *ours, "--judge-model", "o3-mini", "--opinions", 2, "--out", tmp_path / "out")
    first = ran(*asked)
    assert first.exit_code == 0, first.output
    told = json.loads((tmp_path / "out/rows.json").read_text())
    mine, theirs = told["rows"]
    assert (mine["method"], mine["status"], mine["scores"]) == ("full", "not-run", {"o3-mini": 4})
    assert mine["based"] == {"o3-mini": 5} and mine["lines"] > 500 and mine["usd"] > 0
    assert (theirs["method"], theirs["model"], theirs["people"]) == ("them", "", 2.5)
    tables = (tmp_path / "out/tables.md").read_text()
    assert (
        "| full | recorded | 1 | 4.00 | 5.00 |" in tables
        and "| them | – | 1 | 4.00 | 5.00 | 2.50 |" in tables
    )
    kept = tmp_path / "out/example/full/recorded/1"
    assert (kept / "repository/main.py").exists() and (kept / "journal.jsonl").exists()
    assert json.loads((kept / "judge-o3-mini-free.json").read_text())["scores"] == [4, 4]
    for picture in ("score-by-method.png", "cost-against-score.png"):
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    lines = list(csv.DictReader((tmp_path / "out/rows.csv").read_text().splitlines()))
    assert [line["scores o3-mini"] for line in lines] == ["4", "4"]

    requests = len(judged.requests)
    assert ran(*asked).exit_code == 0
    assert len(judged.requests) == requests == 8, "what was measured is measured again"
    (tmp_path / "out/example/them/written/1/row.json").unlink()
    assert ran(*asked).exit_code == 0
    assert len(judged.requests) == requests, "what was paid for is paid for again"


def test_what_others_wrote_is_executed(papers: Path, tmp_path: Path, judged: FakeModel) -> None:
    available("local")
    leaf = {
        "id": "l",
        "requirements": "A mean.",
        "weight": 1,
        "task_category": "Code Development",
        "sub_tasks": [],
    }
    tree = {"id": "r", "requirements": "All.", "weight": 1, "task_category": None, "sub_tasks": [leaf]}
    (tmp_path / "rubric.json").write_text(json.dumps(tree))
    papers.write_text(papers.read_text().replace("reference", 'rubric = "rubric.json"\nreference', 1))
    ended = ran(
        papers, "--judge-model", "o3-mini", "--sandbox", "local", "--opinions", 1, "--out", tmp_path / "out"
    )
    assert ended.exit_code == 0, ended.output
    (row,) = json.loads((tmp_path / "out/rows.json").read_text())["rows"]
    assert (row["status"], row["ran_first"], row["rubric"]) == ("runs", True, {"o3-mini": 1})
    assert "| them | – | o3-mini | rubric | 100.0% |" in (tmp_path / "out/tables.md").read_text()
    assert (
        json.loads((tmp_path / "out/example/them/written/1/execution.json").read_text())[0]["exit_code"] == 0
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "rubric.json cannot be used: it is not JSON"),
        (
            '{"id": "r", "requirements": "Run.", "weight": 1, "task_category": "Code Execution"}',
            "no leaf of rubric.json is about code alone",
        ),
    ],
)
def test_a_rubric_that_cannot_be_used_takes_no_other_score_with_it(
    text: str, why: str, papers: Path, tmp_path: Path, judged: FakeModel
) -> None:
    (tmp_path / "rubric.json").write_text(text)
    papers.write_text(papers.read_text().replace("reference", 'rubric = "rubric.json"\nreference', 1))
    asked = (papers, "--judge-model", "o3-mini", "--sandbox", "none", "--out", tmp_path / "out")
    assert ran(*asked).exit_code == 0
    (row,) = json.loads((tmp_path / "out/rows.json").read_text())["rows"]
    assert (row["scores"], row["based"], row["rubric"]) == ({"o3-mini": 4}, {"o3-mini": 5}, {})
    assert f"## Not judged by their rubric\n\n- example: {why}" in (tmp_path / "out/tables.md").read_text()
    leaf = {"id": "l", "requirements": "A mean.", "weight": 1, "task_category": "Code Development"}
    (tmp_path / "rubric.json").write_text(json.dumps(leaf))
    assert ran(*asked).exit_code == 0
    (row,) = json.loads((tmp_path / "out/rows.json").read_text())["rows"]
    assert row["rubric"] == {"o3-mini": 1}, "a rubric that was mended is looked at"


def test_the_budget_ends_it_and_what_is_missing_is_named(
    papers: Path, tmp_path: Path, judged: FakeModel
) -> None:
    asked = (papers, "--judge-model", "o3-mini", "--sandbox", "none", "--out", tmp_path / "out")
    ended = ran(*asked, "--max-usd", "0.0001", "--written", f"again={tmp_path}")
    assert ended.exit_code == 4, ended.output
    assert judged.requests == []
    assert "- example/them/written/1: The call judge.1 could cost" in (tmp_path / "out/tables.md").read_text()
    assert ran(*asked, "--max-usd", "5").exit_code == 0


def test_a_cell_that_fails_takes_no_other_with_it(papers: Path, tmp_path: Path, judged: FakeModel) -> None:
    papers.write_text(
        papers.read_text() + '[[paper]]\nname = "gone"\nsource = "nowhere.pdf"\nwritten = {them = "theirs"}\n'
    )
    ended = ran(
        papers, "--judge-model", "o3-mini", "--sandbox", "none", "--jobs", 2, "--out", tmp_path / "out"
    )
    assert ended.exit_code == 3
    told = json.loads((tmp_path / "out/rows.json").read_text())
    assert [row["paper"] for row in told["rows"]] == ["example"] and "gone/them/written/1" in told["missing"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--method", "best"], "'best' is none of the methods"),
        (["--method", "full:no-fun", "--model", "m"], "'no-fun' is neither"),
        (["--method", "full"], "needs a --model"),
        (["--written", "them"], "takes NAME=DIR"),
        (["--only", "other"], "no paper 'other'"),
        (["--judge-model", ""], "the name of a model is empty"),
    ],
)
def test_what_cannot_be_measured_ends_with_2(options: list[str], complaint: str, papers: Path) -> None:
    ended = ran(papers, "--judge-model", "o3-mini", *options)
    assert ended.exit_code == 2 and complaint in " ".join(ended.output.split())


def row(method: str, paper: str, score: float, **more: Any) -> Row:
    told: dict[str, Any] = {
        "group": "",
        "model": "m",
        "sample": 1,
        "folder": "",
        "status": "runs",
        "ran_first": True,
    }
    return Row(paper=paper, method=method, scores={"j": score}, **(told | more))


def test_each_rung_is_told_from_the_one_below_on_papers_that_both_have() -> None:
    rows = [
        row("full", "p", 4.5), row("full", "q", 1.0),
        row("one-shot", "p", 3.0), row("plan", "p", 4.0, status="fails", ran_first=False),
        row("full:no-fixes", "p", 4.0), row("full:no-tests", "p", 4.25),
    ]  # fmt: skip
    told = markdown(rows)
    assert (
        "| one-shot | m | 3.00 | – |\n| plan | m | 4.00 | +1.00 |\n| full | m | 2.75 ± 2.47 | +0.50 |" in told
    )
    assert "| full:no-fixes | m | 4.00 | -0.50 |\n| full:no-tests | m | 4.25 | -0.25 |" in told
    assert "| plan | m | 1 | 4.00 | 0% | 0% |" in told


def test_groups_have_columns_and_no_cell_breaks_a_table_or_a_spreadsheet() -> None:
    rows = [row("a|b", "p", 3.0, group="ICML", model=""), row("=1+1", "p", 4.0, group="ICLR", model="")]
    told = markdown(rows)
    assert (
        "| method | model | judge |  | ICLR | ICML |" in told and "| a/b | – | j | score | – | 3.00 |" in told
    )
    assert "'=1+1" in comma_separated(rows)


@pytest.mark.parametrize("make", [lambda: Variant.named("full:refine=config:no-tests")])
def test_a_variant_says_what_is_changed(make: Callable[[], Variant]) -> None:
    assert make() == Variant("full:refine=config:no-tests", "full", ("config",), ("no-tests",))
