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
    def _by_end(self) -> Mapping[Parts, list[Parts]]:
        found: defaultdict[Parts, list[Parts]] = defaultdict(list)
        for parts in self.files:
            for depth in range(len(parts)):
                found[parts[depth:]].append(parts)
        return found

    def is_here(self, target: Parts) -> bool:
        """Whether `target`, or a package that it begins with, may be one of the repository's."""
        return any(target[:depth] in self._by_end for depth in range(1, len(target) + 1))

    def meant(self, target: Parts, folder: Parts = ()) -> set[str]:
        """Paths of what `target` may mean in a folder, and of the packages around.

        That is the module beside who names it if there is one, else whatever ends so.
        """
        beside = (*folder, *target)
        chosen = [beside] if target and beside in self.files else self._by_end.get(target, ())
        around = (parts[:depth] for parts in chosen for depth in range(1, len(parts) + 1))
        return {self.files[parts] for parts in around if parts in self.files}

    def all_meant(self, targets: Iterable[Parts], path: str, known: set[Parts] | None = None) -> set[str]:
        """The same of what a file names. `known` are those that were looked for everywhere before: not again."""
        folder = tuple(path.split("/")[:-1])
        tried = set() if known is None else known
        found: set[str] = set()
        for target in targets:
            if (*folder, *target) not in self.files:
                if target in tried:
                    continue
                tried.add(target)
            found |= self.meant(target, folder)
        return found

    def meant_by_others(self, asked: Iterable[tuple[str, Iterable[Parts]]]) -> set[str]:
        """The same of what files name, without what each means of itself. Each name is looked for once."""
        asking: defaultdict[tuple[Parts, Parts], set[str]] = defaultdict(set)
        for path, targets in asked:
            folder = tuple(path.split("/")[:-1])
            for target in targets:
                asking[target, folder if (*folder, *target) in self.files else ()].add(path)
        found: set[str] = set()
        for (target, folder), paths in asking.items():
            meant = self.meant(target, folder)
            found |= meant if len(paths) > 1 else meant - paths
        return found


def _module(path: str) -> str:
    return path.rpartition(".")[0].removesuffix("/__init__")
