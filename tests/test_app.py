"""The command line as people use it: real files, real processes, a real sandbox, a model from a recording."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from click.testing import CliRunner, Result

from app import METHODS, main
from pipeline.contract import CURRENT
from pipeline.planning.plan import Method
from tests.bot.crash import answer
from tests.fakes.model import FakeModel, Reply
from tests.pipeline.plans import EXPERIMENTS, MAIN, SLEEPING, fenced, recording

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.usefixtures("bare")
HEAVY = {"pydantic", "rich", "openai", "pymupdf", "docker", "github", "flask", "httpx", "dbos", "git"}


def test_help_waits_for_no_heavy_library() -> None:
    code = "import sys, app; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


def test_the_commands_are_the_designs() -> None:
    assert sorted(main.commands) == [
        "action",
        "demo",
        "doctor",
        "execute",
        "paper",
        "rate-sheet",
        "run",
        "score",
        "serve",
        "work",
    ]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert main.commands[command].help


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "paper.tex", "--method", "half"],
        ["run", "paper.tex", "--refine", "everything"],
        ["run", "paper.tex", "--sandbox", "moon"],
        ["run", "paper.tex", "--max-usd", "0"],
        ["run", "paper.tex", "--max-fixes", "-1"],
        ["run", "paper.tex", "--concurrency", "0"],
        ["run", "paper.tex", "--replay", "nowhere.jsonl"],
        ["execute", "nowhere"],
        ["execute", ".", "--mode", "half"],
        ["paper"],
        ["fly"],
    ],
)
def test_bad_usage_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_a_folder_of_somebody_elses_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("mine")
    ended = CliRunner().invoke(main, ["run", "paper.tex", "--out", "thesis"])
    assert ended.exit_code == 2
    assert "thesis holds files that paper2code did not make" in ended.stderr
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_bad_environment_ends_with_2_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_CONCURRENCY", "lots")
    ended = CliRunner().invoke(main, ["run", "paper.tex"])
    assert ended.exit_code == 2
    assert "PAPER2CODE_CONCURRENCY" in ended.stderr


def test_a_worker_without_an_app_says_who_makes_one() -> None:
    ended = CliRunner().invoke(main, ["work"])
    assert ended.exit_code == 2
    assert "There is no GitHub App yet." in ended.stderr and "What to do: Open /setup of " in ended.stderr


def test_a_variable_that_is_missing_is_to_be_set_and_not_to_be_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "s3cret")
    ended = CliRunner().invoke(main, ["work"])
    assert ended.exit_code == 2
    assert "GITHUB_APP_ID is not set" in ended.stderr and "What to do: Set them; " in ended.stderr


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What `work` hands to the daemon, which is not begun."""
    handed: list[object] = []
    monkeypatch.setattr("bot.work.daemon.work", lambda *made, **more: handed.append(made))
    monkeypatch.setenv("GITHUB_APP_ID", "1")
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----")
    monkeypatch.setenv("PAPER2CODE_SANDBOX", "none")
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", os.fspath(tmp_path))
    return handed


