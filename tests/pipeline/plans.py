"""A small paper and a plan of it, as values: what tests of the stages stand on."""

import json
from datetime import date
from typing import Any

from pipeline.planning.plan import (
    Architecture,
    Call,
    ConfigEntry,
    Configuration,
    Experiment,
    FileLogic,
    Function,
    Logic,
    Metric,
    Overview,
    Package,
    Parameter,
    Plan,
    PlannedFile,
    Reading,
    Requirement,
    Requirements,
)
from pipeline.reading.paper import Block, Paper, Section

PAPER = Paper(
    title="Means of Things",
    authors=("A. Author",),
    abstract="We compute the mean of things.",
    sections=(
        Section(
            "S1",
            "1",
            "Method",
            (
                Block("paragraph", "The estimate is the arithmetic mean of all observations."),
                Block("paragraph", "We use a learning rate of $10^{-3}$ and a batch of 32 observations."),
            ),
        ),
    ),
    references=(),
    source="markdown",
    arxiv_id="2001.00001",
    version=2,
    published=date(2020, 1, 1),
)

MEAN = Requirement(
    id="R1",
    kind="algorithm",
    text="The estimate is the sum divided by the count",
    quote="The estimate is the arithmetic mean of all observations.",
    weight=3,
)
RATE = Requirement(
    id="R2",
    kind="hyperparameter",
    text="The learning rate is 1e-3",
    quote="We use a learning rate of $10^{-3}$",
    weight=1,
)
READING = Reading(
    slug="mean-of-things",
    summary="The mean.",
    components=("mean",),
    objectives=(),
    data=(),
    evaluation=(),
    unclear=(),
)
REQUIREMENTS = Requirements(requirements=(MEAN, RATE))
OVERVIEW = Overview(**READING.model_dump(), requirements=(MEAN, RATE))
ARCHITECTURE = Architecture(
    files=(
        PlannedFile(path="estimator.py", purpose="The mean"),
        PlannedFile(path="experiments.py", purpose="The experiment"),
    ),
    classes=(),
    calls=(Call(caller="experiments.py", callee="estimator.py", message="mean(values)"),),
)
LOGIC = Logic(
    files=(
        FileLogic(
            path="estimator.py",
            logic="Sum over count.",
            functions=(
                Function(
                    name="mean",
                    parameters=(Parameter(name="values", type="np.ndarray"),),
                    returns="float",
                    purpose="arithmetic mean",
                ),
            ),
            depends_on=(),
            requirements=("R1",),
        ),
        FileLogic(
            path="experiments.py",
            logic="Draw, estimate, write.",
            functions=(),
            depends_on=("estimator.py",),
            requirements=("R2",),
        ),
    ),
    packages=(
        Package(name="numpy", module="numpy", why="arrays"),
        Package(name="PyYAML", module="yaml", why="config"),
    ),
    conventions=(),
    metrics=(Metric(name="error", meaning="absolute error"),),
    experiments=(
        Experiment(name="table1", shows=("S1",), methods=("default",), metrics=("error",), minutes=1),
    ),
)
CONFIGURATION = Configuration(
    entries=(
        ConfigEntry(key="seed", value=0, quote="", assumed="any seed does", smoke=None),
        ConfigEntry(
            key="training.learning_rate",
            value=0.001,
            quote="We use a learning rate of $10^{-3}$",
            assumed="",
            smoke=None,
        ),
        ConfigEntry(key="training.batch", value=32, quote="a batch of 32 observations", assumed="", smoke=4),
    )
)
PLAN = Plan(
    overview=OVERVIEW,
    architecture=ARCHITECTURE,
    logic=LOGIC,
    configuration=CONFIGURATION,
    anchors={"R1": "S1", "R2": "S1", "training.learning_rate": "S1", "training.batch": "S1"},
    refused=(),
    contract=2,
    scope=(),
)

