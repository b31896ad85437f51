import pytest

from pipeline.model.asking import Context
from pipeline.planning.analysis import analyze
from pipeline.planning.corrections import applied, separated, shown
from pipeline.planning.documents import config_yaml, plan_documents
from pipeline.planning.plan import ConfigEntry, Configuration, Correction, Plan, Value
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import PAPER, PLAN

WRONG = Correction(
    where="logic", wrong="Sum over count.", right="$a | b$ over {count}", quote="a batch of 32 observations"
)
LINES = f"""CORRECTION of {WRONG.where}
WRONG: {WRONG.wrong}
RIGHT: {WRONG.right}
PAPER: {WRONG.quote}
"""


@pytest.mark.parametrize("between", ["", "\n", "\n\n"])
def test_a_correction_is_told_from_the_rest_of_an_answer(between: str) -> None:
    rest, found = separated(f"The cause is the axis.\n\n{LINES}{between}a.py\n```\nx\n```")
    assert found == (WRONG,)
    assert rest.split() == ["The", "cause", "is", "the", "axis.", "a.py", "```", "x", "```"]


def test_an_answer_without_one_stays_as_it_is() -> None:
    assert separated("No CORRECTION of anything.") == ("No CORRECTION of anything.", ())


def test_where_the_paper_is_silent_no_passage_is_named() -> None:
    silent = LINES.replace(f"PAPER: {WRONG.quote}\n", "PAPER:\n")
    assert separated(silent)[1] == (WRONG.model_copy(update={"quote": ""}),)
    assert separated(silent.replace("PAPER:\n", "a.py"))[1] == separated(silent)[1]
    assert shown(WRONG, PAPER) == WRONG
    assert shown(WRONG.model_copy(update={"quote": "words of nobody"}), PAPER).quote == ""


def test_an_analysis_gives_them_apart_from_its_points() -> None:
    answer = f"## estimator.py\n\n- Sum.\n\n{LINES}\n## experiments.py\n\nDraw."
    found = analyze(PLAN, Context("system"), ScriptedLLM({"analysis": answer}), (), lambda path: None)
    assert (found["estimator.py"].text, found["estimator.py"].corrections) == ("- Sum.", (WRONG,))
    assert found["experiments.py"].corrections == ()


def corrected(*corrections: Correction) -> Plan:
    return PLAN.model_copy(update={"corrections": corrections})


def test_what_was_refuted_stands_nowhere_in_the_plan_as_it_reads() -> None:
    purpose = Correction(where="architecture", wrong="The experiment", right="The mean of three draws")
    message = Correction(where="the call flow", wrong="mean(values) of all", right="mean(values) of a batch")
    calls = [call.model_copy(update={"message": "mean(values) of all"}) for call in PLAN.architecture.calls]
    architecture = PLAN.architecture.model_copy(update={"calls": tuple(calls)})
    plan = corrected(purpose, message).model_copy(update={"architecture": architecture})
    made, unclear = applied(plan)
    assert unclear == []
    assert [file.purpose for file in made.architecture.files] == ["The mean", "The mean of three draws"]
    written = plan_documents(plan)["docs/plan/architecture.md"]
    diagrams = written.partition("```mermaid")[2].partition("## Corrected since")[0]
    assert "a batch" in diagrams and "of all" not in diagrams


@pytest.mark.parametrize(
    ("wrong", "right", "value"),
    [
        ("rate: 0.001", "rate: 0.1", 0.1),
        ("`training.rate: 0.001`", "`training.rate: 0.1`", 0.1),
        ("rate: 0.001", "rate: [0.1, 0.2]", (0.1, 0.2)),
    ],
)
def test_a_leaf_of_the_configuration_is_corrected_where_programs_read_it(
    wrong: str, right: str, value: Value
) -> None:
    entries = (
        ConfigEntry(key="training.rate", value=1e-3, quote="a learning rate of $10^{-3}$"),
        ConfigEntry(key="batch", value=32, assumed="usual"),
    )
    plan = corrected(Correction(where="config.yaml", wrong=wrong, right=right, quote="")).model_copy(
        update={"configuration": Configuration(entries=entries)}
    )
    made, unclear = applied(plan)
    assert [entry.value for entry in made.configuration.entries] == [value, 32] and unclear == []
    assert made.configuration.entries[0].quote == "", "it does not hold the new value"
    assert "a later step corrected it" in config_yaml(made.configuration)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("rate: 7", "rate: 0.1"),
        ("rate: 0.001", "pace: 0.1"),
        ("rate: 0.001", "rate: {a: 1}"),
        ("rate", "rate: 1"),
    ],
)
def test_what_names_no_leaf_changes_none(wrong: str, right: str) -> None:
    entries = (ConfigEntry(key="rate", value=1e-3, assumed="usual"),)
    correction = Correction(where="config.yaml", wrong=wrong, right=right, quote="")
    plan = corrected(correction).model_copy(update={"configuration": Configuration(entries=entries)})
    made, unclear = applied(plan)
    assert (made, unclear) == (plan, [correction])


def test_words_that_stand_twice_or_name_a_file_are_left_to_who_reads_the_correction() -> None:
    twice = Correction(where="architecture", wrong="The", right="A")
    file = Correction(where="logic", wrong="estimator.py", right="mean.py")
    plan = corrected(twice, file)
    made, unclear = applied(plan)
    assert unclear == [twice, file]
    assert made == plan


def test_a_correction_that_holds_the_wrong_words_is_made_once() -> None:
    longer = Correction(where="logic", wrong="Sum over count.", right="Sum over count. Of floats.")
    written = plan_documents(corrected(longer))["docs/plan/logic.md"]
    assert written.count("Of floats.") == 2, "in its place, and in the correction below"
