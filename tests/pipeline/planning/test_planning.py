import json
from concurrent.futures import ThreadPoolExecutor

import yaml

from pipeline.model.asking import Context
from pipeline.planning.documents import config_yaml
from pipeline.planning.plan import (
    ConfigEntry,
    Configuration,
    Function,
    OpenQuestion,
    Parameter,
    Plan,
    Requirements,
    Settled,
)
from pipeline.planning.planning import Planner
from pipeline.reading.paper import Paper
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import (
    CONFIGURATION,
    LOGIC,
    MEAN,
    PAPER,
    PLAN,
    RATE,
    READING,
    REQUIREMENTS,
    recording,
)


def plan(llm: ScriptedLLM, *refine: str, paper: Paper = PAPER) -> Plan:
    context = Context("system").extended("paper", paper.text())
    with ThreadPoolExecutor(1) as executor:
        return Planner(paper, llm, context, executor, "full", refine, lambda detail: None).plan()


def test_the_steps_see_paper_and_all_before_them() -> None:
    llm = ScriptedLLM(recording())
    made = plan(llm)
    assert made == PLAN
    shared = {prompt.stage: prompt.shared for prompt in llm.asked}
    assert shared["plan.requirements"] == shared["plan.architecture"] == shared["plan.config"]
    for earlier, later in (("plan.overview", "plan.architecture"), ("plan.architecture", "plan.logic")):
        assert shared[later].startswith(shared[earlier])
        assert len(shared[later]) > len(shared[earlier])
    for known in (MEAN.text, "learning_rate: 0.001", "estimator.py"):
        assert known in shared["plan.logic"].removeprefix(shared["plan.config"])


def test_a_question_that_the_paper_answers_is_not_open() -> None:
    question = OpenQuestion(question="Which batch?", assumption="64", why="usual")
    other = OpenQuestion(question="Which mean?", assumption="geometric", why="usual")
    answers = (
        Settled(number=1, quote="a batch of 32 observations"),
        Settled(number=2, quote="the geometric mean of all observations"),
        Settled(number=3, quote="a batch of 32 observations"),
    )
    llm = ScriptedLLM(
        recording()
        | {
            "plan.overview": READING.model_copy(update={"unclear": (question, other)}).model_dump_json(),
            "plan.requirements": REQUIREMENTS.model_copy(update={"settled": answers}).model_dump_json(),
        }
    )
    assert plan(llm).overview.unclear == (other,)
    told = next(prompt.shared for prompt in llm.asked if prompt.stage == "plan.logic")
    assert "Which batch? The paper says in [S1]: “a batch of 32 observations”" in told


def test_leaves_without_a_source_have_that_of_the_leaf_before() -> None:
    entries = [
        {"key": "seed", "value": 0, "assumed": "any does"},
        {
            "key": "training.learning_rate",
            "value": 0.001,
            "quote": "$10^{-3}$ and a batch of 32 observations",
        },
        {"key": "training.batch", "value": 32, "smoke": 4},
    ]
    made = plan(ScriptedLLM(recording() | {"plan.config": json.dumps({"entries": entries})}))
    assert made.anchors["training.batch"] == "S1"
    lines = config_yaml(made.configuration, made.anchors).splitlines()
    assert lines[2:4] == [
        '  learning_rate: 0.001  # [S1] "$10^{-3}$ and a batch of 32 observations"',
        "  batch: 32  # as above",
    ]


def test_leaves_that_the_logic_design_lacks_are_added_and_looked_up() -> None:
    invented = ConfigEntry(key="training.steps", value=7, quote="We train for 7 steps")
    logic = LOGIC.model_copy(update={"lacking": (invented,)})
    llm = ScriptedLLM(
        recording()
        | {
            "plan.logic": logic.model_dump_json(),
            "plan.logic.quotes": Configuration(entries=(invented,)).model_dump_json(),
        }
    )
    added = plan(llm).configuration.entries[-1]
    assert (added.key, added.value, added.quote) == ("training.steps", 7, "")
    assert added.assumed


