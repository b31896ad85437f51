"""What remedies change, and what they leave alone; tests/broken shows each on a repository that then runs."""

import ast

import pytest
import yaml

from pipeline.coding.repository import Repository
from pipeline.running.remedies import Change, Failure, mend

PACKAGES = {"numpy": "numpy", "openpyxl": "openpyxl", "sklearn": "scikit-learn", "tree": "dm-tree"}


def mended(
    files: dict[str, str],
    error: str,
    *places: tuple[str, int],
    phase: str = "smoke",
    problems: tuple[str, ...] = (),
) -> Change | None:
    """What is made of an error raised at `places`, outermost first."""
    lines = [f'  File "/work/{path}", line {line}, in run' for path, line in places]
    output = "\n".join(["Traceback (most recent call last):", *lines, error]) if places else error
    return mend(Failure(Repository(files), phase, output, problems, PACKAGES.get))


def lost(path: str) -> str:
    return f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'"


@pytest.mark.parametrize(
    ("line", "error", "folder"),
    [
        ("with open(path, 'w') as file:\n            pass", lost("a/b"), "Path(path).parent"),
        ("with open(path, mode='ab') as file:\n            pass", lost("a/b"), "Path(path).parent"),
        (
            "with Path(folder, 'b').open('w') as file:\n            pass",
            lost("a/b"),
            "Path(Path(folder, 'b')).parent",
        ),
        ("with gzip.open(path, 'wt') as file:\n            pass", lost("a/b"), "Path(path).parent"),
        ("with open(path, 'w') as file: file.write(text)", lost("a/b"), "Path(path).parent"),
        ("pickle.dump(model, open(f'{folder}/b', 'wb'))", lost("a/b"), "Path(f'{folder}/b').parent"),
        ("figure.savefig(self.path)", lost("a/b"), "Path(self.path).parent"),
        ("torch.save(state, path)", "RuntimeError: Parent directory a does not exist.", "Path(path).parent"),
        (
            "frame.to_csv(path)",
            "OSError: Cannot save file into a non-existent directory: 'a'",
            "Path(path).parent",
        ),
    ],
)
def test_the_folder_is_made_where_the_code_writes(line: str, error: str, folder: str) -> None:
    source = f'"""What it is."""\nimport os\n\n\ndef run(path):\n    if path:\n        {line}\n'
    change = mended({"main.py": source}, error, ("main.py", 7))
    assert change
    text = change.repository.files["main.py"]
    made = f"        {folder}.mkdir(parents=True, exist_ok=True)\n        {line}\n"
    assert text == source.replace(f"        {line}\n", made).replace(
        "import os", "from pathlib import Path\nimport os"
    )
    ast.parse(text)
    assert mended({"main.py": text}, error, ("main.py", 9)) is None


@pytest.mark.parametrize(
    "line",
    [
        "file = open(path)",
        "file = open(path, 'r')",
        "file = open(next_name(), 'w')",
        "subprocess.run(['nvidia-smi'])",
        "values = np.load(path)",
        "files = [open(path, 'w') for path in paths]",
        "for path in paths: open(path, 'w')",
        "if paths: pass\nelif open(path, 'w'): pass",
        "run = lambda path: open(path, 'w')",
    ],
)
def test_no_folder_is_made_where_the_code_reads_or_the_path_cannot_be_named_before(line: str) -> None:
    assert mended({"main.py": f"{line}\n"}, lost("a/b"), ("main.py", line.count("\n") + 1)) is None


def test_numbers_become_numbers_and_the_rest_of_the_file_stays() -> None:
    text = "# 1e-4\nlr: 1e-4  # S4: 1e-4\nname: '1e-4'\nbetas: [9E5, -0.5, 1.5e3, 2.0e-5, 1.e2]\nrun: a1e4\n"
    change = mended(
        {"config.yaml": text, "main.py": "run()\n"},
        "TypeError: '<=' not supported between instances of 'float' and 'str'",
        ("main.py", 1),
    )
    assert change
    after = change.repository.files["config.yaml"]
    assert yaml.safe_load(after) == {
        "lr": 1e-4,
        "name": "1e-4",
        "betas": [9e5, -0.5, 1500.0, 2e-5, 100.0],
        "run": "a1e4",
    }
    assert after.startswith("# 1e-4\nlr: 1.0e-4  # S4: 1e-4\nname: '1e-4'\n")


