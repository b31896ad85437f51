"""Where the real papers are that tests read, and small LaTeX documents that they write."""

from pathlib import Path

import pytest

from pipeline.reading.latex import document as latex
from pipeline.reading.paper import Block, Paper, Section

REAL = next(
    (
        folder / "shared" / "papers"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared" / "papers").is_dir()
    ),
    None,
)


def real(name: str) -> Path:
    """A real paper that is no part of the project; the test is skipped where it is absent."""
    if REAL is None or not (REAL / name).exists():
        pytest.skip(f"../shared/papers/{name} is not there")
    return REAL / name


def written(body: str, preamble: str = "", **files: str) -> Paper:
    """The reading of a LaTeX document with this body."""
    text = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    members = {name.replace("__", "."): content.encode() for name, content in files.items()}
    return latex.read({"main.tex": text.encode(), **members})


def sections(paper: Paper) -> list[Section]:
    """All sections in reading order."""
    return [section for top in paper.sections for _, section in top.walk()]


def blocks(paper: Paper) -> list[Block]:
    """All blocks in reading order."""
    return [block for section in sections(paper) for block in section.blocks]


def anchors(paper: Paper) -> list[str]:
    """All anchors of sections and blocks in reading order."""
    found = []
    for section in sections(paper):
        found.append(section.anchor)
        found += [block.anchor for block in section.blocks if block.anchor]
    return [anchor for anchor in found if anchor != "Front"]
