"""Whether a file of tests may be tried: it tests what the plan promises, by name, and can fail.

Certain faults only. Whether a test is right is settled by running it and by whoever judges.
"""

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from pipeline.coding.checks.calls import call_problems
from pipeline.coding.checks.program import Program
from pipeline.coding.checks.symbols import FunctionNode, dotted, parse
from pipeline.coding.checks.tested import required, tests_of
from pipeline.coding.checks.weakening import ABSOLUTE, RELATIVE, Strength
from pipeline.contract import HARNESS
from pipeline.planning.plan import Plan

_STANDARD = frozenset({
    "__future__", "cmath", "collections", "copy", "dataclasses", "fractions", "functools", "itertools", "math",
    "pathlib", "pytest", "random", "statistics", "types", "typing",
})  # fmt: skip
_PACKAGES = frozenset({"numpy", "scipy", "sklearn", "torch"})
"""Where the plan has them: tests run with what the repository asks for."""
_AWAY = frozenset({"compile", "eval", "exec", "exit", "globals", "open", "quit", "setattr", "__import__"})
_GIVES_UP = frozenset({"skip", "skipif", "xfail", "importorskip", "exit", "fail", "usefixtures", "fixture"})
_BROAD = frozenset({"Exception", "BaseException"})


def refused_tests(path: str, text: str, plan: Plan, asked: Collection[str]) -> list[str]:
    """Why a file of tests of the requirements `asked` is not accepted; sentences that whoever wrote it can act on."""
    tree = parse(text)
    if tree is None:
        return [f"{path} does not parse."]
    tests = list(tests_of(tree))
    found = [] if tests else ["It holds no test."]
    found += [
        f"line {node.lineno}: `{node.name}` is a class: tests are functions."
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    found += _import_problems(tree, plan)
    for node in tests:
        found += [f"`{node.name}` {problem}" for problem in _test_problems(node, tree, asked)]
    found += _evasions(tree, plan)
    found += _unjustified(text, tree)
    program = Program({path: text, **_promised(plan)})
    found += [f"line {line}: {problem}" for line, problem in call_problems(path, tree, program)]
    return [f"{path}: {problem}" if path not in problem else problem for problem in _grouped(found)]


def _grouped(found: Sequence[str]) -> Iterator[str]:
    """Each once; what is the same in several lines is one finding."""
    lines = dict[str, dict[str, None]]()
    for problem in found:
        line, _, what = problem.partition(": ") if problem.startswith("line ") else ("", "", problem)
        lines.setdefault(what, {})[line.removeprefix("line ")] = None
    for what, numbers in lines.items():
        named = ", ".join(filter(None, numbers))
        yield f"line{'s' if ',' in named else ''} {named}: {what}" if named else what


def _promised(plan: Plan) -> dict[str, str]:
    """The files of the plan with nothing but what it promises of them."""
    return {file.path: _stub(plan, file.path) for file in plan.logic.files}


def _stub(plan: Plan, path: str) -> str:
    classes, functions = plan.promised(path)
    parts = [
        _header(f.name, [p.name for p in f.parameters], [p.type for p in f.parameters], "") for f in functions
    ]
    for cls in classes:
        # What a base or a decorator brings is not in the plan: calls of it stay unknown.
        bases = ", ".join(cls.bases) or (
            "object" if any(m.name == "__init__" for m in cls.methods) else "Unplanned"
        )
        methods = [
            _header(
                m.name,
                ["self", *(p.name for p in m.parameters)],
                ["", *(p.type for p in m.parameters)],
                "    ",
            )
            for m in cls.methods
        ]
        parts.append(f"class {cls.name}({bases}):\n" + ("".join(methods) or "    pass\n"))
    text = "\n".join(parts)
    return text if parse(text) else ""


def _header(name: str, parameters: Sequence[str], types: Sequence[str], indent: str) -> str:
    """A definition; a type that holds a default makes its parameter one that can be left out, as all after it."""
    said, optional = list[str](), False
    for parameter, kind in zip(parameters, types, strict=True):
        optional = (optional or "=" in kind or "None" in kind) and not parameter.startswith("*")
        said.append(f"{parameter}=None" if optional else parameter)
    return f"{indent}def {name}({', '.join(said)}):\n{indent}    pass\n"


def _import_problems(tree: ast.Module, plan: Plan) -> Iterator[str]:
    promised = {
        file.path: {each.name for part in plan.promised(file.path) for each in part}
        for file in plan.logic.files
    }
    program = Program({}, list(promised))
    packages = {package.module.split(".")[0] for package in plan.logic.packages} & _PACKAGES
    allowed = ", ".join(sorted(packages | _STANDARD - {"__future__"}))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        modules = (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
        for module in modules:
            path = program.path_of(module)
            if path in ("experiments.py", "main.py") or module == HARNESS.removesuffix(".py"):
                yield f"line {node.lineno}: experiments and harness are not imported: test the method."
            elif path and isinstance(node, ast.Import):
                yield f"line {node.lineno}: import the names that are tested: `from {module} import …`."
            elif path and isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name not in promised.get(path, ()):
                        yield f"line {node.lineno}: the plan promises no `{alias.name}` in `{path}`."
            elif module.split(".")[0] not in packages | _STANDARD or (
                isinstance(node, ast.ImportFrom) and node.level
            ):
                yield f"line {node.lineno}: `{module}` may not be imported; only {allowed} and the planned files may."


def _test_problems(node: ast.FunctionDef, tree: ast.Module, asked: Collection[str]) -> Iterator[str]:
    ids = required(node.name)
    if not ids:
        yield "does not name its requirement: `test_r12_what_is_checked`."
    elif unknown := [each for each in ids if each not in asked]:
        yield f"names {', '.join(unknown)}, which is not asked for."
    parameters = {"tmp_path"} | {name.strip() for text in _parametrized(node) for name in text.split(",")}
    for argument in (*node.args.args, *node.args.kwonlyargs):
        if argument.arg not in parameters:
            yield f"takes `{argument.arg}`: of fixtures only `tmp_path` is used."
    if any(isinstance(inner, ast.Return) for inner in _own(node)):
        yield "returns before its end."
    if not Strength.of(node, tree).comparisons:
        yield "compares nothing."


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function and in no inner one."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FunctionNode | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def _parametrized(node: ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and dotted(decorator.func).endswith("parametrize")
            and decorator.args
        ):
            first = decorator.args[0]
            names = first.elts if isinstance(first, ast.Tuple | ast.List) else [first]
            yield from (str(name.value) for name in names if isinstance(name, ast.Constant))


def _evasions(tree: ast.Module, plan: Plan) -> Iterator[str]:
    """What lets a test pass whatever the code does, or differently each time."""
    planned = Program({}, [file.path for file in plan.logic.files])
    named = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = {alias.asname or alias.name for n in named if planned.path_of(n.module or "") for alias in n.names}
    gives_up = {f"pytest.{name}" for name in _GIVES_UP} | {f"pytest.mark.{name}" for name in _GIVES_UP}
    gives_up |= {alias.asname or alias.name for n in named if n.module == "pytest" for alias in n.names}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Try | ast.TryStar) and node.handlers:
            yield f"line {line}: an `except` catches the failure."
        elif isinstance(node, ast.Assert) and _constant(node.test):
            yield f"line {line}: `{ast.unparse(node)}` holds whatever the code does."
        elif isinstance(node, ast.Name | ast.Attribute) and dotted(node) in gives_up:
            yield f"line {line}: `{dotted(node)}` is not used: a test passes or fails."
        elif isinstance(node, ast.Call):
            yield from (f"line {line}: {problem}" for problem in _call_evasions(node))
        stored = _stored(node)
        if stored.partition(".")[0] in own:
            yield f"line {line}: `{stored}` is what is tested, and may not be replaced."
    if "torch.rand" in (text := ast.unparse(tree)) and "manual_seed" not in text:
        yield "random tensors need `torch.manual_seed`: a test has to come out the same each time."


