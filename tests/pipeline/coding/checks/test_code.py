"""Rules on code: each is shown a fault that it must find, and good code in which it must find nothing."""

import importlib.util
from pathlib import Path
from textwrap import dedent

import pytest

from pipeline.coding.checks.code import Finding, check_source
from pipeline.coding.given import given
from pipeline.coding.repository import Repository
from pipeline.planning.plan import Function, Parameter, Plan, PlannedClass
from tests.pipeline.plans import ESTIMATOR, EXPERIMENTS, MAIN, PLAN

LIBRARY = """
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

WIDTH = 3


@dataclass(frozen=True)
class Batch:
    x: int
    y: int = 0


class Pair(NamedTuple):
    left: int
    right: int


class Base:
    def fit(self, x, steps=10, *, rate):
        return self


class Model(Base):
    def __init__(self, width, depth=1):
        self.width = width

    def score(self, x, y):
        return x

    @staticmethod
    def load(path):
        return path


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()

    def forward(self, x, mask=None):
        return x


@torch.no_grad()
def evaluate(model, data, /, batch=3, **more):
    return model


def many(*args, flag=False):
    return args
"""


def findings(source: str, path: str = "user.py", plan: Plan | None = None, **files: str) -> list[Finding]:
    paths = {name.replace("__", "/", 1) + ".py": text for name, text in files.items()}
    repository = Repository({"lib.py": LIBRARY, **paths})
    return check_source(path, dedent(source), plan, repository)


def messages(source: str, path: str = "user.py", plan: Plan | None = None, **files: str) -> str:
    return "\n".join(str(finding) for finding in findings(source, path, plan, **files))


def test_the_files_of_a_good_plan_pass() -> None:
    repository = Repository({"estimator.py": ESTIMATOR, "main.py": MAIN})
    assert check_source("estimator.py", ESTIMATOR, PLAN, repository) == []
    assert check_source("main.py", MAIN, PLAN, repository) == []


def test_what_does_not_parse_is_one_finding_with_its_line() -> None:
    (found,) = findings("x = 1\ndef f(:\n    pass\n")
    assert (found.path, found.line, found.rule) == ("user.py", 2, "syntax")
    assert "def f(:" in str(found)
    assert findings("x = '\0'")[0].rule == "syntax"


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("import nmupy\n", "user.py", "did you mean `numpy`"),
        ("import torch\n", "user.py", "neither in the standard library nor a declared package"),
        ("from torch import nn\n", "user.py", "`torch`"),
        ("from lib import Modle\n", "user.py", "did you mean `Model`"),
        ("import lib.parts\n", "user.py", "no module `parts` in `lib`"),
        ("import lib\nlib.evalute(1)\n", "user.py", "did you mean `evaluate`"),
        ("from .lib import Model\n", "main.py", "relative import"),
        ("from ..lib import Model\n", "pkg/a.py", "outside of the repository"),
        ("import other\n", "pkg/a.py", "found only as `pkg.other`"),
        ("from lib import *\n", "user.py", "hides what is used"),
    ],
)
def test_imports_that_cannot_work(source: str, path: str, message: str) -> None:
    assert message in messages(source, path, PLAN, pkg__other="x = 1\n")


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (
            "import os, json.decoder\nimport numpy as np\nfrom numpy.linalg import norm\nimport yaml\n",
            "user.py",
        ),
        ("from lib import Model, WIDTH\nimport lib\nlib.WIDTH\n", "user.py"),
        ("try:\n    import wandb\nexcept ImportError:\n    wandb = None\n", "user.py"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n", "user.py"),
        ("from .other import x\nfrom . import other\nfrom pkg import other as again\n", "pkg/a.py"),
        ("import estimator\nfrom experiments import anything\n", "user.py"),  # planned, not yet written
    ],
)
def test_imports_that_work(source: str, path: str) -> None:
    assert messages(source, path, PLAN, pkg__other="x = 1\n") == ""


def test_names_through_a_package_are_found() -> None:
    def found(source: str) -> str:
        inner = "def deep(a):\n    return a\n"
        return messages(source, pkg____init__="from pkg.inner import deep\n", pkg__inner=inner)

    assert found("from pkg import deep, inner\ndeep(1)\ninner.deep(2)\n") == ""
    assert "at most 1 positional" in found("from pkg import deep\ndeep(1, 2)\n")


