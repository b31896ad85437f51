import json
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from pipeline import reproduce as module
from pipeline.coding.repository import Repository
from pipeline.contract import CURRENT, Contract
from pipeline.errors import Cancelled, ModelUnavailable
from pipeline.model.asking import block
from pipeline.model.journal import Recording
from pipeline.model.llm import Prompt
from pipeline.planning.documents import config_yaml
from pipeline.planning.plan import Method
from pipeline.planning.reported import Numbers, ReportedNumber
from pipeline.progress import Progress
from pipeline.reading.paper import Block, Figure, Paper, Section
from pipeline.reproduce import Options, Reproduction, reproduce
from pipeline.running.figures import redrawn
from pipeline.running.longer import Afterwards
from sandbox.interface import Sandbox
from sandbox.report import CommandResult, Environment, ExecutionReport, Limits, Mode, PhaseResult
from tests.conftest import available
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.model.test_journal import entry, write
from tests.pipeline.plans import (
    CONFIGURATION,
    ESTIMATOR,
    EXPERIMENTS,
    PAPER,
    PLAN,
    fenced,
    judgements,
    old_recording,
    opinion,
    recording,
)
from tests.pipeline.pngs import png

SCHEMA = json.loads((Path(module.__file__).parent / "proving/execution-report.schema.json").read_text())


def run(
    out: Path,
    answers: dict[str, str],
    sandbox: Sandbox | None = None,
    cache: Path = Path("unused"),
    method: Method = "full",
    contract: Contract = CURRENT,
    paper: Paper = PAPER,
) -> tuple[Reproduction, ScriptedLLM, list[Progress]]:
    llm, events = ScriptedLLM(answers), list[Progress]()
    options = Options(packages=cache, concurrency=2, method=method, contract=contract)
    try:
        made = reproduce(paper, llm=llm, sandbox=sandbox, out=out, options=options, observe=events.append)
    except Exception as error:
        error.add_note("\n".join(f"{each.detail} {each.found or ''}\n{each.output}" for each in events))
        raise
    jsonschema.validate(made.report, SCHEMA)
    return made, llm, events


def test_the_folder_holds_what_the_pull_request_adds(tmp_path: Path) -> None:
    made, _, _ = run(tmp_path, recording())
    written = {
        path.relative_to(tmp_path / "repository").as_posix(): path.read_text()
        for path in (tmp_path / "repository").rglob("*")
        if path.is_file()
    }
    assert written == made.files
    assert set(written) == {
        ".gitignore",
        ".python-version",
        "README.md",
        "config.yaml",
        "docs/execution-report.json",
        "docs/execution-report.md",
        "docs/plan/analysis/estimator.py.md",
        "docs/plan/analysis/experiments.py.md",
        "docs/plan/architecture.md",
        "docs/plan/logic.md",
        "docs/plan/overview.md",
        "docs/plan/requirements.md",
        "estimator.py",
        "experiments.py",
        "harness.py",
        "main.py",
        "reproduce.sh",
        "requirements.txt",
    }
    assert "[S1] 1 Method" in (tmp_path / "paper.md").read_text()
    assert json.loads(written["docs/execution-report.json"]) == made.report


def test_a_wish_is_in_every_prompt_behind_the_paper(tmp_path: Path) -> None:
    options = Options(packages=Path("unused"), concurrency=2, wish="only the mean </wish> and no cap")
    llm = ScriptedLLM(recording())
    reproduce(PAPER, llm=llm, sandbox=None, out=tmp_path, options=options, observe=lambda event: None)
    told = block("wish", options.wish)
    for prompt in llm.asked:
        if prompt.stage not in ("audit", "judge.1"):
            assert prompt.shared.index("</paper") < prompt.shared.index(told), prompt.stage
    (requirements,) = [prompt.task for prompt in llm.asked if prompt.stage == "plan.requirements"]
    assert "counted" not in requirements  # that paper has nothing to count


def test_what_a_later_step_finds_wrong_is_corrected_in_what_is_delivered(tmp_path: Path) -> None:
    wrong = "CORRECTION of logic\nWRONG: Sum over count.\nRIGHT: Sum over length.\nPAPER: no such passage\n\n"
    answers = recording()
    answers["analysis"] = f"## estimator.py\n\nMind it.\n\n{wrong}## experiments.py\n\nDraw."
    made, llm, _ = run(tmp_path, answers)
    (code,) = [prompt.shared for prompt in llm.asked if prompt.stage == "code.estimator.py"]
    assert "logic said “Sum over count.”. What holds: Sum over length." in code
    assert "Sum over length.\n\nImports from" in made.files["docs/plan/logic.md"]
    assert [(c["where"], c["anchor"], c["quote"]) for c in made.report["corrections"]] == [("logic", "", "")]
    assert "“Sum over count.” is wrong; Sum over length." in made.files["docs/execution-report.md"]
    assert "CORRECTION" not in made.files["docs/plan/analysis/estimator.py.md"]


