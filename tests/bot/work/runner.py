"""A runner of workflow steps, as far as `action.yml` needs one: what GitHub does between an event and our program.

Composite steps, conditions, expressions, files of outputs and of the summary, the workspace of another repository,
caches and artifacts. An installation in the cache is the one that the tests run in.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.fakes.github.artifacts import left
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.state import ACTIONS_TOKEN, NAME, OWNER, REPOSITORY_ID

ROOT = Path(__file__).parents[3]
_DOCKER = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/docker.log"
[ "$2" != save ] || echo image > "$4"
"""


@dataclass
class Ran:
    """What a workflow run shows."""

    red: bool = False
    steps: dict[str, str] = field(default_factory=dict)
    """Name → success, failure or skipped."""
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


class Runner:
    """One machine after the other, with the caches and artifacts of one repository."""

    def __init__(self, hub: FakeGitHub, folder: Path, *, installed: bool = True, **environment: str) -> None:
        """`installed`: the cache has the installation that this process runs in."""
        self.installed = installed
        self.hub, self.folder, self.environment = hub, folder, environment
        self.action = yaml.safe_load((ROOT / "action.yml").read_text())
        self.caches = folder / "caches"
        self.caches.mkdir(parents=True)
        self.docker = folder / "bin" / "docker.log"
        self.docker.parent.mkdir()
        (self.docker.parent / "docker").write_text(_DOCKER)
        (self.docker.parent / "docker").chmod(0o755)

    def play(self, workflow: Path, event: str, payload: dict[str, Any], **secrets: str) -> dict[str, Ran]:
        """Each job of a workflow that uses the action once, one after the other, with the rights that it names."""
        document, ran = yaml.safe_load(workflow.read_text()), dict[str, Ran]()
        known = {f"secrets.{name}": value for name, value in secrets.items()}
        known |= {f"inputs.{name}": value for name, value in payload.get("inputs", {}).items()}
        for name, job in document["jobs"].items():
            rights = {kind.replace("-", "_"): level for kind, level in job["permissions"].items()}
            token = f"ghs_of_{name}"
            self.hub.tokens[token] = replace(
                self.hub.tokens[ACTIONS_TOKEN], permissions=rights | {"metadata": "read"}
            )
            given = {
                key: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known.get(match[1], ""), str(value))
                for key, value in job["steps"][0]["with"].items()
            }
            ran[name] = self.run(event, payload, **given | {"github-token": token})
        return ran

    def run(self, event: str, payload: dict[str, Any], started: Any = None, **inputs: str) -> Ran:
        """`started` is handed the process of each step that runs a script."""
        self.temp, workspace, ran = self.folder / "temp", self.folder / "workspace", Ran()
        for made in (self.temp, workspace):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        (workspace / "settings.py").write_text("raise SystemExit('the workspace is imported')\n")
        (self.temp / "event.json").write_text(json.dumps(payload))
        given = {key: str(each["default"]) for key, each in self.action["inputs"].items()} | inputs
        known: dict[str, dict[str, str]] = {}
        for step in self.action["runs"]["steps"]:
            condition = self._fill(f"${{{{ {step.get('if', 'always()')} }}}}", given, known, ran)
            wanted = not ran.red or "always()" in step.get("if", "")
            if not wanted or condition in ("", "false"):
                ran.steps[step["name"]] = "skipped"
                continue
            outputs = known.setdefault(step.get("id", step["name"]), {})
            with_ = {key: self._fill(str(v), given, known, ran) for key, v in step.get("with", {}).items()}
            if "uses" in step:
                ended = self._use(step["uses"], with_, outputs)
            else:
                env = {key: self._fill(v, given, known, ran) for key, v in step.get("env", {}).items()}
                ended = self._script(step["run"], env, event, workspace, outputs, ran, started)
            ran.steps[step["name"]] = "success" if ended else "failure"
            ran.red |= not ended
        ran.outputs = {
            name: self._fill(each["value"], given, known, ran)
            for name, each in self.action["outputs"].items()
        }
        return ran

    def _script(
        self,
        script: str,
        env: dict[str, str],
        event: str,
        workspace: Path,
        outputs: dict[str, str],
        ran: Ran,
        started: Any,
    ) -> bool:
        files = {name: self.temp / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        (self.temp / "script.sh").write_text(script)
        own = {
            "PATH": f"{self.docker.parent}:{os.environ['PATH']}",
            "HOME": str(self.temp),
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_ARCH": "X64",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "GITHUB_REPOSITORY": f"{OWNER}/{NAME}",
            "GITHUB_REPOSITORY_ID": str(REPOSITORY_ID),
            "GITHUB_ACTOR": "alice",
            "GITHUB_RUN_ID": "17",
            "GITHUB_API_URL": self.hub.api_url,
            "GITHUB_SERVER_URL": self.hub.url,
        }
        own |= {name: str(file) for name, file in files.items()}
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", self.temp / "script.sh"],
            env=own | self.environment | env,
            cwd=workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if started and "action" in script.split():
            started(process)
        ran.log += process.communicate(timeout=1800)[0]
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            outputs[line.partition("=")[0]] = line.partition("=")[2]
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return process.returncode == 0

    def _use(self, action: str, given: dict[str, str], outputs: dict[str, str]) -> bool:
        name, _, commit = action.partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", commit), action
        paths = [Path(path) for path in given["path"].split()]
        if name == "actions/upload-artifact":
            self._upload(given["name"], paths)
        elif name == "actions/cache/save":
            for path in paths:
                if path.exists() and not path.is_symlink():
                    shutil.copytree(path, self.caches / given["key"] / path.name, symlinks=True)
        elif name == "actions/cache/restore":
            self._restore(given, paths, outputs)
        else:
            raise AssertionError(f"nobody knows {action}")
        return True

    def _restore(self, given: dict[str, str], paths: list[Path], outputs: dict[str, str]) -> None:
        if self.installed and paths == [self.temp / "paper2code"]:
            paths[0].symlink_to(sys.prefix, target_is_directory=True)
            outputs["cache-hit"] = "true"
            return
        keys = [given["key"], *given.get("restore-keys", "").split()]
        for key in keys:
            for found in sorted(self.caches.glob(f"{key}*" if key in keys[1:] else key)):
                for path in paths:
                    if (found / path.name).exists():
                        shutil.copytree(found / path.name, path, symlinks=True)
                outputs["cache-hit"] = str(found.name == keys[0]).lower()
                return

    def _upload(self, name: str, paths: list[Path]) -> None:
        """Below the folder that all searched paths have in common."""
        searched = [Path(str(path).partition("*")[0]) for path in paths]
        root = Path(os.path.commonpath(searched))
        staged = self.folder / "staged"
        shutil.rmtree(staged, ignore_errors=True)
        for path in paths:
            for file in self.temp.glob(str(path.relative_to(self.temp))):
                for each in file.rglob("*") if file.is_dir() else [file]:
                    if each.is_file():
                        (staged / each.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy(each, staged / each.relative_to(root))
        if staged.exists():
            left(self.hub, name, staged)

    def _fill(self, text: str, inputs: dict[str, str], known: dict[str, dict[str, str]], ran: Ran) -> str:
        """`text` with its expressions evaluated: references, `==`, `!=`, `&&` and `always()`."""

        def value(expression: str) -> str:
            if "&&" in expression:
                each = [value(part) for part in expression.split("&&")]
                return each[-1] if all(part not in ("", "false") for part in each) else ""
            if match := re.fullmatch(r"(.+?)\s*([!=])=\s*'(.*)'", expression.strip()):
                return str((value(match[1]) == match[3]) == (match[2] == "=")).lower()
            name = expression.strip()
            if name == "always()":
                return "true"
            if name.startswith("inputs."):
                return self._fill(inputs[name.removeprefix("inputs.")], inputs, known, ran)
            if match := re.fullmatch(r"steps\.(\w+)\.outputs\.([\w-]+)", name):
                return known.get(match[1], {}).get(match[2], "")
            return {"runner.temp": str(self.temp), "github.token": ACTIONS_TOKEN}[name]

        return re.sub(r"\$\{\{(.*?)\}\}", lambda match: value(match[1]), text)
