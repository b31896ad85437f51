"""What is read of any directory, and where it stands in the files."""

import json
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest

from pipeline.proving.judging.choosing import Shelf
from pipeline.proving.judging.reach import Reach
from pipeline.proving.judging.runs import ran
from pipeline.proving.judging.sources import collect, sources

CELLS = [
    {"cell_type": "markdown", "source": ["All is met."]},
    {"cell_type": "code", "source": ["!pip install x\n", "loss = (y - f(x)) ** 2  # met"]},
    {"cell_type": "code", "source": "this is no Python"},
    {"cell_type": "code", "source": ["f?\n", "files = !ls\n", "!run \\\n", "  --all\n", "f(files)"]},
    {"cell_type": "code", "source": "%%bash\npython a.py\n\necho done"},
    {"cell_type": "code", "source": "%%time\nf(1)"},
    {"cell_type": "code", "source": "%%html\nAll is met."},
    {"cell_type": "code", "source": 'text = f("""\n% done""")'},
]
SHOWN = r"""get_ipython().system('pip install x')
loss = (y - f(x)) ** 2
files = get_ipython().getoutput('ls')
get_ipython().system('run   --all')
f(files)
get_ipython().system('%%bash')
get_ipython().system('python a.py')
get_ipython().system('echo done')
f(1)
text = f('\n% done')"""


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        (
            "a.ipynb",
            json.dumps({"cells": CELLS}),
            SHOWN,
        ),
        ("b.sh", "#!/bin/sh\n# all met\npython a.py --lr 0.1  # met\n", "#!/bin/sh\npython a.py --lr 0.1"),
        ("Makefile", "all:\n\tpython a.py\n# met\n", "all:\n\tpython a.py"),
        ("c.yaml", "# met\nlr: 0.1\n", "lr: 0.1"),
        ("d.cpp", "/* met\n met */\nint f() { return 1; } // met\n", "int f() { return 1; }"),
        ("e.m", "% met\nx = 1 % met\n", "x = 1"),
        ("f.R", "# met\nfit <- lm(y ~ x)\n", "fit <- lm(y ~ x)"),
        (
            "requirements.txt",
            "torch\nnumpy >= 2\nAll is met.\n-r more.txt\n",
            "torch\nnumpy >= 2\n-r more.txt",
        ),
        ("g.jl", "#= met\nmet =#\nx = f(1) # met\n", "x = f(1)"),
        ("h.lua", "--[[ met\nmet ]]\nx = 1 -- met\n", "x = 1"),
        ("i.hs", "{- met\nmet -}\nx = 1 -- met\n", "x = 1"),
        ("j.pl", "=pod\nmet\n=cut\n$x = $#y;\n", "$x = $#y;"),
        ("k.sh", ": <<'EOF'\nmet\nEOF\nx=${y#z} # met\n", "x=${y#z}"),
        ("l.ml", "(* met\nmet *)\nlet x = 1\n", "let x = 1"),
        ("m.f95", "x = '!' ! met\n", "x = '!'"),
        ("n.ps1", "<# met\n#>\nrun '#1'\n", "run '#1'"),
        ("o.php", "$x = 'http://y'; // met\n", "$x = 'http://y';"),
        ("p.mjs", "const u = `http://y\n//z`; // met\n", "const u = `http://y\n//z`;"),
        ("q.cpp", 'auto u = "//x"; char c = \'"\'; //met "\n', 'auto u = "//x"; char c = \'"\';'),
        ("r.R", 'plot(x, col = "#FF0000") # met\n', 'plot(x, col = "#FF0000")'),
        ("s.m", "y = x' * 2; % met\nz = '%d';\n", "y = x' * 2;\nz = '%d';"),
        ("t.Rmd", "# met\n```{r}\nx <- 1 # met\n```\nmet\n", "x <- 1"),
        ("u.slurm", "#!/bin/bash\n# met\nsrun a\n", "#!/bin/bash\nsrun a"),
        ("run", "#!/bin/bash\n# met\npython a.py\n", "#!/bin/bash\npython a.py"),
        ("v.pyw", "# met\nx = 1\n", "x = 1"),
        ("old.py", "# met\nprint 'x'  # met\n", "print 'x'"),
    ],
)
def test_every_language_is_read_without_its_comments(
    name: str, text: str, shown: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "notes.md").write_text("All is met.")
    (tmp_path / "notes.txt").write_text("All is met.")
    assert dict(collect(tmp_path).files) == {name: shown}