def test_circular_imports_are_named() -> None:
    found = messages(
        "from b import f\n\ndef g():\n    return f\n",
        "a.py",
        b="from c import h\n\ndef f():\n    return h\n",
        c="from a import g\n\ndef h():\n    return g\n",
    )
    assert "circular import: a.py → b.py → c.py → a.py" in found
    late = "def f():\n    from a import g\n    return g\n"
    assert messages("from b import f\n\ndef g():\n    return f\n", "a.py", b=late) == ""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("evaluate(1)", "is called without `data`"),
        ("evaluate(1, 2, 3, 4)", "takes at most 3 positional arguments, 4 are given"),
        ("evaluate(1, 2, batch=3, x=1)", ""),
        ("evaluate(1, 2, 3, batch=3)", "two values for `batch`"),
        ("many(1, 2, 3, flag=True)", ""),
        ("many(flags=True)", "no parameter `flags`"),
        ("many(*range(3))", ""),
        ("Model()", "is called without `width`"),
        ("Model(3, hidden=2)", "no parameter `hidden`"),
        ("Model(3).anything()", ""),
        ("Model(**options)", ""),
        ("Model.load()", "is called without `path`"),
        ("Batch(1, 2, 3)", "at most 2"),
        ("Batch(y=1)", "without `x`"),
        ("Pair(1)", "without `right`"),
        ("lib.many(flags=1)", "no parameter `flags`"),
        ("m = Model(3)\nm.score(1)", "without `y`"),
        ("m = Model(3)\nm.scroe(1, 2)", "no method `scroe`"),
        ("m = Model(3)\nm.fit(1)", "without `rate`"),
        ("m = Model(3)\nm.fit(1, rate=2)", ""),
        ("m = Model(3)\nm = other()\nm.scroe()", ""),
        ("n = Net(3)\nn(1, 2, 3)", "at most 2 positional"),
        ("n = Net(3)\nn(1, mask=2)\nn.parameters()", ""),
        ("def use(m: Model):\n    m.score(1)", "without `y`"),
        ("def use(m: Model, n: 'Net'):\n    m = wrap(m)\n    m.score(1)\n    n.cuda()", ""),
        ("class A:\n def __init__(self):\n  self.m = Model(1)\n def f(self):\n  self.m.score(1)", "`y`"),
        ("class A:\n    def go(self):\n        return self.went(1)", "no method `went`"),
        ("class A:\n    def go(self, a):\n        return self.go()", "without `a`"),
        ("class A(Unknown):\n    def go(self):\n        return self.went(1)", ""),
        ("class A(Model):\n    def __init__(self):\n        super().__init__()", "without `width`"),
        ("class A(Model):\n def go(self):\n  self.f = many\n  self.f(1)\n  self.score(1, 2)", ""),
    ],
)  # fmt: skip
def test_calls_into_the_repository(source: str, message: str) -> None:
    header = (
        "import lib\nfrom lib import Batch, Model, Net, Pair, evaluate, many\n"
        "from somewhere import Unknown, options, other, wrap\n"
    )
    found = messages(header + source)
    assert message in found if message else found == ""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("print(undefined)", "`undefined` is not defined"),
        ("def f():\n    print(x)\n    x = 1\n\nx = 2", "`x` is used before it is set"),
        ("def f(a):\n    return a\n\ndef f(b):\n    return b", "hides the first definition"),
        ("import os\nimport sys", ""),
        ("def f(x: 'Float[Tensor, \"batch dim\"]') -> 'Later':\n    return x", ""),
        ("try:\n    import a\nexcept ImportError:\n    def a():\n        return 1", ""),
        ("print(__file__)", ""),
    ],
)
def test_names(source: str, message: str) -> None:
    found = messages(source)
    assert message in found if message else found == ""


def planned() -> Plan:
    parameters = (Parameter(name="x", type="int"), Parameter(name="y", type="int"))
    method = Function(name="fit", parameters=parameters, returns="None", purpose="")
    cls = PlannedClass(
        name="Mean", file="estimator.py", purpose="", bases=(), attributes=(), methods=(method,)
    )
    design = PLAN.architecture.model_copy(update={"classes": (cls,)})
    return PLAN.model_copy(update={"architecture": design})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Other:\n    x = 1", "class `Mean` of the plan is missing"),
        ("class Mean:\n    x = 1", "method `Mean.fit` of the plan is missing"),
        ("class Mean:\n    def fit(self, x):\n        return x", "no parameter `y`"),
        ("class Mean:\n    def fit(self, y, x):\n        return x", "another order"),
        ("class Mean:\n    def fit(self, x, y, z):\n        return x", "requires `z`"),
        ("class Mean:\n    def fit(self, x, y, z=1, **more):\n        return x", ""),
        ("class Mean:\n    def fit(self, *args, **kwargs):\n        return args", ""),
        ("class Base:\n    def fit(self, x, y):\n        return x\n\nclass Mean(Base):\n    x = 1", ""),
        ("from lib import Model as Mean", ""),
    ],
)
def test_classes_that_the_plan_promises(source: str, message: str) -> None:
    found = messages(source + "\n\ndef mean(values):\n    return values\n", "estimator.py", planned())
    assert message in found if message else found == ""


