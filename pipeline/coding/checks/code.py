"""What a program can find wrong in a file of the repository without running it.

Certain faults only: ordinary good code must pass. How a patch may change code is the business of
`patches.py`, what it reads of the configuration that of `settings.py`.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from pyflakes import messages
from pyflakes.checker import Checker

from pipeline.coding.checks.calls import call_problems
from pipeline.coding.checks.claimed import claim_problems
from pipeline.coding.checks.conventions import (
    convention_problems,
    experiment_problems,
    main_problems,
    network_uses,
    text_problems,
)
from pipeline.coding.checks.program import Program
from pipeline.coding.checks.settings import setting_problems
from pipeline.coding.checks.symbols import (
    Class,
    FunctionNode,
    Signature,
    absolute,
    bindings,
    dotted,
    imports,
    read_module,
    suggestion,
)
from pipeline.coding.repository import Repository
from pipeline.contract import contract_of
from pipeline.model.asking import MOST_FINDINGS
from pipeline.planning.checks import ENTRY
from pipeline.planning.plan import Function, Plan
from sandbox import syntax

Problems = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Finding:
    """A fault in a file, with what to do about it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class File:
    """What every rule looks at."""

    path: str
    source: str
    tree: ast.Module
    plan: Plan | None
    program: Program


def check_source(path: str, source: str, plan: Plan | None, repository: Repository) -> list[Finding]:
    """Findings on one Python file, in the order of its lines, given the files that exist already.

    Files that the plan promises and that are not written yet count as there. Without a plan (the simpler
    methods have none) nothing is said about packages, promised names and configuration keys.
    """
    with syntax.parsing:
        return _found(path, source, plan, repository)


def _found(path: str, source: str, plan: Plan | None, repository: Repository) -> list[Finding]:
    try:
        tree = syntax.tree(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        text = (getattr(error, "text", None) or "").strip()
        return [Finding(path, line, "syntax", f"does not parse: {getattr(error, 'msg', error)}: `{text}`")]
    planned = [file.path for file in plan.logic.files] if plan else []
    program = Program({**repository.files, path: source}, planned)
    file = File(path, source, tree, plan, program)
    found = {
        Finding(path, line, rule, text)
        for rule, check in _RULES.items()
        for line, text in islice(check(file), MOST_FINDINGS)
    }
    return sorted(found, key=lambda finding: (finding.line, finding.rule, finding.message))


_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _required_imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run whenever their code does: not those with a way out, nor those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.Try) and any(
            _IMPORT_ERRORS & {dotted(item) for item in ast.walk(handler.type)} if handler.type else True
            for handler in child.handlers
        ):
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from _required_imports(part)
        elif isinstance(child, ast.If) and dotted(child.test).endswith("TYPE_CHECKING"):
            for part in child.orelse:
                yield from _required_imports(part)
        else:
            yield from _required_imports(child)


