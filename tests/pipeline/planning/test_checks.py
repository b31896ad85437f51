import time
from dataclasses import replace
from typing import Any

import pytest

from pipeline.model.asking import MOST_FINDINGS
from pipeline.planning.checks import (
    check_architecture,
    check_configuration,
    check_logic,
    check_overview,
    check_requirements,
    unknown,
    unsourced,
)
from pipeline.planning.plan import (
    Architecture,
    Call,
    ConfigEntry,
    Configuration,
    Function,
    Held,
    Logic,
    Metric,
    Package,
    Parameter,
    PlannedClass,
    PlannedFile,
    Requirement,
    Requirements,
)
from pipeline.reading.paper import Block, Section
from tests.pipeline.plans import (
    ARCHITECTURE,
    CONFIGURATION,
    LOGIC,
    MEAN,
    OVERVIEW,
    PAPER,
    READING,
    REQUIREMENTS,
)


def function(name: str, *parameters: str) -> Function:
    return Function(
        name=name,
        parameters=tuple(Parameter(name=p, type="int") for p in parameters),
        returns="None",
        purpose="",
    )


def planned_class(**changes: Any) -> PlannedClass:
    values: dict[str, Any] = {
        "name": "Mean",
        "file": "estimator.py",
        "purpose": "",
        "bases": (),
        "attributes": (),
        "methods": (),
    }
    return PlannedClass(**(values | changes))


def architecture(**changes: Any) -> Architecture:
    return ARCHITECTURE.model_copy(update=changes)


def with_files(*paths: str) -> Architecture:
    return architecture(files=tuple(PlannedFile(path=path, purpose="") for path in paths), calls=())


def logic(**changes: Any) -> Logic:
    return LOGIC.model_copy(update=changes)


def with_logic(which: str, **changes: Any) -> Logic:
    return logic(files=tuple(f.model_copy(update=changes) if f.path == which else f for f in LOGIC.files))


def test_a_good_plan_has_no_findings() -> None:
    assert check_overview(READING) == []
    assert check_requirements(REQUIREMENTS) == []
    assert check_architecture(ARCHITECTURE) == []
    assert check_logic(LOGIC, ARCHITECTURE, CONFIGURATION, OVERVIEW) == []
    assert check_configuration(CONFIGURATION) == []


@pytest.mark.parametrize(
    ("requirements", "finding"),
    [
        ((), "no requirements"),
        ((MEAN, MEAN), "'R1' occurs 2 times"),
        ((MEAN.model_copy(update={"id": "mean"}),), "not of the form"),
    ],
)
def test_findings_on_requirements(requirements: tuple[Requirement, ...], finding: str) -> None:
    found = check_requirements(Requirements(requirements=requirements))
    assert [text for text in found if finding in text]


def test_a_slug_can_be_part_of_a_branch() -> None:
    assert check_overview(READING.model_copy(update={"slug": "Not A Slug"}))


@pytest.mark.parametrize(
    ("design", "finding"),
    [
        (with_files("estimator.py"), "no experiments.py"),
        (with_files("experiments.py", "../evil.py"), "not allowed"),
        (with_files("experiments.py", "config.yaml"), "not a Python file"),
        (with_files("experiments.py", "my-model.py"), "cannot be imported"),
        (with_files("experiments.py", "class.py"), "cannot be imported"),
        (with_files("experiments.py", "random.py"), "hides the standard library"),
        (with_files("experiments.py", "model.py", "model/layers.py"), "folder that has the name"),
        (with_files("experiments.py", "Experiments.py"), "occurs 2 times"),
        (with_files("experiments.py", *(f"f{number}.py" for number in range(20))), "too many"),
        (architecture(classes=(planned_class(file="estimater.py"),)), "Did you mean 'estimator.py'"),
        (architecture(classes=(planned_class(), planned_class())), "occurs 2 times"),
        (architecture(classes=(planned_class(name="My Class"),)), "not a Python identifier"),
        (
            architecture(classes=(planned_class(methods=(function("fit"), function("fit"))),)),
            "occurs 2 times",
        ),
        (architecture(classes=(planned_class(methods=(function("fit", "self"),)),)), "without 'self'"),
        (architecture(classes=(planned_class(methods=(function("fit", "lambda"),)),)), "'lambda'"),
        (
            architecture(calls=(Call(caller="experiments.py", callee="Estimater", message=""),)),
            "names 'Estimater'",
        ),
    ],
)
def test_findings_on_an_architecture(design: Architecture, finding: str) -> None:
    assert [text for text in check_architecture(design) if finding in text]


