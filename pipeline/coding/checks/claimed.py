"""Whether a number of the paper becomes a result without being computed: handed on from a literal, a setting, a file.

Certain cases only, as everywhere here: a value is followed where it is passed on as it is (names, containers, returns,
a little arithmetic with it), from any file of the repository to what an experiment's `run` returns.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.coding.checks.program import Program
from pipeline.coding.checks.settings import setting, written_keys
from pipeline.coding.checks.symbols import FunctionNode, dotted, imports, parse
from pipeline.coding.repository import Repository
from pipeline.contract import HARNESS, TESTS
from pipeline.planning.plan import Plan
from sandbox import syntax

_PLAIN = {0.0, 1.0, 2.0, 100.0}
"""Too common to be anybody's result."""
_PASS_ON = {
    "abs", "append", "array", "asarray", "copy", "dict", "extend", "float", "float32", "float64", "fmean", "get", "int",
    "item", "items", "list", "max", "maximum", "mean", "min", "minimum", "round", "setdefault", "sorted", "sum",
    "tensor", "tuple", "update", "values", "zip",
}  # fmt: skip
_SCATTER = {"gauss", "normal", "normalvariate", "uniform"}
"""Calls whose result is what they are given, or is drawn around it."""
_DEEPEST, _ROUNDS = 60, 4
_READERS = re.compile(
    r"(?:^|\.)(?:open|imread|PdfReader|PdfFileReader|Document|extract_text|read_pdf|Path|read_image)$"
)
_PDF = {"PyPDF2", "camelot", "fitz", "pdfminer", "pdfplumber", "pymupdf", "pypdf", "pypdfium2", "tabula"}
_OF_PAPER = re.compile(
    r"(?:.*/)?docs/(?:results|execution-report|plan/[\w/-]{1,80})\.(?:md|json)|.*\.pdf|(?:.*/)?paper\.(?:md|tex)"
    r"|(?:.*/)?(?:fig|figure|tab|table|page|paper|plot)[\w-]{0,40}\.(?:png|jpe?g|gif|tiff?)",
    re.IGNORECASE,
)


def claim_problems(
    path: str, tree: ast.Module, files: Mapping[str, str], plan: Plan
) -> Iterator[tuple[int, str]]:
    """What in a file hands a reported number on as a result, or reads the paper; given all files that there are."""
    if plan.numbers is None:
        return
    yield from _reads_of_the_paper(tree, {package.module for package in plan.logic.packages})
    values = _reported(plan)
    runs = [keyword.value for call in _experiments(tree) for keyword in call.keywords if keyword.arg == "run"]
    if not values or not runs:
        return
    flow = _Flow(Program(files), values, _settings(files, plan, values))
    flow.follow()
    for run in runs:
        # `partial(run, …)` and `lambda run: …` hand on what is inside of them.
        inner = run.body if isinstance(run, ast.Lambda) else run
        inner = (
            inner.args[0] if isinstance(inner, ast.Call) and dotted(inner.func).endswith("partial") else inner
        )
        name = dotted(inner)
        value = flow.named(path, name) if name else flow.value(path, inner, {})
        if value is not None:
            yield (
                run.lineno,
                f"what `{name or 'run'}` returns holds {value:.15g}, a number that the paper reports, without "
                "computing it: results come from runs alone",
            )


def claims(repository: Repository, plan: Plan) -> list[str]:
    """The same for a whole repository, a sentence for each place."""
    found = []
    with syntax.parsing:
        for path, source in _own(repository.files).items():
            if tree := parse(source):
                problems = claim_problems(path, tree, repository.files, plan)
                found += [f"{path}:{line}: {problem}." for line, problem in problems]
    return found


def _own(files: Mapping[str, str]) -> dict[str, str]:
    return {
        path: text
        for path, text in files.items()
        if path.endswith(".py") and path != HARNESS and not path.startswith(TESTS)
    }


def _reported(plan: Plan) -> frozenset[float]:
    """As printed, and as a run would give them."""
    numbers = plan.numbers.found if plan.numbers else ()
    values = {float(f"{v:.12g}") for n in numbers for v in (n.value, n.value / n.factor)}
    return frozenset(values - _PLAIN)


