import pytest

from pipeline.model.asking import Context
from pipeline.planning.plan import FileLogic, Function, Held, Requirement
from pipeline.proving.authoring import MOST, Author, Part, Suite
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
    assert untested == Suite({}, {"R2": "It is listed as values that are set: no test was asked for."})


def test_each_requirement_is_tested_or_named_with_the_reason_why_not() -> None:
    kinds = {"R2": ("hyperparameter", 3), "R3": ("result", 3), "R4": ("training", 1), "R5": ("training", 3)}
    others = [MEAN.model_copy(update={"id": n, "kind": k, "weight": w}) for n, (k, w) in kinds.items()]
    held = (Held(requirement="R5", keys=("training.learning_rate",)),)
    plan = PLAN.model_copy(
        update={
            "overview": OVERVIEW.model_copy(update={"requirements": (MEAN, *others)}),
            "logic": LOGIC.model_copy(update={"held": held}),
        }
    )
    _, suite = Author(plan, ScriptedLLM({}), Context("")).parts()
    assert suite.untested == {
        "R2": "It is listed as values that are set: no test was asked for.",
        "R3": "It states what whole experiments give, and tests run none of them.",
        "R4": "Only what weighs 2 or more is tested.",
        "R5": "By the plan it is fulfilled by values of `config.yaml` alone.",
    }


def test_what_the_plan_has_no_function_for_takes_no_other_s_place() -> None:
    nowhere = [MEAN.model_copy(update={"id": f"R{n}"}) for n in range(2, MOST + 2)]
    overview = OVERVIEW.model_copy(update={"requirements": (*nowhere, MEAN)})
    parts, _ = Author(PLAN.model_copy(update={"overview": overview}), ScriptedLLM({}), Context("")).parts()
    assert [part.requirements for part in parts] == [(MEAN,)]


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


def test_what_is_refused_is_mended_by_edits_of_what_stands() -> None:
    wrong = ANSWER.replace("estimator import", "elsewhere import")
    edit = (
        "<<<<<<< SEARCH\nfrom elsewhere import mean\n=======\nfrom estimator import mean\n>>>>>>> REPLACE\n"
    )
    missed = edit.replace("elsewhere", "nowhere")
    answers = {"tests": wrong, "tests#2": f"tests/test_estimator.py\n{missed}"}
    suite, llm = written(answers | {"tests#3": f"tests/test_estimator.py\n{edit}\nPARTLY R1: no weights."})
    assert suite == Suite({"tests/test_estimator.py": TESTS}, {}, {"R1": "no weights."})
    assert all("from elsewhere import mean" in prompt.task for prompt in llm.asked[1:])
    assert "elsewhere" in llm.asked[1].task.partition("It found:")[2]


def test_what_cannot_be_tested_is_answered_as_such() -> None:
    suite, _ = written({"tests": "UNTESTED R1: it happens inside the training loop."})
    assert suite == Suite({}, {"R1": "it happens inside the training loop."})


def test_of_what_is_tested_in_part_the_rest_is_said() -> None:
    suite, _ = written({"tests": f"{ANSWER}\nPARTLY R1: weights are drawn inside the loop."})
    assert suite == Suite(
        {"tests/test_estimator.py": TESTS}, {}, {"R1": "weights are drawn inside the loop."}
    )
    suite, llm = written({"tests": "PARTLY R1: all of it.", "tests#2": ANSWER})
    assert suite.files and not suite.partly and len(llm.asked) == 2


def test_what_is_wrong_in_the_same_way_is_said_once() -> None:
    loose = "\n    assert mean([1.0]) == pytest.approx(1.0, rel=1e-9)" * 2
    first = ANSWER.replace("from estimator", "import pytest\nfrom estimator").replace(
        "== 3.0", f"== 3.0{loose}"
    )
    _, llm = written({"tests": first, "tests#2": ANSWER})
    assert (
        "lines 7, 8: no comment above or beside it says why `rel=1e-09` is the right tolerance."
        in llm.asked[1].task
    )
    faults = {f"tests/test_estimator.py::test_r1_{n}": "It passes whatever." for n in "ab"}
    llm = ScriptedLLM({"again": ANSWER})
    Author(PLAN, llm, Context("")).corrected({"tests/test_estimator.py": TESTS}, faults, (), "again")
    assert llm.asked[0].task.count("It passes whatever.") == 1


def test_only_what_a_judge_has_read_can_be_disputed() -> None:
    files, name = (
        {"tests/test_estimator.py": TESTS},
        "tests/test_estimator.py::test_r1_is_the_sum_over_the_count",
    )
    disputed = "DISPUTED test_r1_is_the_sum_over_the_count: it is the count."
    llm = ScriptedLLM({"again": disputed, "again#2": ANSWER, "judged": disputed})
    author = Author(PLAN, llm, Context(""))
    assert author.corrected(files, {name: "It is blind."}, (), "again") == (files, {})
    assert "No judge has read `test_r1_is_the_sum_over_the_count`: correct it." in llm.asked[1].task
    assert author.corrected(files, {name: "Wrong."}, {name}, "judged") == (files, {name: "it is the count."})


def test_where_nothing_usable_comes_the_repository_stands_without_tests() -> None:
    suite, _ = written(dict.fromkeys(("tests", "tests#2", "tests#3"), "I have none."))
    assert not suite.files
    assert suite.untested["R1"].startswith("No tests came of it: ")