@pytest.mark.parametrize("name", ["estimator", "estimator.py", "Mean", "Mean.fit", "Mean.fit()", "User"])
def test_the_call_flow_may_name_files_classes_methods_and_the_outside(name: str) -> None:
    design = architecture(
        classes=(planned_class(methods=(function("fit"),)),),
        calls=(Call(caller="experiments", callee=name, message=""),),
    )
    assert check_architecture(design) == []


@pytest.mark.parametrize(
    ("design", "finding"),
    [
        (logic(files=LOGIC.files[:1]), "experiments.py of the architecture is missing"),
        (with_logic("estimator.py", path="other.py"), "other.py is not a file of the architecture"),
        (with_logic("experiments.py", depends_on=("estimator.py", "numpy")), "'numpy', which is not a file"),
        (with_logic("estimator.py", depends_on=("experiments.py",)), "cycle"),
        (with_logic("experiments.py", depends_on=()), "estimator.py is not used"),
        (with_logic("estimator.py", functions=(function("f"), function("f"))), "'f' occurs 2 times"),
        (with_logic("estimator.py", requirements=()), "R1 (The estimate is the sum"),
        (with_logic("experiments.py", requirements=("R2", "R9")), "'R9', which is not a requirement"),
        (logic(packages=(Package(name="numpy>=1", module="numpy", why=""),)), "not the name of a package"),
        (logic(packages=(Package(name="x", module="json", why=""),)), "standard library"),
        (logic(packages=(Package(name="x", module="estimator", why=""),)), "both a package and a file"),
        (logic(packages=(Package(name="x", module="a-b", why=""),)), "not a module that can be imported"),
        (logic(metrics=()), "no metric"),
        (logic(metrics=(Metric(name="test accuracy", meaning=""),)), "not an identifier"),
        (logic(metrics=(Metric(name="accuracy_{data set}", meaning=""),)), "not an identifier"),
        (logic(packages=(Package(name="sklearn", module="sklearn", why=""),)), "as 'scikit-learn'"),
        (logic(held=(Held(requirement="R9", keys=("seed",)),)), "'R9', which is not a requirement"),
        (logic(held=(Held(requirement="R2", keys=("sed",)),)), "Did you mean 'seed'"),
        (logic(lacking=(ConfigEntry(key="seed", value=1, assumed="x"),)), "'seed' occurs 2 times"),
    ],
)
def test_findings_on_a_logic_design(design: Logic, finding: str) -> None:
    assert [text for text in check_logic(design, ARCHITECTURE, CONFIGURATION, OVERVIEW) if finding in text]


def test_a_metric_may_be_the_pattern_of_several_and_a_requirement_may_be_held_by_settings() -> None:
    design = logic(
        files=tuple(file.model_copy(update={"requirements": ("R1",)}) for file in LOGIC.files),
        metrics=(Metric(name="error_{method}", meaning="of each"),),
        held=(Held(requirement="R2", keys=("training.learning_rate",)),),
    )
    assert check_logic(design, ARCHITECTURE, CONFIGURATION, OVERVIEW) == []


def test_a_cycle_is_named() -> None:
    found = check_logic(
        with_logic("estimator.py", depends_on=("experiments.py",)), ARCHITECTURE, CONFIGURATION, OVERVIEW
    )
    assert any(
        "experiments.py → estimator.py → experiments.py" in text
        or "estimator.py → experiments.py → estimator.py" in text
        for text in found
    )


def entry(**changes: Any) -> ConfigEntry:
    values: dict[str, Any] = {
        "key": "model.width",
        "value": 8,
        "quote": "",
        "assumed": "usual",
        "smoke": None,
    }
    return ConfigEntry(**(values | changes))


