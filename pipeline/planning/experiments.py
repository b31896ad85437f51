"""What a program can find wrong in the experiments of a plan. Pure; findings are sentences for the model."""

import re
from collections.abc import Collection, Iterator

from pipeline.planning.checks import is_name, repeated, told, unknown
from pipeline.planning.plan import Configuration, DataSet, Experiment, Logic

MOST_SMOKE_RUNS = 100
"""Of the smoke run, one for each method: more do not end within its limit where each trains something."""
QUICK_MINUTES = 10
"""So long may an experiment take that runs when nothing is asked for."""


def check_experiments(logic: Logic, configuration: Configuration, anchors: Collection[str]) -> list[str]:
    """Experiments can be named, run and told apart, stand for something in the paper, and one needs nothing.

    `anchors` are the paper's.
    """
    if not logic.experiments:
        return ["There are no experiments: list what the paper shows, each with methods, seeds and metrics."]
    return told(
        repeated((experiment.name for experiment in logic.experiments), "Experiment"),
        repeated((data.name for data in logic.data), "Data set"),
        (finding for data in logic.data for finding in _data_findings(data)),
        (finding for experiment in logic.experiments for finding in _name_findings(experiment, anchors)),
        (
            finding
            for experiment in logic.experiments
            for finding in _seed_findings(experiment, logic, configuration)
        ),
        _reference_findings(logic),
        _quick_findings(logic),
        _count_findings(logic),
    )


def _data_findings(data: DataSet) -> Iterator[str]:
    if not is_name(data.name):
        yield f"Data set {data.name!r}: its name becomes a folder and has to be an identifier such as cifar10."
    if not data.files:
        yield f"Data set {data.name}: name its files, as they are published."
    for file in data.files:
        if file.startswith(("/", "~")) or ".." in file.split("/") or "\\" in file:
            yield f"Data set {data.name}: {file!r} is not a name or pattern below its folder."


def _name_findings(experiment: Experiment, anchors: Collection[str]) -> Iterator[str]:
    name = f"Experiment {experiment.name}"
    if not is_name(experiment.name) or experiment.name == "all":
        yield f"{name!r}: its name has to be an identifier such as table2, and not `all`."
    if not experiment.methods or not experiment.metrics:
        yield f"{name} needs at least one method (`default`) and one metric."
    yield from repeated(experiment.methods, f"{name}: method")
    for method in experiment.methods:
        if not re.fullmatch(r"\w[\w.+-]*", method, re.ASCII):
            yield f"{name}: method {method!r} becomes a folder: letters, digits and . + - _ only."
    if not experiment.shows:
        yield f"{name} shows nothing: name the table, figure or section that it stands for by its anchor."
    for anchor in experiment.shows:
        if anchor not in anchors:
            yield f"{name} shows {anchor!r}, which is not an anchor in the paper.{unknown(anchor, anchors)}"


def _seed_findings(experiment: Experiment, logic: Logic, configuration: Configuration) -> Iterator[str]:
    values = {entry.key: entry.value for entry in configuration.entries + logic.lacking}
    if experiment.seeds and values and not isinstance(values.get(experiment.seeds), tuple):
        yield (
            f"Experiment {experiment.name}: {experiment.seeds!r} is not a list in config.yaml: name the key of its "
            f"seeds, or leave it empty for a single run.{unknown(experiment.seeds, values)}"
        )


def _reference_findings(logic: Logic) -> Iterator[str]:
    metrics, data = [metric.name for metric in logic.metrics], [item.name for item in logic.data]
    for experiment in logic.experiments:
        for metric in experiment.metrics:
            if metric not in metrics:
                yield (
                    f"Experiment {experiment.name} gives {metric!r}, which is not in `metrics`."
                    f"{unknown(metric, metrics)}"
                )
        for name in experiment.needs:
            if name not in data:
                yield f"Experiment {experiment.name} needs {name!r}, which is not in `data`.{unknown(name, data)}"
    for metric in set(metrics) - {name for experiment in logic.experiments for name in experiment.metrics}:
        yield f"Metric {metric!r} is given by no experiment."
    for name in set(data) - {name for experiment in logic.experiments for name in experiment.needs}:
        yield f"Data set {name!r} is needed by no experiment."


def _quick_findings(logic: Logic) -> Iterator[str]:
    if not any(e.minutes <= QUICK_MINUTES and not e.needs and not e.gpu for e in logic.experiments):
        yield (
            f"No experiment does without data and graphics card and ends within {QUICK_MINUTES} minutes, which is "
            "what `python main.py` runs: add one, such as an equivalence that the paper states, its synthetic "
            "experiment, or its toy figure."
        )


def _count_findings(logic: Logic) -> Iterator[str]:
    number = sum(len(experiment.methods) for experiment in logic.experiments)
    if number > MOST_SMOKE_RUNS:
        most = max(logic.experiments, key=lambda experiment: len(experiment.methods))
        yield (
            f"The smoke run makes one run for each method of each experiment, {number} in all; more than "
            f"{MOST_SMOKE_RUNS} do not end in time. {most.name} has {len(most.methods)} methods: what only "
            "differs in a setting is a point of a sweep, a row that one run logs."
        )
