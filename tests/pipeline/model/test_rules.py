"""What every prompt begins with has to leave room for the paper in a small model's window."""

import inspect
import re

from pipeline.coding import harness
from pipeline.model.asking import render

BEFORE_THE_HARNESS = 4_090
"""Characters of the rules when a model wrote all that the harness does now."""


def test_the_rules_and_what_they_say_of_the_harness_have_grown_by_at_most_1000_tokens() -> None:
    assert len(render("system")) - BEFORE_THE_HARNESS <= 4 * 1_000


def test_what_the_rules_show_of_the_harness_is_what_it_has() -> None:
    """Each name that the example in the rules takes from the harness, and each that it reads from a run or report."""
    rules = render("system")
    imported = re.search(r"from harness import (.+)", rules)
    assert imported and all(hasattr(harness, name) for name in imported[1].split(", "))
    fields = {"config", "method", "seed", "device", "mode", "rows", "methods", "results", "shown"}
    for owner, of in (("run", harness.Run), ("report", harness.Report)):
        for name in set(re.findall(rf"\b{owner}\.(\w+)", rules)) - fields:
            assert hasattr(of, name), f"{owner}.{name}"
    for owner, name, parameters in re.findall(r"`(run|report)\.(\w+)\((.*?)\)", rules):
        of = {"run": harness.Run, "report": harness.Report}[owner]
        assert [p.strip().split("=")[0].lstrip("*") for p in parameters.split(",") if p] == [
            p for p in inspect.signature(getattr(of, name)).parameters if p != "self"
        ], f"{owner}.{name}({parameters})"
    known = harness.Experiment.__dataclass_fields__.keys() | harness.Data.__dataclass_fields__.keys()
    assert set(re.findall(r"[( ](\w+)=(?=[\"(\w])", rules.split("DIGITS = ")[1].split("\n")[0])) <= known
