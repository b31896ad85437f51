"""Remarks of the check run at lines: what the paper asks for and the code does not do, and what was assumed. Pure.

What is missing has no line in the code: it is remarked where the repository's own documents name it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bot.github.pulls import Annotation
from pipeline.markdown import line, plain, sentence

_ORDER = {"missing": 0, "deviates": 1, "partial": 2}


def annotations(report: Mapping[str, Any], files: Mapping[str, str], directory: str) -> list[Annotation]:
    """The worst first; `files` are what was delivered into `directory`."""
    doubtful = [item for item in report["requirements"]["items"] if item["verdict"] in _ORDER]
    doubtful.sort(key=lambda item: (_ORDER[item["verdict"]], -item["weight"]))
    lines = _configured(files.get("config.yaml", ""))
    found = [_requirement(item, files) for item in doubtful]
    found += [_assumption(item, files, lines) for item in report["assumptions"]]
    return [_at(directory, *remark) for remark in found if remark]


Remark = tuple[str, int, int, str, str, str]
"""File, first and last line, level, title, message."""


def _requirement(item: Mapping[str, Any], files: Mapping[str, str]) -> Remark | None:
    level = "notice" if item["verdict"] == "partial" else "warning"
    title = f"{item['id']} {item['verdict']} ({item['anchor']})"
    message = f"{sentence(item['text'])} {item['note']}".strip() or item["id"]
    if item["evidence"]:
        place = item["evidence"][0]
        return place["file"], place["start"], place["end"], level, title, message
    return _named("docs/plan/requirements.md", f"| {item['id']} |", files, level, title, message)


def _assumption(item: Mapping[str, str], files: Mapping[str, str], lines: Mapping[str, int]) -> Remark | None:
    subject = f"{item['subject']}:" if item["kind"] == "configuration" else sentence(item["subject"])
    message = f"{subject} {sentence(item['assumption'])} {sentence(item['why'])}".strip()
    if item["kind"] == "configuration":
        number = lines.get(item["subject"])
        return ("config.yaml", number, number, "notice", "Assumed", message) if number else None
    return _named("docs/plan/overview.md", plain(item["subject"]), files, "notice", "Assumed", message)


def _named(
    path: str, words: str, files: Mapping[str, str], level: str, title: str, message: str
) -> Remark | None:
    numbered = enumerate(files.get(path, "").splitlines(), start=1)
    number = next((number for number, text in numbered if words in text), None)
    return (path, number, number, level, title, message) if number else None


def _configured(config: str) -> dict[str, int]:
    """The line of every key of a YAML file, `a.b.c`."""

    def keys(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, int]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield f"{prefix}{key.value}", key.start_mark.line + 1
                yield from keys(value, f"{prefix}{key.value}.")

    try:
        return dict(keys(yaml.compose(config), ""))
    except (yaml.YAMLError, RecursionError):
        return {}


def _at(directory: str, path: str, start: int, end: int, level: Any, title: str, message: str) -> Annotation:
    return Annotation(f"{directory}/{path}", start, end, level, line(title, 250), line(message, 2000))
