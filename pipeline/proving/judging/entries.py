"""What of a repository's Python can be started, and what names it: commands, scripts, notebooks, configurations."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.proving.judging import languages
from pipeline.proving.judging.modules import Parts, points
from pipeline.proving.judging.sources import NOTEBOOK, PYTHON, Sources
from pipeline.proving.judging.units import (
    ANY_SCRIPT,
    JOINTS,
    MODULE,
    NAME,
    SCRIPT,
    WORD,
    Code,
    Unit,
    is_guard,
    walk,
)

_ASIDE = {"setup.py", "conftest.py", "noxfile.py", "docs/conf.py", "doc/conf.py", "docs/source/conf.py"}
"""What builds, tests or documents: no program of the paper's."""
_SHOWN = re.compile(r"(?:examples?|demos?|docs?|tests?|benchmarks?|tutorials?)/")
_PACKAGED = re.compile(r"^\[(?:project|build-system|tool\.poetry|metadata|options)\]", re.MULTILINE)
_IN_PYTHON = re.compile(
    r"\bpython[\d.]{0,9}[ \t]{1,4}(?:-[a-z]{1,9}[ \t]{1,4}){0,4}(?:-c\b|-?[ \t]{0,4}<<)|\A#![^\n]{0,200}python"
)
"""A script that holds Python."""
_IMPORTED = re.compile(r"\b(?:from|import)[ \t]{1,4}([\w.]{1,200})(?:[ \t]{1,4}import[ \t]{1,4}(\w{1,200}))?")

_READ_BY_TOOLS = re.compile(
    r"(?i)(?:.*/)?(?:pyproject\.toml|setup\.cfg|(?:conda|environment|env)[\w-]{0,40}\.ya?ml|docker-compose[\w.-]{0,40}|"
    r"package\.json|tsconfig\.json|\w{1,40}\.gin|(?:project|manifest|cargo)\.toml|dvc\.yaml|cmakelists\.txt|"
    r"[\w-]{0,40}requirements[\w.-]{0,40}\.txt)|\.github/.*"
)
"""Configurations that tools find by themselves."""


@dataclass(frozen=True)
class Entries:
    """What starts and names the modules of a repository."""

    sources: Sources
    code: Code

    @cached_property
    def unread(self) -> frozenset[str]:
        """Configurations that start nothing themselves, and whose names and endings no code and no command knows."""
        configurations = [
            path
            for path in self.sources.files
            if path.lower().endswith(languages.CONFIGURATION) and not _READ_BY_TOOLS.fullmatch(path)
        ]
        if not configurations:
            return frozenset()
        said = [text for path, text in self.sources.files.items() if path not in configurations]
        known = set(re.findall(r"[a-z]+|\w+", "\n".join([*said, self.sources.prose]).lower()))
        known |= {"yaml", "omegaconf"} if known & {"hydra", "omegaconf", "yaml", "yml"} else set()
        known |= {"json"} if "from_pretrained" in known else set()
        return frozenset(
            path
            for path in configurations
            if not known & _known_by(path) and not any(points(self.sources.files[path]))
        )

    @cached_property
    def _texts(self) -> dict[str, str]:
        """What is no Python that parses, without what scripts only say."""
        return {
            path: "\n".join(line for line in text.split("\n") if not languages.only_says(path, line))
            for path, text in self.sources.files.items()
            if path not in self.sources.trees and path not in self.unread
        }

    @cached_property
    def _free(self) -> str:
        """The texts in which any word may be a name: other languages that call Python, and Python that is only text."""
        return "\n".join(text for path, text in self._texts.items() if self._is_free(path, text))

    def _is_free(self, path: str, text: str) -> bool:
        if path in self.sources.outdated or path.endswith(".gin"):
            return True
        if path.endswith(PYTHON):
            return False
        other = not languages.is_shell(path) and not path.lower().endswith(languages.CONFIGURATION)
        return other or bool(_IN_PYTHON.search(text))

    @cached_property
    def names(self) -> set[str]:
        """What is mentioned outside of Python that parses."""
        joined = {
            name
            for path, text in self._texts.items()
            if not path.endswith(PYTHON)
            for word in WORD.findall(text)
            if any(joint in word.strip(JOINTS) for joint in JOINTS)
            for name in NAME.findall(word)
        }
        return joined | set(NAME.findall(self._free))

    @cached_property
    def _commands(self) -> str:
        return "\n".join(
            [*(text for path, text in self._texts.items() if not path.endswith(PYTHON)), self.sources.prose]
        )

    @cached_property
    def named(self) -> frozenset[str]:
        """Paths of the modules that a command, a script or a configuration names."""
        stems = {
            *SCRIPT.findall(self._commands),
            *(name.rpartition(".")[2] for name in MODULE.findall(self._commands)),
        }
        for text in (*self._texts.values(), self.sources.prose):
            if ANY_SCRIPT.search(text):
                stems.update(NAME.findall(text))
        paths = {path for path in self.sources.trees if PurePosixPath(path).stem in stems}
        targets: list[Parts] = [module for module, _ in points(self._commands)]
        for module, name in _IMPORTED.findall(self._free):
            targets += [tuple(module.split(".")), *([(*module.split("."), name)] if name else [])]
        return frozenset(paths | self.code.modules.all_meant(targets, ""))

    @cached_property
    def roots(self) -> frozenset[str]:
        """Paths of the modules that somebody may start."""
        running = {unit.path for unit in self._modules() if _runs(unit)}
        return frozenset(running | self.named)

    @cached_property
    def is_library(self) -> bool:
        """Whether nothing is there to be started but what shows how the rest is used by others."""
        return not any(self._is_program(path) for path in self.code.programs)

    def _is_program(self, path: str) -> bool:
        if _is_aside(path):
            return False
        if not self._is_packaged:
            return True
        inside = f"{path.rpartition('/')[0]}/__init__.py" in self.sources.trees
        return not inside and not _SHOWN.match(path)

    @cached_property
    def _is_packaged(self) -> bool:
        return "setup.py" in self.sources.files or any(
            _PACKAGED.search(self.sources.files.get(path, "")) for path in ("pyproject.toml", "setup.cfg")
        )

    def _modules(self) -> Iterator[Unit]:
        return (unit for unit in self.code.units if not unit.name)


def _runs(unit: Unit) -> bool:
    """Whether a module does something when it is run. What builds a package names what that starts."""
    file = PurePosixPath(unit.path).name
    if unit.path.endswith(NOTEBOOK) or file == "setup.py":
        return True
    if file == "__init__.py" or _is_aside(unit.path):
        return False
    return any(is_guard(statement) for statement in unit.statements) or any(
        isinstance(node, ast.Call | ast.For | ast.While) for node in walk(unit.statements)
    )


def _is_aside(path: str) -> bool:
    return path in _ASIDE or PurePosixPath(path).name in _ASIDE


def _known_by(path: str) -> set[str]:
    """The words by one of which a configuration is read."""
    file = PurePosixPath(path.lower())
    return {file.suffix[1:], *re.findall(r"\w+", file.stem), *file.parts[:-1]}
