"""Which of a repository's modules is meant: by an import, an entry point, or a configuration that makes something."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

Parts = tuple[str, ...]
"""Of a dotted name."""
_POINT = re.compile(
    r"""(?:=\s*["']?([A-Za-z_][\w.]*):|_target_["']?:\s*["']?([A-Za-z_][\w.]*)\.)([A-Za-z_]\w*)"""
)
"""An entry point (`name = package.module:function`), or what Hydra makes (`_target_: package.module.Class`)."""


def points(text: str) -> Iterator[tuple[Parts, str]]:
    """The modules that a text has something started of, and what that is called there."""
    for entry, target, name in _POINT.findall(text):
        yield tuple((entry or target).split(".")), name


@dataclass(frozen=True)
class Modules:
    """A repository's modules."""

    files: Mapping[Parts, str]
    """Folders and name of a module → path."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> "Modules":
        """Those in these files."""
        return cls({tuple(_module(path).split("/")): path for path in paths})

    @cached_property
    def _by_name(self) -> Mapping[str, list[Parts]]:
        found: defaultdict[str, list[Parts]] = defaultdict(list)
        for parts in self.files:
            found[parts[-1]].append(parts)
        return found

    def meant(self, target: Parts, folder: Parts = ()) -> set[str]:
        """Paths of what `target` may mean in a folder, and of the packages around.

        That is the module beside who names it if there is one, else whatever ends so.
        """
        if not target:
            return set()
        fitting = [parts for parts in self._by_name.get(target[-1], ()) if parts[-len(target) :] == target]
        chosen = [parts for parts in fitting if parts == (*folder, *target)] or fitting
        around = (parts[:depth] for parts in chosen for depth in range(1, len(parts) + 1))
        return {self.files[parts] for parts in around if parts in self.files}


def _module(path: str) -> str:
    return path.rpartition(".")[0].removesuffix("/__init__")
