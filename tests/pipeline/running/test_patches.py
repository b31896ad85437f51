"""Patches that hide a failure, each with what must be said, and honest ones of which nothing may be said."""

# ruff: noqa: E501 - a patch a line

import pytest

from pipeline.coding.repository import Repository
from pipeline.running.patches import check_change, check_patch, check_repair

MAIN = '''\
import argparse
import json

import yaml

from data import load
from model import Model, evaluate


def experiment(config, smoke):
    """Everything."""
    data = load(config, smoke)
    model = Model(config["width"])
    model.fit(data)
    assert model.weights is not None
    metrics = {"accuracy": evaluate(model, data), "loss": 0.0}
    metrics["loss"] = model.loss(data)
    return metrics


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    config = yaml.safe_load(open("config.yaml"))
    metrics = experiment(config, args.smoke)
    with open("results.json", "w") as file:
        json.dump({"metrics": metrics}, file)


if __name__ == "__main__":
    main()
'''
MODEL = """\
import numpy as np


class Model:
    def __init__(self, width):
        self.width = width
        self.weights = None

    def fit(self, data):
        if len(data) == 0:
            raise ValueError("no data")
        total = np.zeros(self.width)
        for row in data:
            total = total + row
        self.weights = total / len(data)
        return self

    def loss(self, data):
        return float(np.mean((data - self.weights) ** 2))


def evaluate(model, data):
    predicted = data @ model.weights
    return float((predicted > 0).mean())
"""
DATA = """\
import numpy as np


def load(config, smoke):
    generator = np.random.default_rng(config["seed"])
    return generator.normal(size=(8, config["width"]))
"""
BEFORE = Repository(
    {
        "main.py": MAIN,
        "model.py": MODEL,
        "data.py": DATA,
        "reproduce.sh": "#!/bin/sh\nset -e\npython main.py\n",
        "docs/plan/overview.md": "x\n",
        "config.yaml": "width: 3\n",
    }
)
METRICS = ("accuracy", "loss")


def refused(path: str, old: str, new: str) -> str:
    text = BEFORE.files.get(path, "")
    assert old in text, "the test's own edit must apply"
    after = BEFORE.with_file(path, text.replace(old, new, 1) if old else new + text)
    return "\n".join(check_patch(BEFORE, after, METRICS))


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        # the error is swallowed
        ("main.py", "    main()\n", "    try:\n        main()\n    except Exception as error:\n        print(error)\n", "swallows"),
        ("main.py", "    main()\n", "    try:\n        main()\n    except RuntimeError as error:\n        log(error)\n", "swallows"),
        ("main.py", "    model.fit(data)\n", "    try:\n        model.fit(data)\n    except:\n        model.weights = 0\n", "swallows"),
        ("main.py", "    model.fit(data)\n", "    try:\n        model.fit(data)\n    except ValueError:\n        pass\n", "swallows"),
        ("main.py", "    model.fit(data)\n", "    with contextlib.suppress(Exception):\n        model.fit(data)\n", "swallows"),
        ("main.py", "    main()\n", "    try:\n        main()\n    except (OSError, Exception):\n        sys.exit(0)\n", "swallows"),
        # it ends well early
        ("main.py", "    model.fit(data)\n", "    sys.exit(0)\n    model.fit(data)\n", "status 0"),
        ("main.py", "    main()\n", "    sys.exit()\n", "status 0"),
        ("main.py", "    model.fit(data)\n", "    raise SystemExit\n", "status 0"),
        ("main.py", "    model.fit(data)\n", "    os._exit(1)\n", "without proof"),
        ("main.py", "    data = load", "    return {}\n    data = load", "`fit` is no longer reached"),
        # what fails is taken out
        ("main.py", "    model.fit(data)\n", "", "`fit` is no longer reached"),
        ("main.py", "evaluate(model, data)", "0.0", "`evaluate` is no longer reached"),
        ("main.py", "    assert model.weights is not None\n", "", "lost an `assert`"),
        ("model.py", '        if len(data) == 0:\n            raise ValueError("no data")\n', "", "lost an `assert` or `raise`"),
        ("model.py", MODEL[MODEL.index("        if len") : MODEL.index("    def loss")], "        pass\n\n", "no longer computes"),
        ("model.py", MODEL[MODEL.index("        total = np") : MODEL.index("    def loss")], "        return self\n\n", "`Model.fit`"),
        ("model.py", MODEL[MODEL.index("    predicted") :], "    return None\n", "no longer computes"),
        # numbers are written down
        ("main.py", "evaluate(model, data)", "0.93", "written into the code"),
        ("main.py", "model.loss(data)", "0.12", "written into the code"),
        ("main.py", "    metrics = experiment(config, args.smoke)\n", '    metrics = {"accuracy": 0.9, "loss": 0.2}\n', "written into the code"),
        ("model.py", "return float((predicted > 0).mean())", "return 0.93", "no longer computes"),
        ("results.json", "", '{"metrics": {}}', "written by the run"),
        # the smoke run goes round it
        ("main.py", "    model.fit(data)\n", "    if not smoke:\n        model.fit(data)\n", "`fit` is no longer reached"),
        ("main.py", "    data = load", "    if smoke:\n        return {}\n    data = load", "`load` is no longer reached"),
        ("main.py", "    metrics = experiment(config, args.smoke)\n", "    metrics = {} if args.smoke else {}\n", "`experiment` is no longer reached"),
        ("main.py", "    model.fit(data)\n", "    if config['mode'] != 'smoke':\n        model.fit(data)\n", "`fit` is no longer reached"),
        ("main.py", "    model.fit(data)\n", "    if False:\n        model.fit(data)\n", "`fit` is no longer reached"),
        # the network
        ("data.py", "    generator", "    import requests\n    requests.get('x')\n    generator", "network"),
        ("data.py", "    generator", "    from urllib.request import urlopen\n    generator", "network"),
        ("data.py", "    generator", "    subprocess.run(['pip', 'install', 'x'])\n    generator", "network"),
        ("data.py", "    generator", "    MNIST('.', download=True)\n    generator", "network"),
        ("reproduce.sh", "python main.py", "pip install x\npython main.py", "network"),
        # documents and the runner
        ("docs/plan/overview.md", "x", "y", "docs/"),
        ("sitecustomize.py", "", "x = 1\n", "how code is run"),
        ("model.py", "def evaluate", "def evaluate(model, data):  # pragma: no cover\n    return 1\n\ndef evaluate_", "measured"),
        ("main.py", "import argparse\n", "import argparse\nimport sys\nsys.settrace(None)\n", "measured"),
        ("reproduce.sh", "python main.py", "python main.py || true", "hides a failure"),
    ],
)  # fmt: skip
def test_a_patch_that_hides_the_failure_is_refused(path: str, old: str, new: str, reason: str) -> None:
    assert reason in refused(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("model.py", "np.zeros(self.width)", "np.zeros(self.width, dtype=float)"),
        ("model.py", "total = total + row", "total += row[: self.width]"),
        ("main.py", 'config["width"]', 'int(config["width"])'),
        ("main.py", "    model.fit(data)\n", "    model = model.fit(data)\n"),
        ("main.py", "    assert model.weights is not None\n", "    assert model.weights.shape == (config['width'],)\n"),
        ("data.py", "    generator", "    if not smoke:\n        config = dict(config, size=1000)\n    generator"),
        ("data.py", "import numpy as np", "try:\n    import numpy as np\nexcept ImportError:\n    np = None"),
        ("data.py", "    generator", "    try:\n        seed = int(config['seed'])\n    except KeyError as error:\n        raise ValueError('no seed') from error\n    generator"),
        ("data.py", "    generator", "    try:\n        size = config['size']\n    except KeyError:\n        size = 8\n    generator"),
        ("main.py", "    main()\n", "    sys.exit(main())\n"),
        ("main.py", "    main()\n", "    try:\n        main()\n    except Exception as error:\n        print(error)\n        sys.exit(1)\n"),
        ("main.py", '"loss": 0.0', '"loss": 0.0, "steps": 5'),
        ("main.py", "    metrics = {", "    best = {'accuracy': 0, 'loss': 1}\n    metrics = {"),
        ("config.yaml", "width: 3", "width: 4"),
        ("reproduce.sh", "python main.py", "python3 main.py"),
        ("helper.py", "", "def f(x):\n    return x + 1\n"),
    ],
)  # fmt: skip
def test_an_honest_patch_is_not_refused(path: str, old: str, new: str) -> None:
    assert refused(path, old, new) == ""


