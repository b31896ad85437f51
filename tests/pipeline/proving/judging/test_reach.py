"""What is reached of a repository: whatever its files are called, however they are ordered and written, and soon."""

import ast
import re
import time
from collections.abc import Callable, Mapping

import pytest

from benchmark.tricks import ELSE, FAIR, METHOD, TRICKS
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.sources import sources

Files = Mapping[str, str]
REPOSITORIES = {name: each.files for name, each in (TRICKS | FAIR).items() if "noise" not in name}
KEPT = {"setup", "conf", "__init__"}
"""Names that say what a file is."""


def verdicts(files: Files) -> tuple[str, list[str]]:
    """Why there is nothing to judge, and what nothing reaches."""
    reach = Reach(sources(files))
    return reach.nothing(), sorted(reach.dead_names())


def renamed(files: Files) -> tuple[Files, Callable[[str], str]]:
    """All files of Python are called otherwise, in the opposite order, and so wherever they are named."""
    stems = sorted(
        {path.rpartition("/")[2].removesuffix(".py") for path in files if path.endswith(".py")} - KEPT
    )
    new = {stem: f"{chr(122 - number)}{number}_part" for number, stem in enumerate(stems)}
    word = re.compile(rf"\b(?:{'|'.join(new) or '(?!)'})\b(?!\()")

    def name(text: str) -> str:
        return word.sub(lambda found: new[found[0]], text)

    return {name(path): name(text) for path, text in files.items()}, name


def reordered(files: Files) -> Files:
    """What each file defines stands in the opposite order, and so do the files."""
    return {path: _python(path, text, _reversed) for path, text in reversed(files.items())}


def reformatted(files: Files) -> Files:
    """Written anew, with comments, a docstring and blank lines."""
    return {
        path: _python(path, text, lambda tree: tree) + "\n\n\n# all is met\n" * path.endswith(".py")
        for path, text in files.items()
    }


def _python(path: str, text: str, change: Callable[[ast.Module], ast.Module]) -> str:
    try:
        return ast.unparse(change(ast.parse(text))) if path.endswith(".py") else text
    except SyntaxError:
        return text


def _reversed(tree: ast.Module) -> ast.Module:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    if len({node.name for node in functions}) == len(functions):
        turned = iter(reversed(functions))
        tree.body = [next(turned) if node in functions else node for node in tree.body]
    return tree


@pytest.mark.parametrize("name", REPOSITORIES)
def test_names_order_and_layout_of_files_change_no_verdict(name: str) -> None:
    files = REPOSITORIES[name]
    before = verdicts(files)
    assert verdicts(reordered(files)) == verdicts(reformatted(files)) == before
    others, new = renamed(files)
    assert verdicts(others) == (new(before[0]), sorted(map(new, before[1])))


@pytest.mark.parametrize(
    "files",
    [
        {
            "a.py": "".join(
                f"class C{n}(C{n - 1}):\n def m{n}(self): return self.m{n - 1}\n" for n in range(4_000)
            )
        },
        {"a.py": "def f(x):\n return f\n" * 8_000},
        {"a.py": "def f(x): return x\n" * 1_000 + "f(f)\n" * 8_000},
        {f"p{n}/utils.py": f"import utils\n\nutils.f{n}()\n" for n in range(1_500)},
        {"a.py": "".join(f"getattr(x, f'p{n}_{{y}}')\ndef p{n}_a(): return 1\n" for n in range(3_000))},
        {"a.py": "".join(f"x{n} = x{n - 1}\n" for n in range(9_000)) + "print(x8999)\n"},
        {f"a{n}.py": "".join(f"def f{n}_{i}():\n f{n}_{i + 1}()\n" for i in range(4_000)) for n in range(3)},
        {f"{file}.py": "".join(f"x = y{n}\n" for n in range(18_000)) + "print(x)\n" for file in range(2)},
        {
            "a.py": f"{'='.join(f'a{n}' for n in range(9_000))}=[{','.join(f'b{n}' for n in range(9_000))}]\nf(a1)\n"
        },
        {f"p{n}/utils.py": "" for n in range(3_500)} | {f"q{n}.py": "import utils\n" for n in range(3_500)},
        {"a.sh": "python $s.py\n" * 30_000, "b.sh": ": <<'EOF'\n" * 30_000, "c.sh": "echo 'a\n" * 30_000},
    ],
    ids=[
        "bases",
        "one name",
        "calls",
        "modules",
        "beginnings",
        "variables",
        "chains",
        "one variable",
        "many variables",
        "packages",
        "scripts",
    ],
)
def test_code_of_strangers_is_followed_in_linear_time(files: Files) -> None:
    began = time.process_time()
    verdicts(files)
    assert time.process_time() - began < 8  # a minute and more where it grows with the square


def test_what_is_put_into_places_without_end_may_be_anywhere() -> None:
    put = "def put(f):\n" + "".join(f"    R{n}['f'] = f\n" for n in range(2_000)) + "    return f\n"
    main = "@put\ndef f(x):\n    return x * 2\n\nprint(1)\n"
    assert verdicts({"main.py": put + main})[1] == []


def test_a_name_without_end_is_shown_by_its_beginning() -> None:
    files = {"main.py": f"class {'A' * 100_000}:\n" + " def m(x): return x\n" * 2_000 + "print(1)\n"}
    assert max(map(len, verdicts(files)[1])) < 300


def test_a_method_of_what_stays_at_home_is_reached_by_its_name_alone() -> None:
    net = "class Net:\n    def forward(self, x):\n        return x * 2 + 1\n"
    main = "from net import Net\n\nif __name__ == '__main__':\n    net = Net()\n    print(net)\n"
    assert verdicts({"net.py": net, "main.py": main})[1] == ["net.py: Net.forward"]
    assert verdicts({"net.py": net, "main.py": main + "    fit(net)\n"})[1] == []


def test_of_what_is_named_when_it_runs_only_what_may_be_meant_is_reached() -> None:
    runner = "class Runner:\n    def go(self, name):\n        return getattr(self, 'run_' + name)()\n"
    runner += "".join(f"\n    def {name}(self):\n        return self.x * 2\n" for name in ("run_a", "stop_a"))
    main = "import sys\nfrom runner import Runner\n\nprint(Runner().go(sys.argv[1]))\n"
    assert verdicts({"runner.py": runner, "main.py": main})[1] == ["runner.py: Runner.stop_a"]


def test_what_holds_settings_gives_no_code() -> None:
    start = (
        ELSE
        + "    args = parser.parse_args()\n    print(vars(args), getattr(args, name), getattr(torch, name))\n"
    )
    assert (
        "attention.py: attend"
        in verdicts({"main.py": f"import torch\nimport attention\n{start}", "attention.py": METHOD})[1]
    )
