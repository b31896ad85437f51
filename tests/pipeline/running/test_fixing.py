from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.coding.given import given
from pipeline.coding.repository import Repository
from pipeline.model.asking import Context
from pipeline.model.llm import Prompt
from pipeline.planning.analysis import FileAnalysis
from pipeline.running.fixing import Fixer
from pipeline.running.remedies import Change
from sandbox.report import CommandResult, Environment, ExecutionReport, Limits, Phase, PhaseResult
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, MAIN, PLAN

GOOD = Repository(
    {
        "estimator.py": ESTIMATOR,
        "main.py": MAIN,
        "requirements.txt": "numpy\nPyYAML\n",
        "config.yaml": "seed: 0\n",
    }
)
BROKEN = GOOD.with_file("estimator.py", ESTIMATOR.replace("len(values)", "length(values)"))
EDIT = """The name `length` does not exist.

estimator.py
<<<<<<< SEARCH
    return total / length(values)
=======
    return total / len(values)
>>>>>>> REPLACE
"""
NAME_ERROR = """Traceback (most recent call last):
  File "/work/main.py", line 30, in <module>
    main()
  File "/work/estimator.py", line 9, in mean
    return total / length(values)
NameError: name 'length' is not defined
"""
NO_SCIPY = """Traceback (most recent call last):
  File "/work/estimator.py", line 4, in <module>
    import scipy
ModuleNotFoundError: No module named 'scipy'
"""
ENVIRONMENT = Environment("scripted", "none", "3.11", (), Limits())


def report(phase: Phase = "smoke", stderr: str = "") -> ExecutionReport:
    """A run that ended in `phase`, well if it printed nothing."""
    result = CommandResult(("python3", "main.py", "--smoke"), 1 if stderr else 0, 0.1, "", stderr)
    return ExecutionReport("smoke", ENVIRONMENT, (PhaseResult(phase, result),))


def program(repository: Repository) -> ExecutionReport:
    """What Python would say to the estimator."""
    source = repository.files["estimator.py"]
    if "scipy" in source and "scipy" not in repository.files["requirements.txt"]:
        return report("import", NO_SCIPY)
    return report("smoke", NAME_ERROR if "length(" in source else "")


def fixer(
    llm: ScriptedLLM, run: Callable[[Repository], ExecutionReport] = program, max_fixes: int = 8
) -> Fixer:
    analyses = {"estimator.py": FileAnalysis("estimator.py", "Sum over count.")}
    return Fixer(PLAN, analyses, Context("system"), llm, run, max_fixes, Limits())


def test_what_runs_is_left_as_it_is() -> None:
    llm = ScriptedLLM({})
    fix = fixer(llm)
    repository, execution = fix.fix(GOOD)
    assert (repository, execution.ok, llm.asked, fix.changes) == (GOOD, True, [], [])
    assert [attempt.signature for attempt in fix.attempts] == [None]


def test_the_model_sees_traceback_and_file_and_its_edit_is_run() -> None:
    llm = ScriptedLLM({"fix.1": EDIT})
    fix, found = fixer(llm), list[tuple[str, str]]()
    fix.found = lambda what, said: found.append((what, said))
    repository, execution = fix.fix(BROKEN)
    assert (repository, execution.ok) == (GOOD, True)
    asked = llm.asked[0].task
    assert "NameError: name 'length' is not defined" in asked
    assert "total = float(values.sum())" in asked
    assert "seed: 0" in asked
    first, second = fix.attempts
    assert first.signature == "NameError: name 'length' is not defined at estimator.py:mean"
    assert first.remedy == "model: The name `length` does not exist."
    assert first.lines_changed > 0
    assert (second.signature, second.remedy, second.lines_changed) == (None, None, 0)
    assert found == [
        ("first run", f"smoke run: {first.signature}"),
        ("repair", first.signature),
        ("repair", f"{first.signature}: {first.remedy}"),
        ("repair", ""),
    ]


def test_a_known_package_is_declared_without_asking_the_model() -> None:
    llm = ScriptedLLM({})
    needs_scipy = GOOD.with_file(
        "estimator.py", ESTIMATOR.replace("import numpy as np", "import numpy as np\nimport scipy")
    )
    repository, execution = fixer(llm).fix(needs_scipy)
    assert execution.ok
    assert repository.files["requirements.txt"].split() == ["numpy", "PyYAML", "scipy"]
    assert llm.asked == []


def test_an_edit_that_hides_the_failure_is_refused_with_the_reason() -> None:
    hiding = EDIT.replace(
        "    return total / len(values)",
        "    try:\n        return total / length(values)\n    except Exception:\n        return 0.0",
    )
    llm = ScriptedLLM({"fix.1": hiding, "fix.2": EDIT})
    repository, execution = fixer(llm).fix(BROKEN)
    assert (repository, execution.ok) == (GOOD, True)
    assert "refused" in llm.asked[1].task