def test_a_number_as_text_is_not_blamed_for_every_error() -> None:
    files = {"config.yaml": "lr: 1e-4\n", "main.py": "run()\n"}
    assert mended(files, "TypeError: run() missing 1 required positional argument", ("main.py", 1)) is None
    assert mended(files, "KeyError: 'str'", ("main.py", 1)) is None


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (
            "AttributeError: module 'numpy' has no attribute 'int'.",
            "import numpy as np\nx = (np.int(3), np.int64(3), np.asarray([1], dtype=np.int), y.int)\n",
            "import numpy as np\nx = (int(3), np.int64(3), np.asarray([1], dtype=int), y.int)\n",
        ),
        (
            "AttributeError: module 'numpy' has no attribute 'trapz'",
            "import numpy\nüber = numpy.trapz(ü) + numpy.trapz(y)\n",
            "import numpy\nüber = numpy.trapezoid(ü) + numpy.trapezoid(y)\n",
        ),
        (
            "ImportError: cannot import name 'simps' from 'scipy.integrate' (/packages/scipy/integrate.py)",
            "if x:\n    from scipy.integrate import quad, simps\nsimps(y)\n",
            "if x:\n    from scipy.integrate import quad\n    from scipy.integrate import simpson as simps\nsimps(y)\n",
        ),
        (
            "AttributeError: module 'scipy.integrate' has no attribute 'simps'",
            "from scipy import integrate\nintegrate.simps(y)\n",
            "from scipy import integrate\nintegrate.simpson(y)\n",
        ),
        (
            "AttributeError: module 'collections' has no attribute 'Mapping'",
            "import collections\nisinstance(x, collections.Mapping)\n",
            "import collections\nisinstance(x, collections.abc.Mapping)\n",
        ),
    ],
)
def test_a_name_that_a_newer_version_dropped_is_replaced(error: str, before: str, after: str) -> None:
    change = mended({"main.py": before, "other.py": before}, error, ("main.py", 2))
    assert change
    assert change.repository.files == {"main.py": after, "other.py": after}


def test_a_dropped_name_without_a_known_successor_is_left_to_the_model() -> None:
    error = "AttributeError: module 'numpy' has no attribute 'asfarray'"
    assert mended({"main.py": "import numpy as np\nnp.asfarray(x)\n"}, error, ("main.py", 2)) is None


def test_only_what_is_no_module_of_the_repository_is_declared() -> None:
    error = "ModuleNotFoundError: No module named 'tree'"
    change = mended({"main.py": "import tree\n"}, error, ("main.py", 1))
    assert change and change.repository.files["requirements.txt"] == "dm-tree\n"
    assert mended({"main.py": "import tree\n", "tree/node.py": ""}, error, ("main.py", 1)) is None
    declared = {"main.py": "import tree\n", "requirements.txt": "DM_Tree>=0.1\n"}
    assert mended(declared, error, ("main.py", 1)) is None


def test_a_package_that_pandas_wants_for_a_format_is_declared() -> None:
    error = "ImportError: Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl."
    change = mended({"main.py": "", "requirements.txt": "pandas\n"}, error, ("main.py", 1))
    assert change and change.repository.files["requirements.txt"] == "openpyxl\npandas\n"


def test_versions_are_left_open_of_the_packages_that_the_resolver_names_else_of_all() -> None:
    pins = {"requirements.txt": "numpy-stl==3.0\nnumpy==1.0  # old\nsix>=1\nscikit_learn[all]==0.1\n"}
    named = "  x No solution found when resolving dependencies:\n  Because scikit-learn==0.1 wants numpy<1."
    change = mended(pins, named, phase="install")
    assert change
    assert change.repository.files["requirements.txt"].split() == [
        "numpy",
        "numpy-stl==3.0",
        "scikit_learn[all]",
        "six>=1",
    ]
    unnamed = "No solution found when resolving dependencies: it is complicated."
    change = mended(pins, unnamed, phase="install")
    assert change and "=" not in change.repository.files["requirements.txt"]
    assert mended(dict(change.repository.files), unnamed, phase="install") is None
    assert mended(pins, named, phase="smoke") is None


def test_a_wrong_requirement_makes_way_for_what_the_code_imports() -> None:
    files = {
        "main.py": "import sklearn.svm\nimport helper\nimport os\n",
        "helper.py": "import numpy\n",
        "requirements.txt": "numpy>=1.20\nscikit-lern\n--pre\nos\n",
    }
    problem = "requirements.txt asks for `scikit-lern`, which is spelt almost like `scikit-learn`."
    change = mended(files, "", phase="install", problems=(problem,))
    assert change
    assert change.repository.files["requirements.txt"] == "numpy>=1.20\nscikit-learn\n"
    assert change.remedy == (
        "program: drop `scikit-lern`, `--pre`, `os` from requirements.txt, declare scikit-learn"
    )