ESTIMATOR = '''"""The mean."""

import numpy as np


def mean(values: np.ndarray) -> float:
    """Arithmetic mean [S1]."""
    total = float(values.sum())
    return total / len(values)
'''
MAIN = '''"""The experiment."""

import argparse
import json
from pathlib import Path

import numpy as np
import yaml

from estimator import mean


def main() -> None:
    """Draw, estimate, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--config", default="config.yaml")
    arguments = parser.parse_args()
    config = yaml.safe_load(Path(arguments.config).read_text())
    if arguments.smoke:
        config["training"] |= config["smoke"]["training"]
    values = np.random.default_rng(config["seed"]).normal(size=config["training"]["batch"])
    metrics = {"error": abs(mean(values)) * config["training"]["learning_rate"]}
    mode = "smoke" if arguments.smoke else "full"
    Path("results.json").write_text(json.dumps({"mode": mode, "metrics": metrics}))


if __name__ == "__main__":
    main()
'''
EXPERIMENTS = '''"""The experiment."""

import numpy as np

from estimator import mean
from harness import Experiment, Run


def estimate(run: Run) -> dict[str, float]:
    """Draw, estimate [S1]."""
    settings = run.config["training"]
    values = np.random.default_rng(run.seed).normal(size=settings["batch"])
    return {"error": abs(mean(values)) * settings["learning_rate"]}


EXPERIMENTS = (Experiment("table1", shows="S1", run=estimate),)
'''
SLEEPING = EXPERIMENTS.replace("import numpy", "import time\n\nimport numpy").replace(
    "    return {", "    time.sleep(3600)\n    return {"
)
"""Never ends by itself."""


def fenced(code: str) -> str:
    """Code as a model answers it."""
    return f"```python\n{code}```\n"


def judgements(
    line: str = "return total / len(values)",
    verdict: str = "implemented",
    entry: tuple[str, str, str] = ("experiments.py", "estimate", 'settings = run.config["training"]'),
) -> str:
    """An audit's answer; `line` is the evidence for R1, file, symbol and line of `entry` that for R2."""
    file, symbol, code = entry
    return json.dumps(
        {
            "judgements": [
                {
                    "id": "R1",
                    "verdict": verdict,
                    "evidence": [{"file": "estimator.py", "symbol": "mean", "line": line}],
                    "note": "",
                },
                {
                    "id": "R2",
                    "verdict": "implemented",
                    "evidence": [
                        {"file": file, "symbol": symbol, "line": code},
                    ],
                    "note": "",
                },
            ]
        }
    )


def opinion(score: int, *critiques: dict[str, Any], judged: str = "") -> str:
    """What the judge thinks of the whole; with `judged`, a second look's verdicts, in one answer."""
    verdicts = json.loads(judged) if judged else {}
    return json.dumps(verdicts | {"critiques": critiques, "score": score})


def remark(**changes: Any) -> dict[str, Any]:
    """One critique, at a line of ESTIMATOR."""
    base = {"file": "estimator.py", "symbol": "mean", "line": "return total / len(values)"}
    base |= {"severity": "medium", "text": "Biased [S1].", "requirement": "R1"}
    return base | changes


def recording() -> dict[str, str]:
    """Answers to every stage of a run on PAPER that goes well at once."""
    return {
        "plan.overview": READING.model_dump_json(),
        "plan.requirements": REQUIREMENTS.model_dump_json(),
        "plan.architecture": ARCHITECTURE.model_dump_json(),
        "plan.logic": LOGIC.model_dump_json(),
        "plan.config": CONFIGURATION.model_dump_json(),
        "plan.numbers": '{"comparisons": []}',
        "analysis": "## estimator.py\n\nSum over count.\n\n## `experiments.py`\n\nDraw, estimate.\n",
        "code.estimator.py": fenced(ESTIMATOR),
        "code.experiments.py": fenced(EXPERIMENTS),
        "tests": "UNTESTED R1: nothing is tested here.",
        "audit": judgements(),
        "judge.1": opinion(4),
    }


def old_recording() -> dict[str, str]:
    """The same by contract 1, as recordings from before the harness hold it."""
    answers = recording()
    del answers["code.experiments.py"], answers["tests"], answers["plan.numbers"]
    entry = ("main.py", "main", 'config["training"] |= config["smoke"]["training"]')
    logic = json.loads(LOGIC.model_dump_json())
    del logic["experiments"], logic["data"]
    return answers | {
        "plan.architecture": ARCHITECTURE.model_dump_json().replace("experiments.py", "main.py"),
        "plan.logic": json.dumps(logic).replace("experiments.py", "main.py"),
        "analysis": "## estimator.py\n\nSum over count.\n\n## `main.py`\n\nDraw, estimate, write.\n",
        "code.main.py": fenced(MAIN),
        "audit": judgements(entry=entry),
    }
