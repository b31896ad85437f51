"""Real papers, answered by a real model, played back: what was recorded must still lead to what runs."""

import json
from pathlib import Path

import jsonschema
import pytest

from pipeline import reproduce as module
from pipeline.model.journal import Recording
from pipeline.model.session import Terms, open_llm
from pipeline.progress import Progress
from pipeline.reading.arxiv import Arxiv, read
from pipeline.reproduce import Options, reproduce
from sandbox.interface import Sandbox
from sandbox.report import Limits

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((Path(module.__file__).parent / "proving/execution-report.schema.json").read_text())
EXAMPLE = ROOT / "examples/innovation-matched-forgetting"
SHARED = ROOT.parent / "shared/papers"
RECORDINGS = {
    "example": (EXAMPLE / "paper.pdf", EXAMPLE / "recording.jsonl"),
    "hyla": (SHARED / "hyla/paper.tex", ROOT / "tests/recordings/hyla.jsonl"),
    "tanh-init": (SHARED / "tanh-init/paper.tex", ROOT / "tests/recordings/tanh-init.jsonl"),
    "transformer": (SHARED / "1706.03762-transformer/paper.tex", ROOT / "tests/recordings/transformer.jsonl"),
}
RECORDED = [
    pytest.param(
        *files,
        sandbox,
        id=f"{sandbox}-{name}",
        marks=[*([pytest.mark.docker] if sandbox == "docker" else []), pytest.mark.slow],
    )
    for name, files in RECORDINGS.items()
    for sandbox in ("docker", "local")
]
"""Each runs for minutes; the demo's test plays the example as well, and is not slow."""


@pytest.mark.timeout(2400)  # a fresh cache has to be filled with PyTorch first
@pytest.mark.parametrize(("source", "recording", "sandbox"), RECORDED, indirect=["sandbox"])
def test_recorded_answers_lead_to_a_repository_that_runs(
    source: Path, recording: Path, sandbox: Sandbox, packages: Path, tmp_path: Path
) -> None:
    if not source.exists():
        pytest.skip(f"{source} is not part of the project and not on this machine")
    paper = read(str(source), Arxiv("http://localhost:9", "http://localhost:9", tmp_path / "arxiv"))
    events: list[Progress] = []
    with open_llm(
        Terms("o3-mini"),
        reasoning_effort="high",
        journal=tmp_path / "journal.jsonl",
        resume=False,
        replay=recording,
    ) as llm:
        recorded = Recording(recording)
        options = Options(packages=packages, limits=Limits(seconds=300)).answered_by(recorded)
        made = reproduce(
            paper, llm=llm, sandbox=sandbox, out=tmp_path, options=options, observe=events.append
        )
    report = made.report
    assert report["contract"] == recorded.contract
    jsonschema.validate(report, SCHEMA)
    last = report["attempts"][-1]
    assert made.status == "runs", f"{last['signature']}\n{last['stderr_tail']}"
    assert report["lines"]["executed_percent"] > 50
    requirements = report["requirements"]
    assert requirements["implemented"] > 0.7 * requirements["total"]
    assert all(item["anchor"] for item in requirements["items"])
    assert all(paper.find(item["quote"]) for item in requirements["items"])
    assert all(item["evidence"] for item in requirements["items"] if item["verdict"] != "missing")
