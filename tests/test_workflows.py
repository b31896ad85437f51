"""What GitHub runs for this repository: pinned, with few rights, and without secrets where strangers can start it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCRIPT = re.compile(r"\$\{\{")


def parsed(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return document


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_rights_are_given_job_by_job(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())
    assert used and all(re.fullmatch(r"[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)
    workflow = parsed(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] and job["timeout-minutes"]
        assert not any(SCRIPT.search(step.get("run", "")) for step in job["steps"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_pull_request_starts_may_only_read_and_knows_no_secret(path: Path) -> None:
    workflow = parsed(path)
    starts = set(workflow[True])  # YAML 1.1 reads `on` as a boolean
    assert "pull_request_target" not in starts
    if "pull_request" in starts:
        assert "secrets." not in path.read_text()
        assert all(job["permissions"] == {"contents": "read"} for job in workflow["jobs"].values())


def test_a_release_publishes_what_was_built_and_tested() -> None:
    jobs = parsed(ROOT / ".github/workflows/release.yml")["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "test", "ship"} == set(jobs) - {"publish"}
    assert jobs["publish"]["environment"] == "release"
    steps = [step.get("uses", "").partition("@")[0] for step in jobs["publish"]["steps"]]
    assert steps[0] == "actions/download-artifact" and "actions/checkout" not in steps


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name
)
def test_issue_forms_have_what_github_wants(path: Path) -> None:
    form = parsed(path)
    if path.name != "config.yml":
        assert form["name"] and form["description"]
        names = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert names and len(names) == len(set(names))


def test_the_citation_names_the_version_that_is_built() -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version and parsed(ROOT / "CITATION.cff")["version"] == version[1]
