"""Remarks of the check runs at lines: what the paper asks for, what is seen of it, and what was assumed. Pure.

What is missing has no line in the code: it is remarked where the repository's own documents name it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bot.github.pulls import Annotation
from pipeline.markdown import line, plain, sentence
from pipeline.proving.grades import measured

_ORDER = {"missing": 0, "deviates": 1, "partial": 2}
_LEVELS = ("failure", "warning", "notice")
_OUTCOMES = {
    "failed": ("failure", "fails."),
    "disputed": ("warning", "fails, and what it asks for is disputed."),
    "passed": ("notice", "passes."),
}
"""Of a test that was written from the paper."""


def assumed(report: Mapping[str, Any], files: Mapping[str, str], directory: str) -> list[Annotation]:
    """What was assumed; `files` are what was delivered into `directory`."""
    lines = _configured(files.get("config.yaml", ""))
    found = [_assumption(item, files, lines) for item in report["assumptions"]]
    return [_at(directory, *remark) for remark in found if remark]


def on(grade: str, report: Mapping[str, Any], files: Mapping[str, str], directory: str) -> list[Annotation]:
    """Of one grade of evidence, in the requirements' words: what speaks against the code first.

    What was read and is right has none: its lines stand in the pull request.
    """
    items = sorted(
        report["requirements"]["items"], key=lambda item: (_ORDER.get(item["verdict"], 3), -item["weight"])
    )
    remarks = {"tested": _tested, "read": _doubted, "compared": _compared}[grade]
    found = [_requirement(item, files, *said) for item in items for said in remarks(item, report)]
    found.sort(key=lambda remark: _LEVELS.index(remark[3]) if remark else 0)
    return [_at(directory, *remark) for remark in found if remark]


Remark = tuple[str, int, int, str, str, str]
"""File, first and last line, level, title, message."""


Said = tuple[str, str, str]
"""Level, a word for the title, message."""


def _doubted(item: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Said]:
    if item["verdict"] in _ORDER:
        yield "notice" if item["verdict"] == "partial" else "warning", item["verdict"], item["note"]


def _tested(item: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Said]:
    tests = report.get("tests") or {"items": ()}
    for test in tests["items"]:
        if item["id"] in test["requirements"] and test["outcome"] in _OUTCOMES:
            level, said = _OUTCOMES[test["outcome"]]
            yield level, f"test {test['outcome']}", f"{test['id']} {said}"


def _compared(item: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Said]:
    for result in measured(report):
        if result["anchor"] == item["anchor"]:
            ours = f"{result['measured']:g} in a {result['mode']} run"
            numbers = f"{result['metric']}: {result['paper']:g} in the paper, {ours}"
            level = "failure" if result["verdict"] == "falsified" else "notice"
            yield level, result["verdict"], f"{numbers}. {sentence(result['why'])}"


def _requirement(
    item: Mapping[str, Any], files: Mapping[str, str], level: str, word: str, said: str
) -> Remark | None:
    title = f"{item['id']} {word} ({item['anchor']})"
    message = f"{sentence(item['text'])} The paper: “{item['quote']}” {said}".strip()
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
