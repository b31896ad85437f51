"""What a program can find wrong in a plan. Pure; every finding is a sentence that the model can act on."""

import keyword
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from pathlib import PurePosixPath

from pipeline.contract import CURRENT, Contract
from pipeline.differences import nearest
from pipeline.model.asking import MOST_FINDINGS
from pipeline.paths import refusal
from pipeline.planning.plan import (
    Architecture,
    ConfigEntry,
    Configuration,
    Function,
    Logic,
    Overview,
    PlannedClass,
    Reading,
    Requirement,
    Requirements,
    inherited,
)
from pipeline.reading import quotation
from pipeline.reading.paper import Paper
from pipeline.reading.quantities import SCALES, as_number, mentions

MAX_PYTHON_FILES = 20
OURS = ("harness.py", "main.py")
"""Written by a program, the same in every repository of contract 2."""
RESERVED = ("smoke", "scaled", "full")
"""Sections of config.yaml that are merged over the rest in the mode of their name."""
ENTRY: dict[Contract, str] = {1: "main.py", 2: "experiments.py"}
"""The file that depends on all others and that the model writes."""
ACTORS = ("User", "Shell", "config.yaml", "results.json", "Dataset", "File system")
"""What may take part in the call flow without being part of the code."""

_MISNAMED = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
    "pil": "Pillow",
    "cv2": "opencv-python-headless",
}
"""Names of modules that are often taken for those of their packages."""

_QUOTE_WORDS = range(3, 61)


def check_overview(reading: Reading) -> list[str]:
    """The method has a name that can be part of a branch's name."""
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){0,5}", reading.slug):
        return []
    return [f"The slug {reading.slug!r} is not two to four lower-case words joined by hyphens."]


def check_requirements(answer: Requirements) -> list[str]:
    """There are requirements with ids of their own. Their quotations: `unproven`."""
    return told(_requirement_findings(answer.requirements))


def settled(answer: Requirements, reading: Reading, paper: Paper) -> dict[int, str]:
    """Questions that are not open after all: number → anchor of the passage that answers it."""
    shown = [item for item in answer.settled if len(item.quote.split()) in _QUOTE_WORDS]
    found = {item.number: paper.find(item.quote) for item in shown}
    return {n: anchor for n, anchor in found.items() if anchor is not None and n <= len(reading.unclear)}


def unproven(requirement: Requirement, paper: Paper) -> str | None:
    """Why the quotation proves nothing: too short, too long, or not in the paper. None: it holds."""
    words = len(requirement.quote.split())
    if words not in _QUOTE_WORDS:
        length = "too short to prove anything" if words < _QUOTE_WORDS.start else "too long"
        return f"its quotation of {words} words is {length}: quote 5 to 15 words of one place"
    if paper.find(requirement.quote) is None:
        return "its quotation is not in the paper"
    return None


def unsourced(entry: ConfigEntry, paper: Paper) -> str | None:
    """Why the quotation does not prove the value. None: it does, or it is said how the value follows, or assumed."""
    if not entry.quote.strip():
        return None if entry.assumed.strip() else "it has neither a quotation nor an assumption"
    if paper.find(entry.quote) is None:
        return "its quotation is not in the paper"
    stated = mentions(entry.quote, entry.value) or _in_units(entry) or _down_a_column(entry, paper)
    if not stated and not entry.assumed.strip():
        return f"the quotation does not state the value {entry.value!r}"
    return None


def _down_a_column(entry: ConfigEntry, paper: Paper) -> bool:
    """Whether a list stands in a column of the table that is quoted, whose heading is part of the quotation."""
    if not isinstance(entry.value, tuple) or not entry.value:
        return False
    quoted, places = quotation.reduce(entry.quote), paper.places(entry.quote)
    for table in paper.tables:
        for number, path in enumerate(table.columns):
            if table.anchor in places and path and quotation.reduce(path[-1]) in quoted:
                column = " ; ".join(cell.text for cell in table.cells if cell.column == number)
                if mentions(column, entry.value):
                    return True
    return False