@pytest.mark.parametrize(
    ("key", "value", "stated"),
    [
        ("training.tokens_billions", 4.5, True),
        ("training.tokens_billions", (4.5,), True),
        ("training.tokens_millions", 4.5, False),
        ("training.tokens", 4.5, False),
        ("training.tokens", 4_500_000_000, True),
    ],
)
def test_a_key_may_name_the_unit_that_the_paper_writes_out(key: str, value: Any, stated: bool) -> None:
    words = "We train on 4.5 billion tokens of text"
    paper = replace(PAPER, sections=(Section("S1", "1", "Training", (Block("paragraph", words),)),))
    assert (unsourced(entry(key=key, value=value, quote=words, assumed=""), paper) is None) == stated


@pytest.mark.parametrize(
    ("entries", "finding"),
    [
        ((entry(), entry()), "occurs 2 times"),
        ((entry(key="model"), entry()), "is a section of 'model.width'"),
        ((entry(key="smoke.width"),), "reserved"),
        ((entry(key="full.width"),), "reserved"),
        ((entry(key="model.lambda"),), "keywords"),
        ((entry(key="model.2d"),), "identifiers"),
        ((entry(assumed=""),), "neither"),
        ((entry(quote="a width of 8"),), "both"),
        ((entry(value="1e-4"),), "number written as text"),
        ((entry(smoke="2"),), "same type"),
        ((entry(smoke=True),), "same type"),
        ((entry(value=(1, 2), smoke=("a",)),), "same type"),
    ],
)
def test_findings_on_a_configuration(entries: tuple[ConfigEntry, ...], finding: str) -> None:
    assert [text for text in check_configuration(Configuration(entries=entries)) if finding in text]


@pytest.mark.parametrize(
    ("value", "smoke"),
    [
        (8, 2),
        (0.1, 0.5),
        (0.1, 1),
        ("adam", "sgd"),
        ((64, 128), (4,)),
        ((1, 0.5), (0.5,)),
        ((), (1,)),
        (None, 3),
        (True, False),
    ],
)
def test_a_smoke_value_of_the_same_type_is_fine(value: Any, smoke: Any) -> None:
    assert check_configuration(Configuration(entries=(entry(value=value, smoke=smoke),))) == []


def test_by_contract_1_the_program_is_among_the_files() -> None:
    assert check_architecture(with_files("main.py"), 1) == []
    (finding,) = check_architecture(with_files("experiments.py"), 1)
    assert "no main.py" in finding


@pytest.mark.parametrize(
    ("design", "finding"),
    [
        (with_files("model.py"), "no experiments.py"),
        (with_files("experiments.py", "main.py"), "main.py is written by a program"),
        (with_files("experiments.py", "harness.py"), "harness.py is written by a program"),
    ],
)
def test_by_contract_2_experiments_are_and_the_program_is_not(design: Architecture, finding: str) -> None:
    assert [text for text in check_architecture(design, 2) if finding in text]


def test_the_method_does_not_depend_on_its_experiments() -> None:
    design = with_logic("estimator.py", depends_on=("experiments.py",))
    found = check_logic(design, ARCHITECTURE, CONFIGURATION, OVERVIEW)
    assert [text for text in found if "of use without its experiments" in text]


def test_the_harness_may_be_named_among_what_a_file_depends_on() -> None:
    design = with_logic("experiments.py", depends_on=("estimator.py", "harness.py"))
    assert check_logic(design, ARCHITECTURE, CONFIGURATION, OVERVIEW) == []


def test_names_without_end_that_nobody_knows_are_told_of_soon() -> None:
    design = with_files("experiments.py", *(f"module_{number}.py" for number in range(10_000)))
    unknown = tuple(Call(caller="User", callee=f"modul_{n}", message="") for n in range(20_000))
    began = time.process_time()

    found = check_architecture(design.model_copy(update={"calls": unknown}))

    assert time.process_time() - began < 5
    assert 0 < len(found) <= MOST_FINDINGS


@pytest.mark.parametrize("length", [90, 100_000])
def test_a_near_name_is_looked_for_soon_whatever_its_length(length: int) -> None:
    known, began = [f"{'a' * length}{number}" for number in range(500)], time.process_time()

    hint = unknown("a" * length, known)

    assert time.process_time() - began < 3
    assert hint.startswith(" Did you mean") == (length == 90)