def test_a_worker_comes_up_before_its_model_service_does_and_says_so(
    worker: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    ended = CliRunner().invoke(main, ["work"])
    assert (ended.exit_code, len(worker)) == (0, 1)
    assert "warning [-] The model service at http://127.0.0.1:9/v1 cannot be reached: " in ended.stderr
    assert "Jobs are taken, and wait for it" in ended.stderr


def test_a_worker_without_a_key_does_not_come_up(worker: list[object]) -> None:
    ended = CliRunner().invoke(main, ["work"])
    assert (ended.exit_code, worker) == (3, [])
    assert "OPENAI_API_KEY" in ended.stderr


def test_a_misspelt_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER2CODE_MAX_UDS", "3")
    ended = CliRunner().invoke(main, ["run", "nowhere.tex"])
    assert "Warning: PAPER2CODE_MAX_UDS is not a setting; did you mean PAPER2CODE_MAX_USD?" in ended.stderr


def journal(path: Path, answers: dict[str, str]) -> Path:
    """A recording of `answers`, by stage."""
    usage = {"calls": 1, "input_tokens": 10, "output_tokens": 10, "usd": 0.01}
    entries = [
        {"stage": stage, "completion": text, "usage": usage, "contract": CURRENT}
        for stage, text in answers.items()
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="paper2code")


def schema() -> dict[str, object]:
    loaded: dict[str, object] = json.loads(
        (ROOT / "pipeline/proving/execution-report.schema.json").read_text()
    )
    return loaded


def test_a_paper_becomes_a_repository_that_runs(paper: Path, tmp_path: Path) -> None:
    played = journal(tmp_path / "recording.jsonl", recording())
    ended = run("run", paper, "--replay", played)
    assert ended.exit_code == 0, ended.output
    out = tmp_path / "means-of-things"
    assert {path.name for path in out.iterdir()} == {".lock", "paper.md", "journal.jsonl", "repository"}
    report = json.loads((out / "repository/docs/execution-report.json").read_text())
    jsonschema.validate(report, schema())
    assert report["status"] == "runs"
    assert "The repository runs." in ended.stdout
    assert "smoke run (tiny data), local sandbox, no repairs\n" in ended.stdout
    assert "2 of 2 implemented" in ended.stdout
    assert "$0.12 for 12 model calls, when they were recorded" in ended.stdout
    assert ended.stderr == ""

    again = run("execute", out / "repository", "--json", "report.json")
    assert again.exit_code == 0, again.output
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, schema())
    assert (report["paper"], report["method"], report["model"], report["status"]) == (
        None,
        None,
        None,
        "runs",
    )


def test_a_repository_that_does_not_run_is_delivered_with_status_1(paper: Path, tmp_path: Path) -> None:
    broken = fenced(EXPERIMENTS.replace("return {", "return {'nan': 1 / 0, "))
    played = journal(tmp_path / "recording.jsonl", {**recording(), "code.experiments.py": broken})
    ended = run("run", paper, "--replay", played, "--max-fixes", 0, "--out", "out")
    assert ended.exit_code == 1, ended.output
    assert "does not run" in ended.stdout
    assert (tmp_path / "out/repository/experiments.py").exists()

    again = run("execute", "out/repository", "--json", "report.json")
    assert again.exit_code == 1
    assert "ZeroDivisionError" in again.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(report, schema())
    assert report["status"] == "fails"
    assert "ZeroDivisionError" in report["attempts"][0]["stderr_tail"]


def test_a_repository_that_was_not_run_is_not_said_to_run(paper: Path, tmp_path: Path) -> None:
    played = journal(tmp_path / "recording.jsonl", recording())
    ended = run("run", paper, "--replay", played, "--sandbox", "none", "--out", "out")
    assert ended.exit_code == 1, ended.output
    assert "has not been run" in ended.stdout


def test_a_paper_is_printed_as_it_is_read(paper: Path) -> None:
    assert "[S1]" in run("paper", paper).stdout
    assert json.loads(run("paper", paper, "--json").stdout)["title"] == "Means of Things"


def test_a_papers_tables_and_inventory_are_printed_cell_by_cell(tmp_path: Path) -> None:
    table = (
        r"\begin{table}\caption{Times.}\begin{tabular}{lr}Set & Time (s)\\A & 1.5(2)\end{tabular}\end{table}"
    )
    (tmp_path / "a.tex").write_text(f"\\documentclass{{article}}\\begin{{document}}{table}\\end{{document}}")
    told = json.loads(run("paper", tmp_path / "a.tex", "--json").stdout)
    assert told["tables"][0]["columns"] == [["Time (s)"]]
    assert told["tables"][0]["cells"] == [
        {"text": "1.5(2)", "value": 1.5, "spread": 0.2, "unit": "s", "row": 0, "column": 0}
    ]
    assert told["inventory"]["tables"] == [{"anchor": "Tab1", "label": "Table 1: Times.", "own": False}]


