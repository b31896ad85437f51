"""`python -m benchmark.compare`: two folders, a model on loopback or a page for a person."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmark.compare import main
from tests.fakes.model import FakeModel, Reply

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    for name, body in (("papercoder", "mean"), ("paper2code", "median")):
        (tmp_path / name).mkdir()
        code = "\n".join(f"print({body}([y, {n}]) / (y + {n}))" for n in range(9))
        (tmp_path / name / "main.py").write_text(
            f"# {tmp_path / name}\nimport sys\ny = float(sys.argv[1])\n{code}\n"
        )
    return [str(tmp_path / "papercoder"), str(tmp_path / "paper2code")]


def compared(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def likes_means(request: dict[str, Any]) -> Reply:
    """Prefers the repository that takes the mean, wherever it stands."""
    asked = request["messages"][-1]["content"]
    asked = asked if isinstance(asked, str) else json.dumps(asked)
    place = "first" if asked.index("mean(") < asked.index("median(") else "second"
    reasons = [{"better": place, "text": "It takes the mean [S1]."}]
    told = {"reasons": reasons, "loser_has": "A README.", "preferred": place, "confidence": 90}
    return Reply(json.dumps(told))


def test_a_model_compares_in_both_orders_and_knows_no_names(
    two: list[str], paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeModel(likes_means) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        asked = (*two, "--paper", paper, "--judge-model", "gpt-x", "--json", "told.json")
        ended = [compared(*asked) for _ in range(2)][-1]
    assert ended.exit_code == 0, ended.output
    assert f"Preferred: A ({two[0]}), 90 % sure" in ended.output
    assert "both orders agree in 100 % of the pairs" in ended.output
    assert "the other should keep: A README." in ended.output
    assert "A: “SYSTEM” stands" not in ended.output  # its path was replaced, whole
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["preferred"], told["consistent"]) == ("A", 1)
    assert [vote["order"] for vote in told["votes"]] == ["AB", "BA"]
    assert len(model.requests) == 2, "the same question was paid for twice"
    for request in model.requests:
        said = json.dumps(request)
        assert not re.search("paper.?2.?code|papercoder", said, re.IGNORECASE) and str(tmp_path) not in said


def test_a_person_gets_a_page_and_nobody_is_asked(two: list[str], paper: Path, tmp_path: Path) -> None:
    ended = compared(*two, "--paper", paper, "--sheet", tmp_path / "page.html")
    assert ended.exit_code == 0, ended.output
    key = json.loads((tmp_path / "page.key.json").read_text())
    assert sorted(key["repositories"].values()) == sorted(two) and key["paper"] == "Means of Things"
    assert "papercoder" not in (tmp_path / "page.html").read_text().lower()


@pytest.mark.parametrize(
    ("options", "status", "complaint"),
    [([], 2, "choose one"), (["--judge-model", "gpt-x"], 1, "OPENAI_API_KEY")],
)
def test_what_cannot_be_compared_is_said(
    options: list[str], status: int, complaint: str, two: list[str], paper: Path
) -> None:
    ended = compared(*two, "--paper", paper, *options)
    assert ended.exit_code == status and complaint in " ".join(ended.output.split())
