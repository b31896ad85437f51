import pytest

from pipeline.model.asking import Context
from pipeline.planning.plan import FileLogic, Function, Requirement
from pipeline.proving.authoring import Author, Part, Suite
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import LOGIC, MEAN, OVERVIEW, PLAN, RATE

TESTS = """from estimator import mean


def test_r1_is_the_sum_over_the_count():
    assert mean([1.0, 2.0, 6.0]) == 3.0
"""
ANSWER = f"tests/test_estimator.py\n```python\n{TESTS}```\n"


def written(answers: dict[str, str]) -> tuple[Suite, ScriptedLLM]:
    llm = ScriptedLLM(answers)
    author = Author(PLAN, llm, Context("system", "paper and plan"))
    (part,), _ = author.parts()
    return author.write(part), llm


def test_what_is_computed_is_tested_where_the_plan_has_it() -> None:
    parts, untested = Author(PLAN, ScriptedLLM({}), Context("")).parts()
    assert parts == [Part("tests", ("estimator.py",), (MEAN,))]
    assert untested == Suite()


def test_what_only_an_experiment_does_is_untested_and_why_is_said() -> None:
    weighty = RATE.model_copy(update={"kind": "training", "weight": 2})
    overview = OVERVIEW.model_copy(update={"requirements": (MEAN, weighty)})
    _, suite = Author(PLAN.model_copy(update={"overview": overview}), ScriptedLLM({}), Context("")).parts()
    assert suite.untested == {"R2": "The plan has no function for it that could be called by itself."}


def test_many_requirements_are_tested_side_by_side_and_no_file_by_two() -> None:
    required: list[Requirement] = []
    files: list[FileLogic] = []
    for letter in "abcd":
        ids = [f"R{len(required) + n}" for n in range(1, 6)]
        required += [MEAN.model_copy(update={"id": id_}) for id_ in ids]
        function = Function(name=f"f_{letter}", parameters=(), returns="float")
        files.append(
            LOGIC.files[0].model_copy(
                update={"path": f"{letter}.py", "functions": (function,), "requirements": tuple(ids)}
            )
        )
    plan = PLAN.model_copy(
        update={
            "overview": OVERVIEW.model_copy(update={"requirements": tuple(required)}),
            "logic": LOGIC.model_copy(update={"files": tuple(files)}),
        }
    )
    parts, _ = Author(plan, ScriptedLLM({}), Context("")).parts()
    assert [part.stage for part in parts] == ["tests.1of3", "tests.2of3", "tests.3of3"]
    assert sorted(module for part in parts for module in part.modules) == ["a.py", "b.py", "c.py", "d.py"]
    assert sum(len(part.requirements) for part in parts) == 20


def test_tests_are_written_from_paper_and_plan() -> None:
    suite, llm = written({"tests": ANSWER})
    assert suite == Suite({"tests/test_estimator.py": TESTS})
    (asked,) = llm.asked
    assert asked.shared == "paper and plan"
    assert "R1 (weight 3, `estimator.py`)" in asked.task
    assert llm.usages["tester"].calls == 1


@pytest.mark.parametrize(
    ("first", "complaint"),
    [
        (
            ANSWER.replace("== 3.0", "== mean([1.0])", 1).replace("mean([1.0, 2.0, 6.0])", "mean([1.0])"),
            "holds whatever",
        ),
        (ANSWER.replace("test_r1_is", "test_is"), "R1 is neither tested nor UNTESTED"),
        (ANSWER.replace("test_estimator.py", "test_other.py"), "tests stand in tests/test_estimator.py"),
        ("I have none.", "no edits"),
    ],
)
def test_what_a_program_refuses_goes_back(first: str, complaint: str) -> None:
    suite, llm = written({"tests": first, "tests#2": ANSWER})
    assert complaint in llm.asked[1].task
    assert suite.files


def test_what_cannot_be_tested_is_answered_as_such() -> None:
    suite, _ = written({"tests": "UNTESTED R1: it happens inside the training loop."})
    assert suite == Suite({}, {"R1": "it happens inside the training loop."})


def test_where_nothing_usable_comes_the_repository_stands_without_tests() -> None:
    suite, _ = written(dict.fromkeys(("tests", "tests#2", "tests#3"), "I have none."))
    assert not suite.files
    assert suite.untested["R1"].startswith("No tests came of it: ")
