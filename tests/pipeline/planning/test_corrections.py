import pytest

from pipeline.model.asking import Context
from pipeline.planning.analysis import analyze
from pipeline.planning.corrections import separated, shown
from pipeline.planning.plan import Correction
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
