import codecs
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from sandbox.contents import Contents, contents
from sandbox.public import without_builds
from sandbox.requirements import imports, package_for, requirements


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def written(directory: Path, files: dict[str, str]) -> Contents:
    return contents(write(directory, files))


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.metrics", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("PIL.Image", "pillow"),
        ("yaml", "pyyaml"),
        ("skimage", "scikit-image"),
        ("faiss", "faiss-cpu"),
        ("umap", "umap-learn"),
        ("torch_geometric.nn", "torch-geometric"),
        ("absl.flags", "absl-py"),
        ("ot", "pot"),
        ("hydra", "hydra-core"),
        ("omegaconf", "omegaconf"),
        ("stable_baselines3", "stable-baselines3"),
        ("google.protobuf.message", "protobuf"),
        ("mpl_toolkits.mplot3d", "matplotlib"),
        ("google", None),
        ("numpyy", None),
    ],
)
def test_a_module_is_provided_by_the_curated_package(module: str, package: str | None) -> None:
    assert package_for(module) == package


def test_imports_are_found_in_all_scopes_and_told_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.py": "import os, numpy as np\nimport helper, package.inner\nfrom . import sibling\n"
            "def late():\n    from sklearn import svm\n"
            "try:\n    import wandb\nexcept ImportError:\n    import mlflow\n"
            "try:\n    import tqdm\nfinally:\n    pass\n"
            "if late:\n    import seaborn\n"
            "if __name__ == '__main__':\n    import fire\n",
            "helper.py": "from __future__ import annotations\nimport src_module\n"
            "from google import protobuf\n",
            "package/inner.py": "import neighbour\n",
            "package/neighbour.py": "",
            "src/src_module.py": "",
            "broken.py": "import torch\nthis is no Python",
            ".venv/lib/junk.py": "import tensorflow",
        },
    )
    found = {item.module: (item.file, item.line, item.conditional) for item in imports(contents(tmp_path))[0]}
    assert found == {
        "numpy": ("main.py", 1, False),
        "sklearn": ("main.py", 5, False),
        "wandb": ("main.py", 7, True),
        "mlflow": ("main.py", 9, True),
        "tqdm": ("main.py", 11, False),
        "seaborn": ("main.py", 15, True),
        "fire": ("main.py", 17, False),
        "google.protobuf": ("helper.py", 3, False),
    }


def test_declared_and_imported_packages_are_wanted(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.py": "import numpy, yaml, cv2, tensorflow\n"
            "try:\n    import wandb\nexcept ImportError:\n    pass\n",
            "requirements.txt": "# ours\nnumpy>=1.24,<3  # arrays\n\nscikit_learn[alldeps]==1.4 ; "
            "python_version > '3'\n"
            "tensorflow-cpu\n",
        },
    )
    found = requirements(contents(tmp_path))
    assert found.wanted == (
        "numpy<3,>=1.24",
        "opencv-python-headless",
        "pyyaml",
        'scikit_learn[alldeps]==1.4; python_version > "3"',
        "tensorflow-cpu",
    )
    assert found.undeclared == ("opencv-python-headless", "pyyaml")
    assert found.problems == ()
    assert "`pyyaml` is imported but not in requirements.txt: it was installed all the same." in found.notes


def test_what_only_tests_import_is_installed_and_no_fault_of_the_requirements(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"main.py": "import numpy", "tests/test_it.py": "import pytest", "requirements.txt": "numpy\n"},
    )
    found = requirements(contents(tmp_path))
    assert (found.undeclared, found.notes) == (("pytest",), ())


@pytest.mark.parametrize(
    ("declared", "taken"),
    [
        ("sklearn", "scikit-learn"),
        ("PyYAML==6.0", "PyYAML==6.0"),
        ("yaml", "pyyaml"),
        ("opencv-python>=4", "opencv-python-headless>=4"),
        ("torch==2.1.0+cu118", "torch==2.1.0"),
        ("torch==2.0+cpu-abc", "torch==2.0"),
        ("numpy==1.0+a-b_2.C,<2 ; os_name != 'a\"b'", "numpy<2,==1.0; os_name != 'a\"b'"),
        ("faiss-gpu", "faiss-cpu"),
    ],
)
def test_a_declaration_is_taken_as_the_sandbox_can_meet_it(tmp_path: Path, declared: str, taken: str) -> None:
    found = requirements(written(tmp_path, {"requirements.txt": declared}))
    assert found.wanted == (taken,)
    assert bool(found.notes) == (declared != taken)


def test_an_unknown_import_is_a_problem_and_never_asked_for(tmp_path: Path) -> None:
    found = requirements(written(tmp_path, {"main.py": "\nimport numppy.random\n"}))
    assert found.wanted == ()
    assert len(found.problems) == 1
    assert found.problems[0].startswith("main.py, line 2, imports `numppy.random`:")


