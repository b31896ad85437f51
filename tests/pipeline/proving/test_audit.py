import pytest

from pipeline.coding.repository import Repository
from pipeline.model.asking import Context
from pipeline.planning.documents import config_yaml
from pipeline.planning.plan import Held, Plan
from pipeline.proving.audit import Review, Reviewer
from pipeline.proving.evidence import Evidence, Place, locate
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, EXPERIMENTS, LOGIC, PLAN, judgements

CODE = Repository({"estimator.py": ESTIMATOR, "experiments.py": EXPERIMENTS, "config.yaml": "seed: 0\n"})
CONTEXT = Context("system")


def look(llm: ScriptedLLM, repository: Repository = CODE, plan: Plan = PLAN, opinions: int = 0) -> Review:
    return Reviewer(plan, llm, CONTEXT, opinions).look(repository)


def test_evidence_is_located_by_symbol_and_line() -> None:
    place = locate(Evidence(file="estimator.py", symbol="mean", line="return total / len(values)"), CODE)
    assert place == Place("estimator.py", 6, 9, "mean")
    lines = ESTIMATOR.splitlines()
    assert lines[5].startswith("def mean")


def test_evidence_in_the_configuration_is_one_line() -> None:
    assert locate(Evidence(file="config.yaml", symbol="", line="seed: 0"), CODE) == Place(
        "config.yaml", 1, 1, ""
    )


def test_evidence_that_is_not_there_is_said_in_words() -> None:
    for file, symbol, line, reason in [
        ("other.py", "mean", "x", "no file other.py"),
        ("estimator.py", "median", "x", "defines no median"),
        ("estimator.py", "mean", "return 0", "does not stand in mean"),
        ("estimator.py", "mean", "", "does not stand in mean"),
        ("estimator.py", "mean", "import numpy as np", "does not stand in mean"),
    ]:
        located = locate(Evidence(file=file, symbol=symbol, line=line), CODE)
        assert isinstance(located, str)
        assert reason in located


def test_a_claim_without_true_evidence_goes_back_once_and_then_counts_as_missing() -> None:
    llm = ScriptedLLM({"audit": judgements("return the_mean"), "audit#2": judgements("return the_mean")})
    first, second = look(llm).findings
    assert (first.verdict, second.verdict) == ("missing", "implemented")
    assert "return the_mean" in first.note
    assert "R2" not in llm.asked[1].task
    assert "return the_mean" in llm.asked[1].task


def test_true_evidence_on_the_second_try_is_taken() -> None:
    llm = ScriptedLLM({"audit": judgements("return the_mean"), "audit#2": judgements()})
    first, _ = look(llm).findings
    assert first.verdict == "implemented"
    assert first.places(CODE) == (Place("estimator.py", 6, 9, "mean"),)


def test_a_trailing_comment_may_be_left_out_of_evidence() -> None:
    code = Repository({"config.yaml": 'rate: 0.1  # [S1] "a rate of 0.1"\n'})
    assert locate(Evidence(file="config.yaml", symbol="", line="rate: 0.1"), code) == Place(
        "config.yaml", 1, 1, ""
    )
    assert isinstance(locate(Evidence(file="config.yaml", symbol="", line="rate: 0"), code), str)


HELD = PLAN.model_copy(
    update={
        "logic": LOGIC.model_copy(
            update={"held": (Held(requirement="R2", keys=("training.learning_rate",)),)}
        )
    }
)
SETTINGS = Repository(
    {
        "estimator.py": ESTIMATOR,
        "experiments.py": EXPERIMENTS,
        "config.yaml": config_yaml(PLAN.configuration, PLAN.anchors),
    }
)


def test_a_requirement_that_a_setting_fulfils_is_judged_by_program() -> None:
    llm = ScriptedLLM({"audit": judgements()})
    _, rate = look(llm, SETTINGS, HELD).findings
    assert "R2" not in llm.asked[0].task
    assert rate.verdict == "implemented"
    assert rate.note == "Checked by program: `training.learning_rate` is 0.001 and read in `experiments.py`."
    assert [(place.file, place.symbol) for place in rate.places(SETTINGS)] == [
        ("experiments.py", "estimate"),
        ("config.yaml", ""),
    ]


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        ("config.yaml", "learning_rate: 0.001", "learning_rate: 0.01", "is 0.01, and was planned as 0.001"),
        ("config.yaml", "learning_rate", "rate", "holds no `training.learning_rate`"),
        ("experiments.py", '["learning_rate"]', '["rate"]', "no code names `training.learning_rate`"),
        (
            "experiments.py",
            'settings["learning_rate"]',
            '[settings[name] for name in ("learning_rate",)][0]',
            "`training.learning_rate` is named in `experiments.py`, but not as a key that is read",
        ),
        (
            "experiments.py",
            'settings["learning_rate"]',
            "types.SimpleNamespace(**settings).learning_rate",
            "is named in `experiments.py`, but not as a key that is read",
        ),
    ],
)
def test_a_setting_that_changed_or_that_nothing_reads_is_left_to_the_model_which_says_why(
    path: str, old: str, new: str, why: str
) -> None:
    changed = SETTINGS.with_file(path, SETTINGS.files[path].replace(old, new))
    llm = ScriptedLLM({"audit": judgements()})
    _, rate = look(llm, changed, HELD).findings
    assert "R2" in llm.asked[0].task
    assert rate.note.startswith("A program could not tell from settings alone: ") and why in rate.note