def test_number_and_names_of_files_are_no_limit_and_data_is_told_of(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"con.m{number} x.py").write_text(f"x{number} = f({number})\n")
    (tmp_path / "big.json").write_text("[" + "1," * 20_000 + "1]")
    read = collect(tmp_path)
    assert len(read.files) == 300
    assert read.left_out == ("Taken for data and not read: big.json.",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("returns.py", lambda n: "def f():\n" + " return\n" * n + " yield\n"),
        ("comments.c", lambda n: "/**/\n" * (50 * n)),
        ("opened.c", lambda n: "/*/" * (50 * n)),
        *(
            (f"said{suffix}", lambda n, said=said: said * (4 * n))
            for suffix in (
                ".sh",
                ".R",
                ".jl",
                ".m",
                ".hs",
                ".lua",
                ".pl",
                ".js",
                ".rs",
                ".lisp",
                ".Rmd",
                ".ps1",
            )
            for said in ('"\\"', "'", ": <<A\n", "{- #= --[[ <# #|\n", "=pod\n%{\n", "```{\n", "--[==")
        ),
    ],
)
def test_code_of_strangers_takes_linear_time(name: str, text: Callable[[int], str]) -> None:
    began = time.process_time()
    sources({name: text(5_000)})
    assert time.process_time() - began < 1.5  # 17 s and more where it grows with the square


@pytest.mark.parametrize(
    "code",
    ["x = a" + "+1" * 500, "x = a" + ".b" * 500, "x = a" + "()" * 500, "if x:\n y\n" + "elif x:\n y\n" * 300],
)
def test_code_as_deep_as_python_parses_is_shown_and_breaks_nobody(code: str) -> None:
    read = sources({"a.py": code, "b.py": "x = a" + "+1" * 140})
    assert read.files["a.py"] == code.rstrip() and list(read.trees) == ["b.py"]


def test_what_cannot_run_is_not_shown_in_a_generator_either() -> None:
    code = "def f():\n    return\n    train(model)\n    yield\n"
    assert sources({"a.py": code}).files["a.py"] == "def f():\n    return\n    yield"


def test_what_was_said_of_a_repository_before_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/execution-report.json").write_text('{"judge": {"score": 5}}')
    (tmp_path / "model.py").write_text("x = 1\n")
    assert list(collect(tmp_path).files) == ["model.py"]


def test_a_notebook_without_end_is_taken_for_data(tmp_path: Path) -> None:
    with (tmp_path / "a.ipynb").open("wb") as file:
        file.truncate(21_000_000)
    assert collect(tmp_path).left_out == ("Taken for data and not read: a.ipynb.",)


def test_code_without_end_is_read_up_to_a_bound_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.proving.judging.sources._MOST_BYTES", 2**20)
    for name in "abcd":
        (tmp_path / f"{name}.c").write_text(f"int {name};\n" + " " * 400_000)
    (tmp_path / "z.py").write_text("z = 1\n")
    read = collect(tmp_path)
    assert set(read.files) == {"a.c", "b.c", "z.py"}
    assert read.left_out == ("Beyond the 1 MiB that are read: 2 files.",)


def test_a_line_is_told_by_its_number_in_the_file_as_it_is() -> None:
    code = '"""Doc."""\n\n# comment\ndef f(\n    x,\n):\n    """Doc."""\n    return (\n        x\n        + 1\n    )\n'
    read = sources({"a.py": code})
    assert read.files["a.py"] == "def f(x):\n    return x + 1"
    assert [read.original("a.py", line) for line in (1, 2)] == [4, 8]
    assert read.as_shown("a.py", "return ( x+1 )  # one more") == "return x + 1"


