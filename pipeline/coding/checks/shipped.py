"""Real data that come with packages: where code reads some, what it runs on is not all synthetic. Pure."""

import ast
from collections.abc import Collection, Mapping

from pipeline.coding.checks.symbols import parse
from pipeline.coding.repository import Repository

_SHIPPED = {
    "sklearn.datasets": (
        "load_breast_cancer", "load_diabetes", "load_digits", "load_iris", "load_linnerud", "load_sample_image",
        "load_sample_images", "load_wine",
    ),
    "skimage.data": ("astronaut", "binary_blobs", "camera", "coffee", "coins", "moon", "page", "text"),
    "networkx": (
        "davis_southern_women_graph", "florentine_families_graph", "karate_club_graph", "les_miserables_graph",
    ),
    "statsmodels.datasets": ("load", "load_pandas"),
}  # fmt: skip


def shipped(repository: Repository, executed: Mapping[str, Collection[int]]) -> list[str]:
    """Names such as `sklearn.datasets.load_digits` of what was read; `executed` are a run's lines by path."""
    found = set[str]()
    for path, source in repository.python_files().items():
        tree = parse(source)
        nodes = list(ast.walk(tree)) if tree else []
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        known = {
            name: module
            for module, names in _SHIPPED.items()
            if any(module == other or module.startswith(f"{other}.") for other in modules)
            for name in names
        }
        for node in nodes:
            if isinstance(node, ast.Call) and node.lineno in executed.get(path, ()):
                name = ast.unparse(node.func).rpartition(".")[2]
                found |= {f"{known[name]}.{name}"} if name in known else set()
    return sorted(found)