def test_a_renamed_function_is_not_a_deleted_one() -> None:
    after = BEFORE.with_file("model.py", MODEL.replace("def evaluate", "def accuracy")).with_file(
        "main.py", MAIN.replace("evaluate", "accuracy")
    )
    assert check_patch(BEFORE, after, METRICS) == []


def test_a_function_that_moves_to_another_file_is_not_a_deleted_one() -> None:
    start = MODEL.index("def evaluate")
    after = (
        BEFORE.with_file("model.py", MODEL[:start])
        .with_file("metrics.py", MODEL[start:])
        .with_file(
            "main.py", MAIN.replace("import Model, evaluate", "import Model\nfrom metrics import evaluate")
        )
    )
    assert check_patch(BEFORE, after, METRICS) == []


def test_a_file_that_is_renamed_is_not_a_deleted_one() -> None:
    after = (
        BEFORE.without_file("data.py")
        .with_file("synthetic.py", DATA)
        .with_file("main.py", MAIN.replace("from data", "from synthetic"))
    )
    assert check_patch(BEFORE, after, METRICS) == []


def test_a_deleted_function_is_missed_even_if_nobody_called_it() -> None:
    start, end = MODEL.index("    def fit"), MODEL.index("    def loss")
    after = BEFORE.with_file("model.py", MODEL[:start] + MODEL[end:])
    assert any("`Model.fit` was deleted" in reason for reason in check_patch(BEFORE, after, METRICS))


def test_what_was_there_before_is_not_held_against_a_patch() -> None:
    bad = MAIN.replace("    main()\n", "    try:\n        main()\n    except Exception:\n        pass\n")
    before = BEFORE.with_file("main.py", bad)
    assert check_patch(before, before.with_file("data.py", DATA + "\n\nX = 1\n"), METRICS) == []


def test_a_file_that_did_not_parse_may_be_mended() -> None:
    handler = "    try:\n        model.fit(data)\n    except Exception as error:\n        print(error)\n"
    good = MAIN.replace("    model.fit(data)\n", handler)
    before = BEFORE.with_file(
        "main.py", good.replace("def experiment(config, smoke):", "def experiment(config, smoke:")
    )
    assert check_patch(before, BEFORE.with_file("main.py", good), METRICS) == []
    emptied = BEFORE.with_file("main.py", "def main(:\n")
    assert check_patch(emptied, BEFORE, METRICS) == []


def test_a_gap_may_be_closed_by_a_download_of_the_full_run_and_a_failure_may_not() -> None:
    fetching = BEFORE.with_file("data.py", DATA + "\n\ndef fetch(url):\n    return requests.get(url)\n")
    assert check_repair(BEFORE, fetching, METRICS) == []
    assert check_change(BEFORE, fetching, METRICS) == []
    (reason,) = check_patch(BEFORE, fetching, METRICS)
    assert "network" in reason


def test_nothing_changed_nothing_refused() -> None:
    assert check_patch(BEFORE, BEFORE, METRICS) == []