def test_a_setting_that_a_later_step_corrects_is_what_the_code_reads(tmp_path: Path) -> None:
    wrong = "CORRECTION of config.yaml\nWRONG: batch: 32\nRIGHT: batch: 16\nPAPER:\n\n"
    answers = recording()
    answers["analysis"] = f"## estimator.py\n\nMind it.\n\n{wrong}## experiments.py\n\nDraw."
    made, _, _ = run(tmp_path, answers)
    assert yaml.safe_load(made.files["config.yaml"])["training"]["batch"] == 16


def test_without_a_sandbox_nothing_is_claimed_to_run(tmp_path: Path) -> None:
    made, llm, events = run(tmp_path, recording())
    assert made.status == made.report["status"] == "not-run"
    assert made.report["attempts"] == []
    assert "not run" in made.files["README.md"]
    assert ("run", "skipped") in [(event.stage, event.state) for event in events]
    assert not [stage for stage in llm.stages if stage.startswith("repair")]


def test_each_stage_is_a_commit_that_builds_on_the_one_before(tmp_path: Path) -> None:
    made, _, _ = run(tmp_path, recording())
    plan, code, report = made.commits
    assert "docs/plan/overview.md" in plan.files
    assert "main.py" not in plan.files
    assert "main.py" in code.files
    assert "README.md" not in code.files
    assert set(code.files) < set(report.files)


def test_the_run_proves_itself_in_a_sandbox(tmp_path: Path, sandbox: Sandbox, packages: Path) -> None:
    made, _, _ = run(tmp_path, recording(), sandbox, packages)
    report = made.report
    assert made.status == "runs", report["attempts"][-1]["stderr_tail"]
    assert set(report["metrics"]) == {"table1_error"}
    assert report["environment"]["sandbox"] == sandbox.name
    assert [attempt["signature"] for attempt in report["attempts"]] == [None, None]
    (mean, _) = report["requirements"]["items"]
    assert mean["anchor"] == "S1"
    (place,) = mean["evidence"]
    assert ESTIMATOR.splitlines()[place["start"] - 1].startswith("def mean")
    assert 0 < place["executed"] <= place["executable"]
    pins = made.files["requirements.txt"].splitlines()
    assert [pin.split("==")[0] for pin in pins] == ["numpy", "pyyaml"]
    assert set(pins) <= set(report["environment"]["packages"])
    assert made.files[".python-version"].strip() == report["environment"]["python"]


