"""What is installed: a wheel holds all that the packages hold, in the rooms where it stands now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "bot", "pipeline", "sandbox")


def test_prompts_templates_and_tables_are_installed_with_the_code(tmp_path: Path) -> None:
    build = ["-c", "import setuptools; setuptools.setup()", "egg_info", "--egg-base", str(tmp_path)]
    build += ["build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run([sys.executable, *build], cwd=ROOT, check=True, capture_output=True)
    held = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    installed = {f.relative_to(tmp_path / "lib").as_posix() for f in (tmp_path / "lib").rglob("*.*")}
    assert held == installed - {"app.py", "settings.py"}