def test_an_unknown_package_needs_to_be_imported_and_declared(tmp_path: Path) -> None:
    write(
        tmp_path, {"main.py": "import rare_thing\n", "requirements.txt": "rare-thing\nplugin-of-something\n"}
    )
    found = requirements(contents(tmp_path))
    assert (found.wanted, found.unknown, found.problems) == (("rare-thing",), ("rare-thing",), ())
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    "name", ["numpi", "scikit-lern", "reqeusts", "torchvison", "jaxx", "ransformers", "python-dotnev"]
)
def test_what_is_spelt_almost_like_a_known_package_is_not_installed(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"main.py": f"import {name.replace('-', '_')}\n", "requirements.txt": name})
    found = requirements(contents(tmp_path))
    assert found.wanted == ()
    assert any("spelt almost like" in problem for problem in found.problems)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://127.0.0.1:9/simple",
        "--extra-index-url=http://127.0.0.1:9/simple numpy",
        "-r ../../secret.txt",
        "-e .",
        "./wheel.whl",
        "git+https://127.0.0.1/x.git",
        "numpy @ http://127.0.0.1:9/numpy.whl",
        "numpy --hash=sha256:00",
    ],
)
def test_requirements_cannot_name_an_index_an_address_or_a_file(tmp_path: Path, line: str) -> None:
    found = requirements(written(tmp_path, {"requirements.txt": line}))
    assert found.wanted == ()
    assert len(found.problems) == 1


def test_code_made_to_break_a_parser_does_not(tmp_path: Path) -> None:
    code = {
        "deep.py": "x = " + "+".join("a" * 1 for _ in range(20_000)),
        "nul.py": "import numpy\0",
        "number.py": f"if x == 0x{'f' * 5_000}: import numpy",
        "square.py": "# coding: punycode\n#" + "a" * 125_000 + "-" + "z" * 125_000,
    }
    write(tmp_path, code)
    began = time.process_time()

    found = requirements(contents(tmp_path))

    assert found.problems == () and time.process_time() - began < 3
    assert [note.split("`")[1] for note in found.notes] == ["deep.py", "nul.py", "number.py"]


def test_packages_without_end_are_a_problem_and_take_linear_time(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(20_000)]
    write(tmp_path, {"requirements.txt": "\n".join(names), "main.py": "import " + ",".join(names)})
    began = time.process_time()

    found = requirements(contents(tmp_path))

    assert "requirements.txt asks for more than 1,000 packages." in found.problems
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffnumpy==2.0\r\npyyaml\r\n".encode(),
        codecs.BOM_UTF16_LE + "numpy==2.0\r\npyyaml\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "numpy==2.0\npyyaml".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "numpy==2.0\npyyaml".encode("utf-32-le"),
    ],
)
def test_requirements_are_read_in_the_encoding_that_they_begin_with(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)

    found = requirements(contents(tmp_path))

    assert (found.wanted, found.problems) == (("numpy==2.0", "pyyaml"), ())


@pytest.mark.parametrize(
    "line",
    [
        "numpy===latest",
        "numpy; " + "(" * 400 + "os_name=='posix'" + ")" * 50,
        "numpy==" + "1" * 5000,
        "numpy\0==1.0",
    ],
)
def test_a_requirement_that_cannot_be_parsed_is_a_problem_of_the_repository(
    tmp_path: Path, line: str
) -> None:
    found = requirements(written(tmp_path, {"main.py": "import yaml\n", "requirements.txt": line}))

    assert len(found.problems) == 1 and "line 1" in found.problems[0]
    assert not any("was installed" in note for note in found.notes)


NAMES = st.sampled_from(
    ["numpy", "torch", "opencv-python", "yaml", "numpi", "rare_thing", "a-", "-a", "ä", "1"]
)
VERSIONS = st.text("0123456789.+-_abcdevrpost!*", max_size=12)
OPERATORS = st.sampled_from(["==", " == ", "<=", "~=", ">", "!=", "===", "", "(=="])
TAILS = st.sampled_from(
    [
        "",
        "[a,b]",
        "[_]",
        " # c",
        "; os_name == 'a\"b'",
        "; extra == 'ä-'",
        "; python_version > '1+a-b'",
        ")",
        "\\",
        "\x1b",
    ]
)
LINES = st.one_of(
    st.tuples(NAMES, TAILS, OPERATORS, VERSIONS, OPERATORS, VERSIONS, TAILS).map("".join),
    st.from_regex(r"\A(torch|numpy)==[0-9]\.[0-9]\+[a-z0-9._-]{1,9}\Z"),
    st.text(max_size=40),
)


@settings(max_examples=500)
@given(st.lists(LINES, max_size=4))
def test_any_text_is_requirements_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any_text"
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_bytes("\n".join(lines).encode("utf-8"))

    found = requirements(contents(folder))

    for each in map(Requirement, found.wanted):
        assert not any("+" in specifier.version for specifier in each.specifier)
    assert all(problem.endswith(".") for problem in found.problems)


@given(
    st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,3}\Z"),
    st.from_regex(r"\A[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*\Z"),
)
def test_no_build_changes_the_version_that_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, version: str, build: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "builds"
    taken = requirements(written(folder, {"requirements.txt": f"torch=={version}+{build[:300]}x"})).wanted
    assert taken == (f"torch=={version}",)
    assert without_builds([f"torch=={version}+{build}"]).pins == (f"torch=={version}",)


def test_an_endless_requirements_file_is_not_read(tmp_path: Path) -> None:
    found = requirements(written(tmp_path, {"requirements.txt": "numpy\n" * 100_000}))

    assert found.problems == ("requirements.txt is larger than 262,144 bytes.",)