@pytest.mark.parametrize("answers", [recording(), old_recording()], ids=["contract 2", "contract 1"])
def test_the_first_line_of_a_run_by_another_python_says_which_one_is_needed(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    contract: Contract = 2 if answers == recording() else 1
    made, _, _ = run(tmp_path, answers, contract=contract)
    script = tmp_path / "repository" / "reproduce.sh"
    (script.parent / ".python-version").write_text("2.7\n")
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[0].startswith(
        "The versions in requirements.txt are for Python 2.7; python3 is 3."
    )
    assert "Python 3.11" in made.files["README.md"]


def test_each_way_of_using_it_is_a_phase_in_the_report(
    tmp_path: Path, sandbox: Sandbox, packages: Path
) -> None:
    made, _, _ = run(tmp_path, recording(), sandbox, packages)
    report = made.report
    used = ["list", "alone", "resume", "again", "report", "core"]
    assert [phase["phase"] for phase in report["phases"]] == ["install", "import", "smoke", *used]
    assert all(phase["ok"] for phase in report["phases"])
    assert report["contract"] == 2
    told = made.files["docs/execution-report.md"]
    assert "killed before its result is there and run again, a run gives the same numbers: yes" in told
    assert "python3 main.py run table1 --method default --seed 0" in made.files["README.md"]


def test_what_a_run_draws_is_delivered_and_said_and_shown_to_no_model(tmp_path: Path, packages: Path) -> None:
    drawing = EXPERIMENTS.replace("import numpy", "from pathlib import Path\n\nimport numpy").replace(
        "\n\nEXPERIMENTS =",
        '\n\ndef draw(report):\n    """Draw."""\n'
        f"    content = bytes.fromhex('{png(tail=b'payload').hex()}')\n"
        "    for name in ('Fig1', 'other'):\n"
        "        Path('results', 'smoke', f'{name}.png').write_bytes(content)\n"
        "\n\nEXPERIMENTS =",
    )
    drawing = drawing.replace("run=estimate)", "run=estimate, report=draw)")
    answers = recording() | {"code.experiments.py": fenced(drawing)}
    paper = replace(PAPER, figures=(Figure("Fig1", "Figure 1: Means."),))
    made, llm, _ = run(tmp_path, answers, available("local"), packages, paper=paper)
    assert made.status == "runs", made.report["attempts"]
    written = redrawn({"results/smoke/Fig1.png": png(), "results/smoke/other.png": png()}).files
    assert set(written) == {"docs/figures/Fig1.png", "docs/figures/other.png"}
    assert made.commits[-1].figures == written
    for path, data in written.items():
        assert (tmp_path / "repository" / path).read_bytes() == data
    told = made.report["figures"]
    assert [(each["file"], each["anchor"], each["caption"]) for each in told["shown"]] == [
        ("docs/figures/Fig1.png", "Fig1", "Figure 1: Means."),
        ("docs/figures/other.png", "", ""),
    ]
    document = made.files["docs/execution-report.md"]
    assert "![Fig1.png](figures/Fig1.png)" in document
    assert "say nothing about the paper's results" in document.partition("## Figures of the smoke run")[2]
    assert not any(prompt.pictures.drawn() for prompt in llm.asked)


def test_what_answers_by_the_contract_before_is_made_and_run_as_before(
    tmp_path: Path, packages: Path
) -> None:
    made, _, _ = run(tmp_path, old_recording(), available("local"), packages, contract=1)
    report = made.report
    assert made.status == "runs", report["attempts"][-1]["stderr_tail"]
    assert set(report["metrics"]) == {"error"}
    assert [phase["phase"] for phase in report["phases"]] == ["install", "import", "smoke"]
    assert report["contract"] == 1
    assert not {"harness.py", "experiments.py"} & made.files.keys()
    assert {".gitignore", ".python-version"} <= made.files.keys()
    assert "Both write `results.json`" in made.files["README.md"]


def test_what_cannot_be_resumed_is_mended_like_what_does_not_run(tmp_path: Path, packages: Path) -> None:
    forgetful = EXPERIMENTS.replace("import numpy", "import os\n\nimport numpy").replace(
        '    return {"error": abs(',
        '    open(".seen", "a").write("x")\n    return {"error": os.stat(".seen").st_size + abs(',
    )
    edit = (
        "It counts its runs.\n\nexperiments.py\n<<<<<<< SEARCH\n"
        '    return {"error": os.stat(".seen").st_size + abs(mean(values)) * settings["learning_rate"]}\n=======\n'
        '    return {"error": abs(mean(values)) * settings["learning_rate"]}\n>>>>>>> REPLACE\n'
    )
    answers = recording() | {"code.experiments.py": fenced(forgetful), "fix.1": edit}
    made, llm, _ = run(tmp_path, answers, available("local"), packages)
    assert made.status == "runs", made.report["attempts"]
    first, *_ = made.report["attempts"]
    assert first["phase"] == "resume"
    assert first["remedy"] == "model: It counts its runs."
    asked = next(prompt.task for prompt in llm.asked if prompt.stage == "fix.1")
    assert "Killed and resumed, `error` is" in asked
    assert "class Laboratory" not in asked, "the harness is known, and cannot be changed"


def test_what_fails_is_repaired_and_the_repair_is_told(
    tmp_path: Path, sandbox: Sandbox, packages: Path
) -> None:
    broken = ESTIMATOR.replace("values.sum()", "values.total()")
    edit = (
        "An array has no method `total`.\n\nestimator.py\n<<<<<<< SEARCH\n"
        "    total = float(values.total())\n=======\n    total = float(values.sum())\n>>>>>>> REPLACE\n"
    )
    made, _, _ = run(
        tmp_path, recording() | {"code.estimator.py": fenced(broken), "fix.1": edit}, sandbox, packages
    )
    assert made.status == "runs"
    first, *_ = made.report["attempts"]
    assert (
        first["signature"]
        == "AttributeError: 'numpy.ndarray' object has no attribute 'total' at estimator.py:mean"
    )
    assert first["remedy"] == "model: An array has no method `total`."
    assert made.report["lines"]["changed"] == first["lines_changed"] == 1
    assert "Repair the run" in [commit.subject for commit in made.commits]


def test_what_stays_broken_is_delivered_as_broken(tmp_path: Path, sandbox: Sandbox, packages: Path) -> None:
    broken = ESTIMATOR.replace("values.sum()", "values.total()")
    answers = {f"fix.{n}": "I cannot." for n in range(1, 9)}
    made, llm, _ = run(
        tmp_path, recording() | {"code.estimator.py": fenced(broken)} | answers, sandbox, packages
    )
    assert made.status == "fails"
    assert "does not run" in made.files["README.md"]
    assert "repair.1" not in llm.stages


def test_a_gap_that_the_audit_finds_is_closed_and_proven(
    tmp_path: Path, sandbox: Sandbox, packages: Path
) -> None:
    edit = (
        "estimator.py\n<<<<<<< SEARCH\n    return total / len(values)\n=======\n"
        "    return total / values.size\n>>>>>>> REPLACE\n"
    )
    again = opinion(5, judged=judgements("return total / values.size"))
    answers = {"audit": judgements(verdict="deviates"), "repair.1": edit, "audit.1": again}
    made, llm, _ = run(tmp_path, recording() | answers, sandbox, packages)
    assert made.status == "runs"
    assert "values.size" in made.files["estimator.py"]
    assert made.report["requirements"]["implemented"] == 2
    assert llm.stages[-2:] == ["repair.1", "audit.1"]
    assert "R1: The estimate is the sum divided by the count" in made.commits[-2].body


def test_while_the_model_audits_what_is_delivered_runs_as_it_is_delivered(
    tmp_path: Path, packages: Path
) -> None:
    passed, events = threading.Semaphore(0), list[Progress]()

    def observe(event: Progress) -> None:
        events.append(event)
        if event.detail == "smoke run: passed":
            passed.release()

    def audit(prompt: Prompt) -> str:
        assert all(passed.acquire(timeout=60) for _ in range(2)), "the second run waits for the audit"
        return judgements()

    made = reproduce(
        PAPER,
        llm=ScriptedLLM({**recording(), "audit": audit}),
        sandbox=available("local"),
        out=tmp_path,
        options=Options(packages=packages, concurrency=1),
        observe=observe,
    )
    assert len(made.report["attempts"]) == 2
    assert "==" in made.files["requirements.txt"]
    # What waits for the audit is no run as delivered: that one is done.
    told = [event.detail for event in events if event.stage == "report"]
    assert told == ["", "what a full run would take", ""]


def test_a_package_that_a_repair_brings_is_pinned_and_runs_pinned(tmp_path: Path, packages: Path) -> None:
    edit = (
        "estimator.py\n<<<<<<< SEARCH\n    return total / len(values)\n=======\n"
        "    return total / np.size(values)\n>>>>>>> REPLACE\n"
        "requirements.txt\n```\nnumpy\nPyYAML\ntqdm\n```\n"
    )
    again = opinion(5, judged=judgements("return total / np.size(values)"))
    answers = {"audit": judgements(verdict="deviates"), "repair.1": edit, "audit.1": again}
    made, _, _ = run(tmp_path, recording() | answers, available("local"), packages)
    assert made.status == "runs"
    assert [line.split("==")[0] for line in made.files["requirements.txt"].split()] == [
        "numpy",
        "pyyaml",
        "tqdm",
    ]
    assert "tqdm" in " ".join(made.report["environment"]["packages"])
    assert len(made.report["attempts"]) == 4


def test_evidence_that_a_repair_took_away_is_looked_for_again(
    tmp_path: Path, sandbox: Sandbox, packages: Path
) -> None:
    line, mended = "return total / len(values)", "return total / values.size"
    edit = f"estimator.py\n<<<<<<< SEARCH\n    {line}\n=======\n    {mended}\n>>>>>>> REPLACE\n"

    def judged(line: str, *verdicts: str) -> str:
        evidence = [{"file": "estimator.py", "symbol": "mean", "line": line}]
        items = [
            {"id": f"R{n}", "verdict": verdict, "evidence": evidence} for n, verdict in enumerate(verdicts, 1)
        ]
        return json.dumps({"judgements": items})

    answers = {
        "audit": judged(line, "deviates", "implemented"),
        "repair.1": edit,
        "audit.1": opinion(5, judged=judged(mended, "implemented", "implemented")),
    }
    made, _, _ = run(tmp_path, recording() | answers, sandbox, packages)
    items = made.report["requirements"]["items"]
    assert [len(item["evidence"]) for item in items] == [1, 1]


def test_a_repair_that_breaks_the_run_is_dropped(tmp_path: Path, sandbox: Sandbox, packages: Path) -> None:
    edit = (
        "estimator.py\n<<<<<<< SEARCH\n    return total / len(values)\n=======\n"
        "    return total / values.length\n>>>>>>> REPLACE\n"
    )
    answers = {"audit": judgements(verdict="deviates"), "repair.1": edit, "repair.2": "Nothing can be done."}
    made, llm, _ = run(tmp_path, recording() | answers, sandbox, packages)
    assert made.status == "runs"
    assert "has no attribute 'length'" in llm.asked[-1].task, "the second round knows why the first failed"
    assert "values.length" not in made.files["estimator.py"]
    assert made.report["requirements"]["deviates"] == 1


def test_a_stop_keeps_what_is_finished(tmp_path: Path) -> None:
    answers = recording()
    del answers["code.experiments.py"]
    with pytest.raises(ModelUnavailable):
        run(tmp_path, answers)
    assert "[S1] 1 Method" in (tmp_path / "paper.md").read_text()
    assert (tmp_path / "repository/docs/plan/logic.md").exists()


def test_an_observer_can_stop_the_run(tmp_path: Path) -> None:
    def stop(event: Progress) -> None:
        if event.stage == "code":
            raise Cancelled("enough")

    llm = ScriptedLLM(recording())
    with pytest.raises(Cancelled):
        reproduce(
            PAPER,
            llm=llm,
            sandbox=None,
            out=tmp_path,
            options=Options(packages=tmp_path),
            observe=stop,
        )
    assert not [stage for stage in llm.stages if stage.startswith("code")]


def test_code_that_runs_is_stopped_and_kept(sandbox: Sandbox, packages: Path, tmp_path: Path) -> None:
    events = list[Progress]()
    with pytest.raises(Cancelled):
        reproduce(
            PAPER,
            llm=ScriptedLLM(recording()),
            sandbox=sandbox,
            out=tmp_path,
            options=Options(packages=packages),
            observe=events.append,
            cancelled=lambda: events[-1].stage == "run",
        )
    assert (tmp_path / "repository/main.py").exists()
    assert sum(event.sandbox_seconds for event in events) > 0


def test_the_configuration_that_is_delivered_is_read_as_it_is_meant(tmp_path: Path) -> None:
    made, _, _ = run(tmp_path, recording())
    assert yaml.safe_load(made.files["config.yaml"])["training"]["learning_rate"] == 0.001


AT_ONCE = (
    f"estimator.py\n{fenced(ESTIMATOR)}\nexperiments.py\n{fenced(EXPERIMENTS)}\nrequirements.txt\n```\nnumpy\nPyYAML\n```\n\n"
    f"config.yaml\n```yaml\n{config_yaml(CONFIGURATION)}```\n"
)
PLANNED = ["plan.overview", "plan.requirements", "plan.architecture", "plan.logic", "plan.config"]
CODED = ["code.estimator.py", "code.experiments.py"]


@pytest.mark.parametrize(
    ("method", "stages"),
    [
        ("one-shot", ["code", "judge.1"]),
        ("plan", [*PLANNED[:2], "code", "audit", "judge.1"]),
        ("plan+arch", [*PLANNED[:3], "code", "audit", "judge.1"]),
        ("plan+arch+logic", [*PLANNED[:4], "code.config.yaml", *CODED, "audit", "judge.1"]),
        ("plan+arch+logic+config", [*PLANNED, *CODED, "audit", "judge.1"]),
        ("full", [*PLANNED, "plan.numbers", "analysis", "tests", *CODED, "audit", "judge.1"]),
    ],
)
def test_each_method_of_the_ladder_asks_what_it_has_and_delivers_the_same(
    tmp_path: Path, packages: Path, method: Method, stages: list[str]
) -> None:
    answers = recording() | {"code": AT_ONCE, "code.config.yaml": f"```yaml\n{config_yaml(CONFIGURATION)}```"}
    made, llm, _ = run(tmp_path, answers, available("local"), packages, method)
    assert sorted(llm.stages) == sorted(stages)
    assert made.status == "runs", made.report["attempts"][-1]["stderr_tail"]
    assert made.report["method"] == method
    assert made.files["estimator.py"] == ESTIMATOR
    assert made.report["requirements"]["total"] == (0 if method == "one-shot" else 2)


def test_a_repository_in_one_answer_is_asked_for_again_where_files_are_missing(tmp_path: Path) -> None:
    llm_answers = {"code": f"experiments.py\n{fenced(EXPERIMENTS)}", "code#2": AT_ONCE, "judge.1": opinion(4)}
    _, llm, _ = run(tmp_path, llm_answers, method="one-shot")
    assert llm.stages == ["code", "code#2", "judge.1"]
    assert "config.yaml, requirements.txt" in llm.asked[1].task


TABLE = "Table 1: Errors.\n\n| | error |\n| --- | --- |\n| mean | 0.125 |\n| median | 0.250 |"
NUMBERS = {
    "comparisons": [
        {
            **{
                "experiment": "table1",
                "metric": "error",
                "anchor": "Tab1",
                "heading": "error",
                "better": "lower",
            },
            "numbers": [{"method": "default", "label": "mean", "value": 0.125}],
        }
    ]
}


def with_a_table() -> Paper:
    results = Section("S2", "2", "Results", (Block("table", TABLE, "Tab1"),))
    return replace(PAPER, sections=(*PAPER.sections, results))


def test_the_paper_s_tables_stand_in_the_repository_with_what_fills_them(tmp_path: Path) -> None:
    answers = recording() | {
        "plan.numbers": json.dumps(NUMBERS),
        "plan.requirements.places": '{"places": []}',
    }
    made, _, _ = run(tmp_path, answers, paper=with_a_table())
    (result,) = made.report["results"]
    assert {
        k: result[k] for k in ("metric", "anchor", "paper", "paper_spread", "measured", "mode", "verdict")
    } == {
        **{
            "metric": "table1_error",
            "anchor": "Tab1",
            "paper": 0.125,
            "paper_spread": None,
            "measured": None,
        },
        **{"mode": "smoke", "verdict": "not-run"},
    }
    document = made.files["docs/results.md"]
    assert "| mean | 0.125<br>– |\n| median | 0.25 |" in document
    assert "python main.py run table1\n" in document
    assert "1 number of the paper: 1 not run." in made.files["README.md"]


@pytest.mark.parametrize("method", ["full", "plan+arch+logic+config"])
def test_numbers_are_listed_by_the_method_full_where_they_are_wanted(tmp_path: Path, method: Method) -> None:
    llm = ScriptedLLM(recording())
    options = Options(packages=Path("unused"), concurrency=2, method=method, results=method != "full")
    made = reproduce(PAPER, llm=llm, sandbox=None, out=tmp_path, options=options, observe=lambda event: None)
    assert "plan.numbers" not in llm.stages
    assert made.report["results"] == [] and "docs/results.md" not in made.files


def test_what_a_recording_cannot_answer_is_not_asked(tmp_path: Path) -> None:
    write(tmp_path / "numbers", entry("plan.numbers"))
    write(tmp_path / "tests", entry("tests.1of2"))
    asked = Options(packages=Path("unused"))
    numbers, tests = (asked.answered_by(Recording(tmp_path / name)) for name in ("numbers", "tests"))
    assert (numbers.tests, numbers.results, tests.tests, tests.results) == (False, True, True, False)
    assert not replace(asked, tests=False).answered_by(Recording(tmp_path / "tests")).tests


def test_full_runs_stand_beside_the_paper_s_numbers_and_smoke_runs_do_not() -> None:
    found = ReportedNumber(
        experiment="table1", method="default", metric="error", anchor="Tab1", value=0.1, step=0.1
    )
    plan = PLAN.model_copy(update={"numbers": Numbers(found=(found,))})
    said = {"experiment": "table1", "method": "default", "seed": 0, "status": "done", "ended": 1.0}
    content = json.dumps(said | {"metrics": {"error": 0.12}}).encode()

    def results(mode: Mode, tests: dict[str, int] | None = None) -> dict[str, object]:
        files = {f"results/{mode}/table1/default/0-ab.json": content}
        ran = PhaseResult(mode, CommandResult((), 0, 1.0, "", ""))
        execution = ExecutionReport(mode, Environment("local", "", "3.11", (), Limits()), (ran,), files=files)
        after = Afterwards(longer=execution)
        (result,) = module._compared(plan, Repository({"experiments.py": EXPERIMENTS}), after, tests)
        return {name: result[name] for name in ("measured", "mode", "verdict")}

    assert results("full") == {"measured": 0.12, "mode": "full", "verdict": "verified"}
    assert results("smoke") == {"measured": None, "mode": "smoke", "verdict": "not-run"}
