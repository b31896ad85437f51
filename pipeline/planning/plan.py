"""The plan as values: what the paper demands and how the repository will be laid out.

Typed data that a program can check; prose and diagrams are rendered from it (`documents.py`), and
`planning.py` asks for it step by step.
"""

import re
from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from pipeline.contract import Contract
from pipeline.planning.reported import Numbers

RequirementKind = Literal[
    "model", "objective", "algorithm", "data", "training", "evaluation", "hyperparameter", "result"
]
Reason = Literal[
    "proof only",
    "quoted from other work",
    "needs people",
    "needs a paid service",
    "needs hardware or data nobody has",
    "asked for by the person",
]
"""Why something that the paper contains is not implemented."""
Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | None


class Answer(BaseModel):
    """A value parsed from a model's answer: frozen, and nothing but what its schema names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Requirement(Answer):
    """Something that a faithful reproduction must contain."""

    id: str = Field(description="R1, R2, …")
    kind: RequirementKind
    text: str = Field(
        description="What the code has to do, in one sentence that can be checked by reading it"
    )
    quote: str = Field(description="Word for word from the paper, 5 to 15 words, from one place")
    weight: int = Field(
        ge=1, le=3, description="3: the paper's contribution, 2: needed for its results, 1: detail"
    )


class OpenQuestion(Answer):
    """Something that the paper leaves open, and what is assumed instead."""

    question: str
    assumption: str
    why: str


class Source(Answer):
    """Where somebody has said something."""

    by: str
    link: str


class AnsweredQuestion(OpenQuestion):
    """An open question that people have answered: the assumption is theirs."""

    sources: tuple[Source, ...]


class OpenQuestions(Answer):
    """Those that are open indeed."""

    unclear: tuple[OpenQuestion, ...]


class Reading(Answer):
    """What the paper is about, seen by somebody who will implement it."""

    slug: str = Field(description="Two to four lower-case words with hyphens that name the method")
    summary: str
    components: tuple[str, ...] = Field(description="Parts of the method, with their inputs and outputs")
    objectives: tuple[str, ...] = Field(description="Losses and what is optimised")
    data: tuple[str, ...] = Field(description="Datasets, splits, preprocessing")
    evaluation: tuple[str, ...] = Field(description="Metrics, baselines, protocol")
    unclear: tuple[OpenQuestion, ...]


class Settled(Answer):
    """A question that the overview calls open, and the passage that answers it."""

    number: int = Field(ge=1, description="Its number under `Left open by the paper`")
    quote: str = Field(description="Word for word from the paper, the passage that answers it")


class Placement(Answer):
    """What becomes of some of the things that the paper contains: requirements implement them, or a reason not to."""

    items: tuple[str, ...] = Field(description="Names of the inventory, or ranges of one kind: `Eq3-Eq7`")
    requirements: tuple[str, ...] = Field(default=(), description="Ids of those that implement them")
    reason: Reason | None = Field(default=None, description="Only where nothing implements them")
    why: str = Field(default="", description="With a reason: what it is that needs it, in at most 8 words")


class Placements(Answer):
    """What becomes of all that the paper contains."""

    places: tuple[Placement, ...]


class Requirements(Answer):
    """What a faithful reproduction must contain."""

    requirements: tuple[Requirement, ...]
    settled: tuple[Settled, ...] = ()
    places: tuple[Placement, ...] = ()


class Overview(Reading):
    """The reading together with the requirements whose quotations hold."""

    requirements: tuple[Requirement, ...]


class Parameter(Answer):
    """A parameter or an attribute; in an answer it may be one text, `name: type`, which is shorter."""

    name: str
    type: str

    @model_validator(mode="before")
    @classmethod
    def _split(cls, said: Any) -> Any:
        if not isinstance(said, str):
            return said
        name, _, kind = said.partition(":")
        return {"name": name.strip(), "type": kind.strip()}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "description": "`name: type`, with a default `name: type = value`"}


class Function(Answer):
    """A function or a method."""

    name: str
    parameters: tuple[Parameter, ...] = Field(description="Without self")
    returns: str
    purpose: str = Field(default="", description="What name and types do not say; else empty")


class PlannedClass(Answer):
    """A class that the repository will have."""

    name: str
    file: str
    purpose: str
    bases: tuple[str, ...] = ()
    attributes: tuple[Parameter, ...] = Field(default=(), description="Only those that other classes read")
    methods: tuple[Function, ...]


class PlannedFile(Answer):
    """A Python file that the repository will have."""

    path: str
    purpose: str


class Call(Answer):
    """One arrow of the sequence diagram."""

    caller: str
    callee: str
    message: str


class Architecture(Answer):
    """Files, classes, and who calls whom."""

    files: tuple[PlannedFile, ...]
    classes: tuple[PlannedClass, ...]
    calls: tuple[Call, ...]


class Package(Answer):
    """A third-party package: its name at the index and the name that code imports."""

    name: str = Field(description="As pip knows it: scikit-learn")
    module: str = Field(description="As code imports it: sklearn")
    why: str
    unimported: bool = Field(
        default=False, description="Only has to be installed: accelerate, for transformers"
    )


class Metric(Answer):
    """A number that a run gives; by contract 1, one that `results.json` holds."""

    name: str = Field(description="Or the pattern of several: `accuracy_{data_set}`")
    meaning: str


class DataSet(Answer):
    """Data that whoever runs the code has to bring."""

    name: str = Field(description="Its folder below data/, lower_snake_case")
    files: tuple[str, ...] = Field(description="Names or patterns below its folder, as they are published")
    size: str = Field(description="To download: `170 MB`")
    where: str = Field(description="Where to get it and how to unpack it, in a sentence or two")


class Experiment(Answer):
    """Something that the paper shows, as runs over methods and seeds."""

    name: str = Field(description="lower_snake_case, such as table2")
    shows: tuple[str, ...] = Field(description="Anchors of the tables, figures or sections: Tab2, Fig1")
    methods: tuple[str, ...] = Field(description="What is compared; where that is not the shape: `default`")
    seeds: str = Field(default="", description="Key of config.yaml that lists them; empty: a single run")
    needs: tuple[str, ...] = Field(default=(), description="Names of data")
    metrics: tuple[str, ...] = Field(description="Names among `metrics` that each of its runs gives")
    gpu: bool = Field(default=False, description="Of no use without a graphics card")
    minutes: float = Field(description="All its runs together, in full, on the machine that it needs")


def metric_pattern(name: str) -> re.Pattern[str]:
    """What finds the metrics of a name in which `{word}` stands for any identifier."""
    first, *parts = map(re.escape, re.split(r"\{\w+\}", name))
    if not parts:
        return re.compile(first)
    # Where a part is found first, none of the later ones is missed: looking further would cost a power of the length.
    between = "".join(rf"(?>\w+?{part})" for part in parts[:-1])
    return re.compile(rf"{first}{between}\w+{parts[-1]}")


class FileLogic(Answer):
    """What one file contains and what it stands on."""

    path: str
    logic: str
    functions: tuple[Function, ...] = Field(description="Module-level functions")
    depends_on: tuple[str, ...] = Field(description="Files of this repository that it imports")
    requirements: tuple[str, ...] = Field(description="Ids of requirements that it implements")
    delicate: bool = Field(
        default=True, description="Easy to get wrong: thought through once more before it is written"
    )


class ConfigEntry(Answer):
    """One leaf of `config.yaml`."""

    key: str = Field(description="Dotted: training.learning_rate")
    value: Value
    quote: str = Field(
        default="", description="Word for word from the paper, containing the value; empty if assumed"
    )
    assumed: str = Field(default="", description="Why this value, when the paper does not say")
    smoke: Value = Field(default=None, description="Value in the smoke run; null: the same")


class Configuration(Answer):
    """Every number and choice that an experiment needs."""

    entries: tuple[ConfigEntry, ...]


def inherited(entries: Sequence[ConfigEntry]) -> tuple[ConfigEntry, ...]:
    """`entries`, those without a source of their own with that of the one before."""
    settled: list[ConfigEntry] = []
    for entry in entries:
        if settled and not entry.quote.strip() and not entry.assumed.strip():
            source = {"quote": settled[-1].quote, "assumed": settled[-1].assumed}
            entry = entry.model_copy(update=source)
        settled.append(entry)
    return tuple(settled)


class Held(Answer):
    """A requirement that says no more than that settings have certain values."""

    requirement: str = Field(description="Its id")
    keys: tuple[str, ...] = Field(description="Keys of config.yaml that hold the values")


class Correction(Answer):
    """Something that an earlier step said and a later one found to be wrong."""

    where: str = Field(description="What said it: overview, requirements, architecture, config.yaml or logic")
    wrong: str = Field(description="Its words, copied exactly")
    right: str = Field(description="What has to stand there instead")
    quote: str = Field(default="", description="The paper's words that show it; empty where it is silent")


class Logic(Answer):
    """The logic design: per file, plus what all files share."""

    files: tuple[FileLogic, ...]
    packages: tuple[Package, ...]
    conventions: tuple[str, ...] = Field(description="Tensor shapes, naming, where configuration enters")
    metrics: tuple[Metric, ...]
    data: tuple[DataSet, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    held: tuple[Held, ...] = Field(default=(), description="Requirements that config.yaml alone fulfils")
    lacking: tuple[ConfigEntry, ...] = Field(default=(), description="Leaves that config.yaml lacks")
    corrections: tuple[Correction, ...] = Field(default=(), description="What is wrong above; usually none")

    def results(self) -> list[str]:
        """Names, or patterns, of what `results.json` will hold."""
        if not self.experiments:
            return [metric.name for metric in self.metrics]
        return [
            result_name(experiment.name, method, metric)
            for experiment in self.experiments
            for method in experiment.methods
            for metric in experiment.metrics
        ]


def result_name(experiment: str, method: str, metric: str) -> str:
    """What the harness calls a run's metric in `results.json`; `{word}` in it stays."""
    parts = [experiment, metric] if method == "default" else [experiment, method, metric]
    return re.sub(r"[^\w{}]", "_", "_".join(parts))


