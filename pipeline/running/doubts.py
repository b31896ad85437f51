"""What a smoke run that passed leaves in doubt: numbers that cannot vary, and code that it never reached. Pure.

Tiny sizes explain some of it, so nothing here fails a run: it goes back once, and what remains is said.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from pipeline.coding.checks.settings import symbols
from pipeline.coding.repository import Repository
from pipeline.planning.plan import Experiment, Plan, metric_pattern, result_name
from sandbox.report import ExecutionReport

_SHARES = re.compile(
    r"accura|auc|\bf1|_f1|precision|recall|success|coverage|share|fraction|probab|hit_?rate|iou|dice"
)
"""Names of metrics whose range ends at 0 and 1, or 100."""
_MOST = 20
"""Shown to the model and to people."""


def doubts(plan: Plan, repository: Repository, report: ExecutionReport) -> list[str]:
    """A sentence for each, at most 20."""
    found = [sentence for e in plan.logic.experiments for sentence in _of_metrics(e, report.metrics)]
    return [*found, *_unreached(plan, repository, report)][:_MOST]


def _of_metrics(experiment: Experiment, metrics: Mapping[str, float]) -> Iterator[str]:
    """What is strange about one experiment's numbers, metric by metric over all methods."""
    for name in experiment.metrics:
        members = defaultdict[str, dict[str, float]](dict)
        for method in experiment.methods:
            pattern = metric_pattern(result_name(experiment.name, method, name))
            before = result_name(experiment.name, method, "")
            for full, value in metrics.items():
                if pattern.fullmatch(full):
                    members[full.removeprefix(before)][method] = value
        values = [value for each in members.values() for value in each.values()]
        where = f"`{name}` of the experiment `{experiment.name}`"
        if not values:
            continue
        if not any(values):
            yield f"{where} is 0 for every method and in every place."
        elif _SHARES.search(name) and len(set(values)) == 1 and values[0] in (1, 100):
            yield f"{where} is {values[0]:g}, the end of its range, for every method and in every place."
        elif len(values) > 2 and all(len(m) > 1 and len(set(m.values())) == 1 for m in members.values()):
            yield f"{where} is the same for every method: {', '.join(experiment.methods)}."


def _unreached(plan: Plan, repository: Repository, report: ExecutionReport) -> Iterator[str]:
    """Planned functions and methods of files that requirements rest on, no line of which ran."""
    for file in plan.logic.files:
        measured = report.coverage.get(file.path)
        if not file.requirements or measured is None or not measured.executed:
            continue
        classes, functions = plan.promised(file.path)
        names = [f.name for f in functions] + [f"{c.name}.{m.name}" for c in classes for m in c.methods]
        places = symbols(repository.files.get(file.path, ""))
        for name in names:
            first, last = places.get(name, (0, 0))
            # The line of `def` runs when the module is imported.
            body = set(range(first + 1, last + 1)) & measured.executable
            if body and not body & measured.executed:
                ids = ", ".join(file.requirements)
                yield f"No line of `{name}` in `{file.path}` ran; requirements there: {ids}."