def _import_problems(file: File) -> Problems:
    for node in _required_imports(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if problem := _module_problem(file, alias.name):
                    yield node.lineno, problem
        elif (module := absolute(file.path, node)) is None:
            where = "a file that is not in a package" if "/" not in file.path else "outside of the repository"
            yield node.lineno, f"relative import reaches {where}: import by the full name instead"
        elif node.names[0].name == "*" and file.program.path_of(module):
            yield node.lineno, f"`from {module} import *` hides what is used: import the names"
        elif module and (problem := _module_problem(file, module)):
            yield node.lineno, problem
        else:
            yield from _name_problems(file, node, module)


def _module_problem(file: File, module: str) -> str | None:
    top = module.split(".")[0]
    if file.program.path_of(top):
        if file.program.path_of(module):
            return None
        parent, _, name = module.rpartition(".")
        return f"no module `{name}` in `{parent}` of this repository"
    if top in sys.stdlib_module_names or file.plan is None:
        return None
    declared = {package.module.split(".")[0] for package in file.plan.logic.packages} | {"yaml"}
    if top in declared:
        return None
    folder = ".".join(file.path.split("/")[:-1])
    if folder and file.program.path_of(f"{folder}.{module}"):
        return f"`{module}` is found only as `{folder}.{module}`: programs start in the repository's root"
    return (
        f"`{top}` is neither in the standard library nor a declared package ({', '.join(sorted(declared))}) "
        f"nor a file of this repository: do without it{suggestion(top, declared)}"
    )


def _name_problems(file: File, node: ast.ImportFrom, module: str) -> Problems:
    path = file.program.path_of(module)
    found = file.program.module(path) if path else None
    if found is None or path == file.path:
        return
    for alias in node.names:
        known = alias.name in found.names or not found.complete
        if not known and not file.program.path_of(f"{module}.{alias.name}"):
            yield node.lineno, f"{path} has no `{alias.name}`{suggestion(alias.name, found.names)}"


def _attribute_problems(file: File) -> Problems:
    """`module.name` where the module is a file of the repository that has no such name."""
    imported = imports(file.path, file.tree)
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        module, inner = imported.get(node.value.id, (None, None))
        name = f"{module}.{inner}" if inner else module
        path = file.program.path_of(name) if name else None
        found = file.program.module(path) if path and path.endswith(".py") else None
        if (
            found
            and found.complete
            and isinstance(node.ctx, ast.Load)
            and node.attr not in found.names
            and not node.attr.startswith("__")
            and not file.program.path_of(f"{name}.{node.attr}")
        ):
            yield node.lineno, f"{path} has no `{node.attr}`{suggestion(node.attr, found.names)}"


def _cycle_problems(file: File) -> Problems:
    """Files that import from each other, while they are being loaded, what each of them defines."""
    for node in file.tree.body:
        if isinstance(node, ast.ImportFrom) and (module := absolute(file.path, node)):
            names = [(module, alias.name) for alias in node.names]
            for start in {path for name in names if (path := _defining(file.program, *name))} - {file.path}:
                if way := _way(file.program, start, file.path):
                    yield node.lineno, f"circular import: {' → '.join([file.path, *way])}"


def _defining(program: Program, module: str, name: str) -> str | None:
    """The file in which `name` is defined, not merely handed on."""
    path = program.path_of(module)
    found = program.module(path) if path else None
    return path if found and name in found.names and name not in found.imports else None


def _way(program: Program, start: str, goal: str) -> list[str] | None:
    waiting = [[start]]
    seen: set[str] = set()
    while waiting:
        way = waiting.pop()
        if way[-1] == goal:
            return way
        found = program.module(way[-1])
        if way[-1] not in seen and found:
            seen.add(way[-1])
            waiting += [[*way, path] for load in found.loads if (path := _defining(program, *load))]
    return None


_PYFLAKES: dict[type[messages.Message], str] = {
    messages.UndefinedName: "`{}` is not defined",
    messages.UndefinedLocal: "local variable `{}` is used before it is set",
    messages.UndefinedExport: "`{}` in `__all__` is not defined",
    messages.DuplicateArgument: "parameter `{}` occurs twice",
    messages.RaiseNotImplemented: "raise NotImplementedError, not NotImplemented",
    messages.IfTuple: "a tuple as a condition is always true",
    messages.AssertTuple: "asserting a tuple always passes",
    messages.PercentFormatMissingArgument: "a value for the format is missing: {}",
    messages.PercentFormatPositionalCountMismatch: "the format wants {} values, {} are given",
    messages.StringDotFormatMissingArgument: "a value for the format is missing: {}",
}


def _definition_problems(file: File) -> Problems:
    used = {(node.lineno, node.id) for node in ast.walk(file.tree) if isinstance(node, ast.Name)}
    starred = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(file.tree)
    )
    for message in Checker(file.tree, filename=file.path, builtins=["__file__", "get_ipython"]).messages:
        text = _PYFLAKES.get(type(message))
        name = str(message.message_args[0]) if message.message_args else ""
        if isinstance(message, messages.UndefinedName) and ((message.lineno, name) not in used or starred):
            continue  # in a quoted annotation, where array types have words of their own
        if text:
            yield message.lineno, text.format(*message.message_args)
        elif isinstance(message, messages.RedefinedWhileUnused) and _defined_twice(file.tree, name):
            yield message.lineno, f"`{name}` is defined a second time, which hides the first definition"


def _defined_twice(tree: ast.AST, name: str) -> bool:
    nodes = [node for other, node in bindings(tree) if other == name]
    return len(nodes) > 1 and all(isinstance(node, FunctionNode | ast.ClassDef) for node in nodes)