def _settings(files: Mapping[str, str], plan: Plan, values: Collection[float]) -> dict[str, float]:
    """Last names of keys that hold a reported number and for which no other place of the paper is declared."""
    repository, found = Repository({"config.yaml": files.get("config.yaml", "")}), dict[str, float]()
    anchors = {n.anchor for n in plan.numbers.found} if plan.numbers else set()
    for parts in written_keys(repository.files["config.yaml"]):
        leaf, key = setting(".".join(parts), repository), ".".join(parts)
        declared = key in plan.anchors and plan.anchors[key] not in anchors
        held = leaf.value if leaf and not isinstance(leaf.value, bool) else None
        if isinstance(held, int | float) and float(held) in values and not declared:
            found[key.rpartition(".")[2]] = float(held)
    return found


def _experiments(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Experiment":
            yield node


def _reads_of_the_paper(tree: ast.Module, packages: Collection[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            for name in names:
                first = name.partition(".")[0]
                if first in _PDF and first not in packages:
                    yield (
                        node.lineno,
                        f"`{first}` reads PDF files, and the plan has none: results come from runs alone",
                    )
        elif isinstance(node, ast.Call) and _READERS.search(dotted(node.func)) and not _writes(node):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and _OF_PAPER.fullmatch(str(argument.value)[:300]):
                    yield (
                        node.lineno,
                        f"`{ast.unparse(node)[:80]}` reads the paper's own results: they come from runs alone",
                    )


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax") for mode in modes)


_Names = dict[str, float]


@dataclass
class _Flow:
    """Which names and functions of a repository hold a reported number that nobody computes."""

    program: Program
    values: Collection[float]
    settings: Mapping[str, float]
    held: dict[str, _Names] = field(default_factory=dict)
    """By file: names at its top level, and methods as `.name`."""
    _imports: dict[str, Mapping[str, tuple[str, str | None]]] = field(default_factory=dict, init=False)

    def follow(self) -> None:
        """Until nothing new is found, or a few times: each round goes on by one import or call."""
        trees = {path: tree for path, text in _own(self.program.files).items() if (tree := parse(text))}
        self._imports = {path: imports(path, tree) for path, tree in trees.items()}
        for _ in range(_ROUNDS):
            before = {path: dict(names) for path, names in self.held.items()}
            for path, tree in trees.items():
                held = self.held.setdefault(path, {})
                self._assigned(path, tree.body, held)
                for node in ast.walk(tree):
                    if isinstance(node, ast.ClassDef):
                        self._functions(path, node.body, held, ".")
                self._functions(path, tree.body, held, "")
            if before == self.held:
                break

    def named(self, path: str, name: str) -> float | None:
        """What a name of a file holds, or a function of this name returns."""
        held, (first, _, rest) = self.held.get(path, {}), name.partition(".")
        if name in held:
            return held[name]
        if first in self._imports.get(path, {}):
            module, inner = self._imports[path][first]
            other = self.program.path_of(module)
            if other and other != path and (inner or rest):
                return self.held.get(other, {}).get(inner or rest)
        return None

    def _functions(self, path: str, body: Sequence[ast.stmt], held: _Names, prefix: str) -> None:
        for node in body:
            if isinstance(node, FunctionNode):
                inside: _Names = {}
                for _ in range(2):
                    self._assigned(path, node.body, inside)
                for each in _within(node.body):
                    if isinstance(each, ast.Return | ast.Yield) and each.value:
                        value = self.value(path, each.value, inside)
                        if value is not None:
                            held[f"{prefix}{node.name}"] = value

    def _assigned(self, path: str, body: Sequence[ast.stmt], names: _Names) -> None:
        """Add the names that statements give a reported number to."""
        for node in _within(body):
            pairs: list[tuple[ast.expr, ast.expr]] = []
            match node:
                case ast.Assign(targets=targets, value=value):
                    pairs = [(target, value) for target in targets]
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    pairs = [(target, value)]
                case ast.NamedExpr(target=target, value=value):
                    pairs = [(target, value)]
                case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                    pairs = [(target, value)]
                case ast.AugAssign(target=target, op=ast.Add() | ast.Sub(), value=value):
                    pairs = [(target, value)]
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr=attr)) as call) if attr in (
                    "append", "extend", "update", "setdefault",
                ):  # fmt: skip
                    pairs = [(target, argument) for argument in call.args]
            for target, value in pairs:
                found = self.value(path, value, names)
                for each in ast.walk(target) if found is not None else ():
                    # `metrics["x"] = …` makes `metrics` hold it.
                    if isinstance(each, ast.Name) and found is not None:
                        names[each.id] = found

    def value(self, path: str, node: ast.expr | None, names: _Names, depth: int = 0) -> float | None:
        """The reported number that an expression hands on; None: none."""
        if node is None or depth > _DEEPEST:
            return None
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return float(-number) if -number in self.values else None
            case ast.Name(id=name):
                return names.get(name, self.named(path, name))
            case ast.Attribute() if name := dotted(node):
                return self.named(path, name)
            case ast.DictComp(value=element) | ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                inside = dict(names)
                for part in node.generators:
                    self._assigned(path, [ast.For(part.target, part.iter, [], [])], inside)
                return self.value(path, element, inside, depth + 1)
            case ast.Subscript(slice=ast.Constant(value=str() as key)) if key in self.settings:
                return self.settings[key]
            case ast.Call(func=function) if (found := self._returned(path, function)) is not None:
                return found
        parts = (self.value(path, part, names, depth + 1) for part in _handed_on(node))
        return next((value for value in parts if value is not None), None)

    def _returned(self, path: str, function: ast.expr) -> float | None:
        """What a function of the repository returns; a method counts by its name, whoever has it."""
        if (name := dotted(function)) and (value := self.named(path, name)) is not None:
            return value
        if isinstance(function, ast.Attribute):
            method = f".{function.attr}"
            return next((names[method] for names in self.held.values() if method in names), None)
        return None

    def _literal(self, node: ast.Constant) -> float | None:
        said = node.value
        if isinstance(said, str) and re.fullmatch(r"-?\d{1,9}\.?\d{0,9}", said):
            said = float(said)
        if isinstance(said, bool) or not isinstance(said, int | float):
            return None
        return float(said) if said in self.values else None


