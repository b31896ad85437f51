"""The report's figures and words, where a whole run would be too much to see them."""

from pipeline.coding.repository import Repository
from pipeline.planning.plan import ConfigEntry, Configuration
from pipeline.proving.report import execution_report
from tests.pipeline.plans import PLAN


def test_assumed_values_read_as_in_config_yaml() -> None:
    values = ((0.9, 0.999), True, None, "adam", 1e-5)
    entries = (ConfigEntry(key="k", value=v, quote="", assumed="usual", smoke=None) for v in values)
    plan = PLAN.model_copy(update={"configuration": Configuration(entries=tuple(entries))})

    report = execution_report(
        plan=plan, mode="smoke", execution=None, attempts=(), repository=Repository({}), seconds={}
    )

    said = [item["assumption"] for item in report["assumptions"] if item["kind"] == "configuration"]
    assert said == ["[0.9, 0.999]", "true", "null", "adam", "1.0e-05"]
