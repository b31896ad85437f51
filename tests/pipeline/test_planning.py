import json

import yaml

from pipeline.asking import Context
from pipeline.documents import config_yaml
from pipeline.plan import ConfigEntry, Configuration, Plan
from pipeline.planning import Planner
from tests.fakes.scripted import ScriptedLLM
from tests.pipeline.plans import CONFIGURATION, MEAN, OVERVIEW, PAPER, PLAN, RATE, recording


def plan(llm: ScriptedLLM, *refine: str) -> Plan:
    return Planner(
        PAPER, llm, Context("system").extended("paper", PAPER.text()), "full", refine, lambda detail: None
    ).plan()


def test_the_four_steps_see_paper_and_all_before_them() -> None:
    llm = ScriptedLLM(recording())
    made = plan(llm)
    assert made == PLAN
    assert llm.stages == ["plan.overview", "plan.architecture", "plan.logic", "plan.config"]
    for earlier, later in zip(llm.asked, llm.asked[1:], strict=False):
        assert later.shared.startswith(earlier.shared)
        assert len(later.shared) > len(earlier.shared)


def test_a_requirement_whose_quotation_is_not_in_the_paper_goes_back_once() -> None:
    invented = MEAN.model_copy(update={"quote": "The estimate is the geometric mean of all observations."})
    overview = OVERVIEW.model_copy(update={"requirements": (invented, RATE)})
    mended = json.dumps({"requirements": [MEAN.model_dump()]})
    llm = ScriptedLLM(
        recording() | {"plan.overview": overview.model_dump_json(), "plan.overview.quotes": mended}
    )
    made = plan(llm)
    assert made.overview.requirements == (MEAN, RATE)
    assert made.refused == ()
    assert "geometric" in llm.asked[1].task


def test_a_quotation_that_stays_invented_is_dropped_and_counted() -> None:
    invented = RATE.model_copy(update={"quote": "We use a learning rate of $10^{-4}$"})
    overview = OVERVIEW.model_copy(update={"requirements": (MEAN, invented)})
    llm = ScriptedLLM(
        recording()
        | {
            "plan.overview": overview.model_dump_json(),
            "plan.overview.quotes": json.dumps({"requirements": [invented.model_dump()]}),
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
    better = OVERVIEW.model_copy(update={"summary": "The arithmetic mean."})
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
    assert PLAN.levels() == [["estimator.py"], ["main.py"]]
