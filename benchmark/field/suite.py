"""Which papers are measured: a `papers.toml`, or a folder of Paper2CodeBench or PaperBench as it is published.

    [[paper]]
    name = "forgetting"                    # unique; names its folder
    source = "paper.pdf"                   # as for `paper2code run`
    group = "ICML 2024"                    # optional: a column of its own
    reference = "authors-code"             # optional: the authors' repository
    rubric = "rubric.json"                 # optional: of PaperBench's form
    [paper.written]                        # optional: method → folder that another system wrote
    papercoder = "outputs/forgetting_repo"
    [paper.recordings]                     # optional: method → journal that answers in place of a model
    full = "recording.jsonl"
    [paper.people]                         # optional: method → what people gave it, 1 to 5
    papercoder = 3.5

Paths are relative to the file.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_POINTER = b"version https://git-lfs"


class Unusable(ValueError):
    """A list of papers that cannot be used; the message says why."""


@dataclass(frozen=True)
class Listed:
    """A paper to be measured on."""

    name: str
    source: str
    group: str = ""
    reference: Path | None = None
    rubric: Path | None = None
    written: Mapping[str, Path] = field(default_factory=dict)
    recordings: Mapping[str, Path] = field(default_factory=dict)
    people: Mapping[str, float] = field(default_factory=dict)


class _Paper(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    source: str
    group: str = ""
    reference: str = ""
    rubric: str = ""
    written: dict[str, str] = {}
    recordings: dict[str, str] = {}
    people: dict[str, float] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    paper: list[_Paper]


def suite(
    place: Path,
    written: Mapping[str, Path] | None = None,
    references: Path | None = None,
    keep: Path = Path("out/papers"),
) -> tuple[Listed, ...]:
    """The papers of `place`, whatever form it has; `written` adds method → folder of repositories, one a paper.

    Of each such folder that paper's is `NAME/submission` (PaperBench, PaperGuru), `NAME_repo` (PaperCoder) or `NAME`;
    of `references`, `NAME`. `keep` is where papers are written that are published as JSON only. Raises Unusable.
    """
    papers = _read(place, keep)
    if not papers:
        raise Unusable(
            f"{place} lists no paper that is there: unpack paper2code_data.zip, or bring large files with git lfs pull"
        )
    if odd := [p.name for p in papers if not _NAME.fullmatch(p.name)]:
        raise Unusable(f"{odd[0]!r} is no name for a paper: letters, digits, dots and hyphens")
    if len({p.name.lower() for p in papers}) < len(papers):
        raise Unusable(f"{place} names two papers alike")
    return tuple(_completed(paper, written or {}, references) for paper in papers)


def _read(place: Path, keep: Path) -> list[Listed]:
    forms: Mapping[str, Callable[[Path], list[Listed]]] = {
        "dataset_info.json": lambda file: _paper2codebench(file, keep),
        "data/paper2code/dataset_info.json": lambda file: _paper2codebench(file, keep),
        "data/papers": _paperbench,
        "project/paperbench/data/papers": _paperbench,
    }
    try:
        if place.is_file():
            return _toml(place)
        for form, reader in forms.items():
            if (place / form).exists():
                return reader(place / form)
        if any(place.glob("*/rubric.json")):
            return _paperbench(place)
    except (
        OSError,
        UnicodeDecodeError,
        json.JSONDecodeError,
        RecursionError,
        tomllib.TOMLDecodeError,
        yaml.YAMLError,
    ) as error:
        raise Unusable(f"{place} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{place} is not of the form that its benchmark publishes: {error}") from error
    raise Unusable(f"{place} is neither a papers.toml nor a folder of Paper2CodeBench or PaperBench")


def _toml(file: Path) -> list[Listed]:
    try:
        listed = _File.model_validate(tomllib.loads(file.read_text("utf-8-sig"))).paper
    except ValidationError as error:
        first = error.errors()[0]
        raise Unusable(f"{file}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def there(path: str) -> Path:
        found = file.parent / path
        if not found.exists():
            raise Unusable(f"{file} names {path}, which is not there")
        return found

    return [
        Listed(
            paper.name,
            str(file.parent / paper.source) if (file.parent / paper.source).exists() else paper.source,
            paper.group,
            there(paper.reference) if paper.reference else None,
            there(paper.rubric) if paper.rubric else None,
            {method: there(path) for method, path in paper.written.items()},
            {method: there(path) for method, path in paper.recordings.items()},
            paper.people,
        )
        for paper in listed
    ]


def _paper2codebench(file: Path, keep: Path) -> list[Listed]:
    """Its papers that are there: as PDF, or as the JSON that its archive holds, which is written down as Markdown."""
    found = []
    for group, papers in json.loads(file.read_text("utf-8-sig")).items():
        for paper in papers:
            name, folder = paper["repo_name"], file.parent / group
            pdf, parsed = folder / "pdfs" / f"{name}.pdf", folder / f"{name}_cleaned.json"
            if pdf.exists():
                found.append(Listed(name, str(pdf), group))
            elif parsed.exists():
                text = keep / f"{name}.md"
                text.parent.mkdir(parents=True, exist_ok=True)
                text.write_text(
                    _markdown(paper["paper"], json.loads(parsed.read_text("utf-8-sig"))), encoding="utf-8"
                )
                found.append(Listed(name, str(text), group))
    return found


def _markdown(title: str, parsed: Mapping[str, Any]) -> str:
    """A paper in the form of s2orc-doc2json."""
    body = parsed["pdf_parse"]
    parts, before = [f"# {title}", "## Abstract", parsed.get("abstract") or ""], None
    for block in [*body["body_text"], *body.get("back_matter", ())]:
        section = " ".join(filter(None, (block.get("sec_num"), block.get("section"))))
        if section and section != before:
            parts.append(f"{'#' * (2 + min((block.get('sec_num') or '').count('.'), 3))} {section}")
            before = section
        parts.append(block["text"])
    parts += [entry["text"] for entry in body.get("ref_entries", {}).values() if entry.get("text")]
    return "\n\n".join(filter(None, parts)) + "\n"


def _paperbench(folder: Path) -> list[Listed]:
    """Its papers that are there: many copies hold pointers of Git LFS in place of the papers."""
    found = []
    for rubric in sorted(folder.glob("*/rubric.json")):
        papers = (rubric.with_name(name) for name in ("paper.md", "paper.pdf"))
        if source := next((paper for paper in papers if paper.exists() and not _is_pointer(paper)), None):
            found.append(Listed(rubric.parent.name, str(source), "PaperBench", rubric=rubric))
    return found


def _is_pointer(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_POINTER)) == _POINTER


def _completed(paper: Listed, written: Mapping[str, Path], references: Path | None) -> Listed:
    name, folders = paper.name, dict(paper.written)
    for method, folder in written.items():
        places = (folder / name / "submission", folder / f"{name}_repo", folder / name)
        if found := next((place for place in places if place.is_dir()), None):
            folders[method] = found
    authors = references / name if references else None
    reference = authors if authors and authors.is_dir() else paper.reference
    return replace(paper, written=folders, reference=reference)
