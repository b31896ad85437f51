"""The report's figures and words, where a whole run would be too much to see them."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.coding.repository import Repository
from pipeline.model.llm import ROLES, Role, Share, Usage
from pipeline.planning.plan import ConfigEntry, Configuration, Correction
from pipeline.proving.documents import report_documents, revised_documents
from pipeline.proving.report import carried_over, execution_report
from pipeline.running.longer import Estimate
from tests.bot.conftest import report as example_report
from tests.pipeline.plans import PLAN

SCHEMA = Path(__file__).parents[3] / "pipeline/proving/execution-report.schema.json"


def test_assumed_values_read_as_in_config_yaml() -> None:
    values = ((0.9, 0.999), True, None, "adam", 1e-5)
    entries = (ConfigEntry(key="k", value=v, quote="", assumed="usual", smoke=None) for v in values)
    plan = PLAN.model_copy(update={"configuration": Configuration(entries=tuple(entries))})

    report = execution_report(
        plan=plan, mode="smoke", execution=None, attempts=(), repository=Repository({}), seconds={}
    )

    said = [item["assumption"] for item in report["assumptions"] if item["kind"] == "configuration"]
    assert said == ["[0.9, 0.999]", "true", "null", "adam", "1.0e-05"]


def played(**models: str) -> dict[str, Any]:
    """A report on a run in which everybody was asked once, by models of that name."""
    usage = Usage(1, 100, 50, 10, 0.25, written_tokens=20)
    shares: dict[Role, Share] = {role: Share(models.get(role, "m"), usage) for role in ROLES}
    shares["judge"] = Share(models.get("judge", "m"))
    return execution_report(
        shares=shares,
        mode="smoke",
        execution=None,
        attempts=(),
        repository=Repository({}),
        seconds={"total": 0.0},
    )


def test_each_role_is_named_with_what_it_cost_and_all_of_them_are_the_sum() -> None:
    report = played(auditor="a", writer="w")
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert [
        (role, share["model"], share["calls"], share["usd"]) for role, share in report["models"].items()
    ] == [
        ("planner", "m", 1, 0.25),
        ("writer", "w", 1, 0.25),
        ("tester", "m", 1, 0.25),
        ("auditor", "a", 1, 0.25),
        ("judge", "m", 0, 0.0),
    ]
    assert report["model"] == "w"
    assert (report["usage"]["calls"], report["usage"]["usd"], report["usage"]["written_tokens"]) == (
        4,
        1.0,
        80,
    )


def test_a_revision_adds_to_what_each_role_has_cost_and_names_both_who_played_it() -> None:
    old, new = played(writer="then"), played(writer="now")
    both = carried_over(old, new, Repository({}), Repository({}), None)
    jsonschema.validate(both, json.loads(SCHEMA.read_text()))
    assert both["models"]["writer"]["model"] == "then, now"
    assert both["models"]["writer"]["calls"] == 2
    assert both["models"]["planner"]["model"] == "m"
    assert both["usage"]["calls"] == 8
    before = {key: value for key, value in old.items() if key != "models"}
    jsonschema.validate(before, json.loads(SCHEMA.read_text()))
    assert carried_over(before, new, Repository({}), Repository({}), None)["models"] is None


def test_a_revision_says_that_figures_are_older_than_its_code() -> None:
    nothing = played()
    drawn = copy.deepcopy(nothing)
    drawn["figures"]["shown"] = [
        {"file": "docs/figures/Fig1.png", "anchor": "Fig1", "caption": "Figure 1: Loss.", "width": 40,
         "height": 30, "bytes": 99, "scaled": True}
    ]  # fmt: skip
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(drawn, schema)
    both = carried_over(drawn, nothing, Repository({}), Repository({}), None)
    jsonschema.validate(both, schema)
    assert both["figures"] == drawn["figures"] | {"earlier": True}
    named = both | {"paper": {"arxiv_id": None, "version": None, "title": "Means"}}
    told = revised_documents({}, named)["docs/execution-report.md"]
    assert "by the code as it was before the last revision" in told
    older = {key: value for key, value in nothing.items() if key != "figures"}
    jsonschema.validate(older, schema)
    assert carried_over(older, nothing, Repository({}), Repository({}), None)["figures"]["shown"] == []
    drawn["figures"]["shown"][0]["file"] = "docs/figures/../../Fig1.png"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(drawn, schema)


def test_a_revision_keeps_what_was_judged_at_lines_that_are_still_there() -> None:
    line = {"start": 1, "end": 1, "severity": "low", "text": "Slow.", "requirement": ""}
    old, before = played(), Repository({"a.py": "x = 1\n", "b.py": "y = 1\n"})
    old["judge"] = {"score": 4.0, "scores": [4], "dropped": 0, "why_not": ""}
    old["judge"]["critiques"] = [line | {"path": path} for path in ("a.py", "b.py")]
    after = Repository({"a.py": "import os\n\nx = 1\n", "b.py": "y = 2\n"})
    both = carried_over(old, played(), before, after, None)
    jsonschema.validate(both, json.loads(SCHEMA.read_text()))
    assert both["judge"]["critiques"] == [line | {"path": "a.py", "start": 3, "end": 3}]


def test_wherever_executed_lines_are_told_it_is_said_who_counted_them() -> None:
    ran = example_report()
    documents = report_documents(PLAN, ran)

    telling = {path for path, text in documents.items() if "no proof against a program that deceives" in text}
    assert telling == {"docs/execution-report.md", "docs/plan/requirements.md"}
    never = report_documents(PLAN, ran | {"environment": None})
    assert "deceives" not in never["docs/execution-report.md"]


def test_what_was_only_seen_not_to_end_is_not_said_not_to_run() -> None:
    made = example_report(status="fails")
    attempt = made["attempts"][-1] | {
        "phase": "smoke",
        "signature": "time-out",
        "timed_out": True,
        "seconds": 120.0,
    }
    made |= {
        "attempts": [attempt],
        "phases": [{"phase": "smoke", "command": [], "ok": False, "seconds": 120.0}],
    }
    made["lines"] |= {"executed": 0, "executed_percent": None}

    documents = report_documents(PLAN, made)

    assert "was stopped in phase smoke after 120 s (1 attempt)." in documents["README.md"]
    assert "does not run" not in documents["README.md"] + documents["docs/execution-report.md"]
    assert "how many ran was not measured" in documents["docs/execution-report.md"]


def test_what_a_later_step_refuted_stands_in_no_readme() -> None:
    correction = Correction(where="architecture", wrong="The mean", right="The mean of a batch")
    told = report_documents(PLAN.model_copy(update={"corrections": (correction,)}), example_report())
    assert "- `estimator.py`: The mean of a batch\n" in told["README.md"]


def test_how_long_an_experiment_takes_is_what_the_estimate_says() -> None:
    made = example_report(contract=2)
    measured = {"name": "table1", "minutes": 7.5, "measured": True}
    made |= {"platforms": {}, "full_run_estimate": {**Estimate().told(), "experiments": [measured]}}
    jsonschema.validate(made, json.loads(SCHEMA.read_text()))
    assert "| nothing | 7.5 min, as measured |" in report_documents(PLAN, made)["README.md"]
    made["full_run_estimate"]["experiments"][0]["at_least"] = True
    said = report_documents(PLAN, made)["README.md"]
    assert "| nothing | at least 7.5 min, measured on tiny data or a beginning |" in said
    made["full_run_estimate"]["experiments"] = []
    assert "| nothing | 1 min, as planned |" in report_documents(PLAN, made)["README.md"]


def test_what_a_closed_sandbox_leaves_unproven_is_said() -> None:
    why = "the sandbox was closed after 60 seconds, before it could say how the programs in it had ended"
    made = example_report(contract=2) | {"unproven": why, "platforms": {}}
    jsonschema.validate(made, json.loads(SCHEMA.read_text()))
    documents = report_documents(PLAN, made)
    assert f"What follows it was not all proven: {why}." in documents["README.md"]
    assert "what is not listed here was **not proven**" in documents["docs/execution-report.md"]
