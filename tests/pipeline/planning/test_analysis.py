"""Analyses of delicate files."""

import pytest

from pipeline.model.asking import Context, Unfit
from pipeline.planning.analysis import analyze, sections
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import PLAN

PATHS = ["estimator.py", "experiments.py"]
BOTH = "Words.\n\n## estimator.py\n\n- Sum.\n\n```python\n# main.py comes later\n```\n\n### `experiments.py`\nDraw.\n"


def test_each_file_gets_its_section() -> None:
    found = sections(BOTH, PATHS)
    assert found == {
        "estimator.py": "- Sum.\n\n```python\n# main.py comes later\n```",
        "experiments.py": "Draw.",
    }


@pytest.mark.parametrize(
    "text", ["## estimator.py\n\n- Sum.", "## experiments.py\n\n## estimator.py\n\n- Sum."]
)
def test_a_file_that_was_left_out_is_asked_for(text: str) -> None:
    with pytest.raises(Unfit, match=r"no section `## experiments\.py`"):
        sections(text, PATHS)


def test_all_files_are_thought_through_in_one_call_which_is_repeated_where_one_is_missing() -> None:
    llm = ScriptedLLM({"analysis": "## experiments.py\n\nDraw.", "analysis#2": BOTH})
    found = analyze(PLAN, Context("system"), llm, (), lambda path: None)
    assert {path: analysis.text for path, analysis in found.items()} == sections(BOTH, PATHS)
    assert llm.stages == ["analysis", "analysis#2"]


def test_a_refined_analysis_keeps_its_first_version_and_the_critique() -> None:
    better = BOTH.replace("Sum", "Sum over count")
    llm = ScriptedLLM({"analysis": BOTH, "analysis.critique": "Divide.", "analysis.refined": better})
    found = analyze(PLAN, Context("system"), llm, ("analysis",), lambda path: None)["estimator.py"]
    assert "Sum over count" in found.text
    assert found.draft
    assert (found.draft.stage, found.draft.critique) == ("analysis.estimator.py", "Divide.")
    assert "Sum over count" not in found.draft.text