def _in_units(entry: ConfigEntry) -> bool:
    """Whether the key names the unit that the quotation writes out: `tokens_billions: 130` for 130 billion."""
    values = entry.value if isinstance(entry.value, tuple) else (entry.value,)
    scale = next((scale for unit, scale in SCALES.items() if len(unit) > 1 and unit in entry.key), None)
    return scale is not None and all(
        isinstance(value, int | float) and mentions(entry.quote, value * scale) for value in values
    )


def check_architecture(architecture: Architecture, contract: Contract = CURRENT) -> list[str]:
    """Paths are safe and can be imported, there is an entry point, and all names refer to something."""
    return told(
        _entry_point_findings(architecture, contract),
        _path_findings(architecture),
        _class_findings(architecture),
        _call_findings(architecture),
    )


def check_logic(
    logic: Logic,
    architecture: Architecture,
    configuration: Configuration,
    overview: Overview,
    contract: Contract = CURRENT,
) -> list[str]:
    """Covers the architecture's files without a cycle, and assigns every requirement. Experiments: `experiments.py`."""
    entries = configuration.entries + logic.lacking
    return told(
        _dependency_findings(logic, architecture, ENTRY[contract]),
        _function_findings(logic, architecture),
        _assignment_findings(logic, overview, {entry.key for entry in entries}),
        _package_findings(logic),
        _metric_findings(logic),
        check_configuration(Configuration(entries=entries)) if logic.lacking else (),
    )


def check_configuration(configuration: Configuration) -> list[str]:
    """Keys form a tree, and each value is either quoted or marked as assumed. Quotations: `unsourced`."""
    return told(
        _key_findings(configuration),
        (finding for entry in inherited(configuration.entries) for finding in _entry_findings(entry)),
    )


def told(*findings: Iterable[str]) -> list[str]:
    """As many of them as a model is told: each may take a search, and an answer may have a hundred thousand."""
    return list(islice(chain(*findings), MOST_FINDINGS))


def _requirement_findings(requirements: Collection[Requirement]) -> Iterator[str]:
    if not requirements:
        yield "There are no requirements: list what a faithful reproduction must contain."
    yield from repeated((item.id for item in requirements), "Requirement id")
    for item in requirements:
        if not re.fullmatch(r"R[1-9]\d*", item.id):
            yield f"Requirement id {item.id!r} is not of the form R1, R2, …"


def repeated(names: Iterable[str], what: str) -> Iterator[str]:
    """A finding for each name that occurs more than once."""
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{what} {name!r} occurs {times} times: make it unique."


