"""Which files an outcome is about beyond those of its traceback: where the experiments that it names are written.

A report that writes nothing, a run that does not resume: the harness says of which experiment, and no line of code.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from pipeline.coding.checks.program import Program
from pipeline.coding.checks.reach import experiments
from pipeline.coding.checks.symbols import FunctionNode, dotted, imports, parse
from pipeline.planning.plan import Experiment, Logic
from sandbox.report import PhaseResult

_FUNCTIONS = ("run", "report")
_SAID = r"^(?:{name}: its report|{name}, (?>.*?: )(?:failed|diverged)).*"


def concerned(outcome: PhaseResult, logic: Logic, files: Mapping[str, str]) -> set[str]:
    """Paths of the files that hold `run` and `report` of the experiments that an outcome names."""
    names = [experiment.name for experiment in logic.experiments if _named(experiment, outcome)]
    return {path for name in names for path in _written(name, Program(files))}


def _named(experiment: Experiment, outcome: PhaseResult) -> bool:
    """By its name, a metric of its own, or a file that it shows."""
    name = re.escape(experiment.name)
    lines = re.findall(_SAID.format(name=name), outcome.result.stdout, re.MULTILINE)
    told = "\n".join([*outcome.problems, *outcome.result.argv, *lines])
    shown = "|".join(rf"{re.escape(anchor)}(?:-{name})?\.(?:md|csv|png)" for anchor in experiment.shows)
    return bool(re.search(rf"(?<![A-Za-z0-9])(?:{name}(?![A-Za-z0-9])|{shown or '(?!)'})", told))


def _written(experiment: str, program: Program) -> Iterator[str]:
    for written in experiments(program):
        if written.name == experiment:
            yield written.path
            for function in _FUNCTIONS:
                yield from _holders(written.given.get(function), written.path, program, set())


def _holders(node: ast.AST | None, path: str, program: Program, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Files of the functions that an expression names, and of those that they hand their first argument on to."""
    tree = parse(program.files[path])
    imported = imports(path, tree) if tree else {}
    for name in {dotted(child) for child in ast.walk(node) if dotted(child)} if node else ():
        first, _, rest = name.partition(".")
        module, inner = imported.get(first, ("", None))
        parts = [part for part in (inner, *rest.split(".")) if part]
        home = path if first not in imported else program.path_of(module)
        function = parts[-1] if first in imported and parts else first
        if home is None or home not in program.files or (home, function) in seen:
            continue
        seen.add((home, function))
        found = _definition(function, home, program)
        if found is not None:
            yield home
            for call in _handed_on(found):
                yield from _holders(call.func, home, program, seen)


def _definition(name: str, path: str, program: Program) -> FunctionNode | None:
    tree = parse(program.files[path])
    nodes = tree.body if tree else []
    return next((node for node in nodes if isinstance(node, FunctionNode) and node.name == name), None)


def _handed_on(function: FunctionNode) -> Iterator[ast.Call]:
    """Calls that get what the function was given first."""
    first = function.args.args[0].arg if function.args.args else ""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and any(dotted(argument) == first for argument in node.args):
            yield node