def test_copies_are_read_once_and_the_one_that_is_used() -> None:
    good = "def train(x):\n    return x @ x\n"
    start = "import copy3.train\n\nprint(copy3.train.train(f(1)) * 2)\n"
    read = sources({f"copy{n}/train.py": good for n in range(20)} | {"main.py": start})
    assert Shelf(read, Reach(read)).distinct == ("copy3/train.py", "main.py")


def test_what_a_framework_a_script_or_a_configuration_names_is_reached() -> None:
    files = {
        "train.sh": "python -m pkg.train\n",
        "pkg/train.py": "from pkg.net import Net\n\nNet()(hydra.load('conf.yaml'))\n",
        "pkg/net.py": "class Net(nn.Module):\n    def forward(self, x):\n        return x @ x\n",
        "pkg/loss.py": "def mse(a, b):\n    return (a - b) ** 2\n\n\ndef other(a):\n    return a - 1\n",
        "conf.yaml": "loss: pkg.loss.mse\n",
        "pkg/data.py": "@register('mnist')\ndef load(n):\n    return n * 2\n",
    }
    files["pkg/train.py"] += "import pkg.loss\nimport pkg.data\n"
    assert Reach(sources(files)).dead_names() == ["pkg/loss.py: other"]


def test_of_a_library_that_nothing_starts_everything_is_reached() -> None:
    files = {
        "lib.py": "def step(x, g):\n    return x - 0.1 * g\n\n\ndef norm(x):\n    return (x * x).sum()\n"
    }
    reach = Reach(sources(files))
    assert (reach.dead_names(), reach.nothing()) == ([], "")


def test_a_log_of_paperbench_shows_what_was_said_and_made_since_it_began(tmp_path: Path) -> None:
    for name, text in (
        ("reproduce.log", "epoch 1\n"),
        ("reproduce.log.creation_time", "0"),
        ("t.csv", "a,1\n"),
    ):
        (tmp_path / name).write_text(text)
    assert ran(tmp_path / "reproduce.log").text == "epoch 1\n[made by the run] t.csv, 4 bytes\na,1\n"
    (tmp_path / "reproduce.log.creation_time").write_text("99999999999\n")
    assert ran(tmp_path / "reproduce.log").text == "epoch 1"


def test_only_a_full_run_is_evidence(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    attempt = {"stdout_tail": "epoch 1\n", "stderr_tail": ""}
    report = {"mode": "full", "status": "runs", "metrics": {"error": 0.1}, "attempts": [attempt]}
    path.write_text(json.dumps(report))
    assert ran(path).text.splitlines() == ["mode: full", "status: runs", "metric error: 0.1", "epoch 1"]
    path.write_text(json.dumps(report | {"mode": "smoke"}))
    with pytest.raises(ValueError, match="a full one"):
        ran(path)
    for text in ("", "{", "[]", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(ValueError, match="no execution report"):
            ran(path)
    (tmp_path / "reproduce.log").write_text(" \n")
    with pytest.raises(ValueError, match="says nothing"):
        ran(tmp_path / "reproduce.log")


@pytest.mark.parametrize(
    "notebook",
    [
        "null",
        "[]",
        "9" * 9000,
        "[" * 100_000,
        '{"cells": {"a": 1}}',
        '{"cells": null}',
        '{"cells": [1]}',
        '{"cells": [{"cell_type": "code"}]}',
        '{"cells": [{"cell_type": "code", "source": [1]}]}',
        '{"cells": [{"cell_type": "code", "source": ["x = \'\\ud800\'"]}]}',
    ],
    ids=repeat("notebook"),
)
def test_a_notebook_that_is_none_has_no_code_and_spoils_no_other(notebook: str) -> None:
    shown = sources({"a.ipynb": notebook, "b.py": "x = 1"}).files
    assert shown == {"a.ipynb": "", "b.py": "x = 1"}