def _promise_problems(file: File) -> Problems:
    if file.plan is None:
        return
    module = read_module(file.path, file.tree)
    lines = {name: getattr(node, "lineno", 1) for name, node in bindings(file.tree, nested=False)}
    for planned in file.plan.architecture.classes:
        if planned.file != file.path:
            continue
        cls = module.classes.get(planned.name)
        if planned.name not in module.names:
            yield 1, f"class `{planned.name}` of the plan is missing{suggestion(planned.name, module.names)}"
        elif cls:
            for method in planned.methods:
                yield from _method_problems(file, cls, method, lines[planned.name])
    for logic in file.plan.logic.files:
        if logic.path != file.path:
            continue
        for function in logic.functions:
            if function.name not in module.names:
                yield (
                    1,
                    f"function `{function.name}` of the plan is missing{suggestion(function.name, module.names)}",
                )
            elif found := module.functions.get(function.name):
                yield from _parameter_problems(found, function, function.name, lines[function.name])


def _method_problems(file: File, cls: Class, planned: Function, line: int) -> Problems:
    name = f"{cls.name}.{planned.name}"
    found = (
        file.program.constructor(cls)
        if planned.name == "__init__"
        else file.program.member(cls, planned.name)
    )
    if found == "absent":
        yield line, f"method `{name}` of the plan is missing"
    elif found:
        yield from _parameter_problems(found, planned, name, line)


def _parameter_problems(found: Signature, planned: Function, name: str, line: int) -> Problems:
    promised = [parameter.name for parameter in planned.parameters if parameter.name not in ("self", "cls")]
    named = [parameter for parameter in promised if not parameter.startswith("*")]
    for parameter in named:
        if parameter not in found.names() and not found.any_keyword:
            yield line, f"`{name}{found}` has no parameter `{parameter}`, which the plan promises"
    extra = found.required - set(named)
    if extra and len(named) == len(promised):
        listed = ", ".join(f"`{parameter}`" for parameter in sorted(extra))
        yield line, f"`{name}{found}` requires {listed}, which the plan does not name: give it a default"
    order = [parameter for parameter in found.positional if parameter in named]
    if order != [parameter for parameter in named if parameter in order]:
        yield (
            line,
            f"`{name}{found}` has its parameters in another order than the plan: {', '.join(promised)}",
        )


def _entry_point_problems(file: File) -> Problems:
    harnessed = contract_of(file.program.files) > 1
    if file.path == ENTRY[1] and not harnessed:
        yield from main_problems(file.tree)
    elif file.path == ENTRY[2] and harnessed:
        planned = file.plan.logic.experiments if file.plan else ()
        yield from experiment_problems(file.tree, [experiment.name for experiment in planned])


def _network_problems(file: File) -> Problems:
    """By contract 2 people bring the data; what only may be a download, such as of a model in a folder, may stay."""
    if contract_of(file.program.files) == 1:
        return
    imported = imports(file.path, file.tree)
    for node in network_uses(file.tree):
        name = dotted(node.func) if isinstance(node, ast.Call) else ""
        module, _ = imported.get(name.partition(".")[0], ("", None))
        ours = name and (not module or file.program.path_of(module))
        if not ours and not _may_be_a_folder(node):
            shown = ast.unparse(node)
            yield (
                node.lineno,
                f"`{shown}` uses the network: nothing downloads, people bring what a `Data` names",
            )


def _may_be_a_folder(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not dotted(node.func).endswith(("from_pretrained", "load_dataset")):
        return False
    return not any(isinstance(argument, ast.Constant) for argument in node.args[:1])


_RULES: dict[str, Callable[[File], Problems]] = {
    "import": _import_problems,
    "attribute": _attribute_problems,
    "circular-import": _cycle_problems,
    "definition": _definition_problems,
    "plan": _promise_problems,
    "call": lambda file: call_problems(file.path, file.tree, file.program),
    "configuration": lambda file: (
        setting_problems(file.tree, file.program.files, file.plan.configuration) if file.plan else iter(())
    ),
    "convention": lambda file: convention_problems(file.tree, file.program.bases()),
    "text": lambda file: text_problems(file.source),
    "entry-point": _entry_point_problems,
    "network": _network_problems,
    "claimed": lambda file: (
        claim_problems(file.path, file.tree, file.program.files, file.plan) if file.plan else iter(())
    ),
}