def _handed_on(node: ast.expr) -> Sequence[ast.expr]:
    """What of an expression is its value, or a part of it, or makes it up but for noise and a factor."""
    match node:
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return parts
        case ast.BoolOp(values=parts):
            return parts
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, op=ast.Add() | ast.Sub(), right=other):
            return (one, other)
        case ast.BinOp(left=inner, op=ast.Mult() | ast.Div(), right=ast.Constant()):
            return (inner,)
        case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.UnaryOp(operand=inner):
            return (inner,)
        case ast.NamedExpr(value=inner) | ast.Attribute(value=inner):
            return (inner,)
        case ast.Call(func=function, args=args, keywords=keywords):
            return _handed_in(function, args, keywords)
    return ()


def _handed_in(
    function: ast.expr, args: Sequence[ast.expr], keywords: Sequence[ast.keyword]
) -> Sequence[ast.expr]:
    """What a call of a library gives back as it was given, or scattered around it."""
    last = dotted(function).rpartition(".")[2] or getattr(function, "attr", "")
    inner = [function.value] if isinstance(function, ast.Attribute) else []
    if last in _SCATTER:
        return [*args[:1], *(keyword.value for keyword in keywords if keyword.arg in ("loc", "mu", "mean"))]
    return [*args, *(keyword.value for keyword in keywords), *inner] if last in _PASS_ON else ()


def _within(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes in statements, not those of functions and classes defined there."""
    todo: list[ast.AST] = list(reversed(body))
    while todo:
        node = todo.pop()
        if isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            continue
        yield node
        todo += reversed(list(ast.iter_child_nodes(node)))
