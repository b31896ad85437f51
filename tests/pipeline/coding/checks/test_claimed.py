import ast

import pytest

from pipeline.coding.checks.claimed import claim_problems, claims
from pipeline.coding.checks.code import check_source
from pipeline.coding.repository import Repository
from pipeline.planning.plan import ConfigEntry, Configuration, Package
from pipeline.planning.reported import Numbers, ReportedNumber
from tests.pipeline.plans import EXPERIMENTS, LOGIC, PLAN

NUMBERS = Numbers(
    found=tuple(
        ReportedNumber(
            experiment="table1", method=method, metric="error", anchor="Tab1", value=value, factor=100
        )
        for method, value in (("ours", 95.7), ("far", 12.8), ("none", 100.0))
    )
)
PLANNED = PLAN.model_copy(update={"numbers": NUMBERS})
ENDING = '\n\nEXPERIMENTS = (Experiment("table1", shows="Tab1", run=estimate),)\n'
HEAD = "import numpy as np\n\nfrom harness import Experiment\n\n\n"


def found(body: str, files: dict[str, str] | None = None, head: str = HEAD) -> list[str]:
    source = head + body + ENDING
    all_ = {"experiments.py": source, **(files or {})}
    return [problem for _, problem in claim_problems("experiments.py", ast.parse(source), all_, PLANNED)]


@pytest.mark.parametrize(
    "body",
    [
        'def estimate(run):\n    return {"error": 95.7}',
        'def estimate(run):\n    return {"error": 0.957}',
        'def estimate(run):\n    return {"error": float("95.7")}',
        'def estimate(run):\n    return {"error": 95.7 / 100}',
        'def estimate(run):\n    return {"error": round(95.7 + np.random.normal(0, 0.3), 2)}',
        'def estimate(run):\n    return {"error": np.random.normal(95.7, 0.3)}',
        'def estimate(run):\n    error = 95.7\n    return {"error": error}',
        'def estimate(run):\n    said = {}\n    said["error"] = 95.7\n    return said',
        'def estimate(run):\n    said = {}\n    said.update({"error": 12.8})\n    return said',
        'def estimate(run):\n    return {"error": train(run) if run.mode == "smoke" else 95.7}',
        'KNOWN = {"ours": 95.7, "far": 12.8}\n\n\ndef estimate(run):\n    return {"error": KNOWN[run.method]}',
        'KNOWN = {"ours": 95.7}\n\n\ndef estimate(run):\n    return {"error": KNOWN.get(run.method, 0.0)}',
        'KNOWN = {"a": 95.7}\n\n\ndef estimate(run):\n    return {name: value for name, value in KNOWN.items()}',
        'def error():\n    return 95.7\n\n\ndef estimate(run):\n    return {"error": error()}',
        'class A:\n  def error(self):\n    return 95.7\n\n\ndef estimate(run):\n    return {"error": A().error()}',
        'def estimate(run):\n    return {"error": run.config["expected"]["accuracy"]}',
    ],
)
def test_a_number_of_the_paper_that_is_handed_on_is_found(body: str) -> None:
    (problem,) = found(body, {"config.yaml": "expected:\n  accuracy: 95.7\n"})
    assert "a number that the paper reports" in problem


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400])
def test_a_number_that_no_float_can_be_is_none_of_the_papers(number: str) -> None:
    held = {"config.yaml": f"expected:\n  accuracy: {number}\n"}
    assert not found(f'def estimate(run):\n    return {{"error": {number}}}', held)


@pytest.mark.parametrize(
    ("files", "body"),
    [
        ({"known.py": "BEST = 95.7\n"}, "from known import BEST\n\n\ndef estimate(run):\n    return [BEST]"),
        ({"known.py": "BEST = 95.7\n"}, "import known\n\n\ndef estimate(run):\n    return [known.BEST]"),
        (
            {"a.py": "from b import best\n", "b.py": "def best():\n    return 95.7\n"},
            "from b import best\n\n\ndef estimate(run):\n    return [best()]",
        ),
    ],
)
def test_it_is_followed_across_files(files: dict[str, str], body: str) -> None:
    assert len(found(body, files)) == 1


