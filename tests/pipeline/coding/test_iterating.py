"""The agent: scripted answers, real runs in a real sandbox."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from pipeline import reproduce as module
from pipeline.coding.given import GIVEN
from pipeline.coding.iterating import SHOWN, Agent, Outcome, Step, Tools, Worked
from pipeline.coding.repository import Repository
from pipeline.errors import AnswerInvalid, BudgetReached, ContextOverflow, ModelUnavailable
from pipeline.model import schema
from pipeline.model.asking import Context
from pipeline.model.llm import LLM, Prompt
from pipeline.model.session import Terms, open_llm
from pipeline.reproduce import Options, Reproduction, reproduce
from sandbox.interface import Sandbox
from tests.conftest import available
from tests.fakes.model import FakeModel, Reply
from tests.fakes.scripted import Answer, ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, EXPERIMENTS, PAPER

SCHEMA = json.loads((Path(module.__file__).parent / "proving/execution-report.schema.json").read_text())
CONFIG = "seed: 0\ntraining:\n  learning_rate: 0.001\n  batch: 32\nsmoke:\n  training:\n    batch: 4\n"
BROKEN = ESTIMATOR.replace("values.sum()", "values.total()")
MEND = (
    "estimator.py\n<<<<<<< SEARCH\n    total = float(values.total())\n=======\n"
    "    total = float(values.sum())\n>>>>>>> REPLACE\n"
)


def step(kind: str, thought: str = "Next.", **more: object) -> str:
    return json.dumps({"thought": thought, "action": {"kind": kind, **more}})


def write(**files: str) -> str:
    """Files by their name, with `_` for the dot and `__` for a slash."""
    named = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    return step("write", "Files.", files=[{"path": path, "text": text} for path, text in named.items()])


ALL = write(
    estimator_py=ESTIMATOR, experiments_py=EXPERIMENTS, config_yaml=CONFIG, requirements_txt="numpy\nPyYAML\n"
)
SUBMIT = step("submit", summary="The mean; all of it.")


def script(*answers: Answer) -> ScriptedLLM:
    return ScriptedLLM({f"iterate.{number}": answer for number, answer in enumerate(answers, 1)})


def run(
    out: Path, llm: LLM, sandbox: Sandbox | None = None, cache: Path = Path("unused"), steps: int = 20
) -> Reproduction:
    options = Options(packages=cache, method="iterative", judge=0, max_steps=steps)
    made = reproduce(PAPER, llm=llm, sandbox=sandbox, out=out, options=options, observe=lambda event: None)
    jsonschema.validate(made.report, SCHEMA)
    return made


def contexts() -> Iterator[Context]:
    yield Context("system", "the whole paper ")
    yield Context("system", "less ")


def work(llm: LLM, tools: Tools | None = None, steps: int = 20) -> Worked:
    return Agent(llm, contexts(), tools, steps, lambda detail: None).work()


def failing(error: Exception) -> Answer:
    def fail(prompt: Prompt) -> str:
        raise error

    return fail


def test_the_agent_writes_runs_sees_the_error_mends_it_and_submits(
    tmp_path: Path, sandbox: Sandbox, packages: Path
) -> None:
    llm = script(
        write(
            estimator_py=BROKEN,
            experiments_py=EXPERIMENTS,
            config_yaml=CONFIG,
            requirements_txt="numpy\nPyYAML\n",
        ),
        step("run"),
        step("edit", "An array has no method `total`.", edits=MEND),
        step("shell", command="python3 -c 'import estimator as e, numpy; print(e.mean(numpy.ones(3)) + 41)'"),
        step("read", path="estimator.py"),
        step("run"),
        SUBMIT,
    )
    made = run(tmp_path, llm, sandbox, packages)
    report = made.report
    assert made.status == "runs", report["attempts"][-1]["stderr_tail"]
    assert llm.stages == [f"iterate.{number}" for number in range(1, 8)]
    assert "'numpy.ndarray' object has no attribute 'total'" in llm.asked[2].task
    assert "ended with exit status 0.\n\n42.0" in llm.asked[4].task
    assert ESTIMATOR in llm.asked[5].task
    assert "Metrics in results.json: {'table1_error': 0." in llm.asked[6].task
    first = report["attempts"][0]
    assert first["signature"].startswith("AttributeError: 'numpy.ndarray' object has no attribute 'total'")
    assert (first["remedy"], first["lines_changed"]) == ("model: An array has no method `total`.", 1)
    assert report["lines"]["changed"] == 1
    assert report["method"] == "iterative"
    assert report["metrics"].keys() == {"table1_error"}
    assert made.files["estimator.py"] == ESTIMATOR
    assert "numpy==" in made.files["requirements.txt"]
    assert "Submitted in step 7" in made.files["docs/steps.md"]
    code, last = made.commits
    assert code.body == "Submitted in step 7. The mean; all of it."
    assert "Every number" not in last.files["README.md"]
    assert "docs/steps.md" in last.files["README.md"]
    assert "nothing was audited" in last.files["docs/plan/requirements.md"]


def test_what_a_command_writes_is_not_in_the_repository(tmp_path: Path, packages: Path) -> None:
    llm = script(ALL, step("shell", command="echo x > new.py; echo y > experiments.py"), step("run"), SUBMIT)
    made = run(tmp_path, llm, available("local"), packages)
    assert made.files["experiments.py"] == EXPERIMENTS
    assert "new.py" not in made.files


def test_a_command_with_packages_that_cannot_be_had_says_so(tmp_path: Path, packages: Path) -> None:
    llm = script(
        write(experiments_py="import yaml", requirements_txt="PyYAML>99\n"),
        step("shell", command="echo never"),
        SUBMIT,
        SUBMIT,
    )
    made = run(tmp_path, llm, available("local"), packages)
    assert "no versions of the required packages that fit" in llm.asked[2].task
    assert "\nnever" not in llm.asked[2].task
    assert made.status == "fails"


def test_what_was_not_seen_to_run_is_submitted_only_if_the_agent_insists() -> None:
    ran: list[Repository] = []

    def smoke(repository: Repository, why: str) -> Outcome:
        ran.append(repository)
        return Outcome("It passed.")

    tools = Tools(smoke, lambda repository, command: Outcome(""), "little", "less")
    llm = script(ALL, step("run"), write(experiments_py="changed since"), SUBMIT, step("run"), SUBMIT)
    assert "Submitted in step 6" in work(llm, tools).ending
    assert "Not accepted" in llm.asked[4].task
    assert len(ran) == 2
    assert "Submitted in step 3" in work(script(ALL, SUBMIT, SUBMIT), tools).ending


def test_a_long_file_is_read_on_from_a_line() -> None:
    lines = [f"line_{number} = {number}" for number in range(1, 1_001)]

    def on(prompt: Prompt) -> str:
        (line,) = map(int, re.findall(r"and more from line (\d+) on", prompt.task))
        shown = prompt.task.rpartition("… and more")[0]
        assert shown.rstrip().endswith(lines[line - 2])
        return step("read", path="experiments.py", line=line)

    llm = script(write(experiments_py="\n".join(lines)), step("read", path="experiments.py"), on, SUBMIT)
    work(llm)
    assert llm.asked[3].task.count("and more from line") == 1
    assert all(f"\n{line}\n" in llm.asked[3].task for line in lines)


def test_without_a_sandbox_nothing_is_run(tmp_path: Path) -> None:
    llm = script(ALL, step("run"), step("shell", command="ls"), SUBMIT)
    made = run(tmp_path, llm)
    assert made.status == "not-run"
    assert "there is no sandbox" in llm.asked[2].task
    assert "`shell`" not in llm.asked[0].system


def test_the_steps_end(tmp_path: Path) -> None:
    llm = script(ALL, step("read", path="experiments.py"), step("read", path="none.py"))
    made = run(tmp_path, llm, steps=3)
    assert len(llm.stages) == 3
    assert made.commits[0].body == "Not submitted: all 3 steps are used up."
    assert "Not submitted: all 3 steps are used up" in made.files["docs/steps.md"]
    assert "There is no file none.py" in made.files["docs/steps.md"]


def test_at_the_end_of_the_budget_what_is_there_is_run_and_delivered(tmp_path: Path, packages: Path) -> None:
    llm = script(ALL, failing(BudgetReached("The call iterate.2 could cost too much.")))
    made = run(tmp_path, llm, available("local"), packages)
    assert made.status == "runs"
    assert made.commits[0].body == "Not submitted. The call iterate.2 could cost too much."


def test_a_budget_for_nothing_delivers_nothing() -> None:
    with pytest.raises(BudgetReached):
        work(script(step("read", path="experiments.py"), failing(BudgetReached("too much"))))


@pytest.mark.parametrize(
    "path",
    [
        "../out.py",
        "/etc/passwd",
        ".github/workflows/ci.yml",
        ".git/hooks/x",
        "README.md",
        "docs/a.md",
        "harness.py",
    ],
)
def test_refused_paths_change_nothing_and_are_explained(path: str) -> None:
    refused = step("write", files=[{"path": "ok.py", "text": ""}, {"path": path, "text": "x"}])
    llm = script(ALL, refused, SUBMIT)
    worked = work(llm)
    assert "Refused, nothing was changed: " in llm.asked[2].task
    assert worked.repository.files.keys() == {
        *GIVEN[:4],
        "estimator.py",
        "experiments.py",
        "config.yaml",
        "requirements.txt",
        "reproduce.sh",
    }


def test_edits_that_do_not_apply_are_explained_and_files_can_be_removed() -> None:
    llm = script(ALL, step("edit", edits=MEND), step("delete", paths=["estimator.py", "none.py"]),
                 step("delete", paths=["estimator.py", "requirements.txt"]), SUBMIT)  # fmt: skip
    worked = work(llm)
    assert "does not stand in estimator.py" in llm.asked[2].task
    assert "there is no none.py" in llm.asked[3].task
    assert "estimator.py" not in worked.repository.files
    assert worked.repository.files["requirements.txt"] == ""


def test_an_answer_that_is_no_action_costs_a_step_and_is_explained() -> None:
    llm = script("I would now write code.", step("fly"), ALL, SUBMIT)
    assert "Submitted in step 4" in work(llm).ending
    assert "The answer is not JSON" in llm.asked[1].task
    assert "'fly'" in llm.asked[2].task


def test_a_model_that_gives_no_actions_is_given_up() -> None:
    with pytest.raises(AnswerInvalid, match="last 3 answers were no actions") as stopped:
        work(script(*["nonsense"] * 4))
    assert set(stopped.value.refused) == {"iterate.1", "iterate.2", "iterate.3"}
    worked = work(script(ALL, *["nonsense"] * 4))
    assert worked.ending.startswith("Not submitted. The model's last 3 answers")
    assert worked.repository.files["experiments.py"] == EXPERIMENTS


def test_the_conversation_only_grows() -> None:
    llm = script(ALL, step("read", path="experiments.py"), step("read", path="config.yaml"), SUBMIT)
    work(llm)
    for before, after in zip(llm.asked, llm.asked[1:], strict=False):
        past = before.task.rpartition("# Step ")[0]
        assert after.task.startswith(past)
        assert (before.system, before.shared) == (after.system, after.shared)


def test_of_a_long_output_the_middle_is_left_out() -> None:
    tools = Tools(lambda r, why: Outcome(f"first {'x' * SHOWN} last"), lambda r, c: Outcome(""), "", "")
    llm = script(ALL, step("run"), SUBMIT)
    work(llm, tools)
    assert "first x" in llm.asked[2].task
    assert "11 characters left out" in llm.asked[2].task
    assert "x last" in llm.asked[2].task


def test_what_the_model_can_no_longer_read_is_forgotten_from_the_beginning() -> None:
    window = 3_500

    def within(answer: str) -> Answer:
        def reply(prompt: Prompt) -> str:
            if len(prompt.shared + prompt.task) > window:
                raise ContextOverflow("too long")
            return answer

        return reply

    read = step("read", path="estimator.py")
    llm = script(*[within(answer) for answer in (write(estimator_py=ESTIMATOR), *[read] * 12, SUBMIT)])
    worked = work(llm)
    assert "Submitted in step 14" in worked.ending
    last = llm.asked[-1].task
    assert last.startswith("(Earlier steps are left out here.)")
    assert "## Step 13" in last
    assert "## Step 1\n" not in last


def test_a_paper_that_is_too_long_is_shortened_and_then_given_up() -> None:
    def short(prompt: Prompt) -> str:
        if "whole" in prompt.shared:
            raise ContextOverflow("too long")
        return ALL

    llm = script(short, SUBMIT)
    work(llm)
    assert [prompt.shared for prompt in llm.asked] == ["the whole paper ", "less ", "less "]
    with pytest.raises(ContextOverflow):
        work(script(failing(ContextOverflow("too long"))))


def test_an_interrupted_agent_goes_on_without_paying_again(tmp_path: Path, packages: Path) -> None:
    noisy = EXPERIMENTS.replace("    mode = ", "    import time\n\n    print(time.time_ns())\n    mode = ")
    answers = [
        write(
            estimator_py=ESTIMATOR,
            experiments_py=noisy,
            config_yaml=CONFIG,
            requirements_txt="numpy\nPyYAML\n",
        ),
        step("run"),
        step("shell", command="date +%N"),
    ]

    def attempt(*replies: Any) -> tuple[FakeModel, Reproduction | None]:
        with (
            FakeModel(*replies) as fake,
            open_llm(
                Terms("o3-mini", api_key=SecretStr("key"), base_url=fake.url),
                reasoning_effort="high",
                journal=tmp_path / "journal.jsonl",
                resume=True,
            ) as llm,
        ):
            try:
                return fake, run(tmp_path, llm, available("local"), packages)
            except ModelUnavailable:
                return fake, None

    broken_off = Reply(status=401, error={"message": "bad key"})
    fake, made = attempt(*[Reply(answer) for answer in answers], broken_off)
    assert (len(fake.requests), made) == (4, None)
    fake, made = attempt(Reply(SUBMIT))
    assert made
    assert made.status == "runs"
    assert len(fake.requests) == 1
    assert made.report["usage"]["calls"] == 4


def test_servers_with_strict_schemas_can_be_asked_for_a_step() -> None:
    assert schema.named(Step)["strict"] is True