def _call_evasions(node: ast.Call) -> Iterator[str]:
    name = dotted(node.func)
    if name in _AWAY:
        yield f"`{name}` is not used in tests."
    if name.endswith("raises") and {dotted(argument) for argument in node.args[:1]} & _BROAD:
        yield "`raises` names the error that the paper's condition asks for, not any."
    if name.endswith(("default_rng", "random.Random")) and not node.args and not node.keywords:
        yield f"`{name}()` needs a seed: a test has to come out the same each time."
    if re.fullmatch(r"(np|numpy)\.random\.[a-z]\w*", name) and not name.endswith(("default_rng", "seed")):
        yield f"`{name}` has no seed of its own: use `np.random.default_rng(seed)`."


def _constant(node: ast.expr) -> bool:
    """Whether it is true whatever was computed: it names nothing, or compares something with itself."""
    if isinstance(node, ast.Compare) and ast.dump(node.left) == ast.dump(node.comparators[0]):
        return True
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return any(_constant(value) for value in node.values)
    return not any(isinstance(inner, ast.Name) for inner in ast.walk(node))


def _stored(node: ast.AST) -> str:
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return dotted(node)
    return node.name if isinstance(node, FunctionNode | ast.ClassDef) else ""


def _unjustified(text: str, tree: ast.Module) -> Iterator[str]:
    """Tolerances without a comment beside or above them, or at the constant that they are; none at all needs none."""
    lines = text.split("\n")
    named = {dotted(n.targets[0]): n for n in tree.body if isinstance(n, ast.Assign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in (*RELATIVE, *ABSOLUTE) and not _zero(node.value):
            places: list[ast.keyword | ast.Assign] = [
                node,
                *([named[dotted(node.value)]] if dotted(node.value) in named else []),
            ]
            near = [line for place in places for line in lines[max(0, place.lineno - 4) : place.lineno + 1]]
            if not any("#" in line for line in near):
                said = ast.unparse(node)
                yield f"line {node.lineno}: no comment above or beside it says why `{said}` is the right tolerance."


def _zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0