def test_what_a_fix_says_of_the_plan_is_kept_and_told_to_the_next() -> None:
    wrong = "CORRECTION of logic\nWRONG: Sum over count.\nRIGHT: Sum over length.\nPAPER:\n\n"
    llm = ScriptedLLM({"fix.1": f"The plan misleads.\n\n{wrong}I see no edit.", "fix.2": EDIT})
    fix = fixer(llm)
    assert fix.fix(BROKEN)[1].ok
    assert [(c.where, c.right, c.quote) for c in fix.corrections] == [("logic", "Sum over length.", "")]
    assert "found wrong: logic, “Sum over count.”: Sum over length." in llm.asked[1].task


def test_an_answer_without_edits_is_asked_for_again() -> None:
    llm = ScriptedLLM({"fix.1": "I think that it is fine.", "fix.2": EDIT})
    assert fixer(llm).fix(BROKEN)[1].ok
    assert "could not be applied" in llm.asked[1].task


def test_the_third_time_the_file_is_written_anew_and_then_it_stops() -> None:
    counter = iter(range(100))

    def useless(prompt: object) -> str:
        number = next(counter)
        return EDIT.replace(
            "    return total / len(values)", f"    total += {number}\n    return total / length(values)"
        ).replace("    return total / length(values)\n=======", "    return total / length(values)\n=======")

    def always_broken(repository: Repository) -> ExecutionReport:
        return report("smoke", NAME_ERROR)

    llm = ScriptedLLM({f"fix.{n}": useless for n in range(1, 9)})
    fix = fixer(llm, always_broken)
    assert not fix.fix(BROKEN)[1].ok
    assert len(llm.asked) == 3
    assert "write `estimator.py` anew" in llm.asked[2].task
    assert "Sum over count." in llm.asked[2].task
    assert len(fix.attempts) == 4


def test_a_model_that_sees_no_cause_in_the_repository_may_say_so() -> None:
    llm = ScriptedLLM({"fix.1": "NO CHANGE: the sandbox has no such device."})
    fix = fixer(llm)
    repository, execution = fix.fix(BROKEN)
    assert (repository, execution.ok, llm.stages) == (BROKEN, False, ["fix.1"])
    assert fix.attempts[-1].remedy == "model: NO CHANGE: the sandbox has no such device."


def test_it_stops_at_the_limit_of_fixes() -> None:
    llm = ScriptedLLM({f"fix.{n}": "no edit" for n in range(1, 9)})
    repository, execution = fixer(llm, max_fixes=2).fix(BROKEN)
    assert (len(llm.asked), execution.ok, repository) == (2, False, BROKEN)


def test_with_no_fixes_allowed_it_only_runs() -> None:
    llm = ScriptedLLM({})
    _, execution = fixer(llm, max_fixes=0).fix(BROKEN)
    assert (execution.ok, llm.asked) == (False, [])


def test_going_round_in_a_circle_ends_it_with_the_best_state() -> None:
    there = EDIT.replace("length(values)", "len(values)").replace(
        "    return total / len(values)\n>>>", "    return total / values.size\n>>>"
    )
    back = there.replace("len(values)", "@").replace("values.size", "len(values)").replace("@", "values.size")

    def broken_either_way(repository: Repository) -> ExecutionReport:
        if "len(" in repository.files["estimator.py"]:
            return report("import", NAME_ERROR)
        return report("smoke", NAME_ERROR)

    llm = ScriptedLLM({"fix.1": there, "fix.2": back})
    repository, execution = fixer(llm, broken_either_way).fix(GOOD)
    assert "values.size" in repository.files["estimator.py"]
    assert execution.phases[-1].phase == "smoke"
    assert llm.stages == ["fix.1", "fix.2"]


def test_a_failing_sandbox_is_an_exception_and_never_shown_to_the_model() -> None:
    def down(repository: Repository) -> ExecutionReport:
        raise RuntimeError("the daemon is gone")

    llm = ScriptedLLM({})
    with pytest.raises(RuntimeError):
        fixer(llm, down).fix(BROKEN)
    assert llm.asked == []


def test_a_time_out_shows_where_it_was_and_blames_no_file_without_a_stack() -> None:
    stack = 'Timeout!\nThread 0x1 (most recent call first):\n  File "/work/estimator.py", line 9 in mean\n'

    def asked(stderr: str) -> list[str]:
        def run(repository: Repository) -> ExecutionReport:
            result = CommandResult(("python3", "main.py", "--smoke"), None, 9.0, "", stderr, timed_out=True)
            return ExecutionReport("smoke", ENVIRONMENT, (PhaseResult("smoke", result),))

        def another(prompt: Prompt) -> str:
            comment = f"# {prompt.stage}"
            return f"Smaller.\n\nconfig.yaml\n<<<<<<< SEARCH\nseed: 0\n=======\n{comment}\nseed: 0\n>>>>>>> REPLACE\n"

        llm = ScriptedLLM({f"fix.{number}": another for number in range(1, 9)})
        fixer(llm, run).fix(GOOD)
        return [prompt.task for prompt in llm.asked]

    dumped, nothing = asked(stack), asked("")
    assert "return total / len(values)" in dumped[0]
    assert "The stacks in the output show where" in dumped[0]
    assert "write `estimator.py` anew" in dumped[-1]
    assert not [task for task in nothing if "anew" in task or "The stacks" in task]


