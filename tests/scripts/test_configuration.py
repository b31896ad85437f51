"""docs/configuration.md and the schema for editors say what the program reads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.intake.configuration import ConfigurationInvalid, read

ROOT = Path(__file__).parents[2]
SCHEMA = "paper2code.schema.json"


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    document: dict[str, Any] = json.loads((ROOT / "docs" / SCHEMA).read_text())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def test_what_is_published_is_what_the_program_says_today(tmp_path: Path) -> None:
    made = [sys.executable, "-W", "error", ROOT / "scripts/configuration.py", tmp_path]
    environment = {"HOME": "/home/somebody", "PAPER2CODE_JOBS": "7", "OPENAI_API_KEY": "sk-one"}
    subprocess.run(made, check=True, env=environment)
    for name in ("configuration.md", SCHEMA):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text(), "run `make configuration`"


@pytest.mark.parametrize(
    "text",
    [
        "trigger: command\nrun: {mode: scaled, minutes: 30, data: [cifar10]}\nquota: {per_day: 3}\n",
        "model: gpt-6.2-sol\ninstructions: |\n  PyTorch\nrefine: [config]\nprove: {tests: false}\n",
    ],
)
def test_editors_accept_what_is_accepted(schema: Draft202012Validator, text: str) -> None:
    read(text)
    assert not list(schema.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("text", ["max_udd: 3\n", "max_usd: 0\n", "run: {memory: lots}\n", "plan: maybe\n"])
def test_editors_mark_what_is_refused(schema: Draft202012Validator, text: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        read(text)
    assert list(schema.iter_errors(yaml.safe_load(text)))


def test_the_defaults_in_the_documentation_are_the_defaults(schema: Draft202012Validator) -> None:
    page = (ROOT / "docs/self-hosting.md").read_text().partition("## In each repository")[2]
    text = page.partition("```yaml\n")[2].partition("```")[0]
    assert not list(schema.iter_errors(yaml.safe_load(text)))
    assert read(text) == read(None)