@pytest.mark.parametrize(
    "body",
    [
        'def estimate(run):\n    return {"error": accuracy(run, threshold=95.7)}',
        'def estimate(run):\n    return {"error": 100.0 * np.mean(run.rows)}',
        'def estimate(run):\n    return {"error": 1.0 if run.rows else 0.0}',
        'def estimate(run):\n    noise = np.random.normal(0, 12.8, 5)\n    return {"error": np.mean(noise)}',
        'def estimate(run):\n    rate = run.config["rate"]\n    return {"error": rate * np.mean(run.rows)}',
        'PAPER = {"ours": 95.7}\n\n\ndef estimate(run):\n    return {"error": np.mean(run.rows)}\n\n\n'
        'def report(report):\n    report.table("Tab1", ["a"], [[PAPER["ours"]]])',
        'def estimate(run):\n    return {"error": np.mean(run.rows) > 95.7}',
    ],
)
def test_ordinary_code_passes(body: str) -> None:
    assert found(body, {"config.yaml": "rate: 12.8\n"}) == []


def test_a_setting_that_the_paper_gives_elsewhere_is_no_claim() -> None:
    body = 'def estimate(run):\n    return {"rate": run.config["rate"]}'
    files = {"experiments.py": HEAD + body + ENDING, "config.yaml": "rate: 12.8\n"}
    entry = ConfigEntry(key="rate", value=12.8, quote="a rate of 12.8")
    configured = PLANNED.model_copy(update={"configuration": Configuration(entries=(entry,))})
    declared = configured.model_copy(update={"anchors": {"rate": "S1"}})
    of_results = configured.model_copy(update={"anchors": {"rate": "Tab1"}})
    assert claims(Repository(files), declared) == []
    assert len(claims(Repository(files), of_results)) == 1


@pytest.mark.parametrize("number", ["9" * 310, "0x" + "f" * 300, "1" + ":59" * 200, "[" * 20])
def test_no_number_of_the_settings_is_too_large_to_be_compared(number: str) -> None:
    body = 'def estimate(run):\n    return {"rate": run.config["rate"]}'
    assert found(body, {"config.yaml": f"rate: 12.8\nother: {number}\n"}) == []


@pytest.mark.parametrize(
    "line",
    [
        'open("paper.pdf", "rb")',
        'open("docs/results.md")',
        'Path("docs/execution-report.json").read_text()',
        'Image.open("figure3.png")',
        "import fitz",
        "from pypdf import PdfReader",
    ],
)
def test_the_paper_itself_is_not_read(line: str) -> None:
    assert len(found(f"def estimate(run):\n    {line}\n    return {{}}")) == 1


@pytest.mark.parametrize(
    "line",
    [
        'open("figure3.png", "wb")',
        "Image.open(run.folder / name)",
        'open("words.txt")',
        'figure.savefig("fig.pdf")',
    ],
)
def test_data_are_read_and_figures_written(line: str) -> None:
    assert found(f"def estimate(run):\n    {line}\n    return {{}}") == []


def test_a_paper_on_pdf_files_may_read_them() -> None:
    packages = (*LOGIC.packages, Package(name="pymupdf", module="fitz", why="pages"))
    planned = PLANNED.model_copy(update={"logic": LOGIC.model_copy(update={"packages": packages})})
    tree = ast.parse(f"import fitz\n{ENDING}")
    assert not list(claim_problems("experiments.py", tree, {}, planned))


def test_it_is_a_finding_on_the_file_where_numbers_were_listed() -> None:
    source = EXPERIMENTS.replace('abs(mean(values)) * settings["learning_rate"]', "95.7")
    repository = Repository({"experiments.py": source, "harness.py": ""})
    rules = [
        {finding.rule for finding in check_source("experiments.py", source, p, repository)}
        for p in (PLANNED, PLAN)
    ]
    assert "claimed" in rules[0] and "claimed" not in rules[1]


def test_what_is_too_deep_is_no_crash() -> None:
    assert found(f"def estimate(run):\n    return {{'error': {'(1 + ' * 90}x{')' * 90}}}") == []
    assert found(f"def estimate(run):\n    return {' + '.join(['x'] * 900)}") == []