def test_functions_that_the_plan_promises() -> None:
    assert "function `mean` of the plan is missing; did you mean `meann`" in messages(
        "def meann(values):\n    return values\n", "estimator.py", PLAN
    )
    assert "no parameter `values`" in messages("def mean(value=1):\n    return value\n", "estimator.py", PLAN)
    assert messages("def mean(values):\n    return values\n", "estimator.py", PLAN) == ""


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('def f(config):\n    return config["training"]["rate"]', "training.rate"),
        ('def f(config):\n    return config.get("sede", 3)', "did you mean `seed`"),
        ('def f(cfg):\n    return cfg["training"].get("learning_rte", 1)', "learning_rte"),
        ('def f(config):\n    t = config["training"]\n    return t["momentum"]', "training.momentum"),
        ('class A:\n def f(self, config):\n  self.config = config\n  return self.config["model"]', "model"),
        ('def f(config):\n    return config["training"]["learning_rate"], config["seed"]', ""),
        ('def f(config):\n    return config["learning_rate"]', ""),  # config may be config["training"]
        ('def f(config):\n    return config["smoke"]["training"]["batch"]', ""),
        ('def f(config):\n    config["device"] = 1\n    return config["device"]', ""),
        ('config = {"a": 1}\nprint(config["a"])', ""),
        ('def f(config, name):\n    return config["training"][name]', ""),
    ],
)  # fmt: skip
def test_configuration_keys_that_are_read_exist(source: str, missing: str) -> None:
    found = messages(source, "user.py", PLAN)
    assert missing in found if missing else found == ""


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    pass",
        'def f():\n    """Does it."""',
        "def f():\n    ...",
        "def f():\n    raise NotImplementedError",
        "def f(x):\n    x.check()\n    raise NotImplementedError('later')",
        "x = 1  # TODO: more",
        "x = 1  # FIXME",
        "# your code here\nx = 1",
        "# In a real implementation, this would train.\nx = 1",
    ],
)
def test_what_is_left_out_is_found(source: str) -> None:
    assert "convention" in messages(source) or "text" in messages(source)


@pytest.mark.parametrize(
    "source",
    [
        "from abc import ABC, abstractmethod\n\nclass A(ABC):\n @abstractmethod\n def f(self):\n  ...",
        "from typing import Protocol\n\nclass A(Protocol):\n    def f(self) -> int: ...",
        "class A:\n def f(self):\n  raise NotImplementedError\n\nclass B(A):\n def f(self):\n  return 1",
        "class Wrong(ValueError):\n    pass",
        "def f(x):\n    try:\n        return x()\n    except KeyError:\n        pass",
        "def f(x):\n    if x:\n        return 1\n    raise NotImplementedError(f'unknown {x}')",
        'text = "TODO"\n',
    ],
)
def test_what_only_looks_left_out_is_not_found(source: str) -> None:
    assert messages(source) == ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('open("/home/me/data.csv")', True),
        ('from pathlib import Path\nPath("/data/mnist/x")', True),
        ('import os\nos.path.join("~/data", "x")', True),
        ("DATA_DIR = '/mnt/data'", True),
        ("def f(path='C:\\\\data'):\n    return path", True),
        ("def f(n):\n    return open(f'/tmp/{n}')", False),
        ("def f(n):\n    return open(f'/tmp/run{n}')", True),
        ('open("data/x.csv")', False),
        ('print("/home/me is where I live")', False),
        ('route = "/data/items"', False),
        ('open("/dev/null")', False),
    ],
)
def test_absolute_paths(source: str, found: bool) -> None:
    assert ("absolute path" in messages(source)) is found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datasets import load_dataset\nDATA = load_dataset('mnist')", True),
        ("import nltk\nnltk.download('punkt')", True),
        (
            "import torchvision\n\nclass A:\n    data = torchvision.datasets.MNIST('data', download=True)",
            True,
        ),
        ("import os\nos.system('wget http://x')", True),
        ("import requests\n\ndef fetch():\n    return requests.get('x')", False),
        ("import nltk\n\nif __name__ == '__main__':\n    nltk.download('punkt')", False),
        ("import os\nos.environ.get('HOME')\n{}.get(1)", False),
    ],
)
def test_network_on_import(source: str, found: bool) -> None:
    assert ("on import" in messages(source)) is found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import requests\n\ndef get(url):\n    return requests.get(url)", True),
        ("from urllib.request import urlopen\n", True),
        ("from sklearn.datasets import fetch_openml\n\ndef load():\n    return fetch_openml('mnist')", True),
        ("import torchvision\n\ndef load(f):\n    return torchvision.datasets.MNIST(f, download=True)", True),
        ("import os\n\ndef load():\n    os.system('wget http://x')", True),
        ("from transformers import A\n\ndef load():\n    return A.from_pretrained('bert-base')", True),
        ("from transformers import A\n\ndef load(folder):\n    return A.from_pretrained(folder)", False),
        (
            "import torchvision\n\ndef load(f):\n    return torchvision.datasets.MNIST(f, download=False)",
            False,
        ),
        ("def fetch_batch(x):\n    return x\n\ndef step(x):\n    return fetch_batch(x)", False),
        ("from lib import fetch_rows\n\ndef step(x):\n    return fetch_rows(x)", False),
        ("import subprocess\n\ndef build():\n    subprocess.run(['make'])", False),
    ],
)
def test_with_the_harness_people_bring_the_data_and_nothing_downloads(source: str, found: bool) -> None:
    kept = Repository({"lib.py": "def fetch_rows(x):\n    return x\n"})
    harnessed = Repository({**kept.files, **given(PLAN.logic)})
    said = [
        finding for finding in check_source("user.py", source, None, harnessed) if finding.rule == "network"
    ]
    assert bool(said) is found
    assert not [f for f in check_source("user.py", source, None, kept) if f.rule == "network"]