def test_who_mends_sees_the_file_of_the_experiment_that_failed_without_a_traceback() -> None:
    reporting = "def write_table(report):\n    pass  # Nothing yet.\n"
    experiments = """from harness import Experiment
from reporting import write_table
EXPERIMENTS = (Experiment("table1", shows="S1", run=print, report=write_table),)
"""
    usable = GOOD.with_file("experiments.py", experiments).with_file("reporting.py", reporting)

    def silent(repository: Repository) -> ExecutionReport:
        result = CommandResult(("python3", "main.py", "report"), 1, 0.1, "table1: its report failed: no", "")
        return ExecutionReport("smoke", ENVIRONMENT, (PhaseResult("report", result),))

    llm = ScriptedLLM({"fix.1": "NO CHANGE: seen enough."})
    fixer(llm, silent).fix(usable)
    assert "Nothing yet." in llm.asked[0].task
    assert "total = float(values.sum())" not in llm.asked[0].task


@pytest.mark.parametrize("harnessed", [True, False])
def test_a_gap_is_closed_by_a_download_only_where_the_contract_knows_downloads(harnessed: bool) -> None:
    before = Repository({**GOOD.files, **(given(PLAN.logic) if harnessed else {})})
    fetching = before.with_file(
        "data.py", "import requests\n\n\ndef get(url):\n    return requests.get(url)\n"
    )
    assert ("network" in " ".join(fixer(ScriptedLLM({})).objections(before, fetching))) is harnessed


def test_a_change_to_what_runs_is_told_and_taken_back_where_it_breaks() -> None:
    fix = fixer(ScriptedLLM({}))
    fix.execute(GOOD)
    better = GOOD.with_file("estimator.py", f"{ESTIMATOR}# Equation 1\n")
    assert fix.broken_by(Change(better, "audit: R1"), GOOD) == ""
    assert "NameError" in fix.broken_by(Change(BROKEN, "audit: R2"), better)
    first, second, third = fix.attempts
    assert (first.remedy, first.lines_changed, first.why) == ("audit: R1", 1, "the code as it was written")
    assert second.remedy.startswith("audit: R2 (taken back: with that, smoke failed: NameError")
    assert (second.lines_changed, second.signature) == (0, None)
    assert third.why == "with that change"


def stopped(repository: Repository) -> ExecutionReport:
    """A run that does not end in time."""
    result = CommandResult(("python3", "main.py", "--smoke"), None, 120.0, "", "", timed_out=True)
    return ExecutionReport("smoke", ENVIRONMENT, (PhaseResult("smoke", result),))


def test_what_a_busy_machine_stopped_is_run_with_twice_the_time_before_anybody_is_asked() -> None:
    llm = ScriptedLLM({})
    fix = replace(fixer(llm, stopped), patient=program, busy=lambda: "15 processes wanted 2 processors")
    _, execution = fix.fix(GOOD)
    assert (execution.ok, llm.asked) == (True, [])
    first, second = fix.attempts
    assert first.remedy and "15 processes wanted 2 processors" in first.remedy
    assert (first.lines_changed, second.why, second.signature) == (0, "the same with twice the time", None)


def test_who_mends_what_was_stopped_twice_reads_of_the_busy_machine_before_all_the_output() -> None:
    llm = ScriptedLLM({"fix.1": "NOT THE CODE: the machine is busy."})
    fix = replace(fixer(llm, stopped), patient=stopped, busy=lambda: "15 processes wanted 2 processors")
    fix.fix(GOOD)
    verdict = llm.asked[0].task.partition("<output")[0]
    assert "since the machine was busy: 15 processes wanted 2 processors" in verdict


@pytest.mark.parametrize("outcome", ["NO CHANGE", "NOT THE CODE"])
def test_on_a_calm_machine_a_run_that_takes_too_long_is_shown_to_its_writer(outcome: str) -> None:
    llm = ScriptedLLM({"fix.1": f"{outcome}: it needs a larger machine."})
    fix = replace(fixer(llm, stopped), patient=program)
    _, execution = fix.fix(GOOD)
    assert (execution.ok, llm.stages, len(fix.attempts)) == (False, ["fix.1"], 1)
    assert fix.attempts[0].remedy == f"model: {outcome}: it needs a larger machine."