def unknown(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, where one of the `known` names is close."""
    near = nearest(name, known)
    return f" Did you mean {near!r}?" if near else ""


def is_name(name: str) -> bool:
    """A Python identifier."""
    return name.isidentifier() and not keyword.iskeyword(name)


def _entry_point_findings(architecture: Architecture, contract: Contract) -> Iterator[str]:
    paths = {file.path for file in architecture.files}
    if contract == 1 and "main.py" not in paths:
        yield "There is no main.py: it is the entry point, and has to be among the files."
    if contract > 1 and "experiments.py" not in paths:
        yield "There is no experiments.py: it lists the experiments, and has to be among the files."
    if contract > 1:
        for path in sorted(paths.intersection(OURS)):
            yield f"{path} is written by a program, the same in every repository: do not list it."


def _path_findings(architecture: Architecture) -> Iterator[str]:
    paths = [file.path for file in architecture.files]
    yield from repeated((path.casefold() for path in paths), "File")
    if len(paths) > MAX_PYTHON_FILES:
        yield f"{len(paths)} files are too many: merge them into at most {MAX_PYTHON_FILES}."
    modules = {path.removesuffix(".py") for path in paths}
    for path in paths:
        if reason := refusal(path):
            yield f"The path is not allowed: {reason}."
        elif not path.endswith(".py"):
            yield f"{path} is not a Python file: list only those; config.yaml and README.md come later."
        elif not all(is_name(part) for part in path.removesuffix(".py").split("/")):
            yield f"{path} cannot be imported: each part of the path must be a Python identifier."
        elif (top := path.split("/")[0].removesuffix(".py")) in sys.stdlib_module_names:
            yield f"{path} hides the standard library's module {top!r}: choose another name."
        elif any(str(parent) in modules for parent in PurePosixPath(path).parents):
            yield f"{path} is in a folder that has the name of another file: a module cannot be both."


def _class_findings(architecture: Architecture) -> Iterator[str]:
    paths = {file.path for file in architecture.files}
    yield from repeated((f"{item.name} in {item.file}" for item in architecture.classes), "Class")
    for item in architecture.classes:
        if not is_name(item.name):
            yield f"Class name {item.name!r} is not a Python identifier."
        if item.file not in paths:
            hint = unknown(item.file, paths)
            yield f"Class {item.name} is in {item.file!r}, which is not among the files.{hint}"
        yield from repeated((method.name for method in item.methods), f"Class {item.name}: method")
        for attribute in item.attributes:
            if not is_name(attribute.name):
                yield f"Class {item.name}: attribute {attribute.name!r} is not a Python identifier."
        for method in item.methods:
            yield from _signature_findings(method, f"{item.name}.{method.name}")


def _signature_findings(function: Function, where: str) -> Iterator[str]:
    if not is_name(function.name):
        yield f"{where}: the name is not a Python identifier."
    names = [parameter.name.lstrip("*") for parameter in function.parameters]
    yield from repeated(names, f"{where}: parameter")
    for name in names:
        if name in ("self", "cls"):
            yield f"{where}: list the parameters without {name!r}."
        elif not is_name(name):
            yield f"{where}: parameter {name!r} is not a Python identifier."


def _call_findings(architecture: Architecture) -> Iterator[str]:
    known = set(participants(architecture))
    names = dict.fromkeys(name for call in architecture.calls for name in (call.caller, call.callee))
    for name in names:
        if name not in known and name not in ACTORS:
            yield (
                f"The call flow names {name!r}, which is neither a class, a method (`Class.method`) nor a "
                f"file of this architecture nor one of {', '.join(ACTORS)}.{unknown(name, known)}"
            )


def participants(architecture: Architecture) -> dict[str, str]:
    """Every name that a caller or callee may have → the class or file that it stands for."""
    known: dict[str, str] = {}
    for path in (*OURS, *(file.path for file in architecture.files)):
        stem = path.removesuffix(".py")
        known |= dict.fromkeys((path, stem, stem.replace("/", "."), stem.rsplit("/", 1)[-1]), path)
    for item in architecture.classes:
        known[item.name] = item.name
        for method in item.methods:
            known |= {f"{item.name}.{method.name}{end}": item.name for end in ("", "()")}
    return known


def _dependency_findings(logic: Logic, architecture: Architecture, entry: str) -> Iterator[str]:
    planned = {file.path for file in architecture.files}
    written = {file.path for file in logic.files}
    yield from repeated((file.path for file in logic.files), "File")
    for path in sorted(planned - written):
        yield f"{path} of the architecture is missing in the logic design."
    for path in sorted(written - planned):
        yield f"{path} is not a file of the architecture.{unknown(path, planned)}"
    for file in logic.files:
        for other in file.depends_on:
            if other == "experiments.py" == entry:
                yield f"{file.path} depends on experiments.py: the method has to be of use without its experiments."
            elif other not in written and not (other == "harness.py" and entry == "experiments.py"):
                yield (
                    f"{file.path} depends on {other!r}, which is not a file of this repository "
                    f"(third-party packages belong in `packages`).{unknown(other, written)}"
                )
    graph = {file.path: {other for other in file.depends_on if other in written} for file in logic.files}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        yield f"The dependencies form a cycle ({cycle}): move what they share into a file of its own."
        return
    yield from (
        f"{path} is not used: neither {entry} nor anything that it depends on imports it."
        for path in sorted(written - _reached(graph, entry))
        if entry in graph and PurePosixPath(path).name != "__init__.py"
    )


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(graph.get(path, ()))
    return reached


def _function_findings(logic: Logic, architecture: Architecture) -> Iterator[str]:
    classes: dict[str, list[PlannedClass]] = {}
    for item in architecture.classes:
        classes.setdefault(item.file, []).append(item)
    for file in logic.files:
        names = [function.name for function in file.functions]
        names += [item.name for item in classes.get(file.path, [])]
        yield from repeated(names, f"{file.path}: function or class")
        for function in file.functions:
            yield from _signature_findings(function, f"{file.path}: {function.name}")


def _assignment_findings(logic: Logic, overview: Overview, keys: Collection[str]) -> Iterator[str]:
    known = [item.id for item in overview.requirements]
    assigned = {item for file in logic.files for item in file.requirements}
    assigned |= {item.requirement for item in logic.held}
    for item in overview.requirements:
        if item.id not in assigned:
            yield f"{item.id} ({item.text}) is not assigned to any file: say which one implements it."
    for file in logic.files:
        for name in file.requirements:
            if name not in known:
                yield f"{file.path} claims {name!r}, which is not a requirement."
    for held in logic.held:
        if held.requirement not in known:
            yield f"`held` names {held.requirement!r}, which is not a requirement."
        for key in held.keys:
            if key not in keys:
                yield f"`held` names {key!r}, which is not a key of config.yaml.{unknown(key, keys)}"


def _package_findings(logic: Logic) -> Iterator[str]:
    yield from repeated((package.module for package in logic.packages), "Package module")
    local = {file.path.split("/")[0].removesuffix(".py") for file in logic.files}
    for package in logic.packages:
        top = package.module.split(".")[0]
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", package.name):
            yield f"{package.name!r} is not the name of a package: only the name, without version or extras."
        if not all(is_name(part) for part in package.module.split(".")):
            yield f"Package {package.name}: {package.module!r} is not a module that can be imported."
        elif package.name.lower() in _MISNAMED:
            yield f"pip knows {package.name!r} as {_MISNAMED[package.name.lower()]!r}."
        elif top in sys.stdlib_module_names:
            yield f"{package.module!r} is in the standard library: remove it from the packages."
        elif top in local:
            yield f"{package.module!r} is both a package and a file of this repository: rename the file."


def _metric_findings(logic: Logic) -> Iterator[str]:
    if not logic.metrics:
        yield "There is no metric: name at least one number that the experiments give."
    yield from repeated((metric.name for metric in logic.metrics), "Metric")
    for metric in logic.metrics:
        if not is_name(re.sub(r"\{\w+\}", "x", metric.name)):
            yield f"Metric {metric.name!r} is not an identifier like `test_accuracy` or `accuracy_{{data_set}}`."


def _key_findings(configuration: Configuration) -> Iterator[str]:
    keys = [entry.key for entry in configuration.entries]
    yield from repeated(keys, "Key")
    for key in dict.fromkeys(keys):
        parts = key.split(".")
        if not all(is_name(part) for part in parts):
            yield f"Key {key!r} is not made of Python identifiers joined by dots (keywords are none)."
        if parts[0] in RESERVED:
            yield f"Key {key!r}: the section `{parts[0]}` is reserved; overrides go into the field `smoke`."
        for depth in range(1, len(parts)):
            if (prefix := ".".join(parts[:depth])) in keys:
                yield f"Key {prefix!r} has a value and is a section of {key!r}: rename one of them."


def _entry_findings(entry: ConfigEntry) -> Iterator[str]:
    quote, assumed = entry.quote.strip(), entry.assumed.strip()
    if bool(quote) == bool(assumed):
        both = "both a quotation and an assumption" if quote else "neither a quotation nor an assumption"
        yield f"{entry.key} has {both}: give exactly one of them."
    if isinstance(entry.value, str) and as_number(entry.value) is not None:
        yield f"{entry.key}: {entry.value!r} is a number written as text: write it as a number."
    if entry.value is not None and entry.smoke is not None and not _same_type(entry.value, entry.smoke):
        yield (
            f"{entry.key}: the smoke value {entry.smoke!r} is not of the same type as {entry.value!r}: "
            "the same code has to read both."
        )


def _same_type(value: object, smoke: object) -> bool:
    if isinstance(value, tuple) and isinstance(smoke, tuple):
        return all(any(_same_type(old, new) for old in value) for new in smoke) or not value
    numbers = (float, int)
    return type(value) is type(smoke) or (type(value) in numbers and type(smoke) in numbers)