def test_characters_that_change_direction_are_found() -> None:
    assert "direction" in messages("x = 1  # \u202e evil\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('parser.add_argument("--smoke", action="store_true")', ""), "no option `--smoke`"),
        (("arguments.smoke", "False"), "never used"),
        (('if __name__ == "__main__":\n    main()', "main()"), "runs on import"),
    ],
)
def test_what_main_must_have(change: tuple[str, str], message: str) -> None:
    repository = Repository({"estimator.py": ESTIMATOR})
    found = check_source("main.py", MAIN.replace(*change), PLAN, repository)
    assert message in "\n".join(map(str, found))


@pytest.mark.parametrize("package", ["click", "flask"])
def test_good_code_of_others_has_no_certain_faults(package: str) -> None:
    """Hooks without a body and remarks are matters of taste; the rest must be silent on released code."""
    spec = importlib.util.find_spec(package)
    assert spec and spec.origin
    folder = Path(spec.origin).parent
    files = {
        f"{package}/{path.relative_to(folder).as_posix()}": path.read_text() for path in folder.rglob("*.py")
    }
    repository = Repository(files)
    found = [
        finding for path, text in files.items() for finding in check_source(path, text, None, repository)
    ]
    assert [str(f) for f in found if f.rule not in ("text", "convention")] == []


def test_a_plan_is_not_needed() -> None:
    assert messages("import torch\n\n\ndef f(config):\n    return config['x']\n", plan=None) == ""


def test_a_key_that_a_repair_added_to_config_yaml_may_be_read() -> None:
    code = 'import yaml\n\n\ndef rate(config: dict) -> int:\n    return config["training"]["threads"]\n'
    written = Repository({"config.yaml": "training:\n  threads: 1\n"})
    assert "configuration" not in {finding.rule for finding in check_source("rate.py", code, PLAN, written)}
    assert "configuration" in {
        finding.rule for finding in check_source("rate.py", code, PLAN, Repository({}))
    }


HARNESSED = Repository(
    {**given(PLAN.logic), "estimator.py": ESTIMATOR, "config.yaml": "training: {batch: 3}\n"}
)


def test_experiments_that_fit_the_plan_and_the_harness_have_no_findings() -> None:
    assert check_source("experiments.py", EXPERIMENTS, PLAN, HARNESSED) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EXPERIMENTS = ", "TABLES = ", "does not define `EXPERIMENTS`"),
        ('Experiment("table1"', 'Experiment("table2"', "`table1` of the plan is not among"),
        ('Experiment("table1"', 'Experiment(name="table2"', "`table1` of the plan is not among"),
        ("import Experiment, Run", "import Experiment, Runner", "harness.py has no `Runner`"),
        ('shows="S1"', 'show="S1"', "has no parameter `show`"),
        ("settings = run", "run.save(values=1)\n    settings = run", "has no method `save`"),
        ("settings = run", "run.log(1)\n    settings = run", "takes at most 0 positional arguments"),
        ('run.config["training"]', 'run.config["trianing"]', "config.yaml has no `trianing`"),
    ],
)
def test_what_the_harness_does_not_know_is_found_before_anything_runs(
    old: str, new: str, message: str
) -> None:
    assert old in EXPERIMENTS
    found = check_source("experiments.py", EXPERIMENTS.replace(old, new), PLAN, HARNESSED)
    assert [finding for finding in found if message in finding.message], found


def test_names_that_are_put_together_are_left_to_the_run() -> None:
    source = EXPERIMENTS.replace('Experiment("table1"', 'Experiment("table" + "1"')
    assert check_source("experiments.py", source, PLAN, HARNESSED) == []
