"""A repository as a program: which file a module is, what a name means, across files.

Answers only what is certain; everything else is unknown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.coding.checks.symbols import (
    TRANSPARENT_BASES,
    Absent,
    Class,
    Module,
    Signature,
    Unknown,
    read_source,
)


@dataclass(frozen=True)
class Program:
    """Files that are written, by path, and paths that are planned."""

    files: Mapping[str, str]
    planned: Collection[str] = ()

    def paths(self) -> set[str]:
        """Written and planned Python files."""
        return {path for path in (*self.files, *self.planned) if path.endswith(".py")}

    def bases(self) -> set[str]:
        """Names of classes that something in the repository inherits from."""
        modules = [self.module(path) for path in self.files]
        return {name for module in modules if module for name in module.bases}

    def path_of(self, name: str) -> str | None:
        """The file of a module, `folder/` for a package without `__init__.py`; None: not in here."""
        base = name.replace(".", "/")
        paths = self.paths()
        for candidate in (f"{base}/__init__.py", f"{base}.py"):
            if candidate in paths:
                return candidate
        return f"{base}/" if base and any(path.startswith(f"{base}/") for path in paths) else None

    def module(self, path: str) -> Module | None:
        """A written file that parses."""
        return read_source(path, self.files[path]) if path.endswith(".py") and path in self.files else None

    def definition(self, module: str, name: str, depth: int = 0) -> Class | Signature | None:
        """What `from module import name` gives, through re-exports; None when it is not certain."""
        path = self.path_of(module)
        found = self.module(path) if path else None
        if found is None or depth > 5:
            return Unknown
        if name in found.imports:
            origin, inner = found.imports[name]
            return self.definition(origin, inner, depth + 1) if inner else Unknown
        return found.classes.get(name) or found.functions.get(name)

    def base(self, cls: Class, name: str) -> Class | None:
        """A base class of `cls` that is defined in the repository."""
        module = self.module(cls.path)
        if module is None:
            return Unknown
        if name in module.classes:
            return module.classes[name] if name != cls.name else None
        found = self.named(module.imports, name)
        return found if isinstance(found, Class) else Unknown

    def named(self, imported: Mapping[str, tuple[str, str | None]], name: str) -> Class | Signature | None:
        """What a dotted name refers to, given a file's imports."""
        first, _, rest = name.partition(".")
        if first not in imported:
            return Unknown
        module, inner = imported[first]
        if inner is None:
            return (
                self.definition(".".join([module, *rest.split(".")[:-1]]), rest.split(".")[-1])
                if rest
                else None
            )
        if not rest:
            return self.definition(module, inner)
        if "." not in rest and self.path_of(f"{module}.{inner}"):
            return self.definition(f"{module}.{inner}", rest)
        return Unknown

    def member(self, cls: Class, name: str, depth: int = 0) -> Signature | Absent | None:
        """Signature of a method; None: unknown; `absent`: certainly not there."""
        if name in cls.methods:
            return cls.methods[name]
        if cls.dynamic or name in cls.attributes or depth > 10:
            return Unknown
        for base in cls.bases:
            if base in TRANSPARENT_BASES:
                continue
            parent = self.base(cls, base)
            found = self.member(parent, name, depth + 1) if parent else Unknown
            if found != "absent":
                return found
        return Unknown if name in dir(object) else "absent"

    def constructor(self, cls: Class, depth: int = 0) -> Signature | None:
        """What the class is made with; None: unknown."""
        if cls.dynamic or depth > 10:
            return Unknown
        if "__init__" in cls.methods:
            return cls.methods["__init__"]
        if cls.fields:
            return cls.fields
        parents = [base for base in cls.bases if base not in TRANSPARENT_BASES]
        if not parents:
            return Signature((), frozenset())
        parent = self.base(cls, parents[0])
        return self.constructor(parent, depth + 1) if parent else Unknown

    def called(self, cls: Class) -> Signature | None:
        """What an instance is called with: `__call__`, or `forward` of a torch module."""
        own = self.member(cls, "__call__")
        if isinstance(own, Signature):
            return own
        lineage, seen = [cls], [cls.name]
        while lineage:
            current = lineage.pop()
            seen += current.bases
            lineage += [
                parent for base in current.bases if (parent := self.base(current, base)) and len(seen) < 50
            ]
        forward = self.member(cls, "forward")
        is_module = any(base in ("Module", "nn.Module", "torch.nn.Module") for base in seen)
        return forward if is_module and isinstance(forward, Signature) else Unknown
