"""Who may import whom, as docs/architecture.md draws it: also in functions and for types only."""

import ast
import itertools
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
"""Each house and those that it may import from."""

FLOORS = {
    "bot": [{"intake"}, {"github"}, {"jobs"}, {"words"}, {"work"}, {"commandline"}, {"web"}],
    "pipeline": [
        {
            "contract",
            "differences",
            "errors",
            "headers",
            "locks",
            "markdown",
            "paths",
            "progress",
            "rendering",
            "threads",
            "untrusted",
        },
        {"reading"},
        {"model"},
        {"planning"},
        {"coding"},
        {"running"},
        {"proving"},
        {"methods", "record", "reproduce", "revision"},
    ],
}
"""The rooms of a house from the ground up: each may import from the floors below its own, never from above."""

KNOW_THE_SANDBOX = ("pipeline.running.", "pipeline.reproduce")

READ_ITS_VALUES = {
    ("pipeline.proving.report", "sandbox.report"),
    ("pipeline.proving.reviewer", "sandbox.report"),
    ("pipeline.proving.conformance", "sandbox.report"),
}
"""What was run is written down from the sandbox's own values; nothing is run there."""

FOR_ALL = {"sandbox.answers", "sandbox.contents", "sandbox.files", "sandbox.syntax"}
"""Stands lowest because the sandbox needs it as well, and knows nothing of sandboxes."""


def modules(root: Path) -> dict[str, Path]:
    """Dotted names and files of all of the project's own modules."""
    files = [
        f for house in BELOW for f in [root / f"{house}.py", *(root / house).rglob("*.py")] if f.exists()
    ]
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


def floor(house: str, room: str) -> int:
    """How high a room stands in its house; -1 where nobody has said."""
    return next((n for n, rooms in enumerate(FLOORS[house]) if room in rooms), -1)


def faults(arrows: dict[str, set[str]]) -> list[str]:
    """A sentence for each module without a floor, and for each import that goes the wrong way."""
    found = []
    for module, targets in arrows.items():
        house, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        if house in FLOORS and room and floor(house, room) < 0:
            found.append(f"{module} stands on no floor of {house}")
        for target in sorted(targets):
            other, _, below = target.partition(".")
            if other == house:
                if house in FLOORS and floor(house, below.partition(".")[0]) > floor(house, room):
                    found.append(f"{module} imports {target}, which stands above it")
            elif other not in BELOW[house]:
                allowed = ", ".join(sorted(BELOW[house])) or "nothing of ours"
                found.append(f"{module} imports {target}: {house} may import {allowed}")
            elif (
                house == "pipeline"
                and not module.startswith(KNOW_THE_SANDBOX)
                and target not in FOR_ALL
                and (module, target) not in READ_ITS_VALUES
            ):
                found.append(f"{module} imports {target}: only running and reproduce may")
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found.append("a circle: " + " → ".join(reversed(error.args[1])))
    return found


def test_imports_go_downward_only() -> None:
    assert not faults(graph(ROOT)), "\n".join(["", *faults(graph(ROOT))])


def test_every_room_has_a_floor_and_every_floor_has_its_rooms() -> None:
    for house, floors in FLOORS.items():
        rooms = {name.split(".")[1] for name in modules(ROOT) if name.startswith(f"{house}.")}
        assert rooms == set().union(*floors)


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("sandbox/docker.py", "import pipeline.errors", "sandbox may import nothing of ours"),
        ("pipeline/errors.py", "def f():\n    from bot.jobs import engine", "pipeline may import sandbox"),
        ("pipeline/coding/coding.py", "from sandbox import report", "only running and reproduce may"),
        ("pipeline/model/llm.py", "from settings import Settings", "pipeline may import sandbox"),
        ("pipeline/utils.py", "", "stands on no floor of pipeline"),
        ("benchmark/run.py", "from settings import Settings", "benchmark may import pipeline, sandbox"),
        ("bot/work/action.py", "from bot.work import worker", "a circle: "),
        *(
            (f"{house}/{low}/upward.py", f"from {house}.{high} import room", "which stands above it")
            for house, floors in FLOORS.items()
            for lower, higher in itertools.pairwise(floors)
            for low, high in [(min(lower), min(higher))]
        ),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_found(
    tmp_path: Path, file: str, source: str, complaint: str
) -> None:
    others = {
        "settings.py": "",
        "bot/jobs/engine.py": "",
        "bot/work/worker.py": "from bot.work.action import act\nfrom settings import Settings",
        "bot/work/action.py": "",
        "pipeline/errors.py": "",
        "pipeline/coding/coding.py": "from pipeline.errors import Cancelled",
        "pipeline/running/fixing.py": "from pipeline.coding.coding import write\nfrom sandbox.report import Report",
        "sandbox/report.py": "",
        **{
            f"{house}/{room}/room.py": ""
            for house, floors in FLOORS.items()
            for rooms in floors
            for room in rooms
        },
    }
    for path, text in others.items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(text)
    assert not faults(graph(tmp_path))

    (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / file).write_text(source)

    assert [fault for fault in faults(graph(tmp_path)) if complaint in fault]


def test_python_is_parsed_in_one_place() -> None:
    # The prober runs inside a sandbox, alone, and the harness wherever it is delivered to.
    parsing = ("sandbox.syntax", "sandbox.prober", "pipeline.coding.harness")
    files = {name: file for name, file in modules(ROOT).items() if name not in parsing}
    calls = {"ast.parse", "ast.literal_eval"}
    found = [
        f"{name}:{node.lineno}"
        for name, file in files.items()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in calls
    ]
    assert not found, "sandbox.syntax.tree does it in one thread at a time"
