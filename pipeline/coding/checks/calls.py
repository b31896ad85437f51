"""Whether calls into the repository's own files fit what those files define, where that is certain."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.coding.checks.program import Program
from pipeline.coding.checks.symbols import Class, FunctionNode, Signature, bindings, dotted, imports


@dataclass(frozen=True)
class Scope:
    """Where a call stands: the class around it, and names that certainly hold an instance."""

    cls: Class | None
    instances: Mapping[str, Class]


def call_problems(path: str, tree: ast.Module, program: Program) -> Iterator[tuple[int, str]]:
    """Line and description of each call that certainly fails; `program` holds this file, too."""
    checker = _Checker(path, tree, program)
    yield from checker.visit(tree, Scope(None, checker.instances(tree, None, nested=False)))


class _Checker:
    def __init__(self, path: str, tree: ast.Module, program: Program) -> None:
        self.program = program
        self.inherited = program.bases()
        self.imported = imports(path, tree)
        module = program.module(path)
        known = {**module.functions, **module.classes} if module else {}
        bound = Counter(name for name, _ in bindings(tree))
        self.own = {name: definition for name, definition in known.items() if bound[name] == 1}

    def visit(self, node: ast.AST, scope: Scope) -> Iterator[tuple[int, str]]:
        for child in ast.iter_child_nodes(node):
            inner = scope
            if isinstance(child, ast.ClassDef):
                cls = self.own.get(child.name)
                inner = Scope(cls if isinstance(cls, Class) else None, self.attributes(child))
            elif isinstance(child, FunctionNode):
                inner = Scope(scope.cls, {**self.outer(scope, child), **self.instances(child, scope.cls)})
            elif isinstance(child, ast.Call) and (problem := self.problem(child, scope)):
                yield child.lineno, problem
            yield from self.visit(child, inner)

    def outer(self, scope: Scope, function: FunctionNode) -> dict[str, Class]:
        hidden = {name for name, _ in bindings(function)}
        return {name: cls for name, cls in scope.instances.items() if name not in hidden}

    def refers(self, name: str) -> Class | Signature | None:
        return self.own.get(name) or self.program.named(self.imported, name)

    def instances(self, scope: ast.AST, cls: Class | None, *, nested: bool = True) -> dict[str, Class]:
        """Names bound once in a scope, to an object made there or as a parameter annotated with a class."""
        bound = Counter(name for name, _ in bindings(scope, nested=nested))
        found: dict[str, Class] = {}
        for node in ast.walk(scope):
            if isinstance(node, ast.arg) and node.annotation and bound[node.arg] == 1:
                made = self.refers(_annotation(node.annotation))
                if isinstance(made, Class):
                    found[node.arg] = made
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.Call):
                made = self.refers(dotted(node.value.func))
                name = dotted(node.targets[0])
                if isinstance(made, Class) and bound[name] == 1:
                    found[name] = made
        return found

    def attributes(self, node: ast.ClassDef) -> dict[str, Class]:
        """Attributes `self.x` stored once in a class, with what `instances` would say of the value."""
        stored = Counter(
            dotted(inner)
            for inner in ast.walk(node)
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store | ast.Del)
        )
        found: dict[str, Class] = {}
        for function in node.body:
            if not isinstance(function, FunctionNode):
                continue
            local = self.instances(function, None)
            for inner in ast.walk(function):
                if not isinstance(inner, ast.Assign) or len(inner.targets) != 1:
                    continue
                name = dotted(inner.targets[0])
                if not name.startswith("self.") or stored[name] != 1:
                    continue
                if isinstance(inner.value, ast.Call):
                    made = self.refers(dotted(inner.value.func))
                else:
                    made = local.get(dotted(inner.value))
                if isinstance(made, Class):
                    found[name] = made
        return found

    def problem(self, call: ast.Call, scope: Scope) -> str | None:
        name = dotted(call.func)
        owner, _, last = name.rpartition(".")
        if name in scope.instances:
            return self.misfit(name, self.program.called(scope.instances[name]), call)
        if owner in scope.instances:
            return self.method_problem(scope.instances[owner], last, name, call)
        if owner == "self" and scope.cls:
            return self.method_problem(scope.cls, last, name, call)
        if _is_super_init(call) and scope.cls and len(scope.cls.bases) == 1:
            parent = self.program.base(scope.cls, scope.cls.bases[0])
            return self.misfit("super().__init__", self.program.constructor(parent) if parent else None, call)
        found = self.refers(name)
        if isinstance(found, Class):
            return self.misfit(name, self.program.constructor(found), call)
        if found is None and isinstance(cls := self.refers(owner), Class) and last in cls.callable_unbound:
            found = cls.methods[last]
        return self.misfit(name, found if isinstance(found, Signature) else None, call)

    def method_problem(self, cls: Class, method: str, name: str, call: ast.Call) -> str | None:
        found = self.program.member(cls, method)
        if found == "absent" and cls.name in self.inherited:
            return None
        if found == "absent":
            return f"`{cls.name}` in {cls.path} has no method `{method}`; it has {_listed(cls)}"
        return self.misfit(name, found, call)

    def misfit(self, name: str, signature: Signature | None, call: ast.Call) -> str | None:
        problem = signature.problem(call) if signature else None
        return f"`{name}{signature}` {problem}" if problem else None


def _annotation(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else dotted(node)


def _is_super_init(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "__init__"
        and isinstance(call.func.value, ast.Call)
        and dotted(call.func.value.func) == "super"
    )


def _listed(cls: Class) -> str:
    return ", ".join(f"`{name}`" for name in cls.methods) or "none"
