"""What a program writes into every repository of contract 2, so that no model writes it anew.

Nobody changes these files afterwards, repairs and revisions included: `GIVEN`.
"""

from pathlib import Path

from pipeline import markdown
from pipeline.coding import harness
from pipeline.contract import HARNESS
from pipeline.planning.plan import NO_LOGIC, Logic

PYTHON = "3.11"
"""What the code is written for, as long as it has not been run."""
VERSION = ".python-version"

MAIN = '''"""The experiments of this repository on the command line: `python main.py --help`."""

from experiments import EXPERIMENTS
from harness import main

if __name__ == "__main__":
    main(EXPERIMENTS)
'''
REPRODUCE = """#!/usr/bin/env bash
# Everything, the cheapest first; for the Python of .python-version, with what requirements.txt names. What lacks data
# is skipped by name, what fails stops nothing, what has been run is not run again. Options are those of `main.py run`.
cd "$(dirname "$0")" || exit
wanted=$(cat .python-version)
found=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$found" = "$wanted" ] ||
    echo "The versions in requirements.txt are for Python $wanted; python3 is ${found:-not there}." >&2
status=0
python3 main.py run all "$@" || status=$?
python3 main.py report || status=$?
python3 main.py list
exit "$status"
"""
GITIGNORE = """/results/
/results.json
.venv/
__pycache__/
"""
DATA_IGNORED = """# See data/README.md
/data/*
!/data/README.md
"""
GIVEN = (HARNESS, "main.py", ".gitignore", VERSION, "data/README.md")


def given(logic: Logic) -> dict[str, str]:
    """Path → text."""
    files = {
        HARNESS: Path(harness.__file__).read_text("utf-8"),
        "main.py": MAIN,
        "reproduce.sh": REPRODUCE,
        ".gitignore": GITIGNORE + DATA_IGNORED,
        VERSION: f"{PYTHON}\n",
    }
    return files | ({"data/README.md": _data(logic)} if logic.data else {})


def is_known(path: str, text: str) -> bool:
    """Whether whoever is asked knows this file by the ground rules, so that it need not be shown."""
    return path in (HARNESS, "main.py") and given(NO_LOGIC)[path] == text


def _data(logic: Logic) -> str:
    """What to put where."""
    parts = [
        "# Data\n\nEach set has a folder here, or in the one that `--data DIR` names. What is missing is skipped.\n"
    ]
    for data in logic.data:
        used = ", ".join(e.name for e in logic.experiments if data.name in e.needs)
        files = "\n".join(f"- {markdown.code(f'{data.name}/{file}')}" for file in data.files)
        about = (
            f"{markdown.with_addresses(data.where)} ({markdown.prose(data.size)}; for {markdown.prose(used)})"
        )
        parts.append(f"## {markdown.prose(data.name)}\n\n{about}\n\n{files}\n")
    return "\n".join(parts)
