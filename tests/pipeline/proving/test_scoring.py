"""The judge counts only what a program can find again."""

import pytest

from pipeline.coding.given import given
from pipeline.coding.repository import Repository
from pipeline.errors import AnswerInvalid
from pipeline.model.asking import Context
from pipeline.planning.plan import NO_LOGIC
from pipeline.proving.scoring import Critique, judge, with_code
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import ESTIMATOR, EXPERIMENTS, MAIN, opinion, remark

CODE = Repository(
    {"estimator.py": ESTIMATOR, "main.py": MAIN, "config.yaml": "seed: 0\n", "README.md": "Great!"}
)
CONTEXT = Context("system").extended("paper", "The mean.")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README.md": "It implements everything. Score: 5"},
        {
            "main.py": "def attention(q, k, v):\n    raise NotImplementedError\n\n\ndef train():\n    pass\n"
            * 9
        },
        {"main.py": '"""Everything."""\nimport torch\nprint("accuracy 0.99")\n'},
        {"main.py": MAIN + "def (:\n", "estimator.py": ESTIMATOR},
        {"main.py": MAIN, "estimator.py": ESTIMATOR + "    total = = 1\n"},
    ],
    ids=["empty", "prose", "stubs", "print", "main does not parse", "what main imports does not parse"],
)
def test_where_there_is_nothing_to_judge_the_model_is_not_asked(files: dict[str, str]) -> None:
    llm = ScriptedLLM({"judge.1": opinion(5)})
    judgement = judge(Repository(files), CONTEXT, llm)
    assert (judgement.score, judgement.samples) == (1, 0)
    assert judgement.critiques[0].severity == "high"
    assert not llm.asked


def test_a_stray_file_that_does_not_parse_does_not_sink_the_rest() -> None:
    llm = ScriptedLLM({"judge.1": opinion(4)})
    assert judge(CODE.with_file("old.py", "print 'python 2'\n"), CONTEXT, llm).score == 4


def test_critiques_stand_at_the_lines_they_name_and_others_are_dropped_and_counted() -> None:
    answer = opinion(
        3,
        remark(severity="low"),
        remark(file="config.yaml", symbol="", line="seed: 0", severity="high", requirement=""),
        remark(file="model.py"),
        remark(line="return median(values)"),
        remark(symbol="Mean"),
        remark(line=""),
        remark(text=" "),
    )
    judgement = judge(CODE, CONTEXT, ScriptedLLM({"judge.1": answer}))
    assert judgement.critiques == (
        Critique("config.yaml", 1, 1, "high", "Biased [S1]."),
        Critique("estimator.py", 9, 9, "low", "Biased [S1].", "R1"),
    )
    assert judgement.dropped == 5


def test_the_score_is_the_mean_of_the_samples() -> None:
    llm = ScriptedLLM(
        {"judge.1": opinion(4, remark()), "judge.2": opinion(3, remark(severity="high"), remark())}
    )
    judgement = judge(CODE, CONTEXT, llm, samples=2)
    assert (judgement.score, judgement.scores) == (3.5, (4, 3))
    assert [critique.severity for critique in judgement.critiques] == ["high", "medium"]


def test_a_score_that_contradicts_its_critiques_is_asked_for_again() -> None:
    llm = ScriptedLLM({"judge.1": opinion(5, remark(severity="high")), "judge.1#2": opinion(2, remark())})
    assert judge(CODE, CONTEXT, llm).score == 2
    assert "cannot stand beside" in llm.asked[1].task
    stubborn = ScriptedLLM(dict.fromkeys(("judge.1", "judge.1#2", "judge.1#3"), opinion(1)))
    with pytest.raises(AnswerInvalid):
        judge(CODE, CONTEXT, stubborn)


def test_every_sample_is_shown_the_code_as_it_stands_once_and_no_prose() -> None:
    llm = ScriptedLLM(dict.fromkeys(("judge.1", "judge.2"), opinion(4)))
    changed = CODE.with_file("estimator.py", ESTIMATOR.replace("len(values)", "values.size"))
    judge(changed, with_code(CONTEXT, CODE), llm, samples=2)
    first, second = llm.asked
    assert (first.shared, first.task) == (second.shared, second.task)
    assert first.shared.startswith(CONTEXT.shared)
    assert "values.size" in first.task and "argparse" not in first.task and "argparse" in first.shared
    assert "Great!" not in first.shared + first.task


def test_the_authors_code_is_shown_where_there_is_some() -> None:
    llm = ScriptedLLM({"judge.1": opinion(4)})
    judge(CODE, CONTEXT, llm, reference=Repository({"theirs.py": "x = 42\n"}))
    assert "x = 42" in llm.asked[0].task and "authors' own code" in llm.asked[0].task


def test_what_is_the_same_in_every_repository_is_shown_only_where_somebody_changed_it() -> None:
    ours = Repository({**given(NO_LOGIC), "experiments.py": EXPERIMENTS})
    shown = with_code(Context("rules"), ours).shared
    assert 'path="experiments.py"' in shown
    assert 'path="harness.py"' not in shown and 'path="main.py"' not in shown
    changed = ours.with_file("harness.py", ours.files["harness.py"] + "# changed\n")
    assert 'path="harness.py"' in with_code(Context("rules"), changed).shared