Method = Literal[
    "iterative", "one-shot", "plan", "plan+arch", "plan+arch+logic", "plan+arch+logic+config", "full"
]
"""How much comes before the code: the ablation ladder of Paper2Code (arXiv 2504.17192); before it the rival
that plans nothing either, and writes step by step (`iterating.py`)."""

NO_ARCHITECTURE = Architecture(files=(), classes=(), calls=())
NO_LOGIC = Logic(files=(), packages=(), conventions=(), metrics=())
NO_CONFIGURATION = Configuration(entries=())


class Draft(BaseModel):
    """What a step looked like before the model refined it, and what its critique said."""

    model_config = ConfigDict(frozen=True)

    stage: str
    text: str
    critique: str


class ScopeItem(BaseModel):
    """Something that the paper contains, and what becomes of it."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """As `reading.inventory.Inventory` calls it: equations, algorithms, …"""
    anchor: str
    label: str
    requirements: tuple[str, ...] = ()
    """Ids of those that implement it; none: it is left out."""
    why: str = ""
    """Of what is left out."""
    own: bool = False
    """The paper's own method, which stands among its baselines in a table."""


class Plan(BaseModel):
    """The four steps together, and what the program's checks made of them."""

    model_config = ConfigDict(frozen=True)

    overview: Overview
    architecture: Architecture
    logic: Logic
    configuration: Configuration
    anchors: dict[str, str] = Field(
        description="Requirement id or configuration key → anchor of its quotation"
    )
    refused: tuple[Requirement, ...] = Field(description="Dropped: the quotation is not in the paper")
    drafts: tuple[Draft, ...] = ()
    contract: Contract = 1
    scope: tuple[ScopeItem, ...] | None = None
    """All that a program finds in the paper; None: nobody was asked what becomes of it."""
    beyond: tuple[Requirement, ...] = ()
    """The lightest requirements, which the budget does not pay for."""
    corrections: tuple[Correction, ...] = ()
    """Of what is said above them."""
    numbers: Numbers | None = None
    """What the paper reports of the experiments; None: nobody was asked."""

    @property
    def is_laid_out(self) -> bool:
        """There is a logic design: files can be written one by one, in the order of their dependencies."""
        return bool(self.logic.files)

    @property
    def is_configured(self) -> bool:
        """There is a configuration to write `config.yaml` from."""
        return bool(self.configuration.entries)

    def levels(self) -> list[list[str]]:
        """Paths of `logic.files` by dependency: each level depends only on the ones before it."""
        sorter = TopologicalSorter({file.path: file.depends_on for file in self.logic.files})
        sorter.prepare()
        levels = []
        while ready := sorted(sorter.get_ready()):
            levels.append(ready)
            sorter.done(*ready)
        return levels

    def file(self, path: str) -> FileLogic:
        """The logic design of one file."""
        return next(file for file in self.logic.files if file.path == path)

    def promised(self, path: str) -> tuple[tuple[PlannedClass, ...], tuple[Function, ...]]:
        """Classes and functions that other files may rely on."""
        classes = tuple(c for c in self.architecture.classes if c.file == path)
        return classes, self.file(path).functions

    def delicate(self) -> list[str]:
        """Paths of the files that are analysed before they are written."""
        return sorted(f.path for f in self.logic.files if f.delicate and not self.is_marker(f.path))

    def is_marker(self, path: str) -> bool:
        """An `__init__.py` without content of its own: a program can write it."""
        return path.endswith("__init__.py") and self.promised(path) == ((), ())
