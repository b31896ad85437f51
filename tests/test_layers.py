"""Who may import whom, as docs/architecture.md draws it: also in functions and for types only."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BELOW = {
    "app": {"bot", "pipeline", "sandbox", "settings"},
    "bot": {"pipeline", "sandbox", "settings"},
    "benchmark": {"pipeline", "sandbox"},
    "pipeline": {"sandbox"},
    "sandbox": set(),
    "settings": set(),
}
"""Each room and those that it may import from."""

KNOW_THE_SANDBOX = {"pipeline.fixing", "pipeline.reproduce"}

READ_ITS_VALUES = {("pipeline.report", "sandbox.report")}
"""What was run is written down from the sandbox's own values; nothing is run there."""

FOR_ALL = {"sandbox.syntax"}
"""Stands lowest because the sandbox needs it as well, and knows nothing of sandboxes."""

STAGES = ["reproduce", "audit", "fixing", "iterating", "coding", "analysis", "planning", "paper"]
"""The pipeline's data flow, last stage first: each may import from those after it."""


def modules(root: Path) -> dict[str, Path]:
    """Dotted names and files of all of the project's own modules."""
    files = [f for room in BELOW for f in [root / f"{room}.py", *(root / room).rglob("*.py")] if f.exists()]
    return {".".join(f.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def imports(name: str, file: Path, known: set[str]) -> set[str]:
    """The project's own modules that a module imports, wherever in it."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            within = {f"{base}.{alias.name}" for alias in node.names}
            found.update(within & known or {base})
    return found & known - {name}


def graph(root: Path) -> dict[str, set[str]]:
    """Each module and those of the project's own that it imports."""
    files = modules(root)
    return {name: imports(name, file, set(files)) for name, file in files.items()}


def faults(arrows: dict[str, set[str]]) -> list[str]:
    """A sentence for each import that goes the wrong way."""
    found = []
    without_sandbox = {name for name in arrows if name.startswith("pipeline.")} - KNOW_THE_SANDBOX
    for module, targets in arrows.items():
        room, _, stage = module.partition(".")
        for target in sorted(targets):
            other, _, other_stage = target.partition(".")
            if other == room == "pipeline":
                if {stage, other_stage} <= set(STAGES) and STAGES.index(other_stage) < STAGES.index(stage):
                    found.append(f"{module} imports {target}, which comes later in the data flow")
            elif other != room and other not in BELOW[room]:
                below = ", ".join(sorted(BELOW[room])) or "nothing of ours"
                found.append(f"{module} imports {target}: {room} may import {below}")
            elif (
                room != other
                and module in without_sandbox
                and target not in FOR_ALL
                and (module, target) not in READ_ITS_VALUES
            ):
                found.append(f"{module} imports {target}: only {' and '.join(sorted(KNOW_THE_SANDBOX))} may")
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found.append("a circle: " + " → ".join(reversed(error.args[1])))
    return found


def test_imports_go_downward_only() -> None:
    assert not faults(graph(ROOT)), "\n".join(["", *faults(graph(ROOT))])


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("sandbox/docker.py", "import pipeline.paper", "sandbox may import nothing of ours"),
        ("pipeline/paper.py", "def f():\n    from bot.jobs import Job", "pipeline may import sandbox"),
        (
            "pipeline/coding.py",
            "from sandbox import report",
            "only pipeline.fixing and pipeline.reproduce may",
        ),
        ("pipeline/llm.py", "from settings import Settings", "pipeline may import sandbox"),
        ("benchmark/run.py", "from settings import Settings", "benchmark may import pipeline, sandbox"),
        ("pipeline/planning.py", "from .coding import write", "later in the data flow"),
        ("bot/jobs.py", "from bot import worker", "a circle: "),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_found(
    tmp_path: Path, file: str, source: str, complaint: str
) -> None:
    others = {
        "settings.py": "",
        "bot/jobs.py": "",
        "bot/worker.py": "from .jobs import Job\nfrom settings import Settings",
        "pipeline/paper.py": "",
        "pipeline/coding.py": "",
        "pipeline/fixing.py": "from pipeline.coding import write\nfrom sandbox.report import Report",
        "sandbox/report.py": "",
    }
    for path, text in others.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert not faults(graph(tmp_path))

    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)

    assert [fault for fault in faults(graph(tmp_path)) if complaint in fault]


def test_python_is_parsed_in_one_place() -> None:
    files = {name: file for name, file in modules(ROOT).items() if name != "sandbox.syntax"}
    calls = {"ast.parse", "ast.literal_eval"}
    found = [
        f"{name}:{node.lineno}"
        for name, file in files.items()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in calls
    ]
    assert not found, "sandbox.syntax.tree does it in one thread at a time"