def test_what_could_not_be_read_is_said_beside_the_paper(tmp_path: Path) -> None:
    text = "\\documentclass{article}\\begin{document}Text.\\input{gone}\\end{document}"
    (tmp_path / "a.tex").write_text(text)
    said = "Not read: gone, which is included but not among the texts of the source."
    ended = run("paper", tmp_path / "a.tex")
    assert ended.stderr.strip() == said and said not in ended.stdout
    assert json.loads(run("paper", tmp_path / "a.tex", "--json").stdout)["notes"] == [said]


@pytest.mark.parametrize("command", [["paper", "nowhere.tex"], ["run", "nowhere.tex"], ["run", "empty.pdf"]])
def test_a_paper_that_cannot_be_read_ends_with_2(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    (tmp_path / "empty.pdf").write_text("")
    with FakeModel() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run(*command)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("Error: ")
    assert "What to do: " in ended.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_dir() and path.name != "data"] == []


def test_without_a_key_nothing_is_begun(paper: Path, tmp_path: Path) -> None:
    ended = run("run", paper, "--sandbox", "none")
    assert ended.exit_code == 3
    assert "OPENAI_API_KEY" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["means.md"]


def test_a_cap_that_cannot_be_kept_is_refused_before_anything_is_made(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    ended = run("run", paper, "--sandbox", "none", "--model", "nobody-knows-it", "--max-usd", 1)
    assert ended.exit_code == 3
    assert "price of nobody-knows-it" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["means.md"]


@pytest.mark.parametrize("command", [["run"], ["score", ".", "--paper"]])
def test_a_model_service_that_cannot_be_reached_ends_it_before_the_paper_is_fetched(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PAPER2CODE_ARXIV_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    ended = run(*command, "1706.03762")
    assert ended.exit_code == 3
    assert "http://127.0.0.1:9/v1 cannot be reached" in ended.stderr
    assert "OPENAI_BASE_URL" in ended.stderr
    assert "arXiv" not in ended.stderr
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_has_ended_is_said_once_and_its_absence_is_final(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Reply(
        status=404, error={"message": "The model `o3-mini` does not exist", "code": "model_not_found"}
    )
    with FakeModel(gone, models={"gpt-6.2-sol": None, "whisper-9": None}) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run("run", paper, "--sandbox", "none", "--model", "o3-mini", "--concurrency", 1)
        assert (ended.exit_code, model.listed) == (3, 1)
        asked = [json.dumps(request) for request in model.requests]
        assert len(asked) == len(set(asked)), "a question was repeated"
    assert "Warning: o3-mini has ended on 2026-10-23; " in ended.stderr
    assert "offers gpt-6.2-sol" in ended.stderr
    assert "404" in ended.stderr


@pytest.mark.parametrize("slip", ["nonsense", "there/is/none.pdf", "2613.99999"])
def test_what_is_no_paper_is_told_before_a_key_is_asked_for(
    slip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ended = run("run", slip)
    assert ended.exit_code == 2, ended.stderr
    assert slip in ended.stderr and "OPENAI_API_KEY" not in ended.stderr


def test_an_estimate_needs_no_model_and_no_key(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "main.py").write_text(MAIN)
    said = run("run", paper, "--estimate", "--judge-model", "claude-sonnet-5-5").stdout
    assert re.fullmatch(
        r"Expected with gpt-6\.2-sol and claude-sonnet-5-5: \d+ to \d+ calls, [\d,]+ to [\d,]+ tokens in, "
        r"[\d,]+ to [\d,]+ out, \$\d\.\d\d to \$\d\.\d\d, \d to \d+ min of the model\. .+\.\n"
        r"No cap is set \(--max-usd\): nothing is left out, .+\n",
        said,
    ), said
    judged = run("score", "theirs", "--paper", paper, "--estimate", "--samples", 3).stdout
    assert judged.startswith("Expected with gpt-6.2-sol: 3 calls, ")
    assert "unknown cost" in run("run", paper, "--estimate", "--model", "llama3").stdout
    capped = {cap: run("run", paper, "--estimate", "--max-usd", cap).stdout for cap in ("0.3", "30")}
    assert "Cap of $0.30: left out, because the cap would not pay for it: " in capped["0.3"]
    assert "Cap of $30.00: nothing is left out for it." in capped["30"]
    assert run("run", paper, "--estimate", "--method", "plan").exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"means.md", "theirs"}


def test_a_model_whose_window_is_too_small_is_asked_nothing(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[models]\nsmall = {input = 0, output = 0, context = 16_384}\n")
    monkeypatch.setenv("PAPER2CODE_PRICES", str(prices))
    with FakeModel(models={"small": None}) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run("run", paper, "--sandbox", "none", "--model", "small")
        assert (ended.exit_code, model.requests) == (3, [])
    assert "small takes 16,384 tokens at once" in ended.stderr
    assert "Choose a model with a window of" in ended.stderr
    assert run("run", paper, "--estimate", "--model", "small").exit_code == 3


def test_a_judge_alone_needs_its_own_key_and_no_other(paper: Path, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    ended = run("score", ".", "--paper", paper, "--judge-model", "claude-sonnet-5-5")
    assert ended.exit_code == 3
    assert "There is no API key for claude-sonnet-5-5" in ended.stderr
    assert "ANTHROPIC_API_KEY" in ended.stderr


def test_a_recording_of_another_paper_or_method_is_noticed_before_anything_is_made(
    paper: Path, tmp_path: Path
) -> None:
    played = journal(tmp_path / "recording.jsonl", recording())
    ended = run("run", paper, "--replay", played, "--method", "iterative", "--out", "out")
    assert ended.exit_code == 2
    assert "no iterate, only analysis, audit, code, judge, plan" in ended.stderr
    other = tmp_path / "other.md"
    other.write_text("# Another\n\n## 1 Method\n\nThe median of all observations is taken.\n")
    ended = run("run", other, "--replay", played, "--out", "out")
    assert ended.exit_code == 2
    assert "none of the 3 passages that it quotes is in “Another”" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_the_agent_can_be_asked_for_and_played_back(paper: Path, tmp_path: Path) -> None:
    files = [{"path": "main.py", "text": "print('hello')"}]
    actions = [{"kind": "write", "files": files}, {"kind": "submit", "summary": "All."}]
    answers = [json.dumps({"thought": "Next.", "action": action}) for action in actions]
    played = journal(
        tmp_path / "recording.jsonl", dict(zip(("iterate.1", "iterate.2"), answers, strict=True))
    )
    ended = run(
        "run", paper, "--replay", played, "--method", "iterative", "--sandbox", "none", "--out", "out"
    )
    assert ended.exit_code == 1, ended.output
    report = json.loads((tmp_path / "out/repository/docs/execution-report.json").read_text())
    jsonschema.validate(report, schema())
    assert report["method"] == "iterative"


def test_help_says_what_each_method_is_and_there_are_no_others() -> None:
    shown = run("run", "--help").stdout
    explained = re.findall(
        r"^    (\S+)  +\S", shown.partition("Methods")[2].partition("Options")[0], re.MULTILINE
    )
    assert sorted(explained) == sorted(METHODS) == sorted(get_args(Method))


def test_the_cap_stops_the_run_before_the_call_that_breaks_it(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with FakeModel() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run("run", paper, "--sandbox", "none", "--max-usd", 0.0001)
        assert model.requests == []
    assert ended.exit_code == 4
    assert "What to do: " in ended.stderr


def test_a_model_that_rejects_the_key_ends_with_3_and_without_the_key(
    paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with FakeModel(
        Reply(status=401, error={"message": "Incorrect API key provided: sk-very-secret"})
    ) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        ended = run("run", paper, "--sandbox", "none")
    assert ended.exit_code == 3
    assert "sk-very-secret" not in ended.output


def test_after_ctrl_c_resume_goes_on_without_asking_again(paper: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from app import main; main(prog_name='paper2code')"]
    command += ["run", str(paper), "--sandbox", "none", "--concurrency", "1", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-test"}
    with FakeModel(answer, answer, Reply(hangs_after=0)) as model:
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**environment, "OPENAI_BASE_URL": model.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert model.hanging.wait(120)
        process.send_signal(signal.SIGINT)
        said, explained = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Ctrl-C again ends at once" in said
    assert explained.startswith("Interrupted.\nKept: out, with the model's answers: none is paid for again\n")
    assert explained.endswith("--out out --resume\n")

    with FakeModel(answer) as model:
        resumed = subprocess.run(
            [*command, "--resume"],
            cwd=tmp_path,
            env={**environment, "OPENAI_BASE_URL": model.url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert resumed.returncode == 1, resumed.stderr
        # Two are kept, and without a sandbox nobody is asked for tests.
        assert len(model.requests) == len(recording()) - 3
    assert "has not been run" in resumed.stdout


@pytest.mark.timeout(900)  # all that the demo does, on a machine that does more
def test_the_demo_ends_with_a_pull_request_on_a_local_repository(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ended = run("demo", "--out", out)
    assert ended.exit_code == 0, ended.output
    text = (out / "pull-request.md").read_text()
    assert text.startswith("# Implement “Matching the Innovation")
    assert "✅ **Runs** (smoke run)" in text
    git = ["git", "-C", str(out / "origin.git")]
    (branch,) = subprocess.check_output(
        [*git, "branch", "--list", "paper2code/*", "--format=%(refname:short)"], text=True
    ).split()
    listed = subprocess.check_output([*git, "ls-tree", "-r", "--name-only", branch], text=True).split()
    delivered = [
        path.relative_to(out / "repository").as_posix()
        for path in (out / "repository").rglob("*")
        if path.is_file()
    ]
    assert sorted(path.split("/", 2)[2] for path in listed) == sorted(delivered)
    subjects = subprocess.check_output(
        [*git, "log", "--format=%s", f"main..{branch}"], text=True
    ).splitlines()
    assert subjects[::-1] == [
        "Plan the reproduction",
        "Write the code",
        "Add tests written from the paper",
        "Report what was run",
    ]
    assert str(out / "pull-request.md") in ended.output
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert "repository/docs/figures/Fig1.png" in links
    assert [link for link in links if not (out / link).exists()] == []
    assert "run: the smoke run\n" in ended.output


def test_ctrl_c_stops_code_that_is_being_run(paper: Path, tmp_path: Path) -> None:
    played = journal(tmp_path / "recording.jsonl", recording() | {"code.experiments.py": fenced(SLEEPING)})
    command = [sys.executable, "-c", "from app import main; main(prog_name='paper2code')"]
    with subprocess.Popen(
        [*command, "run", str(paper), "--replay", str(played), "--out", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while "run started" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, explained = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130
    assert explained.startswith("Interrupted.\nKept: out")


def test_a_repository_that_was_edited_since_is_not_lost(paper: Path, tmp_path: Path) -> None:
    played = journal(tmp_path / "recording.jsonl", recording())
    arguments = ("run", paper, "--replay", played, "--out", tmp_path / "out", "--sandbox", "none")
    assert run(*arguments).exit_code == 1
    edited = tmp_path / "out/repository/estimator.py"
    edited.write_text(edited.read_text() + "# mine\n")
    again = run(*arguments)
    assert (tmp_path / "out/repository.1/estimator.py").read_text().endswith("# mine\n")
    assert "# mine" not in edited.read_text()
    assert "kept as" in again.output


def test_a_file_system_without_locks_is_said(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    played = journal(tmp_path / "recording.jsonl", recording())

    ran = run("run", paper, "--replay", played, "--out", tmp_path / "out", "--sandbox", "none")

    assert ran.exit_code == 3 and "cannot be locked: No locks available" in ran.output


def test_a_second_run_changes_nothing_of_the_first(paper: Path, tmp_path: Path) -> None:
    played = journal(tmp_path / "recording.jsonl", recording())
    arguments = ("run", paper, "--replay", played, "--out", tmp_path / "out", "--sandbox", "none")
    run(*arguments)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with (tmp_path / "out/.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a run does while it lasts

        second = run(*arguments)

    assert second.exit_code == 2 and "another run is writing" in second.output
    assert f"process {os.getpid()} on" in second.output
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_nobody_reads_a_repository_while_a_run_writes_it_nor_writes_it_while_it_is_read(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    played = journal(tmp_path / "recording.jsonl", recording())
    making = ("run", paper, "--replay", played, "--out", "out", "--sandbox", "none")
    run(*making)
    reading = [
        ("execute", "out/repository"),
        ("score", "out/repository", "--paper", paper, "--estimate"),
        ("score", ".", "--reference", "out/repository", "--paper", paper, "--estimate"),
        ("rate-sheet", "out/repository"),
    ]
    with (tmp_path / "out/.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a run does while it lasts
        for command in reading:
            refused = run(*command)
            assert refused.exit_code == 2 and f"a run (process {os.getpid()} on" in refused.stderr, command
    with (tmp_path / "out/.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)  # as those do who read
        assert run(*reading[1]).exit_code == 0
        refused = run(*making)
        assert refused.exit_code == 2 and "somebody executes or judges out" in refused.stderr


def test_what_a_folder_is_called_cannot_steer_the_terminal(paper: Path, tmp_path: Path) -> None:
    named = tmp_path / "a\x1b]0;title\x07\N{RIGHT-TO-LEFT OVERRIDE}b"
    named.mkdir()
    (named / "main.py").write_text("raise SystemExit(1)")
    for command in (("execute", named), ("run", paper, "--out", named), ("rate-sheet", named)):
        said = run(*command).output
        assert "ab" in said or "rate-sheet.html" in said
        assert not set(said) & set("\x1b\x07\N{RIGHT-TO-LEFT OVERRIDE}"), command


def test_nothing_of_a_folder_that_is_executed_or_judged_runs_on_the_host(paper: Path, tmp_path: Path) -> None:
    theirs, ran = tmp_path / "theirs", tmp_path / "ran"
    (theirs / ".git/hooks").mkdir(parents=True)
    python = f"import os\nif os.path.isdir({str(tmp_path)!r}): open({str(ran)!r}, 'w')\n"
    for name in ("app", "settings", "pipeline", "sandbox", "bot", "json", "uv", "sitecustomize", "conftest"):
        (theirs / f"{name}.py").write_text(python)
    for name in ("git", "uv", "python3", ".git/hooks/post-checkout", ".git/hooks/post-index-change"):
        (theirs / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (theirs / name).chmod(0o755)
    config = (
        f'[core]\n\tfsmonitor = touch {ran}\n\thooksPath = .git/hooks\n[filter "x"]\n\tsmudge = touch {ran}\n'
    )
    (theirs / ".git/config").write_text(config)
    (theirs / ".gitattributes").write_text("* filter=x\n")
    (theirs / ".env").write_text("PAPER2CODE_SANDBOX=none\n")
    (theirs / "main.py").write_text("print('ran')")
    program = [Path(sys.executable).with_name("paper2code")]
    for command in (["execute", "."], ["score", ".", "--paper", paper, "--estimate"]):
        ended = subprocess.run([*program, *command], cwd=theirs, capture_output=True, text=True, check=False)
        assert "local sandbox" in ended.stdout or "Expected with" in ended.stdout, ended.stderr
        assert not ran.exists(), command
