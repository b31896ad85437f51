"""What a program writes into every repository of contract 2, so that no model writes it anew.

Nobody changes these files afterwards, repairs and revisions included: `GIVEN`.
"""

from pathlib import Path

from pipeline import markdown
from pipeline.coding import harness
from pipeline.contract import HARNESS
from pipeline.planning.plan import NO_LOGIC, Logic

PYTHON = "3.11"
"""What the code is written for and run with."""

MAIN = '''"""The experiments of this repository on the command line: `python main.py --help`."""

from experiments import EXPERIMENTS
from harness import main

if __name__ == "__main__":
    main(EXPERIMENTS)
'''
REPRODUCE = f"""#!/usr/bin/env bash
# Everything, the cheapest first; for Python {PYTHON}, with what requirements.txt names. What lacks data is skipped by
# name, what fails stops nothing, what has been run is not run again. Options are those of `python3 main.py run`.
cd "$(dirname "$0")" || exit
status=0
python3 main.py run all "$@" || status=$?
python3 main.py report || status=$?
python3 main.py list
exit "$status"
"""
GITIGNORE = """# Runs, and data sets: see data/README.md
/results/
/results.json
/data/*
!/data/README.md
.venv/
__pycache__/
"""
GIVEN = (HARNESS, "main.py", ".gitignore", ".python-version", "data/README.md")


def given(logic: Logic) -> dict[str, str]:
    """Path → text."""
    files = {
        HARNESS: Path(harness.__file__).read_text("utf-8"),
        "main.py": MAIN,
        "reproduce.sh": REPRODUCE,
        ".gitignore": GITIGNORE,
        ".python-version": f"{PYTHON}\n",
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
        files = "\n".join(f"- `{data.name}/{file}`" for file in data.files)
        about = f"{markdown.prose(data.where)} ({markdown.prose(data.size)}; for {used})"
        parts.append(f"## {data.name}\n\n{about}\n\n{files}\n")
    return "\n".join(parts)
