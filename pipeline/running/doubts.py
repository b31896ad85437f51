"""What a smoke run that passed leaves in doubt: numbers that cannot vary, and code that it never reached. Pure.

Tiny sizes explain some of it, so nothing here fails a run: it goes back once, and what remains is said.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations

from pipeline.coding.checks.settings import symbols
from pipeline.coding.checks.symbols import FunctionNode, parse
from pipeline.coding.repository import Repository
from pipeline.planning.plan import Experiment, Plan, metric_pattern, result_name
from sandbox.report import ExecutionReport

_SHARES = re.compile(
    r"accura|auc|\bf1|_f1|precision|recall|success|coverage|share|fraction|probab|hit_?rate|iou|dice"
)
"""Names of metrics whose range ends at 0 and 1, or 100."""
_COUNTS = 100
"""A share over so few cases may be the same by chance."""
_INTERFACE = frozenset({
    "add_param_group", "close", "extra_repr", "get_params", "load_state_dict", "render", "set_params", "state_dict",
    "zero_grad",
})  # fmt: skip
"""Methods that a field's interface asks for, whether an experiment needs them or not."""
_MOST = 20
"""Shown to the model and to people."""


def doubts(plan: Plan, repository: Repository, report: ExecutionReport) -> list[str]:
    """A sentence for each, at most 20."""
    found = list[str]()
    for experiment in plan.logic.experiments:
        measured = {name: _members(experiment, name, report.metrics) for name in experiment.metrics}
        found += [*_of_metrics(experiment, measured), *_of_methods(experiment, measured)]
    return [*found, *_unreached(plan, repository, report)][:_MOST]


_Members = Mapping[str, Mapping[str, float]]
"""Of a metric: each number that stands for it, method → value."""


def _members(experiment: Experiment, name: str, metrics: Mapping[str, float]) -> _Members:
    members = defaultdict[str, dict[str, float]](dict)
    for method in experiment.methods:
        pattern = metric_pattern(result_name(experiment.name, method, name))
        before = result_name(experiment.name, method, "")
        for full, value in metrics.items():
            if pattern.fullmatch(full):
                members[full.removeprefix(before)][method] = value
    return members


def _of_metrics(experiment: Experiment, measured: Mapping[str, _Members]) -> Iterator[str]:
    """What is strange about one experiment's numbers, metric by metric over all methods."""
    for name, members in measured.items():
        values = [value for each in members.values() for value in each.values()]
        where = f"`{name}` of the experiment `{experiment.name}`"
        if not values:
            continue
        if not any(values):
            yield f"{where} is 0 for every method and in every place."
        elif _SHARES.search(name) and len(set(values)) == 1 and values[0] in (1, 100):
            yield f"{where} is {values[0]:g}, the end of its range, for every method and in every place."
        elif _is_same_for_all(members) and not (_SHARES.search(name) and all(map(_may_coincide, values))):
            yield f"{where} is the same for every method: {', '.join(experiment.methods)}."


def _is_same_for_all(members: _Members) -> bool:
    return sum(map(len, members.values())) > 2 and all(
        len(each) > 1 and len(set(each.values())) == 1 for each in members.values()
    )


def _of_methods(experiment: Experiment, measured: Mapping[str, _Members]) -> Iterator[str]:
    """Pairs of methods between which no number differs, where that cannot be chance."""
    telling = {name: members for name, members in measured.items() if not _is_same_for_all(members)}
    numbers = {
        method: {
            (name, member): each[method]
            for name, members in telling.items()
            for member, each in members.items()
            if method in each
        }
        for method in experiment.methods
    }
    for one, other in combinations(numbers, 2):
        if numbers[one] == numbers[other] and not all(map(_may_coincide, numbers[one].values())):
            names = ", ".join(dict.fromkeys(f"`{name}`" for name, _ in numbers[one]))
            yield (
                f"`{one}` and `{other}` of the experiment `{experiment.name}` are different methods, and give exactly "
                f"the same {names}."
            )


def _may_coincide(value: float) -> bool:
    return abs(Fraction(value).limit_denominator(_COUNTS) - Fraction(value)) < Fraction(1, 10**9)


def _unreached(plan: Plan, repository: Repository, report: ExecutionReport) -> Iterator[str]:
    """Planned functions and methods of files that requirements rest on, no line of which ran."""
    for file in plan.logic.files:
        measured = report.coverage.get(file.path)
        if not file.requirements or measured is None or not measured.executed:
            continue
        classes, functions = plan.promised(file.path)
        names = [f.name for f in functions] + [f"{c.name}.{m.name}" for c in classes for m in c.methods]
        source = repository.files.get(file.path, "")
        places, stubs = symbols(source), _stubs(source)
        for name in names:
            first, last = places.get(name, (0, 0))
            if first in stubs or name.rpartition(".")[2] in _INTERFACE:
                continue
            # The line of `def` runs when the module is imported.
            body = set(range(first + 1, last + 1)) & measured.executable
            if body and not body & measured.executed:
                ids = ", ".join(file.requirements)
                yield f"No line of `{name}` in `{file.path}` ran; requirements there: {ids}."


def _stubs(source: str) -> set[int]:
    """Lines at which a function begins that has no code to run: of a protocol, or abstract."""
    tree = parse(source)
    return {
        node.lineno
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, FunctionNode)
        and all(
            isinstance(line, ast.Pass | ast.Raise)
            or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            for line in node.body
        )
    }