def test_a_parameter_may_be_one_text() -> None:
    said = {"name": "f", "parameters": ["x: dict[str, int]", "n: int = 3"], "returns": "int"}
    function = Function.model_validate(said)
    assert function.parameters == (
        Parameter(name="x", type="dict[str, int]"),
        Parameter(name="n", type="int = 3"),
    )
    assert Function.model_validate_json(function.model_dump_json()) == function


def test_a_requirement_whose_quotation_is_not_in_the_paper_goes_back_once() -> None:
    invented = MEAN.model_copy(update={"quote": "The estimate is the geometric mean of all observations."})
    requirements = Requirements(requirements=(invented, RATE))
    mended = json.dumps({"requirements": [MEAN.model_dump()]})
    llm = ScriptedLLM(
        recording()
        | {"plan.requirements": requirements.model_dump_json(), "plan.requirements.quotes": mended}
    )
    made = plan(llm)
    assert made.overview.requirements == (MEAN, RATE)
    assert made.refused == ()
    assert "geometric" in next(p.task for p in llm.asked if p.stage == "plan.requirements.quotes")


def test_a_quotation_that_stays_invented_is_dropped_and_counted() -> None:
    invented = RATE.model_copy(update={"quote": "We use a learning rate of $10^{-4}$"})
    requirements = Requirements(requirements=(MEAN, invented))
    llm = ScriptedLLM(
        recording()
        | {
            "plan.requirements": requirements.model_dump_json(),
            "plan.requirements.quotes": json.dumps({"requirements": [invented.model_dump()]}),
            "plan.logic": recording()["plan.logic"].replace('"R2"', ""),
        }
    )
    made = plan(llm)
    assert made.overview.requirements == (MEAN,)
    assert made.refused == (invented,)


def test_a_configured_value_that_its_quotation_does_not_state_becomes_an_assumption() -> None:
    wrong = ConfigEntry(
        key="training.learning_rate",
        value=0.01,
        quote="We use a learning rate of $10^{-3}$",
        assumed="",
        smoke=None,
    )
    entries = tuple(wrong if e.key == wrong.key else e for e in CONFIGURATION.entries)
    llm = ScriptedLLM(
        recording()
        | {
            "plan.config": Configuration(entries=entries).model_dump_json(),
            "plan.config.quotes": Configuration(entries=(wrong,)).model_dump_json(),
        }
    )
    entry = next(e for e in plan(llm).configuration.entries if e.key == wrong.key)
    assert entry.quote == ""
    assert entry.assumed


def test_a_refined_step_keeps_its_first_version_and_the_critique() -> None:
    better = READING.model_copy(update={"summary": "The arithmetic mean."})
    llm = ScriptedLLM(
        recording()
        | {"plan.overview.critique": "Say which mean.", "plan.overview.refined": better.model_dump_json()}
    )
    made = plan(llm, "overview")
    assert made.overview.summary == "The arithmetic mean."
    (draft,) = made.drafts
    assert draft.critique == "Say which mean."
    assert "The mean." in draft.text


def test_config_yaml_says_where_each_value_comes_from_and_reads_back() -> None:
    text = config_yaml(CONFIGURATION, PLAN.anchors)
    assert '  learning_rate: 0.001  # [S1] "We use a learning rate of $10^{-3}$"' in text
    assert "seed: 0  # assumed: any seed does" in text
    assert yaml.safe_load(text) == {
        "seed": 0,
        "training": {"learning_rate": 0.001, "batch": 32},
        "smoke": {"training": {"batch": 4}},
    }


def test_small_numbers_and_odd_strings_survive_yaml() -> None:
    values = (1e-05, 1e16, "yes", "1e-4", "# no", True, None, (1, 2.5), "ends: with colon")
    entries = tuple(
        ConfigEntry(key=f"k{n}", value=value, quote="", assumed="x", smoke=None)
        for n, value in enumerate(values)
    )
    read = yaml.safe_load(config_yaml(Configuration(entries=entries)))
    assert [read[f"k{n}"] for n in range(len(values))] == [
        list(value) if isinstance(value, tuple) else value for value in values
    ]


def test_levels_put_what_is_needed_first() -> None:
    assert PLAN.levels() == [["estimator.py"], ["experiments.py"]]
